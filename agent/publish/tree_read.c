#include "agent/publish/tree_read.h"

#include "policy/base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static bool refuse_changed(const struct tree_read *how, const struct tree_entry *entry,
                           struct error *err)
{
    return error_set(err, ERROR_FAILED, BLAME_DATA, "CHANGED", how->where,
                     "'%s' changed while it was read", entry->name);
}

/* It was listed: that it is gone, or a link by now, is a change. */
static bool refuse_unopened(const struct tree_read *how, const struct tree_entry *entry,
                            struct error *err)
{
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO)
        return refuse_changed(how, entry, err);
    return error_errno(err, how->where, "cannot open '%s'", entry->name);
}

static bool is_as_listed(int fd, const struct tree_entry *entry)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    struct tree_stamp stamp = tree_stamp_of(&st);
    return tree_same_stamp(&stamp, &entry->stamp);
}

static bool take_bytes(struct pool_tool *tool, const struct tree_read *how, size_t len,
                       const struct tree_entry *entry, struct error *err)
{
    hash_update(tool->sha256, tool->piece, len);
    if (how->with_sha1)
        hash_update(tool->sha1, tool->piece, len);
    return how->to < 0 || beneath_write_all(how->to, tool->piece, len) ||
           error_errno(err, how->target, "cannot write '%s'", entry->name);
}

static bool read_all(struct pool_tool *tool, int fd, const struct tree_read *how,
                     const struct tree_entry *entry, struct error *err)
{
    int64_t total = 0;
    for (;;) {
        ssize_t got = read(fd, tool->piece, POOL_PIECE_BYTES);
        if (got == 0)
            return total == entry->stamp.size || refuse_changed(how, entry, err);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(err, how->where, "cannot read '%s'", entry->name);
        /* One that grows as fast as it is read would have no end. */
        if ((total += got) > entry->stamp.size)
            return refuse_changed(how, entry, err);
        if (!take_bytes(tool, how, (size_t)got, entry, err))
            return false;
    }
}

static void note_digests(struct pool_tool *tool, const struct tree_read *how,
                         struct tree_entry *entry)
{
    char hex[HASH_HEX_MAX];
    hash_finish(tool->sha256, entry->sha256);
    if (!how->with_sha1)
        return;
    hash_finish(tool->sha1, hex);
    free(entry->sha1);
    entry->sha1 = mem_copy_string(hex);
}

bool tree_read_file(struct pool_tool *tool, const struct tree_read *how, struct tree_entry *entry,
                    struct error *err)
{
    int fd = beneath_open(how->dir, entry->name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
    if (fd < 0)
        return refuse_unopened(how, entry, err);
    hash_restart(tool->sha256);
    hash_restart(tool->sha1);
    bool ok = is_as_listed(fd, entry) || refuse_changed(how, entry, err);
    ok = ok && read_all(tool, fd, how, entry, err);
    ok = ok && (is_as_listed(fd, entry) || refuse_changed(how, entry, err));
    close(fd);
    if (ok)
        note_digests(tool, how, entry);
    return ok;
}

struct hashing {
    struct tree *tree;
    struct tree_read how;
};

static bool hash_one(void *arg, struct pool_tool *tool, size_t index, struct error *err)
{
    struct hashing *hashing = arg;
    struct tree_entry *entry = &hashing->tree->entries[index];
    return entry->kind != TREE_FILE || tree_read_file(tool, &hashing->how, entry, err);
}

bool tree_hash(struct tree *tree, int dir, const char *where, bool with_sha1, struct error *err)
{
    struct hashing hashing = {tree, {.dir = dir, .to = -1, .where = where, .with_sha1 = with_sha1}};
    return pool_run(tree->count, hash_one, &hashing, err);
}

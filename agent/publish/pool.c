#include "agent/publish/pool.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)(256 * KIB))
#define THREADS_MAX 8

void pool_tool_make(struct pool_tool *tool)
{
    tool->sha256 = hash_create(HASH_SHA256);
    tool->sha1 = hash_create(HASH_SHA1);
    tool->piece = mem_resize(NULL, PIECE_BYTES, 1);
}

void pool_tool_free(struct pool_tool *tool)
{
    hash_free(tool->sha256);
    hash_free(tool->sha1);
    free(tool->piece);
}

/* ---- threads ---- */

struct pool {
    bool (*work)(void *arg, struct pool_tool *tool, size_t index, struct error *err);
    void *arg;
    size_t count;
    atomic_size_t next;
    atomic_bool failed;
    pthread_mutex_t lock; /* guards the two below */
    size_t error_index;
    struct error error;
};

static void keep_error(struct pool *pool, size_t index, const struct error *err)
{
    pthread_mutex_lock(&pool->lock);
    if (index < pool->error_index) {
        pool->error_index = index;
        pool->error = *err;
    }
    pthread_mutex_unlock(&pool->lock);
    atomic_store(&pool->failed, true);
}

static void *run_thread(void *arg)
{
    struct pool *pool = arg;
    struct pool_tool tool;
    pool_tool_make(&tool);
    while (!atomic_load(&pool->failed)) {
        size_t index = atomic_fetch_add(&pool->next, 1);
        struct error err = {0};
        if (index >= pool->count)
            break;
        if (!pool->work(pool->arg, &tool, index, &err))
            keep_error(pool, index, &err);
    }
    pool_tool_free(&tool);
    return NULL;
}

static size_t threads_for(size_t count)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = cores < 1 ? 1 : (size_t)cores;
    wanted = wanted < THREADS_MAX ? wanted : THREADS_MAX;
    return wanted < count ? wanted : count;
}

bool pool_run(size_t count,
              bool (*work)(void *arg, struct pool_tool *tool, size_t index, struct error *err),
              void *arg, struct error *err)
{
    struct pool pool = {.work = work, .arg = arg, .count = count, .error_index = SIZE_MAX};
    pthread_t threads[THREADS_MAX];
    size_t started = 0, wanted = threads_for(count);
    pthread_mutex_init(&pool.lock, NULL);
    /* Fewer than wanted will do: this one works too. */
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, run_thread, &pool) == 0)
        started++;
    run_thread(&pool);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&pool.lock);
    if (atomic_load(&pool.failed) && err)
        *err = pool.error;
    return !atomic_load(&pool.failed);
}

/* ---- one file ---- */

static bool refuse_changed(const struct pool_read *how, const struct tree_entry *entry,
                           struct error *err)
{
    return error_set(err, ERROR_FAILED, BLAME_DATA, "CHANGED", how->where,
                     "'%s' changed while it was read", entry->name);
}

/* It was listed: that it is gone, or a link by now, is a change. */
static bool refuse_unopened(const struct pool_read *how, const struct tree_entry *entry,
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

static bool take_bytes(struct pool_tool *tool, const struct pool_read *how, size_t len,
                       const struct tree_entry *entry, struct error *err)
{
    hash_update(tool->sha256, tool->piece, len);
    if (how->with_sha1)
        hash_update(tool->sha1, tool->piece, len);
    return how->to < 0 || beneath_write_all(how->to, tool->piece, len) ||
           error_errno(err, how->target, "cannot write '%s'", entry->name);
}

static bool read_all(struct pool_tool *tool, int fd, const struct pool_read *how,
                     const struct tree_entry *entry, struct error *err)
{
    int64_t total = 0;
    for (;;) {
        ssize_t got = read(fd, tool->piece, PIECE_BYTES);
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

static void note_digests(struct pool_tool *tool, const struct pool_read *how,
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

bool pool_read_file(struct pool_tool *tool, const struct pool_read *how, struct tree_entry *entry,
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
    struct pool_read how;
};

static bool hash_one(void *arg, struct pool_tool *tool, size_t index, struct error *err)
{
    struct hashing *hashing = arg;
    struct tree_entry *entry = &hashing->tree->entries[index];
    return entry->kind != TREE_FILE || pool_read_file(tool, &hashing->how, entry, err);
}

bool pool_hash_tree(struct tree *tree, int dir, const char *where, bool with_sha1,
                    struct error *err)
{
    struct hashing hashing = {tree, {.dir = dir, .to = -1, .where = where, .with_sha1 = with_sha1}};
    return pool_run(tree->count, hash_one, &hashing, err);
}

#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cache *cache_open(const char *folder, bool sync, struct error *err)
{
    struct cache *cache = mem_zero(1, sizeof *cache);
    cache->sync = sync;
    cache->folder = realpath(folder, NULL);
    cache->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = cache->folder && cache->dir >= 0;
    if (!ok)
        error_errno(err, folder, "cannot open the cache");
    ok = ok && beneath_make_folders(cache->dir, CACHE_FILELIB, 0755, err) &&
         beneath_make_folders(cache->dir, CACHE_DATALIB, 0755, err) &&
         beneath_make_folders(cache->dir, CACHE_STAGING, 0700, err);
    if (ok)
        return cache;
    cache_close(cache);
    return NULL;
}

void cache_close(struct cache *cache)
{
    if (!cache)
        return;
    if (cache->dir >= 0)
        close(cache->dir);
    free(cache->folder);
    free(cache);
}

char *cache_path(const struct cache *cache, const char *content_id, int64_t version)
{
    return mem_format("%s/" CACHE_DATALIB "/%s.%lld", cache->folder, content_id,
                      (long long)version);
}

void cache_library_path(char path[LIBRARY_PATH_SIZE], const char *sha256)
{
    snprintf(path, LIBRARY_PATH_SIZE, CACHE_FILELIB "/%.2s/%s", sha256, sha256);
}

bool cache_hash_open(int fd, struct hash *hash, const atomic_bool *stop)
{
    enum { PIECE = 256 * 1024 };
    char *piece = mem_resize(NULL, PIECE, 1);
    ssize_t got;
    while ((got = read(fd, piece, PIECE)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        hash_update(hash, piece, (size_t)got);
        if (stop && atomic_load(stop)) {
            errno = ECANCELED;
            break;
        }
    }
    free(piece);
    return got == 0;
}

static bool has_digest(int fd, enum hash_algorithm algorithm, const char *wanted)
{
    char hex[HASH_HEX_MAX];
    struct hash *hash = hash_create(algorithm);
    bool ok = cache_hash_open(fd, hash, NULL);
    hash_finish(hash, hex);
    hash_free(hash);
    return ok && strcmp(hex, wanted) == 0;
}

static bool is_touched(const struct stat *st, const struct record_line *line)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec != line->mtime_ns;
}

/* What the record says of the file still holds, or its bytes are proven anew. The record knows
   SHA-256 only: a manifest with another digest is asked every time. */
bool cache_is_intact(int tree, const struct manifest_file *wanted, const struct record_line *line)
{
    int fd = beneath_open(tree, wanted->name, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;
    if (fd < 0)
        return false;
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == wanted->size;
    if (ok && (wanted->algorithm != HASH_SHA256 || is_touched(&st, line)))
        ok = has_digest(fd, wanted->algorithm, wanted->hash);
    close(fd);
    return ok;
}

static bool is_recorded(const struct manifest_file *wanted, const struct record_line *line)
{
    return line && line->size == wanted->size &&
           (wanted->algorithm != HASH_SHA256 || strcmp(line->sha256, wanted->hash) == 0);
}

int cache_open_tree(const struct cache *cache, const char *content_id, int64_t version)
{
    char *path = mem_format(CACHE_DATALIB "/%s.%lld", content_id, (long long)version);
    int tree = beneath_open(cache->dir, path, O_RDONLY | O_DIRECTORY, 0);
    free(path);
    return tree;
}

bool cache_has(const struct cache *cache, const char *content_id, int64_t version,
               const struct manifest *manifest)
{
    struct record record;
    if (!record_read(cache, content_id, version, &record))
        return false;
    int tree = cache_open_tree(cache, content_id, version);
    bool ok = tree >= 0 && record.count == manifest->count;
    for (size_t i = 0; ok && i < manifest->count; i++) {
        const struct manifest_file *wanted = &manifest->files[i];
        const struct record_line *line = record_find(&record, wanted->name);
        ok = is_recorded(wanted, line) && cache_is_intact(tree, wanted, line);
    }
    if (tree >= 0)
        close(tree);
    record_free(&record);
    return ok;
}

bool cache_copy_bytes(int from, int to)
{
    enum { PIECE = 256 * 1024, STEP = 1 << 30 };
    ssize_t got;
    /* Copies inside the file system, sharing blocks where it can. */
    while ((got = copy_file_range(from, NULL, to, NULL, STEP, 0)) > 0)
        continue;
    if (got == 0)
        return true;
    if (errno != EXDEV && errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)
        return false;
    char *piece = mem_resize(NULL, PIECE, 1);
    bool ok = true;
    while (ok && (got = read(from, piece, PIECE)) != 0) {
        if (got < 0)
            ok = errno == EINTR;
        else
            ok = beneath_write_all(to, piece, (size_t)got);
    }
    free(piece);
    return ok;
}

static bool copy_file(int from_dir, const char *from, int to_dir, const char *to, mode_t mode)
{
    int in = beneath_open(from_dir, from, O_RDONLY | O_NONBLOCK, 0);
    int out = in < 0 ? -1 : beneath_open(to_dir, to, O_WRONLY | O_CREAT | O_EXCL, mode);
    bool ok = out >= 0 && cache_copy_bytes(in, out) && fchmod(out, mode) == 0;
    int kept = errno;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) != 0 && ok)
        ok = false;
    else
        errno = kept;
    return ok;
}

bool cache_link_or_copy(int dir, const char *from, const char *to)
{
    if (beneath_link(dir, from, to))
        return true;
    if (errno != EMLINK && errno != EPERM && errno != EOPNOTSUPP)
        return false;
    return copy_file(dir, from, dir, to, 0444);
}

static bool copy_tree(int tree, int target, const struct manifest *manifest, struct error *err)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const char *name = manifest->files[i].name;
        const char *slash = strrchr(name, '/');
        if (slash) {
            char *parent = mem_copy_bytes(name, (size_t)(slash - name));
            bool made = beneath_make_folders(target, parent, 0755, err);
            free(parent);
            if (!made)
                return false;
        }
        if (!copy_file(tree, name, target, name, 0644))
            return error_errno(err, name, "cannot copy");
    }
    for (size_t i = 0; i < manifest->folder_count; i++)
        if (!beneath_make_folders(target, manifest->folders[i], 0755, err))
            return false;
    return true;
}

static bool fill_target(int tree, int parent, const char *building, const struct manifest *manifest,
                        struct error *err)
{
    int target = -1;
    bool ok = mkdirat(parent, building, 0755) == 0 &&
              (target = beneath_open(parent, building, O_RDONLY | O_DIRECTORY, 0)) >= 0;
    if (!ok)
        error_errno(err, building, "cannot make the folder");
    ok = ok && copy_tree(tree, target, manifest, err);
    if (target >= 0)
        close(target);
    return ok;
}

/* Opens the folder that `target` stands in, as the user named it, and gives its last part. */
static int open_target_parent(const char *target, char **leaf)
{
    size_t len = strlen(target);
    while (len > 1 && target[len - 1] == '/')
        len--;
    char *path = mem_copy_bytes(target, len);
    char *slash = strrchr(path, '/');
    *leaf = mem_copy_string(slash ? slash + 1 : path);
    if (slash)
        slash[slash == path] = '\0';
    int parent = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(path);
    return parent;
}

bool cache_copy_out(const struct cache *cache, const char *content_id, int64_t version,
                    const struct manifest *manifest, const char *target, struct error *err)
{
    char *leaf;
    int parent = open_target_parent(target, &leaf);
    char *building = mem_format("%s.nearpoint-%ld", leaf, (long)getpid());
    int tree = cache_open_tree(cache, content_id, version);
    bool ok = (parent >= 0 && tree >= 0) || error_errno(err, target, "cannot open the folder of");
    if (ok) {
        ok = fill_target(tree, parent, building, manifest, err);
        /* rename replaces a folder only where it is empty. */
        if (ok && renameat(parent, building, parent, leaf) != 0)
            ok = error_errno(err, target, "cannot put the content there");
        if (!ok)
            beneath_remove(parent, building, NULL);
    }
    if (tree >= 0)
        close(tree);
    if (parent >= 0)
        close(parent);
    free(building);
    free(leaf);
    return ok;
}

/*
 * A content on its way: Staging/<id>.<version>/ holds `lock`, a part a file (named by the digest
 * that the manifest wants) and `tree`, which becomes DataLib/<id>.<version> by one rename.
 */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define TREE "tree"
/* Folders and records beside the parts. */
#define RECORD_INODES 8

struct staging {
    struct cache *cache;
    char *content_id;
    int64_t version;
    char *path; /* Staging/<id>.<version> */
    int dir;
    int lock;
    size_t file_count;
    struct staged_file *files;
    const char **names; /* all files' names, in one piece */
};

int staging_folder(const struct staging *staging)
{
    return staging->dir;
}

size_t staging_file_count(const struct staging *staging)
{
    return staging->file_count;
}

struct staged_file *staging_file(struct staging *staging, size_t index)
{
    return &staging->files[index];
}

/* Says who holds the lock, as far as the lock file tells. */
static bool refuse_busy(const struct staging *staging, struct error *err)
{
    struct buf holder = {0};
    beneath_read(staging->dir, "lock", 32, &holder, NULL);
    error_set(err, ERROR_FAILED, BLAME_USER, "BUSY", staging->content_id,
              "process %s is fetching this content already", holder.len ? holder.data : "unknown");
    buf_free(&holder);
    return false;
}

/* A publisher removes the folder with its lock file: a lock counts only while its name stands. */
static bool is_current(const struct staging *staging)
{
    char *path = mem_format("%s/lock", staging->path);
    int fd = beneath_open(staging->cache->dir, path, O_PATH, 0);
    struct stat ours, there;
    bool same = fd >= 0 && fstat(staging->lock, &ours) == 0 && fstat(fd, &there) == 0 &&
                ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
    if (fd >= 0)
        close(fd);
    free(path);
    return same;
}

static void close_folder(struct staging *staging)
{
    if (staging->lock >= 0)
        close(staging->lock);
    if (staging->dir >= 0)
        close(staging->dir);
    staging->lock = staging->dir = -1;
}

static bool lock_folder(struct staging *staging, struct error *err)
{
    for (;;) {
        int cache = staging->cache->dir;
        if (!beneath_make_folders(cache, staging->path, 0700, err))
            return false;
        staging->dir = beneath_open(cache, staging->path, O_RDONLY | O_DIRECTORY, 0);
        staging->lock =
            staging->dir < 0 ? -1 : beneath_open(staging->dir, "lock", O_RDWR | O_CREAT, 0600);
        if (staging->lock < 0 && errno != ENOENT)
            return error_errno(err, staging->path, "cannot open the lock of");
        if (staging->lock >= 0 && flock(staging->lock, LOCK_EX | LOCK_NB) != 0)
            return errno == EWOULDBLOCK ? refuse_busy(staging, err)
                                        : error_errno(err, staging->path, "cannot lock");
        if (staging->lock >= 0 && is_current(staging))
            break;
        close_folder(staging);
    }
    char holder[32];
    int len = snprintf(holder, sizeof holder, "%ld", (long)getpid());
    if (ftruncate(staging->lock, 0) != 0 || !beneath_write_all(staging->lock, holder, (size_t)len))
        return error_errno(err, staging->path, "cannot write the lock of");
    return true;
}

struct by_digest {
    const struct manifest_file *file;
};

static int compare_digests(const void *a, const void *b)
{
    const struct manifest_file *x = ((const struct by_digest *)a)->file;
    const struct manifest_file *y = ((const struct by_digest *)b)->file;
    int order = strcmp(x->hash, y->hash);
    return order ? order : (x > y) - (x < y);
}

static int compare_places(const void *a, const void *b)
{
    const struct manifest_file *x = ((const struct staged_file *)a)->file;
    const struct manifest_file *y = ((const struct staged_file *)b)->file;
    return (x > y) - (x < y);
}

/* Files of one digest become one, then all stand in the manifest's order again. */
static void collect_files(struct staging *staging, const struct manifest *manifest)
{
    size_t count = manifest->count;
    struct by_digest *sorted = mem_zero(count, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i].file = &manifest->files[i];
    qsort(sorted, count, sizeof *sorted, compare_digests);
    staging->files = mem_zero(count, sizeof *staging->files);
    staging->names = mem_zero(count, sizeof *staging->names);
    for (size_t i = 0; i < count; i++) {
        staging->names[i] = sorted[i].file->name;
        if (i == 0 || strcmp(sorted[i].file->hash, sorted[i - 1].file->hash) != 0) {
            struct staged_file *file = &staging->files[staging->file_count++];
            file->file = sorted[i].file;
            file->names = &staging->names[i];
        }
        staging->files[staging->file_count - 1].name_count++;
    }
    free(sorted);
    qsort(staging->files, staging->file_count, sizeof *staging->files, compare_places);
}

struct staging *staging_open(struct cache *cache, const char *content_id, int64_t version,
                             const struct manifest *manifest, struct error *err)
{
    struct staging *staging = mem_zero(1, sizeof *staging);
    staging->cache = cache;
    staging->dir = staging->lock = -1;
    staging->content_id = mem_copy_string(content_id);
    staging->version = version;
    staging->path = mem_format(CACHE_STAGING "/%s.%lld", content_id, (long long)version);
    if (!lock_folder(staging, err)) {
        staging_close(staging);
        return NULL;
    }
    collect_files(staging, manifest);
    return staging;
}

void staging_close(struct staging *staging)
{
    if (!staging)
        return;
    close_folder(staging);
    free(staging->files);
    free(staging->names);
    free(staging->path);
    free(staging->content_id);
    free(staging);
}

/* The size of a plain file; -1: there is none. */
static int64_t size_of(int dir, const char *path)
{
    int fd = beneath_open(dir, path, O_PATH, 0);
    struct stat st;
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (fd >= 0)
        close(fd);
    return ok ? st.st_size : -1;
}

/* A file of another size is not what its name says: it would be in the way of the right one. */
static bool find_in_library(const struct staging *staging, struct staged_file *file,
                            struct error *err)
{
    char path[LIBRARY_PATH_SIZE];
    if (file->file->algorithm != HASH_SHA256)
        return true; /* its SHA-256, and so its place, is not known yet */
    cache_library_path(path, file->file->hash);
    int64_t size = size_of(staging->cache->dir, path);
    if (size == file->file->size)
        file->found = STAGED_LIBRARY;
    return size < 0 || size == file->file->size || beneath_remove(staging->cache->dir, path, err);
}

bool staging_survey(struct staging *staging, struct error *err)
{
    /* The tree of a killed run: its files stand by their own names still. */
    if (!beneath_remove(staging->dir, TREE, err) ||
        !beneath_make_folders(staging->dir, TREE, 0755, err))
        return false;
    for (size_t i = 0; i < staging->file_count; i++) {
        struct staged_file *file = &staging->files[i];
        file->found = STAGED_NONE;
        if (!find_in_library(staging, file, err))
            return false;
        if (file->found == STAGED_LIBRARY)
            continue;
        int64_t size = size_of(staging->dir, file->file->hash);
        file->found = size < 0 ? STAGED_NONE : STAGED_PART;
    }
    return true;
}

/* Bytes that a part has on the disk already, preallocated ones too. */
static int64_t held_by(const struct staging *staging, const struct staged_file *file)
{
    int fd = beneath_open(staging->dir, file->file->hash, O_PATH, 0);
    struct stat st;
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (fd >= 0)
        close(fd);
    return ok ? (int64_t)st.st_blocks * 512 : 0;
}

struct need {
    int64_t bytes, files;
};

static struct need missing(const struct staging *staging)
{
    struct need need = {.files = RECORD_INODES};
    for (size_t i = 0; i < staging->file_count; i++) {
        const struct staged_file *file = &staging->files[i];
        if (file->kept || file->found == STAGED_LIBRARY)
            continue;
        int64_t held = file->found == STAGED_PART ? held_by(staging, file) : 0;
        need.bytes += file->file->size > held ? file->file->size - held : 0;
        need.files += file->found == STAGED_NONE;
    }
    return need;
}

bool staging_fits(const struct staging *staging, struct error *err)
{
    struct statvfs disk;
    struct need need = missing(staging);
    if (fstatvfs(staging->cache->dir, &disk) != 0)
        return error_errno(err, staging->cache->folder, "cannot ask for the free space of");
    int64_t bytes = (int64_t)(disk.f_bavail * disk.f_frsize), files = (int64_t)disk.f_favail;
    if (need.bytes > bytes)
        return error_set(err, ERROR_FAILED, BLAME_DISK, "DISK_SPACE", staging->content_id,
                         "needs %lld bytes on the cache's disk, which has %lld",
                         (long long)need.bytes, (long long)bytes);
    /* Some file systems count no inodes. */
    if (disk.f_files > 0 && need.files > files)
        return error_set(err, ERROR_FAILED, BLAME_DISK, "DISK_INODES", staging->content_id,
                         "needs %lld more files (inodes) on the cache's disk, which has %lld",
                         (long long)need.files, (long long)files);
    return true;
}

/* A killed run may have left the part as it is published: read-only. */
static int open_writable(const struct staging *staging, const char *name)
{
    int flags = O_RDWR | O_CREAT | O_NONBLOCK;
    int fd = beneath_open(staging->dir, name, flags, 0600);
    if (fd >= 0 || errno != EACCES)
        return fd;
    fd = beneath_open(staging->dir, name, O_RDONLY | O_NONBLOCK, 0);
    bool ok = fd >= 0 && fchmod(fd, 0600) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? beneath_open(staging->dir, name, flags, 0600) : -1;
}

/* A name that is no file of ours alone (a link planted beside it) is given up, not written to. */
static int open_own(const struct staging *staging, const char *name, struct stat *st)
{
    int fd = open_writable(staging, name);
    if (fd < 0 || fstat(fd, st) != 0 || (S_ISREG(st->st_mode) && st->st_nlink == 1))
        return fd;
    close(fd);
    if (!beneath_remove(staging->dir, name, NULL))
        return -1;
    fd = beneath_open(staging->dir, name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd >= 0)
        st->st_size = 0;
    return fd;
}

int staging_open_part(struct staging *staging, const struct staged_file *file, struct spans *have,
                      const char **note, struct error *err)
{
    struct stat st = {0};
    int fd = open_own(staging, file->file->hash, &st);
    bool ok = fd >= 0;
    if (ok && st.st_size > file->file->size) {
        ok = ftruncate(fd, 0) == 0;
        st.st_size = 0;
        *note = "it is longer than the file";
    }
    if (!ok)
        error_errno(err, file->file->name, "cannot open the part of");
    if (ok && staging_load_ahead(staging, file, st.st_size, have, err))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static char *validator_path(const struct staged_file *file)
{
    return mem_format("%s.validator", file->file->hash);
}

static bool make_parents(struct staging *staging, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    char *parent = mem_copy_bytes(path, (size_t)(slash - path));
    bool ok = beneath_make_folders(staging->cache->dir, parent, 0755, err);
    free(parent);
    return ok;
}

/* Gives the file at `from` (a path in the cache) all its names in the tree. */
static bool put_in_tree(struct staging *staging, const struct staged_file *file, const char *from,
                        struct error *err)
{
    for (size_t i = 0; i < file->name_count; i++) {
        char *to = mem_format("%s/" TREE "/%s", staging->path, file->names[i]);
        bool nested = strchr(file->names[i], '/') != NULL;
        bool ok = (!nested || make_parents(staging, to, err)) &&
                  (cache_link_or_copy(staging->cache->dir, from, to) ||
                   error_errno(err, file->names[i], "cannot link"));
        free(to);
        if (!ok)
            return false;
    }
    return true;
}

static bool note_kept(struct staged_file *file, int fd, const char *sha256, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_errno(err, file->file->name, "cannot read");
    file->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    snprintf(file->sha256, sizeof file->sha256, "%s", sha256);
    file->kept = true;
    return true;
}

/* Where the part becomes the library's file. */
static bool move_to_library(struct staging *staging, const struct staged_file *file,
                            struct error *err)
{
    char to[LIBRARY_PATH_SIZE];
    cache_library_path(to, file->sha256);
    char *from = mem_format("%s/%s", staging->path, file->file->hash);
    int cache = staging->cache->dir;
    bool ok = beneath_rename(cache, from, to, RENAME_NOREPLACE);
    if (!ok && errno == ENOENT)
        ok = make_parents(staging, to, err) && beneath_rename(cache, from, to, RENAME_NOREPLACE);
    /* Another content brought the same bytes meanwhile: the tree keeps its own copy of them. */
    if (!ok && errno == EEXIST)
        ok = beneath_remove(cache, from, err);
    else if (!ok)
        error_errno(err, file->file->name, "cannot move into the library");
    free(from);
    return ok;
}

bool staging_keep_part(struct staging *staging, struct staged_file *file, int fd,
                       const char *sha256, struct error *err)
{
    if (fchmod(fd, 0444) != 0)
        return error_errno(err, file->file->name, "cannot change the mode of");
    char *from = mem_format("%s/%s", staging->path, file->file->hash);
    bool ok = put_in_tree(staging, file, from, err) && note_kept(file, fd, sha256, err);
    free(from);
    staging_forget_ahead(staging, file);
    /* Unsynced, a file is as safe in the library now as it will ever be. */
    return ok && (staging->cache->sync || move_to_library(staging, file, err));
}

bool staging_keep_library(struct staging *staging, struct staged_file *file,
                          const atomic_bool *stop, struct error *err)
{
    char path[LIBRARY_PATH_SIZE], hex[HASH_HEX_MAX];
    cache_library_path(path, file->file->hash);
    int fd = beneath_open(staging->cache->dir, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0)
        return errno == ENOENT || error_errno(err, path, "cannot open");
    struct hash *hash = hash_create(HASH_SHA256);
    bool ok = cache_hash_open(fd, hash, stop) || error_errno(err, path, "cannot read");
    hash_finish(hash, hex);
    hash_free(hash);
    if (ok && strcmp(hex, file->file->hash) != 0)
        ok = beneath_remove(staging->cache->dir, path, err);
    else if (ok)
        ok = put_in_tree(staging, file, path, err) && note_kept(file, fd, hex, err);
    close(fd);
    return ok;
}

/* Two lines: the origin, the validator. Neither holds a control character. */
void staging_save_validator(struct staging *staging, const struct staged_file *file,
                            const struct staged_validator *validator)
{
    char *path = validator_path(file);
    char *text = mem_format("%s\n%s\n", validator->origin, validator->text);
    beneath_remove(staging->dir, path, NULL);
    int fd = beneath_open(staging->dir, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd >= 0 && !beneath_write_all(fd, text, strlen(text)))
        beneath_remove(staging->dir, path, NULL);
    if (fd >= 0)
        close(fd);
    free(text);
    free(path);
}

void staging_load_validator(struct staging *staging, const struct staged_file *file,
                            struct staged_validator *validator)
{
    struct buf text = {0};
    char *path = validator_path(file);
    *validator = (struct staged_validator){.origin = ""};
    bool ok = beneath_read(staging->dir, path, sizeof *validator, &text, NULL) && text.data;
    char *end = ok ? strchr(text.data, '\n') : NULL;
    char *last = end ? strchr(end + 1, '\n') : NULL;
    if (last && (size_t)(end - text.data) < sizeof validator->origin &&
        (size_t)(last - end - 1) < sizeof validator->text) {
        memcpy(validator->origin, text.data, (size_t)(end - text.data));
        memcpy(validator->text, end + 1, (size_t)(last - end - 1));
    }
    buf_free(&text);
    free(path);
}

static bool sync_disk(const struct staging *staging, struct error *err)
{
    return !staging->cache->sync || syncfs(staging->cache->dir) == 0 ||
           error_errno(err, staging->cache->folder, "cannot sync");
}

static bool move_all_to_library(struct staging *staging, struct error *err)
{
    if (!staging->cache->sync)
        return true;
    for (size_t i = 0; i < staging->file_count; i++)
        if (size_of(staging->dir, staging->files[i].file->hash) >= 0 &&
            !move_to_library(staging, &staging->files[i], err))
            return false;
    return true;
}

/* The one rename. A tree that stands there already (an older or broken one) is exchanged. */
static bool rename_tree(struct staging *staging, struct error *err)
{
    int cache = staging->cache->dir;
    char *from = mem_format("%s/" TREE, staging->path);
    char *to =
        mem_format(CACHE_DATALIB "/%s.%lld", staging->content_id, (long long)staging->version);
    bool ok = beneath_rename(cache, from, to, RENAME_NOREPLACE);
    if (!ok && errno == EEXIST)
        ok = beneath_rename(cache, from, to, RENAME_EXCHANGE);
    if (!ok)
        error_errno(err, to, "cannot publish");
    free(from);
    free(to);
    return ok;
}

/* The content stands: what cannot be removed is left to the next run. The folder leaves its name
   first: whoever comes next makes a new one, and no removal reaches into it. */
static void clear_away(const struct staging *staging)
{
    int cache = staging->cache->dir;
    char *done = mem_format(CACHE_STAGING "/.done-%s.%lld", staging->content_id,
                            (long long)staging->version);
    beneath_remove(cache, done, NULL);
    if (beneath_rename(cache, staging->path, done, 0))
        beneath_remove(cache, done, NULL);
    free(done);
}

/* The kernel may call pages clean that it could not write: what is here proves nothing any more. */
static void distrust(struct staging *staging)
{
    beneath_remove(staging->dir, TREE, NULL);
    for (size_t i = 0; i < staging->file_count; i++) {
        beneath_remove(staging->dir, staging->files[i].file->hash, NULL);
        staging_forget_ahead(staging, &staging->files[i]);
    }
}

static bool sync_parts(struct staging *staging, struct error *err)
{
    bool ok = sync_disk(staging, err);
    if (!ok)
        distrust(staging);
    return ok;
}

bool staging_publish(struct staging *staging, struct error *err)
{
    /* First the bytes, then the names that stand for verified bytes, then the content's name. */
    bool ok = sync_parts(staging, err) && move_all_to_library(staging, err) &&
              record_write(staging->cache, staging->content_id, staging->version, staging, err) &&
              sync_disk(staging, err) && rename_tree(staging, err) && sync_disk(staging, err);
    if (ok)
        clear_away(staging);
    return ok;
}

/*
 * A content on its way: Staging/<id>.<version>/ holds a part a file (named by the digest that the
 * manifest wants) and `tree`, which becomes DataLib/<id>.<version> by one rename. In the first
 * place it also holds `lock`, wherever the bytes are.
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
#include <unistd.h>

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
    beneath_read(staging->lock_dir, "lock", 32, &holder, NULL);
    error_set(err, ERROR_FAILED, BLAME_USER, "BUSY", staging->content_id,
              "process %s is at work on this content already",
              holder.len ? holder.data : "unknown");
    buf_free(&holder);
    return false;
}

/* A publisher removes the folder with its lock file: a lock counts only while its name stands. */
static bool is_current(const struct staging *staging)
{
    char *path = mem_format("%s/lock", staging->path);
    int fd = beneath_open(staging->cache->places[0].dir, path, O_PATH, 0);
    struct stat ours, there;
    bool same = fd >= 0 && fstat(staging->lock, &ours) == 0 && fstat(fd, &there) == 0 &&
                ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
    if (fd >= 0)
        close(fd);
    free(path);
    return same;
}

static void close_lock(struct staging *staging)
{
    if (staging->lock >= 0)
        close(staging->lock);
    if (staging->lock_dir >= 0)
        close(staging->lock_dir);
    staging->lock = staging->lock_dir = -1;
}

/* Another name of it may stand anywhere: it is not written to. */
static bool is_planted(const struct staging *staging)
{
    struct stat status;
    return fstat(staging->lock, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink > 1;
}

static bool write_holder(struct staging *staging, struct error *err)
{
    char holder[32];
    int len = snprintf(holder, sizeof holder, "%ld", (long)getpid());
    if (ftruncate(staging->lock, 0) == 0 && beneath_write_all(staging->lock, holder, (size_t)len))
        return true;
    return error_errno(err, staging->path, "cannot write the lock of");
}

static bool lock_folder(struct staging *staging, struct error *err)
{
    int cache = staging->cache->places[0].dir;
    for (;;) {
        if (!beneath_make_folders(cache, staging->path, 0700, err))
            return false;
        int dir = beneath_open(cache, staging->path, O_RDONLY | O_DIRECTORY, 0);
        staging->lock_dir = dir;
        staging->lock = dir < 0 ? -1 : beneath_open(dir, "lock", O_RDWR | O_CREAT, 0600);
        if (staging->lock < 0 && errno != ENOENT)
            return error_errno(err, staging->path, "cannot open the lock of");
        if (staging->lock >= 0 && is_planted(staging)) {
            if (!beneath_remove(dir, "lock", err))
                return false;
            close_lock(staging);
            continue;
        }
        if (staging->lock >= 0 && flock(staging->lock, LOCK_EX | LOCK_NB) != 0)
            return errno == EWOULDBLOCK ? refuse_busy(staging, err)
                                        : error_errno(err, staging->path, "cannot lock");
        if (staging->lock >= 0 && is_current(staging))
            return write_holder(staging, err);
        close_lock(staging);
    }
}

/* ---- the place ---- */

static bool is_begun(const struct place *place, const char *path)
{
    int fd = beneath_open(place->dir, path, O_PATH | O_DIRECTORY, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool open_folder(struct staging *staging, struct error *err)
{
    if (!beneath_make_folders(staging->place->dir, staging->path, 0700, err))
        return false;
    staging->dir = beneath_open(staging->place->dir, staging->path, O_RDONLY | O_DIRECTORY, 0);
    return staging->dir >= 0 || error_errno(err, staging->path, "cannot open the folder");
}

static bool open_place(struct staging *staging, struct error *err)
{
    const struct cache *cache = staging->cache;
    staging->place = &cache->places[0];
    if (cache->place_count > 1 && is_begun(&cache->places[1], staging->path))
        staging->place = &cache->places[1];
    return open_folder(staging, err);
}

/* The first place's folder stays, for its lock. */
static void leave_place(const struct staging *staging)
{
    if (staging->place != &staging->cache->places[0]) {
        beneath_remove(staging->place->dir, staging->path, NULL);
        return;
    }
    beneath_remove(staging->dir, STAGING_TREE, NULL);
    for (size_t i = 0; i < staging->file_count; i++)
        staging_remove_part(staging, &staging->files[i]);
}

bool staging_move(struct staging *staging, const struct place *place, struct error *err)
{
    if (staging->place == place)
        return true;
    leave_place(staging);
    close(staging->dir);
    staging->dir = -1;
    staging->place = place;
    return open_folder(staging, err);
}

/* ---- the files ---- */

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

void staging_collect(struct staging *staging, const struct manifest *manifest)
{
    free(staging->files);
    free(staging->names);
    staging->file_count = 0;
    size_t count = manifest->count;
    struct by_digest *sorted = mem_zero(count, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i].file = &manifest->files[i];
    qsort(sorted, count, sizeof *sorted, compare_digests);
    staging->files = mem_zero(count, sizeof *staging->files);
    staging->names = mem_zero(count, sizeof *staging->names);
    staging->name_count = count;
    for (size_t i = 0; i < count; i++) {
        staging->names[i] = sorted[i].file->name;
        if (i == 0 || strcmp(sorted[i].file->hash, sorted[i - 1].file->hash) != 0) {
            struct staged_file *file = &staging->files[staging->file_count++];
            file->file = sorted[i].file;
            file->names = &staging->names[i];
            file->is_listed = manifest->is_list;
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
    staging->dir = staging->lock = staging->lock_dir = -1;
    staging->content_id = mem_copy_string(content_id);
    staging->version = version;
    staging->path = mem_format(CACHE_STAGING "/%s.%lld", content_id, (long long)version);
    if (!lock_folder(staging, err) || !open_place(staging, err)) {
        staging_close(staging);
        return NULL;
    }
    if (manifest)
        staging_collect(staging, manifest);
    return staging;
}

void staging_close(struct staging *staging)
{
    if (!staging)
        return;
    close_lock(staging);
    if (staging->dir >= 0)
        close(staging->dir);
    cache_contents_free(&staging->evicted);
    free(staging->origin);
    free(staging->files);
    free(staging->names);
    free(staging->path);
    free(staging->content_id);
    free(staging);
}

/* Is there a plain file? */
static bool is_file(int dir, const char *path, struct stat *st)
{
    int fd = beneath_open(dir, path, O_PATH, 0);
    bool ok = fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode);
    if (fd >= 0)
        close(fd);
    return ok;
}

const char *staging_library_digest(const struct staged_file *file)
{
    if (file->is_listed)
        return file->sha256;
    return file->file->algorithm == HASH_SHA256 ? file->file->hash : "";
}

/* A file of another size is not what its name says: it would be in the way of the right one. */
static bool find_in_place(struct shelves *shelves, const struct place *place,
                          struct staged_file *file, struct error *err)
{
    struct stat status;
    const char *sha256 = staging_library_digest(file);
    int shelf = shelves_open(shelves, place, sha256);
    if (shelf < 0 || fstatat(shelf, sha256, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    if (S_ISREG(status.st_mode) && status.st_size == file->file->size) {
        file->found = STAGED_LIBRARY;
        file->place = (size_t)(place - shelves->cache->places);
        const struct stamp stamp = stamp_of(&status);
        file->mtime_ns = stamp.mtime_ns;
        file->ctime_ns = stamp.ctime_ns;
        return true;
    }
    char path[LIBRARY_PATH_SIZE];
    cache_library_path(path, sha256);
    return beneath_remove(place->dir, path, err);
}

/* First where the content will be. */
static bool find_in_library(const struct staging *staging, struct shelves *shelves,
                            struct staged_file *file, struct error *err)
{
    const struct cache *cache = staging->cache;
    if (!*staging_library_digest(file))
        return true; /* its SHA-256, and so its place, is not known yet */
    if (!find_in_place(shelves, staging->place, file, err))
        return false;
    for (size_t i = 0; i < cache->place_count && file->found != STAGED_LIBRARY; i++)
        if (&cache->places[i] != staging->place &&
            !find_in_place(shelves, &cache->places[i], file, err))
            return false;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names below one folder are neighbours in byte order: what two have in common stands already. */
static size_t count_folders(const struct staging *staging)
{
    size_t folders = 0;
    const char *before = "";
    const char **names = mem_resize(NULL, staging->name_count + 1, sizeof *names);
    for (size_t i = 0; i < staging->name_count; i++)
        names[i] = staging->names[i];
    qsort(names, staging->name_count, sizeof *names, compare_names);
    for (size_t i = 0; i < staging->name_count; i++) {
        size_t same = 0;
        while (before[same] && before[same] == names[i][same])
            same++;
        for (const char *slash = names[i] + same; (slash = strchr(slash, '/')); slash++)
            folders++;
        before = names[i];
    }
    free(names);
    return folders;
}

static bool look_for_all(struct staging *staging, struct shelves *shelves, struct error *err)
{
    for (size_t i = 0; i < staging->file_count; i++) {
        struct staged_file *file = &staging->files[i];
        file->found = STAGED_NONE;
        file->kept = false;
        if (!find_in_library(staging, shelves, file, err))
            return false;
        if (file->found == STAGED_LIBRARY)
            continue;
        struct stat st;
        bool begun = is_file(staging->dir, file->file->hash, &st);
        file->found = begun ? STAGED_PART : STAGED_NONE;
        file->on_disk = begun ? st.st_blocks * 512 : 0;
    }
    return true;
}

bool staging_survey(struct staging *staging, struct error *err)
{
    struct shelves shelves;
    /* The tree of a killed run: its files stand by their own names still. */
    if (!beneath_remove(staging->dir, STAGING_TREE, err) ||
        !beneath_make_folders(staging->dir, STAGING_TREE, 0755, err))
        return false;
    staging->folder_count = count_folders(staging);
    if (staging->list)
        staging_recall_digests(staging);
    shelves_begin(&shelves, staging->cache);
    bool ok = look_for_all(staging, &shelves, err);
    shelves_end(&shelves);
    return ok;
}

static bool make_parents(struct staging *staging, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    char *parent = mem_copy_bytes(path, (size_t)(slash - path));
    bool ok = beneath_make_folders(staging->place->dir, parent, 0755, err);
    free(parent);
    return ok;
}

static bool link_name(struct staging *staging, const char *from, const char *name,
                      struct error *err)
{
    char *to = mem_format("%s/" STAGING_TREE "/%s", staging->path, name);
    bool nested = strchr(name, '/') != NULL;
    bool ok = (!nested || make_parents(staging, to, err)) &&
              (cache_link_or_copy(staging->place->dir, from, to) ||
               error_errno(err, name, "cannot link"));
    free(to);
    return ok;
}

void staging_take_from_tree(struct staging *staging, const struct staged_file *file, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *path = mem_format(STAGING_TREE "/%s", file->names[i]);
        beneath_remove(staging->dir, path, NULL);
        free(path);
    }
}

bool staging_put_in_tree(struct staging *staging, const struct staged_file *file, const char *from,
                         struct error *err)
{
    for (size_t i = 0; i < file->name_count; i++)
        if (!link_name(staging, from, file->names[i], err)) {
            staging_take_from_tree(staging, file, i + 1);
            return false;
        }
    return true;
}

/* Where the part becomes the library's file. */
static bool move_to_library(struct staging *staging, const struct staged_file *file,
                            struct error *err)
{
    char to[LIBRARY_PATH_SIZE];
    cache_library_path(to, file->sha256);
    char *from = mem_format("%s/%s", staging->path, file->file->hash);
    int cache = staging->place->dir;
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
    snprintf(file->sha256, sizeof file->sha256, "%s", sha256);
    if (file->is_listed)
        return file->kept = true;
    char *from = mem_format("%s/%s", staging->path, file->file->hash);
    bool ok = staging_put_in_tree(staging, file, from, err);
    free(from);
    /* Unsynced, a file is as safe in the library now as it will ever be. */
    if (ok && !staging->cache->sync && !move_to_library(staging, file, err)) {
        staging_take_from_tree(staging, file, file->name_count);
        ok = false;
    }
    file->kept = ok;
    return ok;
}

/* The bytes of another disk become a part here. */
static bool copy_here(struct staging *staging, struct staged_file *file, int from,
                      struct error *err)
{
    staging_remove_part(staging, file);
    int part = beneath_open(staging->dir, file->file->hash, O_RDWR | O_CREAT | O_EXCL, 0600);
    bool ok = part >= 0 && lseek(from, 0, SEEK_SET) == 0 && cache_copy_bytes(from, part);
    if (!ok)
        error_errno(err, file->file->name, "cannot copy from the other place");
    if (part >= 0)
        close(part);
    return ok;
}

/* The copy is what is hashed: whatever becomes of the other place's. */
static bool keep_copy(struct staging *staging, struct staged_file *file, int from,
                      const atomic_bool *stop, struct error *err)
{
    char hex[HASH_HEX_MAX];
    const char *wanted = staging_library_digest(file);
    if (!copy_here(staging, file, from, err))
        return false;
    int part = beneath_open(staging->dir, file->file->hash, O_RDONLY, 0);
    bool ok = part >= 0 && cache_digest(part, stop, hex);
    if (!ok)
        error_errno(err, file->file->name, "cannot read the copy of");
    else if (strcmp(hex, wanted) == 0)
        ok = staging_keep_part(staging, file, part, hex, err);
    if (part >= 0)
        close(part);
    if (!file->kept)
        staging_remove_part(staging, file);
    return ok;
}

static bool keep_found(struct staging *staging, struct staged_file *file, const char *path, int fd,
                       const atomic_bool *stop, struct error *err)
{
    char hex[HASH_HEX_MAX];
    const struct place *place = &staging->cache->places[file->place];
    const char *wanted = staging_library_digest(file);
    if (!cache_digest(fd, stop, hex))
        return error_errno(err, path, "cannot read");
    if (strcmp(hex, wanted) != 0)
        return beneath_remove(place->dir, path, err);
    if (place != staging->place)
        return keep_copy(staging, file, fd, stop, err);
    memcpy(file->sha256, hex, sizeof hex);
    return file->kept = file->is_listed || staging_put_in_tree(staging, file, path, err);
}

bool staging_keep_library(struct staging *staging, struct staged_file *file,
                          const atomic_bool *stop, struct error *err)
{
    char path[LIBRARY_PATH_SIZE];
    cache_library_path(path, staging_library_digest(file));
    const struct place *place = &staging->cache->places[file->place];
    int fd = beneath_open(place->dir, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0)
        return errno == ENOENT || error_errno(err, path, "cannot open");
    bool ok = keep_found(staging, file, path, fd, stop, err);
    close(fd);
    return ok;
}

static bool sync_disk(const struct staging *staging, struct error *err)
{
    return !staging->cache->sync || syncfs(staging->place->dir) == 0 ||
           error_errno(err, staging->place->folder, "cannot sync");
}

static bool move_all_to_library(struct staging *staging, struct error *err)
{
    if (!staging->cache->sync && !staging->list)
        return true;
    struct stat st;
    for (size_t i = 0; i < staging->file_count; i++)
        if (is_file(staging->dir, staging->files[i].file->hash, &st) &&
            !move_to_library(staging, &staging->files[i], err))
            return false;
    return true;
}

/* The one rename. A tree that stands there already (an older or broken one) is exchanged. */
static bool rename_tree(struct staging *staging, struct error *err)
{
    int cache = staging->place->dir;
    char *from = mem_format("%s/" STAGING_TREE, staging->path);
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

static void clear_folder(const struct staging *staging, const struct place *place)
{
    char *done = mem_format(CACHE_STAGING "/.done-%s.%lld", staging->content_id,
                            (long long)staging->version);
    beneath_remove(place->dir, done, NULL);
    if (beneath_rename(place->dir, staging->path, done, 0))
        beneath_remove(place->dir, done, NULL);
    free(done);
}

/* The folder leaves its name first: whoever comes next makes a new one, and no removal reaches into
   it. The one with the lock goes last. */
void staging_clear_away(const struct staging *staging)
{
    for (size_t i = staging->cache->place_count; i-- > 0;)
        clear_folder(staging, &staging->cache->places[i]);
}

/* The kernel may call pages clean that it could not write: what is here proves nothing any more. */
void staging_distrust(struct staging *staging)
{
    beneath_remove(staging->dir, STAGING_TREE, NULL);
    for (size_t i = 0; i < staging->file_count; i++) {
        struct staged_file *file = &staging->files[i];
        staging_remove_part(staging, file);
        file->found = STAGED_NONE;
        file->on_disk = 0;
        file->kept = false;
    }
}

void staging_set_origin(struct staging *staging, const char *origin)
{
    free(staging->origin);
    staging->origin = mem_copy_string(origin);
    for (char *c = staging->origin; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

/* It stood elsewhere before: there it is over. */
static void leave_other_places(const struct staging *staging)
{
    const struct cache *cache = staging->cache;
    char *record = cache_data_path(staging->content_id, staging->version, ".INI");
    char *tree = cache_data_path(staging->content_id, staging->version, "");
    for (size_t i = 0; i < cache->place_count; i++) {
        const struct place *place = &cache->places[i];
        if (place == staging->place)
            continue;
        beneath_remove(place->dir, record, NULL);
        beneath_remove(place->dir, tree, NULL);
    }
    free(record);
    free(tree);
}

bool staging_publish(struct staging *staging, struct error *err)
{
    const struct cache *cache = staging->cache;
    /* First the bytes, then the names that stand for verified bytes, then the content's name. */
    if (!sync_disk(staging, err)) {
        staging_distrust(staging);
        return false;
    }
    bool ok = (!staging->list || staging_build_tree(staging, err)) &&
              move_all_to_library(staging, err) && record_write(staging, err) &&
              sync_disk(staging, err) && rename_tree(staging, err) && sync_disk(staging, err) &&
              index_write(cache, staging->place, staging->content_id, err);
    if (!ok)
        return false;
    leave_other_places(staging);
    cache_touch(cache, staging->content_id, staging->version);
    staging_clear_away(staging);
    return true;
}

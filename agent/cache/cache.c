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

/* ---- the places ---- */

static bool open_place(struct place *place, const char *folder, struct error *err)
{
    place->folder = realpath(folder, NULL);
    place->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!place->folder || place->dir < 0)
        return error_errno(err, folder, "cannot open the cache");
    return beneath_make_folders(place->dir, CACHE_FILELIB, 0755, err) &&
           beneath_make_folders(place->dir, CACHE_PKGLIB, 0755, err) &&
           beneath_make_folders(place->dir, CACHE_DATALIB, 0755, err) &&
           beneath_make_folders(place->dir, CACHE_STAGING, 0700, err);
}

struct cache *cache_open(const struct cache_options *options, struct error *err)
{
    struct cache *cache = mem_zero(1, sizeof *cache);
    cache->sync = options->sync;
    cache->rules = options->rules;
    cache->clock = options->clock;
    cache->place_count = options->secondary ? 2 : 1;
    cache->places[0].dir = cache->places[1].dir = -1;
    bool ok = open_place(&cache->places[0], options->folder, err) &&
              (!options->secondary || open_place(&cache->places[1], options->secondary, err));
    if (ok)
        return cache;
    cache_close(cache);
    return NULL;
}

void cache_close(struct cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->place_count; i++) {
        if (cache->places[i].dir >= 0)
            close(cache->places[i].dir);
        free(cache->places[i].folder);
    }
    free(cache);
}

char *cache_data_path(const char *content_id, int64_t version, const char *suffix)
{
    return mem_format(CACHE_DATALIB "/%s.%lld%s", content_id, (long long)version, suffix);
}

static bool has_record(const struct place *place, const char *path)
{
    int fd = beneath_open(place->dir, path, O_PATH, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

const struct place *cache_find(const struct cache *cache, const char *content_id, int64_t version)
{
    const struct place *found = NULL;
    char *path = cache_data_path(content_id, version, ".INI");
    for (size_t i = 0; !found && i < cache->place_count; i++)
        if (has_record(&cache->places[i], path))
            found = &cache->places[i];
    free(path);
    return found;
}

char *cache_path(const struct cache *cache, const char *content_id, int64_t version)
{
    const struct place *place = cache_find(cache, content_id, version);
    return mem_format("%s/" CACHE_DATALIB "/%s.%lld",
                      place ? place->folder : cache->places[0].folder, content_id,
                      (long long)version);
}

/* Who published it may have been killed before PkgLib named it. */
static void complete_index(const struct cache *cache, const struct place *place,
                           const char *content_id, int64_t version)
{
    struct error err;
    if (!index_names(place, content_id, version))
        index_write(cache, place, content_id, &err);
}

void cache_touch(const struct cache *cache, const char *content_id, int64_t version)
{
    int64_t now = cache->clock->wall(cache->clock->arg);
    const struct timespec times[2] = {
        {.tv_sec = now / 1000, .tv_nsec = now % 1000 * 1000000},
        {.tv_sec = now / 1000, .tv_nsec = now % 1000 * 1000000},
    };
    const struct place *place = cache_find(cache, content_id, version);
    char *path = cache_data_path(content_id, version, ".INI");
    int fd = place ? beneath_open(place->dir, path, O_RDONLY | O_NONBLOCK, 0) : -1;
    if (fd >= 0) {
        futimens(fd, times);
        close(fd);
        complete_index(cache, place, content_id, version);
    }
    free(path);
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

bool cache_digest(int fd, const atomic_bool *stop, char hex[HASH_HEX_MAX])
{
    struct hash *hash = hash_create(HASH_SHA256);
    bool ok = cache_hash_open(fd, hash, stop);
    int kept = errno;
    hash_finish(hash, hex);
    hash_free(hash);
    errno = kept;
    return ok;
}

/* ---- is it here? ---- */

static bool has_digest(int fd, enum hash_algorithm algorithm, const char *wanted)
{
    char hex[HASH_HEX_MAX];
    struct hash *hash = hash_create(algorithm);
    bool ok = cache_hash_open(fd, hash, NULL);
    hash_finish(hash, hex);
    hash_free(hash);
    return ok && strcmp(hex, wanted) == 0;
}

/* Links of one file share its metadata: where another content got one more, its record tells. */
static bool is_proven(struct checked_tree *tree, const struct stat *status,
                      const struct record_line *line)
{
    const struct stamp stamp = stamp_of(status);
    if (stamp_equal(&stamp, &line->stamp))
        return true;
    if (!tree->knows)
        proofs_read(tree->place, &tree->proofs);
    tree->knows = true;
    return proofs_know(&tree->proofs, line->sha256, &stamp);
}

bool cache_is_intact(struct checked_tree *tree, const struct manifest_file *wanted,
                     struct record_line *line)
{
    int fd = beneath_open(tree->dir, wanted->name, O_RDONLY | O_NONBLOCK, 0);
    struct stat status;
    if (fd < 0)
        return false;
    bool ok = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == wanted->size;
    const struct stamp stamp = stamp_of(&status);
    if (ok && (wanted->algorithm != HASH_SHA256 || !is_proven(tree, &status, line)))
        ok = has_digest(fd, wanted->algorithm, wanted->hash);
    if (ok && wanted->algorithm == HASH_SHA256 && !stamp_equal(&stamp, &line->stamp)) {
        line->stamp = stamp;
        tree->renewed = true;
    }
    close(fd);
    return ok;
}

void cache_keep_stamps(struct cache *cache, const struct checked_tree *tree,
                       const struct record *record)
{
    struct error err;
    if (!tree->renewed)
        return;
    struct staging *staging = staging_open(cache, record->content_id, record->version, NULL, &err);
    if (staging && record_rewrite(tree->place, record, &err))
        staging_clear_away(staging);
    staging_close(staging);
}

bool cache_open_checked(const struct cache *cache, const char *content_id, int64_t version,
                        struct checked_tree *tree, struct record *record)
{
    *tree = (struct checked_tree){.dir = -1};
    tree->place = cache_find(cache, content_id, version);
    if (!tree->place || !record_read(tree->place, content_id, version, record))
        return false;
    tree->dir = cache_open_tree(tree->place, content_id, version);
    if (tree->dir >= 0)
        return true;
    record_free(record);
    return false;
}

void cache_close_checked(struct checked_tree *tree)
{
    if (tree->dir >= 0)
        close(tree->dir);
    proofs_free(&tree->proofs);
}

static bool is_recorded(const struct manifest_file *wanted, const struct record_line *line)
{
    return line && line->stamp.size == wanted->size &&
           (wanted->algorithm != HASH_SHA256 || strcmp(line->sha256, wanted->hash) == 0);
}

bool cache_has(struct cache *cache, const char *content_id, int64_t version,
               const struct manifest *manifest)
{
    struct record record;
    struct checked_tree tree;
    if (!cache_open_checked(cache, content_id, version, &tree, &record))
        return false;
    bool ok = record.count == manifest->count;
    for (size_t i = 0; ok && i < manifest->count; i++) {
        const struct manifest_file *wanted = &manifest->files[i];
        struct record_line *line = record_find(&record, wanted->name);
        ok = is_recorded(wanted, line) && cache_is_intact(&tree, wanted, line);
    }
    if (ok)
        cache_keep_stamps(cache, &tree, &record);
    cache_close_checked(&tree);
    record_free(&record);
    return ok;
}

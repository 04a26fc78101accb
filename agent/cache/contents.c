/* The contents as a person asks for them: listed, removed, trimmed. */
#include "agent/cache/evict.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *cache_state_word(enum cache_state state)
{
    static const char *const words[] = {"complete", "corrupt", "partial"};
    return words[state];
}

/* ---- listed ---- */

/* The look that a get takes first: names, sizes. Times tell only that a file is hashed before it is
   handed out. */
static bool looks_whole(const struct census_content *content)
{
    struct record record;
    struct walk walk;
    int tree = cache_open_tree(content->place, content->content_id, content->version);
    if (tree < 0)
        return false;
    bool ok = record_read(content->place, content->content_id, content->version, &record);
    walk_begin(&walk, tree);
    for (size_t i = 0; ok && i < record.count; i++) {
        const char *leaf;
        struct stat status;
        int parent = walk_parent(&walk, record.lines[i].name, &leaf);
        ok = parent >= 0 && fstatat(parent, leaf, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
             S_ISREG(status.st_mode) && status.st_size == record.lines[i].stamp.size;
    }
    walk_end(&walk);
    record_free(&record);
    close(tree);
    return ok;
}

struct cache_content *contents_add(struct cache_contents *contents, const struct census *census,
                                   const struct census_content *content)
{
    contents->list =
        mem_grow(contents->list, &contents->cap, contents->count + 1, sizeof *contents->list);
    struct cache_content *added = &contents->list[contents->count++];
    *added = (struct cache_content){
        .content_id = mem_copy_string(content->content_id),
        .version = content->version,
        .path = mem_format("%s/%s/%s.%lld", content->place->folder,
                           content->partial ? CACHE_STAGING : CACHE_DATALIB, content->content_id,
                           (long long)content->version),
        .size = content->size,
        .shared_bytes = census_shared_bytes(census, content),
        .files = content->names,
        .used_ms = content->used_ms,
        .pinned = content->pinned,
        .state = content->partial ? CACHE_PARTIAL : CACHE_COMPLETE,
        .origin = mem_copy_string(content->origin),
    };
    return added;
}

static int by_name(const void *a, const void *b)
{
    const struct cache_content *left = a, *right = b;
    int order = strcmp(left->content_id, right->content_id);
    return order ? order : (left->version > right->version) - (left->version < right->version);
}

void cache_list(const struct cache *cache, struct cache_contents *contents)
{
    struct census census;
    census_read(cache, &census);
    for (size_t i = 0; i < census.count; i++) {
        struct cache_content *added = contents_add(contents, &census, &census.list[i]);
        if (!census.list[i].partial && !looks_whole(&census.list[i]))
            added->state = CACHE_CORRUPT;
    }
    if (contents->count)
        qsort(contents->list, contents->count, sizeof *contents->list, by_name);
    census_free(&census);
}

void cache_contents_free(struct cache_contents *contents)
{
    for (size_t i = 0; i < contents->count; i++) {
        free(contents->list[i].content_id);
        free(contents->list[i].path);
        free(contents->list[i].origin);
    }
    free(contents->list);
    *contents = (struct cache_contents){0};
}

/* ---- removed ---- */

static const struct census_content *find(const struct census *census, const char *content_id,
                                         int64_t version)
{
    for (size_t i = 0; i < census->count; i++)
        if (census->list[i].version == version &&
            strcmp(census->list[i].content_id, content_id) == 0)
            return &census->list[i];
    return NULL;
}

bool cache_remove(struct cache *cache, const char *content_id, int64_t version,
                  struct cache_contents *removed, struct error *err)
{
    struct census census;
    int64_t freed;
    census_read(cache, &census);
    const struct census_content *content = find(&census, content_id, version);
    bool ok = content || error_set(err, ERROR_FAILED, BLAME_USER, "NOT_CACHED", content_id,
                                   "version %lld is not in the cache", (long long)version);
    ok = ok && content_remove(cache, &census, content, NULL, &freed, err);
    if (ok)
        contents_add(removed, &census, content)->freed = freed;
    census_free(&census);
    return ok;
}

/* ---- trimmed ---- */

struct leftovers {
    struct cache *cache;
    const struct census *census;
};

/* A tree without a record, a record without a tree: somebody was killed between. */
static bool is_half(const struct place *place, const char *content_id, int64_t version)
{
    struct record record;
    bool known = record_read(place, content_id, version, &record);
    int tree = cache_open_tree(place, content_id, version);
    if (known)
        record_free(&record);
    if (tree >= 0)
        close(tree);
    return !known || tree < 0;
}

static void remove_half(void *arg, const char *content_id, int64_t version,
                        const struct place *place)
{
    struct leftovers *left = arg;
    const struct census_content half = {
        .content_id = mem_copy_string(content_id), .version = version, .place = place};
    int64_t freed;
    struct error err;
    if (is_half(place, content_id, version) && !content_is_busy(left->cache, &half))
        content_remove(left->cache, left->census, &half, NULL, &freed, &err);
    free(half.content_id);
}

static bool is_begun(const struct census *census, const char *content_id, int64_t version)
{
    for (size_t i = 0; i < census->count; i++)
        if (census->list[i].partial && census->list[i].version == version &&
            strcmp(census->list[i].content_id, content_id) == 0)
            return true;
    return false;
}

/* A staging folder without a byte: its content was published, or removed. */
static void remove_idle(void *arg, const char *content_id, int64_t version,
                        const struct place *place)
{
    struct leftovers *left = arg;
    struct error err;
    (void)place;
    if (is_begun(left->census, content_id, version))
        return;
    struct staging *staging = staging_open(left->cache, content_id, version, NULL, &err);
    if (staging)
        staging_clear_away(staging);
    staging_close(staging);
}

/* What a killed run was removing already. */
static void remove_done(const struct place *place)
{
    int fd = beneath_open(place->dir, CACHE_STAGING, O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (strncmp(entry->d_name, ".done-", strlen(".done-")) == 0)
            beneath_remove(dirfd(folder), entry->d_name, NULL);
    closedir(folder);
}

/* Bytes that no tree links and no record names, and nobody has touched for as long as contents
   stay. */
static void remove_orphan(const struct cache *cache, const struct proofs *proofs, int shelf,
                          const char *name)
{
    struct stat status;
    int64_t now = cache->clock->wall(cache->clock->arg);
    if (fstatat(shelf, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode) ||
        status.st_nlink > 1 || proofs_name(proofs, name) ||
        now - stamp_of(&status).ctime_ns / 1000000 < cache->rules.keep_seconds * 1000)
        return;
    unlinkat(shelf, name, 0);
}

static void clear_shelf(const struct cache *cache, const struct place *place,
                        const struct proofs *proofs, unsigned number)
{
    char path[sizeof CACHE_FILELIB + 3];
    snprintf(path, sizeof path, CACHE_FILELIB "/%02X", number & 255U);
    int fd = beneath_open(place->dir, path, O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (strlen(entry->d_name) == hash_hex_length(HASH_SHA256))
            remove_orphan(cache, proofs, dirfd(folder), entry->d_name);
    closedir(folder);
}

static void clear_shelves(const struct cache *cache, const struct place *place)
{
    struct proofs proofs;
    proofs_read(place, &proofs);
    for (unsigned i = 0; i < 256; i++)
        clear_shelf(cache, place, &proofs, i);
    proofs_free(&proofs);
}

static void remove_leftovers(struct cache *cache, const struct census *census)
{
    struct leftovers left = {cache, census};
    for (size_t i = 0; i < cache->place_count; i++) {
        const struct place *place = &cache->places[i];
        remove_done(place);
        names_each(place, CACHE_STAGING, "", remove_idle, &left);
        names_each(place, CACHE_DATALIB, ".INI", remove_half, &left);
        names_each(place, CACHE_DATALIB, "", remove_half, &left);
        indexes_renew(cache, place);
        clear_shelves(cache, place);
    }
}

bool cache_trim(struct cache *cache, struct cache_contents *removed, struct error *err)
{
    struct eviction eviction;
    eviction_begin(&eviction, cache, NULL);
    remove_leftovers(cache, &eviction.census);
    for (size_t i = 0; i < cache->place_count; i++)
        eviction.over_disk[i] = -eviction_room(cache, &cache->places[i]);
    bool ok = eviction_choose(&eviction);
    eviction_run(&eviction, removed);
    if (!ok)
        eviction_refuse(&eviction, cache->places[0].folder, 0, err);
    eviction_end(&eviction);
    return ok;
}

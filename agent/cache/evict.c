#include "agent/cache/evict.h"

#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

/* ---- the limits ---- */

static int64_t clamp_product(uint64_t count, uint64_t size)
{
    int64_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? INT64_MAX : bytes;
}

/* A disk counts once, however many places stand on it. */
static int64_t disk_bytes(const struct cache *cache)
{
    int64_t bytes = 0;
    dev_t disks[PLACES_MAX] = {0};
    for (size_t i = 0; i < cache->place_count; i++) {
        struct stat status;
        struct statvfs space;
        if (fstat(cache->places[i].dir, &status) != 0 ||
            fstatvfs(cache->places[i].dir, &space) != 0)
            continue;
        disks[i] = status.st_dev;
        if (i > 0 && disks[i] == disks[0])
            continue;
        if (__builtin_add_overflow(bytes, clamp_product(space.f_blocks, space.f_frsize), &bytes))
            return INT64_MAX;
    }
    return bytes;
}

int64_t eviction_limit(const struct cache *cache)
{
    const struct cache_rules *rules = &cache->rules;
    int64_t limit = INT64_MAX;
    if (rules->megabytes)
        limit = clamp_product((uint64_t)rules->megabytes, MIB);
    if (rules->percent) {
        int64_t part = disk_bytes(cache) / 100 * rules->percent;
        limit = part < limit ? part : limit;
    }
    return limit;
}

int64_t eviction_room(const struct cache *cache, const struct place *place)
{
    struct statvfs space;
    if (fstatvfs(place->dir, &space) != 0)
        return INT64_MAX;
    return clamp_product(space.f_bavail, space.f_frsize) -
           clamp_product((uint64_t)cache->rules.free_megabytes, MIB);
}

/* ---- who goes ---- */

/* Its bytes are this content's too: they do not become free. */
static void hold_own(struct eviction *eviction)
{
    struct census *census = &eviction->census;
    struct spared spared;
    if (!eviction->staging)
        return;
    spared_collect(&spared, eviction->staging);
    for (size_t i = 0; i < census->line_count; i++)
        if (!census->lines[i].again && spared_has(&spared, census->lines[i].sha256))
            census->refs[census->lines[i].group]++;
    spared_free(&spared);
}

void eviction_begin(struct eviction *eviction, struct cache *cache, const struct staging *staging)
{
    *eviction = (struct eviction){.cache = cache, .staging = staging};
    census_read(cache, &eviction->census);
    hold_own(eviction);
    eviction->limit = eviction_limit(cache);
    eviction->over_limit = eviction->census.bytes - eviction->limit;
    eviction->chosen = mem_zero(eviction->census.count + 1, sizeof *eviction->chosen);
}

void eviction_end(struct eviction *eviction)
{
    census_free(&eviction->census);
    free(eviction->chosen);
}

static bool is_own(const struct eviction *eviction, const struct census_content *content)
{
    const struct staging *staging = eviction->staging;
    return staging && content->version == staging->version &&
           strcmp(content->content_id, staging->content_id) == 0;
}

static bool may_go(const struct eviction *eviction, const struct census_content *content)
{
    const struct cache *cache = eviction->cache;
    int64_t now = cache->clock->wall(cache->clock->arg);
    return !content->pinned && !is_own(eviction, content) &&
           now - content->used_ms >= cache->rules.keep_seconds * 1000 &&
           !content_is_busy(cache, content);
}

static bool is_enough(const struct eviction *eviction)
{
    return eviction->over_limit <= 0 && eviction->over_disk[0] <= 0 && eviction->over_disk[1] <= 0;
}

static void take(struct eviction *eviction, size_t index)
{
    struct census *census = &eviction->census;
    const struct census_content *content = &census->list[index];
    int64_t bytes = census_own_bytes(census, content);
    eviction->chosen[index] = true;
    eviction->over_limit -= bytes;
    eviction->over_disk[content->place - eviction->cache->places] -= bytes;
    census_leave(census, content);
}

bool eviction_choose(struct eviction *eviction)
{
    const struct census *census = &eviction->census;
    for (size_t i = 0; i < census->count && !is_enough(eviction); i++) {
        const struct census_content *content = &census->list[i];
        bool helps = eviction->over_limit > 0 ||
                     eviction->over_disk[content->place - eviction->cache->places] > 0;
        if (helps && may_go(eviction, content))
            take(eviction, i);
    }
    return is_enough(eviction);
}

void eviction_run(struct eviction *eviction, struct cache_contents *removed)
{
    struct spared spared = {.count = 0};
    if (eviction->staging)
        spared_collect(&spared, eviction->staging);
    for (size_t i = 0; i < eviction->census.count; i++) {
        struct error err;
        int64_t freed;
        const struct census_content *content = &eviction->census.list[i];
        if (!eviction->chosen[i] ||
            !content_remove(eviction->cache, &eviction->census, content, &spared, &freed, &err))
            continue;
        contents_add(removed, &eviction->census, content)->freed = freed;
    }
    spared_free(&spared);
}

bool eviction_refuse(const struct eviction *eviction, const char *where, int64_t need,
                     struct error *err)
{
    const struct cache *cache = eviction->cache;
    const struct cache_rules *rules = &cache->rules;
    int64_t disk = eviction->over_disk[0] > 0 ? eviction->over_disk[0] : eviction->over_disk[1];
    if (disk > 0)
        return error_set(
            err, ERROR_FAILED, BLAME_DISK, "DISK_SPACE", where,
            "needs %lld bytes on the cache's disk: %lld are missing beside the %lld MB "
            "that stay free and the contents that may not go (pinned, in use, or used "
            "less than %lld seconds ago)",
            (long long)need, (long long)disk, (long long)rules->free_megabytes,
            (long long)rules->keep_seconds);
    return error_set(err, ERROR_FAILED, BLAME_DISK, "CACHE_SIZE", where,
                     "needs %lld bytes: the cache may hold %lld and has %lld; %lld are missing "
                     "beside the contents that may not go (pinned, in use, or used less than %lld "
                     "seconds ago)",
                     (long long)need, (long long)eviction->limit, (long long)eviction->census.bytes,
                     (long long)eviction->over_limit, (long long)rules->keep_seconds);
}

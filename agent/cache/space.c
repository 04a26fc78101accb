/* Is there room for what a content still needs? */
#include "agent/cache/evict.h"

#include <sys/statvfs.h>

/* Blocks are counted as of this size at most: NFS calls what it sends at once a block. */
#define BLOCK_MAX (4L * KIB)
/* For the content's record: its own, and a line a file. */
#define RECORD_BYTES      (64L * KIB)
#define RECORD_LINE_BYTES 256L
/* The content's record and its temporary file, the tree, and what others make meanwhile. */
#define RECORD_INODES 16
/* Files from here on may have a validator and a record beside their part. */
#define BESIDE_FROM MIB

struct need {
    int64_t bytes, inodes; /* of the disk */
    int64_t files;         /* bytes of the files alone, as the library's limit counts */
};

static void add(int64_t *sum, int64_t bytes)
{
    if (bytes > 0 && __builtin_add_overflow(*sum, bytes, sum))
        *sum = INT64_MAX;
}

/* A file of which `on_disk` bytes are there. */
static void add_file(struct need *need, int64_t size, int64_t on_disk, bool begun, int64_t block)
{
    int64_t whole;
    if (__builtin_add_overflow(size, (block - size % block) % block, &whole))
        whole = size;
    add(&need->bytes, whole - on_disk);
    add(&need->files, size - on_disk);
    need->inodes += !begun + (size >= BESIDE_FROM ? 2 : 0);
}

/* What another place has is copied. */
static bool is_here(const struct staging *staging, const struct staged_file *file)
{
    return file->kept || (file->found == STAGED_LIBRARY &&
                          &staging->cache->places[file->place] == staging->place);
}

/* In the place where it is begun its parts and the library count; elsewhere it begins anew. */
static struct need needed(const struct staging *staging, const struct place *place, int64_t block)
{
    struct need need = {
        .bytes = RECORD_BYTES + (int64_t)staging->name_count * RECORD_LINE_BYTES,
        .inodes = RECORD_INODES + (int64_t)staging->folder_count,
    };
    for (size_t i = 0; i < staging->file_count; i++) {
        const struct staged_file *file = &staging->files[i];
        bool stays = place == staging->place;
        if (!stays || !is_here(staging, file))
            add_file(&need, file->file->size, stays ? file->on_disk : 0,
                     stays && file->found == STAGED_PART, block);
    }
    return need;
}

static int64_t block_of(const struct statvfs *space)
{
    return space->f_frsize && space->f_frsize < BLOCK_MAX ? (int64_t)space->f_frsize : BLOCK_MAX;
}

bool staging_fits(const struct staging *staging, struct error *err)
{
    struct statvfs space;
    const struct cache *cache = staging->cache;
    if (fstatvfs(staging->place->dir, &space) != 0)
        return error_errno(err, staging->place->folder, "cannot ask for free space");
    struct need need = needed(staging, staging->place, block_of(&space));
    int64_t room = eviction_room(cache, staging->place);
    if (need.bytes > room)
        return error_set(err, ERROR_FAILED, BLAME_DISK, "DISK_SPACE", staging->content_id,
                         "needs %lld bytes on the cache's disk, which has %lld beside the %lld MB "
                         "that stay free",
                         (long long)need.bytes, (long long)(room > 0 ? room : 0),
                         (long long)cache->rules.free_megabytes);
    if (space.f_files && need.inodes > 0 && (uint64_t)need.inodes > space.f_favail)
        return error_set(err, ERROR_FAILED, BLAME_DISK, "DISK_INODES", staging->content_id,
                         "needs %lld inodes on the cache's disk, which has %llu",
                         (long long)need.inodes, (unsigned long long)space.f_favail);
    return true;
}

/* ---- making room ---- */

static bool try_place(struct eviction *eviction, struct staging *staging, const struct place *place,
                      struct error *err)
{
    struct cache *cache = staging->cache;
    struct need need = needed(staging, place, BLOCK_MAX);
    eviction_begin(eviction, cache, staging);
    if (eviction->limit < INT64_MAX)
        add(&eviction->over_limit, need.files);
    eviction->over_disk[place - cache->places] = need.bytes - eviction_room(cache, place);
    bool ok = eviction_choose(eviction) ||
              eviction_refuse(eviction, staging->content_id, need.files, err);
    if (!ok)
        eviction_end(eviction);
    return ok;
}

/* One with room as it is; else one where enough may go. The error is the first place's. */
static const struct place *choose_place(struct eviction *eviction, struct staging *staging,
                                        struct error *err)
{
    const struct cache *cache = staging->cache;
    struct error later;
    for (size_t i = 0; i < cache->place_count; i++) {
        const struct place *place = &cache->places[i];
        if (needed(staging, place, BLOCK_MAX).bytes <= eviction_room(cache, place) &&
            try_place(eviction, staging, place, i ? &later : err))
            return place;
    }
    for (size_t i = 0; i < cache->place_count; i++)
        if (try_place(eviction, staging, &cache->places[i], i ? &later : err))
            return &cache->places[i];
    return NULL;
}

/* Mostly there is room, and nobody has to be counted. */
static bool has_room(const struct staging *staging)
{
    const struct cache *cache = staging->cache;
    struct need need = needed(staging, staging->place, BLOCK_MAX);
    int64_t limit = eviction_limit(cache);
    return staging->place == &cache->places[0] &&
           need.bytes <= eviction_room(cache, staging->place) &&
           (limit == INT64_MAX || need.files == 0 ||
            (need.files <= limit && census_most_bytes(cache) <= limit - need.files));
}

bool staging_make_room(struct staging *staging, struct error *err)
{
    struct eviction eviction;
    if (has_room(staging))
        return staging_fits(staging, err);
    const struct place *place = choose_place(&eviction, staging, err);
    if (!place)
        return false;
    eviction_run(&eviction, &staging->evicted);
    eviction_end(&eviction);
    if (place == staging->place)
        return staging_fits(staging, err);
    return staging_move(staging, place, err) && staging_survey(staging, err) &&
           staging_keep_proven(staging, err) && staging_fits(staging, err);
}

void staging_take_evicted(struct staging *staging, struct cache_contents *evicted)
{
    *evicted = staging->evicted;
    staging->evicted = (struct cache_contents){0};
}

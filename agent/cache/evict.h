/* Which contents go so that the limits hold. For this room only. */
#ifndef AGENT_CACHE_EVICT_H
#define AGENT_CACHE_EVICT_H

#include "agent/cache/census.h"
#include "agent/cache/contents.h"
#include "agent/cache/remove.h"

/* How much there is too much of, and who goes for it. */
struct eviction {
    struct cache *cache;
    const struct staging *staging; /* whom it is for: stays, with the bytes it will use; or NULL */
    struct census census;
    int64_t limit;                 /* bytes of the whole library; INT64_MAX: none */
    int64_t over_limit;            /* what has to go, of any place; 0 or less: nothing */
    int64_t over_disk[PLACES_MAX]; /* of this place */
    bool *chosen;                  /* of the census's contents */
};

void eviction_begin(struct eviction *eviction, struct cache *cache, const struct staging *staging);
/* Chooses, by the last use. false: all that may go would not be enough. Nothing goes yet. */
bool eviction_choose(struct eviction *eviction);
/* Removes the chosen ones; one that came into use meanwhile stays. Adds them to `removed`, which
   may be NULL. */
void eviction_run(struct eviction *eviction, struct cache_contents *removed);
void eviction_end(struct eviction *eviction);

/* Bytes that the library may hold; INT64_MAX: no limit. */
int64_t eviction_limit(const struct cache *cache);

/* Bytes that are free on the place's disk, without what stays free. INT64_MAX: it cannot say. */
int64_t eviction_room(const struct cache *cache, const struct place *place);

/* Fails with CACHE_SIZE or DISK_SPACE, with the numbers: `need` more bytes for `where`. */
bool eviction_refuse(const struct eviction *eviction, const char *where, int64_t need,
                     struct error *err);

/* contents.c */
struct cache_content *contents_add(struct cache_contents *contents, const struct census *census,
                                   const struct census_content *content);

#endif

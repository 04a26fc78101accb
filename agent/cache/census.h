/* Everything that the places hold, counted: which contents, which bytes they share. For this room
   only. */
#ifndef AGENT_CACHE_CENSUS_H
#define AGENT_CACHE_CENSUS_H

#include "agent/cache/internal.h"

struct census_content {
    char *content_id;
    int64_t version;
    const struct place *place;
    bool partial; /* only a staging folder */
    bool pinned;
    int64_t used_ms; /* of a partial: its last change */
    int64_t size;    /* of all names; of a partial: on the disk */
    size_t names;
    char *origin;
    size_t first, count; /* its lines */
};

/* One digest of a content. */
struct census_line {
    char sha256[HASH_HEX_MAX];
    int64_t size;
    size_t content;
    size_t group; /* lines of one digest in one place */
    bool again;   /* the content has it twice */
};

struct census {
    size_t count, cap;
    struct census_content *list; /* the longest unused first */
    size_t line_count, line_cap;
    struct census_line *lines; /* a content's are neighbours */
    size_t group_count;
    size_t *refs;  /* a group's contents */
    int64_t bytes; /* of all groups and partials */
};

void census_read(const struct cache *cache, struct census *census);
void census_free(struct census *census);

/* At most so many bytes are in the library: what contents share is counted for each. Cheap.
   INT64_MAX: a record does not say. */
int64_t census_most_bytes(const struct cache *cache);

/* Bytes that no other content would need. */
int64_t census_own_bytes(const struct census *census, const struct census_content *content);
/* The same for those that others share. */
int64_t census_shared_bytes(const struct census *census, const struct census_content *content);
/* Counts the content out: what it shared may be another's own now. */
void census_leave(struct census *census, const struct census_content *content);

#endif

/*
 * The contents of the library on this machine: listed, removed, trimmed to their limits, verified.
 *
 * A content goes as it came: its tree leaves its name in one step, then its record, then its bytes
 * where no other content has them. Who is killed in between leaves a library without it; the next
 * trim removes what is left.
 */
#ifndef AGENT_CACHE_CONTENTS_H
#define AGENT_CACHE_CONTENTS_H

#include "agent/cache/cache.h"

enum cache_state { CACHE_COMPLETE, CACHE_CORRUPT, CACHE_PARTIAL };
const char *cache_state_word(enum cache_state state); /* "complete" */

struct cache_content {
    char *content_id;
    int64_t version;
    char *path;           /* of its tree; of a partial: of its staging folder */
    int64_t size;         /* bytes of all its files; of a partial: on the disk */
    int64_t shared_bytes; /* of those that other contents in the same place have too */
    size_t files;
    int64_t used_ms; /* last use, since 1970 */
    bool pinned;
    enum cache_state state; /* by a look at names, sizes and times, not at the bytes */
    char *origin;           /* "": not known */
    int64_t freed;          /* of one that was removed */
};

struct cache_contents {
    size_t count, cap;
    struct cache_content *list;
};

/* By content ID and version. */
void cache_list(const struct cache *cache, struct cache_contents *contents);
void cache_contents_free(struct cache_contents *contents);

/* Removes it, with what is staged of it, whether it is pinned or young: a person asked. Adds it to
   `removed`. Codes NOT_CACHED, BUSY. */
bool cache_remove(struct cache *cache, const char *content_id, int64_t version,
                  struct cache_contents *removed, struct error *err);

/* Removes what interrupted runs left, bytes that no content has, and the longest unused contents
   until the limits hold; never one in use, pinned, or too young. Adds them to `removed`. What is
   left over the limits is the error CACHE_SIZE or DISK_SPACE, with the numbers. */
bool cache_trim(struct cache *cache, struct cache_contents *removed, struct error *err);

#endif

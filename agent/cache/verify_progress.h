/* How far the verification of the whole library came: Validation.INI of the first place. For this
   room only. */
#ifndef AGENT_CACHE_VERIFY_PROGRESS_H
#define AGENT_CACHE_VERIFY_PROGRESS_H

#include "agent/cache/internal.h"

struct verify_progress {
    int64_t started_ns;      /* of the pass: wall clock */
    int64_t finished_ms;     /* of the last whole pass; 0: none */
    char done[HASH_HEX_MAX]; /* all digests up to it; empty: no pass is under way */
    int64_t written_at;      /* bytes hashed when it was written last */
};

void verify_progress_read(struct verify_progress *progress, const struct cache *cache);
/* Begins a pass, or goes on with the interrupted one: true. */
bool verify_progress_begin(struct verify_progress *progress, const struct cache *cache);
/* Written every so many bytes. */
bool verify_progress_advance(struct verify_progress *progress, const struct cache *cache,
                             const char *done, int64_t bytes, struct error *err);
bool verify_progress_finish(struct verify_progress *progress, const struct cache *cache,
                            struct error *err);

#endif

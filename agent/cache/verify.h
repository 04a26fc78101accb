/*
 * The library's bytes hashed anew, on all cores at low I/O priority.
 *
 * A file that is found wrong loses its names at once, in FileLib and in every tree: it is neither
 * handed out nor used again. A pass over everything remembers how far it came; one that was killed
 * goes on from there, and looks again at what was changed meanwhile.
 */
#ifndef AGENT_CACHE_VERIFY_H
#define AGENT_CACHE_VERIFY_H

#include "agent/cache/cache.h"

enum finding_kind {
    FINDING_CHANGED,   /* other bytes, or more of them */
    FINDING_MISSING,   /* there is no such file */
    FINDING_TRUNCATED, /* it is too short */
    FINDING_FOREIGN,   /* stands in the tree, but is not of the content; or is no plain file */
};
const char *finding_kind_word(enum finding_kind kind); /* "changed" */

struct finding {
    char *content_id;
    int64_t version;
    char *file;
    enum finding_kind kind;
    bool repaired; /* a foreign file that was removed; else the caller's to set */
};

struct verification {
    int64_t checked, bytes; /* files hashed, each once however many names it has */
    bool resumed;           /* an interrupted pass went on */
    size_t count, cap;
    struct finding *list; /* by content and name */
};

struct verify_options {
    /* Which contents; NULL: all, which is a pass. */
    bool (*wants)(void *arg, const char *content_id, int64_t version);
    bool remove_foreign;
    /* Called for each as it is found, one at a time, on any thread. */
    void (*found)(void *arg, const struct finding *finding);
    void *arg;
};

/* false: code BUSY (another process verifies), or the progress cannot be written. What was found
   is there also then. */
bool cache_verify(struct cache *cache, const struct verify_options *options,
                  struct verification *verification, struct error *err);
void verification_free(struct verification *verification);

/* When the last pass that came to its end did so, ms since 1970; 0: none did. */
int64_t cache_verified_at(const struct cache *cache);

#endif

/* Contents that go. For this room only. */
#ifndef AGENT_CACHE_REMOVE_H
#define AGENT_CACHE_REMOVE_H

#include "agent/cache/census.h"

/* Digests of bytes that stay, whoever else goes. */
struct spared {
    size_t count;
    const char **list; /* sorted; the texts are the staging's */
};
void spared_collect(struct spared *spared, const struct staging *staging);
bool spared_has(const struct spared *spared, const char *sha256);
void spared_free(struct spared *spared);

/* With what is staged of it. `spared` may be NULL. Code BUSY where another process has it. */
bool content_remove(struct cache *cache, const struct census *census,
                    const struct census_content *content, const struct spared *spared,
                    int64_t *freed, struct error *err);

/* Is another process at work on it, or reading it? */
bool content_is_busy(const struct cache *cache, const struct census_content *content);

#endif

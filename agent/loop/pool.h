/*
 * Blocking work on many files at once, for a command that has nothing else to do: as many threads
 * as there are cores, each with what it reads and hashes with.
 *
 * System calls: clone (threads). The threads have the caller's I/O priority.
 */
#ifndef AGENT_LOOP_POOL_H
#define AGENT_LOOP_POOL_H

#include "policy/base/error.h"
#include "policy/base/hash.h"
#include "policy/base/limits.h"

#include <stdbool.h>
#include <stddef.h>

#define POOL_PIECE_BYTES ((size_t)(256 * KIB))

/* What one thread reads with. */
struct pool_tool {
    struct hash *sha256, *sha1;
    unsigned char *piece; /* POOL_PIECE_BYTES */
};
void pool_tool_make(struct pool_tool *tool);
void pool_tool_free(struct pool_tool *tool);

/* Calls `work` for 0 to count - 1, in no order, on several threads at once, the caller's among
   them; begins no further one after a false. Of several errors the one of the lowest index is
   kept. */
bool pool_run(size_t count,
              bool (*work)(void *arg, struct pool_tool *tool, size_t index, struct error *err),
              void *arg, struct error *err);

#endif

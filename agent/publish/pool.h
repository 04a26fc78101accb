/*
 * Files hashed, or copied and hashed, on as many threads as there are cores.
 *
 * System calls: openat2, fstat, read, write, clone (threads).
 */
#ifndef AGENT_PUBLISH_POOL_H
#define AGENT_PUBLISH_POOL_H

#include "agent/publish/tree.h"

/* What one thread reads with. */
struct pool_tool {
    struct hash *sha256, *sha1;
    unsigned char *piece;
};
void pool_tool_make(struct pool_tool *tool);
void pool_tool_free(struct pool_tool *tool);

/* Calls `work` for 0 to count - 1, in no order, on several threads at once, the caller's among
   them; begins no further one after a false. Of several errors the one of the lowest index is
   kept. */
bool pool_run(size_t count,
              bool (*work)(void *arg, struct pool_tool *tool, size_t index, struct error *err),
              void *arg, struct error *err);

/* Reads a file of the tree once: its SHA-256 into the entry, its SHA-1 too where `with_sha1`, its
   bytes to the descriptor `to` (-1: nowhere). A file that is not as it was listed, or does not stay
   so, is ERROR_FAILED, code CHANGED. `where` names the folder `dir` in messages, `target` (may be
   NULL) what is written to. */
struct pool_read {
    int dir, to;
    const char *where, *target;
    bool with_sha1;
};
bool pool_read_file(struct pool_tool *tool, const struct pool_read *how, struct tree_entry *entry,
                    struct error *err);

/* Hashes all files of the tree. */
bool pool_hash_tree(struct tree *tree, int dir, const char *where, bool with_sha1,
                    struct error *err);

#endif

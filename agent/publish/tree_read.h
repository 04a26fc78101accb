/*
 * Files of a tree read once, and hashed, or copied and hashed.
 *
 * System calls: openat2, fstat, read, write.
 */
#ifndef AGENT_PUBLISH_TREE_READ_H
#define AGENT_PUBLISH_TREE_READ_H

#include "agent/loop/pool.h"
#include "agent/publish/tree.h"

/* Reads a file of the tree once: its SHA-256 into the entry, its SHA-1 too where `with_sha1`, its
   bytes to the descriptor `to` (-1: nowhere). A file that is not as it was listed, or does not stay
   so, is ERROR_FAILED, code CHANGED. `where` names the folder `dir` in messages, `target` (may be
   NULL) what is written to. */
struct tree_read {
    int dir, to;
    const char *where, *target;
    bool with_sha1;
};
bool tree_read_file(struct pool_tool *tool, const struct tree_read *how, struct tree_entry *entry,
                    struct error *err);

/* Hashes all files of the tree. */
bool tree_hash(struct tree *tree, int dir, const char *where, bool with_sha1, struct error *err);

#endif

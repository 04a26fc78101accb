/*
 * What is published: a folder, listed once, hashed once, and whether it stood still meanwhile.
 *
 * For this room and who hands it one. System calls: those of tree.
 */
#ifndef AGENT_PUBLISH_INPUT_H
#define AGENT_PUBLISH_INPUT_H

#include "agent/publish/tree.h"

struct input {
    const char *path;        /* for messages */
    int dir;                 /* owned; -1: not open */
    struct tree tree;        /* a file that has a digest must have these bytes */
    char hash[HASH_HEX_MAX]; /* of the folder; empty: not all files are hashed yet */
};

/* What a manifest refuses: ERROR_INPUT (see tree.h). input_close in any case. */
bool input_open(struct input *input, const char *path, struct error *err);
/* The same of a descriptor, which is the input's then. */
bool input_take(struct input *input, int dir, const char *path, struct error *err);
void input_close(struct input *input);

/* Reads all files, where that was not done. Code CHANGED: see tree_read.h. */
bool input_hash(struct input *input, struct error *err);

/* What the manifest names, and nothing else, must be there in its sizes; its digests (SHA-256) are
   those that the bytes must have. Code CORRUPT. */
bool input_expect(struct input *input, const struct manifest *manifest, struct error *err);

/* All files were hashed on their way to somewhere. */
void input_was_hashed(struct input *input);

/* Listed again it is what it was: no file came, went or changed behind the reader. Code CHANGED. */
bool input_stands_still(const struct input *input, struct error *err);

#endif

/*
 * A folder as it lies on the disk: every file and folder below it, by name, with what is needed to
 * tell that a file changed while it was read.
 *
 * Everything is opened beneath the folder's descriptor. What nearpoint keeps for itself, the folder
 * .nearpoint at the top, is left out. System calls: openat2, getdents, fstatat.
 */
#ifndef AGENT_PUBLISH_TREE_H
#define AGENT_PUBLISH_TREE_H

#include "policy/base/error.h"
#include "policy/base/hash.h"
#include "policy/base/mem.h"
#include "policy/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define TREE_RESERVED ".nearpoint"

enum tree_kind { TREE_FILE, TREE_FOLDER, TREE_OTHER }; /* other: a link, a device, ... */

/* What a write to a file changes. */
struct tree_stamp {
    dev_t device;
    ino_t inode;
    int64_t size, mtime_ns, ctime_ns;
};

struct tree_entry {
    const char *name; /* relative, '/' between segments */
    enum tree_kind kind;
    struct tree_stamp stamp;
    char sha256[HASH_HEX_MAX]; /* empty: not hashed */
    char *sha1;                /* NULL: not hashed so; owned */
};

struct tree {
    struct arena arena; /* owns the names */
    size_t count, cap;
    struct tree_entry *entries; /* by folder_compare_names, then byte by byte; owned */
    size_t file_count;
    int64_t bytes;
    bool knows_folders; /* false: made of a manifest, which has no empty folders */
};

enum tree_mode {
    TREE_STRICT,  /* what a manifest refuses, links and devices are refused by name */
    TREE_TOLERANT /* they are entries of kind TREE_OTHER */
};

/* Lists what is below `dir`; `where` names it in messages. Strict: a name that a manifest refuses,
   two that differ by case only (both are named), a link, a device: ERROR_INPUT. On false nothing is
   left to free. */
bool tree_read(struct tree *tree, int dir, const char *where, enum tree_mode mode,
               struct error *err);

/* A manifest's files as such a list; its SHA-1 digests stand in sha1, sha256 is then empty. */
void tree_of_manifest(struct tree *tree, const struct manifest *manifest);

void tree_free(struct tree *tree);

struct tree_stamp tree_stamp_of(const struct stat *st);
bool tree_same_stamp(const struct tree_stamp *a, const struct tree_stamp *b);

/* NULL: there is none. */
struct tree_entry *tree_find(const struct tree *tree, const char *name);

/* The folder hash, with the files' digests from `digests` (a list of the same files, or the tree
   itself) and the folders of `tree`. Files of `digests` need no entry in `tree`. */
void tree_folder_hash(const struct tree *tree, const struct tree *digests, char hex[HASH_HEX_MAX]);

/* Two lists side by side, in the order of names. */
struct tree_walk {
    const struct tree *found, *wanted;
    bool without_case; /* names that are one on Windows are one */
    size_t at_found, at_wanted;
};

/* The next name of either; NULL where a list does not have it. false: both are at their end. */
bool tree_next(struct tree_walk *walk, struct tree_entry **found, struct tree_entry **wanted);

enum tree_difference { TREE_SAME, TREE_CHANGED, TREE_TRUNCATED, TREE_MISSING, TREE_FOREIGN };

/* How a pair of tree_next differs. A folder that only one list can know of is the same. */
enum tree_difference tree_judge(const struct tree_walk *walk, const struct tree_entry *found,
                                const struct tree_entry *wanted);

const char *tree_difference_word(enum tree_difference difference); /* "changed" */

#endif

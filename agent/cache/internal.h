/* What the cache's files share. For this room only. */
#ifndef AGENT_CACHE_INTERNAL_H
#define AGENT_CACHE_INTERNAL_H

#include "agent/cache/cache.h"
#include "policy/base/limits.h"

struct cache {
    char *folder;
    int dir;
    bool sync;
};

#define CACHE_FILELIB "FileLib"
#define CACHE_DATALIB "DataLib"
#define CACHE_STAGING "Staging"

/* "FileLib/AB/ABCD..." */
#define LIBRARY_PATH_SIZE (sizeof CACHE_FILELIB + 4 + HASH_HEX_MAX)
void cache_library_path(char path[LIBRARY_PATH_SIZE], const char *sha256);

/* Reads what the descriptor has from its offset on into the digest. Ends early, ECANCELED, where
   `stop` (may be NULL) becomes true. false with errno set. */
bool cache_hash_open(int fd, struct hash *hash, const atomic_bool *stop);

/* A hard link, or a copy (reflinked where the file system can) where links are refused. false with
   errno set. */
bool cache_link_or_copy(int dir, const char *from, const char *to);

/* Copies between two open files. false with errno set. */
bool cache_copy_bytes(int from, int to);

struct staging {
    struct cache *cache;
    char *content_id;
    int64_t version;
    char *path; /* Staging/<id>.<version> */
    int dir;
    int lock;
    size_t file_count;
    struct staged_file *files;
    const char **names; /* all files' names, in one piece */
    size_t name_count;
    size_t folder_count;            /* of the tree; by the survey */
    const struct manifest *list;    /* NULL: not of a list */
    char folder_hash[HASH_HEX_MAX]; /* of a list; empty: not known */
};

/* Where the tree is, below the staging folder. */
#define STAGING_TREE "tree"

/* Files of one digest become one, in the manifest's order. */
void staging_collect(struct staging *staging, const struct manifest *manifest);

/* Gives the file at `from` (a path in the cache) all its names in the tree, or none: when the disk
   has room again, it is done once more. */
bool staging_put_in_tree(struct staging *staging, const struct staged_file *file, const char *from,
                         struct error *err);

/* listed.c: the digests of a list's files, where an earlier run had proven them. */
void staging_recall_digests(struct staging *staging);
/* Makes the tree of a list's kept files and folders. */
bool staging_build_tree(struct staging *staging, struct error *err);

/* With what is beside it. */
void staging_remove_part(const struct staging *staging, const struct staged_file *file);

struct record_line {
    char sha256[HASH_HEX_MAX];
    int64_t size, mtime_ns;
    char *name;
};

struct record {
    char folder_hash[HASH_HEX_MAX]; /* empty: not known */
    size_t folder_count;
    char **folders; /* that hold nothing */
    size_t count;
    struct record_line *lines; /* by name in byte order */
};

/* DataLib/<id>.<version>.INI. Unreadable or malformed is "no record": false. */
bool record_read(const struct cache *cache, const char *content_id, int64_t version,
                 struct record *record);
void record_free(struct record *record);
const struct record_line *record_find(const struct record *record, const char *name);

/* cache.c: the content's tree; -1 where there is none. */
int cache_open_tree(const struct cache *cache, const char *content_id, int64_t version);
/* What the record says of the file still holds, or its bytes are proven anew. */
bool cache_is_intact(int tree, const struct manifest_file *wanted, const struct record_line *line);

/* Writes it from the kept files. */
bool record_write(const struct cache *cache, const char *content_id, int64_t version,
                  struct staging *staging, struct error *err);

#endif

/* What cache.c, staging.c and record.c share. For this room only. */
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

/* The descriptor of Staging/<id>.<version>. */
int staging_folder(const struct staging *staging);
char *journal_path(const struct staged_file *file); /* within it; the caller frees it */

struct record_line {
    char sha256[HASH_HEX_MAX];
    int64_t size, mtime_ns;
    char *name;
};

struct record {
    size_t count;
    struct record_line *lines; /* by name in byte order */
};

/* DataLib/<id>.<version>.INI. Unreadable or malformed is "no record": false. */
bool record_read(const struct cache *cache, const char *content_id, int64_t version,
                 struct record *record);
void record_free(struct record *record);
const struct record_line *record_find(const struct record *record, const char *name);

/* Writes it from the kept files. */
bool record_write(const struct cache *cache, const char *content_id, int64_t version,
                  struct staging *staging, struct error *err);

#endif

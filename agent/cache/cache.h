/*
 * The content library on this machine: every file's bytes once, by their SHA-256, and a readable
 * tree a content.
 *
 *     FileLib/<first 2 hex>/<SHA-256>      a file's bytes, verified, mode 0444
 *     DataLib/<content ID>.<version>/      the tree: hard links into FileLib
 *     DataLib/<content ID>.<version>.INI   the content's record: a line a file
 *     Staging/<content ID>.<version>/      what is not published: nobody's to read
 *
 * Nothing unverified ever stands in FileLib or DataLib; a content appears by one rename.
 * Everything is opened beneath the cache's descriptor. Functions of one `struct staging` that say
 * so may run on worker threads, for different files at once.
 */
#ifndef AGENT_CACHE_CACHE_H
#define AGENT_CACHE_CACHE_H

#include "policy/base/error.h"
#include "policy/base/spans.h"
#include "policy/manifest.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct cache;

/* Makes the folder and its rooms where they are missing. `sync`: a content counts as published
   only when the disk has it. */
struct cache *cache_open(const char *folder, bool sync, struct error *err);
void cache_close(struct cache *cache);

/* Where the content's tree stands, or would; the caller frees it. */
char *cache_path(const struct cache *cache, const char *content_id, int64_t version);

/* Is this very content (names, sizes, digests) here and intact? A file whose size or time differs
   from the record is hashed. Reads only. */
bool cache_has(const struct cache *cache, const char *content_id, int64_t version,
               const struct manifest *manifest);

/* Copies the content's tree to `target`, which must not exist or be an empty folder: built beside
   it and renamed. */
bool cache_copy_out(const struct cache *cache, const char *content_id, int64_t version,
                    const struct manifest *manifest, const char *target, struct error *err);

/* One digest of a content: fetched once, however many names it has. */
struct staged_file {
    const struct manifest_file *file; /* the first of its names */
    size_t name_count;
    const char **names;
    enum { STAGED_NONE, STAGED_PART, STAGED_LIBRARY } found; /* by staging_survey */
    char sha256[HASH_HEX_MAX];                               /* known once kept */
    int64_t mtime_ns;                                        /* once kept */
    bool kept; /* verified and in the tree that will be published */
};

struct staging;

/* Opens Staging/<id>.<version> under its lock. Another process holds it: false, code BUSY, its
   process id in the text. */
struct staging *staging_open(struct cache *cache, const char *content_id, int64_t version,
                             const struct manifest *manifest, struct error *err);

/* The content's distinct files, in the manifest's order. */
size_t staging_file_count(const struct staging *staging);
struct staged_file *staging_file(struct staging *staging, size_t index);

/* Finds out which files an earlier run left, whole in FileLib or begun in Staging. Worker. */
bool staging_survey(struct staging *staging, struct error *err);

/* Is there room, in bytes and in files, for what is still missing? No: DISK_SPACE or DISK_INODES,
   with the numbers. */
bool staging_fits(const struct staging *staging, struct error *err);

/* Opens a file's part for reading and writing; `have` gets what it holds. Longer than the file:
   emptied, and *note (else untouched) says so. Worker. Returns -1 on failure. */
int staging_open_part(struct staging *staging, const struct staged_file *file, struct spans *have,
                      const char **note, struct error *err);

/* The record of what lies ahead of a part's front (journal.c). Worker.
   staging_open_ahead makes it where there is none, with [0, front) as its first line; the caller
   closes the descriptor, -1 on failure. staging_note_ahead adds what was written since. */
int staging_open_ahead(struct staging *staging, const struct staged_file *file, int64_t front,
                       struct error *err);
bool staging_note_ahead(int fd, const struct staged_file *file, const struct spans *written,
                        struct error *err);
void staging_forget_ahead(struct staging *staging, const struct staged_file *file);
/* What a part of this length holds; where there is no record, all of it. */
bool staging_load_ahead(struct staging *staging, const struct staged_file *file, int64_t size,
                        struct spans *have, struct error *err);

/* The part is whole and its digest right: takes it into the tree. `sha256` is its SHA-256; `fd`
   stays the caller's. Worker. */
bool staging_keep_part(struct staging *staging, struct staged_file *file, int fd,
                       const char *sha256, struct error *err);

/* Hashes the file that FileLib has; takes it into the tree (file->kept), or removes it where its
   bytes are wrong (true, and file->kept false). Ends early, false, where `stop` becomes true.
   Worker. */
bool staging_keep_library(struct staging *staging, struct staged_file *file,
                          const atomic_bool *stop, struct error *err);

/* The validator (ETag or Last-Modified) that `origin` (a URL without query) gave for a file's part,
   for If-Range: kept beside the part. Absent: both empty. Losing it costs an unconditional request.
   Worker. */
#define STAGING_ORIGIN_SIZE    2048
#define STAGING_VALIDATOR_SIZE 256
struct staged_validator {
    char origin[STAGING_ORIGIN_SIZE];
    char text[STAGING_VALIDATOR_SIZE];
};
void staging_save_validator(struct staging *staging, const struct staged_file *file,
                            const struct staged_validator *validator);
void staging_load_validator(struct staging *staging, const struct staged_file *file,
                            struct staged_validator *validator);

/* All files are kept: publishes the content by one rename and empties the staging folder. A disk
   that refuses to sync them is not trusted with them again: their parts are removed. Worker. */
bool staging_publish(struct staging *staging, struct error *err);

/* Unlocks; parts stay for the next run. */
void staging_close(struct staging *staging);

#endif

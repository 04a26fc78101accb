/*
 * The content library on this machine: every file's bytes once, by their SHA-256, and a readable
 * tree a content.
 *
 *     FileLib/<first 2 hex>/<SHA-256>      a file's bytes, verified, mode 0444
 *     PkgLib/<content ID>.INI              the versions that are here
 *     DataLib/<content ID>.<version>/      the tree: hard links into FileLib
 *     DataLib/<content ID>.<version>.INI   the content's record: a line a file; its time is that of
 *                                          the content's last use
 *     Staging/<content ID>.<version>/      what is not published: nobody's to read
 *
 * It may span two places on two disks; a content is wholly in one. Nothing unverified ever stands
 * in FileLib or DataLib; a content appears, and goes, by one rename. Everything is opened beneath a
 * place's descriptor. Who changes a content holds the lock in its staging folder (of the first
 * place); who reads its tree for longer holds the tree's own, shared; both die with their process.
 * Functions of one `struct staging` that say so may run on worker threads, for different files at
 * once.
 */
#ifndef AGENT_CACHE_CACHE_H
#define AGENT_CACHE_CACHE_H

#include "agent/loop/loop.h"
#include "policy/base/error.h"
#include "policy/base/spans.h"
#include "policy/manifest.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct cache;

/* How large the library may grow, and what stays. All zero: no limit, and nothing is kept. */
struct cache_rules {
    int64_t megabytes, percent; /* of the disks it stands on; the smaller holds; 0: no limit */
    int64_t free_megabytes;     /* left free on each disk */
    int64_t keep_seconds;       /* after its last use a content stays */
    bool (*is_pinned)(void *arg, const char *content_id, int64_t version); /* NULL: none is */
    void *arg;
};

struct cache_options {
    const char *folder;
    const char *secondary; /* where the first has no room; NULL: there is none */
    bool sync;             /* a content counts as published only when the disk has it */
    struct cache_rules rules;
    const struct clock *clock; /* kept by reference */
};

/* Makes the folders' rooms where they are missing. The texts may go afterwards. */
struct cache *cache_open(const struct cache_options *options, struct error *err);
void cache_close(struct cache *cache);

/* Where the content's tree stands, or would; the caller frees it. */
char *cache_path(const struct cache *cache, const char *content_id, int64_t version);

/* It was used now. A disk that cannot note it is fine. */
void cache_touch(const struct cache *cache, const char *content_id, int64_t version);

/* Is this very content (names, sizes, digests) here and intact? A file whose size or times are not
   those that a record has of its bytes is hashed, and recorded anew where it is right. */
bool cache_has(struct cache *cache, const char *content_id, int64_t version,
               const struct manifest *manifest);

/* Is a content with this folder hash here and intact? Then `manifest` becomes what it holds, its
   digests and empty folders with it; the caller frees it. Else as cache_has. */
bool cache_has_folder(struct cache *cache, const char *content_id, int64_t version,
                      const char *folder_hash, struct manifest *manifest);

/* What its record says that it holds, with digests and empty folders; the caller frees it. Not held
   against the bytes. false: it is not there. */
bool cache_recorded(const struct cache *cache, const char *content_id, int64_t version,
                    struct manifest *manifest);

/* Opens the content's tree and holds it: it is not removed until the descriptor is closed. -1: it
   is not there, or another process is removing it. */
int cache_hold(const struct cache *cache, const char *content_id, int64_t version,
               struct error *err);

/* Copies the content's tree to `target`, which must not exist or be an empty folder: built beside
   it and renamed. */
bool cache_copy_out(const struct cache *cache, const char *content_id, int64_t version,
                    const struct manifest *manifest, const char *target, struct error *err);

/* One digest of a content: fetched once, however many names it has. */
struct staged_file {
    const struct manifest_file *file; /* the first of its names */
    size_t name_count;
    const char **names;
    /* By staging_survey, and when its part was closed. */
    enum { STAGED_NONE, STAGED_PART, STAGED_LIBRARY } found;
    int64_t on_disk;           /* bytes of disk that its part has, however long it is */
    char sha256[HASH_HEX_MAX]; /* known once kept */
    /* Of STAGED_LIBRARY: which of the cache's places has it, its times as they were found. */
    size_t place;
    int64_t mtime_ns, ctime_ns;
    bool kept;      /* verified and in the tree that will be published; of a list: whole,
                       its digest known */
    bool is_listed; /* no digest was known before */
};

struct staging;

/* Opens Staging/<id>.<version> under its lock. Another process holds it: false, code BUSY, its
   process id in the text. `manifest` may be NULL: a list follows. */
struct staging *staging_open(struct cache *cache, const char *content_id, int64_t version,
                             const struct manifest *manifest, struct error *err);

/* What the content holds, as a distribution point lists it, instead of what was known before. No
   file is open. The list outlives the staging. */
void staging_take_list(struct staging *staging, const struct manifest *list);

/* All files of a list are kept: the folder hash that they have. */
void staging_folder_hash(struct staging *staging, char hex[HASH_HEX_MAX]);

/* Throws all bytes away, with what is beside them. No file is open. Worker. */
void staging_distrust(struct staging *staging);

/* The content's distinct files, in the manifest's order. */
size_t staging_file_count(const struct staging *staging);
struct staged_file *staging_file(struct staging *staging, size_t index);

/* Finds out which files an earlier run left, whole in FileLib or begun in Staging; none is kept
   yet. Worker. */
bool staging_survey(struct staging *staging, struct error *err);

/* Takes into the tree, in one sweep, what FileLib has and a record proves. After the survey.
   Worker. */
bool staging_keep_proven(struct staging *staging, struct error *err);

/* Makes room for what is still missing: takes the place that has it, the first before the second;
   then the least recently used contents go. Whatever cannot fit is refused before anything goes:
   code CACHE_SIZE, or those of staging_fits, with the numbers. A change of the place surveys anew.
   After the survey. Worker. */
bool staging_make_room(struct staging *staging, struct error *err);

/* The contents (contents.h) that went for it since the last call; the caller frees the list. */
struct cache_contents;
void staging_take_evicted(struct staging *staging, struct cache_contents *evicted);

/* Has its place's disk room for what is still missing, beside what stays free? Codes DISK_SPACE and
   DISK_INODES (blame disk), the numbers in the text. What the parts on disk have already does not
   count; those that are open count as they were before. Loop's thread, after the survey: asks the
   disk one question. */
bool staging_fits(const struct staging *staging, struct error *err);

/* A file's part while it is open. As long as it grows in order its length says what is there. From
   the first byte beyond that on, the record beside it ("<digest>.ahead") does: a line "START END" a
   run, appended after the run was written; the first line is "0 FRONT". */
struct staged_part {
    int fd;           /* for reading and writing; -1: not open */
    bool recorded;    /* the record counts, not the length */
    int record;       /* for appending; -1: not open */
    size_t appended;  /* bytes since it was made anew */
    const char *note; /* why what an earlier run left is not used; NULL: it is, or there was none */
};

/* Opens it, making it where it is missing; `have` (empty before, the caller's to free) becomes the
   ranges that are there. A part that is longer than the file, or whose record is no record, is
   emptied. Worker. */
bool staging_open_part(struct staging *staging, const struct staged_file *file,
                       struct staged_part *part, struct spans *have, struct error *err);

/* Gives it blocks for the whole file; the length stays. A file system that cannot is fine; one that
   has no room is not. Worker. */
bool staging_preallocate(const struct staged_file *file, const struct staged_part *part,
                         struct error *err);

/* Makes the record, or makes it anew: `have` is there. Before the first byte beyond the front.
   Worker. */
bool staging_begin_record(struct staging *staging, const struct staged_file *file,
                          struct staged_part *part, const struct spans *have, struct error *err);

/* `runs` were written and are in `have`. One write. Worker. */
bool staging_add_to_record(struct staging *staging, const struct staged_file *file,
                           struct staged_part *part, const struct spans *runs,
                           const struct spans *have, struct error *err);

/* Begins anew at 0: no byte, no record. Worker. */
bool staging_empty_part(struct staging *staging, const struct staged_file *file,
                        struct staged_part *part, struct error *err);

/* Closes it and notes what it has on disk. Not open is fine. Worker. */
bool staging_close_part(struct staged_file *file, struct staged_part *part, struct error *err);

/* The part is whole and its digest right: takes it into the tree. `sha256` is its SHA-256; `fd`
   stays the caller's. On failure the part is as it was. One of a list stays where it is until all
   are there. Worker. */
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

/* Where the bytes came from, for the record: one line. */
void staging_set_origin(struct staging *staging, const char *origin);

/* All files are kept (of a list: and its folder hash is right): publishes the content by one rename
   and empties the staging folder. A disk that refuses to sync the bytes is not trusted with them
   again: the parts are removed, and no file is kept. After a failure a survey comes first. Worker.
 */
bool staging_publish(struct staging *staging, struct error *err);

/* Unlocks; parts stay for the next run. */
void staging_close(struct staging *staging);

#endif

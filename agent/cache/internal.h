/* What the cache's files share: cache.c (places, what is asked), copy_out.c, record.c, proofs.c
   (which bytes are proven), index.c (PkgLib), walk.c (many names of one tree); staging.c,
   staged_part.c, listed.c, reuse.c (on the way); census.c, space.c, remove.c (size). For this room
   only. */
#ifndef AGENT_CACHE_INTERNAL_H
#define AGENT_CACHE_INTERNAL_H

#include "agent/cache/contents.h"
#include "policy/base/buf.h"
#include "policy/base/limits.h"

#include <sys/stat.h>

/* One of the folders that the library spans. */
struct place {
    char *folder;
    int dir;
};

#define PLACES_MAX 2

struct cache {
    size_t place_count;
    struct place places[PLACES_MAX]; /* the first is the primary */
    bool sync;
    struct cache_rules rules;
    const struct clock *clock;
};

#define CACHE_FILELIB "FileLib"
#define CACHE_DATALIB "DataLib"
#define CACHE_PKGLIB  "PkgLib"
#define CACHE_STAGING "Staging"

/* "FileLib/AB/ABCD..." */
#define LIBRARY_PATH_SIZE (sizeof CACHE_FILELIB + 4 + HASH_HEX_MAX)
void cache_library_path(char path[LIBRARY_PATH_SIZE], const char *sha256);

/* "DataLib/<id>.<version><suffix>"; the caller frees it. */
char *cache_data_path(const char *content_id, int64_t version, const char *suffix);

/* The place that has the content's record; NULL: none has. */
const struct place *cache_find(const struct cache *cache, const char *content_id, int64_t version);

/* Reads what the descriptor has from its offset on into the digest. Ends early, ECANCELED, where
   `stop` (may be NULL) becomes true. false with errno set. */
bool cache_hash_open(int fd, struct hash *hash, const atomic_bool *stop);

/* The SHA-256 of all of it, likewise. */
bool cache_digest(int fd, const atomic_bool *stop, char hex[HASH_HEX_MAX]);

/* A hard link, or a copy (reflinked where the file system can) where links are refused. false with
   errno set. */
bool cache_link_or_copy(int dir, const char *from, const char *to);

/* Copies between two open files. false with errno set. */
bool cache_copy_bytes(int from, int to);
/* A file below one folder becomes one below another, which must not be there. false with errno
   set. */
bool cache_copy_file(int from_dir, const char *from, int to_dir, const char *to, mode_t mode);

struct staging {
    struct cache *cache;
    char *content_id;
    int64_t version;
    char *path;                /* Staging/<id>.<version>, of any place */
    const struct place *place; /* where its bytes are */
    int dir;                   /* `path` there */
    int lock, lock_dir;        /* `path` of the first place, and the lock in it */
    size_t file_count;
    struct staged_file *files;
    const char **names; /* all files' names, in one piece */
    size_t name_count;
    size_t folder_count;            /* of the tree; by the survey */
    const struct manifest *list;    /* NULL: not of a list */
    char folder_hash[HASH_HEX_MAX]; /* empty: not known */
    char *origin;                   /* NULL: not known */
    struct cache_contents evicted;  /* since somebody asked */
};

/* Where the tree is, below the staging folder. */
#define STAGING_TREE "tree"

/* Files of one digest become one, in the manifest's order. */
void staging_collect(struct staging *staging, const struct manifest *manifest);

/* The digest by which FileLib may have it; empty: not known. */
const char *staging_library_digest(const struct staged_file *file);

/* Gives the file at `from` (a path in the place) all its names in the tree, or none: when the disk
   has room again, it is done once more. */
bool staging_put_in_tree(struct staging *staging, const struct staged_file *file, const char *from,
                         struct error *err);

/* Takes the first of its names out again. */
void staging_take_from_tree(struct staging *staging, const struct staged_file *file, size_t count);

/* The content stands, or is gone: so does its staging folder. What cannot be removed is left to the
   next run. */
void staging_clear_away(const struct staging *staging);

/* Its bytes are to be in another place: what the old one has of them goes. */
bool staging_move(struct staging *staging, const struct place *place, struct error *err);

/* listed.c: the digests of a list's files, where an earlier run had proven them. */
void staging_recall_digests(struct staging *staging);
/* Makes the tree of a list's kept files and folders. */
bool staging_build_tree(struct staging *staging, struct error *err);

/* With what is beside it. */
void staging_remove_part(const struct staging *staging, const struct staged_file *file);

/* ---- FileLib's folders ---- */

/* Opened when they are first asked for. */
struct shelves {
    const struct cache *cache;
    int fds[PLACES_MAX][256]; /* -1: not opened; -2: not there */
};
void shelves_begin(struct shelves *shelves, const struct cache *cache);
/* The folder that has, or would have, the file of this digest; below 0: there is none. */
int shelves_open(struct shelves *shelves, const struct place *place, const char *sha256);
void shelves_end(struct shelves *shelves);

/* ---- records ---- */

/* What a file's metadata was when its bytes were known to be right. */
struct stamp {
    int64_t size, mtime_ns, ctime_ns;
};
struct stamp stamp_of(const struct stat *status);
bool stamp_equal(const struct stamp *a, const struct stamp *b);

struct record_line {
    char sha256[HASH_HEX_MAX];
    struct stamp stamp;
    const char *name;
};

struct record {
    struct buf text;        /* owns the texts below */
    const char *content_id; /* as it is written there; NULL: not known */
    int64_t version;
    int64_t used_ms;         /* last use, since 1970 */
    const char *origin;      /* "": not known */
    const char *folder_hash; /* "": not known */
    size_t folder_count;
    const char **folders; /* that hold nothing */
    size_t count;
    struct record_line *lines; /* by name in byte order */
};

/* DataLib/<id>.<version>.INI. Unreadable or malformed is "no record": false. */
bool record_read(const struct place *place, const char *content_id, int64_t version,
                 struct record *record);
/* Bytes of all its names, by a look at its head; -1: it does not say. */
int64_t record_read_size(const struct place *place, const char *content_id, int64_t version);
void record_free(struct record *record);
struct record_line *record_find(const struct record *record, const char *name);

/* Writes it from the tree, with the files' metadata as they are now. */
bool record_write(struct staging *staging, struct error *err);
/* Writes one that was read, with its lines as they are now; the time of use stays. The caller holds
   the content's lock. */
bool record_rewrite(const struct place *place, const struct record *record, struct error *err);

/* ---- proofs ---- */

struct proof {
    char sha256[HASH_HEX_MAX];
    struct stamp stamp;
};

/* All that the records of a place say of bytes. */
struct proofs {
    size_t count, cap;
    struct proof *list; /* by digest once read */
};
void proofs_read(const struct place *place, struct proofs *proofs);
/* Record after record, the last used first, until `each` has enough (false): a further link changes
   its file's times, so that mostly the newest record alone knows them. */
void proofs_each(const struct place *place, bool (*each)(void *arg, const struct proofs *proofs),
                 void *arg);
bool proofs_know(const struct proofs *proofs, const char *sha256, const struct stamp *stamp);
/* Does any record have a file of this digest? */
bool proofs_name(const struct proofs *proofs, const char *sha256);
void proofs_free(struct proofs *proofs);

/* ---- a tree's names ---- */

/* Remembers the folder that the last name stood in. Names in byte order open each folder about
   once. */
struct walk {
    int root, parent; /* parent -1: none yet */
    char *path;       /* of the parent */
};
void walk_begin(struct walk *walk, int root);
/* The folder's descriptor and where the last part of `name` begins. -1 with errno set. */
int walk_parent(struct walk *walk, const char *name, const char **leaf);
void walk_end(struct walk *walk);

/* hold.c: the content's tree; -1 where there is none. */
int cache_open_tree(const struct place *place, const char *content_id, int64_t version);
/* Takes the tree's own lock: nobody reads it now, and who comes next does not find it once it has
   left its name. false: somebody does. */
bool cache_claim_tree(int tree);

/* ---- the trees that are asked for ---- */

/* An open tree and what is known of it. */
struct checked_tree {
    const struct place *place;
    int dir;
    bool renewed; /* lines have new stamps */
    bool knows;   /* `proofs` was read */
    struct proofs proofs;
};
/* false: there is no record, or no tree; nothing is to be closed or freed then. */
bool cache_open_checked(const struct cache *cache, const char *content_id, int64_t version,
                        struct checked_tree *tree, struct record *record);
void cache_close_checked(struct checked_tree *tree);
/* Does what the record says of the file still hold, or is it proven anew? Then the line gets its
   new stamp. The record knows SHA-256 only: a manifest with another digest is asked every time. */
bool cache_is_intact(struct checked_tree *tree, const struct manifest_file *wanted,
                     struct record_line *line);
/* Keeps the new stamps: the next look need not hash. A disk or a lock that refuses is fine. */
void cache_keep_stamps(struct cache *cache, const struct checked_tree *tree,
                       const struct record *record);

/* ---- what is there ---- */

/* "<content ID>.<version><suffix>", cut in place. false: it is none. */
bool name_split(char *name, const char *suffix, int64_t *version);

/* Calls `each` for every such name in a room of a place, in no order. */
void names_each(const struct place *place, const char *room, const char *suffix,
                void (*each)(void *arg, const char *content_id, int64_t version,
                             const struct place *place),
                void *arg);

/* PkgLib/<id>.INI names what DataLib has now. */
bool index_write(const struct cache *cache, const struct place *place, const char *content_id,
                 struct error *err);

bool index_names(const struct place *place, const char *content_id, int64_t version);

/* The same of every content, and what killed writers left in PkgLib goes. */
void indexes_renew(struct cache *cache, const struct place *place);

#endif

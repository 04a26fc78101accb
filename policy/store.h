/*
 * The policy that was fetched: documents below the state folder, each under the SHA-256 of its
 * bytes and never changed, and one record that says which of them are in force. A new set comes in
 * by one rename of that record, whole or not at all, whenever the process is killed.
 *
 *   policy/current.json      the set in force
 *   policy/events.json       the newest LIMIT_EVENTS events
 *   policy/documents/<HEX>   mode 0600
 *   policy/lock              held by who writes; readers need none
 *
 * Times are seconds since 1970, UTC, and come in as arguments. `state_dir` is the state folder's
 * descriptor, which stays the caller's. A writer's functions may be called on any thread, one at a
 * time. System calls: those of policy/base/beneath.h, flock, readdir, read.
 */
#ifndef POLICY_STORE_H
#define POLICY_STORE_H

#include "policy/base/buf.h"
#include "policy/base/hash.h"
#include "policy/base/mem.h"
#include "policy/instance.h"

#include <stdint.h>

struct store_document {
    const char *policy_id;
    const char *version_text; /* PolicyVersion as written */
    int64_t version[2];
    const char *url;           /* where it came from; names the document in messages */
    const char *category;      /* PolicyCategory of its assignment, or NULL */
    char sha256[HASH_HEX_MAX]; /* upper-case hex: its name in the store */
    int64_t bytes;
    bool conditional; /* its assignment has a Condition, which cannot be evaluated: not applied */
    bool is_signed;   /* itself, or by the reply's signature */
};

struct store_set {
    struct arena arena;       /* owns the texts */
    const char *policy_point; /* URL as configured; NULL: nothing was fetched */
    const char *etag;         /* of the reply, or NULL */
    char reply_sha256[HASH_HEX_MAX];
    const char *source;   /* PolicySource of the reply, or NULL */
    int64_t fetched;      /* when it came into force */
    int64_t checked;      /* when the policy point last said that it is the newest */
    bool is_signed;       /* the reply */
    int64_t signing_time; /* the newest signing time of a reply taken so far; 0: none */
    size_t count;
    struct store_document *documents; /* in the reply's order; in the arena */
};

/* The set in force; without one `policy_point` is NULL and `count` 0. A record that cannot be read:
   false, ERROR_INPUT, code DAMAGED. `state_dir` -1: no state folder, no set. */
bool store_read(struct store_set *set, int state_dir, struct error *err);
void store_free(struct store_set *set);

/* A document's bytes into `out` (appended). Bytes that are not those of its name: false,
   ERROR_INPUT, code DAMAGED. One that a switch removed meanwhile: ERROR_FAILED, code ENOENT. */
bool store_read_document(int state_dir, const struct store_document *document, struct buf *out,
                         struct error *err);

/* The set in force into `policy`, which is all-zero: its documents, in the set's order, named by
   their URLs; not settled. What a switch removes meanwhile makes it begin anew. On false both are
   freed. */
bool store_load(struct store_set *set, int state_dir, struct policy *policy, struct error *err);

enum store_event_kind {
    STORE_DOWNLOADED, /* a document */
    STORE_APPLIED,    /* a document came into force */
    STORE_DROPPED,    /* a document went out of force */
    STORE_REFUSED,    /* a reply or a set, with why */
    STORE_UNCHANGED,  /* the policy point has nothing new; of several in a row only the last */
};

struct store_event {
    int64_t time;
    enum store_event_kind kind;
    const char *policy_id, *version; /* NULL: of the whole set */
    const char *text;                /* may hold text from outside, unescaped */
};

struct store_events {
    struct arena arena;
    size_t count;
    struct store_event *rows; /* in the order in which they happened; in the arena */
};

/* Never fails: a history that cannot be read is an empty one. */
void store_read_events(struct store_events *events, int state_dir);
void store_free_events(struct store_events *events);

const char *store_event_word(enum store_event_kind kind); /* "downloaded" */

/* The writer */

struct store;

/* Makes the folders and takes the lock. Another writer has it: NULL, ERROR_FAILED, code BUSY. */
struct store *store_open(int state_dir, struct error *err);

/* Removes what the set in force does not name, leftovers of killed writers too. NULL is fine. */
void store_close(struct store *store);

/* The set in force, the store's own until the next switch or reset. NULL: as store_read. */
const struct store_set *store_current(struct store *store, struct error *err);

/* Is there an undamaged document of this SHA-256? */
bool store_has(struct store *store, const char *sha256, int64_t *bytes);

/* Are all documents in force there and undamaged? */
bool store_is_whole(struct store *store);

/* Keeps a document; `sha256` is its digest. It is not in force before a switch names it. */
bool store_put(struct store *store, const void *bytes, size_t len, const char *sha256,
               struct error *err);

/* A set in which a policy goes to a lower version than in the set in force: false, ERROR_INPUT,
   code OLDER_POLICY. */
bool store_check_versions(struct store *store, const struct store_set *next, struct error *err);

/* Puts the set in force. It must keep to store_check_versions, and its documents, all kept before,
   must be policy that can be read and settled, with the PolicyID and version that the set says and
   with site objects that can be: else false, and the old set stays. */
bool store_switch(struct store *store, const struct store_set *next, struct error *err);

/* The policy point said that the set in force is the newest. */
bool store_touch(struct store *store, int64_t now, struct error *err);

/* Adds to the history. */
bool store_note(struct store *store, const struct store_event *events, size_t count,
                struct error *err);

/* Drops the set in force, damaged or not, its signing time and the history. */
bool store_reset(struct store *store, struct error *err);

#endif

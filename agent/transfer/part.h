/*
 * A file being received (DataTransferService's share of the work): bytes come in on the loop's
 * thread, in one stream or in several, and are written at their places and hashed as the file's
 * front passes on a worker's; the file is kept only when its digest is right. The running digest
 * outlives a source, and what lies ahead of the front is in the staging folder's record of it, so
 * no byte is fetched twice.
 */
#ifndef AGENT_TRANSFER_PART_H
#define AGENT_TRANSFER_PART_H

#include "agent/cache/cache.h"
#include "agent/loop/loop.h"
#include "policy/base/spans.h"

/* Pieces of memory that parts share and give back; loop's thread only. Bounds, 0: the part's own,
   none: `queued_max` of the pieces of one part that wait for a worker; `taken_max` of all that are
   in use, beyond which each part has one at most (and what one write brings). */
struct part_pool {
    struct chunk *free;
    size_t queued_max;
    size_t taken, taken_max;
};
void part_pool_free(struct part_pool *pool);

enum part_end {
    PART_KEPT,   /* verified and in the tree that will be published */
    PART_WRONG,  /* all bytes, wrong digest: dropped; begin anew at 0 */
    PART_FAILED, /* the local disk; err says */
    PART_CLOSED, /* as asked; what was received is on disk, file->found says so */
};

struct part_events {
    void (*opened)(void *arg); /* what an earlier run left is known */
    void (*ended)(void *arg, enum part_end end, const struct error *err);
    void *arg;
};

/* A run of bytes that comes in. The caller's; in place until part_stream_end. */
struct part_stream {
    int64_t at;              /* the next byte's offset; the part's to move */
    int64_t end;             /* where it stops; the caller may lower it, not below `at` */
    void (*room)(void *arg); /* part_write takes bytes again */
    void *arg;
    bool no_room; /* the part's own, as what follows */
    bool due;     /* `room` is to be called */
    struct chunk *filling;
    struct part_stream *next;
};

struct part;

/* `sync`: write-back begins while the bytes come. Files of 1 MiB and more are preallocated without
   growing their visible length. */
struct part *part_create(struct loop *loop, struct part_pool *pool, struct staging *staging,
                         struct staged_file *file, bool sync, const struct part_events *events);

/* Looks at what an earlier run left. true: nothing, ready at once. false: `opened` or, where the
   library has the file whole, `ended` follows. */
bool part_open(struct part *part);

/* Why what an earlier run left is not used ("the part is longer than the file"); NULL: it is, or
   there was none. After `opened`. */
const char *part_note(const struct part *part);

/* All bytes before it were received. */
int64_t part_front(const struct part *part);
/* How many were, wherever they lie. */
int64_t part_received(const struct part *part);
/* The first run at or after `from` that was neither received nor is a stream's. false: none. */
bool part_gap(const struct part *part, int64_t from, struct span *gap);

/* What `origin` gave as validator for the bytes so far; empty where another gave it. */
const char *part_validator(const struct part *part, const char *origin);
/* `origin` gives bytes under this validator from now on; kept beside the part for the next run. */
void part_note_origin(struct part *part, const char *origin, const char *validator);

/* Drops all bytes: begin anew at 0. No stream is open. */
void part_restart(struct part *part);

/* Takes the run [start, end) as the stream's; `room` and `arg` are set before. */
void part_stream_begin(struct part *part, struct part_stream *stream, int64_t start, int64_t end);

/* At most end - at bytes; more are left out. false: no room, nothing taken; the stream's `room`
   follows. Bytes that the digest has seen stay, whoever sends others for their place. */
bool part_write(struct part *part, struct part_stream *stream, const char *bytes, size_t len);

/* No more bytes: what was received goes to disk, the rest of the run is free again. Never calls
   back. A stream that is not open is fine. */
void part_stream_end(struct part *part, struct part_stream *stream);

/* All bytes are there and no stream is open: verify; `ended` follows (KEPT, WRONG, FAILED). After
   WRONG the part can be begun anew. */
void part_finish(struct part *part);

/* Leaves off what is under way (opening, verifying), soon; `ended` follows (CLOSED, or what it came
   to), and `opened` does not. */
void part_interrupt(struct part *part);

/* No stream is open: flush and close; `ended` follows (CLOSED, FAILED; KEPT where it was being
   verified). It can be opened again, by another part_create. */
void part_close(struct part *part);

/* After `ended` (not WRONG), or before anything was asked of it. */
void part_free(struct part *part);

#endif

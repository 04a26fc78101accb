/*
 * A file being received (DataTransferService's share of the work): bytes come in on the loop's
 * thread, are written and hashed in order on a worker's, and the file is kept only when its digest
 * is right. The running digest outlives a source, so no byte is fetched twice.
 */
#ifndef AGENT_TRANSFER_PART_H
#define AGENT_TRANSFER_PART_H

#include "agent/cache/cache.h"
#include "agent/loop/loop.h"

/* Pieces of memory that parts share and give back; loop's thread only. */
struct part_pool {
    struct chunk *free;
};
void part_pool_free(struct part_pool *pool);

enum part_end {
    PART_KEPT,   /* verified and in the tree that will be published */
    PART_WRONG,  /* all bytes, wrong digest: dropped; begin anew at 0 */
    PART_FAILED, /* the local disk; err says */
    PART_CLOSED, /* as asked; what was received is on disk */
};

struct part_events {
    void (*opened)(void *arg); /* part_front is known */
    void (*room)(void *arg);   /* part_write takes bytes again */
    void (*ended)(void *arg, enum part_end end, const struct error *err);
    void *arg;
};

struct part;

/* `sync`: write-back begins while the bytes come. */
struct part *part_create(struct loop *loop, struct part_pool *pool, struct staging *staging,
                         struct staged_file *file, bool sync, const struct part_events *events);

/* Looks at what an earlier run left. true: nothing, ready at once. false: `opened` or, where the
   library has the file whole, `ended` follows. */
bool part_open(struct part *part);

/* The next byte's offset: all before it were received. */
int64_t part_front(const struct part *part);

/* What `origin` gave as validator for the bytes so far; empty where another gave it. */
const char *part_validator(const struct part *part, const char *origin);

/* Bytes follow from `start`: part_front, or 0 (what was there is dropped). */
void part_begin(struct part *part, int64_t start, const char *origin, const char *validator);

/* false: no room; `room` follows. */
bool part_write(struct part *part, const char *bytes, size_t len);

/* No more bytes from this source: what was received goes to disk. */
void part_flush(struct part *part);

/* All bytes are there: verify; `ended` follows (KEPT, WRONG, FAILED). After WRONG the part can be
   begun anew. */
void part_finish(struct part *part);

/* Leaves off what `part_open` began, soon; `ended` follows (CLOSED, or what it came to). */
void part_interrupt(struct part *part);

/* Flush and close; `ended` follows (CLOSED, FAILED). */
void part_close(struct part *part);

/* After `ended` (not WRONG), or before anything was asked of it. */
void part_free(struct part *part);

#endif

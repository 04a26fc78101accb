/*
 * The one owner of connections: how many there are in all, how many a distribution point gets, and
 * which job gets the next. Jobs ask for each one and give it back; sources never do.
 *
 * A distribution point that does not answer rests here for all jobs, on the monotonic clock, for a
 * bounded time. One that refuses a file, or lies, is the job's own matter.
 */
#ifndef AGENT_TRANSFER_SCHEDULER_H
#define AGENT_TRANSFER_SCHEDULER_H

#include "agent/loop/loop.h"
#include "agent/transfer/job.h"
#include "policy/site.h"

struct scheduler;

/* `connections` in all; `per_source` bounds what a Foreground job opens to one distribution
   point; other priorities open 2 at most, a workstation gets 1 (configmgr-facts 2). */
struct scheduler *scheduler_create(struct loop *loop, size_t connections, size_t per_source);
void scheduler_free(struct scheduler *scheduler); /* every member has left; NULL is fine */

/* A distribution point as all jobs see it, by its name. */
struct host {
    char *name;
    bool workstation;
    size_t busy;
    size_t limit;        /* the site's own limit; 0: none */
    size_t failures;     /* since it last gave a byte */
    int64_t not_before;  /* monotonic ms: rests until then */
    bool silent;         /* rests because another was quicker; asked where no other is left */
    struct error reason; /* of the rest */
    struct host *next;
};
struct host *scheduler_find_host(struct scheduler *scheduler, const struct site_dp *dp);
/* The first of all hosts, linked by `next`; NULL: none was ever asked. */
const struct host *scheduler_hosts(const struct scheduler *scheduler);

/* A job in the scheduler; embedded by the job. */
struct scheduler_member {
    enum job_priority priority;
    void (*offer)(void *arg); /* connections may be free: ask again */
    /* A more urgent job waits for a connection to `host`, or (NULL) to anyone: give up one. false:
       there is none. */
    bool (*yield)(void *arg, const struct host *host);
    void *arg;
    size_t busy;
    bool wanting; /* the scheduler's own, as what follows: was refused one since its last offer */
    const struct host *wanted; /* NULL: any */
    uint64_t offered;          /* the round of its last offer */
    struct scheduler_member *next;
};
void scheduler_join(struct scheduler *scheduler, struct scheduler_member *member);
void scheduler_leave(struct scheduler *scheduler, struct scheduler_member *member); /* holds none */

/* One connection to `host`. false: none now; `offer` follows when one may be free. */
bool scheduler_take(struct scheduler *scheduler, struct scheduler_member *member,
                    struct host *host);
/* Would `take` give one? Asks nobody to yield. */
bool scheduler_may_take(const struct scheduler *scheduler, const struct scheduler_member *member,
                        const struct host *host);
void scheduler_give_back(struct scheduler *scheduler, struct scheduler_member *member,
                         struct host *host);

#endif

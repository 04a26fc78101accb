#include "agent/transfer/scheduler.h"

#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <stdlib.h>

/* What jobs that nobody waits for open to one distribution point. */
#define PER_SOURCE_BACKGROUND 2

struct scheduler {
    struct loop *loop;
    size_t connections, per_source;
    size_t busy;
    struct host *hosts;
    struct scheduler_member *members; /* the one that was offered last stands last */
    struct loop_timer timer;
    uint64_t round;
};

/* ---- hosts ---- */

struct host *scheduler_find_host(struct scheduler *scheduler, const struct site_dp *dp)
{
    for (struct host *host = scheduler->hosts; host; host = host->next)
        if (text_equal(host->name, dp->name))
            return host;
    struct host *host = mem_zero(1, sizeof *host);
    host->name = mem_copy_string(dp->name);
    host->workstation = dp->kind == DP_WORKSTATION;
    host->limit = dp->max_connections > 0 ? (size_t)dp->max_connections : 0;
    host->next = scheduler->hosts;
    scheduler->hosts = host;
    return host;
}

const struct host *scheduler_hosts(const struct scheduler *scheduler)
{
    return scheduler->hosts;
}

static size_t limit_of(const struct scheduler *scheduler, enum job_priority priority,
                       const struct host *host)
{
    size_t limit = scheduler->per_source;
    if (host->workstation)
        return 1;
    if (priority != JOB_FOREGROUND && limit > PER_SOURCE_BACKGROUND)
        limit = PER_SOURCE_BACKGROUND;
    return host->limit > 0 && host->limit < limit ? host->limit : limit;
}

/* ---- offers ---- */

static struct scheduler_member **place_of(struct scheduler *scheduler,
                                          const struct scheduler_member *member)
{
    struct scheduler_member **at = &scheduler->members;
    while (*at && *at != member)
        at = &(*at)->next;
    return at;
}

static void put_last(struct scheduler *scheduler, struct scheduler_member *member)
{
    member->next = NULL;
    *place_of(scheduler, NULL) = member;
}

/* The most urgent that waits and was not asked in this round. */
static struct scheduler_member *next_waiting(const struct scheduler *scheduler)
{
    struct scheduler_member *best = NULL;
    for (struct scheduler_member *m = scheduler->members; m; m = m->next)
        if (m->wanting && m->offered != scheduler->round && (!best || m->priority < best->priority))
            best = m;
    return best;
}

static void offer_all(void *arg)
{
    struct scheduler *scheduler = arg;
    struct scheduler_member *member;
    scheduler->round++;
    while ((member = next_waiting(scheduler))) {
        member->offered = scheduler->round;
        member->wanting = false;
        *place_of(scheduler, member) = member->next;
        put_last(scheduler, member);
        member->offer(member->arg); /* may leave */
    }
}

static void offer_soon(struct scheduler *scheduler)
{
    if (!scheduler->timer.set)
        loop_timer_set(scheduler->loop, &scheduler->timer, 0);
}

/* ---- connections ---- */

static bool is_free(const struct scheduler *scheduler, const struct scheduler_member *member,
                    const struct host *host)
{
    return scheduler->busy < scheduler->connections &&
           host->busy < limit_of(scheduler, member->priority, host);
}

/* Who waits for the same, and is more urgent or has less, goes first. */
static bool must_stand_back(const struct scheduler *scheduler,
                            const struct scheduler_member *member, const struct host *host)
{
    for (const struct scheduler_member *m = scheduler->members; m; m = m->next)
        if (m != member && m->wanting && (!m->wanted || m->wanted == host) &&
            is_free(scheduler, m, host) &&
            (m->priority < member->priority ||
             (m->priority == member->priority && m->busy < member->busy)))
            return true;
    return false;
}

bool scheduler_may_take(const struct scheduler *scheduler, const struct scheduler_member *member,
                        const struct host *host)
{
    return is_free(scheduler, member, host) && !must_stand_back(scheduler, member, host);
}

/* The least urgent below this one gives up a connection. */
static bool make_room(struct scheduler *scheduler, const struct scheduler_member *member,
                      const struct host *host)
{
    for (int priority = JOB_LOW; priority > (int)member->priority; priority--)
        for (struct scheduler_member *m = scheduler->members; m; m = m->next)
            if ((int)m->priority == priority && m->busy > 0 && m->yield(m->arg, host)) {
                m->wanting = true; /* it comes back when there is room */
                m->wanted = host;
                return true;
            }
    return false;
}

bool scheduler_take(struct scheduler *scheduler, struct scheduler_member *member, struct host *host)
{
    bool all_taken = scheduler->busy >= scheduler->connections;
    if (!is_free(scheduler, member, host))
        make_room(scheduler, member, all_taken ? NULL : host);
    if (scheduler_may_take(scheduler, member, host)) {
        scheduler->busy++;
        host->busy++;
        member->busy++;
        return true;
    }
    member->wanting = true;
    member->wanted = all_taken ? NULL : host;
    if (is_free(scheduler, member, host))
        offer_soon(scheduler); /* to the one that it stands back for */
    return false;
}

void scheduler_give_back(struct scheduler *scheduler, struct scheduler_member *member,
                         struct host *host)
{
    scheduler->busy--;
    host->busy--;
    member->busy--;
    for (const struct scheduler_member *m = scheduler->members; m; m = m->next)
        if (m->wanting)
            offer_soon(scheduler);
}

/* ---- members ---- */

void scheduler_join(struct scheduler *scheduler, struct scheduler_member *member)
{
    put_last(scheduler, member);
}

void scheduler_leave(struct scheduler *scheduler, struct scheduler_member *member)
{
    struct scheduler_member **at = place_of(scheduler, member);
    if (*at)
        *at = member->next;
    member->next = NULL;
}

/* ---- life ---- */

struct scheduler *scheduler_create(struct loop *loop, size_t connections, size_t per_source)
{
    struct scheduler *scheduler = mem_zero(1, sizeof *scheduler);
    scheduler->loop = loop;
    scheduler->connections = connections;
    scheduler->per_source = per_source;
    scheduler->timer = (struct loop_timer){.fire = offer_all, .arg = scheduler};
    return scheduler;
}

void scheduler_free(struct scheduler *scheduler)
{
    if (!scheduler)
        return;
    loop_timer_cancel(scheduler->loop, &scheduler->timer);
    while (scheduler->hosts) {
        struct host *host = scheduler->hosts;
        scheduler->hosts = host->next;
        free(host->name);
        free(host);
    }
    free(scheduler);
}

#include "agent/loop/loop.h"

#include "agent/loop/errands.h"
#include "agent/loop/timers.h"
#include "agent/loop/workers.h"
#include "policy/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKERS_MAX  4
#define LONGEST_WAIT (60 * 1000)

struct loop {
    const struct clock *clock;
    CURLM *multi;
    bool stopping;
    struct timers timers;
    struct workers *workers;
    struct errands *errands;
    struct loop_transfer *transfers;

    /* Side by side: what is polled, and whose it is. */
    struct curl_waitfd *fds;
    struct loop_watch **watches;
    size_t watch_count, fds_cap, watches_cap;
};

/* ---- clocks, timers, workers ---- */

static int64_t now(const struct loop *loop)
{
    return loop->clock->monotonic(loop->clock->arg);
}

const struct clock *loop_clock(const struct loop *loop)
{
    return loop->clock;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
    timers_set(&loop->timers, timer, now(loop) + (delay_ms > 0 ? delay_ms : 0));
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
    timers_cancel(&loop->timers, timer);
}

void loop_work_submit(struct loop *loop, struct loop_work *work)
{
    workers_submit(loop->workers, work);
}

bool loop_errand_submit(struct loop *loop, struct loop_errand *errand)
{
    return errands_submit(loop->errands, errand);
}

/* ---- descriptors ---- */

void loop_watch_start(struct loop *loop, struct loop_watch *watch)
{
    if (!watch->active) {
        size_t count = loop->watch_count + 1;
        loop->fds = mem_grow(loop->fds, &loop->fds_cap, count, sizeof *loop->fds);
        loop->watches = mem_grow(loop->watches, &loop->watches_cap, count, sizeof *loop->watches);
        watch->slot = loop->watch_count++;
        watch->active = true;
    }
    loop->watches[watch->slot] = watch;
    loop->fds[watch->slot] = (struct curl_waitfd){.fd = watch->fd, .events = watch->events};
}

void loop_watch_stop(struct loop *loop, struct loop_watch *watch)
{
    if (!watch->active)
        return;
    watch->active = false;
    size_t last = --loop->watch_count;
    loop->watches[watch->slot] = loop->watches[last];
    loop->fds[watch->slot] = loop->fds[last];
    loop->watches[watch->slot]->slot = watch->slot;
}

/* From the last to the first: a watch that is stopped meanwhile is replaced by one that was looked
   at before, and one that is started meanwhile has no events yet. */
static void call_watches(struct loop *loop)
{
    for (size_t i = loop->watch_count; i-- > 0;) {
        if (i >= loop->watch_count || !loop->fds[i].revents)
            continue;
        short revents = loop->fds[i].revents;
        loop->fds[i].revents = 0;
        loop->watches[i]->ready(loop->watches[i]->arg, revents);
    }
}

/* ---- transfers ---- */

static bool fail(struct error *err, CURLMcode code)
{
    return error_set(err, ERROR_FAILED, BLAME_NONE, "CURL", NULL, "libcurl: %s",
                     curl_multi_strerror(code));
}

bool loop_transfer_start(struct loop *loop, struct loop_transfer *transfer, struct error *err)
{
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    CURLMcode code = curl_multi_add_handle(loop->multi, transfer->easy);
    if (code != CURLM_OK)
        return fail(err, code);
    transfer->previous = NULL;
    transfer->next = loop->transfers;
    if (transfer->next)
        transfer->next->previous = transfer;
    loop->transfers = transfer;
    transfer->active = true;
    return true;
}

void loop_transfer_stop(struct loop *loop, struct loop_transfer *transfer)
{
    if (!transfer->active)
        return;
    curl_multi_remove_handle(loop->multi, transfer->easy); /* its messages go with it */
    *(transfer->previous ? &transfer->previous->next : &loop->transfers) = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    transfer->next = transfer->previous = NULL;
    transfer->active = false;
}

static void finish_transfers(struct loop *loop)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(loop->multi, &left))) {
        struct loop_transfer *transfer = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        loop_transfer_stop(loop, transfer);
        transfer->done(transfer->arg, result); /* may free the transfer */
    }
}

void loop_set_connections(struct loop *loop, long per_host, long total)
{
    curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
    curl_multi_setopt(loop->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, total);
    curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, total);
}

/* ---- turns ---- */

static int choose_wait(const struct loop *loop, int max_wait_ms)
{
    int64_t next = timers_next(&loop->timers);
    if (next == INT64_MAX)
        return max_wait_ms;
    int64_t left = next - now(loop);
    if (left <= 0)
        return 0;
    return left < max_wait_ms ? (int)left : max_wait_ms;
}

/* Waits until a descriptor is ready, a worker has finished, libcurl has something to do, or the
   next timer is due. */
static bool wait_for_something(struct loop *loop, int max_wait_ms, struct error *err)
{
    int ready = 0;
    CURLMcode code = curl_multi_poll(loop->multi, loop->fds, (unsigned)loop->watch_count,
                                     choose_wait(loop, max_wait_ms), &ready);
    if (code != CURLM_OK)
        return fail(err, code);
    if (ready)
        call_watches(loop);
    return true;
}

bool loop_turn(struct loop *loop, int max_wait_ms, struct error *err)
{
    if (!wait_for_something(loop, max_wait_ms, err))
        return false;
    workers_drain(loop->workers);
    errands_drain(loop->errands);
    timers_fire(&loop->timers, now(loop));
    int running;
    CURLMcode code = curl_multi_perform(loop->multi, &running);
    if (code != CURLM_OK)
        return fail(err, code);
    finish_transfers(loop);
    return true;
}

bool loop_run(struct loop *loop, struct error *err)
{
    bool ok = true;
    while (ok && !loop->stopping)
        ok = loop_turn(loop, LONGEST_WAIT, err);
    loop->stopping = false;
    return ok;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

/* ---- life ---- */

static void wake(void *arg)
{
    struct loop *loop = arg;
    curl_multi_wakeup(loop->multi);
}

/* One HTTP/2 stream a connection. libcurl 7.88 keeps in memory what comes for a stream that is
   paused beside others (150 MiB instead of 20 where the disk is slow), and who starts transfers
   counts connections by them. */
static CURLM *open_multi(void)
{
    CURLM *multi = curl_multi_init();
    if (multi)
        curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return multi;
}

static unsigned choose_workers(unsigned wanted)
{
    if (wanted == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        wanted = cores > 0 ? (unsigned)cores : 1;
    }
    return wanted < WORKERS_MAX ? wanted : WORKERS_MAX;
}

struct loop *loop_create(const struct clock *clock, unsigned workers, struct error *err)
{
    struct loop *loop = mem_zero(1, sizeof *loop);
    loop->clock = clock;
    loop->errands = errands_create(wake, loop);
    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK || !(loop->multi = open_multi()))
        error_set(err, ERROR_FAILED, BLAME_NONE, "CURL", NULL, "cannot start libcurl");
    else if (!(loop->workers = workers_create(choose_workers(workers), wake, loop)))
        error_set(err, ERROR_FAILED, BLAME_NONE, "THREADS", NULL, "cannot start a thread: %s",
                  strerror(errno));
    else
        return loop;
    loop_destroy(loop);
    return NULL;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->workers)
        workers_destroy(loop->workers);
    errands_leave(loop->errands);
    while (loop->transfers)
        loop_transfer_stop(loop, loop->transfers);
    curl_multi_cleanup(loop->multi);
    curl_global_cleanup();
    timers_free(&loop->timers);
    free(loop->fds);
    free(loop->watches);
    free(loop);
}

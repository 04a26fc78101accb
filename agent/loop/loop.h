/*
 * The one event loop: curl_multi_poll with extra descriptors, timers, worker threads, and the only
 * clocks. One network thread; worker threads hash and write beside it. Callbacks run on the
 * thread that calls loop_run or loop_turn, never on a worker's, and all functions here belong to
 * that thread; only `run` of a work or an errand is another's.
 *
 * Structures that callers embed (watch, timer, transfer, work) belong to the caller and must stay
 * in place while they are in the loop. All but work may be stopped from any callback, their own
 * included, and freed at once after: the loop touches nothing that was stopped. A callback of
 * libcurl itself (write, header) is none of ours: within one, libcurl takes neither a start nor a
 * stop of a transfer; return an error from it instead.
 *
 * Any room of the agent may use it. System calls: poll, pipe or socketpair (the wake-up), the
 * clocks, clone (threads), and all that libcurl does.
 */
#ifndef AGENT_LOOP_LOOP_H
#define AGENT_LOOP_LOOP_H

#include "policy/base/error.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds. Replaced by tests. */
struct clock {
    int64_t (*wall)(void *arg);      /* since 1970, UTC; may jump */
    int64_t (*monotonic)(void *arg); /* does not count suspend */
    int64_t (*boot)(void *arg);      /* counts suspend */
    void *arg;
};

extern const struct clock clock_system;

struct loop;

/* `workers` threads, 0: as many as there are cores, at most 4. `clock` is kept by reference. */
struct loop *loop_create(const struct clock *clock, unsigned workers, struct error *err);

/* Not from a callback. Waits for running work, drops what has not begun, and calls nobody's `done`;
   transfers are removed, not cleaned up. NULL is fine. */
void loop_destroy(struct loop *loop);

const struct clock *loop_clock(const struct loop *loop);

/* One turn: waits at most `max_wait_ms` for something to do and does it. With a clock of its own a
   test moves the clock and asks for turns of 0 ms: a week of timers costs no time. */
bool loop_turn(struct loop *loop, int max_wait_ms, struct error *err);

/* Turns until loop_stop was called; a stop before the run counts. */
bool loop_run(struct loop *loop, struct error *err);
void loop_stop(struct loop *loop);

/* Timers run on the monotonic clock, among equals the first set first. Setting a set timer moves
   it; one that is set from a callback fires in the next turn at the earliest. */
struct loop_timer {
    void (*fire)(void *arg);
    void *arg;
    int64_t at;
    bool set;
    uint64_t order; /* the loop's own, as `slot` */
    size_t slot;
};
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay_ms);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer); /* unset is fine */

/* Descriptors: `ready` gets what poll found (CURL_WAIT_POLLIN, ...). An error or a hang-up reads as
   all of them, whatever was asked for. Starting an active watch takes over its new `events`. Stop
   the watch before the descriptor is closed. */
struct loop_watch {
    int fd;
    short events; /* CURL_WAIT_POLLIN | CURL_WAIT_POLLPRI | CURL_WAIT_POLLOUT */
    void (*ready)(void *arg, short revents);
    void *arg;
    bool active;
    size_t slot; /* the loop's own */
};
void loop_watch_start(struct loop *loop, struct loop_watch *watch);
void loop_watch_stop(struct loop *loop, struct loop_watch *watch); /* inactive is fine */

/* Transfers. The loop uses CURLOPT_PRIVATE. `done` is called once, after the handle was removed
   from the multi handle, and never for a transfer that was stopped. A transfer that was paused goes
   on at once when any callback here calls curl_easy_pause. Every turn costs libcurl time for each
   transfer in it: start as many as may run, not all that wait. */
struct loop_transfer {
    CURL *easy;
    void (*done)(void *arg, CURLcode result);
    void *arg;
    bool active;
    struct loop_transfer *next, *previous;
};
bool loop_transfer_start(struct loop *loop, struct loop_transfer *transfer, struct error *err);
void loop_transfer_stop(struct loop *loop, struct loop_transfer *transfer); /* inactive is fine */

/* A transfer has its connection for itself, over HTTP/2 too. Most connections, and most of them
 * kept, per host and in all (0: unlimited). */
void loop_set_connections(struct loop *loop, long per_host, long total);

/* Work for a worker thread: `run` there, then `done` on the loop's thread. Begun in the order of
   submission, but several at once. It cannot be stopped: who waits for it lives until `done`. */
struct loop_work {
    void (*run)(void *arg);
    void (*done)(void *arg);
    void *arg;
    struct loop_work *next;
};
void loop_work_submit(struct loop *loop, struct loop_work *work);

/* Work that may wait for others without end (GSS-API for a KDC): on one thread for all of them,
   begun with the first, one after the other. Neither the workers nor the end of the loop or of the
   process wait for it, so it belongs to itself: `done` on the loop's thread frees it, or `drop`
   where the loop ends before, on the loop's thread or on that one. What `run` touches is its own.
   false: no thread could be started (errno); the errand is still the caller's. */
struct loop_errand {
    void (*run)(void *arg);
    void (*done)(void *arg);
    void (*drop)(void *arg);
    void *arg;
    struct loop_errand *next;
};
bool loop_errand_submit(struct loop *loop, struct loop_errand *errand);

#endif

/*
 * The one event loop: curl_multi_poll with extra descriptors, timers, worker threads, and the only
 * clocks. One network thread; worker threads hash and write beside it. Callbacks run on the
 * thread that calls loop_run, never on a worker's.
 *
 * Structures that callers embed (watch, timer, transfer, work) belong to the caller, must stay in
 * place while they are in the loop, and may be stopped from any callback, their own included.
 */
#ifndef AGENT_LOOP_LOOP_H
#define AGENT_LOOP_LOOP_H

#include "policy/base/error.h"

#include <curl/curl.h>
#include <stdbool.h>
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

/* Waits for running work, drops what has not begun; transfers are removed, not cleaned up. */
void loop_destroy(struct loop *loop);

const struct clock *loop_clock(const struct loop *loop);

/* One turn: waits at most `max_wait_ms` for something to do and does it. */
bool loop_turn(struct loop *loop, int max_wait_ms, struct error *err);

/* Turns until loop_stop was called. */
bool loop_run(struct loop *loop, struct error *err);
void loop_stop(struct loop *loop);

/* Timers run on the monotonic clock. Setting a set timer moves it. */
struct loop_timer {
    void (*fire)(void *arg);
    void *arg;
    int64_t at;
    bool set;
    struct loop_timer *next, *previous;
};
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay_ms);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer); /* unset is fine */

/* Descriptors: `ready` gets poll's revents (CURL_WAIT_POLLIN, ...). */
struct loop_watch {
    int fd;
    short events; /* CURL_WAIT_POLLIN | CURL_WAIT_POLLPRI | CURL_WAIT_POLLOUT */
    void (*ready)(void *arg, short revents);
    void *arg;
    bool active;
    struct loop_watch *next, *previous;
};
void loop_watch_start(struct loop *loop, struct loop_watch *watch);
void loop_watch_stop(struct loop *loop, struct loop_watch *watch); /* inactive is fine */

/* Transfers. The loop uses CURLOPT_PRIVATE. `done` is called once, after the handle was removed
   from the multi handle. */
struct loop_transfer {
    CURL *easy;
    void (*done)(void *arg, CURLcode result);
    void *arg;
    bool active;
    struct loop_transfer *next, *previous;
};
bool loop_transfer_start(struct loop *loop, struct loop_transfer *transfer, struct error *err);
void loop_transfer_stop(struct loop *loop, struct loop_transfer *transfer); /* inactive is fine */

/* Limits of kept connections, per host and in all (0: unlimited). */
void loop_set_connections(struct loop *loop, long per_host, long total);

/* Work for a worker thread: `run` there, then `done` on the loop's thread. In the order of
   submission, but several at once. */
struct loop_work {
    void (*run)(void *arg);
    void (*done)(void *arg);
    void *arg;
    struct loop_work *next;
};
void loop_work_submit(struct loop *loop, struct loop_work *work);

#endif

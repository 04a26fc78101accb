#include "agent/loop/loop.h"

#include "policy/base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define WORKERS_MAX 4

struct queue {
    struct loop_work *first, *last;
};

struct loop {
    const struct clock *clock;
    CURLM *multi;
    bool stopping;
    struct loop_timer *timers; /* the next to fire first */
    struct loop_watch *watches;
    size_t watch_count;
    struct loop_transfer *transfers;
    struct curl_waitfd *fds;
    struct loop_watch **polled; /* whose descriptor stands in fds; NULL: stopped meanwhile */
    size_t polled_count, fds_cap, polled_cap;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work_there;
    struct queue todo, finished;
    bool ending;
    unsigned worker_count;
    pthread_t workers[WORKERS_MAX];
};

static void queue_push(struct queue *queue, struct loop_work *work)
{
    work->next = NULL;
    if (queue->last)
        queue->last->next = work;
    else
        queue->first = work;
    queue->last = work;
}

static struct loop_work *queue_take(struct queue *queue)
{
    struct loop_work *work = queue->first;
    if (work) {
        queue->first = work->next;
        if (!queue->first)
            queue->last = NULL;
    }
    return work;
}

/* ---- workers ---- */

static void *worker(void *arg)
{
    struct loop *loop = arg;
    pthread_mutex_lock(&loop->lock);
    while (!loop->ending) {
        struct loop_work *work = queue_take(&loop->todo);
        if (!work) {
            pthread_cond_wait(&loop->work_there, &loop->lock);
            continue;
        }
        pthread_mutex_unlock(&loop->lock);
        work->run(work->arg);
        pthread_mutex_lock(&loop->lock);
        bool first = loop->finished.first == NULL;
        queue_push(&loop->finished, work);
        if (first)
            curl_multi_wakeup(loop->multi);
    }
    pthread_mutex_unlock(&loop->lock);
    return NULL;
}

/* Signals are the main thread's: a worker blocks them all. */
static bool start_workers(struct loop *loop, unsigned count)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (loop->worker_count < count &&
           pthread_create(&loop->workers[loop->worker_count], NULL, worker, loop) == 0)
        loop->worker_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return loop->worker_count > 0;
}

static void end_workers(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->ending = true;
    pthread_cond_broadcast(&loop->work_there);
    pthread_mutex_unlock(&loop->lock);
    for (unsigned i = 0; i < loop->worker_count; i++)
        pthread_join(loop->workers[i], NULL);
}

void loop_work_submit(struct loop *loop, struct loop_work *work)
{
    pthread_mutex_lock(&loop->lock);
    queue_push(&loop->todo, work);
    pthread_cond_signal(&loop->work_there);
    pthread_mutex_unlock(&loop->lock);
}

static void take_finished(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct queue finished = loop->finished;
    loop->finished = (struct queue){NULL, NULL};
    pthread_mutex_unlock(&loop->lock);
    struct loop_work *work;
    while ((work = queue_take(&finished)))
        work->done(work->arg);
}

/* ---- timers ---- */

static int64_t now(const struct loop *loop)
{
    return loop->clock->monotonic(loop->clock->arg);
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
    if (!timer->set)
        return;
    if (timer->previous)
        timer->previous->next = timer->next;
    else
        loop->timers = timer->next;
    if (timer->next)
        timer->next->previous = timer->previous;
    timer->next = timer->previous = NULL;
    timer->set = false;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t delay_ms)
{
    loop_timer_cancel(loop, timer);
    timer->at = now(loop) + (delay_ms > 0 ? delay_ms : 0);
    struct loop_timer *before = NULL, *after = loop->timers;
    while (after && after->at <= timer->at) {
        before = after;
        after = after->next;
    }
    timer->previous = before;
    timer->next = after;
    *(before ? &before->next : &loop->timers) = timer;
    if (after)
        after->previous = timer;
    timer->set = true;
}

/* Those due when the turn began; one that a callback sets again waits for the next turn. */
static void fire_timers(struct loop *loop)
{
    int64_t due = now(loop);
    size_t count = 0;
    for (struct loop_timer *timer = loop->timers; timer && timer->at <= due; timer = timer->next)
        count++;
    while (count-- && loop->timers && loop->timers->at <= due) {
        struct loop_timer *timer = loop->timers;
        loop_timer_cancel(loop, timer);
        timer->fire(timer->arg);
    }
}

/* ---- descriptors ---- */

void loop_watch_start(struct loop *loop, struct loop_watch *watch)
{
    if (watch->active)
        return;
    watch->previous = NULL;
    watch->next = loop->watches;
    if (watch->next)
        watch->next->previous = watch;
    loop->watches = watch;
    loop->watch_count++;
    watch->active = true;
}

void loop_watch_stop(struct loop *loop, struct loop_watch *watch)
{
    if (!watch->active)
        return;
    if (watch->previous)
        watch->previous->next = watch->next;
    else
        loop->watches = watch->next;
    if (watch->next)
        watch->next->previous = watch->previous;
    loop->watch_count--;
    watch->active = false;
    for (size_t i = 0; i < loop->polled_count; i++)
        if (loop->polled[i] == watch)
            loop->polled[i] = NULL;
}

static void collect_watches(struct loop *loop)
{
    loop->fds = mem_grow(loop->fds, &loop->fds_cap, loop->watch_count, sizeof *loop->fds);
    loop->polled =
        mem_grow(loop->polled, &loop->polled_cap, loop->watch_count, sizeof *loop->polled);
    loop->polled_count = 0;
    for (struct loop_watch *watch = loop->watches; watch; watch = watch->next) {
        loop->fds[loop->polled_count] =
            (struct curl_waitfd){.fd = watch->fd, .events = watch->events};
        loop->polled[loop->polled_count++] = watch;
    }
}

static void call_watches(struct loop *loop)
{
    for (size_t i = 0; i < loop->polled_count; i++)
        if (loop->polled[i] && loop->fds[i].revents)
            loop->polled[i]->ready(loop->polled[i]->arg, loop->fds[i].revents);
    loop->polled_count = 0;
}

/* ---- transfers ---- */

bool loop_transfer_start(struct loop *loop, struct loop_transfer *transfer, struct error *err)
{
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    CURLMcode code = curl_multi_add_handle(loop->multi, transfer->easy);
    if (code != CURLM_OK)
        return error_set(err, ERROR_FAILED, BLAME_NONE, "CURL", NULL, "libcurl: %s",
                         curl_multi_strerror(code));
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
    curl_multi_remove_handle(loop->multi, transfer->easy);
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        loop->transfers = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    transfer->active = false;
}

static void take_results(struct loop *loop)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(loop->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct loop_transfer *transfer = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        loop_transfer_stop(loop, transfer);
        transfer->done(transfer->arg, result);
    }
}

void loop_set_connections(struct loop *loop, long per_host, long total)
{
    curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
    curl_multi_setopt(loop->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, total);
    curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, total);
}

/* ---- turns ---- */

static bool fail(struct error *err, CURLMcode code)
{
    return error_set(err, ERROR_FAILED, BLAME_NONE, "CURL", NULL, "libcurl: %s",
                     curl_multi_strerror(code));
}

static int wait_of(const struct loop *loop, int max_wait_ms)
{
    if (!loop->timers)
        return max_wait_ms;
    int64_t left = loop->timers->at - now(loop);
    if (left <= 0)
        return 0;
    return left < max_wait_ms ? (int)left : max_wait_ms;
}

bool loop_turn(struct loop *loop, int max_wait_ms, struct error *err)
{
    int running;
    collect_watches(loop);
    CURLMcode code = curl_multi_poll(loop->multi, loop->fds, (unsigned)loop->polled_count,
                                     wait_of(loop, max_wait_ms), NULL);
    if (code != CURLM_OK)
        return fail(err, code);
    call_watches(loop);
    take_finished(loop);
    fire_timers(loop);
    code = curl_multi_perform(loop->multi, &running);
    if (code != CURLM_OK)
        return fail(err, code);
    take_results(loop);
    return true;
}

bool loop_run(struct loop *loop, struct error *err)
{
    loop->stopping = false;
    while (!loop->stopping)
        if (!loop_turn(loop, 60000, err))
            return false;
    return true;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

const struct clock *loop_clock(const struct loop *loop)
{
    return loop->clock;
}

struct loop *loop_create(const struct clock *clock, unsigned workers, struct error *err)
{
    if (workers == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        workers = cores > 0 ? (unsigned)cores : 1;
    }
    struct loop *loop = mem_zero(1, sizeof *loop);
    loop->clock = clock;
    pthread_mutex_init(&loop->lock, NULL);
    pthread_cond_init(&loop->work_there, NULL);
    bool global = curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
    loop->multi = global ? curl_multi_init() : NULL;
    if (loop->multi && start_workers(loop, workers < WORKERS_MAX ? workers : WORKERS_MAX))
        return loop;
    loop_destroy(loop);
    error_set(err, ERROR_FAILED, BLAME_NONE, "LOOP", NULL, "cannot start the event loop");
    return NULL;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    end_workers(loop);
    while (loop->transfers)
        loop_transfer_stop(loop, loop->transfers);
    curl_multi_cleanup(loop->multi);
    curl_global_cleanup();
    pthread_cond_destroy(&loop->work_there);
    pthread_mutex_destroy(&loop->lock);
    free(loop->fds);
    free(loop->polled);
    free(loop);
}

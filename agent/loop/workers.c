#include "agent/loop/workers.h"

#include "policy/base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct queue {
    struct loop_work *first, *last;
};

struct workers {
    void (*wake)(void *arg);
    void *arg;
    pthread_mutex_t lock; /* guards the queues and `ending` */
    pthread_cond_t work_there;
    struct queue todo, finished;
    bool ending;
    unsigned count;
    pthread_t threads[];
};

static void push(struct queue *queue, struct loop_work *work)
{
    work->next = NULL;
    if (queue->last)
        queue->last->next = work;
    else
        queue->first = work;
    queue->last = work;
}

static struct loop_work *pop(struct queue *queue)
{
    struct loop_work *work = queue->first;
    if (work) {
        queue->first = work->next;
        if (!queue->first)
            queue->last = NULL;
    }
    return work;
}

/* The next work, with the lock held; NULL when the thread shall end. */
static struct loop_work *await_work(struct workers *workers)
{
    while (!workers->ending) {
        struct loop_work *work = pop(&workers->todo);
        if (work)
            return work;
        pthread_cond_wait(&workers->work_there, &workers->lock);
    }
    return NULL;
}

static void *run_worker(void *arg)
{
    struct workers *workers = arg;
    struct loop_work *work;
    pthread_mutex_lock(&workers->lock);
    while ((work = await_work(workers))) {
        pthread_mutex_unlock(&workers->lock);
        work->run(work->arg);
        pthread_mutex_lock(&workers->lock);
        /* One wake-up for many: the list is drained as a whole. */
        if (!workers->finished.first)
            workers->wake(workers->arg);
        push(&workers->finished, work);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

/* Signals are the main thread's, which reads them from a descriptor: a worker blocks them all. */
static int start_threads(struct workers *workers, unsigned wanted)
{
    sigset_t all, before;
    int error = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (!error && workers->count < wanted) {
        error = pthread_create(&workers->threads[workers->count], NULL, run_worker, workers);
        workers->count += error == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

struct workers *workers_create(unsigned count, void (*wake)(void *arg), void *arg)
{
    struct workers *workers = mem_zero(1, sizeof *workers + count * sizeof workers->threads[0]);
    workers->wake = wake;
    workers->arg = arg;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->work_there, NULL);
    int error = start_threads(workers, count);
    if (workers->count)
        return workers; /* fewer than wanted will do */
    workers_destroy(workers);
    errno = error;
    return NULL;
}

void workers_destroy(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    pthread_cond_broadcast(&workers->work_there);
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->work_there);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

void workers_submit(struct workers *workers, struct loop_work *work)
{
    pthread_mutex_lock(&workers->lock);
    push(&workers->todo, work);
    pthread_cond_signal(&workers->work_there);
    pthread_mutex_unlock(&workers->lock);
}

void workers_drain(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    struct queue finished = workers->finished;
    workers->finished = (struct queue){0};
    pthread_mutex_unlock(&workers->lock);
    struct loop_work *work;
    while ((work = pop(&finished)))
        work->done(work->arg); /* may free the work, or submit it again */
}

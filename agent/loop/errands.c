#include "agent/loop/errands.h"

#include "policy/base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct queue {
    struct loop_errand *first, *last;
};

/* The loop's; the thread's where the loop has left while it was busy. */
struct errands {
    void (*wake)(void *arg);
    void *arg;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t errand_there;
    struct queue todo, finished;
    bool begun; /* there is a thread */
    bool busy;  /* it runs an errand */
    bool left;  /* the loop is gone */
    pthread_t thread;
};

static void push(struct queue *queue, struct loop_errand *errand)
{
    errand->next = NULL;
    if (queue->last)
        queue->last->next = errand;
    else
        queue->first = errand;
    queue->last = errand;
}

static struct loop_errand *pop(struct queue *queue)
{
    struct loop_errand *errand = queue->first;
    if (errand) {
        queue->first = errand->next;
        if (!queue->first)
            queue->last = NULL;
    }
    return errand;
}

static void free_errands(struct errands *errands)
{
    pthread_cond_destroy(&errands->errand_there);
    pthread_mutex_destroy(&errands->lock);
    free(errands);
}

/* The next errand, with the lock held; NULL when the thread shall end. */
static struct loop_errand *await_errand(struct errands *errands)
{
    while (!errands->left) {
        struct loop_errand *errand = pop(&errands->todo);
        if (errand)
            return errand;
        pthread_cond_wait(&errands->errand_there, &errands->lock);
    }
    return NULL;
}

/* Runs one without the lock. False: the loop has left meanwhile, and all here is the thread's. */
static bool run_errand(struct errands *errands, struct loop_errand *errand)
{
    errands->busy = true;
    pthread_mutex_unlock(&errands->lock);
    errand->run(errand->arg);
    pthread_mutex_lock(&errands->lock);
    errands->busy = false;
    if (errands->left)
        return false;
    if (!errands->finished.first)
        errands->wake(errands->arg);
    push(&errands->finished, errand);
    return true;
}

static void *run_thread(void *arg)
{
    struct errands *errands = arg;
    struct loop_errand *errand;
    pthread_mutex_lock(&errands->lock);
    while ((errand = await_errand(errands)))
        if (!run_errand(errands, errand))
            break;
    pthread_mutex_unlock(&errands->lock);
    if (errand) {
        errand->drop(errand->arg);
        free_errands(errands);
    }
    return NULL;
}

struct errands *errands_create(void (*wake)(void *arg), void *arg)
{
    struct errands *errands = mem_zero(1, sizeof *errands);
    errands->wake = wake;
    errands->arg = arg;
    pthread_mutex_init(&errands->lock, NULL);
    pthread_cond_init(&errands->errand_there, NULL);
    return errands;
}

/* Signals are the main thread's. */
static bool begin(struct errands *errands)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&errands->thread, NULL, run_thread, errands);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errands->begun = error == 0;
    errno = error;
    return errands->begun;
}

bool errands_submit(struct errands *errands, struct loop_errand *errand)
{
    if (!errands->begun && !begin(errands))
        return false;
    pthread_mutex_lock(&errands->lock);
    push(&errands->todo, errand);
    pthread_cond_signal(&errands->errand_there);
    pthread_mutex_unlock(&errands->lock);
    return true;
}

void errands_drain(struct errands *errands)
{
    pthread_mutex_lock(&errands->lock);
    struct queue finished = errands->finished;
    errands->finished = (struct queue){0};
    pthread_mutex_unlock(&errands->lock);
    struct loop_errand *errand;
    while ((errand = pop(&finished)))
        errand->done(errand->arg); /* frees it */
}

/* At the end of a process libraries free what a thread that is still within one of them stands
   on. */
static void end_at_once(int status, void *arg)
{
    (void)arg;
    fflush(stdout);
    fflush(stderr);
    _exit(status);
}

static void drop_all(struct queue *queue)
{
    struct loop_errand *errand;
    while ((errand = pop(queue)))
        errand->drop(errand->arg);
}

void errands_leave(struct errands *errands)
{
    pthread_mutex_lock(&errands->lock);
    struct queue todo = errands->todo, finished = errands->finished;
    pthread_t thread = errands->thread;
    bool begun = errands->begun, busy = errands->busy;
    errands->left = true;
    if (busy)
        pthread_detach(thread);
    pthread_cond_signal(&errands->errand_there);
    pthread_mutex_unlock(&errands->lock); /* a busy thread owns them from here on */
    drop_all(&todo);
    drop_all(&finished);
    if (busy) {
        on_exit(end_at_once, NULL);
        return;
    }
    if (begun)
        pthread_join(thread, NULL);
    free_errands(errands);
}

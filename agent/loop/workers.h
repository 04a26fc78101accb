/*
 * The worker threads of one loop. Work goes in on the loop's thread, runs on a worker's and comes
 * back by a list that the loop's thread drains; `wake` tells it to. loop.c's own.
 */
#ifndef AGENT_LOOP_WORKERS_H
#define AGENT_LOOP_WORKERS_H

#include "agent/loop/loop.h"

struct workers;

/* `wake` is called on a worker's thread when the list of finished work is empty no longer.
   NULL with errno set where not one thread could be started. */
struct workers *workers_create(unsigned count, void (*wake)(void *arg), void *arg);

/* Waits for work that runs; neither that nor what has not begun gets its `done`. */
void workers_destroy(struct workers *workers);

void workers_submit(struct workers *workers, struct loop_work *work);

/* Calls `done` of what is finished. */
void workers_drain(struct workers *workers);

#endif

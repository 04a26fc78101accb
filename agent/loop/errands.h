/*
 * The errands of one loop: work that may wait for others without end, on one thread of its own,
 * which nobody waits for. loop.c's own.
 */
#ifndef AGENT_LOOP_ERRANDS_H
#define AGENT_LOOP_ERRANDS_H

#include "agent/loop/loop.h"

struct errands;

/* `wake` is called on the thread when the list of finished errands is empty no longer. No thread
   begins before the first errand. */
struct errands *errands_create(void (*wake)(void *arg), void *arg);

/* Waits for nobody: what runs is dropped by the thread when it ends, all else here. */
void errands_leave(struct errands *errands);

/* false with errno set: no thread could be started, and the errand is still the caller's. */
bool errands_submit(struct errands *errands, struct loop_errand *errand);

/* Calls `done` of what is finished. */
void errands_drain(struct errands *errands);

#endif

/* The timers of one loop: a binary heap, the next to fire at its root. loop.c's own. */
#ifndef AGENT_LOOP_TIMERS_H
#define AGENT_LOOP_TIMERS_H

#include "agent/loop/loop.h"

#include <stddef.h>

/* An all-zero structure holds no timer. */
struct timers {
    struct loop_timer **heap;
    size_t count, cap;
    uint64_t set_count; /* how often a timer was set: among equals the first set fires first */
};

/* Sets the timer, or moves it, to the monotonic time `at`. */
void timers_set(struct timers *timers, struct loop_timer *timer, int64_t at);
void timers_cancel(struct timers *timers, struct loop_timer *timer);

/* When the next one is due, INT64_MAX without any. */
int64_t timers_next(const struct timers *timers);

/* Fires what was due at `now`. What a callback sets waits for the next call, so that a timer that
   sets itself again never holds the loop. */
void timers_fire(struct timers *timers, int64_t now);

void timers_free(struct timers *timers);

#endif

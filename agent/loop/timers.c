#include "agent/loop/timers.h"

#include "policy/base/mem.h"

#include <stdlib.h>

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void place(struct timers *timers, struct loop_timer *timer, size_t slot)
{
    timers->heap[slot] = timer;
    timer->slot = slot;
}

static void move_up(struct timers *timers, struct loop_timer *timer)
{
    size_t slot = timer->slot;
    while (slot > 0 && is_before(timer, timers->heap[(slot - 1) / 2])) {
        place(timers, timers->heap[(slot - 1) / 2], slot);
        slot = (slot - 1) / 2;
    }
    place(timers, timer, slot);
}

static void move_down(struct timers *timers, struct loop_timer *timer)
{
    size_t slot = timer->slot;
    for (;;) {
        size_t child = slot * 2 + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && is_before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!is_before(timers->heap[child], timer))
            break;
        place(timers, timers->heap[child], slot);
        slot = child;
    }
    place(timers, timer, slot);
}

void timers_cancel(struct timers *timers, struct loop_timer *timer)
{
    if (!timer->set)
        return;
    timer->set = false;
    struct loop_timer *last = timers->heap[--timers->count];
    if (last == timer)
        return;
    place(timers, last, timer->slot);
    move_up(timers, last);
    move_down(timers, last);
}

void timers_set(struct timers *timers, struct loop_timer *timer, int64_t at)
{
    timers_cancel(timers, timer);
    timers->heap = mem_grow(timers->heap, &timers->cap, timers->count + 1, sizeof *timers->heap);
    timer->at = at;
    timer->order = timers->set_count++;
    timer->set = true;
    place(timers, timer, timers->count++);
    move_up(timers, timer);
}

int64_t timers_next(const struct timers *timers)
{
    return timers->count ? timers->heap[0]->at : INT64_MAX;
}

void timers_fire(struct timers *timers, int64_t now)
{
    uint64_t set_before = timers->set_count;
    while (timers_next(timers) <= now && timers->heap[0]->order < set_before) {
        struct loop_timer *timer = timers->heap[0];
        timers_cancel(timers, timer);
        timer->fire(timer->arg); /* may free the timer */
    }
}

void timers_free(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

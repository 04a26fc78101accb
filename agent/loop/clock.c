#include "agent/loop/loop.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t wall(void *arg)
{
    (void)arg;
    return read_clock(CLOCK_REALTIME);
}

static int64_t monotonic(void *arg)
{
    (void)arg;
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t boot(void *arg)
{
    (void)arg;
    return read_clock(CLOCK_BOOTTIME);
}

const struct clock clock_system = {.wall = wall, .monotonic = monotonic, .boot = boot};

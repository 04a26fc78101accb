/* A line on the terminal that tells how a job goes: bytes, rate, time left, source. */
#ifndef AGENT_COMMAND_PROGRESS_H
#define AGENT_COMMAND_PROGRESS_H

#include "agent/transfer/job.h"

struct progress {
    struct loop *loop;
    struct job *job;
    const char *content;
    struct loop_timer timer;
    int64_t last_bytes, last_at;
    double rate; /* bytes a second, smoothed */
    bool shown;
};

/* Does nothing where standard error is no terminal. */
void progress_begin(struct progress *progress, struct loop *loop, struct job *job,
                    const char *content);
void progress_end(struct progress *progress); /* clears the line */

#endif

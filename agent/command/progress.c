#include "agent/command/progress.h"

#include <stdio.h>
#include <unistd.h>

#define REDRAW_MS 500

static int64_t now(const struct progress *progress)
{
    const struct clock *clock = loop_clock(progress->loop);
    return clock->monotonic(clock->arg);
}

static void measure(struct progress *progress, int64_t bytes)
{
    int64_t at = now(progress), passed = at - progress->last_at;
    if (passed <= 0)
        return;
    double rate = (double)(bytes - progress->last_bytes) * 1000 / (double)passed;
    progress->rate = progress->rate > 0 ? progress->rate * 0.7 + rate * 0.3 : rate;
    progress->last_bytes = bytes;
    progress->last_at = at;
}

static void draw(void *arg)
{
    struct progress *progress = arg;
    const struct job_report *report = job_report(progress->job);
    int64_t got = report->bytes_from_network + report->bytes_reused;
    int64_t left = report->bytes > got ? report->bytes - got : 0;
    measure(progress, report->bytes_from_network);
    fprintf(stderr, "\r\033[K%s  %.1f of %.1f MB  %.1f MB/s", progress->content, (double)got / 1e6,
            (double)report->bytes / 1e6, progress->rate / 1e6);
    if (progress->rate > 0)
        fprintf(stderr, "  %.0f s left", (double)left / progress->rate);
    fprintf(stderr, "  %s%s%s", job_state_word(report->state), report->current ? " from " : "",
            report->current ? report->current : "");
    fflush(stderr);
    progress->shown = true;
    loop_timer_set(progress->loop, &progress->timer, REDRAW_MS);
}

void progress_begin(struct progress *progress, struct loop *loop, struct job *job,
                    const char *content)
{
    *progress = (struct progress){.loop = loop, .job = job, .content = content};
    progress->timer = (struct loop_timer){.fire = draw, .arg = progress};
    progress->last_at = now(progress);
    if (isatty(STDERR_FILENO))
        loop_timer_set(loop, &progress->timer, REDRAW_MS);
}

void progress_end(struct progress *progress)
{
    loop_timer_cancel(progress->loop, &progress->timer);
    if (progress->shown)
        fputs("\r\033[K", stderr);
}

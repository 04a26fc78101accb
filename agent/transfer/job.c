/* The life of a job. */
#include "agent/transfer/internal.h"

#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define PROGRESS_LOG_MS 5000
/* A job that waits asks resting sources again after this, and looks for DPs that joined. */
#define WAIT_STEP_MS 60000

int64_t job_now(const struct job *job)
{
    const struct clock *clock = loop_clock(job->engine.loop);
    return clock->monotonic(clock->arg);
}

int64_t job_minutes(const struct job *job)
{
    return job->request.location.minutes + (job_now(job) - job->started) / 60000;
}

const struct site_content *job_content(const struct job *job)
{
    return location_content_asked(job->request.location.content);
}

/* ---- the end ---- */

static void end(struct job *job)
{
    loop_timer_cancel(job->engine.loop, &job->timer);
    job_enter(job, job->stop_state);
    staging_close(job->staging);
    job->staging = NULL;
    if (job->stop_state == JOB_FAILED)
        job->report.error = job->error;
    const struct site_content *content = job_content(job);
    char *path = cache_path(job->engine.cache, content->id, content->version);
    trace_progress(job);
    trace_end(job, path);
    free(path);
    job->ended(job->arg);
}

void job_check_end(struct job *job)
{
    if (job->state >= JOB_SUCCESS || job->working)
        return;
    if (job->stopping) {
        if (job->open == 0)
            end(job);
        return;
    }
    if (job->done_count == job->file_count && job->state != JOB_VERIFYING &&
        job_enter(job, JOB_VERIFYING)) {
        job->working = true;
        loop_work_submit(job->engine.loop, &job->work);
    }
}

void job_stop(struct job *job, enum job_state state)
{
    if (job->stopping || job->state >= JOB_SUCCESS)
        return;
    job->stopping = true;
    job->stop_state = state;
    files_abandon(job);
    job_check_end(job);
}

void job_fail(struct job *job, const struct error *err)
{
    if (job->stopping)
        return;
    job->error = *err;
    job_stop(job, JOB_FAILED);
}

/* ---- when no source may be asked ---- */

static void fail_without_source(struct job *job)
{
    struct error err;
    sources_explain(job, &err);
    job_fail(job, &err);
}

static bool may_wait(const struct job *job)
{
    return job_now(job) - job->started < job->request.wait_minutes * 60000;
}

static int64_t wait_for_locations(struct job *job)
{
    int64_t left = job->started + job->request.wait_minutes * 60000 - job_now(job);
    if (job->state != JOB_WAITING_CONTENT_LOCATIONS &&
        !job_enter(job, JOB_WAITING_CONTENT_LOCATIONS))
        return -1;
    return left < WAIT_STEP_MS ? left : WAIT_STEP_MS;
}

/* How long until something changes by itself; -1: the job is failing. */
static int64_t next_look(struct job *job)
{
    int64_t next = sources_next_try(job);
    int64_t now = job_now(job);
    if (files_busy(job))
        return next > now && next - now < 1000 ? next - now : 1000;
    if (next >= 0 && next - now <= WAIT_STEP_MS)
        return next > now ? next - now : 0;
    if (may_wait(job))
        return wait_for_locations(job);
    fail_without_source(job);
    return -1;
}

void job_look_again(struct job *job)
{
    if (job->stopping || job->state >= JOB_VERIFYING)
        return;
    int64_t delay = next_look(job);
    if (delay >= 0)
        loop_timer_set(job->engine.loop, &job->timer, delay);
}

static void tick(void *arg)
{
    struct job *job = arg;
    if (job->state == JOB_WAITING_CONTENT_LOCATIONS) {
        sources_renew(job);
        sources_locate(job);
        int64_t next = sources_next_try(job);
        if (next >= 0 && next <= job_now(job) && !job_enter(job, JOB_DOWNLOADING_DATA))
            return;
    }
    if (job_now(job) - job->progress_logged >= PROGRESS_LOG_MS)
        trace_progress(job);
    files_pump(job);
    job_look_again(job);
}

/* ---- the work of workers ---- */

static void survey(void *arg)
{
    struct job *job = arg;
    job->work_ok = staging_survey(job->staging, &job->work_error);
}

static void publish(void *arg)
{
    struct job *job = arg;
    job->work_ok = staging_publish(job->staging, &job->work_error);
}

static void published(void *arg)
{
    struct job *job = arg;
    job->working = false;
    if (job->work_ok) {
        job->stopping = false; /* a cancel that came too late */
        job_stop(job, JOB_SUCCESS);
    } else {
        job_fail(job, &job->work_error);
        job_check_end(job);
    }
}

/* Files that are whole on disk need no source; the rest may. */
static bool has_space(struct job *job, struct error *err)
{
    int64_t available, wanted = 0;
    if (!cache_free_bytes(job->engine.cache, &available, err))
        return false;
    for (size_t i = 0; i < job->file_count; i++)
        if (job->files[i].staged->found != STAGED_LIBRARY)
            wanted += job->files[i].staged->file->size - job->files[i].staged->part_size;
    return wanted <= available || error_set(err, ERROR_FAILED, BLAME_DISK, "DISK_SPACE", job->name,
                                            "needs %lld bytes on the cache's disk, which has %lld",
                                            (long long)wanted, (long long)available);
}

static void surveyed(void *arg)
{
    struct job *job = arg;
    job->working = false;
    job->work.run = publish;
    job->work.done = published;
    if (job->stopping) {
        job_check_end(job);
    } else if (!job->work_ok || !has_space(job, &job->work_error)) {
        job_fail(job, &job->work_error);
    } else if (job_enter(job, JOB_DOWNLOADING_DATA)) {
        files_pump(job);
        job_look_again(job);
        job_check_end(job);
    }
}

/* ---- from outside ---- */

static char *job_name(const struct site_content *content)
{
    return mem_format("%s.%lld", content->id, (long long)content->version);
}

/* The first steps, on the loop: nothing calls back before job_start returns. */
static void first_look(void *arg)
{
    struct job *job = arg;
    job->timer.fire = tick;
    sources_locate(job);
    job->working = true;
    loop_work_submit(job->engine.loop, &job->work);
}

struct job *job_start(const struct job_engine *engine, const struct job_request *request,
                      void (*ended)(void *arg), void *arg, struct error *err)
{
    const struct site_content *content = location_content_asked(request->location.content);
    struct staging *staging =
        staging_open(engine->cache, content->id, content->version, request->manifest, err);
    if (!staging)
        return NULL;
    struct job *job = mem_zero(1, sizeof *job);
    job->engine = *engine;
    job->request = *request;
    job->ended = ended;
    job->arg = arg;
    job->staging = staging;
    job->name = job_name(content);
    job->started = job->last_byte = job->progress_logged = job_now(job);
    job->work = (struct loop_work){.run = survey, .done = surveyed, .arg = job};
    job->timer = (struct loop_timer){.fire = first_look, .arg = job};
    if (!job_identify(job, err)) {
        job_free(job);
        return NULL;
    }
    files_prepare(job);
    loop_timer_set(engine->loop, &job->timer, 0);
    return job;
}

void job_cancel(struct job *job)
{
    job_stop(job, JOB_CANCELLED);
}

const struct job_report *job_report(struct job *job)
{
    struct job_report *report = &job->report;
    memcpy(report->job, job->guid, sizeof report->job);
    report->state = job->state;
    report->bytes = job->request.manifest->bytes;
    report->files = job->request.manifest->count;
    report->bytes_from_network = job->bytes_from_network;
    report->bytes_reused = job->bytes_reused;
    report->current = job->current ? job->current->dp->name : NULL;
    report->next_minute = decision_next_minute(&job->decision);
    job->reports = mem_resize(job->reports, job->source_count, sizeof *job->reports);
    for (size_t i = 0; i < job->source_count; i++)
        job->reports[i] = &job->sources[i]->report;
    report->source_count = job->source_count;
    report->sources = job->reports;
    return report;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    files_free(job);
    sources_free(job);
    staging_close(job->staging);
    free(job->reports);
    free(job->name);
    free(job);
}

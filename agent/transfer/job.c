/* The life of a job. */
#include "agent/transfer/internal.h"

#include "policy/base/buf.h"
#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Pieces of memory that wait for the disk. */
#define PIECES_MAX 16

int64_t job_now(const struct job *job)
{
    const struct clock *clock = loop_clock(job->engine.loop);
    return clock->monotonic(clock->arg);
}

static int64_t boot_now(const struct loop *loop)
{
    const struct clock *clock = loop_clock(loop);
    return clock->boot(clock->arg);
}

int64_t job_elapsed(const struct job *job)
{
    return job->elapsed_before + boot_now(job->engine.loop) - job->boot_started;
}

int64_t job_minutes(const struct job *job)
{
    return job->request.location.minutes + job_elapsed(job) / 60000;
}

const struct site_content *job_content(const struct job *job)
{
    return location_content_asked(job->request.location.content);
}

bool job_is_plain_in_cloud(const struct job *job)
{
    return (job_content(job)->flags & SITE_CONTENT_PLAIN_IN_CLOUD) != 0;
}

/* ---- the end ---- */

static void tell_ended(void *arg)
{
    struct job *job = arg;
    job->ended(job->arg); /* may free it */
}

static void end(struct job *job)
{
    struct loop *loop = job->engine.loop;
    job_enter(job, job->stop_state);
    staging_close(job->staging);
    job->staging = NULL;
    scheduler_leave(job->engine.scheduler, &job->member);
    if (job->stop_state == JOB_FAILED)
        job->report.error = job->error;
    const struct site_content *content = job_content(job);
    char *path = cache_path(job->engine.cache, content->id, content->version);
    trace_progress(job);
    trace_end(job, path);
    free(path);
    loop_timer_cancel(loop, &job->reaper);
    loop_timer_cancel(loop, &job->timer);
    job->timer.fire = tell_ended;
    loop_timer_set(loop, &job->timer, 0);
}

/* Who gave bytes; of a content that the library had all along nobody did. */
static void tell_origin(struct job *job)
{
    struct buf origin = {0};
    buf_append_text(&origin, "");
    for (size_t i = 0; i < job->source_count; i++)
        if (job->sources[i]->report.bytes)
            buf_format(&origin, "%s%s", origin.len ? ", " : "", job->sources[i]->dp->name);
    staging_set_origin(job->staging, origin.data);
    buf_free(&origin);
}

static void verify(struct job *job)
{
    if (job_enter(job, JOB_VERIFYING)) {
        tell_origin(job);
        job->working = true;
        loop_work_submit(job->engine.loop, &job->work);
    }
}

void job_check_end(struct job *job)
{
    if (job->state >= JOB_SUCCESS || job->working || (job->stopping && job->open > 0))
        return;
    if (job->stopping)
        end(job);
    else if (job->halting && job->open == 0 && job->wants_resume)
        job_go_on(job);
    else if (!job->halting && job->surveyed && job->done_count == job->file_count &&
             job->state == JOB_DOWNLOADING_DATA)
        verify(job);
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

/* ---- halt, and on again ---- */

void job_halt(struct job *job)
{
    job->halting = true;
    job->wants_resume = false;
    files_abandon(job);
}

enum job_state job_getting(const struct job *job)
{
    return job_needs_list(job) ? JOB_DOWNLOADING_MANIFEST : JOB_DOWNLOADING_DATA;
}

/* Sources first: the machine may stand elsewhere by now. */
void job_go_on(struct job *job)
{
    job->wants_resume = job->open > 0 || job->working;
    if (job->wants_resume)
        return; /* job_check_end comes back here */
    job->halting = false;
    if (job->list_over)
        list_forget(job);
    if (!job->surveyed && !job_needs_list(job)) {
        job->working = true;
        loop_work_submit(job->engine.loop, &job->work);
        return;
    }
    sources_locate(job);
    if (!job_enter(job, job_getting(job)))
        return;
    plan_pump(job);
    job_look_again(job);
    job_check_end(job);
}

/* ---- the work of workers ---- */

static void survey(void *arg)
{
    struct job *job = arg;
    job->work_ok = staging_survey(job->staging, &job->work_error) &&
                   staging_keep_proven(job->staging, &job->work_error) &&
                   staging_make_room(job->staging, &job->work_error);
}

static void publish(void *arg)
{
    struct job *job = arg;
    job->work_ok = list_verify(job) && staging_publish(job->staging, &job->work_error);
}

static void surveyed(void *arg);

static void published(void *arg)
{
    struct job *job = arg;
    job->working = false;
    if (job->work_ok) {
        list_proven(job);
        job->stopping = false; /* a cancel that came too late */
        job_stop(job, JOB_SUCCESS);
        return;
    }
    /* What is on the disk is looked at anew before it is tried again. */
    job->surveyed = false;
    job->work.run = survey;
    job->work.done = surveyed;
    if (job->wrong_folder && !job->stopping) {
        list_refuted(job);
        return;
    }
    files_reset(job);
    job_disk_trouble(job, &job->work_error);
    job_check_end(job);
}

static void surveyed(void *arg)
{
    struct job *job = arg;
    job->working = false;
    trace_evicted(job);
    if (job->work_ok) {
        job->surveyed = true;
        files_take_kept(job);
        job->work.run = publish;
        job->work.done = published;
    }
    if (job->stopping || job->halting)
        job_check_end(job);
    else if (!job->work_ok)
        job_disk_trouble(job, &job->work_error);
    else
        job_go_on(job);
}

/* ---- from outside ---- */

static void offer(void *arg)
{
    struct job *job = arg;
    plan_pump(job);
    job_look_again(job);
}

/* The first steps, on the loop: nothing calls back before job_start returns. */
static void first_look(void *arg)
{
    struct job *job = arg;
    job->timer.fire = job_tick;
    if (job->state == JOB_SUSPENDED) {
        job->halting = true;
        job_tick(job);
        return;
    }
    if (job_needs_list(job)) {
        job_go_on(job);
        return;
    }
    job->working = true;
    loop_work_submit(job->engine.loop, &job->work);
}

static struct job *create(const struct job_engine *engine, const struct job_request *request)
{
    struct job *job = mem_zero(1, sizeof *job);
    const struct site_content *content = location_content_asked(request->location.content);
    job->engine = *engine;
    job->request = *request;
    job->manifest = request->manifest;
    job->pool.taken_max = PIECES_MAX;
    job->name = mem_format("%s.%lld", content->id, (long long)content->version);
    job->started = job->last_byte = job->progress_logged = job_now(job);
    job->boot_started = boot_now(engine->loop);
    job->look_at = job->report.next_look = -1;
    job->work = (struct loop_work){.run = survey, .done = surveyed, .arg = job};
    job->timer = (struct loop_timer){.fire = first_look, .arg = job};
    job->reaper = (struct loop_timer){.fire = fetch_reap, .arg = job};
    job->member = (struct scheduler_member){
        .priority = request->priority, .offer = offer, .yield = plan_yield, .arg = job};
    return job;
}

struct job *job_start(const struct job_engine *engine, const struct job_request *request,
                      void (*ended)(void *arg), void *arg, struct error *err)
{
    struct job *job = create(engine, request);
    const struct site_content *content = job_content(job);
    job->ended = ended;
    job->arg = arg;
    job->staging = staging_open(engine->cache, content->id, content->version, job->manifest, err);
    if (!job->staging || !record_identify(job, err)) {
        job_free(job);
        return NULL;
    }
    if (job->manifest)
        files_prepare(job);
    scheduler_join(engine->scheduler, &job->member);
    loop_timer_set(engine->loop, &job->timer, 0);
    return job;
}

void job_suspend(struct job *job)
{
    bool may = job->state < JOB_VERIFYING && job->state != JOB_SUSPENDED && !job->stopping;
    job->wants_resume = false;
    if (!may)
        return;
    job->suspended_at = job_elapsed(job);
    if (!job_enter(job, JOB_SUSPENDED))
        return;
    job_halt(job);
    job_tick(job);
}

/* The clocks of its deadlines stood still meanwhile. */
void job_resume(struct job *job)
{
    if (job->state != JOB_SUSPENDED || job->stopping)
        return;
    int64_t pause = job_elapsed(job) - job->suspended_at;
    job->paused += pause;
    job->answered_at += pause;
    job->suspended_at += pause;
    job_go_on(job);
}

void job_cancel(struct job *job)
{
    job_stop(job, JOB_CANCELLED);
}

static const char *waiting_for(const struct job *job)
{
    if (job->state == JOB_WAITING_DISK)
        return job->waiting_error.text;
    if (job->state == JOB_WAITING_CONTENT_LOCATIONS)
        return "a distribution point that answers";
    return job->member.wanting && !job->fetches ? "a connection" : NULL;
}

const struct job_report *job_report(struct job *job)
{
    struct job_report *report = &job->report;
    memcpy(report->job, job->guid, sizeof report->job);
    report->state = job->state;
    report->priority = job->request.priority;
    report->bytes = job->manifest ? job->manifest->bytes : 0;
    report->files = job->manifest ? job->manifest->count : 0;
    report->bytes_from_network = job->bytes_from_network;
    report->bytes_reused = job->bytes_reused;
    report->current = job->current ? job->current->dp->name : NULL;
    report->next_minute = decision_next_minute(&job->decision);
    report->waiting_for = waiting_for(job);
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
    loop_timer_cancel(job->engine.loop, &job->timer);
    loop_timer_cancel(job->engine.loop, &job->reaper);
    scheduler_leave(job->engine.scheduler, &job->member);
    files_free(job);
    sources_free(job);
    staging_close(job->staging);
    manifest_free(&job->list);
    free(job->reports);
    free(job->name);
    free(job);
}

/* Which source is asked next, and what a failure costs it. */
#include "agent/transfer/internal.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Failures in a row after which a source is left: for the job, or for this look. */
#define FAILURES_MAX 4
/* What `get` alone spends on retries after the last byte. */
#define RETRY_BUDGET_MS 30000
/* The longest that a source may ask a held job to stay away. */
#define RETRY_AFTER_MAX_MS (3600 * 1000)
/* A source that was silent while another gave bytes. */
#define SILENT_REST_MS     30000
#define SILENT_REST_MAX_MS 300000
/* A full workstation: its users come and go. */
#define FULL_REST_MS     60000
#define FULL_REST_MAX_MS 300000
/* A page for everything: somebody may log in soon. */
#define PORTAL_REST_MS 30000

static struct job_source *find(const struct job *job, const struct site_dp *dp)
{
    for (size_t i = 0; i < job->source_count; i++)
        if (job->sources[i]->dp == dp)
            return job->sources[i];
    return NULL;
}

static void note_error(struct job_source *source, const struct error *err)
{
    struct job_source_report *report = &source->report;
    if (report->error_count < JOB_ERRORS_MAX)
        report->errors[report->error_count] = *err;
    report->error_count++;
}

static void add(struct job *job, const struct location *location)
{
    struct job_source *source = mem_zero(1, sizeof *source);
    source->dp = location->dp;
    source->kind = source_kind_for(location->dp->kind);
    source->url = mem_copy_string(location->url);
    source->locality = location->locality;
    source->host = scheduler_find_host(job->engine.scheduler, location->dp);
    source->report.dp = location->dp->name;
    source->report.locality = location->locality;
    size_t count = job->source_count + 1;
    job->sources = mem_resize(job->sources, count, sizeof *job->sources);
    job->sources[job->source_count++] = source;
}

void sources_locate(struct job *job)
{
    struct location_request request = job->request.location;
    request.minutes = job_minutes(job);
    decision_free(&job->decision);
    location_decide(&job->decision, &request);
    for (size_t i = 0; i < job->decision.location_count; i++)
        if (!find(job, job->decision.locations[i].dp))
            add(job, &job->decision.locations[i]);
    trace_located(job);
}

/* ---- choice ---- */

/* One that listed the content gives all of it. */
static bool may_serve(const struct job *job, const struct job_source *source)
{
    return !source->out && (!job->only || job->only == source);
}

bool source_is_usable(const struct job *job, const struct job_source *source)
{
    int64_t now = job_now(job);
    return may_serve(job, source) && source->host->not_before <= now && job->not_before <= now;
}

bool sources_are_together(const struct job_source *a, const struct job_source *b)
{
    return a->locality == b->locality && !site_is_cloud(a->dp) && !site_is_cloud(b->dp);
}

/* Quicker ones are gone: a slow source is better than none. */
static struct job_source *first_silent(const struct job *job)
{
    for (size_t i = 0; i < job->source_count; i++) {
        struct job_source *source = job->sources[i];
        if (may_serve(job, source) && source->host->silent && job->not_before <= job_now(job))
            return source;
    }
    return NULL;
}

struct job_source *sources_leader(const struct job *job)
{
    for (size_t i = 0; i < job->source_count; i++)
        if (source_is_usable(job, job->sources[i]))
            return job->sources[i];
    return job->fetches ? NULL : first_silent(job);
}

size_t sources_count_together(const struct job *job, const struct job_source *source)
{
    size_t count = 1;
    for (size_t i = 0; i < job->source_count; i++)
        count += job->sources[i] != source && source_is_usable(job, job->sources[i]) &&
                 sources_are_together(job->sources[i], source);
    return count;
}

struct job_source *sources_beside(const struct job *job, const struct job_source *source)
{
    for (size_t i = 0; i < job->source_count; i++) {
        struct job_source *other = job->sources[i];
        if (other != source && source_is_usable(job, other) &&
            sources_are_together(other, source) &&
            scheduler_may_take(job->engine.scheduler, &job->member, other->host))
            return other;
    }
    return NULL;
}

bool sources_have_other(const struct job *job, const struct job_source *source)
{
    for (size_t i = 0; i < job->source_count; i++)
        if (job->sources[i] != source && source_is_usable(job, job->sources[i]))
            return true;
    return false;
}

int64_t sources_next_try(const struct job *job)
{
    int64_t next = -1;
    for (size_t i = 0; i < job->source_count; i++) {
        const struct job_source *source = job->sources[i];
        int64_t at = source->host->silent ? 0 : source->host->not_before;
        if (may_serve(job, source) && (next < 0 || at < next))
            next = at;
    }
    return next >= 0 && next < job->not_before ? job->not_before : next;
}

/* ---- blame ---- */

void sources_note(struct job *job, struct job_source *source, const struct error *err)
{
    note_error(source, err);
    trace_error(job, source, err);
}

void sources_set_aside(struct job *job, struct job_source *source, const struct error *err)
{
    source->out = true;
    sources_note(job, source, err);
}

static uint32_t roll(void)
{
    uint32_t dice = 0;
    if (getrandom(&dice, sizeof dice, 0) != (ssize_t)sizeof dice)
        dice = 0;
    return dice;
}

/* 1, 2, 4 ... seconds, a quarter more or less, so that a fleet does not come back as one. */
static int64_t rest_after(size_t failures, int64_t asked)
{
    int64_t rest = 1000LL << (failures < FAILURES_MAX ? failures - 1 : 3);
    rest += rest * ((int64_t)(roll() % 501) - 250) / 1000;
    return asked > rest ? asked : rest;
}

/* Is it too long to wait for? `get` alone spends so much after the last byte, a job that waits so
   much in all. */
static bool is_too_long(const struct job *job, int64_t rest)
{
    int64_t now = job_now(job);
    int64_t since = job->last_byte > job->started ? job->last_byte : job->started;
    if (job->request.wait_minutes == 0)
        return now + rest - since > RETRY_BUDGET_MS;
    return job->request.wait_minutes != JOB_HELD &&
           now + rest > job->started + job->request.wait_minutes * 60000;
}

/* One that found nothing at all asks each source once a look, not four times. */
static size_t failures_allowed(const struct job *job)
{
    return job->looks > 0 ? 1 : FAILURES_MAX;
}

static void rest_host(const struct job *job, struct job_source *source, int64_t rest,
                      const struct error *why)
{
    source->host->not_before = job_now(job) + rest;
    source->host->silent = false;
    source->host->reason = *why;
    if (is_too_long(job, rest))
        source->out = true;
}

static int64_t clip(const struct job *job, int64_t asked)
{
    bool held = job->request.wait_minutes == JOB_HELD;
    return held && asked > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : asked;
}

static void blame_source(const struct job *job, struct job_source *source,
                         const struct source_result *result)
{
    /* Its other connections fail with it: one failure, one rest. */
    if (source->out || (source->host->not_before > job_now(job) && result->retry))
        return;
    source->failures++;
    if (result->portal) {
        rest_host(job, source, PORTAL_REST_MS, &result->error);
        source->out = source->out || (job->request.wait_minutes == 0 && source->failures > 1);
        return;
    }
    if (!result->retry || source->failures >= failures_allowed(job))
        source->out = true;
    if (result->retry) {
        source->host->failures++;
        rest_host(job, source, rest_after(source->failures, clip(job, result->retry_after_ms)),
                  &result->error);
    }
}

static void note_full(struct job *job, struct job_source *source, const struct error *why)
{
    struct error err;
    int64_t rest = FULL_REST_MS + (int64_t)(roll() % (FULL_REST_MAX_MS - FULL_REST_MS));
    if (source->out || source->host->not_before > job_now(job))
        return;
    error_set(&err, ERROR_FAILED, BLAME_NONE, "FULL", why->where,
              "the workstation is full (%s); it is asked again in %lld s", why->text,
              (long long)(rest / 1000));
    rest_host(job, source, rest, &err);
    sources_note(job, source, &err);
}

/* The way to all of them is broken, or we lack what it takes: none is to blame, all wait. */
static void blame_way(struct job *job, struct job_source *source,
                      const struct source_result *result)
{
    int64_t now = job_now(job);
    sources_note(job, source, &result->error);
    if (job->not_before > now)
        return;
    job->way_failures++;
    int64_t rest = rest_after(job->way_failures, 0);
    job->not_before = now + rest;
    if (result->retry && job->way_failures < failures_allowed(job) && !is_too_long(job, rest))
        return;
    for (size_t i = 0; i < job->source_count; i++) {
        if (!job->sources[i]->out && job->sources[i] != source)
            note_error(job->sources[i], &result->error);
        job->sources[i]->out = true;
    }
}

void sources_blame(struct job *job, struct job_source *source, const struct source_result *result)
{
    bool was_out = source->out;
    if (result->way) {
        blame_way(job, source, result);
        return;
    }
    if (result->full && source->host->workstation) {
        note_full(job, source, &result->error);
        return;
    }
    blame_source(job, source, result);
    if (!was_out || source->report.error_count < JOB_ERRORS_MAX)
        sources_note(job, source, &result->error);
}

void sources_note_silence(struct job *job, struct job_source *source, const struct error *err)
{
    struct host *host = source->host;
    if (host->not_before <= job_now(job)) {
        int64_t rest = SILENT_REST_MS << (host->failures < 4 ? host->failures : 4);
        host->failures++;
        host->not_before = job_now(job) + (rest < SILENT_REST_MAX_MS ? rest : SILENT_REST_MAX_MS);
        host->silent = true;
        host->reason = *err;
    }
    sources_note(job, source, err);
}

void sources_note_bytes(struct job *job, struct job_source *source, int64_t count, bool is_progress)
{
    source->report.bytes += count;
    job->bytes_from_network += count;
    job->last_byte = job_now(job);
    if (!is_progress)
        return;
    source->failures = source->host->failures = job->way_failures = job->looks = 0;
    job->disk_looks = 0;
    job->answered_at = job_elapsed(job);
}

/* What the source asked for still counts. */
void sources_renew(struct job *job)
{
    for (size_t i = 0; i < job->source_count; i++) {
        struct job_source *source = job->sources[i];
        source->out = false;
        source->failures = 0;
    }
    job->way_failures = 0;
}

void sources_free(struct job *job)
{
    for (size_t i = 0; i < job->source_count; i++) {
        free(job->sources[i]->url);
        manifest_free(&job->sources[i]->wrong);
        free(job->sources[i]);
    }
    free(job->sources);
    decision_free(&job->decision);
}

/* Which source is asked next, and what a failure costs it. */
#include "agent/transfer/internal.h"

#include "policy/base/buf.h"
#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

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

static size_t limit_of(const struct job *job, const struct site_dp *dp)
{
    size_t limit = job->engine.connections_per_source;
    if (dp->max_connections > 0 && (size_t)dp->max_connections < limit)
        limit = (size_t)dp->max_connections;
    return dp->kind == DP_WORKSTATION ? 1 : limit;
}

static void add(struct job *job, const struct location *location)
{
    struct job_source *source = mem_zero(1, sizeof *source);
    source->dp = location->dp;
    source->kind = source_kind_for(location->dp->kind);
    source->url = mem_copy_string(location->url);
    source->locality = location->locality;
    source->limit = limit_of(job, location->dp);
    source->failed_at = -1;
    source->report.dp = location->dp->name;
    source->report.locality = location->locality;
    if (!source->kind) {
        struct error err;
        source->out = true;
        error_set(&err, ERROR_FAILED, BLAME_POLICY, "UNSUPPORTED_KIND", location->dp->name,
                  "nearpoint does not download from a %s distribution point",
                  dp_kind_word(location->dp->kind));
        note_error(source, &err);
    }
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

struct job_source *sources_choose(struct job *job)
{
    int64_t now = job_now(job);
    for (size_t i = 0; i < job->source_count; i++) {
        struct job_source *source = job->sources[i];
        if (source->out || source->not_before > now)
            continue;
        /* A full source is waited for: the next is not as near. */
        return source->busy < source->limit ? source : NULL;
    }
    return NULL;
}

int64_t sources_next_try(const struct job *job)
{
    int64_t next = -1;
    for (size_t i = 0; i < job->source_count; i++) {
        const struct job_source *source = job->sources[i];
        if (!source->out && (next < 0 || source->not_before < next))
            next = source->not_before;
    }
    return next;
}

void sources_set_aside(struct job *job, struct job_source *source, const struct error *err)
{
    source->out = true;
    note_error(source, err);
    trace_error(job, source, err);
}

/* 1, 2, 4 ... seconds, a quarter more or less, so that a fleet does not come back as one. */
static int64_t rest_of(const struct job_source *source, int64_t asked)
{
    uint32_t dice = 0;
    int64_t rest = 1000LL << (source->failures - 1);
    if (getrandom(&dice, sizeof dice, 0) != (ssize_t)sizeof dice)
        dice = 0;
    rest += rest * ((int64_t)(dice % 501) - 250) / 1000;
    return asked > rest ? asked : rest;
}

void sources_blame(struct job *job, struct job_source *source, const struct source_result *result)
{
    int64_t now = job_now(job);
    struct error err = result->error;
    note_error(source, &err);
    trace_error(job, source, &err);
    source->no_range = source->no_range || result->no_range;
    /* Its other connections fail with it: one failure, one rest. */
    bool same = source->not_before > now;
    if (same && result->retry)
        return;
    source->failures++;
    int64_t rest = rest_of(source, result->retry_after_ms);
    int64_t since = job->last_byte > job->started ? job->last_byte : job->started;
    bool spent = job->request.wait_minutes == 0 && now + rest - since > RETRY_BUDGET_MS;
    if (!result->retry || source->failures >= SOURCE_FAILURES_MAX || spent)
        source->out = true;
    else
        source->not_before = now + rest;
}

void sources_renew(struct job *job)
{
    for (size_t i = 0; i < job->source_count; i++) {
        struct job_source *source = job->sources[i];
        source->out = source->kind == NULL;
        source->failures = 0;
        source->not_before = 0;
    }
}

/* One line that names each source with its blame, and when the next would join. */
void sources_explain(const struct job *job, struct error *err)
{
    struct buf text = {0};
    enum error_blame blame = job->source_count ? BLAME_SOURCE : BLAME_POLICY;
    if (job->source_count == 0)
        buf_append_text(&text, "no distribution point may be used now");
    else
        buf_append_text(&text, "no distribution point gave it");
    for (size_t i = 0; i < job->source_count; i++) {
        const struct job_source_report *report = &job->sources[i]->report;
        buf_format(&text, "%s %s: ", i ? ";" : ":", report->dp);
        if (report->error_count == 0) {
            buf_append_text(&text, "not reached");
            continue;
        }
        size_t last = report->error_count < JOB_ERRORS_MAX ? report->error_count : JOB_ERRORS_MAX;
        const struct error *why = &report->errors[last - 1];
        const char *word = error_blame_word(why->blame);
        buf_format(&text, "%s (%s)", why->text, word ? word : "unknown");
    }
    int64_t next = decision_next_minute(&job->decision);
    if (next >= 0)
        buf_format(&text, "; at minute %lld the next would join", (long long)next);
    error_set(err, ERROR_FAILED, blame, job->source_count ? "NO_SOURCE_LEFT" : "NO_LOCATION",
              job->name, "%s", text.data);
    buf_free(&text);
}

void sources_free(struct job *job)
{
    for (size_t i = 0; i < job->source_count; i++) {
        free(job->sources[i]->url);
        free(job->sources[i]);
    }
    free(job->sources);
    decision_free(&job->decision);
}

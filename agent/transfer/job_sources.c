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

/* 1, 2, 4 ... seconds, a quarter more or less, so that a fleet does not come back as one. */
static int64_t rest_of(const struct job_source *source, int64_t asked)
{
    uint32_t dice = 0;
    int64_t rest = 1000LL << (source->failures < SOURCE_FAILURES_MAX ? source->failures - 1 : 3);
    if (getrandom(&dice, sizeof dice, 0) != (ssize_t)sizeof dice)
        dice = 0;
    rest += rest * ((int64_t)(dice % 501) - 250) / 1000;
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
    return now + rest > job->started + job->request.wait_minutes * 60000;
}

static void rest_or_leave(const struct job *job, struct job_source *source,
                          const struct source_result *result)
{
    int64_t now = job_now(job);
    /* Its other connections fail with it: one failure, one rest. */
    if (source->out || (source->not_before > now && result->retry))
        return;
    source->failures++;
    int64_t rest = rest_of(source, result->retry_after_ms);
    source->out =
        !result->retry || source->failures >= SOURCE_FAILURES_MAX || is_too_long(job, rest);
    source->not_before = now + rest;
}

void sources_blame(struct job *job, struct job_source *source, const struct source_result *result)
{
    bool was_out = source->out;
    rest_or_leave(job, source, result);
    if (!was_out || source->report.error_count < JOB_ERRORS_MAX)
        sources_note(job, source, &result->error);
}

/* What the source asked for still counts. */
void sources_renew(struct job *job)
{
    for (size_t i = 0; i < job->source_count; i++) {
        struct job_source *source = job->sources[i];
        source->out = source->kind == NULL;
        source->failures = 0;
    }
}

static const struct error *last_error(const struct job_source_report *report)
{
    size_t kept = report->error_count < JOB_ERRORS_MAX ? report->error_count : JOB_ERRORS_MAX;
    return kept ? &report->errors[kept - 1] : NULL;
}

static bool same_reason(const struct error *a, const struct error *b)
{
    return a == b || (a && b && a->blame == b->blame && strcmp(a->text, b->text) == 0);
}

/* "dp1, dp2: answers HTTP status 404 (source)"; sources of one reason stand together. */
static void add_reason(const struct job *job, size_t first, struct buf *text)
{
    const struct error *why = last_error(&job->sources[first]->report);
    for (size_t i = 0; i < first; i++)
        if (same_reason(last_error(&job->sources[i]->report), why))
            return; /* told with that one */
    buf_append_text(text, first ? "; " : ": ");
    for (size_t i = first; i < job->source_count; i++)
        if (same_reason(last_error(&job->sources[i]->report), why))
            buf_format(text, "%s%s", i > first ? ", " : "", job->sources[i]->report.dp);
    const char *word = why ? error_blame_word(why->blame) : NULL;
    buf_format(text, ": %s", why ? why->text : "not reached");
    if (word)
        buf_format(text, " (%s)", word);
}

/* What all sources agree on; the sources themselves where they do not. */
static enum error_blame common_blame(const struct job *job)
{
    enum error_blame blame = BLAME_NONE;
    for (size_t i = 0; i < job->source_count; i++) {
        const struct error *why = last_error(&job->sources[i]->report);
        if (!why || (blame != BLAME_NONE && blame != why->blame))
            return BLAME_SOURCE;
        blame = why->blame;
    }
    return blame == BLAME_NONE ? BLAME_POLICY : blame;
}

/* One line that names each source with its blame, and when the next would join. */
void sources_explain(const struct job *job, struct error *err)
{
    struct buf text = {0};
    int64_t next = decision_next_minute(&job->decision);
    buf_append_text(&text, job->source_count ? "no distribution point gave it"
                                             : "no distribution point may be used now");
    if (next >= 0)
        buf_format(&text, " (the next joins at minute %lld)", (long long)next);
    for (size_t i = 0; i < job->source_count; i++)
        add_reason(job, i, &text);
    error_set(err, ERROR_FAILED, common_blame(job),
              job->source_count ? "NO_SOURCE_LEFT" : "NO_LOCATION", job->name, "%s", text.data);
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

/* The last word of a job that no source could serve. */
#include "agent/transfer/internal.h"

#include "policy/base/buf.h"

#include <string.h>

const struct error *sources_last_error(const struct job_source_report *report)
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
    const struct error *why = sources_last_error(&job->sources[first]->report);
    for (size_t i = 0; i < first; i++)
        if (same_reason(sources_last_error(&job->sources[i]->report), why))
            return; /* told with that one */
    buf_append_text(text, first ? "; " : ": ");
    for (size_t i = first; i < job->source_count; i++)
        if (same_reason(sources_last_error(&job->sources[i]->report), why))
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
        const struct error *why = sources_last_error(&job->sources[i]->report);
        if (!why || (blame != BLAME_NONE && blame != why->blame))
            return BLAME_SOURCE;
        blame = why->blame;
    }
    if (blame == BLAME_NONE)
        return job->source_count ? BLAME_SOURCE : BLAME_POLICY;
    return blame;
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

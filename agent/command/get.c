/* get: locate, download, verify, cache. Works alone under the cache's locks. */
#include "agent/command/bring.h"

#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/* Text from outside may be no UTF-8, which JSON has to be. */
static json_t *safe_json(const char *text)
{
    struct buf safe = {0};
    text_escape(&safe, text, strlen(text), 4 * sizeof((struct error *)0)->text);
    json_t *json = json_string(safe.data);
    buf_free(&safe);
    return json;
}

static json_t *error_json(const struct error *err)
{
    char *text = mem_format("%s%s%s", err->where, err->where[0] ? ": " : "", err->text);
    json_t *safe = safe_json(text);
    free(text);
    return json_pack("{s:s, s:o, s:o}", "code", err->code, "blame",
                     text_or_null(error_blame_word(err->blame)), "text", safe);
}

static json_t *sources_json(const struct job_report *report)
{
    json_t *sources = json_array();
    for (size_t i = 0; i < report->source_count; i++) {
        const struct job_source_report *source = report->sources[i];
        json_t *errors = json_array();
        for (size_t e = 0; e < source->error_count && e < JOB_ERRORS_MAX; e++)
            json_array_append_new(errors, error_json(&source->errors[e]));
        json_array_append_new(sources, json_pack("{s:s, s:I, s:I, s:o}", "dp", source->dp, "bytes",
                                                 (json_int_t)source->bytes, "files",
                                                 (json_int_t)source->files, "errors", errors));
    }
    return sources;
}

static const char *verified_by(const struct outcome *outcome)
{
    return *outcome->folder_hash ? "folderHash" : "manifest";
}

static json_t *outcome_json(const struct outcome *outcome)
{
    const struct site_content *content = outcome->content;
    const struct job_report none = {.bytes_reused = outcome->cached ? outcome->manifest.bytes : 0,
                                    .next_minute = -1};
    const struct job_report *report = outcome->job ? job_report(outcome->job) : &none;
    return json_pack("{s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "content", safe_json(content ? content->id : outcome->asked), "version",
                     content && content->has_version ? json_integer(content->version) : json_null(),
                     "result", outcome->ok ? "ok" : "failed", "bytes",
                     (json_int_t)outcome->manifest.bytes, "bytesFromNetwork",
                     (json_int_t)report->bytes_from_network, "bytesReused",
                     (json_int_t)report->bytes_reused, "files", (json_int_t)outcome->manifest.count,
                     "seconds", outcome->seconds, "sources", sources_json(report), "path",
                     outcome->ok ? json_string(outcome->path) : json_null(), "verifiedBy",
                     outcome->ok ? json_string(verified_by(outcome)) : json_null(), "job",
                     outcome->job ? json_string(report->job) : json_null(), "error",
                     outcome->ok ? json_null() : error_json(&outcome->error), "nextMinute",
                     report->next_minute < 0 ? json_null() : json_integer(report->next_minute));
}

static void print_outcome(const struct outcome *outcome)
{
    if (!outcome->ok)
        return;
    const struct site_content *content = outcome->content;
    printf("%s version %lld: %zu files, %lld bytes", content->id, (long long)content->version,
           outcome->manifest.count, (long long)outcome->manifest.bytes);
    if (outcome->cached) {
        printf(", in the cache already\n");
    } else {
        const struct job_report *report = job_report(outcome->job);
        printf(", %lld from the network in %.1f s\n", (long long)report->bytes_from_network,
               outcome->seconds);
        for (size_t i = 0; i < report->source_count; i++)
            if (report->sources[i]->bytes)
                printf("  %lld bytes from %s (%s)\n", (long long)report->sources[i]->bytes,
                       report->sources[i]->dp, locality_word(report->sources[i]->locality));
    }
    printf("%s\n", outcome->path);
}

static bool answer(const struct workplace *place, const struct outcome *outcomes, size_t count,
                   struct error *err)
{
    bool ok = true;
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        if (place->context->options->json)
            json_array_append_new(all, outcome_json(&outcomes[i]));
        else
            print_outcome(&outcomes[i]);
    }
    if (place->context->options->json)
        ok = command_print_json(json_incref(count == 1 ? json_array_get(all, 0) : all), err);
    json_decref(all);
    return ok;
}

/* Each content that failed has its line; main adds none. */
static bool report_failures(const struct outcome *outcomes, size_t count, struct error *err)
{
    bool ok = true;
    *err = (struct error){.kind = ERROR_NONE};
    for (size_t i = 0; i < count; i++) {
        if (outcomes[i].ok)
            continue;
        ok = false;
        if (err->kind < outcomes[i].error.kind)
            err->kind = outcomes[i].error.kind;
        error_print(stderr, &outcomes[i].error);
    }
    return ok;
}

/* After Ctrl-C nothing more is begun; what was asked for is still answered. */
static void bring_each(struct workplace *place, struct outcome *outcomes, size_t count)
{
    const char **asked = place->context->options->arguments;
    bool stopped = false;
    for (size_t i = 0; i < count; i++) {
        if (!stopped) {
            bring(place, asked[i], &outcomes[i]);
        } else {
            outcomes[i].asked = asked[i];
            error_set(&outcomes[i].error, ERROR_FAILED, BLAME_USER, "CANCELLED", asked[i],
                      "stopped before it was begun");
        }
        stopped = stopped || strcmp(outcomes[i].error.code, "CANCELLED") == 0;
    }
}

static bool bring_all(struct workplace *place, struct error *err)
{
    size_t count = place->context->options->argument_count;
    struct outcome *outcomes = mem_zero(count, sizeof *outcomes);
    bring_each(place, outcomes, count);
    bool ok = answer(place, outcomes, count, err) && report_failures(outcomes, count, err);
    for (size_t i = 0; i < count; i++)
        outcome_free(&outcomes[i]);
    free(outcomes);
    return ok;
}

bool command_get(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    struct workplace place;
    if (options->to && options->argument_count > 1)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--to takes one content at a time");
    if (!question_check(options, err))
        return false;
    bool ok = workplace_open(&place, context, err) && bring_all(&place, err);
    workplace_close(&place);
    return ok;
}

/* get: locate, download, verify, cache. Works alone under the cache's locks. */
#include "agent/command/folders.h"
#include "agent/command/network.h"
#include "agent/command/progress.h"
#include "agent/command/question.h"
#include "agent/transfer/job.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"
#include "policy/folder_hash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Everything a run of `get` needs, in the order of its making. */
struct get {
    struct context *context;
    struct world world;
    struct folders folders;
    struct log *log;
    struct network network;
    struct cache *cache;
    struct job_engine engine;
    struct job *job;
    bool ended;
    struct loop_watch signals;
    struct progress progress;
};

/* One content's outcome. */
struct outcome {
    const char *asked;
    const struct site_content *content; /* NULL: unknown */
    struct manifest manifest;           /* empty while it is not known */
    char folder_hash[HASH_HEX_MAX];     /* by which it is known; empty: by its manifest */
    struct question question;
    bool ok, cached;
    struct job *job; /* NULL: none was started */
    char *path;
    double seconds;
    struct error error;
};

/* ---- setting up ---- */

static bool open_all(struct get *get, struct error *err)
{
    const struct config *config = &get->context->config;
    const struct options *options = get->context->options;
    struct log_options log = {
        .level = (int)config->log_level,
        .max_size = config->log_max_size,
        .max_history = (int)config->log_max_history,
    };
    if (!folders_enter(&get->folders, options, err) ||
        !(get->log = log_open(get->folders.logs, &log, err)) ||
        !network_open(&get->network, config, err) ||
        !(get->cache = cache_open(get->folders.cache, !options->no_sync, err)))
        return false;
    get->engine = (struct job_engine){
        .loop = get->network.loop,
        .client = get->network.client,
        .cache = get->cache,
        .log = get->log,
        .state_dir = get->folders.state_dir,
        .sync = !options->no_sync,
        .scheduler = get->network.scheduler,
        .stall_ms = get->network.options.stall_ms,
        .wait_stall_ms = get->network.wait_stall_ms,
    };
    return true;
}

static void close_all(struct get *get)
{
    cache_close(get->cache);
    network_close(&get->network);
    log_close(get->log);
    folders_leave(&get->folders);
}

/* ---- one content ---- */

/* A manifest that names a content names this one. */
static bool check_names(const struct outcome *outcome, struct error *err)
{
    const struct site_content *content = outcome->content;
    const struct manifest *manifest = &outcome->manifest;
    int64_t version;
    bool other_id = manifest->content_id && !text_equal(manifest->content_id, content->id);
    bool other_version =
        manifest->version &&
        (!text_to_int(manifest->version, 0, INT64_MAX, &version) || version != content->version);
    if (!other_id && !other_version)
        return true;
    return error_set(err, ERROR_INPUT, BLAME_POLICY, "MANIFEST", content->manifest_where,
                     "the manifest of %s version %lld says that it is one of %s version %s",
                     content->id, (long long)content->version,
                     manifest->content_id ? manifest->content_id : content->id,
                     manifest->version ? manifest->version : "unknown");
}

static bool read_folder_hash(struct outcome *outcome, struct error *err)
{
    const struct site_content *content = outcome->content;
    if (site_folder_hash(content, outcome->folder_hash))
        return true;
    return error_set(err, ERROR_FAILED, BLAME_POLICY, "HASH_ALGORITHM", content->id,
                     "the policy holds a folder hash of it that is none of HashAlgorithm %d (64 "
                     "hexadecimal digits), and no manifest: it could not be verified; 'nearpoint "
                     "publish' writes a manifest",
                     FOLDER_HASH_ALGORITHM);
}

static bool read_manifest(struct outcome *outcome, struct error *err)
{
    const struct site_content *content = outcome->content;
    if (content->has_version && content->has_manifest)
        return manifest_read(&outcome->manifest, content->manifest, content->manifest_len,
                             content->manifest_where, err) &&
               check_names(outcome, err);
    if (content->has_version && content->hash)
        return read_folder_hash(outcome, err);
    return error_set(
        err, ERROR_FAILED, BLAME_POLICY, "NO_MANIFEST", content->id,
        "the policy holds neither a manifest nor a folder hash of it in the version "
        "wanted (NP_Content, NP_ContentHash or SMS_Content): it could not be verified");
}

static void on_ended(void *arg)
{
    struct get *get = arg;
    get->ended = true;
    loop_stop(get->network.loop);
}

static void on_signal(void *arg, short revents)
{
    struct get *get = arg;
    struct signalfd_siginfo info;
    (void)revents;
    while (read(get->signals.fd, &info, sizeof info) > 0)
        job_cancel(get->job);
}

/* Ctrl-C and SIGTERM end the job, with its parts kept. */
static bool watch_signals(struct get *get, sigset_t *before, struct error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return error_errno(err, NULL, "cannot watch for signals");
    pthread_sigmask(SIG_BLOCK, &set, before);
    get->signals =
        (struct loop_watch){.fd = fd, .events = CURL_WAIT_POLLIN, .ready = on_signal, .arg = get};
    loop_watch_start(get->network.loop, &get->signals);
    return true;
}

static void unwatch_signals(struct get *get, const sigset_t *before)
{
    loop_watch_stop(get->network.loop, &get->signals);
    close(get->signals.fd);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

static bool ask_where(struct get *get, struct outcome *outcome, struct error *err)
{
    return question_read(&outcome->question, get->context->options, &get->world, outcome->content,
                         err);
}

static bool run_job(struct get *get, struct outcome *outcome, struct error *err)
{
    const struct options *options = get->context->options;
    struct job_request request = {
        .location = outcome->question.request,
        .manifest = *outcome->folder_hash ? NULL : &outcome->manifest,
        .folder_hash = *outcome->folder_hash ? outcome->folder_hash : NULL,
        .wait_minutes = options->wait,
    };
    sigset_t before;
    if (!watch_signals(get, &before, err))
        return false;
    get->ended = false;
    get->job = outcome->job = job_start(&get->engine, &request, on_ended, get, err);
    bool ok = get->job != NULL;
    if (ok) {
        progress_begin(&get->progress, get->network.loop, get->job, outcome->content->id);
        ok = loop_run(get->network.loop, err);
        progress_end(&get->progress);
    }
    unwatch_signals(get, &before);
    return ok;
}

static bool take_result(struct outcome *outcome, struct error *err)
{
    const struct job_report *report = job_report(outcome->job);
    if (report->state == JOB_SUCCESS)
        return true;
    if (report->state == JOB_CANCELLED)
        return error_set(err, ERROR_FAILED, BLAME_USER, "CANCELLED", outcome->content->id,
                         "stopped; what was received is kept for the next get");
    *err = report->error;
    return false;
}

/* What is known by its folder hash alone says only now what it holds. */
static bool is_in_cache(const struct get *get, struct outcome *outcome)
{
    const struct site_content *content = outcome->content;
    if (*outcome->folder_hash)
        return cache_has_folder(get->cache, content->id, content->version, outcome->folder_hash,
                                &outcome->manifest);
    return cache_has(get->cache, content->id, content->version, &outcome->manifest);
}

static bool copy_out(const struct get *get, struct outcome *outcome, struct error *err)
{
    const struct site_content *content = outcome->content;
    const char *to = get->context->options->to;
    if (!outcome->cached && *outcome->folder_hash && !is_in_cache(get, outcome))
        return error_set(err, ERROR_FAILED, BLAME_DISK, "CACHE", content->id,
                         "the cache does not hold what was published there");
    return !to ||
           (folders_make_above(to, err) &&
            cache_copy_out(get->cache, content->id, content->version, &outcome->manifest, to, err));
}

static bool bring(struct get *get, struct outcome *outcome, struct error *err)
{
    outcome->content = site_find_content(&get->world.site, outcome->asked, err);
    if (!outcome->content || !read_manifest(outcome, err) || !ask_where(get, outcome, err))
        return false;
    const struct site_content *content = outcome->content;
    outcome->path = cache_path(get->cache, content->id, content->version);
    outcome->cached = is_in_cache(get, outcome);
    if (outcome->cached)
        job_note_cached(get->log, content->id, content->version, outcome->path);
    else if (!run_job(get, outcome, err) || !take_result(outcome, err))
        return false;
    return copy_out(get, outcome, err);
}

static double seconds_now(const struct get *get)
{
    const struct clock *clock = loop_clock(get->network.loop);
    return (double)clock->monotonic(clock->arg) / 1000;
}

static void outcome_free(struct outcome *outcome)
{
    job_free(outcome->job);
    question_free(&outcome->question);
    manifest_free(&outcome->manifest);
    free(outcome->path);
}

/* ---- the answer ---- */

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

static bool answer(const struct get *get, const struct outcome *outcomes, size_t count,
                   struct error *err)
{
    bool ok = true;
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        if (get->context->options->json)
            json_array_append_new(all, outcome_json(&outcomes[i]));
        else
            print_outcome(&outcomes[i]);
    }
    if (get->context->options->json)
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
static void bring_each(struct get *get, struct outcome *outcomes, size_t count)
{
    bool stopped = false;
    for (size_t i = 0; i < count; i++) {
        struct outcome *outcome = &outcomes[i];
        double began = seconds_now(get);
        outcome->asked = get->context->options->arguments[i];
        if (stopped)
            error_set(&outcome->error, ERROR_FAILED, BLAME_USER, "CANCELLED", outcome->asked,
                      "stopped before it was begun");
        else
            outcome->ok = bring(get, outcome, &outcome->error);
        outcome->seconds = seconds_now(get) - began;
        stopped = stopped || strcmp(outcome->error.code, "CANCELLED") == 0;
    }
}

static bool bring_all(struct get *get, struct error *err)
{
    size_t count = get->context->options->argument_count;
    struct outcome *outcomes = mem_zero(count, sizeof *outcomes);
    bring_each(get, outcomes, count);
    bool ok = answer(get, outcomes, count, err) && report_failures(outcomes, count, err);
    for (size_t i = 0; i < count; i++)
        outcome_free(&outcomes[i]);
    free(outcomes);
    return ok;
}

bool command_get(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    if (options->to && options->argument_count > 1)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--to takes one content at a time");
    if (!question_check(options, err))
        return false;
    struct get get = {.context = context, .folders = {.state_dir = -1}};
    if (!command_read_world(context, &get.world, err))
        return false;
    bool ok = open_all(&get, err) && bring_all(&get, err);
    close_all(&get);
    world_free(&get.world);
    return ok;
}

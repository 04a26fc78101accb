#include "agent/command/bring.h"

#include "agent/command/progress.h"

#include "policy/base/mem.h"
#include "policy/base/text.h"
#include "policy/folder_hash.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* One content on its way. */
struct bringing {
    struct workplace *place;
    struct job *job;
    bool ended;
    struct loop_watch signals;
    struct progress progress;
};

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

bool bring_read_manifest(struct outcome *outcome, struct error *err)
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
    struct bringing *bringing = arg;
    bringing->ended = true;
    loop_stop(bringing->place->network.loop);
}

static void on_signal(void *arg, short revents)
{
    struct bringing *bringing = arg;
    struct signalfd_siginfo info;
    (void)revents;
    while (read(bringing->signals.fd, &info, sizeof info) > 0)
        job_cancel(bringing->job);
}

/* Ctrl-C and SIGTERM end the job, with its parts kept. */
static bool watch_signals(struct bringing *bringing, sigset_t *before, struct error *err)
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
    bringing->signals = (struct loop_watch){
        .fd = fd, .events = CURL_WAIT_POLLIN, .ready = on_signal, .arg = bringing};
    loop_watch_start(bringing->place->network.loop, &bringing->signals);
    return true;
}

static void unwatch_signals(struct bringing *bringing, const sigset_t *before)
{
    loop_watch_stop(bringing->place->network.loop, &bringing->signals);
    close(bringing->signals.fd);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

static bool ask_where(struct bringing *bringing, struct outcome *outcome, struct error *err)
{
    return question_read(&outcome->question, bringing->place->context->options,
                         &bringing->place->world, outcome->content, err);
}

static bool run_job(struct bringing *bringing, struct outcome *outcome, struct error *err)
{
    const struct options *options = bringing->place->context->options;
    struct job_request request = {
        .location = outcome->question.request,
        .manifest = *outcome->folder_hash ? NULL : &outcome->manifest,
        .folder_hash = *outcome->folder_hash ? outcome->folder_hash : NULL,
        .wait_minutes = options->wait,
    };
    sigset_t before;
    if (!watch_signals(bringing, &before, err))
        return false;
    bringing->ended = false;
    bringing->job = outcome->job =
        job_start(&bringing->place->engine, &request, on_ended, bringing, err);
    bool ok = bringing->job != NULL;
    if (ok) {
        progress_begin(&bringing->progress, bringing->place->network.loop, bringing->job,
                       outcome->content->id);
        ok = loop_run(bringing->place->network.loop, err);
        progress_end(&bringing->progress);
    }
    unwatch_signals(bringing, &before);
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
static bool is_in_cache(const struct bringing *bringing, struct outcome *outcome)
{
    const struct site_content *content = outcome->content;
    if (*outcome->folder_hash)
        return cache_has_folder(bringing->place->cache, content->id, content->version,
                                outcome->folder_hash, &outcome->manifest);
    return cache_has(bringing->place->cache, content->id, content->version, &outcome->manifest);
}

static bool copy_out(const struct bringing *bringing, struct outcome *outcome, struct error *err)
{
    const struct site_content *content = outcome->content;
    const char *to = bringing->place->context->options->to;
    if (!outcome->cached && *outcome->folder_hash && !is_in_cache(bringing, outcome))
        return error_set(err, ERROR_FAILED, BLAME_DISK, "CACHE", content->id,
                         "the cache does not hold what was published there");
    return !to || (folders_make_above(to, err) &&
                   cache_copy_out(bringing->place->cache, content->id, content->version,
                                  &outcome->manifest, to, err));
}

static bool bring_content(struct bringing *bringing, struct outcome *outcome, struct error *err)
{
    const struct workplace *place = bringing->place;
    outcome->content = site_find_content(&place->world.site, outcome->asked, err);
    if (!outcome->content || !bring_read_manifest(outcome, err) ||
        !ask_where(bringing, outcome, err))
        return false;
    const struct site_content *content = outcome->content;
    outcome->cached = is_in_cache(bringing, outcome);
    if (!outcome->cached && (!run_job(bringing, outcome, err) || !take_result(outcome, err)))
        return false;
    outcome->path = cache_path(place->cache, content->id, content->version);
    if (outcome->cached)
        job_note_cached(place->log, content->id, content->version, outcome->path);
    cache_touch(place->cache, content->id, content->version);
    return copy_out(bringing, outcome, err);
}

static double seconds_now(const struct workplace *place)
{
    const struct clock *clock = loop_clock(place->network.loop);
    return (double)clock->monotonic(clock->arg) / 1000;
}

void bring(struct workplace *place, const char *asked, struct outcome *outcome)
{
    struct bringing bringing = {.place = place};
    double began = seconds_now(place);
    *outcome = (struct outcome){.asked = asked};
    outcome->ok = bring_content(&bringing, outcome, &outcome->error);
    outcome->seconds = seconds_now(place) - began;
}

void outcome_free(struct outcome *outcome)
{
    job_free(outcome->job);
    question_free(&outcome->question);
    manifest_free(&outcome->manifest);
    free(outcome->path);
}

/* One connection's work: a run of a file from a source, alone or against a rival. */
#include "agent/transfer/internal.h"

#include "policy/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void unlink_fetch(struct job_fetch *fetch)
{
    struct job_fetch **at = &fetch->file->job->fetches;
    while (*at != fetch)
        at = &(*at)->next;
    *at = fetch->next;
}

/* Shorter times say nothing. */
#define RATE_FROM_MS 500

int64_t fetch_rate(const struct job_fetch *fetch)
{
    int64_t passed = job_now(fetch->file->job) - fetch->began;
    return passed < RATE_FROM_MS ? 0 : fetch->got * 1000 / passed + 1;
}

/* Hands the run over to a rival that is still under way, or sets it free. */
static void leave_run(struct job_fetch *fetch)
{
    struct job_fetch *rival = fetch->rival;
    struct part *part = fetch->file->part;
    part_stream_end(part, &fetch->stream);
    if (!rival)
        return;
    rival->rival = NULL;
    fetch->rival = NULL;
    if (rival->is_hedge && !rival->lost) {
        rival->is_hedge = false;
        part_stream_begin(part, &rival->stream, rival->start, rival->end);
    }
}

/* The fetch is over: its connection goes back. */
static void release(struct job_fetch *fetch)
{
    struct job *job = fetch->file->job;
    if (fetch_rate(fetch) > 0)
        fetch->source->rate = fetch_rate(fetch);
    leave_run(fetch);
    unlink_fetch(fetch);
    fetch->file->fetches--;
    scheduler_give_back(job->engine.scheduler, &job->member, fetch->source->host);
    free(fetch);
}

void fetch_drop(struct job_fetch *fetch)
{
    fetch->source->kind->cancel(fetch->fetch);
    release(fetch);
}

void fetch_reap(void *arg)
{
    struct job *job = arg;
    for (struct job_fetch *fetch = job->fetches, *next; fetch; fetch = next) {
        next = fetch->next;
        struct job_file *file = fetch->file;
        if (!fetch->lost)
            continue;
        fetch_drop(fetch);
        files_settle(file);
    }
    plan_pump(job);
    job_look_again(job);
    job_check_end(job);
}

/* libcurl takes no stop from within its own callbacks: the reaper does it. */
static void lose(struct job_fetch *fetch)
{
    struct job *job = fetch->file->job;
    part_stream_end(fetch->file->part, &fetch->stream);
    fetch->lost = true;
    loop_timer_set(job->engine.loop, &job->reaper, 0);
}

/* ---- the rival that was quicker ---- */

static void win(struct job_fetch *fetch)
{
    struct job_fetch *rival = fetch->rival;
    struct job *job = fetch->file->job;
    struct error err;
    fetch->rival = rival->rival = NULL;
    lose(rival);
    if (!fetch->is_hedge)
        return;
    fetch->is_hedge = false;
    part_stream_begin(fetch->file->part, &fetch->stream, fetch->start, fetch->end);
    error_set(&err, ERROR_FAILED, BLAME_SOURCE, "HEDGED", rival->source->url,
              "no byte for %lld s, at %lld of %lld bytes: %s was asked for the rest",
              (long long)((job_now(job) - rival->moved) / 1000), (long long)fetch->start,
              (long long)fetch->file->staged->file->size, fetch->source->dp->name);
    sources_note_silence(job, rival->source, &err);
}

/* ---- what the source tells ---- */

static void on_room(void *arg)
{
    struct job_fetch *fetch = arg;
    fetch->moved = fetch->window_at = job_now(fetch->file->job);
    fetch->window_got = 0;
    fetch->source->kind->resume(fetch->fetch);
}

static void on_begin(void *arg, int64_t start, bool whole, const char *validator)
{
    struct job_fetch *fetch = arg;
    fetch->begin_at = start;
    fetch->whole = whole;
    snprintf(fetch->validator, sizeof fetch->validator, "%s", validator);
}

/* The whole file follows though a range was asked for: as much of it as nobody else fetches. */
static void take_whole(struct job_fetch *fetch)
{
    struct job_file *file = fetch->file;
    struct span gap;
    bool changed = fetch->start > 0 && *part_validator(file->part, fetch->source->url);
    bool ranged = fetch->start > 0 || fetch->end < file->staged->file->size;
    if (ranged && !changed)
        file->no_range = fetch->source;
    if (fetch->begin_at < fetch->stream.at) {
        files_forget_reused(file);
        part_stream_end(file->part, &fetch->stream);
        part_restart(file->part);
        part_stream_begin(file->part, &fetch->stream, 0, file->staged->file->size);
    } else if (part_gap(file->part, fetch->stream.end, &gap) && gap.start == fetch->stream.end) {
        fetch->stream.end = fetch->end = gap.end;
    }
}

static void note_form(const struct job_fetch *fetch)
{
    struct job_source *source = fetch->source;
    if (source->form_known)
        return;
    source->form_known = true;
    source->form = fetch->form;
    if (fetch->form == 0)
        return;
    const char *name = fetch->file->staged->file->name;
    char *url = source->kind->file_url(source->url, fetch->form, name);
    trace_form(fetch->file->job, url);
    free(url);
}

/* The first byte is here: from now on this fetch is its run's. */
static void open_run(struct job_fetch *fetch)
{
    struct job_file *file = fetch->file;
    if (fetch->whole)
        take_whole(fetch);
    part_note_origin(file->part, fetch->source->url, fetch->validator);
    file->mixed = file->mixed || (file->last_source && file->last_source != fetch->source);
    file->last_source = fetch->source;
    fetch->open = true;
    note_form(fetch);
}

static void note_bytes(struct job_fetch *fetch, size_t len)
{
    struct job_file *file = fetch->file;
    int64_t received = part_received(file->part);
    if (received == (int64_t)len) {
        file->only_source = fetch->source;
        file->mixed = false;
    } else if (file->only_source != fetch->source) {
        file->only_source = NULL;
    }
    fetch->moved = job_now(file->job);
    fetch->window_got += (int64_t)len;
    fetch->got += (int64_t)len;
    sources_note_bytes(file->job, fetch->source, (int64_t)len, received > file->furthest);
    if (received > file->furthest)
        file->furthest = received;
}

/* Bytes that count for no file yet: the source is neither silent nor slow. */
static void on_alive(void *arg, size_t len)
{
    struct job_fetch *fetch = arg;
    fetch->moved = job_now(fetch->file->job);
    fetch->window_got += (int64_t)len;
}

static enum source_take on_bytes(void *arg, const char *bytes, size_t len)
{
    struct job_fetch *fetch = arg;
    if (fetch->lost)
        return SOURCE_ENOUGH;
    if (fetch->rival)
        win(fetch);
    if (!fetch->open)
        open_run(fetch);
    int64_t wanted = fetch->stream.end - fetch->stream.at;
    size_t take = (int64_t)len < wanted ? len : (size_t)wanted;
    if (take > 0 && !part_write(fetch->file->part, &fetch->stream, bytes, take))
        return SOURCE_NO_ROOM;
    if (take > 0)
        note_bytes(fetch, take);
    bool asked_less =
        fetch->stream.end < (fetch->whole ? fetch->file->staged->file->size : fetch->end);
    return take < len || (take == (size_t)wanted && asked_less) ? SOURCE_ENOUGH : SOURCE_TAKEN;
}

/* It may answer under another form of the URL: until one is known to work, each is tried. */
static bool try_other_form(struct job *job, struct job_source *source, unsigned form,
                           const struct source_result *result)
{
    if (!source_is_refusal(result))
        return false;
    if (form != source->form)
        return true; /* another connection has moved on */
    if (source->form_known)
        return false;
    if (form == source->first_form)
        source->refusal = result->error;
    if (++source->form < source->kind->form_count(source->url))
        return true;
    struct source_result all = *result;
    all.error = source->refusal;
    error_set(&all.error, ERROR_FAILED, source->refusal.blame, source->refusal.code,
              source->refusal.where, "%.800s in each form of the URL: %s", source->refusal.text,
              source_refusal_advice(result->status));
    source->form = source->first_form;
    sources_blame(job, source, &all);
    return true;
}

/* A source that stalls or hangs up after the last byte gave all there is; one that sends more does
   not, and its bytes prove nothing. */
static void judge_end(struct job_file *file, struct job_source *source,
                      const struct source_result *result)
{
    bool all = part_received(file->part) == file->staged->file->size;
    if (result->ok || (all && result->retry && !result->portal))
        return;
    if (result->no_range)
        file->no_range = source;
    /* A page's bytes are none of the file's. */
    bool useless = all || (result->portal && file->only_source == source);
    if (useless && file->fetches == 0) {
        files_forget_reused(file);
        part_restart(file->part);
    }
    sources_blame(file->job, source, result);
}

static void on_done(void *arg, const struct source_result *result)
{
    struct job_fetch *fetch = arg;
    struct job_file *file = fetch->file;
    struct job *job = file->job;
    struct job_source *source = fetch->source;
    bool lost = fetch->lost;
    unsigned form = fetch->form;
    release(fetch);
    if (!lost && !try_other_form(job, source, form, result))
        judge_end(file, source, result);
    files_settle(file);
    plan_pump(job);
    if (!result->ok)
        job_look_again(job);
    job_check_end(job);
}

/* ---- start ---- */

static struct job_fetch *create(struct job_file *file, struct job_source *source, int64_t start,
                                int64_t end)
{
    struct job *job = file->job;
    struct job_fetch *fetch = mem_zero(1, sizeof *fetch);
    fetch->file = file;
    fetch->source = source;
    fetch->start = start;
    fetch->end = end;
    fetch->stream = (struct part_stream){.room = on_room, .arg = fetch};
    fetch->moved = fetch->window_at = fetch->began = job_now(job);
    fetch->next = job->fetches;
    job->fetches = fetch;
    file->fetches++;
    return fetch;
}

static void ask(struct job_fetch *fetch)
{
    struct job_file *file = fetch->file;
    struct job *job = file->job;
    struct job_source *source = fetch->source;
    fetch->form = source->form;
    char *url = source->kind->file_url(source->url, fetch->form, file->staged->file->name);
    bool alone = file->fetches == 1 && part_received(file->part) == part_front(file->part);
    const struct manifest_file *wanted = file->staged->file;
    bool is_known = wanted->algorithm == HASH_SHA256 && !file->staged->is_listed;
    const struct source_file named = {.dp = source->dp,
                                      .content_id = job_content(job)->id,
                                      .version = job_content(job)->version,
                                      .plain_in_cloud = job_is_plain_in_cloud(job),
                                      .name = wanted->name,
                                      .sha256 = is_known ? wanted->hash : NULL};
    struct source_request request = {
        .url = url,
        .file = &named,
        .offset = fetch->start,
        .end = fetch->end,
        .size = file->staged->file->size,
        .validator = fetch->start > 0 ? part_validator(file->part, source->url) : "",
        .past_caches = file->past_caches,
        .range_only = fetch->start > 0 && !alone,
        .stall_ms =
            job->request.wait_minutes == 0 ? job->engine.stall_ms : job->engine.wait_stall_ms,
        .begin = on_begin,
        .bytes = on_bytes,
        .alive = on_alive,
        .done = on_done,
        .arg = fetch,
    };
    if (site_is_cloud(source->dp))
        trace_blob(job, url);
    fetch->fetch = source->kind->start(job->engine.client, &request);
    free(url);
}

void fetch_start(const struct run *run, struct job_source *source)
{
    struct job_file *file = run->file;
    struct job *job = file->job;
    int64_t size = file->staged->file->size;
    struct job_fetch *fetch =
        create(file, source, run->anew ? 0 : run->span.start, run->anew ? size : run->span.end);
    part_stream_begin(file->part, &fetch->stream, run->span.start, run->span.end);
    if (file->past_caches && !job->only)
        source->trial = file;
    if (job->current != source) {
        trace_source(job, source, job->current == NULL);
        job->current = source;
    }
    ask(fetch);
}

void fetch_hedge(struct job_fetch *fetch, struct job_source *source)
{
    struct job_fetch *hedge = create(fetch->file, source, fetch->stream.at, fetch->stream.end);
    hedge->is_hedge = true;
    hedge->rival = fetch;
    fetch->rival = hedge;
    trace_hedge(fetch->file->job, fetch, source);
    ask(hedge);
}

/*
 * What a free connection does next, and what is done about a source that is silent or slow.
 *
 * Where several sources of one locality may be asked, a large file comes in blocks from all of
 * them; an idle source takes over from a slower one what that would be too long about.
 */
#include "agent/transfer/internal.h"

#include "policy/base/limits.h"

#include <stdlib.h>

#define BLOCK_BYTES (8L * MIB)
#define BLOCKS_FROM (2 * BLOCK_BYTES) /* smaller files come whole */
/* How far the blocks may be ahead of the front: what lies there is read again to be hashed. */
#define AHEAD_MAX (64L * MIB)
/* A run is taken over where its source would need longer for it. */
#define TAKE_OVER_MS       1000
#define TAKE_OVER_SMALL_MS 5000
/* Smaller pieces are not worth a request. */
#define PIECE_MIN (256L * KIB)
/* Connections to one of several sources for one file: more bring it no sooner. */
#define CONNECTIONS_A_FILE 4
/* Slower than this is as good as silent. */
#define LOW_SPEED_BYTES 1024

/* ---- runs that nobody fetches ---- */

static bool in_blocks(const struct job *job, const struct job_source *source,
                      const struct job_file *file)
{
    return file->staged->file->size >= BLOCKS_FROM && !job->no_mixing &&
           sources_count_together(job, source) > 1;
}

static bool has_its_share(const struct job_file *file, const struct job_source *source)
{
    size_t count = 0;
    for (const struct job_fetch *fetch = file->job->fetches; fetch; fetch = fetch->next)
        count += fetch->file == file && fetch->source == source;
    return count >= CONNECTIONS_A_FILE;
}

/* All of the file from this source, whatever there is. */
static bool take_anew(const struct job_file *file, struct run *run)
{
    run->anew = true;
    return file->fetches == 0;
}

static bool run_of(struct job_file *file, const struct job_source *source, struct run *run)
{
    const struct job *job = file->job;
    *run = (struct run){.file = file};
    if (!part_gap(file->part, 0, &run->span))
        return false;
    if (file->past_caches && file->only_source != source)
        return take_anew(file, run);
    if (file->no_range == source)
        return (part_received(file->part) == 0 || !sources_beside(job, source)) &&
               take_anew(file, run);
    if (file->past_caches || job->no_mixing)
        return file->fetches == 0;
    if (in_blocks(job, source, file)) {
        if (has_its_share(file, source))
            return false;
        int64_t end = (run->span.start / BLOCK_BYTES + 1) * BLOCK_BYTES;
        run->span.end = end < run->span.end ? end : run->span.end;
    }
    return true;
}

/* ---- runs that a slower source has ---- */

static bool may_lose_work(const struct job_fetch *fetch, const struct job_source *thief)
{
    const struct job_file *file = fetch->file;
    return !fetch->lost && !fetch->rival && fetch->source != thief &&
           sources_are_together(fetch->source, thief) && !file->past_caches &&
           !file->job->no_mixing && file->no_range != thief && !has_its_share(file, thief);
}

static int64_t left_of(const struct job_fetch *fetch)
{
    return fetch->stream.end - fetch->stream.at;
}

/* How long its source will need; 0: too early to say. */
static int64_t time_left(const struct job_fetch *fetch)
{
    int64_t rate = fetch_rate(fetch);
    return rate > 0 ? left_of(fetch) * 1000 / rate : 0;
}

/* A small file is one request, unless its source is far slower than this one. */
static bool is_worth_it(const struct job_fetch *fetch, const struct job_source *thief)
{
    int64_t left = time_left(fetch);
    if (fetch->file->staged->file->size >= BLOCKS_FROM)
        return left >= TAKE_OVER_MS;
    return left >= TAKE_OVER_SMALL_MS && thief->rate > 4 * fetch_rate(fetch) &&
           job_now(fetch->file->job) - fetch->began >= TAKE_OVER_SMALL_MS;
}

/* Shares the rest by what both can do: the thief's end of it into `run`. */
static bool split(struct job_fetch *victim, const struct job_source *thief, struct run *run)
{
    int64_t left = left_of(victim), rate = fetch_rate(victim);
    int64_t other = thief->rate > 0 ? thief->rate : rate;
    int64_t keep = (int64_t)((double)left * (double)rate / (double)(rate + other));
    if (left - keep < PIECE_MIN && other <= 2 * rate)
        return false;
    *run = (struct run){.file = victim->file};
    run->span.end = victim->stream.end;
    run->span.start = victim->stream.at + keep;
    if (keep >= PIECE_MIN) {
        victim->stream.end = run->span.start;
    } else {
        run->span.start = victim->stream.at;
        fetch_drop(victim);
    }
    return true;
}

/* The run that would be longest about, of one file or (NULL) of any. */
static bool take_over(struct job *job, const struct job_source *thief, const struct job_file *file,
                      struct run *run)
{
    struct job_fetch *victim = NULL;
    for (struct job_fetch *fetch = job->fetches; fetch; fetch = fetch->next)
        if ((!file || fetch->file == file) && may_lose_work(fetch, thief) &&
            is_worth_it(fetch, thief) && (!victim || time_left(fetch) > time_left(victim)))
            victim = fetch;
    return victim && split(victim, thief, run);
}

/* ---- silence ---- */

static bool may_hedge(const struct job_fetch *fetch, const struct job_source *other)
{
    const struct job_file *file = fetch->file;
    return !fetch->lost && !fetch->rival && !fetch->stream.no_room && fetch->source != other &&
           sources_are_together(fetch->source, other) && !file->past_caches &&
           !file->job->no_mixing && file->no_range != other &&
           job_now(file->job) - fetch->moved >= LIMIT_HEDGE_SECONDS * 1000;
}

/* What is silent elsewhere comes before what nobody has begun. */
static bool hedge_with(struct job *job, struct job_source *source)
{
    for (struct job_fetch *fetch = job->fetches; fetch; fetch = fetch->next)
        if (may_hedge(fetch, source) &&
            scheduler_take(job->engine.scheduler, &job->member, source->host)) {
            fetch_hedge(fetch, source);
            return true;
        }
    return false;
}

/* ---- the next run ---- */

static bool is_far_ahead(const struct run *run)
{
    return run->span.start - part_front(run->file->part) > AHEAD_MAX;
}

/* A file that was wrong is on its way from it once more, or hashed: nothing new is begun with a
   source that may prove bad. Its end, whatever it is, makes a new plan. */
static bool is_on_trial(const struct job_source *source)
{
    const struct job_file *file = source->trial;
    return file && file->past_caches && (file->fetches > 0 || file->state == FILE_ENDING);
}

static bool next_run(struct job *job, const struct job_source *source, struct run *run)
{
    if (is_on_trial(source))
        return false;
    for (struct job_file *file = job->ready.first; file; file = file->next)
        if (run_of(file, source, run)) {
            if (is_far_ahead(run))
                take_over(job, source, file, run);
            return true;
        }
    struct job_file *file = files_open_next(job);
    return (file && run_of(file, source, run)) || take_over(job, source, NULL, run);
}

static void start(struct job_source *source, const struct run *run)
{
    struct span gap;
    fetch_start(run, source);
    if (!part_gap(run->file->part, 0, &gap))
        files_take_off(run->file);
}

/* From the leader, or from one beside it that has a connection free. */
static bool start_with(struct job *job, struct job_source *source)
{
    struct run run;
    if (!scheduler_may_take(job->engine.scheduler, &job->member, source->host))
        return false;
    if (hedge_with(job, source))
        return true;
    if (!next_run(job, source, &run))
        return false;
    scheduler_take(job->engine.scheduler, &job->member, source->host);
    start(source, &run);
    return true;
}

/* Asks the others to make room; false where they do not. */
static bool start_by_urgency(struct job *job, struct job_source *leader)
{
    struct run run;
    if ((!job->ready.first && !job->waiting.first) ||
        scheduler_may_take(job->engine.scheduler, &job->member, leader->host) ||
        !scheduler_take(job->engine.scheduler, &job->member, leader->host))
        return false;
    if (next_run(job, leader, &run)) {
        start(leader, &run);
        return true;
    }
    scheduler_give_back(job->engine.scheduler, &job->member, leader->host);
    return false;
}

static bool start_one(struct job *job)
{
    struct job_source *leader = sources_leader(job);
    if (!leader) {
        files_open_next(job); /* what is whole already needs no source */
        return false;
    }
    if (start_with(job, leader))
        return true;
    for (size_t i = 0; i < job->source_count; i++) {
        struct job_source *source = job->sources[i];
        if (source != leader && source_is_usable(job, source) &&
            sources_are_together(source, leader) && start_with(job, source))
            return true;
    }
    return start_by_urgency(job, leader);
}

void plan_pump(struct job *job)
{
    if (job_needs_list(job) && !job->stopping && !job->halting)
        list_pump(job);
    while (job->surveyed && !job->stopping && !job->halting && job->state == JOB_DOWNLOADING_DATA &&
           start_one(job))
        continue;
}

/* ---- slowness ---- */

/* Over the time that silence is borne for, and a little more: silence has its own words. */
static void leave_slow(struct job_fetch *fetch)
{
    struct job_file *file = fetch->file;
    struct job *job = file->job;
    struct job_source *source = fetch->source;
    int64_t patience =
        job->request.wait_minutes == 0 ? job->engine.stall_ms : job->engine.wait_stall_ms;
    int64_t passed = job_now(job) - fetch->window_at, got = fetch->window_got;
    if (passed < patience + 1000)
        return;
    fetch->window_at = job_now(job);
    fetch->window_got = 0;
    if (got * 1000 >= passed * LOW_SPEED_BYTES || !sources_have_other(job, source))
        return;
    struct source_result result = {.retry = true, .retry_after_ms = -1};
    error_set(&result.error, ERROR_FAILED, BLAME_SOURCE, "SLOW", source->url,
              "only %lld bytes in %lld s, at %lld of %lld bytes", (long long)got,
              (long long)(passed / 1000), (long long)fetch->stream.at,
              (long long)file->staged->file->size);
    fetch_drop(fetch);
    sources_blame(job, source, &result);
    files_settle(file);
}

void plan_watch(struct job *job)
{
    for (struct job_fetch *fetch = job->fetches, *next; fetch; fetch = next) {
        next = fetch->next;
        if (!fetch->lost && !fetch->stream.no_room)
            leave_slow(fetch);
    }
}

/* ---- for a more urgent job ---- */

bool plan_yield(void *arg, const struct host *host)
{
    struct job *job = arg;
    for (struct job_fetch *fetch = job->fetches; fetch; fetch = fetch->next) {
        struct job_file *file = fetch->file;
        if (host && fetch->source->host != host)
            continue;
        fetch_drop(fetch);
        files_settle(file);
        return true;
    }
    return false;
}

/* What a job does when nothing works: it waits, for a source, a distribution point that joins, or
   the disk, looks again ever more seldom, and ends at its deadlines. */
#include "agent/transfer/internal.h"

#include "policy/base/limits.h"

#include <string.h>
#include <sys/random.h>

#define PROGRESS_LOG_MS 5000
/* While something is under way. */
#define WATCH_MS 1000
/* A rest that is sat out in DownloadingData. */
#define REST_MAX_MS 60000
/* Between looks when nothing works: doubled from look to look. */
#define LOOK_MS     60000
#define LOOK_MAX_MS (60 * LOOK_MS)
/* The longest sleep: clocks may have moved meanwhile. */
#define SLEEP_MS         60000
#define DISK_LOOK_MS     5000
#define DISK_LOOK_MAX_MS 60000
#define DAY_MS           (86400LL * 1000)

/* ---- how long ---- */

static int64_t waiting_ends(const struct job *job)
{
    return job->request.wait_minutes == JOB_HELD ? INT64_MAX
                                                 : job->started + job->request.wait_minutes * 60000;
}

static bool may_wait(const struct job *job)
{
    return job->request.wait_minutes != 0 && job_now(job) < waiting_ends(job);
}

static bool is_over(struct job *job, int64_t since, int64_t days, const char *code,
                    const char *what)
{
    struct error err;
    if (job_elapsed(job) - since < days * DAY_MS)
        return false;
    error_set(&err, ERROR_FAILED, BLAME_TIME, code, job->name, "%s for %lld days", what,
              (long long)days);
    job_fail(job, &err);
    return true;
}

/* Every state has a deadline (configmgr-facts 4.5; the one of a suspended job is our own). */
static bool is_overdue(struct job *job)
{
    if (job->state == JOB_SUSPENDED)
        return is_over(job, job->suspended_at, LIMIT_SUSPENDED_DAYS, "SUSPENDED_TIMEOUT",
                       "suspended");
    return is_over(job, job->paused, LIMIT_DOWNLOAD_DAYS, "DOWNLOAD_TIMEOUT", "not complete") ||
           (job->state <= JOB_WAITING_CONTENT_LOCATIONS &&
            is_over(job, job->answered_at, LIMIT_LOCATION_DAYS, "LOCATION_TIMEOUT",
                    "no distribution point gave a byte"));
}

/* ---- for a source ---- */

static int64_t look_interval(const struct job *job)
{
    uint32_t dice = 0;
    int64_t rest = LOOK_MS << (job->looks < 6 ? job->looks : 6);
    if (getrandom(&dice, sizeof dice, 0) != (ssize_t)sizeof dice)
        dice = 0;
    rest = rest < LOOK_MAX_MS ? rest : LOOK_MAX_MS;
    return rest + rest * ((int64_t)(dice % 501) - 250) / 1000;
}

/* When the next distribution point joins, on the monotonic clock. */
static int64_t next_join(const struct job *job)
{
    int64_t minute = decision_next_minute(&job->decision);
    int64_t passed = job->request.location.minutes * 60000 + job_elapsed(job);
    return minute < 0 ? INT64_MAX : job_now(job) + minute * 60000 - passed;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void wait_for_locations(struct job *job)
{
    if (job->state == JOB_DOWNLOADING_DATA || job->state == JOB_DOWNLOADING_MANIFEST) {
        if (!job_enter(job, JOB_WAITING_CONTENT_LOCATIONS))
            return;
        job->look_at = job_now(job) + look_interval(job);
        job->looks++;
    }
    int64_t next = least(least(job->look_at, next_join(job)), waiting_ends(job));
    int64_t rested = sources_next_try(job);
    if (rested >= 0)
        next = least(next, rested);
    job->report.next_look = next;
    loop_timer_set(job->engine.loop, &job->timer, least(next - job_now(job), SLEEP_MS));
}

static void fail_without_source(struct job *job)
{
    struct error err;
    sources_explain(job, &err);
    job_fail(job, &err);
}

/* Silence is noticed to the millisecond, not to the second. */
static int64_t next_watch(const struct job *job)
{
    int64_t delay = WATCH_MS;
    for (const struct job_fetch *fetch = job->fetches; fetch; fetch = fetch->next) {
        int64_t due = fetch->moved + LIMIT_HEDGE_SECONDS * 1000 - job_now(job);
        if (!fetch->rival && due > 0)
            delay = least(delay, due);
    }
    return delay;
}

static void look_in(struct job *job, int64_t delay)
{
    job->report.next_look = job_now(job) + delay;
    loop_timer_set(job->engine.loop, &job->timer, delay);
}

/* Minutes passed while the first ones gave bytes. */
static void join(struct job *job)
{
    sources_locate(job);
    look_in(job, 0);
}

void job_look_again(struct job *job)
{
    bool ready = job->surveyed || job_needs_list(job);
    if (job->stopping || job->halting || !ready || job->state >= JOB_VERIFYING)
        return;
    if (list_is_over(job)) {
        list_leave(job);
        return;
    }
    int64_t next = sources_next_try(job), now = job_now(job);
    bool can_try = next >= 0 && next - now <= REST_MAX_MS;
    if (job->state == JOB_WAITING_CONTENT_LOCATIONS)
        wait_for_locations(job);
    else if (files_busy(job) || job->member.wanting)
        look_in(job, can_try && next > now ? least(next - now, next_watch(job)) : next_watch(job));
    else if (can_try)
        look_in(job, next > now ? next - now : 0);
    else if (next_join(job) <= now)
        join(job);
    else if (may_wait(job))
        wait_for_locations(job);
    else
        fail_without_source(job);
}

/* ---- for the disk ---- */

/* What mends itself when somebody makes room. */
static bool may_pass(const struct error *err)
{
    static const char *const codes[] = {"ENOSPC",     "EDQUOT",      "EFBIG",     "EROFS",
                                        "DISK_SPACE", "DISK_INODES", "CACHE_SIZE"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(err->code, codes[i]) == 0)
            return true;
    return false;
}

static void look_at_disk_later(struct job *job)
{
    int64_t delay = DISK_LOOK_MS << (job->disk_looks < 4 ? job->disk_looks : 4);
    job->disk_looks++;
    look_in(job, least(least(delay, DISK_LOOK_MAX_MS), waiting_ends(job) - job_now(job)));
}

void job_disk_trouble(struct job *job, const struct error *err)
{
    if (job->stopping || (job->state == JOB_SUSPENDED && job->halting))
        return; /* it shows again when the job goes on */
    if (!may_pass(err) || !may_wait(job)) {
        job_fail(job, err);
        return;
    }
    bool waits = job->state == JOB_WAITING_DISK;
    job->waiting_error = *err;
    if (waits && job->halting)
        return; /* another file's word of the same */
    if (!waits) {
        trace_waiting(job, err);
        job_enter(job, JOB_WAITING_DISK);
    }
    job_halt(job);
    look_at_disk_later(job);
}

static void look_at_disk(struct job *job)
{
    struct error err;
    if (!may_wait(job))
        job_fail(job, &job->waiting_error);
    else if (job->open > 0 || job->working || (job->surveyed && !staging_fits(job->staging, &err)))
        look_at_disk_later(job);
    else
        job_go_on(job);
}

/* ---- the timer ---- */

static void look_for_sources(struct job *job)
{
    if (job_now(job) >= job->look_at)
        sources_renew(job);
    sources_locate(job);
    int64_t next = sources_next_try(job);
    if (next >= 0 && next <= job_now(job))
        job_enter(job, job_getting(job));
    else if (job_now(job) >= job->look_at)
        job->look_at = job_now(job) + look_interval(job);
}

void job_tick(void *arg)
{
    struct job *job = arg;
    if (job->stopping || is_overdue(job))
        return;
    if (job->state == JOB_SUSPENDED) {
        look_in(job, SLEEP_MS);
        return;
    }
    if (job->state == JOB_WAITING_DISK) {
        look_at_disk(job);
        return;
    }
    if (job->state == JOB_WAITING_CONTENT_LOCATIONS)
        look_for_sources(job);
    if (job_now(job) - job->progress_logged >= PROGRESS_LOG_MS)
        trace_progress(job);
    plan_watch(job);
    plan_pump(job);
    job_look_again(job);
}

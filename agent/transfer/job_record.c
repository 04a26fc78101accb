/*
 * The record of a job: state/jobs/<content ID>.<version>.json. It is there from before the first
 * request until the job has ended. One that cannot be read is set aside, and a job begun anew.
 */
#include "agent/transfer/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_FORMAT    1
#define RECORD_BYTES_MAX 4096
#define DAY_SECONDS      86400

static const char newer[] = "a newer nearpoint wrote it";

struct record {
    const char *job, *dts, *content, *state, *priority;
    json_int_t version, elapsed, answered, suspended, paused, saved;
};

/* What a clock of seconds may say: anything longer is damage. */
#define CLOCK_MAX (100LL * 366 * DAY_SECONDS)

static char *record_path(const struct job *job, const char *suffix)
{
    return mem_format("jobs/%s.json%s", job->name, suffix);
}

static int64_t wall_seconds(const struct job *job)
{
    const struct clock *clock = loop_clock(job->engine.loop);
    return clock->wall(clock->arg) / 1000;
}

bool record_write_state(struct job *job, enum job_state state, struct error *err)
{
    const struct site_content *content = job_content(job);
    json_t *record = json_pack(
        "{s:i, s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "format", RECORD_FORMAT,
        "job", job->guid, "dtsJob", job->dts, "content", content->id, "version",
        (json_int_t)content->version, "state", job_state_word(state), "priority",
        job_priority_word(job->request.priority), "elapsed", (json_int_t)(job_elapsed(job) / 1000),
        "answered", (json_int_t)(job->answered_at / 1000), "suspended",
        (json_int_t)(job->suspended_at / 1000), "paused", (json_int_t)(job->paused / 1000), "saved",
        (json_int_t)wall_seconds(job));
    char *text = json_dumps(record, JSON_INDENT(2));
    json_decref(record);
    char *path = record_path(job, "");
    int dir = job->engine.state_dir;
    bool ok = beneath_make_folders(dir, "jobs", 0700, err) &&
              beneath_replace(dir, path, text, strlen(text), 0600, err);
    free(path);
    free(text);
    return ok;
}

void record_remove(struct job *job)
{
    char *path = record_path(job, "");
    beneath_remove(job->engine.state_dir, path, NULL);
    free(path);
}

/* ---- reading what a killed job left ---- */

static bool is_word_of_states(const char *word)
{
    for (int state = 0; state < JOB_STATE_COUNT; state++)
        if (strcmp(job_state_word((enum job_state)state), word) == 0)
            return true;
    return false;
}

/* None is later than the time that has passed; the wall clock's may be of any day since 1970. */
static bool are_clocks(const struct record *record)
{
    return record->elapsed >= 0 && record->elapsed <= CLOCK_MAX && record->answered >= 0 &&
           record->answered <= record->elapsed && record->suspended >= 0 &&
           record->suspended <= record->elapsed && record->paused >= 0 &&
           record->paused <= record->elapsed && record->saved >= 0;
}

/* What is wrong with it; NULL: nothing. `json` holds the strings. */
static const char *unpack(json_t *json, const struct job *job, struct record *record)
{
    const struct site_content *content = job_content(job);
    json_int_t format = 0;
    if (json_unpack(json, "{s:I}", "format", &format) != 0 || format < 1)
        return "it has no format";
    if (format > RECORD_FORMAT)
        return newer;
    if (json_unpack_ex(json, NULL, JSON_STRICT,
                       "{s:I, s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "format",
                       &format, "job", &record->job, "dtsJob", &record->dts, "content",
                       &record->content, "version", &record->version, "state", &record->state,
                       "priority", &record->priority, "elapsed", &record->elapsed, "answered",
                       &record->answered, "suspended", &record->suspended, "paused",
                       &record->paused, "saved", &record->saved) != 0)
        return "its members are not those of a job";
    if (!guid_is(record->job) || !guid_is(record->dts) || !is_word_of_states(record->state) ||
        !are_clocks(record))
        return "a member has no usable value";
    if (strcmp(record->content, content->id) != 0 || record->version != content->version)
        return "it is of another content";
    return NULL;
}

/* A held job's clock went on while nobody ran it, as far as the wall clock can be believed. */
static int64_t elapsed_of(const struct job *job, const struct record *record)
{
    int64_t gap = wall_seconds(job) - record->saved;
    if (gap < 0 || gap > (int64_t)LIMIT_DOWNLOAD_DAYS * DAY_SECONDS)
        gap = 0;
    return (record->elapsed + gap) * 1000;
}

static bool is_in(const struct record *record, enum job_state state)
{
    return strcmp(record->state, job_state_word(state)) == 0;
}

static void take_clocks(struct job *job, const struct record *record)
{
    bool sought =
        is_in(record, JOB_REQUESTED_LOCATIONS) || is_in(record, JOB_WAITING_CONTENT_LOCATIONS);
    job->elapsed_before = elapsed_of(job, record);
    job->paused = record->paused * 1000;
    job->suspended_at = record->suspended * 1000;
    /* A download's last byte is not in the record: it may have come right before the end. */
    job->answered_at =
        sought || is_in(record, JOB_SUSPENDED) ? record->answered * 1000 : job->elapsed_before;
}

static void take_over(struct job *job, const struct record *record)
{
    memcpy(job->guid, record->job, GUID_SIZE);
    memcpy(job->dts, record->dts, GUID_SIZE);
    if (job->request.wait_minutes != JOB_HELD)
        return; /* asked anew by a person */
    take_clocks(job, record);
    if (is_in(record, JOB_SUSPENDED))
        job->state = JOB_SUSPENDED;
}

/* Says where the record went; false: that name is taken. */
static bool move_aside(struct job *job, const char *why, const char *suffix, unsigned flags)
{
    char *from = record_path(job, "");
    char *to = record_path(job, suffix);
    bool moved = beneath_rename(job->engine.state_dir, from, to, flags);
    bool taken = !moved && errno == EEXIST;
    if (moved)
        trace_record_damaged(job, why, to);
    free(from);
    free(to);
    return !taken;
}

/* One damaged record is kept, and every newer one. */
static void set_aside(struct job *job, const char *why)
{
    char suffix[32] = ".newer";
    if (why != newer) {
        move_aside(job, why, ".bad", 0);
        return;
    }
    for (unsigned n = 2; !move_aside(job, why, suffix, RENAME_NOREPLACE); n++)
        snprintf(suffix, sizeof suffix, ".newer.%u", n);
}

/* true: GUIDs and clock are those of the record. */
static bool read_record(struct job *job)
{
    struct buf text = {0};
    struct error err = {.kind = ERROR_NONE};
    struct record record;
    char *path = record_path(job, "");
    bool there = beneath_read(job->engine.state_dir, path, RECORD_BYTES_MAX, &text, &err);
    bool absent = !there && strcmp(err.code, "ENOENT") == 0;
    json_t *json = json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, NULL);
    const char *why = json ? unpack(json, job, &record) : "it is no JSON";
    if (!why)
        take_over(job, &record);
    else if (!absent)
        set_aside(job, why);
    json_decref(json);
    buf_free(&text);
    free(path);
    return !why;
}

bool record_identify(struct job *job, struct error *err)
{
    bool known = read_record(job);
    if (!known) {
        guid_make(job->guid);
        guid_make(job->dts);
    }
    guid_make(job->ls);
    if (!record_write_state(job, job->state, err))
        return false;
    trace_requested(job, known);
    return true;
}

/*
 * The record of a job: state/jobs/<content ID>.<version>.json. It is there from before the first
 * request until the job has ended. One that cannot be read is set aside, and a job begun anew.
 */
#include "agent/transfer/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_FORMAT    1
#define RECORD_BYTES_MAX 4096
#define DAY_SECONDS      86400

static const char newer[] = "a newer nearpoint wrote it";

struct record {
    const char *job, *dts, *content, *state, *priority;
    json_int_t version, elapsed, saved;
};

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
        "{s:i, s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:I}", "format", RECORD_FORMAT, "job", job->guid,
        "dtsJob", job->dts, "content", content->id, "version", (json_int_t)content->version,
        "state", job_state_word(state), "priority", job_priority_word(job->request.priority),
        "elapsed", (json_int_t)(job_elapsed(job) / 1000), "saved", (json_int_t)wall_seconds(job));
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

/* What is wrong with it; NULL: nothing. `json` holds the strings. */
static const char *unpack(json_t *json, const struct job *job, struct record *record)
{
    const struct site_content *content = job_content(job);
    json_int_t format = 0;
    if (json_unpack(json, "{s:I}", "format", &format) != 0 || format < 1)
        return "it has no format";
    if (format > RECORD_FORMAT)
        return newer;
    if (json_unpack_ex(json, NULL, JSON_STRICT, "{s:I, s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:I}",
                       "format", &format, "job", &record->job, "dtsJob", &record->dts, "content",
                       &record->content, "version", &record->version, "state", &record->state,
                       "priority", &record->priority, "elapsed", &record->elapsed, "saved",
                       &record->saved) != 0)
        return "its members are not those of a job";
    if (!guid_is(record->job) || !guid_is(record->dts) || record->elapsed < 0 ||
        !is_word_of_states(record->state))
        return "a member has no usable value";
    if (strcmp(record->content, content->id) != 0 || record->version != content->version)
        return "it is of another content";
    return NULL;
}

/* A held job's clock went on while nobody ran it, as far as the wall clock can be believed. */
static int64_t elapsed_of(const struct job *job, const struct record *record)
{
    int64_t gap = wall_seconds(job) - record->saved;
    int64_t most = (int64_t)LIMIT_DOWNLOAD_DAYS * DAY_SECONDS;
    if (gap < 0 || gap > most)
        gap = 0;
    return ((record->elapsed < most ? record->elapsed : most) + gap) * 1000;
}

static void take_over(struct job *job, const struct record *record)
{
    memcpy(job->guid, record->job, GUID_SIZE);
    memcpy(job->dts, record->dts, GUID_SIZE);
    if (job->request.wait_minutes != JOB_HELD)
        return; /* asked anew by a person */
    job->elapsed_before = elapsed_of(job, record);
    if (strcmp(record->state, job_state_word(JOB_SUSPENDED)) == 0)
        job->state = JOB_SUSPENDED;
}

static void set_aside(struct job *job, const char *why)
{
    char *from = record_path(job, "");
    char *to = record_path(job, why == newer ? ".newer" : ".bad");
    if (beneath_rename(job->engine.state_dir, from, to, 0))
        trace_record_damaged(job, why, to);
    free(from);
    free(to);
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

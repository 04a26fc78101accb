/*
 * The table of transitions, and the record of a job: state/jobs/<content ID>.<version>.json. It is
 * there from before the first request until the job has ended.
 */
#include "agent/transfer/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES_MAX 4096
#define TO(state)        (1U << (state))

static const struct {
    const char *word;
    unsigned next; /* the states that may follow */
} states[JOB_STATE_COUNT] = {
    [JOB_REQUESTED_LOCATIONS] = {"RequestedLocations",
                                 TO(JOB_WAITING_CONTENT_LOCATIONS) | TO(JOB_DOWNLOADING_DATA) |
                                     TO(JOB_VERIFYING) | TO(JOB_FAILED) | TO(JOB_CANCELLED)},
    [JOB_WAITING_CONTENT_LOCATIONS] = {"WaitingContentLocations", TO(JOB_DOWNLOADING_DATA) |
                                                                      TO(JOB_FAILED) |
                                                                      TO(JOB_CANCELLED)},
    [JOB_DOWNLOADING_DATA] = {"DownloadingData", TO(JOB_WAITING_CONTENT_LOCATIONS) |
                                                     TO(JOB_VERIFYING) | TO(JOB_FAILED) |
                                                     TO(JOB_CANCELLED)},
    [JOB_VERIFYING] = {"Verifying", TO(JOB_SUCCESS) | TO(JOB_FAILED) | TO(JOB_CANCELLED)},
    [JOB_SUCCESS] = {"Success", 0},
    [JOB_FAILED] = {"Failed", 0},
    [JOB_CANCELLED] = {"Cancelled", 0},
};

const char *job_state_word(enum job_state state)
{
    return states[state].word;
}

static char *record_path(const struct job *job)
{
    return mem_format("jobs/%s.json", job->name);
}

static bool write_record(struct job *job, struct error *err)
{
    const struct site_content *content = job_content(job);
    json_t *record = json_pack("{s:s, s:s, s:s, s:I, s:s}", "job", job->guid, "dtsJob", job->dts,
                               "content", content->id, "version", (json_int_t)content->version,
                               "state", job_state_word(job->state));
    char *text = json_dumps(record, JSON_INDENT(2));
    json_decref(record);
    char *path = record_path(job);
    int dir = job->engine.state_dir;
    bool ok = beneath_make_folders(dir, "jobs", 0700, err) &&
              beneath_replace(dir, path, text, strlen(text), 0600, err);
    free(path);
    free(text);
    return ok;
}

bool job_enter(struct job *job, enum job_state state)
{
    struct error err;
    if (!(states[job->state].next & TO(state)))
        abort(); /* our own mistake: no input leads here */
    job->state = state;
    bool ok = true;
    if (states[state].next == 0) {
        char *path = record_path(job);
        beneath_remove(job->engine.state_dir, path, NULL);
        free(path);
    } else {
        ok = write_record(job, &err);
    }
    trace_state(job);
    if (!ok)
        job_fail(job, &err);
    return ok;
}

static bool take_guid(const json_t *record, const char *key, char guid[GUID_SIZE])
{
    const char *text = json_string_value(json_object_get(record, key));
    if (!text || !guid_is(text))
        return false;
    memcpy(guid, text, GUID_SIZE);
    return true;
}

bool job_identify(struct job *job, struct error *err)
{
    struct buf text = {0};
    char *path = record_path(job);
    json_t *record = NULL;
    if (beneath_read(job->engine.state_dir, path, RECORD_BYTES_MAX, &text, NULL))
        record = json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, NULL);
    bool known = take_guid(record, "job", job->guid) && take_guid(record, "dtsJob", job->dts);
    if (!known) {
        guid_make(job->guid);
        guid_make(job->dts);
    }
    guid_make(job->ls);
    json_decref(record);
    buf_free(&text);
    free(path);
    if (!write_record(job, err))
        return false;
    trace_requested(job, known);
    return true;
}

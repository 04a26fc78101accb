/*
 * A job (ContentTransferManager): brings one content into the cache from the ranked distribution
 * points, one after the other by rule, and publishes it when every file is verified.
 *
 * A job is a state machine whose transitions are one table (job_state.c); its record is written
 * before a state is acted on, so that a killed job is found again under its own GUIDs.
 */
#ifndef AGENT_TRANSFER_JOB_H
#define AGENT_TRANSFER_JOB_H

#include "agent/cache/cache.h"
#include "agent/location/location.h"
#include "agent/log/log.h"
#include "agent/loop/loop.h"
#include "agent/source/source.h"
#include "agent/transfer/guid.h"

struct scheduler;

/* What jobs share; all of it outlives them. */
struct job_engine {
    struct loop *loop;
    struct source_client *client;
    struct cache *cache;
    struct log *log; /* NULL: none */
    int state_dir;   /* descriptor of the state folder */
    bool sync;
    struct scheduler *scheduler; /* who hands out the connections */
    int64_t stall_ms;            /* a source's longest silence in a job that does not wait */
    int64_t wait_stall_ms;       /* in one that does */
};

/* ConfigMgr's, first the most urgent. */
enum job_priority { JOB_FOREGROUND, JOB_HIGH, JOB_NORMAL, JOB_LOW, JOB_PRIORITY_COUNT };
const char *job_priority_word(enum job_priority priority); /* "Foreground" */

#define JOB_HELD (-1)

struct job_request {
    struct location_request location; /* minutes: those passed before the job began */
    const struct manifest *manifest;  /* NULL: the content is listed by its source, and */
    const char *folder_hash;          /* known by this, of FOLDER_HASH_ALGORITHM */
    enum job_priority priority;
    /* How long to go on when nothing works; 0: `get` alone. JOB_HELD: an agent's, which goes on
       until a state's deadline; its record's clock goes on after a restart. */
    int64_t wait_minutes;
};

enum job_state {
    JOB_REQUESTED_LOCATIONS,
    JOB_WAITING_CONTENT_LOCATIONS,
    JOB_DOWNLOADING_MANIFEST, /* asks a source what the content holds */
    JOB_DOWNLOADING_DATA,
    JOB_WAITING_DISK,
    JOB_SUSPENDED,
    JOB_VERIFYING,
    JOB_SUCCESS,
    JOB_FAILED,
    JOB_CANCELLED,
    JOB_STATE_COUNT,
};

const char *job_state_word(enum job_state state); /* "DownloadingData" */

#define JOB_ERRORS_MAX 20 /* kept a source; more are counted */

struct job_source_report {
    const char *dp;
    enum locality locality;
    int64_t bytes; /* from the network */
    size_t files;  /* that this source ended */
    size_t error_count;
    struct error errors[JOB_ERRORS_MAX];
};

struct job_report {
    char job[GUID_SIZE];
    enum job_state state;
    enum job_priority priority;
    int64_t bytes; /* of the content; 0 while it is not known */
    size_t files;  /* of the content */
    int64_t bytes_from_network, bytes_reused;
    size_t source_count;
    const struct job_source_report *const *sources; /* in the order of the locations */
    const char *current;                            /* the source in use, or NULL */
    int64_t next_minute;                            /* at which another DP joins; -1: none does */
    int64_t next_look;       /* monotonic ms at which a waiting job looks again; -1: it does not */
    const char *waiting_for; /* why it waits, or NULL */
    struct error error;      /* of a job that failed */
};

struct job;

/* Starts it. `ended` is called once on the loop's thread, never before job_start has returned; the
   job is freed by job_free after that call. The request's pointers stay valid that long. NULL:
   nothing was started. */
struct job *job_start(const struct job_engine *engine, const struct job_request *request,
                      void (*ended)(void *arg), void *arg, struct error *err);

/* Each is obeyed at once: no byte is taken after it. What was received is on disk within a second
   (`job_report` says the state at once). Jobs that have ended stay as they are; so do jobs of
   another state than the call is for. */
void job_suspend(struct job *job);
void job_resume(struct job *job);
void job_cancel(struct job *job); /* ends, JOB_CANCELLED; the parts are kept for the next */

/* The job as it stands now; points into the job. */
const struct job_report *job_report(struct job *job);

void job_free(struct job *job); /* ended, or NULL */

/* CAS.log's line for a content that needs no job. */
void job_note_cached(struct log *log, const char *content_id, int64_t version, const char *path);

#endif

/* What the job's files share: job.c (life), job_files.c (files and fetches), job_sources.c (choice
   and blame), job_state.c (transitions and the record), trace.c (log lines). */
#ifndef AGENT_TRANSFER_INTERNAL_H
#define AGENT_TRANSFER_INTERNAL_H

#include "agent/transfer/job.h"
#include "agent/transfer/part.h"

/* Failures in a row after which a source is left for the job. */
#define SOURCE_FAILURES_MAX 4
/* What `get` alone spends on retries after the last byte. */
#define RETRY_BUDGET_MS 30000

struct job_source {
    const struct site_dp *dp;
    const struct source_kind *kind; /* NULL: not spoken to */
    char *url;                      /* of the content */
    enum locality locality;
    size_t limit; /* connections */
    size_t busy;
    size_t failures;    /* since the last byte */
    bool out;           /* set aside for the job */
    int64_t not_before; /* monotonic ms */
    int64_t failed_at;  /* a batch of connections that fails together is one failure */
    struct job_source_report report;
};

enum file_state { FILE_WAITING, FILE_OPENING, FILE_READY, FILE_FETCHING, FILE_ENDING, FILE_DONE };

struct job_file {
    struct job *job;
    struct staged_file *staged;
    enum file_state state;
    struct part *part;
    struct source_fetch *fetch;
    struct job_source *source;      /* while fetching, and of the last bytes */
    struct job_source *only_source; /* all bytes since 0 came from it; NULL: mixed or reused */
    struct job_source *no_range;    /* the one that cannot resume this file */
    bool past_caches;
    int64_t furthest;      /* part_front at its largest */
    int64_t reused;        /* bytes an earlier run left, while they count */
    struct job_file *next; /* in a queue */
};

struct file_queue {
    struct job_file *first, *last;
    size_t count;
};

struct job {
    struct job_engine engine;
    struct job_request request;
    void (*ended)(void *arg);
    void *arg;

    char guid[GUID_SIZE], dts[GUID_SIZE], ls[GUID_SIZE];
    char *name; /* <content ID>.<version> */
    enum job_state state;
    int64_t started;   /* monotonic ms */
    int64_t last_byte; /* monotonic ms */

    struct decision decision;
    size_t source_count;
    struct job_source **sources; /* in the order of the locations */

    struct staging *staging;
    struct part_pool pool;
    size_t file_count, done_count;
    struct job_file *files;
    struct file_queue waiting, ready; /* not yet opened; opened and wanting bytes */
    size_t fetching, open;            /* fetches; files between WAITING and DONE */
    bool stopping;                    /* no new fetch; ends when nothing is open */
    enum job_state stop_state;

    struct loop_timer timer;
    struct loop_work work;
    bool working, work_ok;
    struct error error, work_error;
    struct job_source *current;
    int64_t bytes_from_network, bytes_reused;
    int64_t progress_logged;
    struct job_report report;
    const struct job_source_report **reports;
};

int64_t job_now(const struct job *job);
int64_t job_minutes(const struct job *job); /* since the first request */
const struct site_content *job_content(const struct job *job);

/* job_state.c: moves along the table, writes the record first. false: the record could not be
   written, and the job is failing. */
bool job_enter(struct job *job, enum job_state state);
/* Takes over the GUIDs of a job that was killed, or makes new ones, and writes the record. */
bool job_identify(struct job *job, struct error *err);

/* job.c */
void job_stop(struct job *job, enum job_state state); /* towards an end state */
void job_fail(struct job *job, const struct error *err);
void job_check_end(struct job *job);  /* when a file was done or a fetch ended */
void job_look_again(struct job *job); /* when a source was lost */

/* job_sources.c */
void sources_locate(struct job *job); /* adds what the decision of this minute has */
struct job_source *sources_choose(struct job *job);
/* When the earliest resting source may be asked again; -1: none is left. */
int64_t sources_next_try(const struct job *job);
void sources_blame(struct job *job, struct job_source *source, const struct source_result *result);
/* Says it without a consequence. */
void sources_note(struct job *job, struct job_source *source, const struct error *err);
void sources_set_aside(struct job *job, struct job_source *source, const struct error *err);
void sources_renew(struct job *job); /* a waiting job forgives */
void sources_explain(const struct job *job, struct error *err);
void sources_free(struct job *job);

/* job_files.c */
void files_prepare(struct job *job);
void files_pump(struct job *job);       /* starts what may start */
bool files_busy(const struct job *job); /* something on its way will call back */
void files_abandon(struct job *job);    /* cancels fetches, puts on disk what was received */
void files_free(struct job *job);

/* trace.c: the lines of LocationServices.log, CAS.log, ContentTransferManager.log and
   DataTransferService.log (configmgr-facts 2.5, 4.2 to 4.4). */
void trace_requested(const struct job *job, bool resumed);
void trace_located(const struct job *job);
void trace_state(const struct job *job);
void trace_source(const struct job *job, const struct job_source *source, bool first);
void trace_progress(struct job *job);
void trace_error(const struct job *job, const struct job_source *source, const struct error *err);
void trace_end(const struct job *job, const char *path);

#endif

/* What the job's files share: job.c (life), job_wait.c (when nothing works, and deadlines),
   job_files.c (files and their parts), job_list.c (a content without a manifest), job_fetch.c (one
   connection's work), job_plan.c (what a free connection does next; silence and slowness),
   job_sources.c (choice and blame), job_explain.c (the last word), job_state.c (transitions),
   job_record.c (the record), trace.c (log lines). */
#ifndef AGENT_TRANSFER_INTERNAL_H
#define AGENT_TRANSFER_INTERNAL_H

#include "agent/transfer/job.h"
#include "agent/transfer/part.h"
#include "agent/transfer/scheduler.h"

struct job_source {
    const struct site_dp *dp;
    const struct source_kind *kind;
    char *url; /* of the content */
    enum locality locality;
    struct host *host;
    size_t failures; /* in a row, since the last byte */
    bool out;        /* set aside for the job */
    int64_t rate;    /* bytes a second of a connection, the last that told; 0: not known */
    unsigned form, first_form; /* of the URLs asked for now, and at first */
    bool form_known;           /* it gave a byte under `form` */
    struct error refusal;      /* its answer to the first form */
    struct job_file *trial;    /* was wrong, and comes from it once more; NULL: none yet */
    bool was_wrong;            /* all it gave did not have the folder hash, */
    struct manifest wrong;     /* but these digests; by name */
    struct job_source_report report;
};

enum file_state { FILE_WAITING, FILE_OPENING, FILE_OPEN, FILE_ENDING, FILE_CLOSING, FILE_DONE };

struct job_file {
    struct job *job;
    struct staged_file *staged;
    enum file_state state;
    struct part *part;
    size_t fetches;                 /* under way */
    struct job_source *last_source; /* of the last bytes */
    struct job_source *only_source; /* all bytes since 0 came from it; NULL: mixed or reused */
    bool mixed;                     /* several sources gave bytes since 0 */
    struct job_source *no_range;    /* gives no ranges of this file */
    bool past_caches;               /* wrong once: all of it from one source, past caches */
    int64_t furthest;               /* bytes received at their most */
    int64_t reused;                 /* bytes an earlier run left, while they count */
    bool counted;                   /* `reused` was looked at */
    bool queued;                    /* in `ready` */
    struct job_file *next;          /* in a queue */
};

struct file_queue {
    struct job_file *first, *last;
    size_t count;
};

/* One connection's work: a run of a file from a source. */
struct job_fetch {
    struct job_file *file;
    struct job_source *source;
    struct source_fetch *fetch;
    struct part_stream stream;
    unsigned form;           /* of its URL */
    int64_t start, end;      /* the run asked for */
    struct job_fetch *rival; /* the same run from another source; the first byte wins */
    bool is_hedge;           /* asked second: its run is the rival's until it wins */
    bool open;               /* its bytes go into the part */
    bool lost;               /* its rival has won, or its work was taken: gone soon */
    int64_t begin_at;        /* as the source said; before the first byte */
    bool whole;
    char validator[STAGING_VALIDATOR_SIZE];
    int64_t moved; /* monotonic ms of the last byte, of the start, of our own delay */
    int64_t window_at, window_got; /* for the low-speed limit */
    int64_t began, got;            /* for the rate */
    struct job_fetch *next;
};

struct job {
    struct job_engine engine;
    struct job_request request;
    void (*ended)(void *arg);
    void *arg;

    char guid[GUID_SIZE], dts[GUID_SIZE], ls[GUID_SIZE];
    char *name; /* <content ID>.<version> */
    enum job_state state;
    int64_t started;                   /* monotonic ms */
    int64_t boot_started;              /* boot clock */
    int64_t elapsed_before;            /* ms, of earlier runs of the same job */
    int64_t last_byte;                 /* monotonic ms */
    int64_t answered_at, suspended_at; /* job_elapsed at the last byte, at the last suspension */
    int64_t paused;                    /* ms that it stood suspended before */
    struct scheduler_member member;

    struct decision decision;
    size_t source_count;
    struct job_source **sources; /* in the order of the locations */
    int64_t not_before;          /* monotonic ms: the way to all of them rests (a proxy) */
    size_t way_failures;
    bool no_mixing; /* a file of several sources was wrong */

    const struct manifest *manifest; /* NULL: not known yet */
    struct manifest list;            /* what it points to where a source made it, */
    struct job_source *only;         /* from which all bytes come */
    struct job_source *lister;       /* asked for its list now */
    struct source_listing *listing;
    bool list_over;   /* `only` is left */
    bool past_caches; /* a whole content was wrong */
    bool wrong_folder;
    char found_hash[HASH_HEX_MAX];

    struct staging *staging;
    struct part_pool pool;
    size_t file_count, done_count;
    struct job_file *files;
    struct file_queue waiting, ready; /* not yet opened; opened, with a run that nobody fetches */
    struct job_fetch *fetches;
    size_t open; /* files with a part */
    bool surveyed;
    bool halting;      /* no new fetch: suspended, or waiting for the disk */
    bool wants_resume; /* as soon as all parts are closed */
    bool stopping;     /* no new fetch; ends when nothing is open */
    enum job_state stop_state;

    struct loop_timer timer, reaper;
    struct loop_work work;
    bool working, work_ok;
    struct error error, work_error;
    struct error waiting_error; /* why it waits for the disk */
    size_t looks;               /* waits in a row without a byte between */
    size_t disk_looks;
    int64_t look_at; /* monotonic ms: when all sources are forgiven; -1 */
    struct job_source *current;
    int64_t bytes_from_network, bytes_reused;
    int64_t progress_logged;
    struct job_report report;
    const struct job_source_report **reports;
};

int64_t job_now(const struct job *job);     /* monotonic ms */
int64_t job_elapsed(const struct job *job); /* ms since the first request, suspend counts */
int64_t job_minutes(const struct job *job); /* since the first request, for location */
const struct site_content *job_content(const struct job *job);
bool job_is_plain_in_cloud(const struct job *job); /* as policy says */

/* job_state.c: moves along the table, writes the record first. false: the record could not be
   written; the state is as it was, and the job is failing or waits for the disk. */
bool job_enter(struct job *job, enum job_state state);

/* job_record.c */
bool record_write_state(struct job *job, enum job_state state, struct error *err);
void record_remove(struct job *job);
/* Takes over GUIDs, clock and a suspension from the record of a job that was killed, or makes new
   ones, and writes the record. */
bool record_identify(struct job *job, struct error *err);

/* job.c */
enum job_state job_getting(const struct job *job);    /* DOWNLOADING_DATA or _MANIFEST */
void job_stop(struct job *job, enum job_state state); /* towards an end state */
void job_fail(struct job *job, const struct error *err);
void job_check_end(struct job *job); /* when a file was done, or closed */
void job_halt(struct job *job);      /* fetches end, parts are closed */
void job_go_on(struct job *job);     /* after a halt */

/* job_wait.c */
void job_look_again(struct job *job); /* sets the timer, by what there is to wait for */
void job_tick(void *arg);
/* The local disk refuses: waits for room, or fails. */
void job_disk_trouble(struct job *job, const struct error *err);

/* job_sources.c */
void sources_locate(struct job *job); /* adds what the decision of this minute has */
/* May it be asked now? */
bool source_is_usable(const struct job *job, const struct job_source *source);
/* May both give bytes of one file at once? */
bool sources_are_together(const struct job_source *a, const struct job_source *b);
/* The first of the list that may be asked; NULL: none. */
struct job_source *sources_leader(const struct job *job);
size_t sources_count_together(const struct job *job, const struct job_source *source);
/* A usable one beside this, not itself, with a connection free; NULL: none. */
struct job_source *sources_beside(const struct job *job, const struct job_source *source);
/* Another that may be asked, of any locality. */
bool sources_have_other(const struct job *job, const struct job_source *source);
/* When the earliest resting source may be asked again; -1: none is left. */
int64_t sources_next_try(const struct job *job);
void sources_blame(struct job *job, struct job_source *source, const struct source_result *result);
/* Another was quicker. */
void sources_note_silence(struct job *job, struct job_source *source, const struct error *err);
/* Says it without a consequence. */
void sources_note(struct job *job, struct job_source *source, const struct error *err);
void sources_set_aside(struct job *job, struct job_source *source, const struct error *err);
void sources_note_bytes(struct job *job, struct job_source *source, int64_t count,
                        bool is_progress);
void sources_renew(struct job *job); /* a waiting job forgives */
void sources_free(struct job *job);

/* job_list.c */
bool job_needs_list(const struct job *job);
void list_pump(struct job *job); /* asks a source, where one may be asked */
void list_cancel(struct job *job);
/* The source of all bytes cannot go on; then list_leave: as soon as all parts are closed another
   is asked what it has. */
bool list_is_over(const struct job *job);
void list_leave(struct job *job);
void list_forget(struct job *job); /* nothing is open */
/* Worker: has what is kept the folder hash? If not, its bytes are gone. */
bool list_verify(struct job *job);
void list_proven(struct job *job);  /* it has: tells what was wrong elsewhere */
void list_refuted(struct job *job); /* it has not */

/* job_explain.c */
void sources_explain(const struct job *job, struct error *err);
const struct error *sources_last_error(const struct job_source_report *report);

/* What a connection is asked to bring. */
struct run {
    struct job_file *file;
    struct span span;
    bool anew; /* ask for the whole file: what there is is dropped once the answer begins */
};

/* job_fetch.c */
/* The connection was taken from the scheduler. */
void fetch_start(const struct run *run, struct job_source *source);
int64_t fetch_rate(const struct job_fetch *fetch); /* bytes a second so far; 0: too early to say */
void fetch_hedge(struct job_fetch *fetch, struct job_source *source);
/* Ends it without a word; its run is free again. Not from within a fetch's own bytes. */
void fetch_drop(struct job_fetch *fetch);
void fetch_reap(void *arg); /* job->reaper: drops what has lost */

/* job_plan.c */
void plan_pump(struct job *job);  /* starts what may start */
void plan_watch(struct job *job); /* leaves what is slow */
bool plan_yield(void *arg, const struct host *host);

/* job_files.c */
void files_prepare(struct job *job);
void files_clear(struct job *job); /* there are none any more; nothing is open */
void files_reset(struct job *job); /* all begin anew, from what is on disk; nothing is open */
/* After the survey: what it kept is done. */
void files_take_kept(struct job *job);
/* The next that is opened and needs bytes; NULL: none may be opened now. */
struct job_file *files_open_next(struct job *job);
/* After a fetch ended, or the part was opened: verify, or ask for what is missing. */
void files_settle(struct job_file *file);
void files_take_off(struct job_file *file); /* from `ready` */
bool files_busy(const struct job *job);     /* something on its way will call back */
void files_abandon(struct job *job);        /* cancels fetches, puts on disk what was received */
/* What an earlier run left is thrown away. */
void files_forget_reused(struct job_file *file);
void files_free(struct job *job);

/* trace.c: the lines of LocationServices.log, CAS.log, ContentTransferManager.log and
   DataTransferService.log (configmgr-facts 2.5, 4.2 to 4.4). */
void trace_requested(const struct job *job, bool resumed);
void trace_record_damaged(const struct job *job, const char *why, const char *kept_as);
void trace_located(const struct job *job);
void trace_state(const struct job *job);
void trace_source(const struct job *job, const struct job_source *source, bool first);
void trace_listing(const struct job *job, const struct job_source *source);
void trace_blob(const struct job *job, const char *url); /* asked of a cloud DP */
void trace_listed(const struct job *job);
/* Its URLs have another form from now on. */
void trace_form(const struct job *job, const char *url);
void trace_hedge(const struct job *job, const struct job_fetch *fetch,
                 const struct job_source *other);
void trace_progress(struct job *job);
void trace_part(const struct job *job, const char *file, const char *note);
void trace_error(const struct job *job, const struct job_source *source, const struct error *err);
void trace_waiting(const struct job *job, const struct error *err);
void trace_evicted(const struct job *job); /* what went to make room */
void trace_end(const struct job *job, const char *path);

#endif

/* The job's files on their way: opened, fetched in runs, verified, some at once. */
#include "agent/transfer/internal.h"

#include "policy/base/mem.h"

#include <stdlib.h>

/* Files that are being verified while others are fetched: enough to keep the workers busy, few
   enough to bound the memory. */
#define ENDING_MAX 16

static void push_last(struct file_queue *queue, struct job_file *file)
{
    file->next = NULL;
    if (queue->last)
        queue->last->next = file;
    else
        queue->first = file;
    queue->last = file;
    queue->count++;
}

static void push_first(struct file_queue *queue, struct job_file *file)
{
    file->next = queue->first;
    queue->first = file;
    if (!queue->last)
        queue->last = file;
    queue->count++;
}

static struct job_file *take_first(struct file_queue *queue)
{
    struct job_file *file = queue->first;
    if (file) {
        queue->first = file->next;
        queue->count--;
        if (!queue->first)
            queue->last = NULL;
    }
    return file;
}

static void take_out(struct file_queue *queue, struct job_file *file)
{
    struct job_file **at = &queue->first, *before = NULL;
    while (*at != file) {
        before = *at;
        at = &before->next;
    }
    *at = file->next;
    if (queue->last == file)
        queue->last = before;
    queue->count--;
}

void files_take_off(struct job_file *file)
{
    if (file->queued)
        take_out(&file->job->ready, file);
    file->queued = false;
}

void files_settle(struct job_file *file)
{
    struct span gap;
    if (file->state != FILE_OPEN)
        return;
    if (part_received(file->part) == file->staged->file->size && file->fetches == 0) {
        files_take_off(file);
        file->state = FILE_ENDING;
        part_finish(file->part);
    } else if (!file->queued && part_gap(file->part, 0, &gap)) {
        file->queued = true;
        push_first(&file->job->ready, file);
    }
}

/* ---- a file's part tells ---- */

void files_forget_reused(struct job_file *file)
{
    file->job->bytes_reused -= file->reused;
    file->reused = 0;
}

static void count_reused(struct job_file *file)
{
    if (!file->counted)
        file->reused = part_received(file->part);
    file->job->bytes_reused += file->counted ? 0 : file->reused;
    file->counted = true;
    file->furthest = part_received(file->part);
}

static void close_part(struct job_file *file)
{
    files_take_off(file);
    file->state = FILE_CLOSING;
    part_close(file->part);
}

static void on_opened(void *arg)
{
    struct job_file *file = arg;
    struct job *job = file->job;
    if (part_note(file->part))
        trace_part(job, file->staged->file->name, part_note(file->part));
    count_reused(file);
    if (job->stopping || job->halting) {
        close_part(file);
        return;
    }
    file->state = FILE_OPEN;
    files_settle(file);
    plan_pump(job);
}

static void drop_part(struct job_file *file)
{
    files_take_off(file);
    part_free(file->part);
    file->part = NULL;
    file->job->open--;
}

static void on_kept(struct job_file *file)
{
    struct job *job = file->job;
    if (file->state == FILE_OPENING && !file->counted)
        job->bytes_reused += file->staged->file->size;
    else if (file->last_source)
        file->last_source->report.files++;
    file->state = FILE_DONE;
    job->done_count++;
    drop_part(file);
}

/* Bytes of several origins prove nothing against one: first the whole file again, past caches,
   from one source; only then is that source to blame. */
static void on_wrong(struct job_file *file, const struct error *err)
{
    struct job *job = file->job;
    struct job_source *source = file->only_source ? file->only_source : file->last_source;
    bool proven = file->past_caches && file->only_source;
    job->no_mixing = job->no_mixing || file->mixed;
    files_forget_reused(file);
    file->furthest = 0;
    file->past_caches = !proven;
    file->only_source = NULL;
    if (proven)
        sources_set_aside(job, source, err);
    else if (file->mixed)
        trace_part(job, file->staged->file->name, "wrong hash, of bytes from several sources");
    else if (source)
        sources_note(job, source, err);
    if (job->stopping || job->halting) {
        close_part(file);
        return;
    }
    file->state = FILE_OPEN;
    files_settle(file);
    job_look_again(job);
}

/* It comes again when the job goes on. */
static void on_closed(struct job_file *file)
{
    drop_part(file);
    file->state = FILE_WAITING;
    push_first(&file->job->waiting, file);
}

static void drop_fetches(struct job_file *file)
{
    struct job *job = file->job;
    for (struct job_fetch *fetch = job->fetches, *next; fetch; fetch = next) {
        next = fetch->next;
        if (fetch->file == file)
            fetch_drop(fetch);
    }
}

static void on_ended(void *arg, enum part_end end, const struct error *err)
{
    struct job_file *file = arg;
    struct job *job = file->job;
    struct error why;
    switch (end) {
    case PART_KEPT: on_kept(file); break;
    case PART_WRONG: on_wrong(file, err); break;
    case PART_CLOSED: on_closed(file); break;
    case PART_FAILED:
        why = *err; /* the part's own */
        drop_fetches(file);
        on_closed(file);
        job_disk_trouble(job, &why);
        break;
    }
    plan_pump(job);
    job_check_end(job);
}

/* ---- opening ---- */

/* true: it is open and wants bytes. */
static bool open_file(struct job_file *file)
{
    struct job *job = file->job;
    struct part_events events = {on_opened, on_ended, file};
    file->part = part_create(job->engine.loop, &job->pool, job->staging, file->staged,
                             job->engine.sync, &events);
    file->state = FILE_OPENING;
    job->open++;
    if (!part_open(file->part))
        return false;
    count_reused(file);
    file->state = FILE_OPEN;
    files_settle(file); /* an empty file has no bytes to ask for */
    return file->state == FILE_OPEN;
}

/* Files that are open and not being fetched: verified, looked at, or waiting for a source. */
static size_t idle_count(const struct job *job)
{
    size_t busy = job->member.busy < job->open ? job->member.busy : job->open;
    return job->open - busy;
}

struct job_file *files_open_next(struct job *job)
{
    struct job_file *file;
    while (!job->ready.first && idle_count(job) < ENDING_MAX && (file = take_first(&job->waiting)))
        if (open_file(file))
            return file;
    return NULL;
}

/* ---- all files ---- */

static void enqueue_all(struct job *job)
{
    job->waiting = job->ready = (struct file_queue){.count = 0};
    for (size_t i = 0; i < job->file_count; i++)
        if (job->files[i].state != FILE_DONE)
            push_last(&job->waiting, &job->files[i]);
}

void files_take_kept(struct job *job)
{
    for (size_t i = 0; i < job->file_count; i++) {
        struct job_file *file = &job->files[i];
        if (!file->staged->kept || file->state == FILE_DONE)
            continue;
        if (!file->counted)
            job->bytes_reused += file->staged->file->size;
        file->counted = true;
        file->state = FILE_DONE;
        job->done_count++;
    }
    enqueue_all(job);
}

void files_prepare(struct job *job)
{
    for (size_t i = 0; i < job->source_count; i++)
        job->sources[i]->trial = NULL;
    free(job->files);
    job->done_count = 0;
    job->file_count = staging_file_count(job->staging);
    job->files = mem_zero(job->file_count, sizeof *job->files);
    for (size_t i = 0; i < job->file_count; i++) {
        job->files[i].job = job;
        job->files[i].staged = staging_file(job->staging, i);
        job->files[i].past_caches = job->past_caches;
    }
    enqueue_all(job);
}

void files_clear(struct job *job)
{
    free(job->files);
    job->files = NULL;
    job->file_count = job->done_count = 0;
    enqueue_all(job);
}

void files_reset(struct job *job)
{
    for (size_t i = 0; i < job->file_count; i++) {
        job->files[i].state = FILE_WAITING;
        job->files[i].staged->kept = false;
        job->files[i].counted = true;
    }
    job->done_count = 0;
    enqueue_all(job);
}

bool files_busy(const struct job *job)
{
    return job->fetches || job->listing || job->open > job->ready.count;
}

void files_abandon(struct job *job)
{
    list_cancel(job);
    while (job->fetches)
        fetch_drop(job->fetches);
    for (size_t i = 0; i < job->file_count; i++) {
        struct job_file *file = &job->files[i];
        if (file->state == FILE_OPENING)
            part_interrupt(file->part);
        else if (file->state == FILE_OPEN)
            close_part(file);
    }
}

void files_free(struct job *job)
{
    for (size_t i = 0; i < job->file_count; i++)
        part_free(job->files[i].part);
    free(job->files);
    part_pool_free(&job->pool);
}

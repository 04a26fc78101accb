/* The job's files on their way: opened, fetched, verified, some at once. */
#include "agent/transfer/internal.h"

#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- a file's part tells ---- */

static void want_bytes(struct job_file *file)
{
    file->state = FILE_READY;
    push_first(&file->job->ready, file);
}

static void on_opened(void *arg)
{
    struct job_file *file = arg;
    struct job *job = file->job;
    if (job->stopping) {
        part_close(file->part);
        return;
    }
    file->furthest = file->reused = part_front(file->part);
    job->bytes_reused += file->reused;
    if (file->furthest == file->staged->file->size) {
        file->state = FILE_ENDING;
        part_finish(file->part);
    } else {
        want_bytes(file);
        files_pump(job);
    }
}

static void on_room(void *arg)
{
    struct job_file *file = arg;
    if (file->fetch)
        file->source->kind->resume(file->fetch);
}

/* What an earlier run left is thrown away. */
static void forget_reused(struct job_file *file)
{
    file->job->bytes_reused -= file->reused;
    file->reused = 0;
}

static void drop_part(struct job_file *file)
{
    part_free(file->part);
    file->part = NULL;
    file->job->open--;
}

static void on_kept(struct job_file *file)
{
    struct job *job = file->job;
    bool from_library = file->state == FILE_OPENING;
    if (from_library)
        job->bytes_reused += file->staged->file->size;
    else if (file->source)
        file->source->report.files++;
    file->state = FILE_DONE;
    job->done_count++;
    drop_part(file);
}

/* Bytes of several origins prove nothing against one: first the whole file again, past caches,
   from one source; only then is that source to blame. */
static void on_wrong(struct job_file *file, const struct error *err)
{
    struct job *job = file->job;
    struct job_source *source = file->source;
    bool proven = file->past_caches && source && file->only_source == source;
    forget_reused(file);
    file->furthest = 0;
    file->past_caches = !proven;
    file->only_source = NULL;
    if (proven)
        sources_set_aside(job, source, err);
    else if (source)
        sources_note(job, source, err);
    if (job->stopping) {
        part_close(file->part);
    } else {
        want_bytes(file);
        job_look_again(job);
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
    case PART_CLOSED: drop_part(file); break;
    case PART_FAILED:
        if (file->fetch) {
            file->source->kind->cancel(file->fetch);
            file->fetch = NULL;
            file->source->busy--;
            job->fetching--;
        }
        why = *err; /* the part's own */
        drop_part(file);
        job_fail(job, &why);
        break;
    }
    if (!job->stopping)
        files_pump(job);
    job_check_end(job);
}

static bool open_part(struct job_file *file)
{
    struct job *job = file->job;
    struct part_events events = {on_opened, on_room, on_ended, file};
    file->part = part_create(job->engine.loop, &job->pool, job->staging, file->staged,
                             job->engine.sync, &events);
    file->state = FILE_OPENING;
    job->open++;
    return part_open(file->part);
}

/* ---- a file's fetch tells ---- */

static void on_begin(void *arg, int64_t start, const char *validator)
{
    struct job_file *file = arg;
    if (start == 0) {
        forget_reused(file);
        file->only_source = file->source;
    } else if (file->only_source != file->source) {
        file->only_source = NULL;
    }
    part_begin(file->part, start, file->source->url, validator);
}

static bool on_bytes(void *arg, const char *bytes, size_t len)
{
    struct job_file *file = arg;
    struct job *job = file->job;
    if (!part_write(file->part, bytes, len))
        return false;
    job->bytes_from_network += (int64_t)len;
    file->source->report.bytes += (int64_t)len;
    job->last_byte = job_now(job);
    if (part_front(file->part) > file->furthest) {
        file->furthest = part_front(file->part);
        file->source->failures = 0;
    }
    return true;
}

static void on_done(void *arg, const struct source_result *result)
{
    struct job_file *file = arg;
    struct job *job = file->job;
    file->fetch = NULL;
    file->source->busy--;
    job->fetching--;
    if (!result->ok && result->no_range)
        file->no_range = file->source;
    /* A source that stalls or hangs up after the last byte gave all there is; one that sends more
       does not. */
    bool whole = result->retry && part_front(file->part) == file->staged->file->size;
    if (result->ok || whole) {
        file->state = FILE_ENDING;
        part_finish(file->part);
    } else {
        part_flush(file->part);
        want_bytes(file);
        sources_blame(job, file->source, result);
    }
    files_pump(job);
    if (!result->ok)
        job_look_again(job);
    job_check_end(job);
}

/* The first byte to ask this source for. */
static int64_t start_offset(const struct job_file *file, const struct job_source *source)
{
    if (file->no_range == source)
        return 0; /* it cannot go on */
    if (file->past_caches && file->only_source != source)
        return 0; /* wrong once: all of it from one source */
    if (part_front(file->part) == file->staged->file->size)
        return 0; /* a source sent more than the file: its bytes prove nothing */
    return part_front(file->part);
}

static void fetch(struct job_file *file, struct job_source *source)
{
    struct job *job = file->job;
    char *url = source->kind->file_url(source->url, file->staged->file->name);
    int64_t front = start_offset(file, source);
    struct source_request request = {
        .url = url,
        .offset = front,
        .size = file->staged->file->size,
        .validator = front ? part_validator(file->part, source->url) : "",
        .past_caches = file->past_caches,
        .begin = on_begin,
        .bytes = on_bytes,
        .done = on_done,
        .arg = file,
    };
    if (job->current != source) {
        trace_source(job, source, job->current == NULL);
        job->current = source;
    }
    file->state = FILE_FETCHING;
    file->source = source;
    source->busy++;
    job->fetching++;
    file->fetch = source->kind->start(job->engine.client, &request);
    free(url);
}

/* ---- all files ---- */

void files_prepare(struct job *job)
{
    job->file_count = staging_file_count(job->staging);
    job->files = mem_zero(job->file_count, sizeof *job->files);
    for (size_t i = 0; i < job->file_count; i++) {
        struct job_file *file = &job->files[i];
        file->job = job;
        file->staged = staging_file(job->staging, i);
        push_last(&job->waiting, file);
    }
}

/* An empty file has no bytes to ask for. */
static bool needs_bytes(struct job_file *file)
{
    if (!open_part(file))
        return false;
    if (file->staged->file->size > 0)
        return true;
    file->state = FILE_ENDING;
    part_finish(file->part);
    return false;
}

static struct job_file *next_file(struct job *job)
{
    struct job_file *file;
    if (job->ready.first)
        return take_first(&job->ready);
    while (job->open < job->fetching + ENDING_MAX && (file = take_first(&job->waiting)))
        if (needs_bytes(file))
            return file;
    return NULL;
}

void files_pump(struct job *job)
{
    while (!job->stopping && job->fetching < job->engine.connections) {
        struct job_source *source = sources_choose(job);
        if (!source && !job->waiting.first)
            break;
        struct job_file *file = next_file(job);
        if (!file)
            break;
        if (!source) {
            /* Opened, and perhaps whole already: that much needs no source. */
            want_bytes(file);
            break;
        }
        fetch(file, source);
    }
}

bool files_busy(const struct job *job)
{
    return job->open > job->ready.count;
}

void files_abandon(struct job *job)
{
    for (size_t i = 0; i < job->file_count; i++) {
        struct job_file *file = &job->files[i];
        if (file->fetch) {
            file->source->kind->cancel(file->fetch);
            file->fetch = NULL;
            file->source->busy--;
            job->fetching--;
        }
        if (file->part && file->state == FILE_OPENING)
            part_interrupt(file->part);
        else if (file->part && (file->state == FILE_FETCHING || file->state == FILE_READY))
            part_close(file->part);
    }
    job->ready = (struct file_queue){.count = 0};
}

void files_free(struct job *job)
{
    for (size_t i = 0; i < job->file_count; i++)
        part_free(job->files[i].part);
    free(job->files);
    part_pool_free(&job->pool);
}

#include "agent/transfer/part.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES       (128 * 1024)
#define CHUNKS_QUEUED_MAX 4 /* where the pool says nothing */
/* Smaller files are asked for anew rather than remembered. */
#define VALIDATOR_FROM (1L * MIB)
/* Written bytes after which the kernel is told to begin with the disk. */
#define WRITE_BACK_STEP (8L * MIB)
/* Smaller files are not worth a call. */
#define PREALLOCATE_FROM (1L * MIB)

struct chunk {
    struct chunk *next;
    int64_t offset;
    size_t len;
    char bytes[CHUNK_BYTES];
};

/* What a worker does in one go, in this order. */
struct batch {
    bool open;
    bool restart;
    struct chunk *first, *last;
    size_t chunks;
    bool save_validator;
    bool finish;
    bool close;
};

struct part {
    struct loop *loop;
    struct part_pool *pool;
    struct staging *staging;
    struct staged_file *file;
    struct part_events events;
    bool sync;

    /* The loop's side. */
    struct batch next; /* gathers while a worker has `current` */
    struct part_stream *streams;
    struct spans received;
    bool working;
    const char *note;
    struct loop_work work;
    struct staged_validator validator; /* the worker reads it in `save_validator` */

    /* The worker's side, the loop's while no worker runs. */
    struct batch current;
    int fd, ahead_fd;           /* -1: not open; no byte was written beyond the front */
    struct hash *hash, *sha256; /* sha256: beside a SHA-1 manifest's digest */
    int64_t hashed, handed_back;
    struct spans have;             /* what an earlier run left */
    struct spans ahead;            /* written beyond `hashed` */
    struct spans written;          /* by this batch, where the record wants to know */
    struct staged_validator found; /* of an earlier run */
    bool failed, wrong, interrupted;
    struct error error;

    atomic_bool stop; /* set by the loop's side for the worker's */
};

void part_pool_free(struct part_pool *pool)
{
    while (pool->free) {
        struct chunk *chunk = pool->free;
        pool->free = chunk->next;
        free(chunk);
    }
}

static struct chunk *take_chunk(struct part_pool *pool)
{
    struct chunk *chunk = pool->free;
    if (chunk)
        pool->free = chunk->next;
    else
        chunk = mem_resize(NULL, 1, sizeof *chunk);
    chunk->next = NULL;
    chunk->len = 0;
    return chunk;
}

static void give_back(struct part_pool *pool, struct batch *batch)
{
    if (batch->first) {
        batch->last->next = pool->free;
        pool->free = batch->first;
    }
    batch->first = batch->last = NULL;
    batch->chunks = 0;
}

/* ---- on a worker ---- */

static void hash_more(struct part *part, const char *bytes, size_t len)
{
    hash_update(part->hash, bytes, len);
    if (part->sha256)
        hash_update(part->sha256, bytes, len);
    part->hashed += (int64_t)len;
}

/* What is on the disk from `hashed` up to `end`. */
static bool hash_back(struct part *part, int64_t end)
{
    char piece[64 * 1024];
    while (part->hashed < end) {
        int64_t left = end - part->hashed;
        size_t most = left < (int64_t)sizeof piece ? (size_t)left : sizeof piece;
        if (atomic_load(&part->stop))
            return false;
        ssize_t got = pread(part->fd, piece, most, part->hashed);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_errno(&part->error, part->file->file->name, "cannot read the part of");
        hash_more(part, piece, (size_t)got);
    }
    return true;
}

/* Where the file system cannot, the bytes find their place as they come. */
static bool preallocate(struct part *part)
{
    int64_t size = part->file->file->size;
    if (size < PREALLOCATE_FROM || fallocate(part->fd, FALLOC_FL_KEEP_SIZE, 0, size) == 0 ||
        (errno != ENOSPC && errno != EDQUOT))
        return true;
    return error_errno(&part->error, part->file->file->name, "cannot make room for");
}

static bool open_file(struct part *part)
{
    part->hash = hash_create(part->file->file->algorithm);
    if (part->file->file->algorithm != HASH_SHA256)
        part->sha256 = hash_create(HASH_SHA256);
    part->fd = staging_open_part(part->staging, part->file, &part->have, &part->note, &part->error);
    if (part->fd < 0)
        return false;
    spans_copy(&part->ahead, &part->have);
    int64_t front = spans_reach(&part->have, 0);
    spans_remove(&part->ahead, 0, front);
    if (part->ahead.count > 0 &&
        (part->ahead_fd = staging_open_ahead(part->staging, part->file, front, &part->error)) < 0)
        return false;
    if (part->current.open)
        staging_load_validator(part->staging, part->file, &part->found);
    return hash_back(part, front) && (front == part->file->file->size || preallocate(part));
}

static void forget_ahead(struct part *part)
{
    if (part->ahead_fd >= 0)
        close(part->ahead_fd);
    part->ahead_fd = -1;
    spans_free(&part->ahead);
    staging_forget_ahead(part->staging, part->file);
}

static bool empty_file(struct part *part)
{
    if (ftruncate(part->fd, 0) != 0)
        return error_errno(&part->error, part->file->file->name, "cannot empty the part of");
    forget_ahead(part);
    hash_restart(part->hash);
    if (part->sha256)
        hash_restart(part->sha256);
    part->hashed = part->handed_back = 0;
    return true;
}

static bool write_at(int fd, const char *bytes, size_t len, int64_t offset)
{
    while (len) {
        ssize_t put = pwrite(fd, bytes, len, offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes += put;
        len -= (size_t)put;
        offset += put;
    }
    return true;
}

/* From the first byte beyond the front on, the record says what there is. */
static bool write_chunk(struct part *part, const struct chunk *chunk)
{
    int64_t end = chunk->offset + (int64_t)chunk->len;
    if (chunk->offset > part->hashed && part->ahead_fd < 0 &&
        (part->ahead_fd =
             staging_open_ahead(part->staging, part->file, part->hashed, &part->error)) < 0)
        return false;
    if (!write_at(part->fd, chunk->bytes, chunk->len, chunk->offset))
        return error_errno(&part->error, part->file->file->name, "cannot write");
    if (chunk->offset == part->hashed)
        hash_more(part, chunk->bytes, chunk->len);
    else
        spans_add(&part->ahead, chunk->offset, end);
    if (part->ahead_fd >= 0)
        spans_add(&part->written, chunk->offset, end);
    return true;
}

/* The front has reached what lay ahead of it. */
static bool catch_up(struct part *part)
{
    int64_t reach = spans_reach(&part->ahead, part->hashed);
    if (!hash_back(part, reach))
        return false;
    spans_remove(&part->ahead, 0, reach);
    return true;
}

static void begin_write_back(struct part *part)
{
    if (!part->sync || part->hashed - part->handed_back < WRITE_BACK_STEP)
        return;
    /* Only a hint: the sync that counts comes before the content is published. */
    sync_file_range(part->fd, part->handed_back, part->hashed - part->handed_back,
                    SYNC_FILE_RANGE_WRITE);
    part->handed_back = part->hashed;
}

static bool write_chunks(struct part *part)
{
    for (const struct chunk *chunk = part->current.first; chunk; chunk = chunk->next)
        if (!write_chunk(part, chunk))
            return false;
    if (part->ahead_fd >= 0 &&
        !staging_note_ahead(part->ahead_fd, part->file, &part->written, &part->error))
        return false;
    spans_free(&part->written);
    begin_write_back(part);
    return catch_up(part);
}

static bool verify(struct part *part)
{
    char hex[HASH_HEX_MAX], sha256[HASH_HEX_MAX];
    hash_finish(part->hash, hex);
    if (part->sha256)
        hash_finish(part->sha256, sha256);
    const struct manifest_file *file = part->file->file;
    part->wrong = part->hashed != file->size || strcmp(hex, file->hash) != 0;
    if (!part->wrong)
        return staging_keep_part(part->staging, part->file, part->fd, part->sha256 ? sha256 : hex,
                                 &part->error);
    error_set(&part->error, ERROR_FAILED, BLAME_SOURCE, "HASH_MISMATCH", file->name,
              "wrong hash: %s is %s, the manifest says %s",
              file->algorithm == HASH_SHA1 ? "SHA-1" : "SHA-256", hex, file->hash);
    return empty_file(part);
}

static bool run_batch(struct part *part)
{
    struct batch *batch = &part->current;
    if (part->file->found == STAGED_LIBRARY) {
        part->file->found = STAGED_NONE;
        if (!staging_keep_library(part->staging, part->file, &part->stop, &part->error))
            return false;
        if (part->file->kept)
            return true;
    }
    if ((batch->open || batch->restart || batch->first || batch->finish) && part->fd < 0 &&
        !open_file(part))
        return false;
    return (!batch->restart || empty_file(part)) && (!batch->first || write_chunks(part)) &&
           (!batch->finish || verify(part));
}

static void close_file(struct part *part)
{
    if (part->fd >= 0 && close(part->fd) != 0 && !part->failed) {
        part->failed = true;
        error_errno(&part->error, part->file->file->name, "cannot close");
    }
    part->fd = -1;
    if (part->ahead_fd >= 0)
        close(part->ahead_fd);
    part->ahead_fd = -1;
}

static void work(void *arg)
{
    struct part *part = arg;
    const struct batch *batch = &part->current;
    part->wrong = false;
    bool ok = part->failed || part->interrupted || run_batch(part);
    if (!ok && atomic_load(&part->stop))
        part->interrupted = true;
    else if (!ok)
        part->failed = true;
    if (!part->failed && batch->save_validator && !part->file->kept)
        staging_save_validator(part->staging, part->file, &part->validator);
    if (part->failed || part->interrupted || part->file->kept || batch->close)
        close_file(part);
}

/* ---- on the loop ---- */

static bool is_empty(const struct batch *batch)
{
    return !batch->open && !batch->restart && !batch->first && !batch->finish && !batch->close;
}

static void submit(struct part *part)
{
    if (part->working || part->failed || is_empty(&part->next))
        return;
    part->current = part->next;
    part->next = (struct batch){.open = false};
    part->working = true;
    loop_work_submit(part->loop, &part->work);
}

static void tell_end(struct part *part, enum part_end end)
{
    part->events.ended(part->events.arg, end, &part->error);
}

/* A callback may end streams, begin others, and be refused again. */
static void tell_room(struct part *part)
{
    struct part_stream *stream;
    for (stream = part->streams; stream; stream = stream->next) {
        stream->due = stream->no_room;
        stream->no_room = false;
    }
    for (;;) {
        for (stream = part->streams; stream && !stream->due; stream = stream->next)
            continue;
        if (!stream)
            return;
        stream->due = false;
        stream->room(stream->arg);
    }
}

static void note_closed(struct part *part)
{
    if (part->received.count > 0)
        part->file->found = STAGED_PART;
    tell_end(part, PART_CLOSED);
}

static void note_opened(struct part *part)
{
    spans_copy(&part->received, &part->have);
    part->validator = part->found;
    submit(part);
    part->events.opened(part->events.arg);
}

static void worked(void *arg)
{
    struct part *part = arg;
    struct batch done = part->current;
    give_back(part->pool, &part->current);
    part->working = false;
    if (part->failed) {
        tell_end(part, PART_FAILED);
    } else if (part->file->kept) {
        tell_end(part, PART_KEPT);
    } else if (part->wrong) {
        spans_free(&part->received);
        tell_end(part, PART_WRONG);
    } else if (done.close || part->interrupted) {
        note_closed(part);
    } else if (done.open) {
        note_opened(part);
    } else {
        submit(part);
        tell_room(part);
    }
}

struct part *part_create(struct loop *loop, struct part_pool *pool, struct staging *staging,
                         struct staged_file *file, bool sync, const struct part_events *events)
{
    struct part *part = mem_zero(1, sizeof *part);
    part->loop = loop;
    part->pool = pool;
    part->staging = staging;
    part->file = file;
    part->events = *events;
    part->sync = sync;
    part->fd = part->ahead_fd = -1;
    part->work = (struct loop_work){.run = work, .done = worked, .arg = part};
    return part;
}

bool part_open(struct part *part)
{
    if (part->file->found == STAGED_NONE)
        return true;
    part->next.open = true;
    submit(part);
    return false;
}

const char *part_note(const struct part *part)
{
    return part->note;
}

int64_t part_front(const struct part *part)
{
    return spans_reach(&part->received, 0);
}

int64_t part_received(const struct part *part)
{
    return spans_total(&part->received);
}

/* The stream that has the byte at `at`; NULL: none. */
static const struct part_stream *stream_at(const struct part *part, int64_t at)
{
    for (const struct part_stream *s = part->streams; s; s = s->next)
        if (s->at <= at && s->end > at)
            return s;
    return NULL;
}

/* Cuts what streams have off the gap's beginning, and its end at the next one's. */
static void cut_streams(const struct part *part, struct span *gap)
{
    const struct part_stream *stream;
    while ((stream = stream_at(part, gap->start)))
        gap->start = stream->end;
    for (const struct part_stream *s = part->streams; s; s = s->next)
        if (s->at > gap->start && s->at < gap->end && s->end > s->at)
            gap->end = s->at;
}

bool part_gap(const struct part *part, int64_t from, struct span *gap)
{
    while (spans_gap(&part->received, from, part->file->file->size, gap)) {
        from = gap->end;
        cut_streams(part, gap);
        if (gap->start < gap->end)
            return true;
        from = gap->start > from ? gap->start : from;
    }
    return false;
}

const char *part_validator(const struct part *part, const char *origin)
{
    return strcmp(part->validator.origin, origin) == 0 ? part->validator.text : "";
}

static void queue_filling(struct part *part, struct part_stream *stream)
{
    struct chunk *chunk = stream->filling;
    if (!chunk)
        return;
    stream->filling = NULL;
    if (part->next.last)
        part->next.last->next = chunk;
    else
        part->next.first = chunk;
    part->next.last = chunk;
    part->next.chunks++;
}

void part_note_origin(struct part *part, const char *origin, const char *validator)
{
    bool known = strlen(origin) < sizeof part->validator.origin &&
                 strlen(validator) < sizeof part->validator.text;
    if (part->working || part->file->file->size < VALIDATOR_FROM || !known)
        return;
    snprintf(part->validator.origin, sizeof part->validator.origin, "%s", origin);
    snprintf(part->validator.text, sizeof part->validator.text, "%s", validator);
    part->next.save_validator = *validator != '\0';
}

void part_restart(struct part *part)
{
    give_back(part->pool, &part->next);
    part->next.restart = true;
    spans_free(&part->received);
}

void part_stream_begin(struct part *part, struct part_stream *stream, int64_t start, int64_t end)
{
    stream->at = start;
    stream->end = end;
    stream->no_room = stream->due = false;
    stream->filling = NULL;
    stream->next = part->streams;
    part->streams = stream;
}

bool part_write(struct part *part, struct part_stream *stream, const char *bytes, size_t len)
{
    size_t queued = part->next.chunks + part->current.chunks;
    size_t most = part->pool->queued_max ? part->pool->queued_max : CHUNKS_QUEUED_MAX;
    if (queued >= most) {
        stream->no_room = true;
        return false;
    }
    while (len) {
        if (!stream->filling) {
            stream->filling = take_chunk(part->pool);
            stream->filling->offset = stream->at;
        }
        size_t room = CHUNK_BYTES - stream->filling->len;
        size_t now = len < room ? len : room;
        memcpy(stream->filling->bytes + stream->filling->len, bytes, now);
        stream->filling->len += now;
        spans_add(&part->received, stream->at, stream->at + (int64_t)now);
        stream->at += (int64_t)now;
        bytes += now;
        len -= now;
        if (stream->filling->len == CHUNK_BYTES)
            queue_filling(part, stream);
    }
    if (part->next.first)
        submit(part);
    return true;
}

void part_stream_end(struct part *part, struct part_stream *stream)
{
    struct part_stream **at = &part->streams;
    while (*at && *at != stream)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = stream->next;
    stream->no_room = stream->due = false;
    queue_filling(part, stream);
    submit(part);
}

void part_finish(struct part *part)
{
    part->next.finish = true;
    submit(part);
}

void part_interrupt(struct part *part)
{
    atomic_store(&part->stop, true);
}

void part_close(struct part *part)
{
    part->next.close = true;
    submit(part);
}

void part_free(struct part *part)
{
    if (!part)
        return;
    for (struct part_stream *s = part->streams; s; s = s->next)
        queue_filling(part, s);
    give_back(part->pool, &part->next);
    if (part->fd >= 0)
        close(part->fd);
    if (part->ahead_fd >= 0)
        close(part->ahead_fd);
    spans_free(&part->received);
    spans_free(&part->have);
    spans_free(&part->ahead);
    spans_free(&part->written);
    hash_free(part->hash);
    hash_free(part->sha256);
    free(part);
}

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

#define CHUNK_BYTES       (96 * 1024)
#define CHUNKS_QUEUED_MAX 12 /* where the pool says nothing */
#define PIECE_BYTES       (64 * 1024)
/* Smaller files are asked for anew rather than remembered. */
#define VALIDATOR_FROM (1L * MIB)
/* Written bytes after which the kernel is told to begin with the disk. */
#define WRITE_BACK_STEP (8L * MIB)
/* What is read back in one go: bytes that come in wait meanwhile. */
#define CATCH_UP_STEP (8L * MIB)
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
    bool working, ended;
    struct loop_work work;
    struct staged_validator validator;

    /* The worker's side, the loop's while no worker runs. */
    struct batch current;
    struct staged_part staged;
    bool allocated;
    struct hash *hash, *sha256;   /* sha256: beside a SHA-1 manifest's digest */
    struct spans there;           /* on disk */
    int64_t hashed;               /* up to here; nothing below it is written again */
    struct spans written;         /* by this batch, where the record wants to know */
    struct span unsynced;         /* written and not yet handed to the disk, from where to where */
    int64_t unsynced_bytes;       /* in it */
    struct staged_validator kept; /* to be kept for the next run, or of an earlier one */
    bool failed, wrong, interrupted;
    struct error error;

    /* Set by the loop's side for the worker's. */
    atomic_bool stop;    /* leave off */
    atomic_bool closing; /* what is read back only for the digest can wait */
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
    pool->taken++;
    return chunk;
}

static void give_back(struct part_pool *pool, struct batch *batch)
{
    if (batch->first) {
        batch->last->next = pool->free;
        pool->free = batch->first;
    }
    pool->taken -= batch->chunks;
    batch->first = batch->last = NULL;
    batch->chunks = 0;
}

/* ---- on a worker ---- */

static bool fail_errno(struct part *part, const char *what)
{
    return error_errno(&part->error, part->file->file->name, "%s", what);
}

static void hash_more(struct part *part, const char *bytes, size_t len)
{
    hash_update(part->hash, bytes, len);
    if (part->sha256)
        hash_update(part->sha256, bytes, len);
    part->hashed += (int64_t)len;
}

/* Hashes what is on disk from `hashed` up to `end`, which must be there. */
static bool read_back(struct part *part, int64_t end)
{
    char piece[PIECE_BYTES];
    while (part->hashed < end) {
        int64_t left = end - part->hashed;
        if (atomic_load(&part->stop))
            return false;
        errno = EIO; /* what a file that became shorter comes to */
        ssize_t got = pread(part->staged.fd, piece, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES,
                            part->hashed);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fail_errno(part, "cannot read the part of");
        hash_more(part, piece, (size_t)got);
    }
    return true;
}

/* The front may have reached what lay ahead. */
static bool catch_up(struct part *part)
{
    int64_t reach = spans_reach(&part->there, part->hashed);
    int64_t most = part->hashed + CATCH_UP_STEP;
    return atomic_load(&part->closing) || read_back(part, reach < most ? reach : most);
}

static bool open_file(struct part *part)
{
    part->hash = hash_create(part->file->file->algorithm);
    if (part->file->file->algorithm != HASH_SHA256)
        part->sha256 = hash_create(HASH_SHA256);
    if (!staging_open_part(part->staging, part->file, &part->staged, &part->there, &part->error))
        return false;
    if (!part->current.open)
        return true;
    staging_load_validator(part->staging, part->file, &part->kept);
    return read_back(part, spans_reach(&part->there, 0));
}

static void forget_bytes(struct part *part)
{
    hash_restart(part->hash);
    if (part->sha256)
        hash_restart(part->sha256);
    part->there.count = 0;
    part->hashed = part->unsynced_bytes = 0;
    part->allocated = false;
}

static bool empty_file(struct part *part)
{
    forget_bytes(part);
    return staging_empty_part(part->staging, part->file, &part->staged, &part->error);
}

static void note_written(struct part *part, int64_t start, int64_t end)
{
    spans_add(&part->there, start, end);
    if (part->staged.recorded)
        spans_add(&part->written, start, end);
    if (part->unsynced_bytes == 0)
        part->unsynced = (struct span){start, end};
    part->unsynced.start = start < part->unsynced.start ? start : part->unsynced.start;
    part->unsynced.end = end > part->unsynced.end ? end : part->unsynced.end;
    part->unsynced_bytes += end - start;
}

/* What the digest has seen stays as it is, whoever sends it again. */
static bool write_chunk(struct part *part, const struct chunk *chunk)
{
    int64_t start = chunk->offset, end = start + (int64_t)chunk->len;
    if (start < part->hashed)
        start = part->hashed;
    if (start >= end)
        return true;
    const char *bytes = chunk->bytes + (start - chunk->offset);
    size_t len = (size_t)(end - start);
    bool beyond = start > spans_reach(&part->there, 0);
    if (beyond && !part->staged.recorded &&
        !staging_begin_record(part->staging, part->file, &part->staged, &part->there, &part->error))
        return false;
    if (!beneath_write_all_at(part->staged.fd, bytes, len, start))
        return fail_errno(part, "cannot write");
    note_written(part, start, end);
    if (start == part->hashed)
        hash_more(part, bytes, len);
    return true;
}

static bool preallocate(struct part *part)
{
    if (part->allocated || part->file->file->size < PREALLOCATE_FROM)
        return true;
    part->allocated = true;
    return staging_preallocate(part->file, &part->staged, &part->error);
}

/* What was written counts, though the disk refused the rest. */
static bool note_in_record(struct part *part, bool ok)
{
    if (part->written.count == 0)
        return ok;
    bool noted = staging_add_to_record(part->staging, part->file, &part->staged, &part->written,
                                       &part->there, ok ? &part->error : NULL);
    part->written.count = 0;
    return ok && noted;
}

static void begin_write_back(struct part *part)
{
    if (!part->sync || part->unsynced_bytes < WRITE_BACK_STEP)
        return;
    /* Only a hint: the sync that counts comes before the content is published. */
    sync_file_range(part->staged.fd, part->unsynced.start,
                    part->unsynced.end - part->unsynced.start, SYNC_FILE_RANGE_WRITE);
    part->unsynced_bytes = 0;
}

static bool write_chunks(struct part *part)
{
    bool ok = preallocate(part);
    for (const struct chunk *chunk = part->current.first; ok && chunk; chunk = chunk->next)
        ok = write_chunk(part, chunk);
    if (!note_in_record(part, ok))
        return false;
    begin_write_back(part);
    return catch_up(part);
}

static bool verify(struct part *part)
{
    char hex[HASH_HEX_MAX], sha256[HASH_HEX_MAX];
    if (!read_back(part, spans_reach(&part->there, part->hashed)))
        return false;
    hash_finish(part->hash, hex);
    if (part->sha256)
        hash_finish(part->sha256, sha256);
    const struct manifest_file *file = part->file->file;
    part->wrong =
        part->hashed != file->size || (!part->file->is_listed && strcmp(hex, file->hash) != 0);
    if (!part->wrong)
        return staging_keep_part(part->staging, part->file, part->staged.fd,
                                 part->sha256 ? sha256 : hex, &part->error);
    error_set(&part->error, ERROR_FAILED, BLAME_SOURCE, "HASH_MISMATCH", file->name,
              "wrong hash: %s is %s, the manifest says %s",
              file->algorithm == HASH_SHA1 ? "SHA-1" : "SHA-256", hex, file->hash);
    return empty_file(part);
}

static bool run_batch(struct part *part)
{
    struct batch *batch = &part->current;
    if (part->file->found == STAGED_LIBRARY) {
        if (!staging_keep_library(part->staging, part->file, &part->stop, &part->error))
            return false;
        if (part->file->kept)
            return true;
        part->file->found = STAGED_NONE;
    }
    if ((batch->open || batch->restart || batch->first || batch->finish) && part->staged.fd < 0 &&
        !open_file(part))
        return false;
    return (!batch->restart || empty_file(part)) && (!batch->first || write_chunks(part)) &&
           (!batch->finish || verify(part));
}

/* What there is, is there for the next opening. */
static void close_file(struct part *part)
{
    if (part->staged.fd < 0)
        return;
    part->file->found = part->there.count ? STAGED_PART : STAGED_NONE;
    if (!staging_close_part(part->file, &part->staged, part->failed ? NULL : &part->error))
        part->failed = true;
}

static void work(void *arg)
{
    struct part *part = arg;
    const struct batch *batch = &part->current;
    part->wrong = false;
    bool ok = run_batch(part);
    if (!ok && atomic_load(&part->stop))
        part->interrupted = true;
    else if (!ok)
        part->failed = true;
    if (!part->failed && batch->save_validator && !part->file->kept)
        staging_save_validator(part->staging, part->file, &part->kept);
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
    if (part->working || part->ended || is_empty(&part->next))
        return;
    part->current = part->next;
    part->next = (struct batch){.open = false};
    if (part->current.save_validator)
        part->kept = part->validator;
    part->working = true;
    loop_work_submit(part->loop, &part->work);
}

/* After the end nothing is submitted any more: the callback may free the part. */
static void tell_end(struct part *part, enum part_end end)
{
    part->ended = end != PART_WRONG;
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

static void tell_opened(struct part *part)
{
    spans_copy(&part->received, &part->there);
    part->validator = part->kept;
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
    } else if (done.close || part->interrupted) {
        tell_end(part, PART_CLOSED);
    } else if (part->wrong) {
        part->received.count = 0;
        tell_end(part, PART_WRONG);
    } else if (atomic_load(&part->stop)) {
        part_close(part);
    } else if (done.open) {
        tell_opened(part);
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
    part->staged.fd = part->staged.record = -1;
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
    return part->staged.note;
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
    struct staged_validator *known = &part->validator;
    bool fits = strlen(origin) < sizeof known->origin && strlen(validator) < sizeof known->text;
    if (part->file->file->size < VALIDATOR_FROM || !fits ||
        (strcmp(known->origin, origin) == 0 && strcmp(known->text, validator) == 0))
        return;
    snprintf(known->origin, sizeof known->origin, "%s", origin);
    snprintf(known->text, sizeof known->text, "%s", validator);
    part->next.save_validator = *validator != '\0';
}

void part_restart(struct part *part)
{
    give_back(part->pool, &part->next);
    part->next.restart = true;
    part->received.count = 0;
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

/* What waits for the disk already bounds what more is taken: so much of one part, and where all
   parts together have their share, nothing. */
static bool is_full(const struct part *part)
{
    const struct part_pool *pool = part->pool;
    size_t queued = part->next.chunks + part->current.chunks;
    size_t most = pool->queued_max ? pool->queued_max : CHUNKS_QUEUED_MAX;
    return queued >= most || (queued > 0 && pool->taken_max && pool->taken >= pool->taken_max);
}

bool part_write(struct part *part, struct part_stream *stream, const char *bytes, size_t len)
{
    int64_t wanted = stream->end - stream->at;
    if (is_full(part)) {
        stream->no_room = true;
        return false;
    }
    if ((int64_t)len > wanted)
        len = (size_t)wanted;
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
    if (!part->working)
        part_close(part);
}

void part_close(struct part *part)
{
    atomic_store(&part->closing, true);
    part->next.close = true;
    submit(part);
}

void part_free(struct part *part)
{
    if (!part)
        return;
    for (struct part_stream *stream = part->streams; stream; stream = stream->next)
        queue_filling(part, stream);
    give_back(part->pool, &part->next);
    staging_close_part(part->file, &part->staged, NULL);
    spans_free(&part->received);
    spans_free(&part->there);
    spans_free(&part->written);
    hash_free(part->hash);
    hash_free(part->sha256);
    free(part);
}

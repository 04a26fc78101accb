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
#define CHUNKS_QUEUED_MAX 4
/* Smaller files are asked for anew rather than remembered. */
#define VALIDATOR_FROM (1L * MIB)
/* Written bytes after which the kernel is told to begin with the disk. */
#define WRITE_BACK_STEP (8L * MIB)

struct chunk {
    struct chunk *next;
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
    struct chunk *filling;
    int64_t front;
    bool working, no_room;
    struct loop_work work;
    struct staged_validator validator; /* the worker reads it in `save_validator` */

    /* The worker's side, the loop's while no worker runs. */
    struct batch current;
    int fd;
    struct hash *hash, *sha256; /* sha256: beside a SHA-1 manifest's digest */
    int64_t written, handed_back;
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

static bool read_prefix(struct part *part, int64_t have)
{
    char piece[64 * 1024];
    while (part->written < have) {
        if (atomic_load(&part->stop))
            return false;
        ssize_t got = read(part->fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_errno(&part->error, part->file->file->name, "cannot read the part of");
        hash_update(part->hash, piece, (size_t)got);
        if (part->sha256)
            hash_update(part->sha256, piece, (size_t)got);
        part->written += got;
    }
    return true;
}

static bool open_file(struct part *part)
{
    int64_t have = 0;
    part->hash = hash_create(part->file->file->algorithm);
    if (part->file->file->algorithm != HASH_SHA256)
        part->sha256 = hash_create(HASH_SHA256);
    part->fd = staging_open_part(part->staging, part->file, &have, &part->error);
    if (part->fd < 0)
        return false;
    if (part->current.open)
        staging_load_validator(part->staging, part->file, &part->found);
    return read_prefix(part, have);
}

static bool empty_file(struct part *part)
{
    if (ftruncate(part->fd, 0) != 0 || lseek(part->fd, 0, SEEK_SET) != 0)
        return error_errno(&part->error, part->file->file->name, "cannot empty the part of");
    hash_restart(part->hash);
    if (part->sha256)
        hash_restart(part->sha256);
    part->written = part->handed_back = 0;
    return true;
}

static bool write_chunks(struct part *part)
{
    for (const struct chunk *chunk = part->current.first; chunk; chunk = chunk->next) {
        if (!beneath_write_all(part->fd, chunk->bytes, chunk->len))
            return error_errno(&part->error, part->file->file->name, "cannot write");
        hash_update(part->hash, chunk->bytes, chunk->len);
        if (part->sha256)
            hash_update(part->sha256, chunk->bytes, chunk->len);
        part->written += (int64_t)chunk->len;
    }
    if (part->sync && part->written - part->handed_back >= WRITE_BACK_STEP) {
        /* Only a hint: the sync that counts comes before the content is published. */
        sync_file_range(part->fd, part->handed_back, part->written - part->handed_back,
                        SYNC_FILE_RANGE_WRITE);
        part->handed_back = part->written;
    }
    return true;
}

static bool verify(struct part *part)
{
    char hex[HASH_HEX_MAX], sha256[HASH_HEX_MAX];
    hash_finish(part->hash, hex);
    if (part->sha256)
        hash_finish(part->sha256, sha256);
    const struct manifest_file *file = part->file->file;
    part->wrong = part->written != file->size || strcmp(hex, file->hash) != 0;
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
    if (part->working || is_empty(&part->next))
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
        part->front = 0;
        tell_end(part, PART_WRONG);
    } else if (done.close || part->interrupted) {
        tell_end(part, PART_CLOSED);
    } else if (done.open) {
        part->front = part->written;
        part->validator = part->found;
        submit(part);
        part->events.opened(part->events.arg);
    } else {
        submit(part);
        if (part->no_room) {
            part->no_room = false;
            part->events.room(part->events.arg);
        }
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
    part->fd = -1;
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

int64_t part_front(const struct part *part)
{
    return part->front;
}

const char *part_validator(const struct part *part, const char *origin)
{
    return strcmp(part->validator.origin, origin) == 0 ? part->validator.text : "";
}

static void queue_filling(struct part *part)
{
    struct chunk *chunk = part->filling;
    if (!chunk)
        return;
    part->filling = NULL;
    if (part->next.last)
        part->next.last->next = chunk;
    else
        part->next.first = chunk;
    part->next.last = chunk;
    part->next.chunks++;
}

static void drop_queued(struct part *part)
{
    queue_filling(part);
    give_back(part->pool, &part->next);
}

void part_begin(struct part *part, int64_t start, const char *origin, const char *validator)
{
    if (start == 0 && part->front > 0) {
        drop_queued(part);
        part->next.restart = true;
        part->front = 0;
    }
    bool known = strlen(origin) < sizeof part->validator.origin &&
                 strlen(validator) < sizeof part->validator.text;
    if (part->working || part->file->file->size < VALIDATOR_FROM || !known)
        return;
    snprintf(part->validator.origin, sizeof part->validator.origin, "%s", origin);
    snprintf(part->validator.text, sizeof part->validator.text, "%s", validator);
    part->next.save_validator = *validator != '\0';
}

bool part_write(struct part *part, const char *bytes, size_t len)
{
    size_t queued = part->next.chunks + part->current.chunks;
    if (queued >= CHUNKS_QUEUED_MAX) {
        part->no_room = true;
        return false;
    }
    while (len) {
        if (!part->filling)
            part->filling = take_chunk(part->pool);
        size_t room = CHUNK_BYTES - part->filling->len;
        size_t now = len < room ? len : room;
        memcpy(part->filling->bytes + part->filling->len, bytes, now);
        part->filling->len += now;
        part->front += (int64_t)now;
        bytes += now;
        len -= now;
        if (part->filling->len == CHUNK_BYTES)
            queue_filling(part);
    }
    if (part->next.first)
        submit(part);
    return true;
}

void part_flush(struct part *part)
{
    queue_filling(part);
    submit(part);
}

void part_finish(struct part *part)
{
    queue_filling(part);
    part->next.finish = true;
    submit(part);
}

void part_interrupt(struct part *part)
{
    atomic_store(&part->stop, true);
}

void part_close(struct part *part)
{
    queue_filling(part);
    part->next.close = true;
    submit(part);
}

void part_free(struct part *part)
{
    if (!part)
        return;
    drop_queued(part);
    if (part->fd >= 0)
        close(part->fd);
    hash_free(part->hash);
    hash_free(part->sha256);
    free(part);
}

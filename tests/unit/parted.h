/* A cache of one file of random bytes, and its part on a real loop. Include after cmocka.h. */
#ifndef TESTS_UNIT_PARTED_H
#define TESTS_UNIT_PARTED_H

#include "agent/transfer/part.h"
#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CONTENT "PS100001"
#define STAGED  "Staging/PS100001.1"

struct place {
    char folder[64];
    struct cache *cache;
    struct staging *staging;
    struct manifest_file listed;
    struct manifest manifest;
    struct staged_file *file;
    char *bytes; /* what the file should be */
    struct loop *loop;
    struct part_pool pool;
    struct part *part;
    bool opened, ended;
    enum part_end end;
    struct error error;
};

static inline uint64_t roll(uint64_t *dice, uint64_t below)
{
    *dice = *dice * 6364136223846793005u + 1442695040888963407u;
    return (*dice >> 33) % below;
}

/* ---- the folder ---- */

static inline void open_staging(struct place *place)
{
    struct error err = {0};
    place->staging = staging_open(place->cache, CONTENT, 1, &place->manifest, &err);
    if (!place->staging || !staging_survey(place->staging, &err))
        fail_msg("%s: %s", err.where, err.text);
    place->file = staging_file(place->staging, 0);
}

static inline void use_folder(struct place *place)
{
    struct error err = {0};
    place->manifest = (struct manifest){.count = 1, .files = &place->listed};
    place->loop = loop_create(&clock_system, 2, &err);
    const struct cache_options options = {
        .folder = place->folder, .sync = true, .clock = &clock_system};
    place->cache = cache_open(&options, &err);
    assert_non_null(place->loop);
    assert_non_null(place->cache);
}

static inline void make_folder(struct place *place)
{
    snprintf(place->folder, sizeof place->folder, "/tmp/nearpoint-part-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
}

static inline void make_place(struct place *place, int64_t size, enum hash_algorithm algorithm,
                              uint64_t seed)
{
    *place = (struct place){.opened = false};
    make_folder(place);
    place->bytes = mem_resize(NULL, (size_t)size + 1, 1);
    for (int64_t i = 0; i < size; i++)
        place->bytes[i] = (char)roll(&seed, 256);
    place->listed =
        (struct manifest_file){.name = "sub/big.cab", .size = size, .algorithm = algorithm};
    hash_bytes(algorithm, place->bytes, (size_t)size, place->listed.hash);
    use_folder(place);
    open_staging(place);
}

/* What a process that is killed leaves: nothing is closed in good order. */
static inline void leave(struct place *place)
{
    part_free(place->part);
    place->part = NULL;
    staging_close(place->staging);
    cache_close(place->cache);
    loop_destroy(place->loop);
    part_pool_free(&place->pool);
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY);
    beneath_remove(tmp, place->folder + strlen("/tmp/"), NULL);
    close(tmp);
}

static inline void free_place(struct place *place)
{
    leave(place);
    free(place->bytes);
}

/* The path of the part, or of what is beside it; the caller frees it. */
static inline char *beside(const struct place *place, const char *ending)
{
    return mem_format("%s/" STAGED "/%s%s", place->folder, place->listed.hash, ending);
}

static inline bool has_beside(const struct place *place, const char *ending)
{
    char *path = beside(place, ending);
    struct stat st;
    bool there = lstat(path, &st) == 0;
    free(path);
    return there;
}

static inline struct stat stat_beside(const struct place *place, const char *ending)
{
    struct stat st;
    char *path = beside(place, ending);
    assert_int_equal(stat(path, &st), 0);
    free(path);
    return st;
}

static inline void put(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && beneath_write_all(fd, bytes, len));
    close(fd);
}

static inline void put_beside(const struct place *place, const char *ending, const char *bytes,
                              size_t len)
{
    char *path = beside(place, ending);
    put(path, bytes, len);
    free(path);
}

/* ---- the part ---- */

static inline void turn(struct place *place)
{
    struct error err = {0};
    if (!loop_turn(place->loop, 20000, &err))
        fail_msg("%s", err.text);
}

static inline void on_opened(void *arg)
{
    ((struct place *)arg)->opened = true;
}

static inline void on_ended(void *arg, enum part_end end, const struct error *err)
{
    struct place *place = arg;
    place->ended = true;
    place->end = end;
    place->error = *err;
}

static inline void create_part(struct place *place)
{
    struct part_events events = {on_opened, on_ended, place};
    place->opened = place->ended = false;
    place->part =
        part_create(place->loop, &place->pool, place->staging, place->file, true, &events);
}

static inline void open_part(struct place *place)
{
    create_part(place);
    if (part_open(place->part))
        return;
    while (!place->opened && !place->ended)
        turn(place);
}

static inline void await_end(struct place *place, enum part_end end)
{
    while (!place->ended)
        turn(place);
    if (place->end != end)
        fail_msg("ended as %d, not %d: %s %s", place->end, end, place->error.code,
                 place->error.text);
}

/* The part is gone after it, whatever it came to. */
static inline void end_part(struct place *place, enum part_end end)
{
    await_end(place, end);
    part_free(place->part);
    place->part = NULL;
}

static inline void close_part(struct place *place)
{
    part_close(place->part);
    end_part(place, PART_CLOSED);
}

static inline void finish_part(struct place *place)
{
    part_finish(place->part);
    end_part(place, PART_KEPT);
}

static inline void no_matter(void *arg)
{
    (void)arg;
}

/* Bytes from `bytes`, those of the file's beginning. Stops where the part ends. */
static inline void send_bytes(struct place *place, struct part_stream *stream, const char *bytes,
                              int64_t count)
{
    int64_t end = stream->at + count < stream->end ? stream->at + count : stream->end;
    while (stream->at < end && !place->ended) {
        int64_t piece = end - stream->at < 16000 ? end - stream->at : 16000;
        if (!part_write(place->part, stream, bytes + stream->at, (size_t)piece))
            turn(place);
    }
}

static inline void send_run(struct place *place, int64_t start, int64_t end)
{
    struct part_stream stream = {.room = no_matter};
    part_stream_begin(place->part, &stream, start, end);
    send_bytes(place, &stream, place->bytes, end - start);
    part_stream_end(place->part, &stream);
}

/* Fetches all that is missing. */
static inline void send_rest(struct place *place)
{
    struct span gap;
    while (!place->ended && part_gap(place->part, 0, &gap))
        send_run(place, gap.start, gap.end);
}

/* What the part says that it has is on disk and right; how much that is. */
static inline int64_t check_claims(struct place *place)
{
    char *path = beside(place, ""), *read = mem_resize(NULL, (size_t)place->listed.size + 1, 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : pread(fd, read, (size_t)place->listed.size, 0);
    int64_t at = 0, claimed = 0, size = place->listed.size;
    while (at < size) {
        struct span gap = {size, size};
        part_gap(place->part, at, &gap);
        assert_true(gap.start == at || gap.start <= len);
        assert_memory_equal(read + at, place->bytes + at, (size_t)(gap.start - at));
        claimed += gap.start - at;
        at = gap.end;
    }
    assert_int_equal(claimed, part_received(place->part));
    if (fd >= 0)
        close(fd);
    free(read);
    free(path);
    return claimed;
}

/* ---- a disk that refuses ---- */

/* Called in the middle of each write to a place, on a worker's thread. */
static void (*between_writes)(void *arg);
static void *between_arg;
/* Bytes that may still be written; -1: any. */
static atomic_llong disk_left = -1;
static atomic_bool no_blocks;    /* for preallocation */
static atomic_bool blocks_given; /* the file system can do it */

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    long long left = disk_left;
    size_t now = len > 1 ? len / 2 : len;
    if (left == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (left > 0) {
        now = now < (size_t)left ? now : (size_t)left;
        disk_left = left - (long long)now;
    }
    if (between_writes)
        between_writes(between_arg);
    return syscall(SYS_pwrite64, fd, bytes, now, offset);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (no_blocks) {
        errno = ENOSPC;
        return -1;
    }
    int result = (int)syscall(SYS_fallocate, fd, mode, offset, len);
    blocks_given = result == 0;
    return result;
}

#endif

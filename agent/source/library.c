#include "agent/source/library.h"
#include "agent/source/dp_form.h"
#include "agent/source/library_list.h"
#include "agent/source/library_place.h"

#include "policy/base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)(256 * KIB))

/* One piece of a file, read on the errand's thread. It belongs to whoever has it: the fetch, the
   errand while it is away, and itself when the fetch is gone. */
struct reading {
    struct loop_errand errand;
    struct library_fetch *fetch; /* NULL: nobody waits; the loop's thread looks at it alone */
    struct library_place place;
    int64_t size;              /* as it is wanted */
    struct manifest_file file; /* as the INI says, or policy */
    int fd;                    /* -1: not opened yet */
    int64_t at, end;
    size_t len;
    bool ok;
    struct error error;
    char bytes[PIECE_BYTES];
};

struct library_fetch {
    struct source_client *client;
    struct source_request request;
    struct loop_timer timer; /* silence; or what is to be done outside of a callback */
    struct reading *reading; /* NULL while its errand is away */
    struct reading *away;
    char validator[HASH_HEX_MAX]; /* what the receiver has begun with; empty: nothing */
    int64_t stall_ms;
    bool begun, whole, held; /* held: the piece waits for room */
    bool busy, cancelled;    /* busy: the receiver runs */
    struct error error;      /* of the start */
};

static struct library_fetch *ours(struct source_fetch *fetch)
{
    return (struct library_fetch *)(void *)fetch;
}

/* ---- on the errand's thread ---- */

static int open_by_ini(struct reading *reading, struct library *library)
{
    enum library_problem problem;
    const struct library_place *place = &reading->place;
    if (!library_find_file(library, place->content_id, place->version, place->name, &reading->file,
                           &reading->error))
        return -1;
    return library_open_file(library, &reading->file, &problem, &reading->error);
}

/* Where the INI is missing or wrong: FileLib may have what policy wants all the same. */
static int open_by_digest(struct reading *reading, struct library *library)
{
    enum library_problem problem;
    struct error err;
    if (!*reading->place.sha256)
        return -1;
    reading->file = (struct manifest_file){.name = reading->place.name, .size = reading->size};
    memcpy(reading->file.hash, reading->place.sha256, sizeof reading->file.hash);
    return library_open_file(library, &reading->file, &problem, &err);
}

static bool open_file(struct reading *reading)
{
    struct library *library = library_place_open(&reading->place, &reading->error);
    if (!library)
        return false;
    reading->fd = open_by_ini(reading, library);
    if (reading->fd < 0)
        reading->fd = open_by_digest(reading, library);
    library_close(library);
    return reading->fd >= 0;
}

static bool read_piece(struct reading *reading)
{
    int64_t left = reading->end - reading->at;
    size_t most = left < (int64_t)PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    while (reading->len < most) {
        ssize_t got = pread(reading->fd, reading->bytes + reading->len, most - reading->len,
                            (off_t)(reading->at + (int64_t)reading->len));
        if (got > 0)
            reading->len += (size_t)got;
        else if (got == 0)
            return error_set(&reading->error, ERROR_FAILED, BLAME_SOURCE, "LIBRARY", NULL,
                             "'%s' became shorter while it was read", reading->place.name);
        else if (errno != EINTR)
            return error_errno(&reading->error, NULL, "cannot read '%s'", reading->place.name);
    }
    return true;
}

/* The first errand opens only: what is read depends on the INI. */
static void run(void *arg)
{
    struct reading *reading = arg;
    reading->len = 0;
    reading->ok = reading->fd < 0 ? open_file(reading) : read_piece(reading);
}

static void free_reading(void *arg)
{
    struct reading *reading = arg;
    if (!reading)
        return;
    if (reading->fd >= 0)
        close(reading->fd);
    library_place_free(&reading->place);
    free(reading);
}

/* ---- on the loop's thread ---- */

static void free_fetch(struct library_fetch *fetch)
{
    loop_timer_cancel(fetch->client->loop, &fetch->timer);
    if (fetch->away)
        fetch->away->fetch = NULL;
    free_reading(fetch->reading);
    free(fetch);
}

static void finish(struct library_fetch *fetch, const struct source_result *result)
{
    struct source_request request = fetch->request;
    free_fetch(fetch);
    request.done(request.arg, result);
}

static void fail(struct library_fetch *fetch, const struct error *why, bool retry)
{
    struct source_result result;
    const struct reading *reading = fetch->reading ? fetch->reading : fetch->away;
    library_place_fail(&reading->place, why, retry, &result);
    finish(fetch, &result);
}

static void end_well(struct library_fetch *fetch)
{
    const struct source_result result = {.ok = true, .retry_after_ms = -1};
    finish(fetch, &result);
}

static void later(struct library_fetch *fetch, void (*what)(void *arg), int64_t delay_ms)
{
    fetch->timer.fire = what;
    loop_timer_set(fetch->client->loop, &fetch->timer, delay_ms);
}

static void on_silence(void *arg)
{
    struct library_fetch *fetch = arg;
    struct error err;
    error_set(&err, ERROR_FAILED, BLAME_SOURCE, "STALLED", NULL,
              "no byte for %g s, at %lld of %lld bytes", (double)fetch->stall_ms / 1000,
              (long long)fetch->away->at, (long long)fetch->request.size);
    fail(fetch, &err, true);
}

static void on_start_failed(void *arg)
{
    struct library_fetch *fetch = arg;
    struct error err = fetch->error;
    fail(fetch, &err, false);
}

static void on_read(void *arg);

static void read_on(struct library_fetch *fetch)
{
    struct reading *reading = fetch->reading;
    reading->errand =
        (struct loop_errand){.run = run, .done = on_read, .drop = free_reading, .arg = reading};
    if (!loop_errand_submit(fetch->client->loop, &reading->errand)) {
        error_errno(&fetch->error, NULL, "cannot start a thread");
        later(fetch, on_start_failed, 0);
        return;
    }
    fetch->away = reading;
    fetch->reading = NULL;
    later(fetch, on_silence, fetch->stall_ms);
}

/* What the INI says decides what is read. */
static bool is_acceptable(struct library_fetch *fetch, struct source_result *result)
{
    struct reading *reading = fetch->reading;
    const struct source_request *request = &fetch->request;
    struct error err;
    bool anew = *fetch->validator && strcmp(fetch->validator, reading->file.hash) != 0;
    if (reading->file.size != request->size)
        error_set(&err, ERROR_FAILED, BLAME_SOURCE, "LENGTH", NULL,
                  "'%s' has %lld bytes there, not %lld", reading->place.name,
                  (long long)reading->file.size, (long long)request->size);
    else if (anew && request->range_only)
        error_set(&err, ERROR_FAILED, BLAME_SOURCE, "CHANGED", NULL, "'%s' is another file by now",
                  reading->place.name);
    else {
        reading->at = anew ? 0 : request->offset;
        reading->end = anew ? request->size : request->end;
        fetch->whole = anew;
        return true;
    }
    library_place_fail(&reading->place, &err, false, result);
    result->no_range = reading->file.size == request->size;
    return false;
}

static void begin(struct library_fetch *fetch)
{
    struct source_result result;
    struct reading *reading = fetch->reading;
    if (!is_acceptable(fetch, &result)) {
        finish(fetch, &result);
        return;
    }
    fetch->begun = true;
    fetch->request.begin(fetch->request.arg, reading->at, fetch->whole, reading->file.hash);
    if (reading->at >= reading->end)
        end_well(fetch);
    else
        read_on(fetch);
}

/* The receiver may cancel the fetch. */
static void deliver(void *arg)
{
    struct library_fetch *fetch = arg;
    struct reading *reading = fetch->reading;
    fetch->busy = true;
    enum source_take took = fetch->request.bytes(fetch->request.arg, reading->bytes, reading->len);
    fetch->busy = false;
    fetch->held = took == SOURCE_NO_ROOM;
    if (took == SOURCE_TAKEN)
        reading->at += (int64_t)reading->len;
    if (fetch->cancelled)
        free_fetch(fetch);
    else if (took == SOURCE_ENOUGH || reading->at >= reading->end)
        end_well(fetch);
    else if (!fetch->held)
        read_on(fetch);
}

static void on_read(void *arg)
{
    struct reading *reading = arg;
    struct library_fetch *fetch = reading->fetch;
    if (!fetch) {
        free_reading(reading);
        return;
    }
    loop_timer_cancel(fetch->client->loop, &fetch->timer);
    fetch->away = NULL;
    fetch->reading = reading;
    if (!reading->ok)
        fail(fetch, &reading->error, fetch->begun);
    else if (fetch->begun)
        deliver(fetch);
    else
        begin(fetch);
}

static struct source_fetch *start(struct source_client *client,
                                  const struct source_request *request)
{
    struct library_fetch *fetch = mem_zero(1, sizeof *fetch);
    struct reading *reading = mem_zero(1, sizeof *reading);
    fetch->client = client;
    fetch->request = *request;
    fetch->request.url = fetch->request.validator = NULL;
    fetch->request.file = NULL;
    fetch->stall_ms = request->stall_ms ? request->stall_ms : client->options->stall_ms;
    fetch->timer.arg = fetch;
    snprintf(fetch->validator, sizeof fetch->validator, "%s",
             request->validator ? request->validator : "");
    fetch->reading = reading;
    reading->fetch = fetch;
    reading->fd = -1;
    reading->size = request->size;
    if (library_place_make(&reading->place, client, request->file, request->url, &fetch->error))
        read_on(fetch);
    else
        later(fetch, on_start_failed, 0);
    return (struct source_fetch *)(void *)fetch;
}

/* Not from within the receiver: it may be the receiver of another fetch that asks. */
static void resume(struct source_fetch *given)
{
    struct library_fetch *fetch = ours(given);
    if (fetch->held)
        later(fetch, deliver, 0);
    fetch->held = false;
}

static void cancel(struct source_fetch *given)
{
    struct library_fetch *fetch = ours(given);
    fetch->cancelled = true;
    if (!fetch->busy)
        free_fetch(fetch);
}

const struct source_kind library_source = {
    .name = "content library",
    .start = start,
    .resume = resume,
    .cancel = cancel,
    .form_count = dp_form_one,
    .file_url = dp_form_plain_url,
    .list = library_list_start,
    .cancel_list = library_list_cancel,
};

#include "agent/source/azure_regions.h"

#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Smaller regions are opened together. */
#define UNIT_BYTES ((int64_t)(4 * 1024 * 1024))
/* Of all fetches together, beyond the one that each may have: 48 MiB of Azure's own regions. */
#define UNITS_MAX 12
/* Of one: more of them would only be colder in the processor's cache. */
#define OWN_UNITS_MAX 3
/* Handed on at once. */
#define SLICE_BYTES ((int64_t)(256 * 1024))

/* Whole regions. It belongs to `regions`, or to itself while a worker has it and they are gone. */
struct unit {
    struct loop_work work;
    struct azure_regions *regions; /* NULL: gone; the loop's thread looks at it alone */
    struct decryptor *decryptor;   /* the fetch's; the unit's own to free when that is gone */
    int64_t region;
    unsigned char *bytes;
    size_t len, want, cap; /* want: where its last region ends */
    bool ok;
    struct error error;
    size_t at;      /* handed on: the region that begins there, */
    int64_t passed; /* and so many plain bytes of it */
};

struct azure_regions {
    struct loop *loop;
    struct azure_regions_events events;
    struct decryptor *decryptor;
    int64_t region;
    int64_t left;         /* encrypted bytes that no unit has planned for */
    int64_t skip, wanted; /* plain bytes */
    size_t *units;
    struct unit *filling; /* NULL: none is planned, or there are too many */
    struct unit *opening; /* a worker has it */
    struct unit *waiting; /* opened, behind the one at hand */
    struct unit *opened;  /* being handed on */
    struct unit *spare;
    struct loop_timer timer;
    bool held;      /* the receiver has no room */
    bool starved;   /* who gives bytes was told that there is no room */
    bool ended;     /* no more bytes come */
    bool busy;      /* the receiver runs */
    bool abandoned; /* freed meanwhile */
    bool enough;    /* the receiver wants no more */
};

static void free_unit(struct unit *unit)
{
    if (!unit)
        return;
    free(unit->bytes);
    free(unit);
}

static void drop_unit(struct azure_regions *regions, struct unit *unit)
{
    *regions->units -= unit != NULL;
    free_unit(unit);
}

static void free_now(struct azure_regions *regions)
{
    loop_timer_cancel(regions->loop, &regions->timer);
    drop_unit(regions, regions->filling);
    drop_unit(regions, regions->waiting);
    drop_unit(regions, regions->opened);
    free_unit(regions->spare);
    if (regions->opening) {
        regions->opening->regions = NULL;
        --*regions->units;
    } else {
        decryptor_free(regions->decryptor);
    }
    free(regions);
}

void azure_regions_free(struct azure_regions *regions)
{
    if (regions && regions->busy)
        regions->abandoned = true;
    else if (regions)
        free_now(regions);
}

/* ---- filling ---- */

/* The next whole regions, about UNIT_BYTES of them. */
static int64_t plan(struct azure_regions *regions)
{
    int64_t sealed = regions->region + DECRYPT_EXTRA;
    int64_t count = UNIT_BYTES / sealed;
    int64_t want = (count > 0 ? count : 1) * sealed;
    want = want < regions->left ? want : regions->left;
    regions->left -= want;
    return want;
}

static struct unit *new_unit(struct azure_regions *regions)
{
    struct unit *unit = regions->spare ? regions->spare : mem_zero(1, sizeof *unit);
    regions->spare = NULL;
    ++*regions->units;
    unit->want = (size_t)plan(regions);
    unit->len = unit->at = 0;
    unit->passed = 0;
    unit->regions = regions;
    unit->decryptor = regions->decryptor;
    unit->region = regions->region;
    if (unit->cap < unit->want)
        unit->bytes = mem_resize(unit->bytes, unit->cap = unit->want, 1);
    return unit;
}

static bool may_have_more(const struct azure_regions *regions)
{
    int own = (regions->filling != NULL) + (regions->opening != NULL) + (regions->waiting != NULL) +
              (regions->opened != NULL);
    return regions->left > 0 && (own == 0 || (own < OWN_UNITS_MAX && *regions->units < UNITS_MAX));
}

static void append(struct unit *unit, const void *bytes, size_t len)
{
    if (unit->cap - unit->len < len) {
        unit->cap = unit->len + len;
        unit->bytes = mem_resize(unit->bytes, unit->cap, 1);
    }
    memcpy(unit->bytes + unit->len, bytes, len);
    unit->len += len;
}

/* ---- on a worker ---- */

static void run(void *arg)
{
    struct unit *unit = arg;
    size_t sealed = (size_t)(unit->region + DECRYPT_EXTRA);
    unit->ok = true;
    for (size_t at = 0; unit->ok && at < unit->want; at += sealed) {
        size_t len = unit->want - at < sealed ? unit->want - at : sealed;
        unit->ok = decryptor_open(unit->decryptor, unit->bytes + at, len, &unit->error);
        /* What came before it is good. */
        if (!unit->ok)
            unit->want = at;
    }
}

/* ---- handing on ---- */

static void pump(struct azure_regions *regions);

static size_t sealed_length(const struct unit *unit)
{
    size_t sealed = (size_t)(unit->region + DECRYPT_EXTRA);
    return unit->want - unit->at < sealed ? unit->want - unit->at : sealed;
}

/* One slice of a region. The receiver may free all. */
static enum source_take give(struct azure_regions *regions, const struct unit *unit, int64_t len)
{
    const unsigned char *plain = unit->bytes + unit->at + DECRYPT_NONCE;
    regions->busy = true;
    enum source_take take =
        regions->events.bytes(regions->events.arg, (const char *)plain + unit->passed, (size_t)len);
    regions->busy = false;
    return take;
}

/* How much of the region at hand comes next: 0, no more of it. What nobody wants is passed by. */
static int64_t next_slice(struct azure_regions *regions, struct unit *unit)
{
    int64_t plain = (int64_t)sealed_length(unit) - DECRYPT_EXTRA, left = plain - unit->passed;
    int64_t skip = regions->skip < left ? regions->skip : left;
    regions->skip -= skip;
    unit->passed += skip;
    left -= skip;
    left = left < regions->wanted ? left : regions->wanted;
    return left < SLICE_BYTES ? left : SLICE_BYTES;
}

/* false: the receiver has no room, wants no more, or has freed all. */
static bool hand_on(struct azure_regions *regions, struct unit *unit)
{
    while (unit->at < unit->want && !regions->enough) {
        int64_t len = next_slice(regions, unit);
        if (len == 0) {
            unit->at += sealed_length(unit);
            unit->passed = 0;
            continue;
        }
        enum source_take take = give(regions, unit, len);
        regions->held = take == SOURCE_NO_ROOM;
        if (regions->abandoned || regions->held)
            return false;
        regions->enough = take == SOURCE_ENOUGH;
        unit->passed += len;
        regions->wanted -= len;
    }
    return true;
}

static void finish(struct azure_regions *regions, const struct error *error)
{
    regions->events.over(regions->events.arg, error);
}

static void on_opened(void *arg)
{
    struct unit *unit = arg;
    struct azure_regions *regions = unit->regions;
    if (!regions) {
        decryptor_free(unit->decryptor);
        free_unit(unit);
        return;
    }
    regions->opening = NULL;
    regions->waiting = unit;
    pump(regions);
}

/* What came beyond the unit is the next one's. */
static void open_filled(struct azure_regions *regions)
{
    struct unit *unit = regions->filling;
    size_t extra = unit->len - unit->want;
    regions->filling = NULL;
    regions->opening = unit;
    if (extra > 0 || may_have_more(regions)) {
        regions->filling = new_unit(regions);
        append(regions->filling, unit->bytes + unit->want, extra);
    }
    unit->work = (struct loop_work){.run = run, .done = on_opened, .arg = unit};
    loop_work_submit(regions->loop, &unit->work);
}

static bool is_full(const struct unit *unit)
{
    return unit && unit->len >= unit->want;
}

/* There is room again for who was told that there is none. */
static void feed(struct azure_regions *regions)
{
    if (!regions->starved || !regions->filling || is_full(regions->filling))
        return;
    regions->starved = false;
    regions->events.room(regions->events.arg);
}

enum outcome { OUTCOME_DONE, OUTCOME_HELD, OUTCOME_GONE };

/* Hands on the unit at hand. OUTCOME_GONE: nothing is to be touched any more. */
static enum outcome hand_unit_on(struct azure_regions *regions)
{
    struct unit *unit = regions->opened;
    bool done = !regions->held && hand_on(regions, unit);
    if (regions->abandoned) {
        free_now(regions);
        return OUTCOME_GONE;
    }
    if (!done)
        return OUTCOME_HELD;
    if (!unit->ok && !regions->enough) {
        struct error error = unit->error;
        finish(regions, &error);
        return OUTCOME_GONE;
    }
    regions->opened = NULL;
    --*regions->units;
    free_unit(regions->spare);
    regions->spare = unit;
    return OUTCOME_DONE;
}

static void start_opening(struct azure_regions *regions)
{
    if (!regions->filling && may_have_more(regions))
        regions->filling = new_unit(regions);
    /* One may wait behind the one at hand. */
    if (!regions->opening && !regions->waiting && is_full(regions->filling) &&
        regions->filling->want > 0)
        open_filled(regions);
}

static bool is_over(const struct azure_regions *regions)
{
    bool idle = !regions->opening && !regions->waiting && !regions->opened;
    return regions->enough ||
           (idle && (regions->ended || (!regions->filling && regions->left == 0)));
}

/* Takes every step that can be taken. The receiver may free all, as may who hears that it is
   over. */
static void pump(struct azure_regions *regions)
{
    enum outcome outcome = OUTCOME_DONE;
    start_opening(regions);
    while (outcome == OUTCOME_DONE && !regions->enough && (regions->opened || regions->waiting)) {
        if (!regions->opened) {
            regions->opened = regions->waiting;
            regions->waiting = NULL;
            start_opening(regions);
        }
        outcome = hand_unit_on(regions);
    }
    if (outcome == OUTCOME_GONE)
        return;
    start_opening(regions);
    if (is_over(regions))
        finish(regions, NULL);
    else
        feed(regions);
}

static void on_timer(void *arg)
{
    pump(arg);
}

/* ---- from outside ---- */

struct azure_regions *azure_regions_create(struct loop *loop,
                                           const struct azure_regions_order *order,
                                           const struct azure_regions_events *events)
{
    struct azure_regions *regions = mem_zero(1, sizeof *regions);
    regions->loop = loop;
    regions->events = *events;
    regions->decryptor = decryptor_create(order->key);
    regions->region = order->region;
    regions->left = order->to - order->from;
    regions->skip = order->skip;
    regions->wanted = order->wanted;
    regions->units = order->units;
    regions->timer = (struct loop_timer){.fire = on_timer, .arg = regions};
    if (regions->left > 0)
        regions->filling = new_unit(regions);
    else
        loop_timer_set(loop, &regions->timer, 0);
    return regions;
}

enum source_take azure_regions_take(struct azure_regions *regions, const char *bytes, size_t len)
{
    if (!regions->filling || is_full(regions->filling)) {
        regions->starved = true;
        return SOURCE_NO_ROOM;
    }
    append(regions->filling, bytes, len);
    /* Not from here: the receiver is never called from within who gives the bytes. */
    start_opening(regions);
    return SOURCE_TAKEN;
}

void azure_regions_end(struct azure_regions *regions)
{
    struct unit *unit = regions->filling;
    regions->ended = true;
    regions->left = 0;
    if (unit && unit->len < unit->want) {
        unit->want = unit->len / (size_t)(regions->region + DECRYPT_EXTRA) *
                     (size_t)(regions->region + DECRYPT_EXTRA);
        if (unit->want == 0) {
            drop_unit(regions, unit);
            regions->filling = NULL;
        } else {
            unit->len = unit->want;
        }
    }
    loop_timer_set(regions->loop, &regions->timer, 0);
}

void azure_regions_resume(struct azure_regions *regions)
{
    bool held = regions->held;
    regions->held = false;
    if (!held || !regions->opened)
        return;
    /* At once: the receiver's worker has nothing to do until then. What follows from it is not for
       a caller's stack. */
    bool done = hand_on(regions, regions->opened);
    if (regions->abandoned)
        free_now(regions);
    else if (done)
        loop_timer_set(regions->loop, &regions->timer, 0);
}

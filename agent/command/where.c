/* where: where the machine stands; why a boundary holds it or not. */
#include "agent/command/where.h"

#include "agent/location/near_text.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_SUGGESTED    5
#define NAME_SUGGESTED_MAX 80 /* all of them fit an error's text */

const struct site_group *const *where_groups_of(const struct where *where,
                                                const struct site_boundary *boundary, size_t *count)
{
    size_t index = (size_t)(boundary - where->world.site.boundaries);
    *count = where->first_member[index + 1] - where->first_member[index];
    return where->members + where->first_member[index];
}

/* Counted, summed up, filled from the end of each boundary's part. */
static void join_groups(struct where *where)
{
    const struct site *site = &where->world.site;
    size_t *first = arena_zero(&where->arena, site->boundary_count + 1, sizeof *first);
    size_t total = 0;
    for (size_t i = 0; i < site->group_count; i++) {
        total += site->groups[i].boundary_count;
        for (size_t j = 0; j < site->groups[i].boundary_count; j++)
            first[site->groups[i].boundaries[j]]++;
    }
    for (size_t i = 1; i <= site->boundary_count; i++)
        first[i] += first[i - 1];
    where->first_member = first;
    where->members = arena_zero(&where->arena, total, sizeof(struct site_group *));
    for (size_t i = site->group_count; i-- > 0;)
        for (size_t j = 0; j < site->groups[i].boundary_count; j++)
            where->members[--first[site->groups[i].boundaries[j]]] = &site->groups[i];
}

int64_t where_flags(const struct where *where)
{
    int64_t flags = 0;
    for (size_t i = 0; i < where->decision.group_count; i++)
        if (where->decision.groups[i].via == VIA_BOUNDARY)
            flags |= where->decision.groups[i].group->flags;
    return flags;
}

const struct located_group *where_find_group(const struct where *where,
                                             const struct site_group *group)
{
    for (size_t i = 0; i < where->decision.group_count; i++)
        if (where->decision.groups[i].group == group)
            return &where->decision.groups[i];
    return NULL;
}

/* ---- the decision ---- */

/* No content is asked for: boundaries and groups alone count. */
static bool decide(struct where *where, struct error *err)
{
    if (!question_read(&where->question, where->options, &where->world, NULL, err))
        return false;
    location_decide(&where->decision, &where->question.request);
    return true;
}

/* ---- rows ---- */

static void add_row(struct where *where, const struct site_boundary *boundary,
                    const struct site_group *group, const struct near_miss *miss)
{
    const struct machine *machine = &where->world.machine;
    struct where_row *row = &where->rows[where->row_count++];
    size_t count;
    const struct site_group *const *groups = where_groups_of(where, boundary, &count);
    *row = (struct where_row){.boundary = boundary, .group = group, .miss = *miss};
    if (!group && count)
        row->group = groups[0];
    if (machine->internet)
        return;
    if (miss->code == MISS_NONE)
        where->held_count++;
    else
        near_miss_would_hold(&row->would, miss, boundary, machine, &where->arena);
}

/* Boundaries stand by ID: so do equal misses. */
static int by_distance(const void *a, const void *b)
{
    const struct where_row *x = a, *y = b;
    int order = near_miss_compare(&x->miss, &y->miss);
    return order ? order : (x->boundary > y->boundary) - (x->boundary < y->boundary);
}

static void sort_rows(struct where *where)
{
    if (where->row_count)
        qsort(where->rows, where->row_count, sizeof *where->rows, by_distance);
}

/* All that hold the machine, and of each type the nearest that does not. */
static void list_all(struct where *where)
{
    const struct site *site = &where->world.site;
    const struct site_boundary *nearest[BOUNDARY_TYPE_MAX + 1] = {NULL};
    struct near_miss misses[BOUNDARY_TYPE_MAX + 1];
    where->rows = arena_zero(&where->arena, site->boundary_count, sizeof *where->rows);
    for (size_t i = 0; !where->world.machine.internet && i < site->boundary_count; i++) {
        const struct site_boundary *boundary = &site->boundaries[i];
        enum boundary_type type = boundary->boundary.type;
        struct near_miss miss;
        near_miss_find(&miss, boundary, &where->world.machine);
        if (miss.code == MISS_NONE) {
            add_row(where, boundary, NULL, &miss);
        } else if (!nearest[type] || near_miss_compare(&miss, &misses[type]) < 0) {
            nearest[type] = boundary;
            misses[type] = miss;
        }
    }
    for (int type = 0; type <= BOUNDARY_TYPE_MAX; type++)
        if (nearest[type])
            add_row(where, nearest[type], NULL, &misses[type]);
}

/* ---- --why ---- */

static bool is_id(const char *text, int64_t id)
{
    int64_t number;
    return text_to_int(text, 0, INT64_MAX, &number) && number == id;
}

static bool is_name(const char *text, const char *name)
{
    return name && *name && text_equal(text, name);
}

static void find_groups(struct where *where, const char *asked)
{
    const struct site *site = &where->world.site;
    where->groups = arena_zero(&where->arena, site->group_count, sizeof(struct site_group *));
    for (size_t i = 0; i < site->group_count; i++)
        if (is_id(asked, site->groups[i].id) || is_name(asked, site->groups[i].name))
            where->groups[where->group_count++] = &site->groups[i];
}

static void list_group(struct where *where, const struct site_group *group)
{
    for (size_t i = 0; i < group->boundary_count; i++) {
        const struct site_boundary *boundary = &where->world.site.boundaries[group->boundaries[i]];
        struct near_miss miss;
        near_miss_find(&miss, boundary, &where->world.machine);
        add_row(where, boundary, group, &miss);
    }
}

static void list_boundaries(struct where *where, const char *asked)
{
    const struct site *site = &where->world.site;
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct site_boundary *boundary = &site->boundaries[i];
        struct near_miss miss;
        if (!is_id(asked, boundary->id) && !is_name(asked, boundary->boundary.value) &&
            !is_name(asked, boundary->display_name))
            continue;
        near_miss_find(&miss, boundary, &where->world.machine);
        add_row(where, boundary, NULL, &miss);
    }
}

static void suggest(struct buf *out, size_t *count, const char *what, const char *asked,
                    const char *name)
{
    size_t letters;
    if (!name || !*name || *count == NAMES_SUGGESTED || strlen(name) > NAME_SUGGESTED_MAX ||
        near_text(name, strlen(name), asked, strlen(asked), &letters) == NEAR_NOT)
        return;
    buf_format(out, "%s%s '%s'", (*count)++ ? ", " : "; near it: ", what, name);
}

static void refuse(const struct where *where, const char *asked)
{
    const struct site *site = &where->world.site;
    struct buf near = {0};
    size_t count = 0;
    for (size_t i = 0; i < site->group_count; i++)
        suggest(&near, &count, "group", asked, site->groups[i].name);
    for (size_t i = 0; i < site->boundary_count; i++) {
        suggest(&near, &count, "boundary", asked, site->boundaries[i].boundary.value);
        suggest(&near, &count, "boundary", asked, site->boundaries[i].display_name);
    }
    error_set(where->failure, ERROR_FAILED, BLAME_USER, "UNKNOWN_GROUP", asked,
              "the policy holds no boundary group and no boundary of that ID or name%s",
              near.data ? near.data : "");
    buf_free(&near);
}

/* Groups before boundaries: an AD site often has the name of its group. */
static void list_asked(struct where *where, const char *asked)
{
    find_groups(where, asked);
    size_t most = where->world.site.boundary_count;
    for (size_t i = 0; i < where->group_count; i++)
        most += where->groups[i]->boundary_count;
    where->rows = arena_zero(&where->arena, most, sizeof *where->rows);
    for (size_t i = 0; i < where->group_count; i++)
        list_group(where, where->groups[i]);
    if (where->group_count == 0)
        list_boundaries(where, asked);
    if (where->group_count || where->row_count)
        where->failure = NULL;
    else
        refuse(where, asked);
}

/* ---- the command ---- */

static bool answer(struct where *where, struct error *err)
{
    const char *asked = where->options->why;
    if (!decide(where, err))
        return false;
    join_groups(where);
    if (asked) {
        list_asked(where, asked);
    } else {
        where->failure = NULL;
        list_all(where);
    }
    sort_rows(where);
    if (where->options->json)
        return command_print_json(where_json(where), err);
    struct buf out = {0};
    if (!where->failure && asked)
        where_text_why(where, &out);
    else if (!where->failure)
        where_text(where, &out);
    return where->failure || command_print_text(&out, err);
}

bool command_where(struct context *context, struct error *err)
{
    struct error failure = {0};
    struct where where = {.options = context->options, .failure = &failure};
    if (!question_check(context->options, err) || !command_read_world(context, &where.world, err))
        return false;
    bool ok = answer(&where, err);
    if (ok && where.failure) {
        *err = failure;
        ok = false;
    }
    decision_free(&where.decision);
    question_free(&where.question);
    arena_free(&where.arena);
    world_free(&where.world);
    return ok;
}

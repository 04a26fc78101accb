/*
 * Which boundary groups serve the machine, from which minute (configmgr-facts 3.2, 3.3): the union
 * of those whose boundaries hold it; under the current rules their direct neighbours and the
 * default groups too.
 */
#include "agent/location/internal.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define IMPLIED_MINUTES 120 /* every group's link to every default group */

/* One way into a group. */
struct offer {
    uint32_t group;
    size_t order; /* of two equal ways the first holds */
    struct located_group located;
};

struct offers {
    size_t count, cap;
    struct offer *items;
};

static struct located_group *add(struct offers *offers, const struct site *site,
                                 const struct site_group *group)
{
    offers->items = mem_grow(offers->items, &offers->cap, offers->count + 1, sizeof *offers->items);
    struct offer *offer = &offers->items[offers->count];
    *offer = (struct offer){.group = (uint32_t)(group - site->groups),
                            .order = offers->count,
                            .located = {.group = group}};
    offers->count++;
    return &offer->located;
}

/* Never closes only this way. */
static void add_way(struct offers *offers, const struct site *site, const struct site_group *from,
                    const struct site_group *to, int64_t minutes, enum minutes_from origin)
{
    struct located_group *located = add(offers, site, to);
    located->via = to->is_default ? VIA_SITE_DEFAULT : VIA_NEIGHBOR;
    located->through = from;
    located->never = minutes < 0;
    located->minutes = located->never ? 0 : minutes;
    located->from = origin;
}

static void follow_rows(struct offers *offers, const struct site *site,
                        const struct site_group *from)
{
    for (size_t i = site_first_relationship(site, from->id);
         i < site->relationship_count && site->relationships[i].source == from->id; i++) {
        const struct site_relationship *link = &site->relationships[i];
        const struct site_group *to = site_find_group(site, link->destination);
        if (!to || (to->is_default && !link->says_minutes))
            continue; /* the implied link knows better */
        add_way(offers, site, from, to, link->minutes,
                link->says_minutes ? MINUTES_ROW : MINUTES_BUILT_IN);
    }
}

/* The row between two groups where it says minutes, or NULL. */
static const struct site_relationship *find_minutes(const struct site *site,
                                                    const struct site_group *from,
                                                    const struct site_group *to)
{
    const struct site_relationship *row = site_find_relationship(site, from->id, to->id);
    return row && row->says_minutes ? row : NULL;
}

/* The implied link: the default group's own behaviour (its self row), else 120. A row says it
   better; without one all current groups have the same link, so the first stands for them. */
static void follow_default(struct offers *offers, const struct site *site,
                           const struct site_group *to, const struct site_group *const *current,
                           size_t current_count)
{
    for (size_t i = 0; i < current_count; i++) {
        if (find_minutes(site, current[i], to))
            continue;
        const struct site_relationship *own = find_minutes(site, to, to);
        add_way(offers, site, current[i], to, own ? own->minutes : IMPLIED_MINUTES,
                own ? MINUTES_DEFAULT : MINUTES_BUILT_IN);
        return;
    }
}

static void follow_all(struct offers *offers, const struct location_index *index)
{
    const struct site *site = index->site;
    size_t count = offers->count;
    const struct site_group **current = mem_zero(count, sizeof *current);
    for (size_t i = 0; i < count; i++)
        current[i] = offers->items[i].located.group;
    for (size_t i = 0; i < count; i++)
        follow_rows(offers, site, current[i]);
    for (size_t i = 0; i < index->default_count; i++)
        follow_default(offers, site, &site->groups[index->defaults[i]], current, count);
    free(current);
}

/* ---- current groups ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* The groups of the boundaries, each once. */
static void add_current(struct offers *offers, const struct location_index *index,
                        const struct hits *hits)
{
    size_t count = 0;
    for (size_t i = 0; i < hits->count; i++)
        count += index->group_starts[hits->ids[i] + 1] - index->group_starts[hits->ids[i]];
    uint32_t *groups = mem_zero(count, sizeof *groups);
    count = 0;
    for (size_t i = 0; i < hits->count; i++)
        for (uint32_t at = index->group_starts[hits->ids[i]];
             at < index->group_starts[hits->ids[i] + 1]; at++)
            groups[count++] = index->groups[at];
    qsort(groups, count, sizeof *groups, by_number);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || groups[i] != groups[i - 1])
            add(offers, index->site, &index->site->groups[groups[i]])->via = VIA_BOUNDARY;
    free(groups);
}

/* The machine's site, else the one asked for, else what all documents say, else the only default
 * group's. */
static const char *assigned_site(const struct location_request *request)
{
    const struct site *site = request->index->site;
    if (request->machine->site)
        return request->machine->site;
    if (request->assigned_site)
        return request->assigned_site;
    return site->site_code ? site->site_code : request->index->only_default_site;
}

static void add_own_default(struct offers *offers, const struct location_index *index,
                            const char *assigned)
{
    for (size_t i = 0; assigned && i < index->default_count; i++) {
        const struct site_group *group = &index->site->groups[index->defaults[i]];
        if (group->site_code && text_equal(group->site_code, assigned))
            add(offers, index->site, group)->via = VIA_SITE_DEFAULT;
    }
}

/* ---- the decision's lists ---- */

static bool is_current(const struct located_group *located)
{
    return located->from == MINUTES_NONE;
}

/* The best way into each group first: a current one, the shortest that is open. */
static int by_group(const void *a, const void *b)
{
    const struct offer *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    if (is_current(&x->located) != is_current(&y->located))
        return is_current(&x->located) ? -1 : 1;
    if (x->located.never != y->located.never)
        return x->located.never ? 1 : -1;
    if (x->located.minutes != y->located.minutes)
        return x->located.minutes < y->located.minutes ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static int by_minutes(const void *a, const void *b)
{
    const struct located_group *x = a, *y = b;
    if (is_current(x) != is_current(y))
        return is_current(x) ? -1 : 1;
    if (x->never != y->never)
        return x->never ? 1 : -1;
    if (x->minutes != y->minutes)
        return x->minutes < y->minutes ? -1 : 1;
    return (x->group->id > y->group->id) - (x->group->id < y->group->id);
}

/* A task sequence asks the default group after the neighbours (configmgr-facts 3.3). */
static int by_turn(const void *a, const void *b)
{
    const struct located_group *x = a, *y = b;
    bool x_last = x->via == VIA_SITE_DEFAULT, y_last = y->via == VIA_SITE_DEFAULT;
    if (is_current(x) || is_current(y) || x->never != y->never || x_last == y_last)
        return by_minutes(a, b);
    return x_last ? 1 : -1;
}

static void list_groups(struct decision *decision, const struct location_request *request,
                        struct offers *offers)
{
    if (offers->count)
        qsort(offers->items, offers->count, sizeof *offers->items, by_group);
    decision->groups = arena_zero(&decision->arena, offers->count, sizeof *decision->groups);
    for (size_t i = 0; i < offers->count; i++)
        if (i == 0 || offers->items[i].group != offers->items[i - 1].group)
            decision->groups[decision->group_count++] = offers->items[i].located;
    if (decision->group_count)
        qsort(decision->groups, decision->group_count, sizeof *decision->groups,
              request->deployment.task_sequence ? by_turn : by_minutes);
}

static void list_boundaries(struct decision *decision, const struct location_index *index,
                            const struct hits *hits)
{
    decision->boundary_count = hits->count;
    decision->boundaries = arena_zero(&decision->arena, hits->count, sizeof *decision->boundaries);
    for (size_t i = 0; i < hits->count; i++)
        decision->boundaries[i] = &index->site->boundaries[hits->ids[i]];
}

void location_find_groups(struct decision *decision, const struct location_request *request)
{
    const struct location_index *index = request->index;
    decision->assigned_site = assigned_site(request);
    if (request->machine->internet)
        return; /* internet clients do not use boundaries for content */
    struct hits hits;
    struct offers offers = {0};
    location_match(index, request->machine, &hits);
    list_boundaries(decision, index, &hits);
    add_current(&offers, index, &hits);
    hits_free(&hits);
    decision->no_group = offers.count == 0;
    if (request->rules == RULES_CURRENT) {
        if (decision->no_group)
            add_own_default(&offers, index, decision->assigned_site);
        else
            follow_all(&offers, index);
    }
    list_groups(decision, request, &offers);
    free(offers.items);
}

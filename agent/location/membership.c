/*
 * Which boundary groups serve the machine, from which minute (configmgr-facts 3.2, 3.3): the union
 * of those whose boundaries hold it, their direct neighbours, and the default groups.
 */
#include "agent/location/internal.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define IMPLIED_MINUTES 120 /* every group's link to every default group */

static bool holds_a_network(const struct boundary *boundary, const struct machine *machine)
{
    address_number network;
    for (size_t i = 0; i < machine->subnet_count; i++)
        if (address_parse(machine->subnets[i], &network) &&
            boundary_holds_network(boundary, network))
            return true;
    return false;
}

static bool holds_an_address(const struct boundary *boundary, const struct machine *machine)
{
    for (size_t i = 0; i < machine->address_count; i++)
        if (boundary_holds_address(boundary, address_from_bytes(machine->addresses[i].bytes)))
            return true;
    return false;
}

static bool holds_an_adapter(const struct boundary *boundary, const struct machine *machine)
{
    if (boundary->vpn == BOUNDARY_VPN_AUTO)
        return machine->vpn;
    for (size_t i = 0; i < machine->adapter_count; i++)
        if (boundary_holds_adapter(boundary, machine->adapters[i].name,
                                   machine->adapters[i].description))
            return true;
    return false;
}

bool location_boundary_holds(const struct site_boundary *site_boundary,
                             const struct machine *machine)
{
    const struct boundary *boundary = &site_boundary->boundary;
    switch (boundary->type) {
    case BOUNDARY_IP_SUBNET: return holds_a_network(boundary, machine);
    case BOUNDARY_AD_SITE:
        return machine->ad_site && boundary_holds_ad_site(boundary, machine->ad_site);
    case BOUNDARY_IPV6_PREFIX:
    case BOUNDARY_IP_RANGE: return holds_an_address(boundary, machine);
    case BOUNDARY_VPN: return holds_an_adapter(boundary, machine);
    }
    return false;
}

static void find_boundaries(struct decision *decision, const struct location_request *request)
{
    const struct site *site = request->site;
    decision->boundaries =
        arena_zero(&decision->arena, site->boundary_count, sizeof *decision->boundaries);
    for (size_t i = 0; i < site->boundary_count; i++)
        if (location_boundary_holds(&site->boundaries[i], request->machine))
            decision->boundaries[decision->boundary_count++] = &site->boundaries[i];
}

/* Both lists are ascending: one walk. */
static bool has_a_boundary(const struct site *site, const struct site_group *group,
                           const struct decision *decision)
{
    size_t i = 0, j = 0;
    while (i < group->boundary_count && j < decision->boundary_count) {
        const struct site_boundary *boundary = &site->boundaries[group->boundaries[i]];
        if (boundary == decision->boundaries[j])
            return true;
        if (boundary < decision->boundaries[j])
            i++;
        else
            j++;
    }
    return false;
}

/* ---- groups ---- */

/* What is known of each group while ways are followed; reached: it has a place in the decision. */
struct way {
    bool reached, current;
    struct located_group located;
};

static size_t index_of(const struct site *site, const struct site_group *group)
{
    return (size_t)(group - site->groups);
}

/* One more way into a group: the shortest holds; never closes only this way. Nothing is shorter
   than a current group's 0. */
static void offer(struct way *way, const struct site_group *through, enum group_via via,
                  int64_t minutes, enum minutes_from from)
{
    bool never = minutes < 0;
    bool better = !way->reached || (way->located.never && !never) ||
                  (!never && minutes < way->located.minutes);
    if (!better)
        return;
    way->reached = true;
    way->located.via = via;
    way->located.through = through;
    way->located.minutes = never ? 0 : minutes;
    way->located.never = never;
    way->located.from = from;
}

static void follow_rows(const struct site *site, struct way *ways, const struct site_group *from)
{
    for (size_t i = site_first_relationship(site, from->id);
         i < site->relationship_count && site->relationships[i].source == from->id; i++) {
        const struct site_relationship *link = &site->relationships[i];
        const struct site_group *to = site_find_group(site, link->destination);
        if (!to || (to->is_default && !link->says_minutes))
            continue; /* the implied link knows better */
        offer(&ways[index_of(site, to)], from, to->is_default ? VIA_SITE_DEFAULT : VIA_NEIGHBOR,
              link->minutes, link->says_minutes ? MINUTES_ROW : MINUTES_BUILT_IN);
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
   better. */
static void follow_defaults(const struct site *site, struct way *ways,
                            const struct site_group *from)
{
    for (size_t i = 0; i < site->group_count; i++) {
        const struct site_group *to = &site->groups[i];
        if (!to->is_default || find_minutes(site, from, to))
            continue;
        const struct site_relationship *own = find_minutes(site, to, to);
        offer(&ways[i], from, VIA_SITE_DEFAULT, own ? own->minutes : IMPLIED_MINUTES,
              own ? MINUTES_DEFAULT : MINUTES_BUILT_IN);
    }
}

static void enter_current(struct way *way, enum group_via via)
{
    way->reached = way->current = true;
    way->located = (struct located_group){.via = via, .from = MINUTES_NONE};
}

/* The machine's site, else what all documents say, else the only default group's. */
static const char *assigned_site(const struct location_request *request)
{
    const struct site *site = request->site;
    const char *only = NULL;
    if (request->machine->site)
        return request->machine->site;
    if (site->site_code)
        return site->site_code;
    for (size_t i = 0; i < site->group_count; i++) {
        if (!site->groups[i].is_default)
            continue;
        if (only)
            return NULL;
        only = site->groups[i].site_code;
    }
    return only;
}

static void use_default_group(struct decision *decision, const struct location_request *request,
                              struct way *ways)
{
    const struct site *site = request->site;
    decision->default_group_site = assigned_site(request);
    for (size_t i = 0; decision->default_group_site && i < site->group_count; i++)
        if (site->groups[i].is_default && site->groups[i].site_code &&
            text_equal(site->groups[i].site_code, decision->default_group_site))
            enter_current(&ways[i], VIA_SITE_DEFAULT);
}

static bool find_current(struct decision *decision, const struct location_request *request,
                         struct way *ways)
{
    const struct site *site = request->site;
    bool any = false;
    for (size_t i = 0; i < site->group_count; i++)
        if (has_a_boundary(site, &site->groups[i], decision)) {
            enter_current(&ways[i], VIA_BOUNDARY);
            any = true;
        }
    return any;
}

static int by_minutes(const void *a, const void *b)
{
    const struct located_group *x = a, *y = b;
    bool x_current = x->from == MINUTES_NONE, y_current = y->from == MINUTES_NONE;
    if (x_current != y_current)
        return x_current ? -1 : 1;
    if (x->never != y->never)
        return x->never ? 1 : -1;
    if (x->minutes != y->minutes)
        return x->minutes < y->minutes ? -1 : 1;
    return (x->group->id > y->group->id) - (x->group->id < y->group->id);
}

static void list_groups(struct decision *decision, const struct site *site, struct way *ways)
{
    decision->groups = arena_zero(&decision->arena, site->group_count, sizeof *decision->groups);
    for (size_t i = 0; i < site->group_count; i++) {
        if (!ways[i].reached)
            continue;
        ways[i].located.group = &site->groups[i];
        decision->groups[decision->group_count++] = ways[i].located;
    }
    if (decision->group_count)
        qsort(decision->groups, decision->group_count, sizeof *decision->groups, by_minutes);
}

void location_find_groups(struct decision *decision, const struct location_request *request)
{
    const struct site *site = request->site;
    if (request->machine->internet)
        return; /* internet clients do not use boundaries for content */
    find_boundaries(decision, request);
    struct way *ways = mem_zero(site->group_count, sizeof *ways);
    if (find_current(decision, request, ways)) {
        for (size_t i = 0; i < site->group_count; i++)
            if (ways[i].current) {
                follow_rows(site, ways, &site->groups[i]);
                follow_defaults(site, ways, &site->groups[i]);
            }
    } else {
        use_default_group(decision, request, ways);
    }
    list_groups(decision, site, ways);
    free(ways);
}

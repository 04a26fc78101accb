/*
 * Boundaries of different groups that have machines in common: one sweep over sorted intervals.
 *
 * In order of their first address, all that overlap an interval and come after it lie together
 * right behind it; so it is told, and counted, how many of them are of other groups without
 * looking at each. A finding stands for one boundary and all later ones.
 *
 * A subnet's size is not stored. It overlaps what holds its network ID or the first address after
 * it, which are in it whatever its size; subnets overlap each other only where they are equal.
 */
#include "policy/check_machines.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define OTHERS_SHOWN 3

struct item {
    address_number first, last;
    size_t boundary; /* index into site.boundaries */
    size_t set;      /* which groups: equal numbers, equal groups */
    size_t rank;     /* among the items of its set */
    size_t next;     /* the next item of another set, or the end */
    bool is_subnet;
};

/* Items of one kind, in the order of the sweep. */
struct sweep {
    struct findings *findings;
    const struct check_row *row;
    const struct site *site;
    const struct check_memberships *memberships;
    struct check_machines *machines;
    size_t count;
    struct item *items;
    size_t *by_set;    /* indices of items: set by set, ascending */
    size_t *set_first; /* where a set's begin in by_set; and the end */
    size_t set_count;
};

/* ---- which groups ---- */

struct group_list {
    size_t boundary, count;
    const size_t *groups;
};

static int compare_lists(const struct group_list *a, const struct group_list *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    return memcmp(a->groups, b->groups, a->count * sizeof *a->groups);
}

static int by_groups(const void *a, const void *b)
{
    return compare_lists(a, b);
}

/* A boundary in one group has the group's number; equal lists of several have one number above
   these. Returns how many numbers there are. */
static size_t number_sets(const struct site *site, const struct check_memberships *memberships,
                          size_t *sets)
{
    struct group_list *lists = mem_zero(site->boundary_count, sizeof *lists);
    size_t count = 0, set = site->group_count;
    for (size_t i = 0; i < site->boundary_count; i++) {
        const size_t *groups = memberships->groups + memberships->first[i];
        size_t len = memberships->first[i + 1] - memberships->first[i];
        if (len > 1)
            lists[count++] = (struct group_list){i, len, groups};
        else if (len == 1)
            sets[i] = groups[0];
    }
    qsort(lists, count, sizeof *lists, by_groups);
    for (size_t i = 0; i < count; i++) {
        set += i > 0 && compare_lists(&lists[i - 1], &lists[i]) != 0;
        sets[lists[i].boundary] = set;
    }
    free(lists);
    return set + 1;
}

static const char *groups_text(const struct sweep *sweep, size_t boundary)
{
    struct policy *policy = sweep->findings->policy;
    const struct check_memberships *memberships = sweep->memberships;
    struct check_list list = {.count = 0};
    for (size_t i = memberships->first[boundary]; i < memberships->first[boundary + 1]; i++) {
        const char *name = sweep->site->groups[memberships->groups[i]].name;
        check_list_add(&list, arena_format(&policy->arena, "'%s'", check_short(policy, name)));
    }
    return check_list_text(policy, &list);
}

/* ---- the sweep ---- */

/* Ranges before subnets where both begin, the long before the short. */
static int by_first(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    if (left->first != right->first)
        return left->first < right->first ? -1 : 1;
    if (left->is_subnet != right->is_subnet)
        return left->is_subnet ? 1 : -1;
    if (left->last != right->last)
        return left->last > right->last ? -1 : 1;
    return (left->boundary > right->boundary) - (left->boundary < right->boundary);
}

/* Who follows whom in the sets; needs items in order. */
static void link_sets(struct sweep *sweep)
{
    sweep->by_set = mem_zero(sweep->count, sizeof *sweep->by_set);
    sweep->set_first = mem_zero(sweep->set_count + 1, sizeof *sweep->set_first);
    for (size_t i = 0; i < sweep->count; i++)
        sweep->items[i].rank = sweep->set_first[sweep->items[i].set + 1]++;
    for (size_t i = 0; i < sweep->set_count; i++)
        sweep->set_first[i + 1] += sweep->set_first[i];
    for (size_t i = 0; i < sweep->count; i++)
        sweep->by_set[sweep->set_first[sweep->items[i].set] + sweep->items[i].rank] = i;
    for (size_t i = sweep->count; i-- > 0;) {
        bool is_run = i + 1 < sweep->count && sweep->items[i].set == sweep->items[i + 1].set;
        sweep->items[i].next = is_run ? sweep->items[i + 1].next : i + 1;
    }
}

/* The end of those that come after the item and overlap it. */
static size_t find_end(const struct sweep *sweep, size_t at)
{
    const struct item *item = &sweep->items[at];
    size_t low = at + 1, high = sweep->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct item *other = &sweep->items[middle];
        /* Another subnet that begins within this one is another network. */
        bool is_beyond = other->first > item->last ||
                         (item->is_subnet && other->is_subnet && other->first > item->first);
        if (is_beyond)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* How many from `at` to the end are of other groups. */
static size_t count_others(const struct sweep *sweep, size_t at, size_t end)
{
    const struct item *item = &sweep->items[at];
    const size_t *own = sweep->by_set + sweep->set_first[item->set];
    size_t low = item->rank, high = sweep->set_first[item->set + 1] - sweep->set_first[item->set];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (own[middle] < end)
            low = middle + 1;
        else
            high = middle;
    }
    return end - at - (low - item->rank);
}

/* The first from `at` on that is not of these groups. */
static size_t skip_own(const struct sweep *sweep, size_t set, size_t at)
{
    return at < sweep->count && sweep->items[at].set == set ? sweep->items[at].next : at;
}

static const struct boundary *boundary_of(const struct sweep *sweep, const struct item *item)
{
    return &sweep->site->boundaries[item->boundary].boundary;
}

static address_number common_last(const struct item *a, const struct item *b)
{
    return a->last < b->last ? a->last : b->last;
}

/* `b` comes after `a`. */
static void count_machines(const struct sweep *sweep, const struct item *a, const struct item *b)
{
    const struct boundary *first = boundary_of(sweep, a), *second = boundary_of(sweep, b);
    if (first->type == BOUNDARY_AD_SITE)
        check_machines_in_site(sweep->machines, first->name);
    else if (a->is_subnet)
        check_machines_in_network(sweep->machines, a->first, b->is_subnet ? NULL : second);
    else if (b->is_subnet)
        check_machines_in_network(sweep->machines, b->first, first);
    else if (first->type != BOUNDARY_VPN)
        check_machines_in_interval(sweep->machines, b->first, common_last(a, b));
}

static const char *common_text(const struct sweep *sweep, const struct item *a,
                               const struct item *b)
{
    struct policy *policy = sweep->findings->policy;
    const struct boundary *boundary = boundary_of(sweep, a);
    char first[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN];
    if (boundary->type == BOUNDARY_AD_SITE || boundary->type == BOUNDARY_VPN)
        return "the same value";
    address_format(a->is_subnet ? a->first : b->first, first);
    if (a->is_subnet || b->is_subnet)
        return arena_format(&policy->arena, "subnet %s", first);
    address_format(common_last(a, b), last);
    return arena_format(&policy->arena, "%s-%s", first, last);
}

static const char *other_text(const struct sweep *sweep, const struct item *item,
                              const struct item *other)
{
    struct policy *policy = sweep->findings->policy;
    return arena_format(&policy->arena, "%s of %s (in common: %s)",
                        check_boundary_name(policy, &sweep->site->boundaries[other->boundary]),
                        groups_text(sweep, other->boundary), common_text(sweep, item, other));
}

static void add_overlap(struct sweep *sweep, size_t at, size_t end)
{
    struct policy *policy = sweep->findings->policy;
    const struct item *item = &sweep->items[at];
    struct check_list others = {.count = 0};
    check_machines_begin(sweep->machines);
    for (size_t i = item->next; i < end; i = skip_own(sweep, item->set, i + 1)) {
        if (others.count < OTHERS_SHOWN)
            check_list_add(&others, other_text(sweep, item, &sweep->items[i]));
        else if (check_machines_are_spent(sweep->machines))
            break;
        count_machines(sweep, item, &sweep->items[i]);
    }
    size_t count = others.count = count_others(sweep, at, end);
    bool is_vpn = boundary_of(sweep, item)->type == BOUNDARY_VPN;
    check_add(
        sweep->findings, sweep->row,
        check_boundary_name(policy, &sweep->site->boundaries[item->boundary]),
        "in %s, and overlaps %zu boundar%s of other groups: %s%s; a machine in both uses the "
        "distribution points of all these groups: separate the boundaries, or put them into the "
        "same groups",
        groups_text(sweep, item->boundary), count, count == 1 ? "y" : "ies",
        check_list_text(policy, &others), is_vpn ? "" : check_machines_text(sweep->machines));
}

static void run_sweep(struct sweep *sweep, struct item *items, size_t count)
{
    sweep->items = items;
    sweep->count = count;
    qsort(items, count, sizeof *items, by_first);
    link_sets(sweep);
    for (size_t i = 0; i < count; i++) {
        size_t end = find_end(sweep, i);
        if (items[i].next < end && check_has_room(sweep->findings))
            add_overlap(sweep, i, end);
    }
    free(sweep->by_set);
    free(sweep->set_first);
}

/* ---- what is swept ---- */

static bool is_in_group(const struct sweep *sweep, size_t boundary)
{
    const size_t *first = sweep->memberships->first;
    return first[boundary] < first[boundary + 1];
}

static void sweep_family(struct sweep *sweep, const size_t *sets, struct item *items, bool is_ipv4)
{
    size_t count = 0;
    for (size_t i = 0; i < sweep->site->boundary_count; i++) {
        const struct boundary *boundary = &sweep->site->boundaries[i].boundary;
        if (!is_in_group(sweep, i) || !check_may_hold(boundary) ||
            address_is_ipv4(boundary->first) != is_ipv4)
            continue;
        bool is_subnet = boundary->type == BOUNDARY_IP_SUBNET;
        items[count++] = (struct item){
            .first = boundary->first,
            .last = is_subnet ? boundary->first | 1 : boundary->last,
            .boundary = i,
            .set = sets[i],
            .is_subnet = is_subnet,
        };
    }
    run_sweep(sweep, items, count);
}

static int by_name(const void *a, const void *b)
{
    const struct site_boundary *left = *(const struct site_boundary *const *)a;
    const struct site_boundary *right = *(const struct site_boundary *const *)b;
    if (left->boundary.type != right->boundary.type)
        return left->boundary.type < right->boundary.type ? -1 : 1;
    return text_compare(left->boundary.value, right->boundary.value);
}

/* AD sites and VPN connections: equal names lie at one place of the sweep. */
static void sweep_names(struct sweep *sweep, const size_t *sets, struct item *items)
{
    const struct site *site = sweep->site;
    const struct site_boundary **named = mem_zero(site->boundary_count, sizeof *named);
    size_t count = 0;
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct boundary *boundary = &site->boundaries[i].boundary;
        bool is_vpn = boundary->type == BOUNDARY_VPN && boundary->vpn != BOUNDARY_VPN_OTHER;
        if (is_in_group(sweep, i) && (is_vpn || boundary->type == BOUNDARY_AD_SITE))
            named[count++] = &site->boundaries[i];
    }
    qsort(named, count, sizeof *named, by_name);
    address_number place = 0;
    for (size_t i = 0; i < count; i++) {
        size_t boundary = (size_t)(named[i] - site->boundaries);
        place += i > 0 && by_name(&named[i - 1], &named[i]) != 0;
        items[i] = (struct item){
            .first = place, .last = place, .boundary = boundary, .set = sets[boundary]};
    }
    free(named);
    run_sweep(sweep, items, count);
}

void check_boundary_overlap(struct findings *findings, const struct check_input *input,
                            const struct check_row *row)
{
    const struct site *site = input->site;
    struct check_memberships memberships;
    struct check_machines machines;
    check_memberships_read(&memberships, site);
    check_machines_init(&machines, site);
    size_t *sets = mem_zero(site->boundary_count, sizeof *sets);
    struct item *items = mem_zero(site->boundary_count, sizeof *items);
    struct sweep sweep = {
        .findings = findings,
        .row = row,
        .site = site,
        .memberships = &memberships,
        .machines = &machines,
        .set_count = number_sets(site, &memberships, sets),
    };
    sweep_family(&sweep, sets, items, true);
    sweep_family(&sweep, sets, items, false);
    sweep_names(&sweep, sets, items);
    free(items);
    free(sets);
    check_machines_free(&machines);
    check_memberships_free(&memberships);
}

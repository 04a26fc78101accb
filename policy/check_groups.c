/* What a reviewer finds in boundary groups: what is missing in them, and equal names. */
#include "policy/check_rules.h"

#include "policy/base/text.h"

#include <stdlib.h>

#define WORKSTATION_CONNECTIONS 20 /* what Windows grants on a workstation */

static bool is_leftover(const struct site_group *group)
{
    return !group->is_default && group->boundary_count == 0 &&
           text_ends_with(group->name, "-Slow-Tmp");
}

/* The way out of a group that joins first and leads to a distribution point, or NULL. */
static const struct site_relationship *find_way_out(const struct site *site,
                                                    const struct site_group *group)
{
    const struct site_relationship *best = NULL;
    for (size_t i = site_first_relationship(site, group->id);
         i < site->relationship_count && site->relationships[i].source == group->id; i++) {
        const struct site_relationship *way = &site->relationships[i];
        const struct site_group *to = site_find_group(site, way->destination);
        bool leads = to && to != group && to->dp_count && way->minutes >= 0;
        if (leads && (!best || way->minutes < best->minutes))
            best = way;
    }
    return best;
}

static void add_no_dp(struct findings *findings, const struct check_input *input,
                      const struct check_row *row, const struct site_group *group)
{
    struct policy *policy = input->policy;
    const char *object = check_group_name(policy, group);
    const struct site_relationship *way =
        check_current_rules(input->site) ? find_way_out(input->site, group) : NULL;
    if (group->is_default)
        check_add(findings, row, object,
                  "has no distribution point: machines of its site in no boundary find nothing, "
                  "and no group falls back to it: add one, if such machines shall have content");
    else if (way)
        check_add(
            findings, row, object,
            "has no distribution point: its machines find nothing before the neighbor '%s' joins "
            "after %lld minutes: add a distribution point, or let it join earlier",
            check_short(policy, site_find_group(input->site, way->destination)->name),
            (long long)way->minutes);
    else
        check_add(findings, row, object,
                  "has no distribution point, and no relationship leads to a group that has one: "
                  "add a distribution point or a relationship");
}

void check_group_no_dp(struct findings *findings, const struct check_input *input,
                       const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->group_count; i++)
        if (site->groups[i].dp_count == 0 && check_has_room(findings))
            add_no_dp(findings, input, row, &site->groups[i]);
}

/* How many relationships that are open lead to each group from another one. */
static size_t *count_ways_in(const struct site *site)
{
    size_t *ways = mem_zero(site->group_count, sizeof *ways);
    for (size_t i = 0; i < site->relationship_count; i++) {
        const struct site_relationship *way = &site->relationships[i];
        const struct site_group *to = site_find_group(site, way->destination);
        if (to && way->source != way->destination && way->minutes >= 0)
            ways[to - site->groups]++;
    }
    return ways;
}

void check_group_no_boundary(struct findings *findings, const struct check_input *input,
                             const struct check_row *row)
{
    const struct site *site = input->site;
    size_t *ways = count_ways_in(site);
    for (size_t i = 0; i < site->group_count; i++) {
        const struct site_group *group = &site->groups[i];
        if (group->boundary_count || group->is_default || is_leftover(group) ||
            !check_has_room(findings))
            continue;
        const char *object = check_group_name(input->policy, group);
        if (ways[i] && check_current_rules(site))
            check_add(findings, row, object,
                      "has no boundary: no machine stands in it, and it serves only as a neighbor "
                      "of %zu group%s: right if that is meant, else add its boundaries",
                      ways[i], ways[i] == 1 ? "" : "s");
        else
            check_add(findings, row, object,
                      "has no boundary, and no relationship leads to it: it serves no machine: add "
                      "its boundaries, or delete it");
    }
    free(ways);
}

void check_upgrade_leftover(struct findings *findings, const struct check_input *input,
                            const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->group_count; i++)
        if (is_leftover(&site->groups[i]) && check_has_room(findings))
            check_add(findings, row, check_group_name(input->policy, &site->groups[i]),
                      "the upgrade to version 1610 made it for servers whose connection was slow; "
                      "it has no boundary: move its servers to a group that is meant, and delete "
                      "it with its relationships");
}

/* How many connections the workstations grant together; 0: another one is there too, or none. */
static int64_t count_connections(const struct site *site, const struct site_group *group)
{
    int64_t connections = 0;
    for (size_t i = 0; i < group->dp_count; i++) {
        const struct site_dp *dp = &site->dps[group->dps[i]];
        if (dp->kind != DP_WORKSTATION)
            return 0;
        connections += dp->max_connections ? dp->max_connections : WORKSTATION_CONNECTIONS;
    }
    return connections;
}

void check_workstation_only(struct findings *findings, const struct check_input *input,
                            const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->group_count; i++) {
        const struct site_group *group = &site->groups[i];
        int64_t connections = count_connections(site, group);
        if (!connections || !check_has_room(findings))
            continue;
        struct check_list names = {.count = 0};
        for (size_t j = 0; j < group->dp_count; j++)
            check_list_add(&names, site->dps[group->dps[j]].name);
        check_add(findings, row, check_group_name(input->policy, group),
                  "its only sources are workstations, which serve %lld connections at once: %s: "
                  "add a distribution point on a server",
                  (long long)connections, check_list_text(input->policy, &names));
    }
}

/* ---- equal names ---- */

static int by_name(const void *a, const void *b)
{
    const struct site_group *left = *(const struct site_group *const *)a;
    const struct site_group *right = *(const struct site_group *const *)b;
    int order = text_compare(left->name, right->name);
    return order ? order : (left > right) - (left < right);
}

void check_duplicate_name(struct findings *findings, const struct check_input *input,
                          const struct check_row *row)
{
    const struct site *site = input->site;
    const struct site_group **order = mem_zero(site->group_count, sizeof *order);
    for (size_t i = 0; i < site->group_count; i++)
        order[i] = &site->groups[i];
    qsort(order, site->group_count, sizeof *order, by_name);
    for (size_t i = 0, next; i < site->group_count; i = next) {
        struct check_list others = {.count = 0};
        for (next = i + 1; next < site->group_count; next++) {
            if (!text_equal(order[i]->name, order[next]->name))
                break;
            check_list_add_id(&others, order[next]->id);
        }
        if (next - i > 1)
            check_add(findings, row, check_group_name(input->policy, order[i]),
                      "%zu boundary groups have this name, also %s; a site allows it once: the "
                      "export mixes sites or ages: export again, or rename",
                      next - i, check_list_text(input->policy, &others));
    }
    free(order);
}

/* ---- default groups ---- */

void check_no_default_group(struct findings *findings, const struct check_input *input,
                            const struct check_row *row)
{
    const struct site *site = input->site;
    bool is_empty = site->group_count + site->dp_count + site->boundary_count == 0;
    for (size_t i = 0; i < site->group_count; i++)
        if (site->groups[i].is_default)
            return;
    if (!is_empty && check_current_rules(site))
        check_add(findings, row, "policy",
                  "has no default site boundary group, so a machine in no boundary finds nothing, "
                  "and no group falls back to one: export SMS_DefaultBoundaryGroup");
}

void check_default_group_no_site(struct findings *findings, const struct check_input *input,
                                 const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->group_count; i++)
        if (site->groups[i].is_default && !site->groups[i].site_code && check_has_room(findings))
            check_add(findings, row, check_group_name(input->policy, &site->groups[i]),
                      "is a default group of no known site, so no machine in no boundary uses it: "
                      "name it Default-Site-Boundary-Group<CODE>, or set DefaultSiteCode");
}

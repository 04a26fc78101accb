/* What a reviewer finds in relationships, and in rows that join to nothing. */
#include "policy/check_rules.h"

#include "policy/base/text.h"

#include <stdlib.h>

#define DP_ROLE "SMS Distribution Point"

/* "'London'", or "group 99" where the policy has none. */
static const char *end_name(const struct check_input *input, int64_t id)
{
    const struct site_group *group = site_find_group(input->site, id);
    struct arena *arena = &input->policy->arena;
    return group ? arena_format(arena, "'%s'", check_short(input->policy, group->name))
                 : arena_format(arena, "group %lld", (long long)id);
}

static const char *link_name(const struct check_input *input, const struct site_relationship *link)
{
    return arena_format(&input->policy->arena, "relationship from %s to %s",
                        end_name(input, link->source), end_name(input, link->destination));
}

void check_relationship_no_dp(struct findings *findings, const struct check_input *input,
                              const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->relationship_count; i++) {
        const struct site_relationship *link = &site->relationships[i];
        const struct site_group *to = site_find_group(site, link->destination);
        bool is_idle = to && to->dp_count == 0 && link->source != link->destination &&
                       link->minutes >= 0 && site_find_group(site, link->source);
        if (is_idle && check_has_room(findings))
            check_add(findings, row, link_name(input, link),
                      "adds nothing after its %lld minutes: the group it leads to has no "
                      "distribution point, and neighbors of neighbors do not count: add one "
                      "there, or set content to never",
                      (long long)link->minutes);
    }
}

void check_relationship_no_group(struct findings *findings, const struct check_input *input,
                                 const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->relationship_count; i++) {
        const struct site_relationship *link = &site->relationships[i];
        bool is_whole =
            site_find_group(site, link->source) && site_find_group(site, link->destination);
        if (!is_whole && check_has_room(findings))
            check_add(findings, row, link_name(input, link),
                      "the policy has no such group, so that nothing comes of the row at %s: "
                      "export SMS_BoundaryGroup and SMS_DefaultBoundaryGroup again, all of one age",
                      instance_where(input->policy, link->instance));
    }
}

void check_relationship_self(struct findings *findings, const struct check_input *input,
                             const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->relationship_count; i++) {
        const struct site_relationship *link = &site->relationships[i];
        const struct site_group *group = site_find_group(site, link->source);
        if (link->source == link->destination && group && !group->is_default &&
            check_has_room(findings))
            check_add(findings, row, link_name(input, link),
                      "only a default group has a relationship to itself, which is its own "
                      "behavior: this one decides nothing: delete it");
    }
}

void check_default_behavior_zero(struct findings *findings, const struct check_input *input,
                                 const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->relationship_count; i++) {
        const struct site_relationship *link = &site->relationships[i];
        const struct site_group *group = site_find_group(site, link->source);
        if (link->source == link->destination && group && group->is_default && link->says_minutes &&
            link->minutes == 0 && check_has_room(findings))
            check_add(findings, row, check_group_name(input->policy, group),
                      "its default behavior is 0 minutes, taken as at once here; some tools show "
                      "it as never: set 1 minute, or never, which is -1");
    }
}

/* ---- rows that join to nothing ---- */

static void add_members(struct findings *findings, const struct check_input *input,
                        const struct check_row *row, const struct site_row *members, size_t count)
{
    struct policy *policy = input->policy;
    const struct site_group *group = site_find_group(input->site, members->number[0]);
    const char *where = instance_where(policy, members->instance);
    struct check_list ids = {.count = 0};
    for (size_t i = 0; i < count; i++)
        check_list_add_id(&ids, members[i].number[1]);
    const char *list = check_list_text(policy, &ids);
    if (group)
        check_add(findings, row, check_group_name(policy, group),
                  "boundaries are its members that the policy does not have, %zu in all: %s (%s): "
                  "export SMS_Boundary and SMS_BoundaryGroupMembers again, both of one age",
                  count, list, where);
    else
        check_add(
            findings, row,
            arena_format(&policy->arena, "boundary group %lld", (long long)members->number[0]),
            "boundaries are in this group, which the policy does not have, %zu in all: %s (%s): "
            "export SMS_BoundaryGroup and SMS_DefaultBoundaryGroup again",
            count, list, where);
}

static int by_group(const void *a, const void *b)
{
    const struct site_row *left = *(const struct site_row *const *)a;
    const struct site_row *right = *(const struct site_row *const *)b;
    if (left->number[0] != right->number[0])
        return left->number[0] < right->number[0] ? -1 : 1;
    return (left > right) - (left < right);
}

static const char *server_name(struct policy *policy, const struct site_row *server)
{
    const char *host = site_nal_host(policy, server->text[0]);
    return check_short(policy, host ? host : server->text[0]);
}

static void add_servers(struct findings *findings, const struct check_input *input,
                        const struct check_row *row, const struct site_row *const *servers,
                        size_t count)
{
    struct policy *policy = input->policy;
    struct check_list names = {.count = 0};
    for (size_t i = 0; i < count; i++)
        check_list_add(&names, server_name(policy, servers[i]));
    check_add(
        findings, row,
        arena_format(&policy->arena, "boundary group %lld", (long long)servers[0]->number[0]),
        "servers are in this group, which the policy does not have, %zu in all: %s (%s): export "
        "SMS_BoundaryGroup and SMS_DefaultBoundaryGroup again",
        count, check_list_text(policy, &names), instance_where(policy, servers[0]->instance));
}

void check_member_missing(struct findings *findings, const struct check_input *input,
                          const struct check_row *row)
{
    const struct site *site = input->site;
    const struct site_rows *members = &site->tables->lost_members;
    for (size_t i = 0, next; i < members->count; i = next) {
        for (next = i + 1; next < members->count; next++)
            if (members->rows[next].number[0] != members->rows[i].number[0])
                break;
        if (check_has_room(findings))
            add_members(findings, input, row, members->rows + i, next - i);
    }
    const struct site_rows *servers = &site->tables->lost_servers;
    const struct site_row **order = mem_zero(servers->count, sizeof *order);
    size_t count = 0;
    for (size_t i = 0; i < servers->count; i++)
        if (!site_find_group(site, servers->rows[i].number[0]))
            order[count++] = &servers->rows[i];
    qsort(order, count, sizeof *order, by_group);
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count; next++)
            if (order[next]->number[0] != order[i]->number[0])
                break;
        if (check_has_room(findings))
            add_servers(findings, input, row, order + i, next - i);
    }
    free(order);
}

/* Servers of other roles are in groups too. */
void check_dp_missing(struct findings *findings, const struct check_input *input,
                      const struct check_row *row)
{
    const struct site *site = input->site;
    const struct site_rows *servers = &site->tables->lost_servers;
    for (size_t i = 0; i < servers->count; i++) {
        const struct site_row *server = &servers->rows[i];
        const struct site_group *group = site_find_group(site, server->number[0]);
        if (group && !site_dp_by_nal_path(site, server->text[0]) &&
            site_rows_find(&site->tables->resources, server->text[0], DP_ROLE) &&
            check_has_room(findings))
            check_add(findings, row, check_group_name(input->policy, group),
                      "its server %s is a distribution point by SMS_SystemResourceList, but the "
                      "policy has no SMS_DistributionPointInfo of it, so no machine is sent there: "
                      "export that class again",
                      server_name(input->policy, server));
    }
}

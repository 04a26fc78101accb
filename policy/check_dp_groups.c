/* What a reviewer finds of distribution point groups. */
#include "policy/check_rules.h"

#include "policy/base/text.h"

#include <stdlib.h>

#define NAMED_MAX 8 /* at least what a list shows: who lacks 10,000 is not told each */

/* ---- contents that a member lacks ---- */

/* One DP group while it is looked at. `have` is by DP of the site, and zero between groups. */
struct roll {
    const struct site_dp_group *group;
    const struct site_pair_package **packages; /* of the group, NULL where the policy has no row */
    size_t *have;                              /* how many of them a DP has */
    bool *is_member;
};

static bool is_there(const struct site_pair *pair)
{
    static const struct site_content any_version = {.kind = CONTENT_PACKAGE};
    return pair && site_judge_presence(&any_version, pair->state, pair->version) != PRESENCE_NO;
}

/* Whichever is less: the package's DPs, or the group's members looked up among them. */
static void call(struct roll *roll, const struct site_pair_package *package)
{
    const struct site_dp_group *group = roll->group;
    if (group->dp_count < package->count / 16) {
        for (size_t i = 0; i < group->dp_count; i++)
            roll->have[group->dps[i]] += is_there(site_pair_on(package, group->dps[i]));
        return;
    }
    for (size_t i = 0; i < package->count; i++)
        if (roll->is_member[package->pairs[i].dp])
            roll->have[package->pairs[i].dp] += is_there(&package->pairs[i]);
}

static void add_lacking(struct findings *findings, const struct check_input *input,
                        const struct check_row *row, const struct roll *roll, size_t dp)
{
    struct policy *policy = input->policy;
    const struct site_dp_group *group = roll->group;
    size_t lacking = group->package_count - roll->have[dp];
    struct check_list list = {0};
    for (size_t i = 0; i < group->package_count && list.count < NAMED_MAX; i++) {
        const struct site_pair *pair =
            roll->packages[i] ? site_pair_on(roll->packages[i], dp) : NULL;
        if (!is_there(pair))
            check_list_add(&list, arena_format(&policy->arena, "%s (%s)", group->packages[i],
                                               check_pair_words(policy, pair)));
    }
    list.count = lacking;
    bool rules_2007 = input->site->rules && text_equal(input->site->rules, "2007");
    check_add(findings, row, check_dp_group_name(policy, group),
              "its member '%s' lacks %zu of its %zu contents: %s; %s", input->site->dps[dp].name,
              lacking, group->package_count, check_list_text(policy, &list),
              rules_2007
                  ? "under the 2007 rules a group does not send earlier contents to a new "
                    "member: distribute them to it"
                  : "a group sends its contents to a new member by itself, so the "
                    "distribution is pending or failed: look into its status, and distribute "
                    "them again");
}

static void call_roll(struct findings *findings, const struct check_input *input,
                      const struct check_row *row, struct roll *roll)
{
    const struct site_pairs *pairs = check_pairs(findings, input);
    const struct site_dp_group *group = roll->group;
    roll->packages = mem_zero(group->package_count, sizeof *roll->packages);
    for (size_t i = 0; i < group->dp_count; i++)
        roll->is_member[group->dps[i]] = true;
    for (size_t i = 0; i < group->package_count; i++)
        if ((roll->packages[i] = site_pairs_find(pairs, group->packages[i])))
            call(roll, roll->packages[i]);
    for (size_t i = 0; i < group->dp_count; i++) {
        size_t dp = group->dps[i];
        if (roll->have[dp] < group->package_count && check_has_room(findings))
            add_lacking(findings, input, row, roll, dp);
        roll->have[dp] = 0;
        roll->is_member[dp] = false;
    }
    free(roll->packages);
}

void check_dp_group_new_member(struct findings *findings, const struct check_input *input,
                               const struct check_row *row)
{
    const struct site *site = input->site;
    if (!check_knows_presence(input))
        return;
    struct roll roll = {
        .have = mem_zero(site->dp_count, sizeof *roll.have),
        .is_member = mem_zero(site->dp_count, sizeof *roll.is_member),
    };
    for (size_t i = 0; i < site->dp_group_count; i++) {
        roll.group = &site->dp_groups[i];
        call_roll(findings, input, row, &roll);
    }
    free(roll.have);
    free(roll.is_member);
}

/* ---- members that share no clients ---- */

/* Which boundary groups each DP is in: those of DP d are groups[first[d]] to groups[first[d + 1]].
 */
struct services {
    size_t *first, *groups;
};

static void read_services(struct services *services, const struct site *site)
{
    size_t *first = mem_zero(site->dp_count + 1, sizeof *first), total = 0;
    for (size_t i = 0; i < site->group_count; i++)
        for (size_t j = 0; j < site->groups[i].dp_count; j++)
            first[site->groups[i].dps[j]]++;
    for (size_t i = 0; i <= site->dp_count; i++) {
        total += first[i];
        first[i] = total;
    }
    /* Filled from behind, so that each `first` ends where its own groups begin. */
    size_t *groups = mem_zero(total, sizeof *groups);
    for (size_t i = 0; i < site->group_count; i++)
        for (size_t j = 0; j < site->groups[i].dp_count; j++)
            groups[--first[site->groups[i].dps[j]]] = i;
    *services = (struct services){first, groups};
}

/* Is there a boundary group with all members? `seen` is by boundary group: how many members were
   in it, all those before included, and *base more than any of it; neither is ever reset. */
static bool share_clients(const struct services *services, const struct site_dp_group *group,
                          size_t *seen, size_t *base)
{
    bool any = true;
    for (size_t i = 0; any && i < group->dp_count; i++) {
        size_t dp = group->dps[i];
        any = false;
        for (size_t at = services->first[dp]; at < services->first[dp + 1]; at++) {
            size_t *mine = &seen[services->groups[at]];
            if (i > 0 && *mine != *base + i)
                continue;
            *mine = *base + i + 1;
            any = true;
        }
    }
    *base += group->dp_count + 1;
    return any;
}

void check_dp_group_not_balance(struct findings *findings, const struct check_input *input,
                                const struct check_row *row)
{
    const struct site *site = input->site;
    struct services services;
    size_t *seen = mem_zero(site->group_count, sizeof *seen), base = 0;
    read_services(&services, site);
    for (size_t i = 0; site->group_count && i < site->dp_group_count; i++) {
        const struct site_dp_group *group = &site->dp_groups[i];
        if (group->dp_count > 1 && !share_clients(&services, group, seen, &base))
            check_add(findings, row, check_dp_group_name(input->policy, group),
                      "its %zu members are together in no boundary group: a distribution point "
                      "group shares distribution, not client load, and no machine chooses among "
                      "them by it; to share load, put distribution points into one boundary group",
                      group->dp_count);
    }
    free(seen);
    free(services.first);
    free(services.groups);
}

/* ---- rows ---- */

void check_dp_group_empty(struct findings *findings, const struct check_input *input,
                          const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->dp_group_count; i++) {
        const struct site_dp_group *group = &site->dp_groups[i];
        if (group->member_rows == 0)
            check_add(findings, row, check_dp_group_name(input->policy, group),
                      "it has no members, so its contents (%zu) go nowhere; give it members, or "
                      "remove it",
                      group->package_count);
    }
}

static const struct site_dp_group *find_group(const struct site *site, const char *id)
{
    size_t low = 0, high = site->dp_group_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(site->dp_groups[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < site->dp_group_count && text_equal(site->dp_groups[low].id, id);
    return found ? &site->dp_groups[low] : NULL;
}

/* What a whole class would be missing for is another finding. */
static void add_lost(struct findings *findings, const struct check_input *input,
                     const struct check_row *row, const struct site_rows *lost, const char *what,
                     bool others_known)
{
    const struct site *site = input->site;
    struct policy *policy = input->policy;
    for (size_t i = 0; i < lost->count; i++) {
        const struct site_row *found = &lost->rows[i];
        const struct site_dp_group *group = find_group(site, found->text[0]);
        if (!(group ? others_known : site->dp_group_count) || !check_has_room(findings))
            continue;
        const char *object = group ? check_dp_group_name(policy, group)
                                   : arena_format(&policy->arena, "distribution point group %s",
                                                  check_short(policy, found->text[0]));
        const char *points_to = found->text[1] ? check_short(policy, found->text[1]) : "nothing";
        if (group)
            check_add(findings, row, object, "the policy has no %s %s that it names (%s)", what,
                      points_to, instance_where(policy, found->instance));
        else
            check_add(findings, row, object,
                      "the policy has no such group, but the %s %s in it (%s)", what, points_to,
                      instance_where(policy, found->instance));
    }
}

void check_dp_group_missing(struct findings *findings, const struct check_input *input,
                            const struct check_row *row)
{
    const struct site *site = input->site;
    add_lost(findings, input, row, &site->tables->lost_dp_members, "member", site->dp_count > 0);
    add_lost(findings, input, row, &site->tables->lost_dp_packages, "content",
             site->content_count > 0);
}

static void add_count(struct findings *findings, const struct check_input *input,
                      const struct check_row *row, const struct site_dp_group *group,
                      const char *property, const char *class_name, size_t rows)
{
    int64_t said = -1;
    instance_get_int(group->instance, property, 0, UINT32_MAX, &said, NULL);
    if (said >= 0 && (uint64_t)said != rows)
        check_add(findings, row, check_dp_group_name(input->policy, group),
                  "its %s is %lld, and the policy counts %zu in its rows of %s: the export is not "
                  "whole, or not of one moment; export it again",
                  property, (long long)said, rows, class_name);
}

void check_dp_group_count(struct findings *findings, const struct check_input *input,
                          const struct check_row *row)
{
    const struct site *site = input->site;
    size_t members = 0, packages = 0;
    for (size_t i = 0; i < site->dp_group_count; i++) {
        members += site->dp_groups[i].member_rows;
        packages += site->dp_groups[i].package_rows;
    }
    for (size_t i = 0; i < site->dp_group_count; i++) {
        const struct site_dp_group *group = &site->dp_groups[i];
        if (members)
            add_count(findings, input, row, group, "MemberCount", "SMS_DPGroupMembers",
                      group->member_rows);
        if (packages)
            add_count(findings, input, row, group, "ContentCount", "SMS_DPGroupPackages",
                      group->package_rows);
    }
}

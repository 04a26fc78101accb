/* What a reviewer finds in distribution points: who reaches them, and what is not known of them. */
#include "policy/check_rules.h"

#include "policy/base/text.h"

#include <stdlib.h>

/* What the groups make of each DP. */
struct reach {
    bool in_group;
    bool by_boundary; /* a group of it has a boundary */
    bool by_default;  /* a default group has it */
};

static struct reach *find_reach(const struct site *site)
{
    struct reach *reach = mem_zero(site->dp_count, sizeof *reach);
    for (size_t i = 0; i < site->group_count; i++) {
        const struct site_group *group = &site->groups[i];
        for (size_t j = 0; j < group->dp_count; j++) {
            struct reach *of = &reach[group->dps[j]];
            of->in_group = true;
            of->by_boundary = of->by_boundary || group->boundary_count > 0;
            of->by_default = of->by_default || group->is_default;
        }
    }
    return reach;
}

static const char *dp_name(const struct check_input *input, const struct site_dp *dp)
{
    return arena_format(&input->policy->arena, "distribution point %s", dp->name);
}

/* Is it right that it is in no group? Internet machines use no groups; before 1610 an unprotected
   one serves machines outside of its groups too. */
static bool needs_no_group(const struct site *site, const struct site_dp *dp)
{
    bool internet_only = dp->internet_facing && dp->internet_shared == 0;
    return site_is_cloud(dp) || internet_only || (!check_current_rules(site) && !dp->is_protected);
}

void check_dp_no_group(struct findings *findings, const struct check_input *input,
                       const struct check_row *row)
{
    const struct site *site = input->site;
    struct reach *reach = find_reach(site);
    for (size_t i = 0; i < site->dp_count; i++) {
        const struct site_dp *dp = &site->dps[i];
        if (!reach[i].in_group && !needs_no_group(site, dp) && check_has_room(findings))
            check_add(findings, row, dp_name(input, dp),
                      "in no boundary group, so it serves no intranet machine: add it to a group");
    }
    free(reach);
}

void check_protected_unreached(struct findings *findings, const struct check_input *input,
                               const struct check_row *row)
{
    const struct site *site = input->site;
    struct reach *reach = find_reach(site);
    for (size_t i = 0; i < site->dp_count; i++) {
        const struct site_dp *dp = &site->dps[i];
        bool is_reached =
            reach[i].by_boundary || (check_current_rules(site) && reach[i].by_default);
        if (dp->is_protected && !site_is_cloud(dp) && !is_reached && check_has_room(findings))
            check_add(findings, row, dp_name(input, dp),
                      "protected, and %s, so it is the near one of no machine: add the boundaries "
                      "that it is for to a group of it",
                      reach[i].in_group ? "no group of it has a boundary" : "in no boundary group");
    }
    free(reach);
}

/* DPs are sorted by name. */
void check_dp_twice(struct findings *findings, const struct check_input *input,
                    const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0, next; i < site->dp_count; i = next) {
        struct check_list paths = {.count = 0};
        for (next = i + 1; next < site->dp_count; next++)
            if (!text_equal(site->dps[i].name, site->dps[next].name))
                break;
        if (next - i < 2 || !check_has_room(findings))
            continue;
        for (size_t j = i; j < next; j++)
            check_list_add(&paths, check_short(input->policy, site->dps[j].nal_path));
        check_add(findings, row, dp_name(input, &site->dps[i]),
                  "%zu distribution points have this host, and a host is one: %s: delete the one "
                  "that is gone, and export again",
                  next - i, check_list_text(input->policy, &paths));
    }
}

void check_dp_address_unknown(struct findings *findings, const struct check_input *input,
                              const struct check_row *row)
{
    const struct site *site = input->site;
    struct check_list unknown = {.count = 0};
    for (size_t i = 0; i < site->dp_count; i++) {
        if (site_lacks_address(&site->dps[i]))
            check_list_add(&unknown, site->dps[i].name);
    }
    size_t count = unknown.count;
    if (count)
        check_add(findings, row, "distribution points",
                  "no address is known of %zu: %s: whether a machine is in their subnet cannot be "
                  "told: export their SMS_R_System, or name Addresses in NP_DistributionPoint",
                  count, check_list_text(input->policy, &unknown));
}

void check_internet_sharing_unknown(struct findings *findings, const struct check_input *input,
                                    const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->dp_count; i++) {
        const struct site_dp *dp = &site->dps[i];
        if (dp->internet_facing && !site_is_cloud(dp) && dp->internet_shared < 0 &&
            check_has_room(findings))
            check_add(findings, row, dp_name(input, dp),
                      "internet-facing; whether intranet machines use it too is not known, and "
                      "taken as yes: export SMS_SystemResourceList, which has InternetShared");
    }
}

void check_internet_no_https(struct findings *findings, const struct check_input *input,
                             const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->dp_count; i++) {
        const struct site_dp *dp = &site->dps[i];
        if (dp->internet_facing && !site_is_cloud(dp) && !dp->https && check_has_room(findings))
            check_add(findings, row, dp_name(input, dp),
                      "internet-facing over HTTP; internet machines use HTTPS alone, so it serves "
                      "none of them: set it to HTTPS, or to intranet only");
    }
}

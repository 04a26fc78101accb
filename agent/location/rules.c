/*
 * The three rule sets: each a table of what excludes a distribution point, in the contract's order.
 * The first row that does stands. Sources: configmgr-facts 3.3 and 3.5, configmgr-sdk 2.1 and 5,
 * and the policy model; nearpoint-policy(5) has the tables in words.
 */
#include "agent/location/internal.h"

#define METERED_ALLOW 1
#define METERED_LIMIT 2

typedef const struct judging judging_t;
typedef const struct candidate candidate_t;

static bool is_cloud(candidate_t *candidate)
{
    return site_is_cloud(candidate->dp);
}

static bool on_internet(judging_t *judging)
{
    return judging->request->machine->internet;
}

/* A content library on a path of this machine: no network leads to it. */
static bool is_own_library(judging_t *judging, candidate_t *candidate)
{
    return candidate->dp->kind == DP_LIBRARY &&
           location_same_computer(candidate->dp, judging->request->machine);
}

/* ---- the DP itself, settings and network ---- */

static bool scheme_is_unsupported(judging_t *judging, candidate_t *candidate)
{
    const char *root;
    const struct site_dp *dp = candidate->dp;
    if (dp->kind != DP_LIBRARY)
        return !dp->scheme_supported;
    return site_judge_library(dp, &judging->request->library_roots, &root) != LIBRARY_PATH_ALLOWED;
}

static bool is_in_maintenance(judging_t *judging, candidate_t *candidate)
{
    (void)judging;
    return candidate->dp->maintenance;
}

static bool cloud_is_forbidden(judging_t *judging, candidate_t *candidate)
{
    return is_cloud(candidate) && !judging->request->settings->value[SETTING_ALLOW_CLOUD_DP];
}

static bool metered_is_forbidden(judging_t *judging, candidate_t *candidate)
{
    const struct location_request *request = judging->request;
    int64_t usage = request->settings->value[SETTING_METERED_NETWORK_USAGE];
    if (!request->machine->metered || is_own_library(judging, candidate) || usage == METERED_ALLOW)
        return false;
    return usage != METERED_LIMIT || !request->deployment.metered;
}

static bool serves_internet_only(judging_t *judging, candidate_t *candidate)
{
    const struct site_dp *dp = candidate->dp;
    return !on_internet(judging) && !is_cloud(candidate) && dp->internet_facing &&
           dp->internet_shared == 0;
}

static bool serves_intranet_only(judging_t *judging, candidate_t *candidate)
{
    const struct site_dp *dp = candidate->dp;
    return on_internet(judging) && !is_cloud(candidate) && !is_own_library(judging, candidate) &&
           (!dp->internet_facing || !dp->https);
}

/* ---- 2007 ---- */

static bool is_of_other_site(judging_t *judging, candidate_t *candidate)
{
    return !on_internet(judging) && !candidate->serves;
}

static bool is_protected_from_machine(judging_t *judging, candidate_t *candidate)
{
    return !on_internet(judging) && candidate->dp->is_protected && candidate->group_count == 0;
}

static bool is_hidden(judging_t *judging, candidate_t *candidate)
{
    const struct location_request *request = judging->request;
    return judging->decision->hiding && !candidate->dp->is_protected &&
           (!request->deployment.fallback || candidate->minutes > request->minutes);
}

/* Remote at all, or unprotected beside a protected one that has not got the content. */
static bool remote_is_forbidden_2007(judging_t *judging, candidate_t *candidate)
{
    const struct location_deployment *deployment = &judging->request->deployment;
    if (on_internet(judging))
        return false;
    return (!candidate->is_local && !location_deployment_remote(deployment)) ||
           (location_is_fallback(judging, candidate) && !deployment->fallback);
}

/* ---- 2012 ---- */

static bool is_protected_2012(judging_t *judging, candidate_t *candidate)
{
    return location_is_fallback(judging, candidate) && !location_allows_fallback(candidate->dp);
}

static bool fallback_is_forbidden_2012(judging_t *judging, candidate_t *candidate)
{
    return location_is_fallback(judging, candidate) && !judging->request->deployment.fallback;
}

static bool slow_is_forbidden(judging_t *judging, candidate_t *candidate)
{
    bool is_slow = candidate->group_count ? candidate->slow_everywhere && !is_cloud(candidate)
                                          : location_is_fallback(judging, candidate);
    return is_slow && !location_deployment_remote(&judging->request->deployment);
}

/* ---- current ---- */

static bool is_in_no_group(judging_t *judging, candidate_t *candidate)
{
    (void)judging;
    return candidate->way_code == EXCLUDED_NOT_IN_GROUP;
}

static bool fallback_is_never(judging_t *judging, candidate_t *candidate)
{
    (void)judging;
    return candidate->way_code == EXCLUDED_FALLBACK_NEVER;
}

static bool remote_is_forbidden(judging_t *judging, candidate_t *candidate)
{
    (void)judging;
    return candidate->way_code == EXCLUDED_REMOTE_NOT_ALLOWED;
}

static bool default_group_is_forbidden(judging_t *judging, candidate_t *candidate)
{
    (void)judging;
    return candidate->way_code == EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED;
}

static bool fallback_is_not_due(judging_t *judging, candidate_t *candidate)
{
    return candidate->minutes > judging->request->minutes;
}

/* ---- the content ---- */

static bool is_on_demand(judging_t *judging, candidate_t *candidate)
{
    return is_cloud(candidate) && judging->request->deployment.on_demand;
}

static bool is_run_from_dp(judging_t *judging, candidate_t *candidate)
{
    return is_cloud(candidate) && judging->request->deployment.run_from_dp;
}

static bool has_no_content(judging_t *judging, candidate_t *candidate)
{
    (void)judging;
    return candidate->presence.presence == PRESENCE_NO;
}

static bool has_old_version(judging_t *judging, candidate_t *candidate)
{
    (void)judging;
    return candidate->presence.presence == PRESENCE_OLD;
}

static bool has_newer_version(judging_t *judging, candidate_t *candidate)
{
    (void)judging;
    return candidate->presence.presence == PRESENCE_NEWER;
}

/* clang-format off */
#define OF_THE_DP                                             \
    {EXCLUDED_UNSUPPORTED_SCHEME, scheme_is_unsupported},     \
    {EXCLUDED_MAINTENANCE, is_in_maintenance},                \
    {EXCLUDED_CLOUD_NOT_ALLOWED, cloud_is_forbidden},         \
    {EXCLUDED_METERED, metered_is_forbidden},                 \
    {EXCLUDED_INTERNET_ONLY, serves_internet_only},           \
    {EXCLUDED_INTRANET_ONLY, serves_intranet_only}
#define OF_THE_CLOUD                                          \
    {EXCLUDED_ON_DEMAND_NOT_FROM_CLOUD, is_on_demand},        \
    {EXCLUDED_RUN_FROM_DP_NOT_FROM_CLOUD, is_run_from_dp}
#define OF_THE_CONTENT                                        \
    OF_THE_CLOUD,                                             \
    {EXCLUDED_NO_CONTENT, has_no_content},                    \
    {EXCLUDED_OLD_VERSION, has_old_version},                  \
    {EXCLUDED_NEWER_VERSION, has_newer_version}

static const struct location_rule rules_2007[] = {
    OF_THE_DP,
    {EXCLUDED_OTHER_SITE, is_of_other_site},
    {EXCLUDED_PROTECTED, is_protected_from_machine},
    {EXCLUDED_HIDDEN_BY_PROTECTED, is_hidden},
    {EXCLUDED_REMOTE_NOT_ALLOWED, remote_is_forbidden_2007},
    OF_THE_CONTENT,
};

static const struct location_rule rules_2012[] = {
    OF_THE_DP,
    {EXCLUDED_PROTECTED, is_protected_2012},
    {EXCLUDED_REMOTE_NOT_ALLOWED, fallback_is_forbidden_2012},
    {EXCLUDED_SLOW_NOT_ALLOWED, slow_is_forbidden},
    OF_THE_CONTENT,
};

static const struct location_rule rules_current[] = {
    OF_THE_DP,
    {EXCLUDED_NOT_IN_GROUP, is_in_no_group},
    {EXCLUDED_FALLBACK_NEVER, fallback_is_never},
    {EXCLUDED_REMOTE_NOT_ALLOWED, remote_is_forbidden},
    {EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED, default_group_is_forbidden},
    OF_THE_CONTENT,
    {EXCLUDED_FALLBACK_NOT_DUE, fallback_is_not_due},
};
/* clang-format on */

static const struct rule_table {
    const struct location_rule *rules;
    size_t count;
} tables[RULES_COUNT] = {
    [RULES_2007] = {rules_2007, sizeof rules_2007 / sizeof rules_2007[0]},
    [RULES_2012] = {rules_2012, sizeof rules_2012 / sizeof rules_2012[0]},
    [RULES_CURRENT] = {rules_current, sizeof rules_current / sizeof rules_current[0]},
};

const struct location_rule *location_rules_table(enum location_rules rules, size_t *count)
{
    *count = tables[rules].count;
    return tables[rules].rules;
}

bool location_is_reachable(judging_t *judging, candidate_t *candidate)
{
    static const struct location_rule rules[] = {OF_THE_DP, OF_THE_CLOUD};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].excludes(judging, candidate))
            return false;
    return true;
}

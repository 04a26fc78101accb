/* What the predicates of the rules ask of a distribution point, found once. */
#include "agent/location/internal.h"

#include "policy/base/text.h"

#include <stdlib.h>

static const struct machine *machine_of(const struct judging *judging)
{
    return judging->request->machine;
}

/* ---- current rules: the way into the pool ---- */

static enum exclusion closed_by(const struct judging *judging, const struct located_group *group)
{
    const struct location_deployment *deployment = &judging->request->deployment;
    if (group->never)
        return EXCLUDED_FALLBACK_NEVER;
    if (group->via != VIA_BOUNDARY && !location_deployment_remote(deployment))
        return EXCLUDED_REMOTE_NOT_ALLOWED;
    if (group->via == VIA_SITE_DEFAULT && !deployment->fallback)
        return EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED;
    return EXCLUSION_COUNT;
}

bool location_is_open(const struct judging *judging, const struct located_group *group)
{
    return closed_by(judging, group) == EXCLUSION_COUNT;
}

/* The nearest way that is open; where none is, the first obstacle in the contract's order. */
static void choose_way(const struct judging *judging, struct candidate *candidate)
{
    candidate->way_code = EXCLUDED_NOT_IN_GROUP;
    for (size_t i = 0; i < candidate->group_count; i++) {
        enum exclusion code = closed_by(judging, candidate->groups[i]);
        if (code != EXCLUSION_COUNT && candidate->way && code >= candidate->way_code)
            continue;
        candidate->way = candidate->groups[i];
        candidate->way_code = code;
        if (code == EXCLUSION_COUNT)
            return;
    }
}

/* A task sequence waits for nobody: minutes are an order only (configmgr-facts 3.3). */
static void take_turn(const struct judging *judging, struct candidate *candidate)
{
    const struct located_group *way = candidate->way;
    if (!way || candidate->way_code != EXCLUSION_COUNT)
        return;
    candidate->turn = way->minutes;
    if (!judging->request->deployment.task_sequence)
        candidate->minutes = way->minutes;
    else if (way->via == VIA_NEIGHBOR)
        candidate->turn += 1;
    else if (way->via == VIA_SITE_DEFAULT)
        candidate->turn += INT64_C(1) << 40; /* after every neighbour: minutes have 32 bits */
}

/* ---- 2007 ---- */

static int by_code(const void *a, const void *b)
{
    return text_compare(*(const char *const *)a, *(const char *const *)b);
}

static bool is_own(const struct decision *decision, const struct site_dp *dp)
{
    if (!dp->site_code || (decision->current_site_count == 0 && !decision->assigned_site))
        return true;
    return decision->current_site_count &&
           bsearch(&dp->site_code, decision->current_sites, decision->current_site_count,
                   sizeof *decision->current_sites, by_code) != NULL;
}

static bool serves(const struct decision *decision, const struct site_dp *dp)
{
    return is_own(decision, dp) ||
           (decision->assigned_serves && text_equal(decision->assigned_site, dp->site_code));
}

/* The codes of the boundaries that hold the machine, each once, in order. */
static void find_current_sites(struct decision *decision)
{
    size_t most = 0, count = 0;
    for (size_t i = 0; i < decision->boundary_count; i++)
        most += decision->boundaries[i]->site_code_count;
    const char **codes = arena_zero(&decision->arena, most, sizeof *codes);
    for (size_t i = 0; i < decision->boundary_count; i++)
        for (size_t j = 0; j < decision->boundaries[i]->site_code_count; j++)
            codes[count++] = decision->boundaries[i]->site_codes[j];
    if (count)
        qsort(codes, count, sizeof *codes, by_code);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !text_equal(codes[i], codes[decision->current_site_count - 1]))
            codes[decision->current_site_count++] = codes[i];
    decision->current_sites = codes;
}

/* A machine whose current site is not known asks its assigned site at once. */
static bool own_site_has_it(const struct judging *judging)
{
    if (judging->decision->current_site_count == 0)
        return false;
    const struct location_content *content = judging->request->content;
    const struct site *site = judging->request->index->site;
    for (size_t i = 0; i < content->holder_count; i++)
        if (is_own(judging->decision, &site->dps[content->holders[i]]))
            return true;
    return false;
}

void location_find_sites(struct judging *judging, const struct candidate *in_groups, size_t count)
{
    struct decision *decision = judging->decision;
    find_current_sites(decision);
    decision->assigned_serves = decision->assigned_site && !own_site_has_it(judging);
    for (size_t i = 0; i < count && !decision->hiding; i++) {
        const struct candidate *candidate = &in_groups[i];
        if (!candidate->dp->is_protected || !serves(decision, candidate->dp) ||
            !location_is_reachable(judging, candidate))
            continue;
        if (!decision->protecting)
            decision->protecting = candidate->dp;
        if (location_is_present(judging->request->content->presence[candidate->index].presence))
            decision->hiding = candidate->dp;
    }
}

bool location_in_boundary(const struct site *site, const struct located_group *const *groups,
                          size_t count, const struct site_boundary *boundary)
{
    for (size_t i = 0; i < count; i++)
        if (site_group_has_boundary(site, groups[i]->group, boundary))
            return true;
    return false;
}

static bool shares_fast_boundary(const struct judging *judging, const struct candidate *candidate)
{
    const struct decision *decision = judging->decision;
    for (size_t i = 0; candidate->group_count && i < decision->boundary_count; i++)
        if (!decision->boundaries[i]->slow &&
            location_in_boundary(judging->request->index->site, candidate->groups,
                                 candidate->group_count, decision->boundaries[i]))
            return true;
    return false;
}

static void find_2007(const struct judging *judging, struct candidate *candidate)
{
    candidate->serves = serves(judging->decision, candidate->dp);
    candidate->is_local = shares_fast_boundary(judging, candidate);
    if (judging->decision->hiding && !candidate->dp->is_protected)
        candidate->minutes = candidate->turn = LOCATION_PROTECTED_MINUTES;
}

/* ---- all three ---- */

void location_find_facts(const struct judging *judging, struct candidate *candidate)
{
    candidate->presence = judging->request->content->presence[candidate->index];
    candidate->way_code = EXCLUSION_COUNT;
    if (machine_of(judging)->internet)
        return;
    if (judging->request->rules == RULES_CURRENT) {
        choose_way(judging, candidate);
        take_turn(judging, candidate);
    } else if (judging->request->rules == RULES_2007) {
        find_2007(judging, candidate);
    }
}

bool location_allows_fallback(const struct site_dp *dp)
{
    return dp->allow_fallback < 0 ? !dp->is_protected : dp->allow_fallback == 1;
}

bool location_is_fallback(const struct judging *judging, const struct candidate *candidate)
{
    if (machine_of(judging)->internet || judging->request->rules == RULES_CURRENT)
        return false;
    if (judging->request->rules == RULES_2012)
        return candidate->group_count == 0 && !site_is_cloud(candidate->dp);
    return judging->decision->protecting && !candidate->dp->is_protected;
}

static bool is_near(const struct judging *judging, const struct candidate *candidate)
{
    switch (judging->request->rules) {
    case RULES_2007: return candidate->is_local;
    case RULES_2012: return candidate->group_count && !candidate->slow_everywhere;
    case RULES_CURRENT: return candidate->way && candidate->way->via == VIA_BOUNDARY;
    case RULES_COUNT: break;
    }
    return false;
}

enum distance location_distance(const struct judging *judging, const struct candidate *candidate)
{
    const struct machine *machine = machine_of(judging);
    if (site_is_cloud(candidate->dp))
        return DISTANCE_CLOUD;
    bool is_near_enough = machine->internet ? location_same_computer(candidate->dp, machine)
                                            : is_near(judging, candidate);
    return is_near_enough ? DISTANCE_LOCAL : DISTANCE_REMOTE;
}

static enum locality current_locality(const struct judging *judging,
                                      const struct candidate *candidate)
{
    if (location_same_subnet(candidate->dp, machine_of(judging)))
        return LOCALITY_SUBNET;
    if (candidate->way->via == VIA_BOUNDARY)
        return LOCALITY_BOUNDARYGROUP;
    return candidate->way->via == VIA_NEIGHBOR ? LOCALITY_NEIGHBOR : LOCALITY_SITEDEFAULT;
}

/* Of a preferred DP its network, AD site before subnet; a fallback DP's decides nothing
   (configmgr-facts 3.5). */
static enum locality locality_2012(const struct judging *judging, const struct candidate *candidate)
{
    if (location_is_fallback(judging, candidate))
        return LOCALITY_REMOTE;
    if (location_same_ad_site(candidate->dp, machine_of(judging)))
        return LOCALITY_ADSITE;
    bool is_near_network = location_same_subnet(candidate->dp, machine_of(judging));
    return is_near_network ? LOCALITY_SUBNET : LOCALITY_LOCAL;
}

static enum locality locality_2007(const struct judging *judging, const struct candidate *candidate)
{
    if (location_same_subnet(candidate->dp, machine_of(judging)))
        return LOCALITY_SUBNET;
    if (location_same_ad_site(candidate->dp, machine_of(judging)))
        return LOCALITY_ADSITE;
    return candidate->is_local ? LOCALITY_LOCAL : LOCALITY_REMOTE;
}

enum locality location_locality(const struct judging *judging, const struct candidate *candidate)
{
    enum location_rules rules = judging->request->rules;
    if (site_is_cloud(candidate->dp))
        return LOCALITY_CLOUD;
    /* Of the fallback DPs of 2012 not even that one stands first. */
    bool is_remote = rules == RULES_2012 && location_is_fallback(judging, candidate);
    if (!is_remote && location_same_computer(candidate->dp, machine_of(judging)))
        return LOCALITY_COMPUTER;
    if (machine_of(judging)->internet)
        return LOCALITY_INTERNET;
    if (rules == RULES_CURRENT)
        return current_locality(judging, candidate);
    return rules == RULES_2012 ? locality_2012(judging, candidate)
                               : locality_2007(judging, candidate);
}

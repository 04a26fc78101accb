/*
 * The current-branch rules (1610 and later; configmgr-facts 3.3, 3.5): every distribution point is
 * put into exactly one of two lists.
 */
#include "agent/location/internal.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

/* One DP while it is judged. */
struct candidate {
    const struct site_dp *dp;
    size_t group_count;
    const struct located_group **groups; /* that hold it, nearest first */
    const struct located_group *way;     /* the nearest that may be used, or NULL */
    int64_t minutes;
    struct site_presence presence;
};

struct judging {
    struct decision *decision;
    const struct location_request *request;
};

/* What the DP itself, the settings and the network say. EXCLUSION_COUNT: nothing against it. */
static enum exclusion judge_reach(const struct judging *judging, const struct candidate *candidate)
{
    const struct location_request *request = judging->request;
    const struct site_dp *dp = candidate->dp;
    bool cloud = dp->kind == DP_CLOUD;
    bool internet = request->machine->internet;
    if (!dp->scheme_supported)
        return EXCLUDED_UNSUPPORTED_SCHEME;
    if (dp->maintenance)
        return EXCLUDED_MAINTENANCE;
    if (cloud && !request->settings->value[SETTING_ALLOW_CLOUD_DP])
        return EXCLUDED_CLOUD_NOT_ALLOWED;
    if (!location_metered_allowed(request))
        return EXCLUDED_METERED;
    if (!internet && !cloud && dp->internet_facing && dp->internet_shared == 0)
        return EXCLUDED_INTERNET_ONLY;
    if (internet && !cloud && (!dp->internet_facing || !dp->https))
        return EXCLUDED_INTRANET_ONLY;
    return EXCLUSION_COUNT;
}

static bool is_remote(const struct located_group *group)
{
    return group->via != VIA_BOUNDARY;
}

static enum exclusion judge_group(const struct judging *judging, const struct located_group *group)
{
    if (group->never)
        return EXCLUDED_FALLBACK_NEVER;
    if (is_remote(group) && !location_remote_allowed(judging->request))
        return EXCLUDED_REMOTE_NOT_ALLOWED;
    if (group->via == VIA_SITE_DEFAULT && !location_default_group_allowed(judging->request))
        return EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED;
    return EXCLUSION_COUNT;
}

/* Chooses the nearest way that is open; where none is, the last obstacle of the best stands. */
static enum exclusion judge_groups(const struct judging *judging, struct candidate *candidate)
{
    enum exclusion worst = EXCLUDED_NOT_IN_GROUP;
    if (judging->request->machine->internet)
        return EXCLUSION_COUNT;
    for (size_t i = 0; i < candidate->group_count; i++) {
        enum exclusion code = judge_group(judging, candidate->groups[i]);
        if (code == EXCLUSION_COUNT) {
            candidate->way = candidate->groups[i];
            candidate->minutes = candidate->groups[i]->minutes;
            return EXCLUSION_COUNT;
        }
        if (worst == EXCLUDED_NOT_IN_GROUP || code < worst) {
            worst = code;
            candidate->way = candidate->groups[i];
        }
    }
    return worst;
}

static enum exclusion judge_presence(const struct candidate *candidate)
{
    switch (candidate->presence.presence) {
    case PRESENCE_NO: return EXCLUDED_NO_CONTENT;
    case PRESENCE_OLD: return EXCLUDED_OLD_VERSION;
    case PRESENCE_NEWER: return EXCLUDED_NEWER_VERSION;
    case PRESENCE_YES:
    case PRESENCE_UPDATING:
    case PRESENCE_ASSUMED: break;
    }
    return EXCLUSION_COUNT;
}

static enum exclusion judge(const struct judging *judging, struct candidate *candidate)
{
    const struct location_request *request = judging->request;
    if (!request->content)
        return EXCLUDED_NO_CONTENT;
    candidate->presence = site_presence(request->site, candidate->dp, request->content);
    enum exclusion code = judge_reach(judging, candidate);
    if (code == EXCLUSION_COUNT)
        code = judge_groups(judging, candidate);
    if (code == EXCLUSION_COUNT)
        code = judge_presence(candidate);
    if (code == EXCLUSION_COUNT && candidate->minutes > request->minutes)
        code = EXCLUDED_FALLBACK_NOT_DUE;
    return code;
}

static enum locality locality_of(const struct judging *judging, const struct candidate *candidate)
{
    const struct machine *machine = judging->request->machine;
    if (candidate->dp->kind == DP_CLOUD)
        return LOCALITY_CLOUD;
    if (location_same_computer(candidate->dp, machine))
        return LOCALITY_COMPUTER;
    if (machine->internet)
        return LOCALITY_INTERNET;
    if (location_same_subnet(candidate->dp, machine))
        return LOCALITY_SUBNET;
    if (candidate->way->via == VIA_BOUNDARY)
        return LOCALITY_BOUNDARYGROUP;
    return candidate->way->via == VIA_NEIGHBOR ? LOCALITY_NEIGHBOR : LOCALITY_SITEDEFAULT;
}

/* The groups that are open and have joined. */
static void list_groups(const struct judging *judging, const struct candidate *candidate,
                        struct location *location)
{
    const struct located_group **found =
        arena_zero(&judging->decision->arena, candidate->group_count, sizeof *found);
    for (size_t i = 0; i < candidate->group_count; i++) {
        const struct located_group *group = candidate->groups[i];
        if (judge_group(judging, group) == EXCLUSION_COUNT &&
            group->minutes <= judging->request->minutes)
            found[location->group_count++] = group;
    }
    location->groups = found;
}

static int by_index(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return (left > right) - (left < right);
}

static bool is_in_groups(const struct location *location, size_t boundary)
{
    for (size_t i = 0; i < location->group_count; i++) {
        const struct site_group *group = location->groups[i]->group;
        if (group->boundary_count && bsearch(&boundary, group->boundaries, group->boundary_count,
                                             sizeof *group->boundaries, by_index))
            return true;
    }
    return false;
}

/* The boundaries of the location's groups that hold the machine. */
static void list_boundaries(const struct judging *judging, struct location *location)
{
    struct decision *decision = judging->decision;
    const struct site_boundary **found =
        arena_zero(&decision->arena, decision->boundary_count, sizeof *found);
    for (size_t i = 0; i < decision->boundary_count; i++) {
        size_t index = (size_t)(decision->boundaries[i] - judging->request->site->boundaries);
        if (is_in_groups(location, index))
            found[location->boundary_count++] = decision->boundaries[i];
    }
    location->boundaries = found;
}

static void add_location(const struct judging *judging, const struct candidate *candidate)
{
    const struct location_request *request = judging->request;
    struct decision *decision = judging->decision;
    struct location *location = &decision->locations[decision->location_count++];
    *location = (struct location){
        .dp = candidate->dp,
        .locality = locality_of(judging, candidate),
        .after_minutes = candidate->minutes,
        .url = site_url(request->site, request->content, candidate->dp),
        .presence = candidate->presence,
    };
    list_groups(judging, candidate, location);
    list_boundaries(judging, location);
}

static void add_excluded(const struct judging *judging, const struct candidate *candidate,
                         enum exclusion code)
{
    struct decision *decision = judging->decision;
    decision->excluded[decision->excluded_count++] = (struct excluded_dp){
        .dp = candidate->dp,
        .code = code,
        .after_minutes = code == EXCLUDED_FALLBACK_NOT_DUE ? candidate->minutes : -1,
        .presence = candidate->presence,
        .group = candidate->way,
    };
}

static struct candidate *make_candidates(struct decision *decision,
                                         const struct location_request *request)
{
    const struct site *site = request->site;
    struct candidate *candidates = mem_zero(site->dp_count, sizeof *candidates);
    for (size_t g = 0; g < decision->group_count; g++)
        for (size_t i = 0; i < decision->groups[g].group->dp_count; i++)
            candidates[decision->groups[g].group->dps[i]].group_count++;
    for (size_t i = 0; i < site->dp_count; i++) {
        candidates[i].dp = &site->dps[i];
        candidates[i].presence = (struct site_presence){PRESENCE_NO, -1, -1, NULL};
        candidates[i].groups =
            arena_zero(&decision->arena, candidates[i].group_count, sizeof *candidates[i].groups);
        candidates[i].group_count = 0;
    }
    /* The decision's groups are in order: so is each DP's list. */
    for (size_t g = 0; g < decision->group_count; g++)
        for (size_t i = 0; i < decision->groups[g].group->dp_count; i++) {
            struct candidate *candidate = &candidates[decision->groups[g].group->dps[i]];
            candidate->groups[candidate->group_count++] = &decision->groups[g];
        }
    return candidates;
}

/* A cloud DP stands in no subnet: its addresses decide nothing. */
static bool lacks_addresses(const struct site *site)
{
    for (size_t i = 0; i < site->dp_count; i++)
        if (site->dps[i].kind != DP_CLOUD && !site->dps[i].address_count &&
            !site->dps[i].subnet_count)
            return true;
    return false;
}

void location_decide(struct decision *decision, const struct location_request *request)
{
    const struct site *site = request->site;
    *decision = (struct decision){
        .content = request->content,
        .presence_assumed = site_presence_assumed(site),
        .addresses_assumed = lacks_addresses(site),
    };
    location_find_groups(decision, request);
    struct judging judging = {decision, request};
    struct candidate *candidates = make_candidates(decision, request);
    decision->locations = arena_zero(&decision->arena, site->dp_count, sizeof *decision->locations);
    decision->excluded = arena_zero(&decision->arena, site->dp_count, sizeof *decision->excluded);
    for (size_t i = 0; i < site->dp_count; i++) {
        enum exclusion code = judge(&judging, &candidates[i]);
        if (code == EXCLUSION_COUNT)
            add_location(&judging, &candidates[i]);
        else
            add_excluded(&judging, &candidates[i], code);
    }
    location_rank(decision, request);
    free(candidates);
}

void decision_free(struct decision *decision)
{
    arena_free(&decision->arena);
    *decision = (struct decision){.location_count = 0};
}

int64_t decision_next_minute(const struct decision *decision)
{
    int64_t next = -1;
    for (size_t i = 0; i < decision->excluded_count; i++) {
        const struct excluded_dp *excluded = &decision->excluded[i];
        if (excluded->code == EXCLUDED_FALLBACK_NOT_DUE &&
            (next < 0 || excluded->after_minutes < next))
            next = excluded->after_minutes;
    }
    return next;
}

bool location_check_rules(const struct site *site, struct error *err)
{
    return !site->rules || text_equal(site->rules, "current") ||
           error_set(err, ERROR_FAILED, BLAME_POLICY, "RULES", NULL,
                     "the policy asks for the rules of %s (NP_HierarchyRules); nearpoint knows "
                     "those of the current branch",
                     site->rules);
}

const char *locality_word(enum locality locality)
{
    switch (locality) {
    case LOCALITY_COMPUTER: return "COMPUTER";
    case LOCALITY_SUBNET: return "SUBNET";
    case LOCALITY_ADSITE: return "ADSITE";
    case LOCALITY_LOCAL: return "LOCAL";
    case LOCALITY_BOUNDARYGROUP: return "BOUNDARYGROUP";
    case LOCALITY_NEIGHBOR: return "NEIGHBOR";
    case LOCALITY_SITEDEFAULT: return "SITEDEFAULT";
    case LOCALITY_REMOTE: return "REMOTE";
    case LOCALITY_INTERNET: return "INTERNET";
    case LOCALITY_CLOUD: return "CLOUD";
    case LOCALITY_COUNT: break;
    }
    return "";
}

const char *exclusion_word(enum exclusion exclusion)
{
    static const char *const words[EXCLUSION_COUNT] = {
        [EXCLUDED_UNSUPPORTED_SCHEME] = "UNSUPPORTED_SCHEME",
        [EXCLUDED_MAINTENANCE] = "MAINTENANCE",
        [EXCLUDED_CLOUD_NOT_ALLOWED] = "CLOUD_NOT_ALLOWED",
        [EXCLUDED_METERED] = "METERED",
        [EXCLUDED_INTERNET_ONLY] = "INTERNET_ONLY",
        [EXCLUDED_INTRANET_ONLY] = "INTRANET_ONLY",
        [EXCLUDED_NOT_IN_GROUP] = "NOT_IN_GROUP",
        [EXCLUDED_FALLBACK_NEVER] = "FALLBACK_NEVER",
        [EXCLUDED_REMOTE_NOT_ALLOWED] = "REMOTE_NOT_ALLOWED",
        [EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED] = "DEFAULT_GROUP_NOT_ALLOWED",
        [EXCLUDED_NO_CONTENT] = "NO_CONTENT",
        [EXCLUDED_OLD_VERSION] = "OLD_VERSION",
        [EXCLUDED_NEWER_VERSION] = "NEWER_VERSION",
        [EXCLUDED_FALLBACK_NOT_DUE] = "FALLBACK_NOT_DUE",
    };
    return words[exclusion];
}

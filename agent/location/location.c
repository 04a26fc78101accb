/*
 * The current-branch rules (1610 and later; configmgr-facts 3.3, 3.5): every distribution point is
 * put into exactly one of two lists.
 */
#include "agent/location/internal.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define GROUP_PREFERS_CLOUD 8 /* SMS_BoundaryGroup.Flags */

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
    bool prefers_cloud;
};

/* ---- one DP ---- */

static bool is_http(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

static bool is_https(const struct site_dp *dp)
{
    return strncasecmp(dp->base_url, "https://", 8) == 0;
}

/* What the DP itself, the settings and the network say. EXCLUSION_COUNT: nothing against it. */
static enum exclusion judge_reach(const struct judging *judging, const struct candidate *candidate)
{
    const struct location_request *request = judging->request;
    const struct site_dp *dp = candidate->dp;
    bool cloud = dp->kind == DP_CLOUD;
    bool internet = request->machine->internet;
    if (!is_http(dp->base_url))
        return EXCLUDED_UNSUPPORTED_SCHEME;
    if (dp->maintenance)
        return EXCLUDED_MAINTENANCE;
    if (cloud && !request->settings->value[SETTING_ALLOW_CLOUD_DP])
        return EXCLUDED_CLOUD_NOT_ALLOWED;
    if (!location_metered_allowed(request))
        return EXCLUDED_METERED;
    if (!internet && !cloud && dp->internet_facing && dp->internet_shared == 0)
        return EXCLUDED_INTERNET_ONLY;
    if (internet && !cloud && (!dp->internet_facing || !is_https(dp)))
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

/* The boundaries of the DP's groups that hold the machine. */
static void list_boundaries(const struct judging *judging, const struct candidate *candidate,
                            struct location *location)
{
    struct decision *decision = judging->decision;
    const struct site *site = judging->request->site;
    const struct site_boundary **found =
        arena_zero(&decision->arena, decision->boundary_count, sizeof *found);
    for (size_t b = 0; b < decision->boundary_count; b++) {
        size_t index = (size_t)(decision->boundaries[b] - site->boundaries);
        bool used = false;
        for (size_t g = 0; !used && g < candidate->group_count; g++) {
            const struct site_group *group = candidate->groups[g]->group;
            for (size_t i = 0; !used && i < group->boundary_count; i++)
                used = group->boundaries[i] == index;
        }
        if (used)
            found[location->boundary_count++] = decision->boundaries[b];
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
        .group_count = candidate->group_count,
        .groups = candidate->groups,
        .presence = candidate->presence,
    };
    list_boundaries(judging, candidate, location);
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

/* ---- the order ---- */

static uint64_t add_to_hash(uint64_t hash, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)(*text >= 'A' && *text <= 'Z' ? *text + 32 : *text);
        hash = (hash ^ c) * 0x100000001B3ULL;
    }
    return (hash ^ 0xFF) * 0x100000001B3ULL;
}

/* Highest random weight: FNV-1a over machine, content and DP, then SplitMix64's finish. The same
   machine keeps its order; a fleet spreads evenly (ours: ConfigMgr draws at random). */
static uint64_t weight(const struct judging *judging, const struct site_dp *dp)
{
    const struct machine *machine = judging->request->machine;
    uint64_t hash = 0xCBF29CE484222325ULL;
    hash = add_to_hash(hash, machine->name ? machine->name : "");
    hash = add_to_hash(hash, judging->request->content->id);
    hash = add_to_hash(hash, dp->name);
    hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9ULL;
    hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBULL;
    return hash ^ (hash >> 31);
}

/* 0 same computer, 1 same subnet, 2 the pool as it grew, 3 cloud; cloud first where preferred. */
static int section_of(const struct judging *judging, const struct location *location)
{
    if (location->locality == LOCALITY_CLOUD)
        return judging->prefers_cloud ? -1 : 3;
    if (location->locality == LOCALITY_COMPUTER)
        return 0;
    return location->locality == LOCALITY_SUBNET ? 1 : 2;
}

static int by_rank(const void *a, const void *b, void *arg)
{
    const struct judging *judging = arg;
    const struct location *x = a, *y = b;
    int x_section = section_of(judging, x), y_section = section_of(judging, y);
    if (x_section != y_section)
        return x_section - y_section;
    if (x_section == 2 && x->after_minutes != y->after_minutes)
        return x->after_minutes < y->after_minutes ? -1 : 1;
    if (x->locality != y->locality)
        return (int)x->locality - (int)y->locality;
    bool x_updating = x->presence.presence == PRESENCE_UPDATING;
    bool y_updating = y->presence.presence == PRESENCE_UPDATING;
    if (x_updating != y_updating)
        return x_updating - y_updating;
    uint64_t x_weight = weight(judging, x->dp), y_weight = weight(judging, y->dp);
    if (x_weight != y_weight)
        return x_weight > y_weight ? -1 : 1;
    return text_compare(x->dp->name, y->dp->name);
}

/* ---- the whole ---- */

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

static bool any_prefers_cloud(const struct decision *decision)
{
    for (size_t i = 0; i < decision->group_count; i++)
        if (decision->groups[i].via == VIA_BOUNDARY &&
            (decision->groups[i].group->flags & GROUP_PREFERS_CLOUD))
            return true;
    return false;
}

static bool no_address_known(const struct site *site)
{
    for (size_t i = 0; i < site->dp_count; i++)
        if (site->dps[i].address_count)
            return false;
    return site->dp_count > 0;
}

void location_decide(struct decision *decision, const struct location_request *request)
{
    const struct site *site = request->site;
    *decision = (struct decision){
        .presence_assumed = site_presence_assumed(site),
        .addresses_assumed = no_address_known(site),
    };
    location_find_groups(decision, request);
    struct judging judging = {decision, request, any_prefers_cloud(decision)};
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
    if (decision->location_count)
        qsort_r(decision->locations, decision->location_count, sizeof *decision->locations, by_rank,
                &judging);
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
    case LOCALITY_BOUNDARYGROUP: return "BOUNDARYGROUP";
    case LOCALITY_NEIGHBOR: return "NEIGHBOR";
    case LOCALITY_SITEDEFAULT: return "SITEDEFAULT";
    case LOCALITY_INTERNET: return "INTERNET";
    case LOCALITY_CLOUD: return "CLOUD";
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

/* The decision: every distribution point through the table of its rule set, into one of two
   lists. */
#include "agent/location/internal.h"

#include <stdlib.h>

/* A DP's place in one of the decision's groups. */
struct membership {
    uint32_t dp, group;
    bool is_slow;
};

static int by_dp(const void *a, const void *b)
{
    const struct membership *left = a, *right = b;
    if (left->dp != right->dp)
        return left->dp < right->dp ? -1 : 1;
    return (left->group > right->group) - (left->group < right->group);
}

/* Those of all the decision's groups, by DP, then in the groups' order; the caller frees them. */
static struct membership *find_members(const struct decision *decision, size_t *count)
{
    *count = 0;
    for (size_t g = 0; g < decision->group_count; g++)
        *count += decision->groups[g].group->dp_count;
    struct membership *members = mem_zero(*count, sizeof *members), *member = members;
    for (size_t g = 0; g < decision->group_count; g++) {
        const struct site_group *group = decision->groups[g].group;
        for (size_t i = 0; i < group->dp_count; i++)
            *member++ = (struct membership){(uint32_t)group->dps[i], (uint32_t)g,
                                            group->slow && group->slow[i]};
    }
    qsort(members, *count, sizeof *members, by_dp);
    return members;
}

/* The candidates that stand in a group, by DP. */
struct crowd {
    size_t count;
    struct candidate *candidates;
};

static void gather(struct crowd *crowd, struct decision *decision, const struct site *site)
{
    size_t count;
    struct membership *members = find_members(decision, &count);
    const struct located_group **groups = arena_zero(&decision->arena, count, sizeof *groups);
    crowd->candidates = arena_zero(&decision->arena, count, sizeof *crowd->candidates);
    crowd->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct candidate *last = crowd->candidates + crowd->count;
        groups[i] = &decision->groups[members[i].group];
        if (i == 0 || members[i].dp != members[i - 1].dp) {
            *last = (struct candidate){.index = members[i].dp,
                                       .dp = &site->dps[members[i].dp],
                                       .groups = groups + i,
                                       .slow_everywhere = true};
            crowd->count++;
        } else {
            last--;
        }
        last->group_count++;
        last->slow_everywhere = last->slow_everywhere && members[i].is_slow;
    }
    free(members);
}

/* ---- one DP ---- */

static enum exclusion judge(const struct judging *judging, const struct candidate *candidate)
{
    size_t count;
    const struct location_rule *rules = location_rules_table(judging->decision->rules, &count);
    for (size_t i = 0; i < count; i++)
        if (rules[i].excludes(judging, candidate))
            return rules[i].code;
    return EXCLUSION_COUNT;
}

/* When what is hidden or not due joins; -1: it does not. */
static int64_t joins_after(const struct judging *judging, const struct candidate *candidate,
                           enum exclusion code)
{
    if (code != EXCLUDED_FALLBACK_NOT_DUE && code != EXCLUDED_HIDDEN_BY_PROTECTED)
        return -1;
    struct location_request later = *judging->request;
    struct judging then = {judging->decision, &later, judging->weight};
    later.minutes = candidate->minutes;
    return judge(&then, candidate) == EXCLUSION_COUNT ? candidate->minutes : -1;
}

/* The groups that are open and have joined. */
static void list_groups(const struct judging *judging, const struct candidate *candidate,
                        struct location *location)
{
    const struct located_group **found =
        arena_zero(&judging->decision->arena, candidate->group_count, sizeof *found);
    for (size_t i = 0; i < candidate->group_count; i++) {
        const struct located_group *group = candidate->groups[i];
        bool has_joined = judging->request->deployment.task_sequence ||
                          group->minutes <= judging->request->minutes;
        if (location_is_open(judging, group) && has_joined)
            found[location->group_count++] = group;
    }
    location->groups = found;
}

/* The boundaries of the location's groups that hold the machine. */
static void list_boundaries(const struct judging *judging, struct location *location)
{
    struct decision *decision = judging->decision;
    const struct site_boundary **found =
        arena_zero(&decision->arena, decision->boundary_count, sizeof *found);
    for (size_t i = 0; i < decision->boundary_count; i++)
        if (location_in_boundary(judging->request->index->site, location->groups,
                                 location->group_count, decision->boundaries[i]))
            found[location->boundary_count++] = decision->boundaries[i];
    location->boundaries = found;
}

static void add_location(const struct judging *judging, const struct candidate *candidate)
{
    struct decision *decision = judging->decision;
    struct location *location = &decision->locations[decision->location_count++];
    *location = (struct location){
        .dp = candidate->dp,
        .locality = location_locality(judging, candidate),
        .distance = location_distance(judging, candidate),
        .fallback = location_is_fallback(judging, candidate),
        .after_minutes = candidate->minutes,
        .turn = candidate->turn,
        .url = judging->request->content->urls[candidate->index],
        .presence = candidate->presence,
        .weight = location_weight(judging->weight, candidate->dp),
    };
    if (judging->request->locations_only)
        return;
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
        .after_minutes = joins_after(judging, candidate, code),
        .presence = candidate->presence,
        .group = candidate->way,
    };
}

/* ---- all of them ---- */

static void begin(struct judging *judging, struct decision *decision,
                  const struct location_request *request, struct crowd *crowd)
{
    *judging = (struct judging){decision, request, location_seed(request)};
    gather(crowd, decision, request->index->site);
}

/* Where the site is to bring the content to a preferred DP first (configmgr-facts 3.5). */
static bool is_coming(const struct location_request *request, const struct crowd *crowd)
{
    const struct location_content *content = request->content;
    if (request->rules != RULES_2012 || !content->content ||
        !(content->content->flags & SITE_CONTENT_ON_DEMAND))
        return false;
    size_t preferred = 0;
    for (size_t i = 0; i < crowd->count; i++) {
        if (site_is_cloud(crowd->candidates[i].dp))
            continue;
        if (location_is_present(content->presence[crowd->candidates[i].index].presence))
            return false;
        preferred++;
    }
    return preferred > 0;
}

/* The candidate of this DP: one of the crowd's, or one that stands in no group of the machine. */
static struct candidate candidate_of(const struct judging *judging, const struct crowd *crowd,
                                     size_t *cursor, size_t dp)
{
    const struct site *site = judging->request->index->site;
    while (*cursor < crowd->count && crowd->candidates[*cursor].index < dp)
        ++*cursor;
    if (*cursor < crowd->count && crowd->candidates[*cursor].index == dp)
        return crowd->candidates[*cursor];
    return (struct candidate){.index = dp, .dp = &site->dps[dp]};
}

static void weigh(const struct judging *judging, struct candidate *candidate)
{
    location_find_facts(judging, candidate);
    enum exclusion code =
        judging->decision->content ? judge(judging, candidate) : EXCLUDED_NO_CONTENT;
    if (code == EXCLUSION_COUNT)
        add_location(judging, candidate);
    else if (!judging->request->locations_only)
        add_excluded(judging, candidate, code);
}

static void weigh_all(const struct judging *judging, const struct crowd *crowd)
{
    struct decision *decision = judging->decision;
    size_t cursor = 0, count = judging->request->index->site->dp_count;
    decision->locations = arena_zero(&decision->arena, count, sizeof *decision->locations);
    decision->excluded = arena_zero(&decision->arena, count, sizeof *decision->excluded);
    for (size_t i = 0; i < count; i++) {
        struct candidate candidate = candidate_of(judging, crowd, &cursor, i);
        weigh(judging, &candidate);
    }
}

/* Those alone that may be locations: who holds the content in the machine's groups, and who serves
   machines outside its groups. */
static void weigh_likely(const struct judging *judging, const struct crowd *crowd)
{
    struct decision *decision = judging->decision;
    const struct location_content *content = judging->request->content;
    const struct holders all = {content->holder_count, content->holders};
    const struct holders *others =
        judging->request->machine->internet ? &all : &content->open[decision->rules];
    size_t cursor = 0;
    decision->locations =
        arena_zero(&decision->arena, crowd->count + others->count, sizeof *decision->locations);
    for (size_t i = 0; i < others->count; i++) {
        struct candidate candidate = candidate_of(judging, crowd, &cursor, others->dps[i]);
        if (candidate.group_count == 0)
            weigh(judging, &candidate);
    }
    for (size_t i = 0; i < crowd->count; i++)
        if (location_is_present(content->presence[crowd->candidates[i].index].presence))
            weigh(judging, &crowd->candidates[i]);
}

void location_decide(struct decision *decision, const struct location_request *request)
{
    struct judging judging;
    struct crowd crowd;
    *decision = (struct decision){
        .rules = request->rules,
        .content = request->content->content,
        .presence_assumed = site_presence_assumed(request->index->site),
        .addresses_assumed = request->index->addresses_assumed,
    };
    location_find_groups(decision, request);
    begin(&judging, decision, request, &crowd);
    if (request->rules == RULES_2007)
        location_find_sites(&judging, crowd.candidates, crowd.count);
    decision->on_demand_coming = is_coming(request, &crowd);
    if (request->locations_only)
        weigh_likely(&judging, &crowd);
    else
        weigh_all(&judging, &crowd);
    location_rank(decision);
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
        int64_t joins = decision->excluded[i].after_minutes;
        if (joins >= 0 && (next < 0 || joins < next))
            next = joins;
    }
    return next;
}

void location_walk(struct location_walk *walk, struct decision *decision,
                   const struct location_request *request, const struct site_dp *dp)
{
    struct judging judging;
    struct crowd crowd;
    size_t cursor = 0, count;
    const struct location_rule *rules = location_rules_table(request->rules, &count);
    begin(&judging, decision, request, &crowd);
    struct candidate candidate =
        candidate_of(&judging, &crowd, &cursor, (size_t)(dp - request->index->site->dps));
    location_find_facts(&judging, &candidate);
    *walk = (struct location_walk){
        .presence = candidate.presence,
        .group = candidate.way           ? candidate.way
                 : candidate.group_count ? candidate.groups[0]
                                         : NULL,
        .fallback = location_is_fallback(&judging, &candidate),
        .slow = candidate.group_count && candidate.slow_everywhere,
        .local = candidate.is_local,
        .in_group = candidate.group_count > 0,
    };
    if (!decision->content)
        walk->steps[walk->count++] = (struct location_step){EXCLUDED_NO_CONTENT, true};
    for (size_t i = 0; i < count && decision->content; i++)
        walk->steps[walk->count++] =
            (struct location_step){rules[i].code, rules[i].excludes(&judging, &candidate)};
}

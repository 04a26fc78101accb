#include "tests/unit/oracle.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BUILT_IN_MINUTES 120 /* to a default site boundary group */
#define HIDDEN_MINUTES   480 /* 2007: unprotected distribution points beside protected ones */
#define PREFER_CLOUD     8   /* SMS_BoundaryGroup.Flags */
#define ON_DEMAND_BIT    ((int64_t)1 << 30)

/* One question and what is worked out before any distribution point is judged. */
struct oracle {
    const struct oracle_question *q;
    struct oracle_answer *answer;
    int64_t minutes;
    enum presence presence[ORACLE_MOST];
};

static bool has_bit(uint32_t bits, size_t index)
{
    return (bits >> index) & 1;
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcasecmp(a, b) == 0;
}

static size_t index_of(const struct oracle *o, const struct site_dp *dp)
{
    return (size_t)(dp - o->q->site->dps);
}

/* Where the DP stands in the group's list, -1 where it is not there. */
static long find_in_group(const struct oracle *o, size_t group, const struct site_dp *dp)
{
    const struct site_group *g = &o->q->site->groups[group];
    for (size_t i = 0; i < g->dp_count; i++)
        if (&o->q->site->dps[g->dps[i]] == dp)
            return (long)i;
    return -1;
}

/* Membership. */

static const char *find_assigned_site(const struct oracle *o)
{
    const struct site *site = o->q->site;
    const struct site_group *only = NULL;
    size_t count = 0;
    if (o->q->machine->site)
        return o->q->machine->site;
    if (site->site_code)
        return site->site_code;
    for (size_t i = 0; i < site->group_count; i++)
        if (site->groups[i].is_default) {
            only = &site->groups[i];
            count++;
        }
    return count == 1 ? only->site_code : NULL;
}

static const struct site_relationship *find_row(const struct site *site, int64_t from, int64_t to)
{
    for (size_t i = 0; i < site->relationship_count; i++)
        if (site->relationships[i].source == from && site->relationships[i].destination == to)
            return &site->relationships[i];
    return NULL;
}

/* Current groups: those with a boundary that holds the machine. */
static bool find_current_groups(struct oracle *o)
{
    const struct site *site = o->q->site;
    bool any = false;
    for (size_t i = 0; i < site->boundary_count; i++)
        if (oracle_holds(&site->boundaries[i], o->q->machine))
            o->answer->boundaries |= 1U << i;
    for (size_t i = 0; i < site->group_count; i++)
        for (size_t j = 0; j < site->groups[i].boundary_count; j++)
            if (has_bit(o->answer->boundaries, site->groups[i].boundaries[j])) {
                o->answer->groups[i] = (struct oracle_group){true, VIA_BOUNDARY, 0, false};
                any = true;
            }
    return any;
}

static void add_way(struct oracle *o, size_t to, int64_t minutes)
{
    struct oracle_group *group = &o->answer->groups[to];
    bool is_first = !group->reached;
    group->reached = true;
    group->via = o->q->site->groups[to].is_default ? VIA_SITE_DEFAULT : VIA_NEIGHBOR;
    if (minutes < 0) {
        group->never = group->never || is_first;
    } else if (is_first || group->never || minutes < group->minutes) {
        group->minutes = minutes;
        group->never = false;
    }
}

/* A row of its own that says them, else a default group's behavior, else 120 minutes to a default
   group. */
static void add_ways_from(struct oracle *o, int64_t from)
{
    const struct site *site = o->q->site;
    for (size_t to = 0; to < site->group_count; to++) {
        const struct oracle_group *group = &o->answer->groups[to];
        int64_t id = site->groups[to].id;
        const struct site_relationship *row = find_row(site, from, id);
        if (group->reached && group->via == VIA_BOUNDARY)
            continue;
        if ((!row || !row->says_minutes) && site->groups[to].is_default)
            row = find_row(site, id, id);
        if (row)
            add_way(o, to, row->minutes);
        else if (site->groups[to].is_default)
            add_way(o, to, BUILT_IN_MINUTES);
    }
}

static void find_groups(struct oracle *o)
{
    const struct site *site = o->q->site;
    struct oracle_group *groups = o->answer->groups;
    if (o->q->machine->internet)
        return;
    bool any = find_current_groups(o);
    if (o->q->rules != RULES_CURRENT)
        return;
    o->answer->no_group = !any;
    for (size_t i = 0; any && i < site->group_count; i++)
        if (groups[i].reached && groups[i].via == VIA_BOUNDARY)
            add_ways_from(o, site->groups[i].id);
    for (size_t i = 0; !any && i < site->group_count; i++)
        if (site->groups[i].is_default &&
            same_text(site->groups[i].site_code, o->answer->assigned_site))
            groups[i] = (struct oracle_group){true, VIA_SITE_DEFAULT, 0, false};
}

/* One of the machine's own groups holds the DP. */
static bool is_preferred(const struct oracle *o, const struct site_dp *dp)
{
    for (size_t i = 0; i < o->q->site->group_count; i++)
        if (o->answer->groups[i].reached && o->answer->groups[i].via == VIA_BOUNDARY &&
            find_in_group(o, i, dp) >= 0)
            return true;
    return false;
}

/* What stands in a DP's way whatever the rules. */

static bool has_content(const struct oracle *o, const struct site_dp *dp)
{
    enum presence presence = o->presence[index_of(o, dp)];
    return presence == PRESENCE_YES || presence == PRESENCE_UPDATING ||
           presence == PRESENCE_ASSUMED;
}

static bool is_metered(const struct oracle *o)
{
    if (!o->q->machine->metered || o->q->metered_usage == 1)
        return false;
    return o->q->metered_usage != 2 || !o->q->metered;
}

/* The roots of the questions are /mnt alone. */
static bool is_spoken_to(const struct site_dp *dp)
{
    const char *path = dp->library_path;
    if (dp->kind != DP_LIBRARY)
        return dp->scheme_supported;
    return path && (strcmp(path, "/mnt") == 0 || strncmp(path, "/mnt/", 5) == 0) &&
           !strstr(path, "..");
}

static bool needs_no_network(const struct oracle *o, const struct site_dp *dp)
{
    return dp->kind == DP_LIBRARY && oracle_same_computer(dp, o->q->machine);
}

static bool is_for_nobody_here(const struct oracle *o, const struct site_dp *dp)
{
    bool is_cloud = site_is_cloud(dp);
    if (!is_spoken_to(dp) || dp->maintenance || (is_metered(o) && !needs_no_network(o, dp)))
        return true;
    if (is_cloud)
        return !o->q->allow_cloud || o->q->on_demand || o->q->run_from_dp;
    if (o->q->machine->internet)
        return !needs_no_network(o, dp) && (!dp->internet_facing || !dp->https);
    return dp->internet_facing && dp->internet_shared == 0;
}

/* Current rules. */

/* EXCLUSION_COUNT: the group is open to the machine, at once or later. */
static enum exclusion judge_group(const struct oracle *o, size_t group)
{
    const struct oracle_group *g = &o->answer->groups[group];
    if (g->via == VIA_BOUNDARY)
        return EXCLUSION_COUNT;
    if (g->never)
        return EXCLUDED_FALLBACK_NEVER;
    if (!o->q->remote)
        return EXCLUDED_REMOTE_NOT_ALLOWED;
    if (g->via == VIA_SITE_DEFAULT && !o->q->fallback)
        return EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED;
    return EXCLUSION_COUNT;
}

static int64_t due(const struct oracle *o, size_t group)
{
    return o->q->task_sequence ? 0 : o->answer->groups[group].minutes;
}

/* Task sequences take all neighbors before any default group. */
static int64_t turn(const struct oracle *o, size_t group)
{
    const struct oracle_group *g = &o->answer->groups[group];
    return g->minutes + (o->q->task_sequence ? ((int64_t)g->via << 40) : 0);
}

static bool is_nearer(const struct oracle *o, size_t a, size_t b)
{
    const struct oracle_group *first = &o->answer->groups[a], *second = &o->answer->groups[b];
    if ((first->via == VIA_BOUNDARY) != (second->via == VIA_BOUNDARY))
        return first->via == VIA_BOUNDARY;
    if (turn(o, a) != turn(o, b))
        return turn(o, a) < turn(o, b);
    return o->q->site->groups[a].id < o->q->site->groups[b].id;
}

/* The nearest open group that holds the DP, or -1 and the first code of those that do. */
static long find_way(const struct oracle *o, const struct site_dp *dp, enum exclusion *code)
{
    long way = -1;
    *code = EXCLUSION_COUNT;
    for (size_t i = 0; i < o->q->site->group_count; i++) {
        if (!o->answer->groups[i].reached || find_in_group(o, i, dp) < 0)
            continue;
        enum exclusion judged = judge_group(o, i);
        if (judged == EXCLUSION_COUNT && (way < 0 || is_nearer(o, i, (size_t)way)))
            way = (long)i;
        if (judged < *code)
            *code = judged;
    }
    if (way < 0 && *code == EXCLUSION_COUNT)
        *code = EXCLUDED_NOT_IN_GROUP;
    if (way >= 0)
        *code = EXCLUSION_COUNT;
    return way;
}

static bool excluded_current(const struct oracle *o, const struct site_dp *dp, enum exclusion code)
{
    enum exclusion closed;
    long way = find_way(o, dp, &closed);
    if (code == EXCLUDED_FALLBACK_NOT_DUE)
        return way >= 0 && due(o, (size_t)way) > o->minutes;
    return code == closed;
}

/* 2012. */

static bool is_slow_everywhere(const struct oracle *o, const struct site_dp *dp)
{
    for (size_t i = 0; i < o->q->site->group_count; i++) {
        long at = o->answer->groups[i].reached ? find_in_group(o, i, dp) : -1;
        if (at >= 0 && !o->q->site->groups[i].slow[at])
            return false;
    }
    return true;
}

static bool allows_fallback(const struct site_dp *dp)
{
    return dp->allow_fallback >= 0 ? dp->allow_fallback == 1 : !dp->is_protected;
}

static bool excluded_2012(const struct oracle *o, const struct site_dp *dp, enum exclusion code)
{
    if (site_is_cloud(dp))
        return false;
    bool preferred = is_preferred(o, dp);
    if (code == EXCLUDED_PROTECTED)
        return !preferred && !allows_fallback(dp);
    if (code == EXCLUDED_REMOTE_NOT_ALLOWED)
        return !preferred && !o->q->fallback;
    if (code == EXCLUDED_SLOW_NOT_ALLOWED)
        return (!preferred || is_slow_everywhere(o, dp)) && !o->q->remote;
    return false;
}

static bool is_on_demand_coming(const struct oracle *o)
{
    const struct site *site = o->q->site;
    bool any = false;
    if (o->q->rules != RULES_2012 || !o->q->content || !(o->q->content->flags & ON_DEMAND_BIT))
        return false;
    for (size_t i = 0; i < site->dp_count; i++) {
        bool counts = is_preferred(o, &site->dps[i]) && !site_is_cloud(&site->dps[i]);
        if (counts && has_content(o, &site->dps[i]))
            return false;
        any = any || counts;
    }
    return any;
}

/* 2007. */

static bool knows_current_site(const struct oracle *o)
{
    for (size_t i = 0; i < o->q->site->boundary_count; i++)
        if (has_bit(o->answer->boundaries, i) && o->q->site->boundaries[i].site_code_count)
            return true;
    return false;
}

/* Of the site whose boundary holds the machine; without a code a DP is of every site. */
static bool is_own_site(const struct oracle *o, const struct site_dp *dp)
{
    const struct site *site = o->q->site;
    for (size_t i = 0; i < site->boundary_count; i++)
        for (size_t j = 0; j < site->boundaries[i].site_code_count; j++)
            if (has_bit(o->answer->boundaries, i) &&
                same_text(site->boundaries[i].site_codes[j], dp->site_code))
                return true;
    return !dp->site_code || (!knows_current_site(o) && !o->answer->assigned_site);
}

static bool serves(const struct oracle *o, const struct site_dp *dp)
{
    return is_own_site(o, dp) ||
           (o->answer->assigned_serves && same_text(dp->site_code, o->answer->assigned_site));
}

static void find_servers_2007(struct oracle *o)
{
    const struct site *site = o->q->site;
    struct oracle_answer *answer = o->answer;
    if (o->q->rules != RULES_2007 || o->q->machine->internet || !o->q->content)
        return;
    bool own = false;
    for (size_t i = 0; i < site->dp_count; i++)
        own = own || (is_own_site(o, &site->dps[i]) && has_content(o, &site->dps[i]));
    answer->assigned_serves = answer->assigned_site && (!own || !knows_current_site(o));
    for (size_t i = 0; i < site->dp_count; i++) {
        const struct site_dp *dp = &site->dps[i];
        if (!dp->is_protected || !serves(o, dp) || !is_preferred(o, dp) ||
            is_for_nobody_here(o, dp))
            continue;
        answer->protecting = true;
        answer->hiding = answer->hiding || has_content(o, dp);
    }
}

/* A fast boundary that holds the machine, in a group that holds the DP. */
static bool is_local_2007(const struct oracle *o, const struct site_dp *dp)
{
    const struct site *site = o->q->site;
    for (size_t i = 0; i < site->group_count; i++)
        for (size_t j = 0; j < site->groups[i].boundary_count; j++) {
            size_t boundary = site->groups[i].boundaries[j];
            if (has_bit(o->answer->boundaries, boundary) && !site->boundaries[boundary].slow &&
                find_in_group(o, i, dp) >= 0)
                return true;
        }
    return false;
}

static bool excluded_2007(const struct oracle *o, const struct site_dp *dp, enum exclusion code)
{
    const struct oracle_answer *answer = o->answer;
    if (code == EXCLUDED_OTHER_SITE)
        return !serves(o, dp);
    if (code == EXCLUDED_PROTECTED)
        return dp->is_protected && !is_preferred(o, dp);
    if (code == EXCLUDED_HIDDEN_BY_PROTECTED)
        return answer->hiding && !dp->is_protected &&
               (!o->q->fallback || o->minutes < HIDDEN_MINUTES);
    if (code != EXCLUDED_REMOTE_NOT_ALLOWED)
        return false;
    if (answer->protecting && !answer->hiding && !dp->is_protected && !o->q->fallback)
        return true;
    return !is_local_2007(o, dp) && !o->q->remote;
}

/* All rules. */

static bool excluded_by_rules(const struct oracle *o, const struct site_dp *dp, enum exclusion code)
{
    if (o->q->machine->internet)
        return false;
    if (o->q->rules == RULES_CURRENT)
        return excluded_current(o, dp, code);
    return o->q->rules == RULES_2012 ? excluded_2012(o, dp, code) : excluded_2007(o, dp, code);
}

static bool excluded(const struct oracle *o, const struct site_dp *dp, enum exclusion code)
{
    bool is_cloud = site_is_cloud(dp), internet = o->q->machine->internet;
    enum presence presence = o->presence[index_of(o, dp)];
    if (code == EXCLUDED_UNSUPPORTED_SCHEME)
        return !is_spoken_to(dp);
    if (code == EXCLUDED_MAINTENANCE)
        return dp->maintenance;
    if (code == EXCLUDED_CLOUD_NOT_ALLOWED)
        return is_cloud && !o->q->allow_cloud;
    if (code == EXCLUDED_METERED)
        return is_metered(o) && !needs_no_network(o, dp);
    if (code == EXCLUDED_INTERNET_ONLY)
        return !internet && !is_cloud && dp->internet_facing && dp->internet_shared == 0;
    if (code == EXCLUDED_INTRANET_ONLY)
        return internet && !is_cloud && !needs_no_network(o, dp) &&
               !(dp->internet_facing && dp->https);
    if (code == EXCLUDED_ON_DEMAND_NOT_FROM_CLOUD)
        return is_cloud && o->q->on_demand;
    if (code == EXCLUDED_RUN_FROM_DP_NOT_FROM_CLOUD)
        return is_cloud && o->q->run_from_dp;
    if (code == EXCLUDED_NO_CONTENT)
        return presence == PRESENCE_NO;
    if (code == EXCLUDED_OLD_VERSION)
        return presence == PRESENCE_OLD;
    if (code == EXCLUDED_NEWER_VERSION)
        return presence == PRESENCE_NEWER;
    return excluded_by_rules(o, dp, code);
}

/* The first of the contract's order; nobody has an unknown content. */
static enum exclusion find_code(const struct oracle *o, const struct site_dp *dp)
{
    if (!o->q->content)
        return EXCLUDED_NO_CONTENT;
    for (enum exclusion code = 0; code < EXCLUSION_COUNT; code++)
        if (excluded(o, dp, code))
            return code;
    return EXCLUSION_COUNT;
}

/* The minute at which waiting alone brings the DP in: one of those that anything in the site names.
   -1: none does. */
static int64_t find_joining_minute(struct oracle *o, const struct site_dp *dp)
{
    int64_t best = -1, now = o->minutes;
    const struct site *site = o->q->site;
    for (size_t i = 0; i < site->relationship_count + 2; i++) {
        int64_t minute = i == site->relationship_count ? BUILT_IN_MINUTES : HIDDEN_MINUTES;
        if (i < site->relationship_count)
            minute = site->relationships[i].minutes;
        o->minutes = minute;
        if (minute > now && (best < 0 || minute < best) && find_code(o, dp) == EXCLUSION_COUNT)
            best = minute;
    }
    o->minutes = now;
    return best;
}

/* Where it stands, and in which order. */

static enum locality find_locality(const struct oracle *o, const struct site_dp *dp)
{
    static const enum locality by_via[] = {LOCALITY_BOUNDARYGROUP, LOCALITY_NEIGHBOR,
                                           LOCALITY_SITEDEFAULT};
    const struct machine *machine = o->q->machine;
    enum exclusion closed;
    if (site_is_cloud(dp))
        return LOCALITY_CLOUD;
    if (o->q->rules == RULES_2012 && !machine->internet && !is_preferred(o, dp))
        return LOCALITY_REMOTE;
    if (oracle_same_computer(dp, machine))
        return LOCALITY_COMPUTER;
    if (machine->internet)
        return LOCALITY_INTERNET;
    if (o->q->rules == RULES_2012 && oracle_same_ad_site(dp, machine))
        return LOCALITY_ADSITE;
    if (oracle_same_subnet(dp, machine))
        return LOCALITY_SUBNET;
    if (o->q->rules == RULES_2012)
        return LOCALITY_LOCAL;
    if (o->q->rules == RULES_CURRENT)
        return by_via[o->answer->groups[find_way(o, dp, &closed)].via];
    if (oracle_same_ad_site(dp, machine))
        return LOCALITY_ADSITE;
    return is_local_2007(o, dp) ? LOCALITY_LOCAL : LOCALITY_REMOTE;
}

static bool is_local(const struct oracle *o, const struct site_dp *dp)
{
    enum exclusion closed;
    if (o->q->machine->internet)
        return oracle_same_computer(dp, o->q->machine);
    if (o->q->rules == RULES_2007)
        return is_local_2007(o, dp);
    if (o->q->rules == RULES_2012)
        return is_preferred(o, dp) && !is_slow_everywhere(o, dp);
    return o->answer->groups[find_way(o, dp, &closed)].via == VIA_BOUNDARY;
}

static bool prefers_cloud(const struct oracle *o)
{
    for (size_t i = 0; i < o->q->site->group_count; i++)
        if (o->answer->groups[i].reached && o->answer->groups[i].via == VIA_BOUNDARY &&
            (o->q->site->groups[i].flags & PREFER_CLOUD))
            return true;
    return false;
}

/* Known and true, not known, known and false. */
static int64_t three_ways(int fact)
{
    return fact == 1 ? 0 : fact == 0 ? 2 : 1;
}

static void rank_current(const struct oracle *o, const struct site_dp *dp, struct oracle_dp *out)
{
    enum exclusion closed;
    long way = find_way(o, dp, &closed);
    if (site_is_cloud(dp))
        out->key[0] = prefers_cloud(o) ? 0 : 4;
    else if (out->locality == LOCALITY_COMPUTER)
        out->key[0] = 1;
    else
        out->key[0] = out->locality == LOCALITY_SUBNET ? 2 : 3;
    if (way >= 0)
        out->key[1] = turn(o, (size_t)way);
    out->key[2] = (int64_t)out->locality;
    out->key[3] = o->presence[index_of(o, dp)] == PRESENCE_UPDATING;
}

static void rank_2012(const struct oracle *o, const struct site_dp *dp, struct oracle_dp *out)
{
    static const int64_t order[LOCALITY_COUNT] = {
        [LOCALITY_COMPUTER] = 0, [LOCALITY_ADSITE] = 1, [LOCALITY_SUBNET] = 2,
        [LOCALITY_LOCAL] = 3,    [LOCALITY_REMOTE] = 4, [LOCALITY_INTERNET] = 5};
    out->key[0] = site_is_cloud(dp) ? 2 : out->fallback;
    out->key[1] = order[out->locality];
    out->key[2] = o->presence[index_of(o, dp)] == PRESENCE_UPDATING;
    out->key[3] = three_ways(dp->forest_trust);
    out->key[4] = !dp->https;
}

static void rank_2007(const struct oracle *o, const struct site_dp *dp, struct oracle_dp *out)
{
    static const int64_t order[LOCALITY_COUNT] = {
        [LOCALITY_COMPUTER] = 0, [LOCALITY_SUBNET] = 1, [LOCALITY_ADSITE] = 2,
        [LOCALITY_LOCAL] = 3,    [LOCALITY_REMOTE] = 3, [LOCALITY_INTERNET] = 3};
    out->key[0] = site_is_cloud(dp);
    out->key[1] = out->after_minutes;
    out->key[2] = out->distance == DISTANCE_REMOTE;
    out->key[3] = order[out->locality];
    out->key[4] = o->presence[index_of(o, dp)] == PRESENCE_UPDATING;
    out->key[5] = three_ways(dp->bits_enabled);
}

static void find_groups_of(const struct oracle *o, const struct site_dp *dp, struct oracle_dp *out)
{
    const struct site *site = o->q->site;
    for (size_t i = 0; i < site->group_count; i++) {
        if (!o->answer->groups[i].reached || find_in_group(o, i, dp) < 0 ||
            judge_group(o, i) != EXCLUSION_COUNT || due(o, i) > o->minutes)
            continue;
        out->groups |= 1U << i;
        for (size_t j = 0; j < site->groups[i].boundary_count; j++)
            out->boundaries |= 1U << site->groups[i].boundaries[j];
    }
    out->boundaries &= o->answer->boundaries;
}

static void locate(const struct oracle *o, const struct site_dp *dp, struct oracle_dp *out)
{
    enum exclusion closed;
    out->located = true;
    out->locality = find_locality(o, dp);
    out->distance = is_local(o, dp) ? DISTANCE_LOCAL : DISTANCE_REMOTE;
    if (site_is_cloud(dp))
        out->distance = DISTANCE_CLOUD;
    find_groups_of(o, dp, out);
    out->after_minutes = 0;
    if (o->q->rules == RULES_CURRENT) {
        long way = find_way(o, dp, &closed);
        out->after_minutes = way >= 0 ? due(o, (size_t)way) : 0;
        rank_current(o, dp, out);
    } else if (o->q->rules == RULES_2012) {
        out->fallback = out->locality == LOCALITY_REMOTE;
        rank_2012(o, dp, out);
    } else {
        out->fallback = o->answer->protecting && !dp->is_protected;
        out->after_minutes = o->answer->hiding && !dp->is_protected ? HIDDEN_MINUTES : 0;
        rank_2007(o, dp, out);
    }
}

static bool stands_before(const struct oracle_dp *a, const struct oracle_dp *b)
{
    for (size_t i = 0; i < ORACLE_KEYS; i++)
        if (a->key[i] != b->key[i])
            return a->key[i] < b->key[i];
    return false;
}

/* Each in turn goes behind all that it does not stand before. */
static void rank(struct oracle_answer *answer, size_t dp_count)
{
    for (size_t i = 0; i < dp_count; i++) {
        if (!answer->dps[i].located)
            continue;
        size_t at = answer->ranked_count++;
        for (; at > 0 && stands_before(&answer->dps[i], &answer->dps[answer->ranked[at - 1]]); at--)
            answer->ranked[at] = answer->ranked[at - 1];
        answer->ranked[at] = i;
    }
}

static void judge(struct oracle *o, const struct site_dp *dp, struct oracle_dp *out)
{
    out->code = find_code(o, dp);
    out->after_minutes = -1;
    if (out->code == EXCLUSION_COUNT) {
        locate(o, dp, out);
        return;
    }
    out->after_minutes = find_joining_minute(o, dp);
    int64_t next = o->answer->next_minute;
    if (out->after_minutes >= 0 && (next < 0 || out->after_minutes < next))
        o->answer->next_minute = out->after_minutes;
}

void oracle_decide(struct oracle_answer *answer, const struct oracle_question *question)
{
    const struct site *site = question->site;
    struct oracle o = {.q = question, .answer = answer, .minutes = question->minutes};
    if (site->dp_count > ORACLE_MOST || site->group_count > ORACLE_MOST ||
        site->boundary_count > ORACLE_MOST)
        abort();
    *answer = (struct oracle_answer){.next_minute = -1};
    for (size_t i = 0; question->content && i < site->dp_count; i++)
        o.presence[i] = site_presence(site, &site->dps[i], question->content).presence;
    answer->assigned_site = find_assigned_site(&o);
    find_groups(&o);
    find_servers_2007(&o);
    answer->on_demand_coming = is_on_demand_coming(&o);
    for (size_t i = 0; i < site->dp_count; i++)
        judge(&o, &site->dps[i], &answer->dps[i]);
    rank(answer, site->dp_count);
}

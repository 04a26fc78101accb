/*
 * The order of the locations (configmgr-facts 3.5): each rule set is a table of keys, the first in
 * which two locations differ decides; among equals a random order that stays the same.
 */
#include "agent/location/internal.h"

#include "policy/base/text.h"

#include <stdlib.h>

static uint64_t add_to_hash(uint64_t hash, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)(*text >= 'A' && *text <= 'Z' ? *text + 32 : *text);
        hash = (hash ^ c) * 0x100000001B3ULL;
    }
    return (hash ^ 0xFF) * 0x100000001B3ULL;
}

uint64_t location_seed(const struct location_request *request)
{
    const char *name = request->machine->name;
    const struct site_content *content = request->content->content;
    uint64_t hash = add_to_hash(0xCBF29CE484222325ULL, name ? name : "");
    return content ? add_to_hash(hash, content->id) : hash;
}

/* Highest random weight: FNV-1a over machine, content and DP, then SplitMix64's finish. The same
   machine keeps its order; a fleet spreads evenly (ours: ConfigMgr draws at random). */
uint64_t location_weight(uint64_t seed, const struct site_dp *dp)
{
    uint64_t hash = add_to_hash(seed, dp->name);
    hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9ULL;
    hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBULL;
    return hash ^ (hash >> 31);
}

/* Known to be so before not known, before known not to be. */
static int64_t preference(int truth)
{
    return truth > 0 ? 0 : truth < 0 ? 1 : 2;
}

/* 2012 asks the AD site before the subnet. */
static int64_t locality_2012(enum locality locality)
{
    if (locality == LOCALITY_ADSITE)
        return LOCALITY_SUBNET;
    return locality == LOCALITY_SUBNET ? LOCALITY_ADSITE : locality;
}

static bool prefers_cloud(const struct decision *decision)
{
    for (size_t i = 0; i < decision->group_count; i++)
        if (decision->groups[i].via == VIA_BOUNDARY &&
            (decision->groups[i].group->flags & SITE_GROUP_PREFER_CLOUD))
            return true;
    return false;
}

/* The smaller stands first. */
static int64_t key_of(enum rank_key key, const struct decision *decision,
                      const struct location *location)
{
    enum locality locality = location->locality;
    switch (key) {
    case RANK_PREFERRED_CLOUD: return !(locality == LOCALITY_CLOUD && prefers_cloud(decision));
    case RANK_COMPUTER: return locality != LOCALITY_COMPUTER;
    case RANK_SUBNET: return locality != LOCALITY_SUBNET;
    case RANK_CLOUD: return locality == LOCALITY_CLOUD;
    case RANK_FALLBACK: return location->fallback;
    case RANK_MINUTES: return location->turn;
    case RANK_DISTANCE: return location->distance;
    case RANK_LOCALITY:
        return decision->rules == RULES_2012 ? locality_2012(locality) : (int64_t)locality;
    case RANK_UPDATING: return location->presence.presence == PRESENCE_UPDATING;
    case RANK_TRUST: return preference(location->dp->forest_trust);
    case RANK_HTTPS: return !location->dp->https;
    case RANK_BITS: return preference(location->dp->bits_enabled);
    case RANK_RANDOM: break;
    }
    return 0;
}

static const enum rank_key keys_2007[LOCATION_KEYS] = {
    RANK_CLOUD,    RANK_MINUTES, RANK_DISTANCE, RANK_LOCALITY,
    RANK_UPDATING, RANK_BITS,    RANK_RANDOM,   RANK_RANDOM,
};
static const enum rank_key keys_2012[LOCATION_KEYS] = {
    RANK_CLOUD, RANK_FALLBACK, RANK_LOCALITY, RANK_UPDATING,
    RANK_TRUST, RANK_HTTPS,    RANK_RANDOM,   RANK_RANDOM,
};
/* What joins later stands after what joined before: so a default group with the smaller minutes
   stands before a neighbour. */
static const enum rank_key keys_current[LOCATION_KEYS] = {
    RANK_PREFERRED_CLOUD, RANK_CLOUD,    RANK_COMPUTER, RANK_SUBNET,
    RANK_MINUTES,         RANK_LOCALITY, RANK_UPDATING, RANK_RANDOM,
};

static const enum rank_key *keys_of(enum location_rules rules)
{
    if (rules == RULES_2007)
        return keys_2007;
    return rules == RULES_2012 ? keys_2012 : keys_current;
}

/* Where the keys differ; LOCATION_KEYS: nowhere. */
static size_t first_difference(const struct location *left, const struct location *right)
{
    size_t i = 0;
    while (i < LOCATION_KEYS && left->keys[i] == right->keys[i])
        i++;
    return i;
}

static int by_rank(const void *a, const void *b)
{
    const struct location *left = a, *right = b;
    size_t key = first_difference(left, right);
    if (key < LOCATION_KEYS)
        return left->keys[key] < right->keys[key] ? -1 : 1;
    if (left->weight != right->weight)
        return left->weight > right->weight ? -1 : 1;
    int order = text_compare(left->dp->name, right->dp->name);
    return order ? order : (left->dp > right->dp) - (left->dp < right->dp);
}

void location_rank(struct decision *decision)
{
    const enum rank_key *keys = keys_of(decision->rules);
    for (size_t i = 0; i < decision->location_count; i++)
        for (size_t j = 0; j < LOCATION_KEYS; j++)
            decision->locations[i].keys[j] = key_of(keys[j], decision, &decision->locations[i]);
    if (decision->location_count)
        qsort(decision->locations, decision->location_count, sizeof *decision->locations, by_rank);
}

enum rank_key decision_rank_key(const struct decision *decision, const struct location *first,
                                const struct location *second)
{
    size_t key = first_difference(first, second);
    return key < LOCATION_KEYS ? keys_of(decision->rules)[key] : RANK_RANDOM;
}

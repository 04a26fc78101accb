/*
 * The order of the locations (configmgr-facts 3.5): same computer, same subnet, then the pool as it
 * grew minute by minute, cloud last, or first where a group of the machine prefers it.
 */
#include "agent/location/internal.h"

#include "policy/base/text.h"

#include <stdlib.h>

struct ranking {
    const struct location_request *request;
    bool prefers_cloud;
};

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
static uint64_t weight(const struct ranking *ranking, const struct site_dp *dp)
{
    const struct machine *machine = ranking->request->machine;
    uint64_t hash = 0xCBF29CE484222325ULL;
    hash = add_to_hash(hash, machine->name ? machine->name : "");
    hash = add_to_hash(hash, ranking->request->content->id);
    hash = add_to_hash(hash, dp->name);
    hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9ULL;
    hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBULL;
    return hash ^ (hash >> 31);
}

enum section { PREFERRED_CLOUD, SAME_COMPUTER, SAME_SUBNET, POOL, CLOUD };

static enum section section_of(const struct ranking *ranking, const struct location *location)
{
    switch (location->locality) {
    case LOCALITY_CLOUD: return ranking->prefers_cloud ? PREFERRED_CLOUD : CLOUD;
    case LOCALITY_COMPUTER: return SAME_COMPUTER;
    case LOCALITY_SUBNET: return SAME_SUBNET;
    case LOCALITY_ADSITE:
    case LOCALITY_LOCAL:
    case LOCALITY_BOUNDARYGROUP:
    case LOCALITY_NEIGHBOR:
    case LOCALITY_SITEDEFAULT:
    case LOCALITY_REMOTE:
    case LOCALITY_INTERNET:
    case LOCALITY_COUNT: break;
    }
    return POOL;
}

/* What joins later stands after what joined before; so a default group with the smaller minutes
   stands before a neighbour. */
static int by_rank(const void *a, const void *b, void *arg)
{
    const struct ranking *ranking = arg;
    const struct location *left = a, *right = b;
    int order = (int)section_of(ranking, left) - (int)section_of(ranking, right);
    if (order)
        return order;
    if (left->after_minutes != right->after_minutes)
        return left->after_minutes < right->after_minutes ? -1 : 1;
    if (left->locality != right->locality)
        return (int)left->locality - (int)right->locality;
    order = (left->presence.presence == PRESENCE_UPDATING) -
            (right->presence.presence == PRESENCE_UPDATING);
    if (order)
        return order;
    uint64_t left_weight = weight(ranking, left->dp), right_weight = weight(ranking, right->dp);
    if (left_weight != right_weight)
        return left_weight > right_weight ? -1 : 1;
    return text_compare(left->dp->name, right->dp->name);
}

static bool prefers_cloud(const struct decision *decision)
{
    for (size_t i = 0; i < decision->group_count; i++)
        if (decision->groups[i].via == VIA_BOUNDARY &&
            (decision->groups[i].group->flags & SITE_GROUP_PREFER_CLOUD))
            return true;
    return false;
}

void location_rank(struct decision *decision, const struct location_request *request)
{
    struct ranking ranking = {request, prefers_cloud(decision)};
    if (decision->location_count)
        qsort_r(decision->locations, decision->location_count, sizeof *decision->locations, by_rank,
                &ranking);
}

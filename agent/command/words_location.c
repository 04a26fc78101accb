/* Why a distribution point is on the list, and at its place. */
#include "agent/command/words.h"

static void add_network(struct buf *out, const struct answer *answer,
                        const struct location *location)
{
    bool is_remote = location->group_count && location->groups[0]->via != VIA_BOUNDARY;
    if (location->locality == LOCALITY_COMPUTER)
        buf_append_text(out, "on the machine itself; ");
    else if (location->locality == LOCALITY_SUBNET)
        buf_append_text(out, is_remote ? "in the machine's own subnet, so before current groups' "
                                         "other subnets; "
                                       : "in the machine's own subnet; ");
    else if (location->locality == LOCALITY_ADSITE)
        buf_format(out, "in the machine's AD site %s; ", answer->world->machine.ad_site);
}

/* Why a cloud DP is allowed, and why it stands where it stands. */
static void add_cloud(struct buf *out, const struct answer *answer)
{
    const struct decision *decision = answer->decision;
    buf_append_text(out, "; ");
    words_add_setting(out, answer->world, SETTING_ALLOW_CLOUD_DP);
    for (size_t i = 0; decision->rules == RULES_CURRENT && i < decision->group_count; i++) {
        const struct located_group *group = &decision->groups[i];
        if (group->via != VIA_BOUNDARY || !(group->group->flags & SITE_GROUP_PREFER_CLOUD))
            continue;
        buf_format(out, "; first: '%s' prefers cloud sources (Flags %lld)", group->group->name,
                   (long long)group->group->flags);
        return;
    }
    buf_append_text(out, "; cloud stands last");
}

static void add_2012(struct buf *out, const struct answer *answer, const struct location *location)
{
    if (!location->fallback && location->group_count) {
        buf_append_text(out, "preferred: ");
        words_add_group(out, answer, location->groups[0]);
        if (location->distance == DISTANCE_REMOTE) {
            buf_append_text(out, "; its connection is slow, which the deployment allows: ");
            words_add_remote(out, answer);
        }
        return;
    }
    buf_format(out, "fallback: in no boundary group of the machine; it %s",
               location->dp->allow_fallback == 1 ? "allows fallback" : "is not protected");
    buf_append_text(out, "; the deployment allows fallback (");
    words_add_fallback(out, answer);
    buf_append_text(out, ") and slow networks (");
    words_add_remote(out, answer);
    buf_append_text(out, ")");
}

static void add_site_2007(struct buf *out, const struct answer *answer, const struct site_dp *dp)
{
    const struct decision *decision = answer->decision;
    if (decision->current_site_count == 0 && !decision->assigned_site) {
        buf_append_text(out, "no site of the machine is known: all distribution points serve it");
    } else if (decision->current_site_count == 0) {
        buf_format(out, "the current site is not known; of the assigned site %s",
                   decision->assigned_site);
    } else if (decision->assigned_serves) {
        buf_append_text(out, "no distribution point of the current site ");
        words_add_sites(out, decision);
        buf_format(out, " has the content; of the assigned site %s",
                   dp->site_code ? dp->site_code : "");
    } else if (!dp->site_code) {
        buf_append_text(out, "its site is not known, so it counts as of every one");
    } else {
        buf_append_text(out, "of the machine's current site ");
        words_add_sites(out, decision);
    }
}

/* Of those that hold the machine the first that is fast, else the first. */
static const struct site_boundary *deciding_boundary(const struct location *location)
{
    for (size_t i = 0; i < location->boundary_count; i++)
        if (!location->boundaries[i]->slow)
            return location->boundaries[i];
    return location->boundaries[0];
}

static void add_2007(struct buf *out, const struct answer *answer, const struct location *location)
{
    add_site_2007(out, answer, location->dp);
    buf_format(out, "; %s: ", distance_word(location->distance));
    if (location->boundary_count == 0) {
        buf_append_text(out, "no boundary of it holds the machine");
    } else {
        buf_append_text(out, "in a boundary group");
        words_add_boundary(out, answer->world, deciding_boundary(location));
        if (location->distance == DISTANCE_REMOTE)
            buf_append_text(out, ", and the boundary is slow");
    }
    if (location->dp->is_protected)
        buf_append_text(out, "; protected, for machines in its boundaries");
    else if (location->after_minutes)
        buf_format(out, "; not protected: from minute %lld beside the protected %s, which has it",
                   (long long)location->after_minutes, answer->decision->hiding->name);
}

static void add_unused(struct buf *out, size_t *count, bool is_there, const char *what)
{
    if (is_there)
        buf_format(out, "%s%s", (*count)++ ? ", " : "; ", what);
}

/* What decided before 1610 and decides nothing since. */
static void add_current(struct buf *out, const struct answer *answer,
                        const struct location *location)
{
    const struct site_dp *dp = location->dp;
    const struct site_group *group = location->groups[0]->group;
    size_t count = 0;
    words_add_group(out, answer, location->groups[0]);
    add_unused(out, &count, dp->is_protected, "protected");
    add_unused(out, &count, dp->allow_fallback == 1, "allows fallback");
    add_unused(out, &count, dp->allow_fallback == 0, "does not allow fallback");
    add_unused(out, &count, site_group_is_slow(&answer->world->site, group, dp), "slow connection");
    if (count)
        buf_append_text(out, ": not used since 1610");
}

static void add_way(struct buf *out, const struct answer *answer, const struct location *location)
{
    bool is_cloud = location->locality == LOCALITY_CLOUD;
    enum location_rules rules = answer->decision->rules;
    if (answer->request->machine->internet)
        buf_append_text(out, is_cloud ? "a cloud distribution point serves internet machines"
                                      : "internet-facing with HTTPS: on the internet no group "
                                        "counts");
    else if (rules == RULES_2007)
        add_2007(out, answer, location);
    else if (rules == RULES_2012 && is_cloud)
        buf_append_text(out, "a cloud distribution point, in a group or not");
    else if (rules == RULES_2012)
        add_2012(out, answer, location);
    else
        add_current(out, answer, location);
}

char *words_location(const struct answer *answer, const struct location *location)
{
    struct buf out = {0};
    add_network(&out, answer, location);
    add_way(&out, answer, location);
    if (location->locality == LOCALITY_CLOUD)
        add_cloud(&out, answer);
    if (location->presence.presence == PRESENCE_UPDATING)
        buf_format(&out, "; updating: the content is being updated there (state %d)",
                   location->presence.state);
    else if (location->presence.presence == PRESENCE_YES && location->presence.version < 0)
        buf_append_text(&out, "; which version is there is not known");
    return out.data;
}

/* Known to be so, not known, known not to be. */
static void add_preference(struct buf *out, const struct site_dp *first,
                           const struct site_dp *second, int truth, const char *what)
{
    if (truth > 0)
        buf_format(out, "%s %s", first->name, what);
    else
        buf_format(out, "%s may be one that %s, %s is none", first->name, what, second->name);
}

/* What one key tells of two locations. */
static void add_order(struct buf *out, const struct answer *answer, enum rank_key key,
                      const struct location *first, const struct location *second)
{
    const struct site_dp *a = first->dp, *b = second->dp;
    switch (key) {
    case RANK_PREFERRED_CLOUD:
        buf_format(out, "%s is cloud, which a group of the machine prefers", a->name);
        return;
    case RANK_COMPUTER: buf_format(out, "%s is the machine itself", a->name); return;
    case RANK_SUBNET: buf_format(out, "%s is in the machine's own subnet", a->name); return;
    case RANK_CLOUD: buf_format(out, "%s is cloud, which stands last", b->name); return;
    case RANK_FALLBACK: buf_format(out, "%s is preferred, %s fallback", a->name, b->name); return;
    case RANK_MINUTES:
        buf_format(out,
                   answer->request->deployment.task_sequence
                       ? "the group of %s has its turn before that of %s"
                       : "%s joined before %s",
                   a->name, b->name);
        return;
    case RANK_DISTANCE: buf_format(out, "%s is local, %s remote", a->name, b->name); return;
    case RANK_LOCALITY:
        buf_format(out, "%s stands before %s", locality_word(first->locality),
                   locality_word(second->locality));
        return;
    case RANK_UPDATING: buf_format(out, "the content of %s is being updated", b->name); return;
    case RANK_TRUST:
        add_preference(out, a, b, a->forest_trust, "stands in a trusted forest");
        return;
    case RANK_HTTPS: buf_format(out, "%s speaks HTTPS, %s HTTP", a->name, b->name); return;
    case RANK_BITS: add_preference(out, a, b, a->bits_enabled, "is BITS-enabled"); return;
    case RANK_RANDOM: break;
    }
    buf_append_text(out, "equals: at random, but the same for this machine and content");
}

char *words_order(const struct answer *answer, const struct location *first,
                  const struct location *second)
{
    struct buf out = {0};
    add_order(&out, answer, decision_rank_key(answer->decision, first, second), first, second);
    return out.data;
}

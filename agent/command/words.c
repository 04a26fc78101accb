/* A decision in words an administrator uses: which boundary, group, relationship, setting and
   document decided. Documents are cited for people only: of equal policy in whatever form the JSON
   is equal. */
#include "agent/command/command.h"

#include "policy/base/buf.h"

#include <stdio.h>
#include <string.h>

#define GROUPS_NAMED 3 /* of a DP that stands in no group of the machine */

void words_add_origin(struct buf *out, const struct world *world, const struct instance *instance)
{
    if (instance && world->cites)
        buf_format(out, " (%s)", instance_where(world->site.policy, instance));
}

static void add_setting(struct buf *out, const struct world *world, enum setting setting)
{
    const struct setting_row *row = &setting_rows[setting];
    int64_t value = world->settings.value[setting];
    buf_format(out, "%s = ", row->name);
    if (row->type == SETTING_BOOL)
        buf_append_text(out, value ? "True" : "False");
    else
        buf_format(out, "%lld", (long long)value);
    struct policy *policy = world->site.policy;
    buf_format(out, " (%s)",
               world->cites ? settings_origin_place(policy, &world->settings, setting)
                            : settings_origin_text(policy, &world->settings, setting));
}

/* The boundary that brings the machine into the group: the first of those that hold it. */
static const struct site_boundary *holding_boundary(const struct world *world,
                                                    const struct decision *decision,
                                                    const struct site_group *group)
{
    for (size_t i = 0; i < decision->boundary_count; i++)
        for (size_t j = 0; j < group->boundary_count; j++)
            if (&world->site.boundaries[group->boundaries[j]] == decision->boundaries[i])
                return decision->boundaries[i];
    return NULL;
}

static void add_boundary(struct buf *out, const struct world *world,
                         const struct site_boundary *boundary)
{
    buf_format(out, ", which holds the machine by the %s boundary %s",
               boundary_type_word(boundary->boundary.type), boundary->boundary.value);
    if (boundary->display_name && *boundary->display_name)
        buf_format(out, " '%s'", boundary->display_name);
    words_add_origin(out, world, boundary->instance);
}

/* The row that gave the minutes, or NULL where nothing did. */
static const struct site_relationship *deciding_row(const struct world *world,
                                                    const struct located_group *group)
{
    int64_t id = group->group->id;
    if (group->from == MINUTES_ROW && group->through)
        return site_find_relationship(&world->site, group->through->id, id);
    return group->from == MINUTES_DEFAULT ? site_find_relationship(&world->site, id, id) : NULL;
}

void words_add_minutes_from(struct buf *out, const struct world *world,
                            const struct located_group *group)
{
    const struct site_relationship *row = deciding_row(world, group);
    if (row && group->from == MINUTES_ROW)
        buf_format(out, "relationship from '%s', FallbackDP %lld", group->through->name,
                   (long long)row->minutes);
    else if (row)
        buf_format(out, "its default behavior, FallbackDP %lld", (long long)row->minutes);
    else
        buf_append_text(out, "no relationship and no default behavior says otherwise");
    if (row)
        words_add_origin(out, world, row->instance);
}

static void add_minutes(struct buf *out, const struct world *world,
                        const struct located_group *group)
{
    if (group->never)
        buf_append_text(out, ", which is never used: ");
    else if (group->minutes == 0)
        buf_append_text(out, ", which joins at once: ");
    else
        buf_format(out, ", which joins after %lld minutes: ", (long long)group->minutes);
    words_add_minutes_from(out, world, group);
}

static void add_group(struct buf *out, const struct world *world, const struct decision *decision,
                      const struct located_group *group)
{
    const struct site_boundary *boundary;
    switch (group->via) {
    case VIA_BOUNDARY:
        buf_format(out, "in boundary group '%s'", group->group->name);
        boundary = holding_boundary(world, decision, group->group);
        if (boundary)
            add_boundary(out, world, boundary);
        return;
    case VIA_NEIGHBOR:
        buf_format(out, "in '%s', a neighbor of '%s'", group->group->name, group->through->name);
        break;
    case VIA_SITE_DEFAULT:
        buf_format(out, "in the default group '%s'", group->group->name);
        if (!group->through) {
            buf_format(out, ": no boundary group holds the machine, and its site is %s",
                       decision->default_group_site);
            return;
        }
        break;
    }
    add_minutes(out, world, group);
}

static void add_locality(struct buf *out, const struct location *location)
{
    bool is_remote = location->group_count && location->groups[0]->via != VIA_BOUNDARY;
    if (location->locality == LOCALITY_COMPUTER)
        buf_append_text(out, "on the machine itself; ");
    else if (location->locality == LOCALITY_SUBNET)
        buf_append_text(out, is_remote ? "in the machine's own subnet, so before current groups' "
                                         "other subnets; "
                                       : "in the machine's own subnet; ");
}

/* Why a cloud DP is allowed, and why it stands where it stands. */
static void add_cloud(struct buf *out, const struct world *world, const struct decision *decision)
{
    buf_append_text(out, "; ");
    add_setting(out, world, SETTING_ALLOW_CLOUD_DP);
    for (size_t i = 0; i < decision->group_count; i++) {
        const struct located_group *group = &decision->groups[i];
        if (group->via != VIA_BOUNDARY || !(group->group->flags & SITE_GROUP_PREFER_CLOUD))
            continue;
        buf_format(out, "; first: '%s' prefers cloud sources (Flags %lld)", group->group->name,
                   (long long)group->group->flags);
        return;
    }
    buf_append_text(out, "; cloud stands last");
}

char *words_location(const struct world *world, const struct decision *decision,
                     const struct location *location)
{
    struct buf out = {0};
    bool is_cloud = location->locality == LOCALITY_CLOUD;
    add_locality(&out, location);
    if (location->group_count)
        add_group(&out, world, decision, location->groups[0]);
    else if (is_cloud)
        buf_append_text(&out, "a cloud distribution point serves internet machines");
    else
        buf_append_text(&out, "internet-facing with HTTPS: on the internet no group counts");
    if (is_cloud)
        add_cloud(&out, world, decision);
    if (location->presence.presence == PRESENCE_UPDATING)
        buf_format(&out, "; the content is being updated there (state %d)",
                   location->presence.state);
    if (location->dp->is_protected)
        buf_append_text(&out, "; protected: not used since 1610");
    return out.data;
}

static void add_no_content(struct buf *out, const struct decision *decision,
                           const struct site_presence *presence)
{
    if (!decision->content)
        buf_append_text(out, "the policy does not know the content");
    else if (presence->state < 0)
        buf_append_text(out, "the content was not distributed to it");
    else if (presence->state >= 4 && presence->state <= 6)
        buf_format(out, "the content is being removed: %s (state %d)",
                   site_state_word(presence->state), presence->state);
    else
        buf_format(out, "the content is not there: %s (state %d)", site_state_word(presence->state),
                   presence->state);
    if (presence->last_copied)
        buf_format(out, ", last copied %s", presence->last_copied);
}

static void add_versions(struct buf *out, const struct decision *decision,
                         const struct excluded_dp *excluded)
{
    long long there = excluded->presence.version, wanted = decision->content->version;
    if (excluded->code == EXCLUDED_OLD_VERSION)
        buf_format(out, "has version %lld, wanted %lld", there, wanted);
    else
        buf_format(out, "has version %lld, this machine's policy says %lld: fetch policy", there,
                   wanted);
}

static void add_strange_groups(struct buf *out, const struct world *world, const struct site_dp *dp)
{
    size_t count = 0;
    for (size_t i = 0; i < world->site.group_count; i++) {
        const struct site_group *group = &world->site.groups[i];
        if (!site_group_has_dp(&world->site, group, dp))
            continue;
        if (count < GROUPS_NAMED)
            buf_format(out, "%s'%s'", count ? ", " : "in ", group->name);
        count++;
    }
    if (count > GROUPS_NAMED)
        buf_format(out, " and %zu groups more", count - GROUPS_NAMED);
    if (count == 0)
        buf_append_text(out, "in no boundary group: it serves no intranet machine");
    else
        buf_format(out, ", which %s the machine and %s no neighbor of a group that does",
                   count == 1 ? "does not hold" : "do not hold", count == 1 ? "is" : "are");
}

static void add_metered(struct buf *out, const struct world *world)
{
    buf_append_text(out, "the machine is on a metered network: ");
    add_setting(out, world, SETTING_METERED_NETWORK_USAGE);
    if (world->settings.value[SETTING_METERED_NETWORK_USAGE] == 2)
        buf_append_text(out, ", and the deployment does not allow it");
}

/* What stands in the way of the DP itself. */
static void add_own_obstacle(struct buf *out, const struct world *world,
                             const struct excluded_dp *excluded)
{
    const struct site_dp *dp = excluded->dp;
    if (excluded->code == EXCLUDED_UNSUPPORTED_SCHEME) {
        buf_format(out, "its BaseURL '%s' is neither http nor https", dp->base_url);
    } else if (excluded->code == EXCLUDED_MAINTENANCE) {
        buf_append_text(out, "in maintenance mode");
        words_add_origin(out, world, dp->instance);
    } else if (excluded->code == EXCLUDED_CLOUD_NOT_ALLOWED) {
        buf_append_text(out, "a cloud distribution point, and ");
        add_setting(out, world, SETTING_ALLOW_CLOUD_DP);
    } else if (excluded->code == EXCLUDED_INTERNET_ONLY) {
        buf_append_text(out, "serves internet machines only (InternetFacing, not InternetShared)");
    } else if (excluded->code == EXCLUDED_INTRANET_ONLY) {
        buf_format(out, "the machine is on the internet, and this distribution point %s",
                   dp->internet_facing ? "speaks HTTP only" : "is not internet-facing");
    }
}

/* What stands in the way of the group that would reach the DP. */
static void add_group_obstacle(struct buf *out, const struct world *world,
                               const struct decision *decision, const struct excluded_dp *excluded)
{
    if (excluded->group)
        add_group(out, world, decision, excluded->group);
    if (excluded->code == EXCLUDED_REMOTE_NOT_ALLOWED)
        buf_append_text(out, "; the deployment allows neither neighbor nor default groups (0x40 "
                             "is not set)");
    else if (excluded->code == EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED)
        buf_append_text(out, "; the deployment forbids the default group (0x20000 is set)");
}

char *words_excluded(const struct world *world, const struct decision *decision,
                     const struct excluded_dp *excluded)
{
    struct buf out = {0};
    switch (excluded->code) {
    case EXCLUDED_UNSUPPORTED_SCHEME:
    case EXCLUDED_MAINTENANCE:
    case EXCLUDED_CLOUD_NOT_ALLOWED:
    case EXCLUDED_INTERNET_ONLY:
    case EXCLUDED_INTRANET_ONLY: add_own_obstacle(&out, world, excluded); break;
    case EXCLUDED_METERED: add_metered(&out, world); break;
    case EXCLUDED_NOT_IN_GROUP: add_strange_groups(&out, world, excluded->dp); break;
    case EXCLUDED_FALLBACK_NEVER:
    case EXCLUDED_REMOTE_NOT_ALLOWED:
    case EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED:
    case EXCLUDED_FALLBACK_NOT_DUE: add_group_obstacle(&out, world, decision, excluded); break;
    case EXCLUDED_NO_CONTENT: add_no_content(&out, decision, &excluded->presence); break;
    case EXCLUDED_OLD_VERSION:
    case EXCLUDED_NEWER_VERSION: add_versions(&out, decision, excluded); break;
    case EXCLUSION_COUNT: break;
    }
    return out.data;
}

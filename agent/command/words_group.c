/* A boundary group beside a machine, in words: its options, and when it serves the machine. */
#include "agent/command/where.h"

#include <stdio.h>

#define GROUPS_NAMED 5

/* SMS_BoundaryGroup.Flags (configmgr-sdk 1.1) */
char *words_group_options(int64_t flags)
{
    struct buf out = {0};
    if (flags & SITE_GROUP_NO_PEERS)
        buf_append_text(&out, "peer downloads not allowed");
    else
        buf_append_text(&out, "peer downloads allowed");
    if (!(flags & SITE_GROUP_NO_PEERS) && (flags & SITE_GROUP_SUBNET_PEERS))
        buf_append_text(&out, ", from the same subnet only");
    if (!(flags & SITE_GROUP_NO_PEERS) && (flags & SITE_GROUP_PREFER_DP))
        buf_append_text(&out, ", distribution points before peers of the same subnet");
    if (flags & SITE_GROUP_PREFER_CLOUD)
        buf_append_text(&out, ", cloud sources first");
    buf_format(&out, " (Flags %lld)", (long long)flags);
    return out.data;
}

static void add_minutes(struct buf *out, int64_t minutes)
{
    if (minutes < 0)
        buf_append_text(out, "never");
    else if (minutes == 0)
        buf_append_text(out, "at once");
    else
        buf_format(out, "after %lld minute%s", (long long)minutes, minutes == 1 ? "" : "s");
}

static void add_located(struct buf *out, const struct where *where,
                        const struct located_group *group)
{
    if (group->via == VIA_BOUNDARY) {
        buf_append_text(out, "holds the machine: its distribution points serve it at once");
        return;
    }
    if (!group->through) {
        buf_format(out,
                   "no boundary group holds the machine, and its site is %s: this default group "
                   "serves it at once",
                   where->decision.assigned_site);
        return;
    }
    buf_format(out, "%s of '%s', ", group->via == VIA_NEIGHBOR ? "neighbor" : "default group",
               group->through->name);
    if (group->never) {
        buf_append_text(out, "never used: ");
    } else {
        buf_append_text(out, "joins ");
        add_minutes(out, group->minutes);
        buf_append_text(out, ": ");
    }
    words_add_minutes_from(out, &where->world, group);
}

/* From which groups it could be reached. */
static void add_sources(struct buf *out, const struct where *where, const struct site_group *group)
{
    const struct site *site = &where->world.site;
    size_t count = 0;
    for (size_t i = 0; i < site->relationship_count; i++) {
        const struct site_relationship *row = &site->relationships[i];
        const struct site_group *source = site_find_group(site, row->source);
        if (row->destination != group->id || !source || source == group)
            continue;
        if (count < GROUPS_NAMED) {
            buf_format(out, "%s'%s' (", count ? ", " : "; it is a neighbor of ", source->name);
            add_minutes(out, row->minutes);
            buf_append_text(out, ")");
        }
        count++;
    }
    if (count > GROUPS_NAMED)
        buf_format(out, " and %zu more", count - GROUPS_NAMED);
    if (count == 0)
        buf_append_text(out, "; no group has it as a neighbor");
}

/* The groups whose boundaries hold the machine; false: there are none. */
static bool add_own_groups(struct buf *out, const struct where *where, const char *before)
{
    const struct decision *decision = &where->decision;
    size_t count = 0;
    for (size_t i = 0; i < decision->group_count; i++) {
        if (decision->groups[i].via != VIA_BOUNDARY)
            continue;
        if (count < GROUPS_NAMED)
            buf_format(out, "%s'%s'", count ? ", " : before, decision->groups[i].group->name);
        count++;
    }
    if (count > GROUPS_NAMED)
        buf_format(out, " and %zu more", count - GROUPS_NAMED);
    return count > 0;
}

/* A machine in some group reaches every default group. */
static void add_unreached(struct buf *out, const struct where *where,
                          const struct site_group *group)
{
    const char *site = where->decision.assigned_site;
    buf_append_text(out, "does not serve the machine: ");
    if (group->is_default) {
        buf_format(out, "it is site %s's, and the machine, in no group, uses that of site %s",
                   group->site_code ? group->site_code : "(not known)",
                   site ? site : "(not known)");
        return;
    }
    if (!add_own_groups(out, where, "it is no neighbor of "))
        buf_append_text(out, "the machine is in no group and uses its site's default group alone");
    add_sources(out, where, group);
}

char *words_group_verdict(const struct where *where, const struct site_group *group)
{
    struct buf out = {0};
    const struct located_group *located = where_find_group(where, group);
    if (where->world.machine.internet) {
        buf_append_text(&out, "the machine is on the internet: there no boundary group counts");
    } else if (located) {
        add_located(&out, where, located);
    } else {
        add_unreached(&out, where, group);
    }
    return out.data;
}

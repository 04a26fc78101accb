/* The pieces that reasons are made of. */
#include "agent/command/words.h"

#include <string.h>

void words_add_origin(struct buf *out, const struct world *world, const struct instance *instance)
{
    if (instance && world->cites)
        buf_format(out, " (%s)", instance_where(world->site.policy, instance));
}

void words_add_setting(struct buf *out, const struct world *world, enum setting setting)
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
static const struct site_boundary *holding_boundary(const struct answer *answer,
                                                    const struct site_group *group)
{
    const struct decision *decision = answer->decision;
    for (size_t i = 0; i < decision->boundary_count; i++)
        if (site_group_has_boundary(&answer->world->site, group, decision->boundaries[i]))
            return decision->boundaries[i];
    return NULL;
}

void words_add_boundary(struct buf *out, const struct world *world,
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

static void add_time(struct buf *out, const struct answer *answer,
                     const struct located_group *group)
{
    long long minutes = (long long)group->minutes;
    if (group->never)
        buf_append_text(out, ", which is never used: ");
    else if (answer->request->deployment.task_sequence)
        buf_format(out,
                   ", which a task sequence asks at once, in its turn (%lld minutes): ", minutes);
    else if (minutes == 0)
        buf_append_text(out, ", which joins at once: ");
    else
        buf_format(out, ", which joins after %lld minutes: ", minutes);
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

void words_add_group(struct buf *out, const struct answer *answer,
                     const struct located_group *group)
{
    const struct site_boundary *boundary;
    switch (group->via) {
    case VIA_BOUNDARY:
        buf_format(out, "in boundary group '%s'", group->group->name);
        boundary = holding_boundary(answer, group->group);
        if (boundary)
            words_add_boundary(out, answer->world, boundary);
        return;
    case VIA_NEIGHBOR:
        buf_format(out, "in '%s', a neighbor of '%s'", group->group->name, group->through->name);
        break;
    case VIA_SITE_DEFAULT:
        buf_format(out, "in the default group '%s'", group->group->name);
        if (!group->through) {
            buf_format(out, ": no boundary group holds the machine, and its site is %s",
                       answer->decision->assigned_site);
            return;
        }
        break;
    }
    add_time(out, answer, group);
    words_add_minutes_from(out, answer->world, group);
}

void words_add_remote(struct buf *out, const struct answer *answer)
{
    const struct location_deployment *deployment = &answer->request->deployment;
    if (deployment->assumed) {
        buf_append_text(out, "no deployment was named");
    } else if (deployment->options) {
        buf_format(out, "its deployment type says OnSlowNetwork %s",
                   deployment->remote ? "Download" : "DoNothing");
        words_add_origin(out, answer->world, deployment->options);
    } else {
        buf_append_text(out, deployment->remote                       ? "0x40 is set"
                             : location_deployment_remote(deployment) ? "0x200 is set"
                                                                      : "0x40 is not set");
    }
}

void words_add_fallback(struct buf *out, const struct answer *answer)
{
    const struct location_deployment *deployment = &answer->request->deployment;
    if (deployment->assumed) {
        buf_append_text(out, "no deployment was named");
    } else if (deployment->options) {
        buf_format(out, "its deployment type says FallbackToUnprotectedDP %s",
                   deployment->fallback ? "true" : "false, or nothing");
        words_add_origin(out, answer->world, deployment->options);
    } else {
        buf_format(out, "0x20000 is %s", deployment->fallback ? "not set" : "set");
    }
}

void words_add_sites(struct buf *out, const struct decision *decision)
{
    if (decision->current_site_count == 0)
        buf_append_text(out, "not known");
    for (size_t i = 0; i < decision->current_site_count; i++)
        buf_format(out, "%s%s", i ? " and " : "", decision->current_sites[i]);
}

void words_add_presence(struct buf *out, const struct site_presence *presence)
{
    if (presence->state >= 0)
        buf_format(out, "%s (state %d)", site_state_word(presence->state), presence->state);
    else
        buf_append_text(out, presence->presence == PRESENCE_ASSUMED
                                 ? "assumed: the policy does not say what is where"
                                 : "distributed to it");
    if (presence->version >= 0)
        buf_format(out, ", version %lld", (long long)presence->version);
    if (presence->last_copied)
        buf_format(out, ", last copied %s", presence->last_copied);
}

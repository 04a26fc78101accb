/* where for people: the facts, the boundaries, the groups, the nearest misses; or the answer to
   why a group or boundary does not hold the machine. */
#include "agent/command/where.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS_NAMED 5

static const char *machine_name(const struct where *where)
{
    const char *name = where->world.machine.name;
    return name ? name : "the machine";
}

/* ---- facts ---- */

static void add_adapter(struct buf *out, const json_t *adapter)
{
    const char *name = json_string_value(json_object_get(adapter, "name"));
    const char *description = json_string_value(json_object_get(adapter, "description"));
    buf_append_text(out, name ? name : "(no name)");
    if (description)
        buf_format(out, " | %s", description);
    if (json_is_true(json_object_get(adapter, "vpn")))
        buf_append_text(out, " (VPN)");
}

static void add_value(struct buf *out, const json_t *value)
{
    if (json_is_string(value))
        buf_append_text(out, json_string_value(value));
    else if (json_is_object(value))
        add_adapter(out, value);
    else if (json_is_boolean(value))
        buf_append_text(out, json_is_true(value) ? "yes" : "no");
    else if (json_is_null(value))
        buf_append_text(out, "not known");
    else if (json_array_size(value) == 0)
        buf_append_text(out, "none");
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (i)
            buf_append_text(out, ", ");
        add_value(out, json_array_get(value, i));
    }
}

/* "  (m.json)" */
static void add_origin(struct buf *out, const struct machine_fact *fact, bool is_truth)
{
    static const char *const words[] = {
        [MACHINE_NOT_KNOWN] = "nothing says otherwise",
        [MACHINE_FROM_FILE] = "",
        [MACHINE_FROM_POLICY] = "SMS_R_System, ",
        [MACHINE_FROM_SET] = "--set",
        [MACHINE_FROM_SYSTEM] = "this machine, ",
        [MACHINE_FROM_SETTINGS] = "settings file ",
        [MACHINE_COMPUTED] = "computed from the addresses",
    };
    if (fact->origin == MACHINE_NOT_KNOWN && !is_truth)
        return;
    bool whole = fact->origin == MACHINE_FROM_SET || !fact->place;
    buf_format(out, "  (%s%s)", words[fact->origin], whole ? "" : fact->place);
}

static void add_facts(const struct where *where, struct buf *out)
{
    const struct machine *machine = &where->world.machine;
    json_t *object = machine_to_json(machine);
    command_add_line(out, "machine");
    for (enum machine_member member = 0; member < MACHINE_MEMBER_COUNT; member++) {
        const char *name = machine_member_name(member);
        struct buf fact = {0};
        const json_t *value = json_object_get(object, name);
        add_value(&fact, value);
        add_origin(&fact, &machine->facts[member], json_is_boolean(value));
        command_add_line(out, "  %-12s %s", name, fact.data);
        buf_free(&fact);
    }
    json_decref(object);
}

/* ---- boundaries ---- */

/* Not the group that was asked about, where it is the only one. */
static void add_members(const struct where *where, const struct site_boundary *boundary,
                        struct buf *text)
{
    size_t count;
    const struct site_group *const *groups = where_groups_of(where, boundary, &count);
    if (count == 0)
        buf_append_text(text, ", in no group: it brings the machine nowhere");
    if (where->group_count && count == 1)
        return;
    for (size_t i = 0; i < count && i < GROUPS_NAMED; i++)
        buf_format(text, "%s'%s'", i ? ", " : ", in ", groups[i]->name);
    if (count > GROUPS_NAMED)
        buf_format(text, " and %zu more", count - GROUPS_NAMED);
}

/* "IPSubnet 10.20.1.0 'London' (16777221), in 'London' (policy.xml:12)" */
static void add_boundary(const struct where *where, const struct where_row *row, struct buf *out)
{
    const struct site_boundary *boundary = row->boundary;
    struct buf text = {0};
    buf_format(&text, "%s %s", boundary_type_word(boundary->boundary.type),
               boundary->boundary.value);
    if (boundary->display_name && *boundary->display_name)
        buf_format(&text, " '%s'", boundary->display_name);
    buf_format(&text, " (%lld)", (long long)boundary->id);
    add_members(where, boundary, &text);
    words_add_origin(&text, &where->world, boundary->instance);
    command_add_line(out, "  %s", text.data);
    buf_free(&text);
}

static void add_row(const struct where *where, const struct where_row *row, struct buf *out)
{
    char *why = words_boundary_why(where, row);
    add_boundary(where, row, out);
    command_add_line(out, "      %s", why);
    if (row->would.value)
        command_add_line(out, "      would hold: %s %s", boundary_type_word(row->would.type),
                         row->would.value);
    free(why);
}

static void add_rows(const struct where *where, size_t first, size_t end, struct buf *out)
{
    for (size_t i = first; i < end; i++)
        add_row(where, &where->rows[i], out);
}

/* ---- groups ---- */

static void add_servers(const struct where *where, const struct site_group *group, struct buf *out)
{
    struct buf text = {0};
    for (size_t i = 0; i < group->dp_count; i++) {
        const struct site_dp *dp = &where->world.site.dps[group->dps[i]];
        buf_format(&text, "%s%s (%s)", i ? ", " : "", dp->name, dp_kind_word(dp->kind));
    }
    command_add_line(out, "      servers   %s", text.data ? text.data : "no distribution point");
    buf_free(&text);
}

static void add_group(const struct where *where, const struct located_group *located,
                      struct buf *out)
{
    const struct site_group *group = located->group;
    char *verdict = words_group_verdict(where, group);
    command_add_line(out, "  %s (%lld): %s", group->name, (long long)group->id, verdict);
    free(verdict);
    add_servers(where, group, out);
    if (group->is_default)
        return;
    char *options = words_group_options(group->flags);
    command_add_line(out, "      options   %s", options);
    free(options);
}

/* What a machine in several groups may do with peers. */
static void add_options(const struct where *where, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < where->decision.group_count; i++)
        count += where->decision.groups[i].via == VIA_BOUNDARY;
    if (count < 2)
        return;
    char *options = words_group_options(where_flags(where));
    command_add_line(out, "  its %zu groups together: %s", count, options);
    free(options);
}

static void add_groups(const struct where *where, struct buf *out)
{
    const struct decision *decision = &where->decision;
    buf_append_text(out, "\ngroups\n");
    for (size_t i = 0; i < decision->group_count; i++)
        add_group(where, &decision->groups[i], out);
    add_options(where, out);
    if (where->world.machine.internet)
        buf_append_text(out, "  none: the machine is on the internet, there no boundary group "
                             "counts\n");
    else if (decision->group_count == 0)
        buf_append_text(out, "  none: no boundary group holds the machine, and no default group "
                             "is its site's\n");
}

void where_text(const struct where *where, struct buf *out)
{
    add_facts(where, out);
    buf_append_text(out, "\nboundaries that hold it\n");
    add_rows(where, 0, where->held_count, out);
    if (where->world.machine.internet)
        buf_append_text(out, "  none: the machine is on the internet, there no boundary counts\n");
    else if (where->held_count == 0)
        buf_append_text(out, "  none\n");
    add_groups(where, out);
    if (where->row_count > where->held_count)
        buf_append_text(out, "\nnearest misses\n");
    add_rows(where, where->held_count, where->row_count, out);
}

/* ---- why ---- */

static void add_head(const struct where *where, const struct site_group *group, struct buf *out)
{
    const struct located_group *located = where_find_group(where, group);
    bool holds = located && located->via == VIA_BOUNDARY;
    struct buf text = {0};
    buf_format(&text, "group %s (%lld) %s %s", group->name, (long long)group->id,
               holds ? "holds" : "does not hold", machine_name(where));
    if (group->boundary_count == 0)
        buf_append_text(&text, ": it has no boundary");
    words_add_origin(&text, &where->world, group->instance);
    command_add_line(out, "%s", text.data);
    buf_free(&text);
}

static void add_verdict(const struct where *where, const struct site_group *group, struct buf *out)
{
    char *verdict = words_group_verdict(where, group);
    buf_append_text(out, "\n");
    if (where->group_count > 1)
        command_add_line(out, "%s (%lld): %s", group->name, (long long)group->id, verdict);
    else
        command_add_line(out, "%s: %s", group->name, verdict);
    free(verdict);
}

static void add_title(const struct where *where, bool holds, size_t count, struct buf *out)
{
    const char *order = !holds && count > 1 ? ", nearest miss first" : "";
    if (count && out->len)
        buf_append_text(out, "\n");
    if (count && where->group_count)
        command_add_line(out, "boundaries that %s%s", holds ? "hold it" : "do not", order);
    else if (count)
        command_add_line(out, "%s %s%s", holds ? "holds" : "does not hold", machine_name(where),
                         order);
}

void where_text_why(const struct where *where, struct buf *out)
{
    size_t held = where->held_count, count = where->row_count;
    for (size_t i = 0; i < where->group_count; i++)
        add_head(where, where->groups[i], out);
    add_title(where, true, held, out);
    add_rows(where, 0, held, out);
    add_title(where, false, count - held, out);
    add_rows(where, held, count, out);
    for (size_t i = 0; i < where->group_count; i++)
        add_verdict(where, where->groups[i], out);
}

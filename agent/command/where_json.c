/* where --json: the contract's object, every member always there. */
#include "agent/command/location_json.h"
#include "agent/command/where.h"

#include <stdlib.h>

static json_t *origins_json(const struct machine *machine)
{
    json_t *object = json_object();
    for (enum machine_member member = 0; member < MACHINE_MEMBER_COUNT; member++) {
        const struct machine_fact *fact = &machine->facts[member];
        json_object_set_new(object, machine_member_name(member),
                            json_pack("{s:o, s:o}", "origin",
                                      location_json_text(machine_origin_word(fact->origin)),
                                      "place", location_json_text(fact->place)));
    }
    return object;
}

static json_t *options_json(int64_t flags)
{
    static const struct {
        int64_t bit;
        bool needs_peers;
        const char *word;
    } options[] = {
        {SITE_GROUP_SUBNET_PEERS, true, "samePeerSubnet"},
        {SITE_GROUP_PREFER_DP, true, "preferDP"},
        {SITE_GROUP_PREFER_CLOUD, false, "preferCloud"},
    };
    json_t *list = json_array();
    bool has_peers = !(flags & SITE_GROUP_NO_PEERS);
    if (has_peers)
        json_array_append_new(list, json_string("peerDownload"));
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if ((flags & options[i].bit) && (has_peers || !options[i].needs_peers))
            json_array_append_new(list, json_string(options[i].word));
    return list;
}

static json_t *dps_json(const struct where *where, const struct site_group *group)
{
    json_t *list = json_array();
    for (size_t i = 0; i < group->dp_count; i++)
        json_array_append_new(list, location_json_text(where->world.site.dps[group->dps[i]].name));
    return list;
}

/* The default groups have no Flags. */
static json_t *group_json(const struct where *where, const struct located_group *located)
{
    const struct site_group *group = located->group;
    json_t *object = location_json_group(located);
    json_t *through = located->through ? json_integer(located->through->id) : json_null();
    json_object_set_new(object, "through", through);
    json_object_set_new(object, "flags",
                        group->is_default ? json_null() : json_integer(group->flags));
    json_object_set_new(object, "options",
                        group->is_default ? json_null() : options_json(group->flags));
    json_object_set_new(object, "dps", dps_json(where, group));
    return object;
}

/* Of the machine's groups; null where it is in none. */
static json_t *together_json(const struct where *where)
{
    const struct decision *decision = &where->decision;
    bool in_group = decision->group_count && decision->groups[0].via == VIA_BOUNDARY;
    return in_group ? options_json(where_flags(where)) : json_null();
}

/* "boundary" and "group" are IDs, as in locate's locations. */
static json_t *row_json(const struct where *where, const struct where_row *row)
{
    const struct site_boundary *boundary = row->boundary;
    char *why = words_boundary_why(where, row);
    json_t *object = json_pack(
        "{s:I, s:s, s:o, s:o, s:o, s:o, s:o}", "boundary", (json_int_t)boundary->id, "type",
        boundary_type_word(boundary->boundary.type), "value",
        location_json_text(boundary->boundary.value), "name",
        location_json_text(boundary->display_name), "group",
        row->group ? json_integer(row->group->id) : json_null(), "groupName",
        location_json_text(row->group ? row->group->name : NULL), "why", location_json_text(why));
    free(why);
    return object;
}

static json_t *miss_json(const struct where *where, const struct where_row *row)
{
    json_t *object = row_json(where, row);
    const char *type = row->would.value ? boundary_type_word(row->would.type) : NULL;
    const char *code = where->world.machine.internet ? "INTERNET" : miss_word(row->miss.code);
    json_object_set_new(object, "code", json_string(code));
    json_object_set_new(object, "wouldHold", location_json_text(row->would.value));
    json_object_set_new(object, "wouldHoldType", location_json_text(type));
    return object;
}

static json_t *asked_json(const struct where *where)
{
    json_t *list = json_array();
    for (size_t i = 0; i < where->group_count; i++) {
        const struct site_group *group = where->groups[i];
        char *verdict = words_group_verdict(where, group);
        json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "group", (json_int_t)group->id,
                                              "groupName", location_json_text(group->name), "text",
                                              location_json_text(verdict)));
        free(verdict);
    }
    return list;
}

json_t *where_json(const struct where *where)
{
    const struct decision *decision = &where->decision;
    const struct machine *machine = &where->world.machine;
    json_t *groups = json_array(), *held = json_array(), *misses = json_array();
    for (size_t i = 0; i < decision->group_count; i++)
        json_array_append_new(groups, group_json(where, &decision->groups[i]));
    for (size_t i = 0; i < where->row_count; i++)
        if (i < where->held_count)
            json_array_append_new(held, row_json(where, &where->rows[i]));
        else
            json_array_append_new(misses, miss_json(where, &where->rows[i]));
    json_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "machine",
                               machine_to_json(machine), "origins", origins_json(machine),
                               "boundaries", location_json_boundaries(decision), "boundaryGroups",
                               groups, "held", held, "nearMisses", misses, "asked",
                               where->options->why ? asked_json(where) : json_null());
    json_object_set_new(object, "options", together_json(where));
    if (where->failure)
        json_object_set_new(object, "error", location_json_failure(where->failure));
    return object;
}

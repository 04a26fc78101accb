#include "agent/command/location_json.h"

json_t *location_json_text(const char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    return value ? value : json_null();
}

json_t *location_json_boundary(const struct site_boundary *boundary)
{
    return json_pack("{s:I, s:s, s:o, s:o}", "id", (json_int_t)boundary->id, "type",
                     boundary_type_word(boundary->boundary.type), "value",
                     location_json_text(boundary->boundary.value), "name",
                     location_json_text(boundary->display_name));
}

json_t *location_json_boundaries(const struct decision *decision)
{
    json_t *list = json_array();
    for (size_t i = 0; i < decision->boundary_count; i++)
        json_array_append_new(list, location_json_boundary(decision->boundaries[i]));
    return list;
}

static const char *via_word(enum group_via via)
{
    switch (via) {
    case VIA_BOUNDARY: return "boundary";
    case VIA_NEIGHBOR: return "neighbor";
    case VIA_SITE_DEFAULT: return "siteDefault";
    }
    return NULL;
}

static const char *minutes_word(enum minutes_from from)
{
    switch (from) {
    case MINUTES_NONE: return NULL;
    case MINUTES_ROW: return "row";
    case MINUTES_DEFAULT: return "default";
    case MINUTES_BUILT_IN: return "builtIn";
    }
    return NULL;
}

/* A group that is never used has FallbackDP's own -1. */
json_t *location_json_group(const struct located_group *group)
{
    return json_pack("{s:I, s:o, s:s, s:I, s:o}", "id", (json_int_t)group->group->id, "name",
                     location_json_text(group->group->name), "via", via_word(group->via),
                     "fallbackMinutes", (json_int_t)(group->never ? -1 : group->minutes),
                     "minutesFrom", location_json_text(minutes_word(group->from)));
}

json_t *location_json_groups(const struct decision *decision)
{
    json_t *list = json_array();
    for (size_t i = 0; i < decision->group_count; i++)
        json_array_append_new(list, location_json_group(&decision->groups[i]));
    return list;
}

json_t *location_json_failure(const struct error *failure)
{
    return json_pack("{s:s, s:o, s:o}", "code", failure->code, "blame",
                     location_json_text(error_blame_word(failure->blame)), "text",
                     location_json_text(failure->text));
}

/* locate --json: the contract's object, every member always there. */
#include "agent/command/locate.h"
#include "agent/command/location_json.h"

#include <stdlib.h>

static json_t *number_or_null(int64_t number)
{
    return number < 0 ? json_null() : json_integer(number);
}

static json_t *content_json(const struct locate *locate)
{
    const struct site_content *content = locate->request.content;
    bool counted = locate->has_manifest;
    bool has_version = content && content->has_version;
    return json_pack("{s:o, s:o, s:o, s:o}", "id",
                     location_json_text(content ? content->id : locate->asked), "version",
                     has_version ? json_integer(content->version) : json_null(), "size",
                     counted ? json_integer(locate->manifest.bytes) : json_null(), "files",
                     counted ? json_integer((json_int_t)locate->manifest.count) : json_null());
}

static json_t *setting_json(const struct locate *locate, enum setting setting)
{
    const struct settings *settings = &locate->world.settings;
    int64_t value = settings->value[setting];
    bool is_bool = setting_rows[setting].type == SETTING_BOOL;
    const char *origin = settings_origin_text(locate->world.site.policy, settings, setting);
    return json_pack("{s:o, s:o}", "value", is_bool ? json_boolean(value) : json_integer(value),
                     "origin", location_json_text(origin));
}

static json_t *settings_json(const struct locate *locate)
{
    static const enum setting deciding[] = {SETTING_ALLOW_CLOUD_DP, SETTING_METERED_NETWORK_USAGE};
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof deciding / sizeof deciding[0]; i++)
        json_object_set_new(object, setting_rows[deciding[i]].name,
                            setting_json(locate, deciding[i]));
    return object;
}

static json_t *assumed_json(const struct locate *locate)
{
    json_t *list = json_array();
    if (locate->request.deployment_assumed)
        json_array_append_new(list, json_string("deployment"));
    if (locate->decision.presence_assumed)
        json_array_append_new(list, json_string("presence"));
    if (locate->decision.addresses_assumed)
        json_array_append_new(list, json_string("dpAddresses"));
    return list;
}

static const char *distance_word(const struct location *location)
{
    if (location->locality == LOCALITY_CLOUD)
        return "cloud";
    if (location->group_count)
        return location->groups[0]->via == VIA_BOUNDARY ? "local" : "remote";
    return location->locality == LOCALITY_COMPUTER ? "local" : "remote";
}

static json_t *group_ids_json(const struct location *location)
{
    json_t *list = json_array();
    for (size_t i = 0; i < location->group_count; i++)
        json_array_append_new(list, json_integer(location->groups[i]->group->id));
    return list;
}

static json_t *boundary_ids_json(const struct location *location)
{
    json_t *list = json_array();
    for (size_t i = 0; i < location->boundary_count; i++)
        json_array_append_new(list, json_integer(location->boundaries[i]->id));
    return list;
}

static json_t *location_json(const struct locate *locate, size_t index)
{
    const struct location *location = &locate->decision.locations[index];
    char *reason = words_location(&locate->world, &locate->decision, location);
    json_t *object = json_pack(
        "{s:I, s:o, s:s, s:s, s:s, s:b, s:o, s:I, s:o, s:o, s:o}", "rank", (json_int_t)index + 1,
        "dp", location_json_text(location->dp->name), "kind", dp_kind_word(location->dp->kind),
        "locality", locality_word(location->locality), "distance", distance_word(location),
        "protected", (int)location->dp->is_protected, "url", location_json_text(location->url),
        "afterMinutes", (json_int_t)location->after_minutes, "groups", group_ids_json(location),
        "boundaries", boundary_ids_json(location), "reason", location_json_text(reason));
    free(reason);
    return object;
}

static json_t *excluded_json(const struct locate *locate, const struct excluded_dp *excluded)
{
    char *reason = words_excluded(&locate->world, &locate->decision, excluded);
    json_t *object = json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:o}", "dp", location_json_text(excluded->dp->name), "code",
        exclusion_word(excluded->code), "afterMinutes", number_or_null(excluded->after_minutes),
        "state", number_or_null(excluded->presence.state), "version",
        number_or_null(excluded->presence.version), "reason", location_json_text(reason));
    free(reason);
    return object;
}

json_t *locate_json(const struct locate *locate)
{
    const struct decision *decision = &locate->decision;
    json_t *locations = json_array(), *excluded = json_array();
    for (size_t i = 0; i < decision->location_count; i++)
        json_array_append_new(locations, location_json(locate, i));
    for (size_t i = 0; i < decision->excluded_count; i++)
        json_array_append_new(excluded, excluded_json(locate, &decision->excluded[i]));
    json_t *object = json_pack(
        "{s:o, s:o, s:s, s:{s:o, s:b}, s:o, s:o, s:o, s:o, s:o, s:o}", "content",
        content_json(locate), "machine", machine_to_json(&locate->world.machine), "rules",
        "current", "deployment", "id", location_json_text(locate->deployment_id), "assumed",
        (int)locate->request.deployment_assumed, "settings", settings_json(locate), "assumed",
        assumed_json(locate), "boundaries", location_json_boundaries(decision), "boundaryGroups",
        location_json_groups(decision), "locations", locations, "excluded", excluded);
    if (locate->failure)
        json_object_set_new(object, "error", location_json_failure(locate->failure));
    return object;
}

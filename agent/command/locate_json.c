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
    const struct site_content *content = locate->content;
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
    if (locate->question.request.deployment.assumed)
        json_array_append_new(list, json_string("deployment"));
    if (locate->decision.presence_assumed)
        json_array_append_new(list, json_string("presence"));
    if (locate->decision.addresses_assumed)
        json_array_append_new(list, json_string("dpAddresses"));
    return list;
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
    char *reason = words_location(&locate->answer, location);
    json_t *object = json_pack(
        "{s:I, s:o, s:s, s:s, s:s, s:b, s:o, s:I, s:o, s:o, s:o}", "rank", (json_int_t)index + 1,
        "dp", location_json_text(location->dp->name), "kind", dp_kind_word(location->dp->kind),
        "locality", locality_word(location->locality), "distance",
        distance_word(location->distance), "protected", (int)location->dp->is_protected, "url",
        location_json_text(location->url), "afterMinutes", (json_int_t)location->after_minutes,
        "groups", group_ids_json(location), "boundaries", boundary_ids_json(location), "reason",
        location_json_text(reason));
    free(reason);
    return object;
}

static json_t *excluded_json(const struct locate *locate, const struct excluded_dp *excluded)
{
    char *reason = words_excluded(&locate->answer, excluded);
    json_t *object = json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:o}", "dp", location_json_text(excluded->dp->name), "code",
        exclusion_word(excluded->code), "afterMinutes", number_or_null(excluded->after_minutes),
        "state", number_or_null(excluded->presence.state), "version",
        number_or_null(excluded->presence.version), "reason", location_json_text(reason));
    free(reason);
    return object;
}

static json_t *deployment_json(const struct locate *locate)
{
    const struct location_deployment *deployment = &locate->question.request.deployment;
    const struct site_deployment *named = locate->question.deployment;
    return json_pack(
        "{s:o, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "id",
        location_json_text(named ? named->id : NULL), "assumed", (int)deployment->assumed, "remote",
        (int)location_deployment_remote(deployment), "fallback", (int)deployment->fallback,
        "metered", (int)deployment->metered, "onDemand", (int)deployment->on_demand, "runFromDP",
        (int)deployment->run_from_dp, "taskSequence", (int)deployment->task_sequence);
}

/* What the 2007 rules ask first; null under the others. */
static json_t *sites_json(const struct decision *decision)
{
    if (decision->rules != RULES_2007)
        return json_null();
    json_t *current = json_array();
    for (size_t i = 0; i < decision->current_site_count; i++)
        json_array_append_new(current, location_json_text(decision->current_sites[i]));
    return json_pack("{s:o, s:o, s:b}", "current", current, "assigned",
                     location_json_text(decision->assigned_site), "assignedServes",
                     (int)decision->assigned_serves);
}

static json_t *why_json(const struct locate *locate)
{
    if (!locate->why)
        return json_null();
    json_t *steps = json_array();
    for (size_t i = 0; i < locate->walk.count; i++) {
        const struct location_step *step = &locate->walk.steps[i];
        char *text = locate_step_words(locate, step);
        json_array_append_new(
            steps, json_pack("{s:s, s:b, s:o}", "code", exclusion_word(step->code), "excludes",
                             (int)step->excludes, "text", location_json_text(text)));
        free(text);
    }
    return json_pack("{s:o, s:o}", "dp", location_json_text(locate->why->name), "steps", steps);
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
        "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "content",
        content_json(locate), "machine", machine_to_json(&locate->world.machine), "rules",
        location_rules_word(decision->rules), "deployment", deployment_json(locate), "settings",
        settings_json(locate), "assumed", assumed_json(locate), "boundaries",
        location_json_boundaries(decision), "boundaryGroups", location_json_groups(decision),
        "sites", sites_json(decision), "onDemandComing", (int)decision->on_demand_coming,
        "locations", locations, "excluded", excluded, "why", why_json(locate));
    if (locate->failure)
        json_object_set_new(object, "error", location_json_failure(locate->failure));
    return object;
}

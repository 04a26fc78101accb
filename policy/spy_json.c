#include "policy/spy.h"

#include "policy/base/text.h"
#include "policy/view.h"

#include <stdlib.h>
#include <string.h>

/* A path on this machine may hold any bytes; JSON may not. */
static json_t *text_or_null(const char *text)
{
    if (!text)
        return json_null();
    if (text_is_utf8(text, strlen(text)))
        return json_string_nocheck(text);
    struct buf escaped = {0};
    text_escape(&escaped, text, strlen(text), 4 * strlen(text));
    json_t *json = json_string_nocheck(escaped.data);
    buf_free(&escaped);
    return json;
}

static json_t *embedded_json(const struct instance *object);

static json_t *value_json(const struct value *value, bool secret)
{
    if (secret && value->type != VALUE_NULL)
        return json_string("(hidden)");
    switch (value->type) {
    case VALUE_NULL: break;
    case VALUE_BOOL: return json_boolean(value->truth);
    case VALUE_INT: return json_integer(value->number);
    case VALUE_TEXT: return text_or_null(value->text);
    case VALUE_ARRAY: {
        json_t *array = json_array();
        for (size_t i = 0; i < value->count; i++)
            json_array_append_new(array, value_json(&value->items[i], false));
        return array;
    }
    case VALUE_OBJECT: return embedded_json(value->object);
    }
    return json_null();
}

/* INSTANCE of the contract: nothing of the documents in it, so that equal policy is equal text. */
static json_t *object_json(const struct view_object *object)
{
    size_t count;
    struct view_property *shown = view_properties(object, &count);
    json_t *properties = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new_nocheck(properties, shown[i].name,
                                    value_json(shown[i].value, shown[i].secret));
    free(shown);
    json_t *json = json_object();
    json_object_set_new(json, "class", text_or_null(object->class_name));
    json_object_set_new(json, "properties", properties);
    return json;
}

static json_t *embedded_json(const struct instance *object)
{
    const struct view_object shown = {.class_name = object->class_name, .instance = object};
    return object_json(&shown);
}

/* An instance of a document, with where it stands. */
static json_t *instance_json(const struct instance *instance)
{
    const struct view_object object = {.class_name = instance->class_name, .instance = instance};
    json_t *json = object_json(&object);
    json_object_set_new(json, "policyID", text_or_null(instance->document->policy_id));
    json_object_set_new(json, "document", text_or_null(instance->document->path));
    json_object_set_new(json, "line", json_integer(instance->line));
    json_object_set_new(json, "rule", text_or_null(instance->rule));
    json_object_set_new(json, "partial", json_boolean(instance->partial));
    json_object_set_new(json, "applied",
                        json_boolean(!instance->why_not && !instance->document->why_not));
    json_object_set_new(json, "whyNot", text_or_null(instance->why_not));
    return json;
}

static const char *layer_word(enum layer layer)
{
    switch (layer) {
    case LAYER_BUILT_IN: return "builtIn";
    case LAYER_DEFAULT: return "default";
    case LAYER_CUSTOM: return "custom";
    case LAYER_LOCAL: return "local";
    }
    return NULL;
}

static json_t *document_json(const struct document *document)
{
    const char *why_not;
    bool is_applied = spy_is_applied(document, &why_not);
    json_t *json = json_object();
    json_object_set_new(json, "policyID", text_or_null(document->policy_id));
    json_object_set_new(json, "version", text_or_null(document->version_text));
    json_object_set_new(json, "source", text_or_null(document->source));
    json_object_set_new(json, "layer", text_or_null(layer_word(document->layer)));
    json_object_set_new(json, "priority", json_integer(document->priority));
    json_object_set_new(json, "document", text_or_null(document->path));
    json_object_set_new(json, "signed", json_null());
    json_object_set_new(json, "applied", json_boolean(is_applied));
    json_object_set_new(json, "whyNot", text_or_null(why_not));
    json_object_set_new(json, "instances", json_array());
    return json;
}

/* Instances stand in the order of reading: those of one document together, as the documents do. */
static json_t *requested_json(const struct policy *policy, const struct spy_path *path)
{
    json_t *array = json_array();
    size_t next = 0;
    for (size_t i = 0; i < policy->document_count; i++) {
        const struct document *document = policy->documents[i];
        json_t *json = document_json(document);
        json_t *instances = json_object_get(json, "instances");
        for (; next < policy->requested_count && policy->requested[next]->document == document;
             next++)
            json_array_append_new(instances, instance_json(policy->requested[next]));
        if (spy_selects(path, document->policy_id))
            json_array_append(array, json);
        json_decref(json);
    }
    return array;
}

static json_t *layer_json(const struct policy *policy, enum layer layer,
                          const struct spy_path *path)
{
    struct view_list list;
    view_layer(&list, policy, layer);
    json_t *array = json_array();
    for (size_t i = 0; i < list.count; i++)
        if (spy_selects(path, list.objects[i].class_name))
            json_array_append_new(array, instance_json(list.objects[i].instance));
    view_free(&list);
    return array;
}

static json_t *actual_json(struct policy *policy, const struct resultant *resultant,
                           const struct spy_path *path)
{
    struct view_list list;
    view_actual(&list, policy, resultant);
    json_t *array = json_array();
    for (size_t i = 0; i < list.count; i++)
        if (spy_selects(path, list.objects[i].class_name))
            json_array_append_new(array, object_json(&list.objects[i]));
    view_free(&list);
    return array;
}

static json_t *branch_json(enum spy_branch branch, struct policy *policy,
                           const struct resultant *resultant, const struct spy_path *path)
{
    switch (branch) {
    case SPY_REQUESTED: return requested_json(policy, path);
    case SPY_DEFAULT_SETTINGS: return layer_json(policy, LAYER_DEFAULT, path);
    case SPY_CUSTOM_SETTINGS: return layer_json(policy, LAYER_CUSTOM, path);
    case SPY_ACTUAL: return actual_json(policy, resultant, path);
    case SPY_EVENTS:
    case SPY_BRANCH_COUNT: break;
    }
    return json_array();
}

static json_t *client_json(const struct spy_client *client)
{
    json_t *json = json_object();
    json_object_set_new(json, "name", text_or_null(client->name));
    json_object_set_new(json, "site", text_or_null(client->site));
    json_object_set_new(json, "policyPoint", text_or_null(client->policy_point));
    json_object_set_new(json, "lastPolicy", text_or_null(client->last_policy));
    json_object_set_new(json, "nextPolicy", text_or_null(client->next_policy));
    return json;
}

json_t *spy_json(struct policy *policy, const struct resultant *resultant,
                 const struct spy_client *client, const struct spy_path *path)
{
    json_t *machine = json_object();
    size_t found = 0;
    for (size_t i = 0; i < SPY_BRANCH_COUNT; i++) {
        if (!spy_shows(path, (enum spy_branch)i))
            continue;
        json_t *branch = branch_json((enum spy_branch)i, policy, resultant, path);
        found += json_array_size(branch);
        json_object_set_new(machine, spy_branch_word((enum spy_branch)i), branch);
    }
    if (path->name && !found) {
        json_decref(machine);
        return NULL;
    }
    json_t *json = json_object();
    json_object_set_new(json, "client", client_json(client));
    json_object_set_new(json, "machine", machine);
    return json;
}

static json_t *why_value_json(const struct resultant_value *value)
{
    const struct instance *instance = value->instance;
    const struct document *document = instance ? instance->document : NULL;
    json_t *json = json_object();
    json_object_set_new(json, "value", value_json(&value->value, value->secret));
    json_object_set_new(json, "wins", json_boolean(value->wins));
    json_object_set_new(json, "layer", text_or_null(layer_word(value->layer)));
    json_object_set_new(json, "priority", document ? json_integer(value->priority) : json_null());
    json_object_set_new(json, "policyID", text_or_null(document ? document->policy_id : NULL));
    json_object_set_new(json, "version", text_or_null(document ? document->version_text : NULL));
    json_object_set_new(json, "document", text_or_null(document ? document->path : NULL));
    json_object_set_new(json, "partial", instance ? json_boolean(value->partial) : json_null());
    json_object_set_new(json, "class", text_or_null(instance ? instance->class_name : NULL));
    json_object_set_new(json, "line", instance ? json_integer(value->property->line) : json_null());
    json_object_set_new(json, "rule", text_or_null(instance ? instance->rule : NULL));
    return json;
}

json_t *spy_why_json(const struct resultant_setting *setting)
{
    const struct resultant_value *winner = resultant_winner(setting);
    const struct instance *instance = winner ? winner->instance : NULL;
    json_t *json = json_object();
    json_t *values = json_array();
    for (size_t i = 0; i < setting->count; i++)
        json_array_append_new(values, why_value_json(setting->values[i]));
    json_object_set_new(json, "name", text_or_null(setting->name));
    json_object_set_new(json, "class", text_or_null(instance ? instance->class_name : NULL));
    json_object_set_new(json, "value",
                        winner ? value_json(&winner->value, winner->secret) : json_null());
    json_object_set_new(json, "values", values);
    return json;
}

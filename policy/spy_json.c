#include "policy/spy.h"

#include "policy/base/text.h"
#include "policy/shown.h"
#include "policy/view.h"

#include <stdlib.h>
#include <string.h>

/* INSTANCE of the contract: nothing of the documents in it, so that equal policy is equal text. */
static void add_object(struct json_out *out, const struct view_object *object)
{
    json_out_open(out, NULL, '{');
    json_out_text(out, "class", object->class_name);
    shown_add_properties(out, object);
    json_out_close(out, '}');
}

static void add_settings_object(struct json_out *out, const struct settings_object *object)
{
    if (!object) {
        json_out_null(out, "settings");
        return;
    }
    json_out_open(out, "settings", '{');
    json_out_int(out, "id", object->id);
    json_out_text(out, "name", object->name);
    json_out_text(out, "collection", object->collection);
    json_out_close(out, '}');
}

/* An instance of a document, with where it stands; `source` is a settings instance's, or NULL. */
static void add_instance(struct json_out *out, const struct instance *instance,
                         const struct resultant_source *source)
{
    const struct view_object object = {.class_name = instance->class_name, .instance = instance};
    const struct document *document = instance->document;
    const char *why_not = document->why_not ? document->why_not : instance->why_not;
    if (source)
        why_not = source->why_not;
    json_out_open(out, NULL, '{');
    json_out_text(out, "class", instance->class_name);
    shown_add_properties(out, &object);
    json_out_text(out, "policyID", document->policy_id);
    json_out_text(out, "document", document->path);
    json_out_int(out, "line", instance->line);
    json_out_text(out, "rule", instance->rule);
    json_out_bool(out, "partial", source ? source->partial : instance->partial);
    json_out_bool(out, "applied", why_not == NULL);
    json_out_text(out, "whyNot", why_not);
    if (source) {
        json_out_int(out, "priority", source->priority);
        add_settings_object(out, source->object);
    }
    json_out_close(out, '}');
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

static void add_document(struct json_out *out, const struct document *document)
{
    const char *why_not;
    bool is_applied = spy_is_applied(document, &why_not);
    json_out_text(out, "policyID", document->policy_id);
    json_out_text(out, "version", document->version_text);
    json_out_text(out, "source", document->source);
    json_out_text(out, "layer", layer_word(document->layer));
    json_out_int(out, "priority", document->priority);
    json_out_text(out, "document", document->path);
    json_out_bool(out, "signed", document->signer != NULL);
    json_out_text(out, "signer", document->signer);
    json_out_bool(out, "applied", is_applied);
    json_out_text(out, "whyNot", why_not);
}

/* Instances stand in the order of reading: those of one document together, as the documents do. */
static void add_requested(struct json_out *out, const struct policy *policy,
                          const struct spy_path *path)
{
    size_t next = 0;
    for (size_t i = 0; i < policy->document_count; i++) {
        const struct document *document = policy->documents[i];
        size_t first = next;
        while (next < policy->requested_count && policy->requested[next]->document == document)
            next++;
        if (!spy_selects_document(path, document))
            continue;
        json_out_open(out, NULL, '{');
        add_document(out, document);
        json_out_open(out, "instances", '[');
        for (size_t j = first; j < next; j++)
            add_instance(out, policy->requested[j], NULL);
        json_out_close(out, ']');
        json_out_close(out, '}');
    }
}

static void add_layer(struct json_out *out, const struct resultant *resultant, enum layer layer,
                      const struct spy_path *path)
{
    struct view_list list;
    view_layer(&list, resultant, layer);
    for (size_t i = 0; i < list.count; i++)
        if (spy_selects(path, list.objects[i].class_name))
            add_instance(out, list.objects[i].instance, list.objects[i].source);
    view_free(&list);
}

static void add_actual(struct json_out *out, const struct spy *spy, const struct spy_path *path)
{
    struct view_list list;
    view_actual(&list, spy->policy, spy->resultant);
    for (size_t i = 0; i < list.count; i++)
        if (spy_selects(path, list.objects[i].class_name))
            add_object(out, &list.objects[i]);
    view_free(&list);
}

static void add_events(struct json_out *out, const struct spy_client *client)
{
    for (size_t i = 0; i < client->event_count; i++) {
        const struct spy_event *event = &client->events[i];
        json_out_open(out, NULL, '{');
        json_out_text(out, "time", event->time);
        json_out_text(out, "event", event->kind);
        json_out_text(out, "policyID", event->policy_id);
        json_out_text(out, "version", event->version);
        json_out_text(out, "text", event->text);
        json_out_close(out, '}');
    }
}

static void add_branch(struct json_out *out, enum spy_branch branch, const struct spy *spy,
                       const struct spy_path *path)
{
    json_out_open(out, spy_branch_word(branch), '[');
    switch (branch) {
    case SPY_REQUESTED: add_requested(out, spy->policy, path); break;
    case SPY_DEFAULT_SETTINGS: add_layer(out, spy->resultant, LAYER_DEFAULT, path); break;
    case SPY_CUSTOM_SETTINGS: add_layer(out, spy->resultant, LAYER_CUSTOM, path); break;
    case SPY_ACTUAL: add_actual(out, spy, path); break;
    case SPY_EVENTS: add_events(out, &spy->client); break;
    case SPY_BRANCH_COUNT: break;
    }
    json_out_close(out, ']');
}

static void add_client(struct json_out *out, const struct spy_client *client)
{
    json_out_open(out, "client", '{');
    json_out_text(out, "name", client->name);
    json_out_text(out, "site", client->site);
    json_out_text(out, "policyPoint", client->policy_point);
    json_out_text(out, "lastPolicy", client->last_policy);
    json_out_text(out, "nextPolicy", client->next_policy);
    json_out_close(out, '}');
}

bool spy_json(const struct spy *spy, const struct spy_path *path, struct sink *sink)
{
    struct json_out out = {.sink = sink};
    json_out_open(&out, NULL, '{');
    add_client(&out, &spy->client);
    json_out_text(&out, "summary", spy->client.summary);
    json_out_open(&out, "machine", '{');
    for (enum spy_branch i = SPY_REQUESTED; i < SPY_BRANCH_COUNT; i++)
        if (spy_shows(path, i))
            add_branch(&out, i, spy, path);
    json_out_close(&out, '}');
    json_out_close(&out, '}');
    return json_out_finish(&out);
}

static void add_why_value(struct json_out *out, const struct resultant_value *value)
{
    const struct resultant_source *source = value->source;
    const struct instance *instance = source ? source->instance : NULL;
    const struct document *document = instance ? instance->document : NULL;
    json_out_open(out, NULL, '{');
    shown_add_json(out, "value", &value->value, value->secret, false);
    json_out_bool(out, "wins", value->wins);
    json_out_text(out, "layer", layer_word(resultant_layer(value)));
    if (source)
        json_out_int(out, "priority", source->priority);
    else
        json_out_null(out, "priority");
    json_out_text(out, "policyID", document ? document->policy_id : NULL);
    json_out_text(out, "version", document ? document->version_text : NULL);
    json_out_text(out, "document", document ? document->path : NULL);
    if (source)
        json_out_bool(out, "partial", source->partial);
    else
        json_out_null(out, "partial");
    json_out_text(out, "class", instance ? instance->class_name : NULL);
    if (instance)
        json_out_int(out, "line", value->property->line);
    else
        json_out_null(out, "line");
    json_out_text(out, "rule", instance ? instance->rule : NULL);
    add_settings_object(out, source ? source->object : NULL);
    json_out_bool(out, "applied", !source || !source->why_not);
    json_out_text(out, "whyNot", source ? source->why_not : NULL);
    json_out_close(out, '}');
}

bool spy_why_json(const struct resultant_setting *setting, struct sink *sink)
{
    static const struct value nothing = {.type = VALUE_NULL};
    struct json_out out = {.sink = sink};
    const struct resultant_value *winner = resultant_winner(setting);
    const struct resultant_source *source = winner ? winner->source : NULL;
    json_out_open(&out, NULL, '{');
    json_out_text(&out, "name", setting->name);
    json_out_text(&out, "class", source ? source->instance->class_name : NULL);
    shown_add_json(&out, "value", winner ? &winner->value : &nothing, winner && winner->secret,
                   false);
    json_out_open(&out, "values", '[');
    for (size_t i = 0; i < setting->count; i++)
        add_why_value(&out, setting->values[i]);
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    return json_out_finish(&out);
}

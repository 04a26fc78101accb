#include "policy/spy.h"

#include "policy/base/text.h"
#include "policy/settings.h"
#include "policy/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Longer texts (a manifest, say) are cut, with their size. */
#define TEXT_SHOWN 160

static void add_text(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    text_escape(out, text, len, TEXT_SHOWN);
    if (len > TEXT_SHOWN)
        buf_format(out, " (%zu bytes)", len);
}

static void add_embedded(struct buf *out, const struct instance *object);

static void add_value(struct buf *out, const struct value *value, bool secret)
{
    if (secret && value->type != VALUE_NULL) {
        buf_append_text(out, "(hidden)");
        return;
    }
    switch (value->type) {
    case VALUE_NULL: buf_append_text(out, "null"); break;
    case VALUE_BOOL: buf_append_text(out, value->truth ? "True" : "False"); break;
    case VALUE_INT: buf_format(out, "%" PRId64, value->number); break;
    case VALUE_TEXT: add_text(out, value->text); break;
    case VALUE_ARRAY:
        buf_append_text(out, "{");
        for (size_t i = 0; i < value->count; i++) {
            buf_append_text(out, i ? ", " : "");
            add_value(out, &value->items[i], false);
        }
        buf_append_text(out, "}");
        break;
    case VALUE_OBJECT: add_embedded(out, value->object); break;
    }
}

/* "SMS_CloudAgentConfig { AllowCloudDP = True, AgentID = 22 }" */
static void add_embedded(struct buf *out, const struct instance *object)
{
    add_text(out, object->class_name);
    for (size_t i = 0; i < object->count; i++) {
        const struct property *property = &object->properties[i];
        buf_append_text(out, i ? ", " : " { ");
        add_text(out, property->name);
        buf_append_text(out, " = ");
        add_value(out, &property->value, property->secret);
    }
    buf_append_text(out, object->count ? " }" : " {}");
}

/* "policy {…} version 2.00, folder/file.xml:12" */
static void add_place(struct buf *out, const struct instance *instance, unsigned line)
{
    const struct document *document = instance->document;
    buf_append_text(out, "policy ");
    add_text(out, document->policy_id);
    buf_format(out, " version %s, ", document->version_text);
    text_escape(out, document->path, strlen(document->path), SIZE_MAX / 2);
    buf_format(out, ":%u", line);
}

/* "custom settings, priority 10, " and the place */
static void add_origin(struct buf *out, const struct instance *instance, int64_t priority,
                       unsigned line)
{
    buf_append_text(out, settings_layer_words(instance->document->layer));
    if (priority != PRECEDENCE_NONE)
        buf_format(out, ", priority %" PRId64, priority);
    buf_append_text(out, ", ");
    add_place(out, instance, line);
}

static void add_properties(struct buf *out, const struct view_object *object)
{
    size_t count;
    struct view_property *shown = view_properties(object, &count);
    for (size_t i = 0; i < count; i++) {
        const struct resultant_value *origin = shown[i].origin;
        buf_append_text(out, "      ");
        add_text(out, shown[i].name);
        buf_append_text(out, " = ");
        add_value(out, shown[i].value, shown[i].secret);
        if (origin && origin->instance) {
            buf_append_text(out, "  [");
            add_origin(out, origin->instance, origin->priority, origin->property->line);
            buf_append_text(out, "]");
        } else if (origin) {
            buf_append_text(out, "  [built-in]");
        }
        buf_append_text(out, "\n");
    }
    free(shown);
}

/* With the origin of the whole where it is of one document; layers are the settings' alone. */
static void add_object(struct buf *out, const struct view_object *object)
{
    const struct instance *instance = object->instance;
    buf_append_text(out, "    ");
    add_text(out, object->class_name);
    if (instance && resultant_is_settings_class(instance->class_name)) {
        buf_append_text(out, "  [");
        add_origin(out, instance, instance->document->priority, instance->line);
        buf_append_text(out, instance->partial ? ", partial]" : ", complete]");
    } else if (instance) {
        buf_append_text(out, "  [");
        add_place(out, instance, instance->line);
        buf_append_text(out, "]");
    }
    buf_append_text(out, "\n");
    add_properties(out, object);
}

/* Below its document the class is enough. */
static void add_requested_instance(struct buf *out, const struct instance *instance)
{
    const struct view_object object = {.class_name = instance->class_name, .instance = instance};
    buf_append_text(out, "    ");
    add_text(out, instance->class_name);
    buf_format(out, "  [line %u%s]\n", instance->line, instance->why_not ? ", not applied" : "");
    add_properties(out, &object);
}

static void add_document(struct buf *out, const struct document *document)
{
    const char *why_not;
    bool is_applied = spy_is_applied(document, &why_not);
    buf_append_text(out, "  ");
    add_text(out, document->policy_id);
    buf_format(out, " version %s", document->version_text);
    if (document->source) {
        buf_append_text(out, " from ");
        add_text(out, document->source);
    }
    buf_format(out, ", %s", settings_layer_words(document->layer));
    if (document->priority != PRECEDENCE_NONE)
        buf_format(out, ", priority %" PRId64, document->priority);
    buf_append_text(out, ", ");
    text_escape(out, document->path, strlen(document->path), SIZE_MAX / 2);
    buf_append_text(out, "\n");
    if (why_not) {
        buf_append_text(out, is_applied ? "    in part: " : "    not applied: ");
        text_escape(out, why_not, strlen(why_not), SIZE_MAX / 2);
        buf_append_text(out, "\n");
    }
}

static size_t add_requested(struct buf *out, const struct policy *policy,
                            const struct spy_path *path)
{
    size_t next = 0, found = 0;
    for (size_t i = 0; i < policy->document_count; i++) {
        const struct document *document = policy->documents[i];
        bool is_selected = spy_selects(path, document->policy_id);
        if (is_selected) {
            add_document(out, document);
            found++;
        }
        for (; next < policy->requested_count && policy->requested[next]->document == document;
             next++)
            if (is_selected)
                add_requested_instance(out, policy->requested[next]);
    }
    return found;
}

static size_t add_list(struct buf *out, struct view_list *list, const struct spy_path *path)
{
    size_t found = 0;
    for (size_t i = 0; i < list->count; i++)
        if (spy_selects(path, list->objects[i].class_name)) {
            add_object(out, &list->objects[i]);
            found++;
        }
    view_free(list);
    return found;
}

static size_t add_branch(struct buf *out, enum spy_branch branch, struct policy *policy,
                         const struct resultant *resultant, const struct spy_path *path)
{
    static const char *const titles[SPY_BRANCH_COUNT] = {"Requested", "DefaultSettings",
                                                         "CustomSettings", "Actual", "Events"};
    struct view_list list = {0};
    buf_format(out, "Machine\\%s\n", titles[branch]);
    switch (branch) {
    case SPY_REQUESTED: return add_requested(out, policy, path);
    case SPY_DEFAULT_SETTINGS: view_layer(&list, policy, LAYER_DEFAULT); break;
    case SPY_CUSTOM_SETTINGS: view_layer(&list, policy, LAYER_CUSTOM); break;
    case SPY_ACTUAL: view_actual(&list, policy, resultant); break;
    case SPY_EVENTS:
    case SPY_BRANCH_COUNT: break;
    }
    return add_list(out, &list, path);
}

static void add_client(struct buf *out, const struct spy_client *client)
{
    const struct {
        const char *name, *value;
    } rows[] = {
        {"Name", client->name},
        {"Site", client->site},
        {"Policy point", client->policy_point},
        {"Last policy", client->last_policy},
        {"Next policy", client->next_policy},
    };
    buf_append_text(out, "Client\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_format(out, "  %s = ", rows[i].name);
        add_text(out, rows[i].value ? rows[i].value : "not known");
        buf_append_text(out, "\n");
    }
}

bool spy_text(struct buf *out, struct policy *policy, const struct resultant *resultant,
              const struct spy_client *client, const struct spy_path *path)
{
    size_t found = 0;
    if (path->branch == SPY_BRANCH_COUNT)
        add_client(out, client);
    for (size_t i = 0; i < SPY_BRANCH_COUNT; i++)
        if (spy_shows(path, (enum spy_branch)i))
            found += add_branch(out, (enum spy_branch)i, policy, resultant, path);
    return !path->name || found > 0;
}

static void add_why_value(struct buf *out, const struct resultant_value *value)
{
    buf_append_text(out, value->wins ? "  wins    " : "  beaten  ");
    add_value(out, &value->value, value->secret);
    buf_append_text(out, "  [");
    if (value->instance) {
        add_origin(out, value->instance, value->priority, value->property->line);
        buf_append_text(out, ", ");
        add_text(out, value->instance->class_name);
        buf_append_text(out, value->partial ? ", partial" : ", complete");
    } else {
        buf_append_text(out, settings_layer_words(value->layer));
    }
    buf_append_text(out, "]\n");
    if (value->hidden_by) {
        buf_append_text(out, "          hidden by the complete instance at ");
        const char *path = value->hidden_by->document->path;
        text_escape(out, path, strlen(path), SIZE_MAX / 2);
        buf_format(out, ":%u\n", value->hidden_by->line);
    }
}

void spy_why_text(struct buf *out, const struct resultant_setting *setting)
{
    const struct resultant_value *winner = resultant_winner(setting);
    add_text(out, setting->name);
    buf_append_text(out, " = ");
    if (winner)
        add_value(out, &winner->value, winner->secret);
    else
        buf_append_text(out, "not set");
    buf_append_text(out, "\n");
    for (size_t i = 0; i < setting->count; i++)
        add_why_value(out, setting->values[i]);
}

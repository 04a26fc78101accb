#include "policy/spy.h"

#include "policy/base/text.h"
#include "policy/origin.h"
#include "policy/shown.h"
#include "policy/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What a run of printing shares. */
struct printing {
    const struct spy *spy;
    const struct spy_path *path;
    struct sink *sink;
    struct buf text;
};

/* "custom settings, priority 10, policy {...} version 2.00, folder/file.xml:12" */
static void add_origin(struct buf *out, const struct resultant_source *source, unsigned line)
{
    origin_add_source(out, source);
    if (source) {
        buf_append_text(out, ", ");
        origin_add_place(out, source->instance->document, line);
    }
}

static void add_properties(struct buf *out, const struct view_object *object)
{
    size_t count;
    struct view_property *shown = view_properties(object, &count);
    for (size_t i = 0; i < count; i++) {
        const struct resultant_value *origin = shown[i].origin;
        buf_append_text(out, "      ");
        origin_add_text(out, shown[i].name);
        buf_append_text(out, " = ");
        shown_add_text(out, shown[i].value, shown[i].secret);
        if (origin) {
            buf_append_text(out, "  [");
            add_origin(out, origin->source, origin->property ? origin->property->line : 0);
            buf_append_text(out, "]");
        }
        buf_append_text(out, "\n");
    }
    free(shown);
}

static void add_why_not(struct buf *out, const char *why_not)
{
    if (!why_not)
        return;
    buf_append_text(out, "      not applied: ");
    text_escape(out, why_not, strlen(why_not), SIZE_MAX / 2);
    buf_append_text(out, "\n");
}

/* With the origin of the whole where it is of one document; layers are the settings' alone. */
static void add_object(struct buf *out, const struct view_object *object)
{
    const struct instance *instance = object->instance;
    const struct resultant_source *source = object->source;
    buf_append_text(out, "    ");
    origin_add_text(out, object->class_name);
    if (instance) {
        buf_append_text(out, "  [");
        if (source)
            add_origin(out, source, instance->line);
        else
            origin_add_place(out, instance->document, instance->line);
        if (source)
            buf_append_text(out, source->partial ? ", partial" : ", complete");
        buf_append_text(out, "]");
    }
    buf_append_text(out, "\n");
    add_why_not(out, source ? source->why_not : NULL);
    add_properties(out, object);
}

/* Below its document the class is enough. */
static void add_requested_instance(struct buf *out, const struct instance *instance)
{
    const struct view_object object = {.class_name = instance->class_name, .instance = instance};
    buf_append_text(out, "    ");
    origin_add_text(out, instance->class_name);
    buf_format(out, "  [line %u]\n", instance->line);
    add_why_not(out, instance->why_not);
    add_properties(out, &object);
}

static void add_document(struct buf *out, const struct document *document)
{
    const char *why_not;
    bool is_applied = spy_is_applied(document, &why_not);
    buf_append_text(out, "  ");
    if (document->policy_id) {
        origin_add_text(out, document->policy_id);
        buf_format(out, " version %s", document->version_text);
    } else {
        buf_append_text(out, document->is_reply ? "assignments" : "export");
    }
    if (document->source) {
        buf_append_text(out, " from ");
        origin_add_text(out, document->source);
    }
    if (!document->is_reply)
        buf_format(out, ", %s", origin_layer_words(document->layer));
    if (document->priority != PRECEDENCE_NONE)
        buf_format(out, ", priority %" PRId64, document->priority);
    buf_append_text(out, ", ");
    text_escape(out, document->path, strlen(document->path), SIZE_MAX / 2);
    if (document->signer) {
        buf_append_text(out, ", signed by ");
        origin_add_text(out, document->signer);
    }
    buf_append_text(out, "\n");
    if (why_not) {
        buf_append_text(out, is_applied ? "    in part: " : "    not applied: ");
        text_escape(out, why_not, strlen(why_not), SIZE_MAX / 2);
        buf_append_text(out, "\n");
    }
}

static void add_requested(struct printing *printing)
{
    const struct policy *policy = printing->spy->policy;
    size_t next = 0;
    for (size_t i = 0; i < policy->document_count; i++) {
        const struct document *document = policy->documents[i];
        bool is_selected = spy_selects_document(printing->path, document);
        if (is_selected)
            add_document(&printing->text, document);
        for (; next < policy->requested_count && policy->requested[next]->document == document;
             next++) {
            if (is_selected)
                add_requested_instance(&printing->text, policy->requested[next]);
            sink_take(printing->sink, &printing->text);
        }
    }
}

static void add_list(struct printing *printing, struct view_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (spy_selects(printing->path, list->objects[i].class_name))
            add_object(&printing->text, &list->objects[i]);
        sink_take(printing->sink, &printing->text);
    }
    view_free(list);
}

static void add_events(struct buf *out, const struct spy_client *client)
{
    for (size_t i = 0; i < client->event_count; i++) {
        const struct spy_event *event = &client->events[i];
        const char *words[] = {event->time, event->kind, event->policy_id, event->version,
                               event->text};
        buf_append_text(out, "  ");
        for (size_t j = 0; j < sizeof words / sizeof words[0]; j++)
            if (words[j]) {
                buf_append_text(out, "  ");
                origin_add_text(out, words[j]);
            }
        buf_append_text(out, "\n");
    }
}

static void add_branch(struct printing *printing, enum spy_branch branch)
{
    static const char *const titles[SPY_BRANCH_COUNT] = {"Requested", "DefaultSettings",
                                                         "CustomSettings", "Actual", "Events"};
    const struct spy *spy = printing->spy;
    struct view_list list = {0};
    buf_format(&printing->text, "Machine\\%s\n", titles[branch]);
    switch (branch) {
    case SPY_REQUESTED: add_requested(printing); break;
    case SPY_DEFAULT_SETTINGS: view_layer(&list, spy->resultant, LAYER_DEFAULT); break;
    case SPY_CUSTOM_SETTINGS: view_layer(&list, spy->resultant, LAYER_CUSTOM); break;
    case SPY_ACTUAL: view_actual(&list, spy->policy, spy->resultant); break;
    case SPY_EVENTS: add_events(&printing->text, &spy->client); break;
    case SPY_BRANCH_COUNT: break;
    }
    add_list(printing, &list);
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
    if (client->summary) {
        text_escape(out, client->summary, strlen(client->summary), SIZE_MAX / 2);
        buf_append_text(out, "\n");
    }
    buf_append_text(out, "Client\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_format(out, "  %s = ", rows[i].name);
        origin_add_text(out, rows[i].value ? rows[i].value : "not known");
        buf_append_text(out, "\n");
    }
}

bool spy_text(const struct spy *spy, const struct spy_path *path, struct sink *sink)
{
    struct printing printing = {.spy = spy, .path = path, .sink = sink};
    if (path->branch == SPY_BRANCH_COUNT)
        add_client(&printing.text, &spy->client);
    for (enum spy_branch i = SPY_REQUESTED; i < SPY_BRANCH_COUNT; i++)
        if (spy_shows(path, i))
            add_branch(&printing, i);
    return sink_finish(sink, &printing.text);
}

static const char *verdict(const struct resultant_value *value)
{
    if (value->wins)
        return "  wins    ";
    return value->source && value->source->why_not ? "  not applied  " : "  beaten  ";
}

static void add_why_value(struct buf *out, const struct resultant_value *value)
{
    const struct resultant_source *source = value->source;
    buf_append_text(out, verdict(value));
    shown_add_text(out, &value->value, value->secret);
    buf_append_text(out, "  [");
    add_origin(out, source, value->property ? value->property->line : 0);
    if (source) {
        buf_append_text(out, ", ");
        origin_add_text(out, source->instance->class_name);
        buf_append_text(out, source->partial ? ", partial" : ", complete");
    }
    buf_append_text(out, "]\n");
    if (source && source->why_not) {
        buf_append_text(out, "          ");
        text_escape(out, source->why_not, strlen(source->why_not), SIZE_MAX / 2);
        buf_append_text(out, "\n");
    }
    if (value->hidden_by) {
        const struct instance *complete = value->hidden_by->instance;
        buf_append_text(out, "          hidden by the complete instance at ");
        text_escape(out, complete->document->path, strlen(complete->document->path), SIZE_MAX / 2);
        buf_format(out, ":%u\n", complete->line);
    }
}

void spy_why_text(struct buf *out, const struct resultant_setting *setting)
{
    const struct resultant_value *winner = resultant_winner(setting);
    origin_add_text(out, setting->name);
    buf_append_text(out, " = ");
    if (winner)
        shown_add_text(out, &winner->value, winner->secret);
    else
        buf_append_text(out, "not set");
    buf_append_text(out, "\n");
    for (size_t i = 0; i < setting->count; i++)
        add_why_value(out, setting->values[i]);
}

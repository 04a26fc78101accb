/* The tree as policy bodies, which read back to the same policy; secrets are null in it. */
#include "policy/spy.h"

#include "policy/base/text.h"
#include "policy/view.h"
#include "policy/write.h"

#include <stdlib.h>
#include <string.h>

struct writing {
    const struct spy *spy;
    const struct spy_path *path;
    struct sink *sink;
    struct buf text;
};

/* An export has no PolicyID: its place among the documents stands for one. */
static struct write_head head_of(struct writing *writing, const struct document *document)
{
    struct arena *arena = &writing->spy->policy->arena;
    const char *id = document->policy_id;
    if (!id)
        id = arena_format(arena, "{export-%zu}", document->order);
    return (struct write_head){
        .policy_id = id,
        .version = document->version_text ? document->version_text : "1.00",
        .source = document->source,
        .layer = document->layer,
        .priority = document->priority,
        .for_users = document->for_users,
    };
}

static bool same_rule(const struct instance *a, const struct instance *b)
{
    return a->rule == b->rule && (a->why_not == NULL) == (b->why_not == NULL);
}

static void add_rules(struct writing *writing, size_t first, size_t end, bool is_partial)
{
    struct instance *const *instances = writing->spy->policy->requested;
    for (size_t i = first; i < end; i++) {
        if (i == first || !same_rule(instances[i - 1], instances[i]))
            write_rule_open(&writing->text, instances[i]->rule, !instances[i]->why_not);
        write_instance(&writing->text, instances[i], is_partial);
        if (i + 1 == end || !same_rule(instances[i], instances[i + 1]))
            write_rule_close(&writing->text);
        sink_take(writing->sink, &writing->text);
    }
}

/* Documents that another version took the place of would only be passed over again. */
static void add_requested(struct writing *writing)
{
    const struct policy *policy = writing->spy->policy;
    size_t next = 0;
    for (size_t i = 0; i < policy->document_count; i++) {
        const struct document *document = policy->documents[i];
        size_t first = next;
        while (next < policy->requested_count && policy->requested[next]->document == document)
            next++;
        if (document->superseded || document->is_reply ||
            !spy_selects_document(writing->path, document))
            continue;
        const struct write_head head = head_of(writing, document);
        write_document_open(&writing->text, &head);
        add_rules(writing, first, next, document->layer >= LAYER_CUSTOM);
        write_document_close(&writing->text);
    }
}

/* One document for each source: each has its own priority. */
static void add_source(struct writing *writing, const struct resultant_source *source)
{
    struct write_head head = head_of(writing, source->instance->document);
    if (source->object)
        head.policy_id = arena_format(&writing->spy->policy->arena, "{settings-%lld}",
                                      (long long)source->object->id);
    head.policy_id =
        arena_format(&writing->spy->policy->arena, "%s#%zu", head.policy_id, source->rank);
    head.layer = source->layer;
    head.priority = source->priority;
    write_document_open(&writing->text, &head);
    write_rule_open(&writing->text, source->instance->rule, !source->why_not);
    write_instance_open(&writing->text, source->instance->class_name, source->partial,
                        source->layer >= LAYER_CUSTOM);
    for (uint32_t i = 0; i < source->instance->count; i++) {
        const struct property *property = &source->instance->properties[i];
        write_property(&writing->text, property->name, &property->value, property->secret);
    }
    write_instance_close(&writing->text);
    write_rule_close(&writing->text);
    write_document_close(&writing->text);
    sink_take(writing->sink, &writing->text);
}

static void add_layer(struct writing *writing, enum layer layer)
{
    struct view_list list;
    view_layer(&list, writing->spy->resultant, layer);
    for (size_t i = 0; i < list.count; i++)
        if (spy_selects(writing->path, list.objects[i].class_name))
            add_source(writing, list.objects[i].source);
    view_free(&list);
}

static void add_object(struct writing *writing, const struct view_object *object)
{
    size_t count;
    struct view_property *shown = view_properties(object, &count);
    write_instance_open(&writing->text, object->class_name, false, false);
    for (size_t i = 0; i < count; i++)
        write_property(&writing->text, shown[i].name, shown[i].value, shown[i].secret);
    write_instance_close(&writing->text);
    free(shown);
    sink_take(writing->sink, &writing->text);
}

/* What is built in needs no document. */
static void add_actual(struct writing *writing)
{
    const struct spy *spy = writing->spy;
    const char *code = policy_site_code(spy->policy);
    const struct write_head head = {
        .policy_id = "{actual}",
        .version = "1.00",
        .source = code ? arena_format(&spy->policy->arena, "SMS:%s", code) : NULL,
        .layer = LAYER_DEFAULT,
        .priority = PRECEDENCE_NONE,
    };
    struct view_list list;
    view_actual(&list, spy->policy, spy->resultant);
    write_document_open(&writing->text, &head);
    write_rule_open(&writing->text, NULL, true);
    for (size_t i = 0; i < list.count; i++)
        if (spy_selects(writing->path, list.objects[i].class_name) &&
            !text_equal(list.objects[i].class_name, VIEW_BUILT_IN_CLASS))
            add_object(writing, &list.objects[i]);
    write_rule_close(&writing->text);
    write_document_close(&writing->text);
    view_free(&list);
}

bool spy_xml(const struct spy *spy, const struct spy_path *path, struct sink *sink)
{
    struct writing writing = {.spy = spy, .path = path, .sink = sink};
    write_open(&writing.text);
    switch (path->branch) {
    case SPY_BRANCH_COUNT: /* all else follows from it */
    case SPY_REQUESTED: add_requested(&writing); break;
    case SPY_DEFAULT_SETTINGS: add_layer(&writing, LAYER_DEFAULT); break;
    case SPY_CUSTOM_SETTINGS: add_layer(&writing, LAYER_CUSTOM); break;
    case SPY_ACTUAL: add_actual(&writing); break;
    case SPY_EVENTS: break;
    }
    write_close(&writing.text);
    return sink_finish(sink, &writing.text);
}

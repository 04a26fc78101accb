#include "policy/resultant.h"

#include "policy/base/text.h"
#include "policy/key.h"
#include "policy/settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A source that counts, and the key by which it meets others. */
struct contender {
    const struct resultant_source *source;
    const struct value *key; /* SiteSettingsKey, or NULL */
};

struct value_list {
    size_t count, cap;
    struct resultant_value **values;
};

/* What one run of reading gathers; the arrays are freed at its end. */
struct reading {
    struct policy *policy;
    struct resultant *resultant;
    size_t source_cap;
    size_t counting; /* sources that count: they stand first */
    struct contender *contenders;
    struct value_list all;     /* of every name */
    struct value_list holding; /* of one class and key, what is not hidden */
    bool *warned;              /* by source: EQUAL_PRIORITY is said once of each */
};

bool resultant_is_settings_class(const char *class_name)
{
    static const char *const known[] = {"SMS_BITS2Config", "SMS_WinPEPeerCacheConfig",
                                        "SMS_ClientCommunicationConfig"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (text_equal(class_name, known[i]))
            return true;
    bool is_server = strncasecmp(class_name, "SMS_", 4) == 0;
    return strncasecmp(class_name, "CCM_", 4) == 0 ||
           (is_server && text_ends_with(class_name, "AgentConfig"));
}

/* Order */

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* An export has no PolicyID and stands before all that have one. */
static const char *policy_id(const struct resultant_source *source)
{
    const char *id = source->instance->document->policy_id;
    return id ? id : "";
}

/* Of one layer and priority: the later PolicyID in byte order; of objects of a site the larger ID.
 */
static int compare_ids(const struct resultant_source *a, const struct resultant_source *b)
{
    if (a->object && b->object)
        return compare_numbers(b->object->id, a->object->id);
    return strcmp(policy_id(b), policy_id(a));
}

/* The strongest first: what counts, layer, the smaller priority number, ID; within one policy what
   stands later, which the rank says until the order is known. */
static int by_strength(const void *a, const void *b)
{
    const struct resultant_source *left = a, *right = b;
    if (!left->why_not != !right->why_not)
        return left->why_not ? 1 : -1;
    if (left->layer != right->layer)
        return compare_numbers(right->layer, left->layer);
    if (left->priority != right->priority)
        return compare_numbers(left->priority, right->priority);
    int order = compare_ids(left, right);
    return order ? order : (left->rank < right->rank) - (left->rank > right->rank);
}

static int compare_groups(const struct contender *a, const struct contender *b)
{
    int order = text_compare(a->source->instance->class_name, b->source->instance->class_name);
    if (order)
        return order;
    if (!a->key || !b->key)
        return (a->key != NULL) - (b->key != NULL);
    return key_compare_values(a->key, b->key);
}

static int by_group_then_rank(const void *a, const void *b)
{
    const struct contender *left = a, *right = b;
    int order = compare_groups(left, right);
    if (order)
        return order;
    return (left->source->rank > right->source->rank) - (left->source->rank < right->source->rank);
}

/* What counts, the built-in value, what does not count. */
static size_t place_of(const struct resultant_value *value)
{
    if (!value->source)
        return SIZE_MAX - 1;
    return value->source->why_not ? SIZE_MAX : value->source->rank;
}

static int by_name_then_rank(const void *a, const void *b)
{
    const struct resultant_value *left = *(struct resultant_value *const *)a;
    const struct resultant_value *right = *(struct resultant_value *const *)b;
    int order = text_compare(left->name, right->name);
    if (order)
        return order;
    return (place_of(left) > place_of(right)) - (place_of(left) < place_of(right));
}

static void sort_values(struct value_list *list)
{
    if (list->count)
        qsort(list->values, list->count, sizeof *list->values, by_name_then_rank);
}

/* Where the run of one name that begins at `first` ends. */
static size_t end_of_name(const struct value_list *list, size_t first)
{
    size_t end = first + 1;
    while (end < list->count && text_equal(list->values[first]->name, list->values[end]->name))
        end++;
    return end;
}

/* Gathering */

static int64_t priority_of(struct policy *policy, const struct instance *instance)
{
    int64_t priority = instance->document->priority;
    struct error err;
    /* The property of that name in an instance is stronger than the document's attribute. */
    if (!instance_get_int(instance, "PolicyPrecedence", 0, UINT32_MAX, &priority, &err))
        policy_warn(policy, "SETTING_OUT_OF_RANGE", err.where, "%s", err.text);
    return priority;
}

static void add_source(struct reading *reading, struct resultant_source source)
{
    struct resultant *resultant = reading->resultant;
    source.rank = resultant->source_count;
    reading->counting += source.why_not == NULL;
    resultant->sources = mem_grow(resultant->sources, &reading->source_cap,
                                  resultant->source_count + 1, sizeof *resultant->sources);
    resultant->sources[resultant->source_count++] = source;
}

/* Of documents; one that another version took the place of gives nothing. Most instances have the
   class of the one before, or of the one before that, and the reader keeps a name once. */
static void gather_instances(struct reading *reading)
{
    struct policy *policy = reading->policy;
    const char *others[2] = {NULL, NULL}; /* no settings classes */
    for (size_t i = 0; i < policy->requested_count; i++) {
        const struct instance *instance = policy->requested[i];
        const struct document *document = instance->document;
        if (instance->class_name == others[0] || instance->class_name == others[1])
            continue;
        if (!resultant_is_settings_class(instance->class_name))
            others[i % 2] = instance->class_name;
        if (document->superseded || !resultant_is_settings_class(instance->class_name))
            continue;
        add_source(reading,
                   (struct resultant_source){
                       .instance = instance,
                       .layer = document->layer,
                       .priority = priority_of(policy, instance),
                       .partial = instance->partial,
                       .why_not = document->why_not ? document->why_not : instance->why_not,
                   });
    }
}

/* Embedded in client settings objects: custom ones name what they set, default ones all. */
static void gather_objects(struct reading *reading)
{
    const struct client_settings *objects = &reading->resultant->objects;
    for (size_t i = 0; i < objects->count; i++) {
        const struct settings_object *object = &objects->objects[i];
        for (size_t j = 0; j < object->count; j++)
            add_source(reading, (struct resultant_source){
                                    .instance = object->configurations[j],
                                    .object = object,
                                    .layer = object->layer,
                                    .priority = object->priority,
                                    .partial = object->layer == LAYER_CUSTOM,
                                    .why_not = object->why_not,
                                });
    }
}

/* The sources get the arena for their home: values point to them. */
static void order_sources(struct reading *reading)
{
    struct resultant *resultant = reading->resultant;
    size_t count = resultant->source_count;
    struct resultant_source *sources = resultant->sources;
    if (count)
        qsort(sources, count, sizeof *sources, by_strength);
    resultant->sources = arena_zero(&reading->policy->arena, count, sizeof *sources);
    if (count)
        memcpy(resultant->sources, sources, count * sizeof *sources);
    free(sources);
    for (size_t i = 0; i < count; i++)
        resultant->sources[i].rank = i;
}

static void gather(struct reading *reading)
{
    gather_instances(reading);
    gather_objects(reading);
    order_sources(reading);
    reading->contenders = mem_zero(reading->counting, sizeof *reading->contenders);
    for (size_t i = 0; i < reading->counting; i++) {
        const struct resultant_source *source = &reading->resultant->sources[i];
        reading->contenders[i] =
            (struct contender){source, instance_get(source->instance, "SiteSettingsKey")};
    }
    qsort(reading->contenders, reading->counting, sizeof *reading->contenders, by_group_then_rank);
}

static void append(struct value_list *list, struct resultant_value *value)
{
    list->values = mem_grow(list->values, &list->cap, list->count + 1, sizeof *list->values);
    list->values[list->count++] = value;
}

static void add_built_in(struct reading *reading)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting_row *row = &setting_rows[i];
        struct resultant_value *value = arena_zero(&reading->policy->arena, 1, sizeof *value);
        value->name = row->name;
        if (row->type == SETTING_BOOL)
            value->value = (struct value){.type = VALUE_BOOL, .truth = row->built_in != 0};
        else
            value->value = (struct value){.type = VALUE_INT, .number = row->built_in};
        append(&reading->all, value);
    }
}

static void add_values(struct reading *reading, const struct resultant_source *source,
                       const struct resultant_source *hidden_by)
{
    const struct instance *instance = source->instance;
    for (size_t i = 0; i < instance->count; i++) {
        const struct property *property = &instance->properties[i];
        if (property->value.type == VALUE_NULL)
            continue;
        struct resultant_value *value = arena_zero(&reading->policy->arena, 1, sizeof *value);
        *value = (struct resultant_value){
            .name = property->name,
            .value = property->value,
            .secret = property->secret,
            .property = property,
            .source = source,
            .hidden_by = hidden_by,
        };
        append(&reading->all, value);
        if (!hidden_by && !source->why_not)
            append(&reading->holding, value);
    }
}

static void add_what_does_not_count(struct reading *reading)
{
    for (size_t i = reading->counting; i < reading->resultant->source_count; i++)
        add_values(reading, &reading->resultant->sources[i], NULL);
}

/* Instances */

/* Of each name the strongest value that is not hidden. */
static void keep_strongest(struct reading *reading, struct resultant_instance *instance)
{
    struct value_list *holding = &reading->holding;
    sort_values(holding);
    const struct resultant_value **kept =
        arena_zero(&reading->policy->arena, holding->count, sizeof *kept);
    for (size_t i = 0; i < holding->count; i = end_of_name(holding, i))
        kept[instance->count++] = holding->values[i];
    instance->values = kept;
}

/* Contenders [first, end) have one class and key, the strongest first. */
static void merge_group(struct reading *reading, size_t first, size_t end,
                        struct resultant_instance *instance)
{
    const struct resultant_source *complete = NULL;
    reading->holding.count = 0;
    for (size_t i = first; i < end; i++) {
        const struct resultant_source *source = reading->contenders[i].source;
        add_values(reading, source, complete);
        if (!complete && !source->partial)
            complete = source;
    }
    instance->class_name = reading->contenders[first].source->instance->class_name;
    instance->key = reading->contenders[first].key;
    keep_strongest(reading, instance);
}

static void merge_groups(struct reading *reading, struct resultant *resultant)
{
    resultant->instances =
        arena_zero(&reading->policy->arena, reading->counting, sizeof *resultant->instances);
    for (size_t first = 0, end; first < reading->counting; first = end) {
        for (end = first + 1; end < reading->counting; end++)
            if (compare_groups(&reading->contenders[first], &reading->contenders[end]) != 0)
                break;
        merge_group(reading, first, end, &resultant->instances[resultant->instance_count++]);
    }
}

/* Settings */

/* Did the order of IDs decide that `value` gives way? */
static bool is_decided_by_id(const struct resultant_value *value,
                             const struct resultant_value *winner,
                             const struct resultant_source *rival)
{
    const struct resultant_source *source = value->source;
    bool is_hidden = value->hidden_by && winner->source != rival;
    bool is_one =
        rival->instance->document == source->instance->document && rival->object == source->object;
    return !is_one && rival->layer == source->layer && rival->priority == source->priority &&
           (is_hidden || key_compare_values(&value->value, &winner->value) != 0);
}

/* "policy {...} in samples/a.xml", "client settings 'Cloud' in export/a.json" */
static const char *source_words(struct policy *policy, const struct resultant_source *source)
{
    const struct document *document = source->instance->document;
    const char *kind = source->object ? "client settings" : "policy";
    const char *name = source->object ? source->object->name : policy_id(source);
    return arena_format(&policy->arena, "%s %s in %s", kind, name, document->path);
}

static void warn_equal(struct reading *reading, const struct resultant_value *value,
                       const struct resultant_value *winner)
{
    const struct resultant_source *source = value->source;
    const struct resultant_source *rival = value->hidden_by ? value->hidden_by : winner->source;
    if (!source || source->why_not || !rival || reading->warned[source->rank] ||
        !is_decided_by_id(value, winner, rival))
        return;
    reading->warned[source->rank] = true;
    policy_warn(reading->policy, "EQUAL_PRIORITY",
                instance_where(reading->policy, source->instance),
                "%s: %s has the layer and priority of %s, which wins by its ID", value->name,
                source_words(reading->policy, source), source_words(reading->policy, rival));
}

/* Values [first, end) of one name stand by strength: brings the winner to the front. */
static void settle_name(struct reading *reading, size_t first, size_t end,
                        struct resultant_setting *setting)
{
    struct resultant_value **values = reading->all.values;
    size_t winner = first;
    while (winner < end && values[winner]->hidden_by)
        winner++;
    if (winner < end && !(values[winner]->source && values[winner]->source->why_not)) {
        struct resultant_value *value = values[winner];
        value->wins = true;
        memmove(&values[first + 1], &values[first], (winner - first) * sizeof *values);
        values[first] = value;
    }
    for (size_t i = first; i < end; i++)
        if (!values[i]->wins)
            warn_equal(reading, values[i], values[first]);
    const struct resultant_value **kept =
        arena_zero(&reading->policy->arena, end - first, sizeof *kept);
    for (size_t i = first; i < end; i++)
        kept[i - first] = values[i];
    *setting = (struct resultant_setting){values[first]->name, end - first, kept};
}

static void settle_names(struct reading *reading, struct resultant *resultant)
{
    size_t names = 0;
    for (size_t i = 0; i < reading->all.count; i = end_of_name(&reading->all, i))
        names++;
    resultant->settings = arena_zero(&reading->policy->arena, names, sizeof *resultant->settings);
    for (size_t first = 0, end; first < reading->all.count; first = end) {
        end = end_of_name(&reading->all, first);
        settle_name(reading, first, end, &resultant->settings[resultant->setting_count++]);
    }
}

void resultant_read(struct resultant *resultant, struct policy *policy,
                    const struct audience *audience)
{
    struct reading reading = {.policy = policy, .resultant = resultant};
    *resultant = (struct resultant){0};
    client_settings_read(&resultant->objects, policy, audience);
    gather(&reading);
    reading.warned = mem_zero(resultant->source_count, sizeof(bool));
    merge_groups(&reading, resultant);
    add_what_does_not_count(&reading);
    add_built_in(&reading);
    sort_values(&reading.all);
    settle_names(&reading, resultant);
    free(reading.contenders);
    free(reading.all.values);
    free(reading.holding.values);
    free(reading.warned);
}

static int name_against(const void *name, const void *setting)
{
    return text_compare(name, ((const struct resultant_setting *)setting)->name);
}

const struct resultant_setting *resultant_find(const struct resultant *resultant, const char *name)
{
    return bsearch(name, resultant->settings, resultant->setting_count, sizeof *resultant->settings,
                   name_against);
}

const struct resultant_value *resultant_winner(const struct resultant_setting *setting)
{
    return setting->count && setting->values[0]->wins ? setting->values[0] : NULL;
}

enum layer resultant_layer(const struct resultant_value *value)
{
    return value->source ? value->source->layer : LAYER_BUILT_IN;
}

int64_t resultant_priority(const struct resultant_value *value)
{
    return value->source ? value->source->priority : PRECEDENCE_NONE;
}

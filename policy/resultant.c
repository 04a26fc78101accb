#include "policy/resultant.h"

#include "policy/base/text.h"
#include "policy/key.h"
#include "policy/settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A settings instance that counts, with what decides its strength. */
struct contender {
    const struct instance *instance;
    const struct value *key; /* SiteSettingsKey, or NULL */
    int64_t priority;
    size_t order; /* of reading */
    size_t rank;  /* 0: the strongest of all */
};

struct value_list {
    size_t count, cap;
    struct resultant_value **values;
};

/* What one run of reading gathers; the arrays are freed at its end. */
struct reading {
    struct policy *policy;
    size_t count;
    struct contender *contenders;
    struct value_list all;     /* of every name */
    struct value_list holding; /* of one class and key, what is not hidden */
    bool *warned;              /* by document->order: EQUAL_PRIORITY is said once of each */
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

/* The strongest first: layer, then the smaller priority number, then the later PolicyID in byte
   order; within one policy what stands later. */
static int by_strength(const void *a, const void *b)
{
    const struct contender *left = a, *right = b;
    const struct document *mine = left->instance->document, *other = right->instance->document;
    if (mine->layer != other->layer)
        return compare_numbers(other->layer, mine->layer);
    if (left->priority != right->priority)
        return compare_numbers(left->priority, right->priority);
    int order = strcmp(other->policy_id, mine->policy_id);
    return order ? order : (left->order < right->order) - (left->order > right->order);
}

static int compare_groups(const struct contender *a, const struct contender *b)
{
    int order = text_compare(a->instance->class_name, b->instance->class_name);
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
    return order ? order : (left->rank > right->rank) - (left->rank < right->rank);
}

static int by_name_then_rank(const void *a, const void *b)
{
    const struct resultant_value *left = *(struct resultant_value *const *)a;
    const struct resultant_value *right = *(struct resultant_value *const *)b;
    int order = text_compare(left->name, right->name);
    return order ? order : (left->rank > right->rank) - (left->rank < right->rank);
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

/* The property of that name in an instance is stronger than the document's attribute. */
static bool read_priority(const struct instance *instance, int64_t *priority, struct error *err)
{
    *priority = instance->document->priority;
    return instance_get_int(instance, "PolicyPrecedence", 0, UINT32_MAX, priority, err);
}

static int64_t priority_of(struct policy *policy, const struct instance *instance)
{
    int64_t priority;
    struct error err;
    if (!read_priority(instance, &priority, &err))
        policy_warn(policy, "SETTING_OUT_OF_RANGE", err.where, "%s", err.text);
    return priority;
}

static void gather_contenders(struct reading *reading)
{
    struct policy *policy = reading->policy;
    reading->contenders = mem_zero(policy->instance_count, sizeof *reading->contenders);
    for (size_t i = 0; i < policy->instance_count; i++) {
        const struct instance *instance = policy->instances[i];
        if (!resultant_is_settings_class(instance->class_name))
            continue;
        reading->contenders[reading->count++] = (struct contender){
            .instance = instance,
            .key = instance_get(instance, "SiteSettingsKey"),
            .priority = priority_of(policy, instance),
            .order = i,
        };
    }
    qsort(reading->contenders, reading->count, sizeof *reading->contenders, by_strength);
    for (size_t i = 0; i < reading->count; i++)
        reading->contenders[i].rank = i;
    qsort(reading->contenders, reading->count, sizeof *reading->contenders, by_group_then_rank);
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
        value->layer = LAYER_BUILT_IN;
        value->priority = PRECEDENCE_NONE;
        value->rank = SIZE_MAX;
        if (row->type == SETTING_BOOL)
            value->value = (struct value){.type = VALUE_BOOL, .truth = row->built_in != 0};
        else
            value->value = (struct value){.type = VALUE_INT, .number = row->built_in};
        append(&reading->all, value);
    }
}

static void add_values(struct reading *reading, const struct contender *contender,
                       const struct instance *hidden_by)
{
    const struct instance *instance = contender->instance;
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
            .instance = instance,
            .layer = instance->document->layer,
            .priority = contender->priority,
            .partial = instance->partial,
            .rank = contender->rank,
            .hidden_by = hidden_by,
        };
        append(&reading->all, value);
        if (!hidden_by)
            append(&reading->holding, value);
    }
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
    const struct instance *complete = NULL;
    reading->holding.count = 0;
    for (size_t i = first; i < end; i++) {
        const struct contender *contender = &reading->contenders[i];
        add_values(reading, contender, complete);
        if (!complete && !contender->instance->partial)
            complete = contender->instance;
    }
    instance->class_name = reading->contenders[first].instance->class_name;
    instance->key = reading->contenders[first].key;
    keep_strongest(reading, instance);
}

static void merge_groups(struct reading *reading, struct resultant *resultant)
{
    resultant->instances =
        arena_zero(&reading->policy->arena, reading->count, sizeof *resultant->instances);
    for (size_t first = 0, end; first < reading->count; first = end) {
        for (end = first + 1; end < reading->count; end++)
            if (compare_groups(&reading->contenders[first], &reading->contenders[end]) != 0)
                break;
        merge_group(reading, first, end, &resultant->instances[resultant->instance_count++]);
    }
}

/* Settings */

/* Did the order of PolicyIDs decide that `value` gives way? */
static bool is_decided_by_id(const struct resultant_value *value,
                             const struct resultant_value *winner, const struct instance *rival)
{
    int64_t priority;
    bool is_hidden = value->hidden_by && winner->instance != rival;
    read_priority(rival, &priority, NULL);
    return rival->document != value->instance->document && rival->document->layer == value->layer &&
           priority == value->priority &&
           (is_hidden || key_compare_values(&value->value, &winner->value) != 0);
}

static void warn_equal(struct reading *reading, const struct resultant_value *value,
                       const struct resultant_value *winner)
{
    const struct instance *rival = value->hidden_by ? value->hidden_by : winner->instance;
    if (!value->instance || !rival || reading->warned[value->instance->document->order] ||
        !is_decided_by_id(value, winner, rival))
        return;
    reading->warned[value->instance->document->order] = true;
    policy_warn(reading->policy, "EQUAL_PRIORITY", instance_where(reading->policy, value->instance),
                "%s: policy %s has the layer and priority of policy %s in %s, which wins by its "
                "PolicyID",
                value->name, value->instance->document->policy_id, rival->document->policy_id,
                rival->document->path);
}

/* Values [first, end) of one name stand by strength: brings the winner to the front. */
static void settle_name(struct reading *reading, size_t first, size_t end,
                        struct resultant_setting *setting)
{
    struct resultant_value **values = reading->all.values;
    size_t winner = first;
    while (winner < end && values[winner]->hidden_by)
        winner++;
    if (winner < end) {
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

void resultant_read(struct resultant *resultant, struct policy *policy)
{
    struct reading reading = {
        .policy = policy,
        .warned = mem_zero(policy->document_count, sizeof(bool)),
    };
    *resultant = (struct resultant){0};
    gather_contenders(&reading);
    merge_groups(&reading, resultant);
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

#include "policy/view.h"

#include "policy/base/text.h"
#include "policy/key.h"

#include <stdlib.h>

static void append(struct view_list *list, struct view_object object)
{
    list->objects = mem_grow(list->objects, &list->cap, list->count + 1, sizeof *list->objects);
    list->objects[list->count++] = object;
}

void view_free(struct view_list *list)
{
    free(list->objects);
    *list = (struct view_list){0};
}

static int compare_keys(const struct value *a, const struct value *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return key_compare_values(a, b);
}

int view_compare(const struct view_object *a, const struct view_object *b)
{
    int order = text_compare(a->class_name, b->class_name);
    if (order)
        return order;
    if (a->instance && b->instance)
        return key_compare(a->instance, b->instance);
    if (a->merged && b->merged)
        return compare_keys(a->merged->key, b->merged->key);
    return (a->merged != NULL) - (b->merged != NULL);
}

/* Of one object the document read last comes last. */
static int by_key_then_order(const void *a, const void *b)
{
    const struct view_object *left = a, *right = b;
    int order = view_compare(left, right);
    if (order || !left->instance || !right->instance)
        return order;
    size_t mine = left->instance->document->order, other = right->instance->document->order;
    if (mine != other)
        return mine < other ? -1 : 1;
    return (left->instance->line > right->instance->line) -
           (left->instance->line < right->instance->line);
}

static void sort(struct view_list *list)
{
    if (list->count)
        qsort(list->objects, list->count, sizeof *list->objects, by_key_then_order);
}

static void keep_last_of_doubles(struct view_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        bool is_last =
            i + 1 == list->count || view_compare(&list->objects[i], &list->objects[i + 1]) != 0;
        if (is_last)
            list->objects[kept++] = list->objects[i];
    }
    list->count = kept;
}

static int by_class_then_rank(const void *a, const void *b)
{
    const struct view_object *left = a, *right = b;
    int order = text_compare(left->class_name, right->class_name);
    if (order)
        return order;
    return (left->source->rank > right->source->rank) - (left->source->rank < right->source->rank);
}

void view_layer(struct view_list *list, const struct resultant *resultant, enum layer layer)
{
    *list = (struct view_list){0};
    for (size_t i = 0; i < resultant->source_count; i++) {
        const struct resultant_source *source = &resultant->sources[i];
        if (source->layer == layer)
            append(list, (struct view_object){.class_name = source->instance->class_name,
                                              .instance = source->instance,
                                              .source = source});
    }
    if (list->count)
        qsort(list->objects, list->count, sizeof *list->objects, by_class_then_rank);
}

/* One object with the built-in defaults that hold, or NULL where none does. */
static const struct resultant_instance *find_built_in(struct policy *policy,
                                                      const struct resultant *resultant)
{
    const struct resultant_value **values =
        arena_zero(&policy->arena, resultant->setting_count, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; i < resultant->setting_count; i++) {
        const struct resultant_value *winner = resultant_winner(&resultant->settings[i]);
        if (winner && !winner->source)
            values[count++] = winner;
    }
    struct resultant_instance *instance = arena_zero(&policy->arena, 1, sizeof *instance);
    *instance = (struct resultant_instance){
        .class_name = VIEW_BUILT_IN_CLASS,
        .count = count,
        .values = values,
    };
    return count ? instance : NULL;
}

void view_actual(struct view_list *list, struct policy *policy, const struct resultant *resultant)
{
    *list = (struct view_list){0};
    for (size_t i = 0; i < policy->instance_count; i++) {
        const struct instance *instance = policy->instances[i];
        if (!resultant_is_settings_class(instance->class_name))
            append(list, (struct view_object){.class_name = instance->class_name,
                                              .instance = instance,
                                              .known_only = true});
    }
    for (size_t i = 0; i < resultant->instance_count; i++)
        append(list, (struct view_object){.class_name = resultant->instances[i].class_name,
                                          .merged = &resultant->instances[i]});
    const struct resultant_instance *built_in = find_built_in(policy, resultant);
    if (built_in)
        append(list, (struct view_object){.class_name = built_in->class_name, .merged = built_in});
    sort(list);
    keep_last_of_doubles(list);
}

struct view_property *view_properties(const struct view_object *object, size_t *count)
{
    *count = object->merged ? object->merged->count : object->instance->count;
    struct view_property *shown = mem_zero(*count, sizeof *shown);
    if (object->merged) {
        for (size_t i = 0; i < *count; i++) {
            const struct resultant_value *value = object->merged->values[i];
            shown[i] = (struct view_property){value->name, &value->value, value->secret, value};
        }
        return shown;
    }
    const struct property **sorted = key_sorted_properties(object->instance);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        const struct property *property = sorted[i];
        if (!object->known_only || property->value.type != VALUE_NULL)
            shown[kept++] =
                (struct view_property){property->name, &property->value, property->secret, NULL};
    }
    free(sorted);
    *count = kept;
    return shown;
}

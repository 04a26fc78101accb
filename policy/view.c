#include "policy/view.h"

#include "policy/base/text.h"
#include "policy/classes.h"
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

/* A site object with its key at hand: a class may have a hundred thousand. */
struct keyed {
    const struct value *key[KEY_MAX];
    bool has_key;
    const struct instance *instance;
    size_t order; /* of reading */
};

static int compare_keyed(const struct keyed *a, const struct keyed *b)
{
    for (size_t i = 0; i < KEY_MAX; i++) {
        int order = compare_keys(a->key[i], b->key[i]);
        if (order)
            return order;
    }
    return a->has_key && b->has_key ? 0 : key_compare_whole(a->instance, b->instance);
}

/* Of one object the one read last comes last. */
static int by_key_then_order(const void *a, const void *b)
{
    const struct keyed *left = a, *right = b;
    int order = compare_keyed(left, right);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static struct keyed *sort_class(const struct class_group *group)
{
    const char *const *names = key_properties(group->name);
    struct keyed *sorted = mem_zero(group->count, sizeof *sorted);
    bool is_sorted = true;
    for (size_t i = 0; i < group->count; i++) {
        sorted[i] =
            (struct keyed){.instance = group->instances[i], .order = i, .has_key = names != NULL};
        for (size_t j = 0; names && names[j]; j++) {
            sorted[i].key[j] = instance_get(group->instances[i], names[j]);
            sorted[i].has_key = sorted[i].has_key && sorted[i].key[j];
        }
        is_sorted = is_sorted && (i == 0 || by_key_then_order(&sorted[i - 1], &sorted[i]) <= 0);
    }
    if (!is_sorted)
        qsort(sorted, group->count, sizeof *sorted, by_key_then_order);
    return sorted;
}

static void append_class(struct view_list *list, const struct class_group *group)
{
    struct keyed *sorted = sort_class(group);
    for (size_t i = 0; i < group->count; i++)
        if (i + 1 == group->count || compare_keyed(&sorted[i], &sorted[i + 1]) != 0)
            append(list, (struct view_object){.class_name = sorted[i].instance->class_name,
                                              .instance = sorted[i].instance,
                                              .known_only = true});
    free(sorted);
}

/* What instances come to, by class, the built-in defaults among them. */
static void list_merged(struct view_list *list, const struct resultant *resultant,
                        const struct resultant_instance *built_in)
{
    for (size_t i = 0; i < resultant->instance_count; i++) {
        const struct resultant_instance *merged = &resultant->instances[i];
        if (built_in && text_compare(built_in->class_name, merged->class_name) < 0) {
            append(list, (struct view_object){built_in->class_name, NULL, NULL, built_in, false});
            built_in = NULL;
        }
        append(list, (struct view_object){merged->class_name, NULL, NULL, merged, false});
    }
    if (built_in)
        append(list, (struct view_object){built_in->class_name, NULL, NULL, built_in, false});
}

/* Merged objects have a class to themselves: both come by class already. */
void view_actual(struct view_list *list, struct policy *policy, const struct resultant *resultant)
{
    struct classes classes;
    struct view_list merged = {0};
    classes_read(&classes, policy);
    list_merged(&merged, resultant, find_built_in(policy, resultant));
    *list = (struct view_list){0};
    size_t next = 0;
    for (size_t i = 0; i < classes.count; i++) {
        const struct class_group *group = &classes.groups[i];
        if (resultant_is_settings_class(group->name))
            continue;
        for (;
             next < merged.count && text_compare(merged.objects[next].class_name, group->name) < 0;
             next++)
            append(list, merged.objects[next]);
        append_class(list, group);
    }
    for (; next < merged.count; next++)
        append(list, merged.objects[next]);
    view_free(&merged);
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

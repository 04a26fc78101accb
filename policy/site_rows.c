/* Objects by key: collected, sorted, each key once. */
#include "policy/site_internal.h"

#include "policy/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* While sorting: equal keys stay in the order of reading. */
struct candidate {
    struct site_row row;
    size_t order;
};

bool site_refuse(struct policy *policy, const struct instance *instance, struct error *err,
                 const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(err, ERROR_INPUT, BLAME_POLICY, "SITE", instance_where(policy, instance),
                     "%s: %s", instance->class_name, text);
}

static bool is_one_of(const char *class_name, const char *const *classes)
{
    for (; *classes; classes++)
        if (text_equal(class_name, *classes))
            return true;
    return false;
}

static bool make_key(struct policy *policy, const struct instance *instance,
                     const char *const *keys, const char **out, struct error *err)
{
    const char *key = NULL;
    for (; *keys; keys++) {
        const char *value = instance_get_text(policy, instance, *keys);
        if (!value || !*value)
            return site_refuse(policy, instance, err, "has no %s", *keys);
        key = key ? arena_format(&policy->arena, "%s%c%s", key, SITE_KEY_SEPARATOR, value) : value;
    }
    *out = key;
    return true;
}

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int order = text_compare(x->row.key, y->row.key);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static bool same_scalar(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VALUE_NULL: return true;
    case VALUE_BOOL: return a->truth == b->truth;
    case VALUE_INT: return a->number == b->number;
    case VALUE_TEXT: return strcmp(a->text, b->text) == 0;
    case VALUE_ARRAY: break;
    }
    return false;
}

static bool same_value(const struct value *a, const struct value *b)
{
    if (a->type != VALUE_ARRAY || b->type != VALUE_ARRAY)
        return same_scalar(a, b);
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!same_scalar(&a->items[i], &b->items[i]))
            return false;
    return true;
}

static bool same_object(const struct instance *a, const struct instance *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct property *other = instance_property(b, a->properties[i].name);
        if (!other || !same_value(&a->properties[i].value, &other->value))
            return false;
    }
    return true;
}

static void warn_duplicate(struct policy *policy, const struct instance *old,
                           const struct instance *new)
{
    if (same_object(old, new))
        return;
    policy_warn(policy, "DUPLICATE_OBJECT", instance_where(policy, new),
                "%s stands in %s too, with other values: the later one holds", new->class_name,
                instance_where(policy, old));
}

bool site_collect(struct site_rows *rows, struct policy *policy, const char *const *classes,
                  const char *const *keys, struct error *err)
{
    struct candidate *found = NULL;
    size_t count = 0, cap = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < policy->instance_count; i++) {
        const struct instance *instance = policy->instances[i];
        if (!is_one_of(instance->class_name, classes))
            continue;
        found = mem_grow(found, &cap, count + 1, sizeof *found);
        found[count] = (struct candidate){{NULL, instance}, i};
        ok = make_key(policy, instance, keys, &found[count].row.key, err);
        count++;
    }
    *rows = (struct site_rows){0};
    if (ok && count) {
        qsort(found, count, sizeof *found, compare_candidates);
        rows->rows = arena_zero(&policy->arena, count, sizeof *rows->rows);
        for (size_t i = 0; i < count; i++) {
            if (rows->count && text_equal(rows->rows[rows->count - 1].key, found[i].row.key))
                warn_duplicate(policy, rows->rows[--rows->count].instance, found[i].row.instance);
            rows->rows[rows->count++] = found[i].row;
        }
    }
    free(found);
    return ok;
}

/* Compares the row's first key value with `first`. */
static int compare_first(const char *first, const char *key)
{
    size_t len = strcspn(key, "\x1f");
    int order = strncasecmp(first, key, len);
    return order ? order : (first[len] != '\0');
}

const struct site_row *site_find_rows(const struct site_rows *rows, const char *first_key,
                                      size_t *count)
{
    size_t low = 0, high = rows->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_first(first_key, rows->rows[middle].key) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < rows->count && compare_first(first_key, rows->rows[end].key) == 0)
        end++;
    *count = end - low;
    return *count ? &rows->rows[low] : NULL;
}

/* Instances of a class as rows sorted by key, of doubles the last. */
#include "policy/key.h"
#include "policy/site_tables.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define SITE_ID_MAX 4294967295

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

const struct instance *const *site_instances(const struct site *site, const char *class_name,
                                             size_t *count)
{
    const struct class_group group = classes_find(&site->tables->classes, class_name);
    *count = group.count;
    return group.instances;
}

static int compare_texts(const char *a, const char *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return text_compare(a, b);
}

static int compare_keys(const struct site_row *a, const struct site_row *b)
{
    for (int i = 0; i < 2; i++) {
        int order = compare_texts(a->text[i], b->text[i]);
        if (order)
            return order;
    }
    for (int i = 0; i < 2; i++)
        if (a->number[i] != b->number[i])
            return a->number[i] < b->number[i] ? -1 : 1;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct site_row *left = a, *right = b;
    int order = compare_keys(left, right);
    return order ? order : compare_sizes(left->order, right->order);
}

/* Exports come by key. */
static bool is_sorted(const struct site_rows *rows)
{
    for (size_t i = 1; i < rows->count; i++)
        if (by_key(&rows->rows[i - 1], &rows->rows[i]) > 0)
            return false;
    return true;
}

static bool missing_key(struct site *site, const struct instance *instance, const char *name,
                        struct error *err)
{
    return error_set(err, ERROR_INPUT, BLAME_POLICY, "MISSING_KEY",
                     instance_where(site->policy, instance), "an %s without %s",
                     instance->class_name, name);
}

static bool read_number(struct site *site, const struct instance *instance, const char *name,
                        int64_t *out, struct error *err)
{
    *out = -1;
    return instance_get_int(instance, name, 0, SITE_ID_MAX, out, err) &&
           (*out >= 0 || missing_key(site, instance, name, err));
}

/* *passed_over: an optional key that the row does not have. */
static bool read_row(struct site *site, const struct site_key *key, struct site_row *row,
                     bool *passed_over, struct error *err)
{
    *passed_over = false;
    for (int i = 0; i < 2 && key->text[i]; i++) {
        row->text[i] = instance_get_text(site->policy, row->instance, key->text[i]);
        if (!row->text[i] && !key->optional)
            return missing_key(site, row->instance, key->text[i], err);
        *passed_over = *passed_over || (i == 0 && !row->text[i]);
    }
    if (*passed_over)
        return true;
    for (int i = 0; i < 2 && key->number[i]; i++)
        if (!read_number(site, row->instance, key->number[i], &row->number[i], err))
            return false;
    return true;
}

static bool differ(const struct instance *a, const struct instance *b)
{
    if (!text_equal(a->class_name, b->class_name) || a->count != b->count)
        return true;
    const struct property **left = key_sorted_properties(a);
    const struct property **right = key_sorted_properties(b);
    bool different = false;
    for (size_t i = 0; i < a->count && !different; i++)
        different = !text_equal(left[i]->name, right[i]->name) ||
                    key_compare_values(&left[i]->value, &right[i]->value) != 0;
    free(left);
    free(right);
    return different;
}

/* Keeps the last of each key. */
static void drop_doubles(struct site *site, struct site_rows *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->count; i++) {
        struct site_row *row = &rows->rows[i], *before = kept ? &rows->rows[kept - 1] : NULL;
        if (!before || compare_keys(before, row) != 0) {
            rows->rows[kept++] = *row;
            continue;
        }
        if (differ(before->instance, row->instance))
            policy_warn(site->policy, "DUPLICATE_OBJECT",
                        instance_where(site->policy, row->instance),
                        "this %s holds instead of the one at %s", row->instance->class_name,
                        instance_where(site->policy, before->instance));
        *before = *row;
    }
    rows->count = kept;
}

bool site_rows_read(struct site *site, const char *const *classes, size_t class_count,
                    const struct site_key *key, struct site_rows *rows, struct error *err)
{
    size_t total = 0, count;
    for (size_t i = 0; i < class_count; i++) {
        site_instances(site, classes[i], &count);
        total += count;
    }
    *rows = (struct site_rows){0};
    rows->rows = arena_zero(&site->policy->arena, total, sizeof *rows->rows);
    for (size_t i = 0; i < class_count; i++) {
        const struct instance *const *found = site_instances(site, classes[i], &count);
        for (size_t j = 0; j < count; j++) {
            struct site_row row = {.instance = found[j], .order = rows->count};
            bool passed_over;
            if (!read_row(site, key, &row, &passed_over, err))
                return false;
            if (!passed_over)
                rows->rows[rows->count++] = row;
        }
    }
    if (!is_sorted(rows))
        qsort(rows->rows, rows->count, sizeof *rows->rows, by_key);
    drop_doubles(site, rows);
    return true;
}

bool site_rows_of(struct site *site, const char *class_name, const struct site_key *key,
                  struct site_rows *rows, struct error *err)
{
    return site_rows_read(site, &class_name, 1, key, rows, err);
}

size_t site_rows_seek(const struct site_rows *rows, const char *first, const char *second)
{
    size_t low = 0, high = rows->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct site_row *row = &rows->rows[middle];
        int order = compare_texts(row->text[0], first);
        if (order == 0)
            order = compare_texts(row->text[1], second);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct site_row *site_rows_find(const struct site_rows *rows, const char *first,
                                      const char *second)
{
    size_t at = site_rows_seek(rows, first, second);
    if (at == rows->count || compare_texts(rows->rows[at].text[0], first) != 0)
        return NULL;
    bool found = !second || compare_texts(rows->rows[at].text[1], second) == 0;
    return found ? &rows->rows[at] : NULL;
}

const struct site_row *site_rows_find_number(const struct site_rows *rows, int64_t number)
{
    size_t low = 0, high = rows->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows->rows[middle].number[0] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rows->count && rows->rows[low].number[0] == number ? &rows->rows[low] : NULL;
}

void site_keep_lost(struct site_rows *lost, const struct site_rows *rows, size_t at)
{
    lost->rows = rows->rows;
    lost->rows[lost->count++] = rows->rows[at];
}

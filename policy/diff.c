#include "policy/diff.h"

#include "policy/base/text.h"
#include "policy/key.h"
#include "policy/origin.h"
#include "policy/shown.h"

#include <stdlib.h>
#include <string.h>

static const struct value nothing = {.type = VALUE_NULL};

/* One value that changed; a side that does not have it is null. */
struct change {
    const struct view_object *object; /* of the side that has it */
    const char *property;
    const struct value *old, *new_value;
    bool secret;
};

struct diffing {
    struct buf *text;      /* either */
    struct json_out *json; /* or */
    struct sink *sink;
};

/* Are they one text, with case? (Order is without it.) */
static bool same_value(const struct value *a, const struct value *b)
{
    if (a->type != b->type || key_compare_values(a, b) != 0)
        return false;
    if (a->type == VALUE_TEXT)
        return strcmp(a->text, b->text) == 0;
    bool same = true;
    if (a->type == VALUE_ARRAY)
        for (uint32_t i = 0; same && i < a->count; i++)
            same = same_value(&a->items[i], &b->items[i]);
    return same;
}

/* Keys */

static const struct value *key_value(const struct view_object *object, const char *name)
{
    const struct value *value = object->instance ? instance_get(object->instance, name) : NULL;
    return value ? value : &nothing;
}

/* "BoundaryID=16777217", as in a WMI path; nothing where the class's key is not known. */
static void add_key(struct buf *out, const struct view_object *object)
{
    buf_append(out, "", 0);
    if (object->merged && object->merged->key) {
        buf_append_text(out, "SiteSettingsKey=");
        shown_add_text(out, object->merged->key, false);
    }
    const char *const *names = object->instance ? key_properties(object->class_name) : NULL;
    for (size_t i = 0; names && names[i]; i++) {
        const struct value *value = key_value(object, names[i]);
        const char *quote = value->type == VALUE_TEXT ? "\"" : "";
        buf_format(out, "%s%s=%s", i ? "," : "", names[i], quote);
        shown_add_text(out, value, false);
        buf_append_text(out, quote);
    }
}

/* Output */

static void add_side(struct buf *out, const struct value *value, bool secret)
{
    if (value->type == VALUE_NULL)
        buf_append_text(out, "-");
    else
        shown_add_text(out, value, secret);
}

static void print_text(struct buf *out, const struct change *change, const char *key)
{
    origin_add_text(out, change->object->class_name);
    if (*key)
        buf_format(out, " %s", key);
    buf_append_text(out, " ");
    origin_add_text(out, change->property);
    buf_append_text(out, ": ");
    add_side(out, change->old, change->secret);
    buf_append_text(out, " -> ");
    add_side(out, change->new_value, change->secret);
    buf_append_text(out, "\n");
}

static void print_json(struct json_out *out, const struct change *change, const char *key)
{
    json_out_open(out, NULL, '{');
    json_out_text(out, "class", change->object->class_name);
    json_out_text(out, "key", *key ? key : NULL);
    json_out_text(out, "property", change->property);
    shown_add_json(out, "old", change->old, change->secret, true);
    shown_add_json(out, "new", change->new_value, change->secret, true);
    json_out_close(out, '}');
}

static void print(struct diffing *diffing, const struct change *change)
{
    struct buf key = {0};
    add_key(&key, change->object);
    if (diffing->json)
        print_json(diffing->json, change, key.data);
    else
        print_text(diffing->text, change, key.data);
    buf_free(&key);
    if (diffing->text)
        sink_take(diffing->sink, diffing->text);
}

/* Objects */

/* Either may be NULL: an object that only one side has. */
static void compare_objects(struct diffing *diffing, const struct view_object *old,
                            const struct view_object *new_object)
{
    size_t old_count = 0, new_count = 0, i = 0, j = 0;
    struct view_property *before = old ? view_properties(old, &old_count) : NULL;
    struct view_property *after = new_object ? view_properties(new_object, &new_count) : NULL;
    while (i < old_count || j < new_count) {
        int order = i == old_count   ? 1
                    : j == new_count ? -1
                                     : text_compare(before[i].name, after[j].name);
        struct change change = {
            .object = new_object ? new_object : old,
            .property = order > 0 ? after[j].name : before[i].name,
            .old = order > 0 ? &nothing : before[i].value,
            .new_value = order < 0 ? &nothing : after[j].value,
            .secret = (order <= 0 && before[i].secret) || (order >= 0 && after[j].secret),
        };
        i += order <= 0;
        j += order >= 0;
        if (!same_value(change.old, change.new_value))
            print(diffing, &change);
    }
    free(before);
    free(after);
}

static bool is_built_in(const struct view_object *object)
{
    return text_equal(object->class_name, VIEW_BUILT_IN_CLASS);
}

static void compare_lists(struct diffing *diffing, const struct view_list *old,
                          const struct view_list *new_list)
{
    size_t i = 0, j = 0;
    while (i < old->count || j < new_list->count) {
        const struct view_object *before = i < old->count ? &old->objects[i] : NULL;
        const struct view_object *after = j < new_list->count ? &new_list->objects[j] : NULL;
        int order = !before ? 1 : !after ? -1 : view_compare(before, after);
        i += order <= 0;
        j += order >= 0;
        before = order <= 0 ? before : NULL;
        after = order >= 0 ? after : NULL;
        if (!is_built_in(before ? before : after))
            compare_objects(diffing, before, after);
    }
}

static void compare(struct diffing *diffing, const struct diff_side *old,
                    const struct diff_side *new_side)
{
    struct view_list before, after;
    view_actual(&before, old->policy, old->resultant);
    view_actual(&after, new_side->policy, new_side->resultant);
    compare_lists(diffing, &before, &after);
    view_free(&before);
    view_free(&after);
}

bool diff_text(const struct diff_side *old, const struct diff_side *new_side, struct sink *sink)
{
    struct buf text = {0};
    struct diffing diffing = {.text = &text, .sink = sink};
    compare(&diffing, old, new_side);
    return sink_finish(sink, &text);
}

bool diff_json(const struct diff_side *old, const struct diff_side *new_side, struct sink *sink)
{
    struct json_out json = {.sink = sink};
    struct diffing diffing = {.json = &json};
    json_out_open(&json, NULL, '[');
    compare(&diffing, old, new_side);
    json_out_close(&json, ']');
    return json_out_finish(&json);
}

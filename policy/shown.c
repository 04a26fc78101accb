#include "policy/shown.h"

#include "policy/origin.h"

#include <inttypes.h>
#include <stdlib.h>

/* Text */

static void add_embedded_text(struct buf *out, const struct instance *object);

void shown_add_text(struct buf *out, const struct value *value, bool secret)
{
    if (secret && value->type != VALUE_NULL) {
        buf_append_text(out, "(hidden)");
        return;
    }
    switch (value->type) {
    case VALUE_NULL: buf_append_text(out, "null"); break;
    case VALUE_BOOL: buf_append_text(out, value->truth ? "True" : "False"); break;
    case VALUE_INT: buf_format(out, "%" PRId64, value->number); break;
    case VALUE_TEXT: origin_add_text(out, value->text); break;
    case VALUE_OBJECT: add_embedded_text(out, value->object); break;
    case VALUE_ARRAY:
        buf_append_text(out, "{");
        for (uint32_t i = 0; i < value->count; i++) {
            buf_append_text(out, i ? ", " : "");
            shown_add_text(out, &value->items[i], false);
        }
        buf_append_text(out, "}");
        break;
    }
}

/* "SMS_CloudAgentConfig { AgentID = 22, AllowCloudDP = True }" */
static void add_embedded_text(struct buf *out, const struct instance *object)
{
    const struct view_object shown = {
        .class_name = object->class_name, .instance = object, .known_only = true};
    size_t count;
    struct view_property *properties = view_properties(&shown, &count);
    origin_add_text(out, object->class_name);
    buf_append_text(out, " { ");
    for (size_t i = 0; i < count; i++) {
        buf_append_text(out, i ? ", " : "");
        origin_add_text(out, properties[i].name);
        buf_append_text(out, " = ");
        shown_add_text(out, properties[i].value, properties[i].secret);
    }
    buf_append_text(out, count ? " }" : "}");
    free(properties);
}

/* JSON */

static void add_embedded_json(struct json_out *out, const char *name, const struct instance *object,
                              bool known_only)
{
    const struct view_object shown = {
        .class_name = object->class_name, .instance = object, .known_only = known_only};
    json_out_open(out, name, '{');
    json_out_text(out, "class", object->class_name);
    shown_add_properties(out, &shown);
    json_out_close(out, '}');
}

void shown_add_json(struct json_out *out, const char *name, const struct value *value, bool secret,
                    bool known_only)
{
    if (secret && value->type != VALUE_NULL) {
        json_out_text(out, name, "(hidden)");
        return;
    }
    switch (value->type) {
    case VALUE_NULL: json_out_null(out, name); break;
    case VALUE_BOOL: json_out_bool(out, name, value->truth); break;
    case VALUE_INT: json_out_int(out, name, value->number); break;
    case VALUE_TEXT: json_out_text(out, name, value->text); break;
    case VALUE_OBJECT: add_embedded_json(out, name, value->object, known_only); break;
    case VALUE_ARRAY:
        json_out_open(out, name, '[');
        for (size_t i = 0; i < value->count; i++)
            shown_add_json(out, NULL, &value->items[i], false, known_only);
        json_out_close(out, ']');
        break;
    }
}

void shown_add_properties(struct json_out *out, const struct view_object *object)
{
    size_t count;
    struct view_property *shown = view_properties(object, &count);
    json_out_open(out, "properties", '{');
    for (size_t i = 0; i < count; i++)
        shown_add_json(out, shown[i].name, shown[i].value, shown[i].secret,
                       object->known_only || object->merged);
    json_out_close(out, '}');
    free(shown);
}

#include "policy/instance.h"

#include "policy/base/buf.h"
#include "policy/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct property *instance_property(const struct instance *instance, const char *name)
{
    for (size_t i = 0; i < instance->count; i++)
        if (text_equal(instance->properties[i].name, name))
            return &instance->properties[i];
    return NULL;
}

const struct value *instance_get(const struct instance *instance, const char *name)
{
    const struct property *property = instance_property(instance, name);
    return property && property->value.type != VALUE_NULL ? &property->value : NULL;
}

static bool refuse(const struct instance *instance, const struct property *property,
                   struct error *err, const char *what)
{
    const struct value *value = &property->value;
    char *where = mem_format("%s:%u", instance->document->path, property->line);
    struct buf shown = {0};
    buf_append(&shown, "", 0);
    if (value->type == VALUE_TEXT && !property->secret) {
        buf_append_text(&shown, ", not '");
        text_escape(&shown, value->text, strlen(value->text), 60);
        buf_append_text(&shown, "'");
    } else if (value->type == VALUE_INT && !property->secret) {
        buf_format(&shown, ", not %" PRId64, value->number);
    }
    error_set(err, ERROR_INPUT, BLAME_POLICY, "VALUE", where, "%s.%s must be %s%s",
              instance->class_name, property->name, what, shown.data);
    buf_free(&shown);
    free(where);
    return false;
}

static bool to_int(const struct value *value, int64_t min, int64_t max, int64_t *out)
{
    int64_t number;
    switch (value->type) {
    case VALUE_INT: number = value->number; break;
    case VALUE_BOOL: number = value->truth; break;
    case VALUE_TEXT: return text_to_int(value->text, min, max, out);
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    default: return false;
    }
    if (number < min || number > max)
        return false;
    *out = number;
    return true;
}

bool instance_get_int(const struct instance *instance, const char *name, int64_t min, int64_t max,
                      int64_t *out, struct error *err)
{
    const struct property *property = instance_property(instance, name);
    if (!property || property->value.type == VALUE_NULL || to_int(&property->value, min, max, out))
        return true;
    char *what = mem_format("a number from %" PRId64 " to %" PRId64, min, max);
    refuse(instance, property, err, what);
    free(what);
    return false;
}

static bool to_bool(const struct value *value, bool *out)
{
    switch (value->type) {
    case VALUE_BOOL: *out = value->truth; return true;
    case VALUE_TEXT: return text_to_bool(value->text, out);
    case VALUE_INT: *out = value->number != 0; return value->number >= -1 && value->number <= 1;
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    default: return false;
    }
}

bool instance_get_bool(const struct instance *instance, const char *name, bool *out,
                       struct error *err)
{
    const struct property *property = instance_property(instance, name);
    if (!property || property->value.type == VALUE_NULL || to_bool(&property->value, out))
        return true;
    return refuse(instance, property, err, "true or false");
}

const char *instance_get_text(struct policy *policy, const struct instance *instance,
                              const char *name)
{
    const struct value *value = instance_get(instance, name);
    if (!value)
        return NULL;
    switch (value->type) {
    case VALUE_TEXT: return value->text;
    case VALUE_INT: return arena_format(&policy->arena, "%" PRId64, value->number);
    case VALUE_BOOL: return value->truth ? "true" : "false";
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT: break;
    }
    return NULL;
}

const char *instance_where(struct policy *policy, const struct instance *instance)
{
    return arena_format(&policy->arena, "%s:%u", instance->document->path, instance->line);
}

#include "policy/secrets.h"

#include <stdlib.h>
#include <string.h>

/* The instance, or one embedded in it, that has a secret, and which. Reading bounds the depth. */
static bool find_secret(const struct instance *instance, struct secret_place *place);

static bool find_within(const struct value *value, struct secret_place *place)
{
    if (value->type == VALUE_OBJECT)
        return find_secret(value->object, place);
    for (size_t i = 0; value->type == VALUE_ARRAY && i < value->count; i++)
        if (value->items[i].type == VALUE_OBJECT && find_secret(value->items[i].object, place))
            return true;
    return false;
}

static bool find_secret(const struct instance *instance, struct secret_place *place)
{
    for (size_t i = 0; i < instance->count; i++) {
        const struct property *property = &instance->properties[i];
        if (property->secret && property->value.type != VALUE_NULL) {
            *place = (struct secret_place){instance->document, instance, property};
            return true;
        }
        if (find_within(&property->value, place))
            return true;
    }
    return false;
}

/* Documents of no matter what version: what is superseded is as readable. Those of one file follow
   each other. */
struct secret_place *secrets_readable(const struct policy *policy, size_t *count)
{
    struct secret_place *places = mem_zero(policy->document_count, sizeof *places);
    *count = 0;
    for (size_t i = 0; i < policy->requested_count; i++) {
        const struct instance *instance = policy->requested[i];
        const char *last = *count ? places[*count - 1].document->path : "";
        if (instance->document->readable_by_others && strcmp(last, instance->document->path) != 0)
            *count += find_secret(instance, &places[*count]);
    }
    return places;
}

bool secrets_refuse_readable(const struct policy *policy, struct error *err)
{
    size_t count;
    struct secret_place *places = secrets_readable(policy, &count);
    bool ok = count == 0;
    if (!ok)
        error_set(err, ERROR_INPUT, BLAME_POLICY, "SECRET_READABLE", places[0].document->path,
                  "holds a secret (%s.%s, line %u) and others may read it; take their right away: "
                  "chmod o-r",
                  places[0].instance->class_name, places[0].property->name,
                  places[0].property->line);
    free(places);
    return ok;
}

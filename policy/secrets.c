#include "policy/secrets.h"

#include <stdlib.h>

static const struct property *find_secret(const struct instance *instance)
{
    for (size_t i = 0; i < instance->count; i++)
        if (instance->properties[i].secret && instance->properties[i].value.type != VALUE_NULL)
            return &instance->properties[i];
    return NULL;
}

/* Documents of no matter what version: what is superseded is as readable. */
struct secret_place *secrets_readable(const struct policy *policy, size_t *count)
{
    bool *seen = mem_zero(policy->document_count, sizeof *seen);
    struct secret_place *places = mem_zero(policy->document_count, sizeof *places);
    *count = 0;
    for (size_t i = 0; i < policy->requested_count; i++) {
        const struct instance *instance = policy->requested[i];
        const struct document *document = instance->document;
        if (!document->readable_by_others || seen[document->order])
            continue;
        const struct property *property = find_secret(instance);
        if (!property)
            continue;
        seen[document->order] = true;
        places[(*count)++] = (struct secret_place){document, instance, property};
    }
    free(seen);
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

#include "policy/collections.h"

#include "policy/base/text.h"

static bool is_machine(struct policy *policy, const struct instance *row, const char *name)
{
    const char *has = instance_get_text(policy, row, "Name");
    return has && *has && name && text_same_host(name, has);
}

/* ResourceId of the machine, as text, or NULL. */
static const char *find_resource(struct policy *policy, const struct classes *classes,
                                 const char *name)
{
    const struct class_group machines = classes_find(classes, "SMS_R_System");
    const char *resource = NULL;
    for (size_t i = 0; i < machines.count; i++)
        if (is_machine(policy, machines.instances[i], name))
            resource = instance_get_text(policy, machines.instances[i], "ResourceId");
    return resource;
}

void collections_find(struct collections *collections, struct policy *policy,
                      const struct classes *classes, const char *name)
{
    const struct class_group rows = classes_find(classes, "SMS_FullCollectionMembership");
    const char *resource = find_resource(policy, classes, name);
    *collections = (struct collections){.known = rows.count > 0};
    collections->ids = arena_zero(&policy->arena, rows.count, sizeof *collections->ids);
    for (size_t i = 0; i < rows.count; i++) {
        const struct instance *row = rows.instances[i];
        const char *id = instance_get_text(policy, row, "CollectionID");
        bool by_resource = resource && instance_get(row, "ResourceID");
        bool is_in = by_resource
                         ? text_equal(instance_get_text(policy, row, "ResourceID"), resource)
                         : is_machine(policy, row, name);
        if (is_in && id)
            collections->ids[collections->count++] = id;
    }
}

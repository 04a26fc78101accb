#include "policy/client_settings.h"

#include "policy/base/text.h"
#include "policy/collections.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* SMS_ClientSettings.Type (configmgr-sdk 4.1). */
enum { TYPE_DEFAULT = 0, TYPE_DEVICE = 1, TYPE_USER = 2 };

/* What one run of reading gathers. */
struct reading {
    struct policy *policy;
    const struct audience *audience;
    struct classes classes;
    struct collections members; /* that the policy says the machine is in */
};

/* Whom an object applies to */

static bool is_member(const struct reading *reading, const char *collection)
{
    for (size_t i = 0; i < reading->audience->collection_count; i++)
        if (text_equal(reading->audience->collections[i], collection))
            return true;
    for (size_t i = 0; i < reading->members.count; i++)
        if (text_equal(reading->members.ids[i], collection))
            return true;
    return false;
}

/* "'Pilot Cloud' (PS100023)" */
static const char *collection_words(struct reading *reading, const struct instance *assignment)
{
    struct policy *policy = reading->policy;
    const char *id = instance_get_text(policy, assignment, "CollectionID");
    const char *name = instance_get_text(policy, assignment, "CollectionName");
    return name ? arena_format(&policy->arena, "'%s' (%s)", name, id)
                : arena_copy_string(&policy->arena, id);
}

/* The collection by which the object applies, else the first it is assigned to. */
static bool find_collection(struct reading *reading, struct settings_object *object)
{
    struct policy *policy = reading->policy;
    const struct class_group rows = classes_find(&reading->classes, "SMS_ClientSettingsAssignment");
    for (size_t i = 0; i < rows.count; i++) {
        const struct instance *assignment = rows.instances[i];
        int64_t id = -1;
        const char *collection = instance_get_text(policy, assignment, "CollectionID");
        if (!collection ||
            !instance_get_int(assignment, "ClientSettingsID", 0, UINT32_MAX, &id, NULL) ||
            id != object->id)
            continue;
        bool applies = is_member(reading, collection);
        if (applies || !object->collection)
            object->collection = collection_words(reading, assignment);
        if (applies)
            return true;
    }
    return false;
}

static const char *why_no_member(struct reading *reading, const struct settings_object *object)
{
    struct arena *arena = &reading->policy->arena;
    const char *name = reading->audience->name;
    if (!object->collection)
        return "assigned to no collection";
    if (!reading->members.known && reading->audience->collection_count == 0)
        return arena_format(arena, "collection %s, membership not known", object->collection);
    return arena_format(arena, "collection %s, of which %s is no member", object->collection,
                        name ? name : "this machine");
}

static void decide(struct reading *reading, struct settings_object *object)
{
    const struct instance *instance = object->instance;
    int64_t type =
        text_equal(instance->class_name, "SMS_ClientSettingsDefault") ? TYPE_DEFAULT : TYPE_DEVICE;
    bool enabled = true, is_read = true;
    is_read = instance_get_int(instance, "SettingsID", 0, UINT32_MAX, &object->id, NULL) &&
              instance_get_int(instance, "Priority", 0, UINT32_MAX, &object->priority, NULL) &&
              instance_get_int(instance, "Type", 0, TYPE_USER, &type, NULL) &&
              instance_get_bool(instance, "Enabled", &enabled, NULL);
    object->layer = type == TYPE_DEFAULT ? LAYER_DEFAULT : LAYER_CUSTOM;
    if (!is_read)
        object->why_not = "its SettingsID, Priority, Type or Enabled cannot be read";
    else if (type == TYPE_USER)
        object->why_not = "settings for users, not for machines (Type 2)";
    else if (!enabled)
        object->why_not = "disabled (Enabled is false)";
    else if (type == TYPE_DEVICE && !find_collection(reading, object))
        object->why_not = why_no_member(reading, object);
}

/* Objects */

static void take_configurations(struct policy *policy, struct settings_object *object)
{
    const struct value *value = instance_get(object->instance, "AgentConfigurations");
    if (!value)
        return;
    bool is_array = value->type == VALUE_ARRAY;
    const struct value *items = is_array ? value->items : value;
    size_t count = is_array ? value->count : 1;
    const struct instance **kept = arena_zero(&policy->arena, count, sizeof *kept);
    for (size_t i = 0; i < count; i++)
        if (items[i].type == VALUE_OBJECT)
            kept[object->count++] = items[i].object;
    object->configurations = kept;
}

static void read_object(struct reading *reading, const struct instance *instance,
                        struct settings_object *object)
{
    const char *name = instance_get_text(reading->policy, instance, "Name");
    *object =
        (struct settings_object){.instance = instance, .name = name, .priority = PRECEDENCE_NONE};
    decide(reading, object);
    if (!name)
        object->name = arena_format(&reading->policy->arena, "settings %" PRId64, object->id);
    take_configurations(reading->policy, object);
}

static int by_id_then_order(const void *a, const void *b)
{
    const struct settings_object *left = a, *right = b;
    if (left->id != right->id)
        return left->id < right->id ? -1 : 1;
    size_t mine = left->instance->document->order, other = right->instance->document->order;
    if (mine != other)
        return mine < other ? -1 : 1;
    return (left->instance->line > right->instance->line) -
           (left->instance->line < right->instance->line);
}

static void keep_last_of_doubles(struct client_settings *settings)
{
    size_t kept = 0;
    for (size_t i = 0; i < settings->count; i++)
        if (i + 1 == settings->count || settings->objects[i].id != settings->objects[i + 1].id)
            settings->objects[kept++] = settings->objects[i];
    settings->count = kept;
}

static void read_objects(struct reading *reading, struct client_settings *settings)
{
    static const char *const names[] = {"SMS_ClientSettings", "SMS_ClientSettingsDefault"};
    const struct class_group groups[] = {classes_find(&reading->classes, names[0]),
                                         classes_find(&reading->classes, names[1])};
    settings->objects = arena_zero(&reading->policy->arena, groups[0].count + groups[1].count,
                                   sizeof *settings->objects);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < groups[i].count; j++)
            read_object(reading, groups[i].instances[j], &settings->objects[settings->count++]);
    if (settings->count)
        qsort(settings->objects, settings->count, sizeof *settings->objects, by_id_then_order);
}

void client_settings_read(struct client_settings *settings, struct policy *policy,
                          const struct audience *audience)
{
    struct reading reading = {.policy = policy, .audience = audience};
    *settings = (struct client_settings){0};
    classes_read(&reading.classes, policy);
    collections_find(&reading.members, policy, &reading.classes, audience->name);
    read_objects(&reading, settings);
    keep_last_of_doubles(settings);
}

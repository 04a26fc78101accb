/* The machine object: from JSON, from --set, from SMS_R_System; and back to JSON. */
#include "agent/machine/machine.h"

#include "policy/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MACHINE_FILE_BYTES (16 * 1024 * 1024)

static bool refuse(struct error *err, enum error_kind kind, const char *where, const char *member,
                   const char *why)
{
    return error_set(err, kind, BLAME_USER, "MACHINE", where, "'%s' %s", member, why);
}

/* ---- addresses ---- */

static bool is_silent(const struct ip_address *address)
{
    static const unsigned char loopback[ADDRESS_BYTES] = {[15] = 1};
    const unsigned char *b = address->bytes;
    if (address->is_ipv4)
        return b[12] == 127 || (b[12] == 169 && b[13] == 254);
    return memcmp(b, loopback, sizeof loopback) == 0 || (b[0] == 0xFE && (b[1] & 0xC0) == 0x80);
}

bool machine_add_address(struct machine *machine, const char *text, bool *bad)
{
    const char *slash = strchr(text, '/');
    struct ip_address parsed;
    int64_t prefix = -1;
    char *plain =
        arena_copy_bytes(&machine->arena, text, slash ? (size_t)(slash - text) : strlen(text));
    *bad = !ip_address_parse(plain, &parsed) ||
           (slash && !text_to_int(slash + 1, 0, parsed.is_ipv4 ? 32 : 128, &prefix));
    if (*bad || is_silent(&parsed))
        return false;
    size_t count = machine->address_count;
    struct site_address *grown = arena_zero(&machine->arena, count + 1, sizeof *machine->addresses);
    if (count)
        memcpy(grown, machine->addresses, count * sizeof *grown);
    memcpy(grown[count].bytes, parsed.bytes, sizeof parsed.bytes);
    grown[count].is_ipv4 = parsed.is_ipv4;
    grown[count].prefix = (int)prefix;
    grown[count].text = arena_copy_string(&machine->arena, text);
    machine->addresses = grown;
    machine->address_count = count + 1;
    return true;
}

static void add_text(struct machine *machine, const char ***list, size_t *count, const char *text)
{
    const char **grown = arena_zero(&machine->arena, *count + 1, sizeof *grown);
    if (*count)
        memcpy(grown, *list, *count * sizeof *grown);
    grown[(*count)++] = arena_copy_string(&machine->arena, text);
    *list = grown;
}

static struct machine_adapter *add_adapter(struct machine *machine)
{
    size_t count = machine->adapter_count;
    struct machine_adapter *grown = arena_zero(&machine->arena, count + 1, sizeof *grown);
    if (count)
        memcpy(grown, machine->adapters, count * sizeof *grown);
    grown[count].if_type = -1;
    machine->adapters = grown;
    machine->adapter_count = count + 1;
    return &grown[count];
}

static bool has_subnet(const struct machine *machine, const char *text)
{
    for (size_t i = 0; i < machine->subnet_count; i++)
        if (text_equal(machine->subnets[i], text))
            return true;
    return false;
}

/* A subnet boundary holds the machine's own network ID: its address under its own mask. */
void machine_settle(struct machine *machine)
{
    for (size_t i = 0; i < machine->address_count; i++) {
        const struct site_address *address = &machine->addresses[i];
        struct ip_address own = {.is_ipv4 = address->is_ipv4};
        char text[64];
        if (address->prefix < 0)
            continue;
        memcpy(own.bytes, address->bytes, sizeof own.bytes);
        struct ip_address network = ip_address_network(&own, address->prefix);
        ip_address_print(&network, text, sizeof text);
        if (!has_subnet(machine, text))
            add_text(machine, &machine->subnets, &machine->subnet_count, text);
    }
}

/* ---- from JSON ---- */

struct text_member {
    const char *name;
    size_t offset;
};

static const struct text_member texts[] = {
    {"name", offsetof(struct machine, name)},     {"adSite", offsetof(struct machine, ad_site)},
    {"domain", offsetof(struct machine, domain)}, {"forest", offsetof(struct machine, forest)},
    {"site", offsetof(struct machine, site)},
};

static const struct text_member truths[] = {
    {"vpn", offsetof(struct machine, vpn)},
    {"metered", offsetof(struct machine, metered)},
    {"internet", offsetof(struct machine, internet)},
};

static void *find_member(struct machine *machine, const struct text_member *members, size_t count,
                         const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].name, name) == 0)
            return (char *)machine + members[i].offset;
    return NULL;
}

#define FIND_TEXT(machine, name) \
    (const char **)find_member(machine, texts, sizeof texts / sizeof texts[0], name)
#define FIND_TRUTH(machine, name) \
    (bool *)find_member(machine, truths, sizeof truths / sizeof truths[0], name)

static const char *take_addresses(struct machine *machine, const json_t *value)
{
    size_t i;
    const json_t *item;
    bool bad = !json_is_array(value);
    machine->address_count = 0;
    json_array_foreach(value, i, item)
    {
        if (bad || !json_is_string(item))
            bad = true;
        else
            machine_add_address(machine, json_string_value(item), &bad);
        if (bad)
            break;
    }
    return bad ? "must be a list of addresses such as 10.1.2.3/24" : NULL;
}

static const char *take_texts(struct machine *machine, const char ***list, size_t *count,
                              const json_t *value)
{
    size_t i;
    const json_t *item;
    *count = 0;
    if (!json_is_array(value))
        return "must be a list of texts";
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item))
            return "must be a list of texts";
        add_text(machine, list, count, json_string_value(item));
    }
    return NULL;
}

static const char *own_text(struct machine *machine, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? arena_copy_string(&machine->arena, text) : NULL;
}

static const char *take_adapters(struct machine *machine, const json_t *value)
{
    size_t i;
    const json_t *item;
    machine->adapter_count = 0;
    if (!json_is_array(value))
        return "must be a list of adapters";
    json_array_foreach(value, i, item)
    {
        if (!json_is_object(item))
            return "must be a list of adapters";
        struct machine_adapter *adapter = add_adapter(machine);
        adapter->name = own_text(machine, item, "name");
        adapter->description = own_text(machine, item, "description");
        adapter->dns_suffix = own_text(machine, item, "dnsSuffix");
        adapter->vpn = json_is_true(json_object_get(item, "vpn"));
        const json_t *type = json_object_get(item, "ifType");
        if (json_is_integer(type))
            adapter->if_type = json_integer_value(type);
    }
    return NULL;
}

/* Returns NULL, or why the member is refused. */
static const char *take_member(struct machine *machine, const char *name, const json_t *value)
{
    const char **text = FIND_TEXT(machine, name);
    bool *truth = FIND_TRUTH(machine, name);
    if (json_is_null(value) && (text || truth))
        return NULL;
    if (text) {
        *text = json_is_string(value) ? arena_copy_string(&machine->arena, json_string_value(value))
                                      : NULL;
        return *text ? NULL : "must be a text";
    }
    if (truth) {
        *truth = json_is_true(value);
        return json_is_boolean(value) ? NULL : "must be true or false";
    }
    if (strcmp(name, "addresses") == 0)
        return take_addresses(machine, value);
    if (strcmp(name, "subnets") == 0)
        return take_texts(machine, &machine->subnets, &machine->subnet_count, value);
    if (strcmp(name, "collections") == 0)
        return take_texts(machine, &machine->collections, &machine->collection_count, value);
    if (strcmp(name, "adapters") == 0)
        return take_adapters(machine, value);
    return "is not a member of a machine";
}

bool machine_override(struct machine *machine, const json_t *object, const char *where,
                      struct error *err)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return refuse(err, ERROR_INPUT, where, "machine", "must be an object");
    json_t *members = json_copy((json_t *)(uintptr_t)object);
    const char *why = NULL;
    json_object_foreach(members, name, value)
    {
        why = take_member(machine, name, value);
        if (why) {
            refuse(err, ERROR_INPUT, where, name, why);
            break;
        }
    }
    json_decref(members);
    return why == NULL;
}

bool machine_from_json(struct machine *machine, const json_t *object, const char *where,
                       struct error *err)
{
    *machine = (struct machine){.name = NULL};
    if (!machine_override(machine, object, where, err)) {
        machine_free(machine);
        return false;
    }
    machine_settle(machine);
    return true;
}

bool machine_from_file(struct machine *machine, const char *path, struct error *err)
{
    json_error_t problem;
    json_t *object = json_load_file(path, JSON_REJECT_DUPLICATES, &problem);
    if (!object) {
        char *where = mem_format("%s:%d:%d", path, problem.line, problem.column);
        error_set(err, ERROR_INPUT, BLAME_USER, "MACHINE", where, "%s", problem.text);
        free(where);
        return false;
    }
    bool ok = machine_from_json(machine, object, path, err);
    json_decref(object);
    return ok;
}

/* ---- from the policy ---- */

static void add_values(struct policy *policy, struct machine *machine,
                       const struct instance *instance, const char *property,
                       void (*add)(struct machine *machine, const char *text))
{
    const struct value *value = instance_get(instance, property);
    (void)policy;
    if (!value)
        return;
    size_t count = value->type == VALUE_ARRAY ? value->count : 1;
    const struct value *items = value->type == VALUE_ARRAY ? value->items : value;
    for (size_t i = 0; i < count; i++)
        if (items[i].type == VALUE_TEXT)
            add(machine, items[i].text);
}

static void add_policy_address(struct machine *machine, const char *text)
{
    bool bad;
    machine_add_address(machine, text, &bad); /* an inventory's rubbish is left out */
}

static void add_policy_subnet(struct machine *machine, const char *text)
{
    add_text(machine, &machine->subnets, &machine->subnet_count, text);
}

bool machine_from_policy(struct machine *machine, struct policy *policy, const char *name,
                         struct error *err)
{
    *machine = (struct machine){.name = NULL};
    for (size_t i = policy->instance_count; i-- > 0;) {
        const struct instance *instance = policy->instances[i];
        if (!text_equal(instance->class_name, "SMS_R_System"))
            continue;
        const char *own = instance_get_text(policy, instance, "Name");
        if (!own || !text_equal(own, name))
            continue;
        machine->name = arena_copy_string(&machine->arena, own);
        machine->ad_site = instance_get_text(policy, instance, "ADSiteName");
        machine->domain = instance_get_text(policy, instance, "ResourceDomainORWorkgroup");
        add_values(policy, machine, instance, "IPAddresses", add_policy_address);
        add_values(policy, machine, instance, "IPSubnets", add_policy_subnet);
        machine_settle(machine);
        return true;
    }
    return error_set(err, ERROR_FAILED, BLAME_USER, "UNKNOWN_MACHINE", NULL,
                     "'%s' is neither a file nor a machine of the policy (SMS_R_System)", name);
}

/* ---- from --set ---- */

static bool set_adapter(struct machine *machine, const char *value)
{
    const char *bar = strchr(value, '|');
    struct machine_adapter *adapter = add_adapter(machine);
    adapter->name =
        arena_copy_bytes(&machine->arena, value, bar ? (size_t)(bar - value) : strlen(value));
    if (bar)
        adapter->description = arena_copy_string(&machine->arena, bar + 1);
    return true;
}

static bool set_value(struct machine *machine, const char *key, const char *value, const char **why)
{
    const char **text = FIND_TEXT(machine, key);
    bool *truth = FIND_TRUTH(machine, key);
    bool bad = false;
    *why = "is not a fact of a machine";
    if (text) {
        *text = arena_copy_string(&machine->arena, value);
        return true;
    }
    if (truth) {
        *why = "must be true or false";
        return text_to_bool(value, truth);
    }
    if (strcmp(key, "address") == 0) {
        *why = "must be an address such as 10.1.2.3/24";
        machine_add_address(machine, value, &bad);
        return !bad;
    }
    if (strcmp(key, "subnet") == 0)
        add_text(machine, &machine->subnets, &machine->subnet_count, value);
    else if (strcmp(key, "collection") == 0)
        add_text(machine, &machine->collections, &machine->collection_count, value);
    else
        return strcmp(key, "adapter") == 0 && set_adapter(machine, value);
    return true;
}

bool machine_set(struct machine *machine, const char *assignment, struct error *err)
{
    const char *equals = strchr(assignment, '=');
    const char *why = "is not of the form KEY=VALUE";
    char *key = mem_copy_bytes(assignment, equals ? (size_t)(equals - assignment) : 0);
    bool ok = equals && set_value(machine, key, equals + 1, &why);
    free(key);
    return ok ||
           error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL, "--set '%s' %s", assignment, why);
}

/* ---- to JSON ---- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *adapters_json(const struct machine *machine)
{
    json_t *list = json_array();
    for (size_t i = 0; i < machine->adapter_count; i++) {
        const struct machine_adapter *adapter = &machine->adapters[i];
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:o, s:b}", "name", text_or_null(adapter->name),
                            "description", text_or_null(adapter->description), "ifType",
                            adapter->if_type < 0 ? json_null() : json_integer(adapter->if_type),
                            "dnsSuffix", text_or_null(adapter->dns_suffix), "vpn", adapter->vpn));
    }
    return list;
}

static json_t *texts_json(const char *const *list, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

json_t *machine_to_json(const struct machine *machine)
{
    json_t *addresses = json_array();
    for (size_t i = 0; i < machine->address_count; i++)
        json_array_append_new(addresses, json_string(machine->addresses[i].text));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b}", "name",
                     text_or_null(machine->name), "addresses", addresses, "subnets",
                     texts_json(machine->subnets, machine->subnet_count), "adSite",
                     text_or_null(machine->ad_site), "domain", text_or_null(machine->domain),
                     "forest", text_or_null(machine->forest), "site", text_or_null(machine->site),
                     "collections", texts_json(machine->collections, machine->collection_count),
                     "adapters", adapters_json(machine), "vpn", machine->vpn, "metered",
                     machine->metered, "internet", machine->internet);
}

void machine_free(struct machine *machine)
{
    arena_free(&machine->arena);
    *machine = (struct machine){.name = NULL};
}

/* The contract's machine object: read, changed by --set, written. */
#include "agent/machine/parts.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <stddef.h>
#include <string.h>

enum member_type {
    MEMBER_TEXT,
    MEMBER_BOOL,
    MEMBER_ADDRESSES,
    MEMBER_SUBNETS,
    MEMBER_COLLECTIONS,
    MEMBER_ADAPTERS,
};

/* With --set's key. */
static const struct member {
    const char *name, *key;
    enum member_type type;
    size_t offset; /* of a text or a boolean */
} members[MACHINE_MEMBER_COUNT] = {
    [MACHINE_NAME] = {"name", "name", MEMBER_TEXT, offsetof(struct machine, name)},
    [MACHINE_ADDRESSES] = {"addresses", "address", MEMBER_ADDRESSES, 0},
    [MACHINE_SUBNETS] = {"subnets", "subnet", MEMBER_SUBNETS, 0},
    [MACHINE_AD_SITE] = {"adSite", "adSite", MEMBER_TEXT, offsetof(struct machine, ad_site)},
    [MACHINE_DOMAIN] = {"domain", "domain", MEMBER_TEXT, offsetof(struct machine, domain)},
    [MACHINE_FOREST] = {"forest", "forest", MEMBER_TEXT, offsetof(struct machine, forest)},
    [MACHINE_SITE] = {"site", "site", MEMBER_TEXT, offsetof(struct machine, site)},
    [MACHINE_COLLECTIONS] = {"collections", "collection", MEMBER_COLLECTIONS, 0},
    [MACHINE_ADAPTERS] = {"adapters", "adapter", MEMBER_ADAPTERS, 0},
    [MACHINE_VPN] = {"vpn", "vpn", MEMBER_BOOL, offsetof(struct machine, vpn)},
    [MACHINE_METERED] = {"metered", "metered", MEMBER_BOOL, offsetof(struct machine, metered)},
    [MACHINE_INTERNET] = {"internet", "internet", MEMBER_BOOL, offsetof(struct machine, internet)},
};

const char *machine_member_name(enum machine_member member)
{
    return members[member].name;
}

static enum machine_member member_of(const struct member *member)
{
    return (enum machine_member)(member - members);
}

/* An empty text says nothing. */
static void set_text(struct machine *machine, const struct member *member, const char *text)
{
    const char *copy = text && *text ? arena_copy_string(&machine->arena, text) : NULL;
    memcpy((char *)machine + member->offset, &copy, sizeof copy);
}

static const char *get_text(const struct machine *machine, const struct member *member)
{
    const char *text;
    memcpy(&text, (const char *)machine + member->offset, sizeof text);
    return text;
}

static void set_truth(struct machine *machine, const struct member *member, bool truth)
{
    memcpy((char *)machine + member->offset, &truth, sizeof truth);
}

static bool get_truth(const struct machine *machine, const struct member *member)
{
    bool truth;
    memcpy(&truth, (const char *)machine + member->offset, sizeof truth);
    return truth;
}

static bool refuse(const char *where, const char *member, const char *why, struct error *err)
{
    return error_set(err, ERROR_INPUT, BLAME_USER, "MACHINE", where, "the machine's '%s' %s",
                     member, why);
}

/* Texts of an adapter; null and absent stay NULL. */
static bool read_adapter_member(struct machine *machine, struct machine_adapter *adapter,
                                const char *key, const json_t *value)
{
    const char **text = strcmp(key, "name") == 0          ? &adapter->name
                        : strcmp(key, "description") == 0 ? &adapter->description
                        : strcmp(key, "dnsSuffix") == 0   ? &adapter->dns_suffix
                                                          : NULL;
    if (text && json_is_string(value))
        *text = arena_copy_string(&machine->arena, json_string_value(value));
    else if (strcmp(key, "ifType") == 0 && json_is_integer(value))
        adapter->if_type = json_integer_value(value);
    else if (strcmp(key, "vpn") == 0 && json_is_boolean(value))
        adapter->vpn = json_is_true(value);
    else
        return (text || strcmp(key, "ifType") == 0 || strcmp(key, "vpn") == 0) &&
               json_is_null(value);
    return true;
}

static bool read_adapter(struct machine *machine, const json_t *object)
{
    struct machine_adapter adapter = {.if_type = -1};
    if (!json_is_object(object))
        return false;
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at))
        if (!read_adapter_member(machine, &adapter, json_object_iter_key(at),
                                 json_object_iter_value(at)))
            return false;
    machine_add_adapter(machine, &adapter);
    return true;
}

/* One element of a list; false: it is not of the list's kind. */
static bool add_element(struct machine *machine, const struct member *member, const json_t *value)
{
    const char *text = json_string_value(value);
    switch (member->type) {
    case MEMBER_ADDRESSES: return text && machine_add_address(machine, text);
    case MEMBER_SUBNETS: return text && machine_add_subnet(machine, text);
    case MEMBER_ADAPTERS: return read_adapter(machine, value);
    case MEMBER_COLLECTIONS:
        if (text)
            machine_add_collection(machine, text);
        return text != NULL;
    case MEMBER_TEXT:
    case MEMBER_BOOL: break;
    }
    return false;
}

static void empty_list(struct machine *machine, const struct member *member)
{
    if (member->type == MEMBER_ADDRESSES)
        machine->address_count = 0;
    else if (member->type == MEMBER_SUBNETS)
        machine->subnet_count = 0;
    else if (member->type == MEMBER_COLLECTIONS)
        machine->collection_count = 0;
    else if (member->type == MEMBER_ADAPTERS)
        machine->adapter_count = 0;
}

static bool read_list(struct machine *machine, const struct member *member, const json_t *value,
                      const char *where, struct error *err)
{
    static const char *const words[] = {
        [MEMBER_ADDRESSES] = "takes a list of addresses such as \"10.1.2.3/24\"",
        [MEMBER_SUBNETS] = "takes a list of subnet IDs such as \"10.1.2.0\"",
        [MEMBER_COLLECTIONS] = "takes a list of collection IDs",
        [MEMBER_ADAPTERS] = "takes a list of adapters with name, description, ifType, dnsSuffix, "
                            "vpn",
    };
    empty_list(machine, member);
    if (json_is_null(value))
        return true;
    if (!json_is_array(value))
        return refuse(where, member->name, words[member->type], err);
    if (json_array_size(value) > LIMIT_MACHINE_LIST)
        return refuse(where, member->name, "has too many elements (LIMIT_MACHINE_LIST)", err);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!add_element(machine, member, json_array_get(value, i)))
            return refuse(where, member->name, words[member->type], err);
    return true;
}

static bool read_member(struct machine *machine, const struct member *member, const json_t *value,
                        const char *where, struct error *err)
{
    if (member->type == MEMBER_TEXT) {
        if (!json_is_string(value) && !json_is_null(value))
            return refuse(where, member->name, "takes a text", err);
        set_text(machine, member, json_string_value(value));
        return true;
    }
    if (member->type == MEMBER_BOOL) {
        if (!json_is_boolean(value) && !json_is_null(value))
            return refuse(where, member->name, "takes true or false", err);
        set_truth(machine, member, json_is_true(value));
        return true;
    }
    return read_list(machine, member, value, where, err);
}

static const struct member *find_member(const char *name)
{
    for (size_t i = 0; i < MACHINE_MEMBER_COUNT; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

/* Lays the object's members over the machine. A null takes away what was known. */
static bool apply(struct machine *machine, const json_t *object, enum machine_origin origin,
                  const char *where, struct error *err)
{
    const char *place = where ? arena_copy_string(&machine->arena, where) : NULL;
    if (!json_is_object(object))
        return error_set(err, ERROR_INPUT, BLAME_USER, "MACHINE", where,
                         "a machine is a JSON object");
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        const char *name = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        const struct member *member = find_member(name);
        if (!member)
            return refuse(where, name, "is not known", err);
        if (!read_member(machine, member, value, where, err))
            return false;
        const char *text = json_string_value(value);
        if (json_is_null(value) || (text && !*text))
            machine_came_from(machine, member_of(member), MACHINE_NOT_KNOWN, NULL);
        else
            machine_came_from(machine, member_of(member), origin, place);
    }
    return true;
}

static bool finish(struct machine *machine, bool ok)
{
    if (ok)
        machine_settle(machine);
    else
        machine_free(machine);
    return ok;
}

bool machine_find(struct machine *machine, const json_t *overrides, const char *path,
                  struct error *err)
{
    *machine = (struct machine){0};
    bool ok = machine_find_local(machine, err) &&
              (!overrides || apply(machine, overrides, MACHINE_FROM_SETTINGS, path, err));
    return finish(machine, ok);
}

bool machine_from_json(struct machine *machine, const json_t *object, const char *where,
                       struct error *err)
{
    *machine = (struct machine){0};
    return finish(machine, apply(machine, object, MACHINE_FROM_FILE, where, err));
}

bool machine_from_file(struct machine *machine, const char *path, struct error *err)
{
    struct buf text = {0};
    json_error_t problem;
    json_t *object = NULL;
    *machine = (struct machine){0};
    bool ok = beneath_read_named(path, "the machine's file", LIMIT_SETTINGS_BYTES, &text, err);
    if (ok) {
        object = json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, &problem);
        ok = object
                 ? machine_from_json(machine, object, path, err)
                 : error_set(err, ERROR_INPUT, BLAME_USER, "JSON", path, "line %d, column %d: %s",
                             problem.line, problem.column, problem.text);
    }
    json_decref(object);
    buf_free(&text);
    return ok;
}

static bool set_adapter(struct machine *machine, const char *value)
{
    const char *bar = strchr(value, '|');
    size_t len = bar ? (size_t)(bar - value) : strlen(value);
    const struct machine_adapter adapter = {
        .name = len ? arena_copy_bytes(&machine->arena, value, len) : NULL,
        .description = bar && bar[1] ? arena_copy_string(&machine->arena, bar + 1) : NULL,
        .if_type = -1,
    };
    machine_add_adapter(machine, &adapter);
    return adapter.name || adapter.description;
}

static bool set_value(struct machine *machine, const struct member *member, const char *value)
{
    bool truth;
    switch (member->type) {
    case MEMBER_TEXT: set_text(machine, member, value); return true;
    case MEMBER_BOOL:
        if (!text_to_bool(value, &truth))
            return false;
        set_truth(machine, member, truth);
        return true;
    case MEMBER_ADDRESSES: return machine_add_address(machine, value);
    case MEMBER_SUBNETS: return machine_add_subnet(machine, value);
    case MEMBER_COLLECTIONS: machine_add_collection(machine, value); return true;
    case MEMBER_ADAPTERS: return set_adapter(machine, value);
    }
    return false;
}

/* The member of "key=value", or NULL. */
static const struct member *find_key(const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    size_t len = equals ? (size_t)(equals - assignment) : 0;
    for (size_t i = 0; equals && i < MACHINE_MEMBER_COUNT; i++)
        if (strlen(members[i].key) == len && strncasecmp(members[i].key, assignment, len) == 0)
            return &members[i];
    return NULL;
}

void machine_forget(struct machine *machine, const char *assignment)
{
    const struct member *member = find_key(assignment);
    if (!member)
        return;
    empty_list(machine, member);
    if (member->type == MEMBER_ADDRESSES) {
        machine->subnet_count = 0;
        machine_came_from(machine, MACHINE_SUBNETS, MACHINE_NOT_KNOWN, NULL);
    }
}

bool machine_set(struct machine *machine, const char *assignment, struct error *err)
{
    const struct member *member = find_key(assignment);
    const char *value = member ? strchr(assignment, '=') + 1 : NULL;
    if (member && set_value(machine, member, value)) {
        bool is_known = member->type != MEMBER_TEXT || *value;
        machine_came_from(machine, member_of(member),
                          is_known ? MACHINE_FROM_SET : MACHINE_NOT_KNOWN, NULL);
        return true;
    }
    if (member)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL, "--set %s does not take '%s'",
                         member->key, value);
    return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                     "--set takes KEY=VALUE with a machine's key (name, address, subnet, adSite, "
                     "domain, forest, site, collection, adapter, vpn, metered, internet), not '%s'",
                     assignment);
}

static json_t *text_or_null(const char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    return value ? value : json_null();
}

static json_t *adapters_to_json(const struct machine *machine)
{
    json_t *list = json_array();
    for (size_t i = 0; i < machine->adapter_count; i++) {
        const struct machine_adapter *adapter = &machine->adapters[i];
        json_t *if_type = adapter->if_type < 0 ? json_null() : json_integer(adapter->if_type);
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:b}", "name",
                                              text_or_null(adapter->name), "description",
                                              text_or_null(adapter->description), "ifType", if_type,
                                              "dnsSuffix", text_or_null(adapter->dns_suffix), "vpn",
                                              (int)adapter->vpn));
    }
    return list;
}

static json_t *texts_to_json(const char *const *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, text_or_null(texts[i]));
    return list;
}

static json_t *addresses_to_json(const struct machine *machine)
{
    json_t *list = json_array();
    for (size_t i = 0; i < machine->address_count; i++)
        json_array_append_new(list, text_or_null(machine->addresses[i].text));
    return list;
}

json_t *machine_to_json(const struct machine *machine)
{
    json_t *object = json_object();
    for (size_t i = 0; i < MACHINE_MEMBER_COUNT; i++) {
        const struct member *member = &members[i];
        json_t *value = NULL;
        switch (member->type) {
        case MEMBER_TEXT: value = text_or_null(get_text(machine, member)); break;
        case MEMBER_BOOL: value = json_boolean(get_truth(machine, member)); break;
        case MEMBER_ADDRESSES: value = addresses_to_json(machine); break;
        case MEMBER_SUBNETS: value = texts_to_json(machine->subnets, machine->subnet_count); break;
        case MEMBER_COLLECTIONS:
            value = texts_to_json(machine->collections, machine->collection_count);
            break;
        case MEMBER_ADAPTERS: value = adapters_to_json(machine); break;
        }
        json_object_set_new(object, member->name, value);
    }
    return object;
}

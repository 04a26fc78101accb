#include "agent/machine/parts.h"

#include <string.h>
#include <unistd.h>

const char *machine_origin_word(enum machine_origin origin)
{
    switch (origin) {
    case MACHINE_NOT_KNOWN: return "notKnown";
    case MACHINE_FROM_FILE: return "file";
    case MACHINE_FROM_POLICY: return "policy";
    case MACHINE_FROM_SET: return "set";
    case MACHINE_FROM_SYSTEM: return "system";
    case MACHINE_FROM_SETTINGS: return "settings";
    case MACHINE_COMPUTED: return "computed";
    }
    return "";
}

void machine_came_from(struct machine *machine, enum machine_member member,
                       enum machine_origin origin, const char *place)
{
    machine->facts[member] = (struct machine_fact){origin, place};
}

/* The array with room for one element more: a power of two is full. An old array stays in the
   arena. */
static void *extend(struct arena *arena, const void *array, size_t count, size_t size)
{
    if (count & (count - 1))
        return (void *)(uintptr_t)array;
    void *longer = arena_zero(arena, count ? 2 * count : 1, size);
    if (count)
        memcpy(longer, array, count * size);
    return longer;
}

bool machine_add_address(struct machine *machine, const char *text)
{
    struct site_address address;
    if (!site_address_parse(&address, &machine->arena, text))
        return false;
    machine->addresses = extend(&machine->arena, machine->addresses, machine->address_count,
                                sizeof *machine->addresses);
    machine->addresses[machine->address_count++] = address;
    return true;
}

bool machine_add_subnet(struct machine *machine, const char *text)
{
    struct site_address address;
    if (!site_address_parse(&address, &machine->arena, text))
        return false;
    address_number network = address_from_bytes(address.bytes);
    char id[INET6_ADDRSTRLEN];
    if (address.prefix >= 0)
        network = address_first(network, address.prefix);
    for (size_t i = 0; i < machine->subnet_count; i++)
        if (machine->networks[i] == network)
            return true;
    address_format(network, id);
    size_t count = machine->subnet_count++;
    address_number *networks =
        extend(&machine->arena, machine->networks, count, sizeof *machine->networks);
    networks[count] = network;
    machine->networks = networks;
    machine->subnets = extend(&machine->arena, machine->subnets, count, sizeof *machine->subnets);
    machine->subnets[count] = arena_copy_string(&machine->arena, id);
    return true;
}

void machine_add_collection(struct machine *machine, const char *text)
{
    machine->collections = extend(&machine->arena, machine->collections, machine->collection_count,
                                  sizeof *machine->collections);
    machine->collections[machine->collection_count++] = arena_copy_string(&machine->arena, text);
}

void machine_add_adapter(struct machine *machine, const struct machine_adapter *adapter)
{
    machine->adapters = extend(&machine->arena, machine->adapters, machine->adapter_count,
                               sizeof *machine->adapters);
    machine->adapters[machine->adapter_count++] = *adapter;
}

void machine_assign_site(struct machine *machine, const char *site, const char *place)
{
    machine->site = arena_copy_string(&machine->arena, site);
    machine_came_from(machine, MACHINE_SITE, MACHINE_FROM_SETTINGS,
                      place ? arena_copy_string(&machine->arena, place) : NULL);
}

/* Subnet boundaries are IPv4's: an IPv6 network has no ID of that kind. */
static void compute_subnets(struct machine *machine)
{
    for (size_t i = 0; i < machine->address_count; i++)
        if (machine->addresses[i].is_ipv4 && machine->addresses[i].prefix >= 0)
            machine_add_subnet(machine, machine->addresses[i].text);
    if (machine->subnet_count && machine->facts[MACHINE_SUBNETS].origin == MACHINE_NOT_KNOWN)
        machine_came_from(machine, MACHINE_SUBNETS, MACHINE_COMPUTED, NULL);
}

void machine_settle(struct machine *machine)
{
    char name[256] = "";
    compute_subnets(machine);
    if (machine->name || gethostname(name, sizeof name - 1) != 0 || !*name)
        return;
    machine->name = arena_copy_string(&machine->arena, name);
    machine_came_from(machine, MACHINE_NAME, MACHINE_FROM_SYSTEM, "host name");
}

void machine_free(struct machine *machine)
{
    arena_free(&machine->arena);
    *machine = (struct machine){0};
}

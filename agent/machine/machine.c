#include "agent/machine/parts.h"

#include "policy/base/text.h"

#include <string.h>
#include <unistd.h>

/* The array with room for one element more. Lists are short: an old array stays in the arena. */
static void *extend(struct arena *arena, const void *array, size_t count, size_t size)
{
    void *longer = arena_zero(arena, count + 1, size);
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
    address_format(network, id);
    for (size_t i = 0; i < machine->subnet_count; i++)
        if (text_equal(machine->subnets[i], id))
            return true;
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

void machine_settle(struct machine *machine)
{
    /* Subnet boundaries are IPv4's: an IPv6 network has no ID of that kind. */
    for (size_t i = 0; i < machine->address_count; i++)
        if (machine->addresses[i].is_ipv4 && machine->addresses[i].prefix >= 0)
            machine_add_subnet(machine, machine->addresses[i].text);
    char name[256] = "";
    if (!machine->name && gethostname(name, sizeof name - 1) == 0 && *name)
        machine->name = arena_copy_string(&machine->arena, name);
}

void machine_free(struct machine *machine)
{
    arena_free(&machine->arena);
    *machine = (struct machine){0};
}

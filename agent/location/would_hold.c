/* A boundary that would hold the machine, as the site would store it (configmgr-sdk 1.2). */
#include "agent/location/near_miss.h"

#include "policy/base/text.h"

#include <string.h>

static address_number number_of(const struct site_address *address)
{
    return address_from_bytes(address->bytes);
}

static void set_subnet(struct would_hold *would, address_number network, struct arena *arena)
{
    char id[INET6_ADDRSTRLEN];
    address_format(network, id);
    would->type = BOUNDARY_IP_SUBNET;
    would->value = arena_copy_string(arena, id);
}

/* The address's own network, or the address alone where its prefix is not known or its network
   reaches from one family into the other. */
static void set_range(struct would_hold *would, const struct site_address *address,
                      struct arena *arena)
{
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    address_number number = number_of(address);
    int prefix = address->prefix < 0 ? address_prefix_max(number) : address->prefix;
    address_number first = address_first(number, prefix), last = address_last(number, prefix);
    bool whole = address_is_ipv4(last) == address_is_ipv4(number);
    address_format(whole ? first : number, from);
    address_format(whole ? last : number, to);
    would->type = BOUNDARY_IP_RANGE;
    would->value = arena_format(arena, "%s-%s", from, to);
}

/* Four groups; the /64 is implied. */
static void set_prefix(struct would_hold *would, const struct site_address *address,
                       struct arena *arena)
{
    uint64_t high = (uint64_t)(number_of(address) >> 64);
    would->type = BOUNDARY_IPV6_PREFIX;
    would->value = arena_format(arena, "%04x:%04x:%04x:%04x", (unsigned)(high >> 48),
                                (unsigned)(high >> 32 & 0xFFFF), (unsigned)(high >> 16 & 0xFFFF),
                                (unsigned)(high & 0xFFFF));
}

/* By its family and by what is known of it. */
static void set_best(struct would_hold *would, const struct site_address *address,
                     struct arena *arena)
{
    if (!address->is_ipv4)
        set_prefix(would, address, arena);
    else if (address->prefix < 0)
        set_range(would, address, arena);
    else
        set_subnet(would, address_first(number_of(address), address->prefix), arena);
}

/* Any place of the machine, where it has none of the missed boundary's type. */
static void set_any(struct would_hold *would, const struct machine *machine, struct arena *arena)
{
    if (machine->address_count) {
        set_best(would, &machine->addresses[0], arena);
        return;
    }
    for (size_t i = 0; i < machine->subnet_count && !would->value; i++)
        if (address_is_ipv4(machine->networks[i]))
            set_subnet(would, machine->networks[i], arena);
}

static void set_vpn_text(struct would_hold *would, const struct near_miss *miss,
                         struct arena *arena)
{
    enum boundary_vpn field = miss->is_description ? BOUNDARY_VPN_DESCRIPTION : BOUNDARY_VPN_NAME;
    char *counted = arena_copy_bytes(arena, miss->text, boundary_counted_bytes(field, miss->text));
    would->value =
        arena_format(arena, "%s:%s", miss->is_description ? "Description" : "Name", counted);
}

/* Where no text was compared, Auto:On is the plainest. */
static void set_vpn(struct would_hold *would, const struct near_miss *miss, enum boundary_vpn vpn,
                    const struct machine *machine, struct arena *arena)
{
    bool by_text = vpn == BOUNDARY_VPN_NAME || vpn == BOUNDARY_VPN_DESCRIPTION;
    if (machine->vpn && (!by_text || !miss->text))
        would->value = "Auto:On";
    else if (miss->text)
        set_vpn_text(would, miss, arena);
}

static void set_place(struct would_hold *would, const struct near_miss *miss,
                      const struct site_boundary *boundary, const struct machine *machine,
                      struct arena *arena)
{
    if (boundary->boundary.type == BOUNDARY_IP_SUBNET && miss->has_network)
        set_subnet(would, miss->network, arena);
    else if (boundary->boundary.type == BOUNDARY_IP_RANGE && miss->address)
        set_range(would, miss->address, arena);
    else if (miss->address)
        set_best(would, miss->address, arena);
    else
        set_any(would, machine, arena);
}

void near_miss_would_hold(struct would_hold *would, const struct near_miss *miss,
                          const struct site_boundary *boundary, const struct machine *machine,
                          struct arena *arena)
{
    *would = (struct would_hold){.type = boundary->boundary.type};
    switch (boundary->boundary.type) {
    case BOUNDARY_IP_SUBNET:
    case BOUNDARY_IP_RANGE:
    case BOUNDARY_IPV6_PREFIX: set_place(would, miss, boundary, machine, arena); return;
    case BOUNDARY_AD_SITE: would->value = miss->text; break;
    case BOUNDARY_VPN: set_vpn(would, miss, boundary->boundary.vpn, machine, arena); break;
    }
    if (!would->value)
        set_any(would, machine, arena);
}

/* Does one boundary hold the machine? What the index answers for all of them at once. */
#include "agent/location/internal.h"

static bool holds_a_network(const struct boundary *boundary, const struct machine *machine)
{
    for (size_t i = 0; i < machine->subnet_count; i++)
        if (boundary_holds_network(boundary, machine->networks[i]))
            return true;
    return false;
}

static bool holds_an_address(const struct boundary *boundary, const struct machine *machine)
{
    for (size_t i = 0; i < machine->address_count; i++)
        if (boundary_holds_address(boundary, address_from_bytes(machine->addresses[i].bytes)))
            return true;
    return false;
}

static bool holds_an_adapter(const struct boundary *boundary, const struct machine *machine)
{
    if (boundary->vpn == BOUNDARY_VPN_AUTO)
        return machine->vpn;
    for (size_t i = 0; i < machine->adapter_count; i++)
        if (boundary_holds_adapter(boundary, machine->adapters[i].name,
                                   machine->adapters[i].description))
            return true;
    return false;
}

bool location_boundary_holds(const struct site_boundary *site_boundary,
                             const struct machine *machine)
{
    const struct boundary *boundary = &site_boundary->boundary;
    switch (boundary->type) {
    case BOUNDARY_IP_SUBNET: return holds_a_network(boundary, machine);
    case BOUNDARY_AD_SITE:
        return machine->ad_site && boundary_holds_ad_site(boundary, machine->ad_site);
    case BOUNDARY_IPV6_PREFIX:
    case BOUNDARY_IP_RANGE: return holds_an_address(boundary, machine);
    case BOUNDARY_VPN: return holds_an_adapter(boundary, machine);
    }
    return false;
}

/* Where a distribution point stands, seen from the machine. */
#include "agent/location/internal.h"

#include "policy/base/text.h"

bool location_same_computer(const struct site_dp *dp, const struct machine *machine)
{
    /* A path is this machine's, unless policy says whose address it leads to. */
    if (dp->kind == DP_LIBRARY && dp->address_count == 0 && dp->subnet_count == 0)
        return true;
    if (machine->name && text_same_host(dp->name, machine->name))
        return true;
    for (size_t i = 0; i < machine->address_count; i++)
        for (size_t j = 0; j < dp->address_count; j++)
            if (address_from_bytes(machine->addresses[i].bytes) ==
                address_from_bytes(dp->addresses[j].bytes))
                return true;
    return false;
}

/* By the machine's own prefixes; where discovery recorded network IDs alone, by them. */
bool location_same_subnet(const struct site_dp *dp, const struct machine *machine)
{
    for (size_t i = 0; i < machine->address_count; i++)
        for (size_t j = 0; j < dp->address_count; j++)
            if (site_same_subnet(&machine->addresses[i], &dp->addresses[j]))
                return true;
    for (size_t i = 0; i < machine->subnet_count; i++)
        for (size_t j = 0; j < dp->subnet_count; j++)
            if (text_equal(machine->subnets[i], dp->subnets[j]))
                return true;
    return false;
}

bool location_same_ad_site(const struct site_dp *dp, const struct machine *machine)
{
    return dp->ad_site && machine->ad_site && text_equal(dp->ad_site, machine->ad_site);
}

/* Near or far, allowed or not: single questions about a DP, a machine and a deployment. */
#include "agent/location/internal.h"

#include "policy/base/text.h"

/* RemoteClientFlags (configmgr-sdk 5.1) and DPLocality (5.2). */
#define FLAGS_DOWNLOAD_FROM_REMOTE 0x40
#define FLAGS_DONT_FALLBACK        0x20000
#define FLAGS_ALLOW_METERED        0x40000
#define LOCALITY_FROM_REMOTE       0x40
#define LOCALITY_NO_FALLBACK       0x20000
#define LOCALITY_ALLOW_METERED     0x80000

/* MeteredNetworkUsage */
#define METERED_ALLOW 1
#define METERED_LIMIT 2

bool location_same_computer(const struct site_dp *dp, const struct machine *machine)
{
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

static bool has_bits(const struct location_request *request, int64_t flags, int64_t locality)
{
    return (request->deployment_bits & (request->from_dp_locality ? locality : flags)) != 0;
}

bool location_remote_allowed(const struct location_request *request)
{
    return request->deployment_assumed ||
           has_bits(request, FLAGS_DOWNLOAD_FROM_REMOTE, LOCALITY_FROM_REMOTE);
}

bool location_default_group_allowed(const struct location_request *request)
{
    return request->deployment_assumed ||
           !has_bits(request, FLAGS_DONT_FALLBACK, LOCALITY_NO_FALLBACK);
}

bool location_metered_allowed(const struct location_request *request)
{
    if (!request->machine->metered)
        return true;
    int64_t usage = request->settings->value[SETTING_METERED_NETWORK_USAGE];
    if (usage == METERED_LIMIT)
        return request->deployment_assumed ||
               has_bits(request, FLAGS_ALLOW_METERED, LOCALITY_ALLOW_METERED);
    return usage == METERED_ALLOW;
}

/* Near or far, allowed or not: single questions about a DP, a machine and a deployment. */
#include "agent/location/internal.h"

#include "policy/base/text.h"

#include <string.h>

/* RemoteClientFlags (configmgr-sdk 5.1) and DPLocality (5.2). */
#define FLAGS_DOWNLOAD_FROM_REMOTE 0x40
#define FLAGS_RUN_FROM_REMOTE      0x80
#define FLAGS_DONT_FALLBACK        0x20000
#define FLAGS_ALLOW_METERED        0x40000
#define LOCALITY_FROM_REMOTE       0x40
#define LOCALITY_NO_FALLBACK       0x20000
#define LOCALITY_ALLOW_METERED     0x80000

/* MeteredNetworkUsage */
#define METERED_ALLOW 1
#define METERED_LIMIT 2

static bool same_host(const char *a, const char *b)
{
    size_t a_label = strcspn(a, "."), b_label = strcspn(b, ".");
    if (a[a_label] && b[b_label])
        return text_equal(a, b);
    /* One of them is a NetBIOS name: the first labels decide. */
    return a_label == b_label && strncasecmp(a, b, a_label) == 0;
}

bool location_same_computer(const struct site_dp *dp, const struct machine *machine)
{
    if (machine->name && same_host(machine->name, dp->name))
        return true;
    for (size_t i = 0; i < machine->address_count; i++)
        for (size_t j = 0; j < dp->address_count; j++)
            if (memcmp(machine->addresses[i].bytes, dp->addresses[j].bytes, ADDRESS_BYTES) == 0)
                return true;
    return false;
}

static struct ip_address network_of(const struct site_address *address, int prefix)
{
    struct ip_address own = {.is_ipv4 = address->is_ipv4};
    memcpy(own.bytes, address->bytes, sizeof own.bytes);
    return ip_address_network(&own, prefix);
}

/* The machine's own mask decides; a DP that says another prefix is in another subnet. */
static bool share_network(const struct site_address *machine, const struct site_address *dp)
{
    if (machine->is_ipv4 != dp->is_ipv4 || machine->prefix < 0 ||
        (dp->prefix >= 0 && dp->prefix != machine->prefix))
        return false;
    struct ip_address ours = network_of(machine, machine->prefix);
    struct ip_address theirs = network_of(dp, machine->prefix);
    return ip_address_compare(&ours, &theirs) == 0;
}

bool location_same_subnet(const struct site_dp *dp, const struct machine *machine)
{
    for (size_t i = 0; i < machine->address_count; i++)
        for (size_t j = 0; j < dp->address_count; j++)
            if (share_network(&machine->addresses[i], &dp->addresses[j]))
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
           has_bits(request, FLAGS_DOWNLOAD_FROM_REMOTE | FLAGS_RUN_FROM_REMOTE,
                    LOCALITY_FROM_REMOTE);
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

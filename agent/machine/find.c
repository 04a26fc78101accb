/* This machine's own facts: getifaddrs, gethostname. */
#include "agent/machine/machine.h"

#include "policy/base/text.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int count_bits(const unsigned char *mask, size_t len)
{
    int bits = 0;
    for (size_t i = 0; i < len; i++)
        bits += __builtin_popcount(mask[i]);
    return bits;
}

/* "10.1.2.3/24"; empty for families without addresses of ours. */
static void print_interface(const struct ifaddrs *interface, char *out, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    const void *address, *mask;
    size_t len;
    out[0] = '\0';
    if (!interface->ifa_addr || !interface->ifa_netmask)
        return;
    if (interface->ifa_addr->sa_family == AF_INET) {
        address = &((const struct sockaddr_in *)(const void *)interface->ifa_addr)->sin_addr;
        mask = &((const struct sockaddr_in *)(const void *)interface->ifa_netmask)->sin_addr;
        len = 4;
    } else if (interface->ifa_addr->sa_family == AF_INET6) {
        address = &((const struct sockaddr_in6 *)(const void *)interface->ifa_addr)->sin6_addr;
        mask = &((const struct sockaddr_in6 *)(const void *)interface->ifa_netmask)->sin6_addr;
        len = 16;
    } else {
        return;
    }
    if (inet_ntop(interface->ifa_addr->sa_family, address, text, sizeof text))
        snprintf(out, size, "%s/%d", text, count_bits(mask, len));
}

static bool add_addresses(struct machine *machine, struct error *err)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0)
        return error_errno(err, NULL, "cannot list the network interfaces");
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        char text[INET6_ADDRSTRLEN + 16];
        bool bad;
        print_interface(one, text, sizeof text);
        if (text[0] && (one->ifa_flags & IFF_UP))
            machine_add_address(machine, text, &bad);
    }
    freeifaddrs(all);
    return true;
}

bool machine_find(struct machine *machine, const json_t *overrides, struct error *err)
{
    char name[256] = "";
    *machine = (struct machine){.name = NULL};
    if (gethostname(name, sizeof name - 1) == 0 && name[0])
        machine->name = arena_copy_string(&machine->arena, name);
    if (!add_addresses(machine, err) ||
        (overrides && !machine_override(machine, overrides, "machine of the settings file", err))) {
        machine_free(machine);
        return false;
    }
    machine_settle(machine);
    return true;
}

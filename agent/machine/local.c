/* This machine, and machines that discovery knows. */
#include "agent/machine/parts.h"

#include "policy/base/text.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int count_bits(const unsigned char *bytes, size_t len)
{
    int bits = 0;
    for (size_t i = 0; i < len; i++)
        bits += __builtin_popcount(bytes[i]);
    return bits;
}

/* "10.1.2.3/24" of an interface's address, or false where it is of another family. */
static bool address_text(const struct ifaddrs *item, char *text, size_t size)
{
    char plain[INET6_ADDRSTRLEN];
    int bits = -1;
    if (item->ifa_addr->sa_family == AF_INET) {
        struct sockaddr_in address, mask;
        memcpy(&address, item->ifa_addr, sizeof address);
        inet_ntop(AF_INET, &address.sin_addr, plain, sizeof plain);
        if (item->ifa_netmask) {
            memcpy(&mask, item->ifa_netmask, sizeof mask);
            bits = count_bits((const unsigned char *)&mask.sin_addr, 4);
        }
    } else if (item->ifa_addr->sa_family == AF_INET6) {
        struct sockaddr_in6 address, mask;
        memcpy(&address, item->ifa_addr, sizeof address);
        inet_ntop(AF_INET6, &address.sin6_addr, plain, sizeof plain);
        if (item->ifa_netmask) {
            memcpy(&mask, item->ifa_netmask, sizeof mask);
            bits = count_bits(mask.sin6_addr.s6_addr, 16);
        }
    } else {
        return false;
    }
    snprintf(text, size, bits < 0 ? "%s" : "%s/%d", plain, bits);
    return true;
}

static bool is_placeless(const char *text)
{
    char plain[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "/%");
    address_number number;
    if (len >= sizeof plain)
        return true;
    memcpy(plain, text, len);
    plain[len] = '\0';
    return !address_parse(plain, &number) || address_is_placeless(number);
}

static void add_interface(struct machine *machine, const char *name)
{
    for (size_t i = 0; i < machine->adapter_count; i++)
        if (strcmp(machine->adapters[i].name, name) == 0)
            return;
    const struct machine_adapter adapter = {.name = arena_copy_string(&machine->arena, name),
                                            .if_type = -1};
    machine_add_adapter(machine, &adapter);
}

bool machine_find_local(struct machine *machine, struct error *err)
{
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0)
        return error_errno(err, NULL, "cannot read this machine's addresses");
    for (const struct ifaddrs *item = list; item; item = item->ifa_next) {
        char text[INET6_ADDRSTRLEN + 8];
        if (!item->ifa_addr || (item->ifa_flags & IFF_LOOPBACK) || !(item->ifa_flags & IFF_UP))
            continue;
        if (!address_text(item, text, sizeof text) || is_placeless(text))
            continue;
        add_interface(machine, item->ifa_name);
        machine_add_address(machine, text);
    }
    freeifaddrs(list);
    return true;
}

static const struct instance *find_system(struct policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->instance_count; i++) {
        const struct instance *instance = policy->instances[i];
        if (!text_equal(instance->class_name, "SMS_R_System"))
            continue;
        const char *has = instance_get_text(policy, instance, "Name");
        if (has && text_same_host(has, name))
            return instance;
    }
    return NULL;
}

static const char *copy_text(struct machine *machine, struct policy *policy,
                             const struct instance *instance, const char *property)
{
    const char *text = instance_get_text(policy, instance, property);
    return text && *text ? arena_copy_string(&machine->arena, text) : NULL;
}

bool machine_from_policy(struct machine *machine, struct policy *policy, const char *name,
                         struct error *err)
{
    *machine = (struct machine){0};
    const struct instance *system = find_system(policy, name);
    if (!system)
        return error_set(err, ERROR_INPUT, BLAME_USER, "UNKNOWN_MACHINE", NULL,
                         "'%s' is neither a file nor a machine of the policy's SMS_R_System", name);
    size_t count;
    const char *const *texts = site_texts(policy, system, "IPAddresses", &count);
    for (size_t i = 0; i < count; i++)
        if (!is_placeless(texts[i]))
            machine_add_address(machine, texts[i]);
    /* Discovery records what it saw: a text that is no network is passed over. */
    texts = site_texts(policy, system, "IPSubnets", &count);
    for (size_t i = 0; i < count; i++)
        machine_add_subnet(machine, texts[i]);
    machine->name = copy_text(machine, policy, system, "Name");
    machine->ad_site = copy_text(machine, policy, system, "ADSiteName");
    machine->domain = copy_text(machine, policy, system, "ResourceDomainORWorkgroup");
    machine_settle(machine);
    return true;
}

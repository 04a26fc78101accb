/* Does a text of the site mean this machine? Addresses are 16 bytes, compared bit by bit. */
#include "tests/unit/oracle.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct network {
    unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    int bits;                /* of the 128; -1 where not known */
};

/* The text up to `end`, without blanks around it, without zone. */
static bool parse_address(const char *text, const char *end, unsigned char out[16])
{
    char copy[128] = "";
    size_t len = 0;
    for (; text < end && *text != '%' && len < sizeof copy - 1; text++)
        if (*text != ' ')
            copy[len++] = *text;
    memset(out, 0, 16);
    if (inet_pton(AF_INET6, copy, out) == 1)
        return true;
    memset(out + 10, 0xFF, 2);
    return inet_pton(AF_INET, copy, out + 12) == 1;
}

static bool is_ipv4(const unsigned char bytes[16])
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    return memcmp(bytes, mapped, 12) == 0;
}

/* "ADDRESS[%ZONE][/LENGTH]"; a length that is written for IPv4 is counted from bit 96. */
static struct network parse_network(const char *text)
{
    struct network network = {.bits = -1};
    const char *slash = strchr(text, '/');
    if (!parse_address(text, slash ? slash : text + strlen(text), network.bytes))
        abort();
    if (slash)
        network.bits = (int)strtol(slash + 1, NULL, 10) + (strchr(text, ':') ? 0 : 96);
    return network;
}

static bool equal_bits(const unsigned char a[16], const unsigned char b[16], int bits)
{
    for (int i = 0; i < bits; i++)
        if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1)
            return false;
    return true;
}

/* What is the network's own ID: the address with its host bits clear. */
static bool is_id_of(const unsigned char id[16], const struct network *network)
{
    for (int i = network->bits; i < 128; i++)
        if ((id[i / 8] >> (7 - i % 8)) & 1)
            return false;
    return equal_bits(id, network->bytes, network->bits);
}

/* A network ID given to the machine, or that of an IPv4 address whose prefix is known. */
static bool is_own_network(const struct machine *machine, const unsigned char id[16])
{
    for (size_t i = 0; i < machine->subnet_count; i++)
        if (equal_bits(parse_network(machine->subnets[i]).bytes, id, 128))
            return true;
    for (size_t i = 0; i < machine->address_count; i++) {
        struct network own = parse_network(machine->addresses[i].text);
        if (own.bits >= 0 && is_ipv4(own.bytes) && is_id_of(id, &own))
            return true;
    }
    return false;
}

static bool subnet_holds(const char *value, const struct machine *machine)
{
    return !strchr(value, '/') && is_own_network(machine, parse_network(value).bytes);
}

static bool range_holds(const char *value, const unsigned char address[16])
{
    unsigned char first[16], last[16];
    const char *dash = strchr(value, '-');
    if (!parse_address(value, dash, first) || !parse_address(dash + 1, value + strlen(value), last))
        abort();
    return is_ipv4(first) == is_ipv4(address) && memcmp(first, address, 16) <= 0 &&
           memcmp(address, last, 16) <= 0;
}

/* "2001:1111:2222:3333" is all of a /64, an address without a length too. */
static bool prefix_holds(const char *value, const unsigned char address[16])
{
    char text[128] = "";
    int colons = 0;
    for (const char *c = value; *c; c++)
        colons += *c == ':';
    strncat(text, value, sizeof text - 3);
    if (colons == 3 && !strstr(value, "::"))
        strncat(text, "::", 3);
    struct network network = parse_network(text);
    return !is_ipv4(address) &&
           equal_bits(network.bytes, address, network.bits < 0 ? 64 : network.bits);
}

static bool any_address(const struct site_boundary *boundary, const struct machine *machine,
                        bool (*holds)(const char *, const unsigned char[16]))
{
    for (size_t i = 0; i < machine->address_count; i++)
        if (holds(boundary->boundary.value, parse_network(machine->addresses[i].text).bytes))
            return true;
    return false;
}

/* `value` is `form` and then the first characters of `text` (of ASCII here), or all of it. */
static bool is_adapter(const char *value, const char *form, const char *text, size_t most)
{
    size_t len = strlen(form);
    if (!text || strncasecmp(value, form, len) != 0 || !value[len])
        return false;
    size_t counts = strlen(text) < most ? strlen(text) : most;
    return strlen(value + len) == counts && strncasecmp(value + len, text, counts) == 0;
}

static bool vpn_holds(const char *value, const struct machine *machine)
{
    if (strcasecmp(value, "Auto:On") == 0)
        return machine->vpn;
    for (size_t i = 0; i < machine->adapter_count; i++)
        if (is_adapter(value, "Name:", machine->adapters[i].name, 250) ||
            is_adapter(value, "Description:", machine->adapters[i].description, 243))
            return true;
    return false;
}

bool oracle_holds(const struct site_boundary *boundary, const struct machine *machine)
{
    const char *value = boundary->boundary.value;
    switch (boundary->boundary.type) {
    case BOUNDARY_IP_SUBNET: return subnet_holds(value, machine);
    case BOUNDARY_AD_SITE: return machine->ad_site && strcasecmp(value, machine->ad_site) == 0;
    case BOUNDARY_IPV6_PREFIX: return any_address(boundary, machine, prefix_holds);
    case BOUNDARY_IP_RANGE: return any_address(boundary, machine, range_holds);
    case BOUNDARY_VPN: return vpn_holds(value, machine);
    }
    abort();
}

/* Whole names, or the first label where one of them is no more than that. */
static bool same_name(const char *a, const char *b)
{
    size_t label = strcspn(a, "."), other = strcspn(b, ".");
    if (strcasecmp(a, b) == 0)
        return true;
    return (!a[label] || !b[other]) && label == other && strncasecmp(a, b, label) == 0;
}

bool oracle_same_computer(const struct site_dp *dp, const struct machine *machine)
{
    if (dp->kind == DP_LIBRARY && !dp->address_count && !dp->subnet_count)
        return true;
    if (machine->name && same_name(machine->name, dp->name))
        return true;
    for (size_t i = 0; i < machine->address_count; i++)
        for (size_t j = 0; j < dp->address_count; j++)
            if (equal_bits(parse_network(machine->addresses[i].text).bytes,
                           parse_network(dp->addresses[j].text).bytes, 128))
                return true;
    return false;
}

bool oracle_same_subnet(const struct site_dp *dp, const struct machine *machine)
{
    for (size_t i = 0; i < machine->address_count; i++)
        for (size_t j = 0; j < dp->address_count; j++) {
            struct network own = parse_network(machine->addresses[i].text);
            struct network its = parse_network(dp->addresses[j].text);
            int bits = own.bits >= 0 ? own.bits : its.bits;
            if (bits >= 0 && is_ipv4(own.bytes) == is_ipv4(its.bytes) &&
                equal_bits(own.bytes, its.bytes, bits))
                return true;
        }
    for (size_t i = 0; i < dp->subnet_count; i++)
        if (is_own_network(machine, parse_network(dp->subnets[i]).bytes))
            return true;
    return false;
}

bool oracle_same_ad_site(const struct site_dp *dp, const struct machine *machine)
{
    return dp->ad_site && machine->ad_site && strcasecmp(dp->ad_site, machine->ad_site) == 0;
}

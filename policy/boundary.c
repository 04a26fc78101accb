#include "policy/boundary.h"

#include "policy/base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};

static void set_ipv4(struct ip_address *address, const unsigned char bytes[4])
{
    memcpy(address->bytes, mapped, sizeof mapped);
    memcpy(address->bytes + 12, bytes, 4);
    address->is_ipv4 = true;
}

bool ip_address_parse(const char *text, struct ip_address *address)
{
    char plain[INET6_ADDRSTRLEN];
    unsigned char four[4];
    size_t len = strcspn(text, "%");
    if (len >= sizeof plain)
        return false;
    memcpy(plain, text, len);
    plain[len] = '\0';
    if (inet_pton(AF_INET, plain, four) == 1) {
        set_ipv4(address, four);
        return true;
    }
    if (inet_pton(AF_INET6, plain, address->bytes) != 1)
        return false;
    address->is_ipv4 = memcmp(address->bytes, mapped, sizeof mapped) == 0;
    return true;
}

static int first_bit(const struct ip_address *address, int prefix)
{
    return address->is_ipv4 ? 96 + prefix : prefix;
}

struct ip_address ip_address_network(const struct ip_address *address, int prefix)
{
    struct ip_address network = *address;
    int keep = first_bit(address, prefix);
    for (int bit = keep; bit < 8 * ADDRESS_BYTES; bit++)
        network.bytes[bit / 8] &= (unsigned char)~(0x80U >> (bit % 8));
    return network;
}

static struct ip_address last_of_network(const struct ip_address *address, int prefix)
{
    struct ip_address last = *address;
    int keep = first_bit(address, prefix);
    for (int bit = keep; bit < 8 * ADDRESS_BYTES; bit++)
        last.bytes[bit / 8] |= (unsigned char)(0x80U >> (bit % 8));
    return last;
}

void ip_address_print(const struct ip_address *address, char *out, size_t size)
{
    int family = address->is_ipv4 ? AF_INET : AF_INET6;
    const unsigned char *bytes = address->bytes + (address->is_ipv4 ? 12 : 0);
    if (!inet_ntop(family, bytes, out, (socklen_t)size))
        out[0] = '\0';
}

int ip_address_compare(const struct ip_address *a, const struct ip_address *b)
{
    return memcmp(a->bytes, b->bytes, ADDRESS_BYTES);
}

static const char *parse_subnet(struct boundary *boundary)
{
    char text[INET6_ADDRSTRLEN + 1];
    size_t len = strcspn(boundary->value, "/");
    if (len >= sizeof text)
        return "is no network ID";
    snprintf(text, sizeof text, "%.*s", (int)len, boundary->value);
    if (!ip_address_parse(text, &boundary->first))
        return "is no network ID";
    boundary->has_mask = boundary->value[len] == '/';
    boundary->last = boundary->first;
    return NULL;
}

/* "2001:db8:0:1", "2001:db8:0:1::", with or without "/length"; 64 without. */
static const char *parse_prefix(struct boundary *boundary)
{
    char text[INET6_ADDRSTRLEN + 4];
    int64_t length = 64;
    const char *slash = strchr(boundary->value, '/');
    size_t len = slash ? (size_t)(slash - boundary->value) : strlen(boundary->value);
    if (len >= INET6_ADDRSTRLEN || (slash && !text_to_int(slash + 1, 0, 128, &length)))
        return "is no IPv6 prefix";
    snprintf(text, sizeof text, "%.*s", (int)len, boundary->value);
    struct ip_address address;
    if (!ip_address_parse(text, &address)) {
        snprintf(text, sizeof text, "%.*s::", (int)len, boundary->value);
        if (!ip_address_parse(text, &address))
            return "is no IPv6 prefix";
    }
    if (address.is_ipv4)
        return "is an IPv4 address, not an IPv6 prefix";
    boundary->first = ip_address_network(&address, (int)length);
    boundary->last = last_of_network(&address, (int)length);
    return NULL;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " ");
}

static const char *parse_range(struct boundary *boundary)
{
    char first[INET6_ADDRSTRLEN + 1];
    const char *dash = strchr(boundary->value, '-');
    const char *start = skip_blanks(boundary->value);
    size_t len = dash ? (size_t)(dash - start) : 0;
    while (len && start[len - 1] == ' ')
        len--;
    if (!dash || len >= sizeof first)
        return "is no range first-last";
    snprintf(first, sizeof first, "%.*s", (int)len, start);
    if (!ip_address_parse(first, &boundary->first) ||
        !ip_address_parse(skip_blanks(dash + 1), &boundary->last))
        return "is no range first-last";
    if (boundary->first.is_ipv4 != boundary->last.is_ipv4)
        return "mixes IPv4 and IPv6";
    if (ip_address_compare(&boundary->first, &boundary->last) > 0)
        return "is a reversed range";
    return NULL;
}

static const char *parse_vpn(const struct boundary *boundary)
{
    const char *value = boundary->value;
    if (text_equal(value, "Auto:On") || strncasecmp(value, "Name:", 5) == 0 ||
        strncasecmp(value, "Description:", 12) == 0)
        return NULL;
    return "is none of Auto:On, Name:..., Description:...";
}

static const char *parse_value(struct boundary *boundary)
{
    if (!*boundary->value)
        return "is empty";
    switch (boundary->type) {
    case BOUNDARY_IP_SUBNET: return parse_subnet(boundary);
    case BOUNDARY_AD_SITE: return NULL;
    case BOUNDARY_IPV6_PREFIX: return parse_prefix(boundary);
    case BOUNDARY_IP_RANGE: return parse_range(boundary);
    case BOUNDARY_VPN: return parse_vpn(boundary);
    }
    return "is of an unknown type";
}

bool boundary_parse(struct boundary *boundary, int64_t type, const char *value, const char *where,
                    struct error *err)
{
    if (type < BOUNDARY_IP_SUBNET || type > BOUNDARY_VPN)
        return error_set(err, ERROR_INPUT, BLAME_POLICY, "BOUNDARY", where,
                         "BoundaryType %lld is unknown", (long long)type);
    *boundary = (struct boundary){.type = (enum boundary_type)type, .value = value};
    const char *why = parse_value(boundary);
    return !why || error_set(err, ERROR_INPUT, BLAME_POLICY, "BOUNDARY", where,
                             "the boundary value '%s' %s", value, why);
}

bool boundary_holds_address(const struct boundary *boundary, const struct ip_address *address)
{
    if (boundary->type != BOUNDARY_IPV6_PREFIX && boundary->type != BOUNDARY_IP_RANGE)
        return false;
    return boundary->first.is_ipv4 == address->is_ipv4 &&
           ip_address_compare(&boundary->first, address) <= 0 &&
           ip_address_compare(address, &boundary->last) <= 0;
}

const char *boundary_type_word(enum boundary_type type)
{
    switch (type) {
    case BOUNDARY_IP_SUBNET: return "IPSubnet";
    case BOUNDARY_AD_SITE: return "ADSite";
    case BOUNDARY_IPV6_PREFIX: return "IPv6Prefix";
    case BOUNDARY_IP_RANGE: return "IPRange";
    case BOUNDARY_VPN: return "VPN";
    }
    return "unknown";
}

#include "policy/boundary.h"

#include "policy/base/text.h"

#include <stdio.h>
#include <string.h>

#define ADDRESS_TEXT_MAX 64

/* Copies the text between two pointers without the blanks around it; false where it is too long
   to be an address. */
static bool cut(const char *from, const char *to, char out[ADDRESS_TEXT_MAX])
{
    while (from < to && *from == ' ')
        from++;
    while (to > from && to[-1] == ' ')
        to--;
    size_t len = (size_t)(to - from);
    if (len >= ADDRESS_TEXT_MAX)
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

/* "ADDRESS[/LENGTH]"; *prefix stays untouched without a length. */
static bool parse_network(const char *value, address_number *address, int *prefix)
{
    char text[ADDRESS_TEXT_MAX];
    const char *slash = strchr(value, '/');
    int64_t length = 0;
    if (!cut(value, slash ? slash : value + strlen(value), text) || !address_parse(text, address))
        return false;
    if (slash && !text_to_int(slash + 1, 0, address_prefix_max(*address), &length))
        return false;
    if (slash)
        *prefix = (int)length;
    return true;
}

static const char *parse_subnet(struct boundary *boundary)
{
    address_number address;
    int prefix = 32;
    if (!parse_network(boundary->value, &address, &prefix) || !address_is_ipv4(address))
        return "is no IPv4 subnet ID";
    boundary->has_mask = strchr(boundary->value, '/') != NULL;
    boundary->first = boundary->last = address_first(address, prefix);
    return NULL;
}

/* The stored form is the four groups of a /64 alone: "2001:1111:2222:3333". */
static bool parse_four_groups(const char *value, address_number *address)
{
    char text[ADDRESS_TEXT_MAX];
    int colons = 0;
    for (const char *c = value; *c; c++)
        colons += *c == ':';
    if (colons != 3 || strstr(value, "::") || strlen(value) > 19)
        return false;
    snprintf(text, sizeof text, "%.19s::", value);
    return address_parse(text, address);
}

static const char *parse_prefix(struct boundary *boundary)
{
    address_number address;
    int prefix = 64;
    if (!parse_four_groups(boundary->value, &address) &&
        !parse_network(boundary->value, &address, &prefix))
        return "is no IPv6 prefix";
    if (address_is_ipv4(address))
        return "is an IPv4 address, not an IPv6 prefix";
    boundary->first = address_first(address, prefix);
    boundary->last = address_last(address, prefix);
    return NULL;
}

static const char *parse_range(struct boundary *boundary)
{
    char first[ADDRESS_TEXT_MAX], last[ADDRESS_TEXT_MAX];
    const char *value = boundary->value, *dash = strchr(value, '-');
    if (!dash || !cut(value, dash, first) || !cut(dash + 1, value + strlen(value), last) ||
        !address_parse(first, &boundary->first) || !address_parse(last, &boundary->last))
        return "is no range of IP addresses";
    if (address_is_ipv4(boundary->first) != address_is_ipv4(boundary->last))
        return "is a range from one address family to the other";
    if (boundary->first > boundary->last)
        return "is a range whose end lies before its start";
    return NULL;
}

static const char *parse_ad_site(struct boundary *boundary)
{
    boundary->name = boundary->value;
    return *boundary->value ? NULL : "is empty";
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static const char *parse_vpn(struct boundary *boundary)
{
    const char *value = boundary->value;
    boundary->vpn = BOUNDARY_VPN_OTHER;
    if (text_equal(value, "Auto:On")) {
        boundary->vpn = BOUNDARY_VPN_AUTO;
    } else if (starts_with(value, "Name:")) {
        boundary->vpn = BOUNDARY_VPN_NAME;
        boundary->name = value + strlen("Name:");
    } else if (starts_with(value, "Description:")) {
        boundary->vpn = BOUNDARY_VPN_DESCRIPTION;
        boundary->name = value + strlen("Description:");
    }
    return *value ? NULL : "is empty";
}

static const char *parse(struct boundary *boundary)
{
    switch (boundary->type) {
    case BOUNDARY_IP_SUBNET: return parse_subnet(boundary);
    case BOUNDARY_AD_SITE: return parse_ad_site(boundary);
    case BOUNDARY_IPV6_PREFIX: return parse_prefix(boundary);
    case BOUNDARY_IP_RANGE: return parse_range(boundary);
    case BOUNDARY_VPN: return parse_vpn(boundary);
    }
    return "has an unknown type";
}

bool boundary_parse(struct boundary *boundary, enum boundary_type type, const char *value,
                    const char *where, struct error *err)
{
    *boundary = (struct boundary){.type = type, .value = value};
    const char *why = parse(boundary);
    return !why || error_set(err, ERROR_INPUT, BLAME_POLICY, "BOUNDARY_VALUE", where,
                             "the boundary's value '%s' %s", value, why);
}

bool boundary_holds_address(const struct boundary *boundary, address_number address)
{
    if (boundary->type != BOUNDARY_IPV6_PREFIX && boundary->type != BOUNDARY_IP_RANGE)
        return false;
    return address_is_ipv4(address) == address_is_ipv4(boundary->first) &&
           address >= boundary->first && address <= boundary->last;
}

bool boundary_holds_network(const struct boundary *boundary, address_number network)
{
    return boundary->type == BOUNDARY_IP_SUBNET && !boundary->has_mask &&
           network == boundary->first;
}

bool boundary_holds_ad_site(const struct boundary *boundary, const char *site)
{
    return boundary->type == BOUNDARY_AD_SITE && text_equal(boundary->name, site);
}

size_t boundary_counted_bytes(enum boundary_vpn vpn, const char *text)
{
    bool is_name = vpn == BOUNDARY_VPN_NAME;
    size_t len = 0, max = is_name ? BOUNDARY_VPN_NAME_MAX : BOUNDARY_VPN_DESCRIPTION_MAX;
    for (size_t characters = 0; text[len]; len++) {
        bool begins = ((unsigned char)text[len] & 0xC0) != 0x80;
        if (begins && characters++ == max)
            break;
    }
    return len;
}

/* Equal without case, where only the beginning of `text` counts. */
static bool equal_counted(const struct boundary *boundary, const char *text)
{
    size_t len = boundary_counted_bytes(boundary->vpn, text);
    return len && strlen(boundary->name) == len && strncasecmp(boundary->name, text, len) == 0;
}

bool boundary_holds_adapter(const struct boundary *boundary, const char *name,
                            const char *description)
{
    if (boundary->type != BOUNDARY_VPN)
        return false;
    if (boundary->vpn == BOUNDARY_VPN_NAME)
        return name && equal_counted(boundary, name);
    if (boundary->vpn == BOUNDARY_VPN_DESCRIPTION)
        return description && equal_counted(boundary, description);
    return false;
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
    return NULL;
}

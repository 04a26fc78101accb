/*
 * A boundary's value → what it holds: an interval of addresses, a name, or VPN adapters
 * (configmgr-sdk 1.2). Both location and the reviewer's checks stand on it. Pure.
 */
#ifndef POLICY_BOUNDARY_H
#define POLICY_BOUNDARY_H

#include "policy/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SMS_Boundary.BoundaryType */
enum boundary_type {
    BOUNDARY_IP_SUBNET = 0,
    BOUNDARY_AD_SITE = 1,
    BOUNDARY_IPV6_PREFIX = 2,
    BOUNDARY_IP_RANGE = 3,
    BOUNDARY_VPN = 4,
};

#define ADDRESS_BYTES 16

/* Network byte order; IPv4 as ::ffff:a.b.c.d, so that memcmp orders all addresses. */
struct ip_address {
    unsigned char bytes[ADDRESS_BYTES];
    bool is_ipv4;
};

struct boundary {
    enum boundary_type type;
    const char *value; /* as written */
    /* Subnet: both are the network ID. Prefix and range: the ends, included. */
    struct ip_address first, last;
    bool has_mask; /* a subnet written with "/length": ConfigMgr keeps none, so it never holds */
};

/* "10.1.2.3", "2001:db8::1", "fe80::1%eth0" (the zone is dropped), "::ffff:10.1.2.3" (IPv4). */
bool ip_address_parse(const char *text, struct ip_address *address);

/* Clears all bits behind the first `prefix` (of 32 for IPv4, of 128 else). */
struct ip_address ip_address_network(const struct ip_address *address, int prefix);

/* As the site writes it: IPv4 in dots, IPv6 shortest. */
void ip_address_print(const struct ip_address *address, char *out, size_t size);

int ip_address_compare(const struct ip_address *a, const struct ip_address *b);

/* Checks the value by its type; keeps `value` by reference. A value that cannot be one of that
   type, a reversed range, an unknown type: false, ERROR_INPUT with `where`. */
bool boundary_parse(struct boundary *boundary, int64_t type, const char *value, const char *where,
                    struct error *err);

/* Is the address inside the prefix or range? Subnets hold network IDs, not addresses: false. */
bool boundary_holds_address(const struct boundary *boundary, const struct ip_address *address);

const char *boundary_type_word(enum boundary_type type); /* "IPSubnet", as locate prints it */

#endif

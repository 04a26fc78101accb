/*
 * A boundary's value as SMS_Boundary stores it → what it holds (configmgr-sdk 1.2, policy model:
 * Site objects). Ranges and prefixes are intervals of 128-bit numbers, IPv4 mapped, so that they
 * can be sorted and swept.
 *
 * No memory of its own: a boundary points into the value it was parsed from. No system calls; any
 * room may call it.
 */
#ifndef POLICY_BOUNDARY_H
#define POLICY_BOUNDARY_H

#include "policy/address.h"
#include "policy/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* SMS_Boundary.BoundaryType. */
enum boundary_type {
    BOUNDARY_IP_SUBNET = 0,
    BOUNDARY_AD_SITE = 1,
    BOUNDARY_IPV6_PREFIX = 2,
    BOUNDARY_IP_RANGE = 3,
    BOUNDARY_VPN = 4,
};
#define BOUNDARY_TYPE_MAX 4

enum boundary_vpn {
    BOUNDARY_VPN_AUTO,
    BOUNDARY_VPN_NAME,
    BOUNDARY_VPN_DESCRIPTION,
    BOUNDARY_VPN_OTHER, /* a form that is not public ("starts with"): holds no machine */
};

struct boundary {
    enum boundary_type type;
    const char *value;          /* as written */
    address_number first, last; /* prefix and range; a subnet's network ID stands in both */
    bool has_mask;              /* a subnet written "10.1.2.0/24" */
    const char *name;           /* AD site's, adapter's name or description; NULL else */
    enum boundary_vpn vpn;
};

/* `value` must outlive the boundary. Bits below a prefix are dropped; an IPv6 prefix without length
   is a /64. Malformed or reversed: false, ERROR_INPUT, code BOUNDARY_VALUE. */
bool boundary_parse(struct boundary *boundary, enum boundary_type type, const char *value,
                    const char *where, struct error *err);

/* By range or prefix. An interval of IPv6 holds no IPv4 address, not even ::/0. */
bool boundary_holds_address(const struct boundary *boundary, address_number address);

/* By equality of the network ID: no supernets. The site stores the ID alone, so a value with a mask
   equals no machine's (configmgr-sdk 1.2). */
bool boundary_holds_network(const struct boundary *boundary, address_number network);

/* Without case. */
bool boundary_holds_ad_site(const struct boundary *boundary, const char *site);

/* So many characters of an adapter's text count: SMS_Boundary.Value is at most 255 with its "Name:"
   or "Description:". */
#define BOUNDARY_VPN_NAME_MAX        250
#define BOUNDARY_VPN_DESCRIPTION_MAX 243

/* A VPN boundary and one adapter; either text may be NULL. Whole text without case, of which only
   the beginning counts. Auto is not asked here. */
bool boundary_holds_adapter(const struct boundary *boundary, const char *name,
                            const char *description);

/* How many bytes of an adapter's text count; `vpn` says whether it is a name or a description. */
size_t boundary_counted_bytes(enum boundary_vpn vpn, const char *text);

const char *boundary_type_word(enum boundary_type type); /* "IPSubnet" */

#endif

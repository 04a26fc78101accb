/*
 * Why a boundary does or does not hold a machine: what of the machine comes nearest to it, and a
 * boundary that would hold the machine. Pure functions of both; codes and numbers, no words for
 * people. They agree with location_boundary_holds on what holds.
 */
#ifndef AGENT_LOCATION_NEAR_MISS_H
#define AGENT_LOCATION_NEAR_MISS_H

#include "agent/machine/machine.h"
#include "policy/site.h"

enum miss {
    MISS_NONE, /* the boundary holds the machine */
    /* IP subnet: */
    MISS_WRITTEN_MASK, /* the machine's own network, but the value is written with a mask */
    MISS_MASK,         /* it reads as if it held the address; the network ID is another */
    MISS_NO_PREFIX,    /* the address has no prefix length, so no network ID */
    MISS_NETWORK,      /* another network */
    /* IP range (addresses) and IPv6 prefix (/64s): */
    MISS_BEFORE,
    MISS_AFTER,
    MISS_LONG_PREFIX, /* in the /64 of a longer prefix, but outside it */
    /* these three: */
    MISS_FAMILY, /* the machine has no address of that family */
    /* AD site, VPN by name or description: */
    MISS_PUNCTUATION, /* only blanks and punctuation differ */
    MISS_SPELLING,    /* one or two letters differ */
    MISS_LONGER,      /* the machine's text begins with the boundary's and goes on */
    MISS_SHORTER,     /* the machine's text is only the beginning of the boundary's */
    MISS_OTHER_FIELD, /* VPN: the name is an adapter's description, or the reverse */
    MISS_OTHER_TEXT,
    MISS_NOT_KNOWN, /* no AD site, no adapters */
    /* VPN: */
    MISS_NO_VPN,       /* Auto:On, and the machine is in none */
    MISS_NOT_BUILT_IN, /* Auto:On, and the machine's VPN adapter does not count */
    MISS_FORM,         /* how this value is matched is not public */
    MISS_COUNT,
};

/* With MISS_NONE: by what of the machine the boundary holds it. Points into the machine. */
struct near_miss {
    enum miss code;
    unsigned distance;  /* for ordering over all types: 0 holds, the smallest is the nearest */
    address_number gap; /* addresses, /64s (IPv6 prefix), letters (SPELLING), bytes */
    const struct site_address *address; /* the nearest; NULL where a subnet was given without */
    bool has_network;
    address_number network; /* subnet: the machine's network ID */
    int prefix;             /* MISS_MASK: with that length the ID would be equal; else -1 */
    const struct machine_adapter *adapter;
    bool is_description; /* the adapter's description is meant, else its name */
    const char *text;    /* AD site, the adapter's name or description; NULL else */
};

/* Does not look at machine->internet: there no boundary counts. */
void near_miss_find(struct near_miss *miss, const struct site_boundary *boundary,
                    const struct machine *machine);

/* Nearest first, for qsort's sake; 0 where both are as near. */
int near_miss_compare(const struct near_miss *a, const struct near_miss *b);

/* A boundary that would hold the machine, its value in SMS_Boundary's stored form: of the missed
   boundary's type where that is possible. */
struct would_hold {
    enum boundary_type type;
    const char *value; /* in the arena or the machine's; NULL: nothing can be said */
};
void near_miss_would_hold(struct would_hold *would, const struct near_miss *miss,
                          const struct site_boundary *boundary, const struct machine *machine,
                          struct arena *arena);

const char *miss_word(enum miss miss); /* "WRITTEN_MASK" */

#endif

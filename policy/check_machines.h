/*
 * Where the machines of the policy's SMS_R_System stand, sorted for look-ups, and a count of those
 * that stand in several places together. For check_overlap.c.
 */
#ifndef POLICY_CHECK_MACHINES_H
#define POLICY_CHECK_MACHINES_H

#include "policy/check_rules.h"

struct machine_place {
    address_number number; /* an address or a network ID */
    size_t machine;
};

struct machine_site {
    const char *name;
    size_t machine;
};

struct check_machines {
    struct policy *policy;
    size_t count;
    const struct site_row *rows; /* SMS_R_System, one each machine */
    size_t address_count, network_count, site_count;
    struct machine_place *addresses, *networks; /* owned, by number */
    struct machine_site *sites;                 /* owned, by name without case */
    struct machine_place *own;                  /* owned: the addresses machine by machine */
    size_t *own_first;                          /* owned: where each machine's begin; and the end */
    size_t budget;                              /* look-ups that are left for all counts together */
    /* The running count. */
    size_t *stamps, stamp;      /* owned: of each machine the last count that it was in */
    size_t tally, next_address; /* of `addresses`: those before it were looked at */
    bool is_short;              /* the budget ended: there may be more */
    struct check_list names;
};

/* Reads nothing before the first count. */
void check_machines_init(struct check_machines *machines, const struct site *site);
void check_machines_free(struct check_machines *machines);

/* A new count; then each machine is counted once, in whichever of the places it stands. */
void check_machines_begin(struct check_machines *machines);
/* Intervals come in order of their first addresses. */
void check_machines_in_interval(struct check_machines *machines, address_number first,
                                address_number last);
/* With this network ID and, unless it is NULL, an address within the boundary. */
void check_machines_in_network(struct check_machines *machines, address_number network,
                               const struct boundary *within);
void check_machines_in_site(struct check_machines *machines, const char *name);

/* Is there nothing more to learn for the running count? */
bool check_machines_are_spent(const struct check_machines *machines);

/* "; 3 machines of SMS_R_System stand there: A, B, C"; "" where the policy has no machines. */
const char *check_machines_text(struct check_machines *machines);

#endif

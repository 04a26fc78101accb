/*
 * Facts of a machine: the contract's machine object, from a file, from --set, from the policy's
 * SMS_R_System, or this machine's own. This machine's loopback and link-local addresses do not
 * count, nor those that discovery recorded; what a person writes counts as written.
 *
 * System calls: getifaddrs, gethostname, open and read of the file named. Commands call it.
 */
#ifndef AGENT_MACHINE_MACHINE_H
#define AGENT_MACHINE_MACHINE_H

#include "policy/site.h"

#include <jansson.h>

struct machine_adapter {
    const char *name, *description, *dns_suffix;
    int64_t if_type; /* -1 where not known */
    bool vpn;
};

struct machine {
    struct arena arena; /* owns everything below */
    const char *name;   /* NULL where not known, as all texts here */
    size_t address_count;
    struct site_address *addresses;
    size_t subnet_count;
    const char **subnets; /* network IDs: computed from addresses with a prefix, and given ones */
    const address_number *networks; /* the same as numbers */
    const char *ad_site, *domain, *forest, *site;
    size_t collection_count;
    const char **collections;
    size_t adapter_count;
    struct machine_adapter *adapters; /* of this machine: its interfaces by name */
    bool vpn, metered, internet;
};

/* This machine; `overrides` (the settings file's machine object, or NULL) wins member by member. */
bool machine_find(struct machine *machine, const json_t *overrides, struct error *err);

/* From the contract's JSON object: what is not given is empty. Unknown members, wrong types and
   bad addresses: ERROR_INPUT naming the member. `where` stands in messages. */
bool machine_from_json(struct machine *machine, const json_t *object, const char *where,
                       struct error *err);
bool machine_from_file(struct machine *machine, const char *path, struct error *err);

/* A machine of the policy's SMS_R_System by name. */
bool machine_from_policy(struct machine *machine, struct policy *policy, const char *name,
                         struct error *err);

/* Empties the list that "key=value" adds to: --set changes what --machine brought. An address's
   network IDs go with it. */
void machine_forget(struct machine *machine, const char *assignment);

/* "key=value" of --set; address, subnet, collection, adapter add, others replace. ERROR_USAGE. */
bool machine_set(struct machine *machine, const char *assignment, struct error *err);

/* After the last machine_set: computes the subnets and, where no name was given, takes this
   machine's (contract: The machine). The other constructors do it themselves. */
void machine_settle(struct machine *machine);

/* The contract's machine object; the caller owns it. */
json_t *machine_to_json(const struct machine *machine);

void machine_free(struct machine *machine);

#endif

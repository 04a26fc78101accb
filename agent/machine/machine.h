/*
 * Facts of a machine: the contract's machine object, from a file, from --set, from the policy's
 * SMS_R_System, or this machine's own. This machine's loopback and link-local addresses do not
 * count, nor those that discovery recorded; what a person writes counts as written. Each member
 * says where it came from.
 *
 * System calls: a netlink socket (socket, connect, send, recv), gethostname, open and read of the
 * file named. Commands call it.
 */
#ifndef AGENT_MACHINE_MACHINE_H
#define AGENT_MACHINE_MACHINE_H

#include "policy/site.h"

#include <jansson.h>

/* The members in the contract's order. */
enum machine_member {
    MACHINE_NAME,
    MACHINE_ADDRESSES,
    MACHINE_SUBNETS,
    MACHINE_AD_SITE,
    MACHINE_DOMAIN,
    MACHINE_FOREST,
    MACHINE_SITE,
    MACHINE_COLLECTIONS,
    MACHINE_ADAPTERS,
    MACHINE_VPN,
    MACHINE_METERED,
    MACHINE_INTERNET,
    MACHINE_MEMBER_COUNT,
};

enum machine_origin {
    MACHINE_NOT_KNOWN,     /* nothing says it: empty, or false */
    MACHINE_FROM_FILE,     /* --machine FILE */
    MACHINE_FROM_POLICY,   /* SMS_R_System */
    MACHINE_FROM_SET,      /* --set */
    MACHINE_FROM_SYSTEM,   /* this machine: rtnetlink, host name */
    MACHINE_FROM_SETTINGS, /* nearpoint.json */
    MACHINE_COMPUTED,      /* subnets from addresses, where none were given */
};

struct machine_fact {
    enum machine_origin origin;
    const char *place; /* "m.json", "folder/estate.xml:12", "rtnetlink", "host name", or NULL */
};

struct machine_adapter {
    const char *name, *description, *dns_suffix;
    int64_t if_type; /* IANA's number (6 Ethernet, 23 PPP, 131 tunnel); -1 where not known */
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
    struct machine_fact facts[MACHINE_MEMBER_COUNT]; /* where each member came from */
};

/* This machine; `overrides` (the machine object of the settings file at `path`; both may be NULL)
   wins member by member. ERROR_FAILED where the kernel does not say the addresses; a bad member of
   the settings file as below. */
bool machine_find(struct machine *machine, const json_t *overrides, const char *path,
                  struct error *err);

/* From the contract's JSON object: what is not given, or null, is empty. Unknown members, wrong
   types, bad addresses and too long lists: ERROR_INPUT naming the member. `where` stands in
   messages and is the facts' place. */
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

/* The site code that the settings file at `place` assigns. */
void machine_assign_site(struct machine *machine, const char *site, const char *place);

/* After the last machine_set: computes the subnets and, where no name was given, takes this
   machine's (contract: The machine). The other constructors do it themselves. */
void machine_settle(struct machine *machine);

/* The contract's machine object; the caller owns it. */
json_t *machine_to_json(const struct machine *machine);

const char *machine_member_name(enum machine_member member); /* "adSite" */
const char *machine_origin_word(enum machine_origin origin); /* "settings" */

void machine_free(struct machine *machine);

#endif

/*
 * A location decision is a value: a pure function of policy, machine, content and elapsed time.
 * It opens no socket, reads no clock, keeps no state. Codes and arguments only: words for people
 * are chosen in command/.
 */
#ifndef AGENT_LOCATION_LOCATION_H
#define AGENT_LOCATION_LOCATION_H

#include "agent/machine/machine.h"
#include "policy/settings.h"
#include "policy/site.h"

/* 2012: up to 1606; current: 1610 and later. */
enum location_rules { RULES_2007, RULES_2012, RULES_CURRENT, RULES_COUNT };

/* Nearest first (contract: locality). */
enum locality {
    LOCALITY_COMPUTER,
    LOCALITY_SUBNET,
    LOCALITY_ADSITE,        /* 2007 and 2012 rules */
    LOCALITY_LOCAL,         /* 2007 and 2012 rules */
    LOCALITY_BOUNDARYGROUP, /* current rules, as the next two */
    LOCALITY_NEIGHBOR,
    LOCALITY_SITEDEFAULT,
    LOCALITY_REMOTE, /* 2007 and 2012 rules */
    LOCALITY_INTERNET,
    LOCALITY_CLOUD,
    LOCALITY_COUNT,
};

/* In the contract's order: where several fit, the first stands. */
enum exclusion {
    EXCLUDED_UNSUPPORTED_SCHEME,
    EXCLUDED_MAINTENANCE,
    EXCLUDED_CLOUD_NOT_ALLOWED,
    EXCLUDED_METERED,
    EXCLUDED_INTERNET_ONLY,
    EXCLUDED_INTRANET_ONLY,
    EXCLUDED_NOT_IN_GROUP,
    EXCLUDED_FALLBACK_NEVER,
    EXCLUDED_REMOTE_NOT_ALLOWED,
    EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED,
    EXCLUDED_NO_CONTENT,
    EXCLUDED_OLD_VERSION,
    EXCLUDED_NEWER_VERSION,
    EXCLUDED_FALLBACK_NOT_DUE,
    EXCLUSION_COUNT,
};

enum group_via { VIA_BOUNDARY, VIA_NEIGHBOR, VIA_SITE_DEFAULT };
enum minutes_from { MINUTES_NONE, MINUTES_ROW, MINUTES_DEFAULT, MINUTES_BUILT_IN };

/* A group that serves the machine, or would later. */
struct located_group {
    const struct site_group *group;
    enum group_via via;
    int64_t minutes; /* 0 for current groups */
    enum minutes_from from;
    bool never;                       /* its only ways are closed: no DP of it joins */
    const struct site_group *through; /* the current group whose link gave the minutes, or NULL */
};

struct location {
    const struct site_dp *dp;
    enum locality locality;
    int64_t after_minutes;
    const char *url;
    size_t group_count;
    const struct located_group *const *groups; /* open and joined, nearest first */
    size_t boundary_count;
    const struct site_boundary *const *boundaries; /* of those groups, that hold the machine */
    struct site_presence presence;
};

struct excluded_dp {
    const struct site_dp *dp;
    enum exclusion code;
    int64_t after_minutes; /* FALLBACK_NOT_DUE; else -1 */
    struct site_presence presence;
    const struct located_group *group; /* the group that decided, or NULL */
};

struct location_request {
    const struct site *site;
    const struct settings *settings;
    const struct machine *machine;
    const struct site_content *content; /* NULL: unknown, every DP is NO_CONTENT */
    bool deployment_assumed;            /* no deployment: everything is allowed */
    bool from_dp_locality;
    int64_t deployment_bits; /* RemoteClientFlags or DPLocality */
    int64_t minutes;         /* since the job's first request; INT64_MAX: all */
};

/* Owns its arrays; points into site and machine. */
struct decision {
    struct arena arena;
    size_t boundary_count;
    const struct site_boundary **boundaries; /* that hold the machine, by ID */
    size_t group_count;
    struct located_group *groups; /* current, then by minutes, then ID */
    size_t location_count;
    struct location *locations; /* in order: rank 1 first */
    size_t excluded_count;
    struct excluded_dp *excluded;       /* by DP name */
    const struct site_content *content; /* what was asked for; NULL: unknown */
    bool presence_assumed, addresses_assumed;
    const char *default_group_site; /* whose default group a machine in no group uses, or NULL */
};

/* The 2007 and 2012 rules are not here: a policy that asks for them gets no wrong answer. */
bool location_check_rules(const struct site *site, struct error *err);

/* Every distribution point of the site is in exactly one of locations and excluded. */
void location_decide(struct decision *decision, const struct location_request *request);
void decision_free(struct decision *decision);

/* The smallest minute after request->minutes at which another DP joins, or -1. */
int64_t decision_next_minute(const struct decision *decision);

const char *locality_word(enum locality locality);    /* "BOUNDARYGROUP" */
const char *exclusion_word(enum exclusion exclusion); /* "FALLBACK_NEVER" */

#endif

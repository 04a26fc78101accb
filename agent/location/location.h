/*
 * A location decision is a value: a pure function of policy, machine, content and elapsed time.
 * It opens no socket, reads no clock, keeps no state. Codes and arguments only: words for people
 * are chosen in command/.
 *
 * Three rule sets (nearpoint-policy(5): Rules of location) are three tables of predicates over one
 * list of facts; location_walk tells of one distribution point what each row of the table said.
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

enum distance { DISTANCE_LOCAL, DISTANCE_REMOTE, DISTANCE_CLOUD };

/* In the contract's order: where several fit, the first stands. */
enum exclusion {
    EXCLUDED_UNSUPPORTED_SCHEME,
    EXCLUDED_MAINTENANCE,
    EXCLUDED_CLOUD_NOT_ALLOWED,
    EXCLUDED_METERED,
    EXCLUDED_INTERNET_ONLY,
    EXCLUDED_INTRANET_ONLY,
    EXCLUDED_OTHER_SITE,
    EXCLUDED_PROTECTED,
    EXCLUDED_HIDDEN_BY_PROTECTED,
    EXCLUDED_NOT_IN_GROUP,
    EXCLUDED_FALLBACK_NEVER,
    EXCLUDED_REMOTE_NOT_ALLOWED,
    EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED,
    EXCLUDED_SLOW_NOT_ALLOWED,
    EXCLUDED_ON_DEMAND_NOT_FROM_CLOUD,
    EXCLUDED_RUN_FROM_DP_NOT_FROM_CLOUD,
    EXCLUDED_NO_CONTENT,
    EXCLUDED_OLD_VERSION,
    EXCLUDED_NEWER_VERSION,
    EXCLUDED_FALLBACK_NOT_DUE,
    EXCLUSION_COUNT, /* nothing against it */
};

/* What a location's place in the list may depend on. */
enum rank_key {
    RANK_PREFERRED_CLOUD, /* current: first where a group of the machine prefers cloud */
    RANK_COMPUTER,        /* the machine itself */
    RANK_SUBNET,          /* current: its subnet */
    RANK_CLOUD,           /* cloud stands last */
    RANK_FALLBACK,        /* 2012: preferred before fallback */
    RANK_MINUTES,         /* who joined earlier */
    RANK_DISTANCE,        /* 2007: local before remote */
    RANK_LOCALITY,
    RANK_UPDATING, /* content that is not being updated before what is */
    RANK_TRUST,    /* 2012: trusted forests first */
    RANK_HTTPS,    /* 2012: HTTPS before HTTP */
    RANK_BITS,     /* 2007: BITS-enabled first */
    RANK_RANDOM,   /* equals: by weight */
};
#define LOCATION_KEYS 8 /* the most that a rule set has */

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
    enum distance distance;
    bool fallback; /* 2012: no preferred DP; 2007: unprotected beside protected ones */
    int64_t after_minutes;
    const char *url; /* the content's */
    size_t group_count;
    const struct located_group *const *groups; /* open and joined, nearest first */
    size_t boundary_count;
    const struct site_boundary *const *boundaries; /* of those groups, that hold the machine */
    struct site_presence presence;
    int64_t turn;                /* after_minutes; of a task sequence its group's turn */
    int64_t keys[LOCATION_KEYS]; /* by the rules' order: the smaller stands first */
    uint64_t weight;             /* order among equals: the highest stands first */
};

struct excluded_dp {
    const struct site_dp *dp;
    enum exclusion code;
    int64_t after_minutes; /* when it joins: FALLBACK_NOT_DUE, HIDDEN_BY_PROTECTED; else -1 */
    struct site_presence presence;
    const struct located_group *group; /* the group that decided, or NULL */
};

/* Eight hours: when unprotected DPs join beside protected ones that have the content (2007). */
#define LOCATION_PROTECTED_MINUTES 480

/* What a deployment allows (configmgr-sdk 5). */
struct location_deployment {
    bool assumed;          /* none was named: everything is allowed */
    bool remote;           /* neighbor and default groups; 2012, 2007: slow networks */
    bool fallback;         /* the default group; 2012, 2007: unprotected distribution points */
    bool metered;          /* on metered networks, where the setting says "limit" */
    bool on_demand;        /* content is fetched when needed: not from cloud */
    bool on_demand_remote; /* a task sequence may do so from neighbor and default groups */
    bool run_from_dp;      /* content is run from there: not from cloud */
    bool task_sequence;    /* neighbors at once, in the order of their minutes */
    const struct instance *options; /* the deployment type that decided instead of bits, or NULL */
};

/* No deployment: what DPLocality 80 allows, and metered networks too; assumed. */
struct location_deployment location_deployment_assumed(void);
/* RemoteClientFlags of SMS_Advertisement (configmgr-sdk 5.1). */
struct location_deployment location_deployment_flags(int64_t bits);
/* DPLocality of SMS_CIAssignmentBaseClass (configmgr-sdk 5.2). */
struct location_deployment location_deployment_locality(int64_t bits);
/* May neighbor and default groups be used, and slow networks? A task sequence may fetch on demand
   from them. */
bool location_deployment_remote(const struct location_deployment *deployment);
/* An application's deployment type says remote and fallback itself (configmgr-sdk 5.3). */
void location_deployment_options(struct location_deployment *deployment,
                                 const struct site_content_options *options);

/* The site, made ready for many machines: built once per policy, read-only, to be freed after the
   last decision and before the policy. */
struct location_index;
struct location_index *location_index_create(const struct site *site);
void location_index_free(struct location_index *index); /* NULL is fine */

/* Who holds a content, and its URL there: made once per content, for many machines. `content` NULL:
   unknown, nobody does. */
struct location_content;
struct location_content *location_content_create(const struct site *site,
                                                 const struct site_content *content);
void location_content_free(struct location_content *content); /* NULL is fine */
const struct site_content *location_content_asked(const struct location_content *content);

struct location_request {
    const struct location_index *index;
    const struct location_content *content;
    const struct settings *settings;
    const struct machine *machine;
    enum location_rules rules;
    struct location_deployment deployment;
    const char *assigned_site; /* of a machine that names none, or NULL */
    struct library_roots library_roots;
    int64_t minutes;     /* since the job's first request; INT64_MAX: all */
    bool locations_only; /* for fleets: no `excluded`, no groups and boundaries of locations */
};

/* Owns its arrays; points into index, content and machine. */
struct decision {
    struct arena arena;
    enum location_rules rules;
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
    bool on_demand_coming;     /* 2012: on no preferred DP, the site will send it to them */
    const char *assigned_site; /* or NULL where nothing says it */
    bool no_group;             /* no boundary group holds the machine */
    /* The 2007 rules: */
    size_t current_site_count;        /* 0: not known; without an assigned site all DPs serve */
    const char *const *current_sites; /* whose boundaries hold the machine */
    bool assigned_serves; /* the current site is not known, or no DP of it has the content */
    const struct site_dp *hiding;     /* a protected DP that has it and hides others, or NULL */
    const struct site_dp *protecting; /* a protected DP whose boundaries hold the machine */
};

/* Every distribution point of the site is in exactly one of locations and excluded. */
void location_decide(struct decision *decision, const struct location_request *request);
void decision_free(struct decision *decision);

/* Why one location stands before the next: the first key in which they differ. */
enum rank_key decision_rank_key(const struct decision *decision, const struct location *first,
                                const struct location *second);

/* The smallest minute after request->minutes at which another DP joins, or -1. */
int64_t decision_next_minute(const struct decision *decision);

/* One DP through every rule of the table, in order: of a decision and the request that it answers.
   Valid as long as the decision. */
struct location_step {
    enum exclusion code;
    bool excludes;
};
struct location_walk {
    size_t count;
    struct location_step steps[EXCLUSION_COUNT];
    struct site_presence presence;
    const struct located_group *group; /* that leads to it, or is the first in the way, or NULL */
    bool fallback, slow; /* as struct location's; 2012: slow in all the machine's groups */
    bool local;          /* 2007: in a fast boundary that holds the machine */
    bool in_group;       /* in one of the decision's groups */
};
void location_walk(struct location_walk *walk, struct decision *decision,
                   const struct location_request *request, const struct site_dp *dp);

/* Does the boundary hold the machine? Asks the boundary alone, without an index. */
bool location_boundary_holds(const struct site_boundary *boundary, const struct machine *machine);

const char *locality_word(enum locality locality);          /* "BOUNDARYGROUP" */
const char *distance_word(enum distance distance);          /* "local" */
const char *exclusion_word(enum exclusion exclusion);       /* "FALLBACK_NEVER" */
const char *location_rules_word(enum location_rules rules); /* "current" */
/* false: `word` names no rule set. */
bool location_rules_parse(const char *word, enum location_rules *rules);

#endif

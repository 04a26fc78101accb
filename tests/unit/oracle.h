/*
 * The rules of location once more, slow and plain, to hold agent/location against: written from the
 * rule tables of nearpoint-policy(5), with loops over everything and addresses compared bit by bit.
 * Shares the tables of the site and site_presence with it, nothing else. No memory of its own.
 */
#ifndef TESTS_UNIT_ORACLE_H
#define TESTS_UNIT_ORACLE_H

#include "agent/location/location.h"

#define ORACLE_MOST 32 /* boundaries, groups, distribution points of one site */
#define ORACLE_KEYS 6

struct oracle_question {
    const struct site *site;
    const struct machine *machine;
    const struct site_content *content; /* NULL: unknown */
    enum location_rules rules;
    bool allow_cloud;                                                      /* AllowCloudDP */
    int64_t metered_usage;                                                 /* MeteredNetworkUsage */
    bool remote, fallback, metered, on_demand, run_from_dp, task_sequence; /* the deployment's */
    int64_t minutes;
};

struct oracle_group {
    bool reached;
    enum group_via via;
    int64_t minutes;
    bool never;
};

struct oracle_dp {
    bool located;
    enum exclusion code;   /* EXCLUSION_COUNT: none, as for every located one */
    int64_t after_minutes; /* of an excluded one that joins by waiting; else -1 */
    enum locality locality;
    enum distance distance;
    bool fallback;
    uint32_t groups, boundaries; /* that brought it: a bit for each, by index */
    int64_t key[ORACLE_KEYS];    /* the lowest first; equal ones by weight */
};

struct oracle_answer {
    uint32_t boundaries; /* that hold the machine: a bit for each, by index */
    struct oracle_group groups[ORACLE_MOST];
    struct oracle_dp dps[ORACLE_MOST];
    size_t ranked_count;
    size_t ranked[ORACLE_MOST]; /* located ones in order, equal ones by index */
    int64_t next_minute;        /* -1: nothing joins by waiting */
    const char *assigned_site;
    bool no_group, on_demand_coming, assigned_serves, hiding, protecting;
};

void oracle_decide(struct oracle_answer *answer, const struct oracle_question *question);

/* oracle_match.c: texts as they are written, against the machine. */
bool oracle_holds(const struct site_boundary *boundary, const struct machine *machine);
bool oracle_same_computer(const struct site_dp *dp, const struct machine *machine);
bool oracle_same_subnet(const struct site_dp *dp, const struct machine *machine);
bool oracle_same_ad_site(const struct site_dp *dp, const struct machine *machine);

#endif

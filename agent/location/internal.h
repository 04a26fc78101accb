/* What the files of location/ share. For this room only. */
#ifndef AGENT_LOCATION_INTERNAL_H
#define AGENT_LOCATION_INTERNAL_H

#include "agent/location/location.h"
#include "agent/location/segments.h"

/* ---- index.c ---- */

/* Texts without case → boundaries: sorted, equal ones by ID. */
struct text_index {
    size_t count;
    const char **texts;
    uint32_t *ids;
};

struct location_index {
    const struct site *site;
    struct segments ipv4, ipv6; /* of ranges and prefixes, by family; IDs are boundary indices */
    size_t network_count;
    address_number *networks; /* subnet boundaries' IDs, ascending */
    uint32_t *network_ids;
    struct text_index ad_sites, vpn_names, vpn_descriptions;
    size_t auto_count;
    uint32_t *autos;        /* VPN boundaries "Auto:On" */
    uint32_t *group_starts; /* of each boundary's groups, and one more */
    uint32_t *groups;       /* indices, ascending for each boundary */
    size_t default_count;
    uint32_t *defaults; /* default groups */
    bool addresses_assumed;
    const char *only_default_site; /* of the only default group, or NULL */
};

/* Boundary indices, ascending, none twice. Starts on the caller's stack: few boundaries hold one
   machine. */
#define HITS_INLINE 128
struct hits {
    size_t count, cap;
    uint32_t *ids, *spare;
    uint32_t inline_ids[2][HITS_INLINE];
};
void location_match(const struct location_index *index, const struct machine *machine,
                    struct hits *hits);
void hits_free(struct hits *hits);

/* ---- content.c ---- */

struct location_content {
    const struct site_content *content; /* NULL: unknown */
    struct site_presence *presence;     /* of each DP */
    const char **urls;                  /* of holders; NULL else */
    size_t holder_count;
    uint32_t *holders; /* DP indices, ascending */
    /* of those, by rule set, the ones that may serve a machine outside their groups */
    struct holders {
        size_t count;
        uint32_t *dps;
    } open[RULES_COUNT];
};
bool location_is_present(enum presence presence);

/* ---- membership.c ---- */

/* Fills the decision's boundaries and groups. */
void location_find_groups(struct decision *decision, const struct location_request *request);

/* ---- one DP while it is judged ---- */

struct candidate {
    size_t index; /* of the DP */
    const struct site_dp *dp;
    struct site_presence presence;
    size_t group_count;
    const struct located_group *const *groups; /* that hold it, nearest first */
    bool slow_everywhere;                      /* its rows in all those groups say slow */
    /* current rules: */
    const struct located_group *way; /* the nearest that may be used, else the worst closed one */
    enum exclusion way_code;         /* what closes it; EXCLUSION_COUNT: open */
    /* 2007 rules: */
    bool is_local, serves; /* by a fast boundary; of a site that serves */
    /* when it joins, and its group's turn among others */
    int64_t minutes, turn;
};

struct judging {
    struct decision *decision;
    const struct location_request *request;
    uint64_t weight; /* of machine and content, to be mixed with the DP's */
};

/* ---- rules.c: tables of predicates ---- */

struct location_rule {
    enum exclusion code;
    bool (*excludes)(const struct judging *judging, const struct candidate *candidate);
};
const struct location_rule *location_rules_table(enum location_rules rules, size_t *count);

/* Nothing against it of the DP itself, settings, network, and what cloud may not serve? */
bool location_is_reachable(const struct judging *judging, const struct candidate *candidate);

/* ---- facts.c: what the predicates ask ---- */

/* Fills the rest of a candidate whose DP and groups are known. */
void location_find_facts(const struct judging *judging, struct candidate *candidate);
/* 2007: the current site, who serves, who protects. */
void location_find_sites(struct judging *judging, const struct candidate *in_groups, size_t count);
enum locality location_locality(const struct judging *judging, const struct candidate *candidate);
enum distance location_distance(const struct judging *judging, const struct candidate *candidate);
bool location_is_fallback(const struct judging *judging, const struct candidate *candidate);
/* current rules: may the group be used? */
bool location_is_open(const struct judging *judging, const struct located_group *group);
/* Is the boundary of one of the groups? */
bool location_in_boundary(const struct site *site, const struct located_group *const *groups,
                          size_t count, const struct site_boundary *boundary);

/* 2012: may a machine outside its groups use it? (policy model: AllowFallback, else IsProtected) */
bool location_allows_fallback(const struct site_dp *dp);

/* ---- rank.c ---- */

/* Of machine name and content ID: the part of the weights that all DPs share. */
uint64_t location_seed(const struct location_request *request);
uint64_t location_weight(uint64_t seed, const struct site_dp *dp);
/* Fills the keys of each location and puts them in order. */
void location_rank(struct decision *decision);

/* ---- reach.c: where the DP stands, seen from the machine ---- */

bool location_same_computer(const struct site_dp *dp, const struct machine *machine);
bool location_same_subnet(const struct site_dp *dp, const struct machine *machine);
bool location_same_ad_site(const struct site_dp *dp, const struct machine *machine);

#endif

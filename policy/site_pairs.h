/*
 * What is where, for who asks about all of it: every package's DPs in one table. One DP and one
 * content are site_presence's. Rows of DPs that the site does not know are passed over.
 *
 * Hangs in the policy's arena. No system calls; policy check calls it.
 */
#ifndef POLICY_SITE_PAIRS_H
#define POLICY_SITE_PAIRS_H

#include "policy/site.h"

/* A package on a DP, as site_judge_presence takes it. */
struct site_pair {
    size_t dp;       /* index into site.dps */
    int state;       /* -1: no summarizer row */
    int64_t version; /* -1: not known */
};

/* How many DPs have one state and version. */
struct site_pair_kind {
    int state;
    int64_t version;
    size_t count;
};

struct site_pair_package {
    const char *id;
    size_t count;
    const struct site_pair *pairs; /* by DP */
    size_t kind_count;
    const struct site_pair_kind *kinds;
};

struct site_pairs {
    size_t count;
    struct site_pair_package *packages; /* by ID without case */
};

void site_pairs_read(struct site_pairs *pairs, const struct site *site);

/* NULL: the policy has no row of it. */
const struct site_pair_package *site_pairs_find(const struct site_pairs *pairs, const char *id);

/* NULL: the policy has no row of the two. */
const struct site_pair *site_pair_on(const struct site_pair_package *package, size_t dp);

#endif

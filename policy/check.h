/*
 * The findings of a reviewer: what in a policy is wrong, wasteful or surprising, each with the
 * object, the rule and what to do (contract: `policy check`). nearpoint-policy(5) lists the codes
 * from check_rows.
 *
 * A pure function of what was read; what the network says of cloud services is handed in. Sorts
 * and sweeps, never pairs. No system calls; commands call it.
 */
#ifndef POLICY_CHECK_H
#define POLICY_CHECK_H

#include "policy/settings.h"
#include "policy/site.h"

enum finding_severity { FINDING_ERROR, FINDING_WARNING, FINDING_NOTE };

struct finding {
    enum finding_severity severity;
    const char *code;   /* stable: BOUNDARY_OVERLAP */
    const char *object; /* what it is about, as the console names it: "boundary group 'London'" */
    const char *text;   /* the rule and what to do */
};

/* What an administrator's own question to DNS found of one cloud service name. */
struct check_name {
    const char *name;
    const char *served; /* "CNAME", "HOST", "none" */
    const char *error;  /* NULL, or the word of the contract: "NXDOMAIN" */
};

struct check_input {
    struct policy *policy; /* its arena holds what the findings point to */
    const struct resultant *resultant;
    const struct settings *settings; /* of the machine asked about */
    const struct site *site;
    bool resolved; /* were the names asked for? */
    size_t name_count;
    const struct check_name *names; /* by name without case */
};

struct check_seen;

struct findings {
    struct policy *policy;
    struct check_seen *seen; /* what several rules look at; in the policy's arena */
    size_t count, cap;
    struct finding *items; /* owned */
    size_t rule_first;     /* where those of the running rule begin */
    size_t rule_left_out;  /* of the running rule, beyond LIMIT_FINDINGS */
};

/* One rule of the reviewer; finds nothing, one or many. */
struct check_row {
    const char *code;
    enum finding_severity severity;
    void (*run)(struct findings *findings, const struct check_input *input,
                const struct check_row *row);
    const char *meaning; /* one line, for the man page's table */
};

extern const struct check_row check_rows[];
extern const size_t check_row_count;

/* Runs every rule. Errors first, then warnings, then notes; among equals by code, then in the order
   in which the rule looks. Beyond LIMIT_FINDINGS of one rule a last one says how many more. */
void check_policy(struct findings *findings, const struct check_input *input);
void check_free(struct findings *findings);

/* The name that DNS should have a CNAME for, of a cloud DP; NULL where there is none to ask for. */
const char *check_service_name(const struct site_dp *dp);

const char *check_severity_word(enum finding_severity severity); /* "error" */

#endif

/* The reviewer's rules, by what they look at: what the files of check_*.c share. Only they and
   check.c include it. */
#ifndef POLICY_CHECK_RULES_H
#define POLICY_CHECK_RULES_H

#include "policy/check.h"

typedef void check_rule(struct findings *findings, const struct check_input *input,
                        const struct check_row *row);

/* Adds a finding of the row's code and severity; text and object go into the policy's arena. */
void check_add(struct findings *findings, const struct check_row *row, const char *object,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "boundary 16777217 '10.1.2.0'", "boundary group 16777301 'London'", in the arena. */
const char *check_boundary_name(struct policy *policy, const struct site_boundary *boundary);
const char *check_group_name(struct policy *policy, const struct site_group *group);

/* check_documents.c */
check_rule check_policy_warnings;

#endif

/*
 * Small random sites, machines and questions, in which every rule of location has something to do:
 * few addresses, names and minutes, so that they meet.
 */
#ifndef TESTS_UNIT_ORACLE_CASES_H
#define TESTS_UNIT_ORACLE_CASES_H

#include "policy/base/buf.h"
#include "tests/unit/oracle.h"

struct dice {
    uint64_t state;
    bool is_wide; /* addresses lie far apart */
};

/* 0 to sides - 1 */
unsigned dice_roll(struct dice *dice, unsigned sides);

/* Statements of estate.h. */
void cases_write_site(struct buf *text, struct dice *dice);

/* Boundaries alone, of one group. */
void cases_write_boundaries(struct buf *text, struct dice *dice, unsigned count);

/* Assignments of --set between blanks; '~' stands for a blank in values. */
void cases_write_machine(struct buf *text, struct dice *dice);

/* What a deployment's bits are, 0 in most places. */
int64_t cases_roll_bits(struct dice *dice);

/* Around everything that has a threshold. */
int64_t cases_roll_minutes(struct dice *dice);

#endif

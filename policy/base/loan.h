/*
 * Bytes that others read for a while without a copy: who owns them keeps them in place until all
 * that was lent was given back. On one thread but for the reading itself.
 */
#ifndef POLICY_BASE_LOAN_H
#define POLICY_BASE_LOAN_H

#include <stddef.h>

struct loan {
    size_t count;                           /* pieces that are lent */
    void (*all_is_back)(struct loan *loan); /* when it falls to 0 */
};

static inline void loan_take(struct loan *loan)
{
    loan->count++;
}

static inline void loan_give_back(struct loan *loan)
{
    if (--loan->count == 0)
        loan->all_is_back(loan);
}

#endif

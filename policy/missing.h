/*
 * What a policy does not hold and an answer would need (policy model: Document forms): one table of
 * classes and of what cannot be said without them. No system calls; any room may call it.
 */
#ifndef POLICY_MISSING_H
#define POLICY_MISSING_H

#include "policy/site.h"

#define MISSING_CLASSES   12
#define MISSING_NEEDED_BY 6

struct missing_row {
    const char *classes[MISSING_CLASSES];     /* one is enough; the first is said to be missing */
    const char *needed_by[MISSING_NEEDED_BY]; /* only where one of these is there; none: always */
    bool current_rules;                       /* only there, not under the rules of 2007 and 2012 */
    bool finds_contents; /* without it a content may be unknown that the site has */
    const char *without; /* "applications cannot be located" */
};

extern const struct missing_row missing_rows[];
extern const size_t missing_row_count;

bool missing_is(const struct missing_row *row, const struct site *site);

/* "; missing: SMS_PackageToContent: applications cannot be located", or an empty text: what may be
   the reason that a content is not known. In the policy's arena. */
const char *missing_for_contents(const struct site *site);

#endif

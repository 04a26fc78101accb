/*
 * What changed between two policies, value by value: settings and site objects as Actual has them
 * (contract: `policy diff`). Built-in defaults are no change of a document. No system calls;
 * commands call it.
 */
#ifndef POLICY_DIFF_H
#define POLICY_DIFF_H

#include "policy/base/sink.h"
#include "policy/resultant.h"

/* One side. */
struct diff_side {
    struct policy *policy; /* its arena holds what is made */
    const struct resultant *resultant;
};

/* One line for each value: "SMS_Boundary BoundaryID=5 Value: 10.1.0.0 -> 10.2.0.0"; a side that
   does not have it reads "-". false: it could not be written. */
bool diff_text(const struct diff_side *old, const struct diff_side *new_side, struct sink *sink);

/* [ { "class", "key", "property", "old", "new" } ] */
bool diff_json(const struct diff_side *old, const struct diff_side *new_side, struct sink *sink);

#endif

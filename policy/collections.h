/*
 * Which collections a machine is in, as an export says (SMS_FullCollectionMembership: by the
 * ResourceID of its SMS_R_System, else by name).
 *
 * The IDs point into the policy. No system calls; any room may call it.
 */
#ifndef POLICY_COLLECTIONS_H
#define POLICY_COLLECTIONS_H

#include "policy/classes.h"

struct collections {
    bool known; /* are there rows of membership at all? */
    size_t count;
    const char **ids; /* as read; one may stand twice */
};

/* `name` may be NULL: then in none. The list hangs in the policy's arena. */
void collections_find(struct collections *collections, struct policy *policy,
                      const struct classes *classes, const char *name);

#endif

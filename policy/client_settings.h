/*
 * Client settings objects as an export of a site has them, and whom they apply to (policy model:
 * For specific systems): SMS_ClientSettings and SMS_ClientSettingsDefault with the agent
 * configurations embedded in them, SMS_ClientSettingsAssignment to collections,
 * SMS_FullCollectionMembership.
 *
 * Everything hangs in the policy's arena. No system calls; the resultant policy calls it.
 */
#ifndef POLICY_CLIENT_SETTINGS_H
#define POLICY_CLIENT_SETTINGS_H

#include "policy/instance.h"

/* The machine that policy is asked for; texts may be NULL. */
struct audience {
    const char *name;
    size_t collection_count;
    const char *const *collections; /* IDs that the machine itself names */
};

struct settings_object {
    int64_t id;
    const char *name; /* as the console shows it */
    enum layer layer; /* of Type 0 the default settings, else custom settings */
    int64_t priority; /* smaller wins */
    const struct instance *instance;
    size_t count;
    const struct instance *const *configurations; /* settings instances embedded in it */
    const char *collection; /* "'Pilot Cloud' (PS100023)": by which it applies or would; or NULL */
    const char *why_not; /* why it does not apply to the audience, in words; NULL where it does */
};

struct client_settings {
    size_t count;
    struct settings_object *objects; /* by ID */
};

/* Needs a settled policy. Of two objects with one ID the one read last holds. Values that cannot be
   read leave the object out of force, which `why_not` says. */
void client_settings_read(struct client_settings *settings, struct policy *policy,
                          const struct audience *audience);

#endif

/*
 * Layers → one value for each setting, with everything it beat (policy model: Settings).
 *
 * Settings instances of one class and real key (SiteSettingsKey where there is one) meet: the
 * strongest complete one gives all its properties and hides what is weaker; stronger partial ones
 * lay over it what they name. A setting is found by its property's name, whatever class carries
 * it; of several classes the strongest layer's wins. Null is not a value: nothing is named by it.
 *
 * Everything hangs in the policy's arena. No system calls.
 */
#ifndef POLICY_RESULTANT_H
#define POLICY_RESULTANT_H

#include "policy/instance.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One value that a document, or the built-in table, gives a setting. */
struct resultant_value {
    const char *name;
    struct value value;
    bool secret;
    const struct property *property; /* NULL: built-in */
    const struct instance *instance; /* NULL: built-in */
    enum layer layer;
    int64_t priority; /* PRECEDENCE_NONE where none is said, and for the built-in */
    bool partial;
    size_t rank; /* of its instance among all settings instances: 0 is the strongest */
    bool wins;   /* over the same name in every class */
    const struct instance *hidden_by; /* the complete instance that takes its place, or NULL */
};

/* All values of one name in order of precedence: the winner, then the others by strength, the
   built-in one last where it does not win. */
struct resultant_setting {
    const char *name;
    size_t count;
    const struct resultant_value *const *values;
};

/* What the instances of one class and key come to. */
struct resultant_instance {
    const char *class_name;
    const struct value *key; /* SiteSettingsKey, or NULL */
    size_t count;
    const struct resultant_value *const *values; /* one for each property that holds, by name */
};

struct resultant {
    size_t setting_count;
    struct resultant_setting *settings; /* by name without case */
    size_t instance_count;
    struct resultant_instance *instances; /* by class without case, then key */
};

/* Any CCM_* class and the server's classes of client settings. */
bool resultant_is_settings_class(const char *class_name);

/* Needs a settled policy. Warns EQUAL_PRIORITY where the order of PolicyIDs had to decide. */
void resultant_read(struct resultant *resultant, struct policy *policy);

/* NULL where neither a document nor the built-in table knows the name. Without case. */
const struct resultant_setting *resultant_find(const struct resultant *resultant, const char *name);

/* The first value where it wins, else NULL (every value is hidden and none is built in). */
const struct resultant_value *resultant_winner(const struct resultant_setting *setting);

#endif

/*
 * Layers → one value for each setting, with everything it beat (policy model: Settings).
 *
 * Settings instances of one class and real key (SiteSettingsKey where there is one) meet: the
 * strongest complete one gives all its properties and hides what is weaker; stronger partial ones
 * lay over it what they name. A setting is found by its property's name, whatever class carries
 * it; of several classes the strongest layer's wins. Null is not a value: nothing is named by it.
 * Settings of an export count for a machine by the collections it is in (client_settings.h).
 *
 * Everything hangs in the policy's arena. No system calls.
 */
#ifndef POLICY_RESULTANT_H
#define POLICY_RESULTANT_H

#include "policy/client_settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A settings instance, of a document or embedded in a client settings object. */
struct resultant_source {
    const struct instance *instance;
    const struct settings_object *object; /* NULL: the instance stands by itself */
    enum layer layer;
    int64_t priority; /* PRECEDENCE_NONE where none is said */
    bool partial;
    const char *why_not; /* why it does not count, in words; NULL where it does */
    size_t rank;         /* among those that count: 0 is the strongest */
};

/* One value that a document, or the built-in table, gives a setting. */
struct resultant_value {
    const char *name;
    struct value value;
    bool secret;
    const struct property *property;          /* NULL: built-in */
    const struct resultant_source *source;    /* NULL: built-in */
    bool wins;                                /* over the same name in every class */
    const struct resultant_source *hidden_by; /* the complete one that takes its place, or NULL */
};

/* All values of one name in order of precedence: the winner, the others by strength, the built-in
   one, and after it those whose source does not count. */
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
    struct client_settings objects;
    size_t source_count;
    struct resultant_source *sources; /* those that count, the strongest first, then the others */
    size_t setting_count;
    struct resultant_setting *settings; /* by name without case */
    size_t instance_count;
    struct resultant_instance *instances; /* by class without case, then key */
};

/* Any CCM_* class and the server's classes of client settings. */
bool resultant_is_settings_class(const char *class_name);

/* Needs a settled policy. Warns EQUAL_PRIORITY where the order of PolicyIDs, or of settings
   objects' IDs, had to decide. */
void resultant_read(struct resultant *resultant, struct policy *policy,
                    const struct audience *audience);

/* NULL where neither a document nor the built-in table knows the name. Without case. */
const struct resultant_setting *resultant_find(const struct resultant *resultant, const char *name);

/* The first value where it wins, else NULL (none counts that is not hidden, none is built in). */
const struct resultant_value *resultant_winner(const struct resultant_setting *setting);

/* A value's layer and priority; the built-in one has both. */
enum layer resultant_layer(const struct resultant_value *value);
int64_t resultant_priority(const struct resultant_value *value);

#endif

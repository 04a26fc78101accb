/*
 * What a tree of policy shows: objects of one branch and their properties, ordered, whether they
 * stand in a document or are what several documents come to. Only spy's renderers call it.
 * No system calls.
 */
#ifndef POLICY_VIEW_H
#define POLICY_VIEW_H

#include "policy/resultant.h"

/* The class under which Actual shows the settings that no document in force gives (ours). */
#define VIEW_BUILT_IN_CLASS "NP_BuiltInSettings"

/* An instance as a document has it, a source of settings, or what settings instances come to. */
struct view_object {
    const char *class_name;
    const struct instance *instance;       /* NULL: merged */
    const struct resultant_source *source; /* of a settings instance in its layer, else NULL */
    const struct resultant_instance *merged;
    bool known_only; /* null properties are left out: equal policy is equal text */
};

struct view_property {
    const char *name;
    const struct value *value;
    bool secret;
    const struct resultant_value *origin; /* of a merged object, else NULL */
};

struct view_list {
    size_t count, cap;
    struct view_object *objects; /* owned */
};

/* Settings instances of one layer, those that do not count too: by class, the strongest first. */
void view_layer(struct view_list *list, const struct resultant *resultant, enum layer layer);

/* Settings merged, site objects once each (of doubles the one read last), by class and key. What
   is made for it hangs in the policy's arena. */
void view_actual(struct view_list *list, struct policy *policy, const struct resultant *resultant);

/* The order of Actual; 0: one object. */
int view_compare(const struct view_object *a, const struct view_object *b);

void view_free(struct view_list *list);

/* By name; the caller frees the array. */
struct view_property *view_properties(const struct view_object *object, size_t *count);

#endif

/*
 * The instances that count, by class without case: what stands of one class is found at once, in
 * the order of reading. Linear in the number of instances. No system calls; any room may call it.
 */
#ifndef POLICY_CLASSES_H
#define POLICY_CLASSES_H

#include "policy/instance.h"

/* All instances of one class. */
struct class_group {
    const char *name; /* as first written */
    size_t count;
    const struct instance *const *instances; /* as read */
};

struct classes {
    size_t count;
    struct class_group *groups; /* by name without case */
};

/* Needs a settled policy; everything hangs in its arena. */
void classes_read(struct classes *classes, struct policy *policy);

/* An empty group where there is none. */
struct class_group classes_find(const struct classes *classes, const char *name);

#endif

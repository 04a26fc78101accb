/*
 * What makes two instances the same object: the key properties of each class of the SMS Provider
 * and of nearpoint's own (configmgr-sdk). Gives every tree and table one order. No system calls;
 * any room may call it.
 */
#ifndef POLICY_KEY_H
#define POLICY_KEY_H

#include "policy/instance.h"

/* By class, then key, without case. Where a class's key is not known, or one of the two does not
   give it, all properties by name stand for it. 0: the same object. */
int key_compare(const struct instance *a, const struct instance *b);

/* The properties that are the class's key, NULL after the last; NULL: the key is not known. */
const char *const *key_properties(const char *class_name);
#define KEY_MAX 2

/* By class, then all properties by name. 0: they say the same. */
int key_compare_whole(const struct instance *a, const struct instance *b);

/* Total order of values: null, booleans, numbers, text without case, arrays, embedded instances. */
int key_compare_values(const struct value *a, const struct value *b);

/* The instance's properties by name without case; the caller frees the array. */
const struct property **key_sorted_properties(const struct instance *instance);

#endif

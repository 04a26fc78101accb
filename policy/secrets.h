/*
 * Secrets in documents that others may read (policy model: Names and secrets). No system calls:
 * read.c looked at the files' modes. Commands and policy check call it.
 */
#ifndef POLICY_SECRETS_H
#define POLICY_SECRETS_H

#include "policy/instance.h"

/* The first secret with a value that a file holds. */
struct secret_place {
    const struct document *document;
    const struct instance *instance;
    const struct property *property;
};

/* One for each file that holds a secret and that others may read, in the order of reading; the
   caller frees the array. */
struct secret_place *secrets_readable(const struct policy *policy, size_t *count);

/* For folders that are root's own: false, ERROR_INPUT, where there is one. */
bool secrets_refuse_readable(const struct policy *policy, struct error *err);

#endif

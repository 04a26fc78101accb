/*
 * A document of any form → documents and instances of the policy; the form is recognised by its
 * content (policy model: Document forms).
 *
 * Bytes in, in pieces. No system calls. policy_read calls it.
 */
#ifndef POLICY_FORM_H
#define POLICY_FORM_H

#include "policy/instance.h"

struct form;

/* `path` names the document in messages and in the tree. */
struct form *form_open(struct policy *policy, const char *path);

/* Malformed, hostile, of no known form: false, ERROR_INPUT with document and line. After false only
   form_close may follow. */
bool form_feed(struct form *form, const char *bytes, size_t len, struct error *err);
bool form_finish(struct form *form, struct error *err);

void form_close(struct form *form); /* NULL is fine */

#endif

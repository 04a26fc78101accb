/*
 * The ConfigMgr policy body, one form of policy document:
 * <Policy PolicyID PolicyVersion PolicySource ...><PolicyRule><PolicyAction><instance class>
 * <property name type [secret]><value> (configmgr-facts: The policy body).
 *
 * Bytes in, in pieces; documents and instances out into the policy. No system calls. policy_read
 * calls it.
 */
#ifndef POLICY_BODY_H
#define POLICY_BODY_H

#include "policy/instance.h"

struct body;

/* `path` names the document in messages and in the tree. */
struct body *body_open(struct policy *policy, const char *path);

/* Malformed, hostile, of another form: false, ERROR_INPUT with document and line. After false only
   body_close may follow. */
bool body_feed(struct body *body, const char *bytes, size_t len, struct error *err);
bool body_finish(struct body *body, struct error *err);

struct document *body_document(struct body *body);
void body_close(struct body *body); /* NULL is fine */

#endif

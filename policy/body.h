/*
 * The ConfigMgr policy body, one form of policy document:
 * <Policy PolicyID PolicyVersion PolicySource ...><PolicyRule><PolicyAction><instance class>
 * <property name type [secret]><value> (configmgr-facts: The policy body). A value of the type 13
 * holds an <instance> itself (ours).
 *
 * No system calls. xml_form calls it.
 */
#ifndef POLICY_BODY_H
#define POLICY_BODY_H

#include "policy/xml_form.h"

extern const struct xml_form_kind body_kind;

#endif

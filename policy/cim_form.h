/*
 * CIM XML, one form of policy document: what GetText('WmiDtd20') and GetText('CimDtd20') write.
 * <INSTANCE CLASSNAME><PROPERTY NAME TYPE><VALUE>, arrays and embedded instances, several roots in
 * one file, or within CIM, DECLARATION, VALUE.* or any one element (configmgr-sdk 6.1).
 *
 * System properties (__PATH and its kin), qualifiers, references and class declarations are passed
 * over. No system calls. xml_form calls it.
 */
#ifndef POLICY_CIM_FORM_H
#define POLICY_CIM_FORM_H

#include "policy/xml_form.h"

extern const struct xml_form_kind cim_kind;

#endif

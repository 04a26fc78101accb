/*
 * PolicyXML, the compressed form of a policy document: <PolicyXML Compression="zlib"
 * Version="1">HEX</PolicyXML>, the hexadecimal digits of a zlib stream of a document in XML
 * (configmgr-facts: The policy body).
 *
 * Inflated and read in pieces; what comes out is held to the limits of a document. Lines in
 * messages are those of the text that came out. No system calls. xml_form calls it.
 */
#ifndef POLICY_PACKED_H
#define POLICY_PACKED_H

#include "policy/xml_form.h"

extern const struct xml_form_kind packed_kind;

#endif

/*
 * The document forms that are XML, told apart by their root element: policy bodies, PolicyXML,
 * assignments, CIM XML. Each is a reader of its own behind one struct of functions. Several policy
 * bodies may stand in one file within <PolicyDocuments> (ours): what `policy --xml` writes.
 *
 * Bytes in, in pieces; what is found goes through the intake into the policy. No system calls.
 * Reading of documents calls it; the forms know each other only through it.
 */
#ifndef POLICY_XML_FORM_H
#define POLICY_XML_FORM_H

#include "policy/intake.h"
#include "policy/xml.h"

struct xml_form;

/* One form: a new form is a new file and a row in xml_form.c. */
struct xml_form_kind {
    /* `where` names the document in messages. */
    void *(*open)(struct intake *intake, struct xml_reader *reader, const char *where);
    struct xml_handlers handlers; /* get what `open` returned */
    /* After the last element. NULL: nothing to do. */
    bool (*finish)(void *form, struct error *err);
    void (*close)(void *form);
};

/* `where` names the document in messages. `packed`: it came out of a PolicyXML, which holds no
   other. */
struct xml_form *xml_form_open(struct intake *intake, const char *where, bool packed);

/* Malformed, hostile, of no known form: false, ERROR_INPUT with document and line. After false only
   xml_form_close may follow. */
bool xml_form_feed(struct xml_form *form, const char *bytes, size_t len, struct error *err);
bool xml_form_finish(struct xml_form *form, struct error *err);
void xml_form_close(struct xml_form *form); /* NULL is fine */

#endif

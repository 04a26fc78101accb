/*
 * The one guarded way into libxml2: bytes in small pieces in, start, end and text out.
 *
 * Holds the limits of policy/base/limits.h itself; a document type declaration is a refusal,
 * entities beyond the five predefined ones are errors, nothing outside the bytes fed is ever
 * opened. Reads UTF-8 and UTF-16 as ConfigMgr's tools write them: with or without byte order mark,
 * whatever encoding the declaration claims of the two, with NULs at the end. A sequence of roots,
 * as several exported instances in one file are, is read where the handlers take it. Memory does
 * not grow with the document. Namespaces' prefixes are dropped; one that is bound to nothing is an
 * error. No system calls; any room may call it.
 */
#ifndef POLICY_XML_H
#define POLICY_XML_H

#include "policy/base/buf.h"
#include "policy/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct xml_attribute {
    const char *name, *value; /* UTF-8, NUL-terminated, entities resolved */
};

/* Valid during the callback only. */
struct xml_element {
    const char *name;
    const char *uri; /* its namespace; NULL: none */
    size_t count;
    const struct xml_attribute *attributes;
    unsigned line;
};

/* Each returns false with its error filled (see xml_refuse) to end the reading. Text comes in
   pieces of any length, CDATA sections included. */
struct xml_handlers {
    bool (*start)(void *arg, const struct xml_element *element, struct error *err);
    bool (*end)(void *arg, const char *name, struct error *err);
    bool (*text)(void *arg, const char *text, size_t len, struct error *err);
    bool many_roots; /* one document may be several elements one after another */
};

struct xml_reader;

/* `where` names the document in messages ("folder/file.xml"; the line is added). */
struct xml_reader *xml_open(const struct xml_handlers *handlers, void *arg, const char *where);

/* Before the first byte: the document begins at that line of the file it was cut out of. */
void xml_begin_at(struct xml_reader *reader, unsigned line);

/* Malformed, over a limit, of another encoding, or refused by a handler: false, ERROR_INPUT with
   document and line. After false only xml_close may follow. */
bool xml_feed(struct xml_reader *reader, const char *bytes, size_t len, struct error *err);
bool xml_finish(struct xml_reader *reader, struct error *err);
void xml_close(struct xml_reader *reader); /* NULL is fine */

/* For handlers: fills `err` (ERROR_INPUT, BLAME_POLICY) with document and line; returns false. */
bool xml_refuse(const struct xml_reader *reader, struct error *err, const char *code,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The attribute's value, or NULL. With case, as XML has it. */
const char *xml_attribute(const struct xml_element *element, const char *name);

/* Appends text as it may stand in an element or in a quoted attribute. */
void xml_escape(struct buf *out, const char *text, size_t len);

#endif

/*
 * Where ContentLocationReply elements lie in a file: alone in it, one after another, or within the
 * lines of a log. Looks at characters, not at XML: what lies between is never parsed.
 *
 * No system calls. For reply.c only.
 */
#ifndef AGENT_LOCATION_REPLY_FIND_H
#define AGENT_LOCATION_REPLY_FIND_H

#include "policy/base/error.h"

#include <stddef.h>

struct reply_span {
    size_t start, len; /* bytes of the file */
    unsigned line;     /* of the file, from 1 */
};

struct reply_spans {
    const char *mark; /* to be read before each span: UTF-16's byte order mark, or "" */
    size_t count;
    struct reply_span *spans; /* in the file's order; free() them */
    unsigned cut_line;        /* of the last reply that does not end, or 0 */
};

/* UTF-8, UTF-16 with byte order mark, and UTF-16LE without. A reply that does not end before the
   next one begins is passed over. A file over a limit, or an XML document with a type declaration:
   false, ERROR_INPUT, nothing to free. */
bool reply_find(struct reply_spans *spans, const char *bytes, size_t len, const char *where,
                struct error *err);

#endif

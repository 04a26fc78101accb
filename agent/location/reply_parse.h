/*
 * One ContentLocationReply element as a value. No system calls. For reply.c only.
 */
#ifndef AGENT_LOCATION_REPLY_PARSE_H
#define AGENT_LOCATION_REPLY_PARSE_H

#include "agent/location/reply.h"

struct reply_bytes {
    const char *mark; /* UTF-16's byte order mark, or "" */
    const char *text; /* the element */
    size_t len;
    unsigned line; /* of the file, where it begins */
};

/* What the element says; what follows from it (rules, kinds, localities) is left to the caller.
   false: ERROR_INPUT with line, nothing to free. */
bool reply_parse(struct location_reply *reply, const struct reply_bytes *bytes, const char *where,
                 struct error *err);

#endif

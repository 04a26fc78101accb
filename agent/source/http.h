/* Plain HTTP and HTTPS distribution points. For this room only. */
#ifndef AGENT_SOURCE_HTTP_H
#define AGENT_SOURCE_HTTP_H

#include "agent/source/source.h"

extern const struct source_kind http_source;

/* Is the second URL on the first one's host and port (or on https of both's default ports), and not
   http where that is https? */
bool http_same_place(CURLU *first, CURLU *second);

#endif

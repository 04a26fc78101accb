/* Plain HTTP and HTTPS distribution points. For this room only. */
#ifndef AGENT_SOURCE_HTTP_H
#define AGENT_SOURCE_HTTP_H

#include "agent/source/source.h"

extern const struct source_kind http_source;

#endif

/* What a content library has of a content, as a source lists it. For this room only. */
#ifndef AGENT_SOURCE_LIBRARY_LIST_H
#define AGENT_SOURCE_LIBRARY_LIST_H

#include "agent/source/source.h"

/* As source.h says of a kind's `list` and `cancel_list`. */
struct source_listing *library_list_start(struct source_client *client,
                                          const struct source_list_request *request);
void library_list_cancel(struct source_listing *listing);

#endif

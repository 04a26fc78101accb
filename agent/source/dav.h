/* WebDAV listings of HTTP distribution points. For this room only. */
#ifndef AGENT_SOURCE_DAV_H
#define AGENT_SOURCE_DAV_H

#include "agent/source/source.h"

struct source_listing *dav_list(struct source_client *client,
                                const struct source_list_request *request);
void dav_cancel(struct source_listing *listing);

#endif

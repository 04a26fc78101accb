/* Cloud distribution points: Azure blobs, encrypted or not. For this room only. */
#ifndef AGENT_SOURCE_AZURE_H
#define AGENT_SOURCE_AZURE_H

#include "agent/source/source.h"

extern const struct source_kind azure_source;

struct source_listing *azure_list(struct source_client *client,
                                  const struct source_list_request *request);
void azure_cancel_list(struct source_listing *listing);

#endif

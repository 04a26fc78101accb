/*
 * The blocks of a blob that were uploaded and wait to be put together (Get Block List; facts:
 * azure.md). For publish/.
 */
#ifndef AGENT_SOURCE_AZURE_BLOCKS_H
#define AGENT_SOURCE_AZURE_BLOCKS_H

#include "agent/source/source.h"

struct azure_block {
    const char *id; /* as it was sent, base64 */
    int64_t size;
};

struct azure_blocks_order {
    const char *url; /* of the blob, without query; copied */
    const struct site_access *access;
    void (*take)(void *arg, const struct azure_block *block);    /* valid during the call */
    void (*done)(void *arg, const struct source_result *result); /* once; always */
    void *arg;
};

/* Never calls back before it returns. A blob that is not there has no blocks: status 404. */
void azure_blocks_ask(struct source_client *client, const struct azure_blocks_order *order);

#endif

/*
 * Requests that change a container: one PUT or DELETE each, and the list of a blob's blocks that
 * wait to be put together (facts: azure.md). For publish/; nothing here retries.
 */
#ifndef AGENT_SOURCE_AZURE_WRITE_H
#define AGENT_SOURCE_AZURE_WRITE_H

#include "agent/source/source.h"

#define AZURE_WRITE_HEADERS 4

struct azure_write_order {
    const char *url;   /* without query; copied */
    const char *query; /* "comp=block&blockid=...", or NULL; copied */
    const struct site_access *access;
    const char *method;                       /* "PUT", "DELETE" */
    const char *headers[AZURE_WRITE_HEADERS]; /* lines; in place until the end; NULL: no more */
    const void *body;                         /* in place until the end; NULL: none */
    size_t body_len;
    void (*done)(void *arg, const struct source_result *result); /* once, unless cancelled */
    void *arg;
};

struct azure_write;

/* Never calls back before it returns. It is gone in `done`. */
struct azure_write *azure_write_start(struct source_client *client,
                                      const struct azure_write_order *order);
void azure_write_cancel(struct azure_write *write); /* no callback follows */

/* A block of a blob that was uploaded and is in no blob yet. */
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

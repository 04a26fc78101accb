/*
 * One request of Azure's blob service whose answer is no blob: a list, or that something was done
 * (facts: azure.md). For this room and publish/; nothing here retries.
 */
#ifndef AGENT_SOURCE_AZURE_CALL_H
#define AGENT_SOURCE_AZURE_CALL_H

#include "agent/source/source.h"

#define AZURE_CALL_HEADERS 4

struct azure_call_order {
    const char *url;   /* without query; copied */
    const char *query; /* "comp=block&blockid=...", or NULL; copied */
    const struct site_access *access;
    const char *method;                      /* "PUT", "DELETE"; NULL: GET */
    const char *headers[AZURE_CALL_HEADERS]; /* lines; in place until the end; NULL: no more */
    const void *body;                        /* in place until the end; NULL: none */
    size_t body_len;
    int64_t most;      /* bytes of the answer; 0: it says nothing, LIMIT_HEADER_BYTES */
    int64_t within_ms; /* for the whole of it; 0: LIMIT_FETCH_SECONDS */
    int64_t stall_ms;  /* 0: as the options say */
    bool past_caches;
    enum source_take (*bytes)(void *arg, const char *bytes, size_t len); /* NULL: not looked at */
    void (*done)(void *arg, const struct source_result *result); /* once, unless cancelled */
    void *arg;
};

struct azure_call;

/* Never calls back before it returns. It is gone in `done`. */
struct azure_call *azure_call_start(struct source_client *client,
                                    const struct azure_call_order *order);
void azure_call_cancel(struct azure_call *call); /* no callback follows */

#endif

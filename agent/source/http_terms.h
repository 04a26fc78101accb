/*
 * What a request needs beside a URL where a plain distribution point's rules do not do: Azure's
 * blobs have headers of their own, secrets in the query, and lengths that only the reply tells.
 * For this room only.
 */
#ifndef AGENT_SOURCE_HTTP_TERMS_H
#define AGENT_SOURCE_HTTP_TERMS_H

#include "agent/source/http_reply.h"
#include "agent/source/source.h"

#define HTTP_TERMS_HEADERS 6

struct http_terms {
    const char *headers[HTTP_TERMS_HEADERS]; /* lines; NULL: no more */
    bool if_match;      /* the validator is an ETag for If-Match; another version is a 412 */
    bool secret;        /* the query is: https only, or http to loopback */
    const char *method; /* NULL: GET. Any answer of 2xx to another is fine. */
    const void *body;   /* what goes out with it */
    size_t body_len;
    /* A good head, before it is judged: may correct what is wanted of it. false: refused, err says.
       NULL: nothing to look at. */
    bool (*head)(void *arg, const struct http_reply *reply, struct http_wanted *wanted,
                 struct error *err);
    /* A refusal, with what came of its page: may say better what it means. */
    void (*refused)(void *arg, const struct http_reply *reply, const char *page, size_t len,
                    struct source_result *result);
    void *arg;
};

#endif

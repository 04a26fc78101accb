/*
 * Windows authentication of a fetch. A distribution point that answers 401 and offers Negotiate
 * gets the request once more with a token; from then on each request to it has one from the start,
 * as a token is good for one request. After a redirect to another place none is made.
 *
 * libcurl's own Negotiate is not used: it calls GSS-API where it is called itself, on the loop's
 * thread, and all transfers would wait with it for a KDC. For the files of http_fetch.h only.
 */
#ifndef AGENT_SOURCE_HTTP_AUTH_H
#define AGENT_SOURCE_HTTP_AUTH_H

#include <stdbool.h>

struct source_client;
struct source_fetch;
struct http_ticket;

/* Of one fetch. */
struct http_auth {
    struct http_ticket *ticket; /* asked for; belongs to the errand */
    char *token;                /* for the next request; owned */
    bool shown;                 /* the request on its way has one */
    bool wanted;                /* 401: once its page is skipped, a ticket is asked for */
};

/* Of a client: the places that asked for it. */
struct http_auth_place {
    char *origin;
    struct http_auth_place *next;
};

/* Before a request: true: a token is asked for first, and the request follows when it is there. */
bool http_auth_first(struct source_fetch *fetch);
/* Puts the token into the request's headers. */
void http_auth_show(struct source_fetch *fetch);
/* Of a refused head: true: it is dealt with here. Either the fetch has failed or `wanted` is set.
 */
bool http_auth_challenged(struct source_fetch *fetch);
/* The 401 is over: asks for a ticket, then sends the request again. May finish the fetch. */
void http_auth_ask(struct source_fetch *fetch);
/* Why the fetch fails that has waited for a ticket for so long. */
void http_auth_silent(struct source_fetch *fetch, double seconds);
/* The fetch ends: what is under way for it is of no use. */
void http_auth_leave(struct source_fetch *fetch);

void http_auth_forget(struct source_client *client);

#endif

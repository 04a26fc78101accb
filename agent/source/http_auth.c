#include "agent/source/http_auth.h"

#include "agent/source/http_fetch.h"
#include "agent/source/negotiate.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An errand, and what it works on. */
struct http_ticket {
    struct loop_errand errand;
    char *host;
    struct negotiate_token token;
    atomic_bool left;           /* nobody wants it any more */
    struct source_fetch *fetch; /* the loop's thread only; NULL: left */
};

/* ---- places ---- */

/* "http://host:port" */
static char *origin_of(const struct source_fetch *fetch)
{
    int scheme = (int)strcspn(fetch->url, ":");
    return mem_format("%.*s://%s:%s", scheme, fetch->url, fetch->host, fetch->port);
}

static bool is_known(const struct source_client *client, const char *origin)
{
    const struct http_auth_place *place = client->auth_places;
    while (place && !text_equal(place->origin, origin))
        place = place->next;
    return place != NULL;
}

/* Policy names them all: none is here that only a redirect led to. */
static void remember(struct source_fetch *fetch)
{
    char *origin = origin_of(fetch);
    if (is_known(fetch->client, origin)) {
        free(origin);
        return;
    }
    struct http_auth_place *place = mem_zero(1, sizeof *place);
    place->origin = origin;
    place->next = fetch->client->auth_places;
    fetch->client->auth_places = place;
}

void http_auth_forget(struct source_client *client)
{
    while (client->auth_places) {
        struct http_auth_place *place = client->auth_places;
        client->auth_places = place->next;
        free(place->origin);
        free(place);
    }
}

/* ---- tickets ---- */

static void free_ticket(void *arg)
{
    struct http_ticket *ticket = arg;
    free(ticket->token.base64);
    free(ticket->host);
    free(ticket);
}

/* On the errands' thread. Behind one that waited long there may be many that have given up. */
static void run_ticket(void *arg)
{
    struct http_ticket *ticket = arg;
    if (!atomic_load(&ticket->left))
        negotiate_token(ticket->host, &ticket->token);
}

/* Whatever is wrong, it may be so for this source only, and another may do without: it is blamed,
   and not the way to all. */
static void fail_ticket(struct source_fetch *fetch, const struct negotiate_token *token)
{
    char text[sizeof token->text + 160];
    bool no_kdc = token->outcome == NEGOTIATE_NO_KDC;
    snprintf(text, sizeof text,
             no_kdc ? "asks for Windows authentication and no KDC was reached: %s"
                    : "asks for Windows authentication and this machine has no Kerberos ticket "
                      "for it: %s",
             token->text);
    http_fetch_fail(fetch, BLAME_SOURCE, no_kdc ? "KDC" : "NO_TICKET", no_kdc, text);
    http_fetch_finish(fetch);
}

static void on_ticket(void *arg)
{
    struct http_ticket *ticket = arg;
    struct source_fetch *fetch = ticket->fetch;
    if (fetch) {
        fetch->auth.ticket = NULL;
        fetch->auth.token = ticket->token.base64;
        ticket->token.base64 = NULL;
        if (fetch->auth.token)
            http_ask_again(fetch);
        else
            fail_ticket(fetch, &ticket->token);
    }
    free_ticket(ticket);
}

void http_auth_ask(struct source_fetch *fetch)
{
    struct http_ticket *ticket = mem_zero(1, sizeof *ticket);
    ticket->errand = (struct loop_errand){
        .run = run_ticket, .done = on_ticket, .drop = free_ticket, .arg = ticket};
    ticket->host = mem_copy_string(fetch->host);
    ticket->fetch = fetch;
    fetch->auth.wanted = false;
    fetch->auth.ticket = ticket;
    http_fetch_enter(fetch, HTTP_PHASE_TICKET);
    if (loop_errand_submit(fetch->client->loop, &ticket->errand))
        return;
    char text[128];
    snprintf(text, sizeof text, "this machine has no thread left to ask a KDC with: %s",
             strerror(errno));
    http_fetch_fail(fetch, BLAME_NONE, strerrorname_np(errno), true, text);
    free_ticket(ticket);
    fetch->auth.ticket = NULL;
    http_fetch_finish(fetch);
}

void http_auth_silent(struct source_fetch *fetch, double seconds)
{
    char text[200];
    snprintf(text, sizeof text,
             "asks for Windows authentication and no Kerberos ticket for it comes within %g s "
             "(does the KDC answer?)",
             seconds);
    http_fetch_fail(fetch, BLAME_SOURCE, "KDC", true, text);
}

void http_auth_leave(struct source_fetch *fetch)
{
    struct http_auth *auth = &fetch->auth;
    if (auth->ticket) {
        auth->ticket->fetch = NULL;
        atomic_store(&auth->ticket->left, true);
    }
    free(auth->token);
    *auth = (struct http_auth){0};
}

/* ---- requests ---- */

bool http_auth_first(struct source_fetch *fetch)
{
    if (fetch->auth.token || fetch->elsewhere || !fetch->client->auth_places)
        return false;
    char *origin = origin_of(fetch);
    bool known = is_known(fetch->client, origin);
    free(origin);
    if (known)
        http_auth_ask(fetch);
    return known;
}

void http_auth_show(struct source_fetch *fetch)
{
    struct http_auth *auth = &fetch->auth;
    auth->shown = auth->token != NULL;
    if (!auth->token)
        return;
    char *line = mem_format("Authorization: Negotiate %s", auth->token);
    fetch->headers = curl_slist_append(fetch->headers, line);
    free(line);
    free(auth->token);
    auth->token = NULL;
}

bool http_auth_challenged(struct source_fetch *fetch)
{
    if (fetch->reply.status != 401)
        return false;
    if (fetch->auth.shown) {
        http_fetch_fail(fetch, BLAME_SOURCE, "HTTP_401", false,
                        "refuses this machine's Kerberos identity (HTTP status 401): may it read "
                        "the content, and does the server have the key of its HTTP service?");
        return true;
    }
    if (!fetch->reply.negotiate)
        return false;
    if (fetch->elsewhere) {
        http_fetch_fail(fetch, BLAME_SOURCE, "HTTP_401", false,
                        "is where a redirect leads, and asks for Windows authentication (HTTP "
                        "status 401), which is never given to another host");
        return true;
    }
    remember(fetch);
    fetch->auth.wanted = true;
    return true;
}

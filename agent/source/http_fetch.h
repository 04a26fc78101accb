/*
 * One fetch over HTTP, between the files that make it: asked for in http_ask.c, spoken in
 * http_talk.c, watched in http_silence.c, begun and dropped in http.c. For these only.
 */
#ifndef AGENT_SOURCE_HTTP_FETCH_H
#define AGENT_SOURCE_HTTP_FETCH_H

#include "agent/source/client.h"
#include "agent/source/http_auth.h"
#include "agent/source/http_reply.h"
#include "policy/base/limits.h"

#include <curl/curl.h>

enum http_phase {
    HTTP_PHASE_NAME,    /* the resolver has its own deadline */
    HTTP_PHASE_TICKET,  /* for Windows authentication */
    HTTP_PHASE_CONNECT, /* TCP, a proxy's CONNECT, TLS */
    HTTP_PHASE_ANSWER,  /* the connection stands, no status line yet */
    HTTP_PHASE_HEAD,
    HTTP_PHASE_BODY,
    HTTP_PHASE_REFUSAL, /* refused; the page is looked at for the reason */
};

struct source_fetch {
    struct source_client *client;
    struct source_fetch *next_idle;
    CURL *easy;
    struct loop_transfer transfer;
    struct loop_timer timer;
    struct curl_slist *headers, *pins;

    struct source_request request;
    struct http_wanted wanted;
    char *url, *validator; /* our copies; url follows redirects */
    char *host;
    char port[8];
    const char *proxy; /* this hop's, or NULL */
    int redirects;
    bool elsewhere; /* a redirect led to another place: no certificate, no token any more */
    enum http_phase phase;
    bool name_wanted; /* a lookup will call back */
    bool cancelled;
    bool paused;
    bool redirecting;
    bool enough;            /* who asked has what was wanted */
    bool ending;            /* the timer ends it */
    int64_t last_moved;     /* monotonic ms of the last byte, or of the phase's start */
    int64_t begun;          /* monotonic ms */
    int64_t start, end;     /* the bytes that follow, of the file */
    int64_t received, sent; /* bytes of bodies */
    struct http_reply reply;
    struct http_auth auth;
    bool failed; /* by our own judgement, which `result` holds */
    struct source_result result;
    int lack;                       /* errno: this machine has no socket to give */
    char detail[CURL_ERROR_SIZE];   /* libcurl's own words on a failure */
    char page[LIMIT_REFUSAL_BYTES]; /* of a refusal */
    size_t page_len;
};

/* http_fetch.c: what all of them need. */
int64_t http_fetch_now(const struct source_fetch *fetch);
void http_fetch_fail(struct source_fetch *fetch, enum error_blame blame, const char *code,
                     bool retry, const char *text);
/* Another phase, with its own deadline from now on. */
void http_fetch_enter(struct source_fetch *fetch, enum http_phase phase);
/* The handle goes back; nobody is told. */
void http_fetch_release(struct source_fetch *fetch);
/* Tells who asked what `result` holds. The fetch is gone. */
void http_fetch_finish(struct source_fetch *fetch);

/* http_ask.c: resolve, pin, send the request. May finish the fetch. */
void http_ask(struct source_fetch *fetch);
/* The same request once more, where the name has been resolved. May finish the fetch. */
void http_ask_again(struct source_fetch *fetch);
/* NULL: the fetch's URL is where the reply sends it; else why it may not go there. */
const char *http_ask_next_hop(struct source_fetch *fetch);

/* http_talk.c: libcurl's callbacks. */
int http_talk_uploaded(void *arg, curl_off_t total, curl_off_t got, curl_off_t to_send,
                       curl_off_t sent);
void http_talk_listen(CURL *easy, struct source_fetch *fetch);
/* The reply ends with what came, by itself: its connection can be used again. */
bool http_talk_ends_here(const struct source_fetch *fetch);
void http_talk_done(void *arg, CURLcode code); /* of the transfer */
/* Puts what a transfer came to into `result`, where our own judgement does not stand there. */
void http_talk_conclude(struct source_fetch *fetch, CURLcode code);

/* http_silence.c: fires when a phase has lasted too long. */
void http_silence_watch(struct source_fetch *fetch);
void http_silence_fail(struct source_fetch *fetch); /* names the phase, its time and the bytes */

#endif

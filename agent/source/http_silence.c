/* How long each phase of a fetch may take, and what is said when it took longer. */
#include "agent/source/http_fetch.h"

#include <stdio.h>

static int64_t patience(const struct source_fetch *fetch)
{
    const struct source_options *options = fetch->client->options;
    if (fetch->phase == HTTP_PHASE_CONNECT)
        return options->connect_ms;
    if (fetch->phase == HTTP_PHASE_TICKET && options->stall_ms > LIMIT_TICKET_SECONDS * 1000L)
        return LIMIT_TICKET_SECONDS * 1000L;
    return fetch->request.stall_ms ? fetch->request.stall_ms : options->stall_ms;
}

static const char *name_silence(enum http_phase phase)
{
    switch (phase) {
    case HTTP_PHASE_NAME: return "no address";
    case HTTP_PHASE_TICKET: return "no ticket";
    case HTTP_PHASE_CONNECT: return "no connection";
    case HTTP_PHASE_ANSWER: return "no answer";
    case HTTP_PHASE_HEAD: return "no further header";
    case HTTP_PHASE_BODY:
    case HTTP_PHASE_REFUSAL: break;
    }
    return "no byte";
}

/* Until the connection to a proxy stands, nobody has asked the source. */
static enum error_blame blame_silence(const struct source_fetch *fetch)
{
    long own_port = 0; /* known as soon as TCP stands, before a tunnel does */
    curl_easy_getinfo(fetch->easy, CURLINFO_LOCAL_PORT, &own_port);
    bool proxy = fetch->phase == HTTP_PHASE_CONNECT && own_port == 0;
    return proxy && fetch->proxy ? BLAME_PROXY : BLAME_SOURCE;
}

void http_silence_fail(struct source_fetch *fetch)
{
    char text[160];
    long long got = (long long)(fetch->start + fetch->received);
    double seconds = (double)patience(fetch) / 1000;
    const char *silence = name_silence(fetch->phase);
    if (fetch->phase == HTTP_PHASE_TICKET) {
        http_auth_silent(fetch, seconds);
        return;
    }
    if (fetch->request.document)
        snprintf(text, sizeof text, "%s for %g s, at %lld bytes", silence, seconds, got);
    else
        snprintf(text, sizeof text, "%s for %g s, at %lld of %lld bytes", silence, seconds, got,
                 (long long)fetch->request.size);
    http_fetch_fail(fetch, blame_silence(fetch), "STALLED", true, text);
}

static bool is_overdue(const struct source_fetch *fetch)
{
    const struct source_document *document = fetch->request.document;
    return document && http_fetch_now(fetch) - fetch->begun > document->within_ms;
}

static int64_t silence_left(const struct source_fetch *fetch)
{
    return fetch->last_moved + patience(fetch) - http_fetch_now(fetch);
}

static void on_timer(void *arg)
{
    struct source_fetch *fetch = arg;
    bool silent = silence_left(fetch) <= 0 && !fetch->paused;
    /* The resolver has its own deadline; a pause is our own doing. */
    if (fetch->name_wanted || !(silent || is_overdue(fetch))) {
        http_silence_watch(fetch);
        return;
    }
    loop_transfer_stop(fetch->client->loop, &fetch->transfer);
    if (silent && (fetch->enough || fetch->phase == HTTP_PHASE_REFUSAL))
        http_talk_conclude(fetch, CURLE_OK);
    else if (silent)
        http_silence_fail(fetch);
    else
        http_fetch_fail(fetch, BLAME_SOURCE, "STALLED", true, "the whole does not come in time");
    http_fetch_finish(fetch);
}

/* When silence, or the time for a whole document, may be over. */
void http_silence_watch(struct source_fetch *fetch)
{
    if (fetch->ending || fetch->cancelled)
        return; /* the timer has something else to do */
    const struct source_document *document = fetch->request.document;
    int64_t left = silence_left(fetch);
    int64_t next = left > 0 ? left : 1000;
    int64_t due = document ? fetch->begun + document->within_ms - http_fetch_now(fetch) + 1 : next;
    fetch->timer.fire = on_timer;
    loop_timer_set(fetch->client->loop, &fetch->timer, due > 0 && due < next ? due : next);
}

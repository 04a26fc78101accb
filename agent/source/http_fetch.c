/* What the files of one fetch share. */
#include "agent/source/http_fetch.h"

#include "policy/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t http_fetch_now(const struct source_fetch *fetch)
{
    const struct clock *clock = loop_clock(fetch->client->loop);
    return clock->monotonic(clock->arg);
}

void http_fetch_enter(struct source_fetch *fetch, enum http_phase phase)
{
    fetch->phase = phase;
    fetch->last_moved = http_fetch_now(fetch);
    http_silence_watch(fetch);
}

void http_fetch_fail(struct source_fetch *fetch, enum error_blame blame, const char *code,
                     bool retry, const char *text)
{
    fetch->failed = true;
    fetch->result = (struct source_result){
        .retry = retry,
        .retry_after_ms = -1,
        .way = blame == BLAME_PROXY || blame == BLAME_NONE,
        .status = fetch->reply.status >= 400 ? fetch->reply.status : 0,
    };
    error_set(&fetch->result.error, ERROR_FAILED, blame, code, NULL, "%s", text);
}

void http_fetch_release(struct source_fetch *fetch)
{
    struct source_client *client = fetch->client;
    loop_timer_cancel(client->loop, &fetch->timer);
    http_auth_leave(fetch);
    curl_slist_free_all(fetch->headers);
    curl_slist_free_all(fetch->pins);
    fetch->headers = fetch->pins = NULL;
    free(fetch->url);
    free(fetch->validator);
    free(fetch->host);
    fetch->url = fetch->validator = fetch->host = NULL;
    fetch->next_idle = client->idle;
    client->idle = fetch;
    client->open--;
}

/* "http://host/path" of a URL, for messages and logs: no userinfo. */
static void where_of(const char *url, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)source_shown_length(url), url);
}

void http_fetch_finish(struct source_fetch *fetch)
{
    struct source_result result = fetch->result;
    struct source_request request = fetch->request;
    if (!result.ok)
        where_of(fetch->url, result.error.where, sizeof result.error.where);
    else if (request.document && request.document->url)
        *request.document->url = mem_copy_string(fetch->url);
    http_fetch_release(fetch);
    request.done(request.arg, &result);
}

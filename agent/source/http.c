/*
 * Fetches over HTTP: their handles, start, resume and cancel. Handles are kept for the next fetch:
 * the connections live in the loop's multi handle.
 */
#include "agent/source/http.h"
#include "agent/source/dav.h"
#include "agent/source/dp_form.h"
#include "agent/source/http_fetch.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

static CURL *new_handle(struct source_client *client, struct source_fetch *fetch)
{
    const struct source_options *options = client->options;
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's, not the DP's */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_ms);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "nearpoint/" NEARPOINT_VERSION);
    http_talk_listen(easy, fetch);
    if (options->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
        curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, options->ca_file);
    }
    curl_easy_setopt(easy, CURLOPT_NOPROXY,
                     ""); /* the environment's: http_proxy_choose has read it */
    return easy;
}

static struct source_fetch *take_handle(struct source_client *client)
{
    struct source_fetch *fetch = client->idle;
    if (fetch) {
        client->idle = fetch->next_idle;
        CURL *easy = fetch->easy;
        *fetch = (struct source_fetch){.easy = easy};
    } else {
        fetch = mem_zero(1, sizeof *fetch);
        fetch->easy = new_handle(client, fetch);
    }
    client->open++;
    fetch->client = client;
    return fetch;
}

/* The first step runs from the timer: a start never calls back before it returns. */
static void begin(void *arg)
{
    struct source_fetch *fetch = arg;
    fetch->begun = http_fetch_now(fetch);
    http_ask(fetch);
}

/* The name of what is at a URL ends in one of a web page. */
static bool is_page_name(const char *url)
{
    static const char *const endings[] = {".htm", ".html", ".xhtml"};
    size_t len = source_shown_length(url);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending = strlen(endings[i]);
        if (len >= ending && strncasecmp(url + len - ending, endings[i], ending) == 0)
            return true;
    }
    return false;
}

static struct source_fetch *start(struct source_client *client,
                                  const struct source_request *request)
{
    struct source_fetch *fetch = take_handle(client);
    fetch->request = *request;
    fetch->url = mem_copy_string(request->url);
    fetch->validator = mem_copy_string(request->validator);
    fetch->request.url = fetch->request.validator = NULL;
    if (request->document)
        fetch->request.offset = fetch->request.end = fetch->request.size = 0;
    fetch->wanted = (struct http_wanted){
        .offset = fetch->request.offset,
        .end = fetch->request.end,
        .size = fetch->request.size,
        .validator = fetch->validator,
        .range_only = request->range_only,
        .page = is_page_name(fetch->url),
    };
    fetch->start = fetch->request.offset; /* until the reply says otherwise */
    fetch->result.retry_after_ms = -1;
    fetch->transfer =
        (struct loop_transfer){.easy = fetch->easy, .done = http_talk_done, .arg = fetch};
    fetch->timer = (struct loop_timer){.fire = begin, .arg = fetch};
    loop_timer_set(client->loop, &fetch->timer, 0);
    return fetch;
}

/* From the loop, not from within a callback of libcurl. */
static void end_later(struct source_fetch *fetch, void (*end)(void *arg))
{
    fetch->ending = true;
    fetch->timer.fire = end;
    loop_timer_set(fetch->client->loop, &fetch->timer, 0);
}

static void finish_stopped(void *arg)
{
    struct source_fetch *fetch = arg;
    loop_transfer_stop(fetch->client->loop, &fetch->transfer);
    http_talk_conclude(fetch, CURLE_WRITE_ERROR);
    http_fetch_finish(fetch);
}

static void resume(struct source_fetch *fetch)
{
    if (!fetch->paused)
        return;
    fetch->paused = false;
    fetch->last_moved = http_fetch_now(fetch);
    /* libcurl hands on what it held back right here; its refusal would go unnoticed. */
    CURLcode code = curl_easy_pause(fetch->easy, CURLPAUSE_CONT);
    bool enough = fetch->enough && !http_talk_ends_here(fetch);
    if (!fetch->cancelled && (code != CURLE_OK || fetch->failed || enough))
        end_later(fetch, finish_stopped);
}

static void drop(void *arg)
{
    struct source_fetch *fetch = arg;
    loop_transfer_stop(fetch->client->loop, &fetch->transfer);
    http_fetch_release(fetch);
}

static void cancel(struct source_fetch *fetch)
{
    fetch->cancelled = true;
    if (fetch->name_wanted)
        loop_timer_cancel(fetch->client->loop, &fetch->timer); /* released by the answer */
    else if (fetch->client->in_callback)
        end_later(fetch, drop);
    else
        drop(fetch);
}

const struct source_kind http_source = {
    .name = "HTTP",
    .start = start,
    .resume = resume,
    .cancel = cancel,
    .form_count = dp_form_count,
    .file_url = dp_form_file_url,
    .list = dav_list,
    .cancel_list = dav_cancel,
};

struct source_client *source_client_create(struct loop *loop, struct resolver *resolver,
                                           const struct source_options *options, struct error *err)
{
    struct source_client *client = mem_zero(1, sizeof *client);
    client->loop = loop;
    client->resolver = resolver;
    client->options = options;
    /* One handle at once: what cannot be had now cannot be had later. */
    struct source_fetch *first = take_handle(client);
    http_fetch_release(first);
    if (first->easy)
        return client;
    source_client_free(client);
    error_set(err, ERROR_FAILED, BLAME_NONE, "CURL", NULL, "libcurl gives no handle");
    return NULL;
}

int64_t source_client_wall(const struct source_client *client)
{
    const struct clock *clock = loop_clock(client->loop);
    return clock->wall(clock->arg) / 1000;
}

void source_client_free(struct source_client *client)
{
    if (!client)
        return;
    http_auth_forget(client);
    while (client->told) {
        struct told_host *told = client->told;
        client->told = told->next;
        free(told->name);
        free(told);
    }
    while (client->idle) {
        struct source_fetch *fetch = client->idle;
        client->idle = fetch->next_idle;
        curl_easy_cleanup(fetch->easy);
        free(fetch);
    }
    free(client);
}

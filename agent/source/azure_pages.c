#include "agent/source/azure_pages.h"

#include "agent/source/azure_access.h"
#include "agent/source/client.h"
#include "agent/source/http.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUERY "restype=container&comp=list&include=metadata&maxresults=5000"

struct azure_pages {
    struct source_client *client;
    struct azure_pages_order order;
    char *container_url;
    struct http_terms terms;
    struct source_document document;
    struct source_fetch *fetch;
    struct azure_names *names;
    struct loop_timer timer;
    char *marker;  /* of the page asked for; NULL: the first */
    size_t count;  /* pages asked for */
    int64_t until; /* monotonic ms */
    bool refused;  /* `error` says why */
    struct error error;
};

static int64_t wall_seconds(const struct source_client *client)
{
    const struct clock *clock = loop_clock(client->loop);
    return clock->wall(clock->arg) / 1000;
}

static int64_t monotonic(const struct source_client *client)
{
    const struct clock *clock = loop_clock(client->loop);
    return clock->monotonic(clock->arg);
}

static void free_pages(struct azure_pages *pages)
{
    loop_timer_cancel(pages->client->loop, &pages->timer);
    azure_names_close(pages->names);
    free(pages->container_url);
    free(pages->marker);
    free(pages);
}

static void finish(struct azure_pages *pages, const struct source_result *given)
{
    struct azure_pages_order order = pages->order;
    struct source_result result = *given;
    if (!result.ok && !*result.error.where)
        snprintf(result.error.where, sizeof result.error.where, "%s", pages->container_url);
    free_pages(pages);
    order.done(order.arg, &result);
}

static void fail(void *arg)
{
    struct azure_pages *pages = arg;
    const struct source_result result = {.error = pages->error, .retry_after_ms = -1};
    finish(pages, &result);
}

static void on_begin(void *arg, int64_t start, bool whole, const char *etag)
{
    (void)arg, (void)start, (void)whole, (void)etag;
}

static enum source_take on_bytes(void *arg, const char *bytes, size_t len)
{
    struct azure_pages *pages = arg;
    pages->refused = !azure_names_feed(pages->names, bytes, len, &pages->error);
    return pages->refused ? SOURCE_ENOUGH : SOURCE_TAKEN;
}

static void on_refusal(void *arg, const struct http_reply *reply, const char *page, size_t len,
                       struct source_result *result)
{
    struct azure_pages *pages = arg;
    azure_access_explain(pages->order.access, wall_seconds(pages->client), reply, page, len,
                         result);
}

static void ask(void *arg);

static bool turn_page(struct azure_pages *pages, struct error *err)
{
    char *next;
    if (!azure_names_finish(pages->names, &next, err))
        return false;
    bool again = pages->marker && strcmp(next, pages->marker) == 0 && *next;
    free(pages->marker);
    pages->marker = next;
    if (again)
        return error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL,
                         "says with a page of its list that the same page follows");
    return pages->count < LIMIT_LIST_PAGES ||
           error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL,
                     "lists more than %d pages of blobs", LIMIT_LIST_PAGES);
}

static void on_done(void *arg, const struct source_result *result)
{
    struct azure_pages *pages = arg;
    pages->fetch = NULL;
    if (!result->ok) {
        finish(pages, result);
    } else if (pages->refused || !turn_page(pages, &pages->error)) {
        fail(pages);
    } else if (*pages->marker) {
        pages->timer.fire = ask;
        loop_timer_set(pages->client->loop, &pages->timer, 0);
    } else {
        finish(pages, result);
    }
}

/* A marker may hold anything. */
static char *encode_query(const char *marker)
{
    char *encoded = marker ? curl_easy_escape(NULL, marker, (int)strlen(marker)) : NULL;
    char *query = mem_format(QUERY "%s%s", encoded ? "&marker=" : "", encoded ? encoded : "");
    curl_free(encoded);
    return query;
}

static void ask(void *arg)
{
    struct azure_pages *pages = arg;
    char *query = encode_query(pages->marker);
    char *url = azure_access_url(pages->container_url, query, pages->order.access);
    int64_t left = pages->until - monotonic(pages->client);
    azure_names_close(pages->names);
    pages->names = azure_names_open(pages->order.take, pages->order.take_arg);
    pages->count++;
    pages->document =
        (struct source_document){.most = LIMIT_LISTING_BYTES, .within_ms = left > 0 ? left : 0};
    const struct source_request request = {
        .url = url,
        .validator = "",
        .past_caches = pages->order.past_caches,
        .stall_ms = pages->order.stall_ms,
        .document = &pages->document,
        .terms = &pages->terms,
        .begin = on_begin,
        .bytes = on_bytes,
        .done = on_done,
        .arg = pages,
    };
    pages->fetch = http_source.start(pages->client, &request);
    free(url);
    free(query);
}

struct azure_pages *azure_pages_start(struct source_client *client,
                                      const struct azure_pages_order *order)
{
    struct azure_pages *pages = mem_zero(1, sizeof *pages);
    pages->client = client;
    pages->order = *order;
    pages->container_url = mem_copy_string(order->container_url);
    pages->order.container_url = NULL;
    pages->until = monotonic(client) + LIMIT_FETCH_SECONDS * 1000L;
    pages->terms = (struct http_terms){.headers = {AZURE_VERSION_HEADER},
                                       .secret = order->access && order->access->sas,
                                       .refused = on_refusal,
                                       .arg = pages};
    pages->timer = (struct loop_timer){.fire = ask, .arg = pages};
    if (!azure_access_judge(order->access, wall_seconds(client), &pages->error))
        pages->timer.fire = fail;
    loop_timer_set(client->loop, &pages->timer, 0);
    return pages;
}

void azure_pages_cancel(struct azure_pages *pages)
{
    if (pages->fetch)
        http_source.cancel(pages->fetch);
    free_pages(pages);
}

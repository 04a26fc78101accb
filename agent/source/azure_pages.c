#include "agent/source/azure_pages.h"

#include "agent/source/azure_access.h"
#include "agent/source/azure_call.h"
#include "agent/source/client.h"

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
    struct azure_call *call; /* NULL: none runs */
    struct azure_names *names;
    struct loop_timer timer;
    char *marker;  /* of the page asked for; NULL: the first */
    char *seen;    /* of an earlier page, each power of two: a circle comes back to it */
    size_t count;  /* pages asked for */
    int64_t until; /* monotonic ms */
    bool refused;  /* `error` says why */
    struct error error;
};

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
    free(pages->seen);
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

static enum source_take on_bytes(void *arg, const char *bytes, size_t len)
{
    struct azure_pages *pages = arg;
    pages->refused = !azure_names_feed(pages->names, bytes, len, &pages->error);
    return pages->refused ? SOURCE_ENOUGH : SOURCE_TAKEN;
}

static void ask(void *arg);

static bool turn_page(struct azure_pages *pages, struct error *err)
{
    char *next;
    if (!azure_names_finish(pages->names, &next, err))
        return false;
    bool again = pages->seen && *next && strcmp(next, pages->seen) == 0;
    free(pages->marker);
    pages->marker = next;
    if (again)
        return error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL,
                         "says with a page of its list that one follows which was there before");
    if ((pages->count & (pages->count - 1)) == 0) {
        free(pages->seen);
        pages->seen = mem_copy_string(next);
    }
    return pages->count < LIMIT_LIST_PAGES ||
           error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL,
                     "lists more than %d pages of blobs", LIMIT_LIST_PAGES);
}

static void on_done(void *arg, const struct source_result *result)
{
    struct azure_pages *pages = arg;
    pages->call = NULL;
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
    int64_t left = pages->until - monotonic(pages->client);
    const struct azure_call_order order = {
        .url = pages->container_url,
        .query = query,
        .access = pages->order.access,
        .most = LIMIT_LISTING_BYTES,
        .within_ms = left > 0 ? left : 1,
        .stall_ms = pages->order.stall_ms,
        .past_caches = pages->order.past_caches,
        .bytes = on_bytes,
        .done = on_done,
        .arg = pages,
    };
    azure_names_close(pages->names);
    pages->names = azure_names_open(pages->order.take, pages->order.take_arg);
    pages->count++;
    pages->call = azure_call_start(pages->client, &order);
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
    pages->timer = (struct loop_timer){.fire = ask, .arg = pages};
    if (!azure_access_judge(order->access, source_client_wall(client), &pages->error))
        pages->timer.fire = fail;
    loop_timer_set(client->loop, &pages->timer, 0);
    return pages;
}

void azure_pages_cancel(struct azure_pages *pages)
{
    if (pages->call)
        azure_call_cancel(pages->call);
    free_pages(pages);
}

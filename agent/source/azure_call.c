#include "agent/source/azure_call.h"

#include "agent/source/azure_access.h"
#include "agent/source/client.h"
#include "agent/source/http.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <stdlib.h>

struct azure_call {
    struct source_client *client;
    struct azure_call_order order;
    struct http_terms terms;
    struct source_document document;
    struct source_fetch *fetch;
};

static void on_begin(void *arg, int64_t start, bool whole, const char *etag)
{
    (void)arg, (void)start, (void)whole, (void)etag;
}

static enum source_take on_bytes(void *arg, const char *bytes, size_t len)
{
    const struct azure_call_order *order = &((struct azure_call *)arg)->order;
    return order->bytes ? order->bytes(order->arg, bytes, len) : SOURCE_TAKEN;
}

static void on_refused(void *arg, const struct http_reply *reply, const char *page, size_t len,
                       struct source_result *result)
{
    const struct azure_call *call = arg;
    azure_access_explain(call->order.access, source_client_wall(call->client), reply, page, len,
                         result);
}

static void on_done(void *arg, const struct source_result *result)
{
    struct azure_call *call = arg;
    struct azure_call_order order = call->order;
    free(call);
    order.done(order.arg, result);
}

static void set_terms(struct azure_call *call, const struct azure_call_order *order)
{
    call->terms = (struct http_terms){.headers = {AZURE_VERSION_HEADER},
                                      .secret = order->access && order->access->sas,
                                      .method = order->method,
                                      .body = order->body,
                                      .body_len = order->body_len,
                                      .refused = on_refused,
                                      .arg = call};
    for (size_t i = 0; i < AZURE_CALL_HEADERS && order->headers[i]; i++)
        call->terms.headers[i + 1] = order->headers[i];
    call->document = (struct source_document){
        .most = order->most ? order->most : LIMIT_HEADER_BYTES,
        .within_ms = order->within_ms ? order->within_ms : LIMIT_FETCH_SECONDS * 1000L,
    };
}

struct azure_call *azure_call_start(struct source_client *client,
                                    const struct azure_call_order *order)
{
    struct azure_call *call = mem_zero(1, sizeof *call);
    char *url = azure_access_url(order->url, order->query, order->access);
    call->client = client;
    call->order = *order;
    call->order.url = call->order.query = NULL;
    set_terms(call, order);
    const struct source_request request = {
        .url = url,
        .validator = "",
        .past_caches = order->past_caches,
        .stall_ms = order->stall_ms,
        .document = &call->document,
        .terms = &call->terms,
        .begin = on_begin,
        .bytes = on_bytes,
        .done = on_done,
        .arg = call,
    };
    call->fetch = http_source.start(client, &request);
    free(url);
    return call;
}

void azure_call_cancel(struct azure_call *call)
{
    http_source.cancel(call->fetch);
    free(call);
}

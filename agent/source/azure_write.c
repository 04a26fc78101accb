#include "agent/source/azure_write.h"

#include "agent/source/azure_access.h"
#include "agent/source/client.h"
#include "agent/source/http.h"

#include "policy/base/buf.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"
#include "policy/xml.h"

#include <stdlib.h>
#include <string.h>

#define LIST_BYTES (16L * MIB) /* 100,000 blocks of a blob, which is Azure's limit */

struct azure_write {
    struct source_client *client;
    struct azure_write_order order;
    struct http_terms terms;
    struct source_document document;
    struct source_fetch *fetch;
};

static int64_t wall_seconds(const struct source_client *client)
{
    const struct clock *clock = loop_clock(client->loop);
    return clock->wall(clock->arg) / 1000;
}

static void on_begin(void *arg, int64_t start, bool whole, const char *etag)
{
    (void)arg, (void)start, (void)whole, (void)etag;
}

/* ---- one request ---- */

static enum source_take drop_bytes(void *arg, const char *bytes, size_t len)
{
    (void)arg, (void)bytes, (void)len;
    return SOURCE_TAKEN;
}

static void on_refused(void *arg, const struct http_reply *reply, const char *page, size_t len,
                       struct source_result *result)
{
    const struct azure_write *write = arg;
    azure_access_explain(write->order.access, wall_seconds(write->client), reply, page, len,
                         result);
}

static void on_written(void *arg, const struct source_result *result)
{
    struct azure_write *write = arg;
    struct azure_write_order order = write->order;
    free(write);
    order.done(order.arg, result);
}

struct azure_write *azure_write_start(struct source_client *client,
                                      const struct azure_write_order *order)
{
    struct azure_write *write = mem_zero(1, sizeof *write);
    write->client = client;
    write->order = *order;
    write->terms = (struct http_terms){.headers = {AZURE_VERSION_HEADER},
                                       .secret = order->access && order->access->sas,
                                       .method = order->method,
                                       .body = order->body,
                                       .body_len = order->body_len,
                                       .refused = on_refused,
                                       .arg = write};
    for (size_t i = 0; i < AZURE_WRITE_HEADERS && order->headers[i]; i++)
        write->terms.headers[i + 1] = order->headers[i];
    write->document = (struct source_document){.most = LIMIT_HEADER_BYTES,
                                               .within_ms = LIMIT_FETCH_SECONDS * 1000L};
    char *url = azure_access_url(order->url, order->query, order->access);
    const struct source_request request = {
        .url = url,
        .validator = "",
        .document = &write->document,
        .terms = &write->terms,
        .begin = on_begin,
        .bytes = drop_bytes,
        .done = on_written,
        .arg = write,
    };
    write->fetch = http_source.start(client, &request);
    write->order.url = write->order.query = NULL;
    free(url);
    return write;
}

void azure_write_cancel(struct azure_write *write)
{
    http_source.cancel(write->fetch);
    free(write);
}

/* ---- blocks ---- */

enum field { FIELD_NONE, FIELD_NAME, FIELD_SIZE };

struct asking {
    struct source_client *client;
    struct azure_blocks_order order;
    struct http_terms terms;
    struct source_document document;
    struct xml_reader *xml;
    size_t depth; /* of elements: BlockList, UncommittedBlocks, Block, Name */
    enum field field;
    struct buf name, size;
    bool refused;
};

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct asking *asking = arg;
    (void)err;
    asking->depth++;
    asking->field = FIELD_NONE;
    if (asking->depth == 3) {
        buf_clear(&asking->name);
        buf_clear(&asking->size);
    } else if (asking->depth == 4) {
        asking->field = strcmp(element->name, "Name") == 0   ? FIELD_NAME
                        : strcmp(element->name, "Size") == 0 ? FIELD_SIZE
                                                             : FIELD_NONE;
    }
    return true;
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    struct asking *asking = arg;
    struct buf *to = asking->field == FIELD_NAME   ? &asking->name
                     : asking->field == FIELD_SIZE ? &asking->size
                                                   : NULL;
    (void)err;
    if (to && to->len + len <= 128)
        buf_append(to, text, len);
    return true;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    struct asking *asking = arg;
    struct azure_block block = {.id = asking->name.data};
    (void)name, (void)err;
    if (asking->depth == 3 && asking->name.len && asking->size.len &&
        text_to_int(asking->size.data, 0, INT64_MAX, &block.size))
        asking->order.take(asking->order.arg, &block);
    asking->depth--;
    asking->field = FIELD_NONE;
    return true;
}

static enum source_take read_blocks(void *arg, const char *bytes, size_t len)
{
    struct asking *asking = arg;
    struct error ignored;
    asking->refused = !xml_feed(asking->xml, bytes, len, &ignored);
    return asking->refused ? SOURCE_ENOUGH : SOURCE_TAKEN;
}

static void on_blocks(void *arg, const struct source_result *result)
{
    struct asking *asking = arg;
    struct azure_blocks_order order = asking->order;
    xml_close(asking->xml);
    buf_free(&asking->name);
    buf_free(&asking->size);
    free(asking);
    order.done(order.arg, result);
}

static void on_asking_refused(void *arg, const struct http_reply *reply, const char *page,
                              size_t len, struct source_result *result)
{
    const struct asking *asking = arg;
    azure_access_explain(asking->order.access, wall_seconds(asking->client), reply, page, len,
                         result);
}

void azure_blocks_ask(struct source_client *client, const struct azure_blocks_order *order)
{
    static const struct xml_handlers handlers = {on_start, on_end, on_text, false};
    struct asking *asking = mem_zero(1, sizeof *asking);
    asking->client = client;
    asking->order = *order;
    asking->xml = xml_open(&handlers, asking, "the list of blocks");
    asking->terms = (struct http_terms){.headers = {AZURE_VERSION_HEADER},
                                        .secret = order->access && order->access->sas,
                                        .refused = on_asking_refused,
                                        .arg = asking};
    asking->document =
        (struct source_document){.most = LIST_BYTES, .within_ms = LIMIT_FETCH_SECONDS * 1000L};
    char *url =
        azure_access_url(order->url, "comp=blocklist&blocklisttype=uncommitted", order->access);
    const struct source_request request = {
        .url = url,
        .validator = "",
        .document = &asking->document,
        .terms = &asking->terms,
        .begin = on_begin,
        .bytes = read_blocks,
        .done = on_blocks,
        .arg = asking,
    };
    asking->order.url = NULL;
    http_source.start(client, &request);
    free(url);
}

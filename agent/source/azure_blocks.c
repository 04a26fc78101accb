#include "agent/source/azure_blocks.h"

#include "agent/source/azure_call.h"

#include "policy/base/buf.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/xml.h"

#include <stdlib.h>
#include <string.h>

#define LIST_BYTES (16L * MIB) /* 100,000 blocks of a blob, which is Azure's limit */

enum field { FIELD_NONE, FIELD_NAME, FIELD_SIZE };

struct asking {
    struct azure_blocks_order order;
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

void azure_blocks_ask(struct source_client *client, const struct azure_blocks_order *order)
{
    static const struct xml_handlers handlers = {on_start, on_end, on_text, false};
    struct asking *asking = mem_zero(1, sizeof *asking);
    const struct azure_call_order call = {
        .url = order->url,
        .query = "comp=blocklist&blocklisttype=uncommitted",
        .access = order->access,
        .most = LIST_BYTES,
        .bytes = read_blocks,
        .done = on_blocks,
        .arg = asking,
    };
    asking->order = *order;
    asking->order.url = NULL;
    asking->xml = xml_open(&handlers, asking, "the list of blocks");
    azure_call_start(client, &call);
}

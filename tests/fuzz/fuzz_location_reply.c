/*
 * Bytes as a file that holds a ContentLocationReply. The first byte says which content is asked for
 * and how the rest is written: as it is, or widened to UTF-16, so that one corpus serves all three
 * encodings.
 */
#include "agent/location/reply.h"

#include "policy/base/buf.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define NAMED      0x01
#define LITTLE     0x02
#define BIG        0x04
#define CONTENT_ID "PS100001"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool fact)
{
    if (!fact)
        abort();
}

static void widen(struct buf *out, const uint8_t *data, size_t size, bool is_big)
{
    buf_append(out, is_big ? "\xFE\xFF" : "\xFF\xFE", 2);
    for (size_t i = 0; i < size; i++) {
        const uint8_t pair[] = {is_big ? 0 : data[i], is_big ? data[i] : 0};
        buf_append(out, pair, sizeof pair);
    }
}

static void require_text(const char *text)
{
    require(!text || text_is_utf8(text, strlen(text)));
}

/* What a caller may rely on. */
static void check_record(const struct location_reply *reply,
                         const struct location_reply_record *record)
{
    require(record->dp && text_is_host(record->dp) && record->site < reply->site_count);
    require(!record->locality_known || record->locality < LOCALITY_COUNT);
    require(record->line >= reply->line && record->kind <= REPLY_UNKNOWN);
    bool has_web = false;
    for (size_t i = 0; i < record->url_count; i++) {
        require(record->urls[i].smb || !strpbrk(record->urls[i].text, "?#"));
        require_text(record->urls[i].text);
        require_text(record->urls[i].folder);
        has_web = has_web || !record->urls[i].smb;
    }
    require(has_web == (record->url != NULL));
    for (size_t i = 0; i < record->subnet_count; i++)
        require_text(record->subnets[i]);
    require_text(record->signature);
    require_text(record->reported);
    require_text(record->ad_site);
    require_text(record->version);
}

static void read_reply(const char *bytes, size_t len, const char *content_id)
{
    struct location_reply reply;
    struct error err = {0};
    if (!location_reply_read(&reply, bytes, len, content_id, "fuzz", &err)) {
        require(err.kind == ERROR_INPUT && err.blame == BLAME_DATA && err.code[0]);
        require(text_is_utf8(err.text, strlen(err.text)));
        return;
    }
    require(reply.replies_in_file > reply.empty_after && reply.line > 0);
    require(content_id || !reply.content_assumed);
    for (size_t i = 0; i < reply.record_count; i++)
        check_record(&reply, &reply.records[i]);
    location_reply_free(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf wide = {0};
    if (size == 0)
        return 0;
    const char *content_id = data[0] & NAMED ? CONTENT_ID : NULL;
    if (data[0] & (LITTLE | BIG)) {
        widen(&wide, data + 1, size - 1, data[0] & BIG);
        read_reply(wide.data, wide.len, content_id);
        buf_free(&wide);
    } else {
        read_reply((const char *)data + 1, size - 1, content_id);
    }
    return 0;
}

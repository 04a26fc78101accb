#include "agent/source/policy_point.h"

#include "agent/source/http.h"
#include "policy/base/limits.h"

#include <stdio.h>
#include <string.h>

struct getting {
    struct policy_point_reply *reply;
    struct source_result result;
    bool done;
};

static void on_begin(void *arg, int64_t start, const char *etag)
{
    (void)start;
    struct getting *getting = arg;
    snprintf(getting->reply->etag, sizeof getting->reply->etag, "%s", etag);
}

static bool on_bytes(void *arg, const char *bytes, size_t len)
{
    struct getting *getting = arg;
    buf_append(&getting->reply->body, bytes, len);
    return true;
}

static void on_done(void *arg, const struct source_result *result)
{
    struct getting *getting = arg;
    getting->result = *result;
    getting->done = true;
}

/* What is refused for what it is, not for how it came. */
static bool is_refused(const struct error *err)
{
    return strcmp(err->code, "TOO_LARGE") == 0 || strcmp(err->code, "REDIRECT") == 0;
}

bool policy_point_get(struct loop *loop, struct source_client *client, const char *url,
                      const char *etag, struct policy_point_reply *reply, struct error *err)
{
    *reply = (struct policy_point_reply){0};
    struct getting getting = {.reply = reply};
    const struct source_document document = {
        .most = LIMIT_DOCUMENT_BYTES,
        .if_none_match = etag,
        .within_ms = LIMIT_FETCH_SECONDS * 1000L,
    };
    const struct source_request request = {
        .url = url,
        .validator = "",
        .document = &document,
        .begin = on_begin,
        .bytes = on_bytes,
        .done = on_done,
        .arg = &getting,
    };
    struct source_fetch *fetch = http_source.start(client, &request);
    bool ok = true;
    while (ok && !getting.done)
        ok = loop_turn(loop, 1000, err);
    if (!ok)
        http_source.cancel(fetch);
    if (ok && getting.result.ok) {
        reply->not_modified = getting.result.not_modified;
        return true;
    }
    if (ok) {
        *err = getting.result.error;
        err->kind = is_refused(err) ? ERROR_INPUT : ERROR_FAILED;
    }
    policy_point_free(reply);
    return false;
}

void policy_point_free(struct policy_point_reply *reply)
{
    buf_free(&reply->body);
    *reply = (struct policy_point_reply){0};
}

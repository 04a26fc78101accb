#include "agent/source/policy_point.h"

#include "agent/source/http.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct getting {
    struct policy_point_reply *reply;
    struct source_result result;
    bool done;
};

static void on_begin(void *arg, int64_t start, bool whole, const char *etag)
{
    (void)start;
    (void)whole;
    struct getting *getting = arg;
    snprintf(getting->reply->etag, sizeof getting->reply->etag, "%s", etag);
}

static enum source_take on_bytes(void *arg, const char *bytes, size_t len)
{
    struct getting *getting = arg;
    buf_append(&getting->reply->body, bytes, len);
    return SOURCE_TAKEN;
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
                      const char *etag, int64_t within_ms, struct policy_point_reply *reply,
                      struct error *err)
{
    const int64_t longest = LIMIT_FETCH_SECONDS * 1000L;
    *reply = (struct policy_point_reply){0};
    struct getting getting = {.reply = reply};
    const struct source_document document = {
        .most = LIMIT_DOCUMENT_BYTES,
        .if_none_match = etag,
        .within_ms = within_ms < longest ? within_ms : longest,
        .url = &reply->url,
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
    free(reply->url);
    *reply = (struct policy_point_reply){0};
}

/* The literal stands for scheme, host and port of the policy point, so that https stays https. */
static char *replace_literal(const char *point, const char *location)
{
    static const char *const literals[] = {"http://<mp>", "https://<mp>"};
    const char *host = strstr(point, "://") + 3;
    int origin = (int)(host - point + (ptrdiff_t)strcspn(host, "/?#"));
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(literals[i]);
        if (strncasecmp(location, literals[i], len) == 0)
            return mem_format("%.*s%s", origin, point, location + len);
    }
    return mem_copy_string(location);
}

/* Why this may not be where policy comes from, or NULL. */
static const char *find_fault(CURLU *point, CURLU *url)
{
    char *user = NULL;
    const char *why = NULL;
    if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK)
        why = "names a user";
    else if (!http_same_place(point, url))
        why = "is another place than the policy point's, or leaves https";
    curl_free(user);
    return why;
}

char *policy_point_url(const char *point, const char *location, const char *where,
                       struct error *err)
{
    char *literal = replace_literal(point, location), *absolute = NULL, *result = NULL;
    CURLU *base = curl_url(), *url = curl_url();
    const char *why = NULL;
    if (curl_url_set(base, CURLUPART_URL, point, 0) || curl_url_set(url, CURLUPART_URL, point, 0) ||
        curl_url_set(url, CURLUPART_URL, literal, 0) ||
        curl_url_get(url, CURLUPART_URL, &absolute, 0))
        why = "is no URL";
    else
        why = find_fault(base, url);
    if (why)
        error_set(err, ERROR_INPUT, BLAME_POLICY, "LOCATION", where,
                  "the location of a policy %s; policy never comes from elsewhere", why);
    else
        result = mem_copy_string(absolute);
    curl_free(absolute);
    curl_url_cleanup(base);
    curl_url_cleanup(url);
    free(literal);
    return result;
}

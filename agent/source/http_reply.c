#include "agent/source/http_reply.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

static void forget_head(struct http_reply *reply)
{
    size_t seen = reply->header_bytes;
    *reply =
        (struct http_reply){.length = -1, .retry_after_ms = -1, .date = -1, .header_bytes = seen};
}

void http_reply_init(struct http_reply *reply)
{
    reply->header_bytes = 0;
    forget_head(reply);
}

/* "HTTP/1.1 206 Partial Content" */
static int parse_status(const char *line, size_t len)
{
    const char *blank = memchr(line, ' ', len);
    if (!blank || len - (size_t)(blank - line) < 4)
        return -1;
    int status = 0;
    for (int i = 1; i <= 3; i++) {
        if (blank[i] < '0' || blank[i] > '9')
            return -1;
        status = status * 10 + blank[i] - '0';
    }
    return status;
}

bool http_says_too_many(const char *text, size_t len)
{
    static const char sign[] = "403.9";
    const size_t sign_len = sizeof sign - 1;
    for (size_t i = 0; i + sign_len <= len; i++) {
        bool more = i + sign_len < len && text[i + sign_len] >= '0' && text[i + sign_len] <= '9';
        if (memcmp(text + i, sign, sign_len) == 0 && !more)
            return true;
    }
    return false;
}

static void take_length(struct http_reply *reply, const char *value)
{
    int64_t length;
    if (!text_to_int(value, 0, INT64_MAX, &length) ||
        (reply->length >= 0 && reply->length != length))
        reply->length_bad = true;
    else
        reply->length = length;
}

/* "bytes 100-199/5000" or with "*" for the total. */
static void take_range(struct http_reply *reply, const char *value)
{
    char text[96];
    if (strncasecmp(value, "bytes ", 6) != 0 || strlen(value + 6) >= sizeof text)
        return;
    snprintf(text, sizeof text, "%s", value + 6);
    char *dash = strchr(text, '-');
    char *slash = dash ? strchr(dash, '/') : NULL;
    if (!slash)
        return;
    *dash = *slash = '\0';
    reply->range_total = -1;
    reply->has_range =
        text_to_int(text, 0, INT64_MAX, &reply->range_first) &&
        text_to_int(dash + 1, 0, INT64_MAX, &reply->range_last) &&
        (strcmp(slash + 1, "*") == 0 || text_to_int(slash + 1, 0, INT64_MAX, &reply->range_total));
}

/* Seconds or a date; nonsense and the past count as now, the absurd as 68 years. */
static void take_retry_after(struct http_reply *reply, const char *value, time_t now)
{
    int64_t seconds = 0;
    bool digits = *value && strspn(value, "0123456789") == strlen(value);
    if (!digits) {
        time_t date = curl_getdate(value, NULL);
        seconds = date > now ? (int64_t)date - now : 0;
    } else if (!text_to_int(value, 0, INT32_MAX, &seconds)) {
        seconds = INT32_MAX;
    }
    reply->retry_after_ms = seconds * 1000;
}

/* "text/html; charset=utf-8" */
static bool is_page_type(const char *value)
{
    static const char *const types[] = {"text/html", "application/xhtml+xml"};
    size_t len = strcspn(value, "; \t,");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (len == strlen(types[i]) && strncasecmp(value, types[i], len) == 0)
            return true;
    return false;
}

static void take_text(char *out, size_t size, const char *value)
{
    if (strlen(value) < size)
        snprintf(out, size, "%s", value);
}

/* "origin;received-status=502, proxy.test;error=dns_error": the last is the one next to us. A
   quoted text may hold anything. */
static void take_proxy_status(struct http_reply *reply, const char *value)
{
    bool quoted = false, failed = false;
    for (const char *c = value; *c; c++) {
        if (quoted && *c == '\\' && c[1])
            c++;
        else if (*c == '"')
            quoted = !quoted;
        else if (!quoted && *c == ',')
            failed = false;
        else if (!quoted && *c == ';')
            failed = failed || strncmp(c + 1 + strspn(c + 1, " "), "error=", 6) == 0;
    }
    reply->proxy_made = failed;
    reply->proxy_relayed = !failed;
}

/* What proxies call themselves on their own pages. */
static bool is_proxy_name(const char *value)
{
    return strncasecmp(value, "tinyproxy", 9) == 0 || strncasecmp(value, "squid", 5) == 0;
}

static void take_proxy_field(struct http_reply *reply, const char *name, const char *value)
{
    if (text_equal(name, "Via"))
        reply->via = true;
    else if (text_equal(name, "Proxy-Status"))
        take_proxy_status(reply, value);
    else if (text_equal(name, "X-Squid-Error") ||
             (text_equal(name, "Server") && is_proxy_name(value)))
        reply->proxy_made = true;
}

bool http_reply_is_of_proxy(const struct http_reply *reply)
{
    if (reply->status < 400 || reply->status == 407)
        return reply->status == 407;
    if (reply->proxy_relayed || reply->proxy_made)
        return !reply->proxy_relayed;
    return (reply->status == 502 || reply->status == 504) && !reply->via;
}

/* Letters and digits: a code is shown, and compared. */
static void take_error_code(struct http_reply *reply, const char *value)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if (strspn(value, allowed) == strlen(value))
        take_text(reply->error_code, sizeof reply->error_code, value);
}

static void take_encryption(struct http_reply *reply, const char *value)
{
    reply->encryption_bad = strlen(value) >= sizeof reply->encryption || !text_is_plain(value);
    if (!reply->encryption_bad)
        take_text(reply->encryption, sizeof reply->encryption, value);
}

static bool take_azure_field(struct http_reply *reply, const char *name, const char *value)
{
    if (text_equal(name, "x-ms-error-code"))
        take_error_code(reply, value);
    else if (text_equal(name, "x-ms-meta-encryptiondata"))
        take_encryption(reply, value);
    else
        return false;
    return true;
}

static void take_field(struct http_reply *reply, const char *name, const char *value, time_t now)
{
    if (text_equal(name, "Content-Length"))
        take_length(reply, value);
    else if (text_equal(name, "Content-Range"))
        take_range(reply, value);
    else if (text_equal(name, "Content-Encoding"))
        reply->encoded = *value && !text_equal(value, "identity");
    else if (text_equal(name, "Content-Type"))
        reply->page = is_page_type(value);
    else if (text_equal(name, "ETag") && text_is_plain(value)) /* it goes into requests */
        take_text(reply->etag, sizeof reply->etag, value);
    else if (text_equal(name, "Last-Modified"))
        take_text(reply->last_modified, sizeof reply->last_modified, value);
    else if (text_equal(name, "Location"))
        take_text(reply->location, sizeof reply->location, value);
    else if (text_equal(name, "Retry-After"))
        take_retry_after(reply, value, now);
    else if (text_equal(name, "WWW-Authenticate"))
        http_reply_challenges(reply, value);
    else if (text_equal(name, "Date"))
        reply->date = curl_getdate(value, NULL);
    else if (!take_azure_field(reply, name, value))
        take_proxy_field(reply, name, value);
}

enum http_line http_reply_line(struct http_reply *reply, const char *line, size_t len, time_t now)
{
    char field[sizeof reply->location + 64];
    reply->header_bytes += len;
    if (reply->header_bytes > (size_t)LIMIT_HEADER_BYTES)
        return HTTP_LINE_TOO_MUCH;
    while (len && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
        len--;
    if (len == 0)
        return reply->status >= 200 ? HTTP_LINE_END : HTTP_LINE_MORE;
    if (len >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        forget_head(reply);
        reply->status = parse_status(line, len);
        reply->too_many = http_says_too_many(line, len);
        return HTTP_LINE_MORE;
    }
    if (len >= sizeof field) {
        /* None that we need is this long; one that we must not overlook may be. */
        static const char encryption[] = "x-ms-meta-encryptiondata:";
        if (strncasecmp(line, encryption, sizeof encryption - 1) == 0)
            reply->encryption_bad = true;
        return HTTP_LINE_MORE;
    }
    memcpy(field, line, len);
    field[len] = '\0';
    char *colon = strchr(field, ':');
    if (colon) {
        *colon++ = '\0';
        take_field(reply, field, colon + strspn(colon, " \t"), now);
    }
    return HTTP_LINE_MORE;
}

const char *http_reply_strong_etag(const struct http_reply *reply)
{
    return strncasecmp(reply->etag, "W/", 2) == 0 ? "" : reply->etag;
}

const char *http_reply_validator(const struct http_reply *reply)
{
    const char *etag = http_reply_strong_etag(reply);
    return *etag ? etag : reply->last_modified;
}

static struct http_judgement refuse(struct error *err, const char *code, bool retry, bool no_range,
                                    const char *text)
{
    error_set(err, ERROR_FAILED, BLAME_SOURCE, code, NULL, "%s", text);
    return (struct http_judgement){.verdict = HTTP_REFUSE, .retry = retry, .no_range = no_range};
}

bool http_reply_is_portal(const struct http_reply *reply, const struct http_wanted *wanted)
{
    return reply->status == 200 && reply->page && !wanted->page;
}

static struct http_judgement refuse_portal(struct error *err, const char *text)
{
    struct http_judgement judgement = refuse(err, "PORTAL", true, false, text);
    judgement.portal = true;
    return judgement;
}

static struct http_judgement refuse_length(const struct http_reply *reply,
                                           const struct http_wanted *wanted, struct error *err)
{
    char text[200];
    long long length = (long long)reply->length, size = (long long)wanted->size;
    if (http_reply_is_portal(reply, wanted)) {
        snprintf(text, sizeof text,
                 "answers with a web page of %lld bytes instead of the file of %lld bytes (a "
                 "captive portal or a login page?)",
                 length, size);
        return refuse_portal(err, text);
    }
    snprintf(text, sizeof text, "declares %lld bytes, %s than the %lld of the manifest", length,
             length < size ? "shorter" : "longer", size);
    return refuse(err, length < size ? "TOO_SHORT" : "TOO_LONG", false, false, text);
}

bool http_wanted_is_range(const struct http_wanted *wanted)
{
    return wanted->offset > 0 || wanted->end < wanted->size;
}

static struct http_judgement judge_whole(const struct http_reply *reply,
                                         const struct http_wanted *wanted, struct error *err)
{
    if (reply->length >= 0 && reply->length != wanted->size)
        return refuse_length(reply, wanted, err);
    /* To take it for the file would cost what there is of it. */
    if (reply->length < 0 && wanted->offset > 0 && http_reply_is_portal(reply, wanted))
        return refuse_portal(err, "answers with a web page instead of the rest of the file (a "
                                  "captive portal or a login page?)");
    if (wanted->range_only && http_wanted_is_range(wanted))
        return refuse(err, "RANGE", true, true,
                      "answers with the whole file where a part was asked");
    return (struct http_judgement){.verdict = HTTP_USE, .end = wanted->size, .whole = true};
}

static struct http_judgement refuse_range(const struct http_reply *reply,
                                          const struct http_wanted *wanted, struct error *err)
{
    char text[200];
    snprintf(text, sizeof text, "answers bytes %lld-%lld/%lld where %lld-%lld/%lld was asked",
             (long long)reply->range_first, (long long)reply->range_last,
             (long long)reply->range_total, (long long)wanted->offset, (long long)wanted->end - 1,
             (long long)wanted->size);
    return refuse(err, "RANGE", true, true, text);
}

/* 206: the right range, the right total, the same version as what we have. */
static struct http_judgement judge_part(const struct http_reply *reply,
                                        const struct http_wanted *wanted, struct error *err)
{
    if (!http_wanted_is_range(wanted))
        return refuse(err, "RANGE", false, false, "answers 206 to a request without a range");
    if (!reply->has_range)
        return refuse(err, "RANGE", true, true, "answers 206 without a usable Content-Range");
    if (reply->range_first != wanted->offset || reply->range_last != wanted->end - 1 ||
        reply->range_total != wanted->size ||
        (reply->length >= 0 && reply->length != wanted->end - wanted->offset))
        return refuse_range(reply, wanted, err);
    const char *now = http_reply_validator(reply);
    if (*wanted->validator && *now && strcmp(wanted->validator, now) != 0)
        return refuse(err, "CHANGED", true, true, "has another version of the file than before");
    return (struct http_judgement){
        .verdict = HTTP_USE, .start = wanted->offset, .end = wanted->end};
}

static bool may_pass(int status)
{
    static const int passing[] = {408, 429, 500, 502, 503, 504, 522, 524};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if (passing[i] == status)
            return true;
    return false;
}

static struct http_judgement judge_status(const struct http_reply *reply, struct error *err)
{
    char text[160], code[16];
    if (reply->status < 100)
        return refuse(err, "HTTP_RUBBISH", false, false, "answers with a status line that is none");
    bool too_many = reply->status == 403 && reply->too_many;
    snprintf(text, sizeof text, "answers HTTP status %d%s", reply->status,
             too_many ? ".9 (too many users)" : "");
    snprintf(code, sizeof code, "HTTP_%d", reply->status);
    if (reply->status == 401 && !reply->negotiate && reply->offered[0])
        snprintf(text, sizeof text,
                 "answers HTTP status 401 and offers %s only, which nearpoint does not speak",
                 reply->offered);
    /* 416: what it has is shorter than what we have of it. */
    bool no_range = reply->status == 416;
    bool retry = may_pass(reply->status) || no_range || too_many;
    struct http_judgement judgement = refuse(err, code, retry, no_range, text);
    judgement.full = too_many || reply->status == 503;
    return judgement;
}

struct http_judgement http_reply_judge_done(const struct http_reply *reply, struct error *err)
{
    if (reply->status >= 200 && reply->status < 300)
        return (struct http_judgement){.verdict = HTTP_USE, .end = LIMIT_HEADER_BYTES};
    return judge_status(reply, err);
}

static bool is_redirect(const struct http_reply *reply)
{
    bool redirect = reply->status == 301 || reply->status == 302 || reply->status == 303 ||
                    reply->status == 307 || reply->status == 308;
    return redirect && reply->location[0];
}

static struct http_judgement refuse_no_listing(const struct http_reply *reply, struct error *err)
{
    if (reply->page)
        return refuse_portal(err, "answers PROPFIND with a web page (a captive portal or a login "
                                  "page?)");
    return refuse(err, "LISTING", false, false,
                  "answers PROPFIND with something else than a WebDAV listing");
}

struct http_judgement http_reply_judge_document(const struct http_reply *reply,
                                                const struct http_wanted_document *wanted,
                                                struct error *err)
{
    char text[160];
    if (is_redirect(reply))
        return (struct http_judgement){.verdict = HTTP_REDIRECT};
    if (reply->status == 304 && wanted->conditional)
        return (struct http_judgement){.verdict = HTTP_KNOWN};
    if (reply->status == 200 && wanted->listing)
        return refuse_no_listing(reply, err);
    if (reply->status != (wanted->listing ? 207 : 200))
        return judge_status(reply, err);
    if (reply->encoded)
        return refuse(err, "ENCODED", false, false,
                      "sends a Content-Encoding that was not asked for");
    if (reply->length_bad)
        return refuse(err, "LENGTH", false, false, "declares a Content-Length that is none");
    if (reply->length <= wanted->most)
        return (struct http_judgement){.verdict = HTTP_USE, .end = wanted->most, .whole = true};
    snprintf(text, sizeof text, "declares %lld bytes, more than the %lld that a document may have",
             (long long)reply->length, (long long)wanted->most);
    return refuse(err, "TOO_LARGE", false, false, text);
}

struct http_judgement http_reply_judge(const struct http_reply *reply,
                                       const struct http_wanted *wanted, struct error *err)
{
    if (is_redirect(reply))
        return (struct http_judgement){.verdict = HTTP_REDIRECT};
    if (reply->status != 200 && reply->status != 206)
        return judge_status(reply, err);
    if (reply->encoded)
        return refuse(err, "ENCODED", false, false,
                      "sends a Content-Encoding that was not asked for");
    if (reply->length_bad)
        return refuse(err, "LENGTH", false, false, "declares a Content-Length that is none");
    return reply->status == 200 ? judge_whole(reply, wanted, err) : judge_part(reply, wanted, err);
}

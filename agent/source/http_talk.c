/* libcurl's callbacks: judge the head, hand on the bytes, and say what it came to. */
#include "agent/source/http_certificate.h"
#include "agent/source/http_error.h"
#include "agent/source/http_fetch.h"
#include "agent/source/http_proxy.h"
#include "agent/source/http_terms.h"

#include "policy/base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* ---- the head ---- */

/* Also called for a connection that was kept, and again where a kept one turns out to be dead. */
static int on_connected(void *arg, char *address, char *own_address, int port, int own_port)
{
    (void)address, (void)own_address, (void)port, (void)own_port;
    struct source_fetch *fetch = arg;
    http_fetch_enter(fetch, HTTP_PHASE_ANSWER);
    return CURL_PREREQFUNC_OK;
}

/* libcurl does not tell its own lack of a socket from a source's refusal. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct source_fetch *fetch = arg;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->protocol);
    bool lack = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (fd < 0 && lack)
        fetch->lack = errno;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Who asked corrects what is wanted, by what the head says of it. */
static bool look_at_head(struct source_fetch *fetch)
{
    const struct http_terms *terms = fetch->request.terms;
    int status = fetch->reply.status;
    if (!terms || !terms->head || (status != 200 && status != 206))
        return true;
    return terms->head(terms->arg, &fetch->reply, &fetch->wanted, &fetch->result.error);
}

static struct http_judgement judge_reply(struct source_fetch *fetch)
{
    const struct source_document *document = fetch->request.document;
    if (fetch->request.terms && fetch->request.terms->method)
        return http_reply_judge_done(&fetch->reply, &fetch->result.error);
    if (!look_at_head(fetch))
        return (struct http_judgement){.verdict = HTTP_REFUSE};
    if (document) {
        const struct http_wanted_document wanted = {
            .most = document->most,
            .conditional = document->if_none_match != NULL,
            .listing = document->depth != NULL,
        };
        return http_reply_judge_document(&fetch->reply, &wanted, &fetch->result.error);
    }
    return http_reply_judge(&fetch->reply, &fetch->wanted, &fetch->result.error);
}

/* It will not let any request pass. */
static void fail_password(struct source_fetch *fetch)
{
    bool system = strcmp(fetch->client->options->proxy, "system") == 0;
    const char *where =
        system ? "the environment's http_proxy, https_proxy" : "the settings file's 'proxy'";
    char text[200];
    if (http_proxy_has_password(fetch->proxy))
        snprintf(text, sizeof text, "the proxy does not accept the user name and password of %s",
                 where);
    else
        snprintf(text, sizeof text,
                 "the proxy wants a user name and a password: http://USER:PASSWORD@HOST:PORT in %s",
                 where);
    http_fetch_fail(fetch, BLAME_PROXY, "PROXY_PASSWORD", false, text);
}

/* Another source may be let through. */
static void fail_proxy(struct source_fetch *fetch, bool retry, const char *text)
{
    http_fetch_fail(fetch, BLAME_PROXY, "PROXY", retry, text);
    fetch->result.way = false;
    fetch->result.retry_after_ms = fetch->reply.retry_after_ms;
}

static bool is_relayed(const struct source_fetch *fetch)
{
    return http_proxy_relays(fetch->proxy, fetch->url);
}

/* The proxy's own answer; false where it is the source's. */
static bool refuse_proxy(struct source_fetch *fetch, const struct http_judgement *judgement)
{
    char text[80];
    if (!fetch->proxy || !is_relayed(fetch) || !http_reply_is_of_proxy(&fetch->reply))
        return false;
    snprintf(text, sizeof text, "the proxy itself answers HTTP status %d", fetch->reply.status);
    /* tinyproxy says 401 of a password that is wrong */
    if (fetch->reply.status == 407 || fetch->reply.status == 401)
        fail_password(fetch);
    else
        fail_proxy(fetch, judgement->retry, text);
    return true;
}

static void refuse(struct source_fetch *fetch, const struct http_judgement *judgement)
{
    if (refuse_proxy(fetch, judgement) || http_auth_challenged(fetch))
        return;
    if (judgement->portal && is_relayed(fetch))
        fetch->result.error.blame = BLAME_PROXY;
    fetch->result.retry = judgement->retry;
    fetch->result.no_range = judgement->no_range;
    fetch->result.full = judgement->full;
    fetch->result.portal = judgement->portal;
    fetch->result.retry_after_ms = fetch->reply.retry_after_ms;
    fetch->result.status = fetch->reply.status;
    /* IIS says on the page, not in the head, that its connections are taken; nginx and IIS, that
       they want a certificate. */
    int status = fetch->reply.status;
    bool explains = fetch->request.terms && fetch->request.terms->refused && status >= 400;
    if (explains ||
        ((status == 403 || status == 400) && !judgement->full && !fetch->request.document))
        http_fetch_enter(fetch, HTTP_PHASE_REFUSAL);
    else
        fetch->failed = true;
}

static void begin_body(struct source_fetch *fetch, const struct http_judgement *judgement)
{
    http_fetch_enter(fetch, HTTP_PHASE_BODY);
    fetch->start = judgement->start;
    fetch->end = judgement->end;
    fetch->result.not_modified = judgement->verdict == HTTP_KNOWN;
    if (fetch->result.not_modified)
        return;
    const char *validator =
        fetch->request.document ? fetch->reply.etag : http_reply_validator(&fetch->reply);
    fetch->client->in_callback++;
    fetch->request.begin(fetch->request.arg, judgement->start, judgement->whole, validator);
    fetch->client->in_callback--;
}

static void judge(struct source_fetch *fetch)
{
    struct http_judgement judgement = judge_reply(fetch);
    if (judgement.verdict == HTTP_REDIRECT)
        fetch->redirecting = true;
    else if (judgement.verdict == HTTP_REFUSE)
        refuse(fetch, &judgement);
    else
        begin_body(fetch, &judgement);
}

/* A long body is no silence while it goes out. */
int http_talk_uploaded(void *arg, curl_off_t total, curl_off_t got, curl_off_t to_send,
                       curl_off_t sent)
{
    struct source_fetch *fetch = arg;
    (void)total, (void)got, (void)to_send;
    if (sent != fetch->sent)
        fetch->last_moved = http_fetch_now(fetch);
    fetch->sent = sent;
    return 0;
}

/* Nothing more is wanted of libcurl. */
static bool is_over(const struct source_fetch *fetch)
{
    return fetch->failed || fetch->enough || fetch->cancelled;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct source_fetch *fetch = arg;
    size_t len = size * count;
    if (is_over(fetch))
        return 0;
    fetch->last_moved = http_fetch_now(fetch);
    if (fetch->phase == HTTP_PHASE_ANSWER)
        http_fetch_enter(fetch, HTTP_PHASE_HEAD);
    const struct clock *clock = loop_clock(fetch->client->loop);
    switch (http_reply_line(&fetch->reply, line, len, clock->wall(clock->arg) / 1000)) {
    case HTTP_LINE_MORE: break;
    case HTTP_LINE_TOO_MUCH:
        http_fetch_fail(fetch, BLAME_SOURCE, "HEADERS", false, "sends more than 64 KiB of headers");
        break;
    case HTTP_LINE_END:
        if (fetch->phase == HTTP_PHASE_HEAD && !fetch->redirecting && !fetch->auth.wanted)
            judge(fetch);
        break;
    }
    return is_over(fetch) ? 0 : len;
}

/* ---- the body ---- */

static void fail_portal(struct source_fetch *fetch, const char *how_long, int64_t length)
{
    char text[200];
    snprintf(text, sizeof text,
             "answers with a web page of %s%lld bytes instead of the file of %lld bytes (a "
             "captive portal or a login page?)",
             how_long, (long long)length, (long long)fetch->request.size);
    http_fetch_fail(fetch, is_relayed(fetch) ? BLAME_PROXY : BLAME_SOURCE, "PORTAL", true, text);
    fetch->result.way = false;
    fetch->result.portal = true;
}

/* Its length was not known before. */
static bool is_portal(const struct source_fetch *fetch)
{
    return !fetch->request.document && fetch->reply.length < 0 &&
           http_reply_is_portal(&fetch->reply, &fetch->wanted);
}

static void fail_long(struct source_fetch *fetch)
{
    if (fetch->request.document)
        http_fetch_fail(fetch, BLAME_SOURCE, "TOO_LARGE", false,
                        "sends more bytes than a document may have");
    else if (is_portal(fetch))
        fail_portal(fetch, "more than ", fetch->request.size);
    else
        http_fetch_fail(fetch, BLAME_SOURCE, "TOO_LONG", false,
                        fetch->end < fetch->request.size
                            ? "sends more bytes than were asked for"
                            : "sends more bytes than the manifest says");
}

/* The page of a redirect, or of a 401, is of no use; a long one is not waited for. */
static size_t skip_page(struct source_fetch *fetch, size_t len)
{
    fetch->received += (int64_t)len;
    return fetch->received > LIMIT_HEADER_BYTES ? 0 : len;
}

static size_t keep_refusal(struct source_fetch *fetch, const char *bytes, size_t len)
{
    size_t room = sizeof fetch->page - fetch->page_len;
    size_t kept = len < room ? len : room;
    memcpy(fetch->page + fetch->page_len, bytes, kept);
    fetch->page_len += kept;
    return kept == room ? 0 : len;
}

bool http_talk_ends_here(const struct source_fetch *fetch)
{
    return fetch->reply.length >= 0 && fetch->start + fetch->received == fetch->end;
}

static size_t hand_on(struct source_fetch *fetch, const char *bytes, size_t len)
{
    fetch->client->in_callback++;
    enum source_take take = fetch->request.bytes(fetch->request.arg, bytes, len);
    fetch->client->in_callback--;
    switch (take) {
    case SOURCE_NO_ROOM: fetch->paused = true; return CURL_WRITEFUNC_PAUSE;
    case SOURCE_ENOUGH: fetch->enough = true; break;
    case SOURCE_TAKEN: break;
    }
    fetch->received += (int64_t)len;
    return fetch->cancelled || (fetch->enough && !http_talk_ends_here(fetch)) ? 0 : len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct source_fetch *fetch = arg;
    size_t len = size * count;
    if (is_over(fetch))
        return 0;
    if (fetch->phase == HTTP_PHASE_REFUSAL)
        return keep_refusal(fetch, bytes, len);
    fetch->last_moved = http_fetch_now(fetch);
    if (fetch->redirecting || fetch->auth.wanted)
        return skip_page(fetch, len);
    if ((int64_t)len > fetch->end - fetch->start - fetch->received) {
        fail_long(fetch);
        return 0;
    }
    return hand_on(fetch, bytes, len);
}

/* ---- what it came to ---- */

/* Is all here that was asked for? */
static bool is_complete(const struct source_fetch *fetch, CURLcode code)
{
    if (fetch->enough)
        return true;
    if (fetch->phase != HTTP_PHASE_BODY)
        return false;
    if (fetch->request.document)
        return code == CURLE_OK;
    return fetch->start + fetch->received == fetch->end;
}

/* libcurl does not tell TLS's own good-bye from a connection that was cut: through a proxy a cut is
   the proxy's. What ends in order ends as the source says. */
static void fail_short(struct source_fetch *fetch, CURLcode code)
{
    char text[128];
    int64_t wanted = fetch->request.document ? fetch->reply.length : fetch->end;
    if (is_portal(fetch)) {
        fail_portal(fetch, "", fetch->received);
        return;
    }
    snprintf(text, sizeof text, "%sended after %lld of %lld bytes",
             fetch->proxy && code != CURLE_OK ? "the proxy's connection " : "",
             (long long)(fetch->start + fetch->received), (long long)wanted);
    http_fetch_fail(fetch, BLAME_SOURCE, "TOO_SHORT", true, text);
    if (fetch->proxy && code != CURLE_OK)
        fetch->result.error.blame = BLAME_PROXY;
}

static struct http_failure failure_of(struct source_fetch *fetch, CURLcode code)
{
    const struct source_options *options = fetch->client->options;
    bool shown = !fetch->elsewhere, relayed = is_relayed(fetch);
    long tunnel = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
    bool to_proxy = fetch->proxy && strncasecmp(fetch->proxy, "https:", 6) == 0;
    return (struct http_failure){
        .easy = fetch->easy,
        .code = code,
        .detail = fetch->detail,
        .secure = strncasecmp(fetch->url, "https:", 6) == 0,
        .proxied = fetch->proxy != NULL,
        .relayed = relayed,
        .proxy_tls = to_proxy && (relayed || tunnel == 0),
        .certificate = shown ? options->client_certificate : NULL,
        .key = shown ? options->client_key : NULL,
        .withheld = !shown && options->client_certificate,
    };
}

/* Does the page want a client certificate, or another? */
static bool conclude_certificate(struct source_fetch *fetch)
{
    struct http_failure failure = failure_of(fetch, CURLE_OK);
    char text[400];
    enum http_certificate what = http_certificate_judge_page(
        fetch->reply.status, fetch->page, fetch->page_len, failure.certificate != NULL);
    if (what == HTTP_CERTIFICATE_FINE)
        return false;
    http_certificate_say(what, &failure, fetch->page, fetch->page_len, text, sizeof text);
    http_fetch_fail(fetch, BLAME_SOURCE, http_certificate_code(what), false, text);
    return true;
}

static void conclude_refusal(struct source_fetch *fetch)
{
    const struct http_terms *terms = fetch->request.terms;
    fetch->failed = true;
    if (terms && terms->refused) {
        terms->refused(terms->arg, &fetch->reply, fetch->page, fetch->page_len, &fetch->result);
        return;
    }
    if (conclude_certificate(fetch) || fetch->reply.status != 403 ||
        !http_says_too_many(fetch->page, fetch->page_len))
        return;
    http_fetch_fail(fetch, BLAME_SOURCE, "HTTP_403", true,
                    "answers HTTP status 403.9 (too many users)");
    fetch->result.full = true;
    fetch->result.retry_after_ms = fetch->reply.retry_after_ms;
}

/* Nobody was asked: the source is not to blame. */
static void fail_lack(struct source_fetch *fetch)
{
    char text[128];
    snprintf(text, sizeof text, "this machine has no socket left to ask with: %s",
             strerror(fetch->lack));
    http_fetch_fail(fetch, BLAME_NONE, strerrorname_np(fetch->lack), true, text);
}

/* A proxy that lets nobody through to this host may let through to another. */
static void fail_tunnel(struct source_fetch *fetch, long status)
{
    char text[64];
    snprintf(text, sizeof text, "the proxy answers HTTP status %ld to CONNECT", status);
    if (status == 407 || status == 401)
        fail_password(fetch);
    else
        fail_proxy(fetch, status >= 500, text);
}

static void fail_code(struct source_fetch *fetch, CURLcode code)
{
    struct http_failure failure = failure_of(fetch, code);
    char text[CURL_ERROR_SIZE + 400];
    long reason = 0;
    http_error_say(&failure, text, sizeof text);
    curl_easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &reason);
    http_fetch_fail(fetch, http_error_blame(&failure), http_error_code(&failure),
                    !http_error_is_lasting(&failure), text);
    fetch->result.way = http_error_is_of_way(&failure);
    fetch->result.full = code == CURLE_COULDNT_CONNECT && reason == ECONNREFUSED && !fetch->proxy;
}

void http_talk_conclude(struct source_fetch *fetch, CURLcode code)
{
    long tunnel = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
    if (fetch->failed)
        return;
    if (is_complete(fetch, code)) {
        bool not_modified = fetch->result.not_modified;
        fetch->result =
            (struct source_result){.ok = true, .retry_after_ms = -1, .not_modified = not_modified};
    } else if (fetch->phase == HTTP_PHASE_REFUSAL) {
        conclude_refusal(fetch);
    } else if (fetch->phase == HTTP_PHASE_BODY &&
               (code == CURLE_OK || code == CURLE_PARTIAL_FILE)) {
        fail_short(fetch, code);
    } else if (code == CURLE_OK) {
        http_fetch_fail(fetch, BLAME_SOURCE, "HTTP_RUBBISH", false, "answers without a head");
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        fetch->phase = HTTP_PHASE_CONNECT; /* libcurl has no other deadline of ours */
        http_silence_fail(fetch);
    } else if (code == CURLE_COULDNT_CONNECT && fetch->lack) {
        fail_lack(fetch);
    } else if (fetch->phase == HTTP_PHASE_CONNECT && tunnel >= 300) {
        fail_tunnel(fetch, tunnel);
    } else {
        fail_code(fetch, code);
    }
}

void http_talk_done(void *arg, CURLcode code)
{
    struct source_fetch *fetch = arg;
    if (fetch->cancelled) {
        http_fetch_release(fetch);
        return;
    }
    if (fetch->redirecting && !fetch->failed) {
        const char *why = http_ask_next_hop(fetch);
        fetch->redirecting = false;
        fetch->received = 0;
        if (!why) {
            http_ask(fetch);
            return;
        }
        http_fetch_fail(fetch, BLAME_SOURCE, "REDIRECT", false, why);
    }
    if (fetch->auth.wanted && !fetch->failed) {
        fetch->received = 0;
        http_auth_ask(fetch);
        return;
    }
    http_talk_conclude(fetch, code);
    http_fetch_finish(fetch);
}

void http_talk_listen(CURL *easy, struct source_fetch *fetch)
{
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->detail);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
}

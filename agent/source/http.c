/*
 * A fetch over HTTP: resolve, pin, ask, judge, hand on. Redirects are followed by hand, so that
 * every hop is judged and resolved like the first. Handles are kept for the next fetch: the
 * connections live in the loop's multi handle.
 */
#include "agent/source/http.h"

#include "agent/source/http_error.h"
#include "agent/source/http_reply.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVE_BUFFER (256L * KIB)

struct source_client {
    struct loop *loop;
    struct resolver *resolver;
    const struct source_options *options;
    struct source_fetch *idle; /* kept handles */
    size_t open;
};

enum phase { PHASE_NAME, PHASE_CONNECT, PHASE_HEAD, PHASE_BODY };

struct source_fetch {
    struct source_client *client;
    struct source_fetch *next_idle;
    CURL *easy;
    struct loop_transfer transfer;
    struct loop_timer timer;
    struct curl_slist *headers, *pins;

    struct source_request request;
    char *url, *validator; /* our copies; url follows redirects */
    char *host;
    char port[8];
    int redirects;
    enum phase phase;
    bool name_wanted; /* a lookup will call back */
    bool cancelled;
    bool paused;
    bool redirecting;
    int64_t last_moved; /* monotonic ms of the last byte, or of the phase's start */
    int64_t begun;      /* monotonic ms */
    int64_t received;
    int64_t start;
    struct http_reply reply;
    bool failed; /* by our own judgement, which `result` holds */
    struct source_result result;
};

static int64_t now(const struct source_fetch *fetch)
{
    const struct clock *clock = loop_clock(fetch->client->loop);
    return clock->monotonic(clock->arg);
}

/* ---- the end of a fetch ---- */

static void release(struct source_fetch *fetch)
{
    struct source_client *client = fetch->client;
    loop_timer_cancel(client->loop, &fetch->timer);
    curl_slist_free_all(fetch->headers);
    curl_slist_free_all(fetch->pins);
    fetch->headers = fetch->pins = NULL;
    free(fetch->url);
    free(fetch->validator);
    free(fetch->host);
    fetch->url = fetch->validator = fetch->host = NULL;
    fetch->next_idle = client->idle;
    client->idle = fetch;
    client->open--;
}

/* "http://host/path" of a URL, for messages and logs: no query, no userinfo. */
static void where_of(const char *url, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)strcspn(url, "?#"), url);
}

static void finish(struct source_fetch *fetch)
{
    struct source_result result = fetch->result;
    struct source_request request = fetch->request;
    if (!result.ok)
        where_of(fetch->url, result.error.where, sizeof result.error.where);
    else if (request.document)
        *request.document->url = mem_copy_string(fetch->url);
    release(fetch);
    request.done(request.arg, &result);
}

static void fail(struct source_fetch *fetch, enum error_blame blame, const char *code, bool retry,
                 const char *text)
{
    fetch->failed = true;
    fetch->result.ok = false;
    fetch->result.retry = retry;
    fetch->result.retry_after_ms = -1;
    error_set(&fetch->result.error, ERROR_FAILED, blame, code, NULL, "%s", text);
}

/* ---- callbacks of libcurl ---- */

static struct http_judgement judge_reply(struct source_fetch *fetch)
{
    const struct source_document *document = fetch->request.document;
    if (document)
        return http_reply_judge_document(&fetch->reply, document->most,
                                         document->if_none_match != NULL, &fetch->result.error);
    return http_reply_judge(&fetch->reply, fetch->request.offset, fetch->request.size,
                            fetch->validator, &fetch->result.error);
}

static void judge(struct source_fetch *fetch)
{
    struct http_judgement judgement = judge_reply(fetch);
    if (judgement.verdict == HTTP_REDIRECT) {
        fetch->redirecting = true;
    } else if (judgement.verdict == HTTP_REFUSE) {
        fetch->failed = true;
        fetch->result.retry = judgement.retry;
        fetch->result.no_range = judgement.no_range;
        fetch->result.retry_after_ms = fetch->reply.retry_after_ms;
    } else {
        fetch->phase = PHASE_BODY;
        fetch->start = judgement.start;
        fetch->result.not_modified = judgement.verdict == HTTP_KNOWN;
        if (!fetch->result.not_modified)
            fetch->request.begin(fetch->request.arg, judgement.start,
                                 fetch->request.document ? fetch->reply.etag
                                                         : http_reply_validator(&fetch->reply));
    }
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct source_fetch *fetch = arg;
    size_t len = size * count;
    fetch->last_moved = now(fetch);
    if (fetch->phase == PHASE_CONNECT)
        fetch->phase = PHASE_HEAD;
    const struct clock *clock = loop_clock(fetch->client->loop);
    switch (http_reply_line(&fetch->reply, line, len, clock->wall(clock->arg) / 1000)) {
    case HTTP_LINE_MORE: break;
    case HTTP_LINE_TOO_MUCH:
        fail(fetch, BLAME_SOURCE, "HEADERS", false, "sends more than 64 KiB of headers");
        return 0;
    case HTTP_LINE_END:
        if (fetch->phase != PHASE_BODY && !fetch->redirecting)
            judge(fetch);
        break;
    }
    return fetch->failed ? 0 : len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct source_fetch *fetch = arg;
    size_t len = size * count;
    fetch->last_moved = now(fetch);
    if (fetch->redirecting) {
        /* A redirect's page is of no use; a long one is not waited for. */
        fetch->received += (int64_t)len;
        return fetch->received > LIMIT_HEADER_BYTES ? 0 : len;
    }
    const struct source_document *document = fetch->request.document;
    int64_t wanted = document ? document->most : fetch->request.size - fetch->start;
    if ((int64_t)len > wanted - fetch->received) {
        fail(fetch, BLAME_SOURCE, document ? "TOO_LARGE" : "TOO_LONG", false,
             document ? "sends more bytes than a document may have"
                      : "sends more bytes than the manifest says");
        return 0;
    }
    if (!fetch->request.bytes(fetch->request.arg, bytes, len)) {
        fetch->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    fetch->received += (int64_t)len;
    return len;
}

/* ---- what a result comes to ---- */

static bool is_proxied(const struct source_fetch *fetch);

/* Is all here that was asked for? */
static bool is_complete(const struct source_fetch *fetch, CURLcode code)
{
    if (fetch->phase != PHASE_BODY)
        return false;
    if (fetch->request.document)
        return code == CURLE_OK;
    return fetch->start + fetch->received == fetch->request.size;
}

static void fail_short(struct source_fetch *fetch)
{
    char text[128];
    if (fetch->request.document)
        snprintf(text, sizeof text, "ended after %lld of %lld bytes", (long long)fetch->received,
                 (long long)fetch->reply.length);
    else
        snprintf(text, sizeof text, "ended after %lld of %lld bytes",
                 (long long)(fetch->start + fetch->received), (long long)fetch->request.size);
    fail(fetch, BLAME_SOURCE, "TOO_SHORT", true, text);
}

static void conclude(struct source_fetch *fetch, CURLcode code)
{
    if (fetch->failed)
        return;
    if (is_complete(fetch, code)) {
        bool not_modified = fetch->result.not_modified;
        fetch->result =
            (struct source_result){.ok = true, .retry_after_ms = -1, .not_modified = not_modified};
    } else if (fetch->phase == PHASE_BODY && (code == CURLE_OK || code == CURLE_PARTIAL_FILE)) {
        fail_short(fetch);
    } else if (code == CURLE_OK) {
        fail(fetch, BLAME_SOURCE, "HTTP_RUBBISH", false, "answers without a head");
    } else {
        fail(fetch, http_error_blame(code, is_proxied(fetch)), http_error_code(code),
             !http_error_is_lasting(code), http_error_words(code));
    }
}

/* ---- the way to a request ---- */

static void ask(struct source_fetch *fetch);

static void move_on(struct source_fetch *fetch, enum phase phase)
{
    fetch->phase = phase;
    fetch->last_moved = now(fetch);
}

/* The next hop of a redirect, or the reason why there is none. */
static const char *next_hop(struct source_fetch *fetch)
{
    const char *why = NULL;
    char *scheme = NULL, *user = NULL, *next = NULL;
    CURLU *url = curl_url(), *from = curl_url();
    bool secure = strncasecmp(fetch->url, "https:", 6) == 0;
    if (curl_url_set(url, CURLUPART_URL, fetch->url, 0) ||
        curl_url_set(from, CURLUPART_URL, fetch->url, 0) ||
        curl_url_set(url, CURLUPART_URL, fetch->reply.location, 0) ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) ||
        curl_url_get(url, CURLUPART_URL, &next, 0))
        why = "redirects to what is no URL";
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        why = "redirects to another scheme";
    else if (secure && strcmp(scheme, "https") != 0)
        why = "redirects from https to http";
    else if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK)
        why = "redirects to a URL with a user name";
    else if (fetch->request.document && !http_same_place(from, url))
        why = "redirects to another host, which policy never may";
    else if (++fetch->redirects > LIMIT_REDIRECTS)
        why = "redirects more than 5 times";
    if (!why) {
        free(fetch->url);
        fetch->url = mem_copy_string(next);
    }
    curl_free(scheme);
    curl_free(user);
    curl_free(next);
    curl_url_cleanup(url);
    curl_url_cleanup(from);
    return why;
}

static void on_done(void *arg, CURLcode code)
{
    struct source_fetch *fetch = arg;
    if (fetch->redirecting && !fetch->failed) {
        const char *why = next_hop(fetch);
        fetch->redirecting = false;
        fetch->received = 0;
        if (!why) {
            ask(fetch);
            return;
        }
        fail(fetch, BLAME_SOURCE, "REDIRECT", false, why);
    }
    conclude(fetch, code);
    finish(fetch);
}

static void set_headers(struct source_fetch *fetch)
{
    curl_slist_free_all(fetch->headers);
    fetch->headers = NULL;
    bool ranged = fetch->request.offset > 0;
    char range[32];
    snprintf(range, sizeof range, "%lld-", (long long)fetch->request.offset);
    curl_easy_setopt(fetch->easy, CURLOPT_RANGE, ranged ? range : NULL);
    if (ranged && *fetch->validator) {
        char *line = mem_format("If-Range: %s", fetch->validator);
        fetch->headers = curl_slist_append(fetch->headers, line);
        free(line);
    }
    if (fetch->request.past_caches)
        fetch->headers = curl_slist_append(fetch->headers, "Cache-Control: no-cache");
    const struct source_document *document = fetch->request.document;
    if (document && document->if_none_match) {
        char *line = mem_format("If-None-Match: %s", document->if_none_match);
        fetch->headers = curl_slist_append(fetch->headers, line);
        free(line);
    }
    curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers);
}

/* Only who hands out policy gets to see who we are. */
static void set_certificate(struct source_fetch *fetch)
{
    const struct source_options *options = fetch->client->options;
    bool shown = fetch->request.document != NULL;
    curl_easy_setopt(fetch->easy, CURLOPT_SSLCERT, shown ? options->client_certificate : NULL);
    curl_easy_setopt(fetch->easy, CURLOPT_SSLKEY, shown ? options->client_key : NULL);
}

static void start_transfer(struct source_fetch *fetch)
{
    http_reply_init(&fetch->reply);
    set_headers(fetch);
    set_certificate(fetch);
    curl_easy_setopt(fetch->easy, CURLOPT_URL, fetch->url);
    curl_easy_setopt(fetch->easy, CURLOPT_RESOLVE, fetch->pins);
    move_on(fetch, PHASE_CONNECT);
    if (!loop_transfer_start(fetch->client->loop, &fetch->transfer, &fetch->result.error)) {
        fetch->failed = true;
        finish(fetch);
    }
}

static bool is_numeric(const char *host)
{
    unsigned char address[16];
    return inet_pton(AF_INET, host, address) == 1 || *host == '[';
}

/* Takes host and port out of the URL. */
static bool read_host(struct source_fetch *fetch)
{
    char *host = NULL, *port = NULL;
    CURLU *url = curl_url();
    bool ok = curl_url_set(url, CURLUPART_URL, fetch->url, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (ok) {
        free(fetch->host);
        fetch->host = mem_copy_string(host);
        snprintf(fetch->port, sizeof fetch->port, "%s", port);
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    return ok;
}

/* The addresses judged are the addresses connected to. */
static void pin(struct source_fetch *fetch, const struct resolve_answer *answer)
{
    struct buf entry = {0};
    buf_format(&entry, "+%s:%s:", fetch->host, fetch->port);
    for (size_t i = 0; i < answer->address_count; i++) {
        bool six = answer->addresses[i].family == AF_INET6;
        buf_format(&entry, "%s%s%s%s", i ? "," : "", six ? "[" : "", answer->addresses[i].text,
                   six ? "]" : "");
    }
    curl_slist_free_all(fetch->pins);
    fetch->pins = curl_slist_append(NULL, entry.data);
    buf_free(&entry);
}

static void on_answer(void *arg, struct resolve_answer *answer)
{
    struct source_fetch *fetch = arg;
    fetch->name_wanted = false;
    if (fetch->cancelled) {
        release(fetch);
    } else if (answer->error != RESOLVE_OK) {
        char text[512];
        snprintf(text, sizeof text, "the name %s does not resolve: %s", fetch->host,
                 resolve_error_word(answer->error));
        fail(fetch, BLAME_DNS, resolve_error_word(answer->error),
             answer->error == RESOLVE_SERVFAIL || answer->error == RESOLVE_TIMEOUT, text);
        finish(fetch);
    } else {
        pin(fetch, answer);
        start_transfer(fetch);
    }
    resolve_answer_free(answer);
}

/* Behind a proxy the proxy resolves. */
static bool is_proxied(const struct source_fetch *fetch)
{
    const char *proxy = fetch->client->options->proxy;
    if (strcmp(proxy, "none") == 0)
        return false;
    if (strcmp(proxy, "system") != 0)
        return true;
    bool secure = strncasecmp(fetch->url, "https:", 6) == 0;
    const char *own = secure ? getenv("https_proxy") : getenv("http_proxy");
    const char *upper = secure ? getenv("HTTPS_PROXY") : NULL; /* libcurl ignores HTTP_PROXY */
    const char *all = getenv("all_proxy");
    return (own && *own) || (upper && *upper) || (all && *all);
}

static void ask(struct source_fetch *fetch)
{
    if (!read_host(fetch)) {
        fail(fetch, BLAME_POLICY, "URL", false, "is no URL");
        finish(fetch);
    } else if (is_numeric(fetch->host) || is_proxied(fetch)) {
        start_transfer(fetch);
    } else {
        fetch->name_wanted = true;
        move_on(fetch, PHASE_NAME);
        resolve_start(fetch->client->resolver, fetch->host, on_answer, fetch);
    }
}

/* ---- silence ---- */

static int64_t patience(const struct source_fetch *fetch)
{
    const struct source_options *options = fetch->client->options;
    return fetch->phase == PHASE_CONNECT ? options->connect_ms : options->stall_ms;
}

static void give_up(struct source_fetch *fetch, const char *text)
{
    loop_transfer_stop(fetch->client->loop, &fetch->transfer);
    fail(fetch, BLAME_SOURCE, "STALLED", true, text);
    finish(fetch);
}

static void give_up_silent(struct source_fetch *fetch)
{
    static const char *const silence[] = {"no address", "no connection or answer",
                                          "no further header", "no byte"};
    char text[160];
    int64_t got = fetch->start + fetch->received;
    long long seconds = (long long)(patience(fetch) / 1000);
    if (fetch->request.document)
        snprintf(text, sizeof text, "%s for %lld s, at %lld bytes", silence[fetch->phase], seconds,
                 (long long)got);
    else
        snprintf(text, sizeof text, "%s for %lld s, at %lld of %lld bytes", silence[fetch->phase],
                 seconds, (long long)got, (long long)fetch->request.size);
    give_up(fetch, text);
}

static bool is_overdue(const struct source_fetch *fetch)
{
    const struct source_document *document = fetch->request.document;
    return document && now(fetch) - fetch->begun > document->within_ms;
}

/* When silence, or the time for a whole document, may be over. */
static int64_t next_look(const struct source_fetch *fetch, int64_t left)
{
    const struct source_document *document = fetch->request.document;
    int64_t next = left > 0 ? left : 1000;
    int64_t due = document ? fetch->begun + document->within_ms - now(fetch) + 1 : next;
    return due > 0 && due < next ? due : next;
}

static void on_timer(void *arg)
{
    struct source_fetch *fetch = arg;
    int64_t left = fetch->last_moved + patience(fetch) - now(fetch);
    /* The resolver has its own deadline; a pause is our own doing. */
    if (left <= 0 && !fetch->paused && !fetch->name_wanted)
        give_up_silent(fetch);
    else if (is_overdue(fetch) && !fetch->name_wanted)
        give_up(fetch, "the whole does not come in time");
    else
        loop_timer_set(fetch->client->loop, &fetch->timer, next_look(fetch, left));
}

/* ---- start, resume, cancel ---- */

static CURL *new_handle(struct source_client *client, struct source_fetch *fetch)
{
    const struct source_options *options = client->options;
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's, not the DP's */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_ms);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "nearpoint/" NEARPOINT_VERSION);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    if (options->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    if (strcmp(options->proxy, "none") == 0)
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    else if (strcmp(options->proxy, "system") != 0)
        curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy);
    return easy;
}

static struct source_fetch *take_handle(struct source_client *client)
{
    struct source_fetch *fetch = client->idle;
    if (fetch) {
        client->idle = fetch->next_idle;
        CURL *easy = fetch->easy;
        *fetch = (struct source_fetch){.easy = easy};
    } else {
        fetch = mem_zero(1, sizeof *fetch);
        fetch->easy = new_handle(client, fetch);
    }
    client->open++;
    fetch->client = client;
    return fetch;
}

/* The first step runs from the timer: a start never calls back before it returns. */
static void begin(void *arg)
{
    struct source_fetch *fetch = arg;
    fetch->timer.fire = on_timer;
    fetch->begun = now(fetch);
    loop_timer_set(fetch->client->loop, &fetch->timer,
                   next_look(fetch, fetch->client->options->connect_ms));
    ask(fetch);
}

static struct source_fetch *start(struct source_client *client,
                                  const struct source_request *request)
{
    struct source_fetch *fetch = take_handle(client);
    fetch->request = *request;
    fetch->url = mem_copy_string(request->url);
    fetch->validator = mem_copy_string(request->validator);
    fetch->request.url = fetch->request.validator = NULL;
    fetch->result.retry_after_ms = -1;
    fetch->transfer = (struct loop_transfer){.easy = fetch->easy, .done = on_done, .arg = fetch};
    fetch->timer = (struct loop_timer){.fire = begin, .arg = fetch};
    loop_timer_set(client->loop, &fetch->timer, 0);
    return fetch;
}

static void finish_later(void *arg)
{
    finish(arg);
}

static void resume(struct source_fetch *fetch)
{
    if (!fetch->paused)
        return;
    fetch->paused = false;
    fetch->last_moved = now(fetch);
    /* libcurl hands on what it held back right here; its refusal would go unnoticed. */
    CURLcode code = curl_easy_pause(fetch->easy, CURLPAUSE_CONT);
    if (code == CURLE_OK && !fetch->failed)
        return;
    loop_transfer_stop(fetch->client->loop, &fetch->transfer);
    conclude(fetch, code);
    fetch->timer.fire = finish_later;
    loop_timer_set(fetch->client->loop, &fetch->timer, 0);
}

static void cancel(struct source_fetch *fetch)
{
    loop_transfer_stop(fetch->client->loop, &fetch->transfer);
    if (fetch->name_wanted)
        fetch->cancelled = true; /* released by the answer */
    else
        release(fetch);
}

static char *file_url(const char *content_url, const char *name)
{
    struct buf url = {0};
    buf_append_text(&url, content_url);
    buf_append_text(&url, "/");
    for (const char *c = name; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr("-._~/", *c);
        if (plain)
            buf_append(&url, c, 1);
        else
            buf_format(&url, "%%%02X", (unsigned char)*c);
    }
    return url.data;
}

const struct source_kind http_source = {
    .name = "HTTP",
    .start = start,
    .resume = resume,
    .cancel = cancel,
    .file_url = file_url,
};

struct source_client *source_client_create(struct loop *loop, struct resolver *resolver,
                                           const struct source_options *options, struct error *err)
{
    struct source_client *client = mem_zero(1, sizeof *client);
    client->loop = loop;
    client->resolver = resolver;
    client->options = options;
    /* One handle at once: what cannot be had now cannot be had later. */
    struct source_fetch *first = take_handle(client);
    release(first);
    if (first->easy)
        return client;
    source_client_free(client);
    error_set(err, ERROR_FAILED, BLAME_NONE, "CURL", NULL, "libcurl gives no handle");
    return NULL;
}

void source_client_free(struct source_client *client)
{
    if (!client)
        return;
    while (client->idle) {
        struct source_fetch *fetch = client->idle;
        client->idle = fetch->next_idle;
        curl_easy_cleanup(fetch->easy);
        free(fetch);
    }
    free(client);
}

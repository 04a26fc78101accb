/*
 * The way to a request: resolve, pin, ask. Redirects are followed by hand, so that every hop is
 * judged and resolved like the first.
 */
#include "agent/source/http.h"
#include "agent/source/http_fetch.h"
#include "agent/source/http_proxy.h"
#include "agent/source/http_terms.h"

#include "policy/base/buf.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What libcurl reads in one go: much costs less time, and memory of every connection. */
#define RECEIVE_BUFFER      (256L * KIB)
#define RECEIVE_BUFFER_MANY (32L * KIB)
#define MANY                8 /* connections */

const char *http_ask_next_hop(struct source_fetch *fetch)
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
        fetch->elsewhere = fetch->elsewhere || !http_same_place(from, url);
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

static void add_header(struct source_fetch *fetch, const char *name, const char *value)
{
    char *line = mem_format("%s: %s", name, value);
    fetch->headers = curl_slist_append(fetch->headers, line);
    free(line);
}

/* The end is named only where it is not the file's. */
static void set_range(struct source_fetch *fetch)
{
    const struct http_wanted *wanted = &fetch->wanted;
    bool ranged = http_wanted_is_range(wanted);
    char range[64];
    if (wanted->end < wanted->size)
        snprintf(range, sizeof range, "%lld-%lld", (long long)wanted->offset,
                 (long long)wanted->end - 1);
    else
        snprintf(range, sizeof range, "%lld-", (long long)wanted->offset);
    curl_easy_setopt(fetch->easy, CURLOPT_RANGE, ranged ? range : NULL);
    if (ranged && *fetch->validator)
        add_header(fetch,
                   fetch->request.terms && fetch->request.terms->if_match ? "If-Match" : "If-Range",
                   fetch->validator);
}

/* As ConfigMgr's clients ask (configmgr-facts 5.2), in one `prop` as RFC 4918 has it, with the
   property by which web servers tell a folder. */
static const char propfind[] =
    "<?xml version=\"1.0\"?>\r\n"
    "<d:propfind xmlns:d=\"DAV:\"><d:prop><d:iscollection/><d:resourcetype/>"
    "<d:getcontentlength/></d:prop></d:propfind>\r\n";

static void set_body(struct source_fetch *fetch, const struct http_terms *terms)
{
    curl_easy_setopt(fetch->easy, CURLOPT_CUSTOMREQUEST, terms->method);
    curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDS, terms->body ? terms->body : "");
    curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)terms->body_len);
    curl_easy_setopt(fetch->easy, CURLOPT_XFERINFOFUNCTION, http_talk_uploaded);
    curl_easy_setopt(fetch->easy, CURLOPT_XFERINFODATA, fetch);
    curl_easy_setopt(fetch->easy, CURLOPT_NOPROGRESS, 0L);
    add_header(fetch, "Content-Type", "application/octet-stream");
    fetch->headers = curl_slist_append(fetch->headers, "Expect:");
}

static void set_terms(struct source_fetch *fetch)
{
    const struct http_terms *terms = fetch->request.terms;
    for (size_t i = 0; terms && i < HTTP_TERMS_HEADERS && terms->headers[i]; i++)
        fetch->headers = curl_slist_append(fetch->headers, terms->headers[i]);
    if (terms && terms->method)
        set_body(fetch, terms);
}

static void set_method(struct source_fetch *fetch)
{
    const struct source_document *document = fetch->request.document;
    bool lists = document && document->depth;
    curl_easy_setopt(fetch->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(fetch->easy, CURLOPT_CUSTOMREQUEST, lists ? "PROPFIND" : NULL);
    curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)-1);
    curl_easy_setopt(fetch->easy, CURLOPT_NOPROGRESS, 1L);
    set_terms(fetch);
    if (!lists)
        return;
    curl_easy_setopt(fetch->easy, CURLOPT_POSTFIELDS, propfind);
    add_header(fetch, "Depth", document->depth);
    add_header(fetch, "Translate", "f");
    add_header(fetch, "Content-Type", "text/xml");
}

static void set_headers(struct source_fetch *fetch)
{
    curl_slist_free_all(fetch->headers);
    fetch->headers = NULL;
    set_range(fetch);
    /* What was wrong may have been another file's reply: a connection that slipped by one stays so.
     */
    curl_easy_setopt(fetch->easy, CURLOPT_FRESH_CONNECT, fetch->request.past_caches ? 1L : 0L);
    if (fetch->request.past_caches)
        add_header(fetch, "Cache-Control", "no-cache");
    const struct source_document *document = fetch->request.document;
    if (document && document->if_none_match)
        add_header(fetch, "If-None-Match", document->if_none_match);
    set_method(fetch);
    http_auth_show(fetch);
    curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetch->headers);
}

/* Only whom policy or the settings name gets to see who we are. */
static void set_certificate(struct source_fetch *fetch)
{
    const struct source_options *options = fetch->client->options;
    bool shown = !fetch->elsewhere;
    curl_easy_setopt(fetch->easy, CURLOPT_SSLCERT, shown ? options->client_certificate : NULL);
    curl_easy_setopt(fetch->easy, CURLOPT_SSLKEY, shown ? options->client_key : NULL);
}

static void start_transfer(struct source_fetch *fetch)
{
    if (http_auth_first(fetch))
        return;
    http_reply_init(&fetch->reply);
    fetch->lack = 0;
    fetch->detail[0] = '\0';
    set_headers(fetch);
    set_certificate(fetch);
    curl_easy_setopt(fetch->easy, CURLOPT_BUFFERSIZE,
                     fetch->client->open > MANY ? RECEIVE_BUFFER_MANY : RECEIVE_BUFFER);
    curl_easy_setopt(fetch->easy, CURLOPT_URL, fetch->url);
    curl_easy_setopt(fetch->easy, CURLOPT_PROXY, fetch->proxy ? fetch->proxy : "");
    curl_easy_setopt(fetch->easy, CURLOPT_RESOLVE, fetch->pins);
    http_fetch_enter(fetch, HTTP_PHASE_CONNECT);
    if (!loop_transfer_start(fetch->client->loop, &fetch->transfer, &fetch->result.error)) {
        fetch->failed = true;
        http_fetch_finish(fetch);
    }
}

/* All of what will be connected to; `answer` NULL: the host is an address, or a proxy resolves. */
static bool leads_to_loopback(const struct source_fetch *fetch, const struct resolve_answer *answer)
{
    char bare[64];
    bool all = true;
    if (fetch->proxy)
        return false;
    if (answer) {
        for (size_t i = 0; all && i < answer->address_count; i++)
            all = resolve_nature(answer->addresses[i].text) == RESOLVE_LOOPBACK;
        return all;
    }
    size_t len = strlen(fetch->host);
    bool bracketed = fetch->host[0] == '[' && len > 2;
    snprintf(bare, sizeof bare, "%.*s", (int)(bracketed ? len - 2 : len),
             fetch->host + (bracketed ? 1 : 0));
    return resolve_nature(bare) == RESOLVE_LOOPBACK;
}

/* A token that anybody on the way may read is no secret any more. */
static bool may_send_secret(const struct source_fetch *fetch, const struct resolve_answer *answer)
{
    const struct http_terms *terms = fetch->request.terms;
    bool secret = terms && terms->secret && !fetch->elsewhere;
    return !secret || strncasecmp(fetch->url, "https:", 6) == 0 || leads_to_loopback(fetch, answer);
}

static void go(struct source_fetch *fetch, const struct resolve_answer *answer)
{
    if (may_send_secret(fetch, answer)) {
        start_transfer(fetch);
        return;
    }
    http_fetch_fail(fetch, BLAME_POLICY, "SECRET_OVER_HTTP", false,
                    "is asked with a SAS, which goes over https only (over http to this machine "
                    "itself alone)");
    http_fetch_finish(fetch);
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

static void tell(struct source_fetch *fetch, const struct resolve_answer *answer)
{
    struct source_client *client = fetch->client;
    const struct told_host *known = client->told;
    while (known && !text_equal(known->name, fetch->host))
        known = known->next;
    if (known || !client->options->resolved)
        return;
    struct told_host *told = mem_zero(1, sizeof *told);
    *told = (struct told_host){client->told, mem_copy_string(fetch->host)};
    client->told = told;
    client->options->resolved(client->options->resolved_arg, fetch->host, answer);
}

static void on_answer(void *arg, struct resolve_answer *answer)
{
    struct source_fetch *fetch = arg;
    fetch->name_wanted = false;
    if (fetch->cancelled) {
        http_fetch_release(fetch);
    } else if (answer->error != RESOLVE_OK) {
        char text[512], why[160];
        resolve_explain(answer, why, sizeof why);
        snprintf(text, sizeof text, "the name %s does not resolve: %s", fetch->host, why);
        http_fetch_fail(fetch, BLAME_DNS, resolve_error_word(answer->error),
                        answer->error == RESOLVE_SERVFAIL || answer->error == RESOLVE_REFUSED ||
                            answer->error == RESOLVE_TIMEOUT,
                        text);
        http_fetch_finish(fetch);
    } else {
        tell(fetch, answer);
        pin(fetch, answer);
        go(fetch, answer);
    }
    resolve_answer_free(answer);
}

void http_ask(struct source_fetch *fetch)
{
    if (!read_host(fetch)) {
        http_fetch_fail(fetch, BLAME_POLICY, "URL", false, "is no URL");
        http_fetch_finish(fetch);
        return;
    }
    fetch->proxy = http_proxy_choose(fetch->client->options->proxy, fetch->url, fetch->host);
    /* Behind a proxy the proxy resolves. */
    if (is_numeric(fetch->host) || fetch->proxy) {
        go(fetch, NULL);
    } else {
        fetch->name_wanted = true;
        http_fetch_enter(fetch, HTTP_PHASE_NAME);
        resolve_start(fetch->client->resolver, fetch->host, on_answer, fetch);
    }
}

void http_ask_again(struct source_fetch *fetch)
{
    start_transfer(fetch);
}

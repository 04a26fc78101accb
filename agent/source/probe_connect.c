/* The way to a distribution point: its name, the connection, TLS and its certificate. */
#include "agent/source/http_error.h"
#include "agent/source/http_proxy.h"
#include "agent/source/probe_parts.h"

#include "policy/base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENDS_SOON (30L * 86400) /* seconds */

/* ---- the URL ---- */

bool probe_read_root(struct probe *probe, struct error *err)
{
    const char *root = probe->target->root;
    char *host = NULL, *port = NULL, *scheme = NULL, *user = NULL;
    CURLU *url = curl_url();
    bool ok = curl_url_set(url, CURLUPART_URL, root, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_USER, &user, 0) != CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    if (ok) {
        probe->host = mem_copy_string(host);
        probe->secure = strcmp(scheme, "https") == 0;
        snprintf(probe->port, sizeof probe->port, "%s", port);
    } else {
        error_set(err, ERROR_USAGE, BLAME_USER, "URL", root,
                  "is no http or https URL of a distribution point");
    }
    curl_free(host);
    curl_free(port);
    curl_free(scheme);
    curl_free(user);
    curl_url_cleanup(url);
    return ok;
}

static void make_url(const struct probe *probe, const char *scheme, char *url, size_t size)
{
    snprintf(url, size, "%s://%s:%s", scheme, probe->host, probe->port);
}

/* ---- the name ---- */

/* In the report's arena: an answer may come as late as the resolver's end. */
struct waiting {
    struct resolve_answer *answer;
    bool is_over;
};

static void on_resolved(void *arg, struct resolve_answer *answer)
{
    struct waiting *waiting = arg;
    if (waiting->is_over)
        resolve_answer_free(answer);
    else
        waiting->answer = answer;
}

static bool is_numeric(const char *host)
{
    unsigned char address[16];
    return inet_pton(AF_INET, host, address) == 1 || *host == '[';
}

/* libcurl is behind a proxy where a fetch of the same URL would be. */
static const char *choose_proxy(const struct probe *probe)
{
    char url[600];
    make_url(probe, probe->secure ? "https" : "http", url, sizeof url);
    return http_proxy_choose(probe->options->proxy, url, probe->host);
}

/* "dp1 -> alias -> 10.1.2.10, 2001:db8::1" */
static void note_answer(struct probe *probe, const struct resolve_answer *answer)
{
    struct buf pin = {0}, text = {0};
    buf_format(&pin, "+%s:%s:", probe->host, probe->port);
    for (size_t i = 0; i < answer->link_count; i++)
        buf_format(&text, "%s -> ", answer->links[i].target);
    for (size_t i = 0; i < answer->address_count; i++) {
        bool six = answer->addresses[i].family == AF_INET6;
        buf_format(&pin, "%s%s%s%s", i ? "," : "", six ? "[" : "", answer->addresses[i].text,
                   six ? "]" : "");
        buf_format(&text, "%s%s", i ? ", " : "", answer->addresses[i].text);
    }
    probe->pins = curl_slist_append(NULL, pin.data);
    probe_add(probe, PROBE_NAME, PROBE_OK, PROBE_FINE, probe->host, text.data);
    buf_free(&pin);
    buf_free(&text);
}

bool probe_resolve(struct probe *probe, struct error *err)
{
    struct waiting *waiting = arena_zero(&probe->report->arena, 1, sizeof *waiting);
    bool ok = true;
    probe->proxy = choose_proxy(probe);
    if (is_numeric(probe->host) || probe->proxy) {
        probe_add(probe, PROBE_NAME, probe->proxy ? PROBE_SKIPPED : PROBE_OK,
                  probe->proxy ? PROBE_PROXIED : PROBE_FINE, probe->host, probe->host);
        return true;
    }
    resolve_start(probe->resolver, probe->host, on_resolved, waiting);
    while (ok && !waiting->answer)
        ok = loop_turn(probe->loop, 1000, err);
    waiting->is_over = true;
    if (!ok)
        return false;
    if (waiting->answer->error == RESOLVE_OK) {
        note_answer(probe, waiting->answer);
    } else {
        probe_add(probe, PROBE_NAME, PROBE_BAD, PROBE_NAME_FAILED, probe->host,
                  resolve_error_word(waiting->answer->error));
        probe_block(probe, PROBE_NAME);
    }
    resolve_answer_free(waiting->answer);
    return true;
}

/* ---- TCP ---- */

static enum probe_fault read_refusal(CURL *easy, CURLcode code)
{
    long reason = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &reason);
    if (code == CURLE_OPERATION_TIMEDOUT || reason == ETIMEDOUT)
        return PROBE_NO_CONNECTION;
    return reason == ECONNREFUSED ? PROBE_REFUSED : PROBE_UNREACHABLE;
}

void probe_connect(struct probe *probe)
{
    char url[600], place[600], detail[CURL_ERROR_SIZE] = "";
    CURL *easy = curl_easy_init();
    char *address = NULL;
    make_url(probe, "http", url, sizeof url);
    snprintf(place, sizeof place, "%s:%s", probe->host, probe->port);
    probe_prepare(probe, easy, url, false);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
    if (code == CURLE_OK) {
        probe_add(probe, PROBE_TCP, PROBE_OK, probe->proxy ? PROBE_PROXIED : PROBE_FINE, place,
                  address);
    } else {
        enum probe_fault fault = probe->proxy ? PROBE_PROXY_FAILED : read_refusal(easy, code);
        struct probe_step *step = probe_add(probe, PROBE_TCP, PROBE_BAD, fault, place,
                                            *detail ? detail : curl_easy_strerror(code));
        step->got = probe_patience(probe) / 1000;
        probe_block(probe, PROBE_TCP);
    }
    curl_easy_cleanup(easy);
}

/* ---- TLS ---- */

enum manner { WITH_TRUST, BY_NAME, AS_OF_OLD };

struct handshake {
    CURLcode code;
    bool done; /* both sides came to terms, whatever the certificate is */
    bool authority;
    char version[16], words[CURL_ERROR_SIZE + 64];
};

/* libcurl tells the version in its log alone: "SSL connection using TLSv1.3 / TLS_AES_..." */
static int on_text(CURL *easy, curl_infotype type, char *text, size_t len, void *arg)
{
    static const char sign[] = "SSL connection using ";
    struct handshake *handshake = arg;
    const size_t sign_len = sizeof sign - 1;
    (void)easy;
    if (type != CURLINFO_TEXT || len < sign_len || memcmp(text, sign, sign_len) != 0)
        return 0;
    size_t size = strcspn(text + sign_len, " /\n");
    handshake->done = true;
    snprintf(handshake->version, sizeof handshake->version, "%.*s", (int)size, text + sign_len);
    return 0;
}

static void take_fact(struct probe_report *report, const char *line)
{
    struct probe_certificate *certificate = &report->certificate;
    const struct {
        const char *name;
        const char **place;
    } rows[] = {
        {"Subject:", &certificate->subject},
        {"X509v3 Subject Alternative Name:", &certificate->names},
        {"Issuer:", &certificate->issuer},
        {"Start date:", &certificate->start},
        {"Expire date:", &certificate->end},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (text_starts_with(line, rows[i].name))
            *rows[i].place = arena_copy_string(&report->arena, line + strlen(rows[i].name));
}

/* The first certificate of the chain is the server's own. */
static void take_certificate(struct probe *probe, CURL *easy, const struct handshake *handshake)
{
    struct curl_certinfo *chain = NULL;
    if (!handshake->done)
        return;
    probe->report->certificate = (struct probe_certificate){
        .version = arena_copy_string(&probe->report->arena, handshake->version)};
    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain ||
        chain->num_of_certs < 1)
        return;
    for (const struct curl_slist *line = chain->certinfo[0]; line; line = line->next)
        take_fact(probe->report, line->data);
}

static struct handshake shake_hands(struct probe *probe, enum manner manner)
{
    struct handshake handshake = {.code = CURLE_OK};
    char url[600], detail[CURL_ERROR_SIZE] = "";
    CURL *easy = curl_easy_init();
    make_url(probe, "https", url, sizeof url);
    probe_prepare(probe, easy, url, manner == WITH_TRUST);
    if (manner == BY_NAME)
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (manner == AS_OF_OLD) {
        curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                         (long)CURL_SSLVERSION_TLSv1_0 | (long)CURL_SSLVERSION_MAX_TLSv1_1);
        curl_easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST, "ALL:@SECLEVEL=0");
    }
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_text);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, &handshake);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    handshake.code = curl_easy_perform(easy);
    handshake.authority = http_error_is_authority(easy);
    if (handshake.code != CURLE_OK)
        probe_say(probe, easy, handshake.code, detail, handshake.words, sizeof handshake.words);
    if (probe->secure)
        take_certificate(probe, easy, &handshake);
    curl_easy_cleanup(easy);
    return handshake;
}

bool probe_speaks_tls(struct probe *probe)
{
    return shake_hands(probe, AS_OF_OLD).done || shake_hands(probe, BY_NAME).done;
}

/* Waits for what the server says by itself. */
static void listen_to(const struct probe *probe, CURL *easy)
{
    const struct clock *clock = loop_clock(probe->loop);
    int64_t end = clock->monotonic(clock->arg) + probe_patience(probe), left;
    curl_socket_t fd = CURL_SOCKET_BAD;
    CURLcode code = curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    char bytes[256];
    size_t len;
    while ((code == CURLE_OK || code == CURLE_AGAIN) &&
           (left = end - clock->monotonic(clock->arg)) > 0 && poll(&waiting, 1, (int)left) > 0) {
        code = curl_easy_recv(easy, bytes, sizeof bytes, &len);
        if (code == CURLE_OK && len == 0)
            break;
    }
}

bool probe_wants_certificate(struct probe *probe)
{
    char url[600], detail[CURL_ERROR_SIZE] = "";
    CURL *easy = curl_easy_init();
    make_url(probe, "https", url, sizeof url);
    probe_prepare(probe, easy, url, probe->report->trusted);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    if (curl_easy_perform(easy) == CURLE_OK)
        listen_to(probe, easy);
    curl_easy_cleanup(easy);
    return strstr(detail, "certificate required") != NULL;
}

/* An answer to plain HTTP on the port where TLS does not come about. */
static bool speaks_plain(struct probe *probe)
{
    char place[600];
    struct probe_answer answer;
    const char *host = strstr(probe->target->root, "://") + 3;
    make_url(probe, "http", place, sizeof place);
    char *url = mem_format("%s%s", place, host + strcspn(host, "/"));
    const struct probe_question question = {.method = "HEAD", .url = url};
    probe_ask(probe, &question, &answer);
    /* Who speaks TLS on it says so in plain HTTP, with 400. */
    bool plain = answer.reply.status >= 100 && answer.reply.status != 400;
    probe_answer_free(&answer);
    free(url);
    return plain;
}

static void add_failure(struct probe *probe, const struct handshake *first)
{
    enum probe_fault fault = PROBE_TLS_FAILED;
    const char *what = first->words;
    struct handshake old = {.done = false};
    if (first->code == CURLE_SSL_CERTPROBLEM || first->code == CURLE_SSL_CACERT_BADFILE) {
        fault = PROBE_OWN_FILE;
    } else if (first->code == CURLE_OPERATION_TIMEDOUT) {
        fault = PROBE_SILENT;
    } else if ((old = shake_hands(probe, AS_OF_OLD)).done) {
        fault = PROBE_TLS_OLD;
        what = old.version;
    } else if (speaks_plain(probe)) {
        fault = PROBE_SPEAKS_PLAIN;
    } else if (strstr(first->words, "certificate required")) {
        fault = PROBE_CERT_WANTED;
    }
    struct probe_step *step = probe_add(probe, PROBE_TLS, PROBE_BAD, fault, probe->host, what);
    step->got = probe_patience(probe) / 1000;
    probe_block(probe, PROBE_TLS);
}

/* Seconds from now; 0 where no such time is known. */
static int64_t until(const struct probe *probe, const char *date)
{
    const struct clock *clock = loop_clock(probe->loop);
    time_t then = date ? curl_getdate(date, NULL) : -1;
    return then == -1 ? 0 : (int64_t)then - clock->wall(clock->arg) / 1000;
}

/* All that is wrong with it, a step each: what libcurl meets first would hide the rest. */
static void judge_certificate(struct probe *probe, const struct handshake *first)
{
    const struct handshake named = shake_hands(probe, BY_NAME);
    const struct probe_certificate *certificate = &probe->report->certificate;
    const struct {
        bool wrong;
        enum probe_fault fault;
        const char *what;
    } rows[] = {
        {until(probe, certificate->end) < 0, PROBE_CERT_EXPIRED, certificate->end},
        {until(probe, certificate->start) > 0, PROBE_CERT_EARLY, certificate->start},
        {named.code == CURLE_PEER_FAILED_VERIFICATION, PROBE_CERT_NAME,
         certificate->names ? certificate->names : certificate->subject},
        {first->authority, PROBE_CERT_AUTHORITY, certificate->issuer},
    };
    bool found = false;
    if (!named.done) {
        add_failure(probe, &named);
        return;
    }
    probe->report->trusted = false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].wrong)
            probe_add(probe, PROBE_TLS, PROBE_BAD, rows[i].fault, probe->host, rows[i].what);
        found = found || rows[i].wrong;
    }
    if (!found)
        probe_add(probe, PROBE_TLS, PROBE_BAD, PROBE_CERT_OTHER, probe->host, first->words);
}

static void add_success(struct probe *probe)
{
    const char *end = probe->report->certificate.end, *version = probe->report->certificate.version;
    int64_t left = until(probe, end);
    if (version && strcmp(version, "TLSv1.2") < 0) {
        probe_add(probe, PROBE_TLS, PROBE_BAD, PROBE_TLS_OLD, probe->host, version);
        return;
    }
    bool soon = left > 0 && left < ENDS_SOON;
    bool strange = probe->target->site_https == 0 && !soon;
    struct probe_step *step = probe_add(probe, PROBE_TLS, soon || strange ? PROBE_NOTE : PROBE_OK,
                                        soon      ? PROBE_CERT_ENDS
                                        : strange ? PROBE_SITE_SAYS_HTTP
                                                  : PROBE_FINE,
                                        probe->host, end);
    step->got = left / 86400;
}

void probe_secure(struct probe *probe)
{
    if (!probe->secure) {
        bool strange = probe->target->site_https == 1;
        probe_add(probe, PROBE_TLS, strange ? PROBE_NOTE : PROBE_SKIPPED,
                  strange ? PROBE_SITE_SAYS_HTTPS : PROBE_PLAIN_HTTP, NULL, NULL);
        return;
    }
    const struct handshake first = shake_hands(probe, WITH_TRUST);
    if (first.code == CURLE_OK)
        add_success(probe);
    else if (first.code == CURLE_PEER_FAILED_VERIFICATION)
        judge_certificate(probe, &first);
    else
        add_failure(probe, &first);
}

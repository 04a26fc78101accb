/* One question over HTTP, and what came of it: bounded in time, head and body. */
#include "agent/source/http_error.h"
#include "agent/source/probe_parts.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WHOLE 3 /* a question takes at most that many times the patience */

struct asking {
    struct probe *probe;
    struct probe_answer *answer;
    size_t most;
    time_t now;
};

/* ---- the head ---- */

static void take_value(char *out, size_t size, const char *value)
{
    snprintf(out, size, "%s", value);
}

/* "Negotiate", "Basic realm=...", "Negotiate, NTLM": the schemes alone, each once. */
static void take_schemes(char *out, size_t size, const char *value)
{
    while (*value) {
        value += strspn(value, ", \t");
        size_t len = strcspn(value, ", \t=");
        bool parameter = value[len] == '=';
        char scheme[32];
        snprintf(scheme, sizeof scheme, "%.*s", (int)(len < 31 ? len : 31), value);
        size_t used = strlen(out);
        if (len && !parameter && !strstr(out, scheme))
            snprintf(out + used, size - used, "%s%s", used ? ", " : "", scheme);
        value += strcspn(value, ",");
    }
}

/* What http_reply does not keep. */
static void take_line(struct probe_answer *answer, const char *line, size_t len)
{
    char field[512];
    if (len >= 5 && strncasecmp(line, "HTTP/", 5) == 0)
        answer->type[0] = answer->schemes[0] = '\0';
    while (len && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
        len--;
    snprintf(field, sizeof field, "%.*s", (int)(len < sizeof field ? len : sizeof field - 1), line);
    char *colon = strchr(field, ':');
    if (!colon)
        return;
    *colon++ = '\0';
    const char *value = colon + strspn(colon, " \t");
    if (text_equal(field, "Server"))
        take_value(answer->server, sizeof answer->server, value);
    else if (text_equal(field, "Content-Type"))
        take_value(answer->type, sizeof answer->type, value);
    else if (text_equal(field, "WWW-Authenticate"))
        take_schemes(answer->schemes, sizeof answer->schemes, value);
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct asking *asking = arg;
    struct probe_answer *answer = asking->answer;
    size_t len = size * count;
    if (http_reply_line(&answer->reply, line, len, asking->now) == HTTP_LINE_TOO_MUCH) {
        answer->fault = PROBE_HEADERS;
        return 0;
    }
    take_line(answer, line, len);
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct asking *asking = arg;
    struct probe_answer *answer = asking->answer;
    size_t len = size * count, room = asking->most - answer->body.len;
    size_t kept = len < room ? len : room;
    buf_append(&answer->body, bytes, kept);
    answer->cut = kept < len;
    return answer->cut ? 0 : len;
}

/* ---- the question ---- */

static void set_trust(const struct probe *probe, CURL *easy, bool trusted)
{
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, trusted ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, trusted ? 2L : 0L);
    if (trusted && probe->secure) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, probe->options->client_certificate);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, probe->options->client_key);
    }
}

void probe_say(const struct probe *probe, CURL *easy, CURLcode code, const char *detail, char *text,
               size_t size)
{
    const struct http_failure failure = {
        .easy = easy,
        .code = code,
        .detail = detail,
        .secure = probe->secure,
        .proxied = probe->proxy != NULL,
        .relayed = probe->proxy && !probe->secure,
    };
    http_error_say(&failure, text, size);
}

void probe_prepare(const struct probe *probe, CURL *easy, const char *url, bool trusted)
{
    const struct source_options *options = probe->options;
    int64_t patience = probe_patience(probe);
    int64_t connect = options->connect_ms < patience ? options->connect_ms : patience;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "nearpoint/" NEARPOINT_VERSION);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)(patience / 1000));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(WHOLE * patience));
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_RESOLVE, probe->pins);
    if (options->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, ""); /* the environment's: it was looked at before */
    curl_easy_setopt(easy, CURLOPT_PROXY, probe->proxy ? probe->proxy : "");
    set_trust(probe, easy, trusted);
}

static struct curl_slist *set_question(CURL *easy, const struct probe_question *question)
{
    struct curl_slist *headers = NULL;
    size_t most = sizeof question->headers / sizeof question->headers[0];
    for (size_t i = 0; i < most && question->headers[i]; i++)
        headers = curl_slist_append(headers, question->headers[i]);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_RANGE, question->range);
    if (question->body)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, question->body);
    if (strcmp(question->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, question->method);
    return headers;
}

static enum probe_fault read_failure(const struct probe_answer *answer, CURLcode code,
                                     const char *detail)
{
    if (answer->fault != PROBE_FINE)
        return answer->fault;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return PROBE_SILENT;
    return strstr(detail, "certificate required") ? PROBE_CERT_WANTED : PROBE_BROKEN;
}

static enum probe_server read_kind(const char *server)
{
    static const struct {
        const char *begin;
        enum probe_server kind;
    } rows[] = {
        {"Microsoft-", PROBE_IIS},
        {"nginx", PROBE_NGINX},
        {"Apache", PROBE_APACHE},
        {"lighttpd", PROBE_LIGHTTPD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strncasecmp(server, rows[i].begin, strlen(rows[i].begin)) == 0)
            return rows[i].kind;
    return PROBE_UNKNOWN;
}

static void note_server(struct probe_report *report, const struct probe_answer *answer)
{
    if (report->server || !answer->server[0])
        return;
    report->server = arena_copy_string(&report->arena, answer->server);
    report->kind = read_kind(answer->server);
}

void probe_ask(struct probe *probe, const struct probe_question *question,
               struct probe_answer *answer)
{
    const struct clock *clock = loop_clock(probe->loop);
    struct asking asking = {probe, answer, question->most, clock->wall(clock->arg) / 1000};
    char detail[CURL_ERROR_SIZE] = "";
    *answer = (struct probe_answer){.fault = PROBE_FINE};
    http_reply_init(&answer->reply);
    probe_prepare(probe, probe->easy, question->url, probe->report->trusted);
    curl_easy_setopt(probe->easy, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(probe->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(probe->easy, CURLOPT_HEADERDATA, &asking);
    curl_easy_setopt(probe->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(probe->easy, CURLOPT_WRITEDATA, &asking);
    struct curl_slist *headers = set_question(probe->easy, question);
    CURLcode code = curl_easy_perform(probe->easy);
    curl_slist_free_all(headers);
    if (code != CURLE_OK && !answer->cut) {
        answer->fault = read_failure(answer, code, detail);
        probe_say(probe, probe->easy, code, detail, answer->words, sizeof answer->words);
    }
    curl_easy_setopt(probe->easy, CURLOPT_ERRORBUFFER, NULL);
    note_server(probe->report, answer);
    probe->silences += answer->fault == PROBE_SILENT;
}

void probe_answer_free(struct probe_answer *answer)
{
    buf_free(&answer->body);
}

/* ---- what it says by itself ---- */

/* nginx says it in words, with status 400. */
static bool wants_certificate(const struct probe_answer *answer)
{
    static const char sign[] = "No required SSL certificate";
    return answer->body.len && memmem(answer->body.data, answer->body.len, sign, sizeof sign - 1);
}

enum probe_fault probe_judge(const struct probe_answer *answer)
{
    int status = answer->reply.status;
    if (answer->fault != PROBE_FINE)
        return answer->fault;
    if (status >= 300 && status < 400 && answer->reply.location[0])
        return PROBE_REDIRECT;
    if (status >= 200 && status < 300)
        return PROBE_FINE;
    switch (status) {
    case 401: return PROBE_UNAUTHORIZED;
    case 403: return PROBE_FORBIDDEN;
    case 404: return PROBE_MISSING;
    case 405:
    case 501: return PROBE_METHOD;
    default: return wants_certificate(answer) ? PROBE_CERT_WANTED : PROBE_STATUS;
    }
}

static const char *usual_fact(const struct probe_answer *answer, enum probe_fault fault)
{
    if (fault == PROBE_REDIRECT)
        return answer->reply.location;
    if (fault == PROBE_UNAUTHORIZED)
        return answer->schemes;
    if (fault == PROBE_NOT_A_LISTING || fault == PROBE_PAGE)
        return answer->type;
    return answer->words;
}

struct probe_step *probe_add_answer(struct probe *probe, enum probe_code code,
                                    enum probe_verdict verdict, enum probe_fault fault,
                                    const struct probe_answer *answer, const char *about)
{
    struct probe_step *step =
        probe_add(probe, code, verdict, fault, about, usual_fact(answer, fault));
    step->status = answer->reply.status > 0 ? answer->reply.status : 0;
    if (fault == PROBE_SILENT)
        step->got = probe_patience(probe) / 1000;
    /* Who is silent twice would be silent to all that is left. */
    if (probe->silences >= 2 && !probe->blocked)
        probe_block(probe, code);
    return step;
}

/* Which replies a file's bytes are taken from. Every row has a twin with one fact changed. */
#include "agent/source/http_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const struct row {
    const char *what;
    const char *head; /* lines without the empty one */
    int64_t offset, end, size;
    const char *validator;
    enum http_verdict verdict;
    int64_t start;
    const char *code; /* of a refusal */
    bool retry, no_range;
} rows[] = {
    {"whole file", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n", 0, 100, 100, "", HTTP_USE, 0, "",
     false, false},
    {"declared too short", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n", 0, 100, 100, "",
     HTTP_REFUSE, 0, "TOO_SHORT", false, false},
    {"declared too long", "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n", 0, 100, 100, "",
     HTTP_REFUSE, 0, "TOO_LONG", false, false},
    {"no length declared", "HTTP/1.1 200 OK\r\n", 0, 100, 100, "", HTTP_USE, 0, "", false, false},
    {"length twice, equal", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\ncontent-length: 100\r\n", 0,
     100, 100, "", HTTP_USE, 0, "", false, false},
    {"length twice, different", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Length: 7\r\n",
     0, 100, 100, "", HTTP_REFUSE, 0, "LENGTH", false, false},
    {"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -100\r\n", 0, 100, 100, "", HTTP_REFUSE,
     0, "LENGTH", false, false},
    {"length of 21 digits", "HTTP/1.1 200 OK\r\nContent-Length: 100000000000000000000\r\n", 0, 100,
     100, "", HTTP_REFUSE, 0, "LENGTH", false, false},
    {"the rest", "HTTP/1.1 206 Partial\r\nContent-Range: bytes 40-99/100\r\n", 40, 100, 100, "",
     HTTP_USE, 40, "", false, false},
    {"the rest, lower-case name", "HTTP/2 206\r\ncontent-range: bytes 40-99/100\r\n", 40, 100, 100,
     "", HTTP_USE, 40, "", false, false},
    {"another start", "HTTP/1.1 206 Partial\r\nContent-Range: bytes 41-99/100\r\n", 40, 100, 100,
     "", HTTP_REFUSE, 0, "RANGE", true, true},
    {"another end", "HTTP/1.1 206 Partial\r\nContent-Range: bytes 40-98/100\r\n", 40, 100, 100, "",
     HTTP_REFUSE, 0, "RANGE", true, true},
    {"another total", "HTTP/1.1 206 Partial\r\nContent-Range: bytes 40-99/101\r\n", 40, 100, 100,
     "", HTTP_REFUSE, 0, "RANGE", true, true},
    {"unknown total", "HTTP/1.1 206 Partial\r\nContent-Range: bytes 40-99/*\r\n", 40, 100, 100, "",
     HTTP_REFUSE, 0, "RANGE", true, true},
    {"no range said", "HTTP/1.1 206 Partial\r\nContent-Length: 60\r\n", 40, 100, 100, "",
     HTTP_REFUSE, 0, "RANGE", true, true},
    {"range and length disagree",
     "HTTP/1.1 206 Partial\r\nContent-Range: bytes 40-99/100\r\nContent-Length: 59\r\n", 40, 100,
     100, "", HTTP_REFUSE, 0, "RANGE", true, true},
    {"rubbish range", "HTTP/1.1 206 Partial\r\nContent-Range: bytes x-99/100\r\n", 40, 100, 100, "",
     HTTP_REFUSE, 0, "RANGE", true, true},
    {"multipart ranges",
     "HTTP/1.1 206 Partial\r\nContent-Type: multipart/byteranges; boundary=x\r\n", 40, 100, 100, "",
     HTTP_REFUSE, 0, "RANGE", true, true},
    {"206 unasked", "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-99/100\r\n", 0, 100, 100, "",
     HTTP_REFUSE, 0, "RANGE", false, false},
    {"200 to a range begins anew", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n", 40, 100, 100, "",
     HTTP_USE, 0, "", false, false},
    {"same version", "HTTP/1.1 206 Partial\r\nETag: \"a\"\r\nContent-Range: bytes 40-99/100\r\n",
     40, 100, 100, "\"a\"", HTTP_USE, 40, "", false, false},
    {"another version in spite of If-Range",
     "HTTP/1.1 206 Partial\r\nETag: \"b\"\r\nContent-Range: bytes 40-99/100\r\n", 40, 100, 100,
     "\"a\"", HTTP_REFUSE, 0, "CHANGED", true, true},
    {"416", "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */30\r\n", 40, 100, 100, "",
     HTTP_REFUSE, 0, "HTTP_416", true, true},
    {"404", "HTTP/1.1 404 Not Found\r\n", 0, 100, 100, "", HTTP_REFUSE, 0, "HTTP_404", false,
     false},
    {"503", "HTTP/1.1 503 Busy\r\n", 0, 100, 100, "", HTTP_REFUSE, 0, "HTTP_503", true, false},
    {"204 is no file", "HTTP/1.1 204 No Content\r\n", 0, 100, 100, "", HTTP_REFUSE, 0, "HTTP_204",
     false, false},
    {"gzip unasked", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n", 0, 100, 100, "", HTTP_REFUSE,
     0, "ENCODED", false, false},
    {"identity is none", "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n", 0, 100, 100, "",
     HTTP_USE, 0, "", false, false},
    {"redirect", "HTTP/1.1 302 Found\r\nLocation: /x\r\n", 0, 100, 100, "", HTTP_REDIRECT, 0, "",
     false, false},
    {"redirect to nowhere", "HTTP/1.1 302 Found\r\n", 0, 100, 100, "", HTTP_REFUSE, 0, "HTTP_302",
     false, false},
    {"304 is no redirect", "HTTP/1.1 304 Not Modified\r\nLocation: /x\r\n", 0, 100, 100, "",
     HTTP_REFUSE, 0, "HTTP_304", false, false},
    {"after 100 Continue",
     "HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
     "100\r\n",
     0, 100, 100, "", HTTP_USE, 0, "", false, false},
    {"status of letters", "HTTP/1.1 2xx OK\r\n", 0, 100, 100, "", HTTP_REFUSE, 0, "HTTP_RUBBISH",
     false, false},
    {"a block", "HTTP/1.1 206 Partial\r\nContent-Range: bytes 40-59/100\r\n", 40, 60, 100, "",
     HTTP_USE, 40, "", false, false},
    {"a block that goes on", "HTTP/1.1 206 Partial\r\nContent-Range: bytes 40-99/100\r\n", 40, 60,
     100, "", HTTP_REFUSE, 0, "RANGE", true, true},
    {"a block that ends early", "HTTP/1.1 206 Partial\r\nContent-Range: bytes 40-58/100\r\n", 40,
     60, 100, "", HTTP_REFUSE, 0, "RANGE", true, true},
    {"a block of its length",
     "HTTP/1.1 206 Partial\r\nContent-Range: bytes 40-59/100\r\nContent-Length: 20\r\n", 40, 60,
     100, "", HTTP_USE, 40, "", false, false},
    {"a block with the length of the rest",
     "HTTP/1.1 206 Partial\r\nContent-Range: bytes 40-59/100\r\nContent-Length: 60\r\n", 40, 60,
     100, "", HTTP_REFUSE, 0, "RANGE", true, true},
    {"the first block", "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-59/100\r\n", 0, 60, 100, "",
     HTTP_USE, 0, "", false, false},
    {"the first block of another file", "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-59/101\r\n",
     0, 60, 100, "", HTTP_REFUSE, 0, "RANGE", true, true},
    {"forbidden, for a reason not known", "HTTP/1.1 403 Forbidden\r\n", 0, 100, 100, "",
     HTTP_REFUSE, 0, "HTTP_403", false, false},
    {"too many users", "HTTP/1.1 403 403.9 - Too many users\r\n", 0, 100, 100, "", HTTP_REFUSE, 0,
     "HTTP_403", true, false},
};

static void read_head(struct http_reply *reply, const char *head)
{
    http_reply_init(reply);
    while (*head) {
        size_t len = strcspn(head, "\n") + 1;
        assert_int_equal(http_reply_line(reply, head, len, 1000000), HTTP_LINE_MORE);
        head += len;
    }
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct http_reply reply;
        struct error err = {0};
        read_head(&reply, row->head);
        const struct http_wanted wanted = {
            .offset = row->offset, .end = row->end, .size = row->size, .validator = row->validator};
        struct http_judgement judgement = http_reply_judge(&reply, &wanted, &err);
        print_message("  %s\n", row->what);
        assert_int_equal(judgement.verdict, row->verdict);
        assert_string_equal(err.code, row->code);
        assert_int_equal(judgement.start, row->start);
        assert_int_equal(judgement.retry, row->retry);
        assert_int_equal(judgement.no_range, row->no_range);
    }
}

/* To whom a whole file is of no use, and where the bytes end. */
static void test_ranges(void **state)
{
    (void)state;
    static const char part[] = "HTTP/1.1 206 Partial\r\nContent-Range: bytes 40-59/100\r\n";
    static const struct {
        const char *what, *head;
        int64_t offset, end;
        bool range_only;
        const char *code;
        int64_t from, to; /* what follows */
        bool whole;
    } ranges[] = {
        {"a part", part, 40, 60, true, "", 40, 60, false},
        {"a whole one for a part", "HTTP/1.1 200 OK\r\n", 40, 60, true, "RANGE", 0, 0, false},
        {"that is of use", "HTTP/1.1 200 OK\r\n", 40, 60, false, "", 0, 100, true},
        {"for the first part", "HTTP/1.1 200 OK\r\n", 0, 60, true, "RANGE", 0, 0, false},
        {"that is of use, too", "HTTP/1.1 200 OK\r\n", 0, 60, false, "", 0, 100, true},
        {"for the whole", "HTTP/1.1 200 OK\r\n", 0, 100, true, "", 0, 100, true},
        {"of another length", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n", 40, 60, true,
         "TOO_SHORT", 0, 0, false},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct http_reply reply;
        struct error err = {0};
        const struct http_wanted wanted = {.offset = ranges[i].offset,
                                           .end = ranges[i].end,
                                           .size = 100,
                                           .validator = "",
                                           .range_only = ranges[i].range_only};
        read_head(&reply, ranges[i].head);
        struct http_judgement judgement = http_reply_judge(&reply, &wanted, &err);
        print_message("  %s\n", ranges[i].what);
        assert_string_equal(err.code, ranges[i].code);
        assert_int_equal(judgement.start, ranges[i].from);
        assert_int_equal(judgement.end, ranges[i].to);
        assert_int_equal(judgement.whole, ranges[i].whole);
        if (strcmp(err.code, "RANGE") == 0)
            assert_true(judgement.no_range && judgement.retry);
    }
}

/* Something on the way answers with a page of its own. */
static void test_portal(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool page;
        const char *code;
    } pages[] = {
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 7\r\n", false, "PORTAL"},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 7\r\n", true, "TOO_SHORT"},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n", false,
         "TOO_SHORT"},
        {"HTTP/1.1 200 OK\r\nContent-Type: Text/HTML; charset=x\r\nContent-Length: 700\r\n", false,
         "PORTAL"},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/ht\r\nContent-Length: 7\r\n", false, "TOO_SHORT"},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html5\r\nContent-Length: 700\r\n", false,
         "TOO_LONG"},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/xhtml+xml\r\nContent-Length: 7\r\n", false,
         "PORTAL"},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 7\r\n", false,
         "TOO_SHORT"},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n", false, ""},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", false, ""},
    };
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct http_reply reply;
        struct error err = {0};
        const struct http_wanted wanted = {
            .end = 100, .size = 100, .validator = "", .page = pages[i].page};
        read_head(&reply, pages[i].head);
        struct http_judgement judgement = http_reply_judge(&reply, &wanted, &err);
        bool portal = strcmp(pages[i].code, "PORTAL") == 0;
        if (strcmp(err.code, pages[i].code) != 0 || judgement.portal != portal ||
            judgement.retry != portal)
            fail_msg("row %zu: %s %d", i, err.code, judgement.portal);
        if (portal)
            assert_non_null(strstr(err.text, "of 100 bytes"));
    }
}

/* A part of the file is no portal's, whatever its type. */
static void test_portal_status(void **state)
{
    (void)state;
    const struct http_wanted wanted = {.offset = 40, .end = 100, .size = 100, .validator = ""};
    struct http_reply reply;
    read_head(&reply, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n");
    assert_true(http_reply_is_portal(&reply, &wanted));
    read_head(&reply, "HTTP/1.1 206 Partial\r\nContent-Type: text/html\r\n");
    assert_false(http_reply_is_portal(&reply, &wanted));
}

/* A source whose connections are taken. */
static void test_full(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool full;
    } heads[] = {
        {"HTTP/1.1 503 Busy\r\n", true},
        {"HTTP/1.1 500 Busy\r\n", false},
        {"HTTP/1.1 403 Forbidden (403.9)\r\n", true},
        {"HTTP/1.1 403 Forbidden (403.90)\r\n", false},
        {"HTTP/1.1 404 Not Found (403.9)\r\n", false},
        {"HTTP/1.1 403 Forbidden\r\n", false},
        {"HTTP/1.1 403 Forbidden\r\nX: 403.9\r\n", false},
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct http_reply reply;
        struct error err = {0};
        const struct http_wanted wanted = {.end = 100, .size = 100, .validator = ""};
        read_head(&reply, heads[i].head);
        if (http_reply_judge(&reply, &wanted, &err).full != heads[i].full)
            fail_msg("%s", heads[i].head);
    }
    assert_true(http_says_too_many("<h2>403.9</h2>", 14));
    assert_true(http_says_too_many("403.9", 5));
    assert_false(http_says_too_many("403.9", 4));
    assert_false(http_says_too_many("403.95", 6));
}

static void test_retry_after(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t ms;
    } values[] = {
        {"2", 2000},
        {"0", 0},
        {"Thu, 01 Jan 1970 00:00:10 GMT", 0},
        {"Mon, 12 Jan 1970 13:46:50 GMT", 10000}, /* now is 1,000,000 s after the epoch */
        {"-5", 0},
        {"soon", 0},
        {"99999999999999999999", 2147483647000},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char head[128];
        struct http_reply reply;
        snprintf(head, sizeof head, "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\n", values[i].value);
        read_head(&reply, head);
        assert_int_equal(reply.retry_after_ms, values[i].ms);
    }
}

static void test_validator(void **state)
{
    (void)state;
    struct http_reply reply;
    read_head(&reply, "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nLast-Modified: Thu\r\n");
    assert_string_equal(http_reply_validator(&reply), "\"x\"");
    read_head(&reply, "HTTP/1.1 200 OK\r\nETag: W/\"x\"\r\nLast-Modified: Thu\r\n");
    assert_string_equal(http_reply_validator(&reply), "Thu");
    read_head(&reply, "HTTP/1.1 200 OK\r\n");
    assert_string_equal(http_reply_validator(&reply), "");
}

/* Documents of a policy point: of any size up to a limit, or known already. */
static void test_documents(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool conditional;
        enum http_verdict verdict;
        const char *code;
        bool listing;
    } documents[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n", false, HTTP_USE, "", false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n", false, HTTP_REFUSE, "TOO_LARGE", false},
        {"HTTP/1.1 200 OK\r\n", false, HTTP_USE, "", false},
        {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n", false, HTTP_REFUSE, "LENGTH", false},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n", false, HTTP_REFUSE, "ENCODED", false},
        {"HTTP/1.1 304 Not Modified\r\n", true, HTTP_KNOWN, "", false},
        {"HTTP/1.1 304 Not Modified\r\n", false, HTTP_REFUSE, "HTTP_304", false},
        {"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-9/10\r\n", false, HTTP_REFUSE, "HTTP_206",
         false},
        {"HTTP/1.1 302 Found\r\nLocation: /there\r\n", false, HTTP_REDIRECT, "", false},
        {"HTTP/1.1 302 Found\r\n", false, HTTP_REFUSE, "HTTP_302", false},
        {"HTTP/1.1 404 Not Found\r\n", true, HTTP_REFUSE, "HTTP_404", false},
        {"HTTP/1.1 207 Multi-Status\r\n", false, HTTP_REFUSE, "HTTP_207", false},
        {"HTTP/1.1 207 Multi-Status\r\n", false, HTTP_USE, "", true},
        {"HTTP/1.1 207 Multi-Status\r\nContent-Length: 1001\r\n", false, HTTP_REFUSE, "TOO_LARGE",
         true},
        {"HTTP/1.1 200 OK\r\n", false, HTTP_REFUSE, "LISTING", true},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", false, HTTP_REFUSE, "PORTAL", true},
        {"HTTP/1.1 405 Not Allowed\r\n", false, HTTP_REFUSE, "HTTP_405", true},
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        struct http_reply reply;
        struct error err = {0};
        const struct http_wanted_document wanted = {
            .most = 1000, .conditional = documents[i].conditional, .listing = documents[i].listing};
        read_head(&reply, documents[i].head);
        struct http_judgement judgement = http_reply_judge_document(&reply, &wanted, &err);
        if (judgement.verdict != documents[i].verdict || strcmp(err.code, documents[i].code) != 0)
            fail_msg("%s: %d %s", documents[i].head, judgement.verdict, err.code);
    }
}

/* An ETag goes into requests: one that would not print as it is does not. */
static void test_etag(void **state)
{
    (void)state;
    struct http_reply reply;
    read_head(&reply, "HTTP/1.1 200 OK\r\nETag: \"a b\"\r\n");
    assert_string_equal(reply.etag, "\"a b\"");
    read_head(&reply, "HTTP/1.1 200 OK\r\nETag: \"a\rX-Other: b\"\r\n");
    assert_string_equal(reply.etag, "");
}

/* What a 401 offers. Elements of a list begin a challenge or go on with one. */
static void test_challenges(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        bool negotiate;
        const char *offered;
    } heads[] = {
        {"WWW-Authenticate: Negotiate\r\n", true, ""},
        {"WWW-Authenticate: Negotiated\r\n", false, "Negotiated"},
        {"www-authenticate: NEGOTIATE\r\n", true, ""},
        {"X-Authenticate: Negotiate\r\n", false, ""},
        {"Proxy-Authenticate: Negotiate\r\n", false, ""},
        {"WWW-Authenticate: Negotiate YIIabc==\r\n", true, ""},
        {"WWW-Authenticate: NTLM\r\nWWW-Authenticate: Negotiate\r\n", true, "NTLM"},
        {"WWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm=\"x\"\r\n", false, "NTLM, Basic"},
        {"WWW-Authenticate: NTLM, Negotiate\r\n", true, "NTLM"},
        {"WWW-Authenticate: ,, NTLM ,Negotiate\r\n", true, "NTLM"},
        {"WWW-Authenticate: Basic realm=\"DP\", charset=\"UTF-8\", Negotiate\r\n", true, "Basic"},
        {"WWW-Authenticate: Basic realm=\"a, Negotiate\"\r\n", false, "Basic"},
        {"WWW-Authenticate: Basic realm=\"a\", Negotiate\r\n", true, "Basic"},
        {"WWW-Authenticate: Basic realm=\"a\\\", Negotiate\"\r\n", false, "Basic"},
        {"WWW-Authenticate: Basic realm=\"a\\\\\", Negotiate\r\n", true, "Basic"},
        {"WWW-Authenticate: Basic realm=\"a, Negotiate\r\n", false, "Basic"},
        {"WWW-Authenticate: Basic realm=\"a\\\", Negotiate, \"\r\n", false, "Basic"},
        {"WWW-Authenticate: Digest a=b, Negotiate=c\r\n", false, "Digest"},
        {"WWW-Authenticate: Digest a=b, Negotiate =c\r\n", false, "Digest"},
        {"WWW-Authenticate: Digest a=b, Negotiate c\r\n", true, "Digest"},
        {"WWW-Authenticate: (Negotiate\r\n", false, ""},
        {"WWW-Authenticate: Negotiate(\r\n", false, ""},
        {"WWW-Authenticate: \r\n", false, ""},
        {"WWW-Authenticate: =\r\n", false, ""},
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct http_reply reply;
        char head[256];
        snprintf(head, sizeof head, "HTTP/1.1 401 Unauthorized\r\n%s", heads[i].fields);
        read_head(&reply, head);
        if (reply.negotiate != heads[i].negotiate || strcmp(reply.offered, heads[i].offered) != 0)
            fail_msg("%s: %d '%s'", heads[i].fields, reply.negotiate, reply.offered);
    }
}

/* However many there are; and those of a head are not those of the next. */
static void test_many_challenges(void **state)
{
    (void)state;
    struct http_reply reply;
    char name[24];
    http_reply_init(&reply);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "Scheme%d", i);
        http_reply_challenges(&reply, name);
    }
    assert_string_equal(reply.offered,
                        "Scheme0, Scheme1, Scheme2, Scheme3, Scheme4, Scheme5, Scheme6");
    http_reply_challenges(&reply, "Negotiate");
    assert_true(reply.negotiate);
    read_head(&reply, "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\n");
    read_head(&reply, "HTTP/1.1 401 No\r\n");
    assert_false(reply.negotiate);
}

/* What is said of a 401 depends on what is offered; of others it does not. */
static void test_offers(void **state)
{
    (void)state;
    static const struct {
        const char *head, *text;
    } heads[] = {
        {"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\n",
         "answers HTTP status 401 and offers NTLM only, which nearpoint does not speak"},
        {"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM, Negotiate\r\n", "answers HTTP status 401"},
        {"HTTP/1.1 401 No\r\n", "answers HTTP status 401"},
        {"HTTP/1.1 403 No\r\nWWW-Authenticate: NTLM\r\n", "answers HTTP status 403"},
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct http_reply reply;
        struct error err = {0};
        const struct http_wanted wanted = {.end = 100, .size = 100, .validator = ""};
        read_head(&reply, heads[i].head);
        struct http_judgement judgement = http_reply_judge(&reply, &wanted, &err);
        if (judgement.verdict != HTTP_REFUSE || judgement.retry ||
            strcmp(err.text, heads[i].text) != 0)
            fail_msg("%s: %s", heads[i].head, err.text);
    }
}

static void test_flood(void **state)
{
    (void)state;
    struct http_reply reply;
    size_t lines = 0;
    http_reply_init(&reply);
    while (http_reply_line(&reply, "HTTP/1.1 100 Continue\r\n", 23, 0) == HTTP_LINE_MORE)
        assert_true(++lines < 10000);
    assert_true(lines > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_validator),     cmocka_unit_test(test_documents),
        cmocka_unit_test(test_ranges),        cmocka_unit_test(test_portal),
        cmocka_unit_test(test_portal_status), cmocka_unit_test(test_full),
        cmocka_unit_test(test_etag),          cmocka_unit_test(test_flood),
        cmocka_unit_test(test_challenges),    cmocka_unit_test(test_many_challenges),
        cmocka_unit_test(test_offers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

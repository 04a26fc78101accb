/* Which proxy is asked, and whose answer it is. Every row has a twin with one fact changed. */
#include "agent/source/http_proxy.h"
#include "agent/source/http_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *names, *host;
    bool excepted;
} names[] = {
    {"contoso.test", "contoso.test", true},
    {"contoso.test", "contoso.test.", true},
    {"contoso.test", "contoso.tes", false},
    {"contoso.test", "CONTOSO.Test", true},
    {"contoso.test", "dp1.contoso.test", true},
    {"contoso.test", "dp1-contoso.test", false},
    {".contoso.test", "dp1.contoso.test", true},
    {".contoso.test", "contoso.test", true},
    {".contoso.test", "xcontoso.test", false},
    {"a.test,contoso.test", "contoso.test", true},
    {"a.test , contoso.test", "contoso.test", true},
    {"a.test contoso.test", "contoso.test", true},
    {"a.test,contoso.test", "b.test", false},
    {",", "contoso.test", false},
    {".", "contoso.test", false},
    {"*", "contoso.test", true},
    {"a.test,*", "contoso.test", true},
    {"*.test", "contoso.test", false},
    {"10.1.2.3", "10.1.2.3", true},
    {"10.1.2.3", "10.1.2.4", false},
    {"2.3", "10.1.2.3", false},
    {"10.0.0.0/8", "10.1.2.3", true},
    {"10.0.0.0/8", "11.1.2.3", false},
    {"10.1.2.0/23", "10.1.3.9", true},
    {"10.1.2.0/23", "10.1.4.9", false},
    {"10.1.2.0/33", "10.1.2.0", false},
    {"10.1.2.0/", "10.1.2.0", false},
    {"0.0.0.0/0", "10.1.2.3", true},
    {"0.0.0.0/0", "contoso.test", false},
    {"::1", "[::1]", true},
    {"[::1]", "[::1]", true},
    {"::1", "[::2]", false},
    {"fd00::/8", "[fd12::9]", true},
    {"fd00::/8", "[fe12::9]", false},
    {"0.0.0.0/0", "[fd12::9]", false},
};

static void test_exceptions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (http_proxy_excepts(names[i].names, names[i].host) != names[i].excepted)
            fail_msg("no_proxy %s, %s", names[i].names, names[i].host);
}

static const struct {
    const char *head;
    bool own;
} pages[] = {
    {"HTTP/1.1 407 Whatever\r\n", true},
    {"HTTP/1.1 401 Whatever\r\n", false},
    {"HTTP/1.1 401 Whatever\r\nServer: tinyproxy/1.11.1\r\n", true},
    {"HTTP/1.1 200 OK\r\nServer: squid\r\n", false},
    {"HTTP/1.1 502 Bad\r\n", true},
    {"HTTP/1.1 502 Bad\r\nVia: 1.1 x\r\n", false},
    {"HTTP/1.1 504 Late\r\n", true},
    {"HTTP/1.1 503 Busy\r\n", false},
    {"HTTP/1.1 503 Busy\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n", true},
    {"HTTP/1.1 403 No\r\nServer: tinyproxy/1.11.1\r\n", true},
    {"HTTP/1.1 403 No\r\nServer: Microsoft-IIS/10.0\r\n", false},
    {"HTTP/1.1 503 Busy\r\nProxy-Status: p;error=proxy_internal_error\r\n", true},
    {"HTTP/1.1 503 Busy\r\nProxy-Status: p; error=proxy_internal_error\r\n", true},
    {"HTTP/1.1 503 Busy\r\nProxy-Status: p;received-status=503\r\n", false},
    {"HTTP/1.1 502 Bad\r\nProxy-Status: p;received-status=502\r\n", false},
    {"HTTP/1.1 503 Busy\r\nProxy-Status: cdn;error=dns_error, p\r\n", false},
    {"HTTP/1.1 503 Busy\r\nProxy-Status: cdn, p;error=dns_error\r\n", true},
    {"HTTP/1.1 503 Busy\r\nProxy-Status: p;error=dns_error;details=\"a, b\"\r\n", true},
    {"HTTP/1.1 503 Busy\r\nProxy-Status: p;details=\";error=x\"\r\n", false},
    {"HTTP/1.1 503 Busy\r\nProxy-Status: p;details=\"\\\";error=x\"\r\n", false},
};

static void test_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct http_reply reply;
        http_reply_init(&reply);
        const char *line = pages[i].head;
        while (*line) {
            size_t len = strcspn(line, "\n") + 1;
            http_reply_line(&reply, line, len, 0);
            line += len;
        }
        if (http_reply_is_of_proxy(&reply) != pages[i].own)
            fail_msg("%s", pages[i].head);
    }
}

static void test_relays(void **state)
{
    (void)state;
    assert_true(http_proxy_relays("http://p:1", "http://dp/x"));
    assert_false(http_proxy_relays("http://p:1", "HTTPS://dp/x"));
    assert_false(http_proxy_relays("socks5://p:1", "http://dp/x"));
    assert_false(http_proxy_relays(NULL, "http://dp/x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exceptions),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_relays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Names into chains and addresses: against a real name server, and against one that lies. */
#include "agent/resolve/answer.h"
#include "agent/resolve/resolve.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "tests/unit/dns_stub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a loop whose clock stands until it is moved ---- */

static int64_t fake_ms;

static int64_t fake_now(void *arg)
{
    return *(int64_t *)arg;
}

static const struct clock fake_clock = {
    .wall = fake_now, .monotonic = fake_now, .boot = fake_now, .arg = &fake_ms};

static struct loop *loop;
static struct resolver *resolver;
static struct dns_stub *stub;

/* c-ares has a clock of its own, so that with the clock that stands only our deadline and the cache
   can be looked at, and c-ares' time-outs with the system's. */
static void open_resolver(const char *server, const struct clock *clock)
{
    struct error err = {0};
    fake_ms = 1000;
    loop = loop_create(clock, 1, NULL);
    resolver = resolver_create(loop, server, &err);
    if (!resolver)
        fail_msg("%s", err.text);
}

static void close_resolver(void)
{
    resolver_destroy(resolver);
    loop_destroy(loop);
}

struct result {
    struct resolve_answer *answer;
    size_t calls;
    int order;
    const char *asks; /* a second name, from the callback of the first */
    struct result *second;
};

static int call_count;

static void on_answer(void *arg, struct resolve_answer *answer)
{
    struct result *result = arg;
    resolve_answer_free(result->answer);
    result->answer = answer;
    result->calls++;
    result->order = call_count++;
    if (result->asks)
        resolve_start(resolver, result->asks, on_answer, result->second);
}

static void wait_for(const struct result *result)
{
    int64_t until = clock_system.monotonic(NULL) + 20000;
    struct error err = {0};
    while (!result->calls && clock_system.monotonic(NULL) < until)
        if (!loop_turn(loop, 20, &err))
            fail_msg("%s", err.text);
    assert_int_equal(result->calls, 1);
}

static struct resolve_answer *resolve(const char *host)
{
    struct result result = {.answer = NULL};
    resolve_start(resolver, host, on_answer, &result);
    wait_for(&result);
    return result.answer;
}

static const char *word(const struct resolve_answer *answer)
{
    const char *text = resolve_error_word(answer->error);
    return text ? text : "OK";
}

static bool has_address(const struct resolve_answer *answer, const char *text)
{
    for (size_t i = 0; i < answer->address_count; i++)
        if (strcmp(answer->addresses[i].text, text) == 0)
            return true;
    return false;
}

/* One name and all that is to be known of it: "OK" or the error, the chain as "a > b > c", an
   address among so many. */
struct row {
    const char *host, *word, *chain, *address;
    size_t addresses;
};

static void chain_text(const struct resolve_answer *answer, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < answer->link_count && used < size; i++) {
        const struct resolve_link *link = &answer->links[i];
        if (i > 0)
            assert_string_equal(link->name, answer->links[i - 1].target);
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " > " : "", link->target);
    }
}

static void check(const struct row *row)
{
    char chain[2048];
    struct resolve_answer *answer = resolve(row->host);
    chain_text(answer, chain, sizeof chain);
    if (strcmp(word(answer), row->word) != 0 || answer->address_count != row->addresses ||
        (row->chain && strcmp(chain, row->chain) != 0) ||
        (row->address && !has_address(answer, row->address)))
        fail_msg("%s: %s, %zu addresses, chain %s", row->host, word(answer), answer->address_count,
                 chain);
    resolve_answer_free(answer);
}

/* ---- a real name server ---- */

struct nsd {
    pid_t pid;
    char folder[64], server[64];
    int port;
};

static struct nsd nsd;

/* Free for UDP and for TCP. */
static int find_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = bind(udp, (struct sockaddr *)&address, len) == 0 &&
              getsockname(udp, (struct sockaddr *)&address, &len) == 0 &&
              bind(tcp, (struct sockaddr *)&address, len) == 0;
    close(udp);
    close(tcp);
    return ok ? ntohs(address.sin_port) : 0;
}

static void fill_in(FILE *to, const char *line, const char *zones)
{
    for (const char *at = line; *at; at++) {
        if (strncmp(at, "@PORT@", 6) == 0)
            at += fprintf(to, "%d", nsd.port) >= 0 ? 5 : 0;
        else if (strncmp(at, "@ZONES@", 7) == 0)
            at += fprintf(to, "%s", zones) >= 0 ? 6 : 0;
        else if (strncmp(at, "@DIR@", 5) == 0)
            at += fprintf(to, "%s", nsd.folder) >= 0 ? 4 : 0;
        else
            fputc(*at, to);
    }
}

static bool write_configuration(const char *path)
{
    char line[512], zones[PATH_MAX];
    FILE *from = fopen("tests/dns/nsd.conf", "re"), *to = fopen(path, "we");
    bool ok = from && to && realpath("tests/dns", zones);
    while (ok && fgets(line, sizeof line, from))
        fill_in(to, line, zones);
    if (from)
        fclose(from);
    return to && fclose(to) == 0 && ok;
}

/* Asks for the zone's SOA until an answer comes: the server is up. */
static bool answers(void)
{
    static const char question[] = "\0\1\0\0\0\1\0\0\0\0\0\0\7contoso\4test\0\0\6\0\1";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)nsd.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool up = false;
    for (int tries = 0; fd >= 0 && !up && tries < 250; tries++) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        char reply[512];
        sendto(fd, question, sizeof question - 1, 0, (struct sockaddr *)&address, sizeof address);
        up = poll(&ready, 1, 20) == 1 && recv(fd, reply, sizeof reply, 0) > 12;
    }
    close(fd);
    return up;
}

static bool start_nsd_on(int port)
{
    char configuration[96];
    nsd.port = port;
    snprintf(nsd.server, sizeof nsd.server, "127.0.0.1:%d", nsd.port);
    snprintf(configuration, sizeof configuration, "%s/nsd.conf", nsd.folder);
    if (!port || !write_configuration(configuration))
        return false;
    nsd.pid = fork();
    if (nsd.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
        execlp("nsd", "nsd", "-d", "-c", configuration, (char *)NULL);
        _exit(127);
    }
    if (nsd.pid < 0)
        return false;
    if (answers())
        return true;
    kill(nsd.pid, SIGTERM);
    waitpid(nsd.pid, NULL, 0);
    return false;
}

/* Somebody else may take the port between our look and its start. */
static int start_nsd(void **state)
{
    (void)state;
    snprintf(nsd.folder, sizeof nsd.folder, "/tmp/nearpoint-nsd-XXXXXX");
    if (!mkdtemp(nsd.folder))
        return -1;
    bool up = false;
    for (int tries = 0; tries < 5 && !up; tries++)
        up = start_nsd_on(find_free_port());
    return up ? 0 : -1;
}

static int stop_nsd(void **state)
{
    static const char *const files[] = {"nsd.conf", "nsd.log", "nsd.pid", "xfrd.state",
                                        "zone.list"};
    (void)state;
    kill(nsd.pid, SIGTERM);
    waitpid(nsd.pid, NULL, 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", nsd.folder, files[i]);
        unlink(path);
    }
    return rmdir(nsd.folder);
}

static int with_nsd(void **state)
{
    (void)state;
    open_resolver(nsd.server, &clock_system);
    return 0;
}

static int without_nsd(void **state)
{
    (void)state;
    close_resolver();
    return 0;
}

static void test_names_of_a_real_server(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"dp01.contoso.test", "OK", "", "192.0.2.10", 2},
        {"dp01.contoso.test", "OK", "", "2001:db8::10", 2},
        {"DP01.Contoso.TEST.", "OK", "", "192.0.2.10", 2},
        {"onlyfour.contoso.test", "OK", "", "192.0.2.11", 1},
        {"onlysix.contoso.test", "OK", "", "2001:db8::12", 1},
        {"alias.contoso.test", "OK", "alias2.contoso.test > dp01.contoso.test", "192.0.2.10", 2},
        {"clouddp.contoso.test", "OK",
         "clouddp.cloudapp.test > store01.blob.cloudapp.test > blob.ams20.store.cloudapp.test",
         "192.0.2.1", 1},
        {"nodata.contoso.test", "NODATA", "", NULL, 0},
        {"to-nodata.contoso.test", "NODATA", "nodata.contoso.test", NULL, 0},
        {"nothere.contoso.test", "NXDOMAIN", "", NULL, 0},
        {"dangling.contoso.test", "NXDOMAIN", "nothere.contoso.test", NULL, 0},
        {"dangling-afar.contoso.test", "NXDOMAIN", "nothere.cloudapp.test", NULL, 0},
        {"outside.contoso.test", "NODATA", "www.example.net", NULL, 0},
        {"loop1.contoso.test", "LOOP", "loop2.contoso.test > loop1.contoso.test", NULL, 0},
        {"to-loop.contoso.test", "LOOP",
         "loop1.contoso.test > loop2.contoso.test > loop1.contoso.test", NULL, 0},
        {"www.broken.test", "SERVFAIL", "", NULL, 0},
        {"www.elsewhere.test", "REFUSED", "", NULL, 0},
        {"many.contoso.test", "OK", "", NULL, LIMIT_DNS_ADDRESSES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i]);
}

static void test_sixteen_links_and_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *host, *word;
        size_t links, addresses;
    } rows[] = {
        {"c9.contoso.test", "OK", 9, 1},
        {"c16.contoso.test", "OK", 16, 1},
        {"c17.contoso.test", "TOO_LONG", 16, 0},
    };
    assert_int_equal(LIMIT_CNAME_LINKS, 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct resolve_answer *answer = resolve(rows[i].host);
        assert_string_equal(word(answer), rows[i].word);
        assert_int_equal(answer->link_count, rows[i].links);
        assert_int_equal(answer->address_count, rows[i].addresses);
        resolve_answer_free(answer);
    }
}

static void test_each_link_has_its_ttl_clamped(void **state)
{
    (void)state;
    struct resolve_answer *answer = resolve("clouddp.contoso.test");
    assert_int_equal(answer->links[0].ttl, 120);
    assert_int_equal(answer->links[1].ttl, 60);
    assert_int_equal(answer->links[2].ttl, 30);
    assert_int_equal(answer->addresses[0].ttl, LIMIT_DNS_TTL_MAX);
    resolve_answer_free(answer);
    answer = resolve("short.contoso.test");
    assert_int_equal(answer->links[0].ttl, LIMIT_DNS_TTL_MIN);
    assert_int_equal(answer->addresses[0].ttl, 300);
    resolve_answer_free(answer);
}

/* ---- a name server that lies ---- */

static int with_stub(void **state)
{
    (void)state;
    stub = dns_stub_start();
    if (!stub)
        return -1;
    open_resolver(dns_stub_server(stub), &fake_clock);
    return 0;
}

static int without_stub(void **state)
{
    (void)state;
    close_resolver();
    dns_stub_stop(stub);
    return 0;
}

static void test_lies(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"plain.test", "OK", "", "192.0.2.1", 1},
        {"reversed.test", "NODATA", "a.test > b.test", NULL, 0}, /* c-ares takes them in order */
        {"stranger.test", "OK", "", "192.0.2.1", 1},
        {"chaos.test", "NODATA", "", NULL, 0},
        {"truncated.test", "SERVFAIL", "", NULL, 0},
        {"servfail.test", "SERVFAIL", "", NULL, 0},
        {"refused.test", "REFUSED", "", NULL, 0},
        {"rubbish.test", "MALFORMED", "", NULL, 0},
        {"cut.test", "MALFORMED", "", NULL, 0},
        {"pointer.test", "MALFORMED", "", NULL, 0},
        {"slash.test", "MALFORMED", "", NULL, 0},
        {"control.test", "MALFORMED", "", NULL, 0},
        {"root.test", "MALFORMED", "", NULL, 0},
        {"slash-dangling.test", "MALFORMED", "", NULL, 0},
        {"dash-dangling.test", "NXDOMAIN", "a-b.test", NULL, 0},
        {"self.test", "LOOP", "self.test", NULL, 0},
        {"self-with-address.test", "LOOP", "self-with-address.test", NULL, 0},
        {"zero.test", "MALFORMED", "", NULL, 0},
        {"loopback.test", "OK", "", "127.0.0.1", 1},
        {"multicast.test", "MALFORMED", "", NULL, 0},
        {"mapped.test", "MALFORMED", "", NULL, 0},
        {"six.test", "OK", "", "2001:db8::1", 1},
        {"zero-and-good.test", "OK", "", "192.0.2.1", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i]);
}

static void test_ttls_are_clamped_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        int ttl;
    } rows[] = {
        {"ttl-zero.test", LIMIT_DNS_TTL_MIN},
        {"ttl-hour.test", 3600},
        {"ttl-years.test", LIMIT_DNS_TTL_MAX},
        {"ttl-negative.test", LIMIT_DNS_TTL_MIN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct resolve_answer *answer = resolve(rows[i].host);
        assert_int_equal(answer->addresses[0].ttl, rows[i].ttl);
        resolve_answer_free(answer);
    }
}

/* What is no answer to our question is not taken, and silence ends at our own deadline. */
static void test_the_deadline_is_ours(void **state)
{
    (void)state;
    static const char *const hosts[] = {"silent.test", "wrong-id.test", "wrong-question.test",
                                        "header-only.test"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct result result = {.answer = NULL};
        size_t asked = dns_stub_questions(stub, 0);
        resolve_start(resolver, hosts[i], on_answer, &result);
        dns_stub_questions(stub, asked + 2);
        fake_ms += LIMIT_DNS_SECONDS * 1000 - 1;
        loop_turn(loop, 50, NULL);
        assert_int_equal(result.calls, 0);
        fake_ms += 1;
        loop_turn(loop, 0, NULL);
        assert_int_equal(result.calls, 1);
        assert_string_equal(word(result.answer), "TIMEOUT");
        resolve_answer_free(result.answer);
    }
}

/* The answer that comes after the deadline is nobody's, and may be asked for again. */
static void test_late_answers_are_nobodys(void **state)
{
    (void)state;
    struct result result = {.answer = NULL};
    resolve_start(resolver, "second-time.test", on_answer, &result);
    dns_stub_questions(stub, 2);
    fake_ms += LIMIT_DNS_SECONDS * 1000;
    loop_turn(loop, 0, NULL);
    assert_string_equal(word(result.answer), "TIMEOUT");
    resolve_answer_free(result.answer);
    struct resolve_answer *answer = resolve("second-time.test");
    assert_string_equal(word(answer), "OK");
    resolve_answer_free(answer);
    assert_int_equal(result.calls, 1);
}

static void test_several_share_a_query_in_order(void **state)
{
    (void)state;
    struct result results[3] = {{.answer = NULL}};
    static const char *const hosts[] = {"plain.test", "PLAIN.test", "plain.test."};
    for (size_t i = 0; i < 3; i++)
        resolve_start(resolver, hosts[i], on_answer, &results[i]);
    wait_for(&results[2]);
    assert_int_equal(dns_stub_questions(stub, 2), 2); /* A and AAAA, once */
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(results[i].calls, 1);
        assert_string_equal(results[i].answer->addresses[0].text, "192.0.2.1");
        resolve_answer_free(results[i].answer);
    }
    assert_true(results[0].order < results[1].order && results[1].order < results[2].order);
}

static void test_answers_are_kept_for_their_ttl(void **state)
{
    (void)state;
    resolve_answer_free(resolve("ttl-hour.test"));
    size_t asked = dns_stub_questions(stub, 2);
    fake_ms += 3599 * 1000;
    struct result result = {.answer = NULL};
    resolve_start(resolver, "TTL-hour.test", on_answer, &result);
    assert_int_equal(result.calls, 1); /* at once */
    assert_int_equal(result.answer->addresses[0].ttl, 1);
    resolve_answer_free(result.answer);
    assert_int_equal(dns_stub_questions(stub, 0), asked);
    fake_ms += 1000;
    resolve_answer_free(resolve("ttl-hour.test"));
    assert_int_equal(dns_stub_questions(stub, 0), asked + 2);
}

static void test_failures_are_not_kept(void **state)
{
    (void)state;
    resolve_answer_free(resolve("servfail.test"));
    size_t asked = dns_stub_questions(stub, 2);
    resolve_answer_free(resolve("servfail.test"));
    assert_true(dns_stub_questions(stub, 0) > asked);
}

/* The youngest are kept: many names do not grow the cache without bound. */
static void test_the_cache_is_bounded(void **state)
{
    (void)state;
    char host[32];
    for (int i = 0; i < 100; i++) {
        snprintf(host, sizeof host, "plain.h%d.test", i);
        resolve_answer_free(resolve(host));
    }
    size_t asked = dns_stub_questions(stub, 200);
    resolve_answer_free(resolve("plain.h99.test"));
    assert_int_equal(dns_stub_questions(stub, 0), asked);
    resolve_answer_free(resolve("plain.h0.test"));
    assert_int_equal(dns_stub_questions(stub, 0), asked + 2);
}

static void test_a_callback_may_ask_again(void **state)
{
    (void)state;
    struct result second = {.answer = NULL};
    struct result first = {.asks = "servfail.test", .second = &second};
    resolve_start(resolver, "servfail.test", on_answer, &first);
    wait_for(&first);
    wait_for(&second);
    assert_string_equal(word(second.answer), "SERVFAIL");
    resolve_answer_free(first.answer);
    resolve_answer_free(second.answer);
}

static void test_the_end_tells_all_who_wait(void **state)
{
    (void)state;
    struct result third = {.answer = NULL}, other = {.answer = NULL};
    struct result first = {.asks = "plain.test", .second = &third};
    resolve_start(resolver, "silent.test", on_answer, &first);
    resolve_start(resolver, "other.silent.test", on_answer, &other);
    dns_stub_questions(stub, 2);
    resolver_destroy(resolver);
    assert_string_equal(word(first.answer), "TIMEOUT");
    assert_string_equal(word(other.answer), "TIMEOUT");
    assert_string_equal(word(third.answer), "TIMEOUT");
    resolve_answer_free(first.answer);
    resolve_answer_free(other.answer);
    resolve_answer_free(third.answer);
    resolver = NULL;
}

static void test_another_server_answers_for_a_dead_one(void **state)
{
    (void)state;
    char servers[64];
    close_resolver();
    snprintf(servers, sizeof servers, "127.0.0.1:%d,%s", find_free_port(), dns_stub_server(stub));
    open_resolver(servers, &clock_system);
    check(&(struct row){"plain.test", "OK", "", "192.0.2.1", 1});
}

/* ---- without a server ---- */

static int with_nobody(void **state)
{
    (void)state;
    char server[32];
    snprintf(server, sizeof server, "127.0.0.1:%d", find_free_port());
    open_resolver(server, &clock_system);
    return 0;
}

static void test_what_needs_no_server(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"192.0.2.7", "OK", "", "192.0.2.7", 1},
        {"2001:db8::7", "OK", "", "2001:db8::7", 1},
        {"2001:DB8:0::7", "OK", "", "2001:db8::7", 1},
        {"0.0.0.0", "MALFORMED", "", NULL, 0},
        {"1.0.0.0", "OK", "", "1.0.0.0", 1},
        {"169.254.169.254", "MALFORMED", "", NULL, 0},
        {"169.253.169.254", "OK", "", "169.253.169.254", 1},
        {"fe80::1", "MALFORMED", "", NULL, 0},
        {"fec0::1", "OK", "", "fec0::1", 1},
        {"224.0.0.1", "MALFORMED", "", NULL, 0},
        {"223.0.0.1", "OK", "", "223.0.0.1", 1},
        {"ff02::1", "MALFORMED", "", NULL, 0},
        {"::ffff:192.0.2.1", "MALFORMED", "", NULL, 0},
        {"127.0.0.1", "OK", "", "127.0.0.1", 1},
        {"", "MALFORMED", "", NULL, 0},
        {".", "MALFORMED", "", NULL, 0},
        {"a..test", "MALFORMED", "", NULL, 0},
        {"dp01.test/x", "MALFORMED", "", NULL, 0},
        {"dp 01.test", "MALFORMED", "", NULL, 0},
        {"dp\n01.test", "MALFORMED", "", NULL, 0},
        {"b\xC3\xBC"
         "cher.test",
         "MALFORMED", "", NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i]);
}

/* Two aliases, a text and no address, cut at every byte: only the whole is taken. */
static void test_a_message_cut_anywhere_is_malformed(void **state)
{
    (void)state;
    static const char message[] = "\0\1\x84\x83\0\1\0\3\0\0\0\0"
                                  "\1a\4test\0\0\1\0\1"
                                  "\xC0\x0C\0\5\0\1\0\0\0\x3C\0\4\1b\xC0\x0E"
                                  "\xC0\x24\0\5\0\1\xFF\xFF\xFF\xFF\0\4\1c\xC0\x0E"
                                  "\xC0\x0C\0\x10\0\1\0\0\0\x3C\0\4\3abc";
    for (int len = 0; len < (int)sizeof message; len++) {
        unsigned char *bytes = mem_resize(NULL, (size_t)len, 1); /* nothing behind it is ours */
        memcpy(bytes, message, (size_t)len);
        struct resolve_answer *answer = answer_from_message("A.test", bytes, len, RESOLVE_NXDOMAIN);
        bool whole = len == sizeof message - 1;
        assert_string_equal(word(answer), whole ? "NXDOMAIN" : "MALFORMED");
        assert_int_equal(answer->link_count, whole ? 2 : 0);
        if (whole) {
            assert_string_equal(answer->links[1].target, "c.test");
            assert_int_equal(answer->links[0].ttl, 60);
            assert_int_equal(answer->links[1].ttl, LIMIT_DNS_TTL_MIN);
        }
        resolve_answer_free(answer);
        free(bytes);
    }
}

static void test_only_addresses_are_servers(void **state)
{
    (void)state;
    static const struct {
        const char *servers;
        bool taken;
    } rows[] = {
        {"127.0.0.1", true},
        {"127.0.0.1:5353,[::1]:5353", true},
        {"ns.contoso.test", false},
        {"127.0.0.1,ns.contoso.test", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = {0};
        struct resolver *other = resolver_create(loop, rows[i].servers, &err);
        assert_int_equal(other != NULL, rows[i].taken);
        assert_int_equal(err.kind, rows[i].taken ? ERROR_NONE : ERROR_INPUT);
        resolver_destroy(other);
    }
}

static void test_the_systems_hosts_file_counts(void **state)
{
    (void)state;
    close_resolver();
    open_resolver(NULL, &clock_system);
    struct resolve_answer *answer = resolve("localhost");
    assert_string_equal(word(answer), "OK");
    assert_true(has_address(answer, "127.0.0.1") || has_address(answer, "::1"));
    resolve_answer_free(answer);
}

#define NSD(test)    cmocka_unit_test_setup_teardown(test, with_nsd, without_nsd)
#define STUB(test)   cmocka_unit_test_setup_teardown(test, with_stub, without_stub)
#define NOBODY(test) cmocka_unit_test_setup_teardown(test, with_nobody, without_nsd)

int main(void)
{
    const struct CMUnitTest real[] = {
        NSD(test_names_of_a_real_server),
        NSD(test_sixteen_links_and_no_more),
        NSD(test_each_link_has_its_ttl_clamped),
    };
    const struct CMUnitTest lies[] = {
        STUB(test_lies),
        STUB(test_ttls_are_clamped_both_ways),
        STUB(test_the_deadline_is_ours),
        STUB(test_late_answers_are_nobodys),
        STUB(test_several_share_a_query_in_order),
        STUB(test_answers_are_kept_for_their_ttl),
        STUB(test_failures_are_not_kept),
        STUB(test_the_cache_is_bounded),
        STUB(test_a_callback_may_ask_again),
        STUB(test_the_end_tells_all_who_wait),
        STUB(test_another_server_answers_for_a_dead_one),
        NOBODY(test_what_needs_no_server),
        cmocka_unit_test(test_a_message_cut_anywhere_is_malformed),
        NOBODY(test_only_addresses_are_servers),
        NOBODY(test_the_systems_hosts_file_counts),
    };
    int failed = cmocka_run_group_tests(real, start_nsd, stop_nsd);
    return failed + cmocka_run_group_tests(lies, NULL, NULL);
}

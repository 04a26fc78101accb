/* The kernel's answers about links and addresses, from bytes made here: what is read, what counts,
   and lengths that lie. */
#include "agent/machine/parts.h"
#include "policy/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/netlink_bytes.h"

/* From memory of exactly that size, so that a sanitizer sees a step too far. */
static bool parse(struct rtnetlink *found, struct rtnetlink_dump *dump, const char *data,
                  size_t len, struct error *err)
{
    char *exact = mem_copy_bytes(data, len);
    exact = mem_resize(exact, len, 1);
    *found = (struct rtnetlink){.link_count = 0};
    *dump = (struct rtnetlink_dump){.sequence = SEQUENCE};
    bool ok = rtnetlink_parse(found, dump, exact, len, err);
    free(exact);
    return ok;
}

static void parse_good(struct rtnetlink *found, const struct buf *bytes)
{
    struct rtnetlink_dump dump;
    struct error err = {0};
    if (!parse(found, &dump, bytes->data, bytes->len, &err))
        fail_msg("%s", err.text);
}

/* ---- what is read ---- */

static void links(void **state)
{
    static const struct {
        unsigned kind;
        int64_t if_type;
    } rows[] = {
        {ARPHRD_ETHER, 6},     {ARPHRD_LOOPBACK, 24}, {ARPHRD_PPP, 23},    {ARPHRD_TUNNEL, 131},
        {ARPHRD_TUNNEL6, 131}, {ARPHRD_SIT, 131},     {ARPHRD_IPGRE, 131}, {ARPHRD_INFINIBAND, 199},
        {ARPHRD_NONE, -1},     {ARPHRD_CAN, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf bytes = {0};
        struct rtnetlink found;
        link_message(&bytes, 5, rows[i].kind, IFF_UP | IFF_LOOPBACK, "x0", NULL);
        parse_good(&found, &bytes);
        assert_int_equal(found.link_count, 1);
        assert_int_equal(found.links[0].index, 5);
        assert_int_equal(found.links[0].flags, IFF_UP | IFF_LOOPBACK);
        if (found.links[0].if_type != rows[i].if_type)
            fail_msg("%u is %d", rows[i].kind, (int)found.links[0].if_type);
        assert_string_equal(found.links[0].name, "x0");
        assert_null(found.links[0].description);
        rtnetlink_free(&found);
        buf_free(&bytes);
    }
}

static void alias(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct rtnetlink found;
    link_message(&bytes, 1, ARPHRD_ETHER, 0, "eth0", "Head office");
    link_message(&bytes, 2, ARPHRD_ETHER, 0, "eth1", "");
    link_message(&bytes, 3, ARPHRD_ETHER, 0, NULL, NULL);
    parse_good(&found, &bytes);
    assert_int_equal(found.link_count, 3);
    assert_string_equal(found.links[0].description, "Head office");
    assert_null(found.links[1].description);
    assert_null(found.links[2].name);
    rtnetlink_free(&found);
    buf_free(&bytes);
}

/* A text that its attribute cuts off has no NUL at its end. */
static void text_without_end(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct rtnetlink found;
    const struct ifinfomsg fixed = {.ifi_index = 1};
    size_t at = begin(&bytes, RTM_NEWLINK, SEQUENCE);
    buf_append(&bytes, &fixed, sizeof fixed);
    attribute(&bytes, IFLA_IFNAME, "eth0", 4);
    end(&bytes, at);
    parse_good(&found, &bytes);
    assert_string_equal(found.links[0].name, "eth0");
    rtnetlink_free(&found);
    buf_free(&bytes);
}

/* On a point-to-point link the machine's own is IFA_LOCAL, in whatever order they stand. */
static void own_end(void **state)
{
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct buf bytes = {0};
        struct rtnetlink found;
        const struct ifaddrmsg fixed = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 2};
        size_t at = begin(&bytes, RTM_NEWADDR, SEQUENCE);
        buf_append(&bytes, &fixed, sizeof fixed);
        number_attribute(&bytes, turn ? IFA_LOCAL : IFA_ADDRESS, turn ? "10.0.0.1" : "10.0.0.2");
        number_attribute(&bytes, turn ? IFA_ADDRESS : IFA_LOCAL, turn ? "10.0.0.2" : "10.0.0.1");
        end(&bytes, at);
        parse_good(&found, &bytes);
        assert_int_equal(found.address_count, 1);
        assert_memory_equal(found.addresses[0].bytes, "\x0A\0\0\x01", 4);
        rtnetlink_free(&found);
        buf_free(&bytes);
    }
}

/* Another family, another's message, no address at all: passed over. */
static void passed_over(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct rtnetlink found;
    const struct ifaddrmsg phonet = {.ifa_family = AF_PHONET, .ifa_prefixlen = 255};
    address_message(&bytes, &(struct written){.prefix = 8});
    size_t at = begin(&bytes, RTM_NEWADDR, SEQUENCE);
    buf_append(&bytes, &phonet, sizeof phonet);
    end(&bytes, at);
    end(&bytes, begin(&bytes, NLMSG_NOOP, SEQUENCE));
    done_message(&bytes, SEQUENCE + 1, 0, 0);
    end(&bytes, begin(&bytes, RTM_NEWLINK, SEQUENCE - 1));
    address_message(&bytes, &(struct written){.address = "2001:db8::1", .prefix = 64});
    parse_good(&found, &bytes);
    assert_int_equal(found.address_count, 1);
    assert_int_equal(found.addresses[0].family, AF_INET6);
    assert_int_equal(found.addresses[0].prefix, 64);
    assert_int_equal(found.addresses[0].link, 2);
    rtnetlink_free(&found);
    buf_free(&bytes);
}

/* ---- lengths that lie ---- */

static void sample(struct buf *bytes)
{
    link_message(bytes, 1, ARPHRD_LOOPBACK, IFF_UP | IFF_LOOPBACK, "lo", NULL);
    link_message(bytes, 2, ARPHRD_ETHER, IFF_UP, "eth0", "Head office");
    address_message(bytes, &(struct written){.local = "10.1.2.3", .prefix = 24});
    address_message(bytes, &(struct written){.address = "2001:db8::5", .prefix = 64});
    done_message(bytes, SEQUENCE, 0, 0);
}

/* Cut off at any byte: what stands whole before it, or a refusal. Never the end. */
static void truncated(void **state)
{
    (void)state;
    struct buf bytes = {0};
    sample(&bytes);
    size_t whole = 0;
    for (size_t len = 0; len < bytes.len; len++) {
        struct rtnetlink found;
        struct rtnetlink_dump dump;
        struct error err = {0};
        if (parse(&found, &dump, bytes.data, len, &err))
            whole++;
        else
            assert_int_equal(err.kind, ERROR_FAILED);
        assert_false(dump.done);
        assert_true(found.link_count + found.address_count <= 4);
        rtnetlink_free(&found);
    }
    /* Before each of the five messages. */
    assert_int_equal(whole, 5);
    buf_free(&bytes);
}

/* Any byte of the whole changed: no step outside. */
static void garbled(void **state)
{
    static const unsigned char values[] = {0, 1, 3, 4, 5, 8, 0x7F, 0x80, 0xFF};
    (void)state;
    struct buf bytes = {0};
    sample(&bytes);
    for (size_t at = 0; at < bytes.len; at++)
        for (size_t i = 0; i < sizeof values; i++) {
            char was = bytes.data[at];
            struct rtnetlink found;
            struct rtnetlink_dump dump;
            bytes.data[at] = (char)values[i];
            parse(&found, &dump, bytes.data, bytes.len, NULL);
            rtnetlink_free(&found);
            bytes.data[at] = was;
        }
    buf_free(&bytes);
}

/* One message that says it is shorter and is: good where a part of it ends, or would but for the
   bytes that fill it up. `fixed` stands before the attributes, of which the last has `pad` such
   bytes and `last` others. */
static void shorten(const struct buf *bytes, size_t fixed, size_t last, size_t pad)
{
    for (uint32_t len = 16; len <= bytes->len; len++) {
        struct buf cut = {0};
        struct rtnetlink found;
        struct rtnetlink_dump dump;
        size_t left = bytes->len - len;
        buf_append(&cut, bytes->data, len);
        memcpy(cut.data, &len, sizeof len);
        bool good = left <= pad || left == pad + last || len == 16 + fixed;
        if (parse(&found, &dump, cut.data, cut.len, NULL) != good)
            fail_msg("%u of %zu bytes", (unsigned)len, bytes->len);
        rtnetlink_free(&found);
        buf_free(&cut);
    }
}

static void shortened(void **state)
{
    (void)state;
    struct buf bytes = {0};
    const struct ifinfomsg link = {.ifi_index = 1};
    size_t at = begin(&bytes, RTM_NEWLINK, SEQUENCE);
    buf_append(&bytes, &link, sizeof link);
    text_attribute(&bytes, IFLA_IFNAME, "eth0"); /* 9 bytes and 3 */
    end(&bytes, at);
    shorten(&bytes, sizeof link, 9, 3);
    buf_clear(&bytes);
    const struct ifaddrmsg address = {.ifa_family = AF_INET6, .ifa_index = 1};
    at = begin(&bytes, RTM_NEWADDR, SEQUENCE);
    buf_append(&bytes, &address, sizeof address);
    number_attribute(&bytes, IFA_ADDRESS, "2001:db8::5");
    end(&bytes, at);
    shorten(&bytes, sizeof address, 20, 0);
    buf_free(&bytes);
}

/* An address message with one attribute; its lengths as the row says. */
static bool parse_lengths(uint32_t message, unsigned attribute_len, size_t size, int prefix)
{
    struct buf bytes = {0};
    struct rtnetlink found;
    struct rtnetlink_dump dump;
    const struct ifaddrmsg fixed = {
        .ifa_family = AF_INET, .ifa_prefixlen = (unsigned char)prefix, .ifa_index = 2};
    size_t at = begin(&bytes, RTM_NEWADDR, SEQUENCE);
    buf_append(&bytes, &fixed, sizeof fixed);
    size_t first = bytes.len;
    attribute(&bytes, IFA_LOCAL, "\x0A\1\2\3\4\5\6\7", size);
    end(&bytes, at);
    memcpy(bytes.data + at, &message, sizeof message);
    memcpy(bytes.data + first, &(unsigned short){(unsigned short)attribute_len}, 2);
    bool ok = parse(&found, &dump, bytes.data, bytes.len, NULL);
    rtnetlink_free(&found);
    buf_free(&bytes);
    return ok;
}

/* The message is 16 + 8 + 8 bytes; each row changes one length of the first. */
static void lengths(void **state)
{
    static const struct {
        uint32_t message;
        unsigned attribute;
        size_t size;
        int prefix;
        bool good;
    } rows[] = {
        {32, 8, 4, 32, true},  {0, 8, 4, 32, false},   {15, 8, 4, 32, false},
        {16, 8, 4, 32, false}, {23, 8, 4, 32, false},  {33, 8, 4, 32, false},
        {28, 8, 4, 32, false}, {30, 8, 4, 32, false},  {UINT32_MAX, 8, 4, 32, false},
        {32, 0, 4, 32, false}, {32, 3, 4, 32, false},  {32, 4, 4, 32, false},
        {32, 7, 4, 32, false}, {32, 9, 4, 32, false},  {32, 0xFFFF, 4, 32, false},
        {36, 9, 5, 32, false}, {36, 12, 8, 32, false}, {32, 8, 4, 33, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (parse_lengths(rows[i].message, rows[i].attribute, rows[i].size, rows[i].prefix) !=
            rows[i].good)
            fail_msg("row %zu", i);
}

/* ---- the kernel's refusals ---- */

static void refusals(void **state)
{
    static const struct {
        unsigned type;
        int number;
        size_t size;
        const char *code; /* NULL: fine */
    } rows[] = {
        {NLMSG_ERROR, 0, 4, NULL},        {NLMSG_ERROR, -1, 4, "EPERM"},
        {NLMSG_ERROR, 1, 4, "NETLINK"},   {NLMSG_ERROR, INT32_MIN, 4, "NETLINK"},
        {NLMSG_ERROR, 0, 3, "NETLINK"},   {NLMSG_DONE, 0, 4, NULL},
        {NLMSG_DONE, -105, 4, "ENOBUFS"}, {NLMSG_DONE, 0, 0, NULL},
        {NLMSG_OVERRUN, 0, 4, "NETLINK"}, {NLMSG_NOOP, -1, 4, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf bytes = {0};
        struct rtnetlink found;
        struct rtnetlink_dump dump;
        struct error err = {0};
        size_t at = begin(&bytes, rows[i].type, SEQUENCE);
        buf_append(&bytes, &rows[i].number, rows[i].size);
        end(&bytes, at);
        bool ok = parse(&found, &dump, bytes.data, bytes.len, &err);
        if (ok != !rows[i].code || (!ok && strcmp(err.code, rows[i].code) != 0))
            fail_msg("row %zu: %s %s", i, err.code, err.text);
        assert_int_equal(err.kind, ok ? ERROR_NONE : ERROR_FAILED);
        assert_int_equal(dump.done, rows[i].type == NLMSG_DONE);
        rtnetlink_free(&found);
        buf_free(&bytes);
    }
}

/* ---- what counts ---- */

static void take(struct machine *machine, const struct buf *bytes)
{
    struct rtnetlink found;
    *machine = (struct machine){.name = NULL};
    parse_good(&found, bytes);
    assert_true(machine_take(machine, &found, NULL));
    rtnetlink_free(&found);
}

/* An address counts by itself, on a link that is up. */
static void addresses_count(void **state)
{
    static const struct {
        struct written written;
        const char *text; /* NULL: it does not count */
    } rows[] = {
        {{.local = "10.1.2.3", .address = "10.1.2.3", .prefix = 20}, "10.1.2.3/20"},
        {{.local = "10.0.0.1", .address = "10.0.0.2", .prefix = 32}, "10.0.0.1/32"},
        {{.address = "10.1.2.3", .prefix = 24}, "10.1.2.3/24"},
        {{.local = "127.0.0.1", .prefix = 8}, NULL},
        {{.local = "128.0.0.1", .prefix = 8}, "128.0.0.1/8"},
        {{.local = "169.254.7.7", .prefix = 16}, NULL},
        {{.local = "169.253.7.7", .prefix = 16}, "169.253.7.7/16"},
        {{.local = "0.0.0.0", .prefix = 24}, NULL},
        {{.local = "10.1.2.3", .prefix = 24, .scope = RT_SCOPE_LINK}, "10.1.2.3/24"},
        {{.local = "10.1.2.3", .prefix = 24, .scope = RT_SCOPE_HOST}, NULL},
        {{.address = "2001:db8::5", .prefix = 64}, "2001:db8::5/64"},
        {{.local = "2001:db8::5", .address = "2001:db8::6", .prefix = 128}, "2001:db8::5/128"},
        {{.address = "fd00::5", .prefix = 64, .flags = IFA_F_TEMPORARY}, "fd00::5/64"},
        {{.address = "fe80::5", .prefix = 64}, NULL},
        {{.address = "::1", .prefix = 128}, NULL},
        {{.address = "2001:db8::5", .prefix = 64, .flags = IFA_F_TENTATIVE}, NULL},
        {{.address = "2001:db8::5", .prefix = 64, .flags = IFA_F_TENTATIVE | IFA_F_OPTIMISTIC},
         "2001:db8::5/64"},
        {{.address = "2001:db8::5", .prefix = 64, .flags = IFA_F_DADFAILED}, NULL},
        {{.address = "2001:db8::5", .prefix = 64, .flags = IFA_F_DEPRECATED}, "2001:db8::5/64"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf bytes = {0};
        struct machine machine;
        link_message(&bytes, 2, ARPHRD_ETHER, IFF_UP, "eth0", NULL);
        address_message(&bytes, &rows[i].written);
        take(&machine, &bytes);
        if (machine.address_count != (rows[i].text != NULL))
            fail_msg("row %zu: %zu addresses", i, machine.address_count);
        if (rows[i].text)
            assert_string_equal(machine.addresses[0].text, rows[i].text);
        assert_int_equal(machine.adapter_count, machine.address_count);
        machine_free(&machine);
        buf_free(&bytes);
    }
}

/* An adapter counts that is up, no loopback and carries an address that counts. */
static void links_count(void **state)
{
    static const struct {
        int index;
        unsigned flags;
        const char *address;
        bool counts;
    } rows[] = {
        {2, IFF_UP, "10.1.2.3", true},
        {3, IFF_UP, "10.1.2.3", false}, /* the address is another link's, which is not there */
        {2, 0, "10.1.2.3", false},
        {2, IFF_UP | IFF_LOOPBACK, "10.1.2.3", false},
        {2, IFF_UP, "169.254.1.1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf bytes = {0};
        struct machine machine;
        link_message(&bytes, rows[i].index, ARPHRD_PPP, rows[i].flags, "lo0", "Line");
        address_message(&bytes, &(struct written){.local = rows[i].address, .prefix = 24});
        take(&machine, &bytes);
        if (machine.address_count != rows[i].counts || machine.adapter_count != rows[i].counts)
            fail_msg("row %zu", i);
        if (rows[i].counts) {
            assert_string_equal(machine.adapters[0].name, "lo0");
            assert_string_equal(machine.adapters[0].description, "Line");
            assert_int_equal(machine.adapters[0].if_type, 23);
        }
        assert_int_equal(machine.facts[MACHINE_ADDRESSES].origin, MACHINE_FROM_SYSTEM);
        assert_string_equal(machine.facts[MACHINE_ADAPTERS].place, "rtnetlink");
        machine_free(&machine);
        buf_free(&bytes);
    }
}

static void too_many(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct buf bytes = {0};
        struct rtnetlink found;
        struct machine machine = {.name = NULL};
        struct error err = {0};
        link_message(&bytes, 2, ARPHRD_ETHER, IFF_UP, "eth0", NULL);
        for (int i = 0; i < LIMIT_MACHINE_LIST + more; i++) {
            char text[20];
            snprintf(text, sizeof text, "10.7.%d.%d", i / 256, i % 256);
            address_message(&bytes, &(struct written){.local = text, .prefix = 32});
        }
        parse_good(&found, &bytes);
        assert_int_equal(machine_take(&machine, &found, &err), !more);
        assert_int_equal(err.kind, more ? ERROR_FAILED : ERROR_NONE);
        rtnetlink_free(&found);
        machine_free(&machine);
        buf_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links),
        cmocka_unit_test(alias),
        cmocka_unit_test(text_without_end),
        cmocka_unit_test(own_end),
        cmocka_unit_test(passed_over),
        cmocka_unit_test(truncated),
        cmocka_unit_test(garbled),
        cmocka_unit_test(shortened),
        cmocka_unit_test(lengths),
        cmocka_unit_test(refusals),
        cmocka_unit_test(addresses_count),
        cmocka_unit_test(links_count),
        cmocka_unit_test(too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

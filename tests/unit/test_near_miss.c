/* Why a boundary does not hold a machine, and which would: a row for each code, and a twin with one
   fact changed and another answer. */
#include "agent/location/internal.h"
#include "agent/location/near_miss.h"

#include "policy/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Machines as JSON with ' for ". */
static void make_machine(struct machine *machine, const char *text)
{
    char *json = mem_copy_string(text);
    for (char *c = json; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *object = json_loads(json, 0, NULL);
    struct error err = {0};
    if (!object || !machine_from_json(machine, object, "row", &err))
        fail_msg("%s: %s", text, err.text);
    json_decref(object);
    free(json);
}

static void make_boundary(struct site_boundary *boundary, enum boundary_type type,
                          const char *value)
{
    struct error err = {0};
    *boundary = (struct site_boundary){.id = 1};
    if (!boundary_parse(&boundary->boundary, type, value, "row", &err))
        fail_msg("%s: %s", value, err.text);
}

#define SUB  BOUNDARY_IP_SUBNET
#define SITE BOUNDARY_AD_SITE
#define PRE  BOUNDARY_IPV6_PREFIX
#define RAN  BOUNDARY_IP_RANGE
#define VPN  BOUNDARY_VPN

#define ADDRESS(text)   "{'addresses': ['" text "']}"
#define SUBNET(text)    "{'subnets': ['" text "']}"
#define AD(text)        "{'adSite': '" text "'}"
#define ADAPTER(n, d)   "{'adapters': [{'name': '" n "', 'description': '" d "'}]}"
#define VPN_ADAPTER(on) "{'adapters': [{'name': 'Forti', 'vpn': true}], 'vpn': " on "}"
#define SPACES_50       "....5....0....5....0....5....0....5....0....5....0"
#define LETTERS_250     SPACES_50 SPACES_50 SPACES_50 SPACES_50 SPACES_50
#define LETTERS_240 \
    SPACES_50 SPACES_50 SPACES_50 SPACES_50 "....5....0....5....0....5....0....5....0"

static const struct row {
    enum boundary_type type;
    const char *value, *machine;
    enum miss code;
    unsigned gap;
    enum boundary_type would_type;
    const char *would; /* NULL: nothing can be said */
} rows[] = {
    /* IP subnet: the network ID must be equal (configmgr-sdk 1.2). */
    {SUB, "10.20.1.0", ADDRESS("10.20.1.57/24"), MISS_NONE, 0, SUB, "10.20.1.0"},
    {SUB, "10.20.1.0", SUBNET("10.20.1.0"), MISS_NONE, 0, SUB, "10.20.1.0"},
    {SUB, "10.20.1.0/24", ADDRESS("10.20.1.57/24"), MISS_WRITTEN_MASK, 0, SUB, "10.20.1.0"},
    {SUB, "10.20.1.0/24", SUBNET("10.20.1.0"), MISS_WRITTEN_MASK, 0, SUB, "10.20.1.0"},
    {SUB, "10.20.1.0/24", ADDRESS("10.20.1.57/23"), MISS_MASK, 256, SUB, "10.20.0.0"},
    {SUB, "10.20.1.0", ADDRESS("10.20.1.57/23"), MISS_MASK, 256, SUB, "10.20.0.0"},
    {SUB, "10.20.1.0", ADDRESS("10.20.1.157/25"), MISS_MASK, 128, SUB, "10.20.1.128"},
    {SUB, "10.20.1.0", ADDRESS("10.20.1.57/25"), MISS_NONE, 0, SUB, "10.20.1.0"},
    {SUB, "10.20.0.0", ADDRESS("10.20.1.57/24"), MISS_MASK, 256, SUB, "10.20.1.0"},
    {SUB, "10.21.0.0", ADDRESS("10.20.1.57/24"), MISS_NETWORK, 65280, SUB, "10.20.1.0"},
    {SUB, "10.20.1.0", ADDRESS("10.20.0.57/23"), MISS_MASK, 256, SUB, "10.20.0.0"},
    {SUB, "10.20.2.0", ADDRESS("10.20.0.57/23"), MISS_NETWORK, 512, SUB, "10.20.0.0"},
    {SUB, "10.20.1.128", ADDRESS("10.20.1.200/24"), MISS_MASK, 128, SUB, "10.20.1.0"},
    {SUB, "10.20.1.128", ADDRESS("10.20.1.200/28"), MISS_MASK, 64, SUB, "10.20.1.192"},
    {SUB, "10.20.1.128/26", ADDRESS("10.20.1.200/28"), MISS_NETWORK, 64, SUB, "10.20.1.192"},
    {SUB, "10.20.1.128/25", ADDRESS("10.20.1.200/28"), MISS_MASK, 64, SUB, "10.20.1.192"},
    {SUB, "0.0.0.0", ADDRESS("10.20.1.57/24"), MISS_MASK, 0x0a140100, SUB, "10.20.1.0"},
    {SUB, "10.20.0.0", SUBNET("10.20.1.0"), MISS_MASK, 256, SUB, "10.20.1.0"},
    {SUB, "10.21.0.0", SUBNET("10.20.1.0"), MISS_NETWORK, 65280, SUB, "10.20.1.0"},
    {SUB, "10.20.2.0", ADDRESS("10.20.1.57/24"), MISS_NETWORK, 256, SUB, "10.20.1.0"},
    {SUB, "10.20.1.0", ADDRESS("10.20.1.57"), MISS_NO_PREFIX, 57, RAN, "10.20.1.57-10.20.1.57"},
    {SUB, "10.9.9.0", ADDRESS("10.9.8.1"), MISS_NO_PREFIX, 255, RAN, "10.9.8.1-10.9.8.1"},
    {SUB, "10.20.1.0", ADDRESS("2001:db8:20:1::57/64"), MISS_FAMILY, 0, PRE, "2001:0db8:0020:0001"},
    {SUB, "10.20.1.0", "{}", MISS_FAMILY, 0, SUB, NULL},
    {SUB, "10.20.1.0", SUBNET("2001:db8::"), MISS_FAMILY, 0, SUB, NULL},
    {SUB, "10.20.1.0", ADDRESS("::ffff:10.20.1.57"), MISS_NO_PREFIX, 57, RAN,
     "10.20.1.57-10.20.1.57"},
    /* The nearest of several: the first is expected to be held, the second is the neighbor. */
    {SUB, "10.20.1.0", "{'addresses': ['10.20.2.57/24', '10.20.1.57/16']}", MISS_MASK, 256, SUB,
     "10.20.0.0"},
    {SUB, "10.20.1.0", "{'addresses': ['10.20.2.57/24', '10.99.1.57/16']}", MISS_NETWORK, 256, SUB,
     "10.20.2.0"},
    /* A network that was given says more than an address without prefix. */
    {SUB, "10.20.0.0", "{'addresses': ['10.20.0.57'], 'subnets': ['10.20.1.0']}", MISS_MASK, 256,
     SUB, "10.20.1.0"},

    /* IP range: both ends included. */
    {RAN, "10.1.2.10-10.1.2.20", ADDRESS("10.1.2.10/24"), MISS_NONE, 0, RAN, "10.1.2.0-10.1.2.255"},
    {RAN, "10.1.2.10-10.1.2.20", ADDRESS("10.1.2.9/24"), MISS_BEFORE, 1, RAN,
     "10.1.2.0-10.1.2.255"},
    {RAN, "10.1.2.10-10.1.2.20", ADDRESS("10.1.2.21"), MISS_AFTER, 1, RAN, "10.1.2.21-10.1.2.21"},
    {RAN, "10.1.2.10-10.1.2.20", ADDRESS("10.1.3.20/24"), MISS_AFTER, 256, RAN,
     "10.1.3.0-10.1.3.255"},
    {RAN, "10.1.2.10-10.1.2.20", ADDRESS("2001:db8::1/64"), MISS_FAMILY, 0, PRE,
     "2001:0db8:0000:0000"},
    {RAN, "10.1.2.10-10.1.2.20", SUBNET("10.1.2.0"), MISS_FAMILY, 0, SUB, "10.1.2.0"},
    {RAN, "::-2001:db8::", ADDRESS("10.1.2.10/24"), MISS_FAMILY, 0, SUB, "10.1.2.0"},
    {RAN, "2001:db8::10-2001:db8::20", ADDRESS("2001:db8::21/64"), MISS_AFTER, 1, RAN,
     "2001:db8::-2001:db8::ffff:ffff:ffff:ffff"},
    {RAN, "2001:db8::10-2001:db8::20", ADDRESS("::1/80"), MISS_BEFORE, 0x0f, RAN, "::1-::1"},
    {RAN, "10.1.2.10-10.1.2.20", "{'addresses': ['10.1.2.1', '10.1.2.22', '10.1.1.1']}", MISS_AFTER,
     2, RAN, "10.1.2.22-10.1.2.22"},

    /* IPv6 prefix: a /64 unless it says more. */
    {PRE, "2001:0DB8:0020:0001", ADDRESS("2001:db8:20:1::57"), MISS_NONE, 0, PRE,
     "2001:0db8:0020:0001"},
    {PRE, "2001:0DB8:0020:0001", ADDRESS("2001:db8:20:2::57"), MISS_AFTER, 1, PRE,
     "2001:0db8:0020:0002"},
    {PRE, "2001:0DB8:0020:0001", ADDRESS("2001:db8:20::57/128"), MISS_BEFORE, 1, PRE,
     "2001:0db8:0020:0000"},
    {PRE, "2001:db8:20:1::/48", ADDRESS("2001:db8:21::57"), MISS_AFTER, 1, PRE,
     "2001:0db8:0021:0000"},
    {PRE, "2001:db8:20:1::/80", ADDRESS("2001:db8:20:1:1::1"), MISS_LONG_PREFIX, 0, PRE,
     "2001:0db8:0020:0001"},
    {PRE, "2001:db8:20:1::/80", ADDRESS("2001:db8:20:1::1"), MISS_NONE, 0, PRE,
     "2001:0db8:0020:0001"},
    {PRE, "2001:db8:20:1::/64", ADDRESS("10.20.1.57/24"), MISS_FAMILY, 0, SUB, "10.20.1.0"},
    {PRE, "::/0", ADDRESS("10.20.1.57"), MISS_FAMILY, 0, RAN, "10.20.1.57-10.20.1.57"},

    /* AD site: without case. */
    {SITE, "London", AD("LONDON"), MISS_NONE, 0, SITE, "LONDON"},
    {SITE, "London", AD("Londno"), MISS_SPELLING, 1, SITE, "Londno"},
    {SITE, "London", AD("Lnodno"), MISS_SPELLING, 2, SITE, "Lnodno"},
    {SITE, "London", AD("Lxodon"), MISS_SPELLING, 2, SITE, "Lxodon"},
    {SITE, "London", AD("Lyndin"), MISS_SPELLING, 2, SITE, "Lyndin"},
    {SITE, "London", AD("Lyndyn"), MISS_SPELLING, 2, SITE, "Lyndyn"},
    {SITE, "London", AD("Dublin"), MISS_OTHER_TEXT, 0, SITE, "Dublin"},
    {SITE, "Rome", AD("Roma"), MISS_SPELLING, 1, SITE, "Roma"},
    {SITE, "HQ", AD("HR"), MISS_OTHER_TEXT, 0, SITE, "HR"},
    {SITE, "Rome", AD("Roxy"), MISS_OTHER_TEXT, 0, SITE, "Roxy"},
    {SITE, "London-HQ", AD("London HQ"), MISS_PUNCTUATION, 0, SITE, "London HQ"},
    {SITE, "London-HQ", AD("London HK"), MISS_SPELLING, 2, SITE, "London HK"},
    {SITE, "--", AD("-"), MISS_SHORTER, 1, SITE, "-"},
    {SITE, "London", AD("London 2"), MISS_LONGER, 2, SITE, "London 2"},
    {SITE, "London", AD("London2"), MISS_SPELLING, 1, SITE, "London2"},
    {SITE, "London", AD("Londonderry"), MISS_LONGER, 5, SITE, "Londonderry"},
    {SITE, "London City", AD("London"), MISS_SHORTER, 5, SITE, "London"},
    {SITE, "London 2", AD("London"), MISS_SHORTER, 2, SITE, "London"},
    {SITE, "München", AD("Munchen"), MISS_SPELLING, 1, SITE, "Munchen"},
    {SITE, "Munchen", AD("München"), MISS_SPELLING, 1, SITE, "München"},
    {SITE, "München", AD("Mänchen"), MISS_SPELLING, 1, SITE, "Mänchen"},
    {SITE, "Mü中chen", AD("Münchén"), MISS_SPELLING, 2, SITE, "Münchén"},
    {SITE, "Zürich", AD("ZÜRICH"), MISS_SPELLING, 1, SITE, "ZÜRICH"},
    {SITE, "London", "{}", MISS_NOT_KNOWN, 0, SITE, NULL},
    {SITE, "London", AD(""), MISS_NOT_KNOWN, 0, SITE, NULL},

    /* VPN. */
    {VPN, "Auto:On", "{'vpn': true}", MISS_NONE, 0, VPN, "Auto:On"},
    {VPN, "Auto:On", "{'vpn': false}", MISS_NO_VPN, 0, VPN, NULL},
    {VPN, "Auto:On", ADAPTER("Ethernet", "Intel"), MISS_NO_VPN, 0, VPN, NULL},
    {VPN, "Auto:On", VPN_ADAPTER("false"), MISS_NOT_BUILT_IN, 0, VPN, "Name:Forti"},
    {VPN, "Auto:On", VPN_ADAPTER("true"), MISS_NONE, 0, VPN, "Auto:On"},
    {VPN, "Auto:On", "{'adapters': [{'description': 'Forti VPN', 'vpn': true}]}", MISS_NOT_BUILT_IN,
     0, VPN, "Description:Forti VPN"},
    {VPN, "Name:Contoso VPN", ADAPTER("CONTOSO vpn", "x"), MISS_NONE, 0, VPN, "Name:CONTOSO vpn"},
    {VPN, "Name:Contoso VPN", ADAPTER("Contoso VPN 2", "x"), MISS_LONGER, 2, VPN,
     "Name:Contoso VPN 2"},
    {VPN, "Name:Contoso VPN", ADAPTER("Contoso", "x"), MISS_SHORTER, 4, VPN, "Name:Contoso"},
    {VPN, "Name:Contoso VPN", ADAPTER("Contosa VPN", "x"), MISS_SPELLING, 1, VPN,
     "Name:Contosa VPN"},
    {VPN, "Name:Contoso VPN", ADAPTER("Contoso-VPN", "x"), MISS_PUNCTUATION, 0, VPN,
     "Name:Contoso-VPN"},
    {VPN, "Name:Contoso VPN", ADAPTER("Ethernet", "Contoso VPN"), MISS_OTHER_FIELD, 0, VPN,
     "Description:Contoso VPN"},
    {VPN, "Description:Contoso VPN", ADAPTER("Contoso VPN", "Intel"), MISS_OTHER_FIELD, 0, VPN,
     "Name:Contoso VPN"},
    {VPN, "Description:Contoso VPN", ADAPTER("Ethernet", "Contoso VPN"), MISS_NONE, 0, VPN,
     "Description:Contoso VPN"},
    {VPN, "Name:Contoso VPN", ADAPTER("Ethernet", "Contoso"), MISS_OTHER_TEXT, 0, VPN,
     "Name:Ethernet"},
    {VPN, "Name:Contoso VPN", ADAPTER("", "Intel"), MISS_OTHER_TEXT, 0, VPN, "Description:Intel"},
    {VPN, "Description:Contoso VPN", ADAPTER("Ethernet", "Intel"), MISS_OTHER_TEXT, 0, VPN,
     "Description:Intel"},
    {VPN, "Name:Contoso VPN", VPN_ADAPTER("true"), MISS_OTHER_TEXT, 0, VPN, "Name:Forti"},
    {VPN, "Name:Contoso VPN", "{'adapters': [{'name': 'Ethernet'}, {'name': 'F', 'vpn': true}]}",
     MISS_OTHER_TEXT, 0, VPN, "Name:F"},
    {VPN, "Name:Contoso VPN", "{}", MISS_NOT_KNOWN, 0, VPN, NULL},
    {VPN, "Name:Contoso VPN", "{'vpn': true}", MISS_NOT_KNOWN, 0, VPN, "Auto:On"},
    {VPN, "Name:", ADAPTER("Ethernet", "Intel"), MISS_OTHER_TEXT, 0, VPN, "Name:Ethernet"},
    {VPN, "StartsWith:Contoso", ADAPTER("Contoso VPN", "x"), MISS_FORM, 0, VPN, NULL},
    {VPN, "StartsWith:Contoso", VPN_ADAPTER("false"), MISS_FORM, 0, VPN, "Name:Forti"},
    {VPN, "StartsWith:Contoso", VPN_ADAPTER("true"), MISS_FORM, 0, VPN, "Auto:On"},
    /* 250 characters of a name count, 243 of a description. */
    {VPN, "Name:" LETTERS_250, ADAPTER(LETTERS_250 "6", "x"), MISS_NONE, 0, VPN,
     "Name:" LETTERS_250},
    {VPN, "Name:" LETTERS_250 "6", ADAPTER(LETTERS_250 "6", "x"), MISS_SPELLING, 1, VPN,
     "Name:" LETTERS_250},
    {VPN, "Description:" LETTERS_240 "123", ADAPTER("x", LETTERS_240 "1234"), MISS_NONE, 0, VPN,
     "Description:" LETTERS_240 "123"},
    {VPN, "Name:Z", ADAPTER("", LETTERS_240 "1234"), MISS_OTHER_TEXT, 0, VPN,
     "Description:" LETTERS_240 "123"},
};

static void check_would(const struct row *row, const struct would_hold *would)
{
    if (!row->would || !would->value) {
        if (row->would || would->value)
            fail_msg("%s, %s: would hold %s", row->value, row->machine, would->value);
    } else if (would->type != row->would_type || strcmp(would->value, row->would) != 0) {
        fail_msg("%s, %s: would hold %s %s", row->value, row->machine,
                 boundary_type_word(would->type), would->value);
    }
}

static void every_code(void **state)
{
    bool seen[MISS_COUNT] = {false};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct site_boundary boundary;
        struct machine machine;
        struct near_miss miss;
        struct would_hold would;
        struct arena arena = {0};
        make_boundary(&boundary, row->type, row->value);
        make_machine(&machine, row->machine);
        near_miss_find(&miss, &boundary, &machine);
        if (miss.code != row->code)
            fail_msg("%s, %s: %s", row->value, row->machine, miss_word(miss.code));
        if (row->gap && (uint64_t)miss.gap != row->gap)
            fail_msg("%s, %s: gap %llu", row->value, row->machine, (unsigned long long)miss.gap);
        if ((miss.code == MISS_NONE) != (miss.distance == 0))
            fail_msg("%s, %s: distance %u", row->value, row->machine, miss.distance);
        near_miss_would_hold(&would, &miss, &boundary, &machine, &arena);
        check_would(row, &would);
        seen[miss.code] = true;
        arena_free(&arena);
        machine_free(&machine);
    }
    for (int code = 0; code < MISS_COUNT; code++)
        if (!seen[code])
            fail_msg("no row has %s", miss_word((enum miss)code));
}

/* The mask with which the boundary would hold the machine, where there is one. */
static void other_mask(void **state)
{
    static const struct {
        const char *value, *machine;
        int prefix;
    } masks[] = {
        {"10.20.1.0", ADDRESS("10.20.1.57/23"), 24},    {"10.20.0.0", ADDRESS("10.20.1.57/24"), 16},
        {"10.20.1.0/26", ADDRESS("10.20.1.57/23"), 26}, {"10.20.1.0", ADDRESS("10.20.0.57/23"), -1},
        {"10.20.2.0", ADDRESS("10.20.1.57/24"), -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        struct site_boundary boundary;
        struct machine machine;
        struct near_miss miss;
        make_boundary(&boundary, SUB, masks[i].value);
        make_machine(&machine, masks[i].machine);
        near_miss_find(&miss, &boundary, &machine);
        if (miss.prefix != masks[i].prefix)
            fail_msg("%s, %s: /%d", masks[i].value, masks[i].machine, miss.prefix);
        machine_free(&machine);
    }
}

/* One machine before boundaries of all types, nearest first. */
static void order(void **state)
{
    static const char machine_text[] =
        "{'addresses': ['10.20.1.57/24', '2001:db8:20:1::57/64'], 'adSite': 'London',"
        " 'adapters': [{'name': 'Contoso VPN 2', 'description': 'Forti'}]}";
    static const struct {
        enum boundary_type type;
        const char *value;
    } nearest_first[] = {
        {SITE, "london"},
        {RAN, "10.20.1.58-10.20.1.99"},   /* one past */
        {SUB, "10.20.0.0"},               /* mask */
        {PRE, "2001:db8:20:4"},           /* three /64s away */
        {RAN, "10.20.1.62-10.20.1.99"},   /* five past */
        {RAN, "10.20.1.64-10.20.1.99"},   /* seven past */
        {SITE, "Lundin"},                 /* two letters */
        {VPN, "Name:Contoso VPN"},        /* one more word */
        {RAN, "10.20.1.158-10.20.1.199"}, /* 101 addresses */
        {SUB, "10.20.2.0"},               /* the network beside it */
        {SUB, "10.20.8.0"},               /* another */
        {RAN, "10.80.0.0-10.81.0.0"},     /* far away */
        {PRE, "3001:db8:20:4"},           /* farther */
        {SITE, "Paris"},
        {VPN, "Auto:On"},
    };
    struct machine machine;
    struct near_miss before, miss;
    (void)state;
    make_machine(&machine, machine_text);
    for (size_t i = 0; i < sizeof nearest_first / sizeof nearest_first[0]; i++) {
        struct site_boundary boundary;
        make_boundary(&boundary, nearest_first[i].type, nearest_first[i].value);
        near_miss_find(&miss, &boundary, &machine);
        if (i > 0 && near_miss_compare(&before, &miss) >= 0)
            fail_msg("%s (%s, %u) is no farther", nearest_first[i].value, miss_word(miss.code),
                     miss.distance);
        before = miss;
    }
    machine_free(&machine);
}

/* ---- random boundaries and machines ---- */

struct dice {
    uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
    dice->state = dice->state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(dice->state >> 33) % sides;
}

static const char *pick(struct dice *dice, const char *const *texts, unsigned count)
{
    return texts[roll(dice, count)];
}

static const char *random_name(struct dice *dice)
{
    static const char *const names[] = {"London",      "LONDON",       "Londn", "London 2", "Paris",
                                        "Contoso VPN", "contoso-vpn",  "VPN",   "München",  "",
                                        LETTERS_250,   LETTERS_250 "6"};
    return pick(dice, names, sizeof names / sizeof names[0]);
}

static void add_ipv4(struct dice *dice, struct buf *out)
{
    buf_format(out, "10.%u.%u.%u", 20 + roll(dice, 2), roll(dice, 3), roll(dice, 256));
}

static void add_ipv6(struct dice *dice, struct buf *out)
{
    buf_format(out, roll(dice, 20) ? "2001:db8:0:%x:0:%x::%x" : "0:0:0:0:0:%x:%x:%x", roll(dice, 4),
               roll(dice, 2), roll(dice, 0xFFFF));
}

static void add_address(struct dice *dice, struct buf *out)
{
    bool is_ipv4 = roll(dice, 3) > 0;
    if (is_ipv4)
        add_ipv4(dice, out);
    else
        add_ipv6(dice, out);
    if (roll(dice, 4))
        buf_format(out, "/%u",
                   roll(dice, 4) ? (is_ipv4 ? 22 + roll(dice, 5) : 62 + roll(dice, 4))
                                 : roll(dice, is_ipv4 ? 33 : 129));
}

/* Sorted ends: a value that boundary_parse takes most of the time. */
static void random_value(struct dice *dice, enum boundary_type type, struct buf *value)
{
    static const char *const forms[] = {"Auto:On", "Name:", "Description:", "Other:"};
    unsigned third = roll(dice, 3);
    switch (type) {
    case SUB:
        buf_format(value, "10.%u.%u.%u", 20 + roll(dice, 2), roll(dice, 4), roll(dice, 4) * 64);
        if (!roll(dice, 4))
            buf_format(value, "/%u", roll(dice, 33));
        return;
    case RAN:
        if (roll(dice, 4))
            buf_format(value, "10.20.%u.%u-10.20.%u.9", third, roll(dice, 256),
                       third + roll(dice, 3));
        else
            buf_format(value, "2001:db8:0:%x::1-2001:db8:0:%x::9", third, third + roll(dice, 2));
        return;
    case PRE:
        add_ipv6(dice, value);
        buf_format(value, "/%u", roll(dice, 129));
        return;
    case SITE: buf_append_text(value, random_name(dice)); return;
    case VPN:
        buf_append_text(value, forms[third + roll(dice, 2)]);
        if (!text_equal(value->data, "Auto:On"))
            buf_append_text(value, random_name(dice));
        return;
    }
}

static void random_machine(struct dice *dice, struct buf *text)
{
    buf_format(text, "{'vpn': %s", roll(dice, 3) ? "false" : "true");
    if (roll(dice, 4))
        buf_format(text, ", 'adSite': '%s'", random_name(dice));
    buf_append_text(text, ", 'addresses': [");
    for (unsigned i = 0, count = roll(dice, 4); i < count; i++) {
        buf_append_text(text, i ? ", '" : "'");
        add_address(dice, text);
        buf_append_text(text, "'");
    }
    buf_append_text(text, "], 'subnets': [");
    for (unsigned i = 0, count = roll(dice, 4) ? 0 : 1; i < count; i++)
        buf_format(text, "'10.20.%u.0'", roll(dice, 4));
    buf_append_text(text, "], 'adapters': [");
    for (unsigned i = 0, count = roll(dice, 3); i < count; i++)
        buf_format(text, "%s{'name': '%s', 'description': '%s', 'vpn': %s}", i ? ", " : "",
                   random_name(dice), random_name(dice), roll(dice, 2) ? "true" : "false");
    buf_append_text(text, "]}");
}

/* Found on its own, and what would hold does hold. */
static bool check_case(const struct site_boundary *boundary, const struct machine *machine,
                       uint64_t seed)
{
    struct near_miss miss;
    struct would_hold would;
    struct arena arena = {0};
    near_miss_find(&miss, boundary, machine);
    if ((miss.code == MISS_NONE) != location_boundary_holds(boundary, machine))
        fail_msg("seed %llu: %s is %s", (unsigned long long)seed, boundary->boundary.value,
                 miss_word(miss.code));
    near_miss_would_hold(&would, &miss, boundary, machine, &arena);
    if (would.value) {
        struct site_boundary other;
        make_boundary(&other, would.type, would.value);
        if (!location_boundary_holds(&other, machine))
            fail_msg("seed %llu: %s does not hold, asked for %s", (unsigned long long)seed,
                     would.value, boundary->boundary.value);
    }
    bool missed = miss.code != MISS_NONE && would.value;
    arena_free(&arena);
    return missed;
}

static void would_hold_holds(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    uint64_t first = given ? strtoull(given, NULL, 10) : 20261125;
    int missed = 0;
    print_message("seeds from %llu (SEED)\n", (unsigned long long)first);
    for (uint64_t seed = first; seed < first + 30000; seed++) {
        struct dice dice = {seed * 0x9E3779B97F4A7C15ULL};
        struct buf value = {0}, text = {0};
        struct site_boundary boundary = {.id = 1};
        struct machine machine;
        enum boundary_type type = (enum boundary_type)roll(&dice, 5);
        random_value(&dice, type, &value);
        random_machine(&dice, &text);
        make_machine(&machine, text.data);
        if (boundary_parse(&boundary.boundary, type, value.data ? value.data : "", "", NULL))
            missed += check_case(&boundary, &machine, seed);
        machine_free(&machine);
        buf_free(&value);
        buf_free(&text);
    }
    assert_in_range(missed, 15000, 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code),
        cmocka_unit_test(other_mask),
        cmocka_unit_test(order),
        cmocka_unit_test(would_hold_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

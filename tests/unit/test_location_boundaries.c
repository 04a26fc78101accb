/* Which boundaries hold a machine, asked through a decision: every form of address, network, site
   and adapter, each with a near one that is not held. */
#include "tests/unit/location_rows.h"

#define ONE  "group A; dp a1 A;"
#define HELD "a1:BOUNDARYGROUP@0 |"
#define NOT  "| a1:NOT_IN_GROUP"

/* The index and the boundary asked alone say the same. */
static void check_held(const struct row *rows, size_t count)
{
    check_rows(rows, count, print_answer);
    for (size_t i = 0; i < count; i++) {
        struct asked asked;
        ask(&asked, rows[i].site, rows[i].machine, &rows[i].question);
        assert_int_equal(asked.estate.site.boundary_count, 1);
        bool held = location_boundary_holds(&asked.estate.site.boundaries[0], &asked.machine);
        if (held != (strcmp(rows[i].answer, HELD) == 0))
            fail_msg("%s: asked alone: %d", rows[i].what, held);
        asked_free(&asked);
    }
}

#define CHECK_HELD(rows) check_held(rows, sizeof rows / sizeof rows[0])

static void subnets(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"its network ID", "facts 3.1", ONE "sub A 10.1.1.0", "address=10.1.1.5/24", {0}, HELD},
        {"the next network", "facts 3.1", ONE "sub A 10.1.2.0", "address=10.1.1.5/24", {0}, NOT},
        {"no supernets", "facts 3.1", ONE "sub A 10.1.0.0", "address=10.1.1.5/24", {0}, NOT},
        {"the machine's own mask", "facts 3.1", ONE "sub A 10.1.0.0", "address=10.1.1.5/16", {0},
         HELD},
        {"a value with a mask", "ours", ONE "sub A 10.1.1.0/24", "address=10.1.1.5/24", {0}, NOT},
        {"host bits in the value", "sdk 1.2", ONE "sub A 10.1.1.5", "address=10.1.1.5/24", {0},
         NOT},
        {"/32: the address itself", "ours", ONE "sub A 10.1.1.5", "address=10.1.1.5/32", {0}, HELD},
        {"/32: not its network", "ours", ONE "sub A 10.1.1.0", "address=10.1.1.5/32", {0}, NOT},
        {"/31", "ours", ONE "sub A 10.1.1.4", "address=10.1.1.5/31", {0}, HELD},
        {"/0: the network of all", "ours", ONE "sub A 0.0.0.0", "address=10.1.1.5/0", {0}, HELD},
        {"/1: another", "ours", ONE "sub A 0.0.0.0", "address=130.1.1.5/1", {0}, NOT},
        {"no prefix", "contract: The machine", ONE "sub A 10.1.1.0", "address=10.1.1.5", {0}, NOT},
        {"a network ID given", "contract: The machine", ONE "sub A 10.1.1.0", "subnet=10.1.1.0",
         {0}, HELD},
        {"another network ID given", "contract: The machine", ONE "sub A 10.1.1.0",
         "subnet=10.1.1.4", {0}, NOT},
        {"the second address", "facts 3.1", ONE "sub A 10.1.1.0",
         "address=10.9.9.9/24 address=10.1.1.5/24", {0}, HELD},
        {"neither address", "facts 3.1", ONE "sub A 10.1.1.0",
         "address=10.9.9.9/24 address=10.1.2.5/24", {0}, NOT},
        {"IPv4 in IPv6's clothes", "ours", ONE "sub A 10.1.1.0", "address=::ffff:10.1.1.5/120", {0},
         HELD},
        {"IPv6", "facts 3.1", ONE "sub A 10.1.1.0", "address=2001:db8::5/64", {0}, NOT},
        {"no address at all", "facts 3.1", ONE "sub A 10.1.1.0", "name=x", {0}, NOT},
    };
    /* clang-format on */
    (void)state;
    CHECK_HELD(rows);
}

static void ranges(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"the first", "facts 3.1", ONE "range A 10.1.1.6-10.1.1.9", "address=10.1.1.6", {0}, HELD},
        {"one before", "facts 3.1", ONE "range A 10.1.1.6-10.1.1.9", "address=10.1.1.5", {0}, NOT},
        {"the last", "facts 3.1", ONE "range A 10.1.1.6-10.1.1.9", "address=10.1.1.9", {0}, HELD},
        {"one past", "facts 3.1", ONE "range A 10.1.1.6-10.1.1.9", "address=10.1.1.10", {0}, NOT},
        {"one host", "sdk 1.2", ONE "range A 10.1.1.6-10.1.1.6", "address=10.1.1.6/24", {0}, HELD},
        {"beside one host", "sdk 1.2", ONE "range A 10.1.1.6-10.1.1.6", "address=10.1.1.7/24", {0},
         NOT},
        {"a network is no address", "ours", ONE "range A 10.1.1.0-10.1.1.9", "subnet=10.1.1.0", {0},
         NOT},
        {"all of IPv4", "ours", ONE "range A 0.0.0.0-255.255.255.255", "address=255.255.255.255",
         {0}, HELD},
        {"all of IPv4 and IPv6", "ours", ONE "range A 0.0.0.0-255.255.255.255",
         "address=2001:db8::5", {0}, NOT},
        {"a mapped range", "ours", ONE "range A ::ffff:10.1.1.6-::ffff:10.1.1.9",
         "address=10.1.1.6", {0}, HELD},
        {"a mapped address", "ours", ONE "range A 10.1.1.6-10.1.1.9", "address=::ffff:10.1.1.9",
         {0}, HELD},
        {"a mapped address, one past", "ours", ONE "range A 10.1.1.6-10.1.1.9",
         "address=::ffff:10.1.1.10", {0}, NOT},
        {"IPv6, the last", "sdk 1.2", ONE "range A 2001:db8::1-2001:db8::ff",
         "address=2001:db8::ff", {0}, HELD},
        {"IPv6, one past", "sdk 1.2", ONE "range A 2001:db8::1-2001:db8::ff",
         "address=2001:db8::100", {0}, NOT},
        {"IPv6 around IPv4", "ours", ONE "range A ::-ffff::", "address=10.1.1.5", {0}, NOT},
        {"IPv6 around IPv6", "ours", ONE "range A ::-ffff::", "address=2001:db8::5", {0}, HELD},
        {"a zone", "ours", ONE "range A fe80::1-fe80::9", "address=fe80::5%eth0/64", {0}, HELD},
        {"a zone, one past", "ours", ONE "range A fe80::1-fe80::9", "address=fe80::a%eth0/64", {0},
         NOT},
    };
    /* clang-format on */
    (void)state;
    CHECK_HELD(rows);
}

static void prefixes(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"four groups are a /64", "sdk 1.2", ONE "prefix A 2001:db8:0:7",
         "address=2001:db8:0:7:ffff::9", {0}, HELD},
        {"the next /64", "sdk 1.2", ONE "prefix A 2001:db8:0:7", "address=2001:db8:0:8::9", {0},
         NOT},
        {"the one before", "sdk 1.2", ONE "prefix A 2001:db8:0:7",
         "address=2001:db8:0:6:ffff:ffff:ffff:ffff", {0}, NOT},
        {"the machine's own prefix does not matter", "ours", ONE "prefix A 2001:db8:0:7",
         "address=2001:db8:0:7::9/48", {0}, HELD},
        {"/48", "sdk 1.2", ONE "prefix A 2001:db8::/48", "address=2001:db8:0:ffff::1", {0}, HELD},
        {"past /48", "sdk 1.2", ONE "prefix A 2001:db8::/48", "address=2001:db8:1::1", {0}, NOT},
        {"host bits are dropped", "ours", ONE "prefix A 2001:db8:0:5::77/48",
         "address=2001:db8:0:1::1", {0}, HELD},
        {"/128", "ours", ONE "prefix A 2001:db8::5/128", "address=2001:db8::5", {0}, HELD},
        {"beside /128", "ours", ONE "prefix A 2001:db8::5/128", "address=2001:db8::6", {0}, NOT},
        {"/0", "ours", ONE "prefix A ::/0", "address=2001:db8::5", {0}, HELD},
        {"/0 holds no IPv4", "ours", ONE "prefix A ::/0", "address=10.1.1.5/24", {0}, NOT},
        {"/0 holds no mapped IPv4", "ours", ONE "prefix A ::/0", "address=::ffff:10.1.1.5", {0},
         NOT},
        {"a zone", "ours", ONE "prefix A fe80::/64", "address=fe80::5%eth0/64", {0}, HELD},
        {"a network ID given", "ours", ONE "prefix A 2001:db8::/64", "subnet=10.1.1.0", {0}, NOT},
    };
    /* clang-format on */
    (void)state;
    CHECK_HELD(rows);
}

static void names(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"AD site, without case", "facts 3.1", ONE "adsite A London", "adSite=LONDON", {0}, HELD},
        {"one letter more", "facts 3.1", ONE "adsite A London", "adSite=London2", {0}, NOT},
        {"a beginning", "facts 3.1", ONE "adsite A London", "adSite=Lond", {0}, NOT},
        {"no AD site known", "facts 3.1", ONE "adsite A London", "address=10.1.1.5/24", {0}, NOT},
        {"Auto:On", "sdk 1.2", ONE "vpn A Auto:On", "vpn=true", {0}, HELD},
        {"Auto:On, no VPN", "sdk 1.2", ONE "vpn A Auto:On", "vpn=false", {0}, NOT},
        {"Auto:On and an adapter's name", "sdk 1.2", ONE "vpn A Auto:On", "adapter=Auto:On|On", {0},
         NOT},
        {"auto:on", "ours", ONE "vpn A AUTO:on", "vpn=true", {0}, HELD},
        {"another form", "ours", ONE "vpn A Auto:Off", "vpn=true adapter=Off|Off", {0}, NOT},
        {"a name", "sdk 1.2", ONE "vpn A Name:CONTOSOVPN", "adapter=ContosoVpn|x", {0}, HELD},
        {"its word without case", "ours", ONE "vpn A NAME:CONTOSOVPN", "adapter=ContosoVpn|x", {0},
         HELD},
        {"a name's beginning", "ours", ONE "vpn A Name:CONTOSO", "adapter=ContosoVpn|x", {0}, NOT},
        {"a name that goes on", "ours", ONE "vpn A Name:CONTOSOVPN2", "adapter=ContosoVpn|x", {0},
         NOT},
        {"a name and a VPN without one", "sdk 1.2", ONE "vpn A Name:CONTOSOVPN", "vpn=true", {0},
         NOT},
        {"a name is no description", "sdk 1.2", ONE "vpn A Name:CONTOSOVPN", "adapter=x|ContosoVpn",
         {0}, NOT},
        {"a description", "sdk 1.2", ONE "vpn A Description:TUNNEL", "adapter=x|y adapter=x|Tunnel",
         {0}, HELD},
        {"a description is no name", "sdk 1.2", ONE "vpn A Description:TUNNEL", "adapter=Tunnel|x",
         {0}, NOT},
        {"a description's beginning", "ours", ONE "vpn A Description:TUN", "adapter=x|Tunnel", {0},
         NOT},
        {"starts with, whose form is not public", "ours", ONE "vpn A NameStartsWith:CONTOSO",
         "adapter=ContosoVpn|x", {0}, NOT},
    };
    /* clang-format on */
    (void)state;
    CHECK_HELD(rows);
}

/* The text of so many letters, of which the last is `last`. */
static const char *letters(char *out, size_t count, char last)
{
    memset(out, 'x', count);
    out[count - 1] = last;
    out[count] = '\0';
    return out;
}

/* Of a name the first 250 characters count, of a description 243: what differs after them does
   not, what differs in the last of them does (configmgr-sdk 1.2). */
static void long_names(void **state)
{
    static const struct {
        const char *form, *adapter;
        size_t count;
    } forms[] = {{"vpn A Name:", "adapter=", 250}, {"vpn A Description:", "adapter=y|", 243}};
    static const struct {
        char last_of_value, last_counted;
        const char *more, *answer;
    } ends[] = {{'a', 'a', "", HELD},
                {'a', 'A', "", HELD},
                {'a', 'a', "tail", HELD},
                {'a', 'b', "", NOT},
                {'a', 'b', "tail", NOT}};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < sizeof ends / sizeof ends[0]; j++) {
            char text[300];
            struct buf site = {0}, machine = {0};
            buf_format(&site, "group A; dp a1 A; %s%s", forms[i].form,
                       letters(text, forms[i].count, ends[j].last_of_value));
            buf_format(&machine, "%s%s%s%s", forms[i].adapter,
                       letters(text, forms[i].count, ends[j].last_counted), ends[j].more,
                       i == 0 ? "|y" : "");
            struct row row = {forms[i].form, "sdk 1.2", site.data,
                              machine.data,  {0},       ends[j].answer};
            check_held(&row, 1);
            buf_free(&site);
            buf_free(&machine);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subnets), cmocka_unit_test(ranges),     cmocka_unit_test(prefixes),
        cmocka_unit_test(names),   cmocka_unit_test(long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

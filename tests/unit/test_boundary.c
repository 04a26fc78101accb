/* What a boundary's value holds; what is no value at all. */
#include "policy/boundary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* Does the boundary hold the address (network ID, site, adapter's name)? Rows stand in pairs: one
   fact changed, another answer. */
static const struct holding {
    enum boundary_type type;
    const char *value, *asked;
    bool holds;
} holdings[] = {
    /* Subnet: equality of the network ID (configmgr-sdk 1.2). */
    {BOUNDARY_IP_SUBNET, "10.1.2.0", "10.1.2.0", true},
    {BOUNDARY_IP_SUBNET, "10.1.2.0", "10.1.3.0", false},
    {BOUNDARY_IP_SUBNET, "10.1.0.0", "10.1.2.0", false},    /* no supernets */
    {BOUNDARY_IP_SUBNET, "10.1.2.0/24", "10.1.2.0", false}, /* the site stores no mask */
    /* Range: both ends included. */
    {BOUNDARY_IP_RANGE, "10.1.2.10-10.1.2.20", "10.1.2.10", true},
    {BOUNDARY_IP_RANGE, "10.1.2.10-10.1.2.20", "10.1.2.9", false},
    {BOUNDARY_IP_RANGE, "10.1.2.10-10.1.2.20", "10.1.2.20", true},
    {BOUNDARY_IP_RANGE, "10.1.2.10-10.1.2.20", "10.1.2.21", false},
    {BOUNDARY_IP_RANGE, "10.1.2.10 - 10.1.2.20", "10.1.2.15", true},
    {BOUNDARY_IP_RANGE, "10.1.2.10-10.1.2.10", "10.1.2.10", true},
    {BOUNDARY_IP_RANGE, "10.1.2.10-10.1.2.10", "10.1.2.11", false},
    {BOUNDARY_IP_RANGE, "0.0.0.0-255.255.255.255", "10.1.2.10", true},
    {BOUNDARY_IP_RANGE, "0.0.0.0-255.255.255.255", "2001:db8::1", false},
    {BOUNDARY_IP_RANGE, "2001:db8::1-2001:db8::ff", "2001:db8::80", true},
    {BOUNDARY_IP_RANGE, "2001:db8::1-2001:db8::ff", "2001:db8::100", false},
    {BOUNDARY_IP_RANGE, "10.1.2.10-10.1.2.20", "::ffff:10.1.2.15", true}, /* mapped is IPv4 */
    {BOUNDARY_IP_RANGE, "::-ffff:ffff::", "10.1.2.15", false},
    /* IPv6 prefix in its three written forms. */
    {BOUNDARY_IPV6_PREFIX, "2001:1111:2222:3333", "2001:1111:2222:3333::5", true},
    {BOUNDARY_IPV6_PREFIX, "2001:1111:2222:3333", "2001:1111:2222:3334::5", false},
    {BOUNDARY_IPV6_PREFIX, "2001:0DB8:0000:000b", "2001:db8:0:b:ffff::1", true},
    {BOUNDARY_IPV6_PREFIX, "2001:0DB8:0000:000b", "2001:db8:0:c::1", false},
    {BOUNDARY_IPV6_PREFIX, "2001:DB8::/64", "2001:db8::1", true},
    {BOUNDARY_IPV6_PREFIX, "2001:DB8::/64", "2001:db8:0:1::1", false},
    {BOUNDARY_IPV6_PREFIX, "2001:DB8::", "2001:db8::1", true}, /* /64 implied */
    {BOUNDARY_IPV6_PREFIX, "2001:DB8::", "2001:db8:0:1::1", false},
    {BOUNDARY_IPV6_PREFIX, "2001:DB8::77/48", "2001:db8:0:1::1", true}, /* host bits drop */
    {BOUNDARY_IPV6_PREFIX, "2001:DB8::77/128", "2001:db8::78", false},
    {BOUNDARY_IPV6_PREFIX, "::/0", "2001:db8::78", true},
    {BOUNDARY_IPV6_PREFIX, "::/0", "10.1.2.3", false}, /* IPv6 holds no IPv4 */
};

static void holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof holdings / sizeof holdings[0]; i++) {
        const struct holding *row = &holdings[i];
        struct boundary boundary;
        struct error err = {0};
        address_number asked;
        assert_true(address_parse(row->asked, &asked));
        if (!boundary_parse(&boundary, row->type, row->value, "p.xml:1", &err))
            fail_msg("%s: %s", row->value, err.text);
        bool found = row->type == BOUNDARY_IP_SUBNET ? boundary_holds_network(&boundary, asked)
                                                     : boundary_holds_address(&boundary, asked);
        if (found != row->holds)
            fail_msg("%s and %s: %d", row->value, row->asked, found);
    }
}

static void refuses(void **state)
{
    static const struct {
        enum boundary_type type;
        const char *value;
    } bad[] = {
        {BOUNDARY_IP_SUBNET, ""},
        {BOUNDARY_IP_SUBNET, "10.1.2"},
        {BOUNDARY_IP_SUBNET, "10.1.2.256"},
        {BOUNDARY_IP_SUBNET, "10.1.2.0/33"},
        {BOUNDARY_IP_SUBNET, "2001:db8::"},
        {BOUNDARY_IP_RANGE, "10.1.2.20-10.1.2.10"},
        {BOUNDARY_IP_RANGE, "10.1.2.20"},
        {BOUNDARY_IP_RANGE, "10.1.2.20-2001:db8::1"},
        {BOUNDARY_IP_RANGE, "10.1.2.20-10.1.2.30-10.1.2.40"},
        {BOUNDARY_IPV6_PREFIX, "2001:1111"},
        {BOUNDARY_IPV6_PREFIX, "2001:1111:2222:xyz"},
        {BOUNDARY_IPV6_PREFIX, "2001:db8::/129"},
        {BOUNDARY_IPV6_PREFIX, "10.1.2.0"},
        {BOUNDARY_AD_SITE, ""},
        {BOUNDARY_VPN, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct boundary boundary;
        struct error err = {0};
        if (boundary_parse(&boundary, bad[i].type, bad[i].value, "p.xml:12", &err))
            fail_msg("'%s' was read", bad[i].value);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_string_equal(err.where, "p.xml:12");
    }
}

static struct boundary parsed(enum boundary_type type, const char *value)
{
    struct boundary boundary;
    assert_true(boundary_parse(&boundary, type, value, "p.xml:1", NULL));
    return boundary;
}

static void ad_site(void **state)
{
    (void)state;
    struct boundary boundary = parsed(BOUNDARY_AD_SITE, "London");
    assert_true(boundary_holds_ad_site(&boundary, "LONDON"));
    assert_false(boundary_holds_ad_site(&boundary, "London2"));
    boundary = parsed(BOUNDARY_IP_SUBNET, "10.0.0.0");
    assert_false(boundary_holds_ad_site(&boundary, "10.0.0.0"));
}

static void vpn(void **state)
{
    (void)state;
    struct boundary name = parsed(BOUNDARY_VPN, "Name:CONTOSOVPN");
    assert_true(boundary_holds_adapter(&name, "ContosoVPN", NULL));
    assert_false(boundary_holds_adapter(&name, "ContosoVPN 2", NULL)); /* the whole text */
    assert_false(boundary_holds_adapter(&name, NULL, "ContosoVPN"));
    struct boundary description = parsed(BOUNDARY_VPN, "Description:Contoso Tunnel");
    assert_true(boundary_holds_adapter(&description, "x", "CONTOSO TUNNEL"));
    assert_false(boundary_holds_adapter(&description, "CONTOSO TUNNEL", NULL));
    assert_int_equal(parsed(BOUNDARY_VPN, "Auto:On").vpn, BOUNDARY_VPN_AUTO);
    struct boundary other = parsed(BOUNDARY_VPN, "NameStartsWith:Contoso");
    assert_false(boundary_holds_adapter(&other, "Contoso", "Contoso"));
}

/* Of a name the first 250 characters count, however many bytes they are. */
static void vpn_long(void **state)
{
    (void)state;
    char value[600] = "Name:", text[600] = "";
    for (int i = 0; i < 250; i++)
        memcpy(text + 2 * i, "\xC3\xA9", 3);
    memcpy(value + 5, text, sizeof text - 100);
    struct boundary boundary = parsed(BOUNDARY_VPN, value);
    memcpy(text + 500, " and more", 10);
    assert_true(boundary_holds_adapter(&boundary, text, NULL));
    value[strlen(value) - 2] = '\0';
    boundary = parsed(BOUNDARY_VPN, value);
    assert_false(boundary_holds_adapter(&boundary, text, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds), cmocka_unit_test(refuses),  cmocka_unit_test(ad_site),
        cmocka_unit_test(vpn),   cmocka_unit_test(vpn_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* policy check on overlapping boundaries: with what, where, who, and how much of it. */
#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/checked.h"

static const struct check_case cases[] = {
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.1.1.254-10.1.2.9",
     BASE B "range B 10.1.1.255-10.1.2.9", "boundary 7 '10.1.1.1-10.1.1.254'",
     "in 'A', and overlaps 1 boundary of other groups: boundary 12 '10.1.1.254-10.1.2.9' of 'B' "
     "(in common: 10.1.1.254-10.1.1.254)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.1.1.1-10.1.1.9",
     BASE B "range A 10.1.1.1-10.1.1.9", "boundary 7", "(in common: 10.1.1.1-10.1.1.9)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.1.1.1-10.1.1.9",
     BASE "SMS_Boundary BoundaryID=99 BoundaryType=3 Value=10.1.1.1-10.1.1.9", "boundary 7", ""},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "sub B 10.1.1.0", BASE B "sub B 10.1.0.0",
     "boundary 12 '10.1.1.0'",
     "boundary 7 '10.1.1.1-10.1.1.254' of 'A' (in common: subnet 10.1.1.0)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.4.0.0-10.4.0.9; sub A 10.4.0.0",
     BASE B "range B 10.4.0.2-10.4.0.9; sub A 10.4.0.0", "boundary 12",
     "boundary 13 '10.4.0.0' of 'A' (in common: subnet 10.4.0.0)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "sub A 10.4.0.0; sub B 10.4.0.0",
     BASE B "sub A 10.4.0.0; sub B 10.4.0.1", "boundary 12", "(in common: subnet 10.4.0.0)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "sub A 10.4.0.4; range B 10.4.0.5-10.4.0.6",
     BASE B "sub A 10.4.0.3; range B 10.4.0.4-10.4.0.6", "boundary 12", "subnet 10.4.0.4"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "sub A 10.4.0.0; sub B 10.4.0.0",
     BASE B "sub A 10.4.0.0/24; sub B 10.4.0.0", "boundary 12", ""},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "prefix A 2001:db8:0:1; prefix B 2001:db8::/32",
     BASE B "prefix A 2001:db8:0:1; prefix B 2001:db9::/32", "boundary 13 '2001:db8::/32'",
     "(in common: 2001:db8:0:1::-2001:db8:0:1:ffff:ffff:ffff:ffff)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "prefix B 2001:db8::/32; prefix A ::/0",
     BASE "group B; prefix B ::/0", "boundary 13 '::/0'", "overlaps 1 boundary"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "adsite A Oslo; adsite B OSLO",
     BASE B "adsite A Oslo; vpn B Name:Oslo", "boundary 12 'Oslo'",
     "boundary 13 'OSLO' of 'B' (in common: the same value)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "vpn A Auto:On; vpn B auto:on",
     BASE B "vpn A Auto:On; vpn B Name:x", "boundary 12", "of 'B'"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.1.1.0-10.1.1.40;" PC,
     BASE B "range A 10.1.1.0-10.1.1.40;" PC, "boundary 12",
     "; 1 machine of SMS_R_System stands there: PC7;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.1.1.0-10.1.1.29;" PC,
     BASE B "range A 10.1.1.0-10.1.1.29;" PC, "boundary 12",
     "; no machine of SMS_R_System stands there;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "sub B 10.1.1.0;" PC, BASE B "sub A 10.1.1.0;" PC,
     "boundary 12", "; 1 machine of SMS_R_System stands there: PC7;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING,
     BASE "group B; sub B 10.1.1.0; SMS_R_System ResourceId=7 Name=PC7 IPAddresses=10.1.1.255 "
          "IPSubnets=10.1.1.0",
     BASE "group B; sub A 10.1.1.0", "boundary 9", "; no machine of SMS_R_System stands there;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING,
     BASE B "sub A 10.4.0.0; sub B 10.4.0.0; SMS_R_System ResourceId=7 Name=PC7 "
            "IPSubnets=10.4.0.0",
     BASE B "sub A 10.4.0.0", "boundary 12", "; 1 machine of SMS_R_System stands there: PC7;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING,
     BASE B "adsite A Oslo; adsite B Oslo; SMS_R_System ResourceId=7 Name=PC7 ADSiteName=oslo;"
            "SMS_R_System ResourceId=8 Name=PC8 ADSiteName=Oslo2",
     BASE B "adsite A Oslo", "boundary 12", "; 1 machine of SMS_R_System stands there: PC7;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "vpn A Auto:On; vpn B Auto:On;" PC,
     BASE B "vpn A Auto:On;" PC, "boundary 12", "(in common: the same value); a machine in both"},
};

static void with_what(void **state)
{
    (void)state;
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

/* One finding stands for a boundary and all that come after it: three are named, all are counted,
   those of the same groups are not. */
static void many_overlaps(void **state)
{
    (void)state;
    struct checked checked;
    size_t count;
    check(&checked, BASE B
          "range A 10.4.0.0-10.4.0.99; range B 10.4.0.1-10.4.0.1; range A "
          "10.4.0.2-10.4.0.2; range B 10.4.0.3-10.4.0.3; range B 10.4.0.4-10.4.0.4; "
          "range B 10.4.0.5-10.4.0.5; range A 10.4.0.6-10.4.0.6; range B 10.4.0.99-10.5.0.0");
    const struct finding *finding = find(&checked, "BOUNDARY_OVERLAP", &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(finding->text, "overlaps 5 boundaries of other groups: boundary 13 "));
    assert_non_null(strstr(finding->text, ", boundary 15 "));
    assert_non_null(strstr(finding->text, ", boundary 16 "));
    assert_null(strstr(finding->text, "boundary 17 "));
    assert_non_null(strstr(finding->text, " and 2 more;"));
    free_checked(&checked);
}

/* Groups are compared as sets: the same two are no difference, one of two is. */
static void sets_of_groups(void **state)
{
    static const char both[] = BASE B "range A 10.4.0.0-10.4.0.9; range A 10.4.0.1-10.4.0.2;"
                                      "SMS_BoundaryGroupMembers BoundaryID=12 GroupID=66;"
                                      "SMS_BoundaryGroupMembers BoundaryID=13 GroupID=66";
    (void)state;
    struct checked checked;
    size_t count;
    check(&checked, both);
    find(&checked, "BOUNDARY_OVERLAP", &count);
    assert_int_equal(count, 0);
    free_checked(&checked);
    check(&checked, BASE B "range A 10.4.0.0-10.4.0.9; range A 10.4.0.1-10.4.0.2;"
                           "SMS_BoundaryGroupMembers BoundaryID=13 GroupID=66");
    const struct finding *finding = find(&checked, "BOUNDARY_OVERLAP", &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(finding->text, "in 'A', and"));
    assert_non_null(strstr(finding->text, "of 'A', 'B' ("));
    free_checked(&checked);
}

/* A machine with two addresses in two overlaps counts once; three are named. */
static void machines_count_once(void **state)
{
    (void)state;
    struct checked checked;
    size_t count;
    check(&checked,
          BASE B "range A 10.4.0.0-10.4.0.99; range B 10.4.0.1-10.4.0.9; range B "
                 "10.4.0.5-10.4.0.20; SMS_R_System ResourceId=1 Name=PC1 IPAddresses=10.4.0.6,"
                 "10.4.0.19; SMS_R_System ResourceId=2 Name=PC2 IPAddresses=10.4.0.7;"
                 "SMS_R_System ResourceId=3 Name=PC3 IPAddresses=10.4.0.9;"
                 "SMS_R_System ResourceId=4 Name=PC4 IPAddresses=10.4.0.20;"
                 "SMS_R_System ResourceId=5 Name=PC5 IPAddresses=10.4.0.21");
    const struct finding *finding = find(&checked, "BOUNDARY_OVERLAP", &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(finding->text,
                           "; 4 machines of SMS_R_System stand there: PC1, PC2, PC3 and 1 more;"));
    free_checked(&checked);
}

/* Machines stand in an export in any order, and most of them elsewhere. */
static void machines_in_any_order(void **state)
{
    static const char *const overlaps[] = {
        "range A 10.4.5.0-10.4.5.255; range B 10.4.5.0-10.4.5.255",
        "sub A 10.4.5.0; sub B 10.4.5.0",
        "adsite A S5; adsite B S5",
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct buf xml = {0};
        buf_format(&xml, BASE B "%s", overlaps[i]);
        for (int j = 0; j < 90; j++) {
            int net = j * 37 % 10;
            buf_format(&xml,
                       "; SMS_R_System ResourceId=%d Name=PC%d IPAddresses=10.4.%d.%d "
                       "IPSubnets=10.4.%d.0 ADSiteName=S%d",
                       j + 1, j, net, j, net, net);
        }
        struct checked checked;
        size_t count;
        check(&checked, xml.data);
        const struct finding *finding = find(&checked, "BOUNDARY_OVERLAP", &count);
        assert_int_equal(count, 1);
        if (!strstr(finding->text, "; 9 machines of SMS_R_System stand there: PC") ||
            !strstr(finding->text, " and 6 more;"))
            fail_msg("%s", finding->text);
        free_checked(&checked);
        buf_free(&xml);
    }
}

/* Machines are counted in all that overlap, not only in those that are named. */
static void machines_of_all(void **state)
{
    (void)state;
    struct checked checked;
    size_t count;
    check(&checked, BASE B
          "range A 10.4.0.0-10.4.0.99; range B 10.4.0.1-10.4.0.1; range B 10.4.0.2-10.4.0.2;"
          "range B 10.4.0.3-10.4.0.3; range B 10.4.0.4-10.4.0.4; SMS_R_System ResourceId=1 "
          "Name=PC1 IPAddresses=10.4.0.4; SMS_R_System ResourceId=2 Name=PC2 IPAddresses=10.4.0.5");
    const struct finding *finding = find(&checked, "BOUNDARY_OVERLAP", &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(finding->text, "; 1 machine of SMS_R_System stands there: PC1;"));
    free_checked(&checked);
}

/* Where a machine stands is not said by an address that every machine may have. */
static void placeless_machines(void **state)
{
    (void)state;
    struct checked checked;
    size_t count;
    check(&checked,
          BASE B "range A 10.4.0.0-10.4.0.9; range A 169.253.0.0-169.255.0.0; range B 169.254.0.0-"
                 "169.255.0.0; SMS_R_System ResourceId=1 Name=PC1 IPAddresses=169.254.1.1,none");
    const struct finding *finding = find(&checked, "BOUNDARY_OVERLAP", &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(finding->text, "; no machine of SMS_R_System stands there;"));
    free_checked(&checked);
}

static void repeat(struct buf *text, const char *piece, int times)
{
    while (times-- > 0)
        buf_append_text(text, piece);
}

/* Everything as long as it may be: the text is cut, and no character is. */
static void long_text(void **state)
{
    (void)state;
    struct buf xml = {0};
    buf_append_text(&xml, BASE);
    for (int i = 1; i <= 5; i++) {
        buf_format(&xml, "SMS_BoundaryGroup GroupID=%d Name=%d", i, i);
        repeat(&xml, "\u20ac", 200);
        buf_format(&xml, ";SMS_Boundary BoundaryID=%d BoundaryType=1 Value=x", 90 + i);
        repeat(&xml, "\u20ac", 200);
        buf_format(&xml, ";SMS_R_System ResourceId=%d Name=%d", i, i);
        repeat(&xml, "\u20ac", 200);
        buf_append_text(&xml, " ADSiteName=x");
        repeat(&xml, "\u20ac", 200);
        for (int group = 1; group <= 5; group++)
            if (group != i)
                buf_format(&xml, ";SMS_BoundaryGroupMembers BoundaryID=%d GroupID=%d", 90 + i,
                           group);
        buf_append_text(&xml, ";");
    }
    struct checked checked;
    size_t count;
    check(&checked, xml.data);
    const struct finding *finding = find(&checked, "BOUNDARY_OVERLAP", &count);
    assert_int_equal(count, 4);
    size_t len = strlen(finding->text);
    assert_true(len > 4090 && len < 4096);
    assert_true(text_is_utf8(finding->text, len));
    free_checked(&checked);
    buf_free(&xml);
}

#define MANY 100000

/* A boundary that holds a hundred thousand others, of which each has another group than the next.
 */
static void many_boundaries(struct buf *xml, void value(char out[64], unsigned i))
{
    buf_append_text(xml, BASE B "group C; dp d1 C; range C 0.0.0.0-255.255.255.254;"
                                "SMS_R_System ResourceId=8 Name=PC8 IPAddresses=11.128.0.0;");
    for (unsigned i = 0; i < MANY; i++) {
        char of[64];
        value(of, i);
        buf_format(xml, "range %c %s;", i % 2 ? 'A' : 'B', of);
    }
}

static void format_range(char out[64], unsigned first, unsigned last)
{
    snprintf(out, 64, "%u.%u.%u.%u-%u.%u.%u.%u", first >> 24, first >> 16 & 255, first >> 8 & 255,
             first & 255, last >> 24, last >> 16 & 255, last >> 8 & 255, last & 255);
}

static void side_by_side(char out[64], unsigned i)
{
    format_range(out, 0x0B000000 + i * 4, 0x0B000003 + i * 4);
}

static void nested(char out[64], unsigned i)
{
    format_range(out, 0x0B000000 + i, 0x0C000000 - i);
}

/* However hostile a site is, what is found of it stays short, and says how much it left out. */
static void bounded(void **state)
{
    static const struct {
        void (*value)(char out[64], unsigned i);
        size_t count;
        const char *last, *machines;
    } sites[] = {
        {side_by_side, 1, "overlaps 100002 boundaries of other groups", "; no machine of"},
        {nested, LIMIT_FINDINGS + 1, "and 99000 more of this code", "; 1 machine of"},
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct buf xml = {0};
        many_boundaries(&xml, sites[i].value);
        struct checked checked;
        size_t count;
        check(&checked, xml.data);
        const struct finding *first = find(&checked, "BOUNDARY_OVERLAP", &count);
        assert_int_equal(count, sites[i].count);
        assert_non_null(strstr(first[count - 1].text, sites[i].last));
        assert_non_null(strstr(first->text, sites[i].machines));
        assert_true(strlen(first->text) < 1000);
        free_checked(&checked);
        buf_free(&xml);
    }
}

/* Counting machines has an end in a hostile site; what was not counted is not said to be none. */
static void machines_bounded(void **state)
{
    (void)state;
    struct buf xml = {0};
    many_boundaries(&xml, nested);
    struct checked checked;
    size_t count, at_least = 0, none = 0;
    check(&checked, xml.data);
    const struct finding *first = find(&checked, "BOUNDARY_OVERLAP", &count);
    for (size_t i = 0; i < count; i++) {
        at_least += strstr(first[i].text, "; at least 1 machine of") != NULL;
        none += strstr(first[i].text, "; no machine of") != NULL;
    }
    assert_int_equal(at_least, 1);
    assert_int_equal(none, 0);
    assert_null(strstr(first[count - 2].text, "SMS_R_System"));
    free_checked(&checked);
    buf_free(&xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_what),
        cmocka_unit_test(many_overlaps),
        cmocka_unit_test(sets_of_groups),
        cmocka_unit_test(machines_count_once),
        cmocka_unit_test(machines_in_any_order),
        cmocka_unit_test(machines_of_all),
        cmocka_unit_test(placeless_machines),
        cmocka_unit_test(long_text),
        cmocka_unit_test(bounded),
        cmocka_unit_test(machines_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Dates and times of every form, each with a twin that is none or another moment. */
#include "policy/datetime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct row {
    const char *text, *canonical; /* NULL: no date and time */
} rows[] = {
    {"20260830205506.000000+000", "2026-08-30T20:55:06Z"},
    {"20260830205506.000000+***", "2026-08-30T20:55:06Z"},
    {"20260830205506.000000+060", "2026-08-30T19:55:06Z"},
    {"20260830205506.000000-060", "2026-08-30T21:55:06Z"},
    {"20260830205506.120000+000", "2026-08-30T20:55:06.12Z"},
    {"20260830205506.000000:000", NULL},
    {"20260830205506.000000", NULL},
    {"20260830205506,000000+000", NULL},
    {"20260830205506.000000+00", NULL},
    {"20260830205506.000000+0000", NULL},
    {"20261330205506.000000+000", NULL},
    {"20260230205506.000000+000", NULL},
    {"20240229235959.000000+000", "2024-02-29T23:59:59Z"},
    {"20230229235959.000000+000", NULL},
    {"20260830245506.000000+000", NULL},
    {"20260830206006.000000+000", NULL},
    {"00000830205506.000000+000", NULL},
    {"00010101000000.000000+001", NULL},
    {"00010101000000.000000-001", "0001-01-01T00:01:00Z"},
    {"99991231235959.000000-001", NULL},
    {"2026-08-30T20:55:06Z", "2026-08-30T20:55:06Z"},
    {"2026-08-30T20:55:06", "2026-08-30T20:55:06Z"},
    {"2026-08-30T20:55:06+02:00", "2026-08-30T18:55:06Z"},
    {"2026-08-30T20:55:06-02:30", "2026-08-30T23:25:06Z"},
    {"2026-12-31T23:55:06-02:30", "2027-01-01T02:25:06Z"},
    {"2026-08-30T20:55:06.5Z", "2026-08-30T20:55:06.5Z"},
    {"2026-08-30T20:55:06.0000000Z", "2026-08-30T20:55:06Z"},
    {"2026-08-30T20:55:06.1234567+00:00", "2026-08-30T20:55:06.123456Z"},
    {"2026-08-30T20:55:06.Z", NULL},
    {"2026-08-30T20:55:06+02", NULL},
    {"2026-08-30T20:55:06Zx", NULL},
    {"2026-08-30 20:55:06Z", NULL},
    {"2026-08-30", NULL},
    {"/Date(1339340336000)/", "2012-06-10T14:58:56Z"},
    {"/Date(1339340336250)/", "2012-06-10T14:58:56.25Z"},
    {"/Date(-1)/", "1969-12-31T23:59:59.999Z"},
    {"/Date(0)/", "1970-01-01T00:00:00Z"},
    {"/Date()/", NULL},
    {"/Date(1339340336000)", NULL},
    {"/Date(999999999999999)/", NULL},
    {"", NULL},
    {"PS100001", NULL},
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[DATETIME_MAX] = "untouched";
        bool known = datetime_canonical(rows[i].text, strlen(rows[i].text), out);
        if (known != (rows[i].canonical != NULL))
            fail_msg("'%s' reads as %s", rows[i].text, known ? out : "no date");
        assert_string_equal(out, known ? rows[i].canonical : "untouched");
    }
}

static void test_canonical_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[DATETIME_MAX];
        if (!rows[i].canonical)
            continue;
        assert_true(datetime_canonical(rows[i].canonical, strlen(rows[i].canonical), out));
        assert_string_equal(out, rows[i].canonical);
    }
}

static void test_nul_and_length(void **state)
{
    (void)state;
    char out[DATETIME_MAX];
    assert_false(datetime_canonical("2026-08-30T20:55:06Z\0x", 22, out));
    assert_false(datetime_canonical("2026-08-30T20:55:06.00000000000000000000000000000Z", 50, out));
    assert_true(datetime_canonical("2026-08-30T20:55:06Zx", 20, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_canonical_stays),
        cmocka_unit_test(test_nul_and_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which files of a content a probe asks for. */
#include "agent/source/probe_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_oddity(void **state)
{
    static const struct {
        const char *name;
        enum probe_oddity oddity;
    } rows[] = {
        {"bin/tool.dll", ODD_SEGMENT},
        {"BIN/tool.dll", ODD_SEGMENT},
        {"x/web.config", ODD_SEGMENT},
        {"bins/tool.dll", ODD_NOT},
        {"cabin/tool.dll", ODD_NOT},
        {"bin", ODD_SEGMENT},
        {"data.mdb", ODD_ENDING},
        {"DATA.MDB", ODD_ENDING},
        {"data.mdbx", ODD_NOT},
        {"mdb", ODD_NOT},
        {"app.config", ODD_ENDING},
        {"app.configs", ODD_NOT},
        {"a+b", ODD_DOUBLE},
        {"a%20b", ODD_DOUBLE},
        {"a&b+c.tar", ODD_ENDING},
        {"a&b+c", ODD_DOUBLE},
        {"a&b", ODD_MARK},
        {"a#b", ODD_MARK},
        {"a b#c", ODD_MARK},
        {"a b", ODD_SPACE},
        {"a_b-c.d~e", ODD_NOT},
        {"Pr\xC3\xBC"
         "f.xml",
         ODD_FOREIGN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(probe_oddity(rows[i].name), rows[i].oddity);
}

static const char *pick_plain(const struct probe_file *files, size_t count)
{
    struct probe_pick pick = {.plain = {.name = NULL}};
    for (size_t i = 0; i < count; i++)
        probe_pick_offer(&pick, files[i].name, files[i].size, NULL);
    return pick.plain.name;
}

static void test_plain(void **state)
{
    (void)state;
    const struct probe_file files[] = {
        {"zero", 0, NULL},   {"one", 1, NULL},     {"a b", 5, NULL},      {"large", 900, NULL},
        {"right", 20, NULL}, {"larger", 21, NULL}, {"unknown", -1, NULL},
    };
    const size_t count = sizeof files / sizeof files[0];
    assert_string_equal(pick_plain(files, count), "right");
    /* Without it: then the next; then an odd one; then whatever there is. */
    assert_string_equal(pick_plain(files, 4), "large");
    assert_string_equal(pick_plain(files, 3), "a b");
    assert_string_equal(pick_plain(files, 2), "zero");
    assert_string_equal(pick_plain(files + 6, 1), "unknown");
    assert_null(pick_plain(files, 0));
}

static void test_odd(void **state)
{
    (void)state;
    struct probe_pick pick = {.plain = {.name = NULL}};
    probe_pick_offer(&pick, "a b", 50, NULL);
    probe_pick_offer(&pick, "c d", 40, NULL);
    probe_pick_offer(&pick, "e+f", 30, NULL);
    assert_string_equal(pick.odd[ODD_SPACE].name, "c d");
    assert_string_equal(pick.odd[ODD_DOUBLE].name, "e+f");
    assert_null(pick.odd[ODD_SEGMENT].name);
    assert_string_equal(pick.plain.name, "e+f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oddity),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_odd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

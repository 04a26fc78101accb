/* The folder hash against values of tests/e2e/folder_hash.py, a script of its own. */
#include "policy/folder_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* `text`: "name=bytes" a file, "name/" a folder, between '|'. */
static void hash_of(const char *text, char hex[HASH_HEX_MAX])
{
    static char digests[16][HASH_HEX_MAX];
    struct folder_entry entries[16];
    size_t count = 0;
    char *copy = strdup(text), *rest = copy, *word;
    while ((word = strsep(&rest, "|"))) {
        char *equals = strchr(word, '=');
        if (!*word)
            continue;
        entries[count] = (struct folder_entry){.name = word};
        if (equals) {
            *equals = '\0';
            hash_bytes(HASH_SHA256, equals + 1, strlen(equals + 1), digests[count]);
            entries[count].sha256 = digests[count];
        } else {
            word[strlen(word) - 1] = '\0';
        }
        count++;
    }
    folder_hash(entries, count, hex);
    free(copy);
}

static void test_known_values(void **state)
{
    (void)state;
    static const struct {
        const char *tree, *hash;
    } rows[] = {
        {"", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"},
        {"a=1", "A40BA191149CFA84C3A2EA44FF9AB58224425442E7E811347223817CCDE28929"},
        {"A=1", "A40BA191149CFA84C3A2EA44FF9AB58224425442E7E811347223817CCDE28929"},
        {"a=2", "428EEC1D914F54DA85EF6F9E0F3CCFAD51A9E82569C462F090AFD7428F8AF5D2"},
        {"b/x=1|a/y=2|c=3", "07DB51E381A0160CE83889B193A3166F3E1A29BD4B3A49167FE4D27B334A9704"},
        {"a/|b/x=1|a/y=2|c=3|b/",
         "07DB51E381A0160CE83889B193A3166F3E1A29BD4B3A49167FE4D27B334A9704"},
        {"b/x=1|empty/|a/y=2|c=3",
         "A09E1CC5F7F7B0DB6429CE0BC77FFC20F05BF8CF5086FDFE4CA5E460EC97C57B"},
        {"a/b/c=1|a b/c=2|a-b=3|a_b=4|aB=5|z/y/",
         "73E729548760B57A494041A36B67BBA9B76D09109E9BB4D709D795D38EB74E6A"},
        {"\u00e4=1|Z=2|\U0001F600=3|\ufb00x=4|\u00df=5|\u03a9/\u03c3=6",
         "B6B472662FA4ABA4FBCD6CFFC1E892890FC7503503EDBB76483D9FEFF1DFB3BB"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char hex[HASH_HEX_MAX];
        hash_of(rows[i].tree, hex);
        assert_string_equal(hex, rows[i].hash);
    }
}

static void test_the_order_given_is_nothing(void **state)
{
    (void)state;
    char one[HASH_HEX_MAX], other[HASH_HEX_MAX];
    hash_of("x/b=1|x/a=2|y=3|w/=|w2/", one);
    hash_of("w2/|y=3|x/a=2|w/=|x/b=1", other);
    assert_string_equal(one, other);
}

static void test_names_that_windows_calls_one(void **state)
{
    (void)state;
    assert_int_equal(folder_compare_names("Setup.EXE", "sETUP.exe"), 0);
    assert_int_equal(folder_compare_names("\u00c4rger/\u03a3", "\u00e4rger/\u03c3"), 0);
    assert_int_not_equal(folder_compare_names("\U00010400", "\U00010428"), 0);
    assert_true(folder_holds("A/\u00dc", "a/\u00fc/x") && folder_holds("a", "a/"));
    assert_false(folder_holds("a", "a") || folder_holds("a", "ab/x") || folder_holds("a/b", "a/"));
    assert_true(folder_compare_names("a/z", "a b") < 0);
    assert_true(folder_compare_names("a_b", "aB") > 0);
    assert_true(folder_compare_names("\U0001F600", "\uFB00") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_the_order_given_is_nothing),
        cmocka_unit_test(test_names_that_windows_calls_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

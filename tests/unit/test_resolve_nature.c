/* What an address is, and what an answer without one is called. */
#include "agent/resolve/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Each with the address next to it that is of another kind. */
static void test_natures(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        enum resolve_nature nature;
    } rows[] = {
        {"9.255.255.255", RESOLVE_PUBLIC},
        {"10.0.0.0", RESOLVE_PRIVATE},
        {"10.255.255.255", RESOLVE_PRIVATE},
        {"11.0.0.0", RESOLVE_PUBLIC},
        {"172.15.255.255", RESOLVE_PUBLIC},
        {"172.16.0.0", RESOLVE_PRIVATE},
        {"172.31.255.255", RESOLVE_PRIVATE},
        {"172.32.0.0", RESOLVE_PUBLIC},
        {"192.167.255.255", RESOLVE_PUBLIC},
        {"192.168.0.0", RESOLVE_PRIVATE},
        {"192.169.0.0", RESOLVE_PUBLIC},
        {"100.63.255.255", RESOLVE_PUBLIC},
        {"100.64.0.0", RESOLVE_PRIVATE},
        {"100.127.255.255", RESOLVE_PRIVATE},
        {"100.128.0.0", RESOLVE_PUBLIC},
        {"126.255.255.255", RESOLVE_PUBLIC},
        {"127.255.255.255", RESOLVE_LOOPBACK},
        {"128.0.0.0", RESOLVE_PUBLIC},
        {"169.254.0.0", RESOLVE_LINK_LOCAL},
        {"169.255.0.0", RESOLVE_PUBLIC},
        {"0.255.255.255", RESOLVE_UNSPECIFIED},
        {"239.255.255.255", RESOLVE_MULTICAST},
        {"240.0.0.0", RESOLVE_RESERVED},
        {"255.255.255.255", RESOLVE_RESERVED},
        {"::", RESOLVE_UNSPECIFIED},
        {"::1", RESOLVE_LOOPBACK},
        {"::ffff:10.0.0.1", RESOLVE_RESERVED},
        {"fbff::1", RESOLVE_PUBLIC},
        {"fc00::1", RESOLVE_PRIVATE},
        {"fdff::1", RESOLVE_PRIVATE},
        {"fe00::1", RESOLVE_PUBLIC},
        {"fe80::1", RESOLVE_LINK_LOCAL},
        {"febf::1", RESOLVE_LINK_LOCAL},
        {"fec0::1", RESOLVE_PUBLIC},
        {"ff02::1", RESOLVE_MULTICAST},
        {"2001:db8::1", RESOLVE_PUBLIC},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(resolve_nature(rows[i].address), rows[i].nature);
        assert_int_equal(resolve_nature_words(rows[i].nature) == NULL,
                         rows[i].nature == RESOLVE_PUBLIC);
    }
}

/* Each failure has a word and an explanation of its own. */
static void test_explanations(void **state)
{
    (void)state;
    char all[RESOLVE_MALFORMED + 1][160];
    struct resolve_answer answer = {.error = RESOLVE_OK};
    for (int error = RESOLVE_NXDOMAIN; error <= RESOLVE_MALFORMED; error++) {
        answer.error = (enum resolve_error)error;
        resolve_explain(&answer, all[error], sizeof all[error]);
        assert_int_equal(strncmp(all[error], resolve_error_word(answer.error),
                                 strlen(resolve_error_word(answer.error))),
                         0);
        for (int other = RESOLVE_NXDOMAIN; other < error; other++)
            assert_string_not_equal(strchr(all[error], '('), strchr(all[other], '('));
    }
    memcpy(answer.refused, "169.254.1.1", sizeof "169.254.1.1");
    resolve_explain(&answer, all[0], sizeof all[0]);
    assert_non_null(strstr(all[0], "169.254.1.1, a link-local address"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_natures),
        cmocka_unit_test(test_explanations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

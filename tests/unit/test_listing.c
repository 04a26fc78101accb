/* Listings: the forms of a URL, and a multistatus in pieces of every length. */
#include "agent/source/dp_form.h"
#include "agent/source/multistatus.h"
#include "agent/source/source.h"

#include "policy/base/buf.h"
#include "policy/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *content;
        unsigned form, count;
        const char *file;
    } rows[] = {
        {"http://dp/SMS_DP_SMSPKG$/P", 0, 6, "http://dp/SMS_DP_SMSPKG$/P/a%20b/%23c"},
        {"http://dp/SMS_DP_SMSPKG$/P", 1, 6, "http://dp/SMS_DP_SMSPKG$/P/sccm?/a%20b/%23c"},
        {"http://dp/SMS_DP_SMSPKG$/P", 2, 6, "http://dp/NOCERT_SMS_DP_SMSPKG$/P/a%20b/%23c"},
        {"http://dp/SMS_DP_SMSPKG$/P", 5, 6,
         "http://dp/CCMTOKENAUTH_SMS_DP_SMSPKG$/P/sccm?/a%20b/%23c"},
        {"http://dp/sms_dp_smspkg%24/P", 3, 6,
         "http://dp/NOCERT_sms_dp_smspkg%24/P/sccm?/a%20b/%23c"},
        {"http://dp/SMS_DP_SMSPKG", 1, 2, "http://dp/SMS_DP_SMSPKG/sccm?/a%20b/%23c"},
        {"http://dp/x/P", 0, 2, "http://dp/x/P/a%20b/%23c"},
        {"http://dp/SMS_DP_SMSPKG$x/P", 1, 2, "http://dp/SMS_DP_SMSPKG$x/P/sccm?/a%20b/%23c"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *url = dp_form_file_url(rows[i].content, rows[i].form, "a b/#c");
        assert_string_equal(url, rows[i].file);
        assert_int_equal(dp_form_count(rows[i].content), rows[i].count);
        free(url);
    }
}

static void test_what_of_a_url_is_shown(void **state)
{
    (void)state;
    assert_int_equal(source_shown_length("http://dp/a?sig=secret"), strlen("http://dp/a"));
    assert_int_equal(source_shown_length("http://dp/P/sccm?/a.txt"),
                     strlen("http://dp/P/sccm?/a.txt"));
    assert_int_equal(source_shown_length("http://dp/P/sccm?/a.txt?sig=secret"),
                     strlen("http://dp/P/sccm?/a.txt"));
    assert_int_equal(source_shown_length("http://dp/a?sig=secret/sccm?/b"), strlen("http://dp/a"));
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        struct source_result result;
        bool refusal;
    } rows[] = {
        {{.status = 401}, true},
        {{.status = 403}, true},
        {{.status = 404}, true},
        {{.status = 405}, true},
        {{.status = 403, .full = true}, false},
        {{.status = 500}, false},
        {{.status = 410}, false},
        {{.status = 0}, false},
        {{.ok = true, .status = 0}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(source_is_refusal(&rows[i].result), rows[i].refusal);
    for (int status = 401; status <= 405; status++)
        assert_int_equal(*source_refusal_advice(status) != '\0', status != 402);
}

static void test_decoding(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"plain", "plain"}, {"a%20b", "a b"}, {"%c3%BC", "\u00fc"}, {"100%", "100%"}, {"%2", "%2"},
        {"%zz", "%zz"},     {"%2525", "%25"}, {"%%41", "%A"},       {"", ""},         {"%4", "%4"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = strdup(rows[i][0]);
        assert_int_equal(text_decode_percent(text), strlen(rows[i][1]));
        assert_string_equal(text, rows[i][1]);
        free(text);
    }
}

static bool take(void *arg, const struct multistatus_entry *entry, struct error *err)
{
    (void)err;
    struct buf *seen = arg;
    buf_format(seen, "%s%s:%lld ", entry->name, entry->is_folder ? "/" : "",
               (long long)entry->size);
    return true;
}

static const char listing[] =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
    "<D:multistatus xmlns:D=\"DAV:\" xmlns:b=\"urn:b\">"
    "<D:response><D:href>/c/P/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/>"
    "</D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
    "<D:response xmlns:l=\"DAV:\"><D:href>http://h:8/c/P/a%20b.txt</D:href><D:propstat>"
    "<D:status>HTTP/1.1 200 OK</D:status><D:prop><l:getcontentlength> 17\n</l:getcontentlength>"
    "<b:getcontentlength>99</b:getcontentlength></D:prop></D:propstat><D:propstat><D:prop>"
    "<l:getcontentlength>98</l:getcontentlength></D:prop><D:status>HTTP/1.1 404 No</D:status>"
    "</D:propstat></D:response>"
    "<D:response><D:href>/C/p/sccm?/x</D:href><D:propstat><D:prop><D:iscollection>0"
    "</D:iscollection><D:getcontentlength>0</D:getcontentlength></D:prop></D:propstat>"
    "</D:response></D:multistatus>";

static void test_pieces_of_every_length(void **state)
{
    (void)state;
    const char *const contents[2] = {"/c/P", "/c/P"};
    size_t len = sizeof listing - 1;
    for (size_t piece = 1; piece <= len; piece = piece < 16 ? piece + 1 : piece * 2) {
        struct buf seen = {0};
        struct error err = {0};
        struct multistatus *reading = multistatus_open(contents, "", take, &seen);
        for (size_t at = 0; at < len; at += piece)
            assert_true(
                multistatus_feed(reading, listing + at, len - at < piece ? len - at : piece, &err));
        assert_true(multistatus_finish(reading, &err));
        assert_string_equal(seen.data, "/:0 a b.txt:17 x:0 ");
        multistatus_close(reading);
        buf_free(&seen);
    }
}

/* Cut anywhere it is no listing, and nothing is lost track of. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    const char *const contents[2] = {"/c/P", "/c/P"};
    for (size_t len = 0; len < sizeof listing - 1; len++) {
        struct buf seen = {0};
        struct error err = {0};
        struct multistatus *reading = multistatus_open(contents, "", take, &seen);
        assert_false(multistatus_feed(reading, listing, len, &err) &&
                     multistatus_finish(reading, &err));
        assert_int_equal(err.blame, BLAME_SOURCE);
        assert_string_equal(err.code, "LISTING");
        multistatus_close(reading);
        buf_free(&seen);
    }
}

static void test_relative_to_the_folder(void **state)
{
    (void)state;
    static const char text[] =
        "<multistatus xmlns='DAV:'><response><href>x%20y</href><propstat><prop>"
        "<getcontentlength>1</getcontentlength></prop></propstat></response></multistatus>";
    const char *const contents[2] = {"/c/P", "/c/P"};
    struct buf seen = {0};
    struct error err = {0};
    struct multistatus *reading = multistatus_open(contents, "sub/dir", take, &seen);
    assert_true(multistatus_feed(reading, text, sizeof text - 1, &err));
    assert_true(multistatus_finish(reading, &err));
    assert_string_equal(seen.data, "sub/dir/x y:1 ");
    multistatus_close(reading);
    buf_free(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_what_of_a_url_is_shown),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_decoding),
        cmocka_unit_test(test_pieces_of_every_length),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_relative_to_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which reply of a file is taken, and what is refused with the line it stands on. */
#include "replied.h"

#include "policy/base/buf.h"
#include "policy/base/limits.h"

#define RECORD(url) "<LocationRecord><URL Name='" url "'/></LocationRecord>"
#define REPLY(records)                                             \
    "<ContentLocationReply><Sites><Site><LocationRecords>" records \
    "</LocationRecords></Site></Sites></ContentLocationReply>"
#define LINE(text) "<![LOG[ContentLocationReply : " text "]LOG]!><time=\"1\">\n"

/* Who is the first location of the reply that is taken from a log, on which line it is, how many
   that name no content came after it; and the file's count. NULL: none. */
static const struct {
    const char *log, *id, *dp;
    unsigned line;
    size_t empty_after, count;
    bool assumed;
} logs[] = {
    {LINE(REPLY(RECORD("http://a/A"))) LINE(REPLY(RECORD("http://b/B"))), "A", "a", 1, 0, 2, false},
    {LINE(REPLY(RECORD("http://a/A"))) LINE(REPLY(RECORD("http://b/B"))), "B", "b", 2, 0, 2, false},
    {LINE(REPLY(RECORD("http://a/A"))) LINE(REPLY(RECORD("http://b/B"))), NULL, "b", 2, 0, 2,
     false},
    {LINE(REPLY(RECORD("http://a/A"))) LINE(REPLY(RECORD("http://b/B"))), "C", NULL, 0, 0, 0,
     false},
    {LINE(REPLY(RECORD("http://a/A"))) "\n" LINE(REPLY(RECORD("http://a2/A"))), "A", "a2", 3, 0, 2,
     false},
    {LINE(REPLY(RECORD("http://b/B") RECORD("http://a/A"))), "A", "b", 1, 0, 1, false},
    /* Without locations: about whatever was asked. */
    {LINE(REPLY(RECORD("http://a/A"))) LINE(REPLY("")) LINE(REPLY("")), "A", "a", 1, 2, 3, false},
    {LINE(REPLY(RECORD("http://a/A"))) LINE(REPLY("")), NULL, "", 2, 0, 2, false},
    {LINE(REPLY("")) LINE(REPLY(RECORD("http://b/B"))), "A", "", 1, 0, 2, true},
    {LINE(REPLY("")) LINE(REPLY("")) LINE(REPLY(RECORD("http://b/B"))), "A", "", 2, 0, 3, true},
    {LINE(REPLY(RECORD("http://b/B"))) LINE(REPLY("<LocationRecord><ServerRemoteName>s"
                                                  "</ServerRemoteName></LocationRecord>")),
     "A", "s", 2, 0, 2, true},
    {LINE(REPLY("<LocationRecord><URL Name='http://wu/x.cab'/><Locality>WUMU</Locality>"
                "</LocationRecord>")),
     "A", "wu", 1, 0, 1, true},
    /* Cut off by the log's turning over, by the next line, by the next reply. */
    {LINE(REPLY(RECORD("http://a/A"))) "<![LOG[<ContentLocationReply><Sites>", "A", "a", 1, 0, 1,
     false},
    {"<ContentLocationReply a=\"]LOG]!>\n" LINE(REPLY(RECORD("http://a/A"))), "A", "a", 2, 0, 1,
     false},
    {"<ContentLocationReply><Sites>]LOG]!>\n" LINE(REPLY(RECORD("http://a/A"))), "A", "a", 2, 0, 1,
     false},
    {"<ContentLocationReply><Sites>\n" REPLY(RECORD("http://a/A")), "A", "a", 2, 0, 1, false},
    {"x></ContentLocationReply>]LOG]!>\n" LINE(REPLY(RECORD("http://a/A"))), "A", "a", 2, 0, 1,
     false},
    {"<ContentLocationReply \n<ContentLocationReply/>", NULL, "", 2, 0, 1, false},
    /* Older ones are not looked at. */
    {LINE("<ContentLocationReply></x></ContentLocationReply>") LINE(REPLY(RECORD("http://a/A"))),
     "A", "a", 2, 0, 2, false},
    /* Others that begin alike, and a '>' in an attribute. */
    {"<ContentLocationReplyX></ContentLocationReplyX>" REPLY(RECORD("http://a/A")), "A", "a", 1, 0,
     1, false},
    {"<ContentLocationReply A='/>' B=\"'/>\">"
     "<Sites/></ContentLocationReply\n>",
     NULL, "", 1, 0, 1, false},
    {"<ContentLocationReply/>", NULL, "", 1, 0, 1, false},
};

static void test_several_in_a_log(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        struct location_reply reply;
        struct error err;
        bool ok = reply_read(&reply, logs[i].log, strlen(logs[i].log), logs[i].id, &err);
        if (ok != (logs[i].dp != NULL))
            fail_msg("row %zu: %s %s", i, err.code, err.text);
        if (!ok)
            continue;
        const char *dp = reply.record_count ? reply.records[0].dp : "";
        if (strcmp(dp, logs[i].dp) != 0 || reply.line != logs[i].line ||
            reply.empty_after != logs[i].empty_after || reply.content_assumed != logs[i].assumed ||
            reply.replies_in_file != logs[i].count)
            fail_msg("row %zu: '%s' line %u, %zu empty after, of %zu", i, dp, reply.line,
                     reply.empty_after, reply.replies_in_file);
        location_reply_free(&reply);
    }
}

/* Refusals */

static void test_refusals_name_the_line_of_the_file(void **state)
{
    (void)state;
    assert_reply_refused("", NULL, "NO_REPLY", "a.log", "holds no ContentLocationReply");
    assert_reply_refused("{\"a\": 1}", NULL, "NO_REPLY", "a.log", "holds no ContentLocationReply");
    assert_reply_refused(LINE("x") LINE("<ContentLocationReply>"), NULL, "NO_REPLY", "a.log",
                         "the one of line 2 does not end");
    assert_reply_refused(LINE(REPLY(RECORD("http://b/B"))), "A", "NO_REPLY", "a.log",
                         "no ContentLocationReply that speaks of A, only 1 of others");
    assert_reply_refused("\n\n" LINE("<ContentLocationReply>\n</x></ContentLocationReply>"), NULL,
                         "XML", "a.log:4", "");
    assert_reply_refused("\n\n" LINE(REPLY("\n<LocationRecord/>")), NULL, "REPLY", "a.log:4",
                         "names neither");
    /* A newer one may be the very one that was asked for. */
    assert_reply_refused(LINE(REPLY(RECORD("http://a/A"))) LINE(REPLY("<LocationRecord/>")), "A",
                         "REPLY", "a.log:2", "names neither");
    assert_reply_refused("<ContentLocationReply><LocationRecord/></ContentLocationReply>", NULL,
                         "REPLY", "a.log:1", "<LocationRecord> stands outside of <Site>");
    assert_reply_refused("<ContentLocationReply><MPSite/></ContentLocationReply>", NULL, "REPLY",
                         "a.log:1", "<MPSite> stands outside of <Site>");
    assert_reply_refused("<ContentLocationReply ContentFlags='x'/>", NULL, "REPLY", "a.log:1",
                         "ContentFlags is no number");
    assert_reply_refused("<ContentLocationReply BGRVersion='9999999999999999999'/>", NULL, "REPLY",
                         "a.log:1", "BGRVersion is no number");
    assert_reply_refused(
        "<ContentLocationReply>\n<BoundaryGroup GroupID='-5'/></ContentLocationReply>", NULL,
        "REPLY", "a.log:2", "GroupID is no number");
    assert_reply_refused("<ContentLocationReply a='\xFF'/>", NULL, "XML", "a.log:1", "");
}

static void test_document_types_are_refused(void **state)
{
    (void)state;
    assert_reply_refused(
        "<?xml version='1.0'?>\n<!DOCTYPE x [<!ENTITY e 'v'>]>\n<ContentLocationReply/>", NULL,
        "XML_DTD", "a.log:2", "document type declaration");
    assert_reply_refused(" \n<!DOCTYPE x>\n<ContentLocationReply/>", NULL, "XML_DTD", "a.log:2",
                         "");
    assert_reply_refused("<ContentLocationReply><!DOCTYPE x></ContentLocationReply>", NULL,
                         "XML_DTD", "a.log:1", "");
    assert_reply_refused("<ContentLocationReply>&e;</ContentLocationReply>", NULL, "XML", "a.log:1",
                         "");
    assert_reply_refused("\xEF\xBB\xBF<!DOCTYPE x><ContentLocationReply/>", NULL, "XML_DTD",
                         "a.log:1", "");
    /* In a log it is somebody else's text. */
    static const char log[] =
        "<![LOG[<!DOCTYPE html><html/>]LOG]!><time=\"1\">\n<ContentLocationReply/>";
    struct location_reply reply;
    struct error err;
    assert_true(reply_read(&reply, log, strlen(log), NULL, &err));
    location_reply_free(&reply);
}

static void test_only_ascii_is_told_apart(void **state)
{
    (void)state;
    char bytes[128];
    size_t len = reply_widen(bytes, "<ContentLocationReply/>", true, false);
    struct location_reply reply;
    struct error err;
    assert_true(reply_read(&reply, bytes, len, NULL, &err));
    location_reply_free(&reply);
    bytes[3] = 1; /* U+013C for the '<' */
    assert_false(reply_read(&reply, bytes, len, NULL, &err));
    assert_string_equal(err.code, "NO_REPLY");
}

/* Whatever is cut off: nothing is read of a part, and nothing is read beyond it. */
static void assert_no_part_reads(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        struct location_reply reply;
        struct error err;
        if (reply_read(&reply, bytes, i, NULL, &err))
            fail_msg("the first %zu of %zu bytes read as a reply", i, len);
        assert_string_equal(err.code, "NO_REPLY");
    }
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    static const char *const ages[] = {AGE_2016, AGE_2019, AGE_2021, AGE_2021_EMPTY};
    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        char *wide = mem_zero(strlen(ages[i]) + 1, 2);
        assert_no_part_reads(ages[i], strlen(ages[i]));
        assert_no_part_reads(wide, reply_widen(wide, ages[i], true, false));
        assert_no_part_reads(wide, reply_widen(wide, ages[i], true, true));
        free(wide);
    }
}

/* Limits: so many may be, one more may not. */

/* `one` so many times; '#' in it stands for its number. */
static char *many(const char *before, const char *one, size_t count, const char *after)
{
    struct buf out = {0};
    size_t plain = strcspn(one, "#");
    buf_append_text(&out, before);
    for (size_t i = 0; i < count; i++) {
        buf_append(&out, one, plain);
        if (one[plain])
            buf_format(&out, "%zu%s", i, one + plain + 1);
    }
    buf_append_text(&out, after);
    return out.data;
}

static void assert_limit(const char *before, const char *one, size_t limit, const char *after,
                         const char *words)
{
    struct location_reply reply;
    struct error err;
    char *most = many(before, one, limit, after), *over = many(before, one, limit + 1, after);
    if (!reply_read(&reply, most, strlen(most), NULL, &err))
        fail_msg("%s: %s", err.code, err.text);
    location_reply_free(&reply);
    assert_false(reply_read(&reply, over, strlen(over), NULL, &err));
    assert_string_equal(err.code, "REPLY_LIMIT");
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
    free(most);
    free(over);
}

#define IN_SITE   "<ContentLocationReply><Sites><Site>"
#define IN_RECORD IN_SITE "<LocationRecord><ServerRemoteName>s</ServerRemoteName>"

static void test_limits(void **state)
{
    (void)state;
    assert_limit(IN_SITE,
                 "<LocationRecord><ServerRemoteName>s#</ServerRemoteName></LocationRecord>",
                 LIMIT_REPLY_RECORDS, "</Site></Sites></ContentLocationReply>", "10000 locations");
    assert_limit(IN_RECORD, "<URL Name='http://s/#'/>", LIMIT_REPLY_LIST,
                 "</LocationRecord></Site></Sites></ContentLocationReply>", "256 URLs");
    assert_limit(IN_RECORD, "<IPSubnet Address='#'/>", LIMIT_REPLY_LIST,
                 "</LocationRecord></Site></Sites></ContentLocationReply>", "256 subnets");
    assert_limit("<ContentLocationReply>", "<BoundaryGroup GroupID='#'/>", LIMIT_REPLY_LIST,
                 "</ContentLocationReply>", "256 boundary groups");
    assert_limit("<ContentLocationReply>", "<Hash HashString='#'/>", LIMIT_REPLY_LIST,
                 "</ContentLocationReply>", "256 hashes");
    assert_limit("<ContentLocationReply>", "<Site/>", LIMIT_REPLY_LIST, "</ContentLocationReply>",
                 "256 sites");
    assert_limit("<x>", "<ContentLocationReply/>", LIMIT_REPLIES, "", "more replies");
    char *most = many(IN_SITE "<LocationRecord><URL Name='http://dp", "/", LIMIT_URL_BYTES - 9,
                      "'/></LocationRecord></Site></Sites></ContentLocationReply>");
    char *over = reply_with(most, "http:", "https:");
    struct location_reply reply;
    struct error err;
    assert_true(reply_read(&reply, most, strlen(most), NULL, &err));
    location_reply_free(&reply);
    assert_reply_refused(over, NULL, "REPLY", "a.log:1", "longer than a URL may be");
    free(most);
    free(over);
}

static void test_long_texts_and_files(void **state)
{
    (void)state;
    struct location_reply reply;
    struct error err = {0};
    char *text = many(IN_SITE "<LocationRecord><ServerRemoteName>s</ServerRemoteName><Version>",
                      "aaaaaaaa", LIMIT_URL_BYTES / 8,
                      "</Version></LocationRecord></Site></Sites></ContentLocationReply>");
    assert_true(reply_read(&reply, text, strlen(text), NULL, &err));
    location_reply_free(&reply);
    char *over = reply_with(text, "aaaa", "aaaaa");
    assert_reply_refused(over, NULL, "REPLY_LIMIT", "a.log:1", "2048 bytes");
    free(text);
    free(over);
    char *file = mem_zero(LIMIT_REPLY_BYTES + 1, 1);
    memcpy(file, "<ContentLocationReply/>", strlen("<ContentLocationReply/>"));
    assert_true(location_reply_read(&reply, file, LIMIT_REPLY_BYTES, NULL, "a.log", &err));
    location_reply_free(&reply);
    assert_false(location_reply_read(&reply, file, LIMIT_REPLY_BYTES + 1, NULL, "a.log", &err));
    assert_string_equal(err.code, "REPLY_LIMIT");
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_in_a_log),
        cmocka_unit_test(test_refusals_name_the_line_of_the_file),
        cmocka_unit_test(test_document_types_are_refused),
        cmocka_unit_test(test_only_ascii_is_told_apart),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_long_texts_and_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

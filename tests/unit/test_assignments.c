/* A policy point's reply: what is read, and what is refused. Every row has a twin with one fact
   changed that is read. */
#include "policy/assignments.h"

#include "policy/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A256 "CA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785AFEE48BB"
#define B256 "3E23E8160039594A33894F6564E1B1348BBD7A0088D42C4ACB73EEAED59C009D"
#define A1   "86F7E437FAA5A7FCE15D1DDCB9EAEAEA377667B8"

#define LOCATION(attributes) "<PolicyLocation " attributes ">p/a.xml</PolicyLocation>"
#define GOOD_LOCATION        LOCATION("PolicyHashEx=\"SHA256:" A256 "\"")
#define POLICY(attributes)   "<Policy " attributes ">" GOOD_LOCATION "</Policy>"
#define GOOD_POLICY          POLICY("PolicyID=\"{A}\" PolicyVersion=\"1.00\"")
#define ASSIGN(inner)        "<PolicyAssignment PolicyAssignmentID=\"{X}\">" inner "</PolicyAssignment>"
#define REPLY(inner)         "<ReplyAssignments ReplyType=\"Full\">\n" inner "</ReplyAssignments>"

static bool read_text(struct assignments *assignments, const char *text, struct error *err)
{
    *err = (struct error){0};
    return assignments_read(assignments, text, strlen(text), "reply", err);
}

static void test_a_reply(void **state)
{
    (void)state;
    struct assignments reply;
    struct error err;
    assert_true(read_text(
        &reply,
        "<?xml version=\"1.0\"?>\n<ReplyAssignments SchemaVersion=\"1.00\" ReplyType=\"Full\">"
        "<Identification><Machine><ClientID>GUID:1</ClientID></Machine></Identification>"
        "<PolicySource>SMS:PS1</PolicySource><Resource ResourceType=\"Machine\"/>"
        "<ServerCookie>2026-11-22</ServerCookie>"
        "<Signature><Reference PolicyAssignmentID=\"{X}\"/></Signature>\n"
        "<PolicyAssignment PolicyAssignmentID=\"{X}\" Action=\"3\">"
        "<Policy PolicyID=\"{A}\" PolicyVersion=\"2.00\" PolicyType=\"Machine\" "
        "PolicyCategory=\"NAAConfig\" PolicyFlags=\"68\">\n"
        "<PolicyLocation PolicyHash=\"" A1 "\" PolicyHashEx=\"sha256:" A256 "\"><![CDATA[\n "
        "http://<mp>/SMS_MP/.sms_pol?{A}.2_00 \n]]></PolicyLocation></Policy>"
        "<Condition><Operator OperatorType=\"AND\"><Expression>SELECT 1</Expression></Operator>"
        "</Condition></PolicyAssignment>\n"
        "<PolicyAssignment><Policy PolicyID=\"B\" PolicyVersion=\"3\"><PolicyLocation PolicyHash=\""
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\">b.xml"
        "</PolicyLocation></Policy></PolicyAssignment></ReplyAssignments>",
        &err));
    assert_string_equal(reply.schema_version, "1.00");
    assert_string_equal(reply.reply_type, "Full");
    assert_string_equal(reply.source, "SMS:PS1");
    assert_int_equal(reply.count, 2);
    const struct assignment *a = &reply.rows[0], *b = &reply.rows[1];
    assert_string_equal(a->id, "{X}");
    assert_string_equal(a->policy_id, "{A}");
    assert_string_equal(a->version_text, "2.00");
    assert_int_equal(a->version[0], 2);
    assert_string_equal(a->type, "Machine");
    assert_string_equal(a->category, "NAAConfig");
    assert_int_equal(a->flags, 68);
    assert_string_equal(a->location, "http://<mp>/SMS_MP/.sms_pol?{A}.2_00");
    assert_string_equal(a->sha1, A1);
    assert_string_equal(a->sha256, A256);
    assert_true(a->conditional);
    assert_int_equal(a->line, 3);
    assert_null(b->id);
    assert_null(b->category);
    assert_int_equal(b->flags, 0);
    assert_string_equal(b->location, "b.xml");
    assert_string_equal(b->sha256, A256);
    assert_string_equal(b->sha1, "");
    assert_false(b->conditional);
    assignments_free(&reply);
}

static const struct row {
    const char *bad, *words, *good;
} rows[] = {
    {"<Policy/>", "its root element is <Policy>", REPLY("")},
    {"<HTML><HEAD><TITLE>ERROR</TITLE></HEAD><BODY></BODY></HTML>", "its root element is <HTML>",
     "<ReplyAssignments><HTML/></ReplyAssignments>"},
    {"<ReplyAssignments ReplyType=\"Delta\"/>", "of the type Delta",
     "<ReplyAssignments ReplyType=\"full\"/>"},
    {REPLY(ASSIGN("")), "names no policy", REPLY(ASSIGN(GOOD_POLICY))},
    {REPLY(ASSIGN(POLICY("PolicyVersion=\"1\""))), "PolicyID is missing",
     REPLY(ASSIGN(POLICY("PolicyID=\"a\" PolicyVersion=\"1\"")))},
    {REPLY(ASSIGN(POLICY("PolicyID=\"\" PolicyVersion=\"1\""))), "PolicyID is missing",
     REPLY(ASSIGN(POLICY("PolicyID=\" \" PolicyVersion=\"1\"")))},
    {REPLY(ASSIGN(POLICY("PolicyID=\"a&#x9B;b\" PolicyVersion=\"1\""))), "control characters",
     REPLY(ASSIGN(POLICY("PolicyID=\"a&#xE9;b\" PolicyVersion=\"1\"")))},
    {REPLY(ASSIGN(POLICY("PolicyID=\"{A}\""))), "PolicyVersion is missing",
     REPLY(ASSIGN(POLICY("PolicyID=\"{A}\" PolicyVersion=\"0\"")))},
    {REPLY(ASSIGN(POLICY("PolicyID=\"{A}\" PolicyVersion=\"1.00.1\""))), "not a number as 2.00",
     REPLY(ASSIGN(POLICY("PolicyID=\"{A}\" PolicyVersion=\"1.001\"")))},
    {REPLY(ASSIGN(POLICY("PolicyID=\"{A}\" PolicyVersion=\"-1\""))), "not a number as 2.00",
     REPLY(ASSIGN(POLICY("PolicyID=\"{A}\" PolicyVersion=\"1\"")))},
    {REPLY(ASSIGN(POLICY("PolicyID=\"{A}\" PolicyVersion=\"1\" PolicyFlags=\"4294967296\""))),
     "PolicyFlags is not a number",
     REPLY(ASSIGN(POLICY("PolicyID=\"{A}\" PolicyVersion=\"1\" PolicyFlags=\"4294967295\"")))},
    {REPLY(ASSIGN(POLICY("PolicyID=\"{A}\" PolicyVersion=\"1\" PolicyCategory=\"a&#10;b\""))),
     "PolicyCategory is too long or not plain",
     REPLY(ASSIGN(POLICY("PolicyID=\"{A}\" PolicyVersion=\"1\" PolicyCategory=\"a b\"")))},
    {REPLY("<PolicySource>a&#x202E;b</PolicySource>"), "PolicySource is longer",
     REPLY("<PolicySource>a b</PolicySource>")},
    {REPLY(ASSIGN("<Policy PolicyID=\"{A}\" PolicyVersion=\"1\"/>")),
     "policy {A} has no PolicyLocation", REPLY(ASSIGN(GOOD_POLICY))},
    {REPLY(ASSIGN("<Policy PolicyID=\"{A}\" PolicyVersion=\"1\"><PolicyLocation PolicyHash=\"" A1
                  "\"> \n </PolicyLocation></Policy>")),
     "has no PolicyLocation",
     REPLY(ASSIGN("<Policy PolicyID=\"{A}\" PolicyVersion=\"1\"><PolicyLocation PolicyHash=\"" A1
                  "\"> a\n </PolicyLocation></Policy>"))},
    {REPLY(ASSIGN("<Policy PolicyID=\"{A}\" PolicyVersion=\"1\">" GOOD_LOCATION GOOD_LOCATION
                  "</Policy>")),
     "more than one PolicyLocation",
     REPLY(ASSIGN("<Policy PolicyID=\"{A}\" PolicyVersion=\"1\">" GOOD_LOCATION "</Policy>"))},
    {REPLY(ASSIGN("<Policy PolicyID=\"{A}\" PolicyVersion=\"1\"><PolicyLocation PolicyHash=\"" A1
                  "\">a b</PolicyLocation></Policy>")),
     "characters that no URL may hold",
     REPLY(ASSIGN("<Policy PolicyID=\"{A}\" PolicyVersion=\"1\"><PolicyLocation PolicyHash=\"" A1
                  "\">a%20b</PolicyLocation></Policy>"))},
    {REPLY(ASSIGN("<Policy PolicyID=\"{A}\" PolicyVersion=\"1\"><PolicyLocation PolicyHash=\"" A1
                  "\">a&#xE9;</PolicyLocation></Policy>")),
     "characters that no URL may hold",
     REPLY(ASSIGN("<Policy PolicyID=\"{A}\" PolicyVersion=\"1\"><PolicyLocation PolicyHash=\"" A1
                  "\">a%C3%A9</PolicyLocation></Policy>"))},
};

#define ONE(hashes) \
    REPLY(ASSIGN("<Policy PolicyID=\"{A}\" PolicyVersion=\"1\">" LOCATION(hashes) "</Policy>"))
#define TWO(first, second)                                      \
    REPLY(ASSIGN("<Policy PolicyID=\"{A}\" " first "</Policy>") \
              ASSIGN("<Policy PolicyID=\"{a}\" " second "</Policy>"))

static const struct row hashes[] = {
    {ONE(""), "has neither PolicyHash nor PolicyHashEx", ONE("PolicyHash=\"" A1 "\"")},
    {ONE("PolicyHash=\"\" PolicyHashEx=\"\""), "has neither",
     ONE("PolicyHash=\"\" PolicyHashEx=\"SHA256:" A256 "\"")},
    {ONE("PolicyHash=\"" A1 "0\""), "neither SHA-1", ONE("PolicyHash=\"" A256 "\"")},
    {ONE("PolicyHashEx=\"" A256 "\""), "is not SHA256:", ONE("PolicyHashEx=\"SHA256:" A256 "\"")},
    {ONE("PolicyHashEx=\"SHA1:" A1 "\""),
     "is not SHA256:", ONE("PolicyHashEx=\"sha256:" A256 "\"")},
    {ONE("PolicyHash=\"" A1 "\" PolicyHashEx=\"SHA256:x\""),
     "is not SHA256:", ONE("PolicyHash=\"" A1 "\" PolicyHashEx=\"SHA256:" A256 "\"")},
    {ONE("PolicyHash=\"" B256 "\" PolicyHashEx=\"SHA256:" A256 "\""), "that disagree",
     ONE("PolicyHash=\"" A256 "\" PolicyHashEx=\"SHA256:" A256 "\"")},
    {TWO("PolicyVersion=\"1\">" GOOD_LOCATION, "PolicyVersion=\"2\">" GOOD_LOCATION),
     "two versions or with two hashes",
     TWO("PolicyVersion=\"1\">" GOOD_LOCATION, "PolicyVersion=\"1.00\">" GOOD_LOCATION)},
    {TWO("PolicyVersion=\"1\">" GOOD_LOCATION,
         "PolicyVersion=\"1\">" LOCATION("PolicyHashEx=\"SHA256:" B256 "\"")),
     "two versions or with two hashes",
     TWO("PolicyVersion=\"1\">" GOOD_LOCATION,
         "PolicyVersion=\"1\">" LOCATION("PolicyHash=\"" A256 "\""))},
};

static void check_rows(const struct row *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct assignments reply;
        struct error err;
        assert_false(read_text(&reply, table[i].bad, &err));
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_int_equal(strncmp(err.where, "reply:", 6), 0);
        if (!strstr(err.text, table[i].words))
            fail_msg("'%s' does not say '%s'", err.text, table[i].words);
        if (!read_text(&reply, table[i].good, &err))
            fail_msg("row %zu: the good one: %s", i, err.text);
        assignments_free(&reply);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    check_rows(rows, sizeof rows / sizeof rows[0]);
    check_rows(hashes, sizeof hashes / sizeof hashes[0]);
}

/* A policy that is assigned twice alike is one; without a condition where one assignment has none.
 */
static void test_doubles(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        bool conditional;
    } pairs[] = {{"<Condition/>", "<Condition/>", true},
                 {"<Condition/>", "", false},
                 {"", "<Condition/>", false}};
    for (size_t i = 0; i < 3; i++) {
        struct assignments reply;
        struct error err;
        char *text = mem_format(REPLY(ASSIGN("%s" GOOD_POLICY)
                                          ASSIGN(POLICY("PolicyID=\"B\" PolicyVersion=\"1\""))
                                              ASSIGN("%s" GOOD_POLICY)),
                                pairs[i].first, pairs[i].second);
        assert_true(read_text(&reply, text, &err));
        assert_int_equal(reply.count, 2);
        assert_string_equal(reply.rows[0].policy_id, "{A}");
        assert_int_equal(reply.rows[0].conditional, pairs[i].conditional);
        assert_false(reply.rows[1].conditional);
        assignments_free(&reply);
        free(text);
    }
}

/* Each limit, and what just keeps to it. */
static void test_limits(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct assignments reply;
        struct error err;
        struct buf text = {0};
        buf_append_text(&text, "<ReplyAssignments>");
        for (int i = 0; i < LIMIT_ASSIGNMENTS + over; i++)
            buf_format(&text, ASSIGN(POLICY("PolicyID=\"%d\" PolicyVersion=\"1\"")), i);
        buf_append_text(&text, "</ReplyAssignments>");
        assert_int_equal(read_text(&reply, text.data, &err), !over);
        assignments_free(&reply);
        buf_clear(&text);
        buf_append_text(&text, "<ReplyAssignments><PolicyAssignment>"
                               "<Policy PolicyID=\"a\" PolicyVersion=\"1\">"
                               "<PolicyLocation PolicyHash=\"" A1 "\">");
        for (int i = 0; i < LIMIT_URL_BYTES + over; i++)
            buf_append_text(&text, "u");
        buf_append_text(&text, "</PolicyLocation></Policy></PolicyAssignment></ReplyAssignments>");
        assert_int_equal(read_text(&reply, text.data, &err), !over);
        assignments_free(&reply);
        buf_clear(&text);
        buf_append_text(&text, "<ReplyAssignments><PolicyAssignment><Policy PolicyID=\"");
        for (int i = 0; i < LIMIT_POLICY_ID + over; i++)
            buf_append_text(&text, "u");
        buf_append_text(&text, "\" PolicyVersion=\"1\">" GOOD_LOCATION "</Policy>"
                               "</PolicyAssignment></ReplyAssignments>");
        assert_int_equal(read_text(&reply, text.data, &err), !over);
        assignments_free(&reply);
        buf_free(&text);
    }
}

/* No cut is taken for the whole. */
static void test_truncation(void **state)
{
    (void)state;
    const char *text = REPLY("<PolicySource>SMS:PS1</PolicySource>" ASSIGN(GOOD_POLICY));
    for (size_t len = 0; len < strlen(text); len++) {
        struct assignments reply;
        struct error err = {0};
        assert_false(assignments_read(&reply, text, len, "reply", &err));
        assert_int_equal(err.kind, ERROR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reply),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_doubles),    cmocka_unit_test(test_limits),
        cmocka_unit_test(test_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

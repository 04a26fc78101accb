/* JSON, a form of policy document: what each document gives, and what is refused. */
#include "policy/json_form.h"

#include "policy/base/limits.h"
#include "policy/json_scan.h"
#include "policy/key.h"
#include "tests/unit/instance_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

struct sample {
    const char *text, *lines;
};

static void assert_samples(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_gives(samples[i].text, strlen(samples[i].text), samples[i].lines);
}

#define ASSERT_SAMPLES(samples) assert_samples(samples, sizeof samples / sizeof samples[0])

#define ROW(members) "{\"__CLASS\":\"C\"," members "}"

static void test_shapes(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"{\"value\":[]}", ""},
        {"[]", ""},
        {" [ ] \r\n", ""},
        {"{\"value\":[" ROW("\"A\":1") "," ROW("\"A\":2") "]}", "C{A=1}\nC{A=2}\n"},
        {"[" ROW("\"A\":1") " ,\n" ROW("\"A\":2") "]", "C{A=1}\nC{A=2}\n"},
        {ROW("\"A\":1"), "C{A=1}\n"},
        {"[{\"__CLASS\":\"C\"}]", "C{}\n"},
        {"{ \"@odata.context\" : \"x$metadata#B\" , \"value\" : [ {\"A\":1} ] , "
         "\"@odata.nextLink\" : \"y\" , \"n\" : {\"value\":[1]} } ",
         "B{A=1}\n"},
        {"{\"Count\":1,\"value\":[" ROW("\"A\":1") "],\"more\":[[]]}", "C{A=1}\n"},
        /* A row of which a property has the name of the rows. */
        {ROW("\"value\":5,\"Value\\u0031\":6"), "C{value=5 Value1=6}\n"},
        {"[" ROW("\"value\":[1,2]") "]", "C{value=[1 2]}\n"},
        {ROW("\"N\":{\"value\":[1]}"), "C{N=Object{value=[1]}}\n"},
        {ROW("\"N\":\"]},{[\\\"\\\\\",\"M\":\"\\\\\""), "C{N=\"]},{[\"\\\" M=\"\\\"}\n"},
    };
    ASSERT_SAMPLES(samples);
}

static void test_class_of_a_row(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"[{\"A\":1,\"__CLASS\":\"C\",\"@odata.type\":\"#x.D\"}]", "C{A=1}\n"},
        {"[{\"A\":1,\"__CLASS\":\"\",\"@odata.type\":\"#x.D\"}]", "D{A=1}\n"},
        {"[{\"A\":1,\"__CLASS\":5,\"@odata.type\":\"#x.D\"}]", "D{A=1}\n"},
        {"[{\"A\":1,\"CimClass\":\"root/sms/site_PS1:SMS_Boundary\"}]", "SMS_Boundary{A=1}\n"},
        {"[{\"A\":1,\"CimClass\":{\"CimClassName\":\"SMS_Site\",\"x\":{}}}]", "SMS_Site{A=1}\n"},
        {"[{\"A\":1,\"CimClass\":{\"CimSystemProperties\":{\"ClassName\":\"SMS_Site\"}}}]",
         "SMS_Site{A=1}\n"},
        {"[{\"A\":1,\"CimSystemProperties\":{\"ClassName\":\"SMS_Site\"}}]", "SMS_Site{A=1}\n"},
        {"[{\"A\":1,\"@odata.type\":\"#AdminService.SMS_Boundary\"}]", "SMS_Boundary{A=1}\n"},
        {"[{\"A\":1,\"@odata.type\":\"#SMS_Boundary\"}]", "SMS_Boundary{A=1}\n"},
        {"{\"@odata.context\":\"https://x/y/$metadata#S\",\"value\":[{\"A\":1}]}", "S{A=1}\n"},
        {"{\"@odata.context\":\"$metadata#S(A,B)\",\"value\":[{\"A\":1}]}", "S{A=1}\n"},
        {"{\"@odata.context\":\"$metadata#S\",\"value\":[" ROW("\"A\":1") "]}", "C{A=1}\n"},
        {"{\"@odata.context\":\"$metadata#S/$entity\",\"A\":1}", "S{A=1}\n"},
    };
    ASSERT_SAMPLES(samples);
    static const char *const classless[] = {
        "[{\"A\":1}]",
        "[{\"__CLASS\":\"\"}]",
        "[{\"CimClass\":\"\",\"CimSystemProperties\":\"text\"}]",
        "[{\"CimClass\":{\"CimClassName\":null}}]",
        "[{\"@odata.type\":\"#x.\"}]",
        "{\"@odata.context\":\"$metadata\",\"value\":[{\"A\":1}]}",
        "{\"@odata.context\":\"$metadata#(A)\",\"value\":[{\"A\":1}]}",
        "{\"value\":[{\"A\":1}],\"@odata.context\":\"$metadata#S\"}",
    };
    for (size_t i = 0; i < sizeof classless / sizeof classless[0]; i++)
        assert_bytes_refused(classless[i], strlen(classless[i]), 1, "has a row without a class");
}

static void test_values(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {ROW("\"A\":null,\"B\":true,\"C\":false"), "C{A=null B=true C=false}\n"},
        {ROW("\"A\":0,\"B\":-1,\"C\":4294967295"), "C{A=0 B=-1 C=4294967295}\n"},
        {ROW("\"A\":9223372036854775807"), "C{A=9223372036854775807}\n"},
        {ROW("\"A\":9223372036854775808"), "C{A=\"9223372036854775808\"}\n"},
        {ROW("\"A\":18446744073709551615 ,\"B\":1"), "C{A=\"18446744073709551615\" B=1}\n"},
        {ROW("\"A\":[18446744073709551615,2]"), "C{A=[\"18446744073709551615\" 2]}\n"},
        {ROW("\"A\":-9223372036854775808"), "C{A=-9223372036854775808}\n"},
        {ROW("\"A\":-9223372036854775809"), "C{A=\"-9223372036854775809\"}\n"},
        {"[" ROW("\"A\":18446744073709551616") "]", "C{A=\"18446744073709551616\"}\n"},
        {ROW("\"A\":\"18446744073709551615,1\""), "C{A=\"18446744073709551615,1\"}\n"},
        {ROW("\"A\":\"text\",\"B\":\"\",\"C\":\"5\""), "C{A=\"text\" B=\"\" C=\"5\"}\n"},
        {ROW("\"A\":\"\\u00fc\\ud83d\\ude00\xC3\xA9\""),
         "C{A=\"\xC3\xBC\xF0\x9F\x98\x80\xC3\xA9\"}\n"},
        {ROW("\"A\":1.5,\"B\":0.1,\"C\":2.0"), "C{A=\"1.5\" B=\"0.1\" C=\"2\"}\n"},
        {ROW("\"A\":0.30000000000000004,\"B\":-1e300"),
         "C{A=\"0.30000000000000004\" B=\"-1e+300\"}\n"},
        {ROW("\"A\":1234567890123456789012.0"), "C{A=\"1.2345678901234568e+21\"}\n"},
        {ROW("\"A\":[],\"B\":[null],\"C\":[\"x\"]"), "C{A=null B=null C=[\"x\"]}\n"},
        {ROW("\"A\":[1,null,\"x\",true]"), "C{A=[1 \"x\" true]}\n"},
        {ROW("\"A\":{\"value\":[1,2],\"Count\":2}"), "C{A=[1 2]}\n"},
        {ROW("\"A\":{\"Count\":0,\"value\":[]}"), "C{A=null}\n"},
        {ROW("\"A\":{\"value\":[1],\"Count\":1,\"x\":1}"), "C{A=Object{value=[1] Count=1 x=1}}\n"},
    };
    ASSERT_SAMPLES(samples);
}

static void test_dates(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {ROW("\"A\":\"2024-08-30T20:55:06Z\""), "C{A=\"2024-08-30T20:55:06Z\"}\n"},
        {ROW("\"A\":\"2024-08-30T22:55:06.500+02:00\""), "C{A=\"2024-08-30T20:55:06.5Z\"}\n"},
        {ROW("\"A\":\"20240830205506.000000+***\""), "C{A=\"2024-08-30T20:55:06Z\"}\n"},
        {ROW("\"A\":\"\\/Date(1725051306000)\\/\""), "C{A=\"2024-08-30T20:55:06Z\"}\n"},
        {ROW("\"A\":{\"value\":\"\\/Date(1725051306000)\\/\",\"DateTime\":\"30. August\"}"),
         "C{A=\"2024-08-30T20:55:06Z\"}\n"},
        {ROW("\"A\":[{\"DisplayHint\":2,\"DateTime\":\"x\",\"value\":\"2024-08-30T20:55:06Z\"}]"),
         "C{A=[\"2024-08-30T20:55:06Z\"]}\n"},
        {ROW("\"A\":{\"value\":\"x\",\"DateTime\":\"y\"}"),
         "C{A=Object{value=\"x\" DateTime=\"y\"}}\n"},
        {ROW("\"A\":{\"value\":\"2024-08-30T20:55:06Z\"}"),
         "C{A=Object{value=\"2024-08-30T20:55:06Z\"}}\n"},
        {ROW("\"A\":\"2024-08-30\""), "C{A=\"2024-08-30\"}\n"},
    };
    ASSERT_SAMPLES(samples);
}

static void test_embedded_instances(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {ROW("\"A\":[{\"__CLASS\":\"X\",\"AgentID\":22},{\"@odata.type\":\"#a.Y\"}]"),
         "C{A=[X{AgentID=22} Y{}]}\n"},
        {ROW("\"A\":[{\"AgentID\":22,\"AllowCloudDP\":true},{\"AgentID\":27},{\"AgentID\":11},"
             "{\"AgentID\":23},{\"AgentID\":1},{\"AgentID\":32}]"),
         "C{A=[SMS_CloudAgentConfig{AgentID=22 AllowCloudDP=true} "
         "SMS_WinPEPeerCacheConfig{AgentID=27} SMS_BITS2Config{AgentID=11} "
         "SMS_ClientCommunicationConfig{AgentID=23} SMS_DCMAgentConfig{AgentID=1} "
         "SMS_WindowsDOConfig{AgentID=32}]}\n"},
        {ROW("\"A\":[{\"AgentID\":0},{\"AgentID\":5},{\"AgentID\":33},{\"AgentID\":-1},"
             "{\"AgentID\":\"22\"}]"),
         "C{A=[Object{AgentID=0} Object{AgentID=5} Object{AgentID=33} Object{AgentID=-1} "
         "Object{AgentID=\"22\"}]}\n"},
        {ROW("\"Props\":[{\"PropertyName\":\"SslState\",\"Value\":63}]"),
         "C{Props=[SMS_EmbeddedProperty{PropertyName=\"SslState\" Value=63}]}\n"},
        {ROW("\"PropLists\":[{\"PropertyListName\":\"x\",\"Values\":[\"y\"]}]"),
         "C{PropLists=[SMS_EmbeddedPropertyList{PropertyListName=\"x\" Values=[\"y\"]}]}\n"},
        {ROW("\"A\":{\"B\":{\"C\":[1]}}"), "C{A=Object{B=Object{C=[1]}}}\n"},
    };
    ASSERT_SAMPLES(samples);
}

static void test_what_is_dropped(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {ROW("\"__PATH\":{\"a\":[1]},\"_A\":1,\"@odata.etag\":\"x\",\"B@odata.type\":\"y\",\"C@\":"
             "2"),
         "C{_A=1 C@=2}\n"},
        {ROW("\"PSComputerName\":1,\"PSShowComputerName\":true,\"PSSourceJobInstanceId\":\"g\","
             "\"RunspaceId\":\"g\",\"CimClass\":\"x\",\"CimInstanceProperties\":[\"y\"],"
             "\"CimSystemProperties\":\"z\",\"SmsProviderObjectPath\":\"p\",\"A\":1"),
         "C{A=1}\n"},
        {ROW("\"ClassPath\":{\"Path\":\"x\"},\"Scope\":{},\"Path\":{},\"Options\":{},"
             "\"Properties\":[{}],\"SystemProperties\":[{}],\"Qualifiers\":[],\"Site\":null,"
             "\"Container\":null,\"A\":1"),
         "C{A=1}\n"},
        {ROW("\"Scope\":1,\"Path\":2,\"Site\":3"), "C{Scope=1 Path=2 Site=3}\n"},
        {ROW("\"__LAZYPROPERTIES\":[\"A\",\"B\",\"E\",5],\"A\":0,\"B\":[{\"x\":1}],\"D\":0"),
         "C{A=null B=null D=0}\n"},
        {ROW("\"A\":0,\"D\":0,\"__LAZYPROPERTIES\":[\"A\"]"), "C{A=null D=0}\n"},
        {ROW("\"__LAZYPROPERTIES\":null,\"A\":0"), "C{A=0}\n"},
    };
    ASSERT_SAMPLES(samples);
}

/* Each with its twin, in which one thing is otherwise. */
static const struct {
    const char *bad;
    unsigned line;
    const char *words;
    const char *good; /* gives one row or none */
} refused_rows[] = {
    {"[\n5]", 2, "has a row that is no object", "[\n" ROW("\"A\":5") "]"},
    {"[[]]", 1, "has a row that is no object", "[{\"__CLASS\":\"C\"}]"},
    {"[" ROW("\"A\":1") ",\nnull]", 2, "no object", "[" ROW("\"A\":1") "\n]"},
    {"[,]", 1, "a row is missing", "[]"},
    {"[" ROW("\"A\":1") ",\n]", 2, "a row is missing", "[" ROW("\"A\":1") "\n]"},
    {"[" ROW("\"A\":1") "\n}", 2, "neither ',' nor ']'", "[" ROW("\"A\":1") "\n]"},
    {"{\"value\":[],}", 1, "malformed JSON: string or '}' expected", "{\"value\":[]}"},
    {"{\"value\":[]5}", 1, "malformed JSON", "{\"value\":[] }"},
    {"{\"value\":[].5}", 1, "malformed JSON", "{\"value\":[],\"A\":0.5}"},
    {"{\"value\"::[]}", 1, "malformed JSON", "{\"value\":[]}"},
    {"{,\"value\":[]}", 1, "malformed JSON", "{\"value\":[]}"},
    {"{\"a\":1 \"value\":[]}", 1, "malformed JSON", "{\"a\":1,\"value\":[]}"},
    {"{\"value\":[],\n\"value\":[]}", 2, "duplicate object key", "{\"value\":[],\"w\":[]}"},
    {"{\"value\":1,\"value\":[]}", 1, "duplicate object key", "{\"w\":1,\"value\":[]}"},
    {"{\"a\":1,\"a\":1,\"value\":[]}", 1, "duplicate object key", "{\"a\":1,\"value\":[]}"},
    {"[]\n]", 2, "goes on after its end", "[]\n"},
    {"{\"value\":[]}\n0", 2, "goes on after its end", "{\"value\":[]}\n"},
    {ROW("\"A\":1") "\n\n,", 3, "goes on after its end", ROW("\"A\":1")},
    {"{\"error\":{\"code\":\"\"}}", 1, "neither rows (\"value\": [...]) nor a class",
     ROW("\"error\":{}")},
    {"{}", 1, "neither rows", "{\"value\":[]}"},
    {"\n[{\n\"A\":\n1]", 4, "malformed JSON: '}' expected near ']'", "\n[{\n\"__CLASS\":\n\"1\"}]"},
    {"[" ROW("\"A\":tru") "]", 1, "malformed JSON: invalid token", "[" ROW("\"A\":true") "]"},
    {"[" ROW("\"A\":01") "]", 1, "malformed JSON", "[" ROW("\"A\":1") "]"},
    {"[" ROW("\"A\":018446744073709551615") "]", 1, "malformed JSON",
     "[" ROW("\"A\":18446744073709551615") "]"},
    {"[" ROW("\"A\":18446744073709551615e") "]", 1, "malformed JSON",
     "[" ROW("\"A\":18446744073709551615e1") "]"},
    {"[" ROW("18446744073709551615 :1") "]", 1, "a number stands for the name of a member",
     "[" ROW("\"18446744073709551615\" :1") "]"},
    {"[" ROW("\"A\":1e999") "]", 1, "malformed JSON: real number overflow",
     "[" ROW("\"A\":1e99") "]"},
    {"[" ROW("\"A\":1,\n\"A\":1") "]", 2, "duplicate object key", "[" ROW("\"A\":1") "]"},
    {"[" ROW("\"Name\":1,\n\"N\":1,\n\"name\":1") "]", 3, "'name' stands twice in one instance",
     "[" ROW("\"Name\":1,\n\"N\":1,\n\"nam\":1") "]"},
    {"[" ROW("\"A\":\"\\u0000\"") "]", 1, "malformed JSON: \\u0000",
     "[" ROW("\"A\":\"\\u0001\"") "]"},
    {"[" ROW("\"\\u0000\":1") "]", 1, "malformed JSON", "[" ROW("\"\\u0001\":1") "]"},
    {"[" ROW("\"A\":\"\n\"") "]", 1, "malformed JSON", "[" ROW("\"A\":\"\\n\"") "]"},
    {"[" ROW("\"A\":\"\\ud800\"") "]", 1, "malformed JSON",
     "[" ROW("\"A\":\"\\ud800\\udc00\"") "]"},
    {"[" ROW("\"A\":\"\\x\"") "]", 1, "malformed JSON: invalid escape",
     "[" ROW("\"A\":\"\\t\"") "]"},
    {"[" ROW("\n\"\":1") "]", 2, "a property has no name", "[" ROW("\n\"n\":1") "]"},
    {"[" ROW("\"B\":1,\n\"A\":[[1]]") "]", 2, "has an array within an array",
     "[" ROW("\"B\":1,\n\"A\":[1]") "]"},
    {"{\"__CLASS\":\"NP_CloudAccess\",\"NALPath\":1,\n\"SasToken\":\"(hidden)\"}", 2,
     "the secret 'SasToken' reads (hidden)",
     "{\"__CLASS\":\"NP_CloudAccess\",\"NALPath\":1,\n\"SasToken\":\"hidden\"}"},
    {"[{\"A\":1}]", 1, "row without a class", "[{\"__CLASS\":\"A\"}]"},
};

static void test_what_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused_rows / sizeof refused_rows[0]; i++) {
        struct policy policy;
        struct error err = {0};
        assert_bytes_refused(refused_rows[i].bad, strlen(refused_rows[i].bad), refused_rows[i].line,
                             refused_rows[i].words);
        if (!read_in_pieces(&policy, refused_rows[i].good, strlen(refused_rows[i].good),
                            SIZE_MAX / 2, &err))
            fail_msg("'%s': %s", refused_rows[i].good, err.text);
        assert_true(policy.instance_count <= 1);
        policy_free(&policy);
    }
}

/* A property's line is that of its member, through embedded instances and what is dropped. */
static void test_lines(void **state)
{
    (void)state;
    static const char text[] = "\n[\n{\"__CLASS\":\"C\",\n"                                 /* 3 */
                               "\"__X\":{\"a\":{\"b\":1}},\n\"A\":1,\n"                     /* 4 */
                               "\"B\":{\"value\":[{\n\"AgentID\":22}],\n\"Count\":1},\n"    /* 6 */
                               "\"__LAZYPROPERTIES\":[\"L\"],\n\"L\":{\"a\":\n1},\n"        /* 9 */
                               "\"D\":{\"value\":\"2024-08-30T20:55:06Z\",\n\"DateTime\":1" /* 12 */
                               "},\n\"E\":1},\n{\"__CLASS\":\"D\",\"F\":\n2}]";             /* 14 */
    static const struct {
        const char *name;
        unsigned line;
    } rows[] = {{"A", 5}, {"B", 6}, {"L", 10}, {"D", 12}, {"E", 14}};
    struct policy policy;
    struct error err = {0};
    assert_true(read_in_pieces(&policy, text, strlen(text), 5, &err));
    const struct instance *instance = policy.instances[0];
    assert_int_equal(instance->line, 3);
    assert_int_equal(instance->count, sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(instance->properties[i].name, rows[i].name);
        assert_int_equal(instance->properties[i].line, rows[i].line);
    }
    const struct value *embedded = instance_get(instance, "B");
    assert_int_equal(embedded->type, VALUE_ARRAY);
    assert_int_equal(embedded->items[0].object->properties[0].line, 7);
    assert_int_equal(policy.instances[1]->line, 15);
    assert_int_equal(policy.instances[1]->properties[0].line, 15);
    policy_free(&policy);
}

static void test_an_export_is_default_settings(void **state)
{
    (void)state;
    static const char text[] = "[" ROW("\"A\":1") "]";
    struct policy policy;
    struct error err = {0};
    assert_true(read_in_pieces(&policy, text, strlen(text), 100, &err));
    assert_null(policy.documents[0]->policy_id);
    assert_int_equal(policy.documents[0]->layer, LAYER_DEFAULT);
    assert_int_equal(policy.documents[0]->priority, PRECEDENCE_NONE);
    assert_false(policy.instances[0]->partial);
    policy_free(&policy);
}

static void test_an_export_too_shallow_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_said;
    } rows[] = {
        {ROW("\n\"AgentConfigurations\":[\"SMS_CloudAgentConfig\"]"), true},
        {ROW("\n\"Props\":\"System.Object[]\""), true},
        {ROW("\n\"AgentConfigurations\":[{\"AgentID\":22}]"), false},
        {ROW("\n\"Props\":null"), false},
        {ROW("\n\"Description\":\"text\""), false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy policy;
        struct error err = {0};
        assert_true(read_in_pieces(&policy, rows[i].text, strlen(rows[i].text), 100, &err));
        assert_int_equal(policy.warning_count, rows[i].is_said);
        if (rows[i].is_said) {
            assert_string_equal(policy.warnings[0].code, "EXPORT_TOO_SHALLOW");
            assert_string_equal(policy.warnings[0].where, "doc:2");
            assert_non_null(strstr(policy.warnings[0].text, "-Depth 6"));
        }
        policy_free(&policy);
    }
}

/* Whole or in pieces, in any encoding, cut off */

static const char sample[] =
    "{\"@odata.context\":\"https://cm01/AdminService/wmi/$metadata#SMS_Boundary\",\r\n"
    "\"value\":[{\"__CLASS\":\"SMS_Boundary\",\"Value\":\"10.0.0.0-\xC3\xA4\xE2\x82\xAC"
    "\xF0\x9F\x98\x80\\\"\\\\\\u00e4\",\"Flags\":18446744073709551615,\r\n\"SiteSystems\":[\"a\","
    "\"b\"],\"X\":{\"AgentID\":22}},\r\n{\"BoundaryID\":16777217,\"R\":-1.25e2}],"
    "\"@odata.nextLink\":null}";

#define SAMPLE_LINES                                                                    \
    "SMS_Boundary{Value=\"10.0.0.0-\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"\\\xC3\xA4\" " \
    "Flags=\"18446744073709551615\" SiteSystems=[\"a\" \"b\"] X=SMS_CloudAgentConfig{"  \
    "AgentID=22}}\nSMS_Boundary{BoundaryID=16777217 R=\"-125\"}\n"

static void assert_sample_in_pieces(const char *bytes, size_t len)
{
    static const size_t pieces[] = {1, 2, 3, 7, 64, 1000000};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct policy policy;
        struct error err = {0};
        struct buf text = {0};
        if (!read_in_pieces(&policy, bytes, len, pieces[i], &err))
            fail_msg("in pieces of %zu: %s", pieces[i], err.text);
        instance_text(&text, &policy);
        assert_string_equal(text.data, SAMPLE_LINES);
        buf_free(&text);
        policy_free(&policy);
    }
}

/* Of the text, which is UTF-8. */
static void append_utf16(struct buf *out, const char *text, bool big_endian)
{
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        size_t len = *c < 0x80 ? 1 : *c < 0xE0 ? 2 : *c < 0xF0 ? 3 : 4;
        unsigned code = len == 1 ? *c : *c & (0xFFU >> (len + 1));
        for (size_t i = 1; i < len; i++)
            code = code << 6 | (c[i] & 0x3FU);
        c += len;
        unsigned units[] = {code, 0};
        if (code >= 0x10000) {
            units[0] = 0xD800 + ((code - 0x10000) >> 10);
            units[1] = 0xDC00 + ((code - 0x10000) & 0x3FF);
        }
        for (int i = 0; i < 2 && (i == 0 || units[1]); i++) {
            const char pair[] = {(char)(units[i] & 0xFF), (char)(units[i] >> 8)};
            buf_append(out, &pair[big_endian], 1);
            buf_append(out, &pair[!big_endian], 1);
        }
    }
}

static void test_encodings_in_pieces(void **state)
{
    (void)state;
    struct buf text = {0};
    assert_sample_in_pieces(sample, strlen(sample));
    buf_append_text(&text, "\xEF\xBB\xBF");
    buf_append_text(&text, sample);
    assert_sample_in_pieces(text.data, text.len);
    buf_clear(&text);
    append_utf16(&text, "\xEF\xBB\xBF", false);
    append_utf16(&text, sample, false);
    assert_sample_in_pieces(text.data, text.len);
    assert_sample_in_pieces(text.data + 2, text.len - 2);
    buf_clear(&text);
    append_utf16(&text, "\xEF\xBB\xBF", true);
    append_utf16(&text, sample, true);
    assert_sample_in_pieces(text.data, text.len);
    buf_free(&text);
}

/* More than the scanner gets at once. */
static void test_long_utf16(void **state)
{
    (void)state;
    struct buf text = {0}, wide = {0}, lines = {0};
    buf_append_text(&text, "["
                           "{\"__CLASS\":\"C\",\"A\":\"");
    buf_append_text(&lines, "C{A=\"");
    for (int i = 0; i < 20000; i++) {
        buf_append_text(&text, i % 3 ? "\xE2\x82\xAC" : "x");
        buf_append_text(&lines, i % 3 ? "\xE2\x82\xAC" : "x");
    }
    buf_append_text(&text, "\"}]");
    buf_append_text(&lines, "\"}\n");
    append_utf16(&wide, text.data, false);
    assert_gives(wide.data, wide.len, lines.data);
    buf_free(&text);
    buf_free(&wide);
    buf_free(&lines);
}

static void test_wrong_encodings(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *words; /* NULL: it is read */
    } rows[] = {
#define BYTES(text) text, sizeof text - 1
        {BYTES("\n[{\"__CLASS\":\"\xC3\xA4\"}]"), NULL},
        {BYTES("\n[{\"__CLASS\":\"\xE4\"}]"), "holds bytes that are not UTF-8"},
        {BYTES("\n[{\"__CLASS\":\"\xC0\xAF\"}]"), "not UTF-8"},
        {BYTES("\n[{\"__CLASS\":\"\xC1\xBF\"}]"), "not UTF-8"},
        {BYTES("\n[{\"__CLASS\":\"\xE0\x9F\xBF\"}]"), "not UTF-8"},
        {BYTES("\n[{\"__CLASS\":\"\xE0\xA0\x80\"}]"), NULL},
        {BYTES("\n[{\"__CLASS\":\"\xED\xA0\x80\"}]"), "not UTF-8"},
        {BYTES("\n[{\"__CLASS\":\"\xED\x9F\xBF\"}]"), NULL},
        {BYTES("\n[{\"__CLASS\":\"\xF0\x8F\xBF\xBF\"}]"), "not UTF-8"},
        {BYTES("\n[{\"__CLASS\":\"\xF0\x90\x80\x80\"}]"), NULL},
        {BYTES("\n[{\"__CLASS\":\"\xF4\x90\x80\x80\"}]"), "not UTF-8"},
        {BYTES("\n[{\"__CLASS\":\"\xF4\x8F\xBF\xBF\"}]"), NULL},
        {BYTES("\n[{\"__CLASS\":\"\xF5\x80\x80\x80\"}]"), "not UTF-8"},
        {BYTES("\n[{\"__CLASS\":\"\xE2\x82\"}]"), "not UTF-8"},
        {BYTES("\n[{\"__CLASS\":\"\x80\"}]"), "not UTF-8"},
        {BYTES("\n[]\xE2\x82"), "goes on after its end"},
        {BYTES("\n\0[\0]\0"), NULL},
        {BYTES("\n\0[\0]"), "ends within a character"},
        {BYTES("\xFF\xFE\n\0[\0{\0\x00\xD8]\0"), "half a surrogate pair"},
        {BYTES("\xFF\xFE\n\0[\0{\0\x00\xDC]\0"), "half a surrogate pair"},
        {BYTES("\xFF\xFE\n\0[\0{\0\x00\xD8\x00\xD8]\0"), "half a surrogate pair"},
        {BYTES("\xFE\xFF\0\n\0[\0{\xD8\0"), "ends within a character"},
        {BYTES("\xFE\xFF\0\n\0[\0]"), NULL},
        {BYTES("\n[\0]"), "a row is missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy policy;
        struct error err = {0};
        if (rows[i].words) {
            assert_bytes_refused(rows[i].bytes, rows[i].len, 2, rows[i].words);
            continue;
        }
        if (!read_in_pieces(&policy, rows[i].bytes, rows[i].len, 1, &err))
            fail_msg("%zu: %s", i, err.text);
        policy_free(&policy);
    }
}

static void test_cut_off_at_every_byte(void **state)
{
    (void)state;
    struct buf wide = {0};
    struct policy policy;
    struct error err = {0};
    append_utf16(&wide, "\xEF\xBB\xBF", true);
    append_utf16(&wide, sample, true);
    for (size_t len = 0; len < strlen(sample); len++)
        assert_false(read_in_pieces(&policy, sample, len, 1000, &err));
    for (size_t len = 0; len < wide.len; len++)
        assert_false(read_in_pieces(&policy, wide.data, len, 1000, &err));
    buf_clear(&wide);
    buf_append_text(&wide, sample);
    buf_append_text(&wide, " \r\n\t ");
    for (size_t len = strlen(sample); len <= wide.len; len++)
        assert_gives(wide.data, len, SAMPLE_LINES);
    buf_free(&wide);
}

/* Limits */

static void append_times(struct buf *out, const char *text, size_t times)
{
    while (times--)
        buf_append_text(out, text);
}

static void test_depth(void **state)
{
    (void)state;
    for (size_t depth = LIMIT_JSON_DEPTH; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
        struct buf text = {0};
        buf_append_text(&text, "[{\"__CLASS\":\"C\",\"__X\":\n");
        append_times(&text, "[", depth - 1);
        append_times(&text, "]", depth - 1);
        buf_append_text(&text, "}]");
        if (depth <= LIMIT_JSON_DEPTH)
            assert_gives(text.data, text.len, "C{}\n");
        else
            assert_bytes_refused(text.data, text.len, 2, "is nested deeper than 64");
        buf_free(&text);
    }
    for (size_t depth = INTAKE_DEPTH; depth <= INTAKE_DEPTH + 1; depth++) {
        struct buf text = {0};
        append_times(&text, "{\"__CLASS\":\"C\",\n\"A\":", depth);
        buf_append_text(&text, "1");
        append_times(&text, "}", depth);
        if (depth == INTAKE_DEPTH)
            assert_gives(text.data, text.len, "C{A=C{A=C{A=C{A=C{A=C{A=C{A=C{A=1}}}}}}}}\n");
        else
            assert_bytes_refused(text.data, text.len, 9, "more than 8 deep");
        buf_free(&text);
    }
}

static void test_members_and_values(void **state)
{
    (void)state;
    for (size_t count = LIMIT_JSON_MEMBERS; count <= LIMIT_JSON_MEMBERS + 1; count++) {
        struct policy policy;
        struct error err = {0};
        struct buf text = {0};
        buf_append_text(&text, "\n{\"__CLASS\":\"C\"");
        for (size_t i = 1; i < count; i++)
            buf_format(&text, ",\"p%zu\":1", i);
        buf_append_text(&text, "}");
        if (count > LIMIT_JSON_MEMBERS) {
            assert_bytes_refused(text.data, text.len, 2, "of more than 10000 members");
        } else {
            assert_true(read_in_pieces(&policy, text.data, text.len, 4096, &err));
            policy_free(&policy);
        }
        buf_free(&text);
    }
    for (size_t more = 0; more <= 1; more++) {
        struct policy policy;
        struct error err = {0};
        struct buf text = {0};
        buf_append_text(&text, "\n{\"__CLASS\":\"C\",\"A\":[1"); /* two names, one comma */
        append_times(&text, ",1", LIMIT_JSON_VALUES - 3 + more);
        buf_append_text(&text, "]}");
        if (more) {
            assert_bytes_refused(text.data, text.len, 2, "of more than 1000000 values");
        } else {
            assert_true(read_in_pieces(&policy, text.data, text.len, 4096, &err));
            policy_free(&policy);
        }
        buf_free(&text);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        long value; /* bytes of the text */
        const char *words;
    } rows[] = {
        {LIMIT_VALUE_BYTES, NULL},
        {LIMIT_VALUE_BYTES + 1, "has a value of more than 67108864 bytes"},
        {LIMIT_JSON_ROW_BYTES, "has an object of more than 68157440 bytes"},
    };
    char *large = mem_resize(NULL, LIMIT_JSON_ROW_BYTES, 1);
    memset(large, 'x', LIMIT_JSON_ROW_BYTES);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy policy;
        struct error err = {0};
        struct buf text = {0};
        buf_append_text(&text, "\n[{\"__CLASS\":\"C\",\"A\":\"");
        buf_append(&text, large, (size_t)rows[i].value);
        buf_append_text(&text, "\"}]");
        bool ok = read_in_pieces(&policy, text.data, text.len, MIB, &err);
        buf_free(&text);
        assert_int_equal(ok, rows[i].words == NULL);
        if (ok) {
            policy_free(&policy);
            continue;
        }
        assert_string_equal(err.where, "doc:2");
        assert_string_equal(err.text, rows[i].words);
    }
    free(large);
}

static void test_the_size_of_a_document(void **state)
{
    (void)state;
    struct policy policy = {0};
    struct intake intake;
    struct error err = {0};
    intake_begin(&intake, &policy, "doc");
    struct json_form *form = json_form_open(&intake, "doc");
    assert_true(json_form_feed(form, "\n\n[]", 4, &err));
    /* Refused before a byte of it is looked at. */
    assert_false(json_form_feed(form, "", LIMIT_DOCUMENT_BYTES - 3, &err));
    assert_string_equal(err.where, "doc:3");
    assert_string_equal(err.text, "is larger than 268435456 bytes");
    json_form_close(form);
    intake_free(&intake);
    policy_free(&policy);
}

static bool count_rows(void *arg, const struct json_piece *piece, struct error *err)
{
    (void)err;
    *(size_t *)arg += piece->kind == JSON_ROW;
    return true;
}

static void test_the_scanner_does_not_grow(void **state)
{
    (void)state;
    static const char first[] = "{\"value\":[{\"A\":\"b\",\"C\":1}";
    static const char next[] = ",{\"A\":\"b\",\"C\":[1,2,\"three\"]}";
    struct rusage before, after;
    struct error err = {0};
    size_t rows = 0;
    struct json_scan *scan = json_scan_open(count_rows, &rows, "doc");
    assert_true(json_scan_feed(scan, first, sizeof first - 1, &err));
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < 500000; i++)
        assert_true(json_scan_feed(scan, next, sizeof next - 1, &err));
    getrusage(RUSAGE_SELF, &after);
    assert_true(json_scan_feed(scan, "]}", 2, &err));
    assert_true(json_scan_finish(scan, &err));
    json_scan_close(scan);
    assert_int_equal(rows, 500001);
    assert_true(after.ru_maxrss - before.ru_maxrss < 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_scanner_does_not_grow),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_class_of_a_row),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_embedded_instances),
        cmocka_unit_test(test_what_is_dropped),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_an_export_is_default_settings),
        cmocka_unit_test(test_an_export_too_shallow_is_said),
        cmocka_unit_test(test_encodings_in_pieces),
        cmocka_unit_test(test_long_utf16),
        cmocka_unit_test(test_wrong_encodings),
        cmocka_unit_test(test_cut_off_at_every_byte),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_members_and_values),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_the_size_of_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Policy written as policy bodies, streamed JSON, and what changed between two policies. */
#include "policy/write.h"

#include "policy/diff.h"
#include "policy/key.h"
#include "policy/spy.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BODY(attributes, rest) \
    "<Policy PolicyID=\"{A}\" PolicyVersion=\"2.00\" " attributes ">" rest "</Policy>"
#define RULE(rest) \
    "<PolicyRule PolicyRuleID=\"{R}\"><PolicyAction>" rest "</PolicyAction></PolicyRule>"
#define X(class_, rest)      "<instance class=\"" class_ "\">" rest "</instance>"
#define P(name, type, value) "<property name=\"" name "\" type=\"" type "\">" value "</property>"
#define V(value)             "<value>" value "</value>"

static void read_policy(struct policy *policy, const char *text, size_t len)
{
    struct error err = {0};
    *policy = (struct policy){0};
    if (!policy_read_bytes(policy, "doc.xml", text, len, &err) || !policy_settle(policy, &err))
        fail_msg("%s: %s in %s", err.where, err.text, text);
}

static bool collect(void *arg, const char *bytes, size_t len)
{
    buf_append(arg, bytes, len);
    return true;
}

/* The tree of the policy, or a place in it, as XML. */
static struct buf write_out(struct policy *policy, const char *place)
{
    static const struct audience pc1 = {.name = "pc1"};
    struct resultant resultant;
    struct spy_path path;
    struct buf out = {0};
    struct sink sink = {.write = collect, .arg = &out};
    resultant_read(&resultant, policy, &pc1);
    const struct spy spy = {.policy = policy, .resultant = &resultant};
    assert_true(spy_parse_path(&path, place));
    assert_true(spy_xml(&spy, &path, &sink));
    return out;
}

static void assert_same(const struct policy *a, const struct policy *b)
{
    assert_int_equal(a->instance_count, b->instance_count);
    for (size_t i = 0; i < a->instance_count; i++) {
        if (key_compare_whole(a->instances[i], b->instances[i]) != 0)
            fail_msg("instance %zu, %s, is another", i, a->instances[i]->class_name);
        assert_int_equal(a->instances[i]->partial, b->instances[i]->partial);
        assert_int_equal(a->instances[i]->document->layer, b->instances[i]->document->layer);
        assert_int_equal(a->instances[i]->document->priority, b->instances[i]->document->priority);
    }
}

static const char *const documents[] = {
    BODY("PolicySource=\"SMS:PS1\"",
         RULE(X("CCM_X", P("A", "19", V("5")) P("B", "11", V("true"))))),
    BODY("", RULE(X("CCM_X", P("A", "8", V("a &lt;b&gt; &amp; &quot;c&quot; &#10;&#9;d"))))),
    BODY("", RULE(X("CCM_X", P("A", "8", "<value xml:space=\"preserve\"> a </value>")))),
    BODY("", RULE(X("CCM_X", P("A", "8", V("")) P("B", "19", "") P("C", "8", "")))),
    BODY("", RULE(X("CCM_X", P("A", "8200", V("a") V("b")) P("B", "8211", V("1") V("2"))))),
    BODY("", RULE(X("CCM_X", P("A", "8200", V("1") V("b")) P("B", "8211", V("1") V("x"))))),
    BODY("", RULE(X("CCM_X", P("A", "8200", V("a")) P("B", "8203", V("TRUE") V("0"))))),
    BODY("", RULE(X("CCM_X", P("A", "21", V("18446744073709551615")) P("B", "3", V("-7"))))),
    BODY("", RULE(X("CCM_X", P("A", "101", V("20260101000000.000000+000")) P("B", "8", V("5"))))),
    BODY("", RULE(X("SMS_ClientSettings",
                    P("SettingsID", "19", V("7"))
                        P("AgentConfigurations", "8205",
                          V(X("SMS_CloudAgentConfig", P("AllowCloudDP", "11", V("true"))))
                              V(X("SMS_BITS2Config", P("AgentID", "19", V("11"))))))
                      X("SMS_Y", P("One", "13", V(X("SMS_Z", P("A", "8", V("b")))))))),
    BODY("PolicyCategory=\"CustomSettings\" PolicyPrecedence=\"10\"",
         RULE("<instance class=\"CCM_X\" PolicyPartial=\"false\">" P(
             "A", "8", V("b")) "</instance>" X("CCM_Y", ""))),
    BODY("PolicySource=\"Local\"",
         RULE(X("CCM_X", P("A", "8", V("b"))))
             RULE(X("CCM_X", P("A", "8", V("c"))) "</PolicyAction><Condition/><PolicyAction>")),
};

static void test_what_is_written_reads_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        struct policy first, second, third;
        read_policy(&first, documents[i], strlen(documents[i]));
        struct buf once = write_out(&first, NULL);
        read_policy(&second, once.data, once.len);
        assert_same(&first, &second);
        assert_int_equal(first.requested_count, second.requested_count);
        struct buf twice = write_out(&second, NULL);
        assert_int_equal(once.len, twice.len);
        assert_memory_equal(once.data, twice.data, once.len);
        read_policy(&third, twice.data, twice.len);
        assert_same(&first, &third);
        buf_free(&once);
        buf_free(&twice);
        policy_free(&first);
        policy_free(&second);
        policy_free(&third);
    }
}

static void test_secrets_are_not_written(void **state)
{
    (void)state;
    static const char text[] =
        BODY("", RULE(X("NP_CloudAccess",
                        P("NALPath", "8", V("x"))
                            P("SasToken", "8",
                              V("marker")) "<property name=\"Own\" secret=\"1\"><value>marker"
                                           "</value></property>")));
    static const char *const places[] = {NULL, "Machine/Actual"};
    struct policy policy, again;
    read_policy(&policy, text, strlen(text));
    for (size_t i = 0; i < 2; i++) {
        struct buf out = write_out(&policy, places[i]);
        buf_append(&out, "", 1);
        assert_null(strstr(out.data, "marker"));
        read_policy(&again, out.data, out.len - 1);
        const struct instance *instance = again.instances[0];
        const struct property *token = instance_property(instance, "SasToken");
        /* Actual leaves out nothing but what is not known. */
        assert_true(token && token->secret && token->value.type == VALUE_NULL);
        assert_true(instance_property(instance, "Own")->secret);
        buf_free(&out);
        policy_free(&again);
    }
    policy_free(&policy);
}

/* JSON may hold what XML cannot: what is written is XML all the same. */
static void test_what_xml_cannot_hold(void **state)
{
    (void)state;
    static const char text[] = "{\"__CLASS\":\"CCM_X\",\"A\":\"a\\u0001b\\tc\"}";
    struct policy policy, again;
    read_policy(&policy, text, strlen(text));
    struct buf out = write_out(&policy, NULL);
    read_policy(&again, out.data, out.len);
    const struct value *value = instance_get(again.instances[0], "A");
    assert_string_equal(value->text, "a\xEF\xBF\xBD"
                                     "b\tc");
    buf_free(&out);
    policy_free(&policy);
    policy_free(&again);
}

static void test_several_policies_in_one_file(void **state)
{
    (void)state;
    static const char two[] = "<PolicyDocuments><Policy PolicyID=\"A\" PolicyVersion=\"1\">" RULE(X(
        "CCM_X", "")) "</Policy>\n<Policy PolicyID=\"B\" PolicyVersion=\"2\" "
                      "PolicySource=\"Local\">" RULE(X("CCM_Y", "")) "</Policy></PolicyDocuments>";
    struct policy policy;
    read_policy(&policy, two, strlen(two));
    assert_int_equal(policy.document_count, 2);
    assert_string_equal(policy.documents[1]->policy_id, "B");
    assert_int_equal(policy.documents[1]->layer, LAYER_LOCAL);
    assert_string_equal(policy.documents[1]->path, "doc.xml");
    assert_ptr_equal(policy.instances[1]->document, policy.documents[1]);
    policy_free(&policy);

    static const char *const bad[] = {
        "<PolicyDocuments><x/></PolicyDocuments>",
        "<PolicyDocuments>text</PolicyDocuments>",
        "<PolicyDocuments/><PolicyDocuments/>",
        "<PolicyDocuments><PolicyDocuments/></PolicyDocuments>",
        "<PolicyDocuments><Policy PolicyID=\"A\" PolicyVersion=\"1\"/></PolicyDocuments><x/>",
        "<PolicyDocuments><Policy PolicyID=\"A\"/></PolicyDocuments>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = {0};
        policy = (struct policy){0};
        if (policy_read_bytes(&policy, "doc.xml", bad[i], strlen(bad[i]), &err))
            fail_msg("%s is taken", bad[i]);
        assert_int_equal(err.kind, ERROR_INPUT);
        policy_free(&policy);
    }
}

/* One policy twice in one file with one version and other instances is no copy of itself. */
static void test_one_policy_twice_in_one_file(void **state)
{
    (void)state;
    static const char text[] = "<PolicyDocuments><Policy PolicyID=\"A\" PolicyVersion=\"1\">" RULE(
        X("CCM_X",
          "")) "</Policy><Policy PolicyID=\"A\" PolicyVersion=\"1\">" RULE(X("CCM_Y",
                                                                             "")) "</Policy></"
                                                                                  "PolicyDocuments"
                                                                                  ">";
    struct error err = {0};
    struct policy policy = {0};
    assert_true(policy_read_bytes(&policy, "doc.xml", text, strlen(text), &err));
    assert_false(policy_settle(&policy, &err));
    assert_string_equal(err.code, "SAME_VERSION");
    policy_free(&policy);
}

/* What changed */

static char *diff(const char *old_text, const char *new_text, bool json)
{
    static const struct audience pc1 = {.name = "pc1"};
    struct policy old, changed;
    struct resultant old_resultant, new_resultant;
    read_policy(&old, old_text, strlen(old_text));
    read_policy(&changed, new_text, strlen(new_text));
    resultant_read(&old_resultant, &old, &pc1);
    resultant_read(&new_resultant, &changed, &pc1);
    const struct diff_side before = {&old, &old_resultant}, after = {&changed, &new_resultant};
    struct buf out = {0};
    struct sink sink = {.write = collect, .arg = &out};
    buf_append(&out, "", 0);
    assert_true(json ? diff_json(&before, &after, &sink) : diff_text(&before, &after, &sink));
    policy_free(&old);
    policy_free(&changed);
    return out.data;
}

static const struct {
    const char *old, *changed, *want;
} changes[] = {
    {X("SMS_Boundary", P("BoundaryID", "19", V("5")) P("Value", "8", V("a"))),
     X("SMS_Boundary", P("BoundaryID", "19", V("5")) P("Value", "8", V("a"))), ""},
    {X("SMS_Boundary", P("BoundaryID", "19", V("5")) P("Value", "8", V("a"))),
     X("SMS_Boundary", P("BoundaryID", "19", V("5")) P("Value", "8", V("b"))),
     "SMS_Boundary BoundaryID=5 Value: a -> b\n"},
    {X("SMS_Boundary", P("BoundaryID", "19", V("5")) P("Value", "8", V("a"))),
     X("SMS_Boundary", P("BoundaryID", "19", V("5")) P("Value", "8", V("A"))),
     "SMS_Boundary BoundaryID=5 Value: a -> A\n"},
    {X("SMS_Boundary", P("BoundaryID", "19", V("5"))),
     X("SMS_Boundary", P("BoundaryID", "19", V("6"))),
     "SMS_Boundary BoundaryID=5 BoundaryID: 5 -> -\nSMS_Boundary BoundaryID=6 BoundaryID: - -> "
     "6\n"},
    {X("SMS_Boundary", P("BoundaryID", "19", V("5")) P("Value", "8", "")),
     X("SMS_Boundary", P("BoundaryID", "19", V("5"))), ""},
    {X("CCM_X", P("A", "19", V("1"))), X("CCM_X", P("A", "19", V("2"))), "CCM_X A: 1 -> 2\n"},
    {X("CCM_X", P("SiteSettingsKey", "19", V("1")) P("A", "19", V("1"))),
     X("CCM_X", P("SiteSettingsKey", "19", V("1")) P("A", "8", V("1"))),
     "CCM_X SiteSettingsKey=1 A: 1 -> 1\n"},
    {"", X("CCM_X", P("AllowCloudDP", "11", V("1"))), "CCM_X AllowCloudDP: - -> True\n"},
    {X("NP_CloudAccess", P("NALPath", "8", V("x")) P("Key", "8", V("marker"))),
     X("NP_CloudAccess", P("NALPath", "8", V("x")) P("Key", "8", V("other"))),
     "NP_CloudAccess NALPath=\"x\" Key: (hidden) -> (hidden)\n"},
    {X("CCM_X", P("A", "8200", V("a") V("b"))), X("CCM_X", P("A", "8200", V("a") V("B"))),
     "CCM_X A: {a, b} -> {a, B}\n"},
};

static void test_what_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char *old = mem_format(BODY("", RULE("%s")), changes[i].old);
        char *changed = mem_format(BODY("", RULE("%s")), changes[i].changed);
        char *got = diff(old, changed, false);
        assert_string_equal(got, changes[i].want);
        free(got);
        got = diff(old, changed, true);
        json_error_t problem;
        json_t *json = json_loads(got, 0, &problem);
        if (!json)
            fail_msg("%s: %s", problem.text, got);
        size_t lines = 0;
        for (const char *c = changes[i].want; *c; c++)
            lines += *c == '\n';
        assert_int_equal(json_array_size(json), lines);
        assert_null(strstr(got, "marker"));
        json_decref(json);
        free(got);
        free(old);
        free(changed);
    }
}

static void test_a_change_as_json(void **state)
{
    (void)state;
    char *got = diff(BODY("", RULE(X("SMS_Boundary", P("BoundaryID", "19", V("5"))))),
                     BODY("", RULE(X("SMS_Boundary", P("BoundaryID", "19", V("5"))
                                                         P("BoundaryType", "19", V("3"))))),
                     true);
    assert_string_equal(got, "[\n  {\n    \"class\": \"SMS_Boundary\",\n"
                             "    \"key\": \"BoundaryID=5\",\n"
                             "    \"property\": \"BoundaryType\",\n"
                             "    \"old\": null,\n    \"new\": 3\n  }\n]\n");
    free(got);
}

/* JSON in pieces */

static void test_json_in_pieces(void **state)
{
    (void)state;
    struct buf text = {0};
    struct sink sink = {.write = collect, .arg = &text};
    struct json_out out = {.sink = &sink};
    json_out_open(&out, NULL, '{');
    json_out_open(&out, "empty", '[');
    json_out_close(&out, ']');
    json_out_open(&out, "nothing", '{');
    json_out_close(&out, '}');
    json_out_open(&out, "some", '[');
    json_out_int(&out, NULL, -5);
    json_out_bool(&out, NULL, true);
    json_out_null(&out, NULL);
    json_out_text(&out, NULL, "a\"\\\b\f\n\r\t\x01/\xC3\xA9");
    json_out_text(&out, NULL, "\xFF");
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    assert_true(json_out_finish(&out));
    json_error_t problem;
    json_t *json = json_loadb(text.data, text.len, 0, &problem);
    assert_non_null(json);
    char *dumped = json_dumps(json, JSON_INDENT(2));
    text.data[text.len - 1] = '\0';
    assert_string_equal(text.data, dumped);
    assert_string_equal(json_string_value(json_array_get(json_object_get(json, "some"), 4)),
                        "\\xFF");
    free(dumped);
    json_decref(json);
    buf_free(&text);
}

static bool write_once(void *arg, const char *bytes, size_t len)
{
    (void)bytes, (void)len;
    return ++*(int *)arg < 2;
}

static void test_a_sink_that_fails_is_asked_no_more(void **state)
{
    (void)state;
    int calls = 0;
    struct sink sink = {.write = write_once, .arg = &calls};
    struct json_out out = {.sink = &sink};
    json_out_open(&out, NULL, '[');
    for (int i = 0; i < 100000; i++)
        json_out_text(&out, NULL, "0123456789");
    json_out_close(&out, ']');
    assert_false(json_out_finish(&out));
    assert_int_equal(calls, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_reads_back),
        cmocka_unit_test(test_secrets_are_not_written),
        cmocka_unit_test(test_what_xml_cannot_hold),
        cmocka_unit_test(test_several_policies_in_one_file),
        cmocka_unit_test(test_one_policy_twice_in_one_file),
        cmocka_unit_test(test_what_changed),
        cmocka_unit_test(test_a_change_as_json),
        cmocka_unit_test(test_json_in_pieces),
        cmocka_unit_test(test_a_sink_that_fails_is_asked_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Policy documents into instances: forms, types, versions, secrets, and what is refused. */
#include "policy/instance.h"

#include "policy/base/buf.h"
#include "policy/base/limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "<Policy PolicyID=\"{A}\" PolicyVersion=\"2.00\" PolicySource=\"SMS:PS1\">"
#define RULE "<PolicyRule PolicyRuleID=\"{R}\"><PolicyAction PolicyActionType=\"WMI-XML\">"
#define TAIL "</PolicyAction></PolicyRule></Policy>"

static void read_one(struct policy *policy, const char *text)
{
    struct error err = {0};
    *policy = (struct policy){0};
    if (!policy_read_bytes(policy, "doc.xml", text, strlen(text), &err) ||
        !policy_settle(policy, &err))
        fail_msg("%s: %s", err.where, err.text);
}

/* Reads one instance with these properties. */
static const struct instance *read_properties(struct policy *policy, const char *class_name,
                                              const char *properties)
{
    struct buf text = {0};
    buf_format(&text, HEAD RULE "<instance class=\"%s\">\n%s</instance>" TAIL, class_name,
               properties);
    read_one(policy, text.data);
    buf_free(&text);
    assert_int_equal(policy->instance_count, 1);
    return policy->instances[0];
}

static void assert_refused(const char *text, const char *where, const char *words)
{
    struct error err = {0};
    struct policy policy = {0};
    assert_false(policy_read_bytes(&policy, "doc.xml", text, strlen(text), &err));
    policy_free(&policy);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.where, where);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
}

static void assert_properties_refused(const char *class_name, const char *properties,
                                      const char *where, const char *words)
{
    struct buf text = {0};
    buf_format(&text, HEAD RULE "<instance class=\"%s\">\n%s</instance>" TAIL, class_name,
               properties);
    assert_refused(text.data, where, words);
    buf_free(&text);
}

static void test_a_policy_body(void **state)
{
    (void)state;
    struct policy policy;
    read_one(&policy, "<?xml version=\"1.0\"?>\r\n"
                      "<Policy PolicyType=\"Machine\" SchemaVersion=\"1.00\" PolicyID=\"{A}\" "
                      "PolicyVersion=\"10.05\" PolicySource=\"SMS:PS1\" "
                      "PolicyCategory=\"CustomSettings\" PolicyPrecedence=\"7\">\r\n"
                      "<PolicyRule PolicyRuleID=\"{R}\"><PolicyAction "
                      "PolicyActionType=\"WMI-XML\">\r\n"
                      "<instance class=\"CCM_X\">\r\n"
                      "<property name=\"A\" type=\"19\">\r\n<value>\r\n<![CDATA[1]]>\r\n</value>"
                      "</property></instance></PolicyAction></PolicyRule></Policy>");
    const struct document *document = policy.documents[0];
    assert_string_equal(document->policy_id, "{A}");
    assert_string_equal(document->version_text, "10.05");
    assert_int_equal(document->version[0], 10);
    assert_int_equal(document->version[1], 5);
    assert_int_equal(document->layer, LAYER_CUSTOM);
    assert_int_equal(document->priority, 7);
    assert_string_equal(document->path, "doc.xml");
    const struct instance *instance = policy.instances[0];
    assert_string_equal(instance->class_name, "CCM_X");
    assert_string_equal(instance->rule, "{R}");
    assert_int_equal(instance->line, 4);
    assert_true(instance->partial);
    assert_string_equal(instance_where(&policy, instance), "doc.xml:4");
    assert_int_equal(instance_get(instance, "a")->number, 1);
    assert_int_equal(instance_property(instance, "A")->line, 5);
    policy_free(&policy);
}

static void test_layers_and_partial(void **state)
{
    (void)state;
    static const struct {
        const char *attributes, *instance;
        enum layer layer;
        bool partial;
    } rows[] = {
        {"", "", LAYER_DEFAULT, false},
        {"PolicyCategory=\"DefaultSettings\"", "", LAYER_DEFAULT, false},
        {"PolicyCategory=\"NAAConfig\"", "", LAYER_DEFAULT, false},
        {"PolicyCategory=\"customsettings\"", "", LAYER_CUSTOM, true},
        {"PolicySource=\"Local\"", "", LAYER_LOCAL, true},
        {"PolicySource=\"Local\" PolicyCategory=\"DefaultSettings\"", "", LAYER_LOCAL, true},
        {"", "PolicyPartial=\"true\"", LAYER_DEFAULT, true},
        {"PolicyCategory=\"CustomSettings\"", "PolicyPartial=\"false\"", LAYER_CUSTOM, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf text = {0};
        buf_format(&text,
                   "<Policy PolicyID=\"A\" PolicyVersion=\"1\" %s>" RULE
                   "<instance class=\"CCM_X\" %s/>" TAIL,
                   rows[i].attributes, rows[i].instance);
        struct policy policy;
        read_one(&policy, text.data);
        assert_int_equal(policy.documents[0]->layer, rows[i].layer);
        assert_int_equal(policy.documents[0]->priority, PRECEDENCE_NONE);
        assert_int_equal(policy.instances[0]->partial, rows[i].partial);
        policy_free(&policy);
        buf_free(&text);
    }
}

static void test_values_by_type(void **state)
{
    (void)state;
    static const struct {
        const char *property; /* attributes and content of <property name="P"> */
        enum value_type type;
        int64_t number;
        const char *text;
    } rows[] = {
        {">", VALUE_NULL, 0, NULL},
        {"><value/>", VALUE_TEXT, 0, ""},
        {"><value> a b\n</value>", VALUE_TEXT, 0, "a b"},
        {"><value>5</value>", VALUE_TEXT, 0, "5"},
        {" type=\"8\"><value>true</value>", VALUE_TEXT, 0, "true"},
        {" type=\"19\"><value>5</value>", VALUE_INT, 5, NULL},
        {" type=\"19\"><value> \n5 </value>", VALUE_INT, 5, NULL},
        {" type=\"3\"><value>-5</value>", VALUE_INT, -5, NULL},
        {" type=\"2\"><value>1</value>", VALUE_INT, 1, NULL},
        {" type=\"21\"><value>9223372036854775807</value>", VALUE_INT, INT64_MAX, NULL},
        {" type=\"21\"><value>9223372036854775808</value>", VALUE_TEXT, 0, "9223372036854775808"},
        {" type=\"19\"><value>five</value>", VALUE_TEXT, 0, "five"},
        {" type=\"19\"><value></value>", VALUE_NULL, 0, NULL},
        {" type=\"11\"><value>TRUE</value>", VALUE_BOOL, 1, NULL},
        {" type=\"11\"><value>-1</value>", VALUE_BOOL, 1, NULL},
        {" type=\"11\"><value>0</value>", VALUE_BOOL, 0, NULL},
        {" type=\"11\"><value>maybe</value>", VALUE_TEXT, 0, "maybe"},
        {" type=\"101\"><value>20260101000000.000000+***</value>", VALUE_TEXT, 0,
         "2026-01-01T00:00:00Z"},
        {" type=\"8\"><value>20260101000000.000000+060</value>", VALUE_TEXT, 0,
         "2025-12-31T23:00:00Z"},
        {" type=\"8\"><value>20260101000000</value>", VALUE_TEXT, 0, "20260101000000"},
        {" type=\"101\"><value>00000001000000.000000:000</value>", VALUE_TEXT, 0,
         "00000001000000.000000:000"},
        {" type=\"5\"><value>1.5</value>", VALUE_TEXT, 0, "1.5"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf text = {0};
        buf_format(&text, "<property name=\"P\"%s</property>", rows[i].property);
        struct policy policy;
        const struct instance *instance = read_properties(&policy, "CCM_X", text.data);
        const struct value *value = &instance->properties[0].value;
        if (value->type != rows[i].type)
            fail_msg("'%s' has the type %d", rows[i].property, (int)value->type);
        if (value->type == VALUE_INT)
            assert_int_equal(value->number, rows[i].number);
        if (value->type == VALUE_BOOL)
            assert_int_equal(value->truth, rows[i].number);
        if (value->type == VALUE_TEXT)
            assert_string_equal(value->text, rows[i].text);
        policy_free(&policy);
        buf_free(&text);
    }
}

static void test_arrays(void **state)
{
    (void)state;
    struct policy policy;
    const struct instance *instance = read_properties(
        &policy, "CCM_X",
        "<property name=\"one\" type=\"8200\"><value>a</value></property>"
        "<property name=\"two\" type=\"8195\"><value>1</value><value>2</value></property>"
        "<property name=\"bare\"><value>a</value><value>b</value></property>"
        "<property name=\"none\" type=\"8200\"/>");
    const struct value *one = instance_get(instance, "one"), *two = instance_get(instance, "two");
    assert_int_equal(one->type, VALUE_ARRAY);
    assert_int_equal(one->count, 1);
    assert_string_equal(one->items[0].text, "a");
    assert_int_equal(two->count, 2);
    assert_int_equal(two->items[1].number, 2);
    assert_int_equal(instance_get(instance, "bare")->count, 2);
    assert_null(instance_get(instance, "none"));
    policy_free(&policy);
}

static void test_getters_convert_and_refuse(void **state)
{
    (void)state;
    struct policy policy;
    const struct instance *instance =
        read_properties(&policy, "SMS_Boundary",
                        "<property name=\"text\"><value>12</value></property>\n"
                        "<property name=\"word\"><value>twelve\n</value></property>\n"
                        "<property name=\"number\" type=\"19\"><value>7</value></property>"
                        "<property name=\"yes\"><value>True</value></property>"
                        "<property name=\"Key\" secret=\"1\"><value>marker</value></property>");
    struct error err = {0};
    int64_t number = -3;
    bool truth = false;
    assert_true(instance_get_int(instance, "absent", 0, 9, &number, &err));
    assert_int_equal(number, -3);
    assert_true(instance_get_int(instance, "TEXT", 0, 12, &number, &err));
    assert_int_equal(number, 12);
    assert_false(instance_get_int(instance, "text", 0, 11, &number, &err));
    assert_string_equal(err.where, "doc.xml:2");
    assert_string_equal(err.text, "SMS_Boundary.text must be a number from 0 to 11, not '12'");
    assert_false(instance_get_int(instance, "number", 8, 11, &number, &err));
    assert_false(instance_get_bool(instance, "word", &truth, &err));
    assert_string_equal(err.where, "doc.xml:3");
    assert_true(instance_get_bool(instance, "yes", &truth, &err));
    assert_true(truth);
    assert_string_equal(instance_get_text(&policy, instance, "number"), "7");
    assert_false(instance_get_int(instance, "Key", 0, 1, &number, &err));
    assert_null(strstr(err.text, "marker"));
    policy_free(&policy);
}

static void test_a_property_twice(void **state)
{
    (void)state;
    assert_properties_refused("CCM_X",
                              "<property name=\"B\"/>\n<property name=\"a\"/>\n<property "
                              "name=\"A\"/>",
                              "doc.xml:4", "'A' stands twice");
    struct policy policy;
    read_properties(&policy, "CCM_X", "<property name=\"a\"/><property name=\"ab\"/>");
    policy_free(&policy);
}

static void test_a_manifest_is_one_text(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "&lt;Content ContentId=\"PS1\"&gt;&lt;FileContent Name=\"a&amp;amp;b\"&gt;&lt;/FileContent"
        "&gt;&lt;/Content&gt;",
        "<![CDATA[<Content ContentId=\"PS1\"><FileContent Name=\"a&amp;b\"></FileContent>"
        "</Content>]]>",
        "\n <Content ContentId=\"PS1\"><FileContent Name=\"a&amp;b\"/></Content>\n",
    };
    for (size_t i = 0; i < 3; i++) {
        struct buf text = {0};
        buf_format(&text, "<property name=\"Manifest\"><value>%s</value></property>", forms[i]);
        struct policy policy;
        const struct instance *instance = read_properties(&policy, "NP_Content", text.data);
        assert_string_equal(instance_get(instance, "Manifest")->text,
                            "<Content ContentId=\"PS1\"><FileContent Name=\"a&amp;b\">"
                            "</FileContent></Content>");
        policy_free(&policy);
        buf_free(&text);
    }
    assert_properties_refused("CCM_X", "<property name=\"Manifest\"><value><a/></value></property>",
                              "doc.xml:2", "a <value> holds elements");
}

static void test_a_value_over_its_limit(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, HEAD RULE
                    "<instance class=\"NP_Content\"><property name=\"Manifest\"><value><Content>");
    while (text.len < (size_t)LIMIT_VALUE_BYTES)
        buf_append_text(&text, "<FileContent Name=\"some/name/of/a/file\"/>\n");
    buf_append_text(&text, "</Content></value></property></instance>" TAIL);
    struct error err = {0};
    struct policy policy = {0};
    assert_false(policy_read_bytes(&policy, "doc.xml", text.data, text.len, &err));
    assert_non_null(strstr(err.text, "a value of more than 67108864 bytes"));
    policy_free(&policy);
    buf_free(&text);
}

static void test_conditions_and_foreign_actions_are_not_applied(void **state)
{
    (void)state;
    struct policy policy;
    read_one(&policy,
             HEAD "<PolicyRule PolicyRuleID=\"{1}\"><PolicyAction PolicyActionType=\"WMI-XML\">"
                  "<instance class=\"CCM_A\"/></PolicyAction>"
                  "<Condition><Expression><![CDATA[SELECT]]></Expression></Condition></PolicyRule>"
                  "<PolicyRule PolicyRuleID=\"{2}\"><PolicyAction PolicyActionType=\"WMI-MOF\">"
                  "instance of CCM_B {};</PolicyAction></PolicyRule>"
                  "<PolicyRule PolicyRuleID=\"{3}\"><PolicyAction>"
                  "<instance class=\"CCM_C\"/></PolicyAction></PolicyRule></Policy>");
    assert_int_equal(policy.requested_count, 2);
    assert_int_equal(policy.instance_count, 1);
    assert_string_equal(policy.instances[0]->class_name, "CCM_C");
    assert_string_equal(policy.requested[0]->why_not,
                        "rule {1} is not applied: its Condition cannot be evaluated here");
    assert_int_equal(policy.documents[0]->rule_count, 3);
    assert_int_equal(policy.documents[0]->rules_not_applied, 2);
    policy_free(&policy);
}

static void test_policy_for_users_is_not_applied(void **state)
{
    (void)state;
    struct policy policy;
    read_one(&policy, "<Policy PolicyID=\"A\" PolicyVersion=\"1\" PolicyType=\"User\">" RULE
                      "<instance class=\"CCM_X\"/>" TAIL);
    assert_int_equal(policy.requested_count, 1);
    assert_int_equal(policy.instance_count, 0);
    assert_non_null(strstr(policy.documents[0]->why_not, "users"));
    policy_free(&policy);
}

static void test_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *class_name, *property;
        bool secret;
    } rows[] = {
        {"CCM_X", "<property name=\"P\" secret=\"1\">", true},
        {"CCM_X", "<property name=\"P\" secret=\"0\">", false},
        {"NP_CloudAccess", "<property name=\"SasToken\">", true},
        {"np_cloudaccess", "<property name=\"KEY\">", true},
        {"NP_CloudAccess", "<property name=\"KeyID\">", false},
        {"CCM_X", "<property name=\"Key\">", false},
        {"CCM_X", "<property name=\"PXEPassword\">", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf text = {0};
        buf_format(&text, "%s<value>v</value></property>", rows[i].property);
        struct policy policy;
        const struct instance *instance = read_properties(&policy, rows[i].class_name, text.data);
        assert_int_equal(instance->properties[0].secret, rows[i].secret);
        policy_free(&policy);
        buf_free(&text);
    }
    assert_properties_refused("NP_CloudAccess",
                              "<property name=\"SasToken\"><value>(hidden)</value></property>",
                              "doc.xml:2", "'SasToken' reads (hidden)");
    struct policy policy;
    read_properties(&policy, "CCM_X", "<property name=\"P\"><value>(hidden)</value></property>");
    policy_free(&policy);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where, *words;
    } rows[] = {
        {"", "doc.xml:1", "nearpoint reads: it is empty"},
        {"<HTML><HEAD><TITLE>ERROR</TITLE></HEAD><BODY></BODY></HTML>", "doc.xml:1",
         "is not a policy document form that nearpoint reads: its root element is <HTML>"},
        {"not a document", "doc.xml:1", "is not a policy document form that nearpoint reads"},
        {"<Policy PolicyVersion=\"1\"/>", "doc.xml:1", "no PolicyID"},
        {"<Policy PolicyID=\"\" PolicyVersion=\"1\"/>", "doc.xml:1", "no PolicyID"},
        {"<Policy PolicyID=\"A\"/>", "doc.xml:1", "PolicyVersion"},
        {"<Policy PolicyID=\"A\" PolicyVersion=\"one\"/>", "doc.xml:1", "PolicyVersion"},
        {"<Policy PolicyID=\"A\" PolicyVersion=\"1.x\"/>", "doc.xml:1", "PolicyVersion"},
        {"<Policy PolicyID=\"A\" PolicyVersion=\"-1.0\"/>", "doc.xml:1", "PolicyVersion"},
        {"<Policy PolicyID=\"a&#10;b\" PolicyVersion=\"1\"/>", "doc.xml:1", "control characters"},
        {"<Policy PolicyID=\"a&#x9b;b\" PolicyVersion=\"1\"/>", "doc.xml:1", "control characters"},
        {"<Policy PolicyID=\"a&#x202e;b\" PolicyVersion=\"1\"/>", "doc.xml:1",
         "control characters"},
        {"<Policy PolicyID=\"A\" PolicyVersion=\"1\" PolicySource=\"a&#13;\"/>", "doc.xml:1",
         "PolicySource"},
        {"<Policy PolicyID=\"A\" PolicyVersion=\"1\" PolicyPrecedence=\"-1\"/>", "doc.xml:1",
         "PolicyPrecedence"},
        {HEAD "\n<instance class=\"A\"/></Policy>", "doc.xml:2",
         "<instance> stands in the wrong place"},
        {HEAD "text</Policy>", "doc.xml:1", "text stands outside of a <value>"},
        {HEAD RULE "<instance/>" TAIL, "doc.xml:1", "<instance> has no class"},
        {HEAD RULE "<instance class=\"A\" PolicyPartial=\"perhaps\"/>" TAIL, "doc.xml:1",
         "PolicyPartial"},
        {HEAD RULE "<instance class=\"A\"><property/></instance>" TAIL, "doc.xml:1", "no name"},
        {HEAD RULE "<instance class=\"A\"><property name=\"p\" type=\"string\"/></instance>" TAIL,
         "doc.xml:1", "no CIM type number"},
        {HEAD RULE "<instance class=\"A\"><property name=\"p\" secret=\"so\"/></instance>" TAIL,
         "doc.xml:1", "secret is neither"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refused(rows[i].text, rows[i].where, rows[i].words);
    struct buf text = {0};
    buf_append_text(&text, "<Policy PolicyVersion=\"1\" PolicyID=\"");
    for (int i = 0; i <= LIMIT_POLICY_ID; i++)
        buf_append_text(&text, "x");
    buf_append_text(&text, "\"/>");
    assert_refused(text.data, "doc.xml:1", "longer than 256 bytes");
    buf_free(&text);
}

static void test_unknown_elements_are_passed_over_aloud(void **state)
{
    (void)state;
    struct policy policy;
    read_one(&policy, HEAD "\n<Future><instance class=\"A\"><x/></instance></Future><More/>" RULE
                           "<instance class=\"CCM_X\"/>" TAIL);
    assert_int_equal(policy.instance_count, 1);
    assert_int_equal(policy.warning_count, 1);
    assert_string_equal(policy.warnings[0].code, "UNKNOWN_ELEMENT");
    assert_string_equal(policy.warnings[0].where, "doc.xml:2");
    assert_non_null(strstr(policy.warnings[0].text, "<Future>"));
    policy_free(&policy);
}

static void test_truncated_at_every_byte(void **state)
{
    (void)state;
    static const char text[] = HEAD RULE "<instance class=\"CCM_X\"><property name=\"p\" "
                                         "type=\"19\"><value>12</value></property></instance>" TAIL;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        struct policy policy = {0};
        struct error err = {0};
        assert_false(policy_read_bytes(&policy, "doc.xml", text, len, &err));
        assert_true(err.text[0]);
        policy_free(&policy);
    }
}

/* Versions: documents read one after the other, then settled. */

static bool read_versions(struct policy *policy, const char *const *texts, size_t count,
                          struct error *err)
{
    static const char *const names[] = {"1.xml", "2.xml", "3.xml"};
    *policy = (struct policy){0};
    for (size_t i = 0; i < count; i++)
        assert_true(policy_read_bytes(policy, names[i], texts[i], strlen(texts[i]), err));
    return policy_settle(policy, err);
}

#define VERSION(id, version, class_name)                              \
    "<Policy PolicyID=\"" id "\" PolicyVersion=\"" version "\">" RULE \
    "<instance class=\"" class_name "\"/>" TAIL

static void test_the_higher_version_holds(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second;
        const char *holds;
    } rows[] = {
        {VERSION("{A}", "9.00", "CCM_9"), VERSION("{A}", "10.00", "CCM_10"), "CCM_10"},
        {VERSION("{A}", "10.00", "CCM_10"), VERSION("{A}", "9.00", "CCM_9"), "CCM_10"},
        {VERSION("{A}", "2.10", "CCM_10"), VERSION("{A}", "2.9", "CCM_9"), "CCM_10"},
        {VERSION("{a}", "3.00", "CCM_3"), VERSION("{A}", "2.00", "CCM_2"), "CCM_3"},
        {VERSION("{A}", "3", "CCM_3"), VERSION("{A}", "3", "CCM_3"), "CCM_3"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy policy;
        struct error err = {0};
        const char *const texts[] = {rows[i].first, rows[i].second};
        assert_true(read_versions(&policy, texts, 2, &err));
        assert_int_equal(policy.instance_count, 1);
        assert_string_equal(policy.instances[0]->class_name, rows[i].holds);
        assert_int_equal(policy.requested_count, 2);
        assert_true(policy.documents[0]->superseded != policy.documents[1]->superseded);
        policy_free(&policy);
    }
    struct policy policy;
    struct error err = {0};
    static const char *const texts[] = {VERSION("{A}", "1", "CCM_X"), VERSION("{B}", "1", "CCM_X")};
    assert_true(read_versions(&policy, texts, 2, &err));
    assert_int_equal(policy.instance_count, 2);
    policy_free(&policy);
}

static void test_one_version_with_two_contents(void **state)
{
    (void)state;
    struct policy policy;
    struct error err = {0};
    static const char *const texts[] = {VERSION("{A}", "2.00", "CCM_A"),
                                        VERSION("{A}", "3.00", "CCM_A"),
                                        VERSION("{A}", "2.00", "CCM_B")};
    assert_false(read_versions(&policy, texts, 3, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.where, "3.xml");
    assert_non_null(strstr(err.text, "1.xml"));
    policy_free(&policy);
}

static void test_the_site_of_the_documents(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *code;
    } rows[] = {
        {"SMS:PS1", "SMS:PS1", "PS1"}, {"SMS:PS1", "SMS:PS2", NULL}, {"SMS:PS1", "Local", "PS1"},
        {"SMS:PS1", "other", NULL},    {"Local", "Local", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy policy = {0};
        struct error err = {0};
        const char *sources[] = {rows[i].first, rows[i].second};
        for (size_t k = 0; k < 2; k++) {
            struct buf text = {0};
            buf_format(&text, "<Policy PolicyID=\"%zu\" PolicyVersion=\"1\" PolicySource=\"%s\"/>",
                       k, sources[k]);
            assert_true(policy_read_bytes(&policy, "doc.xml", text.data, text.len, &err));
            buf_free(&text);
        }
        assert_true(policy_settle(&policy, &err));
        const char *code = policy_site_code(&policy);
        if (rows[i].code)
            assert_string_equal(code, rows[i].code);
        else
            assert_null(code);
        policy_free(&policy);
    }
}

/* Folders */

struct folder {
    char path[40];
};

static struct folder make_folder(void)
{
    struct folder folder = {"/tmp/nearpoint-policy-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

static void path_in(struct buf *out, const struct folder *folder, const char *name)
{
    buf_clear(out);
    buf_format(out, "%s/%s", folder->path, name);
}

static void put(const struct folder *folder, const char *name, const char *text)
{
    struct buf path = {0};
    path_in(&path, folder, name);
    FILE *file = fopen(path.data, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    buf_free(&path);
}

static void drop(const struct folder *folder, const char *name)
{
    struct buf path = {0};
    path_in(&path, folder, name);
    unlink(path.data);
    buf_free(&path);
}

static void test_a_folder_in_the_order_of_names(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    const char *path = folder.path;
    put(&folder, "b.XML", VERSION("{B}", "1", "CCM_B"));
    put(&folder, "a.xml", VERSION("{A}", "1", "CCM_A"));
    put(&folder, "a.xml.p7s", "a signature");
    put(&folder, "notes.txt", "no document");
    struct policy policy;
    struct error err = {0};
    assert_true(policy_read(&policy, &path, 1, false, NULL, &err));
    assert_int_equal(policy.document_count, 2);
    assert_string_equal(policy.instances[0]->class_name, "CCM_A");
    assert_string_equal(policy.instances[1]->class_name, "CCM_B");
    policy_free(&policy);
    put(&folder, "c.json", "{\"value\":[{\"__CLASS\":\"SMS_Site\"}]}");
    assert_true(policy_read(&policy, &path, 1, false, NULL, &err));
    assert_int_equal(policy.document_count, 3);
    policy_free(&policy);
    put(&folder, "c.json", "no document");
    assert_false(policy_read(&policy, &path, 1, true, NULL, &err));
    assert_non_null(strstr(err.where, "/c.json:1"));
    assert_non_null(strstr(err.text, "is not a policy document form that nearpoint reads"));
    drop(&folder, "a.xml");
    drop(&folder, "b.XML");
    drop(&folder, "c.json");
    drop(&folder, "a.xml.p7s");
    drop(&folder, "notes.txt");
    assert_true(policy_read(&policy, &path, 1, false, NULL, &err));
    assert_int_equal(policy.document_count, 0);
    policy_free(&policy);
    rmdir(folder.path);
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    struct folder folder = make_folder();
    struct buf path = {0};
    path_in(&path, &folder, "none.xml");
    struct policy policy;
    struct error err = {0};
    const char *named = path.data;
    assert_false(policy_read(&policy, &named, 1, false, NULL, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.where, path.data);
    assert_true(policy_read(&policy, &named, 1, true, NULL, &err));
    policy_free(&policy);
    alarm(10);
    path_in(&path, &folder, "fifo.xml");
    named = path.data;
    assert_int_equal(mkfifo(path.data, 0600), 0);
    assert_false(policy_read(&policy, &named, 1, false, NULL, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.text, "is not a regular file");
    named = folder.path;
    assert_false(policy_read(&policy, &named, 1, false, NULL, &err));
    assert_string_equal(err.text, "is not a regular file");
    alarm(0);
    drop(&folder, "fifo.xml");
    rmdir(folder.path);
    buf_free(&path);
}

static void test_a_million_names_cost_their_bytes(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, HEAD RULE "<instance class=\"CCM_X\">");
    for (int i = 0; i < 200000; i++)
        buf_format(&text, "<property name=\"n%d\"/>", i);
    buf_append_text(&text, "</instance>" TAIL);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    struct policy policy;
    read_one(&policy, text.data);
    getrusage(RUSAGE_SELF, &after);
    assert_int_equal(policy.instances[0]->count, 200000);
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
    policy_free(&policy);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_policy_body),
        cmocka_unit_test(test_layers_and_partial),
        cmocka_unit_test(test_values_by_type),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_getters_convert_and_refuse),
        cmocka_unit_test(test_a_property_twice),
        cmocka_unit_test(test_a_manifest_is_one_text),
        cmocka_unit_test(test_conditions_and_foreign_actions_are_not_applied),
        cmocka_unit_test(test_policy_for_users_is_not_applied),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_unknown_elements_are_passed_over_aloud),
        cmocka_unit_test(test_truncated_at_every_byte),
        cmocka_unit_test(test_the_higher_version_holds),
        cmocka_unit_test(test_one_version_with_two_contents),
        cmocka_unit_test(test_the_site_of_the_documents),
        cmocka_unit_test(test_a_folder_in_the_order_of_names),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_a_million_names_cost_their_bytes),
        cmocka_unit_test(test_a_value_over_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

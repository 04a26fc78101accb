/* CIM XML and PolicyXML into instances: roots, wrappers, embedded instances, what is refused. */
#include "policy/instance.h"

#include "policy/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define BODY                                                                     \
    "<Policy PolicyID=\"{A}\" PolicyVersion=\"2.00\"><PolicyRule><PolicyAction>" \
    "<instance class=\"CCM_X\"/></PolicyAction></PolicyRule></Policy>"
#define ONE(class_)    "<INSTANCE CLASSNAME=\"" class_ "\"></INSTANCE>"
#define P(rest)        "<INSTANCE CLASSNAME=\"C\"><PROPERTY NAME=\"A\" " rest "</PROPERTY></INSTANCE>"
#define EMBEDDED(text) P("TYPE=\"string\" EmbeddedObject=\"instance\"><VALUE>" text "</VALUE>")

/* Each with a twin near it: how many instances come of it, or what is said. */
static const struct {
    const char *text;
    size_t instances;
    const char *refusal; /* words, or NULL */
} rows[] = {
    {ONE("A"), 1, NULL},
    {ONE("A") "\n" ONE("B"), 2, NULL},
    {ONE("A") BODY, 0, "more than one root"},
    {BODY ONE("A"), 0, "more than one root"},
    {BODY, 1, NULL},
    {"<any>" ONE("A") ONE("B") "</any>", 2, NULL},
    {"<any>" ONE("A") "</any><any>" ONE("B") "</any>", 2, NULL},
    {"<any><other>" ONE("A") "</other></any>", 0, "its root element is <any>"},
    {"<any>" BODY "</any>", 0, "its root element is <any>"},
    {"<any>text" ONE("A") "</any>", 0, "its root element is <any>"},
    {"<html><body/></html>", 0, "its root element is <html>"},
    {"<CIM><DECLARATION><DECLGROUP><VALUE.OBJECT>" ONE("A") "</VALUE.OBJECT></DECLGROUP>"
                                                            "</DECLARATION></CIM>",
     1, NULL},
    {"<CIM><DECLARATION/></CIM>", 0, "holds no instance"},
    {"<VALUE.NAMEDINSTANCE><INSTANCENAME CLASSNAME=\"A\"><KEYBINDING "
     "NAME=\"k\"/></INSTANCENAME>" ONE("A") "</VALUE.NAMEDINSTANCE>",
     1, NULL},
    {"<INSTANCE></INSTANCE>", 0, "no CLASSNAME"},
    {"<INSTANCE CLASSNAME=\"\"></INSTANCE>", 0, "no CLASSNAME"},
    {"<INSTANCE CLASSNAME=\"A\"><PROPERTY TYPE=\"string\"/></INSTANCE>", 0, "no NAME"},
    {P("TYPE=\"string\">x"), 0, "outside of a <VALUE>"},
    {P("TYPE=\"string\"><VALUE><x/></VALUE>"), 0, "a <VALUE> holds elements"},
    {EMBEDDED("&lt;INSTANCE CLASSNAME=\"B\"/&gt;"), 1, NULL},
    {EMBEDDED("rubbish"), 0, "embedded instance is not XML"},
    {EMBEDDED("&lt;INSTANCE/&gt;"), 0, "no CLASSNAME"},
    {EMBEDDED(""), 1, NULL},
};

static void test_roots_and_wrappers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy policy = {0};
        struct error err = {0};
        bool ok = policy_read_bytes(&policy, "doc.xml", rows[i].text, strlen(rows[i].text), &err) &&
                  policy_settle(&policy, &err);
        if (ok != (rows[i].refusal == NULL) || (!ok && !strstr(err.text, rows[i].refusal)))
            fail_msg("%s: %s", rows[i].text, err.text);
        if (ok)
            assert_int_equal(policy.instance_count, rows[i].instances);
        policy_free(&policy);
    }
}

/* The value of property A of one instance. */
static const struct value *read_value(struct policy *policy, const char *text)
{
    struct error err = {0};
    *policy = (struct policy){0};
    if (!policy_read_bytes(policy, "doc.xml", text, strlen(text), &err) ||
        !policy_settle(policy, &err))
        fail_msg("%s: %s", text, err.text);
    assert_int_equal(policy->instance_count, 1);
    const struct property *property = instance_property(policy->instances[0], "A");
    assert_non_null(property);
    return &property->value;
}

#define ARRAY(kind, rest)                                                           \
    "<INSTANCE CLASSNAME=\"C\"><PROPERTY." kind " NAME=\"A\" TYPE=\"uint32\">" rest \
    "</PROPERTY." kind "></INSTANCE>"

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum value_type type;
        int64_t number; /* or count */
    } values[] = {
        {P("TYPE=\"uint32\"><VALUE>5</VALUE>"), VALUE_INT, 5},
        {P("TYPE=\"sint32\"><VALUE>-5</VALUE>"), VALUE_INT, -5},
        {P("TYPE=\"boolean\"><VALUE>TRUE</VALUE>"), VALUE_BOOL, 1},
        {P("TYPE=\"string\"><VALUE>5</VALUE>"), VALUE_TEXT, 0},
        {P("TYPE=\"string\"><VALUE></VALUE>"), VALUE_TEXT, 0},
        {P("TYPE=\"string\">"), VALUE_NULL, 0},
        {ARRAY("ARRAY", "<VALUE.ARRAY><VALUE>1</VALUE><VALUE>2</VALUE></VALUE.ARRAY>"), VALUE_ARRAY,
         2},
        {ARRAY("ARRAY", "<VALUE.ARRAY><VALUE>1</VALUE></VALUE.ARRAY>"), VALUE_ARRAY, 1},
        {ARRAY("ARRAY", "<VALUE.ARRAY/>"), VALUE_NULL, 0},
        {ARRAY("ARRAY", ""), VALUE_NULL, 0},
        {ARRAY("OBJECT", "<VALUE.OBJECT>" ONE("B") "</VALUE.OBJECT>"), VALUE_OBJECT, 0},
        {ARRAY("OBJECTARRAY", "<VALUE.OBJECTARRAY><VALUE.OBJECT>" ONE("B") "</VALUE.OBJECT>"
                                                                           "</VALUE.OBJECTARRAY>"),
         VALUE_ARRAY, 1},
        {ARRAY("OBJECTARRAY", "<VALUE.OBJECTARRAY>" ONE("B") ONE("B") "</VALUE.OBJECTARRAY>"),
         VALUE_ARRAY, 2},
        {EMBEDDED("&lt;INSTANCE CLASSNAME=\"B\"/&gt;"), VALUE_OBJECT, 0},
        {EMBEDDED(""), VALUE_NULL, 0},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct policy policy;
        const struct value *value = read_value(&policy, values[i].text);
        if (value->type != values[i].type)
            fail_msg("%s: type %d", values[i].text, (int)value->type);
        if (value->type == VALUE_INT)
            assert_int_equal(value->number, values[i].number);
        if (value->type == VALUE_ARRAY)
            assert_int_equal(value->count, values[i].number);
        policy_free(&policy);
    }
}

static void test_system_properties_are_dropped(void **state)
{
    (void)state;
    static const char text[] =
        "<INSTANCE CLASSNAME=\"C\"><PROPERTY NAME=\"__PATH\" TYPE=\"string\"><VALUE>x</VALUE>"
        "</PROPERTY><PROPERTY.ARRAY NAME=\"__DERIVATION\" TYPE=\"string\"><VALUE.ARRAY><VALUE>x"
        "</VALUE></VALUE.ARRAY></PROPERTY.ARRAY><QUALIFIER NAME=\"q\"><VALUE>x</VALUE></QUALIFIER>"
        "<PROPERTY NAME=\"A\" TYPE=\"string\"><VALUE>a</VALUE></PROPERTY></INSTANCE>";
    struct policy policy;
    read_value(&policy, text);
    assert_int_equal(policy.instances[0]->count, 1);
    policy_free(&policy);
}

/* PolicyXML */

static char *pack(const char *text, size_t len)
{
    uLongf size = compressBound(len);
    unsigned char *bytes = mem_zero(size, 1);
    struct buf hex = {0};
    assert_int_equal(compress2(bytes, &size, (const unsigned char *)text, len, 9), Z_OK);
    for (uLongf i = 0; i < size; i++)
        buf_format(&hex, "%02X", bytes[i]);
    free(bytes);
    return hex.data;
}

static bool read_packed(const char *head, const char *hex, const char *tail, struct error *err)
{
    char *text = mem_format("%s%s%s", head, hex, tail);
    struct policy policy = {0};
    *err = (struct error){0};
    bool ok = policy_read_bytes(&policy, "doc.xml", text, strlen(text), err) &&
              policy_settle(&policy, err);
    if (ok)
        assert_int_equal(policy.instance_count, 1);
    policy_free(&policy);
    free(text);
    return ok;
}

#define HEAD "<PolicyXML Compression=\"zlib\" Version=\"1\">"
#define TAIL "</PolicyXML>"

static void test_packed(void **state)
{
    (void)state;
    char *hex = pack(BODY, sizeof BODY - 1);
    char *wrapped = mem_format(HEAD "%s" TAIL, hex);
    char *twice = pack(wrapped, strlen(wrapped));
    struct error err;
    assert_true(read_packed(HEAD, hex, TAIL, &err));
    assert_true(read_packed(HEAD "\n ", hex, "\n" TAIL, &err));
    assert_true(read_packed("<PolicyXML Compression=\"ZLIB\">", hex, TAIL, &err));
    assert_false(read_packed("<PolicyXML Compression=\"gzip\">", hex, TAIL, &err));
    assert_false(read_packed("<PolicyXML>", hex, TAIL, &err));
    assert_false(read_packed("<PolicyXML Compression=\"zlib\" Version=\"2\">", hex, TAIL, &err));
    assert_false(read_packed(HEAD, hex, "0" TAIL, &err));
    assert_non_null(strstr(err.text, "within a byte"));
    assert_false(read_packed(HEAD, hex, "00" TAIL, &err));
    assert_non_null(strstr(err.text, "goes on after"));
    char *long_tail = mem_format("%0*d" TAIL, 100000, 0);
    assert_false(read_packed(HEAD, hex, long_tail, &err));
    assert_non_null(strstr(err.text, "goes on after"));
    free(long_tail);
    assert_false(read_packed(HEAD "x", hex, TAIL, &err));
    assert_false(read_packed(HEAD "<x/>", hex, TAIL, &err));
    assert_false(read_packed(HEAD, twice, TAIL, &err));
    assert_non_null(strstr(err.text, "within a PolicyXML"));
    for (size_t len = 0; len < strlen(hex); len += 2) {
        char *cut = mem_copy_bytes(hex, len);
        assert_false(read_packed(HEAD, cut, TAIL, &err));
        free(cut);
    }
    free(hex);
    free(wrapped);
    free(twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots_and_wrappers),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_system_properties_are_dropped),
        cmocka_unit_test(test_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

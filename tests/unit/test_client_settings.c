/* Client settings objects of a site: whom they apply to, by collection, priority and default. */
#include "policy/client_settings.h"

#include "policy/base/buf.h"
#include "policy/resultant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define P(name, value)  "<property name=\"" name "\"><value>" value "</value></property>"
#define X(class_, rest) "<instance class=\"" class_ "\">" rest "</instance>"

/* A settings object with one embedded configuration. */
#define OBJECT_IN(class_, id, name, rest, config)      \
    X(class_, P("SettingsID", id) P("Name", name) rest \
      "<property name=\"AgentConfigurations\" type=\"8205\"><value>" config "</value></property>")
#define OBJECT(id, name, priority, rest, config) \
    OBJECT_IN("SMS_ClientSettings", id, name, P("Priority", priority) rest, config)
#define CLOUD(value)   X("SMS_CloudAgentConfig", P("AgentID", "22") P("AllowCloudDP", value))
#define ASSIGN(id, to) ASSIGN_NAMED(id, to, "Pilot Cloud")
#define ASSIGN_NAMED(id, to, name)    \
    X("SMS_ClientSettingsAssignment", \
      P("ClientSettingsID", id) P("CollectionID", to) P("CollectionName", name))
#define MEMBER(collection, resource, name) \
    X("SMS_FullCollectionMembership",      \
      P("CollectionID", collection) P("ResourceID", resource) P("Name", name))
#define MACHINE(resource, name) X("SMS_R_System", P("ResourceId", resource) P("Name", name))

struct told {
    struct policy policy;
    struct resultant resultant;
};

static void tell(struct told *told, const char *instances, const char *name, const char *collection)
{
    struct buf text = {0};
    struct error err = {0};
    buf_format(&text,
               "<Policy PolicyID=\"A\" PolicyVersion=\"1\">\n<PolicyRule><PolicyAction>%s"
               "</PolicyAction></PolicyRule></Policy>",
               instances);
    *told = (struct told){0};
    if (!policy_read_bytes(&told->policy, "doc.xml", text.data, text.len, &err) ||
        !policy_settle(&told->policy, &err))
        fail_msg("%s: %s", err.where, err.text);
    buf_free(&text);
    const struct audience audience = {
        .name = name, .collection_count = collection != NULL, .collections = &collection};
    resultant_read(&told->resultant, &told->policy, &audience);
}

/* Every row has its twin below it: one fact changed, another answer. */
static const struct row {
    const char *rule;
    const char *instances;
    const char *name, *collection; /* the machine and the one collection it names */
    const char *value;             /* of AllowCloudDP, with its origin's object */
    const char *why_not;           /* of the first object that does not apply */
} rows[] = {
    {"a custom object applies to a machine that names its collection",
     OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "PS100023"), "pc1", "PS100023",
     "1 of Cloud", NULL},
    {"without membership data it applies to none",
     OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "PS100023"), "pc1", NULL, "built-in",
     "collection 'Pilot Cloud' (PS100023), membership not known"},
    {"a machine that names another collection is no member",
     OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "PS100023"), "pc1", "PS100024",
     "built-in", "collection 'Pilot Cloud' (PS100023), of which pc1 is no member"},
    {"an object without a collection", OBJECT("7", "Cloud", "10", "", CLOUD("1")), "pc1",
     "PS100023", "built-in", "assigned to no collection"},
    {"an assignment of another object does not count",
     OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("8", "PS100023"), "pc1", "PS100023",
     "built-in", "assigned to no collection"},
    {"membership by name",
     OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "C1") MEMBER("C1", "5", "PC1"), "pc1",
     NULL, "1 of Cloud", NULL},
    {"a member of another name",
     OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "C1") MEMBER("C1", "5", "PC2"), "pc1",
     NULL, "built-in", "collection 'Pilot Cloud' (C1), of which pc1 is no member"},
    {"a member by its first label",
     OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "C1") MEMBER("C1", "5", "PC1"),
     "pc1.contoso.test", NULL, "1 of Cloud", NULL},
    {"membership by resource, whatever the name there",
     OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "C1") MACHINE("5", "PC1")
         MEMBER("C1", "5", "renamed"),
     "pc1", NULL, "1 of Cloud", NULL},
    {"the name of another resource is not this machine",
     OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "C1") MACHINE("5", "PC1")
         MEMBER("C1", "6", "PC1"),
     "pc1", NULL, "built-in", "collection 'Pilot Cloud' (C1), of which pc1 is no member"},
    {"membership in a collection that nothing is assigned to",
     OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "C1") MEMBER("C2", "5", "PC1"), "pc1",
     NULL, "built-in", "collection 'Pilot Cloud' (C1), of which pc1 is no member"},
    {"one of two collections is enough",
     OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN_NAMED("7", "C1", "All")
         ASSIGN_NAMED("7", "C2", "Some"),
     "pc1", "C2", "1 of Cloud", NULL},
    {"a disabled object is shown, not applied",
     OBJECT("7", "Cloud", "10", P("Enabled", "false"), CLOUD("1")) ASSIGN("7", "C1"), "pc1", "C1",
     "built-in", "disabled (Enabled is false)"},
    {"an enabled one is applied",
     OBJECT("7", "Cloud", "10", P("Enabled", "true"), CLOUD("1")) ASSIGN("7", "C1"), "pc1", "C1",
     "1 of Cloud", NULL},
    {"user settings are shown, not applied",
     OBJECT("7", "Cloud", "10", P("Type", "2"), CLOUD("1")) ASSIGN("7", "C1"), "pc1", "C1",
     "built-in", "settings for users, not for machines (Type 2)"},
    {"device settings are applied",
     OBJECT("7", "Cloud", "10", P("Type", "1"), CLOUD("1")) ASSIGN("7", "C1"), "pc1", "C1",
     "1 of Cloud", NULL},
    {"default settings apply to all",
     OBJECT_IN("SMS_ClientSettingsDefault", "0", "Default", P("Type", "0"), CLOUD("1")), "pc1",
     NULL, "1 of Default", NULL},
    {"default settings by their class alone",
     OBJECT_IN("SMS_ClientSettingsDefault", "0", "Default", "", CLOUD("1")), "pc1", NULL,
     "1 of Default", NULL},
    {"a custom object stands above the default settings, whatever the numbers",
     OBJECT_IN("SMS_ClientSettingsDefault", "0", "Default", P("Priority", "1"), CLOUD("0"))
         OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "C1"),
     "pc1", "C1", "1 of Cloud", NULL},
    {"the smaller priority number wins",
     OBJECT("7", "Low", "10", "", CLOUD("0")) OBJECT("8", "High", "9", "", CLOUD("1"))
         ASSIGN("7", "C1") ASSIGN("8", "C1"),
     "pc1", "C1", "1 of High", NULL},
    {"the larger does not",
     OBJECT("7", "Low", "10", "", CLOUD("0")) OBJECT("8", "High", "11", "", CLOUD("1"))
         ASSIGN("7", "C1") ASSIGN("8", "C1"),
     "pc1", "C1", "0 of Low", NULL},
    {"of equal numbers the larger ID",
     OBJECT("8", "Later", "10", "", CLOUD("1")) OBJECT("7", "Earlier", "10", "", CLOUD("0"))
         ASSIGN("7", "C1") ASSIGN("8", "C1"),
     "pc1", "C1", "1 of Later", NULL},
    {"of one ID the object read last",
     OBJECT("7", "Old", "10", "", CLOUD("1")) OBJECT("7", "New", "10", "", CLOUD("0"))
         ASSIGN("7", "C1"),
     "pc1", "C1", "0 of New", NULL},
    {"an object whose values cannot be read is out of force",
     OBJECT("7", "Cloud", "ten", "", CLOUD("1")) ASSIGN("7", "C1"), "pc1", "C1", "built-in",
     "its SettingsID, Priority, Type or Enabled cannot be read"},
};

static char *value_of(const struct told *told)
{
    const struct resultant_setting *setting = resultant_find(&told->resultant, "AllowCloudDP");
    const struct resultant_value *winner = resultant_winner(setting);
    return winner->source ? mem_format("%s of %s", winner->value.text, winner->source->object->name)
                          : mem_copy_string("built-in");
}

static const char *why_not(const struct told *told)
{
    for (size_t i = 0; i < told->resultant.objects.count; i++)
        if (told->resultant.objects.objects[i].why_not)
            return told->resultant.objects.objects[i].why_not;
    return NULL;
}

static void test_whom_objects_apply_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct told told;
        tell(&told, rows[i].instances, rows[i].name, rows[i].collection);
        char *value = value_of(&told);
        const char *why = why_not(&told);
        if (strcmp(value, rows[i].value) != 0)
            fail_msg("%s: %s", rows[i].rule, value);
        if ((why != NULL) != (rows[i].why_not != NULL) ||
            (why && strcmp(why, rows[i].why_not) != 0))
            fail_msg("%s: not applied: %s", rows[i].rule, why ? why : "applied");
        free(value);
        policy_free(&told.policy);
    }
}

/* The collection named is the one by which the object applies, whichever it is. */
static void test_which_collection(void **state)
{
    (void)state;
    static const char *const collections[] = {"C1", "C2"}, *const words[] = {"'All' (C1)",
                                                                             "'Some' (C2)"};
    for (size_t i = 0; i < 2; i++) {
        struct told told;
        tell(&told,
             OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN_NAMED("7", "C1", "All")
                 ASSIGN_NAMED("7", "C2", "Some"),
             "pc1", collections[i]);
        assert_string_equal(told.resultant.objects.objects[0].collection, words[i]);
        policy_free(&told.policy);
    }
}

/* The last places of a setting are those of objects that do not apply. */
static void test_what_does_not_apply_is_last(void **state)
{
    (void)state;
    struct told told;
    tell(&told,
         OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "C1")
             OBJECT_IN("SMS_ClientSettingsDefault", "0", "Default", "", CLOUD("0")),
         "pc1", NULL);
    const struct resultant_setting *setting = resultant_find(&told.resultant, "AllowCloudDP");
    assert_int_equal(setting->count, 3);
    assert_string_equal(setting->values[0]->source->object->name, "Default");
    assert_true(setting->values[0]->wins);
    assert_null(setting->values[1]->source);
    assert_string_equal(setting->values[2]->source->object->name, "Cloud");
    assert_false(setting->values[2]->wins);
    policy_free(&told.policy);
}

/* What a custom object does not name falls to the default settings. */
static void test_custom_objects_are_partial(void **state)
{
    (void)state;
    struct told told;
    tell(&told,
         OBJECT("7", "Cloud", "10", "", CLOUD("1")) ASSIGN("7", "C1")
             OBJECT_IN("SMS_ClientSettingsDefault", "0", "Default", "",
                       X("SMS_CloudAgentConfig", P("AllowCloudDP", "0") P("AllowCMG", "0"))),
         "pc1", "C1");
    const struct resultant_value *winner =
        resultant_winner(resultant_find(&told.resultant, "AllowCMG"));
    assert_string_equal(winner->source->object->name, "Default");
    winner = resultant_winner(resultant_find(&told.resultant, "AllowCloudDP"));
    assert_string_equal(winner->source->object->name, "Cloud");
    assert_true(winner->source->partial);
    policy_free(&told.policy);
}

static void test_equal_numbers_are_said(void **state)
{
    (void)state;
    static const char *const priorities[] = {"10", "11"};
    for (size_t i = 0; i < 2; i++) {
        struct told told;
        struct buf text = {0};
        buf_append_text(&text,
                        OBJECT("7", "A", "10", "", CLOUD("1")) ASSIGN("7", "C1") ASSIGN("8", "C1"));
        buf_format(&text,
                   X("SMS_ClientSettings",
                     P("SettingsID", "8") P("Name", "B")
                         P("Priority", "%s") "<property name=\"AgentConfigurations\" "
                                             "type=\"8205\"><value>" CLOUD("0") "</value>"
                                                                                "</property>"),
                   priorities[i]);
        tell(&told, text.data, "pc1", "C1");
        assert_int_equal(told.policy.warning_count, i == 0);
        if (i == 0) {
            assert_string_equal(told.policy.warnings[0].code, "EQUAL_PRIORITY");
            assert_non_null(strstr(told.policy.warnings[0].text, "client settings A"));
        }
        buf_free(&text);
        policy_free(&told.policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whom_objects_apply_to),
        cmocka_unit_test(test_which_collection),
        cmocka_unit_test(test_what_does_not_apply_is_last),
        cmocka_unit_test(test_custom_objects_are_partial),
        cmocka_unit_test(test_equal_numbers_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

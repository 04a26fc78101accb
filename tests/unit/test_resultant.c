/* Layers into one value each: the merge rules, the settings and what `policy` shows of them. */
#include "policy/resultant.h"

#include "policy/base/buf.h"
#include "policy/settings.h"
#include "policy/spy.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct told {
    struct policy policy;
    struct resultant resultant;
};

/* A document of one rule; `attributes` are those of <Policy> beside ID and version. */
static void tell(struct told *told, const char *id, const char *attributes, const char *instances)
{
    struct buf text = {0};
    buf_format(&text,
               "<Policy PolicyID=\"%s\" PolicyVersion=\"2.00\" %s>\n<PolicyRule><PolicyAction>"
               "%s</PolicyAction></PolicyRule></Policy>",
               id, attributes, instances);
    char *name = mem_format("%s.xml", id);
    struct error err = {0};
    if (!policy_read_bytes(&told->policy, name, text.data, text.len, &err))
        fail_msg("%s: %s", err.where, err.text);
    free(name);
    buf_free(&text);
}

static void settle(struct told *told)
{
    struct error err = {0};
    if (!policy_settle(&told->policy, &err))
        fail_msg("%s: %s", err.where, err.text);
    static const struct audience nobody = {.name = "pc1"};
    resultant_read(&told->resultant, &told->policy, &nobody);
}

#define CUSTOM          "PolicyCategory=\"CustomSettings\" "
#define PRIORITY(n)     "PolicyPrecedence=\"" n "\" "
#define LOCAL           "PolicySource=\"Local\" "
#define X(class_, rest) "<instance class=\"" class_ "\">" rest "</instance>"
#define P(name, value)  "<property name=\"" name "\" type=\"19\"><value>" value "</value></property>"

/* "POLICYID=VALUE!" with '!' where it wins; "-" for the built-in, in order of precedence. */
static char *why(const struct told *told, const char *name)
{
    const struct resultant_setting *setting = resultant_find(&told->resultant, name);
    struct buf out = {0};
    buf_append(&out, "", 0);
    for (size_t i = 0; setting && i < setting->count; i++) {
        const struct resultant_value *value = setting->values[i];
        buf_format(&out, "%s%s=%lld%s", i ? " " : "",
                   value->source ? value->source->instance->document->policy_id : "-",
                   (long long)value->value.number, value->wins ? "!" : "");
    }
    return out.data;
}

static void assert_why(const struct told *told, const char *name, const char *want)
{
    char *got = why(told, name);
    assert_string_equal(got, want);
    free(got);
}

struct document_row {
    const char *id, *attributes, *instances;
};

static const struct merge_row {
    const char *rule;
    struct document_row documents[4];
    const char *name, *want;
} merge_rows[] = {
    {"built-in alone", {{"A", "", X("CCM_X", P("Y", "1"))}}, "MaxCacheSizeMB", "-=5120!"},
    {"default over built-in",
     {{"A", "", X("CCM_X", P("MaxCacheSizeMB", "1"))}},
     "MaxCacheSizeMB",
     "A=1! -=5120"},
    {"custom over default, whatever the priority",
     {{"A", PRIORITY("1"), X("CCM_X", P("Y", "1"))}, {"B", CUSTOM, X("CCM_X", P("Y", "2"))}},
     "Y",
     "B=2! A=1"},
    {"default documents both: no layer decides",
     {{"A", PRIORITY("1"), X("CCM_X", P("Y", "1"))}, {"B", "", X("CCM_X", P("Y", "2"))}},
     "Y",
     "A=1! B=2"},
    {"local over custom",
     {{"A", LOCAL, X("CCM_X", P("Y", "1"))}, {"B", CUSTOM PRIORITY("1"), X("CCM_X", P("Y", "2"))}},
     "Y",
     "A=1! B=2"},
    {"the smaller priority number wins",
     {{"A", CUSTOM PRIORITY("5"), X("CCM_X", P("Y", "1"))},
      {"B", CUSTOM PRIORITY("10"), X("CCM_X", P("Y", "2"))}},
     "Y",
     "A=1! B=2"},
    {"a priority beats none",
     {{"A", CUSTOM PRIORITY("9"), X("CCM_X", P("Y", "1"))}, {"B", CUSTOM, X("CCM_X", P("Y", "2"))}},
     "Y",
     "A=1! B=2"},
    {"the property of that name beats the attribute",
     {{"A", CUSTOM PRIORITY("5"), X("CCM_X", P("Y", "1"))},
      {"B", CUSTOM PRIORITY("10"), X("CCM_X", P("Y", "2") P("PolicyPrecedence", "4"))}},
     "Y",
     "B=2! A=1"},
    {"equal numbers: the later PolicyID in byte order",
     {{"b1", CUSTOM PRIORITY("5"), X("CCM_X", P("Y", "1"))},
      {"C1", CUSTOM PRIORITY("5"), X("CCM_X", P("Y", "2"))}},
     "Y",
     "b1=1! C1=2"},
    {"one policy, one class: what stands later",
     {{"A", CUSTOM, X("CCM_X", P("Y", "1")) X("CCM_X", P("Y", "2"))}},
     "Y",
     "A=2! A=1"},
    {"five layers",
     {{"D", "", X("CCM_X", P("MaxCacheSizeMB", "1"))},
      {"L", LOCAL, X("CCM_X", P("MaxCacheSizeMB", "2"))},
      {"C10", CUSTOM PRIORITY("10"), X("CCM_X", P("MaxCacheSizeMB", "3"))},
      {"C1", CUSTOM PRIORITY("1"), X("CCM_X", P("MaxCacheSizeMB", "4"))}},
     "MaxCacheSizeMB",
     "L=2! C1=4 C10=3 D=1 -=5120"},
    {"a complete one hides what it does not name: the built-in holds",
     {{"A", "", X("CCM_X", P("MaxCacheSizeMB", "1"))},
      {"B", CUSTOM,
       "<instance class=\"CCM_X\" PolicyPartial=\"false\">" P("Y", "2") "</instance>"}},
     "MaxCacheSizeMB",
     "-=5120! A=1"},
    {"a partial one does not",
     {{"A", "", X("CCM_X", P("MaxCacheSizeMB", "1"))}, {"B", CUSTOM, X("CCM_X", P("Y", "2"))}},
     "MaxCacheSizeMB",
     "A=1! -=5120"},
    {"null in a complete one is not a value and hides",
     {{"A", "", X("CCM_X", P("MaxCacheSizeMB", "1"))},
      {"B", CUSTOM,
       "<instance class=\"CCM_X\" PolicyPartial=\"0\"><property name=\"MaxCacheSizeMB\"/>"
       "</instance>"}},
     "MaxCacheSizeMB",
     "-=5120! A=1"},
    {"null in a partial one is not a value",
     {{"A", "", X("CCM_X", P("Y", "1"))}, {"B", CUSTOM, X("CCM_X", "<property name=\"Y\"/>")}},
     "Y",
     "A=1!"},
    {"partial ones over the strongest complete one",
     {{"A", "", X("CCM_X", P("Y", "1"))},
      {"B", CUSTOM PRIORITY("2"),
       "<instance class=\"CCM_X\" PolicyPartial=\"0\">" P("Y", "2") "</instance>"},
      {"C", CUSTOM PRIORITY("1"), X("CCM_X", P("Y", "3"))}},
     "Y",
     "C=3! B=2 A=1"},
    {"a complete one hides nothing of another class",
     {{"A", "", X("CCM_X", P("MaxCacheSizeMB", "1"))},
      {"B", CUSTOM, "<instance class=\"CCM_Z\" PolicyPartial=\"0\">" P("Y", "2") "</instance>"}},
     "MaxCacheSizeMB",
     "A=1! -=5120"},
    {"nor of another key",
     {{"A", "", X("CCM_X", P("SiteSettingsKey", "1") P("MaxCacheSizeMB", "1"))},
      {"B", CUSTOM,
       "<instance class=\"CCM_X\" PolicyPartial=\"0\">" P("SiteSettingsKey", "2") "</instance>"}},
     "MaxCacheSizeMB",
     "A=1! -=5120"},
    {"several classes carry the name: the strongest layer's",
     {{"A", CUSTOM, X("CCM_A", P("Y", "1"))}, {"B", "", X("CCM_B", P("Y", "2"))}},
     "y",
     "A=1! B=2"},
    {"what is hidden stands by strength, after the winner",
     {{"A", "", X("CCM_A", P("Y", "1"))},
      {"B", CUSTOM PRIORITY("9"), X("CCM_B", P("Y", "2"))},
      {"C", CUSTOM PRIORITY("1"),
       "<instance class=\"CCM_B\" PolicyPartial=\"0\">" P("Z", "3") "</instance>"}},
     "Y",
     "A=1! B=2"},
    {"hidden everywhere and not built in: nothing wins",
     {{"A", "", X("CCM_X", P("Y", "1"))},
      {"B", CUSTOM, "<instance class=\"CCM_X\" PolicyPartial=\"0\">" P("Z", "2") "</instance>"}},
     "Y",
     "A=1"},
    {"server classes count", {{"A", "", X("SMS_CloudAgentConfig", P("Y", "1"))}}, "Y", "A=1!"},
    {"site objects do not", {{"A", "", X("SMS_Boundary", P("Y", "1"))}}, "Y", ""},
};

static void test_the_merge_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof merge_rows / sizeof merge_rows[0]; i++) {
        const struct merge_row *row = &merge_rows[i];
        struct told told = {0};
        for (size_t k = 0; k < 4 && row->documents[k].id; k++)
            tell(&told, row->documents[k].id, row->documents[k].attributes,
                 row->documents[k].instances);
        settle(&told);
        char *got = why(&told, row->name);
        if (strcmp(got, row->want) != 0)
            fail_msg("%s: '%s', wanted '%s'", row->rule, got, row->want);
        free(got);
        policy_free(&told.policy);
    }
}

static void test_equal_priority_warns(void **state)
{
    (void)state;
    static const struct {
        struct document_row documents[2];
        bool warns;
    } rows[] = {
        {{{"A", CUSTOM PRIORITY("5"), X("CCM_X", P("Y", "1"))},
          {"B", CUSTOM PRIORITY("5"), X("CCM_X", P("Y", "2"))}},
         true},
        {{{"A", CUSTOM PRIORITY("5"), X("CCM_X", P("Y", "1"))},
          {"B", CUSTOM PRIORITY("5"), X("CCM_X", P("Y", "1"))}},
         false},
        {{{"A", CUSTOM PRIORITY("5"), X("CCM_X", P("Y", "1"))},
          {"B", CUSTOM PRIORITY("6"), X("CCM_X", P("Y", "2"))}},
         false},
        {{{"A", CUSTOM PRIORITY("5"), X("CCM_X", P("Y", "1"))},
          {"B", CUSTOM PRIORITY("5"), X("CCM_X", P("Z", "2"))}},
         false},
        {{{"A", "", X("CCM_X", P("Y", "1"))}, {"B", "", X("CCM_X", P("Z", "2"))}}, true},
        {{{"A", "", X("CCM_X", P("Y", "1"))}, {"B", CUSTOM, X("CCM_X", P("Y", "2"))}}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct told told = {0};
        for (size_t k = 0; k < 2; k++)
            tell(&told, rows[i].documents[k].id, rows[i].documents[k].attributes,
                 rows[i].documents[k].instances);
        settle(&told);
        assert_int_equal(told.policy.warning_count, rows[i].warns);
        if (rows[i].warns) {
            assert_string_equal(told.policy.warnings[0].code, "EQUAL_PRIORITY");
            assert_string_equal(told.policy.warnings[0].where, "A.xml:2");
            assert_non_null(strstr(told.policy.warnings[0].text, "B.xml"));
        }
        policy_free(&told.policy);
    }
}

static void test_rules_not_applied_do_not_count(void **state)
{
    (void)state;
    struct told told = {0};
    tell(&told, "A", CUSTOM,
         X("CCM_X", P("Y", "1")) "</PolicyAction><Condition/></PolicyRule>"
                                 "<PolicyRule><PolicyAction>" X("CCM_X", P("Z", "2")));
    settle(&told);
    assert_why(&told, "Y", "A=1");
    assert_null(resultant_winner(resultant_find(&told.resultant, "Y")));
    assert_why(&told, "Z", "A=2!");
    policy_free(&told.policy);
}

/* Settings */

static void test_settings_and_their_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *property;
        enum setting setting;
        int64_t value;
        bool built_in, warns;
    } rows[] = {
        {P("Y", "1"), SETTING_MAX_CACHE_SIZE_MB, 5120, true, false},
        {P("MaxCacheSizeMB", "100"), SETTING_MAX_CACHE_SIZE_MB, 100, false, false},
        {P("maxcachesizemb", "100"), SETTING_MAX_CACHE_SIZE_MB, 100, false, false},
        {P("MaxCacheSizeMB", "0"), SETTING_MAX_CACHE_SIZE_MB, 1, false, true},
        {P("MaxCacheSizePercent", "100"), SETTING_MAX_CACHE_SIZE_PERCENT, 100, false, false},
        {P("MaxCacheSizePercent", "101"), SETTING_MAX_CACHE_SIZE_PERCENT, 100, false, true},
        {P("MaxCacheSizeMB", "much"), SETTING_MAX_CACHE_SIZE_MB, 5120, true, true},
        {P("AllowCloudDP", "1"), SETTING_ALLOW_CLOUD_DP, 1, false, false},
        {P("AllowCloudDP", "-1"), SETTING_ALLOW_CLOUD_DP, 1, false, false},
        {P("AllowCloudDP", "TRUE"), SETTING_ALLOW_CLOUD_DP, 1, false, false},
        {P("AllowCloudDP", "false"), SETTING_ALLOW_CLOUD_DP, 0, false, false},
        {P("AllowCloudDP", "perhaps"), SETTING_ALLOW_CLOUD_DP, 0, true, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct told told = {0};
        struct settings settings;
        char *instance = mem_format("<instance class=\"CCM_X\">%s</instance>", rows[i].property);
        tell(&told, "A", "", instance);
        settle(&told);
        settings_read(&settings, &told.policy, &told.resultant);
        if (settings.value[rows[i].setting] != rows[i].value)
            fail_msg("%s", rows[i].property);
        assert_int_equal(settings.origin[rows[i].setting] == NULL, rows[i].built_in);
        assert_int_equal(told.policy.warning_count, rows[i].warns);
        if (rows[i].warns)
            assert_string_equal(told.policy.warnings[0].code, "SETTING_OUT_OF_RANGE");
        free(instance);
        policy_free(&told.policy);
    }
}

static void test_the_origin_in_words(void **state)
{
    (void)state;
    struct told told = {0};
    struct settings settings;
    tell(&told, "{A}", CUSTOM PRIORITY("5"), X("CCM_X", P("AllowCloudDP", "1")));
    settle(&told);
    settings_read(&settings, &told.policy, &told.resultant);
    assert_string_equal(settings_origin_text(&told.policy, &settings, SETTING_ALLOW_CLOUD_DP),
                        "custom settings, priority 5");
    assert_string_equal(settings_origin_place(&told.policy, &settings, SETTING_ALLOW_CLOUD_DP),
                        "custom settings, priority 5, policy {A} version 2.00, {A}.xml:2");
    assert_string_equal(settings_origin_text(&told.policy, &settings, SETTING_MAX_CACHE_SIZE_MB),
                        "built-in");
    policy_free(&told.policy);
}

/* Run from the top of the tree, as all tests are. */
static void test_the_manual_has_the_table(void **state)
{
    (void)state;
    char page[128 * 1024] = "";
    FILE *file = fopen("man/nearpoint-policy.5", "r");
    assert_non_null(file);
    assert_true(fread(page, 1, sizeof page - 1, file) > 0);
    fclose(file);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting_row *row = &setting_rows[i];
        char *line = row->type == SETTING_BOOL
                         ? mem_format(".It Li %s Ta boolean Ta Ta %s Ta %s", row->name,
                                      row->built_in ? "True" : "False", row->meaning)
                         : mem_format(".It Li %s Ta integer Ta %lld\\(en%lld Ta %lld Ta %s",
                                      row->name, (long long)row->min, (long long)row->max,
                                      (long long)row->built_in, row->meaning);
        if (!strstr(page, line))
            fail_msg("the page has no line '%s'", line);
        free(line);
    }
}

/* The tree */

static void tell_estate(struct told *told)
{
    tell(told, "{D}", "PolicySource=\"SMS:PS1\"",
         X("CCM_Cloud", "<property name=\"AllowCloudDP\" type=\"11\"><value>0</value></property>")
             X("SMS_Boundary", P("BoundaryID", "9") P("BoundaryType", "0"))
                 X("SMS_Boundary", P("BoundaryType", "3") P("BoundaryID", "8")));
    tell(told, "{C}", "PolicySource=\"SMS:PS1\" " CUSTOM PRIORITY("5"),
         X("CCM_Cloud",
           "\n<property name=\"AllowCloudDP\" type=\"11\"><value>true</value></property>"
           "<property name=\"Token\" secret=\"1\"><value>marker</value></property>"
           "<property name=\"Name\"><value>a&#10;[2Jb</value></property>"));
    settle(told);
}

static bool collect(void *arg, const char *bytes, size_t len)
{
    buf_append(arg, bytes, len);
    return true;
}

static struct spy spy_of(struct told *told)
{
    return (struct spy){&told->policy, &told->resultant, {.name = "pc1", .site = "PS1"}};
}

static char *show(struct told *told, const char *place)
{
    struct spy_path path;
    struct buf out = {0};
    struct sink sink = {.write = collect, .arg = &out};
    const struct spy spy = spy_of(told);
    buf_append(&out, "", 0);
    if (spy_parse_path(&path, place) && spy_exists(&spy, &path))
        assert_true(spy_text(&spy, &path, &sink));
    return out.data;
}

static json_t *parse(struct buf *text)
{
    json_error_t problem;
    json_t *json = json_loadb(text->data, text->len, JSON_REJECT_DUPLICATES, &problem);
    if (!json)
        fail_msg("%s: %s", problem.text, text->data);
    char *dumped = json_dumps(json, JSON_INDENT(2));
    text->data[text->len - 1] = '\0'; /* the newline */
    assert_string_equal(text->data, dumped);
    free(dumped);
    buf_free(text);
    return json;
}

static json_t *show_json(struct told *told, const char *place)
{
    struct spy_path path;
    struct buf out = {0};
    struct sink sink = {.write = collect, .arg = &out};
    const struct spy spy = spy_of(told);
    assert_true(spy_parse_path(&path, place));
    assert_true(spy_json(&spy, &path, &sink));
    return parse(&out);
}

static json_t *why_json(const struct resultant_setting *setting)
{
    struct buf out = {0};
    struct sink sink = {.write = collect, .arg = &out};
    assert_true(spy_why_json(setting, &sink));
    return parse(&out);
}

static void test_custom_settings_in_text(void **state)
{
    (void)state;
    static const char *const places[] = {"Machine/CustomSettings", "machine\\customsettings\\",
                                         "/MACHINE/CUSTOMSETTINGS/ccm_cloud"};
    struct told told = {0};
    tell_estate(&told);
    for (size_t i = 0; i < 3; i++) {
        char *text = show(&told, places[i]);
        assert_string_equal(text, "Machine\\CustomSettings\n"
                                  "    CCM_Cloud  [custom settings, priority 5, policy {C} version "
                                  "2.00, {C}.xml:2, partial]\n"
                                  "      AllowCloudDP = True\n"
                                  "      Name = a\\x0A[2Jb\n"
                                  "      Token = (hidden)\n");
        free(text);
    }
    policy_free(&told.policy);
}

static void test_actual_in_text(void **state)
{
    (void)state;
    struct told told = {0};
    tell_estate(&told);
    char *text = show(&told, "Machine/Actual/CCM_Cloud");
    assert_string_equal(text, "Machine\\Actual\n"
                              "    CCM_Cloud\n"
                              "      AllowCloudDP = True  [custom settings, priority 5, policy {C} "
                              "version 2.00, {C}.xml:3]\n"
                              "      Name = a\\x0A[2Jb  [custom settings, priority 5, policy {C} "
                              "version 2.00, {C}.xml:3]\n"
                              "      Token = (hidden)  [custom settings, priority 5, policy {C} "
                              "version 2.00, {C}.xml:3]\n");
    free(text);
    text = show(&told, "Machine");
    assert_null(strstr(text, "marker"));
    assert_non_null(strstr(text, "Site = PS1"));
    assert_non_null(strstr(text, "MaxCacheSizeMB = 5120  [built-in]"));
    free(text);
    policy_free(&told.policy);
}

static void test_places_that_are_not_there(void **state)
{
    (void)state;
    static const char *const places[] = {"User", "Machine/Nothing", "Machine/Actual/CCM_None",
                                         "Machine/Requested/{X}", "Machin"};
    struct told told = {0};
    tell_estate(&told);
    for (size_t i = 0; i < 5; i++) {
        char *text = show(&told, places[i]);
        assert_string_equal(text, "");
        free(text);
    }
    policy_free(&told.policy);
}

static void test_long_values_are_cut_in_text_only(void **state)
{
    (void)state;
    struct told told = {0};
    struct buf instance = {0};
    buf_append_text(&instance,
                    "<instance class=\"NP_Content\"><property name=\"Manifest\"><value>");
    for (int i = 0; i < 1000; i++)
        buf_append_text(&instance, "0123456789");
    buf_append_text(&instance, "</value></property></instance>");
    tell(&told, "A", "", instance.data);
    settle(&told);
    char *text = show(&told, "Machine/Actual/NP_Content");
    assert_true(strlen(text) < 400);
    assert_non_null(strstr(text, "0123456789... (10000 bytes)\n"));
    free(text);
    json_t *json = show_json(&told, "Machine/Actual/NP_Content");
    json_t *actual = json_object_get(json_object_get(json, "machine"), "actual");
    json_t *properties = json_object_get(json_array_get(actual, 0), "properties");
    assert_int_equal(json_string_length(json_object_get(properties, "Manifest")), 10000);
    json_decref(json);
    buf_free(&instance);
    policy_free(&told.policy);
}

static void assert_json(json_t *json, const char *want)
{
    json_error_t problem;
    json_t *wanted = json_loads(want, 0, &problem);
    if (!wanted)
        fail_msg("%s", problem.text);
    if (!json_equal(json, wanted)) {
        char *got = json_dumps(json, JSON_INDENT(2));
        print_message("%s\n", got);
        free(got);
        fail_msg("is not %s", want);
    }
    json_decref(wanted);
    json_decref(json);
}

static void test_the_tree_as_json(void **state)
{
    (void)state;
    struct told told = {0};
    tell_estate(&told);
    assert_json(show_json(&told, "Machine/CustomSettings"),
                "{\"client\": {\"name\": \"pc1\", \"site\": \"PS1\", \"policyPoint\": null,"
                " \"lastPolicy\": null, \"nextPolicy\": null}, \"summary\": null,"
                " \"machine\": {\"customSettings\": [{\"class\": \"CCM_Cloud\", \"properties\":"
                " {\"AllowCloudDP\": true, \"Name\": \"a\\n[2Jb\", \"Token\": \"(hidden)\"},"
                " \"policyID\": \"{C}\", \"document\": \"{C}.xml\", \"line\": 2, \"rule\": null,"
                " \"partial\": true, \"applied\": true, \"whyNot\": null, \"priority\": 5,"
                " \"settings\": null}]}}");
    json_t *json = show_json(&told, NULL);
    json_t *machine = json_object_get(json, "machine");
    assert_int_equal(json_array_size(json_object_get(machine, "requested")), 2);
    assert_int_equal(json_array_size(json_object_get(machine, "events")), 0);
    json_t *document = json_array_get(json_object_get(machine, "requested"), 1);
    assert_int_equal(json_integer_value(json_object_get(document, "priority")), 5);
    assert_string_equal(json_string_value(json_object_get(document, "layer")), "custom");
    assert_true(json_is_true(json_object_get(document, "applied")));
    char *text = json_dumps(json_object_get(machine, "actual"), JSON_COMPACT);
    assert_string_equal(
        text, "[{\"class\":\"CCM_Cloud\",\"properties\":{\"AllowCloudDP\":true,\"Name\":"
              "\"a\\n[2Jb\",\"Token\":\"(hidden)\"}},"
              "{\"class\":\"NP_BuiltInSettings\",\"properties\":{\"AllowCMG\":true,"
              "\"CacheFreeSpaceMB\":2048,\"CacheTombstoneContentMinDuration\":86400,"
              "\"ContentLocationTimeoutInterval\":28800,\"ContentValidationMinutes\":10080,"
              "\"ContentValidationRepair\":true,\"EnableBitsMaxBandwidth\":false,"
              "\"EnableDownloadOffSchedule\":false,\"MaxBandwidthValidFrom\":0,"
              "\"MaxBandwidthValidTo\":0,\"MaxCacheSizeMB\":5120,\"MaxCacheSizePercent\":20,"
              "\"MaxTransferRateOffSchedule\":0,\"MaxTransferRateOnSchedule\":0,"
              "\"MeteredNetworkUsage\":4,\"PerDPInactivityTimeout\":0,"
              "\"PolicyPollingMinutes\":60,\"TotalInactivityTimeout\":0}},"
              "{\"class\":\"SMS_Boundary\",\"properties\":{\"BoundaryID\":8,\"BoundaryType\":3}},"
              "{\"class\":\"SMS_Boundary\",\"properties\":{\"BoundaryID\":9,\"BoundaryType\":0}}]");
    free(text);
    json_decref(json);
    policy_free(&told.policy);
}

static void test_site_objects_stand_once(void **state)
{
    (void)state;
    struct told told = {0};
    tell(&told, "1", "", X("SMS_Boundary", P("BoundaryID", "9") P("Value", "1")));
    tell(&told, "2", "", X("SMS_Boundary", P("boundaryid", "9") P("Value", "2")));
    tell(&told, "3", "", X("SMS_Other", P("BoundaryID", "9")) X("SMS_Other", P("A", "1")));
    settle(&told);
    char *text = show(&told, "Machine/Actual/SMS_Boundary");
    assert_null(strstr(text, "Value = 1"));
    assert_non_null(strstr(text, "Value = 2"));
    free(text);
    text = show(&told, "Machine/Actual/SMS_Other");
    assert_non_null(strstr(text, "A = 1"));
    assert_non_null(strstr(text, "BoundaryID = 9"));
    free(text);
    policy_free(&told.policy);
}

static void test_requested_says_what_is_not_applied(void **state)
{
    (void)state;
    struct told told = {0};
    tell(&told, "A", "",
         X("CCM_X", P("Y", "1")) "</PolicyAction><Condition/></PolicyRule>"
                                 "<PolicyRule><PolicyAction>");
    tell(&told, "B", "", X("CCM_X", P("Y", "1")) "</PolicyAction><Condition/><PolicyAction>");
    settle(&told);
    char *text = show(&told, "Machine/Requested/A");
    assert_non_null(strstr(text, "    in part: rule without ID is not applied: its Condition"));
    assert_non_null(strstr(text, "    CCM_X  [line 2]\n      not applied: rule without ID"));
    free(text);
    text = show(&told, "Machine/Requested/B");
    assert_non_null(strstr(text, "    not applied: rule without ID is not applied"));
    free(text);
    json_t *json = show_json(&told, "Machine/Requested/B");
    json_t *requested = json_object_get(json_object_get(json, "machine"), "requested");
    assert_int_equal(json_array_size(requested), 1);
    assert_true(json_is_false(json_object_get(json_array_get(requested, 0), "applied")));
    json_decref(json);
    policy_free(&told.policy);
}

static void test_why(void **state)
{
    (void)state;
    struct told told = {0};
    tell_estate(&told);
    struct buf out = {0};
    const struct resultant_setting *setting = resultant_find(&told.resultant, "allowclouddp");
    spy_why_text(&out, setting);
    assert_string_equal(out.data,
                        "AllowCloudDP = True\n"
                        "  wins    True  [custom settings, priority 5, policy {C} version 2.00, "
                        "{C}.xml:3, CCM_Cloud, partial]\n"
                        "  beaten  False  [default settings, policy {D} version 2.00, {D}.xml:2, "
                        "CCM_Cloud, complete]\n"
                        "  beaten  False  [built-in]\n");
    assert_json(why_json(setting),
                "{\"name\": \"AllowCloudDP\", \"class\": \"CCM_Cloud\", \"value\": true,"
                " \"values\": [{\"value\": true, \"wins\": true, \"layer\": \"custom\","
                " \"priority\": 5, \"policyID\": \"{C}\", \"version\": \"2.00\", \"document\":"
                " \"{C}.xml\", \"partial\": true, \"class\": \"CCM_Cloud\", \"line\": 3,"
                " \"rule\": null, \"settings\": null, \"applied\": true, \"whyNot\": null},"
                " {\"value\": false, \"wins\": false, \"layer\": \"default\", \"priority\":"
                " 2147483647, \"policyID\": \"{D}\", \"version\": \"2.00\", \"document\":"
                " \"{D}.xml\", \"partial\": false, \"class\": \"CCM_Cloud\", \"line\": 2,"
                " \"rule\": null, \"settings\": null, \"applied\": true, \"whyNot\": null},"
                " {\"value\": false, \"wins\": false, \"layer\": \"builtIn\", \"priority\": null,"
                " \"policyID\": null, \"version\": null, \"document\": null, \"partial\": null,"
                " \"class\": null, \"line\": null, \"rule\": null, \"settings\": null,"
                " \"applied\": true, \"whyNot\": null}]}");
    buf_clear(&out);
    spy_why_text(&out, resultant_find(&told.resultant, "Token"));
    assert_null(strstr(out.data, "marker"));
    assert_null(resultant_find(&told.resultant, "Nothing"));
    buf_free(&out);
    policy_free(&told.policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_merge_rules),
        cmocka_unit_test(test_equal_priority_warns),
        cmocka_unit_test(test_rules_not_applied_do_not_count),
        cmocka_unit_test(test_settings_and_their_ranges),
        cmocka_unit_test(test_the_origin_in_words),
        cmocka_unit_test(test_the_manual_has_the_table),
        cmocka_unit_test(test_custom_settings_in_text),
        cmocka_unit_test(test_actual_in_text),
        cmocka_unit_test(test_places_that_are_not_there),
        cmocka_unit_test(test_long_values_are_cut_in_text_only),
        cmocka_unit_test(test_the_tree_as_json),
        cmocka_unit_test(test_site_objects_stand_once),
        cmocka_unit_test(test_requested_says_what_is_not_applied),
        cmocka_unit_test(test_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

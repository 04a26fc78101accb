/* One line on what a policy holds, and the table of what it may lack. */
#include "policy/missing.h"
#include "policy/resultant.h"
#include "policy/summary.h"
#include "tests/unit/estate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Other documents than these are exports: of no site that they would name. */
static void read_site(struct estate *estate, const char *text)
{
    const char *const texts[] = {text, NULL};
    struct error err = {0};
    if (!estate_read(estate, texts, &err))
        fail_msg("%s: %s: %s", text, err.where, err.text);
}

static void expect(const char *text, const char *want)
{
    struct estate estate;
    struct buf out = {0};
    read_site(&estate, text);
    summary_text(&out, &estate.site);
    /* What is missing is another test's. */
    char *missing = strstr(out.data, "; missing: ");
    if (missing && !strstr(want, "; missing: "))
        *missing = '\0';
    assert_string_equal(out.data, want);
    buf_free(&out);
    estate_free(&estate);
}

static void counts(void **state)
{
    (void)state;
    expect("", "site PS1: 0 boundaries, 0 groups, 0 DPs, 0 contents, 0 settings");
    expect("group A; sub A 10.1.1.0; dp d1; package 3; CCM_X A=1",
           "site PS1: 1 boundary, 1 group, 1 DP, 1 content, 1 setting");
    expect("group A; default Z Z; sub A 10.1.1.0; sub A 10.1.2.0; dp d1; dp d2; package 3;"
           "SMS_Package PackageID=A; CCM_X A=1; SMS_CloudAgentConfig A=1; SMS_R_System Name=a;"
           "SMS_ClientSettings SettingsID=5; SMS_ClientSettingsDefault SettingsID=0",
           "site PS1: 2 boundaries, 2 groups, 2 DPs, 2 contents, 4 settings");
}

static void expect_many(size_t count, const char *want)
{
    struct buf text = {0};
    buf_append(&text, "", 0);
    for (size_t i = 0; i < count; i++)
        buf_format(&text, "SMS_Package PackageID=P%zu;", i);
    expect(text.data, want);
    buf_free(&text);
}

static void thousands(void **state)
{
    (void)state;
    expect_many(999, "site PS1: 0 boundaries, 0 groups, 0 DPs, 999 contents, 0 settings");
    expect_many(1000, "site PS1: 0 boundaries, 0 groups, 0 DPs, 1,000 contents, 0 settings");
    expect_many(12345, "site PS1: 0 boundaries, 0 groups, 0 DPs, 12,345 contents, 0 settings");
}

static void expect_site(const char *json, const char *want)
{
    struct estate estate = {.policy = {.document_count = 0}};
    struct error err = {0};
    struct buf out = {0};
    assert_true(policy_read_bytes(&estate.policy, "a.json", json, strlen(json), &err));
    assert_true(policy_settle(&estate.policy, &err) &&
                site_read(&estate.site, &estate.policy, &err));
    summary_text(&out, &estate.site);
    if (strncmp(out.data, want, strlen(want)) != 0)
        fail_msg("%s", out.data);
    buf_free(&out);
    estate_free(&estate);
}

/* An export names no source: its sites are what it has of SMS_Site. */
static void whose_site(void **state)
{
    (void)state;
    expect_site("[{\"__CLASS\":\"SMS_Site\",\"SiteCode\":\"P01\",\"Type\":2}]", "site P01: 0 b");
    expect_site("[{\"__CLASS\":\"SMS_Site\",\"SiteCode\":\"P01\",\"Type\":2},"
                "{\"__CLASS\":\"SMS_Site\",\"SiteCode\":\"P02\",\"Type\":2}]",
                "2 sites: 0 b");
    expect_site("[{\"__CLASS\":\"SMS_Package\",\"PackageID\":\"P0100001\"}]",
                "site not known: 0 b");
}

#define NAL "ServerNALPath=x"

/* The least that an instance of a class needs to be read. */
static const struct {
    const char *class_name, *statement;
} least[] = {
    {"SMS_Site", "SMS_Site SiteCode=PS1"},
    {"SMS_Boundary", "SMS_Boundary BoundaryID=1 BoundaryType=1 Value=x"},
    {"SMS_BoundaryGroup", "SMS_BoundaryGroup GroupID=1"},
    {"SMS_DefaultBoundaryGroup", "SMS_DefaultBoundaryGroup GroupID=2 Name=x"},
    {"SMS_BoundaryGroupMembers", "SMS_BoundaryGroupMembers GroupID=1 BoundaryID=1"},
    {"SMS_BoundaryGroupSiteSystems", "SMS_BoundaryGroupSiteSystems GroupID=1 " NAL},
    {"SMS_BoundaryGroupRelationships",
     "SMS_BoundaryGroupRelationships SourceGroupID=1 DestinationGroupID=2"},
    {"SMS_DistributionPointInfo", "dp d1"},
    {"NP_DistributionPoint", "ours d1"},
    {"SMS_PackageStatusDistPointsSummarizer",
     "SMS_PackageStatusDistPointsSummarizer PackageID=A " NAL},
    {"SMS_DistributionPoint", "SMS_DistributionPoint PackageID=A " NAL},
    {"NP_Content", "NP_Content ContentID=A Version=1"},
    {"NP_ContentHash", "NP_ContentHash ContentID=A Version=1"},
};

static const char *statement_of(const char *class_name)
{
    for (size_t i = 0; i < sizeof least / sizeof least[0]; i++)
        if (strcmp(least[i].class_name, class_name) == 0)
            return least[i].statement;
    static char statement[128]; /* keys by their names, whatever the class */
    snprintf(statement, sizeof statement,
             "%s PackageID=A AssignmentID=A AdvertisementID=A "
             "ContentID=A",
             class_name);
    return statement;
}

static bool is_missing(const struct missing_row *row, const char *class_name, const char *other,
                       const char *more)
{
    struct estate estate;
    char text[512];
    snprintf(text, sizeof text, "%s;", class_name ? statement_of(class_name) : "");
    size_t len = strlen(text);
    snprintf(text + len, sizeof text - len, "%s; %s", other ? statement_of(other) : "", more);
    read_site(&estate, text);
    bool missing = missing_is(row, &estate.site);
    estate_free(&estate);
    return missing;
}

/* Each row: missing with each class that needs it; not without, and not with any that will do. */
static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < missing_row_count; i++) {
        const struct missing_row *row = &missing_rows[i];
        const char *needs = row->needed_by[0];
        if (needs && is_missing(row, NULL, NULL, ""))
            fail_msg("%s: missing where nothing needs it", row->classes[0]);
        for (size_t j = 0; j < MISSING_NEEDED_BY && (j == 0 || row->needed_by[j]); j++)
            if (!is_missing(row, row->needed_by[j], NULL, ""))
                fail_msg("%s: not missing for %s", row->classes[0], row->needed_by[j]);
        for (size_t j = 0; j < MISSING_CLASSES && row->classes[j]; j++)
            if (is_missing(row, needs, row->classes[j], ""))
                fail_msg("%s: missing beside %s", row->classes[0], row->classes[j]);
    }
}

/* Default groups and relationships are no part of the older rules. */
static void older_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < missing_row_count; i++) {
        const struct missing_row *row = &missing_rows[i];
        const char *needs = row->needed_by[0];
        bool older = is_missing(row, needs, NULL, "NP_HierarchyRules Rules=2012");
        assert_int_equal(older, !row->current_rules);
        assert_true(is_missing(row, needs, NULL, "NP_HierarchyRules Rules=current"));
    }
}

/* The tail of the line, and what locate says of a content that is not known. */
static void where_it_is_said(void **state)
{
    struct estate estate;
    struct error err = {0};
    struct buf out = {0};
    (void)state;
    read_site(&estate, "SMS_ContentPackage PackageID=A Name=Timesheet");
    summary_text(&out, &estate.site);
    const char *tail = strstr(out.data, "settings");
    assert_string_equal(tail, "settings; missing: SMS_Boundary, SMS_BoundaryGroup, "
                              "SMS_DistributionPointInfo, SMS_PackageToContent, SMS_Content, "
                              "SMS_PackageStatusDistPointsSummarizer, SMS_Advertisement");
    assert_null(site_find_content(&estate.site, "Content_x", &err));
    assert_string_equal(err.text,
                        "the policy holds no such content; missing: SMS_PackageToContent: "
                        "applications cannot be located; missing: SMS_Content: versions and hashes "
                        "of applications' contents are not known");
    estate_free(&estate);
    read_site(&estate, "package 3");
    assert_null(site_find_content(&estate.site, "Content_x", &err));
    assert_string_equal(err.text, "the policy holds no such content");
    estate_free(&estate);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),      cmocka_unit_test(thousands),
        cmocka_unit_test(whose_site),  cmocka_unit_test(each_row),
        cmocka_unit_test(older_rules), cmocka_unit_test(where_it_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

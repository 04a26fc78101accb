/* The table of pairs says of every package and DP what site_presence says of the two; groups of DPs
   and sites are read as they are written. */
#include "policy/base/text.h"
#include "policy/site_pairs.h"
#include "policy/site_tables.h"
#include "tests/unit/estate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NAL(dp) \
    "[\"Display=\\\\" dp ".contoso.test\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\" dp ".contoso.test\\"

static uint64_t random_state = 1;

static unsigned any(unsigned count)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % count;
}

static void add_row(struct buf *xml, const char *class_name, const char *path)
{
    char nal[256], name[8], package[8];
    snprintf(name, sizeof name, "%c%u", any(2) ? 'd' : 'D', any(9)); /* d7, d8 are no DPs */
    snprintf(package, sizeof package, "%c%u", any(2) ? 'p' : 'P', any(5));
    estate_nal(nal, name);
    estate_begin(xml, class_name);
    estate_property(xml, path, nal);
    if (any(8))
        estate_property(xml, "PackageID", package);
    else if (strcmp(class_name, "SMS_DPContentInfo") != 0)
        estate_property(xml, "PackageID", "P5");
    if (any(8))
        estate_number(xml, "State", any(10));
    if (any(8))
        estate_number(xml, "SourceVersion", any(4));
    if (any(2))
        estate_number(xml, "Status", any(4));
    estate_end(xml);
}

static void read_any_site(struct estate *estate)
{
    struct buf xml = {0};
    struct error err = {0};
    *estate = (struct estate){.policy = {.document_count = 0}};
    buf_append_text(&xml, "<Policy PolicyID=\"{a}\" PolicyVersion=\"1.00\"><PolicyRule "
                          "PolicyRuleID=\"{r}\"><PolicyAction PolicyActionType=\"WMI-XML\">");
    for (int i = 0; i < 7; i++) {
        char *token[] = {(char[]){"dp"}, mem_format("d%d", i)};
        estate_dp(&xml, token, 2);
        free(token[1]);
        estate_begin(&xml, "SMS_Package");
        char id[4] = {'P', (char)('0' + i), '\0'};
        estate_property(&xml, "PackageID", id);
        estate_number(&xml, "SourceVersion", any(4));
        estate_end(&xml);
    }
    for (unsigned i = any(40); i > 0; i--)
        add_row(&xml, "SMS_PackageStatusDistPointsSummarizer", "ServerNALPath");
    for (unsigned i = any(40); i > 0; i--)
        add_row(&xml, "SMS_DistributionPoint", "ServerNALPath");
    for (unsigned i = any(10); i > 0; i--)
        add_row(&xml, "SMS_DPContentInfo", "NALPath");
    buf_append_text(&xml, "</PolicyAction></PolicyRule></Policy>");
    if (!policy_read_bytes(&estate->policy, "p", xml.data, xml.len, &err) ||
        !policy_settle(&estate->policy, &err) || !site_read(&estate->site, &estate->policy, &err))
        fail_msg("%s: %s", err.where, err.text);
    buf_free(&xml);
}

static void compare(const struct site *site, const struct site_pairs *pairs,
                    const struct site_content *content)
{
    const struct site_pair_package *package = site_pairs_find(pairs, content->package_id);
    size_t kinds = 0, seen = 0;
    for (size_t dp = 0; dp < site->dp_count; dp++) {
        struct site_presence want = site_presence(site, &site->dps[dp], content);
        const struct site_pair *pair = package ? site_pair_on(package, dp) : NULL;
        enum presence got =
            pair ? site_judge_presence(content, pair->state, pair->version) : PRESENCE_NO;
        if (want.presence != got)
            fail_msg("%s on %s: %d, not %d", content->id, site->dps[dp].name, got, want.presence);
        seen += pair != NULL;
    }
    for (size_t i = 0; package && i < package->kind_count; i++)
        kinds += package->kinds[i].count;
    assert_int_equal(seen, package ? package->count : 0);
    assert_int_equal(kinds, seen);
}

static void agrees(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        struct estate estate;
        struct site_pairs pairs;
        read_any_site(&estate);
        site_pairs_read(&pairs, &estate.site);
        for (size_t j = 0; j < estate.site.content_count; j++)
            if (!site_presence_assumed(&estate.site))
                compare(&estate.site, &pairs, &estate.site.contents[j]);
        estate_free(&estate);
    }
}

static void dp_groups(void **state)
{
    (void)state;
    struct estate estate;
    struct error err = {0};
    const char *const texts[] = {
        "dp d1; dp d2; dp d3; package 3; SMS_DistributionPointGroup GroupID={B} Name=Europe;"
        "SMS_DistributionPointGroup GroupID={A}; SMS_DistributionPointGroup Name=nameless;"
        "SMS_DPGroupMembers GroupID={b} DPNALPath=" NAL(
            "d3") ";"
                  "SMS_DPGroupMembers GroupID={B} DPNALPath=" NAL(
                      "D1") ";"
                            "SMS_DPGroupMembers GroupID={B} DPNALPath=" NAL(
                                "d9") ";"
                                      "SMS_DPGroupMembers GroupID={C} DPNALPath=" NAL(
                                          "d1") ";"
                                                "SMS_DPGroupMembers GroupID={B}; "
                                                "SMS_DPGroupMembers DPNALPath=" NAL(
                                                    "d1") ";"
                                                          "SMS_DPGroupPackages GroupID={B} "
                                                          "PkgID=pkg00001; SMS_DPGroupPackages "
                                                          "GroupID={B} PkgID=X",
        NULL};
    assert_true(estate_read(&estate, texts, &err));
    const struct site *site = &estate.site;
    assert_int_equal(site->dp_group_count, 2);
    const struct site_dp_group *a = &site->dp_groups[0], *b = &site->dp_groups[1];
    assert_string_equal(a->name, "{A}");
    assert_int_equal(a->dp_count + a->package_count + a->member_rows, 0);
    assert_string_equal(b->name, "Europe");
    assert_int_equal(b->dp_count, 2);
    assert_string_equal(site->dps[b->dps[0]].name, "d1.contoso.test");
    assert_string_equal(site->dps[b->dps[1]].name, "d3.contoso.test");
    assert_int_equal(b->member_rows, 4);
    assert_int_equal(b->package_count, 1);
    assert_string_equal(b->packages[0], "pkg00001");
    assert_int_equal(b->package_rows, 2);
    assert_int_equal(site->tables->lost_dp_members.count, 3);
    assert_int_equal(site->tables->lost_dp_packages.count, 1);
    estate_free(&estate);
}

static void codes(void **state)
{
    (void)state;
    struct estate estate;
    struct error err = {0};
    const char *const texts[] = {"SMS_Site SiteCode=S01 Type=1 ReportingSiteCode=PS1;"
                                 "SMS_Site SiteCode=PS1 Type=2 ReportingSiteCode=; SMS_Site Type=2",
                                 NULL};
    assert_true(estate_read(&estate, texts, &err));
    assert_int_equal(estate.site.code_count, 2);
    assert_string_equal(estate.site.codes[0].code, "PS1");
    assert_int_equal(estate.site.codes[0].type, SITE_PRIMARY);
    assert_null(estate.site.codes[0].reports_to);
    assert_int_equal(estate.site.codes[1].type, SITE_SECONDARY);
    assert_string_equal(estate.site.codes[1].reports_to, "PS1");
    estate_free(&estate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees),
        cmocka_unit_test(dp_groups),
        cmocka_unit_test(codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

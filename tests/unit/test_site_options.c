/* What the rules of 2007 and 2012, and an application's deployment type, say beside the site's
   joins. Each row of a table has a twin with one fact changed. */
#include "policy/base/text.h"
#include "tests/unit/estate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void read_site(struct estate *estate, const char *first, const char *second)
{
    const char *const texts[] = {first, second, NULL};
    struct error err = {0};
    if (!estate_read(estate, texts, &err))
        fail_msg("%s: %s", err.where, err.text);
}

/* BoundaryFlags and DefaultSiteCode (configmgr-sdk 1.1). */
static void boundaries(void **state)
{
    static const struct {
        const char *site;
        bool slow;
        const char *codes; /* with a blank behind each */
    } rows[] = {
        {"sub A 10.1.1.0", false, ""},
        {"sub A 10.1.1.0 BoundaryFlags=0", false, ""},
        {"sub A 10.1.1.0 BoundaryFlags=1", true, ""},
        {"adsite A London BoundaryFlags=1 DefaultSiteCode=S01", true, "S01 "},
        {"range A 10.1.1.1-10.1.1.9 DefaultSiteCode=S01,S02", false, "S01 S02 "},
        {"prefix A 2001:db8:: DefaultSiteCode=,S01,,", false, "S01 "},
        {"vpn A Auto:On DefaultSiteCode=", false, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        struct buf codes = {0};
        read_site(&estate, rows[i].site, NULL);
        const struct site_boundary *boundary = &estate.site.boundaries[0];
        assert_int_equal(boundary->slow, rows[i].slow);
        buf_append_text(&codes, "");
        for (size_t j = 0; j < boundary->site_code_count; j++)
            buf_format(&codes, "%s ", boundary->site_codes[j]);
        assert_string_equal(codes.len ? codes.data : "", rows[i].codes);
        buf_free(&codes);
        estate_free(&estate);
    }
}

/* An array of texts, as JSON has it, and one of empty ones. */
static void site_code_arrays(void **state)
{
    static const char json[] =
        "[{\"__CLASS\": \"SMS_Boundary\", \"BoundaryID\": 1, \"BoundaryType\": 1,"
        " \"Value\": \"London\", \"BoundaryFlags\": 1, \"DefaultSiteCode\": [\"S01\", \"\","
        " \"S02\"]},"
        "{\"__CLASS\": \"SMS_Boundary\", \"BoundaryID\": 2, \"BoundaryType\": 1,"
        " \"Value\": \"Paris\", \"BoundaryFlags\": 0, \"DefaultSiteCode\": [\"\"]}]";
    (void)state;
    struct policy policy = {.document_count = 0};
    struct site site;
    struct error err = {0};
    if (!policy_read_bytes(&policy, "e.json", json, sizeof json - 1, &err) ||
        !policy_settle(&policy, &err) || !site_read(&site, &policy, &err))
        fail_msg("%s: %s", err.where, err.text);
    assert_int_equal(site.boundary_count, 2);
    assert_true(site.boundaries[0].slow);
    assert_int_equal(site.boundaries[0].site_code_count, 2);
    assert_string_equal(site.boundaries[0].site_codes[0], "S01");
    assert_string_equal(site.boundaries[0].site_codes[1], "S02");
    assert_false(site.boundaries[1].slow);
    assert_int_equal(site.boundaries[1].site_code_count, 0);
    policy_free(&policy);
}

/* "name/slow " for each server of a group, in the order of the DPs. */
static void append_servers(struct buf *text, const struct estate *estate, int64_t id)
{
    const struct site_group *group = site_find_group(&estate->site, id);
    assert_non_null(group);
    for (size_t i = 0; i < group->dp_count; i++)
        buf_format(text, "%.2s%s ", estate->site.dps[group->dps[i]].name,
                   group->slow[i] ? "/slow" : "");
    buf_append_text(text, "| ");
}

/* SMS_BoundaryGroupSiteSystems.Flags of each pair, however the rows come. */
static void slow_servers(void **state)
{
    static const struct {
        const char *site, *servers; /* of groups A and B */
    } rows[] = {
        {"group A; group B; dp d1 A B", "d1 | d1 | "},
        {"group A; group B; dp d1 A/slow B", "d1/slow | d1 | "},
        {"group A; group B; dp d1 A B/slow", "d1 | d1/slow | "},
        {"group B; group A; dp d3 A/slow B; dp d1 A B/slow; dp d2 B A", "d1 d2 d3/slow | "
                                                                        "d1/slow d2 d3 | "},
        {"group A; group B; dp d1 B/slow; dp d2 B", "| d1/slow d2 | "},
        {"group A; group B; dp d1 Q/slow A; dp d2 A/slow", "d1 d2/slow | | "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        struct buf servers = {0};
        read_site(&estate, rows[i].site, NULL);
        append_servers(&servers, &estate, 'A');
        append_servers(&servers, &estate, 'B');
        assert_string_equal(servers.data, rows[i].servers);
        buf_free(&servers);
        estate_free(&estate);
    }
}

/* What is not said is not known: neither true nor false. */
static void dp_facts(void **state)
{
    static const struct {
        const char *dp;
        int forest_trust, allow_fallback, bits_enabled;
    } rows[] = {
        {"dp d1", -1, -1, -1},
        {"dp d1 BitsEnabled=true", -1, -1, 1},
        {"dp d1 BitsEnabled=0", -1, -1, 0},
        {"dp d1; ours d1 ForestTrust=1", 1, -1, -1},
        {"dp d1; ours d1 ForestTrust=FALSE", 0, -1, -1},
        {"dp d1; ours d1 AllowFallback=true", -1, 1, -1},
        {"dp d1; ours d1 AllowFallback=false", -1, 0, -1},
        {"dp d1 BitsEnabled=1; ours d1 BitsEnabled=0 ForestTrust=0", 0, -1, 1},
        {"ours d1 AllowFallback=1", -1, 1, -1},
        {"dp d2 ForestTrust=1 AllowFallback=1", -1, -1, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        read_site(&estate, rows[i].dp, NULL);
        assert_int_equal(estate.site.dp_count, 1);
        const struct site_dp *dp = &estate.site.dps[0];
        assert_int_equal(dp->forest_trust, rows[i].forest_trust);
        assert_int_equal(dp->allow_fallback, rows[i].allow_fallback);
        assert_int_equal(dp->bits_enabled, rows[i].bits_enabled);
        assert_int_equal(dp->internet_shared, -1);
        estate_free(&estate);
    }
}

/* The kinds of deployments whose options stand elsewhere, or that have rules of their own. */
static void deployment_kinds(void **state)
{
    static const struct {
        const char *site;
        bool is_application, is_task_sequence;
    } rows[] = {
        {"SMS_Advertisement AdvertisementID=x PackageID=P1; SMS_Package PackageID=P1", false,
         false},
        {"SMS_Advertisement AdvertisementID=x PackageID=P1; SMS_TaskSequencePackage PackageID=p1",
         false, true},
        {"SMS_Advertisement AdvertisementID=x PackageID=P2; SMS_TaskSequencePackage PackageID=P1",
         false, false},
        {"SMS_Advertisement AdvertisementID=x; SMS_TaskSequencePackage PackageID=P1", false, false},
        {"SMS_ApplicationAssignment AssignmentID=x", true, false},
        {"SMS_UpdatesAssignment AssignmentID=x", false, false},
        {"NP_Deployment ContentID=x; SMS_TaskSequencePackage PackageID=x", false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        read_site(&estate, rows[i].site, NULL);
        const struct site_deployment *found = site_find_deployment(&estate.site, "X");
        assert_non_null(found);
        assert_int_equal(found->is_application, rows[i].is_application);
        assert_int_equal(found->is_task_sequence, rows[i].is_task_sequence);
        estate_free(&estate);
    }
}

#define LINKED(package)                                    \
    "SMS_Content ContentUniqueID=Content_c;"               \
    "SMS_ContentPackage PackageID=P1 PkgFlags=1073741824;" \
    "SMS_PackageToContent ContentUniqueID=Content_c PackageID=" package

/* PkgFlags bit 30, content on demand, is that of the package around the content. */
static void package_flags(void **state)
{
    static const struct {
        const char *site, *content;
        int64_t flags;
    } rows[] = {
        {"package 3", ESTATE_PACKAGE, 0},
        {"package 3 PkgFlags=1073741824", ESTATE_PACKAGE, 1073741824},
        {LINKED("P1"), "Content_c", 1073741824},
        {LINKED("P2"), "Content_c", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        read_site(&estate, rows[i].site, NULL);
        const struct site_content *content = site_find_content(&estate.site, rows[i].content, NULL);
        assert_non_null(content);
        assert_int_equal(content->flags, rows[i].flags);
        estate_free(&estate);
    }
}

/* Structural errors, as those of other properties. */
static void refusals(void **state)
{
    static const struct {
        const char *good, *bad;
    } rows[] = {
        {"sub A 10.1.1.0 BoundaryFlags=1", "sub A 10.1.1.0 BoundaryFlags=2"},
        {"sub A 10.1.1.0 BoundaryFlags=0", "sub A 10.1.1.0 BoundaryFlags=slow"},
        {"group A; dp d1; SMS_BoundaryGroupSiteSystems GroupID=65 Flags=1 ServerNALPath=",
         "group A; dp d1; SMS_BoundaryGroupSiteSystems GroupID=65 Flags=-1 ServerNALPath="},
        {"dp d1 BitsEnabled=1", "dp d1 BitsEnabled=2"},
        {"dp d1; ours d1 ForestTrust=1", "dp d1; ours d1 ForestTrust=maybe"},
        {"dp d1; ours d1 AllowFallback=0", "dp d1; ours d1 AllowFallback=-2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        struct error err = {0};
        struct buf good = {0}, bad = {0};
        char nal[256] = "";
        if (strstr(rows[i].good, "NALPath"))
            estate_nal(nal, "d1");
        buf_format(&good, "%s%s", rows[i].good, nal);
        buf_format(&bad, "%s%s", rows[i].bad, nal);
        const char *const read[] = {good.data, NULL}, *const refused[] = {bad.data, NULL};
        if (!estate_read(&estate, read, &err))
            fail_msg("%s: %s", rows[i].good, err.text);
        estate_free(&estate);
        if (estate_read(&estate, refused, &err))
            fail_msg("'%s' was read", rows[i].bad);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_int_equal(strncmp(err.where, "p0.xml:", 7), 0);
        buf_free(&good);
        buf_free(&bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries),       cmocka_unit_test(site_code_arrays),
        cmocka_unit_test(slow_servers),     cmocka_unit_test(dp_facts),
        cmocka_unit_test(deployment_kinds), cmocka_unit_test(package_flags),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

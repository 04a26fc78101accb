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

/* Another bit says nothing of a server's speed; no Flags are fast. */
static void server_flags(void **state)
{
    static const struct {
        const char *flags;
        bool slow;
    } rows[] = {
        {"", false}, {"Flags=0", false}, {"Flags=1", true}, {"Flags=2", false}, {"Flags=3", true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        struct buf text = {0};
        char nal[256];
        estate_nal(nal, "d1");
        buf_format(&text,
                   "group A; dp d1; SMS_BoundaryGroupSiteSystems GroupID=65 %s "
                   "ServerNALPath=%s",
                   rows[i].flags, nal);
        read_site(&estate, text.data, NULL);
        assert_int_equal(estate.site.groups[0].dp_count, 1);
        assert_int_equal(estate.site.groups[0].slow[0], rows[i].slow);
        buf_free(&text);
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

#define GUID "6f1d2c3b-8a4e-4d5f-9b60-71c2d3e4f506"
#define APP  "Content_" GUID

#define CONTENT_2 "SMS_Content ContentUniqueID=" APP " ContentVersion=2;"

/* A deployment type whose document holds the elements. */
#define TYPE(elements)                                                                    \
    "SMS_DeploymentType CI_ID=1 SDMPackageXML=<AppMgmtDigest~xmlns=\"urn:x\"><Installer>" \
    "<Contents>" elements "</Contents></Installer></AppMgmtDigest>"
#define ELEMENT(attributes, children) "<Content~" attributes ">" children "</Content>"
#define OF(children)                  TYPE(ELEMENT("ContentId=\"" APP "\"~Version=\"2\"", children))

#define NAME(id, version) "ContentId=\"" id "\"~Version=\"" version "\""
#define DO_NOTHING        "<OnSlowNetwork>DoNothing</OnSlowNetwork>"
#define DOWNLOAD          "<OnSlowNetwork>Download</OnSlowNetwork>"
#define FALLBACK          "<FallbackToUnprotectedDP>true</FallbackToUnprotectedDP>"

/* A deployment type of that version of the item whose document holds one option. */
#define VERSION(version, children)          \
    "SMS_DeploymentType CIVersion=" version \
    " SDMPackageXML=<x>" ELEMENT(NAME(APP, "2"), children) "</x>"

enum { KNOWN = 1, SLOW = 2, FALLS_BACK = 4 };

static const struct option_row {
    const char *site;
    int options;
} option_rows[] = {
    /* The words (configmgr-sdk 5.3). */
    {CONTENT_2 OF(DO_NOTHING), KNOWN},
    {CONTENT_2 OF(DOWNLOAD), KNOWN | SLOW},
    {CONTENT_2 OF("<OnSlowNetwork>DownloadContentForStreaming</OnSlowNetwork>"), KNOWN | SLOW},
    {CONTENT_2 OF(""), KNOWN | SLOW},
    {CONTENT_2 OF("<OnFastNetwork>DoNothing</OnFastNetwork>"), KNOWN | SLOW},
    {CONTENT_2 OF(DO_NOTHING FALLBACK), KNOWN | FALLS_BACK},
    {CONTENT_2 OF(FALLBACK), KNOWN | SLOW | FALLS_BACK},
    {CONTENT_2 OF("<FallbackToUnprotectedDP>false</FallbackToUnprotectedDP>"), KNOWN | SLOW},
    {CONTENT_2 OF("<OnSlowNetwork>~~DoNothing~</OnSlowNetwork>"), KNOWN},
    {CONTENT_2 OF("<OnSlowNetwork>Do<b>not</b>Nothing</OnSlowNetwork>"), KNOWN},
    {CONTENT_2 "SMS_DeploymentType SDMPackageXML=<x>" ELEMENT(NAME(APP, "2"), DO_NOTHING) "and</x>",
     KNOWN},
    {CONTENT_2 OF("<File~Name=\"a\"/><Location>x</Location>" DO_NOTHING "<PinOnClient>true"
                  "</PinOnClient>"),
     KNOWN},
    {CONTENT_2 OF("<Other>" DO_NOTHING "</Other>"), KNOWN | SLOW},
    {CONTENT_2 TYPE(ELEMENT(NAME(APP, "2"), "") DO_NOTHING), KNOWN | SLOW},

    /* Which content is meant. */
    {CONTENT_2 TYPE(ELEMENT(NAME(APP, "1"), DO_NOTHING)), 0},
    {CONTENT_2 TYPE(ELEMENT("ContentId=\"" APP "\"", DO_NOTHING)), KNOWN},
    {CONTENT_2 TYPE(ELEMENT("ContentId=\"" GUID "\"", DO_NOTHING)), KNOWN},
    {CONTENT_2 TYPE(ELEMENT("ContentId=\"UID:" APP "\"", DO_NOTHING)), KNOWN},
    {CONTENT_2 TYPE(
         ELEMENT("ContentId=\"content_6F1D2C3B-8A4E-4D5F-9B60-71C2D3E4F506\"", DO_NOTHING)),
     KNOWN},
    {CONTENT_2 TYPE(ELEMENT("ContentId=\"" APP "0\"", DO_NOTHING)), 0},
    {CONTENT_2 TYPE(ELEMENT("ContentId=\"" APP "/2\"", DO_NOTHING)), KNOWN},
    {CONTENT_2 TYPE(ELEMENT("ContentId=\"" APP ".2\"", DO_NOTHING)), KNOWN},
    {CONTENT_2 TYPE(ELEMENT("ContentId=\"" APP "/3\"", DO_NOTHING)), 0},
    {CONTENT_2 TYPE(ELEMENT("Id=\"" APP "\"", DO_NOTHING)), 0},
    {CONTENT_2 TYPE("<Item~ContentId=\"" APP "\">" DO_NOTHING "</Item>"), 0},
    {CONTENT_2 TYPE(ELEMENT("ContentId=\"Content_other\"", DO_NOTHING)), 0},
    {"SMS_Content ContentUniqueID=" APP ";" TYPE(ELEMENT(NAME(APP, "7"), DO_NOTHING)), KNOWN},
    {"SMS_Content ContentUniqueID=" APP ";" TYPE(ELEMENT(NAME(APP, "x"), DO_NOTHING)), 0},
    /* A mention without options is none; the first that has them counts. */
    {CONTENT_2 TYPE(ELEMENT(NAME(APP, "2"), "") ELEMENT(NAME(APP, "2"), DO_NOTHING)), KNOWN},
    {CONTENT_2 TYPE(ELEMENT(NAME(APP, "2"), DO_NOTHING) ELEMENT(NAME(APP, "2"), DOWNLOAD)), KNOWN},
    {CONTENT_2 TYPE(ELEMENT(NAME("Content_a", "2"), DOWNLOAD) ELEMENT(NAME(APP, "2"), DO_NOTHING)),
     KNOWN},

    /* Which deployment type counts. */
    {CONTENT_2, 0},
    {CONTENT_2 "SMS_DeploymentType ContentId=" APP, 0},
    {CONTENT_2 "SMS_DeploymentType ContentId=" APP " SDMPackageXML=", 0},
    {CONTENT_2 "SMS_DeploymentType ContentId=" APP " SDMPackageXML=<x/>", 0},
    {CONTENT_2 OF(DO_NOTHING) ";" OF(DOWNLOAD), KNOWN | SLOW},
    {CONTENT_2 OF(DOWNLOAD) ";" OF(DO_NOTHING), KNOWN},
    {CONTENT_2 OF(DO_NOTHING) ";" TYPE(ELEMENT(NAME(APP, "1"), DOWNLOAD)), KNOWN},
    {CONTENT_2 VERSION("3", DO_NOTHING) ";" VERSION("2", DOWNLOAD), KNOWN},
    {CONTENT_2 VERSION("2", DO_NOTHING) ";" VERSION("3", DOWNLOAD), KNOWN | SLOW},
    {CONTENT_2 VERSION("3", DO_NOTHING) ";" VERSION("3", DOWNLOAD), KNOWN | SLOW},
    {CONTENT_2 VERSION("0", DO_NOTHING) ";" OF(DOWNLOAD), KNOWN},
};

static void content_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof option_rows / sizeof option_rows[0]; i++) {
        const struct option_row *row = &option_rows[i];
        struct estate estate;
        struct site_content_options options;
        struct error err = {0};
        read_site(&estate, row->site, NULL);
        const struct site_content *content = site_find_content(&estate.site, APP, NULL);
        assert_non_null(content);
        if (!site_find_content_options(&estate.site, content, &options, &err))
            fail_msg("%s: %s: %s", row->site, err.where, err.text);
        int found = (options.known ? KNOWN : 0) | (options.slow ? SLOW : 0) |
                    (options.fallback ? FALLS_BACK : 0);
        if (found != row->options)
            fail_msg("%s: %d", row->site, found);
        assert_int_equal(options.instance != NULL, options.known);
        estate_free(&estate);
    }
}

/* The later of two documents; the instance is the one that counts. */
static void later_document(void **state)
{
    (void)state;
    struct estate estate;
    struct site_content_options options;
    read_site(&estate, CONTENT_2 OF(DOWNLOAD FALLBACK), OF(DO_NOTHING));
    const struct site_content *content = site_find_content(&estate.site, APP, NULL);
    assert_true(site_find_content_options(&estate.site, content, &options, NULL));
    assert_false(options.slow);
    assert_false(options.fallback);
    assert_string_equal(options.instance->document->path, "p1.xml");
    estate_free(&estate);
}

/* Read when asked for: a malformed one of another content does no harm. */
static void malformed_types(void **state)
{
    static const struct {
        const char *good, *bad;
    } rows[] = {
        {OF(FALLBACK), OF("<FallbackToUnprotectedDP>yes</FallbackToUnprotectedDP>")},
        {OF(DO_NOTHING), OF("<OnSlowNetwork>DoNothing")},
        {"SMS_DeploymentType ContentId=Content_a SDMPackageXML=nonsense",
         "SMS_DeploymentType ContentId=" APP " SDMPackageXML=nonsense"},
        {"SMS_DeploymentType ContentId=" APP "/1 SDMPackageXML=nonsense",
         "SMS_DeploymentType ContentId=" APP "/2 SDMPackageXML=nonsense"},
        {"SMS_DeploymentType SDMPackageXML=<x>", "SMS_DeploymentType SDMPackageXML=<x~" GUID ">"},
        {"SMS_DeploymentType CIVersion=1 SDMPackageXML=<x>" GUID "</x>",
         "SMS_DeploymentType CIVersion=-1 SDMPackageXML=<x>" GUID "</x>"},
        {OF(DO_NOTHING), "SMS_DeploymentType SDMPackageXML=<!DOCTYPE~x><x>" GUID "</x>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        struct site_content_options options;
        struct error err = {0};
        read_site(&estate, CONTENT_2, rows[i].good);
        const struct site_content *content = site_find_content(&estate.site, APP, NULL);
        if (!site_find_content_options(&estate.site, content, &options, &err))
            fail_msg("%s: %s", rows[i].good, err.text);
        estate_free(&estate);
        read_site(&estate, CONTENT_2, rows[i].bad);
        content = site_find_content(&estate.site, APP, NULL);
        if (site_find_content_options(&estate.site, content, &options, &err))
            fail_msg("'%s' was read", rows[i].bad);
        assert_int_equal(err.kind, ERROR_INPUT);
        if (strncmp(err.where, "p1.xml:2", 8) != 0)
            fail_msg("'%s' is refused at '%s'", rows[i].bad, err.where);
        estate_free(&estate);
    }
}

/* As ConfigMgr writes it: a declaration of UTF-16, namespaces, much beside the contents. */
static void real_form(void **state)
{
    static const char xml[] =
        "<?xml~version=\"1.0\"~encoding=\"utf-16\"?>\r<AppMgmtDigest~"
        "xmlns=\"http://schemas.microsoft.com/SystemCenterConfigurationManager/2009/"
        "AppMgmtDigest\"~xmlns:i=\"urn:i\"><DeploymentType~Version=\"4\"><Title>Tool</Title>"
        "<Installer~Technology=\"Script\"><ExecuteTime>0</ExecuteTime><CustomData>"
        "<InstallContent~ContentId=\"" APP "\"~Version=\"2\"/></CustomData><Contents>"
        "<Content~ContentId=\"" APP "\"~Version=\"2\"><File~Name=\"setup.exe\"~Size=\"10\"/>"
        "<Location>\\\\server\\share\\</Location><PeerCache>true</PeerCache>"
        "<OnFastNetwork>Download</OnFastNetwork><OnSlowNetwork>DoNothing</OnSlowNetwork>"
        "<FallbackToUnprotectedDP>true</FallbackToUnprotectedDP></Content></Contents></Installer>"
        "</DeploymentType></AppMgmtDigest>";
    (void)state;
    struct estate estate;
    struct site_content_options options;
    struct buf text = {0};
    buf_format(&text, CONTENT_2 "SMS_DeploymentType ContentId=" APP " SDMPackageXML=%s", xml);
    read_site(&estate, text.data, NULL);
    const struct site_content *content = site_find_content(&estate.site, APP, NULL);
    assert_true(site_find_content_options(&estate.site, content, &options, NULL));
    assert_true(options.known);
    assert_false(options.slow);
    assert_true(options.fallback);
    buf_free(&text);
    estate_free(&estate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundaries),      cmocka_unit_test(site_code_arrays),
        cmocka_unit_test(slow_servers),    cmocka_unit_test(server_flags),
        cmocka_unit_test(dp_facts),        cmocka_unit_test(deployment_kinds),
        cmocka_unit_test(package_flags),   cmocka_unit_test(refusals),
        cmocka_unit_test(content_options), cmocka_unit_test(later_document),
        cmocka_unit_test(malformed_types), cmocka_unit_test(real_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

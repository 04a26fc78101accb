/* Instances → the site: joins, names of a content, URLs, presence, doubles, refusals. */
#include "policy/base/text.h"
#include "tests/unit/estate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define GUID "6f1d2c3b-8a4e-4d5f-9b60-71c2d3e4f506"
#define APP  "Content_" GUID

static void read_site(struct estate *estate, const char *first, const char *second)
{
    const char *const texts[] = {first, second, NULL};
    struct error err = {0};
    if (!estate_read(estate, texts, &err))
        fail_msg("%s: %s", err.where, err.text);
}

static const struct site_dp *only_dp(const struct estate *estate)
{
    assert_int_equal(estate->site.dp_count, 1);
    return &estate->site.dps[0];
}

/* Structural errors: exit 3, the document and line named. Each row has a twin that is read. */
static void refusals(void **state)
{
    static const struct {
        const char *good, *bad;
    } rows[] = {
        {"sub A 10.1.1.0", "sub A 10.1.1.x"},
        {"range A 10.1.1.1-10.1.1.9", "range A 10.1.1.9-10.1.1.1"},
        {"SMS_Boundary BoundaryID=1 BoundaryType=1 Value=London",
         "SMS_Boundary BoundaryID=1 BoundaryType=5 Value=London"},
        {"SMS_Boundary BoundaryID=1 BoundaryType=1 Value=London",
         "SMS_Boundary BoundaryID=1 BoundaryType=1"},
        {"SMS_Boundary BoundaryID=1 BoundaryType=1 Value=London",
         "SMS_Boundary BoundaryType=1 Value=London"},
        {"SMS_BoundaryGroup GroupID=4294967295 Name=x",
         "SMS_BoundaryGroup GroupID=4294967296 Name=x"},
        {"SMS_BoundaryGroup GroupID=1 Name=x", "SMS_BoundaryGroup GroupID=one Name=x"},
        {"link A B -1", "link A B -2"},
        {"link A B 4294967295", "link A B 4294967296"},
        {"dp d1", "dp d/1"},
        {"dp d1 ServerName=d1.contoso.test", "dp d1 ServerName=d1..contoso.test"},
        {"dp d1; cloud d1 c.contoso.test", "dp d1; cloud d1 c.contoso.test:80"},
        {"dp d1; role d1 ServerRemoteName=r.contoso.test", "dp d1; role d1 ServerRemoteName=r@x"},
        {"dp d1; ours d1 Kind=workstation", "dp d1; ours d1 Kind=toaster"},
        {"dp d1; ours d1 Addresses=10.1.1.1/24", "dp d1; ours d1 Addresses=10.1.1.1/33"},
        {"dp d1; ours d1 BaseURL=http://h:81/x", "dp d1; ours d1 BaseURL=http://h:81x/x"},
        {"dp d1; ours d1 BaseURL=http://h/x", "dp d1; ours d1 BaseURL=http://user:word@h/x"},
        {"dp d1; ours d1 BaseURL=http://h/x", "dp d1; ours d1 BaseURL=http://h/x?token"},
        {"dp d1; ours d1 BaseURL=http://[2001:db8::1]:81/", "dp d1; ours d1 BaseURL=http://[x]/"},
        {"SMS_Package PackageID=PS100001", "SMS_Package PackageID=PS1/00001"},
        {"SMS_Package PackageID=PS100001", "SMS_Package PackageID=PS1..0001"},
        {"SMS_Content ContentUniqueID=" APP, "SMS_Content ContentUniqueID=../x"},
        {"NP_HierarchyRules Rules=2012", "NP_HierarchyRules Rules=2013"},
        {"SMS_Advertisement AdvertisementID=x RemoteClientFlags=1",
         "SMS_Advertisement AdvertisementID=x RemoteClientFlags=-1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        struct error err = {0};
        const char *const good[] = {rows[i].good, NULL}, *const bad[] = {rows[i].bad, NULL};
        if (!estate_read(&estate, good, &err))
            fail_msg("%s: %s", rows[i].good, err.text);
        estate_free(&estate);
        if (estate_read(&estate, bad, &err))
            fail_msg("'%s' was read", rows[i].bad);
        assert_int_equal(err.kind, ERROR_INPUT);
        if (strncmp(err.where, "p0.xml:", 7) != 0)
            fail_msg("'%s' is refused at '%s'", rows[i].bad, err.where);
    }
}

/* A folder's name and a DP's root make the content's URL (policy model: A DP's URL). */
static void urls(void **state)
{
    static const struct {
        const char *dp, *content, *url;
    } rows[] = {
        {"dp d1", "PKG00001", "http://d1.contoso.test/SMS_DP_SMSPKG$/PKG00001"},
        {"dp d1 Communication=1", "PKG00001", "https://d1.contoso.test/SMS_DP_SMSPKG$/PKG00001"},
        {"dp d1; role d1 ServerRemoteName=d.other.test", "PKG00001",
         "http://d.other.test/SMS_DP_SMSPKG$/PKG00001"},
        {"dp d1", APP, "http://d1.contoso.test/SMS_DP_SMSPKG$/" APP ".2"},
        {"dp d1", GUID, "http://d1.contoso.test/SMS_DP_SMSPKG$/" APP ".2"},
        {"dp d1", "{b}", "http://d1.contoso.test/SMS_DP_SMSPKG$/%7Bb%7D"},
        {"dp d1; cloud d1 c.contoso.test", "PKG00001", "https://c.contoso.test/content-pkg00001"},
        {"dp d1; cloud d1 c.contoso.test", "{b}", "https://c.contoso.test/content-b-"},
        {"dp d1; ours d1 BaseURL=http://h:81/contents", "PKG00001",
         "http://h:81/contents/PKG00001"},
        {"dp d1; ours d1 BaseURL=http://h:81/contents/", "PKG00001",
         "http://h:81/contents/PKG00001"},
        {"dp d1; ours d1 BaseURL=https://h/{content}", APP, "https://h/" APP ".2"},
        {"dp d1; ours d1 BaseURL=https://h/{content}/v{version}/x", "PKG00001",
         "https://h/PKG00001/v7/x"},
        {"dp d1 Communication=1; ours d1 BaseURL=http://h", "PKG00001", "http://h/PKG00001"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        read_site(&estate, rows[i].dp,
                  "package 7; SMS_Content ContentUniqueID=" APP " ContentVersion=2;"
                  "SMS_Package PackageID={b}");
        const struct site_content *content = site_find_content(&estate.site, rows[i].content, NULL);
        assert_non_null(content);
        assert_string_equal(site_url(&estate.site, content, only_dp(&estate)), rows[i].url);
        estate_free(&estate);
    }
}

static void container_length(void **state)
{
    (void)state;
    struct estate estate;
    read_site(&estate,
              "dp d1; cloud d1 c.contoso.test; SMS_Content ContentVersion=1 "
              "ContentUniqueID=" APP "-" GUID "-" GUID,
              NULL);
    const char *folder = site_folder(&estate.site, &estate.site.contents[0], only_dp(&estate));
    assert_int_equal(strlen(folder), 63);
    assert_string_equal(folder, "content-content-6f1d2c3b-8a4e-4d5f-9b60-71c2d3e4f506-6f1d2c3b-8");
    estate_free(&estate);
}

/* A DP's kind, unless NP_DistributionPoint says it (policy model: A DP's kind). */
static void kinds(void **state)
{
    static const struct {
        const char *dp;
        enum dp_kind kind;
    } rows[] = {
        {"dp d1", DP_SERVER},
        {"dp d1 ResourceType=Windows~NT~Server", DP_SERVER},
        {"dp d1 ResourceType=Windows~Azure", DP_CLOUD},
        {"dp d1; cloud d1 c.contoso.test", DP_CLOUD},
        {"dp d1 IsPullDP=TRUE", DP_PULL},
        {"dp d1 IsPullDP=0", DP_SERVER},
        {"dp d1 OperatingSystem=Microsoft~Windows~NT~Workstation~10.0", DP_WORKSTATION},
        {"dp d1 OperatingSystem=Microsoft~Windows~NT~Server~10.0", DP_SERVER},
        {"dp d1 OperatingSystem=Windows~11~Enterprise", DP_WORKSTATION},
        {"dp d1 IsPullDP=1; ours d1 Kind=server", DP_SERVER},
        {"dp d1; ours d1 Kind=library", DP_LIBRARY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        read_site(&estate, rows[i].dp, NULL);
        if (only_dp(&estate)->kind != rows[i].kind)
            fail_msg("%s: %s", rows[i].dp, dp_kind_word(only_dp(&estate)->kind));
        estate_free(&estate);
    }
}

/* NAL paths of all forms that are known (configmgr-sdk 2.3); joined without case. */
static void nal_paths(void **state)
{
    static const struct {
        const char *nal, *name;
    } rows[] = {
        {"[\"Display=\\\\DP01.contoso.com\\\"]MSWNET:[\"SMS_SITE=LAB\"]\\\\DP01.contoso.com\\",
         "DP01.contoso.com"},
        {"[\"Display=\\\\SERVER\\C$\\\"]MSWNET:[\"SMS_SITE=LAB\"]\\\\SERVER\\C$\\Store\\",
         "SERVER"},
        {"MSWNET:[\"SMS_SITE=LAB\"]\\\\10.1.2.3\\", "10.1.2.3"},
        {"[\"Display=https://c.contoso.test/\"]MSAZURE:", "c.contoso.test"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        struct buf text = {0};
        buf_format(&text, "SMS_DistributionPointInfo NALPath=%s", rows[i].nal);
        read_site(&estate, text.data, NULL);
        assert_string_equal(only_dp(&estate)->name, rows[i].name);
        estate_free(&estate);
        buf_free(&text);
    }
}

static void names_without_case(void **state)
{
    (void)state;
    struct estate estate;
    read_site(&estate, "group A; dp DP1 A", "ours dp1 BaseURL=http://h/; dp b2; dp C3");
    assert_int_equal(estate.site.dp_count, 3);
    const struct site_dp *dp = site_find_dp(&estate.site, "dp1.CONTOSO.test");
    assert_non_null(dp);
    assert_string_equal(dp->base_url, "http://h/");
    assert_true(site_group_has_dp(&estate.site, site_find_group(&estate.site, 'A'), dp));
    assert_false(site_group_has_dp(&estate.site, site_find_group(&estate.site, 'A'),
                                   site_find_dp(&estate.site, "b2.contoso.test")));
    assert_null(site_find_dp(&estate.site, "dp1"));
    estate_free(&estate);
}

/* Later in the order of reading holds, whole; equal doubles are not worth a word. */
static void doubles(void **state)
{
    (void)state;
    struct estate estate;
    read_site(&estate, "SMS_BoundaryGroup GroupID=65 Name=Old Flags=8",
              "SMS_BoundaryGroup GroupID=65 Name=New");
    assert_int_equal(estate.site.group_count, 1);
    assert_string_equal(estate.site.groups[0].name, "New");
    assert_int_equal(estate.site.groups[0].flags, 0);
    assert_int_equal(estate.policy.warning_count, 1);
    assert_string_equal(estate.policy.warnings[0].code, "DUPLICATE_OBJECT");
    assert_non_null(strstr(estate.policy.warnings[0].where, "p1.xml:"));
    assert_non_null(strstr(estate.policy.warnings[0].text, "p0.xml:"));
    estate_free(&estate);
    read_site(&estate, "group A 8", "group A 8");
    assert_int_equal(estate.site.group_count, 1);
    assert_int_equal(estate.policy.warning_count, 0);
    estate_free(&estate);
}

/* A default group that stands in both classes is one group, and a default one. */
static void default_groups(void **state)
{
    (void)state;
    struct estate estate;
    read_site(&estate,
              "SMS_BoundaryGroup GroupID=90 Name=x; default Z Default-Site-Boundary-Group<PS1>;"
              "default Y Default-Site-Boundary-GroupPS2; group A",
              "SMS_DefaultBoundaryGroup GroupID=66 Name=Renamed DefaultSiteCode=PS3");
    assert_int_equal(estate.site.group_count, 4);
    assert_string_equal(site_find_group(&estate.site, 'Z')->site_code, "PS1");
    assert_string_equal(site_find_group(&estate.site, 'Y')->site_code, "PS2");
    assert_string_equal(site_find_group(&estate.site, 'B')->site_code, "PS3");
    assert_false(site_find_group(&estate.site, 'A')->is_default);
    assert_null(site_find_group(&estate.site, 'A')->site_code);
    estate_free(&estate);
}

/* Rows that join to nothing are passed over; a server that only NP_DistributionPoint names is a
   distribution point. */
static void strangers(void **state)
{
    (void)state;
    struct estate estate;
    read_site(&estate,
              "group A; dp d1 A Q; SMS_BoundaryGroupMembers GroupID=65 BoundaryID=99;"
              "SMS_BoundaryGroupMembers GroupID=80 BoundaryID=99; sub A 10.1.1.0;"
              "SMS_BoundaryGroupSiteSystems GroupID=65 ServerNALPath=\\\\mp1\\; ours x9 Kind=pull",
              NULL);
    const struct site_group *group = site_find_group(&estate.site, 'A');
    assert_int_equal(group->boundary_count, 1);
    assert_int_equal(group->dp_count, 1);
    assert_int_equal(estate.site.dp_count, 2);
    assert_int_equal(site_find_dp(&estate.site, "x9.contoso.test")->kind, DP_PULL);
    estate_free(&estate);
}

#define CONTENTS                                                        \
    "SMS_Package PackageID=PS100001 Name=Tool SourceVersion=3;"         \
    "SMS_Package PackageID=PS100004 Name=Twin SourceVersion=1;"         \
    "SMS_Package PackageID=PS100005 Name=Twin SourceVersion=1;"         \
    "SMS_ContentPackage PackageID=PS100002 Name=Sheet SourceVersion=5;" \
    "SMS_Content ContentUniqueID=" APP " ContentVersion=2;"             \
    "SMS_Content ContentUniqueID=" APP " ContentVersion=3;"             \
    "SMS_PackageToContent ContentUniqueID=" APP " PackageID=PS100002"

/* CONTENT as people write it (policy model: Names of a content). */
static void content_names(void **state)
{
    static const struct {
        const char *asked, *id;
        int64_t version;
    } rows[] = {
        {"PS100001", "PS100001", 3},
        {"ps100001", "PS100001", 3},
        {"PS100001.3", "PS100001", 3},
        {"PS100001.2", NULL, 0},
        {"Tool", "PS100001", 3},
        {"tool", NULL, 0},
        {APP, APP, 3},
        {APP ".2", APP, 2},
        {APP ".3", APP, 3},
        {APP ".4", NULL, 0},
        {GUID, APP, 3},
        {GUID ".2", APP, 2},
        {"UID:" APP ".2", APP, 2},
        {"Sheet", APP, 3},
        {"PS100002", APP, 3},
        {"Twin", NULL, 0},
        {"PS1", NULL, 0},
        {"", NULL, 0},
    };
    (void)state;
    struct estate estate;
    read_site(&estate, CONTENTS, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct site_content *content = site_find_content(&estate.site, rows[i].asked, NULL);
        if ((content != NULL) != (rows[i].id != NULL))
            fail_msg("'%s': %s", rows[i].asked, content ? content->id : "not found");
        if (!content)
            continue;
        assert_string_equal(content->id, rows[i].id);
        assert_int_equal(content->version, rows[i].version);
    }
    estate_free(&estate);
}

static void content_errors(void **state)
{
    (void)state;
    struct estate estate;
    struct error err = {0};
    read_site(&estate, CONTENTS, NULL);
    assert_null(site_find_content(&estate.site, "Twin", &err));
    assert_int_equal(err.kind, ERROR_FAILED);
    assert_string_equal(err.code, "AMBIGUOUS");
    assert_non_null(strstr(err.text, "PS100004, PS100005"));
    assert_null(site_find_content(&estate.site, "nothing", &err));
    assert_string_equal(err.code, "UNKNOWN_CONTENT");
    estate_free(&estate);
}

/* The version wanted, never an older one in its place. */
static void manifests(void **state)
{
    static const struct {
        const char *site;
        int64_t version;
        const char *manifest; /* NULL: none in the version wanted */
    } rows[] = {
        {"SMS_Package PackageID=P SourceVersion=3; NP_Content ContentID=P Version=3 Manifest=three",
         3, "three"},
        {"SMS_Package PackageID=P SourceVersion=3; NP_Content ContentID=P Version=2 Manifest=two",
         3, NULL},
        {"SMS_Package PackageID=P; NP_Content ContentID=P Version=2 Manifest=two;"
         "NP_Content ContentID=P Version=10 Manifest=ten",
         10, "ten"},
        {"NP_Content ContentID=P Version=10 Manifest=ten; NP_Content ContentID=P Version=9 "
         "Manifest=nine",
         10, "ten"},
        {"SMS_Content ContentUniqueID=P ContentVersion=9; NP_Content ContentID=P Version=10 "
         "Manifest=ten",
         9, NULL},
        {"SMS_Content ContentUniqueID=P ContentVersion=9; NP_Content ContentID=p Version=9 "
         "Manifest=nine",
         9, "nine"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct estate estate;
        read_site(&estate, rows[i].site, NULL);
        assert_int_equal(estate.site.content_count, 1);
        const struct site_content *content = &estate.site.contents[0];
        assert_true(content->has_version);
        assert_int_equal(content->version, rows[i].version);
        assert_int_equal(content->has_manifest, rows[i].manifest != NULL);
        if (rows[i].manifest)
            assert_string_equal(content->manifest, rows[i].manifest);
        estate_free(&estate);
    }
}

static void content_kinds(void **state)
{
    (void)state;
    struct estate estate;
    read_site(&estate, "SMS_Package PackageID=PS100001; SMS_Content ContentUniqueID=" APP,
              "SMS_CIToContent ContentUniqueID=" GUID " ContentVersion=1;"
              "NP_ContentHash ContentID=Other Version=4 Hash=AB HashAlgorithm=32780");
    assert_int_equal(estate.site.content_count, 4);
    assert_int_equal(site_find_content(&estate.site, "PS100001", NULL)->kind, CONTENT_PACKAGE);
    assert_false(site_find_content(&estate.site, "PS100001", NULL)->has_version);
    assert_int_equal(site_find_content(&estate.site, APP, NULL)->kind, CONTENT_APPLICATION);
    assert_int_equal(estate.site.contents[0].kind, CONTENT_UPDATE);
    assert_string_equal(site_find_content(&estate.site, "Other", NULL)->hash, "AB");
    estate_free(&estate);
}

/* An application's folder carries its version: a newer one beside it does no harm. */
static void newer_application(void **state)
{
    (void)state;
    struct estate estate;
    read_site(&estate, CONTENTS "; dp d1",
              "SMS_PackageStatusDistPointsSummarizer PackageID=PS100002 State=0 SourceVersion=9 "
              "ServerNALPath=x");
    const struct site_content *content = site_find_content(&estate.site, APP ".2", NULL);
    struct site_dp dp = *only_dp(&estate);
    assert_int_equal(site_presence(&estate.site, &dp, content).presence, PRESENCE_NO);
    dp.nal_path = "X";
    assert_int_equal(site_presence(&estate.site, &dp, content).presence, PRESENCE_YES);
    assert_int_equal(site_presence(&estate.site, &dp, content).version, 9);
    estate_free(&estate);
}

static void addresses(void **state)
{
    (void)state;
    struct estate estate;
    read_site(&estate,
              "dp d1; SMS_R_System Name=D1 ResourceId=7 "
              "IPAddresses=10.1.1.9,fe80::1,2001:db8::9,nonsense IPSubnets=10.1.1.0 "
              "ADSiteName=London",
              NULL);
    const struct site_dp *dp = only_dp(&estate);
    assert_int_equal(dp->address_count, 2);
    assert_string_equal(dp->addresses[1].text, "2001:db8::9");
    assert_string_equal(dp->subnets[0], "10.1.1.0");
    assert_string_equal(dp->ad_site, "London");
    estate_free(&estate);
    read_site(&estate, "dp d1; SMS_R_System Name=D1 ResourceId=7 IPAddresses=10.1.1.9",
              "ours d1 Addresses=10.7.7.7/24 MaxConnections=5");
    dp = only_dp(&estate);
    assert_int_equal(dp->address_count, 1);
    assert_string_equal(dp->addresses[0].text, "10.7.7.7/24");
    assert_int_equal(dp->addresses[0].prefix, 24);
    assert_int_equal(dp->max_connections, 5);
    estate_free(&estate);
}

static void deployments(void **state)
{
    static const struct {
        const char *id;
        bool from_dp_locality;
        int64_t bits;
    } rows[] = {{"ps120001", false, 48}, {"PS120002", false, 80}, {"33", true, 80},
                {"34", true, 131152},    {"P1", true, 16},        {"P2", false, 64}};
    (void)state;
    struct estate estate;
    read_site(&estate,
              "SMS_Advertisement AdvertisementID=PS120001 PackageID=P1;"
              "SMS_Advertisement AdvertisementID=PS120002 RemoteClientFlags=80;"
              "SMS_UpdatesAssignment AssignmentID=33;"
              "SMS_ApplicationAssignment AssignmentID=34 DPLocality=131152;"
              "NP_Deployment ContentID=P1 DPLocality=16;"
              "NP_Deployment ContentID=P2 RemoteClientFlags=64",
              NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct site_deployment *found = site_find_deployment(&estate.site, rows[i].id);
        assert_non_null(found);
        assert_int_equal(found->from_dp_locality, rows[i].from_dp_locality);
        assert_int_equal(found->bits, rows[i].bits);
    }
    assert_null(site_find_deployment(&estate.site, "35"));
    estate_free(&estate);
}

static void empty(void **state)
{
    (void)state;
    struct estate estate;
    read_site(&estate, "", NULL);
    assert_int_equal(estate.site.dp_count + estate.site.group_count + estate.site.content_count, 0);
    assert_true(site_presence_assumed(&estate.site));
    assert_null(site_find_dp(&estate.site, "x"));
    assert_null(site_find_group(&estate.site, 1));
    assert_null(site_find_relationship(&estate.site, 1, 2));
    assert_null(site_find_deployment(&estate.site, "x"));
    assert_string_equal(estate.site.site_code, "PS1");
    estate_free(&estate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals),
        cmocka_unit_test(urls),
        cmocka_unit_test(container_length),
        cmocka_unit_test(kinds),
        cmocka_unit_test(nal_paths),
        cmocka_unit_test(names_without_case),
        cmocka_unit_test(doubles),
        cmocka_unit_test(default_groups),
        cmocka_unit_test(strangers),
        cmocka_unit_test(content_names),
        cmocka_unit_test(content_errors),
        cmocka_unit_test(manifests),
        cmocka_unit_test(content_kinds),
        cmocka_unit_test(newer_application),
        cmocka_unit_test(addresses),
        cmocka_unit_test(deployments),
        cmocka_unit_test(empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

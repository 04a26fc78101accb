/* policy check on contents, distribution point groups, limits, cloud services, settings and
   documents: each code with a small site that raises it, and a twin with one fact changed that does
   not. */
#include "policy/base/text.h"
#include "policy/secrets.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/checked.h"

#define GUID   "6f1d2c3b-8a4e-4d5f-9b60-71c2d3e4f506"
#define GUID_2 "00000000-8a4e-4d5f-9b60-71c2d3e4f506"
#define APP                                                                 \
    "SMS_ContentPackage PackageID=APP00001 Name=Timesheet SourceVersion=5;" \
    "SMS_Content ContentUniqueID=Content_" GUID " ContentVersion=2;"        \
    "SMS_PackageToContent PackageID=APP00001 ContentUniqueID=Content_" GUID ";"
#define NAL(dp) \
    "[\"Display=\\\\" dp ".contoso.test\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\" dp ".contoso.test\\"
#define MEMBER(group, dp) "SMS_DPGroupMembers GroupID=" group " DPNALPath=" NAL(dp) ";"
#define SENT(group, id)   "SMS_DPGroupPackages GroupID=" group " PkgID=" id ";"
#define ON(dp, id, state)                                 \
    "SMS_PackageStatusDistPointsSummarizer PackageID=" id \
    " ServerNALPath=" NAL(dp) " State=" state " SourceVersion=3;"
#define EUROPE "SMS_DistributionPointGroup GroupID={E} Name=Europe;"
/* A group whose one content is on both of its members, which serve one boundary group. */
#define BOTH                                                                       \
    "group A; dp d1 A; dp d2 A; package 3; has d1 0 3;" EUROPE MEMBER("{E}", "d1") \
        MEMBER("{E}", "d2") SENT("{E}", ESTATE_PACKAGE)

#define BEFORE \
    "SMS_DistributionPointGroup GroupID={D} Name=Before;" MEMBER("{D}", "d3") MEMBER("{D}", "d4")
#define TWO_GROUPS                                                                                \
    EUROPE MEMBER("{E}", "d1") MEMBER("{E}", "d2")                                                \
        SENT("{E}", ESTATE_PACKAGE) "SMS_DistributionPointGroup GroupID={F} Name=Second;" MEMBER( \
            "{F}", "d1") SENT("{F}", ESTATE_PACKAGE)
#define THIRD_GROUP                             \
    "SMS_Package PackageID=P2 SourceVersion=3;" \
    "SMS_DistributionPointGroup GroupID={G} Name=Third;" MEMBER("{G}", "d2") SENT("{G}", "P2")
/* One update in two packages, and one in a package that has no row of its own. */
#define UPDATES                                                                         \
    "SMS_SoftwareUpdatesPackage PackageID=U1; SMS_SoftwareUpdatesPackage PackageID=U2;" \
    "SMS_PackageToContent PackageID=U1 ContentUniqueID=" GUID ";"                       \
    "SMS_PackageToContent PackageID=U2 ContentUniqueID=" GUID ";"                       \
    "SMS_PackageToContent PackageID=L1 ContentUniqueID=" GUID_2 ";"

#define NOTHING_256 "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
#define NOTHING_1   "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"
#define MANIFEST(attributes, algorithm, hash)                                          \
    "NP_Content ContentID=PKG00001 Version=3 Manifest=<Content" attributes             \
    "><FileContent~Name=\"a\"~Size=\"0\"~HashAlgorithm=\"" algorithm "\"~Hash=\"" hash \
    "\"/></Content>;"
#define GOOD_MANIFEST MANIFEST("", "SHA256", NOTHING_256)

#define CLOUD "dp d1; cloud d1 cloud.contoso.test;"

/* Every class that an answer needs, but for what is where and for the sites. */
#define SMALL                                                                             \
    "dp d1 A; role d1; group A; default Z Z<PS1>; sub A 10.1.1.0; link A Z 5; package 3;" \
    "SMS_R_System Name=a; SMS_Advertisement AdvertisementID=x;"
#define WHOLE "has d1 0 3; SMS_Site SiteCode=PS1;"

static const struct check_case cases[] = {
    /* Cloud services. */
    {"CLOUD_NEVER_ALLOWED", FINDING_WARNING, CLOUD "SMS_CloudAgentConfig AllowCloudDP=false",
     CLOUD "SMS_CloudAgentConfig AllowCloudDP=true", "setting 'AllowCloudDP'",
     "cloud distribution point d1.contoso.test;"},
    {"CLOUD_NEVER_ALLOWED", FINDING_WARNING, CLOUD, "dp d1", "AllowCloudDP", "d1.contoso.test"},
    {"CLOUD_NEVER_ALLOWED", FINDING_WARNING, CLOUD "dp d2 ResourceType=Windows~Azure",
     CLOUD "dp d2 ResourceType=Windows~Azure; CCM_Whatever AllowCloudDP=1", "AllowCloudDP",
     "points d1.contoso.test, d2.contoso.test;"},
    {"CLOUD_NO_NAME", FINDING_WARNING, "dp d1 ResourceType=Windows~Azure", CLOUD,
     "distribution point d1.contoso.test", "'d1.contoso.test' of its NAL path"},
    {"CLOUD_NO_NAME", FINDING_WARNING, "dp d1 ResourceType=Windows~Azure",
     "dp d1 ResourceType=Windows~Azure; ours d1 BaseURL=https://cloud.contoso.test", "d1",
     "export"},
    {"CLOUD_NO_NAME", FINDING_WARNING, "dp d1 ResourceType=Windows~Azure",
     "dp d1 ResourceType=Windows~NT~Server", "d1", "export"},

    /* Where contents are. */
    {"CONTENT_NO_DP", FINDING_WARNING, "dp d1; package 3; has d1 4 3",
     "dp d1; package 3; has d1 0 3", "content PKG00001", "no distribution point has it (of 1)"},
    {"CONTENT_NO_DP", FINDING_WARNING, "dp d1; dp d2; package 3; has d1 1 3; has d2 3 3",
     "dp d1; dp d2; package 3; has d1 1 3; has d2 7 3", "content PKG00001",
     "on its way to 1 and failed on 1"},
    {"CONTENT_NO_DP", FINDING_WARNING, "dp d1; package 3; has d9 0 3",
     "dp d1; dp d9; package 3; has d9 0 3", "PKG00001", "distribute"},
    {"CONTENT_NO_DP", FINDING_WARNING, "dp d1; package 3; sent d1 3; SMS_DPContentInfo PackageID=x",
     "dp d1; package 3; sent d1 2", "PKG00001", "distribute"},
    {"CONTENT_NO_DP", FINDING_WARNING,
     "dp d1; has d1 0 1; SMS_Package PackageID=PS1 Name=Tools SourceVersion=1",
     "dp d1; has d1 0 1; SMS_Package PackageID=PS1 SourceVersion=1 PkgSourceFlag=1",
     "content PS1 'Tools'", "so no machine can get it; distribute it"},
    {"CONTENT_NO_DP", FINDING_WARNING,
     "dp d1; has d1 0 1; SMS_Package PackageID=PS1 SourceVersion=1 PkgFlags=16777216",
     "dp d1; has d1 0 1; SMS_Package PackageID=PS1 SourceVersion=1 PkgFlags=268435456", "PS1", ""},
    {"CONTENT_NO_DP", FINDING_WARNING,
     "dp d1; has d1 0 1; SMS_TaskSequencePackage PackageID=PS1 PackageType=0",
     "dp d1; has d1 0 1; SMS_TaskSequencePackage PackageID=PS1 PackageType=4", "PS1", ""},
    {"CONTENT_NO_DP", FINDING_WARNING,
     "dp d1; has d1 0 1; SMS_Package PackageID=PS1 SourceVersion=1;"
     "SMS_Advertisement AdvertisementID=PS120001 PackageID=PS1",
     "dp d1; package 3", "PS1", "the deployment PS120001 asks for it"},
    {"CONTENT_NO_DP", FINDING_WARNING, "dp d1; has d1 0 1;" APP,
     "dp d1; has d1 0 1;" APP "SMS_DPContentInfo PackageID=APP00001 NALPath=" NAL("d1"),
     "content Content_" GUID ".2 'Timesheet'", "distribute"},
    {"CONTENT_NO_DP", FINDING_WARNING, "dp d1; package 3; has d1 2 3",
     "dp d1; package 3; has d1 0 2", "content PKG00001", "on its way to 1"},
    {"CONTENT_NO_DP", FINDING_WARNING, "dp d1; package 3; has d1 3 3",
     "dp d1; package 3; has d1 0 4", "content PKG00001", "it failed on 1"},
    {"CONTENT_NO_DP", FINDING_WARNING, "dp d1; package 3; has d9 0 3", "package 3; has d9 0 3",
     "content PKG00001", "distribute"},
    {"CONTENT_OLD_ONLY", FINDING_WARNING, "dp d1; dp d2; package 4; has d1 0 2; has d2 0 3",
     "dp d1; dp d2; package 4; has d1 0 2; has d2 0 4", "content PKG00001",
     "version 4 is wanted and on no distribution point; older ones are on 2, the newest is 3"},
    {"CONTENT_OLD_ONLY", FINDING_WARNING, "dp d1; package 4; has d1 8 3",
     "dp d1; package 4; has d1 8 4", "content PKG00001", "the newest is 3"},
    {"CONTENT_OLD_ONLY", FINDING_WARNING, "dp d1; dp d2; package 4; has d1 0 3; has d2 2 4",
     "dp d1; package 4; has d1 2 3", "content PKG00001", "on its way to 1"},
    {"CONTENT_OLD_ONLY", FINDING_WARNING, "dp d1; dp d2; package 4; has d1 0 3; sent d2 3",
     "dp d1; dp d2; package 4; has d1 0 3; sent d2 2", "content PKG00001", "the newest is 3"},
    {"CONTENT_FAILED", FINDING_ERROR,
     "dp d1; dp d2; dp d3; dp d4; has d1 3 3; has d2 0 3; has d3 3 3; has d4 3 3; package 3",
     "dp d1; dp d2; dp d3; dp d4; has d1 2 3; has d2 0 3; has d3 6 3; has d4 1 3; package 3",
     "package PKG00001", "on 3 of 4 distribution points: d1.contoso.test, d3.contoso.test, d4"},
    {"CONTENT_FAILED", FINDING_ERROR, "dp d1;" APP ON("d1", "APP00001", "3"),
     "dp d1;" APP ON("d9", "APP00001", "3"), "package APP00001 'Timesheet'", "d1.contoso.test"},
    {"DUPLICATE_CONTENT_NAME", FINDING_WARNING,
     "SMS_Package PackageID=A Name=x; SMS_Package PackageID=B Name=x",
     "SMS_Package PackageID=A Name=x; SMS_Package PackageID=B Name=X", "content 'x'",
     "2 contents have this name: A, B;"},
    {"DUPLICATE_CONTENT_NAME", FINDING_WARNING, APP "SMS_Package PackageID=B Name=Timesheet",
     APP "SMS_Content ContentUniqueID=Content_2 ContentVersion=1;"
         "SMS_PackageToContent PackageID=APP00001 ContentUniqueID=Content_2",
     "content 'Timesheet'", "APP00001, B"},

    /* How they are known to be right. */
    {"CONTENT_UNVERIFIABLE", FINDING_WARNING, "package 3", "package 3;" GOOD_MANIFEST,
     "content PKG00001", "neither a manifest nor a hash"},
    {"CONTENT_UNVERIFIABLE", FINDING_WARNING, "package 4;" GOOD_MANIFEST,
     "package 4; NP_ContentHash ContentID=PKG00001 Version=4 Hash=" NOTHING_256, "PKG00001",
     "refuses it"},
    {"CONTENT_UNVERIFIABLE", FINDING_WARNING,
     "package 3; SMS_Package PackageID=A; SMS_Package PackageID=B; SMS_Package PackageID=C",
     "NP_ContentHash ContentID=A Version=1 Hash=" NOTHING_256, "4 contents", "A, B, C and 1 more"},
    {"FOLDER_HASH_ONLY", FINDING_NOTE,
     "package 3; NP_ContentHash ContentID=PKG00001 Version=3 Hash=" NOTHING_256,
     "package 3; NP_ContentHash ContentID=PKG00001 Version=3 Hash=" NOTHING_256 ";" GOOD_MANIFEST,
     "content PKG00001", "only a folder hash"},
    {"FOLDER_HASH_ONLY", FINDING_NOTE,
     "SMS_Content ContentUniqueID=a ContentVersion=1 ContentHash=" NOTHING_256
     "; SMS_Content ContentUniqueID=b ContentVersion=1 ContentHash=" NOTHING_256,
     "SMS_Content ContentUniqueID=a ContentVersion=1", "2 contents", "a, b"},
    {"SHA1", FINDING_WARNING, "package 3;" MANIFEST("", "SHA1", NOTHING_1),
     "package 3;" GOOD_MANIFEST, "content PKG00001", "known by SHA-1"},
    {"SHA1", FINDING_WARNING, "NP_ContentHash ContentID=a Version=3 Hash=" NOTHING_1,
     "NP_ContentHash ContentID=a Version=3 Hash=" NOTHING_256, "content a", "known by SHA-1"},
    {"SHA1", FINDING_WARNING, "NP_ContentHash ContentID=PKG00001 Version=3 Hash=" NOTHING_1,
     "NP_ContentHash ContentID=PKG00001 Version=3 Hash=" NOTHING_1 ";" GOOD_MANIFEST,
     "content PKG00001", "known by SHA-1"},
    {"MANIFEST_REFUSED", FINDING_ERROR, "package 3;" MANIFEST("", "SHA256", NOTHING_1),
     "package 3;" GOOD_MANIFEST, "content PKG00001", "its manifest (p0.xml:"},
    {"MANIFEST_REFUSED", FINDING_ERROR,
     "package 3;" MANIFEST("~ContentId=\"PKG00002\"", "SHA256", NOTHING_256),
     "package 3;" MANIFEST("~ContentId=\"PKG00001\"", "SHA256", NOTHING_256), "PKG00001",
     "names another content"},
    {"MANIFEST_REFUSED", FINDING_ERROR,
     "package 3;" MANIFEST("~Version=\"4\"", "SHA256", NOTHING_256),
     "package 3;" MANIFEST("~Version=\"3\"", "SHA256", NOTHING_256), "PKG00001",
     "names another content"},

    /* Distribution point groups. */
    {"DPGROUP_NEW_MEMBER", FINDING_WARNING, BOTH, BOTH "has d2 0 3",
     "distribution point group 'Europe'",
     "its member 'd2.contoso.test' lacks 1 of its 1 contents: PKG00001 (no row); a group sends"},
    {"DPGROUP_NEW_MEMBER", FINDING_WARNING, BOTH "has d2 3 3", BOTH "has d2 0 1",
     "distribution point group 'Europe'",
     "PKG00001 (installation failed (state 3)); a group sends"},
    {"DPGROUP_NEW_MEMBER", FINDING_WARNING, BOTH "has d2 1 3", BOTH "sent d2 1", "Europe",
     "pending or failed"},
    {"DPGROUP_NEW_MEMBER", FINDING_WARNING, BOTH "NP_HierarchyRules Rules=2007",
     BOTH "NP_HierarchyRules Rules=2007; has d2 8 3", "Europe",
     "the 2007 rules a group does not send earlier contents"},
    {"DPGROUP_NEW_MEMBER", FINDING_WARNING, BOTH "NP_HierarchyRules Rules=2012",
     BOTH "dp d3 A; has d2 0 3", "Europe", "pending or failed"},
    {"DPGROUP_NEW_MEMBER", FINDING_WARNING, /* what one group has is not another's */
     "dp d1; dp d2; package 3; has d1 0 3; has d2 0 3;" TWO_GROUPS THIRD_GROUP,
     "dp d1; dp d2; package 3; has d1 0 3; has d2 0 3;" TWO_GROUPS THIRD_GROUP ON("d2", "P2", "0"),
     "distribution point group 'Third'", "its member 'd2.contoso.test' lacks 1 of its 1 contents"},
    {"DPGROUP_NEW_MEMBER", FINDING_WARNING,
     "dp d1; dp d2; package 3; has d1 0 3; has d2 0 3;" EUROPE MEMBER("{E}", "d2")
         SENT("{E}", ESTATE_PACKAGE) THIRD_GROUP,
     "dp d1; dp d2; package 3; has d1 0 3; has d2 0 3;" THIRD_GROUP ON("d2", "P2", "0"),
     "distribution point group 'Third'", "P2 (no row)"},
    {"DPGROUP_NOT_BALANCE", FINDING_NOTE,
     "group A; group B; dp d1 A; dp d2 B;" EUROPE MEMBER("{E}", "d1") MEMBER("{E}", "d2"),
     "group A; group B; dp d1 A; dp d2 B A;" EUROPE MEMBER("{E}", "d1") MEMBER("{E}", "d2"),
     "distribution point group 'Europe'", "its 2 members are together in no boundary group"},
    {"DPGROUP_NOT_BALANCE", FINDING_NOTE,
     "group A; dp d1 A; dp d2;" EUROPE MEMBER("{E}", "d1") MEMBER("{E}", "d2"),
     "group A; dp d1 A; dp d2;" EUROPE MEMBER("{E}", "d2"), "Europe", "not client load"},
    {"DPGROUP_NOT_BALANCE", FINDING_NOTE, /* two and two, but no group has all three */
     "group A; group B; group C; dp d1 A B; dp d2 B C; dp d3 A C;" EUROPE MEMBER("{E}", "d1")
         MEMBER("{E}", "d2") MEMBER("{E}", "d3"),
     "group A; group B; group C; dp d1 A B; dp d2 B C; dp d3 A B;" EUROPE MEMBER("{E}", "d1")
         MEMBER("{E}", "d2") MEMBER("{E}", "d3"),
     "Europe", "its 3 members"},
    {"DPGROUP_NOT_BALANCE", FINDING_NOTE,
     "group A; dp d1; dp d2;" EUROPE MEMBER("{E}", "d1") MEMBER("{E}", "d2"),
     "dp d1; dp d2;" EUROPE MEMBER("{E}", "d1") MEMBER("{E}", "d2"), "Europe", "its 2 members"},
    {"DPGROUP_NOT_BALANCE", FINDING_NOTE, /* what one group was counted for is not the next's */
     "group A; group B; dp d1 A; dp d2 A; dp d3 B; dp d4 B;" BEFORE EUROPE MEMBER("{E}", "d1")
         MEMBER("{E}", "d2") MEMBER("{E}", "d3"),
     "group A; group B; dp d1 A; dp d2 A; dp d3 B A; dp d4 B;" BEFORE EUROPE MEMBER("{E}", "d1")
         MEMBER("{E}", "d2") MEMBER("{E}", "d3"),
     "Europe", "its 3 members"},
    {"DPGROUP_EMPTY", FINDING_WARNING, "dp d1; package 3;" EUROPE SENT("{E}", ESTATE_PACKAGE),
     "dp d1; package 3;" EUROPE SENT("{E}", ESTATE_PACKAGE) MEMBER("{E}", "d1"),
     "distribution point group 'Europe'", "its contents (1) go nowhere"},
    {"DPGROUP_EMPTY", FINDING_WARNING, EUROPE, EUROPE MEMBER("{E}", "d9"), "Europe", "no members"},
    {"DPGROUP_MISSING", FINDING_WARNING, "dp d1;" EUROPE MEMBER("{E}", "d9"),
     "dp d1; dp d9;" EUROPE MEMBER("{E}", "d9"), "distribution point group 'Europe'",
     "the policy has no member [\"Display=\\\\d9"},
    {"DPGROUP_MISSING", FINDING_WARNING, "dp d1;" EUROPE MEMBER("{F}", "d1"),
     "dp d1;" EUROPE MEMBER("{e}", "d1"), "distribution point group {F}", "no such group"},
    {"DPGROUP_MISSING", FINDING_WARNING, "package 3;" EUROPE SENT("{E}", "PKG00002"),
     "package 3;" EUROPE SENT("{E}", "pkg00001"), "Europe", "the policy has no content PKG00002"},
    {"DPGROUP_MISSING", FINDING_WARNING, APP EUROPE SENT("{E}", "APP00002"),
     APP EUROPE SENT("{E}", "APP00001"), "Europe", "APP00002"},
    {"DPGROUP_MISSING", FINDING_WARNING, "dp d1;" EUROPE MEMBER("{E}", "d9"),
     EUROPE MEMBER("{E}", "d9"), "Europe", "d9"},
    {"DPGROUP_MISSING", FINDING_WARNING, "dp d1;" EUROPE MEMBER("{F}", "d1"),
     "dp d1;" MEMBER("{F}", "d1"), "{F}", "no such group"},
    {"DPGROUP_MISSING", FINDING_WARNING, UPDATES EUROPE SENT("{E}", "U3"),
     UPDATES EUROPE SENT("{E}", "U2") SENT("{E}", "L1"), "Europe", "U3"},
    {"DPGROUP_COUNT", FINDING_WARNING,
     "SMS_DistributionPointGroup GroupID={E} ContentCount=5;" SENT("{E}", "A"),
     "SMS_DistributionPointGroup GroupID={E} ContentCount=5", "{E}", "the policy counts 1"},
    {"DPGROUP_COUNT", FINDING_WARNING,
     "dp d1; SMS_DistributionPointGroup GroupID={E} Name=Europe MemberCount=2;" MEMBER("{E}", "d1"),
     "dp d1; SMS_DistributionPointGroup GroupID={E} Name=Europe MemberCount=1;" MEMBER("{E}", "d1"),
     "distribution point group 'Europe'",
     "its MemberCount is 2, and the policy counts 1 in its rows of SMS_DPGroupMembers"},
    {"DPGROUP_COUNT", FINDING_WARNING,
     "SMS_DistributionPointGroup GroupID={E} Name=Europe ContentCount=0;" SENT("{E}", "A")
         SENT("{E}", "B"),
     "SMS_DistributionPointGroup GroupID={E} Name=Europe ContentCount=2;" SENT("{E}", "A")
         SENT("{E}", "B"),
     "Europe", "its ContentCount is 0, and the policy counts 2 in its rows of SMS_DPGroupPackages"},
    {"DPGROUP_COUNT", FINDING_WARNING,
     "SMS_DistributionPointGroup GroupID={E} MemberCount=2;"
     "SMS_DistributionPointGroup GroupID={F} MemberCount=1;" MEMBER("{F}", "d1"),
     "SMS_DistributionPointGroup GroupID={E} MemberCount=2;"
     "SMS_DistributionPointGroup GroupID={F} MemberCount=1;",
     "{E}", "its MemberCount is 2, and the policy counts 0"},

    /* Settings. */
    {"SETTINGS_UNASSIGNED", FINDING_WARNING,
     "SMS_ClientSettings SettingsID=5 Name=Pilot Type=1;"
     "SMS_ClientSettingsAssignment ClientSettingsID=6 CollectionID=PS100010",
     "SMS_ClientSettings SettingsID=5 Name=Pilot Type=1;"
     "SMS_ClientSettingsAssignment ClientSettingsID=5 CollectionID=PS100010",
     "client settings 'Pilot'", "no collection"},
    {"SETTINGS_UNASSIGNED", FINDING_WARNING,
     "SMS_ClientSettings SettingsID=5 Name=Pilot Type=1 AssignmentCount=0",
     "SMS_ClientSettings SettingsID=5 Name=Pilot Type=1 AssignmentCount=1",
     "client settings 'Pilot'", "no collection"},
    {"SETTINGS_UNASSIGNED", FINDING_WARNING,
     "SMS_ClientSettings SettingsID=5 Name=Pilot Type=1 AssignmentCount=0",
     "SMS_ClientSettings SettingsID=5 Name=Pilot Type=1", "Pilot", "no collection"},
    {"SETTINGS_UNASSIGNED", FINDING_WARNING,
     "SMS_ClientSettings SettingsID=5 Name=Pilot Type=2 AssignmentCount=0",
     "SMS_ClientSettings SettingsID=5 Name=Pilot Type=0 AssignmentCount=0", "Pilot", ""},

    /* Documents. */
    {"LAZY_NOT_FETCHED", FINDING_WARNING,
     "SMS_ClientSettings SettingsID=5 Name=Pilot; SMS_ClientSettings SettingsID=6 Name=Lab",
     "SMS_ClientSettings SettingsID=5 AgentConfigurations=x", "SMS_ClientSettings",
     "not fetched in 2 of 2 rows (Pilot, Lab): what these client settings set is not known"},
    {"LAZY_NOT_FETCHED", FINDING_WARNING, "SMS_DeploymentType CI_ID=5 LocalizedDisplayName=MSI",
     "SMS_DeploymentType CI_ID=5 LocalizedDisplayName=MSI SDMPackageXML=<a/>", "SMS_DeploymentType",
     "SDMPackageXML"},
    {"EXPORT_TOO_SHALLOW", FINDING_WARNING,
     "SMS_ClientSettings SettingsID=5 Name=Pilot AgentConfigurations=System.Object[]",
     "SMS_ClientSettings SettingsID=5 Name=Pilot", "SMS_ClientSettings",
     "holds text, as ConvertTo-Json writes what lies deeper than its -Depth (give it 6), in 1 of 1 "
     "rows (Pilot)"},
    {"EXPORT_TOO_SHALLOW", FINDING_WARNING, "SMS_SCI_SysResUse NALPath=x Props=System.Object[]",
     "SMS_SCI_SysResUse NALPath=x", "SMS_SCI_SysResUse", "Props"},
    {"LAZY_NOT_FETCHED", FINDING_WARNING, "SMS_DeploymentType CI_ID=5",
     "SMS_SCI_SysResUse NALPath=x", "SMS_DeploymentType", "in 1 of 1 rows (p0.xml:2)"},
    {"EXPORT_TOO_SHALLOW", FINDING_WARNING, "SMS_SCI_SysResUse NALPath=x PropLists=System.Object[]",
     "SMS_DeploymentType CI_ID=5 SDMPackageXML=<a/>", "SMS_SCI_SysResUse", "PropLists"},
    {"MISSING_CLASS", FINDING_NOTE, SMALL "SMS_Site SiteCode=PS1", SMALL WHOLE,
     "SMS_PackageStatusDistPointsSummarizer", "not in the policy: every distribution point"},
    {"MISSING_CLASS", FINDING_NOTE,
     SMALL WHOLE "SMS_ContentPackage PackageID=PS1;"
                 "SMS_Content ContentUniqueID=a",
     SMALL WHOLE, "SMS_PackageToContent", "applications cannot be located"},
};

#define CASE_COUNT (sizeof cases / sizeof cases[0])

static void every_code(void **state)
{
    (void)state;
    check_cases(cases, CASE_COUNT);
}

/* Those that the cases above cannot show have a test of their own. */
static void every_row_has_a_case(void **state)
{
    static const char *const others[] = {"CLOUD_NO_CNAME", "DP_CONTENT_LIMIT", "SITE_DP_LIMIT",
                                         "HIERARCHY_DP_LIMIT", "SECRET_READABLE"};
    (void)state;
    bool is_ours = false;
    size_t seen = 0;
    for (size_t i = 0; i < check_row_count; i++) {
        const char *code = check_rows[i].code;
        is_ours = is_ours ? strcmp(code, "ASSIGNED_NOT_HERE") != 0
                          : strcmp(code, "CLOUD_NEVER_ALLOWED") == 0;
        bool found = !is_ours;
        for (size_t j = 0; j < CASE_COUNT && !found; j++)
            found = strcmp(cases[j].code, code) == 0;
        for (size_t j = 0; j < sizeof others / sizeof others[0] && !found; j++)
            found = strcmp(others[j], code) == 0;
        if (!found)
            fail_msg("%s has no case", code);
        seen += is_ours;
    }
    assert_true(seen > 20);
}

/* ---- cloud service names ---- */

static size_t find_no_cname(const char *text, bool resolved, const struct check_name *name,
                            char found[256])
{
    struct estate estate;
    struct error err = {0};
    struct resultant resultant;
    struct settings settings;
    struct findings findings;
    const struct audience nobody = {0};
    const char *const texts[] = {text, NULL};
    assert_true(estate_read(&estate, texts, &err));
    resultant_read(&resultant, &estate.policy, &nobody);
    settings_read(&settings, &estate.policy, &resultant);
    const struct check_input input = {
        .policy = &estate.policy,
        .resultant = &resultant,
        .settings = &settings,
        .site = &estate.site,
        .resolved = resolved,
        .name_count = 1,
        .names = name,
    };
    check_policy(&findings, &input);
    size_t count = 0;
    for (size_t i = 0; i < findings.count; i++)
        if (strcmp(findings.items[i].code, "CLOUD_NO_CNAME") == 0 && ++count)
            snprintf(found, 256, "%s: %s", findings.items[i].object, findings.items[i].text);
    check_free(&findings);
    estate_free(&estate);
    return count;
}

static void service_names(void **state)
{
    static const struct {
        const char *served, *error, *text; /* NULL: not found */
    } rows[] = {
        {"CNAME", NULL, NULL},
        {"HOST", NULL, "cloud.contoso.test resolves without a CNAME (HOST)"},
        {"none", "NXDOMAIN", "cloud.contoso.test does not resolve: NXDOMAIN"},
        {"none", "TIMEOUT", "does not resolve: TIMEOUT"},
    };
    char found[256];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct check_name name = {"Cloud.contoso.test", rows[i].served, rows[i].error};
        size_t count = find_no_cname(CLOUD, true, &name, found);
        assert_int_equal(count, rows[i].text != NULL);
        if (rows[i].text && !strstr(found, rows[i].text))
            fail_msg("%s", found);
        assert_int_equal(find_no_cname(CLOUD, false, &name, found), 0);
    }
}

/* A name that is Azure's own is served by nobody's CNAME. */
static void azures_own_name(void **state)
{
    const struct check_name name = {"c.cloudapp.test", "HOST", NULL};
    char found[256];
    (void)state;
    assert_int_equal(find_no_cname("dp d1; SMS_AzureService ServiceCName=c.cloudapp.test "
                                   "Fqdn=c.cloudapp.test NALPath=" NAL("d1"),
                                   true, &name, found),
                     0);
    assert_int_equal(find_no_cname("dp d1; SMS_AzureService ServiceCName=c.cloudapp.test "
                                   "Fqdn=d.cloudapp.test NALPath=" NAL("d1"),
                                   true, &name, found),
                     1);
    assert_non_null(strstr(found, "from it to d.cloudapp.test"));
}

/* ---- limits ---- */

/* How many of the code, after `count` times the statement, in which # is the number. */
static size_t count_after(const char *before, const char *statement, size_t count, const char *code,
                          const char *part)
{
    struct buf text = {0};
    struct checked checked;
    size_t found;
    buf_append_text(&text, before);
    for (size_t i = 0; i < count; i++)
        for (const char *c = statement; *c; c++)
            if (*c == '#')
                buf_format(&text, "%zu", i);
            else
                buf_append(&text, c, 1);
    check(&checked, text.data);
    const struct finding *finding = find(&checked, code, &found);
    if (finding && !strstr(finding->text, part))
        fail_msg("%s: %s", finding->object, finding->text);
    free_checked(&checked);
    buf_free(&text);
    return found;
}

static void limits(void **state)
{
    static const char on_dp[] = "SMS_DPContentInfo PackageID=P# NALPath=" NAL("d1") ";";
    static const char sites[] =
        "SMS_Site SiteCode=PS1 Type=2 ReportingSiteCode=CAS; SMS_Site SiteCode=CAS Type=4;"
        "SMS_Site SiteCode=S01 Type=1 ReportingSiteCode=PS1; dp s1 SiteCode=S01;";
    static const struct {
        const char *before, *statement;
        size_t limit;
        const char *code, *part;
    } rows[] = {
        {"dp d1;", on_dp, 10000, "DP_CONTENT_LIMIT", "10001 packages and applications"},
        {"dp d1; has d1 5 3;", on_dp, 10000, "DP_CONTENT_LIMIT", "10001 packages"},
        {"dp d1; has d1 3 3;", on_dp, 9999, "DP_CONTENT_LIMIT", "10001 packages"},
        {"dp e1;", "dp d# SiteCode=PS1;", 250, "SITE_DP_LIMIT", "251 distribution points"},
        {"dp e1 SiteCode=PS1 IsPullDP=1; dp e2 SiteCode=S01; dp e3 SiteCode=PS1; cloud e3 x.test;",
         "dp d# SiteCode=ps1;", 250, "SITE_DP_LIMIT", "251 distribution points"},
        {"dp e1 SiteCode=PS1; ours e1 Kind=library; dp e2 SiteCode=PS1;", "dp d# SiteCode=PS1;",
         249, "SITE_DP_LIMIT", "251 distribution points"},
        {"dp e1 SiteCode=PS1;", "dp d# SiteCode=PS1 IsPullDP=1;", 2000, "SITE_DP_LIMIT",
         "2001 pull distribution points"},
        {sites, "dp d# SiteCode=PS1;", 4999, "HIERARCHY_DP_LIMIT",
         "5001 distribution points with those of 1 secondary"},
        {sites, "dp d# SiteCode=PS1 IsPullDP=1;", 4999, "HIERARCHY_DP_LIMIT", "5001 dist"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *code = rows[i].code, *part = rows[i].part;
        size_t limit = rows[i].limit;
        if (count_after(rows[i].before, rows[i].statement, limit, code, part) != 0)
            fail_msg("%s at %zu", code, limit);
        if (count_after(rows[i].before, rows[i].statement, limit + 1, code, part) != 1)
            fail_msg("no %s at %zu", code, limit + 1);
    }
}

/* A site of another hierarchy, or of no known one, is no part of it. */
static void other_hierarchies(void **state)
{
    static const char *const sites[] = {
        "SMS_Site SiteCode=PS1 Type=2; SMS_Site SiteCode=S01 Type=1 ReportingSiteCode=PS2;",
        "SMS_Site SiteCode=PS1 Type=2; SMS_Site SiteCode=S01 Type=1;",
        "SMS_Site SiteCode=PS1 Type=2; SMS_Site SiteCode=S01 Type=2 ReportingSiteCode=PS1;",
        "SMS_Site SiteCode=PS1 Type=4; SMS_Site SiteCode=S01 Type=1 ReportingSiteCode=PS1;",
    };
    (void)state;
    for (size_t i = 0; i < sizeof sites / sizeof sites[0]; i++)
        assert_int_equal(count_after(sites[i], "dp d# SiteCode=PS1; dp s# SiteCode=S01;", 2501,
                                     "HIERARCHY_DP_LIMIT", ""),
                         0);
    assert_int_equal(count_after("SMS_Site SiteCode=PS1 Type=2; SMS_Site SiteCode=S01 Type=1 "
                                 "ReportingSiteCode=ps1;",
                                 "dp d# SiteCode=PS1; dp s# SiteCode=S01;", 2501,
                                 "HIERARCHY_DP_LIMIT", "5002"),
                     1);
}

/* No code, no site. */
static void no_site(void **state)
{
    (void)state;
    assert_int_equal(count_after("", "dp d# SiteCode=;", 251, "SITE_DP_LIMIT", ""), 0);
}

/* A group of one member, whose content is on many more, is looked up the other way. */
static void few_of_many(void **state)
{
    static const char many[] = "dp d#; SMS_DPContentInfo PackageID=PKG00001 NALPath=" NAL("d#") ";";
    (void)state;
    assert_int_equal(count_after("package 3; dp e1;" EUROPE MEMBER("{E}", "e1")
                                     SENT("{E}", ESTATE_PACKAGE),
                                 many, 40, "DPGROUP_NEW_MEMBER", "lacks 1 of its 1"),
                     1);
    assert_int_equal(count_after("package 3;" EUROPE MEMBER("{E}", "d3")
                                     SENT("{E}", ESTATE_PACKAGE),
                                 many, 40, "DPGROUP_NEW_MEMBER", ""),
                     0);
}

/* Of what a member lacks the first are named and all are counted. */
static void lacks_many(void **state)
{
    (void)state;
    assert_int_equal(
        count_after("dp d1; package 3; has d1 0 3;" EUROPE MEMBER("{E}", "d1"),
                    "SMS_Package PackageID=P#;" SENT("{E}", "P#"), 20, "DPGROUP_NEW_MEMBER",
                    "lacks 20 of its 20 contents: P0 (no row), P1 (no row), P10 (no row) and 17 "
                    "more;"),
        1);
}

/* ---- secrets ---- */

#define EMBEDDED(name)                                                               \
    "[{\"__CLASS\":\"SMS_ClientSettings\",\"SettingsID\":5,\"AgentConfigurations\":" \
    "[{\"__CLASS\":\"SMS_X\",\"A\":1},{\"__CLASS\":\"SMS_Y\",\"" name "\":\"sig\"}]}]"
#define SECRET "NP_CloudAccess NALPath=x SasToken=sig"

/* What is found of a document with this mode; *refused: would root's folder be? */
static size_t find_readable(const char *text, mode_t mode, bool *refused)
{
    char path[] = "/tmp/nearpoint-check-XXXXXX";
    struct buf xml = {0};
    struct policy policy;
    struct error err = {0};
    size_t count;
    if (*text == '[')
        buf_append_text(&xml, text);
    else
        estate_xml(&xml, text, "a");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, xml.data, xml.len), (ssize_t)xml.len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    const char *const paths[] = {path};
    assert_true(policy_read(&policy, paths, 1, false, NULL, &err));
    free(secrets_readable(&policy, &count));
    *refused = !secrets_refuse_readable(&policy, &err);
    if (*refused) {
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_string_equal(err.where, path);
        assert_null(strstr(err.text, "sig"));
    }
    policy_free(&policy);
    unlink(path);
    buf_free(&xml);
    return count;
}

static void secrets(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
        size_t count;
    } rows[] = {
        {SECRET, 0644, 1},
        {SECRET, 0604, 1},
        {SECRET, 0640, 0},
        {SECRET, 0600, 0},
        {"NP_CloudAccess NALPath=x", 0644, 0},
        {"[{\"__CLASS\":\"NP_CloudAccess\",\"NALPath\":\"x\",\"SasToken\":null}]", 0644, 0},
        {EMBEDDED("NetworkAccessPassword"), 0644, 1},
        {EMBEDDED("NetworkAccessPassword"), 0600, 0},
        {EMBEDDED("NetworkAccessAccount"), 0644, 0},
        {"CCM_X NetworkAccessPassword=x; SMS_R_System Name=a;" SECRET, 0644, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool refused;
        if (find_readable(rows[i].text, rows[i].mode, &refused) != rows[i].count)
            fail_msg("%s, mode %o", rows[i].text, (unsigned)rows[i].mode);
        assert_int_equal(refused, rows[i].count > 0);
    }
}

/* The finding names the file, and not the secret. */
static void secret_finding(void **state)
{
    (void)state;
    for (int readable = 0; readable < 2; readable++) {
        struct checked checked;
        struct estate *estate = &checked.estate;
        const char *const texts[] = {SECRET, NULL};
        size_t count;
        assert_true(estate_read(estate, texts, NULL));
        estate->policy.documents[0]->readable_by_others = readable;
        find_all(&checked);
        const struct finding *finding = find(&checked, "SECRET_READABLE", &count);
        assert_int_equal(count, readable);
        if (readable) {
            assert_int_equal(finding->severity, FINDING_ERROR);
            assert_string_equal(finding->object, "p0.xml");
            assert_non_null(strstr(finding->text, "NP_CloudAccess.SasToken, line 2"));
            assert_null(strstr(finding->text, "sig"));
        }
        free_checked(&checked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code),     cmocka_unit_test(every_row_has_a_case),
        cmocka_unit_test(service_names),  cmocka_unit_test(azures_own_name),
        cmocka_unit_test(limits),         cmocka_unit_test(other_hierarchies),
        cmocka_unit_test(no_site),        cmocka_unit_test(few_of_many),
        cmocka_unit_test(lacks_many),     cmocka_unit_test(secrets),
        cmocka_unit_test(secret_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* policy check on boundaries, groups, relationships and distribution points: each code with a small
   site that raises it, and a twin with one fact changed that does not. */
#include "policy/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/checked.h"

/* A machine with a hundred addresses, and what stands behind them. */
#define TEN(n)                                                                            \
    "10." n ".1.1,10." n ".2.1,10." n ".3.1,10." n ".4.1,10." n ".5.1,10." n ".6.1,10." n \
    ".7.1,10." n ".8.1,10." n ".9.1,10." n ".0.1,"
#define HUNDRED                                                                               \
    "SMS_R_System Name=PC9 ResourceId=9 IPAddresses=" TEN("11") TEN("12") TEN("13") TEN("14") \
        TEN("15") TEN("16") TEN("17") TEN("18") TEN("19") TEN("20")

static const struct check_case cases[] = {
    {"COUNT_MISMATCH", FINDING_WARNING, BASE "SMS_BoundaryGroup GroupID=65 Name=A MemberCount=0",
     BASE "SMS_BoundaryGroup GroupID=65 Name=A", "boundary group 65 'A'", "its MemberCount is 0"},
    {"COUNT_MISMATCH", FINDING_WARNING,
     BASE "SMS_Boundary BoundaryID=99 BoundaryType=1 Value=Oslo GroupCount=2;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65;"
          "SMS_BoundaryGroupMembers BoundaryID=98 GroupID=65",
     BASE "SMS_Boundary BoundaryID=99 BoundaryType=1 Value=Oslo GroupCount=1;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65;"
          "SMS_BoundaryGroupMembers BoundaryID=98 GroupID=65",
     "boundary 99 'Oslo'", "its GroupCount is 2"},
    {"GROUP_NO_DP", FINDING_WARNING, BASE B "group C; adsite C x; link C A -1; link C B 20",
     BASE B "group C; adsite C x; dp d1 C", "boundary group 67 'C'", "'B' joins after 20 minutes"},
    {"GROUP_NO_DP", FINDING_WARNING, BASE B "group C; adsite C x; link C A 0; link C B 20",
     BASE B "group C; adsite C x; dp d1 C", "boundary group 67 'C'", "'A' joins after 0 minutes"},
    {"GROUP_NO_DP", FINDING_WARNING, BASE B "group 1; adsite 1 x; link A B 20; link B A 20",
     BASE B "group 1; adsite 1 x; dp d1 1", "boundary group 49 '1'", "no relationship leads to"},
    {"GROUP_NO_BOUNDARY", FINDING_NOTE, BASE "group C; dp d1 C; link A C 0",
     BASE "group C; dp d1 C; link A C 0; adsite C x", "boundary group 67 'C'",
     "only as a neighbor of 1 group:"},
    {"GROUP_NO_BOUNDARY", FINDING_NOTE, BASE "group C; dp d1 C; link C C 10",
     BASE "group C; dp d1 C; adsite C x", "boundary group 67 'C'", "no relationship leads to it"},
    {"RELATIONSHIP_NO_DP", FINDING_WARNING, BASE "group C; link A C 0", BASE "group C; link C C 0",
     "relationship from 'A' to 'C'", "after its 0 minutes"},
    {"BOUNDARY_TWICE", FINDING_WARNING,
     BASE "adsite A x; adsite A x; adsite A x; adsite A x; adsite A x", BASE "adsite A x",
     "boundary 8",
     "5 boundaries have this type and value, also 9, 10, 11 and 1 "
     "more: keep"},
    {"BOUNDARY_TWICE", FINDING_WARNING, BASE "adsite A x; adsite A x; adsite A x; adsite A x",
     BASE "adsite A x", "boundary 8",
     "4 boundaries have this type and value, also 9, 10, 11: keep"},
    {"COUNT_MISMATCH", FINDING_WARNING,
     BASE "SMS_Boundary BoundaryID=99 BoundaryType=1 Value=Oslo GroupCount=3;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=66",
     BASE "SMS_Boundary BoundaryID=99 BoundaryType=1 Value=Oslo GroupCount=2;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=66",
     "boundary 99 'Oslo'", "its GroupCount is 3, and the policy counts 2 in its rows"},
    {"BOUNDARY_EVERYTHING", FINDING_WARNING, BASE "range A 0.0.0.0-255.255.255.255",
     BASE "range A 1.0.0.1-255.255.255.255", "boundary 8 '0.0.0.0-255.255.255.255'", "an IPv4"},
    {"BOUNDARY_EVERYTHING", FINDING_WARNING, BASE "range A 1.0.0.0-223.255.255.255",
     BASE "range A 1.0.0.0-223.255.255.254", "boundary 8", "an IPv4"},
    {"BOUNDARY_EVERYTHING", FINDING_WARNING, BASE "prefix A ::/0", BASE "prefix A 2000::/4",
     "boundary 8 '::/0'", "a global IPv6"},
    {"BOUNDARY_EVERYTHING", FINDING_WARNING, BASE "prefix A 2000::/3", BASE "prefix A 3000::/4",
     "boundary 8", "a global IPv6"},
    {"BOUNDARY_NOTHING", FINDING_WARNING, BASE "range A 127.0.0.1-127.255.255.254",
     BASE "range A 127.0.0.1-128.255.255.254", "boundary 8", "loopback"},
    {"BOUNDARY_NOTHING", FINDING_WARNING, BASE "sub A 169.254.0.0", BASE "sub A 169.253.0.0",
     "boundary 8 '169.254.0.0'", "link-local"},
    {"BOUNDARY_NOTHING", FINDING_WARNING, BASE "sub A 0.0.0.0", BASE "sub A 1.0.0.0", "boundary 8",
     "no machine's"},
    {"BOUNDARY_NOTHING", FINDING_WARNING, BASE "range A 224.0.0.0-239.255.255.255",
     BASE "range A 223.0.0.0-239.255.255.255", "boundary 8", "multicast"},
    {"BOUNDARY_NOTHING", FINDING_WARNING, BASE "prefix A fe80::/64", BASE "prefix A fec0::/64",
     "boundary 8", "link-local"},
    {"BOUNDARY_NOTHING", FINDING_WARNING, BASE "prefix A ff02::/64", BASE "prefix A fe00::/64",
     "boundary 8", "multicast"},
    {"BOUNDARY_NOTHING", FINDING_WARNING, BASE "prefix A ::1/128", BASE "prefix A ::2/128",
     "boundary 8", "loopback"},
    {"BOUNDARY_NO_GROUP", FINDING_WARNING,
     BASE "SMS_Boundary BoundaryID=99 BoundaryType=1 Value=Oslo",
     BASE "SMS_Boundary BoundaryID=99 BoundaryType=1 Value=Oslo;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65",
     "boundary 99 'Oslo'", "in no boundary group"},
    {"BOUNDARY_TWICE", FINDING_WARNING, BASE "sub A 10.3.0.0; sub A 10.3.0.0",
     BASE "sub A 10.3.0.0; sub A 10.3.1.0", "boundary 8 '10.3.0.0'", "also 9"},
    {"BOUNDARY_TWICE", FINDING_WARNING, BASE "adsite A Oslo; adsite A OSLO; adsite A oslo",
     BASE "adsite A Oslo; adsite A Oslo2; vpn A Name:Oslo", "boundary 8 'Oslo'",
     "3 boundaries have this type and value, also 9, 10"},
    {"BOUNDARY_TWICE", FINDING_WARNING, BASE "prefix A 2001:db8:0:1; prefix A 2001:0DB8:0:1::/64",
     BASE "prefix A 2001:db8:0:1; prefix A 2001:db8:0:1::/65", "boundary 8", "also 9"},
    {"BOUNDARY_TWICE", FINDING_WARNING, BASE "sub A 10.3.0.0; sub A 10.3.0.0",
     BASE "sub A 10.3.0.0; range A 10.3.0.0-10.3.0.0", "boundary 8", "also 9"},
    {"COUNT_MISMATCH", FINDING_WARNING,
     BASE "SMS_BoundaryGroup GroupID=65 Name=A MemberCount=2 SiteSystemCount=1",
     BASE "SMS_BoundaryGroup GroupID=65 Name=A MemberCount=1 SiteSystemCount=1",
     "boundary group 65 'A'", "its MemberCount is 2, and the policy counts 1 in its rows"},
    {"COUNT_MISMATCH", FINDING_WARNING,
     BASE "SMS_BoundaryGroup GroupID=65 Name=A MemberCount=1;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65",
     BASE "SMS_BoundaryGroup GroupID=65 Name=A MemberCount=2;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65",
     "boundary group 65", "the policy counts 2 in its rows of SMS_BoundaryGroupMembers"},
    {"COUNT_MISMATCH", FINDING_WARNING,
     BASE "SMS_BoundaryGroup GroupID=65 Name=A SiteSystemCount=1;"
          "SMS_BoundaryGroupSiteSystems GroupID=65 ServerNALPath=\\\\mp1\\",
     BASE "SMS_BoundaryGroup GroupID=65 Name=A SiteSystemCount=2;"
          "SMS_BoundaryGroupSiteSystems GroupID=65 ServerNALPath=\\\\mp1\\",
     "boundary group 65", "its SiteSystemCount is 1, and the policy counts 2 in its rows"},
    {"COUNT_MISMATCH", FINDING_WARNING,
     BASE "SMS_Boundary BoundaryID=99 BoundaryType=1 Value=Oslo GroupCount=2;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65",
     BASE "SMS_Boundary BoundaryID=99 BoundaryType=1 Value=Oslo GroupCount=1;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65",
     "boundary 99 'Oslo'", "its GroupCount is 2"},
    {"COUNT_MISMATCH", FINDING_WARNING,
     "SMS_BoundaryGroup GroupID=65 MemberCount=2; SMS_BoundaryGroup GroupID=66 MemberCount=3",
     "SMS_BoundaryGroup GroupID=65 MemberCount=0; SMS_BoundaryGroup GroupID=66 MemberCount=x",
     "SMS_BoundaryGroupMembers", "2 of its objects of SMS_BoundaryGroup say by MemberCount"},
    {"DEFAULT_BEHAVIOR_ZERO", FINDING_WARNING, BASE "link Z Z 0", BASE "link Z Z 1",
     "boundary group 90 'Default-Site-Boundary-Group<PS1>'", "0 minutes"},
    {"DEFAULT_BEHAVIOR_ZERO", FINDING_WARNING, BASE "link Z Z 0", BASE "link A Z 0",
     "boundary group 90", "never"},
    {"DEFAULT_GROUP_NO_SITE", FINDING_WARNING, BASE "default Y Reserve; dp d2 Y",
     BASE "SMS_DefaultBoundaryGroup GroupID=89 Name=Reserve DefaultSiteCode=PS2; dp d2 Y",
     "boundary group 89 'Reserve'", "of no known site"},
    {"DP_ADDRESS_UNKNOWN", FINDING_NOTE, BASE "dp d4 A; dp d5 A",
     BASE "dp d4 A; ours d4 Addresses=10.1.1.4; dp d5 A;"
          "SMS_R_System ResourceId=5 Name=D5 IPSubnets=10.1.1.0",
     "distribution points", "no address is known of 2: d4.contoso.test, d5.contoso.test"},
    {"DP_ADDRESS_UNKNOWN", FINDING_NOTE, BASE "dp d4 A", BASE "dp d4 A; cloud d4 c.contoso.test",
     "distribution points", "no address is known of 1"},
    {"DP_ADDRESS_UNKNOWN", FINDING_NOTE, BASE "dp d4 A",
     BASE "dp d4 A; ours d4 LibraryPath=/mnt/lib", "distribution points",
     "no address is known of 1"},
    {"DP_MISSING", FINDING_WARNING,
     BASE "role d8; SMS_BoundaryGroupSiteSystems GroupID=65 "
          "ServerNALPath=[\"Display=\\\\d8.contoso.test\\\"]MSWNET:"
          "[\"SMS_SITE=PS1\"]\\\\d8.contoso.test\\",
     BASE "SMS_BoundaryGroupSiteSystems GroupID=65 "
          "ServerNALPath=[\"Display=\\\\d8.contoso.test\\\"]MSWNET:"
          "[\"SMS_SITE=PS1\"]\\\\d8.contoso.test\\",
     "boundary group 65", "its server d8.contoso.test is a distribution point"},
    {"DP_NO_GROUP", FINDING_WARNING, BASE "dp d4; ours d4 Addresses=10.1.1.4",
     BASE "dp d4 A; ours d4 Addresses=10.1.1.4", "distribution point d4.contoso.test",
     "serves no intranet machine"},
    {"DP_NO_GROUP", FINDING_WARNING, BASE "dp d4", BASE "dp d4; cloud d4 c.contoso.test",
     "distribution point d4", "add it to a group"},
    {"DP_NO_GROUP", FINDING_WARNING, BASE "dp d4 InternetFacing=1; role d4 InternetShared=1",
     BASE "dp d4 InternetFacing=1; role d4 InternetShared=0", "distribution point d4", ""},
    {"DP_NO_GROUP", FINDING_WARNING, BASE "dp d4; NP_HierarchyRules Rules=current",
     BASE "dp d4; NP_HierarchyRules Rules=2012", "distribution point d4", ""},
    {"DP_NO_GROUP", FINDING_WARNING, BASE "dp d4 IsProtected=1; NP_HierarchyRules Rules=2007",
     BASE "dp d4 IsProtected=0; NP_HierarchyRules Rules=2007", "distribution point d4", ""},
    {"DP_TWICE", FINDING_WARNING, BASE "SMS_DistributionPointInfo NALPath=\\\\d1.contoso.test\\;",
     BASE "SMS_DistributionPointInfo NALPath=\\\\d9.contoso.test\\",
     "distribution point d1.contoso.test", "2 distribution points have this host"},
    {"DUPLICATE_NAME", FINDING_WARNING, BASE "SMS_BoundaryGroup GroupID=66 Name=a",
     BASE "SMS_BoundaryGroup GroupID=66 Name=a2", "boundary group 65 'A'", "also 66"},
    {"GROUP_NO_BOUNDARY", FINDING_NOTE, BASE "group C; dp d1 C",
     BASE "group C; dp d1 C; adsite C x", "boundary group 67 'C'", "no relationship leads to it"},
    {"GROUP_NO_BOUNDARY", FINDING_NOTE, BASE "group C; dp d1 C; link A C 10",
     BASE "group C; dp d1 C; link A C 10; adsite C x", "boundary group 67 'C'",
     "only as a neighbor of 1 group:"},
    {"GROUP_NO_BOUNDARY", FINDING_NOTE, BASE "group C; dp d1 C; link A C -1",
     BASE "group C; dp d1 C; adsite C x", "boundary group 67 'C'", "no relationship leads to it"},
    {"GROUP_NO_BOUNDARY", FINDING_NOTE, BASE "SMS_BoundaryGroup GroupID=67 Name=C-Slow; dp d1 C",
     BASE "SMS_BoundaryGroup GroupID=67 Name=C-Slow-Tmp; dp d1 C", "boundary group 67", ""},
    {"GROUP_NO_DP", FINDING_WARNING, BASE "group C; adsite C x",
     BASE "group C; adsite C x; dp d1 C", "boundary group 67 'C'",
     "no relationship leads to a group that has one"},
    {"GROUP_NO_DP", FINDING_WARNING, BASE B "group C; adsite C x; link C A 30; link C B 20",
     BASE B "group C; adsite C x; link C A 30; link C B 20; dp d1 C", "boundary group 67 'C'",
     "the neighbor 'B' joins after 20 minutes"},
    {"GROUP_NO_DP", FINDING_WARNING, BASE "default Y Default-Site-Boundary-Group<PS2>",
     BASE "default Y Default-Site-Boundary-Group<PS2>; dp d2 Y", "boundary group 89",
     "machines of its site in no boundary find nothing"},
    {"INTERNET_NO_HTTPS", FINDING_WARNING, BASE "dp d4 A InternetFacing=1 Communication=0",
     BASE "dp d4 A InternetFacing=1 Communication=1", "distribution point d4", "HTTPS"},
    {"INTERNET_NO_HTTPS", FINDING_WARNING, BASE "dp d4 A InternetFacing=1",
     BASE "dp d4 A InternetFacing=0", "distribution point d4", "HTTPS"},
    {"INTERNET_SHARING_UNKNOWN", FINDING_NOTE, BASE "dp d4 A InternetFacing=1; role d4",
     BASE "dp d4 A InternetFacing=1; role d4 InternetShared=0", "distribution point d4",
     "InternetShared"},
    {"INTERNET_SHARING_UNKNOWN", FINDING_NOTE, BASE "dp d4 A InternetFacing=1",
     BASE "dp d4 A InternetFacing=1; cloud d4 c.contoso.test", "distribution point d4", ""},
    {"MEMBER_MISSING", FINDING_ERROR, BASE "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65",
     BASE "SMS_BoundaryGroupMembers BoundaryID=7 GroupID=65", "boundary group 65 'A'",
     "boundaries are its members that the policy does not have, 1 in all: 99"},
    {"MEMBER_MISSING", FINDING_ERROR, BASE "SMS_BoundaryGroupMembers BoundaryID=7 GroupID=66",
     BASE "SMS_BoundaryGroupMembers BoundaryID=7 GroupID=66; group B", "boundary group 66",
     "boundaries are in this group, which the policy does not have, 1 in all: 7"},
    {"MEMBER_MISSING", FINDING_ERROR, BASE "dp d3 A Q", BASE "dp d3 A", "boundary group 81",
     "servers are in this group, which the policy does not have, 1 in all: d3.contoso.test"},
    {"NO_DEFAULT_GROUP", FINDING_WARNING, "group A; dp d1 A; sub A 10.1.1.0",
     "group A; dp d1 A; sub A 10.1.1.0; default Z Default-Site-Boundary-Group<PS1>", "policy",
     "a machine in no boundary finds nothing"},
    {"NO_DEFAULT_GROUP", FINDING_WARNING, "group A; NP_HierarchyRules Rules=current",
     "group A; NP_HierarchyRules Rules=2012", "policy", ""},
    {"NO_DEFAULT_GROUP", FINDING_WARNING, "group A", "CCM_X A=1", "policy", ""},
    {"PROTECTED_UNREACHED", FINDING_WARNING, BASE "group C; dp d4 C IsProtected=1",
     BASE "group C; dp d4 C IsProtected=1; adsite C x", "distribution point d4.contoso.test",
     "no group of it has a boundary"},
    {"PROTECTED_UNREACHED", FINDING_WARNING, BASE "dp d4 IsProtected=1",
     BASE "dp d4 A IsProtected=1", "distribution point d4", "in no boundary group"},
    {"PROTECTED_UNREACHED", FINDING_WARNING, BASE "dp d4 IsProtected=1", BASE "dp d4 IsProtected=0",
     "distribution point d4", ""},
    {"PROTECTED_UNREACHED", FINDING_WARNING,
     BASE "dp d4 Z IsProtected=1; NP_HierarchyRules Rules=2012", BASE "dp d4 Z IsProtected=1",
     "distribution point d4", "no group of it has a boundary"},
    {"RELATIONSHIP_NO_DP", FINDING_WARNING, BASE "group C; adsite C x; link A C 30",
     BASE "group C; adsite C x; link A C 30; dp d1 C", "relationship from 'A' to 'C'",
     "after its 30 minutes"},
    {"RELATIONSHIP_NO_DP", FINDING_WARNING, BASE "group C; link A C 30",
     BASE "group C; link A C -1", "relationship from 'A' to 'C'", ""},
    {"RELATIONSHIP_NO_GROUP", FINDING_ERROR, BASE "link A Q 30", BASE "link A Q 30; group Q",
     "relationship from 'A' to group 81", "p0.xml:"},
    {"RELATIONSHIP_NO_GROUP", FINDING_ERROR, BASE "link Q A 30", BASE "link Q A 30; group Q",
     "relationship from group 81 to 'A'", "p0.xml:"},
    {"RELATIONSHIP_SELF", FINDING_WARNING, BASE "link A A 30", BASE "link Z Z 30",
     "relationship from 'A' to 'A'", "decides nothing"},
    {"SUBNET_MASK", FINDING_WARNING, BASE "sub A 10.3.0.9/24", BASE "sub A 10.3.0.0",
     "boundary 8 '10.3.0.9/24'", "write 10.3.0.0,"},
    {"SUBNET_MASK", FINDING_WARNING, BASE "sub A 10.3.0.0/24", BASE "prefix A 2001:db8:0:1::/64",
     "boundary 8", ""},
    {"UPGRADE_LEFTOVER", FINDING_NOTE, BASE "SMS_BoundaryGroup GroupID=67 Name=C-Slow-Tmp; dp d1 C",
     BASE "SMS_BoundaryGroup GroupID=67 Name=C-Slow-Tmp; dp d1 C; adsite C x",
     "boundary group 67 'C-Slow-Tmp'", "1610"},
    {"VPN_NO_MATCH", FINDING_WARNING, BASE "vpn A StartsWith:Contoso", BASE "vpn A Name:Contoso",
     "boundary 8 'StartsWith:Contoso'", "its form is not known"},
    {"VPN_NO_MATCH", FINDING_WARNING, BASE "vpn A Auto:Off", BASE "vpn A auto:on", "boundary 8",
     "its form is not known"},
    {"VPN_NO_MATCH", FINDING_WARNING, BASE "vpn A Name:", BASE "vpn A Name:x", "boundary 8",
     "names no connection"},
    {"MACHINE_MANY_ADDRESSES", FINDING_NOTE, BASE HUNDRED "10.1.1.7",
     BASE HUNDRED "169.254.1.1,127.0.0.1,nonsense", "machine PC9", "has 101 addresses"},
    {"MACHINE_NO_ADDRESS", FINDING_NOTE,
     BASE "SMS_R_System Name=PC8 ResourceId=8 ADSiteName=Oslo IPSubnets=10.1.1.0;"
          "SMS_R_System Name=PC9 ResourceId=9 IPAddresses=169.254.1.1,fe80::1,nonsense",
     BASE "SMS_R_System Name=PC8 ResourceId=8 IPAddresses=10.1.1.7;"
          "SMS_R_System Name=PC9 ResourceId=9 IPAddresses=169.254.1.1,fe80::1,2001:db8::1%4",
     "machines", "no address that says where they stand is known of 2: PC8, PC9: they"},
    {"NAME_UNPRINTABLE", FINDING_WARNING, BASE "SMS_BoundaryGroup GroupID=66 Name=a\tb",
     BASE "SMS_BoundaryGroup GroupID=66 Name=a~\u00e9", "boundary group 66 'a\tb'",
     "its name holds control characters"},
    {"NAME_UNPRINTABLE", FINDING_WARNING, BASE "adsite A Oslo\u200b", BASE "adsite A \u00d8slo",
     "boundary 8 'Oslo\u200b'", "its Value holds"},
    {"NAME_UNPRINTABLE", FINDING_WARNING, BASE "sub A 10.3.0.0 DisplayName=\u202ex",
     BASE "sub A 10.3.0.0 DisplayName=x", "boundary 8 '10.3.0.0'", "its DisplayName holds"},
    {"NAME_UNPRINTABLE", FINDING_WARNING,
     BASE "SMS_DistributionPointInfo NALPath=\u200f:\\\\d8.contoso.test\\;",
     BASE "SMS_DistributionPointInfo NALPath=x:\\\\d8.contoso.test\\;",
     "distribution point d8.contoso.test", "its NAL path holds"},
    {"NAME_UNPRINTABLE", FINDING_WARNING,
     BASE "SMS_DistributionPointGroup GroupID={g} Name=Europe\u2028",
     BASE "SMS_DistributionPointGroup GroupID={g} Name=Europe",
     "distribution point group 'Europe\u2028'", "its name holds"},
    {"NAME_UNPRINTABLE", FINDING_WARNING, BASE "package 1 Name=To\tol", BASE "package 1 Name=Tool",
     "content " ESTATE_PACKAGE " 'To\tol'", "its name holds"},
    {"NAME_UNPRINTABLE", FINDING_WARNING, BASE "SMS_R_System Name=PC\t9 ResourceId=9",
     BASE "SMS_R_System Name=PC9 ResourceId=9", "machine PC\t9", "its name holds"},
    {"WORKSTATION_ONLY", FINDING_WARNING,
     BASE "group C; adsite C x; dp d4 C OperatingSystem=Windows~11; dp d5 C OperatingSystem="
          "Windows~11",
     BASE "group C; adsite C x; dp d4 C OperatingSystem=Windows~11; dp d5 C OperatingSystem="
          "Windows~Server~2022",
     "boundary group 67 'C'", "40 connections at once: d4.contoso.test, d5.contoso.test"},
    {"WORKSTATION_ONLY", FINDING_WARNING,
     BASE "group C; dp d4 C OperatingSystem=Windows~11; ours d4 MaxConnections=10",
     BASE "group C; dp d4 C OperatingSystem=Windows~11; ours d4 Kind=server", "boundary group 67",
     "10 connections"},
    {"WORKSTATION_ONLY", FINDING_WARNING, BASE "group C; dp d4 C OperatingSystem=Windows~11",
     BASE "group C; dp d4 OperatingSystem=Windows~11", "boundary group 67", ""},
};

/* The first finding that is not about what small sites leave out, and how many there are. */
static const struct finding *first_of_site(const struct checked *checked, size_t *count)
{
    const struct finding *first = NULL;
    *count = 0;
    for (size_t i = 0; i < checked->findings.count; i++) {
        const struct finding *finding = &checked->findings.items[i];
        if (strcmp(finding->code, "MISSING_CLASS") == 0)
            continue;
        first = (*count)++ == 0 ? finding : first;
    }
    return first;
}

/* Nothing is to be found where nothing is wrong. */
static void nothing_wrong(void **state)
{
    static const char *const sites[] = {BASE, BASE B, "CCM_X A=1"};
    (void)state;
    for (size_t i = 0; i < sizeof sites / sizeof sites[0]; i++) {
        struct checked checked;
        size_t count;
        check(&checked, sites[i]);
        const struct finding *finding = first_of_site(&checked, &count);
        if (count)
            fail_msg("%s: %s %s: %s", sites[i], finding->code, finding->object, finding->text);
        free_checked(&checked);
    }
}

static void every_code(void **state)
{
    (void)state;
    check_cases(cases, sizeof cases / sizeof cases[0]);
}

/* A leftover of the upgrade is that, and not a group without boundaries as well. */
static void leftover_is_one_finding(void **state)
{
    (void)state;
    struct checked checked;
    check(&checked, BASE "SMS_BoundaryGroup GroupID=67 Name=C-slow-tmp; dp d1 C");
    size_t count;
    const struct finding *finding = first_of_site(&checked, &count);
    assert_int_equal(count, 1);
    assert_string_equal(finding->code, "UPGRADE_LEFTOVER");
    free_checked(&checked);
}

/* One finding a group, whatever is missing in it, or however much of it is there. */
static void missing_by_group(void **state)
{
    static const struct {
        const char *object, *text;
    } want[] = {
        {"boundary group 65 'A'",
         "boundaries are its members that the policy does not have, 2 in all: "
         "98, 99 ("},
        {"boundary group 80",
         "boundaries are in this group, which the policy does not have, 2 in all: 7, "
         "97 ("},
        {"boundary group 81",
         "boundaries are in this group, which the policy does not have, 1 in all: 7 ("},
        {"boundary group 80",
         "servers are in this group, which the policy does not have, 1 in all: "
         "d5.contoso.test ("},
        {"boundary group 81",
         "servers are in this group, which the policy does not have, 2 in all: "
         "d4.contoso.test, d5.contoso.test ("},
    };
    (void)state;
    struct checked checked;
    size_t count;
    check(&checked,
          BASE "dp d4 A Q; dp d5 A P Q; SMS_BoundaryGroupMembers BoundaryID=98 GroupID=65;"
               "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65;"
               "SMS_BoundaryGroupMembers BoundaryID=7 GroupID=80;"
               "SMS_BoundaryGroupMembers BoundaryID=97 GroupID=80;"
               "SMS_BoundaryGroupMembers BoundaryID=7 GroupID=81");
    const struct finding *found = find(&checked, "MEMBER_MISSING", &count);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(found[i].object, want[i].object);
        if (strncmp(found[i].text, want[i].text, strlen(want[i].text)) != 0)
            fail_msg("%s", found[i].text);
    }
    free_checked(&checked);
}

/* Names and descriptions of VPN connections: the longest that an adapter can match, and one more
   character. */
static void long_vpn_names(void **state)
{
    static const struct {
        const char *prefix;
        int fits;
    } kinds[] = {{"Name:", 250}, {"Description:", 243}};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (int more = 0; more < 2; more++) {
            struct buf text = {0};
            buf_format(&text, BASE "vpn A %s", kinds[i].prefix);
            for (int j = 0; j < kinds[i].fits + more; j++)
                buf_append_text(&text, "\u20ac");
            struct checked checked;
            size_t count;
            check(&checked, text.data);
            find(&checked, "VPN_NO_MATCH", &count);
            assert_int_equal(count, more);
            free_checked(&checked);
            buf_free(&text);
        }
}

/* Errors first, then warnings, then notes; of one severity by code. */
static void order(void **state)
{
    (void)state;
    struct checked checked;
    check(&checked, BASE "dp d4; link A A 5; link A Q 5; group C; adsite D x;"
                         "SMS_Boundary BoundaryID=99 BoundaryType=1 Value=Oslo");
    const struct finding *items = checked.findings.items;
    assert_true(checked.findings.count > 6);
    for (size_t i = 1; i < checked.findings.count; i++) {
        assert_true(items[i - 1].severity <= items[i].severity);
        if (items[i - 1].severity == items[i].severity)
            assert_true(strcmp(items[i - 1].code, items[i].code) <= 0);
    }
    assert_string_equal(items[0].code, "MEMBER_MISSING");
    free_checked(&checked);
}

/* A name from outside may have any length; what is said of it has not, and cuts no character. */
static void long_names(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, BASE "SMS_BoundaryGroup GroupID=66 Name=x");
    for (int i = 0; i < 200000; i++)
        buf_append_text(&text, "\u00e9");
    struct checked checked;
    size_t count;
    check(&checked, text.data);
    const struct finding *finding = find(&checked, "GROUP_NO_DP", &count);
    assert_int_equal(count, 1);
    assert_true(strlen(finding->object) < 300);
    assert_true(text_is_utf8(finding->object, strlen(finding->object)));
    assert_non_null(strstr(finding->object, "\u00e9...'"));
    free_checked(&checked);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_wrong),
        cmocka_unit_test(every_code),
        cmocka_unit_test(leftover_is_one_finding),
        cmocka_unit_test(missing_by_group),
        cmocka_unit_test(long_vpn_names),
        cmocka_unit_test(order),
        cmocka_unit_test(long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

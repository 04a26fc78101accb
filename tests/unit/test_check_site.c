/* policy check on boundaries, groups, relationships and distribution points: each code with a small
   site that raises it, and a twin with one fact changed that does not. */
#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/checked.h"

/* A site in which nothing is to be found. */
#define BASE                                                                 \
    "group A; default Z Default-Site-Boundary-Group<PS1>; dp d1 A; dp d2 Z;" \
    "ours d1 Addresses=10.1.1.9/24; ours d2 Addresses=10.9.9.9/24; range A 10.1.1.1-10.1.1.254;"
/* Another group with a distribution point and a boundary far away. */
#define B  "group B; dp d3 B; ours d3 Addresses=10.2.1.9/24; range B 10.2.1.1-10.2.1.254;"
#define PC "SMS_R_System ResourceId=7 Name=PC7 IPAddresses=10.1.1.30 IPSubnets=10.1.1.0;"

static const struct row {
    const char *code;
    enum finding_severity severity;
    const char *raises, *twin;
    const char *object, *text; /* parts of them */
} rows[] = {
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
     "boundary group 65 'A'", "its MemberCount is 2, and the policy has 1 rows"},
    {"COUNT_MISMATCH", FINDING_WARNING,
     BASE "SMS_BoundaryGroup GroupID=65 Name=A MemberCount=1;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65",
     BASE "SMS_BoundaryGroup GroupID=65 Name=A MemberCount=2;"
          "SMS_BoundaryGroupMembers BoundaryID=99 GroupID=65",
     "boundary group 65", "the policy has 2 rows of SMS_BoundaryGroupMembers"},
    {"COUNT_MISMATCH", FINDING_WARNING,
     BASE "SMS_BoundaryGroup GroupID=65 Name=A SiteSystemCount=1;"
          "SMS_BoundaryGroupSiteSystems GroupID=65 ServerNALPath=\\\\mp1\\",
     BASE "SMS_BoundaryGroup GroupID=65 Name=A SiteSystemCount=2;"
          "SMS_BoundaryGroupSiteSystems GroupID=65 ServerNALPath=\\\\mp1\\",
     "boundary group 65", "its SiteSystemCount is 1, and the policy has 2 rows"},
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
     "wait 20 minutes for 'B'"},
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
     "1 of its members are boundaries that the policy does not have: 99"},
    {"MEMBER_MISSING", FINDING_ERROR, BASE "SMS_BoundaryGroupMembers BoundaryID=7 GroupID=66",
     BASE "SMS_BoundaryGroupMembers BoundaryID=7 GroupID=66; group B", "boundary group 66",
     "1 boundaries are in this group, which the policy does not have: 7"},
    {"MEMBER_MISSING", FINDING_ERROR, BASE "dp d3 A Q", BASE "dp d3 A", "boundary group 81",
     "1 servers are in this group, which the policy does not have: d3.contoso.test"},
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
    /* Overlaps: with what, where, and who. */
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.1.1.254-10.1.2.9",
     BASE B "range B 10.1.1.255-10.1.2.9", "boundary 7 '10.1.1.1-10.1.1.254'",
     "in 'A', and overlaps 1 boundary of other groups: boundary 12 '10.1.1.254-10.1.2.9' of 'B' "
     "(in common: 10.1.1.254-10.1.1.254)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.1.1.1-10.1.1.9",
     BASE B "range A 10.1.1.1-10.1.1.9", "boundary 7", "(in common: 10.1.1.1-10.1.1.9)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.1.1.1-10.1.1.9",
     BASE "SMS_Boundary BoundaryID=99 BoundaryType=3 Value=10.1.1.1-10.1.1.9", "boundary 7", ""},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "sub B 10.1.1.0", BASE B "sub B 10.1.0.0",
     "boundary 12 '10.1.1.0'",
     "boundary 7 '10.1.1.1-10.1.1.254' of 'A' (in common: subnet 10.1.1.0)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.4.0.0-10.4.0.9; sub A 10.4.0.0",
     BASE B "range B 10.4.0.2-10.4.0.9; sub A 10.4.0.0", "boundary 12",
     "boundary 13 '10.4.0.0' of 'A' (in common: subnet 10.4.0.0)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "sub A 10.4.0.0; sub B 10.4.0.0",
     BASE B "sub A 10.4.0.0; sub B 10.4.0.1", "boundary 12", "(in common: subnet 10.4.0.0)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "sub A 10.4.0.4; range B 10.4.0.5-10.4.0.6",
     BASE B "sub A 10.4.0.3; range B 10.4.0.4-10.4.0.6", "boundary 12", "subnet 10.4.0.4"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "sub A 10.4.0.0; sub B 10.4.0.0",
     BASE B "sub A 10.4.0.0/24; sub B 10.4.0.0", "boundary 12", ""},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "prefix A 2001:db8:0:1; prefix B 2001:db8::/32",
     BASE B "prefix A 2001:db8:0:1; prefix B 2001:db9::/32", "boundary 13 '2001:db8::/32'",
     "(in common: 2001:db8:0:1::-2001:db8:0:1:ffff:ffff:ffff:ffff)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "prefix B 2001:db8::/32; prefix A ::/0",
     BASE "group B; prefix B ::/0", "boundary 13 '::/0'", "overlaps 1 boundary"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "adsite A Oslo; adsite B OSLO",
     BASE B "adsite A Oslo; vpn B Name:Oslo", "boundary 12 'Oslo'",
     "boundary 13 'OSLO' of 'B' (in common: the same value)"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "vpn A Auto:On; vpn B auto:on",
     BASE B "vpn A Auto:On; vpn B Name:x", "boundary 12", "of 'B'"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.1.1.0-10.1.1.40;" PC,
     BASE B "range A 10.1.1.0-10.1.1.40;" PC, "boundary 12",
     "; 1 machine of SMS_R_System stands there: PC7;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "range B 10.1.1.0-10.1.1.29;" PC,
     BASE B "range A 10.1.1.0-10.1.1.29;" PC, "boundary 12",
     "; no machine of SMS_R_System stands there;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "sub B 10.1.1.0;" PC, BASE B "sub A 10.1.1.0;" PC,
     "boundary 12", "; 1 machine of SMS_R_System stands there: PC7;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING,
     BASE "group B; sub B 10.1.1.0; SMS_R_System ResourceId=7 Name=PC7 IPAddresses=10.1.1.255 "
          "IPSubnets=10.1.1.0",
     BASE "group B; sub A 10.1.1.0", "boundary 9", "; no machine of SMS_R_System stands there;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING,
     BASE B "sub A 10.4.0.0; sub B 10.4.0.0; SMS_R_System ResourceId=7 Name=PC7 "
            "IPSubnets=10.4.0.0",
     BASE B "sub A 10.4.0.0", "boundary 12", "; 1 machine of SMS_R_System stands there: PC7;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING,
     BASE B "adsite A Oslo; adsite B Oslo; SMS_R_System ResourceId=7 Name=PC7 ADSiteName=oslo;"
            "SMS_R_System ResourceId=8 Name=PC8 ADSiteName=Oslo2",
     BASE B "adsite A Oslo", "boundary 12", "; 1 machine of SMS_R_System stands there: PC7;"},
    {"BOUNDARY_OVERLAP", FINDING_WARNING, BASE B "vpn A Auto:On; vpn B Auto:On;" PC,
     BASE B "vpn A Auto:On;" PC, "boundary 12", "(in common: the same value); a machine in both"},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* Nothing is to be found where nothing is wrong. */
static void nothing_wrong(void **state)
{
    static const char *const sites[] = {BASE, BASE B, "CCM_X A=1"};
    (void)state;
    for (size_t i = 0; i < sizeof sites / sizeof sites[0]; i++) {
        struct checked checked;
        check(&checked, sites[i]);
        if (checked.findings.count)
            fail_msg("%s: %s %s: %s", sites[i], checked.findings.items[0].code,
                     checked.findings.items[0].object, checked.findings.items[0].text);
        free_checked(&checked);
    }
}

static void raised(const struct row *row)
{
    struct checked checked;
    size_t count;
    check(&checked, row->raises);
    const struct finding *finding = find(&checked, row->code, &count);
    if (count != 1)
        fail_msg("%s: %zu of %s", row->raises, count, row->code);
    if (finding->severity != row->severity)
        fail_msg("%s: %s is %s", row->raises, row->code, check_severity_word(finding->severity));
    if (!strstr(finding->object, row->object) || !strstr(finding->text, row->text))
        fail_msg("%s: %s %s: %s", row->raises, row->code, finding->object, finding->text);
    free_checked(&checked);
}

static void not_raised(const struct row *row)
{
    struct checked checked;
    size_t count;
    check(&checked, row->twin);
    const struct finding *finding = find(&checked, row->code, &count);
    if (count)
        fail_msg("%s: %s %s: %s", row->twin, row->code, finding->object, finding->text);
    free_checked(&checked);
}

static void every_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        raised(&rows[i]);
        not_raised(&rows[i]);
    }
}

/* A leftover of the upgrade is that, and not a group without boundaries as well. */
static void leftover_is_one_finding(void **state)
{
    (void)state;
    struct checked checked;
    check(&checked, BASE "SMS_BoundaryGroup GroupID=67 Name=C-slow-tmp; dp d1 C");
    assert_int_equal(checked.findings.count, 1);
    assert_string_equal(checked.findings.items[0].code, "UPGRADE_LEFTOVER");
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

/* One finding stands for a boundary and all that come after it: three are named, all are counted,
   those of the same groups are not. */
static void many_overlaps(void **state)
{
    (void)state;
    struct checked checked;
    size_t count;
    check(&checked, BASE B
          "range A 10.4.0.0-10.4.0.99; range B 10.4.0.1-10.4.0.1; range A "
          "10.4.0.2-10.4.0.2; range B 10.4.0.3-10.4.0.3; range B 10.4.0.4-10.4.0.4; "
          "range B 10.4.0.5-10.4.0.5; range A 10.4.0.6-10.4.0.6; range B 10.4.0.99-10.5.0.0");
    const struct finding *finding = find(&checked, "BOUNDARY_OVERLAP", &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(finding->text, "overlaps 5 boundaries of other groups: boundary 13 "));
    assert_non_null(strstr(finding->text, ", boundary 15 "));
    assert_non_null(strstr(finding->text, ", boundary 16 "));
    assert_null(strstr(finding->text, "boundary 17 "));
    assert_non_null(strstr(finding->text, " and 2 more;"));
    free_checked(&checked);
}

/* Groups are compared as sets: the same two are no difference, one of two is. */
static void sets_of_groups(void **state)
{
    static const char both[] = BASE B "range A 10.4.0.0-10.4.0.9; range A 10.4.0.1-10.4.0.2;"
                                      "SMS_BoundaryGroupMembers BoundaryID=12 GroupID=66;"
                                      "SMS_BoundaryGroupMembers BoundaryID=13 GroupID=66";
    (void)state;
    struct checked checked;
    size_t count;
    check(&checked, both);
    find(&checked, "BOUNDARY_OVERLAP", &count);
    assert_int_equal(count, 0);
    free_checked(&checked);
    check(&checked, BASE B "range A 10.4.0.0-10.4.0.9; range A 10.4.0.1-10.4.0.2;"
                           "SMS_BoundaryGroupMembers BoundaryID=13 GroupID=66");
    const struct finding *finding = find(&checked, "BOUNDARY_OVERLAP", &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(finding->text, "in 'A', and"));
    assert_non_null(strstr(finding->text, "of 'A', 'B' ("));
    free_checked(&checked);
}

/* A machine with two addresses in two overlaps counts once; three are named. */
static void machines_count_once(void **state)
{
    (void)state;
    struct checked checked;
    size_t count;
    check(&checked,
          BASE B "range A 10.4.0.0-10.4.0.99; range B 10.4.0.1-10.4.0.9; range B "
                 "10.4.0.5-10.4.0.20; SMS_R_System ResourceId=1 Name=PC1 IPAddresses=10.4.0.6,"
                 "10.4.0.19; SMS_R_System ResourceId=2 Name=PC2 IPAddresses=10.4.0.7;"
                 "SMS_R_System ResourceId=3 Name=PC3 IPAddresses=10.4.0.9;"
                 "SMS_R_System ResourceId=4 Name=PC4 IPAddresses=10.4.0.20;"
                 "SMS_R_System ResourceId=5 Name=PC5 IPAddresses=10.4.0.21");
    const struct finding *finding = find(&checked, "BOUNDARY_OVERLAP", &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(finding->text,
                           "; 4 machines of SMS_R_System stand there: PC1, PC2, PC3 and 1 more;"));
    free_checked(&checked);
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

#define MANY 100000

/* A boundary that holds a hundred thousand others, of which each has another group than the next.
 */
static void many_boundaries(struct buf *xml, void value(char out[64], unsigned i))
{
    buf_append_text(xml, BASE B "group C; dp d1 C; range C 0.0.0.0-255.255.255.254;");
    for (unsigned i = 0; i < MANY; i++) {
        char of[64];
        value(of, i);
        buf_format(xml, "range %c %s;", i % 2 ? 'A' : 'B', of);
    }
}

static void format_range(char out[64], unsigned first, unsigned last)
{
    snprintf(out, 64, "%u.%u.%u.%u-%u.%u.%u.%u", first >> 24, first >> 16 & 255, first >> 8 & 255,
             first & 255, last >> 24, last >> 16 & 255, last >> 8 & 255, last & 255);
}

static void side_by_side(char out[64], unsigned i)
{
    format_range(out, 0x0B000000 + i * 4, 0x0B000003 + i * 4);
}

static void nested(char out[64], unsigned i)
{
    format_range(out, 0x0B000000 + i, 0x0C000000 - i);
}

/* However hostile a site is, what is found of it stays short, and says how much it left out. */
static void bounded(void **state)
{
    static const struct {
        void (*value)(char out[64], unsigned i);
        size_t count;
        const char *last;
    } cases[] = {
        {side_by_side, 1, "overlaps 100002 boundaries of other groups"},
        {nested, LIMIT_FINDINGS + 1, "and 99000 more of this code"},
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct buf xml = {0};
        many_boundaries(&xml, cases[i].value);
        struct checked checked;
        size_t count;
        check(&checked, xml.data);
        const struct finding *first = find(&checked, "BOUNDARY_OVERLAP", &count);
        assert_int_equal(count, cases[i].count);
        assert_non_null(strstr(first[count - 1].text, cases[i].last));
        assert_true(strlen(first->text) < 1000);
        free_checked(&checked);
        buf_free(&xml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_wrong),
        cmocka_unit_test(every_code),
        cmocka_unit_test(leftover_is_one_finding),
        cmocka_unit_test(long_vpn_names),
        cmocka_unit_test(many_overlaps),
        cmocka_unit_test(sets_of_groups),
        cmocka_unit_test(machines_count_once),
        cmocka_unit_test(order),
        cmocka_unit_test(long_names),
        cmocka_unit_test(bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

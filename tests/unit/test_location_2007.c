/*
 * Where a machine would get a content under the rules of 2007 as tables: sites, protected
 * distribution points, local and remote ones. Later names are to stand first where an order is
 * asked: equals stand by name (location_rows.h).
 */
#include "tests/unit/location_rows.h"

#define Q(...)                       \
    {                                \
        .rules = "2007", __VA_ARGS__ \
    }
#define A_ONLY "group A; sub A 10.1.1.0;"
#define PAIR   A_ONLY "dp p1 A; dp p2 A;"
#define SITES                                                               \
    "group A; sub A 10.1.1.0 DefaultSiteCode=PS1; group B; sub B 10.2.2.0 " \
    "DefaultSiteCode=PS2; dp a1 A SiteCode=PS1; dp b1 B SiteCode=PS2;"

/* The current site's, the assigned site's where none of those has it, no others'. The documents
   name the assigned site PS1. */
static void sites(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"in A", "facts 3.5: 2007", SITES, IN_A, Q(), "a1:LOCAL@0 | b1:OTHER_SITE"},
        {"in B", "facts 3.5: 2007", SITES, IN_B, Q(), "b1:LOCAL@0 | a1:OTHER_SITE"},
        {"in both", "ours", SITES, AB, Q(), "a1:LOCAL@0 b1:LOCAL@0 |"},
        {"a boundary of both sites", "ours", SITES
         "range A 10.7.0.1-10.7.0.9 DefaultSiteCode=PS1,PS2", "address=10.7.0.1", Q(),
         "a1:LOCAL@0 b1:REMOTE@0 |"},
        {"a boundary of a third site", "ours", SITES
         "range A 10.7.0.1-10.7.0.9 DefaultSiteCode=PS3", "address=10.7.0.1 site=PS4", Q(),
         "| a1:OTHER_SITE b1:OTHER_SITE"},
        {"codes without case", "ours", A_ONLY
         "range A 10.7.0.1-10.7.0.9 DefaultSiteCode=ps2; dp b1 SiteCode=PS2; dp c1 SiteCode=PS1",
         "address=10.7.0.1", Q(), "b1:REMOTE@0 | c1:OTHER_SITE"},
        {"the boundary has no code: the assigned site's", "ours", TWO
         "dp x1 SiteCode=PS1; dp y1 SiteCode=PS9", IN_A, Q(),
         "a1:LOCAL@0 b1:REMOTE@0 x1:REMOTE@0 | y1:OTHER_SITE"},
        {"the boundary has no code, another assigned site", "ours", TWO
         "dp x1 SiteCode=PS1; dp y1 SiteCode=PS9", IN_A " site=PS9", Q(),
         "a1:LOCAL@0 b1:REMOTE@0 y1:REMOTE@0 | x1:OTHER_SITE"},
        {"one of two boundaries has a code", "ours", TWO
         "range A 10.1.1.1-10.1.1.9 DefaultSiteCode=PS1; dp x1 SiteCode=PS9", IN_A, Q(),
         "a1:LOCAL@0 b1:REMOTE@0 | x1:OTHER_SITE"},
        {"in no boundary: the assigned site's", "facts 3.5: 2007", SITES, NONE, Q(),
         "a1:REMOTE@0 | b1:OTHER_SITE"},
        {"in no boundary, another assigned site", "facts 3.5: 2007", SITES, NONE " site=PS2", Q(),
         "b1:REMOTE@0 | a1:OTHER_SITE"},
        {"the distribution point has no code", "ours", SITES "dp x1", IN_A, Q(),
         "a1:LOCAL@0 x1:REMOTE@0 | b1:OTHER_SITE"},
        {"it has another", "ours", SITES "dp x1 SiteCode=PS3", IN_A, Q(),
         "a1:LOCAL@0 | b1:OTHER_SITE x1:OTHER_SITE"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* Where none of the current site has it. */
static void assigned_site(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"assigned site, none here has it", "facts 3.5: 2007", SITES "has a1 3 3; has b1 0 3", IN_A
         " site=PS2", Q(), "b1:REMOTE@0 | a1:NO_CONTENT"},
        {"assigned site, one here has it", "facts 3.5: 2007", SITES "has a1 0 3; has b1 0 3", IN_A
         " site=PS2", Q(), "a1:LOCAL@0 | b1:OTHER_SITE"},
        {"not the assigned site, none here has it", "facts 3.5: 2007", SITES
         "has a1 3 3; has b1 0 3", IN_A " site=PS3", Q(), "| a1:NO_CONTENT b1:OTHER_SITE"},
        {"assigned site without case", "ours", SITES "has a1 3 3; has b1 0 3", IN_A " site=ps2",
         Q(), "b1:REMOTE@0 | a1:NO_CONTENT"},
        {"assigned by the documents", "contract: assignedSite", SITES "has a1 0 3; has b1 3 3",
         IN_B, Q(), "a1:REMOTE@0 | b1:NO_CONTENT"},
        {"the machine says another", "contract: assignedSite", SITES "has a1 0 3; has b1 3 3", IN_B
         " site=PS2", Q(), "| a1:OTHER_SITE b1:NO_CONTENT"},
        {"an old version here is none", "ours", SITES "has a1 0 2; has b1 0 3", IN_A " site=PS2",
         Q(), "b1:REMOTE@0 | a1:OLD_VERSION"},
        {"a newer version here is none", "ours", SITES "has a1 0 4; has b1 0 3", IN_A " site=PS2",
         Q(), "b1:REMOTE@0 | a1:NEWER_VERSION"},
        {"updating here counts", "ours", SITES "has a1 8 3; has b1 0 3", IN_A " site=PS2", Q(),
         "a1:LOCAL@0 | b1:OTHER_SITE"},
        {"perhaps here counts", "ours", SITES, IN_A " site=PS2", Q(), "a1:LOCAL@0 | b1:OTHER_SITE"},
        {"here, behind another obstacle, counts", "ours", A_ONLY
         "range A 10.1.1.1-10.1.1.9 DefaultSiteCode=PS1; dp a1 A SiteCode=PS1 MaintenanceMode=1; dp b1 SiteCode=PS2; has a1 0 3; has b1 0 3",
         IN_A " site=PS2", Q(), "| a1:MAINTENANCE b1:OTHER_SITE"},
        {"one without code that has it counts as here", "ours", SITES
         "dp x1; has a1 3 3; has b1 0 3; has x1 0 3", IN_A " site=PS2", Q(),
         "x1:REMOTE@0 | a1:NO_CONTENT b1:OTHER_SITE"},
        {"one without code that has it not", "ours", SITES
         "dp x1; has a1 3 3; has b1 0 3; has x1 3 3", IN_A " site=PS2", Q(),
         "b1:REMOTE@0 | a1:NO_CONTENT x1:NO_CONTENT"},
        {"cloud of another site", "ours", SITES "dp c1 SiteCode=PS2; cloud c1 k.contoso.test", IN_A,
         Q(), "a1:LOCAL@0 | b1:OTHER_SITE c1:OTHER_SITE"},
        {"cloud of the site", "ours", SITES "dp c1 SiteCode=PS1; cloud c1 k.contoso.test", IN_A,
         Q(), "a1:LOCAL@0 c1:CLOUD@0 | b1:OTHER_SITE"},
        {"on the internet sites do not count", "ours", SITES
         "dp w1 SiteCode=PS2 InternetFacing=1 Communication=1", IN_A " " NET, Q(),
         "w1:INTERNET@0 | a1:INTRANET_ONLY b1:INTRANET_ONLY"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

#define PROTECTED A_ONLY "dp p9 A IsProtected=1; dp a1 A;"
#define BARE      A_ONLY "dp p9 A IsProtected=1; dp a1 A; has p9 3 3; has a1 0 3;"

/* Protected ones that have it and hold the machine hide all others, for 480 minutes or for good. */
static void protection(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"hidden", "facts 3.5: 2007", PROTECTED, IN_A, Q(),
         "p9:LOCAL@0 | a1:HIDDEN_BY_PROTECTED@480"},
        {"not protected", "facts 3.5: 2007", A_ONLY "dp p9 A IsProtected=0; dp a1 A", IN_A, Q(),
         "a1:LOCAL@0 p9:LOCAL@0 |"},
        {"at minute 479", "ours", PROTECTED, IN_A, Q( .minutes = 479 ),
         "p9:LOCAL@0 | a1:HIDDEN_BY_PROTECTED@480"},
        {"at minute 480", "ours", PROTECTED, IN_A, Q( .minutes = 480 ),
         "p9:LOCAL@0 a1:LOCAL@480 |"},
        {"fallback forbidden: for good", "sdk 5.1", PROTECTED, IN_A,
         Q( .minutes = LATER, .bits = "flags=0x20050" ), "p9:LOCAL@0 | a1:HIDDEN_BY_PROTECTED"},
        {"fallback forbidden by DPLocality", "sdk 5.2", PROTECTED, IN_A,
         Q( .minutes = LATER, .bits = "locality=0x20050" ), "p9:LOCAL@0 | a1:HIDDEN_BY_PROTECTED"},
        {"fallback not forbidden", "sdk 5.1", PROTECTED, IN_A,
         Q( .minutes = LATER, .bits = "flags=0x50" ), "p9:LOCAL@0 a1:LOCAL@480 |"},
        {"two protected ones stand both", "facts 3.5: 2007", PROTECTED "dp p8 A IsProtected=1",
         IN_A, Q(), "p8:LOCAL@0 p9:LOCAL@0 | a1:HIDDEN_BY_PROTECTED@480"},
        {"the second of two has it", "facts 3.5: 2007", BARE "dp q1 A IsProtected=1; has q1 0 3",
         IN_A, Q(), "q1:LOCAL@0 | a1:HIDDEN_BY_PROTECTED@480 p9:NO_CONTENT"},
        {"updating there hides", "ours", PROTECTED "has p9 7 3; has a1 0 3", IN_A, Q(),
         "p9:LOCAL@0 | a1:HIDDEN_BY_PROTECTED@480"},
        {"cloud is hidden too", "ours", A_ONLY
         "dp p9 A IsProtected=1; dp c1; cloud c1 k.contoso.test", IN_A, Q(),
         "p9:LOCAL@0 | c1:HIDDEN_BY_PROTECTED@480"},
        {"cloud hides too", "ours", A_ONLY
         "dp p9 A IsProtected=1; cloud p9 k.contoso.test; dp a1 A", IN_A, Q(),
         "p9:CLOUD@0 | a1:HIDDEN_BY_PROTECTED@480"},
        {"cloud that is not allowed hides nobody", "ours", A_ONLY
         "dp p9 A IsProtected=1; cloud p9 k.contoso.test; dp a1 A", IN_A, Q( .no_cloud = true ),
         "a1:LOCAL@0 | p9:CLOUD_NOT_ALLOWED"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* Who hides nobody; what a deployment says where none has it. */
static void no_protection(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"others' protected ones", "facts 3.5: 2007", A_ONLY
         "group B; dp p9 B IsProtected=1; dp a1 A", IN_A, Q(), "a1:LOCAL@0 | p9:PROTECTED"},
        {"a protected one of no group", "facts 3.5: 2007", A_ONLY "dp p9 IsProtected=1; dp a1 A",
         IN_A, Q(), "a1:LOCAL@0 | p9:PROTECTED"},
        {"of two groups, one holds the machine", "ours", A_ONLY
         "group B; dp p9 A B IsProtected=1; dp a1 A", IN_A, Q(),
         "p9:LOCAL@0 | a1:HIDDEN_BY_PROTECTED@480"},
        {"the machine in no group", "facts 3.5: 2007", PROTECTED, NONE, Q(),
         "a1:REMOTE@0 | p9:PROTECTED"},
        {"has it not: others at once", "facts 3.5: 2007", BARE, IN_A, Q(),
         "a1:LOCAL@0 | p9:NO_CONTENT"},
        {"has it not, fallback forbidden", "sdk 5.1", BARE, IN_A, Q( .bits = "flags=0x20050" ),
         "| a1:REMOTE_NOT_ALLOWED p9:NO_CONTENT"},
        {"has an old version, fallback forbidden", "ours", PROTECTED "has p9 0 2; has a1 0 3", IN_A,
         Q( .bits = "flags=0x20050" ), "| a1:REMOTE_NOT_ALLOWED p9:OLD_VERSION"},
        {"no protected one, fallback forbidden", "ours", A_ONLY
         "dp p9 A; dp a1 A; has p9 3 3; has a1 0 3", IN_A, Q( .bits = "flags=0x20050" ),
         "a1:LOCAL@0 | p9:NO_CONTENT"},
        {"protected elsewhere, fallback forbidden", "ours", A_ONLY
         "group B; dp p9 B IsProtected=1; dp a1 A", IN_A, Q( .bits = "flags=0x20050" ),
         "a1:LOCAL@0 | p9:PROTECTED"},
        {"in maintenance it hides nobody", "ours", A_ONLY
         "dp p9 A IsProtected=1 MaintenanceMode=1; dp a1 A", IN_A, Q(),
         "a1:LOCAL@0 | p9:MAINTENANCE"},
        {"in maintenance, fallback forbidden", "ours", A_ONLY
         "dp p9 A IsProtected=1 MaintenanceMode=1; dp a1 A", IN_A, Q( .bits = "flags=0x20050" ),
         "a1:LOCAL@0 | p9:MAINTENANCE"},
        {"by ftp it hides nobody", "ours", PROTECTED "ours p9 BaseURL=ftp://x/", IN_A, Q(),
         "a1:LOCAL@0 | p9:UNSUPPORTED_SCHEME"},
        {"for the internet only it hides nobody", "ours", A_ONLY
         "dp p9 A IsProtected=1 InternetFacing=1; role p9 InternetShared=0; dp a1 A", IN_A, Q(),
         "a1:LOCAL@0 | p9:INTERNET_ONLY"},
        {"of another site it hides nobody", "ours", A_ONLY
         "range A 10.1.1.1-10.1.1.9 DefaultSiteCode=PS2; dp p9 A IsProtected=1 SiteCode=PS1; dp a1 A",
         IN_A, Q(), "a1:LOCAL@0 | p9:OTHER_SITE"},
        {"of the assigned site, which serves", "ours", A_ONLY
         "range A 10.1.1.1-10.1.1.9 DefaultSiteCode=PS2; dp p9 A IsProtected=1 SiteCode=PS1; dp a1 SiteCode=PS1; has p9 0 3; has a1 0 3",
         IN_A, Q(), "p9:LOCAL@0 | a1:HIDDEN_BY_PROTECTED@480"},
        {"hidden without the content: no minute", "ours", PROTECTED "has p9 0 3; has a1 3 3", IN_A,
         Q(), "p9:LOCAL@0 | a1:HIDDEN_BY_PROTECTED"},
        {"a task sequence waits here too", "ours", PROTECTED, IN_A, Q( .task_sequence = true ),
         "p9:LOCAL@0 | a1:HIDDEN_BY_PROTECTED@480"},
        {"hidden and remote: no minute", "ours", A_ONLY "dp p9 A IsProtected=1; dp a1", IN_A,
         Q( .bits = "flags=0x10" ), "p9:LOCAL@0 | a1:HIDDEN_BY_PROTECTED"},
        {"then remote", "ours", A_ONLY "dp p9 A IsProtected=1; dp a1", IN_A,
         Q( .bits = "flags=0x10", .minutes = 480 ), "p9:LOCAL@0 | a1:REMOTE_NOT_ALLOWED"},
        {"on the internet nobody is protected", "ours",
         "dp w1 InternetFacing=1 Communication=1 IsProtected=1; dp w2 InternetFacing=1 Communication=1",
         NET, Q(), "w1:INTERNET@0 w2:INTERNET@0 |"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* Local is in a group with a fast boundary that holds the machine; remote needs leave. */
static void speed(void **state)
{
#define SLOW "group A; sub A 10.1.1.0 BoundaryFlags=1; dp p1 A;"
    /* clang-format off */
    static const struct row rows[] = {
        {"a fast boundary", "facts 3.5: 2007", A_ONLY "dp p1 A", IN_A, Q(), "p1:LOCAL@0 |"},
        {"a slow boundary", "facts 3.5: 2007", SLOW, IN_A, Q(), "p1:REMOTE@0 |"},
        {"a slow one and a fast one", "ours", SLOW "range A 10.1.1.1-10.1.1.9", IN_A, Q(),
         "p1:LOCAL@0 |"},
        {"the fast one does not hold the machine", "ours", SLOW "range A 10.1.1.6-10.1.1.9", IN_A,
         Q(), "p1:REMOTE@0 |"},
        {"a fast one of another group", "ours", SLOW "group B; range B 10.1.1.1-10.1.1.9; dp b1 B",
         IN_A, Q(), "b1:LOCAL@0 p1:REMOTE@0 |"},
        {"two groups, one is fast", "ours", SLOW "group B; range B 10.1.1.1-10.1.1.9; dp pb A B",
         IN_A, Q(), "pb:LOCAL@0 p1:REMOTE@0 |"},
        {"no boundary", "facts 3.5: 2007", A_ONLY "dp p1 A", NONE, Q(), "p1:REMOTE@0 |"},
        {"slow servers are of 2012", "ours", A_ONLY "dp p1 A/slow", IN_A, Q( .bits = "flags=0x10" ),
         "p1:LOCAL@0 |"},
        {"local, remote not allowed", "sdk 5.1", A_ONLY "dp p1 A", IN_A, Q( .bits = "flags=48" ),
         "p1:LOCAL@0 |"},
        {"slow, remote not allowed", "sdk 5.1", SLOW, IN_A, Q( .bits = "flags=48" ),
         "| p1:REMOTE_NOT_ALLOWED"},
        {"slow, remote allowed", "sdk 5.1", SLOW, IN_A, Q( .bits = "flags=0x50" ), "p1:REMOTE@0 |"},
        {"slow, updates, bit 4 alone", "sdk 5.2", SLOW, IN_A, Q( .bits = "locality=0x10" ),
         "| p1:REMOTE_NOT_ALLOWED"},
        {"slow, updates, 80", "sdk 5.2", SLOW, IN_A, Q( .bits = "locality=80" ), "p1:REMOTE@0 |"},
        {"slow, run from remote alone", "sdk 5.1", SLOW, IN_A, Q( .bits = "flags=0x90" ),
         "| p1:REMOTE_NOT_ALLOWED"},
        {"a task sequence on demand from remote", "sdk 5.1", SLOW, IN_A,
         Q( .bits = "flags=0x210", .task_sequence = true ), "p1:REMOTE@0 |"},
        {"no task sequence", "sdk 5.1", SLOW, IN_A, Q( .bits = "flags=0x210" ),
         "| p1:REMOTE_NOT_ALLOWED"},
        {"a task sequence on demand from local", "sdk 5.1", SLOW, IN_A,
         Q( .bits = "flags=0x110", .task_sequence = true ), "| p1:REMOTE_NOT_ALLOWED"},
        {"no boundary, remote not allowed", "facts 3.5: 2007", A_ONLY "dp p1 A", NONE,
         Q( .bits = "flags=48" ), "| p1:REMOTE_NOT_ALLOWED"},
        {"another group's, remote not allowed", "sdk 5.1", TWO, IN_A, Q( .bits = "flags=48" ),
         "a1:LOCAL@0 | b1:REMOTE_NOT_ALLOWED"},
        {"no neighbors and no default groups", "ours", TWO "link A B 10;" Z, IN_A, Q(),
         "a1:LOCAL@0 b1:REMOTE@0 z1:REMOTE@0 |"},
        {"on the internet nothing is remote", "ours", "dp w1 InternetFacing=1 Communication=1", NET,
         Q( .bits = "flags=48" ), "w1:INTERNET@0 |"},
        {"cloud in no group, remote not allowed", "ours", A_ONLY "dp c1; cloud c1 k.contoso.test",
         IN_A, Q( .bits = "flags=48" ), "| c1:REMOTE_NOT_ALLOWED"},
        {"cloud in the group, remote not allowed", "ours", A_ONLY
         "dp c1 A; cloud c1 k.contoso.test", IN_A, Q( .bits = "flags=48" ), "c1:CLOUD@0 |"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

#define CLOUD "dp c1 A; cloud c1 k.contoso.test;"
#define WEB   "dp w1 InternetFacing=1 Communication=1;"

/* The distribution point itself, settings, network and deployment, as under the other rules. */
static void reach(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"http", "model: A DP's URL", A_ONLY "dp p1 A; ours p1 BaseURL=http://x/y", IN_A, Q(),
         "p1:LOCAL@0 |"},
        {"ftp", "model: A DP's URL", A_ONLY "dp p1 A; ours p1 BaseURL=ftp://x/y", IN_A, Q(),
         "| p1:UNSUPPORTED_SCHEME"},
        {"no maintenance", "sdk 2.1", A_ONLY "dp p1 A MaintenanceMode=0", IN_A, Q(),
         "p1:LOCAL@0 |"},
        {"maintenance", "sdk 2.1", A_ONLY "dp p1 A MaintenanceMode=1", IN_A, Q(),
         "| p1:MAINTENANCE"},
        {"cloud not allowed", "facts 1.6", A_ONLY CLOUD, IN_A, Q( .no_cloud = true ),
         "| c1:CLOUD_NOT_ALLOWED"},
        {"cloud allowed", "facts 1.6", A_ONLY CLOUD, IN_A, Q(), "c1:CLOUD@0 |"},
        {"metered, blocked", "sdk 4.2", A_ONLY "dp p1 A", IN_A " metered=true", Q(),
         "| p1:METERED"},
        {"metered, allowed", "sdk 4.2", A_ONLY "dp p1 A", IN_A " metered=true",
         Q( .metered = METERED_ALLOW ), "p1:LOCAL@0 |"},
        {"metered, limited, not marked", "sdk 5.2", A_ONLY "dp p1 A", IN_A " metered=true",
         Q( .metered = METERED_LIMIT, .bits = "locality=80" ), "| p1:METERED"},
        {"metered, limited, marked", "sdk 5.2", A_ONLY "dp p1 A", IN_A " metered=true",
         Q( .metered = METERED_LIMIT, .bits = "locality=0x80050" ), "p1:LOCAL@0 |"},
        {"internet only", "model: A DP's reach", A_ONLY
         "dp p1 A InternetFacing=1; role p1 InternetShared=0", IN_A, Q(), "| p1:INTERNET_ONLY"},
        {"internet, shared", "model: A DP's reach", A_ONLY
         "dp p1 A InternetFacing=1; role p1 InternetShared=1", IN_A, Q(), "p1:LOCAL@0 |"},
        {"on the internet", "model: A DP's reach", A_ONLY "dp p1 A;" WEB CLOUD, IN_A " " NET, Q(),
         "w1:INTERNET@0 c1:CLOUD@0 | p1:INTRANET_ONLY"},
        {"on the internet, by HTTP", "model: A DP's reach", A_ONLY
         "dp w1 InternetFacing=1 Communication=0;" CLOUD, IN_A " " NET, Q(),
         "c1:CLOUD@0 | w1:INTRANET_ONLY"},
        {"on the internet, itself", "ours", WEB "dp v1 InternetFacing=1 Communication=1", NET
         " name=w1", Q(), "w1:COMPUTER@0 v1:INTERNET@0 |"},
        {"on demand leaves out cloud", "sdk 5.1", A_ONLY CLOUD, IN_A, Q( .bits = "flags=0x150" ),
         "| c1:ON_DEMAND_NOT_FROM_CLOUD"},
        {"on demand from remote leaves out cloud", "sdk 5.1", A_ONLY CLOUD, IN_A,
         Q( .bits = "flags=0x250" ), "| c1:ON_DEMAND_NOT_FROM_CLOUD"},
        {"run from the distribution point leaves out cloud", "sdk 5.1", A_ONLY CLOUD, IN_A,
         Q( .bits = "flags=0x48" ), "| c1:RUN_FROM_DP_NOT_FROM_CLOUD"},
        {"run from a remote one leaves out cloud", "sdk 5.1", A_ONLY CLOUD, IN_A,
         Q( .bits = "flags=0xd0" ), "| c1:RUN_FROM_DP_NOT_FROM_CLOUD"},
        {"balloon reminders do not", "sdk 5.1", A_ONLY CLOUD, IN_A, Q( .bits = "flags=0x450" ),
         "c1:CLOUD@0 |"},
        {"on demand from a server", "sdk 5.1", A_ONLY "dp p1 A", IN_A, Q( .bits = "flags=0x3d8" ),
         "p1:LOCAL@0 |"},
        {"no content", "model: Which DP has it", PAIR "has p1 0 3; has p2 3 3", IN_A, Q(),
         "p1:LOCAL@0 | p2:NO_CONTENT"},
        {"an old version", "model: Which DP has it", PAIR "has p1 0 3; has p2 0 2", IN_A, Q(),
         "p1:LOCAL@0 | p2:OLD_VERSION"},
        {"a newer version", "model: Which DP has it", PAIR "has p1 0 3; has p2 0 4", IN_A, Q(),
         "p1:LOCAL@0 | p2:NEWER_VERSION"},
        {"the version", "model: Which DP has it", PAIR "has p1 0 3; has p2 0 3", IN_A, Q(),
         "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"unknown content", "contract: unknown content", SITES "has a1 0 3", IN_A,
         Q( .unknown_content = true ), "| a1:NO_CONTENT b1:NO_CONTENT"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* Local before remote; in each: itself, same subnet, same AD site, rest; in those: BITS. */
static void order(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"local before remote", "facts 3.5: 2007", A_ONLY "dp p1; dp p2 A", IN_A, Q(),
         "p2:LOCAL@0 p1:REMOTE@0 |"},
        {"both remote", "facts 3.5: 2007", A_ONLY "dp p1; dp p2", IN_A, Q(),
         "p1:REMOTE@0 p2:REMOTE@0 |"},
        {"local before the same subnet", "facts 3.5: 2007", A_ONLY
         "dp p1; dp p2 A; ours p1 Addresses=10.1.1.9", IN_A, Q(), "p2:LOCAL@0 p1:SUBNET@0 |"},
        {"same subnet", "facts 3.5: 2007", PAIR "ours p2 Addresses=10.1.1.9", IN_A, Q(),
         "p2:SUBNET@0 p1:LOCAL@0 |"},
        {"another subnet", "facts 3.5: 2007", PAIR "ours p2 Addresses=10.1.9.9", IN_A, Q(),
         "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"same subnet, remote", "facts 3.5: 2007", A_ONLY
         "dp p1; dp p2; ours p2 Addresses=10.1.1.9", IN_A, Q(), "p2:SUBNET@0 p1:REMOTE@0 |"},
        {"same AD site", "facts 3.5: 2007", PAIR "ours p2 ADSite=London", IN_A " adSite=LONDON",
         Q(), "p2:ADSITE@0 p1:LOCAL@0 |"},
        {"another AD site", "facts 3.5: 2007", PAIR "ours p2 ADSite=London", IN_A " adSite=Paris",
         Q(), "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"subnet before AD site", "facts 3.5: 2007", PAIR
         "ours p1 ADSite=London; ours p2 Addresses=10.1.1.9", IN_A " adSite=London", Q(),
         "p2:SUBNET@0 p1:ADSITE@0 |"},
        {"subnet and AD site: subnet", "ours", PAIR
         "ours p1 Addresses=10.1.1.8; ours p2 Addresses=10.1.1.9 ADSite=London", IN_A
         " adSite=London", Q(), "p1:SUBNET@0 p2:SUBNET@0 |"},
        {"itself before its subnet", "ours", PAIR
         "ours p1 Addresses=10.1.1.9; ours p2 Addresses=10.1.1.5", IN_A, Q(),
         "p2:COMPUTER@0 p1:SUBNET@0 |"},
        {"local before itself", "ours", A_ONLY "dp p1; dp p2 A; ours p1 Addresses=10.1.1.5", IN_A,
         Q(), "p2:LOCAL@0 p1:COMPUTER@0 |"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* Then updating, BITS; cloud last, after all who joined. */
static void order_of_equals(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"BITS before not known", "facts 3.5: 2007", A_ONLY "dp p1 A; dp p2 A BitsEnabled=1", IN_A,
         Q(), "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"both BITS", "facts 3.5: 2007", A_ONLY "dp p1 A BitsEnabled=1; dp p2 A BitsEnabled=1",
         IN_A, Q(), "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"not known before no BITS", "ours", A_ONLY "dp p1 A BitsEnabled=0; dp p2 A", IN_A, Q(),
         "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"BITS before none", "facts 3.5: 2007", A_ONLY
         "dp p1 A BitsEnabled=0; dp p2 A BitsEnabled=1", IN_A, Q(), "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"AD site before BITS", "facts 3.5: 2007", A_ONLY
         "dp p1 A BitsEnabled=1; dp p2 A; ours p2 ADSite=London", IN_A " adSite=London", Q(),
         "p2:ADSITE@0 p1:LOCAL@0 |"},
        {"local before BITS", "facts 3.5: 2007", A_ONLY "dp p1 BitsEnabled=1; dp p2 A", IN_A, Q(),
         "p2:LOCAL@0 p1:REMOTE@0 |"},
        {"updating after installed", "model: Which DP has it", PAIR "has p1 7 3; has p2 0 3", IN_A,
         Q(), "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"both updating", "model: Which DP has it", PAIR "has p1 7 3; has p2 8 3", IN_A, Q(),
         "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"updating before BITS is asked", "ours", A_ONLY
         "dp p1 A BitsEnabled=1; dp p2 A; has p1 8 3; has p2 0 3", IN_A, Q(),
         "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"updating in its subnet", "ours", PAIR
         "has p1 0 3; has p2 7 3; ours p2 Addresses=10.1.1.9", IN_A, Q(),
         "p2:SUBNET@0 p1:LOCAL@0 |"},
        {"trust and HTTPS are of 2012", "ours", A_ONLY
         "dp p1 A; dp p2 A Communication=1; ours p2 ForestTrust=1", IN_A, Q(),
         "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"cloud last", "ours", A_ONLY "dp p1;" CLOUD, IN_A, Q(), "p1:REMOTE@0 c1:CLOUD@0 |"},
        {"a server of that name", "ours", A_ONLY "dp p1; dp c1 A", IN_A, Q(),
         "c1:LOCAL@0 p1:REMOTE@0 |"},
        {"no group prefers cloud", "ours", "group A 8; sub A 10.1.1.0; dp p1 A;" CLOUD, IN_A, Q(),
         "p1:LOCAL@0 c1:CLOUD@0 |"},
        {"who joined before, though remote", "ours",
         "group A; sub A 10.1.1.0 BoundaryFlags=1; dp p9 A IsProtected=1; group B; range B 10.1.1.1-10.1.1.9; dp a1 B",
         IN_A, Q( .minutes = 480 ), "p9:REMOTE@0 a1:LOCAL@480 |"},
        {"without protection: local before remote", "ours",
         "group A; sub A 10.1.1.0 BoundaryFlags=1; dp p9 A; group B; range B 10.1.1.1-10.1.1.9; dp a1 B",
         IN_A, Q( .minutes = 480 ), "a1:LOCAL@0 p9:REMOTE@0 |"},
        {"cloud last, though it joined before", "ours", A_ONLY
         "dp a1 A; dp c1 A IsProtected=1; cloud c1 k.contoso.test", IN_A, Q( .minutes = 480 ),
         "a1:LOCAL@480 c1:CLOUD@0 |"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* Why one stands before the next. */
static void keys(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"cloud", "ours", A_ONLY "dp p1 A;" CLOUD, IN_A, Q(), "p1 CLOUD c1"},
        {"minutes", "ours", PROTECTED, IN_A, Q( .minutes = 480 ), "p9 MINUTES a1"},
        {"no minutes", "ours", A_ONLY "dp p9 A; dp a1 A", IN_A, Q( .minutes = 480 ),
         "a1 RANDOM p9"},
        {"distance", "facts 3.5: 2007", A_ONLY "dp p1; dp p2 A", IN_A, Q(), "p2 DISTANCE p1"},
        {"distance before subnet", "facts 3.5: 2007", A_ONLY
         "dp p1; dp p2 A; ours p1 Addresses=10.1.1.9", IN_A, Q(), "p2 DISTANCE p1"},
        {"subnet, then AD site, then the rest", "facts 3.5: 2007", PAIR
         "dp p3 A; ours p3 Addresses=10.1.1.9; ours p2 ADSite=London", IN_A " adSite=London", Q(),
         "p3 LOCALITY p2 LOCALITY p1"},
        {"updating", "ours", PAIR "has p1 7 3; has p2 0 3", IN_A, Q(), "p2 UPDATING p1"},
        {"BITS, in three steps", "facts 3.5: 2007", A_ONLY
         "dp p1 A BitsEnabled=0; dp p2 A; dp p3 A BitsEnabled=1", IN_A, Q(), "p3 BITS p2 BITS p1"},
        {"nothing", "facts 3.5: 2007", PAIR, IN_A, Q(), "p1 RANDOM p2"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_keys);
}

static void distances(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"local, remote, cloud", "facts 3.5: 2007", A_ONLY "dp p1; dp p2 A;" CLOUD, IN_A, Q(),
         "p2:LOCAL/local p1:REMOTE/remote c1:CLOUD/cloud"},
        {"in its subnet, remote", "ours", A_ONLY "dp p1; ours p1 Addresses=10.1.1.9", IN_A, Q(),
         "p1:SUBNET/remote"},
        {"in its subnet, local", "ours", A_ONLY "dp p1 A; ours p1 Addresses=10.1.1.9", IN_A, Q(),
         "p1:SUBNET/local"},
        {"in its AD site, remote", "ours", A_ONLY "dp p1; ours p1 ADSite=London", IN_A
         " adSite=London", Q(), "p1:ADSITE/remote"},
        {"itself, in a slow boundary", "ours", SLOW "ours p1 Addresses=10.1.1.5", IN_A, Q(),
         "p1:COMPUTER/remote"},
        {"beside a protected one", "ours", BARE, IN_A, Q(), "a1:LOCAL/local/fallback"},
        {"beside one that hides, later", "ours", PROTECTED, IN_A, Q( .minutes = 480 ),
         "p9:LOCAL/local a1:LOCAL/local/fallback"},
        {"beside another's protected one", "ours", A_ONLY "group B; dp p9 B IsProtected=1; dp a1 A",
         IN_A, Q(), "a1:LOCAL/local"},
        {"on the internet", "ours", WEB CLOUD, NET, Q(), "w1:INTERNET/remote c1:CLOUD/cloud"},
        {"on the internet, itself", "ours", WEB CLOUD, NET " name=w1", Q(),
         "w1:COMPUTER/local c1:CLOUD/cloud"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_distances);
}

static void print_name(struct buf *out, const struct site_dp *dp)
{
    if (dp)
        buf_format(out, "%.*s", (int)strcspn(dp->name, "."), dp->name);
    else
        buf_append_text(out, "-");
}

/* "CURRENT ... assigned CODE[ serves], PROTECTING, HIDING" */
static void print_sites(struct buf *out, struct asked *asked)
{
    const struct decision *decision = &asked->decision;
    for (size_t i = 0; i < decision->current_site_count; i++)
        buf_format(out, "%s ", decision->current_sites[i]);
    buf_format(out, "assigned %s%s, ", decision->assigned_site,
               decision->assigned_serves ? " serves" : "");
    print_name(out, decision->protecting);
    buf_append_text(out, ", ");
    print_name(out, decision->hiding);
}

/* What the decision says of its sites. */
static void told(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"in A", "facts 3.5: 2007", SITES, IN_A, Q(), "PS1 assigned PS1, -, -"},
        {"in both", "ours", SITES, AB " site=PS9", Q(), "PS1 PS2 assigned PS9, -, -"},
        {"each code once", "ours", SITES "range A 10.1.1.1-10.1.1.9 DefaultSiteCode=PS1", IN_A, Q(),
         "PS1 assigned PS1, -, -"},
        {"in no boundary", "ours", SITES, NONE, Q(), "assigned PS1 serves, -, -"},
        {"the assigned site serves", "facts 3.5: 2007", SITES "has a1 3 3; has b1 0 3", IN_A
         " site=PS2", Q(), "PS1 assigned PS2 serves, -, -"},
        {"in no boundary, nobody has it", "ours", SITES "has a1 3 3; has b1 3 3", NONE, Q(),
         "assigned PS1 serves, -, -"},
        {"protecting and hiding", "facts 3.5: 2007", PROTECTED, IN_A, Q(), "assigned PS1 serves, p9, p9"},
        {"protecting, has it not", "facts 3.5: 2007", BARE, IN_A, Q(), "assigned PS1 serves, p9, -"},
        {"the first protects, the second hides", "ours", BARE "dp q1 A IsProtected=1; has q1 0 3",
         IN_A, Q(), "assigned PS1 serves, p9, q1"},
        {"metered: nobody protects", "ours", PROTECTED, IN_A " metered=true", Q(),
         "assigned PS1 serves, -, -"},
        {"metered and allowed", "ours", PROTECTED, IN_A " metered=true",
         Q( .metered = METERED_ALLOW ), "assigned PS1 serves, p9, p9"},
        {"neither", "facts 3.5: 2007", A_ONLY "group B; dp p9 B IsProtected=1; dp a1 A", IN_A, Q(),
         "assigned PS1 serves, -, -"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_sites);
}

/* Each row has the obstacle that the one before was named for taken away. */
static void precedence(void **state)
{
#define AT_PS1    "group A; sub A 10.1.1.0 DefaultSiteCode=PS1; dp h9 A IsProtected=1; has h9 0 3;"
#define F_ONLY    AT_PS1 "dp f1 IsProtected=1 SiteCode=PS2 InternetFacing=1"
#define ONLINE    "role f1 InternetShared=0;"
#define FAR_CLOUD "group A; sub A 10.1.1.0; dp c1 A; cloud c1 k.contoso.test; has c1 3 3;"
#define H9        "h9:LOCAL@0 |"
#define H9_OUT    "| f1:METERED h9:METERED"
    /* clang-format off */
    static const struct row rows[] = {
        {"scheme", "contract: order of codes", F_ONLY
         " MaintenanceMode=1; has f1 3 3; ours f1 BaseURL=ftp://x/;" ONLINE, IN_A,
         Q( .bits = "flags=0x20010" ), H9 " f1:UNSUPPORTED_SCHEME"},
        {"maintenance", "contract: order of codes", F_ONLY " MaintenanceMode=1; has f1 3 3;" ONLINE,
         IN_A, Q( .bits = "flags=0x20010" ), H9 " f1:MAINTENANCE"},
        {"metered", "contract: order of codes", F_ONLY "; has f1 3 3;" ONLINE, IN_A " metered=true",
         Q( .bits = "flags=0x20010" ), H9_OUT},
        {"internet only", "contract: order of codes", F_ONLY "; has f1 3 3;" ONLINE, IN_A,
         Q( .bits = "flags=0x20010" ), H9 " f1:INTERNET_ONLY"},
        {"another site", "contract: order of codes", F_ONLY "; has f1 3 3", IN_A,
         Q( .bits = "flags=0x20010" ), H9 " f1:OTHER_SITE"},
        {"another site, hidden", "contract: order of codes", AT_PS1
         "dp f1 SiteCode=PS2; has f1 3 3", IN_A, Q( .bits = "flags=0x20010" ), H9 " f1:OTHER_SITE"},
        {"protected", "contract: order of codes", AT_PS1 "dp f1 IsProtected=1; has f1 3 3", IN_A,
         Q( .bits = "flags=0x20010" ), H9 " f1:PROTECTED"},
        {"hidden", "contract: order of codes", AT_PS1 "dp f1; has f1 3 3", IN_A,
         Q( .bits = "flags=0x20010" ), H9 " f1:HIDDEN_BY_PROTECTED"},
        {"remote", "contract: order of codes", AT_PS1 "dp f1; has f1 3 3", IN_A,
         Q( .bits = "flags=0x10", .minutes = 480 ), H9 " f1:REMOTE_NOT_ALLOWED"},
        {"no content", "contract: order of codes", AT_PS1 "dp f1; has f1 3 3", IN_A,
         Q( .bits = "flags=0x50", .minutes = 480 ), H9 " f1:NO_CONTENT"},
        {"nothing", "contract: order of codes", AT_PS1 "dp f1; has f1 0 3", IN_A,
         Q( .bits = "flags=0x50", .minutes = 480 ), "h9:LOCAL@0 f1:REMOTE@480 |"},
        {"on the internet: intranet only", "contract: order of codes", AT_PS1
         "dp f1 SiteCode=PS2; has f1 3 3", NET, Q(), "| f1:INTRANET_ONLY h9:INTRANET_ONLY"},
        {"cloud: not allowed", "contract: order of codes", FAR_CLOUD, IN_A " metered=true",
         Q( .no_cloud = true, .bits = "flags=0x158" ), "| c1:CLOUD_NOT_ALLOWED"},
        {"cloud: metered", "contract: order of codes", FAR_CLOUD, IN_A " metered=true",
         Q( .bits = "flags=0x158" ), "| c1:METERED"},
        {"cloud: remote", "contract: order of codes", FAR_CLOUD, NONE, Q( .bits = "flags=0x118" ),
         "| c1:REMOTE_NOT_ALLOWED"},
        {"cloud: on demand", "contract: order of codes", FAR_CLOUD, IN_A,
         Q( .bits = "flags=0x158" ), "| c1:ON_DEMAND_NOT_FROM_CLOUD"},
        {"cloud: run from there", "contract: order of codes", FAR_CLOUD, IN_A,
         Q( .bits = "flags=0x58" ), "| c1:RUN_FROM_DP_NOT_FROM_CLOUD"},
        {"cloud: no content", "contract: order of codes", FAR_CLOUD, IN_A,
         Q( .bits = "flags=0x50" ), "| c1:NO_CONTENT"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

static void all_answered(void **state)
{
    static const enum exclusion codes[] = {
        EXCLUDED_UNSUPPORTED_SCHEME,
        EXCLUDED_MAINTENANCE,
        EXCLUDED_CLOUD_NOT_ALLOWED,
        EXCLUDED_METERED,
        EXCLUDED_INTERNET_ONLY,
        EXCLUDED_INTRANET_ONLY,
        EXCLUDED_OTHER_SITE,
        EXCLUDED_PROTECTED,
        EXCLUDED_HIDDEN_BY_PROTECTED,
        EXCLUDED_REMOTE_NOT_ALLOWED,
        EXCLUDED_ON_DEMAND_NOT_FROM_CLOUD,
        EXCLUDED_RUN_FROM_DP_NOT_FROM_CLOUD,
        EXCLUDED_NO_CONTENT,
        EXCLUDED_OLD_VERSION,
        EXCLUDED_NEWER_VERSION,
    };
    static const enum locality localities[] = {
        LOCALITY_COMPUTER, LOCALITY_SUBNET,   LOCALITY_ADSITE, LOCALITY_LOCAL,
        LOCALITY_REMOTE,   LOCALITY_INTERNET, LOCALITY_CLOUD,
    };
    (void)state;
    check_codes(RULES_2007, codes, sizeof codes / sizeof codes[0]);
    check_localities(RULES_2007, localities, sizeof localities / sizeof localities[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sites),        cmocka_unit_test(assigned_site),
        cmocka_unit_test(protection),   cmocka_unit_test(no_protection),
        cmocka_unit_test(speed),        cmocka_unit_test(reach),
        cmocka_unit_test(order),        cmocka_unit_test(order_of_equals),
        cmocka_unit_test(keys),         cmocka_unit_test(distances),
        cmocka_unit_test(told),         cmocka_unit_test(precedence),
        cmocka_unit_test(all_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

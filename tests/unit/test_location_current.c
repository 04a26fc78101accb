/*
 * More of the rules of the current branch as tables: task sequences, cloud, what older rules
 * asked, ways in; then what all rules share: distances, keys, groups, walks. Later names are to
 * stand first where an order is asked: equals stand by name (location_rows.h).
 */
#include "tests/unit/location_rows.h"

#define A_ONLY "group A; sub A 10.1.1.0; dp a1 A;"
#define FAR    A_ONLY "group B; dp b1 B; link A B 10;" Z
#define BITS(text)                     \
    {                                  \
        .minutes = LATER, .bits = text \
    }
#define SEQUENCE(...)                      \
    {                                      \
        .task_sequence = true, __VA_ARGS__ \
    }

/* It waits for nobody: neighbors by minutes, then default groups by minutes; never stays never. */
static void task_sequences(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"no task sequence", "facts 3.3", FAR, IN_A, {0},
         "a1:BOUNDARYGROUP@0 | b1:FALLBACK_NOT_DUE@10 z1:FALLBACK_NOT_DUE@120"},
        {"all at once", "facts 3.3", FAR, IN_A, SEQUENCE(),
         "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@0 z1:SITEDEFAULT@0 |"},
        {"neighbors by minutes", "facts 3.3", A_ONLY
         "group B; dp b1 B; group C; dp c1 C; link A B 30; link A C 5", IN_A, SEQUENCE(),
         "a1:BOUNDARYGROUP@0 c1:NEIGHBOR@0 b1:NEIGHBOR@0 |"},
        {"turned round", "facts 3.3", A_ONLY
         "group B; dp b1 B; group C; dp c1 C; link A B 5; link A C 30", IN_A, SEQUENCE(),
         "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@0 c1:NEIGHBOR@0 |"},
        {"the default group last", "facts 3.3", A_ONLY
         "group N; dp n1 N; default Z Default-Site-Boundary-Group<PS1>; dp d1 Z; link A N 60; link A Z 5",
         IN_A, SEQUENCE(), "a1:BOUNDARYGROUP@0 n1:NEIGHBOR@0 d1:SITEDEFAULT@0 |"},
        {"by its minutes without a task sequence", "facts 3.3", A_ONLY
         "group N; dp n1 N; default Z Default-Site-Boundary-Group<PS1>; dp d1 Z; link A N 60; link A Z 5",
         IN_A, {.minutes = LATER}, "a1:BOUNDARYGROUP@0 d1:SITEDEFAULT@5 n1:NEIGHBOR@60 |"},
        {"default groups by minutes", "ours", A_ONLY Z
         "default Y Default-Site-Boundary-Group<PS2>; dp y1 Y; link A Y 50; link A Z 20", IN_A,
         SEQUENCE(), "a1:BOUNDARYGROUP@0 z1:SITEDEFAULT@0 y1:SITEDEFAULT@0 |"},
        {"a neighbor of many minutes before the default group of none", "facts 3.3", A_ONLY
         "group N; dp n1 N; default Z Default-Site-Boundary-Group<PS1>; dp d1 Z; link A N 2000000000; link A Z 0",
         IN_A, SEQUENCE(), "a1:BOUNDARYGROUP@0 n1:NEIGHBOR@0 d1:SITEDEFAULT@0 |"},
        {"never", "sdk 1.1", A_ONLY "group B; dp b1 B; link A B -1", IN_A, SEQUENCE(),
         "a1:BOUNDARYGROUP@0 | b1:FALLBACK_NEVER"},
        {"not related", "facts 3.2", A_ONLY "group B; dp b1 B", IN_A, SEQUENCE(),
         "a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"in no group", "facts 3.2", FAR, NONE, SEQUENCE(),
         "z1:SITEDEFAULT@0 | a1:NOT_IN_GROUP b1:NOT_IN_GROUP"},
        {"a neighbor in its subnet", "facts 3.5", FAR "ours b1 Addresses=10.1.1.9", IN_A,
         SEQUENCE(), "b1:SUBNET@0 a1:BOUNDARYGROUP@0 z1:SITEDEFAULT@0 |"},
        {"default flags", "sdk 5.1", FAR, IN_A, SEQUENCE( .bits = "flags=48" ),
         "a1:BOUNDARYGROUP@0 | b1:REMOTE_NOT_ALLOWED z1:REMOTE_NOT_ALLOWED"},
        {"remote", "sdk 5.1", FAR, IN_A, SEQUENCE( .bits = "flags=0x50" ),
         "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@0 z1:SITEDEFAULT@0 |"},
        {"on demand from remote", "sdk 5.1", FAR, IN_A, SEQUENCE( .bits = "flags=0x210" ),
         "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@0 z1:SITEDEFAULT@0 |"},
        {"on demand from remote is for task sequences", "sdk 5.1", FAR, IN_A, BITS( "flags=0x210" ),
         "a1:BOUNDARYGROUP@0 | b1:REMOTE_NOT_ALLOWED z1:REMOTE_NOT_ALLOWED"},
        {"on demand from local", "sdk 5.1", FAR, IN_A, SEQUENCE( .bits = "flags=0x110" ),
         "a1:BOUNDARYGROUP@0 | b1:REMOTE_NOT_ALLOWED z1:REMOTE_NOT_ALLOWED"},
        {"on demand from remote, no fallback", "sdk 5.1", FAR, IN_A,
         SEQUENCE( .bits = "flags=0x20210" ),
         "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@0 | z1:DEFAULT_GROUP_NOT_ALLOWED"},
        {"0x200 of updates is no such bit", "sdk 5.2", FAR, IN_A,
         SEQUENCE( .bits = "locality=0x210" ),
         "a1:BOUNDARYGROUP@0 | b1:REMOTE_NOT_ALLOWED z1:REMOTE_NOT_ALLOWED"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

#define CLOUDY A_ONLY "dp k1 A; cloud k1 k.contoso.test;"
#define KEPT   "a1:BOUNDARYGROUP@0 k1:CLOUD@0 |"
#define DEMAND "a1:BOUNDARYGROUP@0 | k1:ON_DEMAND_NOT_FROM_CLOUD"
#define RUN    "a1:BOUNDARYGROUP@0 | k1:RUN_FROM_DP_NOT_FROM_CLOUD"

/* Content that is fetched when needed, or run from where it is, does not come from cloud. */
static void cloud(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"download", "sdk 5.1", CLOUDY, IN_A, BITS( "flags=0x50" ), KEPT},
        {"no deployment", "contract: --deployment", CLOUDY, IN_A, {0}, KEPT},
        {"on demand from local", "sdk 5.1", CLOUDY, IN_A, BITS( "flags=0x150" ), DEMAND},
        {"on demand from remote", "sdk 5.1", CLOUDY, IN_A, BITS( "flags=0x250" ), DEMAND},
        {"the next bit", "sdk 5.1", CLOUDY, IN_A, BITS( "flags=0x450" ), KEPT},
        {"run from local", "sdk 5.1", CLOUDY, IN_A, BITS( "flags=0x48" ), RUN},
        {"run from remote", "sdk 5.1", CLOUDY, IN_A, BITS( "flags=0xd0" ), RUN},
        {"the bit before", "sdk 5.1", CLOUDY, IN_A, BITS( "flags=0x54" ), KEPT},
        {"do not run without a local one", "sdk 5.1", CLOUDY, IN_A, BITS( "flags=0x70" ), KEPT},
        {"updates have no such bits", "sdk 5.2", CLOUDY, IN_A, BITS( "locality=0x3d8" ), KEPT},
        {"servers on demand", "sdk 5.1", A_ONLY "dp k1 A", IN_A, BITS( "flags=0x3d8" ),
         "a1:BOUNDARYGROUP@0 k1:BOUNDARYGROUP@0 |"},
        {"on demand, both", "contract: order of codes", CLOUDY, IN_A, BITS( "flags=0x158" ),
         DEMAND},
        {"on demand, not allowed", "contract: order of codes", CLOUDY, IN_A,
         {.bits = "flags=0x150", .no_cloud = true}, "a1:BOUNDARYGROUP@0 | k1:CLOUD_NOT_ALLOWED"},
        {"on demand, in no group", "contract: order of codes", A_ONLY
         "dp k1; cloud k1 k.contoso.test", IN_A, BITS( "flags=0x150" ),
         "a1:BOUNDARYGROUP@0 | k1:NOT_IN_GROUP"},
        {"on demand, a neighbor that is not allowed", "contract: order of codes", A_ONLY
         "group B; dp k1 B; cloud k1 k.contoso.test; link A B 5", IN_A, BITS( "flags=0x110" ),
         "a1:BOUNDARYGROUP@0 | k1:REMOTE_NOT_ALLOWED"},
        {"on demand, has it not", "contract: order of codes", CLOUDY "has a1 0 3; has k1 3 3", IN_A,
         BITS( "flags=0x150" ), DEMAND},
        {"run, has it not", "contract: order of codes", CLOUDY "has a1 0 3; has k1 3 3", IN_A,
         BITS( "flags=0x48" ), RUN},
        {"on demand, not due", "contract: order of codes", A_ONLY
         "group B; dp k1 B; cloud k1 k.contoso.test; link A B 5", IN_A, {.bits = "flags=0x150"},
         DEMAND},
        {"not due", "contract: order of codes", A_ONLY
         "group B; dp k1 B; cloud k1 k.contoso.test; link A B 5", IN_A, {.bits = "flags=0x50"},
         "a1:BOUNDARYGROUP@0 | k1:FALLBACK_NOT_DUE@5"},
        {"on the internet, on demand", "sdk 5.1", CLOUDY, NET, BITS( "flags=0x150" ),
         "| a1:INTRANET_ONLY k1:ON_DEMAND_NOT_FROM_CLOUD"},
        {"on the internet, run", "sdk 5.1", CLOUDY, NET, BITS( "flags=0x48" ),
         "| a1:INTRANET_ONLY k1:RUN_FROM_DP_NOT_FROM_CLOUD"},
        {"on the internet, download; nothing is remote", "sdk 5.1", CLOUDY, NET,
         BITS( "flags=0x10" ), "k1:CLOUD@0 | a1:INTRANET_ONLY"},
        {"a neighbor's cloud last at every minute", "ours", A_ONLY
         "group B; dp b1 B; link A B 5; group C; dp k0 C; cloud k0 k.contoso.test; link A C 0; dp c1 C",
         IN_A, {.minutes = 5}, "a1:BOUNDARYGROUP@0 c1:NEIGHBOR@0 b1:NEIGHBOR@5 k0:CLOUD@0 |"},
        {"preferred cloud of a neighbor, when it joins", "ours",
         "group A 8; sub A 10.1.1.0; dp a1 A; group B; dp k1 B; cloud k1 k.contoso.test; link A B 5",
         IN_A, {.minutes = 5}, "k1:CLOUD@5 a1:BOUNDARYGROUP@0 |"},
        {"preferred cloud before the machine itself", "ours",
         "group A 8; sub A 10.1.1.0; dp a1 A; ours a1 Addresses=10.1.1.5; dp k1 A; cloud k1 k.contoso.test",
         IN_A, {0}, "k1:CLOUD@0 a1:COMPUTER@0 |"},
        {"a default group prefers it, and the machine is in no group", "ours", A_ONLY
         "SMS_DefaultBoundaryGroup GroupID=90 Name=Default-Site-Boundary-Group<PS1> Flags=8; dp z1 Z; dp k1 Z; cloud k1 k.contoso.test",
         NONE, {0}, "z1:SITEDEFAULT@0 k1:CLOUD@0 | a1:NOT_IN_GROUP"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* Which of several ways leads to a distribution point; what older rules asked decides nothing. */
static void ways(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"never on one way, a default group on the other", "sdk 1.1", A_ONLY
         "group B; link A B -1; default Z Default-Site-Boundary-Group<PS1>; dp bz B Z", IN_A,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 bz:SITEDEFAULT@120 |"},
        {"the nearer of both", "ours", A_ONLY
         "group B; link A B 50; default Z Default-Site-Boundary-Group<PS1>; dp bz B Z", IN_A,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 bz:NEIGHBOR@50 |"},
        {"the default group is nearer", "ours", A_ONLY
         "group B; link A B 500; default Z Default-Site-Boundary-Group<PS1>; dp bz B Z", IN_A,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 bz:SITEDEFAULT@120 |"},
        {"nearer, but not allowed", "sdk 5.1", A_ONLY
         "group B; link A B 500; default Z Default-Site-Boundary-Group<PS1>; dp bz B Z", IN_A,
         BITS( "flags=0x20050" ), "a1:BOUNDARYGROUP@0 bz:NEIGHBOR@500 |"},
        {"never, and not allowed", "ours", A_ONLY
         "group B; link A B -1; default Z Default-Site-Boundary-Group<PS1>; dp bz B Z", IN_A,
         BITS( "flags=0x20050" ), "a1:BOUNDARYGROUP@0 | bz:FALLBACK_NEVER"},
        {"remote not allowed, in its own group too", "sdk 5.1", A_ONLY
         "group B; link A B 5; dp ab A B", IN_A, BITS( "flags=0x10" ),
         "a1:BOUNDARYGROUP@0 ab:BOUNDARYGROUP@0 |"},
        {"no fallback, in its own group too", "sdk 5.1", A_ONLY
         "default Z Default-Site-Boundary-Group<PS1>; dp az A Z", IN_A, BITS( "flags=0x20050" ),
         "a1:BOUNDARYGROUP@0 az:BOUNDARYGROUP@0 |"},
        {"a default group that holds the machine is current", "ours",
         "default Z Default-Site-Boundary-Group<PS1>; sub Z 10.1.1.0; dp z1 Z", IN_A,
         BITS( "flags=0x20010" ), "z1:BOUNDARYGROUP@0 |"},
        {"a default group that does not", "sdk 5.1",
         "default Z Default-Site-Boundary-Group<PS1>; sub Z 10.1.2.0; dp z1 Z", IN_A,
         BITS( "flags=0x20010" ), "| z1:REMOTE_NOT_ALLOWED"},
        {"no group, no fallback", "ours", A_ONLY Z, NONE, BITS( "flags=0x20050" ),
         "| a1:NOT_IN_GROUP z1:DEFAULT_GROUP_NOT_ALLOWED"},
        {"no group, its default group's own behavior is never", "facts 3.2", A_ONLY Z "link Z Z -1",
         NONE, {0}, "z1:SITEDEFAULT@0 | a1:NOT_IN_GROUP"},
        {"a row without minutes: the console's 120", "sdk 1.1", A_ONLY
         "group B; dp b1 B; SMS_BoundaryGroupRelationships SourceGroupID=65 DestinationGroupID=66",
         IN_A, {.minutes = LATER}, "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@120 |"},
        {"to a default group: its own behavior", "sdk 1.1", A_ONLY Z
         "link Z Z 45; SMS_BoundaryGroupRelationships SourceGroupID=65 DestinationGroupID=90", IN_A,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 z1:SITEDEFAULT@45 |"},
        {"slow in the group", "facts 3.4", A_ONLY "dp a2 A/slow", IN_A, BITS( "flags=0x10" ),
         "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 |"},
        {"a slow boundary", "sdk 1.1", "group A; sub A 10.1.1.0 BoundaryFlags=1; dp a1 A", IN_A,
         BITS( "flags=0x10" ), "a1:BOUNDARYGROUP@0 |"},
        {"of another site", "ours",
         "group A; sub A 10.1.1.0 DefaultSiteCode=PS1; dp a1 A SiteCode=PS2", IN_A, {0},
         "a1:BOUNDARYGROUP@0 |"},
        {"a neighbor that allows no fallback", "sdk 2.1", A_ONLY
         "group B; dp b1 B IsProtected=1; ours b1 AllowFallback=0; link A B 5", IN_A,
         {.minutes = 5}, "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@5 |"},
        {"unprotected beside protected", "sdk 2.1", A_ONLY "dp a2 A IsProtected=1", IN_A, {0},
         "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 |"},
        {"trust, HTTPS, BITS and AD site order nothing", "facts 3.5", A_ONLY
         "dp a2 A Communication=1 BitsEnabled=1; ours a2 ForestTrust=1 ADSite=London", IN_A
         " adSite=London", {0}, "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 |"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

#define APP "Content_6f1d2c3b-8a4e-4d5f-9b60-71c2d3e4f506"
#define APPLICATION                                                                        \
    "SMS_ContentPackage PackageID=PKG00001 SourceVersion=3; SMS_Content ContentVersion=3 " \
    "ContentUniqueID=" APP "; SMS_PackageToContent PackageID=PKG00001 ContentUniqueID=" APP ";"

#define INFO(dp)                                                                        \
    "SMS_DPContentInfo PackageID=PKG00001 ObjectID=PKG00001 NALPath=[\"Display=\\\\" dp \
    ".contoso.test\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\" dp ".contoso.test\\;"

/* The rest of the policy model's table; version 3 is wanted. */
static void presence(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"a package, a newer version", "model: Which DP has it", A_ONLY "has a1 0 4", IN_A, {0},
         "| a1:NEWER_VERSION"},
        {"an application, a newer version", "model: Which DP has it", A_ONLY APPLICATION
         "has a1 0 4", IN_A, {0}, "a1:BOUNDARYGROUP@0 |"},
        {"an application, an old version", "model: Which DP has it", A_ONLY APPLICATION
         "has a1 0 2", IN_A, {0}, "| a1:OLD_VERSION"},
        {"updating, a newer version", "model: Which DP has it", A_ONLY "has a1 7 4", IN_A, {0},
         "| a1:NEWER_VERSION"},
        {"monitored, an old version", "model: Which DP has it", A_ONLY "has a1 8 2", IN_A, {0},
         "| a1:OLD_VERSION"},
        {"only SMS_DPContentInfo", "model: Which DP has it", A_ONLY "dp a2 A;" INFO("a2"), IN_A,
         {0}, "a2:BOUNDARYGROUP@0 | a1:NO_CONTENT"},
        {"SMS_DPContentInfo of another", "model: Which DP has it", A_ONLY "dp a2 A;" INFO("a1"),
         IN_A, {0}, "a1:BOUNDARYGROUP@0 | a2:NO_CONTENT"},
        {"SMS_DPContentInfo and a row: the row says it", "model: Which DP has it", A_ONLY
         "dp a2 A; has a2 3 3;" INFO("a2"), IN_A, {0}, "| a1:NO_CONTENT a2:NO_CONTENT"},
        {"removal pending", "model: Which DP has it", A_ONLY "has a1 4 3", IN_A, {0},
         "| a1:NO_CONTENT"},
        {"both updating", "model: Which DP has it", A_ONLY "dp a2 A; has a1 7 3; has a2 8 3", IN_A,
         {0}, "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 |"},
        {"a neighbor that is not being updated stands behind", "model: Which DP has it", FAR
         "has a1 7 3; has b1 0 3", IN_A, {.minutes = 10},
         "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@10 | z1:NO_CONTENT"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

static void distances(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"current, neighbor, default", "contract: distance", FAR, IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP/local b1:NEIGHBOR/remote z1:SITEDEFAULT/remote"},
        {"a neighbor in its subnet", "ours", A_ONLY
         "group B; dp b1 B; ours b1 Addresses=10.1.1.9; link A B 0", IN_A, {0},
         "b1:SUBNET/remote a1:BOUNDARYGROUP/local"},
        {"its own group's in its subnet", "ours", A_ONLY "ours a1 Addresses=10.1.1.9", IN_A, {0},
         "a1:SUBNET/local"},
        {"the machine itself", "ours", A_ONLY "ours a1 Addresses=10.1.1.5", IN_A, {0},
         "a1:COMPUTER/local"},
        {"the machine itself, a neighbor", "ours", A_ONLY
         "group B; dp b1 B; ours b1 Addresses=10.1.1.5; link A B 0", IN_A, {0},
         "b1:COMPUTER/remote a1:BOUNDARYGROUP/local"},
        {"the machine in no group", "ours", FAR, NONE, {0}, "z1:SITEDEFAULT/remote"},
        {"cloud", "contract: distance", CLOUDY, IN_A, {0}, "a1:BOUNDARYGROUP/local k1:CLOUD/cloud"},
        {"on the internet", "ours", "dp w1 InternetFacing=1 Communication=1;" CLOUDY, NET, {0},
         "w1:INTERNET/remote k1:CLOUD/cloud"},
        {"on the internet, itself", "ours", "dp w1 InternetFacing=1 Communication=1;" CLOUDY, NET
         " name=w1", {0}, "w1:COMPUTER/local k1:CLOUD/cloud"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_distances);
}

/* Why one stands before the next. */
static void keys(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"cloud", "facts 3.5", CLOUDY, IN_A, {0}, "a1 CLOUD k1"},
        {"preferred cloud", "facts 3.4",
         "group A 8; sub A 10.1.1.0; dp a1 A; dp k1 A; cloud k1 k.contoso.test", IN_A, {0},
         "k1 PREFERRED_CLOUD a1"},
        {"itself", "facts 3.5", A_ONLY "dp a2 A; ours a2 Addresses=10.1.1.5", IN_A, {0},
         "a2 COMPUTER a1"},
        {"itself before its subnet", "facts 3.5", A_ONLY
         "dp a2 A; ours a2 Addresses=10.1.1.5; ours a1 Addresses=10.1.1.9", IN_A, {0},
         "a2 COMPUTER a1"},
        {"its subnet", "facts 3.5", A_ONLY "dp a2 A; ours a2 Addresses=10.1.1.9", IN_A, {0},
         "a2 SUBNET a1"},
        {"another subnet", "facts 3.5", A_ONLY "dp a2 A; ours a2 Addresses=10.1.9.9", IN_A, {0},
         "a1 RANDOM a2"},
        {"its subnet before minutes", "facts 3.5", FAR "ours b1 Addresses=10.1.1.9", IN_A,
         {.minutes = LATER}, "b1 SUBNET a1 MINUTES z1"},
        {"minutes", "facts 3.3", FAR, IN_A, {.minutes = LATER}, "a1 MINUTES b1 MINUTES z1"},
        {"minutes before the kind of group", "facts 3.2", FAR "link A Z 5", IN_A,
         {.minutes = LATER}, "a1 MINUTES z1 MINUTES b1"},
        {"at once: the kind of group", "facts 3.5",
         "group A; sub A 10.1.1.0; dp z9 A; group B; dp b1 B; link A B 0; default Z Default-Site-Boundary-Group<PS1>; dp a1 Z; link A Z 0",
         IN_A, {0}, "z9 LOCALITY b1 LOCALITY a1"},
        {"a task sequence's turns", "facts 3.3",
         "group A; sub A 10.1.1.0; dp z9 A; group B; dp b1 B; link A B 0; default Z Default-Site-Boundary-Group<PS1>; dp a1 Z; link A Z 0",
         IN_A, SEQUENCE(), "z9 MINUTES b1 MINUTES a1"},
        {"updating", "ours", A_ONLY "dp a2 A; has a1 7 3; has a2 0 3", IN_A, {0}, "a2 UPDATING a1"},
        {"not updating", "ours", A_ONLY "dp a2 A; has a1 0 3; has a2 0 3", IN_A, {0},
         "a1 RANDOM a2"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_keys);
}

/* "dp[GROUPS/boundaries] ...": what brought each location. */
static void print_groups(struct buf *out, struct asked *asked)
{
    const struct decision *decision = &asked->decision;
    for (size_t i = 0; i < decision->location_count; i++) {
        const struct location *location = &decision->locations[i];
        print_dp(out, location->dp);
        buf_append_text(out, "[");
        for (size_t j = 0; j < location->group_count; j++)
            buf_format(out, "%.1s", location->groups[j]->group->name);
        buf_format(out, "/%zu]", location->boundary_count);
    }
}

/* A location's groups are those that are open and have joined, nearest first. */
static void groups(void **state)
{
#define SHARED "group A; sub A 10.1.1.0; group B; dp ab A B; link A B 30;"
    /* clang-format off */
    static const struct row rows[] = {
        {"not joined", "facts 3.3", SHARED, IN_A, {.minutes = 29}, "ab[A/1]"},
        {"joined", "facts 3.3", SHARED, IN_A, {.minutes = 30}, "ab[AB/1]"},
        {"a task sequence waits for none", "facts 3.3", SHARED, IN_A, SEQUENCE(), "ab[AB/1]"},
        {"closed by the deployment", "sdk 5.1", SHARED, IN_A, BITS( "flags=0x10" ), "ab[A/1]"},
        {"closed for good", "sdk 1.1", "group A; sub A 10.1.1.0; group B; dp ab A B; link A B -1",
         IN_A, {.minutes = LATER}, "ab[A/1]"},
        {"the nearest first", "facts 3.3",
         "group A; sub A 10.1.1.0; group B; group C; dp bc B C; link A B 20; link A C 10", IN_A,
         {.minutes = 20}, "bc[CB/0]"},
        {"two boundaries hold it", "facts 3.2", SHARED "range A 10.1.1.1-10.1.1.9", IN_A, {0},
         "ab[A/2]"},
        {"one holds two addresses", "facts 3.2", SHARED "range A 10.1.1.1-10.1.1.9",
         "address=10.1.1.5 address=10.1.1.6", {0}, "ab[A/1]"},
        {"one of two holds it", "facts 3.2", SHARED "range A 10.1.1.6-10.1.1.9", IN_A, {0},
         "ab[A/1]"},
        {"the older rules too", "ours", SHARED, IN_A, {.rules = "2012"}, "ab[A/1]"},
        {"and those of 2007", "ours", SHARED "range B 10.1.1.1-10.1.1.9", IN_A, {.rules = "2007"},
         "ab[AB/2]"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_groups);
}

/* "A B+10<A Y*+120<A C never<A": a current group, a neighbor from minute 10 through A, a default
   group, one whose ways are closed. */
static void print_located(struct buf *out, struct asked *asked)
{
    const struct decision *decision = &asked->decision;
    for (size_t i = 0; i < decision->group_count; i++) {
        const struct located_group *located = &decision->groups[i];
        buf_format(out, "%s%c", i ? " " : "", (int)located->group->id);
        if (located->group->is_default)
            buf_append_text(out, "*");
        if (located->never)
            buf_append_text(out, " never");
        else if (located->via != VIA_BOUNDARY)
            buf_format(out, "+%lld", (long long)located->minutes);
        if (located->through)
            buf_format(out, "<%c", (int)located->through->id);
    }
    buf_append_text(out, "");
}

/* The machine's groups: current ones, then by minutes, then by ID; never last. */
static void ways_listed(void **state)
{
#define FOUR          "group A; sub A 10.1.1.0; group B; sub B 10.2.2.0; group C; group E;"
#define DEFAULT_GROUP "default Y Default-Site-Boundary-Group<PS1>;"
    /* clang-format off */
    static const struct row rows[] = {
        {"by minutes, then ID", "ours", FOUR "link A C 20; link A B 20; link A E 10", IN_A, {0},
         "A E+10<A B+20<A C+20<A"},
        {"never last", "ours", FOUR "link A B -1; link A C 20", IN_A, {0}, "A C+20<A B never<A"},
        {"current ones by ID", "facts 3.2", FOUR "link B A 5", AB, {0}, "A B"},
        {"of two equal ways the first", "ours", FOUR "link A C 15; link B C 15", AB, {0},
         "A B C+15<A"},
        {"the shorter of two", "sdk 1.1", FOUR "link A C 15; link B C 10", AB, {0}, "A B C+10<B"},
        {"the open of two", "sdk 1.1", FOUR "link A C -1; link B C 10", AB, {0}, "A B C+10<B"},
        {"the open of two, turned round", "sdk 1.1", FOUR "link A C 10; link B C -1", AB, {0},
         "A B C+10<A"},
        {"the default group", "facts 3.2", FOUR DEFAULT_GROUP "link A B 200", IN_A, {0},
         "A Y*+120<A B+200<A"},
        {"of two without a row the first leads", "facts 3.2", FOUR DEFAULT_GROUP, AB, {0},
         "A B Y*+120<A"},
        {"the one without a row leads", "sdk 1.1", FOUR DEFAULT_GROUP "link A Y 500", AB, {0},
         "A B Y*+120<B"},
        {"before a neighbor", "facts 3.2", FOUR DEFAULT_GROUP "link A B 10; link A Y 5", IN_A, {0},
         "A Y*+5<A B+10<A"},
        {"a task sequence asks it last", "facts 3.3", FOUR DEFAULT_GROUP "link A B 10; link A Y 5",
         IN_A, SEQUENCE(), "A B+10<A Y*+5<A"},
        {"a task sequence, never is later still", "ours", FOUR DEFAULT_GROUP
         "link A B -1; link A Y 5", IN_A, SEQUENCE(), "A Y*+5<A B never<A"},
        {"a task sequence, neighbors by minutes", "facts 3.3", FOUR DEFAULT_GROUP
         "link A B 10; link A C 5", IN_A, SEQUENCE(), "A C+5<A B+10<A Y*+120<A"},
        {"a task sequence, current ones by ID", "ours",
         "group A; sub A 10.1.1.0; default B Default-Site-Boundary-Group<PS1>; sub B 10.2.2.0; group C; sub C 10.1.1.0",
         AB, SEQUENCE(), "A B* C"},
        {"in no group", "facts 3.2", FOUR "default Y Default-Site-Boundary-Group<PS1>", NONE, {0},
         "Y*+0"},
        {"2012 knows none of them", "ours", FOUR DEFAULT_GROUP "link A B 10", IN_A,
         {.rules = "2012"}, "A"},
        {"nor does 2007", "ours", FOUR DEFAULT_GROUP "link A B 10", NONE, {.rules = "2007"}, ""},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_located);
}

/* What a walk says of each distribution point beside its steps. */
static void print_walks(struct buf *out, struct asked *asked)
{
    const struct site *site = &asked->estate.site;
    for (size_t i = 0; i < site->dp_count; i++) {
        struct location_walk walk;
        location_walk(&walk, &asked->decision, &asked->request, &site->dps[i]);
        print_dp(out, &site->dps[i]);
        buf_format(out, "[%.1s%s%s%s%s]", walk.group ? walk.group->group->name : "-",
                   walk.in_group ? " in" : "", walk.slow ? " slow" : "", walk.local ? " local" : "",
                   walk.fallback ? " fallback" : "");
    }
}

static void walks(void **state)
{
#define SLOWLY "group A; sub A 10.1.1.0; dp a1 A/slow; group B; dp b1 B; link A B 30;"
    /* clang-format off */
    static const struct row rows[] = {
        {"the way in", "facts 3.3", SLOWLY, IN_A, {0}, "a1[A in slow] b1[B in]"},
        {"no way in", "facts 3.3", SLOWLY, NONE, {0}, "a1[-] b1[-]"},
        {"closed ways: the one whose code stands", "ours",
         "group A; sub A 10.1.1.0; dp a1 A; group B; group C; dp bc B C; link A B 30; link A C -1",
         IN_A, BITS( "flags=0x10" ), "a1[A in] bc[C in]"},
        {"closed ways of one code: the nearest", "ours",
         "group A; sub A 10.1.1.0; dp a1 A; group B; group C; dp bc B C; link A B 30; link A C 10",
         IN_A, BITS( "flags=0x10" ), "a1[A in] bc[C in]"},
        {"2012: slow, and fallback", "facts 3.5", SLOWLY, IN_A, {.rules = "2012"},
         "a1[A in slow] b1[- fallback]"},
        {"2012: fast", "facts 3.5", TWO, IN_A, {.rules = "2012"}, "a1[A in] b1[- fallback]"},
        {"2007: local", "facts 3.5: 2007", TWO, IN_A, {.rules = "2007"}, "a1[A in local] b1[-]"},
        {"2007: beside a protected one", "facts 3.5: 2007", TWO "dp p9 A IsProtected=1", IN_A,
         {.rules = "2007"}, "a1[A in local fallback] b1[- fallback] p9[A in local]"},
        {"on the internet", "facts 3.1", SLOWLY, NET, {.rules = "2012"}, "a1[-] b1[-]"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_walks);
}

/* An unknown content: one step, ahead of all. */
static void walk_of_nothing(void **state)
{
    struct asked asked;
    struct location_walk walk;
    struct question question = {.unknown_content = true};
    (void)state;
    ask(&asked, TWO, IN_A, &question);
    location_walk(&walk, &asked.decision, &asked.request, &asked.estate.site.dps[0]);
    assert_int_equal(walk.count, 1);
    assert_int_equal(walk.steps[0].code, EXCLUDED_NO_CONTENT);
    assert_true(walk.steps[0].excludes);
    asked_free(&asked);
}

/* The codes in the contract's order: what a walk's steps are compared with. */
static void code_order(void **state)
{
    static const char order[] =
        "UNSUPPORTED_SCHEME MAINTENANCE CLOUD_NOT_ALLOWED METERED INTERNET_ONLY INTRANET_ONLY "
        "OTHER_SITE PROTECTED HIDDEN_BY_PROTECTED NOT_IN_GROUP FALLBACK_NEVER REMOTE_NOT_ALLOWED "
        "DEFAULT_GROUP_NOT_ALLOWED SLOW_NOT_ALLOWED ON_DEMAND_NOT_FROM_CLOUD "
        "RUN_FROM_DP_NOT_FROM_CLOUD NO_CONTENT OLD_VERSION NEWER_VERSION FALLBACK_NOT_DUE ";
    struct buf words = {0};
    (void)state;
    for (enum exclusion i = EXCLUDED_UNSUPPORTED_SCHEME; i < EXCLUSION_COUNT; i++)
        buf_format(&words, "%s ", exclusion_word(i));
    assert_string_equal(words.data, order);
    buf_free(&words);
}

/* An application's deployment type decides remote and fallback instead of the bits; metered stays
   with them (configmgr-sdk 5.3). */
static void options(void **state)
{
    static const struct {
        const char *bits;
        bool known, slow, fallback;              /* what the deployment type says */
        bool remote, falls_back, metered, names; /* what comes out */
    } rows[] = {
        {"locality=0x50", false, false, false, true, true, false, false},
        {"locality=0x50", true, true, true, true, true, false, true},
        {"locality=0x50", true, false, true, false, true, false, true},
        {"locality=0x50", true, true, false, true, false, false, true},
        {"locality=0x20010", false, true, true, false, false, false, false},
        {"locality=0x20010", true, true, true, true, true, false, true},
        {"locality=0xa0010", true, true, true, true, true, true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const struct instance type;
        struct location_deployment deployment = read_bits(rows[i].bits);
        struct site_content_options said = {rows[i].known, rows[i].slow, rows[i].fallback, &type};
        location_deployment_options(&deployment, &said);
        bool is_right = deployment.remote == rows[i].remote &&
                        deployment.fallback == rows[i].falls_back &&
                        deployment.metered == rows[i].metered &&
                        (deployment.options == &type) == rows[i].names && !deployment.assumed;
        if (!is_right)
            fail_msg("row %zu of the options (sdk 5.3)", i);
    }
}

/* No deployment: all is allowed, and said to be assumed (contract: --deployment). */
static void no_deployment(void **state)
{
    struct location_deployment deployment = location_deployment_assumed();
    (void)state;
    assert_true(deployment.assumed && deployment.remote && deployment.fallback);
    assert_true(deployment.metered);
    assert_false(deployment.on_demand || deployment.on_demand_remote || deployment.run_from_dp);
    assert_false(read_bits("locality=80").assumed);
    assert_false(read_bits("flags=48").assumed);
}

/* The assigned site where neither machine nor documents name one: the only default group's
   (contract: assignedSite). */
static void assigned_site(void **state)
{
#define OWN_CODE "group A; sub A 10.1.1.0 DefaultSiteCode=PS2; dp a1 A SiteCode=PS2; has a1 3 3;"
    static const struct {
        const char *groups, *machine, *assigned;
    } rows[] = {
        {"default Z Default-Site-Boundary-Group<PS7>", IN_A, "PS7"},
        {"default Z Default-Site-Boundary-Group<PS7>", IN_A " site=PS8", "PS8"},
        {"default Z Default-Site-Boundary-Group<PS7>; default Y Default-Site-Boundary-Group<PS9>",
         IN_A, NULL},
        {"", IN_A, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct asked asked;
        struct question question = {.rules = "2007"};
        ask_twice(&asked, OWN_CODE "dp b1 SiteCode=PS7; has b1 0 3", rows[i].groups,
                  rows[i].machine, &question);
        decision_free(&asked.decision);
        asked.estate.site.site_code = NULL;
        location_decide(&asked.decision, &asked.request);
        const char *assigned = asked.decision.assigned_site;
        if (rows[i].assigned)
            assert_string_equal(assigned, rows[i].assigned);
        else
            assert_null(assigned);
        bool is_assigned = assigned && strcmp(assigned, "PS7") == 0;
        assert_int_equal(asked.decision.location_count, is_assigned);
        asked_free(&asked);
    }
}

/* The first of eight equals, for a machine of this name. */
static const struct site_dp *first_for(struct asked *asked, const char *machine,
                                       const char *content)
{
    const struct site *site = &asked->estate.site;
    asked->machine.name = machine;
    location_content_free(asked->content);
    asked->content = location_content_create(site, site_find_content(site, content, NULL));
    asked->request.content = asked->content;
    decision_free(&asked->decision);
    location_decide(&asked->decision, &asked->request);
    assert_int_equal(asked->decision.location_count, 8);
    for (size_t i = 1; i < 8; i++)
        assert_true(asked->decision.locations[i].weight < asked->decision.locations[i - 1].weight);
    return asked->decision.locations[0].dp;
}

/* Among equals the highest weight over machine, content and distribution point, none of them by
   case: the same asks the same, others spread (contract: Among equals). */
static void weights(void **state)
{
    struct asked asked;
    struct question question = {0};
    int same_machine = 0, same_content = 0;
    (void)state;
    ask(&asked,
        "group A; sub A 10.1.1.0; dp d1 A; dp d2 A; dp d3 A; dp d4 A; dp d5 A; dp d6 A; dp d7 A;"
        "dp d8 A; SMS_Package PackageID=PKG00002 SourceVersion=1",
        IN_A, &question);
    for (int i = 0; i < 64; i++) {
        char upper[16], lower[16];
        snprintf(upper, sizeof upper, "AMZ%02d", i);
        snprintf(lower, sizeof lower, "amz%02d", i);
        const struct site_dp *first = first_for(&asked, upper, ESTATE_PACKAGE);
        assert_ptr_equal(first_for(&asked, lower, ESTATE_PACKAGE), first);
        same_content += first_for(&asked, upper, "PKG00002") == first;
        same_machine += first_for(&asked, "OTHER", ESTATE_PACKAGE) == first;
    }
    assert_in_range(same_content, 0, 24);
    assert_in_range(same_machine, 0, 24);
    asked.machine.name = NULL;
    asked_free(&asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(task_sequences),
        cmocka_unit_test(cloud),
        cmocka_unit_test(ways),
        cmocka_unit_test(presence),
        cmocka_unit_test(distances),
        cmocka_unit_test(keys),
        cmocka_unit_test(groups),
        cmocka_unit_test(walks),
        cmocka_unit_test(ways_listed),
        cmocka_unit_test(no_deployment),
        cmocka_unit_test(weights),
        cmocka_unit_test(assigned_site),
        cmocka_unit_test(walk_of_nothing),
        cmocka_unit_test(code_order),
        cmocka_unit_test(options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

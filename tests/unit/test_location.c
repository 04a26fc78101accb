/*
 * Where a machine would get a content: the rules of the current branch as a table. Rows stand in
 * pairs or runs: one fact changed, another answer. Sources stand beside them.
 */
#include "policy/base/text.h"
#include "tests/unit/location_rows.h"

/* Membership is the union; no group: the assigned site's default group at once (configmgr-facts
   3.2). */
static void membership(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"in A", "facts 3.2", TWO, IN_A, {0}, "a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"in B", "facts 3.2", TWO, IN_B, {0}, "b1:BOUNDARYGROUP@0 | a1:NOT_IN_GROUP"},
        {"in both", "facts 3.2", TWO, AB, {0}, "a1:BOUNDARYGROUP@0 b1:BOUNDARYGROUP@0 |"},
        {"another mask, another network ID", "facts 3.1", TWO, "address=10.1.1.5/16", {0},
         "| a1:NOT_IN_GROUP b1:NOT_IN_GROUP"},
        {"no prefix: no subnet", "contract: The machine", TWO, "address=10.1.1.5", {0},
         "| a1:NOT_IN_GROUP b1:NOT_IN_GROUP"},
        {"a subnet given", "contract: The machine", TWO, "subnet=10.1.1.0", {0},
         "a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"a boundary of two groups", "facts 3.2", TWO
         "range A 10.7.0.1-10.7.0.9; range B 10.7.0.5-10.7.0.20", "address=10.7.0.5", {0},
         "a1:BOUNDARYGROUP@0 b1:BOUNDARYGROUP@0 |"},
        {"one before the overlap", "facts 3.2", TWO
         "range A 10.7.0.1-10.7.0.9; range B 10.7.0.5-10.7.0.20", "address=10.7.0.4", {0},
         "a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"AD site", "facts 3.1", TWO "adsite B London", "adSite=LONDON", {0},
         "b1:BOUNDARYGROUP@0 | a1:NOT_IN_GROUP"},
        {"another AD site", "facts 3.1", TWO "adsite B London", "adSite=Paris", {0},
         "| a1:NOT_IN_GROUP b1:NOT_IN_GROUP"},
        {"IPv6 prefix", "facts 3.1", TWO "prefix B 2001:db8:0:7", "address=2001:db8:0:7::9/64", {0},
         "b1:BOUNDARYGROUP@0 | a1:NOT_IN_GROUP"},
        {"the next /64", "facts 3.1", TWO "prefix B 2001:db8:0:7", "address=2001:db8:0:8::9/64",
         {0}, "| a1:NOT_IN_GROUP b1:NOT_IN_GROUP"},
        {"VPN", "sdk 1.2", TWO "vpn B Auto:On", "vpn=true", {0},
         "b1:BOUNDARYGROUP@0 | a1:NOT_IN_GROUP"},
        {"no VPN", "sdk 1.2", TWO "vpn B Auto:On", "vpn=false", {0},
         "| a1:NOT_IN_GROUP b1:NOT_IN_GROUP"},
        {"VPN by name", "sdk 1.2", TWO "vpn B Name:TUNNEL", "adapter=tunnel|x", {0},
         "b1:BOUNDARYGROUP@0 | a1:NOT_IN_GROUP"},
        {"VPN by another name", "sdk 1.2", TWO "vpn B Name:TUNNEL", "adapter=tunnel2|tunnel", {0},
         "| a1:NOT_IN_GROUP b1:NOT_IN_GROUP"},
        {"no group: default group at once", "facts 3.2", TWO
         "default Z Default-Site-Boundary-Group<PS1>; dp z1 Z", NONE " site=PS1", {0},
         "z1:SITEDEFAULT@0 | a1:NOT_IN_GROUP b1:NOT_IN_GROUP"},
        {"no group: another site's default group", "facts 3.2", TWO
         "default Z Default-Site-Boundary-Group<PS1>; dp z1 Z", NONE " site=PS2",
         {.minutes = LATER}, "| a1:NOT_IN_GROUP b1:NOT_IN_GROUP z1:NOT_IN_GROUP"},
        {"no group, no site of its own: the documents'", "contract: assignedSite", TWO
         "default Z Default-Site-Boundary-Group<PS1>; dp z1 Z", NONE, {0},
         "z1:SITEDEFAULT@0 | a1:NOT_IN_GROUP b1:NOT_IN_GROUP"},
        {"no group: only its own site's of two", "facts 3.2", TWO
         "default Y Default-Site-Boundary-GroupPS2; default Z Default-Site-Boundary-Group<PS1>;"
         "dp y1 Y; dp z1 Z", NONE " site=ps2", {.minutes = LATER},
         "y1:SITEDEFAULT@0 | a1:NOT_IN_GROUP b1:NOT_IN_GROUP z1:NOT_IN_GROUP"},
        {"in no group: serves nobody", "ours", TWO "dp x1", IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP x1:NOT_IN_GROUP"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* The worked example of configmgr-facts 3.3: A{1,2}; B at 10; C at 20; default at 120. */
#define WORKED                                                                       \
    "group A; sub A 10.1.1.0; dp d1 A; dp d2 A; group B; dp d3 B; group C; dp d4 C;" \
    "default Z Default-Site-Boundary-Group<PS1>; dp d5 Z; link A B 10; link A C 20"

static const char *worked_answer(int64_t minute)
{
    if (minute >= 120)
        return "d1:BOUNDARYGROUP@0 d2:BOUNDARYGROUP@0 d3:NEIGHBOR@10 d4:NEIGHBOR@20 "
               "d5:SITEDEFAULT@120 |";
    if (minute >= 20)
        return "d1:BOUNDARYGROUP@0 d2:BOUNDARYGROUP@0 d3:NEIGHBOR@10 d4:NEIGHBOR@20 | "
               "d5:FALLBACK_NOT_DUE@120";
    if (minute >= 10)
        return "d1:BOUNDARYGROUP@0 d2:BOUNDARYGROUP@0 d3:NEIGHBOR@10 | d4:FALLBACK_NOT_DUE@20 "
               "d5:FALLBACK_NOT_DUE@120";
    return "d1:BOUNDARYGROUP@0 d2:BOUNDARYGROUP@0 | d3:FALLBACK_NOT_DUE@10 d4:FALLBACK_NOT_DUE@20 "
           "d5:FALLBACK_NOT_DUE@120";
}

static void worked_example(void **state)
{
    (void)state;
    for (int64_t minute = 0; minute <= 130; minute++) {
        struct row row = {"the worked example", "facts 3.3",          WORKED, IN_A,
                          {.minutes = minute},  worked_answer(minute)};
        check_rows(&row, 1, print_answer);
    }
}

static void next_minute(void **state)
{
    static const int64_t steps[][2] = {{0, 10}, {9, 10}, {10, 20}, {20, 120}, {120, -1}};
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct asked asked;
        struct question question = {.minutes = steps[i][0]};
        ask(&asked, WORKED, IN_A, &question);
        assert_int_equal(decision_next_minute(&asked.decision), steps[i][1]);
        asked_free(&asked);
    }
}

/* Relationships: direct, one-way, shortest minutes, never closes only its own way (configmgr-facts
   3.2, configmgr-sdk 1.1). */
static void relationships(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"one way", "facts 3.2", TWO "link B A 10", IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"the other way", "facts 3.2", TWO "link A B 10", IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@10 |"},
        {"not the neighbor's neighbor", "facts 3.2", TWO
         "group C; dp c1 C; link A B 10; link B C 10", IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@10 | c1:NOT_IN_GROUP"},
        {"two ways: the shortest", "sdk 1.1", TWO "group C; dp c1 C; link A C 30; link B C 15", AB,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 b1:BOUNDARYGROUP@0 c1:NEIGHBOR@15 |"},
        {"the same, turned round", "sdk 1.1", TWO "group C; dp c1 C; link A C 15; link B C 30", AB,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 b1:BOUNDARYGROUP@0 c1:NEIGHBOR@15 |"},
        {"never", "sdk 1.1", TWO "link A B -1", IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 | b1:FALLBACK_NEVER"},
        {"never, as an unsigned number", "sdk 1.1", TWO "link A B 4294967295", IN_A,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 | b1:FALLBACK_NEVER"},
        {"never closes only its own way", "sdk 1.1", TWO
         "group C; dp c1 C; link A C -1; link B C 15", AB, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 b1:BOUNDARYGROUP@0 c1:NEIGHBOR@15 |"},
        {"never on the other way", "sdk 1.1", TWO "group C; dp c1 C; link A C 15; link B C -1", AB,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 b1:BOUNDARYGROUP@0 c1:NEIGHBOR@15 |"},
        {"never on both ways", "sdk 1.1", TWO "group C; dp c1 C; link A C -1; link B C -1", AB,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 b1:BOUNDARYGROUP@0 | c1:FALLBACK_NEVER"},
        {"at once", "sdk 1.1", TWO "link A B 0", IN_A, {0}, "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@0 |"},
        {"after a minute", "facts 3.3", TWO "link A B 1", IN_A, {0},
         "a1:BOUNDARYGROUP@0 | b1:FALLBACK_NOT_DUE@1"},
        {"current and neighbor: current", "ours", TWO "link A B 30", AB, {0},
         "a1:BOUNDARYGROUP@0 b1:BOUNDARYGROUP@0 |"},
        {"a DP of two groups joins with the first", "facts 3.3", TWO "dp ab A B; link A B 30", IN_A,
         {0}, "a1:BOUNDARYGROUP@0 ab:BOUNDARYGROUP@0 | b1:FALLBACK_NOT_DUE@30"},
        {"a circle", "ours", TWO "link A B 10; link B A 10; link A A 5", IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@10 |"},
        {"to a missing group", "ours", TWO "link A Q 0", IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* The implied link to every default group; a row beats the group's own behavior, which beats 120
   (configmgr-sdk 1.1). */
static void default_groups(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"default: built-in 120", "facts 3.2", TWO Z, IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 z1:SITEDEFAULT@120 | b1:NOT_IN_GROUP"},
        {"default: its own behavior", "sdk 1.1", TWO Z "link Z Z 45", IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 z1:SITEDEFAULT@45 | b1:NOT_IN_GROUP"},
        {"default: its own behavior is never", "sdk 1.1", TWO Z "link Z Z -1", IN_A,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP z1:FALLBACK_NEVER"},
        {"default: a row beats its own behavior", "sdk 1.1", TWO Z "link Z Z -1; link A Z 30", IN_A,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 z1:SITEDEFAULT@30 | b1:NOT_IN_GROUP"},
        {"default: a row of never beats its own behavior", "sdk 1.1", TWO Z
         "link Z Z 5; link A Z -1", IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP z1:FALLBACK_NEVER"},
        {"default: the other group's implied way stays", "sdk 1.1", TWO Z "link A Z -1", AB,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 b1:BOUNDARYGROUP@0 z1:SITEDEFAULT@120 |"},
        {"every default group of the hierarchy", "facts 3.2", TWO Z
         "default Y Default-Site-Boundary-Group<PS2>; dp y1 Y", IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 y1:SITEDEFAULT@120 z1:SITEDEFAULT@120 | b1:NOT_IN_GROUP"},
        {"default before a neighbor", "facts 3.2", TWO Z "link A B 50; link A Z 30", IN_A,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 z1:SITEDEFAULT@30 b1:NEIGHBOR@50 |"},
        {"neighbor before default", "facts 3.2", TWO Z "link A B 20; link A Z 30", IN_A,
         {.minutes = LATER}, "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@20 z1:SITEDEFAULT@30 |"},
        {"in no group: neighbors of the default group do not count", "facts 3.2", TWO Z
         "link Z A 5", NONE, {.minutes = LATER},
         "z1:SITEDEFAULT@0 | a1:NOT_IN_GROUP b1:NOT_IN_GROUP"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* Near before far; cloud last, or first where preferred (configmgr-facts 3.4, 3.5). */
static void order(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"same subnet first", "facts 3.5", TWO "dp a2 A; ours a2 Addresses=10.1.1.9", IN_A, {0},
         "a2:SUBNET@0 a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"another subnet", "facts 3.5", TWO "dp a2 A; ours a2 Addresses=10.1.9.9", IN_A, {0},
         "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"a neighbor in the same subnet, when it joins", "facts 3.5", TWO
         "ours b1 Addresses=10.1.1.9; link A B 10", IN_A, {.minutes = 10},
         "b1:SUBNET@10 a1:BOUNDARYGROUP@0 |"},
        {"not before", "facts 3.5", TWO "ours b1 Addresses=10.1.1.9; link A B 10", IN_A,
         {.minutes = 9}, "a1:BOUNDARYGROUP@0 | b1:FALLBACK_NOT_DUE@10"},
        {"of one subnet, who joined before", "facts 3.5", TWO
         "ours a1 Addresses=10.1.1.8; ours b1 Addresses=10.1.1.9; link A B 10", IN_A,
         {.minutes = 10}, "a1:SUBNET@0 b1:SUBNET@10 |"},
        {"same subnet by discovery's network ID", "model: DP addresses", TWO
         "dp a2 A; SMS_R_System Name=a2 ResourceId=1 IPSubnets=10.1.1.0", IN_A, {0},
         "a2:SUBNET@0 a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"the machine itself by address", "model: DP addresses", TWO
         "dp a2 A; ours a2 Addresses=10.1.1.5", IN_A, {0},
         "a2:COMPUTER@0 a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"the machine itself by name", "model: DP addresses", TWO "dp a2 A", IN_A " name=A2", {0},
         "a2:COMPUTER@0 a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"another name", "model: DP addresses", TWO "dp a2 A", IN_A " name=a2.other.test", {0},
         "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"cloud last", "facts 3.5", TWO "dp k1 A; cloud k1 k.contoso.test", IN_A, {0},
         "a1:BOUNDARYGROUP@0 k1:CLOUD@0 | b1:NOT_IN_GROUP"},
        {"cloud by its ResourceType", "model: A DP's kind", TWO
         "dp k1 A ResourceType=Windows~Azure", IN_A, {0},
         "a1:BOUNDARYGROUP@0 k1:CLOUD@0 | b1:NOT_IN_GROUP"},
        {"a server by its ResourceType", "model: A DP's kind", TWO
         "dp k1 A ResourceType=Windows~NT~Server", IN_A, {0},
         "a1:BOUNDARYGROUP@0 k1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"cloud last at every minute", "facts 3.5", TWO
         "dp k1 A; cloud k1 k.contoso.test; link A B 10", IN_A, {.minutes = 10},
         "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@10 k1:CLOUD@0 |"},
        {"prefer cloud", "facts 3.4",
         "group A 8; sub A 10.1.1.0; dp a1 A; dp k1 A; cloud k1 k.contoso.test", IN_A, {0},
         "k1:CLOUD@0 a1:BOUNDARYGROUP@0 |"},
        {"other flags", "sdk 1.1",
         "group A 7; sub A 10.1.1.0; dp a1 A; dp k1 A; cloud k1 k.contoso.test", IN_A, {0},
         "a1:BOUNDARYGROUP@0 k1:CLOUD@0 |"},
        {"preferred by any of the machine's groups", "sdk 1.1",
         "group A; sub A 10.1.1.0; dp a1 A; dp k1 A; cloud k1 k.contoso.test; group B 8;"
         "sub B 10.2.2.0", AB, {0}, "k1:CLOUD@0 a1:BOUNDARYGROUP@0 |"},
        {"not by a neighbor's", "sdk 1.1",
         "group A; sub A 10.1.1.0; dp a1 A; dp k1 A; cloud k1 k.contoso.test; group B 8;"
         "sub B 10.2.2.0; link A B 0", IN_A, {0}, "a1:BOUNDARYGROUP@0 k1:CLOUD@0 |"},
        {"cloud with its neighbor group", "ours", TWO
         "dp k1 B; cloud k1 k.contoso.test; link A B 10", IN_A, {.minutes = 9},
         "a1:BOUNDARYGROUP@0 | b1:FALLBACK_NOT_DUE@10 k1:FALLBACK_NOT_DUE@10"},
        {"cloud in no group serves no intranet machine", "facts 3.5", TWO
         "dp k1; cloud k1 k.contoso.test", IN_A, {.minutes = LATER},
         "a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP k1:NOT_IN_GROUP"},
        {"protected decides nothing since 1610", "sdk 2.1", TWO "dp a2 A IsProtected=true", IN_A,
         {0}, "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

#define WEB "dp w1 InternetFacing=true Communication=1;"

/* What the DP itself, the settings and the network say. */
static void reach(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"maintenance", "sdk 2.1", TWO "dp a2 A MaintenanceMode=1", IN_A, {0},
         "a1:BOUNDARYGROUP@0 | a2:MAINTENANCE b1:NOT_IN_GROUP"},
        {"no maintenance", "sdk 2.1", TWO "dp a2 A MaintenanceMode=0", IN_A, {0},
         "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"cloud not allowed", "facts 1.6", TWO "dp k1 A; cloud k1 k.contoso.test", IN_A,
         {.no_cloud = true}, "a1:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP k1:CLOUD_NOT_ALLOWED"},
        {"ftp", "model: A DP's URL", TWO "dp a2 A; ours a2 BaseURL=ftp://x/y", IN_A, {0},
         "a1:BOUNDARYGROUP@0 | a2:UNSUPPORTED_SCHEME b1:NOT_IN_GROUP"},
        {"http", "model: A DP's URL", TWO "dp a2 A; ours a2 BaseURL=http://x/y", IN_A, {0},
         "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"metered, blocked", "sdk 4.2", "group A; sub A 10.1.1.0; dp a1 A", IN_A " metered=true",
         {0}, "| a1:METERED"},
        {"not metered", "sdk 4.2", "group A; sub A 10.1.1.0; dp a1 A", IN_A " metered=false", {0},
         "a1:BOUNDARYGROUP@0 |"},
        {"metered, allowed", "sdk 4.2", "group A; sub A 10.1.1.0; dp a1 A", IN_A " metered=true",
         {.metered = METERED_ALLOW}, "a1:BOUNDARYGROUP@0 |"},
        {"metered, limited, allowed by the package's deployment", "sdk 5.1",
         "group A; sub A 10.1.1.0; dp a1 A", IN_A " metered=true",
         {.metered = METERED_LIMIT, .bits = "flags=0x40050"}, "a1:BOUNDARYGROUP@0 |"},
        {"metered, limited, no deployment", "contract: --deployment",
         "group A; sub A 10.1.1.0; dp a1 A", IN_A " metered=true", {.metered = METERED_LIMIT},
         "a1:BOUNDARYGROUP@0 |"},
        {"metered, limited, not allowed", "sdk 5.1", "group A; sub A 10.1.1.0; dp a1 A", IN_A
         " metered=true", {.metered = METERED_LIMIT, .bits = "flags=0x50"}, "| a1:METERED"},
        {"metered, limited, allowed by the update's deployment", "sdk 5.2",
         "group A; sub A 10.1.1.0; dp a1 A", IN_A " metered=true",
         {.metered = METERED_LIMIT, .bits = "locality=0x80050"}, "a1:BOUNDARYGROUP@0 |"},
        {"0x40000 is Microsoft Update there", "sdk 5.2", "group A; sub A 10.1.1.0; dp a1 A", IN_A
         " metered=true", {.metered = METERED_LIMIT, .bits = "locality=0x40050"}, "| a1:METERED"},
        {"internet only", "model: A DP's reach", TWO
         "dp a2 A InternetFacing=true; role a2 InternetShared=false", IN_A, {0},
         "a1:BOUNDARYGROUP@0 | a2:INTERNET_ONLY b1:NOT_IN_GROUP"},
        {"internet, shared", "model: A DP's reach", TWO
         "dp a2 A InternetFacing=true; role a2 InternetShared=true", IN_A, {0},
         "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"internet, sharing not known", "model: A DP's reach", TWO "dp a2 A InternetFacing=true",
         IN_A, {0}, "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 | b1:NOT_IN_GROUP"},
        {"on the internet", "model: A DP's reach", TWO WEB, IN_A " " NET, {0},
         "w1:INTERNET@0 | a1:INTRANET_ONLY b1:INTRANET_ONLY"},
        {"on the internet: HTTPS only", "model: A DP's reach", TWO "dp w1 InternetFacing=true", IN_A
         " " NET, {0}, "| a1:INTRANET_ONLY b1:INTRANET_ONLY w1:INTRANET_ONLY"},
        {"on the internet: HTTPS, but not internet-facing", "model: A DP's reach", TWO
         "dp w1 Communication=1", NET, {0}, "| a1:INTRANET_ONLY b1:INTRANET_ONLY w1:INTRANET_ONLY"},
        {"HTTPS by BaseURL", "model: A DP's URL", TWO
         "dp w1 InternetFacing=true; ours w1 BaseURL=https://w/", NET, {0},
         "w1:INTERNET@0 | a1:INTRANET_ONLY b1:INTRANET_ONLY"},
        {"on the internet: then cloud", "model: A DP's reach", TWO WEB
         "dp k1; cloud k1 k.contoso.test", NET, {0},
         "w1:INTERNET@0 k1:CLOUD@0 | a1:INTRANET_ONLY b1:INTRANET_ONLY"},
        {"on the internet: cloud not allowed", "facts 1.6", TWO WEB
         "dp k1; cloud k1 k.contoso.test", NET, {.no_cloud = true},
         "w1:INTERNET@0 | a1:INTRANET_ONLY b1:INTRANET_ONLY k1:CLOUD_NOT_ALLOWED"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

#define BITS(text)                     \
    {                                  \
        .minutes = LATER, .bits = text \
    }
#define FAR        "group A; sub A 10.1.1.0; dp a1 A; group B; dp b1 B; link A B 10;" Z
#define ALL_THREE  "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@10 z1:SITEDEFAULT@120 |"
#define NO_DEFAULT "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@10 | z1:DEFAULT_GROUP_NOT_ALLOWED"
#define OWN_ONLY   "a1:BOUNDARYGROUP@0 | b1:REMOTE_NOT_ALLOWED z1:REMOTE_NOT_ALLOWED"

/* configmgr-sdk 5.1 and 5.2. */
static void deployments(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"no deployment", "contract: --deployment", FAR, IN_A, {.minutes = LATER}, ALL_THREE},
        {"package, default 48", "sdk 5.1", FAR, IN_A, BITS( "flags=48" ), OWN_ONLY},
        {"package, remote", "sdk 5.1", FAR, IN_A, BITS( "flags=0x50" ), ALL_THREE},
        {"package, run from remote alone", "sdk 5.1", FAR, IN_A, BITS( "flags=0x90" ), OWN_ONLY},
        {"package, no fallback", "sdk 5.1", FAR, IN_A, BITS( "flags=0x20050" ), NO_DEFAULT},
        {"package, no fallback, no remote", "sdk 5.1", FAR, IN_A, BITS( "flags=0x20010" ),
         OWN_ONLY},
        {"updates, bit 4 alone", "sdk 5.2", FAR, IN_A, BITS( "locality=0x10" ), OWN_ONLY},
        {"updates, 80", "sdk 5.2", FAR, IN_A, BITS( "locality=80" ), ALL_THREE},
        {"updates, 131152", "sdk 5.2", FAR, IN_A, BITS( "locality=131152" ), NO_DEFAULT},
        {"no group: the default group is remote", "sdk 5.1", FAR, NONE, BITS( "flags=48" ),
         "| a1:NOT_IN_GROUP b1:NOT_IN_GROUP z1:REMOTE_NOT_ALLOWED"},
        {"package, on demand", "sdk 5.1", "group A; sub A 10.1.1.0; dp a1 A; ours a1 Kind=cloud",
         IN_A, BITS( "flags=0x150" ), "| a1:ON_DEMAND_NOT_FROM_CLOUD"},
        {"package, run from there", "sdk 5.1",
         "group A; sub A 10.1.1.0; dp a1 A; ours a1 Kind=cloud", IN_A, BITS( "flags=0x58" ),
         "| a1:RUN_FROM_DP_NOT_FROM_CLOUD"},
        {"package, downloaded", "sdk 5.1", "group A; sub A 10.1.1.0; dp a1 A; ours a1 Kind=cloud",
         IN_A, BITS( "flags=0x50" ), "a1:CLOUD@0 |"},
        {"no group, remote allowed", "sdk 5.1", FAR, NONE, BITS( "flags=0x50" ),
         "z1:SITEDEFAULT@0 | a1:NOT_IN_GROUP b1:NOT_IN_GROUP"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

#define ONE "group A; sub A 10.1.1.0; dp a1 A; dp a2 A; has a2 0 3;"

/* The policy model's table "Which DP has it"; version 3 is wanted. */
static void presence(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"State 0, the version", "model: Which DP has it", ONE "has a1 0 3", IN_A, {0},
         "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 |"},
        {"State 0, an old version", "model: Which DP has it", ONE "has a1 0 2", IN_A, {0},
         "a2:BOUNDARYGROUP@0 | a1:OLD_VERSION"},
        {"State 0, a newer version", "model: Which DP has it", ONE "has a1 0 4", IN_A, {0},
         "a2:BOUNDARYGROUP@0 | a1:NEWER_VERSION"},
        {"State 1", "model: Which DP has it", ONE "has a1 1 3", IN_A, {0},
         "a2:BOUNDARYGROUP@0 | a1:NO_CONTENT"},
        {"State 2", "model: Which DP has it", ONE "has a1 2 3", IN_A, {0},
         "a2:BOUNDARYGROUP@0 | a1:NO_CONTENT"},
        {"State 3", "model: Which DP has it", ONE "has a1 3 3", IN_A, {0},
         "a2:BOUNDARYGROUP@0 | a1:NO_CONTENT"},
        {"State 4", "model: Which DP has it", ONE "has a1 4 3", IN_A, {0},
         "a2:BOUNDARYGROUP@0 | a1:NO_CONTENT"},
        {"State 5", "model: Which DP has it", ONE "has a1 5 3", IN_A, {0},
         "a2:BOUNDARYGROUP@0 | a1:NO_CONTENT"},
        {"State 6", "model: Which DP has it", ONE "has a1 6 3", IN_A, {0},
         "a2:BOUNDARYGROUP@0 | a1:NO_CONTENT"},
        {"State 7 stands after State 0", "model: Which DP has it", ONE "has a1 7 3", IN_A, {0},
         "a2:BOUNDARYGROUP@0 a1:BOUNDARYGROUP@0 |"},
        {"State 8 stands after State 0", "model: Which DP has it", ONE "has a1 8 3", IN_A, {0},
         "a2:BOUNDARYGROUP@0 a1:BOUNDARYGROUP@0 |"},
        {"State 7, an old version", "model: Which DP has it", ONE "has a1 7 2", IN_A, {0},
         "a2:BOUNDARYGROUP@0 | a1:OLD_VERSION"},
        {"State 7 of a nearer locality stands first", "model: Which DP has it",
         "group A; sub A 10.1.1.0; dp a1 A; group B; dp b1 B; link A B 0; has a1 7 3; has b1 0 3",
         IN_A, {0}, "a1:BOUNDARYGROUP@0 b1:NEIGHBOR@0 |"},
        {"only SMS_DistributionPoint", "model: Which DP has it", ONE "sent a1 1", IN_A, {0},
         "a1:BOUNDARYGROUP@0 a2:BOUNDARYGROUP@0 |"},
        {"only SMS_DistributionPoint, deleted", "model: Which DP has it", ONE "sent a1 3", IN_A,
         {0}, "a2:BOUNDARYGROUP@0 | a1:NO_CONTENT"},
        {"both: the summarizer says it", "model: Which DP has it", ONE "sent a1 1; has a1 3 3",
         IN_A, {0}, "a2:BOUNDARYGROUP@0 | a1:NO_CONTENT"},
        {"rows for the package, none for this DP", "model: Which DP has it", ONE, IN_A, {0},
         "a2:BOUNDARYGROUP@0 | a1:NO_CONTENT"},
        {"no presence class at all", "model: Which DP has it", "group A; sub A 10.1.1.0; dp a1 A",
         IN_A, {0}, "a1:BOUNDARYGROUP@0 |"},
        {"presence of another package only", "model: Which DP has it",
         "group A; sub A 10.1.1.0; dp a1 A; SMS_DPContentInfo NALPath=x PackageID=y ObjectID=y",
         IN_A, {0}, "| a1:NO_CONTENT"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* Content libraries on a path: allowed by their folder, near where nothing says otherwise, and no
   network leads to those of the machine. */
static void libraries(void **state)
{
#define LIBRARY "group A; sub A 10.1.1.0; dp a1 A; dp l1 A; ours l1 LibraryPath="
#define AWAY    " Addresses=10.9.9.9/24"
    /* clang-format off */
    static const struct row rows[] = {
        {"below a root", "contract: libraryRoots", LIBRARY "/mnt/lib", IN_A, {0},
         "l1:COMPUTER@0 a1:BOUNDARYGROUP@0 |"},
        {"the root", "contract: libraryRoots", LIBRARY "/mnt", IN_A, {0},
         "l1:COMPUTER@0 a1:BOUNDARYGROUP@0 |"},
        {"below another folder", "contract: libraryRoots", LIBRARY "/opt/lib", IN_A, {0},
         "a1:BOUNDARYGROUP@0 | l1:UNSUPPORTED_SCHEME"},
        {"beside the root", "contract: libraryRoots", LIBRARY "/mntx", IN_A, {0},
         "a1:BOUNDARYGROUP@0 | l1:UNSUPPORTED_SCHEME"},
        {"out of the root", "contract: libraryRoots", LIBRARY "/mnt/../opt", IN_A, {0},
         "a1:BOUNDARYGROUP@0 | l1:UNSUPPORTED_SCHEME"},
        {"not absolute", "contract: libraryRoots", LIBRARY "mnt/lib", IN_A, {0},
         "a1:BOUNDARYGROUP@0 | l1:UNSUPPORTED_SCHEME"},
        {"no path", "ours", "group A; sub A 10.1.1.0; dp l1 A; ours l1 Kind=library", IN_A, {0},
         "| l1:UNSUPPORTED_SCHEME"},
        {"a server all the same", "ours", LIBRARY "/opt/lib Kind=server", IN_A, {0},
         "a1:BOUNDARYGROUP@0 l1:BOUNDARYGROUP@0 |"},
        {"of another machine", "contract: libraryRoots", LIBRARY "/mnt/lib" AWAY, IN_A, {0},
         "a1:BOUNDARYGROUP@0 l1:BOUNDARYGROUP@0 |"},
        {"metered", "ours", LIBRARY "/mnt/lib", IN_A " metered=true", {0},
         "l1:COMPUTER@0 | a1:METERED"},
        {"metered, of another machine", "ours", LIBRARY "/mnt/lib" AWAY, IN_A " metered=true", {0},
         "| a1:METERED l1:METERED"},
        {"on the internet", "ours", LIBRARY "/mnt/lib", NET, {0},
         "l1:COMPUTER@0 | a1:INTRANET_ONLY"},
        {"on the internet, of another machine", "ours", LIBRARY "/mnt/lib" AWAY, NET, {0},
         "| a1:INTRANET_ONLY l1:INTRANET_ONLY"},
        {"in no group", "model: current rules", "group A; sub A 10.1.1.0; dp a1 A; "
         "ours l1 LibraryPath=/mnt/lib; has l1 0 3; has a1 0 3", IN_A, {0},
         "a1:BOUNDARYGROUP@0 | l1:NOT_IN_GROUP"},
        {"2012", "contract: libraryRoots", LIBRARY "/mnt/lib", IN_A, {.rules = "2012"},
         "l1:COMPUTER@0 a1:LOCAL@0 |"},
        {"2012, outside", "contract: libraryRoots", LIBRARY "/opt/lib", IN_A, {.rules = "2012"},
         "a1:LOCAL@0 | l1:UNSUPPORTED_SCHEME"},
        {"2007", "contract: libraryRoots", LIBRARY "/mnt/lib", IN_A, {.rules = "2007"},
         "l1:COMPUTER@0 a1:LOCAL@0 |"},
        {"2007, outside", "contract: libraryRoots", LIBRARY "/opt/lib", IN_A, {.rules = "2007"},
         "a1:LOCAL@0 | l1:UNSUPPORTED_SCHEME"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

static enum library_path judge(const char *path, const char *root, bool is_signed)
{
    const char *found;
    const struct site_dp dp = {.library_path = path, .library_signed = is_signed};
    return site_judge_library(&dp, &(struct library_roots){1, &root}, &found);
}

static void library_paths(void **state)
{
    (void)state;
    assert_int_equal(judge(NULL, "/mnt", true), LIBRARY_PATH_MISSING);
    assert_int_equal(judge("/opt/lib", "/mnt", false), LIBRARY_PATH_OUTSIDE);
    assert_int_equal(judge("/opt/lib", "/mnt", true), LIBRARY_PATH_ALLOWED);
    assert_int_equal(judge("/opt/../lib", "/mnt", true), LIBRARY_PATH_MALFORMED);
    static const char *const malformed[] = {"",         "mnt",     "/mnt//a", "/mnt/.",
                                            "/mnt/./a", "/mnt/..", "//mnt",   "C:\\mnt"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_int_equal(judge(malformed[i], "/mnt", false), LIBRARY_PATH_MALFORMED);
    static const char *const allowed[] = {"/mnt",    "/mnt/",        "/mnt/a",
                                          "/mnt/a/", "/mnt/..a/...", "/mnt/.a"};
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        assert_int_equal(judge(allowed[i], "/mnt/", false), LIBRARY_PATH_ALLOWED);
        assert_int_equal(judge(allowed[i], "/", false), LIBRARY_PATH_ALLOWED);
        assert_int_equal(judge(allowed[i], "/mnt/b", false), LIBRARY_PATH_OUTSIDE);
    }
}

/* Where several codes fit, the first of the contract's order stands: each row has one obstacle less
   than the one before. */
static void precedence(void **state)
{
#define BELOW "group A; sub A 10.1.1.0; group B; dp b1 B"
    /* clang-format off */
    static const struct row rows[] = {
        {"unknown content ahead of all", "contract: unknown content", BELOW
         " MaintenanceMode=1; ours b1 BaseURL=ftp://x/", IN_A, {.unknown_content = true},
         "| b1:NO_CONTENT"},
        {"scheme", "contract: order of codes", BELOW
         " MaintenanceMode=1; ours b1 BaseURL=ftp://x/ Kind=cloud", IN_A, {.no_cloud = true},
         "| b1:UNSUPPORTED_SCHEME"},
        {"maintenance", "contract: order of codes", BELOW
         " MaintenanceMode=1; ours b1 BaseURL=http://x/ Kind=cloud", IN_A, {.no_cloud = true},
         "| b1:MAINTENANCE"},
        {"cloud", "contract: order of codes", BELOW "; ours b1 Kind=cloud", IN_A " metered=true",
         {.no_cloud = true}, "| b1:CLOUD_NOT_ALLOWED"},
        {"metered", "contract: order of codes", BELOW " InternetFacing=1; role b1 InternetShared=0",
         IN_A " metered=true", {0}, "| b1:METERED"},
        {"internet only", "contract: order of codes", BELOW
         " InternetFacing=1; role b1 InternetShared=0", IN_A, {0}, "| b1:INTERNET_ONLY"},
        {"intranet only", "contract: order of codes", BELOW "; has b1 3 3", NET, {0},
         "| b1:INTRANET_ONLY"},
        {"no group", "contract: order of codes", BELOW "; has b1 0 2", IN_A, {0},
         "| b1:NOT_IN_GROUP"},
        {"never", "contract: order of codes", BELOW "; has b1 0 2; link A B -1", IN_A,
         {.bits = "flags=48"}, "| b1:FALLBACK_NEVER"},
        {"remote", "contract: order of codes", BELOW "; has b1 0 2; link A B 9", IN_A,
         {.bits = "flags=0x20010"}, "| b1:REMOTE_NOT_ALLOWED"},
        {"default group", "contract: order of codes", "group A; sub A 10.1.1.0; " Z "has z1 0 2",
         IN_A, {.bits = "flags=0x20050"}, "| z1:DEFAULT_GROUP_NOT_ALLOWED"},
        {"no content", "contract: order of codes", BELOW "; has b1 3 3; link A B 9", IN_A, {0},
         "| b1:NO_CONTENT"},
        {"old version", "contract: order of codes", BELOW "; has b1 0 2; link A B 9", IN_A, {0},
         "| b1:OLD_VERSION"},
        {"newer version", "contract: order of codes", BELOW "; has b1 0 4; link A B 9", IN_A, {0},
         "| b1:NEWER_VERSION"},
        {"not due", "contract: order of codes", BELOW "; has b1 0 3; link A B 9", IN_A, {0},
         "| b1:FALLBACK_NOT_DUE@9"},
        {"never on one way, the deployment on the other", "contract: order of codes", BELOW
         "; has b1 0 2; link A B -1; group D;" "dp bd B D; link A D 9", IN_A, {.bits = "flags=48"},
         "| b1:FALLBACK_NEVER bd:FALLBACK_NEVER"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* A location names what brought it: open and joined groups, their boundaries, its URL. */
static void origins(void **state)
{
    (void)state;
    struct asked asked;
    struct question question = {.minutes = 5};
    ask(&asked, TWO "dp ab A B; link A B 30; range A 10.1.1.1-10.1.1.9; adsite B Paris", IN_A,
        &question);
    assert_int_equal(asked.decision.boundary_count, 2);
    assert_int_equal(asked.decision.group_count, 2);
    assert_int_equal(asked.decision.groups[1].via, VIA_NEIGHBOR);
    assert_int_equal(asked.decision.groups[1].from, MINUTES_ROW);
    assert_string_equal(asked.decision.groups[1].through->name, "A");
    assert_int_equal(asked.decision.location_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct location *location = &asked.decision.locations[i];
        assert_int_equal(location->group_count, 1);
        assert_string_equal(location->groups[0]->group->name, "A");
        assert_int_equal(location->boundary_count, 2);
        assert_true(text_ends_with(location->url, "/SMS_DP_SMSPKG$/" ESTATE_PACKAGE));
    }
    asked_free(&asked);
}

/* On the internet neither boundaries nor groups count. */
static void internet_groups(void **state)
{
    static const char *const machines[] = {IN_A " internet=false", IN_A " internet=true"};
    (void)state;
    for (size_t internet = 0; internet < 2; internet++) {
        struct asked asked;
        struct question question = {0};
        ask(&asked, TWO "dp w1 A InternetFacing=1 Communication=1", machines[internet], &question);
        assert_int_equal(asked.decision.boundary_count, 1 - internet);
        assert_int_equal(asked.decision.group_count, 1 - internet);
        asked_free(&asked);
    }
}

static void minutes_origins(void **state)
{
    static const struct {
        const char *rows;
        enum minutes_from from;
    } cases[] = {{"", MINUTES_BUILT_IN},
                 {"link Z Z 45", MINUTES_DEFAULT},
                 {"link Z Z 45; link A Z 30", MINUTES_ROW}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct asked asked;
        struct question question = {0};
        ask_twice(&asked, TWO Z, cases[i].rows, IN_A, &question);
        assert_int_equal(asked.decision.group_count, 2);
        assert_int_equal(asked.decision.groups[0].from, MINUTES_NONE);
        assert_int_equal(asked.decision.groups[1].from, cases[i].from);
        asked_free(&asked);
    }
}

static void assumptions(void **state)
{
    (void)state;
    struct asked asked;
    struct question question = {0};
    ask(&asked, TWO, IN_A, &question);
    assert_true(asked.decision.presence_assumed);
    assert_true(asked.decision.addresses_assumed);
    asked_free(&asked);
    ask(&asked, TWO "has a1 0 3; ours a1 Addresses=10.1.9.1; ours b1 Addresses=10.1.9.2", IN_A,
        &question);
    assert_false(asked.decision.presence_assumed);
    assert_false(asked.decision.addresses_assumed);
    asked_free(&asked);
}

/* Last: what the tables above answered. */
static void all_answered(void **state)
{
    static const enum exclusion codes[] = {
        EXCLUDED_UNSUPPORTED_SCHEME,
        EXCLUDED_MAINTENANCE,
        EXCLUDED_CLOUD_NOT_ALLOWED,
        EXCLUDED_METERED,
        EXCLUDED_INTERNET_ONLY,
        EXCLUDED_INTRANET_ONLY,
        EXCLUDED_NOT_IN_GROUP,
        EXCLUDED_FALLBACK_NEVER,
        EXCLUDED_REMOTE_NOT_ALLOWED,
        EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED,
        EXCLUDED_ON_DEMAND_NOT_FROM_CLOUD,
        EXCLUDED_RUN_FROM_DP_NOT_FROM_CLOUD,
        EXCLUDED_NO_CONTENT,
        EXCLUDED_OLD_VERSION,
        EXCLUDED_NEWER_VERSION,
        EXCLUDED_FALLBACK_NOT_DUE,
    };
    static const enum locality localities[] = {
        LOCALITY_COMPUTER,    LOCALITY_SUBNET,   LOCALITY_BOUNDARYGROUP, LOCALITY_NEIGHBOR,
        LOCALITY_SITEDEFAULT, LOCALITY_INTERNET, LOCALITY_CLOUD,
    };
    (void)state;
    check_codes(RULES_CURRENT, codes, sizeof codes / sizeof codes[0]);
    check_localities(RULES_CURRENT, localities, sizeof localities / sizeof localities[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(membership),      cmocka_unit_test(worked_example),
        cmocka_unit_test(next_minute),     cmocka_unit_test(relationships),
        cmocka_unit_test(default_groups),  cmocka_unit_test(order),
        cmocka_unit_test(reach),           cmocka_unit_test(deployments),
        cmocka_unit_test(presence),        cmocka_unit_test(libraries),
        cmocka_unit_test(library_paths),   cmocka_unit_test(precedence),
        cmocka_unit_test(origins),         cmocka_unit_test(internet_groups),
        cmocka_unit_test(minutes_origins), cmocka_unit_test(assumptions),
        cmocka_unit_test(all_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Where a machine would get a content under the rules of 2012 to 1606 as tables: preferred
 * distribution points, then those that allow fallback, then cloud. Later names are to stand first
 * where an order is asked: equals stand by name (location_rows.h).
 */
#include "tests/unit/location_rows.h"

#define Q(...)                       \
    {                                \
        .rules = "2012", __VA_ARGS__ \
    }
#define A_ONLY "group A; sub A 10.1.1.0;"
#define PAIR   A_ONLY "dp p1 A; dp p2 A;"
#define CLOUD  "dp c1; cloud c1 k.contoso.test;"

/* The answer, and whether the site is to bring the content. */
static void print_coming(struct buf *out, struct asked *asked)
{
    print_answer(out, asked);
    buf_append_text(out, asked->decision.on_demand_coming ? " coming" : "");
}

#define ON_DEMAND     "package 3 PkgFlags=1073741824;"
#define PREFERRED     A_ONLY "dp p1 A; has p1 0 3;"
#define NOT_PREFERRED A_ONLY "dp p1 A; has p1 3 3;"
#define FALLBACK      "dp f1; has f1 0 3;"
#define FORBIDDING    "dp f1 IsProtected=1; has f1 0 3;"
#define DOWNLOAD      Q(.bits = "flags=0x50")
#define DO_NOT        Q(.bits = "flags=0x10")
#define NO_FALLBACK   Q(.bits = "flags=0x20050")
#define NEITHER       Q(.bits = "flags=0x20010")

/* Nine scenarios: is it on a preferred one, is fallback allowed (by the distribution point; by the
   deployment), may clients download on slow networks, is the content on demand. */
static void scenarios(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"1: yes, off", "facts 3.5: 1-3", PREFERRED FORBIDDING, IN_A, DO_NOT,
         "p1:LOCAL@0 | f1:PROTECTED"},
        {"1: yes, off by the deployment", "facts 3.5: 1-3", PREFERRED FALLBACK, IN_A, NEITHER,
         "p1:LOCAL@0 | f1:REMOTE_NOT_ALLOWED"},
        {"1: yes, off, on demand", "facts 3.5: 1-3", ON_DEMAND PREFERRED FORBIDDING, IN_A, DO_NOT,
         "p1:LOCAL@0 | f1:PROTECTED"},
        {"2: yes, on, do not download", "facts 3.5: 1-3", PREFERRED FALLBACK, IN_A, DO_NOT,
         "p1:LOCAL@0 | f1:SLOW_NOT_ALLOWED"},
        {"2: yes, on, do not download, on demand", "facts 3.5: 1-3", ON_DEMAND PREFERRED FALLBACK,
         IN_A, DO_NOT, "p1:LOCAL@0 | f1:SLOW_NOT_ALLOWED"},
        {"3: yes, on, download", "facts 3.5: 1-3", PREFERRED FALLBACK, IN_A, DOWNLOAD,
         "p1:LOCAL@0 f1:REMOTE@0 |"},
        {"3: yes, on, download, on demand", "facts 3.5: 1-3", ON_DEMAND PREFERRED FALLBACK, IN_A,
         DOWNLOAD, "p1:LOCAL@0 f1:REMOTE@0 |"},
        {"4: no, off, do not download", "facts 3.5: 4", NOT_PREFERRED FORBIDDING, IN_A, DO_NOT,
         "| f1:PROTECTED p1:NO_CONTENT"},
        {"4: no, off, download", "facts 3.5: 4", NOT_PREFERRED FORBIDDING, IN_A, DOWNLOAD,
         "| f1:PROTECTED p1:NO_CONTENT"},
        {"4: no, off by the deployment, do not download", "facts 3.5: 4", NOT_PREFERRED FALLBACK,
         IN_A, NEITHER, "| f1:REMOTE_NOT_ALLOWED p1:NO_CONTENT"},
        {"4: no, off by the deployment, download", "facts 3.5: 4", NOT_PREFERRED FALLBACK, IN_A,
         NO_FALLBACK, "| f1:REMOTE_NOT_ALLOWED p1:NO_CONTENT"},
        {"5: no, on, do not download", "facts 3.5: 5", NOT_PREFERRED FALLBACK, IN_A, DO_NOT,
         "| f1:SLOW_NOT_ALLOWED p1:NO_CONTENT"},
        {"6: no, on, download", "facts 3.5: 6", NOT_PREFERRED FALLBACK, IN_A, DOWNLOAD,
         "f1:REMOTE@0 | p1:NO_CONTENT"},
        {"7: no, off, do not download, on demand", "facts 3.5: 7", ON_DEMAND NOT_PREFERRED
         FORBIDDING, IN_A, DO_NOT, "| f1:PROTECTED p1:NO_CONTENT coming"},
        {"7: no, off, download, on demand", "facts 3.5: 7", ON_DEMAND NOT_PREFERRED FORBIDDING,
         IN_A, DOWNLOAD, "| f1:PROTECTED p1:NO_CONTENT coming"},
        {"7: no, off by the deployment, do not download, on demand", "facts 3.5: 7", ON_DEMAND
         NOT_PREFERRED FALLBACK, IN_A, NEITHER, "| f1:REMOTE_NOT_ALLOWED p1:NO_CONTENT coming"},
        {"7: no, off by the deployment, download, on demand", "facts 3.5: 7", ON_DEMAND
         NOT_PREFERRED FALLBACK, IN_A, NO_FALLBACK, "| f1:REMOTE_NOT_ALLOWED p1:NO_CONTENT coming"},
        {"8: no, on, do not download, on demand", "facts 3.5: 8", ON_DEMAND NOT_PREFERRED FALLBACK,
         IN_A, DO_NOT, "| f1:SLOW_NOT_ALLOWED p1:NO_CONTENT coming"},
        {"9: no, on, download, on demand", "facts 3.5: 9", ON_DEMAND NOT_PREFERRED FALLBACK, IN_A,
         DOWNLOAD, "f1:REMOTE@0 | p1:NO_CONTENT coming"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_coming);
}

/* When the site brings the content to a preferred distribution point. */
static void on_demand(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"bit 30", "facts 3.5: 7", "package 3 PkgFlags=1073741824;" NOT_PREFERRED, IN_A, Q(),
         "| p1:NO_CONTENT coming"},
        {"bit 29", "facts 3.5: 4", "package 3 PkgFlags=536870912;" NOT_PREFERRED, IN_A, Q(),
         "| p1:NO_CONTENT"},
        {"bit 30 and others", "facts 3.5: 7", "package 3 PkgFlags=1610612737;" NOT_PREFERRED, IN_A,
         Q(), "| p1:NO_CONTENT coming"},
        {"a preferred one has it", "facts 3.5: 1-3", ON_DEMAND PREFERRED, IN_A, Q(),
         "p1:LOCAL@0 |"},
        {"one of two preferred ones has it", "facts 3.5: 1-3", ON_DEMAND PREFERRED
         "dp p2 A; has p2 3 3", IN_A, Q(), "p1:LOCAL@0 | p2:NO_CONTENT"},
        {"neither of two", "facts 3.5: 7", ON_DEMAND NOT_PREFERRED "dp p2 A; has p2 3 3", IN_A, Q(),
         "| p1:NO_CONTENT p2:NO_CONTENT coming"},
        {"it is being updated there", "ours", ON_DEMAND A_ONLY "dp p1 A; has p1 7 3", IN_A, Q(),
         "p1:LOCAL@0 |"},
        {"an old version is there", "ours", ON_DEMAND A_ONLY "dp p1 A; has p1 0 2", IN_A, Q(),
         "| p1:OLD_VERSION coming"},
        {"it may be there", "ours", ON_DEMAND A_ONLY "dp p1 A", IN_A, Q(), "p1:LOCAL@0 |"},
        {"it is there, behind another obstacle", "ours", ON_DEMAND A_ONLY
         "dp p1 A MaintenanceMode=1; has p1 0 3", IN_A, Q(), "| p1:MAINTENANCE"},
        {"the machine is in no group", "ours", ON_DEMAND NOT_PREFERRED, NONE, Q(),
         "| p1:NO_CONTENT"},
        {"its group has no distribution point", "ours", ON_DEMAND A_ONLY "dp p1; has p1 3 3", IN_A,
         Q(), "| p1:NO_CONTENT"},
        {"a cloud one has it, the other not", "ours", ON_DEMAND NOT_PREFERRED
         "dp k1 A; ours k1 Kind=cloud; has k1 0 3", IN_A, Q(), "k1:CLOUD@0 | p1:NO_CONTENT coming"},
        {"its group has a cloud one alone", "ours", ON_DEMAND A_ONLY
         "dp k1 A; ours k1 Kind=cloud; has k1 3 3", IN_A, Q(), "| k1:NO_CONTENT"},
        {"on the internet", "ours", ON_DEMAND NOT_PREFERRED, IN_A " " NET, Q(),
         "| p1:INTRANET_ONLY"},
        {"unknown content", "ours", ON_DEMAND NOT_PREFERRED, IN_A, Q( .unknown_content = true ),
         "| p1:NO_CONTENT"},
        {"the current rules know no such thing", "facts 3.3", ON_DEMAND NOT_PREFERRED, IN_A, {0},
         "| p1:NO_CONTENT"},
        {"nor do those of 2007", "facts 3.5: 2007", ON_DEMAND NOT_PREFERRED, IN_A,
         {.rules = "2007"}, "| p1:NO_CONTENT"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_coming);
}

/* Who is preferred, who may be fallen back to. */
static void pools(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"in the machine's group", "facts 3.5", TWO, IN_A, Q(), "a1:LOCAL@0 b1:REMOTE@0 |"},
        {"in the other", "facts 3.5", TWO, IN_B, Q(), "b1:LOCAL@0 a1:REMOTE@0 |"},
        {"in both", "facts 3.2", TWO, AB, Q(), "a1:LOCAL@0 b1:LOCAL@0 |"},
        {"in none", "facts 3.5", TWO, NONE, Q(), "a1:REMOTE@0 b1:REMOTE@0 |"},
        {"a server of no group", "facts 3.5", A_ONLY "dp p1 A; dp f1", IN_A, Q(),
         "p1:LOCAL@0 f1:REMOTE@0 |"},
        {"no neighbors and no minutes", "ours", TWO "link A B 10", IN_A, Q(),
         "a1:LOCAL@0 b1:REMOTE@0 |"},
        {"never is of the relationships", "ours", TWO "link A B -1", IN_A, Q(),
         "a1:LOCAL@0 b1:REMOTE@0 |"},
        {"no default groups", "ours", TWO Z, IN_A, Q(), "a1:LOCAL@0 b1:REMOTE@0 z1:REMOTE@0 |"},
        {"no default groups in no group", "ours", TWO Z, NONE, Q(),
         "a1:REMOTE@0 b1:REMOTE@0 z1:REMOTE@0 |"},
        {"cloud needs no group", "facts 3.5", A_ONLY "dp p1 A;" CLOUD, IN_A, Q(),
         "p1:LOCAL@0 c1:CLOUD@0 |"},
        {"cloud in the machine's group stands last all the same", "ours", A_ONLY
         "dp c1 A; cloud c1 k.contoso.test; dp f1", IN_A, Q(), "f1:REMOTE@0 c1:CLOUD@0 |"},
        {"protected, preferred", "facts 3.5", A_ONLY "dp p1 A IsProtected=1", IN_A, Q(),
         "p1:LOCAL@0 |"},
        {"protected, not preferred", "facts 3.5", A_ONLY "dp p1 IsProtected=1", IN_A, Q(),
         "| p1:PROTECTED"},
        {"not protected, not preferred", "facts 3.5", A_ONLY "dp p1 IsProtected=0", IN_A, Q(),
         "p1:REMOTE@0 |"},
        {"protected in another group", "facts 3.5", A_ONLY "group B; dp p1 B IsProtected=1", IN_A,
         Q(), "| p1:PROTECTED"},
        {"protected, allows fallback", "ours", A_ONLY
         "dp p1 IsProtected=1; ours p1 AllowFallback=1", IN_A, Q(), "p1:REMOTE@0 |"},
        {"protected, does not allow it", "ours", A_ONLY
         "dp p1 IsProtected=1; ours p1 AllowFallback=0", IN_A, Q(), "| p1:PROTECTED"},
        {"not protected, does not allow it", "ours", A_ONLY
         "dp p1 IsProtected=0; ours p1 AllowFallback=0", IN_A, Q(), "| p1:PROTECTED"},
        {"not protected, allows it", "ours", A_ONLY "dp p1 IsProtected=0; ours p1 AllowFallback=1",
         IN_A, Q(), "p1:REMOTE@0 |"},
        {"does not allow it, preferred", "ours", A_ONLY "dp p1 A; ours p1 AllowFallback=0", IN_A,
         Q(), "p1:LOCAL@0 |"},
        {"cloud, protected", "ours", A_ONLY "dp c1 IsProtected=1; cloud c1 k.contoso.test", IN_A,
         Q(), "c1:CLOUD@0 |"},
        {"cloud, does not allow fallback", "ours", A_ONLY
         "dp c1; ours c1 Kind=cloud AllowFallback=0", IN_A, Q(), "c1:CLOUD@0 |"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

#define CROWD A_ONLY "dp p1 A; dp f1; dp c1; cloud c1 k.contoso.test;"

/* What a deployment allows; fast and slow of each distribution point in each group. */
static void deployments(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"no deployment", "contract: --deployment", CROWD, IN_A, Q(),
         "p1:LOCAL@0 f1:REMOTE@0 c1:CLOUD@0 |"},
        {"package, default 48", "sdk 5.1", CROWD, IN_A, Q( .bits = "flags=48" ),
         "p1:LOCAL@0 c1:CLOUD@0 | f1:SLOW_NOT_ALLOWED"},
        {"package, remote", "sdk 5.1", CROWD, IN_A, Q( .bits = "flags=0x50" ),
         "p1:LOCAL@0 f1:REMOTE@0 c1:CLOUD@0 |"},
        {"package, no fallback", "sdk 5.1", CROWD, IN_A, Q( .bits = "flags=0x20050" ),
         "p1:LOCAL@0 c1:CLOUD@0 | f1:REMOTE_NOT_ALLOWED"},
        {"updates, 80", "sdk 5.2", CROWD, IN_A, Q( .bits = "locality=80" ),
         "p1:LOCAL@0 f1:REMOTE@0 c1:CLOUD@0 |"},
        {"updates, bit 4 alone", "sdk 5.2", CROWD, IN_A, Q( .bits = "locality=0x10" ),
         "p1:LOCAL@0 c1:CLOUD@0 | f1:SLOW_NOT_ALLOWED"},
        {"updates, no fallback", "sdk 5.2", CROWD, IN_A, Q( .bits = "locality=0x20050" ),
         "p1:LOCAL@0 c1:CLOUD@0 | f1:REMOTE_NOT_ALLOWED"},
        {"fast in the group", "facts 3.5", A_ONLY "dp p1 A", IN_A, Q( .bits = "flags=0x10" ),
         "p1:LOCAL@0 |"},
        {"slow in the group", "facts 3.5", A_ONLY "dp p1 A/slow", IN_A, Q( .bits = "flags=0x10" ),
         "| p1:SLOW_NOT_ALLOWED"},
        {"slow in the group, slow allowed", "facts 3.5", A_ONLY "dp p1 A/slow", IN_A,
         Q( .bits = "flags=0x50" ), "p1:LOCAL@0 |"},
        {"slow in one of two groups", "ours", A_ONLY "group B; sub B 10.2.2.0; dp p1 A/slow B", AB,
         Q( .bits = "flags=0x10" ), "p1:LOCAL@0 |"},
        {"slow in the other of two groups", "ours", A_ONLY
         "group B; sub B 10.2.2.0; dp p1 A B/slow", AB, Q( .bits = "flags=0x10" ), "p1:LOCAL@0 |"},
        {"slow in both", "ours", A_ONLY "group B; sub B 10.2.2.0; dp p1 A/slow B/slow", AB,
         Q( .bits = "flags=0x10" ), "| p1:SLOW_NOT_ALLOWED"},
        {"fast only where the machine is not", "ours", A_ONLY
         "group B; sub B 10.2.2.0; dp p1 A/slow B", IN_A, Q( .bits = "flags=0x10" ),
         "| p1:SLOW_NOT_ALLOWED"},
        {"slow, fallback forbidden: it is preferred", "ours", A_ONLY "dp p1 A/slow", IN_A,
         Q( .bits = "flags=0x20050" ), "p1:LOCAL@0 |"},
        {"a slow cloud", "ours", A_ONLY "dp c1 A/slow; cloud c1 k.contoso.test", IN_A,
         Q( .bits = "flags=0x10" ), "c1:CLOUD@0 |"},
        {"on demand leaves out cloud", "sdk 5.1", CROWD, IN_A, Q( .bits = "flags=0x150" ),
         "p1:LOCAL@0 f1:REMOTE@0 | c1:ON_DEMAND_NOT_FROM_CLOUD"},
        {"on demand from remote leaves out cloud", "sdk 5.1", CROWD, IN_A,
         Q( .bits = "flags=0x250" ), "p1:LOCAL@0 f1:REMOTE@0 | c1:ON_DEMAND_NOT_FROM_CLOUD"},
        {"run from the distribution point leaves out cloud", "sdk 5.1", CROWD, IN_A,
         Q( .bits = "flags=0x48" ), "p1:LOCAL@0 f1:REMOTE@0 | c1:RUN_FROM_DP_NOT_FROM_CLOUD"},
        {"run from a remote one leaves out cloud", "sdk 5.1", CROWD, IN_A,
         Q( .bits = "flags=0xd0" ), "p1:LOCAL@0 f1:REMOTE@0 | c1:RUN_FROM_DP_NOT_FROM_CLOUD"},
        {"a task sequence on demand from remote: slow is allowed", "sdk 5.1", A_ONLY
         "dp p1 A/slow; dp f1", IN_A, Q( .bits = "flags=0x210", .task_sequence = true ),
         "p1:LOCAL@0 f1:REMOTE@0 |"},
        {"no task sequence", "sdk 5.1", A_ONLY "dp p1 A/slow; dp f1", IN_A,
         Q( .bits = "flags=0x210" ), "| f1:SLOW_NOT_ALLOWED p1:SLOW_NOT_ALLOWED"},
        {"a task sequence on demand from local", "sdk 5.1", A_ONLY "dp p1 A/slow; dp f1", IN_A,
         Q( .bits = "flags=0x110", .task_sequence = true ),
         "| f1:SLOW_NOT_ALLOWED p1:SLOW_NOT_ALLOWED"},
        {"balloon reminders do not", "sdk 5.1", CROWD, IN_A, Q( .bits = "flags=0x450" ),
         "p1:LOCAL@0 f1:REMOTE@0 c1:CLOUD@0 |"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* The distribution point itself, settings and network, as under the other rules. */
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
        {"metered, limited, not marked", "sdk 5.1", A_ONLY "dp p1 A", IN_A " metered=true",
         Q( .metered = METERED_LIMIT, .bits = "flags=0x50" ), "| p1:METERED"},
        {"metered, limited, marked", "sdk 5.1", A_ONLY "dp p1 A", IN_A " metered=true",
         Q( .metered = METERED_LIMIT, .bits = "flags=0x40050" ), "p1:LOCAL@0 |"},
        {"metered, limited, cloud", "sdk 5.1", A_ONLY CLOUD, IN_A " metered=true",
         Q( .metered = METERED_LIMIT, .bits = "flags=0x50" ), "| c1:METERED"},
        {"internet only", "model: A DP's reach", A_ONLY
         "dp p1 A InternetFacing=1; role p1 InternetShared=0", IN_A, Q(), "| p1:INTERNET_ONLY"},
        {"internet, shared", "model: A DP's reach", A_ONLY
         "dp p1 A InternetFacing=1; role p1 InternetShared=1", IN_A, Q(), "p1:LOCAL@0 |"},
        {"on the internet", "model: A DP's reach", A_ONLY
         "dp p1 A InternetFacing=1 Communication=1; dp f1;" CLOUD, IN_A " " NET, Q(),
         "p1:INTERNET@0 c1:CLOUD@0 | f1:INTRANET_ONLY"},
        {"on the internet, by HTTP", "model: A DP's reach", A_ONLY
         "dp p1 A InternetFacing=1 Communication=0; dp f1;" CLOUD, IN_A " " NET, Q(),
         "c1:CLOUD@0 | f1:INTRANET_ONLY p1:INTRANET_ONLY"},
        {"on the internet, itself", "ours", A_ONLY
         "dp p1 InternetFacing=1 Communication=1; dp f1 InternetFacing=1 Communication=1", NET
         " name=p1", Q(), "p1:COMPUTER@0 f1:INTERNET@0 |"},
        {"on the internet nobody is protected", "ours", A_ONLY
         "dp p1 InternetFacing=1 Communication=1 IsProtected=1", NET, Q(), "p1:INTERNET@0 |"},
        {"on the internet nothing is slow or fallback", "ours", A_ONLY
         "dp p1 InternetFacing=1 Communication=1;" CLOUD, NET, Q( .bits = "flags=0x20010" ),
         "p1:INTERNET@0 c1:CLOUD@0 |"},
        {"on the internet cloud not allowed", "facts 1.6", A_ONLY CLOUD, NET, Q( .no_cloud = true ),
         "| c1:CLOUD_NOT_ALLOWED"},
        {"no content", "model: Which DP has it", PAIR "has p1 0 3; has p2 3 3", IN_A, Q(),
         "p1:LOCAL@0 | p2:NO_CONTENT"},
        {"an old version", "model: Which DP has it", PAIR "has p1 0 3; has p2 0 2", IN_A, Q(),
         "p1:LOCAL@0 | p2:OLD_VERSION"},
        {"a newer version", "model: Which DP has it", PAIR "has p1 0 3; has p2 0 4", IN_A, Q(),
         "p1:LOCAL@0 | p2:NEWER_VERSION"},
        {"the version", "model: Which DP has it", PAIR "has p1 0 3; has p2 0 3", IN_A, Q(),
         "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"unknown content", "contract: unknown content", PAIR
         "has p1 0 3; ours p2 BaseURL=ftp://x/", IN_A, Q( .unknown_content = true ),
         "| p1:NO_CONTENT p2:NO_CONTENT"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* Preferred: AD site before subnet before the rest, forest trust, HTTPS before HTTP. Fallback: the
   same without the network. Cloud last. */
static void order(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"same AD site", "facts 3.5", PAIR "ours p2 ADSite=London", IN_A " adSite=LONDON", Q(),
         "p2:ADSITE@0 p1:LOCAL@0 |"},
        {"another AD site", "facts 3.5", PAIR "ours p2 ADSite=London", IN_A " adSite=Paris", Q(),
         "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"same subnet", "facts 3.5", PAIR "ours p2 Addresses=10.1.1.9", IN_A, Q(),
         "p2:SUBNET@0 p1:LOCAL@0 |"},
        {"another subnet", "facts 3.5", PAIR "ours p2 Addresses=10.1.9.9", IN_A, Q(),
         "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"AD site before subnet", "facts 3.5", PAIR
         "ours p1 Addresses=10.1.1.9; ours p2 ADSite=London", IN_A " adSite=London", Q(),
         "p2:ADSITE@0 p1:SUBNET@0 |"},
        {"subnet before the rest", "facts 3.5", PAIR
         "ours p1 Addresses=10.1.1.9; ours p2 ADSite=Paris", IN_A " adSite=London", Q(),
         "p1:SUBNET@0 p2:LOCAL@0 |"},
        {"AD site and subnet: AD site", "ours", PAIR
         "ours p1 ADSite=London; ours p2 ADSite=London Addresses=10.1.1.9", IN_A " adSite=London",
         Q(), "p1:ADSITE@0 p2:ADSITE@0 |"},
        {"the machine itself before its AD site", "ours", PAIR
         "ours p1 ADSite=London; ours p2 Addresses=10.1.1.5", IN_A " adSite=London", Q(),
         "p2:COMPUTER@0 p1:ADSITE@0 |"},
        {"a fallback one in its AD site", "facts 3.5", A_ONLY
         "dp p1 A; dp f1; dp f2; ours f2 ADSite=London", IN_A " adSite=London", Q(),
         "p1:LOCAL@0 f1:REMOTE@0 f2:REMOTE@0 |"},
        {"a fallback one in its subnet", "facts 3.5", A_ONLY
         "dp p1 A; dp f1; dp f2; ours f2 Addresses=10.1.1.9", IN_A, Q(),
         "p1:LOCAL@0 f1:REMOTE@0 f2:REMOTE@0 |"},
        {"a fallback one on the machine itself", "ours", A_ONLY
         "dp p1 A; dp f1; dp f2; ours f2 Addresses=10.1.1.5", IN_A, Q(),
         "p1:LOCAL@0 f1:REMOTE@0 f2:REMOTE@0 |"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS(rows);
}

/* Then updating, forest trust, HTTPS before HTTP; cloud last. */
static void order_of_equals(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"trusted before not known", "facts 3.5", PAIR "ours p2 ForestTrust=1", IN_A, Q(),
         "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"both trusted", "facts 3.5", PAIR "ours p1 ForestTrust=1; ours p2 ForestTrust=1", IN_A,
         Q(), "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"not known before not trusted", "ours", PAIR "ours p1 ForestTrust=0", IN_A, Q(),
         "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"trusted before not trusted", "facts 3.5", PAIR
         "ours p1 ForestTrust=0; ours p2 ForestTrust=1", IN_A, Q(), "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"a trusted fallback one", "facts 3.5", A_ONLY "dp f1; dp f2; ours f2 ForestTrust=1", IN_A,
         Q(), "f2:REMOTE@0 f1:REMOTE@0 |"},
        {"HTTPS before HTTP", "facts 3.5", A_ONLY "dp p1 A; dp p2 A Communication=1", IN_A, Q(),
         "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"both HTTPS", "facts 3.5", A_ONLY "dp p1 A Communication=1; dp p2 A Communication=1", IN_A,
         Q(), "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"HTTPS of fallback ones", "facts 3.5", A_ONLY "dp f1; dp f2 Communication=1", IN_A, Q(),
         "f2:REMOTE@0 f1:REMOTE@0 |"},
        {"trust before HTTPS", "facts 3.5", A_ONLY
         "dp p1 A Communication=1; dp p2 A; ours p2 ForestTrust=1", IN_A, Q(),
         "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"network before trust", "facts 3.5", PAIR
         "ours p1 ForestTrust=1; ours p2 Addresses=10.1.1.9", IN_A, Q(),
         "p2:SUBNET@0 p1:LOCAL@0 |"},
        {"preferred before trusted", "facts 3.5", A_ONLY "dp p1 A; dp f1; ours f1 ForestTrust=1",
         IN_A, Q(), "p1:LOCAL@0 f1:REMOTE@0 |"},
        {"cloud after fallback", "facts 3.5", CROWD, IN_A, Q(),
         "p1:LOCAL@0 f1:REMOTE@0 c1:CLOUD@0 |"},
        {"cloud by kind, else a server", "facts 3.5", A_ONLY "dp p1 A; dp f1; dp c1", IN_A, Q(),
         "p1:LOCAL@0 c1:REMOTE@0 f1:REMOTE@0 |"},
        {"no group prefers cloud", "ours",
         "group A 8; sub A 10.1.1.0; dp p1 A; dp c1 A; cloud c1 k.contoso.test", IN_A, Q(),
         "p1:LOCAL@0 c1:CLOUD@0 |"},
        {"updating after installed", "model: Which DP has it", PAIR "has p1 7 3; has p2 0 3", IN_A,
         Q(), "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"both updating", "model: Which DP has it", PAIR "has p1 7 3; has p2 8 3", IN_A, Q(),
         "p1:LOCAL@0 p2:LOCAL@0 |"},
        {"updating before trust is asked", "ours", PAIR
         "has p1 7 3; has p2 0 3; ours p1 ForestTrust=1", IN_A, Q(), "p2:LOCAL@0 p1:LOCAL@0 |"},
        {"updating in its subnet", "ours", PAIR
         "has p1 0 3; has p2 7 3; ours p2 Addresses=10.1.1.9", IN_A, Q(),
         "p2:SUBNET@0 p1:LOCAL@0 |"},
        {"updating, but preferred", "ours", A_ONLY "dp p1 A; dp f1; has p1 7 3; has f1 0 3", IN_A,
         Q(), "p1:LOCAL@0 f1:REMOTE@0 |"},
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
        {"fallback, then cloud", "facts 3.5", CROWD, IN_A, Q(), "p1 FALLBACK f1 CLOUD c1"},
        {"cloud before preference is asked", "facts 3.5", A_ONLY "dp p1 A;" CLOUD, IN_A, Q(),
         "p1 CLOUD c1"},
        {"AD site, then subnet, then the rest", "facts 3.5", PAIR
         "dp p3 A; ours p3 ADSite=London; ours p2 Addresses=10.1.1.9", IN_A " adSite=London", Q(),
         "p3 LOCALITY p2 LOCALITY p1"},
        {"updating", "ours", PAIR "has p1 7 3; has p2 0 3", IN_A, Q(), "p2 UPDATING p1"},
        {"trust", "facts 3.5", PAIR "ours p2 ForestTrust=1", IN_A, Q(), "p2 TRUST p1"},
        {"trust, in three steps", "facts 3.5", PAIR
         "dp p3 A; ours p3 ForestTrust=1; ours p1 ForestTrust=0", IN_A, Q(),
         "p3 TRUST p2 TRUST p1"},
        {"HTTPS", "facts 3.5", A_ONLY "dp p1 A; dp p2 A Communication=1", IN_A, Q(), "p2 HTTPS p1"},
        {"nothing", "facts 3.5", PAIR, IN_A, Q(), "p1 RANDOM p2"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_keys);
}

static void distances(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"preferred, fallback, cloud", "contract: distance", CROWD, IN_A, Q(),
         "p1:LOCAL/local f1:REMOTE/remote/fallback c1:CLOUD/cloud"},
        {"slow in the group", "ours", A_ONLY "dp p1 A/slow", IN_A, Q(), "p1:LOCAL/remote"},
        {"slow in one of two groups", "ours", A_ONLY "group B; sub B 10.2.2.0; dp p1 A/slow B", AB,
         Q(), "p1:LOCAL/local"},
        {"slow in both", "ours", A_ONLY "group B; sub B 10.2.2.0; dp p1 A/slow B/slow", AB, Q(),
         "p1:LOCAL/remote"},
        {"slow in its subnet", "ours", A_ONLY "dp p1 A/slow; ours p1 Addresses=10.1.1.9", IN_A, Q(),
         "p1:SUBNET/remote"},
        {"in no group", "ours", CROWD, NONE, Q(),
         "f1:REMOTE/remote/fallback p1:REMOTE/remote/fallback c1:CLOUD/cloud"},
        {"cloud in the group", "ours", A_ONLY "dp c1 A; cloud c1 k.contoso.test", IN_A, Q(),
         "c1:CLOUD/cloud"},
        {"on the internet", "ours", A_ONLY "dp w1 InternetFacing=1 Communication=1;" CLOUD, NET,
         Q(), "w1:INTERNET/remote c1:CLOUD/cloud"},
        {"on the internet, itself", "ours", A_ONLY "dp w1 InternetFacing=1 Communication=1;" CLOUD,
         NET " name=w1", Q(), "w1:COMPUTER/local c1:CLOUD/cloud"},
    };
    /* clang-format on */
    (void)state;
    CHECK_ROWS_BY(rows, print_distances);
}

/* Each row has the obstacle that the one before was named for taken away. */
static void precedence(void **state)
{
#define F_ONLY    A_ONLY "dp f1 IsProtected=1 InternetFacing=1"
#define ONLINE    "role f1 InternetShared=0;"
#define FAR_CLOUD A_ONLY "dp c1; cloud c1 k.contoso.test; has c1 3 3;"
    /* clang-format off */
    static const struct row rows[] = {
        {"scheme", "contract: order of codes", F_ONLY
         " MaintenanceMode=1; has f1 3 3; ours f1 BaseURL=ftp://x/;" ONLINE, IN_A " metered=true",
         Q( .bits = "flags=0x20010" ), "| f1:UNSUPPORTED_SCHEME"},
        {"maintenance", "contract: order of codes", F_ONLY " MaintenanceMode=1; has f1 3 3;" ONLINE,
         IN_A " metered=true", Q( .bits = "flags=0x20010" ), "| f1:MAINTENANCE"},
        {"metered", "contract: order of codes", F_ONLY "; has f1 3 3;" ONLINE, IN_A " metered=true",
         Q( .bits = "flags=0x20010" ), "| f1:METERED"},
        {"internet only", "contract: order of codes", F_ONLY "; has f1 3 3;" ONLINE, IN_A,
         Q( .bits = "flags=0x20010" ), "| f1:INTERNET_ONLY"},
        {"protected", "contract: order of codes", F_ONLY "; has f1 3 3", IN_A,
         Q( .bits = "flags=0x20010" ), "| f1:PROTECTED"},
        {"fallback forbidden", "contract: order of codes", A_ONLY "dp f1; has f1 3 3", IN_A,
         Q( .bits = "flags=0x20010" ), "| f1:REMOTE_NOT_ALLOWED"},
        {"slow", "contract: order of codes", A_ONLY "dp f1; has f1 3 3", IN_A,
         Q( .bits = "flags=0x10" ), "| f1:SLOW_NOT_ALLOWED"},
        {"no content", "contract: order of codes", A_ONLY "dp f1; has f1 3 3", IN_A,
         Q( .bits = "flags=0x50" ), "| f1:NO_CONTENT"},
        {"nothing", "contract: order of codes", A_ONLY "dp f1; has f1 0 3", IN_A,
         Q( .bits = "flags=0x50" ), "f1:REMOTE@0 |"},
        {"on the internet: metered", "contract: order of codes", A_ONLY "dp f1; has f1 3 3", NET
         " metered=true", Q(), "| f1:METERED"},
        {"on the internet: intranet only", "contract: order of codes", A_ONLY "dp f1; has f1 3 3",
         NET, Q(), "| f1:INTRANET_ONLY"},
        {"cloud: not allowed", "contract: order of codes", FAR_CLOUD, IN_A " metered=true",
         Q( .no_cloud = true, .bits = "flags=0x158" ), "| c1:CLOUD_NOT_ALLOWED"},
        {"cloud: metered", "contract: order of codes", FAR_CLOUD, IN_A " metered=true",
         Q( .bits = "flags=0x158" ), "| c1:METERED"},
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
        EXCLUDED_PROTECTED,
        EXCLUDED_REMOTE_NOT_ALLOWED,
        EXCLUDED_SLOW_NOT_ALLOWED,
        EXCLUDED_ON_DEMAND_NOT_FROM_CLOUD,
        EXCLUDED_RUN_FROM_DP_NOT_FROM_CLOUD,
        EXCLUDED_NO_CONTENT,
        EXCLUDED_OLD_VERSION,
        EXCLUDED_NEWER_VERSION,
    };
    static const enum locality localities[] = {
        LOCALITY_COMPUTER, LOCALITY_ADSITE,   LOCALITY_SUBNET, LOCALITY_LOCAL,
        LOCALITY_REMOTE,   LOCALITY_INTERNET, LOCALITY_CLOUD,
    };
    (void)state;
    check_codes(RULES_2012, codes, sizeof codes / sizeof codes[0]);
    check_localities(RULES_2012, localities, sizeof localities / sizeof localities[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios),       cmocka_unit_test(on_demand),
        cmocka_unit_test(pools),           cmocka_unit_test(deployments),
        cmocka_unit_test(reach),           cmocka_unit_test(order),
        cmocka_unit_test(order_of_equals), cmocka_unit_test(keys),
        cmocka_unit_test(distances),       cmocka_unit_test(precedence),
        cmocka_unit_test(all_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

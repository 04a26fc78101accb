#include "tests/unit/oracle_cases.h"
#include "tests/unit/estate.h"

#define GROUPS      5   /* A to E */
#define FIRST_OTHER 'X' /* default groups: X, Y */
#define MISSING     'Q'

unsigned dice_roll(struct dice *dice, unsigned sides)
{
    dice->state = dice->state * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(dice->state >> 33) % sides;
}

static bool one_in(struct dice *dice, unsigned sides)
{
    return dice_roll(dice, sides) == 0;
}

#define PICK(dice, list) ((list)[dice_roll(dice, sizeof(list) / sizeof(list)[0])])

static void write_ipv4(struct buf *text, struct dice *dice)
{
    unsigned a = dice->is_wide ? 200 : 2, b = dice->is_wide ? 200 : 3;
    buf_format(text, "10.%u.%u.%u", dice_roll(dice, a), dice_roll(dice, b), dice_roll(dice, 12));
}

static void write_ipv6(struct buf *text, struct dice *dice)
{
    unsigned a = dice->is_wide ? 0x8000 : 2;
    buf_format(text, "2001:db8:%x:%x::%x", dice_roll(dice, a), dice_roll(dice, a),
               dice_roll(dice, 12));
}

/* An address of a machine or a distribution point: with prefix or without, mapped, with a zone. */
static void write_address(struct buf *text, struct dice *dice)
{
    static const char *const ipv4[] = {"", "/24", "/24", "/24", "/0", "/8", "/16", "/30", "/32"};
    static const char *const mapped[] = {"", "/96", "/120", "/128"};
    static const char *const ipv6[] = {"", "/64", "/64", "/0", "/48", "/124", "/128", "%eth0"};
    unsigned kind = dice_roll(dice, 12);
    if (kind < 3) {
        write_ipv6(text, dice);
        buf_append_text(text, PICK(dice, ipv6));
    } else if (kind < 4) {
        buf_append_text(text, "::ffff:");
        write_ipv4(text, dice);
        buf_append_text(text, PICK(dice, mapped));
    } else {
        write_ipv4(text, dice);
        buf_append_text(text, PICK(dice, ipv4));
    }
}

static void write_subnet(struct buf *text, struct dice *dice)
{
    static const char *const wide[] = {"0.0.0.0", "10.0.0.0", "10.1.0.0", "10.0.0.0/8"};
    if (one_in(dice, 6))
        buf_append_text(text, PICK(dice, wide));
    else
        buf_format(text, "10.%u.%u.%u", dice_roll(dice, 2), dice_roll(dice, 3),
                   one_in(dice, 5) ? 4 * dice_roll(dice, 3) : 0);
    if (one_in(dice, 8) && text->data[text->len - 2] != '/')
        buf_append_text(text, "/24");
}

static void write_prefix(struct buf *text, struct dice *dice)
{
    static const char *const wide[] = {"::/0", "::/64", "2000::/3", "2001:db8::/32", "fe80::"};
    if (one_in(dice, 5)) {
        buf_append_text(text, PICK(dice, wide));
    } else if (one_in(dice, 2)) {
        buf_format(text, "2001:%s:%u:%04X", one_in(dice, 2) ? "0DB8" : "db8", dice_roll(dice, 2),
                   dice_roll(dice, 2));
    } else {
        write_ipv6(text, dice);
        if (!one_in(dice, 4))
            buf_format(text, "/%u",
                       one_in(dice, 2) ? dice_roll(dice, 129) : 120 + dice_roll(dice, 9));
    }
}

static void write_range(struct buf *text, struct dice *dice)
{
    static const char *const fixed[] = {
        "0.0.0.0-255.255.255.255",   "::ffff:10.0.0.3-::ffff:10.0.1.9",
        "::ffff:10.0.1.4-10.0.1.8",  "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::3-2001:db8:1::7", "10.1.1.5~-~10.1.2.5",
        "10.1.2.5-10.1.2.5"};
    unsigned sides = dice->is_wide ? 200 : 3, a = dice_roll(dice, dice->is_wide ? 100 : 2);
    unsigned b = dice_roll(dice, sides), c = dice_roll(dice, 12);
    if (one_in(dice, 4))
        buf_append_text(text, PICK(dice, fixed));
    else
        buf_format(text, "10.%u.%u.%u-10.%u.%u.%u", a, b, c,
                   dice->is_wide ? a + dice_roll(dice, 100) : a, b + dice_roll(dice, sides - b),
                   c + dice_roll(dice, 12));
}

static void write_long(struct buf *text, char letter, unsigned count)
{
    while (count--)
        buf_append(text, &letter, 1);
}

static void write_vpn(struct buf *text, struct dice *dice)
{
    static const char *const fixed[] = {"Auto:On", "AUTO:ON",       "Name:CONTOSO~VPN", "Name:tun0",
                                        "Name:",   "StartsWith:tu", "Description:Tun~0"};
    if (one_in(dice, 8)) {
        bool is_name = one_in(dice, 2);
        buf_append_text(text, is_name ? "Name:" : "Description:");
        write_long(text, 'X', (is_name ? 250 : 243) - one_in(dice, 4));
    } else {
        buf_append_text(text, PICK(dice, fixed));
    }
}

static const char *const ad_sites[] = {"London", "LONDON", "Paris", "Main~Office"};
static const char *const site_codes[] = {"S01", "S01", "S02", "PS1", "s02"};

static void write_boundary(struct buf *text, struct dice *dice, unsigned id, bool codes)
{
    static const unsigned types[] = {0, 0, 0, 1, 2, 2, 3, 3, 3, 4};
    unsigned type = PICK(dice, types);
    buf_format(text, "SMS_Boundary BoundaryID=%u BoundaryType=%u", id, type);
    if (one_in(dice, 3))
        buf_append_text(text, " BoundaryFlags=1");
    if (codes && !one_in(dice, 4))
        buf_format(text, " DefaultSiteCode=%s%s", PICK(dice, site_codes),
                   one_in(dice, 6) ? ",S02" : "");
    buf_append_text(text, " Value=");
    switch (type) {
    case BOUNDARY_IP_SUBNET: write_subnet(text, dice); break;
    case BOUNDARY_AD_SITE: buf_append_text(text, PICK(dice, ad_sites)); break;
    case BOUNDARY_IPV6_PREFIX: write_prefix(text, dice); break;
    case BOUNDARY_IP_RANGE: write_range(text, dice); break;
    default: write_vpn(text, dice); break;
    }
    buf_append_text(text, ";");
    for (unsigned i = one_in(dice, 6) ? 0 : 1 + dice_roll(dice, 2); i > 0; i--)
        buf_format(text, "SMS_BoundaryGroupMembers BoundaryID=%u GroupID=%u;",
                   one_in(dice, 20) ? 999 : id,
                   one_in(dice, 12) ? FIRST_OTHER : 'A' + dice_roll(dice, GROUPS));
}

static char roll_group(struct dice *dice)
{
    unsigned other = dice_roll(dice, 16);
    if (other < 4)
        return (char)(FIRST_OTHER + other % 2);
    return other == 4 ? MISSING : (char)('A' + dice_roll(dice, GROUPS));
}

static void write_groups(struct buf *text, struct dice *dice)
{
    static const char *const flags[] = {"", " 0", " 7", " 8", " 15"};
    static const char *const names[] = {
        "Default-Site-Boundary-Group<PS1>", "Default-Site-Boundary-Group<S01>",
        "Default-Site-Boundary-GroupS02", "Default-Site-Boundary-Group", "Our~own"};
    static const char *const minutes[] = {"0",   "0",   "0",   "9",   "10", "10",        "20",
                                          "119", "120", "121", "480", "-1", "4294967295"};
    for (char group = 'A'; group < 'A' + GROUPS; group++)
        buf_format(text, "group %c%s;", group, one_in(dice, 3) ? PICK(dice, flags) : "");
    unsigned defaults = dice_roll(dice, 3);
    for (unsigned i = 0; i < defaults; i++)
        buf_format(text, "default %c %s;", FIRST_OTHER + i,
                   one_in(dice, 3) ? PICK(dice, names) : names[i]);
    for (unsigned i = 2 + dice_roll(dice, 12); i > 0; i--)
        buf_format(text, "link %c %c %s;", roll_group(dice), roll_group(dice),
                   one_in(dice, 8) ? "0" : PICK(dice, minutes));
    for (char group = FIRST_OTHER; group < FIRST_OTHER + 2; group++)
        if (one_in(dice, 4))
            buf_format(text, "link %c %c %s;", group, group, PICK(dice, minutes));
    if (one_in(dice, 3))
        buf_format(text, "SMS_BoundaryGroupRelationships SourceGroupID=%u DestinationGroupID=%u;",
                   'A', one_in(dice, 3) ? 'B' : FIRST_OTHER);
}

/* Each with its property or without. */
static void write_traits(struct buf *text, struct dice *dice, bool codes_apart)
{
    static const struct {
        const char *property;
        unsigned sides;
    } traits[] = {
        {" IsProtected=1", 3},
        {" MaintenanceMode=1", 20},
        {" InternetFacing=1", 4},
        {" Communication=1", 2},
        {" IsPullDP=1", 8},
        {" OperatingSystem=Windows~11~Workstation", 12},
        {" ResourceType=Windows~Azure", 8},
    };
    for (size_t i = 0; i < sizeof traits / sizeof traits[0]; i++)
        if (one_in(dice, traits[i].sides))
            buf_append_text(text, traits[i].property);
    if (codes_apart || !one_in(dice, 4))
        buf_format(text, " SiteCode=%s", codes_apart ? "S02" : PICK(dice, site_codes));
    if (!one_in(dice, 3))
        buf_format(text, " BitsEnabled=%u", dice_roll(dice, 2));
}

static void write_ours(struct buf *text, struct dice *dice, unsigned dp)
{
    static const char *const urls[] = {"ftp://x/y", "http://x/y", "https://x/y"};
    static const char *const bits[] = {"0", "1", "true", "false"};
    static const char *const paths[] = {"/mnt/lib",    "/mnt",  "/opt/lib",
                                        "/mnt/../lib", "/mntx", "mnt/lib"};
    static const char *const kinds[] = {"cloud", "server", "library"};
    buf_format(text, "ours d%u", dp);
    if (!one_in(dice, 3)) {
        buf_append_text(text, " Addresses=");
        write_address(text, dice);
        if (one_in(dice, 4)) {
            buf_append_text(text, ",");
            write_address(text, dice);
        }
    }
    if (one_in(dice, 2))
        buf_format(text, " ADSite=%s", PICK(dice, ad_sites));
    if (one_in(dice, 2))
        buf_format(text, " ForestTrust=%s", PICK(dice, bits));
    if (one_in(dice, 2))
        buf_format(text, " AllowFallback=%s", PICK(dice, bits));
    if (one_in(dice, 6))
        buf_format(text, " BaseURL=%s", PICK(dice, urls));
    if (one_in(dice, 12))
        buf_format(text, " Kind=%s", PICK(dice, kinds));
    if (one_in(dice, 8))
        buf_format(text, " LibraryPath=%s", PICK(dice, paths));
    buf_append_text(text, ";");
}

static void write_dp(struct buf *text, struct dice *dice, unsigned dp, bool codes_apart)
{
    char name[8], nal[256];
    snprintf(name, sizeof name, "d%u", dp);
    estate_nal(nal, name);
    buf_format(text, "dp %s", name);
    write_traits(text, dice, codes_apart);
    buf_append_text(text, ";");
    for (unsigned i = one_in(dice, 5) ? 0 : 1 + dice_roll(dice, 3); i > 0; i--)
        buf_format(text, "SMS_BoundaryGroupSiteSystems GroupID=%d ServerNALPath=%s%s;",
                   roll_group(dice), nal, one_in(dice, 3) ? " Flags=1" : "");
    if (!one_in(dice, 3))
        buf_format(text, "role %s InternetShared=%u;", name, dice_roll(dice, 2));
    if (!one_in(dice, 4))
        write_ours(text, dice, dp);
    if (one_in(dice, 4))
        buf_format(text, "SMS_R_System Name=%s ResourceId=%u IPSubnets=10.%u.%u.0 ADSiteName=%s;",
                   name, dp, dice_roll(dice, 2), dice_roll(dice, 3), PICK(dice, ad_sites));
    if (one_in(dice, 16))
        buf_format(text, "cloud %s cloud%u.contoso.test;", name, dp);
}

/* Scarce: few have it. */
static void write_presence(struct buf *text, struct dice *dice, unsigned dp, bool is_scarce)
{
    unsigned kind = is_scarce && !one_in(dice, 4) ? 8 + dice_roll(dice, 4) : dice_roll(dice, 12);
    if (kind < 6)
        buf_format(text, "has d%u 0 3;", dp);
    else if (kind < 8)
        buf_format(text, "has d%u %u 3;", dp, 7 + dice_roll(dice, 2));
    else if (kind < 11)
        buf_format(text, "has d%u %u %u;", dp, one_in(dice, 2) ? 0 : dice_roll(dice, 9),
                   2 + dice_roll(dice, 3));
    if (one_in(dice, 8))
        buf_format(text, "sent d%u %u;", dp, 1 + dice_roll(dice, 3));
}

void cases_write_site(struct buf *text, struct dice *dice)
{
    unsigned dps = 4 + dice_roll(dice, 9);
    bool codes = !one_in(dice, 3), presence = !one_in(dice, 5);
    bool codes_apart = one_in(dice, 4), is_scarce = one_in(dice, 4);
    buf_format(text, "SMS_Package PackageID=%s SourceVersion=3 PkgFlags=%u;", ESTATE_PACKAGE,
               one_in(dice, 2) ? 0x40000000 : 0x20000000);
    write_groups(text, dice);
    for (unsigned i = 3 + dice_roll(dice, 10); i > 0; i--)
        write_boundary(text, dice, i, codes);
    for (unsigned i = 0; i < dps; i++) {
        write_dp(text, dice, i, codes_apart);
        if (presence)
            write_presence(text, dice, i, is_scarce);
    }
}

void cases_write_boundaries(struct buf *text, struct dice *dice, unsigned count)
{
    buf_append_text(text, "group A;");
    for (unsigned i = 1; i <= count; i++)
        write_boundary(text, dice, i, false);
}

static void write_adapter(struct buf *text, struct dice *dice)
{
    static const char *const fixed[] = {"contoso~vpn|Fortinet", "tun0|TUN~0", "tun1|x", "|tun~0"};
    buf_append_text(text, " adapter=");
    if (one_in(dice, 3)) {
        write_long(text, 'x', 249 + dice_roll(dice, 3));
        buf_append_text(text, "|");
        write_long(text, 'x', 242 + dice_roll(dice, 3));
    } else {
        buf_append_text(text, PICK(dice, fixed));
    }
}

void cases_write_machine(struct buf *text, struct dice *dice)
{
    static const char *const names[] = {"PC1",     "PC1",     "PC1", "d1", "D2", "D3.contoso.test",
                                        "d4.test", "d1.other"};
    static const char *const facts[] = {" vpn=true", " metered=true", " internet=true"};
    buf_format(text, "name=%s", PICK(dice, names));
    for (unsigned i = one_in(dice, 6) ? 0 : 1 + dice_roll(dice, 3); i > 0; i--) {
        buf_append_text(text, " address=");
        write_address(text, dice);
    }
    if (one_in(dice, 4))
        buf_format(text, " subnet=10.%u.%u.0", dice_roll(dice, 2), dice_roll(dice, 3));
    if (one_in(dice, 2))
        buf_format(text, " adSite=%s", PICK(dice, ad_sites));
    if (one_in(dice, 2))
        buf_format(text, " site=%s", PICK(dice, site_codes));
    if (one_in(dice, 3))
        write_adapter(text, dice);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        if (one_in(dice, 6))
            buf_append_text(text, facts[i]);
}

int64_t cases_roll_bits(struct dice *dice)
{
    static const int64_t likely[] = {0x10, 0x40, 0x40, 0x40};
    static const int64_t rare[] = {0x8, 0x20, 0x80, 0x100, 0x200, 0x20000, 0x40000, 0x80000};
    int64_t bits = PICK(dice, likely);
    for (size_t i = 0; i < sizeof rare / sizeof rare[0]; i++)
        if (one_in(dice, 5))
            bits |= rare[i];
    return bits;
}

int64_t cases_roll_minutes(struct dice *dice)
{
    static const int64_t minutes[] = {0, 0, 9, 10, 19, 119, 120, 479, 480, 100000, INT64_MAX};
    return PICK(dice, minutes);
}

/* Replies of the three ages, in whatever file they come: what is read out of them. */
#include "replied.h"

#include "policy/base/buf.h"

#include <inttypes.h>

/* What is read of each age. */
#define SAID_2016                                                                              \
    "2012 flags 200960 package 32 hashes 32780:6FB0:4 groups none sites MEH/MEH/LOCAL "        \
    "PS2/MEH/LOCAL\n"                                                                          \
    "PS1DP.contoso.com server LOCAL=LOCAL site 0 url http://PS1DP.contoso.com/SMS_DP_SMSPKG$/" \
    "Content_" GUID ".1 (Content_" GUID ".1) signature "                                       \
    "http://PS1DP.contoso.com/SMS_DP_SMSSIG$/Content_" GUID ".1.tar "                          \
    "adsite Default-First-Site-Name subnets 10.10.25.128 version 8239 ssl 0 auth -1 trust 1 "  \
    "block -\n"

#define SAID_2019                                                                         \
    "current flags 66560 package 0 hashes 32780:AB12:4 groups 167:039BE065-0000:-1 time " \
    "2019-10-08T18:35:59.080 vpn -1 sites PS1/PS1/LOCAL PS1/PS1/-\n"                      \
    "dp1.contoso.com server BOUNDARYGROUP=LOCAL site 0 url "                              \
    "http://dp1.contoso.com/SMS_DP_SMSPKG$/" GUID " (" GUID ") signature - adsite Paris " \
    "subnets 10.4.1.0 version 8790 ssl 0 auth -1 trust 1 block -\n"

#define SAID_2021                                                                            \
    "current flags -1 package -1 hashes groups 5:xxxx:0 time 2021-04-03T14:03:16.603 vpn 0 " \
    "sites P01/P01/LOCAL\n"                                                                  \
    "host peer SUBNET=SUBNETPEER site 0 url https://host:8003/SCCM_BranchCache$/CAS00015 "   \
    "(CAS00015) signature - adsite - subnets version - ssl 63 auth -1 trust -1 block -\n"    \
    "dp server SUBNET=SUBNET site 0 url https://dp/CCMTOKENAUTH_SMS_DP_SMSPKG$/CAS00015 "    \
    "(CAS00015) signature - adsite - subnets version - ssl 0 auth 1024 trust 0 block 0\n"

#define SAID_2021_EMPTY                                                                   \
    "current flags -1 package -1 hashes groups time 2021-04-03T14:03:16.603 vpn 1 sites " \
    "ABC/ABC/FALLBACK\n"

/* Reading */

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

static void say_record(struct buf *out, const struct location_reply_record *record)
{
    buf_format(out, "%s %s %s=%s site %zu url %s", record->dp,
               location_reply_kind_word(record->kind),
               record->locality_known ? locality_word(record->locality) : "?",
               or_dash(record->reported), record->site, or_dash(record->url));
    for (size_t i = 0; i < record->url_count; i++)
        buf_format(out, "%s %s(%s)", i ? "," : "", record->urls[i].smb ? "smb " : "",
                   record->urls[i].folder);
    buf_format(out, " signature %s adsite %s subnets", or_dash(record->signature),
               or_dash(record->ad_site));
    for (size_t i = 0; i < record->subnet_count; i++)
        buf_format(out, " %s", record->subnets[i]);
    buf_format(out, " version %s ssl %" PRId64 " auth %" PRId64 " trust %d block %s\n",
               or_dash(record->version), record->ssl_state, record->auth_method,
               record->forest_trust, or_dash(record->block_info));
}

/* All that was read, but for lines and counts of the file. */
static char *say(const struct location_reply *reply)
{
    struct buf out = {0};
    buf_format(&out, "%s flags %" PRId64 " package %" PRId64 " hashes",
               reply->rules == RULES_CURRENT ? "current" : "2012", reply->content_flags,
               reply->package_flags);
    for (size_t i = 0; i < reply->hash_count; i++)
        buf_format(&out, " %" PRId64 ":%s:%" PRId64, reply->hashes[i].algorithm,
                   reply->hashes[i].hash, reply->hashes[i].preference);
    buf_append_text(&out, reply->has_groups ? " groups" : " groups none");
    for (size_t i = 0; i < reply->group_count; i++)
        buf_format(&out, " %" PRId64 ":%s:%" PRId64, reply->groups[i].id,
                   or_dash(reply->groups[i].guid), reply->groups[i].flags);
    if (reply->has_groups)
        buf_format(&out, " time %s vpn %d", or_dash(reply->groups_time), reply->on_vpn);
    buf_append_text(&out, " sites");
    for (size_t i = 0; i < reply->site_count; i++)
        buf_format(&out, " %s/%s/%s", or_dash(reply->sites[i].code),
                   or_dash(reply->sites[i].master), or_dash(reply->sites[i].locality));
    buf_append_text(&out, "\n");
    for (size_t i = 0; i < reply->record_count; i++)
        say_record(&out, &reply->records[i]);
    return out.data;
}

static void assert_says_of(const char *bytes, size_t len, const char *id, const char *want)
{
    struct location_reply reply;
    struct error err;
    if (!reply_read(&reply, bytes, len, id, &err))
        fail_msg("%s: %s: %s", err.code, err.where, err.text);
    char *said = say(&reply);
    assert_string_equal(said, want);
    free(said);
    location_reply_free(&reply);
}

static void assert_says(const char *text, const char *id, const char *want)
{
    assert_says_of(text, strlen(text), id, want);
}

/* Ages, forms, encodings */

static const struct {
    const char *xml, *said;
} ages[] = {
    {AGE_2016, SAID_2016},
    {AGE_2019, SAID_2019},
    {AGE_2021, SAID_2021},
    {AGE_2021_EMPTY, SAID_2021_EMPTY},
};
#define AGE_COUNT (sizeof ages / sizeof ages[0])

/* What may stand around a reply (configmgr-facts 2.5, 6.1). */
static const struct {
    const char *before, *after;
} forms[] = {
    {"", ""},
    {"<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n<!-- one -->\r\n", "\r\n"},
    {"<![LOG[ContentLocationReply : ",
     "]LOG]!><time=\"01:40:28.864+240\" date=\"07-15-2019\" component=\"LocationServices\" "
     "context=\"\" type=\"1\" thread=\"3180\" file=\"replylocationsendpoint.cpp:211\">\r\n"},
    {"<![LOG[Created filter for LS request {1}.]LOG]!><time=\"01:40:28.864+240\">\r\n"
     "<![LOG[Reply Message Body : <?xml version=\"1.0\"?>\r\n",
     "\r\n]LOG]!><time=\"01:40:29.864+240\">\r\n"
     "<![LOG[Calling back with locations for location request {1}]LOG]!><time=\"01:40:30\">\r\n"},
    {"MP LM: Reply message body:\n",
     "  $$<MP_LocationManager><07-15-2019 01:40:28.864+240><thread=3180 (0xC6C)>\n"},
};

static void assert_says_in_every_encoding(const char *text, const char *said)
{
    char *bytes = mem_zero(strlen(text) + 2, 2);
    memcpy(bytes, "\xEF\xBB\xBF", 3);
    memcpy(bytes + 3, text, strlen(text));
    assert_says(text, NULL, said);
    assert_says_of(bytes, strlen(text) + 3, NULL, said);
    assert_says_of(bytes, reply_widen(bytes, text, true, false), NULL, said);
    assert_says_of(bytes, reply_widen(bytes, text, true, true), NULL, said);
    assert_says_of(bytes, reply_widen(bytes, text, false, false), NULL, said);
    free(bytes);
}

static void test_every_age_in_every_form(void **state)
{
    (void)state;
    for (size_t age = 0; age < AGE_COUNT; age++)
        for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
            char *text = mem_format("%s%s%s", forms[form].before, ages[age].xml, forms[form].after);
            assert_says_in_every_encoding(text, ages[age].said);
            free(text);
        }
}

/* One fact changed, another answer. */
static const struct {
    const char *xml, *old, *new;  /* in the reply */
    const char *said, *from, *to; /* in what was read of it */
} twins[] = {
    {AGE_2016, "200960", "66560", SAID_2016, "200960", "66560"},
    {AGE_2016, "ContentFlags=\"200960\"", "ContentFlags=\"\"", SAID_2016, "200960", "-1"},
    {AGE_2016, "PackageFlags=\"32\"", "PackageFlags=\"0\"", SAID_2016, "package 32", "package 0"},
    {AGE_2016, "HashString=\"6FB0\"", "HashString=\"6fb0\"", SAID_2016, "6FB0", "6FB0"},
    {AGE_2016, "HashString=\"6FB0\"", "HashString=\"77\"", SAID_2016, "6FB0:4",
     "6FB0:4 32780:77:4"},
    {AGE_2016, "\n   Hash=\"6FB0\"", "", SAID_2016, "6FB0", "6FB0"},
    {AGE_2016, "Algorithm=\"32780\" HashS", "Algorithm=\"32772\" HashS", SAID_2016, "6FB0:4",
     "6FB0:4 32772:6FB0:4"},
    {AGE_2016, "MasterSiteCode=\"MEH\"", "MasterSiteCode=\"CAS\"", SAID_2016, "MEH/MEH", "MEH/CAS"},
    {AGE_2016, "SiteLocality=\"LOCAL\"", "Locality=\"REMOTE\"", SAID_2016, "MEH/MEH/LOCAL",
     "MEH/MEH/REMOTE"},
    {AGE_2016, "<Windows Trust=\"1\"/>", "<Windows Trust=\"0\"/>", SAID_2016, "trust 1", "trust 0"},
    {AGE_2016, "<Windows Trust=\"1\"/>", "<Windows/>", SAID_2016, "trust 1", "trust -1"},
    {AGE_2016, "Address=\"\"", "Address=\"10.1.1.0\"", SAID_2016, ".128", ".128 10.1.1.0"},
    {AGE_2016, "8239", " \n8240 ", SAID_2016, "8239", "8240"},
    {AGE_2016, "SSLState\" Value=\"0\"", "SSLState\" Value=\"63\"", SAID_2016, "ssl 0", "ssl 63"},
    {AGE_2016, "SSLState\" Value=\"0\"", "Other\" Value=\"7\"", SAID_2016, "ssl 0", "ssl -1"},
    {AGE_2016, "<DPType>SERVER", "<DPType>BRANCH", SAID_2016, "server", "workstation"},
    {AGE_2016, "<DPType>SERVER", "<DPType>CLOUD", SAID_2016, "server", "cloud"},
    {AGE_2016, "<DPType>SERVER", "<DPType>MULTICAST", SAID_2016, "server", "unknown"},
    {AGE_2016, "<DPType>SERVER</DPType>", "", SAID_2016, "server", "server"},
    {AGE_2016, "<ServerRemoteName>PS1DP.", "<ServerRemoteName>other.", SAID_2016,
     "\nPS1DP.contoso.com", "\nother.contoso.com"},
    {AGE_2019, "GroupGUID=\"039BE065-0000\"", "GroupFlag=\"4\"", SAID_2019, "039BE065-0000:-1",
     "-:4"},
    {AGE_2019, "Capability=\"0\"/><URL Name=\"http:", "Capability=\"0\"/><URL Name=\"https:",
     SAID_2019, "(" GUID ")", "(" GUID "), (" GUID ")"},
    {AGE_2021, "IsOnVPN=\"0\"", "IsOnVPN=\"1\"", SAID_2021, "vpn 0", "vpn 1"},
    {AGE_2021, "SCCM_BranchCache$", "SMS_DP_SMSPKG$", SAID_2021, "SCCM_BranchCache$",
     "SMS_DP_SMSPKG$"}, /* a peer by its word */
    {AGE_2021, "<Locality>SUBNETPEER", "<Locality>SUBNET", SAID_2021, "SUBNET=SUBNETPEER",
     "SUBNET=SUBNET"}, /* a peer by its URL */
    {AGE_2021, "AuthMethod\" Value=\"1024", "AuthMethod\" Value=\"0", SAID_2021, "1024", "0"},
    {AGE_2021, "<BlockInfo>0", "<BlockInfo>1", SAID_2021, "block 0", "block 1"},
    {AGE_2021_EMPTY, "FALLBACK", "LOCAL", SAID_2021_EMPTY, "FALLBACK", "LOCAL"},
};

static void test_one_fact_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof twins / sizeof twins[0]; i++) {
        char *xml = reply_with(twins[i].xml, twins[i].old, twins[i].new);
        char *said = reply_with(twins[i].said, twins[i].from, twins[i].to);
        assert_says(xml, NULL, said);
        free(xml);
        free(said);
    }
}

/* A reply of one record; what stands in it, and the root's attributes. */
static char *one_record(const char *root, const char *inside)
{
    return mem_format("<ContentLocationReply %s><Sites><Site><LocationRecords><LocationRecord>%s"
                      "</LocationRecord></LocationRecords></Site></Sites></ContentLocationReply>",
                      root, inside);
}

/* Words of Locality (configmgr-facts 2.4), by age. NULL: not known. */
static const struct {
    const char *word, *old, *current, *kind;
} localities[] = {
    {"LOCAL", "LOCAL", "BOUNDARYGROUP", "server"},
    {"REMOTE", "REMOTE", "REMOTE", "server"},
    {"SUBNET", "SUBNET", "SUBNET", "server"},
    {"SUBNETPEER", "SUBNET", "SUBNET", "peer"},
    {"PEER", "BOUNDARYGROUP", "BOUNDARYGROUP", "peer"},
    {"ADSITEPEER", "ADSITE", "ADSITE", "peer"},
    {"BOUNDARYGROUP", "BOUNDARYGROUP", "BOUNDARYGROUP", "server"},
    {"SITE", "SITEDEFAULT", "SITEDEFAULT", "server"},
    {"WUMU", "INTERNET", "INTERNET", "microsoftUpdate"},
    {"ADSITE", "ADSITE", "ADSITE", "server"}, /* ours from here */
    {"NEIGHBOR", "NEIGHBOR", "NEIGHBOR", "server"},
    {"COMPUTER", "COMPUTER", "COMPUTER", "server"},
    {"CLOUD", "CLOUD", "CLOUD", "cloud"},
    {"FALLBACK", NULL, NULL, "server"},
    {"LOCALS", NULL, NULL, "server"},
    {"", NULL, NULL, "server"},
};

static void assert_locality(const char *root, const char *word, const char *want, const char *kind)
{
    char *inside = mem_format("<URL Name=\"http://dp/x/PKG\"/><Locality>%s</Locality>", word);
    char *xml = one_record(root, inside);
    struct location_reply reply;
    struct error err;
    assert_true(reply_read(&reply, xml, strlen(xml), NULL, &err));
    const struct location_reply_record *record = &reply.records[0];
    assert_int_equal(record->locality_known, want != NULL);
    if (want)
        assert_string_equal(locality_word(record->locality), want);
    assert_string_equal(location_reply_kind_word(record->kind), kind);
    assert_string_equal(record->reported ? record->reported : "", word);
    location_reply_free(&reply);
    free(inside);
    free(xml);
}

/* The age of a form by what came with boundary groups. */
static const struct {
    const char *xml;
    enum location_rules rules;
} generations[] = {
    {"<ContentLocationReply/>", RULES_2012},
    {"<ContentLocationReply BGRVersion=''/>", RULES_2012},
    {"<ContentLocationReply BGRVersion='1'/>", RULES_CURRENT},
    {"<ContentLocationReply><Sites/></ContentLocationReply>", RULES_2012},
    {"<ContentLocationReply><BoundaryGroups/></ContentLocationReply>", RULES_CURRENT},
};

static void test_generation_by_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof generations / sizeof generations[0]; i++) {
        struct location_reply reply;
        struct error err;
        assert_true(reply_read(&reply, generations[i].xml, strlen(generations[i].xml), NULL, &err));
        assert_int_equal(reply.rules, generations[i].rules);
        location_reply_free(&reply);
    }
}

static void test_locality_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof localities / sizeof localities[0]; i++) {
        assert_locality("", localities[i].word, localities[i].old, localities[i].kind);
        assert_locality("BGRVersion=\"1\"", localities[i].word, localities[i].current,
                        localities[i].kind);
    }
}

/* What a record is called and which URL it has, or why it is refused. */
static const struct {
    const char *inside, *said;
} names[] = {
    {"<URL Name='http://dp.c.test/SMS_DP_SMSPKG$/A'/>",
     "dp.c.test http://dp.c.test/SMS_DP_SMSPKG$/A"},
    {"<URL Name='HTTPS://dp:8443/x/A/'/>", "dp HTTPS://dp:8443/x/A/"},
    {"<URL Name='http://10.1.2.3/x/A'/>", "10.1.2.3 http://10.1.2.3/x/A"},
    {"<URL Name='http://[2001:db8::1]:80/x/A'/>", "2001:db8::1 http://[2001:db8::1]:80/x/A"},
    {"<URL Name='http://dp/x/A?sig=secret'/>", "dp http://dp/x/A"},
    {"<URL Name='http://dp/x/A#sig=secret'/>", "dp http://dp/x/A"},
    {"<URL Name='http://dp?sig=secret'/>", "dp http://dp"},
    {"<URL Name=''/><URL/><URL Name='rtsp://dp/x/A'/><URL Name='http://dp2/x/A'/>",
     "dp2 http://dp2/x/A"},
    {"<SMBPath Name='\\\\smb\\SMSPKGD$\\A\\'/><URL Name='http://dp/x/A'/>", "dp http://dp/x/A"},
    {"<SMBPath Name='\\\\smb\\SMSPKGD$\\A\\'/>", "smb -"},
    {"<SMBPath Name=''/><ServerRemoteName>dp.c.test</ServerRemoteName>", "dp.c.test -"},
    {"<URL Name='http://d_p/x/A'/>", "d_p http://d_p/x/A"},
    /* Hosts that are none. */
    {"<URL Name='http:///x/A'/>", "URL has a host that is no host"},
    {"<URL Name='http://'/>", "URL has a host that is no host"},
    {"<URL Name='http://d p/x/A'/>", "URL has a host that is no host"},
    {"<URL Name='http://-dp/x/A'/>", "URL has a host that is no host"},
    {"<URL Name='http://dp:http/x/A'/>", "URL has a host that is no host"},
    {"<URL Name='http://dp:0/x/A'/>", "URL has a host that is no host"},
    {"<URL Name='http://dp:65536/x/A'/>", "URL has a host that is no host"},
    {"<URL Name='http://dp:8000000000/x/A'/>", "URL has a host that is no host"},
    {"<URL Name='http://2001:db8::1/x/A'/>", "URL has a host that is no host"},
    {"<URL Name='http://[2001:db8::1/x/A'/>", "URL has a host that is no host"},
    {"<URL Name='http://[10.1.2.3]/x/A'/>", "URL has a host that is no host"},
    {"<URL Name='http://[2001:db8::1]x80/x/A'/>", "URL has a host that is no host"},
    {"<URL Name='http://user:secret@dp/x/A'/>", "URL holds a user's name"},
    {"<URL Name='http://dp/x/A' Signature='http://d p/x'/>", "signature's URL has a host"},
    {"<SMBPath Name='\\\\s b\\A'/>", "SMBPath has a host that is no host"},
    {"<SMBPath Name='c:\\A'/>", "SMBPath does not begin with"},
    {"<URL Name='http://dp/x/A'/><ServerRemoteName>d p</ServerRemoteName>",
     "ServerRemoteName is no host"},
    {"<Locality>LOCAL</Locality>", "names neither server nor URL"},
    {"<URL Name='rtsp://dp/x/A'/>", "names neither server nor URL"},
    /* Numbers that are none. */
    {"<URL Name='http://dp/A'/><Property Name='SSLState' Value='-1'/>", "Value is no number"},
    {"<URL Name='http://dp/A'/><Property Name='AuthMethod' Value='x'/>", "Value is no number"},
};

static void test_names_and_urls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *xml = one_record("", names[i].inside);
        struct location_reply reply;
        struct error err;
        if (reply_read(&reply, xml, strlen(xml), NULL, &err)) {
            const struct location_reply_record *record = &reply.records[0];
            char *said = mem_format("%s %s", record->dp, or_dash(record->url));
            assert_string_equal(said, names[i].said);
            free(said);
            location_reply_free(&reply);
        } else if (!strstr(err.text, names[i].said) || strcmp(err.code, "REPLY") != 0) {
            fail_msg("row %zu: %s: %s", i, err.code, err.text);
        }
        assert_null(strstr(err.text, "secret"));
        free(xml);
    }
}

/* What stands where nobody looks for it says nothing. */
static void test_places(void **state)
{
    (void)state;
    char *xml =
        one_record("", "<Site/><MPSite SiteCode='X'/><BoundaryGroups/><Hash HashString='1'/>"
                       "<URL Name='http://dp/x/A'/>");
    char *around = reply_with(xml, "<Sites>", "<URL Name='http://d p'/><ADSite Name='X'/><Sites>");
    assert_says(around, NULL,
                "2012 flags -1 package -1 hashes groups none sites -/-/-\n"
                "dp server ?=- site 0 url http://dp/x/A (A) signature - adsite - subnets "
                "version - ssl -1 auth -1 trust -1 block -\n");
    free(around);
    free(xml);
}

static void test_secrets_of_urls_are_nowhere(void **state)
{
    (void)state;
    char *xml = one_record("", "<URL Name='http://dp/x/A?sig=secret' "
                               "Signature='https://dp/x/A.tar?sig=secret'/>");
    assert_says(xml, NULL,
                "2012 flags -1 package -1 hashes groups none sites -/-/-\n"
                "dp server ?=- site 0 url http://dp/x/A (A) signature https://dp/x/A.tar adsite - "
                "subnets version - ssl -1 auth -1 trust -1 block -\n");
    free(xml);
}

/* Which content */

/* Does a reply with this URL speak of the content? */
static const struct {
    const char *url, *id;
    bool speaks;
} spoken[] = {
    {"http://dp/SMS_DP_SMSPKG$/PS100001", "PS100001", true},
    {"http://dp/SMS_DP_SMSPKG$/PS100002", "PS100001", false},
    {"http://dp/SMS_DP_SMSPKG$/ps100001/", "PS100001", true},
    {"http://dp/SMS_DP_SMSPKG$/PS1000011", "PS100001", false},
    {"http://dp/PS100001/x", "PS100001", false},
    {"http://PS100001", "PS100001", false}, /* a host is no folder */
    {"http://dp/SMS_DP_SMSPKG$/Content_" GUID ".1", "Content_" GUID, true},
    {"http://dp/SMS_DP_SMSPKG$/Content_" GUID ".1", "Content_" GUID ".1", true},
    {"http://dp/SMS_DP_SMSPKG$/Content_" GUID ".1", "Content_" GUID ".2", false},
    {"http://dp/SMS_DP_SMSPKG$/Content_" GUID ".1", GUID, false},
    {"http://dp/SMS_DP_SMSPKG$/" GUID, GUID, true},
    {"https://peer:8003/SCCM_BranchCache$/PS100001", "PS100001", true},
    {"https://cloud/content-ps100001", "PS100001", true},
    {"https://cloud/content-ps100002", "PS100001", false},
    {"https://cmg/downloadrestservice.svc/getcontentxmlsecure?pid=P&amp;cid=PS100001", "PS100001",
     true},
    {"https://cmg/downloadrestservice.svc/getcontentxmlsecure?cid=PS100001&amp;st=1", "PS100001",
     true},
    {"https://cmg/downloadrestservice.svc/getcontentxmlsecure?pid=P&amp;cid=PS2", "PS100001",
     false},
    {"https://cmg/other/getcontentxmlsecure?cid=PS100001", "PS100001", false},
    {"https://cmg/downloadrestservice.svc/x?a=1#&amp;cid=PS100001", "PS100001", false},
};

static void test_which_content_a_reply_speaks_of(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spoken / sizeof spoken[0]; i++) {
        char *url = mem_format("<URL Name='%s'/>", spoken[i].url);
        char *xml = one_record("", url);
        struct location_reply reply;
        struct error err;
        bool ok = reply_read(&reply, xml, strlen(xml), spoken[i].id, &err);
        if (ok != spoken[i].speaks || (!ok && strcmp(err.code, "NO_REPLY") != 0))
            fail_msg("row %zu: %s %s", i, err.code, err.text);
        if (ok && strstr(spoken[i].url, ".svc/"))
            assert_string_equal(location_reply_kind_word(reply.records[0].kind), "cloud");
        if (ok)
            location_reply_free(&reply);
        free(url);
        free(xml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_age_in_every_form),
        cmocka_unit_test(test_one_fact_changed),
        cmocka_unit_test(test_generation_by_form),
        cmocka_unit_test(test_locality_words),
        cmocka_unit_test(test_names_and_urls),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_secrets_of_urls_are_nowhere),
        cmocka_unit_test(test_which_content_a_reply_speaks_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

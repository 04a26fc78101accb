/* For tests of ContentLocationReply: the three ages as they were seen, and reading them. */
#ifndef TESTS_UNIT_REPLIED_H
#define TESTS_UNIT_REPLIED_H

#include "agent/location/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GUID "1f4f2d8e-3b5a-4c1d-9b7a-0d2e6c5f4a3b"

/* configmgr-facts 2.3, verbatim but for the names that are cut there. */
#define AGE_2016                                                                         \
    "<ContentLocationReply SchemaVersion=\"1.00\" ContentFlags=\"200960\" "              \
    "HashAlgorithm=\"32780\" AlgorithmPreference=\"4\"\n"                                \
    "   Hash=\"6FB0\" ExcludeFileListHash=\"\" RelatedContentID=\"\">\n"                 \
    " <ContentInfo PackageFlags=\"32\"><ContentHashValues><Hash Algorithm=\"32780\" "    \
    "HashString=\"6FB0\" HashPreference=\"4\"/></ContentHashValues></ContentInfo>\n"     \
    " <Sites><Site>\n"                                                                   \
    "   <MPSite SiteCode=\"MEH\" MasterSiteCode=\"MEH\" SiteLocality=\"LOCAL\" "         \
    "IISPreferedPort=\"80\" IISSSLPreferedPort=\"443\"/>\n"                              \
    "   <LocationRecords><LocationRecord>\n"                                             \
    "     <URL Name=\"http://PS1DP.contoso.com/SMS_DP_SMSPKG$/Content_" GUID ".1\" "     \
    "Signature=\"http://PS1DP.contoso.com/SMS_DP_SMSSIG$/Content_" GUID ".1.tar\"/>\n"   \
    "     <ADSite Name=\"Default-First-Site-Name\"/><IPSubnets><IPSubnet "               \
    "Address=\"10.10.25.128\"/><IPSubnet Address=\"\"/></IPSubnets>\n"                   \
    "     <Metric Value=\"\"/><Version>8239</Version>\n"                                 \
    "     <Capabilities SchemaVersion=\"1.0\"><Property Name=\"SSLState\" Value=\"0\"/>" \
    "</Capabilities>\n"                                                                  \
    "     <ServerRemoteName>PS1DP.contoso.com</ServerRemoteName><DPType>SERVER</DPType>" \
    "<Windows Trust=\"1\"/><Locality>LOCAL</Locality>\n"                                 \
    "   </LocationRecord></LocationRecords></Site>\n"                                    \
    "  <Site><MPSite SiteCode=\"PS2\" MasterSiteCode=\"MEH\" SiteLocality=\"LOCAL\"/>"   \
    "<LocationRecords/></Site></Sites><RelatedContentIDs/></ContentLocationReply>"

/* 2019: boundary groups first; one name twice. */
#define AGE_2019                                                                                 \
    "<ContentLocationReply SchemaVersion=\"1.00\" ContentFlags=\"66560\" Hash=\"AB12\" "         \
    "HashAlgorithm=\"32780\" AlgorithmPreference=\"4\">"                                         \
    "<BoundaryGroups BoundaryGroupListRetrieveTime=\"2019-10-08T18:35:59.080\">"                 \
    "<BoundaryGroup GroupID=\"167\" GroupGUID=\"039BE065-0000\"/></BoundaryGroups>"              \
    "<ContentInfo PackageFlags=\"0\"><ContentHashValues/></ContentInfo><Sites><Site>"            \
    "<MPSite SiteCode=\"PS1\" MasterSiteCode=\"PS1\" SiteLocality=\"LOCAL\" "                    \
    "IISPreferedPort=\"80\" IISSSLPreferedPort=\"443\"/><LocationRecords><LocationRecord>"       \
    "<URL Name=\"http://dp1.contoso.com/SMS_DP_SMSPKG$/" GUID "\" Signature=\"\" "               \
    "Capability=\"0\"/>"                                                                         \
    "<URL Name=\"http://dp1.contoso.com/SMS_DP_SMSPKG$/" GUID "\" Signature=\"\" "               \
    "Capability=\"0\"/>"                                                                         \
    "<ADSite Name=\"Paris\"/><IPSubnets><IPSubnet Address=\"10.4.1.0\"/></IPSubnets>"            \
    "<Metric Value=\"\"/><Version>8790</Version><Capabilities SchemaVersion=\"1.0\">"            \
    "<Property Name=\"SSLState\" Value=\"0\"/></Capabilities>"                                   \
    "<ServerRemoteName>dp1.contoso.com</ServerRemoteName><DPType>SERVER</DPType>"                \
    "<Windows Trust=\"1\"/><Locality>LOCAL</Locality></LocationRecord></LocationRecords></Site>" \
    "<Site><MPSite SiteCode=\"PS1\" MasterSiteCode=\"PS1\"/><LocationRecords/></Site></Sites>"   \
    "<RelatedContentIDs/></ContentLocationReply>"

/* 2021: no DPType; a token record and a peer. */
#define AGE_2021                                                                             \
    "<ContentLocationReply SchemaVersion=\"1.00\" BGRVersion=\"1\"><BoundaryGroups "         \
    "BoundaryGroupListRetrieveTime=\"2021-04-03T14:03:16.603\" IsOnVPN=\"0\">"               \
    "<BoundaryGroup GroupID=\"5\" GroupGUID=\"xxxx\" GroupFlag=\"0\"/><DOINCServers/>"       \
    "</BoundaryGroups><ContentInfo/><Sites><Site><MPSite SiteCode=\"P01\" "                  \
    "MasterSiteCode=\"P01\" SiteLocality=\"LOCAL\"/><LocationRecords><LocationRecord>"       \
    "<URL Name=\"https://host:8003/SCCM_BranchCache$/CAS00015\"/>"                           \
    "<Capabilities><Property Name=\"SSLState\" Value=\"63\"/></Capabilities>"                \
    "<Locality>SUBNETPEER</Locality></LocationRecord><LocationRecord>"                       \
    "<URL Name=\"https://dp/CCMTOKENAUTH_SMS_DP_SMSPKG$/CAS00015\"/>"                        \
    "<Capabilities><Property Name=\"SSLState\" Value=\"0\"/>"                                \
    "<Property Name=\"AuthMethod\" Value=\"1024\"/></Capabilities><Windows Trust=\"0\"/>"    \
    "<Locality>SUBNET</Locality><BlockInfo>0</BlockInfo></LocationRecord></LocationRecords>" \
    "</Site></Sites><RelatedContentIDs/></ContentLocationReply>"

#define AGE_2021_EMPTY                                                                        \
    "<ContentLocationReply SchemaVersion=\"1.00\" BGRVersion=\"1\"><BoundaryGroups "          \
    "BoundaryGroupListRetrieveTime=\"2021-04-03T14:03:16.603\" IsOnVPN=\"1\"><DOINCServers/>" \
    "</BoundaryGroups><ContentInfo/><Sites><Site><MPSite SiteCode=\"ABC\" "                   \
    "MasterSiteCode=\"ABC\" SiteLocality=\"FALLBACK\"/><LocationRecords/></Site></Sites>"     \
    "<RelatedContentIDs/></ContentLocationReply>"

/* Of the very size, so that a sanitizer sees a byte too far. */
static inline bool reply_read(struct location_reply *reply, const char *bytes, size_t len,
                              const char *id, struct error *err)
{
    char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    *err = (struct error){0};
    bool ok = location_reply_read(reply, exact, len, id, "a.log", err);
    free(exact);
    return ok;
}

static inline void assert_reply_refused(const char *text, const char *id, const char *code,
                                        const char *where, const char *words)
{
    struct location_reply reply;
    struct error err;
    assert_false(reply_read(&reply, text, strlen(text), id, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_int_equal(err.blame, BLAME_DATA);
    assert_string_equal(err.code, code);
    assert_string_equal(err.where, where);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
}

/* UTF-16 of ASCII text. */
static inline size_t reply_widen(char *out, const char *text, bool mark, bool big)
{
    size_t n = 0;
    if (mark) {
        out[n++] = big ? '\xFE' : '\xFF';
        out[n++] = big ? '\xFF' : '\xFE';
    }
    for (; *text; text++) {
        out[n++] = big ? '\0' : *text;
        out[n++] = big ? *text : '\0';
    }
    return n;
}

/* `text` with the first `old` made `new`. */
static inline char *reply_with(const char *text, const char *old, const char *new)
{
    const char *at = strstr(text, old);
    assert_non_null(at);
    return mem_format("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

#endif

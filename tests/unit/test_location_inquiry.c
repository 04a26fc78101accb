/* The request that a client would send: both forms word for word, what is not known, hostile text.
 */
#include "agent/location/inquiry.h"

#include "policy/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GUID "1f4f2d8e-3b5a-4c1d-9b7a-0d2e6c5f4a3b"

/* configmgr-facts 2.2, but for what nearpoint does not do (SMB, multicast, peers, tokens) and does
   not know (DeploymentFlags, PhysicalAddressExists, the group's GUID, times, Connected Cache). */
#define HEAD_2016                                                          \
    "<ContentLocationRequest SchemaVersion=\"1.00\" ExcludeFileList=\"\">" \
    "<Package ID=\"UID:Content_" GUID "\" Version=\"1\"/><AssignedSite SiteCode=\"MEH\"/>"
#define OPTIONS_2016                                                                          \
    "<ClientLocationInfo LocationType=\"SMSUpdate\" DistributeOnDemand=\"0\" UseAzure=\"0\" " \
    "AllowWUMU=\"0\" UseProtected=\"0\" AllowCaching=\"0\" BranchDPFlags=\"0\" "              \
    "UseInternetDP=\"0\" AllowHTTP=\"1\" AllowSMB=\"0\" AllowMulticast=\"0\">"
#define PLACE_2016                                                                      \
    "<ADSite Name=\"Default-First-Site-Name\"/><Forest Name=\"contoso.com\"/>"          \
    "<Domain Name=\"contoso.com\"/>"                                                    \
    "<IPAddresses><IPAddress SubnetAddress=\"10.10.25.128\" Address=\"10.10.25.130\"/>" \
    "<IPAddress SubnetAddress=\"10.10.25.128\" Address=\"10.10.25.166\"/></IPAddresses>"
#define END "</ClientLocationInfo></ContentLocationRequest>\n"

#define HEAD_2021                                                                              \
    "<ContentLocationRequest SchemaVersion=\"1.00\" BGRVersion=\"1\" "                         \
    "ClientInOperation=\"PT0M\" ExcludeFileList=\"\"><Package ID=\"CAS00015\" Version=\"1\"/>" \
    "<AssignedSite SiteCode=\"P01\"/>"
#define OPTIONS_2021                                                                           \
    "<ClientLocationInfo LocationType=\"SMSPackage\" DistributeOnDemand=\"0\" UseAzure=\"1\" " \
    "AllowWUMU=\"0\" UseInternetDP=\"0\" AllowHTTP=\"1\" AllowSMB=\"0\" AllowMulticast=\"0\" " \
    "AllowSuperPeer=\"0\" DPTokenAuth=\"0\">"
#define PLACE_2021                                                                           \
    "<ADSite Name=\"London\"/><Forest Name=\"abc.com\"/><Domain Name=\"ABC\"/><IPAddresses>" \
    "<IPAddress SubnetAddress=\"10.1.2.0\" Address=\"10.1.2.3\"/>"                           \
    "<IPAddress SubnetAddress=\"2001:db8:0:1::\" Address=\"2001:db8:0:1::3\"/></IPAddresses>"
#define ADAPTERS_2021                                                          \
    "<Adapters><Adapter Name=\"Ethernet\" IfType=\"6\" DnsSuffix=\"abc.com\" " \
    "Description=\"Network Adapter\"/></Adapters>"
#define GROUPS_2021                                                                \
    "<BoundaryGroups IsOnVPN=\"0\"><BoundaryGroup GroupID=\"5\" GroupFlag=\"0\"/>" \
    "<BoundaryGroup GroupID=\"16777218\" GroupFlag=\"4\"/></BoundaryGroups>"

struct scene {
    struct machine machine;
    struct site_content content;
    struct site_group groups[2];
    const struct site_group *pointers[2];
    struct location_inquiry inquiry;
};

static void set(struct scene *scene, const char *assignment)
{
    struct error err = {0};
    if (!machine_set(&scene->machine, assignment, &err))
        fail_msg("%s: %s", assignment, err.text);
}

static void begin(struct scene *scene, enum location_rules rules)
{
    *scene = (struct scene){
        .content = {.has_version = true, .version = 1},
        .groups = {{.id = 5}, {.id = 16777218, .flags = 4}},
        .inquiry = {.rules = rules},
    };
    for (size_t i = 0; i < 2; i++)
        scene->pointers[i] = &scene->groups[i];
    scene->inquiry.machine = &scene->machine;
    scene->inquiry.content = &scene->content;
    scene->inquiry.groups = scene->pointers;
}

static void begin_2016(struct scene *scene, enum location_rules rules)
{
    begin(scene, rules);
    scene->content.kind = CONTENT_APPLICATION;
    scene->content.id = "Content_" GUID;
    scene->inquiry.assigned_site = "MEH";
    set(scene, "adSite=Default-First-Site-Name");
    set(scene, "forest=contoso.com");
    set(scene, "domain=contoso.com");
    set(scene, "address=10.10.25.130/25");
    set(scene, "address=10.10.25.166/25");
}

static void begin_2021(struct scene *scene)
{
    begin(scene, RULES_CURRENT);
    scene->content.id = "CAS00015";
    scene->inquiry.assigned_site = "P01";
    scene->inquiry.allow_cloud = true;
    scene->inquiry.group_count = 2;
    set(scene, "adSite=London");
    set(scene, "forest=abc.com");
    set(scene, "domain=ABC");
    set(scene, "address=10.1.2.3/24");
    set(scene, "address=2001:db8:0:1::3/64");
    set(scene, "adapter=Ethernet|Network Adapter");
    scene->machine.adapters[0].if_type = 6;
    scene->machine.adapters[0].dns_suffix = "abc.com";
}

static void assert_request(struct scene *scene, const char *want)
{
    struct buf out = {0};
    machine_settle(&scene->machine);
    location_inquiry_write(&out, &scene->inquiry);
    assert_string_equal(out.data, want);
    buf_free(&out);
    machine_free(&scene->machine);
}

static void test_both_forms(void **state)
{
    (void)state;
    struct scene scene;
    begin_2016(&scene, RULES_2012);
    assert_request(&scene, HEAD_2016 OPTIONS_2016 PLACE_2016 END);
    begin_2016(&scene, RULES_2007);
    assert_request(&scene, HEAD_2016 OPTIONS_2016 PLACE_2016 END);
    begin_2021(&scene);
    assert_request(&scene, HEAD_2021 OPTIONS_2021 PLACE_2021 ADAPTERS_2021 GROUPS_2021 END);
}

/* The request with the first `old` made `new`. */
static void assert_differs(struct scene *scene, const char *old, const char *new)
{
    static const char whole[] = HEAD_2021 OPTIONS_2021 PLACE_2021 ADAPTERS_2021 GROUPS_2021 END;
    const char *at = strstr(whole, old);
    assert_non_null(at);
    char *want = mem_format("%.*s%s%s", (int)(at - whole), whole, new, at + strlen(old));
    assert_request(scene, want);
    free(want);
}

static void test_facts_one_by_one(void **state)
{
    (void)state;
    struct scene scene;
    begin_2021(&scene);
    scene.inquiry.minutes = 125;
    assert_differs(&scene, "PT0M", "PT125M");
    begin_2021(&scene);
    scene.inquiry.allow_cloud = false;
    assert_differs(&scene, "UseAzure=\"1\"", "UseAzure=\"0\"");
    begin_2021(&scene);
    scene.content.flags = INT64_C(1) << 30;
    assert_differs(&scene, "OnDemand=\"0\"", "OnDemand=\"1\"");
    begin_2021(&scene);
    scene.content.flags = ~(INT64_C(1) << 30);
    assert_differs(&scene, "OnDemand=\"0\"", "OnDemand=\"0\"");
    begin_2021(&scene);
    set(&scene, "internet=true");
    assert_differs(&scene, "UseInternetDP=\"0\"", "UseInternetDP=\"1\"");
    begin_2021(&scene);
    set(&scene, "vpn=true");
    assert_differs(&scene, "IsOnVPN=\"0\"", "IsOnVPN=\"1\"");
    begin_2021(&scene);
    scene.machine.adapter_count = 0;
    assert_differs(&scene, ADAPTERS_2021, "");
    begin_2021(&scene);
    scene.inquiry.group_count = 1;
    assert_differs(&scene, "<BoundaryGroup GroupID=\"16777218\" GroupFlag=\"4\"/>", "");
}

static void test_names_of_contents(void **state)
{
    (void)state;
    struct scene scene;
    begin_2016(&scene, RULES_2012);
    scene.content.kind = CONTENT_UPDATE;
    scene.content.id = GUID;
    assert_request(&scene, "<ContentLocationRequest SchemaVersion=\"1.00\" ExcludeFileList=\"\">"
                           "<Package ID=\"UID:" GUID "\" Version=\"1\"/>"
                           "<AssignedSite SiteCode=\"MEH\"/>" OPTIONS_2016 PLACE_2016 END);
}

/* Neither empty nor guessed: left out. */
static void test_what_is_not_known(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, RULES_CURRENT);
    scene.content.id = "CAS00015";
    scene.content.has_version = false;
    scene.inquiry.allow_cloud = true;
    set(&scene, "address=10.1.2.3");
    set(&scene, "subnet=10.9.9.0");
    set(&scene, "adapter=|WAN");
    scene.machine.ad_site = scene.machine.adapters[0].dns_suffix = "";
    assert_request(&scene, "<ContentLocationRequest SchemaVersion=\"1.00\" BGRVersion=\"1\" "
                           "ClientInOperation=\"PT0M\" ExcludeFileList=\"\">"
                           "<Package ID=\"CAS00015\"/>" OPTIONS_2021
                           "<IPAddresses><IPAddress Address=\"10.1.2.3\"/>"
                           "<IPAddress SubnetAddress=\"10.9.9.0\"/></IPAddresses>"
                           "<Adapters><Adapter Description=\"WAN\"/></Adapters>"
                           "<BoundaryGroups IsOnVPN=\"0\"></BoundaryGroups>" END);
    begin(&scene, RULES_2007);
    scene.content.kind = CONTENT_APPLICATION;
    scene.content.id = "Content_" GUID;
    scene.inquiry.assigned_site = "MEH";
    assert_request(&scene, HEAD_2016 OPTIONS_2016 "<IPAddresses></IPAddresses>" END);
}

/* Written the way a machine's addresses are matched, not the way they were typed. */
static void test_addresses(void **state)
{
    (void)state;
    struct scene scene;
    begin_2016(&scene, RULES_2012);
    machine_forget(&scene.machine, "address=");
    set(&scene, "address=::ffff:10.1.2.3/120");
    set(&scene, "address=2001:DB8:0:0::7%eth0/48");
    set(&scene, "address=10.1.2.77/24");
    set(&scene, "subnet=10.1.2.0");
    assert_request(
        &scene, HEAD_2016 OPTIONS_2016
        "<ADSite Name=\"Default-First-Site-Name\"/><Forest Name=\"contoso.com\"/>"
        "<Domain Name=\"contoso.com\"/>"
        "<IPAddresses><IPAddress SubnetAddress=\"10.1.2.0\" Address=\"10.1.2.3\"/>"
        "<IPAddress SubnetAddress=\"2001:db8::\" Address=\"2001:db8::7\"/>"
        "<IPAddress SubnetAddress=\"10.1.2.0\" Address=\"10.1.2.77\"/></IPAddresses>" END);
}

/* Reading back */

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    (void)err;
    struct buf *values = arg;
    for (size_t i = 0; i < element->count; i++)
        if (strcmp(element->name, "Adapter") == 0)
            buf_format(values, "%s\n", element->attributes[i].value);
    return true;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    (void)arg, (void)name, (void)err;
    return true;
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    (void)arg, (void)text, (void)len, (void)err;
    return true;
}

/* The adapter's values as XML reads them. */
static void assert_reads_back(struct scene *scene, const char *want)
{
    static const struct xml_handlers handlers = {on_start, on_end, on_text, .many_roots = false};
    struct buf out = {0}, values = {0};
    struct error err = {0};
    location_inquiry_write(&out, &scene->inquiry);
    struct xml_reader *reader = xml_open(&handlers, &values, "request");
    if (!xml_feed(reader, out.data, out.len, &err) || !xml_finish(reader, &err))
        fail_msg("%s: %s: %s", err.where, err.text, out.data);
    xml_close(reader);
    assert_string_equal(values.data, want);
    buf_free(&out);
    buf_free(&values);
}

static void test_hostile_text(void **state)
{
    (void)state;
    static const struct {
        const char *value, *read;
    } rows[] = {
        {"plain", "plain"},
        {"\"/><x a='&amp;]]>", "\"/><x a='&amp;]]>"},
        {"Caf\xC3\xA9 \xF0\x9F\x92\xBE", "Caf\xC3\xA9 \xF0\x9F\x92\xBE"},
        {"a\x01\x1F\x7F", "a\\x01\\x1F\\x7F"},
        {"a\tb\nc\r", "a\\x09b\\x0Ac\\x0D"},
        {"\xFF\xFE\xC3", "\\xFF\\xFE\\xC3"},
        {"\xEF\xBF\xBE\xEF\xBF\xBF", "\\u{FFFE}\\u{FFFF}"}, /* no characters of XML's */
        {"\xED\xA0\x80", "\\xED\\xA0\\x80"},                /* half a surrogate pair */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        begin_2021(&scene);
        scene.machine.adapters[0].name = rows[i].value;
        scene.machine.adapters[0].description = rows[i].value;
        scene.machine.ad_site = scene.machine.forest = scene.machine.domain = rows[i].value;
        scene.inquiry.assigned_site = scene.content.id = rows[i].value;
        char *want = mem_format("%s\n6\nabc.com\n%s\n", rows[i].read, rows[i].read);
        assert_reads_back(&scene, want);
        free(want);
        machine_free(&scene.machine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_forms),        cmocka_unit_test(test_facts_one_by_one),
        cmocka_unit_test(test_names_of_contents), cmocka_unit_test(test_what_is_not_known),
        cmocka_unit_test(test_addresses),         cmocka_unit_test(test_hostile_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

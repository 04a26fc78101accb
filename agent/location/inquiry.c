#include "agent/location/inquiry.h"

#include "policy/base/text.h"
#include "policy/xml.h"

#include <inttypes.h>
#include <string.h>

/* What XML cannot hold, or nobody would see, stands as it does on a terminal. NULL, "": left
   out. */
static void add_text(struct buf *out, const char *name, const char *value)
{
    struct buf plain = {0};
    if (!value || !*value)
        return;
    text_escape(&plain, value, strlen(value), SIZE_MAX);
    buf_format(out, " %s=\"", name);
    xml_escape(out, plain.data, plain.len);
    buf_append_text(out, "\"");
    buf_free(&plain);
}

static void add_flag(struct buf *out, const char *name, bool value)
{
    buf_format(out, " %s=\"%d\"", name, value);
}

static void add_named(struct buf *out, const char *element, const char *name)
{
    if (!name || !*name)
        return;
    buf_format(out, "<%s", element);
    add_text(out, "Name", name);
    buf_append_text(out, "/>");
}

static void add_package(struct buf *out, const struct site_content *content)
{
    buf_append_text(out, "<Package");
    if (content->kind == CONTENT_PACKAGE) {
        add_text(out, "ID", content->id);
    } else {
        struct buf id = {0};
        buf_format(&id, "UID:%s", content->id);
        add_text(out, "ID", id.data);
        buf_free(&id);
    }
    if (content->has_version)
        buf_format(out, " Version=\"%" PRId64 "\"", content->version);
    buf_append_text(out, "/>");
}

/* Addresses */

static void add_address(struct buf *out, const struct site_address *address)
{
    address_number number = address_from_bytes(address->bytes);
    char text[INET6_ADDRSTRLEN];
    buf_append_text(out, "<IPAddress");
    if (address->prefix >= 0) {
        address_format(address_first(number, address->prefix), text);
        add_text(out, "SubnetAddress", text);
    }
    address_format(number, text);
    add_text(out, "Address", text);
    buf_append_text(out, "/>");
}

static bool has_network(const struct machine *machine, address_number network)
{
    for (size_t i = 0; i < machine->address_count; i++) {
        const struct site_address *address = &machine->addresses[i];
        if (address->prefix >= 0 &&
            address_first(address_from_bytes(address->bytes), address->prefix) == network)
            return true;
    }
    return false;
}

/* A network ID that was given, and that no address has, stands alone. */
static void add_addresses(struct buf *out, const struct machine *machine)
{
    buf_append_text(out, "<IPAddresses>");
    for (size_t i = 0; i < machine->address_count; i++)
        add_address(out, &machine->addresses[i]);
    for (size_t i = 0; i < machine->subnet_count; i++) {
        if (has_network(machine, machine->networks[i]))
            continue;
        buf_append_text(out, "<IPAddress");
        add_text(out, "SubnetAddress", machine->subnets[i]);
        buf_append_text(out, "/>");
    }
    buf_append_text(out, "</IPAddresses>");
}

/* What came with boundary groups */

static void add_adapters(struct buf *out, const struct machine *machine)
{
    if (!machine->adapter_count)
        return;
    buf_append_text(out, "<Adapters>");
    for (size_t i = 0; i < machine->adapter_count; i++) {
        const struct machine_adapter *adapter = &machine->adapters[i];
        buf_append_text(out, "<Adapter");
        add_text(out, "Name", adapter->name);
        if (adapter->if_type >= 0)
            buf_format(out, " IfType=\"%" PRId64 "\"", adapter->if_type);
        add_text(out, "DnsSuffix", adapter->dns_suffix);
        add_text(out, "Description", adapter->description);
        buf_append_text(out, "/>");
    }
    buf_append_text(out, "</Adapters>");
}

static void add_groups(struct buf *out, const struct location_inquiry *inquiry)
{
    buf_append_text(out, "<BoundaryGroups");
    add_flag(out, "IsOnVPN", inquiry->machine->vpn);
    buf_append_text(out, ">");
    for (size_t i = 0; i < inquiry->group_count; i++)
        buf_format(out, "<BoundaryGroup GroupID=\"%" PRId64 "\" GroupFlag=\"%" PRId64 "\"/>",
                   inquiry->groups[i]->id, inquiry->groups[i]->flags);
    buf_append_text(out, "</BoundaryGroups>");
}

/* The whole */

static void add_options(struct buf *out, const struct location_inquiry *inquiry)
{
    const struct site_content *content = inquiry->content;
    bool is_current = inquiry->rules == RULES_CURRENT;
    add_text(out, "LocationType", content->kind == CONTENT_PACKAGE ? "SMSPackage" : "SMSUpdate");
    add_flag(out, "DistributeOnDemand", content->flags & SITE_CONTENT_ON_DEMAND);
    add_flag(out, "UseAzure", inquiry->allow_cloud);
    add_flag(out, "AllowWUMU", false);
    if (!is_current) {
        add_flag(out, "UseProtected", false);
        add_flag(out, "AllowCaching", false);
        add_flag(out, "BranchDPFlags", false);
    }
    add_flag(out, "UseInternetDP", inquiry->machine->internet);
    add_flag(out, "AllowHTTP", true);
    add_flag(out, "AllowSMB", false);
    add_flag(out, "AllowMulticast", false);
    if (is_current) {
        add_flag(out, "AllowSuperPeer", false);
        add_flag(out, "DPTokenAuth", false);
    }
}

void location_inquiry_write(struct buf *out, const struct location_inquiry *inquiry)
{
    bool is_current = inquiry->rules == RULES_CURRENT;
    buf_append_text(out, "<ContentLocationRequest SchemaVersion=\"1.00\"");
    if (is_current)
        buf_format(out, " BGRVersion=\"1\" ClientInOperation=\"PT%" PRId64 "M\"", inquiry->minutes);
    buf_append_text(out, " ExcludeFileList=\"\">");
    add_package(out, inquiry->content);
    if (inquiry->assigned_site) {
        buf_append_text(out, "<AssignedSite");
        add_text(out, "SiteCode", inquiry->assigned_site);
        buf_append_text(out, "/>");
    }
    buf_append_text(out, "<ClientLocationInfo");
    add_options(out, inquiry);
    buf_append_text(out, ">");
    add_named(out, "ADSite", inquiry->machine->ad_site);
    add_named(out, "Forest", inquiry->machine->forest);
    add_named(out, "Domain", inquiry->machine->domain);
    add_addresses(out, inquiry->machine);
    if (is_current) {
        add_adapters(out, inquiry->machine);
        add_groups(out, inquiry);
    }
    buf_append_text(out, "</ClientLocationInfo></ContentLocationRequest>\n");
}

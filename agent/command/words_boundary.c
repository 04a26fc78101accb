/* Boundaries and groups beside a machine, in words an administrator uses. */
#include "agent/command/where.h"

#include <stdio.h>
#include <string.h>

#define GAP_COUNTED    65536 /* beyond which a number says less than "before" */
#define ADAPTERS_NAMED 3

static const char *format_number(address_number number, char out[INET6_ADDRSTRLEN])
{
    address_format(number, out);
    return out;
}

static const char *format_address(const struct site_address *address, char out[INET6_ADDRSTRLEN])
{
    return format_number(address_from_bytes(address->bytes), out);
}

/* ---- it holds ---- */

/* A Windows client finds its built-in adapters alone (configmgr-facts 3.1). */
static void add_auto(struct buf *out, const struct machine *machine)
{
    buf_append_text(out, "holds it: it is connected by VPN");
    for (size_t i = 0; i < machine->adapter_count; i++) {
        const struct machine_adapter *adapter = &machine->adapters[i];
        const char *text = adapter->name ? adapter->name : adapter->description;
        if (!adapter->vpn || !text)
            continue;
        buf_format(out,
                   "; of a Windows machine only the built-in adapters count: if '%s' is another, "
                   "the boundary does not hold it",
                   text);
        return;
    }
}

static void add_holding(struct buf *out, const struct where_row *row, const struct machine *machine)
{
    const struct near_miss *miss = &row->miss;
    char id[INET6_ADDRSTRLEN];
    switch (row->boundary->boundary.type) {
    case BOUNDARY_IP_SUBNET:
        buf_format(out, "holds its network ID %s", format_number(miss->network, id));
        if (miss->address)
            buf_format(out, ", of %s", miss->address->text);
        return;
    case BOUNDARY_IPV6_PREFIX:
    case BOUNDARY_IP_RANGE: buf_format(out, "holds its address %s", miss->address->text); return;
    case BOUNDARY_AD_SITE: buf_format(out, "holds its AD site %s", miss->text); return;
    case BOUNDARY_VPN: break;
    }
    if (row->boundary->boundary.vpn == BOUNDARY_VPN_AUTO)
        add_auto(out, machine);
    else
        buf_format(out, "holds its adapter by the %s '%s'",
                   miss->is_description ? "description" : "name", miss->text);
}

/* ---- IP subnet ---- */

/* "10.1.2.3/24 has the network ID 10.1.2.0" */
static void add_network(struct buf *out, const struct near_miss *miss)
{
    char id[INET6_ADDRSTRLEN];
    format_number(miss->network, id);
    if (miss->address)
        buf_format(out, "%s has the network ID %s", miss->address->text, id);
    else
        buf_format(out, "the machine's network ID is %s", id);
}

static void add_other_network(struct buf *out, const struct near_miss *miss,
                              const struct boundary *boundary)
{
    buf_append_text(out, "another network: ");
    add_network(out, miss);
    int prefix = miss->address ? miss->address->prefix : 32;
    if (miss->gap == (address_number)1 << (32 - prefix) && prefix < 32)
        buf_format(out, ", the one right %s it",
                   miss->network < boundary->first ? "before" : "after");
}

static void add_mask(struct buf *out, const struct near_miss *miss, const struct boundary *boundary)
{
    char id[INET6_ADDRSTRLEN];
    buf_append_text(out, "the mask differs: ");
    add_network(out, miss);
    buf_append_text(out, "; only an equal network ID counts, a supernet does not");
    if (miss->prefix >= 0 && miss->address)
        buf_format(out, "; with the mask /%d it would be %s", miss->prefix,
                   format_number(boundary->first, id));
}

static void add_subnet_miss(struct buf *out, const struct near_miss *miss,
                            const struct boundary *boundary)
{
    char plain[INET6_ADDRSTRLEN];
    if (miss->code == MISS_WRITTEN_MASK) {
        add_network(out, miss);
        buf_append_text(out, ", but the value is written with a mask: a site stores the network "
                             "ID alone, and with a mask it equals no machine's");
        return;
    }
    if (miss->code == MISS_NO_PREFIX)
        buf_format(out, "%s is known without its prefix length: its network ID cannot be computed",
                   format_address(miss->address, plain));
    else if (miss->code == MISS_MASK)
        add_mask(out, miss, boundary);
    else
        add_other_network(out, miss, boundary);
    if (boundary->has_mask)
        buf_append_text(out, "; and the value is written with a mask, which equals no machine's");
}

/* ---- IP range and IPv6 prefix ---- */

static void add_range_miss(struct buf *out, const struct near_miss *miss,
                           const struct boundary *boundary)
{
    char plain[INET6_ADDRSTRLEN], end[INET6_ADDRSTRLEN];
    bool before = miss->code == MISS_BEFORE;
    const char *where = before ? "before its start" : "past its end";
    format_address(miss->address, plain);
    format_number(before ? boundary->first : boundary->last, end);
    if (miss->gap == 1)
        buf_format(out, "%s is one %s %s", plain, where, end);
    else if (miss->gap <= GAP_COUNTED)
        buf_format(out, "%s lies %u addresses %s %s", plain, (unsigned)miss->gap, where, end);
    else
        buf_format(out, "%s lies %s %s", plain, where, end);
}

static void add_prefix_miss(struct buf *out, const struct near_miss *miss)
{
    char plain[INET6_ADDRSTRLEN], network[INET6_ADDRSTRLEN];
    const char *where = miss->code == MISS_BEFORE ? "before" : "after";
    address_number number = address_from_bytes(miss->address->bytes);
    format_number(number, plain);
    format_number(address_first(number, 64), network);
    if (miss->code == MISS_LONG_PREFIX)
        buf_format(out, "%s lies in its /64, but outside the longer prefix", plain);
    else if (miss->gap == 1)
        buf_format(out, "%s lies in %s/64, the neighboring /64 right %s it", plain, network, where);
    else if (miss->gap <= GAP_COUNTED)
        buf_format(out, "%s lies in %s/64, %u /64s %s it", plain, network, (unsigned)miss->gap,
                   where);
    else
        buf_format(out, "another prefix: %s lies in %s/64", plain, network);
}

static void add_family_miss(struct buf *out, const struct where *where,
                            const struct boundary *boundary)
{
    if (where->world.machine.address_count == 0)
        buf_append_text(out, "no address of the machine is known");
    else
        buf_format(out, "the machine has no IPv%c address",
                   address_is_ipv4(boundary->first) ? '4' : '6');
}

/* ---- AD site and VPN ---- */

/* How two names differ: `whose` is "the machine's AD site". */
static void add_name_miss(struct buf *out, const char *whose, const struct near_miss *miss,
                          const char *stored)
{
    const char *text = miss->text;
    if (miss->code == MISS_PUNCTUATION)
        buf_format(out, "spelled otherwise: %s is '%s', with other blanks or punctuation", whose,
                   text);
    else if (miss->code == MISS_SPELLING)
        buf_format(out, "spelled otherwise: %s is '%s', %s", whose, text,
                   miss->gap == 1 ? "one letter differs" : "two letters differ");
    else if (miss->code == MISS_LONGER)
        buf_format(out,
                   "%s '%s' begins with it and goes on with '%s': the whole text must be equal, a "
                   "mere beginning does not count",
                   whose, text, text + strlen(stored));
    else if (miss->code == MISS_SHORTER)
        buf_format(out,
                   "%s '%s' is only its beginning, '%s' is missing: the whole text must be "
                   "equal",
                   whose, text, stored + (strlen(stored) - (size_t)miss->gap));
    else
        buf_format(out, "%s is '%s'", whose, text);
}

static void add_adapters(struct buf *out, const struct machine *machine, bool is_description)
{
    size_t count = 0;
    const char *field = is_description ? "description" : "name";
    buf_format(out, "no adapter of the machine has this %s", field);
    for (size_t i = 0; i < machine->adapter_count; i++) {
        const struct machine_adapter *adapter = &machine->adapters[i];
        const char *text = is_description ? adapter->description : adapter->name;
        if (!text || !*text)
            continue;
        if (count < ADAPTERS_NAMED)
            buf_format(out, "%s'%s'", count ? ", " : "; it has ", text);
        count++;
    }
    if (count > ADAPTERS_NAMED)
        buf_format(out, " and %zu more", count - ADAPTERS_NAMED);
    if (count == 0)
        buf_format(out, "; their %ss are not known", field);
}

/* Where the adapter's text goes on beyond what counts. */
static void add_counted(struct buf *out, const struct near_miss *miss)
{
    bool is_name = !miss->is_description;
    enum boundary_vpn field = is_name ? BOUNDARY_VPN_NAME : BOUNDARY_VPN_DESCRIPTION;
    if (miss->text[boundary_counted_bytes(field, miss->text)])
        buf_format(out, "; only its first %d characters count",
                   is_name ? BOUNDARY_VPN_NAME_MAX : BOUNDARY_VPN_DESCRIPTION_MAX);
}

static void add_not_built_in(struct buf *out, const struct near_miss *miss)
{
    if (miss->text)
        buf_format(out, "the VPN adapter '%s' is there", miss->text);
    else
        buf_append_text(out, "a VPN adapter without a name is there");
    buf_append_text(out, ", but Auto:On counts only what makes the machine's 'vpn' true; on "
                         "Windows the built-in adapters alone do");
}

static void add_adapter_miss(struct buf *out, const struct where *where,
                             const struct near_miss *miss, const struct boundary *boundary)
{
    bool by_description = boundary->vpn == BOUNDARY_VPN_DESCRIPTION;
    if (miss->code == MISS_OTHER_FIELD) {
        buf_format(out, "'%s' is the adapter's %s, not its %s", miss->text,
                   by_description ? "name" : "description",
                   by_description ? "description" : "name");
    } else if (miss->code == MISS_OTHER_TEXT) {
        add_adapters(out, &where->world.machine, by_description);
        return;
    } else {
        add_name_miss(out, by_description ? "the adapter's description" : "the adapter's name",
                      miss, boundary->name);
    }
    add_counted(out, miss);
}

static void add_vpn_miss(struct buf *out, const struct where *where, const struct near_miss *miss,
                         const struct boundary *boundary)
{
    if (miss->code == MISS_NO_VPN)
        buf_append_text(out, "the machine is not connected by VPN");
    else if (miss->code == MISS_NOT_BUILT_IN)
        add_not_built_in(out, miss);
    else if (miss->code == MISS_FORM)
        buf_append_text(out, "how a value of this form is matched is not public: it counts as "
                             "holding no machine");
    else if (miss->code == MISS_NOT_KNOWN)
        buf_append_text(out, "no adapter with a name or description is known of the machine");
    else
        add_adapter_miss(out, where, miss, boundary);
}

static void add_ad_site_miss(struct buf *out, const struct near_miss *miss,
                             const struct boundary *boundary)
{
    if (miss->code == MISS_NOT_KNOWN)
        buf_append_text(out, "the machine's AD site is not known");
    else
        add_name_miss(out, "the machine's AD site", miss, boundary->name);
}

char *words_boundary_why(const struct where *where, const struct where_row *row)
{
    const struct boundary *boundary = &row->boundary->boundary;
    struct buf out = {0};
    if (where->world.machine.internet) {
        buf_append_text(&out, "the machine is on the internet: there no boundary counts");
        return out.data;
    }
    if (row->miss.code == MISS_NONE) {
        add_holding(&out, row, &where->world.machine);
        return out.data;
    }
    if (row->miss.code == MISS_FAMILY) {
        add_family_miss(&out, where, boundary);
        return out.data;
    }
    switch (boundary->type) {
    case BOUNDARY_IP_SUBNET: add_subnet_miss(&out, &row->miss, boundary); break;
    case BOUNDARY_AD_SITE: add_ad_site_miss(&out, &row->miss, boundary); break;
    case BOUNDARY_IPV6_PREFIX: add_prefix_miss(&out, &row->miss); break;
    case BOUNDARY_IP_RANGE: add_range_miss(&out, &row->miss, boundary); break;
    case BOUNDARY_VPN: add_vpn_miss(&out, where, &row->miss, boundary); break;
    }
    return out.data;
}

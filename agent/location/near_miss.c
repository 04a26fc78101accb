#include "agent/location/near_miss.h"

#include "agent/location/near_text.h"

#include "policy/base/text.h"

#include <string.h>

/* Distances, comparable over all types. Gaps between addresses add the number of their bits. */
enum {
    DISTANCE_DETAIL = 1,   /* how it is written */
    DISTANCE_MASK = 2,     /* a person would expect it to hold */
    DISTANCE_UNKNOWN = 3,  /* it might hold, were the mask known */
    DISTANCE_LETTER = 2,   /* each letter as much */
    DISTANCE_WORD = 5,     /* a text that begins alike */
    DISTANCE_ADAPTER = 6,  /* a VPN that does not count */
    DISTANCE_NETWORK = 4,  /* and the gap's bits */
    DISTANCE_PREFIX = 8,   /* and the gap's bits */
    DISTANCE_TEXT = 200,   /* another text */
    DISTANCE_NOTHING = 210 /* the machine has nothing that could be compared */
};

static unsigned count_bits(address_number gap)
{
    unsigned bits = 0;
    for (; gap; gap >>= 1)
        bits++;
    return bits;
}

static address_number difference(address_number a, address_number b)
{
    return a > b ? a - b : b - a;
}

int near_miss_compare(const struct near_miss *a, const struct near_miss *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return (a->gap > b->gap) - (a->gap < b->gap);
}

static void offer(struct near_miss *best, const struct near_miss *other)
{
    if (near_miss_compare(other, best) < 0)
        *best = *other;
}

/* ---- IP subnet ---- */

/* The length that a person reads into the value: the mask written, else the octets that are 0. */
static int expected_prefix(const struct boundary *boundary)
{
    const char *slash = strchr(boundary->value, '/');
    int64_t written;
    if (slash && text_to_int(slash + 1, 0, 32, &written))
        return (int)written;
    unsigned id = (unsigned)boundary->first;
    int zeros = id ? __builtin_ctz(id) : 32;
    return 32 - (zeros >= 8 ? zeros / 8 * 8 : zeros);
}

static bool reads_as_holding(const struct boundary *boundary, address_number number)
{
    return address_first(number, expected_prefix(boundary)) == boundary->first;
}

/* `inside`: the value lies in the machine's own network. */
static void offer_network(struct near_miss *best, const struct boundary *boundary,
                          const struct near_miss *known, address_number number, bool inside)
{
    struct near_miss miss = *known;
    miss.gap = difference(miss.network, boundary->first);
    bool expected = reads_as_holding(boundary, number);
    if (miss.gap == 0) {
        miss.code = boundary->has_mask ? MISS_WRITTEN_MASK : MISS_NONE;
        miss.distance = boundary->has_mask ? DISTANCE_DETAIL : 0;
    } else if (expected || inside) {
        miss.code = MISS_MASK;
        miss.distance = DISTANCE_MASK;
        miss.prefix = expected ? expected_prefix(boundary) : -1;
    } else {
        miss.code = MISS_NETWORK;
        miss.distance = DISTANCE_NETWORK + count_bits(miss.gap);
    }
    offer(best, &miss);
}

static void offer_bare_address(struct near_miss *best, const struct boundary *boundary,
                               const struct site_address *address)
{
    address_number number = address_from_bytes(address->bytes);
    struct near_miss miss = {.code = MISS_NO_PREFIX, .address = address, .prefix = -1};
    miss.gap = difference(number, boundary->first);
    miss.distance = reads_as_holding(boundary, number) ? DISTANCE_UNKNOWN
                                                       : DISTANCE_PREFIX + count_bits(miss.gap);
    offer(best, &miss);
}

static void find_by_subnet(struct near_miss *best, const struct boundary *boundary,
                           const struct machine *machine)
{
    for (size_t i = 0; i < machine->address_count; i++) {
        const struct site_address *address = &machine->addresses[i];
        address_number number = address_from_bytes(address->bytes);
        if (!address_is_ipv4(number))
            continue;
        if (address->prefix < 0) {
            offer_bare_address(best, boundary, address);
            continue;
        }
        struct near_miss known = {.address = address, .has_network = true, .prefix = -1};
        known.network = address_first(number, address->prefix);
        bool inside = address_first(boundary->first, address->prefix) == known.network;
        offer_network(best, boundary, &known, number, inside);
    }
    /* Computed ones come no nearer than their addresses did. */
    for (size_t i = 0; i < machine->subnet_count; i++) {
        struct near_miss known = {.has_network = true, .prefix = -1};
        known.network = machine->networks[i];
        if (address_is_ipv4(known.network))
            offer_network(best, boundary, &known, known.network, false);
    }
}

/* ---- IP range and IPv6 prefix ---- */

static void offer_outside(struct near_miss *best, const struct boundary *boundary,
                          struct near_miss *miss, address_number number)
{
    bool before = number < boundary->first;
    address_number end = before ? boundary->first : boundary->last;
    miss->code = before ? MISS_BEFORE : MISS_AFTER;
    if (boundary->type == BOUNDARY_IP_RANGE) {
        miss->gap = difference(number, end);
        miss->distance = count_bits(miss->gap);
    } else {
        miss->gap = difference(number >> 64, end >> 64);
        miss->distance = DISTANCE_DETAIL + count_bits(miss->gap);
        if (miss->gap == 0)
            miss->code = MISS_LONG_PREFIX;
    }
    offer(best, miss);
}

static void find_by_address(struct near_miss *best, const struct boundary *boundary,
                            const struct machine *machine)
{
    for (size_t i = 0; i < machine->address_count; i++) {
        address_number number = address_from_bytes(machine->addresses[i].bytes);
        struct near_miss miss = {.address = &machine->addresses[i], .prefix = -1};
        if (address_is_ipv4(number) != address_is_ipv4(boundary->first))
            continue;
        if (boundary_holds_address(boundary, number))
            offer(best, &miss);
        else
            offer_outside(best, boundary, &miss, number);
    }
}

/* ---- AD site and VPN ---- */

/* What `near_text` says, as a miss of this text. */
static void judge_text(struct near_miss *miss, const struct boundary *boundary, size_t len)
{
    size_t letters;
    enum nearness nearness =
        near_text(boundary->name, strlen(boundary->name), miss->text, len, &letters);
    miss->gap = letters;
    switch (nearness) {
    case NEAR_EQUAL:
        miss->code = MISS_NONE;
        miss->distance = 0;
        return;
    case NEAR_PUNCTUATION:
        miss->code = MISS_PUNCTUATION;
        miss->distance = DISTANCE_DETAIL;
        return;
    case NEAR_SPELLING:
        miss->code = MISS_SPELLING;
        miss->distance = DISTANCE_LETTER * (unsigned)letters;
        return;
    case NEAR_LONGER:
    case NEAR_SHORTER:
        miss->code = nearness == NEAR_LONGER ? MISS_LONGER : MISS_SHORTER;
        miss->distance = DISTANCE_WORD;
        return;
    case NEAR_NOT: break;
    }
    miss->code = MISS_OTHER_TEXT;
    miss->distance = DISTANCE_TEXT;
}

static void find_by_ad_site(struct near_miss *best, const struct boundary *boundary,
                            const struct machine *machine)
{
    if (!machine->ad_site || !*machine->ad_site)
        return;
    *best = (struct near_miss){.text = machine->ad_site, .prefix = -1};
    judge_text(best, boundary, strlen(machine->ad_site));
}

/* One text of an adapter. Of texts that are not near, the asked field and a VPN's come first. */
static void offer_adapter_text(struct near_miss *best, const struct boundary *boundary,
                               const struct machine_adapter *adapter, bool is_description)
{
    const char *text = is_description ? adapter->description : adapter->name;
    bool is_asked = is_description == (boundary->vpn == BOUNDARY_VPN_DESCRIPTION);
    if (!text || !*text)
        return;
    struct near_miss miss = {
        .adapter = adapter, .is_description = is_description, .text = text, .prefix = -1};
    enum boundary_vpn field = is_description ? BOUNDARY_VPN_DESCRIPTION : BOUNDARY_VPN_NAME;
    judge_text(&miss, boundary, boundary_counted_bytes(field, text));
    if (!is_asked) {
        bool is_equal = miss.code == MISS_NONE;
        miss.code = is_equal ? MISS_OTHER_FIELD : MISS_OTHER_TEXT;
        miss.distance = is_equal ? DISTANCE_DETAIL : DISTANCE_TEXT + 1;
    }
    if (miss.code == MISS_OTHER_TEXT && !adapter->vpn)
        miss.distance += 2;
    offer(best, &miss);
}

/* An adapter that says it is a VPN's, or NULL. */
static const struct machine_adapter *find_vpn(const struct machine *machine)
{
    for (size_t i = 0; i < machine->adapter_count; i++)
        if (machine->adapters[i].vpn)
            return &machine->adapters[i];
    return NULL;
}

static void set_adapter(struct near_miss *miss, const struct machine_adapter *adapter)
{
    bool has_name = adapter->name && *adapter->name;
    miss->adapter = adapter;
    miss->is_description = !has_name && adapter->description && *adapter->description;
    miss->text = has_name ? adapter->name : miss->is_description ? adapter->description : NULL;
}

static void find_by_vpn(struct near_miss *best, const struct boundary *boundary,
                        const struct machine *machine)
{
    const struct machine_adapter *vpn = find_vpn(machine);
    bool is_auto = boundary->vpn == BOUNDARY_VPN_AUTO;
    if (!is_auto && boundary->vpn != BOUNDARY_VPN_OTHER) {
        for (size_t i = 0; i < machine->adapter_count; i++) {
            offer_adapter_text(best, boundary, &machine->adapters[i], false);
            offer_adapter_text(best, boundary, &machine->adapters[i], true);
        }
        return;
    }
    if (vpn)
        set_adapter(best, vpn);
    if (is_auto && machine->vpn) {
        best->code = MISS_NONE;
        best->distance = 0;
    } else if (is_auto) {
        best->code = vpn ? MISS_NOT_BUILT_IN : MISS_NO_VPN;
        best->distance = vpn ? DISTANCE_ADAPTER : DISTANCE_NOTHING;
    } else {
        best->code = MISS_FORM;
    }
}

void near_miss_find(struct near_miss *miss, const struct site_boundary *site_boundary,
                    const struct machine *machine)
{
    const struct boundary *boundary = &site_boundary->boundary;
    bool by_address = boundary->type != BOUNDARY_AD_SITE && boundary->type != BOUNDARY_VPN;
    *miss = (struct near_miss){.code = by_address ? MISS_FAMILY : MISS_NOT_KNOWN,
                               .distance = DISTANCE_NOTHING,
                               .prefix = -1};
    switch (boundary->type) {
    case BOUNDARY_IP_SUBNET: find_by_subnet(miss, boundary, machine); return;
    case BOUNDARY_AD_SITE: find_by_ad_site(miss, boundary, machine); return;
    case BOUNDARY_IPV6_PREFIX:
    case BOUNDARY_IP_RANGE: find_by_address(miss, boundary, machine); return;
    case BOUNDARY_VPN: find_by_vpn(miss, boundary, machine); return;
    }
}

const char *miss_word(enum miss miss)
{
    static const char *const words[MISS_COUNT] = {
        [MISS_NONE] = "HOLDS",
        [MISS_WRITTEN_MASK] = "WRITTEN_MASK",
        [MISS_MASK] = "MASK",
        [MISS_NO_PREFIX] = "NO_PREFIX",
        [MISS_NETWORK] = "NETWORK",
        [MISS_BEFORE] = "BEFORE",
        [MISS_AFTER] = "AFTER",
        [MISS_LONG_PREFIX] = "LONG_PREFIX",
        [MISS_FAMILY] = "FAMILY",
        [MISS_PUNCTUATION] = "PUNCTUATION",
        [MISS_SPELLING] = "SPELLING",
        [MISS_LONGER] = "LONGER",
        [MISS_SHORTER] = "SHORTER",
        [MISS_OTHER_FIELD] = "OTHER_FIELD",
        [MISS_OTHER_TEXT] = "OTHER_TEXT",
        [MISS_NOT_KNOWN] = "NOT_KNOWN",
        [MISS_NO_VPN] = "NO_VPN",
        [MISS_NOT_BUILT_IN] = "NOT_BUILT_IN",
        [MISS_FORM] = "FORM",
    };
    return words[miss];
}

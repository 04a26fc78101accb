/* The boundaries that hold a machine, found in the index. */
#include "agent/location/internal.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

static bool is_inline(const struct hits *hits)
{
    return hits->ids == hits->inline_ids[0] || hits->ids == hits->inline_ids[1];
}

static void begin(struct hits *hits)
{
    hits->count = 0;
    hits->cap = HITS_INLINE;
    hits->ids = hits->inline_ids[0];
    hits->spare = hits->inline_ids[1];
}

void hits_free(struct hits *hits)
{
    if (is_inline(hits))
        return;
    free(hits->ids);
    free(hits->spare);
}

static void make_room(struct hits *hits, size_t need)
{
    if (need <= hits->cap)
        return;
    size_t cap = hits->cap;
    while (cap < need)
        cap *= 2;
    uint32_t *ids = mem_zero(cap, sizeof *ids);
    memcpy(ids, hits->ids, hits->count * sizeof *ids);
    hits_free(hits);
    hits->ids = ids;
    hits->spare = mem_zero(cap, sizeof *hits->spare);
    hits->cap = cap;
}

/* Both lists ascend; what is in both stands once. */
static void merge(struct hits *hits, const uint32_t *ids, size_t count)
{
    if (count == 0)
        return;
    make_room(hits, hits->count + count);
    const uint32_t *left = hits->ids, *left_end = left + hits->count;
    const uint32_t *right = ids, *right_end = ids + count;
    uint32_t *merged = hits->spare, *out = merged;
    while (left < left_end && right < right_end) {
        uint32_t a = *left, b = *right;
        *out++ = a < b ? a : b;
        left += a <= b;
        right += b <= a;
    }
    size_t left_rest = (size_t)(left_end - left), right_rest = (size_t)(right_end - right);
    memcpy(out, left, left_rest * sizeof *out);
    memcpy(out + left_rest, right, right_rest * sizeof *out);
    hits->spare = hits->ids;
    hits->ids = merged;
    hits->count = (size_t)(out - merged) + left_rest + right_rest;
}

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* Did it find all of them? */
static bool match_wide(const struct segments *segments, address_number address, struct hits *hits)
{
    uint32_t *found = mem_resize(NULL, segments->wide_count, sizeof *found);
    size_t count = segments_find_wide(segments, address, found);
    qsort(found, count, sizeof *found, by_number);
    merge(hits, found, count);
    free(found);
    return count == segments->wide_count;
}

/* *wide_left: those that stand apart may hold more. Where thousands hold everything, the first
   address says so of all. */
static void match_address(const struct segments *segments, address_number address, bool *wide_left,
                          struct hits *hits)
{
    size_t count;
    const uint32_t *ids = segments_find(segments, address, &count);
    merge(hits, ids, count);
    if (segments->wide_count && *wide_left)
        *wide_left = !match_wide(segments, address, hits);
}

static void match_addresses(const struct location_index *index, const struct machine *machine,
                            struct hits *hits)
{
    bool ipv4_left = true, ipv6_left = true;
    for (size_t i = 0; i < machine->address_count; i++) {
        address_number address = address_from_bytes(machine->addresses[i].bytes);
        if (address_is_ipv4(address))
            match_address(&index->ipv4, address, &ipv4_left, hits);
        else
            match_address(&index->ipv6, address, &ipv6_left, hits);
    }
}

static void match_network(const struct location_index *index, address_number network,
                          struct hits *hits)
{
    size_t low = 0, high = index->network_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->networks[middle] < network)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < index->network_count && index->networks[end] == network)
        end++;
    merge(hits, index->network_ids + low, end - low);
}

/* The first `len` bytes of a text without case against a stored one. */
static int compare_beginning(const char *stored, const char *text, size_t len)
{
    int order = strncasecmp(stored, text, len);
    return order ? order : stored[len] != '\0';
}

static void match_text(const struct text_index *texts, const char *text, size_t len,
                       struct hits *hits)
{
    size_t low = 0, high = texts->count;
    if (len == 0)
        return;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_beginning(texts->texts[middle], text, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < texts->count && compare_beginning(texts->texts[end], text, len) == 0)
        end++;
    merge(hits, texts->ids + low, end - low);
}

static void match_adapter(const struct location_index *index, const struct machine_adapter *adapter,
                          struct hits *hits)
{
    if (adapter->name)
        match_text(&index->vpn_names, adapter->name,
                   boundary_counted_bytes(BOUNDARY_VPN_NAME, adapter->name), hits);
    if (adapter->description)
        match_text(&index->vpn_descriptions, adapter->description,
                   boundary_counted_bytes(BOUNDARY_VPN_DESCRIPTION, adapter->description), hits);
}

void location_match(const struct location_index *index, const struct machine *machine,
                    struct hits *hits)
{
    begin(hits);
    match_addresses(index, machine, hits);
    for (size_t i = 0; i < machine->subnet_count && index->network_count; i++)
        match_network(index, machine->networks[i], hits);
    if (machine->ad_site)
        match_text(&index->ad_sites, machine->ad_site, strlen(machine->ad_site), hits);
    for (size_t i = 0; i < machine->adapter_count; i++)
        match_adapter(index, &machine->adapters[i], hits);
    if (machine->vpn)
        merge(hits, index->autos, index->auto_count);
}

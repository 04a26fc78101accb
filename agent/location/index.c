/* The site made ready for many machines: each boundary type's own way to those that hold one. */
#include "agent/location/internal.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- building ---- */

static void build_segments(struct segments *segments, const struct site *site, bool ipv4)
{
    struct interval *intervals = mem_zero(site->boundary_count, sizeof *intervals);
    size_t count = 0;
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct boundary *boundary = &site->boundaries[i].boundary;
        bool is_interval =
            boundary->type == BOUNDARY_IP_RANGE || boundary->type == BOUNDARY_IPV6_PREFIX;
        if (is_interval && address_is_ipv4(boundary->first) == ipv4)
            intervals[count++] = (struct interval){boundary->first, boundary->last, (uint32_t)i};
    }
    segments_build(segments, intervals, count);
    free(intervals);
}

struct network {
    address_number number;
    uint32_t id;
};

static int by_network(const void *a, const void *b)
{
    const struct network *left = a, *right = b;
    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return (left->id > right->id) - (left->id < right->id);
}

/* A value with a mask equals no machine's network ID. */
static void build_networks(struct location_index *index)
{
    const struct site *site = index->site;
    struct network *networks = mem_zero(site->boundary_count, sizeof *networks);
    size_t count = 0;
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct boundary *boundary = &site->boundaries[i].boundary;
        if (boundary->type == BOUNDARY_IP_SUBNET && !boundary->has_mask)
            networks[count++] = (struct network){boundary->first, (uint32_t)i};
    }
    qsort(networks, count, sizeof *networks, by_network);
    index->networks = mem_zero(count, sizeof *index->networks);
    index->network_ids = mem_zero(count, sizeof *index->network_ids);
    for (size_t i = 0; i < count; i++) {
        index->networks[i] = networks[i].number;
        index->network_ids[i] = networks[i].id;
    }
    index->network_count = count;
    free(networks);
}

struct named {
    const char *text;
    uint32_t id;
};

static int by_text(const void *a, const void *b)
{
    const struct named *left = a, *right = b;
    int order = text_compare(left->text, right->text);
    return order ? order : (left->id > right->id) - (left->id < right->id);
}

static void build_texts(struct text_index *texts, const struct site *site, enum boundary_type type,
                        enum boundary_vpn vpn)
{
    struct named *all = mem_zero(site->boundary_count, sizeof *all);
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct boundary *boundary = &site->boundaries[i].boundary;
        if (boundary->type == type && (type != BOUNDARY_VPN || boundary->vpn == vpn))
            all[texts->count++] = (struct named){boundary->name, (uint32_t)i};
    }
    qsort(all, texts->count, sizeof *all, by_text);
    texts->texts = mem_zero(texts->count, sizeof *texts->texts);
    texts->ids = mem_zero(texts->count, sizeof *texts->ids);
    for (size_t i = 0; i < texts->count; i++) {
        texts->texts[i] = all[i].text;
        texts->ids[i] = all[i].id;
    }
    free(all);
}

static void build_autos(struct location_index *index)
{
    const struct site *site = index->site;
    index->autos = mem_zero(site->boundary_count, sizeof *index->autos);
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct boundary *boundary = &site->boundaries[i].boundary;
        if (boundary->type == BOUNDARY_VPN && boundary->vpn == BOUNDARY_VPN_AUTO)
            index->autos[index->auto_count++] = (uint32_t)i;
    }
}

/* The members of groups, turned round. */
static void build_groups(struct location_index *index)
{
    const struct site *site = index->site;
    uint32_t *starts = mem_zero(site->boundary_count + 1, sizeof *starts), total = 0;
    for (size_t g = 0; g < site->group_count; g++)
        for (size_t i = 0; i < site->groups[g].boundary_count; i++)
            starts[site->groups[g].boundaries[i]]++;
    for (size_t i = 0; i <= site->boundary_count; i++) {
        uint32_t count = starts[i];
        starts[i] = total;
        total += count;
    }
    index->groups = mem_zero(total, sizeof *index->groups);
    uint32_t *next = mem_zero(site->boundary_count + 1, sizeof *next);
    memcpy(next, starts, (site->boundary_count + 1) * sizeof *next);
    for (size_t g = 0; g < site->group_count; g++)
        for (size_t i = 0; i < site->groups[g].boundary_count; i++)
            index->groups[next[site->groups[g].boundaries[i]]++] = (uint32_t)g;
    free(next);
    index->group_starts = starts;
}

static void build_defaults(struct location_index *index)
{
    const struct site *site = index->site;
    index->defaults = mem_zero(site->group_count, sizeof *index->defaults);
    for (size_t g = 0; g < site->group_count; g++)
        if (site->groups[g].is_default)
            index->defaults[index->default_count++] = (uint32_t)g;
    if (index->default_count == 1)
        index->only_default_site = site->groups[index->defaults[0]].site_code;
}

static bool lacks_addresses(const struct site *site)
{
    for (size_t i = 0; i < site->dp_count; i++)
        if (site_lacks_address(&site->dps[i]))
            return true;
    return false;
}

struct location_index *location_index_create(const struct site *site)
{
    struct location_index *index = mem_zero(1, sizeof *index);
    index->site = site;
    build_segments(&index->ipv4, site, true);
    build_segments(&index->ipv6, site, false);
    build_networks(index);
    build_texts(&index->ad_sites, site, BOUNDARY_AD_SITE, BOUNDARY_VPN_OTHER);
    build_texts(&index->vpn_names, site, BOUNDARY_VPN, BOUNDARY_VPN_NAME);
    build_texts(&index->vpn_descriptions, site, BOUNDARY_VPN, BOUNDARY_VPN_DESCRIPTION);
    build_autos(index);
    build_groups(index);
    build_defaults(index);
    index->addresses_assumed = lacks_addresses(site);
    return index;
}

static void free_texts(struct text_index *texts)
{
    free(texts->texts);
    free(texts->ids);
}

void location_index_free(struct location_index *index)
{
    if (!index)
        return;
    segments_free(&index->ipv4);
    segments_free(&index->ipv6);
    free(index->networks);
    free(index->network_ids);
    free_texts(&index->ad_sites);
    free_texts(&index->vpn_names);
    free_texts(&index->vpn_descriptions);
    free(index->autos);
    free(index->group_starts);
    free(index->groups);
    free(index->defaults);
    free(index);
}

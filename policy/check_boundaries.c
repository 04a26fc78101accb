/* What a reviewer finds in boundaries, each looked at by itself, and in equal ones. */
#include "policy/check_rules.h"

#include "policy/base/text.h"

#include <stdlib.h>

/* As boundary.c matches adapters. */
#define VPN_NAME_MAX        250
#define VPN_DESCRIPTION_MAX 243

void check_boundary_no_group(struct findings *findings, const struct check_input *input,
                             const struct check_row *row)
{
    const struct site *site = input->site;
    struct check_memberships memberships;
    check_memberships_read(&memberships, site);
    for (size_t i = 0; i < site->boundary_count; i++)
        if (memberships.first[i] == memberships.first[i + 1] && check_has_room(findings))
            check_add(findings, row, check_boundary_name(input->policy, &site->boundaries[i]),
                      "in no boundary group, so it gives its machines no distribution point: add "
                      "it to a group, or delete it");
    check_memberships_free(&memberships);
}

void check_subnet_mask(struct findings *findings, const struct check_input *input,
                       const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct boundary *boundary = &site->boundaries[i].boundary;
        if (boundary->type != BOUNDARY_IP_SUBNET || !boundary->has_mask ||
            !check_has_room(findings))
            continue;
        char network[INET6_ADDRSTRLEN];
        address_format(boundary->first, network);
        check_add(findings, row, check_boundary_name(input->policy, &site->boundaries[i]),
                  "a subnet boundary is compared as a whole with a machine's network ID, which has "
                  "no mask, so this one holds no machine: write %s, or make it an IP range",
                  network);
    }
}

#define IPV4(a, b, c, d) \
    ((address_number)0xFFFF << 32 | ((address_number)(a) << 24) | ((b) << 16) | ((c) << 8) | (d))
#define IPV6(head) ((address_number)(head) << 112)

/* Whoever holds all of it holds every machine of that family. */
static const struct {
    address_number first, last;
    const char *what;
} everything[] = {
    {IPV4(1, 0, 0, 0), IPV4(223, 255, 255, 255), "an IPv4"},
    {IPV6(0x2000), IPV6(0x4000) - 1, "a global IPv6"},
};

/* Addresses that no machine has, or each for itself. */
static const struct nothing {
    address_number first;
    int prefix;
    const char *what;
} nothing[] = {
    {IPV4(0, 0, 0, 0), 8, "no machine's"},    {IPV4(127, 0, 0, 0), 8, "loopback"},
    {IPV4(169, 254, 0, 0), 16, "link-local"}, {IPV4(224, 0, 0, 0), 3, "multicast or reserved"},
    {0, 127, "loopback or no machine's"},     {IPV6(0xFE80), 10, "link-local"},
    {IPV6(0xFF00), 8, "multicast"},
};

static bool is_interval(const struct boundary *boundary)
{
    return boundary->type == BOUNDARY_IP_RANGE || boundary->type == BOUNDARY_IPV6_PREFIX ||
           (boundary->type == BOUNDARY_IP_SUBNET && !boundary->has_mask);
}

void check_boundary_everything(struct findings *findings, const struct check_input *input,
                               const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct boundary *boundary = &site->boundaries[i].boundary;
        for (size_t j = 0; is_interval(boundary) && j < sizeof everything / sizeof *everything; j++)
            if (address_is_ipv4(boundary->first) == address_is_ipv4(everything[j].first) &&
                boundary->first <= everything[j].first && boundary->last >= everything[j].last)
                check_add(findings, row, check_boundary_name(input->policy, &site->boundaries[i]),
                          "holds every machine with %s address, so that all of them are in its "
                          "groups besides their own: for machines of no boundary there is the "
                          "default site boundary group",
                          everything[j].what);
    }
}

static const struct nothing *find_nothing(const struct boundary *boundary)
{
    for (size_t i = 0; is_interval(boundary) && i < sizeof nothing / sizeof *nothing; i++)
        if (address_is_ipv4(boundary->first) == address_is_ipv4(nothing[i].first) &&
            address_first(boundary->first, nothing[i].prefix) == nothing[i].first &&
            address_first(boundary->last, nothing[i].prefix) == nothing[i].first)
            return &nothing[i];
    return NULL;
}

bool check_may_hold(const struct boundary *boundary)
{
    return is_interval(boundary) && !find_nothing(boundary);
}

void check_boundary_nothing(struct findings *findings, const struct check_input *input,
                            const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct nothing *found = find_nothing(&site->boundaries[i].boundary);
        if (found && check_has_room(findings))
            check_add(findings, row, check_boundary_name(input->policy, &site->boundaries[i]),
                      "its addresses are %s and say nothing of where a machine stands: delete it",
                      found->what);
    }
}

static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

/* Why no adapter matches, or NULL. */
static const char *refuse_vpn(const struct boundary *boundary)
{
    switch (boundary->vpn) {
    case BOUNDARY_VPN_AUTO: return NULL;
    case BOUNDARY_VPN_OTHER:
        return "its form is not known: Auto:On, Name: and Description: are, each before the whole "
               "name";
    case BOUNDARY_VPN_NAME:
        if (count_characters(boundary->name) > VPN_NAME_MAX)
            return "only the first 250 characters of a connection's name count, and this one is "
                   "longer: cut it";
        break;
    case BOUNDARY_VPN_DESCRIPTION:
        if (count_characters(boundary->name) > VPN_DESCRIPTION_MAX)
            return "only the first 243 characters of a connection's description count, and this "
                   "one is longer: cut it";
        break;
    }
    return *boundary->name ? NULL : "it names no connection: write the whole name behind the colon";
}

void check_vpn_no_match(struct findings *findings, const struct check_input *input,
                        const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->boundary_count; i++) {
        const struct boundary *boundary = &site->boundaries[i].boundary;
        const char *why = boundary->type == BOUNDARY_VPN ? refuse_vpn(boundary) : NULL;
        if (why && check_has_room(findings))
            check_add(findings, row, check_boundary_name(input->policy, &site->boundaries[i]),
                      "no adapter can match it: %s", why);
    }
}

/* ---- equal ones ---- */

static int compare_numbers(address_number a, address_number b)
{
    return (a > b) - (a < b);
}

static int compare_boundaries(const struct boundary *a, const struct boundary *b)
{
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->vpn != b->vpn)
        return a->vpn < b->vpn ? -1 : 1;
    if (a->has_mask != b->has_mask)
        return a->has_mask ? 1 : -1;
    if (a->type == BOUNDARY_AD_SITE || a->type == BOUNDARY_VPN)
        return text_compare(a->value, b->value);
    int order = compare_numbers(a->first, b->first);
    return order ? order : compare_numbers(a->last, b->last);
}

static int by_value(const void *a, const void *b)
{
    const struct site_boundary *left = *(const struct site_boundary *const *)a;
    const struct site_boundary *right = *(const struct site_boundary *const *)b;
    int order = compare_boundaries(&left->boundary, &right->boundary);
    return order ? order : (left > right) - (left < right);
}

static void add_twice(struct findings *findings, const struct check_row *row,
                      const struct site_boundary *const *equal, size_t count)
{
    struct policy *policy = findings->policy;
    struct check_list others = {.count = 0};
    for (size_t i = 1; i < count; i++)
        check_list_add_id(&others, equal[i]->id);
    check_add(findings, row, check_boundary_name(policy, equal[0]),
              "%zu boundaries have this type and value, also %s: keep one, in all the groups that "
              "the others are in",
              count, check_list_text(policy, &others));
}

void check_boundary_twice(struct findings *findings, const struct check_input *input,
                          const struct check_row *row)
{
    const struct site *site = input->site;
    const struct site_boundary **order = mem_zero(site->boundary_count, sizeof *order);
    for (size_t i = 0; i < site->boundary_count; i++)
        order[i] = &site->boundaries[i];
    qsort(order, site->boundary_count, sizeof *order, by_value);
    for (size_t i = 0, next; i < site->boundary_count; i = next) {
        for (next = i + 1; next < site->boundary_count; next++)
            if (compare_boundaries(&order[i]->boundary, &order[next]->boundary) != 0)
                break;
        if (next - i > 1 && check_has_room(findings))
            add_twice(findings, row, order + i, next - i);
    }
    free(order);
}

/* What a reviewer finds beyond the sizes that Configuration Manager supports. */
#include "policy/check_rules.h"

#include "policy/base/text.h"

#include <stdlib.h>

#define CONTENTS_OF_DP   10000
#define DPS_OF_SITE      250
#define PULLS_OF_SITE    2000 /* beside the others */
#define DPS_OF_HIERARCHY 5000 /* of a primary site with its secondary sites */

/* What is being removed does not count. */
static bool counts(const struct site_pair *pair)
{
    return pair->state < 4 || pair->state > 6;
}

void check_dp_content_limit(struct findings *findings, const struct check_input *input,
                            const struct check_row *row)
{
    const struct site *site = input->site;
    const struct site_pairs *pairs = check_pairs(findings, input);
    size_t *contents = mem_zero(site->dp_count, sizeof *contents);
    for (size_t i = 0; i < pairs->count; i++)
        for (size_t j = 0; j < pairs->packages[i].count; j++)
            contents[pairs->packages[i].pairs[j].dp] += counts(&pairs->packages[i].pairs[j]);
    for (size_t i = 0; i < site->dp_count; i++)
        if (contents[i] > CONTENTS_OF_DP)
            check_add(findings, row, check_dp_name(input->policy, &site->dps[i]),
                      "%zu packages and applications, and a distribution point supports %d; remove "
                      "what nobody deploys, or share it among several",
                      contents[i], CONTENTS_OF_DP);
    free(contents);
}

/* The DPs of one site code. */
struct site_size {
    const char *code;
    size_t dps, pulls;
};

struct site_sizes {
    size_t count;
    struct site_size *items; /* owned; by code without case */
};

static int by_code(const void *a, const void *b)
{
    const struct site_size *left = a, *right = b;
    return text_compare(left->code, right->code);
}

/* Cloud services and what is no role of a site have no part in the limits. */
static bool is_of_site(const struct site_dp *dp)
{
    return dp->site_code && *dp->site_code && !site_is_cloud(dp) && dp->kind != DP_LIBRARY;
}

static void read_sizes(struct site_sizes *sizes, const struct site *site)
{
    *sizes = (struct site_sizes){0, mem_zero(site->dp_count, sizeof *sizes->items)};
    size_t count = 0;
    for (size_t i = 0; i < site->dp_count; i++) {
        const struct site_dp *dp = &site->dps[i];
        bool is_pull = dp->kind == DP_PULL;
        if (is_of_site(dp))
            sizes->items[count++] = (struct site_size){dp->site_code, !is_pull, is_pull};
    }
    qsort(sizes->items, count, sizeof *sizes->items, by_code);
    for (size_t i = 0; i < count; i++) {
        struct site_size *last = sizes->count ? &sizes->items[sizes->count - 1] : NULL;
        if (last && by_code(last, &sizes->items[i]) == 0) {
            last->dps += sizes->items[i].dps;
            last->pulls += sizes->items[i].pulls;
        } else {
            sizes->items[sizes->count++] = sizes->items[i];
        }
    }
}

static const char *site_name(struct policy *policy, const char *code)
{
    return arena_format(&policy->arena, "site %s", check_short(policy, code));
}

void check_site_dp_limit(struct findings *findings, const struct check_input *input,
                         const struct check_row *row)
{
    struct site_sizes sizes;
    read_sizes(&sizes, input->site);
    for (size_t i = 0; i < sizes.count; i++) {
        const struct site_size *size = &sizes.items[i];
        if (size->dps > DPS_OF_SITE)
            check_add(
                findings, row, site_name(input->policy, size->code),
                "%zu distribution points, and a site supports %d beside its pull distribution "
                "points; make some pull distribution points, or spread them over secondary "
                "sites",
                size->dps, DPS_OF_SITE);
        if (size->pulls > PULLS_OF_SITE)
            check_add(findings, row, site_name(input->policy, size->code),
                      "%zu pull distribution points, and a site supports %d; spread them over "
                      "secondary sites",
                      size->pulls, PULLS_OF_SITE);
    }
    free(sizes.items);
}

static const struct site_code *find_code(const struct site *site, const char *code)
{
    size_t low = 0, high = site->code_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(site->codes[middle].code, code) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < site->code_count && text_equal(site->codes[low].code, code);
    return found ? &site->codes[low] : NULL;
}

/* The primary site that a site's DPs count for, or NULL where the hierarchy does not say. */
static const struct site_code *find_primary(const struct site *site, const char *code)
{
    const struct site_code *own = find_code(site, code);
    if (own && own->type == SITE_SECONDARY)
        own = own->reports_to ? find_code(site, own->reports_to) : NULL;
    return own && own->type == SITE_PRIMARY ? own : NULL;
}

void check_hierarchy_dp_limit(struct findings *findings, const struct check_input *input,
                              const struct check_row *row)
{
    const struct site *site = input->site;
    size_t *dps = mem_zero(site->code_count, sizeof *dps);
    size_t *secondaries = mem_zero(site->code_count, sizeof *secondaries);
    struct site_sizes sizes;
    read_sizes(&sizes, site);
    for (size_t i = 0; i < sizes.count; i++) {
        const struct site_code *primary = find_primary(site, sizes.items[i].code);
        if (!primary)
            continue;
        dps[primary - site->codes] += sizes.items[i].dps + sizes.items[i].pulls;
        secondaries[primary - site->codes] += !text_equal(primary->code, sizes.items[i].code);
    }
    for (size_t i = 0; i < site->code_count; i++)
        if (dps[i] > DPS_OF_HIERARCHY)
            check_add(findings, row, site_name(input->policy, site->codes[i].code),
                      "%zu distribution points with those of %zu secondary sites, and a primary "
                      "site supports %d with its secondary sites; spread them over primary sites",
                      dps[i], secondaries[i], DPS_OF_HIERARCHY);
    free(sizes.items);
    free(dps);
    free(secondaries);
}

/* Distribution point groups, and the sites of the hierarchy: what only policy check asks for. */
#include "policy/site_tables.h"

#include "policy/base/text.h"

#include <stdlib.h>

static bool read_groups(struct site *site, struct error *err)
{
    static const struct site_key key = {.text = {"GroupID"}, .optional = true};
    struct site_rows rows;
    if (!site_rows_of(site, "SMS_DistributionPointGroup", &key, &rows, err))
        return false;
    site->dp_group_count = rows.count;
    site->dp_groups = arena_zero(&site->policy->arena, rows.count, sizeof *site->dp_groups);
    for (size_t i = 0; i < rows.count; i++) {
        struct site_dp_group *group = &site->dp_groups[i];
        const char *name = instance_get_text(site->policy, rows.rows[i].instance, "Name");
        group->id = rows.rows[i].text[0];
        group->name = name ? name : group->id;
        group->instance = rows.rows[i].instance;
    }
    return true;
}

/* Rows come sorted by group as the groups are: *at only goes on. NULL: no such group. */
static struct site_dp_group *next_group(const struct site *site, size_t *at, const char *id)
{
    while (*at < site->dp_group_count && text_compare(site->dp_groups[*at].id, id) < 0)
        (*at)++;
    bool found = *at < site->dp_group_count && text_equal(site->dp_groups[*at].id, id);
    return found ? &site->dp_groups[*at] : NULL;
}

static int by_index(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return (left > right) - (left < right);
}

static bool read_members(struct site *site, struct error *err)
{
    static const struct site_key key = {.text = {"GroupID", "DPNALPath"}, .optional = true};
    struct site_rows rows;
    if (!site_rows_of(site, "SMS_DPGroupMembers", &key, &rows, err))
        return false;
    size_t *dps = arena_zero(&site->policy->arena, rows.count, sizeof *dps), used = 0, at = 0;
    size_t *first = mem_zero(site->dp_group_count, sizeof *first);
    for (size_t i = 0; i < rows.count; i++) {
        const struct site_row *row = &rows.rows[i];
        const struct site_dp *dp = row->text[1] ? site_dp_by_nal_path(site, row->text[1]) : NULL;
        struct site_dp_group *group = next_group(site, &at, row->text[0]);
        if (group && group->member_rows++ == 0)
            first[at] = used;
        if (!group || !dp) {
            site_keep_lost(&site->tables->lost_dp_members, &rows, i);
            continue;
        }
        dps[used++] = (size_t)(dp - site->dps);
        group->dp_count++;
    }
    for (size_t i = 0; i < site->dp_group_count; i++) {
        struct site_dp_group *group = &site->dp_groups[i];
        group->dps = dps + first[i];
        if (group->dp_count)
            qsort(dps + first[i], group->dp_count, sizeof *dps, by_index);
    }
    free(first);
    return true;
}

static int by_text(const void *a, const void *b)
{
    return text_compare(*(const char *const *)a, *(const char *const *)b);
}

/* IDs of all that may be sent to a DP, sorted; the caller frees the array. */
static const char **known_packages(const struct site *site, size_t *count)
{
    const struct site_rows *packages = &site->tables->packages;
    const char **ids = mem_zero(packages->count + 2 * site->content_count, sizeof *ids);
    *count = 0;
    for (size_t i = 0; i < packages->count; i++)
        ids[(*count)++] = packages->rows[i].text[0];
    for (size_t i = 0; i < site->content_count; i++) {
        ids[(*count)++] = site->contents[i].id;
        if (site->contents[i].package_id)
            ids[(*count)++] = site->contents[i].package_id;
    }
    qsort(ids, *count, sizeof *ids, by_text);
    return ids;
}

static bool read_packages(struct site *site, struct error *err)
{
    static const struct site_key key = {.text = {"GroupID", "PkgID"}, .optional = true};
    struct site_rows rows;
    if (!site_rows_of(site, "SMS_DPGroupPackages", &key, &rows, err))
        return false;
    if (rows.count == 0)
        return true;
    const char **packages = arena_zero(&site->policy->arena, rows.count, sizeof *packages);
    size_t known_count, used = 0, at = 0;
    const char **known = known_packages(site, &known_count);
    for (size_t i = 0; i < rows.count; i++) {
        const struct site_row *row = &rows.rows[i];
        struct site_dp_group *group = next_group(site, &at, row->text[0]);
        if (group)
            group->package_rows++;
        if (!group || !row->text[1] ||
            !bsearch(&row->text[1], known, known_count, sizeof *known, by_text)) {
            site_keep_lost(&site->tables->lost_dp_packages, &rows, i);
            continue;
        }
        if (group->package_count++ == 0)
            group->packages = packages + used;
        packages[used++] = row->text[1];
    }
    free(known);
    return true;
}

bool site_read_dp_groups(struct site *site, struct error *err)
{
    return read_groups(site, err) && read_members(site, err) && read_packages(site, err);
}

bool site_read_codes(struct site *site, struct error *err)
{
    static const struct site_key key = {.text = {"SiteCode"}, .optional = true};
    struct site_rows rows;
    if (!site_rows_of(site, "SMS_Site", &key, &rows, err))
        return false;
    site->code_count = rows.count;
    site->codes = arena_zero(&site->policy->arena, rows.count, sizeof *site->codes);
    for (size_t i = 0; i < rows.count; i++) {
        struct site_code *code = &site->codes[i];
        const char *above =
            instance_get_text(site->policy, rows.rows[i].instance, "ReportingSiteCode");
        code->code = rows.rows[i].text[0];
        code->reports_to = above && *above ? above : NULL;
        code->instance = rows.rows[i].instance;
        if (!instance_get_int(code->instance, "Type", 0, UINT32_MAX, &code->type, err))
            return false;
    }
    return true;
}

/* The site as a whole; what is where; deployments. */
#include "policy/site_internal.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const struct site *site, const struct instance *instance,
                           const char *name)
{
    const char *text = instance_get_text(site->policy, instance, name);
    return text && *text ? text : NULL;
}

/* ---- what is where ---- */

bool site_read_presence(struct site *site, struct error *err)
{
    static const char *const status[] = {"SMS_PackageStatusDistPointsSummarizer", NULL};
    static const char *const assigned[] = {"SMS_DistributionPoint", NULL};
    static const char *const holdings[] = {"SMS_DPContentInfo", NULL};
    static const char *const by_server[] = {"PackageID", "ServerNALPath", NULL};
    static const char *const by_nal[] = {"PackageID", "NALPath", NULL};
    struct site_tables *tables = site->tables;
    return site_collect(&tables->status, site->policy, status, by_server, err) &&
           site_collect(&tables->assigned, site->policy, assigned, by_server, err) &&
           site_collect(&tables->holdings, site->policy, holdings, by_nal, err);
}

bool site_presence_assumed(const struct site *site)
{
    const struct site_tables *tables = site->tables;
    return !tables->status.count && !tables->assigned.count && !tables->holdings.count;
}

static const char *nal_of(const struct site_row *row)
{
    const char *separator = strchr(row->key, SITE_KEY_SEPARATOR);
    return separator ? separator + 1 : "";
}

/* The pair's row, and whether there are rows of the package at all. */
static const struct instance *find_pair(const struct site_rows *rows, const char *package,
                                        const char *nal, bool *any)
{
    size_t count;
    const struct site_row *row = site_find_rows(rows, package, &count);
    *any = row != NULL;
    for (size_t low = 0, high = row ? count : 0; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = text_compare(nal, nal_of(&row[middle]));
        if (order == 0)
            return row[middle].instance;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* State 0, and 7 and 8 by their SourceVersion (policy model: Which DP has it). */
static enum presence by_version(const struct site_content *content, int64_t version,
                                enum presence yes)
{
    if (version < 0 || !content->has_version || version == content->version)
        return yes;
    if (version < content->version)
        return PRESENCE_OLD;
    /* An application's folder carries its version. */
    return content->kind == CONTENT_APPLICATION ? yes : PRESENCE_NEWER;
}

static struct site_presence from_status(const struct site *site, const struct instance *instance,
                                        const struct site_content *content)
{
    struct site_presence found = {.presence = PRESENCE_NO, .state = -1, .version = -1};
    int64_t state = -1;
    instance_get_int(instance, "State", 0, INT32_MAX, &state, NULL);
    instance_get_int(instance, "SourceVersion", 0, INT32_MAX, &found.version, NULL);
    found.state = (int)state;
    found.last_copied = text_of(site, instance, "LastCopied");
    if (state == 0)
        found.presence = by_version(content, found.version, PRESENCE_YES);
    else if (state == 7 || state == 8)
        found.presence = by_version(content, found.version, PRESENCE_UPDATING);
    return found;
}

static bool is_assigned(const struct site *site, const char *package, const char *nal)
{
    bool any;
    int64_t status = 0;
    const struct site_tables *tables = site->tables;
    const struct instance *row = find_pair(&tables->assigned, package, nal, &any);
    if (row)
        instance_get_int(row, "Status", 0, INT32_MAX, &status, NULL);
    if (row && status != 3) /* DELETED */
        return true;
    return find_pair(&tables->holdings, package, nal, &any) != NULL;
}

struct site_presence site_presence(const struct site *site, const struct site_dp *dp,
                                   const struct site_content *content)
{
    struct site_presence found = {.presence = PRESENCE_NO, .state = -1, .version = -1};
    if (site_presence_assumed(site)) {
        found.presence = PRESENCE_ASSUMED;
        return found;
    }
    if (!content->package_id || !dp->nal_path)
        return found;
    bool any;
    const struct instance *status =
        find_pair(&site->tables->status, content->package_id, dp->nal_path, &any);
    if (status)
        return from_status(site, status, content);
    if (!any && is_assigned(site, content->package_id, dp->nal_path))
        found.presence = PRESENCE_YES;
    return found;
}

/* ---- deployments ---- */

static int by_id(const void *a, const void *b)
{
    return text_compare(((const struct site_deployment *)a)->id,
                        ((const struct site_deployment *)b)->id);
}

static bool add_deployments(struct site *site, const struct site_rows *rows, const char *bits,
                            int64_t usual, struct error *err)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct site_deployment *deployment = &site->deployments[site->deployment_count++];
        const struct instance *instance = rows->rows[i].instance;
        *deployment = (struct site_deployment){
            .id = rows->rows[i].key,
            .content_id = text_of(site, instance, "PackageID"),
            .from_dp_locality = text_equal(bits, "DPLocality"),
            .bits = usual,
            .instance = instance,
        };
        if (!instance_get_int(instance, bits, 0, UINT32_MAX, &deployment->bits, err) ||
            !instance_get_int(instance, "AdvertFlags", 0, UINT32_MAX, &deployment->advert_flags,
                              err))
            return false;
    }
    return true;
}

bool site_read_deployments(struct site *site, struct error *err)
{
    static const char *const adverts[] = {"SMS_Advertisement", NULL};
    static const char *const assignments[] = {"SMS_UpdatesAssignment", "SMS_UpdateGroupAssignment",
                                              "SMS_ApplicationAssignment", "SMS_BaselineAssignment",
                                              NULL};
    static const char *const by_advert[] = {"AdvertisementID", NULL};
    static const char *const by_assignment[] = {"AssignmentID", NULL};
    struct site_rows first, second;
    if (!site_collect(&first, site->policy, adverts, by_advert, err) ||
        !site_collect(&second, site->policy, assignments, by_assignment, err))
        return false;
    site->deployments =
        arena_zero(&site->policy->arena, first.count + second.count, sizeof *site->deployments);
    /* The classes' defaults (configmgr-sdk 5.1, 5.2). */
    if (!add_deployments(site, &first, "RemoteClientFlags", 48, err) ||
        !add_deployments(site, &second, "DPLocality", 80, err))
        return false;
    if (site->deployment_count)
        qsort(site->deployments, site->deployment_count, sizeof *site->deployments, by_id);
    return true;
}

const struct site_deployment *site_find_deployment(const struct site *site, const char *id)
{
    struct site_deployment wanted = {.id = id};
    return site->deployment_count ? bsearch(&wanted, site->deployments, site->deployment_count,
                                            sizeof *site->deployments, by_id)
                                  : NULL;
}

/* ---- the whole ---- */

static bool read_rules(struct site *site, struct error *err)
{
    static const char *const words[] = {"2007", "2012", "current"};
    for (size_t i = 0; i < site->policy->instance_count; i++) {
        const struct instance *instance = site->policy->instances[i];
        if (!text_equal(instance->class_name, "NP_HierarchyRules"))
            continue;
        const char *rules = text_of(site, instance, "Rules");
        site->rules = NULL;
        for (size_t w = 0; rules && w < sizeof words / sizeof words[0]; w++)
            if (text_equal(rules, words[w]))
                site->rules = words[w];
        if (!site->rules)
            return site_refuse(site->policy, instance, err, "Rules is none of 2007, 2012, current");
    }
    return true;
}

bool site_read(struct site *site, struct policy *policy, struct error *err)
{
    *site = (struct site){.policy = policy, .site_code = policy_site_code(policy)};
    site->tables = arena_zero(&policy->arena, 1, sizeof *site->tables);
    return read_rules(site, err) && site_read_dps(site, err) && site_read_groups(site, err) &&
           site_read_contents(site, err) && site_read_presence(site, err) &&
           site_read_deployments(site, err);
}

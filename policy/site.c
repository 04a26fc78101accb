#include "policy/site_tables.h"

#include "policy/base/text.h"

#include <stdlib.h>

#define REMOTE_CLIENT_FLAGS_DEFAULT 48 /* SMS_Advertisement (configmgr-sdk 5.1) */
#define DP_LOCALITY_DEFAULT         80 /* SMS_CIAssignmentBaseClass (configmgr-sdk 5.2) */

/* The classes of deployments: what names one, and which bits it has. */
static const struct deployment_class {
    const char *class_name, *id, *content_id;
    bool from_dp_locality;
} deployment_classes[] = {
    {"SMS_Advertisement", "AdvertisementID", "PackageID", false},
    {"SMS_UpdatesAssignment", "AssignmentID", NULL, true},
    {"SMS_UpdateGroupAssignment", "AssignmentID", NULL, true},
    {"SMS_ApplicationAssignment", "AssignmentID", NULL, true},
    {"SMS_BaselineAssignment", "AssignmentID", NULL, true},
    {"NP_Deployment", "ContentID", "ContentID", false},
};

#define DEPLOYMENT_CLASS_COUNT (sizeof deployment_classes / sizeof deployment_classes[0])

static bool is_task_sequence(const struct site *site, const char *package_id)
{
    const struct site_row *package =
        package_id ? site_rows_find(&site->tables->packages, package_id, NULL) : NULL;
    return package && text_equal(package->instance->class_name, "SMS_TaskSequencePackage");
}

/* Contents are read before: a task sequence is known by its package. */
static bool read_deployment(struct site *site, const struct deployment_class *kind,
                            const struct site_row *row, struct site_deployment *deployment,
                            struct error *err)
{
    const struct instance *instance = row->instance;
    deployment->id = row->text[0];
    deployment->instance = instance;
    if (kind->content_id)
        deployment->content_id = instance_get_text(site->policy, instance, kind->content_id);
    deployment->is_application = text_equal(kind->class_name, "SMS_ApplicationAssignment");
    deployment->is_task_sequence = is_task_sequence(site, deployment->content_id);
    /* NP_Deployment has either. */
    deployment->from_dp_locality =
        kind->from_dp_locality || instance_get(instance, "DPLocality") != NULL;
    deployment->bits =
        deployment->from_dp_locality ? DP_LOCALITY_DEFAULT : REMOTE_CLIENT_FLAGS_DEFAULT;
    const char *bits = deployment->from_dp_locality ? "DPLocality" : "RemoteClientFlags";
    deployment->version = -1;
    return instance_get_int(instance, bits, 0, UINT32_MAX, &deployment->bits, err) &&
           instance_get_int(instance, "AdvertFlags", 0, UINT32_MAX, &deployment->advert_flags,
                            err) &&
           (!text_equal(kind->class_name, "NP_Deployment") ||
            (instance_get_bool(instance, "Pinned", &deployment->pinned, err) &&
             instance_get_int(instance, "Version", 0, UINT32_MAX, &deployment->version, err)));
}

static int by_deployment(const void *a, const void *b)
{
    const struct site_deployment *left = a, *right = b;
    return text_compare(left->id, right->id);
}

bool site_read_deployments(struct site *site, struct error *err)
{
    struct site_rows rows[DEPLOYMENT_CLASS_COUNT];
    size_t total = 0;
    for (size_t i = 0; i < DEPLOYMENT_CLASS_COUNT; i++) {
        const struct site_key key = {.text = {deployment_classes[i].id}};
        if (!site_rows_of(site, deployment_classes[i].class_name, &key, &rows[i], err))
            return false;
        total += rows[i].count;
    }
    site->deployments = arena_zero(&site->policy->arena, total, sizeof *site->deployments);
    for (size_t i = 0; i < DEPLOYMENT_CLASS_COUNT; i++)
        for (size_t j = 0; j < rows[i].count; j++)
            if (!read_deployment(site, &deployment_classes[i], &rows[i].rows[j],
                                 &site->deployments[site->deployment_count++], err))
                return false;
    qsort(site->deployments, site->deployment_count, sizeof *site->deployments, by_deployment);
    return true;
}

const struct site_deployment *site_find_deployment(const struct site *site, const char *id)
{
    const struct site_deployment asked = {.id = id};
    if (site->deployment_count == 0)
        return NULL;
    return bsearch(&asked, site->deployments, site->deployment_count, sizeof *site->deployments,
                   by_deployment);
}

static bool read_rules(struct site *site, struct error *err)
{
    static const struct site_key key = {.text = {"Rules"}};
    static const char *const known[] = {"2007", "2012", "current"};
    struct site_rows rows;
    if (!site_rows_of(site, "NP_HierarchyRules", &key, &rows, err))
        return false;
    const struct site_row *last = NULL;
    for (size_t i = 0; i < rows.count; i++)
        if (!last || rows.rows[i].order > last->order)
            last = &rows.rows[i];
    if (!last)
        return true;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (text_equal(last->text[0], known[i]))
            site->rules = known[i];
    return site->rules || error_set(err, ERROR_INPUT, BLAME_POLICY, "RULES",
                                    instance_where(site->policy, last->instance),
                                    "'%s' are no known rules: 2007, 2012, current", last->text[0]);
}

bool site_read(struct site *site, struct policy *policy, struct error *err)
{
    *site = (struct site){.policy = policy, .site_code = policy_site_code(policy)};
    site->tables = arena_zero(&policy->arena, 1, sizeof *site->tables);
    classes_read(&site->tables->classes, policy);
    return site_read_dps(site, err) && site_read_groups(site, err) &&
           site_read_presence(site, err) && site_read_contents(site, err) &&
           site_read_dp_groups(site, err) && site_read_codes(site, err) &&
           site_read_deployments(site, err) && read_rules(site, err);
}

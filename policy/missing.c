#include "policy/missing.h"

#include "policy/base/buf.h"
#include "policy/base/text.h"
#include "policy/site_tables.h"

const struct missing_row missing_rows[] = {
    {
        .classes = {"SMS_Site"},
        .needed_by = {"SMS_DistributionPointInfo"},
        .without = "which sites there are, and which reports to which, is not known",
    },
    {
        .classes = {"SMS_Boundary"},
        .without = "where a machine stands is not known",
    },
    {
        .classes = {"SMS_BoundaryGroup", "SMS_DefaultBoundaryGroup"},
        .without = "no machine is in a boundary group",
    },
    {
        .classes = {"SMS_DefaultBoundaryGroup"},
        .needed_by = {"SMS_BoundaryGroup"},
        .current_rules = true,
        .without = "machines in no boundary group, and the last fallback, find nothing",
    },
    {
        .classes = {"SMS_BoundaryGroupMembers"},
        .needed_by = {"SMS_Boundary", "SMS_BoundaryGroup"},
        .without = "no boundary leads to a boundary group",
    },
    {
        .classes = {"SMS_BoundaryGroupSiteSystems"},
        .needed_by = {"SMS_BoundaryGroup", "SMS_DefaultBoundaryGroup"},
        .without = "no boundary group has a distribution point",
    },
    {
        .classes = {"SMS_BoundaryGroupRelationships"},
        .needed_by = {"SMS_BoundaryGroup"},
        .current_rules = true,
        .without = "no boundary group has a neighbor, and fallback takes the default minutes",
    },
    {
        .classes = {"SMS_DistributionPointInfo", "NP_DistributionPoint"},
        .without = "no distribution point is known",
    },
    {
        .classes = {"SMS_SystemResourceList"},
        .needed_by = {"SMS_DistributionPointInfo"},
        .without = "distribution points' names for the internet, and whether those that face it "
                   "serve the intranet too, are not known",
    },
    {
        .classes = {"SMS_R_System"},
        .needed_by = {"SMS_DistributionPointInfo"},
        .without = "no machine can be asked for by name, and distribution points have only the "
                   "addresses that NP_DistributionPoint gives",
    },
    {
        .classes = {"SMS_Package", "SMS_ContentPackage", "SMS_SoftwareUpdatesPackage",
                    "SMS_DriverPackage", "SMS_ImagePackage", "SMS_BootImagePackage",
                    "SMS_OperatingSystemInstallPackage", "SMS_Content", "SMS_CIToContent",
                    "SMS_PackageToContent", "NP_Content", "NP_ContentHash"},
        .finds_contents = true,
        .without = "no content is known",
    },
    {
        .classes = {"SMS_PackageToContent"},
        .needed_by = {"SMS_ContentPackage", "SMS_SoftwareUpdatesPackage", "SMS_Content",
                      "SMS_CIToContent", "SMS_ApplicationAssignment", "SMS_DeploymentType"},
        .finds_contents = true,
        .without = "applications cannot be located",
    },
    {
        .classes = {"SMS_Content", "SMS_CIToContent"},
        .needed_by = {"SMS_PackageToContent", "SMS_ContentPackage", "SMS_ApplicationAssignment",
                      "SMS_DeploymentType"},
        .finds_contents = true,
        .without = "versions and hashes of applications' contents are not known",
    },
    {
        .classes = {"SMS_PackageStatusDistPointsSummarizer", "SMS_DistributionPoint",
                    "SMS_DPContentInfo"},
        .without = "every distribution point is taken to hold every content",
    },
    {
        .classes = {"SMS_PackageStatusDistPointsSummarizer"},
        .needed_by = {"SMS_DistributionPoint", "SMS_DPContentInfo"},
        .without = "what was sent to a distribution point is taken to have arrived, in the version "
                   "wanted",
    },
    {
        .classes = {"SMS_DistributionPointGroup"},
        .needed_by = {"SMS_DPGroupMembers", "SMS_DPGroupPackages"},
        .without = "distribution point groups are not known",
    },
    {
        .classes = {"SMS_DPGroupMembers"},
        .needed_by = {"SMS_DistributionPointGroup"},
        .without = "what a distribution point group sends where is not known",
    },
    {
        .classes = {"SMS_DPGroupPackages"},
        .needed_by = {"SMS_DistributionPointGroup"},
        .without = "what a member of a distribution point group lacks is not known",
    },
    {
        .classes = {"SMS_Advertisement", "SMS_UpdatesAssignment", "SMS_UpdateGroupAssignment",
                    "SMS_ApplicationAssignment", "SMS_BaselineAssignment", "NP_Deployment"},
        .without = "every download option of a deployment is taken as allowed",
    },
    {
        .classes = {"SMS_ClientSettingsAssignment"},
        .needed_by = {"SMS_ClientSettings"},
        .without = "custom client settings apply to no machine",
    },
    {
        .classes = {"SMS_FullCollectionMembership"},
        .needed_by = {"SMS_ClientSettingsAssignment"},
        .without = "custom client settings apply only to machines that name their collections",
    },
};

const size_t missing_row_count = sizeof missing_rows / sizeof missing_rows[0];

static bool has_any(const struct site *site, const char *const *classes, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count && classes[i] && !found; i++)
        site_instances(site, classes[i], &found);
    return found > 0;
}

bool missing_is(const struct missing_row *row, const struct site *site)
{
    bool other_rules = site->rules && !text_equal(site->rules, "current");
    bool needed = !row->needed_by[0] || has_any(site, row->needed_by, MISSING_NEEDED_BY);
    return needed && !(row->current_rules && other_rules) &&
           !has_any(site, row->classes, MISSING_CLASSES);
}

const char *missing_for_contents(const struct site *site)
{
    struct buf text = {0};
    for (size_t i = 0; i < missing_row_count; i++) {
        const struct missing_row *row = &missing_rows[i];
        if (row->finds_contents && missing_is(row, site))
            buf_format(&text, "; missing: %s: %s", row->classes[0], row->without);
    }
    const char *kept = arena_copy_bytes(&site->policy->arena, text.data, text.len);
    buf_free(&text);
    return kept;
}

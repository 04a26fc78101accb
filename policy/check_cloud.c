/* What a reviewer finds of cloud distribution points. */
#include "policy/check_rules.h"

#include "policy/base/text.h"

#include <string.h>

/* Does any settings object, of whatever layer and for whomever, allow them? */
static bool is_allowed_somewhere(const struct resultant *resultant)
{
    bool allowed = false;
    for (size_t i = 0; i < resultant->source_count && !allowed; i++)
        instance_get_bool(resultant->sources[i].instance, "AllowCloudDP", &allowed, NULL);
    return allowed;
}

void check_cloud_never_allowed(struct findings *findings, const struct check_input *input,
                               const struct check_row *row)
{
    const struct site *site = input->site;
    struct check_list clouds = {0};
    for (size_t i = 0; i < site->dp_count; i++)
        if (site_is_cloud(&site->dps[i]))
            check_list_add(&clouds, site->dps[i].name);
    bool one = clouds.count == 1;
    bool finds = clouds.count && !is_allowed_somewhere(input->resultant);
    const char *names = check_list_text(input->policy, &clouds);
    if (finds)
        check_add(findings, row, "setting 'AllowCloudDP'",
                  "no settings object gives it True, so no machine ever uses the cloud "
                  "distribution point%s %s; allow them in client settings, Cloud Services",
                  one ? "" : "s", names);
}

const char *check_service_name(const struct site_dp *dp)
{
    bool is_azures = dp->service && dp->azure_name && text_equal(dp->service, dp->azure_name);
    return site_is_cloud(dp) && !is_azures ? dp->service : NULL;
}

/* A DP with a root of its own needs no name of a service. */
void check_cloud_no_name(struct findings *findings, const struct check_input *input,
                         const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; i < site->dp_count; i++) {
        const struct site_dp *dp = &site->dps[i];
        if (site_is_cloud(dp) && !dp->service && !dp->base_url)
            check_add(findings, row, check_dp_name(input->policy, dp),
                      "the policy does not know its service name, and '%s' of its NAL path is used "
                      "in its place; export SMS_AzureService with ServiceCName",
                      dp->host);
    }
}

static const struct check_name *find_name(const struct check_input *input, const char *name)
{
    size_t low = 0, high = input->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(input->names[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < input->name_count && text_equal(input->names[low].name, name);
    return found ? &input->names[low] : NULL;
}

void check_cloud_no_cname(struct findings *findings, const struct check_input *input,
                          const struct check_row *row)
{
    const struct site *site = input->site;
    for (size_t i = 0; input->resolved && i < site->dp_count; i++) {
        const struct site_dp *dp = &site->dps[i];
        const char *service = check_service_name(dp);
        const struct check_name *name = service ? find_name(input, service) : NULL;
        if (!name || strcmp(name->served, "CNAME") == 0)
            continue;
        const char *azure = dp->azure_name ? dp->azure_name : "the service's name at Azure";
        if (name->error)
            check_add(findings, row, check_dp_name(input->policy, dp),
                      "its service name %s does not resolve: %s; add a CNAME record from it to %s",
                      service, name->error, azure);
        else
            check_add(findings, row, check_dp_name(input->policy, dp),
                      "its service name %s resolves without a CNAME (%s): when the service's "
                      "address changes, machines no longer reach it; add a CNAME record from it to "
                      "%s",
                      service, name->served, azure);
    }
}

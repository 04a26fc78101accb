/* What is where: the policy model's table "Which DP has it". */
#include "policy/site_tables.h"

#include "policy/base/text.h"

enum state {
    STATE_INSTALLED = 0,
    STATE_CONTENT_UPDATING = 7,
    STATE_CONTENT_MONITORING = 8,
};

#define STATUS_DELETED 3 /* SMS_DistributionPoint.Status */

bool site_read_presence(struct site *site, struct error *err)
{
    static const struct site_key server = {.text = {"PackageID", "ServerNALPath"}};
    static const struct site_key info = {.text = {"PackageID", "NALPath"}, .optional = true};
    struct site_tables *tables = site->tables;
    return site_rows_of(site, "SMS_PackageStatusDistPointsSummarizer", &server, &tables->summaries,
                        err) &&
           site_rows_of(site, "SMS_DistributionPoint", &server, &tables->distributions, err) &&
           site_rows_of(site, "SMS_DPContentInfo", &info, &tables->infos, err);
}

bool site_presence_assumed(const struct site *site)
{
    const struct site_tables *tables = site->tables;
    return tables->summaries.count == 0 && tables->distributions.count == 0 &&
           tables->infos.count == 0;
}

/* State 0, 7 and 8 are judged by the version that is there. */
static enum presence compare_versions(const struct site_content *content, int64_t there,
                                      enum presence present)
{
    if (!content->has_version || there < 0 || there == content->version)
        return present;
    if (there < content->version)
        return PRESENCE_OLD;
    /* An application's folder carries the version: the wanted one is still beside it. */
    return content->kind == CONTENT_APPLICATION ? present : PRESENCE_NEWER;
}

static int64_t number_of(const struct instance *instance, const char *name)
{
    int64_t number = -1;
    instance_get_int(instance, name, 0, UINT32_MAX, &number, NULL);
    return number;
}

enum presence site_judge_presence(const struct site_content *content, int state, int64_t version)
{
    if (state < 0)
        return PRESENCE_YES;
    if (state == STATE_INSTALLED)
        return compare_versions(content, version, PRESENCE_YES);
    if (state == STATE_CONTENT_UPDATING || state == STATE_CONTENT_MONITORING)
        return compare_versions(content, version, PRESENCE_UPDATING);
    return PRESENCE_NO;
}

static struct site_presence by_summary(const struct site *site, const struct instance *summary,
                                       const struct site_content *content)
{
    struct site_presence presence = {
        .state = (int)number_of(summary, "State"),
        .version = number_of(summary, "SourceVersion"),
        .last_copied = instance_get_text(site->policy, summary, "LastCopied"),
    };
    /* A row without a State says nothing of an arrival. */
    presence.presence = presence.state < 0
                            ? PRESENCE_NO
                            : site_judge_presence(content, presence.state, presence.version);
    return presence;
}

static bool is_distributed(const struct site *site, const char *package, const char *nal_path)
{
    const struct site_tables *tables = site->tables;
    const struct site_row *row = site_rows_find(&tables->distributions, package, nal_path);
    if (row && number_of(row->instance, "Status") != STATUS_DELETED)
        return true;
    return site_rows_find(&tables->infos, package, nal_path) != NULL;
}

struct site_presence site_presence(const struct site *site, const struct site_dp *dp,
                                   const struct site_content *content)
{
    struct site_presence presence = {.presence = PRESENCE_NO, .state = -1, .version = -1};
    const char *package = content->package_id ? content->package_id : content->id;
    const struct site_row *summary =
        site_rows_find(&site->tables->summaries, package, dp->nal_path);
    if (summary)
        return by_summary(site, summary->instance, content);
    if (is_distributed(site, package, dp->nal_path))
        presence.presence = PRESENCE_YES;
    else if (site_presence_assumed(site))
        presence.presence = PRESENCE_ASSUMED;
    return presence;
}

/* SMS_PackageStatusDistPointsSummarizer.State (configmgr-sdk 2.2). */
const char *site_state_word(int state)
{
    static const char *const words[] = {
        "installed",           "installation pending", "installation retrying",
        "installation failed", "removal pending",      "removal retrying",
        "removal failed",      "content updating",     "content monitoring",
    };
    bool is_known = state >= 0 && (size_t)state < sizeof words / sizeof words[0];
    return is_known ? words[state] : "not known";
}

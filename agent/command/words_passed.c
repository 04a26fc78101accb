/* What one row of the rules found nothing against. */
#include "agent/command/words.h"

/* One row and what it looked at. */
struct passed {
    const struct answer *answer;
    const struct location_walk *walk;
    const struct site_dp *dp;
    enum exclusion code;
};

static const char *scheme_text(const struct site_dp *dp)
{
    if (dp->kind != DP_LIBRARY)
        return dp->https ? "speaks HTTPS" : "speaks HTTP";
    return dp->library_signed ? "its LibraryPath stands in a signed document"
                              : "its LibraryPath is below libraryRoots";
}

static const char *own_text(const struct passed *passed)
{
    const struct machine *machine = passed->answer->request->machine;
    const struct site_dp *dp = passed->dp;
    switch ((int)passed->code) {
    case EXCLUDED_UNSUPPORTED_SCHEME: return scheme_text(dp);
    case EXCLUDED_MAINTENANCE: return "not in maintenance mode";
    case EXCLUDED_INTERNET_ONLY:
        if (machine->internet)
            return "the machine is on the internet";
        return dp->internet_facing ? "serves the intranet too" : "not internet-facing";
    case EXCLUDED_INTRANET_ONLY:
        if (!machine->internet)
            return "the machine is on the intranet";
        if (dp->kind == DP_LIBRARY)
            return "a content library on this machine";
        return site_is_cloud(dp) ? "cloud serves the internet" : "internet-facing with HTTPS";
    default: return NULL;
    }
}

static void add_settings(struct buf *out, const struct passed *passed)
{
    const struct world *world = passed->answer->world;
    if (passed->code == EXCLUDED_CLOUD_NOT_ALLOWED) {
        if (site_is_cloud(passed->dp))
            words_add_setting(out, world, SETTING_ALLOW_CLOUD_DP);
        else
            buf_append_text(out, "no cloud distribution point");
    } else if (!passed->answer->request->machine->metered) {
        buf_append_text(out, "the machine is on no metered network");
    } else {
        words_add_setting(out, world, SETTING_METERED_NETWORK_USAGE);
        if (world->settings.value[SETTING_METERED_NETWORK_USAGE] == 2)
            buf_append_text(out, ", and the deployment allows it");
    }
}

static void add_2007(struct buf *out, const struct passed *passed)
{
    const struct decision *decision = passed->answer->decision;
    const struct site_dp *dp = passed->dp;
    if (passed->code == EXCLUDED_OTHER_SITE) {
        if (decision->current_site_count == 0 && !decision->assigned_site)
            buf_append_text(out, "no site of the machine is known: all serve it");
        else if (!dp->site_code)
            buf_append_text(out, "its site is not known, so it counts as of every one");
        else
            buf_format(out, "of site %s, which serves the machine", dp->site_code);
    } else if (passed->code == EXCLUDED_PROTECTED) {
        buf_append_text(out, dp->is_protected
                                 ? "protected, and the machine stands in its boundaries"
                                 : "not protected");
    } else if (dp->is_protected) {
        buf_append_text(out, "protected itself");
    } else if (decision->hiding) {
        buf_format(out, "the protected %s has it too, but %d minutes have passed",
                   decision->hiding->name, LOCATION_PROTECTED_MINUTES);
    } else {
        buf_append_text(out, "no protected distribution point of the machine's boundaries has it");
    }
}

static void add_protected_2012(struct buf *out, const struct passed *passed)
{
    const struct site_dp *dp = passed->dp;
    if (passed->walk->in_group)
        buf_append_text(out, "preferred: in a boundary group of the machine");
    else if (site_is_cloud(dp))
        buf_append_text(out, "cloud: in a group or not");
    else
        buf_append_text(out, dp->allow_fallback == 1 ? "allows fallback"
                                                     : "not protected, so it allows fallback");
}

/* What stands before minutes: the way into the group. */
static bool is_closed(const struct location_walk *walk)
{
    for (size_t i = 0; i < walk->count; i++)
        if (walk->steps[i].excludes && walk->steps[i].code >= EXCLUDED_NOT_IN_GROUP &&
            walk->steps[i].code <= EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED)
            return true;
    return false;
}

static void add_none_needed(struct buf *out)
{
    buf_append_text(out, "needs no permission of the deployment");
}

static void add_remote(struct buf *out, const struct passed *passed)
{
    buf_append_text(out, "the deployment allows it: ");
    words_add_remote(out, passed->answer);
}

static void add_fallback(struct buf *out, const struct passed *passed)
{
    buf_append_text(out, "the deployment allows it: ");
    words_add_fallback(out, passed->answer);
}

/* Neighbor and default groups. */
static void add_current_permission(struct buf *out, const struct passed *passed)
{
    const struct located_group *group = passed->walk->group;
    const struct location_deployment *deployment = &passed->answer->request->deployment;
    bool by_fallback = passed->code == EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED;
    bool is_needed =
        group && (by_fallback ? group->via == VIA_SITE_DEFAULT : group->via != VIA_BOUNDARY);
    if (!is_needed)
        add_none_needed(out);
    else if (by_fallback ? !deployment->fallback : !location_deployment_remote(deployment))
        buf_append_text(out, "not asked: another rule closes its group");
    else if (by_fallback)
        add_fallback(out, passed);
    else
        add_remote(out, passed);
}

/* Fallback, and slow networks. */
static void add_permission_2012(struct buf *out, const struct passed *passed)
{
    const struct location_walk *walk = passed->walk;
    bool by_fallback = passed->code == EXCLUDED_REMOTE_NOT_ALLOWED;
    if (site_is_cloud(passed->dp))
        buf_append_text(out, "not asked of a cloud distribution point");
    else if (by_fallback ? !walk->fallback : !walk->fallback && !walk->slow)
        add_none_needed(out);
    else if (by_fallback)
        add_fallback(out, passed);
    else
        add_remote(out, passed);
}

/* Remote ones, and unprotected ones beside a protected one. */
static void add_permission_2007(struct buf *out, const struct passed *passed)
{
    if (!passed->walk->local)
        add_remote(out, passed);
    if (passed->walk->fallback) {
        buf_append_text(out, passed->walk->local ? "" : "; unprotected beside a protected one: ");
        add_fallback(out, passed);
    }
    if (passed->walk->local && !passed->walk->fallback)
        add_none_needed(out);
}

static void add_permission(struct buf *out, const struct passed *passed)
{
    switch (passed->answer->decision->rules) {
    case RULES_2007: add_permission_2007(out, passed); return;
    case RULES_2012: add_permission_2012(out, passed); return;
    case RULES_CURRENT:
    case RULES_COUNT: break;
    }
    add_current_permission(out, passed);
}

/* On the internet neither sites nor groups nor permissions for them count. */
static bool is_of_intranet(enum exclusion code)
{
    return (code >= EXCLUDED_OTHER_SITE && code <= EXCLUDED_SLOW_NOT_ALLOWED) ||
           code == EXCLUDED_FALLBACK_NOT_DUE;
}

static void add_groups(struct buf *out, const struct passed *passed)
{
    const struct answer *answer = passed->answer;
    const struct located_group *group = passed->walk->group;
    if (!group)
        buf_append_text(out, "not asked: in no group of the machine");
    else if (passed->code == EXCLUDED_NOT_IN_GROUP)
        words_add_group(out, answer, group);
    else if (passed->code == EXCLUDED_FALLBACK_NEVER)
        buf_append_text(out, group->via == VIA_BOUNDARY ? "a current group" : "nothing says never");
    else if (is_closed(passed->walk))
        buf_append_text(out, "not asked: no way into its groups is open");
    else if (group->via == VIA_BOUNDARY || group->minutes == 0)
        buf_append_text(out, "there from the first minute");
    else if (answer->request->deployment.task_sequence)
        buf_append_text(out, "a task sequence does not wait");
    else
        buf_format(out, "joins at minute %lld", (long long)group->minutes);
}

static void add_content(struct buf *out, const struct passed *passed)
{
    const struct site_content *content = passed->answer->decision->content;
    const struct site_presence *presence = &passed->walk->presence;
    if (presence->presence == PRESENCE_NO)
        buf_append_text(out, "not asked: the content is not there");
    else if (passed->code == EXCLUDED_NO_CONTENT)
        words_add_presence(out, presence);
    else if (presence->version < 0 || !content->has_version)
        buf_append_text(out, "which version is there is not known");
    else
        buf_format(out, "has %lld, wanted %lld", (long long)presence->version,
                   (long long)content->version);
}

static void add_cloud(struct buf *out, const struct passed *passed)
{
    if (!site_is_cloud(passed->dp))
        buf_append_text(out, "no cloud distribution point");
    else if (passed->code == EXCLUDED_ON_DEMAND_NOT_FROM_CLOUD)
        buf_append_text(out, "the deployment downloads before it begins");
    else
        buf_append_text(out, "the deployment does not run from the distribution point");
}

char *words_passed(const struct answer *answer, const struct location_walk *walk,
                   const struct site_dp *dp, enum exclusion code)
{
    struct passed passed = {answer, walk, dp, code};
    struct buf out = {0};
    if (answer->request->machine->internet && is_of_intranet(code)) {
        buf_append_text(&out, "not asked: the machine is on the internet");
        return out.data;
    }
    switch (code) {
    case EXCLUDED_UNSUPPORTED_SCHEME:
    case EXCLUDED_MAINTENANCE:
    case EXCLUDED_INTERNET_ONLY:
    case EXCLUDED_INTRANET_ONLY: buf_append_text(&out, own_text(&passed)); break;
    case EXCLUDED_CLOUD_NOT_ALLOWED:
    case EXCLUDED_METERED: add_settings(&out, &passed); break;
    case EXCLUDED_PROTECTED:
        if (answer->decision->rules == RULES_2012) {
            add_protected_2012(&out, &passed);
            break;
        }
        add_2007(&out, &passed);
        break;
    case EXCLUDED_OTHER_SITE:
    case EXCLUDED_HIDDEN_BY_PROTECTED: add_2007(&out, &passed); break;
    case EXCLUDED_REMOTE_NOT_ALLOWED:
    case EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED:
    case EXCLUDED_SLOW_NOT_ALLOWED: add_permission(&out, &passed); break;
    case EXCLUDED_NOT_IN_GROUP:
    case EXCLUDED_FALLBACK_NEVER:
    case EXCLUDED_FALLBACK_NOT_DUE: add_groups(&out, &passed); break;
    case EXCLUDED_ON_DEMAND_NOT_FROM_CLOUD:
    case EXCLUDED_RUN_FROM_DP_NOT_FROM_CLOUD: add_cloud(&out, &passed); break;
    case EXCLUDED_NO_CONTENT:
    case EXCLUDED_OLD_VERSION:
    case EXCLUDED_NEWER_VERSION: add_content(&out, &passed); break;
    case EXCLUSION_COUNT: break;
    }
    return out.data;
}

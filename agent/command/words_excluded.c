/* Why a distribution point is not on the list. */
#include "agent/command/words.h"

#define GROUPS_NAMED 3 /* of a DP that stands in no group of the machine */

static void add_no_content(struct buf *out, const struct answer *answer,
                           const struct site_presence *presence)
{
    if (!answer->decision->content)
        buf_append_text(out, "the policy does not know the content");
    else if (presence->state < 0)
        buf_append_text(out, "the content was not distributed to it");
    else if (presence->state >= 4 && presence->state <= 6)
        buf_format(out, "the content is being removed: %s (state %d)",
                   site_state_word(presence->state), presence->state);
    else
        buf_format(out, "the content is not there: %s (state %d)", site_state_word(presence->state),
                   presence->state);
    if (presence->last_copied)
        buf_format(out, ", last copied %s", presence->last_copied);
}

static void add_versions(struct buf *out, const struct answer *answer,
                         const struct excluded_dp *excluded)
{
    long long there = excluded->presence.version, wanted = answer->decision->content->version;
    if (excluded->code == EXCLUDED_OLD_VERSION)
        buf_format(out, "has %lld, wanted %lld", there, wanted);
    else
        buf_format(out, "has %lld, this machine's policy says %lld: fetch policy", there, wanted);
}

static size_t add_all_groups(struct buf *out, const struct world *world, const struct site_dp *dp)
{
    size_t count = 0;
    for (size_t i = 0; i < world->site.group_count; i++) {
        const struct site_group *group = &world->site.groups[i];
        if (!site_group_has_dp(&world->site, group, dp))
            continue;
        if (count < GROUPS_NAMED)
            buf_format(out, "%s'%s'", count ? ", " : "in ", group->name);
        count++;
    }
    if (count > GROUPS_NAMED)
        buf_format(out, " and %zu groups more", count - GROUPS_NAMED);
    return count;
}

static bool is_in_default_group(const struct world *world, const struct site_dp *dp)
{
    for (size_t i = 0; i < world->site.group_count; i++)
        if (world->site.groups[i].is_default &&
            site_group_has_dp(&world->site, &world->site.groups[i], dp))
            return true;
    return false;
}

static void add_strange_groups(struct buf *out, const struct answer *answer,
                               const struct site_dp *dp)
{
    size_t count = add_all_groups(out, answer->world, dp);
    const char *site = answer->decision->assigned_site;
    if (answer->decision->no_group && is_in_default_group(answer->world, dp))
        buf_format(out,
                   ": no boundary group holds the machine, and %s%s (a machine's site, or "
                   "assignedSite of the settings, says which default group it uses)",
                   site ? "its site is " : "no site of it is known", site ? site : "");
    else if (count == 0)
        buf_append_text(out, "in no boundary group: it serves no intranet machine");
    else
        buf_format(out, ", which %s the machine and %s no neighbor of a group that does",
                   count == 1 ? "does not hold" : "do not hold", count == 1 ? "is" : "are");
}

static void add_metered(struct buf *out, const struct world *world)
{
    buf_append_text(out, "the machine is on a metered network: ");
    words_add_setting(out, world, SETTING_METERED_NETWORK_USAGE);
    if (world->settings.value[SETTING_METERED_NETWORK_USAGE] == 2)
        buf_append_text(out, ", and the deployment does not allow it");
}

static void add_outside(struct buf *out, const struct library_roots *roots, const char *path)
{
    buf_format(out, "its LibraryPath '%s' is not below libraryRoots (", path);
    for (size_t i = 0; i < roots->count; i++)
        buf_format(out, "%s%s", i ? ", " : "", roots->paths[i]);
    buf_append_text(out, "), and its document is not signed");
}

static void add_forbidden_library(struct buf *out, const struct library_roots *roots,
                                  const struct site_dp *dp)
{
    const char *root;
    switch (site_judge_library(dp, roots, &root)) {
    case LIBRARY_PATH_MISSING: buf_append_text(out, "a content library without LibraryPath"); break;
    case LIBRARY_PATH_MALFORMED:
        buf_format(out, "its LibraryPath '%s' is no plain absolute path", dp->library_path);
        break;
    case LIBRARY_PATH_OUTSIDE:
    case LIBRARY_PATH_ALLOWED: add_outside(out, roots, dp->library_path); break;
    }
}

/* What stands in the way of the DP itself. */
static void add_own_obstacle(struct buf *out, const struct answer *answer,
                             const struct excluded_dp *excluded)
{
    const struct world *world = answer->world;
    const struct site_dp *dp = excluded->dp;
    if (excluded->code == EXCLUDED_UNSUPPORTED_SCHEME && dp->kind == DP_LIBRARY) {
        add_forbidden_library(out, &answer->request->library_roots, dp);
    } else if (excluded->code == EXCLUDED_UNSUPPORTED_SCHEME) {
        buf_format(out, "its BaseURL '%s' is neither http nor https", dp->base_url);
    } else if (excluded->code == EXCLUDED_MAINTENANCE) {
        buf_append_text(out, "in maintenance mode");
        words_add_origin(out, world, dp->instance);
    } else if (excluded->code == EXCLUDED_CLOUD_NOT_ALLOWED) {
        buf_append_text(out, "a cloud distribution point, and ");
        words_add_setting(out, world, SETTING_ALLOW_CLOUD_DP);
    } else if (excluded->code == EXCLUDED_INTERNET_ONLY) {
        buf_append_text(out, "serves internet machines only (InternetFacing, not InternetShared)");
    } else if (excluded->code == EXCLUDED_INTRANET_ONLY) {
        buf_format(out, "the machine is on the internet, and this distribution point %s",
                   dp->internet_facing ? "speaks HTTP only" : "is not internet-facing");
    }
}

/* ---- groups and deployment, by rule set ---- */

static void add_remote_forbidden(struct buf *out, const struct answer *answer,
                                 const struct excluded_dp *excluded)
{
    bool is_beside_protected = answer->decision->protecting && !excluded->dp->is_protected &&
                               !answer->request->deployment.fallback;
    bool by_fallback = answer->decision->rules == RULES_2012 || is_beside_protected;
    if (answer->decision->rules == RULES_CURRENT) {
        words_add_group(out, answer, excluded->group);
        buf_append_text(out, "; the deployment allows neither neighbor nor default groups (");
    } else if (answer->decision->rules == RULES_2012) {
        buf_append_text(out, "in no boundary group of the machine, and the deployment forbids "
                             "fallback (");
    } else if (by_fallback) {
        buf_format(out,
                   "not protected, the machine stands in boundaries of the protected %s, and the "
                   "deployment forbids fallback (",
                   answer->decision->protecting->name);
    } else {
        buf_append_text(out, "remote: no fast boundary of it holds the machine, and the deployment "
                             "does not download from remote ones (");
    }
    if (by_fallback)
        words_add_fallback(out, answer);
    else
        words_add_remote(out, answer);
    buf_append_text(out, ")");
}

static void add_default_forbidden(struct buf *out, const struct answer *answer,
                                  const struct excluded_dp *excluded)
{
    words_add_group(out, answer, excluded->group);
    buf_append_text(out, "; the deployment forbids the default group (");
    words_add_fallback(out, answer);
    buf_append_text(out, ")");
}

static void add_slow_forbidden(struct buf *out, const struct answer *answer,
                               const struct excluded_dp *excluded)
{
    size_t count = 0;
    for (size_t i = 0; i < answer->decision->group_count; i++) {
        const struct site_group *group = answer->decision->groups[i].group;
        if (!site_group_has_dp(&answer->world->site, group, excluded->dp))
            continue;
        buf_format(out, "%s'%s'", count++ ? ", " : "its connection is slow in ", group->name);
    }
    if (count == 0)
        buf_append_text(out, "a fallback distribution point, which counts as slow");
    buf_append_text(out, ", and the deployment does not download over slow networks (");
    words_add_remote(out, answer);
    buf_append_text(out, ")");
}

static void add_protected(struct buf *out, const struct answer *answer,
                          const struct excluded_dp *excluded)
{
    const struct site_dp *dp = excluded->dp;
    if (answer->decision->rules == RULES_2012 && dp->allow_fallback == 0)
        buf_append_text(out, "does not allow fallback");
    else
        buf_append_text(out, "protected");
    buf_append_text(out, ", and the machine is in none of its boundary groups");
    words_add_origin(out, answer->world, dp->instance);
}

static void add_hidden(struct buf *out, const struct answer *answer,
                       const struct excluded_dp *excluded)
{
    buf_format(out,
               "not protected, and the protected %s, in whose boundaries the machine stands, "
               "has the content: ",
               answer->decision->hiding->name);
    if (!answer->request->deployment.fallback) {
        buf_append_text(out, "the deployment forbids unprotected ones (");
        words_add_fallback(out, answer);
        buf_append_text(out, ")");
    } else {
        buf_format(out, "unprotected ones join after %d minutes", LOCATION_PROTECTED_MINUTES);
        if (excluded->after_minutes < 0)
            buf_append_text(out, ", this one not even then");
    }
}

static void add_other_site(struct buf *out, const struct answer *answer,
                           const struct excluded_dp *excluded)
{
    const struct decision *decision = answer->decision;
    buf_format(out, "of site %s; the machine's current site is ", excluded->dp->site_code);
    words_add_sites(out, decision);
    if (decision->current_site_count && !decision->assigned_serves)
        buf_append_text(out, ", where the content is");
    else if (decision->assigned_site)
        buf_format(out, ", its assigned site %s", decision->assigned_site);
    else
        buf_append_text(out, ", its assigned site is not known");
}

static void add_group_obstacle(struct buf *out, const struct answer *answer,
                               const struct excluded_dp *excluded)
{
    if (excluded->code == EXCLUDED_OTHER_SITE)
        add_other_site(out, answer, excluded);
    else if (excluded->code == EXCLUDED_PROTECTED)
        add_protected(out, answer, excluded);
    else if (excluded->code == EXCLUDED_HIDDEN_BY_PROTECTED)
        add_hidden(out, answer, excluded);
    else if (excluded->code == EXCLUDED_NOT_IN_GROUP)
        add_strange_groups(out, answer, excluded->dp);
    else if (excluded->code == EXCLUDED_REMOTE_NOT_ALLOWED)
        add_remote_forbidden(out, answer, excluded);
    else if (excluded->code == EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED)
        add_default_forbidden(out, answer, excluded);
    else if (excluded->code == EXCLUDED_SLOW_NOT_ALLOWED)
        add_slow_forbidden(out, answer, excluded);
    else
        words_add_group(out, answer, excluded->group);
}

char *words_excluded(const struct answer *answer, const struct excluded_dp *excluded)
{
    struct buf out = {0};
    switch (excluded->code) {
    case EXCLUDED_UNSUPPORTED_SCHEME:
    case EXCLUDED_MAINTENANCE:
    case EXCLUDED_CLOUD_NOT_ALLOWED:
    case EXCLUDED_INTERNET_ONLY:
    case EXCLUDED_INTRANET_ONLY: add_own_obstacle(&out, answer, excluded); break;
    case EXCLUDED_METERED: add_metered(&out, answer->world); break;
    case EXCLUDED_OTHER_SITE:
    case EXCLUDED_PROTECTED:
    case EXCLUDED_HIDDEN_BY_PROTECTED:
    case EXCLUDED_NOT_IN_GROUP:
    case EXCLUDED_FALLBACK_NEVER:
    case EXCLUDED_REMOTE_NOT_ALLOWED:
    case EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED:
    case EXCLUDED_SLOW_NOT_ALLOWED:
    case EXCLUDED_FALLBACK_NOT_DUE: add_group_obstacle(&out, answer, excluded); break;
    case EXCLUDED_ON_DEMAND_NOT_FROM_CLOUD:
        buf_append_text(&out, "a cloud distribution point, and the deployment fetches content on "
                              "demand (0x100 or 0x200 is set)");
        break;
    case EXCLUDED_RUN_FROM_DP_NOT_FROM_CLOUD:
        buf_append_text(&out, "a cloud distribution point, and the deployment runs from the "
                              "distribution point (0x8 or 0x80 is set)");
        break;
    case EXCLUDED_NO_CONTENT: add_no_content(&out, answer, &excluded->presence); break;
    case EXCLUDED_OLD_VERSION:
    case EXCLUDED_NEWER_VERSION: add_versions(&out, answer, excluded); break;
    case EXCLUSION_COUNT: break;
    }
    return out.data;
}

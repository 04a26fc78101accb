/* Which distribution point and which content a probe is about. */
#include "agent/command/probe.h"

#include "policy/base/text.h"

#include <string.h>
#include <strings.h>

static bool is_url(const char *text)
{
    return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

/* The part of a DP's URL that no content changes. */
static const char *make_root(struct arena *arena, const struct site_dp *dp)
{
    const char *base = dp->base_url;
    bool six = dp->host && strchr(dp->host, ':');
    bool cloud = site_is_cloud(dp);
    if (!base)
        return arena_format(arena, "%s://%s%s%s%s", dp->https || cloud ? "https" : "http",
                            six ? "[" : "", dp->host, six ? "]" : "",
                            cloud ? "" : "/SMS_DP_SMSPKG$");
    size_t len = strcspn(base, "{");
    while (len && base[len] == '{' && base[len - 1] != '/')
        len--;
    while (len && base[len - 1] == '/')
        len--;
    return arena_copy_bytes(arena, base, len);
}

static bool refuse_kind(const struct site_dp *dp, struct error *err)
{
    bool web = dp->kind != DP_LIBRARY;
    if (web && (!dp->base_url || dp->scheme_supported))
        return true;
    return error_set(err, ERROR_FAILED, BLAME_POLICY, "UNSUPPORTED_SCHEME", dp->name,
                     web ? "its BaseURL is neither http nor https"
                         : "is no web server: only HTTP and HTTPS can be probed");
}

static bool find_content(struct probe_asked *asked, const struct world *world, const char *name,
                         bool may_be_folder, struct error *err)
{
    asked->content = site_find_content(&world->site, name, err);
    bool unknown = !asked->content && strcmp(err->code, "UNKNOWN_CONTENT") == 0;
    if (asked->content || (unknown && may_be_folder && text_is_content_id(name)))
        asked->content_name = asked->content ? asked->content->id : name;
    return asked->content_name != NULL;
}

static bool read_content(struct probe_asked *asked, struct world *world, const struct site_dp *dp,
                         struct error *err)
{
    const struct site_content *content = asked->content;
    const struct site_content folder = {.id = asked->content_name, .kind = CONTENT_PACKAGE};
    asked->target.content_url = site_url(&world->site, content ? content : &folder, dp);
    if (!content || !content->has_manifest)
        return true;
    if (!manifest_read(&asked->manifest, content->manifest, content->manifest_len,
                       content->manifest_where, err))
        return false;
    asked->target.manifest = &asked->manifest;
    return true;
}

/* What the site says itself: BaseURL stands over it in `https`. */
static bool read_site_word(struct probe_asked *asked, const struct site_dp *dp, struct error *err)
{
    int64_t communication = -1;
    if (site_is_cloud(dp) || !dp->instance)
        return true;
    if (!instance_get_int(dp->instance, "Communication", 0, 1, &communication, err))
        return false;
    asked->target.site_https = (int)communication;
    return true;
}

static bool refuse_query(const char *url, struct error *err)
{
    return !strpbrk(url, "?#") ||
           error_set(err, ERROR_USAGE, BLAME_USER, "URL", NULL,
                     "the URL of a distribution point's root has no query and no fragment");
}

bool probe_asked_read(struct probe_asked *asked, struct world *world, const char *name,
                      const char *content, struct error *err)
{
    *asked = (struct probe_asked){.dp = name, .target.site_https = -1};
    bool url = is_url(name);
    const struct site_dp named = {
        .name = name, .kind = DP_SERVER, .base_url = name, .host = name, .scheme_supported = true};
    const struct site_dp *dp = url ? &named : site_find_dp(&world->site, name);
    if (!dp)
        return error_set(err, ERROR_FAILED, BLAME_POLICY, "UNKNOWN_DP", name,
                         "the policy knows no such distribution point");
    if ((url && !refuse_query(name, err)) || !refuse_kind(dp, err) ||
        (content && !find_content(asked, world, content, url, err)))
        return false;
    asked->dp = dp->name;
    asked->target.root = make_root(&world->policy.arena, dp);
    asked->target.connection_only = site_is_cloud(dp);
    if (!url && !read_site_word(asked, dp, err))
        return false;
    return !content || read_content(asked, world, dp, err);
}

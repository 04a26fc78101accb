/* Where a content lies on a distribution point: folder, container, URL. */
#include "policy/site_tables.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define CONTAINER_MAX 63 /* Azure's longest container name */

/* Letters and digits in lower case; every run of others is one '-'. */
static const char *container(struct arena *arena, const char *id)
{
    char name[CONTAINER_MAX + 1] = "content-";
    size_t len = strlen(name);
    for (; *id && len < CONTAINER_MAX; id++) {
        char c = *id >= 'A' && *id <= 'Z' ? (char)(*id - 'A' + 'a') : *id;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            name[len++] = c;
        else if (name[len - 1] != '-')
            name[len++] = '-';
    }
    return arena_copy_bytes(arena, name, len);
}

const char *site_folder(const struct site *site, const struct site_content *content,
                        const struct site_dp *dp)
{
    struct arena *arena = &site->policy->arena;
    if (site_is_cloud(dp))
        return container(arena, content->package_id ? content->package_id : content->id);
    if (content->kind == CONTENT_APPLICATION && content->has_version)
        return arena_format(arena, "%s.%lld", content->id, (long long)content->version);
    return content->id;
}

/* Appends a path segment, percent-encoded (RFC 3986: unreserved stays). */
static void append_segment(struct buf *url, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c && strchr("-._~", c));
        if (plain)
            buf_append(url, text, 1);
        else
            buf_format(url, "%%%02X", c);
    }
}

static void append_host(struct buf *url, const struct site_dp *dp)
{
    bool is_ipv6 = strchr(dp->host, ':') != NULL;
    bool https = dp->https || site_is_cloud(dp);
    buf_format(url, "%s://%s%s%s", https ? "https" : "http", is_ipv6 ? "[" : "", dp->host,
               is_ipv6 ? "]" : "");
    if (!site_is_cloud(dp))
        buf_append_text(url, "/SMS_DP_SMSPKG$");
}

/* Replaces {content} and {version}. */
static void append_template(struct buf *url, const char *base, const char *folder,
                            const struct site_content *content)
{
    while (*base) {
        if (text_starts_with(base, "{content}")) {
            append_segment(url, folder);
            base += strlen("{content}");
        } else if (text_starts_with(base, "{version}")) {
            buf_format(url, "%lld", (long long)content->version);
            base += strlen("{version}");
        } else {
            buf_append(url, base++, 1);
        }
    }
}

/* Below its DataLib, the readable tree. */
static const char *library_url(const struct site *site, const struct site_content *content,
                               const struct site_dp *dp)
{
    struct buf url = {0};
    const char *path = dp->library_path ? dp->library_path : "";
    buf_append_text(&url, "file://");
    while (*path) {
        size_t len = strcspn(path, "/");
        char *segment = mem_copy_bytes(path, len);
        append_segment(&url, segment);
        free(segment);
        path += len;
        if (*path && *++path)
            buf_append_text(&url, "/");
    }
    buf_append_text(&url, "/DataLib/");
    append_segment(&url, content->id);
    if (content->has_version)
        buf_format(&url, ".%lld", (long long)content->version);
    const char *copy = arena_copy_bytes(&site->policy->arena, url.data, url.len);
    buf_free(&url);
    return copy;
}

const char *site_url(const struct site *site, const struct site_content *content,
                     const struct site_dp *dp)
{
    if (dp->kind == DP_LIBRARY)
        return library_url(site, content, dp);
    const char *folder = site_folder(site, content, dp), *base = dp->base_url;
    struct buf url = {0};
    bool is_template = base && (strstr(base, "{content}") || strstr(base, "{version}"));
    if (is_template) {
        append_template(&url, base, folder, content);
    } else {
        if (base)
            buf_append_text(&url, base);
        else
            append_host(&url, dp);
        while (url.len && url.data[url.len - 1] == '/')
            url.len--;
        buf_append_text(&url, "/");
        append_segment(&url, folder);
    }
    const char *copy = arena_copy_bytes(&site->policy->arena, url.data, url.len);
    buf_free(&url);
    return copy;
}

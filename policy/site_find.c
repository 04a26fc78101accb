/* CONTENT as people write it → the content (policy model: Names of a content). */
#include "policy/missing.h"
#include "policy/site_tables.h"

#include "policy/base/buf.h"
#include "policy/base/text.h"

#include <string.h>

/* What was asked: an ID with or without ".version". */
struct asked {
    const char *name; /* as written, "UID:" cut off */
    size_t id_len;    /* without the version */
    bool has_version;
    int64_t version;
};

static struct asked parse(const char *name)
{
    if (strncasecmp(name, "UID:", 4) == 0)
        name += 4;
    struct asked asked = {.name = name, .id_len = strlen(name)};
    const char *dot = strrchr(name, '.');
    if (dot && dot != name && text_to_int(dot + 1, 0, UINT32_MAX, &asked.version)) {
        asked.has_version = true;
        asked.id_len = (size_t)(dot - name);
    }
    return asked;
}

static bool is_id(const struct asked *asked, size_t len, const char *id)
{
    return strlen(id) == len && strncasecmp(id, asked->name, len) == 0;
}

/* "Content_<guid>" may be asked for as "<guid>". */
static bool is_asked(const struct asked *asked, const struct site_content *content)
{
    const char *id = content->id;
    const char *bare = strncasecmp(id, "Content_", 8) == 0 ? id + 8 : id;
    size_t whole = strlen(asked->name);
    if (is_id(asked, whole, id) || is_id(asked, whole, bare))
        return true;
    bool is_version =
        asked->has_version && content->has_version && asked->version == content->version;
    return is_version && (is_id(asked, asked->id_len, id) || is_id(asked, asked->id_len, bare));
}

/* By the exact name of a package or application, or the ID of the package around the content. */
static bool is_named(const char *name, const struct site_content *content)
{
    bool by_name = content->name && strcmp(content->name, name) == 0;
    return by_name || (content->package_id && text_equal(content->package_id, name));
}

/* Contents are sorted by ID, then version: of one ID the last is the newest. */
static const struct site_content *find_by_id(const struct site *site, const char *name)
{
    struct asked asked = parse(name);
    const struct site_content *found = NULL;
    for (size_t i = 0; i < site->content_count; i++)
        if (is_asked(&asked, &site->contents[i]))
            found = &site->contents[i];
    return found;
}

static const struct site_content *find_by_name(const struct site *site, const char *name,
                                               struct buf *others)
{
    const struct site_content *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < site->content_count; i++) {
        const struct site_content *content = &site->contents[i];
        if (!is_named(name, content))
            continue;
        if (!found || !text_equal(found->id, content->id)) {
            buf_format(others, "%s%s", count++ ? ", " : "", content->id);
        }
        found = content;
    }
    return count > 1 ? NULL : found;
}

const struct site_content *site_find_content(const struct site *site, const char *name,
                                             struct error *err)
{
    const struct site_content *found = find_by_id(site, name);
    if (found)
        return found;
    struct buf others = {0};
    found = find_by_name(site, name, &others);
    if (!found && others.len)
        error_set(err, ERROR_FAILED, BLAME_USER, "AMBIGUOUS", name,
                  "several contents have that name: %s", others.data);
    else if (!found)
        error_set(err, ERROR_FAILED, BLAME_POLICY, "UNKNOWN_CONTENT", name,
                  "the policy holds no such content%s", missing_for_contents(site));
    buf_free(&others);
    return found;
}

/* A version that is not said is the one wanted now. */
static bool is_version(int64_t said, int64_t version, const struct site_content *content)
{
    if (said >= 0)
        return said == version;
    return !content || !content->has_version || content->version == version;
}

bool site_is_pinned(const struct site *site, const char *content_id, int64_t version)
{
    const struct site_content *content = find_by_id(site, content_id);
    if (content && (content->flags & SITE_CONTENT_PERSIST) && is_version(-1, version, content))
        return true;
    for (size_t i = 0; i < site->deployment_count; i++) {
        const struct site_deployment *deployment = &site->deployments[i];
        if (deployment->pinned && deployment->content_id &&
            text_equal(deployment->content_id, content_id) &&
            is_version(deployment->version, version, content))
            return true;
    }
    return false;
}

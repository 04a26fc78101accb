/* Contents: packages, applications, updates; their wanted version, manifest, hash and names. */
#include "policy/site_internal.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

static const char *const package_classes[] = {"SMS_Package",
                                              "SMS_ContentPackage",
                                              "SMS_SoftwareUpdatesPackage",
                                              "SMS_DriverPackage",
                                              "SMS_ImagePackage",
                                              "SMS_BootImagePackage",
                                              "SMS_TaskSequencePackage",
                                              "SMS_OperatingSystemInstallPackage",
                                              NULL};

struct content_tables {
    struct site_rows packages;  /* by PackageID */
    struct site_rows contents;  /* SMS_Content by ContentUniqueID */
    struct site_rows links;     /* SMS_PackageToContent by ContentUniqueID, PackageID */
    struct site_rows manifests; /* NP_Content by ContentID, Version */
    struct site_rows hashes;    /* NP_ContentHash by ContentID, Version */
};

/* "UID:Content_<guid>.3" → "Content_<guid>"; package IDs stay as they are. */
static const char *base_id(struct policy *policy, const char *id)
{
    if (strncasecmp(id, "UID:", 4) == 0)
        id += 4;
    const char *dot = strrchr(id, '.');
    int64_t version;
    if (!dot || !text_to_int(dot + 1, 0, INT32_MAX, &version))
        return id;
    return arena_copy_bytes(&policy->arena, id, (size_t)(dot - id));
}

static bool is_guid(const char *id)
{
    size_t len = strlen(id);
    return len == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-';
}

static enum content_kind kind_of(const char *id)
{
    if (strncasecmp(id, "Content_", 8) == 0)
        return CONTENT_APPLICATION;
    return is_guid(id) ? CONTENT_UPDATE : CONTENT_PACKAGE;
}

static bool check_id(struct policy *policy, const struct instance *instance, const char *id,
                     struct error *err)
{
    return text_is_content_id(id) ||
           site_refuse(policy, instance, err, "'%s' is no content ID", id);
}

static bool collect(struct content_tables *tables, struct policy *policy, struct error *err)
{
    static const char *const by_package[] = {"PackageID", NULL};
    static const char *const by_unique[] = {"ContentUniqueID", NULL};
    static const char *const by_both[] = {"ContentUniqueID", "PackageID", NULL};
    static const char *const by_version[] = {"ContentID", "Version", NULL};
    const char *contents[] = {"SMS_Content", NULL}, *links[] = {"SMS_PackageToContent", NULL};
    const char *manifests[] = {"NP_Content", NULL}, *hashes[] = {"NP_ContentHash", NULL};
    return site_collect(&tables->packages, policy, package_classes, by_package, err) &&
           site_collect(&tables->contents, policy, contents, by_unique, err) &&
           site_collect(&tables->links, policy, links, by_both, err) &&
           site_collect(&tables->manifests, policy, manifests, by_version, err) &&
           site_collect(&tables->hashes, policy, hashes, by_version, err);
}

/* The row of this version among those of one content; the highest where `version` is NULL. */
static const struct instance *find_version(const struct site_rows *rows, const char *id,
                                           const int64_t *version, int64_t *found,
                                           struct error *err, bool *ok)
{
    size_t count;
    const struct instance *best = NULL;
    int64_t best_version = -1;
    const struct site_row *row = site_find_rows(rows, id, &count);
    for (size_t i = 0; row && i < count; i++) {
        int64_t this = 0;
        *ok = *ok && instance_get_int(row[i].instance, "Version", 0, INT32_MAX, &this, err);
        if (version ? this == *version : this > best_version) {
            best = row[i].instance;
            best_version = this;
        }
    }
    if (best && found)
        *found = best_version;
    return best;
}

/* A package's SourceVersion or a content's ContentVersion, else the newest NP_Content. */
static bool read_version(struct site_content *content, const struct content_tables *tables,
                         const struct instance *instance, const char *property, struct error *err)
{
    bool ok = true;
    if (instance && instance_get(instance, property)) {
        content->has_version = true;
        return instance_get_int(instance, property, 0, INT32_MAX, &content->version, err);
    }
    content->has_version =
        find_version(&tables->manifests, content->id, NULL, &content->version, err, &ok) ||
        find_version(&tables->hashes, content->id, NULL, &content->version, err, &ok);
    return ok;
}

static bool read_proof(struct site *site, struct site_content *content,
                       const struct content_tables *tables, struct error *err)
{
    bool ok = true;
    if (!content->has_version)
        return true;
    const struct instance *manifest =
        find_version(&tables->manifests, content->id, &content->version, NULL, err, &ok);
    const char *text = manifest ? instance_get_text(site->policy, manifest, "Manifest") : NULL;
    if (text) {
        content->has_manifest = true;
        content->manifest = text;
        content->manifest_len = strlen(text);
        content->manifest_where = instance_where(site->policy, manifest);
    }
    const struct instance *hash =
        find_version(&tables->hashes, content->id, &content->version, NULL, err, &ok);
    if (hash)
        content->hash = instance_get_text(site->policy, hash, "Hash");
    return ok;
}

static struct site_content *add(struct site *site, const char *id)
{
    struct site_content *content = &site->contents[site->content_count++];
    content->id = id;
    content->kind = kind_of(id);
    return content;
}

static bool add_package(struct site *site, const struct content_tables *tables,
                        const struct site_row *row, struct error *err)
{
    struct site_content *content = add(site, row->key);
    content->package_id = row->key;
    content->kind = CONTENT_PACKAGE;
    content->name = instance_get_text(site->policy, row->instance, "Name");
    return check_id(site->policy, row->instance, content->id, err) &&
           instance_get_int(row->instance, "PkgFlags", 0, UINT32_MAX, &content->flags, err) &&
           read_version(content, tables, row->instance, "SourceVersion", err) &&
           read_proof(site, content, tables, err);
}

/* SMS_PackageToContent names the package whose rows tell what is where. */
static void join_package(struct site *site, struct site_content *content,
                         const struct content_tables *tables)
{
    size_t count;
    const struct site_row *link = site_find_rows(&tables->links, content->id, &count);
    if (!link)
        return;
    content->package_id = instance_get_text(site->policy, link->instance, "PackageID");
    const struct site_row *package =
        content->package_id ? site_find_rows(&tables->packages, content->package_id, &count) : NULL;
    if (package)
        content->name = instance_get_text(site->policy, package->instance, "Name");
}

static bool add_content(struct site *site, const struct content_tables *tables,
                        const struct site_row *row, struct error *err)
{
    struct site_content *content = add(site, base_id(site->policy, row->key));
    join_package(site, content, tables);
    if (!check_id(site->policy, row->instance, content->id, err) ||
        !read_version(content, tables, row->instance, "ContentVersion", err) ||
        !read_proof(site, content, tables, err))
        return false;
    if (!content->hash)
        content->hash = instance_get_text(site->policy, row->instance, "ContentHash");
    return true;
}

/* NP_Content or NP_ContentHash alone makes a content known. */
static bool add_own(struct site *site, const struct content_tables *tables,
                    const struct site_row *row, struct error *err)
{
    const char *id = instance_get_text(site->policy, row->instance, "ContentID");
    if (!check_id(site->policy, row->instance, id, err))
        return false;
    struct site_content *content = add(site, id);
    if (content->kind == CONTENT_PACKAGE)
        content->package_id = id;
    else
        join_package(site, content, tables);
    return read_version(content, tables, NULL, NULL, err) && read_proof(site, content, tables, err);
}

static int by_id(const void *a, const void *b)
{
    return text_compare(((const struct site_content *)a)->id, ((const struct site_content *)b)->id);
}

static const struct site_content *find_id(const struct site *site, size_t count, const char *id)
{
    struct site_content wanted = {.id = id};
    return count ? bsearch(&wanted, site->contents, count, sizeof *site->contents, by_id) : NULL;
}

static void sort(struct site *site)
{
    if (site->content_count)
        qsort(site->contents, site->content_count, sizeof *site->contents, by_id);
}

static bool add_own_rows(struct site *site, const struct content_tables *tables,
                         const struct site_rows *rows, struct error *err)
{
    sort(site);
    size_t known = site->content_count;
    const char *last = "";
    for (size_t i = 0; i < rows->count; i++) {
        const char *id = instance_get_text(site->policy, rows->rows[i].instance, "ContentID");
        if (text_equal(id, last) || find_id(site, known, id))
            continue;
        last = id;
        if (!add_own(site, tables, &rows->rows[i], err))
            return false;
    }
    return true;
}

bool site_read_contents(struct site *site, struct error *err)
{
    struct content_tables tables;
    if (!collect(&tables, site->policy, err))
        return false;
    size_t most = tables.packages.count + tables.contents.count + tables.manifests.count +
                  tables.hashes.count;
    site->contents = arena_zero(&site->policy->arena, most, sizeof *site->contents);
    for (size_t i = 0; i < tables.packages.count; i++)
        if (!add_package(site, &tables, &tables.packages.rows[i], err))
            return false;
    for (size_t i = 0; i < tables.contents.count; i++)
        if (!add_content(site, &tables, &tables.contents.rows[i], err))
            return false;
    if (!add_own_rows(site, &tables, &tables.manifests, err) ||
        !add_own_rows(site, &tables, &tables.hashes, err))
        return false;
    sort(site);
    return true;
}

/* ---- names ---- */

/* An application's package and its content bear one name: the content is what is meant. */
static bool is_same_thing(const struct site_content *a, const struct site_content *b)
{
    return a->package_id && b->package_id && text_equal(a->package_id, b->package_id);
}

static const struct site_content *find_name(const struct site *site, const char *name,
                                            struct error *err)
{
    const struct site_content *found = NULL;
    struct buf list = {0};
    size_t count = 0;
    for (size_t i = 0; i < site->content_count; i++) {
        const struct site_content *content = &site->contents[i];
        if (!content->name || strcmp(content->name, name) != 0)
            continue;
        buf_format(&list, "%s%s", found ? ", " : "", content->id);
        if (!found || !is_same_thing(found, content))
            count++;
        if (!found || (is_same_thing(found, content) && found->kind == CONTENT_PACKAGE))
            found = content;
    }
    if (count > 1)
        error_set(err, ERROR_FAILED, BLAME_USER, "AMBIGUOUS", NULL, "several are named '%s': %s",
                  name, list.data);
    else if (!found)
        error_set(err, ERROR_FAILED, BLAME_POLICY, "UNKNOWN_CONTENT", NULL,
                  "the policy holds no content '%s'", name);
    buf_free(&list);
    return count == 1 ? found : NULL;
}

const struct site_content *site_find_content(const struct site *site, const char *name,
                                             struct error *err)
{
    const struct site_content *found = find_id(site, site->content_count, name);
    if (!found)
        found = find_id(site, site->content_count, base_id(site->policy, name));
    return found ? found : find_name(site, name, err);
}

/* ---- places ---- */

/* "content-" and the ID in lower case, other characters than a-z and 0-9 made '-' by runs: what a
   container's name may hold (ours where only a content ID is known). */
static const char *container(const struct site *site, const char *id)
{
    struct buf name = {0};
    buf_append_text(&name, "content-");
    for (const char *c = id; *c; c++) {
        char small = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
        bool plain = (small >= 'a' && small <= 'z') || (small >= '0' && small <= '9');
        if (plain || name.data[name.len - 1] != '-')
            buf_append(&name, plain ? &small : "-", 1);
    }
    const char *copy =
        arena_copy_bytes(&site->policy->arena, name.data, name.len < 63 ? name.len : 63);
    buf_free(&name);
    return copy;
}

const char *site_folder(const struct site *site, const struct site_content *content,
                        const struct site_dp *dp)
{
    if (dp->kind == DP_CLOUD)
        return container(site, content->package_id ? content->package_id : content->id);
    if (content->kind == CONTENT_APPLICATION)
        return arena_format(&site->policy->arena, "%s.%lld", content->id,
                            (long long)content->version);
    return content->id;
}

/* Content IDs hold nothing but '{' and '}' that a path segment may not. */
static void append_segment(struct buf *url, const char *segment)
{
    for (; *segment; segment++) {
        if (*segment == '{' || *segment == '}')
            buf_format(url, "%%%02X", (unsigned char)*segment);
        else
            buf_append(url, segment, 1);
    }
}

static void fill_template(struct buf *url, const char *text, const char *folder, int64_t version)
{
    while (*text) {
        if (text_starts_with(text, "{content}")) {
            append_segment(url, folder);
            text += strlen("{content}");
        } else if (text_starts_with(text, "{version}")) {
            buf_format(url, "%lld", (long long)version);
            text += strlen("{version}");
        } else {
            buf_append(url, text++, 1);
        }
    }
}

const char *site_url(const struct site *site, const struct site_content *content,
                     const struct site_dp *dp)
{
    struct buf url = {0};
    const char *folder = site_folder(site, content, dp);
    bool filled = strstr(dp->base_url, "{content}") || strstr(dp->base_url, "{version}");
    fill_template(&url, dp->base_url, folder, content->version);
    if (!filled) {
        if (url.len && url.data[url.len - 1] != '/')
            buf_append_text(&url, "/");
        append_segment(&url, folder);
    }
    const char *copy = arena_copy_bytes(&site->policy->arena, url.data, url.len);
    buf_free(&url);
    return copy;
}

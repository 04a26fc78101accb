/* Contents: packages, application and update content, and what nearpoint's own classes add. */
#include "policy/site_tables.h"

#include "policy/base/text.h"
#include "policy/folder_hash.h"

#include <stdlib.h>
#include <string.h>

struct content_sources {
    struct site_rows packages, links, contents, items, manifests, hashes;
};

/* One mention of a content. Sorted by ID; the strongest kind of mention first. */
enum mention_kind { MENTION_PACKAGE, MENTION_CONTENT, MENTION_LINK, MENTION_OURS };

struct mention {
    const char *id;
    enum mention_kind kind;
    bool has_version;
    int64_t version;
    const struct instance *instance;
};

struct mentions {
    size_t count, cap;
    struct mention *items;
};

static bool read_sources(struct site *site, struct content_sources *from, struct error *err)
{
    static const char *const packages[] = {
        "SMS_Package",
        "SMS_ContentPackage",
        "SMS_SoftwareUpdatesPackage",
        "SMS_DriverPackage",
        "SMS_ImagePackage",
        "SMS_BootImagePackage",
        "SMS_TaskSequencePackage",
        "SMS_OperatingSystemInstallPackage",
    };
    static const struct site_key package = {.text = {"PackageID"}};
    static const struct site_key link = {.text = {"ContentUniqueID", "PackageID"},
                                         .optional = true};
    static const struct site_key content = {.text = {"ContentUniqueID", "ContentVersion"},
                                            .optional = true};
    static const struct site_key ours = {.text = {"ContentID"}, .number = {"Version"}};
    return site_rows_read(site, packages, sizeof packages / sizeof packages[0], &package,
                          &from->packages, err) &&
           site_rows_of(site, "SMS_PackageToContent", &link, &from->links, err) &&
           site_rows_of(site, "SMS_Content", &content, &from->contents, err) &&
           site_rows_of(site, "SMS_CIToContent", &content, &from->items, err) &&
           site_rows_of(site, "NP_Content", &ours, &from->manifests, err) &&
           site_rows_of(site, "NP_ContentHash", &ours, &from->hashes, err);
}

static bool mention(struct site *site, struct mentions *mentions, enum mention_kind kind,
                    const struct site_row *row, const char *version, struct error *err)
{
    struct mention item = {
        .id = row->text[0], .kind = kind, .instance = row->instance, .version = -1};
    if (!text_is_content_id(item.id))
        return error_set(err, ERROR_INPUT, BLAME_POLICY, "CONTENT_ID",
                         instance_where(site->policy, row->instance), "'%s' is no content ID",
                         item.id);
    if (version && !instance_get_int(row->instance, version, 0, UINT32_MAX, &item.version, err))
        return false;
    item.has_version = item.version >= 0;
    mentions->items =
        mem_grow(mentions->items, &mentions->cap, mentions->count + 1, sizeof *mentions->items);
    mentions->items[mentions->count++] = item;
    return true;
}

static int by_text(const void *a, const void *b)
{
    return text_compare(*(const char *const *)a, *(const char *const *)b);
}

/* The packages that SMS_PackageToContent names, sorted; the caller frees the array. */
static const char **linked_packages(const struct content_sources *from, size_t *count)
{
    const char **packages = mem_zero(from->links.count, sizeof *packages);
    *count = 0;
    for (size_t i = 0; i < from->links.count; i++)
        if (from->links.rows[i].text[1])
            packages[(*count)++] = from->links.rows[i].text[1];
    qsort(packages, *count, sizeof *packages, by_text);
    return packages;
}

/* Content of an application or an update stands for itself; its package is only how it got there.
 */
static bool is_container_class(const char *class_name)
{
    return text_equal(class_name, "SMS_ContentPackage") ||
           text_equal(class_name, "SMS_SoftwareUpdatesPackage");
}

static bool mention_packages(struct site *site, const struct content_sources *from,
                             struct mentions *mentions, struct error *err)
{
    size_t linked_count;
    const char **linked = linked_packages(from, &linked_count);
    bool ok = true;
    for (size_t i = 0; ok && i < from->packages.count; i++) {
        const struct site_row *package = &from->packages.rows[i];
        bool is_container =
            is_container_class(package->instance->class_name) &&
            bsearch(&package->text[0], linked, linked_count, sizeof *linked, by_text) != NULL;
        if (!is_container)
            ok = mention(site, mentions, MENTION_PACKAGE, package, "SourceVersion", err);
    }
    free(linked);
    return ok;
}

static bool mention_all(struct site *site, struct mentions *mentions, enum mention_kind kind,
                        const struct site_rows *rows, const char *version, struct error *err)
{
    for (size_t i = 0; i < rows->count; i++)
        if (!mention(site, mentions, kind, &rows->rows[i], version, err))
            return false;
    return true;
}

static bool collect(struct site *site, const struct content_sources *from,
                    struct mentions *mentions, struct error *err)
{
    return mention_packages(site, from, mentions, err) &&
           mention_all(site, mentions, MENTION_CONTENT, &from->contents, "ContentVersion", err) &&
           mention_all(site, mentions, MENTION_CONTENT, &from->items, "ContentVersion", err) &&
           mention_all(site, mentions, MENTION_LINK, &from->links, NULL, err) &&
           mention_all(site, mentions, MENTION_OURS, &from->manifests, "Version", err) &&
           mention_all(site, mentions, MENTION_OURS, &from->hashes, "Version", err);
}

/* By ID, kind, then the highest version first. */
static int by_id(const void *a, const void *b)
{
    const struct mention *left = a, *right = b;
    int order = text_compare(left->id, right->id);
    if (order == 0)
        order = (int)left->kind - (int)right->kind;
    if (order == 0)
        order = (left->version < right->version) - (left->version > right->version);
    return order;
}

static bool is_guid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (strlen(text) != sizeof form - 1)
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
            return false;
    return true;
}

enum content_kind site_content_kind(const char *id)
{
    if (strncasecmp(id, "Content_", 8) == 0)
        return CONTENT_APPLICATION;
    return is_guid(id) ? CONTENT_UPDATE : CONTENT_PACKAGE;
}

static enum content_kind kind_of(const struct mention *strongest)
{
    return strongest->kind == MENTION_PACKAGE ? CONTENT_PACKAGE : site_content_kind(strongest->id);
}

/* The row of this content and version, or NULL. */
static const struct site_row *find_version(const struct site_rows *rows, const char *id,
                                           int64_t version)
{
    for (size_t at = site_rows_seek(rows, id, NULL);
         at < rows->count && text_equal(rows->rows[at].text[0], id); at++)
        if (rows->rows[at].number[0] == version)
            return &rows->rows[at];
    return NULL;
}

static void join_package(struct site *site, const struct content_sources *from,
                         struct site_content *content)
{
    const struct site_row *link = site_rows_find(&from->links, content->id, NULL);
    content->package_id = content->kind == CONTENT_PACKAGE ? content->id : NULL;
    if (!content->package_id && link)
        content->package_id = link->text[1];
    const struct site_row *package =
        content->package_id ? site_rows_find(&from->packages, content->package_id, NULL) : NULL;
    if (!package)
        return;
    content->name = instance_get_text(site->policy, package->instance, "Name");
    instance_get_int(package->instance, "PkgFlags", 0, UINT32_MAX, &content->flags, NULL);
}

static void join_manifest(struct site *site, const struct content_sources *from,
                          struct site_content *content)
{
    const struct site_row *row = find_version(&from->manifests, content->id, content->version);
    const char *text = row ? instance_get_text(site->policy, row->instance, "Manifest") : NULL;
    if (text) {
        content->has_manifest = true;
        content->manifest = text;
        content->manifest_len = strlen(text);
        content->manifest_where = instance_where(site->policy, row->instance);
    }
    row = find_version(&from->hashes, content->id, content->version);
    const struct instance *hashed = row ? row->instance : content->instance;
    content->hash = instance_get_text(site->policy, hashed, row ? "Hash" : "ContentHash");
    instance_get_int(hashed, "HashAlgorithm", 0, UINT32_MAX, &content->hash_algorithm, NULL);
}

static void fill(struct site *site, const struct content_sources *from,
                 const struct mention *strongest, bool has_version, int64_t version)
{
    struct site_content *content = &site->contents[site->content_count++];
    content->id = strongest->id;
    content->kind = kind_of(strongest);
    content->instance = strongest->instance;
    content->has_version = has_version;
    content->version = version;
    join_package(site, from, content);
    if (has_version)
        join_manifest(site, from, content);
}

/* The mentions of one ID. A package and what only a link or nearpoint's own classes name is one
   content; an application's or update's content is one in each of its versions. */
static void fill_all(struct site *site, const struct content_sources *from,
                     const struct mention *items, size_t count)
{
    bool versioned = items[0].kind == MENTION_CONTENT && items[0].has_version;
    if (versioned) {
        for (size_t i = 0; i < count && items[i].kind == MENTION_CONTENT; i++) {
            bool again = i > 0 && items[i].version == items[i - 1].version;
            if (items[i].has_version && !again)
                fill(site, from, &items[i], true, items[i].version);
        }
        return;
    }
    const struct mention *known = &items[0];
    for (size_t i = 1; i < count && !known->has_version; i++)
        known = &items[i];
    fill(site, from, &items[0], known->has_version, known->has_version ? known->version : 0);
}

static int by_content(const void *a, const void *b)
{
    const struct site_content *left = a, *right = b;
    int order = text_compare(left->id, right->id);
    return order ? order : (left->version > right->version) - (left->version < right->version);
}

bool site_read_contents(struct site *site, struct error *err)
{
    struct content_sources from;
    struct mentions mentions = {0};
    if (!read_sources(site, &from, err) || !collect(site, &from, &mentions, err)) {
        free(mentions.items);
        return false;
    }
    if (mentions.count)
        qsort(mentions.items, mentions.count, sizeof *mentions.items, by_id);
    site->tables->packages = from.packages;
    site->contents = arena_zero(&site->policy->arena, mentions.count, sizeof *site->contents);
    for (size_t i = 0, next; i < mentions.count; i = next) {
        next = i + 1;
        while (next < mentions.count && text_equal(mentions.items[i].id, mentions.items[next].id))
            next++;
        fill_all(site, &from, mentions.items + i, next - i);
    }
    qsort(site->contents, site->content_count, sizeof *site->contents, by_content);
    free(mentions.items);
    return true;
}

bool site_folder_hash(const struct site_content *content, char hex[HASH_HEX_MAX])
{
    bool ours = content->hash_algorithm == 0 || content->hash_algorithm == FOLDER_HASH_ALGORITHM;
    return content->hash && ours && hash_parse(HASH_SHA256, content->hash, hex);
}

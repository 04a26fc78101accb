#include "agent/publish/dp_record.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/folder_hash.h"
#include "policy/instance.h"
#include "policy/write.h"
#include "policy/xml.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

void dp_record_policy_id(const char *content_id, char id[DP_RECORD_POLICY_ID_SIZE])
{
    static const unsigned char space[16] = {0x24, 0xEA, 0x43, 0x20, 0x27, 0x6E, 0x47, 0x50,
                                            0x85, 0xA8, 0x4A, 0xD7, 0x38, 0xB6, 0x8A, 0x9E};
    static const char digits[] = "0123456789ABCDEF";
    char hex[HASH_HEX_MAX];
    struct hash *hash = hash_create(HASH_SHA1);
    hash_update(hash, space, sizeof space);
    hash_update(hash, content_id, strlen(content_id));
    hash_finish(hash, hex);
    hash_free(hash);
    hex[12] = '5';
    hex[16] = digits[8 + (strchr(digits, hex[16]) - digits) % 4];
    snprintf(id, DP_RECORD_POLICY_ID_SIZE, "{%.8s-%.4s-%.4s-%.4s-%.12s}", hex, hex + 8, hex + 12,
             hex + 16, hex + 20);
}

static void add_manifest(struct buf *out, const char *content_id, int64_t version,
                         const struct tree *tree)
{
    buf_format(out, "<Content ContentId=\"%s\" Version=\"%" PRId64 "\">", content_id, version);
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_entry *entry = &tree->entries[i];
        if (entry->kind != TREE_FILE)
            continue;
        buf_append_text(out, "<FileContent Name=\"");
        xml_escape(out, entry->name, strlen(entry->name));
        buf_format(out, "\" HashAlgorithm=\"SHA256\" Size=\"%" PRId64 "\" Hash=\"%s\"/>",
                   entry->stamp.size, entry->sha256);
    }
    buf_append_text(out, "</Content>");
}

/* U+FFFE and U+FFFF are UTF-8, but no characters of XML. */
static bool is_unwritable(const char *name)
{
    return strstr(name, "\xEF\xBF\xBE") || strstr(name, "\xEF\xBF\xBF");
}

bool dp_record_fits(const char *content_id, int64_t version, const struct tree *tree,
                    const char *where, struct error *err)
{
    for (size_t i = 0; i < tree->count; i++)
        if (is_unwritable(tree->entries[i].name))
            return error_set(err, ERROR_INPUT, BLAME_DATA, "REFUSED", where,
                             "'%s' has a character that XML does not have", tree->entries[i].name);
    struct buf manifest = {0};
    add_manifest(&manifest, content_id, version, tree);
    size_t len = manifest.len + tree->file_count * (HASH_HEX_MAX - 1);
    buf_free(&manifest);
    return len <= (size_t)LIMIT_VALUE_BYTES ||
           error_set(err, ERROR_INPUT, BLAME_DATA, "TOO_MANY", where,
                     "has so many files that its manifest has %zu bytes, over the limit of %ld",
                     len, LIMIT_VALUE_BYTES);
}

static void add_text(struct buf *out, const char *name, const char *text)
{
    write_property(out, name, &(struct value){.type = VALUE_TEXT, .text = text}, false);
}

static void add_number(struct buf *out, const char *name, int64_t number)
{
    write_property(out, name, &(struct value){.type = VALUE_INT, .number = number}, false);
}

static void open_instance(struct buf *out, const char *class_name, const char *content_id,
                          int64_t version)
{
    write_instance_open(out, class_name, false, false);
    add_text(out, "ContentID", content_id);
    add_number(out, "Version", version);
}

void dp_record_write(struct buf *out, const char *content_id, int64_t version,
                     const struct tree *tree, const char *folder_hash)
{
    char id[DP_RECORD_POLICY_ID_SIZE], policy_version[32];
    struct buf manifest = {0};
    dp_record_policy_id(content_id, id);
    snprintf(policy_version, sizeof policy_version, "%" PRId64 ".00", version);
    add_manifest(&manifest, content_id, version, tree);
    write_declaration(out);
    write_document_open(out, &(struct write_head){.policy_id = id,
                                                  .version = policy_version,
                                                  .source = "Local",
                                                  .layer = LAYER_LOCAL,
                                                  .priority = PRECEDENCE_NONE});
    write_rule_open(out, id, true);
    open_instance(out, "NP_Content", content_id, version);
    add_text(out, "Manifest", manifest.data);
    write_instance_close(out);
    open_instance(out, "NP_ContentHash", content_id, version);
    add_text(out, "Hash", folder_hash);
    add_number(out, "HashAlgorithm", FOLDER_HASH_ALGORITHM);
    write_instance_close(out);
    write_rule_close(out);
    write_document_close(out);
    buf_free(&manifest);
}

/* ---- reading ---- */

/* The only instance of the class, or NULL. */
static const struct instance *only_one(const struct policy *policy, const char *class_name)
{
    const struct instance *found = NULL;
    for (size_t i = 0; i < policy->instance_count; i++) {
        if (!text_equal(policy->instances[i]->class_name, class_name))
            continue;
        if (found)
            return NULL;
        found = policy->instances[i];
    }
    return found;
}

static bool read_key(struct policy *policy, const struct instance *instance, const char **id,
                     int64_t *version)
{
    *version = -1;
    *id = instance ? instance_get_text(policy, instance, "ContentID") : NULL;
    return *id && text_is_content_id(*id) &&
           instance_get_int(instance, "Version", 0, UINT32_MAX, version, NULL) && *version >= 0;
}

static bool read_files(struct dp_record *record, const char *text, struct error *err)
{
    struct manifest manifest;
    int64_t version;
    if (!manifest_read(&manifest, text, strlen(text), DP_RECORD_NAME, err))
        return false;
    bool ok = manifest.content_id && strcmp(manifest.content_id, record->content_id) == 0 &&
              manifest.version && text_to_int(manifest.version, 0, UINT32_MAX, &version) &&
              version == record->version;
    for (size_t i = 0; ok && i < manifest.count; i++)
        ok = manifest.files[i].algorithm == HASH_SHA256;
    if (ok)
        tree_of_manifest(&record->files, &manifest);
    manifest_free(&manifest);
    return ok;
}

static bool read_policy(struct dp_record *record, struct policy *policy, struct error *err)
{
    const struct instance *content = only_one(policy, "NP_Content");
    const struct instance *hash = only_one(policy, "NP_ContentHash");
    const char *id, *hash_id;
    int64_t version;
    if (!read_key(policy, content, &id, &record->version) ||
        !read_key(policy, hash, &hash_id, &version) || strcmp(id, hash_id) != 0 ||
        version != record->version)
        return false;
    const char *manifest = instance_get_text(policy, content, "Manifest");
    const char *hex = instance_get_text(policy, hash, "Hash");
    if (!manifest || !hex || !hash_parse(HASH_SHA256, hex, record->folder_hash))
        return false;
    record->content_id = mem_copy_string(id);
    return read_files(record, manifest, err);
}

static bool read_bytes(struct dp_record *record, const struct buf *bytes, struct error *err)
{
    struct policy policy = {0};
    bool ok = policy_read_bytes(&policy, DP_RECORD_NAME, bytes->data ? bytes->data : "", bytes->len,
                                err) &&
              policy_settle(&policy, err) && read_policy(record, &policy, err);
    policy_free(&policy);
    return ok;
}

static bool refuse_damaged(const char *where, const char *why, struct error *err)
{
    return error_set(err, ERROR_FAILED, BLAME_DATA, "RECORD", where,
                     "its record (" DP_RECORD_NAME ") is damaged: %s", why);
}

bool dp_record_parse(struct dp_record *record, const struct buf *document, const char *where,
                     struct error *err)
{
    struct error why = {.text = "it is not the document of one content"};
    *record = (struct dp_record){0};
    if (read_bytes(record, document, &why))
        return true;
    dp_record_free(record);
    return refuse_damaged(where, why.text, err);
}

bool dp_record_read(struct dp_record *record, int tree, const char *where, struct error *err)
{
    struct buf bytes = {0};
    struct error why = {0};
    bool ok = beneath_read(tree, DP_RECORD_NAME, (size_t)LIMIT_DOCUMENT_BYTES, &bytes, &why);
    if (ok)
        ok = dp_record_parse(record, &bytes, where, err);
    else if (strcmp(why.code, "ENOENT") == 0)
        error_set(err, ERROR_FAILED, BLAME_DATA, "NO_RECORD", where,
                  "has no record (" DP_RECORD_NAME ")");
    else
        refuse_damaged(where, why.text, err);
    buf_free(&bytes);
    return ok;
}

void dp_record_free(struct dp_record *record)
{
    free(record->content_id);
    tree_free(&record->files);
    *record = (struct dp_record){0};
}

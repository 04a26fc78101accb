/* Cloud distribution points: which they are, and NP_CloudAccess, what they are asked with. */
#include "policy/site_tables.h"

#include "policy/base/base64.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <string.h>

bool site_is_cloud(const struct site_dp *dp)
{
    return dp->kind == DP_CLOUD || dp->kind == DP_MDM;
}

/* The value is a secret: it is never in the message. */
static bool refuse(const struct site *site, const struct instance *instance, const char *property,
                   const char *why, struct error *err)
{
    return error_set(err, ERROR_INPUT, BLAME_POLICY, "CLOUD_ACCESS",
                     instance_where(site->policy, instance), "NP_CloudAccess.%s %s", property, why);
}

/* What may stand in a URL's query (RFC 3986), as it is sent. */
static bool is_query(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text >= 0x7F || strchr("#\"<>\\^`{|}", *text))
            return false;
    return true;
}

static bool read_sas(const struct site *site, struct site_access *access, struct error *err)
{
    const char *text = instance_get_text(site->policy, access->instance, "SasToken");
    if (!text || !*text)
        return true;
    access->sas = text + (*text == '?');
    if (strlen(access->sas) > LIMIT_SAS_BYTES)
        return refuse(site, access->instance, "SasToken", "is longer than a token can be", err);
    return is_query(access->sas) || refuse(site, access->instance, "SasToken",
                                           "holds what may not stand in a URL's query", err);
}

static bool read_key(const struct site *site, struct site_access *access, struct error *err)
{
    const char *text = instance_get_text(site->policy, access->instance, "Key");
    access->key_id = instance_get_text(site->policy, access->instance, "KeyID");
    if (!text || !*text)
        return true;
    access->has_key = base64_read_key(text, access->key);
    return access->has_key || refuse(site, access->instance, "Key",
                                     "is neither 64 hex digits nor 44 characters of base64", err);
}

bool site_read_accesses(struct site *site, struct error *err)
{
    static const struct site_key key = {.text = {"NALPath"}};
    struct site_rows rows;
    if (!site_rows_of(site, "NP_CloudAccess", &key, &rows, err))
        return false;
    site->accesses = arena_zero(&site->policy->arena, rows.count, sizeof *site->accesses);
    for (size_t i = 0; i < rows.count; i++) {
        struct site_access *access = &site->accesses[site->access_count++];
        access->nal_path = rows.rows[i].text[0];
        access->instance = rows.rows[i].instance;
        if (!read_sas(site, access, err) || !read_key(site, access, err))
            return false;
    }
    return true;
}

const struct site_access *site_find_access(const struct site *site, const char *nal_path)
{
    size_t low = 0, high = nal_path ? site->access_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = text_compare(site->accesses[middle].nal_path, nal_path);
        if (order == 0)
            return &site->accesses[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

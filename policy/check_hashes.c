/* What a reviewer finds of how contents are known to be right (policy model: Content). */
#include "policy/check_rules.h"

#include "policy/base/hash.h"
#include "policy/base/text.h"

#include <string.h>

/* Contents that share one finding, for what is to be done is one thing. */
struct gathered {
    const struct site_content *first;
    struct check_list ids;
};

static void gather(struct gathered *gathered, const struct site_content *content)
{
    if (gathered->ids.count == 0)
        gathered->first = content;
    check_list_add(&gathered->ids, content->id);
}

static void add(struct findings *findings, const struct check_input *input,
                const struct check_row *row, struct gathered *gathered, const char *text)
{
    struct policy *policy = input->policy;
    size_t count = gathered->ids.count;
    if (count == 0)
        return;
    const char *list = check_list_text(policy, &gathered->ids);
    if (count == 1)
        check_add(findings, row, check_content_name(policy, gathered->first), "%s", text);
    else
        check_add(findings, row, arena_format(&policy->arena, "%zu contents", count), "%s: %s",
                  text, list);
}

void check_content_unverifiable(struct findings *findings, const struct check_input *input,
                                const struct check_row *row)
{
    const struct site *site = input->site;
    struct gathered gathered = {0};
    for (size_t i = 0; i < site->content_count; i++)
        if (!site->contents[i].has_manifest && !site->contents[i].hash)
            gather(&gathered, &site->contents[i]);
    add(findings, input, row, &gathered,
        "neither a manifest nor a hash of the wanted version is known: nearpoint refuses it, for "
        "nothing would tell wrong bytes from right ones; publish it, or export what carries its "
        "hash (NP_Content, NP_ContentHash, SMS_Content)");
}

void check_folder_hash_only(struct findings *findings, const struct check_input *input,
                            const struct check_row *row)
{
    const struct site *site = input->site;
    struct gathered gathered = {0};
    for (size_t i = 0; i < site->content_count; i++)
        if (!site->contents[i].has_manifest && site->contents[i].hash)
            gather(&gathered, &site->contents[i]);
    add(findings, input, row, &gathered,
        "only a folder hash is known: it fixes neither where one name ends and the next begins nor "
        "letter case, and all of the content must come from one distribution point; a manifest "
        "(NP_Content) is stronger");
}

static bool is_sha1(const char *hash)
{
    char upper[HASH_HEX_MAX];
    return hash && hash_parse(HASH_SHA1, hash, upper);
}

void check_sha1(struct findings *findings, const struct check_input *input,
                const struct check_row *row)
{
    const struct site *site = input->site;
    const struct check_manifest *manifests = check_manifests(findings, input);
    struct gathered gathered = {0};
    for (size_t i = 0; i < site->content_count; i++) {
        const struct site_content *content = &site->contents[i];
        if (manifests[i].has_sha1 || (!content->has_manifest && is_sha1(content->hash)))
            gather(&gathered, content);
    }
    add(findings, input, row, &gathered,
        "known by SHA-1, for which two different files with one hash can be made; publish it anew "
        "with SHA-256");
}

void check_manifest_refused(struct findings *findings, const struct check_input *input,
                            const struct check_row *row)
{
    const struct site *site = input->site;
    const struct check_manifest *manifests = check_manifests(findings, input);
    for (size_t i = 0; i < site->content_count; i++)
        if (manifests[i].refused)
            check_add(findings, row, check_content_name(input->policy, &site->contents[i]),
                      "its manifest (%s) is refused, and with it every download: %s",
                      site->contents[i].manifest_where, manifests[i].refused);
}

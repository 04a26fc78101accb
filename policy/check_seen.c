/* What several of the reviewer's rules look at: names, what is where, manifests. */
#include "policy/check_rules.h"

#include "policy/base/text.h"
#include "policy/manifest.h"

struct check_seen {
    bool has_pairs;
    struct site_pairs pairs;
    struct check_manifest *manifests; /* NULL: not read yet */
};

static struct check_seen *seen(struct findings *findings)
{
    if (!findings->seen)
        findings->seen = arena_zero(&findings->policy->arena, 1, sizeof *findings->seen);
    return findings->seen;
}

const char *check_dp_name(struct policy *policy, const struct site_dp *dp)
{
    return arena_format(&policy->arena, "distribution point %s", dp->name);
}

const char *check_dp_group_name(struct policy *policy, const struct site_dp_group *group)
{
    return arena_format(&policy->arena, "distribution point group '%s'",
                        check_short(policy, group->name));
}

static const char *named(struct policy *policy, const char *what, const char *id, const char *name)
{
    if (!name)
        return arena_format(&policy->arena, "%s %s", what, check_short(policy, id));
    return arena_format(&policy->arena, "%s %s '%s'", what, check_short(policy, id),
                        check_short(policy, name));
}

const char *check_content_name(struct policy *policy, const struct site_content *content)
{
    const char *id = content->id;
    if (content->kind != CONTENT_PACKAGE && content->has_version)
        id = arena_format(&policy->arena, "%s.%lld", id, (long long)content->version);
    return named(policy, "content", id, content->name);
}

const char *check_package_name(const struct check_input *input, const char *id)
{
    const struct site_row *row = site_rows_find(&input->site->tables->packages, id, NULL);
    const char *name = row ? instance_get_text(input->policy, row->instance, "Name") : NULL;
    return named(input->policy, "package", id, name);
}

const char *check_pair_words(struct policy *policy, const struct site_pair *pair)
{
    if (!pair)
        return "no row";
    if (pair->state < 0)
        return "sent";
    return arena_format(&policy->arena, "%s (state %d)", site_state_word(pair->state), pair->state);
}

const struct site_pairs *check_pairs(struct findings *findings, const struct check_input *input)
{
    struct check_seen *kept = seen(findings);
    if (!kept->has_pairs)
        site_pairs_read(&kept->pairs, input->site);
    kept->has_pairs = true;
    return &kept->pairs;
}

bool check_knows_presence(const struct check_input *input)
{
    return input->site->dp_count && !site_presence_assumed(input->site);
}

/* A manifest that names a content names this one. */
static bool is_of(const struct manifest *manifest, const struct site_content *content)
{
    int64_t version = content->version;
    if (manifest->content_id && !text_equal(manifest->content_id, content->id))
        return false;
    return !manifest->version ||
           (text_to_int(manifest->version, 0, INT64_MAX, &version) && version == content->version);
}

static void read_manifest(struct check_manifest *seen, struct policy *policy,
                          const struct site_content *content)
{
    struct manifest manifest;
    struct error err = {0};
    if (!manifest_read(&manifest, content->manifest, content->manifest_len, content->manifest_where,
                       &err)) {
        seen->refused = arena_copy_string(&policy->arena, err.text);
        return;
    }
    for (size_t i = 0; i < manifest.count && !seen->has_sha1; i++)
        seen->has_sha1 = manifest.files[i].algorithm == HASH_SHA1;
    if (!is_of(&manifest, content))
        seen->refused = "it names another content or version";
    manifest_free(&manifest);
}

const struct check_manifest *check_manifests(struct findings *findings,
                                             const struct check_input *input)
{
    struct check_seen *kept = seen(findings);
    const struct site *site = input->site;
    if (kept->manifests)
        return kept->manifests;
    kept->manifests =
        arena_zero(&input->policy->arena, site->content_count, sizeof *kept->manifests);
    for (size_t i = 0; i < site->content_count; i++)
        if (site->contents[i].has_manifest)
            read_manifest(&kept->manifests[i], input->policy, &site->contents[i]);
    return kept->manifests;
}

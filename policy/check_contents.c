/* What a reviewer finds of contents: where they are, and how they are called. */
#include "policy/check_rules.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define PKG_NO_PACKAGE     0x10000000 /* PkgFlags, bit 28 (configmgr-sdk 3.1) */
#define SOURCE_NONE        1          /* PkgSourceFlag */
#define TYPE_TASK_SEQUENCE 4          /* PackageType */
#define STATE_FAILED       3

/* How one content stands on the DPs. */
struct tally {
    size_t present, old, newer, waiting, failed;
    int64_t newest_old;
};

static struct tally count(const struct site_pairs *pairs, const struct site_content *content)
{
    const char *id = content->package_id ? content->package_id : content->id;
    const struct site_pair_package *package = site_pairs_find(pairs, id);
    struct tally tally = {0};
    for (size_t i = 0; package && i < package->kind_count; i++) {
        const struct site_pair_kind *kind = &package->kinds[i];
        switch (site_judge_presence(content, kind->state, kind->version)) {
        case PRESENCE_YES:
        case PRESENCE_UPDATING:
        case PRESENCE_ASSUMED: tally.present += kind->count; break;
        case PRESENCE_NEWER: tally.newer += kind->count; break;
        case PRESENCE_OLD:
            tally.old += kind->count;
            if (kind->version > tally.newest_old)
                tally.newest_old = kind->version;
            break;
        case PRESENCE_NO:
            tally.waiting += kind->state == 1 || kind->state == 2 ? kind->count : 0;
            tally.failed += kind->state == STATE_FAILED ? kind->count : 0;
            break;
        }
    }
    return tally;
}

/* Packages without files are on no DP by their nature. */
static bool has_files(const struct site_content *content)
{
    int64_t source = 0, type = 0;
    instance_get_int(content->instance, "PkgSourceFlag", 0, UINT32_MAX, &source, NULL);
    instance_get_int(content->instance, "PackageType", 0, UINT32_MAX, &type, NULL);
    return source != SOURCE_NONE && type != TYPE_TASK_SEQUENCE &&
           !(content->flags & PKG_NO_PACKAGE);
}

/* "; the deployment PS120001 asks for it", or nothing. */
static const char *asked_for(const struct check_input *input, const struct site_content *content)
{
    const struct site *site = input->site;
    for (size_t i = 0; content->package_id && i < site->deployment_count; i++) {
        const struct site_deployment *deployment = &site->deployments[i];
        if (deployment->content_id && text_equal(deployment->content_id, content->package_id))
            return arena_format(&input->policy->arena, "; the deployment %s asks for it",
                                check_short(input->policy, deployment->id));
    }
    return "";
}

/* "; it is on its way to 2 and failed on 1", or nothing. */
static const char *on_its_way(struct policy *policy, const struct tally *tally)
{
    if (tally->waiting && tally->failed)
        return arena_format(&policy->arena, "; it is on its way to %zu and failed on %zu",
                            tally->waiting, tally->failed);
    if (tally->waiting)
        return arena_format(&policy->arena, "; it is on its way to %zu", tally->waiting);
    return tally->failed ? arena_format(&policy->arena, "; it failed on %zu", tally->failed) : "";
}

void check_content_no_dp(struct findings *findings, const struct check_input *input,
                         const struct check_row *row)
{
    const struct site *site = input->site;
    if (!check_knows_presence(input))
        return;
    const struct site_pairs *pairs = check_pairs(findings, input);
    for (size_t i = 0; i < site->content_count; i++) {
        const struct site_content *content = &site->contents[i];
        struct tally tally = count(pairs, content);
        if (tally.present || tally.old || tally.newer || !has_files(content) ||
            !check_has_room(findings))
            continue;
        check_add(
            findings, row, check_content_name(input->policy, content),
            "no distribution point has it (of %zu), so no machine can get it%s%s; distribute it, "
            "or retire it",
            site->dp_count, on_its_way(input->policy, &tally), asked_for(input, content));
    }
}

void check_content_old_only(struct findings *findings, const struct check_input *input,
                            const struct check_row *row)
{
    const struct site *site = input->site;
    if (!check_knows_presence(input))
        return;
    const struct site_pairs *pairs = check_pairs(findings, input);
    for (size_t i = 0; i < site->content_count; i++) {
        const struct site_content *content = &site->contents[i];
        struct tally tally = count(pairs, content);
        if (tally.present || !tally.old || !check_has_room(findings))
            continue;
        check_add(
            findings, row, check_content_name(input->policy, content),
            "version %lld is wanted and on no distribution point; older ones are on %zu, the "
            "newest is %lld, and an older version is never given out in its place%s%s; update "
            "the distribution points",
            (long long)content->version, tally.old, (long long)tally.newest_old,
            on_its_way(input->policy, &tally), asked_for(input, content));
    }
}

static void add_failed(struct findings *findings, const struct check_input *input,
                       const struct check_row *row, const struct site_pair_package *package)
{
    struct check_list dps = {0};
    if (!check_has_room(findings))
        return;
    for (size_t i = 0; i < package->count; i++)
        if (package->pairs[i].state == STATE_FAILED)
            check_list_add(&dps, input->site->dps[package->pairs[i].dp].name);
    size_t failed = dps.count;
    check_add(findings, row, check_package_name(input, package->id),
              "its installation failed (state 3) on %zu of %zu distribution points: %s; look into "
              "distmgr.log and smsdpprov.log, then distribute it again",
              failed, input->site->dp_count, check_list_text(input->policy, &dps));
}

void check_content_failed(struct findings *findings, const struct check_input *input,
                          const struct check_row *row)
{
    const struct site_pairs *pairs = check_pairs(findings, input);
    for (size_t i = 0; i < pairs->count; i++)
        for (size_t j = 0; j < pairs->packages[i].kind_count; j++)
            if (pairs->packages[i].kinds[j].state == STATE_FAILED) {
                add_failed(findings, input, row, &pairs->packages[i]);
                break;
            }
}

/* ---- names ---- */

/* What makes one name ambiguous: contents of one package are found by their IDs. */
static const char *owner(const struct site_content *content)
{
    return content->package_id ? content->package_id : content->id;
}

static int by_name_then_owner(const void *a, const void *b)
{
    const struct site_content *left = *(const struct site_content *const *)a;
    const struct site_content *right = *(const struct site_content *const *)b;
    int order = strcmp(left->name, right->name);
    return order ? order : text_compare(owner(left), owner(right));
}

static void add_same_names(struct findings *findings, const struct check_input *input,
                           const struct check_row *row, const struct site_content *const *same,
                           size_t many)
{
    struct check_list ids = {0};
    for (size_t i = 0; i < many; i++)
        if (i == 0 || !text_equal(owner(same[i - 1]), owner(same[i])))
            check_list_add(&ids, owner(same[i]));
    size_t distinct = ids.count;
    const char *list = check_list_text(input->policy, &ids);
    if (distinct > 1)
        check_add(findings, row,
                  arena_format(&input->policy->arena, "content '%s'",
                               check_short(input->policy, same[0]->name)),
                  "%zu contents have this name: %s; by name none of them can be asked for; use the "
                  "ID, or give each a name of its own",
                  distinct, list);
}

void check_duplicate_content_name(struct findings *findings, const struct check_input *input,
                                  const struct check_row *row)
{
    const struct site *site = input->site;
    const struct site_content **sorted = mem_zero(site->content_count, sizeof *sorted);
    size_t count = 0;
    for (size_t i = 0; i < site->content_count; i++)
        if (site->contents[i].name && *site->contents[i].name)
            sorted[count++] = &site->contents[i];
    qsort(sorted, count, sizeof *sorted, by_name_then_owner);
    for (size_t i = 0, next; i < count; i = next) {
        next = i + 1;
        while (next < count && strcmp(sorted[i]->name, sorted[next]->name) == 0)
            next++;
        if (next - i > 1)
            add_same_names(findings, input, row, sorted + i, next - i);
    }
    free(sorted);
}

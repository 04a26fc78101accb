/* Boundaries, boundary groups, their members, servers and relationships. */
#include "policy/site_internal.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define ID_MAX UINT32_MAX

static bool require_int(struct site *site, const struct instance *instance, const char *name,
                        int64_t min, int64_t max, int64_t *out, struct error *err)
{
    if (!instance_get(instance, name))
        return site_refuse(site->policy, instance, err, "has no %s", name);
    return instance_get_int(instance, name, min, max, out, err);
}

static int compare_ids(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* ---- boundaries ---- */

static int by_boundary_id(const void *a, const void *b)
{
    return compare_ids(((const struct site_boundary *)a)->id,
                       ((const struct site_boundary *)b)->id);
}

static bool read_boundary(struct site *site, struct site_boundary *boundary,
                          const struct instance *instance, struct error *err)
{
    int64_t type = 0;
    const char *value = instance_get_text(site->policy, instance, "Value");
    boundary->instance = instance;
    boundary->display_name = instance_get_text(site->policy, instance, "DisplayName");
    if (!value)
        return site_refuse(site->policy, instance, err, "has no Value");
    return require_int(site, instance, "BoundaryID", 0, ID_MAX, &boundary->id, err) &&
           require_int(site, instance, "BoundaryType", 0, ID_MAX, &type, err) &&
           boundary_parse(&boundary->boundary, type, value, instance_where(site->policy, instance),
                          err);
}

static bool read_boundaries(struct site *site, struct error *err)
{
    static const char *const classes[] = {"SMS_Boundary", NULL}, *const keys[] = {"BoundaryID",
                                                                                  NULL};
    struct site_rows rows;
    if (!site_collect(&rows, site->policy, classes, keys, err))
        return false;
    site->boundaries = arena_zero(&site->policy->arena, rows.count, sizeof *site->boundaries);
    for (size_t i = 0; i < rows.count; i++)
        if (!read_boundary(site, &site->boundaries[site->boundary_count++], rows.rows[i].instance,
                           err))
            return false;
    if (rows.count)
        qsort(site->boundaries, rows.count, sizeof *site->boundaries, by_boundary_id);
    return true;
}

/* ---- groups ---- */

static int by_group_id(const void *a, const void *b)
{
    return compare_ids(((const struct site_group *)a)->id, ((const struct site_group *)b)->id);
}

static const char *default_group_site(const char *name)
{
    static const char prefix[] = "Default-Site-Boundary-Group";
    const size_t len = sizeof prefix - 1;
    if (strncasecmp(name, prefix, len) != 0)
        return NULL;
    const char *code = name + len;
    while (*code && strchr("<- ", *code))
        code++;
    return *code ? code : NULL;
}

static bool read_group(struct site *site, struct site_group *group, const struct instance *instance,
                       struct error *err)
{
    const char *name = instance_get_text(site->policy, instance, "Name");
    group->instance = instance;
    group->name = name ? name : "";
    group->is_default = text_equal(instance->class_name, "SMS_DefaultBoundaryGroup");
    const char *site_code = instance_get_text(site->policy, instance, "DefaultSiteCode");
    if (group->is_default) {
        group->site_code = default_group_site(group->name);
        if (!group->site_code && site_code && *site_code)
            group->site_code = site_code;
    }
    return require_int(site, instance, "GroupID", 0, ID_MAX, &group->id, err) &&
           instance_get_int(instance, "Flags", 0, INT64_MAX, &group->flags, err);
}

/* Default groups first, so that of one GroupID in both classes the default one holds. */
static bool read_group_rows(struct site *site, struct error *err)
{
    static const char *const defaults[] = {"SMS_DefaultBoundaryGroup", NULL};
    static const char *const others[] = {"SMS_BoundaryGroup", NULL};
    static const char *const keys[] = {"GroupID", NULL};
    struct site_rows first, second;
    if (!site_collect(&first, site->policy, defaults, keys, err) ||
        !site_collect(&second, site->policy, others, keys, err))
        return false;
    site->groups =
        arena_zero(&site->policy->arena, first.count + second.count, sizeof *site->groups);
    for (size_t i = 0; i < first.count; i++)
        if (!read_group(site, &site->groups[site->group_count++], first.rows[i].instance, err))
            return false;
    for (size_t i = 0; i < second.count; i++) {
        size_t count;
        if (site_find_rows(&first, second.rows[i].key, &count))
            continue;
        if (!read_group(site, &site->groups[site->group_count++], second.rows[i].instance, err))
            return false;
    }
    if (site->group_count)
        qsort(site->groups, site->group_count, sizeof *site->groups, by_group_id);
    return true;
}

static struct site_group *find_group(const struct site *site, int64_t id)
{
    struct site_group wanted = {.id = id};
    return site->group_count ? bsearch(&wanted, site->groups, site->group_count,
                                       sizeof *site->groups, by_group_id)
                             : NULL;
}

const struct site_group *site_find_group(const struct site *site, int64_t id)
{
    return find_group(site, id);
}

/* ---- who is in which group ---- */

/* One row of a join: a group's index and a member's. */
struct pair {
    size_t group, member;
};

struct pairs {
    struct pair *pairs;
    size_t count, cap;
};

static int by_group_then_member(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->member > y->member) - (x->member < y->member);
}

/* Hands each group its run of members, ascending. */
static void spread(struct site *site, struct pairs *pairs, bool of_dps)
{
    if (pairs->count)
        qsort(pairs->pairs, pairs->count, sizeof *pairs->pairs, by_group_then_member);
    size_t *members = arena_zero(&site->policy->arena, pairs->count, sizeof *members);
    for (size_t i = 0; i < pairs->count;) {
        struct site_group *group = &site->groups[pairs->pairs[i].group];
        size_t start = i;
        for (; i < pairs->count && pairs->pairs[i].group == pairs->pairs[start].group; i++)
            members[i] = pairs->pairs[i].member;
        *(of_dps ? &group->dps : &group->boundaries) = members + start;
        *(of_dps ? &group->dp_count : &group->boundary_count) = i - start;
    }
    free(pairs->pairs);
}

static void add_pair(struct pairs *pairs, size_t group, size_t member)
{
    pairs->pairs = mem_grow(pairs->pairs, &pairs->cap, pairs->count + 1, sizeof *pairs->pairs);
    pairs->pairs[pairs->count++] = (struct pair){group, member};
}

/* Rows that point at what the documents do not hold are left out: the reviewer's finding. */
static bool read_members(struct site *site, struct error *err)
{
    static const char *const classes[] = {"SMS_BoundaryGroupMembers", NULL};
    static const char *const keys[] = {"GroupID", "BoundaryID", NULL};
    struct site_rows rows;
    struct pairs pairs = {0};
    bool ok = site_collect(&rows, site->policy, classes, keys, err);
    for (size_t i = 0; ok && i < rows.count; i++) {
        int64_t group_id = 0;
        struct site_boundary wanted = {.id = 0};
        ok = require_int(site, rows.rows[i].instance, "GroupID", 0, ID_MAX, &group_id, err) &&
             require_int(site, rows.rows[i].instance, "BoundaryID", 0, ID_MAX, &wanted.id, err);
        const struct site_group *group = ok ? find_group(site, group_id) : NULL;
        const struct site_boundary *boundary =
            group && site->boundary_count ? bsearch(&wanted, site->boundaries, site->boundary_count,
                                                    sizeof *site->boundaries, by_boundary_id)
                                          : NULL;
        if (boundary)
            add_pair(&pairs, (size_t)(group - site->groups), (size_t)(boundary - site->boundaries));
    }
    spread(site, &pairs, false);
    return ok;
}

/* Servers of every role stand here: those that are DPs count. */
static bool read_servers(struct site *site, struct error *err)
{
    static const char *const classes[] = {"SMS_BoundaryGroupSiteSystems", NULL};
    static const char *const keys[] = {"GroupID", "ServerNALPath", NULL};
    struct site_rows rows;
    struct pairs pairs = {0};
    bool ok = site_collect(&rows, site->policy, classes, keys, err);
    for (size_t i = 0; ok && i < rows.count; i++) {
        int64_t group_id = 0;
        const struct instance *instance = rows.rows[i].instance;
        ok = require_int(site, instance, "GroupID", 0, ID_MAX, &group_id, err);
        const struct site_group *group = ok ? find_group(site, group_id) : NULL;
        const char *nal = instance_get_text(site->policy, instance, "ServerNALPath");
        const struct site_dp *dp = group && nal ? site_find_dp_by_nal(site, nal) : NULL;
        if (dp)
            add_pair(&pairs, (size_t)(group - site->groups), (size_t)(dp - site->dps));
    }
    spread(site, &pairs, true);
    return ok;
}

/* ---- relationships ---- */

static int by_source(const void *a, const void *b)
{
    const struct site_relationship *x = a, *y = b;
    int order = compare_ids(x->source, y->source);
    return order ? order : compare_ids(x->destination, y->destination);
}

static bool read_relationship(struct site *site, struct site_relationship *link,
                              const struct instance *instance, struct error *err)
{
    link->instance = instance;
    link->minutes = 120; /* the console's default */
    if (!require_int(site, instance, "SourceGroupID", 0, ID_MAX, &link->source, err) ||
        !require_int(site, instance, "DestinationGroupID", 0, ID_MAX, &link->destination, err) ||
        !instance_get_int(instance, "FallbackDP", -1, UINT32_MAX, &link->minutes, err))
        return false;
    if (link->minutes == UINT32_MAX)
        link->minutes = -1; /* as tools print it that take it for unsigned */
    return true;
}

static bool read_relationships(struct site *site, struct error *err)
{
    static const char *const classes[] = {"SMS_BoundaryGroupRelationships", NULL};
    static const char *const keys[] = {"SourceGroupID", "DestinationGroupID", NULL};
    struct site_rows rows;
    if (!site_collect(&rows, site->policy, classes, keys, err))
        return false;
    site->relationships = arena_zero(&site->policy->arena, rows.count, sizeof *site->relationships);
    for (size_t i = 0; i < rows.count; i++)
        if (!read_relationship(site, &site->relationships[site->relationship_count++],
                               rows.rows[i].instance, err))
            return false;
    if (rows.count)
        qsort(site->relationships, rows.count, sizeof *site->relationships, by_source);
    return true;
}

bool site_read_groups(struct site *site, struct error *err)
{
    return read_boundaries(site, err) && read_group_rows(site, err) && read_members(site, err) &&
           read_servers(site, err) && read_relationships(site, err);
}

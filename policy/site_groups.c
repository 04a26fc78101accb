/* Boundaries, boundary groups, what is in them, and the relationships between them. */
#include "policy/site_tables.h"

#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define MINUTES_NEVER_UNSIGNED 4294967295 /* -1 by tools that take it for unsigned */
#define MINUTES_DEFAULT        120        /* FallbackDP where a row does not say */

static bool read_boundary(struct site *site, const struct site_row *row,
                          struct site_boundary *boundary, struct error *err)
{
    const struct instance *instance = row->instance;
    const char *where = instance_where(site->policy, instance);
    int64_t type = -1;
    if (!instance_get_int(instance, "BoundaryType", 0, BOUNDARY_TYPE_MAX, &type, err))
        return false;
    const char *value = instance_get_text(site->policy, instance, "Value");
    if (type < 0 || !value)
        return error_set(err, ERROR_INPUT, BLAME_POLICY, "BOUNDARY_VALUE", where,
                         "an SMS_Boundary without %s", type < 0 ? "BoundaryType" : "Value");
    boundary->id = row->number[0];
    boundary->instance = instance;
    boundary->display_name = instance_get_text(site->policy, instance, "DisplayName");
    boundary->site_codes =
        site_texts(site->policy, instance, "DefaultSiteCode", &boundary->site_code_count);
    int64_t speed = 0;
    if (!instance_get_int(instance, "BoundaryFlags", 0, 1, &speed, err))
        return false;
    boundary->slow = speed == 1;
    return boundary_parse(&boundary->boundary, (enum boundary_type)type, value, where, err);
}

static bool read_boundaries(struct site *site, struct error *err)
{
    static const struct site_key key = {.number = {"BoundaryID"}};
    struct site_rows rows;
    if (!site_rows_of(site, "SMS_Boundary", &key, &rows, err))
        return false;
    site->boundary_count = rows.count;
    site->boundaries = arena_zero(&site->policy->arena, rows.count, sizeof *site->boundaries);
    for (size_t i = 0; i < rows.count; i++)
        if (!read_boundary(site, &rows.rows[i], &site->boundaries[i], err))
            return false;
    return true;
}

/* "Default-Site-Boundary-Group<PS1>", also without the angle brackets. */
static const char *default_site_code(struct site *site, const struct site_group *group)
{
    static const char prefix[] = "Default-Site-Boundary-Group";
    const char *tail = group->name + strlen(prefix);
    if (strncasecmp(group->name, prefix, strlen(prefix)) == 0 && *tail) {
        tail += *tail == '<';
        size_t len = strcspn(tail, ">");
        return len ? arena_copy_bytes(&site->policy->arena, tail, len) : NULL;
    }
    const char *code = instance_get_text(site->policy, group->instance, "DefaultSiteCode");
    return code && *code ? code : NULL;
}

static bool read_group(struct site *site, const struct site_row *row, struct site_group *group,
                       struct error *err)
{
    const char *name = instance_get_text(site->policy, row->instance, "Name");
    group->id = row->number[0];
    group->instance = row->instance;
    group->name = name && *name
                      ? name
                      : arena_format(&site->policy->arena, "group %lld", (long long)group->id);
    group->is_default = text_equal(row->instance->class_name, "SMS_DefaultBoundaryGroup");
    if (group->is_default)
        group->site_code = default_site_code(site, group);
    return instance_get_int(row->instance, "Flags", 0, INT64_MAX, &group->flags, err);
}

/* A default group may stand in both classes: its own says more. */
static bool read_all_groups(struct site *site, struct error *err)
{
    static const struct site_key key = {.number = {"GroupID"}};
    struct site_rows plain, defaults;
    if (!site_rows_of(site, "SMS_BoundaryGroup", &key, &plain, err) ||
        !site_rows_of(site, "SMS_DefaultBoundaryGroup", &key, &defaults, err))
        return false;
    site->groups =
        arena_zero(&site->policy->arena, plain.count + defaults.count, sizeof *site->groups);
    size_t p = 0, d = 0;
    while (p < plain.count || d < defaults.count) {
        bool is_plain = d == defaults.count ||
                        (p < plain.count && plain.rows[p].number[0] < defaults.rows[d].number[0]);
        bool both =
            !is_plain && p < plain.count && plain.rows[p].number[0] == defaults.rows[d].number[0];
        const struct site_row *row = is_plain ? &plain.rows[p++] : &defaults.rows[d++];
        p += both;
        if (!read_group(site, row, &site->groups[site->group_count++], err))
            return false;
    }
    return true;
}

const struct site_group *site_find_group(const struct site *site, int64_t id)
{
    size_t low = 0, high = site->group_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (site->groups[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < site->group_count && site->groups[low].id == id ? &site->groups[low] : NULL;
}

const struct site_boundary *site_find_boundary(const struct site *site, int64_t id)
{
    size_t low = 0, high = site->boundary_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (site->boundaries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < site->boundary_count && site->boundaries[low].id == id;
    return found ? &site->boundaries[low] : NULL;
}

/* Rows come sorted by group, then boundary: each group's members lie together. */
static bool read_members(struct site *site, struct error *err)
{
    static const struct site_key key = {.number = {"GroupID", "BoundaryID"}};
    struct site_rows rows;
    if (!site_rows_of(site, "SMS_BoundaryGroupMembers", &key, &rows, err))
        return false;
    size_t *members = arena_zero(&site->policy->arena, rows.count, sizeof *members), used = 0;
    struct site_group *group = site->groups, *end = site->groups + site->group_count;
    for (size_t i = 0; i < rows.count; i++) {
        while (group < end && group->id < rows.rows[i].number[0])
            group++;
        const struct site_boundary *boundary = site_find_boundary(site, rows.rows[i].number[1]);
        if (group == end || group->id != rows.rows[i].number[0] || !boundary) {
            site_keep_lost(&site->tables->lost_members, &rows, i);
            continue;
        }
        if (group->boundary_count == 0)
            group->boundaries = members + used;
        members[used++] = (size_t)(boundary - site->boundaries);
        group->boundary_count++;
    }
    return true;
}

struct server {
    int64_t group;
    size_t dp;
    bool slow;
};

static int by_group(const void *a, const void *b)
{
    const struct server *left = a, *right = b;
    if (left->group != right->group)
        return left->group < right->group ? -1 : 1;
    return (left->dp > right->dp) - (left->dp < right->dp);
}

#define SERVER_SLOW 1 /* SMS_BoundaryGroupSiteSystems.Flags */

/* Rows are servers of every role: those that are no distribution point are passed over. */
static bool find_servers(struct site *site, struct site_rows *rows, struct server *servers,
                         size_t *count, struct error *err)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct site_row *row = &rows->rows[i];
        const struct site_dp *dp = site_dp_by_nal_path(site, row->text[0]);
        if (!dp || !site_find_group(site, row->number[0])) {
            site_keep_lost(&site->tables->lost_servers, rows, i);
            continue;
        }
        int64_t flags = 0;
        if (!instance_get_int(row->instance, "Flags", 0, UINT32_MAX, &flags, err))
            return false;
        servers[(*count)++] = (struct server){.group = row->number[0],
                                              .dp = (size_t)(dp - site->dps),
                                              .slow = (flags & SERVER_SLOW) != 0};
    }
    return true;
}

/* Sorted by group, then DP: each group's servers lie together. */
static void share_servers(struct site *site, const struct server *servers, size_t count)
{
    size_t *dps = arena_zero(&site->policy->arena, count, sizeof *dps);
    bool *slow = arena_zero(&site->policy->arena, count, sizeof *slow);
    struct site_group *group = site->groups;
    for (size_t i = 0; i < count; i++) {
        dps[i] = servers[i].dp;
        slow[i] = servers[i].slow;
        while (group->id < servers[i].group)
            group++;
        if (group->dp_count == 0) {
            group->dps = dps + i;
            group->slow = slow + i;
        }
        group->dp_count++;
    }
}

static bool read_servers(struct site *site, struct error *err)
{
    static const struct site_key key = {.text = {"ServerNALPath"}, .number = {"GroupID"}};
    struct site_rows rows;
    if (!site_rows_of(site, "SMS_BoundaryGroupSiteSystems", &key, &rows, err))
        return false;
    struct server *servers = mem_zero(rows.count, sizeof *servers);
    size_t count = 0;
    bool ok = find_servers(site, &rows, servers, &count, err);
    if (ok) {
        qsort(servers, count, sizeof *servers, by_group);
        share_servers(site, servers, count);
    }
    free(servers);
    return ok;
}

static bool read_relationships(struct site *site, struct error *err)
{
    static const struct site_key key = {.number = {"SourceGroupID", "DestinationGroupID"}};
    struct site_rows rows;
    if (!site_rows_of(site, "SMS_BoundaryGroupRelationships", &key, &rows, err))
        return false;
    site->relationship_count = rows.count;
    site->relationships = arena_zero(&site->policy->arena, rows.count, sizeof *site->relationships);
    for (size_t i = 0; i < rows.count; i++) {
        struct site_relationship *relationship = &site->relationships[i];
        relationship->source = rows.rows[i].number[0];
        relationship->destination = rows.rows[i].number[1];
        relationship->instance = rows.rows[i].instance;
        relationship->minutes = MINUTES_DEFAULT;
        relationship->says_minutes = instance_get(relationship->instance, "FallbackDP") != NULL;
        if (!instance_get_int(relationship->instance, "FallbackDP", -1, MINUTES_NEVER_UNSIGNED,
                              &relationship->minutes, err))
            return false;
        if (relationship->minutes == MINUTES_NEVER_UNSIGNED)
            relationship->minutes = -1;
        else if (relationship->minutes > INT32_MAX &&
                 !instance_get_int(relationship->instance, "FallbackDP", -1, INT32_MAX,
                                   &relationship->minutes, err))
            return false;
    }
    return true;
}

static int by_ends(const void *a, const void *b)
{
    const struct site_relationship *left = a, *right = b;
    if (left->source != right->source)
        return left->source < right->source ? -1 : 1;
    return (left->destination > right->destination) - (left->destination < right->destination);
}

size_t site_first_relationship(const struct site *site, int64_t source)
{
    size_t low = 0, high = site->relationship_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (site->relationships[middle].source < source)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct site_relationship *site_find_relationship(const struct site *site, int64_t source,
                                                       int64_t destination)
{
    const struct site_relationship asked = {.source = source, .destination = destination};
    return site->relationship_count ? bsearch(&asked, site->relationships, site->relationship_count,
                                              sizeof *site->relationships, by_ends)
                                    : NULL;
}

static int by_index(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return (left > right) - (left < right);
}

/* Its place in the group's list, or NULL. */
static const size_t *find_in_group(const struct site *site, const struct site_group *group,
                                   const struct site_dp *dp)
{
    size_t index = (size_t)(dp - site->dps);
    return group->dp_count
               ? bsearch(&index, group->dps, group->dp_count, sizeof *group->dps, by_index)
               : NULL;
}

bool site_group_has_dp(const struct site *site, const struct site_group *group,
                       const struct site_dp *dp)
{
    return find_in_group(site, group, dp) != NULL;
}

bool site_group_is_slow(const struct site *site, const struct site_group *group,
                        const struct site_dp *dp)
{
    const size_t *found = find_in_group(site, group, dp);
    return found && group->slow && group->slow[found - group->dps];
}

bool site_group_has_boundary(const struct site *site, const struct site_group *group,
                             const struct site_boundary *boundary)
{
    size_t index = (size_t)(boundary - site->boundaries);
    return group->boundary_count && bsearch(&index, group->boundaries, group->boundary_count,
                                            sizeof *group->boundaries, by_index) != NULL;
}

bool site_read_groups(struct site *site, struct error *err)
{
    return read_boundaries(site, err) && read_all_groups(site, err) && read_members(site, err) &&
           read_servers(site, err) && read_relationships(site, err);
}

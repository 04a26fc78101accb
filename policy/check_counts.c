/* Counts that the objects of an export bring, against the rows that it brings. */
#include "policy/check_rules.h"

#include <stdlib.h>

/* One property that counts; `rows` says for each object how many there are. */
struct count {
    const char *counter, *property, *counted; /* classes and property, as the site names them */
    size_t *rows;                             /* owned */
    size_t total;
};

static void add_row(struct count *count, size_t object, size_t rows)
{
    count->rows[object] += rows;
    count->total += rows;
}

static void add_lost(const struct site *site, const struct site_rows *lost, struct count *count)
{
    for (size_t i = 0; i < lost->count; i++) {
        const struct site_group *group = site_find_group(site, lost->rows[i].number[0]);
        count->total++;
        if (group)
            count->rows[group - site->groups]++;
    }
}

static struct count count_members(const struct site *site)
{
    struct count count = {"SMS_BoundaryGroup", "MemberCount", "SMS_BoundaryGroupMembers",
                          mem_zero(site->group_count, sizeof *count.rows), 0};
    for (size_t i = 0; i < site->group_count; i++)
        add_row(&count, i, site->groups[i].boundary_count);
    add_lost(site, &site->tables->lost_members, &count);
    return count;
}

/* Servers of every role. */
static struct count count_servers(const struct site *site)
{
    struct count count = {"SMS_BoundaryGroup", "SiteSystemCount", "SMS_BoundaryGroupSiteSystems",
                          mem_zero(site->group_count, sizeof *count.rows), 0};
    for (size_t i = 0; i < site->group_count; i++)
        add_row(&count, i, site->groups[i].dp_count);
    add_lost(site, &site->tables->lost_servers, &count);
    return count;
}

static struct count count_groups(const struct site *site)
{
    struct count count = {"SMS_Boundary", "GroupCount", "SMS_BoundaryGroupMembers",
                          mem_zero(site->boundary_count, sizeof *count.rows), 0};
    for (size_t i = 0; i < site->group_count; i++)
        for (size_t j = 0; j < site->groups[i].boundary_count; j++)
            add_row(&count, site->groups[i].boundaries[j], 1);
    const struct site_rows *lost = &site->tables->lost_members;
    for (size_t i = 0; i < lost->count; i++) {
        const struct site_boundary *boundary = site_find_boundary(site, lost->rows[i].number[1]);
        count.total++;
        if (boundary)
            count.rows[boundary - site->boundaries]++;
    }
    return count;
}

/* -1 where the export does not say. */
static int64_t says(const struct count *count, const struct instance *instance)
{
    int64_t number = -1;
    instance_get_int(instance, count->property, 0, INT64_MAX, &number, NULL);
    return number;
}

static const struct instance *instance_of(const struct site *site, bool is_group, size_t index)
{
    return is_group ? site->groups[index].instance : site->boundaries[index].instance;
}

static void add_mismatch(struct findings *findings, const struct check_input *input,
                         const struct check_row *row, const struct count *count, bool is_group,
                         size_t index)
{
    const struct site *site = input->site;
    const char *object = is_group ? check_group_name(input->policy, &site->groups[index])
                                  : check_boundary_name(input->policy, &site->boundaries[index]);
    check_add(findings, row, object,
              "its %s is %lld, and the policy counts %zu in its rows of %s: export both classes "
              "again, of one age",
              count->property, (long long)says(count, instance_of(site, is_group, index)),
              count->rows[index], count->counted);
}

/* A class that was not exported at all is one finding. */
static void check_count(struct findings *findings, const struct check_input *input,
                        const struct check_row *row, struct count count, bool is_group)
{
    const struct site *site = input->site;
    size_t objects = is_group ? site->group_count : site->boundary_count, wrong = 0;
    for (size_t i = 0; i < objects; i++) {
        int64_t number = says(&count, instance_of(site, is_group, i));
        if (number < 0 || (size_t)number == count.rows[i])
            continue;
        wrong++;
        if (count.total && check_has_room(findings))
            add_mismatch(findings, input, row, &count, is_group, i);
    }
    if (wrong && !count.total)
        check_add(findings, row, count.counted,
                  "the policy has no row of this class, and %zu of its objects of %s say by %s "
                  "that there are some: export it too",
                  wrong, count.counter, count.property);
    free(count.rows);
}

void check_count_mismatch(struct findings *findings, const struct check_input *input,
                          const struct check_row *row)
{
    check_count(findings, input, row, count_members(input->site), true);
    check_count(findings, input, row, count_servers(input->site), true);
    check_count(findings, input, row, count_groups(input->site), false);
}

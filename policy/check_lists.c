/* What several of the reviewer's rules share: lists for people, and which groups a boundary is in.
 */
#include "policy/check_rules.h"

#include "policy/base/text.h"

#include <stdlib.h>

#define LIST_SHOWN 3

void check_list_add(struct check_list *list, const char *text)
{
    if (list->count++ < LIST_SHOWN)
        buf_format(&list->text, "%s%s", list->count > 1 ? ", " : "", text);
}

void check_list_add_id(struct check_list *list, int64_t id)
{
    if (list->count++ < LIST_SHOWN)
        buf_format(&list->text, "%s%lld", list->count > 1 ? ", " : "", (long long)id);
}

const char *check_list_text(struct policy *policy, struct check_list *list)
{
    if (list->count > LIST_SHOWN)
        buf_format(&list->text, " and %zu more", list->count - LIST_SHOWN);
    const char *text = arena_copy_bytes(&policy->arena, list->text.data, list->text.len);
    buf_free(&list->text);
    list->count = 0;
    return text;
}

void check_memberships_read(struct check_memberships *memberships, const struct site *site)
{
    size_t *first = mem_zero(site->boundary_count + 1, sizeof *first), total = 0;
    for (size_t i = 0; i < site->group_count; i++)
        for (size_t j = 0; j < site->groups[i].boundary_count; j++)
            first[site->groups[i].boundaries[j]]++;
    for (size_t i = 0; i <= site->boundary_count; i++) {
        total += first[i];
        first[i] = total;
    }
    /* Filled from behind, so that each `first` ends where its own groups begin. */
    size_t *groups = mem_zero(total, sizeof *groups);
    for (size_t i = site->group_count; i-- > 0;)
        for (size_t j = 0; j < site->groups[i].boundary_count; j++)
            groups[--first[site->groups[i].boundaries[j]]] = i;
    *memberships = (struct check_memberships){first, groups};
}

void check_memberships_free(struct check_memberships *memberships)
{
    free(memberships->first);
    free(memberships->groups);
}

bool check_current_rules(const struct site *site)
{
    return !site->rules || text_equal(site->rules, "current");
}

/* What a source lists. */
#include "agent/source/source.h"

#include "policy/folder_hash.h"

#include <stdlib.h>

void source_list_free(struct source_list *list)
{
    if (!list)
        return;
    free(list->names);
    arena_free(&list->arena);
    free(list);
}

static int compare_names(const void *a, const void *b)
{
    const struct source_name *const *left = a, *const *right = b;
    return folder_compare_names((*left)->name, (*right)->name);
}

struct source_name **source_list_sort(const struct source_list *list)
{
    struct source_name **sorted = mem_resize(NULL, list->count + 1, sizeof(struct source_name *));
    for (size_t i = 0; i < list->count; i++)
        sorted[i] = &list->names[i];
    qsort(sorted, list->count, sizeof *sorted, compare_names);
    return sorted;
}

bool source_list_check(const struct source_list *list, struct error *err)
{
    bool ok = true;
    struct source_name **sorted = source_list_sort(list);
    for (size_t i = 0; ok && i + 1 < list->count; i++) {
        const char *next = sorted[i + 1]->name;
        if (folder_compare_names(sorted[i]->name, next) == 0)
            ok = error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL,
                           "lists '%s' and '%s', which are one name on Windows", sorted[i]->name,
                           next);
        else if (!sorted[i]->is_folder && folder_holds(sorted[i]->name, next))
            ok = error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL,
                           "lists '%s', which is below a file", next);
    }
    free(sorted);
    return ok;
}

/* What a source lists. */
#include "agent/source/source.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/folder_hash.h"

#include <stdlib.h>
#include <string.h>

void source_list_free(struct source_list *list)
{
    if (!list)
        return;
    free(list->names);
    arena_free(&list->arena);
    free(list);
}

bool source_list_is_reserved(const char *name)
{
    static const char ours[] = ".nearpoint";
    size_t len = sizeof ours - 1;
    return strncmp(name, ours, len) == 0 && (name[len] == '\0' || name[len] == '/');
}

static size_t count_slashes(const char *name)
{
    size_t count = 0;
    for (; *name; name++)
        count += *name == '/';
    return count;
}

bool source_list_add(struct source_list *list, const struct source_name *name, size_t len,
                     struct error *err)
{
    const char *why = text_refuse_file_name(name->name, len);
    if (!why && count_slashes(name->name) >= LIMIT_LISTING_DEPTH)
        why = "is nested too deep (a loop of folders?)";
    if (!why && list->count == LIMIT_MANIFEST_FILES)
        why = "is one name too many";
    if (!why && !name->is_folder && __builtin_add_overflow(list->bytes, name->size, &list->bytes))
        why = "makes the sum of the lengths overflow";
    if (why)
        return error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL, "lists '%s', which %s",
                         name->name, why);
    list->names = mem_grow(list->names, &list->cap, list->count + 1, sizeof *list->names);
    struct source_name *added = &list->names[list->count++];
    *added = *name;
    added->name = arena_copy_bytes(&list->arena, name->name, len);
    return true;
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

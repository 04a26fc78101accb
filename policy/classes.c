#include "policy/classes.h"

#include "policy/base/text.h"

#include <stdlib.h>

/* One spelling of a class: the reader keeps it once for most of its instances. */
struct spelling {
    const char *name;
    size_t order, count;
};

static int by_name_then_order(const void *a, const void *b)
{
    const struct spelling *left = a, *right = b;
    int order = text_compare(left->name, right->name);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

#define SLOTS 256

/* Each instance's spelling as an index into `spellings`; a name that another took the slot of is
   found again by the next instance that has it. */
static size_t find_spellings(const struct policy *policy, size_t *of_instance,
                             struct spelling *spellings)
{
    size_t slots[SLOTS] = {0}, count = 0; /* one above the index; 0: free */
    for (size_t i = 0; i < policy->instance_count; i++) {
        const char *name = policy->instances[i]->class_name;
        size_t *slot = &slots[((uintptr_t)name >> 3) % SLOTS];
        if (!*slot || spellings[*slot - 1].name != name) {
            spellings[count] = (struct spelling){.name = name, .order = count};
            *slot = ++count;
        }
        of_instance[i] = *slot - 1;
        spellings[*slot - 1].count++;
    }
    return count;
}

/* One group for all spellings of a class: `class_of` has its index for each spelling. */
static void make_groups(struct classes *classes, struct spelling *spellings, size_t count,
                        size_t *class_of)
{
    qsort(spellings, count, sizeof *spellings, by_name_then_order);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !text_equal(spellings[i - 1].name, spellings[i].name))
            classes->groups[classes->count++].name = spellings[i].name;
        class_of[spellings[i].order] = classes->count - 1;
    }
}

/* Spellings are few and sorted, instances many and counted. */
void classes_read(struct classes *classes, struct policy *policy)
{
    size_t total = policy->instance_count;
    size_t *of_instance = mem_zero(total, sizeof *of_instance);
    struct spelling *spellings = mem_zero(total, sizeof *spellings);
    size_t count = find_spellings(policy, of_instance, spellings);
    size_t *class_of = mem_zero(count, sizeof *class_of), begin = 0;
    *classes =
        (struct classes){.groups = arena_zero(&policy->arena, count, sizeof *classes->groups)};
    make_groups(classes, spellings, count, class_of);
    const struct instance **sorted = arena_zero(&policy->arena, total, sizeof *sorted);
    for (size_t i = 0; i < total; i++)
        classes->groups[class_of[of_instance[i]]].count++;
    const struct instance ***next = mem_zero(classes->count, sizeof *next);
    for (size_t i = 0; i < classes->count; i++) {
        classes->groups[i].instances = next[i] = sorted + begin;
        begin += classes->groups[i].count;
    }
    for (size_t i = 0; i < total; i++)
        *next[class_of[of_instance[i]]]++ = policy->instances[i];
    free(of_instance);
    free(spellings);
    free(class_of);
    free(next);
}

static int name_against(const void *name, const void *group)
{
    return text_compare(name, ((const struct class_group *)group)->name);
}

struct class_group classes_find(const struct classes *classes, const char *name)
{
    const struct class_group *found =
        classes->count
            ? bsearch(name, classes->groups, classes->count, sizeof *classes->groups, name_against)
            : NULL;
    return found ? *found : (struct class_group){.name = name};
}

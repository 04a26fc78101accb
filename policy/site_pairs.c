/* The three tables of presence, merged by package; each DP's NAL path is looked up by its hash,
   for there may be half a million rows. */
#include "policy/site_pairs.h"

#include "policy/base/text.h"
#include "policy/site_tables.h"

#include <stdlib.h>

#define TABLES         3
#define STATUS_DELETED 3 /* SMS_DistributionPoint.Status */

/* DPs by NAL path: open addressing, at most half full. */
struct dp_index {
    const struct site *site;
    size_t mask;
    size_t *slots; /* 0: empty, else the DP's index and 1 */
};

static size_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; *text; text++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        hash = (hash ^ (unsigned char)c) * 1099511628211u;
    }
    return (size_t)(hash ^ (hash >> 32));
}

static size_t *find_slot(const struct dp_index *index, const char *nal_path)
{
    size_t at = hash_text(nal_path) & index->mask;
    while (index->slots[at] &&
           !text_equal(index->site->dps[index->slots[at] - 1].nal_path, nal_path))
        at = (at + 1) & index->mask;
    return &index->slots[at];
}

static void index_dps(struct dp_index *index, const struct site *site)
{
    size_t size = 2;
    while (size < 2 * site->dp_count + 1)
        size *= 2;
    *index = (struct dp_index){site, size - 1, mem_zero(size, sizeof *index->slots)};
    for (size_t i = 0; i < site->dp_count; i++)
        *find_slot(index, site->dps[i].nal_path) = i + 1;
}

/* Of one package's rows, one for each table in which the DP stands. */
struct found {
    struct site_pair pair;
    int table; /* 0, the summarizer's, is the strongest */
};

struct found_list {
    size_t count, cap;
    struct found *items;
};

static int64_t number_of(const struct instance *instance, const char *name)
{
    int64_t number = -1;
    instance_get_int(instance, name, 0, UINT32_MAX, &number, NULL);
    return number;
}

static void add_found(struct found_list *list, const struct dp_index *index, int table,
                      const struct site_row *row)
{
    enum { SUMMARY, DISTRIBUTION };
    size_t dp = row->text[1] ? *find_slot(index, row->text[1]) : 0;
    if (!dp || (table == DISTRIBUTION && number_of(row->instance, "Status") == STATUS_DELETED))
        return;
    struct found found = {.pair = {.dp = dp - 1, .state = -1, .version = -1}, .table = table};
    if (table == SUMMARY) {
        /* A row without a State says nothing of an arrival. */
        int64_t state = number_of(row->instance, "State");
        found.pair.state = state < 0 || state > INT32_MAX ? INT32_MAX : (int)state;
        found.pair.version = number_of(row->instance, "SourceVersion");
    }
    list->items = mem_grow(list->items, &list->cap, list->count + 1, sizeof *list->items);
    list->items[list->count++] = found;
}

static int by_dp(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    if (left->pair.dp != right->pair.dp)
        return left->pair.dp < right->pair.dp ? -1 : 1;
    return left->table - right->table;
}

static int by_state(const void *a, const void *b)
{
    const struct site_pair_kind *left = a, *right = b;
    if (left->state != right->state)
        return left->state < right->state ? -1 : 1;
    return (left->version > right->version) - (left->version < right->version);
}

static void count_kinds(struct site_pair_package *package, struct arena *arena)
{
    struct site_pair_kind *all = mem_zero(package->count, sizeof *all);
    for (size_t i = 0; i < package->count; i++)
        all[i] = (struct site_pair_kind){package->pairs[i].state, package->pairs[i].version, 1};
    qsort(all, package->count, sizeof *all, by_state);
    size_t used = 0;
    for (size_t i = 0; i < package->count; i++) {
        if (used && by_state(&all[used - 1], &all[i]) == 0)
            all[used - 1].count++;
        else
            all[used++] = all[i];
    }
    struct site_pair_kind *kinds = arena_zero(arena, used, sizeof *kinds);
    for (size_t i = 0; i < used; i++)
        kinds[i] = all[i];
    package->kinds = kinds;
    package->kind_count = used;
    free(all);
}

static void fill(struct site_pair_package *package, struct found_list *list, struct arena *arena)
{
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, by_dp);
    struct site_pair *pairs = arena_zero(arena, list->count, sizeof *pairs);
    for (size_t i = 0; i < list->count; i++)
        if (i == 0 || list->items[i - 1].pair.dp != list->items[i].pair.dp)
            pairs[package->count++] = list->items[i].pair;
    package->pairs = pairs;
    count_kinds(package, arena);
}

/* The first package of what is left of the tables, or NULL at their ends. */
static const char *first_package(const struct site_rows *const tables[TABLES],
                                 const size_t at[TABLES])
{
    const char *first = NULL;
    for (int i = 0; i < TABLES; i++) {
        if (at[i] == tables[i]->count)
            continue;
        const char *package = tables[i]->rows[at[i]].text[0];
        if (!first || text_compare(package, first) < 0)
            first = package;
    }
    return first;
}

/* The rows of this package in every table. */
static void gather(struct found_list *list, const struct dp_index *index,
                   const struct site_rows *const tables[TABLES], size_t at[TABLES], const char *id)
{
    list->count = 0;
    for (int i = 0; i < TABLES; i++)
        for (; at[i] < tables[i]->count && text_equal(tables[i]->rows[at[i]].text[0], id); at[i]++)
            add_found(list, index, i, &tables[i]->rows[at[i]]);
}

void site_pairs_read(struct site_pairs *pairs, const struct site *site)
{
    const struct site_tables *own = site->tables;
    const struct site_rows *const tables[TABLES] = {&own->summaries, &own->distributions,
                                                    &own->infos};
    struct arena *arena = &site->policy->arena;
    struct site_pair_package *packages = NULL;
    struct found_list list = {0};
    struct dp_index index;
    size_t at[TABLES] = {0}, cap = 0, count = 0;
    index_dps(&index, site);
    for (const char *id; (id = first_package(tables, at));) {
        gather(&list, &index, tables, at, id);
        packages = mem_grow(packages, &cap, count + 1, sizeof *packages);
        packages[count] = (struct site_pair_package){.id = id};
        fill(&packages[count++], &list, arena);
    }
    *pairs = (struct site_pairs){count, arena_zero(arena, count, sizeof *packages)};
    for (size_t i = 0; i < count; i++)
        pairs->packages[i] = packages[i];
    free(packages);
    free(list.items);
    free(index.slots);
}

const struct site_pair_package *site_pairs_find(const struct site_pairs *pairs, const char *id)
{
    size_t low = 0, high = pairs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(pairs->packages[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < pairs->count && text_equal(pairs->packages[low].id, id);
    return found ? &pairs->packages[low] : NULL;
}

const struct site_pair *site_pair_on(const struct site_pair_package *package, size_t dp)
{
    size_t low = 0, high = package->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (package->pairs[middle].dp < dp)
            low = middle + 1;
        else
            high = middle;
    }
    return low < package->count && package->pairs[low].dp == dp ? &package->pairs[low] : NULL;
}

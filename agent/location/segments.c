#include "agent/location/segments.h"

#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Entries of all lists together, an interval. A site's boundaries overlap in a few places: 13 an
   interval where 100,000 lie at random. */
#define ENTRIES_EACH 32
#define WIDTHS       64 /* powers of two of an interval's width in segments */

static int by_number(const void *a, const void *b)
{
    address_number left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return (left > right) - (left < right);
}

static void cut_line(struct segments *segments, const struct interval *intervals, size_t count)
{
    address_number *edges = mem_zero(2 * count, sizeof *edges);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        edges[used++] = intervals[i].first;
        if (intervals[i].last != ADDRESS_MAX)
            edges[used++] = intervals[i].last + 1;
    }
    qsort(edges, used, sizeof *edges, by_number);
    for (size_t i = 0; i < used; i++)
        if (i == 0 || edges[i] != edges[i - 1])
            edges[segments->edge_count++] = edges[i];
    segments->edges = edges;
}

/* How many edges lie at or before the address. */
static size_t count_edges(const struct segments *segments, address_number address)
{
    const address_number *base = segments->edges;
    size_t left = segments->edge_count;
    while (left > 1) {
        size_t half = left / 2;
        base = base[half] <= address ? base + half : base;
        left -= half;
    }
    return (size_t)(base - segments->edges) + (left && *base <= address);
}

struct span {
    uint32_t first, end; /* segments */
};

static struct span *find_spans(const struct segments *segments, const struct interval *intervals,
                               size_t count)
{
    struct span *spans = mem_zero(count, sizeof *spans);
    for (size_t i = 0; i < count; i++) {
        spans[i].first = (uint32_t)count_edges(segments, intervals[i].first) - 1;
        spans[i].end = (uint32_t)count_edges(segments, intervals[i].last);
    }
    return spans;
}

static unsigned width_of(const struct span *span)
{
    return (unsigned)(31 - __builtin_clz((span->end - span->first) | 1));
}

/* The widest power of two at which the lists still stay in proportion. */
static unsigned widest_listed(const struct span *spans, size_t count)
{
    uint64_t entries[WIDTHS] = {0}, sum = 0;
    unsigned width = 0;
    for (size_t i = 0; i < count; i++)
        entries[width_of(&spans[i])] += spans[i].end - spans[i].first;
    while (width < WIDTHS && sum + entries[width] <= (uint64_t)count * ENTRIES_EACH)
        sum += entries[width++];
    return width;
}

static int by_first(const void *a, const void *b)
{
    return by_number(&((const struct interval *)a)->first, &((const struct interval *)b)->first);
}

/* Node n covers [low, low + count): its halves are the nodes 2n + 1 and 2n + 2. */
static address_number grow_tree(struct segments *segments, size_t node, size_t low, size_t count)
{
    address_number left, right = 0;
    if (count == 1)
        return segments->farthest[node] = segments->wide[low].last;
    left = grow_tree(segments, 2 * node + 1, low, count / 2);
    right = grow_tree(segments, 2 * node + 2, low + count / 2, count - count / 2);
    return segments->farthest[node] = left > right ? left : right;
}

static void plant_tree(struct segments *segments)
{
    size_t nodes = 1;
    while (nodes < 2 * segments->wide_count)
        nodes *= 2;
    segments->farthest = mem_zero(2 * nodes, sizeof *segments->farthest);
    if (segments->wide_count == 0)
        return;
    qsort(segments->wide, segments->wide_count, sizeof *segments->wide, by_first);
    grow_tree(segments, 0, 0, segments->wide_count);
}

static void set_apart(struct segments *segments, const struct interval *intervals,
                      struct span *spans, size_t count, unsigned width)
{
    for (size_t i = 0; i < count; i++)
        segments->wide_count += width_of(&spans[i]) >= width;
    segments->wide = mem_zero(segments->wide_count, sizeof *segments->wide);
    segments->wide_count = 0;
    for (size_t i = 0; i < count; i++)
        if (width_of(&spans[i]) >= width) {
            segments->wide[segments->wide_count++] = intervals[i];
            spans[i].end = spans[i].first;
        }
    plant_tree(segments);
}

static void list_holders(struct segments *segments, const struct interval *intervals,
                         const struct span *spans, size_t count)
{
    uint32_t *starts = mem_zero(segments->edge_count + 2, sizeof *starts);
    uint32_t running = 0, change = 0;
    for (size_t i = 0; i < count; i++) {
        starts[spans[i].first]++;
        starts[spans[i].end]--;
    }
    for (size_t i = 0; i <= segments->edge_count; i++) {
        change += starts[i];
        starts[i] = running;
        running += change;
    }
    segments->holders = mem_zero(running, sizeof *segments->holders);
    uint32_t *next = mem_zero(segments->edge_count + 1, sizeof *next);
    memcpy(next, starts, (segments->edge_count + 1) * sizeof *next);
    for (size_t i = 0; i < count; i++)
        for (uint32_t at = spans[i].first; at < spans[i].end; at++)
            segments->holders[next[at]++] = intervals[i].id;
    free(next);
    segments->starts = starts;
}

void segments_build(struct segments *segments, const struct interval *intervals, size_t count)
{
    *segments = (struct segments){.edge_count = 0};
    cut_line(segments, intervals, count);
    struct span *spans = find_spans(segments, intervals, count);
    set_apart(segments, intervals, spans, count, widest_listed(spans, count));
    list_holders(segments, intervals, spans, count);
    free(spans);
}

void segments_free(struct segments *segments)
{
    free(segments->edges);
    free(segments->starts);
    free(segments->holders);
    free(segments->wide);
    free(segments->farthest);
}

const uint32_t *segments_find(const struct segments *segments, address_number address,
                              size_t *count)
{
    size_t edges = count_edges(segments, address);
    if (edges == 0) {
        *count = 0;
        return NULL;
    }
    *count = segments->starts[edges] - segments->starts[edges - 1];
    return segments->holders + segments->starts[edges - 1];
}

struct search {
    const struct segments *segments;
    address_number address;
    uint32_t *ids;
    size_t found;
};

static void search_tree(struct search *search, size_t node, size_t low, size_t count)
{
    const struct interval *interval = &search->segments->wide[low];
    if (interval->first > search->address || search->segments->farthest[node] < search->address)
        return;
    if (count == 1) {
        search->ids[search->found++] = interval->id;
        return;
    }
    search_tree(search, 2 * node + 1, low, count / 2);
    search_tree(search, 2 * node + 2, low + count / 2, count - count / 2);
}

size_t segments_find_wide(const struct segments *segments, address_number address, uint32_t *ids)
{
    struct search search = {segments, address, ids, 0};
    if (segments->wide_count)
        search_tree(&search, 0, 0, segments->wide_count);
    return search.found;
}

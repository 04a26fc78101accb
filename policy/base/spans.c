#include "policy/base/spans.h"

#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* The first range that ends at `at` or after it. */
static size_t find(const struct spans *spans, int64_t at)
{
    size_t low = 0, high = spans->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (spans->list[middle].end < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Puts `count` ranges in the place of those from `first` up to `last`. */
static void replace(struct spans *spans, size_t first, size_t last, const struct span *with,
                    size_t count)
{
    size_t behind = spans->count - last;
    spans->list = mem_grow(spans->list, &spans->cap, first + count + behind, sizeof *spans->list);
    if (behind)
        memmove(spans->list + first + count, spans->list + last, behind * sizeof *spans->list);
    if (count)
        memcpy(spans->list + first, with, count * sizeof *with);
    spans->count = first + count + behind;
}

void spans_add(struct spans *spans, int64_t start, int64_t end)
{
    if (end <= start)
        return;
    struct span whole = {start, end};
    size_t first = find(spans, start), last = first;
    while (last < spans->count && spans->list[last].start <= end)
        last++;
    if (last > first) {
        if (spans->list[first].start < start)
            whole.start = spans->list[first].start;
        if (spans->list[last - 1].end > end)
            whole.end = spans->list[last - 1].end;
    }
    if (last == first + 1)
        spans->list[first] = whole; /* mostly one that grows */
    else
        replace(spans, first, last, &whole, 1);
}

void spans_remove(struct spans *spans, int64_t start, int64_t end)
{
    struct span rest[2];
    size_t count = 0, first = find(spans, start), last = first;
    if (end <= start)
        return;
    while (last < spans->count && spans->list[last].start < end) {
        const struct span *span = &spans->list[last++];
        if (span->start < start)
            rest[count++] = (struct span){span->start, span->end < start ? span->end : start};
        if (span->end > end)
            rest[count++] = (struct span){end, span->end};
    }
    if (last > first)
        replace(spans, first, last, rest, count);
}

int64_t spans_reach(const struct spans *spans, int64_t at)
{
    size_t index = find(spans, at);
    while (index < spans->count && spans->list[index].end == at)
        index++;
    bool holds = index < spans->count && spans->list[index].start <= at;
    return holds ? spans->list[index].end : at;
}

bool spans_gap(const struct spans *spans, int64_t from, int64_t size, struct span *gap)
{
    int64_t start = spans_reach(spans, from);
    size_t next = find(spans, start);
    if (start >= size)
        return false;
    while (next < spans->count && spans->list[next].start < start)
        next++;
    bool ends = next < spans->count && spans->list[next].start < size;
    *gap = (struct span){start, ends ? spans->list[next].start : size};
    return true;
}

int64_t spans_total(const struct spans *spans)
{
    int64_t total = 0;
    for (size_t i = 0; i < spans->count; i++)
        total += spans->list[i].end - spans->list[i].start;
    return total;
}

void spans_copy(struct spans *to, const struct spans *from)
{
    to->count = 0;
    replace(to, 0, 0, from->list, from->count);
}

void spans_free(struct spans *spans)
{
    free(spans->list);
    *spans = (struct spans){.count = 0};
}

#include "policy/base/spans.h"

#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* The first range that ends at or after `at`. */
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

/* The ranges [first, last) become the `count` of `with`. */
static void replace(struct spans *spans, size_t first, size_t last, const struct span *with,
                    size_t count)
{
    size_t after = spans->count - last;
    spans->list = mem_grow(spans->list, &spans->cap, first + count + after, sizeof *spans->list);
    if (after)
        memmove(spans->list + first + count, spans->list + last, after * sizeof *spans->list);
    for (size_t i = 0; i < count; i++)
        spans->list[first + i] = with[i];
    spans->count = first + count + after;
}

void spans_add(struct spans *spans, int64_t start, int64_t end)
{
    if (end <= start)
        return;
    size_t first = find(spans, start), last = first;
    struct span whole = {start, end};
    for (; last < spans->count && spans->list[last].start <= end; last++) {
        if (spans->list[last].start < whole.start)
            whole.start = spans->list[last].start;
        if (spans->list[last].end > whole.end)
            whole.end = spans->list[last].end;
    }
    replace(spans, first, last, &whole, 1);
}

void spans_remove(struct spans *spans, int64_t start, int64_t end)
{
    struct span left[2];
    size_t count = 0, first = find(spans, start), last = first;
    if (end <= start)
        return;
    for (; last < spans->count && spans->list[last].start < end; last++) {
        struct span old = spans->list[last];
        if (old.start < start)
            left[count++] = (struct span){old.start, old.end < start ? old.end : start};
        if (old.end > end)
            left[count++] = (struct span){end, old.end};
    }
    replace(spans, first, last, left, count);
}

int64_t spans_reach(const struct spans *spans, int64_t at)
{
    size_t i = find(spans, at);
    bool holds = i < spans->count && spans->list[i].start <= at && spans->list[i].end > at;
    return holds ? spans->list[i].end : at;
}

bool spans_gap(const struct spans *spans, int64_t from, int64_t size, struct span *gap)
{
    gap->start = spans_reach(spans, from);
    gap->end = size;
    for (size_t i = find(spans, gap->start); i < spans->count; i++)
        if (spans->list[i].start > gap->start) {
            gap->end = spans->list[i].start < size ? spans->list[i].start : size;
            break;
        }
    return gap->start < gap->end;
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
    replace(to, 0, to->count, from->list, from->count);
}

void spans_free(struct spans *spans)
{
    free(spans->list);
    *spans = (struct spans){.count = 0};
}

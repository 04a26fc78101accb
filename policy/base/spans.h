/*
 * Sets of byte ranges: sorted, apart from one another, half open. Pure.
 */
#ifndef POLICY_BASE_SPANS_H
#define POLICY_BASE_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    int64_t start, end; /* [start, end), never empty in a set */
};

struct spans {
    size_t count, cap;
    struct span *list; /* owned */
};

/* Ranges that touch become one. An empty one (end <= start) adds nothing. */
void spans_add(struct spans *spans, int64_t start, int64_t end);
void spans_remove(struct spans *spans, int64_t start, int64_t end);

/* The end of the range that holds `at`; `at` itself where none does. */
int64_t spans_reach(const struct spans *spans, int64_t at);

/* The first range at or after `from`, below `size`, that is not in the set. false: none. */
bool spans_gap(const struct spans *spans, int64_t from, int64_t size, struct span *gap);

int64_t spans_total(const struct spans *spans);
void spans_copy(struct spans *to, const struct spans *from);
void spans_free(struct spans *spans); /* empties it */

#endif

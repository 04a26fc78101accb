/*
 * Which of many intervals of 128-bit numbers hold a number: the line is cut at every interval's
 * ends, and each segment between two cuts lists its holders, so that a question is one binary
 * search. Intervals that would fill the lists (one that holds everything among thousands) stand
 * apart in a tree: memory stays in proportion to the intervals, whatever they are.
 *
 * For location/ only. No system calls.
 */
#ifndef AGENT_LOCATION_SEGMENTS_H
#define AGENT_LOCATION_SEGMENTS_H

#include "policy/address.h"

#include <stddef.h>
#include <stdint.h>

struct interval {
    address_number first, last;
    uint32_t id;
};

struct segments {
    size_t edge_count;
    address_number *edges; /* ascending: where a segment begins */
    uint32_t *starts;      /* of each segment's holders, and one more */
    uint32_t *holders;     /* IDs, ascending within a segment */
    size_t wide_count;
    struct interval *wide;    /* by first number */
    address_number *farthest; /* a heap over them: the last number below each node */
};

/* The intervals by ascending ID. segments_free frees what was built. */
void segments_build(struct segments *segments, const struct interval *intervals, size_t count);
void segments_free(struct segments *segments);

/* The holders in the lists, ascending; *count of them. */
const uint32_t *segments_find(const struct segments *segments, address_number address,
                              size_t *count);

/* Those that stand apart, in no order, into `ids`, which has room for wide_count; how many. */
size_t segments_find_wide(const struct segments *segments, address_number address, uint32_t *ids);

#endif

/*
 * A content brought into the cache from a content library: copied, hashed, published; never linked,
 * since others may write to the library.
 *
 * Blocks, on all cores; for a command that has nothing else to do. System calls: those of the cache
 * and of library_read.
 */
#ifndef AGENT_TRANSFER_PRESTAGE_H
#define AGENT_TRANSFER_PRESTAGE_H

#include "agent/cache/contents.h"
#include "agent/cache/verify.h"
#include "agent/source/library_read.h"

struct prestage_order {
    struct library *library;
    const char *where; /* the library, for the content's record */
    const char *content_id;
    int64_t version;
    const struct manifest *manifest; /* the policy's; NULL: the content is known by */
    const char *folder_hash;         /* this */
};

struct prestage_report {
    int64_t checked, bytes; /* files that were copied and were right */
    size_t count, cap;
    struct finding *list;          /* files that could not be taken */
    struct cache_contents evicted; /* what went to make room */
};

/* false: nothing is published; what is wrong with which file is in the report, and the first of it
   in `err`. Bytes that were right stay staged. The report is added to, but for
   `evicted`, which is of this content. */
bool prestage(struct cache *cache, const struct prestage_order *order,
              struct prestage_report *report, struct error *err);
void prestage_report_free(struct prestage_report *report);

#endif

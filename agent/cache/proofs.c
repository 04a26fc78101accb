/* Which bytes are proven: a file's metadata are those that a record has of its digest. Any record
   will do, since links of one file share them. */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int by_digest(const void *a, const void *b)
{
    return strcmp(((const struct proof *)a)->sha256, ((const struct proof *)b)->sha256);
}

static void add_record(struct proofs *proofs, const struct record *record)
{
    proofs->list = mem_grow(proofs->list, &proofs->cap, proofs->count + record->count + 1,
                            sizeof *proofs->list);
    for (size_t i = 0; i < record->count; i++) {
        struct proof *proof = &proofs->list[proofs->count++];
        memcpy(proof->sha256, record->lines[i].sha256, sizeof proof->sha256);
        proof->stamp = record->lines[i].stamp;
    }
}

static void add_named(void *arg, const char *content_id, int64_t version, const struct place *place)
{
    struct record record;
    if (record_read(place, content_id, version, &record)) {
        add_record(arg, &record);
        record_free(&record);
    }
}

void proofs_read(const struct place *place, struct proofs *proofs)
{
    *proofs = (struct proofs){0};
    names_each(place, CACHE_DATALIB, ".INI", add_named, proofs);
    if (proofs->count)
        qsort(proofs->list, proofs->count, sizeof *proofs->list, by_digest);
}

static size_t first_of(const struct proofs *proofs, const char *sha256)
{
    size_t low = 0, high = proofs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(proofs->list[middle].sha256, sha256) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool proofs_know(const struct proofs *proofs, const char *sha256, const struct stamp *stamp)
{
    for (size_t i = first_of(proofs, sha256); i < proofs->count; i++) {
        if (strcmp(proofs->list[i].sha256, sha256) != 0)
            return false;
        if (stamp_equal(&proofs->list[i].stamp, stamp))
            return true;
    }
    return false;
}

bool proofs_name(const struct proofs *proofs, const char *sha256)
{
    size_t first = first_of(proofs, sha256);
    return first < proofs->count && strcmp(proofs->list[first].sha256, sha256) == 0;
}

void proofs_free(struct proofs *proofs)
{
    free(proofs->list);
    *proofs = (struct proofs){0};
}

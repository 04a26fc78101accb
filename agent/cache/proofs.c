/* Which bytes are proven: a file's metadata are those that a record has of its digest. Any record
   will do, since links of one file share them. */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* ---- one record after the other ---- */

struct named {
    char *content_id;
    int64_t version, used_ns;
};

struct newest {
    size_t count, cap;
    struct named *list;
};

static void add_name(void *arg, const char *content_id, int64_t version, const struct place *place)
{
    struct newest *newest = arg;
    struct stat status;
    char *path = cache_data_path(content_id, version, ".INI");
    if (fstatat(place->dir, path, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        newest->list =
            mem_grow(newest->list, &newest->cap, newest->count + 1, sizeof *newest->list);
        newest->list[newest->count++] =
            (struct named){mem_copy_string(content_id), version, stamp_of(&status).mtime_ns};
    }
    free(path);
}

static int by_use(const void *a, const void *b)
{
    int64_t left = ((const struct named *)a)->used_ns, right = ((const struct named *)b)->used_ns;
    return (left < right) - (left > right);
}

void proofs_each(const struct place *place, bool (*each)(void *arg, const struct proofs *proofs),
                 void *arg)
{
    struct newest newest = {0};
    bool goes_on = true;
    names_each(place, CACHE_DATALIB, ".INI", add_name, &newest);
    if (newest.count)
        qsort(newest.list, newest.count, sizeof *newest.list, by_use);
    for (size_t i = 0; i < newest.count; i++) {
        struct proofs proofs = {0};
        if (goes_on)
            add_named(&proofs, newest.list[i].content_id, newest.list[i].version, place);
        if (proofs.count) {
            qsort(proofs.list, proofs.count, sizeof *proofs.list, by_digest);
            goes_on = each(arg, &proofs);
        }
        proofs_free(&proofs);
        free(newest.list[i].content_id);
    }
    free(newest.list);
}

/* ---- asked ---- */

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

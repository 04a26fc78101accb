#include "agent/transfer/prestage.h"

#include "agent/loop/pool.h"
#include "policy/base/beneath.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run {
    struct cache *cache;
    const struct prestage_order *order;
    struct prestage_report *report;
    struct staging *staging;
    struct manifest held; /* what the library says that it holds; empty where policy says it */
    struct manifest list; /* the same without digests */
    pthread_mutex_t lock; /* guards the report and `why` */
    struct error why;
    bool wrong;
};

/* ---- what is wrong ---- */

static enum finding_kind kind_of(enum library_problem problem)
{
    switch (problem) {
    case LIBRARY_MISSING: return FINDING_MISSING;
    case LIBRARY_IRREGULAR: return FINDING_FOREIGN;
    case LIBRARY_SHORT: return FINDING_TRUNCATED;
    case LIBRARY_LONG:
    case LIBRARY_RIGHT: break;
    }
    return FINDING_CHANGED;
}

/* The others are looked at all the same: who prestages wants to know all that is wrong. */
static bool blame(struct run *run, const char *name, enum finding_kind kind,
                  const struct error *why)
{
    struct prestage_report *report = run->report;
    pthread_mutex_lock(&run->lock);
    report->list = mem_grow(report->list, &report->cap, report->count + 1, sizeof *report->list);
    report->list[report->count++] = (struct finding){
        .content_id = mem_copy_string(run->order->content_id),
        .version = run->order->version,
        .file = mem_copy_string(name),
        .kind = kind,
    };
    if (!run->wrong)
        run->why = *why;
    run->wrong = true;
    pthread_mutex_unlock(&run->lock);
    return true;
}

void prestage_report_free(struct prestage_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free(report->list[i].content_id);
        free(report->list[i].file);
    }
    free(report->list);
    cache_contents_free(&report->evicted);
    *report = (struct prestage_report){0};
}

/* ---- a file ---- */

/* The digests that the bytes have on their way. */
struct copied {
    char sha256[HASH_HEX_MAX], sha1[HASH_HEX_MAX];
    int64_t size;
};

/* `to` -1: only hashes. */
static bool copy(int from, int to, struct pool_tool *tool, struct copied *copied)
{
    ssize_t got;
    *copied = (struct copied){.size = 0};
    hash_restart(tool->sha256);
    hash_restart(tool->sha1);
    while ((got = read(from, tool->piece, POOL_PIECE_BYTES)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || (to >= 0 && !beneath_write_all(to, tool->piece, (size_t)got)))
            break;
        hash_update(tool->sha256, tool->piece, (size_t)got);
        hash_update(tool->sha1, tool->piece, (size_t)got);
        copied->size += got;
    }
    hash_finish(tool->sha256, copied->sha256);
    hash_finish(tool->sha1, copied->sha1);
    return got == 0;
}

/* Where the library has it: by the digest that the policy wants, else by its own INI file. */
static int open_source(struct run *run, const struct manifest_file *wanted,
                       struct manifest_file *held, enum library_problem *problem, struct error *err)
{
    struct library *library = run->order->library;
    *problem = LIBRARY_MISSING;
    *held = *wanted;
    if ((run->order->manifest && wanted->algorithm == HASH_SHA256) ||
        library_find_file(library, run->order->content_id, run->order->version, wanted->name, held,
                          err))
        return library_open_file(library, held, problem, err);
    return -1;
}

static bool is_right(const struct manifest_file *wanted, const struct manifest_file *held,
                     const struct copied *copied)
{
    const char *digest = wanted->algorithm == HASH_SHA1 && *held->hash ? copied->sha1 : NULL;
    bool own = copied->size == wanted->size && strcmp(copied->sha256, held->hash) == 0;
    return own && (!digest || strcmp(digest, wanted->hash) == 0);
}

static bool take(struct run *run, struct staged_file *file, struct staged_part *part, int from,
                 const struct manifest_file *held, struct pool_tool *tool, struct error *err)
{
    struct copied copied;
    struct error why;
    if (!staging_empty_part(run->staging, file, part, err))
        return false;
    if (!copy(from, part->fd, tool, &copied))
        return error_errno(err, file->file->name, "cannot copy");
    if (is_right(file->file, held, &copied)) {
        pthread_mutex_lock(&run->lock);
        run->report->checked++;
        run->report->bytes += copied.size;
        pthread_mutex_unlock(&run->lock);
        return staging_keep_part(run->staging, file, part->fd, copied.sha256, err);
    }
    error_set(&why, ERROR_FAILED, BLAME_DATA, "HASH", run->order->where,
              "'%s' of %s version %lld has a wrong hash in the content library", file->file->name,
              run->order->content_id, (long long)run->order->version);
    return staging_empty_part(run->staging, file, part, err) &&
           blame(run, file->file->name, FINDING_CHANGED, &why);
}

/* An earlier run copied all of it. */
static bool is_whole(const struct staged_file *file, const struct staged_part *part,
                     const struct spans *have, const struct manifest_file *held,
                     struct pool_tool *tool, struct copied *copied)
{
    return file->file->size > 0 && spans_reach(have, 0) == file->file->size &&
           copy(part->fd, -1, tool, copied) && is_right(file->file, held, copied);
}

static bool copy_file(struct run *run, struct staged_file *file, struct pool_tool *tool,
                      struct error *err)
{
    struct manifest_file held;
    struct staged_part part;
    struct spans have = {0};
    struct error why;
    enum library_problem problem;
    int from = open_source(run, file->file, &held, &problem, &why);
    if (from < 0)
        return blame(run, file->file->name, kind_of(problem), &why);
    bool ok = staging_open_part(run->staging, file, &part, &have, err);
    if (ok) {
        struct error closing;
        struct copied copied;
        ok = is_whole(file, &part, &have, &held, tool, &copied)
                 ? staging_keep_part(run->staging, file, part.fd, copied.sha256, err)
                 : take(run, file, &part, from, &held, tool, err);
        ok = staging_close_part(file, &part, ok ? err : &closing) && ok;
    }
    spans_free(&have);
    close(from);
    return ok;
}

static bool bring_file(void *arg, struct pool_tool *tool, size_t index, struct error *err)
{
    struct run *run = arg;
    struct staged_file *file = staging_file(run->staging, index);
    if (!file->kept && file->found == STAGED_LIBRARY &&
        !staging_keep_library(run->staging, file, NULL, err))
        return false;
    return file->kept || copy_file(run, file, tool, err);
}

/* ---- the content ---- */

/* What the library holds, by names and sizes: its digests are proven by the bytes, and by the
   folder hash all together. */
static bool read_list(struct run *run, struct error *err)
{
    const struct prestage_order *order = run->order;
    char hash[HASH_HEX_MAX];
    if (!library_read(order->library, order->content_id, order->version, &run->held, hash, err))
        return false;
    struct manifest *list = &run->list;
    list->is_list = true;
    list->count = run->held.count;
    list->bytes = run->held.bytes;
    list->folders = run->held.folders;
    list->folder_count = run->held.folder_count;
    list->files = mem_zero(list->count + 1, sizeof *list->files);
    for (size_t i = 0; i < list->count; i++) {
        list->files[i] = run->held.files[i];
        const char *name = list->files[i].name;
        hash_bytes(HASH_SHA256, name, strlen(name), list->files[i].hash);
    }
    staging_take_list(run->staging, list);
    return true;
}

static bool check_folder_hash(struct run *run, struct error *err)
{
    char found[HASH_HEX_MAX];
    if (run->order->manifest)
        return true;
    staging_folder_hash(run->staging, found);
    if (strcmp(found, run->order->folder_hash) == 0)
        return true;
    staging_distrust(run->staging);
    return error_set(err, ERROR_FAILED, BLAME_DATA, "FOLDER_HASH", run->order->where,
                     "what the content library has of %s version %lld has the folder hash %s, and "
                     "the policy wants %s",
                     run->order->content_id, (long long)run->order->version, found,
                     run->order->folder_hash);
}

static bool bring_files(struct run *run, struct error *err)
{
    if (!pool_run(staging_file_count(run->staging), bring_file, run, err))
        return false;
    if (run->wrong)
        *err = run->why;
    return !run->wrong;
}

static bool bring_content(struct run *run, struct error *err)
{
    const struct prestage_order *order = run->order;
    char *origin = mem_format("library %s", order->where);
    staging_set_origin(run->staging, origin);
    free(origin);
    return (order->manifest || read_list(run, err)) && staging_survey(run->staging, err) &&
           staging_keep_proven(run->staging, err) && staging_make_room(run->staging, err) &&
           bring_files(run, err) && check_folder_hash(run, err) &&
           staging_publish(run->staging, err);
}

bool prestage(struct cache *cache, const struct prestage_order *order,
              struct prestage_report *report, struct error *err)
{
    struct run run = {.cache = cache, .order = order, .report = report};
    run.staging = staging_open(cache, order->content_id, order->version, order->manifest, err);
    if (!run.staging)
        return false;
    pthread_mutex_init(&run.lock, NULL);
    bool ok = bring_content(&run, err);
    pthread_mutex_destroy(&run.lock);
    cache_contents_free(&report->evicted);
    staging_take_evicted(run.staging, &report->evicted);
    staging_close(run.staging);
    free(run.list.files);
    manifest_free(&run.held);
    return ok;
}

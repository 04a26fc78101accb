/*
 * A content without a manifest: one source says what it holds, gives all of it, and only the whole
 * is proven, by the folder hash. What a source gave that was wrong is remembered by its digests, so
 * that another's tells which file it was.
 */
#include "agent/transfer/internal.h"

#include "policy/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A source that rests longer is left for another that may be asked. */
#define REST_MAX_MS 60000

bool job_needs_list(const struct job *job)
{
    return !job->manifest;
}

/* ---- the list becomes a manifest ---- */

/* The name of a file's part: no other source's, and none of another length. */
static void make_key(const char *url, const struct source_name *name, char hex[HASH_HEX_MAX])
{
    char *text = mem_format("%.*s\n%s\n%lld", (int)source_shown_length(url), url, name->name,
                            (long long)name->size);
    hash_bytes(HASH_SHA256, text, strlen(text), hex);
    free(text);
}

static void take_names(struct manifest *manifest, const char *url, const struct source_list *list)
{
    *manifest = (struct manifest){.is_list = true, .bytes = list->bytes};
    manifest->files = mem_zero(list->count + 1, sizeof *manifest->files);
    manifest->folders = arena_zero(&manifest->arena, list->count + 1, sizeof(const char *));
    for (size_t i = 0; i < list->count; i++) {
        const struct source_name *name = &list->names[i];
        const char *copy = arena_copy_string(&manifest->arena, name->name);
        if (name->is_folder) {
            manifest->folders[manifest->folder_count++] = copy;
            continue;
        }
        struct manifest_file *file = &manifest->files[manifest->count++];
        *file = (struct manifest_file){.name = copy, .size = name->size};
        make_key(url, name, file->hash);
    }
}

static void take_list(struct job *job, struct job_source *source, const struct source_list *list)
{
    take_names(&job->list, source->url, list);
    job->manifest = &job->list;
    job->only = source;
    if (!source->form_known)
        source->form = source->first_form = list->form;
    staging_take_list(job->staging, job->manifest);
    files_prepare(job);
    trace_listed(job);
    job->working = true;
    loop_work_submit(job->engine.loop, &job->work); /* the survey */
}

/* ---- asking ---- */

static void on_listed(void *arg, const struct source_result *result, struct source_list *list)
{
    struct job *job = arg;
    struct job_source *source = job->lister;
    job->listing = NULL;
    job->lister = NULL;
    scheduler_give_back(job->engine.scheduler, &job->member, source->host);
    if (result->ok) {
        sources_note_bytes(job, source, 0, true);
        take_list(job, source, list);
        source_list_free(list);
        return;
    }
    sources_blame(job, source, result);
    plan_pump(job);
    job_look_again(job);
}

void list_pump(struct job *job)
{
    if (job->listing || job->state != JOB_DOWNLOADING_MANIFEST)
        return;
    struct job_source *source = sources_leader(job);
    if (!source || !scheduler_take(job->engine.scheduler, &job->member, source->host))
        return;
    const struct source_file named = {
        .dp = source->dp,
        .content_id = job_content(job)->id,
        .version = job_content(job)->version,
        .plain_in_cloud = job_is_plain_in_cloud(job),
    };
    const struct source_list_request request = {
        .content_url = source->url,
        .file = &named,
        .past_caches = job->past_caches,
        .stall_ms =
            job->request.wait_minutes == 0 ? job->engine.stall_ms : job->engine.wait_stall_ms,
        .done = on_listed,
        .arg = job,
    };
    job->lister = source;
    trace_listing(job, source);
    job->listing = source->kind->list(job->engine.client, &request);
}

void list_cancel(struct job *job)
{
    if (!job->listing)
        return;
    job->lister->kind->cancel_list(job->listing);
    scheduler_give_back(job->engine.scheduler, &job->member, job->lister->host);
    job->listing = NULL;
    job->lister = NULL;
}

/* ---- leaving a source ---- */

static bool has_other(const struct job *job)
{
    int64_t now = job_now(job);
    for (size_t i = 0; i < job->source_count; i++) {
        const struct job_source *other = job->sources[i];
        if (other != job->only && !other->out && other->host->not_before <= now)
            return true;
    }
    return false;
}

bool list_is_over(const struct job *job)
{
    const struct job_source *only = job->only;
    if (!only || job->state != JOB_DOWNLOADING_DATA)
        return false;
    bool rests = only->host->not_before - job_now(job) > REST_MAX_MS;
    return only->out || (rests && has_other(job));
}

void list_leave(struct job *job)
{
    job->list_over = true;
    job_halt(job);
    job->wants_resume = true;
    job_check_end(job);
}

void list_forget(struct job *job)
{
    job->list_over = job->surveyed = false;
    job->only = NULL;
    job->manifest = NULL;
    job->bytes_reused = 0;
    files_clear(job);
    manifest_free(&job->list);
}

/* ---- the verdict ---- */

bool list_verify(struct job *job)
{
    if (!job->request.folder_hash)
        return true;
    staging_folder_hash(job->staging, job->found_hash);
    if (strcmp(job->found_hash, job->request.folder_hash) == 0)
        return true;
    job->wrong_folder = true;
    staging_distrust(job->staging);
    return false;
}

static int by_name(const void *a, const void *b)
{
    const struct manifest_file *left = a, *right = b;
    return strcmp(left->name, right->name);
}

/* Its files in order of name, each with its digest. */
static void copy_digests(const struct job *job, struct manifest *given)
{
    *given = (struct manifest){.count = job->file_count};
    given->files = mem_zero(job->file_count + 1, sizeof *given->files);
    for (size_t i = 0; i < job->file_count; i++) {
        const struct staged_file *staged = job->files[i].staged;
        struct manifest_file *file = &given->files[i];
        file->name = arena_copy_string(&given->arena, staged->file->name);
        file->size = staged->file->size;
        snprintf(file->hash, sizeof file->hash, "%s", staged->sha256);
    }
    qsort(given->files, given->count, sizeof *given->files, by_name);
}

/* The first file in which `given` is not `other`, in words; false: there is none. */
static bool find_difference(const struct manifest *given, const struct manifest *other,
                            const char *dp, char *text, size_t size)
{
    size_t i = 0, k = 0;
    while (i < given->count || k < other->count) {
        const struct manifest_file *one = i < given->count ? &given->files[i] : NULL;
        const struct manifest_file *two = k < other->count ? &other->files[k] : NULL;
        int order = !one ? 1 : !two ? -1 : strcmp(one->name, two->name);
        if (order < 0)
            snprintf(text, size, "has '%.300s', which %.200s has not", one->name, dp);
        else if (order > 0)
            snprintf(text, size, "has no '%.300s', which %.200s has", two->name, dp);
        else if (strcmp(one->hash, two->hash) != 0)
            snprintf(text, size, "'%.300s' is not the same as on %.200s: SHA-256 %s, there %s",
                     one->name, dp, one->hash, two->hash);
        else {
            i++;
            k++;
            continue;
        }
        return true;
    }
    return false;
}

static void note_difference(struct job *job, struct job_source *source,
                            const struct manifest *given, const struct manifest *other,
                            const char *dp)
{
    char text[1000];
    struct error err;
    if (!find_difference(given, other, dp, text, sizeof text))
        return;
    error_set(&err, ERROR_FAILED, BLAME_SOURCE, "FILE_DIFFERS", source->url, "%s", text);
    sources_note(job, source, &err);
}

void list_proven(struct job *job)
{
    struct manifest right;
    if (!job->only)
        return;
    copy_digests(job, &right);
    for (size_t i = 0; i < job->source_count; i++) {
        struct job_source *source = job->sources[i];
        if (source->was_wrong && source != job->only)
            note_difference(job, source, &source->wrong, &right, job->only->dp->name);
    }
    manifest_free(&right);
}

/* Once more from the same, past caches, where bytes of an earlier run were among them or nobody
   else can be asked. */
static bool deserves_another_try(const struct job *job, const struct job_source *source)
{
    return !source->was_wrong && (job->bytes_reused > 0 || !has_other(job));
}

void list_refuted(struct job *job)
{
    struct job_source *source = job->only;
    struct error err;
    bool again = deserves_another_try(job, source);
    manifest_free(&source->wrong);
    copy_digests(job, &source->wrong);
    source->was_wrong = true;
    for (size_t i = 0; i < job->source_count; i++) {
        const struct job_source *other = job->sources[i];
        if (other != source && other->was_wrong)
            note_difference(job, source, &source->wrong, &other->wrong, other->dp->name);
    }
    error_set(&err, ERROR_FAILED, BLAME_SOURCE, "HASH_MISMATCH", source->url,
              "wrong hash: the folder hash of what it gave is %s, the policy says %s",
              job->found_hash, job->request.folder_hash);
    job->wrong_folder = false;
    job->past_caches = again;
    if (again)
        sources_note(job, source, &err);
    else
        sources_set_aside(job, source, &err);
    list_forget(job);
    job_go_on(job);
}

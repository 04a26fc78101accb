/* Contents that are known by their folder hash alone: their files' digests are known once all bytes
   are here, and only all of them together prove anything. */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"
#include "policy/folder_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the staging folder: the digests of files whose folder hash was right. */
#define PROVEN "proven"

void staging_take_list(struct staging *staging, const struct manifest *list)
{
    staging->list = list;
    staging->folder_hash[0] = '\0';
    staging_collect(staging, list);
}

void staging_folder_hash(struct staging *staging, char hex[HASH_HEX_MAX])
{
    const struct manifest *list = staging->list;
    size_t count = 0;
    struct folder_entry *entries =
        mem_zero(staging->file_count + list->folder_count + 1, sizeof *entries);
    for (size_t i = 0; i < staging->file_count; i++)
        entries[count++] =
            (struct folder_entry){staging->files[i].file->name, staging->files[i].sha256};
    for (size_t i = 0; i < list->folder_count; i++)
        entries[count++] = (struct folder_entry){list->folders[i], NULL};
    folder_hash(entries, count, staging->folder_hash);
    free(entries);
    snprintf(hex, HASH_HEX_MAX, "%s", staging->folder_hash);
}

/* Does the library have these bytes? A file of other bytes is in their way, and goes. */
static bool find_in_library(const struct staging *staging, const struct staged_file *file,
                            bool *found, struct error *err)
{
    char path[LIBRARY_PATH_SIZE], hex[HASH_HEX_MAX];
    cache_library_path(path, file->sha256);
    int fd = beneath_open(staging->place->dir, path, O_RDONLY | O_NONBLOCK, 0);
    *found = false;
    if (fd < 0)
        return errno == ENOENT || error_errno(err, path, "cannot open");
    bool ok = cache_digest(fd, NULL, hex) || error_errno(err, path, "cannot read");
    close(fd);
    *found = ok && strcmp(hex, file->sha256) == 0;
    return ok && (*found || beneath_remove(staging->place->dir, path, err));
}

/* Where the bytes are that stand for this digest. */
static bool find_bytes(const struct staging *staging, const struct staged_file *file, char *path,
                       size_t size, struct error *err)
{
    bool found;
    if (!find_in_library(staging, file, &found, err))
        return false;
    if (found)
        cache_library_path(path, file->sha256);
    else
        snprintf(path, size, "%s/%s", staging->path, file->file->hash);
    return true;
}

static int compare_digests(const void *a, const void *b)
{
    const struct staged_file *const *left = a, *const *right = b;
    int order = strcmp((*left)->sha256, (*right)->sha256);
    return order ? order : (*left > *right) - (*left < *right);
}

/* Files of one digest are one file. */
static bool link_files(struct staging *staging, struct error *err)
{
    char from[sizeof CACHE_STAGING + LIMIT_CONTENT_ID + HASH_HEX_MAX + 32];
    size_t count = staging->file_count;
    const struct staged_file **sorted =
        mem_resize(NULL, count + 1, sizeof(const struct staged_file *));
    bool ok = true;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &staging->files[i];
    qsort(sorted, count, sizeof *sorted, compare_digests);
    for (size_t i = 0; ok && i < count; i++) {
        bool again = i > 0 && strcmp(sorted[i]->sha256, sorted[i - 1]->sha256) == 0;
        ok = (again || find_bytes(staging, sorted[i], from, sizeof from, err)) &&
             staging_put_in_tree(staging, sorted[i], from, err);
    }
    free(sorted);
    return ok;
}

/* Parts leave for the library one by one: who is killed meanwhile finds them there again. */
static bool save_digests(const struct staging *staging, struct error *err)
{
    struct buf text = {0};
    buf_append_text(&text, "");
    for (size_t i = 0; i < staging->file_count; i++)
        buf_format(&text, "%s %s\n", staging->files[i].file->hash, staging->files[i].sha256);
    bool ok = beneath_replace(staging->dir, PROVEN, text.data, text.len, 0600, err);
    buf_free(&text);
    return ok;
}

struct proven {
    const char *key;
    char sha256[HASH_HEX_MAX];
};

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct proven *)a)->key, ((const struct proven *)b)->key);
}

/* "<key> <SHA-256>", a line each, cut in place; what is none is passed over. */
static size_t parse_digests(char *text, struct proven **out)
{
    size_t count = 0, cap = 0;
    for (char *line; (line = strsep(&text, "\n"));) {
        char *space = strchr(line, ' ');
        struct proven proven = {.key = line};
        if (!space || !hash_parse(HASH_SHA256, space + 1, proven.sha256))
            continue;
        *space = '\0';
        *out = mem_grow(*out, &cap, count + 1, sizeof **out);
        (*out)[count++] = proven;
    }
    return count;
}

void staging_recall_digests(struct staging *staging)
{
    struct buf text = {0};
    struct proven *all = NULL;
    size_t count = 0;
    for (size_t i = 0; i < staging->file_count; i++)
        staging->files[i].sha256[0] = '\0';
    if (beneath_read(staging->dir, PROVEN, LIMIT_MANIFEST_FILES * 2L * HASH_HEX_MAX, &text, NULL) &&
        text.len)
        count = parse_digests(text.data, &all);
    if (count)
        qsort(all, count, sizeof *all, compare_keys);
    for (size_t i = 0; count && i < staging->file_count; i++) {
        const struct proven wanted = {.key = staging->files[i].file->hash};
        const struct proven *found = bsearch(&wanted, all, count, sizeof *all, compare_keys);
        if (found)
            snprintf(staging->files[i].sha256, HASH_HEX_MAX, "%s", found->sha256);
    }
    free(all);
    buf_free(&text);
}

bool staging_build_tree(struct staging *staging, struct error *err)
{
    if (!save_digests(staging, err) || !link_files(staging, err))
        return false;
    for (size_t i = 0; i < staging->list->folder_count; i++) {
        char *path = mem_format(STAGING_TREE "/%s", staging->list->folders[i]);
        bool ok = beneath_make_folders(staging->dir, path, 0755, err);
        free(path);
        if (!ok)
            return false;
    }
    return true;
}

/* ---- what is in the cache ---- */

static bool has_hash(const struct record *record, const char *wanted)
{
    char hex[HASH_HEX_MAX];
    size_t count = 0;
    struct folder_entry *entries =
        mem_zero(record->count + record->folder_count + 1, sizeof *entries);
    for (size_t i = 0; i < record->count; i++)
        entries[count++] = (struct folder_entry){record->lines[i].name, record->lines[i].sha256};
    for (size_t i = 0; i < record->folder_count; i++)
        entries[count++] = (struct folder_entry){record->folders[i], NULL};
    folder_hash(entries, count, hex);
    free(entries);
    return strcmp(hex, wanted) == 0;
}

static void take_record(struct manifest *manifest, const struct record *record)
{
    struct arena *arena = &manifest->arena;
    manifest->count = record->count;
    manifest->files = mem_zero(record->count + 1, sizeof *manifest->files);
    manifest->folder_count = record->folder_count;
    manifest->folders = arena_zero(arena, record->folder_count + 1, sizeof *manifest->folders);
    for (size_t i = 0; i < record->count; i++) {
        const struct record_line *line = &record->lines[i];
        struct manifest_file *file = &manifest->files[i];
        file->name = arena_copy_string(arena, line->name);
        file->size = line->stamp.size;
        file->algorithm = HASH_SHA256;
        snprintf(file->hash, sizeof file->hash, "%s", line->sha256);
        manifest->bytes += line->stamp.size;
    }
    for (size_t i = 0; i < record->folder_count; i++)
        manifest->folders[i] = arena_copy_string(arena, record->folders[i]);
}

static bool has_folder(int tree, const char *name)
{
    int fd = beneath_open(tree, name, O_PATH | O_DIRECTORY, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool is_intact(struct checked_tree *tree, const struct manifest *manifest,
                      const struct record *record)
{
    for (size_t i = 0; i < manifest->count; i++)
        if (!cache_is_intact(tree, &manifest->files[i], &record->lines[i]))
            return false;
    for (size_t i = 0; i < manifest->folder_count; i++)
        if (!has_folder(tree->dir, manifest->folders[i]))
            return false;
    return true;
}

bool cache_has_folder(struct cache *cache, const char *content_id, int64_t version,
                      const char *folder_hash, struct manifest *manifest)
{
    struct record record;
    struct checked_tree tree;
    *manifest = (struct manifest){0};
    if (!cache_open_checked(cache, content_id, version, &tree, &record))
        return false;
    bool ok = strcmp(record.folder_hash, folder_hash) == 0 && has_hash(&record, folder_hash);
    if (ok) {
        take_record(manifest, &record);
        ok = is_intact(&tree, manifest, &record);
    }
    if (ok)
        cache_keep_stamps(cache, &tree, &record);
    if (!ok)
        manifest_free(manifest);
    cache_close_checked(&tree);
    record_free(&record);
    return ok;
}

bool cache_recorded(const struct cache *cache, const char *content_id, int64_t version,
                    struct manifest *manifest)
{
    struct record record;
    const struct place *place = cache_find(cache, content_id, version);
    if (!place || !record_read(place, content_id, version, &record))
        return false;
    *manifest = (struct manifest){0};
    take_record(manifest, &record);
    record_free(&record);
    return true;
}

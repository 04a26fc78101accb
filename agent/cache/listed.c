/* Contents that are known by their folder hash alone: their files' digests are known once all bytes
   are here, and only all of them together prove anything. */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"
#include "policy/folder_hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

bool staging_build_tree(struct staging *staging, struct error *err)
{
    for (size_t i = 0; i < staging->file_count; i++) {
        const struct staged_file *file = &staging->files[i];
        char *from = mem_format("%s/%s", staging->path, file->file->hash);
        bool ok = staging_put_in_tree(staging, file, from, err);
        free(from);
        if (!ok)
            return false;
    }
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
        file->size = line->size;
        file->algorithm = HASH_SHA256;
        snprintf(file->hash, sizeof file->hash, "%s", line->sha256);
        manifest->bytes += line->size;
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

static bool is_intact(int tree, const struct manifest *manifest, const struct record *record)
{
    for (size_t i = 0; i < manifest->count; i++)
        if (!cache_is_intact(tree, &manifest->files[i], &record->lines[i]))
            return false;
    for (size_t i = 0; i < manifest->folder_count; i++)
        if (!has_folder(tree, manifest->folders[i]))
            return false;
    return true;
}

bool cache_has_folder(const struct cache *cache, const char *content_id, int64_t version,
                      const char *folder_hash, struct manifest *manifest)
{
    struct record record;
    *manifest = (struct manifest){0};
    if (!record_read(cache, content_id, version, &record))
        return false;
    int tree = cache_open_tree(cache, content_id, version);
    bool ok =
        tree >= 0 && strcmp(record.folder_hash, folder_hash) == 0 && has_hash(&record, folder_hash);
    if (ok) {
        take_record(manifest, &record);
        ok = is_intact(tree, manifest, &record);
    }
    if (!ok)
        manifest_free(manifest);
    if (tree >= 0)
        close(tree);
    record_free(&record);
    return ok;
}

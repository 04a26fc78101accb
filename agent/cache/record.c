/* A content's record: INI text, one line a file (SHA-256, size, time of change, name). One that
   came by a list has its folder hash and its empty folders in the head. */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES_MAX (LIMIT_MANIFEST_FILES * 512L)

static char *record_path(const char *content_id, int64_t version)
{
    return mem_format(CACHE_DATALIB "/%s.%lld.INI", content_id, (long long)version);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct record_line *)a)->name, ((const struct record_line *)b)->name);
}

/* "Hash=<folder hash>" and "Folder=<name>", a line each; others are passed over. */
static bool parse_head(char *text, struct record *record)
{
    size_t cap = 0;
    for (char *line; (line = strsep(&text, "\n"));) {
        if (text_starts_with(line, "Hash=") && line[5] &&
            !hash_parse(HASH_SHA256, line + 5, record->folder_hash))
            return false;
        if (!text_starts_with(line, "Folder="))
            continue;
        record->folders =
            mem_grow(record->folders, &cap, record->folder_count + 1, sizeof *record->folders);
        record->folders[record->folder_count++] = mem_copy_string(line + strlen("Folder="));
    }
    return true;
}

/* "<SHA-256> <size> <nanoseconds> <name>" */
static bool parse_line(char *text, struct record_line *line)
{
    char *size = strchr(text, ' ');
    char *time = size ? strchr(size + 1, ' ') : NULL;
    char *name = time ? strchr(time + 1, ' ') : NULL;
    if (!name)
        return false;
    *size++ = *time++ = *name++ = '\0';
    if (!hash_parse(HASH_SHA256, text, line->sha256) ||
        !text_to_int(size, 0, INT64_MAX, &line->size) ||
        !text_to_int(time, INT64_MIN, INT64_MAX, &line->mtime_ns))
        return false;
    line->name = mem_copy_string(name);
    return true;
}

static bool parse(char *text, struct record *record)
{
    static const char files[] = "\n[Files]\n";
    size_t cap = 0;
    char *at = strstr(text, files);
    if (!at)
        return false;
    *at = '\0';
    at += sizeof files - 1;
    if (!parse_head(text, record))
        return false;
    while (*at) {
        char *end = strchr(at, '\n');
        if (!end)
            return false;
        *end = '\0';
        record->lines = mem_grow(record->lines, &cap, record->count + 1, sizeof *record->lines);
        if (!parse_line(at, &record->lines[record->count]))
            return false;
        record->count++;
        at = end + 1;
    }
    if (record->count)
        qsort(record->lines, record->count, sizeof *record->lines, by_name);
    return true;
}

bool record_read(const struct cache *cache, const char *content_id, int64_t version,
                 struct record *record)
{
    *record = (struct record){0};
    char *path = record_path(content_id, version);
    struct buf text = {0};
    bool ok = beneath_read(cache->dir, path, RECORD_BYTES_MAX, &text, NULL) && text.data &&
              parse(text.data, record);
    if (!ok)
        record_free(record);
    buf_free(&text);
    free(path);
    return ok;
}

void record_free(struct record *record)
{
    for (size_t i = 0; i < record->count; i++)
        free(record->lines[i].name);
    for (size_t i = 0; i < record->folder_count; i++)
        free(record->folders[i]);
    free(record->folders);
    free(record->lines);
    *record = (struct record){0};
}

const struct record_line *record_find(const struct record *record, const char *name)
{
    size_t low = 0, high = record->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, record->lines[middle].name);
        if (order == 0)
            return &record->lines[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool record_write(const struct cache *cache, const char *content_id, int64_t version,
                  struct staging *staging, struct error *err)
{
    struct buf text = {0};
    const struct manifest *list = staging->list;
    buf_format(&text, "[Info]\nContentID=%s\nVersion=%lld\nHash=%s\n", content_id,
               (long long)version, staging->folder_hash);
    for (size_t i = 0; list && i < list->folder_count; i++)
        buf_format(&text, "Folder=%s\n", list->folders[i]);
    buf_append_text(&text, "[Files]\n");
    for (size_t i = 0; i < staging_file_count(staging); i++) {
        const struct staged_file *file = staging_file(staging, i);
        for (size_t n = 0; n < file->name_count; n++)
            buf_format(&text, "%s %lld %lld %s\n", file->sha256, (long long)file->file->size,
                       (long long)file->mtime_ns, file->names[n]);
    }
    char *path = record_path(content_id, version);
    bool ok = beneath_replace(cache->dir, path, text.data, text.len, 0644, err);
    free(path);
    buf_free(&text);
    return ok;
}

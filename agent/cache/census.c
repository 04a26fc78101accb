#include "agent/cache/census.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a pass over the places needs. */
struct counting {
    const struct cache *cache;
    struct census *census;
};

static struct census_content *add_content(struct counting *counting, const char *content_id,
                                          int64_t version, const struct place *place)
{
    struct census *census = counting->census;
    const struct cache_rules *rules = &counting->cache->rules;
    census->list = mem_grow(census->list, &census->cap, census->count + 1, sizeof *census->list);
    struct census_content *content = &census->list[census->count++];
    *content = (struct census_content){
        .content_id = mem_copy_string(content_id),
        .version = version,
        .place = place,
        .pinned = rules->is_pinned && rules->is_pinned(rules->arg, content_id, version),
    };
    return content;
}

static void add_lines(struct census *census, const struct record *record)
{
    census->lines = mem_grow(census->lines, &census->line_cap,
                             census->line_count + record->count + 1, sizeof *census->lines);
    for (size_t i = 0; i < record->count; i++) {
        struct census_line *line = &census->lines[census->line_count++];
        *line = (struct census_line){.size = record->lines[i].stamp.size};
        memcpy(line->sha256, record->lines[i].sha256, sizeof line->sha256);
    }
}

static void add_complete(void *arg, const char *content_id, int64_t version,
                         const struct place *place)
{
    struct counting *counting = arg;
    struct record record;
    if (!record_read(place, content_id, version, &record))
        return;
    struct census_content *content = add_content(counting, content_id, version, place);
    content->used_ms = record.used_ms;
    content->names = record.count;
    content->origin = mem_copy_string(record.origin);
    content->first = counting->census->line_count;
    content->count = record.count;
    for (size_t i = 0; i < record.count; i++)
        content->size += record.lines[i].stamp.size;
    add_lines(counting->census, &record);
    record_free(&record);
}

/* What lies in a staging folder beside its lock. */
static void add_up(int dir, struct census_content *content)
{
    DIR *folder = fdopendir(dir);
    if (!folder) {
        close(dir);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder));) {
        struct stat status;
        if (strcmp(entry->d_name, "lock") == 0 ||
            fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode))
            continue;
        int64_t changed = stamp_of(&status).mtime_ns / 1000000;
        content->size += status.st_blocks * 512;
        content->names++;
        content->used_ms = changed > content->used_ms ? changed : content->used_ms;
    }
    closedir(folder);
}

static void add_partial(void *arg, const char *content_id, int64_t version,
                        const struct place *place)
{
    struct counting *counting = arg;
    char *path = mem_format(CACHE_STAGING "/%s.%lld", content_id, (long long)version);
    int dir = beneath_open(place->dir, path, O_RDONLY | O_DIRECTORY, 0);
    free(path);
    if (dir < 0)
        return;
    struct census_content *content = add_content(counting, content_id, version, place);
    content->partial = true;
    content->origin = mem_copy_string("");
    add_up(dir, content);
    if (content->names == 0) {
        free(content->content_id);
        free(content->origin);
        counting->census->count--;
    }
}

static int by_use(const void *a, const void *b)
{
    const struct census_content *left = a, *right = b;
    if (left->used_ms != right->used_ms)
        return left->used_ms < right->used_ms ? -1 : 1;
    int order = strcmp(left->content_id, right->content_id);
    return order ? order : (left->version > right->version) - (left->version < right->version);
}

/* ---- what is shared ---- */

struct sorted_line {
    const struct place *place;
    struct census_line *line;
};

static int by_digest(const void *a, const void *b)
{
    const struct sorted_line *left = a, *right = b;
    if (left->place != right->place)
        return left->place < right->place ? -1 : 1;
    int order = strcmp(left->line->sha256, right->line->sha256);
    return order ? order : (left->line > right->line) - (left->line < right->line);
}

static struct sorted_line *sort_lines(struct census *census)
{
    struct sorted_line *sorted = mem_zero(census->line_count + 1, sizeof *sorted);
    for (size_t c = 0; c < census->count; c++) {
        const struct census_content *content = &census->list[c];
        for (size_t i = content->first; i < content->first + content->count; i++) {
            census->lines[i].content = c;
            sorted[i] = (struct sorted_line){content->place, &census->lines[i]};
        }
    }
    qsort(sorted, census->line_count, sizeof *sorted, by_digest);
    return sorted;
}

static bool same_bytes(const struct sorted_line *a, const struct sorted_line *b)
{
    return a->place == b->place && strcmp(a->line->sha256, b->line->sha256) == 0;
}

static void find_groups(struct census *census)
{
    struct sorted_line *sorted = sort_lines(census);
    census->refs = mem_zero(census->line_count + 1, sizeof *census->refs);
    for (size_t i = 0; i < census->line_count; i++) {
        struct census_line *line = sorted[i].line;
        bool first = i == 0 || !same_bytes(&sorted[i], &sorted[i - 1]);
        if (first) {
            census->group_count++;
            census->bytes += line->size;
        }
        line->group = census->group_count - 1;
        line->again = !first && sorted[i - 1].line->content == line->content;
        census->refs[line->group] += !line->again;
    }
    free(sorted);
}

void census_read(const struct cache *cache, struct census *census)
{
    *census = (struct census){0};
    struct counting counting = {cache, census};
    for (size_t i = 0; i < cache->place_count; i++) {
        names_each(&cache->places[i], CACHE_DATALIB, ".INI", add_complete, &counting);
        names_each(&cache->places[i], CACHE_STAGING, "", add_partial, &counting);
    }
    if (census->count)
        qsort(census->list, census->count, sizeof *census->list, by_use);
    find_groups(census);
    for (size_t i = 0; i < census->count; i++)
        if (census->list[i].partial)
            census->bytes += census->list[i].size;
}

void census_free(struct census *census)
{
    for (size_t i = 0; i < census->count; i++) {
        free(census->list[i].content_id);
        free(census->list[i].origin);
    }
    free(census->list);
    free(census->lines);
    free(census->refs);
    *census = (struct census){0};
}

static int64_t sum(const struct census *census, const struct census_content *content, bool shared)
{
    int64_t bytes = content->partial && !shared ? content->size : 0;
    for (size_t i = content->first; i < content->first + content->count; i++) {
        const struct census_line *line = &census->lines[i];
        if (!line->again && (census->refs[line->group] > 1) == shared)
            bytes += line->size;
    }
    return bytes;
}

int64_t census_own_bytes(const struct census *census, const struct census_content *content)
{
    return sum(census, content, false);
}

int64_t census_shared_bytes(const struct census *census, const struct census_content *content)
{
    return sum(census, content, true);
}

void census_leave(struct census *census, const struct census_content *content)
{
    for (size_t i = content->first; i < content->first + content->count; i++)
        if (!census->lines[i].again)
            census->refs[census->lines[i].group]--;
}

static void add_most(void *arg, const char *content_id, int64_t version, const struct place *place)
{
    int64_t *most = arg;
    int64_t size = record_read_size(place, content_id, version);
    if (size < 0 || __builtin_add_overflow(*most, size, most))
        *most = INT64_MAX;
}

int64_t census_most_bytes(const struct cache *cache)
{
    struct census begun = {0};
    struct counting counting = {cache, &begun};
    int64_t most = 0;
    for (size_t i = 0; i < cache->place_count; i++) {
        names_each(&cache->places[i], CACHE_DATALIB, ".INI", add_most, &most);
        names_each(&cache->places[i], CACHE_STAGING, "", add_partial, &counting);
    }
    for (size_t i = 0; i < begun.count && most < INT64_MAX; i++)
        most += begun.list[i].size;
    census_free(&begun);
    return most;
}

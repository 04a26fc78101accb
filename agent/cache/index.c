/* What contents a place has: the names in its DataLib, and PkgLib, which tells them by content ID.
 */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

bool name_split(char *name, const char *suffix, int64_t *version)
{
    size_t len = strlen(name), cut = strlen(suffix);
    if (len <= cut || strcmp(name + len - cut, suffix) != 0 || *name == '.')
        return false;
    name[len - cut] = '\0';
    char *dot = strrchr(name, '.');
    if (!dot || !text_to_int(dot + 1, 0, INT64_MAX, version))
        return false;
    *dot = '\0';
    return true;
}

void names_each(const struct place *place, const char *room, const char *suffix,
                void (*each)(void *arg, const char *content_id, int64_t version,
                             const struct place *place),
                void *arg)
{
    int fd = beneath_open(place->dir, room, O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder));) {
        int64_t version;
        char *name = mem_copy_string(entry->d_name);
        if (name_split(name, suffix, &version))
            each(arg, name, version, place);
        free(name);
    }
    closedir(folder);
}

struct index {
    const char *content_id;
    size_t count, cap;
    int64_t *versions;
};

static void add_version(void *arg, const char *content_id, int64_t version,
                        const struct place *place)
{
    struct index *index = arg;
    (void)place;
    if (strcmp(content_id, index->content_id) != 0)
        return;
    index->versions =
        mem_grow(index->versions, &index->cap, index->count + 1, sizeof *index->versions);
    index->versions[index->count++] = version;
}

static int compare_versions(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static bool is_written(const struct place *place, const char *path, const struct buf *text)
{
    struct buf there = {0};
    bool same = beneath_read(place->dir, path, (size_t)LIMIT_DOCUMENT_BYTES, &there, NULL) &&
                there.len == text->len && memcmp(there.data, text->data, text->len) == 0;
    buf_free(&there);
    return same;
}

static bool write_versions(const struct place *place, const struct index *index, bool sync,
                           struct error *err)
{
    struct buf text = {0};
    char *path = mem_format(CACHE_PKGLIB "/%s.INI", index->content_id);
    buf_append_text(&text, "[Packages]\n");
    for (size_t i = 0; i < index->count; i++)
        buf_format(&text, "%s.%lld=\n", index->content_id, (long long)index->versions[i]);
    bool ok = index->count == 0 ? beneath_remove(place->dir, path, err)
                                : is_written(place, path, &text) ||
                                      (sync ? beneath_replace : beneath_replace_unsynced)(
                                          place->dir, path, text.data, text.len, 0644, err);
    free(path);
    buf_free(&text);
    return ok;
}

/* One writer at a time: what it lists is what DataLib has by then. -1: why is in `err`. */
static int lock_room(const struct place *place, struct error *err)
{
    int room = beneath_open(place->dir, CACHE_PKGLIB, O_RDONLY | O_DIRECTORY, 0);
    if (room >= 0 && flock(room, LOCK_EX) == 0)
        return room;
    error_errno(err, CACHE_PKGLIB, "cannot lock");
    if (room >= 0)
        close(room);
    return -1;
}

static bool write_index(const struct cache *cache, const struct place *place,
                        const char *content_id, struct error *err)
{
    struct index index = {.content_id = content_id};
    names_each(place, CACHE_DATALIB, ".INI", add_version, &index);
    if (index.count)
        qsort(index.versions, index.count, sizeof *index.versions, compare_versions);
    bool ok = write_versions(place, &index, cache->sync, err);
    free(index.versions);
    return ok;
}

bool index_write(const struct cache *cache, const struct place *place, const char *content_id,
                 struct error *err)
{
    int room = lock_room(place, err);
    if (room < 0)
        return false;
    bool ok = write_index(cache, place, content_id, err);
    close(room);
    return ok;
}

bool index_names(const struct place *place, const char *content_id, int64_t version)
{
    struct buf text = {0};
    char *path = mem_format(CACHE_PKGLIB "/%s.INI", content_id);
    char *line = mem_format("\n%s.%lld=\n", content_id, (long long)version);
    bool found = beneath_read(place->dir, path, (size_t)LIMIT_DOCUMENT_BYTES, &text, NULL) &&
                 text.data && strstr(text.data, line);
    buf_free(&text);
    free(line);
    free(path);
    return found;
}

static void renew(void *arg, const char *content_id, int64_t version, const struct place *place)
{
    struct error err;
    (void)version;
    write_index(arg, place, content_id, &err);
}

/* A name that PkgLib has: an index, or what a killed writer left. */
static void renew_name(const struct cache *cache, const struct place *place, const char *name)
{
    struct error err;
    size_t len = strlen(name), cut = strlen(".INI");
    if (*name == '.') {
        char *path = mem_format(CACHE_PKGLIB "/%s", name);
        if (len > 2)
            beneath_remove(place->dir, path, NULL);
        free(path);
    } else if (len > cut && strcmp(name + len - cut, ".INI") == 0) {
        char *content_id = mem_copy_bytes(name, len - cut);
        write_index(cache, place, content_id, &err);
        free(content_id);
    }
}

void indexes_renew(struct cache *cache, const struct place *place)
{
    struct error err;
    int room = lock_room(place, &err);
    DIR *folder = room < 0 ? NULL : fdopendir(room);
    if (folder) {
        for (const struct dirent *entry; (entry = readdir(folder));)
            renew_name(cache, place, entry->d_name);
        names_each(place, CACHE_DATALIB, ".INI", renew, cache);
        closedir(folder);
    } else if (room >= 0) {
        close(room);
    }
}

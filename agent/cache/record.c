/* A content's record: INI text, one line a file (SHA-256, size, times of change, name), in the head
   what is true of the whole. */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"
#include "policy/folder_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_BYTES_MAX (LIMIT_MANIFEST_FILES * 512L)
/* A record of another form is no record: its content is looked at anew. */
#define RECORD_FORM "Form=2"

struct stamp stamp_of(const struct stat *status)
{
    return (struct stamp){
        .size = status->st_size,
        .mtime_ns = (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec,
        .ctime_ns = (int64_t)status->st_ctim.tv_sec * 1000000000 + status->st_ctim.tv_nsec,
    };
}

bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
    return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* ---- read ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct record_line *)a)->name, ((const struct record_line *)b)->name);
}

static const char *value_of(const char *line, const char *key)
{
    size_t len = strlen(key);
    return strncmp(line, key, len) == 0 && line[len] == '=' ? line + len + 1 : NULL;
}

static bool take_folder(struct record *record, size_t *cap, const char *name)
{
    record->folders =
        mem_grow(record->folders, cap, record->folder_count + 1, sizeof *record->folders);
    record->folders[record->folder_count++] = name;
    return true;
}

/* Lines "Key=value"; of keys that it does not know it makes nothing. */
static bool parse_head(char *text, struct record *record)
{
    size_t cap = 0;
    bool ok = true, has_form = false;
    char hex[HASH_HEX_MAX];
    for (char *line; ok && (line = strsep(&text, "\n"));) {
        const char *value;
        has_form = has_form || strcmp(line, RECORD_FORM) == 0;
        if ((value = value_of(line, "ContentID")))
            record->content_id = value;
        else if ((value = value_of(line, "Version")))
            ok = text_to_int(value, 0, INT64_MAX, &record->version);
        else if ((value = value_of(line, "Origin")))
            record->origin = value;
        else if ((value = value_of(line, "Hash")))
            ok = !*(record->folder_hash = value) || hash_parse(HASH_SHA256, value, hex);
        else if ((value = value_of(line, "Folder")))
            ok = take_folder(record, &cap, value);
    }
    return ok && has_form && record->content_id;
}

static bool take_number(char **at, int64_t *out)
{
    char *text = strsep(at, " ");
    return *at && text_to_int(text, INT64_MIN, INT64_MAX, out);
}

/* "<SHA-256> <size> <time of change> <time of its metadata's> <name>", times in nanoseconds */
static bool parse_line(char *at, struct record_line *line)
{
    char *digest = strsep(&at, " ");
    if (!at || !hash_parse(HASH_SHA256, digest, line->sha256) ||
        !take_number(&at, &line->stamp.size) || !take_number(&at, &line->stamp.mtime_ns) ||
        !take_number(&at, &line->stamp.ctime_ns) || line->stamp.size < 0)
        return false;
    line->name = at;
    return *at != '\0';
}

static bool parse_lines(char *at, struct record *record)
{
    size_t cap = 0;
    bool sorted = true;
    while (*at) {
        char *end = strchr(at, '\n');
        if (!end)
            return false;
        *end = '\0';
        record->lines = mem_grow(record->lines, &cap, record->count + 1, sizeof *record->lines);
        struct record_line *line = &record->lines[record->count];
        if (!parse_line(at, line))
            return false;
        sorted = sorted && (record->count == 0 || strcmp(line[-1].name, line->name) < 0);
        record->count++;
        at = end + 1;
    }
    if (!sorted)
        qsort(record->lines, record->count, sizeof *record->lines, by_name);
    return true;
}

static bool parse(struct record *record)
{
    static const char files[] = "\n[Files]\n";
    char *at = strstr(record->text.data, files);
    if (!at)
        return false;
    *at = '\0';
    return parse_head(record->text.data, record) && parse_lines(at + sizeof files - 1, record);
}

static bool read_open(int fd, struct record *record)
{
    struct stat status;
    if (fstat(fd, &status) != 0 ||
        !beneath_read_open(fd, "", RECORD_BYTES_MAX, &record->text, NULL) || !record->text.data)
        return false;
    record->used_ms = stamp_of(&status).mtime_ns / 1000000;
    return parse(record);
}

int64_t record_read_size(const struct place *place, const char *content_id, int64_t version)
{
    char head[1024];
    int64_t size = -1;
    char *path = cache_data_path(content_id, version, ".INI");
    int fd = beneath_open(place->dir, path, O_RDONLY | O_NONBLOCK, 0);
    ssize_t got = fd < 0 ? 0 : pread(fd, head, sizeof head - 1, 0);
    head[got > 0 ? got : 0] = '\0';
    char *value = strstr(head, "\nSize=");
    char *end = value ? strchr(value + 1, '\n') : NULL;
    if (end) {
        *end = '\0';
        text_to_int(value + strlen("\nSize="), 0, INT64_MAX, &size);
    }
    if (fd >= 0)
        close(fd);
    free(path);
    return size;
}

bool record_read(const struct place *place, const char *content_id, int64_t version,
                 struct record *record)
{
    *record = (struct record){.origin = "", .folder_hash = ""};
    char *path = cache_data_path(content_id, version, ".INI");
    int fd = beneath_open(place->dir, path, O_RDONLY | O_NONBLOCK, 0);
    bool ok = fd >= 0 && read_open(fd, record);
    if (!ok)
        record_free(record);
    if (fd >= 0)
        close(fd);
    free(path);
    return ok;
}

void record_free(struct record *record)
{
    buf_free(&record->text);
    free(record->folders);
    free(record->lines);
    *record = (struct record){.origin = "", .folder_hash = ""};
}

struct record_line *record_find(const struct record *record, const char *name)
{
    const struct record_line wanted = {.name = name};
    return record->count
               ? bsearch(&wanted, record->lines, record->count, sizeof *record->lines, by_name)
               : NULL;
}

/* ---- written ---- */

struct named {
    const char *name, *sha256;
    int64_t size;
};

static int by_written_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static struct named *collect_names(const struct staging *staging)
{
    size_t count = 0;
    struct named *names = mem_zero(staging->name_count + 1, sizeof *names);
    for (size_t i = 0; i < staging->file_count; i++) {
        const struct staged_file *file = &staging->files[i];
        for (size_t n = 0; n < file->name_count; n++)
            names[count++] = (struct named){file->names[n], file->sha256, file->file->size};
    }
    qsort(names, count, sizeof *names, by_written_name);
    return names;
}

/* Of one that came by a list it is known, and was held against the policy's. */
static void find_folder_hash(struct staging *staging, const struct named *names)
{
    if (*staging->folder_hash)
        return;
    struct folder_entry *entries = mem_zero(staging->name_count + 1, sizeof *entries);
    for (size_t i = 0; i < staging->name_count; i++)
        entries[i] = (struct folder_entry){names[i].name, names[i].sha256};
    folder_hash(entries, staging->name_count, staging->folder_hash);
    free(entries);
}

/* Its size stands near the beginning: a look at the first bytes is enough to add sizes up. */
static void add_head(struct buf *text, const struct record *head, int64_t size)
{
    buf_format(text,
               "[Info]\n" RECORD_FORM "\nContentID=%s\nVersion=%lld\nSize=%lld\nHash=%s\n"
               "Files=%zu\nOrigin=%s\n",
               head->content_id, (long long)head->version, (long long)size, head->folder_hash,
               head->count, head->origin);
    for (size_t i = 0; i < head->folder_count; i++)
        buf_format(text, "Folder=%s\n", head->folders[i]);
    buf_append_text(text, "[Files]\n");
}

static void add_line(struct buf *text, const char *sha256, const struct stamp *stamp,
                     const char *name)
{
    buf_format(text, "%s %lld %lld %lld %s\n", sha256, (long long)stamp->size,
               (long long)stamp->mtime_ns, (long long)stamp->ctime_ns, name);
}

/* What stands there now is what was verified: nobody else has been in the staging folder. */
static bool add_lines(struct buf *text, struct walk *walk, const struct named *names, size_t count,
                      struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *leaf;
        struct stat status;
        int parent = walk_parent(walk, names[i].name, &leaf);
        if (parent < 0 || fstatat(parent, leaf, &status, AT_SYMLINK_NOFOLLOW) != 0)
            return error_errno(err, names[i].name, "cannot look at");
        if (!S_ISREG(status.st_mode) || status.st_size != names[i].size)
            return error_set(err, ERROR_FAILED, BLAME_DISK, "CACHE", names[i].name,
                             "changed while it was being published");
        struct stamp stamp = stamp_of(&status);
        add_line(text, names[i].sha256, &stamp, names[i].name);
    }
    return true;
}

static bool put_record(const struct place *place, const struct record *head, const struct buf *text,
                       struct error *err)
{
    char *path = cache_data_path(head->content_id, head->version, ".INI");
    bool ok = beneath_replace_unsynced(place->dir, path, text->data, text->len, 0644, err);
    free(path);
    return ok;
}

static bool write_tree(struct staging *staging, int tree, const struct record *head,
                       const struct named *names, struct error *err)
{
    struct buf text = {0};
    struct walk walk;
    int64_t size = 0;
    walk_begin(&walk, tree);
    for (size_t i = 0; i < head->count; i++)
        size += names[i].size;
    add_head(&text, head, size);
    bool ok = add_lines(&text, &walk, names, head->count, err) &&
              put_record(staging->place, head, &text, err);
    walk_end(&walk);
    buf_free(&text);
    return ok;
}

bool record_write(struct staging *staging, struct error *err)
{
    const struct manifest *list = staging->list;
    int tree = beneath_open(staging->dir, STAGING_TREE, O_PATH | O_DIRECTORY, 0);
    if (tree < 0)
        return error_errno(err, staging->path, "cannot open the tree of");
    struct named *names = collect_names(staging);
    find_folder_hash(staging, names);
    const struct record head = {
        .content_id = staging->content_id,
        .version = staging->version,
        .folder_hash = staging->folder_hash,
        .origin = staging->origin ? staging->origin : "",
        .folder_count = list ? list->folder_count : 0,
        .folders = list ? list->folders : NULL,
        .count = staging->name_count,
    };
    bool ok = write_tree(staging, tree, &head, names, err);
    close(tree);
    free(names);
    return ok;
}

static bool keep_use(const struct place *place, const struct record *record)
{
    const struct timespec used = {.tv_sec = record->used_ms / 1000,
                                  .tv_nsec = record->used_ms % 1000 * 1000000};
    const struct timespec times[2] = {used, used};
    char *path = cache_data_path(record->content_id, record->version, ".INI");
    int fd = beneath_open(place->dir, path, O_RDONLY | O_NONBLOCK, 0);
    bool ok = fd >= 0 && futimens(fd, times) == 0;
    if (fd >= 0)
        close(fd);
    free(path);
    return ok;
}

bool record_rewrite(const struct place *place, const struct record *record, struct error *err)
{
    struct buf text = {0};
    int64_t size = 0;
    for (size_t i = 0; i < record->count; i++)
        size += record->lines[i].stamp.size;
    add_head(&text, record, size);
    for (size_t i = 0; i < record->count; i++)
        add_line(&text, record->lines[i].sha256, &record->lines[i].stamp, record->lines[i].name);
    bool ok = put_record(place, record, &text, err);
    buf_free(&text);
    return ok && (keep_use(place, record) ||
                  error_errno(err, record->content_id, "cannot set the time of the record of"));
}

/*
 * What lies ahead of a part's front: `<digest>.ahead` beside it, a line "START END" for each run
 * that was written, after it was written, the front's own first. While it is there it says what
 * the part holds, and the part's length says nothing.
 */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line for every 128 KiB of 64 GiB. */
#define JOURNAL_BYTES_MAX (16L * MIB)

char *journal_path(const struct staged_file *file)
{
    return mem_format("%s.ahead", file->file->hash);
}

static void add_lines(struct buf *text, const struct spans *spans)
{
    for (size_t i = 0; i < spans->count; i++)
        buf_format(text, "%lld %lld\n", (long long)spans->list[i].start,
                   (long long)spans->list[i].end);
}

static bool read_number(const char **at, const char *end, char stop, int64_t *out)
{
    const char *mark = memchr(*at, stop, (size_t)(end - *at));
    if (!mark || mark - *at > 19)
        return false;
    char *text = mem_copy_bytes(*at, (size_t)(mark - *at));
    bool ok = text_to_int(text, 0, INT64_MAX, out);
    free(text);
    *at = mark + 1;
    return ok;
}

/* A torn last line, or one that is none, ends it. */
static void read_lines(const struct buf *text, int64_t size, struct spans *have)
{
    const char *at = text->data, *end = at + text->len;
    int64_t from, to;
    while (at < end && read_number(&at, end, ' ', &from) && read_number(&at, end, '\n', &to))
        spans_add(have, from, to < size ? to : size);
}

bool staging_load_ahead(struct staging *staging, const struct staged_file *file, int64_t size,
                        struct spans *have, struct error *err)
{
    struct buf text = {0}, clean = {0};
    struct error why = {.kind = ERROR_NONE};
    char *path = journal_path(file);
    int dir = staging_folder(staging);
    bool ok = true;
    if (beneath_read(dir, path, JOURNAL_BYTES_MAX, &text, &why)) {
        if (text.len)
            read_lines(&text, size, have);
        /* Claims that outlived their bytes must not come true by later ones. */
        add_lines(&clean, have);
        ok = beneath_replace(dir, path, clean.data ? clean.data : "", clean.len, 0600, err);
    } else if (strcmp(why.code, "ENOENT") == 0) {
        spans_add(have, 0, size);
    } else {
        ok = beneath_remove(dir, path, err);
    }
    buf_free(&text);
    buf_free(&clean);
    free(path);
    return ok;
}

int staging_open_ahead(struct staging *staging, const struct staged_file *file, int64_t front,
                       struct error *err)
{
    struct spans first = {0};
    struct stat st;
    char *path = journal_path(file);
    int fd = beneath_open(staging_folder(staging), path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK,
                          0600);
    bool ok = fd >= 0 && fstat(fd, &st) == 0;
    if (!ok)
        error_errno(err, file->file->name, "cannot open the record of the part of");
    free(path);
    if (ok && st.st_size == 0) {
        spans_add(&first, 0, front);
        ok = staging_note_ahead(fd, file, &first, err);
        spans_free(&first);
    }
    if (!ok && fd >= 0)
        close(fd);
    return ok ? fd : -1;
}

bool staging_note_ahead(int fd, const struct staged_file *file, const struct spans *written,
                        struct error *err)
{
    struct buf lines = {0};
    add_lines(&lines, written);
    bool ok = lines.len == 0 || beneath_write_all(fd, lines.data, lines.len) ||
              error_errno(err, file->file->name, "cannot write the record of the part of");
    buf_free(&lines);
    return ok;
}

void staging_forget_ahead(struct staging *staging, const struct staged_file *file)
{
    char *path = journal_path(file);
    beneath_remove(staging_folder(staging), path, NULL);
    free(path);
}

/* A file's part in the staging folder, and what is kept beside it: the record of what lies ahead,
   the validator. */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is appended to a record before it is made anew, with what touches merged. */
#define RECORD_GROWTH ((size_t)MIB)

/* A killed run may have left the part as it is published: read-only. */
static int open_writable(const struct staging *staging, const char *name)
{
    int flags = O_RDWR | O_CREAT | O_NONBLOCK;
    int fd = beneath_open(staging->dir, name, flags, 0600);
    if (fd >= 0 || errno != EACCES)
        return fd;
    fd = beneath_open(staging->dir, name, O_RDONLY | O_NONBLOCK, 0);
    bool ok = fd >= 0 && fchmod(fd, 0600) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? beneath_open(staging->dir, name, flags, 0600) : -1;
}

/* A name that is no file of ours alone (a link planted beside it) is given up, not written to. */
static int open_own(const struct staging *staging, const char *name, struct stat *st)
{
    int fd = open_writable(staging, name);
    if (fd < 0 || fstat(fd, st) != 0 || (S_ISREG(st->st_mode) && st->st_nlink == 1))
        return fd;
    close(fd);
    if (!beneath_remove(staging->dir, name, NULL))
        return -1;
    fd = beneath_open(staging->dir, name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd >= 0)
        st->st_size = 0;
    return fd;
}

static char *record_path(const struct staged_file *file)
{
    return mem_format("%s.ahead", file->file->hash);
}

static char *validator_path(const struct staged_file *file)
{
    return mem_format("%s.validator", file->file->hash);
}

void staging_remove_part(const struct staging *staging, const struct staged_file *file)
{
    char *record = record_path(file), *validator = validator_path(file);
    beneath_remove(staging->dir, file->file->hash, NULL);
    beneath_remove(staging->dir, record, NULL);
    beneath_remove(staging->dir, validator, NULL);
    free(validator);
    free(record);
}

/* ---- the record, read ---- */

static bool parse_number(const char **at, char end, int64_t *out)
{
    const char *digits = *at;
    int64_t value = 0;
    while (**at >= '0' && **at <= '9' && *at - digits < 18)
        value = value * 10 + (*(*at)++ - '0');
    *out = value;
    return *at > digits && *(*at)++ == end;
}

/* Up to the first line that is none; a killed writer leaves half of the last. false: nothing. */
static bool parse_record(const char *at, struct spans *have)
{
    int64_t start, end;
    bool first = true;
    while (parse_number(&at, ' ', &start) && parse_number(&at, '\n', &end) &&
           (first ? start == 0 : start < end)) {
        spans_add(have, start, end);
        first = false;
    }
    return !first;
}

static bool is_shortage(int reason)
{
    return reason == EMFILE || reason == ENFILE || reason == ENOMEM || reason == EIO;
}

enum record_state { RECORD_NONE, RECORD_READ, RECORD_BAD, RECORD_FAILED };

/* RECORD_FAILED: the disk or the process, not the record, is to blame; errno says. */
static enum record_state read_record(const struct staging *staging, const struct staged_file *file,
                                     struct spans *have)
{
    char *path = record_path(file);
    int fd = beneath_open(staging->dir, path, O_RDONLY | O_NONBLOCK, 0);
    int reason = errno;
    free(path);
    if (fd < 0) {
        errno = reason;
        return reason == ENOENT ? RECORD_NONE : is_shortage(reason) ? RECORD_FAILED : RECORD_BAD;
    }
    struct buf text = {0};
    bool ok = beneath_read_open(fd, "", LIMIT_AHEAD_BYTES, &text, NULL) && text.data &&
              parse_record(text.data, have);
    buf_free(&text);
    close(fd);
    return ok ? RECORD_READ : RECORD_BAD;
}

/* ---- the record, written ---- */

static void add_lines(struct buf *text, const struct spans *runs, size_t from)
{
    for (size_t i = from; i < runs->count; i++)
        buf_format(text, "%lld %lld\n", (long long)runs->list[i].start,
                   (long long)runs->list[i].end);
}

static void close_record(struct staged_part *part)
{
    if (part->record >= 0)
        close(part->record);
    part->record = -1;
}

/* One rename: a record is never there without its first line. */
static bool replace_record(struct staging *staging, const char *path, const struct buf *text,
                           struct staged_part *part)
{
    char *building = mem_format("%s.new", path);
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_EXCL;
    bool ok = beneath_remove(staging->dir, building, NULL);
    part->record = ok ? beneath_open(staging->dir, building, flags, 0600) : -1;
    ok = part->record >= 0 && beneath_write_all(part->record, text->data, text->len) &&
         (beneath_rename(staging->dir, building, path, 0) ||
          /* A folder in its place. */
          (beneath_remove(staging->dir, path, NULL) &&
           beneath_rename(staging->dir, building, path, 0)));
    int kept = errno;
    if (!ok) {
        close_record(part);
        beneath_remove(staging->dir, building, NULL);
    }
    free(building);
    errno = kept;
    return ok;
}

bool staging_begin_record(struct staging *staging, const struct staged_file *file,
                          struct staged_part *part, const struct spans *have, struct error *err)
{
    struct buf text = {0};
    char *path = record_path(file);
    int64_t front = spans_reach(have, 0);
    buf_format(&text, "0 %lld\n", (long long)front);
    add_lines(&text, have, front > 0);
    close_record(part);
    bool ok = replace_record(staging, path, &text, part) ||
              error_errno(err, file->file->name, "cannot write the record of");
    if (ok)
        part->recorded = true;
    part->appended = 0;
    free(path);
    buf_free(&text);
    return ok;
}

bool staging_add_to_record(struct staging *staging, const struct staged_file *file,
                           struct staged_part *part, const struct spans *runs,
                           const struct spans *have, struct error *err)
{
    if (part->record < 0 || part->appended >= RECORD_GROWTH)
        return staging_begin_record(staging, file, part, have, err);
    struct buf text = {0};
    add_lines(&text, runs, 0);
    bool ok = beneath_write_all(part->record, text.data, text.len) ||
              error_errno(err, file->file->name, "cannot write the record of");
    part->appended += text.len;
    buf_free(&text);
    return ok;
}

/* ---- the part ---- */

/* The length goes first: a record of what is not there is cut to nothing. */
bool staging_empty_part(struct staging *staging, const struct staged_file *file,
                        struct staged_part *part, struct error *err)
{
    char *path = record_path(file);
    bool ok = ftruncate(part->fd, 0) == 0 ||
              error_errno(err, file->file->name, "cannot empty the part of");
    ok = ok && beneath_remove(staging->dir, path, err);
    close_record(part);
    part->recorded = part->recorded && !ok;
    free(path);
    return ok;
}

static bool find_what_is_there(struct staging *staging, const struct staged_file *file,
                               struct staged_part *part, int64_t length, struct spans *have,
                               struct error *err)
{
    if (length > file->file->size) {
        part->note = "the part is longer than the file";
        return staging_empty_part(staging, file, part, err);
    }
    /* A record beside nothing counts for nothing. */
    enum record_state state = length ? read_record(staging, file, have) : RECORD_NONE;
    part->recorded = state == RECORD_READ;
    switch (state) {
    case RECORD_NONE: spans_add(have, 0, length); return true;
    case RECORD_READ: spans_remove(have, length, INT64_MAX); return true;
    case RECORD_BAD:
        part->note = "the record of what the part has is damaged";
        return staging_empty_part(staging, file, part, err);
    case RECORD_FAILED: break;
    }
    return error_errno(err, file->file->name, "cannot read the record of");
}

bool staging_open_part(struct staging *staging, const struct staged_file *file,
                       struct staged_part *part, struct spans *have, struct error *err)
{
    struct stat st = {0};
    *part = (struct staged_part){.fd = -1, .record = -1};
    int fd = open_own(staging, file->file->hash, &st);
    if (fd < 0)
        return error_errno(err, file->file->name, "cannot open the part of");
    part->fd = fd;
    if (find_what_is_there(staging, file, part, st.st_size, have, err))
        return true;
    close(fd);
    part->fd = -1;
    return false;
}

/* What it got until it failed is of use to others. */
static bool give_back_blocks(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && ftruncate(fd, st.st_size) == 0;
}

bool staging_preallocate(const struct staged_file *file, const struct staged_part *part,
                         struct error *err)
{
    int done;
    do {
        done = fallocate(part->fd, FALLOC_FL_KEEP_SIZE, 0, file->file->size);
    } while (done != 0 && errno == EINTR);
    /* Where the file system cannot, the bytes find their place as they come. */
    if (done == 0 || (errno != ENOSPC && errno != EDQUOT))
        return true;
    error_errno(err, file->file->name, "cannot make room for");
    give_back_blocks(part->fd);
    return false;
}

bool staging_close_part(struct staged_file *file, struct staged_part *part, struct error *err)
{
    struct stat st;
    if (part->fd < 0)
        return true;
    if (fstat(part->fd, &st) == 0)
        file->on_disk = st.st_blocks * 512;
    close_record(part);
    bool ok = close(part->fd) == 0 || error_errno(err, file->file->name, "cannot close");
    part->fd = -1;
    return ok;
}

/* ---- the validator ---- */

/* Two lines: the origin, the validator. Neither holds a control character. */
void staging_save_validator(struct staging *staging, const struct staged_file *file,
                            const struct staged_validator *validator)
{
    char *path = validator_path(file);
    char *text = mem_format("%s\n%s\n", validator->origin, validator->text);
    beneath_remove(staging->dir, path, NULL);
    int fd = beneath_open(staging->dir, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd >= 0 && !beneath_write_all(fd, text, strlen(text)))
        beneath_remove(staging->dir, path, NULL);
    if (fd >= 0)
        close(fd);
    free(text);
    free(path);
}

void staging_load_validator(struct staging *staging, const struct staged_file *file,
                            struct staged_validator *validator)
{
    struct buf text = {0};
    char *path = validator_path(file);
    *validator = (struct staged_validator){.origin = ""};
    bool ok = beneath_read(staging->dir, path, sizeof *validator, &text, NULL) && text.data;
    char *end = ok ? strchr(text.data, '\n') : NULL;
    char *last = end ? strchr(end + 1, '\n') : NULL;
    if (last && (size_t)(end - text.data) < sizeof validator->origin &&
        (size_t)(last - end - 1) < sizeof validator->text) {
        memcpy(validator->origin, text.data, (size_t)(end - text.data));
        memcpy(validator->text, end + 1, (size_t)(last - end - 1));
    }
    buf_free(&text);
    free(path);
}

#include "agent/cache/verify.h"
#include "agent/cache/internal.h"
#include "agent/cache/verify_progress.h"

#include "agent/loop/pool.h"
#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *finding_kind_word(enum finding_kind kind)
{
    static const char *const words[] = {"changed", "missing", "truncated", "foreign"};
    return words[kind];
}

/* A content of the pass. */
struct subject {
    char *content_id;
    int64_t version;
    const struct place *place;
    struct record record;
};

/* A name whose bytes are to be hashed. */
struct item {
    const struct subject *subject;
    const struct record_line *line;
    ino_t inode;
    int64_t ctime_ns;
};

struct pass {
    struct cache *cache;
    const struct verify_options *options;
    struct verification *result;
    size_t subject_count, subject_cap;
    struct subject *subjects;
    size_t item_count, item_cap;
    struct item *items; /* by digest; names of one file are neighbours */
    size_t file_count;
    size_t *files; /* a file's first item */
    bool *done;
    size_t front; /* all files before it are done */
    struct verify_progress progress;
    pthread_mutex_t lock; /* guards result, done, front, progress */
};

/* ---- what is found ---- */

/* Under the lock, or before there are threads. */
static void report(struct pass *pass, const struct subject *subject, const char *name,
                   enum finding_kind kind, bool repaired)
{
    struct verification *result = pass->result;
    result->list = mem_grow(result->list, &result->cap, result->count + 1, sizeof *result->list);
    struct finding *finding = &result->list[result->count++];
    *finding = (struct finding){
        .content_id = mem_copy_string(subject->content_id),
        .version = subject->version,
        .file = mem_copy_string(name),
        .kind = kind,
        .repaired = repaired,
    };
    if (pass->options->found)
        pass->options->found(pass->options->arg, finding);
}

static int by_name(const void *a, const void *b)
{
    const struct finding *left = a, *right = b;
    int order = strcmp(left->content_id, right->content_id);
    if (order == 0 && left->version != right->version)
        return left->version < right->version ? -1 : 1;
    return order ? order : strcmp(left->file, right->file);
}

void verification_free(struct verification *verification)
{
    for (size_t i = 0; i < verification->count; i++) {
        free(verification->list[i].content_id);
        free(verification->list[i].file);
    }
    free(verification->list);
    *verification = (struct verification){0};
}

static char *tree_path(const struct subject *subject, const char *name)
{
    return mem_format(CACHE_DATALIB "/%s.%lld/%s", subject->content_id, (long long)subject->version,
                      name);
}

/* Takes the name away, if it still is the file that was looked at. */
static void take_name(const struct place *place, const char *path, ino_t inode)
{
    const char *leaf;
    struct stat status;
    int parent = beneath_open_parent(place->dir, path, &leaf);
    if (parent < 0)
        return;
    if (fstatat(parent, leaf, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_ino == inode)
        unlinkat(parent, leaf, 0);
    close(parent);
}

/* Nobody gets it any more: neither a reader of the tree nor the next content. */
static void take_item(const struct item *item)
{
    char library[LIBRARY_PATH_SIZE];
    char *path = tree_path(item->subject, item->line->name);
    cache_library_path(library, item->line->sha256);
    take_name(item->subject->place, library, item->inode);
    take_name(item->subject->place, path, item->inode);
    free(path);
}

/* ---- the trees: what can be seen without reading ---- */

static void add_item(struct pass *pass, const struct subject *subject,
                     const struct record_line *line, const struct stat *status)
{
    pass->items = mem_grow(pass->items, &pass->item_cap, pass->item_count + 1, sizeof *pass->items);
    pass->items[pass->item_count++] = (struct item){
        .subject = subject,
        .line = line,
        .inode = status->st_ino,
        .ctime_ns = stamp_of(status).ctime_ns,
    };
}

static void look_at_name(struct pass *pass, const struct subject *subject, struct walk *walk,
                         const struct record_line *line)
{
    const char *leaf;
    struct stat status;
    int parent = walk_parent(walk, line->name, &leaf);
    if (parent < 0 || fstatat(parent, leaf, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        report(pass, subject, line->name, FINDING_MISSING, false);
        return;
    }
    struct item item = {.subject = subject, .line = line, .inode = status.st_ino};
    if (S_ISREG(status.st_mode) && status.st_size == line->stamp.size) {
        add_item(pass, subject, line, &status);
        return;
    }
    take_item(&item);
    report(pass, subject, line->name,
           !S_ISREG(status.st_mode)            ? FINDING_FOREIGN
           : status.st_size < line->stamp.size ? FINDING_TRUNCATED
                                               : FINDING_CHANGED,
           false);
}

static bool is_recorded(const struct subject *subject, const char *name)
{
    return record_find(&subject->record, name) != NULL;
}

static void look_for_foreign(struct pass *pass, const struct subject *subject, int dir,
                             const char *above, unsigned depth);

static void look_at_entry(struct pass *pass, const struct subject *subject, int dir,
                          const char *above, const char *entry, unsigned depth)
{
    struct stat status;
    char *name = mem_format("%s%s%s", above, *above ? "/" : "", entry);
    if (fstatat(dir, entry, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        free(name);
        return;
    }
    if (S_ISDIR(status.st_mode)) {
        int below = openat(dir, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0)
            look_for_foreign(pass, subject, below, name, depth + 1);
    } else if (!is_recorded(subject, name)) {
        bool removed = pass->options->remove_foreign && unlinkat(dir, entry, 0) == 0;
        report(pass, subject, name, FINDING_FOREIGN, removed);
    }
    free(name);
}

/* Takes the descriptor. */
static void look_for_foreign(struct pass *pass, const struct subject *subject, int dir,
                             const char *above, unsigned depth)
{
    DIR *folder = depth < LIMIT_LISTING_DEPTH ? fdopendir(dir) : NULL;
    if (!folder) {
        close(dir);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            look_at_entry(pass, subject, dirfd(folder), above, entry->d_name, depth);
    closedir(folder);
}

static void look_at_tree(struct pass *pass, const struct subject *subject)
{
    struct walk walk;
    int tree = cache_open_tree(subject->place, subject->content_id, subject->version);
    walk_begin(&walk, tree);
    for (size_t i = 0; i < subject->record.count; i++)
        look_at_name(pass, subject, &walk, &subject->record.lines[i]);
    walk_end(&walk);
    if (tree >= 0)
        look_for_foreign(pass, subject, tree, "", 0);
}

static void add_subject(void *arg, const char *content_id, int64_t version,
                        const struct place *place)
{
    struct pass *pass = arg;
    const struct verify_options *options = pass->options;
    struct subject subject = {.version = version, .place = place};
    if ((options->wants && !options->wants(options->arg, content_id, version)) ||
        !record_read(place, content_id, version, &subject.record))
        return;
    subject.content_id = mem_copy_string(content_id);
    pass->subjects = mem_grow(pass->subjects, &pass->subject_cap, pass->subject_count + 1,
                              sizeof *pass->subjects);
    pass->subjects[pass->subject_count++] = subject;
}

/* ---- the files: what has to be read ---- */

static int by_digest(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    int order = strcmp(left->line->sha256, right->line->sha256);
    if (order == 0 && left->subject->place != right->subject->place)
        return left->subject->place < right->subject->place ? -1 : 1;
    return order ? order : (left->inode > right->inode) - (left->inode < right->inode);
}

/* Done by the interrupted pass, and not touched since. */
static bool is_done_already(const struct pass *pass, const struct item *item)
{
    const struct verify_progress *progress = &pass->progress;
    return pass->result->resumed && strcmp(item->line->sha256, progress->done) <= 0 &&
           item->ctime_ns < progress->started_ns;
}

static void collect_files(struct pass *pass)
{
    if (pass->item_count)
        qsort(pass->items, pass->item_count, sizeof *pass->items, by_digest);
    pass->files = mem_zero(pass->item_count + 1, sizeof *pass->files);
    pass->done = mem_zero(pass->item_count + 1, sizeof *pass->done);
    for (size_t i = 0; i < pass->item_count; i++) {
        bool again = i > 0 && by_digest(&pass->items[i - 1], &pass->items[i]) == 0;
        if (!again && !is_done_already(pass, &pass->items[i]))
            pass->files[pass->file_count++] = i;
    }
}

enum hashed { HASHED_RIGHT, HASHED_WRONG, HASHED_GONE, HASHED_FAILED };

/* What cannot be read to its end is no better than what is wrong. */
static bool has_digest(int fd, struct pool_tool *tool, const char *wanted)
{
    char hex[HASH_HEX_MAX];
    ssize_t got;
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    hash_restart(tool->sha256);
    while ((got = read(fd, tool->piece, POOL_PIECE_BYTES)) != 0) {
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0)
            hash_update(tool->sha256, tool->piece, (size_t)got);
    }
    hash_finish(tool->sha256, hex);
    return got == 0 && strcmp(hex, wanted) == 0;
}

/* HASHED_FAILED: errno says what this process lacks. */
static enum hashed hash_item(const struct item *item, struct pool_tool *tool)
{
    char *path = tree_path(item->subject, item->line->name);
    int fd = beneath_open(item->subject->place->dir, path, O_RDONLY | O_NONBLOCK, 0);
    int reason = errno;
    free(path);
    if (fd < 0) {
        errno = reason;
        return reason == ENOENT ? HASHED_GONE : HASHED_FAILED;
    }
    bool right = has_digest(fd, tool, item->line->sha256);
    close(fd);
    return right ? HASHED_RIGHT : HASHED_WRONG;
}

/* Under the lock. */
static void report_file(struct pass *pass, size_t first)
{
    for (size_t i = first; i < pass->item_count; i++) {
        const struct item *item = &pass->items[i];
        if (by_digest(&pass->items[first], item) != 0)
            return;
        take_item(item);
        report(pass, item->subject, item->line->name, FINDING_CHANGED, false);
    }
}

/* Under the lock. */
static bool move_front(struct pass *pass, size_t file, struct error *err)
{
    pass->done[file] = true;
    while (pass->front < pass->file_count && pass->done[pass->front])
        pass->front++;
    if (pass->options->wants || pass->front == 0)
        return true;
    const struct item *last = &pass->items[pass->files[pass->front - 1]];
    return verify_progress_advance(&pass->progress, pass->cache, last->line->sha256,
                                   pass->result->bytes, err);
}

static bool verify_file(void *arg, struct pool_tool *tool, size_t file, struct error *err)
{
    struct pass *pass = arg;
    const struct item *item = &pass->items[pass->files[file]];
    enum hashed hashed = hash_item(item, tool);
    if (hashed == HASHED_FAILED)
        return error_errno(err, item->line->name, "cannot open");
    pthread_mutex_lock(&pass->lock);
    if (hashed == HASHED_WRONG)
        report_file(pass, pass->files[file]);
    /* One that is gone went with its content. */
    pass->result->checked += hashed != HASHED_GONE;
    pass->result->bytes += hashed != HASHED_GONE ? item->line->stamp.size : 0;
    bool ok = move_front(pass, file, err);
    pthread_mutex_unlock(&pass->lock);
    return ok;
}

/* ---- the pass ---- */

static int set_io_priority(int priority)
{
    return (int)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, priority);
}

/* The threads that it makes have it too. */
static bool verify_files(struct pass *pass, struct error *err)
{
    int before = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
    set_io_priority(IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7));
    pthread_mutex_init(&pass->lock, NULL);
    bool ok = pool_run(pass->file_count, verify_file, pass, err);
    pthread_mutex_destroy(&pass->lock);
    set_io_priority(before < 0 ? 0 : before);
    return ok;
}

static bool run(struct pass *pass, struct error *err)
{
    struct cache *cache = pass->cache;
    bool whole = pass->options->wants == NULL;
    if (whole)
        pass->result->resumed = verify_progress_begin(&pass->progress, cache);
    for (size_t i = 0; i < cache->place_count; i++)
        names_each(&cache->places[i], CACHE_DATALIB, ".INI", add_subject, pass);
    for (size_t i = 0; i < pass->subject_count; i++)
        look_at_tree(pass, &pass->subjects[i]);
    collect_files(pass);
    return verify_files(pass, err) &&
           (!whole || verify_progress_finish(&pass->progress, cache, err));
}

static void pass_free(struct pass *pass)
{
    for (size_t i = 0; i < pass->subject_count; i++) {
        record_free(&pass->subjects[i].record);
        free(pass->subjects[i].content_id);
    }
    free(pass->subjects);
    free(pass->items);
    free(pass->files);
    free(pass->done);
}

/* One at a time: two would read the same bytes, and write one progress. */
static int lock_verification(const struct cache *cache, struct error *err)
{
    int fd = beneath_open(cache->places[0].dir, CACHE_DATALIB, O_RDONLY | O_DIRECTORY, 0);
    if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK))
        return fd;
    if (fd >= 0)
        close(fd);
    error_set(err, ERROR_FAILED, BLAME_USER, "BUSY", cache->places[0].folder,
              "another process is verifying the cache");
    return -1;
}

bool cache_verify(struct cache *cache, const struct verify_options *options,
                  struct verification *verification, struct error *err)
{
    struct pass pass = {.cache = cache, .options = options, .result = verification};
    *verification = (struct verification){0};
    int lock = lock_verification(cache, err);
    if (lock < 0)
        return false;
    bool ok = run(&pass, err);
    if (verification->count)
        qsort(verification->list, verification->count, sizeof *verification->list, by_name);
    pass_free(&pass);
    close(lock);
    return ok;
}

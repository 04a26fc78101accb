#include "agent/publish/verify_internal.h"

#include "agent/publish/tree_read.h"

#include "policy/base/beneath.h"
#include "policy/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/ioprio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How often a content may be replaced under the reader's eyes. */
#define TRIES 3

struct checking {
    const struct verify_order *order;
    struct place *place;
    struct verify_content *content;
    int tree;
    char *path; /* for messages */
    struct dp_record record;
    struct tree found;
};

void verify_add_bad(struct verify_content *content, const char *file, enum tree_difference kind,
                    const char *note)
{
    content->bad =
        mem_grow(content->bad, &content->bad_cap, content->bad_count + 1, sizeof *content->bad);
    content->bad[content->bad_count++] = (struct verify_bad){
        .file = mem_copy_string(file), .kind = kind, .note = note ? mem_copy_string(note) : NULL};
}

static void forget_bad(struct verify_content *content)
{
    for (size_t i = 0; i < content->bad_count; i++) {
        free(content->bad[i].file);
        free(content->bad[i].note);
    }
    content->bad_count = 0;
}

/* ---- one content ---- */

/* Only what has the right size is read. One that cannot be read has no digest, and so is wrong. */
static bool hash_one(void *arg, struct pool_tool *tool, size_t index, struct error *err)
{
    (void)err;
    struct checking *checking = arg;
    struct tree_entry *entry = &checking->found.entries[index];
    const struct tree_entry *wanted = tree_find(&checking->record.files, entry->name);
    const struct tree_read how = {.dir = checking->tree, .to = -1, .where = checking->path};
    struct error why;
    if (entry->kind == TREE_FILE && wanted && wanted->stamp.size == entry->stamp.size)
        tree_read_file(tool, &how, entry, &why);
    return true;
}

static void compare(struct checking *checking)
{
    struct tree_walk walk = {.found = &checking->found, .wanted = &checking->record.files};
    struct tree_entry *found, *wanted;
    char hex[HASH_HEX_MAX], note[256];
    while (tree_next(&walk, &found, &wanted)) {
        enum tree_difference kind = tree_judge(&walk, found, wanted);
        if (kind != TREE_SAME)
            verify_add_bad(checking->content, found ? found->name : wanted->name, kind, NULL);
    }
    tree_folder_hash(&checking->found, &checking->record.files, hex);
    if (strcmp(hex, checking->record.folder_hash) == 0)
        return;
    snprintf(note, sizeof note, "folder hash %s, not %s: a folder is missing or foreign", hex,
             checking->record.folder_hash);
    verify_add_bad(checking->content, ".", TREE_CHANGED, note);
}

static void note_record(struct checking *checking)
{
    struct verify_content *content = checking->content;
    const struct dp_record *record = &checking->record;
    free(content->content_id);
    content->content_id = mem_copy_string(record->content_id);
    content->version = record->version;
    content->files = record->files.file_count;
    content->bytes = record->files.bytes;
}

/* A folder of another name than its content's is found by no machine. */
static void check_place(struct checking *checking)
{
    const struct dp_record *record = &checking->record;
    char *folder = place_folder(record->content_id, record->version), note[256];
    if (strcmp(folder, checking->content->folder) != 0) {
        snprintf(note, sizeof note, "its record is of %s version %" PRId64, record->content_id,
                 record->version);
        verify_add_bad(checking->content, DP_RECORD_NAME, TREE_CHANGED, note);
    }
    free(folder);
}

/* Is the tree that was read still the one that stands there? */
static bool is_current(const struct checking *checking)
{
    struct stat ours, there;
    return fstat(checking->tree, &ours) == 0 &&
           fstatat(checking->place->root, checking->content->folder, &there, AT_SYMLINK_NOFOLLOW) ==
               0 &&
           ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

static bool check_tree(struct checking *checking, struct error *err)
{
    struct verify_content *content = checking->content;
    struct error why;
    if (!dp_record_read(&checking->record, checking->tree, checking->path, &why)) {
        bool absent = strcmp(why.code, "NO_RECORD") == 0;
        verify_add_bad(content, DP_RECORD_NAME, absent ? TREE_MISSING : TREE_CHANGED, why.text);
        return true;
    }
    note_record(checking);
    check_place(checking);
    bool ok = tree_read(&checking->found, checking->tree, checking->path, TREE_TOLERANT, err);
    if (ok) {
        pool_run(checking->found.count, hash_one, checking, NULL);
        compare(checking);
        if (content->bad_count && checking->order->source && is_current(checking))
            ok = repair_content(checking->place, &checking->record, content,
                                checking->order->source, err);
        tree_free(&checking->found);
    }
    dp_record_free(&checking->record);
    return ok;
}

static bool check_content(struct place *place, const struct verify_order *order,
                          struct verify_content *content, struct error *err)
{
    struct checking checking = {.order = order, .place = place, .content = content};
    bool ok = true, current = false;
    checking.path = mem_format("%s/%s", place->path, content->folder);
    for (int i = 0; ok && !current && i < TRIES; i++) {
        forget_bad(content);
        checking.tree = beneath_open(place->root, content->folder, O_RDONLY | O_DIRECTORY, 0);
        if (checking.tree < 0) {
            ok = error_errno(err, checking.path, "cannot open the folder");
            break;
        }
        ok = check_tree(&checking, err);
        current = !content->bad_count || is_current(&checking);
        close(checking.tree);
    }
    free(checking.path);
    return ok;
}

/* ---- all of them ---- */

/* A folder whose record cannot be read is known by its name alone. */
static bool is_asked_for(const struct place *place, const struct verify_order *order,
                         const char *folder)
{
    if (!order->content_id)
        return true;
    struct dp_record record;
    int tree = beneath_open(place->root, folder, O_RDONLY | O_DIRECTORY, 0);
    bool known = tree >= 0 && dp_record_read(&record, tree, folder, NULL);
    bool asked = known ? text_equal(record.content_id, order->content_id) &&
                             (order->version < 0 || order->version == record.version)
                       : false;
    if (known)
        dp_record_free(&record);
    if (tree >= 0)
        close(tree);
    size_t len = strlen(order->content_id);
    return asked || (!known && strncmp(folder, order->content_id, len) == 0 &&
                     (folder[len] == '\0' || folder[len] == '.'));
}

struct verify_content *verify_add_content(struct verify_report *report, const char *folder)
{
    report->contents =
        mem_grow(report->contents, &report->cap, report->count + 1, sizeof *report->contents);
    report->contents[report->count] =
        (struct verify_content){.folder = mem_copy_string(folder), .version = -1};
    return &report->contents[report->count++];
}

static int by_folder(const void *a, const void *b)
{
    return strcmp(((const struct verify_content *)a)->folder,
                  ((const struct verify_content *)b)->folder);
}

static bool list_contents(const struct place *place, const struct verify_order *order,
                          struct verify_report *report, struct error *err)
{
    int fd = beneath_open(place->root, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *root = fd < 0 ? NULL : fdopendir(fd);
    if (!root) {
        error_errno(err, place->path, "cannot list the folder");
        if (fd >= 0)
            close(fd);
        return false;
    }
    struct dirent *entry;
    struct stat st;
    while ((entry = readdir(root)))
        if (entry->d_name[0] != '.' && fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode) && is_asked_for(place, order, entry->d_name))
            verify_add_content(report, entry->d_name);
    closedir(root);
    if (report->count)
        qsort(report->contents, report->count, sizeof *report->contents, by_folder);
    return true;
}

static bool check_found(const struct place *place, const struct verify_order *order,
                        const struct verify_report *report, struct error *err)
{
    if (order->content_id && !report->count)
        return error_set(err, ERROR_FAILED, BLAME_USER, "UNKNOWN_CONTENT", place->path,
                         "'%s' is not laid out there", order->content_id);
    if (order->source && report->count != 1)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--source repairs one content, and there are %zu: --content names it",
                         report->count);
    return true;
}

/* The web server's readers come first. Threads begin with it. */
void verify_step_back(void)
{
    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

bool verify_dp(const struct verify_order *order, struct verify_report *report, struct error *err)
{
    struct place place;
    *report = (struct verify_report){0};
    if (!place_open(&place, order->dp, false, order->sync, err))
        return false;
    verify_step_back();
    bool ok = (!order->source || place_lock(&place, err)) &&
              list_contents(&place, order, report, err) && check_found(&place, order, report, err);
    for (size_t i = 0; ok && i < report->count; i++)
        ok = check_content(&place, order, &report->contents[i], err);
    place_close(&place);
    if (!ok)
        verify_report_free(report);
    return ok;
}

bool verify_is_bad(const struct verify_content *content)
{
    for (size_t i = 0; i < content->bad_count; i++)
        if (!content->bad[i].repaired)
            return true;
    return false;
}

void verify_report_free(struct verify_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        forget_bad(&report->contents[i]);
        free(report->contents[i].bad);
        free(report->contents[i].folder);
        free(report->contents[i].content_id);
    }
    free(report->contents);
    *report = (struct verify_report){0};
}

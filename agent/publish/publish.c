#include "agent/publish/publish.h"

#include "agent/publish/dp_record.h"
#include "agent/publish/place.h"
#include "agent/publish/tree_read.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUILT PLACE_BUILDING "/tree"

struct run {
    const struct publish_order *order;
    struct publish_report *report;
    struct place place;
    int source;       /* the folder's descriptor */
    struct tree tree; /* what is in it */
    char *folder;     /* the content's, below the root */
    struct buf document;
    int out;          /* the descriptor of the document's folder */
    const char *leaf; /* its name there */
    int built;        /* the tree that is being built; -1 */
};

/* ---- what stands there ---- */

enum standing {
    STANDS_NOTHING, /* nothing is there */
    STANDS_SAME,    /* this content in this version, whole as far as names and sizes tell */
    STANDS_OTHER,   /* what may be replaced */
};

static bool refuse(const struct run *run, struct error *err, const char *code, const char *what)
{
    return error_set(err, ERROR_FAILED, BLAME_USER, code, run->report->path,
                     "%s; --replace replaces it", what);
}

/* Two contents whose IDs differ by case only are one to everybody else. */
static bool refuse_other_case(const struct run *run, struct error *err)
{
    int fd = beneath_open(run->place.root, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *root = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    bool ok = true;
    if (!root) {
        error_errno(err, run->place.path, "cannot list the folder");
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (ok && (entry = readdir(root)))
        if (text_equal(entry->d_name, run->folder) && strcmp(entry->d_name, run->folder) != 0)
            ok = error_set(err, ERROR_FAILED, BLAME_USER, "OTHER_CASE", run->place.path,
                           "'%s' is there, which differs from '%s' by case only", entry->d_name,
                           run->folder);
    closedir(root);
    return ok;
}

static bool is_whole(int tree, const struct run *run, const struct dp_record *record)
{
    struct tree found;
    char hex[HASH_HEX_MAX];
    if (!tree_read(&found, tree, run->report->path, TREE_TOLERANT, NULL))
        return false;
    struct tree_walk walk = {.found = &found, .wanted = &record->files};
    struct tree_entry *there, *wanted;
    bool ok = true;
    while (ok && tree_next(&walk, &there, &wanted)) {
        bool is_folder = there && !wanted && there->kind == TREE_FOLDER;
        ok = is_folder || (there && wanted && there->kind == TREE_FILE &&
                           there->stamp.size == wanted->stamp.size);
    }
    tree_folder_hash(&found, &record->files, hex);
    tree_free(&found);
    return ok && strcmp(hex, record->folder_hash) == 0;
}

static void describe(const struct tree_entry *found, const struct tree_entry *wanted, char *what,
                     size_t size)
{
    static const char begin[] = "this version is laid out with other bytes";
    if (found && wanted)
        snprintf(what, size, "%s: '%s' has other bytes there", begin, found->name);
    else if (found)
        snprintf(what, size, "%s: '%s' is in the folder and not there", begin, found->name);
    else if (wanted)
        snprintf(what, size, "%s: '%s' is there and not in the folder", begin, wanted->name);
}

/* Names the first file that differs; false where the record is of these very bytes. */
static bool differs(const struct run *run, const struct dp_record *record, char *what, size_t size)
{
    struct tree_walk walk = {.found = &run->tree, .wanted = &record->files};
    struct tree_entry *found, *wanted;
    while (tree_next(&walk, &found, &wanted))
        if (tree_judge(&walk, found, wanted) != TREE_SAME) {
            describe(found, wanted, what, size);
            return true;
        }
    snprintf(what, size, "this version is laid out with another set of empty folders");
    return strcmp(record->folder_hash, run->report->folder_hash) != 0;
}

static bool hash_source(struct run *run, struct error *err)
{
    if (!tree_hash(&run->tree, run->source, run->order->source, false, err))
        return false;
    tree_folder_hash(&run->tree, &run->tree, run->report->folder_hash);
    return true;
}

static bool judge_record(struct run *run, int tree, const struct dp_record *record,
                         enum standing *standing, struct error *err)
{
    const struct publish_order *order = run->order;
    char what[512];
    *standing = STANDS_OTHER;
    if (strcmp(record->content_id, order->content_id) != 0)
        return order->replace || refuse(run, err, "FOREIGN", "another content stands there");
    if (record->version > order->version) {
        snprintf(what, sizeof what, "version %" PRId64 " stands there, a higher one",
                 record->version);
        return order->replace || refuse(run, err, "LOWER_VERSION", what);
    }
    if (record->version < order->version)
        return true;
    if (!hash_source(run, err))
        return false;
    if (differs(run, record, what, sizeof what))
        return order->replace || refuse(run, err, "OTHER_BYTES", what);
    *standing = is_whole(tree, run, record) ? STANDS_SAME : STANDS_OTHER;
    return true;
}

static bool judge_tree(struct run *run, int tree, enum standing *standing, struct error *err)
{
    struct dp_record record;
    struct error why;
    *standing = STANDS_OTHER;
    if (!dp_record_read(&record, tree, run->report->path, &why)) {
        bool absent = strcmp(why.code, "NO_RECORD") == 0;
        return run->order->replace || refuse(run, err, absent ? "FOREIGN" : why.code, why.text);
    }
    bool ok = judge_record(run, tree, &record, standing, err);
    dp_record_free(&record);
    return ok;
}

static bool look(struct run *run, enum standing *standing, struct error *err)
{
    int tree = beneath_open(run->place.root, run->folder, O_RDONLY | O_DIRECTORY, 0);
    *standing = STANDS_NOTHING;
    if (tree < 0 && errno == ENOENT)
        return true;
    *standing = STANDS_OTHER;
    if (tree < 0)
        return run->order->replace || refuse(run, err, "FOREIGN", "is not a folder of nearpoint's");
    bool ok = judge_tree(run, tree, standing, err);
    close(tree);
    return ok;
}

/* ---- building ---- */

static bool copy_one(void *arg, struct pool_tool *tool, size_t index, struct error *err)
{
    struct run *run = arg;
    struct tree_entry *entry = &run->tree.entries[index];
    if (entry->kind != TREE_FILE)
        return true;
    int to = beneath_open(run->built, entry->name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (to < 0)
        return error_errno(err, run->place.path, "cannot make '%s'", entry->name);
    struct tree_read how = {
        .dir = run->source, .to = to, .where = run->order->source, .target = run->place.path};
    bool ok = tree_read_file(tool, &how, entry, err);
    if (close(to) != 0 && ok)
        ok = error_errno(err, run->place.path, "cannot write '%s'", entry->name);
    return ok;
}

static bool make_folders(struct run *run, struct error *err)
{
    /* A folder comes before what is in it. */
    for (size_t i = 0; i < run->tree.count; i++)
        if (run->tree.entries[i].kind == TREE_FOLDER &&
            !beneath_make_folders(run->built, run->tree.entries[i].name, 0755, err))
            return false;
    return true;
}

/* Listed again, the source is what it was: no file came, went or changed behind the reader. */
static bool source_stands_still(struct run *run, struct error *err)
{
    struct tree again;
    if (!tree_read(&again, run->source, run->order->source, TREE_STRICT, err))
        return false;
    struct tree_walk walk = {.found = &again, .wanted = &run->tree};
    struct tree_entry *now, *before;
    bool ok = true;
    while (ok && tree_next(&walk, &now, &before))
        if (!now || !before || now->kind != before->kind ||
            (now->kind == TREE_FILE && !tree_same_stamp(&now->stamp, &before->stamp)))
            ok =
                error_set(err, ERROR_FAILED, BLAME_DATA, "CHANGED", run->order->source,
                          "'%s' changed while the folder was read", now ? now->name : before->name);
    tree_free(&again);
    return ok;
}

static void write_document(struct run *run)
{
    buf_clear(&run->document);
    dp_record_write(&run->document, run->order->content_id, run->order->version, &run->tree,
                    run->report->folder_hash);
}

static bool write_record(struct run *run, struct error *err)
{
    int fd = -1;
    bool ok = beneath_make_folders(run->built, TREE_RESERVED, 0755, err);
    if (ok) {
        fd = beneath_open(run->built, DP_RECORD_NAME, O_WRONLY | O_CREAT | O_EXCL, 0644);
        ok = (fd >= 0 && beneath_write_all(fd, run->document.data, run->document.len)) ||
             error_errno(err, run->place.path, "cannot write " DP_RECORD_NAME);
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool build(struct run *run, struct error *err)
{
    if (!beneath_make_folders(run->place.root, BUILT, 0755, err))
        return false;
    run->built = beneath_open(run->place.root, BUILT, O_RDONLY | O_DIRECTORY, 0);
    if (run->built < 0)
        return error_errno(err, run->place.path, "cannot open " BUILT);
    if (!make_folders(run, err) || !pool_run(run->tree.count, copy_one, run, err) ||
        !source_stands_still(run, err))
        return false;
    tree_folder_hash(&run->tree, &run->tree, run->report->folder_hash);
    write_document(run);
    return write_record(run, err);
}

/* ---- putting in place ---- */

/* One step. What stood there is in the building folder afterwards. */
static bool put_in_place(struct run *run, enum standing standing, struct error *err)
{
    int root = run->place.root;
    bool exchange = standing != STANDS_NOTHING;
    if (!place_sync(&run->place, err))
        return false;
    if (!beneath_rename(root, BUILT, run->folder, exchange ? RENAME_EXCHANGE : 0)) {
        if (exchange && (errno == EINVAL || errno == ENOSYS))
            return error_set(err, ERROR_FAILED, BLAME_DISK, "NO_EXCHANGE", run->report->path,
                             "this file system cannot exchange two folders in one step: remove the "
                             "old one, then publish again");
        return error_errno(err, run->report->path, "cannot put the content in place");
    }
    run->report->result = exchange ? PUBLISH_REPLACED : PUBLISH_NEW;
    return place_sync(&run->place, err);
}

static bool has_document(const struct run *run)
{
    struct buf there = {0};
    bool same = beneath_read(run->out, run->leaf, (size_t)LIMIT_DOCUMENT_BYTES, &there, NULL) &&
                there.len == run->document.len &&
                memcmp(there.data, run->document.data, there.len) == 0;
    buf_free(&there);
    return same;
}

static bool give_document(struct run *run, struct error *err)
{
    run->report->wrote_document = !has_document(run);
    return !run->report->wrote_document ||
           beneath_replace(run->out, run->leaf, run->document.data, run->document.len, 0644, err);
}

static bool lay_out(struct run *run, struct error *err)
{
    enum standing standing;
    if (!refuse_other_case(run, err) || !look(run, &standing, err))
        return false;
    if (standing == STANDS_SAME) {
        run->report->result = PUBLISH_SAME;
        write_document(run);
    } else if (!build(run, err) || !put_in_place(run, standing, err)) {
        return false;
    }
    return give_document(run, err);
}

/* ---- a run ---- */

static bool check_order(const struct publish_order *order, struct error *err)
{
    if (!text_is_content_id(order->content_id) || order->content_id[0] == '.')
        return error_set(err, ERROR_INPUT, BLAME_USER, "CONTENT_ID", NULL, "'%s' is no content ID",
                         order->content_id);
    return true;
}

static bool open_out(struct run *run, struct error *err)
{
    const char *path = run->order->out, *slash = strrchr(path, '/');
    char *folder = slash == path ? mem_copy_string("/")
                   : slash       ? mem_copy_bytes(path, (size_t)(slash - path))
                                 : mem_copy_string(".");
    run->leaf = slash ? slash + 1 : path;
    run->out = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = run->out >= 0 || error_errno(err, folder, "cannot open the folder");
    free(folder);
    struct stat st;
    if (ok && (!*run->leaf || (fstatat(run->out, run->leaf, &st, 0) == 0 && S_ISDIR(st.st_mode))))
        ok = error_set(err, ERROR_FAILED, BLAME_DISK, "FOLDER", path,
                       "is a folder, not a file for the policy document");
    return ok;
}

static bool read_source(struct run *run, struct error *err)
{
    const struct publish_order *order = run->order;
    run->source = open(order->source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->source < 0) {
        error_errno(err, order->source, "cannot open the folder");
        return false;
    }
    if (!tree_read(&run->tree, run->source, order->source, TREE_STRICT, err))
        return false;
    run->report->files = run->tree.file_count;
    run->report->bytes = run->tree.bytes;
    return dp_record_fits(order->content_id, order->version, &run->tree, order->source, err);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void end(struct run *run)
{
    close_fd(run->built);
    close_fd(run->source);
    close_fd(run->out);
    place_close(&run->place);
    tree_free(&run->tree);
    buf_free(&run->document);
    free(run->folder);
}

bool publish_dp(const struct publish_order *order, struct publish_report *report, struct error *err)
{
    *report = (struct publish_report){0};
    if (!check_order(order, err))
        return false;
    struct run run = {.order = order,
                      .report = report,
                      .place = {.root = -1, .lock = -1},
                      .source = -1,
                      .out = -1,
                      .built = -1,
                      .folder = place_folder(order->content_id, order->version)};
    bool ok = read_source(&run, err) && open_out(&run, err) &&
              place_open(&run.place, order->dp, true, order->sync, err);
    if (ok) {
        report->path = mem_format("%s/%s", run.place.path, run.folder);
        ok = place_lock(&run.place, err) && lay_out(&run, err);
    }
    end(&run);
    if (!ok)
        publish_report_free(report);
    return ok;
}

void publish_report_free(struct publish_report *report)
{
    free(report->path);
    *report = (struct publish_report){0};
}

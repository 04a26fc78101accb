#include "agent/publish/dp.h"
#include "agent/publish/dp_record.h"
#include "agent/publish/place.h"
#include "agent/publish/tree_read.h"

#include "policy/base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUILT PLACE_BUILDING "/tree"

struct run {
    const struct publication *what;
    struct laid_out *laid_out;
    struct place place;
    char *folder; /* the content's, below the root */
    int built;    /* the tree that is being built; -1 */
};

/* ---- what stands there ---- */

enum standing {
    STANDS_NOTHING, /* nothing is there */
    STANDS_SAME,    /* this content in this version, whole as far as names and sizes tell */
    STANDS_OTHER,   /* what may be replaced */
};

static bool is_whole(int tree, const struct run *run, const struct dp_record *record)
{
    struct tree found;
    char hex[HASH_HEX_MAX];
    if (!tree_read(&found, tree, run->laid_out->path, TREE_TOLERANT, NULL))
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

static bool judge_record(struct run *run, int tree, const struct dp_record *record,
                         enum standing *standing, struct error *err)
{
    bool same;
    *standing = STANDS_OTHER;
    if (!publication_judge(run->what, record, run->laid_out->path, &same, err))
        return false;
    if (same && is_whole(tree, run, record))
        *standing = STANDS_SAME;
    return true;
}

static bool judge_tree(struct run *run, int tree, enum standing *standing, struct error *err)
{
    struct dp_record record;
    struct error why;
    *standing = STANDS_OTHER;
    if (!dp_record_read(&record, tree, run->laid_out->path, &why)) {
        bool absent = strcmp(why.code, "NO_RECORD") == 0;
        return publication_refuse(run->what, run->laid_out->path, absent ? "FOREIGN" : why.code,
                                  why.text, err);
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
        return publication_refuse(run->what, run->laid_out->path, "FOREIGN",
                                  "is not a folder of nearpoint's", err);
    bool ok = judge_tree(run, tree, standing, err);
    close(tree);
    return ok;
}

/* ---- building ---- */

static bool copy_one(void *arg, struct pool_tool *tool, size_t index, struct error *err)
{
    struct run *run = arg;
    struct tree_entry *entry = &run->what->input->tree.entries[index];
    if (entry->kind != TREE_FILE)
        return true;
    int to = beneath_open(run->built, entry->name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (to < 0)
        return error_errno(err, run->place.path, "cannot make '%s'", entry->name);
    struct tree_read how = {.dir = run->what->input->dir,
                            .to = to,
                            .where = run->what->input->path,
                            .target = run->place.path};
    bool ok = tree_read_file(tool, &how, entry, err);
    if (close(to) != 0 && ok)
        ok = error_errno(err, run->place.path, "cannot write '%s'", entry->name);
    return ok;
}

static bool make_folders(struct run *run, struct error *err)
{
    const struct tree *tree = &run->what->input->tree;
    /* A folder comes before what is in it. */
    for (size_t i = 0; i < tree->count; i++)
        if (tree->entries[i].kind == TREE_FOLDER &&
            !beneath_make_folders(run->built, tree->entries[i].name, 0755, err))
            return false;
    return true;
}

static bool write_record(struct run *run, struct error *err)
{
    const struct publication *what = run->what;
    struct buf document = {0};
    dp_record_write(&document, what->content_id, what->version, &what->input->tree,
                    what->input->hash);
    bool ok = beneath_make_folders(run->built, TREE_RESERVED, 0755, err);
    int fd = ok ? beneath_open(run->built, DP_RECORD_NAME, O_WRONLY | O_CREAT | O_EXCL, 0644) : -1;
    if (ok && (fd < 0 || !beneath_write_all(fd, document.data, document.len)))
        ok = error_errno(err, run->place.path, "cannot write " DP_RECORD_NAME);
    if (fd >= 0)
        close(fd);
    buf_free(&document);
    return ok;
}

static bool build(struct run *run, struct error *err)
{
    if (!beneath_make_folders(run->place.root, BUILT, 0755, err))
        return false;
    run->built = beneath_open(run->place.root, BUILT, O_RDONLY | O_DIRECTORY, 0);
    if (run->built < 0)
        return error_errno(err, run->place.path, "cannot open " BUILT);
    if (!make_folders(run, err) || !pool_run(run->what->input->tree.count, copy_one, run, err) ||
        !input_stands_still(run->what->input, err))
        return false;
    input_was_hashed(run->what->input);
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
            return error_set(err, ERROR_FAILED, BLAME_DISK, "NO_EXCHANGE", run->laid_out->path,
                             "this file system cannot exchange two folders in one step: remove the "
                             "old one, then publish again");
        return error_errno(err, run->laid_out->path, "cannot put the content in place");
    }
    run->laid_out->result = exchange ? PUBLISH_REPLACED : PUBLISH_NEW;
    return place_sync(&run->place, err);
}

static bool lay_out(struct run *run, struct error *err)
{
    enum standing standing;
    if (!publication_refuse_twin(run->place.root, ".", run->folder, run->place.path, err) ||
        !look(run, &standing, err))
        return false;
    run->laid_out->result = PUBLISH_SAME;
    return standing == STANDS_SAME || (build(run, err) && put_in_place(run, standing, err));
}

bool dp_lay_out(const struct publication *what, const char *folder, struct laid_out *laid_out,
                struct error *err)
{
    struct run run = {.what = what, .laid_out = laid_out, .built = -1};
    if (!place_open(&run.place, folder, true, what->sync, err))
        return false;
    run.folder = place_folder(what->content_id, what->version);
    laid_out->path = mem_format("%s/%s", run.place.path, run.folder);
    bool ok = place_lock(&run.place, err) && lay_out(&run, err);
    if (run.built >= 0)
        close(run.built);
    place_close(&run.place);
    free(run.folder);
    return ok;
}

#include "agent/publish/verify_internal.h"

#include "agent/publish/tree_read.h"

#include "policy/base/beneath.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRESH PLACE_BUILDING "/file"

struct repairing {
    struct place *place;
    const struct dp_record *record;
    struct verify_content *content;
    int from; /* the folder that has the right files */
    const char *source;
    struct tree right; /* what is in it */
};

static void note(struct verify_bad *bad, const char *text)
{
    free(bad->note);
    bad->note = mem_copy_string(text);
}

/* "FOLDER/NAME" below the root; the caller frees it. */
static char *below_root(const struct repairing *repairing, const char *name)
{
    return mem_format("%s/%s", repairing->content->folder, name);
}

/* ---- files ---- */

/* A copy of the source's file in the building folder, if its bytes are right. */
static bool copy_fresh(const struct repairing *repairing, struct tree_entry *entry,
                       const struct tree_entry *wanted, struct error *why)
{
    int to = beneath_open(repairing->place->root, FRESH, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (to < 0)
        return error_errno(why, repairing->place->path, "cannot make " FRESH);
    struct pool_tool tool;
    pool_tool_make(&tool);
    struct tree_read how = {.dir = repairing->from,
                            .to = to,
                            .where = repairing->source,
                            .target = repairing->place->path};
    bool ok = tree_read_file(&tool, &how, entry, why);
    if (ok && strcmp(entry->sha256, wanted->sha256) != 0)
        ok = error_set(why, ERROR_FAILED, BLAME_DATA, "HASH_MISMATCH", repairing->source,
                       "the source has other bytes");
    if (ok && repairing->place->sync && fsync(to) != 0)
        ok = error_errno(why, repairing->place->path, "cannot sync");
    close(to);
    pool_tool_free(&tool);
    return ok;
}

/* One rename; whatever is no file goes out of the way first. */
static bool put_fresh(const struct repairing *repairing, const char *name, struct error *why)
{
    int root = repairing->place->root;
    char *path = below_root(repairing, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    bool ok = beneath_make_folders(root, path, 0755, why);
    *slash = '/';
    if (ok && !beneath_rename(root, FRESH, path, 0))
        ok = beneath_remove(root, path, why) &&
             (beneath_rename(root, FRESH, path, 0) || error_errno(why, path, "cannot replace"));
    free(path);
    return ok;
}

static bool repair_file(const struct repairing *repairing, const char *name, struct error *why)
{
    struct tree_entry *entry = tree_find(&repairing->right, name);
    const struct tree_entry *wanted = tree_find(&repairing->record->files, name);
    if (!wanted)
        return error_set(why, ERROR_FAILED, BLAME_DATA, "RECORD", NULL,
                         "publish the content anew with --replace");
    if (!entry || entry->kind != TREE_FILE)
        return error_set(why, ERROR_FAILED, BLAME_DATA, "MISSING", NULL,
                         "the source does not have it");
    return copy_fresh(repairing, entry, wanted, why) && put_fresh(repairing, name, why);
}

static void repair_one(const struct repairing *repairing, struct verify_bad *bad)
{
    struct error why = {0};
    char *path = below_root(repairing, bad->file);
    if (bad->kind == TREE_FOREIGN)
        bad->repaired = beneath_remove(repairing->place->root, path, &why);
    else
        bad->repaired = repair_file(repairing, bad->file, &why);
    if (!bad->repaired)
        note(bad, why.text);
    free(path);
}

/* ---- folders ---- */

/* Has the source the folders that the record's hash is of? */
static bool has_right_folders(const struct repairing *repairing)
{
    char hex[HASH_HEX_MAX];
    tree_folder_hash(&repairing->right, &repairing->record->files, hex);
    return strcmp(hex, repairing->record->folder_hash) == 0;
}

static bool fit_folder(const struct repairing *repairing, const struct tree_entry *found,
                       const struct tree_entry *wanted, struct error *err)
{
    bool foreign = found && found->kind == TREE_FOLDER && !wanted;
    bool missing = wanted && wanted->kind == TREE_FOLDER && !found;
    if (!foreign && !missing)
        return true;
    char *path = below_root(repairing, foreign ? found->name : wanted->name);
    bool ok = foreign ? beneath_remove(repairing->place->root, path, err)
                      : beneath_make_folders(repairing->place->root, path, 0755, err);
    free(path);
    return ok;
}

static bool fit_folders(const struct repairing *repairing, int tree, struct error *err)
{
    struct tree found;
    if (!tree_read(&found, tree, repairing->content->folder, TREE_TOLERANT, err))
        return false;
    struct tree_walk walk = {.found = &found, .wanted = &repairing->right};
    struct tree_entry *there, *wanted;
    bool ok = true;
    while (ok && tree_next(&walk, &there, &wanted))
        ok = fit_folder(repairing, there, wanted, err);
    tree_free(&found);
    return ok;
}

static bool hash_is_right(const struct repairing *repairing, int tree)
{
    struct tree found;
    char hex[HASH_HEX_MAX];
    if (!tree_read(&found, tree, repairing->content->folder, TREE_TOLERANT, NULL))
        return false;
    tree_folder_hash(&found, &repairing->record->files, hex);
    tree_free(&found);
    return strcmp(hex, repairing->record->folder_hash) == 0;
}

static void repair_folders(const struct repairing *repairing, struct verify_bad *bad)
{
    int root = repairing->place->root;
    struct error why = {0};
    if (!has_right_folders(repairing)) {
        note(bad, "the source has other folders");
        return;
    }
    int tree = beneath_open(root, repairing->content->folder, O_RDONLY | O_DIRECTORY, 0);
    bad->repaired =
        tree >= 0 && fit_folders(repairing, tree, &why) && hash_is_right(repairing, tree);
    if (!bad->repaired)
        note(bad, why.text[0] ? why.text : "the folders could not be repaired");
    if (tree >= 0)
        close(tree);
}

/* What is foreign may stand in the way of a file; the folder as a whole comes last. */
static void repair_each(const struct repairing *repairing)
{
    const struct verify_content *content = repairing->content;
    for (size_t i = 0; i < content->bad_count; i++)
        if (content->bad[i].kind == TREE_FOREIGN)
            repair_one(repairing, &content->bad[i]);
    for (size_t i = 0; i < content->bad_count; i++) {
        struct verify_bad *bad = &content->bad[i];
        if (strcmp(bad->file, ".") == 0)
            repair_folders(repairing, bad);
        else if (bad->kind != TREE_FOREIGN)
            repair_one(repairing, bad);
    }
}

bool repair_content(struct place *place, const struct dp_record *record,
                    struct verify_content *content, const char *source, struct error *err)
{
    struct repairing repairing = {
        .place = place, .record = record, .content = content, .source = source};
    repairing.from = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (repairing.from < 0)
        return error_errno(err, source, "cannot open the folder");
    bool ok = tree_read(&repairing.right, repairing.from, source, TREE_TOLERANT, err);
    if (ok) {
        repair_each(&repairing);
        tree_free(&repairing.right);
        ok = place_sync(place, err);
    }
    close(repairing.from);
    return ok;
}

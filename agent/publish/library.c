#include "agent/publish/library.h"
#include "agent/publish/tree_read.h"
#include "agent/source/library_ini.h"
#include "agent/source/library_read.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/folder_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BUILDING ".nearpoint-building"
#define BUILT    BUILDING "/tree"
#define INI      ".INI"

/* FILETIME: 100 ns since 1601. */
#define FILETIME_1970 INT64_C(116444736000000000)

struct run {
    const struct publication *what;
    struct laid_out *laid_out;
    char *path; /* of the library */
    int root;   /* its descriptor; -1: not open */
    bool locked;
    int built;   /* the tree that is being built; -1 */
    char *name;  /* "<content ID>.<version>" */
    char *data;  /* "DataLib/<name>" */
    char *info;  /* "DataLib/<name>.INI" */
    char *index; /* "PkgLib/<content ID>.INI" */
};

/* ---- the library ---- */

static bool is_library(int dir)
{
    int data = beneath_open(dir, "DataLib", O_PATH | O_DIRECTORY, 0);
    if (data >= 0)
        close(data);
    return data >= 0;
}

/* The folder that the person named, or SCCMContentLib in it. */
static bool open_root(struct run *run, const char *folder, struct error *err)
{
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return error_errno(err, folder, "cannot make the folder");
    run->path = mem_copy_string(folder);
    run->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->root < 0)
        return error_errno(err, folder, "cannot open the folder");
    int inner = is_library(run->root)
                    ? -1
                    : beneath_open(run->root, "SCCMContentLib", O_RDONLY | O_DIRECTORY, 0);
    if (inner >= 0) {
        close(run->root);
        run->root = inner;
        free(run->path);
        run->path = mem_format("%s/SCCMContentLib", folder);
    }
    return true;
}

/* A file system without locks has no one to wait for. */
static bool lock(struct run *run, struct error *err)
{
    run->locked = flock(run->root, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    return run->locked || error_set(err, ERROR_FAILED, BLAME_USER, "BUSY", run->path,
                                    "another process is writing to the content library");
}

static bool make_rooms(const struct run *run, struct error *err)
{
    static const char *const rooms[] = {"DataLib", "FileLib", "PkgLib"};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        if (!publication_refuse_twin(run->root, ".", rooms[i], run->path, err) ||
            !beneath_make_folders(run->root, rooms[i], 0755, err))
            return false;
    return beneath_remove(run->root, BUILDING, err) &&
           beneath_make_folders(run->root, BUILT, 0755, err);
}

static bool refuse_twins(const struct run *run, struct error *err)
{
    const char *info = strchr(run->info, '/') + 1, *index = strchr(run->index, '/') + 1;
    return publication_refuse_twin(run->root, "DataLib", run->name, run->path, err) &&
           publication_refuse_twin(run->root, "DataLib", info, run->path, err) &&
           publication_refuse_twin(run->root, "PkgLib", index, run->path, err);
}

static bool sync_disk(const struct run *run, struct error *err)
{
    return !run->what->sync || syncfs(run->root) == 0 ||
           error_errno(err, run->path, "cannot sync the disk of");
}

static bool has_text(const struct run *run, const char *path, const struct buf *text)
{
    struct buf there = {0};
    bool same = beneath_read(run->root, path, (size_t)LIMIT_LIBRARY_INI_BYTES, &there, NULL) &&
                there.len == text->len && memcmp(there.data, text->data, text->len) == 0;
    buf_free(&there);
    return same;
}

/* By one rename; what has this text already stays as it is. */
static bool write_file(const struct run *run, const char *path, const struct buf *text,
                       struct error *err)
{
    if (has_text(run, path, text))
        return true;
    static const char part[] = BUILDING "/ini";
    int to = beneath_open(run->root, part, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    bool ok = to >= 0 && beneath_write_all(to, text->data, text->len);
    if (to >= 0)
        ok = close(to) == 0 && ok;
    return (ok && beneath_rename(run->root, part, path, 0)) ||
           error_errno(err, run->path, "cannot write '%s'", path);
}

/* ---- what stands there ---- */

enum standing { STANDS_NOTHING, STANDS_SAME, STANDS_OTHER };

/* Folders that hold something have no entry in a manifest. */
static size_t count_empty_folders(const struct tree *tree)
{
    size_t count = 0;
    for (size_t i = 0; i < tree->count; i++)
        count += tree->entries[i].kind == TREE_FOLDER &&
                 (i + 1 == tree->count ||
                  !folder_holds(tree->entries[i].name, tree->entries[i + 1].name));
    return count;
}

static bool has_folders(const struct tree *tree, const struct manifest *there)
{
    for (size_t i = 0; i < there->folder_count; i++) {
        const struct tree_entry *entry = tree_find(tree, there->folders[i]);
        if (!entry || entry->kind != TREE_FOLDER)
            return false;
    }
    return there->folder_count == count_empty_folders(tree);
}

/* Names the first file that differs; NULL: these very bytes are there. The caller frees it. */
static char *difference(const struct tree *tree, const struct manifest *there)
{
    struct tree standing;
    char *what = NULL;
    tree_of_manifest(&standing, there);
    struct tree_walk walk = {.found = tree, .wanted = &standing};
    struct tree_entry *found, *wanted;
    while (!what && tree_next(&walk, &found, &wanted))
        if (tree_judge(&walk, found, wanted) != TREE_SAME)
            what = mem_format("this version is there with other bytes: '%s' differs",
                              found ? found->name : wanted->name);
    if (!what && !has_folders(tree, there))
        what = mem_copy_string("this version is there with another set of empty folders");
    tree_free(&standing);
    return what;
}

static bool refuse(const struct run *run, const char *code, const char *what, struct error *err)
{
    return run->what->replace || error_set(err, ERROR_FAILED, BLAME_USER, code, run->laid_out->path,
                                           "%s; --replace replaces it", what);
}

static bool judge(const struct run *run, const struct manifest *there, enum standing *standing,
                  struct error *err)
{
    if (!input_hash(run->what->input, err))
        return false;
    char *what = difference(&run->what->input->tree, there);
    bool ok = !what || refuse(run, "OTHER_BYTES", what, err);
    *standing = what ? STANDS_OTHER : STANDS_SAME;
    free(what);
    return ok;
}

static bool look(const struct run *run, enum standing *standing, struct error *err)
{
    struct manifest there;
    struct error why;
    char hash[HASH_HEX_MAX];
    struct library *library = library_open(run->path, err);
    if (!library)
        return false;
    bool read =
        library_read(library, run->what->content_id, run->what->version, &there, hash, &why);
    library_close(library);
    if (read) {
        bool ok = judge(run, &there, standing, err);
        manifest_free(&there);
        return ok;
    }
    bool absent = strcmp(why.code, "NOT_IN_LIBRARY") == 0;
    *standing = absent ? STANDS_NOTHING : STANDS_OTHER;
    return absent || refuse(run, why.code, why.text, err);
}

/* ---- FileLib ---- */

static char *file_path(const char *sha256, const char *suffix)
{
    return mem_format("FileLib/%.4s/%s%s", sha256, sha256, suffix);
}

/* Hashed, not believed: others write to the library too. */
static bool has_file(const struct run *run, struct pool_tool *tool, const struct tree_entry *entry)
{
    struct error err;
    struct stat status;
    char *path = file_path(entry->sha256, "");
    struct tree_entry there = {.name = path};
    const struct tree_read how = {.dir = run->root, .to = -1, .where = run->path};
    int fd = beneath_open(run->root, path, O_RDONLY | O_NONBLOCK, 0);
    bool ok = fd >= 0 && fstat(fd, &status) == 0 && status.st_size == entry->stamp.size;
    if (ok)
        there.stamp = tree_stamp_of(&status);
    if (fd >= 0)
        close(fd);
    ok = ok && tree_read_file(tool, &how, &there, &err) && strcmp(there.sha256, entry->sha256) == 0;
    free(path);
    return ok;
}

/* What another program wrote in UTF-16 is left as it is: what a FileLib INI says is not known. */
static bool note_use(const struct run *run, const struct tree_entry *entry, struct error *err)
{
    struct buf text = {0};
    char *path = file_path(entry->sha256, INI);
    char *line = mem_format("[%s]\r\n", run->name);
    bool known = beneath_read(run->root, path, (size_t)LIMIT_LIBRARY_INI_BYTES, &text, NULL) &&
                 text.data && (memchr(text.data, '\0', text.len) || strstr(text.data, line));
    if (!known)
        buf_append_text(&text, line);
    bool ok = known || write_file(run, path, &text, err);
    buf_free(&text);
    free(line);
    free(path);
    return ok;
}

/* The file's bytes at `part`, hashed on the way. */
static bool copy(const struct run *run, struct pool_tool *tool, struct tree_entry *entry,
                 const char *part, struct error *err)
{
    char before[HASH_HEX_MAX];
    memcpy(before, entry->sha256, sizeof before);
    int to = beneath_open(run->root, part, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (to < 0)
        return error_errno(err, run->path, "cannot make '%s'", part);
    const struct tree_read how = {.dir = run->what->input->dir,
                                  .to = to,
                                  .where = run->what->input->path,
                                  .target = run->path};
    bool ok = tree_read_file(tool, &how, entry, err);
    if (close(to) != 0 && ok)
        ok = error_errno(err, run->path, "cannot write '%s'", entry->name);
    if (ok && *before && strcmp(before, entry->sha256) != 0)
        ok = error_set(err, ERROR_FAILED, BLAME_DATA, "HASH", run->what->input->path,
                       "'%s' has other bytes than its digest says", entry->name);
    return ok;
}

static bool bring_file(const struct run *run, struct pool_tool *tool, struct tree_entry *entry,
                       size_t index, struct error *err)
{
    if (*entry->sha256 && has_file(run, tool, entry))
        return true;
    char *part = mem_format(BUILDING "/%zu", index);
    bool ok = copy(run, tool, entry, part, err);
    if (ok && !has_file(run, tool, entry)) {
        char *path = file_path(entry->sha256, "");
        char *shelf = mem_copy_bytes(path, (size_t)(strrchr(path, '/') - path));
        ok = beneath_make_folders(run->root, shelf, 0755, err) &&
             (beneath_rename(run->root, part, path, 0) ||
              error_errno(err, run->path, "cannot put '%s' in place", path));
        free(shelf);
        free(path);
    }
    free(part);
    return ok;
}

/* ---- DataLib ---- */

static bool write_file_ini(const struct run *run, const struct tree_entry *entry, struct error *err)
{
    struct buf text = {0};
    char *name = mem_format("%s" INI, entry->name);
    int64_t modified = entry->stamp.mtime_ns / 100 + FILETIME_1970;
    buf_format(&text,
               "[File]\r\nHash=%s\r\nSize=%" PRId64 "\r\nTimeModified=%" PRId64
               "\r\nAttributes=20\r\n",
               entry->sha256, entry->stamp.size, modified > 0 ? modified : 0);
    int to = beneath_open(run->built, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    bool ok = to >= 0 && beneath_write_all(to, text.data, text.len);
    if (!ok && errno == EEXIST)
        error_set(err, ERROR_INPUT, BLAME_DATA, "REFUSED", run->what->input->path,
                  "a content library cannot have the file '%s' beside the folder '%s'", entry->name,
                  name);
    else if (!ok)
        error_errno(err, run->path, "cannot write '%s'", name);
    if (to >= 0)
        close(to);
    free(name);
    buf_free(&text);
    return ok;
}

static bool take_one(void *arg, struct pool_tool *tool, size_t index, struct error *err)
{
    struct run *run = arg;
    struct tree_entry *entry = &run->what->input->tree.entries[index];
    return entry->kind != TREE_FILE ||
           (bring_file(run, tool, entry, index, err) && write_file_ini(run, entry, err));
}

/* One at a time: files of one digest share an INI. */
static bool note_uses(const struct run *run, struct error *err)
{
    const struct tree *tree = &run->what->input->tree;
    bool ok = true;
    for (size_t i = 0; ok && i < tree->count; i++)
        ok = tree->entries[i].kind != TREE_FILE || note_use(run, &tree->entries[i], err);
    return ok;
}

static bool build(struct run *run, struct error *err)
{
    struct input *input = run->what->input;
    run->built = beneath_open(run->root, BUILT, O_RDONLY | O_DIRECTORY, 0);
    if (run->built < 0)
        return error_errno(err, run->path, "cannot open " BUILT);
    for (size_t i = 0; i < input->tree.count; i++)
        if (input->tree.entries[i].kind == TREE_FOLDER &&
            !beneath_make_folders(run->built, input->tree.entries[i].name, 0755, err))
            return false;
    if (!pool_run(input->tree.count, take_one, run, err) || !input_stands_still(input, err) ||
        !note_uses(run, err))
        return false;
    input_was_hashed(input);
    return true;
}

/* ---- in sight, and out of it ---- */

/* A PkgLib INI as it is to be: its rows, [Packages] last. */
struct index {
    const char *name; /* the content that is left out of it */
    struct buf others, packages;
    char section[64];
};

static bool take_row(void *arg, const char *section, const char *key, const char *value)
{
    struct index *index = arg;
    if (text_equal(section, "Packages")) {
        if (!text_equal(key, index->name))
            buf_format(&index->packages, "%s=%s\r\n", key, value);
        return true;
    }
    if (!text_equal(section, index->section)) {
        snprintf(index->section, sizeof index->section, "%s", section);
        buf_format(&index->others, "[%s]\r\n", section);
    }
    buf_format(&index->others, "%s=%s\r\n", key, value);
    return true;
}

static bool write_index(const struct run *run, bool named, struct error *err)
{
    struct index index = {.name = run->name};
    struct buf old = {0};
    struct stat status;
    bool there = fstatat(run->root, run->index, &status, AT_SYMLINK_NOFOLLOW) == 0;
    bool ok =
        !there || beneath_read(run->root, run->index, (size_t)LIMIT_LIBRARY_INI_BYTES, &old, err);
    if (ok && !library_ini_each(&old, take_row, &index))
        ok = error_set(err, ERROR_FAILED, BLAME_DATA, "LIBRARY", run->path, "'%s' is malformed",
                       run->index);
    if (named)
        buf_format(&index.packages, "%s=\r\n", run->name);
    buf_append_text(&index.others, "[Packages]\r\n");
    buf_append(&index.others, index.packages.data ? index.packages.data : "", index.packages.len);
    ok = ok && ((!there && !named) || write_file(run, run->index, &index.others, err));
    buf_free(&index.others);
    buf_free(&index.packages);
    buf_free(&old);
    return ok;
}

static bool withdraw(const struct run *run, struct error *err)
{
    return write_index(run, false, err) && beneath_remove(run->root, run->info, err) &&
           sync_disk(run, err) &&
           (beneath_rename(run->root, run->data, BUILDING "/old", 0) || errno == ENOENT ||
            error_errno(err, run->laid_out->path, "cannot take the old content away"));
}

static bool show(const struct run *run, struct error *err)
{
    struct buf text = {0};
    buf_format(&text, "[Info]\r\nHash=%s\r\n", run->what->input->hash);
    bool ok = write_file(run, run->info, &text, err) && sync_disk(run, err) &&
              write_index(run, true, err) && sync_disk(run, err);
    buf_free(&text);
    return ok;
}

static bool lay_out(struct run *run, struct error *err)
{
    enum standing standing;
    if (!lock(run, err) || !make_rooms(run, err) || !refuse_twins(run, err) ||
        !look(run, &standing, err) || !build(run, err) || !sync_disk(run, err))
        return false;
    if (standing == STANDS_OTHER && !withdraw(run, err))
        return false;
    if (standing != STANDS_SAME && !beneath_rename(run->root, BUILT, run->data, 0))
        return error_errno(err, run->laid_out->path, "cannot put the content in place");
    run->laid_out->result = standing == STANDS_SAME      ? PUBLISH_SAME
                            : standing == STANDS_NOTHING ? PUBLISH_NEW
                                                         : PUBLISH_REPLACED;
    return show(run, err);
}

/* What cannot be removed is left to the next run. */
static void end(struct run *run)
{
    if (run->built >= 0)
        close(run->built);
    if (run->locked)
        beneath_remove(run->root, BUILDING, NULL);
    if (run->root >= 0)
        close(run->root);
    free(run->path);
    free(run->name);
    free(run->data);
    free(run->info);
    free(run->index);
}

bool library_lay_out(const struct publication *what, const char *folder, struct laid_out *laid_out,
                     struct error *err)
{
    struct run run = {.what = what, .laid_out = laid_out, .root = -1, .built = -1};
    run.name = mem_format("%s.%" PRId64, what->content_id, what->version);
    run.data = mem_format("DataLib/%s", run.name);
    run.info = mem_format("DataLib/%s" INI, run.name);
    run.index = mem_format("PkgLib/%s" INI, what->content_id);
    bool ok = open_root(&run, folder, err);
    if (ok) {
        laid_out->path = mem_format("%s/%s", run.path, run.data);
        ok = lay_out(&run, err);
    }
    end(&run);
    return ok;
}

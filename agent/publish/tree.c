#include "agent/publish/tree.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/folder_hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- reading a folder ---- */

struct reading {
    struct tree *tree;
    int dir;
    const char *where;
    enum tree_mode mode;
    struct error *err;
};

static const char *kind_word(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFLNK: return "is a symbolic link";
    case S_IFIFO: return "is a FIFO";
    case S_IFSOCK: return "is a socket";
    case S_IFCHR:
    case S_IFBLK: return "is a device";
    default: return NULL;
    }
}

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

struct tree_stamp tree_stamp_of(const struct stat *st)
{
    return (struct tree_stamp){
        .device = st->st_dev,
        .inode = st->st_ino,
        .size = st->st_size,
        .mtime_ns = nanoseconds(st->st_mtim),
        .ctime_ns = nanoseconds(st->st_ctim),
    };
}

bool tree_same_stamp(const struct tree_stamp *a, const struct tree_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* Why a manifest could not have it; NULL where it could. */
static const char *refusal(const char *name, mode_t mode)
{
    const char *why = text_refuse_file_name(name, strlen(name));
    if (!why && strcmp(name, TREE_RESERVED) == 0)
        why = "has a name that is reserved";
    return why ? why : kind_word(mode);
}

static bool add_entry(struct reading *reading, const char *name, const struct stat *st)
{
    struct tree *tree = reading->tree;
    const char *why = refusal(name, st->st_mode);
    if (why && reading->mode == TREE_STRICT)
        return error_set(reading->err, ERROR_INPUT, BLAME_DATA, "REFUSED", reading->where,
                         "'%s' %s", name, why);
    if (tree->count == LIMIT_MANIFEST_FILES)
        return error_set(reading->err, ERROR_INPUT, BLAME_DATA, "TOO_MANY", reading->where,
                         "has more than %d files and folders", LIMIT_MANIFEST_FILES);
    tree->entries = mem_grow(tree->entries, &tree->cap, tree->count + 1, sizeof *tree->entries);
    struct tree_entry *entry = &tree->entries[tree->count++];
    *entry = (struct tree_entry){.name = arena_copy_string(&tree->arena, name),
                                 .stamp = tree_stamp_of(st)};
    if (why)
        entry->kind = TREE_OTHER;
    else
        entry->kind = S_ISDIR(st->st_mode) ? TREE_FOLDER : TREE_FILE;
    if (entry->kind == TREE_FILE) {
        tree->file_count++;
        tree->bytes += st->st_size;
    }
    return true;
}

static bool add_name(struct reading *reading, int folder, const char *path, const char *leaf)
{
    struct stat st;
    if (strcmp(leaf, ".") == 0 || strcmp(leaf, "..") == 0)
        return true;
    if (fstatat(folder, leaf, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return error_errno(reading->err, reading->where, "cannot look at '%s%s%s'", path,
                           *path ? "/" : "", leaf);
    if (!*path && strcmp(leaf, TREE_RESERVED) == 0 && S_ISDIR(st.st_mode))
        return true;
    char *name = *path ? mem_format("%s/%s", path, leaf) : mem_copy_string(leaf);
    bool ok = add_entry(reading, name, &st);
    free(name);
    return ok;
}

static bool read_folder(struct reading *reading, const char *path)
{
    int fd = beneath_open(reading->dir, path, O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        error_errno(reading->err, reading->where, "cannot list the folder '%s'", path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = true;
    struct dirent *entry;
    while (ok && (errno = 0, entry = readdir(folder)))
        ok = add_name(reading, dirfd(folder), path, entry->d_name);
    if (ok && errno != 0)
        ok = error_errno(reading->err, reading->where, "cannot list the folder '%s'", path);
    closedir(folder);
    return ok;
}

static int compare_entries(const void *a, const void *b)
{
    const struct tree_entry *left = a, *right = b;
    int order = folder_compare_names(left->name, right->name);
    return order ? order : strcmp(left->name, right->name);
}

static void sort(struct tree *tree)
{
    if (tree->count)
        qsort(tree->entries, tree->count, sizeof *tree->entries, compare_entries);
}

static bool refuse_clashes(const struct reading *reading)
{
    const struct tree *tree = reading->tree;
    for (size_t i = 1; i < tree->count; i++) {
        const char *first = tree->entries[i - 1].name, *second = tree->entries[i].name;
        if (folder_compare_names(first, second) == 0)
            return error_set(reading->err, ERROR_INPUT, BLAME_DATA, "REFUSED", reading->where,
                             "'%s' and '%s' differ by case only", first, second);
    }
    return true;
}

bool tree_read(struct tree *tree, int dir, const char *where, enum tree_mode mode,
               struct error *err)
{
    *tree = (struct tree){.knows_folders = true};
    struct reading reading = {tree, dir, where, mode, err};
    bool ok = read_folder(&reading, "");
    /* What a folder holds is added behind it: the list is its own list of what to do. */
    for (size_t i = 0; ok && i < tree->count; i++)
        if (tree->entries[i].kind == TREE_FOLDER)
            ok = read_folder(&reading, tree->entries[i].name);
    if (ok)
        sort(tree);
    if (ok && (mode == TREE_TOLERANT || refuse_clashes(&reading)))
        return true;
    tree_free(tree);
    return false;
}

void tree_of_manifest(struct tree *tree, const struct manifest *manifest)
{
    *tree = (struct tree){.count = manifest->count, .file_count = manifest->count};
    tree->entries = mem_zero(manifest->count, sizeof *tree->entries);
    for (size_t i = 0; i < manifest->count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        struct tree_entry *entry = &tree->entries[i];
        entry->name = arena_copy_string(&tree->arena, file->name);
        entry->stamp.size = file->size;
        if (file->algorithm == HASH_SHA1)
            entry->sha1 = mem_copy_string(file->hash);
        else
            memcpy(entry->sha256, file->hash, sizeof entry->sha256);
    }
    tree->bytes = manifest->bytes;
    sort(tree);
}

void tree_free(struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        free(tree->entries[i].sha1);
    free(tree->entries);
    arena_free(&tree->arena);
    *tree = (struct tree){0};
}

struct tree_entry *tree_find(const struct tree *tree, const char *name)
{
    const struct tree_entry key = {.name = name};
    return tree->count
               ? bsearch(&key, tree->entries, tree->count, sizeof *tree->entries, compare_entries)
               : NULL;
}

void tree_folder_hash(const struct tree *tree, const struct tree *digests, char hex[HASH_HEX_MAX])
{
    struct folder_entry *entries = mem_zero(tree->count + digests->count, sizeof *entries);
    size_t count = 0;
    for (size_t i = 0; i < tree->count; i++)
        if (tree->entries[i].kind == TREE_FOLDER)
            entries[count++] = (struct folder_entry){tree->entries[i].name, NULL};
    for (size_t i = 0; i < digests->count; i++)
        if (digests->entries[i].kind == TREE_FILE)
            entries[count++] =
                (struct folder_entry){digests->entries[i].name, digests->entries[i].sha256};
    folder_hash(entries, count, hex);
    free(entries);
}

/* ---- two lists side by side ---- */

bool tree_next(struct tree_walk *walk, struct tree_entry **found, struct tree_entry **wanted)
{
    bool has_found = walk->at_found < walk->found->count;
    bool has_wanted = walk->at_wanted < walk->wanted->count;
    *found = has_found ? &walk->found->entries[walk->at_found] : NULL;
    *wanted = has_wanted ? &walk->wanted->entries[walk->at_wanted] : NULL;
    int order = 0;
    if (has_found && has_wanted)
        order = walk->without_case ? folder_compare_names((*found)->name, (*wanted)->name)
                                   : compare_entries(*found, *wanted);
    if (order > 0)
        *found = NULL;
    if (order < 0)
        *wanted = NULL;
    walk->at_found += *found != NULL;
    walk->at_wanted += *wanted != NULL;
    return *found || *wanted;
}

static bool same_digest(const struct tree_entry *found, const struct tree_entry *wanted)
{
    if (wanted->sha256[0])
        return strcmp(found->sha256, wanted->sha256) == 0;
    return found->sha1 && wanted->sha1 && strcmp(found->sha1, wanted->sha1) == 0;
}

enum tree_difference tree_judge(const struct tree_walk *walk, const struct tree_entry *found,
                                const struct tree_entry *wanted)
{
    if (!found)
        return TREE_MISSING;
    if (!wanted)
        return found->kind == TREE_FOLDER && !walk->wanted->knows_folders ? TREE_SAME
                                                                          : TREE_FOREIGN;
    if (found->kind != wanted->kind)
        return TREE_CHANGED;
    if (found->kind == TREE_FOLDER)
        return TREE_SAME;
    if (found->stamp.size < wanted->stamp.size)
        return TREE_TRUNCATED;
    return found->stamp.size == wanted->stamp.size && same_digest(found, wanted) ? TREE_SAME
                                                                                 : TREE_CHANGED;
}

const char *tree_difference_word(enum tree_difference difference)
{
    switch (difference) {
    case TREE_SAME: return "same";
    case TREE_CHANGED: return "changed";
    case TREE_TRUNCATED: return "truncated";
    case TREE_MISSING: return "missing";
    case TREE_FOREIGN: return "foreign";
    }
    return NULL;
}

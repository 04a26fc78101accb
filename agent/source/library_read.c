#include "agent/source/library_read.h"
#include "agent/source/library_ini.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"
#include "policy/folder_hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INI ".INI"

struct library {
    char *path;
    int dir, packages, data, files; /* the folder and its three rooms; -1: no PkgLib */
};

static bool refuse(const struct library *library, struct error *err, const char *name,
                   const char *what)
{
    return error_set(err, ERROR_FAILED, BLAME_DATA, "LIBRARY", library->path, "'%s' %s", name,
                     what);
}

static bool refuse_errno(const struct library *library, struct error *err, const char *name)
{
    return error_set(err, ERROR_FAILED, BLAME_DATA, "LIBRARY", library->path,
                     "cannot open '%s': %s", name,
                     errno == ELOOP ? "it is a link" : strerror(errno));
}

/* ---- names without case ---- */

static bool is_one_on_windows(const char *entry, const char *name)
{
    return !text_refuse_file_name(entry, strlen(entry)) && folder_compare_names(entry, name) == 0;
}

static char *find_name(int dir, const char *name)
{
    char *found = NULL;
    int fd = beneath_open(dir, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    for (const struct dirent *entry; !found && (entry = readdir(folder));)
        if (is_one_on_windows(entry->d_name, name))
            found = mem_copy_string(entry->d_name);
    closedir(folder);
    return found;
}

/* One component: as it is written, else as it stands there. -1 with errno set. */
static int open_name(int dir, const char *name, int flags)
{
    int fd = beneath_open(dir, name, flags | O_NONBLOCK, 0);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    char *found = find_name(dir, name);
    errno = ENOENT;
    if (!found)
        return -1;
    fd = beneath_open(dir, found, flags | O_NONBLOCK, 0);
    int kept = errno;
    free(found);
    errno = kept;
    return fd;
}

/* ---- the rooms ---- */

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static int open_room(const struct library *library, int dir, const char *name, struct error *err)
{
    int fd = open_name(dir, name, O_RDONLY | O_DIRECTORY);
    if (fd < 0 && err)
        refuse_errno(library, err, name);
    return fd;
}

/* A copy may lack it: it only names what DataLib has. */
static bool open_packages(struct library *library, struct error *err)
{
    library->packages = open_room(library, library->dir, "PkgLib", NULL);
    return library->packages >= 0 || errno == ENOENT || refuse_errno(library, err, "PkgLib");
}

/* Takes the descriptor of the folder; below 0: why is in `err`. */
static struct library *open_rooms(int dir, const char *path, struct error *err)
{
    if (dir < 0)
        return NULL;
    struct library *library = mem_zero(1, sizeof *library);
    library->path = mem_copy_string(path);
    library->packages = library->data = library->files = -1;
    library->dir = dir;
    int inner = open_room(library, dir, "SCCMContentLib", NULL);
    if (inner >= 0) {
        close(library->dir);
        library->dir = inner;
    }
    if ((library->data = open_room(library, library->dir, "DataLib", err)) >= 0 &&
        (library->files = open_room(library, library->dir, "FileLib", err)) >= 0 &&
        open_packages(library, err))
        return library;
    library_close(library);
    return NULL;
}

struct library *library_open(const char *path, struct error *err)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        error_errno(err, path, "cannot open the content library");
    return open_rooms(dir, path, err);
}

struct library *library_open_below(const char *root, const char *below, struct error *err)
{
    char *path = mem_format("%s%s%s", root, *below ? "/" : "", below);
    int top = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int dir = top < 0 ? -1 : beneath_open(top, below, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        error_errno(err, path, "cannot open the content library");
    close_fd(top);
    struct library *library = open_rooms(dir, path, err);
    free(path);
    return library;
}

void library_close(struct library *library)
{
    if (!library)
        return;
    close_fd(library->packages);
    close_fd(library->data);
    close_fd(library->files);
    close_fd(library->dir);
    free(library->path);
    free(library);
}

/* ---- INI files ---- */

typedef bool ini_row(void *arg, const char *section, const char *key, const char *value);

static bool read_ini(const struct library *library, int dir, const char *name, ini_row *row,
                     void *arg, struct error *err)
{
    struct buf text = {0};
    int fd = open_name(dir, name, O_RDONLY);
    if (fd < 0)
        return refuse_errno(library, err, name);
    bool ok = beneath_read_open(fd, name, (size_t)LIMIT_LIBRARY_INI_BYTES, &text, NULL) ||
              refuse(library, err, name, "is no regular file, or too large for an INI file");
    ok = ok && (library_ini_each(&text, row, arg) || refuse(library, err, name, "is malformed"));
    close(fd);
    buf_free(&text);
    return ok;
}

struct folder_ini {
    char hash[HASH_HEX_MAX];
};

static bool take_info(void *arg, const char *section, const char *key, const char *value)
{
    struct folder_ini *ini = arg;
    if (!text_equal(section, "Info") || !text_equal(key, "Hash"))
        return true;
    return hash_parse(HASH_SHA256, value, ini->hash);
}

static bool take_file(void *arg, const char *section, const char *key, const char *value)
{
    struct manifest_file *file = arg;
    if (!text_equal(section, "File"))
        return true;
    if (text_equal(key, "Hash"))
        return hash_parse(HASH_SHA256, value, file->hash);
    if (text_equal(key, "Size"))
        return text_to_int(value, 0, INT64_MAX, &file->size);
    return true;
}

static bool read_file_ini(const struct library *library, int dir, const char *ini,
                          struct manifest_file *file, struct error *err)
{
    file->algorithm = HASH_SHA256;
    file->hash[0] = '\0';
    file->size = -1;
    return read_ini(library, dir, ini, take_file, file, err) &&
           ((*file->hash && file->size >= 0) ||
            refuse(library, err, ini, "has no [File] Hash and Size"));
}

/* ---- which contents ---- */

/* "<content ID>.<version>" */
static bool split_name(char *name, int64_t *version)
{
    char *dot = strrchr(name, '.');
    if (!dot || !text_to_int(dot + 1, 0, UINT32_MAX, version))
        return false;
    *dot = '\0';
    return text_is_content_id(name);
}

static void add_content(struct library_contents *contents, const char *text)
{
    int64_t version;
    char *name = mem_copy_string(text);
    if (!split_name(name, &version)) {
        free(name);
        return;
    }
    contents->list =
        mem_grow(contents->list, &contents->cap, contents->count + 1, sizeof *contents->list);
    contents->list[contents->count++] = (struct library_content){name, version};
}

static bool take_package(void *arg, const char *section, const char *key, const char *value)
{
    (void)value;
    if (text_equal(section, "Packages"))
        add_content(arg, key);
    return true;
}

static char *without_ini(const char *name)
{
    size_t len = strlen(name), cut = strlen(INI);
    bool is_ini = len > cut && text_equal(name + len - cut, INI);
    return is_ini ? mem_copy_bytes(name, len - cut) : NULL;
}

struct listing {
    const struct library *library;
    struct library_contents *contents;
    bool packages;
};

static bool list_entry(const struct listing *listing, int dir, const char *entry, struct error *err)
{
    char *name = without_ini(entry);
    bool ok = true;
    if (name && listing->packages)
        ok = read_ini(listing->library, dir, entry, take_package, listing->contents, err);
    else if (name)
        add_content(listing->contents, name);
    free(name);
    return ok;
}

static bool list_room(const struct listing *listing, int room, struct error *err)
{
    int fd = beneath_open(room, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    bool ok = true;
    if (!folder) {
        close_fd(fd);
        return refuse_errno(listing->library, err, "DataLib");
    }
    for (const struct dirent *entry; ok && (entry = readdir(folder));)
        ok = list_entry(listing, dirfd(folder), entry->d_name, err) &&
             (listing->contents->count <= LIMIT_MANIFEST_FILES ||
              refuse(listing->library, err, entry->d_name, "is one content too many"));
    closedir(folder);
    return ok;
}

static int by_content(const void *a, const void *b)
{
    const struct library_content *left = a, *right = b;
    int order = text_compare(left->content_id, right->content_id);
    return order ? order : (left->version > right->version) - (left->version < right->version);
}

static void drop_twins(struct library_contents *contents)
{
    size_t count = 0;
    if (contents->count)
        qsort(contents->list, contents->count, sizeof *contents->list, by_content);
    for (size_t i = 0; i < contents->count; i++) {
        if (count && by_content(&contents->list[count - 1], &contents->list[i]) == 0)
            free(contents->list[i].content_id);
        else
            contents->list[count++] = contents->list[i];
    }
    contents->count = count;
}

bool library_list(struct library *library, struct library_contents *contents, struct error *err)
{
    struct listing listing = {.library = library, .contents = contents};
    *contents = (struct library_contents){0};
    bool ok = list_room(&listing, library->data, err);
    listing.packages = true;
    if (library->packages >= 0)
        ok = ok && list_room(&listing, library->packages, err);
    if (!ok)
        library_contents_free(contents);
    else
        drop_twins(contents);
    return ok;
}

void library_contents_free(struct library_contents *contents)
{
    for (size_t i = 0; i < contents->count; i++)
        free(contents->list[i].content_id);
    free(contents->list);
    *contents = (struct library_contents){0};
}

/* ---- one content ---- */

/* What a pass over a content's INI files fills. */
struct reading {
    const struct library *library;
    struct manifest *manifest;
    size_t file_cap, folder_count, folder_cap;
    const char **folders; /* until they are the manifest's */
    struct error *err;
};

static bool read_folder(struct reading *reading, int dir, const char *above, unsigned depth);

static bool add_file(struct reading *reading, int dir, const char *entry, char *name)
{
    struct manifest *manifest = reading->manifest;
    const char *why = text_refuse_file_name(name, strlen(name));
    if (why)
        return refuse(reading->library, reading->err, name, why);
    if (manifest->count >= LIMIT_MANIFEST_FILES)
        return refuse(reading->library, reading->err, name, "is one file too many");
    manifest->files =
        mem_grow(manifest->files, &reading->file_cap, manifest->count + 1, sizeof *manifest->files);
    struct manifest_file *file = &manifest->files[manifest->count++];
    *file = (struct manifest_file){.name = arena_copy_string(&manifest->arena, name)};
    return read_file_ini(reading->library, dir, entry, file, reading->err) &&
           (!__builtin_add_overflow(manifest->bytes, file->size, &manifest->bytes) ||
            refuse(reading->library, reading->err, name, "is too large"));
}

/* Only the names of folders that hold nothing are part of a content. */
static bool add_folder(struct reading *reading, int dir, const char *entry, const char *name,
                       unsigned depth)
{
    struct arena *arena = &reading->manifest->arena;
    size_t files = reading->manifest->count, folders = reading->folder_count;
    int fd = beneath_open(dir, entry, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return refuse_errno(reading->library, reading->err, name);
    if (!read_folder(reading, fd, name, depth + 1))
        return false;
    if (reading->manifest->count > files || reading->folder_count > folders)
        return true;
    reading->folders =
        mem_grow(reading->folders, &reading->folder_cap, folders + 1, sizeof *reading->folders);
    reading->folders[reading->folder_count++] = arena_copy_string(arena, name);
    return true;
}

static bool read_entry(struct reading *reading, int dir, const char *above, const char *entry,
                       unsigned depth)
{
    struct stat status;
    bool ok = true;
    char *full = mem_format("%s%s%s", above, *above ? "/" : "", entry);
    char *name = without_ini(full);
    if (fstatat(dir, entry, &status, AT_SYMLINK_NOFOLLOW) != 0)
        ok = refuse_errno(reading->library, reading->err, full);
    else if (S_ISDIR(status.st_mode))
        ok = add_folder(reading, dir, entry, full, depth);
    else if (!S_ISREG(status.st_mode))
        ok = refuse(reading->library, reading->err, full, "is no regular file");
    else if (name)
        ok = add_file(reading, dir, entry, name);
    free(name);
    free(full);
    return ok;
}

/* Takes the descriptor. */
static bool read_folder(struct reading *reading, int dir, const char *above, unsigned depth)
{
    DIR *folder = depth < LIMIT_LISTING_DEPTH ? fdopendir(dir) : NULL;
    bool ok = true;
    if (!folder) {
        close(dir);
        return refuse(reading->library, reading->err, above, "cannot be read, or is too deep");
    }
    for (const struct dirent *entry; ok && (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = read_entry(reading, dirfd(folder), above, entry->d_name, depth);
    closedir(folder);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return folder_compare_names(((const struct manifest_file *)a)->name,
                                ((const struct manifest_file *)b)->name);
}

/* Names that are one on Windows would be two files here. */
static bool check_names(const struct reading *reading)
{
    struct manifest *manifest = reading->manifest;
    if (manifest->count)
        qsort(manifest->files, manifest->count, sizeof *manifest->files, by_name);
    for (size_t i = 1; i < manifest->count; i++) {
        const char *before = manifest->files[i - 1].name, *name = manifest->files[i].name;
        if (folder_compare_names(before, name) == 0)
            return refuse(reading->library, reading->err, name, "is there twice");
        if (folder_holds(before, name))
            return refuse(reading->library, reading->err, name, "is below a file");
    }
    return true;
}

static int open_content(const struct library *library, const char *name, struct error *err)
{
    int dir = open_name(library->data, name, O_RDONLY | O_DIRECTORY);
    if (dir < 0 && errno == ENOENT)
        error_set(err, ERROR_FAILED, BLAME_DATA, "NOT_IN_LIBRARY", library->path,
                  "has no content '%s'", name);
    else if (dir < 0)
        refuse_errno(library, err, name);
    return dir;
}

/* A run that was killed, or a copy that is not done, has the files without it. */
static bool read_info(const struct library *library, const char *ini, struct folder_ini *info,
                      struct error *err)
{
    int fd = open_name(library->data, ini, O_RDONLY);
    bool absent = fd < 0 && errno == ENOENT;
    close_fd(fd);
    return absent || (read_ini(library, library->data, ini, take_info, info, err) &&
                      (*info->hash || refuse(library, err, ini, "has no [Info] Hash")));
}

static void take_folders(const struct reading *reading)
{
    struct manifest *manifest = reading->manifest;
    size_t size = reading->folder_count * sizeof *manifest->folders;
    manifest->folder_count = reading->folder_count;
    manifest->folders =
        arena_zero(&manifest->arena, reading->folder_count + 1, sizeof *manifest->folders);
    if (size)
        memcpy(manifest->folders, reading->folders, size);
}

bool library_read(struct library *library, const char *content_id, int64_t version,
                  struct manifest *manifest, char folder_hash[HASH_HEX_MAX], struct error *err)
{
    struct folder_ini info = {.hash = ""};
    struct reading reading = {.library = library, .manifest = manifest, .err = err};
    char *name = mem_format("%s.%lld", content_id, (long long)version);
    char *ini = mem_format("%s" INI, name);
    *manifest = (struct manifest){0};
    int dir = open_content(library, name, err);
    bool ok = dir >= 0 && read_folder(&reading, dir, "", 0) && check_names(&reading) &&
              read_info(library, ini, &info, err);
    if (ok)
        memcpy(folder_hash, info.hash, HASH_HEX_MAX);
    if (ok)
        take_folders(&reading);
    else
        manifest_free(manifest);
    free(reading.folders);
    free(ini);
    free(name);
    return ok;
}

/* ---- one file ---- */

/* Component by component: each may stand in another case. Takes the descriptor. */
static int open_parent(int dir, char *path, const char **leaf)
{
    for (char *slash; dir >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        *slash = '\0';
        int below = open_name(dir, path, O_RDONLY | O_DIRECTORY);
        int kept = errno;
        close(dir);
        errno = kept;
        dir = below;
    }
    *leaf = path;
    return dir;
}

bool library_find_file(struct library *library, const char *content_id, int64_t version,
                       const char *name, struct manifest_file *file, struct error *err)
{
    const char *leaf;
    char *folder = mem_format("%s.%lld", content_id, (long long)version);
    char *path = mem_format("%s" INI, name);
    int dir = open_content(library, folder, err);
    bool opened = dir >= 0;
    *file = (struct manifest_file){.name = name};
    if (opened)
        dir = open_parent(dir, path, &leaf);
    bool ok = opened && (dir >= 0 || refuse_errno(library, err, name)) &&
              read_file_ini(library, dir, leaf, file, err);
    close_fd(dir);
    free(path);
    free(folder);
    return ok;
}

static enum library_problem judge(int fd, int64_t size)
{
    struct stat status;
    if (fd < 0)
        return errno == ELOOP ? LIBRARY_IRREGULAR : LIBRARY_MISSING;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return LIBRARY_IRREGULAR;
    return status.st_size == size  ? LIBRARY_RIGHT
           : status.st_size < size ? LIBRARY_SHORT
                                   : LIBRARY_LONG;
}

int library_open_file(struct library *library, const struct manifest_file *file,
                      enum library_problem *problem, struct error *err)
{
    static const char *const words[] = {
        [LIBRARY_MISSING] = "is not in FileLib",
        [LIBRARY_IRREGULAR] = "is no regular file in FileLib",
        [LIBRARY_SHORT] = "is shorter in FileLib than its size",
        [LIBRARY_LONG] = "is longer in FileLib than its size",
    };
    const char shelf[5] = {file->hash[0], file->hash[1], file->hash[2], file->hash[3], '\0'};
    int dir = open_name(library->files, shelf, O_RDONLY | O_DIRECTORY);
    int fd = dir < 0 ? -1 : open_name(dir, file->hash, O_RDONLY);
    *problem = judge(fd, file->size);
    close_fd(dir);
    if (*problem == LIBRARY_RIGHT)
        return fd;
    close_fd(fd);
    error_set(err, ERROR_FAILED, BLAME_DATA, "LIBRARY", library->path, "'%s' (%s) %s", file->name,
              file->hash, words[*problem]);
    return -1;
}

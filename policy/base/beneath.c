#include "policy/base/beneath.h"

#include "policy/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int beneath_open(int dir, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    for (;;) {
        long fd = syscall(SYS_openat2, dir, *path ? path : ".", &how, sizeof how);
        /* EAGAIN: a rename elsewhere raced with the walk; the kernel asks to try again. */
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            return (int)fd;
    }
}

int beneath_open_parent(int dir, const char *path, const char **leaf)
{
    const char *slash = strrchr(path, '/');
    *leaf = slash ? slash + 1 : path;
    if (!slash)
        return beneath_open(dir, ".", O_PATH | O_DIRECTORY, 0);
    char *parent = mem_copy_bytes(path, (size_t)(slash - path));
    int fd = beneath_open(dir, parent, O_PATH | O_DIRECTORY, 0);
    int kept = errno;
    free(parent);
    errno = kept;
    return fd;
}

static void close_keeping_errno(int fd)
{
    int kept = errno;
    if (fd >= 0)
        close(fd);
    errno = kept;
}

static bool make_folder(int dir, const char *path, mode_t mode)
{
    const char *leaf;
    int parent = beneath_open_parent(dir, path, &leaf);
    if (parent < 0)
        return false;
    bool ok = mkdirat(parent, leaf, mode) == 0 || errno == EEXIST;
    close_keeping_errno(parent);
    return ok;
}

bool beneath_make_folders(int dir, const char *path, mode_t mode, struct error *err)
{
    /* Mostly the parents are there already. */
    if (make_folder(dir, path, mode))
        return true;
    if (errno != ENOENT)
        return error_errno(err, path, "cannot make the folder");
    char *part = mem_copy_string(path);
    bool ok = true;
    for (char *slash = strchr(part, '/'); ok && slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = make_folder(dir, part, mode);
        *slash = '/';
    }
    ok = ok && make_folder(dir, path, mode);
    if (!ok)
        error_errno(err, path, "cannot make the folder");
    free(part);
    return ok;
}

typedef int two_names(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);

static int rename_names(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return renameat2(from_dir, from, to_dir, to, flags);
}

static int link_names(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return linkat(from_dir, from, to_dir, to, (int)flags);
}

static bool with_parents(int dir, const char *from, const char *to, unsigned flags, two_names *act)
{
    const char *from_leaf, *to_leaf;
    int from_dir = beneath_open_parent(dir, from, &from_leaf);
    int to_dir = from_dir < 0 ? -1 : beneath_open_parent(dir, to, &to_leaf);
    bool ok = to_dir >= 0 && act(from_dir, from_leaf, to_dir, to_leaf, flags) == 0;
    close_keeping_errno(from_dir);
    close_keeping_errno(to_dir);
    return ok;
}

bool beneath_rename(int dir, const char *from, const char *to, unsigned flags)
{
    return with_parents(dir, from, to, flags, rename_names);
}

bool beneath_link(int dir, const char *from, const char *to)
{
    return with_parents(dir, from, to, 0, link_names);
}

static bool remove_at(int parent, const char *name);

static bool empty_folder(int fd)
{
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close_keeping_errno(fd);
        return false;
    }
    bool ok = true;
    struct dirent *entry;
    while (ok && (errno = 0, entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = remove_at(dirfd(folder), entry->d_name);
    int kept = errno;
    closedir(folder);
    errno = kept;
    return ok && kept == 0;
}

static bool remove_at(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
        errno = 0;
        return true;
    }
    if (errno != EISDIR && errno != EPERM)
        return false;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || !empty_folder(fd))
        return false;
    bool ok = unlinkat(parent, name, AT_REMOVEDIR) == 0;
    if (ok)
        errno = 0;
    return ok;
}

bool beneath_remove(int dir, const char *path, struct error *err)
{
    const char *leaf;
    int parent = beneath_open_parent(dir, path, &leaf);
    if (parent < 0)
        return errno == ENOENT || error_errno(err, path, "cannot remove");
    bool ok = remove_at(parent, leaf) || error_errno(err, path, "cannot remove");
    close(parent);
    return ok;
}

bool beneath_read_open(int fd, const char *where, size_t max, struct buf *out, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_errno(err, where, "cannot read");
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_FAILED, BLAME_DISK, "NOT_A_FILE", where,
                         "is not a regular file");
    char piece[16 * 1024];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got == 0)
            return true;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(err, where, "cannot read");
        if ((total += (size_t)got) > max)
            return error_set(err, ERROR_INPUT, BLAME_DATA, "TOO_LARGE", where,
                             "is larger than the limit of %zu bytes", max);
        buf_append(out, piece, (size_t)got);
    }
}

bool beneath_read_named(const char *path, const char *what, size_t max, struct buf *out,
                        struct error *err)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool ok = fd >= 0 ? beneath_read_open(fd, path, max, out, err)
                      : error_errno(err, path, "cannot open %s", what);
    if (fd >= 0)
        close(fd);
    if (!ok && err)
        err->kind = ERROR_INPUT;
    return ok;
}

bool beneath_read(int dir, const char *path, size_t max, struct buf *out, struct error *err)
{
    /* O_NONBLOCK: a planted FIFO must not hold us. */
    int fd = beneath_open(dir, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(err, path, "cannot open");
    bool ok = beneath_read_open(fd, path, max, out, err);
    close(fd);
    return ok;
}

bool beneath_write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len) {
        ssize_t done = write(fd, at, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        at += done;
        len -= (size_t)done;
    }
    return true;
}

bool beneath_write_all_at(int fd, const void *bytes, size_t len, off_t offset)
{
    const char *at = bytes;
    while (len) {
        ssize_t done = pwrite(fd, at, len, offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        at += done;
        offset += done;
        len -= (size_t)done;
    }
    return true;
}

static bool write_new(int parent, const char *name, const void *bytes, size_t len, mode_t mode,
                      bool sync)
{
    int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return false;
    bool ok =
        fchmod(fd, mode) == 0 && beneath_write_all(fd, bytes, len) && (!sync || fsync(fd) == 0);
    if (!ok) {
        close_keeping_errno(fd);
        return false;
    }
    return close(fd) == 0;
}

static bool sync_folder(int parent)
{
    int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    close_keeping_errno(fd);
    return ok;
}

static bool replace(int dir, const char *path, const void *bytes, size_t len, mode_t mode,
                    bool sync, struct error *err)
{
    const char *leaf;
    int parent = beneath_open_parent(dir, path, &leaf);
    if (parent < 0)
        return error_errno(err, path, "cannot open the folder of");
    char *temporary = mem_format(".%s.tmp", leaf);
    unlinkat(parent, temporary, 0);
    bool ok = write_new(parent, temporary, bytes, len, mode, sync) &&
              renameat(parent, temporary, parent, leaf) == 0;
    if (!ok) {
        error_errno(err, path, "cannot write");
        unlinkat(parent, temporary, 0);
    }
    if (ok && sync && !sync_folder(parent))
        ok = error_errno(err, path, "cannot sync the folder of");
    close(parent);
    free(temporary);
    return ok;
}

bool beneath_replace(int dir, const char *path, const void *bytes, size_t len, mode_t mode,
                     struct error *err)
{
    return replace(dir, path, bytes, len, mode, true, err);
}

bool beneath_replace_unsynced(int dir, const char *path, const void *bytes, size_t len, mode_t mode,
                              struct error *err)
{
    return replace(dir, path, bytes, len, mode, false, err);
}

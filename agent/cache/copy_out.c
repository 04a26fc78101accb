/* Bytes and trees copied. */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

bool cache_copy_bytes(int from, int to)
{
    enum { PIECE = 256 * 1024, STEP = 1 << 30 };
    ssize_t got;
    /* Copies inside the file system, sharing blocks where it can. */
    while ((got = copy_file_range(from, NULL, to, NULL, STEP, 0)) > 0)
        continue;
    if (got == 0)
        return true;
    if (errno != EXDEV && errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)
        return false;
    char *piece = mem_resize(NULL, PIECE, 1);
    bool ok = true;
    while (ok && (got = read(from, piece, PIECE)) != 0) {
        if (got < 0)
            ok = errno == EINTR;
        else
            ok = beneath_write_all(to, piece, (size_t)got);
    }
    free(piece);
    return ok;
}

bool cache_copy_file(int from_dir, const char *from, int to_dir, const char *to, mode_t mode)
{
    int in = beneath_open(from_dir, from, O_RDONLY | O_NONBLOCK, 0);
    int out = in < 0 ? -1 : beneath_open(to_dir, to, O_WRONLY | O_CREAT | O_EXCL, mode);
    bool ok = out >= 0 && cache_copy_bytes(in, out) && fchmod(out, mode) == 0;
    int kept = errno;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) != 0 && ok)
        ok = false;
    else
        errno = kept;
    return ok;
}

bool cache_link_or_copy(int dir, const char *from, const char *to)
{
    if (beneath_link(dir, from, to))
        return true;
    if (errno != EMLINK && errno != EPERM && errno != EOPNOTSUPP)
        return false;
    return cache_copy_file(dir, from, dir, to, 0444);
}

static bool copy_tree(int tree, int target, const struct manifest *manifest, struct error *err)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const char *name = manifest->files[i].name;
        const char *slash = strrchr(name, '/');
        if (slash) {
            char *parent = mem_copy_bytes(name, (size_t)(slash - name));
            bool made = beneath_make_folders(target, parent, 0755, err);
            free(parent);
            if (!made)
                return false;
        }
        if (!cache_copy_file(tree, name, target, name, 0644))
            return error_errno(err, name, "cannot copy");
    }
    for (size_t i = 0; i < manifest->folder_count; i++)
        if (!beneath_make_folders(target, manifest->folders[i], 0755, err))
            return false;
    return true;
}

static bool fill_target(int tree, int parent, const char *building, const struct manifest *manifest,
                        struct error *err)
{
    int target = -1;
    bool ok = mkdirat(parent, building, 0755) == 0 &&
              (target = beneath_open(parent, building, O_RDONLY | O_DIRECTORY, 0)) >= 0;
    if (!ok)
        error_errno(err, building, "cannot make the folder");
    ok = ok && copy_tree(tree, target, manifest, err);
    if (target >= 0)
        close(target);
    return ok;
}

/* Opens the folder that `target` stands in, as the user named it, and gives its last part. */
static int open_target_parent(const char *target, char **leaf)
{
    size_t len = strlen(target);
    while (len > 1 && target[len - 1] == '/')
        len--;
    char *path = mem_copy_bytes(target, len);
    char *slash = strrchr(path, '/');
    *leaf = mem_copy_string(slash ? slash + 1 : path);
    if (slash)
        slash[slash == path] = '\0';
    int parent = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(path);
    return parent;
}

static bool copy_held(int tree, const struct manifest *manifest, const char *target,
                      struct error *err)
{
    char *leaf;
    int parent = open_target_parent(target, &leaf);
    char *building = mem_format("%s.nearpoint-%ld", leaf, (long)getpid());
    bool ok = parent >= 0 || error_errno(err, target, "cannot open the folder of");
    if (ok) {
        ok = fill_target(tree, parent, building, manifest, err);
        /* rename replaces a folder only where it is empty. */
        if (ok && renameat(parent, building, parent, leaf) != 0)
            ok = error_errno(err, target, "cannot put the content there");
        if (!ok)
            beneath_remove(parent, building, NULL);
    }
    if (parent >= 0)
        close(parent);
    free(building);
    free(leaf);
    return ok;
}

bool cache_copy_out(const struct cache *cache, const char *content_id, int64_t version,
                    const struct manifest *manifest, const char *target, struct error *err)
{
    int tree = cache_hold(cache, content_id, version, err);
    if (tree < 0)
        return false;
    bool ok = copy_held(tree, manifest, target, err);
    close(tree);
    return ok;
}

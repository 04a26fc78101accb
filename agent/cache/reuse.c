/* What FileLib has already: found with one call a file, and linked in one sweep where a record
   proves the bytes. */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- FileLib's folders ---- */

enum { SHELF_CLOSED = -1, SHELF_MISSING = -2 };

void shelves_begin(struct shelves *shelves, const struct cache *cache)
{
    shelves->cache = cache;
    for (size_t i = 0; i < PLACES_MAX; i++)
        for (size_t n = 0; n < 256; n++)
            shelves->fds[i][n] = SHELF_CLOSED;
}

static unsigned nibble(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'A' + 10) & 15U;
}

int shelves_open(struct shelves *shelves, const struct place *place, const char *sha256)
{
    char path[sizeof CACHE_FILELIB + 3];
    int *fd =
        &shelves->fds[place - shelves->cache->places][nibble(sha256[0]) << 4 | nibble(sha256[1])];
    if (*fd == SHELF_CLOSED) {
        snprintf(path, sizeof path, CACHE_FILELIB "/%.2s", sha256);
        *fd = beneath_open(place->dir, path, O_PATH | O_DIRECTORY, 0);
        if (*fd < 0)
            *fd = SHELF_MISSING;
    }
    return *fd;
}

void shelves_end(struct shelves *shelves)
{
    for (size_t i = 0; i < PLACES_MAX; i++)
        for (size_t n = 0; n < 256; n++)
            if (shelves->fds[i][n] >= 0)
                close(shelves->fds[i][n]);
}

/* ---- links ---- */

struct sweep {
    struct staging *staging;
    struct shelves shelves;
    struct walk walk; /* of the tree */
    size_t count;
    struct named {
        const char *name;
        struct staged_file *file;
    } * names; /* of proven files, in byte order */
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* May a record prove it? */
static bool is_here(const struct staging *staging, const struct staged_file *file)
{
    return file->found == STAGED_LIBRARY && !file->is_listed && !file->kept &&
           &staging->cache->places[file->place] == staging->place;
}

static bool keep_known(void *arg, const struct proofs *proofs)
{
    struct staging *staging = arg;
    bool all = true;
    for (size_t i = 0; i < staging->file_count; i++) {
        struct staged_file *file = &staging->files[i];
        const struct stamp stamp = {file->file->size, file->mtime_ns, file->ctime_ns};
        if (!is_here(staging, file))
            continue;
        file->kept = proofs_know(proofs, file->file->hash, &stamp);
        if (file->kept)
            memcpy(file->sha256, file->file->hash, sizeof file->sha256);
        all = all && file->kept;
    }
    return !all;
}

static void collect_proven(struct sweep *sweep)
{
    struct staging *staging = sweep->staging;
    proofs_each(staging->place, keep_known, staging);
    sweep->names = mem_zero(staging->name_count + 1, sizeof *sweep->names);
    for (size_t i = 0; i < staging->file_count; i++) {
        struct staged_file *file = &staging->files[i];
        for (size_t n = 0; file->kept && n < file->name_count; n++)
            sweep->names[sweep->count++] = (struct named){file->names[n], file};
    }
    qsort(sweep->names, sweep->count, sizeof *sweep->names, by_name);
}

static int open_parent(struct sweep *sweep, const char *name, const char **leaf, struct error *err)
{
    int parent = walk_parent(&sweep->walk, name, leaf);
    if (parent >= 0 || errno != ENOENT)
        return parent;
    char *path = mem_copy_bytes(name, (size_t)(*leaf - name - 1));
    bool made = beneath_make_folders(sweep->walk.root, path, 0755, err);
    free(path);
    return made ? walk_parent(&sweep->walk, name, leaf) : -1;
}

/* One that cannot be linked (it is gone meanwhile, or has too many links) goes the way of those
   that are not proven. */
static bool link_name(struct sweep *sweep, const struct named *named, struct error *err)
{
    const char *leaf;
    struct staged_file *file = named->file;
    int shelf = shelves_open(&sweep->shelves, sweep->staging->place, file->sha256);
    int parent = open_parent(sweep, named->name, &leaf, err);
    if (parent < 0)
        return error_errno(err, named->name, "cannot make the folder of");
    if (linkat(shelf, file->sha256, parent, leaf, 0) == 0)
        return true;
    if (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EROFS)
        return error_errno(err, named->name, "cannot link");
    file->kept = false;
    return true;
}

static bool link_all(struct sweep *sweep, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < sweep->count; i++)
        ok = link_name(sweep, &sweep->names[i], err);
    for (size_t i = 0; i < sweep->count; i++) {
        struct staged_file *file = sweep->names[i].file;
        file->kept = file->kept && ok;
        if (!file->kept)
            staging_take_from_tree(sweep->staging, file, file->name_count);
    }
    return ok;
}

static bool has_found(const struct staging *staging)
{
    for (size_t i = 0; i < staging->file_count; i++)
        if (staging->files[i].found == STAGED_LIBRARY)
            return true;
    return false;
}

bool staging_keep_proven(struct staging *staging, struct error *err)
{
    struct sweep sweep = {.staging = staging};
    if (!has_found(staging))
        return true;
    int tree = beneath_open(staging->dir, STAGING_TREE, O_PATH | O_DIRECTORY, 0);
    if (tree < 0)
        return error_errno(err, staging->path, "cannot open the tree of");
    shelves_begin(&sweep.shelves, staging->cache);
    walk_begin(&sweep.walk, tree);
    collect_proven(&sweep);
    bool ok = link_all(&sweep, err);
    walk_end(&sweep.walk);
    shelves_end(&sweep.shelves);
    free(sweep.names);
    close(tree);
    return ok;
}

/* Is there room for what a content still needs? */
#include "agent/cache/internal.h"

#include <sys/statvfs.h>

/* Blocks are counted as of this size at most: NFS calls what it sends at once a block. */
#define BLOCK_MAX (4L * KIB)
/* For the content's record: its own, and a line a file. */
#define RECORD_BYTES      (64L * KIB)
#define RECORD_LINE_BYTES 256L
/* The content's record and its temporary file, the tree, and what others make meanwhile. */
#define RECORD_INODES 16
/* Files from here on may have a validator and a record beside their part. */
#define BESIDE_FROM MIB

struct need {
    int64_t bytes, inodes;
};

static void add_file(struct need *need, const struct staged_file *file, int64_t block)
{
    if (file->kept || file->found == STAGED_LIBRARY)
        return;
    int64_t size = file->file->size, whole;
    if (__builtin_add_overflow(size, (block - size % block) % block, &whole))
        whole = size;
    int64_t missing = whole > file->on_disk ? whole - file->on_disk : 0;
    if (__builtin_add_overflow(need->bytes, missing, &need->bytes))
        need->bytes = INT64_MAX;
    need->inodes += (file->found == STAGED_NONE) + (size >= BESIDE_FROM ? 2 : 0);
}

static struct need needed(const struct staging *staging, int64_t block)
{
    int64_t names = (int64_t)staging->name_count;
    struct need need = {
        .bytes = RECORD_BYTES + names * RECORD_LINE_BYTES,
        .inodes = RECORD_INODES + (int64_t)staging->folder_count,
    };
    for (size_t i = 0; i < staging->file_count; i++)
        add_file(&need, &staging->files[i], block);
    return need;
}

static int64_t available_bytes(const struct statvfs *space)
{
    int64_t bytes;
    if (__builtin_mul_overflow(space->f_bavail, space->f_frsize, &bytes))
        return INT64_MAX;
    return bytes;
}

bool staging_fits(const struct staging *staging, struct error *err)
{
    struct statvfs space;
    if (fstatvfs(staging->cache->dir, &space) != 0)
        return error_errno(err, staging->cache->folder, "cannot ask for free space");
    int64_t block =
        space.f_frsize && space.f_frsize < BLOCK_MAX ? (int64_t)space.f_frsize : BLOCK_MAX;
    struct need need = needed(staging, block);
    int64_t bytes = available_bytes(&space);
    if (need.bytes > bytes)
        return error_set(err, ERROR_FAILED, BLAME_DISK, "DISK_SPACE", staging->content_id,
                         "needs %lld bytes on the cache's disk, which has %lld",
                         (long long)need.bytes, (long long)bytes);
    if (space.f_files && need.inodes > 0 && (uint64_t)need.inodes > space.f_favail)
        return error_set(err, ERROR_FAILED, BLAME_DISK, "DISK_INODES", staging->content_id,
                         "needs %lld inodes on the cache's disk, which has %llu",
                         (long long)need.inodes, (unsigned long long)space.f_favail);
    return true;
}

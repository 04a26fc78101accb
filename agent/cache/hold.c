/* A content's tree while somebody reads it. flock on the folder itself: that works on a read-only
   disk, and ends with its process. */
#include "agent/cache/internal.h"

#include "policy/base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

int cache_open_tree(const struct place *place, const char *content_id, int64_t version)
{
    char *path = cache_data_path(content_id, version, "");
    int tree = beneath_open(place->dir, path, O_RDONLY | O_DIRECTORY, 0);
    free(path);
    return tree;
}

bool cache_claim_tree(int tree)
{
    return flock(tree, LOCK_EX | LOCK_NB) == 0;
}

/* One that was removed or replaced before the lock was there is not the content any more. */
static bool is_current(const struct place *place, const char *content_id, int64_t version, int tree)
{
    struct stat ours, there;
    int now = cache_open_tree(place, content_id, version);
    bool same = now >= 0 && fstat(tree, &ours) == 0 && fstat(now, &there) == 0 &&
                ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
    if (now >= 0)
        close(now);
    return same;
}

int cache_hold(const struct cache *cache, const char *content_id, int64_t version,
               struct error *err)
{
    for (;;) {
        const struct place *place = cache_find(cache, content_id, version);
        int tree = place ? cache_open_tree(place, content_id, version) : -1;
        if (tree < 0) {
            error_set(err, ERROR_FAILED, BLAME_DISK, "CACHE", content_id,
                      "version %lld is not in the cache any more", (long long)version);
            return -1;
        }
        /* A file system without locks has no one to wait for. */
        bool locked = flock(tree, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK;
        if (locked && is_current(place, content_id, version, tree))
            return tree;
        close(tree);
        if (!locked) {
            error_set(err, ERROR_FAILED, BLAME_USER, "BUSY", content_id,
                      "another process is removing version %lld from the cache",
                      (long long)version);
            return -1;
        }
    }
}

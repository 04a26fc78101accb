#include "agent/publish/place.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"
#include "policy/site.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool open_root(struct place *place, const char *folder, bool make, struct error *err)
{
    if (make && mkdir(folder, 0755) != 0 && errno != EEXIST)
        return error_errno(err, folder, "cannot make the folder");
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return error_errno(err, folder, "cannot open the folder");
    bool ok = !make || beneath_make_folders(dir, PLACE_ROOT, 0755, err);
    if (ok) {
        place->root = beneath_open(dir, PLACE_ROOT, O_RDONLY | O_DIRECTORY, 0);
        ok = place->root >= 0 || error_errno(err, place->path, "cannot open the folder");
    }
    close(dir);
    return ok;
}

bool place_open(struct place *place, const char *folder, bool make, bool sync, struct error *err)
{
    size_t len = strlen(folder);
    const char *slash = len && folder[len - 1] == '/' ? "" : "/";
    *place = (struct place){.root = -1, .lock = -1, .sync = sync};
    place->path = mem_format("%s%s" PLACE_ROOT, folder, slash);
    if (open_root(place, folder, make, err))
        return true;
    place_close(place);
    return false;
}

void place_close(struct place *place)
{
    place_unlock(place);
    if (place->root >= 0)
        close(place->root);
    free(place->path);
    *place = (struct place){.root = -1, .lock = -1};
}

static bool refuse_busy(const struct place *place, struct error *err)
{
    struct buf holder = {0};
    beneath_read(place->root, PLACE_LOCK, 32, &holder, NULL);
    error_set(err, ERROR_FAILED, BLAME_USER, "BUSY", place->path,
              "process %s is publishing or repairing there already",
              holder.len ? holder.data : "(unknown)");
    buf_free(&holder);
    return false;
}

/* Another name of it may stand anywhere: it is not written to. */
static bool is_planted(int lock)
{
    struct stat st;
    return fstat(lock, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1;
}

static bool take_lock(struct place *place, struct error *err)
{
    char holder[32];
    int len = snprintf(holder, sizeof holder, "%ld", (long)getpid());
    place->lock = beneath_open(place->root, PLACE_LOCK, O_RDWR | O_CREAT | O_NONBLOCK, 0600);
    if (place->lock < 0)
        return error_errno(err, place->path, "cannot open " PLACE_LOCK);
    if (is_planted(place->lock))
        return error_set(err, ERROR_FAILED, BLAME_DISK, "LOCK", place->path,
                         PLACE_LOCK " is not a file of nearpoint's: remove it");
    if (flock(place->lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? refuse_busy(place, err)
                                    : error_errno(err, place->path, "cannot lock " PLACE_LOCK);
    if (ftruncate(place->lock, 0) != 0 || !beneath_write_all(place->lock, holder, (size_t)len))
        return error_errno(err, place->path, "cannot write " PLACE_LOCK);
    return true;
}

static void drop_lock(struct place *place)
{
    if (place->lock >= 0)
        close(place->lock);
    place->lock = -1;
}

bool place_lock(struct place *place, struct error *err)
{
    bool ok = take_lock(place, err) && beneath_remove(place->root, PLACE_BUILDING, err) &&
              beneath_make_folders(place->root, PLACE_BUILDING, 0700, err);
    if (!ok)
        drop_lock(place);
    return ok;
}

/* What cannot be removed is left to the next run. */
void place_unlock(struct place *place)
{
    if (place->lock >= 0)
        beneath_remove(place->root, PLACE_BUILDING, NULL);
    drop_lock(place);
}

bool place_sync(const struct place *place, struct error *err)
{
    return !place->sync || syncfs(place->root) == 0 ||
           error_errno(err, place->path, "cannot sync the disk of");
}

char *place_folder(const char *content_id, int64_t version)
{
    if (site_content_kind(content_id) == CONTENT_APPLICATION)
        return mem_format("%s.%" PRId64, content_id, version);
    return mem_copy_string(content_id);
}

/* Contents that go. */
#include "agent/cache/remove.h"
#include "agent/cache/census.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- bytes ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void spared_collect(struct spared *spared, const struct staging *staging)
{
    spared->list = mem_zero(staging->file_count + 1, sizeof *spared->list);
    spared->count = staging->file_count;
    for (size_t i = 0; i < staging->file_count; i++)
        spared->list[i] = staging_library_digest(&staging->files[i]);
    if (spared->count)
        qsort(spared->list, spared->count, sizeof *spared->list, by_text);
}

void spared_free(struct spared *spared)
{
    free(spared->list);
}

bool spared_has(const struct spared *spared, const char *sha256)
{
    return spared->count &&
           bsearch(&sha256, spared->list, spared->count, sizeof *spared->list, by_text);
}

/* A file that no tree has a link to. Where links are refused each tree has its own copy: what goes
   is one that others might have been made of. */
static int64_t unlink_alone(int shelf, const char *sha256)
{
    struct stat status;
    bool alone = shelf >= 0 && fstatat(shelf, sha256, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                 status.st_nlink == 1;
    return alone && unlinkat(shelf, sha256, 0) == 0 ? status.st_size : 0;
}

static int64_t remove_bytes(const struct cache *cache, const struct place *place,
                            const struct record *record, const struct spared *spared)
{
    struct shelves shelves;
    int64_t freed = 0;
    shelves_begin(&shelves, cache);
    for (size_t i = 0; i < record->count; i++) {
        const char *sha256 = record->lines[i].sha256;
        if (!spared || !spared_has(spared, sha256))
            freed += unlink_alone(shelves_open(&shelves, place, sha256), sha256);
    }
    shelves_end(&shelves);
    return freed;
}

/* ---- a content ---- */

/* The tree leaves its name in one step: into the staging folder, as what a killed run left. */
static bool take_tree(const struct staging *staging, const struct place *place, struct error *err)
{
    int tree = cache_open_tree(place, staging->content_id, staging->version);
    if (tree < 0)
        return true;
    char *from = cache_data_path(staging->content_id, staging->version, "");
    char *to = mem_format("%s/" STAGING_TREE, staging->path);
    bool ok = cache_claim_tree(tree) ||
              error_set(err, ERROR_FAILED, BLAME_USER, "BUSY", staging->content_id,
                        "version %lld is being read", (long long)staging->version);
    ok = ok && beneath_make_folders(place->dir, staging->path, 0700, err) &&
         beneath_remove(place->dir, to, err) &&
         (beneath_rename(place->dir, from, to, 0) || error_errno(err, from, "cannot remove"));
    close(tree);
    free(from);
    free(to);
    return ok;
}

static bool take_record(const struct staging *staging, const struct place *place, struct error *err)
{
    char *path = cache_data_path(staging->content_id, staging->version, ".INI");
    bool ok = beneath_remove(place->dir, path, err) &&
              index_write(staging->cache, place, staging->content_id, err);
    free(path);
    return ok;
}

/* What its staging folders have of bytes goes with them. */
static int64_t staged_bytes(const struct census *census, const struct staging *staging)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < census->count; i++) {
        const struct census_content *content = &census->list[i];
        if (content->partial && content->version == staging->version &&
            strcmp(content->content_id, staging->content_id) == 0)
            bytes += content->size;
    }
    return bytes;
}

static bool remove_locked(struct staging *staging, const struct census *census,
                          const struct spared *spared, int64_t *freed, struct error *err)
{
    const struct cache *cache = staging->cache;
    struct record records[PLACES_MAX] = {{.count = 0}};
    bool ok = true;
    *freed = staged_bytes(census, staging);
    for (size_t i = 0; ok && i < cache->place_count; i++) {
        const struct place *place = &cache->places[i];
        bool known = record_read(place, staging->content_id, staging->version, &records[i]);
        ok = take_tree(staging, place, err) && (!known || take_record(staging, place, err));
    }
    if (ok)
        staging_clear_away(staging);
    for (size_t i = 0; i < cache->place_count; i++) {
        if (ok)
            *freed += remove_bytes(cache, &cache->places[i], &records[i], spared);
        record_free(&records[i]);
    }
    return ok;
}

bool content_remove(struct cache *cache, const struct census *census,
                    const struct census_content *content, const struct spared *spared,
                    int64_t *freed, struct error *err)
{
    struct staging *staging = staging_open(cache, content->content_id, content->version, NULL, err);
    bool ok = staging && remove_locked(staging, census, spared, freed, err);
    staging_close(staging);
    return ok;
}

/* ---- in use? ---- */

static bool is_locked(int fd)
{
    bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return locked;
}

bool content_is_busy(const struct cache *cache, const struct census_content *content)
{
    char *lock =
        mem_format(CACHE_STAGING "/%s.%lld/lock", content->content_id, (long long)content->version);
    bool busy = is_locked(beneath_open(cache->places[0].dir, lock, O_RDONLY | O_NONBLOCK, 0)) ||
                is_locked(cache_open_tree(content->place, content->content_id, content->version));
    free(lock);
    return busy;
}

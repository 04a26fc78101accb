#include "policy/store.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/site.h"
#include "policy/store_record.h"
#include "policy/version.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FOLDER    "policy"
#define DOCUMENTS FOLDER "/documents"
#define CURRENT   FOLDER "/current.json"
#define EVENTS    FOLDER "/events.json"
#define LOCK      FOLDER "/lock"

/* LIMIT_ASSIGNMENTS documents with URLs of LIMIT_URL_BYTES are half of it. */
#define RECORD_BYTES_MAX (64 * MIB)
/* Every event's text is an error's at most. */
#define EVENTS_BYTES_MAX (4 * MIB)

#define DOCUMENT_PATH_SIZE (sizeof DOCUMENTS "/" + HASH_HEX_MAX)

struct store {
    int dir;       /* the state folder's, not ours to close */
    int lock;      /* -1: not held */
    bool is_known; /* `current` is what stands on the disk */
    struct store_set current;
};

static void document_path(char path[DOCUMENT_PATH_SIZE], const char *sha256)
{
    snprintf(path, DOCUMENT_PATH_SIZE, DOCUMENTS "/%s", sha256);
}

/* Reading */

static bool damaged(struct error *err, const char *path, const char *what)
{
    return error_set(err, ERROR_INPUT, BLAME_DISK, "DAMAGED", path, "%s", what);
}

/* The record's bytes; none where there is no set. */
static bool read_record(struct buf *text, int state_dir, struct error *err)
{
    struct error problem = {0};
    if (state_dir < 0)
        return true;
    if (!beneath_read(state_dir, CURRENT, RECORD_BYTES_MAX, text, &problem)) {
        if (err)
            *err = problem;
        return strcmp(problem.code, "ENOENT") == 0;
    }
    if (!text->len)
        buf_append_text(text, " "); /* an empty file is no record, and not the absence of one */
    return true;
}

static bool take_record(struct store_set *set, const struct buf *text, struct error *err)
{
    *set = (struct store_set){.policy_point = NULL};
    if (!text->len || store_record_read(set, text->data, text->len))
        return true;
    store_free(set);
    return damaged(err, CURRENT,
                   "the record of the fetched policy is damaged: 'nearpoint policy reset' drops "
                   "it, 'nearpoint policy fetch' brings it anew");
}

bool store_read(struct store_set *set, int state_dir, struct error *err)
{
    struct buf text = {0};
    *set = (struct store_set){.policy_point = NULL};
    bool ok = read_record(&text, state_dir, err) && take_record(set, &text, err);
    buf_free(&text);
    return ok;
}

void store_free(struct store_set *set)
{
    arena_free(&set->arena);
    *set = (struct store_set){.policy_point = NULL};
}

bool store_read_document(int state_dir, const struct store_document *document, struct buf *out,
                         struct error *err)
{
    char path[DOCUMENT_PATH_SIZE], digest[HASH_HEX_MAX];
    size_t before = out->len;
    document_path(path, document->sha256);
    if (!beneath_read(state_dir, path, LIMIT_DOCUMENT_BYTES, out, err))
        return false;
    hash_bytes(HASH_SHA256, out->data ? out->data + before : "", out->len - before, digest);
    return strcmp(digest, document->sha256) == 0 ||
           damaged(err, path,
                   "the fetched document is damaged: 'nearpoint policy fetch' brings it "
                   "anew");
}

static bool load_document(int state_dir, const struct store_document *document,
                          struct policy *policy, struct error *err)
{
    struct buf bytes = {0};
    size_t first = policy->document_count;
    bool ok =
        store_read_document(state_dir, document, &bytes, err) &&
        policy_read_bytes(policy, document->url, bytes.data ? bytes.data : "", bytes.len, err);
    for (size_t i = first; ok && document->conditional && i < policy->document_count; i++)
        policy->documents[i]->why_not = "the Condition of its assignment cannot be evaluated here";
    buf_free(&bytes);
    return ok;
}

static bool load_documents(const struct store_set *set, int state_dir, struct policy *policy,
                           struct error *err)
{
    for (size_t i = 0; i < set->count; i++)
        if (!load_document(state_dir, &set->documents[i], policy, err)) {
            policy_free(policy);
            return false;
        }
    return true;
}

/* A document that is gone although the record still names it is not the work of a switch. */
static bool has_switched(const struct buf *before, int state_dir)
{
    struct buf now = {0};
    bool ok = read_record(&now, state_dir, NULL) &&
              (now.len != before->len || memcmp(now.data, before->data, now.len) != 0);
    buf_free(&now);
    return ok;
}

bool store_load(struct store_set *set, int state_dir, struct policy *policy, struct error *err)
{
    struct error problem;
    bool ok, is_gone, again;
    *set = (struct store_set){.policy_point = NULL};
    do {
        struct buf text = {0};
        problem = (struct error){.kind = ERROR_NONE};
        store_free(set);
        ok = read_record(&text, state_dir, &problem) && take_record(set, &text, &problem) &&
             load_documents(set, state_dir, policy, &problem);
        is_gone = !ok && strcmp(problem.code, "ENOENT") == 0;
        again = is_gone && has_switched(&text, state_dir);
        buf_free(&text);
    } while (again);
    if (ok)
        return true;
    store_free(set);
    if (is_gone)
        return damaged(err, problem.where,
                       "the fetched document is missing: 'nearpoint policy fetch' brings it anew");
    if (err)
        *err = problem;
    return false;
}

void store_read_events(struct store_events *events, int state_dir)
{
    struct buf text = {0};
    *events = (struct store_events){.count = 0};
    if (state_dir >= 0 && beneath_read(state_dir, EVENTS, EVENTS_BYTES_MAX, &text, NULL))
        store_events_read(events, text.data, text.len);
    buf_free(&text);
}

void store_free_events(struct store_events *events)
{
    arena_free(&events->arena);
    *events = (struct store_events){.count = 0};
}

/* Writing */

struct store *store_open(int state_dir, struct error *err)
{
    if (!beneath_make_folders(state_dir, FOLDER, 0700, err) ||
        !beneath_make_folders(state_dir, DOCUMENTS, 0700, err))
        return NULL;
    int lock = beneath_open(state_dir, LOCK, O_RDWR | O_CREAT | O_NONBLOCK, 0600);
    bool ok = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0;
    if (!ok && errno == EWOULDBLOCK)
        error_set(err, ERROR_FAILED, BLAME_USER, "BUSY", LOCK,
                  "another process is fetching policy at this moment");
    else if (!ok)
        error_errno(err, LOCK, "cannot lock");
    if (!ok) {
        if (lock >= 0)
            close(lock);
        return NULL;
    }
    struct store *store = mem_zero(1, sizeof *store);
    store->dir = state_dir;
    store->lock = lock;
    return store;
}

const struct store_set *store_current(struct store *store, struct error *err)
{
    if (!store->is_known)
        store->is_known = store_read(&store->current, store->dir, err);
    return store->is_known ? &store->current : NULL;
}

static void forget_current(struct store *store)
{
    store_free(&store->current);
    store->is_known = false;
}

static bool write_set(struct store *store, const struct store_set *set, struct error *err)
{
    char *text = store_record_write(set);
    bool ok = beneath_replace(store->dir, CURRENT, text, strlen(text), 0600, err);
    free(text);
    return ok;
}

/* Documents */

bool store_has(struct store *store, const char *sha256, int64_t *bytes)
{
    struct store_document document = {.policy_id = NULL};
    struct buf text = {0};
    memcpy(document.sha256, sha256, sizeof document.sha256);
    bool ok = store_read_document(store->dir, &document, &text, NULL);
    if (bytes)
        *bytes = (int64_t)text.len;
    buf_free(&text);
    return ok;
}

bool store_is_whole(struct store *store)
{
    const struct store_set *set = store_current(store, NULL);
    bool ok = set != NULL;
    for (size_t i = 0; ok && i < set->count; i++)
        ok = store_has(store, set->documents[i].sha256, NULL);
    return ok;
}

bool store_put(struct store *store, const void *bytes, size_t len, const char *sha256,
               struct error *err)
{
    char path[DOCUMENT_PATH_SIZE];
    document_path(path, sha256);
    return beneath_replace(store->dir, path, bytes, len, 0600, err);
}

/* Checks before a switch */

static int by_policy_id(const void *a, const void *b)
{
    return text_compare((*(const struct store_document *const *)a)->policy_id,
                        (*(const struct store_document *const *)b)->policy_id);
}

static const struct store_document **sort_documents(const struct store_set *set)
{
    const struct store_document **sorted = mem_zero(set->count, sizeof *sorted);
    for (size_t i = 0; i < set->count; i++)
        sorted[i] = &set->documents[i];
    if (set->count)
        qsort(sorted, set->count, sizeof *sorted, by_policy_id);
    return sorted;
}

static bool refuse_older(const struct store_set *next, const struct store_document *now,
                         const struct store_document *then, struct error *err)
{
    return error_set(err, ERROR_INPUT, BLAME_POLICY, "OLDER_POLICY", next->policy_point,
                     "the policy %s would go back from version %s to %s; after a site recovery "
                     "'nearpoint policy reset' drops what was fetched",
                     now->policy_id, now->version_text, then->version_text);
}

bool store_check_versions(struct store *store, const struct store_set *next, struct error *err)
{
    const struct store_set *current = store_current(store, err);
    if (!current)
        return false;
    const struct store_document **sorted = sort_documents(current);
    bool ok = true;
    for (size_t i = 0; ok && current->count && i < next->count; i++) {
        const struct store_document *then = &next->documents[i];
        const struct store_document *const *now =
            bsearch(&then, sorted, current->count, sizeof(*sorted), by_policy_id);
        if (now && version_compare((*now)->version, then->version) > 0)
            ok = refuse_older(next, *now, then, err);
    }
    free(sorted);
    return ok;
}

static bool refuse_other(const struct store_document *document, const struct document *found,
                         struct error *err)
{
    if (!found)
        return error_set(err, ERROR_INPUT, BLAME_POLICY, "OTHER_POLICY", document->url,
                         "is not the one policy %s version %s that it was assigned as",
                         document->policy_id, document->version_text);
    return error_set(err, ERROR_INPUT, BLAME_POLICY, "OTHER_POLICY", document->url,
                     "is policy %s version %s, but was assigned as %s version %s", found->policy_id,
                     found->version_text, document->policy_id, document->version_text);
}

/* A body under another name would pass by the check of versions. */
static bool check_identity(const struct store_document *document, const struct policy *policy,
                           size_t first, struct error *err)
{
    const struct document *found =
        policy->document_count == first + 1 ? policy->documents[first] : NULL;
    if (!found || !found->policy_id || !found->version_text)
        return refuse_other(document, NULL, err);
    return (text_equal(found->policy_id, document->policy_id) &&
            version_compare(found->version, document->version) == 0) ||
           refuse_other(document, found, err);
}

static bool check_policy(const struct store *store, const struct store_set *next, struct error *err)
{
    struct policy policy = {.document_count = 0};
    struct site site;
    bool ok = true;
    for (size_t i = 0; ok && i < next->count; i++) {
        size_t first = policy.document_count;
        ok = load_document(store->dir, &next->documents[i], &policy, err) &&
             check_identity(&next->documents[i], &policy, first, err);
    }
    ok = ok && policy_settle(&policy, err) && site_read(&site, &policy, err);
    policy_free(&policy);
    return ok;
}

bool store_switch(struct store *store, const struct store_set *next, struct error *err)
{
    if (!store_check_versions(store, next, err) || !check_policy(store, next, err))
        return false;
    bool ok = write_set(store, next, err);
    /* Where only the folder could not be synced the new record may stand all the same. */
    forget_current(store);
    return ok;
}

bool store_touch(struct store *store, int64_t now, struct error *err)
{
    if (!store_current(store, err))
        return false;
    store->current.checked = now;
    return write_set(store, &store->current, err);
}

/* History */

bool store_note(struct store *store, const struct store_event *added, size_t count,
                struct error *err)
{
    struct store_events old;
    store_read_events(&old, store->dir);
    size_t kept = old.count;
    if (kept && count && added[0].kind == STORE_UNCHANGED &&
        old.rows[kept - 1].kind == STORE_UNCHANGED)
        kept--;
    struct store_event *all = mem_zero(kept + count, sizeof *all);
    if (kept)
        memcpy(all, old.rows, kept * sizeof *all);
    if (count)
        memcpy(all + kept, added, count * sizeof *all);
    size_t total = kept + count, skip = total > LIMIT_EVENTS ? total - LIMIT_EVENTS : 0;
    char *text = store_events_write(all + skip, total - skip);
    bool ok = beneath_replace(store->dir, EVENTS, text, strlen(text), 0600, err);
    free(text);
    free(all);
    store_free_events(&old);
    return ok;
}

/* Removing */

static bool sync_folder(const struct store *store, struct error *err)
{
    int fd = beneath_open(store->dir, FOLDER, O_RDONLY | O_DIRECTORY, 0);
    bool ok = (fd >= 0 && fsync(fd) == 0) || error_errno(err, FOLDER, "cannot sync the folder");
    if (fd >= 0)
        close(fd);
    return ok;
}

bool store_reset(struct store *store, struct error *err)
{
    forget_current(store);
    return beneath_remove(store->dir, CURRENT, err) && beneath_remove(store->dir, EVENTS, err) &&
           sync_folder(store, err);
}

static int by_digest(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void remove_unnamed(const struct store *store, DIR *folder, const char *const *named,
                           size_t count)
{
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            (count && bsearch(&name, named, count, sizeof *named, by_digest)))
            continue;
        char *path = mem_format(DOCUMENTS "/%s", name);
        beneath_remove(store->dir, path, NULL);
        free(path);
    }
}

/* What cannot be removed now will be another time: nothing names it. */
static void sweep(struct store *store)
{
    const struct store_set *set = store_current(store, NULL);
    int fd = set ? beneath_open(store->dir, DOCUMENTS, O_RDONLY | O_DIRECTORY, 0) : -1;
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder) {
        const char **named = mem_zero(set->count, sizeof(char *));
        for (size_t i = 0; i < set->count; i++)
            named[i] = set->documents[i].sha256;
        if (set->count)
            qsort(named, set->count, sizeof(char *), by_digest);
        remove_unnamed(store, folder, named, set->count);
        free(named);
        closedir(folder);
    } else if (fd >= 0) {
        close(fd);
    }
    beneath_remove(store->dir, FOLDER "/.current.json.tmp", NULL);
    beneath_remove(store->dir, FOLDER "/.events.json.tmp", NULL);
}

void store_close(struct store *store)
{
    if (!store)
        return;
    sweep(store);
    close(store->lock);
    store_free(&store->current);
    free(store);
}

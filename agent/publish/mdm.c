#include "agent/publish/mdm.h"

#include "agent/publish/tree_read.h"

#include "policy/base/beneath.h"
#include "policy/datetime.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define DATA_CACHE "SMS_OCM_DATACACHE"
#define SEALING    "SoftwarePublishing"
#define INCOMING   "auth/incoming"
#define LOCK       DATA_CACHE "/.lock"
#define BUILDING   DATA_CACHE "/.staging"

#define DISTMGR(...) \
    log_write(run->place->log, LOG_DISTRIBUTION_MANAGER, LOG_INFO, LOG_AT, __VA_ARGS__)
#define OCM(severity, ...) \
    log_write(run->place->log, LOG_OUTGOING_CONTENT_MANAGER, severity, LOG_AT, __VA_ARGS__)

/* ---- staging ---- */

struct copying {
    const struct mdm_run *run;
    int to;
};

static bool copy_one(void *arg, struct pool_tool *tool, size_t index, struct error *err)
{
    const struct copying *copying = arg;
    const struct input *from = copying->run->what->input;
    struct tree_entry *entry = &copying->run->what->input->tree.entries[index];
    if (entry->kind != TREE_FILE)
        return true;
    int to = beneath_open(copying->to, entry->name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (to < 0)
        return error_errno(err, BUILDING, "cannot make '%s'", entry->name);
    struct tree_read how = {.dir = from->dir, .to = to, .where = from->path, .target = BUILDING};
    bool ok = tree_read_file(tool, &how, entry, err);
    if (close(to) != 0 && ok)
        ok = error_errno(err, BUILDING, "cannot write '%s'", entry->name);
    return ok;
}

static bool make_folders(const struct tree *tree, int to, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < tree->count; i++)
        ok = tree->entries[i].kind != TREE_FOLDER ||
             beneath_make_folders(to, tree->entries[i].name, 0700, err);
    return ok;
}

static bool copy(struct mdm_run *run, struct error *err)
{
    struct input *from = run->what->input;
    if (!beneath_remove(run->place->state_dir, BUILDING, err) ||
        !beneath_make_folders(run->place->state_dir, BUILDING, 0700, err))
        return false;
    struct copying copying = {
        run, beneath_open(run->place->state_dir, BUILDING, O_RDONLY | O_DIRECTORY, 0)};
    if (copying.to < 0)
        return error_errno(err, BUILDING, "cannot open the folder");
    bool ok = make_folders(&from->tree, copying.to, err) &&
              pool_run(from->tree.count, copy_one, &copying, err) && input_stands_still(from, err);
    close(copying.to);
    if (ok)
        input_was_hashed(from);
    return ok;
}

/* The copy is what goes out: what its files must be is known. */
static bool take_copy(struct mdm_run *run, struct error *err)
{
    char *path = mem_format(DATA_CACHE "/%s", run->folder);
    bool ok = beneath_remove(run->place->state_dir, path, err) &&
              (beneath_rename(run->place->state_dir, BUILDING, path, 0) ||
               error_errno(err, path, "cannot put the copy in place"));
    int dir = ok ? beneath_open(run->place->state_dir, path, O_RDONLY | O_DIRECTORY, 0) : -1;
    ok = ok && (dir >= 0 || error_errno(err, path, "cannot open the folder")) &&
         input_take(&run->input, dir, run->folder, err) && input_hash(&run->input, err);
    if (ok && strcmp(run->input.hash, run->what->input->hash) != 0)
        ok = error_set(err, ERROR_FAILED, BLAME_DISK, "CORRUPT", path,
                       "the copy in " DATA_CACHE " is not what was copied");
    free(path);
    return ok;
}

static bool take_lock(struct mdm_run *run, struct error *err)
{
    run->lock = beneath_open(run->place->state_dir, LOCK, O_RDWR | O_CREAT, 0600);
    if (run->lock < 0)
        return error_errno(err, LOCK, "cannot open");
    if (flock(run->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    return errno == EWOULDBLOCK
               ? error_set(err, ERROR_FAILED, BLAME_USER, "BUSY", DATA_CACHE,
                           "another process is publishing to an MDM distribution point")
               : error_errno(err, LOCK, "cannot lock");
}

/* What a killed run left encrypted is of no use. */
static bool open_sealing(struct mdm_run *run, struct error *err)
{
    int state = run->place->state_dir;
    if (!beneath_remove(state, SEALING, err) || !beneath_make_folders(state, SEALING, 0700, err))
        return false;
    run->sealing = beneath_open(state, SEALING, O_RDONLY | O_DIRECTORY, 0);
    return run->sealing >= 0 || error_errno(err, SEALING, "cannot open the folder");
}

bool mdm_stage(struct mdm_run *run, const struct mdm_place *place, const struct publication *what,
               const char *url, struct error *err)
{
    *run = (struct mdm_run){
        .place = place, .what = what, .url = url, .lock = -1, .sealing = -1, .input = {.dir = -1}};
    run->folder = mem_format("%s.%" PRId64, what->content_id, what->version);
    if (!beneath_make_folders(place->state_dir, DATA_CACHE, 0700, err) || !take_lock(run, err))
        return false;
    DISTMGR("Processing package %s version %" PRId64 " for the MDM distribution point %s",
            what->content_id, what->version, url);
    if (!open_sealing(run, err) || !copy(run, err) || !take_copy(run, err))
        return false;
    DISTMGR("Staged %zu files, %" PRId64 " bytes of package %s in " DATA_CACHE "\\%s",
            run->input.tree.file_count, run->input.tree.bytes, what->content_id, run->folder);
    OCM(LOG_INFO, "Starting to encrypt package %s in " SEALING " and to upload it to %s",
        what->content_id, url);
    return true;
}

/* ---- the state message ---- */

static bool drop_message(struct mdm_run *run, const struct cloud_laid_out *laid_out,
                         const struct error *failure, struct error *err)
{
    char time[DATETIME_MAX] = "";
    char *path = mem_format(INCOMING "/%s.json", run->folder);
    datetime_print(run->place->wall() / 1000, time);
    json_t *root =
        json_pack("{s:s, s:I, s:s, s:s, s:I, s:s, s:s?}", "package", run->what->content_id,
                  "version", (json_int_t)run->what->version, "dp", run->url, "result",
                  failure ? "failed" : "success", "bytes", (json_int_t)laid_out->bytes, "time",
                  time, "error", failure ? failure->code : NULL);
    char *text = json_dumps(root, JSON_INDENT(2));
    bool ok = text && beneath_make_folders(run->place->state_dir, INCOMING, 0700, err) &&
              beneath_replace(run->place->state_dir, path, text, strlen(text), 0600, err);
    json_decref(root);
    free(text);
    free(path);
    return ok;
}

bool mdm_report(struct mdm_run *run, const struct cloud_laid_out *laid_out,
                const struct error *failure, struct error *err)
{
    if (failure)
        OCM(LOG_ERROR, "Failed to upload package %s to %s: %s", run->what->content_id, run->url,
            failure->text);
    else
        OCM(LOG_INFO,
            "Uploaded package %s to %s: %zu blobs, %" PRId64 " bytes, %zu removed; " SEALING
            " is empty",
            run->what->content_id, run->url, laid_out->uploaded, laid_out->bytes,
            laid_out->removed);
    bool ok = drop_message(run, laid_out, failure, err);
    OCM(ok ? LOG_INFO : LOG_ERROR, "%s the state message of package %s in auth\\incoming",
        ok ? "Dropped" : "Cannot drop", run->what->content_id);
    return ok;
}

void mdm_close(struct mdm_run *run)
{
    input_close(&run->input);
    if (run->sealing >= 0)
        close(run->sealing);
    if (run->lock >= 0)
        close(run->lock);
    free(run->folder);
    *run = (struct mdm_run){.lock = -1, .sealing = -1, .input = {.dir = -1}};
}

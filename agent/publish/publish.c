#include "agent/publish/publish.h"

#include "agent/publish/dp.h"
#include "agent/publish/dp_record.h"
#include "agent/publish/library.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct run {
    const struct publish_order *order;
    struct publish_report *report;
    struct input input;
    struct buf document;
    int out;          /* the descriptor of the document's folder */
    const char *leaf; /* its name there */
};

static bool check_order(const struct publish_order *order, struct error *err)
{
    if (!text_is_content_id(order->content_id) || order->content_id[0] == '.')
        return error_set(err, ERROR_INPUT, BLAME_USER, "CONTENT_ID", NULL, "'%s' is no content ID",
                         order->content_id);
    return true;
}

static bool read_input(struct run *run, struct error *err)
{
    const struct publish_order *order = run->order;
    const struct tree *tree = &run->input.tree;
    if (!input_open(&run->input, order->source, err))
        return false;
    run->report->files = tree->file_count;
    run->report->bytes = tree->bytes;
    return dp_record_fits(order->content_id, order->version, tree, order->source, err);
}

/* ---- the document ---- */

static bool open_out(struct run *run, struct error *err)
{
    const char *path = run->order->out, *slash = strrchr(path, '/');
    char *folder = slash == path ? mem_copy_string("/")
                   : slash       ? mem_copy_bytes(path, (size_t)(slash - path))
                                 : mem_copy_string(".");
    run->leaf = slash ? slash + 1 : path;
    run->out = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = run->out >= 0 || error_errno(err, folder, "cannot open the folder");
    free(folder);
    struct stat st;
    if (ok && (!*run->leaf || (fstatat(run->out, run->leaf, &st, 0) == 0 && S_ISDIR(st.st_mode))))
        ok = error_set(err, ERROR_FAILED, BLAME_DISK, "FOLDER", path,
                       "is a folder, not a file for the policy document");
    return ok;
}

static bool has_document(const struct run *run)
{
    struct buf there = {0};
    bool same = beneath_read(run->out, run->leaf, (size_t)LIMIT_DOCUMENT_BYTES, &there, NULL) &&
                there.len == run->document.len &&
                memcmp(there.data, run->document.data, there.len) == 0;
    buf_free(&there);
    return same;
}

static bool give_document(struct run *run, struct error *err)
{
    const struct publish_order *order = run->order;
    dp_record_write(&run->document, order->content_id, order->version, &run->input.tree,
                    run->input.hash);
    run->report->wrote_document = !has_document(run);
    return !run->report->wrote_document ||
           beneath_replace(run->out, run->leaf, run->document.data, run->document.len, 0644, err);
}

/* ---- a run ---- */

/* Whatever comes of it, the message says it. */
static bool upload_staged(const struct publication *what, const struct publish_order *order,
                          struct cloud_laid_out *laid_out, struct error *err)
{
    struct mdm_run mdm;
    struct error ignored;
    bool ok = mdm_stage(&mdm, order->mdm, what, order->container->url, err);
    if (ok) {
        struct publication staged = *what;
        struct cloud_place place = *order->container;
        staged.input = &mdm.input;
        place.sealing = mdm.sealing;
        ok = cloud_lay_out(&staged, &place, laid_out, err);
        ok = ok ? mdm_report(&mdm, laid_out, NULL, err)
                : mdm_report(&mdm, laid_out, err, &ignored) && false;
    }
    mdm_close(&mdm);
    return ok;
}

static bool upload(const struct publication *what, const struct publish_order *order,
                   struct cloud_laid_out *laid_out, struct error *err)
{
    return order->mdm ? upload_staged(what, order, laid_out, err)
                      : cloud_lay_out(what, order->container, laid_out, err);
}

static bool lay_out(struct run *run, struct error *err)
{
    const struct publish_order *order = run->order;
    struct publish_report *report = run->report;
    const struct publication what = {.input = &run->input,
                                     .content_id = order->content_id,
                                     .version = order->version,
                                     .replace = order->replace,
                                     .sync = order->sync};
    if ((order->dp && !dp_lay_out(&what, order->dp, &report->dp, err)) ||
        (order->library && !library_lay_out(&what, order->library, &report->library, err)) ||
        (order->container && !upload(&what, order, &report->container, err)))
        return false;
    memcpy(report->folder_hash, run->input.hash, sizeof report->folder_hash);
    return true;
}

bool publish_folder(const struct publish_order *order, struct publish_report *report,
                    struct error *err)
{
    *report = (struct publish_report){0};
    if (!check_order(order, err))
        return false;
    struct run run = {.order = order, .report = report, .input = {.dir = -1}, .out = -1};
    bool ok = read_input(&run, err) && open_out(&run, err) && lay_out(&run, err) &&
              give_document(&run, err);
    input_close(&run.input);
    if (run.out >= 0)
        close(run.out);
    buf_free(&run.document);
    if (!ok)
        publish_report_free(report);
    return ok;
}

void publish_report_free(struct publish_report *report)
{
    free(report->dp.path);
    free(report->library.path);
    free(report->container.laid_out.path);
    *report = (struct publish_report){0};
}

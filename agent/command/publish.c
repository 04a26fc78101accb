/* publish: a folder becomes a content of a distribution point; --verify looks at those that are. */
#include "agent/publish/publish.h"
#include "agent/command/access.h"
#include "agent/command/folders.h"
#include "agent/command/network.h"
#include "agent/log/log.h"
#include "agent/publish/verify.h"

#include "policy/base/json_out.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool usage(struct error *err, const char *what)
{
    return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL, "%s", what);
}

/* ---- publishing ---- */

static void add_error(struct json_out *out, const struct error *error)
{
    if (!error) {
        json_out_null(out, "error");
        return;
    }
    char *text = mem_format("%s%s%s", error->where, error->where[0] ? ": " : "", error->text);
    json_out_open(out, "error", '{');
    json_out_text(out, "code", error->code);
    json_out_text(out, "blame", error_blame_word(error->blame));
    json_out_text(out, "text", text);
    json_out_close(out, '}');
    free(text);
}

/* The DP's, the content library's, the container's: the first that was asked for. */
static const struct laid_out *first_place(const struct publish_report *report)
{
    if (report->dp.path)
        return &report->dp;
    return report->library.path ? &report->library : &report->container.laid_out;
}

static void add_library(struct json_out *out, const struct laid_out *library)
{
    json_out_open(out, "library", '{');
    json_out_text(out, "result", publish_result_word(library->result));
    json_out_text(out, "path", library->path);
    json_out_close(out, '}');
}

static void add_container(struct json_out *out, const struct cloud_laid_out *container)
{
    json_out_open(out, "container", '{');
    json_out_text(out, "result", publish_result_word(container->laid_out.result));
    json_out_text(out, "url", container->laid_out.path);
    json_out_int(out, "uploaded", (int64_t)container->uploaded);
    json_out_int(out, "removed", (int64_t)container->removed);
    json_out_int(out, "bytesUploaded", container->bytes);
    json_out_int(out, "bytesResumed", container->resumed);
    json_out_close(out, '}');
}

/* `failure`: why it was not published, or NULL. */
static bool print_json(const struct publish_order *order, const struct publish_report *report,
                       const struct error *failure, struct error *err)
{
    struct sink sink = command_output();
    struct json_out out = {.sink = &sink};
    json_out_open(&out, NULL, '{');
    json_out_text(&out, "content", order->content_id);
    json_out_int(&out, "version", order->version);
    json_out_text(&out, "result",
                  failure ? "failed" : publish_result_word(first_place(report)->result));
    json_out_int(&out, "files", (int64_t)report->files);
    json_out_int(&out, "bytes", report->bytes);
    json_out_text(&out, "folderHash", failure ? NULL : report->folder_hash);
    json_out_text(&out, "path", first_place(report)->path);
    if (report->dp.path && report->library.path && !failure)
        add_library(&out, &report->library);
    if (report->container.laid_out.path && !failure)
        add_container(&out, &report->container);
    json_out_text(&out, "document", order->out);
    add_error(&out, failure);
    json_out_close(&out, '}');
    return command_printed(json_out_finish(&out), err);
}

static bool print_text(const struct publish_order *order, const struct publish_report *report,
                       struct error *err)
{
    struct buf out = {0};
    command_add_line(&out, "%s version %" PRId64 ": %s, %zu files, %" PRId64 " bytes",
                     order->content_id, order->version,
                     publish_result_word(first_place(report)->result), report->files,
                     report->bytes);
    if (report->dp.path)
        command_add_line(&out, "  content   %s", report->dp.path);
    if (report->library.path)
        command_add_line(&out, "  library   %s%s", report->library.path,
                         report->library.result == PUBLISH_SAME ? " (unchanged)" : "");
    if (report->container.laid_out.path)
        command_add_line(&out,
                         "  container %s: %zu blobs uploaded, %" PRId64 " bytes (%" PRId64
                         " more were there already), %zu removed%s",
                         report->container.laid_out.path, report->container.uploaded,
                         report->container.bytes, report->container.resumed,
                         report->container.removed,
                         report->container.laid_out.result == PUBLISH_SAME ? " (unchanged)" : "");
    command_add_line(&out, "  document  %s%s", order->out,
                     report->wrote_document ? "" : " (unchanged)");
    return command_print_text(&out, err);
}

/* The command line is for everybody to read: a token has no place there. */
static bool check_container(const char *url, struct error *err)
{
    bool web = strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
    const char *host = web ? strstr(url, "://") + 3 : url;
    const char *path = strchr(host, '/');
    if (strpbrk(url, "?#"))
        return usage(err, "--container takes a URL without a query; a SAS stands in the file of "
                          "--access");
    size_t len = strlen(url);
    if (!web || !path || !path[1] || url[len - 1] == '/' ||
        memchr(host, '@', (size_t)(path - host)) || !text_is_plain(url))
        return usage(err, "--container takes an http or https URL of a container");
    return true;
}

static bool check_publish(const struct options *options, struct error *err)
{
    if (options->argument_count != 1 || !options->content || options->version < 0 ||
        (!options->dp && !options->library && !options->container) || !options->out)
        return usage(err, "publish takes DIR, --content ID, --version N, --dp FOLDER, "
                          "--library FOLDER or --container URL, and --out FILE");
    if (!options->container != !options->access)
        return usage(err, "--container and --access go together");
    if (options->mdm && !options->container)
        return usage(err, "--mdm goes with --container");
    if (options->source)
        return usage(err, "--source goes with --verify");
    return !options->container || check_container(options->container, err);
}

static bool run(const struct options *options, const struct publish_order *order, struct error *err)
{
    struct publish_report report = {0};
    bool ok = (!options->dp || folders_make_above(options->dp, err)) &&
              (!options->library || folders_make_above(options->library, err)) &&
              folders_make_above(options->out, err) && publish_folder(order, &report, err);
    if (ok)
        ok =
            options->json ? print_json(order, &report, NULL, err) : print_text(order, &report, err);
    else if (options->json && err->kind == ERROR_FAILED)
        print_json(order, &report, err, NULL);
    publish_report_free(&report);
    return ok;
}

static int64_t wall_clock(void)
{
    return clock_system.wall(clock_system.arg);
}

/* As a site has its folders, below the state folder. */
static bool run_mdm(struct context *context, struct publish_order *order, struct error *err)
{
    struct folders folders;
    const struct log_options options = {.level = (int)context->config.log_level,
                                        .max_size = context->config.log_max_size,
                                        .max_history = (int)context->config.log_max_history};
    if (!folders_enter(&folders, context->options, NULL, err))
        return false;
    struct mdm_place place = {.state_dir = folders.state_dir, .wall = wall_clock};
    bool ok = (place.log = log_open(folders.logs, &options, err)) != NULL;
    if (ok) {
        order->mdm = &place;
        ok = run(context->options, order, err);
        order->mdm = NULL;
    }
    log_close(place.log);
    folders_leave(&folders);
    return ok;
}

/* With a network, and what it is asked with. */
static bool run_with_container(struct context *context, struct publish_order *order,
                               struct error *err)
{
    const struct options *options = context->options;
    struct network network = {.loop = NULL};
    struct access access;
    bool ok = access_read(&access, options->access, options->container, err) &&
              network_open(&network, &context->config, err);
    if (ok) {
        const struct cloud_place place = {
            .url = options->container,
            .access = access.found,
            .loop = network.loop,
            .client = network.client,
            .connections = (size_t)context->config.connections_per_source,
            .sealing = -1,
        };
        order->container = &place;
        ok = options->mdm ? run_mdm(context, order, err) : run(options, order, err);
        order->container = NULL;
    }
    network_close(&network);
    access_free(&access);
    return ok;
}

static bool publish(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    if (!check_publish(options, err))
        return false;
    struct publish_order order = {.source = options->arguments[0],
                                  .dp = options->dp,
                                  .library = options->library,
                                  .out = options->out,
                                  .content_id = options->content,
                                  .version = options->version,
                                  .replace = options->replace,
                                  .sync = !options->no_sync};
    return options->container ? run_with_container(context, &order, err)
                              : run(options, &order, err);
}

/* ---- verifying ---- */

static void add_bad_json(struct json_out *out, const struct verify_bad *bad)
{
    json_out_open(out, NULL, '{');
    json_out_text(out, "file", bad->file);
    json_out_text(out, "kind", tree_difference_word(bad->kind));
    json_out_bool(out, "repaired", bad->repaired);
    json_out_text(out, "text", bad->note);
    json_out_close(out, '}');
}

static void add_content_json(struct json_out *out, const struct verify_content *content)
{
    json_out_open(out, NULL, '{');
    json_out_text(out, "content", content->content_id ? content->content_id : content->folder);
    if (content->version >= 0)
        json_out_int(out, "version", content->version);
    else
        json_out_null(out, "version");
    json_out_text(out, "state", verify_is_bad(content) ? "corrupt" : "ok");
    json_out_int(out, "files", (int64_t)content->files);
    json_out_int(out, "bytes", content->bytes);
    json_out_open(out, "bad", '[');
    for (size_t i = 0; i < content->bad_count; i++)
        add_bad_json(out, &content->bad[i]);
    json_out_close(out, ']');
    json_out_close(out, '}');
}

static bool print_report_json(const struct verify_report *report, struct error *err)
{
    struct sink sink = command_output();
    struct json_out out = {.sink = &sink};
    json_out_open(&out, NULL, '[');
    for (size_t i = 0; i < report->count; i++)
        add_content_json(&out, &report->contents[i]);
    json_out_close(&out, ']');
    return command_printed(json_out_finish(&out), err);
}

static void add_content(struct buf *out, const struct verify_content *content)
{
    char *name = content->content_id
                     ? mem_format("%s version %" PRId64, content->content_id, content->version)
                     : mem_copy_string(content->folder);
    command_add_line(out, "%s: %s, %zu files, %" PRId64 " bytes", name,
                     verify_is_bad(content) ? "corrupt"
                     : content->bad_count   ? "repaired"
                                            : "ok",
                     content->files, content->bytes);
    for (size_t i = 0; i < content->bad_count; i++) {
        const struct verify_bad *bad = &content->bad[i];
        bool whole = strcmp(bad->file, ".") == 0;
        command_add_line(out, "%s: %s%s: %s%s%s%s%s", name, whole ? "the folder" : "file ",
                         whole ? "" : bad->file, tree_difference_word(bad->kind),
                         bad->repaired ? ", repaired" : "", bad->note ? " (" : "",
                         bad->note ? bad->note : "", bad->note ? ")" : "");
    }
    free(name);
}

static bool print_report(const struct verify_report *report, struct error *err)
{
    struct buf out = {0};
    for (size_t i = 0; i < report->count; i++)
        add_content(&out, &report->contents[i]);
    return command_print_text(&out, err);
}

static bool judge(const struct verify_report *report, const char *dp, struct error *err)
{
    size_t bad = 0;
    for (size_t i = 0; i < report->count; i++)
        bad += verify_is_bad(&report->contents[i]);
    return bad == 0 ||
           error_set(err, ERROR_FAILED, BLAME_DATA, "CORRUPT", dp,
                     "%zu of %zu contents are not as they were published", bad, report->count);
}

static bool verify(const struct options *options, struct error *err)
{
    if (options->argument_count || !options->dp == !options->library || options->out ||
        options->replace || (options->library && options->source) || options->container ||
        options->access || options->mdm)
        return usage(err, "publish --verify takes --dp FOLDER or --library FOLDER, --content ID, "
                          "--version N and, with --dp, --source DIR");
    const struct verify_order order = {.dp = options->dp,
                                       .library = options->library,
                                       .content_id = options->content,
                                       .version = options->version,
                                       .source = options->source,
                                       .sync = !options->no_sync};
    struct verify_report report = {0};
    if (!(options->dp ? verify_dp : verify_library)(&order, &report, err))
        return false;
    bool ok = options->json ? print_report_json(&report, err) : print_report(&report, err);
    ok = ok && judge(&report, options->dp ? options->dp : options->library, err);
    verify_report_free(&report);
    return ok;
}

bool command_publish(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    return options->verify ? verify(options, err) : publish(context, err);
}

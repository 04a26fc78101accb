/* cache export: what is cached, laid out in a content library as a Windows DP has it. */
#include "agent/cache/contents.h"
#include "agent/command/cache.h"
#include "agent/publish/library.h"

#include "policy/base/json_out.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

struct exported {
    const struct cache_content *content;
    struct laid_out laid_out;
};

struct exporting {
    struct workplace *place;
    const char *folder;
    size_t count, cap;
    struct exported *list;
    size_t failed;
    struct error failure; /* of the first that failed */
};

static bool lay_out(const struct exporting *exporting, const struct cache_content *content,
                    struct input *input, struct laid_out *laid_out, struct error *err)
{
    struct manifest recorded;
    const struct publication what = {
        .input = input,
        .content_id = content->content_id,
        .version = content->version,
        .replace = exporting->place->context->options->replace,
        .sync = !exporting->place->context->options->no_sync,
    };
    if (!cache_recorded(exporting->place->cache, content->content_id, content->version, &recorded))
        return error_set(err, ERROR_FAILED, BLAME_DISK, "CORRUPT", content->path,
                         "its record cannot be read");
    bool ok = input_expect(input, &recorded, err) &&
              library_lay_out(&what, exporting->folder, laid_out, err);
    manifest_free(&recorded);
    return ok;
}

static bool export_one(const struct exporting *exporting, const struct cache_content *content,
                       struct laid_out *laid_out, struct error *err)
{
    struct input input;
    int tree = cache_hold(exporting->place->cache, content->content_id, content->version, err);
    if (tree < 0)
        return false;
    bool ok = input_take(&input, tree, content->path, err) &&
              lay_out(exporting, content, &input, laid_out, err);
    input_close(&input);
    return ok;
}

static void take(struct exporting *exporting, const struct cache_content *content)
{
    struct error why;
    struct laid_out laid_out = {.path = NULL};
    if (!export_one(exporting, content, &laid_out, &why)) {
        log_write(exporting->place->log, LOG_CONTENT_ACCESS, LOG_ERROR, LOG_AT,
                  "Content %s.%" PRId64 " was not exported to '%s': %s", content->content_id,
                  content->version, exporting->folder, why.text);
        free(laid_out.path);
        if (exporting->failed++ == 0)
            exporting->failure = why;
        return;
    }
    exporting->list =
        mem_grow(exporting->list, &exporting->cap, exporting->count + 1, sizeof *exporting->list);
    exporting->list[exporting->count++] = (struct exported){content, laid_out};
}

/* ---- the answer ---- */

static bool print_json(const struct exporting *exporting, struct error *err)
{
    struct sink sink = command_output();
    struct json_out out = {.sink = &sink};
    json_out_open(&out, NULL, '{');
    json_out_open(&out, "exported", '[');
    for (size_t i = 0; i < exporting->count; i++) {
        const struct exported *exported = &exporting->list[i];
        json_out_open(&out, NULL, '{');
        json_out_text(&out, "content", exported->content->content_id);
        json_out_int(&out, "version", exported->content->version);
        json_out_text(&out, "result", publish_result_word(exported->laid_out.result));
        json_out_int(&out, "files", (int64_t)exported->content->files);
        json_out_int(&out, "bytes", exported->content->size);
        json_out_text(&out, "path", exported->laid_out.path);
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    return command_printed(json_out_finish(&out), err);
}

static bool print_text(const struct exporting *exporting, struct error *err)
{
    struct buf out = {0};
    for (size_t i = 0; i < exporting->count; i++) {
        const struct exported *exported = &exporting->list[i];
        command_add_line(&out, "%s version %" PRId64 ": %s, %zu files, %" PRId64 " bytes",
                         exported->content->content_id, exported->content->version,
                         publish_result_word(exported->laid_out.result), exported->content->files,
                         exported->content->size);
    }
    command_add_line(&out, "%zu contents in '%s'", exporting->count, exporting->folder);
    return command_print_text(&out, err);
}

static bool is_wanted(const struct exporting *exporting, const struct cache_content *content)
{
    const struct options *options = exporting->place->context->options;
    if (content->state == CACHE_PARTIAL)
        return false;
    for (size_t i = 2; i < options->argument_count; i++)
        if (cache_is_asked(exporting->place, options->arguments[i], content->content_id,
                           content->version))
            return true;
    return options->argument_count == 2;
}

static bool export_all(struct exporting *exporting, struct error *err)
{
    struct cache_contents contents = {0};
    cache_list(exporting->place->cache, &contents);
    for (size_t i = 0; i < contents.count; i++)
        if (is_wanted(exporting, &contents.list[i]))
            take(exporting, &contents.list[i]);
    bool json = exporting->place->context->options->json;
    bool ok = (json ? print_json : print_text)(exporting, err);
    if (ok && exporting->failed) {
        *err = exporting->failure;
        ok = false;
    }
    for (size_t i = 0; i < exporting->count; i++)
        free(exporting->list[i].laid_out.path);
    free(exporting->list);
    cache_contents_free(&contents);
    return ok;
}

bool cache_export(struct workplace *place, struct error *err)
{
    const struct options *options = place->context->options;
    if (options->argument_count < 2)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "cache export takes the folder of a content library, and contents");
    struct exporting exporting = {.place = place, .folder = options->arguments[1]};
    return cache_check_asked(place, options->arguments + 2, options->argument_count - 2, err) &&
           folders_make_above(exporting.folder, err) && export_all(&exporting, err);
}

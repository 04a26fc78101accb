/* cache import: contents of a content library that the policy wants, into the cache. */
#include "agent/command/bring.h"
#include "agent/command/cache.h"
#include "agent/transfer/prestage.h"

#include "policy/base/json_out.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct left_out {
    const struct library_content *content;
    char *why;
};

struct importing {
    struct workplace *place;
    const char *where;
    struct library *library;
    struct prestage_report report;
    size_t imported, there; /* contents; those that the cache had already */
    size_t left_count, left_cap;
    struct left_out *left;
    size_t failed;
    struct error failure; /* of the first that failed */
};

static void leave_out(struct importing *importing, const struct library_content *content,
                      const char *why)
{
    importing->left = mem_grow(importing->left, &importing->left_cap, importing->left_count + 1,
                               sizeof *importing->left);
    importing->left[importing->left_count++] = (struct left_out){content, mem_copy_string(why)};
}

static void fail(struct importing *importing, const struct library_content *content,
                 const struct error *why)
{
    log_write(importing->place->log, LOG_CONTENT_ACCESS, LOG_ERROR, LOG_AT,
              "Content %s.%" PRId64 " was not imported from '%s': %s", content->content_id,
              content->version, importing->where, why->text);
    if (importing->failed++ == 0)
        importing->failure = *why;
}

static bool is_there(struct importing *importing, struct outcome *outcome)
{
    struct cache *cache = importing->place->cache;
    const struct site_content *content = outcome->content;
    if (*outcome->folder_hash)
        return cache_has_folder(cache, content->id, content->version, outcome->folder_hash,
                                &outcome->manifest);
    return cache_has(cache, content->id, content->version, &outcome->manifest);
}

static void log_evicted(const struct importing *importing, const struct library_content *content)
{
    const struct cache_contents *evicted = &importing->report.evicted;
    for (size_t i = 0; i < evicted->count; i++)
        log_write(importing->place->log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT,
                  "Content %s.%" PRId64 " was removed from the cache for %s.%" PRId64 ", %" PRId64
                  " bytes freed",
                  evicted->list[i].content_id, evicted->list[i].version, content->content_id,
                  content->version, evicted->list[i].freed);
}

static void take(struct importing *importing, const struct library_content *content,
                 struct outcome *outcome)
{
    struct error err;
    const struct prestage_order order = {
        .library = importing->library,
        .where = importing->where,
        .content_id = outcome->content->id,
        .version = outcome->content->version,
        .manifest = *outcome->folder_hash ? NULL : &outcome->manifest,
        .folder_hash = outcome->folder_hash,
    };
    if (is_there(importing, outcome)) {
        importing->there++;
        return;
    }
    bool ok = prestage(importing->place->cache, &order, &importing->report, &err);
    log_evicted(importing, content);
    if (ok) {
        importing->imported++;
        log_write(importing->place->log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT,
                  "Content %s.%" PRId64 " was imported from '%s'", content->content_id,
                  content->version, importing->where);
    } else {
        fail(importing, content, &err);
    }
}

/* Only what the policy can prove is taken. */
static void import_one(struct importing *importing, const struct library_content *content)
{
    struct error err;
    struct outcome outcome = {.asked = content->content_id};
    outcome.content = site_find_content(&importing->place->world.site, content->content_id, &err);
    if (!outcome.content) {
        leave_out(importing, content, err.text);
    } else if (!outcome.content->has_version || outcome.content->version != content->version) {
        leave_out(importing, content, "the policy wants another version");
    } else if (!bring_read_manifest(&outcome, &err)) {
        fail(importing, content, &err);
    } else {
        take(importing, content, &outcome);
    }
    outcome_free(&outcome);
}

/* ---- the answer ---- */

static void add_bad(struct json_out *out, const struct finding *bad)
{
    json_out_open(out, NULL, '{');
    json_out_text(out, "content", bad->content_id);
    json_out_int(out, "version", bad->version);
    json_out_text(out, "file", bad->file);
    json_out_text(out, "kind", finding_kind_word(bad->kind));
    json_out_bool(out, "repaired", false);
    json_out_close(out, '}');
}

static bool print_json(const struct importing *importing, struct error *err)
{
    struct sink sink = command_output();
    struct json_out out = {.sink = &sink};
    json_out_open(&out, NULL, '{');
    json_out_int(&out, "checked", importing->report.checked);
    json_out_int(&out, "bytes", importing->report.bytes);
    json_out_open(&out, "bad", '[');
    for (size_t i = 0; i < importing->report.count; i++)
        add_bad(&out, &importing->report.list[i]);
    json_out_close(&out, ']');
    json_out_int(&out, "imported", (int64_t)importing->imported);
    json_out_int(&out, "cached", (int64_t)importing->there);
    json_out_open(&out, "leftOut", '[');
    for (size_t i = 0; i < importing->left_count; i++) {
        json_out_open(&out, NULL, '{');
        json_out_text(&out, "content", importing->left[i].content->content_id);
        json_out_int(&out, "version", importing->left[i].content->version);
        json_out_text(&out, "why", importing->left[i].why);
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    return command_printed(json_out_finish(&out), err);
}

static bool print_text(const struct importing *importing, struct error *err)
{
    struct buf out = {0};
    for (size_t i = 0; i < importing->left_count; i++)
        command_add_line(&out, "%s version %" PRId64 ": left out: %s",
                         importing->left[i].content->content_id,
                         importing->left[i].content->version, importing->left[i].why);
    for (size_t i = 0; i < importing->report.count; i++)
        command_add_line(&out, "%s version %" PRId64 ": %s is %s in the library",
                         importing->report.list[i].content_id, importing->report.list[i].version,
                         importing->report.list[i].file,
                         finding_kind_word(importing->report.list[i].kind));
    command_add_line(&out,
                     "%zu contents imported, %zu in the cache already: %" PRId64 " files, %" PRId64
                     " bytes copied",
                     importing->imported, importing->there, importing->report.checked,
                     importing->report.bytes);
    return command_print_text(&out, err);
}

static bool import_all(struct importing *importing, const struct library_contents *contents,
                       struct error *err)
{
    for (size_t i = 0; i < contents->count; i++)
        import_one(importing, &contents->list[i]);
    bool json = importing->place->context->options->json;
    bool ok = (json ? print_json : print_text)(importing, err);
    if (ok && importing->failed) {
        *err = importing->failure;
        ok = false;
    }
    for (size_t i = 0; i < importing->left_count; i++)
        free(importing->left[i].why);
    free(importing->left);
    prestage_report_free(&importing->report);
    return ok;
}

bool cache_import(struct workplace *place, struct error *err)
{
    const struct options *options = place->context->options;
    struct library_contents contents;
    if (options->argument_count != 2)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "cache import takes the folder of a content library");
    struct importing importing = {.place = place, .where = options->arguments[1]};
    importing.library = library_open(importing.where, err);
    bool ok = importing.library && library_list(importing.library, &contents, err);
    if (ok) {
        ok = import_all(&importing, &contents, err);
        library_contents_free(&contents);
    }
    library_close(importing.library);
    return ok;
}

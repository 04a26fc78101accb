/* cache: the content library on this machine. */
#include "agent/command/cache.h"
#include "agent/cache/contents.h"

#include "policy/base/json_out.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- which contents ---- */

static bool is_other_name(const struct site_content *content, const char *asked)
{
    return (content->name && strcmp(content->name, asked) == 0) ||
           (content->package_id && text_equal(content->package_id, asked));
}

bool cache_is_asked(const struct workplace *place, const char *asked, const char *content_id,
                    int64_t version)
{
    struct error err;
    char *full = mem_format("%s.%" PRId64, content_id, version);
    bool found = text_equal(asked, content_id) || text_equal(asked, full);
    free(full);
    if (found)
        return true;
    /* By ID and version the policy would take the version that it wants for every one. */
    const struct site_content *content = site_find_content(&place->world.site, asked, &err);
    return content && text_equal(content->id, content_id) && is_other_name(content, asked);
}

bool cache_check_asked(const struct workplace *place, const char *const *asked, size_t count,
                       struct error *err)
{
    struct cache_contents contents = {0};
    bool ok = true;
    cache_list(place->cache, &contents);
    for (size_t i = 0; ok && i < count; i++) {
        ok = false;
        for (size_t c = 0; !ok && c < contents.count; c++)
            ok = cache_is_asked(place, asked[i], contents.list[c].content_id,
                                contents.list[c].version);
        if (!ok)
            error_set(err, ERROR_FAILED, BLAME_USER, "NOT_CACHED", asked[i], "is not in the cache");
    }
    cache_contents_free(&contents);
    return ok;
}

/* ---- list ---- */

static void format_time(char text[32], int64_t ms)
{
    struct tm utc;
    time_t moment = (time_t)(ms / 1000);
    if (!gmtime_r(&moment, &utc) || !strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc))
        text[0] = '\0';
}

static bool print_list_json(const struct cache_contents *contents, struct error *err)
{
    struct sink sink = command_output();
    struct json_out out = {.sink = &sink};
    json_out_open(&out, NULL, '[');
    for (size_t i = 0; i < contents->count; i++) {
        const struct cache_content *content = &contents->list[i];
        char used[32];
        format_time(used, content->used_ms);
        json_out_open(&out, NULL, '{');
        json_out_text(&out, "content", content->content_id);
        json_out_int(&out, "version", content->version);
        json_out_text(&out, "path", content->path);
        json_out_int(&out, "size", content->size);
        json_out_int(&out, "sharedBytes", content->shared_bytes);
        json_out_int(&out, "files", (int64_t)content->files);
        json_out_text(&out, "lastUsed", used);
        json_out_bool(&out, "pinned", content->pinned);
        json_out_text(&out, "state", cache_state_word(content->state));
        json_out_text(&out, "origin", *content->origin ? content->origin : NULL);
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    return command_printed(json_out_finish(&out), err);
}

static bool print_list(const struct cache_contents *contents, struct error *err)
{
    struct buf out = {0};
    for (size_t i = 0; i < contents->count; i++) {
        const struct cache_content *content = &contents->list[i];
        char used[32];
        format_time(used, content->used_ms);
        command_add_line(&out, "%s version %" PRId64 ": %s%s, %zu files, %" PRId64 " bytes",
                         content->content_id, content->version, cache_state_word(content->state),
                         content->pinned ? ", pinned" : "", content->files, content->size);
        if (content->shared_bytes)
            command_add_line(&out, "  shared    %" PRId64 " bytes", content->shared_bytes);
        command_add_line(&out, "  used      %s", used);
        if (*content->origin)
            command_add_line(&out, "  from      %s", content->origin);
        command_add_line(&out, "  at        %s", content->path);
    }
    return command_print_text(&out, err);
}

static bool list(struct workplace *place, struct error *err)
{
    struct cache_contents contents = {0};
    cache_list(place->cache, &contents);
    bool ok = place->context->options->json ? print_list_json(&contents, err)
                                            : print_list(&contents, err);
    cache_contents_free(&contents);
    return ok;
}

/* ---- what went ---- */

static bool print_removed_json(const struct cache_contents *removed, struct error *err)
{
    struct sink sink = command_output();
    struct json_out out = {.sink = &sink};
    json_out_open(&out, NULL, '{');
    json_out_open(&out, "removed", '[');
    for (size_t i = 0; i < removed->count; i++) {
        json_out_open(&out, NULL, '{');
        json_out_text(&out, "content", removed->list[i].content_id);
        json_out_int(&out, "version", removed->list[i].version);
        json_out_int(&out, "freed", removed->list[i].freed);
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    return command_printed(json_out_finish(&out), err);
}

static bool print_removed(const struct workplace *place, const struct cache_contents *removed,
                          struct error *err)
{
    struct buf out = {0};
    if (place->context->options->json)
        return print_removed_json(removed, err);
    for (size_t i = 0; i < removed->count; i++)
        command_add_line(&out, "%s version %" PRId64 ": removed, %" PRId64 " bytes freed",
                         removed->list[i].content_id, removed->list[i].version,
                         removed->list[i].freed);
    return command_print_text(&out, err);
}

static void log_removed(const struct workplace *place, const struct cache_contents *removed)
{
    for (size_t i = 0; i < removed->count; i++)
        log_write(place->log, LOG_CONTENT_ACCESS, LOG_INFO, LOG_AT,
                  "Content %s.%" PRId64 " was removed from the cache, %" PRId64 " bytes freed",
                  removed->list[i].content_id, removed->list[i].version, removed->list[i].freed);
}

static bool tell_removed(const struct workplace *place, struct cache_contents *removed,
                         struct error *err)
{
    log_removed(place, removed);
    bool ok = print_removed(place, removed, err);
    cache_contents_free(removed);
    return ok;
}

/* What went before a failure is told too. */
static bool trim(struct workplace *place, struct error *err)
{
    struct cache_contents removed = {0};
    struct error print = {0};
    bool trimmed = cache_trim(place->cache, &removed, err);
    bool told = tell_removed(place, &removed, trimmed ? err : &print);
    return trimmed && told;
}

static bool remove_asked(struct workplace *place, struct cache_contents *removed, struct error *err)
{
    const struct options *options = place->context->options;
    struct cache_contents contents = {0};
    bool ok = true;
    cache_list(place->cache, &contents);
    for (size_t c = 0; ok && c < contents.count; c++) {
        const struct cache_content *content = &contents.list[c];
        bool asked = false, twice = c > 0 && content->version == content[-1].version &&
                                    strcmp(content->content_id, content[-1].content_id) == 0;
        for (size_t i = 1; !asked && i < options->argument_count; i++)
            asked =
                cache_is_asked(place, options->arguments[i], content->content_id, content->version);
        if (asked && !twice)
            ok = cache_remove(place->cache, content->content_id, content->version, removed, err);
    }
    cache_contents_free(&contents);
    return ok;
}

static bool remove_contents(struct workplace *place, struct error *err)
{
    const struct options *options = place->context->options;
    struct cache_contents removed = {0};
    struct error print = {0};
    if (options->argument_count < 2)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "cache remove takes the contents to remove");
    bool done =
        cache_check_asked(place, options->arguments + 1, options->argument_count - 1, err) &&
        remove_asked(place, &removed, err);
    bool told = tell_removed(place, &removed, done ? err : &print);
    return done && told;
}

/* ---- the command ---- */

static bool verify(struct workplace *place, struct error *err)
{
    return cache_validate(place, false, err);
}

static bool repair(struct workplace *place, struct error *err)
{
    return cache_validate(place, true, err);
}

static const struct word {
    const char *name;
    bool (*run)(struct workplace *place, struct error *err);
    bool takes_contents;
} words[] = {
    {"list", list, false},
    {"verify", verify, true},
    {"repair", repair, true},
    {"trim", trim, false},
    {"remove", remove_contents, true},
    {"import", cache_import, true},
    {"export", cache_export, true},
};

static const struct word *find_word(const char *name)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    return NULL;
}

bool command_cache(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    const struct word *word = find_word(options->arguments[0]);
    struct workplace place;
    if (!word)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "cache takes " CACHE_USAGE ", not '%s'", options->arguments[0]);
    if (options->argument_count > 1 && !word->takes_contents)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL, "cache %s takes no contents",
                         word->name);
    if (options->replace && word->run != cache_export)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--replace goes with cache export");
    bool ok = workplace_open(&place, context, err) && word->run(&place, err);
    workplace_close(&place);
    return ok;
}

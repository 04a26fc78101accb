/* cache verify, cache repair: the library's bytes hashed anew, and what is wrong fetched again. */
#include "agent/cache/verify.h"
#include "agent/command/bring.h"
#include "agent/command/cache.h"

#include "policy/base/json_out.h"
#include "policy/base/mem.h"

#include <inttypes.h>
#include <string.h>

struct validating {
    struct workplace *place;
    const char *const *asked;
    size_t asked_count;
};

static bool is_wanted(void *arg, const char *content_id, int64_t version)
{
    const struct validating *validating = arg;
    for (size_t i = 0; i < validating->asked_count; i++)
        if (cache_is_asked(validating->place, validating->asked[i], content_id, version))
            return true;
    return false;
}

static void log_finding(void *arg, const struct finding *finding)
{
    const struct validating *validating = arg;
    log_write(validating->place->log, LOG_CONTENT_ACCESS, LOG_ERROR, LOG_AT,
              "Validation of content %s.%" PRId64 ": file '%s' is %s%s", finding->content_id,
              finding->version, finding->file, finding_kind_word(finding->kind),
              finding->repaired ? ", removed" : "");
}

/* ---- repair ---- */

/* A version that the policy does not want any more is not fetched: nobody would ask for it. */
static bool fetch_again(struct validating *validating, const struct finding *finding,
                        struct error *err)
{
    struct workplace *place = validating->place;
    struct outcome outcome;
    const struct site_content *content =
        site_find_content(&place->world.site, finding->content_id, err);
    if (!content)
        return false;
    if (!content->has_version || content->version != finding->version)
        return error_set(err, ERROR_FAILED, BLAME_POLICY, "OTHER_VERSION", finding->content_id,
                         "version %" PRId64 " is damaged, and the policy does not want it any "
                         "more: 'nearpoint cache remove %s.%" PRId64 "' removes it",
                         finding->version, finding->content_id, finding->version);
    bring(place, finding->content_id, &outcome);
    bool ok = outcome.ok;
    if (!ok)
        *err = outcome.error;
    outcome_free(&outcome);
    return ok;
}

static bool same_content(const struct finding *a, const struct finding *b)
{
    return a->version == b->version && strcmp(a->content_id, b->content_id) == 0;
}

static bool needs_bytes(const struct verification *verification, size_t first, size_t *end)
{
    bool needs = false;
    for (*end = first; *end < verification->count &&
                       same_content(&verification->list[first], &verification->list[*end]);
         ++*end)
        needs = needs || !verification->list[*end].repaired;
    return needs;
}

/* One fetch a content. `err`: why the first of those that failed did. */
static bool repair_all(struct validating *validating, struct verification *verification,
                       struct error *err)
{
    bool all = true;
    for (size_t first = 0, end; first < verification->count; first = end) {
        struct error later;
        if (!needs_bytes(verification, first, &end))
            continue;
        bool ok = fetch_again(validating, &verification->list[first], all ? err : &later);
        for (size_t i = first; ok && i < end; i++)
            verification->list[i].repaired = true;
        all = all && ok;
    }
    return all;
}

/* ---- the answer ---- */

static bool print_json(const struct verification *verification, struct error *err)
{
    struct sink sink = command_output();
    struct json_out out = {.sink = &sink};
    json_out_open(&out, NULL, '{');
    json_out_int(&out, "checked", verification->checked);
    json_out_int(&out, "bytes", verification->bytes);
    json_out_bool(&out, "resumed", verification->resumed);
    json_out_open(&out, "bad", '[');
    for (size_t i = 0; i < verification->count; i++) {
        const struct finding *finding = &verification->list[i];
        json_out_open(&out, NULL, '{');
        json_out_text(&out, "content", finding->content_id);
        json_out_int(&out, "version", finding->version);
        json_out_text(&out, "file", finding->file);
        json_out_text(&out, "kind", finding_kind_word(finding->kind));
        json_out_bool(&out, "repaired", finding->repaired);
        json_out_close(&out, '}');
    }
    json_out_close(&out, ']');
    json_out_close(&out, '}');
    return command_printed(json_out_finish(&out), err);
}

static bool print_text(const struct verification *verification, struct error *err)
{
    struct buf out = {0};
    for (size_t i = 0; i < verification->count; i++) {
        const struct finding *finding = &verification->list[i];
        command_add_line(&out, "%s version %" PRId64 ": %s is %s%s", finding->content_id,
                         finding->version, finding->file, finding_kind_word(finding->kind),
                         finding->repaired ? ", repaired" : "");
    }
    command_add_line(&out, "%" PRId64 " files, %" PRId64 " bytes verified%s, %zu wrong",
                     verification->checked, verification->bytes,
                     verification->resumed ? " (an interrupted pass went on)" : "",
                     verification->count);
    return command_print_text(&out, err);
}

static bool say_wrong(const struct workplace *place, const struct verification *verification,
                      struct error *err)
{
    return verification->count == 0 ||
           error_set(
               err, ERROR_FAILED, BLAME_DISK, "CORRUPT", place->folders.cache,
               "%zu files of the cache are wrong; 'nearpoint cache repair' fetches them again",
               verification->count);
}

static bool run(struct validating *validating, bool repair, struct error *err)
{
    const struct verify_options options = {
        .wants = validating->asked_count ? is_wanted : NULL,
        .remove_foreign = repair,
        .found = log_finding,
        .arg = validating,
    };
    struct workplace *place = validating->place;
    struct verification verification;
    struct error print = {0};
    bool verified = cache_verify(place->cache, &options, &verification, err);
    bool ok = verified && (repair ? repair_all(validating, &verification, err)
                                  : say_wrong(place, &verification, err));
    if (verified)
        ok = (place->context->options->json ? print_json : print_text)(&verification,
                                                                       ok ? err : &print) &&
             ok;
    verification_free(&verification);
    return ok;
}

/* ---- the schedule ---- */

/* ContentValidationMinutes since the last whole pass; 0: never. */
static bool is_due(const struct workplace *place)
{
    int64_t minutes = place->world.settings.value[SETTING_CONTENT_VALIDATION_MINUTES];
    const struct clock *clock = &clock_system;
    int64_t passed = clock->wall(clock->arg) - cache_verified_at(place->cache);
    return minutes > 0 && (passed < 0 || passed >= minutes * 60000);
}

bool cache_validate(struct workplace *place, bool repair, struct error *err)
{
    const struct options *options = place->context->options;
    struct validating validating = {
        .place = place,
        .asked = options->arguments + 1,
        .asked_count = options->argument_count - 1,
    };
    if (options->due && (repair || validating.asked_count))
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--due goes with cache verify of everything");
    if (!cache_check_asked(place, validating.asked, validating.asked_count, err))
        return false;
    if (options->due) {
        struct verification nothing = {0};
        if (!is_due(place))
            return options->json ? print_json(&nothing, err) : true;
        repair = place->world.settings.value[SETTING_CONTENT_VALIDATION_REPAIR];
    }
    return run(&validating, repair, err);
}

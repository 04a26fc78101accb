#include "agent/cache/verify_progress.h"

#include "agent/cache/verify.h"
#include "policy/base/beneath.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <stdio.h>
#include <string.h>

#define PROGRESS_FILE "Validation.INI"
/* What a killed pass reads again at most, about. */
#define PROGRESS_BYTES (64 * MIB)

static void parse(char *text, struct verify_progress *progress)
{
    for (char *line; (line = strsep(&text, "\n"));) {
        char *value = strchr(line, '=');
        if (!value)
            continue;
        *value++ = '\0';
        if (strcmp(line, "Started") == 0)
            text_to_int(value, 0, INT64_MAX, &progress->started_ns);
        else if (strcmp(line, "Finished") == 0)
            text_to_int(value, 0, INT64_MAX, &progress->finished_ms);
        else if (strcmp(line, "Done") == 0 && !hash_parse(HASH_SHA256, value, progress->done))
            progress->done[0] = '\0';
    }
}

/* One that cannot be read says nothing: all is verified from the start. */
void verify_progress_read(struct verify_progress *progress, const struct cache *cache)
{
    struct buf text = {0};
    *progress = (struct verify_progress){0};
    if (beneath_read(cache->places[0].dir, PROGRESS_FILE, 4 * KIB, &text, NULL) && text.data)
        parse(text.data, progress);
    buf_free(&text);
}

static int64_t now_ms(const struct cache *cache)
{
    return cache->clock->wall(cache->clock->arg);
}

bool verify_progress_begin(struct verify_progress *progress, const struct cache *cache)
{
    verify_progress_read(progress, cache);
    if (*progress->done && progress->started_ns > 0)
        return true;
    progress->done[0] = '\0';
    progress->started_ns = now_ms(cache) * 1000000;
    return false;
}

static bool write_file(const struct verify_progress *progress, const struct cache *cache,
                       struct error *err)
{
    struct buf text = {0};
    buf_format(&text, "[Info]\nStarted=%lld\nDone=%s\nFinished=%lld\n",
               (long long)progress->started_ns, progress->done, (long long)progress->finished_ms);
    bool ok = beneath_replace_unsynced(cache->places[0].dir, PROGRESS_FILE, text.data, text.len,
                                       0644, err);
    buf_free(&text);
    return ok;
}

bool verify_progress_advance(struct verify_progress *progress, const struct cache *cache,
                             const char *done, int64_t bytes, struct error *err)
{
    if (bytes - progress->written_at < PROGRESS_BYTES)
        return true;
    progress->written_at = bytes;
    /* One that went on has come further than what it looks at again. */
    if (strcmp(done, progress->done) > 0)
        snprintf(progress->done, sizeof progress->done, "%s", done);
    return write_file(progress, cache, err);
}

bool verify_progress_finish(struct verify_progress *progress, const struct cache *cache,
                            struct error *err)
{
    progress->done[0] = '\0';
    progress->finished_ms = now_ms(cache);
    return write_file(progress, cache, err);
}

int64_t cache_verified_at(const struct cache *cache)
{
    struct verify_progress progress;
    verify_progress_read(&progress, cache);
    return progress.finished_ms;
}

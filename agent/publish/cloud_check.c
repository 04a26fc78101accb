/* What was uploaded, read back by the way that machines read it, and hashed. */
#include "agent/publish/cloud_parts.h"

#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct check {
    struct cloud *cloud;
    size_t next; /* entry */
    size_t running;
    bool failed;
    struct error error;
};

struct lane {
    struct check *check;
    struct loop_timer timer;
    struct hash *hash;
    const struct tree_entry *entry;
    struct source_fetch *fetch;
    size_t tries;
};

static void begin(struct lane *lane);

static void on_begin(void *arg, int64_t start, bool whole, const char *validator)
{
    const struct lane *lane = arg;
    (void)start, (void)whole, (void)validator;
    hash_restart(lane->hash);
}

static enum source_take on_bytes(void *arg, const char *bytes, size_t len)
{
    const struct lane *lane = arg;
    hash_update(lane->hash, bytes, len);
    return SOURCE_TAKEN;
}

static void fail(struct check *check, const struct error *why)
{
    if (!check->failed)
        check->error = *why;
    check->failed = true;
}

static void judge(struct lane *lane)
{
    char hex[HASH_HEX_MAX];
    struct error err;
    hash_finish(lane->hash, hex);
    if (strcmp(hex, lane->entry->sha256) == 0)
        return;
    error_set(&err, ERROR_FAILED, BLAME_DATA, "CORRUPT", lane->check->cloud->place->url,
              "'%s' was uploaded and reads back as other bytes: it changed meanwhile, or the "
              "service did not keep it",
              lane->entry->name);
    fail(lane->check, &err);
}

static void ask(void *arg);

static void on_done(void *arg, const struct source_result *result)
{
    struct lane *lane = arg;
    int64_t rest = result->ok ? -1 : cloud_rest(result, lane->tries++);
    lane->fetch = NULL;
    if (rest >= 0 && !lane->check->failed) {
        lane->timer.fire = ask;
        loop_timer_set(lane->check->cloud->place->loop, &lane->timer, rest);
        return;
    }
    if (result->ok)
        judge(lane);
    else
        fail(lane->check, &result->error);
    lane->check->running--;
    begin(lane);
}

static void ask(void *arg)
{
    struct lane *lane = arg;
    struct cloud *cloud = lane->check->cloud;
    const struct source_kind *kind = source_kind_for(cloud->dp.kind);
    const struct source_file file = {.dp = &cloud->dp, .content_id = "", .name = lane->entry->name};
    char *url = cloud_url(cloud, lane->entry->name);
    const struct source_request request = {.url = url,
                                           .file = &file,
                                           .end = lane->entry->stamp.size,
                                           .size = lane->entry->stamp.size,
                                           .validator = "",
                                           .begin = on_begin,
                                           .bytes = on_bytes,
                                           .done = on_done,
                                           .arg = lane};
    lane->fetch = kind->start(cloud->place->client, &request);
    free(url);
}

static void begin(struct lane *lane)
{
    struct check *check = lane->check;
    const struct tree *tree = &check->cloud->what->input->tree;
    while (check->next < tree->count &&
           (tree->entries[check->next].kind != TREE_FILE || check->cloud->up_to_date[check->next]))
        check->next++;
    if (check->failed || check->next == tree->count)
        return;
    lane->entry = &tree->entries[check->next++];
    lane->tries = 0;
    check->running++;
    ask(lane);
}

bool cloud_check(struct cloud *cloud, struct error *err)
{
    struct check check = {.cloud = cloud};
    size_t count = cloud->place->connections;
    struct lane *lanes = mem_zero(count, sizeof *lanes);
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        lanes[i] = (struct lane){.check = &check, .hash = hash_create(HASH_SHA256)};
        lanes[i].timer.arg = &lanes[i];
        begin(&lanes[i]);
    }
    while (ok && check.running)
        ok = loop_turn(cloud->place->loop, 1000, err);
    for (size_t i = 0; i < count; i++) {
        if (lanes[i].fetch)
            source_kind_for(cloud->dp.kind)->cancel(lanes[i].fetch);
        loop_timer_cancel(cloud->place->loop, &lanes[i].timer);
        hash_free(lanes[i].hash);
    }
    free(lanes);
    if (ok && check.failed)
        *err = check.error;
    return ok && !check.failed;
}

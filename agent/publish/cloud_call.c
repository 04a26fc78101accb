/* Single requests of a run, one after the other. */
#include "agent/publish/cloud_parts.h"

#include "agent/source/azure_pages.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 6
/* The longest that a service may ask for patience. */
#define REST_MAX_MS 60000

struct waiting {
    struct loop_timer timer;
    bool over;
    struct source_result result;
};

static void on_over(void *arg, const struct source_result *result)
{
    struct waiting *waiting = arg;
    waiting->over = true;
    waiting->result = *result;
}

static void on_rested(void *arg)
{
    struct waiting *waiting = arg;
    waiting->over = true;
}

static bool wait_for(struct cloud *cloud, struct waiting *waiting, struct error *err)
{
    bool ok = true;
    while (ok && !waiting->over)
        ok = loop_turn(cloud->place->loop, 1000, err);
    return ok;
}

int64_t cloud_rest(const struct source_result *result, size_t tries)
{
    if (!result->retry || tries >= TRIES_MAX)
        return -1;
    int64_t rest = INT64_C(500) << tries;
    rest = result->retry_after_ms > rest ? result->retry_after_ms : rest;
    return rest < REST_MAX_MS ? rest : REST_MAX_MS;
}

static bool sleep_for(struct cloud *cloud, int64_t ms, struct error *err)
{
    struct waiting waiting = {.over = false};
    waiting.timer = (struct loop_timer){.fire = on_rested, .arg = &waiting};
    loop_timer_set(cloud->place->loop, &waiting.timer, ms);
    return wait_for(cloud, &waiting, err);
}

/* After a try: true and *again, where it is to be made once more. */
static bool settle(struct cloud *cloud, const struct waiting *waiting, size_t *tries, bool *again,
                   struct error *err)
{
    int64_t rest = waiting->result.ok ? -1 : cloud_rest(&waiting->result, *tries);
    *again = rest >= 0;
    ++*tries;
    if (*again)
        return sleep_for(cloud, rest, err);
    if (!waiting->result.ok)
        *err = waiting->result.error;
    return waiting->result.ok;
}

char *cloud_url(const struct cloud *cloud, const char *name)
{
    const struct source_kind *kind = source_kind_for(cloud->dp.kind);
    return name ? kind->file_url(cloud->place->url, 0, name) : mem_copy_string(cloud->place->url);
}

bool cloud_send(struct cloud *cloud, const struct cloud_request *request, int *status,
                struct error *err)
{
    char *url = cloud_url(cloud, request->name);
    struct waiting waiting;
    size_t tries = 0;
    bool ok, again;
    do {
        waiting = (struct waiting){.over = false};
        struct azure_call_order order = {.url = url,
                                         .query = request->query,
                                         .access = cloud->place->access,
                                         .method = request->method,
                                         .body = request->body,
                                         .body_len = request->len,
                                         .done = on_over,
                                         .arg = &waiting};
        memcpy(order.headers, request->headers, sizeof order.headers);
        azure_call_start(cloud->place->client, &order);
        ok = wait_for(cloud, &waiting, err) && settle(cloud, &waiting, &tries, &again, err);
    } while (ok && again);
    if (status)
        *status = waiting.result.status;
    free(url);
    return ok;
}

/* ---- nearpoint's own blobs ---- */

static void seal(const struct encrypt_key *key, const char *bytes, size_t len, struct buf *out)
{
    unsigned char *region = mem_zero((size_t)DECRYPT_REGION + DECRYPT_EXTRA, 1);
    int64_t number = 0;
    for (size_t at = 0; at < len; at += (size_t)DECRYPT_REGION) {
        size_t piece = len - at < (size_t)DECRYPT_REGION ? len - at : (size_t)DECRYPT_REGION;
        memcpy(region + DECRYPT_NONCE, bytes + at, piece);
        encrypt_region(key, number++, region, piece);
        buf_append(out, region, piece + DECRYPT_EXTRA);
    }
    free(region);
}

bool cloud_put(struct cloud *cloud, const char *name, const char *bytes, size_t len,
               struct error *err)
{
    struct encrypt_key key;
    struct buf sealed = {0};
    encrypt_key_make(&key, cloud->place->access);
    char *metadata = encrypt_metadata(&key, cloud->place->access);
    char *header = mem_format("x-ms-meta-encryptiondata: %s", metadata);
    seal(&key, bytes, len, &sealed);
    const struct cloud_request request = {.name = name,
                                          .method = "PUT",
                                          .headers = {"x-ms-blob-type: BlockBlob", header},
                                          .body = sealed.data,
                                          .len = sealed.len};
    bool ok = cloud_send(cloud, &request, NULL, err);
    encrypt_key_forget(&key);
    buf_free(&sealed);
    free(header);
    free(metadata);
    return ok;
}

struct reading {
    struct waiting waiting;
    struct buf *out;
};

static void on_begin(void *arg, int64_t start, bool whole, const char *validator)
{
    (void)arg, (void)start, (void)whole, (void)validator;
}

static enum source_take on_bytes(void *arg, const char *bytes, size_t len)
{
    struct reading *reading = arg;
    buf_append(reading->out, bytes, len);
    return SOURCE_TAKEN;
}

static void on_read(void *arg, const struct source_result *result)
{
    struct reading *reading = arg;
    on_over(&reading->waiting, result);
}

bool cloud_get(struct cloud *cloud, const char *name, int64_t size, struct buf *out,
               struct error *err)
{
    const struct source_kind *kind = source_kind_for(cloud->dp.kind);
    const struct source_file file = {.dp = &cloud->dp, .content_id = "", .name = name};
    char *url = cloud_url(cloud, name);
    size_t tries = 0;
    bool ok, again;
    do {
        struct reading reading = {.out = out};
        const struct source_request request = {.url = url,
                                               .file = &file,
                                               .end = size,
                                               .size = size,
                                               .validator = "",
                                               .begin = on_begin,
                                               .bytes = on_bytes,
                                               .done = on_read,
                                               .arg = &reading};
        buf_clear(out);
        kind->start(cloud->place->client, &request);
        ok = wait_for(cloud, &reading.waiting, err) &&
             settle(cloud, &reading.waiting, &tries, &again, err);
    } while (ok && again);
    free(url);
    return ok;
}

/* ---- the list ---- */

static bool is_of(const struct cloud *cloud, const struct azure_blob *blob,
                  const struct tree_entry *entry)
{
    struct decrypt_data data;
    unsigned char key[DECRYPT_KEY];
    char hex[HASH_HEX_MAX];
    if (!*blob->encryption || !decrypt_read(&data, blob->encryption, NULL) ||
        blob->size != decrypt_encrypted_length(entry->stamp.size, data.region) ||
        !decrypt_unwrap(&data, cloud->place->access, key, NULL))
        return false;
    encrypt_fingerprint(key, entry->sha256, entry->stamp.size, hex);
    explicit_bzero(key, sizeof key);
    return strcmp(hex, blob->fingerprint) == 0;
}

static void note_own(struct cloud_own *own, const struct azure_blob *blob)
{
    struct decrypt_data data;
    *own = (struct cloud_own){true, -1};
    if (*blob->encryption && decrypt_read(&data, blob->encryption, NULL))
        own->size = decrypt_plain_length(blob->size, data.region);
}

/* Names may be anything: those that no file here has are only ever deleted. */
static bool take_blob(void *arg, const struct azure_blob *blob, struct error *err)
{
    struct cloud *cloud = arg;
    const struct tree *tree = &cloud->what->input->tree;
    (void)err;
    if (strcmp(blob->name, CLOUD_RECORD) == 0) {
        note_own(&cloud->record, blob);
        return true;
    }
    if (strcmp(blob->name, CLOUD_INTENT) == 0) {
        note_own(&cloud->intent, blob);
        return true;
    }
    cloud->other_count++;
    const struct tree_entry *entry = tree_find(tree, blob->name);
    if (entry && entry->kind == TREE_FILE) {
        cloud->up_to_date[entry - tree->entries] = is_of(cloud, blob, entry);
        return true;
    }
    cloud->stale =
        mem_grow(cloud->stale, &cloud->stale_cap, cloud->stale_count + 1, sizeof *cloud->stale);
    cloud->stale[cloud->stale_count++] =
        arena_copy_bytes(&cloud->arena, blob->name, blob->name_len);
    return true;
}

static void forget_list(struct cloud *cloud)
{
    memset(cloud->up_to_date, 0, cloud->what->input->tree.count * sizeof *cloud->up_to_date);
    cloud->record = cloud->intent = (struct cloud_own){.there = false};
    cloud->other_count = cloud->stale_count = 0;
}

bool cloud_list(struct cloud *cloud, bool *missing, struct error *err)
{
    struct waiting waiting;
    size_t tries = 0;
    bool ok, again;
    do {
        waiting = (struct waiting){.over = false};
        const struct azure_pages_order order = {.container_url = cloud->place->url,
                                                .access = cloud->place->access,
                                                .take = take_blob,
                                                .take_arg = cloud,
                                                .done = on_over,
                                                .arg = &waiting};
        forget_list(cloud);
        azure_pages_start(cloud->place->client, &order);
        ok = wait_for(cloud, &waiting, err) && settle(cloud, &waiting, &tries, &again, err);
    } while (ok && again);
    *missing = !ok && waiting.result.status == 404;
    return ok || *missing;
}

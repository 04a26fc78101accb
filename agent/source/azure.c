/*
 * One blob of a cloud distribution point: Get Blob over HTTP, what its head says of encryption, and
 * the plain bytes handed on as if they had come so. Ranges are asked for in whole regions.
 */
#include "agent/source/azure.h"

#include "agent/source/azure_access.h"
#include "agent/source/azure_regions.h"
#include "agent/source/client.h"
#include "agent/source/dp_form.h"
#include "agent/source/http.h"

#include "policy/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The head says another region length than was guessed: asked again at most so often. */
#define GUESSES_MAX 2

struct blob_fetch {
    struct source_client *client;
    struct source_request request;
    char *url, *shown, *validator; /* url: with the token */
    const struct site_access *access;
    bool plain_allowed;
    struct http_terms terms;
    struct source_fetch *inner;    /* NULL: none runs */
    struct azure_regions *regions; /* NULL: not begun, or the blob is not encrypted */
    struct loop_timer timer;
    int64_t guess;       /* plain bytes of a region, by which the range was made; 0: plain */
    int guesses;         /* that were wrong */
    bool guess_is_wrong; /* the head says so */
    bool encrypted;      /* as the head says */
    int64_t region;      /* as the head says */
    unsigned char key[DECRYPT_KEY];
    int64_t start, end; /* plain bytes that are handed on */
    bool inner_held, cancelled, inner_over;
    struct source_result result; /* of the inner fetch; or why nothing was asked */
};

static struct blob_fetch *ours(struct source_fetch *fetch)
{
    return (struct blob_fetch *)(void *)fetch;
}

/* ---- the end ---- */

static void free_fetch(struct blob_fetch *fetch)
{
    loop_timer_cancel(fetch->client->loop, &fetch->timer);
    azure_regions_free(fetch->regions);
    explicit_bzero(fetch->key, sizeof fetch->key);
    free(fetch->url);
    free(fetch->shown);
    free(fetch->validator);
    free(fetch);
}

static void finish(struct blob_fetch *fetch, const struct source_result *given)
{
    struct source_request request = fetch->request;
    struct source_result result = *given;
    if (fetch->inner)
        http_source.cancel(fetch->inner);
    if (!result.ok && !*result.error.where)
        snprintf(result.error.where, sizeof result.error.where, "%.*s",
                 (int)source_shown_length(fetch->shown), fetch->shown);
    free_fetch(fetch);
    request.done(request.arg, &result);
}

static void on_refused(void *arg)
{
    struct blob_fetch *fetch = arg;
    struct source_result result = fetch->result;
    finish(fetch, &result);
}

/* ---- regions ---- */

static enum source_take on_plain(void *arg, const char *bytes, size_t len)
{
    struct blob_fetch *fetch = arg;
    return fetch->request.bytes(fetch->request.arg, bytes, len);
}

static void on_room(void *arg)
{
    struct blob_fetch *fetch = arg;
    bool held = fetch->inner_held;
    fetch->inner_held = false;
    if (held && fetch->inner)
        http_source.resume(fetch->inner);
}

static void on_over(void *arg, const struct error *error)
{
    struct blob_fetch *fetch = arg;
    struct source_result result = {.ok = !error, .retry_after_ms = -1};
    if (error)
        result.error = *error;
    else if (fetch->inner_over)
        result = fetch->result;
    finish(fetch, &result);
}

static void begin_regions(struct blob_fetch *fetch, int64_t from, int64_t to)
{
    int64_t first = from / (fetch->region + DECRYPT_EXTRA) * fetch->region;
    const struct azure_regions_order order = {.key = fetch->key,
                                              .region = fetch->region,
                                              .from = from,
                                              .to = to,
                                              .skip = fetch->start - first,
                                              .wanted = fetch->end - fetch->start,
                                              .units = &fetch->client->region_units};
    const struct azure_regions_events events = {
        .bytes = on_plain, .room = on_room, .over = on_over, .arg = fetch};
    fetch->regions = azure_regions_create(fetch->client->loop, &order, &events);
}

/* ---- the inner fetch ---- */

static bool refuse_plain(struct error *err)
{
    return error_set(err, ERROR_FAILED, BLAME_SOURCE, "NOT_ENCRYPTED", NULL,
                     "has no encryption data, and policy does not say that the content is not "
                     "encrypted (PkgFlags)");
}

static bool is_whole(const struct blob_fetch *fetch)
{
    return fetch->request.offset == 0 && fetch->request.end == fetch->request.size;
}

/* The range was made for other regions: the same is asked again with what is known now. */
static bool ask_otherwise(struct blob_fetch *fetch, struct error *err)
{
    fetch->guess_is_wrong = fetch->guesses < GUESSES_MAX;
    return error_set(err, ERROR_FAILED, BLAME_SOURCE, "REGIONS", NULL,
                     "says another region length with each answer");
}

static int64_t up_to_region(int64_t plain, int64_t region, int64_t size)
{
    int64_t end = (plain + region - 1) / region * region;
    return end < size ? end : size;
}

/* The encrypted bytes that hold the plain ones asked for. Of an empty file Azure's SDKs may make
   one region without a byte. */
static bool set_wanted(struct blob_fetch *fetch, const struct http_reply *reply,
                       struct http_wanted *wanted, struct error *err)
{
    int64_t size = fetch->request.size, region = fetch->region;
    int64_t total = decrypt_encrypted_length(size, region);
    if (total < 0)
        return error_set(err, ERROR_FAILED, BLAME_SOURCE, "ENCRYPTION_DATA", NULL,
                         "has encryption data with an absurd region length");
    if (size == 0 && reply->length == DECRYPT_EXTRA)
        total = DECRYPT_EXTRA;
    if (is_whole(fetch))
        *wanted = (struct http_wanted){
            .end = total, .size = total, .validator = wanted->validator, .page = wanted->page};
    return is_whole(fetch) || fetch->guess == region || ask_otherwise(fetch, err);
}

static bool read_encryption(struct blob_fetch *fetch, const struct http_reply *reply,
                            struct error *err)
{
    struct decrypt_data data;
    if (reply->encryption_bad)
        return error_set(err, ERROR_FAILED, BLAME_SOURCE, "ENCRYPTION_DATA", NULL,
                         "has encryption data that is too long or not plain text");
    fetch->encrypted = *reply->encryption != '\0';
    if (!fetch->encrypted)
        return fetch->plain_allowed || refuse_plain(err);
    if (!decrypt_read(&data, reply->encryption, err) ||
        !decrypt_unwrap(&data, fetch->access, fetch->key, err))
        return false;
    fetch->region = data.region;
    return true;
}

static bool on_head(void *arg, const struct http_reply *reply, struct http_wanted *wanted,
                    struct error *err)
{
    struct blob_fetch *fetch = arg;
    const struct source_request *request = &fetch->request;
    if (!read_encryption(fetch, reply, err))
        return false;
    if (fetch->encrypted)
        return set_wanted(fetch, reply, wanted, err);
    fetch->region = 0;
    if (!is_whole(fetch) && fetch->guess != 0)
        return ask_otherwise(fetch, err);
    wanted->offset = request->offset;
    wanted->end = request->end;
    wanted->size = request->size;
    return true;
}

static void on_refusal(void *arg, const struct http_reply *reply, const char *page, size_t len,
                       struct source_result *result)
{
    struct blob_fetch *fetch = arg;
    azure_access_explain(fetch->access, source_client_wall(fetch->client), reply, page, len,
                         result);
}

static void on_begin(void *arg, int64_t start, bool whole, const char *validator)
{
    struct blob_fetch *fetch = arg;
    const struct source_request *request = &fetch->request;
    bool anew = whole && !is_whole(fetch);
    fetch->client->region_guess = fetch->region ? fetch->region : fetch->client->region_guess;
    fetch->start = anew ? 0 : request->offset;
    fetch->end = anew ? request->size : request->end;
    if (fetch->encrypted) {
        int64_t to = decrypt_encrypted_length(
            anew ? request->size : up_to_region(request->end, fetch->region, request->size),
            fetch->region);
        begin_regions(fetch, start, to);
    }
    request->begin(request->arg, fetch->start, whole, validator);
}

static enum source_take on_bytes(void *arg, const char *bytes, size_t len)
{
    struct blob_fetch *fetch = arg;
    if (!fetch->encrypted)
        return fetch->request.bytes(fetch->request.arg, bytes, len);
    /* The one region of an empty file has nothing to give. */
    if (fetch->request.size == 0)
        return SOURCE_TAKEN;
    enum source_take take = azure_regions_take(fetch->regions, bytes, len);
    fetch->inner_held = take == SOURCE_NO_ROOM;
    if (take == SOURCE_TAKEN && fetch->request.alive)
        fetch->request.alive(fetch->request.arg, len);
    return take;
}

static void ask(void *arg);

static void on_done(void *arg, const struct source_result *result)
{
    struct blob_fetch *fetch = arg;
    fetch->inner = NULL;
    fetch->result = *result;
    if (!result->ok && fetch->guess_is_wrong) {
        fetch->guess_is_wrong = false;
        fetch->guesses++;
        fetch->guess = fetch->region;
        fetch->timer.fire = ask;
        loop_timer_set(fetch->client->loop, &fetch->timer, 0);
    } else if (!fetch->regions) {
        finish(fetch, result);
    } else {
        fetch->inner_over = true;
        azure_regions_end(fetch->regions);
    }
}

/* Asks for the regions that hold what is wanted, by what is known of them. */
static void ask(void *arg)
{
    struct blob_fetch *fetch = arg;
    const struct source_request *outer = &fetch->request;
    int64_t region = fetch->guess, size = outer->size;
    struct source_request request = {
        .url = fetch->url,
        .offset = outer->offset,
        .end = outer->end,
        .size = size,
        .validator = fetch->validator,
        .past_caches = outer->past_caches,
        .range_only = outer->range_only,
        .stall_ms = outer->stall_ms,
        .terms = &fetch->terms,
        .begin = on_begin,
        .bytes = on_bytes,
        .done = on_done,
        .arg = fetch,
    };
    if (region && decrypt_region_count(size, region) > 0) {
        request.size = decrypt_encrypted_length(size, region);
        request.offset = outer->offset / region * (region + DECRYPT_EXTRA);
        request.end = decrypt_encrypted_length(up_to_region(outer->end, region, size), region);
    }
    fetch->inner = http_source.start(fetch->client, &request);
}

/* ---- the kind ---- */

/* If-Match takes an ETag alone. */
static char *copy_etag(const char *validator)
{
    return mem_copy_string(validator && *validator == '"' ? validator : "");
}

static struct source_fetch *start(struct source_client *client,
                                  const struct source_request *request)
{
    struct blob_fetch *fetch = mem_zero(1, sizeof *fetch);
    fetch->client = client;
    fetch->request = *request;
    fetch->access = request->file->dp->access;
    fetch->plain_allowed = request->file->plain_in_cloud;
    fetch->request.file = NULL;
    fetch->request.url = fetch->request.validator = NULL;
    fetch->shown = mem_copy_string(request->url);
    fetch->url = azure_access_url(request->url, NULL, fetch->access);
    fetch->validator = copy_etag(request->validator);
    int64_t guess = client->region_guess ? client->region_guess : DECRYPT_REGION;
    fetch->guess = fetch->plain_allowed ? 0 : guess;
    fetch->terms = (struct http_terms){
        .headers = {AZURE_VERSION_HEADER},
        .if_match = true,
        .secret = fetch->access && fetch->access->sas,
        .head = on_head,
        .refused = on_refusal,
        .arg = fetch,
    };
    fetch->timer = (struct loop_timer){.fire = on_refused, .arg = fetch};
    fetch->result.retry_after_ms = -1;
    if (azure_access_judge(fetch->access, source_client_wall(client), &fetch->result.error))
        ask(fetch);
    else
        loop_timer_set(client->loop, &fetch->timer, 0);
    return (struct source_fetch *)(void *)fetch;
}

static void resume(struct source_fetch *given)
{
    struct blob_fetch *fetch = ours(given);
    if (fetch->regions)
        azure_regions_resume(fetch->regions);
    else if (fetch->inner)
        http_source.resume(fetch->inner);
}

static void cancel(struct source_fetch *given)
{
    struct blob_fetch *fetch = ours(given);
    if (fetch->inner)
        http_source.cancel(fetch->inner);
    free_fetch(fetch);
}

static bool remark(struct source_client *client, const struct site_dp *dp, struct error *err)
{
    azure_access_judge(dp->access, source_client_wall(client), err);
    return *err->code != '\0';
}

const struct source_kind azure_source = {
    .name = "Azure",
    .start = start,
    .resume = resume,
    .cancel = cancel,
    .form_count = dp_form_one,
    .file_url = dp_form_plain_url,
    .list = azure_list,
    .cancel_list = azure_cancel_list,
    .remark = remark,
};

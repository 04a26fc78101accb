/*
 * Many requests at once: each lane of the upload reads and seals a piece on a worker, then sends
 * it. A file of one region is one Put Blob; a larger one is blocks of whole regions, then Put Block
 * List. Blocks that an earlier run left, sealed with the same key, are not sent again.
 */
#include "agent/publish/cloud_parts.h"

#include "agent/source/azure_blocks.h"

#include "policy/base/base64.h"
#include "policy/base/beneath.h"
#include "policy/base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Azure's limit of a blob. */
#define BLOCKS_MAX 50000
#define SEALED     ((size_t)(DECRYPT_REGION + DECRYPT_EXTRA))

/* A file that several lanes may be at. */
struct upload_file {
    const struct tree_entry *entry;
    struct encrypt_key key;
    char *url;
    char *encryption, *fingerprint; /* header lines */
    size_t regions, regions_a_block;
    size_t blocks, next, done; /* blocks: 0, it is one Put Blob */
    bool *present;             /* of each block: it is there already */
    bool asks;                 /* which blocks are there is being asked, or will be */
    bool asking;
    bool closing; /* its blocks are being put together, or it is being put */
    struct upload_file *following;
};

enum piece { PIECE_BLOB, PIECE_BLOCK, PIECE_LIST };

struct upload;

struct lane {
    struct upload *upload;
    struct upload_file *file; /* NULL: idle */
    enum piece piece;
    size_t block;
    unsigned char *bytes; /* sealed */
    size_t len, cap;
    char *list; /* of blocks, XML */
    struct loop_work work;
    bool ok;
    struct error error;
    struct azure_call *call;
    struct loop_timer timer;
    size_t tries;
};

struct upload {
    struct cloud *cloud;
    size_t next; /* entry */
    struct upload_file *files;
    size_t lane_count, busy;
    struct lane *lanes;
    bool failed;
    struct error error;
};

static void pump(struct upload *upload);

/* ---- keys ---- */

bool cloud_is_large(const struct tree_entry *entry)
{
    return entry->stamp.size > DECRYPT_REGION;
}

static bool find_key(const struct cloud *cloud, const struct tree_entry *entry,
                     struct encrypt_key *key)
{
    unsigned char wrapped[DECRYPT_WRAPPED];
    const json_t *kept = json_object_get(cloud->keys, entry->name);
    const char *sha256 = json_string_value(json_object_get(kept, "sha256"));
    const char *text = json_string_value(json_object_get(kept, "key"));
    return sha256 && text && strcmp(sha256, entry->sha256) == 0 &&
           base64_decode(text, wrapped, sizeof wrapped) &&
           encrypt_key_open(key, wrapped, cloud->place->access);
}

void cloud_key(struct cloud *cloud, const struct tree_entry *entry, struct encrypt_key *key)
{
    if (find_key(cloud, entry, key))
        return;
    encrypt_key_make(key, cloud->place->access);
    char *text = base64_encode(key->wrapped, sizeof key->wrapped);
    json_object_set_new(cloud->keys, entry->name,
                        json_pack("{s:s, s:s}", "sha256", entry->sha256, "key", text));
    cloud->keys_changed = true;
    free(text);
}

/* ---- files ---- */

static void make_headers(const struct cloud *cloud, struct upload_file *file)
{
    char hex[HASH_HEX_MAX];
    char *metadata = encrypt_metadata(&file->key, cloud->place->access);
    encrypt_fingerprint(file->key.key, file->entry->sha256, file->entry->stamp.size, hex);
    file->encryption = mem_format("x-ms-meta-encryptiondata: %s", metadata);
    file->fingerprint = mem_format("x-ms-meta-nearpoint: %s", hex);
    free(metadata);
}

static struct upload_file *new_file(struct upload *upload, const struct tree_entry *entry)
{
    struct upload_file *file = mem_zero(1, sizeof *file);
    file->entry = entry;
    file->url = cloud_url(upload->cloud, entry->name);
    file->regions = (size_t)decrypt_region_count(entry->stamp.size, DECRYPT_REGION);
    file->regions_a_block = 1 + (file->regions ? (file->regions - 1) / BLOCKS_MAX : 0);
    if (cloud_is_large(entry)) {
        file->blocks = (file->regions + file->regions_a_block - 1) / file->regions_a_block;
        file->present = mem_zero(file->blocks, sizeof *file->present);
        cloud_key(upload->cloud, entry, &file->key);
        file->asks = upload->cloud->intent.there; /* an earlier run may have left some */
    } else {
        encrypt_key_make(&file->key, upload->cloud->place->access);
    }
    make_headers(upload->cloud, file);
    file->following = upload->files;
    upload->files = file;
    return file;
}

static void drop_file(struct upload *upload, struct upload_file *file)
{
    struct upload_file **link = &upload->files;
    while (*link != file)
        link = &(*link)->following;
    *link = file->following;
    encrypt_key_forget(&file->key);
    free(file->url);
    free(file->encryption);
    free(file->fingerprint);
    free(file->present);
    free(file);
}

static struct upload_file *next_file(struct upload *upload)
{
    const struct tree *tree = &upload->cloud->what->input->tree;
    while (upload->next < tree->count && (tree->entries[upload->next].kind != TREE_FILE ||
                                          upload->cloud->up_to_date[upload->next]))
        upload->next++;
    return upload->next < tree->count ? new_file(upload, &tree->entries[upload->next++]) : NULL;
}

static void fail(struct upload *upload, const struct error *why)
{
    if (!upload->failed)
        upload->error = *why;
    upload->failed = true;
}

/* ---- blocks ---- */

static int64_t plain_start(const struct upload_file *file, size_t block)
{
    return (int64_t)(block * file->regions_a_block) * DECRYPT_REGION;
}

static int64_t plain_length(const struct upload_file *file, size_t block)
{
    int64_t left = file->entry->stamp.size - plain_start(file, block);
    int64_t whole = (int64_t)file->regions_a_block * DECRYPT_REGION;
    return left < whole ? left : whole;
}

/* Of the key and the block's number; in base64 it holds nothing that a URL would escape. */
#define ID_KEY    16
#define ID_NUMBER 8

static void name_key(const struct upload_file *file, char name[ID_KEY + 1])
{
    char hex[HASH_HEX_MAX];
    hash_bytes(HASH_SHA256, file->key.wrapped, sizeof file->key.wrapped, hex);
    snprintf(name, ID_KEY + 1, "%.*s", ID_KEY, hex);
}

static char *block_id(const struct upload_file *file, size_t block)
{
    char name[ID_KEY + 1], text[ID_KEY + ID_NUMBER + 1];
    name_key(file, name);
    snprintf(text, sizeof text, "%s%0*X", name, ID_NUMBER, (unsigned)block);
    return base64_encode(text, ID_KEY + ID_NUMBER);
}

/* false: it is no block of this key. */
static bool read_id(const struct upload_file *file, const char *id, size_t *block)
{
    char name[ID_KEY + 1], text[ID_KEY + ID_NUMBER + 1] = "", *end;
    name_key(file, name);
    if (!base64_decode(id, text, ID_KEY + ID_NUMBER) || strncmp(text, name, ID_KEY) != 0)
        return false;
    *block = strtoul(text + ID_KEY, &end, 16);
    return !*end && *block < file->blocks;
}

static char *block_list(const struct upload_file *file)
{
    struct buf list = {0};
    buf_append_text(&list, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for (size_t i = 0; i < file->blocks; i++) {
        char *id = block_id(file, i);
        buf_format(&list, "<Latest>%s</Latest>", id);
        free(id);
    }
    buf_append_text(&list, "</BlockList>");
    return list.data;
}

struct asking {
    struct upload *upload;
    struct upload_file *file;
};

static void take_block(void *arg, const struct azure_block *block)
{
    const struct asking *asking = arg;
    struct upload_file *file = asking->file;
    size_t at;
    if (!read_id(file, block->id, &at) || file->present[at])
        return;
    int64_t plain = plain_length(file, at);
    if (block->size != decrypt_encrypted_length(plain, DECRYPT_REGION))
        return;
    file->present[at] = true;
    file->done++;
    asking->upload->cloud->laid_out->resumed += plain;
}

/* That nothing is there is an answer too; why it is not known does not matter. */
static void on_blocks(void *arg, const struct source_result *result)
{
    struct asking *asking = arg;
    struct upload *upload = asking->upload;
    (void)result;
    asking->file->asks = asking->file->asking = false;
    upload->busy--;
    free(asking);
    pump(upload);
}

static void ask_blocks(struct upload *upload, struct upload_file *file)
{
    struct asking *asking = mem_zero(1, sizeof *asking);
    *asking = (struct asking){upload, file};
    const struct azure_blocks_order order = {.url = file->url,
                                             .access = upload->cloud->place->access,
                                             .take = take_block,
                                             .done = on_blocks,
                                             .arg = asking};
    file->asking = true;
    upload->busy++;
    azure_blocks_ask(upload->cloud->place->client, &order);
}

/* ---- sealing, on a worker ---- */

static bool read_at(struct lane *lane, int fd, unsigned char *to, size_t len, int64_t at)
{
    for (size_t got = 0; got < len;) {
        ssize_t n = pread(fd, to + got, len - got, (off_t)(at + (int64_t)got));
        if (n == 0)
            return error_set(&lane->error, ERROR_FAILED, BLAME_DATA, "CHANGED",
                             lane->upload->cloud->what->input->path,
                             "'%s' became shorter while it was read", lane->file->entry->name);
        if (n < 0 && errno != EINTR)
            return error_errno(&lane->error, lane->upload->cloud->what->input->path,
                               "cannot read '%s'", lane->file->entry->name);
        got += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool seal(struct lane *lane, int fd)
{
    int64_t start = lane->piece == PIECE_BLOB ? 0 : plain_start(lane->file, lane->block);
    int64_t left = lane->piece == PIECE_BLOB ? lane->file->entry->stamp.size
                                             : plain_length(lane->file, lane->block);
    unsigned char *to = lane->bytes;
    while (left > 0) {
        size_t len = left < DECRYPT_REGION ? (size_t)left : (size_t)DECRYPT_REGION;
        if (!read_at(lane, fd, to + DECRYPT_NONCE, len, start))
            return false;
        encrypt_region(&lane->file->key, start / DECRYPT_REGION, to, len);
        to += len + DECRYPT_EXTRA;
        start += (int64_t)len;
        left -= (int64_t)len;
    }
    lane->len = (size_t)(to - lane->bytes);
    return true;
}

/* Of MDM: what goes out lies encrypted on the disk before, and no longer than it must. */
static bool pass_by_disk(struct lane *lane)
{
    char name[64];
    int dir = lane->upload->cloud->place->sealing;
    snprintf(name, sizeof name, "%td.tmp", lane - lane->upload->lanes);
    int fd = beneath_open(dir, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    bool ok = fd >= 0 && beneath_write_all(fd, lane->bytes, lane->len) &&
              read_at(lane, fd, lane->bytes, lane->len, 0);
    if (!ok && !*lane->error.code)
        error_errno(&lane->error, name, "cannot write what is encrypted");
    if (fd >= 0)
        close(fd);
    return beneath_remove(dir, name, ok ? &lane->error : NULL) && ok;
}

static void run(void *arg)
{
    struct lane *lane = arg;
    const struct input *input = lane->upload->cloud->what->input;
    int fd = beneath_open(input->dir, lane->file->entry->name, O_RDONLY, 0);
    lane->error = (struct error){0};
    lane->ok = fd >= 0 ||
               error_errno(&lane->error, input->path, "cannot open '%s'", lane->file->entry->name);
    lane->ok = lane->ok && seal(lane, fd) &&
               (lane->upload->cloud->place->sealing < 0 || pass_by_disk(lane));
    if (fd >= 0)
        close(fd);
}

/* ---- sending ---- */

static void release(struct lane *lane)
{
    free(lane->list);
    lane->list = NULL;
    lane->file = NULL;
    lane->upload->busy--;
}

static void count(struct lane *lane)
{
    struct upload_file *file = lane->file;
    struct cloud_laid_out *laid_out = lane->upload->cloud->laid_out;
    if (lane->piece == PIECE_BLOCK) {
        file->done++;
        laid_out->bytes += plain_length(file, lane->block);
        return;
    }
    if (lane->piece == PIECE_BLOB)
        laid_out->bytes += file->entry->stamp.size;
    laid_out->uploaded++;
    drop_file(lane->upload, file);
}

static void transmit(void *arg);

static void on_sent(void *arg, const struct source_result *result)
{
    struct lane *lane = arg;
    struct upload *upload = lane->upload;
    int64_t rest = result->ok || upload->failed ? -1 : cloud_rest(result, lane->tries++);
    lane->call = NULL;
    if (rest >= 0) {
        lane->timer.fire = transmit;
        loop_timer_set(upload->cloud->place->loop, &lane->timer, rest);
        return;
    }
    if (result->ok)
        count(lane);
    else
        fail(upload, &result->error);
    release(lane);
    pump(upload);
}

static void transmit(void *arg)
{
    struct lane *lane = arg;
    const struct upload_file *file = lane->file;
    char *id = lane->piece == PIECE_BLOCK ? block_id(file, lane->block) : NULL;
    char *query = id                          ? mem_format("comp=block&blockid=%s", id)
                  : lane->piece == PIECE_LIST ? mem_copy_string("comp=blocklist")
                                              : NULL;
    struct azure_call_order order = {
        .url = file->url,
        .query = query,
        .access = lane->upload->cloud->place->access,
        .method = "PUT",
        .body = lane->piece == PIECE_LIST ? (const void *)lane->list : lane->bytes,
        .body_len = lane->piece == PIECE_LIST ? strlen(lane->list) : lane->len,
        .done = on_sent,
        .arg = lane,
    };
    if (lane->piece != PIECE_BLOCK) {
        order.headers[0] = file->encryption;
        order.headers[1] = file->fingerprint;
    }
    if (lane->piece == PIECE_BLOB)
        order.headers[2] = "x-ms-blob-type: BlockBlob";
    lane->call = azure_call_start(lane->upload->cloud->place->client, &order);
    free(query);
    free(id);
}

static void on_sealed(void *arg)
{
    struct lane *lane = arg;
    struct upload *upload = lane->upload;
    if (lane->ok && !upload->failed) {
        transmit(lane);
        return;
    }
    if (!lane->ok)
        fail(upload, &lane->error);
    release(lane);
    pump(upload);
}

/* ---- what comes next ---- */

static size_t sealed_length(const struct lane *lane)
{
    int64_t plain = lane->piece == PIECE_BLOB ? lane->file->entry->stamp.size
                                              : plain_length(lane->file, lane->block);
    return (size_t)decrypt_encrypted_length(plain, DECRYPT_REGION);
}

static void begin(struct lane *lane, struct upload_file *file, enum piece piece, size_t block)
{
    lane->file = file;
    lane->piece = piece;
    lane->block = block;
    lane->tries = 0;
    lane->upload->busy++;
    file->closing = piece != PIECE_BLOCK;
    if (piece == PIECE_LIST) {
        lane->list = block_list(file);
        transmit(lane);
        return;
    }
    size_t need = sealed_length(lane);
    if (lane->cap < need || !lane->bytes)
        lane->bytes = mem_resize(lane->bytes, lane->cap = need ? need : 1, 1);
    lane->work = (struct loop_work){.run = run, .done = on_sealed, .arg = lane};
    loop_work_submit(lane->upload->cloud->place->loop, &lane->work);
}

/* A piece of this file; false: it has none for now. */
static bool begin_with(struct lane *lane, struct upload_file *file)
{
    if (file->asks) {
        if (!file->asking)
            ask_blocks(lane->upload, file);
        return false;
    }
    if (file->closing)
        return false;
    if (file->blocks == 0) {
        begin(lane, file, PIECE_BLOB, 0);
        return true;
    }
    while (file->next < file->blocks && file->present[file->next])
        file->next++;
    if (file->next < file->blocks)
        begin(lane, file, PIECE_BLOCK, file->next++);
    else if (file->done == file->blocks)
        begin(lane, file, PIECE_LIST, 0);
    else
        return false;
    return true;
}

/* Of the files at hand first; not more of them than two a lane. */
static bool begin_any(struct lane *lane)
{
    struct upload *upload = lane->upload;
    size_t open = 0;
    for (struct upload_file *file = upload->files; file; file = file->following, open++)
        if (begin_with(lane, file))
            return true;
    for (; open < 2 * upload->lane_count; open++) {
        struct upload_file *file = next_file(upload);
        if (!file)
            return false;
        if (begin_with(lane, file))
            return true;
    }
    return false;
}

static void pump(struct upload *upload)
{
    for (size_t i = 0; i < upload->lane_count && !upload->failed; i++)
        if (!upload->lanes[i].file && !begin_any(&upload->lanes[i]))
            return;
}

static void close_lanes(struct upload *upload)
{
    for (size_t i = 0; i < upload->lane_count; i++) {
        struct lane *lane = &upload->lanes[i];
        if (lane->call)
            azure_call_cancel(lane->call);
        loop_timer_cancel(upload->cloud->place->loop, &lane->timer);
        free(lane->list);
        free(lane->bytes);
    }
    while (upload->files)
        drop_file(upload, upload->files);
    free(upload->lanes);
}

bool cloud_upload(struct cloud *cloud, struct error *err)
{
    struct upload upload = {.cloud = cloud, .lane_count = cloud->place->connections};
    bool ok = true;
    upload.lanes = mem_zero(upload.lane_count, sizeof *upload.lanes);
    for (size_t i = 0; i < upload.lane_count; i++) {
        upload.lanes[i].upload = &upload;
        upload.lanes[i].timer.arg = &upload.lanes[i];
    }
    pump(&upload);
    while (ok && upload.busy)
        ok = loop_turn(cloud->place->loop, 1000, err);
    close_lanes(&upload);
    if (ok && upload.failed)
        *err = upload.error;
    return ok && !upload.failed;
}

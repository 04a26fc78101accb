#include "agent/publish/cloud.h"

#include "agent/publish/cloud_parts.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- what stands there ---- */

static bool make_container(struct cloud *cloud, struct error *err)
{
    const struct cloud_request request = {.query = "restype=container", .method = "PUT"};
    return cloud_send(cloud, &request, NULL, err);
}

static bool look(struct cloud *cloud, struct error *err)
{
    bool missing;
    return cloud_list(cloud, &missing, err) && (!missing || make_container(cloud, err));
}

static bool refuse(const struct cloud *cloud, const char *code, const char *text, struct error *err)
{
    return publication_refuse(cloud->what, cloud->place->url, code, text, err);
}

static bool read_own(struct cloud *cloud, const char *name, const struct cloud_own *own,
                     struct buf *out, struct error *err)
{
    if (own->size < 0 || own->size > LIMIT_DOCUMENT_BYTES)
        return error_set(err, ERROR_FAILED, BLAME_DATA, "RECORD", cloud->place->url,
                         "'%s' there is not nearpoint's", name);
    return cloud_get(cloud, name, own->size, out, err);
}

static bool judge_record(struct cloud *cloud, bool *same, struct error *err)
{
    struct buf document = {0};
    struct dp_record record;
    struct error why = {0};
    *same = false;
    bool read = read_own(cloud, CLOUD_RECORD, &cloud->record, &document, &why) &&
                dp_record_parse(&record, &document, cloud->place->url, &why);
    buf_free(&document);
    if (!read) {
        /* A service that fails says nothing about what stands there. */
        bool damaged = why.blame == BLAME_DATA || why.blame == BLAME_POLICY ||
                       strcmp(why.code, "NOT_ENCRYPTED") == 0;
        if (damaged)
            return refuse(cloud, "RECORD", why.text, err);
        *err = why;
        return false;
    }
    bool ok = publication_judge(cloud->what, &record, cloud->place->url, same, err);
    dp_record_free(&record);
    return ok;
}

/* An earlier run's keys, where it was of this content; else it was another's. */
static bool read_intent(struct cloud *cloud, bool *ours, struct error *err)
{
    struct buf text = {0};
    *ours = false;
    if (!cloud->intent.there)
        return true;
    struct error why = {0};
    bool ok = read_own(cloud, CLOUD_INTENT, &cloud->intent, &text, &why);
    json_t *root = ok ? json_loadb(text.data ? text.data : "", text.len, 0, NULL) : NULL;
    const char *id = json_string_value(json_object_get(root, "content"));
    json_t *keys = json_object_get(root, "keys");
    *ours = id && strcmp(id, cloud->what->content_id) == 0;
    if (*ours && json_is_object(keys)) {
        json_decref(cloud->keys);
        cloud->keys = json_incref(keys);
    }
    json_decref(root);
    buf_free(&text);
    if (!ok && why.blame == BLAME_SOURCE && why.kind == ERROR_FAILED &&
        strcmp(why.code, "TAMPERED") != 0) {
        *err = why;
        return false;
    }
    return true;
}

/* Everything there is, is it just this? */
static bool is_whole(const struct cloud *cloud)
{
    const struct tree *tree = &cloud->what->input->tree;
    bool whole = cloud->stale_count == 0 && !cloud->intent.there;
    for (size_t i = 0; whole && i < tree->count; i++)
        whole = tree->entries[i].kind != TREE_FILE || cloud->up_to_date[i];
    return whole;
}

static bool judge(struct cloud *cloud, bool *same, struct error *err)
{
    bool ours;
    *same = false;
    if (!read_intent(cloud, &ours, err))
        return false;
    if (cloud->record.there)
        return judge_record(cloud, same, err);
    return ours || (!cloud->other_count && !cloud->intent.there) ||
           refuse(cloud, "FOREIGN", "blobs stand there that nearpoint did not publish", err);
}

/* ---- publishing ---- */

/* Before the first block: a block whose key nobody knows is lost. */
static bool write_intent(struct cloud *cloud, struct error *err)
{
    const struct tree *tree = &cloud->what->input->tree;
    for (size_t i = 0; i < tree->count; i++) {
        struct encrypt_key key;
        if (tree->entries[i].kind != TREE_FILE || cloud->up_to_date[i] ||
            !cloud_is_large(&tree->entries[i]))
            continue;
        cloud_key(cloud, &tree->entries[i], &key);
        encrypt_key_forget(&key);
    }
    if (cloud->intent.there && !cloud->keys_changed)
        return true;
    json_t *root = json_pack("{s:s, s:I, s:O}", "content", cloud->what->content_id, "version",
                             (json_int_t)cloud->what->version, "keys", cloud->keys);
    char *text = json_dumps(root, JSON_COMPACT);
    bool ok = cloud_put(cloud, CLOUD_INTENT, text, strlen(text), err);
    json_decref(root);
    free(text);
    return ok;
}

static bool write_record(struct cloud *cloud, struct error *err)
{
    const struct publication *what = cloud->what;
    struct buf document = {0};
    dp_record_write(&document, what->content_id, what->version, &what->input->tree,
                    what->input->hash);
    bool ok = cloud_put(cloud, CLOUD_RECORD, document.data, document.len, err);
    buf_free(&document);
    return ok;
}

static bool remove_blob(struct cloud *cloud, const char *name, struct error *err)
{
    int status;
    const struct cloud_request request = {.name = name, .method = "DELETE"};
    return cloud_send(cloud, &request, &status, err) || status == 404;
}

static bool remove_stale(struct cloud *cloud, struct error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < cloud->stale_count; i++) {
        ok = remove_blob(cloud, cloud->stale[i], err);
        cloud->laid_out->removed += ok;
    }
    return ok;
}

static bool publish(struct cloud *cloud, struct error *err)
{
    return write_intent(cloud, err) && cloud_upload(cloud, err) &&
           input_stands_still(cloud->what->input, err) && cloud_check(cloud, err) &&
           remove_stale(cloud, err) && write_record(cloud, err) &&
           remove_blob(cloud, CLOUD_INTENT, err);
}

static bool lay_out(struct cloud *cloud, struct error *err)
{
    bool same;
    if (!input_hash(cloud->what->input, err) || !look(cloud, err) || !judge(cloud, &same, err))
        return false;
    struct laid_out *laid_out = &cloud->laid_out->laid_out;
    laid_out->result = cloud->record.there ? PUBLISH_REPLACED : PUBLISH_NEW;
    if (same && is_whole(cloud)) {
        laid_out->result = PUBLISH_SAME;
        return true;
    }
    return publish(cloud, err);
}

bool cloud_lay_out(const struct publication *what, const struct cloud_place *place,
                   struct cloud_laid_out *laid_out, struct error *err)
{
    struct cloud cloud = {
        .what = what,
        .place = place,
        .laid_out = laid_out,
        .dp = {.name = place->url, .kind = DP_CLOUD, .access = place->access},
        .up_to_date = mem_zero(what->input->tree.count + 1, sizeof *cloud.up_to_date),
        .keys = json_object(),
    };
    *laid_out = (struct cloud_laid_out){.laid_out.path = mem_copy_string(place->url)};
    bool ok = lay_out(&cloud, err);
    json_decref(cloud.keys);
    free(cloud.stale);
    free(cloud.up_to_date);
    arena_free(&cloud.arena);
    return ok;
}

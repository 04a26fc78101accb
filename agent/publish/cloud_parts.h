/* One run against a container, between the files that make it: cloud.c (the steps), cloud_call.c
   (single requests), cloud_upload.c (many), cloud_check.c (reading back). For these only. */
#ifndef AGENT_PUBLISH_CLOUD_PARTS_H
#define AGENT_PUBLISH_CLOUD_PARTS_H

#include "agent/publish/cloud.h"
#include "agent/publish/encrypt.h"
#include "agent/source/azure_call.h"

#include <jansson.h>

#define CLOUD_RECORD DP_RECORD_NAME
#define CLOUD_INTENT TREE_RESERVED "/publishing"

/* Blobs of nearpoint's own. */
struct cloud_own {
    bool there;
    int64_t size; /* of the plain bytes; -1: it is none of ours */
};

struct cloud {
    const struct publication *what;
    const struct cloud_place *place;
    struct cloud_laid_out *laid_out;
    struct site_dp dp; /* the container as a source */
    struct arena arena;
    bool *up_to_date; /* of each entry of the tree: its blob has its bytes */
    struct cloud_own record, intent;
    size_t other_count; /* blobs that are not nearpoint's own */
    size_t stale_count, stale_cap;
    const char **stale; /* names of blobs that this version does not have */
    json_t *keys;       /* name → {sha256, key}: of an earlier run, and this one's */
    bool keys_changed;
};

/* cloud_call.c: the loop turns until the request is over; what may pass is asked for again. */

/* How long to wait before the next try; -1: no more tries. */
int64_t cloud_rest(const struct source_result *result, size_t tries);

struct cloud_request {
    const char *name;  /* of the blob; NULL: the container */
    const char *query; /* or NULL */
    const char *method;
    const char *headers[AZURE_CALL_HEADERS];
    const void *body;
    size_t len;
};
/* `status`: of the refusal, or 0; may be NULL. */
bool cloud_send(struct cloud *cloud, const struct cloud_request *request, int *status,
                struct error *err);

/* A blob's plain bytes, encrypted in one piece: at most DECRYPT_REGION a region. */
bool cloud_put(struct cloud *cloud, const char *name, const char *bytes, size_t len,
               struct error *err);
bool cloud_get(struct cloud *cloud, const char *name, int64_t size, struct buf *out,
               struct error *err);

/* Every blob of the container; *missing: there is no such container. */
bool cloud_list(struct cloud *cloud, bool *missing, struct error *err);

/* The blob's URL; the caller frees it. */
char *cloud_url(const struct cloud *cloud, const char *name);

/* cloud_upload.c */
bool cloud_upload(struct cloud *cloud, struct error *err);

/* The key of an entry that takes several blocks: an earlier run's, or a new one; noted in `keys`.
 */
void cloud_key(struct cloud *cloud, const struct tree_entry *entry, struct encrypt_key *key);

/* Takes it several blocks? */
bool cloud_is_large(const struct tree_entry *entry);

/* cloud_check.c: reads back what was not up to date. Code CORRUPT. */
bool cloud_check(struct cloud *cloud, struct error *err);

#endif

/* What a content's container holds, as the job wants to know it. */
#include "agent/source/azure.h"

#include "agent/source/azure_pages.h"
#include "agent/source/client.h"
#include "agent/source/decrypt.h"

#include "policy/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct azure_listing {
    struct source_list_request request;
    char *content_url;
    bool plain_allowed;
    struct azure_pages *pages;
    struct source_list *list;
};

static void free_listing(struct azure_listing *listing)
{
    source_list_free(listing->list);
    free(listing->content_url);
    free(listing);
}

/* What its file will be long: -1 where the blob cannot be read. */
static bool find_size(const struct azure_listing *listing, const struct azure_blob *blob,
                      int64_t *size, struct error *err)
{
    struct decrypt_data data;
    *size = blob->size;
    if (!*blob->encryption)
        return listing->plain_allowed ||
               error_set(err, ERROR_FAILED, BLAME_SOURCE, "NOT_ENCRYPTED", NULL,
                         "lists '%s', which has no encryption data, and policy does not say that "
                         "the content is not encrypted (PkgFlags)",
                         blob->name);
    if (!decrypt_read(&data, blob->encryption, err))
        return false;
    *size = decrypt_plain_length(blob->size, data.region);
    return *size >= 0 ||
           error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL,
                     "lists '%s' with a length that no encrypted blob has", blob->name);
}

static bool take_blob(void *arg, const struct azure_blob *blob, struct error *err)
{
    struct azure_listing *listing = arg;
    struct source_name name = {.name = blob->name};
    if (source_list_is_reserved(blob->name))
        return true;
    return find_size(listing, blob, &name.size, err) &&
           source_list_add(listing->list, &name, blob->name_len, err);
}

static void on_done(void *arg, const struct source_result *given)
{
    struct azure_listing *listing = arg;
    struct source_list_request request = listing->request;
    struct source_result result = *given;
    struct source_list *list = NULL;
    if (result.ok && source_list_check(listing->list, &result.error)) {
        list = listing->list;
        listing->list = NULL;
    }
    result.ok = list != NULL;
    if (!result.ok && !*result.error.where)
        snprintf(result.error.where, sizeof result.error.where, "%s", listing->content_url);
    free_listing(listing);
    request.done(request.arg, &result, list);
}

struct source_listing *azure_list(struct source_client *client,
                                  const struct source_list_request *request)
{
    struct azure_listing *listing = mem_zero(1, sizeof *listing);
    const struct azure_pages_order order = {
        .container_url = request->content_url,
        .access = request->file->dp->access,
        .past_caches = request->past_caches,
        .stall_ms = request->stall_ms,
        .take = take_blob,
        .take_arg = listing,
        .done = on_done,
        .arg = listing,
    };
    listing->request = *request;
    listing->plain_allowed = request->file->plain_in_cloud;
    listing->request.content_url = NULL;
    listing->content_url = mem_copy_string(request->content_url);
    listing->request.file = NULL;
    listing->list = mem_zero(1, sizeof *listing->list);
    listing->pages = azure_pages_start(client, &order);
    return (struct source_listing *)(void *)listing;
}

void azure_cancel_list(struct source_listing *given)
{
    struct azure_listing *listing = (struct azure_listing *)(void *)given;
    azure_pages_cancel(listing->pages);
    free_listing(listing);
}

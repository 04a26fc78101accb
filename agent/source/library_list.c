#include "agent/source/library_list.h"
#include "agent/source/library_place.h"

#include "policy/base/limits.h"

#include <stdlib.h>

/* Belongs to the errand's thread, or to itself when nobody waits. */
struct inventory {
    struct loop_errand errand;
    struct library_listing *listing; /* NULL: nobody waits; the loop's thread looks at it alone */
    struct library_place place;
    struct source_list *list;
    struct error error;
};

struct library_listing {
    struct source_client *client;
    struct source_list_request request;
    struct loop_timer timer;
    struct inventory *inventory;
};

/* ---- on the errand's thread ---- */

static void add(struct source_list *list, const char *name, int64_t size, bool is_folder)
{
    list->names = mem_grow(list->names, &list->cap, list->count + 1, sizeof *list->names);
    list->names[list->count++] = (struct source_name){
        .name = arena_copy_string(&list->arena, name), .size = size, .is_folder = is_folder};
}

static struct source_list *list_of(const struct manifest *manifest)
{
    struct source_list *list = mem_zero(1, sizeof *list);
    for (size_t i = 0; i < manifest->count; i++)
        add(list, manifest->files[i].name, manifest->files[i].size, false);
    for (size_t i = 0; i < manifest->folder_count; i++)
        add(list, manifest->folders[i], 0, true);
    list->bytes = manifest->bytes;
    return list;
}

static void run(void *arg)
{
    struct inventory *inventory = arg;
    const struct library_place *place = &inventory->place;
    struct manifest manifest;
    char hash[HASH_HEX_MAX];
    struct library *library = library_place_open(place, &inventory->error);
    if (library && library_read(library, place->content_id, place->version, &manifest, hash,
                                &inventory->error)) {
        inventory->list = list_of(&manifest);
        manifest_free(&manifest);
    }
    library_close(library);
}

static void free_inventory(void *arg)
{
    struct inventory *inventory = arg;
    source_list_free(inventory->list);
    library_place_free(&inventory->place);
    free(inventory);
}

/* ---- on the loop's thread ---- */

static void finish(struct library_listing *listing, const struct source_result *result,
                   struct source_list *list)
{
    struct source_list_request request = listing->request;
    loop_timer_cancel(listing->client->loop, &listing->timer);
    free(listing);
    request.done(request.arg, result, list);
}

static void fail(struct library_listing *listing, const struct error *why)
{
    struct source_result result;
    library_place_fail(&listing->inventory->place, why, false, &result);
    finish(listing, &result, NULL);
}

static void on_start_failed(void *arg)
{
    struct library_listing *listing = arg;
    struct inventory *inventory = listing->inventory;
    fail(listing, &inventory->error);
    free_inventory(inventory);
}

static void on_silence(void *arg)
{
    struct library_listing *listing = arg;
    struct error err;
    error_set(&err, ERROR_FAILED, BLAME_SOURCE, "STALLED", NULL, "no list for %d s",
              LIMIT_FETCH_SECONDS);
    listing->inventory->listing = NULL;
    fail(listing, &err);
}

static void on_read(void *arg)
{
    struct inventory *inventory = arg;
    struct library_listing *listing = inventory->listing;
    const struct source_result result = {.ok = true, .retry_after_ms = -1};
    struct source_list *list = inventory->list;
    inventory->list = NULL;
    if (!listing)
        source_list_free(list);
    else if (list && source_list_check(list, &inventory->error))
        finish(listing, &result, list);
    else {
        source_list_free(list);
        fail(listing, &inventory->error);
    }
    free_inventory(inventory);
}

struct source_listing *library_list_start(struct source_client *client,
                                          const struct source_list_request *request)
{
    struct library_listing *listing = mem_zero(1, sizeof *listing);
    struct inventory *inventory = mem_zero(1, sizeof *inventory);
    listing->client = client;
    listing->request = *request;
    listing->request.content_url = NULL;
    listing->request.file = NULL;
    listing->inventory = inventory;
    listing->timer = (struct loop_timer){.fire = on_silence, .arg = listing};
    inventory->listing = listing;
    inventory->errand =
        (struct loop_errand){.run = run, .done = on_read, .drop = free_inventory, .arg = inventory};
    bool ok = library_place_make(&inventory->place, client, request->file, request->content_url,
                                 &inventory->error);
    if (ok && !loop_errand_submit(client->loop, &inventory->errand))
        ok = error_errno(&inventory->error, NULL, "cannot start a thread");
    if (!ok)
        listing->timer.fire = on_start_failed;
    loop_timer_set(client->loop, &listing->timer, ok ? LIMIT_FETCH_SECONDS * 1000L : 0);
    return (struct source_listing *)(void *)listing;
}

void library_list_cancel(struct source_listing *given)
{
    struct library_listing *listing = (struct library_listing *)(void *)given;
    loop_timer_cancel(listing->client->loop, &listing->timer);
    if (listing->timer.fire == on_start_failed)
        free_inventory(listing->inventory);
    else
        listing->inventory->listing = NULL;
    free(listing);
}

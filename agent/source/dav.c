/*
 * Listing a content by PROPFIND (configmgr-facts 5.2): all of it at once, as ConfigMgr's clients
 * ask, else level by level, as most web servers allow; in one virtual directory after the other
 * where a distribution point refuses.
 *
 * Empty folders are asked about once more after `Depth: infinity`: some servers stop short of it.
 */
#include "agent/source/dav.h"
#include "agent/source/dp_form.h"
#include "agent/source/http.h"
#include "agent/source/multistatus.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/folder_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source_listing {
    struct source_client *client;
    struct source_list_request request;
    char *content_url;
    struct source_list *list;
    unsigned form; /* the virtual directory's plain one */
    bool infinite; /* all at once is asked for, or was */
    size_t walked; /* names before it that are folders were listed */
    const char *folder;
    struct source_document document;
    struct source_fetch *fetch;
    struct multistatus *reading;
    bool refused; /* `error` says why */
    struct error error;
    struct source_result refusal; /* of the first virtual directory */
};

static void listing_free(struct source_listing *listing)
{
    multistatus_close(listing->reading);
    source_list_free(listing->list);
    free(listing->content_url);
    free(listing);
}

/* ---- names ---- */

static bool refuse(struct error *err, const char *name, const char *why)
{
    return error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL, "lists '%s', which %s", name,
                     why);
}

/* What is further down than was asked for comes again with its own folder. */
static bool take_entry(void *arg, const struct multistatus_entry *entry, struct error *err)
{
    struct source_listing *listing = arg;
    size_t len = strlen(listing->folder);
    bool below = entry->len > len && strncmp(entry->name, listing->folder, len) == 0 &&
                 (len == 0 || entry->name[len] == '/');
    if (entry->len == len && strncmp(entry->name, listing->folder, len) == 0)
        return true; /* the folder itself */
    if (!below)
        return refuse(err, entry->name, "is outside of the folder that was asked about");
    if (source_list_is_reserved(entry->name) ||
        (!listing->infinite && memchr(entry->name + len + 1, '/', entry->len - len - 1)))
        return true;
    const struct source_name name = {
        .name = entry->name, .size = entry->size, .is_folder = entry->is_folder};
    return source_list_add(listing->list, &name, entry->len, err);
}

/* After one answer to all: a folder that holds something was listed. */
static void note_walked(const struct source_list *list)
{
    struct source_name **sorted = source_list_sort(list);
    for (size_t i = 0; i + 1 < list->count; i++)
        sorted[i]->is_walked = folder_holds(sorted[i]->name, sorted[i + 1]->name);
    free(sorted);
}

/* ---- asking ---- */

static void on_begin(void *arg, int64_t start, bool whole, const char *etag)
{
    (void)arg, (void)start, (void)whole, (void)etag;
}

static enum source_take on_bytes(void *arg, const char *bytes, size_t len)
{
    struct source_listing *listing = arg;
    listing->refused = !multistatus_feed(listing->reading, bytes, len, &listing->error);
    return listing->refused ? SOURCE_ENOUGH : SOURCE_TAKEN;
}

static void on_done(void *arg, const struct source_result *result);

/* The decoded path of the content's URL. */
static char *path_of(const char *content_url)
{
    const char *path = strstr(content_url, "://");
    path = path ? strchr(path + 3, '/') : NULL;
    char *copy = path ? mem_copy_bytes(path, strcspn(path, "?#")) : mem_copy_string("");
    size_t len = text_decode_percent(copy);
    while (len && copy[len - 1] == '/')
        copy[--len] = '\0';
    return copy;
}

static void ask(struct source_listing *listing)
{
    char *content = dp_form_content_url(listing->content_url, listing->form);
    char *paths[2] = {path_of(content), path_of(listing->content_url)};
    char *url = *listing->folder
                    ? dp_form_file_url(listing->content_url, listing->form, listing->folder)
                    : mem_copy_string(content);
    char *slashed = *listing->folder ? mem_format("%s/", url) : NULL;
    multistatus_close(listing->reading);
    const char *const contents[2] = {paths[0], paths[1]};
    listing->reading = multistatus_open(contents, listing->folder, take_entry, listing);
    listing->document = (struct source_document){
        .most = LIMIT_LISTING_BYTES,
        .depth = listing->infinite ? "infinity" : "1",
        .within_ms = LIMIT_FETCH_SECONDS * 1000L,
    };
    const struct source_request request = {
        .url = slashed ? slashed : url,
        .validator = "",
        .past_caches = listing->request.past_caches,
        .stall_ms = listing->request.stall_ms,
        .document = &listing->document,
        .begin = on_begin,
        .bytes = on_bytes,
        .done = on_done,
        .arg = listing,
    };
    listing->fetch = http_source.start(listing->client, &request);
    free(slashed);
    free(url);
    free(paths[0]);
    free(paths[1]);
    free(content);
}

static void restart(struct source_listing *listing, bool infinite)
{
    source_list_free(listing->list);
    listing->list = mem_zero(1, sizeof *listing->list);
    listing->infinite = infinite;
    listing->walked = 0;
    listing->folder = "";
    ask(listing);
}

/* ---- what came ---- */

static void end(struct source_listing *listing, const struct source_result *result)
{
    struct source_list_request request = listing->request;
    struct source_list *list = result->ok ? listing->list : NULL;
    if (list) {
        list->form = listing->form;
        listing->list = NULL;
    }
    listing_free(listing);
    request.done(request.arg, result, list);
}

static void fail(struct source_listing *listing)
{
    struct source_result result = {.error = listing->error, .retry_after_ms = -1};
    size_t len = source_shown_length(listing->content_url);
    snprintf(result.error.where, sizeof result.error.where, "%.*s", (int)len, listing->content_url);
    end(listing, &result);
}

/* The next folder that was not listed yet, or the end. */
static void walk_on(struct source_listing *listing)
{
    struct source_list *list = listing->list;
    for (; listing->walked < list->count; listing->walked++) {
        struct source_name *name = &list->names[listing->walked];
        if (!name->is_folder || name->is_walked)
            continue;
        name->is_walked = true;
        listing->folder = name->name;
        ask(listing);
        return;
    }
    const struct source_result result = {.ok = true, .retry_after_ms = -1};
    if (source_list_check(list, &listing->error))
        end(listing, &result);
    else
        fail(listing);
}

/* Depth: infinity is refused by status, or costs more than one answer may. */
static bool may_walk_instead(const struct source_listing *listing,
                             const struct source_result *result)
{
    return listing->infinite &&
           (result->status == 403 || result->status == 400 || result->status == 501 ||
            strcmp(result->error.code, "TOO_LARGE") == 0);
}

/* All virtual directories refuse: the first one's word counts. */
static void fail_refused(struct source_listing *listing)
{
    struct source_result result = listing->refusal;
    char text[sizeof result.error.text];
    snprintf(text, sizeof text, "%.900s to PROPFIND: %s", result.error.text,
             source_refusal_advice(result.status));
    snprintf(result.error.text, sizeof result.error.text, "%s", text);
    end(listing, &result);
}

static void try_otherwise(struct source_listing *listing, const struct source_result *result)
{
    if (may_walk_instead(listing, result)) {
        restart(listing, false);
        return;
    }
    if (*listing->folder || !source_is_refusal(result)) {
        end(listing, result);
        return;
    }
    if (listing->form == 0)
        listing->refusal = *result;
    listing->form += 2;
    if (listing->form < dp_form_count(listing->content_url))
        restart(listing, true);
    else
        fail_refused(listing);
}

static void on_done(void *arg, const struct source_result *result)
{
    struct source_listing *listing = arg;
    listing->fetch = NULL;
    if (!result->ok) {
        try_otherwise(listing, result);
        return;
    }
    if (listing->refused || !multistatus_finish(listing->reading, &listing->error)) {
        fail(listing);
        return;
    }
    if (listing->infinite) {
        note_walked(listing->list);
        listing->infinite = false;
    }
    walk_on(listing);
}

struct source_listing *dav_list(struct source_client *client,
                                const struct source_list_request *request)
{
    struct source_listing *listing = mem_zero(1, sizeof *listing);
    listing->client = client;
    listing->request = *request;
    listing->content_url = mem_copy_string(request->content_url);
    listing->request.content_url = NULL;
    restart(listing, true);
    return listing;
}

void dav_cancel(struct source_listing *listing)
{
    http_source.cancel(listing->fetch);
    listing_free(listing);
}

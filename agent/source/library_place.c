#include "agent/source/library_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool library_place_make(struct library_place *place, const struct source_client *client,
                        const struct source_file *file, const char *url, struct error *err)
{
    const char *root, *path = file->dp->library_path;
    *place = (struct library_place){
        .url = mem_copy_string(url),
        .content_id = mem_copy_string(file->content_id),
        .name = mem_copy_string(file->name ? file->name : ""),
        .version = file->version,
    };
    snprintf(place->sha256, sizeof place->sha256, "%s", file->sha256 ? file->sha256 : "");
    if (site_judge_library(file->dp, &client->options->library_roots, &root) !=
        LIBRARY_PATH_ALLOWED)
        return error_set(err, ERROR_FAILED, BLAME_POLICY, "LIBRARY", url,
                         "its LibraryPath is not below libraryRoots");
    if (file->dp->library_signed) {
        place->root = mem_copy_string(path);
        place->below = mem_copy_string("");
        return true;
    }
    size_t len = strlen(root);
    while (len && root[len - 1] == '/')
        len--;
    place->root = mem_copy_string(root);
    place->below = mem_copy_string(path + len + strspn(path + len, "/"));
    return true;
}

void library_place_free(struct library_place *place)
{
    free(place->root);
    free(place->below);
    free(place->url);
    free(place->content_id);
    free(place->name);
}

struct library *library_place_open(const struct library_place *place, struct error *err)
{
    return library_open_below(place->root, place->below, err);
}

void library_place_fail(const struct library_place *place, const struct error *why, bool retry,
                        struct source_result *result)
{
    *result = (struct source_result){.error = *why, .retry = retry, .retry_after_ms = -1};
    if (why->blame != BLAME_POLICY)
        result->error.blame = BLAME_SOURCE;
    snprintf(result->error.where, sizeof result->error.where, "%s", place->url);
}

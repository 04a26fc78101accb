/* The contents of a content library, hashed anew. */
#include "agent/publish/verify_internal.h"

#include "agent/loop/pool.h"
#include "agent/source/library_read.h"

#include "policy/base/text.h"
#include "policy/folder_hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct checking {
    struct library *library;
    struct verify_content *content;
    struct manifest manifest;
    enum tree_difference *found; /* a file */
    char **notes;
};

static enum tree_difference difference_of(enum library_problem problem)
{
    switch (problem) {
    case LIBRARY_RIGHT: return TREE_SAME;
    case LIBRARY_MISSING: return TREE_MISSING;
    case LIBRARY_SHORT: return TREE_TRUNCATED;
    case LIBRARY_IRREGULAR:
    case LIBRARY_LONG: break;
    }
    return TREE_CHANGED;
}

static bool has_digest(int fd, struct pool_tool *tool, const char *wanted)
{
    char hex[HASH_HEX_MAX];
    ssize_t got;
    hash_restart(tool->sha256);
    while ((got = read(fd, tool->piece, POOL_PIECE_BYTES)) != 0) {
        if (got > 0)
            hash_update(tool->sha256, tool->piece, (size_t)got);
        else if (errno != EINTR)
            break;
    }
    hash_finish(tool->sha256, hex);
    return got == 0 && strcmp(hex, wanted) == 0;
}

static bool check_file(void *arg, struct pool_tool *tool, size_t index, struct error *err)
{
    struct checking *checking = arg;
    const struct manifest_file *file = &checking->manifest.files[index];
    enum library_problem problem;
    struct error why;
    (void)err;
    int fd = library_open_file(checking->library, file, &problem, &why);
    checking->found[index] = difference_of(problem);
    if (fd < 0) {
        checking->notes[index] = mem_copy_string(why.text);
        return true;
    }
    if (!has_digest(fd, tool, file->hash))
        checking->found[index] = TREE_CHANGED;
    close(fd);
    return true;
}

static void check_folder_hash(const struct checking *checking, const char *told)
{
    const struct manifest *manifest = &checking->manifest;
    size_t count = 0;
    char hex[HASH_HEX_MAX];
    struct folder_entry *entries =
        mem_zero(manifest->count + manifest->folder_count + 1, sizeof *entries);
    for (size_t i = 0; i < manifest->count; i++)
        entries[count++] = (struct folder_entry){manifest->files[i].name, manifest->files[i].hash};
    for (size_t i = 0; i < manifest->folder_count; i++)
        entries[count++] = (struct folder_entry){manifest->folders[i], NULL};
    folder_hash(entries, count, hex);
    free(entries);
    if (strcmp(hex, told) == 0)
        return;
    char *note = *told ? mem_format("folder hash %s, not %s: a name is missing, foreign or changed",
                                    hex, told)
                       : mem_copy_string("its INI in DataLib is missing");
    verify_add_bad(checking->content, ".", TREE_CHANGED, note);
    free(note);
}

static void check_files(struct checking *checking)
{
    const struct manifest *manifest = &checking->manifest;
    checking->found = mem_zero(manifest->count + 1, sizeof *checking->found);
    checking->notes = mem_zero(manifest->count + 1, sizeof *checking->notes);
    pool_run(manifest->count, check_file, checking, NULL);
    for (size_t i = 0; i < manifest->count; i++) {
        if (checking->found[i] != TREE_SAME)
            verify_add_bad(checking->content, manifest->files[i].name, checking->found[i],
                           checking->notes[i]);
        free(checking->notes[i]);
    }
    free(checking->notes);
    free(checking->found);
}

static void check_content(struct library *library, struct verify_content *content)
{
    struct checking checking = {.library = library, .content = content};
    char told[HASH_HEX_MAX];
    struct error why;
    if (!library_read(library, content->content_id, content->version, &checking.manifest, told,
                      &why)) {
        verify_add_bad(content, ".", TREE_CHANGED, why.text);
        return;
    }
    content->files = checking.manifest.count;
    content->bytes = checking.manifest.bytes;
    check_files(&checking);
    check_folder_hash(&checking, told);
    manifest_free(&checking.manifest);
}

static bool is_asked_for(const struct verify_order *order, const struct library_content *content)
{
    return !order->content_id || (text_equal(order->content_id, content->content_id) &&
                                  (order->version < 0 || order->version == content->version));
}

bool verify_library(const struct verify_order *order, struct verify_report *report,
                    struct error *err)
{
    struct library_contents contents;
    *report = (struct verify_report){0};
    struct library *library = library_open(order->library, err);
    if (!library || !library_list(library, &contents, err)) {
        library_close(library);
        return false;
    }
    verify_step_back();
    for (size_t i = 0; i < contents.count; i++)
        if (is_asked_for(order, &contents.list[i])) {
            char *folder = mem_format("%s.%lld", contents.list[i].content_id,
                                      (long long)contents.list[i].version);
            struct verify_content *content = verify_add_content(report, folder);
            content->content_id = mem_copy_string(contents.list[i].content_id);
            content->version = contents.list[i].version;
            check_content(library, content);
            free(folder);
        }
    library_contents_free(&contents);
    library_close(library);
    return report->count || !order->content_id ||
           error_set(err, ERROR_FAILED, BLAME_USER, "UNKNOWN_CONTENT", order->library,
                     "'%s' is not in the content library", order->content_id);
}

#include "agent/publish/publication.h"

#include "policy/base/beneath.h"
#include "policy/base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *publish_result_word(enum publish_result result)
{
    switch (result) {
    case PUBLISH_NEW: return "published";
    case PUBLISH_REPLACED: return "replaced";
    case PUBLISH_SAME: return "unchanged";
    }
    return NULL;
}

bool publication_refuse_twin(int root, const char *room, const char *name, const char *where,
                             struct error *err)
{
    int fd = beneath_open(root, room, O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    bool ok = true;
    if (!folder) {
        error_errno(err, where, "cannot list the folder");
        if (fd >= 0)
            close(fd);
        return false;
    }
    for (const struct dirent *entry; ok && (entry = readdir(folder));)
        if (text_equal(entry->d_name, name) && strcmp(entry->d_name, name) != 0)
            ok = error_set(err, ERROR_FAILED, BLAME_USER, "OTHER_CASE", where,
                           "'%s' is there, which differs from '%s' by case only", entry->d_name,
                           name);
    closedir(folder);
    return ok;
}

/* ---- what stands there ---- */

bool publication_refuse(const struct publication *what, const char *where, const char *code,
                        const char *text, struct error *err)
{
    return what->replace ||
           error_set(err, ERROR_FAILED, BLAME_USER, code, where, "%s; --replace replaces it", text);
}

static void describe(const struct tree_entry *found, const struct tree_entry *wanted, char *text,
                     size_t size)
{
    static const char begin[] = "this version is laid out with other bytes";
    if (found && wanted)
        snprintf(text, size, "%s: '%s' has other bytes there", begin, found->name);
    else if (found)
        snprintf(text, size, "%s: '%s' is in the folder and not there", begin, found->name);
    else if (wanted)
        snprintf(text, size, "%s: '%s' is there and not in the folder", begin, wanted->name);
}

/* Names the first file that differs; false where the record is of these very bytes. */
static bool differs(const struct publication *what, const struct dp_record *record, char *text,
                    size_t size)
{
    struct tree_walk walk = {.found = &what->input->tree, .wanted = &record->files};
    struct tree_entry *found, *wanted;
    while (tree_next(&walk, &found, &wanted))
        if (tree_judge(&walk, found, wanted) != TREE_SAME) {
            describe(found, wanted, text, size);
            return true;
        }
    snprintf(text, size, "this version is laid out with another set of empty folders");
    return strcmp(record->folder_hash, what->input->hash) != 0;
}

bool publication_judge(const struct publication *what, const struct dp_record *record,
                       const char *where, bool *same, struct error *err)
{
    char text[512];
    *same = false;
    if (strcmp(record->content_id, what->content_id) != 0)
        return publication_refuse(what, where, "FOREIGN", "another content stands there", err);
    if (record->version > what->version) {
        snprintf(text, sizeof text, "version %" PRId64 " stands there, a higher one",
                 record->version);
        return publication_refuse(what, where, "LOWER_VERSION", text, err);
    }
    if (record->version < what->version)
        return true;
    if (!input_hash(what->input, err))
        return false;
    *same = !differs(what, record, text, sizeof text);
    return *same || publication_refuse(what, where, "OTHER_BYTES", text, err);
}

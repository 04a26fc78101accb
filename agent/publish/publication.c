#include "agent/publish/publication.h"

#include "policy/base/beneath.h"
#include "policy/base/text.h"

#include <dirent.h>
#include <fcntl.h>
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

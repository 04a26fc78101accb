/* Content libraries on a path: which of them policy may name. */
#include "policy/site.h"

#include <string.h>

/* Absolute, of names only: what it stands for needs no disk to tell. */
static bool is_plain(const char *path)
{
    if (*path != '/')
        return false;
    while (*path) {
        size_t len = strcspn(++path, "/");
        bool is_dots = strncmp(path, "..", len) == 0 && len <= 2;
        if ((len == 0 || is_dots) && (len || *path))
            return false;
        path += len;
    }
    return true;
}

static bool is_below(const char *path, const char *root)
{
    size_t len = strlen(root);
    while (len && root[len - 1] == '/')
        len--;
    return strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

enum library_path site_judge_library(const struct site_dp *dp, const struct library_roots *roots,
                                     const char **root)
{
    *root = "/";
    if (!dp->library_path)
        return LIBRARY_PATH_MISSING;
    if (!is_plain(dp->library_path))
        return LIBRARY_PATH_MALFORMED;
    if (dp->library_signed)
        return LIBRARY_PATH_ALLOWED;
    for (size_t i = 0; i < roots->count; i++)
        if (is_below(dp->library_path, roots->paths[i])) {
            *root = roots->paths[i];
            return LIBRARY_PATH_ALLOWED;
        }
    return LIBRARY_PATH_OUTSIDE;
}

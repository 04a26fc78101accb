#include "agent/cache/internal.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void walk_begin(struct walk *walk, int root)
{
    *walk = (struct walk){.root = root, .parent = -1};
}

static bool is_there(const struct walk *walk, const char *name, size_t len)
{
    return walk->parent >= 0 && strlen(walk->path) == len && memcmp(walk->path, name, len) == 0;
}

int walk_parent(struct walk *walk, const char *name, const char **leaf)
{
    const char *slash = strrchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : 0;
    *leaf = slash ? slash + 1 : name;
    if (is_there(walk, name, len))
        return walk->parent;
    walk_end(walk);
    walk->path = mem_copy_bytes(name, len);
    walk->parent = beneath_open(walk->root, walk->path, O_PATH | O_DIRECTORY, 0);
    return walk->parent;
}

void walk_end(struct walk *walk)
{
    if (walk->parent >= 0)
        close(walk->parent);
    free(walk->path);
    walk_begin(walk, walk->root);
}

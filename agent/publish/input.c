#include "agent/publish/input.h"
#include "agent/publish/tree_read.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool input_take(struct input *input, int dir, const char *path, struct error *err)
{
    *input = (struct input){.path = path, .dir = dir};
    return tree_read(&input->tree, dir, path, TREE_STRICT, err);
}

bool input_open(struct input *input, const char *path, struct error *err)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *input = (struct input){.dir = -1};
    if (dir < 0)
        return error_errno(err, path, "cannot open the folder");
    return input_take(input, dir, path, err);
}

bool input_expect(struct input *input, const struct manifest *manifest, struct error *err)
{
    struct tree wanted;
    tree_of_manifest(&wanted, manifest);
    struct tree_walk walk = {.found = &input->tree, .wanted = &wanted};
    struct tree_entry *found, *expected;
    bool ok = true;
    while (ok && tree_next(&walk, &found, &expected)) {
        if (found && !expected && found->kind == TREE_FOLDER)
            continue;
        ok = (found && expected && found->kind == TREE_FILE &&
              found->stamp.size == expected->stamp.size) ||
             error_set(err, ERROR_FAILED, BLAME_DATA, "CORRUPT", input->path, "'%s' is %s",
                       found ? found->name : expected->name,
                       !found     ? "missing"
                       : expected ? "of another size"
                                  : "foreign");
        if (ok)
            memcpy(found->sha256, expected->sha256, sizeof found->sha256);
    }
    tree_free(&wanted);
    return ok;
}

void input_close(struct input *input)
{
    if (input->dir >= 0)
        close(input->dir);
    tree_free(&input->tree);
    input->dir = -1;
}

bool input_hash(struct input *input, struct error *err)
{
    if (*input->hash)
        return true;
    if (!tree_hash(&input->tree, input->dir, input->path, false, err))
        return false;
    input_was_hashed(input);
    return true;
}

void input_was_hashed(struct input *input)
{
    tree_folder_hash(&input->tree, &input->tree, input->hash);
}

bool input_stands_still(const struct input *input, struct error *err)
{
    struct tree again;
    if (!tree_read(&again, input->dir, input->path, TREE_STRICT, err))
        return false;
    struct tree_walk walk = {.found = &again, .wanted = &input->tree};
    struct tree_entry *now, *before;
    bool ok = true;
    while (ok && tree_next(&walk, &now, &before))
        if (!now || !before || now->kind != before->kind ||
            (now->kind == TREE_FILE && !tree_same_stamp(&now->stamp, &before->stamp)))
            ok =
                error_set(err, ERROR_FAILED, BLAME_DATA, "CHANGED", input->path,
                          "'%s' changed while the folder was read", now ? now->name : before->name);
    tree_free(&again);
    return ok;
}

#include "agent/command/folders.h"

#include "policy/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool folders_make_above(const char *path, struct error *err)
{
    char *part = mem_copy_string(path);
    bool ok = true;
    size_t len = strlen(part);
    while (len > 1 && part[len - 1] == '/')
        part[--len] = '\0';
    for (char *slash = strchr(part + (len > 0), '/'); ok && slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = mkdir(part, 0755) == 0 || errno == EEXIST;
        *slash = '/';
    }
    free(part);
    return ok || error_errno(err, path, "cannot make the folders above");
}

static bool make_path(const char *path, mode_t mode, struct error *err)
{
    return folders_make_above(path, err) && (mkdir(path, mode) == 0 || errno == EEXIST ||
                                             error_errno(err, path, "cannot make the folder"));
}

static bool check(const char *path, struct error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return error_errno(err, path, "cannot look at the folder");
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERROR_FAILED, BLAME_DISK, "FOLDER", path, "is not a folder");
    if (st.st_mode & S_IWOTH)
        return error_set(err, ERROR_FAILED, BLAME_DISK, "FOLDER", path,
                         "is writable for others (mode %04o)", (unsigned)st.st_mode & 07777U);
    if (st.st_uid != geteuid())
        return error_set(err, ERROR_FAILED, BLAME_DISK, "FOLDER", path,
                         "belongs to user %ld, not to user %ld (mode %04o)", (long)st.st_uid,
                         (long)geteuid(), (unsigned)st.st_mode & 07777U);
    return true;
}

/* Groups, then group, then user: in any other order something stays behind. */
static bool become_owner(const char *state, struct error *err)
{
    struct stat st;
    if (geteuid() != 0 || stat(state, &st) != 0 || st.st_uid == 0)
        return true;
    const struct passwd *owner = getpwuid(st.st_uid);
    gid_t group = owner ? owner->pw_gid : st.st_gid;
    int groups = owner ? initgroups(owner->pw_name, group) : setgroups(0, NULL);
    if (groups != 0 || setresgid(group, group, group) != 0 ||
        setresuid(st.st_uid, st.st_uid, st.st_uid) != 0 || setuid(0) == 0)
        return error_errno(err, state, "cannot become the owner of the state folder");
    return true;
}

static char *choose(const char *given, enum folder folder, struct error *err)
{
    return given ? mem_copy_string(given) : config_folder(folder, err);
}

bool folders_enter(struct folders *folders, const struct options *options, const char *secondary,
                   struct error *err)
{
    *folders = (struct folders){.state_dir = -1};
    bool ok = (folders->state = choose(options->state, FOLDER_STATE, err)) &&
              (folders->cache = choose(options->cache, FOLDER_CACHE, err)) &&
              (folders->logs = choose(options->logs, FOLDER_LOGS, err)) &&
              become_owner(folders->state, err) && make_path(folders->state, 0700, err) &&
              make_path(folders->cache, 0755, err) && make_path(folders->logs, 0755, err) &&
              (!secondary || make_path(secondary, 0755, err)) && check(folders->state, err) &&
              check(folders->cache, err) && check(folders->logs, err) &&
              (!secondary || check(secondary, err));
    if (ok) {
        folders->state_dir = open(folders->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ok = folders->state_dir >= 0 || error_errno(err, folders->state, "cannot open the folder");
    }
    if (!ok)
        folders_leave(folders);
    return ok;
}

void folders_leave(struct folders *folders)
{
    if (folders->state_dir >= 0)
        close(folders->state_dir);
    free(folders->state);
    free(folders->cache);
    free(folders->logs);
    *folders = (struct folders){.state_dir = -1};
}

bool folders_open_state(int *state_dir, const struct options *options, struct error *err)
{
    *state_dir = -1;
    char *state =
        options->state ? mem_copy_string(options->state) : config_folder(FOLDER_STATE, NULL);
    bool ok = true;
    if (state && access(state, F_OK) == 0) {
        ok = become_owner(state, err) && check(state, err);
        *state_dir = ok ? open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        ok = ok && (*state_dir >= 0 || error_errno(err, state, "cannot open the folder"));
    }
    free(state);
    return ok;
}

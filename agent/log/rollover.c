#include "agent/log/rollover.h"

#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How many seconds past the right one are tried for a name that is free. */
#define STAMP_TRIES 10000

struct dated {
    char *name;
    struct timespec written;
};

struct history {
    struct dated *items;
    size_t count, cap;
};

static bool has_stamp(const char *text)
{
    static const char pattern[] = "-dddddddd-dddddd.log";
    for (size_t i = 0; i < sizeof pattern; i++)
        if (pattern[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i])
            return false;
    return true;
}

static int by_age(const void *a, const void *b)
{
    const struct dated *one = a, *other = b;
    if (one->written.tv_sec != other->written.tv_sec)
        return one->written.tv_sec < other->written.tv_sec ? -1 : 1;
    if (one->written.tv_nsec != other->written.tv_nsec)
        return one->written.tv_nsec < other->written.tv_nsec ? -1 : 1;
    return strcmp(one->name, other->name);
}

static void collect(int dir, const char *name, struct history *history)
{
    int fd = beneath_open(dir, ".", O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    size_t len = strlen(name);
    while (folder && (entry = readdir(folder))) {
        struct stat st;
        if (strncmp(entry->d_name, name, len) != 0 || !has_stamp(entry->d_name + len) ||
            fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        history->items =
            mem_grow(history->items, &history->cap, history->count + 1, sizeof *history->items);
        history->items[history->count++] =
            (struct dated){mem_copy_string(entry->d_name), st.st_mtim};
    }
    if (folder)
        closedir(folder);
}

/* Removes the oldest dated files, `kept` of them apart. */
static void trim(int dir, const char *name, size_t kept)
{
    struct history history = {0};
    collect(dir, name, &history);
    if (history.count)
        qsort(history.items, history.count, sizeof *history.items, by_age);
    for (size_t i = 0; i < history.count; i++) {
        if (i + kept < history.count)
            unlinkat(dir, history.items[i].name, 0);
        free(history.items[i].name);
    }
    free(history.items);
}

/* The name of the second of its last record, or the next that is free. */
static void give_date(int dir, const char *name, const char *old)
{
    struct stat st;
    bool moved = fstatat(dir, old, &st, AT_SYMLINK_NOFOLLOW) != 0; /* there is none */
    for (int i = 0; !moved && i < STAMP_TRIES; i++) {
        time_t seconds = st.st_mtim.tv_sec + i;
        struct tm local;
        char stamp[64];
        localtime_r(&seconds, &local);
        strftime(stamp, sizeof stamp, "-%Y%m%d-%H%M%S.log", &local);
        char *dated = mem_format("%s%s", name, stamp);
        moved = beneath_rename(dir, old, dated, RENAME_NOREPLACE) || errno != EEXIST;
        free(dated);
    }
}

bool rollover(int dir, const char *name, int history)
{
    char *current = mem_format("%s.log", name), *old = mem_format("%s.lo_", name);
    bool ok;
    if (history > 1)
        give_date(dir, name, old);
    if (history > 0)
        ok = beneath_rename(dir, current, old, 0);
    else
        ok = unlinkat(dir, current, 0) == 0;
    if (ok && history > 1)
        trim(dir, name, (size_t)history - 1);
    free(current);
    free(old);
    return ok;
}

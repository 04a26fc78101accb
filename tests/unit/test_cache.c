/* The content library: nothing unverified visible, equal files once, locks, hostile folders. */
#include "agent/cache/cache.h"
#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char folder[64];
    struct cache *cache;
    struct manifest manifest;
};

/* Four names, three digests: `copy` has the bytes of `a`. */
static struct manifest_file make_file(const char *name, const char *bytes)
{
    struct manifest_file file = {.name = name, .size = (int64_t)strlen(bytes)};
    hash_bytes(HASH_SHA256, bytes, strlen(bytes), file.hash);
    return file;
}

static int set_up(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    struct error err;
    snprintf(f->folder, sizeof f->folder, "/tmp/nearpoint-cache-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    const struct cache_options options = {
        .folder = f->folder, .sync = true, .clock = &clock_system};
    f->cache = cache_open(&options, &err);
    assert_non_null(f->cache);
    f->manifest.count = 4;
    f->manifest.files = mem_zero(4, sizeof *f->manifest.files);
    f->manifest.files[0] = make_file("a", "alpha");
    f->manifest.files[1] = make_file("sub/dir/b", "beta");
    f->manifest.files[2] = make_file("sub/copy of a", "alpha");
    f->manifest.files[3] = make_file("empty", "");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    cache_close(f->cache);
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY);
    beneath_remove(tmp, f->folder + strlen("/tmp/"), NULL);
    close(tmp);
    free(f->manifest.files);
    free(f);
    return 0;
}

static const char *bytes_of(const struct staged_file *file)
{
    if (strcmp(file->names[0], "sub/dir/b") == 0)
        return "beta";
    return strcmp(file->names[0], "empty") == 0 ? "" : "alpha";
}

static void keep(struct staging *staging, struct staged_file *file)
{
    struct staged_part part;
    struct spans have = {0};
    struct error err = {0};
    const char *bytes = bytes_of(file);
    assert_true(staging_open_part(staging, file, &part, &have, &err));
    assert_int_equal(have.count, 0);
    assert_true(beneath_write_all(part.fd, bytes, strlen(bytes)));
    assert_true(staging_keep_part(staging, file, part.fd, file->file->hash, &err));
    assert_true(staging_close_part(file, &part, &err));
}

static void keep_all(struct staging *staging)
{
    for (size_t i = 0; i < staging_file_count(staging); i++)
        keep(staging, staging_file(staging, i));
}

static void publish(struct fixture *f, const char *id, int64_t version)
{
    struct error err = {0};
    struct staging *staging = staging_open(f->cache, id, version, &f->manifest, &err);
    assert_non_null(staging);
    assert_true(staging_survey(staging, &err));
    for (size_t i = 0; i < staging_file_count(staging); i++) {
        struct staged_file *file = staging_file(staging, i);
        if (file->found == STAGED_LIBRARY)
            assert_true(staging_keep_library(staging, file, NULL, &err));
        if (!file->kept)
            keep(staging, file);
    }
    assert_true(staging_publish(staging, &err));
    staging_close(staging);
}

static char *in_folder(const struct fixture *f, const char *path)
{
    return mem_format("%s/%s", f->folder, path);
}

static bool exists(const struct fixture *f, const char *path)
{
    char *full = in_folder(f, path);
    bool there = access(full, F_OK) == 0;
    free(full);
    return there;
}

static struct stat stat_of(const struct fixture *f, const char *path)
{
    struct stat st = {0};
    char *full = in_folder(f, path);
    assert_int_equal(stat(full, &st), 0);
    free(full);
    return st;
}

static void overwrite(const struct fixture *f, const char *path, const char *bytes)
{
    char *full = in_folder(f, path);
    int fd;
    assert_int_equal(chmod(full, 0644), 0);
    assert_true((fd = open(full, O_WRONLY | O_TRUNC)) >= 0);
    assert_true(beneath_write_all(fd, bytes, strlen(bytes)));
    close(fd);
    free(full);
}

static void test_publish(void **state)
{
    struct fixture *f = *state;
    assert_false(cache_has(f->cache, "PS100001", 3, &f->manifest));
    publish(f, "PS100001", 3);
    assert_true(cache_has(f->cache, "PS100001", 3, &f->manifest));
    assert_false(cache_has(f->cache, "PS100001", 4, &f->manifest));
    struct stat a = stat_of(f, "DataLib/PS100001.3/a");
    struct stat copy = stat_of(f, "DataLib/PS100001.3/sub/copy of a");
    assert_int_equal(a.st_ino, copy.st_ino);
    assert_int_equal(a.st_nlink, 3);
    assert_int_equal(a.st_mode & 07777, 0444);
    assert_true(exists(f, "DataLib/PS100001.3.INI"));
    assert_false(exists(f, "Staging/PS100001.3"));
}

static void test_equal_files_once(void **state)
{
    struct fixture *f = *state;
    publish(f, "PS100001", 3);
    struct stat first = stat_of(f, "DataLib/PS100001.3/sub/dir/b");
    publish(f, "PS100002", 1);
    struct stat second = stat_of(f, "DataLib/PS100002.1/sub/dir/b");
    assert_int_equal(first.st_ino, second.st_ino);
}

static void test_nothing_before_the_rename(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct staging *staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    assert_non_null(staging);
    assert_true(staging_survey(staging, &err));
    keep_all(staging);
    assert_false(exists(f, "DataLib/PS100001.3"));
    assert_false(cache_has(f->cache, "PS100001", 3, &f->manifest));
    staging_close(staging);
}

static void write_part(struct staging *staging, const char *bytes, int64_t had)
{
    struct staged_part part;
    struct spans have = {0};
    struct error err = {0};
    struct staged_file *file = staging_file(staging, 0);
    assert_true(staging_open_part(staging, file, &part, &have, &err));
    assert_int_equal(spans_reach(&have, 0), had);
    assert_true(beneath_write_all(part.fd, bytes, strlen(bytes)));
    assert_true(staging_close_part(file, &part, &err));
    spans_free(&have);
}

static void test_parts_survive(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct staging *staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    write_part(staging, "al", 0);
    staging_close(staging);
    staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    assert_true(staging_survey(staging, &err));
    assert_int_equal(staging_file(staging, 0)->found, STAGED_PART);
    assert_int_equal(staging_file(staging, 1)->found, STAGED_NONE);
    write_part(staging, "XXXXXXXX", 2);
    write_part(staging, "", 0); /* longer than the manifest says: emptied */
    staging_close(staging);
}

/* ---- room ---- */

static struct statvfs disk; /* f_frsize 0: the real one */

int fstatvfs(int fd, struct statvfs *space)
{
    struct statfs real;
    *space = disk;
    if (disk.f_frsize)
        return 0;
    int result = fstatfs(fd, &real);
    space->f_frsize = (unsigned long)real.f_frsize;
    space->f_bavail = real.f_bavail;
    return result;
}

/* Blocks that the small content needs, with its record: two files of a block each. */
static void fits(const struct staging *staging, struct statvfs space, const char *code)
{
    struct error err = {0};
    disk = space;
    if (staging_fits(staging, &err) != (*code == '\0') || strcmp(err.code, code) != 0)
        fail_msg("%lu blocks, %lu inodes: %s %s", space.f_bavail, space.f_favail, err.code,
                 err.text);
    disk.f_frsize = 0;
}

static void test_room(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct staging *staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    assert_true(staging_survey(staging, &err));
    unsigned long block = 4096, blocks = 19, inodes = 16 + 2 + 3;
    fits(staging, (struct statvfs){.f_frsize = block, .f_bavail = blocks}, "");
    fits(staging, (struct statvfs){.f_frsize = block, .f_bavail = blocks - 1}, "DISK_SPACE");
    struct statvfs space = {.f_frsize = block, .f_bavail = blocks, .f_files = 100};
    space.f_favail = inodes;
    fits(staging, space, "");
    space.f_favail--;
    fits(staging, space, "DISK_INODES");
    /* What is there, and what is done, needs nothing more. */
    staging_file(staging, 0)->found = STAGED_PART;
    fits(staging, space, "");
    space.f_bavail--;
    fits(staging, space, "DISK_SPACE");
    staging_file(staging, 0)->on_disk = (int64_t)block;
    fits(staging, space, "");
    space.f_bavail--;
    keep(staging, staging_file(staging, 1));
    fits(staging, space, "");
    staging_close(staging);
}

static void test_room_for_large_files(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    f->manifest.files[0].size = f->manifest.files[2].size = INT64_MAX;
    struct staging *staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    assert_true(staging_survey(staging, &err));
    fits(staging, (struct statvfs){.f_frsize = 4096, .f_bavail = 1UL << 40}, "DISK_SPACE");
    staging_close(staging);
}

/* ---- a disk that does not take the bytes ---- */

static int syncs_until_failure = -1;

int syncfs(int fd)
{
    if (syncs_until_failure >= 0 && syncs_until_failure-- == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_syncfs, fd);
}

static size_t staged_count(const struct fixture *f)
{
    size_t count = 0;
    char *path = in_folder(f, "Staging/PS100001.3");
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += *entry->d_name != '.';
    if (folder)
        closedir(folder);
    free(path);
    return count;
}

static void test_failed_sync(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct staging *staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    struct staged_validator validator = {"http://a", "\"1\""};
    assert_true(staging_survey(staging, &err));
    staging_save_validator(staging, staging_file(staging, 0), &validator);
    keep_all(staging);
    syncs_until_failure = 0;
    assert_false(staging_publish(staging, &err));
    assert_string_equal(err.code, "EIO");
    assert_int_equal(err.blame, BLAME_DISK);
    assert_int_equal(staged_count(f), 1); /* the lock */
    assert_false(exists(f, "DataLib/PS100001.3"));
    assert_true(staging_survey(staging, &err));
    assert_int_equal(staging_file(staging, 0)->found, STAGED_NONE);
    keep_all(staging);
    assert_true(staging_publish(staging, &err));
    staging_close(staging);
    assert_true(cache_has(f->cache, "PS100001", 3, &f->manifest));
}

/* The bytes were on the disk, the names may not be: the next run finds them. */
static void test_failed_sync_of_names(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct staging *staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    assert_true(staging_survey(staging, &err));
    keep_all(staging);
    syncs_until_failure = 1;
    assert_false(staging_publish(staging, &err));
    assert_false(exists(f, "DataLib/PS100001.3"));
    assert_true(staging_survey(staging, &err)); /* the tree begins anew */
    assert_false(staging_file(staging, 0)->kept);
    staging_close(staging);
    staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    assert_true(staging_survey(staging, &err));
    for (size_t i = 0; i < staging_file_count(staging); i++)
        assert_int_equal(staging_file(staging, i)->found, STAGED_LIBRARY);
    staging_close(staging);
    publish(f, "PS100001", 3);
}

/* A name that cannot be made leaves none: the same file is kept when it can. */
static void test_kept_whole_or_not(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct staged_part part;
    struct spans have = {0};
    struct staging *staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    assert_true(staging_survey(staging, &err));
    struct staged_file *file = staging_file(staging, 0);
    char *path = in_folder(f, "Staging/PS100001.3/tree/sub");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    close(fd);
    assert_true(staging_open_part(staging, file, &part, &have, &err));
    assert_true(beneath_write_all(part.fd, "alpha", 5));
    assert_false(staging_keep_part(staging, file, part.fd, file->file->hash, &err));
    assert_false(file->kept);
    assert_false(exists(f, "Staging/PS100001.3/tree/a"));
    assert_true(staging_close_part(file, &part, &err));
    assert_int_equal(unlink(path), 0);
    free(path);
    assert_true(staging_open_part(staging, file, &part, &have, &err));
    assert_int_equal(spans_total(&have), 5);
    assert_true(staging_keep_part(staging, file, part.fd, file->file->hash, &err));
    assert_true(staging_close_part(file, &part, &err));
    spans_free(&have);
    staging_close(staging);
}

static void test_changed_file_is_noticed(void **state)
{
    struct fixture *f = *state;
    publish(f, "PS100001", 3);
    overwrite(f, "DataLib/PS100001.3/sub/dir/b", "BETA");
    assert_false(cache_has(f->cache, "PS100001", 3, &f->manifest));
    publish(f, "PS100001", 3); /* its FileLib file is bad too and must not be reused */
    assert_true(cache_has(f->cache, "PS100001", 3, &f->manifest));
}

static void test_touched_file_is_hashed(void **state)
{
    struct fixture *f = *state;
    publish(f, "PS100001", 3);
    overwrite(f, "DataLib/PS100001.3/sub/dir/b", "beta");
    assert_true(cache_has(f->cache, "PS100001", 3, &f->manifest));
}

static void test_other_manifest_is_not_it(void **state)
{
    struct fixture *f = *state;
    publish(f, "PS100001", 3);
    f->manifest.files[1] = make_file("sub/dir/b", "gama");
    assert_false(cache_has(f->cache, "PS100001", 3, &f->manifest));
    f->manifest.files[1] = make_file("sub/dir/c", "beta");
    assert_false(cache_has(f->cache, "PS100001", 3, &f->manifest));
    f->manifest.count = 3;
    assert_false(cache_has(f->cache, "PS100001", 3, &f->manifest));
}

static void test_missing_file_is_noticed(void **state)
{
    struct fixture *f = *state;
    publish(f, "PS100001", 3);
    char *path = in_folder(f, "DataLib/PS100001.3/empty");
    assert_int_equal(unlink(path), 0);
    free(path);
    assert_false(cache_has(f->cache, "PS100001", 3, &f->manifest));
}

static void test_locked(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    struct staging *first = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    assert_non_null(first);
    assert_null(staging_open(f->cache, "PS100001", 3, &f->manifest, &err));
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_string_equal(err.code, "BUSY");
    assert_non_null(strstr(err.text, pid));
    struct staging *other = staging_open(f->cache, "PS100001", 4, &f->manifest, &err);
    assert_non_null(other);
    staging_close(other);
    staging_close(first);
    first = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    assert_non_null(first);
    staging_close(first);
}

/* A link planted where a folder of ours should be leads nowhere. */
static void test_planted_links(void **state)
{
    struct fixture *f = *state;
    char outside[] = "/tmp/nearpoint-outside-XXXXXX";
    assert_non_null(mkdtemp(outside));
    for (size_t i = 0; i < 2; i++) {
        struct error err = {0};
        char *place = i ? mem_copy_string("Staging/PS100001.3")
                        : mem_format("FileLib/%.2s", f->manifest.files[0].hash);
        char *full = in_folder(f, place);
        assert_int_equal(symlink(outside, full), 0);
        struct staging *staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
        bool ok = staging && staging_survey(staging, &err);
        for (size_t n = 0; ok && n < staging_file_count(staging); n++)
            keep(staging, staging_file(staging, n));
        assert_false(ok && staging_publish(staging, &err));
        assert_int_equal(rmdir(outside), 0); /* nothing was put there */
        assert_int_equal(mkdir(outside, 0700), 0);
        staging_close(staging);
        assert_int_equal(unlink(full), 0);
        free(full);
        free(place);
        int dir = open(f->folder, O_RDONLY | O_DIRECTORY);
        assert_true(beneath_remove(dir, "Staging/PS100001.3", &err));
        close(dir);
    }
    rmdir(outside);
}

static void test_copy_out(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    publish(f, "PS100001", 3);
    char *target = in_folder(f, "out");
    assert_true(cache_copy_out(f->cache, "PS100001", 3, &f->manifest, target, &err));
    struct stat copy = stat_of(f, "out/sub/dir/b");
    struct stat ours = stat_of(f, "DataLib/PS100001.3/sub/dir/b");
    assert_int_equal(copy.st_size, 4);
    assert_int_not_equal(copy.st_ino, ours.st_ino); /* writing there must not reach the cache */
    assert_false(cache_copy_out(f->cache, "PS100001", 3, &f->manifest, target, &err));
    assert_string_equal(err.code, "ENOTEMPTY");
    free(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_publish, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_equal_files_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_before_the_rename, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parts_survive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_room_for_large_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failed_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failed_sync_of_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kept_whole_or_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changed_file_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_touched_file_is_hashed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_manifest_is_not_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_file_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_locked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_planted_links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_copy_out, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

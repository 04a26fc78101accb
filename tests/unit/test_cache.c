/* The content library: nothing unverified visible, equal files once, locks, hostile folders. */
#include "agent/cache/cache.h"
#include "policy/base/beneath.h"
#include "policy/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    f->cache = cache_open(f->folder, true, &err);
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
    int64_t have;
    struct error err = {0};
    const char *bytes = bytes_of(file);
    int fd = staging_open_part(staging, file, &have, &err);
    assert_true(fd >= 0);
    assert_int_equal(have, 0);
    assert_true(beneath_write_all(fd, bytes, strlen(bytes)));
    assert_true(staging_keep_part(staging, file, fd, file->file->hash, &err));
    close(fd);
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
    for (size_t i = 0; i < staging_file_count(staging); i++)
        keep(staging, staging_file(staging, i));
    assert_false(exists(f, "DataLib/PS100001.3"));
    assert_false(cache_has(f->cache, "PS100001", 3, &f->manifest));
    staging_close(staging);
}

static void test_parts_survive(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    int64_t have = 0;
    struct staging *staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    struct staged_file *file = staging_file(staging, 0);
    int fd = staging_open_part(staging, file, &have, &err);
    assert_true(beneath_write_all(fd, "al", 2));
    close(fd);
    staging_close(staging);
    staging = staging_open(f->cache, "PS100001", 3, &f->manifest, &err);
    assert_true(staging_survey(staging, &err));
    assert_int_equal(staging_file(staging, 0)->found, STAGED_PART);
    assert_int_equal(staging_file(staging, 1)->found, STAGED_NONE);
    fd = staging_open_part(staging, staging_file(staging, 0), &have, &err);
    assert_int_equal(have, 2);
    assert_true(beneath_write_all(fd, "XXXXXXXX", 8));
    close(fd);
    fd = staging_open_part(staging, staging_file(staging, 0), &have, &err);
    assert_int_equal(have, 0); /* longer than the manifest says: emptied */
    close(fd);
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

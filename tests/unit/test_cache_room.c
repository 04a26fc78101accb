/* Room in the library: who goes, who stays, in simulated time. */
#include "agent/cache/contents.h"
#include "policy/base/beneath.h"
#include "policy/base/limits.h"
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
#include <sys/file.h>
#include <unistd.h>

#define HOUR_MS  INT64_C(3600000)
#define START_MS (INT64_C(1767225600) * 1000) /* 2026-01-01 */

struct fixture {
    char folder[64];
    struct cache *cache;
    struct clock clock;
    int64_t now;
    const char *pinned; /* content IDs, a letter each */
};

static int64_t wall(void *arg)
{
    return ((struct fixture *)arg)->now;
}

static bool is_pinned(void *arg, const char *content_id, int64_t version)
{
    (void)version;
    return strchr(((struct fixture *)arg)->pinned, *content_id) != NULL;
}

static void open_cache(struct fixture *f, struct cache_rules rules)
{
    struct error err;
    *f = (struct fixture){.now = START_MS, .pinned = "", .clock = {.wall = wall, .arg = f}};
    snprintf(f->folder, sizeof f->folder, "/tmp/nearpoint-room-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    rules.is_pinned = is_pinned;
    rules.arg = f;
    const struct cache_options options = {.folder = f->folder, .rules = rules, .clock = &f->clock};
    f->cache = cache_open(&options, &err);
    assert_non_null(f->cache);
}

static void close_cache(struct fixture *f)
{
    cache_close(f->cache);
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY);
    beneath_remove(tmp, f->folder + strlen("/tmp/"), NULL);
    close(tmp);
}

/* A file a letter of `files`, a MiB of that letter. */
static struct manifest make_manifest(const char *files)
{
    struct manifest manifest = {.count = strlen(files)};
    char *bytes = mem_resize(NULL, MIB, 1);
    manifest.files = mem_zero(manifest.count, sizeof *manifest.files);
    for (size_t i = 0; i < manifest.count; i++) {
        struct manifest_file *file = &manifest.files[i];
        memset(bytes, files[i], MIB);
        file->name = arena_copy_bytes(&manifest.arena, &files[i], 1);
        file->size = MIB;
        hash_bytes(HASH_SHA256, bytes, MIB, file->hash);
    }
    free(bytes);
    return manifest;
}

static void keep(struct staging *staging, struct staged_file *file)
{
    struct staged_part part;
    struct spans have = {0};
    struct error err = {0};
    char *bytes = mem_resize(NULL, MIB, 1);
    memset(bytes, *file->names[0], MIB);
    assert_true(staging_open_part(staging, file, &part, &have, &err));
    assert_true(beneath_write_all(part.fd, bytes, MIB));
    assert_true(staging_keep_part(staging, file, part.fd, file->file->hash, &err));
    assert_true(staging_close_part(file, &part, &err));
    free(bytes);
}

/* true, or the code of why there is no room. */
static bool bring(struct fixture *f, const char *content_id, const char *files, struct error *err)
{
    struct manifest manifest = make_manifest(files);
    struct staging *staging = staging_open(f->cache, content_id, 1, &manifest, err);
    assert_non_null(staging);
    bool ok = staging_survey(staging, err) && staging_keep_proven(staging, err) &&
              staging_make_room(staging, err);
    for (size_t i = 0; ok && i < staging_file_count(staging); i++)
        if (!staging_file(staging, i)->kept)
            keep(staging, staging_file(staging, i));
    assert_true(!ok || staging_publish(staging, err));
    staging_close(staging);
    manifest_free(&manifest);
    return ok;
}

/* The content IDs that are there, a letter each. */
static void list(const struct fixture *f, char text[16])
{
    struct cache_contents contents = {0};
    cache_list(f->cache, &contents);
    size_t count = 0;
    for (size_t i = 0; i < contents.count; i++)
        if (contents.list[i].state == CACHE_COMPLETE)
            text[count++] = *contents.list[i].content_id;
    text[count] = '\0';
    cache_contents_free(&contents);
}

static int hold(const struct fixture *f, const char *content_id)
{
    struct error err;
    int tree = *content_id ? cache_hold(f->cache, content_id, 1, &err) : -1;
    assert_true(!*content_id || tree >= 0);
    return tree;
}

/* A, B and C were brought in this order, an hour between; then N comes. Each row has twins with one
   fact changed. */
static const struct row {
    const char *what;
    int64_t megabytes;   /* the limit */
    int64_t keep_hours;  /* the tombstone time */
    int64_t later_hours; /* after C */
    const char *used;    /* again before that */
    const char *pinned, *held;
    const char *files[3]; /* of A, B, C */
    const char *wanted;   /* of N */
    const char *left;     /* in the end */
    const char *code;     /* "": there was room */
} rows[] = {
    {"there is room", 4, 1, 1, "", "", "", {"a", "b", "c"}, "n", "ABCN", ""},
    {"the oldest goes", 3, 1, 1, "", "", "", {"a", "b", "c"}, "n", "BCN", ""},
    {"one that was used again stays", 3, 1, 1, "A", "", "", {"a", "b", "c"}, "n", "ACN", ""},
    {"one that is pinned stays", 3, 1, 1, "", "A", "", {"a", "b", "c"}, "n", "ACN", ""},
    {"one that is read stays", 3, 1, 1, "", "", "A", {"a", "b", "c"}, "n", "ACN", ""},
    {"two go for a larger one", 3, 1, 1, "", "", "", {"a", "b", "c"}, "nm", "CN", ""},
    {"all are too young", 3, 4, 1, "", "", "", {"a", "b", "c"}, "n", "ABC", "CACHE_SIZE"},
    {"an hour later one is not", 3, 4, 2, "", "", "", {"a", "b", "c"}, "n", "BCN", ""},
    {"nothing goes in vain", 3, 4, 2, "", "", "", {"a", "b", "c"}, "nm", "ABC", "CACHE_SIZE"},
    {"all that may go is not enough",
     3,
     1,
     1,
     "",
     "",
     "",
     {"a", "b", "c"},
     "nmop",
     "ABC",
     "CACHE_SIZE"},
    {"what is pinned is not enough",
     3,
     1,
     1,
     "",
     "BC",
     "",
     {"a", "b", "c"},
     "nm",
     "ABC",
     "CACHE_SIZE"},
    {"shared bytes free nothing", 3, 1, 1, "", "", "", {"ab", "ab", "c"}, "n", "CN", ""},
    {"own bytes do", 3, 1, 1, "", "", "", {"a", "ab", "c"}, "n", "CN", ""},
    {"what it brings along costs nothing", 3, 1, 1, "", "", "", {"a", "b", "c"}, "a", "ABCN", ""},
    {"what it uses of the oldest stays", 3, 1, 1, "", "", "", {"a", "b", "c"}, "an", "CN", ""},
};

static void run_row(const struct row *row)
{
    static const char *const names[] = {"A", "B", "C"};
    struct fixture f;
    struct error err = {0};
    char left[16];
    open_cache(&f, (struct cache_rules){.megabytes = row->megabytes,
                                        .keep_seconds = row->keep_hours * 3600});
    for (size_t i = 0; i < 3; i++) {
        f.now += HOUR_MS;
        assert_true(bring(&f, names[i], row->files[i], &err));
    }
    if (*row->used)
        cache_touch(f.cache, row->used, 1);
    f.now += row->later_hours * HOUR_MS;
    f.pinned = row->pinned;
    int held = hold(&f, row->held);
    bool ok = bring(&f, "N", row->wanted, &err);
    list(&f, left);
    if (held >= 0)
        close(held);
    if (ok != (*row->code == '\0') || strcmp(err.code, row->code) != 0 ||
        strcmp(left, row->left) != 0)
        fail_msg("%s: left %s, %s %s", row->what, left, err.code, err.text);
    close_cache(&f);
}

static void test_who_goes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

/* A month of a content a day: the library never holds more than its limit, and always the newest.
 */
static void test_a_month(void **state)
{
    (void)state;
    struct fixture f;
    struct error err;
    open_cache(&f, (struct cache_rules){.megabytes = 8, .keep_seconds = 86400});
    for (int day = 0; day < 30; day++) {
        char id[16], files[3] = {(char)('0' + day), (char)('a' + day % 26), '\0'};
        snprintf(id, sizeof id, "D%02d", day);
        f.now += 24 * HOUR_MS;
        assert_true(bring(&f, id, files, &err));
        struct cache_contents contents = {0};
        cache_list(f.cache, &contents);
        assert_true(contents.count <= 4 + (day >= 26));
        assert_string_equal(contents.list[contents.count - 1].content_id, id);
        cache_contents_free(&contents);
    }
    close_cache(&f);
}

/* A clock that went back takes nothing away. */
static void test_a_clock_that_went_back(void **state)
{
    (void)state;
    struct fixture f;
    struct error err;
    open_cache(&f, (struct cache_rules){.megabytes = 1, .keep_seconds = 60});
    assert_true(bring(&f, "A", "a", &err));
    f.now -= 1000 * HOUR_MS;
    assert_false(bring(&f, "N", "n", &err));
    assert_string_equal(err.code, "CACHE_SIZE");
    f.now += 1001 * HOUR_MS;
    assert_true(bring(&f, "N", "n", &err));
    close_cache(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_goes),
        cmocka_unit_test(test_a_month),
        cmocka_unit_test(test_a_clock_that_went_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

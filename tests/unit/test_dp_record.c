/* The record of a published content: written, read back, and what is no record. */
#include "agent/publish/dp_record.h"

#include "policy/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define HASH_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

/* Of Python's uuid.uuid5. */
static void test_policy_ids(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"PS100001", "{D7F50B00-124A-5876-90FA-6642F71BC984}"},
        {"Content_6f1d2c3b-8a4e-4d5f-9b60-71c2d3e4f506", "{0590E192-5CB9-5FCE-8E6A-FA9ECAB929E2}"},
        {"x", "{5F8E9B05-2A7A-5407-9E65-D661ED2027E0}"},
        {"{A}", "{C3FB8339-2807-53E9-953C-4899639D1E50}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char id[DP_RECORD_POLICY_ID_SIZE];
        dp_record_policy_id(rows[i][0], id);
        assert_string_equal(id, rows[i][1]);
    }
}

static struct tree_entry entries[] = {
    {.name = "a & \"b\" <c>.txt", .kind = TREE_FILE, .stamp = {.size = 5}, .sha256 = HASH_A},
    {.name = "leer", .kind = TREE_FOLDER},
    {.name = "sub", .kind = TREE_FOLDER},
    {.name = "sub/\xC3\x9F", .kind = TREE_FILE, .stamp = {.size = 1L << 40}, .sha256 = HASH_B},
};
static const struct tree tree = {
    .count = 4, .entries = entries, .file_count = 2, .knows_folders = true};

/* A folder with `text` as its record; NULL: none. Returns its descriptor. */
static int folder_with(const char *text, size_t len)
{
    char path[] = "/tmp/nearpoint-unit-XXXXXX";
    assert_non_null(mkdtemp(path));
    int dir = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(dir >= 0);
    if (text) {
        assert_int_equal(mkdirat(dir, ".nearpoint", 0755), 0);
        int fd = openat(dir, DP_RECORD_NAME, O_WRONLY | O_CREAT, 0644);
        assert_int_equal(write(fd, text, len), len);
        close(fd);
    }
    return dir;
}

static void remove_folder(int dir)
{
    char link[64], path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    ssize_t len = readlink(link, path, sizeof path - 1);
    assert_true(len > 0);
    path[len] = '\0';
    unlinkat(dir, DP_RECORD_NAME, 0);
    unlinkat(dir, ".nearpoint", AT_REMOVEDIR);
    close(dir);
    assert_int_equal(rmdir(path), 0);
}

static bool read_text(struct dp_record *record, const char *text, size_t len, struct error *err)
{
    int dir = folder_with(text, len);
    bool ok = dp_record_read(record, dir, "PS100001", err);
    remove_folder(dir);
    return ok;
}

static void test_read_back(void **state)
{
    (void)state;
    struct buf text = {0};
    struct dp_record record;
    struct error err;
    dp_record_write(&text, "PS100001", 4294967295, &tree, HASH_B);
    assert_true(read_text(&record, text.data, text.len, &err));
    assert_string_equal(record.content_id, "PS100001");
    assert_int_equal(record.version, 4294967295);
    assert_string_equal(record.folder_hash, HASH_B);
    assert_int_equal(record.files.count, 2);
    assert_false(record.files.knows_folders);
    assert_int_equal(record.files.bytes, (1L << 40) + 5);
    for (size_t i = 0; i < 4; i += 3) {
        const struct tree_entry *file = tree_find(&record.files, entries[i].name);
        assert_non_null(file);
        assert_int_equal(file->stamp.size, entries[i].stamp.size);
        assert_string_equal(file->sha256, entries[i].sha256);
    }
    dp_record_free(&record);
    buf_free(&text);
}

/* The text with one word put in another's place; the caller frees it. */
static char *changed(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    struct buf out = {0};
    buf_append(&out, text, (size_t)(at - text));
    buf_append_text(&out, to);
    buf_append_text(&out, at + strlen(from));
    return out.data;
}

static void test_what_is_no_record(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"class=\"NP_Content\"", "class=\"NP_Contents\""},
        {"class=\"NP_ContentHash\"", "class=\"NP_Contents\""},
        {"class=\"NP_ContentHash\"", "class=\"NP_Content\""},
        {"<value>PS100001</value>", "<value>PS100002</value>"},
        {"<value>PS100001</value>", "<value>..</value>"},
        {"<value>PS100001</value>", ""},
        {"<value>3</value>", "<value>4</value>"},
        {"<value>3</value>", "<value>-1</value>"},
        {"<value>3</value>", ""},
        {"ContentId=&quot;PS100001", "ContentId=&quot;PS100002"},
        {"Version=&quot;3", "Version=&quot;4"},
        {"SHA256&quot; Size=&quot;5&quot; Hash=&quot;" HASH_A,
         "SHA1&quot; Size=&quot;5&quot; Hash=&quot;AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"&lt;Content ", "&lt;Contents "},
        {"Name=&quot;sub/", "Name=&quot;../"},
        {"<value>" HASH_B, "<value>"},
        {"</Policy>", ""},
    };
    struct buf text = {0};
    struct dp_record record;
    struct error err;
    dp_record_write(&text, "PS100001", 3, &tree, HASH_B);
    assert_true(read_text(&record, text.data, text.len, &err));
    dp_record_free(&record);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *other = changed(text.data, rows[i][0], rows[i][1]);
        if (read_text(&record, other, strlen(other), &err))
            fail_msg("taken: %s for %s", rows[i][1], rows[i][0]);
        assert_string_equal(err.code, "RECORD");
        assert_int_equal(err.kind, ERROR_FAILED);
        free(other);
    }
    assert_false(read_text(&record, NULL, 0, &err));
    assert_string_equal(err.code, "NO_RECORD");
    assert_false(read_text(&record, "", 0, &err));
    assert_string_equal(err.code, "RECORD");
    buf_free(&text);
}

static void test_what_fits(void **state)
{
    (void)state;
    struct error err;
    assert_true(dp_record_fits("PS100001", 3, &tree, "DIR", &err));
    struct tree_entry bad = {.name = "a\xEF\xBF\xBF", .kind = TREE_FILE};
    struct tree one = {.count = 1, .entries = &bad, .file_count = 1};
    assert_false(dp_record_fits("PS100001", 3, &one, "DIR", &err));
    assert_non_null(strstr(err.text, "XML does not have"));
    assert_int_equal(err.kind, ERROR_INPUT);
    bad.name = "a\xEF\xBF\xBD";
    assert_true(dp_record_fits("PS100001", 3, &one, "DIR", &err));

    /* A line of a manifest is some 130 bytes. */
    struct tree many = {.count = 700000, .file_count = 700000};
    many.entries = mem_zero(many.count, sizeof *many.entries);
    for (size_t i = 0; i < many.count; i++)
        many.entries[i].name = "a";
    assert_false(dp_record_fits("PS100001", 3, &many, "DIR", &err));
    assert_non_null(strstr(err.text, "over the limit of 67108864"));
    many.count = many.file_count = 400000;
    assert_true(dp_record_fits("PS100001", 3, &many, "DIR", &err));
    free(many.entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_ids),
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_what_is_no_record),
        cmocka_unit_test(test_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

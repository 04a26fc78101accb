/* The ground: errors, memory, buffers, text from outside, digests, files beneath a descriptor. */
#include "policy/base/beneath.h"
#include "policy/base/buf.h"
#include "policy/base/error.h"
#include "policy/base/hash.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Text */

static void test_case_is_ascii_only(void **state)
{
    (void)state;
    assert_true(text_equal("AllowCloudDP", "allowclouddp"));
    assert_false(text_equal("AllowCloudDP", "AllowCloudD"));
    assert_false(text_equal("\xC3\x89", "\xC3\xA9"));
    assert_true(text_compare("a", "B") < 0);
    assert_true(text_compare("a_", "aZ") < 0);
    assert_true(text_starts_with("SMS:PS1", "SMS:"));
    assert_false(text_starts_with("sms:PS1", "SMS:"));
    assert_true(text_ends_with("a.XML", ".xml"));
    assert_false(text_ends_with("xml", ".xml"));
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t min, max, value;
        bool ok;
    } rows[] = {
        {"0", 0, 9, 0, true},
        {"9", 0, 9, 9, true},
        {"10", 0, 9, 0, false},
        {"-1", -1, 9, -1, true},
        {"-2", -1, 9, 0, false},
        {"9223372036854775807", 0, INT64_MAX, INT64_MAX, true},
        {"9223372036854775808", 0, INT64_MAX, 0, false},
        {"-9223372036854775808", INT64_MIN, 0, INT64_MIN, true},
        {"-9223372036854775809", INT64_MIN, 0, 0, false},
        {"99999999999999999999", 0, INT64_MAX, 0, false},
        {"", 0, 9, 0, false},
        {"-", -9, 9, 0, false},
        {"+1", 0, 9, 0, false},
        {" 1", 0, 9, 0, false},
        {"1 ", 0, 9, 0, false},
        {"1x", 0, 9, 0, false},
        {"0x1", 0, 9, 0, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t value = 77;
        if (text_to_int(rows[i].text, rows[i].min, rows[i].max, &value) != rows[i].ok)
            fail_msg("'%s'", rows[i].text);
        assert_int_equal(value, rows[i].ok ? rows[i].value : 77);
    }
}

static void test_booleans(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "TRUE", "True", "1", "-1"};
    static const char *const no[] = {"false", "FALSE", "False", "0"};
    static const char *const neither[] = {"", "yes", "2", "-0", " true", "truex"};
    bool value = false;
    for (size_t i = 0; i < COUNT(yes); i++)
        assert_true(text_to_bool(yes[i], &value) && value);
    for (size_t i = 0; i < COUNT(no); i++)
        assert_true(text_to_bool(no[i], &value) && !value);
    for (size_t i = 0; i < COUNT(neither); i++)
        assert_false(text_to_bool(neither[i], &value));
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {
        "", "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xC3",
                                      "\xC0\xBC",
                                      "\xE0\x80\xAF",
                                      "\xED\xA0\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF8\x88\x80\x80\x80",
                                      "\xC3(",
                                      "\xE2\x82"};
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
}

static void test_escape(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"plain \xC3\xA9", "plain \xC3\xA9"},
        {"a\nb\tc\x1B[2J", "a\\x0Ab\\x09c\\x1B[2J"},
        {"\x7F", "\\x7F"},
        {"\xC2\x9B", "\\u{009B}"},
        {"\xE2\x80\xAE", "\\u{202E}"},
        {"\xE2\x81\xA6", "\\u{2066}"},
        {"\xE2\x80\xA8", "\\u{2028}"},
        {"\xEF\xBB\xBF", "\\u{FEFF}"},
        {"\xC3(", "\\xC3("},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        text_escape(&out, rows[i].text, strlen(rows[i].text), 100);
        assert_string_equal(out.data, rows[i].want);
        buf_free(&out);
    }
    struct buf out = {0};
    buf_append_text(&out, "x");
    text_escape(&out, "a\nb", 3, 4);
    assert_string_equal(out.data, "xa...");
    buf_free(&out);
}

static void test_content_ids(void **state)
{
    (void)state;
    static const char *const good[] = {"PS100001", "Content_1b8-2.3", "{a}", "a.b", "_"};
    static const char *const bad[] = {"", ".", "..", "a..b", "a/b", "a b", "a\n", "\xC3\xA9", "a%"};
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(text_is_content_id(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(text_is_content_id(bad[i]));
    char longest[LIMIT_CONTENT_ID + 2];
    memset(longest, 'a', sizeof longest);
    longest[LIMIT_CONTENT_ID] = '\0';
    assert_true(text_is_content_id(longest));
    longest[LIMIT_CONTENT_ID] = 'a';
    longest[LIMIT_CONTENT_ID + 1] = '\0';
    assert_false(text_is_content_id(longest));
}

static void test_hosts(void **state)
{
    (void)state;
    static const char *const good[] = {
        "dp1", "dp1.contoso.test", "dp_1", "10.1.2.3", "fe80::1", "::1", "a-b"};
    static const char *const bad[] = {"",    "a b",  "a/b",   "-a",  "a-",  "a..b", ".a",
                                      "a.",  "a:80", "[::1]", "u@a", "a?b", "a\n",  "\xC3\xA9.test",
                                      "a%41"};
    for (size_t i = 0; i < COUNT(good); i++)
        if (!text_is_host(good[i]))
            fail_msg("'%s'", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (text_is_host(bad[i]))
            fail_msg("'%s'", bad[i]);
    char label[66];
    memset(label, 'a', sizeof label);
    label[63] = '\0';
    assert_true(text_is_host(label));
    label[63] = 'a';
    label[64] = '\0';
    assert_false(text_is_host(label));
}

static void test_file_names_by_length(void **state)
{
    (void)state;
    char name[LIMIT_NAME_BYTES + 2];
    memset(name, 'a', sizeof name);
    name[LIMIT_NAME_SEGMENT] = '\0';
    assert_null(text_refuse_file_name(name, LIMIT_NAME_SEGMENT));
    name[LIMIT_NAME_SEGMENT] = 'a';
    assert_string_equal(text_refuse_file_name(name, LIMIT_NAME_SEGMENT + 1),
                        "has a segment over 255 bytes");
    for (size_t i = 1; i < LIMIT_NAME_BYTES; i += 2)
        name[i] = '/';
    name[LIMIT_NAME_BYTES - 1] = 'a';
    assert_null(text_refuse_file_name(name, LIMIT_NAME_BYTES - 1));
    assert_string_equal(text_refuse_file_name(name, LIMIT_NAME_BYTES + 1),
                        "is longer than 4096 bytes");
    assert_string_equal(text_refuse_file_name("a\0b", 3), "has a control character");
    assert_string_equal(text_refuse_file_name("\xC3(", 2), "is not UTF-8");
}

/* Memory and buffers */

static void test_an_arena_keeps_what_it_gave(void **state)
{
    (void)state;
    struct arena arena = {0};
    char *texts[3000];
    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t len = i % 7 == 0 ? i * 20 : i % 13;
        char *bytes = mem_zero(len + 1, 1);
        memset(bytes, 'a' + (int)(i % 26), len);
        texts[i] = arena_copy_bytes(&arena, bytes, len);
        uint64_t *aligned = arena_zero(&arena, 2, sizeof *aligned);
        assert_int_equal((uintptr_t)aligned % _Alignof(max_align_t), 0);
        assert_int_equal(aligned[0] | aligned[1], 0);
        aligned[0] = aligned[1] = UINT64_MAX;
        free(bytes);
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t len = i % 7 == 0 ? i * 20 : i % 13;
        assert_int_equal(strlen(texts[i]), len);
        assert_int_equal(strspn(texts[i], (char[]){(char)('a' + i % 26), '\0'}), len);
    }
    assert_string_equal(arena_format(&arena, "%s-%d", "x", 5), "x-5");
    arena_free(&arena);
    assert_null(arena.last);
}

static void test_buffers(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_append(&buf, "", 0);
    assert_string_equal(buf.data, "");
    for (int i = 0; i < 1000; i++)
        buf_format(&buf, "%03d", i);
    assert_int_equal(buf.len, 3000);
    assert_int_equal(strlen(buf.data), 3000);
    assert_int_equal(memcmp(buf.data + 2997, "999", 3), 0);
    buf_clear(&buf);
    assert_string_equal(buf.data, "");
    buf_free(&buf);
    assert_null(buf.data);
}

/* Errors */

static void test_an_error_on_one_line(void **state)
{
    (void)state;
    struct error err;
    assert_false(error_set(&err, ERROR_INPUT, BLAME_POLICY, "CODE", "a\nb.xml:3", "is %s",
                           "bad\x1B[31m\nnearpoint: all is well"));
    assert_int_equal(err.kind, 3);
    assert_string_equal(error_blame_word(err.blame), "policy");
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    error_print(out, &err);
    fclose(out);
    assert_string_equal(text,
                        "nearpoint: a\\x0Ab.xml:3: is bad\\x1B[31m\\x0Anearpoint: all is well\n");
    free(text);
    errno = ENOSPC;
    assert_false(error_errno(&err, "file", "cannot write %d", 1));
    assert_string_equal(err.code, "ENOSPC");
    assert_int_equal(err.blame, BLAME_DISK);
    assert_string_equal(err.text, "cannot write 1: No space left on device");
    assert_false(error_set(NULL, ERROR_FAILED, BLAME_NONE, NULL, NULL, "x"));
}

/* Digests */

static void test_digests(void **state)
{
    (void)state;
    char hex[HASH_HEX_MAX];
    hash_bytes(HASH_SHA256, "abc", 3, hex);
    assert_string_equal(hex, "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
    hash_bytes(HASH_SHA1, "abc", 3, hex);
    assert_string_equal(hex, "A9993E364706816ABA3E25717850C26C9CD0D89D");
    struct hash *hash = hash_create(HASH_SHA1);
    hash_update(hash, "zz", 2);
    hash_restart(hash);
    hash_update(hash, "a", 1);
    hash_update(hash, "bc", 2);
    hash_finish(hash, hex);
    assert_string_equal(hex, "A9993E364706816ABA3E25717850C26C9CD0D89D");
    hash_free(hash);
    assert_true(hash_parse(HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89D", hex));
    assert_string_equal(hex, "A9993E364706816ABA3E25717850C26C9CD0D89D");
    assert_false(hash_parse(HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89", hex));
    assert_false(hash_parse(HASH_SHA1, "g9993e364706816aba3e25717850c26c9cd0d89d", hex));
    assert_false(hash_parse(HASH_SHA256, "a9993e364706816aba3e25717850c26c9cd0d89d", hex));
}

/* Files beneath a descriptor */

struct place {
    char path[40];
    int dir;
};

static int make_place(void **state)
{
    struct place *place = mem_zero(1, sizeof *place);
    strncpy(place->path, "/tmp/nearpoint-base-XXXXXX", sizeof place->path - 1);
    assert_non_null(mkdtemp(place->path));
    place->dir = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->dir >= 0);
    *state = place;
    return 0;
}

static int drop_place(void **state)
{
    struct place *place = *state;
    struct error err = {0};
    int parent = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(place->dir);
    assert_true(beneath_remove(parent, place->path + strlen("/tmp/"), &err));
    close(parent);
    free(place);
    return 0;
}

static void assert_not_opened(const struct place *place, const char *path)
{
    int fd = beneath_open(place->dir, path, O_RDONLY, 0);
    if (fd >= 0)
        fail_msg("'%s' was opened", path);
}

static void test_nothing_outside_is_opened(void **state)
{
    struct place *place = *state;
    struct error err = {0};
    assert_true(beneath_replace(place->dir, "file", "x", 1, 0600, &err));
    assert_int_equal(symlinkat("/etc/hostname", place->dir, "out"), 0);
    assert_int_equal(symlinkat("file", place->dir, "in"), 0);
    assert_int_equal(symlinkat(".", place->dir, "folder"), 0);
    assert_not_opened(place, "out");
    assert_not_opened(place, "in");
    assert_not_opened(place, "folder/file");
    assert_not_opened(place, "../../etc/hostname");
    assert_not_opened(place, "/etc/hostname");
    int fd = beneath_open(place->dir, "file", O_RDONLY, 0);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    fd = beneath_open(place->dir, "", O_RDONLY | O_DIRECTORY, 0);
    assert_true(fd >= 0);
    close(fd);
    /* Removing a link leaves what it points to. */
    assert_true(beneath_remove(place->dir, "out", &err));
    assert_int_equal(access("/etc/hostname", F_OK), 0);
}

static void test_folders_are_made_and_removed(void **state)
{
    struct place *place = *state;
    struct error err = {0};
    assert_true(beneath_make_folders(place->dir, "a/b/c", 0700, &err));
    assert_true(beneath_make_folders(place->dir, "a/b/c", 0700, &err));
    assert_true(beneath_replace(place->dir, "a/b/c/file", "x", 1, 0600, &err));
    assert_false(beneath_make_folders(place->dir, "a/b/c/file/d", 0700, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
    assert_true(beneath_link(place->dir, "a/b/c/file", "a/link"));
    assert_true(beneath_rename(place->dir, "a/link", "a/b/moved", 0));
    assert_true(beneath_remove(place->dir, "a", &err));
    assert_int_equal(faccessat(place->dir, "a", F_OK, 0), -1);
    assert_true(beneath_remove(place->dir, "a", &err));
    assert_true(beneath_remove(place->dir, "a/none", &err));
}

static void test_a_file_is_replaced_whole(void **state)
{
    struct place *place = *state;
    struct error err = {0};
    struct buf text = {0};
    struct stat st;
    assert_true(beneath_replace(place->dir, "f", "first", 5, 0640, &err));
    assert_true(beneath_replace(place->dir, "f", "second", 6, 0640, &err));
    assert_true(beneath_read(place->dir, "f", 6, &text, &err));
    assert_string_equal(text.data, "second");
    assert_int_equal(fstatat(place->dir, "f", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    buf_clear(&text);
    assert_false(beneath_read(place->dir, "f", 5, &text, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.code, "TOO_LARGE");
    assert_false(beneath_replace(place->dir, "none/f", "x", 1, 0600, &err));
    assert_string_equal(err.code, "ENOENT");
    buf_free(&text);
}

static void test_only_regular_files_are_read(void **state)
{
    struct place *place = *state;
    struct error err = {0};
    struct buf text = {0};
    assert_int_equal(mkfifoat(place->dir, "fifo", 0600), 0);
    assert_int_equal(mkdirat(place->dir, "folder", 0700), 0);
    alarm(10);
    assert_false(beneath_read(place->dir, "fifo", 10, &text, &err));
    assert_string_equal(err.code, "NOT_A_FILE");
    assert_false(beneath_read(place->dir, "folder", 10, &text, &err));
    assert_false(beneath_read(place->dir, "none", 10, &text, &err));
    assert_string_equal(err.code, "ENOENT");
    alarm(0);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_case_is_ascii_only),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_content_ids),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_file_names_by_length),
        cmocka_unit_test(test_an_arena_keeps_what_it_gave),
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_an_error_on_one_line),
        cmocka_unit_test(test_digests),
        cmocka_unit_test_setup_teardown(test_nothing_outside_is_opened, make_place, drop_place),
        cmocka_unit_test_setup_teardown(test_folders_are_made_and_removed, make_place, drop_place),
        cmocka_unit_test_setup_teardown(test_a_file_is_replaced_whole, make_place, drop_place),
        cmocka_unit_test_setup_teardown(test_only_regular_files_are_read, make_place, drop_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

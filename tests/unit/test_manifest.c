/* Manifests: what is read, and the names, sizes and digests that are refused. */
#include "policy/manifest.h"

#include "policy/base/buf.h"
#include "policy/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SHA256_A "CA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785AFEE48BB"
#define SHA1_A   "86F7E437FAA5A7FCE15D1DDCB9EAEAEA377667B8"
#define NOTHING  "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"

static void add_file(struct buf *text, const char *name)
{
    buf_format(text,
               "<FileContent Name=\"%s\" Hash=\"" SHA256_A
               "\" HashAlgorithm=\"SHA256\" Size=\"1\"/>\n",
               name);
}

static bool read_text(struct manifest *manifest, const char *text, struct error *err)
{
    *err = (struct error){0};
    return manifest_read(manifest, text, strlen(text), "doc.xml:7", err);
}

/* A manifest of the two names. */
static bool read_names(struct manifest *manifest, const char *first, const char *second,
                       struct error *err)
{
    struct buf text = {0};
    buf_append_text(&text, "<Content>\n");
    add_file(&text, first);
    if (second)
        add_file(&text, second);
    buf_append_text(&text, "</Content>");
    bool ok = read_text(manifest, text.data, err);
    buf_free(&text);
    return ok;
}

static void assert_refusal(const struct error *err, const char *words)
{
    assert_int_equal(err->kind, ERROR_INPUT);
    assert_int_equal(err->blame, BLAME_POLICY);
    assert_string_equal(err->code, "MANIFEST");
    assert_int_equal(strncmp(err->where, "doc.xml:7:", 10), 0);
    if (!strstr(err->text, words))
        fail_msg("'%s' does not say '%s'", err->text, words);
}

static void test_a_manifest(void **state)
{
    (void)state;
    struct manifest manifest;
    struct error err;
    assert_true(read_text(
        &manifest,
        "<?xml version=\"1.0\"?><Content ContentId=\"PS100001\" Version=\"3\">\n"
        "<Pack Name=\"x\" Size=\"1\"/>"
        "<FileContent Name=\"b/&#xE9; &amp; c.txt\" Hash=\"ca978112ca1bbdcafac231b39a23dc4da786eff8"
        "147c4e72b9807785afee48bb\" HashAlgorithm=\"SHA256\" Size=\"1\" Pack=\"x\" Offset=\"0\"/>"
        "<FileContent Name=\"a\" Hash=\"" SHA1_A "\" HashAlgorithm=\"sha1\" Size=\"40\"/>"
        "<FileContent Name=\"e\" Hash=\"" NOTHING "\" HashAlgorithm=\"SHA256\" Size=\"0\"/>"
        "</Content>",
        &err));
    assert_int_equal(manifest.count, 3);
    assert_int_equal(manifest.bytes, 41);
    assert_string_equal(manifest.content_id, "PS100001");
    assert_string_equal(manifest.version, "3");
    assert_string_equal(manifest.files[0].name, "b/\xC3\xA9 & c.txt");
    assert_string_equal(manifest.files[0].hash, SHA256_A);
    assert_int_equal(manifest.files[1].algorithm, HASH_SHA1);
    assert_int_equal(manifest.files[1].size, 40);
    manifest_free(&manifest);
    assert_true(read_text(&manifest, "<Content/>", &err));
    assert_int_equal(manifest.count, 0);
    assert_null(manifest.content_id);
    manifest_free(&manifest);
}

static void test_one_digest_one_size(void **state)
{
    (void)state;
    static const char *const sizes[] = {"1", "2"};
    for (size_t i = 0; i < 2; i++) {
        struct manifest manifest;
        struct error err;
        char *text = mem_format("<Content><FileContent Name=\"a\" Hash=\"%s\" "
                                "HashAlgorithm=\"SHA256\" Size=\"1\"/><FileContent Name=\"b\" "
                                "Hash=\"%s\" HashAlgorithm=\"SHA256\" Size=\"%s\"/></Content>",
                                SHA256_A, SHA256_A, sizes[i]);
        bool ok = read_text(&manifest, text, &err);
        assert_int_equal(ok, i == 0);
        if (ok)
            manifest_free(&manifest);
        else
            assert_refusal(&err, "one digest and two sizes");
        free(text);
    }
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *bad, *why, *good;
    } rows[] = {
        {"", "is empty", "a"},
        {"/etc/passwd", "is absolute", "etc/passwd"},
        {"../a", "has a '..' segment", "..a"},
        {"a/../../b", "has a '..' segment", "a/..b/b"},
        {"./a", "has a '.' segment", ".a"},
        {"a//b", "has an empty segment", "a/b"},
        {"a/", "has an empty segment", "a"},
        {"a\\b", "has a backslash", "a b"},
        {"a&#10;b", "has a control character", "a&#xA0;b"},
        {"a&#x9b;b", "has a control character", "a-b"},
        {".nearpoint/x", "is reserved", ".nearpoint"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct manifest manifest;
        struct error err;
        assert_false(read_names(&manifest, "first", rows[i].bad, &err));
        assert_refusal(&err, rows[i].why);
        assert_string_equal(err.where, "doc.xml:7:3");
        if (!read_names(&manifest, "first", rows[i].good, &err))
            fail_msg("'%s': %s", rows[i].good, err.text);
        manifest_free(&manifest);
    }
}

static void test_names_that_clash(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *why; /* NULL: they may stand */
    } rows[] = {
        {"a/b", "a/b", "the file 'a/b' stands twice"},
        {"A/b", "a/B", "differs by case only, as 'a/B'"},
        {"\u00dcbung", "\u00fcbung", "differs by case only, as '\u00fcbung'"},
        {"\u00dc", "\u00fc/x", "is a file and also a folder, of '\u00fc/x'"},
        {"a/b", "a/c", NULL},
        {"a", "a/b", "the file 'a' is a file and also a folder, of 'a/b'"},
        {"x/a/b/c", "X/A", "is a file and also a folder, of"},
        {"a", "ab/c", NULL},
        {"a", "a.b", NULL},
        {"a-b", "a/b", NULL},
        {"D/a", "d/b", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct manifest manifest;
        struct error err;
        bool ok = read_names(&manifest, rows[i].first, rows[i].second, &err);
        if (ok != (rows[i].why == NULL))
            fail_msg("%s, %s: %s", rows[i].first, rows[i].second, err.text);
        if (ok)
            manifest_free(&manifest);
        else
            assert_refusal(&err, rows[i].why);
    }
}

/* Between a file and its folder's files other names may come in other orders. */
static void test_a_clash_among_many(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, "<Content>");
    static const char *const names[] = {"a!", "a", "a b", "a-", "a.txt", "A/z", "a0", "b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add_file(&text, names[i]);
    buf_append_text(&text, "</Content>");
    struct manifest manifest;
    struct error err;
    assert_false(read_text(&manifest, text.data, &err));
    assert_refusal(&err, "the file 'a' is a file and also a folder, of 'A/z'");
    buf_free(&text);
}

static void test_attributes(void **state)
{
    (void)state;
    static const struct {
        const char *attributes, *why; /* NULL: it may stand */
    } rows[] = {
        {"Name=\"a\" Hash=\"" SHA256_A "\" HashAlgorithm=\"SHA256\" Size=\"1\"", NULL},
        {"Hash=\"" SHA256_A "\" HashAlgorithm=\"SHA256\" Size=\"1\"", "has no Name"},
        {"Name=\"a\" HashAlgorithm=\"SHA256\" Size=\"1\"", "has no Hash"},
        {"Name=\"a\" Hash=\"" SHA256_A "\" Size=\"1\"", "has no Hash of its HashAlgorithm"},
        {"Name=\"a\" Hash=\"" SHA256_A "\" HashAlgorithm=\"MD5\" Size=\"1\"", "has no Hash of its"},
        {"Name=\"a\" Hash=\"" SHA1_A "\" HashAlgorithm=\"SHA256\" Size=\"1\"",
         "has no Hash of its"},
        {"Name=\"a\" Hash=\"" SHA256_A "\" HashAlgorithm=\"SHA1\" Size=\"1\"",
         "has no Hash of its"},
        {"Name=\"a\" Hash=\"" SHA256_A "0\" HashAlgorithm=\"SHA256\" Size=\"1\"", "has no Hash of"},
        {"Name=\"a\" Hash=\"" SHA256_A "\" HashAlgorithm=\"SHA256\"", "has no Size"},
        {"Name=\"a\" Hash=\"" SHA256_A "\" HashAlgorithm=\"SHA256\" Size=\"-1\"", "has no Size"},
        {"Name=\"a\" Hash=\"" SHA256_A "\" HashAlgorithm=\"SHA256\" Size=\"1k\"", "has no Size"},
        {"Name=\"a\" Hash=\"" SHA256_A "\" HashAlgorithm=\"SHA256\" Size=\"9223372036854775808\"",
         "has no Size"},
        {"Name=\"a\" Hash=\"" SHA256_A "\" HashAlgorithm=\"SHA256\" Size=\"0\"",
         "is empty but has the digest of something"},
        {"Name=\"a\" Hash=\"" NOTHING "\" HashAlgorithm=\"SHA256\" Size=\"0\"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf text = {0};
        buf_format(&text, "<Content><FileContent %s/></Content>", rows[i].attributes);
        struct manifest manifest;
        struct error err;
        bool ok = read_text(&manifest, text.data, &err);
        if (ok != (rows[i].why == NULL))
            fail_msg("%s: %s", rows[i].attributes, err.text);
        if (ok)
            manifest_free(&manifest);
        else
            assert_refusal(&err, rows[i].why);
        buf_free(&text);
    }
}

static void test_the_sum_of_the_sizes(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, "<Content>");
    for (char name = 'a'; name <= 'b'; name++)
        buf_format(&text,
                   "<FileContent Name=\"%c\" Hash=\"" SHA256_A
                   "\" HashAlgorithm=\"SHA256\" Size=\"9223372036854775807\"/>",
                   name);
    buf_append_text(&text, "</Content>");
    struct manifest manifest;
    struct error err;
    assert_false(read_text(&manifest, text.data, &err));
    assert_refusal(&err, "the file 'b' makes the sum of the sizes overflow");
    buf_free(&text);
}

static void test_what_is_no_manifest(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "is empty"},
        {"nothing", "is not XML"},
        {"<Policy/>", "its root element is <Policy>, not <Content>"},
        {"<Content><x><FileContent/></x></Content>", "stands in the wrong place"},
        {"<!DOCTYPE Content><Content/>", "document type declaration"},
        {"<Content>", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct manifest manifest;
        struct error err;
        assert_false(read_text(&manifest, rows[i].text, &err));
        assert_refusal(&err, rows[i].why);
    }
}

static void test_as_many_files_as_may_stand(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, "<Content>");
    char name[32];
    for (int i = 0; i < LIMIT_MANIFEST_FILES; i++) {
        snprintf(name, sizeof name, "%03d/%06d", i % 1000, i);
        add_file(&text, name);
    }
    struct buf more = {0};
    buf_append(&more, text.data, text.len);
    add_file(&more, "one more");
    buf_append_text(&text, "</Content>");
    buf_append_text(&more, "</Content>");
    struct manifest manifest;
    struct error err;
    assert_true(read_text(&manifest, text.data, &err));
    assert_int_equal(manifest.count, LIMIT_MANIFEST_FILES);
    manifest_free(&manifest);
    assert_false(read_text(&manifest, more.data, &err));
    assert_refusal(&err, "has more than 1000000 files");
    buf_free(&text);
    buf_free(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_manifest),
        cmocka_unit_test(test_one_digest_one_size),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_that_clash),
        cmocka_unit_test(test_a_clash_among_many),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_the_sum_of_the_sizes),
        cmocka_unit_test(test_what_is_no_manifest),
        cmocka_unit_test(test_as_many_files_as_may_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

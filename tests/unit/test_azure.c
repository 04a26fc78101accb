/* What Azure says: lists of blobs, encryption data, tokens; and regions that are opened. */
#include "agent/publish/encrypt.h"
#include "agent/source/azure_names.h"
#include "agent/source/decrypt.h"
#include "policy/base/base64.h"
#include "policy/base/buf.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/sas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- base64 ---- */

static void test_base64(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        const char *bytes; /* NULL: refused */
    } rows[] = {
        {"", 0, ""},        {"Zg==", 1, "f"},        {"Zm8=", 2, "fo"},
        {"Zm9v", 3, "foo"}, {"Zm9vYg==", 4, "foob"}, {"Zg=", 1, NULL},
        {"Zg==", 2, NULL},  {"Zh==", 1, NULL},       {"Zm9=", 2, NULL},
        {"Z===", 1, NULL},  {"Zm 9v", 3, NULL},      {"Zm9v", 4, NULL},
        {"Zm9!", 3, NULL},  {"=m9v", 3, NULL},       {"Zm9v\n", 3, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[8] = "";
        assert_int_equal(base64_decode(rows[i].text, out, rows[i].len), rows[i].bytes != NULL);
        if (!rows[i].bytes)
            continue;
        assert_memory_equal(out, rows[i].bytes, rows[i].len);
        char *text = base64_encode(rows[i].bytes, rows[i].len);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

static void test_keys(void **state)
{
    static const char hex[] = "00112233445566778899aabbccddeeffABCDEF0123456789abcdef0123456789";
    static const char base64[] = "ABEiM0RVZneImaq7zN3u/6vN7wEjRWeJq83vASNFZ4k=";
    unsigned char a[32], b[32];
    (void)state;
    assert_true(base64_read_key(hex, a) && base64_read_key(base64, b));
    assert_memory_equal(a, b, sizeof a);
    assert_false(base64_read_key("", a));
    assert_false(
        base64_read_key("0g112233445566778899aabbccddeeffabcdef0123456789abcdef0123456789", a));
    assert_false(base64_read_key("ABEiM0RVZneImaq7zN3u/6vN7wEjRWeJq83vASNFZ4k", a));
}

/* ---- tokens ---- */

#define NOON 1795867200 /* 2026-11-28T12:00:00Z */

static void test_tokens(void **state)
{
    static const struct {
        const char *query;
        enum sas_state state;
    } rows[] = {
        {"sv=2021-08-06&sig=x", SAS_GOOD},
        {"sv=2021-08-06&sg=x", SAS_MALFORMED},
        {"se=2027-11-28T12:00:00Z&sig=x", SAS_GOOD},
        {"se=2027-11-28T12%3A00%3a00Z&sig=x", SAS_GOOD},
        {"se=2026-11-29T12:00:00Z&sig=x", SAS_ENDS_SOON},
        {"se=2026-11-29T12:00:01Z&sig=x", SAS_GOOD},
        {"se=2026-11-28T12:00:00Z&sig=x", SAS_ENDED},
        {"se=2026-11-28T12:00:01Z&sig=x", SAS_ENDS_SOON},
        {"se=2026-11-28T12:00Z&sig=x", SAS_ENDED},
        {"se=2026-11-28T12:01Z&sig=x", SAS_ENDS_SOON},
        {"se=2026-11-28&sig=x", SAS_ENDED},
        {"se=2026-11-30&sig=x", SAS_GOOD},
        {"se=2026-11-28T13:00:00&sig=x", SAS_ENDS_SOON},
        {"se=tomorrow&sig=x", SAS_MALFORMED},
        {"se=&sig=x", SAS_MALFORMED},
        {"st=2026-11-28T12:15:00Z&sig=x", SAS_GOOD},
        {"st=2026-11-28T12:15:01Z&sig=x", SAS_NOT_YET},
        {"st=2026-11-28T11:00:00Z&se=2028-01-01&sig=x", SAS_GOOD},
        {"st=never&sig=x", SAS_MALFORMED},
        {"rse=2020-01-01&sig=x", SAS_GOOD}, /* another parameter's end */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (sas_judge(rows[i].query, NOON).state != rows[i].state)
            fail_msg("%s: %d", rows[i].query, sas_judge(rows[i].query, NOON).state);
}

/* ---- lists ---- */

#define PAGE(blobs, marker)                                                                \
    "<?xml version='1.0'?><EnumerationResults><Blobs>" blobs "</Blobs><NextMarker>" marker \
    "</NextMarker></EnumerationResults>"
#define BLOB(name, size)                                                           \
    "<Blob><Name>" name "</Name><Properties><Etag>0x1</Etag><Content-Length>" size \
    "</Content-Length></Properties><Metadata><nearpoint>AB</nearpoint></Metadata></Blob>"

static bool take_blob(void *arg, const struct azure_blob *blob, struct error *err)
{
    buf_format(arg, "%.*s:%lld:%s;", (int)blob->name_len, blob->name, (long long)blob->size,
               blob->fingerprint);
    return strcmp(blob->name, "stop") != 0 ||
           error_set(err, ERROR_FAILED, BLAME_SOURCE, "STOP", NULL, "stopped");
}

/* "name:size:fingerprint;...|marker", or NULL where it is refused; in pieces of every length. */
static char *read_page(const char *text, size_t piece)
{
    struct buf out = {0};
    struct error err;
    char *marker = NULL;
    struct azure_names *names = azure_names_open(take_blob, &out);
    bool ok = true;
    size_t len = strlen(text);
    for (size_t at = 0; ok && at < len; at += piece)
        ok = azure_names_feed(names, text + at, len - at < piece ? len - at : piece, &err);
    ok = ok && azure_names_finish(names, &marker, &err);
    azure_names_close(names);
    if (ok)
        buf_format(&out, "|%s", marker);
    else
        assert_int_equal(err.blame, BLAME_SOURCE);
    free(marker);
    char *found = ok ? mem_copy_string(out.data) : NULL;
    buf_free(&out);
    return found;
}

static void test_lists(void **state)
{
    static const struct {
        const char *page, *found; /* NULL: refused */
    } rows[] = {
        {PAGE("", ""), "|"},
        {PAGE(BLOB("a", "1") BLOB("b/c", "22"), "next"), "a:1:AB;b/c:22:AB;|next"},
        {PAGE("<Blob><Name Encoded='true'>a%01b</Name><Properties><Content-Length>1"
              "</Content-Length></Properties></Blob>",
              ""),
         "a\001b:1:;|"},
        {PAGE("<Blob><Name>a%41</Name><Properties><Content-Length>1</Content-Length>"
              "</Properties></Blob>",
              ""),
         "a%41:1:;|"},
        {PAGE("<BlobPrefix><Name>x</Name></BlobPrefix>" BLOB("a", "1"), ""), "a:1:AB;|"},
        {PAGE(BLOB("a", ""), ""), NULL},
        {PAGE(BLOB("a", "-1"), ""), NULL},
        {PAGE(BLOB("a", "99999999999999999999"), ""), NULL},
        {PAGE(BLOB("", "1"), ""), NULL},
        {PAGE(BLOB("stop", "1"), ""), NULL},
        {"<Other/>", NULL},
        {"<EnumerationResults>", NULL},
        {"", NULL},
        {"text", NULL},
        {"<!DOCTYPE x><EnumerationResults/>", NULL},
        {"<EnumerationResults/>", "|"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t piece = 1; piece < 400; piece += 13) {
            char *found = read_page(rows[i].page, piece);
            if (!found != !rows[i].found || (found && strcmp(found, rows[i].found) != 0))
                fail_msg("%s: %s", rows[i].page, found ? found : "refused");
            free(found);
        }
}

/* ---- lengths ---- */

static void test_lengths(void **state)
{
    static const struct {
        int64_t plain, region, encrypted; /* -1: there is none */
    } rows[] = {
        {0, 1000, 0},
        {1, 1000, 29},
        {999, 1000, 1027},
        {1000, 1000, 1028},
        {1001, 1000, 1057},
        {2000, 1000, 2056},
        {-1, 1000, 1},
        {-1, 1000, 27},
        {0, 1000, 28},
        {-1, 1000, 1029},
        {-1, 1000, 1055},
        {1000, 1000, 1056},
        {LIMIT_BLOB_REGIONS, 1, 29L * LIMIT_BLOB_REGIONS},
        {-1, 1, 29L * LIMIT_BLOB_REGIONS + 29},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(decrypt_plain_length(rows[i].encrypted, rows[i].region), rows[i].plain);
        /* A last region may be empty when it is read; none is made. */
        bool empty = rows[i].plain % rows[i].region == 0 &&
                     rows[i].encrypted % (rows[i].region + DECRYPT_EXTRA) == DECRYPT_EXTRA;
        if (rows[i].plain >= 0 && !empty)
            assert_int_equal(decrypt_encrypted_length(rows[i].plain, rows[i].region),
                             rows[i].encrypted);
    }
    assert_int_equal(decrypt_encrypted_length(LIMIT_BLOB_REGIONS + 1L, 1), -1);
    assert_int_equal(decrypt_encrypted_length(INT64_MAX, 1), -1);
}

/* ---- regions ---- */

static const struct site_access access_1 = {.key_id = "k", .has_key = true, .key = {1, 2, 3}};
static const struct site_access access_2 = {.key_id = "k", .has_key = true, .key = {1, 2, 4}};
static const struct site_access no_key = {.key_id = "k"};

static void test_what_is_sealed_is_opened(void **state)
{
    struct encrypt_key made, opened;
    struct decrypt_data data;
    struct error err;
    unsigned char key[DECRYPT_KEY], sealed[100 + DECRYPT_EXTRA];
    (void)state;
    encrypt_key_make(&made, &access_1);
    char *metadata = encrypt_metadata(&made, &access_1);
    assert_true(decrypt_read(&data, metadata, &err));
    assert_string_equal(data.protocol, "2.0");
    assert_int_equal(data.region, DECRYPT_REGION);
    assert_true(decrypt_unwrap(&data, &access_1, key, &err));
    assert_memory_equal(key, made.key, sizeof key);
    assert_false(decrypt_unwrap(&data, &access_2, key, &err));
    assert_string_equal(err.code, "WRONG_KEY");
    assert_false(decrypt_unwrap(&data, &no_key, key, &err));
    assert_string_equal(err.code, "NO_KEY");
    assert_false(decrypt_unwrap(&data, NULL, key, &err));
    assert_true(encrypt_key_open(&opened, made.wrapped, &access_1));
    assert_memory_equal(&opened, &made, sizeof made);
    assert_false(encrypt_key_open(&opened, made.wrapped, &access_2));
    for (size_t flip = 0; flip <= sizeof sealed; flip++) {
        struct decryptor *decryptor = decryptor_create(made.key);
        memset(sealed, 'x', sizeof sealed);
        encrypt_region(&made, 7, sealed, 100);
        if (flip < sizeof sealed)
            sealed[flip] ^= 1;
        assert_int_equal(decryptor_open(decryptor, sealed, sizeof sealed, &err),
                         flip == sizeof sealed);
        if (flip == sizeof sealed)
            for (size_t i = 0; i < 100; i++)
                assert_int_equal(sealed[DECRYPT_NONCE + i], 'x');
        decryptor_free(decryptor);
    }
    free(metadata);
}

/* Of many regions each opens once, in any order; no region comes twice. */
static void test_nonces(void **state)
{
    struct encrypt_key key;
    struct error err;
    unsigned char sealed[DECRYPT_EXTRA + 1];
    (void)state;
    encrypt_key_make(&key, &access_1);
    struct decryptor *decryptor = decryptor_create(key.key);
    for (int64_t number = 5000; number > 0; number--) {
        encrypt_region(&key, number, sealed, 1);
        assert_true(decryptor_open(decryptor, sealed, sizeof sealed, &err));
    }
    for (int64_t number = 1; number <= 5000; number += 499) {
        encrypt_region(&key, number, sealed, 1);
        assert_false(decryptor_open(decryptor, sealed, sizeof sealed, &err));
        assert_string_equal(err.code, "TAMPERED");
    }
    assert_false(decryptor_open(decryptor, sealed, DECRYPT_EXTRA - 1, &err));
    decryptor_free(decryptor);
}

/* Only who has the key can tell what a blob was made of. */
static void test_fingerprints(void **state)
{
    static const unsigned char one[DECRYPT_KEY] = {1}, two[DECRYPT_KEY] = {2};
    char a[HASH_HEX_MAX], b[HASH_HEX_MAX];
    (void)state;
    encrypt_fingerprint(one, "AB", 5, a);
    encrypt_fingerprint(one, "AB", 5, b);
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), 64);
    encrypt_fingerprint(two, "AB", 5, b);
    assert_string_not_equal(a, b);
    encrypt_fingerprint(one, "AC", 5, b);
    assert_string_not_equal(a, b);
    encrypt_fingerprint(one, "AB", 6, b);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),  cmocka_unit_test(test_keys),
        cmocka_unit_test(test_tokens),  cmocka_unit_test(test_lists),
        cmocka_unit_test(test_lengths), cmocka_unit_test(test_what_is_sealed_is_opened),
        cmocka_unit_test(test_nonces),  cmocka_unit_test(test_fingerprints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

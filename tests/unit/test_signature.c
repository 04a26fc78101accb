/* Signatures of policy documents: what is accepted, and each rule with its twin. */
#include "policy/signature.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "signer.h"

#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define DAY  86400
#define YEAR (365 * DAY)
/* The content of DER's object identifiers 1.2.840.113549.1.7.N and 1.2.840.113549.1.9.N. */
#define PKCS7              "\x2A\x86\x48\x86\xF7\x0D\x01\x07"
#define PKCS9              "\x2A\x86\x48\x86\xF7\x0D\x01\x09"
#define DATA               PKCS7 "\x01"
#define SIGNED_DATA        PKCS7 "\x02"
#define CONTENT_TYPE       PKCS9 "\x03"
#define MESSAGE_DIGEST     PKCS9 "\x04"
#define SIGNING_TIME       PKCS9 "\x05"
#define SMIME_CAPABILITIES PKCS9 "\x0F"
#define UNKNOWN            PKCS9 "\x7F"

static char signed_digest[HASH_HEX_MAX], other_digest[HASH_HEX_MAX];
static int64_t before, after; /* all were signed between */
static struct signature_trust *anchors;

/* What is good, and for rows to change one fact of. */
struct asked {
    const char *digest; /* NULL: of signed.xml */
    const char *trust;  /* NULL: anchors.pem (the certificates root and rsa) */
    int64_t now;        /* from the time of signing on */
    bool set_back;      /* now counts from 1970 on */
    bool synchronised;
    int64_t newest_known;
};

static struct signature_trust *read_trust(const char *name, struct error *err)
{
    struct buf pem = signer_file(name);
    struct signature_trust *trust =
        signature_trust_create(pem.data ? pem.data : "", pem.len, name, err);
    buf_free(&pem);
    return trust;
}

static bool verify_bytes(const struct buf *p7s, const struct asked *asked, struct signature *out,
                         struct error *err)
{
    struct signature_trust *trust = asked->trust ? read_trust(asked->trust, err) : anchors;
    struct signature_clock clock = {.now = asked->now + (asked->set_back ? 0 : after),
                                    .synchronised = asked->synchronised,
                                    .newest_known = asked->newest_known};
    *err = (struct error){0};
    *out = (struct signature){0};
    assert_non_null(trust);
    bool ok = signature_verify(out, trust, p7s->data ? p7s->data : "", p7s->len,
                               asked->digest ? asked->digest : signed_digest, &clock,
                               "policy.xml.p7s", err);
    assert_int_equal(ERR_peek_error(), 0);
    if (asked->trust)
        signature_trust_free(trust);
    return ok;
}

static bool verify(const char *name, const struct asked *asked, struct signature *out,
                   struct error *err)
{
    char path[80];
    snprintf(path, sizeof path, "%s.p7s", name);
    struct buf p7s = signer_file(path);
    bool ok = verify_bytes(&p7s, asked, out, err);
    buf_free(&p7s);
    return ok;
}

static void assert_refusal(const char *name, const struct error *err, const char *code,
                           const char *words)
{
    if (strcmp(err->code, code) != 0 || !strstr(err->text, words))
        fail_msg("%s: %s '%s', not %s '%s'", name, err->code, err->text, code, words);
    assert_int_equal(err->kind, ERROR_INPUT);
    assert_int_equal(err->blame, BLAME_POLICY);
    assert_string_equal(err->where, "policy.xml.p7s");
}

struct row {
    const char *name;
    struct asked asked;
    const char *code;  /* NULL: accepted */
    const char *words; /* in the message, or the signer */
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct signature signature;
        struct error err;
        bool ok = verify(rows[i].name, &rows[i].asked, &signature, &err);
        if (rows[i].code) {
            if (ok)
                fail_msg("row %zu: %s is accepted", i, rows[i].name);
            assert_refusal(rows[i].name, &err, rows[i].code, rows[i].words);
            continue;
        }
        if (!ok)
            fail_msg("row %zu: %s: %s %s", i, rows[i].name, err.code, err.text);
        assert_string_equal(err.code, "");
        assert_string_equal(signature.signer, rows[i].words);
        assert_in_range(signature.signing_time, before, after);
    }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

static void test_what_is_accepted(void **state)
{
    (void)state;
    static const char jorg[] = "CN=J\xC3\xB6rg,O=Contoso";
    static const struct row rows[] = {
        {"rsa", {0}, NULL, jorg},
        {"ec", {0}, NULL, "CN=Elliptic"},
        {"leaf", {0}, NULL, "CN=Leaf"},     /* through an intermediate in the file */
        {"server", {0}, NULL, "CN=Server"}, /* any extended key usage */
        {"pss", {0}, NULL, jorg},
        {"keyid", {0}, NULL, jorg},
        {"pem", {0}, NULL, jorg},
        {"crlf", {0}, NULL, jorg},
        {"pkcs7", {0}, NULL, jorg},
        {"signers8", {0}, NULL, "CN=Elliptic"},
        {"certs16", {0}, NULL, "CN=Elliptic"},
        /* An anchor is any certificate. */
        {"leaf", {.trust = "inter.pem"}, NULL, "CN=Leaf"},
        {"leaf", {.trust = "leaf.pem"}, NULL, "CN=Leaf"},
    };
    CHECK_ROWS(rows);
}

static void test_what_is_no_signature(void **state)
{
    (void)state;
    static const char malformed[] = "SIGNATURE_MALFORMED", whole[] = "is not one whole CMS";
    static const struct row rows[] = {
        {"empty", {0}, malformed, whole},
        {"follow", {0}, malformed, whole},
        {"rest", {0}, malformed, whole},
        {"twice", {0}, malformed, whole},
        {"cert", {0}, malformed, whole},
        {"key", {0}, malformed, whole},
        {"kind", {0}, malformed, whole},
        {"encrypted", {0}, malformed, whole},
        {"data", {0}, malformed, whole},
        {"nobody", {0}, malformed, "has no signer"},
        {"signers9", {0}, malformed, "or more than 8"},
        {"certs17", {0}, malformed, "more than 16 certificates"},
        {"type", {0}, malformed, "something but data"},
        {"nodetach", {0}, "SIGNATURE_NOT_DETACHED", "-nodetach"},
    };
    CHECK_ROWS(rows);
}

static void test_what_is_signed(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"noattr", {0}, "SIGNATURE_NO_ATTRIBUTES", "-noattr"},
        {"sha512", {0}, "SIGNATURE_ALGORITHM", "sha512: sign with -md sha256"},
        {"sha224", {0}, "SIGNATURE_ALGORITHM", "sha224: sign with -md sha256"},
        {"sha1md", {0}, "SIGNATURE_ALGORITHM", "sha1: sign with -md sha256"},
        {"rsa", {.digest = other_digest}, "SIGNATURE_DIGEST", "changed after signing"},
        {"rsa", {.digest = ""}, "SIGNATURE_DIGEST", "changed after signing"},
        {"text", {0}, "SIGNATURE_DIGEST", "without -binary"},
    };
    CHECK_ROWS(rows);
}

static void test_certificates(void **state)
{
    (void)state;
    static const char untrusted[] = "SIGNATURE_UNTRUSTED";
    static const struct row rows[] = {
        {"nocerts", {0}, "SIGNATURE_NO_CERTIFICATE", "-nocerts"},
        {"stranger", {0}, untrusted, "'CN=Stranger' leads to no trust anchor: self"},
        {"stranger", {.trust = "stranger.pem"}, NULL, "CN=Stranger"},
        {"rsa", {.trust = "root.pem"}, untrusted, "'CN=J\xC3\xB6rg,O=Contoso' leads to no"},
        {"ec", {.trust = "rsa.pem"}, untrusted, "unable to get local issuer"},
        {"lone", {0}, untrusted, "'CN=Leaf' leads to no trust anchor: unable"},
        {"lone", {.trust = "inter.pem"}, NULL, "CN=Leaf"},
        /* One who may sign documents may not certify others. */
        {"below", {0}, untrusted, "'CN=Below'"},
        {"cipher", {0}, "SIGNATURE_KEY_USAGE", "'CN=Cipher' does not allow"},
        {"small", {0}, "SIGNATURE_WEAK", "'CN=Small' is too small"},
        {"small", {.trust = "small.pem"}, "SIGNATURE_WEAK", "'CN=Small' is too small"},
        {"sha1", {0}, "SIGNATURE_WEAK", "'CN=Old' is signed with MD5 or SHA-1"},
    };
    CHECK_ROWS(rows);
}

/* Certificates are held against the latest of clock, newest known and own signing time. */
static void test_the_clock(void **state)
{
    (void)state;
    static const char expired[] = "SIGNATURE_EXPIRED", early[] = "SIGNATURE_NOT_YET_VALID";
    const int64_t year_2092 = 3849984000;
    const struct row rows[] = {
        {"ec", {.now = 29 * DAY}, NULL, "CN=Elliptic"},
        {"ec", {.now = 31 * DAY}, expired, "'CN=Elliptic' ended at 20"},
        {"ec", {.now = 31 * DAY}, expired, " UTC; it is 20"},
        {"ec", {.now = 31 * DAY, .synchronised = true}, expired, "'CN=Elliptic'"},
        {"leaf", {.now = 9 * DAY}, NULL, "CN=Leaf"},
        {"leaf", {.now = 11 * DAY}, expired, "'CN=Intermediate' ended at 20"},
        /* The clock starts in 1970; or is set back, before and after something newer came. */
        {"ec", {.set_back = true}, NULL, "CN=Elliptic"},
        {"ec", {.set_back = true, .newest_known = before - YEAR}, NULL, "CN=Elliptic"},
        {"ec", {.set_back = true, .newest_known = after + 29 * DAY}, NULL, "CN=Elliptic"},
        {"ec",
         {.set_back = true, .newest_known = after + 31 * DAY},
         expired,
         "accepted before, of"},
        {"ec", {.now = 31 * DAY, .newest_known = before}, expired, "it is 20"},
        /* Signed outside of the certificate's life, with any clock. */
        {"past",
         {.set_back = true},
         expired,
         "ended at 2001-01-01 00:00:00 UTC; the clock is behind"},
        {"past", {.now = 0}, expired, "'CN=past'"},
        {"future", {.set_back = true}, early, "does not begin before 2090-01-01 00:00:00 UTC"},
        {"future", {.now = 0}, early, "'CN=future'"},
        {"future", {.now = year_2092, .set_back = true}, NULL, "CN=future"},
        {"future", {.newest_known = year_2092}, NULL, "CN=future"},
        {"ec", {.now = INT64_MAX, .set_back = true}, "SIGNATURE_UNTRUSTED", "'CN=Root'"},
        {"ec", {.now = INT64_MIN, .set_back = true}, NULL, "CN=Elliptic"},
    };
    CHECK_ROWS(rows);
}

static void test_a_signing_time_ahead(void **state)
{
    (void)state;
    static const struct {
        int64_t ahead;
        bool synchronised, accepted, said;
    } rows[] = {
        {-DAY, true, true, false},    {DAY, true, true, false},       {DAY + 1, true, false, false},
        {DAY + 1, false, true, true}, {10 * YEAR, false, true, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int generalized = 0; generalized < 2; generalized++) {
            struct signature signature;
            struct error err;
            int64_t time = after + 10 * DAY;
            struct asked asked = {.now = 10 * DAY - rows[i].ahead,
                                  .synchronised = rows[i].synchronised};
            struct buf p7s = signer_sign_at("ec", time, NULL, 0, generalized);
            bool ok = verify_bytes(&p7s, &asked, &signature, &err);
            assert_int_equal(ok, rows[i].accepted);
            if (ok)
                assert_int_equal(signature.signing_time, time);
            else
                assert_refusal("ahead", &err, "SIGNATURE_AHEAD", "the signer's clock was wrong");
            assert_int_equal(signature.ahead, rows[i].said);
            buf_free(&p7s);
        }
    }
}

static void test_two_signers(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"two", {0}, NULL, "CN=J\xC3\xB6rg,O=Contoso"},
        {"two", {.trust = "stranger.pem"}, NULL, "CN=Stranger"},
        {"two", {.trust = "root.pem"}, "SIGNATURE_UNTRUSTED", "leads to no trust anchor"},
        {"strangers", {.trust = "rsa.pem"}, "SIGNATURE_UNTRUSTED", "leads to no trust anchor"},
    };
    CHECK_ROWS(rows);
    for (int newer = 0; newer < 2; newer++) {
        struct signature signature;
        struct error err;
        struct asked asked = {.now = 0};
        struct buf p7s = signer_sign_at("rsa", before + newer, "ec", before + 1 - newer, 0);
        assert_true(verify_bytes(&p7s, &asked, &signature, &err));
        assert_int_equal(signature.signing_time, before + 1);
        assert_string_equal(signature.signer, newer ? "CN=J\xC3\xB6rg,O=Contoso" : "CN=Elliptic");
        buf_free(&p7s);
    }
}

/* Of two bad signers the one that came further speaks, in whatever order they stand. */
static void test_two_bad_signers(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"rsa", "cipher"}, {"cipher", "rsa"}, {"ec", "cipher"}, {"cipher", "ec"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct signature signature;
        struct error err;
        struct asked asked = {.trust = "cipher.pem"};
        struct buf p7s = signer_sign_at(names[i][0], before, names[i][1], before, 0);
        assert_false(verify_bytes(&p7s, &asked, &signature, &err));
        assert_refusal(names[i][0], &err, "SIGNATURE_KEY_USAGE", "'CN=Cipher'");
        buf_free(&p7s);
    }
}

/* Hostile bytes */

/* Where `text` stands for the last time. */
static char *find(const struct buf *p7s, const char *text, size_t len)
{
    char *found = NULL;
    for (char *at = p7s->data; (at = memmem(at, p7s->len - (size_t)(at - p7s->data), text, len));
         at++)
        found = at;
    assert_non_null(found);
    return found;
}

static void test_attributes_missing_or_twice(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *code, *words;
    } rows[] = {
        {SIGNING_TIME, UNKNOWN, "SIGNATURE_NO_TIME", "when it is made"},
        {SMIME_CAPABILITIES, SIGNING_TIME, "SIGNATURE_NO_TIME", "when it is made"},
        {MESSAGE_DIGEST, UNKNOWN, "SIGNATURE_NO_ATTRIBUTES", "digest once"},
        {SMIME_CAPABILITIES, MESSAGE_DIGEST, "SIGNATURE_NO_ATTRIBUTES", "digest once"},
        {CONTENT_TYPE, UNKNOWN, "SIGNATURE_NO_ATTRIBUTES", "signs data"},
        {DATA, SIGNED_DATA, "SIGNATURE_NO_ATTRIBUTES", "signs data"},
        {SMIME_CAPABILITIES, CONTENT_TYPE, "SIGNATURE_NO_ATTRIBUTES", "signs data"},
        {SMIME_CAPABILITIES, UNKNOWN, "SIGNATURE_WRONG_KEY", "or was altered"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct signature signature;
        struct error err;
        struct asked asked = {.now = 0};
        struct buf p7s = signer_file("rsa.p7s");
        memcpy(find(&p7s, rows[i].from, 9), rows[i].to, 9);
        assert_false(verify_bytes(&p7s, &asked, &signature, &err));
        assert_refusal(rows[i].from, &err, rows[i].code, rows[i].words);
        buf_free(&p7s);
    }
}

/* Another document's digest put in the place of the signed one's. */
static void test_a_digest_replaced(void **state)
{
    (void)state;
    struct signature signature;
    struct error err;
    struct asked asked = {.digest = other_digest};
    struct buf p7s = signer_file("ec.p7s");
    char *digest = find(&p7s, MESSAGE_DIGEST, 9) + 9 + 2 + 2;
    for (size_t i = 0; i < 32; i++) {
        unsigned byte;
        assert_int_equal(sscanf(other_digest + 2 * i, "%2X", &byte), 1);
        digest[i] = (char)byte;
    }
    assert_false(verify_bytes(&p7s, &asked, &signature, &err));
    assert_refusal("ec", &err, "SIGNATURE_WRONG_KEY", "is not made with the key of 'CN=Elliptic'");
    buf_free(&p7s);
}

/* A digest of 31 bytes, its length written the long way, beside one that ends in 0. */
static void test_a_short_digest(void **state)
{
    (void)state;
    struct signature signature;
    struct error err;
    char ends_in_0[HASH_HEX_MAX];
    struct asked asked = {.digest = ends_in_0};
    struct buf p7s = signer_file("ec.p7s");
    char *string = find(&p7s, MESSAGE_DIGEST, 9) + 9 + 2;
    memmove(string + 3, string + 2, 31);
    memcpy(string, "\x04\x81\x1F", 3);
    snprintf(ends_in_0, sizeof ends_in_0, "%.62s00", signed_digest);
    assert_false(verify_bytes(&p7s, &asked, &signature, &err));
    assert_refusal("ec", &err, "SIGNATURE_DIGEST", "is not of this document");
    buf_free(&p7s);
}

static void tamper(const char *name)
{
    struct signature whole, signature;
    struct error err;
    struct asked good = {.now = 0}, wrong = {.digest = other_digest};
    struct buf p7s = signer_file(name);
    assert_true(verify_bytes(&p7s, &good, &whole, &err));
    for (size_t i = 0; i < p7s.len; i++) {
        static const char flips[] = {0x01, 0x20, (char)0x80};
        for (size_t j = 0; j < sizeof flips; j++) {
            p7s.data[i] = (char)(p7s.data[i] ^ flips[j]);
            assert_false(verify_bytes(&p7s, &wrong, &signature, &err));
            /* Not every byte is signed: those of unused certificates' names, say, are not. */
            if (verify_bytes(&p7s, &good, &signature, &err)) {
                assert_int_equal(signature.signing_time, whole.signing_time);
                assert_string_equal(signature.signer, whole.signer);
            } else {
                assert_int_equal(err.kind, ERROR_INPUT);
            }
            p7s.data[i] = (char)(p7s.data[i] ^ flips[j]);
        }
    }
    buf_free(&p7s);
}

static void test_altered_at_every_byte(void **state)
{
    (void)state;
    tamper("ec.p7s");
    tamper("rsa.p7s");
    tamper("pem.p7s");
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    static const char *const names[] = {"leaf.p7s", "rsa.p7s", "pem.p7s"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct signature signature;
        struct error err;
        struct asked asked = {.now = 0};
        struct buf p7s = signer_file(names[i]);
        size_t whole = p7s.len - (names[i][0] == 'p'); /* the last newline may be missing */
        for (p7s.len = 0; p7s.len < whole; p7s.len++) {
            assert_false(verify_bytes(&p7s, &asked, &signature, &err));
            assert_refusal(names[i], &err, "SIGNATURE_MALFORMED", "is not one whole");
        }
        assert_true(verify_bytes(&p7s, &asked, &signature, &err));
        buf_free(&p7s);
    }
}

static void test_the_largest(void **state)
{
    (void)state;
    struct signature signature;
    struct error err;
    struct asked asked = {.now = 0};
    struct buf p7s = signer_file("pem.p7s");
    while (p7s.len < LIMIT_SIGNATURE_BYTES)
        buf_append_text(&p7s, "\n");
    assert_true(verify_bytes(&p7s, &asked, &signature, &err));
    buf_append_text(&p7s, "\n");
    assert_false(verify_bytes(&p7s, &asked, &signature, &err));
    assert_refusal("pem", &err, "SIGNATURE_MALFORMED", "at most 65536 bytes");
    buf_free(&p7s);
}

/* NULL is an error that nobody wants to know. */
static void test_no_error_wanted(void **state)
{
    (void)state;
    struct signature signature;
    struct signature_clock clock = {.now = after};
    struct buf p7s = signer_file("stranger.p7s");
    assert_false(
        signature_verify(&signature, anchors, p7s.data, p7s.len, signed_digest, &clock, "x", NULL));
    buf_free(&p7s);
}

static void test_a_long_name(void **state)
{
    (void)state;
    struct signature signature;
    struct error err;
    struct asked asked = {.trust = "long.pem"};
    assert_true(verify("long", &asked, &signature, &err));
    assert_int_equal(strncmp(signature.signer, "CN=abc,OU=\xC3\xA9", 12), 0);
    assert_true(text_is_utf8(signature.signer, strlen(signature.signer)));
    assert_int_equal(strlen(signature.signer), sizeof signature.signer - 2);
}

static void test_trust_anchors(void **state)
{
    (void)state;
    static const struct {
        const char *name, *words;
    } rows[] = {
        {"empty.pem", "holds no certificate"},
        {"none.pem", "holds no certificate"},
        {"rsa.p7s", "holds no certificate"},
        {"rsa.key", "PEM block 1 ('PRIVATE KEY') is no"},
        {"withkey.pem", "PEM block 2 ('PRIVATE"},
        {"pem.p7s", "PEM block 1 ('CMS') is no"},
        {"cut.pem", "PEM block 2 is broken"},
        {"bad.pem", "PEM block 2 is broken"},
        {"kind.pem", "PEM block 1 ('NONSENSE') is no"},
        {"longer.pem", "('CERTIFICATE') is no"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = {0};
        assert_null(read_trust(rows[i].name, &err));
        assert_int_equal(ERR_peek_error(), 0);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_int_equal(err.blame, BLAME_USER);
        assert_string_equal(err.code, "TRUST_ANCHORS");
        assert_string_equal(err.where, rows[i].name);
        if (!strstr(err.text, rows[i].words))
            fail_msg("%s: %s", rows[i].name, err.text);
    }
}

static void test_too_many_trust_anchors(void **state)
{
    (void)state;
    struct error err = {0};
    struct buf pem = signer_file("root.pem");
    while (pem.len < LIMIT_SETTINGS_BYTES)
        buf_append_text(&pem, "\n");
    struct signature_trust *trust = signature_trust_create(pem.data, pem.len, "x", &err);
    assert_non_null(trust);
    signature_trust_free(trust);
    buf_append_text(&pem, "\n");
    assert_null(signature_trust_create(pem.data, pem.len, "x", &err));
    assert_non_null(strstr(err.text, "larger than 1048576 bytes"));
    signature_trust_free(NULL);
    buf_free(&pem);
}

static void digest_of(const char *name, char hex[HASH_HEX_MAX])
{
    struct buf bytes = signer_file(name);
    hash_bytes(HASH_SHA256, bytes.data, bytes.len, hex);
    buf_free(&bytes);
}

static int set_up(void **state)
{
    (void)state;
    struct error err = {0};
    before = (int64_t)time(NULL);
    signer_make();
    after = (int64_t)time(NULL);
    digest_of("signed.xml", signed_digest);
    digest_of("other.xml", other_digest);
    anchors = read_trust("anchors.pem", &err);
    return anchors ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    signature_trust_free(anchors);
    signer_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_accepted),
        cmocka_unit_test(test_what_is_no_signature),
        cmocka_unit_test(test_what_is_signed),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_the_clock),
        cmocka_unit_test(test_a_signing_time_ahead),
        cmocka_unit_test(test_two_signers),
        cmocka_unit_test(test_two_bad_signers),
        cmocka_unit_test(test_attributes_missing_or_twice),
        cmocka_unit_test(test_a_digest_replaced),
        cmocka_unit_test(test_a_short_digest),
        cmocka_unit_test(test_altered_at_every_byte),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_the_largest),
        cmocka_unit_test(test_no_error_wanted),
        cmocka_unit_test(test_a_long_name),
        cmocka_unit_test(test_trust_anchors),
        cmocka_unit_test(test_too_many_trust_anchors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

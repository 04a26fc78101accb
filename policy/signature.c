#include "policy/signature.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* OpenSSL's level of 112 bits: RSA from 2048, curves from 224, no MD5 or SHA-1. */
#define SECURITY_LEVEL 2

struct signature_trust {
    X509_STORE *store;
};

/* One signer on its way through the checks. */
struct signer {
    const struct signature_trust *trust;
    const struct signature_clock *clock;
    const char *digest;
    const char *where;
    STACK_OF(X509) * certs; /* all that are in the file; may be NULL */
    CMS_SignerInfo *info;
    X509 *cert; /* the signer's, one of `certs` */
    int64_t signing_time;
};

/* Nothing else can be wrong where this is called. */
static void *require(void *made)
{
    if (!made) {
        fputs("nearpoint: out of memory\n", stderr);
        _Exit(1);
    }
    return made;
}

static bool refuse(const char *where, struct error *err, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool refuse(const char *where, struct error *err, const char *code, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(err, ERROR_INPUT, BLAME_POLICY, code, where, "%s", text);
}

/* Words */

static void say_subject(char *out, size_t size, X509 *cert)
{
    BIO *bio = require(BIO_new(BIO_s_mem()));
    unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    const char *text = NULL;
    X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, flags);
    size_t len = (size_t)BIO_get_mem_data(bio, &text);
    if (len >= size)
        len = size - 1;
    while (!text_is_utf8(text, len)) /* cut within a character */
        len--;
    snprintf(out, size, "%.*s", (int)len, len ? text : "");
    BIO_free(bio);
}

static void say_time(char out[32], const ASN1_TIME *time)
{
    struct tm tm;
    snprintf(out, 32, "a time out of range");
    if (time && ASN1_TIME_to_tm(time, &tm))
        strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

static void say_seconds(char out[32], int64_t seconds)
{
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)seconds);
    say_time(out, time);
    ASN1_TIME_free(time);
}

/* PEM */

/* The next block's kind and bytes, OPENSSL_free them. An encrypted one has none: libcrypto would
   ask the terminal for its password. */
static bool read_block(BIO *bio, char **kind, unsigned char **bytes, long *len)
{
    char *header = NULL;
    *kind = NULL, *bytes = NULL;
    if (!PEM_read_bio(bio, kind, &header, bytes, len))
        return false;
    if (*header)
        *len = 0;
    OPENSSL_free(header);
    return true;
}

static bool is_blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!strchr(" \t\r\n", text[i]) || !text[i])
            return false;
    return true;
}

/* Trust anchors */

static bool add_anchor(X509_STORE *store, const char *kind, const unsigned char *bytes, long len)
{
    const unsigned char *end = bytes;
    X509 *cert = strcmp(kind, PEM_STRING_X509) == 0 ? d2i_X509(NULL, &end, len) : NULL;
    bool ok = cert && end == bytes + len && X509_STORE_add_cert(store, cert);
    X509_free(cert);
    return ok;
}

static bool add_anchors(X509_STORE *store, BIO *bio, const char *where, struct error *err)
{
    char *kind;
    unsigned char *bytes;
    long len;
    bool ok = true;
    size_t count = 0;
    while (ok && read_block(bio, &kind, &bytes, &len)) {
        ok = add_anchor(store, kind, bytes, len);
        if (!ok)
            error_set(err, ERROR_INPUT, BLAME_USER, "TRUST_ANCHORS", where,
                      "PEM block %zu ('%s') is no certificate", count + 1, kind);
        count++;
        OPENSSL_free(kind);
        OPENSSL_free(bytes);
    }
    if (ok && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return error_set(err, ERROR_INPUT, BLAME_USER, "TRUST_ANCHORS", where,
                         "PEM block %zu is broken", count + 1);
    if (ok && count == 0)
        return error_set(err, ERROR_INPUT, BLAME_USER, "TRUST_ANCHORS", where,
                         "holds no certificate: trust anchors are certificates in PEM");
    return ok;
}

struct signature_trust *signature_trust_create(const char *pem, size_t len, const char *where,
                                               struct error *err)
{
    if (len > LIMIT_SETTINGS_BYTES) {
        error_set(err, ERROR_INPUT, BLAME_USER, "TRUST_ANCHORS", where, "is larger than %ld bytes",
                  LIMIT_SETTINGS_BYTES);
        return NULL;
    }
    struct signature_trust *trust = mem_zero(1, sizeof *trust);
    BIO *bio = require(BIO_new_mem_buf(pem, (int)len));
    trust->store = require(X509_STORE_new());
    X509_STORE_set_flags(trust->store, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_get0_param(trust->store), SECURITY_LEVEL);
    ERR_clear_error();
    bool ok = add_anchors(trust->store, bio, where, err);
    BIO_free(bio);
    ERR_clear_error();
    if (ok)
        return trust;
    signature_trust_free(trust);
    return NULL;
}

void signature_trust_free(struct signature_trust *trust)
{
    if (trust)
        X509_STORE_free(trust->store);
    free(trust);
}

/* The signed attributes */

static void *find_attribute(const struct signer *signer, int nid, int type)
{
    /* -3: only where the attribute stands once and has one value. */
    return CMS_signed_get0_data_by_OBJ(signer->info, OBJ_nid2obj(nid), -3, type);
}

static bool check_algorithm(struct signer *signer, struct error *err)
{
    X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;
    char name[80];
    CMS_SignerInfo_get0_algs(signer->info, NULL, NULL, &algorithm, NULL);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    if (OBJ_obj2nid(object) == NID_sha256)
        return true;
    OBJ_obj2txt(name, sizeof name, object, 0);
    return refuse(signer->where, err, "SIGNATURE_ALGORITHM",
                  "is made with the digest %s: sign with -md sha256", name);
}

static bool check_attributes(struct signer *signer, struct error *err)
{
    if (CMS_signed_get_attr_count(signer->info) <= 0)
        return refuse(signer->where, err, "SIGNATURE_NO_ATTRIBUTES",
                      "has no signed attributes: sign without -noattr");
    const ASN1_OBJECT *type = find_attribute(signer, NID_pkcs9_contentType, V_ASN1_OBJECT);
    if (!type || OBJ_obj2nid(type) != NID_pkcs7_data)
        return refuse(signer->where, err, "SIGNATURE_NO_ATTRIBUTES",
                      "does not say once that it signs data");
    if (!find_attribute(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING))
        return refuse(signer->where, err, "SIGNATURE_NO_ATTRIBUTES",
                      "does not hold the document's digest once");
    return true;
}

static bool check_digest(struct signer *signer, struct error *err)
{
    const ASN1_OCTET_STRING *string =
        find_attribute(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING);
    const unsigned char *bytes = ASN1_STRING_get0_data(string);
    char hex[HASH_HEX_MAX];
    bool whole = ASN1_STRING_length(string) == (HASH_HEX_MAX - 1) / 2;
    for (size_t i = 0; whole && i < (HASH_HEX_MAX - 1) / 2; i++)
        snprintf(hex + 2 * i, 3, "%02X", bytes[i]);
    if (whole && strcmp(hex, signer->digest) == 0)
        return true;
    return refuse(signer->where, err, "SIGNATURE_DIGEST",
                  "is not of this document: it was changed after signing, or was signed without "
                  "-binary");
}

/* Seconds since 1970. */
static bool to_seconds(const ASN1_TIME *time, int64_t *out)
{
    ASN1_TIME *epoch = require(ASN1_TIME_set(NULL, 0));
    int days = 0, seconds = 0;
    bool ok = ASN1_TIME_diff(&days, &seconds, epoch, time);
    *out = (int64_t)days * 86400 + seconds;
    ASN1_TIME_free(epoch);
    return ok;
}

static bool is_ahead(const struct signer *signer)
{
    return signer->signing_time - LIMIT_SIGNATURE_AHEAD_SECONDS > signer->clock->now;
}

static bool check_signing_time(struct signer *signer, struct error *err)
{
    char said[32], now[32];
    const ASN1_TIME *time = find_attribute(signer, NID_pkcs9_signingTime, V_ASN1_UTCTIME);
    if (!time)
        time = find_attribute(signer, NID_pkcs9_signingTime, V_ASN1_GENERALIZEDTIME);
    if (!time || !to_seconds(time, &signer->signing_time))
        return refuse(signer->where, err, "SIGNATURE_NO_TIME", "does not say once when it is made");
    if (!signer->clock->synchronised || !is_ahead(signer))
        return true;
    say_time(said, time);
    say_seconds(now, signer->clock->now);
    return refuse(signer->where, err, "SIGNATURE_AHEAD",
                  "is made at %s, and it is %s: the signer's clock was wrong", said, now);
}

/* Certificates */

static bool check_certificate(struct signer *signer, struct error *err)
{
    for (int i = 0; i < sk_X509_num(signer->certs) && !signer->cert; i++)
        if (CMS_SignerInfo_cert_cmp(signer->info, sk_X509_value(signer->certs, i)) == 0)
            signer->cert = sk_X509_value(signer->certs, i);
    if (!signer->cert)
        return refuse(signer->where, err, "SIGNATURE_NO_CERTIFICATE",
                      "does not hold its signer's certificate: sign without -nocerts");
    return true;
}

/* The clock rule. `words` says which of the three times it is. */
static int64_t find_time(const struct signer *signer, const char **words)
{
    int64_t time = signer->clock->now;
    *words = "it is";
    if (signer->signing_time > time) {
        time = signer->signing_time;
        *words = "the clock is behind, and this is signed at";
    }
    if (signer->clock->newest_known > time) {
        time = signer->clock->newest_known;
        *words = "the clock is behind a signature accepted before, of";
    }
    return time;
}

static bool refuse_time(const struct signer *signer, struct error *err, X509 *cert, bool expired)
{
    const char *words;
    char subject[256], bound[32], time[32];
    say_subject(subject, sizeof subject, cert);
    say_time(bound, expired ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert));
    say_seconds(time, find_time(signer, &words));
    return refuse(signer->where, err, expired ? "SIGNATURE_EXPIRED" : "SIGNATURE_NOT_YET_VALID",
                  "the certificate of '%s' %s %s; %s %s", subject,
                  expired ? "ended at" : "does not begin before", bound, words, time);
}

static bool refuse_chain(const struct signer *signer, struct error *err, X509_STORE_CTX *context)
{
    char subject[256];
    int why = X509_STORE_CTX_get_error(context);
    X509 *cert = X509_STORE_CTX_get_current_cert(context);
    if (!cert)
        cert = signer->cert;
    say_subject(subject, sizeof subject, cert);
    switch (why) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return refuse_time(signer, err, cert, true);
    case X509_V_ERR_CERT_NOT_YET_VALID: return refuse_time(signer, err, cert, false);
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
        return refuse(signer->where, err, "SIGNATURE_WEAK",
                      "the key of '%s' is too small: RSA needs 2048 bits, a curve 224", subject);
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return refuse(signer->where, err, "SIGNATURE_WEAK",
                      "the certificate of '%s' is signed with MD5 or SHA-1", subject);
    default:
        return refuse(signer->where, err, "SIGNATURE_UNTRUSTED",
                      "the certificate of '%s' leads to no trust anchor: %s", subject,
                      X509_verify_cert_error_string(why));
    }
}

static bool check_chain(struct signer *signer, struct error *err)
{
    const char *words;
    X509_STORE_CTX *context = require(X509_STORE_CTX_new());
    if (!X509_STORE_CTX_init(context, signer->trust->store, signer->cert, signer->certs))
        require(NULL);
    X509_STORE_CTX_set_time(context, 0, (time_t)find_time(signer, &words));
    bool ok = X509_verify_cert(context) == 1 || refuse_chain(signer, err, context);
    X509_STORE_CTX_free(context);
    return ok;
}

static bool check_key_usage(struct signer *signer, struct error *err)
{
    char subject[256];
    if (X509_get_key_usage(signer->cert) & KU_DIGITAL_SIGNATURE) /* all ones where none is said */
        return true;
    say_subject(subject, sizeof subject, signer->cert);
    return refuse(signer->where, err, "SIGNATURE_KEY_USAGE",
                  "the key usage of the certificate of '%s' does not allow digital signatures",
                  subject);
}

static bool check_key(struct signer *signer, struct error *err)
{
    char subject[256];
    CMS_SignerInfo_set1_signer_cert(signer->info, signer->cert);
    if (CMS_SignerInfo_verify(signer->info) == 1)
        return true;
    say_subject(subject, sizeof subject, signer->cert);
    return refuse(signer->where, err, "SIGNATURE_WRONG_KEY",
                  "is not made with the key of '%s', or was altered", subject);
}

/* What is cheap comes first. */
static bool (*const checks[])(struct signer *, struct error *) = {
    check_algorithm,   check_attributes, check_digest,    check_signing_time,
    check_certificate, check_chain,      check_key_usage, check_key,
};

enum { CHECK_COUNT = sizeof checks / sizeof checks[0] };

/* The file */

static CMS_ContentInfo *parse_der(const unsigned char *bytes, size_t len)
{
    const unsigned char *end = bytes;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &end, (long)len);
    if (cms && end == bytes + len)
        return cms;
    CMS_ContentInfo_free(cms);
    return NULL;
}

static CMS_ContentInfo *parse_pem(const char *p7s, size_t len)
{
    char *kind, *rest = NULL;
    unsigned char *bytes;
    long size;
    CMS_ContentInfo *cms = NULL;
    BIO *bio = require(BIO_new_mem_buf(p7s, (int)len));
    if (read_block(bio, &kind, &bytes, &size)) {
        size_t rest_len = (size_t)BIO_get_mem_data(bio, &rest);
        bool named = strcmp(kind, PEM_STRING_CMS) == 0 || strcmp(kind, PEM_STRING_PKCS7) == 0;
        if (named && is_blank(rest, rest_len))
            cms = parse_der(bytes, (size_t)size);
        OPENSSL_free(kind);
        OPENSSL_free(bytes);
    }
    BIO_free(bio);
    return cms;
}

/* DER begins with a SEQUENCE, PEM with a dash. */
static CMS_ContentInfo *parse(const char *p7s, size_t len)
{
    if (len == 0 || len > LIMIT_SIGNATURE_BYTES)
        return NULL;
    return p7s[0] == '-' ? parse_pem(p7s, len) : parse_der((const unsigned char *)p7s, len);
}

static bool check_file(CMS_ContentInfo *cms, const char *where, struct error *err)
{
    if (!cms || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
        return refuse(where, err, "SIGNATURE_MALFORMED",
                      "is not one whole CMS signature in DER or PEM of at most %ld bytes",
                      LIMIT_SIGNATURE_BYTES);
    if (CMS_is_detached(cms) != 1)
        return refuse(where, err, "SIGNATURE_NOT_DETACHED",
                      "holds a document itself: sign without -nodetach");
    if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data)
        return refuse(where, err, "SIGNATURE_MALFORMED", "is a signature of something but data");
    int signers = sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms));
    if (signers < 1 || signers > LIMIT_SIGNATURE_SIGNERS)
        return refuse(where, err, "SIGNATURE_MALFORMED", "has no signer, or more than %d",
                      LIMIT_SIGNATURE_SIGNERS);
    return true;
}

/* The number of checks that it passed. */
static size_t check_signer(struct signer *signer, struct error *err)
{
    size_t passed = 0;
    while (passed < CHECK_COUNT && checks[passed](signer, err))
        passed++;
    return passed;
}

/* All signers, with what they have in common in `signer`. */
static bool verify_signers(struct signature *out, CMS_ContentInfo *cms, struct signer signer,
                           struct error *err)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
    struct error last, why = {0};
    bool good = false;
    size_t most = 0;
    for (int i = 0; i < sk_CMS_SignerInfo_num(infos); i++) {
        signer.info = sk_CMS_SignerInfo_value(infos, i);
        signer.cert = NULL;
        size_t passed = check_signer(&signer, &last);
        if (passed == CHECK_COUNT && (!good || signer.signing_time > out->signing_time)) {
            *out = (struct signature){.signing_time = signer.signing_time};
            out->ahead = is_ahead(&signer);
            say_subject(out->signer, sizeof out->signer, signer.cert);
            good = true;
        } else if (passed < CHECK_COUNT && (i == 0 || passed > most)) {
            why = last;
            most = passed;
        }
    }
    if (!good && err)
        *err = why;
    return good;
}

bool signature_verify(struct signature *out, const struct signature_trust *trust, const char *p7s,
                      size_t len, const char digest[HASH_HEX_MAX],
                      const struct signature_clock *clock, const char *where, struct error *err)
{
    struct signer signer = {.trust = trust, .clock = clock, .digest = digest, .where = where};
    CMS_ContentInfo *cms = parse(p7s, len);
    bool ok = check_file(cms, where, err);
    if (ok) {
        signer.certs = CMS_get1_certs(cms);
        ok = sk_X509_num(signer.certs) <= LIMIT_SIGNATURE_CERTIFICATES
                 ? verify_signers(out, cms, signer, err)
                 : refuse(where, err, "SIGNATURE_MALFORMED", "holds more than %d certificates",
                          LIMIT_SIGNATURE_CERTIFICATES);
        sk_X509_pop_free(signer.certs, X509_free);
    }
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return ok;
}

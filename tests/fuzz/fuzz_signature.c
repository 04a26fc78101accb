/*
 * The signature of a policy document. The first byte chooses the time, or that the rest are trust
 * anchors; the second the digest and what else is known; the rest is the signature.
 */
#include "policy/signature.h"

#include "fuzz_signature_anchors.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

#define ANCHORS_INSTEAD 0x80
#define YEAR            (365 * INT64_C(86400))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool fact)
{
    if (!fact)
        abort();
}

static void check_error(const struct error *err, const char *prefix)
{
    require(err->kind == ERROR_INPUT);
    require(strncmp(err->code, prefix, strlen(prefix)) == 0);
    require(text_is_utf8(err->text, strlen(err->text)));
}

static struct signature_trust *read_anchors(const char *pem, size_t len)
{
    struct error err = {0};
    struct signature_trust *trust = signature_trust_create(pem, len, "anchors", &err);
    if (!trust)
        check_error(&err, "TRUST_ANCHORS");
    return trust;
}

/* Nobody but the holders of the thrown away keys can have signed, and they signed one document. */
static void check_accepted(const struct signature *signature, const char *digest,
                           const char *signed_digest, const struct signature_clock *clock)
{
    static const char *const signers[] = {"CN=signer", "CN=leaf", "CN=self"};
    bool known = false;
    for (size_t i = 0; i < sizeof signers / sizeof signers[0]; i++)
        known |= strcmp(signature->signer, signers[i]) == 0;
    require(known && strcmp(digest, signed_digest) == 0);
    require(signature->signing_time >= 56 * YEAR && signature->signing_time <= 70 * YEAR);
    require(clock->now <= 200 * YEAR && clock->newest_known <= 200 * YEAR);
    require(!signature->ahead || !clock->synchronised);
}

static void verify(const struct signature_trust *trust, uint8_t time, uint8_t facts,
                   const char *p7s, size_t len)
{
    static const char document[] = "<Policy/>\n", other[] = "<Policy />\n";
    const int64_t times[] = {0, 60 * YEAR, 300 * YEAR, INT64_MAX};
    struct signature_clock clock = {
        .now = times[time & 3], .synchronised = facts & 2, .newest_known = times[(facts >> 2) & 3]};
    struct signature signature;
    struct error err = {0};
    char digests[2][HASH_HEX_MAX];
    hash_bytes(HASH_SHA256, document, sizeof document - 1, digests[0]);
    hash_bytes(HASH_SHA256, other, sizeof other - 1, digests[1]);
    if (signature_verify(&signature, trust, p7s, len, digests[facts & 1], &clock, "p7s", &err))
        check_accepted(&signature, digests[facts & 1], digests[0], &clock);
    else
        check_error(&err, "SIGNATURE_");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct signature_trust *anchors;
    if (size < 2)
        return 0;
    const char *rest = (const char *)data + 2;
    if (data[0] & ANCHORS_INSTEAD) {
        signature_trust_free(read_anchors(rest, size - 2));
        return 0;
    }
    if (!anchors)
        anchors = read_anchors(ANCHORS, sizeof ANCHORS - 1);
    require(anchors);
    verify(anchors, data[0], data[1], rest, size - 2);
    return 0;
}

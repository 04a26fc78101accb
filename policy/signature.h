/*
 * Signatures of policy documents: a detached CMS signature (NAME.p7s, DER or PEM) over a document
 * whose SHA-256 the reader has computed. No system calls, no clock; any room may call it.
 *
 * A signature counts if one of its signers is good:
 * - its digest is SHA-256 and its signed attributes hold, once each, the content type data, the
 *   document's digest and a signing time;
 * - its certificate is in the file and leads to a trust anchor, which is any certificate of
 *   `trustAnchors`: a root, one further down, or the signer's own. Any extended key usage; where
 *   there is a key usage it allows digital signatures. RSA from 2048 bits, curves from 224, no MD5
 *   or SHA-1 on the way. Revocation lists are not consulted;
 * - every certificate on the way is valid at the time of the clock rule;
 * - the signature over the attributes is made by the certificate's key.
 * Of several good signers the one with the newest signing time speaks. Of several bad ones the one
 * that passed most checks does.
 *
 * The clock rule. Certificates are held against the latest of three times: the clock, the newest
 * signing time accepted before, the signature's own signing time. So a clock that starts in 1970
 * locks nobody out, and a signer that expired stays out when the clock is set back, once something
 * newer than the expiry was accepted. A signing time more than a day ahead of a clock that is kept
 * right by a time service is refused: the signer's clock was wrong, and what is signed later would
 * be held against that time. Ahead of any other clock it is accepted as long as the signer's
 * certificate lasts, for it is then the clock that is likely wrong.
 */
#ifndef POLICY_SIGNATURE_H
#define POLICY_SIGNATURE_H

#include "policy/base/error.h"
#include "policy/base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct signature_trust; /* the trust anchors; threads may share it */

/* From PEM with one or more certificates; other text between them is passed over, other PEM blocks
   are refused. Refusals are ERROR_INPUT, BLAME_USER, code TRUST_ANCHORS, and return NULL. */
struct signature_trust *signature_trust_create(const char *pem, size_t len, const char *where,
                                               struct error *err);
void signature_trust_free(struct signature_trust *trust); /* NULL is fine */

/* Seconds since 1970. */
struct signature_clock {
    int64_t now;
    bool synchronised;    /* a time service keeps `now` right, says the system (adjtimex) */
    int64_t newest_known; /* the newest signing time that was accepted before; 0: none */
};

struct signature {
    int64_t signing_time;
    bool ahead;       /* of the clock, by more than a day: worth a warning */
    char signer[256]; /* the certificate's subject as RFC 2253 writes it, UTF-8; cut to fit */
};

/* Is `p7s` a good signature of the document with this SHA-256 (upper-case hex)? Whether an older
   signing time than one before may stand is the caller's to decide; so is what to remember.
   Refusals are ERROR_INPUT, BLAME_POLICY, in the order of the checks:
     SIGNATURE_MALFORMED       no CMS SignedData, cut, followed by something, past a LIMIT_SIGNATURE
     SIGNATURE_NOT_DETACHED    holds a document itself
     SIGNATURE_ALGORITHM       made with another digest than SHA-256
     SIGNATURE_NO_ATTRIBUTES   no signed attributes, or not those that must be there
     SIGNATURE_DIGEST          of another document: changed after signing, or text mode
     SIGNATURE_NO_TIME         no signing time
     SIGNATURE_AHEAD           signing time more than a day ahead of a synchronised clock
     SIGNATURE_NO_CERTIFICATE  the signer's certificate is not in the file
     SIGNATURE_WEAK            RSA under 2048 bits, MD5, SHA-1, a small curve
     SIGNATURE_EXPIRED, SIGNATURE_NOT_YET_VALID   a certificate on the way
     SIGNATURE_UNTRUSTED       leads to no trust anchor, or a certificate on the way may not
     SIGNATURE_KEY_USAGE       the certificate is not for signing
     SIGNATURE_WRONG_KEY       not made by the certificate's key, or altered since */
bool signature_verify(struct signature *out, const struct signature_trust *trust, const char *p7s,
                      size_t len, const char digest[HASH_HEX_MAX],
                      const struct signature_clock *clock, const char *where, struct error *err);

#endif

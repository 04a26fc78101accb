/*
 * Azure Storage client-side encryption 2.0 as it is made (facts: azure.md): a key a blob, wrapped;
 * regions of 4 MiB; nonces in the order of Azure's Java library. What decrypt.h reads.
 *
 * For this room. Safe on any thread, on different structs. System calls: getrandom, by libcrypto.
 */
#ifndef AGENT_PUBLISH_ENCRYPT_H
#define AGENT_PUBLISH_ENCRYPT_H

#include "agent/source/decrypt.h"
#include "policy/base/hash.h"

struct encrypt_key {
    unsigned char key[DECRYPT_KEY];
    unsigned char wrapped[DECRYPT_WRAPPED];
};

/* A new key, wrapped by that of `access`, which has one. */
void encrypt_key_make(struct encrypt_key *key, const struct site_access *access);
/* One that was made before. false: it was not wrapped by that of `access`. */
bool encrypt_key_open(struct encrypt_key *key, const unsigned char wrapped[DECRYPT_WRAPPED],
                      const struct site_access *access);
void encrypt_key_forget(struct encrypt_key *key);

/* The blob's metadata, JSON in one line; the caller frees it. */
char *encrypt_metadata(const struct encrypt_key *key, const struct site_access *access);

/* Tells, to who has the key and to nobody else, which plain bytes a blob was made of. */
void encrypt_fingerprint(const unsigned char key[DECRYPT_KEY], const char *sha256, int64_t size,
                         char hex[HASH_HEX_MAX]);

/* Seals the region of this number: `sealed` gets nonce, ciphertext and tag, len + DECRYPT_EXTRA
   bytes; the plain ones stand at sealed + DECRYPT_NONCE before. */
void encrypt_region(const struct encrypt_key *key, int64_t number, unsigned char *sealed,
                    size_t len);

#endif

/*
 * Azure Storage client-side encryption 2.0 and 2.1 as it is read (facts: azure.md): the metadata
 * that a blob carries, and its body of regions, each nonce, ciphertext and tag. Nothing of a region
 * is given before its tag was right.
 *
 * This room uses it; publish/ makes what it reads. Safe on any thread. No system calls.
 */
#ifndef AGENT_SOURCE_DECRYPT_H
#define AGENT_SOURCE_DECRYPT_H

#include "policy/base/error.h"
#include "policy/site.h"

#include <stdint.h>

#define DECRYPT_NONCE   12
#define DECRYPT_TAG     16
#define DECRYPT_EXTRA   (DECRYPT_NONCE + DECRYPT_TAG) /* a region's bytes beside the plain ones */
#define DECRYPT_REGION  ((int64_t)4194304)            /* of version 2.0, plain */
#define DECRYPT_KEY     32
#define DECRYPT_PREFIX  8                                  /* "2.0" and NULs, before the key */
#define DECRYPT_WRAPPED (DECRYPT_PREFIX + DECRYPT_KEY + 8) /* RFC 3394 adds eight bytes */

/* What a blob's encryption data says. */
struct decrypt_data {
    int64_t region; /* plain bytes of each region but the last */
    char protocol[4];
    char key_id[128];
    unsigned char wrapped[DECRYPT_WRAPPED];
};

/* `json` is the metadata's text. What it may not be: blame source, codes ENCRYPTION_DATA,
   ENCRYPTION_VERSION (1.0 is refused: the vendor gave it up for a weakness), KEY_WRAPPING. */
bool decrypt_read(struct decrypt_data *data, const char *json, struct error *err);

/* Unwraps the blob's own key. Code NO_KEY: the policy has none for it (blame policy); WRONG_KEY: it
   does not fit, or the key was made for another protocol. */
bool decrypt_unwrap(const struct decrypt_data *data, const struct site_access *access,
                    unsigned char key[DECRYPT_KEY], struct error *err);

/* Of a blob of `plain` bytes; -1: more than LIMIT_BLOB_REGIONS. No plain byte: no region. */
int64_t decrypt_region_count(int64_t plain, int64_t region);
int64_t decrypt_encrypted_length(int64_t plain, int64_t region);
/* Of a blob of `encrypted` bytes; -1: no blob has that length. */
int64_t decrypt_plain_length(int64_t encrypted, int64_t region);

/* One blob being read. */
struct decryptor;
struct decryptor *decryptor_create(const unsigned char key[DECRYPT_KEY]);
void decryptor_free(struct decryptor *decryptor); /* NULL is fine */

/* Opens the region at `bytes`, `len` with nonce and tag, in place: the plain bytes stand behind the
   nonce. Code TAMPERED: the tag is wrong, or the nonce was there before in this blob. */
bool decryptor_open(struct decryptor *decryptor, unsigned char *bytes, size_t len,
                    struct error *err);

#endif

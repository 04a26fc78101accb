#include "agent/publish/encrypt.h"

#include "policy/base/base64.h"
#include "policy/base/mem.h"

#include <inttypes.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL "2.0"

/* RFC 3394 over prefix and key. */
static void wrap(struct encrypt_key *key, const unsigned char kek[DECRYPT_KEY])
{
    unsigned char plain[DECRYPT_PREFIX + DECRYPT_KEY] = PROTOCOL;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    memcpy(plain + DECRYPT_PREFIX, key->key, DECRYPT_KEY);
    if (!context)
        mem_exhausted();
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_EncryptInit_ex(context, EVP_aes_256_wrap(), NULL, kek, NULL) != 1 ||
        EVP_EncryptUpdate(context, key->wrapped, &len, plain, sizeof plain) != 1 ||
        len != DECRYPT_WRAPPED)
        mem_exhausted(); /* of such sizes it fails of nothing else */
    EVP_CIPHER_CTX_free(context);
    OPENSSL_cleanse(plain, sizeof plain);
}

void encrypt_key_make(struct encrypt_key *key, const struct site_access *access)
{
    if (RAND_bytes(key->key, DECRYPT_KEY) != 1)
        mem_exhausted();
    wrap(key, access->key);
}

bool encrypt_key_open(struct encrypt_key *key, const unsigned char wrapped[DECRYPT_WRAPPED],
                      const struct site_access *access)
{
    struct decrypt_data data = {.protocol = PROTOCOL};
    memcpy(data.wrapped, wrapped, DECRYPT_WRAPPED);
    memcpy(key->wrapped, wrapped, DECRYPT_WRAPPED);
    return decrypt_unwrap(&data, access, key->key, NULL);
}

void encrypt_key_forget(struct encrypt_key *key)
{
    OPENSSL_cleanse(key, sizeof *key);
}

char *encrypt_metadata(const struct encrypt_key *key, const struct site_access *access)
{
    char *wrapped = base64_encode(key->wrapped, DECRYPT_WRAPPED);
    json_t *data = json_pack(
        "{s:{s:s, s:s, s:s}, s:{s:s, s:s}, s:{s:I, s:i}, s:{s:s}}", "WrappedContentKey", "KeyId",
        access->key_id ? access->key_id : "", "EncryptedKey", wrapped, "Algorithm", "A256KW",
        "EncryptionAgent", "Protocol", PROTOCOL, "EncryptionAlgorithm", "AES_GCM_256",
        "EncryptedRegionInfo", "DataLength", (json_int_t)DECRYPT_REGION, "NonceLength",
        DECRYPT_NONCE, "KeyWrappingMetadata", "EncryptionLibrary", "nearpoint " NEARPOINT_VERSION);
    char *text = json_dumps(data, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (!text)
        mem_exhausted();
    json_decref(data);
    free(wrapped);
    return text;
}

void encrypt_fingerprint(const unsigned char key[DECRYPT_KEY], const char *sha256, int64_t size,
                         char hex[HASH_HEX_MAX])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char *text = mem_format("nearpoint %s %" PRId64, sha256, size);
    if (!HMAC(EVP_sha256(), key, DECRYPT_KEY, (const unsigned char *)text, strlen(text), digest,
              &len))
        mem_exhausted();
    for (unsigned i = 0; i < len && 2 * i + 2 < HASH_HEX_MAX; i++)
        snprintf(hex + (size_t)2 * i, 3, "%02X", digest[i]);
    free(text);
}

void encrypt_region(const struct encrypt_key *key, int64_t number, unsigned char *sealed,
                    size_t len)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    unsigned char *body = sealed + DECRYPT_NONCE;
    int done = 0;
    if (!context)
        mem_exhausted();
    memset(sealed, 0, DECRYPT_NONCE);
    for (size_t i = 0; i < 8; i++)
        sealed[i] = (unsigned char)((uint64_t)number >> (56 - 8 * i));
    if (EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->key, sealed) != 1 ||
        EVP_EncryptUpdate(context, body, &done, body, (int)len) != 1 ||
        EVP_EncryptFinal_ex(context, body + len, &done) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, DECRYPT_TAG, body + len) != 1)
        mem_exhausted();
    EVP_CIPHER_CTX_free(context);
}

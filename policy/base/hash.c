#include "policy/base/hash.h"

#include "policy/base/mem.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hash {
    EVP_MD_CTX *context;
    const EVP_MD *digest;
};

/* libcrypto fails here only without memory or without its default provider. */
static void require(int ok)
{
    if (!ok) {
        fputs("nearpoint: libcrypto cannot compute a digest\n", stderr);
        _Exit(1);
    }
}

struct hash *hash_create(enum hash_algorithm algorithm)
{
    struct hash *hash = mem_zero(1, sizeof *hash);
    hash->context = EVP_MD_CTX_new();
    hash->digest = algorithm == HASH_SHA1 ? EVP_sha1() : EVP_sha256();
    require(hash->context != NULL);
    hash_restart(hash);
    return hash;
}

void hash_restart(struct hash *hash)
{
    require(EVP_DigestInit_ex(hash->context, hash->digest, NULL));
}

void hash_update(struct hash *hash, const void *bytes, size_t len)
{
    require(EVP_DigestUpdate(hash->context, bytes, len));
}

void hash_finish(struct hash *hash, char hex[HASH_HEX_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    require(EVP_DigestFinal_ex(hash->context, raw, &len));
    for (unsigned i = 0; i < len && i < (HASH_HEX_MAX - 1) / 2; i++) {
        hex[2 * i] = digits[raw[i] >> 4];
        hex[2 * i + 1] = digits[raw[i] & 15];
    }
    hex[2 * len] = '\0';
}

void hash_free(struct hash *hash)
{
    if (hash)
        EVP_MD_CTX_free(hash->context);
    free(hash);
}

void hash_bytes(enum hash_algorithm algorithm, const void *bytes, size_t len,
                char hex[HASH_HEX_MAX])
{
    struct hash *hash = hash_create(algorithm);
    hash_update(hash, bytes, len);
    hash_finish(hash, hex);
    hash_free(hash);
}

size_t hash_hex_length(enum hash_algorithm algorithm)
{
    return algorithm == HASH_SHA1 ? 40 : 64;
}

bool hash_parse(enum hash_algorithm algorithm, const char *hex, char out[HASH_HEX_MAX])
{
    size_t want = hash_hex_length(algorithm);
    if (strlen(hex) != want)
        return false;
    for (size_t i = 0; i < want; i++) {
        char c = hex[i];
        if (c >= 'a' && c <= 'f')
            c = (char)(c - 'a' + 'A');
        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'F'))
            return false;
        out[i] = c;
    }
    out[want] = '\0';
    return true;
}

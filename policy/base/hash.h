/* Digests, through libcrypto's EVP. The only file of policy/ besides signature that knows it. */
#ifndef POLICY_BASE_HASH_H
#define POLICY_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>

enum hash_algorithm { HASH_SHA256, HASH_SHA1 };

#define HASH_HEX_MAX 65 /* 64 hex digits and NUL */

struct hash; /* one running digest */

struct hash *hash_create(enum hash_algorithm algorithm);
void hash_restart(struct hash *hash);
void hash_update(struct hash *hash, const void *bytes, size_t len);
/* Writes upper-case hex and NUL; call hash_restart before the next use. */
void hash_finish(struct hash *hash, char hex[HASH_HEX_MAX]);
void hash_free(struct hash *hash); /* NULL is fine */

void hash_bytes(enum hash_algorithm algorithm, const void *bytes, size_t len,
                char hex[HASH_HEX_MAX]);

/* 64 for SHA-256, 40 for SHA-1. */
size_t hash_hex_length(enum hash_algorithm algorithm);

/* Is `hex` a digest of this algorithm? Upper-cases into `out`. */
bool hash_parse(enum hash_algorithm algorithm, const char *hex, char out[HASH_HEX_MAX]);

#endif

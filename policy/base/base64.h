/* Base64 (RFC 4648, section 4): with padding, without line breaks. */
#ifndef POLICY_BASE_BASE64_H
#define POLICY_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* The caller frees it. */
char *base64_encode(const void *bytes, size_t len);

/* false: not the base64 of just `len` bytes; `out` may be written to all the same. */
bool base64_decode(const char *text, void *out, size_t len);

/* 64 hex digits, or 44 characters of base64 (policy model: NP_CloudAccess). */
bool base64_read_key(const char *text, unsigned char key[32]);

#endif

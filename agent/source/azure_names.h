/*
 * A page of List Blobs (facts: azure.md): EnumerationResults/Blobs/Blob with name, length and
 * metadata, and NextMarker. Pure: bytes in, blobs out. For this room, publish/ and tests.
 */
#ifndef AGENT_SOURCE_AZURE_NAMES_H
#define AGENT_SOURCE_AZURE_NAMES_H

#include "policy/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Valid during the call only; texts are "" where there are none. */
struct azure_blob {
    const char *name; /* as listed, unchecked; a NUL may stand within it */
    size_t name_len;
    int64_t size;            /* Content-Length */
    const char *encryption;  /* metadata encryptiondata */
    const char *fingerprint; /* metadata nearpoint: what `publish` keeps of the plain file */
};

/* Refuses by returning false with its error filled. */
typedef bool (*azure_take)(void *arg, const struct azure_blob *blob, struct error *err);

struct azure_names;

struct azure_names *azure_names_open(azure_take take, void *arg);
/* What is no such page, a blob without name or length, a text that is too long: false,
   ERROR_FAILED, BLAME_SOURCE, code LISTING. After false only azure_names_close may follow. */
bool azure_names_feed(struct azure_names *names, const char *bytes, size_t len, struct error *err);
/* `marker`: where the next page begins, "" after the last; the caller frees it. */
bool azure_names_finish(struct azure_names *names, char **marker, struct error *err);
void azure_names_close(struct azure_names *names); /* NULL is fine */

#endif

/* Bytes as what an Azure service says: a page of a list, encryption data, a token. */
#include "agent/source/azure_names.h"
#include "agent/source/decrypt.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/sas.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is given is bounded, and a text. */
static bool take_blob(void *arg, const struct azure_blob *blob, struct error *err)
{
    size_t *left = arg;
    (void)err;
    if (blob->size < 0 || blob->name_len == 0 || blob->name_len > (size_t)(4 * LIMIT_NAME_BYTES) ||
        strlen(blob->encryption) > LIMIT_ENCRYPTION_BYTES || strlen(blob->fingerprint) > 128)
        __builtin_trap();
    return (*left)-- > 0;
}

static void read_list(const char *bytes, size_t len)
{
    struct error err;
    char *marker = NULL;
    size_t left = 1000, half = len / 2;
    struct azure_names *names = azure_names_open(take_blob, &left);
    if (azure_names_feed(names, bytes, half, &err) &&
        azure_names_feed(names, bytes + half, len - half, &err))
        azure_names_finish(names, &marker, &err);
    azure_names_close(names);
    free(marker);
}

static void read_data(const char *text)
{
    struct decrypt_data data;
    struct error err;
    if (decrypt_read(&data, text, &err) &&
        (data.region <= 0 || data.region > LIMIT_REGION_BYTES || data.protocol[0] != '2'))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_copy_bytes((const char *)data, size);
    read_list(text, size);
    read_data(text);
    sas_judge(text, 1795867200);
    free(text);
    return 0;
}

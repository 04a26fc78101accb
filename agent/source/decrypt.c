#include "agent/source/decrypt.h"

#include "policy/base/base64.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the metadata ---- */

static bool refuse(struct error *err, const char *code, const char *text)
{
    return error_set(err, ERROR_FAILED, BLAME_SOURCE, code, NULL, "%s", text);
}

static const char *get_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static bool read_agent(struct decrypt_data *data, const json_t *agent, struct error *err)
{
    char text[128];
    const char *protocol = get_text(agent, "Protocol");
    const char *algorithm = get_text(agent, "EncryptionAlgorithm");
    if (strcmp(protocol, "1.0") == 0)
        return refuse(err, "ENCRYPTION_VERSION",
                      "is encrypted by version 1.0, which Azure gave up for a weakness");
    if (strcmp(protocol, "2.0") != 0 && strcmp(protocol, "2.1") != 0) {
        snprintf(text, sizeof text, "is encrypted by a version that is not known, '%.16s'",
                 protocol);
        return refuse(err, "ENCRYPTION_VERSION", text);
    }
    snprintf(data->protocol, sizeof data->protocol, "%s", protocol);
    return strcmp(algorithm, "AES_GCM_256") == 0 ||
           refuse(err, "ENCRYPTION_VERSION", "is encrypted by another algorithm than AES_GCM_256");
}

static bool read_region(struct decrypt_data *data, const json_t *info, struct error *err)
{
    const json_t *region = json_object_get(info, "DataLength");
    data->region = json_integer_value(region);
    bool of_20 = strcmp(data->protocol, "2.0") != 0 || data->region == DECRYPT_REGION;
    if (json_integer_value(json_object_get(info, "NonceLength")) != DECRYPT_NONCE)
        return refuse(err, "ENCRYPTION_DATA",
                      "has encryption data with another nonce length than "
                      "12");
    return (data->region > 0 && data->region <= LIMIT_REGION_BYTES && of_20) ||
           refuse(err, "ENCRYPTION_DATA", "has encryption data with an absurd region length");
}

static bool read_wrapping(struct decrypt_data *data, const json_t *wrapped, struct error *err)
{
    char text[128];
    const char *algorithm = get_text(wrapped, "Algorithm");
    snprintf(data->key_id, sizeof data->key_id, "%s", get_text(wrapped, "KeyId"));
    if (strcmp(algorithm, "A256KW") != 0) {
        snprintf(text, sizeof text, "has a key that is wrapped by '%.32s', not by A256KW",
                 algorithm);
        return refuse(err, "KEY_WRAPPING", text);
    }
    return base64_decode(get_text(wrapped, "EncryptedKey"), data->wrapped, DECRYPT_WRAPPED) ||
           refuse(err, "ENCRYPTION_DATA", "has encryption data whose wrapped key is none");
}

bool decrypt_read(struct decrypt_data *data, const char *json, struct error *err)
{
    *data = (struct decrypt_data){0};
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    bool ok = json_is_object(root) ||
              refuse(err, "ENCRYPTION_DATA", "has encryption data that is no JSON object");
    ok = ok && read_agent(data, json_object_get(root, "EncryptionAgent"), err) &&
         read_region(data, json_object_get(root, "EncryptedRegionInfo"), err) &&
         read_wrapping(data, json_object_get(root, "WrappedContentKey"), err);
    json_decref(root);
    return ok;
}

/* ---- the key ---- */

/* RFC 3394. false: the key does not fit. */
static bool unwrap(const unsigned char kek[DECRYPT_KEY], const unsigned char *wrapped,
                   unsigned char *out)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    if (!context)
        mem_exhausted();
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool ok = EVP_DecryptInit_ex(context, EVP_aes_256_wrap(), NULL, kek, NULL) == 1 &&
              EVP_DecryptUpdate(context, out, &len, wrapped, DECRYPT_WRAPPED) == 1 &&
              len == DECRYPT_PREFIX + DECRYPT_KEY;
    EVP_CIPHER_CTX_free(context);
    return ok;
}

static bool refuse_key(const struct decrypt_data *data, const struct site_access *access,
                       struct error *err)
{
    const char *ours = access->key_id ? access->key_id : "";
    return error_set(err, ERROR_FAILED, BLAME_POLICY, "WRONG_KEY", NULL,
                     "is encrypted with another key than the policy has (the blob's is named "
                     "'%.100s', the policy's '%.100s')",
                     data->key_id, ours);
}

bool decrypt_unwrap(const struct decrypt_data *data, const struct site_access *access,
                    unsigned char key[DECRYPT_KEY], struct error *err)
{
    unsigned char open[DECRYPT_WRAPPED];
    char prefix[DECRYPT_PREFIX] = {0};
    if (!access || !access->has_key)
        return error_set(err, ERROR_FAILED, BLAME_POLICY, "NO_KEY", NULL,
                         "is encrypted, and the policy has no key for it (NP_CloudAccess)");
    memcpy(prefix, data->protocol, sizeof data->protocol);
    if (!unwrap(access->key, data->wrapped, open))
        return refuse_key(data, access, err);
    bool same = memcmp(open, prefix, sizeof prefix) == 0;
    if (same)
        memcpy(key, open + DECRYPT_PREFIX, DECRYPT_KEY);
    OPENSSL_cleanse(open, sizeof open);
    return same || refuse(err, "WRONG_KEY",
                          "has a key that was made for another protocol than it says: somebody "
                          "changed it");
}

/* ---- lengths ---- */

int64_t decrypt_region_count(int64_t plain, int64_t region)
{
    int64_t count = plain / region + (plain % region != 0);
    return count <= LIMIT_BLOB_REGIONS ? count : -1;
}

int64_t decrypt_encrypted_length(int64_t plain, int64_t region)
{
    int64_t count = decrypt_region_count(plain, region);
    return count < 0 ? -1 : plain + count * DECRYPT_EXTRA;
}

int64_t decrypt_plain_length(int64_t encrypted, int64_t region)
{
    int64_t whole = encrypted / (region + DECRYPT_EXTRA),
            rest = encrypted % (region + DECRYPT_EXTRA);
    if (rest > 0 && rest < DECRYPT_EXTRA)
        return -1;
    int64_t plain = encrypted - (whole + (rest > 0)) * DECRYPT_EXTRA;
    return decrypt_region_count(plain, region) < 0 ? -1 : plain;
}

/* ---- regions ---- */

struct nonce {
    bool used;
    unsigned char bytes[DECRYPT_NONCE];
};

struct decryptor {
    EVP_CIPHER_CTX *context;
    struct nonce *nonces; /* of what was opened: a hash table, at most half full */
    size_t count, size;   /* size: a power of two */
};

struct decryptor *decryptor_create(const unsigned char key[DECRYPT_KEY])
{
    struct decryptor *decryptor = mem_zero(1, sizeof *decryptor);
    decryptor->context = EVP_CIPHER_CTX_new();
    if (!decryptor->context ||
        EVP_DecryptInit_ex(decryptor->context, EVP_aes_256_gcm(), NULL, key, NULL) != 1)
        mem_exhausted();
    return decryptor;
}

void decryptor_free(struct decryptor *decryptor)
{
    if (!decryptor)
        return;
    EVP_CIPHER_CTX_free(decryptor->context); /* cleanses the key */
    free(decryptor->nonces);
    free(decryptor);
}

static struct nonce *find_slot(const struct decryptor *decryptor, const unsigned char *nonce)
{
    size_t at = 14695981039346656037U;
    for (size_t i = 0; i < DECRYPT_NONCE; i++)
        at = (at ^ nonce[i]) * 1099511628211U;
    struct nonce *slot;
    do {
        slot = &decryptor->nonces[at++ & (decryptor->size - 1)];
    } while (slot->used && memcmp(slot->bytes, nonce, DECRYPT_NONCE) != 0);
    return slot;
}

static void grow(struct decryptor *decryptor)
{
    struct decryptor old = *decryptor;
    decryptor->size = old.size ? 2 * old.size : 16;
    decryptor->nonces = mem_zero(decryptor->size, sizeof *decryptor->nonces);
    for (size_t i = 0; i < old.size; i++)
        if (old.nonces[i].used)
            *find_slot(decryptor, old.nonces[i].bytes) = old.nonces[i];
    free(old.nonces);
}

/* false: it was there before. */
static bool note_nonce(struct decryptor *decryptor, const unsigned char *nonce)
{
    if (2 * (decryptor->count + 1) > decryptor->size)
        grow(decryptor);
    struct nonce *slot = find_slot(decryptor, nonce);
    if (slot->used)
        return false;
    slot->used = true;
    memcpy(slot->bytes, nonce, DECRYPT_NONCE);
    decryptor->count++;
    return true;
}

static bool decrypt(EVP_CIPHER_CTX *context, unsigned char *bytes, size_t plain)
{
    unsigned char *body = bytes + DECRYPT_NONCE, *tag = body + plain;
    int len = 0;
    return EVP_DecryptInit_ex(context, NULL, NULL, NULL, bytes) == 1 &&
           EVP_DecryptUpdate(context, body, &len, body, (int)plain) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, DECRYPT_TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(context, tag, &len) == 1;
}

bool decryptor_open(struct decryptor *decryptor, unsigned char *bytes, size_t len,
                    struct error *err)
{
    if (len < DECRYPT_EXTRA || !decrypt(decryptor->context, bytes, len - DECRYPT_EXTRA))
        return refuse(err, "TAMPERED", "has a region whose tag is wrong: its bytes were changed");
    return note_nonce(decryptor, bytes) ||
           refuse(err, "TAMPERED", "has a region twice (its nonce was there before)");
}

#include "policy/folder_hash.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unistr.h>

#define BMP_END 0x10000

/* ---- the order of names ---- */

/* The next character, and past it. */
static ucs4_t next(const char **at)
{
    ucs4_t character = (unsigned char)**at;
    if (character < 0x80) {
        ++*at;
        return character;
    }
    const uint8_t *bytes = (const uint8_t *)*at;
    int len = u8_strmbtouc(&character, bytes);
    *at += len > 0 ? len : 1;
    return character;
}

static ucs4_t upper(ucs4_t character)
{
    if (character < 0x80)
        return character >= 'a' && character <= 'z' ? character - 'a' + 'A' : character;
    return character < BMP_END ? uc_toupper(character) : character;
}

static ucs4_t lower(ucs4_t character)
{
    if (character < 0x80)
        return character >= 'A' && character <= 'Z' ? character - 'A' + 'a' : character;
    return character < BMP_END ? uc_tolower(character) : character;
}

/* Beyond the Basic Multilingual Plane a character is two units, and the first one counts. '/'
   comes before all: what is below one folder lies together. */
static ucs4_t rank(ucs4_t character)
{
    if (character == '/')
        return 1;
    return character < BMP_END ? character : 0xD800 + ((character - BMP_END) >> 10);
}

int folder_compare_names(const char *a, const char *b)
{
    while (*a && *b) {
        ucs4_t left = upper(next(&a)), right = upper(next(&b));
        if (left == right)
            continue;
        if (rank(left) != rank(right))
            return rank(left) < rank(right) ? -1 : 1;
        return left < right ? -1 : 1;
    }
    return (*a != '\0') - (*b != '\0');
}

bool folder_holds(const char *folder, const char *name)
{
    while (*folder)
        if (!*name || upper(next(&folder)) != upper(next(&name)))
            return false;
    return *name == '/';
}

static int compare_entries(const void *a, const void *b)
{
    const struct folder_entry *left = a, *right = b;
    int order = folder_compare_names(left->name, right->name);
    return order ? order : strcmp(left->name, right->name);
}

/* ---- the hash ---- */

/* A run of entries that lie below one folder, whose path has `depth` bytes (its '/' included). */
struct run {
    const struct folder_entry *first, *end;
    size_t depth;
};

static void add_units(struct hash *hash, const uint16_t *units, size_t count)
{
    unsigned char bytes[256];
    for (size_t done = 0; done < count;) {
        size_t now = count - done < sizeof bytes / 2 ? count - done : sizeof bytes / 2;
        for (size_t i = 0; i < now; i++) {
            bytes[2 * i] = (unsigned char)(units[done + i] & 0xFF);
            bytes[2 * i + 1] = (unsigned char)(units[done + i] >> 8);
        }
        hash_update(hash, bytes, 2 * now);
        done += now;
    }
}

/* The first `len` bytes of a path, in lower case, '\' between its segments. */
static void add_path(struct hash *hash, const char *path, size_t len)
{
    const char *end = path + len;
    while (path < end) {
        uint16_t units[2];
        ucs4_t character = lower(next(&path));
        int count = u16_uctomb(units, character == '/' ? '\\' : character, 2);
        add_units(hash, units, count > 0 ? (size_t)count : 0);
    }
}

static void add_digest(struct hash *hash, const char *hex)
{
    uint16_t units[HASH_HEX_MAX];
    size_t len = strlen(hex);
    for (size_t i = 0; i < len; i++)
        units[i] = (unsigned char)hex[i];
    add_units(hash, units, len);
}

/* The length of the path of the folder right below the run's that the entry is, or is in; 0: it is
   a file of the run's own. */
static size_t folder_length(const struct folder_entry *entry, size_t depth)
{
    const char *slash = strchr(entry->name + depth, '/');
    if (slash)
        return (size_t)(slash - entry->name);
    return entry->sha256 ? 0 : strlen(entry->name);
}

/* Where the entries end that are in, or are, the folder that `at` is in. */
static const struct folder_entry *end_of_folder(const struct run *run,
                                                const struct folder_entry *at)
{
    size_t len = folder_length(at, run->depth);
    const struct folder_entry *next_one = at + 1;
    while (next_one < run->end && folder_length(next_one, run->depth) == len &&
           memcmp(next_one->name, at->name, len) == 0)
        next_one++;
    return next_one;
}

/* The next of the run's files, or of its folders. */
static const struct folder_entry *skip_to(const struct run *run, const struct folder_entry *at,
                                          bool folders)
{
    while (at < run->end && (folder_length(at, run->depth) > 0) != folders)
        at++;
    return at;
}

static void add_folder(struct hash *hash, const struct run *run)
{
    const struct folder_entry *at;
    for (at = skip_to(run, run->first, true); at < run->end;
         at = skip_to(run, end_of_folder(run, at), true))
        add_path(hash, at->name, folder_length(at, run->depth));
    for (at = skip_to(run, run->first, false); at < run->end; at = skip_to(run, at + 1, false))
        add_path(hash, at->name, strlen(at->name));
    for (at = skip_to(run, run->first, false); at < run->end; at = skip_to(run, at + 1, false))
        add_digest(hash, at->sha256);
}

/* A folder's own entry comes first of what it holds. */
static struct run folder_at(const struct run *run, const struct folder_entry *at)
{
    size_t len = folder_length(at, run->depth);
    struct run below = {.first = at, .end = end_of_folder(run, at), .depth = len + 1};
    if (strlen(at->name) == len)
        below.first++;
    return below;
}

/* Folder by folder, what is below the first before the second. */
static void add_tree(struct hash *hash, const struct run *run)
{
    add_folder(hash, run);
    for (const struct folder_entry *at = skip_to(run, run->first, true); at < run->end;
         at = skip_to(run, end_of_folder(run, at), true)) {
        struct run below = folder_at(run, at);
        add_tree(hash, &below);
    }
}

void folder_hash(struct folder_entry *entries, size_t count, char hex[HASH_HEX_MAX])
{
    struct hash *hash = hash_create(HASH_SHA256);
    struct run all = {.first = entries, .end = entries + count};
    if (count)
        qsort(entries, count, sizeof *entries, compare_entries);
    add_tree(hash, &all);
    hash_finish(hash, hex);
    hash_free(hash);
}

/*
 * The hash of a folder, as ConfigMgr makes it of a content (configmgr-facts 5.4; undocumented,
 * HashAlgorithm 32780): one SHA-256 over the names and the files' digests, folder by folder.
 *
 * It fixes neither where one name ends and the next begins nor letter case: two trees can have one
 * hash. Case is by Unicode's simple mappings, of the Basic Multilingual Plane as Windows has them;
 * names are taken in the order of their upper-cased UTF-16 units, as NTFS lists them. Pure; any
 * room may call it.
 */
#ifndef POLICY_FOLDER_HASH_H
#define POLICY_FOLDER_HASH_H

#include "policy/base/hash.h"

#include <stdbool.h>
#include <stddef.h>

/* SMS_Content's and NP_ContentHash's HashAlgorithm of this hash. */
#define FOLDER_HASH_ALGORITHM 32780

struct folder_entry {
    const char *name;   /* relative, '/' between segments, valid UTF-8 (text_refuse_file_name) */
    const char *sha256; /* 64 upper-case hex digits; NULL: a folder */
};

/* Folders that hold something need no entry of their own. Names are unique; none is below a
   file's. The entries are sorted on the way. */
void folder_hash(struct folder_entry *entries, size_t count, char hex[HASH_HEX_MAX]);

/* Would the two names be one on Windows? 0: yes; else their order, in which what is below a folder
   follows it at once. */
int folder_compare_names(const char *a, const char *b);

/* Is the name below the folder's, on Windows? */
bool folder_holds(const char *folder, const char *name);

#endif

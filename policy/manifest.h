/*
 * A content's manifest: every file's name, size and digest (NP_Content.Manifest, the SDMPackage
 * <Content ContentId Version><FileContent Name Hash HashAlgorithm Size/></Content> document).
 * Also what a distribution point lists of a content without one.
 * No system calls; any room may call it.
 */
#ifndef POLICY_MANIFEST_H
#define POLICY_MANIFEST_H

#include "policy/base/error.h"
#include "policy/base/hash.h"
#include "policy/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct manifest_file {
    const char *name; /* relative, '/' between segments, checked */
    int64_t size;
    enum hash_algorithm algorithm;
    char hash[HASH_HEX_MAX]; /* upper-case hex; of a list: no digest, but unique to the file */
};

struct manifest {
    struct arena arena; /* owns the texts below */
    size_t count;
    struct manifest_file *files; /* in the manifest's order; owned */
    int64_t bytes;               /* sum of the sizes */
    const char *content_id;      /* <Content ContentId>, or NULL */
    const char *version;         /* <Content Version> as written, or NULL */
    bool is_list;                /* of a distribution point: no file's digest is known */
    size_t folder_count;         /* of a list: folders that hold nothing */
    const char **folders;        /* in the arena */
};

/* Reads and checks it: names by text_refuse_file_name, no name twice (with or without case), none
   a folder of another, sizes from 0, digests of the right length, at most LIMIT_MANIFEST_FILES,
   an empty file has the digest of nothing. Refusals are ERROR_INPUT, BLAME_POLICY, code MANIFEST,
   and name the file; so are those of XML. Other elements and attributes are passed over. Whether
   ContentId and Version are the content's is the caller's to check. `where` stands in messages.
   On false nothing is left to free. */
bool manifest_read(struct manifest *manifest, const char *xml, size_t len, const char *where,
                   struct error *err);

void manifest_free(struct manifest *manifest);

#endif

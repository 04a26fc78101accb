/*
 * A content library as a Windows distribution point has it (SCCMContentLib, configmgr-facts 5.3),
 * read from a folder: a mounted share, a disk, a copy.
 *
 *     PkgLib/<package ID>.INI              [Packages]: a key a content
 *     DataLib/<content ID>.<version>.INI   [Info] Hash: the folder hash
 *     DataLib/<content ID>.<version>/      an INI a file, <name>.INI: [File] Hash, Size
 *     FileLib/<first 4 hex>/<SHA-256>      a file's bytes
 *
 * INI files are UTF-8, UTF-16 with a byte order mark, or Windows-1252, with LF or CRLF. Names that
 * differ by case only are one, as they were on Windows. Nothing in it is trusted: everything is
 * opened beneath its folder without following links or waiting, only regular files are read, and
 * what it says of its bytes is for the reader to check.
 *
 * Calls block: for a worker thread. System calls: openat2, fstat, read, getdents.
 */
#ifndef AGENT_SOURCE_LIBRARY_READ_H
#define AGENT_SOURCE_LIBRARY_READ_H

#include "policy/base/error.h"
#include "policy/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct library;

/* The folder itself, or the SCCMContentLib in it; its last component may be a link, as its
   administrator made it. NULL: code LIBRARY, or why it cannot be opened. */
struct library *library_open(const char *path, struct error *err);
/* The folder `below` a root that is trusted; no component of it may be a link. */
struct library *library_open_below(const char *root, const char *below, struct error *err);
void library_close(struct library *library);

struct library_content {
    char *content_id;
    int64_t version;
};

struct library_contents {
    size_t count, cap;
    struct library_content *list; /* by ID and version */
};

/* Every content that a PkgLib INI names, or that has an INI in DataLib. false: a folder cannot be
   read. */
bool library_list(struct library *library, struct library_contents *contents, struct error *err);
void library_contents_free(struct library_contents *contents);

/* A content's files, with the digests that their INI files say, and its empty folders; by name.
   `folder_hash` is [Info] Hash, empty where the content's INI is missing. Names by
   text_refuse_file_name. What is missing, malformed or too
   large is ERROR_FAILED, code LIBRARY, and named; on false nothing is left to free. Code
   NOT_IN_LIBRARY: it has no such content. */
bool library_read(struct library *library, const char *content_id, int64_t version,
                  struct manifest *manifest, char folder_hash[HASH_HEX_MAX], struct error *err);

/* The SHA-256 that the library has for one file of a content; codes as above. */
bool library_find_file(struct library *library, const char *content_id, int64_t version,
                       const char *name, struct manifest_file *file, struct error *err);

enum library_problem {
    LIBRARY_RIGHT,
    LIBRARY_MISSING,
    LIBRARY_IRREGULAR, /* a link, a folder, a device */
    LIBRARY_SHORT,
    LIBRARY_LONG
};

/* Opens a file's bytes, by its SHA-256, for reading: a regular file of its size. -1: code LIBRARY,
   and which problem. */
int library_open_file(struct library *library, const struct manifest_file *file,
                      enum library_problem *problem, struct error *err);

#endif

/*
 * A WebDAV multistatus (RFC 4918 section 14.16) as it comes: names below a content, with kind and
 * length. Elements are known by namespace and local name, hrefs are absolute or relative, decoded
 * once; only properties of status 200 count. Memory does not grow with the document. Pure; for this
 * room and its tests.
 */
#ifndef AGENT_SOURCE_MULTISTATUS_H
#define AGENT_SOURCE_MULTISTATUS_H

#include "policy/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct multistatus_entry {
    const char *name; /* relative to the content, decoded, without a last '/'; "": the content */
    size_t len;       /* a NUL may stand within it */
    bool is_folder;
    int64_t size; /* of a file */
};

/* Refuses by returning false with its error filled; valid during the call only. */
typedef bool (*multistatus_take)(void *arg, const struct multistatus_entry *entry,
                                 struct error *err);

struct multistatus;

/* `contents` are the decoded paths of the content's URL, as it was asked for and in the plain form,
   without a last '/': hrefs may have either. `folder` is the one that was asked about, relative to
   them ("": itself): relative hrefs begin there. All are copied. */
struct multistatus *multistatus_open(const char *const contents[2], const char *folder,
                                     multistatus_take take, void *arg);

/* What is no multistatus, an href outside of the content, an entry that is neither file nor folder
   or refused itself, a file without a length: false, ERROR_FAILED, BLAME_SOURCE, code LISTING.
   After false only multistatus_close may follow. */
bool multistatus_feed(struct multistatus *reading, const char *bytes, size_t len,
                      struct error *err);
bool multistatus_finish(struct multistatus *reading, struct error *err);
void multistatus_close(struct multistatus *reading); /* NULL is fine */

#endif

/* Which file of which content of which library, on its way to another thread. For this room only.
 */
#ifndef AGENT_SOURCE_LIBRARY_PLACE_H
#define AGENT_SOURCE_LIBRARY_PLACE_H

#include "agent/source/client.h"
#include "agent/source/library_read.h"

struct library_place {
    char *root, *below; /* the path, in two */
    char *url;          /* as it may be shown */
    char *content_id, *name;
    int64_t version;
    char sha256[HASH_HEX_MAX]; /* as policy says; empty: not known */
};

/* false: policy may not name this path; code LIBRARY. Free it in any case. */
bool library_place_make(struct library_place *place, const struct source_client *client,
                        const struct source_file *file, const char *url, struct error *err);
void library_place_free(struct library_place *place);

/* Blocks. NULL: blame source, code LIBRARY or why it cannot be opened. */
struct library *library_place_open(const struct library_place *place, struct error *err);

/* A failure is the source's, wherever it was found. */
void library_place_fail(const struct library_place *place, const struct error *why, bool retry,
                        struct source_result *result);

#endif

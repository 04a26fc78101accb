/*
 * A folder becomes a content of a distribution point: laid out for a web server, in a content
 * library, in a container of the cloud, or in several, with the policy document by which a machine
 * finds it right.
 *
 * Tree and record appear by one rename, or by one exchange with what stood there; in a content
 * library as library.h says. Killed at any instant, a run leaves the old content or the new one
 * whole, and the next run goes on. commands call it. System calls: those of publication and
 * library.
 */
#ifndef AGENT_PUBLISH_PUBLISH_H
#define AGENT_PUBLISH_PUBLISH_H

#include "agent/publish/mdm.h"
#include "agent/publish/publication.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct publish_order {
    const char *source;  /* the folder to publish */
    const char *dp;      /* the folder to lay it out below; made where its parent is there */
    const char *library; /* the folder of a content library; likewise */
    const struct cloud_place
        *container;              /* of a cloud distribution point; two of three may be NULL */
    const struct mdm_place *mdm; /* the container is an MDM distribution point's; or NULL */
    const char *out;             /* the policy document; its folder is there */
    const char *content_id;
    int64_t version;
    bool replace, sync;
};

struct publish_report {
    size_t files;
    int64_t bytes;
    char folder_hash[HASH_HEX_MAX];
    struct laid_out dp, library;
    struct cloud_laid_out container;
    bool wrote_document; /* false: the file had these very bytes */
};

/* What a manifest refuses (see tree.h), a content ID that no folder can be named by: ERROR_INPUT. A
   file that changes meanwhile (code CHANGED), another run (BUSY), the same version with other bytes
   (OTHER_BYTES), a lower one (LOWER_VERSION), a folder without a record of this content (FOREIGN)
   or with a damaged one (RECORD, LIBRARY) that `replace` does not allow to replace: ERROR_FAILED.
   On false nothing new is in sight, but for the tree where the document, or the library's, could
   not be written. */
bool publish_folder(const struct publish_order *order, struct publish_report *report,
                    struct error *err);
void publish_report_free(struct publish_report *report);

#endif

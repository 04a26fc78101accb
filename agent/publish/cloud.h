/*
 * A content goes into a container of Azure Blob storage, a blob a file, each encrypted with a key
 * of its own that is wrapped by the policy's. Only what changed is uploaded, in blocks side by
 * side; what was uploaded is read back and hashed before the record, .nearpoint/content.xml, says
 * that it is there.
 *
 * While a run is on, .nearpoint/publishing names the keys of the files that take several blocks: a
 * run that is killed leaves every finished block, and the next goes on with the same keys. Both are
 * encrypted as the files are. A container has no rename: machines that read while a version takes
 * another's place find single files changed, and ask again.
 *
 * publish.c calls it. System calls: openat2, pread, getrandom, and all that source/ does.
 */
#ifndef AGENT_PUBLISH_CLOUD_H
#define AGENT_PUBLISH_CLOUD_H

#include "agent/publish/publication.h"
#include "agent/source/source.h"

struct cloud_place {
    const char *url;                  /* of the container, without query */
    const struct site_access *access; /* with a key; a SAS unless none is needed */
    struct loop *loop;
    struct source_client *client;
    size_t connections; /* most at once */
    int sealing;        /* where files are encrypted before they go out (MDM); -1: on their way */
};

struct cloud_laid_out {
    struct laid_out laid_out; /* path: the container's URL */
    size_t uploaded, removed; /* blobs */
    int64_t bytes;            /* of the plain files that were uploaded, */
    int64_t resumed;          /* and of them in blocks that an earlier run had left there */
};

bool cloud_lay_out(const struct publication *what, const struct cloud_place *place,
                   struct cloud_laid_out *laid_out, struct error *err);

#endif

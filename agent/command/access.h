/* The SAS and the key of a container, from a private policy document. */
#ifndef AGENT_COMMAND_ACCESS_H
#define AGENT_COMMAND_ACCESS_H

#include "agent/command/command.h"

/* What `publish --container` works with. */
struct access {
    struct policy policy; /* of the document alone */
    struct site site;
    const struct site_access *found;
};

/* `path` names the document, "-": standard input. A file with secrets that others may read, one
   without NP_CloudAccess, without a key, or with several of which none is for the URL's host:
   ERROR_INPUT. access_free also after false. */
bool access_read(struct access *access, const char *path, const char *url, struct error *err);
void access_free(struct access *access);

#endif

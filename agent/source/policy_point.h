/*
 * The policy point: a document by GET over HTTP or HTTPS, whole and bounded. Redirects stay on its
 * host and never leave https (contract: Limits that hold everywhere).
 *
 * Runs the loop until the document is there: one at a time, for commands. System calls: those of
 * the loop.
 */
#ifndef AGENT_SOURCE_POLICY_POINT_H
#define AGENT_SOURCE_POLICY_POINT_H

#include "agent/source/source.h"
#include "policy/base/buf.h"

struct policy_point_reply {
    bool not_modified; /* the ETag still holds; the body is empty */
    struct buf body;   /* owned */
    char etag[256];    /* as sent; empty where there is none */
    char *url;         /* where it was found, after redirects; owned */
};

/* `etag` may be NULL; `within_ms` is for the whole document, LIMIT_FETCH_SECONDS at most. Not had:
   ERROR_FAILED, with the URL; larger than LIMIT_DOCUMENT_BYTES, or a redirect that policy may not
   follow: ERROR_INPUT. On false nothing is left to free. */
bool policy_point_get(struct loop *loop, struct source_client *client, const char *url,
                      const char *etag, int64_t within_ms, struct policy_point_reply *reply,
                      struct error *err);
/* Where an assignment's location lies: a literal http://<mp> or https://<mp> in it stands for the
   policy point, relative ones are relative to its URL `point` (configmgr-facts: The assignment
   reply): the one that the reply was found at. Another host or port, http where the point is https,
   a user name: NULL, ERROR_INPUT with `where`. The caller frees it. */
char *policy_point_url(const char *point, const char *location, const char *where,
                       struct error *err);

void policy_point_free(struct policy_point_reply *reply);

#endif

/*
 * What an Azure blob is asked with: the SAS of NP_CloudAccess, and what a refusal says of it. The
 * token is joined to a URL here and nowhere else, and never shown. For this room and publish/.
 */
#ifndef AGENT_SOURCE_AZURE_ACCESS_H
#define AGENT_SOURCE_AZURE_ACCESS_H

#include "agent/source/http_terms.h"

/* The service version that is spoken: what SAS tokens of 2020 and later, and Azurite, know. */
#define AZURE_VERSION        "2021-08-06"
#define AZURE_VERSION_HEADER "x-ms-version: " AZURE_VERSION

/* The URL with a query of its own (`query`, or NULL) and the token; the caller frees it. */
char *azure_access_url(const char *url, const char *query, const struct site_access *access);

/* May the token be used at `now` (seconds since 1970)? One that has ended is not tried: blame time,
   code SAS_ENDED; one that is none: blame policy, SAS_MALFORMED. One that has not begun, or that
   ends soon, is tried: `err` gets code SAS_NOT_YET or SAS_ENDS_SOON with true, else an empty one.
   `access` may be NULL: nothing is needed. */
bool azure_access_judge(const struct site_access *access, int64_t now, struct error *err);

/* For http_terms.refused: puts Azure's own code and message into the result, says what is wrong
   with the token or the clock where it is that, and what the job does about it. */
void azure_access_explain(const struct site_access *access, int64_t now,
                          const struct http_reply *reply, const char *page, size_t len,
                          struct source_result *result);

/* Does the text repeat the token's signature, or any? */
bool azure_access_betrays(const struct site_access *access, const char *text);

#endif

/* What libcurl's results mean to who asked. For this room only. */
#ifndef AGENT_SOURCE_HTTP_ERROR_H
#define AGENT_SOURCE_HTTP_ERROR_H

#include "policy/base/error.h"

#include <curl/curl.h>
#include <stdbool.h>

struct http_failure {
    CURL *easy; /* that failed */
    CURLcode code;
    const char *detail;            /* what libcurl said itself; "": nothing */
    bool secure;                   /* https */
    bool proxied, relayed;         /* asked through a proxy; one that reads what is asked */
    bool proxy_tls;                /* TLS was being spoken with the proxy itself, if at all */
    const char *certificate, *key; /* the client's, that were shown, or NULL */
    bool withheld;                 /* there is a certificate, and this host may not see it */
};

enum error_blame http_error_blame(const struct http_failure *failure);
/* Why, in words that follow the source's name. */
void http_error_say(const struct http_failure *failure, char *text, size_t size);
const char *http_error_code(const struct http_failure *failure);

/* Does the certificate's chain end at nobody who is trusted here? Of the handle that failed. */
bool http_error_is_authority(CURL *easy);

/* Certificates, protocols and URLs do not mend themselves within a job. */
bool http_error_is_lasting(const struct http_failure *failure);

/* It fails for every source: nobody was asked. */
bool http_error_is_of_way(const struct http_failure *failure);

#endif

/* What libcurl's results mean to who asked. For this room only. */
#ifndef AGENT_SOURCE_HTTP_ERROR_H
#define AGENT_SOURCE_HTTP_ERROR_H

#include "policy/base/error.h"

#include <curl/curl.h>

enum error_blame http_error_blame(CURLcode code, bool is_proxied);
/* Why, in words that follow the source's name; `detail` is what libcurl said itself ("": nothing).
   Of the easy handle that failed. */
void http_error_say(CURL *easy, CURLcode code, const char *detail, char *text, size_t size);
const char *http_error_code(CURLcode code);

/* Does the certificate's chain end at nobody who is trusted here? Of the handle that failed. */
bool http_error_is_authority(CURL *easy);

/* Certificates, protocols and URLs do not mend themselves within a job. */
bool http_error_is_lasting(CURLcode code);

#endif

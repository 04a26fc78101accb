/* What libcurl's results mean to who asked. For this room only. */
#ifndef AGENT_SOURCE_HTTP_ERROR_H
#define AGENT_SOURCE_HTTP_ERROR_H

#include "policy/base/error.h"

#include <curl/curl.h>

enum error_blame http_error_blame(CURLcode code, bool is_proxied);
const char *http_error_words(CURLcode code);
const char *http_error_code(CURLcode code);

/* Certificates, protocols and URLs do not mend themselves within a job. */
bool http_error_is_lasting(CURLcode code);

#endif

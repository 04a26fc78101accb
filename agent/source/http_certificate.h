/* What is said when it is this machine's certificate that a source is not pleased with. For this
   room only. */
#ifndef AGENT_SOURCE_HTTP_CERTIFICATE_H
#define AGENT_SOURCE_HTTP_CERTIFICATE_H

#include "agent/source/http_error.h"

enum http_certificate {
    HTTP_CERTIFICATE_FINE,    /* nothing is known to be wrong with it */
    HTTP_CERTIFICATE_WANTED,  /* none was shown */
    HTTP_CERTIFICATE_REFUSED, /* one was shown */
    HTTP_CERTIFICATE_FILE,    /* our own file is missing, unreadable, or does not fit */
};

/* From the TLS alert, or from what libcurl says of the files. */
enum http_certificate http_certificate_judge(const struct http_failure *failure);

/* From the page of a status 400 or 403: nginx and IIS ask after the handshake. */
enum http_certificate http_certificate_judge_page(int status, const char *page, size_t len,
                                                  bool shown);

/* Of one that is not fine. */
void http_certificate_say(enum http_certificate what, const struct http_failure *failure,
                          const char *page, size_t page_len, char *text, size_t size);
const char *http_certificate_code(enum http_certificate what);

#endif

/* What libcurl's results mean to who asked. */
#include "agent/source/http_error.h"

enum error_blame http_error_blame(CURLcode code, bool is_proxied)
{
    if (code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_PROXY ||
        (code == CURLE_COULDNT_CONNECT && is_proxied))
        return BLAME_PROXY;
    if (code == CURLE_COULDNT_RESOLVE_HOST)
        return BLAME_DNS;
    if (code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM)
        return BLAME_DISK; /* our own file of authorities, or certificate, is missing or bad */
    return BLAME_SOURCE;
}

/* libcurl's own words where they help; these do not. */
const char *http_error_words(CURLcode code)
{
    switch ((int)code) {
    case CURLE_OUT_OF_MEMORY: return "sends a header line that is too long"; /* over 100 KiB */
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY: return "answers what is not HTTP";
    case CURLE_COULDNT_CONNECT: return "refuses the connection or cannot be reached";
    case CURLE_GOT_NOTHING: return "closes the connection without an answer";
    case CURLE_RECV_ERROR: return "breaks the connection";
    default: return curl_easy_strerror(code);
    }
}

/* Certificates, protocols and URLs do not mend themselves within a job. */
bool http_error_is_lasting(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_UNSUPPORTED_PROTOCOL ||
           code == CURLE_URL_MALFORMAT || code == CURLE_WEIRD_SERVER_REPLY ||
           code == CURLE_OUT_OF_MEMORY;
}

const char *http_error_code(CURLcode code)
{
    if (code == CURLE_COULDNT_CONNECT)
        return "CONNECT";
    if (code == CURLE_SSL_CACERT_BADFILE)
        return "CA_FILE";
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR)
        return "TLS";
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
        return "HTTP_RUBBISH";
    return "CLOSED";
}

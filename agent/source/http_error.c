/* What libcurl's results mean to who asked. */
#include "agent/source/http_error.h"

#include <openssl/x509_vfy.h>
#include <stdio.h>

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

/* ---- in words ---- */

bool http_error_is_authority(CURL *easy)
{
    long why = X509_V_OK;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &why);
    return why == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           why == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           why == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
           why == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
           why == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
}

/* What is wrong with a certificate; the clock is named where it may be what is wrong. */
static void say_certificate(CURL *easy, char *text, size_t size)
{
    long why = X509_V_OK;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &why);
    switch (why) {
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED: /* libcurl judges the name before it asks for this */
        snprintf(text, size, "shows a certificate for another host name");
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        snprintf(text, size,
                 "shows a certificate that has expired, if this machine's clock is right");
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        snprintf(text, size,
                 "shows a certificate that is not yet valid, if this machine's clock is right");
        break;
    default:
        if (http_error_is_authority(easy))
            snprintf(text, size, "shows a certificate of an authority that is not trusted here");
        else
            snprintf(text, size, "shows a certificate that does not hold: %s",
                     X509_verify_cert_error_string(why));
    }
}

/* libcurl's own words where they help; these do not. */
static const char *words_of(CURLcode code)
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

void http_error_say(CURL *easy, CURLcode code, const char *detail, char *text, size_t size)
{
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        say_certificate(easy, text, size);
    else if (code == CURLE_SSL_CONNECT_ERROR && *detail)
        snprintf(text, size, "does not come to terms about TLS: %s", detail);
    else
        snprintf(text, size, "%s", words_of(code));
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

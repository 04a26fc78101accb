/* What libcurl's results mean to who asked. */
#include "agent/source/http_error.h"

#include "agent/source/http_certificate.h"

#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

#define RESET_SIGN "not closed cleanly: " /* libcurl, before the name of RST_STREAM's error */
#define MAY_WANT   " (it may want a client certificate)"
#define MAY_REFUSE " (it may not accept the client certificate)"

/* The connection that all bytes come by has ended: the proxy's, where there is one. */
static bool is_broken(const struct http_failure *failure)
{
    const char *detail = failure->detail;
    switch ((int)failure->code) {
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING: return true;
    case CURLE_HTTP2_STREAM: return !strstr(detail, RESET_SIGN);
    case CURLE_SSL_CONNECT_ERROR:
        return strstr(detail, "unexpected eof") || strstr(detail, "SYSCALL") ||
               strstr(detail, strerror(ECONNRESET));
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY: return failure->relayed; /* in a tunnel the source said so */
    default: return false;
    }
}

/* Of the proxy's own TLS. */
static bool is_tls_of_proxy(const struct http_failure *failure)
{
    return failure->proxy_tls && (failure->code == CURLE_PEER_FAILED_VERIFICATION ||
                                  failure->code == CURLE_SSL_CONNECT_ERROR);
}

bool http_error_is_of_way(const struct http_failure *failure)
{
    return is_tls_of_proxy(failure) || failure->code == CURLE_COULDNT_RESOLVE_PROXY ||
           failure->code == CURLE_PROXY ||
           (failure->code == CURLE_COULDNT_CONNECT && failure->proxied);
}

enum error_blame http_error_blame(const struct http_failure *failure)
{
    CURLcode code = failure->code;
    if (http_certificate_judge(failure) == HTTP_CERTIFICATE_FILE ||
        code == CURLE_SSL_CACERT_BADFILE)
        return BLAME_DISK; /* our own file of authorities, or certificate, is missing or bad */
    if (http_certificate_judge(failure) != HTTP_CERTIFICATE_FINE)
        return BLAME_SOURCE;
    if (http_error_is_of_way(failure) || (failure->proxied && is_broken(failure)))
        return BLAME_PROXY;
    return code == CURLE_COULDNT_RESOLVE_HOST ? BLAME_DNS : BLAME_SOURCE;
}

/* ---- in words ---- */

static bool is_authority(long why)
{
    return why == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           why == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           why == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
           why == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
           why == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
}

bool http_error_is_authority(CURL *easy)
{
    long why = X509_V_OK;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &why);
    return is_authority(why);
}

/* What is wrong with a certificate; the clock is named where it may be what is wrong. */
static void say_certificate(const struct http_failure *failure, char *text, size_t size)
{
    long why = X509_V_OK;
    curl_easy_getinfo(
        failure->easy,
        failure->proxy_tls ? CURLINFO_PROXY_SSL_VERIFYRESULT : CURLINFO_SSL_VERIFYRESULT, &why);
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
        if (is_authority(why))
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
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_HTTP2_STREAM:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return "breaks the connection";
    case CURLE_HTTP2: return "breaks the rules of HTTP/2";
    default: return curl_easy_strerror(code);
    }
}

/* "HTTP/2 stream 1 was not closed cleanly: INTERNAL_ERROR (err 2)" */
static void say_reset(const char *detail, char *text, size_t size)
{
    const char *name = strstr(detail, RESET_SIGN) + strlen(RESET_SIGN);
    snprintf(text, size, "resets the HTTP/2 stream: %.*s", (int)strcspn(name, " "), name);
}

static void say_tls(const struct http_failure *failure, char *text, size_t size)
{
    bool wants = !failure->certificate && strstr(failure->detail, "alert handshake failure");
    snprintf(text, size, "does not come to terms about TLS: %s%s", failure->detail,
             wants ? MAY_WANT : "");
}

static void say_code(const struct http_failure *failure, char *text, size_t size)
{
    CURLcode code = failure->code;
    bool cut = failure->proxied && is_broken(failure);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        say_certificate(failure, text, size);
    else if (code == CURLE_SSL_CONNECT_ERROR && *failure->detail && !cut)
        say_tls(failure, text, size);
    else if (code == CURLE_HTTP2_STREAM && strstr(failure->detail, RESET_SIGN))
        say_reset(failure->detail, text, size);
    else if (code == CURLE_SEND_ERROR && failure->secure && !cut)
        /* TLS 1.3 refuses after the handshake: the request may meet a closed connection first. */
        snprintf(text, size, "%s%s", words_of(code), failure->certificate ? MAY_REFUSE : MAY_WANT);
    else
        snprintf(text, size, "%s", words_of(code));
}

void http_error_say(const struct http_failure *failure, char *text, size_t size)
{
    static const char proxy[] = "the proxy ";
    const size_t len = sizeof proxy - 1;
    enum http_certificate certificate = http_certificate_judge(failure);
    if (certificate != HTTP_CERTIFICATE_FINE) {
        http_certificate_say(certificate, failure, "", 0, text, size);
    } else if (failure->code == CURLE_COULDNT_RESOLVE_PROXY) {
        snprintf(text, size, "the proxy's name does not resolve");
    } else if (http_error_blame(failure) == BLAME_PROXY) {
        snprintf(text, size, "%s", proxy);
        say_code(failure, text + len, size - len);
    } else {
        say_code(failure, text, size);
    }
}

bool http_error_is_lasting(const struct http_failure *failure)
{
    if (http_certificate_judge(failure) != HTTP_CERTIFICATE_FINE)
        return true;
    switch ((int)failure->code) {
    case CURLE_SSL_CONNECT_ERROR: return !(failure->proxied && is_broken(failure));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_OUT_OF_MEMORY: return true;
    default: return false;
    }
}

const char *http_error_code(const struct http_failure *failure)
{
    enum http_certificate certificate = http_certificate_judge(failure);
    if (certificate != HTTP_CERTIFICATE_FINE)
        return http_certificate_code(certificate);
    if (failure->proxied && is_broken(failure))
        return "CLOSED";
    switch ((int)failure->code) {
    case CURLE_COULDNT_CONNECT: return "CONNECT";
    case CURLE_SSL_CACERT_BADFILE: return "CA_FILE";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR: return "TLS";
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY: return "HTTP_RUBBISH";
    case CURLE_HTTP2: return "HTTP2";
    case CURLE_HTTP2_STREAM: return strstr(failure->detail, RESET_SIGN) ? "HTTP2_RESET" : "CLOSED";
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY: return "PROXY";
    default: return "CLOSED";
    }
}

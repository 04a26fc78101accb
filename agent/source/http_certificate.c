#include "agent/source/http_certificate.h"

#include "policy/base/beneath.h"
#include "policy/base/buf.h"
#include "policy/base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Alerts as OpenSSL names them (RFC 8446, section 6.2), and pages of web servers. */
static const struct {
    const char *sign;
    enum http_certificate means;
    const char *why;
} alerts[] =
    {
        {"alert certificate required", HTTP_CERTIFICATE_WANTED, ""},
        {"alert unknown ca", HTTP_CERTIFICATE_REFUSED, "it does not know its authority"},
        {"alert certificate expired", HTTP_CERTIFICATE_REFUSED, "it has expired"},
        {"alert certificate revoked", HTTP_CERTIFICATE_REFUSED, "it was revoked"},
        {"alert unsupported certificate", HTTP_CERTIFICATE_REFUSED, "it is of another kind"},
        {"alert bad certificate", HTTP_CERTIFICATE_REFUSED, "it is no good"},
        {"alert certificate unknown", HTTP_CERTIFICATE_REFUSED, "it is no good"},
},
  pages[] = {
      {"No required SSL certificate was sent", HTTP_CERTIFICATE_WANTED, ""},
      {"The SSL certificate error", HTTP_CERTIFICATE_REFUSED,
       "by its page: unknown authority, expired, or revoked; its error log says which"},
      {"403.7 ", HTTP_CERTIFICATE_WANTED, ""},
      {"403.13 ", HTTP_CERTIFICATE_REFUSED, "403.13: it was revoked"},
      {"403.16 ", HTTP_CERTIFICATE_REFUSED, "403.16: it does not trust its authority"},
      {"403.17 ", HTTP_CERTIFICATE_REFUSED, "403.17: it has expired or is not yet valid"},
};

#define ALERTS (sizeof alerts / sizeof alerts[0])
#define PAGES  (sizeof pages / sizeof pages[0])

static size_t find_alert(const char *detail)
{
    size_t i = 0;
    while (i < ALERTS && !strstr(detail, alerts[i].sign))
        i++;
    return i;
}

static size_t find_page(const char *page, size_t len)
{
    size_t i = 0;
    while (i < PAGES && !memmem(page, len, pages[i].sign, strlen(pages[i].sign)))
        i++;
    return i;
}

/* Without a certificate no alert can be about one, whatever the server calls it. */
static enum http_certificate weigh(enum http_certificate means, bool shown)
{
    return means == HTTP_CERTIFICATE_REFUSED && !shown ? HTTP_CERTIFICATE_WANTED : means;
}

enum http_certificate http_certificate_judge(const struct http_failure *failure)
{
    if (failure->code == CURLE_SSL_CERTPROBLEM)
        return HTTP_CERTIFICATE_FILE;
    size_t i = find_alert(failure->detail);
    return i < ALERTS ? weigh(alerts[i].means, failure->certificate != NULL)
                      : HTTP_CERTIFICATE_FINE;
}

enum http_certificate http_certificate_judge_page(int status, const char *page, size_t len,
                                                  bool shown)
{
    size_t i = status == 400 || status == 403 ? find_page(page, len) : PAGES;
    return i < PAGES ? weigh(pages[i].means, shown) : HTTP_CERTIFICATE_FINE;
}

/* What may stand in a PEM file, to tell why OpenSSL does not take it. */
static bool holds(const char *path, const char *sign)
{
    struct buf text = {0};
    struct error err;
    bool found = beneath_read_named(path, "", LIMIT_SETTINGS_BYTES, &text, &err) && text.len &&
                 memmem(text.data, text.len, sign, strlen(sign));
    buf_free(&text);
    return found;
}

static void say_key(const char *certificate, const char *key, char *text, size_t size)
{
    if (!holds(key, "PRIVATE KEY-----"))
        snprintf(text, size, "is not asked: clientKey %s holds no private key in PEM", key);
    else if (holds(key, "ENCRYPTED"))
        snprintf(text, size, "is not asked: clientKey %s wants a password, which nobody can give",
                 key);
    else
        snprintf(text, size,
                 "is not asked: the key of clientKey %s does not fit the certificate of "
                 "clientCertificate %s",
                 key, certificate);
}

static void say_file(const struct http_failure *failure, char *text, size_t size)
{
    const char *certificate = failure->certificate ? failure->certificate : "";
    const char *key = failure->key ? failure->key : certificate;
    if (access(certificate, R_OK) != 0)
        snprintf(text, size, "is not asked: clientCertificate %s: %s", certificate,
                 strerror(errno));
    else if (access(key, R_OK) != 0)
        snprintf(text, size, "is not asked: clientKey %s: %s", key, strerror(errno));
    else if (holds(certificate, "CERTIFICATE-----"))
        say_key(certificate, key, text, size);
    else
        snprintf(text, size, "is not asked: clientCertificate %s holds no certificate in PEM",
                 certificate);
}

void http_certificate_say(enum http_certificate what, const struct http_failure *failure,
                          const char *page, size_t page_len, char *text, size_t size)
{
    size_t alert = find_alert(failure->detail);
    size_t found = find_page(page, page_len);
    const char *why = found < PAGES ? pages[found].why : alert < ALERTS ? alerts[alert].why : "";
    if (what == HTTP_CERTIFICATE_FILE)
        say_file(failure, text, size);
    else if (what == HTTP_CERTIFICATE_REFUSED)
        snprintf(text, size, "does not accept the client certificate: %s", why);
    else if (failure->withheld)
        snprintf(text, size,
                 "wants a client certificate, which is shown to no host that a redirect leads to");
    else
        snprintf(text, size,
                 "wants a client certificate, and the settings name none (clientCertificate, "
                 "clientKey)");
}

const char *http_certificate_code(enum http_certificate what)
{
    switch (what) {
    case HTTP_CERTIFICATE_FILE: return "CERTIFICATE_FILE";
    case HTTP_CERTIFICATE_REFUSED: return "CERTIFICATE_REFUSED";
    case HTTP_CERTIFICATE_WANTED:
    case HTTP_CERTIFICATE_FINE: break;
    }
    return "CERTIFICATE_WANTED";
}

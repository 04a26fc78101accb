/*
 * What a distribution point would answer a client, step by step: name, TCP, TLS, virtual folders,
 * authentication, and of one content listing, files, ranges and awkward names. The result is codes
 * and facts; words for people are chosen in command/.
 *
 * For a command: it runs the loop for the name and asks one thing after another, each within
 * LIMIT_PROBE_SECONDS of silence. Nothing is retried, no redirect is followed, nothing is kept. A
 * certificate that does not hold does not end it: what follows is asked without trust, and
 * without a client certificate. System calls: those of the loop and of libcurl.
 */
#ifndef AGENT_SOURCE_PROBE_H
#define AGENT_SOURCE_PROBE_H

#include "agent/source/source.h"
#include "policy/base/mem.h"
#include "policy/manifest.h"

enum probe_code {
    PROBE_NAME,
    PROBE_TCP,
    PROBE_TLS,
    PROBE_AUTH,
    PROBE_VDIR_PLAIN,
    PROBE_VDIR_NOCERT,
    PROBE_VDIR_CCMTOKENAUTH,
    PROBE_PROPFIND, /* this and the next ones: of a content */
    PROBE_PROPFIND_INFINITY,
    PROBE_HEAD,
    PROBE_SCCM_FORM,
    PROBE_GET,
    PROBE_COMPRESSION,
    PROBE_RANGE,
    PROBE_IF_RANGE,
    PROBE_NAMES,
    PROBE_CODE_COUNT,
};

enum probe_verdict { PROBE_OK, PROBE_NOTE, PROBE_BAD, PROBE_SKIPPED };

enum probe_fault {
    PROBE_FINE,
    /* Why a step was not asked. */
    PROBE_BLOCKED, /* what: the step that stands before it */
    PROBE_PROXIED,
    PROBE_PLAIN_HTTP,
    PROBE_NO_FOLDER, /* the URL has no SMS_DP_SMSPKG$ that another could stand for */
    PROBE_NO_FILE,
    PROBE_SMALL,
    PROBE_NO_SUCH_NAME,
    /* Name and connection. */
    PROBE_NAME_FAILED, /* what: NXDOMAIN, ... */
    PROBE_REFUSED,
    PROBE_NO_CONNECTION,
    PROBE_UNREACHABLE,
    PROBE_PROXY_FAILED,
    PROBE_SITE_SAYS_HTTPS,
    PROBE_SITE_SAYS_HTTP,
    PROBE_SPEAKS_PLAIN, /* HTTP where HTTPS was asked */
    PROBE_SPEAKS_TLS,
    PROBE_TLS_OLD,    /* what: the version */
    PROBE_TLS_FAILED, /* what: libcurl's words */
    PROBE_OWN_FILE,   /* of this machine: authorities or client certificate */
    PROBE_CERT_EXPIRED,
    PROBE_CERT_EARLY,
    PROBE_CERT_NAME,
    PROBE_CERT_AUTHORITY,
    PROBE_CERT_OTHER,
    PROBE_CERT_ENDS, /* within 30 days */
    /* Any answer. */
    PROBE_SILENT,
    PROBE_BROKEN,  /* what: how */
    PROBE_HEADERS, /* more than LIMIT_HEADER_BYTES */
    PROBE_REDIRECT,
    PROBE_UNAUTHORIZED, /* what: the schemes offered */
    PROBE_FORBIDDEN,
    PROBE_CERT_WANTED, /* a client certificate */
    PROBE_MISSING,     /* 404 */
    PROBE_METHOD,      /* 405, 501 */
    PROBE_STATUS,
    PROBE_CATCH_ALL, /* 200 for what is not there */
    /* Of a content. */
    PROBE_NOT_A_LISTING, /* what: its Content-Type */
    PROBE_LISTING_LONG,
    PROBE_BY_LEVEL, /* no Depth: infinity */
    PROBE_PLAIN_REFUSED,
    PROBE_ENCODED,
    PROBE_COMPRESSES, /* where it is asked to */
    PROBE_NO_LENGTH,
    PROBE_LENGTH,
    PROBE_PAGE, /* a web page instead of the file */
    PROBE_BYTES,
    PROBE_NO_RANGES,
    PROBE_RANGE_WRONG,
    PROBE_NO_ETAG,
    PROBE_WEAK_ETAG,
    PROBE_IF_RANGE_REFUSED, /* the whole for a condition that holds */
    PROBE_IF_RANGE_IGNORED, /* a part for one that does not */
    PROBE_SEGMENT,          /* names: a folder that IIS hides */
    PROBE_ENDING,
    PROBE_DOUBLE_ESCAPE,
    PROBE_ODD_NAME,
};

struct probe_step {
    enum probe_code code;
    enum probe_verdict verdict;
    enum probe_fault fault;
    int status;          /* of HTTP; 0: none */
    const char *about;   /* what was asked; from outside, as `what`; never NULL */
    const char *what;    /* what came of it */
    int64_t got, wanted; /* bytes, names, seconds */
};

struct probe_certificate {
    const char *version; /* "TLSv1.3"; NULL: no handshake came to its end */
    const char *subject, *names, *issuer, *start, *end; /* from outside; NULL where not known */
};

/* Told by the Server header. */
enum probe_server { PROBE_UNKNOWN, PROBE_IIS, PROBE_NGINX, PROBE_APACHE, PROBE_LIGHTTPD };

#define PROBE_STEPS_MAX 32

struct probe_report {
    struct arena arena; /* owns the texts */
    const char *server; /* the header, from outside; NULL: none came */
    enum probe_server kind;
    struct probe_certificate certificate;
    bool trusted; /* nothing was asked without trust */
    size_t count;
    struct probe_step steps[PROBE_STEPS_MAX];
};

struct probe_target {
    const char *root;                /* http or https URL of the DP's root, no '/' at its end */
    const char *content_url;         /* NULL: nothing of a content is asked */
    const struct manifest *manifest; /* NULL: files are chosen from the listing */
    int site_https;                  /* what the site says of the DP: 1, 0, -1 nothing */
    bool connection_only;            /* it is no web server of contents: name, TCP and TLS */
};

/* false: the root is no URL that can be asked (ERROR_USAGE), or nothing can be asked at all. What
   is wrong with the distribution point is an answer. probe_free also after false, and not before
   the resolver's end. */
bool probe_run(struct probe_report *report, struct loop *loop, struct resolver *resolver,
               const struct source_options *options, const struct probe_target *target,
               struct error *err);
void probe_free(struct probe_report *report);

const char *probe_word(enum probe_code code); /* "PROPFIND_INFINITY" */

#endif

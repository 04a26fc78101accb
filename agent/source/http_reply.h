/*
 * One HTTP reply, header line by header line, and the judgement of it: may its bytes be used, and
 * which of the file are they? Pure: no socket, no clock. For this room and its tests.
 */
#ifndef AGENT_SOURCE_HTTP_REPLY_H
#define AGENT_SOURCE_HTTP_REPLY_H

#include "policy/base/error.h"
#include "policy/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct http_reply {
    int status;                                   /* 0 before the status line */
    int64_t length;                               /* Content-Length; -1: not declared */
    bool length_bad;                              /* rubbish, negative, or two that differ */
    bool has_range;                               /* a Content-Range that was understood */
    int64_t range_first, range_last, range_total; /* total -1: '*' */
    bool encoded;                                 /* a Content-Encoding other than identity */
    bool page;                                    /* a Content-Type of web pages */
    bool too_many;                                /* a reason phrase that says 403.9 */
    bool negotiate;                               /* WWW-Authenticate offers it */
    char offered[64];                             /* what else that offers: "NTLM, Basic" */
    bool via;                                     /* passed on by a proxy or gateway */
    bool proxy_made;                              /* a proxy says that the answer is its own */
    bool proxy_relayed;                           /* a proxy says that it is not */
    time_t date;                                  /* the server's clock; -1: not said */
    char error_code[64];                          /* Azure's word for an error (x-ms-error-code) */
    char encryption[LIMIT_ENCRYPTION_BYTES];      /* x-ms-meta-encryptiondata */
    bool encryption_bad;                          /* longer than that, or not plain text */
    char etag[256]; /* as sent, quotes and W/ included; too long: none */
    char last_modified[64];
    char location[2048];
    int64_t retry_after_ms; /* -1: none */
    size_t header_bytes;    /* of all heads of this fetch, 1xx included */
};

enum http_line {
    HTTP_LINE_MORE,    /* the head goes on */
    HTTP_LINE_END,     /* the final head is complete */
    HTTP_LINE_TOO_MUCH /* LIMIT_HEADER_BYTES is passed */
};

void http_reply_init(struct http_reply *reply);

/* One line as it came, with its line end. `now` is for Retry-After dates. */
enum http_line http_reply_line(struct http_reply *reply, const char *line, size_t len, time_t now);

enum http_verdict {
    HTTP_USE,      /* bytes follow, [start, end) of the file */
    HTTP_REDIRECT, /* to reply->location */
    HTTP_REFUSE,   /* err says why; see the flags */
    HTTP_KNOWN,    /* 304: what the asker has holds */
};

struct http_judgement {
    enum http_verdict verdict;
    int64_t start, end;
    bool whole; /* they go on to the file's end, whatever was asked for */
    bool retry, no_range, full, portal;
};

/* Takes in a WWW-Authenticate field. */
void http_reply_challenges(struct http_reply *reply, const char *value);

/* What was asked for. */
struct http_wanted {
    int64_t offset, end, size; /* the bytes [offset, end) of a file of this length */
    const char *validator;     /* the condition; empty: none */
    bool range_only;           /* a whole file is of no use */
    bool page;                 /* the name is one of a web page */
};

/* Was a range asked for? Not where all was wanted. */
bool http_wanted_is_range(const struct http_wanted *wanted);

/* Judges a complete head against what was asked. RFC 9110 sections 14 and 15.3.7. */
struct http_judgement http_reply_judge(const struct http_reply *reply,
                                       const struct http_wanted *wanted, struct error *err);

/* Could this be a page of something on the way, so that a wrong length is that one's? */
bool http_reply_is_portal(const struct http_reply *reply, const struct http_wanted *wanted);

/* Asked through a proxy that reads requests: is the refusal its own, not the source's? By
   Proxy-Status (RFC 9209), the marks of known proxies, and 407; 502 and 504 are a proxy's where no
   Via says that they were passed on. */
bool http_reply_is_of_proxy(const struct http_reply *reply);

/* "403.9", of IIS: all connections of a workstation are taken. */
bool http_says_too_many(const char *text, size_t len);

/* What was asked for, of a size that is not known. */
struct http_wanted_document {
    int64_t most;     /* bytes */
    bool conditional; /* If-None-Match was sent */
    bool listing;     /* a multistatus */
};
struct http_judgement http_reply_judge_document(const struct http_reply *reply,
                                                const struct http_wanted_document *wanted,
                                                struct error *err);

/* What If-Range may hold: a strong ETag, else the date; empty where there is neither. */
const char *http_reply_validator(const struct http_reply *reply);

/* What If-Match may hold: a strong ETag, or empty. */
const char *http_reply_strong_etag(const struct http_reply *reply);

/* The answer to a PUT or DELETE: any 2xx is fine. */
struct http_judgement http_reply_judge_done(const struct http_reply *reply, struct error *err);

#endif

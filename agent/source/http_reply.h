/*
 * One HTTP reply, header line by header line, and the judgement of it: may its bytes be used, and
 * from which offset? Pure: no socket, no clock. For this room and its tests.
 */
#ifndef AGENT_SOURCE_HTTP_REPLY_H
#define AGENT_SOURCE_HTTP_REPLY_H

#include "policy/base/error.h"

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
    HTTP_USE,      /* bytes follow from *start on */
    HTTP_REDIRECT, /* to reply->location */
    HTTP_REFUSE,   /* err says why; see the flags */
    HTTP_KNOWN,    /* 304: what the asker has holds */
};

struct http_judgement {
    enum http_verdict verdict;
    int64_t start;
    bool retry, no_range;
};

/* Judges a complete head against what was asked: the bytes from `offset` of a file of `size`, on
   the condition of `validator` (empty: none). RFC 9110 sections 14 and 15.3.7. */
struct http_judgement http_reply_judge(const struct http_reply *reply, int64_t offset, int64_t size,
                                       const char *validator, struct error *err);

/* The same for a document of unknown size, at most `most` bytes; `conditional`: If-None-Match was
   sent. */
struct http_judgement http_reply_judge_document(const struct http_reply *reply, int64_t most,
                                                bool conditional, struct error *err);

/* What If-Range may hold: a strong ETag, else the date; empty where there is neither. */
const char *http_reply_validator(const struct http_reply *reply);

#endif

/*
 * How each kind of distribution point is spoken to: a struct of functions a kind. A new kind is a
 * new file and one row in source.c.
 *
 * A source fetches one file, or its rest, and hands the bytes on as they come; it judges the reply
 * (status, range, lengths) before the first byte, never the content. It opens no connection that
 * its caller did not ask for and retries nothing.
 */
#ifndef AGENT_SOURCE_SOURCE_H
#define AGENT_SOURCE_SOURCE_H

#include "agent/loop/loop.h"
#include "agent/resolve/resolve.h"
#include "policy/base/mem.h"
#include "policy/site.h"

#include <stdbool.h>
#include <stdint.h>

struct source_options {
    const char *proxy;                           /* URL, "system", "none" */
    const char *ca_file;                         /* NULL: the system's */
    const char *client_certificate, *client_key; /* PEM files, or NULL: for every https
                                                    host that is named, none that is led to */
    int64_t connect_ms;                          /* longest wait for a connection */
    int64_t stall_ms;                            /* longest wait without a byte */
    struct library_roots library_roots;
    /* Told of each host that was resolved, once; NULL: nobody asks. */
    void (*resolved)(void *arg, const char *host, const struct resolve_answer *answer);
    void *resolved_arg;
};

/* What all fetches of one loop share: handles, names, options. Options are kept by reference. */
struct source_client;

struct source_client *source_client_create(struct loop *loop, struct resolver *resolver,
                                           const struct source_options *options, struct error *err);
/* Every fetch has ended or was cancelled. */
void source_client_free(struct source_client *client);

struct source_result {
    bool ok;
    struct error error;     /* where: the URL without query */
    bool retry;             /* the same source may do better later */
    bool no_range;          /* the source gives no ranges of this file: ask for the whole of it */
    bool full;              /* refused the connection, 503, or 403.9: its connections are taken, if
                               it is a workstation */
    bool way;               /* nobody was asked: the way to all sources, or what it takes, failed */
    bool portal;            /* a web page instead of the file: something on the way answers */
    int64_t retry_after_ms; /* as the source asked; -1 where it did not */
    bool not_modified;      /* a document is what If-None-Match says */
    int status;             /* of the HTTP reply that refused; 0: there was none */
};

/* What is not known of a document before it comes, unlike of a file. */
struct source_document {
    int64_t most;              /* bytes: more are refused */
    const char *if_none_match; /* an ETag, or NULL */
    const char *depth;         /* NULL: GET; else PROPFIND with that Depth */
    int64_t within_ms;         /* for the whole of it */
    char **url;                /* gets where it was found, for the caller to free; or NULL */
};

/* What a URL names, for kinds that are reached otherwise. Looked at before `start` or `list`
   returns. */
struct source_file {
    const struct site_dp *dp;
    const char *content_id;
    int64_t version;
    bool plain_in_cloud; /* policy says that the content is not encrypted there */
    const char *name;    /* NULL: the content */
    const char *sha256;  /* what policy says of the file's bytes; NULL: nothing */
};

enum source_take {
    SOURCE_TAKEN,
    SOURCE_NO_ROOM, /* none was taken: the same bytes come again after `resume` */
    SOURCE_ENOUGH,  /* what was wanted is here: `done` follows, ok */
};

struct source_request {
    const char *url;
    const struct source_file *file; /* NULL: of a document */
    int64_t offset, end, size;      /* the bytes wanted, [offset, end), of a file of this length */
    const char *validator;          /* for If-Range; empty: none known */
    bool past_caches;               /* ask caches on the way to look again */
    bool range_only;                /* the whole file is of no use: 200 is refused, with no_range */
    int64_t stall_ms;               /* longest wait without a byte; 0: as the options say */
    /* Not NULL: a whole document of a size that is not known; `size` and `offset` are not looked
       at, redirects stay on the host. */
    const struct source_document *document;
    const struct http_terms *terms; /* source/'s own; NULL from others; in place until the end */
    /* The reply is good. `start` is the offset of the first byte that follows: `offset`, or 0
       where the source begins anew. `whole`: the bytes go on to the file's end whatever `end` is
       (a 200 to a range that begins at 0, or anew). The validator of a document is its ETag. */
    void (*begin)(void *arg, int64_t start, bool whole, const char *validator);
    enum source_take (*bytes)(void *arg, const char *bytes, size_t len);
    /* Bytes came that cannot be handed on yet (a region of a blob that is not whole): no silence.
       NULL: nobody asks. */
    void (*alive)(void *arg, size_t len);
    /* Once, unless cancelled. The fetch is gone when this is called. */
    void (*done)(void *arg, const struct source_result *result);
    void *arg;
};

struct source_fetch;

/* What a content holds, as its source lists it. */
struct source_name {
    const char *name; /* relative, checked as a manifest's (text_refuse_file_name) */
    int64_t size;
    bool is_folder;
    bool is_walked; /* the source's own */
};

struct source_list {
    struct arena arena;
    size_t count, cap;
    struct source_name *names; /* no two are one without case; none is below a file */
    int64_t bytes;             /* of all files */
    unsigned form;             /* under which it was found: files are asked for from this on */
};

void source_list_free(struct source_list *list); /* NULL is fine */

/* A copy of the name, of `len` bytes and a NUL. One that no file may have, one too many, one too
   deep, or lengths whose sum overflows: blame source, code LISTING. */
bool source_list_add(struct source_list *list, const struct source_name *name, size_t len,
                     struct error *err);
/* nearpoint's own (.nearpoint and what is below it), which is no content's. */
bool source_list_is_reserved(const char *name);

/* Is it as struct source_list says? Else blame source, code LISTING. */
bool source_list_check(const struct source_list *list, struct error *err);
/* In the order in which what is below a folder follows it; the caller frees it. */
struct source_name **source_list_sort(const struct source_list *list);

struct source_list_request {
    const char *content_url;
    const struct source_file *file;
    bool past_caches;
    int64_t stall_ms;
    /* Once, unless cancelled; the listing is gone when this is called. `list` is the receiver's;
       NULL where the result is not ok. */
    void (*done)(void *arg, const struct source_result *result, struct source_list *list);
    void *arg;
};

struct source_listing;

struct source_kind {
    const char *name; /* "HTTP" */
    /* Never calls back before it returns. */
    struct source_fetch *(*start)(struct source_client *client,
                                  const struct source_request *request);
    void (*resume)(struct source_fetch *fetch);
    void (*cancel)(struct source_fetch *fetch); /* no callback follows */
    /* The forms of a content's URLs under which a distribution point may answer, in the order of
       trying; 1 and more. */
    unsigned (*form_count)(const char *content_url);
    /* The file's URL below the content's; the caller frees it. */
    char *(*file_url)(const char *content_url, unsigned form, const char *name);
    /* Lists the content: names that are refused, listed twice or outside of it, more than
       LIMIT_MANIFEST_FILES, nesting beyond LIMIT_LISTING_DEPTH are failures, blame source, code
       LISTING. Never calls back before it returns. */
    struct source_listing *(*list)(struct source_client *client,
                                   const struct source_list_request *request);
    void (*cancel_list)(struct source_listing *listing); /* no callback follows */
    /* Is there something that whoever uses the distribution point should be told (a token that ends
       soon)? Then `err` says it. NULL: never. */
    bool (*remark)(struct source_client *client, const struct site_dp *dp, struct error *err);
};

/* Does the reply refuse the form of the URL, so that another may work? */
bool source_is_refusal(const struct source_result *result);

/* What to look at on a distribution point that refuses all forms with this status; "": nothing. */
const char *source_refusal_advice(int status);

/* How much of a URL may be shown: what a query hides is left out, a file's name is not. */
size_t source_shown_length(const char *url);

const struct source_kind *source_kind_for(enum dp_kind kind);

#endif

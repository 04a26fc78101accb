/* One probe, between the files that make it. For these only. */
#ifndef AGENT_SOURCE_PROBE_PARTS_H
#define AGENT_SOURCE_PROBE_PARTS_H

#include "agent/source/http_reply.h"
#include "agent/source/probe.h"
#include "policy/base/buf.h"

#include <curl/curl.h>

/* What is odd about a file's name, where servers differ. The first that fits. */
enum probe_oddity {
    ODD_SEGMENT, /* IIS hides such folders */
    ODD_ENDING,  /* IIS serves no such files */
    ODD_DOUBLE,  /* '+' and '%' look like escaped twice */
    ODD_MARK,    /* has a meaning in URLs */
    ODD_SPACE,
    ODD_FOREIGN, /* not ASCII */
    ODD_COUNT,
    ODD_NOT = ODD_COUNT,
};

struct probe_file {
    const char *name; /* NULL: there is none */
    int64_t size;     /* -1: not known */
    const struct manifest_file *row;
};

/* The files that are asked for. */
struct probe_pick {
    struct probe_file plain, odd[ODD_COUNT];
};

struct probe {
    struct probe_report *report;
    const struct probe_target *target;
    const struct source_options *options;
    struct loop *loop;
    struct resolver *resolver;
    CURL *easy;
    struct curl_slist *pins;
    char *host, port[8]; /* of the root */
    bool secure;
    const char *proxy; /* asked through it, or NULL */
    bool blocked;      /* nothing more can be asked */
    enum probe_code blocked_by;
    bool refuses; /* nobody reads without a password */
    int silences;
    struct probe_pick pick;
    bool by_sccm; /* files come as sccm?/ only */
    char validator[256];
};

struct probe_question {
    const char *method, *url;
    const char *headers[4]; /* whole lines, up to the first NULL */
    const char *range;      /* "1-9", or NULL */
    const char *body;       /* or NULL */
    size_t most;            /* bytes of the body that are read */
};

struct probe_answer {
    enum probe_fault fault; /* FINE: a head came */
    struct http_reply reply;
    char server[256], type[128], schemes[128];
    char words[CURL_ERROR_SIZE + 64]; /* what libcurl says of a failure */
    struct buf body;
    bool cut; /* more came than was to be read */
};

/* probe.c: `what` and `about` are copied, NULL is empty. */
struct probe_step *probe_add(struct probe *probe, enum probe_code code, enum probe_verdict verdict,
                             enum probe_fault fault, const char *about, const char *what);
/* Nothing after this step can be asked. */
void probe_block(struct probe *probe, enum probe_code code);
int64_t probe_patience(const struct probe *probe); /* ms without a byte */

/* probe_ask.c: one exchange; probe_answer_free frees it. */
void probe_ask(struct probe *probe, const struct probe_question *question,
               struct probe_answer *answer);
void probe_answer_free(struct probe_answer *answer);
/* What every step shares: pins, proxy, deadlines. A `trusted` one shows the client certificate. */
/* `code` in words, of a handle that failed; `detail`: libcurl's own. */
void probe_say(const struct probe *probe, CURL *easy, CURLcode code, const char *detail, char *text,
               size_t size);
void probe_prepare(const struct probe *probe, CURL *easy, const char *url, bool trusted);
/* What an answer that is not the expected one says by itself; FINE: a 2xx. */
enum probe_fault probe_judge(const struct probe_answer *answer);
/* The step of an answer, with the fault's usual facts. */
struct probe_step *probe_add_answer(struct probe *probe, enum probe_code code,
                                    enum probe_verdict verdict, enum probe_fault fault,
                                    const struct probe_answer *answer, const char *about);

/* probe_connect.c */
bool probe_read_root(struct probe *probe, struct error *err);
bool probe_resolve(struct probe *probe, struct error *err);
void probe_connect(struct probe *probe);
void probe_secure(struct probe *probe);
/* Does the port speak TLS, whatever its certificate? */
bool probe_speaks_tls(struct probe *probe);

/* Does the server end a connection for the lack of a client certificate? TLS 1.3 says so only after
   the handshake, and who has sent a question by then may not hear it. */
bool probe_wants_certificate(struct probe *probe);

/* probe_root.c: authentication and virtual folders. */
void probe_root(struct probe *probe);

/* probe_listing.c: the listings; without a manifest they give the files. */
void probe_list(struct probe *probe);

/* probe_file.c */
void probe_files(struct probe *probe);

/* probe_pick.c */
void probe_pick_offer(struct probe_pick *pick, const char *name, int64_t size,
                      const struct manifest_file *row);
enum probe_oddity probe_oddity(const char *name);

#endif

/*
 * Service names → CNAME chain → addresses, through c-ares on the loop. Answers are input: names
 * and addresses are checked, TTLs clamped, links and addresses counted, and a deadline of our own
 * stands around every lookup (LIMIT_DNS_SECONDS).
 *
 * Names are taken as fully qualified: there are no search domains. Any room above may
 * use it, on the loop's thread. System calls: c-ares' sockets, /etc/resolv.conf and /etc/hosts.
 */
#ifndef AGENT_RESOLVE_RESOLVE_H
#define AGENT_RESOLVE_RESOLVE_H

#include "agent/loop/loop.h"

#include <netinet/in.h>
#include <stddef.h>

enum resolve_error {
    RESOLVE_OK,
    RESOLVE_NXDOMAIN,
    RESOLVE_NODATA,
    RESOLVE_SERVFAIL, /* c-ares 1.18 says the same for REFUSED and for unreachable servers */
    RESOLVE_TIMEOUT,
    RESOLVE_LOOP,
    RESOLVE_TOO_LONG,
    RESOLVE_MALFORMED, /* the answer, a name in it, or the name asked for; or no usable address */
};

struct resolve_link {
    char *name, *target; /* without trailing dot */
    int ttl;             /* seconds, clamped */
};

struct resolve_address {
    char text[INET6_ADDRSTRLEN];
    int family; /* AF_INET, AF_INET6 */
    int ttl;
};

struct resolve_answer {
    enum resolve_error error;
    size_t link_count;
    struct resolve_link *links; /* the CNAME chain in order, empty without aliases; with an error as
                                   far as it went, in a loop to the link that closes it */
    size_t address_count;       /* at least one with RESOLVE_OK, else none */
    struct resolve_address *addresses; /* IPv6 and IPv4 as the system prefers them */
};

struct resolver;

/* `servers`: "address[:port],..." for c-ares, or NULL for the system's, /etc/hosts included.
   ERROR_INPUT where that is no such list. The system's are read here: after a change of network a
   new resolver is wanted. */
struct resolver *resolver_create(struct loop *loop, const char *servers, struct error *err);

/* Calls back every pending lookup's `done` with RESOLVE_TIMEOUT before it returns. Not from a
   `done` itself. NULL is fine. */
void resolver_destroy(struct resolver *resolver);

/* `done` gets an answer that it owns and frees; it may be called before this returns (numeric
   hosts, cached answers, /etc/hosts), and is always called once. It may start further lookups.
   Several that ask for one name share one query; answers, not failures, are cached for their
   smallest TTL. A trailing dot on `host` is fine. */
void resolve_start(struct resolver *resolver, const char *host,
                   void (*done)(void *arg, struct resolve_answer *answer), void *arg);

void resolve_answer_free(struct resolve_answer *answer);

/* "NXDOMAIN", ... as the JSON has it; NULL for RESOLVE_OK. */
const char *resolve_error_word(enum resolve_error error);

#endif

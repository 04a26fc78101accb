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
    RESOLVE_SERVFAIL, /* servers that fail, or that cannot be reached */
    RESOLVE_REFUSED,  /* servers that do not want to answer this */
    RESOLVE_TIMEOUT,
    RESOLVE_LOOP,
    RESOLVE_TOO_LONG,
    RESOLVE_MALFORMED, /* the answer, a name in it, or the name asked for; or no usable address */
};

/* What an address is, whoever has it. */
enum resolve_nature {
    RESOLVE_PUBLIC,
    RESOLVE_PRIVATE,  /* of a network of one's own (RFC 1918, 4193, 6598): Azure Private Link's */
    RESOLVE_LOOPBACK, /* this machine */
    RESOLVE_LINK_LOCAL,
    RESOLVE_MULTICAST,
    RESOLVE_UNSPECIFIED,
    RESOLVE_RESERVED, /* reserved, broadcast, or IPv4 in IPv6's clothes */
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
    struct resolve_address *addresses; /* IPv6 and IPv4 as the system prefers them; none that is
                                          link-local or that no host can have */
    char refused[INET6_ADDRSTRLEN];    /* the first of those, or empty */
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

/* Of a text that is an address. */
enum resolve_nature resolve_nature(const char *address);
/* "a link-local address", NULL for RESOLVE_PUBLIC. */
const char *resolve_nature_words(enum resolve_nature nature);

/* Why it has no address, after "does not resolve: ": "NXDOMAIN (there is no such name)". */
void resolve_explain(const struct resolve_answer *answer, char *text, size_t size);

/* "NXDOMAIN", ... as the JSON has it; NULL for RESOLVE_OK. */
const char *resolve_error_word(enum resolve_error error);

#endif

/*
 * From what c-ares hands over to an answer that may be believed: names checked, the chain put in
 * order and followed, loops found, links, addresses and TTLs within their limits, addresses that
 * are no host's left out. resolve.c's own.
 */
#ifndef AGENT_RESOLVE_ANSWER_H
#define AGENT_RESOLVE_ANSWER_H

#include "agent/resolve/resolve.h"

#include <ares.h>

struct resolve_answer *answer_new(enum resolve_error error);

/* A copy of an answer that was cached `age` seconds ago, which its TTLs are less by. */
struct resolve_answer *answer_copy(const struct resolve_answer *from, int age);

/* `host` as an address, or NULL where it is none. */
struct resolve_answer *answer_from_numeric(const char *host);

/* `info` is c-ares' for the question `host`. */
struct resolve_answer *answer_from_info(const char *host, const struct ares_addrinfo *info);

/* The chain in a DNS message that holds no address: LOOP, TOO_LONG or MALFORMED where the chain is
   to blame, else `otherwise`. */
struct resolve_answer *answer_from_message(const char *host, const unsigned char *bytes, int len,
                                           enum resolve_error otherwise);

/* Seconds that the whole answer may be kept: its smallest TTL. */
int answer_ttl(const struct resolve_answer *answer);

#endif

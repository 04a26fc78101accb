/*
 * A name server that lies: a thread on a UDP port of 127.0.0.1 that answers a question as its
 * first label says (the table in dns_stub.c). For test_resolve.c.
 */
#ifndef TESTS_UNIT_DNS_STUB_H
#define TESTS_UNIT_DNS_STUB_H

#include <stddef.h>

struct dns_stub;

struct dns_stub *dns_stub_start(void);
void dns_stub_stop(struct dns_stub *stub);

/* "127.0.0.1:PORT" */
const char *dns_stub_server(const struct dns_stub *stub);

/* How many questions came; blocks until there are `least`, for at most five seconds. */
size_t dns_stub_questions(struct dns_stub *stub, size_t least);

#endif

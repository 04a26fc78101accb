/*
 * What the kernel says of this machine's links and addresses (rtnetlink(7)). Only the files of
 * machine/ and their tests include it.
 *
 * System calls: socket, setsockopt, connect (rtnetlink_open), send and recv (rtnetlink_ask).
 * rtnetlink_parse makes none.
 */
#ifndef AGENT_MACHINE_RTNETLINK_H
#define AGENT_MACHINE_RTNETLINK_H

#include "policy/base/error.h"
#include "policy/base/mem.h"

#include <stdint.h>

struct rtnetlink_link {
    uint32_t index;
    uint32_t flags;          /* IFF_UP, IFF_LOOPBACK, ... */
    int64_t if_type;         /* IANA's number of the kind; -1 where the kernel's says too little */
    const char *name;        /* NULL where it has none */
    const char *description; /* the alias that an administrator gave it, or NULL */
};

struct rtnetlink_address {
    uint32_t link;           /* its index */
    int family;              /* AF_INET or AF_INET6 */
    int prefix;              /* of the family */
    uint8_t scope, flags;    /* RT_SCOPE_LINK, ...; IFA_F_TENTATIVE, ... */
    unsigned char bytes[16]; /* the machine's own; IPv4 in the first four */
};

/* All zero is empty. */
struct rtnetlink {
    struct arena arena; /* owns the texts */
    size_t link_count, link_cap;
    struct rtnetlink_link *links;
    size_t address_count, address_cap;
    struct rtnetlink_address *addresses;
};

/* What is known of one answer, datagram by datagram. */
struct rtnetlink_dump {
    uint32_t sequence; /* of the request: other messages are passed over */
    bool done;         /* its last message was there */
    bool interrupted;  /* something changed meanwhile: the answer may miss something */
};

/* Adds what a datagram tells of links and addresses. false: the kernel refuses, or a length lies
   (ERROR_FAILED). */
bool rtnetlink_parse(struct rtnetlink *found, struct rtnetlink_dump *dump, const void *datagram,
                     size_t len, struct error *err);

/* Asks for links and addresses over a datagram socket and waits for the answers as long as the
   socket's receive timeout. What is interrupted is asked for again, a few times. */
bool rtnetlink_ask(struct rtnetlink *found, int fd, struct error *err);

/* A socket that takes messages of the kernel alone, with a receive timeout; the caller closes it.
   -1: ERROR_FAILED. */
int rtnetlink_open(struct error *err);

/* Opens and asks. false: ERROR_FAILED, and `found` is empty. */
bool rtnetlink_read(struct rtnetlink *found, struct error *err);

void rtnetlink_free(struct rtnetlink *found);

#endif

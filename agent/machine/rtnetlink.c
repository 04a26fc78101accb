#include "agent/machine/rtnetlink.h"

#include "policy/base/limits.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WHAT "cannot read this machine's addresses"

/* Bytes that were not looked at yet. Their alignment is nobody's promise: headers are copied. */
struct rest {
    const unsigned char *at;
    size_t len;
};

struct attribute {
    int type;
    const unsigned char *value;
    size_t len;
};

static bool fail(struct error *err, const char *what)
{
    return error_set(err, ERROR_FAILED, BLAME_NONE, "NETLINK", NULL, "%s: %s", WHAT, what);
}

static bool fail_errno(struct error *err, int number)
{
    errno = number;
    error_errno(err, NULL, "%s", WHAT);
    if (err)
        err->blame = BLAME_NONE;
    return false;
}

static bool fail_malformed(struct error *err)
{
    return fail(err, "the kernel's answer is malformed");
}

/* Passes over `len` bytes, rounded up to four where there are as many. */
static void step(struct rest *rest, size_t len)
{
    size_t whole = NLMSG_ALIGN(len);
    if (whole > rest->len)
        whole = rest->len;
    rest->at += whole;
    rest->len -= whole;
}

/* The payload behind a message's fixed part: its attributes. */
static bool open_payload(const struct rest *payload, void *fixed, size_t size, struct rest *rest)
{
    if (payload->len < size)
        return false;
    memcpy(fixed, payload->at, size);
    *rest = *payload;
    step(rest, size);
    return true;
}

/* false at the end; *lies where a length is none. */
static bool next_attribute(struct rest *rest, struct attribute *attribute, bool *lies)
{
    struct rtattr header;
    if (rest->len == 0)
        return false;
    *lies = rest->len < sizeof header;
    if (*lies)
        return false;
    memcpy(&header, rest->at, sizeof header);
    *lies = header.rta_len < sizeof header || header.rta_len > rest->len;
    if (*lies)
        return false;
    *attribute = (struct attribute){
        .type = header.rta_type,
        .value = rest->at + sizeof header,
        .len = header.rta_len - sizeof header,
    };
    step(rest, header.rta_len);
    return true;
}

static const char *copy_text(struct rtnetlink *found, const struct attribute *attribute)
{
    size_t len = strnlen((const char *)attribute->value, attribute->len);
    return len ? arena_copy_bytes(&found->arena, (const char *)attribute->value, len) : NULL;
}

/* The kernel's kind of hardware as IANA's ifType. ARPHRD_NONE is what tunnels of many kinds have:
   it says nothing. */
static int64_t if_type_of(unsigned kind)
{
    static const struct {
        unsigned kind;
        int if_type;
    } types[] = {
        {ARPHRD_ETHER, 6},    {ARPHRD_LOOPBACK, 24}, {ARPHRD_PPP, 23},  {ARPHRD_INFINIBAND, 199},
        {ARPHRD_TUNNEL, 131}, {ARPHRD_TUNNEL6, 131}, {ARPHRD_SIT, 131}, {ARPHRD_IPGRE, 131},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].kind == kind)
            return types[i].if_type;
    return -1;
}

static bool parse_link(struct rtnetlink *found, const struct rest *payload)
{
    struct ifinfomsg fixed;
    struct attribute attribute;
    struct rest rest;
    bool lies = false;
    if (!open_payload(payload, &fixed, sizeof fixed, &rest))
        return false;
    struct rtnetlink_link link = {
        .index = (uint32_t)fixed.ifi_index,
        .flags = fixed.ifi_flags,
        .if_type = if_type_of(fixed.ifi_type),
    };
    while (next_attribute(&rest, &attribute, &lies)) {
        if (attribute.type == IFLA_IFNAME)
            link.name = copy_text(found, &attribute);
        else if (attribute.type == IFLA_IFALIAS)
            link.description = copy_text(found, &attribute);
    }
    found->links =
        mem_grow(found->links, &found->link_cap, found->link_count + 1, sizeof *found->links);
    found->links[found->link_count++] = link;
    return !lies;
}

/* On a point-to-point link IFA_ADDRESS is the other end's, and IFA_LOCAL this machine's own. IPv6
   has IFA_LOCAL only there. */
static bool parse_address(struct rtnetlink *found, const struct rest *payload)
{
    struct ifaddrmsg fixed;
    struct attribute attribute;
    struct rest rest;
    bool lies = false, any = false, local = false;
    if (!open_payload(payload, &fixed, sizeof fixed, &rest))
        return false;
    if (fixed.ifa_family != AF_INET && fixed.ifa_family != AF_INET6)
        return true;
    size_t size = fixed.ifa_family == AF_INET ? 4 : 16;
    struct rtnetlink_address address = {
        .link = fixed.ifa_index,
        .family = fixed.ifa_family,
        .prefix = fixed.ifa_prefixlen,
        .scope = fixed.ifa_scope,
        .flags = fixed.ifa_flags,
    };
    while (next_attribute(&rest, &attribute, &lies)) {
        if (attribute.type != IFA_LOCAL && (attribute.type != IFA_ADDRESS || local))
            continue;
        if (attribute.len != size)
            return false;
        memcpy(address.bytes, attribute.value, size);
        any = true;
        local = attribute.type == IFA_LOCAL;
    }
    if (lies || (size_t)address.prefix > 8 * size)
        return false;
    if (!any)
        return true;
    found->addresses = mem_grow(found->addresses, &found->address_cap, found->address_count + 1,
                                sizeof *found->addresses);
    found->addresses[found->address_count++] = address;
    return true;
}

/* NLMSG_ERROR and NLMSG_DONE begin with an errno below zero, or 0. */
static bool parse_result(const struct rest *payload, bool needed, struct error *err)
{
    int number = 0;
    if (payload->len >= sizeof number)
        memcpy(&number, payload->at, sizeof number);
    else if (needed)
        return fail_malformed(err);
    if (number > 0 || number < -4095)
        return fail_malformed(err);
    return number == 0 || fail_errno(err, -number);
}

static bool parse_message(struct rtnetlink *found, struct rtnetlink_dump *dump, unsigned type,
                          const struct rest *payload, struct error *err)
{
    switch (type) {
    case NLMSG_DONE: dump->done = true; return parse_result(payload, false, err);
    case NLMSG_ERROR: return parse_result(payload, true, err);
    case NLMSG_OVERRUN: return fail(err, "the kernel lost a part of its answer");
    case RTM_NEWLINK: return parse_link(found, payload) || fail_malformed(err);
    case RTM_NEWADDR: return parse_address(found, payload) || fail_malformed(err);
    default: return true;
    }
}

bool rtnetlink_parse(struct rtnetlink *found, struct rtnetlink_dump *dump, const void *datagram,
                     size_t len, struct error *err)
{
    struct rest rest = {datagram, len};
    while (rest.len > 0) {
        struct nlmsghdr header;
        if (rest.len < sizeof header)
            return fail_malformed(err);
        memcpy(&header, rest.at, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.len)
            return fail_malformed(err);
        const struct rest payload = {rest.at + sizeof header, header.nlmsg_len - sizeof header};
        step(&rest, header.nlmsg_len);
        if (header.nlmsg_seq != dump->sequence)
            continue;
        dump->interrupted |= (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        if (!parse_message(found, dump, header.nlmsg_type, &payload, err))
            return false;
    }
    return true;
}

/* ---- the socket ---- */

static bool send_request(int fd, unsigned type, uint32_t sequence, struct error *err)
{
    const struct {
        struct nlmsghdr header;
        struct rtgenmsg family;
    } request = {
        .header =
            {
                .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
                .nlmsg_type = (uint16_t)type,
                .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                .nlmsg_seq = sequence,
            },
        .family = {AF_UNSPEC},
    };
    return send(fd, &request, request.header.nlmsg_len, MSG_NOSIGNAL) >= 0 ||
           fail_errno(err, errno);
}

static ssize_t receive(int fd, void *bytes, size_t size, int flags)
{
    ssize_t got;
    do
        got = recv(fd, bytes, size, flags);
    while (got < 0 && errno == EINTR);
    return got;
}

/* One datagram, whole, in memory that grows; its length or -1. Looking first tells how long it is:
   what does not fit would be cut off. */
static ssize_t receive_datagram(int fd, unsigned char **bytes, size_t *cap, struct error *err)
{
    ssize_t len = receive(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
    if (len > LIMIT_NETLINK_BYTES) {
        fail_malformed(err);
        return -1;
    }
    if (len >= 0) {
        *bytes = mem_grow(*bytes, cap, (size_t)len + 1, 1);
        len = receive(fd, *bytes, *cap, MSG_TRUNC);
    }
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        fail(err, "the kernel does not answer");
    else if (len < 0)
        fail_errno(err, errno);
    else if (len == 0 || (size_t)len > *cap)
        fail_malformed(err);
    else
        return len;
    return -1;
}

static bool read_answer(struct rtnetlink *found, struct rtnetlink_dump *dump, int fd,
                        struct error *err)
{
    unsigned char *bytes = NULL;
    size_t cap = 0;
    bool ok = true;
    for (long i = 0; ok && !dump->done; i++) {
        ssize_t len = receive_datagram(fd, &bytes, &cap, err);
        ok = len >= 0 && rtnetlink_parse(found, dump, bytes, (size_t)len, err);
        if (ok && i >= LIMIT_NETLINK_DATAGRAMS)
            ok = fail(err, "the kernel's answer has no end");
    }
    free(bytes);
    return ok;
}

/* An interrupted answer is read to its end, thrown away and asked for again. */
static bool ask_for(struct rtnetlink *found, int fd, unsigned type, struct error *err)
{
    size_t link_count = found->link_count, address_count = found->address_count;
    for (uint32_t i = 0; i < LIMIT_NETLINK_TRIES; i++) {
        struct rtnetlink_dump dump = {.sequence = (uint32_t)type << 8 | i};
        found->link_count = link_count;
        found->address_count = address_count;
        if (!send_request(fd, type, dump.sequence, err) || !read_answer(found, &dump, fd, err))
            return false;
        if (!dump.interrupted)
            return true;
    }
    return fail(err, "they change all the time");
}

bool rtnetlink_ask(struct rtnetlink *found, int fd, struct error *err)
{
    return ask_for(found, fd, RTM_GETLINK, err) && ask_for(found, fd, RTM_GETADDR, err);
}

int rtnetlink_open(struct error *err)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    const struct timeval patience = {.tv_sec = LIMIT_NETLINK_SECONDS};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        connect(fd, (const struct sockaddr *)&kernel, sizeof kernel) == 0)
        return fd;
    fail_errno(err, errno);
    if (fd >= 0)
        close(fd);
    return -1;
}

bool rtnetlink_read(struct rtnetlink *found, struct error *err)
{
    *found = (struct rtnetlink){.link_count = 0};
    int fd = rtnetlink_open(err);
    if (fd < 0)
        return false;
    bool ok = rtnetlink_ask(found, fd, err);
    close(fd);
    if (!ok)
        rtnetlink_free(found);
    return ok;
}

void rtnetlink_free(struct rtnetlink *found)
{
    free(found->links);
    free(found->addresses);
    arena_free(&found->arena);
    *found = (struct rtnetlink){.link_count = 0};
}

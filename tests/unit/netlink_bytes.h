/* Messages of rtnetlink, made byte by byte. Include after cmocka.h. */
#ifndef TESTS_UNIT_NETLINK_BYTES_H
#define TESTS_UNIT_NETLINK_BYTES_H

#include "policy/address.h"
#include "policy/base/buf.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>

#define SEQUENCE 7

static inline void pad(struct buf *bytes)
{
    while (bytes->len % 4)
        buf_append(bytes, "\xEE", 1);
}

static inline size_t begin(struct buf *bytes, unsigned type, uint32_t sequence)
{
    const struct nlmsghdr header = {.nlmsg_type = (uint16_t)type, .nlmsg_seq = sequence};
    size_t at = bytes->len;
    buf_append(bytes, &header, sizeof header);
    return at;
}

static inline void end(struct buf *bytes, size_t at)
{
    uint32_t len = (uint32_t)(bytes->len - at);
    memcpy(bytes->data + at, &len, sizeof len);
    pad(bytes);
}

static inline void attribute(struct buf *bytes, unsigned type, const void *value, size_t len)
{
    const struct rtattr header = {(unsigned short)(sizeof header + len), (unsigned short)type};
    buf_append(bytes, &header, sizeof header);
    buf_append(bytes, value, len);
    pad(bytes);
}

static inline void text_attribute(struct buf *bytes, unsigned type, const char *text)
{
    if (text)
        attribute(bytes, type, text, strlen(text) + 1);
}

static inline void link_message(struct buf *bytes, int index, unsigned kind, unsigned flags,
                                const char *name, const char *alias)
{
    const struct ifinfomsg fixed = {
        .ifi_type = (unsigned short)kind, .ifi_index = index, .ifi_flags = flags};
    size_t at = begin(bytes, RTM_NEWLINK, SEQUENCE);
    buf_append(bytes, &fixed, sizeof fixed);
    text_attribute(bytes, IFLA_QDISC, "noqueue");
    text_attribute(bytes, IFLA_IFNAME, name);
    text_attribute(bytes, IFLA_IFALIAS, alias);
    end(bytes, at);
}

/* "10.1.2.3", "fe80::1"; NULL adds nothing. */
static inline void number_attribute(struct buf *bytes, unsigned type, const char *text)
{
    address_number number;
    unsigned char all[16];
    if (!text)
        return;
    assert_true(address_parse(text, &number));
    address_to_bytes(number, all);
    if (address_is_ipv4(number))
        attribute(bytes, type, all + 12, 4);
    else
        attribute(bytes, type, all, 16);
}

/* An address of link 2. */
struct written {
    const char *local, *address; /* IFA_LOCAL, IFA_ADDRESS */
    int prefix;
    unsigned scope, flags;
};

static inline void address_message(struct buf *bytes, const struct written *written)
{
    const char *text = written->local ? written->local : written->address;
    const struct ifaddrmsg fixed = {
        .ifa_family = text && strchr(text, ':') ? AF_INET6 : AF_INET,
        .ifa_prefixlen = (unsigned char)written->prefix,
        .ifa_flags = (unsigned char)written->flags,
        .ifa_scope = (unsigned char)written->scope,
        .ifa_index = 2,
    };
    size_t at = begin(bytes, RTM_NEWADDR, SEQUENCE);
    buf_append(bytes, &fixed, sizeof fixed);
    number_attribute(bytes, IFA_ADDRESS, written->address);
    number_attribute(bytes, IFA_LOCAL, written->local);
    text_attribute(bytes, IFA_LABEL, "eth0");
    end(bytes, at);
}

static inline void done_message(struct buf *bytes, uint32_t sequence, unsigned flags, int number)
{
    size_t at = begin(bytes, NLMSG_DONE, sequence);
    buf_append(bytes, &number, sizeof number);
    end(bytes, at);
    ((struct nlmsghdr *)(void *)(bytes->data + at))->nlmsg_flags = (uint16_t)flags;
}

#endif

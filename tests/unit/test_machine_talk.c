/* The conversation with the kernel: answers that are interrupted, long, missing, without an end. */
#include "agent/machine/parts.h"
#include "policy/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/netlink_bytes.h"

struct talk {
    int fd, kernel;
};

/* What is answered stands in the socket before it is asked for. */
static void talk_begin(struct talk *talk)
{
    const struct timeval soon = {.tv_usec = 10000};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), 0);
    talk->fd = pair[0];
    talk->kernel = pair[1];
}

/* Requests ask for links first; each one more time has the next number. */
static uint32_t sequence_of(unsigned type, unsigned turn)
{
    return type << 8 | turn;
}

static void answer(struct talk *talk, struct buf *bytes, uint32_t sequence)
{
    for (size_t at = 0; at < bytes->len;) {
        struct nlmsghdr *header = (struct nlmsghdr *)(void *)(bytes->data + at);
        header->nlmsg_seq = sequence;
        at += NLMSG_ALIGN(header->nlmsg_len);
    }
    assert_int_equal(send(talk->kernel, bytes->data, bytes->len, 0), (ssize_t)bytes->len);
    buf_clear(bytes);
}

static void answer_link(struct talk *talk, struct buf *bytes, unsigned turn, const char *name,
                        const char *alias_text, unsigned flags)
{
    link_message(bytes, 2, ARPHRD_ETHER, IFF_UP, name, alias_text);
    answer(talk, bytes, sequence_of(RTM_GETLINK, turn));
    done_message(bytes, 0, flags, 0);
    answer(talk, bytes, sequence_of(RTM_GETLINK, turn));
}

static void answer_address(struct talk *talk, struct buf *bytes, unsigned turn, const char *text,
                           unsigned flags)
{
    address_message(bytes, &(struct written){.local = text, .prefix = 24});
    done_message(bytes, 0, flags, 0);
    answer(talk, bytes, sequence_of(RTM_GETADDR, turn));
}

static bool talk_end(struct talk *talk, struct rtnetlink *found, struct error *err)
{
    *found = (struct rtnetlink){.link_count = 0};
    bool ok = rtnetlink_ask(found, talk->fd, err);
    close(talk->fd);
    close(talk->kernel);
    return ok;
}

/* An answer that was interrupted counts for nothing: the next one does. */
static void interrupted(void **state)
{
    (void)state;
    struct talk talk;
    struct buf bytes = {0};
    struct rtnetlink found;
    struct error err = {0};
    talk_begin(&talk);
    answer_link(&talk, &bytes, 0, "eth0", NULL, NLM_F_DUMP_INTR);
    answer_link(&talk, &bytes, 1, "eth1", NULL, 0);
    answer_address(&talk, &bytes, 0, "10.1.2.3", 0);
    if (!talk_end(&talk, &found, &err))
        fail_msg("%s", err.text);
    assert_int_equal(found.link_count, 1);
    assert_string_equal(found.links[0].name, "eth1");
    assert_int_equal(found.address_count, 1);
    rtnetlink_free(&found);
    buf_free(&bytes);
}

/* The addresses' answer likewise; what was said of links stays. */
static void interrupted_addresses(void **state)
{
    (void)state;
    struct talk talk;
    struct buf bytes = {0};
    struct rtnetlink found;
    struct error err = {0};
    talk_begin(&talk);
    answer_link(&talk, &bytes, 0, "eth0", NULL, 0);
    answer_address(&talk, &bytes, 0, "10.1.2.3", NLM_F_DUMP_INTR);
    answer_address(&talk, &bytes, 1, "10.1.2.4", 0);
    if (!talk_end(&talk, &found, &err))
        fail_msg("%s", err.text);
    assert_int_equal(found.link_count, 1);
    assert_int_equal(found.address_count, 1);
    assert_int_equal(found.addresses[0].bytes[3], 4);
    rtnetlink_free(&found);
    buf_free(&bytes);
}

static void interrupted_always(void **state)
{
    (void)state;
    struct talk talk;
    struct buf bytes = {0};
    struct rtnetlink found;
    struct error err = {0};
    talk_begin(&talk);
    for (unsigned turn = 0; turn < LIMIT_NETLINK_TRIES; turn++) {
        done_message(&bytes, 0, NLM_F_DUMP_INTR, 0);
        answer(&talk, &bytes, sequence_of(RTM_GETLINK, turn));
    }
    assert_false(talk_end(&talk, &found, &err));
    assert_non_null(strstr(err.text, "change all the time"));
    assert_int_equal(err.kind, ERROR_FAILED);
    rtnetlink_free(&found);
    buf_free(&bytes);
}

/* A datagram longer than any buffer was before is read whole. */
static void long_datagram(void **state)
{
    (void)state;
    struct talk talk;
    struct buf bytes = {0};
    struct rtnetlink found;
    struct error err = {0};
    char *text = mem_zero(1, 60001);
    memset(text, 'x', 60000);
    talk_begin(&talk);
    answer_link(&talk, &bytes, 0, "eth0", text, 0);
    answer_address(&talk, &bytes, 0, "10.1.2.3", 0);
    if (!talk_end(&talk, &found, &err))
        fail_msg("%s", err.text);
    assert_string_equal(found.links[0].description, text);
    free(text);
    rtnetlink_free(&found);
    buf_free(&bytes);
}

/* No answer, or none that ends: the wait has an end. */
static void silent(void **state)
{
    (void)state;
    for (int some = 0; some < 2; some++) {
        struct talk talk;
        struct buf bytes = {0};
        struct rtnetlink found;
        struct error err = {0};
        talk_begin(&talk);
        link_message(&bytes, 2, ARPHRD_ETHER, IFF_UP, "eth0", NULL);
        if (some)
            answer(&talk, &bytes, sequence_of(RTM_GETLINK, 0));
        assert_false(talk_end(&talk, &found, &err));
        assert_string_equal(err.text,
                            "cannot read this machine's addresses: the kernel does not answer");
        assert_int_equal(err.kind, ERROR_FAILED);
        rtnetlink_free(&found);
        buf_free(&bytes);
    }
}

/* Datagrams that never say that they are the last. */
static void endless(void **state)
{
    (void)state;
    const struct timeval later = {.tv_sec = 60};
    struct talk talk;
    struct buf bytes = {0};
    struct rtnetlink found;
    struct error err = {0};
    talk_begin(&talk);
    /* The child may be slow to begin. */
    assert_int_equal(setsockopt(talk.fd, SOL_SOCKET, SO_RCVTIMEO, &later, sizeof later), 0);
    end(&bytes, begin(&bytes, NLMSG_NOOP, 0));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(talk.fd);
        while (send(talk.kernel, bytes.data, bytes.len, MSG_NOSIGNAL) >= 0)
            ;
        _exit(0);
    }
    assert_false(talk_end(&talk, &found, &err));
    assert_non_null(strstr(err.text, "has no end"));
    assert_int_equal(waitpid(child, NULL, 0), child);
    rtnetlink_free(&found);
    buf_free(&bytes);
}

/* A longer datagram than the kernel makes. */
static void giant(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct talk talk;
        struct rtnetlink found;
        struct error err = {0};
        size_t len = LIMIT_NETLINK_BYTES + 4 * more;
        char *bytes = mem_zero(len, 1);
        memcpy(bytes, &(uint32_t){(uint32_t)len}, 4);
        talk_begin(&talk);
        assert_int_equal(send(talk.kernel, bytes, len, 0), (ssize_t)len);
        assert_false(talk_end(&talk, &found, &err));
        assert_non_null(strstr(err.text, more ? "malformed" : "does not answer"));
        rtnetlink_free(&found);
        free(bytes);
    }
}

/* Nobody but the kernel is heard, and not for ever. */
static void own_socket(void **state)
{
    (void)state;
    struct timeval patience;
    struct sockaddr_nl own;
    socklen_t size = sizeof patience, own_size = sizeof own;
    int fd = rtnetlink_open(NULL);
    assert_true(fd >= 0);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, &size), 0);
    assert_int_equal(patience.tv_sec, LIMIT_NETLINK_SECONDS);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &own_size), 0);
    int other = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    assert_true(other >= 0);
    assert_true(sendto(other, "x", 1, 0, (const struct sockaddr *)&own, sizeof own) < 0);
    close(other);
    close(fd);
}

static void empty_datagram(void **state)
{
    (void)state;
    struct talk talk;
    struct rtnetlink found;
    struct error err = {0};
    talk_begin(&talk);
    assert_int_equal(send(talk.kernel, "", 0, 0), 0);
    assert_false(talk_end(&talk, &found, &err));
    assert_non_null(strstr(err.text, "malformed"));
    rtnetlink_free(&found);
}

/* Where no socket can be had (a sandbox, no descriptors) the error says what is missing. */
static void no_socket(void **state)
{
    (void)state;
    struct rlimit limit, none;
    struct machine machine;
    struct error err = {0};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool ok = machine_find(&machine, NULL, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_false(ok);
    assert_int_equal(err.kind, ERROR_FAILED);
    assert_int_equal(err.blame, BLAME_NONE);
    assert_string_equal(err.code, "EMFILE");
    assert_non_null(strstr(err.text, "cannot read this machine's addresses"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupted),
        cmocka_unit_test(interrupted_addresses),
        cmocka_unit_test(interrupted_always),
        cmocka_unit_test(long_datagram),
        cmocka_unit_test(silent),
        cmocka_unit_test(endless),
        cmocka_unit_test(giant),
        cmocka_unit_test(own_socket),
        cmocka_unit_test(empty_datagram),
        cmocka_unit_test(no_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/dns_stub.h"

#include "policy/base/buf.h"
#include "policy/base/mem.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28 };
enum { CLASS_IN = 1, CLASS_CHAOS = 3 };
enum { HEADER = 12 };

/* What is wrong with the message as a whole. */
enum twist {
    NO_TWIST,
    SILENT,
    SECOND_TIME, /* silent until the name is asked for again; then all are answered */
    WRONG_ID,
    WRONG_QUESTION,
    HEADER_ONLY,
    TRUNCATED, /* and nobody listens on TCP */
    RUBBISH,   /* where a record should be */
    CUT,       /* in the last record */
    POINTER,   /* a name that points at itself */
};

/* A label "/" is sent as the byte 1. No owner: the name asked for. */
struct record {
    int type;
    const char *owner, *data;
    uint32_t ttl;
    int class;
};

/* Of the addresses only those of the type asked for are sent. */
struct lie {
    const char *label;
    int rcode;
    enum twist twist;
    struct record records[3];
};

#define A(address)                          \
    {                                       \
        TYPE_A, NULL, address, 60, CLASS_IN \
    }
#define AAAA(address)                          \
    {                                          \
        TYPE_AAAA, NULL, address, 60, CLASS_IN \
    }
#define A_TTL(seconds)                               \
    {                                                \
        TYPE_A, NULL, "192.0.2.1", seconds, CLASS_IN \
    }
#define CNAME(target)                          \
    {                                          \
        TYPE_CNAME, NULL, target, 60, CLASS_IN \
    }

static const struct lie lies[] = {
    {"plain", 0, NO_TWIST, {A("192.0.2.1")}},
    {"reversed",
     0,
     NO_TWIST,
     {{TYPE_A, "b.test", "192.0.2.1", 60, CLASS_IN},
      {TYPE_CNAME, "a.test", "b.test", 60, CLASS_IN},
      CNAME("a.test")}},
    {"stranger",
     0,
     NO_TWIST,
     {A("192.0.2.1"), {TYPE_CNAME, "someone.test", "else.test", 60, CLASS_IN}}},
    {"chaos", 0, NO_TWIST, {{TYPE_CNAME, NULL, "a.test", 60, CLASS_CHAOS}}},
    {"servfail", 2, NO_TWIST, {{0}}},
    {"refused", 5, NO_TWIST, {{0}}},
    {"slash", 0, NO_TWIST, {CNAME("a/b.test"), A("192.0.2.1")}},
    {"control", 0, NO_TWIST, {CNAME("/.test"), A("192.0.2.1")}},
    {"root", 0, NO_TWIST, {CNAME(""), A("192.0.2.1")}},
    {"slash-dangling", 3, NO_TWIST, {CNAME("a/b.test")}},
    {"dash-dangling", 3, NO_TWIST, {CNAME("a-b.test")}},
    {"self", 0, NO_TWIST, {CNAME("self.test")}},
    {"self-with-address", 0, NO_TWIST, {CNAME("self-with-address.test"), A("192.0.2.1")}},
    {"zero", 0, NO_TWIST, {A("0.0.0.0")}},
    {"zero-and-good", 0, NO_TWIST, {A("0.0.0.0"), A("192.0.2.1")}},
    {"loopback", 0, NO_TWIST, {A("127.0.0.1")}},
    {"multicast", 0, NO_TWIST, {A("224.0.0.1"), AAAA("ff02::1")}},
    {"mapped", 0, NO_TWIST, {AAAA("::ffff:127.0.0.1")}},
    {"six", 0, NO_TWIST, {AAAA("2001:db8::1")}},
    {"ttl-zero", 0, NO_TWIST, {A_TTL(0)}},
    {"ttl-hour", 0, NO_TWIST, {A_TTL(3600)}},
    {"ttl-years", 0, NO_TWIST, {A_TTL(INT32_MAX)}},
    {"ttl-negative", 0, NO_TWIST, {A_TTL(UINT32_MAX)}},
    {"silent", 0, SILENT, {{0}}},
    {"other", 0, SILENT, {{0}}},
    {"second-time", 0, SECOND_TIME, {A("192.0.2.1")}},
    {"wrong-id", 0, WRONG_ID, {A("192.0.2.1")}},
    {"wrong-question", 0, WRONG_QUESTION, {A("192.0.2.1")}},
    {"header-only", 0, HEADER_ONLY, {{0}}},
    {"truncated", 0, TRUNCATED, {{0}}},
    {"rubbish", 0, RUBBISH, {{0}}},
    {"cut", 0, CUT, {A("192.0.2.1"), AAAA("2001:db8::1")}},
    {"pointer", 0, POINTER, {{0}}},
};

struct question {
    struct sockaddr_in from;
    unsigned char bytes[512];
    size_t len;
};

struct dns_stub {
    int fd;
    char server[32];
    struct question held[2];
    size_t held_count;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t came;
    size_t questions;
};

/* ---- messages ---- */

static void put_16(struct buf *to, int value)
{
    unsigned char bytes[] = {(unsigned char)(value >> 8), (unsigned char)value};
    buf_append(to, bytes, sizeof bytes);
}

static void put_name(struct buf *to, const char *name)
{
    while (*name) {
        size_t len = strcspn(name, ".");
        unsigned char count = (unsigned char)len;
        buf_append(to, &count, 1);
        buf_append(to, len == 1 && *name == '/' ? "\1" : name, len);
        name += len + (name[len] == '.');
    }
    buf_append(to, "", 1);
}

static void put_record(struct buf *to, const struct record *record)
{
    struct buf data = {0};
    unsigned char address[16];
    if (record->type == TYPE_CNAME)
        put_name(&data, record->data);
    else if (inet_pton(record->type == TYPE_A ? AF_INET : AF_INET6, record->data, address) == 1)
        buf_append(&data, address, record->type == TYPE_A ? 4 : 16);
    if (record->owner)
        put_name(to, record->owner);
    else
        put_16(to, 0xC000 | HEADER); /* the question's name */
    put_16(to, record->type);
    put_16(to, record->class);
    put_16(to, (int)(record->ttl >> 16));
    put_16(to, (int)(record->ttl & 0xFFFF));
    put_16(to, (int)data.len);
    buf_append(to, data.data, data.len);
    buf_free(&data);
}

/* The length of header and question. */
static size_t question_length(const struct question *question)
{
    size_t at = HEADER;
    while (at < question->len && question->bytes[at])
        at += question->bytes[at] + 1U;
    return at + 5;
}

static int put_records(struct buf *message, const struct lie *lie, int type)
{
    int count = 0;
    for (size_t i = 0; i < sizeof lie->records / sizeof lie->records[0]; i++) {
        const struct record *record = &lie->records[i];
        if (record->type == type || record->type == TYPE_CNAME) {
            put_record(message, record);
            count++;
        }
    }
    return count;
}

static void twist_message(struct buf *message, enum twist twist)
{
    unsigned char *bytes = (unsigned char *)message->data;
    if (twist == WRONG_ID)
        bytes[0] ^= 0xFF;
    if (twist == WRONG_QUESTION)
        bytes[HEADER + 1] ^= 0x03;
    if (twist == TRUNCATED)
        bytes[2] |= 0x02;
    if (twist == CUT)
        message->len -= 2;
    if (twist == HEADER_ONLY) {
        bytes[5] = 0;
        message->len = HEADER;
    }
    if (twist == RUBBISH || twist == POINTER) {
        bytes[7] = 1;
        if (twist == POINTER)
            put_16(message, 0xC000 | (int)message->len);
        buf_append(message, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12);
    }
}

static void send_answer(const struct dns_stub *stub, const struct question *question,
                        const struct lie *lie)
{
    struct buf message = {0};
    size_t asked = question_length(question);
    buf_append(&message, question->bytes, asked);
    int count = put_records(&message, lie, question->bytes[asked - 3]);
    message.data[2] = (char)0x84; /* an answer, authoritative */
    message.data[3] = (char)(0x80 | lie->rcode);
    memset(message.data + 6, 0, 6);
    message.data[7] = (char)count;
    twist_message(&message, lie->twist);
    sendto(stub->fd, message.data, message.len, 0, (const struct sockaddr *)&question->from,
           sizeof question->from);
    buf_free(&message);
}

/* ---- the thread ---- */

static const struct lie *find_lie(const struct question *question)
{
    size_t len = question->bytes[HEADER];
    const char *label = (const char *)question->bytes + HEADER + 1;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
        if (strlen(lies[i].label) == len && strncasecmp(label, lies[i].label, len) == 0)
            return &lies[i];
    return NULL;
}

static void answer(struct dns_stub *stub, const struct question *question)
{
    const struct lie *lie = find_lie(question);
    if (!lie || lie->twist == SILENT)
        return;
    if (lie->twist == SECOND_TIME && stub->held_count < 2) {
        stub->held[stub->held_count++] = *question;
        return;
    }
    if (lie->twist == SECOND_TIME)
        for (size_t i = 0; i < 2; i++)
            send_answer(stub, &stub->held[i], lie);
    send_answer(stub, question, lie);
}

/* Until an empty datagram comes. */
static void *serve(void *arg)
{
    struct dns_stub *stub = arg;
    for (;;) {
        struct question question;
        socklen_t size = sizeof question.from;
        ssize_t len = recvfrom(stub->fd, question.bytes, sizeof question.bytes, 0,
                               (struct sockaddr *)&question.from, &size);
        if (len <= HEADER)
            return NULL;
        question.len = (size_t)len;
        /* Counted before it is answered: who has the answer can rely on the count. */
        pthread_mutex_lock(&stub->lock);
        stub->questions++;
        pthread_cond_signal(&stub->came);
        pthread_mutex_unlock(&stub->lock);
        answer(stub, &question);
    }
}

struct dns_stub *dns_stub_start(void)
{
    struct dns_stub *stub = mem_zero(1, sizeof *stub);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    stub->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    pthread_mutex_init(&stub->lock, NULL);
    pthread_cond_init(&stub->came, NULL);
    if (bind(stub->fd, (struct sockaddr *)&address, len) == 0 &&
        getsockname(stub->fd, (struct sockaddr *)&address, &len) == 0) {
        snprintf(stub->server, sizeof stub->server, "127.0.0.1:%d", ntohs(address.sin_port));
        if (pthread_create(&stub->thread, NULL, serve, stub) == 0)
            return stub;
    }
    close(stub->fd);
    free(stub);
    return NULL;
}

void dns_stub_stop(struct dns_stub *stub)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    getsockname(stub->fd, (struct sockaddr *)&address, &len);
    sendto(stub->fd, "", 0, 0, (struct sockaddr *)&address, len);
    pthread_join(stub->thread, NULL);
    pthread_cond_destroy(&stub->came);
    pthread_mutex_destroy(&stub->lock);
    close(stub->fd);
    free(stub);
}

const char *dns_stub_server(const struct dns_stub *stub)
{
    return stub->server;
}

size_t dns_stub_questions(struct dns_stub *stub, size_t least)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    pthread_mutex_lock(&stub->lock);
    while (stub->questions < least && pthread_cond_timedwait(&stub->came, &stub->lock, &until) == 0)
        ;
    size_t questions = stub->questions;
    pthread_mutex_unlock(&stub->lock);
    return questions;
}

#include "agent/resolve/resolve.h"

#include "agent/resolve/answer.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <stdlib.h>
#include <string.h>

/* Three rounds of 1, 2 and 4 seconds: with two servers they end just within LIMIT_DNS_SECONDS. */
#define TRY_MS 1000
#define TRIES  3

/* Names whose answers are kept: a job speaks to far fewer. */
#define CACHED_MAX 64

struct waiter {
    struct waiter *next;
    void (*done)(void *arg, struct resolve_answer *answer);
    void *arg;
};

/* One name being asked for. It lives until c-ares has called back, however late; those who wait
   for it do so until the deadline. */
struct lookup {
    struct lookup *next; /* in the resolver's list until the deadline */
    struct resolver *resolver;
    char *host;
    struct waiter *waiters;     /* NULL: they were told already */
    enum resolve_error failure; /* as it looked before the servers were asked frankly */
    struct loop_timer deadline;
};

struct cached {
    struct cached *next;
    uint32_t hash; /* of the host: most names differ in it */
    char *host;
    struct resolve_answer *answer;
    int64_t since, until; /* monotonic ms */
};

struct socket_watch {
    struct socket_watch *next;
    struct channel *channel;
    struct loop_watch watch;
};

/* One of c-ares' on the loop. */
struct channel {
    struct resolver *resolver;
    ares_channel ares;       /* NULL: not open */
    struct loop_timer timer; /* c-ares' own time-outs */
    struct socket_watch *sockets;
};

struct resolver {
    struct loop *loop;
    char *servers; /* NULL: the system's */
    struct channel channel;
    struct channel frank; /* says what servers that fail answered, and asks no other for it */
    struct lookup *lookups;
    struct cached *cached; /* the youngest first */
    size_t cached_count;
};

static int64_t now(const struct resolver *resolver)
{
    const struct clock *clock = loop_clock(resolver->loop);
    return clock->monotonic(clock->arg);
}

/* ---- answers kept ---- */

static void free_cached(struct cached *cached)
{
    free(cached->host);
    resolve_answer_free(cached->answer);
    free(cached);
}

/* Without case, as names are compared. */
static uint32_t hash_of(const char *host)
{
    uint32_t hash = 5381;
    for (; *host; host++)
        hash = hash * 33 + ((unsigned char)*host | 0x20U);
    return hash;
}

static struct resolve_answer *copy_cached(const struct resolver *resolver, const char *host)
{
    int64_t at = now(resolver);
    uint32_t hash = hash_of(host);
    for (const struct cached *cached = resolver->cached; cached; cached = cached->next)
        if (cached->hash == hash && cached->until > at && text_equal(cached->host, host))
            return answer_copy(cached->answer, (int)((at - cached->since) / 1000));
    return NULL;
}

/* Drops what is too old, and the oldest beyond half of CACHED_MAX. */
static void trim_cache(struct resolver *resolver)
{
    int64_t at = now(resolver);
    size_t kept = 0;
    struct cached **link = &resolver->cached;
    while (*link) {
        struct cached *cached = *link;
        if (cached->until > at && ++kept <= CACHED_MAX / 2) {
            link = &cached->next;
        } else {
            *link = cached->next;
            resolver->cached_count--;
            free_cached(cached);
        }
    }
}

static void keep(struct resolver *resolver, const char *host, const struct resolve_answer *answer)
{
    struct cached *cached = mem_zero(1, sizeof *cached);
    cached->host = mem_copy_string(host);
    cached->hash = hash_of(host);
    cached->answer = answer_copy(answer, 0);
    cached->since = now(resolver);
    cached->until = cached->since + (int64_t)answer_ttl(answer) * 1000;
    cached->next = resolver->cached;
    resolver->cached = cached;
    /* Not with each: a walk for as many as it drops. */
    if (++resolver->cached_count > CACHED_MAX)
        trim_cache(resolver);
}

/* ---- names asked for ---- */

static void unlist(struct lookup *lookup)
{
    struct lookup **link = &lookup->resolver->lookups;
    while (*link && *link != lookup)
        link = &(*link)->next;
    if (*link)
        *link = lookup->next;
}

/* Tells everybody who waits. A callback may ask again, for this name too. */
static void tell(struct lookup *lookup, const struct resolve_answer *answer)
{
    struct waiter *waiter = lookup->waiters;
    lookup->waiters = NULL;
    loop_timer_cancel(lookup->resolver->loop, &lookup->deadline);
    unlist(lookup);
    while (waiter) {
        struct waiter *next = waiter->next;
        waiter->done(waiter->arg, answer_copy(answer, 0));
        free(waiter);
        waiter = next;
    }
}

static void on_deadline(void *arg)
{
    struct resolve_answer *answer = answer_new(RESOLVE_TIMEOUT);
    tell(arg, answer);
    resolve_answer_free(answer);
}

/* c-ares is done with it. */
static void finish(struct lookup *lookup, struct resolve_answer *answer)
{
    if (lookup->waiters) {
        if (answer->error == RESOLVE_OK)
            keep(lookup->resolver, lookup->host, answer);
        tell(lookup, answer);
    }
    resolve_answer_free(answer);
    free(lookup->host);
    free(lookup);
}

static enum resolve_error error_of(int status)
{
    switch (status) {
    case ARES_ENOTFOUND: return RESOLVE_NXDOMAIN;
    case ARES_SUCCESS:
    case ARES_ENODATA: return RESOLVE_NODATA;
    case ARES_ETIMEOUT:
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION: return RESOLVE_TIMEOUT;
    case ARES_EBADNAME:
    case ARES_EBADRESP:
    case ARES_EBADSTR: return RESOLVE_MALFORMED;
    default: return RESOLVE_SERVFAIL;
    }
}

static void set_timer(struct channel *channel);
static bool open_frank(struct resolver *resolver);

/* Servers that refuse, fail, cannot be reached or are silent are all one to c-ares as long as it
   may ask the next one. */
static void on_frank(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    struct lookup *lookup = arg;
    (void)timeouts, (void)bytes, (void)len;
    enum resolve_error error = lookup->failure;
    if (status == ARES_EREFUSED)
        error = RESOLVE_REFUSED;
    else if (status == ARES_ESERVFAIL || status == ARES_ECONNREFUSED)
        error = RESOLVE_SERVFAIL;
    finish(lookup, answer_new(error));
}

static void on_message(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    struct lookup *lookup = arg;
    enum resolve_error error = error_of(status);
    (void)timeouts;
    finish(lookup,
           bytes ? answer_from_message(lookup->host, bytes, len, error) : answer_new(error));
}

static bool is_vague(enum resolve_error error)
{
    return error == RESOLVE_SERVFAIL || error == RESOLVE_TIMEOUT;
}

static void ask_frankly(struct lookup *lookup, enum resolve_error failure)
{
    lookup->failure = failure;
    struct channel *frank = &lookup->resolver->frank;
    ares_query(frank->ares, lookup->host, ns_c_in, ns_t_a, on_frank, lookup);
    set_timer(frank); /* the lookup may be gone by now */
}

/* Where there is no address c-ares gives no chain either: the message itself tells a loop from a
   name without data, and how far the chain went. */
static void on_info(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct lookup *lookup = arg;
    (void)timeouts;
    if (status == ARES_SUCCESS && info)
        finish(lookup, answer_from_info(lookup->host, info));
    else if (lookup->waiters && (status == ARES_ENODATA || status == ARES_ENOTFOUND))
        ares_query(lookup->resolver->channel.ares, lookup->host, ns_c_in, ns_t_a, on_message,
                   lookup);
    else if (lookup->waiters && is_vague(error_of(status)) && open_frank(lookup->resolver))
        ask_frankly(lookup, error_of(status));
    else
        finish(lookup, answer_new(error_of(status)));
    ares_freeaddrinfo(info);
}

/* ---- c-ares on the loop ---- */

static void set_timer(struct channel *channel)
{
    struct timeval left;
    struct loop *loop = channel->resolver->loop;
    if (ares_timeout(channel->ares, NULL, &left))
        loop_timer_set(loop, &channel->timer, left.tv_sec * 1000 + left.tv_usec / 1000 + 1);
    else
        loop_timer_cancel(loop, &channel->timer);
}

static void on_timer(void *arg)
{
    struct channel *channel = arg;
    ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(channel);
}

static void on_ready(void *arg, short revents)
{
    struct socket_watch *socket = arg;
    struct channel *channel = socket->channel;
    int fd = socket->watch.fd;
    /* c-ares may close the socket here, and with it goes `socket`. */
    ares_process_fd(channel->ares, revents & CURL_WAIT_POLLIN ? fd : ARES_SOCKET_BAD,
                    revents & CURL_WAIT_POLLOUT ? fd : ARES_SOCKET_BAD);
    set_timer(channel);
}

static void forget_socket(struct channel *channel, struct socket_watch **link)
{
    struct socket_watch *socket = *link;
    if (!socket)
        return;
    loop_watch_stop(channel->resolver->loop, &socket->watch);
    *link = socket->next;
    free(socket);
}

static struct socket_watch *add_socket(struct channel *channel, int fd)
{
    struct socket_watch *socket = mem_zero(1, sizeof *socket);
    socket->channel = channel;
    socket->watch = (struct loop_watch){.fd = fd, .ready = on_ready, .arg = socket};
    socket->next = channel->sockets;
    channel->sockets = socket;
    return socket;
}

/* c-ares says what it waits for on one of its sockets; nothing: it is about to close it. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct channel *channel = arg;
    struct socket_watch **link = &channel->sockets;
    while (*link && (*link)->watch.fd != fd)
        link = &(*link)->next;
    if (!readable && !writable) {
        forget_socket(channel, link);
        return;
    }
    struct socket_watch *socket = *link ? *link : add_socket(channel, fd);
    socket->watch.events =
        (short)((readable ? CURL_WAIT_POLLIN : 0) | (writable ? CURL_WAIT_POLLOUT : 0));
    loop_watch_start(channel->resolver->loop, &socket->watch);
}

/* ---- life ---- */

static bool open_channel(struct channel *channel, struct resolver *resolver, int flags, int tries,
                         struct error *err)
{
    /* Servers of one's own are asked and nothing else; the system's come after /etc/hosts. */
    char dns[] = "b", files_then_dns[] = "fb";
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | flags, /* names are fully qualified */
        .timeout = TRY_MS,
        .tries = tries,
        .lookups = resolver->servers ? dns : files_then_dns,
        .sock_state_cb = on_socket,
        .sock_state_cb_data = channel,
    };
    int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                ARES_OPT_SOCK_STATE_CB;
    channel->resolver = resolver;
    channel->timer = (struct loop_timer){.fire = on_timer, .arg = channel};
    int status = ares_init_options(&channel->ares, &options, given);
    if (status != ARES_SUCCESS)
        return error_set(err, ERROR_FAILED, BLAME_DNS, "DNS", NULL, "c-ares: %s",
                         ares_strerror(status));
    return !resolver->servers ||
           ares_set_servers_ports_csv(channel->ares, resolver->servers) == ARES_SUCCESS ||
           error_set(err, ERROR_INPUT, BLAME_USER, "DNS_SERVERS", resolver->servers,
                     "is no list of DNS servers (address or address:port, with commas between)");
}

static bool open_frank(struct resolver *resolver)
{
    return resolver->frank.ares ||
           open_channel(&resolver->frank, resolver, ARES_FLAG_NOCHECKRESP, 1, NULL);
}

static void close_channel(struct channel *channel)
{
    if (channel->ares)
        ares_destroy(channel->ares); /* calls back for every lookup, which frees it */
    if (channel->resolver)
        loop_timer_cancel(channel->resolver->loop, &channel->timer);
}

struct resolver *resolver_create(struct loop *loop, const char *servers, struct error *err)
{
    struct resolver *resolver = mem_zero(1, sizeof *resolver);
    resolver->loop = loop;
    resolver->servers = servers ? mem_copy_string(servers) : NULL;
    ares_library_init(ARES_LIB_INIT_ALL); /* which does nothing on Linux, and cannot fail */
    if (open_channel(&resolver->channel, resolver, 0, TRIES, err))
        return resolver;
    resolver_destroy(resolver);
    return NULL;
}

void resolver_destroy(struct resolver *resolver)
{
    if (!resolver)
        return;
    while (resolver->lookups)
        on_deadline(resolver->lookups);
    close_channel(&resolver->channel);
    close_channel(&resolver->frank);
    while (resolver->cached) {
        struct cached *next = resolver->cached->next;
        free_cached(resolver->cached);
        resolver->cached = next;
    }
    ares_library_cleanup();
    free(resolver->servers);
    free(resolver);
}

/* ---- asking ---- */

static struct resolve_answer *answer_at_once(const struct resolver *resolver, const char *host)
{
    struct resolve_answer *answer = answer_from_numeric(host);
    if (!answer && !text_is_host(host))
        answer = answer_new(RESOLVE_MALFORMED);
    return answer ? answer : copy_cached(resolver, host);
}

static struct lookup *find_lookup(const struct resolver *resolver, const char *host)
{
    struct lookup *lookup = resolver->lookups;
    while (lookup && !text_equal(lookup->host, host))
        lookup = lookup->next;
    return lookup;
}

static void add_waiter(struct lookup *lookup, struct waiter waiter)
{
    struct waiter **end = &lookup->waiters;
    while (*end)
        end = &(*end)->next;
    *end = mem_zero(1, sizeof **end);
    **end = waiter;
}

static void start_lookup(struct resolver *resolver, const char *host, struct waiter waiter)
{
    struct lookup *lookup = mem_zero(1, sizeof *lookup);
    lookup->resolver = resolver;
    lookup->host = mem_copy_string(host);
    lookup->deadline = (struct loop_timer){.fire = on_deadline, .arg = lookup};
    lookup->next = resolver->lookups;
    resolver->lookups = lookup;
    add_waiter(lookup, waiter);
    loop_timer_set(resolver->loop, &lookup->deadline, LIMIT_DNS_SECONDS * 1000);
    /* Sorted as the system prefers them (RFC 6724). */
    struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_CANONNAME, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(resolver->channel.ares, host, NULL, &hints, on_info, lookup);
    set_timer(&resolver->channel); /* the lookup may be gone by now, the resolver is not */
}

static void ask(struct resolver *resolver, const char *host, struct waiter waiter)
{
    struct resolve_answer *answer = answer_at_once(resolver, host);
    struct lookup *lookup = answer ? NULL : find_lookup(resolver, host);
    if (answer)
        waiter.done(waiter.arg, answer);
    else if (lookup)
        add_waiter(lookup, waiter);
    else
        start_lookup(resolver, host, waiter);
}

void resolve_start(struct resolver *resolver, const char *host,
                   void (*done)(void *arg, struct resolve_answer *answer), void *arg)
{
    size_t len = strlen(host);
    char *bare = mem_copy_bytes(host, len && host[len - 1] == '.' ? len - 1 : len);
    ask(resolver, bare, (struct waiter){.done = done, .arg = arg});
    free(bare);
}

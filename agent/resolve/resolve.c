#include "agent/resolve/resolve.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stdlib.h>
#include <string.h>

#define TRY_MS     1000
#define TRIES      3
#define CACHED_MAX 64

struct waiter {
    struct waiter *next;
    void (*done)(void *arg, struct resolve_answer *answer);
    void *arg;
};

/* One name being asked for; it lives until c-ares has called back, however late. */
struct lookup {
    struct lookup *next;
    struct resolver *resolver;
    char *host;
    struct waiter *waiters; /* NULL: they were told already */
    struct loop_timer deadline;
};

struct cached {
    struct cached *next;
    char *host;
    struct resolve_answer *answer;
    int64_t until; /* monotonic ms */
};

struct socket_watch {
    struct socket_watch *next;
    struct resolver *resolver;
    struct loop_watch watch;
};

struct resolver {
    struct loop *loop;
    ares_channel channel;
    struct loop_timer timer; /* c-ares' own time-outs */
    struct socket_watch *sockets;
    struct lookup *lookups;
    struct cached *cached;
    size_t cached_count;
};

/* ---- answers ---- */

void resolve_answer_free(struct resolve_answer *answer)
{
    if (!answer)
        return;
    for (size_t i = 0; i < answer->link_count; i++) {
        free(answer->links[i].name);
        free(answer->links[i].target);
    }
    free(answer->links);
    free(answer->addresses);
    free(answer);
}

static struct resolve_answer *new_answer(enum resolve_error error)
{
    struct resolve_answer *answer = mem_zero(1, sizeof *answer);
    answer->error = error;
    return answer;
}

static struct resolve_answer *copy_answer(const struct resolve_answer *from)
{
    struct resolve_answer *answer = new_answer(from->error);
    answer->links = mem_zero(from->link_count, sizeof *answer->links);
    for (; answer->link_count < from->link_count; answer->link_count++) {
        const struct resolve_link *link = &from->links[answer->link_count];
        answer->links[answer->link_count] = (struct resolve_link){
            mem_copy_string(link->name), mem_copy_string(link->target), link->ttl};
    }
    answer->addresses = mem_zero(from->address_count, sizeof *answer->addresses);
    answer->address_count = from->address_count;
    if (from->address_count)
        memcpy(answer->addresses, from->addresses, from->address_count * sizeof *answer->addresses);
    return answer;
}

const char *resolve_error_word(enum resolve_error error)
{
    switch (error) {
    case RESOLVE_OK: return NULL;
    case RESOLVE_NXDOMAIN: return "NXDOMAIN";
    case RESOLVE_NODATA: return "NODATA";
    case RESOLVE_SERVFAIL: return "SERVFAIL";
    case RESOLVE_TIMEOUT: return "TIMEOUT";
    case RESOLVE_LOOP: return "LOOP";
    case RESOLVE_TOO_LONG: return "TOO_LONG";
    case RESOLVE_MALFORMED: return "MALFORMED";
    }
    return NULL;
}

static int clamp_ttl(int ttl)
{
    if (ttl < LIMIT_DNS_TTL_MIN)
        return LIMIT_DNS_TTL_MIN;
    return ttl > LIMIT_DNS_TTL_MAX ? LIMIT_DNS_TTL_MAX : ttl;
}

/* A name as people write it: no trailing dot, and only what a host may be called. */
static char *clean_name(const char *name)
{
    size_t len = strlen(name);
    char *copy = mem_copy_bytes(name, len && name[len - 1] == '.' ? len - 1 : len);
    if (text_is_host(copy))
        return copy;
    free(copy);
    return NULL;
}

/* Adds an alias; its error says that the chain is hostile or too long. */
static enum resolve_error add_link(struct resolve_answer *answer, const char *alias,
                                   const char *target, int ttl)
{
    char *from = clean_name(alias), *to = clean_name(target);
    enum resolve_error error = from && to ? RESOLVE_OK : RESOLVE_MALFORMED;
    if (!error && answer->link_count == LIMIT_CNAME_LINKS)
        error = RESOLVE_TOO_LONG;
    for (size_t i = 0; !error && i < answer->link_count; i++)
        if (text_equal(answer->links[i].name, to))
            error = RESOLVE_LOOP;
    if (!error && text_equal(from, to))
        error = RESOLVE_LOOP;
    if (error) {
        free(from);
        free(to);
        return error;
    }
    answer->links = mem_resize(answer->links, answer->link_count + 1, sizeof *answer->links);
    answer->links[answer->link_count++] = (struct resolve_link){from, to, clamp_ttl(ttl)};
    return RESOLVE_OK;
}

static void add_address(struct resolve_answer *answer, int family, const void *bytes, int ttl)
{
    if (answer->address_count == LIMIT_DNS_ADDRESSES)
        return;
    answer->addresses =
        mem_resize(answer->addresses, answer->address_count + 1, sizeof *answer->addresses);
    struct resolve_address *address = &answer->addresses[answer->address_count];
    *address = (struct resolve_address){.family = family, .ttl = clamp_ttl(ttl)};
    if (inet_ntop(family, bytes, address->text, sizeof address->text))
        answer->address_count++;
}

static void take_addresses(struct resolve_answer *answer, const struct ares_addrinfo *info)
{
    for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next) {
        const void *address = node->ai_addr;
        if (node->ai_family == AF_INET)
            add_address(answer, AF_INET, &((const struct sockaddr_in *)address)->sin_addr,
                        node->ai_ttl);
        else if (node->ai_family == AF_INET6)
            add_address(answer, AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr,
                        node->ai_ttl);
    }
}

static struct resolve_answer *read_info(const struct ares_addrinfo *info)
{
    struct resolve_answer *answer = new_answer(RESOLVE_OK);
    for (const struct ares_addrinfo_cname *link = info->cnames; link && !answer->error;
         link = link->next)
        if (link->alias && link->name)
            answer->error = add_link(answer, link->alias, link->name, link->ttl);
    take_addresses(answer, info);
    if (!answer->error && answer->address_count == 0)
        answer->error = RESOLVE_NODATA;
    return answer;
}

static enum resolve_error error_of(int status)
{
    switch (status) {
    case ARES_SUCCESS: return RESOLVE_OK;
    case ARES_ENOTFOUND: return RESOLVE_NXDOMAIN;
    case ARES_ENODATA: return RESOLVE_NODATA;
    case ARES_ETIMEOUT: return RESOLVE_TIMEOUT;
    case ARES_EBADNAME:
    case ARES_EBADRESP:
    case ARES_EBADSTR: return RESOLVE_MALFORMED;
    default: return RESOLVE_SERVFAIL;
    }
}

/* ---- names asked for ---- */

static int64_t now(const struct resolver *resolver)
{
    const struct clock *clock = loop_clock(resolver->loop);
    return clock->monotonic(clock->arg);
}

static void unlink_lookup(struct lookup *lookup)
{
    struct lookup **at = &lookup->resolver->lookups;
    while (*at && *at != lookup)
        at = &(*at)->next;
    if (*at)
        *at = lookup->next;
}

/* Tells everybody who waits; a callback may ask again or end the caller. */
static void tell(struct lookup *lookup, struct resolve_answer *answer)
{
    struct waiter *waiter = lookup->waiters;
    lookup->waiters = NULL;
    loop_timer_cancel(lookup->resolver->loop, &lookup->deadline);
    unlink_lookup(lookup);
    while (waiter) {
        struct waiter *next = waiter->next;
        waiter->done(waiter->arg, copy_answer(answer));
        free(waiter);
        waiter = next;
    }
}

static void on_deadline(void *arg)
{
    struct lookup *lookup = arg;
    struct resolve_answer *answer = new_answer(RESOLVE_TIMEOUT);
    tell(lookup, answer); /* freed when c-ares calls back */
    resolve_answer_free(answer);
}

static void drop_oldest(struct resolver *resolver)
{
    struct cached **at = &resolver->cached;
    while (*at && (*at)->next)
        at = &(*at)->next;
    if (!*at)
        return;
    free((*at)->host);
    resolve_answer_free((*at)->answer);
    free(*at);
    *at = NULL;
    resolver->cached_count--;
}

static void keep(struct resolver *resolver, const char *host, const struct resolve_answer *answer)
{
    int ttl = LIMIT_DNS_TTL_MAX;
    if (answer->error)
        return;
    for (size_t i = 0; i < answer->link_count; i++)
        ttl = answer->links[i].ttl < ttl ? answer->links[i].ttl : ttl;
    for (size_t i = 0; i < answer->address_count; i++)
        ttl = answer->addresses[i].ttl < ttl ? answer->addresses[i].ttl : ttl;
    while (resolver->cached_count >= CACHED_MAX)
        drop_oldest(resolver);
    struct cached *cached = mem_zero(1, sizeof *cached);
    cached->host = mem_copy_string(host);
    cached->answer = copy_answer(answer);
    cached->until = now(resolver) + (int64_t)ttl * 1000;
    cached->next = resolver->cached;
    resolver->cached = cached;
    resolver->cached_count++;
}

static const struct resolve_answer *find_cached(const struct resolver *resolver, const char *host)
{
    int64_t at = now(resolver);
    for (const struct cached *cached = resolver->cached; cached; cached = cached->next)
        if (cached->until > at && text_equal(cached->host, host))
            return cached->answer;
    return NULL;
}

static void finish(struct lookup *lookup, struct resolve_answer *answer)
{
    if (lookup->waiters) {
        keep(lookup->resolver, lookup->host, answer);
        tell(lookup, answer);
    }
    resolve_answer_free(answer);
    free(lookup->host);
    free(lookup);
}

/* Walks the aliases of a raw answer: getaddrinfo gives none where there is no address. */
static enum resolve_error walk_aliases(const unsigned char *bytes, int len)
{
    struct resolve_answer *seen = new_answer(RESOLVE_OK);
    const unsigned char *at = bytes + 12, *end = bytes + len;
    char *name = NULL, *target = NULL;
    long used;
    int answers = bytes[6] << 8 | bytes[7];
    enum resolve_error error = RESOLVE_OK;
    if (ares_expand_name(at, bytes, len, &name, &used) == ARES_SUCCESS)
        at += used + 4; /* the question */
    ares_free_string(name);
    while (!error && answers-- > 0) {
        name = target = NULL;
        if (at >= end || ares_expand_name(at, bytes, len, &name, &used) != ARES_SUCCESS)
            break;
        at += used;
        bool fits = end - at >= 10 && end - at - 10 >= (at[8] << 8 | at[9]);
        if (fits && (at[0] << 8 | at[1]) == ns_t_cname &&
            ares_expand_name(at + 10, bytes, len, &target, &used) == ARES_SUCCESS)
            error = add_link(seen, name, target, LIMIT_DNS_TTL_MIN);
        ares_free_string(target);
        ares_free_string(name);
        if (!fits)
            break;
        at += 10 + (at[8] << 8 | at[9]);
    }
    resolve_answer_free(seen);
    return error;
}

static void on_raw(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    struct lookup *lookup = arg;
    (void)timeouts;
    enum resolve_error error = error_of(status);
    if (bytes && len >= 12) {
        enum resolve_error chain = walk_aliases(bytes, len);
        error = chain ? chain : error;
    }
    finish(lookup, new_answer(error ? error : RESOLVE_NODATA));
}

static void on_info(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct lookup *lookup = arg;
    (void)timeouts;
    if (status == ARES_SUCCESS && info) {
        finish(lookup, read_info(info));
        ares_freeaddrinfo(info);
        return;
    }
    bool ended = status == ARES_EDESTRUCTION || status == ARES_ECANCELLED || !lookup->waiters;
    if (!ended && (status == ARES_ENODATA || status == ARES_ENOTFOUND))
        ares_query(lookup->resolver->channel, lookup->host, ns_c_in, ns_t_a, on_raw, lookup);
    else
        finish(lookup,
               new_answer(status == ARES_EDESTRUCTION ? RESOLVE_TIMEOUT : error_of(status)));
}

/* ---- c-ares on the loop ---- */

static void set_timer(struct resolver *resolver)
{
    struct timeval longest = {.tv_sec = 1}, left;
    const struct timeval *next = ares_timeout(resolver->channel, &longest, &left);
    loop_timer_set(resolver->loop, &resolver->timer,
                   next->tv_sec * 1000 + next->tv_usec / 1000 + 1);
}

static void on_timer(void *arg)
{
    struct resolver *resolver = arg;
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    if (resolver->lookups || resolver->sockets)
        set_timer(resolver);
}

static void on_ready(void *arg, short revents)
{
    struct socket_watch *socket = arg;
    struct resolver *resolver = socket->resolver;
    int fd = socket->watch.fd;
    bool out = (revents & CURL_WAIT_POLLOUT) != 0;
    bool in = !out || (revents & ~CURL_WAIT_POLLOUT);
    ares_process_fd(resolver->channel, in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
    set_timer(resolver);
}

static struct socket_watch **find_socket(struct resolver *resolver, int fd)
{
    struct socket_watch **at = &resolver->sockets;
    while (*at && (*at)->watch.fd != fd)
        at = &(*at)->next;
    return at;
}

static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct resolver *resolver = arg;
    struct socket_watch **at = find_socket(resolver, fd), *socket = *at;
    if (!readable && !writable) {
        if (!socket)
            return;
        loop_watch_stop(resolver->loop, &socket->watch);
        *at = socket->next;
        free(socket);
        return;
    }
    if (!socket) {
        socket = mem_zero(1, sizeof *socket);
        socket->resolver = resolver;
        socket->watch = (struct loop_watch){.fd = fd, .ready = on_ready, .arg = socket};
        socket->next = resolver->sockets;
        resolver->sockets = socket;
    }
    socket->watch.events =
        (short)((readable ? CURL_WAIT_POLLIN : 0) | (writable ? CURL_WAIT_POLLOUT : 0));
    loop_watch_start(resolver->loop, &socket->watch);
}

struct resolver *resolver_create(struct loop *loop, const char *servers, struct error *err)
{
    struct resolver *resolver = mem_zero(1, sizeof *resolver);
    char own[] = "b", system[] = "fb"; /* /etc/hosts is the system's, not a named server's */
    resolver->loop = loop;
    resolver->timer = (struct loop_timer){.fire = on_timer, .arg = resolver};
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH,
        .timeout = TRY_MS,
        .tries = TRIES,
        .lookups = servers ? own : system,
        .sock_state_cb = on_socket,
        .sock_state_cb_data = resolver,
    };
    int status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status == ARES_SUCCESS)
        status = ares_init_options(&resolver->channel, &options,
                                   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                       ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
    if (status == ARES_SUCCESS && servers)
        status = ares_set_servers_ports_csv(resolver->channel, servers);
    if (status == ARES_SUCCESS)
        return resolver;
    error_set(err, ERROR_FAILED, BLAME_DNS, "DNS", NULL, "c-ares: %s", ares_strerror(status));
    resolver_destroy(resolver);
    return NULL;
}

void resolver_destroy(struct resolver *resolver)
{
    while (resolver->lookups)
        on_deadline(resolver->lookups);
    if (resolver->channel)
        ares_destroy(resolver->channel); /* calls back, which frees the lookups */
    loop_timer_cancel(resolver->loop, &resolver->timer);
    while (resolver->cached)
        drop_oldest(resolver);
    ares_library_cleanup();
    free(resolver);
}

/* ---- asking ---- */

static struct resolve_answer *numeric_answer(const char *host)
{
    unsigned char bytes[16];
    int family = inet_pton(AF_INET, host, bytes) == 1    ? AF_INET
                 : inet_pton(AF_INET6, host, bytes) == 1 ? AF_INET6
                                                         : 0;
    if (!family)
        return NULL;
    struct resolve_answer *answer = new_answer(RESOLVE_OK);
    add_address(answer, family, bytes, LIMIT_DNS_TTL_MAX);
    return answer;
}

static struct resolve_answer *answer_at_once(const struct resolver *resolver, const char *host)
{
    struct resolve_answer *answer = numeric_answer(host);
    const struct resolve_answer *cached = answer ? NULL : find_cached(resolver, host);
    if (cached)
        return copy_answer(cached);
    if (!answer && !text_is_host(host))
        return new_answer(RESOLVE_MALFORMED);
    return answer;
}

static struct lookup *find_lookup(const struct resolver *resolver, const char *host)
{
    struct lookup *lookup = resolver->lookups;
    while (lookup && !text_equal(lookup->host, host))
        lookup = lookup->next;
    return lookup;
}

void resolve_start(struct resolver *resolver, const char *host,
                   void (*done)(void *arg, struct resolve_answer *answer), void *arg)
{
    struct resolve_answer *answer = answer_at_once(resolver, host);
    if (answer) {
        done(arg, answer);
        return;
    }
    struct waiter *waiter = mem_zero(1, sizeof *waiter);
    struct lookup *lookup = find_lookup(resolver, host);
    *waiter = (struct waiter){.done = done, .arg = arg};
    if (lookup) {
        waiter->next = lookup->waiters;
        lookup->waiters = waiter;
        return;
    }
    lookup = mem_zero(1, sizeof *lookup);
    lookup->resolver = resolver;
    lookup->host = mem_copy_string(host);
    lookup->waiters = waiter;
    lookup->deadline = (struct loop_timer){.fire = on_deadline, .arg = lookup};
    lookup->next = resolver->lookups;
    resolver->lookups = lookup;
    loop_timer_set(resolver->loop, &lookup->deadline, LIMIT_DNS_SECONDS * 1000);
    struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_CANONNAME, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(resolver->channel, host, NULL, &hints, on_info, lookup);
    set_timer(resolver); /* the lookup may be gone by now, the resolver is not */
}

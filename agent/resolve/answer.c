#include "agent/resolve/answer.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stdlib.h>
#include <string.h>

/* Aliases as they came: in any order, some of them nobody's. */
struct aliases {
    struct resolve_link *items;
    size_t count, cap;
};

struct resolve_answer *answer_new(enum resolve_error error)
{
    struct resolve_answer *answer = mem_zero(1, sizeof *answer);
    answer->error = error;
    return answer;
}

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

/* ---- chain ---- */

static char *without_dot(const char *name)
{
    size_t len = strlen(name);
    return mem_copy_bytes(name, len && name[len - 1] == '.' ? len - 1 : len);
}

static void add_alias(struct aliases *aliases, const char *name, const char *target, int ttl)
{
    aliases->items =
        mem_grow(aliases->items, &aliases->cap, aliases->count + 1, sizeof *aliases->items);
    aliases->items[aliases->count++] =
        (struct resolve_link){without_dot(name), without_dot(target), ttl};
}

static void free_aliases(struct aliases *aliases)
{
    for (size_t i = 0; i < aliases->count; i++) {
        free(aliases->items[i].name);
        free(aliases->items[i].target);
    }
    free(aliases->items);
}

static const struct resolve_link *find_alias(const struct aliases *aliases, const char *name)
{
    for (size_t i = 0; i < aliases->count; i++)
        if (text_equal(aliases->items[i].name, name))
            return &aliases->items[i];
    return NULL;
}

static int clamp_ttl(int ttl)
{
    if (ttl < LIMIT_DNS_TTL_MIN)
        return LIMIT_DNS_TTL_MIN;
    return ttl > LIMIT_DNS_TTL_MAX ? LIMIT_DNS_TTL_MAX : ttl;
}

static bool was_visited(const struct resolve_answer *answer, const char *host, const char *name)
{
    bool visited = text_equal(host, name);
    for (size_t i = 0; i < answer->link_count && !visited; i++)
        visited = text_equal(answer->links[i].target, name);
    return visited;
}

static void add_link(struct resolve_answer *answer, const struct resolve_link *alias)
{
    answer->links = mem_resize(answer->links, answer->link_count + 1, sizeof *answer->links);
    answer->links[answer->link_count++] = (struct resolve_link){
        mem_copy_string(alias->name), mem_copy_string(alias->target), clamp_ttl(alias->ttl)};
}

/* One link further. A link that closes a loop is shown, one that is refused is not. */
static enum resolve_error follow_alias(struct resolve_answer *answer, const char *host,
                                       const struct resolve_link *alias)
{
    if (!text_is_host(alias->target))
        return RESOLVE_MALFORMED;
    bool loop = was_visited(answer, host, alias->target);
    if (answer->link_count == LIMIT_CNAME_LINKS)
        return loop ? RESOLVE_LOOP : RESOLVE_TOO_LONG;
    add_link(answer, alias);
    return loop ? RESOLVE_LOOP : RESOLVE_OK;
}

static enum resolve_error follow(struct resolve_answer *answer, const char *host,
                                 const struct aliases *aliases)
{
    enum resolve_error error = RESOLVE_OK;
    const struct resolve_link *alias = find_alias(aliases, host);
    while (alias && !error) {
        error = follow_alias(answer, host, alias);
        alias = find_alias(aliases, alias->target);
    }
    return error;
}

/* ---- addresses ---- */

/* An IPv4 address in IPv6's clothes would pass by every rule for IPv4. */
static enum resolve_nature nature_of_six(const struct in6_addr *six)
{
    if (IN6_IS_ADDR_UNSPECIFIED(six))
        return RESOLVE_UNSPECIFIED;
    if (IN6_IS_ADDR_LOOPBACK(six))
        return RESOLVE_LOOPBACK;
    if (IN6_IS_ADDR_MULTICAST(six))
        return RESOLVE_MULTICAST;
    if (IN6_IS_ADDR_LINKLOCAL(six))
        return RESOLVE_LINK_LOCAL;
    if (IN6_IS_ADDR_V4MAPPED(six) || IN6_IS_ADDR_V4COMPAT(six))
        return RESOLVE_RESERVED;
    return (six->s6_addr[0] & 0xFE) == 0xFC ? RESOLVE_PRIVATE : RESOLVE_PUBLIC;
}

/* Connecting to 0.0.0.0 reaches this machine itself. */
static enum resolve_nature nature_of_four(const unsigned char *four)
{
    if (four[0] == 0)
        return RESOLVE_UNSPECIFIED;
    if (four[0] == 127)
        return RESOLVE_LOOPBACK;
    if (four[0] == 169 && four[1] == 254)
        return RESOLVE_LINK_LOCAL;
    if (four[0] >= 224)
        return four[0] < 240 ? RESOLVE_MULTICAST : RESOLVE_RESERVED;
    bool is_private = four[0] == 10 || (four[0] == 172 && (four[1] & 0xF0) == 16) ||
                      (four[0] == 192 && four[1] == 168) ||
                      (four[0] == 100 && (four[1] & 0xC0) == 64);
    return is_private ? RESOLVE_PRIVATE : RESOLVE_PUBLIC;
}

static enum resolve_nature nature_of(int family, const void *bytes)
{
    return family == AF_INET6 ? nature_of_six(bytes) : nature_of_four(bytes);
}

enum resolve_nature resolve_nature(const char *address)
{
    unsigned char bytes[sizeof(struct in6_addr)] = {0};
    if (inet_pton(AF_INET, address, bytes) == 1)
        return nature_of(AF_INET, bytes);
    inet_pton(AF_INET6, address, bytes);
    return nature_of(AF_INET6, bytes);
}

/* What answers at a link-local address is a machine's own business: metadata services, say. */
static bool is_usable(enum resolve_nature nature)
{
    return nature == RESOLVE_PUBLIC || nature == RESOLVE_PRIVATE || nature == RESOLVE_LOOPBACK;
}

static void add_address(struct resolve_answer *answer, int family, const void *bytes, int ttl)
{
    if (!is_usable(nature_of(family, bytes))) {
        if (!*answer->refused)
            inet_ntop(family, bytes, answer->refused, sizeof answer->refused);
        return;
    }
    if (answer->address_count == LIMIT_DNS_ADDRESSES)
        return;
    answer->addresses =
        mem_resize(answer->addresses, answer->address_count + 1, sizeof *answer->addresses);
    struct resolve_address *address = &answer->addresses[answer->address_count++];
    *address = (struct resolve_address){.family = family, .ttl = clamp_ttl(ttl)};
    inet_ntop(family, bytes, address->text, sizeof address->text);
}

static void add_addresses(struct resolve_answer *answer, const struct ares_addrinfo_node *node)
{
    for (; node; node = node->ai_next) {
        const void *address = node->ai_addr;
        if (node->ai_family == AF_INET6) {
            const struct sockaddr_in6 *six = address;
            add_address(answer, AF_INET6, &six->sin6_addr, node->ai_ttl);
        } else if (node->ai_family == AF_INET) {
            const struct sockaddr_in *four = address;
            add_address(answer, AF_INET, &four->sin_addr, node->ai_ttl);
        }
    }
}

struct resolve_answer *answer_from_info(const char *host, const struct ares_addrinfo *info)
{
    struct resolve_answer *answer = answer_new(RESOLVE_OK);
    struct aliases aliases = {0};
    for (const struct ares_addrinfo_cname *cname = info->cnames; cname; cname = cname->next)
        if (cname->alias && cname->name) /* a numeric host's has no alias */
            add_alias(&aliases, cname->alias, cname->name, cname->ttl);
    answer->error = follow(answer, host, &aliases);
    free_aliases(&aliases);
    if (!answer->error)
        add_addresses(answer, info->nodes);
    if (!answer->error && answer->address_count == 0)
        answer->error = info->nodes ? RESOLVE_MALFORMED : RESOLVE_NODATA;
    return answer;
}

struct resolve_answer *answer_from_numeric(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    int family = AF_INET;
    if (inet_pton(AF_INET, host, bytes) != 1) {
        family = AF_INET6;
        if (inet_pton(AF_INET6, host, bytes) != 1)
            return NULL;
    }
    struct resolve_answer *answer = answer_new(RESOLVE_OK);
    add_address(answer, family, bytes, LIMIT_DNS_TTL_MAX);
    if (answer->address_count == 0)
        answer->error = RESOLVE_MALFORMED;
    return answer;
}

/* ---- messages ---- */

struct message {
    const unsigned char *bytes, *at, *end;
};

static int read_16(const unsigned char *bytes)
{
    return bytes[0] << 8 | bytes[1];
}

/* More than 31 bits are no seconds (RFC 2181, section 8). */
static int read_ttl(const unsigned char *bytes)
{
    return bytes[0] & 0x80 ? 0 : read_16(bytes) << 16 | read_16(bytes + 2);
}

/* A name and what follows it; the caller frees the name with ares_free_string. */
static bool take_name(struct message *message, char **name, long more)
{
    long used;
    *name = NULL;
    if (ares_expand_name(message->at, message->bytes, (int)(message->end - message->bytes), name,
                         &used) != ARES_SUCCESS)
        return false;
    message->at += used;
    if (message->end - message->at < more)
        return false;
    message->at += more;
    return true;
}

static bool take_record(struct message *message, struct aliases *aliases)
{
    char *name, *target = NULL;
    bool ok = take_name(message, &name, NS_RRFIXEDSZ);
    if (ok) {
        const unsigned char *fixed = message->at - NS_RRFIXEDSZ;
        struct message data = *message;
        ok = message->end - message->at >= read_16(fixed + 8);
        message->at += ok ? read_16(fixed + 8) : 0;
        if (ok && read_16(fixed) == ns_t_cname && read_16(fixed + 2) == ns_c_in) {
            ok = take_name(&data, &target, 0);
            if (ok)
                add_alias(aliases, name, target, read_ttl(fixed + 4));
        }
    }
    ares_free_string(target);
    ares_free_string(name);
    return ok;
}

static bool take_aliases(const unsigned char *bytes, int len, struct aliases *aliases)
{
    if (len < NS_HFIXEDSZ)
        return false;
    struct message message = {bytes, bytes + NS_HFIXEDSZ, bytes + len};
    bool ok = true;
    for (int left = read_16(bytes + 4); ok && left > 0; left--) {
        char *name;
        ok = take_name(&message, &name, NS_QFIXEDSZ);
        ares_free_string(name);
    }
    for (int left = read_16(bytes + 6); ok && left > 0; left--)
        ok = take_record(&message, aliases);
    return ok;
}

struct resolve_answer *answer_from_message(const char *host, const unsigned char *bytes, int len,
                                           enum resolve_error otherwise)
{
    struct resolve_answer *answer = answer_new(RESOLVE_MALFORMED);
    struct aliases aliases = {0};
    if (take_aliases(bytes, len, &aliases)) {
        enum resolve_error chain = follow(answer, host, &aliases);
        answer->error = chain ? chain : otherwise;
    }
    free_aliases(&aliases);
    return answer;
}

/* ---- keeping ---- */

struct resolve_answer *answer_copy(const struct resolve_answer *from, int age)
{
    struct resolve_answer *answer = answer_new(from->error);
    for (size_t i = 0; i < from->link_count; i++) {
        add_link(answer, &from->links[i]);
        answer->links[i].ttl = from->links[i].ttl - age;
    }
    if (from->address_count)
        answer->addresses = mem_zero(from->address_count, sizeof *answer->addresses);
    for (size_t i = 0; i < from->address_count; i++) {
        answer->addresses[i] = from->addresses[i];
        answer->addresses[i].ttl -= age;
    }
    answer->address_count = from->address_count;
    memcpy(answer->refused, from->refused, sizeof answer->refused);
    return answer;
}

int answer_ttl(const struct resolve_answer *answer)
{
    int ttl = LIMIT_DNS_TTL_MAX;
    for (size_t i = 0; i < answer->link_count; i++)
        ttl = answer->links[i].ttl < ttl ? answer->links[i].ttl : ttl;
    for (size_t i = 0; i < answer->address_count; i++)
        ttl = answer->addresses[i].ttl < ttl ? answer->addresses[i].ttl : ttl;
    return ttl;
}

const char *resolve_error_word(enum resolve_error error)
{
    switch (error) {
    case RESOLVE_OK: return NULL;
    case RESOLVE_NXDOMAIN: return "NXDOMAIN";
    case RESOLVE_NODATA: return "NODATA";
    case RESOLVE_SERVFAIL: return "SERVFAIL";
    case RESOLVE_REFUSED: return "REFUSED";
    case RESOLVE_TIMEOUT: return "TIMEOUT";
    case RESOLVE_LOOP: return "LOOP";
    case RESOLVE_TOO_LONG: return "TOO_LONG";
    case RESOLVE_MALFORMED: return "MALFORMED";
    }
    return NULL;
}

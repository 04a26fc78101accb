/* Which proxy a URL is asked through: libcurl is told, so that both know the same. */
#include "agent/source/http_proxy.h"

#include "policy/base/text.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ADDRESS_BYTES 16

static bool is_secure(const char *url)
{
    return strncasecmp(url, "https:", 6) == 0;
}

static const char *get_text(const char *variable)
{
    const char *text = getenv(variable);
    return text && *text ? text : NULL;
}

/* As libcurl reads them: HTTP_PROXY is a request's header in a CGI program. */
static const char *choose_system(const char *url)
{
    const char *proxy = get_text(is_secure(url) ? "https_proxy" : "http_proxy");
    if (!proxy && is_secure(url))
        proxy = get_text("HTTPS_PROXY");
    if (!proxy)
        proxy = get_text("all_proxy");
    return proxy ? proxy : get_text("ALL_PROXY");
}

/* Its bytes in the first 4 or 16 of `out`; 0: no address. */
static size_t read_address(const char *text, size_t len, unsigned char out[ADDRESS_BYTES])
{
    char address[INET6_ADDRSTRLEN];
    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= sizeof address)
        return 0;
    memcpy(address, text, len);
    address[len] = '\0';
    if (inet_pton(AF_INET, address, out) == 1)
        return 4;
    return inet_pton(AF_INET6, address, out) == 1 ? ADDRESS_BYTES : 0;
}

/* "10.0.0.0/8", or an address without a prefix. */
static bool is_in_network(const char *entry, size_t len, const unsigned char *host, size_t bytes)
{
    unsigned char network[ADDRESS_BYTES];
    char prefix[8] = "";
    int64_t bits = (int64_t)bytes * 8;
    const char *slash = memchr(entry, '/', len);
    size_t end = slash ? (size_t)(slash - entry) : len;
    if (slash) {
        snprintf(prefix, sizeof prefix, "%.*s", (int)(len - end - 1), slash + 1);
        if (!text_to_int(prefix, 0, bits, &bits))
            return false;
    }
    if (read_address(entry, end, network) != bytes)
        return false;
    size_t whole = (size_t)bits / 8, rest = (size_t)bits % 8;
    if (memcmp(network, host, whole) != 0)
        return false;
    return rest == 0 || (network[whole] ^ host[whole]) >> (8 - rest) == 0;
}

static bool is_below(const char *entry, size_t len, const char *host, size_t host_len)
{
    if (len && *entry == '.') {
        entry++;
        len--;
    }
    if (len == 0 || len > host_len || strncasecmp(host + host_len - len, entry, len) != 0)
        return false;
    return len == host_len || host[host_len - len - 1] == '.';
}

bool http_proxy_excepts(const char *names, const char *host)
{
    unsigned char address[ADDRESS_BYTES];
    size_t host_len = strlen(host), bytes = read_address(host, host_len, address);
    if (host_len && host[host_len - 1] == '.')
        host_len--;
    while (*(names += strspn(names, ", \t"))) {
        size_t len = strcspn(names, ", \t");
        bool found = bytes ? is_in_network(names, len, address, bytes)
                           : is_below(names, len, host, host_len);
        if (found || (len == 1 && *names == '*'))
            return true;
        names += len;
    }
    return false;
}

const char *http_proxy_choose(const char *setting, const char *url, const char *host)
{
    if (strcmp(setting, "none") == 0)
        return NULL;
    const char *names = get_text("no_proxy");
    if (!names)
        names = get_text("NO_PROXY");
    if (names && http_proxy_excepts(names, host))
        return NULL;
    return strcmp(setting, "system") == 0 ? choose_system(url) : setting;
}

bool http_proxy_relays(const char *proxy, const char *url)
{
    return proxy && !is_secure(url) && strncasecmp(proxy, "socks", 5) != 0;
}

bool http_proxy_has_password(const char *proxy)
{
    return strchr(proxy, '@') != NULL;
}

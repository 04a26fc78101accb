/* Which proxy a URL is asked through. For this room only. */
#ifndef AGENT_SOURCE_HTTP_PROXY_H
#define AGENT_SOURCE_HTTP_PROXY_H

#include <stdbool.h>

/* `setting`: a proxy's URL, "system" (the environment's) or "none"; `host` as the URL has it, an
   IPv6 address in brackets. NULL: asked without one. The text is the setting's or the
   environment's; it may hold a password. */
const char *http_proxy_choose(const char *setting, const char *url, const char *host);

/* Is this host one of `names`, as no_proxy has them: names that stand for themselves and for all
   below them, addresses, networks (10.0.0.0/8, [fd00::]/8), or "*"? */
bool http_proxy_excepts(const char *names, const char *host);

/* The proxy reads the requests and may answer in the source's place: not in a tunnel. */
bool http_proxy_relays(const char *proxy, const char *url);

bool http_proxy_has_password(const char *proxy);

#endif

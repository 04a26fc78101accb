/* Names asked of DNS, many at a time, for commands that want the answers and nothing else. */
#ifndef AGENT_COMMAND_DNS_NAMES_H
#define AGENT_COMMAND_DNS_NAMES_H

#include "agent/command/config.h"
#include "agent/resolve/resolve.h"

struct dns_name {
    const char *name;
    struct resolve_answer *answer; /* owned; NULL before it was asked for */
};

/* Asks for all of them, a few at a time. That a name does not resolve is an answer; false: nothing
   can be asked at all. dns_names_free in any case. */
bool dns_names_ask(struct dns_name *names, size_t count, const struct config *config,
                   struct error *err);
void dns_names_free(struct dns_name *names, size_t count); /* the answers, not the array */

/* "CNAME", "HOST" or "none": how the name is served (contract: resolve). */
const char *dns_names_served(const struct resolve_answer *answer);

#endif

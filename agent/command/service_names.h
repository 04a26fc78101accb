/* What DNS says of the service names of a site's cloud distribution points. */
#ifndef AGENT_COMMAND_SERVICE_NAMES_H
#define AGENT_COMMAND_SERVICE_NAMES_H

#include "agent/command/config.h"
#include "policy/check.h"

struct service_names {
    size_t count;
    struct check_name *names; /* owned; by name without case, each once */
};

/* Asks for all of them, a few at a time. That a name does not resolve is an answer; false: nothing
   can be asked at all. */
bool service_names_ask(struct service_names *names, const struct config *config,
                       const struct site *site, struct error *err);
void service_names_free(struct service_names *names);

#endif

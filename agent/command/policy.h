/* The words that may stand after `policy`, one function each. */
#ifndef AGENT_COMMAND_POLICY_H
#define AGENT_COMMAND_POLICY_H

#include "agent/command/command.h"

#define POLICY_USAGE "[PATH | why NAME | diff OLD NEW | check | fetch | reset]"

/* Prints the reviewer's findings; false with ERROR_FAILED where one is an error. */
bool policy_check(struct context *context, struct world *world, struct error *err);

/* Brings new policy from the policy point; drops what was fetched. */
bool policy_fetch(struct context *context, struct error *err);
bool policy_reset(struct context *context, struct error *err);

#endif

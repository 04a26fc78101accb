/* The fetched policy in the state folder, as commands that read policy see it. */
#ifndef AGENT_COMMAND_FETCHED_H
#define AGENT_COMMAND_FETCHED_H

#include "agent/command/command.h"
#include "policy/spy.h"

/* The set in force, its documents into `policy`, which is all-zero; not settled. It counts unless
   other policy is named
   (--policy, NEARPOINT_POLICY) and the state folder is not. With `trust` that requires signatures a
   set that is not signed is refused. On false nothing is left to free. */
bool fetched_read(struct fetched *fetched, const struct options *options,
                  const struct policy_trust *trust, struct policy *policy, struct error *err);

/* What the tree says of the client: policy point, when policy came and comes next, events. */
void fetched_describe(struct fetched *fetched, const struct config *config,
                      const struct settings *settings, struct spy_client *client);

void fetched_free(struct fetched *fetched);

/* RFC 3339 in UTC, in the arena. */
const char *fetched_time(struct arena *arena, int64_t seconds);

#endif

/* What a command speaks to the network with: a loop, names, fetches. */
#ifndef AGENT_COMMAND_NETWORK_H
#define AGENT_COMMAND_NETWORK_H

#include "agent/command/config.h"
#include "agent/source/source.h"
#include "agent/transfer/scheduler.h"

struct network {
    struct source_options options;
    struct loop *loop;
    struct resolver *resolver;
    struct source_client *client;
    struct scheduler *scheduler;
    int64_t wait_stall_ms; /* a source's longest silence in a job that waits */
};

/* By the settings file; NEARPOINT_STALL_SECONDS shortens the waits (tests). On false network_close
   frees what there is; an all-zero network is closed. */
bool network_open(struct network *network, const struct config *config, struct error *err);
void network_close(struct network *network);

#endif

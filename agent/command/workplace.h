/*
 * Where commands that bring or keep contents work: policy, folders, log, network, cache.
 */
#ifndef AGENT_COMMAND_WORKPLACE_H
#define AGENT_COMMAND_WORKPLACE_H

#include "agent/command/folders.h"
#include "agent/command/network.h"
#include "agent/transfer/job.h"

/* In the order of its making. */
struct workplace {
    struct context *context;
    struct world world;
    struct folders folders;
    struct log *log;
    struct network network;
    struct cache *cache;
    struct job_engine engine;
};

/* The cache has the limits of the policy, which the settings file may only narrow, and keeps what
   the policy pins. On false workplace_close frees what there is. */
bool workplace_open(struct workplace *place, struct context *context, struct error *err);
void workplace_close(struct workplace *place);

#endif

/* What all fetches of one loop share. For this room only. */
#ifndef AGENT_SOURCE_CLIENT_H
#define AGENT_SOURCE_CLIENT_H

#include "agent/source/source.h"

struct http_auth_place;

/* A host that `resolved` was told of. */
struct told_host {
    struct told_host *next;
    char *name;
};

struct source_client {
    struct loop *loop;
    struct resolver *resolver;
    const struct source_options *options;
    struct source_fetch *idle; /* kept handles */
    struct http_auth_place *auth_places;
    struct told_host *told;
    size_t open;
    size_t region_units;  /* of encrypted blobs, in memory */
    int64_t region_guess; /* plain bytes of a region, of the last encrypted blob; 0: none yet */
    int in_callback;      /* one of libcurl's is our caller: no transfer may be stopped */
};

/* Seconds since 1970, by the loop's clock. */
int64_t source_client_wall(const struct source_client *client);

#endif

#include "agent/command/network.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <stdlib.h>

static int64_t stall_seconds(int64_t seconds)
{
    const char *text = getenv("NEARPOINT_STALL_SECONDS");
    if (text)
        text_to_int(text, 1, 3600, &seconds);
    return seconds;
}

bool network_open(struct network *network, const struct config *config, struct error *err)
{
    int64_t stall = stall_seconds(LIMIT_STALL_SECONDS);
    int64_t connect = stall < LIMIT_CONNECT_SECONDS ? stall : LIMIT_CONNECT_SECONDS;
    network->options = (struct source_options){
        .proxy = config->proxy,
        .ca_file = config->ca_file,
        .client_certificate = config->client_certificate,
        .client_key = config->client_key,
        .connect_ms = connect * 1000,
        .stall_ms = stall * 1000,
        .library_roots = {config->library_root_count, config->library_roots},
    };
    network->wait_stall_ms = stall_seconds(LIMIT_PROGRESS_SECONDS) * 1000;
    if (!(network->loop = loop_create(&clock_system, 0, err)))
        return false;
    loop_set_connections(network->loop, 0, (long)config->connections);
    const char *servers = config->dns_servers.len ? config->dns_servers.data : NULL;
    network->scheduler = scheduler_create(network->loop, (size_t)config->connections,
                                          (size_t)config->connections_per_source);
    return (network->resolver = resolver_create(network->loop, servers, err)) &&
           (network->client =
                source_client_create(network->loop, network->resolver, &network->options, err));
}

void network_close(struct network *network)
{
    /* A lookup that is dropped calls back into its fetch, which the client owns. */
    if (network->resolver)
        resolver_destroy(network->resolver);
    source_client_free(network->client);
    scheduler_free(network->scheduler);
    if (network->loop)
        loop_destroy(network->loop);
    *network = (struct network){.loop = NULL};
}

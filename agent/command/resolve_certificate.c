/* The certificate that a service name's server shows. */
#include "agent/command/resolve.h"

#include "agent/command/network.h"
#include "agent/command/probe.h"

#include <stdlib.h>
#include <string.h>

static bool ask(struct resolved *resolved, struct network *network, struct error *err)
{
    char *root = mem_format("https://%s", resolved->asked);
    const struct probe_target target = {.root = root, .site_https = -1, .connection_only = true};
    resolved->has_certificate = probe_run(&resolved->probe, network->loop, network->resolver,
                                          &network->options, &target, err);
    free(root);
    return resolved->has_certificate;
}

bool resolved_certificates(struct resolved *names, size_t count, const struct config *config,
                           struct error *err)
{
    struct network network = {.loop = NULL};
    bool ok = network_open(&network, config, err);
    for (size_t i = 0; ok && i < count; i++)
        if (names[i].name->answer->error == RESOLVE_OK)
            ok = ask(&names[i], &network, err);
    network_close(&network);
    return ok;
}

bool resolved_is_wildcard(const struct probe_certificate *certificate)
{
    return certificate->names && strstr(certificate->names, "DNS:*.");
}

bool resolved_is_address_only(const struct probe_certificate *certificate)
{
    const char *names = certificate->names;
    return names && strstr(names, "IP Address:") && !strstr(names, "DNS:");
}

char *resolved_problem(const struct probe_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct probe_step *step = &report->steps[i];
        if (step->verdict == PROBE_BAD)
            return probe_text(report, step);
    }
    return NULL;
}

/* resolve, between its files. */
#ifndef AGENT_COMMAND_RESOLVE_H
#define AGENT_COMMAND_RESOLVE_H

#include "agent/command/command.h"
#include "agent/command/dns_names.h"
#include "agent/source/probe.h"

/* One name as it was asked for, and what came of it. */
struct resolved {
    const char *asked; /* NAME or NAME:PORT */
    struct dns_name *name;
    bool has_certificate; /* `probe` is filled */
    struct probe_report probe;
};

/* resolve_certificate.c: TLS with each name, one after the other. */
bool resolved_certificates(struct resolved *names, size_t count, const struct config *config,
                           struct error *err);
/* A wildcard among its names; names that are addresses alone. */
bool resolved_is_wildcard(const struct probe_certificate *certificate);
bool resolved_is_address_only(const struct probe_certificate *certificate);
/* Why the certificate, or TLS itself, is no good; NULL: it is fine. The caller frees it. */
char *resolved_problem(const struct probe_report *report);

/* resolve_dps.c: every distribution point's addresses, as a policy document. */
bool resolve_dps(struct context *context, struct error *err);

#endif

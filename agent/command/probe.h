/* probe, between its files. */
#ifndef AGENT_COMMAND_PROBE_H
#define AGENT_COMMAND_PROBE_H

#include "agent/command/command.h"
#include "agent/source/probe.h"
#include "policy/base/json_out.h"

/* What is asked, in the policy's arena. */
struct probe_asked {
    const char *dp; /* as it is named */
    const struct site_content *content;
    const char *content_name; /* NULL: none */
    struct manifest manifest;
    struct probe_target target;
};

/* From the command line's DP and CONTENT (NULL: none). A name that the policy does not know, or a
   distribution point that is no web server: ERROR_FAILED. manifest_free is the caller's, also after
   false. */
bool probe_asked_read(struct probe_asked *asked, struct world *world, const char *dp,
                      const char *content, struct error *err);

/* What came of a step, and what to change (NULL: nothing), for a person; text from outside is
   escaped. The caller frees both. */
char *probe_text(const struct probe_report *report, const struct probe_step *step);
char *probe_change(const struct probe_report *report, const struct probe_step *step);

/* The members of the object that is open. */
void probe_put_certificate(struct json_out *out, const struct probe_certificate *certificate);

#endif

/* What locate's files share: one question and its answer. Only they include it. */
#ifndef AGENT_COMMAND_LOCATE_H
#define AGENT_COMMAND_LOCATE_H

#include "agent/command/command.h"
#include "policy/manifest.h"

struct locate {
    const struct options *options;
    const char *asked;         /* CONTENT as written */
    const char *deployment_id; /* of the policy, or NULL */
    struct world world;
    struct location_request request;
    bool has_manifest;
    struct manifest manifest;
    struct decision decision;
    struct error *failure; /* NULL: there is a location */
};

json_t *locate_json(const struct locate *locate);

/* The text forms; the caller frees the buffer. */
void locate_text(const struct locate *locate, struct buf *out);
void locate_brief(const struct locate *locate, struct buf *out);

#endif

/* What locate's files share: one question and its answer. Only they include it. */
#ifndef AGENT_COMMAND_LOCATE_H
#define AGENT_COMMAND_LOCATE_H

#include "agent/command/question.h"
#include "agent/command/words.h"

#include "policy/manifest.h"

struct locate {
    const struct options *options;
    const char *asked; /* CONTENT as written */
    struct world world;
    const struct site_content *content; /* NULL: unknown */
    struct question question;
    bool has_manifest;
    struct manifest manifest;
    struct decision decision;
    struct answer answer;
    const struct site_dp *why; /* of --why, or NULL */
    struct location_walk walk; /* of that DP */
    struct error *failure;     /* NULL: there is a location */
};

/* The location or the exclusion of a DP; one of them is NULL. */
const struct location *locate_find_location(const struct locate *locate, const struct site_dp *dp);
const struct excluded_dp *locate_find_excluded(const struct locate *locate,
                                               const struct site_dp *dp);
/* One step of the walk in words; the caller frees the text. */
char *locate_step_words(const struct locate *locate, const struct location_step *step);

json_t *locate_json(const struct locate *locate);

/* The text forms; the caller frees the buffer. */
void locate_text(const struct locate *locate, struct buf *out);
void locate_brief(const struct locate *locate, struct buf *out);
void locate_why(const struct locate *locate, struct buf *out);

#endif

/*
 * One content brought into the cache: located, downloaded, verified, published; or found there.
 */
#ifndef AGENT_COMMAND_BRING_H
#define AGENT_COMMAND_BRING_H

#include "agent/command/question.h"
#include "agent/command/workplace.h"

struct outcome {
    const char *asked;
    const struct site_content *content; /* NULL: unknown */
    struct manifest manifest;           /* empty while it is not known */
    char folder_hash[HASH_HEX_MAX];     /* by which it is known; empty: by its manifest */
    struct question question;
    bool ok, cached;
    struct job *job; /* NULL: none was started */
    char *path;      /* once ok */
    double seconds;
    struct error error; /* unless ok; code CANCELLED after Ctrl-C */
};

/* What the policy says verifies the content, into the outcome's manifest or folder hash. Its
   content is set before. */
bool bring_read_manifest(struct outcome *outcome, struct error *err);

/* Waits for it; a signal ends it with its parts kept. The outcome is the caller's to free. */
void bring(struct workplace *place, const char *asked, struct outcome *outcome);
void outcome_free(struct outcome *outcome);

#endif

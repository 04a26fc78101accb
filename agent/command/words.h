/* A decision in words an administrator uses: which boundary, group, relationship, setting and
   document decided. Documents are cited for people only: of equal policy in whatever form the JSON
   is equal. */
#ifndef AGENT_COMMAND_WORDS_H
#define AGENT_COMMAND_WORDS_H

#include "agent/command/command.h"

/* One question and its answer. */
struct answer {
    const struct world *world;
    const struct location_request *request;
    const struct decision *decision;
};

/* Each in words; the caller frees the text. */
char *words_location(const struct answer *answer, const struct location *location);
char *words_excluded(const struct answer *answer, const struct excluded_dp *excluded);
/* One row of the rules that does not exclude the DP. */
char *words_passed(const struct answer *answer, const struct location_walk *walk,
                   const struct site_dp *dp, enum exclusion code);
/* Why `first` stands before `second`. */
char *words_order(const struct answer *answer, const struct location *first,
                  const struct location *second);

/* ---- for the files of words ---- */

void words_add_origin(struct buf *out, const struct world *world, const struct instance *instance);
void words_add_setting(struct buf *out, const struct world *world, enum setting setting);
/* Which row said when the group joins. */
void words_add_minutes_from(struct buf *out, const struct world *world,
                            const struct located_group *group);
/* ", which holds the machine by the IPSubnet boundary 10.1.2.0 'First floor' (file:line)" */
void words_add_boundary(struct buf *out, const struct world *world,
                        const struct site_boundary *boundary);
/* "in 'Paris', a neighbor of 'London', which joins after 20 minutes: ..." */
void words_add_group(struct buf *out, const struct answer *answer,
                     const struct located_group *group);
/* Which bit or option of the deployment says it: "0x40 is not set", "OnSlowNetwork ... (file)". */
void words_add_remote(struct buf *out, const struct answer *answer);
void words_add_fallback(struct buf *out, const struct answer *answer);
/* The current sites: "P01 and P02", "not known" */
void words_add_sites(struct buf *out, const struct decision *decision);
/* The state of the content there: "installed (state 0), version 3, last copied ...". */
void words_add_presence(struct buf *out, const struct site_presence *presence);

#endif

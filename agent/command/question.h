/* One question of location from the command line: --rules, --deployment, --for, --at. */
#ifndef AGENT_COMMAND_QUESTION_H
#define AGENT_COMMAND_QUESTION_H

#include "agent/command/command.h"

struct question {
    struct location_content *holders;         /* owned */
    struct location_request request;          /* points into the world and at `holders` */
    const struct site_deployment *deployment; /* named by its ID, or NULL */
};

/* Before anything is read: are --rules, --for and --deployment's bits what they take? ERROR_USAGE.
 */
bool question_check(const struct options *options, struct error *err);

/* For the world's machine and a content (NULL: unknown). Deployment: an ID of the policy,
   RemoteClientFlags=N or DPLocality=N; without it everything is allowed and assumed. Rules:
   --rules, else the policy's NP_HierarchyRules, else current. An unknown ID is ERROR_FAILED, a
   deployment type that cannot be read ERROR_INPUT. question_free after true only. */
bool question_read(struct question *question, const struct options *options, struct world *world,
                   const struct site_content *content, struct error *err);
void question_free(struct question *question);

#endif

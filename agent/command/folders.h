/* The folders a command writes to: made, checked, and entered as their owner. */
#ifndef AGENT_COMMAND_FOLDERS_H
#define AGENT_COMMAND_FOLDERS_H

#include "agent/command/config.h"
#include "agent/command/options.h"

struct folders {
    char *state, *cache, *logs;
    int state_dir; /* descriptor of `state` */
};

/* `secondary` is the cache's second folder, or NULL. Run as root, the process first takes on user
   and groups of the state folder's owner. Makes what is missing. A folder that others may write to,
   or that someone else owns, is refused with its path and mode (ERROR_FAILED). */
bool folders_enter(struct folders *folders, const struct options *options, const char *secondary,
                   struct error *err);
/* Makes the folders above `path` that are missing; links in it are the user's own. */
bool folders_make_above(const char *path, struct error *err);

void folders_leave(struct folders *folders);

/* Only the state folder, for reading: as its owner where the process is root, and refused as
   folders_enter does. Nothing is made: *state_dir is -1 where there is none. */
bool folders_open_state(int *state_dir, const struct options *options, struct error *err);

#endif

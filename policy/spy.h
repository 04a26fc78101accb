/*
 * The Policy Spy views: the tree Machine → Requested, DefaultSettings, CustomSettings, Actual,
 * Events, and why a setting has its value. As text for people and as JSON (contract:
 * `policy --json` and its kin). Secrets read "(hidden)".
 *
 * Writes into buffers and values only: no system calls. Commands call it.
 */
#ifndef POLICY_SPY_H
#define POLICY_SPY_H

#include "policy/base/buf.h"
#include "policy/resultant.h"

#include <jansson.h>

enum spy_branch {
    SPY_REQUESTED,
    SPY_DEFAULT_SETTINGS,
    SPY_CUSTOM_SETTINGS,
    SPY_ACTUAL,
    SPY_EVENTS,
    SPY_BRANCH_COUNT, /* also: all of them */
};

/* A place in the tree. Points into the text it was parsed from. */
struct spy_path {
    enum spy_branch branch;
    const char *name; /* a PolicyID below Requested, else a class; NULL: the whole branch */
    size_t name_len;
};

/* What the machine is told by, beside its policy; texts may be NULL. */
struct spy_client {
    const char *name, *site, *policy_point, *last_policy, *next_policy;
};

/* "Machine", "Machine/CustomSettings", "machine\customsettings\CCM_X"; NULL is the whole tree.
   false: no such place can be. */
bool spy_parse_path(struct spy_path *path, const char *text);

const char *spy_branch_word(enum spy_branch branch); /* "customSettings" */

/* Appends the place with all that is below it, the client before the whole tree. false: nothing of
   the path's name is there. */
bool spy_text(struct buf *out, struct policy *policy, const struct resultant *resultant,
              const struct spy_client *client, const struct spy_path *path);

/* { "client", "machine": { ... } } with the path's branch alone, or all. NULL: nothing of the
   path's name is there. */
json_t *spy_json(struct policy *policy, const struct resultant *resultant,
                 const struct spy_client *client, const struct spy_path *path);

/* All values of one setting, the winner first. */
void spy_why_text(struct buf *out, const struct resultant_setting *setting);
json_t *spy_why_json(const struct resultant_setting *setting);

/* For spy's renderers: is the object of that name or class in the path? */
bool spy_selects(const struct spy_path *path, const char *name);
bool spy_shows(const struct spy_path *path, enum spy_branch branch);

/* Does any of the document's rules count? Else *why_not says why none does; where some do and some
   do not, it says so of the first that does not. */
bool spy_is_applied(const struct document *document, const char **why_not);

#endif

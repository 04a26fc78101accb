/*
 * The Policy Spy views: the tree Machine → Requested, DefaultSettings, CustomSettings, Actual,
 * Events, and why a setting has its value. As text for people and as JSON (contract:
 * `policy --json` and its kin). Secrets read "(hidden)".
 *
 * Writes into buffers and sinks only: no system calls. Commands call it.
 */
#ifndef POLICY_SPY_H
#define POLICY_SPY_H

#include "policy/base/json_out.h"
#include "policy/base/sink.h"
#include "policy/resultant.h"

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
    const char *name; /* a PolicyID or a file below Requested, else a class; NULL: all of it */
    size_t name_len;
};

/* What happened to fetched policy; texts may be NULL. */
struct spy_event {
    const char *time; /* RFC 3339 */
    const char *kind; /* "downloaded", "applied", "refused" */
    const char *policy_id, *version, *text;
};

/* What the machine is told by, beside its policy; texts may be NULL. */
struct spy_client {
    const char *name, *site, *policy_point, *last_policy, *next_policy;
    const char *summary; /* one line of what the policy holds */
    size_t event_count;
    const struct spy_event *events; /* the newest first */
};

/* All that a view shows. */
struct spy {
    struct policy *policy;
    const struct resultant *resultant;
    struct spy_client client;
};

/* "Machine", "Machine/CustomSettings", "machine\customsettings\CCM_X"; NULL is the whole tree.
   false: no such place can be. */
bool spy_parse_path(struct spy_path *path, const char *text);

/* false: nothing of the path's name is there. */
bool spy_exists(const struct spy *spy, const struct spy_path *path);

const char *spy_branch_word(enum spy_branch branch); /* "customSettings" */

/* The place with all that is below it, the client before the whole tree. false: it could not be
   written. */
bool spy_text(const struct spy *spy, const struct spy_path *path, struct sink *sink);

/* { "client", "machine": { ... } } with the path's branch alone, or all. false: as spy_text. */
bool spy_json(const struct spy *spy, const struct spy_path *path, struct sink *sink);

/* The place as policy bodies within <PolicyDocuments>, which read back to the same policy but for
   secrets, which are null. false: as spy_text. */
bool spy_xml(const struct spy *spy, const struct spy_path *path, struct sink *sink);

/* All values of one setting, the winner first. */
void spy_why_text(struct buf *out, const struct resultant_setting *setting);
bool spy_why_json(const struct resultant_setting *setting, struct sink *sink);

/* For spy's renderers: is the object of that name or class in the path? */
bool spy_selects(const struct spy_path *path, const char *name);
bool spy_selects_document(const struct spy_path *path, const struct document *document);
bool spy_shows(const struct spy_path *path, enum spy_branch branch);

/* Does any of the document's rules count? Else *why_not says why none does; where some do and some
   do not, it says so of the first that does not. */
bool spy_is_applied(const struct document *document, const char **why_not);

#endif

/*
 * The commands: one file each, options from one table, words for people chosen here.
 */
#ifndef AGENT_COMMAND_COMMAND_H
#define AGENT_COMMAND_COMMAND_H

#include "agent/command/config.h"
#include "agent/location/location.h"
#include "agent/machine/machine.h"
#include "policy/base/buf.h"
#include "policy/base/error.h"
#include "policy/base/sink.h"
#include "policy/settings.h"
#include "policy/site.h"
#include "policy/store.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stood on the command line; texts point into argv. */
struct options {
    const char *config, *state, *cache, *logs, *socket;
    size_t policy_count;
    const char **policies;
    bool json, xml, resolve, tls, dps, mdm;
    const char *machine;
    size_t set_count;
    const char **sets;
    int64_t at; /* minutes; 0 */
    bool all;
    int64_t wait;                                  /* minutes; 0 */
    const char *rules, *deployment, *purpose, *to; /* purpose: of --for */
    bool no_sync;
    bool brief, excluded;
    const char *why, *reply;
    bool compare, request;
    const char *content, *against, *dp, *library, *container, *access, *out, *source;
    int64_t version; /* of a content; -1: not said */
    bool replace, verify, due;
    size_t argument_count;
    const char **arguments; /* after the command's name */
};

/* What main sets up for every command. */
struct context {
    const struct options *options;
    struct config config;          /* the settings file, or its defaults */
    struct signature_trust *trust; /* while policy is read; NULL else */
};

/* Returns the exit code's kind through `err`: true is exit 0; false prints `err` (unless its text
   is empty) and exits with its kind. */
typedef bool command_run(struct context *context, struct error *err);

command_run command_policy, command_where, command_locate, command_get, command_export_script,
    command_hash, command_publish, command_probe, command_cache, command_resolve;

/* The set of fetched policy in force; its texts live in the arena. */
struct fetched {
    int state_dir;        /* -1: no state folder */
    struct store_set set; /* policy_point NULL: nothing was fetched */
    struct arena arena;
};

/* Policy, resultant settings and site together. */
struct world {
    struct policy policy;
    struct fetched fetched;
    struct resultant resultant;
    struct settings settings;
    struct site site;
    struct machine machine;
    const char *assigned_site;          /* the settings file's, or NULL */
    struct library_roots library_roots; /* the settings file's */
    struct location_index *index;       /* of the site; NULL until command_index */
    bool cites;                         /* reasons in words name documents and lines */
};

/* The settings file's trust anchors and this machine's clock; without anchors nothing is trusted or
   required. The anchors are context->trust, for the caller to free. */
bool command_read_trust(struct context *context, struct policy_trust *trust, struct error *err);

/* The fetched policy and what is named by --policy, NEARPOINT_POLICY or the default folder. */
bool command_read_policy(struct context *context, struct policy *policy, struct fetched *fetched,
                         struct error *err);

/* What is named by --policy, NEARPOINT_POLICY or the default folder alone. */
bool command_read_folder(struct context *context, struct policy *policy, struct error *err);

/* The policy's warnings, a line each, to standard error. */
void command_print_warnings(const struct policy *policy);

/* --machine, --set, or this machine. */
bool command_read_machine(struct context *context, struct policy *policy, struct machine *machine,
                          struct error *err);

/* For whom the resultant policy is asked; points into the machine. */
struct audience command_audience(const struct machine *machine);

/* All of it; warnings of the policy go to standard error. */
bool command_read_world(struct context *context, struct world *world, struct error *err);
/* The same without a word of the warnings. */
bool command_read_quietly(struct context *context, struct world *world, struct error *err);
/* Made when it is first asked for; the world's. */
const struct location_index *command_index(struct world *world);
void world_free(struct world *world);

/* Prints `value` and a newline to standard output; takes the reference. false: cannot write. */
bool command_print_json(json_t *value, struct error *err);

/* Appends one line, made safe for a terminal. */
void command_add_line(struct buf *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints and frees the text. false: cannot write. */
bool command_print_text(struct buf *text, struct error *err);

/* Standard output, for what is printed in pieces. */
struct sink command_output(void);
/* What a print into it came to: true, or the error that it could not be written. */
bool command_printed(bool ok, struct error *err);

#endif

/* The words that may stand after `cache`. */
#ifndef AGENT_COMMAND_CACHE_H
#define AGENT_COMMAND_CACHE_H

#include "agent/command/workplace.h"

#define CACHE_USAGE                                                                               \
    "list | verify [CONTENT...] | repair [CONTENT...] | trim | remove CONTENT... | import DIR | " \
    "export DIR [CONTENT...]"

/* A content as it is asked for: its ID (every version), ID.version, or a name that the policy has
   for it. */
bool cache_is_asked(const struct workplace *place, const char *asked, const char *content_id,
                    int64_t version);

/* Every one that is asked for is there; code NOT_CACHED. */
bool cache_check_asked(const struct workplace *place, const char *const *asked, size_t count,
                       struct error *err);

/* From the content library that the command line names. */
bool cache_import(struct workplace *place, struct error *err);

/* Into the content library that the command line names; all, or the contents named behind it. */
bool cache_export(struct workplace *place, struct error *err);

/* verify and repair. */
bool cache_validate(struct workplace *place, bool repair, struct error *err);

#endif

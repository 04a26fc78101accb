/* What verify.c, verify_library.c and repair.c share. For this room only. */
#ifndef AGENT_PUBLISH_VERIFY_INTERNAL_H
#define AGENT_PUBLISH_VERIFY_INTERNAL_H

#include "agent/publish/dp_record.h"
#include "agent/publish/place.h"
#include "agent/publish/verify.h"

/* `note` may be NULL. */
void verify_add_bad(struct verify_content *content, const char *file, enum tree_difference kind,
                    const char *note);
struct verify_content *verify_add_content(struct verify_report *report, const char *folder);

/* To idle I/O priority. */
void verify_step_back(void);

/* Repairs what is bad of a content; marks what it repaired. The place is locked. A file that cannot
   be repaired is noted; only a failure that concerns all is false. */
bool repair_content(struct place *place, const struct dp_record *record,
                    struct verify_content *content, const char *source, struct error *err);

#endif

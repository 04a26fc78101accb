/* What verify.c and repair.c share. For this room only. */
#ifndef AGENT_PUBLISH_VERIFY_INTERNAL_H
#define AGENT_PUBLISH_VERIFY_INTERNAL_H

#include "agent/publish/dp_record.h"
#include "agent/publish/place.h"
#include "agent/publish/verify.h"

/* Repairs what is bad of a content; marks what it repaired. The place is locked. A file that cannot
   be repaired is noted; only a failure that concerns all is false. */
bool repair_content(struct place *place, const struct dp_record *record,
                    struct verify_content *content, const char *source, struct error *err);

#endif

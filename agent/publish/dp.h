/*
 * A content laid out for a web server, below FOLDER/SMS_DP_SMSPKG$, with its record in it.
 *
 * For this room only. System calls: those of tree, pool and place, renameat2, unlinkat.
 */
#ifndef AGENT_PUBLISH_DP_H
#define AGENT_PUBLISH_DP_H

#include "agent/publish/publication.h"

/* Refuses as publish.h says; on false the path may be set all the same. */
bool dp_lay_out(const struct publication *what, const char *folder, struct laid_out *laid_out,
                struct error *err);

#endif

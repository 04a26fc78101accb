/* What the files of location/ share. For this room only. */
#ifndef AGENT_LOCATION_INTERNAL_H
#define AGENT_LOCATION_INTERNAL_H

#include "agent/location/location.h"

/* Fills the decision's boundaries and groups (membership.c). */
void location_find_groups(struct decision *decision, const struct location_request *request);

/* Does the boundary hold the machine? */
bool location_boundary_holds(const struct site_boundary *boundary, const struct machine *machine);

/* reach.c: where the DP stands, seen from the machine. */
bool location_same_computer(const struct site_dp *dp, const struct machine *machine);
bool location_same_subnet(const struct site_dp *dp, const struct machine *machine);

/* reach.c: what the deployment's bits allow (configmgr-sdk 5.1, 5.2). */
bool location_remote_allowed(const struct location_request *request);
bool location_default_group_allowed(const struct location_request *request);
bool location_metered_allowed(const struct location_request *request);

/* rank.c: puts the locations in order. */
void location_rank(struct decision *decision, const struct location_request *request);

#endif

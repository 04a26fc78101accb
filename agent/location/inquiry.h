/*
 * A ContentLocationRequest: what a client of that age would ask its management point, for a machine
 * and a content (configmgr-facts 2.2). For people to read and compare; nearpoint sends it nowhere.
 *
 * The rules `current` have the form of 2021, `2012` and `2007` that of 2013 to 2016: an older one
 * is not public. What is not known is left out, element or attribute (ours: what a client writes
 * then was not seen). Left out always, for nearpoint cannot know it: DeploymentFlags (its bits are
 * not public), PhysicalAddressExists, GroupGUID, BoundaryGroupListRetrieveTime, DOINCServers.
 * AllowSMB, AllowMulticast, AllowSuperPeer, DPTokenAuth, AllowWUMU are 0: nearpoint uses none of
 * these.
 *
 * No system calls. Commands call it.
 */
#ifndef AGENT_LOCATION_INQUIRY_H
#define AGENT_LOCATION_INQUIRY_H

#include "agent/location/location.h"

#include "policy/base/buf.h"

struct location_inquiry {
    const struct machine *machine;
    const struct site_content *content;
    const char *assigned_site; /* NULL where not known */
    enum location_rules rules;
    bool allow_cloud; /* AllowCloudDP */
    int64_t minutes;  /* since the job's first request */
    size_t group_count;
    const struct site_group *const *groups; /* those that hold the machine */
};

/* Appends the element on one line, as a client logs it, and a newline. */
void location_inquiry_write(struct buf *out, const struct location_inquiry *inquiry);

#endif

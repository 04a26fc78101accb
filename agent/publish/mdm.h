/*
 * What a site does for an MDM distribution point (Intune's) before and after the upload, below the
 * state folder: the content is staged in SMS_OCM_DATACACHE, encrypted in SoftwarePublishing, which
 * is empty again afterwards, and a state message dropped in auth/incoming; DistMgr.log and
 * OutgoingContentManager.log tell. The folders' names are Configuration Manager's; the message, one
 * JSON file, is ours.
 *
 * publish.c calls it. System calls: openat2, mkdirat, renameat2, unlinkat, flock, read, write.
 */
#ifndef AGENT_PUBLISH_MDM_H
#define AGENT_PUBLISH_MDM_H

#include "agent/log/log.h"
#include "agent/publish/cloud.h"

struct mdm_place {
    int state_dir;
    struct log *log;
    int64_t (*wall)(void); /* milliseconds since 1970 */
};

struct mdm_run {
    const struct mdm_place *place;
    const struct publication *what;
    const char *url;
    int lock;           /* of the data cache; -1 */
    int sealing;        /* the folder SoftwarePublishing; -1 */
    struct input input; /* the staged copy */
    char *folder;       /* its name */
};

/* Copies the content into the data cache, in the place of an older copy, and empties what a killed
   run left. Another run at it: ERROR_FAILED, code BUSY. mdm_close in any case. */
bool mdm_stage(struct mdm_run *run, const struct mdm_place *place, const struct publication *what,
               const char *url, struct error *err);

/* After the upload: the state message and the log's last lines. `failure` NULL: it is there. */
bool mdm_report(struct mdm_run *run, const struct cloud_laid_out *laid_out,
                const struct error *failure, struct error *err);

void mdm_close(struct mdm_run *run);

#endif

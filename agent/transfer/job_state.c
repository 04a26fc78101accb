/* The table of transitions. */
#include "agent/transfer/internal.h"

#include <stdlib.h>
#include <string.h>

#define TO(state) (1U << (state))
#define ENDS      (TO(JOB_FAILED) | TO(JOB_CANCELLED))
#define GETS      (TO(JOB_DOWNLOADING_MANIFEST) | TO(JOB_DOWNLOADING_DATA))

static const struct {
    const char *word;
    unsigned next; /* the states that may follow */
} states[JOB_STATE_COUNT] = {
    [JOB_REQUESTED_LOCATIONS] = {"RequestedLocations",
                                 GETS | TO(JOB_WAITING_DISK) | TO(JOB_SUSPENDED) | ENDS},
    [JOB_WAITING_CONTENT_LOCATIONS] = {"WaitingContentLocations",
                                       GETS | TO(JOB_WAITING_DISK) | TO(JOB_SUSPENDED) | ENDS},
    [JOB_DOWNLOADING_MANIFEST] = {"DownloadingManifest", GETS | TO(JOB_WAITING_CONTENT_LOCATIONS) |
                                                             TO(JOB_WAITING_DISK) |
                                                             TO(JOB_SUSPENDED) | ENDS},
    [JOB_DOWNLOADING_DATA] = {"DownloadingData", TO(JOB_DOWNLOADING_MANIFEST) |
                                                     TO(JOB_WAITING_CONTENT_LOCATIONS) |
                                                     TO(JOB_WAITING_DISK) | TO(JOB_SUSPENDED) |
                                                     TO(JOB_VERIFYING) | ENDS},
    [JOB_WAITING_DISK] = {"WaitingDisk", GETS | TO(JOB_SUSPENDED) | ENDS},
    [JOB_SUSPENDED] = {"Suspended", GETS | TO(JOB_WAITING_DISK) | ENDS},
    [JOB_VERIFYING] = {"Verifying", TO(JOB_DOWNLOADING_MANIFEST) | TO(JOB_WAITING_DISK) |
                                        TO(JOB_SUCCESS) | ENDS},
    [JOB_SUCCESS] = {"Success", 0},
    [JOB_FAILED] = {"Failed", 0},
    [JOB_CANCELLED] = {"Cancelled", 0},
};

const char *job_state_word(enum job_state state)
{
    return states[state].word;
}

const char *job_priority_word(enum job_priority priority)
{
    static const char *const words[JOB_PRIORITY_COUNT] = {"Foreground", "High", "Normal", "Low"};
    return words[priority];
}

bool job_enter(struct job *job, enum job_state state)
{
    struct error err;
    if (!(states[job->state].next & TO(state)))
        abort(); /* our own mistake: no input leads here */
    bool ends = states[state].next == 0;
    if (ends)
        record_remove(job);
    /* A full disk may refuse the word that it is full: the older record serves as well. */
    bool ok = ends || record_write_state(job, state, &err) || state == JOB_WAITING_DISK;
    if (!ok) {
        job_disk_trouble(job, &err);
        return false;
    }
    job->state = state;
    trace_state(job);
    return true;
}

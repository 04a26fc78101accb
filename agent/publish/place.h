/*
 * The folder that a web server serves, and what nearpoint has in it:
 *
 *     SMS_DP_SMSPKG$/<folder of a content>/    a content; its record is .nearpoint/content.xml
 *     SMS_DP_SMSPKG$/.nearpoint-lock           who lays out or repairs has it locked (flock)
 *     SMS_DP_SMSPKG$/.nearpoint-building/      what is not laid out yet: nobody's to read
 *
 * For this room only. System calls: openat2, mkdirat, flock, syncfs.
 */
#ifndef AGENT_PUBLISH_PLACE_H
#define AGENT_PUBLISH_PLACE_H

#include "policy/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define PLACE_ROOT     "SMS_DP_SMSPKG$"
#define PLACE_LOCK     ".nearpoint-lock"
#define PLACE_BUILDING ".nearpoint-building"

struct place {
    char *path; /* FOLDER/SMS_DP_SMSPKG$ */
    int root;   /* its descriptor */
    int lock;   /* -1: not locked */
    bool sync;  /* what is put in place is on the disk before and after */
};

/* `make`: what is missing is made, FOLDER's parents apart. On false nothing is left to close. */
bool place_open(struct place *place, const char *folder, bool make, bool sync, struct error *err);
void place_close(struct place *place);

/* Another process has it: false, code BUSY, its process id in the text. What a killed run left is
   cleared, and an empty building folder made. place_unlock removes that again. */
bool place_lock(struct place *place, struct error *err);
void place_unlock(struct place *place);

/* Waits until the disk has everything; nothing without `sync`. */
bool place_sync(const struct place *place, struct error *err);

/* The content's folder below the root (policy model: Names of a content); the caller frees it. */
char *place_folder(const char *content_id, int64_t version);

#endif

/*
 * What was laid out is hashed anew and held against its record, as a distribution point validates
 * its contents; wrong files are repaired from a folder that has the right ones.
 *
 * Runs at low I/O priority. System calls: those of tree, pool and place, ioprio_set, renameat2,
 * unlinkat.
 */
#ifndef AGENT_PUBLISH_VERIFY_H
#define AGENT_PUBLISH_VERIFY_H

#include "agent/publish/tree.h"

struct verify_bad {
    char *file; /* owned; "." is the folder as a whole */
    enum tree_difference kind;
    bool repaired;
    char *note; /* owned, or NULL: more for a person */
};

struct verify_content {
    char *folder;     /* below SMS_DP_SMSPKG$, or DataLib; owned */
    char *content_id; /* NULL: its record cannot be read; owned */
    int64_t version;
    size_t files;
    int64_t bytes;
    size_t bad_count, bad_cap;
    struct verify_bad *bad; /* owned */
};

struct verify_report {
    size_t count, cap;
    struct verify_content *contents; /* by folder; owned */
};

struct verify_order {
    const char *dp;         /* the folder that was published into; or */
    const char *library;    /* the folder of a content library */
    const char *content_id; /* NULL: all contents there */
    int64_t version;        /* -1: every one */
    const char *source;     /* NULL: nothing is repaired */
    bool sync;              /* repairs are on the disk */
};

/* Every content, or the one: every file hashed, and the folder hash of the whole. With `source`
   wrong and missing files are replaced, each by one rename, foreign ones removed; what the source
   does not have right stays. A content that is replaced meanwhile is verified again. Nothing that
   the order names is there: code UNKNOWN_CONTENT. `source` fits one content: code USAGE. On false
   nothing is left to free. */
bool verify_dp(const struct verify_order *order, struct verify_report *report, struct error *err);

/* The same of a content library, whoever wrote it, without repair: what FileLib has is held against
   the INI files, and these against the content's folder hash. */
bool verify_library(const struct verify_order *order, struct verify_report *report,
                    struct error *err);

/* Is something wrong that was not repaired? */
bool verify_is_bad(const struct verify_content *content);

void verify_report_free(struct verify_report *report);

#endif

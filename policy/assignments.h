/*
 * A policy point's reply: which policies a machine is assigned, where their bodies lie and what
 * hash they must have (configmgr-facts: The assignment reply).
 *
 * <ReplyAssignments SchemaVersion ReplyType><PolicySource/><PolicyAssignment><Condition/><Policy
 * PolicyID PolicyVersion><PolicyLocation PolicyHash PolicyHashEx>URL
 *
 * Locations are texts here: what they stand for is the policy point's business. No system calls;
 * any room may call it.
 */
#ifndef POLICY_ASSIGNMENTS_H
#define POLICY_ASSIGNMENTS_H

#include "policy/base/hash.h"
#include "policy/base/mem.h"
#include "policy/xml.h"

#include <stdint.h>

struct assignment {
    const char *id; /* PolicyAssignmentID, or NULL */
    const char *policy_id;
    const char *version_text; /* PolicyVersion as written */
    int64_t version[2];
    const char *type, *category; /* PolicyType, PolicyCategory, or NULL */
    int64_t flags;               /* PolicyFlags, 0 where absent */
    const char *location;        /* as written, without blanks around it */
    char sha256[HASH_HEX_MAX];   /* upper-case hex; empty: not given. One of the two is. */
    char sha1[HASH_HEX_MAX];
    bool conditional; /* a Condition stands on it, which nearpoint cannot evaluate */
    unsigned line;    /* of <Policy> */
};

struct assignments {
    struct arena arena;         /* owns the texts */
    const char *schema_version; /* SchemaVersion, ReplyType: or NULL */
    const char *reply_type;
    const char *source; /* PolicySource, or NULL */
    size_t count, cap;
    struct assignment *rows; /* owned; in the order written, each PolicyID once */
};

/* Reads and checks it. Refused (ERROR_INPUT, with document and line): a reply of another type than
   Full, a policy without ID, version, location or hash, values that are too long or hold control
   characters, more than LIMIT_ASSIGNMENTS, a PolicyID that is assigned in two versions or with two
   hashes. One that is assigned twice alike is one; it is conditional where all are. `where` stands
   in messages. On false nothing is left to free. */
bool assignments_read(struct assignments *assignments, const char *bytes, size_t len,
                      const char *where, struct error *err);
void assignments_free(struct assignments *assignments);

/* The same for who reads the XML himself: the handlers get what `open` returned, whose `xml` is set
   before the first element. `assignments` is all-zero, and the caller's also after a refusal. */
struct assignments_reader;
extern const struct xml_handlers assignments_handlers;
struct assignments_reader *assignments_reader_open(struct assignments *assignments);
void assignments_reader_attach(struct assignments_reader *reader, const struct xml_reader *xml);
void assignments_reader_close(struct assignments_reader *reader); /* NULL is fine */

#endif

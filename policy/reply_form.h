/*
 * ReplyAssignments as a document among others: a policy point's reply in a folder beside the bodies
 * it names. It holds the bodies to their hashes and says which of them are conditional.
 *
 * No system calls. xml_form and the reading of documents call it.
 */
#ifndef POLICY_REPLY_FORM_H
#define POLICY_REPLY_FORM_H

#include "policy/assignments.h"
#include "policy/xml_form.h"

extern const struct xml_form_kind reply_kind;

/* One reply that was read; the policy owns it. */
struct policy_reply {
    struct document *document;
    struct assignments assignments;
    struct policy_reply *next; /* the one read before */
};

/* Sets document->wants_sha256 or wants_sha1 of what a reply names. */
void reply_mark_hashes(struct policy *policy);

/* A body without the hash that a reply says: false, ERROR_INPUT. One whose assignment has a
   Condition is not applied; one that is not there is a warning, ASSIGNED_NOT_HERE. */
bool reply_apply(struct policy *policy, struct error *err);

void reply_free(struct policy *policy);

#endif

/*
 * Instances → policy documents: the only writer of them. What it writes are policy bodies with
 * escaped text that the reader reads back to equal instances, secrets apart: those are written as
 * null. A control character that XML cannot hold is written as U+FFFD. Appends to a buffer. No
 * system calls; any room may call it.
 */
#ifndef POLICY_WRITE_H
#define POLICY_WRITE_H

#include "policy/base/buf.h"
#include "policy/instance.h"

/* What a file begins with that is one document. */
void write_declaration(struct buf *out);

/* <PolicyDocuments>, what several documents stand in. */
void write_open(struct buf *out);
void write_close(struct buf *out);

/* What <Policy> says; texts may be NULL. */
struct write_head {
    const char *policy_id, *version, *source;
    enum layer layer; /* LAYER_LOCAL is its source */
    int64_t priority; /* PRECEDENCE_NONE: not said */
    bool for_users;
};

void write_document_open(struct buf *out, const struct write_head *head);
void write_document_close(struct buf *out);

/* A rule that cannot be evaluated stays one that is not applied. `id` may be NULL. */
void write_rule_open(struct buf *out, const char *id, bool is_applied);
void write_rule_close(struct buf *out);

/* `partial_by_default`: what an instance of the document is that does not say it. */
void write_instance_open(struct buf *out, const char *class_name, bool partial,
                         bool partial_by_default);
void write_property(struct buf *out, const char *name, const struct value *value, bool secret);
void write_instance_close(struct buf *out);

/* All of one instance. */
void write_instance(struct buf *out, const struct instance *instance, bool partial_by_default);

#endif

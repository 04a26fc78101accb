/*
 * One bag behind every document form: what a form's reader finds is handed in here, item by item,
 * and becomes the policy's documents and instances.
 *
 * Keeps class and property names once, converts values by CIM type, knows which properties are
 * secret, refuses a property twice in one instance. Only the readers of document forms call it.
 * No system calls.
 */
#ifndef POLICY_INTAKE_H
#define POLICY_INTAKE_H

#include "policy/base/buf.h"
#include "policy/instance.h"

/* CIM type numbers as property/@type has them (configmgr-facts: The policy body). */
enum {
    CIM_SINT16 = 2,
    CIM_SINT32 = 3,
    CIM_STRING = 8,
    CIM_BOOLEAN = 11,
    CIM_OBJECT = 13, /* an embedded instance */
    CIM_SINT8 = 16,
    CIM_SINT64 = 20,
    CIM_UINT64 = 21,
    CIM_DATETIME = 101,
    CIM_ARRAY = 8192, /* added to the type of the elements */
};

/* Embedded instances within each other. */
#define INTAKE_DEPTH 8

/* An instance that is being read; its property is open while one embedded in it is read. */
struct intake_frame {
    struct instance *instance;
    size_t first_property; /* in intake->properties */
    size_t first_item;     /* of the open property, in intake->items */
};

struct intake {
    struct policy *policy;
    struct document *document;
    size_t depth;
    struct intake_frame frames[INTAKE_DEPTH];
    size_t property_count, property_cap;
    struct property *properties; /* of the instances that are being read */
    size_t item_count, item_cap;
    struct value *items; /* of the properties that are being read */
};

/* `path` names the document in messages and in the tree. */
void intake_begin(struct intake *intake, struct policy *policy, const char *path);
/* A further document of the same file. */
void intake_next(struct intake *intake);
void intake_free(struct intake *intake);

/* What <Policy> says of the document. Absent attributes are NULL. Returns NULL, or what is wrong,
   in the policy's arena. */
const char *intake_document(struct intake *intake, const char *policy_id, const char *version,
                            const char *source, const char *category, const char *precedence);

/* An export has no such attributes: its settings are default settings. */
void intake_export(struct intake *intake);

/* Within an open property it becomes an item of that: an embedded instance. Returns NULL, or what
   is wrong. */
const char *intake_begin_instance(struct intake *intake, const char *class_name, const char *rule,
                                  unsigned line);
/* The instance that is being read. */
struct instance *intake_instance(struct intake *intake);
/* Returns NULL, or what is wrong (*line says where), in the policy's arena. */
const char *intake_end_instance(struct intake *intake, unsigned *line);

/* The line is the property's. An item is text of the CIM type given, its array bit apart. No item,
   or none in an array, is null. Returns NULL, or what is wrong, in the policy's arena. */
void intake_begin_property(struct intake *intake, const char *name, bool secret, unsigned line);
void intake_item(struct intake *intake, int64_t cim_type, const char *text, size_t len);
const char *intake_end_property(struct intake *intake, bool is_array);

/* The instances read since `first` (an index into policy->requested) are not applied. Returns the
   words as the arena keeps them. */
const char *intake_not_applied(struct intake *intake, size_t first, const char *why_not);

#endif

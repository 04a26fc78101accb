/*
 * One row of a JSON export → one instance: its class, its properties, the instances embedded in it
 * (configmgr-sdk 6.2, 6.3, 4.2). What PowerShell and OData add to a row is dropped.
 *
 * No system calls. json_form calls it.
 */
#ifndef POLICY_JSON_ROW_H
#define POLICY_JSON_ROW_H

#include "policy/intake.h"

#include <jansson.h>

struct json_row {
    json_t *object;
    const char *where;      /* names the document in messages */
    const char *class_name; /* where the row names none; NULL: the document does not either */
    unsigned line;
    const unsigned *lines; /* of its members and of their members, in the order written */
};

/* Does the row itself name its class? */
bool json_row_has_class(json_t *object);

/* Without a class, with what no instance holds, refused by the intake: false, ERROR_INPUT with
   document and line. */
bool json_row_read(struct intake *intake, const struct json_row *row, struct error *err);

#endif

/*
 * JSON, one form of policy document: what the Administration Service answers, and what
 * ConvertTo-Json writes: {"value":[{"__CLASS":"SMS_Boundary",...}]}, a bare array of such rows, or
 * a single one (configmgr-sdk 6.2, 6.3). UTF-8 with or without byte order mark, UTF-16 with one.
 *
 * Read row by row, so that memory follows the largest row. No system calls. form calls it.
 */
#ifndef POLICY_JSON_FORM_H
#define POLICY_JSON_FORM_H

#include "policy/intake.h"

struct json_form;

/* `where` names the document in messages. */
struct json_form *json_form_open(struct intake *intake, const char *where);

/* Malformed, hostile, rows without a class: false, ERROR_INPUT with document and line. After false
   only json_form_close may follow. */
bool json_form_feed(struct json_form *form, const char *bytes, size_t len, struct error *err);
bool json_form_finish(struct json_form *form, struct error *err);
void json_form_close(struct json_form *form); /* NULL is fine */

#endif

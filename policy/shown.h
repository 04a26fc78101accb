/*
 * Values as views show them: as text for people (booleans True and False, long texts cut) and as
 * JSON; secrets read "(hidden)". Only the renderers of views call it. No system calls.
 */
#ifndef POLICY_SHOWN_H
#define POLICY_SHOWN_H

#include "policy/base/json_out.h"
#include "policy/view.h"

void shown_add_text(struct buf *out, const struct value *value, bool secret);

/* `known_only`: null properties of embedded instances are left out. */
void shown_add_json(struct json_out *out, const char *name, const struct value *value, bool secret,
                    bool known_only);

/* The member "properties" of an object. */
void shown_add_properties(struct json_out *out, const struct view_object *object);

#endif

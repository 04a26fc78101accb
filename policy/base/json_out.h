/*
 * JSON as it is written, piece by piece, in the layout of jansson's JSON_INDENT(2): a document need
 * not be held to be printed. Text that is not UTF-8 (a path may be) comes out escaped.
 */
#ifndef POLICY_BASE_JSON_OUT_H
#define POLICY_BASE_JSON_OUT_H

#include "policy/base/sink.h"

#include <stdint.h>

struct json_out {
    struct sink *sink;
    struct buf text;
    unsigned depth;
    bool has_members; /* of the object or array that is open */
};

/* An all-zero writer with a sink is one that has written nothing. `name` is the member's in an
   object, NULL in an array and at the top. */
void json_out_open(struct json_out *out, const char *name, char bracket);        /* '{' or '[' */
void json_out_close(struct json_out *out, char bracket);                         /* '}' or ']' */
void json_out_text(struct json_out *out, const char *name, const char *text);    /* NULL: null */
void json_out_escaped(struct json_out *out, const char *name, const char *text); /* text_escape'd */
void json_out_bool(struct json_out *out, const char *name, bool truth);
void json_out_int(struct json_out *out, const char *name, int64_t number);
void json_out_null(struct json_out *out, const char *name);

/* A newline, and all that is left; frees the writer's memory. false: it could not be written. */
bool json_out_finish(struct json_out *out);

#endif

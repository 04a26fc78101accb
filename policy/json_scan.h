/*
 * JSON text → the pieces that are loaded one by one: each row of an export, and what stands around
 * the rows. Looks at strings, brackets and commas only; whether a piece is JSON says who loads it.
 *
 * An integer beyond 64 bits, which Jansson refuses, comes out as a text of its digits. Bounded by
 * the largest piece. No system calls. json_form calls it.
 */
#ifndef POLICY_JSON_SCAN_H
#define POLICY_JSON_SCAN_H

#include "policy/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum json_piece_kind {
    JSON_ROW,    /* an element of the array of rows */
    JSON_TOP,    /* the document is one object, which holds no rows */
    JSON_AROUND, /* members around the rows; these stand in it as "value":[] */
};

/* An object. Valid during the call only. */
struct json_piece {
    enum json_piece_kind kind;
    const char *text; /* UTF-8 */
    size_t len;
    unsigned line;
    const unsigned *lines; /* of its members and of their members, in the order written */
};

/* Returns false with the error filled to end the reading. */
typedef bool json_piece_take(void *arg, const struct json_piece *piece, struct error *err);

struct json_scan;

/* `where` names the document in messages; the line is added. */
struct json_scan *json_scan_open(json_piece_take *take, void *arg, const char *where);

/* UTF-8 in. Malformed, over a limit, or a piece that was not taken: false, ERROR_INPUT with
   document and line. After false only json_scan_close may follow. */
bool json_scan_feed(struct json_scan *scan, const char *text, size_t len, struct error *err);
bool json_scan_finish(struct json_scan *scan, struct error *err);
void json_scan_close(struct json_scan *scan); /* NULL is fine */

/* Fills `err` (ERROR_INPUT, BLAME_POLICY) with document and line; returns false. The second: with
   the line that was come to. */
bool json_refuse(const char *where, unsigned line, struct error *err, const char *code,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
bool json_scan_refuse(const struct json_scan *scan, struct error *err, const char *code,
                      const char *why);

#endif

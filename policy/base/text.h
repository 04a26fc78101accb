/*
 * Text from outside: comparing, checking, parsing, and making it safe to show.
 * ASCII only where case is concerned: ConfigMgr's identifiers and host names are ASCII.
 */
#ifndef POLICY_BASE_TEXT_H
#define POLICY_BASE_TEXT_H

#include "policy/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Compare without ASCII case. text_compare orders as strcasecmp in the C locale. */
int text_compare(const char *a, const char *b);

/* Most comparisons end at the first character: letters of two cases differ in one bit. */
static inline bool text_equal(const char *a, const char *b)
{
    return ((a[0] ^ b[0]) & ~0x20) == 0 && text_compare(a, b) == 0;
}

bool text_starts_with(const char *text, const char *prefix); /* with case */
bool text_ends_with(const char *text, const char *suffix);   /* without case */

bool text_is_utf8(const char *bytes, size_t len);
/* Nothing but the white space of XML and JSON? */
bool text_is_blank(const char *bytes, size_t len);

/* Whole-string decimal numbers within [min, max]; no sign but '-', no blanks. */
bool text_to_int(const char *text, int64_t min, int64_t max, int64_t *out);

/* true/TRUE/True/1/-1 and false/FALSE/False/0 (policy model: Document forms). */
bool text_to_bool(const char *text, bool *out);

/* Appends `text` made safe for a terminal or a log line: control characters, DEL, C1, bidi
   controls, line separators and invalid UTF-8 become \xNN or \u{NNNN}; more than `max` bytes of
   output end in "...". */
void text_escape(struct buf *out, const char *text, size_t len, size_t max);

/* Would it print as it is written? Control characters and what reorders text would not. */
bool text_is_plain(const char *text);

/* A content ID: 1 to 128 of A-Z a-z 0-9 _ - . { } without ".." (policy model: Names and secrets).
 */
bool text_is_content_id(const char *text);

/* A host name (RFC 1123 labels, also '_'), an IPv4 or an IPv6 address without brackets. */
bool text_is_host(const char *text);

/* Is it one machine's name? A NetBIOS name equals the first label; two names with dots are compared
   whole. */
bool text_same_host(const char *host, const char *name);

/* Why a manifest name is refused (policy model: Names and secrets), or NULL where it may stand.
   Clashes between names are the manifest's business, not looked at here. */
const char *text_refuse_file_name(const char *name, size_t len);

/* -1: it is none. */
int text_hex_digit(char c);

/* Decodes %XX in place, once; what is no such is left as it is. Returns the length, within which a
   NUL may stand. */
size_t text_decode_percent(char *text);

#endif

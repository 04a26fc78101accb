#include "policy/json_scan.h"

#include "policy/base/buf.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What stands for the rows in what is around them. */
#define NO_ROWS "[]"

/* No shorter integer is beyond 64 bits. */
#define LONG_INTEGER 19

enum state {
    STATE_START,  /* before the document's first character */
    STATE_OBJECT, /* within a piece */
    STATE_FIRST,  /* before the first row, if there is one */
    STATE_NEXT,   /* behind a row */
    STATE_MORE,   /* behind the comma */
    STATE_END,
};

struct json_scan {
    json_piece_take *take;
    void *arg;
    char *where;
    enum state state;
    unsigned line;
    bool around; /* the rows stand in an object */

    /* The piece that is being collected. */
    enum json_piece_kind kind;
    struct buf text;
    unsigned text_line;
    size_t depth;
    bool in_string, escaped, in_number;
    bool was_integer; /* the last token is an integer that became a text */
    char last;        /* the last character that is neither blank nor in a string */
    size_t string_at; /* in the text: the last string */
    size_t number_at;
    size_t values;
    size_t line_count, line_cap;
    unsigned *lines;
};

/* Errors */

bool json_refuse(const char *where, unsigned line, struct error *err, const char *code,
                 const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *place = mem_format("%s:%u", where, line);
    error_set(err, ERROR_INPUT, BLAME_POLICY, code, place, "%s", text);
    free(place);
    return false;
}

bool json_scan_refuse(const struct json_scan *scan, struct error *err, const char *code,
                      const char *why)
{
    return json_refuse(scan->where, scan->line, err, code, "%s", why);
}

static bool refuse_size(const struct json_scan *scan, struct error *err, const char *what,
                        long limit)
{
    return json_refuse(scan->where, scan->text_line, err, "JSON_LIMIT",
                       "has an object of more than %ld %s", limit, what);
}

/* Pieces */

static void begin_piece(struct json_scan *scan, enum json_piece_kind kind, const char *text)
{
    scan->state = STATE_OBJECT;
    scan->kind = kind;
    buf_clear(&scan->text);
    buf_append_text(&scan->text, text);
    scan->text_line = scan->line;
    scan->depth = 1;
    scan->in_string = scan->escaped = scan->in_number = scan->was_integer = false;
    scan->last = '{';
    scan->values = 0;
    scan->line_count = 0;
}

static bool hand_over(struct json_scan *scan, struct error *err)
{
    const struct json_piece piece = {
        .kind = scan->kind,
        .text = scan->text.data,
        .len = scan->text.len,
        .line = scan->text_line,
        .lines = scan->lines,
    };
    return scan->take(scan->arg, &piece, err);
}

/* Bytes that are being looked at. */
struct cursor {
    const char *bytes;
    size_t at, end;
    size_t kept; /* those before it stand in scan->text */
};

/* The length of the text once all before the cursor is kept. */
static size_t text_end(const struct json_scan *scan, const struct cursor *cursor)
{
    return scan->text.len + (cursor->at - cursor->kept);
}

static bool keep(struct json_scan *scan, struct cursor *cursor, struct error *err)
{
    if (text_end(scan, cursor) > (size_t)LIMIT_JSON_ROW_BYTES)
        return refuse_size(scan, err, "bytes", LIMIT_JSON_ROW_BYTES);
    buf_append(&scan->text, cursor->bytes + cursor->kept, cursor->at - cursor->kept);
    cursor->kept = cursor->at;
    return true;
}

/* Integers */

static bool is_number_character(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* As JSON writes them, and too large for int64_t. */
static bool is_beyond(const char *number)
{
    const char *digits = number + (*number == '-');
    int64_t value;
    return *digits != '0' && digits[strspn(digits, "0123456789")] == '\0' &&
           !text_to_int(number, INT64_MIN, INT64_MAX, &value);
}

static bool end_number(struct json_scan *scan, struct cursor *cursor, struct error *err)
{
    scan->in_number = false;
    scan->last = '0';
    if (text_end(scan, cursor) - scan->number_at < LONG_INTEGER)
        return true;
    if (!keep(scan, cursor, err))
        return false;
    size_t len = scan->text.len - scan->number_at;
    if (!is_beyond(scan->text.data + scan->number_at))
        return true;
    buf_append_text(&scan->text, "\"\"");
    char *number = scan->text.data + scan->number_at;
    memmove(number + 1, number, len);
    number[0] = number[len + 1] = '"';
    scan->was_integer = true;
    return true;
}

/* Within a piece */

static void pass_string(struct json_scan *scan, struct cursor *cursor)
{
    while (cursor->at < cursor->end) {
        char c = cursor->bytes[cursor->at++];
        if (scan->escaped) {
            scan->escaped = false;
        } else if (c == '\\') {
            scan->escaped = true;
        } else if (c == '"') {
            scan->in_string = false;
            scan->last = '"';
            return;
        }
    }
}

/* Is this '[' the array of rows: the member "value" of the document's one object? */
static bool is_at_rows(const struct json_scan *scan)
{
    static const char name[] = "\"value\"";
    return scan->kind == JSON_TOP && scan->depth == 1 && scan->last == ':' &&
           text_starts_with(scan->text.data + scan->string_at, name);
}

static bool open_bracket(struct json_scan *scan, struct cursor *cursor, char c, struct error *err)
{
    if (c == '[' && scan->kind == JSON_TOP && scan->depth == 1) {
        cursor->at--;
        if (!keep(scan, cursor, err))
            return false;
        cursor->at++;
        if (is_at_rows(scan)) {
            buf_append_text(&scan->text, NO_ROWS "}");
            scan->kind = JSON_AROUND;
            scan->around = true;
            scan->state = STATE_FIRST;
            return hand_over(scan, err);
        }
    }
    if (++scan->depth > LIMIT_JSON_DEPTH)
        return json_refuse(scan->where, scan->line, err, "JSON_LIMIT",
                           "is nested deeper than %d objects and arrays", LIMIT_JSON_DEPTH);
    return true;
}

static bool close_bracket(struct json_scan *scan, struct cursor *cursor, struct error *err)
{
    if (--scan->depth)
        return true;
    scan->state = scan->kind == JSON_ROW ? STATE_NEXT : STATE_END;
    return keep(scan, cursor, err) && hand_over(scan, err);
}

static bool count_value(struct json_scan *scan, struct error *err)
{
    return ++scan->values <= (size_t)LIMIT_JSON_VALUES ||
           refuse_size(scan, err, "values", LIMIT_JSON_VALUES);
}

static bool take_colon(struct json_scan *scan, struct error *err)
{
    if (scan->was_integer)
        return json_scan_refuse(scan, err, "JSON",
                                "is malformed JSON: a number stands for the name of a member");
    scan->lines = mem_grow(scan->lines, &scan->line_cap, scan->line_count + 1, sizeof *scan->lines);
    scan->lines[scan->line_count++] = scan->line;
    return count_value(scan, err);
}

/* The cursor stands behind it. */
static bool take_mark(struct json_scan *scan, struct cursor *cursor, char c, struct error *err)
{
    bool ok = true;
    switch (c) {
    case '"':
        scan->in_string = true;
        scan->string_at = text_end(scan, cursor) - 1;
        break;
    case '{':
    case '[': ok = open_bracket(scan, cursor, c, err); break;
    case '}':
    case ']': ok = close_bracket(scan, cursor, err); break;
    case ':': ok = take_colon(scan, err); break;
    case ',': ok = count_value(scan, err); break;
    default: break;
    }
    scan->last = c;
    scan->was_integer = false;
    return ok;
}

static bool scan_piece(struct json_scan *scan, struct cursor *cursor, struct error *err)
{
    bool ok = true;
    while (ok && scan->state == STATE_OBJECT && cursor->at < cursor->end) {
        if (scan->in_string) {
            pass_string(scan, cursor);
            continue;
        }
        char c = cursor->bytes[cursor->at];
        if (is_number_character(c)) {
            if (!scan->in_number)
                scan->number_at = text_end(scan, cursor);
            scan->in_number = true;
            cursor->at++;
            continue;
        }
        if (scan->in_number && !end_number(scan, cursor, err))
            return false;
        cursor->at++;
        scan->line += c == '\n';
        if (!text_is_blank(&c, 1))
            ok = take_mark(scan, cursor, c, err);
    }
    return ok && (scan->state != STATE_OBJECT || keep(scan, cursor, err));
}

/* Between pieces */

static bool refuse_between(struct json_scan *scan, char c, struct error *err)
{
    bool is_value = c == '[' || c == '"' || c == 't' || c == 'f' || c == 'n' || c == '-' ||
                    (c >= '0' && c <= '9');
    switch (scan->state) {
    case STATE_FIRST:
    case STATE_MORE:
        if (is_value)
            return json_scan_refuse(scan, err, "POLICY", "has a row that is no object");
        return json_scan_refuse(scan, err, "JSON", "is malformed JSON: a row is missing");
    case STATE_NEXT:
        return json_scan_refuse(scan, err, "JSON",
                                "is malformed JSON: neither ',' nor ']' stands behind a row");
    case STATE_START: return json_scan_refuse(scan, err, "JSON", "is neither an object nor rows");
    case STATE_OBJECT:
    case STATE_END: break;
    }
    return json_scan_refuse(scan, err, "JSON", "is malformed JSON: it goes on after its end");
}

/* Behind the array of rows its object goes on. */
static void end_rows(struct json_scan *scan)
{
    scan->state = STATE_END;
    if (scan->around)
        begin_piece(scan, JSON_AROUND, "{\"value\":" NO_ROWS);
}

static bool scan_between(struct json_scan *scan, char c, struct error *err)
{
    scan->line += c == '\n';
    if (text_is_blank(&c, 1))
        return true;
    bool may_begin = scan->state == STATE_FIRST || scan->state == STATE_MORE;
    if (c == '{' && may_begin)
        begin_piece(scan, JSON_ROW, "{");
    else if (c == ']' && (scan->state == STATE_FIRST || scan->state == STATE_NEXT))
        end_rows(scan);
    else if (c == ',' && scan->state == STATE_NEXT)
        scan->state = STATE_MORE;
    else if (c == '{' && scan->state == STATE_START)
        begin_piece(scan, JSON_TOP, "{");
    else if (c == '[' && scan->state == STATE_START)
        scan->state = STATE_FIRST;
    else
        return refuse_between(scan, c, err);
    return true;
}

/* Life */

struct json_scan *json_scan_open(json_piece_take *take, void *arg, const char *where)
{
    struct json_scan *scan = mem_zero(1, sizeof *scan);
    scan->take = take;
    scan->arg = arg;
    scan->where = mem_copy_string(where);
    scan->line = 1;
    return scan;
}

bool json_scan_feed(struct json_scan *scan, const char *text, size_t len, struct error *err)
{
    struct cursor cursor = {.bytes = text, .end = len};
    bool ok = true;
    while (ok && cursor.at < len) {
        if (scan->state == STATE_OBJECT) {
            cursor.kept = cursor.at;
            ok = scan_piece(scan, &cursor, err);
        } else {
            ok = scan_between(scan, cursor.bytes[cursor.at++], err);
        }
    }
    return ok;
}

bool json_scan_finish(struct json_scan *scan, struct error *err)
{
    if (scan->state == STATE_START)
        return json_scan_refuse(scan, err, "JSON", "is empty");
    return scan->state == STATE_END ||
           json_scan_refuse(scan, err, "JSON", "ends before its JSON is closed");
}

void json_scan_close(struct json_scan *scan)
{
    if (!scan)
        return;
    buf_free(&scan->text);
    free(scan->lines);
    free(scan->where);
    free(scan);
}

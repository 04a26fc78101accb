#include "policy/json_form.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/json_row.h"
#include "policy/json_scan.h"

#include <stdlib.h>
#include <string.h>

/* As much of the beginning as tells the encoding. */
#define HEAD 3

/* What the scanner gets at once of UTF-16. */
#define PIECE ((size_t)(16 * KIB))

enum encoding { ENCODING_UNKNOWN, ENCODING_UTF8, ENCODING_UTF16LE, ENCODING_UTF16BE };

struct json_form {
    struct intake *intake;
    char *where;
    struct json_scan *scan;
    char *class_name; /* of rows that do not name theirs, or NULL */
    size_t total;     /* bytes that came in */
    enum encoding encoding;
    size_t head_len;
    char head[HEAD];
    /* UTF-8: the bytes of a character that are still to come, and between what the next one is. */
    unsigned need;
    unsigned char low, high;
    /* UTF-16. */
    bool has_half;      /* the first byte of a unit has come */
    unsigned char half; /* it */
    unsigned surrogate; /* the first of a pair has come, or 0 */
};

/* Pieces */

static json_t *load(struct json_form *form, const struct json_piece *piece, struct error *err)
{
    json_error_t problem;
    json_t *object = json_loadb(piece->text, piece->len, JSON_REJECT_DUPLICATES, &problem);
    if (object)
        return object;
    if (json_error_code(&problem) == json_error_out_of_memory)
        mem_exhausted();
    unsigned below = problem.line > 0 ? (unsigned)problem.line - 1 : 0;
    json_refuse(form->where, piece->line + below, err, "JSON", "is malformed JSON: %s",
                problem.text);
    return NULL;
}

/* ".../AdminService/wmi/$metadata#SMS_Boundary" or "#SMS_Boundary(Value)": rows are of it. */
static void keep_context(struct json_form *form, json_t *around)
{
    const char *context = json_string_value(json_object_get(around, "@odata.context"));
    const char *name = context ? strrchr(context, '#') : NULL;
    size_t len = name ? strcspn(name + 1, "(/") : 0;
    if (!len)
        return;
    free(form->class_name);
    form->class_name = mem_copy_bytes(name + 1, len);
}

static bool read_row(struct json_form *form, const struct json_piece *piece, json_t *object,
                     struct error *err)
{
    const struct json_row row = {
        .object = object,
        .where = form->where,
        .class_name = form->class_name,
        .line = piece->line,
        .lines = piece->lines,
    };
    if (piece->kind == JSON_TOP && !form->class_name && !json_row_has_class(object))
        return json_refuse(form->where, piece->line, err, "POLICY_FORM",
                           "is not a policy document form that nearpoint reads: its JSON has "
                           "neither rows (\"value\": [...]) nor a class (__CLASS)");
    return json_row_read(form->intake, &row, err);
}

static bool take_piece(void *arg, const struct json_piece *piece, struct error *err)
{
    struct json_form *form = arg;
    json_t *object = load(form, piece, err);
    if (!object)
        return false;
    if (piece->kind != JSON_ROW)
        keep_context(form, object);
    bool ok = piece->kind == JSON_AROUND || read_row(form, piece, object, err);
    json_decref(object);
    return ok;
}

/* Encodings */

static bool refuse_encoding(struct json_form *form, struct error *err, const char *why)
{
    return json_scan_refuse(form->scan, err, "JSON_ENCODING", why);
}

/* *mark: the length of the byte order mark. */
static enum encoding detect_encoding(const struct json_form *form, size_t *mark)
{
    const unsigned char *b = (const unsigned char *)form->head;
    size_t len = form->head_len;
    *mark = 2;
    if (len >= 2 && b[0] == 0xFF && b[1] == 0xFE)
        return ENCODING_UTF16LE;
    if (len >= 2 && b[0] == 0xFE && b[1] == 0xFF)
        return ENCODING_UTF16BE;
    *mark = 3;
    if (len >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF)
        return ENCODING_UTF8;
    *mark = 0;
    return len >= 2 && b[0] && !b[1] ? ENCODING_UTF16LE : ENCODING_UTF8;
}

/* The first byte of a character of several: what may follow it (RFC 3629). */
static bool lead_utf8(struct json_form *form, unsigned char byte)
{
    form->low = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
    form->high = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
    form->need = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
    return byte >= 0xC2 && byte <= 0xF4;
}

static bool follow_utf8(struct json_form *form, unsigned char byte)
{
    bool ok = byte >= form->low && byte <= form->high;
    form->need--;
    form->low = 0x80;
    form->high = 0xBF;
    return ok;
}

static bool feed_utf8(struct json_form *form, const char *bytes, size_t len, struct error *err)
{
    size_t good = 0;
    bool ok = true;
    while (good < len && ok) {
        unsigned char byte = (unsigned char)bytes[good];
        if (form->need)
            ok = follow_utf8(form, byte);
        else if (byte >= 0x80)
            ok = lead_utf8(form, byte);
        good += ok;
    }
    return json_scan_feed(form->scan, bytes, good, err) &&
           (ok || refuse_encoding(form, err, "holds bytes that are not UTF-8"));
}

static size_t write_utf8(unsigned code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(leads[len] | code);
    return len;
}

/* One unit of UTF-16; *code is 0xFFFFFFFF where the character goes on. */
static bool take_unit(struct json_form *form, unsigned unit, unsigned *code)
{
    bool is_second = unit >= 0xDC00 && unit <= 0xDFFF;
    if (is_second != (form->surrogate != 0))
        return false;
    *code = unit;
    if (is_second)
        *code = 0x10000 + ((form->surrogate - 0xD800) << 10) + (unit - 0xDC00);
    form->surrogate = unit >= 0xD800 && unit <= 0xDBFF ? unit : 0;
    if (form->surrogate)
        *code = UINT32_MAX;
    return true;
}

static bool feed_utf16(struct json_form *form, const char *bytes, size_t len, struct error *err)
{
    char out[PIECE + 4];
    size_t out_len = 0;
    bool ok = true;
    for (size_t i = 0; i < len && ok; i++) {
        unsigned byte = (unsigned char)bytes[i], code;
        form->has_half = !form->has_half;
        if (form->has_half) {
            form->half = (unsigned char)byte;
            continue;
        }
        bool is_little = form->encoding == ENCODING_UTF16LE;
        unsigned unit = is_little ? byte << 8 | form->half : (unsigned)form->half << 8 | byte;
        ok = take_unit(form, unit, &code);
        if (ok && code != UINT32_MAX)
            out_len += write_utf8(code, out + out_len);
        if (out_len < PIECE)
            continue;
        if (!json_scan_feed(form->scan, out, out_len, err))
            return false;
        out_len = 0;
    }
    return json_scan_feed(form->scan, out, out_len, err) &&
           (ok || refuse_encoding(form, err, "holds half a surrogate pair"));
}

static bool feed(struct json_form *form, const char *bytes, size_t len, struct error *err)
{
    return form->encoding == ENCODING_UTF8 ? feed_utf8(form, bytes, len, err)
                                           : feed_utf16(form, bytes, len, err);
}

static bool start(struct json_form *form, struct error *err)
{
    size_t mark;
    form->encoding = detect_encoding(form, &mark);
    return feed(form, form->head + mark, form->head_len - mark, err);
}

/* Life */

struct json_form *json_form_open(struct intake *intake, const char *where)
{
    struct json_form *form = mem_zero(1, sizeof *form);
    form->intake = intake;
    form->where = mem_copy_string(where);
    form->scan = json_scan_open(take_piece, form, where);
    intake_export(intake);
    return form;
}

bool json_form_feed(struct json_form *form, const char *bytes, size_t len, struct error *err)
{
    if (len > (size_t)LIMIT_DOCUMENT_BYTES - form->total) {
        char why[64];
        snprintf(why, sizeof why, "is larger than %ld bytes", LIMIT_DOCUMENT_BYTES);
        return json_scan_refuse(form->scan, err, "JSON_LIMIT", why);
    }
    form->total += len;
    while (len && form->encoding == ENCODING_UNKNOWN) {
        form->head[form->head_len++] = *bytes++;
        len--;
        if (form->head_len == HEAD && !start(form, err))
            return false;
    }
    return len == 0 || feed(form, bytes, len, err);
}

bool json_form_finish(struct json_form *form, struct error *err)
{
    if (form->encoding == ENCODING_UNKNOWN && !start(form, err))
        return false;
    if (form->need || form->has_half || form->surrogate)
        return refuse_encoding(form, err, "ends within a character");
    return json_scan_finish(form->scan, err);
}

void json_form_close(struct json_form *form)
{
    if (!form)
        return;
    json_scan_close(form->scan);
    free(form->class_name);
    free(form->where);
    free(form);
}

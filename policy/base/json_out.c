#include "policy/base/json_out.h"

#include "policy/base/text.h"

#include <inttypes.h>
#include <string.h>

static void add_escaped(struct buf *out, const char *text, size_t len)
{
    static const char shorts[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    size_t done = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_append(out, text + done, i - done);
        const char *at = c ? strchr(shorts, c) : NULL;
        if (at)
            buf_format(out, "\\%c", letters[at - shorts]);
        else
            buf_format(out, "\\u%04X", c);
        done = i + 1;
    }
    buf_append(out, text + done, len - done);
}

static void add_string(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    buf_append_text(out, "\"");
    if (text_is_utf8(text, len)) {
        add_escaped(out, text, len);
    } else {
        struct buf shown = {0};
        text_escape(&shown, text, len, SIZE_MAX / 2);
        add_escaped(out, shown.data, shown.len);
        buf_free(&shown);
    }
    buf_append_text(out, "\"");
}

static void new_line(struct json_out *out)
{
    static const char blanks[] = "                                ";
    buf_append_text(&out->text, "\n");
    for (size_t left = 2 * (size_t)out->depth; left;) {
        size_t piece = left < sizeof blanks - 1 ? left : sizeof blanks - 1;
        buf_append(&out->text, blanks, piece);
        left -= piece;
    }
}

/* What stands before a value. */
static void begin(struct json_out *out, const char *name)
{
    sink_take(out->sink, &out->text);
    if (out->has_members)
        buf_append_text(&out->text, ",");
    if (out->depth)
        new_line(out);
    out->has_members = true;
    if (!name)
        return;
    add_string(&out->text, name);
    buf_append_text(&out->text, ": ");
}

void json_out_open(struct json_out *out, const char *name, char bracket)
{
    begin(out, name);
    buf_append(&out->text, &bracket, 1);
    out->depth++;
    out->has_members = false;
}

void json_out_close(struct json_out *out, char bracket)
{
    out->depth--;
    if (out->has_members)
        new_line(out);
    buf_append(&out->text, &bracket, 1);
    out->has_members = true;
}

void json_out_text(struct json_out *out, const char *name, const char *text)
{
    begin(out, name);
    if (text)
        add_string(&out->text, text);
    else
        buf_append_text(&out->text, "null");
}

void json_out_escaped(struct json_out *out, const char *name, const char *text)
{
    struct buf safe = {0};
    if (text)
        text_escape(&safe, text, strlen(text), SIZE_MAX / 2);
    json_out_text(out, name, text ? (safe.data ? safe.data : "") : NULL);
    buf_free(&safe);
}

void json_out_bool(struct json_out *out, const char *name, bool truth)
{
    begin(out, name);
    buf_append_text(&out->text, truth ? "true" : "false");
}

void json_out_int(struct json_out *out, const char *name, int64_t number)
{
    begin(out, name);
    buf_format(&out->text, "%" PRId64, number);
}

void json_out_null(struct json_out *out, const char *name)
{
    json_out_text(out, name, NULL);
}

bool json_out_finish(struct json_out *out)
{
    buf_append_text(&out->text, "\n");
    return sink_finish(out->sink, &out->text);
}

#include "policy/packed.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PIECE ((size_t)(16 * KIB))

struct packed {
    struct xml_reader *xml;
    struct intake *intake;
    struct xml_form *inner;
    size_t depth;
    z_stream stream;
    bool ended; /* the zlib stream is over */
    int half;   /* the first digit of a byte, or -1 */
    size_t in_len;
    unsigned char in[PIECE], out[PIECE];
};

static bool refuse(struct packed *packed, struct error *err, const char *why)
{
    return xml_refuse(packed->xml, err, "POLICY_XML", "%s", why);
}

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct packed *packed = arg;
    if (packed->depth++)
        return refuse(packed, err, "<PolicyXML> holds elements");
    const char *compression = xml_attribute(element, "Compression");
    const char *version = xml_attribute(element, "Version");
    if (!compression || !text_equal(compression, "zlib"))
        return refuse(packed, err, "<PolicyXML> is compressed by other means than zlib");
    if (version && strcmp(version, "1") != 0)
        return refuse(packed, err, "<PolicyXML> is of another version than 1");
    return true;
}

static bool inflate_all(struct packed *packed, struct error *err)
{
    packed->stream.next_in = packed->in;
    packed->stream.avail_in = (uInt)packed->in_len;
    packed->in_len = 0;
    do {
        packed->stream.next_out = packed->out;
        packed->stream.avail_out = (uInt)PIECE;
        int code = inflate(&packed->stream, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return refuse(packed, err, "<PolicyXML> holds no zlib stream");
        packed->ended = code == Z_STREAM_END;
        size_t len = PIECE - packed->stream.avail_out;
        if (len && !xml_form_feed(packed->inner, (const char *)packed->out, len, err))
            return false;
    } while (!packed->ended && packed->stream.avail_out == 0);
    return packed->stream.avail_in == 0 ||
           refuse(packed, err, "<PolicyXML> goes on after its zlib stream");
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_byte(struct packed *packed, int byte, struct error *err)
{
    packed->in[packed->in_len++] = (unsigned char)byte;
    return packed->in_len < PIECE || inflate_all(packed, err);
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    struct packed *packed = arg;
    for (size_t i = 0; i < len; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0 && text_is_blank(&text[i], 1))
            continue;
        if (digit < 0)
            return refuse(packed, err, "<PolicyXML> holds other than hexadecimal digits");
        int half = packed->half;
        packed->half = half < 0 ? digit : -1;
        if (half >= 0 && !take_byte(packed, half * 16 + digit, err))
            return false;
    }
    return true;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    (void)name;
    struct packed *packed = arg;
    packed->depth--;
    if (packed->half >= 0)
        return refuse(packed, err, "<PolicyXML> ends within a byte");
    if (packed->in_len && !inflate_all(packed, err))
        return false;
    if (!packed->ended)
        return refuse(packed, err, "<PolicyXML> ends within its zlib stream");
    return xml_form_finish(packed->inner, err);
}

static void *packed_open(struct intake *intake, struct xml_reader *reader, const char *where)
{
    struct packed *packed = mem_zero(1, sizeof *packed);
    packed->xml = reader;
    packed->intake = intake;
    packed->half = -1;
    packed->inner = xml_form_open(intake, where, true);
    if (inflateInit(&packed->stream) != Z_OK)
        mem_exhausted();
    return packed;
}

static void packed_close(void *form)
{
    struct packed *packed = form;
    inflateEnd(&packed->stream);
    xml_form_close(packed->inner);
    free(packed);
}

const struct xml_form_kind packed_kind = {
    .open = packed_open,
    .handlers = {on_start, on_end, on_text, .many_roots = false},
    .close = packed_close,
};

#include "policy/xml.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What libxml2 gets at once: what it holds back can pass a limit by no more than this. */
#define PIECE ((size_t)(16 * KIB))

/* As much of the beginning as tells the encoding; an XML declaration is shorter. */
#define HEAD 256

/* What stands around the document for libxml2, which takes one root only; nobody else sees it. */
#define AROUND "nearpoint"

struct xml_reader {
    const struct xml_handlers *handlers;
    void *arg;
    char *where;
    xmlParserCtxt *parser; /* NULL until the head is known */
    unsigned first_line;
    char head[HEAD];
    size_t head_len;
    bool wide; /* UTF-16 */
    bool big_endian;
    bool high;          /* the last character was the first half of a surrogate pair */
    unsigned char half; /* the first byte of a character whose second has not come */
    size_t total;       /* bytes that came in */
    size_t pushed;      /* bytes that are for libxml2, byte order mark and last NULs left out */
    size_t zeros;       /* NULs kept back: at the document's end they do not count */
    unsigned depth;     /* of the document's own elements */
    unsigned roots;
    bool inside; /* of what stands around it */
    bool closing;
    size_t text_bytes; /* since the last tag */
    char *values;      /* of one element's attributes */
    size_t values_cap;
    struct xml_attribute attributes[LIMIT_XML_ATTRIBUTES];
    bool failed;
    struct error *err; /* of the call that is running */
};

/* Errors */

static int line_of(const struct xml_reader *reader)
{
    const xmlParserInput *input = reader->parser ? reader->parser->input : NULL;
    return input ? input->line : (int)reader->first_line;
}

static bool refuse_args(const struct xml_reader *reader, struct error *err, int line,
                        const char *code, const char *format, va_list args)
{
    char text[sizeof err->text];
    vsnprintf(text, sizeof text, format, args);
    char *where = mem_format("%s:%d", reader->where, line);
    error_set(err, ERROR_INPUT, BLAME_POLICY, code, where, "%s", text);
    free(where);
    return false;
}

bool xml_refuse(const struct xml_reader *reader, struct error *err, const char *code,
                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    refuse_args(reader, err, line_of(reader), code, format, args);
    va_end(args);
    return false;
}

/* Ends the reading: the first refusal is the one that is told. */
static bool stop(struct xml_reader *reader, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool stop(struct xml_reader *reader, const char *code, const char *format, ...)
{
    if (!reader->failed) {
        va_list args;
        va_start(args, format);
        refuse_args(reader, reader->err, line_of(reader), code, format, args);
        va_end(args);
    }
    reader->failed = true;
    if (reader->parser)
        xmlStopParser(reader->parser);
    return false;
}

static void stop_unless(struct xml_reader *reader, bool ok)
{
    if (ok)
        return;
    reader->failed = true;
    xmlStopParser(reader->parser);
}

/* libxml2's messages end in a newline and may hold others. */
static void clean_line(char *text)
{
    size_t len = strlen(text);
    while (len && strchr(" \r\n\t", text[len - 1]))
        text[--len] = '\0';
    for (char *c = text; *c; c++)
        if (strchr("\r\n\t", *c))
            *c = ' ';
}

/* Within an element libxml2 knows no document type declaration. */
static bool at_doctype(const struct xml_reader *reader)
{
    static const char doctype[] = "<!DOCTYPE";
    const xmlParserInput *input = reader->parser->input;
    size_t len = sizeof doctype - 1;
    return input && (size_t)(input->end - input->cur) >= len &&
           memcmp(input->cur, doctype, len) == 0;
}

static void on_error(void *arg, xmlErrorPtr problem)
{
    struct xml_reader *reader = arg;
    if (reader->failed || problem->level < XML_ERR_ERROR)
        return;
    if (at_doctype(reader)) {
        stop(reader, "XML_DTD", "has a document type declaration, which is refused");
        return;
    }
    char *text = mem_copy_string(problem->message ? problem->message : "is malformed");
    clean_line(text);
    char *where = mem_format("%s:%d", reader->where, problem->line);
    error_set(reader->err, ERROR_INPUT, BLAME_POLICY, "XML", where, "%s", text);
    free(where);
    free(text);
    stop_unless(reader, false);
}

/* Events */

/* Without entity substitution libxml2 leaves every '&' of an attribute as "&#38;". */
static char *copy_value(char *to, const char *value, size_t len)
{
    static const char ampersand[] = "&#38;";
    const size_t skip = sizeof ampersand - 1;
    for (size_t i = 0; i < len;) {
        const char *at = memchr(value + i, '&', len - i);
        size_t plain = at ? (size_t)(at - value) - i : len - i;
        memcpy(to, value + i, plain);
        to += plain;
        i += plain;
        if (!at)
            break;
        *to++ = '&';
        i += len - i >= skip && memcmp(at, ampersand, skip) == 0 ? skip : 1;
    }
    *to++ = '\0';
    return to;
}

/* libxml2 gives five pointers an attribute: name, prefix, namespace, value, end of the value. */
static bool copy_attributes(struct xml_reader *reader, size_t count, const xmlChar **raw)
{
    size_t bytes = 0, markup = 0;
    for (size_t i = 0; i < count; i++) {
        size_t len = (size_t)(raw[5 * i + 4] - raw[5 * i + 3]);
        bytes += len + 1;
        markup += len + strlen((const char *)raw[5 * i]);
    }
    if (markup > LIMIT_XML_MARKUP_BYTES)
        return stop(reader, "XML_LIMIT", "has a start tag of more than %ld bytes",
                    LIMIT_XML_MARKUP_BYTES);
    reader->values = mem_grow(reader->values, &reader->values_cap, bytes + 1, 1);
    char *to = reader->values;
    for (size_t i = 0; i < count; i++) {
        const char *value = (const char *)raw[5 * i + 3];
        size_t len = (size_t)(raw[5 * i + 4] - raw[5 * i + 3]);
        reader->attributes[i] = (struct xml_attribute){(const char *)raw[5 * i], to};
        to = copy_value(to, value, len);
    }
    return true;
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int namespace_count, const xmlChar **namespaces, int count, int defaulted,
                     const xmlChar **attributes)
{
    (void)prefix, (void)namespaces, (void)defaulted;
    struct xml_reader *reader = arg;
    reader->text_bytes = 0;
    if (!reader->inside) {
        reader->inside = true;
        return;
    }
    if (reader->depth == 0 && reader->roots++ > 0 && !reader->handlers->many_roots) {
        stop(reader, "XML", "has more than one root element");
        return;
    }
    if (++reader->depth > LIMIT_XML_DEPTH) {
        stop(reader, "XML_LIMIT", "is nested deeper than %d elements", LIMIT_XML_DEPTH);
        return;
    }
    if (count + namespace_count > LIMIT_XML_ATTRIBUTES) {
        stop(reader, "XML_LIMIT", "has an element of more than %d attributes",
             LIMIT_XML_ATTRIBUTES);
        return;
    }
    if (!copy_attributes(reader, (size_t)count, attributes))
        return;
    struct xml_element element = {
        .name = (const char *)name,
        .uri = (const char *)uri,
        .count = (size_t)count,
        .attributes = reader->attributes,
        .line = (unsigned)line_of(reader),
    };
    stop_unless(reader, reader->handlers->start(reader->arg, &element, reader->err));
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    (void)prefix, (void)uri;
    struct xml_reader *reader = arg;
    if (reader->depth == 0) {
        if (!reader->closing)
            stop(reader, "XML", "closes an element that was not opened");
        return;
    }
    reader->depth--;
    reader->text_bytes = 0;
    stop_unless(reader, reader->handlers->end(reader->arg, (const char *)name, reader->err));
}

static void on_text(void *arg, const xmlChar *text, int len)
{
    struct xml_reader *reader = arg;
    if (reader->depth == 0) {
        if (!text_is_blank((const char *)text, (size_t)len))
            stop(reader, "XML", "has text outside of its root element");
        return;
    }
    if ((reader->text_bytes += (size_t)len) > (size_t)LIMIT_VALUE_BYTES) {
        stop(reader, "XML_LIMIT", "has a text of more than %ld bytes", LIMIT_VALUE_BYTES);
        return;
    }
    const char *bytes = (const char *)text;
    stop_unless(reader, reader->handlers->text(reader->arg, bytes, (size_t)len, reader->err));
}

static void on_comment(void *arg, const xmlChar *text)
{
    struct xml_reader *reader = arg;
    if (strlen((const char *)text) > (size_t)LIMIT_XML_MARKUP_BYTES)
        stop(reader, "XML_LIMIT", "has a comment of more than %ld bytes", LIMIT_XML_MARKUP_BYTES);
}

static void on_instruction(void *arg, const xmlChar *target, const xmlChar *text)
{
    (void)target;
    struct xml_reader *reader = arg;
    if (text && strlen((const char *)text) > (size_t)LIMIT_XML_MARKUP_BYTES)
        stop(reader, "XML_LIMIT", "has a processing instruction of more than %ld bytes",
             LIMIT_XML_MARKUP_BYTES);
}

/* Opening */

static xmlParserInput *load_nothing(const char *url, const char *id, xmlParserCtxt *parser)
{
    (void)url, (void)id, (void)parser;
    return NULL;
}

/* libxml2's only state for the whole process. */
static void prepare_library(void)
{
    xmlInitParser();
    xmlSetExternalEntityLoader(load_nothing);
}

struct xml_reader *xml_open(const struct xml_handlers *handlers, void *arg, const char *where)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_library);
    struct xml_reader *reader = mem_zero(1, sizeof *reader);
    reader->handlers = handlers;
    reader->arg = arg;
    reader->where = mem_copy_string(where);
    reader->first_line = 1;
    return reader;
}

void xml_begin_at(struct xml_reader *reader, unsigned line)
{
    reader->first_line = line;
}

void xml_close(struct xml_reader *reader)
{
    if (!reader)
        return;
    if (reader->parser)
        xmlFreeParserCtxt(reader->parser);
    free(reader->values);
    free(reader->where);
    free(reader);
}

/* Encoding */

static xmlCharEncoding detect_encoding(const struct xml_reader *reader, size_t *mark)
{
    const unsigned char *b = (const unsigned char *)reader->head;
    size_t len = reader->head_len;
    *mark = 2;
    if (len >= 2 && b[0] == 0xFF && b[1] == 0xFE)
        return XML_CHAR_ENCODING_UTF16LE;
    if (len >= 2 && b[0] == 0xFE && b[1] == 0xFF)
        return XML_CHAR_ENCODING_UTF16BE;
    *mark = 3;
    if (len >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF)
        return XML_CHAR_ENCODING_UTF8;
    *mark = 0;
    if (len >= 4 && b[0] && b[2] && b[1] == 0 && b[3] == 0)
        return XML_CHAR_ENCODING_UTF16LE;
    return XML_CHAR_ENCODING_UTF8;
}

/* The head as ASCII: of UTF-16 one byte in two. */
static void narrow_head(const struct xml_reader *reader, xmlCharEncoding encoding, size_t mark,
                        char out[HEAD + 1])
{
    size_t step = reader->wide ? 2 : 1, n = 0;
    size_t low = encoding == XML_CHAR_ENCODING_UTF16BE; /* where a character's ASCII byte is */
    for (size_t i = mark; i + step <= reader->head_len; i += step) {
        char c = reader->head[i + low];
        out[n++] = c ? c : '?';
    }
    out[n] = '\0';
}

/* Is the declaration's encoding absent or one of those the bytes are read as? The bytes decide
   which: .NET's string writers say utf-16 over UTF-8. */
static bool is_known_label(const char *head)
{
    static const char *const known[] = {"utf-8", "utf-16", "utf-16le", "utf-16be", "us-ascii"};
    const char *end = strstr(head, "?>");
    const char *at = text_starts_with(head, "<?xml") ? strstr(head, "encoding") : NULL;
    if (!at || (end && at > end))
        return true;
    at += strcspn(at, "\"'");
    if (!*at)
        return true;
    size_t len = strcspn(at + 1, "\"'");
    char *label = mem_copy_bytes(at + 1, len);
    bool is_known = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        is_known = is_known || text_equal(label, known[i]);
    free(label);
    return is_known;
}

/* A person who drops JSON or a web page's text here shall not read about "Start tag expected". */
static bool check_head(struct xml_reader *reader, const char *head)
{
    head += strspn(head, " \t\r\n");
    if (!*head && reader->head_len < HEAD)
        return stop(reader, "NOT_XML", "is empty");
    if (*head == '{' || *head == '[')
        return stop(reader, "NOT_XML", "is not XML but looks like JSON");
    if (*head && *head != '<')
        return stop(reader, "NOT_XML", "is not XML");
    if (!is_known_label(head))
        return stop(reader, "XML_ENCODING", "is in an encoding other than UTF-8 and UTF-16");
    return true;
}

static bool create_parser(struct xml_reader *reader, xmlCharEncoding encoding)
{
    xmlSAXHandler events = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .ignorableWhitespace = on_text,
        .cdataBlock = on_text,
        .comment = on_comment,
        .processingInstruction = on_instruction,
        .serror = on_error,
    };
    reader->parser = xmlCreatePushParserCtxt(&events, reader, NULL, 0, NULL);
    if (!reader->parser)
        return stop(reader, "XML", "cannot be read: out of memory");
    /* The encoding is known from the bytes: the declaration must not change it again. */
    xmlCtxtUseOptions(reader->parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    xmlSwitchEncoding(reader->parser, encoding);
    reader->parser->input->line = (int)reader->first_line;
    return true;
}

/* Feeding */

static bool in_cdata(const struct xml_reader *reader)
{
    return reader->parser->instate == XML_PARSER_CDATA_SECTION;
}

/* What libxml2 has got and not yet made an event of. */
static size_t held_back(const struct xml_reader *reader)
{
    const xmlParserInput *input = reader->parser->input;
    return input ? (size_t)(input->end - input->cur) : 0;
}

static bool push_piece(struct xml_reader *reader, const char *bytes, size_t len, bool last)
{
    xmlParseChunk(reader->parser, bytes, (int)len, last);
    if (reader->failed)
        return false;
    if (!reader->parser->wellFormed)
        return stop(reader, "XML", "is malformed");
    size_t held = held_back(reader);
    if (in_cdata(reader) && held > (size_t)LIMIT_XML_CDATA_BYTES)
        return stop(reader, "XML_LIMIT",
                    "has a CDATA section of more than %ld bytes: write it as escaped text",
                    LIMIT_XML_CDATA_BYTES);
    if (!in_cdata(reader) && held > (size_t)LIMIT_XML_MARKUP_BYTES)
        return stop(reader, "XML_LIMIT",
                    "has a tag, comment or processing instruction of more than %ld bytes",
                    LIMIT_XML_MARKUP_BYTES);
    return true;
}

/* Surrogates in pairs: libxml2 drops what follows a lone one, and calls the rest well-formed. */
static bool check_pairs(struct xml_reader *reader, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if ((reader->pushed + i) % 2 == 0) {
            reader->half = byte;
            continue;
        }
        unsigned char upper = reader->big_endian ? reader->half : byte;
        bool is_low = upper >= 0xDC && upper <= 0xDF;
        if (is_low != reader->high)
            return stop(reader, "XML", "holds half a surrogate pair");
        reader->high = upper >= 0xD8 && upper <= 0xDB;
    }
    return true;
}

static bool push(struct xml_reader *reader, const char *bytes, size_t len)
{
    if (reader->wide && !check_pairs(reader, bytes, len))
        return false;
    reader->pushed += len;
    while (len) {
        size_t piece = len < PIECE ? len : PIECE;
        if (!push_piece(reader, bytes, piece, false))
            return false;
        bytes += piece;
        len -= piece;
    }
    return true;
}

static bool push_zeros(struct xml_reader *reader, size_t count)
{
    static const char zeros[1024];
    while (count) {
        size_t piece = count < sizeof zeros ? count : sizeof zeros;
        if (!push(reader, zeros, piece))
            return false;
        count -= piece;
    }
    return true;
}

/* Keeps back the NULs at the end: they may be the document's end, or half of UTF-16 characters. */
static bool push_without_end(struct xml_reader *reader, const char *bytes, size_t len)
{
    size_t end = len;
    while (end && bytes[end - 1] == '\0')
        end--;
    if (end) {
        size_t zeros = reader->zeros;
        reader->zeros = 0;
        if (!push_zeros(reader, zeros) || !push(reader, bytes, end))
            return false;
    }
    reader->zeros += len - end;
    return true;
}

static bool push_ascii(struct xml_reader *reader, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char pair[] = {reader->big_endian ? '\0' : text[i],
                             reader->big_endian ? text[i] : '\0'};
        if (!push(reader, reader->wide ? pair : text + i, reader->wide ? 2 : 1))
            return false;
    }
    return true;
}

/* The declaration has told what it can tell: only its lines count. *len is its length. */
static bool pass_declaration(struct xml_reader *reader, const char *head, size_t *len)
{
    *len = 0;
    if (!text_starts_with(head, "<?xml") || !head[5] || !strchr(" \t\r\n", head[5]))
        return true;
    const char *end = strstr(head, "?>");
    if (!end)
        return stop(reader, "XML", "has an XML declaration that does not end");
    *len = (size_t)(end + 2 - head);
    for (const char *c = head; c < end; c++)
        if (*c == '\n' && !push_ascii(reader, c, 1))
            return false;
    return true;
}

static bool start(struct xml_reader *reader)
{
    size_t mark, declaration;
    char head[HEAD + 1];
    xmlCharEncoding encoding = detect_encoding(reader, &mark);
    reader->wide = encoding != XML_CHAR_ENCODING_UTF8;
    reader->big_endian = encoding == XML_CHAR_ENCODING_UTF16BE;
    narrow_head(reader, encoding, mark, head);
    if (!check_head(reader, head) || !create_parser(reader, encoding) ||
        !push_ascii(reader, "<" AROUND ">", strlen("<" AROUND ">")) ||
        !pass_declaration(reader, head, &declaration))
        return false;
    mark += declaration * (reader->wide ? 2 : 1);
    return push_without_end(reader, reader->head + mark, reader->head_len - mark);
}

bool xml_feed(struct xml_reader *reader, const char *bytes, size_t len, struct error *err)
{
    reader->err = err;
    if (len > (size_t)LIMIT_DOCUMENT_BYTES - reader->total)
        return stop(reader, "XML_LIMIT", "is larger than %ld bytes", LIMIT_DOCUMENT_BYTES);
    reader->total += len;
    if (!reader->parser) {
        size_t room = HEAD - reader->head_len;
        size_t used = len < room ? len : room;
        memcpy(reader->head + reader->head_len, bytes, used);
        reader->head_len += used;
        bytes += used;
        len -= used;
        if (reader->head_len < HEAD)
            return true;
        if (!start(reader))
            return false;
    }
    return push_without_end(reader, bytes, len);
}

bool xml_finish(struct xml_reader *reader, struct error *err)
{
    reader->err = err;
    if (!reader->parser && !start(reader))
        return false;
    bool is_half = reader->wide && reader->pushed % 2 != 0;
    if (is_half && reader->zeros == 0 && !reader->failed)
        return stop(reader, "XML", "ends within a character");
    /* The last byte of the last UTF-16LE character is a NUL that counts. */
    if (is_half && !push_zeros(reader, 1))
        return false;
    if (reader->failed)
        return false;
    if (reader->depth)
        return stop(reader, "XML", "ends before its elements are closed");
    reader->closing = true;
    if (!push_ascii(reader, "</" AROUND ">", strlen("</" AROUND ">")) ||
        !push_piece(reader, NULL, 0, true))
        return false;
    return reader->roots || stop(reader, "NOT_XML", "is empty");
}

const char *xml_attribute(const struct xml_element *element, const char *name)
{
    for (size_t i = 0; i < element->count; i++)
        if (strcmp(element->attributes[i].name, name) == 0)
            return element->attributes[i].value;
    return NULL;
}

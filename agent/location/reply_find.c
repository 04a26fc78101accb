#include "agent/location/reply_find.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define OPENING "<ContentLocationReply"
#define CLOSING "</ContentLocationReply"

#define LOG_ENTRY "<![LOG[" /* the beginning; nothing in its message is escaped */

/* A file as characters, of which only ASCII is told apart. */
struct finder {
    const char *bytes;
    size_t count; /* characters */
    size_t step;  /* bytes of one */
    size_t low;   /* where its ASCII byte is */
    size_t counted;
    unsigned line; /* of the character `counted` */
    size_t cap;
};

static char at(const struct finder *finder, size_t i)
{
    const char *c = finder->bytes + i * finder->step;
    return finder->step == 1 || !c[1 - finder->low] ? c[finder->low] : '\0';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(const struct finder *finder, size_t i, const char *word)
{
    for (; *word; word++, i++)
        if (i >= finder->count || at(finder, i) != *word)
            return false;
    return true;
}

/* Does a tag of a reply begin here? */
static bool is_tag(const struct finder *finder, size_t i, const char *begin)
{
    size_t next = i + strlen(begin);
    if (!is_word(finder, i, begin) || next >= finder->count)
        return false;
    char c = at(finder, next);
    return c == '>' || c == '/' || is_blank(c);
}

static unsigned line_of(struct finder *finder, size_t i)
{
    for (; finder->counted < i; finder->counted++)
        if (at(finder, finder->counted) == '\n')
            finder->line++;
    return finder->line;
}

/* Encoding: the head decides, as in policy/xml. Returns the byte order mark's length. */
static size_t open_file(struct finder *finder, struct reply_spans *spans, const char *bytes,
                        size_t len)
{
    size_t mark = 2;
    spans->mark = "";
    *finder = (struct finder){.step = 2, .line = 1};
    if (len >= 2 && memcmp(bytes, "\xFF\xFE", 2) == 0) {
        spans->mark = "\xFF\xFE";
    } else if (len >= 2 && memcmp(bytes, "\xFE\xFF", 2) == 0) {
        spans->mark = "\xFE\xFF";
        finder->low = 1;
    } else if (len >= 4 && bytes[0] && bytes[2] && !bytes[1] && !bytes[3]) {
        spans->mark = "\xFF\xFE";
        mark = 0;
    } else {
        mark = len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        finder->step = 1;
    }
    finder->bytes = bytes + mark;
    finder->count = (len - mark) / finder->step;
    return mark;
}

/* Past the '>' of the tag that begins at i; 0 where it does not end. No attribute holds a '<'. */
static size_t end_of_tag(const struct finder *finder, size_t i)
{
    char quote = '\0';
    for (i++; i < finder->count; i++) {
        char c = at(finder, i);
        if (c == '<')
            return 0;
        if (quote ? c == quote : c == '"' || c == '\'')
            quote = quote ? '\0' : c;
        else if (!quote && c == '>')
            return i + 1;
    }
    return 0;
}

/* Past the reply that begins at i, or 0 where it does not end. */
static size_t end_of_reply(const struct finder *finder, size_t i)
{
    size_t end = end_of_tag(finder, i);
    if (!end || at(finder, end - 2) == '/')
        return end;
    for (; end < finder->count; end++) {
        if (at(finder, end) != '<')
            continue;
        if (is_tag(finder, end, CLOSING))
            return end_of_tag(finder, end);
        if (is_tag(finder, end, OPENING))
            return 0;
    }
    return 0;
}

static void add_span(struct finder *finder, struct reply_spans *spans, size_t start, size_t end)
{
    spans->spans = mem_grow(spans->spans, &finder->cap, spans->count + 1, sizeof *spans->spans);
    spans->spans[spans->count++] = (struct reply_span){
        start * finder->step, (end - start) * finder->step, line_of(finder, start)};
}

static bool refuse(struct finder *finder, size_t i, const char *where, struct error *err,
                   const char *code, const char *text)
{
    char *place = mem_format("%s:%u", where, line_of(finder, i));
    error_set(err, ERROR_INPUT, BLAME_DATA, code, place, "%s", text);
    free(place);
    return false;
}

/* In a log a document type declaration is part of somebody's message. */
static bool is_document(const struct finder *finder)
{
    size_t i = 0;
    while (i < finder->count && is_blank(at(finder, i)))
        i++;
    return i < finder->count && at(finder, i) == '<' && !is_word(finder, i, LOG_ENTRY);
}

static bool find_all(struct finder *finder, struct reply_spans *spans, const char *where,
                     struct error *err)
{
    bool is_xml = is_document(finder);
    for (size_t i = 0; i < finder->count; i++) {
        if (at(finder, i) != '<')
            continue;
        if (is_xml && is_word(finder, i, "<!DOCTYPE"))
            return refuse(finder, i, where, err, "XML_DTD",
                          "has a document type declaration, which is refused");
        if (!is_tag(finder, i, OPENING))
            continue;
        size_t end = end_of_reply(finder, i);
        if (!end) {
            spans->cut_line = line_of(finder, i);
            continue;
        }
        if (spans->count == LIMIT_REPLIES)
            return refuse(finder, i, where, err, "REPLY_LIMIT", "has more replies than are read");
        add_span(finder, spans, i, end);
    }
    return true;
}

bool reply_find(struct reply_spans *spans, const char *bytes, size_t len, const char *where,
                struct error *err)
{
    *spans = (struct reply_spans){.mark = ""};
    if (len > (size_t)LIMIT_REPLY_BYTES)
        return error_set(err, ERROR_INPUT, BLAME_DATA, "REPLY_LIMIT", where,
                         "is larger than %ld bytes", LIMIT_REPLY_BYTES);
    struct finder finder;
    size_t mark = open_file(&finder, spans, bytes, len);
    bool ok = find_all(&finder, spans, where, err);
    for (size_t i = 0; i < spans->count; i++)
        spans->spans[i].start += mark;
    if (!ok) {
        free(spans->spans);
        *spans = (struct reply_spans){.mark = ""};
    }
    return ok;
}

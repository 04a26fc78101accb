/* The guarded way into libxml2: what comes out, and what is refused before it costs anything. */
#include "policy/xml.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct events {
    struct buf log; /* "<name a=b|text>" written as it comes; NULL data: not kept */
    bool keep;
    size_t starts, text_bytes;
    unsigned last_line;
};

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    (void)err;
    struct events *events = arg;
    events->starts++;
    events->last_line = element->line;
    if (!events->keep)
        return true;
    buf_format(&events->log, "<%s", element->name);
    for (size_t i = 0; i < element->count; i++)
        buf_format(&events->log, " %s=[%s]", element->attributes[i].name,
                   element->attributes[i].value);
    buf_append_text(&events->log, ">");
    return true;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    (void)err;
    struct events *events = arg;
    if (events->keep)
        buf_format(&events->log, "</%s>", name);
    return true;
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    (void)err;
    struct events *events = arg;
    events->text_bytes += len;
    if (events->keep)
        buf_append(&events->log, text, len);
    return true;
}

static const struct xml_handlers handlers = {on_start, on_end, on_text, .many_roots = false};

/* Reads all of it in pieces of that many bytes. */
static bool read_pieces(struct events *events, const char *bytes, size_t len, size_t piece,
                        struct error *err)
{
    *err = (struct error){0};
    struct xml_reader *reader = xml_open(&handlers, events, "doc.xml");
    bool ok = true;
    for (size_t at = 0; ok && at < len; at += piece)
        ok = xml_feed(reader, bytes + at, len - at < piece ? len - at : piece, err);
    ok = ok && xml_finish(reader, err);
    xml_close(reader);
    return ok;
}

static void assert_events_of(const char *bytes, size_t len, const char *want)
{
    static const size_t pieces[] = {1, 3, 7, 1 << 20};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct events events = {.keep = true};
        struct error err;
        if (!read_pieces(&events, bytes, len, pieces[i], &err))
            fail_msg("%s: %s", err.where, err.text);
        assert_string_equal(events.log.data, want);
        buf_free(&events.log);
    }
}

static void assert_events(const char *text, const char *want)
{
    assert_events_of(text, strlen(text), want);
}

static void assert_refused_of(const char *bytes, size_t len, const char *where, const char *words)
{
    struct events events = {0};
    struct error err;
    assert_false(read_pieces(&events, bytes, len, 1 << 16, &err));
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_int_equal(err.blame, BLAME_POLICY);
    assert_string_equal(err.where, where);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
    assert_null(strpbrk(err.text, "\r\n"));
}

static void assert_refused(const char *text, const char *where, const char *words)
{
    assert_refused_of(text, strlen(text), where, words);
}

/* UTF-16 of ASCII text; `big` endian. */
static size_t widen(char *out, const char *text, bool mark, bool big)
{
    size_t n = 0;
    if (mark) {
        out[n++] = big ? '\xFE' : '\xFF';
        out[n++] = big ? '\xFF' : '\xFE';
    }
    for (; *text; text++) {
        if (big)
            out[n++] = '\0';
        out[n++] = *text;
        if (!big)
            out[n++] = '\0';
    }
    return n;
}

static void test_events(void **state)
{
    (void)state;
    assert_events("<a x=\"1\" y=''><b/>t&lt;&#65;<![CDATA[<c>]]></a>",
                  "<a x=[1] y=[]><b></b>t<A<c></a>");
    assert_events("<?xml version=\"1.0\"?>\r\n<!-- c --><a><?p i?><!-- c -->x</a>\n", "<a>x</a>");
    assert_events("<p:a xmlns:p=\"urn:x\" p:b=\"c\"/>", "<a b=[c]></a>");
}

static void test_entities_of_attributes_are_resolved_once(void **state)
{
    (void)state;
    assert_events("<a x=\"&amp;lt;&lt;&amp;#38;&#38;&quot;&#x20AC;\"/>",
                  "<a x=[&lt;<&#38;&\"\xE2\x82\xAC]></a>");
}

static void test_escape_is_read_back(void **state)
{
    (void)state;
    static const char odd[] = "<&>\"'\t\n\r]]>&amp;\xC3\xA9";
    struct buf text = {0};
    buf_append_text(&text, "<a x=\"");
    xml_escape(&text, odd, strlen(odd));
    buf_append_text(&text, "\"/>");
    struct buf want = {0};
    buf_format(&want, "<a x=[%s]></a>", odd);
    assert_events(text.data, want.data);
    buf_free(&text);
    buf_free(&want);
}

static void test_encodings(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<a>x</a>",
        "<?xml version=\"1.0\"?><a>x</a>",
        "<?xml version=\"1.0\" encoding=\"utf-16\"?><a>x</a>",
        "<?xml version=\"1.0\" encoding='UTF-8'?><a>x</a>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char wide[256];
        assert_events(texts[i], "<a>x</a>");
        assert_events_of(wide, widen(wide, texts[i], true, false), "<a>x</a>");
        assert_events_of(wide, widen(wide, texts[i], true, true), "<a>x</a>");
        assert_events_of(wide, widen(wide, texts[i], false, false), "<a>x</a>");
        char marked[256] = "\xEF\xBB\xBF";
        memcpy(marked + 3, texts[i], strlen(texts[i]) + 1);
        assert_events(marked, "<a>x</a>");
    }
}

static void test_characters_beyond_ascii_in_both_encodings(void **state)
{
    (void)state;
    /* é, euro, an emoji (a surrogate pair), and U+0100, whose last byte is NUL in UTF-16. */
    static const char wide[] = "\xFF\xFE<\0a\0>\0\xE9\0\xAC\x20\x3D\xD8\x00\xDE\x00\x01<\0/\0a\0>";
    assert_events_of(wide, sizeof wide, "<a>\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xC4\x80</a>");
    assert_events("<a>\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80</a>",
                  "<a>\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80</a>");
}

static void test_nuls_at_the_end(void **state)
{
    (void)state;
    assert_events_of("<a>x</a>\0\0\0", 11, "<a>x</a>");
    char wide[64] = {0};
    size_t len = widen(wide, "<a>x</a>", true, false);
    assert_events_of(wide, len + 2, "<a>x</a>");
    assert_refused_of("<a>\0</a>", 8, "doc.xml:1", "");
    assert_refused_of("\0\0\0\0\0\0", 6, "doc.xml:1", "is not XML");
}

/* The declaration's end may be half a character of UTF-16 where the document is cut. */
static void test_cut_within_the_declaration(void **state)
{
    (void)state;
    static const char text[] = "<?xml version=\"1.0\"?>";
    char wide[2 + 2 * sizeof text] = "\xFF\xFE";
    for (size_t i = 0; i < sizeof text - 1; i++)
        wide[2 + 2 * i] = text[i];
    for (size_t len = 2; len <= 2 + 2 * (sizeof text - 1); len++) {
        char *exact = mem_copy_bytes(wide, len);
        char *cut = mem_resize(exact, len, 1);
        struct error err = {0};
        struct xml_reader *reader = xml_open(&handlers, NULL, "doc.xml");
        bool ok = xml_feed(reader, cut, len, &err) && xml_finish(reader, &err);
        assert_false(ok);
        xml_close(reader);
        free(cut);
    }
}

static void test_wrong_encodings(void **state)
{
    (void)state;
    assert_refused("<?xml version=\"1.0\" encoding=\"UTF-7\"?><a/>", "doc.xml:1",
                   "other than UTF-8 and UTF-16");
    assert_refused("<?xml version='1.0' encoding='windows-1252'?><a/>", "doc.xml:1",
                   "other than UTF-8 and UTF-16");
    assert_refused("<a>\n\xE9t\xE9</a>", "doc.xml:2", "not proper UTF-8");
    assert_refused("<a>\xC0\xBC</a>", "doc.xml:1", "");
    assert_refused_of("\xFF\xFE<\0a\0/\0>\0\x41", 11, "doc.xml:1", "");
    assert_refused_of("\xFF\xFE<\0a\0/\0>\0\n", 11, "doc.xml:1", "");
    char wide[64];
    size_t len = widen(wide, "<a>xyz</a>", true, true);
    assert_refused_of(wide, len - 1, "doc.xml:1", "");
}

static void test_what_is_no_xml(void **state)
{
    (void)state;
    assert_refused("", "doc.xml:1", "is empty");
    assert_refused(" \r\n", "doc.xml:1", "is empty");
    assert_refused("{\"value\": []}", "doc.xml:1", "looks like JSON");
    assert_refused("PK\003\004 and more", "doc.xml:1", "is not XML");
    assert_refused("<a>\n<b>\n</a>", "doc.xml:3", "mismatch");
    assert_refused("<a/>\n<b/>", "doc.xml:2", "more than one root");
}

static void test_truncated_at_every_byte(void **state)
{
    (void)state;
    static const char text[] = "<?xml version=\"1.0\"?><!-- c --><a b=\"&amp;\">t<![CDATA[d]]>"
                               "<c>\xC3\xA9</c></a>";
    char wide[256];
    size_t wide_len = widen(wide, text, true, false);
    for (size_t len = 0; len < strlen(text); len++) {
        struct events events = {0};
        struct error err;
        assert_false(read_pieces(&events, text, len, 5, &err));
        assert_true(err.text[0] && err.where[0]);
    }
    /* The last byte of UTF-16LE is a NUL of the last '>' and may be missing. */
    for (size_t len = 0; len < wide_len - 1; len++) {
        struct events events = {0};
        struct error err;
        assert_false(read_pieces(&events, wide, len, 5, &err));
    }
}

static void test_any_document_type_is_refused(void **state)
{
    (void)state;
    assert_refused("<!DOCTYPE a><a/>", "doc.xml:1", "document type declaration");
    assert_refused("<!DOCTYPE a SYSTEM \"http://127.0.0.1:9/x.dtd\"><a/>", "doc.xml:1",
                   "document type declaration");
    assert_refused("<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY a \"x\"><!ENTITY b "
                   "\"&a;&a;&a;&a;\">]>\n<a>&b;</a>",
                   "doc.xml:2", "document type declaration");
    assert_refused("<a>&undeclared;</a>", "doc.xml:1", "undeclared");
}

/* A FIFO that nobody writes: opening it for reading would never return. */
static void test_external_entities_open_nothing(void **state)
{
    (void)state;
    char folder[] = "/tmp/nearpoint-xml-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *fifo = mem_format("%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    struct buf text = {0};
    buf_format(&text, "<!DOCTYPE a [<!ENTITY x SYSTEM \"file://%s\">]><a>&x;</a>", fifo);
    alarm(10);
    assert_refused(text.data, "doc.xml:1", "document type declaration");
    buf_clear(&text);
    buf_format(&text, "<!DOCTYPE a SYSTEM \"%s\"><a>&x;</a>", fifo);
    assert_refused(text.data, "doc.xml:1", "document type declaration");
    buf_clear(&text);
    buf_format(&text,
               "<a xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include href=\"%s\"/></a>",
               fifo);
    struct events events = {0};
    struct error err;
    assert_true(read_pieces(&events, text.data, text.len, 64, &err));
    alarm(0);
    buf_free(&text);
    unlink(fifo);
    free(fifo);
    rmdir(folder);
}

static void test_depth(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < LIMIT_XML_DEPTH; i++)
        buf_append_text(&text, "<a>");
    struct buf deeper = {0};
    buf_append(&deeper, text.data, text.len);
    buf_append_text(&deeper, "<a>");
    for (int i = 0; i < LIMIT_XML_DEPTH; i++)
        buf_append_text(&text, "</a>");
    struct events events = {0};
    struct error err;
    assert_true(read_pieces(&events, text.data, text.len, 4096, &err));
    assert_refused(deeper.data, "doc.xml:1", "nested deeper than 64");
    buf_free(&text);
    buf_free(&deeper);
}

static void add_attributes(struct buf *text, size_t count)
{
    buf_append_text(text, "<a");
    for (size_t i = 0; i < count; i++)
        buf_format(text, " a%zu=\"\"", i);
    buf_append_text(text, "/>");
}

static void test_attributes(void **state)
{
    (void)state;
    struct buf text = {0};
    add_attributes(&text, LIMIT_XML_ATTRIBUTES);
    struct events events = {0};
    struct error err;
    assert_true(read_pieces(&events, text.data, text.len, 4096, &err));
    buf_clear(&text);
    add_attributes(&text, LIMIT_XML_ATTRIBUTES + 1);
    assert_refused(text.data, "doc.xml:1", "more than 256 attributes");
    buf_free(&text);
    assert_refused("<a b=\"1\" b=\"2\"/>", "doc.xml:1", "redefined");
}

static double seconds_used(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_a_million_attributes_cost_nothing(void **state)
{
    (void)state;
    struct buf text = {0};
    add_attributes(&text, 1000000);
    double before = seconds_used();
    assert_refused(text.data, "doc.xml:1", "more than 65536 bytes");
    assert_true(seconds_used() - before < 1.0);
    buf_free(&text);
}

/* Feeds `head`, then up to 100 MB of `fill`. Returns how many bytes went in before the refusal. */
static size_t flood(const char *head, char fill, size_t limit, struct error *err)
{
    struct events events = {0};
    *err = (struct error){0};
    struct xml_reader *reader = xml_open(&handlers, &events, "doc.xml");
    char piece[4096];
    memset(piece, fill, sizeof piece);
    size_t fed = 0;
    bool ok = xml_feed(reader, head, strlen(head), err);
    while (ok && fed < limit) {
        ok = xml_feed(reader, piece, sizeof piece, err);
        fed += sizeof piece;
    }
    xml_close(reader);
    return fed;
}

static void test_floods_are_refused_early(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "<a><!--", "<a><?p ", "<a b=\"", "<", "<a><", "<a>&", "<a></", "<a/><!--", "<?p ", "<!--",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct error err;
        size_t fed = flood(heads[i], 'x', 100 * 1000 * 1000, &err);
        if (fed > 128 * KIB || !err.text[0])
            fail_msg("'%s' was fed %zu bytes", heads[i], fed);
    }
}

static void test_comment_and_instruction_limits(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        size_t len = (size_t)LIMIT_XML_MARKUP_BYTES + (size_t)more - 100 * (1 - more);
        char *fill = mem_zero(len + 1, 1);
        memset(fill, 'x', len);
        const char *const forms[] = {"<a><!--%s--></a>", "<a><?p %s?></a>", "<a b=\"%s\"/>"};
        for (size_t i = 0; i < 3; i++) {
            char *text = mem_format("%.*s%s%s", (int)(strchr(forms[i], '%') - forms[i]), forms[i],
                                    fill, strchr(forms[i], '%') + 2);
            struct events events = {0};
            struct error err;
            assert_int_equal(read_pieces(&events, text, strlen(text), 1 << 20, &err), !more);
            free(text);
        }
        free(fill);
    }
}

static void test_long_text_streams(void **state)
{
    (void)state;
    struct error err;
    flood("<a>", 'x', 8 * MIB, &err);
    assert_string_equal(err.text, "");
    size_t fed = flood("<a>", 'x', 100 * MIB, &err);
    assert_true(fed <= (size_t)LIMIT_VALUE_BYTES + MIB);
    assert_non_null(strstr(err.text, "a text of more than 67108864 bytes"));
}

static bool read_cdata(size_t len, struct events *events, struct error *err)
{
    struct buf text = {0};
    buf_append_text(&text, "<a><![CDATA[");
    char *fill = mem_zero(len, 1);
    memset(fill, 'x', len);
    buf_append(&text, fill, len);
    buf_append_text(&text, "]]><b/>y</a>");
    bool ok = read_pieces(events, text.data, text.len, 4096, err);
    free(fill);
    buf_free(&text);
    return ok;
}

static void test_cdata_to_its_limit_in_linear_time(void **state)
{
    (void)state;
    struct events events = {0};
    struct error err;
    double before = seconds_used();
    assert_true(read_cdata((size_t)(9 * 1000 * 1000), &events, &err));
    assert_int_equal(events.text_bytes, 9 * 1000 * 1000 + 1);
    assert_int_equal(events.starts, 2);
    assert_true(seconds_used() - before < 1.0);
    assert_false(read_cdata((size_t)(20 * MIB), &events, &err));
    assert_non_null(strstr(err.text, "CDATA section of more than"));
}

static void test_document_size(void **state)
{
    (void)state;
    struct events events = {0};
    struct error err = {0};
    struct xml_reader *reader = xml_open(&handlers, &events, "doc.xml");
    char *piece = mem_zero(1 << 20, 1);
    memset(piece, ' ', 1 << 20);
    assert_true(xml_feed(reader, "<a/>", 4, &err));
    bool ok = true;
    size_t fed = 4;
    while (ok && fed <= (size_t)LIMIT_DOCUMENT_BYTES &&
           (ok = xml_feed(reader, piece, 1 << 20, &err)))
        fed += 1 << 20;
    assert_true(fed <= (size_t)LIMIT_DOCUMENT_BYTES);
    assert_non_null(strstr(err.text, "is larger than 268435456 bytes"));
    free(piece);
    xml_close(reader);
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* Runs last: what came before has its memory in the peak already. */
static void test_memory_does_not_grow_with_the_document(void **state)
{
    (void)state;
    struct events events = {0};
    struct error err = {0};
    struct xml_reader *reader = xml_open(&handlers, &events, "doc.xml");
    static const char row[] = "<b c=\"d\"><![CDATA[e]]>&lt;f</b>\n";
    assert_true(xml_feed(reader, "<a>", 3, &err));
    long before = peak_kib();
    for (int i = 0; i < 500000; i++)
        assert_true(xml_feed(reader, row, sizeof row - 1, &err));
    assert_true(xml_feed(reader, "</a>", 4, &err));
    assert_true(xml_finish(reader, &err));
    assert_int_equal(events.starts, 500001);
    assert_true(peak_kib() - before < 4 * 1024);
    xml_close(reader);
}

static bool refuse_b(void *arg, const struct xml_element *element, struct error *err)
{
    struct xml_reader **reader = arg;
    if (strcmp(element->name, "b") == 0)
        return xml_refuse(*reader, err, "B", "has a <%s>", element->name);
    return true;
}

static bool take_end(void *arg, const char *name, struct error *err)
{
    (void)arg, (void)name, (void)err;
    return true;
}

static bool take_text(void *arg, const char *text, size_t len, struct error *err)
{
    (void)arg, (void)text, (void)len, (void)err;
    return true;
}

static void test_a_handler_ends_the_reading(void **state)
{
    (void)state;
    static const struct xml_handlers refusing = {refuse_b, take_end, take_text,
                                                 .many_roots = false};
    struct error err = {0};
    struct xml_reader *reader = NULL;
    reader = xml_open(&refusing, &reader, "doc.xml");
    static const char text[] = "<a>\n<b/><c></a>";
    bool ok = xml_feed(reader, text, sizeof text - 1, &err) && xml_finish(reader, &err);
    assert_false(ok);
    assert_string_equal(err.where, "doc.xml:2");
    assert_string_equal(err.text, "has a <b>");
    assert_string_equal(err.code, "B");
    xml_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_entities_of_attributes_are_resolved_once),
        cmocka_unit_test(test_escape_is_read_back),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_characters_beyond_ascii_in_both_encodings),
        cmocka_unit_test(test_nuls_at_the_end),
        cmocka_unit_test(test_cut_within_the_declaration),
        cmocka_unit_test(test_wrong_encodings),
        cmocka_unit_test(test_what_is_no_xml),
        cmocka_unit_test(test_truncated_at_every_byte),
        cmocka_unit_test(test_any_document_type_is_refused),
        cmocka_unit_test(test_external_entities_open_nothing),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_a_million_attributes_cost_nothing),
        cmocka_unit_test(test_floods_are_refused_early),
        cmocka_unit_test(test_comment_and_instruction_limits),
        cmocka_unit_test(test_long_text_streams),
        cmocka_unit_test(test_cdata_to_its_limit_in_linear_time),
        cmocka_unit_test(test_document_size),
        cmocka_unit_test(test_a_handler_ends_the_reading),
        cmocka_unit_test(test_memory_does_not_grow_with_the_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

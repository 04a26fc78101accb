/* Listings by PROPFIND: is it one, and which files does it name? */
#include "agent/source/http.h"
#include "agent/source/probe_parts.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/xml.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A Configuration Manager client's, to the letter. */
static const char body[] = "<?xml version=\"1.0\"?>\r\n"
                           "<d:propfind xmlns:d=\"DAV:\">\r\n"
                           "  <d:prop><d:iscollection/></d:prop>\r\n"
                           "  <d:prop><d:getcontentlength/></d:prop>\r\n"
                           "</d:propfind>\r\n";

/* Apache looks at the first prop alone, and gives no lengths for the above. */
static const char lengths[] = "<?xml version=\"1.0\"?>\r\n"
                              "<d:propfind xmlns:d=\"DAV:\"><d:prop><d:resourcetype/>"
                              "<d:getcontentlength/></d:prop></d:propfind>\r\n";

struct listing {
    struct probe *probe;
    const char *folder; /* the content's path, decoded, no '/' at its end */
    unsigned depth;
    bool is_listing; /* the root is a multistatus */
    size_t names;
    enum { TEXT_NONE, TEXT_HREF, TEXT_LENGTH, TEXT_COLLECTION } taking;
    struct buf href, length, collection;
    bool is_folder;
};

/* ---- one name ---- */

static int digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* The path of an href or URL, percent signs undone once; empty where a NUL is in it. */
static char *decode_path(const char *text)
{
    const char *scheme = strstr(text, "://");
    if (scheme && scheme < text + strcspn(text, "/") + 1)
        text = strchr(scheme + 3, '/') ? strchr(scheme + 3, '/') : "";
    struct buf path = {0};
    buf_append_text(&path, "");
    for (; *text && *text != '?' && *text != '#'; text++) {
        int high = *text == '%' ? digit(text[1]) : -1;
        int low = high >= 0 ? digit(text[2]) : -1;
        char c = low >= 0 ? (char)(high * 16 + low) : *text;
        if (low >= 0)
            text += 2;
        buf_append(&path, &c, 1);
    }
    if (strlen(path.data) != path.len)
        path.data[0] = '\0';
    return path.data;
}

/* A file right below the content, to be asked for. */
static void offer(struct listing *listing)
{
    char *path = decode_path(listing->href.data ? listing->href.data : "");
    size_t folder = strlen(listing->folder), len = strlen(path);
    bool below =
        len > folder + 1 && strncasecmp(path, listing->folder, folder) == 0 && path[folder] == '/';
    const char *name = below ? path + folder + 1 : "";
    int64_t size = -1;
    bool is_file = *name && path[len - 1] != '/' && !listing->is_folder &&
                   !(listing->collection.len && listing->collection.data[0] == '1');
    if (listing->length.len && !text_to_int(listing->length.data, 0, INT64_MAX, &size))
        size = -1;
    if (is_file && !text_refuse_file_name(name, strlen(name)))
        probe_pick_offer(&listing->probe->pick,
                         arena_copy_string(&listing->probe->report->arena, name), size, NULL);
    free(path);
}

/* ---- the document ---- */

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct listing *listing = arg;
    (void)err;
    if (listing->depth++ == 0)
        listing->is_listing = strcmp(element->name, "multistatus") == 0;
    listing->taking = TEXT_NONE;
    if (strcmp(element->name, "response") == 0) {
        buf_clear(&listing->href);
        buf_clear(&listing->length);
        buf_clear(&listing->collection);
        listing->is_folder = false;
    } else if (strcmp(element->name, "href") == 0) {
        listing->taking = TEXT_HREF;
    } else if (strcmp(element->name, "getcontentlength") == 0) {
        listing->taking = TEXT_LENGTH;
    } else if (strcmp(element->name, "iscollection") == 0) {
        listing->taking = TEXT_COLLECTION;
    } else if (strcmp(element->name, "collection") == 0) {
        listing->is_folder = true;
    }
    return true;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    struct listing *listing = arg;
    (void)err;
    listing->depth--;
    listing->taking = TEXT_NONE;
    if (strcmp(name, "response") == 0) {
        listing->names++;
        if (!listing->probe->target->manifest)
            offer(listing);
    }
    return true;
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    struct listing *listing = arg;
    (void)err;
    switch (listing->taking) {
    case TEXT_NONE: break;
    case TEXT_HREF: buf_append(&listing->href, text, len); break;
    case TEXT_LENGTH: buf_append(&listing->length, text, len); break;
    case TEXT_COLLECTION: buf_append(&listing->collection, text, len); break;
    }
    return true;
}

/* Names of a listing, itself included; -1: it is none. */
static int64_t read_listing(struct probe *probe, const struct probe_answer *answer)
{
    static const struct xml_handlers handlers = {.start = on_start, .end = on_end, .text = on_text};
    char *folder = decode_path(probe->target->content_url);
    struct listing listing = {.probe = probe, .folder = folder};
    struct xml_reader *reader = xml_open(&handlers, &listing, "the listing");
    struct error err;
    bool ok = answer->body.len && xml_feed(reader, answer->body.data, answer->body.len, &err) &&
              (answer->cut || xml_finish(reader, &err));
    xml_close(reader);
    buf_free(&listing.href);
    buf_free(&listing.length);
    buf_free(&listing.collection);
    free(folder);
    return ok && listing.is_listing ? (int64_t)listing.names : -1;
}

/* ---- the questions ---- */

/* Of a folder some servers want the '/' at its end. */
static void ask_listing(struct probe *probe, const char *depth, const char *props,
                        struct probe_answer *answer)
{
    struct probe_question question = {
        .method = "PROPFIND",
        .url = probe->target->content_url,
        .headers = {depth, "Translate: f", "Content-Type: text/xml"},
        .body = props,
        .most = LIMIT_PROBE_LISTING_BYTES,
    };
    probe_ask(probe, &question, answer);
    if (probe_judge(answer) != PROBE_REDIRECT)
        return;
    struct probe_answer again;
    char *url = mem_format("%s/", probe->target->content_url);
    question.url = url;
    probe_ask(probe, &question, &again);
    bool better = probe_judge(&again) != PROBE_REDIRECT;
    probe_answer_free(better ? answer : &again);
    if (better)
        *answer = again;
    free(url);
}

static enum probe_fault judge_listing(struct probe *probe, const struct probe_answer *answer,
                                      int64_t *names)
{
    enum probe_fault fault = probe_judge(answer);
    if (fault != PROBE_FINE)
        return fault;
    *names = answer->reply.status == 207 ? read_listing(probe, answer) : -1;
    if (*names < 0)
        return PROBE_NOT_A_LISTING;
    return answer->cut ? PROBE_LISTING_LONG : PROBE_FINE;
}

static void note_names(struct probe_step *step, int64_t names)
{
    if (names >= 0)
        step->got = names;
}

static void list_level(struct probe *probe)
{
    struct probe_answer answer;
    int64_t names = -1;
    ask_listing(probe, "Depth: 1", body, &answer);
    enum probe_fault fault = judge_listing(probe, &answer, &names);
    enum probe_verdict verdict = fault == PROBE_FINE           ? PROBE_OK
                                 : fault == PROBE_LISTING_LONG ? PROBE_NOTE
                                                               : PROBE_BAD;
    note_names(probe_add_answer(probe, PROBE_PROPFIND, verdict, fault, &answer, NULL), names);
    probe_answer_free(&answer);
}

static void ask_lengths(struct probe *probe)
{
    struct probe_answer answer;
    int64_t names;
    ask_listing(probe, "Depth: 1", lengths, &answer);
    probe->pick = (struct probe_pick){.plain = {.name = NULL}};
    judge_listing(probe, &answer, &names);
    probe_answer_free(&answer);
}

/* Whoever lists level by level serves as well. */
static void list_all(struct probe *probe)
{
    struct probe_answer answer;
    int64_t names = -1;
    if (probe->blocked)
        return;
    ask_listing(probe, "Depth: infinity", body, &answer);
    enum probe_fault fault = judge_listing(probe, &answer, &names);
    if (fault == PROBE_FORBIDDEN)
        fault = PROBE_BY_LEVEL;
    enum probe_verdict verdict = fault == PROBE_FINE ? PROBE_OK : PROBE_NOTE;
    note_names(probe_add_answer(probe, PROBE_PROPFIND_INFINITY, verdict, fault, &answer, NULL),
               names);
    probe_answer_free(&answer);
}

static bool did_list(const struct probe_report *report)
{
    const struct probe_step *last = &report->steps[report->count - 1];
    return last->verdict == PROBE_OK || last->verdict == PROBE_NOTE;
}

void probe_list(struct probe *probe)
{
    list_level(probe);
    bool listed = did_list(probe->report);
    if (listed && !probe->target->manifest && probe->pick.plain.name &&
        probe->pick.plain.size < 0 && !probe->blocked)
        ask_lengths(probe);
    if (listed)
        list_all(probe);
    else if (!probe->blocked)
        probe_add(probe, PROBE_PROPFIND_INFINITY, PROBE_SKIPPED, PROBE_BLOCKED, NULL,
                  probe_word(PROBE_PROPFIND));
}

#include "policy/assignments.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/version.h"

#include <stdlib.h>
#include <string.h>

enum place {
    PLACE_ROOT, /* above the root element */
    PLACE_REPLY,
    PLACE_SOURCE,
    PLACE_ASSIGNMENT,
    PLACE_CONDITION,
    PLACE_POLICY,
    PLACE_LOCATION,
    PLACE_SKIPPED,
};

static const struct {
    const char *name;
    enum place parent, place;
} grammar[] = {
    {"ReplyAssignments", PLACE_ROOT, PLACE_REPLY},
    {"PolicySource", PLACE_REPLY, PLACE_SOURCE},
    {"PolicyAssignment", PLACE_REPLY, PLACE_ASSIGNMENT},
    {"Condition", PLACE_ASSIGNMENT, PLACE_CONDITION},
    {"Policy", PLACE_ASSIGNMENT, PLACE_POLICY},
    {"PolicyLocation", PLACE_POLICY, PLACE_LOCATION},
};

struct assignments_reader {
    struct assignments *assignments;
    const struct xml_reader *xml;
    size_t depth;
    enum place places[LIMIT_XML_DEPTH + 1]; /* [0] is PLACE_ROOT */
    const char *assignment_id;
    size_t first; /* row of the assignment that is read */
    bool conditional;
    struct buf text; /* of the element that is read */
};

static bool refuse(const struct assignments_reader *reader, struct error *err, const char *why)
{
    return why ? xml_refuse(reader->xml, err, "ASSIGNMENTS", "%s", why) : true;
}

static bool refuse_row(const struct assignments_reader *reader, const struct assignment *row,
                       struct error *err, const char *why)
{
    return xml_refuse(reader->xml, err, "ASSIGNMENTS", "the policy %s %s", row->policy_id, why);
}

/* A short text as it may stand in messages and records; NULL stays NULL. */
static bool take(struct assignments_reader *reader, const char *value, const char **out)
{
    *out = value ? arena_copy_string(&reader->assignments->arena, value) : NULL;
    return !value || (strlen(value) <= LIMIT_POLICY_ID && text_is_plain(value));
}

/* Elements */

static bool start_reply(struct assignments_reader *reader, const struct xml_element *element,
                        struct error *err)
{
    struct assignments *assignments = reader->assignments;
    if (!take(reader, xml_attribute(element, "SchemaVersion"), &assignments->schema_version) ||
        !take(reader, xml_attribute(element, "ReplyType"), &assignments->reply_type))
        return refuse(reader, err, "SchemaVersion or ReplyType is too long or not plain");
    if (assignments->reply_type && !text_equal(assignments->reply_type, "Full"))
        return xml_refuse(reader->xml, err, "REPLY_TYPE",
                          "is a reply of the type %s; only full ones can be taken: what the others "
                          "take away is not public",
                          assignments->reply_type);
    return true;
}

static bool start_assignment(struct assignments_reader *reader, const struct xml_element *element,
                             struct error *err)
{
    reader->first = reader->assignments->count;
    reader->conditional = false;
    return take(reader, xml_attribute(element, "PolicyAssignmentID"), &reader->assignment_id) ||
           refuse(reader, err, "PolicyAssignmentID is too long or not plain");
}

static const char *read_policy(struct assignments_reader *reader, const struct xml_element *element,
                               struct assignment *row)
{
    const char *flags = xml_attribute(element, "PolicyFlags");
    if (!take(reader, xml_attribute(element, "PolicyID"), &row->policy_id) || !row->policy_id ||
        !*row->policy_id)
        return "PolicyID is missing, longer than 256 bytes or holds control characters";
    if (!take(reader, xml_attribute(element, "PolicyVersion"), &row->version_text) ||
        !row->version_text || !version_parse(row->version_text, row->version))
        return "PolicyVersion is missing or not a number as 2.00";
    if (!take(reader, xml_attribute(element, "PolicyType"), &row->type) ||
        !take(reader, xml_attribute(element, "PolicyCategory"), &row->category))
        return "PolicyType or PolicyCategory is too long or not plain";
    if (flags && !text_to_int(flags, 0, UINT32_MAX, &row->flags))
        return "PolicyFlags is not a number from 0 to 4294967295";
    return NULL;
}

static bool start_policy(struct assignments_reader *reader, const struct xml_element *element,
                         struct error *err)
{
    struct assignments *assignments = reader->assignments;
    struct assignment row = {.id = reader->assignment_id, .line = element->line};
    const char *why = read_policy(reader, element, &row);
    if (why)
        return refuse(reader, err, why);
    if (assignments->count == LIMIT_ASSIGNMENTS)
        return xml_refuse(reader->xml, err, "ASSIGNMENTS", "assigns more than %d policies",
                          LIMIT_ASSIGNMENTS);
    assignments->rows = mem_grow(assignments->rows, &assignments->cap, assignments->count + 1,
                                 sizeof *assignments->rows);
    assignments->rows[assignments->count++] = row;
    return true;
}

static struct assignment *last_row(struct assignments_reader *reader)
{
    return &reader->assignments->rows[reader->assignments->count - 1];
}

/* PolicyHash: the digits alone. PolicyHashEx: "SHA256:" before them. */
static const char *read_hashes(const struct xml_element *element, struct assignment *row)
{
    static const char prefix[] = "SHA256:";
    const char *plain = xml_attribute(element, "PolicyHash");
    const char *extended = xml_attribute(element, "PolicyHashEx");
    char other[HASH_HEX_MAX] = "";
    bool is_sha256 = plain && hash_parse(HASH_SHA256, plain, other);
    if (plain && *plain && !is_sha256 && !hash_parse(HASH_SHA1, plain, row->sha1))
        return "has a PolicyHash that is neither SHA-1 (40 hexadecimal digits) nor SHA-256 (64)";
    if (extended && *extended &&
        (strncasecmp(extended, prefix, strlen(prefix)) != 0 ||
         !hash_parse(HASH_SHA256, extended + strlen(prefix), row->sha256)))
        return "has a PolicyHashEx that is not SHA256: and 64 hexadecimal digits";
    if (is_sha256 && row->sha256[0] && strcmp(other, row->sha256) != 0)
        return "has a PolicyHash and a PolicyHashEx that disagree";
    if (is_sha256)
        memcpy(row->sha256, other, sizeof other);
    if (!row->sha256[0] && !row->sha1[0])
        return "has neither PolicyHash nor PolicyHashEx: it could not be verified";
    return NULL;
}

static bool start_location(struct assignments_reader *reader, const struct xml_element *element,
                           struct error *err)
{
    struct assignment *row = last_row(reader);
    if (row->sha256[0] || row->sha1[0])
        return refuse_row(reader, row, err, "has more than one PolicyLocation");
    const char *why = read_hashes(element, row);
    return !why || refuse_row(reader, row, err, why);
}

/* The element's text without the blanks around it, in the arena; NULL: none. */
static const char *take_text(struct assignments_reader *reader)
{
    static const char blanks[] = " \t\r\n";
    const char *text = reader->text.data ? reader->text.data : "";
    size_t lead = strspn(text, blanks), len = reader->text.len;
    while (len > lead && strchr(blanks, text[len - 1]))
        len--;
    return len > lead ? arena_copy_bytes(&reader->assignments->arena, text + lead, len - lead)
                      : NULL;
}

static bool end_source(struct assignments_reader *reader, struct error *err)
{
    const char *source = take_text(reader);
    reader->assignments->source = source;
    return !source || (strlen(source) <= LIMIT_POLICY_ID && text_is_plain(source)) ||
           refuse(reader, err, "PolicySource is longer than 256 bytes or not plain");
}

/* What may stand in a URL: printable ASCII. */
static bool is_url_text(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static bool end_location(struct assignments_reader *reader, struct error *err)
{
    struct assignment *row = last_row(reader);
    row->location = take_text(reader);
    if (row->location && !is_url_text(row->location))
        return refuse_row(reader, row, err,
                          "has a PolicyLocation with characters that no URL may hold");
    return true;
}

static bool end_policy(struct assignments_reader *reader, struct error *err)
{
    struct assignment *row = last_row(reader);
    return row->location || refuse_row(reader, row, err, "has no PolicyLocation");
}

static bool end_assignment(struct assignments_reader *reader, struct error *err)
{
    struct assignments *assignments = reader->assignments;
    for (size_t i = reader->first; i < assignments->count; i++)
        assignments->rows[i].conditional = reader->conditional;
    return assignments->count > reader->first ||
           refuse(reader, err, "a PolicyAssignment names no policy");
}

/* Policies that are assigned twice */

static int by_id_then_place(const void *a, const void *b)
{
    const struct assignment *left = *(struct assignment *const *)a;
    const struct assignment *right = *(struct assignment *const *)b;
    int order = text_compare(left->policy_id, right->policy_id);
    return order ? order : (left > right) - (left < right);
}

static bool is_alike(const struct assignment *a, const struct assignment *b)
{
    return version_compare(a->version, b->version) == 0 && strcmp(a->sha256, b->sha256) == 0 &&
           strcmp(a->sha1, b->sha1) == 0;
}

/* Marks the later ones by taking their IDs away. */
static bool mark_doubles(const struct assignments_reader *reader, struct assignment **sorted,
                         struct error *err)
{
    struct assignment *first = NULL;
    for (size_t i = 0; i < reader->assignments->count; i++) {
        struct assignment *row = sorted[i];
        if (!first || !text_equal(first->policy_id, row->policy_id)) {
            first = row;
            continue;
        }
        if (!is_alike(first, row))
            return refuse_row(reader, row, err, "is assigned in two versions or with two hashes");
        first->conditional = first->conditional && row->conditional;
        row->policy_id = NULL;
    }
    return true;
}

static bool merge_doubles(const struct assignments_reader *reader, struct error *err)
{
    struct assignments *assignments = reader->assignments;
    struct assignment **sorted = mem_zero(assignments->count, sizeof(struct assignment *));
    for (size_t i = 0; i < assignments->count; i++)
        sorted[i] = &assignments->rows[i];
    if (assignments->count)
        qsort(sorted, assignments->count, sizeof(struct assignment *), by_id_then_place);
    bool ok = mark_doubles(reader, sorted, err);
    free(sorted);
    size_t kept = 0;
    for (size_t i = 0; i < assignments->count; i++)
        if (assignments->rows[i].policy_id)
            assignments->rows[kept++] = assignments->rows[i];
    assignments->count = kept;
    return ok;
}

/* Events */

static enum place find_place(enum place parent, const char *name)
{
    for (size_t i = 0; i < sizeof grammar / sizeof grammar[0]; i++)
        if (grammar[i].parent == parent && strcmp(grammar[i].name, name) == 0)
            return grammar[i].place;
    return PLACE_SKIPPED;
}

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct assignments_reader *reader = arg;
    enum place parent = reader->places[reader->depth];
    enum place place = find_place(parent, element->name);
    reader->places[++reader->depth] = place;
    switch (place) {
    case PLACE_REPLY: return start_reply(reader, element, err);
    case PLACE_ASSIGNMENT: return start_assignment(reader, element, err);
    case PLACE_CONDITION: reader->conditional = true; return true;
    case PLACE_POLICY: return start_policy(reader, element, err);
    case PLACE_LOCATION: buf_clear(&reader->text); return start_location(reader, element, err);
    case PLACE_SOURCE: buf_clear(&reader->text); return true;
    case PLACE_SKIPPED:
        return parent != PLACE_ROOT ||
               xml_refuse(reader->xml, err, "ASSIGNMENTS",
                          "is no reply of a policy point: its root element is <%s>, not "
                          "<ReplyAssignments>",
                          element->name);
    case PLACE_ROOT: break;
    }
    return true;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    (void)name;
    struct assignments_reader *reader = arg;
    switch (reader->places[reader->depth--]) {
    case PLACE_REPLY: return merge_doubles(reader, err);
    case PLACE_SOURCE: return end_source(reader, err);
    case PLACE_ASSIGNMENT: return end_assignment(reader, err);
    case PLACE_POLICY: return end_policy(reader, err);
    case PLACE_LOCATION: return end_location(reader, err);
    case PLACE_ROOT:
    case PLACE_CONDITION:
    case PLACE_SKIPPED: break;
    }
    return true;
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    struct assignments_reader *reader = arg;
    enum place place = reader->places[reader->depth];
    if (place != PLACE_SOURCE && place != PLACE_LOCATION)
        return true;
    buf_append(&reader->text, text, len);
    return reader->text.len <= LIMIT_URL_BYTES ||
           xml_refuse(reader->xml, err, "ASSIGNMENTS", "has a <%s> of more than %d bytes",
                      place == PLACE_SOURCE ? "PolicySource" : "PolicyLocation", LIMIT_URL_BYTES);
}

const struct xml_handlers assignments_handlers = {
    .start = on_start,
    .end = on_end,
    .text = on_text,
};

/* Life */

struct assignments_reader *assignments_reader_open(struct assignments *assignments)
{
    struct assignments_reader *reader = mem_zero(1, sizeof *reader);
    reader->assignments = assignments;
    return reader;
}

void assignments_reader_attach(struct assignments_reader *reader, const struct xml_reader *xml)
{
    reader->xml = xml;
}

void assignments_reader_close(struct assignments_reader *reader)
{
    if (!reader)
        return;
    buf_free(&reader->text);
    free(reader);
}

bool assignments_read(struct assignments *assignments, const char *bytes, size_t len,
                      const char *where, struct error *err)
{
    *assignments = (struct assignments){0};
    struct assignments_reader *reader = assignments_reader_open(assignments);
    struct xml_reader *xml = xml_open(&assignments_handlers, reader, where);
    assignments_reader_attach(reader, xml);
    bool ok = xml_feed(xml, bytes, len, err) && xml_finish(xml, err);
    xml_close(xml);
    assignments_reader_close(reader);
    if (!ok)
        assignments_free(assignments);
    return ok;
}

void assignments_free(struct assignments *assignments)
{
    arena_free(&assignments->arena);
    free(assignments->rows);
    *assignments = (struct assignments){0};
}

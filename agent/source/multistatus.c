#include "agent/source/multistatus.h"

#include "policy/base/buf.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"
#include "policy/xml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A name in which each byte is encoded, and what stands before it. */
#define HREF_BYTES  (4 * LIMIT_NAME_BYTES)
#define VALUE_BYTES 256
#define DEPTH_MAX   8 /* deeper elements say nothing to us */

enum node {
    NODE_NONE,
    NODE_MULTISTATUS,
    NODE_RESPONSE,
    NODE_HREF,
    NODE_STATUS,
    NODE_PROPSTAT,
    NODE_PROPSTAT_STATUS,
    NODE_PROP,
    NODE_LENGTH,
    NODE_IS_COLLECTION,
    NODE_TYPE,
    NODE_COLLECTION,
};

static const struct {
    enum node parent;
    const char *name;
    enum node node;
} elements[] = {
    {NODE_MULTISTATUS, "response", NODE_RESPONSE},
    {NODE_RESPONSE, "href", NODE_HREF},
    {NODE_RESPONSE, "status", NODE_STATUS},
    {NODE_RESPONSE, "propstat", NODE_PROPSTAT},
    {NODE_PROPSTAT, "status", NODE_PROPSTAT_STATUS},
    {NODE_PROPSTAT, "prop", NODE_PROP},
    {NODE_PROP, "getcontentlength", NODE_LENGTH},
    {NODE_PROP, "iscollection", NODE_IS_COLLECTION},
    {NODE_PROP, "resourcetype", NODE_TYPE},
    {NODE_TYPE, "collection", NODE_COLLECTION},
};

/* Of one propstat, or of all that count. */
struct properties {
    int status; /* 0: none was given */
    bool has_length, has_kind, is_folder;
    char length[32];
};

struct multistatus {
    struct xml_reader *xml;
    multistatus_take take;
    void *arg;
    char *contents[2], *folder;
    unsigned depth;
    enum node path[DEPTH_MAX];
    struct buf href, value;
    int status; /* of the response */
    struct properties some, all;
};

static bool refuse(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct error *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL, "%s", text);
}

/* ---- an entry ---- */

/* Past scheme and host, whoever they name: nobody is asked there. */
static char *path_of(char *href)
{
    size_t scheme =
        strspn(href, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    if (scheme == 0 || strncmp(href + scheme, "://", 3) != 0)
        return href;
    char *path = strchr(href + scheme + 3, '/');
    return path ? path : href + strlen(href);
}

/* IIS knows no case; one that lists files as `sccm?/<path>` does not mean a file of that name. */
static bool is_below(const char *content, struct multistatus_entry *entry)
{
    static const char form[] = "sccm?/";
    size_t base = strlen(content);
    if (entry->len < base || strncasecmp(entry->name, content, base) != 0 ||
        (entry->len > base && entry->name[base] != '/'))
        return false;
    size_t skip = base + (entry->len > base);
    if (entry->len - skip >= sizeof form - 1 &&
        strncasecmp(entry->name + skip, form, sizeof form - 1) == 0)
        skip += sizeof form - 1;
    entry->name += skip;
    entry->len -= skip;
    return true;
}

/* Makes the href a name below the content; `joined` may hold it. */
static bool read_name(struct multistatus *reading, struct multistatus_entry *entry,
                      struct buf *joined, struct error *err)
{
    char *path = path_of(reading->href.data);
    entry->len = text_decode_percent(path);
    entry->name = path;
    if (*path != '/') {
        buf_append_text(joined, reading->folder);
        buf_append_text(joined, *reading->folder ? "/" : "");
        buf_append(joined, path, entry->len);
        entry->name = joined->data;
        entry->len = joined->len;
    } else if (!is_below(reading->contents[0], entry) && !is_below(reading->contents[1], entry)) {
        return refuse(err, "lists '%s', which is outside of the content", path);
    }
    while (entry->len && entry->name[entry->len - 1] == '/')
        entry->len--;
    return true;
}

static bool read_kind(const struct multistatus *reading, const char *name,
                      struct multistatus_entry *entry, struct error *err)
{
    const struct properties *all = &reading->all;
    if (reading->status && reading->status != 200)
        return refuse(err, "lists '%s' with status %d", name, reading->status);
    entry->is_folder = all->is_folder;
    if (entry->is_folder)
        return true;
    if (!all->has_length)
        return refuse(err, "lists '%s' %s", name,
                      all->has_kind ? "without its length" : "without saying what it is");
    if (!text_to_int(all->length, 0, INT64_MAX, &entry->size))
        return refuse(err, "lists '%s' with the length '%s', which is none", name, all->length);
    return true;
}

static bool end_response(struct multistatus *reading, struct error *err)
{
    struct multistatus_entry entry = {.name = ""};
    struct buf joined = {0};
    if (!reading->href.len)
        return refuse(err, "lists something without a name");
    bool ok = read_name(reading, &entry, &joined, err);
    char *name = ok ? mem_copy_bytes(entry.name, entry.len) : NULL;
    entry.name = name;
    ok = ok && read_kind(reading, name, &entry, err) && reading->take(reading->arg, &entry, err);
    free(name);
    buf_free(&joined);
    return ok;
}

/* ---- elements ---- */

static enum node find_node(enum node parent, const struct xml_element *element)
{
    if (!element->uri || strcmp(element->uri, "DAV:") != 0)
        return NODE_NONE;
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        if (elements[i].parent == parent && strcmp(elements[i].name, element->name) == 0)
            return elements[i].node;
    return NODE_NONE;
}

static void begin(struct multistatus *reading, enum node node)
{
    buf_clear(&reading->value);
    if (node == NODE_RESPONSE) {
        buf_clear(&reading->href);
        reading->status = 0;
        reading->all = (struct properties){0};
    } else if (node == NODE_PROPSTAT) {
        reading->some = (struct properties){0};
    } else if (node == NODE_TYPE) {
        reading->some.has_kind = true;
    } else if (node == NODE_COLLECTION) {
        reading->some.is_folder = true;
    }
}

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct multistatus *reading = arg;
    unsigned depth = reading->depth++;
    if (depth >= DEPTH_MAX)
        return true;
    if (depth == 0) {
        bool ours = element->uri && strcmp(element->uri, "DAV:") == 0 &&
                    strcmp(element->name, "multistatus") == 0;
        reading->path[0] = NODE_MULTISTATUS;
        return ours || refuse(err, "answers <%s> instead of a WebDAV listing", element->name);
    }
    reading->path[depth] = find_node(reading->path[depth - 1], element);
    begin(reading, reading->path[depth]);
    return true;
}

/* "HTTP/1.1 200 OK" */
static int status_of(const char *text)
{
    int64_t status;
    char digits[4] = "";
    const char *at = strchr(text, ' ');
    if (at)
        snprintf(digits, sizeof digits, "%s", at + strspn(at, " "));
    return text_to_int(digits, 100, 599, &status) ? (int)status : -1;
}

/* Without a status, as old servers leave it out, it counts too. */
static void end_propstat(struct multistatus *reading)
{
    const struct properties *some = &reading->some;
    struct properties *all = &reading->all;
    if (some->status && some->status != 200)
        return;
    all->has_kind = all->has_kind || some->has_kind;
    all->is_folder = all->is_folder || some->is_folder;
    if (some->has_length) {
        all->has_length = true;
        snprintf(all->length, sizeof all->length, "%s", some->length);
    }
}

static const char *trimmed(struct buf *value)
{
    static const char blank[] = " \t\r\n";
    if (!value->len)
        return "";
    while (value->len && strchr(blank, value->data[value->len - 1]))
        value->data[--value->len] = '\0';
    return value->data + strspn(value->data, blank);
}

static bool end_node(struct multistatus *reading, enum node node, struct error *err)
{
    const char *value = trimmed(&reading->value);
    struct properties *some = &reading->some;
    bool truth;
    switch (node) {
    case NODE_RESPONSE: return end_response(reading, err);
    case NODE_HREF:
        buf_clear(&reading->href);
        buf_append_text(&reading->href, value);
        break;
    case NODE_STATUS: reading->status = status_of(value); break;
    case NODE_PROPSTAT_STATUS: some->status = status_of(value); break;
    case NODE_PROPSTAT: end_propstat(reading); break;
    case NODE_LENGTH:
        some->has_length = *value != '\0';
        snprintf(some->length, sizeof some->length, "%s", value);
        break;
    case NODE_IS_COLLECTION:
        some->has_kind = text_to_bool(value, &truth);
        some->is_folder = some->is_folder || (some->has_kind && truth);
        break;
    case NODE_NONE:
    case NODE_MULTISTATUS:
    case NODE_PROP:
    case NODE_TYPE:
    case NODE_COLLECTION: break;
    }
    return true;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    (void)name;
    struct multistatus *reading = arg;
    unsigned depth = --reading->depth;
    return depth >= DEPTH_MAX || end_node(reading, reading->path[depth], err);
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    struct multistatus *reading = arg;
    if (reading->depth > DEPTH_MAX)
        return true;
    enum node node = reading->path[reading->depth - 1];
    bool is_href = node == NODE_HREF;
    if (!is_href && node != NODE_STATUS && node != NODE_PROPSTAT_STATUS && node != NODE_LENGTH &&
        node != NODE_IS_COLLECTION)
        return true;
    if (reading->value.len + len > (size_t)(is_href ? HREF_BYTES : VALUE_BYTES))
        return refuse(err, is_href ? "lists a name that is too long"
                                   : "lists a property that is too long");
    buf_append(&reading->value, text, len);
    return true;
}

/* ---- reading ---- */

struct multistatus *multistatus_open(const char *const contents[2], const char *folder,
                                     multistatus_take take, void *arg)
{
    static const struct xml_handlers handlers = {.start = on_start, .end = on_end, .text = on_text};
    struct multistatus *reading = mem_zero(1, sizeof *reading);
    reading->take = take;
    reading->arg = arg;
    for (size_t i = 0; i < 2; i++)
        reading->contents[i] = mem_copy_string(contents[i]);
    reading->folder = mem_copy_string(folder);
    reading->xml = xml_open(&handlers, reading, "listing");
    return reading;
}

/* XML's own words, of a source instead of a policy. */
static bool judge(bool ok, struct error *err)
{
    char text[sizeof err->text];
    if (ok || err->blame == BLAME_SOURCE)
        return ok;
    snprintf(text, sizeof text, "%s", err->text);
    return refuse(err, "answers with a listing that cannot be read: it %s", text);
}

bool multistatus_feed(struct multistatus *reading, const char *bytes, size_t len, struct error *err)
{
    return judge(xml_feed(reading->xml, bytes, len, err), err);
}

bool multistatus_finish(struct multistatus *reading, struct error *err)
{
    return judge(xml_finish(reading->xml, err), err);
}

void multistatus_close(struct multistatus *reading)
{
    if (!reading)
        return;
    xml_close(reading->xml);
    buf_free(&reading->href);
    buf_free(&reading->value);
    free(reading->contents[0]);
    free(reading->contents[1]);
    free(reading->folder);
    free(reading);
}

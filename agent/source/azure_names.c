#include "agent/source/azure_names.h"

#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"
#include "policy/xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX    8                      /* deeper elements say nothing to us */
#define TEXT_MAX     (4 * LIMIT_NAME_BYTES) /* a name in which each byte is encoded */
#define LENGTH_MAX   32
#define PRINT_MAX    128
#define MARKER_BYTES 2048

enum node {
    NODE_NONE,
    NODE_RESULTS,
    NODE_BLOBS,
    NODE_BLOB,
    NODE_NAME,
    NODE_PROPERTIES,
    NODE_LENGTH,
    NODE_METADATA,
    NODE_ENCRYPTION,
    NODE_PRINT,
    NODE_MARKER,
    NODE_COUNT,
};

static const struct {
    enum node parent;
    const char *name;
    enum node node;
    size_t max; /* bytes of its text; 0: its text says nothing */
} elements[] = {
    {NODE_RESULTS, "Blobs", NODE_BLOBS, 0},
    {NODE_RESULTS, "NextMarker", NODE_MARKER, MARKER_BYTES},
    {NODE_BLOBS, "Blob", NODE_BLOB, 0},
    {NODE_BLOB, "Name", NODE_NAME, TEXT_MAX},
    {NODE_BLOB, "Properties", NODE_PROPERTIES, 0},
    {NODE_PROPERTIES, "Content-Length", NODE_LENGTH, LENGTH_MAX},
    {NODE_BLOB, "Metadata", NODE_METADATA, 0},
    {NODE_METADATA, "encryptiondata", NODE_ENCRYPTION, LIMIT_ENCRYPTION_BYTES},
    {NODE_METADATA, "nearpoint", NODE_PRINT, PRINT_MAX},
};

struct azure_names {
    struct xml_reader *xml;
    azure_take take;
    void *arg;
    unsigned depth;
    enum node path[DEPTH_MAX];
    bool is_encoded; /* the name's bytes are (Encoded="true") */
    bool is_page;
    struct buf texts[NODE_COUNT];
};

static bool refuse(struct error *err, const char *text)
{
    return error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL, "%s", text);
}

static const char *text_of(const struct azure_names *names, enum node node)
{
    return names->texts[node].data ? names->texts[node].data : "";
}

static enum node here(const struct azure_names *names)
{
    bool known = names->depth > 0 && names->depth <= DEPTH_MAX;
    return known ? names->path[names->depth - 1] : NODE_NONE;
}

static enum node find(enum node parent, const char *name)
{
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        if (elements[i].parent == parent && strcasecmp(elements[i].name, name) == 0)
            return elements[i].node;
    return NODE_NONE;
}

static size_t text_max(enum node node)
{
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        if (elements[i].node == node)
            return elements[i].max;
    return 0;
}

static void begin_blob(struct azure_names *names)
{
    static const enum node of_blob[] = {NODE_NAME, NODE_LENGTH, NODE_ENCRYPTION, NODE_PRINT};
    for (size_t i = 0; i < sizeof of_blob / sizeof of_blob[0]; i++)
        buf_clear(&names->texts[of_blob[i]]);
    names->is_encoded = false;
}

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct azure_names *names = arg;
    enum node node = NODE_NONE;
    if (names->depth == 0 && strcmp(element->name, "EnumerationResults") == 0)
        node = NODE_RESULTS;
    else if (names->depth > 0)
        node = find(here(names), element->name);
    if (names->depth == 0 && node != NODE_RESULTS)
        return refuse(err, "answers with something else than a list of blobs");
    names->is_page = true;
    if (names->depth++ < DEPTH_MAX)
        names->path[names->depth - 1] = node;
    if (node == NODE_BLOB)
        begin_blob(names);
    const char *encoded = node == NODE_NAME ? xml_attribute(element, "Encoded") : NULL;
    names->is_encoded = names->is_encoded || (encoded && text_equal(encoded, "true"));
    return true;
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    struct azure_names *names = arg;
    enum node node = here(names);
    size_t max = text_max(node);
    if (max == 0)
        return true;
    if (names->texts[node].len + len > max)
        return refuse(err, "lists a text that is too long");
    buf_append(&names->texts[node], text, len);
    return true;
}

static bool give_blob(struct azure_names *names, struct error *err)
{
    struct buf *name = &names->texts[NODE_NAME];
    struct azure_blob blob = {.encryption = text_of(names, NODE_ENCRYPTION),
                              .fingerprint = text_of(names, NODE_PRINT)};
    if (name->len == 0)
        return refuse(err, "lists a blob without a name");
    if (!text_to_int(text_of(names, NODE_LENGTH), 0, INT64_MAX, &blob.size))
        return refuse(err, "lists a blob without a length");
    if (names->is_encoded)
        name->len = text_decode_percent(name->data);
    blob.name = name->data;
    blob.name_len = name->len;
    return names->take(names->arg, &blob, err);
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    struct azure_names *names = arg;
    enum node node = here(names);
    (void)name;
    names->depth--;
    return node != NODE_BLOB || give_blob(names, err);
}

struct azure_names *azure_names_open(azure_take take, void *arg)
{
    static const struct xml_handlers handlers = {on_start, on_end, on_text, false};
    struct azure_names *names = mem_zero(1, sizeof *names);
    names->take = take;
    names->arg = arg;
    names->xml = xml_open(&handlers, names, "the list of blobs");
    return names;
}

/* What libxml2 says is of a document of policy: here it is the source's. */
static bool as_source(struct error *err)
{
    struct error own = *err;
    if (own.kind == ERROR_INPUT)
        error_set(err, ERROR_FAILED, BLAME_SOURCE, "LISTING", NULL,
                  "answers with a list of blobs that is malformed: %.900s", own.text);
    return false;
}

bool azure_names_feed(struct azure_names *names, const char *bytes, size_t len, struct error *err)
{
    return xml_feed(names->xml, bytes, len, err) || as_source(err);
}

bool azure_names_finish(struct azure_names *names, char **marker, struct error *err)
{
    *marker = NULL;
    if (!xml_finish(names->xml, err))
        return as_source(err);
    if (!names->is_page)
        return refuse(err, "answers with no list of blobs");
    *marker = mem_copy_string(text_of(names, NODE_MARKER));
    return true;
}

void azure_names_close(struct azure_names *names)
{
    if (!names)
        return;
    xml_close(names->xml);
    for (size_t i = 0; i < NODE_COUNT; i++)
        buf_free(&names->texts[i]);
    free(names);
}

/* What deployment types say of their contents: SMS_DeploymentType.SDMPackageXML, read when a
   content is asked for and not before: a site has thousands of them, each of many kilobytes. */
#include "policy/site_tables.h"
#include "policy/xml.h"

#include "policy/base/text.h"

#include <string.h>

enum option { OPTION_NONE, OPTION_FAST_NETWORK, OPTION_SLOW_NETWORK, OPTION_FALLBACK };

static const struct {
    const char *name;
    enum option option;
} option_elements[] = {
    {"OnFastNetwork", OPTION_FAST_NETWORK},
    {"OnSlowNetwork", OPTION_SLOW_NETWORK},
    {"FallbackToUnprotectedDP", OPTION_FALLBACK},
};

struct reading {
    const struct site_content *content;
    struct site_content_options *options;
    struct xml_reader *xml;
    unsigned depth;
    unsigned inside;    /* depth of the content's element while it is open, else 0 */
    enum option option; /* whose element is open */
    struct buf text;
    bool says; /* an element of the content that holds options was there */
};

/* Names of a content. */

/* "UID:" and "Content_" say no more than the rest does. */
static const char *bare_id(const char *id)
{
    if (strncasecmp(id, "UID:", 4) == 0)
        id += 4;
    return strncasecmp(id, "Content_", 8) == 0 ? id + 8 : id;
}

static bool is_version(const struct site_content *content, const char *text)
{
    int64_t version;
    return text_to_int(text, 0, UINT32_MAX, &version) &&
           (!content->has_version || version == content->version);
}

/* As people name contents, and as CI_UniqueID has it: with "/version". */
static bool is_name(const struct site_content *content, const char *name)
{
    const char *id = bare_id(content->id), *named = bare_id(name);
    size_t len = strlen(id);
    if (strncasecmp(named, id, len) != 0)
        return false;
    const char *rest = named + len;
    return !*rest || ((*rest == '/' || *rest == '.') && is_version(content, rest + 1));
}

static bool is_element_of(const struct site_content *content, const struct xml_element *element)
{
    const char *id = xml_attribute(element, "ContentId");
    const char *version = xml_attribute(element, "Version");
    return strcmp(element->name, "Content") == 0 && id && is_name(content, id) &&
           (!version || is_version(content, version));
}

/* Events */

static enum option find_option(const char *name)
{
    for (size_t i = 0; i < sizeof option_elements / sizeof option_elements[0]; i++)
        if (strcmp(name, option_elements[i].name) == 0)
            return option_elements[i].option;
    return OPTION_NONE;
}

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    (void)err;
    struct reading *reading = arg;
    reading->depth++;
    if (reading->inside && reading->depth == reading->inside + 1) {
        reading->option = find_option(element->name);
        buf_clear(&reading->text);
    } else if (!reading->inside && !reading->says && is_element_of(reading->content, element)) {
        reading->inside = reading->depth;
        reading->options->known = true;
    }
    return true;
}

/* The text without the white space around it. */
static const char *trim(struct buf *text)
{
    static const char blanks[] = " \t\r\n";
    buf_append_text(text, "");
    while (text->len && strchr(blanks, text->data[text->len - 1]))
        text->data[--text->len] = '\0';
    return text->len ? text->data + strspn(text->data, blanks) : "";
}

static bool take_option(struct reading *reading, struct error *err)
{
    const char *word = trim(&reading->text);
    reading->says = true;
    switch (reading->option) {
    case OPTION_NONE:
    case OPTION_FAST_NETWORK: break;
    /* Download, or another word for a way to download. */
    case OPTION_SLOW_NETWORK: reading->options->slow = !text_equal(word, "DoNothing"); break;
    case OPTION_FALLBACK:
        if (!text_to_bool(word, &reading->options->fallback))
            return xml_refuse(reading->xml, err, "SDM_PACKAGE",
                              "FallbackToUnprotectedDP must be true or false, not '%s'", word);
        break;
    }
    return true;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    (void)name;
    struct reading *reading = arg;
    unsigned depth = reading->depth--;
    if (depth == reading->inside) {
        reading->inside = 0;
        return true;
    }
    if (!reading->option || depth != reading->inside + 1)
        return true;
    bool ok = take_option(reading, err);
    reading->option = OPTION_NONE;
    return ok;
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    (void)err;
    struct reading *reading = arg;
    if (reading->option && reading->depth == reading->inside + 1)
        buf_append(&reading->text, text, len);
    return true;
}

/* One deployment type. Its contents may be mentioned more than once: the first mention that holds
   options counts. */
static bool read_options(const struct site *site, const struct site_content *content,
                         const struct instance *instance, const char *xml,
                         struct site_content_options *options, struct error *err)
{
    static const struct xml_handlers handlers = {on_start, on_end, on_text, .many_roots = false};
    const char *where = arena_format(&site->policy->arena, "%s, SDMPackageXML",
                                     instance_where(site->policy, instance));
    *options = (struct site_content_options){.slow = true, .instance = instance};
    struct reading reading = {.content = content, .options = options};
    reading.xml = xml_open(&handlers, &reading, where);
    bool ok = xml_feed(reading.xml, xml, strlen(xml), err) && xml_finish(reading.xml, err);
    xml_close(reading.xml);
    buf_free(&reading.text);
    return ok;
}

/* NULL: it has nothing to say of the content, or its lazy property was not fetched. */
static const char *find_document(const struct site *site, const struct site_content *content,
                                 const struct instance *instance)
{
    const char *xml = instance_get_text(site->policy, instance, "SDMPackageXML");
    const char *id = instance_get_text(site->policy, instance, "ContentId");
    if (!xml || text_is_blank(xml, strlen(xml)))
        return NULL;
    bool is_named = (id && is_name(content, id)) || strcasestr(xml, bare_id(content->id));
    return is_named ? xml : NULL;
}

bool site_find_content_options(const struct site *site, const struct site_content *content,
                               struct site_content_options *options, struct error *err)
{
    size_t count;
    const struct instance *const *types = site_instances(site, "SMS_DeploymentType", &count);
    int64_t newest = -1;
    *options = (struct site_content_options){.known = false};
    for (size_t i = 0; i < count; i++) {
        struct site_content_options said;
        int64_t version = -1;
        const char *xml = find_document(site, content, types[i]);
        if (!xml)
            continue;
        if (!instance_get_int(types[i], "CIVersion", 0, UINT32_MAX, &version, err) ||
            !read_options(site, content, types[i], xml, &said, err))
            return false;
        if (said.known && version >= newest) {
            *options = said;
            newest = version;
        }
    }
    return true;
}

#include "policy/cim_form.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

enum place {
    PLACE_OUTER, /* above an instance, and what may be around one */
    PLACE_INSTANCE,
    PLACE_PROPERTY,
    PLACE_ARRAY,   /* VALUE.ARRAY, VALUE.OBJECTARRAY */
    PLACE_OBJECT,  /* VALUE.OBJECT within a property */
    PLACE_VALUE,   /* its text is the value */
    PLACE_SKIPPED, /* with all that is in it */
};

/* A property that is open: one for each instance that is embedded in the one before. */
struct open_property {
    int64_t cim_type;
    bool is_array;
    bool is_system;   /* __PATH and its kin: not kept */
    bool is_embedded; /* its text is an instance (EmbeddedObject) */
};

struct cim {
    struct xml_reader *xml;
    struct intake *intake;
    char *where;
    size_t depth;
    enum place places[LIMIT_XML_DEPTH + 1]; /* [0] is PLACE_OUTER */
    struct open_property properties[INTAKE_DEPTH + 1];
    struct buf value;
    size_t nested; /* texts that are instances, within each other */
    size_t instances;
};

static bool refuse(struct cim *cim, struct error *err, const char *why)
{
    return why ? xml_refuse(cim->xml, err, "POLICY", "%s", why) : true;
}

static struct open_property *property_of(struct cim *cim)
{
    return &cim->properties[cim->intake->depth];
}

static int64_t find_type(const char *name)
{
    static const struct {
        const char *name;
        int64_t type;
    } rows[] = {
        {"string", CIM_STRING},
        {"boolean", CIM_BOOLEAN},
        {"uint32", 19},
        {"uint64", CIM_UINT64},
        {"datetime", CIM_DATETIME},
        {"sint32", CIM_SINT32},
        {"sint64", CIM_SINT64},
        {"uint16", 18},
        {"sint16", CIM_SINT16},
        {"uint8", 17},
        {"sint8", CIM_SINT8},
    };
    for (size_t i = 0; name && i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].type;
    return CIM_STRING;
}

/* Elements */

static bool start_instance(struct cim *cim, const struct xml_element *element, struct error *err)
{
    const char *class_name = xml_attribute(element, "CLASSNAME");
    if (!class_name || !*class_name)
        return refuse(cim, err, "<INSTANCE> has no CLASSNAME");
    cim->instances++;
    return refuse(cim, err, intake_begin_instance(cim->intake, class_name, NULL, element->line));
}

static bool start_property(struct cim *cim, const struct xml_element *element, bool is_array,
                           struct error *err)
{
    const char *name = xml_attribute(element, "NAME");
    if (!name || !*name)
        return refuse(cim, err, "a property has no NAME");
    const char *embedded = xml_attribute(element, "EmbeddedObject");
    if (!embedded)
        embedded = xml_attribute(element, "EMBEDDEDOBJECT");
    *property_of(cim) = (struct open_property){
        .cim_type = find_type(xml_attribute(element, "TYPE")),
        .is_array = is_array,
        .is_system = text_starts_with(name, "__"),
        .is_embedded = embedded != NULL,
    };
    if (!property_of(cim)->is_system)
        intake_begin_property(cim->intake, name, false, element->line);
    return true;
}

static bool end_property(struct cim *cim, struct error *err)
{
    const struct open_property *property = property_of(cim);
    return property->is_system ||
           refuse(cim, err, intake_end_property(cim->intake, property->is_array));
}

static bool end_instance(struct cim *cim, struct error *err)
{
    unsigned line = 0;
    const char *why = intake_end_instance(cim->intake, &line);
    if (!why)
        return true;
    char *where = mem_format("%s:%u", cim->where, line);
    error_set(err, ERROR_INPUT, BLAME_POLICY, "POLICY", where, "%s", why);
    free(where);
    return false;
}

static bool read_embedded(struct cim *cim, struct error *err);

static bool end_value(struct cim *cim, struct error *err)
{
    const struct open_property *property = property_of(cim);
    if (property->is_system)
        return true;
    if (property->is_embedded)
        return read_embedded(cim, err);
    const char *text = cim->value.data ? cim->value.data : "";
    intake_item(cim->intake, property->cim_type, text, cim->value.len);
    return true;
}

/* The grammar */

static bool is_property(const char *name)
{
    return strcmp(name, "PROPERTY") == 0 || strcmp(name, "PROPERTY.ARRAY") == 0 ||
           strcmp(name, "PROPERTY.OBJECT") == 0 || strcmp(name, "PROPERTY.OBJECTARRAY") == 0;
}

/* Within a property: values, arrays of them, embedded instances. */
static enum place find_value_place(const char *name)
{
    if (strcmp(name, "VALUE") == 0)
        return PLACE_VALUE;
    if (strcmp(name, "VALUE.ARRAY") == 0 || strcmp(name, "VALUE.OBJECTARRAY") == 0)
        return PLACE_ARRAY;
    if (strcmp(name, "VALUE.OBJECT") == 0)
        return PLACE_OBJECT;
    if (strcmp(name, "INSTANCE") == 0)
        return PLACE_INSTANCE;
    return PLACE_SKIPPED;
}

/* Above an instance: names of what an instance is told apart by, and classes, are not around one.
 */
static enum place find_outer_place(const char *name)
{
    static const char *const skipped[] = {
        "INSTANCENAME", "INSTANCEPATH", "LOCALINSTANCEPATH", "QUALIFIER",
        "CLASS",        "VALUE",        "VALUE.REFERENCE",   "QUALIFIER.DECLARATION"};
    if (strcmp(name, "INSTANCE") == 0)
        return PLACE_INSTANCE;
    for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++)
        if (strcmp(name, skipped[i]) == 0)
            return PLACE_SKIPPED;
    return PLACE_OUTER;
}

static enum place find_place(struct cim *cim, enum place parent, const char *name)
{
    switch (parent) {
    case PLACE_OUTER: return find_outer_place(name);
    case PLACE_INSTANCE: return is_property(name) ? PLACE_PROPERTY : PLACE_SKIPPED;
    case PLACE_PROPERTY:
    case PLACE_ARRAY: return property_of(cim)->is_system ? PLACE_SKIPPED : find_value_place(name);
    case PLACE_OBJECT: return strcmp(name, "INSTANCE") == 0 ? PLACE_INSTANCE : PLACE_SKIPPED;
    case PLACE_VALUE:
    case PLACE_SKIPPED: break;
    }
    return PLACE_SKIPPED;
}

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct cim *cim = arg;
    enum place parent = cim->places[cim->depth];
    enum place place = find_place(cim, parent, element->name);
    if (cim->depth == LIMIT_XML_DEPTH) /* counted through texts that are instances */
        return refuse(cim, err, "is nested too deep");
    cim->places[++cim->depth] = place;
    switch (place) {
    case PLACE_INSTANCE: return start_instance(cim, element, err);
    case PLACE_PROPERTY:
        return start_property(cim, element, text_ends_with(element->name, "ARRAY"), err);
    case PLACE_VALUE: buf_clear(&cim->value); break;
    case PLACE_SKIPPED:
        if (parent == PLACE_VALUE)
            return refuse(cim, err, "a <VALUE> holds elements");
        break;
    case PLACE_OUTER:
    case PLACE_ARRAY:
    case PLACE_OBJECT: break;
    }
    return true;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    (void)name;
    struct cim *cim = arg;
    switch (cim->places[cim->depth--]) {
    case PLACE_INSTANCE: return end_instance(cim, err);
    case PLACE_PROPERTY: return end_property(cim, err);
    case PLACE_VALUE: return end_value(cim, err);
    case PLACE_OUTER:
    case PLACE_ARRAY:
    case PLACE_OBJECT:
    case PLACE_SKIPPED: break;
    }
    return true;
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    struct cim *cim = arg;
    enum place place = cim->places[cim->depth];
    if (place == PLACE_SKIPPED)
        return true;
    if (place != PLACE_VALUE)
        return text_is_blank(text, len) || refuse(cim, err, "text stands outside of a <VALUE>");
    buf_append(&cim->value, text, len);
    if (cim->value.len > (size_t)LIMIT_VALUE_BYTES)
        return xml_refuse(cim->xml, err, "XML_LIMIT", "has a value of more than %ld bytes",
                          LIMIT_VALUE_BYTES);
    return true;
}

static const struct xml_handlers embedded_handlers = {on_start, on_end, on_text, true};

/* An instance as text within a value (DSP0201: EmbeddedObject). What it is read into stands in the
   same intake, one deeper. */
static bool read_embedded(struct cim *cim, struct error *err)
{
    if (cim->nested == INTAKE_DEPTH)
        return refuse(cim, err, "instances are embedded in each other more than 8 deep");
    if (text_is_blank(cim->value.data ? cim->value.data : "", cim->value.len))
        return true; /* no instance */
    struct buf text = cim->value;
    struct xml_reader *outer = cim->xml;
    size_t depth = cim->depth;
    enum place place = cim->places[depth];
    cim->value = (struct buf){0};
    cim->nested++;
    cim->places[depth] = PLACE_OBJECT;
    cim->xml = xml_open(&embedded_handlers, cim, cim->where);
    bool ok =
        xml_feed(cim->xml, text.data ? text.data : "", text.len, err) && xml_finish(cim->xml, err);
    xml_close(cim->xml);
    buf_free(&cim->value);
    cim->value = text;
    cim->xml = outer;
    cim->depth = depth;
    cim->places[depth] = place;
    cim->nested--;
    if (!ok && err && strcmp(err->code, "NOT_XML") == 0)
        return refuse(cim, err, "the text of an embedded instance is not XML");
    return ok;
}

/* Life */

static void *cim_open(struct intake *intake, struct xml_reader *reader, const char *where)
{
    struct cim *cim = mem_zero(1, sizeof *cim);
    cim->xml = reader;
    cim->intake = intake;
    cim->where = mem_copy_string(where);
    intake_export(intake);
    return cim;
}

static bool cim_finish(void *form, struct error *err)
{
    struct cim *cim = form;
    return cim->instances || refuse(cim, err, "holds no instance");
}

static void cim_close(void *form)
{
    struct cim *cim = form;
    buf_free(&cim->value);
    free(cim->where);
    free(cim);
}

const struct xml_form_kind cim_kind = {
    .open = cim_open,
    .handlers = {on_start, on_end, on_text, .many_roots = true},
    .finish = cim_finish,
    .close = cim_close,
};

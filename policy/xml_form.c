#include "policy/xml_form.h"

#include "policy/base/text.h"
#include "policy/body.h"
#include "policy/cim_form.h"
#include "policy/packed.h"
#include "policy/reply_form.h"

#include <stdlib.h>
#include <string.h>

struct xml_form {
    struct intake *intake;
    struct xml_reader *reader;
    char *where;
    bool packed;
    size_t depth;
    char *wrapper; /* a root element that may be around exported instances, or NULL */
    const struct xml_form_kind *kind; /* NULL until an element told it */
    bool many;                        /* the kind takes several roots */
    bool collection;                  /* within <PolicyDocuments> */
    void *form;
};

static const struct {
    const char *root;
    const struct xml_form_kind *kind;
    bool many; /* may stand several times, one after another */
} roots[] = {
    {"Policy", &body_kind, false},          {"PolicyXML", &packed_kind, false},
    {"INSTANCE", &cim_kind, true},          {"CIM", &cim_kind, true},
    {"DECLARATION", &cim_kind, true},       {"DECLGROUP", &cim_kind, true},
    {"VALUE.OBJECT", &cim_kind, true},      {"VALUE.NAMEDINSTANCE", &cim_kind, true},
    {"IRETURNVALUE", &cim_kind, true},      {"VALUE.OBJECTWITHPATH", &cim_kind, true},
    {"VALUE.OBJECTARRAY", &cim_kind, true}, {"ReplyAssignments", &reply_kind, false},
};

#define ROOT_COUNT (sizeof roots / sizeof roots[0])

static size_t find_root(const char *name)
{
    size_t i = 0;
    while (i < ROOT_COUNT && strcmp(roots[i].root, name) != 0)
        i++;
    return i;
}

static bool refuse_form(struct xml_form *form, const char *root, struct error *err)
{
    return xml_refuse(form->reader, err, "POLICY_FORM",
                      "is not a policy document form that nearpoint reads: its root element is "
                      "<%s>",
                      root);
}

/* An element of any name may be around exported instances: its first child tells. */
static bool choose(struct xml_form *form, const struct xml_element *element, struct error *err)
{
    if (!form->wrapper && strcmp(element->name, "PolicyDocuments") == 0)
        return form->collection = true;
    size_t root = find_root(element->name);
    bool is_export = root < ROOT_COUNT && roots[root].many;
    if (form->wrapper && !is_export)
        return refuse_form(form, form->wrapper, err);
    if (root == ROOT_COUNT) {
        form->wrapper = mem_copy_string(element->name);
        return true;
    }
    if (form->packed && roots[root].kind == &packed_kind)
        return xml_refuse(form->reader, err, "POLICY_FORM", "is a PolicyXML within a PolicyXML");
    form->kind = roots[root].kind;
    form->many = is_export;
    form->form = form->kind->open(form->intake, form->reader, form->where);
    const struct xml_element wrapper = {.name = form->wrapper, .line = element->line};
    return !form->wrapper || form->kind->handlers.start(form->form, &wrapper, err);
}

static void close_form(struct xml_form *form)
{
    if (form->kind)
        form->kind->close(form->form);
    form->kind = NULL;
}

/* Each policy of a collection is a document of its own. */
static bool next_policy(struct xml_form *form, const struct xml_element *element, struct error *err)
{
    if (strcmp(element->name, "Policy") != 0)
        return xml_refuse(form->reader, err, "POLICY", "<%s> stands within <PolicyDocuments>",
                          element->name);
    if (form->kind)
        intake_next(form->intake);
    close_form(form);
    form->kind = &body_kind;
    form->form = body_kind.open(form->intake, form->reader, form->where);
    return true;
}

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct xml_form *form = arg;
    size_t depth = form->depth++;
    size_t root = depth == 0 && form->kind ? find_root(element->name) : ROOT_COUNT;
    bool is_alone = root < ROOT_COUNT && !roots[root].many;
    if (depth == 0 && (form->collection || (form->kind && (!form->many || is_alone))))
        return xml_refuse(form->reader, err, "XML", "has more than one root element");
    bool ok = form->collection && depth == 1 ? next_policy(form, element, err)
                                             : form->kind || choose(form, element, err);
    if (!ok)
        return false;
    return !form->kind || form->kind->handlers.start(form->form, element, err);
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    struct xml_form *form = arg;
    form->depth--;
    if (form->collection && form->depth == 0)
        return true;
    return form->kind ? form->kind->handlers.end(form->form, name, err)
                      : refuse_form(form, form->wrapper, err);
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    struct xml_form *form = arg;
    if (form->kind && !(form->collection && form->depth == 1))
        return form->kind->handlers.text(form->form, text, len, err);
    return text_is_blank(text, len) ||
           refuse_form(form, form->wrapper ? form->wrapper : "PolicyDocuments", err);
}

struct xml_form *xml_form_open(struct intake *intake, const char *where, bool packed)
{
    static const struct xml_handlers handlers = {on_start, on_end, on_text, .many_roots = true};
    struct xml_form *form = mem_zero(1, sizeof *form);
    form->intake = intake;
    form->where = mem_copy_string(where);
    form->packed = packed;
    form->reader = xml_open(&handlers, form, where);
    return form;
}

bool xml_form_feed(struct xml_form *form, const char *bytes, size_t len, struct error *err)
{
    return xml_feed(form->reader, bytes, len, err);
}

bool xml_form_finish(struct xml_form *form, struct error *err)
{
    return xml_finish(form->reader, err) &&
           (!form->kind || !form->kind->finish || form->kind->finish(form->form, err));
}

void xml_form_close(struct xml_form *form)
{
    if (!form)
        return;
    close_form(form);
    xml_close(form->reader);
    free(form->wrapper);
    free(form->where);
    free(form);
}

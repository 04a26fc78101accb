#include "policy/body.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

enum place {
    PLACE_ROOT, /* above the root element */
    PLACE_POLICY,
    PLACE_RULE,
    PLACE_CONDITION,
    PLACE_ACTION,
    PLACE_INSTANCE,
    PLACE_PROPERTY,
    PLACE_VALUE,
    PLACE_MARKUP,  /* elements of a value: a manifest that is not escaped */
    PLACE_SKIPPED, /* what nearpoint does not know or cannot read */
};

/* Where each element stands. */
static const struct {
    const char *name;
    enum place parent, place;
} grammar[] = {
    {"Policy", PLACE_ROOT, PLACE_POLICY},       {"PolicyRule", PLACE_POLICY, PLACE_RULE},
    {"Condition", PLACE_RULE, PLACE_CONDITION}, {"PolicyAction", PLACE_RULE, PLACE_ACTION},
    {"instance", PLACE_ACTION, PLACE_INSTANCE}, {"property", PLACE_INSTANCE, PLACE_PROPERTY},
    {"value", PLACE_PROPERTY, PLACE_VALUE},
};

#define GRAMMAR_COUNT (sizeof grammar / sizeof grammar[0])

struct body {
    struct xml_reader *xml;
    struct intake *intake;
    size_t depth;
    enum place places[LIMIT_XML_DEPTH + 1]; /* [0] is PLACE_ROOT */
    char *rule;                             /* PolicyRuleID or NULL */
    size_t rule_first;                      /* its first instance in policy->requested */
    char *rule_why_not;
    int64_t cim_types[INTAKE_DEPTH + 1]; /* of the properties that are open, by intake->depth */
    bool takes_markup;
    bool keeps_blanks;
    bool warned; /* of an unknown element: once a document */
    struct buf value;
};

/* The type of the property that is open. */
static int64_t *cim_type(struct body *body)
{
    return &body->cim_types[body->intake->depth];
}

static bool is_object(struct body *body)
{
    return (*cim_type(body) & ~(int64_t)CIM_ARRAY) == CIM_OBJECT;
}

static bool refuse(struct body *body, struct error *err, const char *why)
{
    return why ? xml_refuse(body->xml, err, "POLICY", "%s", why) : true;
}

static bool refuse_at(struct body *body, unsigned line, struct error *err, const char *why)
{
    if (!why)
        return true;
    char *where = mem_format("%s:%u", body->intake->document->path, line);
    error_set(err, ERROR_INPUT, BLAME_POLICY, "POLICY", where, "%s", why);
    free(where);
    return false;
}

/* Elements, one function each */

static bool start_policy(struct body *body, const struct xml_element *element, struct error *err)
{
    const char *why = intake_document(
        body->intake, xml_attribute(element, "PolicyID"), xml_attribute(element, "PolicyVersion"),
        xml_attribute(element, "PolicySource"), xml_attribute(element, "PolicyCategory"),
        xml_attribute(element, "PolicyPrecedence"));
    const char *type = xml_attribute(element, "PolicyType");
    if (type && text_equal(type, "User")) {
        body->intake->document->for_users = true;
        body->intake->document->why_not = "PolicyType is User: it is for users, not for machines";
    }
    return refuse(body, err, why);
}

static void start_rule(struct body *body, const struct xml_element *element)
{
    const char *id = xml_attribute(element, "PolicyRuleID");
    body->rule = id ? mem_copy_string(id) : NULL;
    body->rule_first = body->intake->policy->requested_count;
}

static void rule_not_applied(struct body *body, const char *why)
{
    if (!body->rule_why_not)
        body->rule_why_not =
            mem_format("rule %s is not applied: %s", body->rule ? body->rule : "without ID", why);
}

static enum place start_action(struct body *body, const struct xml_element *element)
{
    const char *type = xml_attribute(element, "PolicyActionType");
    if (!type || text_equal(type, "WMI-XML"))
        return PLACE_ACTION;
    char *why = mem_format("its action is of the type %s, which is not read", type);
    rule_not_applied(body, why);
    free(why);
    return PLACE_SKIPPED;
}

static bool start_instance(struct body *body, const struct xml_element *element, struct error *err)
{
    const char *class_name = xml_attribute(element, "class");
    const char *partial = xml_attribute(element, "PolicyPartial");
    if (!class_name || !*class_name)
        return refuse(body, err, "<instance> has no class");
    const char *why = intake_begin_instance(body->intake, class_name, body->rule, element->line);
    if (!why && partial && !text_to_bool(partial, &intake_instance(body->intake)->partial))
        why = "PolicyPartial is neither true nor false";
    return refuse(body, err, why);
}

static bool start_property(struct body *body, const struct xml_element *element, struct error *err)
{
    const char *name = xml_attribute(element, "name");
    const char *type = xml_attribute(element, "type");
    const char *secret = xml_attribute(element, "secret");
    bool is_secret = false;
    if (!name || !*name)
        return refuse(body, err, "<property> has no name");
    *cim_type(body) = CIM_STRING;
    if (type && !text_to_int(type, 0, 2 * CIM_ARRAY - 1, cim_type(body)))
        return refuse(body, err, "the type of a property is no CIM type number");
    if (secret && !text_to_bool(secret, &is_secret))
        return refuse(body, err, "secret is neither 1 nor 0");
    intake_begin_property(body->intake, name, is_secret, element->line);
    body->takes_markup = text_equal(intake_instance(body->intake)->class_name, "NP_Content") &&
                         text_equal(name, "Manifest");
    return true;
}

static bool check_value_size(struct body *body, struct error *err)
{
    if (body->value.len <= (size_t)LIMIT_VALUE_BYTES)
        return true;
    return xml_refuse(body->xml, err, "XML_LIMIT", "has a value of more than %ld bytes",
                      LIMIT_VALUE_BYTES);
}

/* Written out again, so that a manifest is one text whichever way it stands in the document. */
static bool start_markup(struct body *body, const struct xml_element *element, struct error *err)
{
    buf_format(&body->value, "<%s", element->name);
    for (size_t i = 0; i < element->count; i++) {
        const struct xml_attribute *attribute = &element->attributes[i];
        buf_format(&body->value, " %s=\"", attribute->name);
        xml_escape(&body->value, attribute->value, strlen(attribute->value));
        buf_append_text(&body->value, "\"");
    }
    buf_append_text(&body->value, ">");
    return check_value_size(body, err);
}

static bool end_markup(struct body *body, const char *name, struct error *err)
{
    buf_format(&body->value, "</%s>", name);
    return check_value_size(body, err);
}

static void start_value(struct body *body, const struct xml_element *element)
{
    const char *space = xml_attribute(element, "space"); /* xml:space */
    body->keeps_blanks = space && strcmp(space, "preserve") == 0;
    buf_clear(&body->value);
}

/* White space around a value is layout: exports put a CDATA section on lines of its own. */
static void end_value(struct body *body)
{
    static const char blanks[] = " \t\r\n";
    const char *text = body->value.data ? body->value.data : "";
    size_t len = body->value.len;
    if (is_object(body))
        return;
    while (!body->keeps_blanks && len && strchr(blanks, text[len - 1]))
        len--;
    size_t lead = body->keeps_blanks ? 0 : strspn(text, blanks);
    lead = lead < len ? lead : len;
    intake_item(body->intake, *cim_type(body), text + lead, len - lead);
}

static bool end_instance(struct body *body, struct error *err)
{
    unsigned line = 0;
    const char *why = intake_end_instance(body->intake, &line);
    return refuse_at(body, line, err, why);
}

static bool end_property(struct body *body, struct error *err)
{
    bool is_array = (*cim_type(body) & CIM_ARRAY) != 0;
    return refuse(body, err, intake_end_property(body->intake, is_array));
}

static void end_rule(struct body *body)
{
    struct document *document = body->intake->document;
    document->rule_count++;
    if (body->rule_why_not) {
        const char *why = intake_not_applied(body->intake, body->rule_first, body->rule_why_not);
        if (document->rules_not_applied++ == 0)
            document->rule_why_not = why;
    }
    free(body->rule);
    free(body->rule_why_not);
    body->rule = body->rule_why_not = NULL;
}

/* The grammar */

static bool is_in_grammar(const char *name)
{
    for (size_t i = 0; i < GRAMMAR_COUNT; i++)
        if (strcmp(grammar[i].name, name) == 0)
            return true;
    return false;
}

static enum place find_place(struct body *body, enum place parent, const char *name)
{
    if (parent == PLACE_CONDITION || parent == PLACE_SKIPPED)
        return PLACE_SKIPPED;
    if (parent == PLACE_VALUE && is_object(body) && strcmp(name, "instance") == 0)
        return PLACE_INSTANCE;
    if (parent == PLACE_VALUE || parent == PLACE_MARKUP)
        return PLACE_MARKUP;
    for (size_t i = 0; i < GRAMMAR_COUNT; i++)
        if (grammar[i].parent == parent && strcmp(grammar[i].name, name) == 0)
            return grammar[i].place;
    return PLACE_SKIPPED;
}

/* What is not known is passed over aloud; what is known but misplaced would change the meaning. */
static bool check_place(struct body *body, enum place parent, const struct xml_element *element,
                        struct error *err)
{
    if (parent == PLACE_CONDITION || parent == PLACE_SKIPPED)
        return true;
    if (is_in_grammar(element->name))
        return xml_refuse(body->xml, err, "POLICY", "<%s> stands in the wrong place",
                          element->name);
    if (!body->warned) {
        char *where = mem_format("%s:%u", body->intake->document->path, element->line);
        policy_warn(body->intake->policy, "UNKNOWN_ELEMENT", where,
                    "the element <%s> is not known; it and others like it are passed over",
                    element->name);
        free(where);
    }
    body->warned = true;
    return true;
}

static bool on_start(void *arg, const struct xml_element *element, struct error *err)
{
    struct body *body = arg;
    enum place parent = body->places[body->depth];
    enum place place = find_place(body, parent, element->name);
    bool ok = true;
    switch (place) {
    case PLACE_POLICY: ok = start_policy(body, element, err); break;
    case PLACE_RULE: start_rule(body, element); break;
    case PLACE_CONDITION: rule_not_applied(body, "its Condition cannot be evaluated here"); break;
    case PLACE_ACTION: place = start_action(body, element); break;
    case PLACE_INSTANCE: ok = start_instance(body, element, err); break;
    case PLACE_PROPERTY: ok = start_property(body, element, err); break;
    case PLACE_VALUE: start_value(body, element); break;
    case PLACE_MARKUP:
        ok = body->takes_markup ? start_markup(body, element, err)
                                : refuse(body, err, "a <value> holds elements");
        break;
    case PLACE_SKIPPED: ok = check_place(body, parent, element, err); break;
    case PLACE_ROOT: break;
    }
    body->places[++body->depth] = place;
    return ok;
}

static bool on_end(void *arg, const char *name, struct error *err)
{
    struct body *body = arg;
    switch (body->places[body->depth--]) {
    case PLACE_RULE: end_rule(body); break;
    case PLACE_INSTANCE: return end_instance(body, err);
    case PLACE_PROPERTY: return end_property(body, err);
    case PLACE_VALUE: end_value(body); break;
    case PLACE_MARKUP: return end_markup(body, name, err);
    case PLACE_ROOT:
    case PLACE_POLICY:
    case PLACE_CONDITION:
    case PLACE_ACTION:
    case PLACE_SKIPPED: break;
    }
    return true;
}

static bool on_text(void *arg, const char *text, size_t len, struct error *err)
{
    struct body *body = arg;
    switch (body->places[body->depth]) {
    case PLACE_VALUE:
        if (is_object(body))
            break;
        buf_append(&body->value, text, len);
        return check_value_size(body, err);
    case PLACE_MARKUP: xml_escape(&body->value, text, len); return check_value_size(body, err);
    case PLACE_CONDITION:
    case PLACE_SKIPPED: return true;
    case PLACE_ROOT:
    case PLACE_POLICY:
    case PLACE_RULE:
    case PLACE_ACTION:
    case PLACE_INSTANCE:
    case PLACE_PROPERTY: break;
    }
    return text_is_blank(text, len) || refuse(body, err, "text stands outside of a <value>");
}

/* Life */

static void *body_open(struct intake *intake, struct xml_reader *reader, const char *where)
{
    (void)where;
    struct body *body = mem_zero(1, sizeof *body);
    body->intake = intake;
    body->xml = reader;
    return body;
}

static void body_close(void *form)
{
    struct body *body = form;
    buf_free(&body->value);
    free(body->rule);
    free(body->rule_why_not);
    free(body);
}

const struct xml_form_kind body_kind = {
    .open = body_open,
    .handlers = {on_start, on_end, on_text, .many_roots = false},
    .close = body_close,
};

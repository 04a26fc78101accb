#include "policy/write.h"

#include "policy/base/text.h"
#include "policy/intake.h"
#include "policy/xml.h"

#include <inttypes.h>
#include <string.h>

#define CIM_SINT64 20

void write_declaration(struct buf *out)
{
    buf_append_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

void write_open(struct buf *out)
{
    write_declaration(out);
    buf_append_text(out, "<PolicyDocuments>\n");
}

void write_close(struct buf *out)
{
    buf_append_text(out, "</PolicyDocuments>\n");
}

static void add_attribute(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    buf_format(out, " %s=\"", name);
    xml_escape(out, value, strlen(value));
    buf_append_text(out, "\"");
}

void write_document_open(struct buf *out, const struct write_head *head)
{
    buf_append_text(out, "<Policy SchemaVersion=\"1.00\"");
    add_attribute(out, "PolicyType", head->for_users ? "User" : "Machine");
    add_attribute(out, "PolicyID", head->policy_id);
    add_attribute(out, "PolicyVersion", head->version);
    add_attribute(out, "PolicySource", head->source);
    if (head->layer == LAYER_CUSTOM)
        add_attribute(out, "PolicyCategory", "CustomSettings");
    if (head->priority != PRECEDENCE_NONE)
        buf_format(out, " PolicyPrecedence=\"%" PRId64 "\"", head->priority);
    buf_append_text(out, ">\n");
}

void write_document_close(struct buf *out)
{
    buf_append_text(out, "</Policy>\n");
}

void write_rule_open(struct buf *out, const char *id, bool is_applied)
{
    buf_append_text(out, " <PolicyRule");
    add_attribute(out, "PolicyRuleID", id);
    buf_append_text(out, is_applied ? ">\n" : ">\n  <Condition/>\n");
    buf_append_text(out, "  <PolicyAction PolicyActionType=\"WMI-XML\">\n");
}

void write_rule_close(struct buf *out)
{
    buf_append_text(out, "  </PolicyAction>\n </PolicyRule>\n");
}

void write_instance_open(struct buf *out, const char *class_name, bool partial,
                         bool partial_by_default)
{
    buf_append_text(out, "   <instance");
    add_attribute(out, "class", class_name);
    if (partial != partial_by_default)
        add_attribute(out, "PolicyPartial", partial ? "true" : "false");
    buf_append_text(out, ">\n");
}

void write_instance_close(struct buf *out)
{
    buf_append_text(out, "   </instance>\n");
}

/* Values */

static bool reads_as_number(const struct value *value)
{
    int64_t number;
    return value->type == VALUE_TEXT && text_to_int(value->text, INT64_MIN, INT64_MAX, &number);
}

/* The type by which all items read back as what they are; a text among numbers stays text, as one
   that a document's writer took for a number does. */
static int64_t type_of_items(const struct value *array)
{
    bool has[VALUE_OBJECT + 1] = {false}, has_digits = false;
    for (uint32_t i = 0; i < array->count; i++) {
        has[array->items[i].type] = true;
        has_digits = has_digits || reads_as_number(&array->items[i]);
    }
    if (has[VALUE_OBJECT])
        return CIM_OBJECT;
    if (has[VALUE_INT] && !has_digits)
        return CIM_SINT64;
    return has[VALUE_BOOL] && !has[VALUE_INT] ? CIM_BOOLEAN : CIM_STRING;
}

static int64_t type_of(const struct value *value)
{
    switch (value->type) {
    case VALUE_BOOL: return CIM_BOOLEAN;
    case VALUE_INT: return CIM_SINT64;
    case VALUE_ARRAY: return type_of_items(value) | CIM_ARRAY;
    case VALUE_OBJECT: return CIM_OBJECT;
    case VALUE_NULL:
    case VALUE_TEXT: break;
    }
    return CIM_STRING;
}

/* What XML cannot hold at all, escaped or not, and JSON can. */
static bool is_unwritable(char c)
{
    return (unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

static void add_escaped(struct buf *out, const char *text, size_t len)
{
    size_t done = 0;
    for (size_t i = 0; i < len; i++) {
        if (!is_unwritable(text[i]))
            continue;
        xml_escape(out, text + done, i - done);
        buf_append_text(out, "\xEF\xBF\xBD"); /* U+FFFD */
        done = i + 1;
    }
    xml_escape(out, text + done, len - done);
}

/* White space around a value counts only where it is said. */
static void add_text_value(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    bool keeps = len && (text_is_blank(text, 1) || text_is_blank(text + len - 1, 1));
    buf_append_text(out, keeps ? "<value xml:space=\"preserve\">" : "<value>");
    add_escaped(out, text, len);
    buf_append_text(out, "</value>");
}

static void add_value(struct buf *out, const struct value *value)
{
    switch (value->type) {
    case VALUE_BOOL: add_text_value(out, value->truth ? "true" : "false"); break;
    case VALUE_INT: buf_format(out, "<value>%" PRId64 "</value>", value->number); break;
    case VALUE_TEXT: add_text_value(out, value->text); break;
    case VALUE_OBJECT:
        buf_append_text(out, "<value>\n");
        write_instance(out, value->object, value->object->partial);
        buf_append_text(out, "</value>");
        break;
    case VALUE_ARRAY:
        for (uint32_t i = 0; i < value->count; i++)
            add_value(out, &value->items[i]);
        break;
    case VALUE_NULL: break;
    }
}

void write_property(struct buf *out, const char *name, const struct value *value, bool secret)
{
    buf_append_text(out, "    <property");
    add_attribute(out, "name", name);
    buf_format(out, " type=\"%" PRId64 "\"%s>", type_of(value), secret ? " secret=\"1\"" : "");
    if (!secret)
        add_value(out, value);
    buf_append_text(out, "</property>\n");
}

void write_instance(struct buf *out, const struct instance *instance, bool partial_by_default)
{
    write_instance_open(out, instance->class_name, instance->partial, partial_by_default);
    for (uint32_t i = 0; i < instance->count; i++) {
        const struct property *property = &instance->properties[i];
        write_property(out, property->name, &property->value, property->secret);
    }
    write_instance_close(out);
}

#include "policy/intake.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/version.h"

#include <stdlib.h>
#include <string.h>

#define HIDDEN "(hidden)"

/* Names */

#define NAME_SLOTS 1024

/* A document repeats a few names a million times. Bounded, so that a hostile one with a million
   names costs no more than their bytes. */
struct names {
    const char *slots[NAME_SLOTS];
};

static const char *keep_name(struct policy *policy, const char *name)
{
    size_t hash = 5381;
    for (const char *c = name; *c; c++)
        hash = hash * 33 + (unsigned char)*c;
    if (!policy->names)
        policy->names = arena_zero(&policy->arena, 1, sizeof *policy->names);
    const char **slot = &policy->names->slots[hash % NAME_SLOTS];
    if (!*slot || strcmp(*slot, name) != 0)
        *slot = arena_copy_string(&policy->arena, name);
    return *slot;
}

/* Documents */

void intake_begin(struct intake *intake, struct policy *policy, const char *path)
{
    struct document *document = arena_zero(&policy->arena, 1, sizeof *document);
    document->path = arena_copy_string(&policy->arena, path);
    document->order = policy->document_count;
    *intake = (struct intake){.policy = policy, .document = document};
    policy->documents = mem_grow(policy->documents, &policy->document_cap,
                                 policy->document_count + 1, sizeof(struct document *));
    policy->documents[policy->document_count++] = document;
}

void intake_free(struct intake *intake)
{
    free(intake->properties);
    free(intake->items);
    *intake = (struct intake){0};
}

static enum layer find_layer(const char *source, const char *category)
{
    if (source && text_equal(source, "Local"))
        return LAYER_LOCAL;
    return category && text_equal(category, "CustomSettings") ? LAYER_CUSTOM : LAYER_DEFAULT;
}

const char *intake_document(struct intake *intake, const char *policy_id, const char *version,
                            const char *source, const char *category, const char *precedence)
{
    struct document *document = intake->document;
    struct arena *arena = &intake->policy->arena;
    if (!policy_id || !*policy_id)
        return "<Policy> has no PolicyID";
    if (strlen(policy_id) > LIMIT_POLICY_ID || !text_is_plain(policy_id))
        return "PolicyID is longer than 256 bytes or holds control characters";
    if (!version || !version_parse(version, document->version))
        return "PolicyVersion is missing or not a number as 2.00";
    if (source && !text_is_plain(source))
        return "PolicySource holds control characters";
    document->priority = PRECEDENCE_NONE;
    if (precedence && !text_to_int(precedence, 0, UINT32_MAX, &document->priority))
        return "PolicyPrecedence is not a number from 0 to 4294967295";
    document->policy_id = arena_copy_string(arena, policy_id);
    document->version_text = arena_copy_string(arena, version);
    document->source = source ? arena_copy_string(arena, source) : NULL;
    document->layer = find_layer(source, category);
    return NULL;
}

const char *intake_not_applied(struct intake *intake, size_t first, const char *why_not)
{
    const char *kept = arena_copy_string(&intake->policy->arena, why_not);
    for (size_t i = first; i < intake->policy->requested_count; i++)
        intake->policy->requested[i]->why_not = kept;
    return kept;
}

/* Instances */

void intake_begin_instance(struct intake *intake, const char *class_name, const char *rule,
                           unsigned line)
{
    struct policy *policy = intake->policy;
    struct instance *instance = arena_zero(&policy->arena, 1, sizeof *instance);
    instance->class_name = keep_name(policy, class_name);
    instance->document = intake->document;
    instance->rule = rule ? keep_name(policy, rule) : NULL;
    instance->line = line;
    instance->partial = intake->document->layer >= LAYER_CUSTOM;
    intake->instance = instance;
    intake->property_count = 0;
}

static int by_name_then_place(const void *a, const void *b)
{
    const struct property *left = *(const struct property *const *)a;
    const struct property *right = *(const struct property *const *)b;
    int order = text_compare(left->name, right->name);
    return order ? order : (left > right) - (left < right);
}

/* Sorted, not in pairs: a hostile instance may have a million. */
static const struct property *find_double(const struct intake *intake)
{
    size_t count = intake->property_count;
    const struct property **sorted = mem_zero(count, sizeof(struct property *));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &intake->properties[i];
    qsort(sorted, count, sizeof(struct property *), by_name_then_place);
    const struct property *found = NULL;
    for (size_t i = 1; i < count && !found; i++)
        if (text_equal(sorted[i - 1]->name, sorted[i]->name))
            found = sorted[i];
    free(sorted);
    return found;
}

const char *intake_end_instance(struct intake *intake, unsigned *line)
{
    struct policy *policy = intake->policy;
    struct instance *instance = intake->instance;
    const struct property *twice = find_double(intake);
    if (twice) {
        *line = twice->line;
        return arena_format(&policy->arena, "the property '%s' stands twice in one instance",
                            twice->name);
    }
    struct property *kept =
        arena_zero(&policy->arena, intake->property_count, sizeof(struct property));
    if (intake->property_count)
        memcpy(kept, intake->properties, intake->property_count * sizeof *kept);
    instance->count = intake->property_count;
    instance->properties = kept;
    policy->requested = mem_grow(policy->requested, &policy->requested_cap,
                                 policy->requested_count + 1, sizeof(struct instance *));
    policy->requested[policy->requested_count++] = instance;
    return NULL;
}

/* Properties */

/* Secret by what they are, whether the document says so or not (policy model: Names and secrets).
 */
static bool is_secret(const char *class_name, const char *name)
{
    static const struct {
        const char *class_name; /* NULL: of any class */
        const char *name;
    } rows[] = {
        {"NP_CloudAccess", "SasToken"},  {"NP_CloudAccess", "Key"},        {NULL, "PXEPassword"},
        {NULL, "NetworkAccessPassword"}, {NULL, "CertificateContextData"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (text_equal(rows[i].name, name) &&
            (!rows[i].class_name || text_equal(rows[i].class_name, class_name)))
            return true;
    return false;
}

void intake_begin_property(struct intake *intake, const char *name, bool secret, unsigned line)
{
    intake->properties = mem_grow(intake->properties, &intake->property_cap,
                                  intake->property_count + 1, sizeof(struct property));
    intake->properties[intake->property_count] = (struct property){
        .name = keep_name(intake->policy, name),
        .secret = secret || is_secret(intake->instance->class_name, name),
        .line = line,
    };
    intake->item_count = 0;
}

static bool is_number_type(int64_t cim_type)
{
    return cim_type == CIM_SINT16 || cim_type == CIM_SINT32 ||
           (cim_type >= CIM_SINT8 && cim_type <= CIM_UINT64);
}

/* A text that is not of its type is kept as text: who needs the number will say so. */
static struct value convert(struct intake *intake, int64_t cim_type, const char *text, size_t len)
{
    struct value value = {.type = VALUE_NULL};
    char *copy = NULL;
    if (cim_type != CIM_STRING && len < 32)
        copy = mem_copy_bytes(text, len);
    if (copy && is_number_type(cim_type) && text_to_int(copy, INT64_MIN, INT64_MAX, &value.number))
        value.type = VALUE_INT;
    else if (copy && cim_type == CIM_BOOLEAN && text_to_bool(copy, &value.truth))
        value.type = VALUE_BOOL;
    else if (len || cim_type == CIM_STRING) {
        value.type = VALUE_TEXT;
        value.text = arena_copy_bytes(&intake->policy->arena, text, len);
    }
    free(copy);
    return value;
}

void intake_item(struct intake *intake, int64_t cim_type, const char *text, size_t len)
{
    intake->items =
        mem_grow(intake->items, &intake->item_cap, intake->item_count + 1, sizeof(struct value));
    intake->items[intake->item_count++] =
        convert(intake, cim_type & ~(int64_t)CIM_ARRAY, text, len);
}

static bool is_hidden(const struct value *value)
{
    return value->type == VALUE_TEXT && strcmp(value->text, HIDDEN) == 0;
}

const char *intake_end_property(struct intake *intake, int64_t cim_type)
{
    struct property *property = &intake->properties[intake->property_count++];
    for (size_t i = 0; i < intake->item_count; i++)
        if (property->secret && is_hidden(&intake->items[i]))
            return arena_format(&intake->policy->arena,
                                "the secret '%s' reads " HIDDEN ": put in the value itself",
                                property->name);
    if (intake->item_count == 1 && !(cim_type & CIM_ARRAY)) {
        property->value = intake->items[0];
    } else if (intake->item_count) {
        struct value *items =
            arena_zero(&intake->policy->arena, intake->item_count, sizeof(struct value));
        memcpy(items, intake->items, intake->item_count * sizeof *items);
        property->value =
            (struct value){.type = VALUE_ARRAY, .count = intake->item_count, .items = items};
    }
    return NULL;
}

#include "policy/intake.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"
#include "policy/datetime.h"
#include "policy/version.h"

#include <stdlib.h>
#include <string.h>

#define HIDDEN "(hidden)"

/* Names */

#define NAME_SLOTS 1024

struct name {
    const char *text;
    bool may_be_secret; /* as a property's */
};

/* A document repeats a few names a million times. Bounded, so that a hostile one with a million
   names costs no more than their bytes. */
struct names {
    struct name slots[NAME_SLOTS];
};

/* Secret by what they are, whether the document says so or not (policy model: Names and secrets).
 */
static const struct secret_row {
    const char *class_name; /* NULL: of any class */
    const char *name;
} secret_rows[] = {
    {"NP_CloudAccess", "SasToken"},  {"NP_CloudAccess", "Key"},        {NULL, "PXEPassword"},
    {NULL, "NetworkAccessPassword"}, {NULL, "CertificateContextData"},
};

#define SECRET_COUNT (sizeof secret_rows / sizeof secret_rows[0])

static bool may_be_secret(const char *name)
{
    for (size_t i = 0; i < SECRET_COUNT; i++)
        if (text_equal(secret_rows[i].name, name))
            return true;
    return false;
}

static const struct name *keep_name(struct policy *policy, const char *text)
{
    size_t hash = 5381;
    for (const char *c = text; *c; c++)
        hash = hash * 33 + (unsigned char)*c;
    if (!policy->names)
        policy->names = arena_zero(&policy->arena, 1, sizeof *policy->names);
    struct name *slot = &policy->names->slots[hash % NAME_SLOTS];
    if (!slot->text || strcmp(slot->text, text) != 0)
        *slot = (struct name){arena_copy_string(&policy->arena, text), may_be_secret(text)};
    return slot;
}

/* Documents */

static struct document *add_document(struct policy *policy, const char *path)
{
    struct document *document = arena_zero(&policy->arena, 1, sizeof *document);
    document->path = path;
    document->order = policy->document_count;
    policy->documents = mem_grow(policy->documents, &policy->document_cap,
                                 policy->document_count + 1, sizeof(struct document *));
    policy->documents[policy->document_count++] = document;
    return document;
}

void intake_begin(struct intake *intake, struct policy *policy, const char *path)
{
    const char *kept = arena_copy_string(&policy->arena, path);
    *intake = (struct intake){.policy = policy, .document = add_document(policy, kept)};
}

void intake_next(struct intake *intake)
{
    unsigned part = intake->document->part;
    intake->document = add_document(intake->policy, intake->document->path);
    intake->document->part = part + 1;
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

void intake_export(struct intake *intake)
{
    intake->document->layer = LAYER_DEFAULT;
    intake->document->priority = PRECEDENCE_NONE;
}

const char *intake_not_applied(struct intake *intake, size_t first, const char *why_not)
{
    const char *kept = arena_copy_string(&intake->policy->arena, why_not);
    for (size_t i = first; i < intake->policy->requested_count; i++)
        intake->policy->requested[i]->why_not = kept;
    return kept;
}

/* Instances */

const char *intake_begin_instance(struct intake *intake, const char *class_name, const char *rule,
                                  unsigned line)
{
    struct policy *policy = intake->policy;
    if (intake->depth == INTAKE_DEPTH)
        return "instances are embedded in each other more than 8 deep";
    struct instance *instance = arena_zero(&policy->arena, 1, sizeof *instance);
    instance->class_name = keep_name(policy, class_name)->text;
    instance->document = intake->document;
    instance->rule = rule ? keep_name(policy, rule)->text : NULL;
    instance->line = line;
    instance->partial = intake->document->layer >= LAYER_CUSTOM;
    intake->frames[intake->depth++] =
        (struct intake_frame){.instance = instance, .first_property = intake->property_count};
    return NULL;
}

static struct intake_frame *top(struct intake *intake)
{
    return &intake->frames[intake->depth - 1];
}

struct instance *intake_instance(struct intake *intake)
{
    return top(intake)->instance;
}

static int by_name_then_place(const void *a, const void *b)
{
    const struct property *left = *(const struct property *const *)a;
    const struct property *right = *(const struct property *const *)b;
    int order = text_compare(left->name, right->name);
    return order ? order : (left > right) - (left < right);
}

/* Few are compared in pairs, many sorted: a hostile instance may have a million. */
#define FEW 24

static const struct property *find_double_of_few(const struct property *properties, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (text_equal(properties[i].name, properties[j].name))
                return &properties[i];
    return NULL;
}

static const struct property *find_double(const struct property *properties, size_t count)
{
    if (count <= FEW)
        return find_double_of_few(properties, count);
    const struct property **sorted = mem_zero(count, sizeof(struct property *));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &properties[i];
    qsort(sorted, count, sizeof(struct property *), by_name_then_place);
    const struct property *found = NULL;
    for (size_t i = 1; i < count && !found; i++)
        if (text_equal(sorted[i - 1]->name, sorted[i]->name))
            found = sorted[i];
    free(sorted);
    return found;
}

static void append_item(struct intake *intake, struct value value)
{
    intake->items =
        mem_grow(intake->items, &intake->item_cap, intake->item_count + 1, sizeof(struct value));
    intake->items[intake->item_count++] = value;
}

static void keep_instance(struct intake *intake, struct instance *instance)
{
    struct policy *policy = intake->policy;
    if (intake->depth) {
        append_item(intake, (struct value){.type = VALUE_OBJECT, .object = instance});
        return;
    }
    policy->requested = mem_grow(policy->requested, &policy->requested_cap,
                                 policy->requested_count + 1, sizeof(struct instance *));
    policy->requested[policy->requested_count++] = instance;
}

const char *intake_end_instance(struct intake *intake, unsigned *line)
{
    struct policy *policy = intake->policy;
    struct instance *instance = intake_instance(intake);
    size_t count = intake->property_count - top(intake)->first_property;
    const struct property *properties =
        count ? intake->properties + top(intake)->first_property : NULL;
    const struct property *twice = count ? find_double(properties, count) : NULL;
    if (twice) {
        *line = twice->line;
        return arena_format(&policy->arena, "the property '%s' stands twice in one instance",
                            twice->name);
    }
    struct property *kept = arena_zero(&policy->arena, count, sizeof(struct property));
    if (count)
        memcpy(kept, properties, count * sizeof *kept);
    instance->count = (uint32_t)count;
    instance->properties = kept;
    intake->property_count -= count;
    intake->depth--;
    keep_instance(intake, instance);
    return NULL;
}

/* Properties */

static bool is_secret(const char *class_name, const struct name *name)
{
    for (size_t i = 0; name->may_be_secret && i < SECRET_COUNT; i++)
        if (text_equal(secret_rows[i].name, name->text) &&
            (!secret_rows[i].class_name || text_equal(secret_rows[i].class_name, class_name)))
            return true;
    return false;
}

void intake_begin_property(struct intake *intake, const char *name, bool secret, unsigned line)
{
    struct intake_frame *frame = top(intake);
    const struct name *kept = keep_name(intake->policy, name);
    intake->properties = mem_grow(intake->properties, &intake->property_cap,
                                  intake->property_count + 1, sizeof(struct property));
    intake->properties[intake->property_count++] = (struct property){
        .name = kept->text,
        .secret = secret || is_secret(frame->instance->class_name, kept),
        .line = line,
    };
    frame->first_item = intake->item_count;
}

static bool is_number_type(int64_t cim_type)
{
    return cim_type == CIM_SINT16 || cim_type == CIM_SINT32 ||
           (cim_type >= CIM_SINT8 && cim_type <= CIM_UINT64);
}

#define NUMBER_MAX 32 /* bytes of a number or boolean: longer is text */

/* A text that is not of its type is kept as text: who needs the number will say so. */
static struct value convert(struct intake *intake, int64_t cim_type, const char *text, size_t len)
{
    struct value value = {.type = VALUE_NULL};
    char copy[NUMBER_MAX], moment[DATETIME_MAX];
    bool is_short = cim_type != CIM_STRING && len < NUMBER_MAX;
    if (is_short)
        memcpy(copy, text, len);
    copy[is_short ? len : 0] = '\0';
    if (is_short && is_number_type(cim_type) &&
        text_to_int(copy, INT64_MIN, INT64_MAX, &value.number))
        value.type = VALUE_INT;
    else if (is_short && cim_type == CIM_BOOLEAN && text_to_bool(copy, &value.truth))
        value.type = VALUE_BOOL;
    else if (datetime_canonical(text, len, moment)) { /* whatever its type: exports differ in it */
        value.type = VALUE_TEXT;
        value.text = arena_copy_string(&intake->policy->arena, moment);
    } else if (len || cim_type == CIM_STRING) {
        value.type = VALUE_TEXT;
        value.text = arena_copy_bytes(&intake->policy->arena, text, len);
    }
    return value;
}

void intake_item(struct intake *intake, int64_t cim_type, const char *text, size_t len)
{
    append_item(intake, convert(intake, cim_type & ~(int64_t)CIM_ARRAY, text, len));
}

static bool is_hidden(const struct value *value)
{
    return value->type == VALUE_TEXT && strcmp(value->text, HIDDEN) == 0;
}

/* Embedded instances have closed theirs: the last one is the one that is open. */
const char *intake_end_property(struct intake *intake, bool is_array)
{
    struct property *property = &intake->properties[intake->property_count - 1];
    size_t count = intake->item_count - top(intake)->first_item;
    const struct value *items = count ? intake->items + top(intake)->first_item : NULL;
    intake->item_count -= count;
    for (size_t i = 0; i < count; i++)
        if (property->secret && is_hidden(&items[i]))
            return arena_format(&intake->policy->arena,
                                "the secret '%s' reads " HIDDEN ": put in the value itself",
                                property->name);
    if (count == 1 && !is_array) {
        property->value = items[0];
    } else if (count) {
        struct value *kept = arena_zero(&intake->policy->arena, count, sizeof(struct value));
        memcpy(kept, items, count * sizeof *kept);
        property->value =
            (struct value){.type = VALUE_ARRAY, .count = (uint32_t)count, .items = kept};
    }
    return NULL;
}

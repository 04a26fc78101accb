/* What a reviewer finds in the documents themselves: how they were read, what they lack. */
#include "policy/check_rules.h"

#include "policy/base/text.h"
#include "policy/missing.h"
#include "policy/secrets.h"

#include <stdlib.h>
#include <string.h>

/* What reading the policy warned of. */
void check_policy_warnings(struct findings *findings, const struct check_input *input,
                           const struct check_row *row)
{
    const struct policy *policy = input->policy;
    for (size_t i = 0; i < policy->warning_count; i++)
        if (strcmp(policy->warnings[i].code, row->code) == 0)
            check_add(findings, row, policy->warnings[i].where, "%s", policy->warnings[i].text);
}

void check_secret_readable(struct findings *findings, const struct check_input *input,
                           const struct check_row *row)
{
    size_t count;
    struct secret_place *places = secrets_readable(input->policy, &count);
    for (size_t i = 0; i < count; i++)
        check_add(findings, row, places[i].document->path,
                  "it holds a secret (%s.%s, line %u) and everybody on this machine may read it; "
                  "take their right away (chmod o-r), and have the secret replaced",
                  check_short(input->policy, places[i].instance->class_name),
                  check_short(input->policy, places[i].property->name), places[i].property->line);
    free(places);
}

void check_missing_class(struct findings *findings, const struct check_input *input,
                         const struct check_row *row)
{
    for (size_t i = 0; i < missing_row_count; i++)
        if (missing_is(&missing_rows[i], input->site))
            check_add(findings, row, missing_rows[i].classes[0],
                      "not in the policy: %s; export it, if the site has any",
                      missing_rows[i].without);
}

/* ---- properties that an export leaves behind ---- */

/* Both that a lazy property is, and one of embedded objects. */
static const struct embedded {
    const char *class_name, *property;
    bool lazy;    /* comes only with the instance that was asked for by its key */
    bool objects; /* not text */
    const char *without;
} embedded[] = {
    {"SMS_ClientSettings", "AgentConfigurations", true, true, "what these client settings set"},
    {"SMS_DeploymentType", "SDMPackageXML", true, false,
     "whether these applications may come from neighbor and default groups"},
    {"SMS_SCI_SysResUse", "Props", false, true,
     "whether these distribution points ask for a name and password"},
    {"SMS_SCI_SysResUse", "PropLists", false, true,
     "from where these pull distribution points pull"},
};

#define NAMED_MAX 8 /* at least what a list shows */

static const char *instance_name(struct policy *policy, const struct instance *instance)
{
    static const char *const names[] = {"Name", "LocalizedDisplayName", "SettingsID", "NALPath"};
    const char *name = NULL;
    for (size_t i = 0; !name && i < sizeof names / sizeof names[0]; i++)
        name = instance_get_text(policy, instance, names[i]);
    return name ? check_short(policy, name) : instance_where(policy, instance);
}

static bool is_not_fetched(const struct embedded *kind, const struct instance *instance)
{
    return kind->lazy && !instance_get(instance, kind->property);
}

/* Where an object should be, ConvertTo-Json writes text once it is deep enough. */
static bool is_too_shallow(const struct embedded *kind, const struct instance *instance)
{
    const struct value *value = instance_get(instance, kind->property);
    if (!kind->objects || !value)
        return false;
    bool found = value->type == VALUE_TEXT;
    for (size_t i = 0; value->type == VALUE_ARRAY && i < value->count && !found; i++)
        found = value->items[i].type == VALUE_TEXT;
    return found;
}

typedef bool embedded_test(const struct embedded *kind, const struct instance *instance);

/* One finding for each kind: what is to be done is one thing. */
static void add_embedded(struct findings *findings, const struct check_input *input,
                         const struct check_row *row, embedded_test *is_wrong, const char *what)
{
    struct policy *policy = input->policy;
    for (size_t i = 0; i < sizeof embedded / sizeof embedded[0]; i++) {
        size_t count;
        const struct instance *const *instances =
            site_instances(input->site, embedded[i].class_name, &count);
        struct check_list names = {0};
        for (size_t j = 0; j < count; j++)
            if (is_wrong(&embedded[i], instances[j]))
                check_list_add(&names,
                               names.count < NAMED_MAX ? instance_name(policy, instances[j]) : "");
        size_t wrong = names.count;
        const char *list = check_list_text(policy, &names);
        if (wrong)
            check_add(findings, row, embedded[i].class_name,
                      "%s %s in %zu of %zu rows (%s): %s is not known", embedded[i].property, what,
                      wrong, count, list, embedded[i].without);
    }
}

void check_lazy(struct findings *findings, const struct check_input *input,
                const struct check_row *row)
{
    add_embedded(findings, input, row, is_not_fetched,
                 "is a lazy property, which an export has only of instances that it asked for by "
                 "their keys, and was not fetched");
}

void check_too_shallow(struct findings *findings, const struct check_input *input,
                       const struct check_row *row)
{
    add_embedded(findings, input, row, is_too_shallow,
                 "should hold objects and holds text, as ConvertTo-Json writes what lies deeper "
                 "than its -Depth (give it 6),");
}

/* ---- client settings ---- */

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The settings that some collection has, sorted; the caller frees the array. */
static int64_t *read_assigned(const struct site *site, size_t *count)
{
    size_t rows;
    const struct instance *const *instances =
        site_instances(site, "SMS_ClientSettingsAssignment", &rows);
    int64_t *ids = mem_zero(rows, sizeof *ids);
    *count = 0;
    for (size_t i = 0; i < rows; i++) {
        int64_t id = -1;
        instance_get_int(instances[i], "ClientSettingsID", 0, UINT32_MAX, &id, NULL);
        if (id >= 0)
            ids[(*count)++] = id;
    }
    qsort(ids, *count, sizeof *ids, by_number);
    return ids;
}

/* By its own count, which may be all that an export has; else by the assignments, if there are any:
   a whole class that is missing is another finding. */
static bool is_unassigned(const struct instance *settings, const int64_t *assigned, size_t count)
{
    int64_t id = -1, type = -1, says = -1;
    instance_get_int(settings, "SettingsID", 0, UINT32_MAX, &id, NULL);
    instance_get_int(settings, "Type", 0, UINT32_MAX, &type, NULL);
    instance_get_int(settings, "AssignmentCount", 0, UINT32_MAX, &says, NULL);
    bool is_default = type == 0 || id <= 0;
    bool has_row = count && bsearch(&id, assigned, count, sizeof *assigned, by_number);
    return !is_default && !has_row && (says == 0 || count > 0);
}

void check_settings_unassigned(struct findings *findings, const struct check_input *input,
                               const struct check_row *row)
{
    size_t count, assigned_count;
    const struct instance *const *settings =
        site_instances(input->site, "SMS_ClientSettings", &count);
    int64_t *assigned = read_assigned(input->site, &assigned_count);
    for (size_t i = 0; i < count; i++)
        if (is_unassigned(settings[i], assigned, assigned_count))
            check_add(findings, row,
                      arena_format(&input->policy->arena, "client settings '%s'",
                                   instance_name(input->policy, settings[i])),
                      "they are assigned to no collection and so apply to no machine; deploy them, "
                      "or remove them");
    free(assigned);
}

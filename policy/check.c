/* The table of the reviewer's rules, and how their findings are gathered. */
#include "policy/check_rules.h"

#include "policy/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct check_row check_rows[] = {
    {"DUPLICATE_OBJECT", FINDING_WARNING, check_policy_warnings,
     "two documents disagree on one object; the later holds"},
    {"EQUAL_PRIORITY", FINDING_WARNING, check_policy_warnings,
     "two policies of one layer and priority; the later PolicyID holds"},
    {"SETTING_OUT_OF_RANGE", FINDING_WARNING, check_policy_warnings,
     "a setting's value is taken at the nearest bound"},
    {"UNKNOWN_ELEMENT", FINDING_WARNING, check_policy_warnings,
     "an element of a document that is not known and passed over"},
};

const size_t check_row_count = sizeof check_rows / sizeof check_rows[0];

void check_add(struct findings *findings, const struct check_row *row, const char *object,
               const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    findings->items =
        mem_grow(findings->items, &findings->cap, findings->count + 1, sizeof *findings->items);
    findings->items[findings->count++] = (struct finding){
        .severity = row->severity,
        .code = row->code,
        .object = arena_copy_string(&findings->policy->arena, object),
        .text = arena_copy_string(&findings->policy->arena, text),
    };
}

const char *check_boundary_name(struct policy *policy, const struct site_boundary *boundary)
{
    return arena_format(&policy->arena, "boundary %lld '%s'", (long long)boundary->id,
                        boundary->boundary.value);
}

const char *check_group_name(struct policy *policy, const struct site_group *group)
{
    return arena_format(&policy->arena, "boundary group %lld '%s'", (long long)group->id,
                        group->name);
}

static void add_rows(struct findings *findings, const struct check_input *input,
                     enum finding_severity severity)
{
    for (size_t i = 0; i < check_row_count; i++)
        if (check_rows[i].severity == severity)
            check_rows[i].run(findings, input, &check_rows[i]);
}

void check_policy(struct findings *findings, const struct check_input *input)
{
    *findings = (struct findings){.policy = input->policy};
    for (enum finding_severity i = FINDING_ERROR; i <= FINDING_NOTE; i++)
        add_rows(findings, input, i);
}

void check_free(struct findings *findings)
{
    free(findings->items);
    *findings = (struct findings){0};
}

const char *check_severity_word(enum finding_severity severity)
{
    switch (severity) {
    case FINDING_ERROR: return "error";
    case FINDING_WARNING: return "warning";
    case FINDING_NOTE: break;
    }
    return "note";
}

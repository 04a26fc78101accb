/* policy check: the findings of a reviewer, a line each. */
#include "agent/command/policy.h"
#include "agent/command/service_names.h"
#include "policy/base/text.h"
#include "policy/check.h"

#include <string.h>

/* A path on this machine may hold any bytes; JSON may not. */
static json_t *safe_text(const char *text)
{
    if (text_is_utf8(text, strlen(text)))
        return json_string_nocheck(text);
    struct buf escaped = {0};
    text_escape(&escaped, text, strlen(text), SIZE_MAX / 2);
    json_t *json = json_string_nocheck(escaped.data);
    buf_free(&escaped);
    return json;
}

static json_t *findings_json(const struct findings *findings)
{
    json_t *array = json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        json_t *json = json_object();
        json_object_set_new(json, "severity", json_string(check_severity_word(finding->severity)));
        json_object_set_new(json, "code", json_string(finding->code));
        json_object_set_new(json, "object", safe_text(finding->object));
        json_object_set_new(json, "text", safe_text(finding->text));
        json_array_append_new(array, json);
    }
    return array;
}

static void add_line(struct buf *out, const struct finding *finding)
{
    buf_format(out, "%s %s ", check_severity_word(finding->severity), finding->code);
    text_escape(out, finding->object, strlen(finding->object), SIZE_MAX / 2);
    buf_append_text(out, ": ");
    text_escape(out, finding->text, strlen(finding->text), SIZE_MAX / 2);
    buf_append_text(out, "\n");
}

static bool print(const struct options *options, const struct findings *findings, struct error *err)
{
    if (options->json)
        return command_print_json(findings_json(findings), err);
    struct buf out = {0};
    for (size_t i = 0; i < findings->count; i++)
        add_line(&out, &findings->items[i]);
    return command_print_text(&out, err);
}

bool policy_check(struct context *context, struct world *world, struct error *err)
{
    struct service_names names = {0};
    bool resolve = context->options->resolve;
    if (resolve && !service_names_ask(&names, &context->config, &world->site, err))
        return false;
    const struct check_input input = {
        .policy = &world->policy,
        .resultant = &world->resultant,
        .settings = &world->settings,
        .site = &world->site,
        .resolved = resolve,
        .name_count = names.count,
        .names = names.names,
    };
    struct findings findings;
    check_policy(&findings, &input);
    size_t errors = 0;
    while (errors < findings.count && findings.items[errors].severity == FINDING_ERROR)
        errors++;
    bool ok = print(context->options, &findings, err);
    check_free(&findings);
    service_names_free(&names);
    if (ok && errors)
        return error_set(err, ERROR_FAILED, BLAME_POLICY, "FINDINGS", NULL,
                         "policy check found %zu error%s", errors, errors == 1 ? "" : "s");
    return ok;
}

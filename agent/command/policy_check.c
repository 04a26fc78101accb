/* policy check: the findings of a reviewer, a line each. */
#include "agent/command/policy.h"
#include "policy/base/text.h"
#include "policy/check.h"

#include <string.h>

static json_t *findings_json(const struct findings *findings)
{
    json_t *array = json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s}", "severity",
                                               check_severity_word(finding->severity), "code",
                                               finding->code, "object", finding->object, "text",
                                               finding->text));
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
    const struct check_input input = {
        .policy = &world->policy,
        .resultant = &world->resultant,
        .settings = &world->settings,
        .site = &world->site,
    };
    struct findings findings;
    check_policy(&findings, &input);
    bool has_error = findings.count && findings.items[0].severity == FINDING_ERROR;
    bool ok = print(context->options, &findings, err);
    check_free(&findings);
    if (ok && has_error)
        err->kind = ERROR_FAILED;
    return ok && !has_error;
}

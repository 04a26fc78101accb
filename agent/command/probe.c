/* probe: what a client would meet at a distribution point, a line a step. */
#include "agent/command/probe.h"
#include "agent/command/fetched.h"
#include "agent/command/network.h"

#include "policy/base/json_out.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

static const char *const verdicts[] = {
    [PROBE_OK] = "ok",
    [PROBE_NOTE] = "note",
    [PROBE_BAD] = "bad",
    [PROBE_SKIPPED] = "skipped",
};

static size_t count_bad(const struct probe_report *report)
{
    size_t bad = 0;
    for (size_t i = 0; i < report->count; i++)
        bad += report->steps[i].verdict == PROBE_BAD;
    return bad;
}

/* ---- JSON ---- */

static void put_step(struct json_out *out, const struct probe_report *report,
                     const struct probe_step *step)
{
    char *text = probe_text(report, step), *change = probe_change(report, step);
    json_out_open(out, NULL, '{');
    json_out_text(out, "step", probe_word(step->code));
    json_out_text(out, "verdict", verdicts[step->verdict]);
    if (step->status)
        json_out_int(out, "status", step->status);
    else
        json_out_null(out, "status");
    json_out_text(out, "text", text);
    json_out_text(out, "change", change);
    json_out_close(out, '}');
    free(text);
    free(change);
}

void probe_put_certificate(struct json_out *out, const struct probe_certificate *certificate)
{
    json_out_escaped(out, "tls", certificate->version);
    json_out_escaped(out, "subject", certificate->subject);
    json_out_escaped(out, "names", certificate->names);
    json_out_escaped(out, "issuer", certificate->issuer);
    json_out_escaped(out, "start", certificate->start);
    json_out_escaped(out, "end", certificate->end);
}

static void put_certificate(struct json_out *out, const struct probe_report *report)
{
    if (!report->certificate.version) {
        json_out_null(out, "certificate");
        return;
    }
    json_out_open(out, "certificate", '{');
    probe_put_certificate(out, &report->certificate);
    json_out_close(out, '}');
}

static bool print_json(const struct probe_asked *asked, const struct probe_report *report,
                       struct error *err)
{
    struct sink sink = command_output();
    struct json_out out = {.sink = &sink};
    json_out_open(&out, NULL, '{');
    json_out_escaped(&out, "dp", asked->dp);
    json_out_escaped(&out, "url", asked->target.root);
    json_out_escaped(&out, "server", report->server);
    json_out_escaped(&out, "content", asked->content_name);
    put_certificate(&out, report);
    json_out_open(&out, "steps", '[');
    for (size_t i = 0; i < report->count; i++)
        put_step(&out, report, &report->steps[i]);
    json_out_close(&out, ']');
    json_out_bool(&out, "ok", count_bad(report) == 0);
    json_out_close(&out, '}');
    return command_printed(json_out_finish(&out), err);
}

/* ---- text ---- */

static const char *line_word(enum probe_verdict verdict)
{
    switch (verdict) {
    case PROBE_OK: return "ok";
    case PROBE_NOTE: return "note";
    case PROBE_BAD: return "CHANGE";
    case PROBE_SKIPPED: break;
    }
    return "-";
}

static void add_step(struct buf *out, const struct probe_report *report,
                     const struct probe_step *step)
{
    char *text = probe_text(report, step), *change = probe_change(report, step);
    buf_format(out, "%-6s %-17s  %s%s%s\n", line_word(step->verdict), probe_word(step->code), text,
               change ? ": " : "", change ? change : "");
    free(text);
    free(change);
}

static bool print_text(const struct probe_asked *asked, const struct probe_report *report,
                       struct error *err)
{
    struct buf out = {0};
    bool named = !text_equal(asked->dp, asked->target.root);
    command_add_line(&out, "%s%s%s%s%s", asked->dp, named ? ": " : "",
                     named ? asked->target.root : "", asked->content_name ? ", content " : "",
                     asked->content_name ? asked->content_name : "");
    if (report->server)
        command_add_line(&out, "server: %s", report->server);
    for (size_t i = 0; i < report->count; i++)
        add_step(&out, report, &report->steps[i]);
    return command_print_text(&out, err);
}

/* ---- the command ---- */

static bool report_bad(const struct probe_asked *asked, const struct probe_report *report,
                       struct error *err)
{
    size_t bad = count_bad(report);
    return bad == 0 || error_set(err, ERROR_FAILED, BLAME_SOURCE, "PROBE", asked->dp,
                                 "%zu of %zu steps need a change", bad, report->count);
}

static bool run(struct context *context, const struct probe_asked *asked, struct error *err)
{
    struct network network = {.loop = NULL};
    struct probe_report report = {.count = 0};
    bool ok =
        network_open(&network, &context->config, err) &&
        probe_run(&report, network.loop, network.resolver, &network.options, &asked->target, err);
    network_close(&network);
    if (ok)
        ok = (context->options->json ? print_json(asked, &report, err)
                                     : print_text(asked, &report, err)) &&
             report_bad(asked, &report, err);
    probe_free(&report);
    return ok;
}

bool command_probe(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    const char *content = options->argument_count > 1 ? options->arguments[1] : NULL;
    struct world world = {.assigned_site = NULL};
    struct probe_asked asked;
    if (!command_read_policy(context, &world.policy, &world.fetched, err))
        return false;
    bool ok = site_read(&world.site, &world.policy, err);
    if (ok) {
        ok = probe_asked_read(&asked, &world, options->arguments[0], content, err) &&
             run(context, &asked, err);
        manifest_free(&asked.manifest);
    }
    world_free(&world);
    return ok;
}

/* resolve: the chain of a service name as people draw it, how it is served, its certificate. */
#include "agent/command/resolve.h"

#include "agent/command/probe.h"

#include "policy/base/limits.h"
#include "policy/base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- JSON ---- */

static void put_chain(struct json_out *out, const struct resolve_answer *answer)
{
    json_out_open(out, "chain", '[');
    for (size_t i = 0; i < answer->link_count; i++) {
        json_out_open(out, NULL, '{');
        json_out_text(out, "name", answer->links[i].name);
        json_out_text(out, "target", answer->links[i].target);
        json_out_int(out, "ttl", answer->links[i].ttl);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

static void put_addresses(struct json_out *out, const struct resolve_answer *answer)
{
    json_out_open(out, "addresses", '[');
    for (size_t i = 0; i < answer->address_count; i++) {
        const struct resolve_address *address = &answer->addresses[i];
        json_out_open(out, NULL, '{');
        json_out_text(out, "address", address->text);
        json_out_int(out, "ttl", address->ttl);
        json_out_text(out, "note", resolve_nature_words(resolve_nature(address->text)));
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

static void put_certificate(struct json_out *out, const struct resolved *resolved)
{
    const struct probe_certificate *certificate = &resolved->probe.certificate;
    char *problem = resolved->has_certificate ? resolved_problem(&resolved->probe) : NULL;
    if (!resolved->has_certificate || (!certificate->version && !problem)) {
        json_out_null(out, "certificate");
        return;
    }
    json_out_open(out, "certificate", '{');
    probe_put_certificate(out, certificate);
    json_out_bool(out, "wildcard", resolved_is_wildcard(certificate));
    json_out_bool(out, "addressOnly", resolved_is_address_only(certificate));
    json_out_text(out, "problem", problem);
    json_out_close(out, '}');
    free(problem);
}

static void put_name(struct json_out *out, const struct resolved *resolved)
{
    const struct resolve_answer *answer = resolved->name->answer;
    json_out_open(out, NULL, '{');
    json_out_escaped(out, "name", resolved->name->name);
    json_out_text(out, "served", dns_names_served(answer));
    put_chain(out, answer);
    put_addresses(out, answer);
    json_out_text(out, "error", resolve_error_word(answer->error));
    put_certificate(out, resolved);
    json_out_close(out, '}');
}

static bool print_json(const struct resolved *names, size_t count, struct error *err)
{
    struct sink sink = command_output();
    struct json_out out = {.sink = &sink};
    if (count > 1)
        json_out_open(&out, NULL, '[');
    for (size_t i = 0; i < count; i++)
        put_name(&out, &names[i]);
    if (count > 1)
        json_out_close(&out, ']');
    return command_printed(json_out_finish(&out), err);
}

/* ---- text ---- */

/* "clouddp.contoso.test -> clouddp.cloudapp.test -> 192.0.2.1" */
static void add_chain(struct buf *out, const struct resolved *resolved)
{
    const struct resolve_answer *answer = resolved->name->answer;
    struct buf line = {0};
    buf_append_text(&line, resolved->name->name);
    for (size_t i = 0; i < answer->link_count; i++)
        buf_format(&line, " -> %s", answer->links[i].target);
    for (size_t i = 0; i < answer->address_count; i++)
        buf_format(&line, "%s%s", i ? ", " : " -> ", answer->addresses[i].text);
    command_add_line(out, "%s", line.data);
    buf_free(&line);
}

static void add_served(struct buf *out, const struct resolve_answer *answer)
{
    char why[200];
    resolve_explain(answer, why, sizeof why);
    if (answer->error)
        command_add_line(out, "  served       none: %s", why);
    else if (answer->link_count)
        command_add_line(out, "  served       CNAME, as a service name should be");
    else
        command_add_line(out, "  served       HOST record, an address without an alias: when the "
                              "address changes the name leads nowhere; for testing only");
}

static void add_records(struct buf *out, const struct resolve_answer *answer)
{
    for (size_t i = 0; i < answer->link_count; i++)
        command_add_line(out, "  %5d s      CNAME  %s", answer->links[i].ttl,
                         answer->links[i].target);
    for (size_t i = 0; i < answer->address_count; i++) {
        const struct resolve_address *address = &answer->addresses[i];
        enum resolve_nature nature = resolve_nature(address->text);
        const char *note = resolve_nature_words(nature);
        command_add_line(out, "  %5d s      %-5s  %s%s%s%s", address->ttl,
                         address->family == AF_INET6 ? "AAAA" : "A", address->text,
                         note ? ": " : "", note ? note : "",
                         nature == RESOLVE_LOOPBACK ? " (a warning: right for tests alone)" : "");
    }
    if (*answer->refused && answer->error == RESOLVE_OK)
        command_add_line(out, "  refused      %s: %s is never connected to", answer->refused,
                         resolve_nature_words(resolve_nature(answer->refused)));
}

static void add_certificate(struct buf *out, const struct resolved *resolved)
{
    const struct probe_certificate *certificate = &resolved->probe.certificate;
    char *problem = resolved_problem(&resolved->probe);
    if (certificate->version) {
        command_add_line(out, "  certificate  %s, issued by %s", certificate->version,
                         certificate->issuer ? certificate->issuer : "nobody");
        command_add_line(out, "  for          %s%s%s",
                         certificate->names     ? certificate->names
                         : certificate->subject ? certificate->subject
                                                : "no name",
                         resolved_is_wildcard(certificate) ? " (a wildcard)" : "",
                         resolved_is_address_only(certificate) ? " (addresses only)" : "");
        command_add_line(out, "  ends         %s", certificate->end ? certificate->end : "unknown");
    }
    if (problem)
        command_add_line(out, "  problem      %s", problem);
    free(problem);
}

static bool print_text(const struct resolved *names, size_t count, struct error *err)
{
    struct buf out = {0};
    for (size_t i = 0; i < count; i++) {
        const struct resolve_answer *answer = names[i].name->answer;
        add_chain(&out, &names[i]);
        add_served(&out, answer);
        add_records(&out, answer);
        if (names[i].has_certificate)
            add_certificate(&out, &names[i]);
    }
    return command_print_text(&out, err);
}

/* ---- the command ---- */

/* NAME, or NAME:PORT for --tls, into the name alone. */
static bool read_name(struct resolved *resolved, struct dns_name *name, const char *asked,
                      bool with_port, char **copy, struct error *err)
{
    const char *colon = strchr(asked, ':');
    bool has_port = with_port && colon && !strchr(colon + 1, ':');
    size_t len = has_port ? (size_t)(colon - asked) : strlen(asked);
    int64_t port;
    if (has_port && !text_to_int(colon + 1, 1, 65535, &port))
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "'%s' is no NAME or NAME:PORT", asked);
    len -= len && asked[len - 1] == '.';
    *copy = mem_copy_bytes(asked, len);
    name->name = *copy;
    *resolved = (struct resolved){.asked = asked, .name = name};
    return true;
}

static bool judge(const struct resolved *names, size_t count, struct error *err)
{
    size_t bad = 0;
    char why[200];
    for (size_t i = 0; i < count; i++)
        bad += names[i].name->answer->error != RESOLVE_OK;
    if (bad == 0)
        return true;
    resolve_explain(names[0].name->answer, why, sizeof why);
    return count == 1 ? error_set(err, ERROR_FAILED, BLAME_DNS,
                                  resolve_error_word(names[0].name->answer->error),
                                  names[0].name->name, "does not resolve: %s", why)
                      : error_set(err, ERROR_FAILED, BLAME_DNS, "DNS", NULL,
                                  "%zu of %zu names do not resolve", bad, count);
}

static bool run(struct context *context, struct resolved *names, struct dns_name *asked,
                size_t count, struct error *err)
{
    const struct options *options = context->options;
    bool ok = dns_names_ask(asked, count, &context->config, err) &&
              (!options->tls || resolved_certificates(names, count, &context->config, err));
    return ok && (options->json ? print_json(names, count, err) : print_text(names, count, err)) &&
           judge(names, count, err);
}

static bool check(const struct options *options, struct error *err)
{
    bool ok = options->dps ? options->argument_count == 0 && options->out && !options->tls
                           : options->argument_count > 0 && !options->out;
    return ok || error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                           "resolve takes NAME..., or --dps and --out FILE");
}

bool command_resolve(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    size_t count = options->argument_count;
    if (!check(options, err))
        return false;
    if (options->dps)
        return resolve_dps(context, err);
    struct dns_name *asked = mem_zero(count, sizeof *asked);
    struct resolved *names = mem_zero(count, sizeof *names);
    char **copies = mem_zero(count, sizeof *copies);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = read_name(&names[i], &asked[i], options->arguments[i], options->tls, &copies[i], err);
    ok = ok && run(context, names, asked, count, err);
    dns_names_free(asked, count);
    for (size_t i = 0; i < count; i++) {
        probe_free(&names[i].probe);
        free(copies[i]);
    }
    free(asked);
    free(names);
    free(copies);
    return ok;
}

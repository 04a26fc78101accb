/* What several commands do first: read policy, settings, site and machine. */
#include "agent/command/command.h"
#include "agent/command/fetched.h"
#include "agent/loop/loop.h"

#include "policy/base/beneath.h"
#include "policy/base/limits.h"
#include "policy/base/mem.h"
#include "policy/base/text.h"
#include "policy/secrets.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

/* Is the clock kept right by a time service? The kernel knows. */
static bool clock_is_synchronised(void)
{
    struct timex state = {0};
    int status = adjtimex(&state);
    return status >= 0 && status != TIME_ERROR && !(state.status & STA_UNSYNC);
}

bool command_read_trust(struct context *context, struct policy_trust *trust, struct error *err)
{
    const struct config *config = &context->config;
    *trust = (struct policy_trust){.required = config->require_signed};
    if (!config->trust_anchors)
        return true;
    struct buf pem = {0};
    bool ok = beneath_read_named(config->trust_anchors, "the trust anchors", LIMIT_SETTINGS_BYTES,
                                 &pem, err);
    context->trust =
        ok ? signature_trust_create(pem.data ? pem.data : "", pem.len, config->trust_anchors, err)
           : NULL;
    buf_free(&pem);
    trust->anchors = context->trust;
    trust->clock.now = clock_system.wall(NULL) / 1000;
    trust->clock.synchronised = clock_is_synchronised();
    return context->trust != NULL;
}

static bool read_places(struct context *context, struct policy *policy,
                        const struct policy_trust *trust, struct error *err)
{
    const struct options *options = context->options;
    const char *named = getenv("NEARPOINT_POLICY");
    if (options->policy_count)
        return policy_add(policy, options->policies, options->policy_count, false, trust, err);
    if (named && *named)
        return policy_add(policy, &named, 1, false, trust, err);
    char *usual = config_folder(FOLDER_POLICY, err);
    if (!usual)
        return false;
    const char *path = usual;
    bool ok = policy_add(policy, &path, 1, true, trust, err);
    free(usual);
    /* Root's own folder holds no secret that others may read. */
    return ok && (geteuid() != 0 || secrets_refuse_readable(policy, err));
}

/* The fetched documents first: what stands in the folder is read last. */
bool command_read_policy(struct context *context, struct policy *policy, struct fetched *fetched,
                         struct error *err)
{
    struct policy_trust trust;
    if (!command_read_trust(context, &trust, err))
        return false;
    const struct policy_trust *asked = trust.anchors ? &trust : NULL;
    bool ok = fetched_read(fetched, context->options, asked, policy, err);
    if (ok) {
        trust.clock.newest_known = fetched->set.signing_time;
        ok = read_places(context, policy, asked, err) && policy_settle(policy, err);
        if (!ok) {
            fetched_free(fetched);
            policy_free(policy);
        }
    }
    signature_trust_free(context->trust);
    context->trust = NULL;
    return ok;
}

bool command_read_folder(struct context *context, struct policy *policy, struct error *err)
{
    struct policy_trust trust;
    *policy = (struct policy){0};
    if (!command_read_trust(context, &trust, err))
        return false;
    bool ok = read_places(context, policy, trust.anchors ? &trust : NULL, err) &&
              policy_settle(policy, err);
    if (!ok)
        policy_free(policy);
    signature_trust_free(context->trust);
    context->trust = NULL;
    return ok;
}

static bool read_base(struct context *context, struct policy *policy, struct machine *machine,
                      struct error *err)
{
    const struct options *options = context->options;
    *machine = (struct machine){0};
    if (!options->machine && options->set_count)
        return true;
    if (!options->machine)
        return machine_find(machine, context->config.machine, context->config.path, err);
    if (access(options->machine, F_OK) == 0)
        return machine_from_file(machine, options->machine, err);
    return machine_from_policy(machine, policy, options->machine, err);
}

bool command_read_machine(struct context *context, struct policy *policy, struct machine *machine,
                          struct error *err)
{
    const struct options *options = context->options;
    if (!read_base(context, policy, machine, err))
        return false;
    for (size_t i = 0; options->machine && i < options->set_count; i++)
        machine_forget(machine, options->sets[i]);
    for (size_t i = 0; i < options->set_count; i++)
        if (!machine_set(machine, options->sets[i], err)) {
            machine_free(machine);
            return false;
        }
    if (options->set_count)
        machine_settle(machine);
    /* The settings file speaks of this machine, not of one that was asked about. */
    if (!options->machine && !options->set_count && context->config.assigned_site)
        machine_assign_site(machine, context->config.assigned_site, context->config.path);
    return true;
}

void command_print_warnings(const struct policy *policy)
{
    for (size_t i = 0; i < policy->warning_count; i++) {
        const struct policy_warning *warning = &policy->warnings[i];
        struct error line;
        error_set(&line, ERROR_NONE, BLAME_POLICY, warning->code, warning->where, "warning %s: %s",
                  warning->code, warning->text);
        error_print(stderr, &line);
    }
}

struct audience command_audience(const struct machine *machine)
{
    return (struct audience){machine->name, machine->collection_count, machine->collections};
}

bool command_read_quietly(struct context *context, struct world *world, struct error *err)
{
    const struct config *config = &context->config;
    *world = (struct world){.assigned_site = config->assigned_site,
                            .library_roots = {config->library_root_count, config->library_roots},
                            .cites = !context->options->json};
    if (!command_read_policy(context, &world->policy, &world->fetched, err))
        return false;
    if (!site_read(&world->site, &world->policy, err) ||
        !command_read_machine(context, &world->policy, &world->machine, err)) {
        fetched_free(&world->fetched);
        policy_free(&world->policy);
        return false;
    }
    const struct audience audience = command_audience(&world->machine);
    resultant_read(&world->resultant, &world->policy, &audience);
    settings_read(&world->settings, &world->policy, &world->resultant);
    return true;
}

bool command_read_world(struct context *context, struct world *world, struct error *err)
{
    if (!command_read_quietly(context, world, err))
        return false;
    command_print_warnings(&world->policy);
    return true;
}

const struct location_index *command_index(struct world *world)
{
    if (!world->index)
        world->index = location_index_create(&world->site);
    return world->index;
}

void world_free(struct world *world)
{
    location_index_free(world->index);
    machine_free(&world->machine);
    fetched_free(&world->fetched);
    policy_free(&world->policy);
}

bool command_print_json(json_t *value, struct error *err)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
    json_decref(value);
    if (!text)
        return error_set(err, ERROR_FAILED, BLAME_NONE, "JSON", NULL,
                         "text that is not UTF-8 cannot be printed as JSON");
    bool ok = puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    return ok || error_errno(err, NULL, "cannot write to standard output");
}

bool command_printed(bool ok, struct error *err)
{
    return (ok && fflush(stdout) == 0) || error_errno(err, NULL, "cannot write to standard output");
}

void command_add_line(struct buf *out, const char *format, ...)
{
    va_list args;
    char *text;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        mem_exhausted();
    text_escape(out, text, (size_t)len, LINE_MAX_BYTES);
    buf_append_text(out, "\n");
    free(text);
}

bool command_print_text(struct buf *text, struct error *err)
{
    bool ok = !text->len || fwrite(text->data, 1, text->len, stdout) == text->len;
    buf_free(text);
    return command_printed(ok, err);
}

static bool write_output(void *arg, const char *bytes, size_t len)
{
    (void)arg;
    return fwrite(bytes, 1, len, stdout) == len;
}

struct sink command_output(void)
{
    return (struct sink){.write = write_output};
}

/* What several commands do first: read policy, settings, site and machine. */
#include "agent/command/command.h"

#include "policy/base/mem.h"
#include "policy/base/text.h"
#include "policy/secrets.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool command_read_policy(struct context *context, struct policy *policy, struct error *err)
{
    const struct options *options = context->options;
    const char *named = getenv("NEARPOINT_POLICY");
    if (options->policy_count)
        return policy_read(policy, options->policies, options->policy_count, false, err);
    if (named && *named)
        return policy_read(policy, &named, 1, false, err);
    char *usual = config_folder(FOLDER_POLICY, err);
    if (!usual)
        return false;
    const char *path = usual;
    bool ok = policy_read(policy, &path, 1, true, err);
    free(usual);
    if (ok && geteuid() == 0 && !secrets_refuse_readable(policy, err)) {
        policy_free(policy);
        return false;
    }
    return ok;
}

static bool read_base(struct context *context, struct policy *policy, struct machine *machine,
                      struct error *err)
{
    const struct options *options = context->options;
    *machine = (struct machine){0};
    if (!options->machine && options->set_count)
        return true;
    if (!options->machine) {
        bool ok = machine_find(machine, context->config.machine, err);
        if (!ok && err->kind == ERROR_INPUT) /* the settings file's object */
            snprintf(err->where, sizeof err->where, "%s", context->config.path);
        return ok;
    }
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
        machine->site = arena_copy_string(&machine->arena, context->config.assigned_site);
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
    *world = (struct world){.cites = !context->options->json};
    if (!command_read_policy(context, &world->policy, err))
        return false;
    if (!site_read(&world->site, &world->policy, err) ||
        !command_read_machine(context, &world->policy, &world->machine, err)) {
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

void world_free(struct world *world)
{
    machine_free(&world->machine);
    policy_free(&world->policy);
}

/* "RemoteClientFlags=48", decimal or 0x... */
static bool read_bits(const char *text, struct location_request *request)
{
    static const struct {
        const char *name;
        bool from_dp_locality;
    } kinds[] = {{"RemoteClientFlags=", false}, {"DPLocality=", true}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i].name);
        if (strncasecmp(text, kinds[i].name, len) != 0)
            continue;
        char *end;
        unsigned long bits = strtoul(text + len, &end, 0);
        if (text[len] == '-' || end == text + len || *end || bits > UINT32_MAX)
            return false;
        request->from_dp_locality = kinds[i].from_dp_locality;
        request->deployment_bits = (int64_t)bits;
        return true;
    }
    return false;
}

bool command_read_deployment(const struct options *options, const struct world *world,
                             struct location_request *request, struct error *err)
{
    const char *text = options->deployment;
    request->deployment_assumed = text == NULL;
    if (!text)
        return true;
    if (strchr(text, '='))
        return read_bits(text, request) ||
               error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--deployment takes an ID, RemoteClientFlags=N or DPLocality=N, not '%s'",
                         text);
    const struct site_deployment *deployment = site_find_deployment(&world->site, text);
    if (!deployment)
        return error_set(err, ERROR_FAILED, BLAME_POLICY, "UNKNOWN_DEPLOYMENT", NULL,
                         "the policy holds no deployment '%s'", text);
    request->from_dp_locality = deployment->from_dp_locality;
    request->deployment_bits = deployment->bits;
    /* The same promise stands in AdvertFlags as DONOT_FALLBACK (configmgr-sdk 5.1). */
    if (!deployment->from_dp_locality)
        request->deployment_bits |= deployment->advert_flags & 0x20000;
    return true;
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

bool command_print_text(struct buf *text, struct error *err)
{
    bool ok = fwrite(text->data, 1, text->len, stdout) == text->len;
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

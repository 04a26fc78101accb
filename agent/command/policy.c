/* policy: what the machine has been told, as Policy Spy shows it, and why a setting is what it is.
 */
#include "agent/command/command.h"
#include "policy/spy.h"

#include <string.h>

static bool print_text(struct buf *out, struct error *err)
{
    bool ok = fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
    return ok || error_errno(err, NULL, "cannot write to standard output");
}

static bool usage(struct error *err)
{
    return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                     "usage: nearpoint policy [PATH | why NAME]");
}

static bool print_why(const struct options *options, const struct resultant *resultant,
                      const char *name, struct error *err)
{
    const struct resultant_setting *setting = resultant_find(resultant, name);
    if (!setting)
        return error_set(err, ERROR_FAILED, BLAME_POLICY, "UNKNOWN_SETTING", NULL,
                         "no settings instance in the policy has a property '%s'", name);
    if (options->json)
        return command_print_json(spy_why_json(setting), err);
    struct buf out = {0};
    spy_why_text(&out, setting);
    bool ok = print_text(&out, err);
    buf_free(&out);
    return ok;
}

static bool unknown_place(const char *text, struct error *err)
{
    return error_set(err, ERROR_FAILED, BLAME_USER, "UNKNOWN_PATH", NULL,
                     "the policy has no '%s'; below Machine there are Requested, DefaultSettings, "
                     "CustomSettings, Actual and Events",
                     text);
}

static bool print_tree(const struct context *context, struct world *world, const char *place,
                       struct error *err)
{
    struct policy *policy = &world->policy;
    const struct resultant *resultant = &world->resultant;
    struct spy_path path;
    if (!spy_parse_path(&path, place))
        return unknown_place(place, err);
    const struct machine *machine = &world->machine;
    struct spy_client client = {
        .name = machine->name,
        .site = machine->site ? machine->site : policy_site_code(policy),
    };
    if (context->options->json) {
        json_t *json = spy_json(policy, resultant, &client, &path);
        return json ? command_print_json(json, err) : unknown_place(place, err);
    }
    struct buf out = {0};
    bool ok = spy_text(&out, policy, resultant, &client, &path) ? print_text(&out, err)
                                                                : unknown_place(place, err);
    buf_free(&out);
    return ok;
}

bool command_policy(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    size_t count = options->argument_count;
    bool is_why = count && strcmp(options->arguments[0], "why") == 0;
    if (is_why ? count != 2 : count > 1)
        return usage(err);
    struct world world;
    if (!command_read_world(context, &world, err))
        return false;
    const char *place = count ? options->arguments[0] : NULL;
    bool ok = is_why ? print_why(options, &world.resultant, options->arguments[1], err)
                     : print_tree(context, &world, place, err);
    world_free(&world);
    return ok;
}

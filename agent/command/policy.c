/* policy: what the machine has been told, as Policy Spy shows it, and why a setting is what it is.
 */
#include "agent/command/policy.h"
#include "agent/command/command.h"
#include "policy/spy.h"

#include <string.h>

static bool print_why(struct context *context, struct world *world, struct error *err)
{
    const struct options *options = context->options;
    const char *name = options->arguments[1];
    const struct resultant_setting *setting = resultant_find(&world->resultant, name);
    if (!setting)
        return error_set(err, ERROR_FAILED, BLAME_POLICY, "UNKNOWN_SETTING", NULL,
                         "no settings instance in the policy has a property '%s'", name);
    if (options->json)
        return command_print_json(spy_why_json(setting), err);
    struct buf out = {0};
    spy_why_text(&out, setting);
    return command_print_text(&out, err);
}

static bool unknown_place(const char *text, struct error *err)
{
    return error_set(err, ERROR_FAILED, BLAME_USER, "UNKNOWN_PATH", NULL,
                     "the policy has no '%s'; below Machine there are Requested, DefaultSettings, "
                     "CustomSettings, Actual and Events",
                     text);
}

static bool print_tree(struct context *context, struct world *world, struct error *err)
{
    const struct options *options = context->options;
    const char *place = options->argument_count ? options->arguments[0] : NULL;
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
    if (options->json) {
        json_t *json = spy_json(policy, resultant, &client, &path);
        return json ? command_print_json(json, err) : unknown_place(place, err);
    }
    struct buf out = {0};
    if (spy_text(&out, policy, resultant, &client, &path))
        return command_print_text(&out, err);
    buf_free(&out);
    return unknown_place(place, err);
}

/* What stands after `policy`: how many words in all, and who does it. */
static const struct subcommand {
    const char *name;
    size_t words;
    bool (*run)(struct context *context, struct world *world, struct error *err);
    bool says_warnings; /* prints the policy's warnings itself */
} subcommands[] = {
    {"why", 2, print_why, false},
    {"check", 1, policy_check, true},
};

static const struct subcommand *find_subcommand(const struct options *options)
{
    for (size_t i = 0; options->argument_count && i < sizeof subcommands / sizeof *subcommands; i++)
        if (strcmp(options->arguments[0], subcommands[i].name) == 0)
            return &subcommands[i];
    return NULL;
}

bool command_policy(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    const struct subcommand *asked = find_subcommand(options);
    if (asked ? options->argument_count != asked->words : options->argument_count > 1)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "usage: nearpoint policy " POLICY_USAGE);
    struct world world;
    if (!command_read_quietly(context, &world, err))
        return false;
    if (!asked || !asked->says_warnings)
        command_print_warnings(&world.policy);
    bool ok = (asked ? asked->run : print_tree)(context, &world, err);
    world_free(&world);
    return ok;
}

/* policy: what the machine has been told, as Policy Spy shows it, and why a setting is what it is.
 */
#include "agent/command/policy.h"
#include "agent/command/command.h"
#include "agent/command/fetched.h"
#include "policy/diff.h"
#include "policy/spy.h"
#include "policy/summary.h"

#include <string.h>

static bool print_why(struct context *context, struct world *world, struct error *err)
{
    const struct options *options = context->options;
    const char *name = options->arguments[1];
    const struct resultant_setting *setting = resultant_find(&world->resultant, name);
    if (!setting)
        return error_set(err, ERROR_FAILED, BLAME_POLICY, "UNKNOWN_SETTING", NULL,
                         "no settings instance in the policy has a property '%s'", name);
    struct sink output = command_output();
    if (options->json)
        return command_printed(spy_why_json(setting, &output), err);
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
    struct spy_path path;
    if (!spy_parse_path(&path, place))
        return unknown_place(place, err);
    const struct machine *machine = &world->machine;
    struct spy spy = {
        .policy = &world->policy,
        .resultant = &world->resultant,
        .client = {.name = machine->name,
                   .site = machine->site ? machine->site : policy_site_code(&world->policy)},
    };
    struct buf summary = {0};
    summary_text(&summary, &world->site);
    spy.client.summary = arena_copy_string(&world->policy.arena, summary.data);
    buf_free(&summary);
    fetched_describe(&world->fetched, &context->config, &world->settings, &spy.client);
    if (!spy_exists(&spy, &path))
        return unknown_place(place, err);
    struct sink output = command_output();
    bool ok = options->xml    ? spy_xml(&spy, &path, &output)
              : options->json ? spy_json(&spy, &path, &output)
                              : spy_text(&spy, &path, &output);
    return command_printed(ok, err);
}

static bool print_sides(const struct options *options, struct policy policies[2],
                        const struct machine *machine, struct error *err)
{
    const struct audience audience = command_audience(machine);
    struct resultant resultants[2];
    for (int i = 0; i < 2; i++)
        resultant_read(&resultants[i], &policies[i], &audience);
    const struct diff_side old = {&policies[0], &resultants[0]};
    const struct diff_side new_side = {&policies[1], &resultants[1]};
    struct sink output = command_output();
    return command_printed(options->json ? diff_json(&old, &new_side, &output)
                                         : diff_text(&old, &new_side, &output),
                           err);
}

/* Two sets of documents, each by itself: what else the machine has been told is not asked. */
static bool print_diff(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    struct policy policies[2];
    struct machine machine;
    if (!policy_read(&policies[0], &options->arguments[1], 1, false, NULL, err))
        return false;
    bool ok = policy_read(&policies[1], &options->arguments[2], 1, false, NULL, err);
    if (ok) {
        ok = command_read_machine(context, &policies[1], &machine, err);
        if (ok) {
            ok = print_sides(options, policies, &machine, err);
            machine_free(&machine);
        }
        policy_free(&policies[1]);
    }
    policy_free(&policies[0]);
    return ok;
}

/* What stands after `policy`: how many words in all, and who does it. */
static const struct subcommand {
    const char *name;
    size_t words;
    bool (*run)(struct context *context, struct world *world, struct error *err);
    bool (*run_alone)(struct context *context, struct error *err); /* reads what it needs itself */
    bool says_warnings; /* prints the policy's warnings itself */
} subcommands[] = {
    {"why", 2, print_why, NULL, false},      {"diff", 3, NULL, print_diff, false},
    {"check", 1, policy_check, NULL, true},  {"fetch", 1, NULL, policy_fetch, false},
    {"reset", 1, NULL, policy_reset, false},
};

/* What stands there when nothing of the table does: a place in the tree, or none. */
static const struct subcommand tree = {NULL, 1, print_tree, NULL, false};

static const struct subcommand *find_subcommand(const struct options *options)
{
    for (size_t i = 0; options->argument_count && i < sizeof subcommands / sizeof *subcommands; i++)
        if (strcmp(options->arguments[0], subcommands[i].name) == 0)
            return &subcommands[i];
    return &tree;
}

bool command_policy(struct context *context, struct error *err)
{
    const struct options *options = context->options;
    const struct subcommand *asked = find_subcommand(options);
    if (asked == &tree ? options->argument_count > 1 : options->argument_count != asked->words)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "usage: nearpoint policy " POLICY_USAGE);
    if (options->xml && (asked != &tree || options->json))
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--xml prints the tree or a place in it, and not JSON");
    if (options->resolve && asked->run != policy_check)
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                         "--resolve goes with 'policy check' only");
    if (asked->run_alone)
        return asked->run_alone(context, err);
    struct world world;
    if (!command_read_quietly(context, &world, err))
        return false;
    if (!asked->says_warnings)
        command_print_warnings(&world.policy);
    bool ok = asked->run(context, &world, err);
    world_free(&world);
    return ok;
}

/* The table of commands and the life of the process. */
#include "agent/command/cache.h"
#include "agent/command/options.h"
#include "agent/command/policy.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

static const struct command_row commands[] = {
    {"policy", COMMAND_POLICY, command_policy, 0, 3, POLICY_USAGE,
     "show policy as Policy Spy does, or where a setting comes from"},
    {"where", COMMAND_WHERE, command_where, 0, 0, "",
     "where the machine stands: facts, boundaries, groups, near misses"},
    {"locate", COMMAND_LOCATE, command_locate, 0, 1, "CONTENT",
     "where the machine would get a content, and why not elsewhere"},
    {"get", COMMAND_GET, command_get, 1, -1, "CONTENT...",
     "locate, download, verify and cache contents"},
    {"cache", COMMAND_CACHE, command_cache, 1, -1, CACHE_USAGE,
     "list, verify, repair, trim or remove what is cached"},
    {"probe", COMMAND_PROBE, command_probe, 1, 2, "DP [CONTENT]",
     "what a client meets at a distribution point, and what to change"},
    {"resolve", COMMAND_RESOLVE, command_resolve, 0, -1, "NAME...",
     "a service name's CNAME chain, addresses and certificate"},
    {"hash", COMMAND_HASH, command_hash, 1, 1, "DIR",
     "the folder hash and the files' hashes of a folder, beside what is expected"},
    {"publish", COMMAND_PUBLISH, command_publish, 0, 1, "DIR",
     "make a folder a content of a distribution point, or verify what was published"},
    {"export-script", COMMAND_EXPORT_SCRIPT, command_export_script, 0, 0, "",
     "print the PowerShell that exports a site, read-only"},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_help(const struct command_row *command)
{
    if (command) {
        printf("usage: nearpoint %s [options]%s%s\n\n%s\n\n", command->name,
               *command->usage ? " " : "", command->usage, command->summary);
        options_print(stdout, command->bit);
        return;
    }
    printf("usage: nearpoint COMMAND [options] [arguments]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-13s %s\n", commands[i].name, commands[i].summary);
    printf("\n'nearpoint COMMAND --help' lists a command's options.\n");
}

static bool run(const struct command_row *command, const struct options *options, struct error *err)
{
    struct context context = {.options = options};
    if (!config_read(&context.config, options->config, err))
        return false;
    bool ok = command->run(&context, err);
    config_free(&context.config);
    return ok;
}

int main(int argc, char **argv)
{
    /* A peer that hangs up is an error of its write, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    /* Modes are those that the code names, whoever calls. */
    umask(022);

    struct options options;
    const struct command_row *command;
    struct error err = {0};
    bool ok = true;
    switch (options_parse(&options, commands, COMMAND_COUNT, &command, argc, argv, &err)) {
    case OPTIONS_HELP: print_help(command); break;
    case OPTIONS_VERSION: printf("nearpoint %s\n", NEARPOINT_VERSION); break;
    case OPTIONS_BAD: ok = false; break;
    case OPTIONS_RUN: ok = run(command, &options, &err); break;
    }
    options_free(&options);
    if (ok && fflush(stdout) != 0)
        ok = error_errno(&err, NULL, "cannot write to standard output");
    if (ok)
        return 0;
    if (err.text[0])
        error_print(stderr, &err);
    return err.kind == ERROR_NONE ? 1 : (int)err.kind;
}

#include "agent/command/options.h"

#include "policy/base/mem.h"
#include "policy/base/text.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define ALL                                                                                  \
    (COMMAND_POLICY | COMMAND_WHERE | COMMAND_LOCATE | COMMAND_GET | COMMAND_EXPORT_SCRIPT | \
     COMMAND_PROBE | COMMAND_HASH | COMMAND_PUBLISH | COMMAND_CACHE | COMMAND_RESOLVE)
#define PLACES (COMMAND_LOCATE | COMMAND_GET)
#define ASKED  (COMMAND_POLICY | COMMAND_WHERE | PLACES | COMMAND_CACHE)

enum option_id {
    OPTION_CONFIG = 256,
    OPTION_POLICY,
    OPTION_STATE,
    OPTION_CACHE,
    OPTION_LOGS,
    OPTION_SOCKET,
    OPTION_JSON,
    OPTION_XML,
    OPTION_RESOLVE,
    OPTION_TLS,
    OPTION_DPS,
    OPTION_MACHINE,
    OPTION_SET,
    OPTION_WHY,
    OPTION_AT,
    OPTION_ALL,
    OPTION_RULES,
    OPTION_DEPLOYMENT,
    OPTION_FOR,
    OPTION_REPLY,
    OPTION_COMPARE,
    OPTION_REQUEST,
    OPTION_EXCLUDED,
    OPTION_BRIEF,
    OPTION_TO,
    OPTION_WAIT,
    OPTION_NO_SYNC,
    OPTION_CONTENT,
    OPTION_CONTENT_VERSION,
    OPTION_AGAINST,
    OPTION_DP,
    OPTION_LIBRARY,
    OPTION_CONTAINER,
    OPTION_ACCESS,
    OPTION_MDM,
    OPTION_OUT,
    OPTION_REPLACE,
    OPTION_VERIFY,
    OPTION_SOURCE,
    OPTION_DUE,
    OPTION_HELP,
    OPTION_VERSION,
};

static const struct option_row {
    enum option_id id;
    const char *name;
    const char *argument; /* NULL: takes none */
    unsigned commands;
    const char *help;
} rows[] = {
    {OPTION_CONFIG, "config", "FILE", ALL, "settings file instead of the default one"},
    {OPTION_POLICY, "policy", "PATH", ALL, "policy document or folder; may be repeated"},
    {OPTION_STATE, "state", "DIR", ALL, "folder of jobs"},
    {OPTION_CACHE, "cache", "DIR", ALL, "folder of the content cache"},
    {OPTION_LOGS, "logs", "DIR", ALL, "folder of the logs"},
    {OPTION_SOCKET, "socket", "PATH", ALL, "the agent's control socket"},
    {OPTION_JSON, "json", NULL, ALL, "print JSON"},
    {OPTION_XML, "xml", NULL, COMMAND_POLICY, "print policy bodies that read back to the same"},
    {OPTION_RESOLVE, "resolve", NULL, COMMAND_POLICY, "check: ask DNS for cloud service names"},
    {OPTION_TLS, "tls", NULL, COMMAND_RESOLVE, "the certificate as well"},
    {OPTION_DPS, "dps", NULL, COMMAND_RESOLVE, "all distribution points, into the file of --out"},
    {OPTION_MACHINE, "machine", "FILE|NAME", ASKED, "another machine than this one"},
    {OPTION_SET, "set", "KEY=VALUE", ASKED, "a fact of the machine; may be repeated"},
    {OPTION_WHY, "why", "NAME", COMMAND_WHERE | COMMAND_LOCATE,
     "where: a group or boundary; locate: a DP through every rule"},
    {OPTION_AT, "at", "MINUTES", PLACES, "minutes since the first request"},
    {OPTION_ALL, "all", NULL, COMMAND_LOCATE, "every location, whenever it joins"},
    {OPTION_RULES, "rules", "SET", COMMAND_WHERE | PLACES, "rules of 2007, 2012 or current"},
    {OPTION_DEPLOYMENT, "deployment", "ID|BITS", PLACES, "the deployment that allows the sources"},
    {OPTION_FOR, "for", "PURPOSE", PLACES, "what the content is for: task-sequence"},
    {OPTION_REPLY, "reply", "FILE", COMMAND_LOCATE, "what a management point answered a client"},
    {OPTION_COMPARE, "compare", NULL, COMMAND_LOCATE, "the reply beside nearpoint's own list"},
    {OPTION_REQUEST, "request", NULL, COMMAND_LOCATE, "print what a client would ask"},
    {OPTION_EXCLUDED, "excluded", NULL, COMMAND_LOCATE, "print every DP that is not used"},
    {OPTION_BRIEF, "brief", NULL, COMMAND_LOCATE, "one line, for a ticket"},
    {OPTION_TO, "to", "DIR", COMMAND_GET, "also lay the content out in DIR"},
    {OPTION_WAIT, "wait", "MINUTES", COMMAND_GET, "go on that long when nothing works now"},
    {OPTION_NO_SYNC, "no-sync", NULL, COMMAND_GET | COMMAND_PUBLISH | COMMAND_CACHE,
     "do not wait until the disk has it"},
    {OPTION_CONTENT, "content", "ID", COMMAND_HASH | COMMAND_PUBLISH,
     "the content: what is expected of it, what to publish"},
    {OPTION_AGAINST, "against", "DIR", COMMAND_HASH, "the folder that it should equal"},
    {OPTION_DP, "dp", "FOLDER", COMMAND_PUBLISH, "the folder that a web server serves"},
    {OPTION_LIBRARY, "library", "FOLDER", COMMAND_PUBLISH, "the folder of a content library"},
    {OPTION_CONTAINER, "container", "URL", COMMAND_PUBLISH, "the container of a cloud DP"},
    {OPTION_ACCESS, "access", "FILE", COMMAND_PUBLISH, "the private policy with its SAS and key"},
    {OPTION_MDM, "mdm", NULL, COMMAND_PUBLISH, "the container is an MDM distribution point's"},
    {OPTION_OUT, "out", "FILE", COMMAND_PUBLISH | COMMAND_RESOLVE, "the policy document to write"},
    {OPTION_REPLACE, "replace", NULL, COMMAND_PUBLISH | COMMAND_CACHE,
     "replace what it would otherwise refuse"},
    {OPTION_VERIFY, "verify", NULL, COMMAND_PUBLISH, "hash anew what was laid out"},
    {OPTION_SOURCE, "source", "DIR", COMMAND_PUBLISH, "repair what is wrong from DIR"},
    {OPTION_DUE, "due", NULL, COMMAND_CACHE, "verify: only when the policy's schedule says so"},
    {OPTION_HELP, "help", NULL, ALL, "print this help"},
    {OPTION_VERSION, "version", NULL, ALL, "print the program's version"},
    /* Behind the program's own: of two equal names getopt finds the first. */
    {OPTION_CONTENT_VERSION, "version", "N", COMMAND_PUBLISH, "the content's version"},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

static const struct option_row *find_row(int id)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if ((int)rows[i].id == id)
            return &rows[i];
    return NULL;
}

static void fill_getopt(struct option table[ROW_COUNT + 1])
{
    memset(table, 0, (ROW_COUNT + 1) * sizeof *table);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        table[i].name = rows[i].name;
        table[i].has_arg = rows[i].argument ? required_argument : no_argument;
        if (rows[i].id == OPTION_VERSION)
            table[i].has_arg = optional_argument; /* the content's */
        table[i].val = (int)rows[i].id;
    }
}

static void append(const char ***list, size_t *count, const char *text)
{
    *list = mem_resize(*list, *count + 1, sizeof **list);
    (*list)[(*count)++] = text;
}

static bool read_minutes(const struct option_row *row, int64_t *out, struct error *err)
{
    return text_to_int(optarg, 0, INT32_MAX, out) ||
           error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                     "--%s takes a number of minutes, not '%s'", row->name, optarg);
}

static bool read_version(struct options *options, struct error *err)
{
    return text_to_int(optarg, 0, UINT32_MAX, &options->version) ||
           error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                     "--version takes a content's version, a number up to 4294967295, not '%s'",
                     optarg);
}

static bool store(struct options *options, const struct option_row *row, struct error *err)
{
    switch (row->id) {
    case OPTION_CONFIG: options->config = optarg; break;
    case OPTION_POLICY: append(&options->policies, &options->policy_count, optarg); break;
    case OPTION_STATE: options->state = optarg; break;
    case OPTION_CACHE: options->cache = optarg; break;
    case OPTION_LOGS: options->logs = optarg; break;
    case OPTION_SOCKET: options->socket = optarg; break;
    case OPTION_JSON: options->json = true; break;
    case OPTION_XML: options->xml = true; break;
    case OPTION_RESOLVE: options->resolve = true; break;
    case OPTION_TLS: options->tls = true; break;
    case OPTION_DPS: options->dps = true; break;
    case OPTION_MACHINE: options->machine = optarg; break;
    case OPTION_SET: append(&options->sets, &options->set_count, optarg); break;
    case OPTION_WHY: options->why = optarg; break;
    case OPTION_AT: return read_minutes(row, &options->at, err);
    case OPTION_ALL: options->all = true; break;
    case OPTION_RULES: options->rules = optarg; break;
    case OPTION_DEPLOYMENT: options->deployment = optarg; break;
    case OPTION_FOR: options->purpose = optarg; break;
    case OPTION_REPLY: options->reply = optarg; break;
    case OPTION_COMPARE: options->compare = true; break;
    case OPTION_REQUEST: options->request = true; break;
    case OPTION_EXCLUDED: options->excluded = true; break;
    case OPTION_BRIEF: options->brief = true; break;
    case OPTION_TO: options->to = optarg; break;
    case OPTION_WAIT: return read_minutes(row, &options->wait, err);
    case OPTION_NO_SYNC: options->no_sync = true; break;
    case OPTION_CONTENT: options->content = optarg; break;
    case OPTION_CONTENT_VERSION: return read_version(options, err);
    case OPTION_AGAINST: options->against = optarg; break;
    case OPTION_DP: options->dp = optarg; break;
    case OPTION_LIBRARY: options->library = optarg; break;
    case OPTION_CONTAINER: options->container = optarg; break;
    case OPTION_ACCESS: options->access = optarg; break;
    case OPTION_MDM: options->mdm = true; break;
    case OPTION_OUT: options->out = optarg; break;
    case OPTION_REPLACE: options->replace = true; break;
    case OPTION_VERIFY: options->verify = true; break;
    case OPTION_SOURCE: options->source = optarg; break;
    case OPTION_DUE: options->due = true; break;
    case OPTION_HELP:
    case OPTION_VERSION: break;
    }
    return true;
}

static const struct command_row *find_command(const struct command_row *commands, size_t count,
                                              const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static bool check_command(const struct options *options, const struct command_row *command,
                          const bool used[ROW_COUNT], struct error *err)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (used[i] && !(rows[i].commands & (unsigned)command->bit))
            return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL, "'%s' does not take --%s",
                             command->name, rows[i].name);
    int count = (int)options->argument_count;
    if (count < command->arguments_min ||
        (command->arguments_max >= 0 && count > command->arguments_max))
        return error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL, "usage: nearpoint %s%s%s",
                         command->name, *command->usage ? " " : "", command->usage);
    return true;
}

/* --version alone prints the program's. With a value, with a number behind it, or behind the word
   `publish` with anything behind it, it is a content's. */
static bool is_content_version(const struct options *options, int argc, char **argv)
{
    int64_t number;
    if (optarg)
        return true;
    bool publishes = options->argument_count > 0 && strcmp(options->arguments[0], "publish") == 0;
    if (optind >= argc || !(publishes || text_to_int(argv[optind], 0, INT64_MAX, &number)))
        return false;
    optarg = argv[optind++];
    return true;
}

/* Everything getopt finds, into `options`; the words that are no options into its arguments. */
static enum options_result scan(struct options *options, bool used[ROW_COUNT], int argc,
                                char **argv, struct error *err)
{
    struct option table[ROW_COUNT + 1];
    fill_getopt(table);
    enum options_result result = OPTIONS_RUN;
    optind = 1;
    opterr = 0;
    int id;
    while ((id = getopt_long(argc, argv, "-:", table, NULL)) != -1) {
        if (id == OPTION_VERSION && is_content_version(options, argc, argv))
            id = OPTION_CONTENT_VERSION;
        const struct option_row *row = find_row(id);
        if (id == 1) {
            append(&options->arguments, &options->argument_count, optarg);
        } else if (id == OPTION_HELP || id == OPTION_VERSION) {
            if (result == OPTIONS_RUN)
                result = id == OPTION_HELP ? OPTIONS_HELP : OPTIONS_VERSION;
        } else if (row) {
            used[row - rows] = true;
            if (!store(options, row, err))
                return OPTIONS_BAD;
        } else {
            error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                      id == ':' ? "%s needs a value" : "unknown option %s", argv[optind - 1]);
            return OPTIONS_BAD;
        }
    }
    while (optind < argc)
        append(&options->arguments, &options->argument_count, argv[optind++]);
    return result;
}

/* The first word is the command's name, not an argument. */
static const char *take_first(struct options *options)
{
    const char *name = options->arguments[0];
    options->argument_count--;
    memmove(options->arguments, options->arguments + 1,
            options->argument_count * sizeof *options->arguments);
    return name;
}

enum options_result options_parse(struct options *options, const struct command_row *commands,
                                  size_t command_count, const struct command_row **command,
                                  int argc, char **argv, struct error *err)
{
    bool used[ROW_COUNT] = {false};
    *options = (struct options){.version = -1};
    *command = NULL;
    enum options_result result = scan(options, used, argc, argv, err);
    if (result == OPTIONS_BAD || result == OPTIONS_VERSION)
        return result;
    if (options->argument_count == 0) {
        if (result == OPTIONS_RUN)
            error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                      "no command; 'nearpoint --help' lists them");
        return result == OPTIONS_HELP ? result : OPTIONS_BAD;
    }
    const char *name = take_first(options);
    *command = find_command(commands, command_count, name);
    if (!*command) {
        error_set(err, ERROR_USAGE, BLAME_USER, "USAGE", NULL,
                  "unknown command '%s'; 'nearpoint --help' lists them", name);
        return OPTIONS_BAD;
    }
    if (result == OPTIONS_RUN && !check_command(options, *command, used, err))
        return OPTIONS_BAD;
    return result;
}

void options_free(struct options *options)
{
    free(options->policies);
    free(options->sets);
    free(options->arguments);
    *options = (struct options){0};
}

void options_print(FILE *out, enum command_bit command)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (!(rows[i].commands & (unsigned)command))
            continue;
        char *option = mem_format("--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
                                  rows[i].argument ? rows[i].argument : "");
        fprintf(out, "  %-24s %s\n", option, rows[i].help);
        free(option);
    }
}

/* The command line: one table of options, of which each command takes some. */
#ifndef AGENT_COMMAND_OPTIONS_H
#define AGENT_COMMAND_OPTIONS_H

#include "agent/command/command.h"

/* Bits of the commands, for the table of options. */
enum command_bit {
    COMMAND_POLICY = 1,
    COMMAND_LOCATE = 2,
    COMMAND_GET = 4,
    COMMAND_EXPORT_SCRIPT = 8,
    COMMAND_WHERE = 16,
    COMMAND_PROBE = 32,
    COMMAND_HASH = 64,
    COMMAND_PUBLISH = 128,
    COMMAND_CACHE = 256,
    COMMAND_RESOLVE = 512,
};

struct command_row {
    const char *name;
    enum command_bit bit;
    command_run *run;
    int arguments_min, arguments_max; /* -1: any number */
    const char *usage;                /* arguments, as in the man page's synopsis */
    const char *summary;              /* one line */
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_BAD };

/* Reads argv into `options` and finds the command. Options may stand before or after it.
   OPTIONS_HELP may come with or without a command (*command NULL). OPTIONS_BAD: err is filled
   (ERROR_USAGE). options_free frees the arrays, also after OPTIONS_BAD. */
enum options_result options_parse(struct options *options, const struct command_row *commands,
                                  size_t command_count, const struct command_row **command,
                                  int argc, char **argv, struct error *err);
void options_free(struct options *options);

/* Prints the options that the command takes, one a line. */
void options_print(FILE *out, enum command_bit command);

#endif

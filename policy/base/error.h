/*
 * The one way to report errors. A function that can fail takes a `struct error *` as its last
 * argument, fills it near the cause and returns false (or NULL); callers pass it up unchanged.
 * Only main prints it.
 */
#ifndef POLICY_BASE_ERROR_H
#define POLICY_BASE_ERROR_H

#include <stdbool.h>
#include <stdio.h>

/* The values are the program's exit codes. */
enum error_kind {
    ERROR_NONE = 0,
    ERROR_FAILED = 1, /* tried and failed */
    ERROR_USAGE = 2,  /* the command line is wrong */
    ERROR_INPUT = 3,  /* the input is bad or refused */
};

enum error_blame {
    BLAME_NONE,
    BLAME_SOURCE,
    BLAME_PROXY,
    BLAME_DNS,
    BLAME_DISK,
    BLAME_DATA,
    BLAME_POLICY,
    BLAME_TIME,
    BLAME_USER,
};

struct error {
    enum error_kind kind;
    enum error_blame blame;
    char code[40];   /* a stable word for scripts: HASH_MISMATCH */
    char where[512]; /* file:line, host, option; empty where there is none */
    char text[1024]; /* what, for a person; may hold text from outside, unescaped */
};

/* Fills `err` (which may be NULL) and returns false, so that a failing function can return it.
   `where` may be NULL. */
bool error_set(struct error *err, enum error_kind kind, enum error_blame blame, const char *code,
               const char *where, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* As error_set with kind ERROR_FAILED, blame BLAME_DISK and the text of errno appended;
   the code is the errno's name (ENOSPC). */
bool error_errno(struct error *err, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "source", "proxy", ... as the JSON has it; NULL for BLAME_NONE. */
const char *error_blame_word(enum error_blame blame);

/* Prints "nearpoint: WHERE: WHAT" and a newline, with text from outside escaped. */
void error_print(FILE *out, const struct error *err);

#endif

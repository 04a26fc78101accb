/*
 * A shared access signature (SAS) as Azure Storage has it: query parameters of which the client
 * reads `st` and `se`, its start and end, and computes none (facts: azure.md). Secret as a whole:
 * nothing here repeats it.
 *
 * Pure: the time is handed in.
 */
#ifndef POLICY_SAS_H
#define POLICY_SAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sas_state {
    SAS_GOOD,      /* or it says nothing of times: a stored policy has them */
    SAS_ENDS_SOON, /* within SAS_SOON_SECONDS */
    SAS_NOT_YET,   /* by more than SAS_SKEW_SECONDS */
    SAS_ENDED,
    SAS_MALFORMED, /* a time that is none, or no `sig` */
};

/* A download may take that long: ours. */
#define SAS_SOON_SECONDS (24 * 3600)
/* Clocks differ; Azure's documents advise a start that lies 15 minutes back. */
#define SAS_SKEW_SECONDS (15 * 60)

struct sas {
    enum sas_state state;
    bool has_start, has_end;
    int64_t start, end; /* seconds since 1970 */
};

/* `query` is a SAS without '?'; `now` in seconds since 1970. */
struct sas sas_judge(const char *query, int64_t now);

/* The value of a parameter, as it is written, or NULL. */
const char *sas_value(const char *query, const char *name, size_t *len);

#endif

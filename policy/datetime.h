/*
 * Dates and times as WMI and its tools write them → one form, so that equal policy is equal text:
 * DMTF "20260830205506.000000+060" ("+***" reads as UTC), ISO 8601 "2026-08-30T20:55:06Z" (no zone
 * reads as UTC, ours), Windows PowerShell's "/Date(1339340336000)/" (configmgr-sdk 0, 6.3).
 * No clock, no system calls; the readers of document forms call it.
 */
#ifndef POLICY_DATETIME_H
#define POLICY_DATETIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATETIME_MAX 32 /* "2026-08-30T20:55:06.123456Z" and NUL */

/* The same moment in UTC as ISO 8601, a fraction only where there is one. false: not a date and
   time of these forms (an interval, say); `out` is untouched. */
bool datetime_canonical(const char *text, size_t len, char out[DATETIME_MAX]);

/* The same moment in seconds since 1970, fractions left off. */
bool datetime_seconds(const char *text, size_t len, int64_t *seconds);

/* Seconds since 1970 as datetime_canonical writes them; false: outside of the years 1 to 9999. */
bool datetime_print(int64_t seconds, char out[DATETIME_MAX]);

#endif

/*
 * The settings that nearpoint knows: one table with name, type, range and built-in default, from
 * which the man page's table, the policy tree and every decision are made
 * (policy model: Settings). No system calls; any room may call it.
 */
#ifndef POLICY_SETTINGS_H
#define POLICY_SETTINGS_H

#include "policy/base/buf.h"
#include "policy/resultant.h"

enum setting {
    SETTING_ALLOW_CLOUD_DP,
    SETTING_ALLOW_CMG,
    SETTING_MAX_CACHE_SIZE_MB,
    SETTING_MAX_CACHE_SIZE_PERCENT,
    SETTING_CACHE_TOMBSTONE,
    SETTING_BITS_ENABLE,
    SETTING_BITS_FROM,
    SETTING_BITS_TO,
    SETTING_BITS_RATE_ON,
    SETTING_BITS_RATE_OFF,
    SETTING_BITS_OFF_SCHEDULE,
    SETTING_METERED_NETWORK_USAGE,
    SETTING_LOCATION_TIMEOUT,
    SETTING_PER_DP_INACTIVITY,
    SETTING_TOTAL_INACTIVITY,
    SETTING_POLICY_POLLING_MINUTES,
    SETTING_CONTENT_VALIDATION_MINUTES,
    SETTING_CONTENT_VALIDATION_REPAIR,
    SETTING_CACHE_FREE_SPACE_MB,
    SETTING_COUNT,
};

enum setting_type { SETTING_BOOL, SETTING_INT };

struct setting_row {
    const char *name; /* AllowCloudDP */
    enum setting_type type;
    int64_t built_in, min, max;
    const char *unit;    /* "MB", "%", "" */
    const char *meaning; /* one line for the man page and the tree */
};

extern const struct setting_row setting_rows[SETTING_COUNT];

struct settings {
    int64_t value[SETTING_COUNT];                        /* booleans as 0 and 1 */
    const struct resultant_value *origin[SETTING_COUNT]; /* NULL: built-in */
};

/* Out-of-range values are taken at the nearest bound with warning SETTING_OUT_OF_RANGE; what is no
   number or boolean at all leaves the built-in default, with the same warning.
   `origin` points into `resultant`. */
void settings_read(struct settings *settings, struct policy *policy,
                   const struct resultant *resultant);

/* "built-in", or "custom settings, priority 10", in the arena; nothing of documents. */
const char *settings_origin_text(struct policy *policy, const struct settings *settings,
                                 enum setting setting);

/* The same with policy and place: "..., policy {...} version 2.00, samples/policy/...xml:12". */
const char *settings_origin_place(struct policy *policy, const struct settings *settings,
                                  enum setting setting);
void settings_add_origin_place(struct buf *out, const struct settings *settings,
                               enum setting setting);

#endif

#include "policy/settings.h"

#include "policy/base/text.h"
#include "policy/origin.h"

#include <inttypes.h>
#include <string.h>

const struct setting_row setting_rows[SETTING_COUNT] = {
    [SETTING_ALLOW_CLOUD_DP] = {"AllowCloudDP", SETTING_BOOL, 0, 0, 1, "",
                                "content may come from cloud distribution points"},
    [SETTING_ALLOW_CMG] = {"AllowCMG", SETTING_BOOL, 1, 0, 1, "",
                           "a cloud management gateway may be used"},
    [SETTING_MAX_CACHE_SIZE_MB] = {"MaxCacheSizeMB", SETTING_INT, 5120, 1, UINT32_MAX, "MB",
                                   "the largest size of the content cache"},
    [SETTING_MAX_CACHE_SIZE_PERCENT] = {"MaxCacheSizePercent", SETTING_INT, 20, 1, 100, "%",
                                        "the same as a part of the disk; the smaller holds"},
    [SETTING_CACHE_TOMBSTONE] = {"CacheTombstoneContentMinDuration", SETTING_INT, 86400, 0, 604800,
                                 "s", "how long content is kept before it may make room"},
    [SETTING_BITS_ENABLE] = {"EnableBitsMaxBandwidth", SETTING_BOOL, 0, 0, 1, "",
                             "transfer rates are limited by a schedule"},
    [SETTING_BITS_FROM] = {"MaxBandwidthValidFrom", SETTING_INT, 0, 0, 23, "h",
                           "the hour the schedule begins; equal hours: always"},
    [SETTING_BITS_TO] = {"MaxBandwidthValidTo", SETTING_INT, 0, 0, 23, "h",
                         "the hour the schedule ends"},
    [SETTING_BITS_RATE_ON] = {"MaxTransferRateOnSchedule", SETTING_INT, 0, 0, UINT32_MAX, "Kb/s",
                              "the limit within the schedule; 0 none"},
    [SETTING_BITS_RATE_OFF] = {"MaxTransferRateOffSchedule", SETTING_INT, 0, 0, UINT32_MAX, "Kb/s",
                               "the limit outside of the schedule; 0 none"},
    [SETTING_BITS_OFF_SCHEDULE] = {"EnableDownloadOffSchedule", SETTING_BOOL, 0, 0, 1, "",
                                   "transfers may run outside of the schedule"},
    [SETTING_METERED_NETWORK_USAGE] = {"MeteredNetworkUsage", SETTING_INT, 4, 1, 4, "",
                                       "on metered networks: 1 allow, 2 limit, 4 block"},
    [SETTING_LOCATION_TIMEOUT] = {"ContentLocationTimeoutInterval", SETTING_INT, 28800, 0,
                                  UINT32_MAX, "s", "how long a location request waits"},
    [SETTING_PER_DP_INACTIVITY] = {"PerDPInactivityTimeout", SETTING_INT, 0, 0, UINT32_MAX, "s",
                                   "how long one DP may bring nothing; 0 not set"},
    [SETTING_TOTAL_INACTIVITY] = {"TotalInactivityTimeout", SETTING_INT, 0, 0, UINT32_MAX, "s",
                                  "how long all DPs may bring nothing; 0 not set"},
    [SETTING_POLICY_POLLING_MINUTES] = {"PolicyPollingMinutes", SETTING_INT, 60, 1, 10080, "min",
                                        "how often policy is asked for"},
    [SETTING_CONTENT_VALIDATION_MINUTES] = {"ContentValidationMinutes", SETTING_INT, 10080, 0,
                                            UINT32_MAX, "min",
                                            "how often content is checked again; 0 never"},
    [SETTING_CONTENT_VALIDATION_REPAIR] = {"ContentValidationRepair", SETTING_BOOL, 1, 0, 1, "",
                                           "what was found bad is fetched again"},
    [SETTING_CACHE_FREE_SPACE_MB] = {"CacheFreeSpaceMB", SETTING_INT, 2048, 0, UINT32_MAX, "MB",
                                     "what the cache leaves free on its disk"},
};

static const char *where_of(struct policy *policy, const struct resultant_value *value)
{
    return arena_format(&policy->arena, "%s:%u", value->source->instance->document->path,
                        value->property->line);
}

/* "5", 5, true: what the documents' writers make of numbers and booleans. */
static bool to_number(const struct value *value, enum setting_type type, int64_t *out)
{
    bool truth;
    switch (value->type) {
    case VALUE_INT: *out = value->number; return true;
    case VALUE_BOOL: *out = value->truth; return true;
    case VALUE_TEXT:
        if (type == SETTING_BOOL && text_to_bool(value->text, &truth)) {
            *out = truth;
            return true;
        }
        return text_to_int(value->text, INT64_MIN, INT64_MAX, out);
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT: break;
    }
    return false;
}

/* Between the bounds a boolean of -1 is true. */
static int64_t clamp(const struct setting_row *row, int64_t number)
{
    if (row->type == SETTING_BOOL && number == -1)
        return 1;
    if (number < row->min)
        return row->min;
    return number > row->max ? row->max : number;
}

/* The winner's value within its range; false where it cannot be read at all. */
static bool read_winner(struct policy *policy, const struct setting_row *row,
                        const struct resultant_value *winner, int64_t *out)
{
    int64_t number = 0;
    if (!to_number(&winner->value, row->type, &number)) {
        policy_warn(policy, "SETTING_OUT_OF_RANGE", where_of(policy, winner),
                    "%s is no %s; the built-in default %" PRId64 " holds", row->name,
                    row->type == SETTING_BOOL ? "boolean" : "number", row->built_in);
        return false;
    }
    *out = clamp(row, number);
    bool is_true = row->type == SETTING_BOOL && number == -1;
    if (*out != number && !is_true)
        policy_warn(policy, "SETTING_OUT_OF_RANGE", where_of(policy, winner),
                    "%s = %" PRId64 " is not from %" PRId64 " to %" PRId64 "; %" PRId64 " holds",
                    row->name, number, row->min, row->max, *out);
    return true;
}

void settings_read(struct settings *settings, struct policy *policy,
                   const struct resultant *resultant)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting_row *row = &setting_rows[i];
        settings->value[i] = row->built_in;
        settings->origin[i] = NULL;
        const struct resultant_setting *setting = resultant_find(resultant, row->name);
        const struct resultant_value *winner = setting ? resultant_winner(setting) : NULL;
        if (winner && winner->source && read_winner(policy, row, winner, &settings->value[i]))
            settings->origin[i] = winner;
    }
}

const char *settings_origin_text(struct policy *policy, const struct settings *settings,
                                 enum setting setting)
{
    const struct resultant_value *origin = settings->origin[setting];
    struct buf words = {0};
    origin_add_source(&words, origin ? origin->source : NULL);
    const char *kept = arena_copy_string(&policy->arena, words.data);
    buf_free(&words);
    return kept;
}

void settings_add_origin_place(struct buf *out, const struct settings *settings,
                               enum setting setting)
{
    const struct resultant_value *origin = settings->origin[setting];
    origin_add_source(out, origin ? origin->source : NULL);
    if (origin) {
        buf_append_text(out, ", ");
        origin_add_place(out, origin->source->instance->document, origin->property->line);
    }
}

const char *settings_origin_place(struct policy *policy, const struct settings *settings,
                                  enum setting setting)
{
    struct buf words = {0};
    settings_add_origin_place(&words, settings, setting);
    const char *kept = arena_copy_string(&policy->arena, words.data);
    buf_free(&words);
    return kept;
}

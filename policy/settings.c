#include "policy/settings.h"

#include "policy/base/text.h"

#include <inttypes.h>
#include <string.h>

const struct setting_row setting_rows[SETTING_COUNT] = {
    [SETTING_ALLOW_CLOUD_DP] = {"AllowCloudDP", SETTING_BOOL, 0, 0, 1, "",
                                "content may come from cloud distribution points"},
    [SETTING_MAX_CACHE_SIZE_MB] = {"MaxCacheSizeMB", SETTING_INT, 5120, 1, UINT32_MAX, "MB",
                                   "the largest size of the content cache"},
    [SETTING_MAX_CACHE_SIZE_PERCENT] = {"MaxCacheSizePercent", SETTING_INT, 20, 1, 100, "%",
                                        "the same as a part of the disk; the smaller holds"},
    [SETTING_METERED_NETWORK_USAGE] = {"MeteredNetworkUsage", SETTING_INT, 4, 1, 4, "",
                                       "on metered networks: 1 allow, 2 limit, 4 block"},
    [SETTING_CACHE_FREE_SPACE_MB] = {"CacheFreeSpaceMB", SETTING_INT, 2048, 0, UINT32_MAX, "MB",
                                     "what the cache leaves free on its disk"},
};

static const char *where_of(struct policy *policy, const struct resultant_value *value)
{
    return arena_format(&policy->arena, "%s:%u", value->instance->document->path,
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
        if (winner && winner->instance && read_winner(policy, row, winner, &settings->value[i]))
            settings->origin[i] = winner;
    }
}

const char *settings_layer_words(enum layer layer)
{
    switch (layer) {
    case LAYER_BUILT_IN: return "built-in";
    case LAYER_DEFAULT: return "default settings";
    case LAYER_CUSTOM: return "custom settings";
    case LAYER_LOCAL: return "local policy";
    }
    return "";
}

const char *settings_origin_text(struct policy *policy, const struct settings *settings,
                                 enum setting setting)
{
    const struct resultant_value *origin = settings->origin[setting];
    if (!origin)
        return settings_layer_words(LAYER_BUILT_IN);
    const struct document *document = origin->instance->document;
    return arena_format(&policy->arena, "%s, policy %s version %s, %s",
                        settings_layer_words(origin->layer), document->policy_id,
                        document->version_text, document->path);
}

/* The contract's words for the values of a decision. */
#include "agent/location/location.h"

#include "policy/base/text.h"

const char *locality_word(enum locality locality)
{
    static const char *const words[LOCALITY_COUNT] = {
        [LOCALITY_COMPUTER] = "COMPUTER",
        [LOCALITY_SUBNET] = "SUBNET",
        [LOCALITY_ADSITE] = "ADSITE",
        [LOCALITY_LOCAL] = "LOCAL",
        [LOCALITY_BOUNDARYGROUP] = "BOUNDARYGROUP",
        [LOCALITY_NEIGHBOR] = "NEIGHBOR",
        [LOCALITY_SITEDEFAULT] = "SITEDEFAULT",
        [LOCALITY_REMOTE] = "REMOTE",
        [LOCALITY_INTERNET] = "INTERNET",
        [LOCALITY_CLOUD] = "CLOUD",
    };
    return words[locality];
}

const char *distance_word(enum distance distance)
{
    static const char *const words[] = {
        [DISTANCE_LOCAL] = "local", [DISTANCE_REMOTE] = "remote", [DISTANCE_CLOUD] = "cloud"};
    return words[distance];
}

const char *exclusion_word(enum exclusion exclusion)
{
    static const char *const words[EXCLUSION_COUNT] = {
        [EXCLUDED_UNSUPPORTED_SCHEME] = "UNSUPPORTED_SCHEME",
        [EXCLUDED_MAINTENANCE] = "MAINTENANCE",
        [EXCLUDED_CLOUD_NOT_ALLOWED] = "CLOUD_NOT_ALLOWED",
        [EXCLUDED_METERED] = "METERED",
        [EXCLUDED_INTERNET_ONLY] = "INTERNET_ONLY",
        [EXCLUDED_INTRANET_ONLY] = "INTRANET_ONLY",
        [EXCLUDED_OTHER_SITE] = "OTHER_SITE",
        [EXCLUDED_PROTECTED] = "PROTECTED",
        [EXCLUDED_HIDDEN_BY_PROTECTED] = "HIDDEN_BY_PROTECTED",
        [EXCLUDED_NOT_IN_GROUP] = "NOT_IN_GROUP",
        [EXCLUDED_FALLBACK_NEVER] = "FALLBACK_NEVER",
        [EXCLUDED_REMOTE_NOT_ALLOWED] = "REMOTE_NOT_ALLOWED",
        [EXCLUDED_DEFAULT_GROUP_NOT_ALLOWED] = "DEFAULT_GROUP_NOT_ALLOWED",
        [EXCLUDED_SLOW_NOT_ALLOWED] = "SLOW_NOT_ALLOWED",
        [EXCLUDED_ON_DEMAND_NOT_FROM_CLOUD] = "ON_DEMAND_NOT_FROM_CLOUD",
        [EXCLUDED_RUN_FROM_DP_NOT_FROM_CLOUD] = "RUN_FROM_DP_NOT_FROM_CLOUD",
        [EXCLUDED_NO_CONTENT] = "NO_CONTENT",
        [EXCLUDED_OLD_VERSION] = "OLD_VERSION",
        [EXCLUDED_NEWER_VERSION] = "NEWER_VERSION",
        [EXCLUDED_FALLBACK_NOT_DUE] = "FALLBACK_NOT_DUE",
    };
    return words[exclusion];
}

static const char *const rules_words[RULES_COUNT] = {
    [RULES_2007] = "2007", [RULES_2012] = "2012", [RULES_CURRENT] = "current"};

const char *location_rules_word(enum location_rules rules)
{
    return rules_words[rules];
}

bool location_rules_parse(const char *word, enum location_rules *rules)
{
    for (enum location_rules i = RULES_2007; i < RULES_COUNT; i++)
        if (text_equal(word, rules_words[i])) {
            *rules = i;
            return true;
        }
    return false;
}

#include "policy/sas.h"

#include "policy/datetime.h"

#include <stdio.h>
#include <string.h>

const char *sas_value(const char *query, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    while (*query) {
        size_t pair = strcspn(query, "&");
        if (pair > name_len && strncmp(query, name, name_len) == 0 && query[name_len] == '=') {
            *len = pair - name_len - 1;
            return query + name_len + 1;
        }
        query += pair + (query[pair] == '&');
    }
    return NULL;
}

/* "2026-11-28T12%3A00%3A00Z": of all that may be encoded, a time has colons. */
static size_t decode(const char *value, size_t len, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < len && used + 1 < size; i++) {
        bool colon = value[i] == '%' && len - i >= 3 && strncasecmp(value + i, "%3A", 3) == 0;
        out[used++] = colon ? ':' : value[i];
        i += colon ? 2 : 0;
    }
    out[used] = '\0';
    return used;
}

/* Azure's three forms: a date, to the minute, to the second. */
static bool read_time(const char *query, const char *name, bool *there, int64_t *seconds)
{
    char text[48], whole[64];
    size_t len;
    const char *value = sas_value(query, name, &len);
    *there = value != NULL;
    if (!value)
        return true;
    len = decode(value, len, text, sizeof text);
    if (len == strlen("2026-11-28"))
        snprintf(whole, sizeof whole, "%sT00:00:00Z", text);
    else if (len == strlen("2026-11-28T12:00Z"))
        snprintf(whole, sizeof whole, "%.16s:00Z", text);
    else
        snprintf(whole, sizeof whole, "%s", text);
    return datetime_seconds(whole, strlen(whole), seconds);
}

struct sas sas_judge(const char *query, int64_t now)
{
    struct sas sas = {SAS_GOOD, false, false, 0, 0};
    size_t len;
    bool ok = read_time(query, "st", &sas.has_start, &sas.start) &&
              read_time(query, "se", &sas.has_end, &sas.end) && sas_value(query, "sig", &len);
    if (!ok)
        sas.state = SAS_MALFORMED;
    else if (sas.has_end && sas.end <= now)
        sas.state = SAS_ENDED;
    else if (sas.has_start && sas.start > now + SAS_SKEW_SECONDS)
        sas.state = SAS_NOT_YET;
    else if (sas.has_end && sas.end <= now + SAS_SOON_SECONDS)
        sas.state = SAS_ENDS_SOON;
    return sas;
}

#include "policy/datetime.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MICROSECONDS   1000000U
#define DAY_SECONDS    86400
#define MINUTE_SECONDS 60
#define TEXT_MIN       9  /* "/Date(0)/" */
#define TEXT_MAX       40 /* the longest form is shorter */

/* Years 1 to 9999, which is what the forms can write. */
#define FIRST_DAY (-719162)
#define LAST_DAY  2932896

/* Reads exactly `digits` decimal digits and moves on. */
static bool take_number(const char **at, int digits, int *out)
{
    *out = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *out = *out * 10 + (**at - '0');
    }
    return true;
}

static bool take(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* Days since 1970 in the Gregorian calendar: years begin in March, so leap days come last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

static bool is_date(int year, int month, int day)
{
    int y, m, d;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    date_of(days_of(year, month, day), &y, &m, &d);
    return m == month && d == day;
}

/* A moment in the making: seconds since 1970 and microseconds. */
struct moment {
    int64_t seconds;
    int64_t micro;
};

static bool combine(struct moment *moment, const int date[3], const int time[3])
{
    if (!is_date(date[0], date[1], date[2]) || time[0] > 23 || time[1] > 59 || time[2] > 60)
        return false;
    moment->seconds = days_of(date[0], date[1], date[2]) * DAY_SECONDS + time[0] * 3600 +
                      time[1] * MINUTE_SECONDS + time[2];
    return true;
}

/* yyyymmddHHMMSS.mmmmmm+UUU */
static bool read_dmtf(const char *at, struct moment *moment)
{
    int date[3], time[3], micro, minutes = 0;
    if (!take_number(&at, 4, &date[0]) || !take_number(&at, 2, &date[1]) ||
        !take_number(&at, 2, &date[2]) || !take_number(&at, 2, &time[0]) ||
        !take_number(&at, 2, &time[1]) || !take_number(&at, 2, &time[2]) || !take(&at, '.') ||
        !take_number(&at, 6, &micro))
        return false;
    int sign = *at == '-' ? -1 : 1;
    if (*at != '+' && *at != '-')
        return false;
    at++;
    bool ok = strcmp(at, "***") == 0 || (take_number(&at, 3, &minutes) && !*at);
    if (!ok || !combine(moment, date, time))
        return false;
    moment->seconds -= (int64_t)sign * minutes * MINUTE_SECONDS;
    moment->micro = micro;
    return true;
}

/* Digits after the point, of which six count. */
static bool take_fraction(const char **at, int64_t *micro)
{
    *micro = 0;
    if (!take(at, '.'))
        return true;
    int64_t unit = MICROSECONDS / 10;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
        *micro += (**at - '0') * unit;
    return true;
}

static bool take_zone(const char **at, int *minutes)
{
    int hours, rest;
    *minutes = 0;
    if (!**at || take(at, 'Z'))
        return true;
    int sign = **at == '-' ? -1 : 1;
    if (**at != '+' && **at != '-')
        return false;
    (*at)++;
    if (!take_number(at, 2, &hours) || !take(at, ':') || !take_number(at, 2, &rest))
        return false;
    *minutes = sign * (hours * 60 + rest);
    return true;
}

static bool read_iso(const char *at, struct moment *moment)
{
    int date[3], time[3], minutes;
    if (!take_number(&at, 4, &date[0]) || !take(&at, '-') || !take_number(&at, 2, &date[1]) ||
        !take(&at, '-') || !take_number(&at, 2, &date[2]) || !take(&at, 'T') ||
        !take_number(&at, 2, &time[0]) || !take(&at, ':') || !take_number(&at, 2, &time[1]) ||
        !take(&at, ':') || !take_number(&at, 2, &time[2]) || !take_fraction(&at, &moment->micro) ||
        !take_zone(&at, &minutes) || *at || !combine(moment, date, time))
        return false;
    moment->seconds -= (int64_t)minutes * MINUTE_SECONDS;
    return true;
}

static bool read_powershell(const char *at, struct moment *moment)
{
    int64_t number = 0;
    if (strncmp(at, "/Date(", 6) != 0)
        return false;
    at += 6;
    bool negative = take(&at, '-');
    const char *digits = at;
    for (; *at >= '0' && *at <= '9' && at - digits < 15; at++)
        number = number * 10 + (*at - '0');
    if (at == digits || strcmp(at, ")/") != 0)
        return false;
    number = negative ? -number : number;
    int64_t rest = number % 1000 + (number % 1000 < 0 ? 1000 : 0);
    moment->seconds = (number - rest) / 1000;
    moment->micro = rest * 1000;
    return true;
}

static bool print(const struct moment *moment, char out[DATETIME_MAX])
{
    int64_t of_day = moment->seconds % DAY_SECONDS;
    of_day += of_day < 0 ? DAY_SECONDS : 0;
    int64_t days = (moment->seconds - of_day) / DAY_SECONDS;
    if (days < FIRST_DAY || days > LAST_DAY)
        return false;
    int year, month, day;
    date_of(days, &year, &month, &day);
    char fraction[8] = "";
    if (moment->micro) {
        snprintf(fraction, sizeof fraction, ".%06u", (unsigned)moment->micro % MICROSECONDS);
        for (size_t len = strlen(fraction); fraction[len - 1] == '0'; len--)
            fraction[len - 1] = '\0';
    }
    snprintf(out, DATETIME_MAX, "%04u-%02u-%02uT%02u:%02u:%02u%sZ", (unsigned)year % 10000U,
             (unsigned)month % 100U, (unsigned)day % 100U, (unsigned)(of_day / 3600) % 100U,
             (unsigned)(of_day / 60 % 60) % 100U, (unsigned)(of_day % 60) % 100U, fraction);
    return true;
}

static bool read_any(const char *text, size_t len, struct moment *moment)
{
    char copy[TEXT_MAX + 1];
    /* Most texts are none: the first character tells. */
    if (len < TEXT_MIN || len > TEXT_MAX || (*text != '/' && (*text < '0' || *text > '9')) ||
        memchr(text, '\0', len))
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return read_dmtf(copy, moment) || read_iso(copy, moment) || read_powershell(copy, moment);
}

bool datetime_canonical(const char *text, size_t len, char out[DATETIME_MAX])
{
    struct moment moment = {0};
    return read_any(text, len, &moment) && print(&moment, out);
}

bool datetime_seconds(const char *text, size_t len, int64_t *seconds)
{
    struct moment moment = {0};
    bool ok = read_any(text, len, &moment);
    *seconds = moment.seconds;
    return ok;
}

bool datetime_print(int64_t seconds, char out[DATETIME_MAX])
{
    return print(&(struct moment){.seconds = seconds}, out);
}

/* The calendar and the clock: units, storages of timestamps, days and civil dates.
 *
 * Civil dates of any year: years are counted from March, so that a leap day is the last day of its year, and in eras of 400
 * years = 146 097 days; inside an era plain divisions give year and day. All divisions round towards minus infinity,
 * so the proleptic Gregorian calendar holds before 1970 and before year 0 alike. */
#include "data/time.h"

#define DAYS_PER_ERA 146097
#define DAYS_TO_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */

static const char *const unit_names[UNIT_NONE] = {
    [UNIT_NANOSECOND] = "NANOSECOND", [UNIT_MICROSECOND] = "MICROSECOND", [UNIT_MILLISECOND] = "MILLISECOND",
    [UNIT_SECOND] = "SECOND",         [UNIT_MINUTE] = "MINUTE",           [UNIT_HOUR] = "HOUR",
    [UNIT_DAY] = "DAY",               [UNIT_WEEK] = "WEEK",               [UNIT_MONTH] = "MONTH",
    [UNIT_QUARTER] = "QUARTER",       [UNIT_YEAR] = "YEAR",               [UNIT_DECADE] = "DECADE",
    [UNIT_CENTURY] = "CENTURY",       [UNIT_MILLENNIUM] = "MILLENNIUM",   [UNIT_EPOCH] = "EPOCH",
    [UNIT_DOW] = "DOW",               [UNIT_DOY] = "DOY",                 [UNIT_ISODOW] = "ISODOW",
    [UNIT_ISOYEAR] = "ISOYEAR",
};

enum time_unit time_unit_from(struct str word)
{
    for (int u = 0; u < UNIT_NONE; u++) {
        struct str name = str_from(unit_names[u]);
        struct str singular = word;
        if (word.len == name.len + 1 && u < UNIT_CENTURY && (word.ptr[word.len - 1] | 0x20) == 's')
            singular.len--;
        if (str_eq_nocase(singular, name))
            return (enum time_unit)u;
    }
    if (str_eq_nocase(word, STR("CENTURIES")))
        return UNIT_CENTURY;
    if (str_eq_nocase(word, STR("MILLENNIUMS")) || str_eq_nocase(word, STR("MILLENNIA")))
        return UNIT_MILLENNIUM;
    return UNIT_NONE;
}

const char *time_unit_name(enum time_unit u)
{
    return u < UNIT_NONE ? unit_names[u] : "NONE";
}

static inline int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - (a % b < 0);
}

int64_t time_scale(int32_t precision)
{
    return precision <= 3 ? 1000 : precision <= 6 ? 1000000 : 1000000000;
}

bool time_rescale(int64_t v, int32_t from_precision, int32_t to_precision, int64_t *ret)
{
    int64_t from = time_scale(from_precision), to = time_scale(to_precision), out;
    if (from >= to) {
        *ret = floor_div(v, from / to);
        return true;
    }
    if (__builtin_mul_overflow(v, to / from, &out))
        return false;
    *ret = out;
    return true;
}

int64_t time_to_ms(int64_t v, int32_t precision)
{
    return precision <= 3 ? v : precision <= 6 ? floor_div(v, 1000) : floor_div(v, 1000000);
}

bool time_from_ms(int64_t ms, int32_t precision, int64_t *ret)
{
    return time_rescale(ms, 3, precision, ret);
}

int64_t time_truncate(int64_t v, int32_t precision)
{
    static const int64_t tens[3] = { 1, 10, 100 };
    int32_t digits = precision <= 3 ? 3 : precision <= 6 ? 6 : 9, drop = digits - precision;
    if (drop <= 0)
        return v;
    int64_t unit = drop == 3 ? 1000 : tens[drop], rest = v % unit;
    if (rest < 0)
        rest += unit;
    int64_t out;
    /* The last few units of the range have no floor inside it. */
    return __builtin_sub_overflow(v, rest, &out) ? v : out;
}

int64_t date_from_civil(int64_t year, int32_t month, int32_t day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

void date_to_civil_far(int64_t days, int64_t *ret_year, int32_t *ret_month, int32_t *ret_day)
{
    int64_t era = floor_div(days + DAYS_TO_EPOCH, DAYS_PER_ERA);
    uint32_t day_of_era = (uint32_t)(days + DAYS_TO_EPOCH - era * DAYS_PER_ERA);
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month = (5 * day_of_year + 2) / 153; /* from March */
    *ret_day = (int32_t)(day_of_year - (153 * month + 2) / 5 + 1);
    *ret_month = (int32_t)(month < 10 ? month + 3 : month - 9);
    *ret_year = era * 400 + year_of_era + (*ret_month <= 2);
}

int32_t date_days_in_month(int64_t year, int32_t month)
{
    static const int8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

bool date_valid(int64_t year, int32_t month, int32_t day)
{
    return month >= 1 && month <= 12 && day >= 1 && day <= date_days_in_month(year, month);
}

bool date_clamp(int64_t year, int32_t month, int32_t day, int64_t *ret_days)
{
    if (month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    int32_t last = date_days_in_month(year, month);
    *ret_days = date_from_civil(year, month, day < last ? day : last);
    return true;
}

int32_t date_day_of_week(int64_t days)
{
    int64_t from_monday = (days + 3) % 7; /* 1970-01-01 was a Thursday */
    return (int32_t)(from_monday < 0 ? from_monday + 7 : from_monday) + 1;
}

/* The ISO week belongs to the year of its Thursday. */
void date_iso_week(int64_t days, int64_t *ret_iso_year, int32_t *ret_week)
{
    int64_t thursday = days - date_day_of_week(days) + 4, year;
    int32_t month, day;
    date_to_civil(thursday, &year, &month, &day);
    *ret_iso_year = year;
    *ret_week = (int32_t)((thursday - date_from_civil(year, 1, 1)) / 7) + 1;
}

int64_t date_add_months(int64_t days, int64_t months)
{
    int64_t year;
    int32_t month, day;
    date_to_civil(days, &year, &month, &day);
    int64_t total = year * 12 + (month - 1) + months;
    year = floor_div(total, 12);
    month = (int32_t)(total - year * 12) + 1;
    int32_t last = date_days_in_month(year, month);
    return date_from_civil(year, month, day < last ? day : last);
}

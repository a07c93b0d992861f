/* Dates, times, timestamps, zones: proleptic Gregorian calendar, days and units since 1970-01-01.
 *
 * TIMESTAMP(p) is an int64 of milliseconds (p <= 3), microseconds (<= 6) or nanoseconds (<= 9; then 1678
 * to 2262 only). Event time, watermarks, timers and windows are always milliseconds. */
#pragma once

#include "data/type.h"

enum time_unit {
    UNIT_NANOSECOND, UNIT_MICROSECOND, UNIT_MILLISECOND, UNIT_SECOND, UNIT_MINUTE, UNIT_HOUR, UNIT_DAY, UNIT_WEEK,
    UNIT_MONTH, UNIT_QUARTER, UNIT_YEAR, UNIT_DECADE, UNIT_CENTURY, UNIT_MILLENNIUM, UNIT_EPOCH, UNIT_DOW, UNIT_DOY,
    UNIT_ISODOW, UNIT_ISOYEAR, UNIT_NONE
};
enum time_unit time_unit_from(struct str word); /* "SECOND", "SECONDS", any case; UNIT_NONE */
const char *time_unit_name(enum time_unit u);

/* Units per second of TIMESTAMP(p)'s storage: 1000, 1000000 or 1000000000. */
int64_t time_scale(int32_t precision);
/* Between storages; towards minus infinity when it gets coarser. false: out of range. */
bool time_rescale(int64_t v, int32_t from_precision, int32_t to_precision, int64_t *ret);
int64_t time_to_ms(int64_t v, int32_t precision); /* floor */
bool time_from_ms(int64_t ms, int32_t precision, int64_t *ret);
/* Drops digits beyond `precision` (0–9) inside the same storage: TIMESTAMP(0), (1), (4)… */
int64_t time_truncate(int64_t v, int32_t precision);

int64_t date_from_civil(int64_t year, int32_t month, int32_t day); /* days; no check */
void date_to_civil_far(int64_t days, int64_t *ret_year, int32_t *ret_month, int32_t *ret_day);
/* The years -32800 to 2.9 million in 32 bits and without a division but by constants that became products: Neri and
 * Schneider, "Euclidean affine functions and their application to calendar algorithms" (2022), section 5. The rest
 * goes the long way. */
static inline void date_to_civil(int64_t days, int64_t *ret_year, int32_t *ret_month, int32_t *ret_day)
{
    const uint32_t eras = 82; /* of 400 years before year 0 */
    uint64_t shifted = (uint64_t)days + 719468 + 146097 * eras; /* from the first of March then */
    if (shifted > 1061042401) {
        date_to_civil_far(days, ret_year, ret_month, ret_day);
        return;
    }
    uint32_t in_quarters = 4 * (uint32_t)shifted + 3, century = in_quarters / 146097;
    uint32_t of_century = in_quarters % 146097 / 4 * 4 + 3;
    uint64_t years = UINT64_C(2939745) * of_century; /* 2^32 / 1461 */
    uint32_t day_of_year = (uint32_t)years / 2939745 / 4;
    uint32_t months = 2141 * day_of_year + 197913, after_winter = day_of_year >= 306; /* 2^16 / 30.6 */
    *ret_year = (int64_t)(100 * century + (uint32_t)(years >> 32)) - 400 * (int64_t)eras + after_winter;
    *ret_month = (int32_t)((months >> 16) - 12 * after_winter);
    *ret_day = (int32_t)((months & 0xFFFF) / 2141 + 1);
}
bool date_valid(int64_t year, int32_t month, int32_t day);
/* A day up to the 31st that a month lacks is the month's last, as java.time reads timestamps. */
bool date_clamp(int64_t year, int32_t month, int32_t day, int64_t *ret_days);
int32_t date_days_in_month(int64_t year, int32_t month);
int32_t date_day_of_week(int64_t days); /* ISO: 1 Monday … 7 Sunday */
void date_iso_week(int64_t days, int64_t *ret_iso_year, int32_t *ret_week);
/* Months later, the day cut to the month's length. */
int64_t date_add_months(int64_t days, int64_t months);

/* Zones. Fixed offsets and UTC need nothing; named zones need their TZif bytes . */
struct zone {
    int32_t offset_s;          /* fixed */
    const struct zone_rules *rules; /* NULL: fixed */
    struct str name;
};
extern const struct zone zone_utc;
/* "UTC", "Z", "GMT", "GMT+8", "GMT-08:00", "UTC+1", "+05:30", "-0800". false: no fixed zone. */
bool zone_parse(struct str name, struct zone *ret);
/* A named zone from its TZif bytes (RFC 8536, version 2 or later; the bytes may go afterwards). ST_CORRUPT when they
 * are none. */
enum status zone_load(struct arena *a, struct str name, struct str tzif, struct zone *ret, struct error *err) MUST_USE;
/* Where zones by name come from: the rules go into the arena. ST_SEMANTIC: there is no such name; ST_NOT_FOUND: there are
 * no names at all. From any thread. */
struct zone_source {
    enum status (*find)(struct arena *a, struct str name, struct zone *ret, struct error *err);
};
int32_t zone_offset_at(const struct zone *z, int64_t utc_ms);   /* seconds east */
int64_t zone_local_to_utc_ms(const struct zone *z, int64_t local_ms); /* gaps go forward, overlaps take the earlier */
int64_t zone_local_to_utc_last_ms(const struct zone *z, int64_t local_ms); /* overlaps take the later */

/* Parsing, whole string, ASCII blanks around allowed. false: no such thing. date: "2020-01-02" (also 1–2 digit month
 * and day); time: "hh:mm:ss[.fff…]", "hh:mm"; timestamp: date, then ' ' or 'T', then time with seconds (Flink's CAST
 * needs the seconds); a date alone is midnight; its day is clamped as date_clamp does. `precision` of the result's type; digits beyond are cut. An optional
 * zone suffix ("Z", "+01:00") is taken only when `ret_offset_s` is not NULL (INT32_MIN: none was there). */
bool date_parse(struct str s, int32_t *ret_days);
bool time_parse(struct str s, int32_t *ret_ms);
bool timestamp_parse(struct str s, int32_t precision, int64_t *ret, int32_t *ret_offset_s);

/* Printing; return the length. Timestamps with `precision` fraction digits after a blank. */
size_t date_print(int64_t days, char out[32]);
size_t time_print(int32_t ms, int32_t precision, char out[32]);
size_t timestamp_print(int64_t v, int32_t precision, char out[48]); /* for LTZ pass the local value */
size_t interval_month_print(int32_t months, char out[48]);          /* "+2-00" */
size_t interval_day_print(int64_t ms, char out[48]);                /* "+12 00:00:00.000" */

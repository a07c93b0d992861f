/* Dates, times and timestamps as text: parsing and printing.
 *
 * The parsers read with one cursor over the text and allocate nothing. A number field takes a fixed range of digits,
 * so nothing can overflow before the calendar is asked; a timestamp is put together with overflow checks (nanoseconds
 * reach from 1678 to 2262 only). Years have exactly four digits, as Flink's text has. */
#include "data/private.h"

#define SECONDS_PER_DAY 86400
#define OFFSET_MAX_S (18 * 3600) /* as Java's ZoneOffset */

struct cursor {
    const char *at, *end;
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct cursor trimmed(struct str s)
{
    struct cursor c = { s.ptr, s.ptr + s.len };
    while (c.at < c.end && is_blank(*c.at))
        c.at++;
    while (c.at < c.end && is_blank(c.end[-1]))
        c.end--;
    return c;
}

static bool take_char(struct cursor *c, char want)
{
    if (c->at == c->end || *c->at != want)
        return false;
    c->at++;
    return true;
}

/* Between `min` and `max` digits (at most nine). */
static bool take_digits(struct cursor *c, int min, int max, int32_t *ret)
{
    int32_t v = 0;
    int n = 0;
    for (; n < max && c->at < c->end; n++, c->at++) {
        uint32_t digit = (uint32_t)(uint8_t)*c->at - '0';
        if (digit > 9)
            break;
        v = v * 10 + (int32_t)digit;
    }
    *ret = v;
    return n >= min;
}

static bool take_date(struct cursor *c, bool clamp, int64_t *ret_days)
{
    int32_t year, month, day;
    return take_digits(c, 4, 4, &year) && take_char(c, '-') && take_digits(c, 1, 2, &month) && take_char(c, '-') &&
           take_digits(c, 1, 2, &day) && (clamp || date_valid(year, month, day)) &&
           date_clamp(year, month, day, ret_days);
}

/* ".123" as nanoseconds; digits after the ninth are cut. A point needs a digit. */
static bool take_fraction(struct cursor *c, int32_t *ret_nanos)
{
    static const int32_t tens[10] = { 1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1 };
    *ret_nanos = 0;
    if (!take_char(c, '.'))
        return true;
    const char *from = c->at;
    int32_t v;
    if (!take_digits(c, 1, 9, &v))
        return false;
    *ret_nanos = v * tens[c->at - from];
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return true;
}

/* hh:mm[:ss[.fff]]; seconds of the day and nanoseconds. */
static bool take_time(struct cursor *c, bool needs_seconds, int32_t *ret_seconds, int32_t *ret_nanos)
{
    int32_t hour, minute, second = 0, nanos = 0;
    if (!take_digits(c, 1, 2, &hour) || !take_char(c, ':') || !take_digits(c, 1, 2, &minute))
        return false;
    if (take_char(c, ':')) {
        if (!take_digits(c, 1, 2, &second) || !take_fraction(c, &nanos))
            return false;
    } else if (needs_seconds) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *ret_seconds = hour * 3600 + minute * 60 + second;
    *ret_nanos = nanos;
    return true;
}

bool offset_parse(struct str s, int32_t *ret_offset_s)
{
    struct cursor c = { s.ptr, s.ptr + s.len };
    int32_t hour, minute = 0, second = 0;
    bool west = take_char(&c, '-');
    if (!west && !take_char(&c, '+'))
        return false;
    if (!take_digits(&c, 1, 2, &hour))
        return false;
    if (c.at < c.end && *c.at == ':') {
        if (!take_char(&c, ':') || !take_digits(&c, 2, 2, &minute))
            return false;
        if (take_char(&c, ':') && !take_digits(&c, 2, 2, &second))
            return false;
    } else if (c.at < c.end && !take_digits(&c, 2, 2, &minute)) {
        return false;
    }
    int32_t offset = hour * 3600 + minute * 60 + second;
    if (c.at != c.end || minute > 59 || second > 59 || offset > OFFSET_MAX_S)
        return false;
    *ret_offset_s = west ? -offset : offset;
    return true;
}

bool date_parse(struct str s, int32_t *ret_days)
{
    struct cursor c = trimmed(s);
    int64_t days;
    if (!take_date(&c, false, &days) || c.at != c.end)
        return false;
    *ret_days = (int32_t)days;
    return true;
}

bool time_parse(struct str s, int32_t *ret_ms)
{
    struct cursor c = trimmed(s);
    int32_t seconds, nanos;
    if (!take_time(&c, false, &seconds, &nanos) || c.at != c.end)
        return false;
    *ret_ms = seconds * 1000 + nanos / 1000000;
    return true;
}

/* The rest of the text is "Z", an offset, or nothing. */
static bool take_offset(struct cursor *c, int32_t *ret_offset_s)
{
    struct str rest = { c->at, (size_t)(c->end - c->at) };
    if (rest.len == 0)
        *ret_offset_s = INT32_MIN;
    else if (rest.len == 1 && (*c->at | 0x20) == 'z')
        *ret_offset_s = 0;
    else
        return offset_parse(rest, ret_offset_s);
    return true;
}

static inline uint32_t two_digits(const char *p, uint32_t *bad)
{
    uint32_t tens = (uint32_t)(uint8_t)p[0] - '0', ones = (uint32_t)(uint8_t)p[1] - '0';
    *bad |= (tens > 9) | (ones > 9);
    return tens * 10 + ones;
}

/* The common shape, "2020-01-02 03:04:05": read without a branch a digit. false: anything else, for the long way. */
static bool take_common(struct cursor *c, int64_t *ret_days, int32_t *ret_seconds)
{
    const char *p = c->at;
    if (c->end - p < 19 || p[4] != '-' || p[7] != '-' || (p[10] != ' ' && p[10] != 'T') || p[13] != ':' || p[16] != ':')
        return false;
    uint32_t bad = 0;
    uint32_t year = two_digits(p, &bad) * 100 + two_digits(p + 2, &bad);
    uint32_t month = two_digits(p + 5, &bad), day = two_digits(p + 8, &bad);
    uint32_t hour = two_digits(p + 11, &bad), minute = two_digits(p + 14, &bad), second = two_digits(p + 17, &bad);
    if (bad || hour > 23 || minute > 59 || second > 59 || !date_clamp(year, (int32_t)month, (int32_t)day, ret_days))
        return false;
    *ret_seconds = (int32_t)(hour * 3600 + minute * 60 + second);
    c->at = p + 19;
    return true;
}

bool timestamp_parse(struct str s, int32_t precision, int64_t *ret, int32_t *ret_offset_s)
{
    struct cursor c = trimmed(s);
    int64_t days, v;
    int32_t seconds = 0, nanos = 0, offset = INT32_MIN;
    bool has_time = take_common(&c, &days, &seconds);
    if (has_time) {
        if (!take_fraction(&c, &nanos))
            return false;
    } else {
        if (!take_date(&c, true, &days))
            return false;
        has_time = c.at < c.end;
        if (has_time && !take_char(&c, ' ') && !take_char(&c, 'T'))
            return false;
        if (has_time && !take_time(&c, true, &seconds, &nanos))
            return false;
    }
    if (has_time && ret_offset_s ? !take_offset(&c, &offset) : c.at != c.end)
        return false;
    /* Divisions by constants: a division by a variable costs as much as all the rest. */
    int64_t scale = time_scale(precision);
    int64_t total_s = days * SECONDS_PER_DAY + seconds;
    int64_t fraction = scale == 1000 ? nanos / 1000000 : scale == 1000000 ? nanos / 1000 : nanos;
    if (total_s < 0 && fraction) { /* so that the product does not pass the range's end before the sum comes back */
        total_s++;
        fraction -= scale;
    }
    if (__builtin_mul_overflow(total_s, scale, &v) || __builtin_add_overflow(v, fraction, &v))
        return false;
    *ret = time_truncate(v, precision);
    if (ret_offset_s)
        *ret_offset_s = offset;
    return true;
}

/* Writes `digits` digits of v. */
static char *put_digits(char *out, uint32_t v, int digits)
{
    for (int i = digits - 1; i >= 0; i--, v /= 10)
        out[i] = (char)('0' + v % 10);
    return out + digits;
}

/* At least four digits, more when the year has more. */
static char *put_year(char *out, int64_t year)
{
    char text[24];
    uint64_t m = year < 0 ? -(uint64_t)year : (uint64_t)year;
    if (year < 0)
        *out++ = '-';
    if (m <= 9999)
        return put_digits(out, (uint32_t)m, 4);
    size_t n = i64_print((int64_t)m, text);
    memcpy(out, text, n);
    return out + n;
}

static char *put_date(char *out, int64_t days)
{
    int64_t year;
    int32_t month, day;
    date_to_civil(days, &year, &month, &day);
    out = put_year(out, year);
    *out++ = '-';
    out = put_digits(out, (uint32_t)month, 2);
    *out++ = '-';
    return put_digits(out, (uint32_t)day, 2);
}

static char *put_time(char *out, uint32_t second_of_day)
{
    out = put_digits(out, second_of_day / 3600, 2);
    *out++ = ':';
    out = put_digits(out, second_of_day / 60 % 60, 2);
    *out++ = ':';
    return put_digits(out, second_of_day % 60, 2);
}

/* `fraction` has `stored` digits; the first `precision` of them, or more as zeros. */
static char *put_fraction(char *out, uint32_t fraction, int stored, int32_t precision)
{
    if (precision <= 0)
        return out;
    *out++ = '.';
    char *end = put_digits(out, fraction, stored);
    for (; end - out < precision; end++)
        *end = '0';
    return out + precision;
}

size_t date_print(int64_t days, char out[32])
{
    return (size_t)(put_date(out, days) - out);
}

size_t time_print(int32_t ms, int32_t precision, char out[32])
{
    int32_t day_ms = SECONDS_PER_DAY * 1000, in_day = ms % day_ms;
    if (in_day < 0)
        in_day += day_ms;
    char *at = put_time(out, (uint32_t)in_day / 1000);
    at = put_fraction(at, (uint32_t)in_day % 1000, 3, precision > 9 ? 9 : precision);
    return (size_t)(at - out);
}

size_t timestamp_print_at(int64_t v, int32_t precision, int32_t offset_s, char out[48])
{
    int64_t scale = time_scale(precision);
    int64_t seconds = scale == 1000 ? v / 1000 : scale == 1000000 ? v / 1000000 : v / 1000000000;
    int64_t fraction = v - seconds * scale;
    if (fraction < 0) {
        fraction += scale;
        seconds--;
    }
    seconds += offset_s;
    int64_t days = seconds / SECONDS_PER_DAY, in_day = seconds % SECONDS_PER_DAY;
    if (in_day < 0) {
        in_day += SECONDS_PER_DAY;
        days--;
    }
    char *at = put_date(out, days);
    *at++ = ' ';
    at = put_time(at, (uint32_t)in_day);
    int stored = scale == 1000 ? 3 : scale == 1000000 ? 6 : 9;
    at = put_fraction(at, (uint32_t)fraction, stored, precision > 9 ? 9 : precision);
    return (size_t)(at - out);
}

size_t timestamp_print(int64_t v, int32_t precision, char out[48])
{
    return timestamp_print_at(v, precision, 0, out);
}

size_t interval_month_print(int32_t months, char out[48])
{
    uint32_t m = months < 0 ? -(uint32_t)months : (uint32_t)months;
    char *at = out;
    *at++ = months < 0 ? '-' : '+';
    at += i64_print(m / 12, at);
    *at++ = '-';
    at = put_digits(at, m % 12, 2);
    return (size_t)(at - out);
}

size_t interval_day_print(int64_t ms, char out[48])
{
    uint64_t m = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
    char *at = out;
    *at++ = ms < 0 ? '-' : '+';
    at += i64_print((int64_t)(m / (SECONDS_PER_DAY * 1000)), at);
    *at++ = ' ';
    at = put_time(at, (uint32_t)(m / 1000 % SECONDS_PER_DAY));
    at = put_fraction(at, (uint32_t)(m % 1000), 3, 3);
    return (size_t)(at - out);
}

/* Java's date patterns: letters of DateTimeFormatter, as many as one writes, other characters as themselves, text in
 * single quotes. Formatting knows all letters that a local time has; scanning knows the numeric ones, AM/PM and month
 * and day names. English names, weeks as in the US (from Sunday, the first with any day), as Java's default locale
 * there has. */
#include <stdio.h>

#include "expr/expr_private.h"

static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
                                      "July",    "August",   "September", "October", "November", "December" };
static const char *const weekdays[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" };

struct piece {
    char letter;      /* 0: literal text */
    uint32_t count;   /* of letters */
    struct str text;
};

struct place {
    size_t at;
    bool quoted; /* inside a text in quotes, behind two quotes that stood for one */
};

/* The next piece of a pattern; false at its end or when a quote is open. */
static bool next_piece(struct str p, struct place *place, struct piece *ret)
{
    size_t start = place->at;
    if (start >= p.len)
        return false;
    char c = p.ptr[start];
    if (!place->quoted && c == '\'' && start + 1 < p.len && p.ptr[start + 1] == '\'') {
        place->at = start + 2;
        *ret = (struct piece){ 0, 0, str_make("'", 1) };
        return true;
    }
    if (place->quoted || c == '\'') {
        start += !place->quoted;
        int64_t end = str_find(p, STR("'"), start);
        if (end < 0)
            return false;
        /* two quotes inside are one: it ends this piece, and the text goes on */
        place->quoted = (size_t)end + 1 < p.len && p.ptr[end + 1] == '\'';
        place->at = (size_t)end + 1 + place->quoted;
        *ret = (struct piece){ 0, 0, str_make(p.ptr + start, (size_t)end - start + place->quoted) };
        return true;
    }
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    while (place->at < p.len && (letter ? p.ptr[place->at] == c : place->at == start))
        place->at++;
    *ret = (struct piece){ letter ? c : 0, (uint32_t)(place->at - start), str_make(p.ptr + start, place->at - start) };
    return true;
}

/* All of the pattern has been read, and no quote is open. */
static bool at_end(struct str pattern, const struct place *place) { return place->at >= pattern.len && !place->quoted; }

bool time_pattern_valid(struct str pattern)
{
    struct piece x;
    struct place at = { 0 };
    while (next_piece(pattern, &at, &x))
        if (x.letter && (!strchr("GyuYMLdDwWHhkKmsSnNAaEecQqXxZzVO", x.letter) || x.count > 19))
            return false;
    return at_end(pattern, &at);
}

int32_t time_pattern_step_ms(struct str pattern)
{
    static const struct {
        const char *letters;
        int32_t ms;
    } steps[] = { { "GyuYMLdDwWQqEec", 86400000 }, { "HhKka", 3600000 }, { "m", 60000 }, { "s", 1000 } };
    struct piece x;
    struct place at = { 0 };
    int32_t least = steps[0].ms;
    while (next_piece(pattern, &at, &x)) {
        int32_t ms = x.letter ? 0 : least;
        for (uint32_t i = 0; x.letter && i < sizeof steps / sizeof steps[0]; i++)
            if (strchr(steps[i].letters, x.letter))
                ms = steps[i].ms;
        least = ms < least ? ms : least;
    }
    return least;
}

/* Weeks from Sunday, the first one with any day of the year. */
static int32_t week_of_year(int64_t days, int64_t *ret_year)
{
    int64_t year;
    int32_t month, day;
    date_to_civil(days, &year, &month, &day);
    int64_t saturday = days + 6 - date_day_of_week(days) % 7; /* the end of its week */
    int32_t m;
    int64_t saturday_year;
    date_to_civil(saturday, &saturday_year, &m, &day);
    if (saturday_year > year) {
        *ret_year = saturday_year;
        return 1;
    }
    *ret_year = year;
    int64_t first = date_from_civil(year, 1, 1);
    return (int32_t)((days - first + date_day_of_week(first) % 7) / 7) + 1;
}

static bool put_number(struct buf *out, int64_t v, uint32_t width)
{
    char digits[24];
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    uint32_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest || sizeof digits - at < width);
    if (v < 0)
        digits[--at] = '-';
    return buf_put(out, digits + at, sizeof digits - at);
}

static bool put_name(struct buf *out, const char *name, uint32_t count)
{
    size_t len = strlen(name);
    return buf_put(out, name, count == 5 ? 1 : count == 4 ? len : len < 3 ? len : 3);
}

static bool put_offset(struct buf *out, int32_t s, char letter, uint32_t count)
{
    if (s == 0 && letter == 'X')
        return buf_put_u8(out, 'Z');
    bool colon = letter == 'Z' ? count == 5 : letter == 'O' || count == 3 || count == 5;
    int32_t a = s < 0 ? -s : s;
    if (letter == 'O') {
        if (!buf_put(out, "GMT", 3))
            return false;
        if (s == 0)
            return true;
        if (count == 1)
            return a % 3600 ? buf_printf(out, "%c%d:%02d", s < 0 ? '-' : '+', a / 3600, a / 60 % 60)
                            : buf_printf(out, "%c%d", s < 0 ? '-' : '+', a / 3600);
    }
    if ((letter == 'X' || letter == 'x') && count == 1 && a % 3600 == 0)
        return buf_printf(out, "%c%02d", s < 0 ? '-' : '+', a / 3600);
    return buf_printf(out, "%c%02d%s%02d", s < 0 ? '-' : '+', a / 3600, colon ? ":" : "", a / 60 % 60);
}

static bool put_quarter(struct buf *out, int32_t q, uint32_t count)
{
    static const char *const long_names[] = { "1st quarter", "2nd quarter", "3rd quarter", "4th quarter" };
    if (count <= 2)
        return put_number(out, q, count);
    return count == 3 ? buf_printf(out, "Q%d", q) : buf_printf(out, "%s", long_names[q - 1]);
}

static bool put_fraction(struct buf *out, const struct stamp *t, uint32_t count)
{
    char digits[48];
    snprintf(digits, sizeof digits, "%03d%06d0000000000", t->ms_of_day % 1000, t->nanos);
    return buf_put(out, digits, count > 9 ? 9 : count);
}

struct civil {
    int64_t year;
    int32_t month, day;
};

static bool put_date(struct buf *out, const struct piece *x, const struct stamp *t, const struct civil *date)
{
    int64_t year = date->year, week_year;
    int32_t month = date->month, day = date->day, weekday = date_day_of_week(t->days);
    switch (x->letter) {
    case 'G':
        return buf_printf(out, "%s", year > 0 ? "AD" : "BC");
    case 'Y':
        week_of_year(t->days, &week_year);
        return put_number(out, x->count == 2 ? week_year % 100 : week_year, x->count);
    case 'y':
    case 'u':
        if (year > 9999 && x->count == 4 && !buf_put_u8(out, '+')) /* as Java, where there is no room */
            return false;
        return put_number(out, x->count == 2 ? math_floor_mod(year, 100) : year, x->count);
    case 'M':
    case 'L':
        return x->count > 2 ? put_name(out, months[month - 1], x->count) : put_number(out, month, x->count);
    case 'd':
        return put_number(out, day, x->count);
    case 'D':
        return put_number(out, t->days - date_from_civil(year, 1, 1) + 1, x->count);
    case 'w':
        return put_number(out, week_of_year(t->days, &week_year), x->count);
    case 'W':
        return put_number(out, (day - 1 + date_day_of_week(t->days - day + 1) % 7) / 7 + 1, x->count);
    case 'E':
        return put_name(out, weekdays[weekday - 1], x->count < 3 ? 3 : x->count);
    case 'e':
    case 'c':
        return x->count > 2 ? put_name(out, weekdays[weekday - 1], x->count)
                            : put_number(out, weekday % 7 + 1, x->count);
    default:
        return put_quarter(out, (month - 1) / 3 + 1, x->count);
    }
}

static bool put_piece(struct buf *out, const struct piece *x, const struct stamp *t, const struct civil *date)
{
    int32_t hour = t->ms_of_day / 3600000;
    switch (x->letter) {
    case 'H':
        return put_number(out, hour, x->count);
    case 'h':
        return put_number(out, hour % 12 == 0 ? 12 : hour % 12, x->count);
    case 'k':
        return put_number(out, hour == 0 ? 24 : hour, x->count);
    case 'K':
        return put_number(out, hour % 12, x->count);
    case 'm':
        return put_number(out, t->ms_of_day / 60000 % 60, x->count);
    case 's':
        return put_number(out, t->ms_of_day / 1000 % 60, x->count);
    case 'S':
        return put_fraction(out, t, x->count);
    case 'n':
        return put_number(out, t->ms_of_day % 1000 * INT64_C(1000000) + t->nanos, x->count);
    case 'N':
        return put_number(out, t->ms_of_day * INT64_C(1000000) + t->nanos, x->count);
    case 'A':
        return put_number(out, t->ms_of_day, x->count);
    case 'a':
        return buf_printf(out, "%s", hour < 12 ? "AM" : "PM");
    case 'X':
    case 'x':
    case 'Z':
    case 'O':
        return put_offset(out, t->offset_s, x->letter, x->count);
    case 'z':
    case 'V':
        return buf_put(out, t->zone.ptr, t->zone.len);
    default:
        return put_date(out, x, t, date);
    }
}

bool time_format(struct buf *out, struct str pattern, const struct stamp *t)
{
    struct piece x;
    struct civil date;
    struct place at = { 0 };
    date_to_civil(t->days, &date.year, &date.month, &date.day);
    while (next_piece(pattern, &at, &x))
        if (!(x.letter ? put_piece(out, &x, t, &date) : buf_put(out, x.text.ptr, x.text.len)))
            return false;
    return true;
}

/* ---- texts of one length ---- */

bool time_layout_of(struct str pattern, struct time_layout *ret)
{
    static const char simple[] = "yuMLdHms";
    struct piece x;
    struct place at = { 0 };
    *ret = (struct time_layout){ .n = 0 };
    while (next_piece(pattern, &at, &x)) {
        bool year = x.letter == 'y' || x.letter == 'u', fits = x.letter == 'S' ? x.count <= 9 : x.count == (year ? 4 : 2);
        if (x.letter && x.letter != 'S' && !strchr(simple, x.letter))
            return false;
        size_t len = x.letter ? x.count : x.text.len;
        if ((x.letter && !fits) || ret->n == sizeof ret->pieces / sizeof ret->pieces[0] ||
            ret->length + len > TIME_LAYOUT_MAX)
            return false;
        ret->pieces[ret->n++] = (struct time_piece){ x.letter, (uint8_t)len, x.letter ? NULL : x.text.ptr };
        ret->length += (uint32_t)len;
    }
    return at_end(pattern, &at);
}

static inline void put_two(char *out, uint32_t v)
{
    out[0] = (char)('0' + v / 10);
    out[1] = (char)('0' + v % 10);
}

bool time_layout_put(const struct time_layout *x, const struct stamp *t, char *out)
{
    int64_t year;
    int32_t month, day;
    date_to_civil(t->days, &year, &month, &day);
    if (year < 0 || year > 9999)
        return false;
    uint32_t ms = (uint32_t)t->ms_of_day;
    for (uint32_t i = 0; i < x->n; i++) {
        const struct time_piece *p = &x->pieces[i];
        switch (p->letter) {
        case 0:
            memcpy(out, p->text, p->count);
            break;
        case 'y':
        case 'u':
            put_two(out, (uint32_t)year / 100);
            put_two(out + 2, (uint32_t)year % 100);
            break;
        case 'M':
        case 'L':
            put_two(out, (uint32_t)month);
            break;
        case 'd':
            put_two(out, (uint32_t)day);
            break;
        case 'H':
            put_two(out, ms / 3600000);
            break;
        case 'm':
            put_two(out, ms / 60000 % 60);
            break;
        case 's':
            put_two(out, ms / 1000 % 60);
            break;
        default: {
            uint32_t nanos = ms % 1000 * 1000000 + (uint32_t)t->nanos;
            for (uint32_t digit = 9; digit > 0; digit--, nanos /= 10)
                if (digit <= p->count)
                    out[digit - 1] = (char)('0' + nanos % 10);
            break;
        }
        }
        out += p->count;
    }
    return true;
}

/* ---- scanning ---- */

static bool is_digit(struct str s, size_t at) { return at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9'; }

static bool is_number(char letter, uint32_t count)
{
    return letter && (strchr("yuYdDHhkKmsSnA", letter) || (strchr("ML", letter) && count <= 2));
}

/* A number of `min` to `max` digits. */
static bool scan_number(struct str s, size_t *at, uint32_t min, uint32_t max, int64_t *ret)
{
    int64_t v = 0;
    uint32_t n = 0;
    for (; n < max && n < 18 && is_digit(s, *at); n++)
        v = v * 10 + (s.ptr[(*at)++] - '0');
    *ret = v;
    return n >= min && n > 0;
}

static bool scan_name(struct str s, size_t *at, const char *const *names, int32_t n, uint32_t count, int64_t *ret)
{
    for (int32_t i = 0; i < n; i++) {
        size_t len = count == 4 ? strlen(names[i]) : 3;
        if (s.len - *at >= len && memcmp(s.ptr + *at, names[i], len) == 0) {
            *at += len;
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

struct scanned {
    int64_t year, month, day, day_of_year, hour, half_hour, minute, second, ms_of_day;
    int64_t nanos; /* of the second */
    int half;      /* -1: none, 0 AM, 1 PM */
};

static bool scan_piece(struct str s, size_t *at, const struct piece *x, bool adjacent, struct scanned *t)
{
    static const char *const halves[] = { "AMx", "PMx" };
    uint32_t n = x->count;
    int64_t v = 0, ignored;
    /* one letter takes what digits there are; two or more exactly that many; a year of four or more at least that */
    uint32_t max = adjacent && n > 1 ? n : n == 1 ? 18 : n;
    switch (x->letter) {
    case 'y':
    case 'u':
        if (!scan_number(s, at, n, n == 2 || adjacent ? n : 18, &v))
            return false;
        t->year = n == 2 ? 2000 + v : v;
        return true;
    case 'M':
    case 'L':
        return n > 2 ? scan_name(s, at, months, 12, n, &t->month) : scan_number(s, at, n, max, &t->month);
    case 'd':
        return scan_number(s, at, n, max, &t->day);
    case 'D':
        return scan_number(s, at, n, max, &t->day_of_year);
    case 'H':
    case 'k':
        if (!scan_number(s, at, n, max, &t->hour))
            return false;
        if (x->letter == 'k' && t->hour == 24)
            t->hour = 0;
        return true;
    case 'h':
    case 'K':
        return scan_number(s, at, n, max, &t->half_hour);
    case 'm':
        return scan_number(s, at, n, max, &t->minute);
    case 's':
        return scan_number(s, at, n, max, &t->second);
    case 'A':
        return scan_number(s, at, n, max, &t->ms_of_day);
    case 'n':
        return scan_number(s, at, n, max, &t->nanos);
    case 'S':
        if (!scan_number(s, at, n, n, &v))
            return false;
        for (uint32_t i = n; i < 9; i++)
            v *= 10;
        for (uint32_t i = 9; i < n; i++)
            v /= 10;
        t->nanos = v;
        return true;
    case 'a':
        for (int i = 0; i < 2; i++)
            if (s.len - *at >= 2 && str_eq_nocase(str_make(s.ptr + *at, 2), str_make(halves[i], 2))) {
                *at += 2;
                t->half = i;
                return true;
            }
        return false;
    case 'E':
        return scan_name(s, at, weekdays, 7, n, &ignored);
    default:
        return false;
    }
}

bool time_scan(struct str text, struct str pattern, bool rolls, struct stamp *ret)
{
    struct scanned t = { .year = 1970, .month = 1, .day = 1, .day_of_year = -1, .half_hour = -1, .ms_of_day = -1,
                         .half = -1 };
    struct piece x, next;
    size_t at = 0;
    struct place p = { 0 };
    while (next_piece(pattern, &p, &x)) {
        if (!x.letter) {
            if (!str_starts(str_make(text.ptr + at, text.len - at), x.text))
                return false;
            at += x.text.len;
            continue;
        }
        struct place ahead = p;
        bool adjacent = next_piece(pattern, &ahead, &next) && is_number(next.letter, next.count);
        if (at > text.len || !scan_piece(text, &at, &x, adjacent, &t))
            return false;
    }
    if (!at_end(pattern, &p) || at != text.len)
        return false;
    if (t.half_hour >= 0)
        t.hour = t.half_hour % 12 + (t.half == 1 ? 12 : 0);
    int64_t days;
    if (t.month > 12 || t.day > 31 || !date_clamp(t.year, (int32_t)t.month, (int32_t)t.day, &days) || t.hour > 23 ||
        t.minute > 59 || t.second > 59 || t.day_of_year > 366 || t.nanos > 999999999 || t.year > 9999)
        return false;
    if (rolls)
        days = date_from_civil(t.year, (int32_t)t.month, 1) + t.day - 1;
    *ret = (struct stamp){ .days = days };
    if (t.day_of_year > 0)
        ret->days = date_from_civil(t.year, 1, 1) + t.day_of_year - 1;
    int64_t ms = ((t.hour * 60 + t.minute) * 60 + t.second) * 1000 + t.nanos / 1000000;
    if (t.ms_of_day >= 0 && t.ms_of_day < 86400000)
        ms = t.ms_of_day;
    ret->ms_of_day = (int32_t)ms;
    ret->nanos = (int32_t)(t.nanos % 1000000);
    return true;
}

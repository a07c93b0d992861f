/* Values from text and to text, for every format that carries text.
 *
 * Times are read at fixed positions, as strictly as Flink's formats do it ("2020-1-2" is no date here,
 * though CAST takes it), and written with no more fraction digits than there are. Storage is int64 in
 * units of the precision, so a time too far away for nanoseconds is bad rather than wrapped. */
#include "private.h"

enum status format_memory(struct budget *b, struct error *err)
{
    return budget_error(b ? b : budget_process(), 0, err);
}

/* ---- integers ---- */

static bool integer_range(const struct type *t, int64_t *ret_min, int64_t *ret_max)
{
    switch (t->kind) {
    case TYPE_TINYINT:
        *ret_min = INT8_MIN, *ret_max = INT8_MAX;
        return true;
    case TYPE_SMALLINT:
        *ret_min = INT16_MIN, *ret_max = INT16_MAX;
        return true;
    case TYPE_INT:
    case TYPE_INTERVAL_MONTH:
        *ret_min = INT32_MIN, *ret_max = INT32_MAX;
        return true;
    case TYPE_BIGINT:
    case TYPE_INTERVAL_DAY:
        *ret_min = INT64_MIN, *ret_max = INT64_MAX;
        return true;
    default:
        return false;
    }
}

enum taken value_put_integer(const struct type *t, struct column *col, uint32_t row, int64_t v)
{
    int64_t min, max;
    if (!integer_range(t, &min, &max) || v < min || v > max)
        return TAKEN_BAD;
    if (type_phys(t) == PHYS_I64)
        col->i64[row] = v;
    else
        col->i32[row] = (int32_t)v;
    return TAKEN;
}

/* ---- times ---- */

/* `n` digits at s[at]; -1 when they are not. */
static int32_t digits(struct str s, size_t at, size_t n)
{
    if (at + n > s.len)
        return -1;
    int32_t v = 0;
    for (size_t i = at; i < at + n; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return -1;
        v = v * 10 + (s.ptr[i] - '0');
    }
    return v;
}

static bool is_at(struct str s, size_t at, char c)
{
    return at < s.len && s.ptr[at] == c;
}

static bool date_prefix(struct str s, bool clamp, int64_t *ret_days)
{
    int32_t y = digits(s, 0, 4), m = digits(s, 5, 2), d = digits(s, 8, 2);
    return y >= 0 && m >= 0 && d >= 0 && s.ptr[4] == '-' && s.ptr[7] == '-' && (clamp || date_valid(y, m, d)) &&
           date_clamp(y, m, d, ret_days);
}

bool time_text_date(struct str s, int32_t *ret_days)
{
    int64_t days;
    if (s.len != 10 || !date_prefix(s, false, &days))
        return false;
    *ret_days = (int32_t)days;
    return true;
}

/* "hh:mm[:ss[.f{1,9}]]" at s[*at]; `*ret_ns` of the day; `*at` behind it. */
static bool time_prefix(struct str s, size_t *at, bool seconds_optional, int64_t *ret_ns)
{
    size_t p = *at;
    int32_t h = digits(s, p, 2), m = digits(s, p + 3, 2), sec = 0;
    if (h < 0 || h > 23 || m < 0 || m > 59 || s.ptr[p + 2] != ':')
        return false;
    p += 5;
    int64_t fraction = 0;
    if (is_at(s, p, ':')) {
        sec = digits(s, p + 1, 2);
        if (sec < 0 || sec > 59)
            return false;
        p += 3;
        if (is_at(s, p, '.')) {
            size_t n = 0;
            for (p++; n < 9 && digits(s, p, 1) >= 0; n++)
                fraction = fraction * 10 + (s.ptr[p++] - '0');
            if (n == 0)
                return false;
            for (; n < 9; n++)
                fraction *= 10;
        }
    } else if (!seconds_optional) {
        return false;
    }
    *ret_ns = (((int64_t)h * 60 + m) * 60 + sec) * 1000000000 + fraction;
    *at = p;
    return true;
}

bool time_text_time(struct str s, int32_t *ret_ms)
{
    size_t at = 0;
    int64_t ns;
    if (!time_prefix(s, &at, false, &ns) || at != s.len)
        return false;
    *ret_ms = (int32_t)(ns / 1000000);
    return true;
}

/* "Z" or "+hh:mm" and the like, to the end of s. */
static bool zone_suffix(struct str s, int32_t *ret_offset_s)
{
    if (s.len == 1 && s.ptr[0] == 'Z') {
        *ret_offset_s = 0;
        return true;
    }
    int32_t h = digits(s, 1, 2), m = s.len == 3 ? 0 : digits(s, 4, 2);
    bool shaped = s.len == 3 || (s.len == 6 && s.ptr[3] == ':');
    if (!shaped || (s.ptr[0] != '+' && s.ptr[0] != '-') || h < 0 || h > 18 || m < 0 || m > 59)
        return false;
    *ret_offset_s = (h * 3600 + m * 60) * (s.ptr[0] == '-' ? -1 : 1);
    return true;
}

bool time_text_timestamp(const struct value_rules *r, struct str s, int32_t precision, bool ltz, int64_t *ret)
{
    int64_t days, ns;
    size_t at = 11;
    if (!date_prefix(s, !r->iso, &days) || !is_at(s, 10, r->iso ? 'T' : ' ') || !time_prefix(s, &at, r->iso, &ns))
        return false;
    int64_t ms = days * 86400000 + ns / 1000000;
    if (at < s.len) {
        int32_t offset_s;
        if (!ltz || !zone_suffix(str_make(s.ptr + at, s.len - at), &offset_s))
            return false;
        ms -= (int64_t)offset_s * 1000;
    } else if (ltz) {
        ms = zone_local_to_utc_ms(&r->zone, ms);
    }
    int64_t per_ms = time_scale(precision) / 1000, v;
    if (__builtin_mul_overflow(ms, per_ms, &v) ||
        __builtin_add_overflow(v, ns % 1000000 / (1000000 / per_ms), &v))
        return false;
    *ret = time_truncate(v, precision);
    return true;
}

static size_t put_fraction(char *out, int64_t ns)
{
    if (ns == 0)
        return 0;
    out[0] = '.';
    size_t n = 10;
    for (size_t i = 9; i > 0; i--, ns /= 10)
        out[i] = (char)('0' + ns % 10);
    while (out[n - 1] == '0')
        n--;
    return n;
}

size_t time_text_print(const struct value_rules *r, const struct type *t, const struct column *c, uint32_t row,
                       char out[64])
{
    if (t->kind == TYPE_DATE)
        return date_print(c->i32[row], out);
    if (t->kind == TYPE_TIME) {
        size_t n = time_print(c->i32[row], 0, out);
        return n + put_fraction(out + n, (int64_t)(c->i32[row] % 1000) * 1000000);
    }
    int64_t scale = time_scale(t->precision), v = c->i64[row];
    int64_t rest = v % scale;
    rest += rest < 0 ? scale : 0;
    size_t n = timestamp_print((v - rest) / scale * 1000, 0, out);
    if (r->iso)
        for (size_t i = 0; i < n; i++)
            if (out[i] == ' ')
                out[i] = 'T';
    n += put_fraction(out + n, rest * (1000000000 / scale));
    if (t->kind == TYPE_TIMESTAMP_LTZ)
        out[n++] = 'Z';
    return n;
}

#define MINUTE 60000
#define MINUTE_LEN 16u /* "2026-01-01 10:00" */

size_t millis_text_print(struct millis_text *m, const struct value_rules *r, const struct type *t, const struct column *c,
                         uint32_t row, uint8_t *out)
{
    int64_t v = c->i64[row];
    if ((uint64_t)v - (uint64_t)m->minute >= m->span) {
        char text[64];
        if (time_text_print(r, t, c, row, text) < MINUTE_LEN + 3 || text[MINUTE_LEN] != ':')
            return 0;
        memcpy(m->text, text, MINUTE_LEN);
        m->minute = v - (v % MINUTE + MINUTE) % MINUTE;
        m->span = MINUTE;
    }
    uint32_t rest = (uint32_t)(v - m->minute), second = rest / 1000, milli = rest % 1000;
    size_t n = 19;
    memcpy(out, m->text, MINUTE_LEN);
    out[16] = ':';
    out[17] = (uint8_t)('0' + second / 10);
    out[18] = (uint8_t)('0' + second % 10);
    if (milli != 0) {
        out[19] = '.';
        out[20] = (uint8_t)('0' + milli / 100);
        out[21] = (uint8_t)('0' + milli / 10 % 10);
        out[22] = (uint8_t)('0' + milli % 10);
        n = milli % 10 ? 23 : milli % 100 ? 22 : 21;
    }
    if (t->kind == TYPE_TIMESTAMP_LTZ)
        out[n++] = 'Z';
    return n;
}

/* ---- decimals ---- */

size_t decimal_text_print(const struct type *t, const struct column *c, uint32_t row, bool plain, char out[64])
{
    int128 v = decimal_get(t, c->data, row);
    char digits_text[48];
    size_t n = decimal_print(v < 0 ? -v : v, 0, digits_text);
    int32_t adjusted = (int32_t)n - 1 - t->scale;
    if (plain || adjusted >= -6)
        return decimal_print(v, t->scale, out);
    size_t at = 0;
    if (v < 0)
        out[at++] = '-';
    out[at++] = digits_text[0];
    if (n > 1) {
        out[at++] = '.';
        memcpy(out + at, digits_text + 1, n - 1);
        at += n - 1;
    }
    out[at++] = 'E';
    return at + i64_print(adjusted, out + at);
}

/* ---- from text ---- */

static enum taken bytes_from_text(struct column *col, uint32_t row, struct str text)
{
    size_t most = text.len / 4 * 3 + 3;
    struct buf decoded;
    buf_init(&decoded, col->budget, most);
    enum taken taken = TAKEN_BAD;
    if (!buf_reserve(&decoded, most))
        taken = TAKEN_MEMORY;
    else if (base64_decode(&decoded, text))
        taken = column_set_str(col, row, decoded.data, decoded.len) ? TAKEN : TAKEN_MEMORY;
    buf_release(&decoded);
    return taken;
}

static enum taken taken_if(bool ok)
{
    return ok ? TAKEN : TAKEN_BAD;
}

enum taken value_from_text(const struct value_rules *r, const struct type *t, struct column *col, uint32_t row,
                           struct str text)
{
    text = str_trim(text);
    int64_t integer;
    double real;
    int128 decimal;
    switch (t->kind) {
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_INTERVAL_MONTH:
    case TYPE_INTERVAL_DAY:
        return str_to_i64(text, &integer) ? value_put_integer(t, col, row, integer) : TAKEN_BAD;
    case TYPE_BOOLEAN:
        if (!str_eq_nocase(text, STR("true")) && !str_eq_nocase(text, STR("false")))
            return TAKEN_BAD;
        col->b[row] = (text.ptr[0] | 0x20) == 't';
        return TAKEN;
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        if (!str_to_f64(text, &real))
            return TAKEN_BAD;
        if (t->kind == TYPE_FLOAT)
            col->f32[row] = (float)real;
        else
            col->f64[row] = real;
        return TAKEN;
    case TYPE_DECIMAL:
        if (!decimal_parse(text, t->precision, t->scale, &decimal))
            return TAKEN_BAD;
        decimal_put(t, col->data, row, decimal);
        return TAKEN;
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        return bytes_from_text(col, row, text);
    case TYPE_DATE:
        return taken_if(time_text_date(text, &col->i32[row]));
    case TYPE_TIME:
        return taken_if(time_text_time(text, &col->i32[row]));
    case TYPE_TIMESTAMP:
        return taken_if(time_text_timestamp(r, text, t->precision, false, &col->i64[row]));
    case TYPE_TIMESTAMP_LTZ:
        return taken_if(time_text_timestamp(r, text, t->precision, true, &col->i64[row]));
    default:
        return TAKEN_BAD;
    }
}

/* Casts from and to text and bytes. To text: the forms of value_print, cut to the length of VARCHAR(n), and padded with
 * blanks for CHAR(n). From text: blanks around are allowed; what is no such value fails. */
#include "expr/expr_private.h"

/* Bytes of the first n code points. */
static size_t prefix_bytes(struct str s, int32_t n)
{
    if (s.len <= (size_t)n)
        return s.len;
    size_t at = 0;
    for (int32_t i = 0; i < n && at < s.len; i++)
        utf8_next(s, &at);
    return at;
}

bool cast_fit_text(struct column *out, uint32_t r, struct str s)
{
    const struct type *t = out->type;
    size_t n = t->precision == TYPE_UNBOUNDED ? s.len : prefix_bytes(s, t->precision);
    if (t->kind == TYPE_CHAR && n == s.len) {
        size_t have = utf8_length(s), want = (size_t)t->precision;
        if (have < want) {
            uint32_t buffer, offset;
            uint8_t *to = column_str_room(out, n + want - have, &buffer, &offset);
            if (!to)
                return false;
            if (n)
                memcpy(to, s.ptr, n);
            memset(to + n, ' ', want - have);
            column_set_str_at(out, r, buffer, offset, n + want - have);
            return true;
        }
    }
    return column_set_str(out, r, s.ptr, n);
}

bool cast_fit_integer(struct column *out, uint32_t r, int64_t v)
{
    static const int64_t limits[] = { INT8_MAX, INT16_MAX, INT32_MAX, INT64_MAX };
    int64_t max = limits[out->type->kind - TYPE_TINYINT];
    if (v > max || v < -max - 1)
        return false;
    if (max == INT64_MAX)
        out->i64[r] = v;
    else
        out->i32[r] = (int32_t)v;
    return true;
}

static enum status put_text(struct kernel *k, uint32_t r, struct str s)
{
    return cast_fit_text(k->out, r, s) ? ST_OK : kernel_memory(k);
}

static enum status text_to_text(struct kernel *k)
{
    EACH_ROW(k, r)
    TRY(put_text(k, r, arg_str(k, 0, r)));
    return ST_OK;
}

static enum status any_to_text(struct kernel *k)
{
    const struct zone *zone = k->expr->data;
    EACH_ROW(k, r)
    {
        buf_clear(k->tmp);
        if (!value_print(k->tmp, k->args[0].col, r & k->args[0].mask, zone))
            return kernel_memory(k);
        TRY(put_text(k, r, buf_str(k->tmp)));
    }
    return ST_OK;
}

/* Invalid sequences become U+FFFD, as Java's new String does. */
static enum status bytes_to_text(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        if (!utf8_valid(s)) {
            buf_clear(k->tmp);
            for (size_t at = 0; at < s.len;) {
                char out[4];
                size_t n = utf8_put(utf8_next(s, &at), out);
                if (!buf_put(k->tmp, out, n))
                    return kernel_memory(k);
            }
            s = buf_str(k->tmp);
        }
        TRY(put_text(k, r, s));
    }
    return ST_OK;
}

/* Cut to n bytes; BINARY is filled up with zero bytes. */
static enum status to_bytes(struct kernel *k)
{
    const struct type *t = k->expr->type;
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        size_t want = (size_t)t->precision;
        if (s.len > want)
            s.len = want;
        if (t->kind == TYPE_VARBINARY || s.len == want) {
            TRY(kernel_put_str(k, r, s.ptr, s.len));
            continue;
        }
        uint32_t buffer, offset;
        uint8_t *to = column_str_room(k->out, want, &buffer, &offset);
        if (!to)
            return kernel_memory(k);
        if (s.len)
            memcpy(to, s.ptr, s.len);
        memset(to + s.len, 0, want - s.len);
        column_set_str_at(k->out, r, buffer, offset, want);
    }
    return ST_OK;
}

static enum status to_bool(struct kernel *k)
{
    static const struct str yes[] = { STR_INIT("t"), STR_INIT("true"), STR_INIT("y"), STR_INIT("yes"), STR_INIT("1") };
    static const struct str no[] = { STR_INIT("f"), STR_INIT("false"), STR_INIT("n"), STR_INIT("no"), STR_INIT("0") };
    EACH_ROW(k, r)
    {
        struct str s = str_trim(arg_str(k, 0, r));
        int found = -1;
        for (uint32_t i = 0; i < 5; i++) {
            if (str_eq_nocase(s, yes[i]))
                found = 1;
            if (str_eq_nocase(s, no[i]))
                found = 0;
        }
        if (found < 0)
            TRY(cast_failed(k, r));
        else
            k->out->b[r] = (uint8_t)found;
    }
    return ST_OK;
}

/* An integer, after which a fraction may stand that is cut off: '1.9' is 1. */
static bool parse_integer(struct str s, int64_t *ret)
{
    s = str_trim(s);
    int64_t point = str_find(s, STR("."), 0);
    struct str whole = point < 0 ? s : str_make(s.ptr, (size_t)point);
    for (size_t i = point < 0 ? s.len : (size_t)point + 1; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    bool bare = whole.len == 0 || (whole.len == 1 && (whole.ptr[0] == '-' || whole.ptr[0] == '+'));
    if (bare) { /* ".5" is 0; "." and "-" are nothing */
        *ret = 0;
        return point >= 0 && (size_t)point + 1 < s.len;
    }
    return str_to_i64(whole, ret);
}

static enum status to_integer(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        int64_t v;
        if (!parse_integer(arg_str(k, 0, r), &v) || !cast_fit_integer(k->out, r, v))
            TRY(cast_failed(k, r));
    }
    return ST_OK;
}

static enum status to_float(struct kernel *k)
{
    bool wide = k->expr->type->kind == TYPE_DOUBLE;
    EACH_ROW(k, r)
    {
        double v = 0;
        struct str s = str_trim(arg_str(k, 0, r));
        if (s.len == 0 || !str_to_f64(s, &v))
            TRY(cast_failed(k, r));
        else if (wide)
            k->out->f64[r] = v;
        else
            k->out->f32[r] = (float)v;
    }
    return ST_OK;
}

static enum status to_decimal(struct kernel *k)
{
    const struct type *t = k->expr->type;
    EACH_ROW(k, r)
    {
        struct str s = str_trim(arg_str(k, 0, r));
        int128 v;
        double ignored;
        if (decimal_parse(s, t->precision, t->scale, &v))
            decimal_put(t, k->out->data, r, v);
        else if (s.len && str_to_f64(s, &ignored) && ignored == ignored) /* a number, but too large: NULL */
            column_set_null(k->out, r);
        else
            TRY(cast_failed(k, r));
    }
    return ST_OK;
}

/* A date, of which month and day may be missing, and after which a time may stand. */
bool text_to_date(struct str s, int32_t *ret_days)
{
    s = str_trim(s);
    int64_t blank = str_find(s, STR(" "), 0);
    if (blank > 0)
        s = str_make(s.ptr, (size_t)blank);
    if (date_parse(s, ret_days))
        return true;
    struct str rest = s;
    struct str year = str_split(&rest, '-'), month = rest.ptr ? str_split(&rest, '-') : STR("1");
    int64_t y, m;
    if (rest.ptr || !str_to_i64(year, &y) || !str_to_i64(month, &m) || year.len != 4 || m < 1 || m > 12)
        return false;
    *ret_days = (int32_t)date_from_civil(y, (int32_t)m, 1);
    return true;
}

bool text_to_time(struct str s, int32_t *ret_ms)
{
    s = str_trim(s);
    if (time_parse(s, ret_ms))
        return true;
    int64_t blank = str_find(s, STR(" "), 0);
    int64_t hour;
    if (blank > 0)
        return time_parse(str_make(s.ptr + blank + 1, s.len - (size_t)blank - 1), ret_ms);
    if (s.len > 2 || !str_to_i64(s, &hour) || hour < 0 || hour > 23)
        return false;
    *ret_ms = (int32_t)hour * 3600000;
    return true;
}

static enum status to_date(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        int32_t days;
        if (text_to_date(arg_str(k, 0, r), &days))
            k->out->i32[r] = days;
        else
            TRY(cast_failed(k, r));
    }
    return ST_OK;
}

static enum status to_time(struct kernel *k)
{
    int32_t unit = k->expr->type->precision == 0 ? 1000 : k->expr->type->precision == 1 ? 100
                   : k->expr->type->precision == 2                                       ? 10
                                                                                         : 1;
    EACH_ROW(k, r)
    {
        int32_t ms;
        if (text_to_time(arg_str(k, 0, r), &ms))
            k->out->i32[r] = ms - ms % unit;
        else
            TRY(cast_failed(k, r));
    }
    return ST_OK;
}

static enum status to_timestamp(struct kernel *k)
{
    const struct type *t = k->expr->type;
    const struct zone *zone = k->expr->data;
    int64_t per_ms = time_scale(t->precision) / 1000;
    EACH_ROW(k, r)
    {
        int64_t v;
        if (!timestamp_parse(arg_str(k, 0, r), t->precision, &v, NULL)) {
            TRY(cast_failed(k, r));
            continue;
        }
        if (t->kind == TYPE_TIMESTAMP_LTZ) {
            int64_t ms = math_floor_div(v, per_ms);
            v += (zone_local_to_utc_ms(zone, ms) - ms) * per_ms;
        }
        k->out->i64[r] = v;
    }
    return ST_OK;
}

kernel_fn *cast_text_pick(const struct type *from, const struct type *to)
{
    if (type_is_text(to))
        return type_is_text(from) ? text_to_text : type_is_bytes(from) ? bytes_to_text : any_to_text;
    if (type_is_bytes(to))
        return type_is_text(from) || type_is_bytes(from) ? to_bytes : NULL;
    if (type_is_bytes(from))
        return NULL;
    switch (to->kind) {
    case TYPE_BOOLEAN:
        return to_bool;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
        return to_integer;
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        return to_float;
    case TYPE_DECIMAL:
        return to_decimal;
    case TYPE_DATE:
        return to_date;
    case TYPE_TIME:
        return to_time;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return to_timestamp;
    default:
        return NULL;
    }
}

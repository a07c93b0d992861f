/* Functions of dates and times: formatting and parsing. TIMESTAMP_LTZ is looked at in the session zone, which
 * stands in the node. */
#include "expr/expr_private.h"

#define DAY_MS INT64_C(86400000)

/* ---- to text and back ---- */

static enum status bad_pattern(struct kernel *k, struct str pattern)
{
    return kernel_fail(k, "'%.*s' is no date pattern", STR_ARG(pattern));
}

/* Values in [from, to) have this text. */
struct same_text {
    int64_t from, to;
    struct strview text;
};

/* The step of so many milliseconds that the value lies in; an empty span where the zone's offset changes inside. */
static struct same_text same_text(const struct type *t, const struct zone *zone, int64_t v, const struct stamp *s,
                                  uint32_t step, struct strview text)
{
    int64_t per_ms = time_scale(t->precision) / 1000;
    struct same_text same = { 0, 0, text };
    if (step == 0)
        return same;
    int64_t from_ms = (per_ms == 1 ? v : math_floor_div(v, per_ms)) - (uint32_t)s->ms_of_day % step, from, to;
    bool still = t->kind == TYPE_TIMESTAMP || (zone_offset_at(zone, from_ms) == s->offset_s &&
                                               zone_offset_at(zone, from_ms + step - 1) == s->offset_s);
    if (still && !__builtin_mul_overflow(from_ms, per_ms, &from) && !__builtin_add_overflow(from, step * per_ms, &to)) {
        same.from = from;
        same.to = to;
    }
    return same;
}

/* A row by a pattern of one length, written in place; *ret_done false: not this one. */
static enum status put_layout(struct kernel *k, uint32_t r, const struct time_layout *x, const struct stamp *s,
                              bool *ret_done)
{
    uint32_t buffer, offset;
    uint8_t *out = column_str_room(k->out, x->length, &buffer, &offset);
    if (!out)
        return kernel_memory(k);
    *ret_done = time_layout_put(x, s, (char *)out);
    if (*ret_done)
        column_set_str_at(k->out, r, buffer, offset, x->length);
    return ST_OK;
}

static enum status date_format(struct kernel *k)
{
    const struct type *t = k->expr->args[0]->type;
    const struct zone *zone = k->expr->data;
    struct str pattern = arg_is_constant(k, 1) ? arg_str(k, 1, 0) : STR("");
    if (!time_pattern_valid(pattern))
        return bad_pattern(k, pattern);
    /* neighbours mostly have the same text: the last one serves for the whole step that it stands for */
    bool constant = arg_is_constant(k, 1);
    struct same_text same = { 0, 0, { 0 } };
    struct time_layout layout;
    uint32_t step = constant ? (uint32_t)time_pattern_step_ms(pattern) : 0;
    bool simple = constant && time_layout_of(pattern, &layout), done = false;
    const int64_t *values = t->kind == TYPE_TIMESTAMP || t->kind == TYPE_TIMESTAMP_LTZ ? k->args[0].col->i64 : NULL;
    EACH_ROW(k, r)
    {
        struct stamp s;
        uint32_t at = r & k->args[0].mask;
        if (values && values[at] >= same.from && values[at] < same.to) {
            k->out->str[r] = same.text;
            continue;
        }
        if (!constant) {
            pattern = arg_str(k, 1, r);
            if (!time_pattern_valid(pattern))
                return bad_pattern(k, pattern);
        }
        stamp_of(t, k->args[0].col->data, at, zone, &s);
        if (simple)
            TRY(put_layout(k, r, &layout, &s, &done));
        if (!done) {
            buf_clear(k->tmp);
            if (!time_format(k->tmp, pattern, &s))
                return kernel_memory(k);
            TRY(kernel_put_tmp(k, r));
        }
        if (constant && values)
            same = same_text(t, zone, values[at], &s, step, k->out->str[r]);
    }
    return ST_OK;
}
static enum status resolve_date_format(struct call *c)
{
    if (c->n_args == 2 && type_is_text(c->args[0]->type)) {
        const struct type *t = type_timestamp(c->env->arena, TYPE_TIMESTAMP, 9);
        if (!t)
            return expr_no_memory(c->env, c->err);
        TRY(expr_convert(c->env, c->args[0], t, true, &c->args[0], c->err));
    }
    return resolve_types(c, "Ts=s");
}

/* Reads by the pattern of argument 1, or by the usual form; `rolls` as of time_scan. */
static enum status scan_time(struct kernel *k, uint32_t r, bool rolls, struct stamp *s, bool *ret_ok)
{
    struct str text = arg_str(k, 0, r);
    if (k->n_args > 1) {
        struct str pattern = arg_str(k, 1, r);
        if (!time_pattern_valid(pattern))
            return bad_pattern(k, pattern);
        *ret_ok = time_scan(text, pattern, rolls, s);
        return ST_OK;
    }
    *ret_ok = rolls && time_scan(text, STR("yyyy-MM-dd HH:mm:ss"), true, s);
    if (*ret_ok)
        return ST_OK;
    int64_t v;
    static const struct type exact = { .kind = TYPE_TIMESTAMP, .precision = 6 };
    *ret_ok = timestamp_parse(text, 6, &v, NULL);
    if (*ret_ok)
        stamp_of(&exact, &v, 0, &zone_utc, s);
    return ST_OK;
}

static enum status to_timestamp(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct stamp s;
        bool ok;
        TRY(scan_time(k, r, false, &s, &ok));
        if (ok)
            k->out->i64[r] = s.days * DAY_MS + s.ms_of_day;
        else
            column_set_null(k->out, r);
    }
    return ST_OK;
}
static enum status resolve_to_timestamp(struct call *c)
{
    TRY(resolve_types(c, "s?s="));
    c->type = type_timestamp(c->env->arena, TYPE_TIMESTAMP, 3);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

static enum status to_date(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct stamp s;
        bool ok;
        int32_t days = 0;
        if (k->n_args > 1) {
            TRY(scan_time(k, r, true, &s, &ok));
            days = ok ? (int32_t)s.days : 0;
        } else {
            ok = text_to_date(arg_str(k, 0, r), &days);
        }
        if (ok)
            k->out->i32[r] = days;
        else
            column_set_null(k->out, r);
    }
    return ST_OK;
}
static enum status resolve_to_date(struct call *c)
{
    TRY(resolve_types(c, "s?s="));
    c->type = type_basic(TYPE_DATE);
    return ST_OK;
}

/* args: number, how many digits of it are a second's fraction (3 when left out). Outside of the years 0 to 9999: NULL. */
static enum status ltz_of_number(struct kernel *k)
{
    bool integer = type_phys(k->expr->args[0]->type) == PHYS_I64;
    int32_t kept = k->expr->type->precision;
    int64_t scale = time_scale(kept);
    double least = -62167219200.0 * (double)scale, most = 253402300800.0 * (double)scale;
    EACH_ROW(k, r)
    {
        int32_t digits = k->n_args > 1 ? arg_i32(k, 1, r) : 3;
        if (digits < 0 || digits > 9)
            return kernel_fail(k, "Precision for TO_TIMESTAMP_LTZ must be between 0 and 9 but was %d.", digits);
        int64_t unit = (int64_t)decimal_pow10(digits), v = 0;
        bool fits = true;
        if (!integer) {
            double d = arg_f64(k, 0, r) * ((double)scale / (double)unit);
            fits = d > -9.2e18 && d < 9.2e18;
            v = fits ? (int64_t)d : 0;
        } else if (unit <= scale) {
            fits = !__builtin_mul_overflow(arg_i64(k, 0, r), scale / unit, &v);
        } else {
            v = math_floor_div(arg_i64(k, 0, r), unit / scale);
        }
        if (fits && (double)v >= least && (double)v < most)
            k->out->i64[r] = v;
        else
            column_set_null(k->out, r);
    }
    return ST_OK;
}
static bool exact_time(int64_t ms, int32_t nanos, int32_t precision, int64_t *ret)
{
    int64_t per_ms = time_scale(precision) / 1000, v;
    if (__builtin_mul_overflow(ms, per_ms, &v) || __builtin_add_overflow(v, nanos / (1000000 / per_ms), &v))
        return false;
    *ret = time_truncate(v, precision);
    return true;
}

/* args: text [, pattern [, zone]]: without a zone it is UTC's */
static enum status ltz_of_text(struct kernel *k)
{
    int32_t precision = k->expr->type->precision;
    EACH_ROW(k, r)
    {
        int64_t v;
        const struct zone *zone = &zone_utc;
        struct stamp s;
        if (k->n_args > 2)
            TRY(zone_by_name(k, arg_str(k, 2, r), false, &zone));
        bool ok = zone != NULL;
        struct kernel two = *k;
        two.n_args = k->n_args > 2 ? 2 : k->n_args;
        if (ok)
            TRY(scan_time(&two, r, false, &s, &ok));
        if (ok && exact_time(zone_local_to_utc_ms(zone, s.days * DAY_MS + s.ms_of_day), s.nanos, precision, &v))
            k->out->i64[r] = v;
        else
            column_set_null(k->out, r);
    }
    return ST_OK;
}
static kernel_fn *ltz_pick(const struct expr *e)
{
    return type_is_text(e->args[0]->type) ? ltz_of_text : ltz_of_number;
}
static enum status resolve_ltz(struct call *c)
{
    int64_t digits = 3;
    if (c->n_args && type_is_numeric(c->args[0]->type)) {
        bool integer = type_is_integer(c->args[0]->type);
        if (c->args[0]->type->kind == TYPE_FLOAT) { /* 100.01f is 100.01, not what its bits say */
            TRY(call_convert(c, 0, type_string()));
        }
        integer = integer || c->args[0]->type->kind == TYPE_DECIMAL; /* whose fraction Flink cuts */
        TRY(call_convert(c, 0, type_basic(integer ? TYPE_BIGINT : TYPE_DOUBLE)));
        TRY(resolve_types(c, "n?i="));
        if (c->n_args > 1 && literal_integer(c->args[1], &digits) && (digits < 0 || digits > 9))
            return error_at(c->err, ST_SEMANTIC, c->line, c->column,
                            "Precision for TO_TIMESTAMP_LTZ must be between 0 and 9 but was %lld.", (long long)digits);
    } else {
        struct str pattern;
        TRY(resolve_types(c, "s?ss="));
        if (c->n_args > 1 && literal_str(c->args[1], &pattern)) /* as many digits as it has of S */
            for (size_t i = digits = 0; i < pattern.len && digits < 9; i++)
                digits += pattern.ptr[i] == 'S';
    }
    c->data = c->env->zones;
    c->type = type_timestamp(c->env->arena, TYPE_TIMESTAMP_LTZ, digits > 3 ? (int32_t)digits : 3);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

static enum status from_unixtime(struct kernel *k)
{
    const struct zone *zone = k->expr->data;
    static const struct type seconds = { .kind = TYPE_TIMESTAMP_LTZ, .precision = 3 };
    EACH_ROW(k, r)
    {
        struct str pattern = k->n_args > 1 ? arg_str(k, 1, r) : STR("yyyy-MM-dd HH:mm:ss");
        struct stamp s;
        int64_t ms;
        if (!time_pattern_valid(pattern))
            return bad_pattern(k, pattern);
        if (__builtin_mul_overflow(arg_i64(k, 0, r), 1000, &ms) || ms > INT64_MAX / 2 || ms < INT64_MIN / 2) {
            column_set_null(k->out, r);
            continue;
        }
        stamp_of(&seconds, &ms, 0, zone, &s);
        buf_clear(k->tmp);
        if (!time_format(k->tmp, pattern, &s))
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

/* Seconds of a local time; what is none gives the least BIGINT, as Flink documents. */
static enum status unix_timestamp(struct kernel *k)
{
    const struct zone *zone = k->expr->data;
    EACH_ROW(k, r)
    {
        struct stamp s;
        bool ok;
        TRY(scan_time(k, r, true, &s, &ok));
        k->out->i64[r] = ok ? math_floor_div(zone_local_to_utc_last_ms(zone, s.days * DAY_MS + s.ms_of_day),
            1000) : INT64_MIN;
    }
    return ST_OK;
}
static enum status unix_now(struct kernel *k)
{
    EACH_ROW(k, r)
    k->out->i64[r] = math_floor_div(k->eval->now_ms, 1000);
    return ST_OK;
}
static const struct function unix_timestamp_now = { .name = "UNIX_TIMESTAMP", .flags = FN_VOLATILE | FN_NOTNULL,
                                                    .kernel = unix_now };
static enum status resolve_unix_timestamp(struct call *c)
{
    if (c->n_args == 0)
        c->function = &unix_timestamp_now;
    return resolve_types(c, c->n_args ? "s?s=l" : "=l");
}

const struct function functions_time[] = {
    { .name = "DATE_FORMAT", .signature = "DATE_FORMAT(timestamp or text, pattern)",
          .help = "The time by a Java date pattern.",
      .example = "DATE_FORMAT(TIMESTAMP '2026-11-21 10:30:59', 'yyyy/MM/dd HH:mm')", .flags = FN_STRICT | FN_ZONE, .resolve = resolve_date_format,
      .kernel = date_format },
    { .name = "TO_TIMESTAMP", .signature = "TO_TIMESTAMP(text [, pattern])",
      .help = "The TIMESTAMP(3) that a text stands for; NULL when it is none.",
          .example = "TO_TIMESTAMP('2020-01-01 00:00:00')",
      .flags = FN_STRICT | FN_NULLABLE, .resolve = resolve_to_timestamp, .kernel = to_timestamp },
    { .name = "TO_TIMESTAMP_LTZ",
          .signature = "TO_TIMESTAMP_LTZ(number [, 0 or 3]) | TO_TIMESTAMP_LTZ(text [, pattern [, zone]])",
      .help = "The TIMESTAMP_LTZ(3) of seconds (0) or milliseconds (3) since 1970, or of a text.",
      .example = "TO_TIMESTAMP_LTZ(1234, 3)", .flags = FN_STRICT | FN_NULLABLE, .resolve = resolve_ltz,
          .pick = ltz_pick, .free_state = zone_names_free },
    { .name = "TO_DATE", .signature = "TO_DATE(text [, pattern])",
          .help = "The date that a text stands for; NULL when it is none.",
      .example = "TO_DATE('2020-01-01')", .flags = FN_STRICT | FN_NULLABLE, .resolve = resolve_to_date,
          .kernel = to_date },
    { .name = "FROM_UNIXTIME", .signature = "FROM_UNIXTIME(seconds [, pattern])",
      .help = "Seconds since 1970 as text in the session time zone.", .example = "FROM_UNIXTIME(44)", .types = "l?s=s",
      .flags = FN_STRICT | FN_ZONE, .kernel = from_unixtime },
    { .name = "UNIX_TIMESTAMP", .signature = "UNIX_TIMESTAMP([text [, pattern]])",
      .help = "Seconds since 1970, of now or of a text in the session time zone.", .example = "UNIX_TIMESTAMP('2026-11-21 10:30:59')",
      .flags = FN_STRICT | FN_ZONE, .resolve = resolve_unix_timestamp, .kernel = unix_timestamp },
    { .name = NULL },
};

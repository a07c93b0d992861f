/* Functions of dates and times: fields, formatting and parsing. TIMESTAMP_LTZ is looked at in the session zone, which
 * stands in the node. */
#include "expr/expr_private.h"

#define DAY_MS INT64_C(86400000)

/* ---- fields ---- */

void stamp_of(const struct type *t, const void *data, uint32_t row, const struct zone *zone, struct stamp *ret)
{
    *ret = (struct stamp){ .zone = STR("UTC") };
    if (t->kind == TYPE_DATE) {
        ret->days = ((const int32_t *)data)[row];
        return;
    }
    if (t->kind == TYPE_TIME) {
        ret->ms_of_day = ((const int32_t *)data)[row];
        return;
    }
    int64_t v = ((const int64_t *)data)[row], per_ms = time_scale(t->precision) / 1000;
    int64_t ms = math_floor_div(v, per_ms);
    ret->nanos = (int32_t)(math_floor_mod(v, per_ms) * (1000000 / per_ms));
    if (t->kind == TYPE_TIMESTAMP_LTZ) {
        ret->offset_s = zone_offset_at(zone, ms);
        ret->zone = zone->name;
        ms += ret->offset_s * INT64_C(1000);
    }
    ret->days = math_floor_div(ms, DAY_MS);
    ret->ms_of_day = (int32_t)math_floor_mod(ms, DAY_MS);
}

static int64_t date_field(enum time_unit u, int64_t days)
{
    int64_t year, iso_year;
    int32_t month, day, week;
    date_to_civil(days, &year, &month, &day);
    switch (u) {
    case UNIT_DAY:
        return day;
    case UNIT_WEEK:
        date_iso_week(days, &iso_year, &week);
        return week;
    case UNIT_MONTH:
        return month;
    case UNIT_QUARTER:
        return (month - 1) / 3 + 1;
    case UNIT_YEAR:
        return year;
    case UNIT_DECADE:
        return math_floor_div(year, 10);
    case UNIT_CENTURY:
        return year > 0 ? (year + 99) / 100 : -((99 - (year - 1)) / 100);
    case UNIT_MILLENNIUM:
        return year > 0 ? (year + 999) / 1000 : -((999 - (year - 1)) / 1000);
    case UNIT_DOW:
        return date_day_of_week(days) % 7 + 1;
    case UNIT_ISODOW:
        return date_day_of_week(days);
    case UNIT_DOY:
        return days - date_from_civil(year, 1, 1) + 1;
    default:
        date_iso_week(days, &iso_year, &week);
        return iso_year;
    }
}

int64_t time_field(enum time_unit u, const struct stamp *t)
{
    switch (u) {
    case UNIT_NANOSECOND:
        return t->ms_of_day % 1000 * INT64_C(1000000) + t->nanos;
    case UNIT_MICROSECOND:
        return t->ms_of_day % 1000 * INT64_C(1000) + t->nanos / 1000;
    case UNIT_MILLISECOND:
        return t->ms_of_day % 1000;
    case UNIT_SECOND:
        return t->ms_of_day / 1000 % 60;
    case UNIT_MINUTE:
        return t->ms_of_day / 60000 % 60;
    case UNIT_HOUR:
        return t->ms_of_day / 3600000;
    case UNIT_EPOCH:
        return t->days * 86400 + t->ms_of_day / 1000 - t->offset_s;
    default:
        return date_field(u, t->days);
    }
}

static enum status extract_interval(struct kernel *k, enum time_unit u)
{
    EACH_ROW(k, r)
    {
        int64_t v = arg_integer(k, 1, r), out;
        switch (u) {
        case UNIT_YEAR:
            out = v / 12;
            break;
        case UNIT_QUARTER:
            out = v % 12 / 3 + 1;
            break;
        case UNIT_MONTH:
            out = v % 12;
            break;
        case UNIT_DAY:
            out = v / DAY_MS;
            break;
        case UNIT_HOUR:
            out = v / 3600000 % 24;
            break;
        case UNIT_MINUTE:
            out = v / 60000 % 60;
            break;
        case UNIT_SECOND:
            out = v / 1000 % 60;
            break;
        default:
            out = v % 1000;
            break;
        }
        k->out->i64[r] = out;
    }
    return ST_OK;
}

/* Hours, minutes and seconds of a TIMESTAMP in milliseconds: what most queries ask for. */
static enum status extract_clock(struct kernel *k, enum time_unit u)
{
    uint32_t divisor = u == UNIT_HOUR ? 3600000 : u == UNIT_MINUTE ? 60000 : 1000, cycle = u == UNIT_HOUR ? 24 : 60;
    EACH_ROW(k, r)
    {
        int64_t ms = arg_i64(k, 1, r) % DAY_MS;
        uint32_t of_day = (uint32_t)(ms < 0 ? ms + DAY_MS : ms);
        k->out->i64[r] = of_day / divisor % cycle;
    }
    return ST_OK;
}

/* args: the unit's name, the value */
static enum status extract(struct kernel *k)
{
    enum time_unit u = literal_unit(k->expr->args[0]);
    const struct type *t = k->expr->args[1]->type;
    const struct zone *zone = k->expr->data;
    if (type_is_interval(t))
        return extract_interval(k, u);
    if (t->kind == TYPE_TIMESTAMP && t->precision <= 3 && (u == UNIT_HOUR || u == UNIT_MINUTE || u == UNIT_SECOND))
        return extract_clock(k, u);
    EACH_ROW(k, r)
    {
        struct stamp s;
        stamp_of(t, k->args[1].col->data, r & k->args[1].mask, zone, &s);
        k->out->i64[r] = time_field(u, &s);
    }
    return ST_OK;
}

static enum status resolve_extract(struct call *c)
{
    if (c->n_args != 2)
        return call_invalid(c);
    enum time_unit u = literal_unit(c->args[0]);
    const struct type *t = c->args[1]->type;
    if (t->kind == TYPE_NULL)
        TRY(call_convert(c, 1, type_basic(TYPE_TIMESTAMP)));
    t = c->args[1]->type;
    bool temporal = t->kind == TYPE_DATE || t->kind == TYPE_TIME || type_is_timestamp(t),
        interval = type_is_interval(t);
    bool fine = u <= UNIT_HOUR, of_date = u >= UNIT_DAY && u < UNIT_NONE;
    bool months = t->kind == TYPE_INTERVAL_MONTH;
    bool fits = (temporal && u != UNIT_NONE && !(t->kind == TYPE_DATE && fine) && !(t->kind == TYPE_TIME && of_date)) ||
                (interval && (months ? u == UNIT_YEAR || u == UNIT_QUARTER ||
                    u == UNIT_MONTH : u >= UNIT_MILLISECOND && u <= UNIT_DAY));
    if (!fits)
        return call_invalid(c);
    c->type = type_nullable(c->env->arena, type_basic(TYPE_BIGINT), t->nullable);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

/* YEAR(t) and its kin are EXTRACT(YEAR FROM t). */
static enum status resolve_field(struct call *c)
{
    static const struct {
        const char *name, *unit;
    } units[] = { { "YEAR", "YEAR" },       { "QUARTER", "QUARTER" }, { "MONTH", "MONTH" },
                  { "WEEK", "WEEK" },       { "DAYOFMONTH", "DAY" },  { "DAYOFYEAR", "DOY" },
                  { "DAYOFWEEK", "DOW" },   { "HOUR", "HOUR" },       { "MINUTE", "MINUTE" },
                  { "SECOND", "SECOND" } };
    if (c->n_args != 1)
        return call_invalid(c);
    const struct expr *args[2] = { NULL, c->args[0] };
    for (uint32_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(units[i].name, c->function->name) == 0)
            TRY(expr_string(c->env, str_from(units[i].unit), &args[0], c->err));
    return call_build(c, "EXTRACT", args, 2, &c->instead);
}

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

/* The step of the pattern that the value lies in; an empty span where the zone's offset changes inside. */
static struct same_text same_text(const struct type *t, const struct zone *zone, int64_t v, const struct stamp *s,
                                  struct str pattern, struct strview text)
{
    int64_t step = time_pattern_step_ms(pattern), per_ms = time_scale(t->precision) / 1000;
    struct same_text same = { 0, 0, text };
    if (step == 0)
        return same;
    int64_t from_ms = math_floor_div(v, per_ms) - s->ms_of_day % step, from, to;
    bool still = t->kind == TYPE_TIMESTAMP || (zone_offset_at(zone, from_ms) == s->offset_s &&
                                               zone_offset_at(zone, from_ms + step - 1) == s->offset_s);
    if (still && !__builtin_mul_overflow(from_ms, per_ms, &from) && !__builtin_add_overflow(from, step * per_ms, &to)) {
        same.from = from;
        same.to = to;
    }
    return same;
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
        buf_clear(k->tmp);
        if (!time_format(k->tmp, pattern, &s))
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
        if (constant && values)
            same = same_text(t, zone, values[at], &s, pattern, k->out->str[r]);
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

/* Reads by the pattern of argument 1, or by the usual form. */
static enum status scan_time(struct kernel *k, uint32_t r, struct stamp *s, bool *ret_ok)
{
    struct str text = arg_str(k, 0, r);
    if (k->n_args > 1) {
        struct str pattern = arg_str(k, 1, r);
        if (!time_pattern_valid(pattern))
            return bad_pattern(k, pattern);
        *ret_ok = time_scan(text, pattern, s);
        return ST_OK;
    }
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
        TRY(scan_time(k, r, &s, &ok));
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
            TRY(scan_time(k, r, &s, &ok));
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

/* args: number, 0 (seconds) or 3 (milliseconds, also when left out) */
static enum status ltz_of_number(struct kernel *k)
{
    int64_t unit = k->n_args > 1 ? arg_i32(k, 1, 0) : 3;
    if (unit != 0 && unit != 3)
        return kernel_fail(k, "TO_TIMESTAMP_LTZ knows the precisions 0 and 3, not %lld", (long long)unit);
    int64_t factor = unit == 0 ? 1000 : 1;
    bool integer = type_phys(k->expr->args[0]->type) == PHYS_I64;
    EACH_ROW(k, r)
    {
        int64_t ms = 0;
        bool ok = integer ? !__builtin_mul_overflow(arg_i64(k, 0, r), factor, &ms) : true;
        if (!integer) {
            double d = arg_f64(k, 0, r) * (double)factor;
            ok = d > -9.2e18 && d < 9.2e18;
            ms = ok ? (int64_t)d : 0;
        }
        if (ok)
            k->out->i64[r] = ms;
        else
            column_set_null(k->out, r);
    }
    return ST_OK;
}
/* args: text [, pattern [, zone]]: without a zone it is UTC's */
static enum status ltz_of_text(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct zone zone = zone_utc;
        struct stamp s;
        bool ok = k->n_args < 3 || zone_parse(arg_str(k, 2, r), &zone);
        struct kernel two = *k;
        two.n_args = k->n_args > 2 ? 2 : k->n_args;
        if (ok)
            TRY(scan_time(&two, r, &s, &ok));
        if (ok)
            k->out->i64[r] = zone_local_to_utc_ms(&zone, s.days * DAY_MS + s.ms_of_day);
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
    if (c->n_args && type_is_numeric(c->args[0]->type)) {
        bool integer = type_is_integer(c->args[0]->type);
        if (c->args[0]->type->kind == TYPE_FLOAT) { /* 100.01f is 100.01, not what its bits say */
            TRY(call_convert(c, 0, type_string()));
        }
        TRY(call_convert(c, 0, type_basic(integer ? TYPE_BIGINT : TYPE_DOUBLE)));
        TRY(resolve_types(c, "n?i="));
    } else {
        TRY(resolve_types(c, "s?ss="));
    }
    c->type = type_timestamp(c->env->arena, TYPE_TIMESTAMP_LTZ, 3);
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
        TRY(scan_time(k, r, &s, &ok));
        k->out->i64[r] = ok ? math_floor_div(zone_local_to_utc_ms(zone, s.days * DAY_MS + s.ms_of_day),
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

#define FIELD(NAME, HELP)                                                                                \
    { .name = NAME, .signature = NAME "(time)", .help = HELP, .example = NAME "(ts)", .resolve = resolve_field }

const struct function functions_time[] = {
    { .name = "EXTRACT", .signature = "EXTRACT(unit FROM time or interval)",
          .help = "One field of a date, time or interval.",
      .example = "EXTRACT(HOUR FROM ts)", .flags = FN_STRICT | FN_TOTAL | FN_ZONE, .resolve = resolve_extract,
      .kernel = extract },
    FIELD("YEAR", "The year."),
    FIELD("QUARTER", "The quarter, 1 to 4."),
    FIELD("MONTH", "The month, 1 to 12."),
    FIELD("WEEK", "The ISO week, 1 to 53."),
    FIELD("DAYOFMONTH", "The day of the month."),
    FIELD("DAYOFYEAR", "The day of the year."),
    FIELD("DAYOFWEEK", "The day of the week, from Sunday, 1."),
    FIELD("HOUR", "The hour, 0 to 23."),
    FIELD("MINUTE", "The minute."),
    FIELD("SECOND", "The second."),
    { .name = "DATE_FORMAT", .signature = "DATE_FORMAT(timestamp or text, pattern)",
          .help = "The time by a Java date pattern.",
      .example = "DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm')", .flags = FN_STRICT | FN_ZONE, .resolve = resolve_date_format,
      .kernel = date_format },
    { .name = "TO_TIMESTAMP", .signature = "TO_TIMESTAMP(text [, pattern])",
      .help = "The TIMESTAMP(3) that a text stands for; NULL when it is none.",
          .example = "TO_TIMESTAMP('2020-01-01 00:00:00')",
      .flags = FN_STRICT | FN_NULLABLE, .resolve = resolve_to_timestamp, .kernel = to_timestamp },
    { .name = "TO_TIMESTAMP_LTZ",
          .signature = "TO_TIMESTAMP_LTZ(number [, 0 or 3]) | TO_TIMESTAMP_LTZ(text [, pattern [, zone]])",
      .help = "The TIMESTAMP_LTZ(3) of seconds (0) or milliseconds (3) since 1970, or of a text.",
      .example = "TO_TIMESTAMP_LTZ(1234, 3)", .flags = FN_STRICT | FN_NULLABLE, .resolve = resolve_ltz,
          .pick = ltz_pick },
    { .name = "TO_DATE", .signature = "TO_DATE(text [, pattern])",
          .help = "The date that a text stands for; NULL when it is none.",
      .example = "TO_DATE('2020-01-01')", .flags = FN_STRICT | FN_NULLABLE, .resolve = resolve_to_date,
          .kernel = to_date },
    { .name = "FROM_UNIXTIME", .signature = "FROM_UNIXTIME(seconds [, pattern])",
      .help = "Seconds since 1970 as text in the session time zone.", .example = "FROM_UNIXTIME(44)", .types = "l?s=s",
      .flags = FN_STRICT | FN_ZONE, .kernel = from_unixtime },
    { .name = "UNIX_TIMESTAMP", .signature = "UNIX_TIMESTAMP([text [, pattern]])",
      .help = "Seconds since 1970, of now or of a text in the session time zone.", .example = "UNIX_TIMESTAMP()",
      .flags = FN_STRICT | FN_ZONE, .resolve = resolve_unix_timestamp, .kernel = unix_timestamp },
    { .name = NULL },
};

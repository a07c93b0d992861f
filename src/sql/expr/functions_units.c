/* Units of time added, counted and rounded to: TIMESTAMPADD, TIMESTAMPDIFF, FLOOR and CEIL of a time. A unit is a
 * number of milliseconds or of months. */
#include "expr/expr_private.h"

#define DAY_MS INT64_C(86400000)

struct unit {
    enum time_unit unit, base; /* base: DAY (in ms) or MONTH */
    int64_t length;
};
static const struct unit units[] = {
    { UNIT_MILLISECOND, UNIT_DAY, 1 },  { UNIT_SECOND, UNIT_DAY, 1000 },      { UNIT_MINUTE, UNIT_DAY, 60000 },
    { UNIT_HOUR, UNIT_DAY, 3600000 },   { UNIT_DAY, UNIT_DAY, DAY_MS },       { UNIT_WEEK, UNIT_DAY, 7 * DAY_MS },
    { UNIT_MONTH, UNIT_MONTH, 1 },      { UNIT_QUARTER, UNIT_MONTH, 3 },      { UNIT_YEAR, UNIT_MONTH, 12 },
    { UNIT_DECADE, UNIT_MONTH, 120 },   { UNIT_CENTURY, UNIT_MONTH, 1200 },   { UNIT_MILLENNIUM, UNIT_MONTH, 12000 },
};
static const struct unit *unit_find(enum time_unit u)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].unit == u)
            return &units[i];
    return NULL;
}

/* TIMESTAMPADD(unit, n, t) is t + INTERVAL '1' unit * n; a date and hours make a timestamp here only. */
static enum status resolve_add(struct call *c)
{
    const struct unit *u = c->n_args == 3 ? unit_find(literal_unit(c->args[0])) : NULL;
    if (!u)
        return call_invalid(c);
    const struct type *n = c->args[1]->type, *t = c->args[2]->type;
    if (!type_is_integer(n) && n->kind != TYPE_NULL)
        return call_invalid(c);
    if (t->kind == TYPE_NULL)
        TRY(call_convert(c, 2, type_basic(TYPE_TIMESTAMP)));
    t = c->args[2]->type;
    if (t->kind != TYPE_DATE && t->kind != TYPE_TIME && !type_is_timestamp(t))
        return call_invalid(c);
    struct type *it = ARENA_NEW(c->env->arena, struct type);
    if (!it)
        return expr_no_memory(c->env, c->err);
    *it = *type_basic(u->base == UNIT_MONTH ? TYPE_INTERVAL_MONTH : TYPE_INTERVAL_DAY);
    enum time_unit shown = u->unit == UNIT_MILLISECOND ? UNIT_SECOND : u->unit == UNIT_WEEK ? UNIT_DAY
                           : u->base == UNIT_MONTH                                           ? UNIT_MONTH
                                                                                             : u->unit;
    if (t->kind == TYPE_DATE && shown < UNIT_DAY)
        TRY(call_convert(c, 2, type_basic(TYPE_TIMESTAMP)));
    it->interval_from = it->interval_to = (uint8_t)shown;
    const struct expr *one, *times[2], *sum[2];
    TRY(expr_i64(c->env, it, u->length, &one, c->err));
    times[0] = one;
    times[1] = c->args[1];
    sum[0] = c->args[2];
    TRY(call_build(c, "*", times, 2, &sum[1]));
    return call_build(c, "+", sum, 2, &c->instead);
}

/* Whole months from a to b (Calcite's rule). */
static int64_t whole_months(int64_t a_ms, int64_t b_ms)
{
    int64_t a_days = math_floor_div(a_ms, DAY_MS), b_days = math_floor_div(b_ms, DAY_MS);
    if (b_days < a_days)
        return -whole_months(b_ms, a_ms);
    int64_t m = (b_days - a_days) / 31;
    while (date_add_months(a_days, m) < b_days && date_add_months(a_days, m + 1) <= b_days)
        m++;
    if (date_add_months(a_days, m) == b_days && math_floor_mod(b_ms, DAY_MS) < math_floor_mod(a_ms, DAY_MS))
        m--;
    return m;
}

static enum status timestamp_diff(struct kernel *k)
{
    const struct unit *u = unit_find(literal_unit(k->expr->args[0]));
    struct divisor length = divisor_of(u->length > 1 ? (uint64_t)u->length : 2);
    EACH_ROW(k, r)
    {
        int64_t a = arg_i64(k, 1, r), b = arg_i64(k, 2, r);
        int64_t v = u->base == UNIT_MONTH ? whole_months(a, b) : (int64_t)((uint64_t)b - (uint64_t)a);
        k->out->i32[r] = (int32_t)(u->length > 1 ? divide(&length, v) : v);
    }
    return ST_OK;
}
static enum status resolve_diff(struct call *c)
{
    if (c->n_args != 3 || !unit_find(literal_unit(c->args[0])))
        return call_invalid(c);
    TRY(resolve_types(c, "wcc=i"));
    /* two moments are so far apart in any zone */
    bool moments = c->args[1]->type->kind == TYPE_TIMESTAMP_LTZ && c->args[2]->type->kind == TYPE_TIMESTAMP_LTZ;
    const struct type *t = type_timestamp(c->env->arena, moments ? TYPE_TIMESTAMP_LTZ : TYPE_TIMESTAMP, 3);
    if (!t)
        return expr_no_memory(c->env, c->err);
    TRY(call_convert(c, 1, t));
    return call_convert(c, 2, t);
}

/* args: MONTH or SECOND, which say the family; a, b. */
static enum status time_difference(struct kernel *k)
{
    bool months = k->expr->type->kind == TYPE_INTERVAL_MONTH;
    EACH_ROW(k, r)
    {
        int64_t a = arg_i64(k, 1, r), b = arg_i64(k, 2, r);
        if (months)
            k->out->i32[r] = (int32_t)whole_months(b, a);
        else
            k->out->i64[r] = (int64_t)((uint64_t)a - (uint64_t)b);
    }
    return ST_OK;
}
static enum status resolve_difference(struct call *c)
{
    enum status st = resolve_diff(c);
    if (st == ST_SEMANTIC)
        return error_at(c->err, st, c->line, c->column, "(a - b) unit takes two dates or timestamps");
    TRY(st);
    bool months = literal_unit(c->args[0]) == UNIT_MONTH;
    c->type = call_nullable_by_args(c, type_basic(months ? TYPE_INTERVAL_MONTH : TYPE_INTERVAL_DAY));
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

/* ---- FLOOR and CEIL to a unit ---- */

/* Calcite's: a day rounds up to the next one, a month and more by the date alone. */
static int64_t round_date(int64_t days, enum time_unit u, bool up)
{
    int64_t year;
    int32_t month, day;
    date_to_civil(days, &year, &month, &day);
    switch (u) {
    case UNIT_DAY:
        return days + up;
    case UNIT_WEEK: {
        int64_t after_sunday = date_day_of_week(days) % 7;
        return days - after_sunday + (up && after_sunday ? 7 : 0);
    }
    case UNIT_MONTH:
        return date_add_months(date_from_civil(year, month, 1), up && day > 1);
    case UNIT_QUARTER: {
        int32_t first = (month - 1) / 3 * 3 + 1;
        return date_add_months(date_from_civil(year, first, 1), up && (month > first || day > 1) ? 3 : 0);
    }
    case UNIT_YEAR:
        return date_from_civil(year + (up && (month > 1 || day > 1)), 1, 1);
    case UNIT_DECADE:
        return date_from_civil((math_floor_div(year, 10) + up) * 10, 1, 1);
    case UNIT_CENTURY:
        return date_from_civil(math_floor_div(year + 99, 100) * 100 + (up ? 1 : -99), 1, 1);
    case UNIT_MILLENNIUM:
        return date_from_civil(math_floor_div(year + 999, 1000) * 1000 + (up ? 1 : -999), 1, 1);
    default:
        return days;
    }
}

static int64_t round_to(int64_t v, int64_t unit, bool up)
{
    int64_t rest = math_floor_mod(v, unit);
    return v - rest + (up && rest ? unit : 0);
}

/* The usual case by itself: a TIMESTAMP down to at most a day. */
static enum status floor_timestamp(struct kernel *k, uint64_t unit)
{
    struct divisor by = divisor_of(unit);
    EACH_ROW(k, r)
    k->out->i64[r] = (int64_t)((uint64_t)divide_floor(&by, arg_i64(k, 0, r)) * unit);
    return ST_OK;
}

static enum status round_time(struct kernel *k, bool up)
{
    enum time_unit u = literal_unit(k->expr->args[1]);
    const struct type *t = k->expr->type;
    const struct zone *zone = k->expr->data;
    const struct unit *unit = unit_find(u);
    int64_t per_ms = type_is_timestamp(t) ? time_scale(t->precision) / 1000 : 1;
    if (t->kind == TYPE_TIMESTAMP && !up && u <= UNIT_DAY && unit->length * per_ms > 1)
        return floor_timestamp(k, (uint64_t)(unit->length * per_ms));
    EACH_ROW(k, r)
    {
        if (t->kind == TYPE_DATE) {
            k->out->i32[r] = (int32_t)(u < UNIT_DAY ? arg_i32(k, 0, r) : round_date(arg_i32(k, 0, r), u, up));
        } else if (t->kind == TYPE_TIME) {
            k->out->i32[r] = (int32_t)(round_to(arg_i32(k, 0, r), unit->length, up) % DAY_MS);
        } else {
            int64_t v = arg_i64(k, 0, r);
            bool ltz = t->kind == TYPE_TIMESTAMP_LTZ;
            if (ltz)
                v += zone_offset_at(zone, math_floor_div(v, per_ms)) * INT64_C(1000) * per_ms;
            if (u <= UNIT_DAY)
                v = round_to(v, unit->length * per_ms, up);
            else
                v = round_date(math_floor_div(v, DAY_MS * per_ms), u, up) * DAY_MS * per_ms;
            if (ltz)
                v = zone_local_to_utc_ms(zone, math_floor_div(v, per_ms)) * per_ms + math_floor_mod(v, per_ms);
            k->out->i64[r] = v;
        }
    }
    return ST_OK;
}
static enum status floor_time(struct kernel *k) { return round_time(k, false); }
static enum status ceil_time(struct kernel *k) { return round_time(k, true); }

static enum status resolve_round_time(struct call *c)
{
    TRY(resolve_types(c, "cw=1"));
    const struct unit *u = unit_find(literal_unit(c->args[1]));
    if (!u || (c->args[0]->type->kind == TYPE_TIME && u->unit > UNIT_HOUR))
        return call_invalid(c);
    return ST_OK;
}
const struct function function_floor_time = { .name = "FLOOR", .signature = "FLOOR(time TO unit)",
                                              .flags = FN_STRICT | FN_ZONE, .resolve = resolve_round_time,
                                              .kernel = floor_time };
const struct function function_ceil_time = { .name = "CEIL", .signature = "CEIL(time TO unit)",
                                             .flags = FN_STRICT | FN_ZONE, .resolve = resolve_round_time,
                                             .kernel = ceil_time };

const struct function functions_units[] = {
    { .name = "TIMESTAMPADD", .signature = "TIMESTAMPADD(unit, n, time)", .help = "The time n units later.",
      .example = "TIMESTAMPADD(WEEK, 1, DATE '2003-01-02')", .resolve = resolve_add },
    { .name = "TIMESTAMPDIFF", .signature = "TIMESTAMPDIFF(unit, from, to)",
          .help = "How many whole units between two times.",
      .example = "TIMESTAMPDIFF(DAY, DATE '2026-11-01', DATE '2026-11-21')", .flags = FN_STRICT, .resolve = resolve_diff, .kernel = timestamp_diff },
    { .name = "TIME DIFFERENCE", .signature = "(to - from) unit [TO unit]",
      .help = "What lies between two times, as an interval.", .example = "(DATE '2026-11-21' - DATE '2026-10-20') DAY",
      .flags = FN_STRICT, .resolve = resolve_difference, .kernel = time_difference },
    { .name = NULL },
};

/* Fields of dates, times and intervals: EXTRACT, and YEAR and its kin that stand for it.
 *
 * A column goes through in chunks: local values are loaded, split into days or the rest of the day by a multiplication
 * a row (struct divisor), and the field is computed of those; each is a loop of its own without branches. A session
 * zone with rules, and the rare units, go row by row through a struct stamp. */
#include "expr/expr_private.h"

#define DAY_MS INT64_C(86400000)

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
    int64_t ms = v;
    if (per_ms > 1) {
        ms = math_floor_div(v, per_ms);
        ret->nanos = (int32_t)(math_floor_mod(v, per_ms) * (1000000 / per_ms));
    }
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

/* ---- by chunks ---- */

#define CHUNK 256u

static inline uint32_t chunk_row(const struct kernel *k, uint32_t i) { return k->rows ? k->rows[i] : i; }

/* Values [from, from + n) of the argument, moved by `shift`. */
static void load(const struct kernel *k, uint32_t from, uint32_t n, int64_t shift, int64_t *to)
{
    const struct column *c = k->args[1].col;
    uint32_t mask = k->args[1].mask;
    if (type_phys(k->expr->args[1]->type) == PHYS_I32)
        for (uint32_t i = 0; i < n; i++)
            to[i] = c->i32[chunk_row(k, from + i) & mask];
    else if (!k->rows && mask)
        for (uint32_t i = 0; i < n; i++)
            to[i] = (int64_t)((uint64_t)c->i64[from + i] + (uint64_t)shift);
    else
        for (uint32_t i = 0; i < n; i++)
            to[i] = (int64_t)((uint64_t)c->i64[chunk_row(k, from + i) & mask] + (uint64_t)shift);
}

static void store(struct kernel *k, uint32_t from, uint32_t n, const int64_t *values)
{
    if (!k->rows)
        memcpy(k->out->i64 + from, values, n * sizeof *values);
    else
        for (uint32_t i = 0; i < n; i++)
            k->out->i64[k->rows[from + i]] = values[i];
}

static void days_to_field(enum time_unit u, int64_t *v, uint32_t n)
{
    int64_t year;
    int32_t month, day;
#define EACH_DAY(FIELD)                                 \
    for (uint32_t i = 0; i < n; i++) {                  \
        date_to_civil(v[i], &year, &month, &day);       \
        v[i] = FIELD;                                   \
    }                                                   \
    break
    switch (u) {
    case UNIT_YEAR:
        EACH_DAY(year);
    case UNIT_QUARTER:
        EACH_DAY((month + 2) / 3);
    case UNIT_MONTH:
        EACH_DAY(month);
    case UNIT_DAY:
        EACH_DAY(day);
    default:
        for (uint32_t i = 0; i < n; i++)
            v[i] = date_field(u, v[i]);
        break;
    }
#undef EACH_DAY
}

static void extract_days(struct kernel *k, enum time_unit u, const struct divisor *per_day, int64_t shift)
{
    int64_t v[CHUNK];
    for (uint32_t from = 0; from < k->n; from += CHUNK) {
        uint32_t n = k->n - from < CHUNK ? k->n - from : CHUNK;
        load(k, from, n, shift, v);
        if (per_day)
            for (uint32_t i = 0; i < n; i++)
                v[i] = divide_floor(per_day, v[i]);
        days_to_field(u, v, n);
        store(k, from, n, v);
    }
}

/* Hours, minutes and seconds. */
static void extract_clock(struct kernel *k, enum time_unit u, int64_t scale, const struct divisor *per_day,
                          int64_t shift)
{
    uint32_t seconds = u == UNIT_HOUR ? 3600 : u == UNIT_MINUTE ? 60 : 1, cycle = u == UNIT_HOUR ? 24 : 60;
    struct divisor unit = divisor_of((uint64_t)scale * seconds);
    int64_t v[CHUNK];
    for (uint32_t from = 0; from < k->n; from += CHUNK) {
        uint32_t n = k->n - from < CHUNK ? k->n - from : CHUNK;
        load(k, from, n, shift, v);
        for (uint32_t i = 0; i < n; i++) {
            uint64_t of_day = (uint64_t)v[i] - (uint64_t)divide_floor(per_day, v[i]) * per_day->by;
            v[i] = (uint32_t)divide_unsigned(&unit, of_day) % cycle;
        }
        store(k, from, n, v);
    }
}

static void extract_rows(struct kernel *k, enum time_unit u, const struct zone *zone)
{
    EACH_ROW(k, r)
    {
        struct stamp s;
        stamp_of(k->expr->args[1]->type, k->args[1].col->data, r & k->args[1].mask, zone, &s);
        k->out->i64[r] = time_field(u, &s);
    }
}

/* args: the unit's name, the value */
static enum status extract(struct kernel *k)
{
    enum time_unit u = literal_unit(k->expr->args[0]);
    const struct type *t = k->expr->args[1]->type;
    const struct zone *zone = k->expr->data;
    if (type_is_interval(t))
        return extract_interval(k, u);
    int64_t scale = type_is_timestamp(t) ? time_scale(t->precision) : 1000;
    int64_t shift = t->kind == TYPE_TIMESTAMP_LTZ ? zone->offset_s * scale : 0;
    struct divisor per_day = divisor_of((uint64_t)(scale * 86400));
    bool clock = u == UNIT_HOUR || u == UNIT_MINUTE || u == UNIT_SECOND;
    if ((t->kind == TYPE_TIMESTAMP_LTZ && zone->rules) || (u < UNIT_DAY && !clock) || u == UNIT_EPOCH)
        extract_rows(k, u, zone);
    else if (clock)
        extract_clock(k, u, scale, &per_day, shift);
    else
        extract_days(k, u, t->kind == TYPE_DATE ? NULL : &per_day, shift);
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

#define FIELD(NAME, HELP)                                                                                \
    { .name = NAME, .signature = NAME "(time)", .help = HELP, .resolve = resolve_field,                          \
      .example = NAME "(TIMESTAMP '2026-11-21 10:30:59')" }

const struct function functions_fields[] = {
    { .name = "EXTRACT", .signature = "EXTRACT(unit FROM time or interval)",
      .help = "One field of a date, time or interval.", .example = "EXTRACT(HOUR FROM TIMESTAMP '2026-11-21 10:30:59')",
      .flags = FN_STRICT | FN_TOTAL | FN_ZONE, .resolve = resolve_extract, .kernel = extract },
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
    { .name = NULL },
};

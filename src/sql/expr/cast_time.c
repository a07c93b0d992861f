/* Casts among DATE, TIME, TIMESTAMP and TIMESTAMP_LTZ, and arithmetic of them with intervals. All go through the local
 * value in the storage of some precision: DATE is its midnight, TIME a time on 1970-01-01, LTZ is shifted by the
 * session zone. */
#include <math.h>

#include "expr/expr_private.h"

#define DAY_MS INT64_C(86400000)

/* The local value at row r in the storage of `precision`; false: out of its range. */
static bool local_value(const struct kernel *k, const struct type *from, const struct zone *zone, uint32_t r,
                        int32_t precision, int64_t *ret)
{
    switch (from->kind) {
    case TYPE_DATE:
        return time_from_ms(arg_i32(k, 0, r) * DAY_MS, precision, ret);
    case TYPE_TIME:
        return time_from_ms(arg_i32(k, 0, r), precision, ret);
    default: {
        int64_t v = arg_i64(k, 0, r);
        if (from->kind == TYPE_TIMESTAMP_LTZ)
            v += zone_offset_at(zone, time_to_ms(v, from->precision)) * time_scale(from->precision);
        return time_rescale(v, from->precision, precision, ret);
    }
    }
}

static enum status time_to_time(struct kernel *k)
{
    const struct type *from = k->expr->args[0]->type, *to = k->expr->type;
    const struct zone *zone = k->expr->data;
    bool same_zone = from->kind == TYPE_TIMESTAMP_LTZ && to->kind == TYPE_TIMESTAMP_LTZ;
    int32_t precision = type_is_timestamp(to) ? to->precision : 3;
    EACH_ROW(k, r)
    {
        int64_t v;
        bool ok = same_zone ? time_rescale(arg_i64(k, 0, r), from->precision, precision, &v)
                            : local_value(k, from, zone, r, precision, &v);
        if (!ok) {
            TRY(cast_failed(k, r));
            continue;
        }
        switch (to->kind) {
        case TYPE_DATE:
            k->out->i32[r] = (int32_t)math_floor_div(v, DAY_MS);
            break;
        case TYPE_TIME:
            v = math_floor_mod(v, DAY_MS);
            k->out->i32[r] = (int32_t)(to->precision == 0 ? v - v % 1000 : v);
            break;
        case TYPE_TIMESTAMP_LTZ:
            if (!same_zone) {
                int64_t ms = time_to_ms(v, precision);
                v += (zone_local_to_utc_ms(zone, ms) - ms) * (time_scale(precision) / 1000);
            }
            k->out->i64[r] = time_truncate(v, precision);
            break;
        default:
            k->out->i64[r] = time_truncate(v, precision);
            break;
        }
    }
    return ST_OK;
}

/* The usual case by itself. */
static enum status timestamp_to_date(struct kernel *k)
{
    struct divisor per_day = divisor_of((uint64_t)time_scale(k->expr->args[0]->type->precision) * 86400);
    EACH_ROW(k, r)
    k->out->i32[r] = (int32_t)divide_floor(&per_day, arg_i64(k, 0, r));
    return ST_OK;
}

kernel_fn *cast_time_pick(const struct type *from, const struct type *to)
{
    if ((from->kind == TYPE_DATE && to->kind == TYPE_TIME) || (from->kind == TYPE_TIME && to->kind == TYPE_DATE))
        return NULL;
    return from->kind == TYPE_TIMESTAMP && to->kind == TYPE_DATE ? timestamp_to_date : time_to_time;
}

/* ---- intervals ---- */

static enum status out_of_range(struct kernel *k) { return kernel_fail(k, "a date or time is out of range"); }

static enum status add_days_ms(struct kernel *k)
{
    const struct type *t = k->expr->type;
    int64_t sign = k->expr->function->name[0] == '-' ? -1 : 1;
    int64_t per_ms = type_is_timestamp(t) ? time_scale(t->precision) / 1000 : 1;
    EACH_ROW(k, r)
    {
        int64_t ms = arg_i64(k, 1, r), v;
        if (t->kind == TYPE_DATE)
            k->out->i32[r] = (int32_t)(arg_i32(k, 0, r) + sign * (ms / DAY_MS));
        else if (t->kind == TYPE_TIME)
            k->out->i32[r] = (int32_t)math_floor_mod(arg_i32(k, 0, r) + sign * (ms % DAY_MS), DAY_MS);
        else if (__builtin_mul_overflow(ms, sign * per_ms, &v) ||
                 __builtin_add_overflow(arg_i64(k, 0, r), v, &k->out->i64[r]))
            return out_of_range(k);
    }
    return ST_OK;
}

static enum status add_months(struct kernel *k)
{
    const struct type *t = k->expr->type;
    int32_t sign = k->expr->function->name[0] == '-' ? -1 : 1;
    EACH_ROW(k, r)
    {
        int64_t months = (int64_t)sign * arg_i32(k, 1, r);
        if (t->kind == TYPE_DATE) {
            k->out->i32[r] = (int32_t)date_add_months(arg_i32(k, 0, r), months);
        } else if (t->kind == TYPE_TIME) {
            k->out->i32[r] = arg_i32(k, 0, r);
        } else {
            int64_t day = DAY_MS / 1000 * time_scale(t->precision), v = arg_i64(k, 0, r), whole;
            int64_t days = date_add_months(math_floor_div(v, day), months);
            if (__builtin_mul_overflow(days, day, &whole) ||
                __builtin_add_overflow(whole, math_floor_mod(v, day), &k->out->i64[r]))
                return out_of_range(k);
        }
    }
    return ST_OK;
}

static enum status add_intervals(struct kernel *k)
{
    bool minus = k->expr->function->name[0] == '-', wide = type_phys(k->expr->type) == PHYS_I64;
    EACH_ROW(k, r)
    {
        if (wide) {
            uint64_t a = (uint64_t)arg_i64(k, 0, r), b = (uint64_t)arg_i64(k, 1, r);
            k->out->i64[r] = (int64_t)(minus ? a - b : a + b);
        } else {
            uint32_t a = (uint32_t)arg_i32(k, 0, r), b = (uint32_t)arg_i32(k, 1, r);
            k->out->i32[r] = (int32_t)(minus ? a - b : a + b);
        }
    }
    return ST_OK;
}

static enum status scale_interval(struct kernel *k)
{
    bool wide = type_phys(k->expr->type) == PHYS_I64, divide = k->expr->function->name[0] == '/';
    bool integer = type_phys(k->expr->args[1]->type) == PHYS_I64;
    EACH_ROW(k, r)
    {
        int64_t a = wide ? arg_i64(k, 0, r) : arg_i32(k, 0, r), v;
        if (integer) {
            int64_t b = arg_i64(k, 1, r);
            if (divide && b == 0)
                return kernel_fail(k, "division by zero");
            if (divide)
                v = b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
            else if (__builtin_mul_overflow(a, b, &v))
                return kernel_fail(k, "an interval is out of range");
        } else {
            double d = divide ? (double)a / arg_f64(k, 1, r) : (double)a * arg_f64(k, 1, r);
            if (!(fabs(d) < 9.2e18))
                return kernel_fail(k, "an interval is out of range");
            v = (int64_t)d;
        }
        if (!wide && (v > INT32_MAX || v < INT32_MIN))
            return kernel_fail(k, "an interval is out of range");
        if (wide)
            k->out->i64[r] = v;
        else
            k->out->i32[r] = (int32_t)v;
    }
    return ST_OK;
}

kernel_fn *interval_pick(const struct expr *e)
{
    if (e->function->name[0] == '*' || e->function->name[0] == '/')
        return scale_interval;
    if (type_is_interval(e->args[0]->type))
        return add_intervals;
    return e->args[1]->type->kind == TYPE_INTERVAL_DAY ? add_days_ms : add_months;
}

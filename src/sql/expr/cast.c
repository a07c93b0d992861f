/* Casts: which kernel goes from one type to another; Flink 2.3's rules.
 *
 * All casts are strict. A row that cannot be cast fails the run, or is NULL under TRY_CAST. Some need no work at all:
 * they are views of the same bytes under another type (VARCHAR(3) to STRING, INT's narrower kinds to INT, TIMESTAMP(0)
 * to TIMESTAMP(3), rows and arrays of such). */
#include "expr/expr_private.h"

static bool view_nested(const struct type *from, const struct type *to)
{
    switch (from->kind) {
    case TYPE_ROW:
        if (from->n_fields != to->n_fields)
            return false;
        for (uint32_t i = 0; i < from->n_fields; i++)
            if (!cast_is_view(from->fields[i].type, to->fields[i].type))
                return false;
        return true;
    case TYPE_MAP:
        return cast_is_view(from->key, to->key) && cast_is_view(from->element, to->element);
    default:
        return cast_is_view(from->element, to->element);
    }
}

static bool same_storage(int32_t p, int32_t q) { return time_scale(p) == time_scale(q); }

bool cast_is_view(const struct type *from, const struct type *to)
{
    if (type_equal(from, to, false))
        return true;
    if (type_is_text(from) && to->kind == TYPE_VARCHAR)
        return from->precision <= to->precision;
    if (type_is_bytes(from) && to->kind == TYPE_VARBINARY)
        return from->precision <= to->precision;
    if (type_is_text(from) && to->kind == TYPE_VARBINARY)
        return to->precision == TYPE_UNBOUNDED;
    if (type_is_integer(from) && type_is_integer(to))
        return from->kind < to->kind && to->kind != TYPE_BIGINT;
    if (from->kind != to->kind)
        return false;
    switch (from->kind) {
    case TYPE_DECIMAL:
        return from->scale == to->scale && from->precision <= to->precision && type_phys(from) == type_phys(to);
    case TYPE_TIME:
        return from->precision <= to->precision;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return from->precision <= to->precision && same_storage(from->precision, to->precision);
    case TYPE_INTERVAL_DAY:
    case TYPE_INTERVAL_MONTH:
        return true;
    case TYPE_ROW:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
        return view_nested(from, to);
    default:
        return false;
    }
}

static bool number_or_bool(const struct type *t) { return type_is_numeric(t) || t->kind == TYPE_BOOLEAN; }

bool cast_is_total(const struct type *from, const struct type *to)
{
    return number_or_bool(from) && number_or_bool(to);
}

static bool is_temporal(const struct type *t)
{
    return t->kind == TYPE_DATE || t->kind == TYPE_TIME || type_is_timestamp(t);
}

kernel_fn *cast_pick(const struct type *from, const struct type *to)
{
    if (from->kind == TYPE_NULL || to->kind == TYPE_NULL)
        return NULL;
    if (from->kind == TYPE_VARIANT || to->kind == TYPE_VARIANT)
        return from->kind == TYPE_VARIANT ? cast_variant_pick(to) : NULL;
    if (number_or_bool(from) && number_or_bool(to))
        return cast_number_pick(from, to);
    if (is_temporal(from) && is_temporal(to))
        return cast_time_pick(from, to);
    if (type_is_text(from) || type_is_text(to) || type_is_bytes(from) || type_is_bytes(to))
        return cast_text_pick(from, to);
    return cast_nested_pick(from, to);
}

enum status cast_failed(struct kernel *k, uint32_t r)
{
    if (k->expr->is_try) {
        column_set_null(k->out, r);
        return ST_OK;
    }
    struct buf shown, name;
    buf_init(&shown, k->budget, 4096);
    buf_init(&name, k->budget, 4096);
    bool ok = value_print(&shown, k->args[0].col, r & k->args[0].mask, k->expr->data) &&
              type_print(&name, k->expr->type);
    enum status st = kernel_fail(k, "cannot cast '%.*s%s' to %.*s", ok &&
        shown.len < 100 ? (int)shown.len : 100 < shown.len ? 100 : 0,
                                 shown.len ? (const char *)shown.data : "", shown.len > 100 ? "..." : "",
                                 (int)name.len, name.len ? (const char *)name.data : "");
    buf_release(&shown);
    buf_release(&name);
    return st;
}

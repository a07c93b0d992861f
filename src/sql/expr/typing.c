/* Flink's typing: the common type of several, what casts by itself, integers as decimals. After LogicalTypeMerging and
 * LogicalTypeCasts (names of the rules, not their code): numbers widen, DECIMAL with FLOAT or DOUBLE is DOUBLE, CHARs
 * of one length stay CHAR and of several become VARCHAR, DATE with TIMESTAMP is TIMESTAMP, TIMESTAMP with LTZ is LTZ.
 * */
#include "expr/expr_private.h"

void type_as_decimal(const struct type *t, int32_t *ret_p, int32_t *ret_s)
{
    static const int32_t digits[TYPE_KINDS] = { [TYPE_TINYINT] = 3, [TYPE_SMALLINT] = 5, [TYPE_INT] = 10,
                                                [TYPE_BIGINT] = 19, [TYPE_BOOLEAN] = 1 };
    *ret_p = t->kind == TYPE_DECIMAL ? t->precision : digits[t->kind];
    *ret_s = t->kind == TYPE_DECIMAL ? t->scale : 0;
}

static const struct type *common_number(struct arena *a, const struct type *x, const struct type *y)
{
    bool approximate = x->kind == TYPE_FLOAT || x->kind == TYPE_DOUBLE || y->kind == TYPE_FLOAT ||
                       y->kind == TYPE_DOUBLE;
    bool decimal = x->kind == TYPE_DECIMAL || y->kind == TYPE_DECIMAL;
    if (approximate)
        return type_basic(decimal || x->kind == TYPE_DOUBLE || y->kind == TYPE_DOUBLE ? TYPE_DOUBLE : TYPE_FLOAT);
    if (!decimal)
        return type_basic(x->kind > y->kind ? x->kind : y->kind);
    int32_t p1, s1, p2, s2;
    type_as_decimal(x, &p1, &s1);
    type_as_decimal(y, &p2, &s2);
    int32_t scale = s1 > s2 ? s1 : s2;
    int32_t whole = p1 - s1 > p2 - s2 ? p1 - s1 : p2 - s2;
    int32_t precision = whole + scale > 38 ? 38 : whole + scale;
    return type_decimal(a, precision, scale);
}

static const struct type *common_nested(struct arena *a, const struct type *x, const struct type *y, bool text_wins)
{
    if (x->kind == TYPE_ROW) {
        if (x->n_fields != y->n_fields)
            return NULL;
        struct field *fields = ARENA_ARRAY(a, struct field, x->n_fields + 1);
        if (!fields)
            return NULL;
        for (uint32_t i = 0; i < x->n_fields; i++) {
            fields[i].name = x->fields[i].name;
            fields[i].type = type_common(a, x->fields[i].type, y->fields[i].type, text_wins);
            if (!fields[i].type)
                return NULL;
        }
        return type_row(a, fields, x->n_fields);
    }
    const struct type *element = type_common(a, x->element, y->element, text_wins);
    if (!element)
        return NULL;
    if (x->kind == TYPE_ARRAY)
        return type_array(a, element);
    if (x->kind == TYPE_MULTISET)
        return type_multiset(a, element);
    const struct type *key = type_common(a, x->key, y->key, text_wins);
    return key ? type_map(a, key, element) : NULL;
}

static const struct type *common_interval(struct arena *a, const struct type *x, const struct type *y)
{
    struct type *t = ARENA_NEW(a, struct type);
    if (!t)
        return NULL;
    *t = *x;
    /* units grow from fine to coarse: from is the coarsest, to the finest */
    if (y->interval_from > t->interval_from)
        t->interval_from = y->interval_from;
    if (y->interval_to < t->interval_to)
        t->interval_to = y->interval_to;
    return t;
}

static const struct type *common_same_kind(struct arena *a, const struct type *x, const struct type *y, bool text_wins)
{
    switch (x->kind) {
    case TYPE_DECIMAL:
        return common_number(a, x, y);
    case TYPE_CHAR:
    case TYPE_BINARY:
        if (x->precision == y->precision)
            return x;
        return type_with_length(a, x->kind == TYPE_CHAR ? TYPE_VARCHAR : TYPE_VARBINARY,
                                x->precision > y->precision ? x->precision : y->precision);
    case TYPE_VARCHAR:
    case TYPE_VARBINARY:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return x->precision >= y->precision ? x : y;
    case TYPE_INTERVAL_DAY:
    case TYPE_INTERVAL_MONTH:
        return common_interval(a, x, y);
    case TYPE_ROW:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
        return common_nested(a, x, y, text_wins);
    default:
        return x;
    }
}

/* Without nullability. */
static const struct type *common_plain(struct arena *a, const struct type *x, const struct type *y, bool text_wins)
{
    if (x->kind == TYPE_NULL)
        return y;
    if (y->kind == TYPE_NULL)
        return x;
    if (x->kind == y->kind)
        return common_same_kind(a, x, y, text_wins);
    if (type_is_numeric(x) && type_is_numeric(y))
        return common_number(a, x, y);
    if (type_is_text(x) && type_is_text(y))
        return type_with_length(a, TYPE_VARCHAR, x->precision > y->precision ? x->precision : y->precision);
    if (type_is_bytes(x) && type_is_bytes(y))
        return type_with_length(a, TYPE_VARBINARY, x->precision > y->precision ? x->precision : y->precision);
    if (type_is_timestamp(x) && type_is_timestamp(y))
        return type_timestamp(a, TYPE_TIMESTAMP_LTZ, x->precision > y->precision ? x->precision : y->precision);
    if (x->kind == TYPE_DATE && type_is_timestamp(y))
        return y;
    if (y->kind == TYPE_DATE && type_is_timestamp(x))
        return x;
    bool x_text = type_is_text(x), y_text = type_is_text(y);
    if (text_wins && (x_text || y_text)) {
        const struct type *other = x_text ? y : x;
        if (other->kind <= TYPE_INTERVAL_DAY && !type_is_bytes(other))
            return type_string();
    }
    return NULL;
}

const struct type *type_common(struct arena *a, const struct type *x, const struct type *y, bool text_wins)
{
    const struct type *t = common_plain(a, x, y, text_wins);
    if (!t)
        return NULL;
    bool nullable = x->nullable || y->nullable || x->kind == TYPE_NULL || y->kind == TYPE_NULL;
    if (t->nullable != nullable)
        t = type_nullable(a, t, nullable);
    if (t && t->time != TIME_NONE && (x->time != y->time))
        t = type_with_time(a, t, TIME_NONE);
    return t;
}

const struct type *expr_common_type(struct arena *a, const struct type *const *types, uint32_t n)
{
    const struct type *t = n ? types[0] : NULL;
    for (uint32_t i = 1; i < n && t; i++)
        t = type_common(a, t, types[i], false);
    return t;
}

static bool implicit_nested(const struct type *from, const struct type *to)
{
    if (from->kind != to->kind)
        return false;
    switch (from->kind) {
    case TYPE_ROW:
        if (from->n_fields != to->n_fields)
            return false;
        for (uint32_t i = 0; i < from->n_fields; i++)
            if (!type_implicit(from->fields[i].type, to->fields[i].type))
                return false;
        return true;
    case TYPE_MAP:
        return type_implicit(from->key, to->key) && type_implicit(from->element, to->element);
    default:
        return type_implicit(from->element, to->element);
    }
}

bool type_implicit(const struct type *from, const struct type *to)
{
    if (from->kind == TYPE_NULL)
        return true;
    switch (to->kind) {
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
        return from->kind >= TYPE_TINYINT && from->kind <= to->kind;
    case TYPE_FLOAT:
        return type_is_numeric(from) && from->kind != TYPE_DOUBLE;
    case TYPE_DOUBLE:
    case TYPE_DECIMAL:
        return type_is_numeric(from);
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        return type_is_text(from);
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        return type_is_bytes(from);
    case TYPE_DATE:
        return from->kind == TYPE_DATE || from->kind == TYPE_TIMESTAMP;
    case TYPE_TIME:
        return from->kind == TYPE_TIME || from->kind == TYPE_TIMESTAMP;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return type_is_timestamp(from);
    case TYPE_ROW:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
        return implicit_nested(from, to);
    default:
        return from->kind == to->kind;
    }
}

bool expr_type_ordered(const struct type *t) { return type_comparable(t, true); }

bool type_comparable(const struct type *t, bool ordered)
{
    switch (t->kind) {
    case TYPE_ROW:
        for (uint32_t i = 0; i < t->n_fields; i++)
            if (!type_comparable(t->fields[i].type, ordered))
                return false;
        return true;
    case TYPE_ARRAY:
        return type_comparable(t->element, ordered);
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_VARIANT:
        return !ordered;
    default:
        return true;
    }
}

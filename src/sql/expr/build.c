/* Leaves of trees: columns and literals as they are written in SQL, with the types that Flink gives them. */
#include "expr/expr_private.h"

enum status expr_no_memory(struct expr_env *env, struct error *err)
{
    return budget_error(env->arena->budget, 0, err);
}

struct expr *expr_new(struct expr_env *env, enum expr_kind kind, const struct type *t, uint32_t n_args)
{
    struct expr *e = ARENA_NEW(env->arena, struct expr);
    if (!e)
        return NULL;
    e->kind = kind;
    e->type = t;
    e->depth = 1;
    e->n_args = n_args;
    if (n_args) {
        e->args = ARENA_ARRAY(env->arena, const struct expr *, n_args);
        if (!e->args)
            return NULL;
    }
    return e;
}

enum status expr_close(struct expr *e, struct error *err)
{
    e->depth = 1;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (e->args[i]->depth >= e->depth)
            e->depth = e->args[i]->depth + 1;
    if (e->depth > EXPR_MAX_DEPTH)
        return error_at(err, ST_LIMIT, e->line, e->column_at, "the expression is nested deeper than %u levels",
                        EXPR_MAX_DEPTH);
    return ST_OK;
}

struct expr *expr_column(struct expr_env *env, uint32_t index, const struct type *t)
{
    struct expr *e = expr_new(env, EXPR_COLUMN, t, 0);
    if (e)
        e->column = index;
    return e;
}

/* A literal whose one row is still zero. */
static struct expr *literal_new(struct expr_env *env, const struct type *t)
{
    if (!t)
        return NULL;
    struct expr *e = expr_new(env, EXPR_LITERAL, t, 0);
    if (!e || !literal_alloc(env->arena, &e->value, t, 1))
        return NULL;
    return e;
}

enum status expr_null(struct expr_env *env, const struct type *t, const struct expr **ret, struct error *err)
{
    t = type_nullable(env->arena, t, true);
    struct expr *e = literal_new(env, t);
    if (!e)
        return expr_no_memory(env, err);
    for (uint32_t c = 0; c < e->value.n_children; c++) {
        bool row = t->kind == TYPE_ROW;
        const struct type *child = row ? t->fields[c].type : t->kind == TYPE_MULTISET && c == 1 ? type_basic(TYPE_INT)
                                   : t->kind == TYPE_MULTISET                                    ? t->element
                                   : t->kind == TYPE_MAP && c == 0                               ? t->key
                                                                                                 : t->element;
        const struct expr *inner;
        if (row) {
            TRY(expr_null(env, child, &inner, err));
            e->value.children[c] = inner->value;
            e->value.children[c].type = child;
        } else if (!literal_alloc(env->arena, &e->value.children[c], child, 0)) {
            return expr_no_memory(env, err);
        }
    }
    column_set_null(&e->value, 0);
    *ret = e;
    return ST_OK;
}

enum status expr_bool(struct expr_env *env, bool v, const struct expr **ret, struct error *err)
{
    struct expr *e = literal_new(env, type_nullable(env->arena, type_basic(TYPE_BOOLEAN), false));
    if (!e)
        return expr_no_memory(env, err);
    e->value.b[0] = v;
    *ret = e;
    return ST_OK;
}

enum status expr_i64(struct expr_env *env, const struct type *t, int64_t v, const struct expr **ret,
                     struct error *err)
{
    struct expr *e = literal_new(env, type_nullable(env->arena, t, false));
    if (!e)
        return expr_no_memory(env, err);
    enum phys p = type_phys(t);
    CHECK(p == PHYS_I32 || p == PHYS_I64);
    if (p == PHYS_I32)
        e->value.i32[0] = (int32_t)v;
    else
        e->value.i64[0] = v;
    *ret = e;
    return ST_OK;
}

/* Calcite's rule: all digits written count, also a leading zero: 0.908 is DECIMAL(4, 3). */
static enum status decimal_literal(struct expr_env *env, struct str text, const struct expr **ret, struct error *err)
{
    struct str digits = text;
    while (digits.len && (digits.ptr[0] == '-' || digits.ptr[0] == '+'))
        digits = str_make(digits.ptr + 1, digits.len - 1);
    int64_t point = str_find(digits, STR("."), 0);
    size_t scale = point < 0 ? 0 : digits.len - (size_t)point - 1;
    size_t precision = digits.len - (point < 0 ? 0 : 1);
    if (precision == 0 || precision > 38)
        return error_set(err, ST_SEMANTIC, "the number '%.*s' has %zu digits; a DECIMAL holds at most 38",
                         STR_ARG(text), precision);
    const struct type *t = type_decimal(env->arena, (int32_t)precision, (int32_t)scale);
    struct expr *e = t ? literal_new(env, type_nullable(env->arena, t, false)) : NULL;
    if (!e)
        return expr_no_memory(env, err);
    int128 v;
    if (!decimal_parse(text, (int32_t)precision, (int32_t)scale, &v))
        return error_set(err, ST_SEMANTIC, "'%.*s' is no number", STR_ARG(text));
    decimal_put(t, e->value.data, 0, v);
    *ret = e;
    return ST_OK;
}

enum status expr_number(struct expr_env *env, struct str text, const struct expr **ret, struct error *err)
{
    bool exact = true, integer = true;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == 'e' || text.ptr[i] == 'E')
            exact = false;
        if (text.ptr[i] == '.')
            integer = false;
    }
    if (!exact) {
        struct expr *e = literal_new(env, type_nullable(env->arena, type_basic(TYPE_DOUBLE), false));
        if (!e)
            return expr_no_memory(env, err);
        if (!str_to_f64(text, &e->value.f64[0]))
            return error_set(err, ST_SEMANTIC, "'%.*s' is no number", STR_ARG(text));
        *ret = e;
        return ST_OK;
    }
    int64_t v;
    if (integer && str_to_i64(text, &v)) {
        bool small = v >= INT32_MIN && v <= INT32_MAX;
        return expr_i64(env, type_basic(small ? TYPE_INT : TYPE_BIGINT), v, ret, err);
    }
    if (text.len > 1 && text.ptr[text.len - 1] == '.') /* "12." */
        return expr_number(env, str_make(text.ptr, text.len - 1), ret, err);
    return decimal_literal(env, text, ret, err);
}

static enum status str_literal(struct expr_env *env, enum type_kind kind, struct str v, size_t length,
                               const struct expr **ret, struct error *err)
{
    if (v.len > INT32_MAX / 2)
        return error_set(err, ST_LIMIT, "a literal of %zu bytes is too long", v.len);
    /* Flink has no CHAR(0): an empty literal is CHAR(0) inside only, which VARCHAR arguments never notice. */
    const struct type *t = type_with_length(env->arena, kind, (int32_t)length);
    struct expr *e = t ? literal_new(env, type_nullable(env->arena, t, false)) : NULL;
    if (!e || !literal_set_str(env->arena, &e->value, 0, v))
        return expr_no_memory(env, err);
    *ret = e;
    return ST_OK;
}

enum status expr_string(struct expr_env *env, struct str v, const struct expr **ret, struct error *err)
{
    return str_literal(env, TYPE_CHAR, v, utf8_length(v), ret, err);
}

enum status expr_bytes(struct expr_env *env, struct str v, const struct expr **ret, struct error *err)
{
    return str_literal(env, TYPE_BINARY, v, v.len, ret, err);
}

/* Digits after the last point: TIMESTAMP '… 10:00:00.123' is TIMESTAMP(3). */
static int32_t fraction_digits(struct str text)
{
    text = str_trim(text);
    int64_t point = str_find(text, STR("."), 0);
    if (point < 0)
        return 0;
    size_t n = text.len - (size_t)point - 1;
    return n > 9 ? 9 : (int32_t)n;
}

/* A literal's day is one, unlike a text's, which may be clamped. */
static struct str before_time(struct str text)
{
    size_t n = 0;
    for (text = str_trim(text); n < text.len && text.ptr[n] != ' ' && text.ptr[n] != 'T'; n++)
        ;
    return str_make(text.ptr, n);
}

enum status expr_datetime(struct expr_env *env, enum type_kind kind, struct str text, const struct expr **ret,
                          struct error *err)
{
    int32_t days, ms;
    int64_t v;
    switch (kind) {
    case TYPE_DATE:
        if (!date_parse(text, &days))
            return error_set(err, ST_SEMANTIC, "'%.*s' is no DATE: it is written DATE 'yyyy-MM-dd'", STR_ARG(text));
        return expr_i64(env, type_basic(TYPE_DATE), days, ret, err);
    case TYPE_TIME:
        if (!time_parse(text, &ms))
            return error_set(err, ST_SEMANTIC, "'%.*s' is no TIME: it is written TIME 'HH:mm:ss'", STR_ARG(text));
        {
            struct type *t = ARENA_NEW(env->arena, struct type);
            if (!t)
                return expr_no_memory(env, err);
            *t = *type_basic(TYPE_TIME);
            int32_t digits = fraction_digits(text);
            t->precision = digits > 3 ? 3 : digits;
            return expr_i64(env, t, ms, ret, err);
        }
    default: {
        const struct type *t = type_timestamp(env->arena, kind, fraction_digits(text));
        if (!t)
            return expr_no_memory(env, err);
        if (!date_parse(before_time(text), &days) || !timestamp_parse(text, t->precision, &v, NULL))
            return error_set(err, ST_SEMANTIC,
                "'%.*s' is no TIMESTAMP: it is written TIMESTAMP 'yyyy-MM-dd HH:mm:ss[.fff]'",
                             STR_ARG(text));
        return expr_i64(env, t, v, ret, err);
    }
    }
}

/* ---- INTERVAL 'text' from [TO to] ---- */

struct interval_part {
    enum time_unit unit;
    int64_t in_ms_or_months;
    int64_t limit; /* of the fields after the first */
    char before;   /* what separates it from the field before */
};

static const struct interval_part month_parts[] = { { UNIT_YEAR, 12, 0, 0 }, { UNIT_MONTH, 1, 12, '-' } };
static const struct interval_part day_parts[] = { { UNIT_DAY, 86400000, 0, 0 },
                                                  { UNIT_HOUR, 3600000, 24, ' ' },
                                                  { UNIT_MINUTE, 60000, 60, ':' },
                                                  { UNIT_SECOND, 1000, 60, ':' } };

static bool read_digits(struct str s, size_t *at, int64_t *ret)
{
    size_t start = *at;
    int64_t v = 0;
    while (*at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9' && *at - start < 10)
        v = v * 10 + (s.ptr[(*at)++] - '0');
    *ret = v;
    return *at > start;
}

/* Reads the fields from..to of a family; the sum in ms or months. */
static bool interval_fields(struct str s, const struct interval_part *parts, uint32_t first, uint32_t last,
                            int64_t *ret)
{
    size_t at = 0;
    int64_t sum = 0, v;
    for (uint32_t i = first; i <= last; i++) {
        if (i > first) {
            if (at >= s.len || s.ptr[at] != parts[i].before)
                return false;
            at++;
        }
        if (!read_digits(s, &at, &v) || (i > first && v >= parts[i].limit))
            return false;
        sum += v * parts[i].in_ms_or_months;
        if (parts[i].unit == UNIT_SECOND && at < s.len && s.ptr[at] == '.') {
            int64_t unit = 100;
            for (at++; at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9'; at++, unit /= 10)
                sum += (s.ptr[at] - '0') * unit;
        }
    }
    *ret = sum;
    return at == s.len;
}

enum status expr_interval(struct expr_env *env, bool negative, struct str text, enum time_unit from, enum time_unit to,
                          int32_t precision, const struct expr **ret, struct error *err)
{
    if (to == UNIT_NONE)
        to = from;
    int64_t scale = 1;
    enum time_unit shown = from;
    if (from == UNIT_WEEK && to == from)
        scale = 7, from = to = shown = UNIT_DAY;
    if (from == UNIT_QUARTER && to == from)
        scale = 3, from = to = shown = UNIT_MONTH;
    bool months = from == UNIT_YEAR || from == UNIT_MONTH;
    const struct interval_part *parts = months ? month_parts : day_parts;
    uint32_t n = months ? 2 : 4, first = n, last = n;
    for (uint32_t i = 0; i < n; i++) {
        if (parts[i].unit == from)
            first = i;
        if (parts[i].unit == to)
            last = i;
    }
    if (first == n || last == n || first > last)
        return error_set(err, ST_SEMANTIC, "an INTERVAL cannot go from %s to %s", time_unit_name(from),
                         time_unit_name(to));
    if (precision > 10 || precision == 0)
        return error_set(err, ST_SEMANTIC, "an INTERVAL's leading precision of %d is out of range", precision);
    struct str s = str_trim(text);
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        if (s.ptr[0] == '-')
            negative = !negative;
        s = str_make(s.ptr + 1, s.len - 1);
    }
    int64_t v, lead;
    size_t at = 0;
    if (!interval_fields(s, parts, first, last, &v) || !read_digits(s, &at, &lead))
        return error_set(err, ST_SEMANTIC, "'%.*s' is no INTERVAL %s%s%s", STR_ARG(text), time_unit_name(from),
                         last > first ? " TO " : "", last > first ? time_unit_name(to) : "");
    int32_t allowed = precision < 0 ? 2 : precision; /* Flink's default */
    if (precision < 0 && months)
        allowed = 4;
    if (precision >= 0 || scale == 1) {
        int64_t limit = 1;
        for (int32_t i = 0; i < allowed; i++)
            limit *= 10;
        if (lead >= limit && precision >= 0)
            return error_set(err, ST_SEMANTIC, "INTERVAL '%.*s' exceeds its precision of %d digits", STR_ARG(text),
                             allowed);
    }
    v *= scale * (negative ? -1 : 1);
    if (months && (v > INT32_MAX || v < INT32_MIN))
        return error_set(err, ST_SEMANTIC, "INTERVAL '%.*s' is out of range", STR_ARG(text));
    struct type *t = ARENA_NEW(env->arena, struct type);
    if (!t)
        return expr_no_memory(env, err);
    *t = *type_basic(months ? TYPE_INTERVAL_MONTH : TYPE_INTERVAL_DAY);
    t->interval_from = (uint8_t)shown;
    t->interval_to = (uint8_t)to;
    return expr_i64(env, t, v, ret, err);
}

/* Types as spelled to types. What a bare name means: VARCHAR and VARBINARY are unbounded, CHAR and BINARY have length
 * 1, DECIMAL is (10, 0), TIMESTAMP has 6 digits, TIME none. */
#include "plan/private.h"

enum shape { PLAIN, LENGTH, DECIMAL, FRACTION, REFUSED };

struct spelling {
    const char *name;
    enum type_kind kind;
    enum shape shape;
    int32_t max;          /* of the parameter */
    enum feature feature; /* REFUSED */
};

static const struct spelling spellings[] = {
    { "BOOLEAN", TYPE_BOOLEAN, PLAIN, 0, 0 },
    { "TINYINT", TYPE_TINYINT, PLAIN, 0, 0 },
    { "SMALLINT", TYPE_SMALLINT, PLAIN, 0, 0 },
    { "INT", TYPE_INT, PLAIN, 0, 0 },
    { "BIGINT", TYPE_BIGINT, PLAIN, 0, 0 },
    { "FLOAT", TYPE_FLOAT, PLAIN, 0, 0 },
    { "DOUBLE", TYPE_DOUBLE, PLAIN, 0, 0 },
    { "DECIMAL", TYPE_DECIMAL, DECIMAL, 38, 0 },
    { "CHAR", TYPE_CHAR, LENGTH, TYPE_UNBOUNDED, 0 },
    { "VARCHAR", TYPE_VARCHAR, LENGTH, TYPE_UNBOUNDED, 0 },
    { "STRING", TYPE_VARCHAR, PLAIN, 0, 0 },
    { "BINARY", TYPE_BINARY, LENGTH, TYPE_UNBOUNDED, 0 },
    { "VARBINARY", TYPE_VARBINARY, LENGTH, TYPE_UNBOUNDED, 0 },
    { "BYTES", TYPE_VARBINARY, PLAIN, 0, 0 },
    { "DATE", TYPE_DATE, PLAIN, 0, 0 },
    { "TIME", TYPE_TIME, FRACTION, 9, 0 },
    { "TIMESTAMP", TYPE_TIMESTAMP, FRACTION, 9, 0 },
    { "TIMESTAMP_LTZ", TYPE_TIMESTAMP_LTZ, FRACTION, 9, 0 },
    { "TIMESTAMP_TZ", TYPE_NULL, REFUSED, 0, F_TIMESTAMP_TZ },
    { "RAW", TYPE_NULL, REFUSED, 0, F_RAW_TYPE },
    { "STRUCTURED", TYPE_NULL, REFUSED, 0, F_STRUCTURED_TYPE },
    { "BITMAP", TYPE_NULL, REFUSED, 0, F_BITMAP_TYPE },
    { "VARIANT", TYPE_VARIANT, PLAIN, 0, 0 },
};
#define N_SPELLINGS (sizeof spellings / sizeof *spellings)

static enum status out_of_range(struct binder *b, const struct syn_type *t, int32_t given, int32_t low, int32_t high)
{
    return error_at(b->err, ST_SEMANTIC, t->line, t->column, "%.*s(%d): the parameter must be between %d and %d",
                    STR_ARG(t->name), given, low, high);
}

static enum status with_parameters(struct binder *b, struct arena *a, const struct spelling *s,
                                   const struct syn_type *t, const struct type **ret)
{
    const struct type *plain = type_basic(s->kind);
    *ret = plain;
    if (t->p < 0)
        return ST_OK;
    switch (s->shape) {
    case LENGTH:
        if (t->p < 1)
            return out_of_range(b, t, t->p, 1, s->max);
        *ret = type_with_length(a, s->kind, t->p);
        break;
    case DECIMAL:
        if (t->p < 1 || t->p > s->max)
            return out_of_range(b, t, t->p, 1, s->max);
        if (t->s > t->p)
            return error_at(b->err, ST_SEMANTIC, t->line, t->column, "DECIMAL(%d, %d): the scale exceeds the precision",
                            t->p, t->s);
        *ret = type_decimal(a, t->p, t->s < 0 ? 0 : t->s);
        break;
    case FRACTION:
        if (t->p > s->max)
            return out_of_range(b, t, t->p, 0, s->max);
        if (s->kind == TYPE_TIME && t->p > 3)
            return refuse(b, F_TIME_PRECISION, t->line, t->column);
        *ret = type_with_length(a, s->kind, t->p);
        break;
    default:
        return error_at(b->err, ST_SEMANTIC, t->line, t->column, "%.*s takes no parameter", STR_ARG(t->name));
    }
    TRY_MEM(b, *ret);
    return ST_OK;
}

static enum status bind_row(struct binder *b, struct arena *a, const struct syn_type *t, const struct type **ret)
{
    struct field *fields = ARENA_ARRAY(a, struct field, t->n_fields + 1);
    TRY_MEM(b, fields);
    for (uint32_t i = 0; i < t->n_fields; i++) {
        fields[i].name = arena_str(a, t->fields[i].name);
        TRY_MEM(b, fields[i].name.ptr);
        for (uint32_t k = 0; k < i; k++)
            if (str_eq(fields[k].name, fields[i].name))
                return error_at(b->err, ST_SEMANTIC, t->line, t->column, "the ROW has two fields '%.*s'",
                                STR_ARG(fields[i].name));
        TRY(bind_type_in(b, a, t->fields[i].type, &fields[i].type));
    }
    *ret = type_row(a, fields, t->n_fields);
    TRY_MEM(b, *ret);
    return ST_OK;
}

static enum status bind_interval_type(struct binder *b, struct arena *a, const struct syn_type *t,
                                      const struct type **ret)
{
    enum time_unit from = time_unit_from(t->unit_from);
    enum time_unit to = t->unit_to.len ? time_unit_from(t->unit_to) : from;
    bool months = from == UNIT_YEAR || from == UNIT_MONTH;
    struct type *x = ARENA_NEW(a, struct type);
    TRY_MEM(b, x);
    *x = *type_basic(months ? TYPE_INTERVAL_MONTH : TYPE_INTERVAL_DAY);
    x->interval_from = (uint8_t)from;
    x->interval_to = (uint8_t)to;
    *ret = x;
    return ST_OK;
}

static enum status bind_plain(struct binder *b, struct arena *a, const struct syn_type *t, const struct type **ret)
{
    for (size_t i = 0; i < N_SPELLINGS; i++) {
        const struct spelling *s = &spellings[i];
        if (!str_eq(t->name, str_from(s->name)))
            continue;
        if (s->shape == REFUSED)
            return refuse(b, s->feature, t->line, t->column);
        return with_parameters(b, a, s, t, ret);
    }
    struct str names[N_SPELLINGS];
    for (size_t i = 0; i < N_SPELLINGS; i++)
        names[i] = str_from(spellings[i].name);
    struct str near = str_nearest(t->name, names, N_SPELLINGS);
    return error_at(b->err, ST_SEMANTIC, t->line, t->column, "unknown type '%.*s'%s%.*s%s", STR_ARG(t->name),
                    near.len ? "; did you mean " : "", STR_ARG(near), near.len ? "?" : "");
}

enum status bind_type_in(struct binder *b, struct arena *a, const struct syn_type *t, const struct type **ret)
{
    const struct type *x = NULL, *key;
    if (str_eq(t->name, STR("ROW"))) {
        TRY(bind_row(b, a, t, &x));
    } else if (str_eq(t->name, STR("ARRAY"))) {
        TRY(bind_type_in(b, a, t->element, &x));
        x = type_array(a, x);
    } else if (str_eq(t->name, STR("MULTISET"))) {
        TRY(bind_type_in(b, a, t->element, &x));
        x = type_multiset(a, x);
    } else if (str_eq(t->name, STR("MAP"))) {
        TRY(bind_type_in(b, a, t->key, &key));
        TRY(bind_type_in(b, a, t->element, &x));
        x = type_map(a, key, x);
    } else if (str_eq(t->name, STR("INTERVAL"))) {
        TRY(bind_interval_type(b, a, t, &x));
    } else {
        TRY(bind_plain(b, a, t, &x));
    }
    x = type_nullable(a, x, !t->not_null);
    TRY_MEM(b, x);
    *ret = x;
    return ST_OK;
}

enum status bind_type(struct binder *b, const struct syn_type *t, const struct type **ret)
{
    return bind_type_in(b, b->arena, t, ret);
}

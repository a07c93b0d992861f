/* Casts out of a VARIANT, as Flink has them since 2.4: a value is taken for what it is and never read as something else.
 *
 *     a number   any numeric type that holds it without rounding (FLOAT and DOUBLE: that it is not too large for);
 *                a DOUBLE is no DECIMAL
 *     a string   text, without its quotes; cut and filled up like other text
 *     an array   ARRAY, element by element; an object: ROW by the names of the fields (one that is not there is NULL),
 *                MAP of text keys
 *     null       NULL
 *     anything   text as SQL writes it: TRUE, [1, NULL], {a=1, b=x}; VARIANT
 * Everything else fails: so do dates, times and bytes, which JSON has not got. One descent over the text writes straight
 * into the column; it is as deep as the text is, at most JSON_DEPTH. */
#include <math.h>

#include "expr/json_private.h"

enum put { PUT, PUT_MISFIT, PUT_REFUSED };

static enum put put_if(bool ok) { return ok ? PUT : PUT_REFUSED; }

/* ---- as text ---- */

static bool put_sql(struct buf *out, struct str raw);

static bool put_sql_list(struct buf *out, struct str raw, bool object)
{
    struct json j;
    struct str name, value;
    bool escaped;
    json_init(&j, raw);
    if (!json_enter(&j) || !buf_put_u8(out, object ? '{' : '['))
        return false;
    for (bool first = true; object ? json_member(&j, &name, &escaped) : json_element(&j); first = false) {
        if (!json_skip(&j, &value) || (!first && !buf_put(out, ", ", 2)))
            return false;
        if (object && (!json_put_text(out, str_make(name.ptr - 1, name.len + 2)) || !buf_put_u8(out, '=')))
            return false;
        if (!put_sql(out, value))
            return false;
    }
    return buf_put_u8(out, object ? '}' : ']');
}

static bool put_sql(struct buf *out, struct str raw)
{
    switch (json_kind_of(raw)) {
    case JSON_NULL:
        return buf_put(out, "NULL", 4);
    case JSON_TRUE:
        return buf_put(out, "TRUE", 4);
    case JSON_FALSE:
        return buf_put(out, "FALSE", 5);
    case JSON_STRING:
        return json_put_text(out, raw);
    case JSON_ARRAY:
        return put_sql_list(out, raw, false);
    case JSON_OBJECT:
        return put_sql_list(out, raw, true);
    default:
        return variant_print(out, raw);
    }
}

/* ---- numbers ---- */

static bool put_integer(struct column *out, uint32_t r, struct str raw)
{
    int64_t v;
    if (memchr(raw.ptr, 'E', raw.len)) {
        double d;
        if (!str_to_f64(raw, &d) || !(fabs(d) < 0x1p63) || (double)(int64_t)d != d)
            return false;
        v = (int64_t)d;
    } else if (!str_to_i64(raw, &v)) { /* a point: there is something behind it */
        return false;
    }
    return cast_fit_integer(out, r, v);
}

static bool put_decimal(struct column *out, uint32_t r, struct str raw)
{
    const struct type *t = out->type;
    int64_t point = str_find(raw, STR("."), 0);
    int128 v;
    if (memchr(raw.ptr, 'E', raw.len) || (point >= 0 && raw.len - (size_t)point - 1 > (size_t)t->scale) ||
        !decimal_parse(raw, t->precision, t->scale, &v))
        return false;
    decimal_put(t, out->data, r, v);
    return true;
}

static bool put_number(struct column *out, uint32_t r, struct str raw)
{
    double d;
    if (type_is_integer(out->type))
        return put_integer(out, r, raw);
    if (out->type->kind == TYPE_DECIMAL)
        return put_decimal(out, r, raw);
    if (!str_to_f64(raw, &d))
        return false;
    if (out->type->kind == TYPE_DOUBLE)
        out->f64[r] = d;
    else
        out->f32[r] = (float)d;
    return out->type->kind == TYPE_DOUBLE || isfinite((float)d);
}

/* ---- what has parts ---- */

static enum put put_value(struct kernel *k, struct column *out, uint32_t r, struct str raw);

static enum put put_array(struct kernel *k, struct column *out, uint32_t r, struct str raw)
{
    struct json j;
    struct str value;
    uint32_t first, at, n = 0;
    json_init(&j, raw);
    if (!json_enter(&j) || !column_start_list(out, r, 0, &first))
        return PUT_REFUSED;
    for (; json_element(&j) && json_skip(&j, &value); n++) {
        if (!column_start_list(out, r, 1, &at))
            return PUT_REFUSED;
        enum put p = put_value(k, &out->children[0], at, value);
        if (p != PUT)
            return p;
    }
    out->list[r] = (struct listview){ first, n };
    return PUT;
}

static enum put put_map(struct kernel *k, struct column *out, uint32_t r, struct str raw)
{
    struct json j;
    struct str name, value;
    bool escaped;
    uint32_t first, at, n = 0;
    json_init(&j, raw);
    if (!json_enter(&j) || !column_start_list(out, r, 0, &first))
        return PUT_REFUSED;
    for (; json_member(&j, &name, &escaped) && json_skip(&j, &value); n++) {
        if (!column_start_list(out, r, 1, &at))
            return PUT_REFUSED;
        enum put p = put_value(k, &out->children[0], at, str_make(name.ptr - 1, name.len + 2));
        if (p == PUT)
            p = put_value(k, &out->children[1], at, value);
        if (p != PUT)
            return p;
    }
    out->list[r] = (struct listview){ first, n };
    return PUT;
}

static enum put put_row(struct kernel *k, struct column *out, uint32_t r, struct str raw)
{
    const struct type *t = out->type;
    struct json j;
    struct str name, value;
    bool escaped;
    for (uint32_t i = 0; i < t->n_fields; i++)
        column_set_null(&out->children[i], r);
    json_init(&j, raw);
    if (!json_enter(&j))
        return PUT_REFUSED;
    while (json_member(&j, &name, &escaped) && json_skip(&j, &value)) {
        uint32_t i = 0;
        while (i < t->n_fields && !json_key_equals(name, escaped, t->fields[i].name))
            i++;
        enum put p = i < t->n_fields ? put_value(k, &out->children[i], r, value) : PUT;
        if (p != PUT)
            return p;
    }
    for (uint32_t i = 0; i < t->n_fields; i++)
        if (!t->fields[i].type->nullable && column_is_null(&out->children[i], r))
            return PUT_MISFIT;
    return PUT;
}

static enum put put_value(struct kernel *k, struct column *out, uint32_t r, struct str raw)
{
    enum json_kind kind = json_kind_of(raw);
    const struct type *t = out->type;
    if (out->nulls)
        out->nulls[r] = 0;
    if (t->kind == TYPE_VARIANT)
        return put_if(column_set_str(out, r, raw.ptr, raw.len));
    if (kind == JSON_NULL) {
        if (!t->nullable)
            return PUT_MISFIT;
        column_set_null(out, r);
        return PUT;
    }
    if (type_is_text(t)) {
        buf_clear(k->tmp);
        return put_if(put_sql(k->tmp, raw) && cast_fit_text(out, r, buf_str(k->tmp)));
    }
    if (type_is_numeric(t))
        return kind == JSON_NUMBER && put_number(out, r, raw) ? PUT : PUT_MISFIT;
    switch (t->kind) {
    case TYPE_BOOLEAN:
        out->b[r] = kind == JSON_TRUE;
        return kind == JSON_TRUE || kind == JSON_FALSE ? PUT : PUT_MISFIT;
    case TYPE_ARRAY:
        return kind == JSON_ARRAY ? put_array(k, out, r, raw) : PUT_MISFIT;
    case TYPE_MAP:
        return kind == JSON_OBJECT ? put_map(k, out, r, raw) : PUT_MISFIT;
    case TYPE_ROW:
        return kind == JSON_OBJECT ? put_row(k, out, r, raw) : PUT_MISFIT;
    default:
        return PUT_MISFIT;
    }
}

static enum status from_variant(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        enum put p = put_value(k, k->out, r, arg_str(k, 0, r));
        if (p == PUT_REFUSED)
            return kernel_memory(k);
        if (p == PUT_MISFIT)
            TRY(cast_failed(k, r));
    }
    return ST_OK;
}

static bool reachable(const struct type *t)
{
    switch (t->kind) {
    case TYPE_INTERVAL_MONTH:
    case TYPE_INTERVAL_DAY:
    case TYPE_MULTISET:
    case TYPE_NULL:
        return false;
    case TYPE_ARRAY:
        return reachable(t->element);
    case TYPE_MAP:
        return type_is_text(t->key) && reachable(t->element);
    case TYPE_ROW:
        for (uint32_t i = 0; i < t->n_fields; i++)
            if (!reachable(t->fields[i].type))
                return false;
        return true;
    default:
        return true;
    }
}

kernel_fn *cast_variant_pick(const struct type *to) { return reachable(to) ? from_variant : NULL; }

/* ROW, ARRAY, MAP: made, looked into, counted. */
#include "expr/expr_private.h"

/* ---- making ---- */

static enum status make_row(struct kernel *k)
{
    EACH_ROW(k, r)
    for (uint32_t i = 0; i < k->n_args; i++)
        if (!column_copy(&k->out->children[i], r, k->args[i].col, r & k->args[i].mask, k->args[i].mask != 0))
            return kernel_memory(k);
    return ST_OK;
}
static enum status resolve_row(struct call *c)
{
    if (c->n_args == 0)
        return call_invalid(c);
    struct field *fields = ARENA_ARRAY(c->env->arena, struct field, c->n_args);
    if (!fields)
        return expr_no_memory(c->env, c->err);
    for (uint32_t i = 0; i < c->n_args; i++) {
        fields[i].name = arena_printf(c->env->arena, "EXPR$%u", i);
        fields[i].type = c->args[i]->type;
        if (!fields[i].name.ptr)
            return expr_no_memory(c->env, c->err);
    }
    c->type = call_nullable_by_args(c, type_row(c->env->arena, fields, c->n_args));
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

static enum status make_array(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        uint32_t first;
        if (!column_start_list(k->out, r, k->n_args, &first))
            return kernel_memory(k);
        for (uint32_t i = 0; i < k->n_args; i++)
            if (!column_copy(&k->out->children[0], first + i, k->args[i].col, r & k->args[i].mask,
                k->args[i].mask != 0))
                return kernel_memory(k);
    }
    return ST_OK;
}
static enum status resolve_array(struct call *c)
{
    if (c->n_args == 0)
        return error_at(c->err, ST_SEMANTIC, c->line, c->column, "ARRAY[] needs at least one element");
    const struct type *t;
    bool ok;
    TRY(call_unify(c, 0, c->n_args, &t, &ok));
    if (!ok)
        return call_invalid(c);
    c->type = call_nullable_by_args(c, type_array(c->env->arena, t));
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

/* Of equal keys the last one's value stays, at the first one's place. */
static enum status make_map(struct kernel *k)
{
    uint32_t pairs = k->n_args / 2;
    EACH_ROW(k, r)
    {
        uint32_t n = 0, first;
        for (uint32_t i = 0; i < pairs; i++) {
            bool again = false;
            for (uint32_t j = 0; j < i && !again; j++)
                again = column_equal(k->args[2 * i].col, r & k->args[2 * i].mask, k->args[2 * j].col,
                                     r & k->args[2 * j].mask);
            n += !again;
        }
        if (!column_start_list(k->out, r, n, &first))
            return kernel_memory(k);
        uint32_t used = 0;
        for (uint32_t i = 0; i < pairs; i++) {
            struct column *keys = &k->out->children[0], *values = &k->out->children[1];
            uint32_t at = 0;
            while (at < used && !column_equal(k->args[2 * i].col, r & k->args[2 * i].mask, keys, first + at))
                at++;
            const struct arg *key = &k->args[2 * i], *value = &k->args[2 * i + 1];
            if (at == used && !column_copy(keys, first + used++, key->col, r & key->mask, key->mask != 0))
                return kernel_memory(k);
            if (!column_copy(values, first + at, value->col, r & value->mask, value->mask != 0))
                return kernel_memory(k);
        }
    }
    return ST_OK;
}
static enum status resolve_map(struct call *c)
{
    if (c->n_args == 0 || c->n_args % 2)
        return error_at(c->err, ST_SEMANTIC, c->line, c->column, "MAP[] needs pairs of keys and values");
    const struct type *types[2] = { c->args[0]->type, c->args[1]->type };
    for (uint32_t i = 2; i < c->n_args; i++) {
        types[i % 2] = type_common(c->env->arena, types[i % 2], c->args[i]->type, false);
        if (!types[i % 2])
            return call_invalid(c);
    }
    for (uint32_t i = 0; i < c->n_args; i++)
        TRY(call_convert(c, i, types[i % 2]));
    c->type = call_nullable_by_args(c, type_map(c->env->arena, types[0], types[1]));
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

/* ---- looking in ---- */

static enum status item_array(struct kernel *k)
{
    const struct column *a = k->args[0].col;
    EACH_ROW(k, r)
    {
        struct listview v = a->list[r & k->args[0].mask];
        int64_t i = arg_i32(k, 1, r);
        if (i < 1 || i > v.len)
            column_set_null(k->out, r);
        else if (!column_copy(k->out, r, &a->children[0], v.offset + (uint32_t)i - 1, k->args[0].mask != 0))
            return kernel_memory(k);
    }
    return ST_OK;
}
static enum status item_map(struct kernel *k)
{
    const struct column *m = k->args[0].col;
    EACH_ROW(k, r)
    {
        struct listview v = m->list[r & k->args[0].mask];
        uint32_t i = 0;
        while (i < v.len && !column_equal(&m->children[0], v.offset + i, k->args[1].col, r & k->args[1].mask))
            i++;
        if (i == v.len)
            column_set_null(k->out, r);
        else if (!column_copy(k->out, r, &m->children[1], v.offset + i, k->args[0].mask != 0))
            return kernel_memory(k);
    }
    return ST_OK;
}
static kernel_fn *item_pick(const struct expr *e)
{
    if (e->args[0]->type->kind == TYPE_VARIANT)
        return variant_item_pick(e);
    return e->args[0]->type->kind == TYPE_MAP ? item_map : item_array;
}
static enum status resolve_item(struct call *c)
{
    if (c->n_args != 2)
        return call_invalid(c);
    const struct type *t = c->args[0]->type;
    int64_t index;
    if (t->kind == TYPE_ARRAY) {
        TRY(resolve_types(c, "Ai="));
        if (literal_integer(c->args[1], &index) && index < 1)
            return error_at(c->err, ST_SEMANTIC, c->line, c->column,
                            "Array element access needs an index starting at 1 but was %lld", (long long)index);
    } else if (t->kind == TYPE_MAP) {
        if (!type_common(c->env->arena, t->key, c->args[1]->type, false))
            return call_invalid(c);
        TRY(call_convert(c, 1, t->key));
    } else if (t->kind == TYPE_VARIANT) {
        TRY(resolve_types(c, type_is_text(c->args[1]->type) ? "as=" : "al="));
    } else {
        return error_at(c->err, ST_SEMANTIC, c->line, c->column, "a value of type %.*s has no elements",
                        STR_ARG(type_name(c->env->arena, t)));
    }
    c->type = call_nullable_by_args(c, t->kind == TYPE_VARIANT ? t : t->element);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

static enum status cardinality(struct kernel *k)
{
    EACH_ROW(k, r)
    k->out->i32[r] = (int32_t)k->args[0].col->list[r & k->args[0].mask].len;
    return ST_OK;
}
static enum status resolve_cardinality(struct call *c)
{
    bool list = c->n_args == 1 && (c->args[0]->type->kind == TYPE_ARRAY || c->args[0]->type->kind == TYPE_MAP ||
                                   c->args[0]->type->kind == TYPE_MULTISET);
    return list ? resolve_types(c, "a=i") : call_invalid(c);
}

static enum status element(struct kernel *k)
{
    const struct column *a = k->args[0].col;
    EACH_ROW(k, r)
    {
        struct listview v = a->list[r & k->args[0].mask];
        if (v.len > 1)
            return kernel_fail(k, "ELEMENT wants an array of one element, not of %u", v.len);
        if (v.len == 0)
            column_set_null(k->out, r);
        else if (!column_copy(k->out, r, &a->children[0], v.offset, k->args[0].mask != 0))
            return kernel_memory(k);
    }
    return ST_OK;
}
static enum status resolve_element(struct call *c)
{
    TRY(resolve_types(c, "A="));
    c->type = call_nullable_by_args(c, c->args[0]->type->element);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

#define NESTED(NAME, SIGNATURE, HELP, EXAMPLE, FLAGS, RESOLVE, KERNEL)                          \
    { .name = NAME, .signature = SIGNATURE, .help = HELP, .example = EXAMPLE, .flags = FLAGS,   \
      .resolve = RESOLVE, .kernel = KERNEL }

const struct function functions_nested[] = {
    NESTED("ROW", "ROW(v1, v2, ...)", "A row of values.", "ROW(1, 'a')", FN_NOTNULL, resolve_row, make_row),
    NESTED("ARRAY", "ARRAY[v1, v2, ...]", "An array of values.", "ARRAY[1, 2]", FN_NOTNULL, resolve_array, make_array),
    NESTED("MAP", "MAP[k1, v1, ...]", "A map of keys to values.", "MAP['a', 1]", FN_NOTNULL, resolve_map, make_map),
    { .name = "ITEM", .signature = "array[index] | map[key] | variant[index] | variant[name]",
          .help = "One element, from 1, or one key's value; NULL when none.",
      .example = "ARRAY['x', 'y'][1]", .flags = FN_STRICT | FN_NULLABLE, .resolve = resolve_item, .pick = item_pick },
    NESTED("CARDINALITY", "CARDINALITY(array or map)", "How many elements.", "CARDINALITY(ARRAY[1, 2])", FN_STRICT,
           resolve_cardinality, cardinality),
    NESTED("ELEMENT", "ELEMENT(array)", "The only element; NULL when empty.", "ELEMENT(ARRAY[1])",
        FN_STRICT | FN_NULLABLE,
           resolve_element, element),
    { .name = NULL },
};

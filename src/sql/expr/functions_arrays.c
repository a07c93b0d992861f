/* Functions that make arrays and maps of others. A kernel collects picks — where each element of the result comes from
 * — in the scratch buffer, then the list is written at once; so nothing is copied twice and no size is guessed. */
#include "expr/expr_private.h"

struct pick {
    const struct column *from; /* NULL: a NULL */
    uint32_t row;
};

static bool pick_add(struct kernel *k, const struct column *from, uint32_t row)
{
    struct pick p = { from, row };
    return buf_put(k->tmp, &p, sizeof p);
}
static uint32_t picked(const struct kernel *k) { return (uint32_t)(k->tmp->len / sizeof(struct pick)); }
static struct pick pick_at(const struct kernel *k, uint32_t i)
{
    struct pick p;
    memcpy(&p, k->tmp->data + i * sizeof p, sizeof p);
    return p;
}
static bool pick_equal(const struct kernel *k, uint32_t i, const struct column *c, uint32_t row)
{
    struct pick p = pick_at(k, i);
    return column_equal(p.from, p.row, c, row);
}

/* Copies picks from..to) into a child column at `first`. */
static bool put_picks(struct kernel *k, struct column *child, uint32_t first, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct pick p = pick_at(k, i);
        if (!column_copy(child, first + i - from, p.from, p.row, false))
            return false;
    }
    return true;
}
static enum status put_list(struct kernel *k, uint32_t r)
{
    uint32_t first, n = picked(k);
    if (!column_start_list(k->out, r, n, &first) || !put_picks(k, &k->out->children[0], first, 0, n))
        return kernel_memory(k);
    return ST_OK;
}

static struct listview list_of(const struct kernel *k, uint32_t i, uint32_t r)
{
    return k->args[i].col->list[r & k->args[i].mask];
}
static bool contains(const struct column *list, struct listview v, const struct column *c, uint32_t row)
{
    for (uint32_t i = 0; i < v.len; i++)
        if (column_equal(&list->children[0], v.offset + i, c, row))
            return true;
    return false;
}

/* ---- one array and an element: the array NULL gives NULL, the element may be NULL ---- */

/* Gives each row whose array is not NULL. */
#define EACH_ARRAY(k, r)                                     \
    EACH_ROW(k, r)                                           \
    if (arg_null(k, 0, r))                                   \
        column_set_null((k)->out, r);                        \
    else if (buf_clear((k)->tmp), true)

static enum status array_contains(struct kernel *k)
{
    EACH_ARRAY(k, r)
    k->out->b[r] = contains(k->args[0].col, list_of(k, 0, r), k->args[1].col, r & k->args[1].mask);
    return ST_OK;
}
static enum status array_position(struct kernel *k)
{
    EACH_ARRAY(k, r)
    {
        struct listview v = list_of(k, 0, r);
        uint32_t i = 0;
        while (i < v.len && !column_equal(&k->args[0].col->children[0], v.offset + i, k->args[1].col,
            r & k->args[1].mask))
            i++;
        k->out->i32[r] = i < v.len ? (int32_t)i + 1 : 0;
        if (arg_null(k, 1, r))
            column_set_null(k->out, r);
    }
    return ST_OK;
}

static bool pick_list(struct kernel *k, uint32_t i, uint32_t r)
{
    struct listview v = list_of(k, i, r);
    for (uint32_t e = 0; e < v.len; e++)
        if (!pick_add(k, &k->args[i].col->children[0], v.offset + e))
            return false;
    return true;
}
static enum status array_append(struct kernel *k)
{
    EACH_ARRAY(k, r)
    {
        if (!pick_list(k, 0, r) || !pick_add(k, k->args[1].col, r & k->args[1].mask))
            return kernel_memory(k);
        TRY(put_list(k, r));
    }
    return ST_OK;
}
static enum status array_prepend(struct kernel *k)
{
    EACH_ARRAY(k, r)
    {
        if (!pick_add(k, k->args[1].col, r & k->args[1].mask) || !pick_list(k, 0, r))
            return kernel_memory(k);
        TRY(put_list(k, r));
    }
    return ST_OK;
}
static enum status array_remove(struct kernel *k)
{
    EACH_ARRAY(k, r)
    {
        struct listview v = list_of(k, 0, r);
        const struct column *c = &k->args[0].col->children[0];
        for (uint32_t i = 0; i < v.len; i++)
            if (!column_equal(c, v.offset + i, k->args[1].col, r & k->args[1].mask) && !pick_add(k, c, v.offset + i))
                return kernel_memory(k);
        TRY(put_list(k, r));
    }
    return ST_OK;
}

/* args: ARRAY, element. The common element type is for both. */
static enum status unify_element(struct call *c, const struct type **ret)
{
    if (c->n_args != 2 || c->args[0]->type->kind != TYPE_ARRAY)
        return call_invalid(c);
    const struct type *array = c->args[0]->type;
    const struct type *t = type_common(c->env->arena, array->element, c->args[1]->type, false);
    if (!t)
        return call_invalid(c);
    const struct type *to = type_array(c->env->arena, t);
    if (!to)
        return expr_no_memory(c->env, c->err);
    TRY(call_convert(c, 0, to));
    *ret = to;
    return call_convert(c, 1, t);
}
static enum status finish(struct call *c, const struct type *t, bool nullable)
{
    c->type = t ? type_nullable(c->env->arena, t, nullable) : NULL;
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}
static enum status resolve_contains(struct call *c)
{
    const struct type *t;
    TRY(unify_element(c, &t));
    bool position = c->function->kernel == array_position;
    return finish(c, type_basic(position ? TYPE_INT : TYPE_BOOLEAN), c->args[0]->type->nullable || position);
}
static enum status resolve_with_element(struct call *c)
{
    const struct type *t;
    TRY(unify_element(c, &t));
    return finish(c, t, c->args[0]->type->nullable);
}

/* ---- arrays into arrays ---- */

static enum status array_reverse(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct listview v = list_of(k, 0, r);
        buf_clear(k->tmp);
        for (uint32_t i = v.len; i-- > 0;)
            if (!pick_add(k, &k->args[0].col->children[0], v.offset + i))
                return kernel_memory(k);
        TRY(put_list(k, r));
    }
    return ST_OK;
}
static enum status array_concat(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        buf_clear(k->tmp);
        for (uint32_t i = 0; i < k->n_args; i++)
            if (!pick_list(k, i, r))
                return kernel_memory(k);
        TRY(put_list(k, r));
    }
    return ST_OK;
}

/* The elements of the first args that are in (or not in) the last, each once. */
enum set_kind { SET_UNION, SET_EXCEPT, SET_INTERSECT };
static enum status array_set(struct kernel *k, enum set_kind kind)
{
    uint32_t sources = kind == SET_UNION ? k->n_args : 1;
    EACH_ROW(k, r)
    {
        buf_clear(k->tmp);
        for (uint32_t s = 0; s < sources; s++) {
            struct listview v = list_of(k, s, r);
            const struct column *c = &k->args[s].col->children[0];
            for (uint32_t i = 0; i < v.len; i++) {
                bool take = kind == SET_UNION ||
                            contains(k->args[1].col, list_of(k, 1, r), c, v.offset + i) == (kind == SET_INTERSECT);
                for (uint32_t p = 0; p < picked(k) && take; p++)
                    take = !pick_equal(k, p, c, v.offset + i);
                if (take && !pick_add(k, c, v.offset + i))
                    return kernel_memory(k);
            }
        }
        TRY(put_list(k, r));
    }
    return ST_OK;
}
static enum status array_union(struct kernel *k) { return array_set(k, SET_UNION); }
static enum status array_except(struct kernel *k) { return array_set(k, SET_EXCEPT); }
static enum status array_intersect(struct kernel *k) { return array_set(k, SET_INTERSECT); }

/* All ARRAYs of one common type; `max` of them at most. */
static enum status resolve_arrays(struct call *c)
{
    uint32_t want = c->function->kernel == array_concat ? c->n_args
                    : c->function->kernel == array_reverse || strcmp(c->function->name, "ARRAY_DISTINCT") == 0 ? 1
                                                                                                             : 2;
    if (c->n_args == 0 || c->n_args != want)
        return call_invalid(c);
    for (uint32_t i = 0; i < c->n_args; i++)
        if (c->args[i]->type->kind != TYPE_ARRAY)
            return call_invalid(c);
    const struct type *t;
    bool ok;
    TRY(call_unify(c, 0, c->n_args, &t, &ok));
    if (!ok)
        return call_invalid(c);
    c->type = call_nullable_by_args(c, t);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

static enum status array_slice(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct listview v = list_of(k, 0, r);
        int64_t n = v.len, start = arg_i32(k, 1, r), end = k->n_args > 2 ? arg_i32(k, 2, r) : n;
        start = start > 0 ? start - 1 : start < 0 ? n + start : 0;
        end = end > 0 ? end - 1 : end < 0 ? n + end : 0;
        if (start < 0)
            start = 0;
        if (end >= n)
            end = n - 1;
        buf_clear(k->tmp);
        for (int64_t i = start; i <= end; i++)
            if (!pick_add(k, &k->args[0].col->children[0], v.offset + (uint32_t)i))
                return kernel_memory(k);
        TRY(put_list(k, r));
    }
    return ST_OK;
}

static enum status array_extreme(struct kernel *k, int sign)
{
    EACH_ROW(k, r)
    {
        struct listview v = list_of(k, 0, r);
        const struct column *c = &k->args[0].col->children[0];
        uint32_t best = UINT32_MAX;
        for (uint32_t i = v.offset; i < v.offset + v.len; i++)
            if (!column_is_null(c, i) && (best == UINT32_MAX || sign * column_compare(c, i, c, best) > 0))
                best = i;
        if (best == UINT32_MAX)
            column_set_null(k->out, r);
        else if (!column_copy(k->out, r, c, best, false))
            return kernel_memory(k);
    }
    return ST_OK;
}
static enum status array_max(struct kernel *k) { return array_extreme(k, 1); }
static enum status array_min(struct kernel *k) { return array_extreme(k, -1); }
static enum status resolve_extreme(struct call *c)
{
    if (c->n_args != 1 || c->args[0]->type->kind != TYPE_ARRAY)
        return call_invalid(c);
    const struct type *t = c->args[0]->type->element;
    if (type_phys(t) > PHYS_STRING || t->kind == TYPE_BOOLEAN)
        return call_invalid(c);
    return finish(c, t, true);
}

/* args: array [, ascending [, nulls first]]. Insertion into the picks keeps equal elements in order; an array is
 * small. */
static enum status array_sort(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        bool ascending = k->n_args < 2 || arg_bool(k, 1, r);
        bool nulls_first = k->n_args < 3 ? ascending : arg_bool(k, 2, r);
        struct listview v = list_of(k, 0, r);
        const struct column *c = &k->args[0].col->children[0];
        buf_clear(k->tmp);
        for (uint32_t i = 0; i < v.len; i++)
            if (!pick_add(k, c, v.offset + i))
                return kernel_memory(k);
        struct pick *p = (struct pick *)(void *)k->tmp->data;
        for (uint32_t i = 1; i < v.len; i++) {
            struct pick moved = p[i];
            bool null = column_is_null(c, moved.row);
            uint32_t at = i;
            for (; at > 0; at--) {
                bool other = column_is_null(c, p[at - 1].row);
                bool before = null || other ? (null && !other && nulls_first) || (!null && other && !nulls_first)
                                            : (ascending ? 1 : -1) * column_compare(c, moved.row, c, p[at - 1].row) < 0;
                if (!before)
                    break;
                p[at] = p[at - 1];
            }
            p[at] = moved;
        }
        TRY(put_list(k, r));
    }
    return ST_OK;
}
static enum status resolve_sort(struct call *c)
{
    TRY(resolve_types(c, "A?bb=1"));
    const struct type *t = c->args[0]->type->element;
    return type_phys(t) <= PHYS_STRING && type_comparable(t, true) ? ST_OK : call_invalid(c);
}

/* args: array of text, separator [, text for NULLs] */
static enum status array_join(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct listview v = list_of(k, 0, r);
        const struct column *c = &k->args[0].col->children[0];
        struct str separator = arg_str(k, 1, r);
        bool first = true;
        buf_clear(k->tmp);
        for (uint32_t i = v.offset; i < v.offset + v.len; i++) {
            bool null = column_is_null(c, i);
            if (null && k->n_args < 3)
                continue;
            struct str s = null ? arg_str(k, 2, r) : column_str(c, i);
            if ((!first && !buf_put(k->tmp, separator.ptr, separator.len)) || !buf_put(k->tmp, s.ptr, s.len))
                return kernel_memory(k);
            first = false;
        }
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}
static enum status resolve_join(struct call *c)
{
    TRY(resolve_types(c, "As?s=s"));
    return type_is_text(c->args[0]->type->element) ? ST_OK : call_invalid(c);
}

static enum status split(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r), by = arg_str(k, 1, r);
        uint32_t n = 0, first = 0;
        for (int round = 0; round < 2; round++) {
            if (round && !column_start_list(k->out, r, n, &first))
                return kernel_memory(k);
            uint32_t i = 0;
            for (size_t at = 0; at <= s.len; i++) {
                int64_t hit = by.len ? str_find(s, by, at) : -1;
                size_t end = hit >= 0 ? (size_t)hit : by.len ? s.len : text_skip(s, at, 1);
                if (!by.len && at == s.len && i)
                    break;
                if (round && !column_set_str(&k->out->children[0], first + i, s.ptr + at, end - at))
                    return kernel_memory(k);
                at = by.len ? (hit >= 0 ? end + by.len : s.len + 1) : end == at ? s.len + 1 : end;
            }
            n = i;
        }
    }
    return ST_OK;
}
static enum status resolve_split(struct call *c)
{
    c->type = call_nullable_by_args(c, type_array(c->env->arena, type_string()));
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

/* ---- maps ---- */

static enum status map_side(struct kernel *k, uint32_t side)
{
    EACH_ROW(k, r)
    {
        struct listview v = list_of(k, 0, r);
        buf_clear(k->tmp);
        for (uint32_t i = 0; i < v.len; i++)
            if (!pick_add(k, &k->args[0].col->children[side], v.offset + i))
                return kernel_memory(k);
        TRY(put_list(k, r));
    }
    return ST_OK;
}
static enum status map_keys(struct kernel *k) { return map_side(k, 0); }
static enum status map_values(struct kernel *k) { return map_side(k, 1); }
static enum status map_entries(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct listview v = list_of(k, 0, r);
        uint32_t first;
        if (!column_start_list(k->out, r, v.len, &first))
            return kernel_memory(k);
        for (uint32_t i = 0; i < v.len; i++)
            for (uint32_t side = 0; side < 2; side++)
                if (!column_copy(&k->out->children[0].children[side], first + i, &k->args[0].col->children[side],
                    v.offset + i,
                                 false))
                    return kernel_memory(k);
    }
    return ST_OK;
}
static enum status resolve_map_part(struct call *c)
{
    TRY(resolve_types(c, "M="));
    const struct type *m = c->args[0]->type, *t = m->key;
    struct arena *a = c->env->arena;
    if (c->function->kernel == map_values)
        t = m->element;
    if (c->function->kernel == map_entries) {
        struct field *fields = ARENA_ARRAY(a, struct field, 2);
        if (!fields)
            return expr_no_memory(c->env, c->err);
        fields[0] = (struct field){ STR("key"), m->key };
        fields[1] = (struct field){ STR("value"), m->element };
        t = type_row(a, fields, 2);
    }
    c->type = call_nullable_by_args(c, t ? type_array(a, t) : NULL);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

static enum status map_from_arrays(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct listview keys = list_of(k, 0, r), values = list_of(k, 1, r);
        uint32_t first;
        if (keys.len != values.len)
            return kernel_fail(k, "MAP_FROM_ARRAYS wants as many keys as values, not %u and %u", keys.len, values.len);
        if (!column_start_list(k->out, r, keys.len, &first))
            return kernel_memory(k);
        for (uint32_t i = 0; i < keys.len; i++)
            if (!column_copy(&k->out->children[0], first + i, &k->args[0].col->children[0], keys.offset + i, false) ||
                !column_copy(&k->out->children[1], first + i, &k->args[1].col->children[0], values.offset + i, false))
                return kernel_memory(k);
    }
    return ST_OK;
}
static enum status resolve_from_arrays(struct call *c)
{
    TRY(resolve_types(c, "AA="));
    c->type = call_nullable_by_args(c, type_map(c->env->arena, c->args[0]->type->element, c->args[1]->type->element));
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

/* Of equal keys the later map's value stays, at the earlier one's place. Picks: keys and values by turns. */
static enum status map_union(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        buf_clear(k->tmp);
        for (uint32_t m = 0; m < k->n_args; m++) {
            struct listview v = list_of(k, m, r);
            const struct column *keys = &k->args[m].col->children[0], *values = &k->args[m].col->children[1];
            for (uint32_t i = v.offset; i < v.offset + v.len; i++) {
                uint32_t p = 0;
                while (p < picked(k) && !pick_equal(k, p, keys, i))
                    p += 2;
                struct pick value = { values, i };
                if (p < picked(k))
                    memcpy(k->tmp->data + (p + 1) * sizeof value, &value, sizeof value);
                else if (!pick_add(k, keys, i) || !pick_add(k, values, i))
                    return kernel_memory(k);
            }
        }
        uint32_t n = picked(k) / 2, first;
        if (!column_start_list(k->out, r, n, &first))
            return kernel_memory(k);
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t side = 0; side < 2; side++) {
                struct pick p = pick_at(k, 2 * i + side);
                if (!column_copy(&k->out->children[side], first + i, p.from, p.row, false))
                    return kernel_memory(k);
            }
    }
    return ST_OK;
}
static enum status resolve_map_union(struct call *c)
{
    if (c->n_args == 0)
        return call_invalid(c);
    for (uint32_t i = 0; i < c->n_args; i++)
        if (c->args[i]->type->kind != TYPE_MAP)
            return call_invalid(c);
    const struct type *t;
    bool ok;
    TRY(call_unify(c, 0, c->n_args, &t, &ok));
    if (!ok)
        return call_invalid(c);
    c->type = call_nullable_by_args(c, t);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

#define ARRAYS(NAME, SIGNATURE, HELP, EXAMPLE, TYPES, FLAGS, RESOLVE, KERNEL)                                    \
    { .name = NAME, .signature = SIGNATURE, .help = HELP, .example = EXAMPLE, .types = TYPES, .flags = FLAGS,    \
      .resolve = RESOLVE, .kernel = KERNEL }

const struct function functions_arrays[] = {
    ARRAYS("ARRAY_CONTAINS", "ARRAY_CONTAINS(array, value)", "TRUE when an element equals the value, NULL too.",
           "ARRAY_CONTAINS(ARRAY[1, 2], 2)", NULL, 0, resolve_contains, array_contains),
    ARRAYS("ARRAY_POSITION", "ARRAY_POSITION(array, value)", "Where the value first stands, from 1; 0: nowhere.",
           "ARRAY_POSITION(ARRAY[1, 2], 2)", NULL, FN_NULLABLE, resolve_contains, array_position),
    ARRAYS("ARRAY_APPEND", "ARRAY_APPEND(array, value)", "With one more element at the end.",
        "ARRAY_APPEND(ARRAY[1], 2)",
           NULL, 0, resolve_with_element, array_append),
    ARRAYS("ARRAY_PREPEND", "ARRAY_PREPEND(array, value)", "With one more element at the start.",
           "ARRAY_PREPEND(ARRAY[1], 0)", NULL, 0, resolve_with_element, array_prepend),
    ARRAYS("ARRAY_REMOVE", "ARRAY_REMOVE(array, value)", "Without the elements that equal the value.",
           "ARRAY_REMOVE(ARRAY[1, 2], 1)", NULL, 0, resolve_with_element, array_remove),
    ARRAYS("ARRAY_REVERSE", "ARRAY_REVERSE(array)", "Backwards.", "ARRAY_REVERSE(ARRAY[1, 2])", NULL, FN_STRICT,
           resolve_arrays, array_reverse),
    ARRAYS("ARRAY_CONCAT", "ARRAY_CONCAT(a1, a2, ...)", "The arrays joined.", "ARRAY_CONCAT(ARRAY[1], ARRAY[2])", NULL,
           FN_STRICT, resolve_arrays, array_concat),
    ARRAYS("ARRAY_DISTINCT", "ARRAY_DISTINCT(array)", "Every element once.", "ARRAY_DISTINCT(ARRAY[1, 1])", NULL,
        FN_STRICT,
           resolve_arrays, array_union),
    ARRAYS("ARRAY_UNION", "ARRAY_UNION(a, b)", "The elements of both, each once.",
        "ARRAY_UNION(ARRAY[1], ARRAY[1, 2])", NULL,
           FN_STRICT, resolve_arrays, array_union),
    ARRAYS("ARRAY_EXCEPT", "ARRAY_EXCEPT(a, b)", "The elements of a that are not in b, each once.",
           "ARRAY_EXCEPT(ARRAY[1, 2], ARRAY[2])", NULL, FN_STRICT, resolve_arrays, array_except),
    ARRAYS("ARRAY_INTERSECT", "ARRAY_INTERSECT(a, b)", "The elements that are in both, each once.",
           "ARRAY_INTERSECT(ARRAY[1, 2], ARRAY[2])", NULL, FN_STRICT, resolve_arrays, array_intersect),
    ARRAYS("ARRAY_SLICE", "ARRAY_SLICE(array, start [, end])",
        "A part, from 1, both ends included; negative: from the end.",
           "ARRAY_SLICE(ARRAY[1, 2, 3], 2, 3)", "Ai?i=1", FN_STRICT, NULL, array_slice),
    ARRAYS("ARRAY_MAX", "ARRAY_MAX(array)", "The greatest element.", "ARRAY_MAX(ARRAY[1, 2])", NULL,
        FN_STRICT | FN_NULLABLE,
           resolve_extreme, array_max),
    ARRAYS("ARRAY_MIN", "ARRAY_MIN(array)", "The least element.", "ARRAY_MIN(ARRAY[1, 2])", NULL,
        FN_STRICT | FN_NULLABLE,
           resolve_extreme, array_min),
    ARRAYS("ARRAY_SORT", "ARRAY_SORT(array [, ascending [, nulls first]])", "Sorted.", "ARRAY_SORT(ARRAY[2, 1])", NULL,
           FN_STRICT, resolve_sort, array_sort),
    ARRAYS("ARRAY_JOIN", "ARRAY_JOIN(array, separator [, for NULL])", "The texts joined; NULLs left out or replaced.",
           "ARRAY_JOIN(ARRAY['a', 'b'], '-')", NULL, FN_STRICT, resolve_join, array_join),
    ARRAYS("SPLIT", "SPLIT(text, separator)", "The pieces; single characters for an empty separator.",
        "SPLIT('a,b', ',')",
           "ss=", FN_STRICT, resolve_split, split),
    ARRAYS("MAP_KEYS", "MAP_KEYS(map)", "The keys.", "MAP_KEYS(MAP['a', 1])", NULL, FN_STRICT, resolve_map_part,
        map_keys),
    ARRAYS("MAP_VALUES", "MAP_VALUES(map)", "The values.", "MAP_VALUES(MAP['a', 1])", NULL, FN_STRICT, resolve_map_part,
           map_values),
    ARRAYS("MAP_ENTRIES", "MAP_ENTRIES(map)", "Rows of key and value.", "MAP_ENTRIES(MAP['a', 1])", NULL, FN_STRICT,
           resolve_map_part, map_entries),
    ARRAYS("MAP_FROM_ARRAYS", "MAP_FROM_ARRAYS(keys, values)", "A map of two arrays.",
           "MAP_FROM_ARRAYS(ARRAY['a'], ARRAY[1])", NULL, FN_STRICT, resolve_from_arrays, map_from_arrays),
    ARRAYS("MAP_UNION", "MAP_UNION(m1, m2, ...)", "The maps joined; a later one's value stays.",
           "MAP_UNION(MAP['a', 1], MAP['b', 2])", NULL, FN_STRICT, resolve_map_union, map_union),
    { .name = NULL },
};

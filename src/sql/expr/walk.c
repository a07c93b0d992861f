/* Walks over trees: equality, hash, constness, mapping of columns, what a tree needs. Trees are immutable: a change
 * makes new nodes on the way up and shares the rest. */
#include "expr/expr_private.h"

bool expr_is_deterministic(const struct expr *e)
{
    if (e->kind == EXPR_CALL && (e->function->flags & FN_VOLATILE))
        return false;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (!expr_is_deterministic(e->args[i]))
            return false;
    return true;
}

static bool has_column(const struct expr *e)
{
    if (e->kind == EXPR_COLUMN)
        return true;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (has_column(e->args[i]))
            return true;
    return false;
}

bool expr_is_constant(const struct expr *e) { return !has_column(e) && expr_is_deterministic(e); }

bool expr_equal(const struct expr *a, const struct expr *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->n_args != b->n_args || a->column != b->column || a->is_try != b->is_try ||
        a->function != b->function || !type_equal(a->type, b->type, true))
        return false;
    if (a->kind == EXPR_LITERAL) {
        /* column_equal takes -0 for 0; as expressions they differ */
        if (!column_equal(&a->value, 0, &b->value, 0))
            return false;
        enum phys p = type_phys(a->type);
        if (p == PHYS_F32 || p == PHYS_F64)
            return column_is_null(&a->value, 0) || memcmp(a->value.data, b->value.data, phys_size(p)) == 0;
        return true;
    }
    for (uint32_t i = 0; i < a->n_args; i++)
        if (!expr_equal(a->args[i], b->args[i]))
            return false;
    return true;
}

uint64_t expr_hash(const struct expr *e)
{
    uint64_t h = hash_u64((uint64_t)e->kind * 1000003u + (uint64_t)e->type->kind * 8191u + e->column);
    if (e->kind == EXPR_CALL)
        h ^= hash_bytes(e->function->name, strlen(e->function->name));
    if (e->kind == EXPR_LITERAL && !column_is_null(&e->value, 0)) {
        enum phys p = type_phys(e->type);
        if (p == PHYS_STRING) {
            struct str s = column_str(&e->value, 0);
            h ^= hash_bytes(s.ptr, s.len);
        } else if (p == PHYS_I32 || p == PHYS_I64) {
            h ^= hash_bytes(e->value.data, phys_size(p));
        }
    }
    for (uint32_t i = 0; i < e->n_args; i++)
        h = hash_u64(h * 31 + expr_hash(e->args[i]));
    return h;
}

struct change {
    struct arena *arena;
    const uint32_t *map;
    const struct expr *const *with;
};

static const struct expr *change(const struct change *c, const struct expr *e)
{
    if (e->kind == EXPR_COLUMN && c->with)
        return c->with[e->column];
    bool same = e->kind != EXPR_COLUMN || c->map[e->column] == e->column;
    const struct expr **args = NULL;
    uint32_t depth = 1;
    if (e->n_args) {
        args = ARENA_ARRAY(c->arena, const struct expr *, e->n_args);
        if (!args)
            return NULL;
        for (uint32_t i = 0; i < e->n_args; i++) {
            args[i] = change(c, e->args[i]);
            if (!args[i])
                return NULL;
            same = same && args[i] == e->args[i];
            if (args[i]->depth >= depth)
                depth = args[i]->depth + 1;
        }
    }
    if (same)
        return e;
    struct expr *copy = ARENA_NEW(c->arena, struct expr);
    if (!copy || depth > EXPR_MAX_DEPTH)
        return NULL;
    *copy = *e;
    copy->args = args;
    copy->depth = depth;
    if (e->kind == EXPR_COLUMN)
        copy->column = c->map[e->column];
    return copy;
}

const struct expr *expr_remap(struct arena *a, const struct expr *e, const uint32_t *map)
{
    return change(&(struct change){ a, map, NULL }, e);
}

const struct expr *expr_substitute(struct arena *a, const struct expr *e, const struct expr *const *with)
{
    return change(&(struct change){ a, NULL, with }, e);
}

/* The mark of a chain of fields down to a column; NULL *ret: the chain starts elsewhere. */
static bool field_mark(struct arena *a, const struct expr *e, struct need_mark *needs, struct need_mark **ret)
{
    if (e->kind == EXPR_COLUMN) {
        *ret = &needs[e->column];
        return true;
    }
    *ret = NULL;
    if (e->kind != EXPR_FIELD)
        return true;
    struct need_mark *row;
    if (!field_mark(a, e->args[0], needs, &row))
        return false;
    if (!row)
        return true;
    row->used = true;
    if (!row->fields) {
        row->fields = ARENA_ARRAY(a, struct need_mark, e->args[0]->type->n_fields + 1);
        if (!row->fields)
            return false;
    }
    *ret = &row->fields[e->column];
    return true;
}

bool expr_needs(struct arena *a, const struct expr *e, const struct schema *input, struct need_mark *needs)
{
    if (e->kind == EXPR_COLUMN || e->kind == EXPR_FIELD) {
        struct need_mark *mark;
        if (!field_mark(a, e, needs, &mark))
            return false;
        if (mark) {
            mark->used = true;
            mark->whole = true;
            return true;
        }
    }
    for (uint32_t i = 0; i < e->n_args; i++)
        if (!expr_needs(a, e->args[i], input, needs))
            return false;
    return true;
}

bool expr_is_text_equality(const struct expr *e, uint32_t *ret_column, struct str *ret_text)
{
    if (e->kind != EXPR_CALL || e->n_args != 2 || strcmp(e->function->name, "=") != 0)
        return false;
    const struct expr *column = e->args[0]->kind == EXPR_COLUMN ? e->args[0] : e->args[1];
    const struct expr *literal = column == e->args[0] ? e->args[1] : e->args[0];
    if (column->kind != EXPR_COLUMN || literal->kind != EXPR_LITERAL || !type_is_text(column->type) ||
        !type_is_text(literal->type) || column_is_null(&literal->value, 0))
        return false;
    *ret_column = column->column;
    *ret_text = column_str(&literal->value, 0);
    return true;
}

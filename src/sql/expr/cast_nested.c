/* Casts of ROW, ARRAY, MAP and MULTISET, element by element: a program of casts over the fields or elements runs inside
 * the kernel. Fields stand at the row's own index, so a ROW's program runs over its children as they are; the elements
 * of lists are gathered in pieces of some hundred into a column of their own. */
#include "expr/expr_private.h"

#define PIECE 512u

struct nested {
    struct arena arena;
    struct program *program;
    struct schema schema;   /* fields, or key and value */
    struct column *gathered; /* lists: PIECE elements each */
    struct column *out;      /* the program's results */
    uint32_t n;
    uint16_t *sel;
};

static const struct type *child_type(const struct type *t, uint32_t i)
{
    switch (t->kind) {
    case TYPE_ROW:
        return t->fields[i].type;
    case TYPE_ARRAY:
        return t->element;
    case TYPE_MULTISET:
        return i == 0 ? t->element : type_basic(TYPE_INT);
    default:
        return i == 0 ? t->key : t->element;
    }
}

static void nested_free(struct nested *s, struct budget *b)
{
    program_free(s->program);
    for (uint32_t i = 0; s->gathered && i < s->n; i++)
        column_release(&s->gathered[i]);
    arena_release(&s->arena);
    mem_free(b, s, sizeof *s);
}

void cast_free_state(void *state, struct budget *b) { nested_free(state, b); }

static enum status nested_build(struct kernel *k, struct nested *s)
{
    const struct type *from = k->expr->args[0]->type, *to = k->expr->type;
    bool row = from->kind == TYPE_ROW;
    struct expr_env env = { .arena = &s->arena, .zone = *(const struct zone *)k->expr->data };
    s->n = row ? from->n_fields : from->kind == TYPE_ARRAY ? 1 : 2;
    struct field *fields = ARENA_ARRAY(&s->arena, struct field, s->n + 1);
    const struct expr **casts = ARENA_ARRAY(&s->arena, const struct expr *, s->n + 1);
    s->out = ARENA_ARRAY(&s->arena, struct column, s->n + 1);
    s->sel = ARENA_ARRAY(&s->arena, uint16_t, k->capacity + 1);
    if (!fields || !casts || !s->out || !s->sel)
        return kernel_memory(k);
    s->schema = (struct schema){ fields, s->n };
    for (uint32_t i = 0; i < s->n; i++) {
        const struct type *t = type_nullable(&s->arena, child_type(from, i), true);
        const struct expr *column = t ? expr_column(&env, i, t) : NULL;
        if (!column)
            return kernel_memory(k);
        fields[i] = (struct field){ STR("f"), t };
        TRY(expr_cast(&env, column, child_type(to, i), k->expr->is_try, k->expr->line, k->expr->column_at, &casts[i],
                      k->err));
    }
    if (!row) {
        s->gathered = ARENA_ARRAY(&s->arena, struct column, s->n);
        if (!s->gathered)
            return kernel_memory(k);
        for (uint32_t i = 0; i < s->n; i++)
            if (!column_init(&s->gathered[i], fields[i].type, PIECE, k->budget)) {
                s->n = i;
                return kernel_memory(k);
            }
    }
    return expr_compile(casts, s->n, row ? k->capacity : PIECE, k->budget, &s->program, k->err);
}

static enum status nested_state(struct kernel *k, struct nested **ret)
{
    if (!*k->state) {
        struct nested *s = mem_calloc(k->budget, sizeof *s);
        if (!s)
            return kernel_memory(k);
        arena_init(&s->arena, k->budget);
        enum status st = nested_build(k, s);
        if (st != ST_OK) {
            nested_free(s, k->budget);
            return st;
        }
        *k->state = s;
    }
    *ret = *k->state;
    return ST_OK;
}

static enum status row_to_row(struct kernel *k)
{
    struct nested *s;
    TRY(nested_state(k, &s));
    const struct column *in = k->args[0].col;
    bool constant = arg_is_constant(k, 0);
    struct batch b = { .schema = &s->schema, .capacity = k->capacity, .cols = in->children };
    EACH_ROW(k, r)
    {
        s->sel[b.n_sel++] = (uint16_t)(constant ? 0 : r);
        if (r >= b.count)
            b.count = r + 1;
    }
    if (constant)
        b.count = b.n_sel = 1;
    b.sel = s->sel;
    TRY(program_run(s->program, &b, k->eval, s->out, k->err));
    EACH_ROW(k, r)
    for (uint32_t i = 0; i < s->n; i++)
        if (!column_copy(&k->out->children[i], r, &s->out[i], constant ? 0 : r, true))
            return kernel_memory(k);
    return ST_OK;
}

static enum status list_to_list(struct kernel *k)
{
    struct nested *s;
    TRY(nested_state(k, &s));
    const struct column *in = k->args[0].col;
    EACH_ROW(k, r)
    {
        struct listview v = in->list[r & k->args[0].mask];
        uint32_t first;
        if (!column_start_list(k->out, r, v.len, &first))
            return kernel_memory(k);
        for (uint32_t done = 0; done < v.len;) {
            uint32_t n = v.len - done < PIECE ? v.len - done : PIECE;
            for (uint32_t i = 0; i < s->n; i++) {
                column_clear(&s->gathered[i]);
                for (uint32_t e = 0; e < n; e++)
                    if (!column_copy(&s->gathered[i], e, &in->children[i], v.offset + done + e, false))
                        return kernel_memory(k);
            }
            struct batch b = { .schema = &s->schema, .count = n, .capacity = PIECE, .cols = s->gathered };
            TRY(program_run(s->program, &b, k->eval, s->out, k->err));
            for (uint32_t i = 0; i < s->n; i++)
                for (uint32_t e = 0; e < n; e++)
                    if (!column_copy(&k->out->children[i], first + done + e, &s->out[i], e, true))
                        return kernel_memory(k);
            done += n;
        }
    }
    return ST_OK;
}

static bool castable(const struct type *from, const struct type *to)
{
    return cast_is_view(from, to) || cast_pick(from, to) != NULL;
}

kernel_fn *cast_nested_pick(const struct type *from, const struct type *to)
{
    if (from->kind != to->kind)
        return NULL;
    switch (from->kind) {
    case TYPE_ROW:
        if (from->n_fields != to->n_fields)
            return NULL;
        for (uint32_t i = 0; i < from->n_fields; i++)
            if (!castable(from->fields[i].type, to->fields[i].type))
                return NULL;
        return row_to_row;
    case TYPE_ARRAY:
    case TYPE_MULTISET:
        return castable(from->element, to->element) ? list_to_list : NULL;
    case TYPE_MAP:
        return castable(from->key, to->key) && castable(from->element, to->element) ? list_to_list : NULL;
    default:
        return NULL;
    }
}

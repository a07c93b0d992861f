/* Trees to programs.
 *
 * A program is a flat list of steps; each reads slots and fills one. A slot is an input column, a constant of one row,
 * a column of scratch, or a view (the same data under another type). Equal sub-trees share a slot: `seen` lists what is
 * computed already, innermost scope last. A lazy construct (CASE, COALESCE, AND and OR over what may fail) has blocks
 * inside its step, which run over a part of the rows; what a block computes is forgotten at its end, since it holds for
 * those rows only, while it may use everything that the blocks around it have computed for all of theirs. The first
 * condition of a lazy construct runs over all rows and so belongs to the scope around it.
 *
 * Constant sub-trees are evaluated here; one that fails becomes a step and fails at its time, if its rows are reached.
 * */
#include "expr/expr_private.h"

struct seen {
    const struct expr *e;
    uint64_t hash;
    struct slot *slot;
};

struct compiler {
    struct program *p;
    ARRAY(struct seen) seen;
    bool folding; /* compiling in order to fold: do not fold again */
    struct error *err;
};

static enum status compile(struct compiler *c, struct block *b, const struct expr *e, struct slot **ret);

static enum status refused(struct compiler *c) { return budget_error(c->p->budget, 0, c->err); }

static struct slot *slot_new(struct compiler *c, enum slot_kind kind, const struct type *t)
{
    struct slot **at = array_add(&c->p->slots, &c->p->arena);
    struct slot *s = at ? ARENA_NEW(&c->p->arena, struct slot) : NULL;
    if (!s)
        return NULL;
    s->kind = kind;
    s->mask = UINT32_MAX;
    s->col.type = t;
    if (kind == SLOT_OWN && !column_init(&s->col, t, c->p->capacity, c->p->budget)) {
        s->kind = SLOT_VIEW; /* nothing to release */
        *at = s;
        return NULL;
    }
    *at = s;
    return s;
}

static enum status remember(struct compiler *c, const struct expr *e, struct slot *s)
{
    if (!expr_is_deterministic(e))
        return ST_OK;
    struct seen *seen = array_add(&c->seen, &c->p->arena);
    if (!seen)
        return refused(c);
    *seen = (struct seen){ e, expr_hash(e), s };
    return ST_OK;
}

static struct slot *recall(const struct compiler *c, const struct expr *e)
{
    if (e->n_args && !expr_is_deterministic(e))
        return NULL;
    uint64_t hash = expr_hash(e);
    for (uint32_t i = c->seen.count; i-- > 0;)
        if (c->seen.at[i].hash == hash && expr_equal(c->seen.at[i].e, e))
            return c->seen.at[i].slot;
    return NULL;
}

static enum status constant_slot(struct compiler *c, const struct expr *e, const struct column *value,
                                 struct slot **ret)
{
    struct slot *s = slot_new(c, SLOT_CONSTANT, e->type);
    if (!s)
        return refused(c);
    s->col = *value;
    s->col.type = e->type;
    if (!s->col.nulls || !s->col.nulls[0])
        s->col.nulls = NULL;
    s->mask = 0;
    *ret = s;
    return remember(c, e, s);
}

/* A step with room for `n` arguments and `blocks` blocks at the end of `b`. The pointer is valid until the next one. */
static struct step *step_new(struct compiler *c, struct block *b, const struct step *made)
{
    struct step *s = array_add(&b->steps, &c->p->arena);
    if (s)
        *s = *made;
    return s;
}

/* Can the tree be computed for rows that do not count, at little cost? */
static bool is_eager(const struct expr *e)
{
    switch (e->kind) {
    case EXPR_COLUMN:
    case EXPR_LITERAL:
        return true;
    case EXPR_FIELD:
    case EXPR_AND:
    case EXPR_OR:
        break;
    case EXPR_CALL:
        if ((e->function->flags & (FN_TOTAL | FN_CHEAP | FN_VOLATILE)) != (FN_TOTAL | FN_CHEAP))
            return false;
        break;
    case EXPR_CAST:
        if (!cast_is_view(e->args[0]->type, e->type) && !cast_is_total(e->args[0]->type, e->type))
            return false;
        break;
    default:
        return false;
    }
    for (uint32_t i = 0; i < e->n_args; i++)
        if (!is_eager(e->args[i]))
            return false;
    return true;
}

/* Does it call something that is dear? */
static bool is_dear(const struct expr *e)
{
    if (e->kind == EXPR_CALL && (e->function->flags & FN_DEAR))
        return true;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (is_dear(e->args[i]))
            return true;
    return false;
}

/* The arguments of a lazy construct in the order to run them: of AND and OR the dear ones last, so that they see the
 * rows only that nothing else has decided. */
static const struct expr **ordered(struct arena *a, const struct expr *e)
{
    const struct expr **to = ARENA_ARRAY(a, const struct expr *, e->n_args);
    bool logic = e->kind == EXPR_AND || e->kind == EXPR_OR;
    uint32_t n = 0;
    for (int dear = 0; to && dear < 2; dear++)
        for (uint32_t i = 0; i < e->n_args; i++)
            if ((logic && is_dear(e->args[i])) == dear)
                to[n++] = e->args[i];
    return to;
}

/* What lies under a NULL is no valid string or list: over those no function is total. */
uint16_t expr_step_flags(const struct expr *e)
{
    uint16_t flags = e->function->flags;
    for (uint32_t i = 0; i < e->n_args; i++) {
        enum phys p = type_phys(e->args[i]->type);
        if (p >= PHYS_STRING)
            flags &= (uint16_t)~FN_TOTAL;
    }
    return flags;
}

static enum status compile_call(struct compiler *c, struct block *b, const struct expr *e, struct slot **ret)
{
    struct arena *a = &c->p->arena;
    struct step s = { .kind = STEP_CALL, .expr = e, .n_args = e->n_args };
    if (e->kind == EXPR_CAST) {
        s.kernel = cast_pick(e->args[0]->type, e->type);
        s.flags = FN_STRICT | (cast_is_total(e->args[0]->type, e->type) ? FN_TOTAL : 0);
        s.free_state = cast_free_state;
    } else {
        s.kernel = e->function->pick ? e->function->pick(e) : e->function->kernel;
        s.flags = expr_step_flags(e);
        s.free_state = e->function->free_state;
    }
    CHECK(s.kernel != NULL);
    s.from = ARENA_ARRAY(a, struct slot *, e->n_args + 1);
    s.args = ARENA_ARRAY(a, struct arg, e->n_args + 1);
    if (!s.from || !s.args)
        return refused(c);
    for (uint32_t i = 0; i < e->n_args; i++)
        TRY(compile(c, b, e->args[i], &s.from[i]));
    s.out = slot_new(c, SLOT_OWN, e->type);
    if (!s.out || !step_new(c, b, &s))
        return refused(c);
    *ret = s.out;
    return ST_OK;
}

static enum status compile_view(struct compiler *c, struct block *b, const struct expr *e, struct slot **ret)
{
    struct step s = { .kind = e->kind == EXPR_FIELD ? STEP_FIELD : STEP_VIEW, .expr = e, .n_args = 1 };
    s.from = ARENA_ARRAY(&c->p->arena, struct slot *, 1);
    if (!s.from)
        return refused(c);
    TRY(compile(c, b, e->args[0], &s.from[0]));
    s.out = slot_new(c, SLOT_VIEW, e->type);
    if (!s.out)
        return refused(c);
    if (s.kind == STEP_FIELD) {
        s.state = ARENA_ARRAY(&c->p->arena, uint8_t, c->p->capacity); /* merged nulls */
        if (!s.state)
            return refused(c);
    }
    if (!step_new(c, b, &s))
        return refused(c);
    *ret = s.out;
    return ST_OK;
}

static enum status compile_block(struct compiler *c, struct block *b, struct block *outer, bool shared,
                                 const struct expr *e)
{
    if (shared) /* runs over all rows of the block around: its steps belong there */
        return compile(c, outer, e, &b->result);
    uint32_t scope = c->seen.count;
    TRY(compile(c, b, e, &b->result));
    c->seen.count = scope;
    return ST_OK;
}

static enum status compile_lazy(struct compiler *c, struct block *b, const struct expr *e, struct slot **ret)
{
    struct arena *a = &c->p->arena;
    struct step s = { .expr = e, .n_blocks = e->n_args };
    s.kind = e->kind == EXPR_AND ? STEP_AND : e->kind == EXPR_OR ? STEP_OR : e->kind == EXPR_CASE ? STEP_CASE
                                                                                                  : STEP_COALESCE;
    s.blocks = ARENA_ARRAY(a, struct block, e->n_args);
    s.rows = ARENA_ARRAY(a, uint16_t, c->p->capacity + 1);
    s.taken = ARENA_ARRAY(a, uint16_t, c->p->capacity + 1);
    const struct expr **args = ordered(a, e);
    if (!s.blocks || !s.rows || !s.taken || !args)
        return refused(c);
    bool logic = e->kind == EXPR_AND || e->kind == EXPR_OR;
    bool all_so_far = true; /* no rows have dropped out yet */
    for (uint32_t i = 0; i < e->n_args; i++) {
        bool eager = logic && is_eager(args[i]);
        s.blocks[i].eager = eager;
        TRY(compile_block(c, &s.blocks[i], b, i == 0 || (eager && all_so_far), args[i]));
        all_so_far = all_so_far && eager;
    }
    s.out = slot_new(c, SLOT_OWN, e->type);
    if (!s.out || !step_new(c, b, &s))
        return refused(c);
    *ret = s.out;
    return ST_OK;
}

static enum status compile(struct compiler *c, struct block *b, const struct expr *e, struct slot **ret)
{
    struct slot *s = recall(c, e);
    if (s) {
        *ret = s;
        return ST_OK;
    }
    if (e->kind == EXPR_LITERAL)
        return constant_slot(c, e, &e->value, ret);
    if (e->kind == EXPR_COLUMN) {
        s = slot_new(c, SLOT_INPUT, e->type);
        if (!s)
            return refused(c);
        s->input = e->column;
        *ret = s;
        return remember(c, e, s);
    }
    if (!c->folding && expr_is_constant(e)) {
        struct column value;
        enum status st = expr_evaluate(&c->p->arena, e, &value, NULL);
        if (st == ST_OK)
            return constant_slot(c, e, &value, ret);
        if (st == ST_MEMORY)
            return refused(c);
    }
    switch (e->kind) {
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_CASE:
        TRY(compile_lazy(c, b, e, ret));
        break;
    case EXPR_FIELD:
        TRY(compile_view(c, b, e, ret));
        break;
    case EXPR_CAST:
        if (cast_is_view(e->args[0]->type, e->type))
            TRY(compile_view(c, b, e, ret));
        else
            TRY(compile_call(c, b, e, ret));
        break;
    default:
        if (e->function->flags & FN_COALESCE)
            TRY(compile_lazy(c, b, e, ret));
        else
            TRY(compile_call(c, b, e, ret));
        break;
    }
    return remember(c, e, *ret);
}

/* A constant as a whole column: row 0, then the same value in every row. Views into a buffer may be copied as they
 * are. */
static bool broadcast(struct column *c, uint32_t rows)
{
    if (c->nulls)
        memset(c->nulls, c->nulls[0], rows);
    size_t size = phys_size(type_phys(c->type));
    for (uint32_t i = 1; size && i < rows; i++)
        memcpy((uint8_t *)c->data + i * size, c->data, size);
    if (type_phys(c->type) == PHYS_ROW)
        for (uint32_t i = 0; i < c->n_children; i++)
            if (!broadcast(&c->children[i], rows))
                return false;
    return true;
}

static enum status compile_root(struct compiler *c, const struct expr *e, struct slot **ret)
{
    struct slot *s;
    TRY(compile(c, &c->p->main, e, &s));
    if (s->mask == 0 && !c->folding) {
        struct slot *whole = slot_new(c, SLOT_OWN, e->type);
        if (!whole || !column_copy(&whole->col, 0, &s->col, 0, false) || !broadcast(&whole->col, c->p->capacity))
            return refused(c);
        s = whole;
    }
    *ret = s;
    return ST_OK;
}

static enum status compile_all(const struct expr *const *exprs, uint32_t n, uint32_t capacity, bool folding,
                               struct budget *b, struct program **ret, struct error *err)
{
    CHECK(capacity > 0 && capacity <= 65535);
    struct program *p = mem_calloc(b, sizeof *p);
    if (!p)
        return budget_error(b, sizeof *p, err);
    arena_init(&p->arena, b);
    buf_init(&p->tmp, b, 256u << 20);
    p->budget = b;
    p->capacity = capacity;
    struct compiler c = { .p = p, .folding = folding, .err = err };
    p->roots = ARENA_ARRAY(&p->arena, struct slot *, n + 1);
    p->spare = ARENA_ARRAY(&p->arena, uint16_t, capacity + 1);
    enum status st = p->roots && p->spare ? ST_OK : refused(&c);
    for (uint32_t i = 0; st == ST_OK && i < n; i++)
        st = compile_root(&c, exprs[i], &p->roots[i]);
    p->n_roots = n;
    if (st != ST_OK) {
        program_free(p);
        return st;
    }
    *ret = p;
    return ST_OK;
}

enum status expr_compile(const struct expr *const *exprs, uint32_t n, uint32_t capacity, struct budget *b,
                         struct program **ret, struct error *err)
{
    return compile_all(exprs, n, capacity, false, b, ret, err);
}

static void free_block(struct program *p, struct block *b)
{
    for (uint32_t i = 0; i < b->steps.count; i++) {
        struct step *s = &b->steps.at[i];
        if (s->free_state && s->state)
            s->free_state(s->state, p->budget);
        for (uint32_t j = 0; j < s->n_blocks; j++)
            free_block(p, &s->blocks[j]);
    }
}

void program_free(struct program *p)
{
    if (!p)
        return;
    free_block(p, &p->main);
    for (uint32_t i = 0; i < p->slots.count; i++)
        if (p->slots.at[i] && p->slots.at[i]->kind == SLOT_OWN)
            column_release(&p->slots.at[i]->col);
    buf_release(&p->tmp);
    struct budget *b = p->budget;
    arena_release(&p->arena);
    mem_free(b, p, sizeof *p);
}

enum status expr_evaluate(struct arena *a, const struct expr *e, struct column *ret, struct error *err)
{
    struct program *p;
    TRY(compile_all(&e, 1, 1, true, a->budget, &p, err));
    static const struct schema none;
    struct batch one = { .schema = &none, .count = 1, .capacity = 1 };
    struct eval ev = { 0, INT64_MIN };
    struct column out;
    enum status st = program_run(p, &one, &ev, &out, err);
    if (st == ST_OK) {
        struct column value;
        out.type = e->type;
        if (literal_copy(a, &value, &out, 0))
            *ret = value;
        else
            st = budget_error(a->budget, 0, err);
    }
    program_free(p);
    return st;
}

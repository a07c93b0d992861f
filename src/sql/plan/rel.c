/* Relations: constructors that give each operator its schema, window tags and boundedness, and small measures of
 * expressions.
 *
 * Window tags: a column that is the start, end or time of a window keeps its tag through plain projections, filters and
 * unions of equal windows. So GROUP BY finds the window whatever its columns are called by then. */
#include "plan/private.h"

enum status bind_memory(struct binder *b)
{
    if (b->n_rels >= PLAN_MAX_RELS)
        return error_set(b->err, ST_LIMIT, "the query unfolds to more than %u operators", PLAN_MAX_RELS);
    return budget_error(b->arena->budget ? b->arena->budget : budget_process(), 0, b->err);
}

enum status bind_at(struct binder *b, enum status st, uint32_t line, uint32_t column)
{
    if (st != ST_OK && b->err && b->err->line == 0 && b->err->place[0] == 0) {
        b->err->line = line;
        b->err->column = column;
    }
    return st;
}

struct rel *rel_new(struct binder *b, enum rel_kind kind, uint32_t n_inputs, uint32_t n_columns)
{
    if (b->n_rels >= PLAN_MAX_RELS)
        return NULL;
    b->n_rels++;
    struct rel *r = ARENA_NEW(b->arena, struct rel);
    if (!r)
        return NULL;
    r->kind = kind;
    r->node = NONE;
    r->n_inputs = n_inputs;
    r->inputs = ARENA_ARRAY(b->arena, struct rel *, n_inputs + 1);
    r->schema.fields = ARENA_ARRAY(b->arena, struct field, n_columns + 1);
    r->schema.n_fields = n_columns;
    return r->inputs && r->schema.fields ? r : NULL;
}

const struct type *rel_type(struct binder *b, const struct expr *e)
{
    if (e->type->time == TIME_NONE || e->kind == EXPR_COLUMN)
        return e->type;
    if (e->kind == EXPR_CALL && e->n_args == 0 && e->type->time == TIME_PROCESSING)
        return e->type;
    return type_with_time(b->arena, e->type, TIME_NONE);
}

/* The tags that expressions over `in` carry. */
static bool calc_tags(struct binder *b, struct rel *r, const struct rel *in)
{
    if (!in->tags)
        return true;
    bool any = false;
    for (uint32_t i = 0; i < r->schema.n_fields; i++)
        any |= r->calc.exprs[i]->kind == EXPR_COLUMN && in->tags[r->calc.exprs[i]->column] != TAG_NONE;
    if (!any)
        return true;
    r->tags = ARENA_ARRAY(b->arena, uint8_t, r->schema.n_fields);
    if (!r->tags)
        return false;
    for (uint32_t i = 0; i < r->schema.n_fields; i++)
        if (r->calc.exprs[i]->kind == EXPR_COLUMN)
            r->tags[i] = in->tags[r->calc.exprs[i]->column];
    r->window = in->window;
    return true;
}

enum status rel_calc(struct binder *b, struct rel *in, const struct expr *condition, const struct expr **exprs,
                     const struct field *fields, uint32_t n, struct rel **ret)
{
    struct rel *r = rel_new(b, REL_CALC, 1, n);
    TRY_MEM(b, r);
    r->inputs[0] = in;
    r->bounded = in->bounded;
    r->calc.condition = condition;
    r->calc.exprs = exprs;
    if (n)
        memcpy((struct field *)(uintptr_t)r->schema.fields, fields, n * sizeof *fields);
    TRY_MEM(b, calc_tags(b, r, in));
    *ret = r;
    return ST_OK;
}

enum status rel_columns(struct binder *b, const struct schema *s, const struct expr ***ret)
{
    const struct expr **exprs = ARENA_ARRAY(b->arena, const struct expr *, s->n_fields + 1);
    TRY_MEM(b, exprs);
    for (uint32_t i = 0; i < s->n_fields; i++) {
        exprs[i] = expr_column(&b->exprs, i, s->fields[i].type);
        TRY_MEM(b, exprs[i]);
    }
    *ret = exprs;
    return ST_OK;
}

enum status rel_filter(struct binder *b, struct rel *in, const struct expr *condition, struct rel **ret)
{
    const struct expr **exprs;
    TRY(rel_columns(b, &in->schema, &exprs));
    return rel_calc(b, in, condition, exprs, in->schema.fields, in->schema.n_fields, ret);
}

enum status rel_project(struct binder *b, struct rel *in, const uint32_t *columns, uint32_t n, struct rel **ret)
{
    const struct expr **exprs = ARENA_ARRAY(b->arena, const struct expr *, n + 1);
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n + 1);
    TRY_MEM(b, exprs && fields);
    for (uint32_t i = 0; i < n; i++) {
        fields[i] = in->schema.fields[columns[i]];
        exprs[i] = expr_column(&b->exprs, columns[i], fields[i].type);
        TRY_MEM(b, exprs[i]);
    }
    return rel_calc(b, in, NULL, exprs, fields, n, ret);
}

enum status rel_with_column(struct binder *b, struct rel *in, const struct expr *x, struct rel **ret,
                            uint32_t *ret_column)
{
    uint32_t n = in->schema.n_fields;
    *ret = in;
    *ret_column = x->column;
    if (x->kind == EXPR_COLUMN)
        return ST_OK;
    const struct expr **columns, **exprs = ARENA_ARRAY(b->arena, const struct expr *, n + 1);
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n + 1);
    TRY_MEM(b, exprs && fields);
    TRY(rel_columns(b, &in->schema, &columns));
    if (n) {
        memcpy(exprs, columns, n * sizeof *exprs);
        memcpy(fields, in->schema.fields, n * sizeof *fields);
    }
    exprs[n] = x;
    fields[n] = (struct field){ STR("$x"), rel_type(b, x) };
    TRY_MEM(b, fields[n].type);
    *ret_column = n;
    return rel_calc(b, in, NULL, exprs, fields, n + 1, ret);
}

enum status rel_expand(struct binder *b, struct rel *in, uint32_t n_keys, uint32_t n_sets, struct rel **ret)
{
    uint32_t n = in->schema.n_fields;
    struct rel *r = rel_new(b, REL_EXPAND, 1, n + n_keys + 1);
    TRY_MEM(b, r);
    r->inputs[0] = in;
    r->bounded = in->bounded;
    r->expand.pass = ARENA_ARRAY(b->arena, uint32_t, n + 1);
    r->expand.keys = ARENA_ARRAY(b->arena, uint32_t, n_keys + 1);
    r->expand.sets = ARENA_ARRAY(b->arena, uint64_t, n_sets);
    TRY_MEM(b, r->expand.pass && r->expand.keys && r->expand.sets);
    r->expand.n_sets = n_sets;
    *ret = r;
    return ST_OK;
}

/* After pass and keys. The window's columns keep their tags where they pass. */
enum status rel_expand_schema(struct binder *b, struct rel *r)
{
    const struct rel *in = r->inputs[0];
    struct field *fields = (struct field *)(uintptr_t)r->schema.fields;
    uint32_t n = r->expand.n_pass, n_keys = r->expand.n_keys;
    for (uint32_t i = 0; i < n; i++)
        fields[i] = in->schema.fields[r->expand.pass[i]];
    for (uint32_t i = 0; i < n_keys; i++) {
        fields[n + i] = in->schema.fields[r->expand.keys[i]];
        fields[n + i].type = type_nullable(b->arena, fields[n + i].type, true);
        TRY_MEM(b, fields[n + i].type);
    }
    fields[n + n_keys] = (struct field){ STR("$set"), type_nullable(b->arena, type_basic(TYPE_INT), false) };
    TRY_MEM(b, fields[n + n_keys].type);
    r->schema.n_fields = n + n_keys + 1;
    return ST_OK;
}

enum status rel_one_row(struct binder *b, struct rel **ret)
{
    struct rel *r = rel_new(b, REL_VALUES, 0, 0);
    TRY_MEM(b, r);
    r->bounded = true;
    r->values.n_rows = 1;
    *ret = r;
    return ST_OK;
}

static bool same_window(const struct window_origin *p, const struct window_origin *q)
{
    if (!p || !q || p->settled != q->settled)
        return false;
    const struct window_spec *x = &p->spec, *y = &q->spec;
    return x->kind == y->kind && x->size_ms == y->size_ms && x->slide_ms == y->slide_ms &&
           x->offset_ms == y->offset_ms && x->is_ltz == y->is_ltz && x->processing_time == y->processing_time;
}

/* Tags that all inputs agree about. */
static bool union_tags(struct binder *b, struct rel *r)
{
    for (uint32_t i = 0; i < r->n_inputs; i++)
        if (!r->inputs[i]->tags || !same_window(r->inputs[0]->window, r->inputs[i]->window))
            return true;
    r->tags = ARENA_ARRAY(b->arena, uint8_t, r->schema.n_fields + 1);
    if (!r->tags)
        return false;
    for (uint32_t c = 0; c < r->schema.n_fields; c++) {
        r->tags[c] = r->inputs[0]->tags[c];
        for (uint32_t i = 1; i < r->n_inputs; i++)
            if (r->inputs[i]->tags[c] != r->tags[c])
                r->tags[c] = TAG_NONE;
    }
    r->window = r->inputs[0]->window;
    return true;
}

enum status rel_union(struct binder *b, struct rel **inputs, uint32_t n, struct rel **ret)
{
    uint32_t columns = inputs[0]->schema.n_fields;
    struct rel *r = rel_new(b, REL_UNION, n, columns);
    TRY_MEM(b, r);
    struct field *fields = (struct field *)(uintptr_t)r->schema.fields;
    r->bounded = true;
    for (uint32_t i = 0; i < n; i++) {
        r->inputs[i] = inputs[i];
        r->bounded = r->bounded && inputs[i]->bounded;
    }
    for (uint32_t c = 0; c < columns; c++) {
        fields[c] = inputs[0]->schema.fields[c];
        bool nullable = false;
        enum time_attribute time = fields[c].type->time;
        for (uint32_t i = 0; i < n; i++) {
            const struct type *t = inputs[i]->schema.fields[c].type;
            nullable |= t->nullable;
            time = t->time == time ? time : TIME_NONE;
        }
        fields[c].type = type_with_time(b->arena, type_nullable(b->arena, fields[c].type, nullable), time);
        TRY_MEM(b, fields[c].type);
    }
    TRY_MEM(b, union_tags(b, r));
    *ret = r;
    return ST_OK;
}

/* Of equal types. A column may be NULL when one side's may; times are plain values. */
enum status rel_set(struct binder *b, struct rel *const inputs[2], bool except, bool all, struct rel **ret)
{
    uint32_t n = inputs[0]->schema.n_fields;
    struct rel *r = rel_new(b, REL_SET, 2, n);
    TRY_MEM(b, r);
    struct field *fields = (struct field *)(uintptr_t)r->schema.fields;
    for (uint32_t i = 0; i < n; i++) {
        const struct type *t = inputs[0]->schema.fields[i].type;
        bool nullable = t->nullable || inputs[1]->schema.fields[i].type->nullable;
        fields[i].name = inputs[0]->schema.fields[i].name;
        fields[i].type = type_with_time(b->arena, type_nullable(b->arena, t, nullable), TIME_NONE);
        TRY_MEM(b, fields[i].type);
    }
    for (uint32_t i = 0; i < 2; i++)
        r->inputs[i] = inputs[i];
    r->bounded = inputs[0]->bounded && inputs[1]->bounded;
    r->set.except = except;
    r->set.all = all;
    *ret = r;
    return ST_OK;
}

enum status rel_distinct(struct binder *b, struct rel *in, struct rel **ret)
{
    uint32_t n = in->schema.n_fields;
    struct rel *r = rel_new(b, REL_AGGREGATE, 1, n);
    uint32_t *keys = ARENA_ARRAY(b->arena, uint32_t, n + 1);
    TRY_MEM(b, r && keys);
    struct field *fields = (struct field *)(uintptr_t)r->schema.fields;
    for (uint32_t i = 0; i < n; i++) {
        keys[i] = i;
        fields[i] = in->schema.fields[i];
        fields[i].type = type_with_time(b->arena, fields[i].type, TIME_NONE);
        TRY_MEM(b, fields[i].type);
    }
    r->inputs[0] = in;
    r->bounded = in->bounded;
    r->agg.keys = keys;
    r->agg.n_keys = n;
    *ret = r;
    return ST_OK;
}

enum status agg_refs(struct binder *b, struct rel *r, bool with_window, uint32_t ***ret, uint32_t *ret_n)
{
    uint32_t n = r->agg.n_keys + 3 + (r->agg.late ? r->agg.n_late : 0), at = 0;
    for (uint32_t k = 0; k < r->agg.n_calls; k++)
        n += r->agg.calls[k].n_args + 1;
    uint32_t **refs = ARENA_ARRAY(b->arena, uint32_t *, n);
    TRY_MEM(b, refs);
    for (uint32_t i = 0; i < r->agg.n_keys; i++)
        refs[at++] = &r->agg.keys[i];
    for (uint32_t k = 0; k < r->agg.n_calls; k++) {
        struct agg_call *c = &r->agg.calls[k];
        for (uint32_t i = 0; i < c->n_args; i++)
            refs[at++] = &c->args[i];
        if (c->filter != NONE)
            refs[at++] = &c->filter;
    }
    for (uint32_t i = 0; r->agg.late && i < r->agg.n_late; i++)
        refs[at++] = &r->agg.late[i];
    if (with_window && r->kind == REL_WINDOW_AGGREGATE) {
        bool attached = r->agg.spec.kind == WINDOW_ATTACHED;
        if (attached)
            refs[at++] = &r->agg.spec.start_column;
        if (attached)
            refs[at++] = &r->agg.spec.end_column;
        else if (!r->agg.spec.processing_time)
            refs[at++] = &r->agg.spec.time_column;
    }
    *ret = refs;
    *ret_n = at;
    return ST_OK;
}

uint32_t expr_size(const struct expr *e, const uint32_t *weights, uint32_t limit)
{
    if (e->kind == EXPR_COLUMN)
        return weights ? weights[e->column] : 1;
    uint32_t n = 1;
    for (uint32_t i = 0; i < e->n_args && n < limit; i++)
        n += expr_size(e->args[i], weights, limit - n);
    return n < limit ? n : limit;
}

void expr_count_columns(const struct expr *e, uint32_t *counts)
{
    if (e->kind == EXPR_COLUMN)
        counts[e->column]++;
    for (uint32_t i = 0; i < e->n_args; i++)
        expr_count_columns(e->args[i], counts);
}

bool expr_uses_from(const struct expr *e, uint32_t first)
{
    if (e->kind == EXPR_COLUMN)
        return e->column >= first;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (expr_uses_from(e->args[i], first))
            return true;
    return false;
}

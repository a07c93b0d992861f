/* Merging: a projection over a projection becomes one, the inner expressions put into the outer ones. Not when that
 * would evaluate something volatile twice, or blow a chain of small projections up into a huge tree (a + a over a + a
 * over …). */
#include "plan/private.h"

/* Sizes saturate here, far above what is ever merged. */
#define SIZE_LIMIT (1u << 30)

/* May the outer projection see through the inner one? */
static enum status mergeable(struct binder *b, const struct rel *outer, const struct rel *inner, bool *ret)
{
    uint32_t n = inner->schema.n_fields;
    uint32_t *counts = ARENA_ARRAY(b->arena, uint32_t, n + 1);
    uint32_t *weights = ARENA_ARRAY(b->arena, uint32_t, n + 1);
    TRY_MEM(b, counts && weights);
    uint64_t before = 0, after = 0;
    for (uint32_t i = 0; i < n; i++) {
        weights[i] = expr_size(inner->calc.exprs[i], NULL, SIZE_LIMIT);
        before += weights[i];
    }
    for (uint32_t i = 0; i <= outer->schema.n_fields; i++) {
        const struct expr *e = i < outer->schema.n_fields ? outer->calc.exprs[i] : outer->calc.condition;
        if (!e)
            continue;
        expr_count_columns(e, counts);
        before += expr_size(e, NULL, SIZE_LIMIT);
        after += expr_size(e, weights, SIZE_LIMIT);
    }
    *ret = after < PLAN_MAX_MERGED || after <= before;
    for (uint32_t i = 0; i < n && *ret; i++)
        if (counts[i] > 1 && !expr_is_deterministic(inner->calc.exprs[i]))
            *ret = false;
    return ST_OK;
}

/* *ret NULL: it cannot be done (too deep a tree). */
static enum status merge_two(struct binder *b, struct rel *outer, struct rel *inner, struct rel **ret)
{
    uint32_t n = outer->schema.n_fields;
    const struct expr **exprs = ARENA_ARRAY(b->arena, const struct expr *, n + 1);
    TRY_MEM(b, exprs);
    *ret = NULL;
    for (uint32_t i = 0; i < n; i++) {
        exprs[i] = expr_substitute(b->arena, outer->calc.exprs[i], inner->calc.exprs);
        if (!exprs[i])
            return ST_OK;
    }
    const struct expr *condition = inner->calc.condition;
    if (outer->calc.condition) {
        const struct expr *both[2] = { condition, expr_substitute(b->arena, outer->calc.condition, inner->calc.exprs) };
        if (!both[1])
            return ST_OK;
        if (condition)
            TRY(expr_call(&b->exprs, STR("AND"), both, 2, both[1]->line, both[1]->column_at, &condition, b->err));
        else
            condition = both[1];
    }
    return rel_calc(b, inner->inputs[0], condition, exprs, outer->schema.fields, n, ret);
}

enum status rule_merge(struct binder *b, struct rel **rel)
{
    struct rel *r = *rel;
    for (uint32_t i = 0; i < r->n_inputs; i++)
        TRY(rule_merge(b, &r->inputs[i]));
    if (r->kind != REL_CALC || r->inputs[0]->kind != REL_CALC)
        return ST_OK;
    bool can;
    struct rel *merged = NULL;
    TRY(mergeable(b, r, r->inputs[0], &can));
    if (can)
        TRY(merge_two(b, r, r->inputs[0], &merged));
    if (merged)
        *rel = merged;
    return ST_OK;
}

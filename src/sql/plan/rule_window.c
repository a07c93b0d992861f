/* Windows and time.
 *
 * window: an aggregate over attached windows whose input is a projection of a window table function takes the window
 * over: the projection then stands on the function's input, and rows are put into panes instead of being multiplied.
 * Not when the projection looks at the window's columns (a filter on window_start): then the function stays and windows
 * are attached.
 *
 * watermark: finds the scans whose watermarks somebody uses. Where nobody does, a computed event time is an ordinary
 * computed column and moves into the projections above. */
#include "plan/private.h"

/* An aggregate over a projection of a window table function, with an expansion between where there are grouping sets. */
struct match {
    struct rel *agg, *expand; /* expand NULL: none */
    const struct rel *calc, *tvf;
};

static bool match_window(struct rel *r, struct match *ret)
{
    if (r->kind != REL_WINDOW_AGGREGATE)
        return false;
    ret->agg = r;
    ret->expand = r->inputs[0]->kind == REL_EXPAND ? r->inputs[0] : NULL;
    ret->calc = ret->expand ? ret->expand->inputs[0] : r->inputs[0];
    if (ret->calc->kind != REL_CALC || ret->calc->inputs[0]->kind != REL_WINDOW)
        return false;
    ret->tvf = ret->calc->inputs[0];
    return true;
}

/* The columns of the projection that the aggregate reads, besides the window's start and end. */
static enum status agg_columns(struct binder *b, const struct match *m, bool **ret)
{
    const struct rel *x = m->expand;
    bool *used = ARENA_ARRAY(b->arena, bool, m->calc->schema.n_fields + 1);
    TRY_MEM(b, used);
    uint32_t **refs, n_refs;
    TRY(agg_refs(b, m->agg, false, &refs, &n_refs));
    for (uint32_t i = 0; i < n_refs; i++)
        if (!x)
            used[*refs[i]] = true;
        else if (*refs[i] < x->expand.n_pass)
            used[x->expand.pass[*refs[i]]] = true;
    for (uint32_t i = 0; x && i < x->expand.n_keys; i++)
        used[x->expand.keys[i]] = true;
    *ret = used;
    return ST_OK;
}

static bool takes_over(const struct rel *calc, const struct rel *tvf, const bool *used)
{
    uint32_t n = tvf->inputs[0]->schema.n_fields;
    if (calc->calc.condition && expr_uses_from(calc->calc.condition, n))
        return false;
    for (uint32_t i = 0; i < calc->schema.n_fields; i++)
        if (used[i] && expr_uses_from(calc->calc.exprs[i], n))
            return false;
    return true;
}

/* The expansion over the new projection, all of whose columns pass; the aggregate's columns become those of it. */
static enum status expand_over(struct binder *b, const struct match *m, struct rel *calc, const uint32_t *map)
{
    const struct rel *old = m->expand;
    uint32_t n = calc->schema.n_fields, **refs, n_refs;
    struct rel *x;
    TRY(rel_expand(b, calc, old->expand.n_keys, old->expand.n_sets, &x));
    memcpy(x->expand.sets, old->expand.sets, old->expand.n_sets * sizeof *x->expand.sets);
    x->expand.n_pass = n;
    x->expand.n_keys = old->expand.n_keys;
    for (uint32_t i = 0; i < n; i++)
        x->expand.pass[i] = i;
    for (uint32_t i = 0; i < old->expand.n_keys; i++)
        x->expand.keys[i] = map[old->expand.keys[i]];
    TRY(agg_refs(b, m->agg, false, &refs, &n_refs));
    for (uint32_t i = 0; i < n_refs; i++)
        *refs[i] = *refs[i] < old->expand.n_pass ? map[old->expand.pass[*refs[i]]] : *refs[i] - old->expand.n_pass + n;
    m->agg->inputs[0] = x;
    return rel_expand_schema(b, x);
}

static enum status take_over(struct binder *b, const struct match *m, const bool *used)
{
    const struct rel *calc = m->calc, *tvf = m->tvf;
    struct rel *r = m->agg, *made;
    uint32_t n = calc->schema.n_fields, kept = 0, time = NONE;
    const struct window_spec *spec = &tvf->tvf.origin.spec;
    const struct expr **exprs = ARENA_ARRAY(b->arena, const struct expr *, n + 1);
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n + 1);
    uint32_t *map = ARENA_ARRAY(b->arena, uint32_t, n + 1);
    TRY_MEM(b, exprs && fields && map);
    for (uint32_t i = 0; i < n; i++) {
        if (!used[i])
            continue;
        map[i] = kept;
        fields[kept] = calc->schema.fields[i];
        exprs[kept] = calc->calc.exprs[i];
        if (exprs[kept]->kind == EXPR_COLUMN && exprs[kept]->column == spec->time_column)
            time = kept;
        kept++;
    }
    if (!spec->processing_time && time == NONE) {
        time = kept++;
        fields[time] = tvf->inputs[0]->schema.fields[spec->time_column];
        exprs[time] = expr_column(&b->exprs, spec->time_column, fields[time].type);
        TRY_MEM(b, exprs[time]);
    }
    TRY(rel_calc(b, tvf->inputs[0], calc->calc.condition, exprs, fields, kept, &made));
    if (m->expand) {
        TRY(expand_over(b, m, made, map));
    } else {
        uint32_t **refs, n_refs;
        TRY(agg_refs(b, r, false, &refs, &n_refs));
        for (uint32_t i = 0; i < n_refs; i++)
            *refs[i] = map[*refs[i]];
        r->inputs[0] = made;
    }
    r->agg.spec = *spec;
    r->agg.spec.time_column = time;
    r->agg.settled = tvf->tvf.origin.settled;
    return ST_OK;
}

enum status rule_window(struct binder *b, struct rel **rel)
{
    struct match m;
    bool *used;
    for (uint32_t i = 0; i < (*rel)->n_inputs; i++)
        TRY(rule_window(b, &(*rel)->inputs[i]));
    if (!match_window(*rel, &m))
        return ST_OK;
    TRY(agg_columns(b, &m, &used));
    return takes_over(m.calc, m.tvf, used) ? take_over(b, &m, used) : ST_OK;
}

/* ---- watermarks ---- */

static void mark_watermarks(struct rel *r, bool wanted)
{
    if (r->kind == REL_WINDOW_AGGREGATE && !r->agg.spec.processing_time)
        wanted = true;
    if (r->kind == REL_SORT && r->sort.time == TIME_EVENT)
        wanted = true;
    if (r->kind == REL_SCAN && wanted && r->scan.rowtime != NONE)
        r->scan.watermark_used = true;
    for (uint32_t i = 0; i < r->n_inputs; i++)
        mark_watermarks(r->inputs[i], wanted);
}

/* The computed event time of an unused watermark, put into the projections over the scan. */
static enum status move_computed(struct binder *b, struct rel *r)
{
    for (uint32_t i = 0; i < r->n_inputs; i++)
        TRY(move_computed(b, r->inputs[i]));
    if (r->kind != REL_CALC || r->inputs[0]->kind != REL_SCAN)
        return ST_OK;
    const struct rel *scan = r->inputs[0];
    if (scan->scan.watermark_used || !scan->scan.computed)
        return ST_OK;
    const struct expr **with, **exprs = ARENA_ARRAY(b->arena, const struct expr *, r->schema.n_fields + 1);
    TRY_MEM(b, exprs);
    TRY(rel_columns(b, &scan->schema, &with));
    with[scan->scan.rowtime] = scan->scan.computed;
    for (uint32_t i = 0; i < r->schema.n_fields; i++) {
        exprs[i] = expr_substitute(b->arena, r->calc.exprs[i], with);
        TRY_MEM(b, exprs[i]);
    }
    r->calc.exprs = exprs;
    if (r->calc.condition) {
        r->calc.condition = expr_substitute(b->arena, r->calc.condition, with);
        TRY_MEM(b, r->calc.condition);
    }
    return ST_OK;
}

bool table_wants_watermarks(const struct table_desc *t)
{
    return t->connector->wants_watermarks && t->connector->wants_watermarks(t);
}

enum status rules_apply(struct binder *b, struct rel **rels, const struct output *outputs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        TRY(rule_merge(b, &rels[i]));
    for (uint32_t i = 0; i < n; i++)
        mark_watermarks(rels[i], b->reads_watermark || table_wants_watermarks(outputs[i].table));
    for (uint32_t i = 0; i < n; i++) {
        TRY(move_computed(b, rels[i]));
        TRY(rule_fold(b, &rels[i]));
        TRY(rule_trim(b, &rels[i]));
        TRY(rule_window(b, &rels[i]));
        TRY(rule_merge(b, &rels[i]));
        TRY(rule_trim(b, &rels[i]));
        TRY(rule_needs(b, rels[i]));
    }
    return ST_OK;
}

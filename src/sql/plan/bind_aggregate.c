/* GROUP BY and aggregates. The list has been bound over the input, aggregate call k standing as column n_input + k.
 * Here a projection computes keys, arguments and filters; the aggregate puts out keys, calls and window columns; and
 * the list is rewritten: what equals a key becomes the key's column, whatever else touches the input is an error.
 *
 * When both the start and the end of one window are among the keys it is a window aggregate. It is planned as one over
 * attached windows (start and end come as columns); rule_window joins it with the table function where it can. */
#include "plan/private.h"

/* ---- the aggregate ---- */

struct build {
    struct binder *b;
    struct rel *in;
    const struct syn_query *q;
    ARRAY(const struct expr *) pre; /* the projection below the aggregate */
    const struct group_by *groups;
    uint32_t *group_out; /* output column of each group */
    uint32_t n_keys, first_call, set_out;
    const struct agg_scope *aggs;
    bool windowed;
};

static enum status pre_add(struct build *u, const struct expr *e, uint32_t *ret)
{
    for (uint32_t i = 0; i < u->pre.count; i++)
        if (expr_equal(u->pre.at[i], e)) {
            *ret = i;
            return ST_OK;
        }
    const struct expr **x = array_add(&u->pre, u->b->arena);
    TRY_MEM(u->b, x);
    *ret = u->pre.count - 1;
    *x = e;
    return ST_OK;
}

/* The window's columns make a window only where every set has them. */
static uint8_t group_tag(const struct build *u, uint32_t i)
{
    const struct expr *g = u->groups->exprs[i];
    return g->kind == EXPR_COLUMN && group_in_all(u->groups, i) ? rel_tag(u->in, g->column) : TAG_NONE;
}

static bool has_window(const struct build *u)
{
    bool found[TAG_TIME + 1] = { false };
    for (uint32_t i = 0; i < u->groups->n; i++)
        found[group_tag(u, i)] = true;
    return found[TAG_START] && found[TAG_END];
}

static enum status set_field(struct build *u, struct rel *r, uint32_t at, struct str name, const struct type *t)
{
    ((struct field *)(uintptr_t)r->schema.fields)[at] = (struct field){ name, t };
    TRY_MEM(u->b, t && name.ptr);
    return ST_OK;
}

static enum status build_keys(struct build *u, struct rel *r)
{
    for (uint32_t i = 0; i < u->groups->n; i++) {
        if (u->windowed && group_tag(u, i) != TAG_NONE)
            continue;
        const struct expr *g = u->groups->exprs[i];
        uint32_t out = r->agg.n_keys++;
        TRY(pre_add(u, g, &r->agg.keys[out]));
        u->group_out[i] = out;
        struct str name = g->kind == EXPR_COLUMN ? u->in->schema.fields[g->column].name
                                                 : arena_printf(u->b->arena, "$k%u", out);
        TRY(set_field(u, r, out, name, type_with_time(u->b->arena, g->type, TIME_NONE)));
    }
    if (u->groups->n_sets) { /* rows of different sets do not meet, though their keys be equal */
        r->agg.expanded = true;
        u->set_out = r->agg.n_keys++;
        TRY(set_field(u, r, u->set_out, STR("$set"), type_nullable(u->b->arena, type_basic(TYPE_INT), false)));
    }
    u->n_keys = u->first_call = r->agg.n_keys;
    return ST_OK;
}

static enum status build_calls(struct build *u, struct rel *r)
{
    for (uint32_t k = 0; k < u->aggs->items.count; k++) {
        const struct agg_item *item = &u->aggs->items.at[k];
        struct agg_call *c = &r->agg.calls[k];
        *c = (struct agg_call){ .name = item->name, .n_args = item->n_args, .filter = NONE, .distinct = item->distinct,
                                .form = item->form, .type = item->type, .line = item->line, .column = item->column };
        c->args = ARENA_ARRAY(u->b->arena, uint32_t, item->n_args + 1);
        TRY_MEM(u->b, c->args);
        for (uint32_t i = 0; i < item->n_args; i++)
            TRY(pre_add(u, item->args[i], &c->args[i]));
        if (item->filter)
            TRY(pre_add(u, item->filter, &c->filter));
        TRY(set_field(u, r, u->first_call + k, arena_printf(u->b->arena, "$a%u", k), item->type));
    }
    r->agg.n_calls = u->aggs->items.count;
    return ST_OK;
}

/* The rows that come too late go to the table that the session names; it takes its columns from the input by name. */
static enum status build_late(struct build *u, struct rel *r)
{
    const struct table_desc *t = u->b->late_table;
    if (!t || r->agg.settled)
        return ST_OK;
    r->agg.n_late = t->physical.n_fields;
    r->agg.late = ARENA_ARRAY(u->b->arena, uint32_t, t->physical.n_fields + 1);
    TRY_MEM(u->b, r->agg.late);
    for (uint32_t i = 0; i < t->physical.n_fields; i++) {
        struct str name = t->physical.fields[i].name;
        int32_t at = schema_find(&u->in->schema, name);
        if (at < 0)
            return error_at(u->b->err, ST_SEMANTIC, r->agg.line, r->agg.column,
                            "late.table '%.*s' has a column '%.*s' that the window's input has not", STR_ARG(t->name),
                            STR_ARG(name));
        struct expr *c = expr_column(&u->b->exprs, (uint32_t)at, u->in->schema.fields[at].type);
        const struct expr *x = c;
        TRY_MEM(u->b, c);
        if (!type_equal(c->type, t->physical.fields[i].type, false)) {
            enum status st = expr_coerce(&u->b->exprs, c, t->physical.fields[i].type, &x, u->b->err);
            if (st != ST_OK)
                error_prefix(u->b->err, "late.table '%.*s', column '%.*s': ", STR_ARG(t->name), STR_ARG(name));
            TRY(bind_at(u->b, st, r->agg.line, r->agg.column));
        }
        TRY(pre_add(u, x, &r->agg.late[i]));
    }
    return ST_OK;
}

static enum status build_window(struct build *u, struct rel *r)
{
    static const enum window_output outs[] = { [TAG_START] = WINDOW_OUT_START, [TAG_END] = WINDOW_OUT_END,
                                               [TAG_TIME] = WINDOW_OUT_TIME };
    struct binder *b = u->b;
    uint32_t n = r->schema.n_fields, at = u->first_call + r->agg.n_calls;
    r->agg.outputs = ARENA_ARRAY(b->arena, enum window_output, u->groups->n);
    r->tags = ARENA_ARRAY(b->arena, uint8_t, n);
    struct window_origin *origin = ARENA_NEW(b->arena, struct window_origin);
    TRY_MEM(b, r->agg.outputs && r->tags && origin);
    r->agg.spec = u->in->window->spec;
    r->agg.spec.kind = WINDOW_ATTACHED;
    r->agg.settled = u->in->window->settled;
    for (uint32_t i = 0; i < u->groups->n; i++) {
        uint8_t tag = group_tag(u, i);
        if (tag == TAG_NONE)
            continue;
        const struct field *f = &u->in->schema.fields[u->groups->exprs[i]->column];
        if (tag == TAG_START)
            TRY(pre_add(u, u->groups->exprs[i], &r->agg.spec.start_column));
        if (tag == TAG_END)
            TRY(pre_add(u, u->groups->exprs[i], &r->agg.spec.end_column));
        u->group_out[i] = at;
        r->tags[at] = tag;
        r->agg.outputs[r->agg.n_outputs++] = outs[tag];
        TRY(set_field(u, r, at++, f->name, f->type));
    }
    *origin = (struct window_origin){ .spec = u->in->window->spec, .settled = true };
    r->window = origin;
    return build_late(u, r);
}

/* ---- rewriting ---- */

static enum status not_grouped(struct build *u, const struct expr *e)
{
    struct str name = u->in->schema.fields[e->column].name;
    error_at(u->b->err, ST_SEMANTIC, e->line, e->column_at, "column '%.*s' is not being grouped", STR_ARG(name));
    const char *hint = "name it in GROUP BY, or put it into an aggregate";
    for (uint32_t i = 0; i < u->q->n_group; i++)
        if (u->q->group[i].kind == SYN_GROUP_EXPR && u->q->group[i].expr->kind == SYN_NUMBER)
            hint = "GROUP BY takes no column numbers: a number there is a constant";
    error_hint(u->b->err, "%s", hint);
    return ST_SEMANTIC;
}

static enum status rewrite(struct build *u, const struct rel *r, const struct expr *e, const struct expr **ret)
{
    uint32_t out = NONE;
    for (uint32_t i = 0; i < u->groups->n && out == NONE; i++)
        if (expr_equal(u->groups->exprs[i], e))
            out = u->group_out[i];
    if (e->kind == EXPR_COLUMN && e->column == GROUP_SET_COLUMN)
        out = u->set_out;
    if (out == NONE && e->kind == EXPR_COLUMN) {
        if (e->column < u->aggs->n_input)
            return not_grouped(u, e);
        out = u->first_call + (e->column - u->aggs->n_input);
    }
    if (out != NONE) {
        *ret = expr_column(&u->b->exprs, out, r->schema.fields[out].type);
        TRY_MEM(u->b, *ret);
        return ST_OK;
    }
    *ret = e;
    if (e->n_args == 0)
        return ST_OK;
    struct expr *copy = ARENA_NEW(u->b->arena, struct expr);
    const struct expr **args = ARENA_ARRAY(u->b->arena, const struct expr *, e->n_args);
    TRY_MEM(u->b, copy && args);
    for (uint32_t i = 0; i < e->n_args; i++)
        TRY(rewrite(u, r, e->args[i], &args[i]));
    *copy = *e;
    copy->args = args;
    *ret = copy;
    return ST_OK;
}

static enum status pre_projection(struct build *u, struct rel **ret)
{
    struct field *fields = ARENA_ARRAY(u->b->arena, struct field, u->pre.count + 1);
    TRY_MEM(u->b, fields);
    for (uint32_t i = 0; i < u->pre.count; i++) {
        const struct expr *e = u->pre.at[i];
        fields[i].name =
            e->kind == EXPR_COLUMN ? u->in->schema.fields[e->column].name : arena_printf(u->b->arena, "$f%u", i);
        fields[i].type = rel_type(u->b, e);
        TRY_MEM(u->b, fields[i].name.ptr && fields[i].type);
    }
    return rel_calc(u->b, u->in, NULL, u->pre.at, fields, u->pre.count, ret);
}

/* Each row once for each set, keys that are not in all of them as columns of their own behind the projection's. */
static enum status build_expand(struct build *u, struct rel *r)
{
    const struct group_by *g = u->groups;
    struct binder *b = u->b;
    struct rel *x, *in = r->inputs[0];
    uint32_t n = in->schema.n_fields;
    TRY(rel_expand(b, in, g->n, g->n_sets, &x));
    for (uint32_t i = 0; i < n; i++)
        x->expand.pass[i] = i;
    x->expand.n_pass = n;
    for (uint32_t i = 0; i < g->n; i++) {
        if (group_in_all(g, i))
            continue;
        uint32_t key = x->expand.n_keys++;
        x->expand.keys[key] = r->agg.keys[u->group_out[i]];
        r->agg.keys[u->group_out[i]] = n + key;
        for (uint32_t k = 0; k < g->n_sets; k++)
            x->expand.sets[k] |= (g->sets[k] >> i & 1u) << key;
    }
    r->agg.keys[u->set_out] = n + x->expand.n_keys;
    r->inputs[0] = x;
    return rel_expand_schema(b, x);
}

enum status bind_aggregate(struct binder *b, struct rel *in, const struct syn_query *q, const struct agg_scope *aggs,
                           struct select_list *list, struct rel **ret)
{
    uint32_t n_groups = aggs->groups->n;
    struct build u = { .b = b, .in = in, .q = q, .groups = aggs->groups, .aggs = aggs };
    u.group_out = ARENA_ARRAY(b->arena, uint32_t, n_groups + 1);
    TRY_MEM(b, u.group_out);
    u.windowed = has_window(&u);
    struct rel *r = rel_new(b, u.windowed ? REL_WINDOW_AGGREGATE : REL_AGGREGATE, 1,
                            n_groups + (u.groups->n_sets > 0) + aggs->items.count);
    TRY_MEM(b, r);
    r->agg.line = q->line;
    r->agg.column = q->column;
    r->agg.keys = ARENA_ARRAY(b->arena, uint32_t, n_groups + 2);
    r->agg.calls = ARENA_ARRAY(b->arena, struct agg_call, aggs->items.count + 1);
    TRY_MEM(b, r->agg.keys && r->agg.calls);
    TRY(build_keys(&u, r));
    TRY(build_calls(&u, r));
    if (u.windowed)
        TRY(build_window(&u, r));
    TRY(pre_projection(&u, &r->inputs[0]));
    if (u.groups->n_sets)
        TRY(build_expand(&u, r));
    r->bounded = in->bounded;
    const struct expr **exprs = ARENA_ARRAY(b->arena, const struct expr *, list->n + 1);
    TRY_MEM(b, exprs);
    for (uint32_t i = 0; i < list->n; i++)
        TRY(rewrite(&u, r, list->exprs[i], &exprs[i]));
    list->exprs = exprs;
    if (list->having)
        TRY(rewrite(&u, r, list->having, &list->having));
    *ret = r;
    return ST_OK;
}

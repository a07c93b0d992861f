/* Trimming: each operator keeps only the columns that somebody above uses; a step answers with a map from old columns
 * to new ones. Afterwards what projections read of a scan is marked there, fields of rows too: the source's needs. */
#include "plan/private.h"

struct trimmed {
    struct rel *rel;
    uint32_t *map; /* old column to new one; NONE: gone */
};

static enum status trim(struct binder *b, struct rel *r, const bool *used, struct trimmed *ret);

static bool *flags(struct binder *b, uint32_t n)
{
    return ARENA_ARRAY(b->arena, bool, n + 1);
}

static enum status identity(struct binder *b, struct rel *r, struct trimmed *ret)
{
    uint32_t n = r->schema.n_fields;
    ret->rel = r;
    ret->map = ARENA_ARRAY(b->arena, uint32_t, n + 1);
    TRY_MEM(b, ret->map);
    for (uint32_t i = 0; i < n; i++)
        ret->map[i] = i;
    return ST_OK;
}

/* The used columns and no others, in their order. */
static enum status trim_exactly(struct binder *b, struct rel *r, const bool *used, struct trimmed *ret)
{
    uint32_t n = 0, old = r->schema.n_fields; /* some operators shrink where they stand */
    TRY(trim(b, r, used, ret));
    uint32_t *columns = ARENA_ARRAY(b->arena, uint32_t, old + 1);
    TRY_MEM(b, columns);
    for (uint32_t i = 0; i < old; i++)
        if (used[i])
            columns[n++] = ret->map[i];
    bool exact = n == ret->rel->schema.n_fields;
    for (uint32_t i = 0; i < n && exact; i++)
        exact = columns[i] == i;
    if (exact)
        return ST_OK;
    TRY(rel_project(b, ret->rel, columns, n, &ret->rel));
    for (uint32_t i = 0, at = 0; i < old; i++)
        ret->map[i] = used[i] ? at++ : NONE;
    return ST_OK;
}

static void use_expr(const struct expr *e, bool *used)
{
    if (e->kind == EXPR_COLUMN)
        used[e->column] = true;
    for (uint32_t i = 0; i < e->n_args; i++)
        use_expr(e->args[i], used);
}

static enum status remap(struct binder *b, const struct expr *e, const uint32_t *map, const struct expr **ret)
{
    *ret = e ? expr_remap(b->arena, e, map) : NULL;
    if (e)
        TRY_MEM(b, *ret);
    return ST_OK;
}

static enum status trim_calc(struct binder *b, struct rel *r, const bool *used, struct trimmed *ret)
{
    uint32_t n = r->schema.n_fields, kept = 0;
    const struct expr **exprs = ARENA_ARRAY(b->arena, const struct expr *, n + 1);
    struct field *fields = ARENA_ARRAY(b->arena, struct field, n + 1);
    uint32_t *map = ARENA_ARRAY(b->arena, uint32_t, n + 1);
    bool *below = flags(b, r->inputs[0]->schema.n_fields);
    TRY_MEM(b, exprs && fields && map && below);
    for (uint32_t i = 0; i < n; i++) {
        map[i] = used[i] ? kept : NONE;
        if (!used[i])
            continue;
        fields[kept] = r->schema.fields[i];
        exprs[kept++] = r->calc.exprs[i];
        use_expr(r->calc.exprs[i], below);
    }
    if (r->calc.condition)
        use_expr(r->calc.condition, below);
    struct trimmed in;
    TRY(trim(b, r->inputs[0], below, &in));
    for (uint32_t i = 0; i < kept; i++)
        TRY(remap(b, exprs[i], in.map, &exprs[i]));
    const struct expr *condition;
    TRY(remap(b, r->calc.condition, in.map, &condition));
    TRY(rel_calc(b, in.rel, condition, exprs, fields, kept, &ret->rel));
    ret->map = map;
    return ST_OK;
}

static enum status trim_union(struct binder *b, struct rel *r, const bool *used, struct trimmed *ret)
{
    struct rel **inputs = ARENA_ARRAY(b->arena, struct rel *, r->n_inputs);
    TRY_MEM(b, inputs);
    struct trimmed in = { 0 };
    for (uint32_t i = 0; i < r->n_inputs; i++) {
        TRY(trim_exactly(b, r->inputs[i], used, &in));
        inputs[i] = in.rel;
    }
    ret->map = ARENA_ARRAY(b->arena, uint32_t, r->schema.n_fields + 1);
    TRY_MEM(b, ret->map);
    for (uint32_t i = 0, at = 0; i < r->schema.n_fields; i++)
        ret->map[i] = used[i] ? at++ : NONE;
    return rel_union(b, inputs, r->n_inputs, &ret->rel);
}

static enum status trim_window(struct binder *b, struct rel *r, const bool *used, struct trimmed *ret)
{
    uint32_t n = r->inputs[0]->schema.n_fields;
    bool *below = flags(b, n);
    TRY_MEM(b, below);
    memcpy(below, used, n * sizeof *below);
    below[r->tvf.origin.spec.time_column] = true;
    struct trimmed in;
    TRY(trim_exactly(b, r->inputs[0], below, &in));
    uint32_t m = in.rel->schema.n_fields;
    struct rel *x = rel_new(b, REL_WINDOW, 1, m + 3);
    uint32_t *map = ARENA_ARRAY(b->arena, uint32_t, n + 4);
    TRY_MEM(b, x && map);
    x->tags = ARENA_ARRAY(b->arena, uint8_t, m + 3);
    TRY_MEM(b, x->tags);
    x->inputs[0] = in.rel;
    x->bounded = r->bounded;
    x->tvf = r->tvf;
    x->tvf.origin.spec.time_column = in.map[r->tvf.origin.spec.time_column];
    x->window = &x->tvf.origin;
    for (uint32_t i = 0; i < n + 3; i++) {
        map[i] = i < n ? in.map[i] : m + (i - n);
        if (map[i] == NONE)
            continue;
        ((struct field *)(uintptr_t)x->schema.fields)[map[i]] = r->schema.fields[i];
        x->tags[map[i]] = r->tags[i];
    }
    ret->rel = x;
    ret->map = map;
    return ST_OK;
}

/* An aggregate keeps its keys, and the calls and window columns that are used. */
static enum status trim_aggregate(struct binder *b, struct rel *r, const bool *used, struct trimmed *ret)
{
    uint32_t n = r->schema.n_fields, at = r->agg.n_keys, calls = 0, outs = 0;
    struct field *fields = (struct field *)(uintptr_t)r->schema.fields;
    TRY(identity(b, r, ret));
    for (uint32_t i = r->agg.n_keys; i < n; i++) {
        ret->map[i] = used[i] ? at : NONE;
        if (!used[i])
            continue;
        fields[at] = fields[i];
        if (r->tags)
            r->tags[at] = r->tags[i];
        at++;
    }
    for (uint32_t k = 0; k < r->agg.n_calls; k++)
        if (used[r->agg.n_keys + k])
            r->agg.calls[calls++] = r->agg.calls[k];
    for (uint32_t k = 0; k < r->agg.n_outputs; k++)
        if (used[r->agg.n_keys + r->agg.n_calls + k])
            r->agg.outputs[outs++] = r->agg.outputs[k];
    r->agg.n_calls = calls;
    r->agg.n_outputs = outs;
    r->schema.n_fields = at;
    bool *below = flags(b, r->inputs[0]->schema.n_fields);
    TRY_MEM(b, below);
    uint32_t **refs, n_refs;
    TRY(agg_refs(b, r, true, &refs, &n_refs));
    for (uint32_t i = 0; i < n_refs; i++)
        below[*refs[i]] = true;
    struct trimmed in;
    TRY(trim_exactly(b, r->inputs[0], below, &in));
    r->inputs[0] = in.rel;
    for (uint32_t i = 0; i < n_refs; i++)
        *refs[i] = in.map[*refs[i]];
    return ST_OK;
}

static enum status trim_sort(struct binder *b, struct rel *r, const bool *used, struct trimmed *ret)
{
    bool *below = flags(b, r->schema.n_fields);
    TRY_MEM(b, below);
    memcpy(below, used, r->schema.n_fields * sizeof *below);
    for (uint32_t i = 0; i < r->sort.n_keys; i++)
        below[r->sort.keys[i].column] = true;
    struct trimmed in;
    TRY(trim_exactly(b, r->inputs[0], below, &in));
    for (uint32_t i = 0; i < r->sort.n_keys; i++)
        r->sort.keys[i].column = in.map[r->sort.keys[i].column];
    r->inputs[0] = in.rel;
    r->schema = in.rel->schema;
    r->tags = in.rel->tags;
    r->window = in.rel->window;
    ret->rel = r;
    ret->map = in.map;
    return ST_OK;
}

/* Every column decides which rows are equal. */
static enum status trim_set(struct binder *b, struct rel *r, struct trimmed *ret)
{
    bool *all = flags(b, r->schema.n_fields);
    TRY_MEM(b, all);
    memset(all, true, r->schema.n_fields * sizeof *all);
    for (uint32_t i = 0; i < r->n_inputs; i++) {
        struct trimmed in;
        TRY(trim_exactly(b, r->inputs[i], all, &in));
        r->inputs[i] = in.rel;
    }
    return identity(b, r, ret);
}

/* TO: what comes depends on every column, for a row that changes in one of them comes again. FROM: codes and keys stay. */
static enum status trim_changelog(struct binder *b, struct rel *r, const bool *used, struct trimmed *ret)
{
    uint32_t n = r->inputs[0]->schema.n_fields;
    bool *below = flags(b, n);
    TRY_MEM(b, below);
    for (uint32_t i = 0; i < n; i++)
        below[i] = r->changelog.to || used[i] || i == r->changelog.spec.op;
    for (uint32_t i = 0; i < r->changelog.spec.n_keys; i++)
        below[r->changelog.spec.keys[i]] = true;
    struct trimmed in;
    TRY(trim_exactly(b, r->inputs[0], below, &in));
    r->inputs[0] = in.rel;
    if (r->changelog.to)
        return identity(b, r, ret);
    r->changelog.spec.op = in.map[r->changelog.spec.op];
    for (uint32_t i = 0; i < r->changelog.spec.n_keys; i++)
        r->changelog.spec.keys[i] = in.map[r->changelog.spec.keys[i]];
    r->schema = in.rel->schema;
    ret->rel = r;
    ret->map = in.map;
    return ST_OK;
}

/* Keys stay: an aggregate keeps all of its own. */
static enum status trim_expand(struct binder *b, struct rel *r, const bool *used, struct trimmed *ret)
{
    uint32_t n = r->schema.n_fields, n_pass = r->expand.n_pass, n_keys = r->expand.n_keys, pass = 0;
    bool *below = flags(b, r->inputs[0]->schema.n_fields);
    uint32_t *map = ARENA_ARRAY(b->arena, uint32_t, n + 1);
    TRY_MEM(b, below && map);
    for (uint32_t i = 0; i < n_pass; i++)
        below[r->expand.pass[i]] |= used[i];
    for (uint32_t i = 0; i < n_keys; i++)
        below[r->expand.keys[i]] = true;
    struct trimmed in;
    TRY(trim(b, r->inputs[0], below, &in));
    r->inputs[0] = in.rel;
    for (uint32_t i = 0; i < n_pass; i++) {
        map[i] = used[i] ? pass : NONE;
        if (used[i])
            r->expand.pass[pass++] = in.map[r->expand.pass[i]];
    }
    for (uint32_t i = 0; i < n_keys; i++)
        r->expand.keys[i] = in.map[r->expand.keys[i]];
    for (uint32_t i = n_pass; i < n; i++)
        map[i] = pass + (i - n_pass);
    r->expand.n_pass = pass;
    ret->rel = r;
    ret->map = map;
    return rel_expand_schema(b, r);
}

static enum status trim_unnest(struct binder *b, struct rel *r, const bool *used, struct trimmed *ret)
{
    uint32_t n = r->schema.n_fields, n_pass = r->unnest.n_pass, kept = 0;
    bool *below = flags(b, r->inputs[0]->schema.n_fields), *wanted = flags(b, n);
    uint32_t *map = ARENA_ARRAY(b->arena, uint32_t, n + 1);
    TRY_MEM(b, below && wanted && map);
    memcpy(wanted, used, n * sizeof *wanted);
    if (r->unnest.condition)
        use_expr(r->unnest.condition, wanted);
    used = wanted;
    for (uint32_t i = 0; i < n_pass; i++)
        below[r->unnest.pass[i]] |= used[i];
    below[r->unnest.column] = true;
    struct trimmed in;
    TRY(trim(b, r->inputs[0], below, &in));
    r->inputs[0] = in.rel;
    r->unnest.column = in.map[r->unnest.column];
    struct field *fields = (struct field *)(uintptr_t)r->schema.fields;
    uint32_t pass = 0, parts = 0;
    for (uint32_t i = 0; i < n; i++) {
        map[i] = used[i] ? kept : NONE;
        if (!used[i])
            continue;
        if (i < n_pass)
            r->unnest.pass[pass++] = in.map[r->unnest.pass[i]];
        else
            r->unnest.parts[parts++] = r->unnest.parts[i - n_pass];
        fields[kept] = fields[i];
        if (r->tags)
            r->tags[kept] = r->tags[i];
        kept++;
    }
    r->unnest.n_pass = pass;
    r->unnest.n_parts = parts;
    r->schema.n_fields = kept;
    TRY(remap(b, r->unnest.condition, map, &r->unnest.condition));
    ret->rel = r;
    ret->map = map;
    return ST_OK;
}

static enum status trim(struct binder *b, struct rel *r, const bool *used, struct trimmed *ret)
{
    switch (r->kind) {
    case REL_SCAN:
    case REL_VALUES:
        return identity(b, r, ret);
    case REL_CALC:
        return trim_calc(b, r, used, ret);
    case REL_UNION:
        return trim_union(b, r, used, ret);
    case REL_WINDOW:
        return trim_window(b, r, used, ret);
    case REL_AGGREGATE:
    case REL_WINDOW_AGGREGATE:
        return trim_aggregate(b, r, used, ret);
    case REL_SORT:
        return trim_sort(b, r, used, ret);
    case REL_SET:
        return trim_set(b, r, ret);
    case REL_CHANGELOG:
        return trim_changelog(b, r, used, ret);
    case REL_EXPAND:
        return trim_expand(b, r, used, ret);
    case REL_UNNEST:
        return trim_unnest(b, r, used, ret);
    }
    return error_set(b->err, ST_BUG, "an unknown relation");
}

/* The texts that a condition wants of columns. */
static void wanted_texts(const struct expr *e, struct str *only)
{
    uint32_t column;
    struct str text;
    for (uint32_t i = 0; e->kind == EXPR_AND && i < e->n_args; i++)
        wanted_texts(e->args[i], only);
    if (expr_is_text_equality(e, &column, &text))
        only[column] = text;
}

/* What all conditions right above a scan of a partitioned table agree about: other partitions need not be read. */
static enum status only_texts(struct binder *b, const struct rel *calc, struct rel *scan)
{
    uint32_t n = scan->schema.n_fields;
    if (scan->scan.table->n_partitioned_by == 0 || scan->scan.kinds != KINDS_APPEND)
        return ST_OK;
    struct str *only = ARENA_ARRAY(b->arena, struct str, n + 1);
    TRY_MEM(b, only);
    if (calc->calc.condition)
        wanted_texts(calc->calc.condition, only);
    for (uint32_t i = 0; scan->scan.only && i < n; i++)
        if (!scan->scan.only[i].ptr || !str_eq(only[i], scan->scan.only[i]))
            only[i] = (struct str){ NULL, 0 };
    scan->scan.only = only;
    return ST_OK;
}

/* A projection right above a scan marks what it needs of it. */
enum status rule_needs(struct binder *b, const struct rel *r)
{
    for (uint32_t i = 0; i < r->n_inputs; i++)
        TRY(rule_needs(b, r->inputs[i]));
    if (r->kind != REL_CALC || r->inputs[0]->kind != REL_SCAN)
        return ST_OK;
    struct rel *scan = r->inputs[0];
    for (uint32_t i = 0; i <= r->schema.n_fields; i++) {
        const struct expr *e = i < r->schema.n_fields ? r->calc.exprs[i] : r->calc.condition;
        if (e)
            TRY_MEM(b, expr_needs(b->arena, e, &scan->schema, scan->scan.needs));
    }
    return only_texts(b, r, scan);
}

enum status rule_trim(struct binder *b, struct rel **rel)
{
    uint32_t n = (*rel)->schema.n_fields;
    bool *used = flags(b, n);
    TRY_MEM(b, used);
    memset(used, true, n * sizeof *used);
    struct trimmed out;
    TRY(trim_exactly(b, *rel, used, &out));
    *rel = out.rel;
    return ST_OK;
}

/* Changelog modes: which row kinds each edge carries, and what identifies a row.
 *
 * Downwards (inputs first) the kinds follow from the source's and from what operators do, as if everybody wanted -U.
 * Then upwards: a sink that takes upserts by the query's own key can do without -U; everybody else wants it, and so
 * does a filter on other columns than the key (a row may leave it only if its old value comes by). Then downwards again
 * with that knowledge. The same walk upwards tells whose watermarks are of use, and who must put out each change of a
 * result because a stream of changes is made of them. */
#include "plan/private.h"

#define BIT(kind) (1u << (kind))

static bool key_has(const struct node *n, uint32_t column)
{
    for (uint32_t i = 0; i < n->n_upsert_key; i++)
        if (n->upsert_key[i] == column)
            return true;
    return false;
}

static enum status set_key(struct physical *p, struct node *n, uint32_t n_key)
{
    n->upsert_key = ARENA_ARRAY(p->arena, uint32_t, n_key + 1);
    TRY_MEM(p->b, n->upsert_key);
    n->n_upsert_key = n_key;
    p->keyed.at[n->index] = true;
    return ST_OK;
}

/* The input's key, at the same columns. */
static enum status keep_key(struct physical *p, struct node *n, const struct node *in)
{
    p->keyed.at[n->index] = p->keyed.at[in->index];
    n->upsert_key = in->upsert_key;
    n->n_upsert_key = in->n_upsert_key;
    return ST_OK;
}

static enum status leading_key(struct physical *p, struct node *n, uint32_t n_key)
{
    TRY(set_key(p, n, n_key));
    for (uint32_t i = 0; i < n_key; i++)
        n->upsert_key[i] = i;
    return ST_OK;
}

/* The key through a projection: lost when one of its columns is. */
static enum status calc_key(struct physical *p, struct node *n, const struct node *in)
{
    if (!p->keyed.at[in->index])
        return ST_OK;
    TRY(set_key(p, n, in->n_upsert_key));
    for (uint32_t i = 0; i < in->n_upsert_key; i++) {
        uint32_t at = 0;
        while (at < n->schema.n_fields &&
               !(n->calc.exprs[at]->kind == EXPR_COLUMN && n->calc.exprs[at]->column == in->upsert_key[i]))
            at++;
        if (at == n->schema.n_fields) {
            n->n_upsert_key = 0;
            p->keyed.at[n->index] = false;
            return ST_OK;
        }
        n->upsert_key[i] = at;
    }
    return ST_OK;
}

static enum status source_key(struct physical *p, struct node *n)
{
    const struct table_desc *t = n->source.table;
    if (t->n_primary_key == 0)
        return ST_OK;
    TRY(set_key(p, n, t->n_primary_key));
    for (uint32_t i = 0; i < t->n_primary_key; i++)
        n->upsert_key[i] = physical_index(t, t->primary_key[i]);
    return ST_OK;
}

/* Rows of INTERSECT never go while none of its inputs' do. */
static enum status set_modes(struct physical *p, struct node *n)
{
    bool append = !n->set.except;
    for (uint32_t i = 0; i < n->n_inputs; i++)
        append = append && p->nodes.at[n->inputs[i].node]->kinds == KINDS_APPEND;
    n->kinds = append ? KINDS_APPEND : BIT(ROW_INSERT) | BIT(ROW_DELETE);
    return n->set.all ? ST_OK : leading_key(p, n, n->schema.n_fields);
}

static uint32_t aggregate_kinds(const struct node *n, const struct node *in)
{
    bool append = in->kinds == KINDS_APPEND;
    if (n->aggregate.n_calls == 0 && n->aggregate.n_keys) /* DISTINCT: rows come and go, they never change */
        return append ? KINDS_APPEND : BIT(ROW_INSERT) | BIT(ROW_DELETE);
    return BIT(ROW_INSERT) | BIT(ROW_UPDATE_BEFORE) | BIT(ROW_UPDATE_AFTER) | (append ? 0 : BIT(ROW_DELETE));
}

/* Whose kinds come along an edge: late rows (port 1) are as the aggregate took them. */
static const struct node *edge(const struct physical *p, const struct node *n, uint32_t i)
{
    const struct node *in = p->nodes.at[n->inputs[i].node];
    return n->inputs[i].port == 1 ? p->nodes.at[in->inputs[0].node] : in;
}

enum status node_modes(struct physical *p, struct node *n)
{
    const struct node *in = n->n_inputs ? edge(p, n, 0) : NULL;
    switch (n->kind) {
    case NODE_SOURCE:
        n->kinds = p->rels.at[n->index]->scan.kinds;
        return source_key(p, n);
    case NODE_SET:
        return set_modes(p, n);
    case NODE_VALUES:
    case NODE_TIME_SORT:
    case NODE_SORT:
    case NODE_TABLE:
        n->kinds = KINDS_APPEND;
        return ST_OK;
    case NODE_CALC:
        n->kinds = in->kinds;
        return n->inputs[0].port == 0 ? calc_key(p, n, in) : ST_OK;
    case NODE_WATERMARK:
    case NODE_EXCHANGE:
        n->kinds = in->kinds;
        return keep_key(p, n, in);
    case NODE_UNION:
        for (uint32_t i = 0; i < n->n_inputs; i++)
            n->kinds |= edge(p, n, i)->kinds;
        return ST_OK;
    case NODE_NORMALIZE:
        n->kinds = KINDS_RETRACT;
        return keep_key(p, n, in);
    case NODE_WINDOW:
        n->kinds = in->kinds;
        return n->window.window.kind == WINDOW_TUMBLE ? keep_key(p, n, in) : ST_OK;
    case NODE_EXPAND: /* one row has become several */
        n->kinds = in->kinds;
        return ST_OK;
    case NODE_UNNEST: /* elements come and go with their rows: a shorter list would leave some of an upsert behind */
        n->kinds = in->kinds;
        return ST_OK;
    case NODE_TO_CHANGELOG:
        n->kinds = KINDS_APPEND;
        return ST_OK;
    case NODE_FROM_CHANGELOG:
        for (uint32_t i = 0; i < n->changelog.n_codes; i++)
            n->kinds |= BIT(n->changelog.codes[i].kind);
        return ST_OK;
    case NODE_AGGREGATE:
        n->kinds = aggregate_kinds(n, in);
        return leading_key(p, n, n->aggregate.n_keys);
    case NODE_WINDOW_AGGREGATE:
        n->kinds = KINDS_APPEND;
        return ST_OK;
    case NODE_SINK:
        n->kinds = in->kinds;
        return ST_OK;
    case NODE_KINDS:
        break;
    }
    return error_set(p->b->err, ST_BUG, "a node of no kind");
}

static bool condition_outside_key(const struct expr *e, const struct node *in)
{
    if (e->kind == EXPR_COLUMN)
        return !key_has(in, e->column);
    for (uint32_t i = 0; i < e->n_args; i++)
        if (condition_outside_key(e->args[i], in))
            return true;
    return false;
}

static bool has_code(const struct node *n, uint8_t kind)
{
    for (uint32_t i = 0; i < n->changelog.n_codes; i++)
        if (n->changelog.codes[i].kind == kind)
            return true;
    return false;
}

/* Does this node want -U from its input, given whether its users want it? */
static bool wants_before(const struct physical *p, const struct node *n, bool users_want)
{
    switch (n->kind) {
    case NODE_CALC:
        return users_want ||
               (n->calc.condition && condition_outside_key(n->calc.condition, p->nodes.at[n->inputs[0].node]));
    case NODE_WATERMARK:
    case NODE_EXCHANGE:
    case NODE_UNION:
    case NODE_WINDOW:
        return users_want;
    case NODE_NORMALIZE:
        return false;
    case NODE_TO_CHANGELOG:
        return has_code(n, ROW_UPDATE_BEFORE);
    case NODE_SINK:
        return !n->sink.upsert;
    default:
        return true;
    }
}

static bool wants_watermarks(const struct physical *p, const struct node *n)
{
    if (n->kind == NODE_WINDOW_AGGREGATE && !n->window_aggregate.window.processing_time)
        return true;
    if (n->kind == NODE_SINK && table_wants_watermarks(n->sink.table))
        return true;
    if (n->kind == NODE_TIME_SORT && !n->time_sort.processing_time)
        return true;
    return n->watermarks || p->b->reads_watermark;
}

static uint32_t final_kinds(const struct physical *p, const struct node *n, bool before)
{
    if ((n->kind == NODE_AGGREGATE || n->kind == NODE_NORMALIZE) && !before)
        return n->kinds & ~BIT(ROW_UPDATE_BEFORE);
    if (n->kind == NODE_UNION) {
        uint32_t kinds = 0;
        for (uint32_t i = 0; i < n->n_inputs; i++)
            kinds |= edge(p, n, i)->kinds;
        return kinds;
    }
    bool follows = n->kind == NODE_CALC || n->kind == NODE_WATERMARK || n->kind == NODE_EXCHANGE ||
                   n->kind == NODE_WINDOW || n->kind == NODE_UNNEST || n->kind == NODE_EXPAND ||
                   n->kind == NODE_SINK;
    if (!follows)
        return n->kinds;
    return edge(p, n, 0)->kinds;
}

/* Does what comes out depend on each change that comes in, given whether its users look at each? */
static bool wants_each(const struct node *n, bool users_want)
{
    switch (n->kind) {
    case NODE_TO_CHANGELOG:
        return true;
    case NODE_WINDOW_AGGREGATE: /* these three put out what the changes add up to */
    case NODE_SORT:
    case NODE_TABLE:
        return false;
    default:
        return users_want;
    }
}

enum status physical_modes(struct physical *p)
{
    uint32_t count = p->nodes.count;
    bool *before = ARENA_ARRAY(p->arena, bool, count + 1), *each = ARENA_ARRAY(p->arena, bool, count + 1);
    TRY_MEM(p->b, before && each);
    for (uint32_t i = count; i-- > 0;) {
        struct node *n = p->nodes.at[i];
        bool want = wants_before(p, n, before[i]), marks = wants_watermarks(p, n);
        for (uint32_t k = 0; k < n->n_inputs; k++) {
            before[n->inputs[k].node] |= want && n->inputs[k].port == 0;
            each[n->inputs[k].node] |= wants_each(n, each[i]);
            p->nodes.at[n->inputs[k].node]->watermarks |= marks;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        struct node *n = p->nodes.at[i];
        n->kinds = final_kinds(p, n, before[i]);
        bool emits = before[i] && (n->kinds & BIT(ROW_UPDATE_BEFORE));
        if (n->kind == NODE_AGGREGATE) {
            n->aggregate.emit_before = emits;
            n->aggregate.each = each[i];
        }
        if (n->kind == NODE_NORMALIZE)
            n->normalize.emit_before = emits;
        if (n->kind == NODE_SINK && (n->kinds & BIT(ROW_UPDATE_BEFORE))) /* a filter on the way needed it */
            n->sink.upsert = false;
    }
    return ST_OK;
}

/* ---- how watermarks cut batches ---- */

struct cut {
    bool any, strict;
    int64_t pane, offset;
};

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a < 0 ? -a : a;
}

static void cut_join(struct cut *c, int64_t pane, int64_t offset)
{
    if (!c->any) {
        *c = (struct cut){ .any = true, .strict = c->strict, .pane = pane, .offset = offset };
        return;
    }
    c->pane = gcd(gcd(c->pane, pane), c->offset - offset);
    c->offset %= c->pane;
}

static void cut_window(struct cut *c, const struct window_spec *w)
{
    if (w->processing_time || w->kind == WINDOW_ATTACHED)
        return;
    if (w->is_ltz && w->zone.rules) {
        c->any = c->strict = true;
        return;
    }
    int64_t offset = w->offset_ms - (w->is_ltz ? (int64_t)w->zone.offset_s * 1000 : 0);
    int64_t pane = w->size_ms < w->slide_ms ? gcd(w->size_ms, w->slide_ms) : w->slide_ms; /* gaps between windows */
    cut_join(c, pane, (offset % pane + pane) % pane);
}

/* Collects, upwards, what drops late rows below each node. Behind a window aggregate no row is late any more. */
enum status physical_times(struct physical *p)
{
    struct cut *cuts = ARENA_ARRAY(p->arena, struct cut, p->nodes.count + 1);
    TRY_MEM(p->b, cuts);
    for (uint32_t i = p->nodes.count; i-- > 0;) {
        struct node *n = p->nodes.at[i];
        struct cut c = cuts[i];
        if (n->kind == NODE_WATERMARK && c.any) {
            n->watermark.cut = c.strict ? CUT_STRICT : CUT_PANE;
            n->watermark.cut_pane_ms = c.strict ? 0 : c.pane;
            n->watermark.cut_offset_ms = c.strict ? 0 : c.offset;
        }
        if (n->kind == NODE_WINDOW_AGGREGATE) {
            c = (struct cut){ 0 };
            cut_window(&c, &n->window_aggregate.window);
        } else if (n->kind == NODE_TIME_SORT && !n->time_sort.processing_time) {
            c = (struct cut){ .any = true, .strict = true };
        } else if (n->kind == NODE_WINDOW && n->watermarks) {
            cut_window(&c, &n->window.window);
        }
        for (uint32_t k = 0; k < n->n_inputs; k++) {
            struct cut *to = &cuts[n->inputs[k].node];
            if (c.strict)
                to->any = to->strict = true;
            else if (c.any)
                cut_join(to, c.pane, c.offset);
        }
    }
    return ST_OK;
}

/* What there is to say of a node, told once and written in four forms.
 *
 * A function a kind of node tells its facts in order: flags, values, lists, groups of named members. How they look is
 * the form's business and known to the few put_… functions here alone: EXPLAIN has them on one line (" key=value",
 * " key=[a, b]", " flag"), a graph's box one below the other, the json as members, and the fingerprint as EXPLAIN has
 * them, but with columns by their position and without what may change while the state stays good (aliases, cuts).
 *
 * A value is printed where it is to stand; the json then takes the bytes back and writes them as a string. */
#include <inttypes.h>

#include "plan/private.h"
#include "text/text.h"

static bool is_json(const struct facts *f)
{
    return f->form == FACTS_JSON;
}

bool facts_string(struct facts *f, size_t from)
{
    struct buf *out = f->out;
    struct str s = arena_str(f->plan->arena, str_make(out->data + from, out->len - from));
    out->len = from;
    return s.ptr && json_put_string(out, s);
}

static bool put(struct facts *f, const char *s)
{
    return buf_put(f->out, s, strlen(s));
}

bool facts_key(struct facts *f, const char *key)
{
    bool comma = f->any;
    f->any = true;
    if (is_json(f))
        return buf_printf(f->out, "%s\"%s\":", comma ? "," : "", key);
    return buf_printf(f->out, "%s%s=", f->form == FACTS_LINES ? "\n" : " ", key);
}

static bool put_flag(struct facts *f, bool holds, const char *key)
{
    if (!holds)
        return true;
    if (is_json(f))
        return facts_key(f, key) && put(f, "true");
    return buf_printf(f->out, "%s%s", f->form == FACTS_LINES ? "\n" : " ", key);
}

static bool put_number(struct facts *f, const char *key, int64_t n)
{
    return facts_key(f, key) && buf_printf(f->out, "%" PRId64, n);
}

static bool put_text(struct facts *f, const char *key, struct str s)
{
    bool ok = facts_key(f, key);
    size_t from = f->out->len;
    return ok && buf_put(f->out, s.ptr, s.len) && (!is_json(f) || facts_string(f, from));
}

/* ---- lists ---- */

static bool list_open(struct facts *f, const char *key)
{
    f->items = 0;
    return facts_key(f, key) && put(f, "[");
}

static bool list_close(struct facts *f)
{
    return put(f, "]");
}

static bool item_open(struct facts *f)
{
    return put(f, f->items++ == 0 ? "" : is_json(f) ? "," : ", ");
}

static bool put_item(struct facts *f, struct str s)
{
    bool ok = item_open(f);
    size_t from = f->out->len;
    return ok && buf_put(f->out, s.ptr, s.len) && (!is_json(f) || facts_string(f, from));
}

/* What has been printed from `from` on goes out as `name`: "price * 2 AS p", where the two differ. */
static bool item_close_as(struct facts *f, size_t from, struct str name)
{
    if (f->form == FACTS_POSITIONS)
        return true;
    if (!is_json(f))
        return str_eq(str_make(f->out->data + from, f->out->len - from), name) ||
               buf_printf(f->out, " AS %.*s", STR_ARG(name));
    struct str s = arena_str(f->plan->arena, str_make(f->out->data + from, f->out->len - from));
    f->out->len = from;
    return s.ptr && put(f, "{\"name\":") && json_put_string(f->out, name) && put(f, ",\"expression\":") &&
           json_put_string(f->out, s) && put(f, "}");
}

bool facts_columns(struct facts *f, const char *key, const struct schema *s, const uint32_t *columns, uint32_t n)
{
    bool ok = list_open(f, key);
    for (uint32_t i = 0; i < n && ok; i++)
        ok = put_item(f, s->fields[columns[i]].name);
    return ok && list_close(f);
}

/* One expression: in brackets where a list would have them. */
static bool put_expr(struct facts *f, const char *key, const struct expr *e, const struct schema *in)
{
    bool ok = facts_key(f, key) && (is_json(f) || put(f, "["));
    size_t from = f->out->len;
    ok = ok && (e ? expr_print(f->out, e, in) : put(f, "SOURCE_WATERMARK()"));
    return ok && (is_json(f) ? facts_string(f, from) : put(f, "]"));
}

/* ---- groups: "window=HOP(ts, slide 2000 ms, size 10000 ms)" ---- */

static bool group_open(struct facts *f, const char *key, const char *kind)
{
    f->items = 0;
    return facts_key(f, key) && buf_printf(f->out, is_json(f) ? "{\"kind\":\"%s\"" : "%s", kind);
}

static bool group_close(struct facts *f)
{
    return is_json(f) ? put(f, "}") : f->items == 0 || put(f, ")");
}

/* `word` stands before the value in text, `key` in the json. */
static bool member_open(struct facts *f, const char *word, const char *key)
{
    if (is_json(f))
        return buf_printf(f->out, ",\"%s\":", key);
    return buf_printf(f->out, "%s%s%s", f->items++ ? ", " : "(", word, *word ? " " : "");
}

static bool member_text(struct facts *f, const char *word, const char *key, struct str s)
{
    bool ok = member_open(f, word, key);
    size_t from = f->out->len;
    return ok && buf_put(f->out, s.ptr, s.len) && (!is_json(f) || facts_string(f, from));
}

static bool member_ms(struct facts *f, const char *word, const char *key, int64_t ms)
{
    return member_open(f, word, key) && buf_printf(f->out, is_json(f) ? "%" PRId64 : "%" PRId64 " ms", ms);
}

/* Columns as expressions are to name them: by their position in the fingerprint. NULL: memory. */
static const struct schema *as_named(const struct facts *f, const struct schema *of)
{
    if (f->form != FACTS_POSITIONS)
        return of;
    struct schema *s = ARENA_NEW(f->plan->arena, struct schema);
    struct field *fields = ARENA_ARRAY(f->plan->arena, struct field, of->n_fields + 1);
    if (!s || !fields)
        return NULL;
    for (uint32_t i = 0; i < of->n_fields; i++) {
        fields[i] = (struct field){ arena_printf(f->plan->arena, "$%u", i), of->fields[i].type };
        if (!fields[i].name.ptr)
            return NULL;
    }
    *s = (struct schema){ fields, of->n_fields };
    return s;
}

/* ---- the kinds of nodes ---- */

static bool put_need(struct facts *f, struct str prefix, const struct need *need, const struct field *field)
{
    if (!need->used)
        return true;
    struct str name = prefix.len ? arena_printf(f->plan->arena, "%.*s.%.*s", STR_ARG(prefix), STR_ARG(field->name))
                                 : field->name;
    if (!name.ptr)
        return false;
    if (!need->fields)
        return put_item(f, name);
    for (uint32_t i = 0; i < field->type->n_fields; i++)
        if (!put_need(f, name, &need->fields[i], &field->type->fields[i]))
            return false;
    return true;
}

static bool put_wanted(struct facts *f, struct str column, struct str text)
{
    bool ok = item_open(f);
    size_t from = f->out->len;
    ok = ok && buf_printf(f->out, "%.*s = '", STR_ARG(column));
    for (size_t i = 0; ok && i < text.len; i++)
        ok = (text.ptr[i] != '\'' || put(f, "'")) && buf_put_u8(f->out, (uint8_t)text.ptr[i]);
    return ok && put(f, "'") && (!is_json(f) || facts_string(f, from));
}

/* The folders of a partitioned table that are read, where the query wants one. Not in the fingerprint: the condition is. */
static bool put_partitions(struct facts *f, const struct node *n)
{
    const struct table_desc *t = n->source.table;
    bool any = false, ok = true;
    for (uint32_t k = 0; k < t->n_partitioned_by && ok && f->form != FACTS_POSITIONS; k++) {
        int32_t at = schema_find(&n->schema, t->partitioned_by[k]);
        if (at < 0 || !n->source.needs[at].only.ptr)
            continue;
        ok = (any || list_open(f, "partitions")) && put_wanted(f, t->partitioned_by[k], n->source.needs[at].only);
        any = true;
    }
    return ok && (!any || list_close(f));
}

static bool put_source(struct facts *f, const struct node *n, const struct schema *in)
{
    (void)in;
    const struct table_desc *t = n->source.table;
    bool ok = put_text(f, "table", t->name) && put_text(f, "connector", str_from(t->connector->name)) &&
              list_open(f, "columns");
    for (uint32_t i = 0; i < n->schema.n_fields && ok; i++)
        ok = put_need(f, STR(""), &n->source.needs[i], &n->schema.fields[i]);
    return ok && list_close(f) && put_partitions(f, n) && put_flag(f, n->bounded && !is_json(f), "bounded") &&
           put_flag(f, n->source.emits_watermarks, "gives-watermarks");
}

static bool put_values(struct facts *f, const struct node *n, const struct schema *in)
{
    (void)in;
    return put_number(f, "rows", n->values.rows ? n->values.rows->count : 0);
}

static bool put_calc(struct facts *f, const struct node *n, const struct schema *in)
{
    bool ok = list_open(f, "select");
    for (uint32_t i = 0; i < n->schema.n_fields && ok; i++) {
        ok = item_open(f);
        size_t from = f->out->len;
        ok = ok && expr_print(f->out, n->calc.exprs[i], in) && item_close_as(f, from, n->schema.fields[i].name);
    }
    return ok && list_close(f) && (!n->calc.condition || put_expr(f, "where", n->calc.condition, in));
}

static bool put_watermark(struct facts *f, const struct node *n, const struct schema *in)
{
    static const char *const cuts[] = { [CUT_NONE] = "none", [CUT_PANE] = "pane", [CUT_STRICT] = "strict" };
    bool ok = put_text(f, "for", in->fields[n->watermark.column].name) && put_expr(f, "as", n->watermark.expr, in);
    if (f->form == FACTS_POSITIONS)
        return ok;
    ok = ok && group_open(f, "cut", cuts[n->watermark.cut]);
    if (n->watermark.cut == CUT_PANE)
        ok = ok && member_ms(f, "", "size_ms", n->watermark.cut_pane_ms) &&
             member_ms(f, "offset", "offset_ms", n->watermark.cut_offset_ms);
    ok = ok && group_close(f);
    if (n->watermark.idle_ms == 0)
        return ok;
    return ok && put_number(f, is_json(f) ? "idle_ms" : "idle", n->watermark.idle_ms) && (is_json(f) || put(f, " ms"));
}

static bool put_nothing(struct facts *f, const struct node *n, const struct schema *in)
{
    (void)f, (void)n, (void)in;
    return true;
}

static bool put_exchange(struct facts *f, const struct node *n, const struct schema *in)
{
    return n->exchange.n_keys ? facts_columns(f, "hash", in, n->exchange.keys, n->exchange.n_keys)
                              : put_flag(f, true, "single");
}

/* "codes=[INSERT=c, INSERT=r, DELETE=d]": of FROM_CHANGELOG with the column that they come in. */
static bool put_changelog(struct facts *f, const struct node *n, const struct schema *in)
{
    static const char *const names[] = { [ROW_INSERT] = "INSERT", [ROW_UPDATE_BEFORE] = "UPDATE_BEFORE",
                                         [ROW_UPDATE_AFTER] = "UPDATE_AFTER", [ROW_DELETE] = "DELETE" };
    bool from = n->kind == NODE_FROM_CHANGELOG;
    bool ok = (!from || facts_columns(f, "op", in, &n->changelog.op, 1)) && list_open(f, "codes");
    for (uint32_t i = 0; i < n->changelog.n_codes && ok; i++) {
        struct str s = arena_printf(f->plan->arena, "%s=%.*s", names[n->changelog.codes[i].kind],
                                    STR_ARG(n->changelog.codes[i].text));
        ok = s.ptr && put_item(f, s);
    }
    ok = ok && list_close(f) && put_flag(f, n->changelog.skip, "skips-others");
    return ok && (n->changelog.n_keys == 0 || facts_columns(f, "upserts-by", in, n->changelog.keys, n->changelog.n_keys));
}

static bool put_normalize(struct facts *f, const struct node *n, const struct schema *in)
{
    return facts_columns(f, "by", in, n->normalize.keys, n->normalize.n_keys);
}

static bool put_spec(struct facts *f, const struct window_spec *w, const struct schema *in)
{
    static const char *const names[] = {
        [WINDOW_TUMBLE] = "TUMBLE", [WINDOW_HOP] = "HOP", [WINDOW_CUMULATE] = "CUMULATE", [WINDOW_ATTACHED] = "ATTACHED"
    };
    bool ok = group_open(f, "window", names[w->kind]);
    if (w->kind == WINDOW_ATTACHED) {
        ok = ok && member_text(f, "", "start", in->fields[w->start_column].name) &&
             member_text(f, "", "end", in->fields[w->end_column].name);
    } else {
        ok = ok && member_text(f, "", "time",
                               w->processing_time ? STR("processing time") : in->fields[w->time_column].name);
        if (w->kind != WINDOW_TUMBLE)
            ok = ok && (w->kind == WINDOW_HOP ? member_ms(f, "slide", "slide_ms", w->slide_ms)
                                              : member_ms(f, "step", "step_ms", w->slide_ms));
        ok = ok && member_ms(f, "size", "size_ms", w->size_ms) &&
             (w->offset_ms == 0 || member_ms(f, "offset", "offset_ms", w->offset_ms));
    }
    return ok && (!w->is_ltz || member_text(f, "zone", "zone", w->zone.name)) && group_close(f);
}

static bool put_window(struct facts *f, const struct node *n, const struct schema *in)
{
    return put_spec(f, &n->window.window, in);
}

static bool put_set(struct facts *f, const struct node *n, const struct schema *in, uint64_t set)
{
    struct str s = STR("(");
    for (uint32_t i = 0; i < n->expand.n_keys && s.ptr; i++)
        if (set >> i & 1u)
            s = arena_printf(f->plan->arena, "%.*s%s%.*s", STR_ARG(s), s.len > 1 ? ", " : "",
                             STR_ARG(in->fields[n->expand.keys[i]].name));
    s = s.ptr ? arena_printf(f->plan->arena, "%.*s)", STR_ARG(s)) : s;
    return s.ptr && put_item(f, s);
}

static bool put_expand(struct facts *f, const struct node *n, const struct schema *in)
{
    bool ok = facts_columns(f, "pass", in, n->expand.pass, n->expand.n_pass) && list_open(f, "sets");
    for (uint32_t i = 0; i < n->expand.n_sets && ok; i++)
        ok = put_set(f, n, in, n->expand.sets[i]);
    return ok && list_close(f);
}

static bool put_unnest(struct facts *f, const struct node *n, const struct schema *in)
{
    bool ok = facts_columns(f, "of", in, &n->unnest.column, 1) &&
              facts_columns(f, "pass", in, n->unnest.pass, n->unnest.n_pass) && list_open(f, "elements");
    for (uint32_t i = 0; i < n->unnest.n_parts && ok; i++) {
        ok = item_open(f);
        size_t from = f->out->len;
        ok = ok && (n->unnest.parts[i] == UNNEST_ORDINALITY ? put(f, "ordinality")
                                                            : buf_printf(f->out, "%u", n->unnest.parts[i])) &&
             item_close_as(f, from, n->schema.fields[n->unnest.n_pass + i].name);
    }
    const struct schema *out = as_named(f, &n->schema);
    return ok && out && list_close(f) && put_flag(f, n->unnest.outer, "outer") &&
           (!n->unnest.condition || put_expr(f, "on", n->unnest.condition, out));
}

/* A call; by position its name would not do, since it tells columns by name. */
static bool put_call(struct facts *f, const struct aggregate_call *c, struct str as)
{
    bool ok = item_open(f);
    size_t from = f->out->len;
    if (f->form != FACTS_POSITIONS)
        return ok && buf_put(f->out, c->name.ptr, c->name.len) && item_close_as(f, from, as);
    ok = ok && buf_printf(f->out, "%s(%s", c->aggregate->name, c->distinct ? "DISTINCT " : "");
    for (uint32_t i = 0; i < c->n_args && ok; i++)
        ok = buf_printf(f->out, "%s$%u", i ? ", " : "", c->args[i]);
    return ok && put(f, ")") && (c->filter < 0 || buf_printf(f->out, " FILTER $%d", c->filter));
}

static bool put_calls(struct facts *f, const struct node *n, const struct aggregate_call *calls, uint32_t n_calls,
                      uint32_t first)
{
    bool ok = list_open(f, "select");
    for (uint32_t i = 0; i < n_calls && ok; i++)
        ok = put_call(f, &calls[i], n->schema.fields[first + i].name);
    return ok && list_close(f);
}

static bool put_aggregate(struct facts *f, const struct node *n, const struct schema *in)
{
    return facts_columns(f, "group", in, n->aggregate.keys, n->aggregate.n_keys) &&
           put_calls(f, n, n->aggregate.calls, n->aggregate.n_calls, n->aggregate.n_keys) &&
           put_flag(f, n->aggregate.retracting, "retracting") &&
           put_flag(f, n->aggregate.each && f->form != FACTS_POSITIONS, "each-change");
}

static bool put_window_aggregate(struct facts *f, const struct node *n, const struct schema *in)
{
    static const char *const outs[] = {
        [WINDOW_OUT_START] = "start", [WINDOW_OUT_END] = "end", [WINDOW_OUT_TIME] = "time"
    };
    bool ok = put_spec(f, &n->window_aggregate.window, in) &&
              facts_columns(f, "group", in, n->window_aggregate.keys, n->window_aggregate.n_keys) &&
              put_calls(f, n, n->window_aggregate.calls, n->window_aggregate.n_calls, n->window_aggregate.n_keys) &&
              list_open(f, "out");
    for (uint32_t i = 0; i < n->window_aggregate.n_outputs && ok; i++)
        ok = put_item(f, str_from(outs[n->window_aggregate.outputs[i]]));
    return ok && list_close(f) && put_flag(f, n->window_aggregate.retracting, "retracting") &&
           put_flag(f, n->window_aggregate.late_output, "late-output");
}

static bool put_order(struct facts *f, const struct schema *in, const struct sort_key *keys, uint32_t n, int64_t limit,
                      int64_t offset)
{
    bool ok = n == 0 || list_open(f, "order");
    for (uint32_t i = 0; i < n && ok; i++) {
        bool usual = keys[i].nulls_first != keys[i].descending;
        struct str s = arena_printf(f->plan->arena, "%.*s %s%s", STR_ARG(in->fields[keys[i].column].name),
                                    keys[i].descending ? "DESC" : "ASC",
                                    usual                 ? ""
                                    : keys[i].nulls_first ? " NULLS FIRST"
                                                          : " NULLS LAST");
        ok = s.ptr && put_item(f, s);
    }
    return ok && (n == 0 || list_close(f)) && (limit < 0 || put_number(f, "limit", limit)) &&
           (offset == 0 || put_number(f, "offset", offset));
}

static bool put_sort(struct facts *f, const struct node *n, const struct schema *in)
{
    return put_order(f, in, n->sort.keys, n->sort.n_keys, n->sort.limit, n->sort.offset);
}

static bool put_time_sort(struct facts *f, const struct node *n, const struct schema *in)
{
    return put_order(f, in, n->time_sort.keys, n->time_sort.n_keys, -1, 0) &&
           put_flag(f, n->time_sort.processing_time, "processing-time");
}

static bool put_setop(struct facts *f, const struct node *n, const struct schema *in)
{
    (void)in;
    return put_text(f, "op", n->set.except ? STR("EXCEPT") : STR("INTERSECT")) && put_flag(f, n->set.all, "all");
}

static bool put_table(struct facts *f, const struct node *n, const struct schema *in)
{
    return put_order(f, in, n->table.keys, n->table.n_keys, n->table.limit, n->table.offset);
}

static bool put_sink(struct facts *f, const struct node *n, const struct schema *in)
{
    (void)in;
    const struct table_desc *t = n->sink.table;
    bool names = f->form != FACTS_POSITIONS || !n->sink.is_result; /* those of a SELECT are its aliases */
    bool ok = put_text(f, "table", t->name) && put_text(f, "connector", str_from(t->connector->name)) &&
              list_open(f, "columns");
    for (uint32_t i = 0; names && i < n->sink.columns.n_fields && ok; i++)
        ok = put_item(f, n->sink.columns.fields[i].name);
    bool repeats = f->form != FACTS_POSITIONS && t->connector->flags & CONNECTOR_AT_LEAST_ONCE;
    return ok && list_close(f) && put_flag(f, n->sink.upsert, "upsert") &&
           (!repeats || put_text(f, "to-cluster", STR("at-least-once")));
}

static bool (*const kinds[NODE_KINDS])(struct facts *, const struct node *, const struct schema *) = {
    [NODE_SOURCE] = put_source,       [NODE_VALUES] = put_values,       [NODE_CALC] = put_calc,
    [NODE_WATERMARK] = put_watermark, [NODE_UNION] = put_nothing,       [NODE_EXCHANGE] = put_exchange,
    [NODE_NORMALIZE] = put_normalize, [NODE_WINDOW] = put_window,       [NODE_AGGREGATE] = put_aggregate,
    [NODE_SORT] = put_sort,           [NODE_TABLE] = put_table,         [NODE_SINK] = put_sink,
    [NODE_WINDOW_AGGREGATE] = put_window_aggregate,                     [NODE_UNNEST] = put_unnest,
    [NODE_TO_CHANGELOG] = put_changelog,                               [NODE_FROM_CHANGELOG] = put_changelog,
    [NODE_EXPAND] = put_expand,       [NODE_SET] = put_setop,             [NODE_TIME_SORT] = put_time_sort,
};

/* The columns that a node's expressions see: those of its first input (of that one's input for late rows). */
static const struct schema *seen_by(const struct facts *f, const struct node *n)
{
    if (n->n_inputs == 0)
        return &n->schema;
    const struct node *from = f->plan->nodes[n->inputs[0].node];
    if (n->inputs[0].port == 1)
        from = f->plan->nodes[from->inputs[0].node];
    return as_named(f, &from->schema);
}

bool facts_put(struct facts *f, const struct node *n)
{
    const struct schema *in = seen_by(f, n);
    return in && kinds[n->kind](f, n, in);
}

bool facts_kinds(struct facts *f, const struct node *n)
{
    static const char *const names[] = { "I", "UB", "UA", "D" };
    bool ok = facts_key(f, "changelog") && put(f, "[");
    f->items = 0;
    for (uint32_t k = 0; k < 4 && ok; k++)
        if (n->kinds >> k & 1u)
            ok = buf_printf(f->out, is_json(f) ? "%s\"%s\"" : "%s%s", f->items++ ? "," : "", names[k]);
    return ok && list_close(f);
}

/* ---- what is kept ---- */

bool facts_state(const struct node *n, struct state_fact *ret)
{
    static const char for_good[] = "always", to_end[] = "end of input";
    switch (n->kind) {
    case NODE_SOURCE:
        *ret = (struct state_fact){ .keeps = "position", .by = "split", .until = for_good };
        return true;
    case NODE_VALUES:
        *ret = (struct state_fact){ .keeps = "position", .until = for_good };
        return true;
    case NODE_WATERMARK:
        *ret = (struct state_fact){ .keeps = "watermark", .by = "split", .until = for_good };
        return true;
    case NODE_NORMALIZE:
        *ret = (struct state_fact){ "last row", "key", for_good, n->normalize.keys, n->normalize.n_keys };
        return true;
    case NODE_AGGREGATE:
        *ret = (struct state_fact){ "accumulators", "key", for_good, n->aggregate.keys, n->aggregate.n_keys };
        return true;
    case NODE_WINDOW_AGGREGATE:
        *ret = (struct state_fact){ "accumulators", "key and pane", "window end", n->window_aggregate.keys,
                                    n->window_aggregate.n_keys };
        return true;
    case NODE_SET:
        *ret = (struct state_fact){ .keeps = "counts", .by = "row", .until = for_good };
        return true;
    case NODE_TIME_SORT:
        *ret = (struct state_fact){ .keeps = "rows", .until = "their time has passed" };
        return true;
    case NODE_SORT:
        *ret = n->sort.n_keys ? (struct state_fact){ .keeps = "rows", .until = to_end }
                              : (struct state_fact){ .keeps = "count", .until = for_good };
        return true;
    case NODE_TABLE:
        *ret = (struct state_fact){ .keeps = "rows", .until = to_end };
        return true;
    case NODE_SINK:
        *ret = (struct state_fact){ .keeps = "commit", .by = "writer", .until = for_good };
        return true;
    default:
        return false;
    }
}

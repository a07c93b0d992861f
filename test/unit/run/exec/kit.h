/* For tests of operators: the node comes out of a plan made from SQL, its operator is driven by hand through its table, as the chain
 * would, and what it puts out is text: a line a row, "+I 1|abc|2000" (NULL is "-", rows of port 1 begin with "late "), "watermark N",
 * "idle" and "active".
 *
 * A refusal of memory may be armed: then helpers become empty after the first failure, which `failed` tells. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exec/exec_private.h"
#include "os/sim.h"

struct kit {
    struct arena arena;
    struct catalog *catalog;
    struct plan *plan;
    struct node *node;
    struct budget budget;
    struct sim *sim;
    struct exec_context ctx;
    struct op *o;
    struct batch *in;
    struct buf journal; /* the deltas of all barriers */
    char out[1 << 18];
    size_t len;
    uint32_t calls, widest; /* of the last helper: slot calls, rows in the widest batch */
    bool failed, waits;
    struct error err;
};

/* ---- a plan ---- */

static inline enum status kit_bounded(const struct table_desc *t, bool *ret, struct error *err)
{
    (void)t, (void)err;
    *ret = true;
    return ST_OK;
}
static inline enum status kit_retract(const struct table_desc *t, uint32_t *ret_kinds, struct error *err)
{
    (void)t, (void)err;
    *ret_kinds = KINDS_RETRACT;
    return ST_OK;
}
static inline enum status kit_upsert(const struct table_desc *t, uint32_t *ret_kinds, struct error *err)
{
    (void)t, (void)err;
    *ret_kinds = KINDS_UPSERT;
    return ST_OK;
}
static const struct connector kit_connectors[] = {
    { .name = "rows", .flags = CONNECTOR_SOURCE, .bounded = kit_bounded },
    { .name = "changes", .flags = CONNECTOR_SOURCE, .bounded = kit_bounded, .source_kinds = kit_retract },
    { .name = "upserts", .flags = CONNECTOR_SOURCE, .bounded = kit_bounded, .source_kinds = kit_upsert },
    { .name = "stream", .flags = CONNECTOR_SOURCE }, /* without an end */
    { .name = "any", .flags = CONNECTOR_SINK | CONNECTOR_SINK_UPDATES },
};

#define KIT_TABLE(connector)                                                                                  \
    "CREATE TABLE g (k BIGINT, v BIGINT, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = '" connector "');"

/* What comes in; a node without inputs stands for its own. */
static inline const struct node *kit_input(const struct kit *k)
{
    return k->node->n_inputs ? k->plan->nodes[k->node->inputs[0].node] : k->node;
}

/* Plans `sql`, whose last statement is an INSERT, and chooses its first node of a kind. */
static inline void kit_plan(struct kit *k, const char *sql, uint32_t capacity, enum node_kind kind)
{
    struct syn_stmt **stmts;
    uint32_t n;
    memset(k, 0, sizeof *k);
    arena_init(&k->arena, NULL);
    error_clear(&k->err);
    k->catalog = catalog_new(NULL);
    for (size_t i = 0; i < sizeof kit_connectors / sizeof *kit_connectors; i++)
        assert_true(catalog_add_connector(k->catalog, &kit_connectors[i]));
    struct plan_env env = { .arena = &k->arena, .catalog = k->catalog, .zone = zone_utc, .capacity = capacity };
    enum status st = syn_parse(&k->arena, str_from(sql), &stmts, &n, &k->err);
    for (uint32_t i = 0; st == ST_OK && i < n; i++) {
        const struct syn_stmt *one = stmts[i];
        struct table_desc *t;
        if (one->kind != SYN_STMT_CREATE_TABLE) {
            st = plan_inserts(&env, &one, 1, &k->plan, &k->err);
            continue;
        }
        st = plan_create_table(&env, one, &t, &k->err);
        st = st == ST_OK ? catalog_add_table(k->catalog, t, false, &k->err) : st;
    }
    if (st != ST_OK)
        fail_msg("%s: %s", status_name(st), k->err.message);
    for (uint32_t i = 0; i < k->plan->n_nodes && !k->node; i++)
        if (k->plan->nodes[i]->kind == kind)
            k->node = k->plan->nodes[i];
    assert_non_null(k->node);
    k->sim = sim_new(1, NULL);
    budget_init(&k->budget, "test", SIZE_MAX, NULL);
    buf_init(&k->journal, NULL, SIZE_MAX / 2);
    k->ctx = (struct exec_context){ .os = sim_os(k->sim), .budget = &k->budget, .capacity = capacity, .shards = 1, .durable = true,
                                    .zone = zone_utc, .epoch = 1 };
    k->in = batch_new(&kit_input(k)->schema, BATCH_ROWS, NULL);
    assert_non_null(k->in);
}

/* ---- a life ---- */

static inline const struct op_ops *kit_ops(const struct node *n)
{
    switch (n->kind) {
    case NODE_VALUES: return &op_values;
    case NODE_UNION:
    case NODE_EXCHANGE: return &op_pass;
    case NODE_CALC: return &op_calc;
    case NODE_WATERMARK: return &op_watermark;
    case NODE_NORMALIZE: return &op_normalize;
    case NODE_WINDOW: return &op_window;
    case NODE_UNNEST: return &op_unnest;
    case NODE_EXPAND: return &op_expand;
    case NODE_TO_CHANGELOG: return &op_to_changelog;
    case NODE_FROM_CHANGELOG: return &op_from_changelog;
    case NODE_SET: return &op_set;
    case NODE_TIME_SORT: return &op_time_sort;
    case NODE_AGGREGATE: return &op_aggregate;
    case NODE_WINDOW_AGGREGATE: return &op_window_aggregate;
    case NODE_TABLE: return &op_sort;
    case NODE_SORT: return n->sort.n_keys ? &op_sort : &op_limit;
    case NODE_SINK: return &op_sink;
    default: fail_msg("no operator for this kind"); return NULL;
    }
}

static inline enum status kit_apply(void *arg, const struct delta *d, struct error *err)
{
    struct kit *k = arg;
    for (uint32_t i = 0; i < k->o->n_stores; i++)
        if (str_eq(store_layout(k->o->stores[i])->id, d->store))
            return store_apply(k->o->stores[i], d, k->ctx.shard, k->ctx.shards, err);
    fail_msg("a delta of an unknown store");
    return ST_BUG;
}

static inline void kit_close(struct kit *k)
{
    if (!k->o)
        return;
    if (k->o->ops->close)
        k->o->ops->close(k->o);
    for (uint32_t i = 0; i < k->o->n_stores; i++)
        store_free(k->o->stores[i]);
    free(k->o);
    k->o = NULL;
    assert_int_equal(atomic_load(&k->budget.used), 0); /* nothing is left behind */
}

/* A new operator that is restored from the journal, which is empty for the first. */
static inline void kit_open(struct kit *k)
{
    if (k->failed)
        return;
    kit_close(k);
    const struct op_ops *ops = kit_ops(k->node);
    const struct node *from = kit_input(k);
    k->o = calloc(1, ops->size);
    assert_non_null(k->o);
    k->o->ops = ops;
    k->o->node = k->node;
    k->o->plan = k->plan;
    k->o->input_schema = &from->schema;
    k->o->input_kinds = from->kinds;
    k->o->ctx = &k->ctx;
    k->o->budget = &k->budget;
    budget_init(&k->o->state, "state", SIZE_MAX, &k->budget);
    k->o->deadline_ms = INT64_MAX;
    k->o->watermark = INT64_MIN;
    enum status st = ops->open ? ops->open(k->o, &k->err) : ST_OK;
    if (st == ST_OK)
        st = delta_read(buf_str(&k->journal), kit_apply, k, &k->err);
    if (st == ST_OK && ops->start)
        st = ops->start(k->o, &k->err);
    k->failed = st != ST_OK;
}

static inline void kit_done(struct kit *k)
{
    kit_close(k);
    batch_free(k->in);
    buf_release(&k->journal);
    sim_free(k->sim);
    plan_release(k->plan);
    catalog_free(k->catalog);
    arena_release(&k->arena);
}

/* ---- rows in ---- */

static inline void kit_cell(struct kit *k, uint32_t row, struct str name, struct str value)
{
    const struct schema *s = k->in->schema;
    for (uint32_t c = 0; c < s->n_fields; c++) {
        struct column *col = &k->in->cols[c];
        int64_t v = 0;
        if (!str_eq(s->fields[c].name, name))
            continue;
        if (col->nulls)
            col->nulls[row] = 0;
        if (s->fields[c].type->kind == TYPE_VARCHAR) {
            assert_true(value.len <= 12 && column_set_str(col, row, value.ptr, value.len));
            return;
        }
        assert_true(str_to_i64(value, &v));
        col->i64[row] = v;
        return;
    }
}

/* Fills `in` from "+I k=1 v=2 s=abc ts=1000; -D …"; a column that is not named is NULL. */
static inline void kit_rows(struct kit *k, const char *text)
{
    struct str rest = str_from(text);
    batch_clear(k->in);
    while (rest.ptr && rest.len) {
        struct str one = str_trim(str_split(&rest, ';'));
        uint32_t row = k->in->count++;
        struct str kind = str_split(&one, ' ');
        for (uint32_t c = 0; c < k->in->schema->n_fields; c++)
            column_set_null(&k->in->cols[c], row);
        for (uint8_t i = ROW_INSERT; i <= ROW_DELETE; i++)
            if (str_eq(kind, str_from(row_kind_name(i))))
                batch_kinds(k->in)[row] = i;
        while (one.ptr && one.len) {
            struct str value = str_split(&one, ' '), name = str_split(&value, '=');
            kit_cell(k, row, name, value);
        }
    }
}

/* ---- and out ---- */

static inline void kit_say(struct kit *k, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline void kit_say(struct kit *k, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(k->out + k->len, sizeof k->out - k->len, fmt, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof k->out - k->len);
    k->len += (size_t)n;
}

static inline void kit_say_rows(struct kit *k, const struct emit *out)
{
    const struct batch *b = out->batch;
    k->widest = batch_rows(b) > k->widest ? batch_rows(b) : k->widest;
    for (uint32_t i = 0; i < batch_rows(b); i++) {
        uint32_t row = batch_row(b, i);
        kit_say(k, "%s%s ", out->port ? "late " : "", row_kind_name(batch_kind(b, row)));
        for (uint32_t c = 0; c < b->schema->n_fields; c++) {
            const struct column *col = &b->cols[c];
            kit_say(k, c ? "|" : "");
            if (column_is_null(col, row))
                kit_say(k, "-");
            else if (b->schema->fields[c].type->kind == TYPE_VARCHAR)
                kit_say(k, "%.*s", STR_ARG(column_str(col, row)));
            else
                kit_say(k, "%lld", (long long)col->i64[row]);
        }
        kit_say(k, "\n");
    }
}

enum kit_slot { KIT_BATCH, KIT_WATERMARK, KIT_TIMER, KIT_SPLIT, KIT_POLL, KIT_END };

/* Calls a slot until it is done. */
static inline void kit_drive(struct kit *k, enum kit_slot slot, const struct event *ev)
{
    enum op_result r = OP_MORE;
    k->calls = k->widest = 0;
    k->waits = false;
    while (!k->failed && r == OP_MORE) {
        struct emit out = { .split = UINT32_MAX, .source_watermark = INT64_MIN };
        const struct op_ops *ops = k->o->ops;
        switch (slot) {
        case KIT_BATCH: r = ops->batch(k->o, 0, ev, &out, &k->err); break;
        case KIT_WATERMARK: r = ops->watermark(k->o, ev->time, &out, &k->err); break;
        case KIT_TIMER: r = ops->timer(k->o, ev->time, &out, &k->err); break;
        case KIT_SPLIT: r = ops->split(k->o, ev, &out, &k->err); break;
        case KIT_POLL: r = ops->poll(k->o, &out, &k->err); break;
        case KIT_END: r = ops->end(k->o, &out, &k->err); break;
        }
        assert_true(++k->calls < 100000);
        k->failed = r == OP_FAILED;
        k->waits = r == OP_WAIT;
        if (k->failed)
            return;
        if (out.batch)
            kit_say_rows(k, &out);
        if (out.has_watermark)
            kit_say(k, "watermark %lld\n", (long long)out.watermark);
        if (out.has_idle)
            kit_say(k, out.idle ? "idle\n" : "active\n");
    }
}

static inline void kit_batch(struct kit *k, const char *rows)
{
    struct event ev = { .kind = EVENT_BATCH, .batch = k->in, .split = UINT32_MAX, .time = INT64_MIN };
    kit_rows(k, rows);
    kit_drive(k, KIT_BATCH, &ev);
}
static inline void kit_watermark(struct kit *k, int64_t ms)
{
    struct event ev = { .kind = EVENT_WATERMARK, .time = ms };
    if (!k->failed)
        k->o->watermark = ms;
    kit_drive(k, KIT_WATERMARK, &ev);
}
static inline void kit_end(struct kit *k)
{
    struct event ev = { .kind = EVENT_END };
    kit_drive(k, KIT_END, &ev);
}
static inline void kit_barrier(struct kit *k)
{
    if (k->failed)
        return;
    if (k->o->ops->barrier)
        k->failed = k->o->ops->barrier(k->o, k->ctx.epoch, false, &k->err) != OP_DONE;
    k->ctx.epoch++;
    for (uint32_t i = 0; !k->failed && i < k->o->n_stores; i++)
        k->failed = store_delta(k->o->stores[i], &k->journal, &k->err) != ST_OK;
}
/* The epoch ends, the process too; another goes on. */
static inline void kit_restart(struct kit *k)
{
    kit_barrier(k);
    kit_open(k);
}

/* What has come since the last look. */
#define kit_expect(k, text)                   \
    do {                                      \
        (k)->out[(k)->len] = 0;               \
        assert_string_equal((k)->out, text);  \
        (k)->len = 0;                         \
        assert_false((k)->failed);            \
    } while (0)

static inline int kit_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines in order of text: where the order of groups is nobody's business. */
static inline void kit_sort(struct kit *k)
{
    static char copy[sizeof k->out];
    static char *lines[1 << 14];
    size_t n = 0, at = 0;
    memcpy(copy, k->out, k->len);
    for (size_t i = 0; i < k->len; i++) {
        if (copy[i] != '\n')
            continue;
        copy[i] = 0;
        assert_true(n < sizeof lines / sizeof *lines);
        lines[n++] = copy + at;
        at = i + 1;
    }
    qsort(lines, n, sizeof *lines, kit_compare);
    k->len = 0;
    for (size_t i = 0; i < n; i++)
        kit_say(k, "%s\n", lines[i]);
}

/* Two lives, with every single take of memory refused in turn, in the first or in the second, which is restored from what the first one
 * left: each fails as ST_MEMORY, or not at all, and leaves nothing behind. `opening`: refusals begin with the operator's opening, else
 * with its first row. */
static inline void kit_refuse_each(const char *sql, uint32_t capacity, enum node_kind kind, bool opening, void (*first)(struct kit *k),
                                   void (*second)(struct kit *k))
{
    static struct kit k;
    for (int life = 0; life < 2; life++) {
        uint64_t n = 0, refused = 0;
        for (bool hit = true; hit;) {
            kit_plan(&k, sql, capacity, kind);
            budget_fail_nth(life == 0 ? ++n : 0);
            kit_open(&k);
            first(&k);
            kit_barrier(&k);
            if (life == 1) {
                assert_false(k.failed);
                kit_close(&k);
                budget_fail_nth(opening ? ++n : 0);
                kit_open(&k);
                if (!opening)
                    budget_fail_nth(++n);
                second(&k);
                kit_barrier(&k);
            }
            hit = budget_takes() >= n;
            budget_fail_nth(0);
            if (k.failed && k.err.status != ST_MEMORY)
                fail_msg("life %d, refusal %llu: %s: %s", life, (unsigned long long)n, status_name(k.err.status), k.err.message);
            refused += k.failed;
            kit_done(&k);
            assert_true(n < 5000);
        }
        assert_true(refused > 2); /* the switch does something */
    }
}

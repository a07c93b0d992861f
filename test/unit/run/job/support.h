/* What the job tests share: plans from SQL over a generated source and a sink into a `world` that outlives jobs,
 * and a driver that runs a job by steps on the twin.
 *
 * `gen`: `splits` splits of `rows` rows, all drawn from split and row number; a position is a row number. `mem`: a
 * sink whose commit bytes are the rows since the last commit; what is published adds up in the world as net counts
 * a row, and an epoch counts once a subtask. So the world after any number of lives must equal that of one
 * undisturbed life. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "job/job_private.h"
#include "os/sim.h"

#define WORLD_SINKS 4u

struct world_sink {
    struct str table;
    uint64_t upto[64]; /* newest published epoch of each subtask */
};

struct world {
    uint32_t splits, rows, keys;
    uint32_t read_rows;   /* most rows a read */
    bool unbounded;       /* splits never end: they wait */
    uint32_t wait_every;  /* the sink waits every so many calls; 0: never */
    uint32_t mute;        /* splits from this one on give nothing for now; 0: all give */
    uint32_t listed;      /* splits that are there by now; 0: all */
    int64_t discover_ms;
    struct arena arena;
    struct map net; /* "table: row" -> int64_t */
    struct world_sink sinks[WORLD_SINKS];
    atomic_uint publishes;
    atomic_uint stale_opens; /* writers that began in an epoch that was published already: files carry its number */
    atomic_bool locked;
};

static void world_init(struct world *w, uint32_t splits, uint32_t rows, uint32_t keys)
{
    *w = (struct world){ .splits = splits, .rows = rows, .keys = keys, .read_rows = 16 };
    arena_init(&w->arena, NULL);
    map_init(&w->net, &w->arena, false);
}

static void world_release(struct world *w) { arena_release(&w->arena); }

static void world_add(struct world *w, struct str line, int64_t n)
{
    int64_t *count = map_get(&w->net, line);
    while (!count) { /* a planted failure fails once */
        int64_t *cell = arena_calloc(&w->arena, sizeof *cell);
        struct str key = cell ? arena_str(&w->arena, line) : line;
        if (cell && key.ptr && map_put(&w->net, key, cell))
            count = cell;
    }
    *count += n;
}

static bool world_has_all(const struct world *a, const struct world *b)
{
    for (struct map_entry *e = map_next(&a->net, NULL); e; e = map_next(&a->net, e)) {
        const int64_t *x = e->value, *y = map_get(&b->net, e->key);
        if (*x != (y ? *y : 0))
            return false;
    }
    return true;
}
static inline bool world_equal(const struct world *a, const struct world *b)
{
    return world_has_all(a, b) && world_has_all(b, a);
}

static inline void world_show(const struct world *a, const struct world *b)
{
    for (struct map_entry *e = map_next(&a->net, NULL); e; e = map_next(&a->net, e)) {
        const int64_t *x = e->value, *y = map_get(&b->net, e->key);
        if (*x != (y ? *y : 0))
            print_error("%.*s: %lld times, expected %lld\n", STR_ARG(e->key), (long long)*x, (long long)(y ? *y : 0));
    }
}

/* ---- the source ---- */

struct gen_source {
    struct source base;
    struct world *world;
};
#define GEN_BYTES 10u /* that a row is said to have taken */
#define MEM_BYTES 7u

struct gen_reader {
    struct split_reader base;
    struct world *world;
    uint32_t split;
    uint64_t next;
};

static enum status gen_splits(struct source *s, struct arena *a, struct split **ret, uint32_t *ret_n, struct error *err)
{
    (void)err;
    struct world *w = ((struct gen_source *)s)->world;
    uint32_t n = w->listed ? w->listed : w->splits;
    *ret = ARENA_ARRAY(a, struct split, n);
    if (!*ret)
        return budget_error(a->budget, 0, err);
    for (uint32_t i = 0; i < n; i++) {
        (*ret)[i].id = arena_printf(a, "split-%03u", i);
        if (!(*ret)[i].id.ptr)
            return budget_error(a->budget, 0, err);
    }
    *ret_n = n;
    return ST_OK;
}

static enum status gen_open(struct source *s, const struct split *split, struct str position, struct budget *b,
                            struct os_signal *wake, struct split_reader **ret, struct error *err)
{
    (void)wake, (void)b;
    struct world *w = ((struct gen_source *)s)->world;
    uint32_t number = (uint32_t)strtoul(split->id.ptr + 6, NULL, 10);
    if (number >= w->splits)
        return error_set(err, ST_MISMATCH, "%.*s has gone", STR_ARG(split->id));
    struct gen_reader *r = test_malloc(sizeof *r);
    *r = (struct gen_reader){ { s->ops }, w, number, 0 };
    if (position.len)
        memcpy(&r->next, position.ptr, sizeof r->next);
    *ret = &r->base;
    return ST_OK;
}

static enum status gen_read(struct split_reader *base, struct batch *out, uint32_t max_rows, enum read_outcome *ret,
                            int64_t *ret_wake_ms, int64_t *ret_watermark_ms, struct error *err)
{
    (void)ret_wake_ms, (void)ret_watermark_ms;
    struct gen_reader *r = (struct gen_reader *)base;
    struct world *w = r->world;
    if (w->mute && r->split >= w->mute) {
        *ret = READ_WAIT;
        return ST_OK;
    }
    uint32_t most = max_rows < w->read_rows ? max_rows : w->read_rows;
    most = most < out->capacity - out->count ? most : out->capacity - out->count;
    for (uint32_t i = 0; i < most && r->next < w->rows; i++, r->next++) {
        uint64_t dice = hash_u64(r->split * 1000003u + r->next);
        uint32_t at = out->count++;
        char text[64];
        int n = snprintf(text, sizeof text, "key-%llu-with-a-long-tail", (unsigned long long)(dice % w->keys));
        out->cols[0].i64[at] = (int64_t)(dice % w->keys);
        out->cols[1].i64[at] = (int64_t)(r->split * 1000000u + r->next);
        if (!column_set_str(&out->cols[2], at, text, (size_t)n))
            return budget_error(out->budget, (size_t)n, err);
        out->cols[3].i64[at] = (int64_t)r->next * 100 + (int64_t)(dice >> 40) % 50;
        base->bytes += GEN_BYTES;
    }
    *ret = r->next < w->rows ? READ_ROWS : w->unbounded ? READ_WAIT : READ_END;
    return ST_OK;
}

static enum status gen_position(struct split_reader *base, struct buf *out, struct error *err)
{
    struct gen_reader *r = (struct gen_reader *)base;
    return buf_put(out, &r->next, sizeof r->next) ? ST_OK : budget_error(out->budget, 8, err);
}

static void gen_close(struct split_reader *r)
{
    if (r)
        test_free(r);
}
static void gen_free(struct source *s) { test_free(s); }

static const struct source_ops gen_ops = { gen_splits, gen_open, gen_read, gen_position, gen_close, gen_free };

static enum status gen_open_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                                   int64_t *ret_discover_ms, struct source **ret, struct error *err)
{
    (void)needs, (void)err;
    struct gen_source *s = test_malloc(sizeof *s);
    *s = (struct gen_source){ { &gen_ops, t }, ctx->extra };
    *ret_discover_ms = s->world->discover_ms;
    *ret = &s->base;
    return ST_OK;
}

static enum status gen_bounded(const struct table_desc *t, bool *ret, struct error *err)
{
    (void)t, (void)err;
    *ret = true;
    return ST_OK;
}

/* ---- the sink ---- */

#define MEM_CHUNKS 64u

struct mem_sink {
    struct sink base;
    struct world *world;
    struct world_sink *mine;
    bool durable;
};
struct mem_writer {
    struct sink_writer base;
    struct mem_sink *sink;
    uint32_t subtask, calls;
    struct os_signal *wake;
    struct buf lines[MEM_CHUNKS]; /* gathering, in small pieces: a buffer that doubles needs room for the double */
    uint32_t chunk;
    uint64_t epoch;
};

static void mem_publish_lines(struct mem_sink *s, uint32_t subtask, uint64_t epoch, struct str lines)
{
    struct world *w = s->world;
    while (atomic_exchange(&w->locked, true))
        ;
    if (epoch > s->mine->upto[subtask]) {
        s->mine->upto[subtask] = epoch;
        while (lines.len) {
            struct str line = str_split(&lines, '\n');
            char text[512];
            if (!line.len)
                continue;
            int n = snprintf(text, sizeof text, "%.*s:%.*s", STR_ARG(s->base.table->name), (int)line.len - 1,
                             line.ptr + 1);
            world_add(w, str_make(text, (size_t)n), line.ptr[0] == '+' ? 1 : -1);
        }
    }
    atomic_store(&w->locked, false);
    atomic_fetch_add(&w->publishes, 1);
}

static enum status mem_restore(struct sink *base, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    (void)err;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t epoch;
        if (commits[i].bytes.len < sizeof epoch)
            continue;
        memcpy(&epoch, commits[i].bytes.ptr, sizeof epoch);
        mem_publish_lines((struct mem_sink *)base, commits[i].subtask, epoch,
                          str_make(commits[i].bytes.ptr + 8, commits[i].bytes.len - 8));
    }
    return ST_OK;
}

static enum status mem_open(struct sink *base, uint32_t subtask, uint64_t epoch, struct budget *b,
                            struct os_signal *wake, struct sink_writer **ret, struct error *err)
{
    (void)err;
    struct mem_sink *s = (struct mem_sink *)base;
    s->world->stale_opens += epoch <= s->mine->upto[subtask];
    struct mem_writer *w = test_malloc(sizeof *w);
    *w = (struct mem_writer){ { base->ops }, (struct mem_sink *)base, subtask, 0, wake };
    for (uint32_t i = 0; i < MEM_CHUNKS; i++)
        buf_init(&w->lines[i], b, 1u << 30);
    *ret = &w->base;
    return ST_OK;
}

static enum status mem_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret,
                             struct error *err)
{
    struct mem_writer *w = (struct mem_writer *)base;
    uint32_t every = w->sink->world->wait_every;
    *ret = WRITE_DONE;
    if (every && ++w->calls % every) {
        *ret = WRITE_WAIT;
        return ST_OK;
    }
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        uint32_t row = batch_row(b, k);
        struct buf *to = &w->lines[w->chunk];
        if (to->len > 60000 && w->chunk + 1 < MEM_CHUNKS)
            to = &w->lines[++w->chunk];
        bool ok = buf_put_u8(to, row_kind_adds(batch_kind(b, row)) ? '+' : '-');
        for (uint32_t c = 0; ok && c < b->schema->n_fields; c++)
            ok = buf_put_u8(to, ' ') && value_print(to, &b->cols[c], row, &zone_utc);
        if (!ok || !buf_put_u8(to, '\n'))
            return budget_error(to->budget, 100, err);
        base->bytes += MEM_BYTES;
    }
    return ST_OK;
}

static enum status mem_prepare(struct sink_writer *base, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                               struct error *err)
{
    (void)final, (void)now_ms;
    struct mem_writer *w = (struct mem_writer *)base;
    w->epoch = epoch;
    if (w->lines[0].len == 0)
        return ST_OK;
    bool ok = buf_put_u64(out, epoch);
    for (uint32_t i = 0; ok && w->sink->durable && i <= w->chunk; i++)
        ok = buf_put(out, w->lines[i].data, w->lines[i].len);
    return ok ? ST_OK : budget_error(out->budget, 0, err);
}

static enum status mem_flush(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)w, (void)epoch, (void)err;
    return ST_OK;
}

static enum status mem_publish(struct sink_writer *base, uint64_t epoch, struct error *err)
{
    (void)err;
    struct mem_writer *w = (struct mem_writer *)base;
    assert_int_equal(epoch, w->epoch);
    struct buf all;
    buf_init(&all, NULL, 1u << 30);
    for (uint32_t i = 0; i <= w->chunk; i++) {
        while (!buf_put(&all, w->lines[i].data, w->lines[i].len))
            ;
        struct budget *b = w->lines[i].budget;
        buf_release(&w->lines[i]);
        buf_init(&w->lines[i], b, 1u << 30);
    }
    w->chunk = 0;
    if (all.len)
        mem_publish_lines(w->sink, w->subtask, epoch, buf_str(&all));
    buf_release(&all);
    return ST_OK;
}

static void mem_close(struct sink_writer *base)
{
    struct mem_writer *w = (struct mem_writer *)base;
    for (uint32_t i = 0; i < MEM_CHUNKS; i++)
        buf_release(&w->lines[i]);
    test_free(w);
}
static void mem_sink_free(struct sink *s) { test_free(s); }

static const struct sink_ops mem_ops = { .restore = mem_restore, .open = mem_open, .write = mem_write,
                                         .prepare = mem_prepare, .flush = mem_flush, .publish = mem_publish,
                                         .close = mem_close, .free = mem_sink_free };

static enum status mem_open_sink(const struct table_desc *t, const struct schema *schema, bool upsert,
                                 struct connect_context *ctx, struct sink **ret, struct error *err)
{
    (void)schema, (void)upsert, (void)err;
    struct mem_sink *s = test_malloc(sizeof *s);
    *s = (struct mem_sink){ { &mem_ops, t }, ctx->extra, NULL, ctx->durable };
    for (uint32_t i = 0; i < WORLD_SINKS && !s->mine; i++) {
        struct world_sink *k = &s->world->sinks[i];
        if (!k->table.ptr)
            k->table = arena_str(&s->world->arena, t->name);
        if (str_eq(k->table, t->name))
            s->mine = k;
    }
    *ret = &s->base;
    return ST_OK;
}

/* ---- plans ---- */

static const struct connector test_connectors[] = {
    { .name = "gen", .flags = CONNECTOR_SOURCE, .bounded = gen_bounded, .open_source = gen_open_source },
    { .name = "mem", .flags = CONNECTOR_SINK | CONNECTOR_SINK_UPDATES, .open_sink = mem_open_sink },
};

#define GEN                                                                                                          \
    "CREATE TABLE g (k BIGINT, v BIGINT, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) " \
    "WITH ('connector' = 'gen');"

struct planned {
    struct arena arena;
    struct catalog *catalog;
    struct plan *plan;
};

/* The last statement is an INSERT or a statement set. */
static void plan_sql(struct planned *p, const char *sql, uint32_t capacity)
{
    struct error err;
    struct syn_stmt **stmts;
    uint32_t n;
    error_clear(&err);
    arena_init(&p->arena, NULL);
    p->catalog = catalog_new(NULL);
    p->plan = NULL;
    for (size_t i = 0; i < sizeof test_connectors / sizeof *test_connectors; i++)
        assert_true(catalog_add_connector(p->catalog, &test_connectors[i]));
    struct plan_env env = { .arena = &p->arena, .catalog = p->catalog, .zone = zone_utc, .capacity = capacity };
    enum status st = syn_parse(&p->arena, str_from(sql), &stmts, &n, &err);
    for (uint32_t i = 0; st == ST_OK && i < n; i++) {
        const struct syn_stmt *one = stmts[i];
        struct table_desc *t;
        if (one->kind == SYN_STMT_CREATE_TABLE) {
            st = plan_create_table(&env, one, &t, &err);
            if (st == ST_OK)
                st = catalog_add_table(p->catalog, t, false, &err);
        } else if (one->kind == SYN_STMT_STATEMENT_SET) {
            st = plan_inserts(&env, (const struct syn_stmt *const *)one->inserts, one->n_inserts, &p->plan, &err);
        } else {
            st = plan_inserts(&env, &one, 1, &p->plan, &err);
        }
    }
    if (st != ST_OK)
        print_error("%s: %s\n", status_name(st), err.message);
    assert_int_equal(st, ST_OK);
    assert_non_null(p->plan);
}

static void plan_done(struct planned *p)
{
    plan_release(p->plan);
    catalog_free(p->catalog);
    arena_release(&p->arena);
}

/* ---- lives on the twin ---- */

struct life {
    struct planned *planned;
    struct world *world;
    struct sim *sim;
    struct budget *budget;
    uint32_t parallelism, capacity, ring_capacity, planted;
    int64_t interval_ms;
    uint64_t seed;
    uint64_t min_snapshot_bytes;
    bool durable;
    bool snapshot_often;
    uint64_t fail_nth;   /* allocation */
    uint64_t stop_after; /* epochs; 0: never */
    uint64_t stop_rows;  /* rows read; 0: never */
    /* out */
    struct job_stats stats;
};

static void drain(struct sim *s)
{
    while (sim_work_waiting(s))
        (void)sim_work_some(s, 100);
}

/* Runs until the end, a stop or a failure. Deadlock: nothing moves however far time goes. */
static enum status drive(struct life *l, struct job *j, struct error *err)
{
    uint32_t idle = 0;
    uint64_t start = job_epoch(j), steps = 0;
    for (;;) {
        enum job_progress p = job_step(j, err);
        if (p == JOB_DONE || p == JOB_STOPPED)
            return ST_OK;
        if (p == JOB_FAILED)
            return err->status;
        uint64_t dice = sim_random(l->sim);
        if (dice % 8 == 0)
            (void)sim_work_some(l->sim, 1);
        if (dice / 8 % 3 == 0)
            sim_advance_ms(l->sim, 1);
        if (l->snapshot_often && dice / 64 % 64 == 0)
            job_force_snapshot(j);
        if (l->stop_after && job_epoch(j) - start >= l->stop_after)
            job_stop(j);
        job_stats(j, &l->stats);
        if (l->stop_rows && l->stats.rows_in >= l->stop_rows)
            job_stop(j);
        assert_true(++steps < 20000000);
        if (p == JOB_RAN) {
            idle = 0;
            continue;
        }
        if (!sim_work_some(l->sim, 1 + (uint32_t)(dice >> 60)))
            sim_advance_ms(l->sim, 10);
        assert_true(++idle < 20000); /* a deadlock */
    }
}

static inline enum status run_life(struct life *l, struct error *err)
{
    struct os *os = sim_os(l->sim);
    struct connect_context connect = { .os = os, .budget = l->budget, .zone = zone_utc, .durable = l->durable,
                                       .extra = l->world };
    struct job_config config = {
        .os = os, .budget = l->budget, .parallelism = l->parallelism, .capacity = l->capacity,
        .ring_capacity = l->ring_capacity, .commit_interval_ms = l->interval_ms, .connect = &connect, .seed = l->seed,
        .planted = l->planted,
    };
    struct buf fp;
    buf_init(&fp, NULL, 1u << 20);
    error_clear(err);
    assert_true(plan_fingerprint(&fp, l->planned->plan));
    enum status st = ST_OK;
    if (l->durable)
        st = statedir_open(os, "/state/0-out", buf_str(&fp), l->min_snapshot_bytes, l->budget, &config.log, err);
    buf_release(&fp);
    if (st != ST_OK)
        return st;
    budget_fail_nth(l->fail_nth);
    struct job *j;
    st = job_new(l->planned->plan, &config, &j, err);
    if (st != ST_OK)
        return st;
    st = drive(l, j, err);
    drain(l->sim);
    job_stats(j, &l->stats);
    job_free(j);
    return st;
}

static void expect_life(enum status st, const struct error *err)
{
    if (st != ST_OK)
        print_error("%s: %s\n", status_name(st), err->message);
    assert_int_equal(st, ST_OK);
}

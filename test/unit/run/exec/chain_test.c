/* Chains whole, over sources and a sink of the test: what is silent from the start must not hold time back. Else what is late depends on
 * how soon it comes to say so, and a row that is late in an undisturbed life is counted in one that goes on after a crash. */
#include "kit.h"

#define TABLE(name, connector) "CREATE TABLE " name " (v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = '" connector "');"
#define TUMBLE(what) "FROM TABLE(TUMBLE(TABLE " what ", DESCRIPTOR(ts), INTERVAL '10' SECOND))"
#define UNION_JOB                                                                                                        \
    TABLE("live", "stream") TABLE("other", "stream")                                                                        \
    "CREATE TABLE o (w TIMESTAMP(3), n BIGINT, m BIGINT) WITH ('connector' = 'any');"                                    \
    "INSERT INTO o SELECT window_start, COUNT(*), SUM(v) "                                                               \
    TUMBLE("(SELECT v, ts FROM live UNION ALL SELECT v, ts FROM other)") " GROUP BY window_start, window_end"
#define SHARDS_JOB                                                                                                       \
    TABLE("live", "rows") "CREATE TABLE o (v BIGINT, n BIGINT) WITH ('connector' = 'any');"                              \
    "INSERT INTO o SELECT v, COUNT(*) " TUMBLE("live") " GROUP BY v, window_start, window_end"
#define TWICE_JOB                                                                                                        \
    TABLE("live", "rows") "CREATE TABLE o (n BIGINT, m BIGINT) WITH ('connector' = 'any');"                              \
    "INSERT INTO o SELECT n, COUNT(*) FROM (SELECT v, COUNT(*) AS n " TUMBLE("live") " GROUP BY v, window_start, window_end) GROUP BY n"

#define NEVER INT64_MIN
#define MAX_ROWS 8u

static struct kit k;

/* ---- a source: what its next read gives ---- */

struct feed {
    struct source base;
    struct split_reader reader;
    bool bounded, none; /* `none`: this shard has no split */
    uint32_t n;
    int64_t rows[MAX_ROWS][2]; /* v, ts */
};

static struct feed live, other;

static enum status feed_open(struct source *s, const struct split *split, struct str position, struct budget *b, struct os_signal *wake,
                             struct split_reader **ret, struct error *err)
{
    (void)split, (void)position, (void)b, (void)wake, (void)err;
    struct feed *f = (struct feed *)s;
    f->reader.ops = s->ops;
    *ret = &f->reader;
    return ST_OK;
}
static enum status feed_read(struct split_reader *r, struct batch *out, uint32_t max_rows, enum read_outcome *ret, int64_t *ret_wake_ms,
                             int64_t *ret_watermark_ms, struct error *err)
{
    (void)max_rows, (void)ret_wake_ms, (void)ret_watermark_ms, (void)err;
    struct feed *f = (struct feed *)((char *)r - offsetof(struct feed, reader));
    for (uint32_t i = 0; i < f->n; i++) {
        out->cols[0].i64[i] = f->rows[i][0];
        out->cols[1].i64[i] = f->rows[i][1];
    }
    out->count = f->n;
    f->n = 0;
    *ret = f->bounded ? READ_END : READ_WAIT;
    return ST_OK;
}
static enum status feed_position(struct split_reader *r, struct buf *out, struct error *err)
{
    (void)r, (void)out, (void)err;
    return ST_OK;
}
static void feed_close(struct split_reader *r) { (void)r; }

static const struct source_ops feed_ops = { .open = feed_open, .read = feed_read, .position = feed_position, .close = feed_close };

static struct feed *feed_of(const struct node *n) { return str_eq(n->source.table->name, STR("live")) ? &live : &other; }

static struct source *the_source(struct exec_context *ctx, const struct node *n, int64_t *ret_discover_ms)
{
    (void)ctx;
    struct feed *f = feed_of(n);
    f->base.ops = &feed_ops;
    *ret_discover_ms = 0;
    return &f->base;
}
static void the_splits(struct exec_context *ctx, const struct node *n, const struct split **ret, uint32_t *ret_count, bool *ret_complete)
{
    static const struct split only = { STR_INIT("only") };
    (void)ctx;
    *ret = &only;
    *ret_count = !feed_of(n)->none;
    *ret_complete = feed_of(n)->bounded;
}

/* ---- a sink that says what comes ---- */

static enum status text_open(struct sink *s, uint32_t subtask, uint64_t epoch, struct budget *b, struct os_signal *wake,
                             struct sink_writer **ret, struct error *err)
{
    static struct sink_writer writer;
    (void)subtask, (void)epoch, (void)b, (void)wake, (void)err;
    writer.ops = s->ops;
    *ret = &writer;
    return ST_OK;
}
static enum status text_write(struct sink_writer *w, const struct batch *b, enum write_outcome *ret, struct error *err)
{
    (void)w, (void)err;
    kit_say_rows(&k, &(struct emit){ .batch = (struct batch *)(uintptr_t)b });
    *ret = WRITE_DONE;
    return ST_OK;
}
static enum status text_prepare(struct sink_writer *w, uint64_t epoch, bool final, int64_t now_ms, struct buf *out, struct error *err)
{
    (void)w, (void)epoch, (void)final, (void)now_ms, (void)out, (void)err;
    return ST_OK;
}
static void text_close(struct sink_writer *w) { (void)w; }

static const struct sink_ops text_ops = { .open = text_open, .write = text_write, .prepare = text_prepare, .close = text_close };

static struct sink *the_sink(struct exec_context *ctx, const struct node *n)
{
    static struct sink sink = { .ops = &text_ops };
    (void)ctx, (void)n;
    return &sink;
}

/* ---- chains ---- */

static void begin(const char *sql, enum node_kind kind)
{
    live = other = (struct feed){ 0 };
    kit_plan(&k, sql, MAX_ROWS, kind);
    k.ctx.source = the_source;
    k.ctx.splits = the_splits;
    k.ctx.sink = the_sink;
}

/* What a sender has handed over. */
static struct {
    uint32_t batches;
    int64_t watermark;
} sent;

static bool take(void *arg, const struct node *exchange, const struct event *ev, struct error *err)
{
    (void)arg, (void)exchange, (void)err;
    sent.batches += ev->kind == EVENT_BATCH;
    if (ev->kind == EVENT_WATERMARK)
        sent.watermark = ev->time;
    return true;
}

static enum status apply(void *c, const struct delta *d, struct error *err)
{
    bool known; /* else it is of another chain of the job */
    return chain_apply(c, d, &known, err);
}

/* Nodes from..to, restored from the journal and started. `channels`: of each exchange at its head; 0: exchanges pass through. */
static struct chain *chain_of(uint32_t from, uint32_t to, uint32_t channels)
{
    uint32_t nodes[64];
    struct chain *c;
    assert_true(to - from < 64);
    for (uint32_t i = from; i <= to; i++)
        nodes[i - from] = i;
    struct chain_spec spec = { .plan = k.plan, .nodes = nodes, .n_nodes = to - from + 1, .channels = channels, .send = take };
    sent.watermark = NEVER;
    sent.batches = 0;
    assert_int_equal(chain_new(&spec, &k.ctx, &c, &k.err), ST_OK);
    assert_int_equal(delta_read(buf_str(&k.journal), apply, c, &k.err), ST_OK);
    assert_int_equal(chain_start(c, &k.err), ST_OK);
    return c;
}

static void until_idle(struct chain *c)
{
    enum chain_state s = CHAIN_RAN;
    for (uint32_t i = 0; s == CHAIN_RAN; i++) {
        assert_int_equal(chain_step(c, &s, &k.err), ST_OK);
        assert_true(i < 1000);
    }
}

static void commit_and_die(struct chain *c)
{
    assert_int_equal(chain_barrier(c, k.ctx.epoch++, false, &k.err), ST_OK);
    until_idle(c);
    assert_int_equal(chain_delta(c, &k.journal, &k.err), ST_OK);
    chain_free(c);
}

/* The n-th exchange of the plan. */
static uint32_t exchange(uint32_t n)
{
    uint32_t i = 0;
    while (k.plan->nodes[i]->kind != NODE_EXCHANGE || n-- > 0)
        assert_true(++i < k.plan->n_nodes);
    return i;
}

static void push(struct chain *c, uint32_t channel, enum event_kind kind, int64_t time)
{
    struct event ev = { .kind = kind, .time = time, .batch = k.in, .split = UINT32_MAX };
    assert_int_equal(chain_push(c, exchange(0), channel, &ev, &k.err), ST_OK);
    until_idle(c);
}

/* ---- tests ---- */

#define ROWS(feed, ...)                                                                   \
    do {                                                                                  \
        static const int64_t rows_[][2] = { __VA_ARGS__ };                                \
        memcpy((feed).rows, rows_, sizeof rows_);                                         \
        (feed).n = sizeof rows_ / sizeof *rows_;                                          \
    } while (0)

/* Shard 1 has read its split to the end, and so it has nothing to say in the next life; when it comes to say so must not matter. */
static void a_row_that_is_late_without_a_crash_is_late_after_one_too(void **state)
{
    (void)state;
    begin(SHARDS_JOB, NODE_WINDOW_AGGREGATE);
    uint32_t x = exchange(0), last = k.plan->n_nodes - 1;
    live.bounded = true;
    ROWS(live, { 1, 1000 });
    struct chain *shard_1 = chain_of(0, x - 1, 2);
    until_idle(shard_1);
    assert_true(sent.watermark == INT64_MAX);
    struct chain *receiver = chain_of(x, last, 2);
    kit_rows(&k, "+I v=1 ts=1000");
    push(receiver, 1, EVENT_BATCH, NEVER);
    push(receiver, 1, EVENT_WATERMARK, INT64_MAX);
    kit_rows(&k, "+I v=1 ts=2000");
    push(receiver, 0, EVENT_BATCH, NEVER);
    push(receiver, 0, EVENT_WATERMARK, 13000);
    kit_expect(&k, "+I 1|2\n");
    commit_and_die(shard_1);
    commit_and_die(receiver);

    shard_1 = chain_of(0, x - 1, 2);
    receiver = chain_of(x, last, 2);
    if (chain_silent(shard_1, x))
        chain_hush(receiver, x, 1);
    kit_rows(&k, "+I v=1 ts=14000");
    push(receiver, 0, EVENT_BATCH, NEVER);
    push(receiver, 0, EVENT_WATERMARK, 25000);
    kit_rows(&k, "+I v=1 ts=15000");
    push(receiver, 0, EVENT_BATCH, NEVER);
    push(receiver, 1, EVENT_WATERMARK, INT64_MAX);
    kit_expect(&k, "+I 1|1\n");
    chain_free(shard_1);
    chain_free(receiver);
    kit_done(&k);
}

static void a_window_does_not_wait_for_a_directory_that_is_empty_for_now(void **state)
{
    (void)state;
    begin(UNION_JOB, NODE_UNION);
    other.none = true; /* a directory that is empty for now */
    ROWS(live, { 1, 14000 }, { 2, 3000 }, { 4, 25000 });
    struct chain *c = chain_of(0, k.plan->n_nodes - 1, 0);
    until_idle(c);
    kit_expect(&k, "+I 10000|1|1\n");
    /* its rows count again once it has them, late ones against what the others have let time be */
    other.none = false;
    ROWS(other, { 8, 24000 }, { 16, 41000 });
    until_idle(c);
    kit_expect(&k, "");
    ROWS(live, { 32, 42000 });
    until_idle(c);
    kit_expect(&k, "+I 20000|2|12\n");
    chain_free(c);
    kit_done(&k);
}

static void a_window_does_not_wait_for_a_shard_without_splits(void **state)
{
    (void)state;
    begin(SHARDS_JOB, NODE_WINDOW_AGGREGATE);
    uint32_t x = exchange(0);
    live.bounded = true;
    struct chain *full = chain_of(0, x - 1, 2);
    assert_false(chain_silent(full, x));
    live.none = true;
    struct chain *empty = chain_of(0, x - 1, 2);
    assert_true(chain_silent(empty, x));

    struct chain *receiver = chain_of(x, k.plan->n_nodes - 1, 2);
    chain_hush(receiver, x, 1);
    kit_rows(&k, "+I v=1 ts=1000");
    push(receiver, 0, EVENT_BATCH, NEVER);
    push(receiver, 0, EVENT_WATERMARK, 12000);
    kit_expect(&k, "+I 1|1\n");
    kit_rows(&k, "+I v=1 ts=2000");
    push(receiver, 0, EVENT_BATCH, NEVER); /* late, whenever the other channel comes to say that it has nothing */
    push(receiver, 1, EVENT_WATERMARK, INT64_MAX);
    push(receiver, 0, EVENT_WATERMARK, INT64_MAX);
    kit_expect(&k, "");
    chain_free(empty);
    chain_free(full);
    chain_free(receiver);
    kit_done(&k);
}

/* What is restored fires at the end, though nothing comes in any more: those behind it must wait. */
static void a_shard_with_open_windows_is_not_silent(void **state)
{
    (void)state;
    begin(TWICE_JOB, NODE_WINDOW_AGGREGATE);
    uint32_t x = exchange(0), y = exchange(1);
    struct chain *c = chain_of(x, y - 1, 1);
    chain_hush(c, x, 0);
    assert_false(chain_silent(c, y));
    kit_rows(&k, "+I v=1 ts=1000");
    push(c, 0, EVENT_BATCH, NEVER);
    assert_int_equal(sent.batches, 0);
    push(c, 0, EVENT_WATERMARK, 12000);
    assert_int_equal(sent.batches, 1);
    assert_int_equal(sent.watermark, 12000);
    chain_free(c);
    kit_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_that_is_late_without_a_crash_is_late_after_one_too),
        cmocka_unit_test(a_window_does_not_wait_for_a_directory_that_is_empty_for_now),
        cmocka_unit_test(a_window_does_not_wait_for_a_shard_without_splits),
        cmocka_unit_test(a_shard_with_open_windows_is_not_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The sink operator driven by hand over a connector of the test: waiting, NOT NULL, what a commit keeps, errors, memory. */
#include "kit.h"

#define JOB                                                                                                    \
    KIT_TABLE("rows") "CREATE TABLE o (k BIGINT NOT NULL, v BIGINT) WITH ('connector' = 'any'); INSERT INTO o SELECT k, v FROM g"

static struct kit k;
static struct error ignored;

/* ---- the connector ---- */

static struct {
    uint32_t rows, writes, opened, closed;
    uint64_t epoch_opened;
    bool waits, breaks, final;
    const char *says; /* at a barrier */
} seen;

static enum status far_open(struct sink *s, uint32_t subtask, uint64_t epoch, struct budget *b, struct os_signal *wake,
                            struct sink_writer **ret, struct error *err)
{
    static struct sink_writer writer;
    (void)subtask, (void)b, (void)wake, (void)err;
    writer.ops = s->ops;
    seen.opened++;
    seen.epoch_opened = epoch;
    *ret = &writer;
    return ST_OK;
}
static enum status far_write(struct sink_writer *w, const struct batch *b, enum write_outcome *ret, struct error *err)
{
    (void)w;
    seen.writes++;
    if (seen.breaks)
        return error_set(err, ST_FULL, "the far side is full");
    *ret = seen.waits ? WRITE_WAIT : WRITE_DONE;
    seen.rows += seen.waits ? 0 : batch_rows(b);
    return ST_OK;
}
static enum status far_prepare(struct sink_writer *w, uint64_t epoch, bool final, int64_t now_ms, struct buf *out, struct error *err)
{
    (void)w, (void)epoch, (void)now_ms;
    seen.final = final;
    return buf_put(out, seen.says, strlen(seen.says)) ? ST_OK : budget_error(&k.budget, 0, err);
}
static void far_close(struct sink_writer *w)
{
    (void)w;
    seen.closed++;
}
static const struct sink_ops far_ops = { .open = far_open, .write = far_write, .prepare = far_prepare, .close = far_close };
static struct sink far_sink = { .ops = &far_ops };

static struct sink *the_sink(struct exec_context *ctx, const struct node *n)
{
    (void)ctx, (void)n;
    return &far_sink;
}

static void begin(void)
{
    memset(&seen, 0, sizeof seen);
    seen.says = "";
    kit_plan(&k, JOB, 8, NODE_SINK);
    k.ctx.sink = the_sink;
    kit_open(&k);
}

static void rows_wait_while_a_commit_is_under_way(void **state)
{
    (void)state;
    begin();
    kit_batch(&k, "+I k=1; +I k=2");
    assert_int_equal(seen.rows, 2);
    k.ctx.committing = true;
    kit_batch(&k, "+I k=3");
    assert_true(k.waits);
    assert_int_equal(seen.writes, 1); /* the writer is not touched */
    k.ctx.committing = false;
    seen.waits = true;
    kit_batch(&k, "+I k=3");
    assert_true(k.waits && seen.writes == 2);
    seen.waits = false;
    kit_batch(&k, "+I k=3");
    assert_false(k.waits);
    assert_int_equal(seen.rows, 3);
    assert_int_equal(k.o->rows_out, 3); /* what waited is not counted twice */
    kit_batch(&k, "");
    assert_int_equal(seen.writes, 3);
    kit_done(&k);
    assert_int_equal(seen.closed, 1);
}

static void no_null_where_none_may_be(void **state)
{
    (void)state;
    begin();
    kit_batch(&k, "+I k=1 v=1; +I v=2");
    assert_true(k.failed);
    assert_int_equal(k.err.status, ST_EXPRESSION);
    assert_non_null(strstr(k.err.message, "'k' is NOT NULL"));
    assert_int_equal(seen.rows, 0);
    kit_done(&k);
    memset(&seen, 0, sizeof seen);
    seen.says = "";
    kit_plan(&k, JOB, 8, NODE_SINK);
    k.node->sink.drop_nulls = true;
    k.ctx.sink = the_sink;
    kit_open(&k);
    kit_batch(&k, "+I k=1 v=1; +I v=2; +I k=3");
    assert_false(k.failed);
    assert_int_equal(seen.rows, 2);
    kit_batch(&k, "+I v=2");
    assert_int_equal(seen.writes, 1); /* nothing is left of it */
    kit_done(&k);
}

static void a_broken_far_side_is_named(void **state)
{
    (void)state;
    begin();
    seen.breaks = true;
    kit_batch(&k, "+I k=1");
    assert_true(k.failed);
    assert_int_equal(k.err.status, ST_FULL);
    assert_string_equal(k.err.message, "the far side is full");
    kit_done(&k);
}

static uint32_t commits(struct sink_commit **ret)
{
    uint32_t n = 0;
    assert_int_equal(op_sink_commits(k.o, &k.arena, ret, &n, &ignored), ST_OK);
    return n;
}

static void what_the_writer_says_is_committed(void **state)
{
    (void)state;
    struct sink_commit *list;
    begin();
    kit_barrier(&k);
    assert_int_equal(k.journal.len, 0); /* nothing was said: nothing is kept */
    seen.says = "file 1";
    kit_restart(&k);
    assert_int_equal(seen.opened, 2);
    assert_true(seen.epoch_opened == 3);
    assert_int_equal(commits(&list), 1);
    assert_true(list[0].subtask == 0 && str_eq(list[0].bytes, STR("file 1")));
    seen.says = "";
    kit_restart(&k); /* the entry stays, and says nothing any more */
    uint32_t n = commits(&list);
    assert_true(n == 0 || list[0].bytes.len == 0);
    kit_done(&k);
}

/* Three writers before, two now: the entry of the third goes with the first commit, those of the others are theirs. */
static void writers_that_are_no_more(void **state)
{
    (void)state;
    struct sink_commit *list;
    begin();
    for (uint32_t shard = 0; shard < 3; shard++) {
        k.ctx.shards = 3;
        k.ctx.shard = shard;
        seen.says = shard == 2 ? "third" : "other";
        kit_open(&k);
        kit_barrier(&k);
    }
    k.ctx.shards = 2;
    k.ctx.shard = 1;
    kit_open(&k);
    assert_int_equal(commits(&list), 3);
    seen.says = "new";
    kit_restart(&k);
    uint32_t n = commits(&list);
    assert_int_equal(n, 2);
    for (uint32_t i = 0; i < n; i++)
        assert_true(str_eq(list[i].bytes, list[i].subtask ? STR("new") : STR("other")));
    kit_done(&k);
}

static void first(struct kit *x)
{
    kit_batch(x, "+I k=1; +I k=2");
    seen.says = "some words that are kept with the commit";
}
static void memory_may_be_refused_anywhere(void **state)
{
    (void)state;
    for (uint64_t n = 1, hit = 1; hit; n++) {
        memset(&seen, 0, sizeof seen);
        seen.says = "";
        kit_plan(&k, JOB, 8, NODE_SINK);
        k.ctx.sink = the_sink;
        budget_fail_nth(n);
        kit_open(&k);
        first(&k);
        kit_barrier(&k);
        kit_open(&k);
        kit_barrier(&k);
        hit = budget_takes() >= n;
        budget_fail_nth(0);
        assert_true(!k.failed || k.err.status == ST_MEMORY);
        assert_true(n > 3 || k.failed);
        kit_done(&k);
        assert_int_equal(seen.opened, seen.closed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_wait_while_a_commit_is_under_way),
        cmocka_unit_test(no_null_where_none_may_be),
        cmocka_unit_test(a_broken_far_side_is_named),
        cmocka_unit_test(what_the_writer_says_is_committed),
        cmocka_unit_test(writers_that_are_no_more),
        cmocka_unit_test(memory_may_be_refused_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

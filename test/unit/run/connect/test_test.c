/* The test connector and its hub: what is fed is read row by row, positions and crashes repeat what was not
 * committed, written rows show after publish and once. */
#include "kit.h"

static struct field three[3];

static const struct table_desc *table(struct kit *k, const char *options)
{
    struct field *map_fields = ARENA_ARRAY(&k->arena, struct field, 2);
    map_fields[0] = (struct field){ STR("a"), type_basic(TYPE_INT) };
    map_fields[1] = (struct field){ STR("b"), type_string() };
    three[0] = (struct field){ STR("n"), type_nullable(&k->arena, type_basic(TYPE_INT), false) };
    three[1] = (struct field){ STR("r"), type_row(&k->arena, map_fields, 2) };
    three[2] = (struct field){ STR("m"), type_map(&k->arena, type_basic(TYPE_INT), type_string()) };
    return kit_table(k, "test", NULL, options, three, 3);
}

static void feed(struct kit *k, const char *line)
{
    OK(test_hub_feed(k->extra.hub, STR("t"), str_from(line), &kit_error));
}

static struct kit start(uint64_t seed)
{
    struct kit k;
    kit_init(&k, seed);
    k.extra.hub = test_hub_new(NULL);
    return k;
}

/* The kit was copied: its context points into itself again. */
static void settle(struct kit *k)
{
    k->ctx.budget = &k->budget;
    k->ctx.extra = &k->extra;
    k->ctx.bad_arg = k;
}

static void stop(struct kit *k)
{
    test_hub_free(k->extra.hub);
    kit_release(k);
}

struct got {
    struct buf rows;
    enum read_outcome outcome;
    int64_t watermark_ms;
};

static void read_some(struct kit *k, struct split_reader *r, const struct table_desc *t, struct got *g)
{
    struct batch *b = batch_new(&t->physical, 16, &k->budget);
    int64_t wake_ms;
    OK(r->ops->read(r, b, 16, &g->outcome, &wake_ms, &g->watermark_ms, &kit_error));
    for (uint32_t i = 0; i < b->count; i++) {
        assert_true(buf_printf(&g->rows, "%s ", row_kind_name(batch_kind(b, i))));
        for (uint32_t c = 0; c < 3; c++)
            assert_true(value_print(&g->rows, &b->cols[c], i, &zone_utc) && buf_put_u8(&g->rows, c < 2 ? '|' : ';'));
    }
    batch_free(b);
}

static void reads_what_is_fed(void **state)
{
    (void)state;
    struct kit k = start(1);
    settle(&k);
    const struct table_desc *t = table(&k, "changelog-mode=I,UA,D");
    struct got g = { .watermark_ms = 0 };
    buf_init(&g.rows, NULL, 10000);
    uint32_t kinds;
    OK(t->connector->source_kinds(t, &kinds, &kit_error));
    assert_int_equal(kinds, 0xd);
    feed(&k, "[0, null, null]"); /* before anybody reads */
    struct source *s = kit_source(&k, t);
    struct split *splits;
    assert_int_equal(kit_splits(&k, s, &splits), 1);
    struct split_reader *r = kit_reader(&k, s, splits[0].id, STR(""));
    assert_true(test_hub_drained(k.extra.hub));
    read_some(&k, r, t, &g);
    assert_int_equal(g.outcome, READ_WAIT);
    feed(&k, "[1, {\"b\": \"x\"}, {\"7\": \"seven\"}]");
    feed(&k, "-D [2, [5, \"y\"], null]");
    assert_false(test_hub_drained(k.extra.hub));
    assert_true(k.ctx.os->ops->signal_wait(k.ctx.os, k.wake, 0)); /* was woken */
    read_some(&k, r, t, &g);
    assert_text(&g.rows, "+I 1|(NULL, x)|{7=seven};");
    OK(test_hub_watermark(k.extra.hub, STR("t"), 123, &kit_error));
    feed(&k, "+U [3, null, {}]");
    test_hub_batch(k.extra.hub, 10);
    buf_clear(&g.rows);
    read_some(&k, r, t, &g); /* a watermark ends the batch */
    assert_text(&g.rows, "-D 2|(5, y)|NULL;");
    assert_int_equal(g.watermark_ms, 123);
    read_some(&k, r, t, &g);
    assert_text(&g.rows, "-D 2|(5, y)|NULL;+U 3|NULL|{};");
    assert_int_equal(g.watermark_ms, INT64_MIN);
    OK(test_hub_end(k.extra.hub, STR(""), &kit_error));
    read_some(&k, r, t, &g);
    assert_int_equal(g.outcome, READ_END);
    assert_true(test_hub_drained(k.extra.hub));
    const struct str *lines;
    assert_int_equal(test_hub_lines(k.extra.hub, STR("t"), &lines), 4);
    assert_true(str_eq(lines[2], STR("-D [2, [5, \"y\"], null]")));
    s->ops->close(r);
    s->ops->free(s);
    buf_release(&g.rows);
    stop(&k);
}

static enum status hub_bad(void *arg, const struct bad_record *b, struct error *err)
{
    (void)err;
    return test_hub_take_bad(((struct kit *)arg)->extra.hub, b);
}

static void bad_lines_are_kept(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "nonsense", "{\"n\": 1}x", "[1, null]", "[1, null, null, 4]", "[null, null, null]", "[\"x\", null, null]",
        "[1, null, null] 5", "-U [1, null, null]", "", "[1, [1], null]", "[1, null, {\"x\": \"y\"}]",
    };
    struct kit k = start(2);
    settle(&k);
    k.ctx.bad = hub_bad;
    const struct table_desc *t = table(&k, "");
    struct source *s = kit_source(&k, t);
    struct split_reader *r = kit_reader(&k, s, STR("0"), STR(""));
    struct got g = { .watermark_ms = 0 };
    buf_init(&g.rows, NULL, 10000);
    uint32_t n = sizeof bad / sizeof bad[0];
    for (uint32_t i = 0; i < n; i++)
        feed(&k, bad[i]);
    feed(&k, "[1, null, null]");
    test_hub_batch(k.extra.hub, 100);
    do
        read_some(&k, r, t, &g);
    while (g.outcome == READ_ROWS);
    assert_text(&g.rows, "+I 1|NULL|NULL;");
    const struct str *kept;
    assert_int_equal(test_hub_bad(k.extra.hub, STR("t"), 0, &kept), n);
    for (uint32_t i = 0; i < n; i++)
        assert_true(str_eq(kept[i], str_from(bad[i])));
    s->ops->close(r);
    s->ops->free(s);
    buf_release(&g.rows);
    stop(&k);
}

static void positions_and_crashes(void **state)
{
    (void)state;
    struct kit k = start(3);
    settle(&k);
    const struct table_desc *t = table(&k, "");
    struct got g = { .watermark_ms = 0 };
    struct buf position;
    buf_init(&g.rows, NULL, 10000), buf_init(&position, NULL, 1000);
    feed(&k, "[0, null, null]");
    struct source *s = kit_source(&k, t);
    struct split_reader *r = kit_reader(&k, s, STR("0"), STR(""));
    feed(&k, "[1, null, null]");
    feed(&k, "[2, null, null]");
    read_some(&k, r, t, &g);
    s->ops->close(r);
    test_hub_crash(k.extra.hub); /* nothing was committed: the same job begins where it began */
    r = kit_reader(&k, s, STR("0"), STR(""));
    buf_clear(&g.rows);
    read_some(&k, r, t, &g);
    assert_text(&g.rows, "+I 1|NULL|NULL;");
    OK(s->ops->position(r, &position, &kit_error));
    s->ops->close(r);
    test_hub_crash(k.extra.hub);
    r = kit_reader(&k, s, STR("0"), buf_str(&position));
    buf_clear(&g.rows);
    read_some(&k, r, t, &g);
    assert_text(&g.rows, "+I 2|NULL|NULL;");
    s->ops->close(r);
    k.ctx.job_id = 78; /* another job begins at the end */
    r = kit_reader(&k, s, STR("0"), STR(""));
    read_some(&k, r, t, &g);
    assert_int_equal(g.outcome, READ_WAIT);
    s->ops->close(r);
    s->ops->free(s);
    const struct table_desc *bounded = table(&k, "bounded=true");
    bool is_bounded;
    OK(bounded->connector->bounded(bounded, &is_bounded, &kit_error));
    assert_true(is_bounded);
    k.ctx.job_id = 79;
    test_hub_batch(k.extra.hub, 10);
    s = kit_source(&k, bounded);
    r = kit_reader(&k, s, STR("0"), STR(""));
    feed(&k, "[9, null, null]"); /* too late for a bounded reader */
    buf_clear(&g.rows);
    read_some(&k, r, bounded, &g);
    assert_text(&g.rows, "+I 0|NULL|NULL;+I 1|NULL|NULL;+I 2|NULL|NULL;");
    assert_int_equal(g.outcome, READ_END);
    s->ops->close(r);
    s->ops->free(s);
    buf_release(&g.rows), buf_release(&position);
    stop(&k);
}

static struct batch *sample(struct kit *k, const struct table_desc *t, int32_t n)
{
    struct batch *b = batch_new(&t->physical, 4, &k->budget);
    uint32_t first;
    b->cols[0].i32[0] = n;
    column_set_null(&b->cols[1], 0);
    assert_true(column_start_list(&b->cols[2], 0, 3, &first));
    static const char *const values[] = { "c", "a", "b" };
    for (uint32_t i = 0; i < 3; i++) {
        b->cols[2].children[0].i32[first + i] = (int32_t)(30 - i * 10);
        assert_true(column_set_str(&b->cols[2].children[1], first + i, values[i], 1));
    }
    b->count = 1;
    batch_kinds(b)[0] = ROW_DELETE;
    return b;
}

static void write_one(struct kit *k, struct sink_writer *w, const struct table_desc *t, int32_t n)
{
    struct batch *b = sample(k, t, n);
    enum write_outcome outcome;
    OK(w->ops->write(w, b, &outcome, &kit_error));
    batch_free(b);
}

static void rows_show_once_after_publish(void **state)
{
    (void)state;
    struct kit k = start(4);
    settle(&k);
    const struct table_desc *t = table(&k, "");
    struct sink *s;
    struct sink_writer *w;
    struct buf commit;
    const struct test_row *rows;
    buf_init(&commit, NULL, 1000);
    OK(t->connector->open_sink(t, &t->physical, false, &k.ctx, &s, &kit_error));
    OK(s->ops->restore(s, NULL, 0, &kit_error));
    OK(s->ops->open(s, 0, 1, &k.budget, k.wake, &w, &kit_error));
    write_one(&k, w, t, 1);
    OK(w->ops->prepare(w, 1, false, 0, &commit, &kit_error));
    write_one(&k, w, t, 2); /* of the next epoch */
    assert_int_equal(test_hub_rows(k.extra.hub, STR("t"), 0, &rows), 0);
    OK(w->ops->publish(w, 1, &kit_error));
    assert_int_equal(test_hub_rows(k.extra.hub, STR("t"), 0, &rows), 1);
    assert_int_equal(rows[0].kind, ROW_DELETE);
    assert_int_equal(rows[0].n, 3);
    assert_true(str_eq(rows[0].values[0], STR("1")));
    assert_null(rows[0].values[1].ptr);
    assert_true(str_eq(rows[0].values[2], STR("{10=b, 20=a, 30=c}"))); /* sorted by text */
    /* committed, but the machine crashed before publish: restore shows it, once */
    buf_clear(&commit);
    OK(w->ops->prepare(w, 2, false, 0, &commit, &kit_error));
    write_one(&k, w, t, 3);
    struct buf lost;
    buf_init(&lost, NULL, 1000);
    OK(w->ops->prepare(w, 3, false, 0, &lost, &kit_error)); /* prepared, never committed */
    s->ops->close(w);
    test_hub_crash(k.extra.hub);
    struct sink_commit c = { 0, buf_str(&commit) };
    for (int i = 0; i < 2; i++) {
        OK(s->ops->restore(s, &c, 1, &kit_error));
        assert_int_equal(test_hub_rows(k.extra.hub, STR("t"), 1, &rows), 1);
        assert_true(str_eq(rows[0].values[0], STR("2")));
    }
    s->ops->free(s);
    buf_release(&commit), buf_release(&lost);
    stop(&k);
}

static void wrong_modes_are_named(void **state)
{
    (void)state;
    struct kit k = start(5);
    settle(&k);
    static const char *const wrong[] = { "changelog-mode=I,X", "changelog-mode=I,I", "changelog-mode=" };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(kit_check(table(&k, wrong[i]), &kit_error), ST_SEMANTIC);
    struct test_hub *hub = k.extra.hub;
    k.extra.hub = NULL;
    struct sink *s;
    const struct table_desc *t = table(&k, "");
    assert_int_equal(t->connector->open_sink(t, &t->physical, false, &k.ctx, &s, &kit_error), ST_USAGE);
    k.extra.hub = hub;
    stop(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_fed),
        cmocka_unit_test(bad_lines_are_kept),
        cmocka_unit_test(positions_and_crashes),
        cmocka_unit_test(rows_show_once_after_publish),
        cmocka_unit_test(wrong_modes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

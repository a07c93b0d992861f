/* Standard input and output, print and blackhole: background reading and writing in order, nothing before the
 * commit unless it may, refusals where a commit must last. */
#include "kit.h"

static struct batch *rows(const struct schema *schema, uint32_t first, uint32_t n, const char *name)
{
    struct batch *b = batch_new(schema, n, NULL);
    for (uint32_t i = 0; i < n; i++) {
        b->cols[0].i64[i] = first + i;
        assert_true(column_set_str(&b->cols[1], i, name, strlen(name)));
        b->count++;
    }
    return b;
}

/* What print() was given. */
static struct buf printed;
static enum status take_print(void *arg, struct str bytes, struct error *err)
{
    (void)arg, (void)err;
    assert_true(buf_put(&printed, bytes.ptr, bytes.len));
    return ST_OK;
}

static struct kit *start(uint64_t seed, bool durable)
{
    struct kit *k = malloc(sizeof *k);
    kit_init(k, seed);
    k->ctx.durable = durable;
    k->extra.print = take_print;
    buf_init(&printed, NULL, SIZE_MAX / 2);
    return k;
}

static void stop(struct kit *k)
{
    while (sim_work_some(k->sim, 10)) {
    }
    buf_release(&printed);
    kit_release(k);
    free(k);
}

static struct sink_writer *open_writer(struct kit *k, const struct table_desc *t, struct sink **ret_sink)
{
    struct sink_writer *w;
    OK(kit_check(t, &kit_error));
    OK(t->connector->open_sink(t, &t->physical, false, &k->ctx, ret_sink, &kit_error));
    OK((*ret_sink)->ops->restore(*ret_sink, NULL, 0, &kit_error));
    OK((*ret_sink)->ops->open(*ret_sink, 0, 1, &k->budget, k->wake, &w, &kit_error));
    return w;
}

static void commit(struct kit *k, struct sink_writer *w, uint64_t epoch, bool final)
{
    struct buf bytes;
    buf_init(&bytes, NULL, 1000);
    OK(w->ops->prepare(w, epoch, final, 0, &bytes, &kit_error));
    OK(w->ops->flush(w, epoch, &kit_error));
    OK(w->ops->publish(w, epoch, &kit_error));
    assert_int_equal(bytes.len, 0);
    buf_release(&bytes);
    (void)k;
}

static void print_waits_for_the_commit(void **state)
{
    (void)state;
    struct kit *k = start(1, true);
    const struct table_desc *t = kit_table(k, "print", NULL, "", NULL, 0);
    struct sink *s;
    struct sink_writer *w = open_writer(k, t, &s);
    struct batch *b = rows(&t->physical, 1, 2, "x");
    enum write_outcome outcome;
    OK(w->ops->write(w, b, &outcome, &kit_error));
    assert_int_equal(printed.len, 0);
    commit(k, w, 1, false);
    assert_text(&printed, "{\"id\":1,\"name\":\"x\"}\n{\"id\":2,\"name\":\"x\"}\n");
    buf_clear(&printed);
    batch_kinds(b)[1] = ROW_DELETE; /* kinds that come late are shown all the same */
    OK(w->ops->write(w, b, &outcome, &kit_error));
    commit(k, w, 2, true);
    assert_text(&printed, "{\"op\":\"+I\",\"id\":1,\"name\":\"x\"}\n{\"op\":\"-D\",\"id\":2,\"name\":\"x\"}\n");
    batch_free(b);
    s->ops->close(w);
    s->ops->free(s);
    stop(k);
}

static void print_forms(void **state)
{
    (void)state;
    static const struct {
        enum result_format format;
        const char *options, *wanted;
    } cases[] = {
        { RESULT_CSV, "", "id,name\n7,x\n8,x\n" },
        { RESULT_NDJSON, "print-identifier=p", "p> {\"id\":7,\"name\":\"x\"}\np> {\"id\":8,\"name\":\"x\"}\n" },
        { RESULT_NDJSON, "row-kinds=always",
          "{\"op\":\"+I\",\"id\":7,\"name\":\"x\"}\n{\"op\":\"+I\",\"id\":8,\"name\":\"x\"}\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kit *k = start(1, true);
        k->extra.print_format = cases[i].format;
        const struct table_desc *t = kit_table(k, "print", NULL, cases[i].options, NULL, 0);
        struct sink *s;
        struct sink_writer *w = open_writer(k, t, &s);
        struct batch *b = rows(&t->physical, 7, 2, "x");
        enum write_outcome outcome;
        OK(w->ops->write(w, b, &outcome, &kit_error));
        batch_free(b);
        commit(k, w, 1, true);
        assert_text(&printed, cases[i].wanted);
        s->ops->close(w);
        s->ops->free(s);
        stop(k);
    }
}

/* A table form puts what one commit brings into one block, whatever the batches were. */
static void tables_are_blocks(void **state)
{
    (void)state;
    struct buf first;
    buf_init(&first, NULL, 100000);
    for (uint32_t step = 1; step <= 2; step++) {
        struct kit *k = start(1, true);
        k->extra.print_format = RESULT_TABLE;
        const struct table_desc *t = kit_table(k, "print", NULL, "", NULL, 0);
        struct sink *s;
        struct sink_writer *w = open_writer(k, t, &s);
        for (uint32_t i = 0; i < 4; i += step) {
            struct batch *b = rows(&t->physical, i, step, "some name");
            enum write_outcome outcome;
            OK(w->ops->write(w, b, &outcome, &kit_error));
            batch_free(b);
        }
        commit(k, w, 1, true);
        if (step == 1)
            assert_true(buf_put(&first, printed.data, printed.len));
        else
            assert_true(str_eq(buf_str(&first), buf_str(&printed)));
        s->ops->close(w);
        s->ops->free(s);
        stop(k);
    }
    assert_true(first.len > 20);
    buf_release(&first);
}

static void to_standard_error(void **state)
{
    (void)state;
    struct kit *k = start(1, true);
    const struct table_desc *t = kit_table(k, "print", NULL, "standard-error=true", NULL, 0);
    struct sink *s;
    struct sink_writer *w = open_writer(k, t, &s);
    struct batch *b = rows(&t->physical, 1, 1, "e");
    enum write_outcome outcome;
    OK(w->ops->write(w, b, &outcome, &kit_error));
    batch_free(b);
    commit(k, w, 1, true);
    assert_int_equal(printed.len, 0);
    assert_true(str_eq(sim_stream(k->sim, 2), STR("{\"id\":1,\"name\":\"e\"}\n")));
    s->ops->close(w);
    s->ops->free(s);
    stop(k);
}

/* Where no commit lasts, a long epoch is written as it goes: in order, in bounded memory, whoever gets to run first. */
static void long_epochs_are_written_early(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct kit *k = start(seed, false);
        const struct table_desc *t = kit_table(k, "stdout", "csv", "", NULL, 0);
        struct sink *s;
        struct sink_writer *w = open_writer(k, t, &s);
        char name[1001];
        memset(name, 'n', 1000);
        name[1000] = 0;
        uint32_t waits = 0, written = 0;
        while (written < 12000) {
            struct batch *b = rows(&t->physical, written, 10, name);
            enum write_outcome outcome;
            OK(w->ops->write(w, b, &outcome, &kit_error));
            batch_free(b);
            if (outcome == WRITE_WAIT) {
                waits++;
                (void)sim_work_some(k->sim, 1);
                assert_true(k->ctx.os->ops->signal_wait(k->ctx.os, k->wake, 0));
                continue;
            }
            written += 10;
            if (seed % 2 && written % 1000 == 0)
                (void)sim_work_some(k->sim, 1);
            if (written % 4000 == 0)
                commit(k, w, written / 4000, written == 12000); /* may find the early work not begun */
            assert_true(atomic_load(&k->budget.used) < 20u << 20);
        }
        struct str out = sim_stream(k->sim, 1), rest = out;
        for (uint32_t i = 0; i < 12000; i++) {
            char id[16];
            snprintf(id, sizeof id, "%u,n", i);
            assert_true(str_starts(str_split(&rest, '\n'), str_from(id)));
        }
        assert_int_equal(rest.len, 0);
        while (sim_work_some(k->sim, 1)) {
        }
        s->ops->close(w);
        s->ops->free(s);
        stop(k);
    }
}

/* The same with the machine's own threads, two writers at once: print() is called by one at a time, each
 * writer's rows in order. */
static atomic_int inside;
static enum status slow_print(void *arg, struct str bytes, struct error *err)
{
    assert_int_equal(atomic_fetch_add(&inside, 1), 0);
    enum status st = take_print(arg, bytes, err);
    atomic_fetch_sub(&inside, 1);
    return st;
}

static void background(struct os_work *w)
{
    struct sink_writer *writer = w->arg;
    OK(writer->ops->publish(writer, 1, &kit_error));
}

static void real_threads_keep_the_order(void **state)
{
    (void)state;
    struct kit *k = start(1, false);
    struct os *sim = k->ctx.os;
    struct os *os = k->ctx.os = os_real();
    struct os_signal *wake = os->ops->signal_new(os), *sim_wake = k->wake;
    k->wake = wake;
    k->extra.print = slow_print;
    const struct table_desc *t = kit_table(k, "print", NULL, "", NULL, 0);
    struct sink *s[2];
    struct sink_writer *w[2];
    struct os_work publish[2];
    struct buf none;
    buf_init(&none, NULL, 10);
    char name[1001];
    memset(name, 'n', 1000);
    name[1000] = 0;
    for (uint32_t i = 0; i < 2; i++)
        w[i] = open_writer(k, t, &s[i]);
    for (uint32_t row = 0; row < 5000;) {
        enum write_outcome outcome = WRITE_DONE;
        struct batch *b = rows(&t->physical, row, 10, name);
        for (uint32_t i = 0; i < 2; i++)
            do {
                OK(w[i]->ops->write(w[i], b, &outcome, &kit_error));
                if (outcome == WRITE_WAIT)
                    (void)os->ops->signal_wait(os, wake, os_mono_ns(os) + 1000000000);
            } while (outcome == WRITE_WAIT);
        batch_free(b);
        row += 10;
    }
    for (uint32_t i = 0; i < 2; i++) {
        OK(w[i]->ops->prepare(w[i], 1, true, 0, &none, &kit_error));
        publish[i] = (struct os_work){ .run = background, .arg = w[i], .signal = wake };
        os->ops->work(os, &publish[i]);
    }
    for (uint32_t i = 0; i < 2; i++)
        while (!atomic_load(&publish[i].done))
            (void)os->ops->signal_wait(os, wake, os_mono_ns(os) + 1000000);
    struct str rest = buf_str(&printed);
    uint32_t seen[5000] = { 0 }, lines = 0;
    while (rest.len) {
        struct str line = str_split(&rest, '\n');
        uint32_t id = (uint32_t)strtoul(line.ptr + 6, NULL, 10);
        assert_true(id < 5000 && line.len > 1000);
        seen[id]++;
        lines++;
    }
    assert_int_equal(lines, 10000);
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(seen[i], 2);
    for (uint32_t i = 0; i < 2; i++) {
        s[i]->ops->close(w[i]);
        s[i]->ops->free(s[i]);
    }
    os->ops->signal_free(os, wake);
    k->ctx.os = sim;
    k->wake = sim_wake;
    stop(k);
}

static void lasting_commits_refuse_streams(void **state)
{
    (void)state;
    struct kit *k = start(1, true);
    static const struct {
        const char *connector, *options;
    } cases[] = { { "stdin", "" }, { "stdout", "" }, { "filesystem", "path=-" } };
    for (size_t i = 0; i < 3; i++) {
        const struct table_desc *t = kit_table(k, cases[i].connector, "json", cases[i].options, NULL, 0);
        struct source *source;
        struct sink *sink;
        int64_t discover_ms;
        if (t->connector->open_source)
            assert_int_equal(t->connector->open_source(t, NULL, &k->ctx, &discover_ms, &source, &kit_error), ST_USAGE);
        if (t->connector->open_sink)
            assert_int_equal(t->connector->open_sink(t, &t->physical, false, &k->ctx, &sink, &kit_error), ST_USAGE);
        assert_non_null(strstr(kit_error.hint, "--state-dir"));
    }
    assert_true(kit_connector("stdin")->flags & CONNECTOR_NO_POSITIONS);
    assert_true(kit_connector("stdout")->flags & CONNECTOR_UNDURABLE_SINK);
    stop(k);
}

/* The twin's standard input is what stream 0 holds; it is empty, so the end comes with the first read. */
static void standard_input_ends(void **state)
{
    (void)state;
    struct kit *k = start(1, false);
    struct buf got;
    buf_init(&got, NULL, 1000);
    const struct table_desc *t = kit_table(k, "filesystem", "json", "path=-", NULL, 0);
    struct source *s = kit_source(k, t);
    struct split *splits;
    assert_int_equal(kit_splits(k, s, &splits), 1);
    struct split_reader *r = kit_reader(k, s, splits[0].id, STR(""));
    assert_int_equal(kit_read(k, r, &t->physical, 10, &got, NULL), READ_WAIT); /* asked, in background */
    assert_int_equal(kit_read(k, r, &t->physical, 10, &got, NULL), READ_WAIT);
    assert_int_equal(sim_work_some(k->sim, 1), 1);
    assert_true(k->ctx.os->ops->signal_wait(k->ctx.os, k->wake, 0));
    assert_int_equal(kit_read(k, r, &t->physical, 10, &got, NULL), READ_END);
    s->ops->close(r);
    s->ops->free(s);
    buf_release(&got);
    stop(k);
}

/* A stream given by the test instead of the machine's: pieces that end anywhere. */
struct piped {
    struct os os;
    struct os_ops ops;
    struct os *below;
    const char *text;
    size_t at, piece;
};
static enum status piped_read(struct os *os, int stream, void *bytes, size_t len, size_t *ret_len, struct error *err)
{
    struct piped *p = (struct piped *)os;
    (void)stream, (void)err;
    size_t left = strlen(p->text) - p->at, n = left < p->piece ? left : p->piece;
    n = n < len ? n : len;
    memcpy(bytes, p->text + p->at, n);
    p->at += n;
    *ret_len = n;
    return ST_OK;
}
static int64_t piped_mono(struct os *os) { return os_mono_ns(((struct piped *)os)->below); }
static void piped_work(struct os *os, struct os_work *w)
{
    (void)os;
    w->run(w);
    atomic_store(&w->done, true);
}
static void piped_raise(struct os *os, struct os_signal *s)
{
    struct os *below = ((struct piped *)os)->below;
    below->ops->signal_raise(below, s);
}

static void standard_input_in_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 40; piece += 6) {
        struct kit *k = start(1, false);
        struct buf got;
        buf_init(&got, NULL, 1000);
        struct piped p = { .below = k->ctx.os, .text = "{\"id\": 1}\nbad\n{\"id\": 2, \"name\": \"a longer name\"}",
                           .piece = piece };
        p.ops = *k->ctx.os->ops;
        p.ops.stream_read = piped_read, p.ops.mono_ns = piped_mono, p.ops.work = piped_work;
        p.ops.signal_raise = piped_raise;
        p.os.ops = &p.ops;
        struct os *machine = k->ctx.os;
        k->ctx.os = &p.os;
        const struct table_desc *t = kit_table(k, "stdin", "json", "", NULL, 0);
        struct source *s = kit_source(k, t);
        struct split_reader *r = kit_reader(k, s, STR("standard input"), STR(""));
        uint32_t calls = 0;
        while (kit_read(k, r, &t->physical, 10, &got, NULL) != READ_END)
            assert_true(calls++ < 200);
        assert_text(&got, "1,NULL;2,a longer name;");
        assert_text(&k->bad, "standard input:2:10:bad\n");
        s->ops->close(r);
        s->ops->free(s);
        k->ctx.os = machine;
        buf_release(&got);
        stop(k);
    }
}

static void blackhole_takes_everything(void **state)
{
    (void)state;
    struct kit *k = start(1, true);
    struct field f[4] = { { STR("i"), type_basic(TYPE_INT) },
                          { STR("a"), type_array(&k->arena, type_string()) },
                          { STR("r"), NULL },
                          { STR("d"), type_decimal(&k->arena, 30, 2) } };
    struct field inner[] = { { STR("x"), type_basic(TYPE_DOUBLE) } };
    f[2].type = type_row(&k->arena, inner, 1);
    const struct table_desc *t = kit_table(k, "blackhole", NULL, "", f, 4);
    struct sink *s;
    struct sink_writer *w = open_writer(k, t, &s);
    struct batch *b = batch_new(&t->physical, 8, &k->budget);
    uint32_t first;
    for (uint32_t i = 0; i < 8; i++) {
        assert_true(column_start_list(&b->cols[1], i, i, &first));
        for (uint32_t e = 0; e < i; e++)
            assert_true(column_set_str(&b->cols[1].children[0], first + e, "an element that is long", 23));
        if (i % 3 == 0)
            column_set_null(&b->cols[2], i);
        b->count++;
    }
    b->sel = b->sel_store;
    b->sel[0] = 3, b->sel[1] = 7;
    b->n_sel = 2;
    enum write_outcome outcome = WRITE_WAIT;
    OK(w->ops->write(w, b, &outcome, &kit_error));
    assert_int_equal(outcome, WRITE_DONE);
    commit(k, w, 1, true);
    batch_free(b);
    s->ops->close(w);
    s->ops->free(s);
    stop(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(print_waits_for_the_commit),
        cmocka_unit_test(print_forms),
        cmocka_unit_test(tables_are_blocks),
        cmocka_unit_test(to_standard_error),
        cmocka_unit_test(long_epochs_are_written_early),
        cmocka_unit_test(real_threads_keep_the_order),
        cmocka_unit_test(lasting_commits_refuse_streams),
        cmocka_unit_test(standard_input_ends),
        cmocka_unit_test(standard_input_in_pieces),
        cmocka_unit_test(blackhole_takes_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

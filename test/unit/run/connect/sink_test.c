/* The filesystem sink: files that appear whole and exactly once, whatever call the machine loses power at, in
 * every mood of the disk; and that the check sees planted bugs. Rolling, names, compression, left-overs. */
#include "kit.h"

#include "pack/pack.h"

#define ROWS 84u
#define BATCH 6u
#define EPOCH_BATCHES 3u
#define SUBTASKS 2u

/* What would be in the commit log: durable by itself. */
struct log {
    uint64_t epoch;
    uint32_t rows; /* committed */
    struct buf bytes[SUBTASKS];
    bool any;
};

static struct batch *rows_from(const struct schema *schema, uint32_t first, uint32_t n)
{
    struct batch *b = batch_new(schema, n, NULL);
    for (uint32_t i = 0; i < n; i++) {
        char name[40];
        int len = snprintf(name, sizeof name, "row number %u of the test", first + i);
        b->cols[0].i64[i] = first + i;
        assert_true(column_set_str(&b->cols[1], i, name, (size_t)len));
        b->count++;
    }
    return b;
}

static enum status open_all(struct kit *k, struct sink *s, const struct log *log, struct sink_writer **w,
                            struct error *err)
{
    struct sink_commit commits[SUBTASKS];
    for (uint32_t i = 0; i < SUBTASKS; i++)
        commits[i] = (struct sink_commit){ i, buf_str(&log->bytes[i]) };
    TRY(s->ops->restore(s, commits, log->any ? SUBTASKS : 0, err));
    for (uint32_t i = 0; i < SUBTASKS; i++)
        TRY(s->ops->open(s, i, log->epoch + 1, &k->budget, k->wake, &w[i], err));
    return ST_OK;
}

static enum status commit(struct kit *k, struct sink_writer **w, uint32_t rows, bool final, struct log *log,
                          bool skip_flush, struct error *err)
{
    struct buf made[SUBTASKS];
    enum status st = ST_OK;
    uint64_t epoch = log->epoch + 1;
    for (uint32_t i = 0; i < SUBTASKS; i++)
        buf_init(&made[i], NULL, SIZE_MAX / 2);
    for (uint32_t i = 0; i < SUBTASKS && st == ST_OK; i++)
        st = w[i]->ops->prepare(w[i], epoch, final, (int64_t)epoch * 1000, &made[i], err);
    for (uint32_t i = 0; i < SUBTASKS && st == ST_OK && !skip_flush; i++)
        st = w[i]->ops->flush(w[i], epoch, err);
    for (uint32_t i = 0; i < SUBTASKS; i++) {
        if (st == ST_OK) { /* the record is durable */
            buf_release(&log->bytes[i]);
            log->bytes[i] = made[i];
        } else {
            buf_release(&made[i]);
        }
    }
    TRY(st);
    log->epoch = epoch;
    log->rows = rows;
    log->any = true;
    sim_advance_ms(k->sim, 1000);
    for (uint32_t i = 0; i < SUBTASKS; i++)
        TRY(w[i]->ops->publish(w[i], epoch, err));
    return ST_OK;
}

/* One life of the job: until all rows are committed, or the machine loses power. */
static enum status live(struct kit *k, const struct table_desc *t, struct log *log, bool skip_flush, struct error *err)
{
    struct sink *s;
    struct sink_writer *w[SUBTASKS] = { NULL };
    atomic_store(&k->extra.sinks, 0); /* a job starts */
    OK(t->connector->open_sink(t, &t->physical, false, &k->ctx, &s, err));
    enum status st = open_all(k, s, log, w, err);
    uint32_t row = log->rows, batches = 0;
    while (st == ST_OK && row < ROWS) {
        struct batch *b = rows_from(&t->physical, row, BATCH);
        enum write_outcome outcome;
        st = w[batches % SUBTASKS]->ops->write(w[batches % SUBTASKS], b, &outcome, err);
        batch_free(b);
        row += BATCH;
        batches++;
        if (st == ST_OK && (batches % EPOCH_BATCHES == 0 || row == ROWS))
            st = commit(k, w, row, row == ROWS, log, skip_flush, err);
    }
    for (uint32_t i = 0; i < SUBTASKS; i++)
        s->ops->close(w[i]);
    s->ops->free(s);
    return st;
}

/* Counts how often each row stands in the visible files; false: one that is torn. */
static bool count_rows(struct kit *k, const char *dir, uint8_t counts[ROWS], uint32_t *ret_files, uint32_t *ret_hidden)
{
    struct os_name *names;
    uint32_t n;
    bool whole = true;
    memset(counts, 0, ROWS);
    *ret_files = *ret_hidden = 0;
    if (k->ctx.os->ops->list(k->ctx.os, dir, &k->arena, &names, &n, NULL) != ST_OK)
        return true;
    for (uint32_t i = 0; i < n; i++) {
        if (names[i].name.ptr[0] == '.') {
            ++*ret_hidden;
            continue;
        }
        char path[256];
        struct buf packed, text;
        buf_init(&packed, NULL, SIZE_MAX / 2), buf_init(&text, NULL, SIZE_MAX / 2);
        snprintf(path, sizeof path, "%s/%.*s", dir, STR_ARG(names[i].name));
        assert_true(sim_get_file(k->sim, path, &packed));
        struct unpacker *u = unpacker_new(codec_of_path(names[i].name), NULL);
        size_t used, made;
        bool end = false;
        assert_true(buf_reserve(&text, 1 << 20));
        enum status st = unpacker_step(u, packed.data, packed.len, &used, text.data, text.cap, &made, &end, NULL);
        whole &= st == ST_OK && end;
        text.len = made;
        unpacker_free(u);
        struct str rest = buf_str(&text);
        while (rest.ptr && rest.len) {
            struct str line = str_split(&rest, '\n');
            unsigned row;
            char wanted[100];
            char copy[100] = "";
            memcpy(copy, line.ptr, line.len < 99 ? line.len : 99);
            row = (unsigned)strtoul(copy + (line.len > 6 ? 6 : 0), NULL, 10);
            snprintf(wanted, sizeof wanted, "{\"id\":%u,\"name\":\"row number %u of the test\"}", row, row);
            bool fits = row < ROWS && strcmp(copy, wanted) == 0 && rest.ptr;
            whole &= fits;
            if (fits)
                counts[row]++;
        }
        ++*ret_files;
        buf_release(&packed), buf_release(&text);
    }
    return whole;
}

/* NULL, or what is wrong with what a reader sees now: all rows below `committed` that are visible once, none beyond. */
static const char *verdict(struct kit *k, uint32_t committed, bool done)
{
    uint8_t counts[ROWS];
    uint32_t files, hidden;
    if (!count_rows(k, "/out", counts, &files, &hidden))
        return "torn";
    for (uint32_t i = 0; i < ROWS; i++) {
        if (counts[i] > 1)
            return "doubled";
        if (counts[i] && i >= committed)
            return "uncommitted";
        if (done && !counts[i])
            return "lost";
    }
    if (done && hidden)
        return "left over";
    return NULL;
}

/* Lives and dies: power fails at `call`, and in the next life again some calls later when `again`. */
static const char *crash_run(const char *options, uint64_t call, enum sim_mood mood, bool again, uint32_t planted,
                             bool skip_flush, uint64_t *ret_calls)
{
    struct kit k;
    struct log log = { .epoch = 0 };
    const char *wrong = NULL;
    kit_init(&k, call * 4 + mood);
    k.extra.planted = planted;
    for (uint32_t i = 0; i < SUBTASKS; i++)
        buf_init(&log.bytes[i], NULL, SIZE_MAX / 2);
    const struct table_desc *t = kit_table(&k, "filesystem", "json", options, NULL, 0);
    enum status st = ST_CRASHED;
    for (uint32_t life = 0; life < 4 && st == ST_CRASHED && !wrong; life++) {
        if (call && life < (again ? 2u : 1u))
            sim_crash_at(k.sim, life == 0 ? call : sim_calls(k.sim) + 1 + call % 13);
        error_clear(&kit_error);
        st = live(&k, t, &log, skip_flush, &kit_error);
        if (life == 0)
            *ret_calls = sim_calls(k.sim);
        sim_crash_at(k.sim, 0);
        if (st == ST_CRASHED) {
            sim_power_cycle(k.sim, mood);
            wrong = verdict(&k, log.rows, false);
        }
    }
    if (!wrong && st != ST_OK)
        wrong = st == ST_MISMATCH ? "refused" : kit_error.message;
    if (!wrong)
        wrong = verdict(&k, log.rows, true);
    for (uint32_t i = 0; i < SUBTASKS; i++)
        buf_release(&log.bytes[i]);
    kit_release(&k);
    return wrong;
}

/* Rolls about every second epoch, so that commits carry finished and open files. */
#define SMALL "path=/out|sink.rolling-policy.file-size=800"
#define PACKED "path=/out|compression=zstd|sink.rolling-policy.rollover-interval=2s"

static void crash_everywhere(const char *options)
{
    uint64_t calls, more;
    assert_null(crash_run(options, 0, SIM_DROP, false, 0, false, &calls));
    assert_in_range(calls, 40, 2000);
    for (uint64_t call = 1; call <= calls; call++)
        for (enum sim_mood mood = SIM_DROP; mood < SIM_MOODS; mood++)
            for (int again = 0; again < 2; again++) {
                const char *wrong = crash_run(options, call, mood, again, 0, false, &more);
                if (wrong)
                    fail_msg("%s: call %d, mood %d, again %d: %s", options, (int)call, (int)mood, again, wrong);
            }
}

static void crash_at_every_call(void **state)
{
    (void)state;
    crash_everywhere(SMALL);
}

static void crash_at_every_call_packed(void **state)
{
    (void)state;
    crash_everywhere(PACKED);
}

/* The checker must see a sink that does not cut, does not clean up, or is not synced. */
static bool caught(uint32_t planted, bool skip_flush)
{
    uint64_t calls, more;
    (void)crash_run(SMALL, 0, SIM_DROP, false, 0, false, &calls);
    for (uint64_t call = 1; call <= calls; call++)
        for (enum sim_mood mood = SIM_DROP; mood < SIM_MOODS; mood++)
            if (crash_run(SMALL, call, mood, false, planted, skip_flush, &more))
                return true;
    return false;
}

static void planted_bugs_are_caught(void **state)
{
    (void)state;
    assert_true(caught(CONNECT_BUG_NO_TRUNCATE, false));
    assert_true(caught(CONNECT_BUG_NO_ORPHANS, false));
    assert_true(caught(0, true));
}

/* A call that fails is an error, and the next life puts it right. */
static void failing_calls_are_errors(void **state)
{
    (void)state;
    uint64_t calls;
    assert_null(crash_run(SMALL, 0, SIM_DROP, false, 0, false, &calls));
    for (uint64_t call = 1; call <= calls; call++) {
        struct kit k;
        struct log log = { .epoch = 0 };
        kit_init(&k, call);
        for (uint32_t i = 0; i < SUBTASKS; i++)
            buf_init(&log.bytes[i], NULL, SIZE_MAX / 2);
        const struct table_desc *t = kit_table(&k, "filesystem", "json", SMALL, NULL, 0);
        sim_trace(k.sim, true);
        sim_fail_at(k.sim, call, call % 2 ? ST_IO : ST_FULL, false);
        enum status st = live(&k, t, &log, false, &kit_error);
        if (st != ST_IO && st != ST_FULL)
            fail_msg("call %d: %s %s", (int)call, status_name(st), sim_call_name(k.sim, call));
        sim_fail_at(k.sim, 0, ST_OK, false);
        assert_null(verdict(&k, log.rows, false));
        OK(live(&k, t, &log, false, &kit_error));
        assert_null(verdict(&k, log.rows, true));
        for (uint32_t i = 0; i < SUBTASKS; i++)
            buf_release(&log.bytes[i]);
        kit_release(&k);
    }
}

/* Names and number of files under a policy. */
static uint32_t files_of(const char *options, struct kit *k)
{
    struct log log = { .epoch = 0 };
    uint8_t counts[ROWS];
    uint32_t files, hidden;
    for (uint32_t i = 0; i < SUBTASKS; i++)
        buf_init(&log.bytes[i], NULL, SIZE_MAX / 2);
    const struct table_desc *t = kit_table(k, "filesystem", "json", options, NULL, 0);
    OK(live(k, t, &log, false, &kit_error));
    assert_true(count_rows(k, "/out", counts, &files, &hidden));
    assert_int_equal(hidden, 0);
    for (uint32_t i = 0; i < SUBTASKS; i++)
        buf_release(&log.bytes[i]);
    return files;
}

static void rolls_by_size_age_and_end(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        uint32_t files;
    } cases[] = {
        { "path=/out", 2 }, /* one a subtask, finished by the end */
        { "path=/out|sink.rolling-policy.file-size=1", ROWS / BATCH }, /* every write */
        { "path=/out|sink.rolling-policy.rollover-interval=1ms", 0 },
        { "path=/out|compression=gzip", 2 },
    };
    for (size_t i = 0; i < 4; i++) {
        struct kit k;
        kit_init(&k, i);
        uint32_t files = files_of(cases[i].options, &k);
        if (i == 2)
            assert_in_range(files, 5, 8); /* every second epoch and the last */
        else
            assert_int_equal(files, cases[i].files);
        kit_release(&k);
    }
}

/* The same job from scratch into the same directory: what was published stays. */
static void a_fresh_run_overwrites_nothing(void **state)
{
    (void)state;
    for (int durable = 0; durable < 2; durable++) {
        struct kit k;
        kit_init(&k, 1);
        k.ctx.durable = durable;
        assert_int_equal(files_of("path=/out", &k), 2);
        struct log log = { .epoch = 0 };
        uint8_t counts[ROWS];
        uint32_t files, hidden;
        const struct table_desc *t = kit_table(&k, "filesystem", "json", "path=/out", NULL, 0);
        for (uint32_t i = 0; i < SUBTASKS; i++)
            buf_init(&log.bytes[i], NULL, SIZE_MAX / 2);
        OK(live(&k, t, &log, false, &kit_error));
        assert_true(count_rows(&k, "/out", counts, &files, &hidden));
        assert_int_equal(files, 4);
        for (uint32_t i = 0; i < ROWS; i++)
            assert_int_equal(counts[i], 2);
        for (uint32_t i = 0; i < SUBTASKS; i++)
            buf_release(&log.bytes[i]);
        kit_release(&k);
    }
}

/* Two INSERTs of one statement set into one table: neither takes the other's files for left-overs. */
static void two_sinks_of_a_job_share_a_directory(void **state)
{
    (void)state;
    struct kit k;
    struct sink *s[2];
    struct buf commit[2];
    kit_init(&k, 1);
    const struct table_desc *t = kit_table(&k, "filesystem", "json", "path=/out", NULL, 0);
    for (int life = 0; life < 2; life++) {
        atomic_store(&k.extra.sinks, 0);
        for (uint32_t i = 0; i < 2; i++) {
            struct sink_writer *w;
            enum write_outcome outcome;
            OK(t->connector->open_sink(t, &t->physical, false, &k.ctx, &s[i], &kit_error));
            struct sink_commit c = { 0, life ? buf_str(&commit[i]) : STR("") };
            OK(s[i]->ops->restore(s[i], &c, (uint32_t)life, &kit_error));
            if (life)
                continue;
            OK(s[i]->ops->open(s[i], 0, 1, &k.budget, k.wake, &w, &kit_error));
            struct batch *b = rows_from(&t->physical, i * BATCH, BATCH);
            OK(w->ops->write(w, b, &outcome, &kit_error));
            batch_free(b);
            buf_init(&commit[i], NULL, 1000);
            OK(w->ops->prepare(w, 1, false, 0, &commit[i], &kit_error));
            OK(w->ops->flush(w, 1, &kit_error));
            s[i]->ops->close(w);
        }
        for (uint32_t i = 0; i < 2; i++)
            s[i]->ops->free(s[i]);
    }
    uint8_t counts[ROWS];
    uint32_t files, hidden;
    assert_true(count_rows(&k, "/out", counts, &files, &hidden));
    assert_int_equal(files, 2);
    assert_int_equal(hidden, 0);
    for (uint32_t i = 0; i < 2 * BATCH; i++)
        assert_int_equal(counts[i], 1);
    buf_release(&commit[0]), buf_release(&commit[1]);
    kit_release(&k);
}

static void foreign_commits_are_refused(void **state)
{
    (void)state;
    struct kit k;
    struct sink *s;
    struct buf b;
    kit_init(&k, 1);
    buf_init(&b, NULL, 1000);
    const struct table_desc *t = kit_table(&k, "filesystem", "json", "path=/out", NULL, 0);
    OK(t->connector->open_sink(t, &t->physical, false, &k.ctx, &s, &kit_error));
    assert_true(buf_put_u8(&b, 1) && buf_put_varint(&b, 0) && buf_put_u8(&b, 1));
    size_t open = b.len;
    static const char *const names[] = { "../etc/passwd", "part-/../x", "other" };
    for (size_t i = 0; i < 3; i++) {
        b.len = open;
        assert_true(buf_put_str(&b, str_from(names[i])) && buf_put_u64(&b, 3));
        struct sink_commit c = { 0, buf_str(&b) };
        assert_int_equal(s->ops->restore(s, &c, 1, &kit_error), ST_CORRUPT);
    }
    b.len = open; /* a file that is gone though it was committed */
    assert_true(buf_put_str(&b, STR("part-00-0-1-0.json")) && buf_put_u64(&b, 3));
    struct sink_commit c = { 0, buf_str(&b) };
    assert_int_equal(s->ops->restore(s, &c, 1, &kit_error), ST_MISMATCH);
    for (size_t cut = 1; cut < b.len; cut++) {
        struct sink_commit part = { 0, str_make(b.data, cut) };
        assert_int_equal(s->ops->restore(s, &part, 1, &kit_error), ST_CORRUPT);
    }
    s->ops->free(s);
    buf_release(&b);
    kit_release(&k);
}

static void a_file_in_the_way_is_named(void **state)
{
    (void)state;
    struct kit k;
    struct sink *s;
    kit_init(&k, 1);
    kit_put(&k, "/out", "x");
    const struct table_desc *t = kit_table(&k, "filesystem", "json", "path=/out", NULL, 0);
    OK(t->connector->open_sink(t, &t->physical, false, &k.ctx, &s, &kit_error));
    assert_int_equal(s->ops->restore(s, NULL, 0, &kit_error), ST_EXISTS);
    s->ops->free(s);
    kit_release(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crash_at_every_call),
        cmocka_unit_test(crash_at_every_call_packed),
        cmocka_unit_test(planted_bugs_are_caught),
        cmocka_unit_test(failing_calls_are_errors),
        cmocka_unit_test(rolls_by_size_age_and_end),
        cmocka_unit_test(a_fresh_run_overwrites_nothing),
        cmocka_unit_test(two_sinks_of_a_job_share_a_directory),
        cmocka_unit_test(foreign_commits_are_refused),
        cmocka_unit_test(a_file_in_the_way_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

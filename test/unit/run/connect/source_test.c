/* The filesystem source: positions that go on exactly at every boundary, files that changed, compressed ones, growing
 * ones, listings, bad and endless records, replay. */
#include "kit.h"

#include "pack/pack.h"

static const struct schema *schema_of(const struct table_desc *t) { return &t->physical; }

/* Reads everything, `step` rows a call, going through a fresh reader at every call when `reopen`. */
static void read_all(struct kit *k, const struct table_desc *t, struct str id, uint32_t step, bool reopen,
                     struct buf *out)
{
    struct source *s = kit_source(k, t);
    struct buf position;
    buf_init(&position, NULL, SIZE_MAX / 2);
    struct split_reader *r = kit_reader(k, s, id, buf_str(&position));
    for (;;) {
        enum read_outcome got = kit_read(k, r, schema_of(t), step, out, NULL);
        if (got == READ_END)
            break;
        assert_int_equal(got, READ_ROWS);
        if (!reopen)
            continue;
        buf_clear(&position);
        OK(s->ops->position(r, &position, &kit_error));
        s->ops->close(r);
        r = kit_reader(k, s, id, buf_str(&position));
    }
    s->ops->close(r);
    s->ops->free(s);
    buf_release(&position);
}

static void lines(struct buf *out, struct buf *wanted, uint32_t n, uint32_t name_bytes)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bytes = name_bytes ? i * 7919 % name_bytes : 3;
        assert_true(buf_printf(out, "{\"id\": %u, \"name\": \"", i));
        if (wanted)
            assert_true(buf_printf(wanted, "%u,", i));
        for (uint32_t c = 0; c < bytes; c++) {
            assert_true(buf_put_u8(out, (uint8_t)('a' + (i + c) % 26)));
            assert_true(!wanted || buf_put_u8(wanted, (uint8_t)('a' + (i + c) % 26)));
        }
        assert_true(buf_printf(out, "\"}\n"));
        assert_true(!wanted || buf_put_u8(wanted, ';'));
    }
}

static void every_boundary_resumes(void **state)
{
    (void)state;
    static const enum codec codecs[] = { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_LZ4 };
    for (size_t c = 0; c < 4; c++) {
        struct kit k;
        struct buf text, packed, wanted, got;
        kit_init(&k, 1);
        buf_init(&text, NULL, SIZE_MAX / 2), buf_init(&packed, NULL, SIZE_MAX / 2);
        buf_init(&wanted, NULL, SIZE_MAX / 2), buf_init(&got, NULL, SIZE_MAX / 2);
        lines(&text, &wanted, 400, 90);
        struct packer *p = packer_new(codecs[c], NULL);
        size_t half = text.len / 2; /* two frames */
        OK(packer_put(p, text.data, half, &packed, &kit_error));
        OK(packer_flush_frame(p, &packed, &kit_error));
        OK(packer_put(p, text.data + half, text.len - half, &packed, &kit_error));
        OK(packer_flush_frame(p, &packed, &kit_error));
        packer_free(p);
        char path[32], option[64];
        snprintf(path, sizeof path, "/a.json%s", codec_suffix(codecs[c]));
        snprintf(option, sizeof option, "path=%s", path);
        OK(sim_put_file(k.sim, path, packed.data, packed.len));
        const struct table_desc *t = kit_table(&k, "filesystem", "json", option, NULL, 0);
        static const uint32_t steps[] = { 1, 3, 64 };
        for (size_t i = 0; i < 3; i++)
            for (int reopen = 0; reopen < 2; reopen++) {
                buf_clear(&got);
                read_all(&k, t, str_from(path), steps[i], reopen, &got);
                assert_true(str_eq(buf_str(&got), buf_str(&wanted)));
            }
        buf_release(&text), buf_release(&packed), buf_release(&wanted), buf_release(&got);
        kit_release(&k);
    }
}

/* Reads `rows` rows of /a.json, then changes the file by `change`, then opens at the position. */
static enum status reopen_after(uint32_t rows, bool durable, uint32_t lines_n, void (*change)(struct buf *text))
{
    struct kit k;
    struct buf text, position, got;
    kit_init(&k, 2);
    k.ctx.durable = durable;
    buf_init(&text, NULL, SIZE_MAX / 2), buf_init(&position, NULL, SIZE_MAX / 2), buf_init(&got, NULL, SIZE_MAX / 2);
    lines(&text, NULL, lines_n, 0);
    OK(sim_put_file(k.sim, "/a.json", text.data, text.len));
    const struct table_desc *t = kit_table(&k, "filesystem", "json", "path=/a.json", NULL, 0);
    struct source *s = kit_source(&k, t);
    struct split_reader *r = kit_reader(&k, s, STR("/a.json"), STR(""));
    for (uint32_t n = 0; n < rows; n += 1)
        kit_read(&k, r, schema_of(t), 1, &got, NULL);
    OK(s->ops->position(r, &position, &kit_error));
    s->ops->close(r);
    if (change) {
        change(&text);
        OK(sim_put_file(k.sim, "/a.json", text.data, text.len));
    }
    struct split split = { STR("/a.json") };
    r = NULL;
    error_clear(&kit_error);
    enum status st = s->ops->open(s, &split, buf_str(&position), &k.budget, k.wake, &r, &kit_error);
    if (st == ST_OK)
        s->ops->close(r);
    else
        assert_non_null(strstr(kit_error.message, "/a.json"));
    s->ops->free(s);
    buf_release(&text), buf_release(&position), buf_release(&got);
    kit_release(&k);
    return st;
}

static void change_first(struct buf *b) { b->data[9] = 'x'; }
static void change_middle(struct buf *b) { b->data[b->len / 2] ^= 1; }
static void change_last_read(struct buf *b) { b->data[399 * 25] ^= 1; }
static void shrink(struct buf *b) { b->len = 100; }
static void grow(struct buf *b) { assert_true(buf_put(b, "{}\n", 3)); }

static void changed_files_are_refused(void **state)
{
    (void)state;
    assert_int_equal(reopen_after(400, true, 800, NULL), ST_OK);
    assert_int_equal(reopen_after(400, true, 800, grow), ST_OK);
    assert_int_equal(reopen_after(0, true, 800, change_first), ST_OK); /* nothing was read before it */
    assert_int_equal(reopen_after(400, true, 800, change_first), ST_MISMATCH);
    assert_int_equal(reopen_after(400, true, 800, shrink), ST_MISMATCH);
    assert_int_equal(reopen_after(400, true, 401, change_middle), ST_MISMATCH);
    assert_int_equal(reopen_after(400, true, 800, change_last_read), ST_MISMATCH);
    /* without commits that outlive the process only the last bytes are looked at */
    assert_int_equal(reopen_after(400, false, 800, change_last_read), ST_MISMATCH);
    assert_int_equal(reopen_after(400, false, 800, change_first), ST_OK);
}

static void gone_files_are_refused(void **state)
{
    (void)state;
    struct kit k;
    struct buf position;
    kit_init(&k, 3);
    buf_init(&position, NULL, 1000);
    kit_put(&k, "/a.json", "{\"id\": 1}\n");
    const struct table_desc *t = kit_table(&k, "filesystem", "json", "path=/a.json", NULL, 0);
    struct source *s = kit_source(&k, t);
    struct split_reader *r = kit_reader(&k, s, STR("/a.json"), STR("")), *none;
    OK(s->ops->position(r, &position, &kit_error));
    s->ops->close(r);
    OK(k.ctx.os->ops->unlink(k.ctx.os, "/a.json", &kit_error));
    struct split split = { STR("/a.json") };
    assert_int_equal(s->ops->open(s, &split, buf_str(&position), &k.budget, k.wake, &none, &kit_error), ST_MISMATCH);
    assert_int_equal(s->ops->open(s, &split, STR(""), &k.budget, k.wake, &none, &kit_error), ST_NOT_FOUND);
    position.data[0] = 9; /* a version of tomorrow */
    assert_int_equal(s->ops->open(s, &split, buf_str(&position), &k.budget, k.wake, &none, &kit_error), ST_CORRUPT);
    s->ops->free(s);
    buf_release(&position);
    kit_release(&k);
}

static void following_waits_for_whole_lines(void **state)
{
    (void)state;
    struct kit k;
    struct buf got;
    int64_t wake_ms;
    kit_init(&k, 4);
    buf_init(&got, NULL, SIZE_MAX / 2);
    kit_put(&k, "/a.json", "{\"id\": 1}\n{\"id\": ");
    const struct table_desc *t =
        kit_table(&k, "filesystem", "json", "path=/a.json|source.monitor-interval=50ms", NULL, 0);
    struct source *s = kit_source(&k, t);
    struct split_reader *r = kit_reader(&k, s, STR("/a.json"), STR(""));
    assert_int_equal(kit_read(&k, r, schema_of(t), 10, &got, &wake_ms), READ_ROWS);
    assert_int_equal(kit_read(&k, r, schema_of(t), 10, &got, &wake_ms), READ_WAIT);
    assert_int_equal(wake_ms, os_mono_ns(k.ctx.os) / 1000000 + 50);
    assert_text(&got, "1,NULL;");
    struct os_file *f;
    OK(os_open(k.ctx.os, "/a.json", OS_WRITE, &f, &kit_error));
    OK(os_pwrite(k.ctx.os, f, "2}\n{\"id\": 3}", 12, 17, &kit_error));
    assert_int_equal(kit_read(&k, r, schema_of(t), 10, &got, NULL), READ_ROWS);
    assert_text(&got, "1,NULL;2,NULL;");
    assert_int_equal(kit_read(&k, r, schema_of(t), 10, &got, NULL), READ_WAIT); /* 3 has no newline yet */
    OK(k.ctx.os->ops->truncate(k.ctx.os, f, 5, &kit_error));
    struct batch *b = batch_new(schema_of(t), 8, &k.budget);
    enum read_outcome outcome;
    int64_t watermark;
    assert_int_equal(r->ops->read(r, b, 8, &outcome, &wake_ms, &watermark, &kit_error), ST_MISMATCH);
    batch_free(b);
    os_close(k.ctx.os, f);
    s->ops->close(r);
    s->ops->free(s);
    buf_release(&got);
    kit_release(&k);
}

static void unfinished_last_line_counts_when_bounded(void **state)
{
    (void)state;
    struct kit k;
    struct buf got;
    kit_init(&k, 5);
    buf_init(&got, NULL, SIZE_MAX / 2);
    kit_put(&k, "/a.json", "{\"id\": 1}\n\n{\"id\": 2}");
    read_all(&k, kit_table(&k, "filesystem", "json", "path=/a.json", NULL, 0), STR("/a.json"), 10, false, &got);
    assert_text(&got, "1,NULL;2,NULL;");
    buf_clear(&got);
    kit_put(&k, "/e.json", "");
    read_all(&k, kit_table(&k, "filesystem", "json", "path=/e.json", NULL, 0), STR("/e.json"), 10, true, &got);
    assert_int_equal(got.len, 0);
    buf_release(&got);
    kit_release(&k);
}

static void bad_records_have_places(void **state)
{
    (void)state;
    struct kit k;
    struct buf got;
    kit_init(&k, 6);
    buf_init(&got, NULL, SIZE_MAX / 2);
    kit_put(&k, "/a.json", "{\"id\": 1}\nnonsense\n{\"id\": 2}\n{\"id\": \"x\"}\n{\"id\": 3}\n");
    const struct table_desc *t = kit_table(&k, "filesystem", "json", "path=/a.json", NULL, 0);
    read_all(&k, t, STR("/a.json"), 1, true, &got); /* lines and offsets survive positions */
    assert_text(&got, "1,NULL;2,NULL;3,NULL;");
    assert_text(&k.bad, "/a.json:2:10:nonsense\n/a.json:4:29:{\"id\": \"x\"}\n");
    k.bad_fails = true;
    struct source *s = kit_source(&k, t);
    struct split_reader *r = kit_reader(&k, s, STR("/a.json"), STR(""));
    struct batch *b = batch_new(schema_of(t), 8, &k.budget);
    enum read_outcome outcome;
    int64_t wake_ms, watermark;
    assert_int_equal(r->ops->read(r, b, 8, &outcome, &wake_ms, &watermark, &kit_error), ST_DATA);
    batch_free(b);
    s->ops->close(r);
    s->ops->free(s);
    buf_release(&got);
    kit_release(&k);
}

/* 1 MiB passes; 17 MiB without a newline is one bad record, also when the position falls into it. */
static void long_records(void **state)
{
    (void)state;
    struct kit k;
    struct buf text, got;
    kit_init(&k, 7);
    buf_init(&text, NULL, SIZE_MAX / 2), buf_init(&got, NULL, SIZE_MAX / 2);
    static const size_t sizes[] = { 1u << 20, 17u << 20 };
    for (size_t i = 0; i < 2; i++) {
        assert_true(buf_printf(&text, "{\"id\": %zu, \"name\": \"", i));
        assert_true(buf_reserve(&text, sizes[i]));
        memset(text.data + text.len, 'y', sizes[i]);
        text.len += sizes[i];
        assert_true(buf_printf(&text, "\"}\n"));
    }
    assert_true(buf_printf(&text, "{\"id\": 2}\n"));
    OK(sim_put_file(k.sim, "/a.json", text.data, text.len));
    const struct table_desc *t = kit_table(&k, "filesystem", "json", "path=/a.json", NULL, 0);
    read_all(&k, t, STR("/a.json"), 1, true, &got);
    assert_int_equal(got.len, 2 + (1u << 20) + 1 + strlen("2,NULL;"));
    assert_memory_equal(got.data + got.len - 7, "2,NULL;", 7);
    assert_memory_equal(k.bad.data, "/a.json:2:10485", 15);
    buf_release(&text), buf_release(&got);
    kit_release(&k);
}

static void listings(void **state)
{
    (void)state;
    static const struct {
        const char *options, *wanted;
    } cases[] = {
        { "path=/d", "/d/a.json /d/b.txt /d/c/e.json /d/c/f.json " },
        { "path=file:///d/", "/d/a.json /d/b.txt /d/c/e.json /d/c/f.json " },
        { "path=/d/*.json", "/d/a.json " },
        { "path=/d/*/[ef].json", "/d/c/e.json /d/c/f.json " },
        { "path=/d/c/?.json", "/d/c/e.json /d/c/f.json " },
        { "path=/d/c/[!e].json", "/d/c/f.json " },
        { "path=/d/.*", "/d/.hidden " },
        { "path=/d/b.txt", "/d/b.txt " },
        { "path=/d|source.path.regex-pattern=.*/[a-e]\\.json", "/d/a.json /d/c/e.json " },
        { "path=/d|source.path.regex-pattern=/d/\\w.txt|source.monitor-interval=1s", "/d/b.txt " },
        { "path=/nothing|source.monitor-interval=1s", "" },
        { "path=/d/*.none|source.monitor-interval=1s", "" },
    };
    struct kit k;
    kit_init(&k, 8);
    OK(os_mkdirs(k.ctx.os, "/d/c", &kit_error));
    OK(os_mkdirs(k.ctx.os, "/d/_tmp", &kit_error));
    static const char *const files[] = { "/d/b.txt", "/d/a.json", "/d/c/f.json", "/d/c/e.json",
                                         "/d/.hidden", "/d/_tmp/x", "/d/c/_SUCCESS" };
    for (size_t i = 0; i < 7; i++)
        kit_put(&k, files[i], "x");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct source *s = kit_source(&k, kit_table(&k, "filesystem", "json", cases[i].options, NULL, 0));
        struct split *splits;
        struct buf got;
        buf_init(&got, NULL, 1000);
        uint32_t n = kit_splits(&k, s, &splits);
        for (uint32_t j = 0; j < n; j++)
            assert_true(buf_printf(&got, "%.*s ", STR_ARG(splits[j].id)));
        assert_text(&got, cases[i].wanted);
        buf_release(&got);
        s->ops->free(s);
    }
    struct source *s = kit_source(&k, kit_table(&k, "filesystem", "json", "path=/d/*.none", NULL, 0));
    struct split *splits;
    uint32_t n;
    assert_int_equal(s->ops->splits(s, &k.arena, &splits, &n, &kit_error), ST_NOT_FOUND);
    s->ops->free(s);
    kit_release(&k);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        enum status st;
        const char *says;
    } cases[] = {
        { "path=", ST_SEMANTIC, "empty" },
        { "path=/a|replay.speed=10", ST_SEMANTIC, "replay.column" },
        { "path=/a|replay.column=id", ST_SEMANTIC, "replay.speed" },
        { "path=/a|replay.column=nix|replay.speed=1", ST_SEMANTIC, "'nix'" },
        { "path=/a|source.path.regex-pattern=a(", ST_SEMANTIC, "a(" },
        { "path=/a|source.path.regex-pattern=(?i)a", ST_UNSUPPORTED, "(?i)a" },
        { "path=/a|source.monitor-intervall=1s", ST_SEMANTIC, "source.monitor-interval'" },
        { "path=/a|compression=rar", ST_SEMANTIC, "gzip" },
    };
    struct kit k;
    kit_init(&k, 9);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err;
        error_clear(&err);
        assert_int_equal(kit_check(kit_table(&k, "filesystem", "json", cases[i].options, NULL, 0), &err),
                         cases[i].st);
        assert_non_null(strstr(err.message, cases[i].says));
    }
    kit_release(&k);
}

static void cut_archives_are_errors(void **state)
{
    (void)state;
    struct kit k;
    struct buf packed, got;
    kit_init(&k, 10);
    buf_init(&packed, NULL, SIZE_MAX / 2), buf_init(&got, NULL, 1000);
    struct packer *p = packer_new(CODEC_GZIP, NULL);
    OK(packer_put(p, "{\"id\": 1}\n", 10, &packed, &kit_error));
    OK(packer_flush_frame(p, &packed, &kit_error));
    packer_free(p);
    for (int broken = 0; broken < 2; broken++) {
        if (broken)
            packed.data[packed.len - 6] ^= 0x40;
        OK(sim_put_file(k.sim, "/a.gz", packed.data, packed.len - (broken ? 0 : 5)));
        const struct table_desc *t = kit_table(&k, "filesystem", "json", "path=/a.gz", NULL, 0);
        struct source *s = kit_source(&k, t);
        struct split_reader *r = kit_reader(&k, s, STR("/a.gz"), STR(""));
        struct batch *b = batch_new(schema_of(t), 8, &k.budget);
        enum read_outcome outcome = READ_ROWS;
        int64_t wake_ms, watermark;
        enum status st = ST_OK;
        while (st == ST_OK && outcome != READ_END)
            st = r->ops->read(r, b, 8, &outcome, &wake_ms, &watermark, &kit_error);
        assert_int_equal(st, ST_DATA);
        assert_non_null(strstr(kit_error.message, "/a.gz"));
        batch_free(b);
        s->ops->close(r);
        s->ops->free(s);
    }
    buf_release(&packed), buf_release(&got);
    kit_release(&k);
}

static void replay_follows_the_clock(void **state)
{
    (void)state;
    struct kit k;
    struct buf got, position;
    int64_t wake_ms;
    kit_init(&k, 11);
    buf_init(&got, NULL, 1000), buf_init(&position, NULL, 1000);
    kit_put(&k, "/a.json", "{\"id\": 5000}\n{\"id\": 5000}\n{\"id\": 7000}\n{\"id\": 4000}\n{\"id\": 65000}\n");
    const struct table_desc *t =
        kit_table(&k, "filesystem", "json", "path=/a.json|replay.speed=10|replay.column=id", NULL, 0);
    struct source *s = kit_source(&k, t);
    struct split_reader *r = kit_reader(&k, s, STR("/a.json"), STR(""));
    int64_t start_ms = os_mono_ns(k.ctx.os) / 1000000;
    assert_int_equal(kit_read(&k, r, schema_of(t), 64, &got, &wake_ms), READ_ROWS);
    assert_text(&got, "5000,NULL;5000,NULL;");
    OK(s->ops->position(r, &position, &kit_error)); /* a held row is not read yet */
    buf_clear(&got);
    assert_int_equal(kit_read(&k, r, schema_of(t), 64, &got, &wake_ms), READ_WAIT);
    assert_in_range(wake_ms, start_ms + 200, start_ms + 201);
    sim_advance_ms(k.sim, 201);
    assert_int_equal(kit_read(&k, r, schema_of(t), 64, &got, &wake_ms), READ_ROWS);
    assert_text(&got, "7000,NULL;4000,NULL;"); /* a row of the past is due at once */
    s->ops->close(r);
    s->ops->free(s);
    s = kit_source(&k, t);
    r = kit_reader(&k, s, STR("/a.json"), buf_str(&position));
    buf_clear(&got);
    assert_int_equal(kit_read(&k, r, schema_of(t), 64, &got, &wake_ms), READ_ROWS);
    assert_text(&got, "7000,NULL;4000,NULL;"); /* after a restart the first row goes at once */
    sim_advance_ms(k.sim, 5801);
    assert_int_equal(kit_read(&k, r, schema_of(t), 64, &got, &wake_ms), READ_END);
    assert_text(&got, "7000,NULL;4000,NULL;65000,NULL;");
    s->ops->close(r);
    s->ops->free(s);
    buf_release(&got), buf_release(&position);
    kit_release(&k);
}

static void csv_header_is_seen_once(void **state)
{
    (void)state;
    struct kit k;
    struct buf got;
    kit_init(&k, 12);
    buf_init(&got, NULL, 1000);
    static const char *const options[] = { "path=/a.csv|csv.header=skip", "path=/b.csv|csv.header=names" };
    static const struct str paths[] = { STR_INIT("/a.csv"), STR_INIT("/b.csv") };
    kit_put(&k, "/a.csv", "id,name\n1,one\n2,\"two\nlines\"\n3,three");
    kit_put(&k, "/b.csv", "name,id\none,1\n\"two\nlines\",2\nthree,3");
    for (size_t i = 0; i < 2; i++)
        for (int reopen = 0; reopen < 2; reopen++) {
            buf_clear(&got);
            read_all(&k, kit_table(&k, "filesystem", "csv", options[i], NULL, 0), paths[i], 1, reopen, &got);
            assert_text(&got, "1,one;2,two\nlines;3,three;");
            assert_text(&k.bad, "");
        }
    buf_release(&got);
    kit_release(&k);
}

/* Every refusal of memory in turn: an error by name, or the whole answer. */
static void refused_memory(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 13);
    struct buf text;
    buf_init(&text, NULL, SIZE_MAX / 2);
    lines(&text, NULL, 50, 40);
    OK(sim_put_file(k.sim, "/a.json", text.data, text.len));
    const struct table_desc *t = kit_table(&k, "filesystem", "json", "path=/a.json", NULL, 0);
    struct batch *b = batch_new(schema_of(t), 64, NULL);
    uint32_t failed = 0;
    for (uint64_t nth = 1; nth < 1000; nth++) {
        struct source *s = NULL;
        struct split_reader *r = NULL;
        int64_t discover_ms, wake_ms, watermark;
        enum read_outcome outcome = READ_ROWS;
        struct split split = { STR("/a.json") };
        budget_fail_nth(nth);
        enum status st = t->connector->open_source(t, NULL, &k.ctx, &discover_ms, &s, &kit_error);
        if (st == ST_OK)
            st = s->ops->open(s, &split, STR(""), &k.budget, k.wake, &r, &kit_error);
        uint32_t rows = 0;
        while (st == ST_OK && outcome != READ_END) {
            batch_clear(b);
            st = r->ops->read(r, b, 64, &outcome, &wake_ms, &watermark, &kit_error);
            rows += b->count;
        }
        bool all = budget_takes() < nth;
        budget_fail_nth(0);
        if (st == ST_OK)
            assert_int_equal(rows, 50);
        else
            assert_int_equal(st, ST_MEMORY);
        failed += st == ST_MEMORY;
        if (s) {
            s->ops->close(r);
            s->ops->free(s);
        }
        if (all)
            break;
    }
    assert_true(failed > 5);
    batch_free(b);
    buf_release(&text);
    kit_release(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_boundary_resumes),
        cmocka_unit_test(changed_files_are_refused),
        cmocka_unit_test(gone_files_are_refused),
        cmocka_unit_test(following_waits_for_whole_lines),
        cmocka_unit_test(unfinished_last_line_counts_when_bounded),
        cmocka_unit_test(bad_records_have_places),
        cmocka_unit_test(long_records),
        cmocka_unit_test(listings),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(cut_archives_are_errors),
        cmocka_unit_test(replay_follows_the_clock),
        cmocka_unit_test(csv_header_is_seen_once),
        cmocka_unit_test(refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

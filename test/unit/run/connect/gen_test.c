/* datagen and nexmark: the same seed gives the same rows however they are split, resumed or thinned out;
 * distributions, pace, ends, options. */
#include "kit.h"

static struct field *fields_of(struct kit *k, uint32_t *ret_n)
{
    static const enum type_kind kinds[] = { TYPE_INT, TYPE_BIGINT, TYPE_DOUBLE, TYPE_VARCHAR, TYPE_BOOLEAN };
    static const char *const names[] = { "i", "b", "d", "s", "f" };
    struct field *f = ARENA_ARRAY(&k->arena, struct field, 9);
    for (uint32_t i = 0; i < 5; i++)
        f[i] = (struct field){ str_from(names[i]), type_basic(kinds[i]) };
    f[5] = (struct field){ STR("p"), type_decimal(&k->arena, 25, 3) };
    f[6] = (struct field){ STR("ts"), type_timestamp(&k->arena, TYPE_TIMESTAMP, 3) };
    f[7] = (struct field){ STR("a"), type_array(&k->arena, type_basic(TYPE_INT)) };
    struct field *inner = ARENA_ARRAY(&k->arena, struct field, 1);
    inner[0] = (struct field){ STR("x"), type_basic(TYPE_INT) };
    f[8] = (struct field){ STR("r"), type_row(&k->arena, inner, 1) };
    *ret_n = 9;
    return f;
}

/* Reads one split to its end, `step` rows a call, through a fresh reader each time when `reopen`; a line a row. */
static void run_split(struct kit *k, const struct table_desc *t, struct str id, uint32_t step, bool reopen,
                      struct buf *out)
{
    struct source *s = kit_source(k, t);
    struct buf position;
    buf_init(&position, NULL, 1000);
    struct split_reader *r = kit_reader(k, s, id, STR(""));
    while (kit_read(k, r, &t->physical, step, out, NULL) != READ_END) {
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

/* The k-th row (up to the column that ends it) of printed rows of n columns. */
static struct str row_at(const struct buf *b, uint32_t row)
{
    struct str rest = buf_str(b), got = { 0 };
    for (uint32_t i = 0; i <= row; i++)
        got = str_split(&rest, ';');
    return got;
}

static void same_rows_however_read(struct kit *k, const char *connector, const char *options, const char *splits,
                                   const struct field *fields, uint32_t n)
{
    struct buf whole, other;
    char split_options[512];
    buf_init(&whole, NULL, SIZE_MAX / 2), buf_init(&other, NULL, SIZE_MAX / 2);
    const struct table_desc *t = kit_table(k, connector, NULL, options, fields, n);
    run_split(k, t, STR("0"), 64, false, &whole);
    assert_true(whole.len > 1000);
    run_split(k, t, STR("0"), 7, true, &other);
    assert_true(str_eq(buf_str(&whole), buf_str(&other)));
    snprintf(split_options, sizeof split_options, "%s|splits=3", options);
    t = kit_table(k, connector, NULL, split_options, fields, n);
    uint32_t rows = 0;
    for (uint32_t i = 0; i < 3; i++) {
        buf_clear(&other);
        char id[2] = { (char)('0' + i), 0 };
        run_split(k, t, str_from(id), 5, i == 1, &other);
        for (uint32_t row = i, j = 0; row < 100; row += 3, j++, rows++)
            assert_true(str_eq(row_at(&whole, row), row_at(&other, j)));
    }
    assert_int_equal(rows, 100);
    snprintf(split_options, sizeof split_options, "%s|seed=%s", options, splits);
    buf_clear(&other);
    run_split(k, kit_table(k, connector, NULL, split_options, fields, n), STR("0"), 64, false, &other);
    assert_false(str_eq(buf_str(&whole), buf_str(&other))); /* another seed, other rows */
    buf_release(&whole), buf_release(&other);
}

#define GEN "number-of-rows=100|rows-per-second=0|time.start=2026-01-01 00:00:00|fields.i.min=5|fields.i.max=9|" \
            "fields.s.length=20|fields.b.kind=sequence|fields.b.start=1000|fields.b.end=5000|fields.d.null-rate=0.5|" \
            "fields.a.length=2|fields.a.element.max=3|fields.a.element.min=3|fields.r.x.max=1|fields.r.x.min=0"

static void datagen_is_deterministic(void **state)
{
    (void)state;
    struct kit k;
    uint32_t n;
    kit_init(&k, 1);
    struct field *f = fields_of(&k, &n);
    same_rows_however_read(&k, "datagen", GEN, "5", f, n);
    kit_release(&k);
}

static void datagen_keeps_its_ranges(void **state)
{
    (void)state;
    struct kit k;
    uint32_t n, seen = 0, nulls = 0;
    kit_init(&k, 1);
    struct field *f = fields_of(&k, &n);
    const struct table_desc *t = kit_table(&k, "datagen", NULL, GEN, f, n);
    struct source *s = kit_source(&k, t);
    struct split_reader *r = kit_reader(&k, s, STR("0"), STR(""));
    struct batch *b = batch_new(&t->physical, 100, &k.budget);
    enum read_outcome outcome;
    int64_t wake_ms, watermark;
    OK(r->ops->read(r, b, 100, &outcome, &wake_ms, &watermark, &kit_error));
    assert_int_equal(b->count, 100);
    for (uint32_t i = 0; i < 100; i++) {
        assert_in_range(b->cols[0].i32[i], 5, 9);
        seen |= 1u << b->cols[0].i32[i];
        assert_int_equal(b->cols[1].i64[i], 1000 + i);
        nulls += column_is_null(&b->cols[2], i);
        struct str text = column_str(&b->cols[3], i);
        assert_int_equal(text.len, 20);
        for (size_t c = 0; c < 20; c++)
            assert_non_null(memchr("0123456789abcdef", text.ptr[c], 16));
        assert_true(decimal_fits(decimal_get(f[5].type, b->cols[5].data, i), 25));
        assert_int_equal(b->cols[6].i64[i], 1767225600000 + (int64_t)i * 1000 / 10000); /* 'rows-per-second' 0: 10000 */
        assert_int_equal(b->cols[7].list[i].len, 2);
        assert_int_equal(b->cols[7].children[0].i32[b->cols[7].list[i].offset], 3);
        assert_in_range(b->cols[8].children[0].i32[i], 0, 1);
    }
    assert_int_equal(seen, 0x3e0);
    assert_in_range(nulls, 30, 70);
    bool bounded;
    OK(t->connector->bounded(t, &bounded, &kit_error));
    assert_true(bounded);
    batch_free(b);
    s->ops->close(r);
    s->ops->free(s);
    kit_release(&k);
}

static void datagen_keeps_its_pace(void **state)
{
    (void)state;
    struct kit k;
    struct buf got;
    int64_t wake_ms;
    kit_init(&k, 1);
    buf_init(&got, NULL, SIZE_MAX / 2);
    const struct table_desc *t = kit_table(
        &k, "datagen", NULL, "rows-per-second=10|fields.id.kind=sequence|fields.id.start=1|fields.id.end=1000|"
                             "fields.name.length=1", NULL, 0);
    struct source *s = kit_source(&k, t);
    struct split_reader *r = kit_reader(&k, s, STR("0"), STR(""));
    int64_t start_ms = os_mono_ns(k.ctx.os) / 1000000;
    uint32_t rows = 0;
    for (int64_t ms = start_ms; ms < start_ms + 2000;) {
        buf_clear(&got);
        enum read_outcome o = kit_read(&k, r, &t->physical, 64, &got, &wake_ms);
        if (o == READ_WAIT) {
            assert_in_range(wake_ms, ms + 1, ms + 101);
            sim_advance_ms(k.sim, wake_ms - ms);
            ms = wake_ms;
        }
        for (size_t i = 0; i < got.len; i++)
            rows += got.data[i] == ';';
    }
    assert_in_range(rows, 19, 21);
    s->ops->close(r);
    s->ops->free(s);
    buf_release(&got);
    kit_release(&k);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *options, *says;
    } cases[] = {
        { "fields.idd.min=1", "fields.idd.min" },
        { "fields.id.length=1", "fields.id.length" },
        { "fields.id.min=x", "fields.id.min" },
        { "fields.id.min=99999999999999999999", "fields.id.min" },
        { "fields.id.min=5|fields.id.max=4", "below" },
        { "fields.id.kind=sequence", "fields.id.start" },
        { "fields.id.kind=sequence|fields.id.start=5|fields.id.end=4", "start" },
        { "fields.id.kind=odd", "random or sequence" },
        { "fields.name.null-rate=2", "between 0 and 1" },
        { "fields.name.length=-1", "fields.name.length" },
        { "time.start=yesterday", "time.start" },
        { "splits=0", "splits" },
    };
    struct kit k;
    kit_init(&k, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err;
        error_clear(&err);
        assert_int_equal(kit_check(kit_table(&k, "datagen", NULL, cases[i].options, NULL, 0), &err), ST_SEMANTIC);
        assert_non_null(strstr(err.message, cases[i].says));
    }
    kit_release(&k);
}

/* ---- nexmark ---- */

static const struct type *row_type(struct kit *k, const char *text)
{
    struct field *f = ARENA_ARRAY(&k->arena, struct field, 12);
    struct str rest = str_from(text);
    uint32_t n = 0;
    while (rest.ptr) {
        struct str name = str_split(&rest, ' ');
        char kind = name.ptr[0];
        f[n++] = (struct field){ str_make(name.ptr + 1, name.len - 1),
                                 kind == 'n' ? type_basic(TYPE_BIGINT)
                                 : kind == 't' ? type_timestamp(&k->arena, TYPE_TIMESTAMP, 3) : type_string() };
    }
    return type_row(&k->arena, f, n);
}

static struct field *nexmark_fields(struct kit *k)
{
    struct field *f = ARENA_ARRAY(&k->arena, struct field, 4);
    f[0] = (struct field){ STR("event_type"), type_basic(TYPE_INT) };
    f[1] = (struct field){ STR("person"),
                           row_type(k, "nid sname semailAddress screditCard scity sstate tdateTime sextra") };
    f[2] = (struct field){ STR("auction"), row_type(k, "nid sitemName sdescription ninitialBid nreserve tdateTime "
                                                       "texpires nseller ncategory sextra") };
    f[3] = (struct field){ STR("bid"), row_type(k, "nauction nbidder nprice schannel surl tdateTime sextra") };
    return f;
}

static void nexmark_is_deterministic(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    struct field *f = nexmark_fields(&k);
    same_rows_however_read(&k, "nexmark", "events.num=100", "5", f, 4);
    same_rows_however_read(&k, "nexmark", "events.num=100|out-of-order.group-size=40", "5", f, 4);
    kit_release(&k);
}

static struct batch *nexmark_batch(struct kit *k, const char *options, const struct need *needs, uint32_t skip,
                                   uint32_t n)
{
    struct field *f = nexmark_fields(k);
    const struct table_desc *t = kit_table(k, "nexmark", NULL, options, f, 4);
    struct source *s;
    int64_t discover_ms;
    OK(kit_check(t, &kit_error));
    OK(t->connector->open_source(t, needs, &k->ctx, &discover_ms, &s, &kit_error));
    struct split_reader *r = kit_reader(k, s, STR("0"), STR(""));
    struct batch *b = batch_new(&t->physical, n, NULL);
    for (uint32_t at = 0; at <= skip; at += n) {
        enum read_outcome outcome;
        int64_t wake_ms, watermark;
        batch_clear(b);
        OK(r->ops->read(r, b, n, &outcome, &wake_ms, &watermark, &kit_error));
        assert_int_equal(b->count, n);
    }
    s->ops->close(r);
    s->ops->free(s);
    return b;
}

static void nexmark_has_the_benchmarks_shape(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    struct batch *b = nexmark_batch(&k, "events.num=1000000|first-event.rate=1000", NULL, 500000, 50000);
    uint32_t counts[3] = { 0 }, hot_auctions = 0, hot_channels = 0, with_id = 0;
    double log_price = 0, bytes = 0;
    const struct column *bid = b->cols[3].children;
    for (uint32_t i = 0; i < b->count; i++) {
        int32_t kind = b->cols[0].i32[i];
        counts[kind]++;
        for (int32_t c = 0; c < 3; c++)
            assert_int_equal(column_is_null(&b->cols[1 + c], i), c != kind);
        int64_t number = 500000 + i + 1;
        if (kind != 2)
            continue;
        int64_t last = (number + 1) / 50 * 3 + 2; /* the round's three auctions are there before its bids */
        hot_auctions += bid[0].i64[i] == 1000 + last / 100 * 100;
        assert_in_range(bid[0].i64[i], 1000 + last - 200, 1000 + last + 10);
        assert_in_range(bid[2].i64[i], 100, 100000000);
        for (int64_t price = bid[2].i64[i]; price >= 1000; price /= 10)
            log_price++;
        struct str channel = column_str(&bid[3], i), url = column_str(&bid[4], i);
        bool cold = str_starts(channel, STR("channel-"));
        hot_channels += !cold;
        with_id += cold && str_find(url, STR("&channel_id="), 0) > 0;
        assert_true(str_starts(url, STR("https://www.nexmark.com/")));
        assert_int_equal(bid[5].i64[i], 1436918400000 + number); /* 1000 a second */
        bytes += 32 + (double)column_str(&bid[6], i).len;
    }
    assert_int_equal(counts[0], 1000);
    assert_int_equal(counts[1], 3000);
    assert_int_equal(counts[2], 46000);
    assert_in_range(hot_auctions, 22000, 25500); /* half, and a few by chance */
    assert_in_range(hot_channels, 22500, 23500);
    assert_in_range(with_id, 20200, 21200); /* nine of ten cold ones */
    assert_true(log_price / 46000 > 2.4 && log_price / 46000 < 2.6); /* uniform over six powers of ten */
    assert_true(bytes / 46000 > 99 && bytes / 46000 < 101);
    const struct column *auction = b->cols[2].children;
    double seconds = 0, auction_bytes = 0;
    uint32_t hot_sellers = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        if (b->cols[0].i32[i] != 1)
            continue;
        int64_t last = (500000 + i + 2) / 50;
        seconds += (double)(auction[6].i64[i] - auction[5].i64[i]) / 1000;
        hot_sellers += auction[7].i64[i] == 1000 + last / 100 * 100;
        assert_in_range(auction[8].i64[i], 10, 14);
        assert_true(auction[4].i64[i] > auction[3].i64[i]);
        auction_bytes += 48 + (double)column_str(&auction[1], i).len + (double)column_str(&auction[2], i).len +
                         (double)column_str(&auction[9], i).len;
    }
    assert_in_range(hot_sellers, 2150, 2350);
    assert_true(seconds / 3000 > 1.58 && seconds / 3000 < 1.75); /* 100 auctions last 1,666 events */
    assert_true(auction_bytes / 3000 > 490 && auction_bytes / 3000 < 510);
    batch_free(b);
    kit_release(&k);
}

/* Fields that nobody needs are NULL and change nothing in the others. */
static void nexmark_leaves_out_what_is_not_needed(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    struct need bid[7] = { { true, NULL }, { false, NULL }, { true, NULL } };
    struct need needs[4] = { { true, NULL }, { false, NULL }, { false, NULL }, { true, bid } };
    struct batch *all = nexmark_batch(&k, "", NULL, 0, 200), *some = nexmark_batch(&k, "", needs, 0, 200);
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(all->cols[0].i32[i], some->cols[0].i32[i]);
        assert_true(column_is_null(&some->cols[1], i) && column_is_null(&some->cols[2], i));
        if (all->cols[0].i32[i] != 2)
            continue;
        assert_int_equal(all->cols[3].children[0].i64[i], some->cols[3].children[0].i64[i]);
        assert_int_equal(all->cols[3].children[2].i64[i], some->cols[3].children[2].i64[i]);
        assert_true(column_is_null(&some->cols[3].children[1], i) && column_is_null(&some->cols[3].children[4], i));
    }
    batch_free(all), batch_free(some);
    kit_release(&k);
}

static void nexmark_refuses_foreign_columns(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, 1);
    struct field *f = nexmark_fields(&k);
    f[3].name = STR("bids");
    assert_int_equal(kit_check(kit_table(&k, "nexmark", NULL, "", f, 4), &kit_error), ST_SEMANTIC);
    assert_non_null(strstr(kit_error.message, "'bids'"));
    f[3] = (struct field){ STR("bid"), row_type(&k, "nauction sprice") };
    assert_int_equal(kit_check(kit_table(&k, "nexmark", NULL, "", f, 4), &kit_error), ST_SEMANTIC);
    assert_non_null(strstr(kit_error.message, "'bid.price'"));
    kit_release(&k);
}

static void nexmark_ends_and_keeps_alive(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        bool bounded;
        enum read_outcome end;
    } cases[] = {
        { "events.num=3", true, READ_END }, { "events.num=3|keep-alive=true", false, READ_WAIT },
        { "stop-at=3", true, READ_END },    { "events.num=0", false, READ_ROWS },
    };
    struct kit k;
    kit_init(&k, 1);
    for (size_t i = 0; i < 4; i++) {
        struct buf got;
        bool bounded;
        buf_init(&got, NULL, SIZE_MAX / 2);
        const struct table_desc *t = kit_table(&k, "nexmark", NULL, cases[i].options, nexmark_fields(&k), 4);
        OK(t->connector->bounded(t, &bounded, &kit_error));
        assert_int_equal(bounded, cases[i].bounded);
        struct source *s = kit_source(&k, t);
        struct split_reader *r = kit_reader(&k, s, STR("0"), STR(""));
        assert_int_equal(kit_read(&k, r, &t->physical, 3, &got, NULL), READ_ROWS);
        assert_int_equal(kit_read(&k, r, &t->physical, 3, &got, NULL), cases[i].end);
        s->ops->close(r);
        s->ops->free(s);
        buf_release(&got);
    }
    kit_release(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagen_is_deterministic),
        cmocka_unit_test(datagen_keeps_its_ranges),
        cmocka_unit_test(datagen_keeps_its_pace),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(nexmark_is_deterministic),
        cmocka_unit_test(nexmark_has_the_benchmarks_shape),
        cmocka_unit_test(nexmark_leaves_out_what_is_not_needed),
        cmocka_unit_test(nexmark_refuses_foreign_columns),
        cmocka_unit_test(nexmark_ends_and_keeps_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

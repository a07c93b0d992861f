/* The datagen source: rows of random or counted values, with Flink's options.
 *
 * Every value is a function of the seed, the field and the row's number, so a reader can begin anywhere, and how
 * many splits there are changes nothing in the rows: split i of n makes the rows i, i + n, …
 *
 * Timestamps count from a start: 'time.start' (with a 'seed' a fixed day) at 'time.rate' rows a second, else the
 * wall clock when a row is made, as Flink does. */
#include "datagen.h"

#define READ_ROWS_MAX 1024u
#define FIXED_START_MS 1767225600000 /* 2026-01-01 00:00:00 */
#define UNPACED 1e9                  /* rows a second from which nobody waits */

const struct option_spec gen_options[] = {
    { .name = "rows-per-second", .type = OPT_INT, .fallback = "10000", .min = 0, .max = INT64_MAX,
      .help = "rows released a second; 0: as many as possible" },
    { .name = "number-of-rows", .type = OPT_INT, .min = 0, .max = INT64_MAX,
      .help = "rows in all (default: no end, unless a sequence has one)" },
    { .name = "seed", .type = OPT_INT, .fallback = "0", .help = "the same seed gives the same rows" },
    { .name = "splits", .type = OPT_INT, .fallback = "1", .min = 1, .max = 1024,
      .help = "parts that can be made in parallel" },
    { .name = "time.start", .type = OPT_STRING,
      .help = "where timestamps begin: a time or milliseconds (default: the clock; with 'seed' 2026-01-01)" },
    { .name = "time.rate", .type = OPT_DOUBLE, .min = 0, .max = INT64_MAX,
      .help = "rows a second of event time (default: 'rows-per-second')" },
    { .name = "fields.*", .type = OPT_STRING,
      .help = "fields.<column>.kind (random, sequence), .min, .max, .length, .var-len, .start, .end, .max-past, "
              ".null-rate" },
};
const uint32_t gen_option_count = sizeof gen_options / sizeof gen_options[0];

struct gen_source {
    struct source base;
    struct connect_context *ctx;
    struct arena arena;
    struct gen_plan plan;
    struct need *needs;
    uint32_t splits;
    double rate; /* rows a second of one split; 0: not paced */
    bool fixed_clock;
    struct gen_clock clock;
};

struct gen_reader {
    struct split_reader base;
    struct gen_source *source;
    struct budget *budget;
    uint32_t index;
    uint64_t next; /* of this split's rows, from 0 */
    uint64_t opened_at; /* `next` at open: the pace begins there */
    int64_t opened_ns;
};

static enum status gen_splits(struct source *base, struct arena *arena, struct split **ret, uint32_t *ret_count,
                              struct error *err)
{
    return numbered_splits(arena, ((struct gen_source *)base)->splits, ret, ret_count, err);
}

/* position: u8 1, u32 splits, u64 rows made. */
static enum status read_position(const struct gen_source *s, struct str bytes, uint64_t *ret, struct error *err)
{
    struct reader in = reader_make(bytes.ptr, bytes.len);
    uint8_t version;
    uint32_t splits;
    if (!read_u8(&in, &version) || version != 1 || !read_u32(&in, &splits) || !read_u64(&in, ret) || in.at != in.end ||
        *ret > INT64_MAX)
        return error_set(err, ST_CORRUPT, "the committed position of table '%.*s' cannot be read",
                         STR_ARG(s->base.table->name));
    if (splits != s->splits)
        return error_set(err, ST_MISMATCH, "table '%.*s' was committed with %u splits and has %u now",
                         STR_ARG(s->base.table->name), splits, s->splits);
    return ST_OK;
}

static enum status gen_open(struct source *base, const struct split *split, struct str position,
                            struct budget *budget, struct os_signal *wake, struct split_reader **ret,
                            struct error *err)
{
    (void)wake;
    struct gen_source *s = (struct gen_source *)base;
    uint64_t next = 0;
    uint32_t index;
    if (!numbered_split_parse(split->id, s->splits, &index))
        return error_set(err, ST_MISMATCH, "table '%.*s' has no split '%.*s'", STR_ARG(base->table->name),
                         STR_ARG(split->id));
    if (position.len)
        TRY(read_position(s, position, &next, err));
    struct gen_reader *r = mem_calloc(budget, sizeof *r);
    if (!r)
        return connect_memory(budget, err);
    *r = (struct gen_reader){ { base->ops }, s, budget, index, next, next, os_mono_ns(s->ctx->os) };
    *ret = &r->base;
    return ST_OK;
}

/* How many rows of this split are left. */
static uint64_t rows_left(const struct gen_reader *r)
{
    const struct gen_source *s = r->source;
    if (s->plan.rows < 0)
        return UINT64_MAX;
    uint64_t rows = (uint64_t)s->plan.rows;
    uint64_t mine = rows > r->index ? (rows - r->index - 1) / s->splits + 1 : 0;
    return mine > r->next ? mine - r->next : 0;
}

static enum status gen_read(struct split_reader *base, struct batch *out, uint32_t max_rows, enum read_outcome *ret,
                            int64_t *ret_wake_ms, int64_t *ret_watermark_ms, struct error *err)
{
    struct gen_reader *r = (struct gen_reader *)base;
    struct gen_source *s = r->source;
    uint64_t left = rows_left(r), n = out->capacity - out->count;
    *ret_watermark_ms = INT64_MIN;
    n = n < max_rows ? n : max_rows;
    n = n < left ? n : left;
    n = n < READ_ROWS_MAX ? n : READ_ROWS_MAX;
    if (left == 0) {
        *ret = READ_END;
        return ST_OK;
    }
    n = pace_allows(os_mono_ns(s->ctx->os), r->opened_ns, r->next - r->opened_at, n, s->rate, ret_wake_ms);
    *ret = n ? READ_ROWS : READ_WAIT;
    if (n == 0)
        return ST_OK;
    struct gen_clock clock = s->clock;
    if (!s->fixed_clock)
        clock.start_ms = os_wall_ms(s->ctx->os);
    uint64_t place = r->next * s->splits + r->index;
    for (uint32_t i = 0; i < s->plan.n_fields; i++)
        if (!gen_fill(&s->plan.fields[i], s->needs ? &s->needs[i] : NULL, &clock, &out->cols[i], out->count,
                      (uint32_t)n, place, s->splits))
            return connect_memory(r->budget, err);
    out->count += (uint32_t)n;
    r->next += n;
    return ST_OK;
}

static enum status gen_position(struct split_reader *base, struct buf *out, struct error *err)
{
    const struct gen_reader *r = (const struct gen_reader *)base;
    bool ok = buf_put_u8(out, 1) && buf_put_u32(out, r->source->splits) && buf_put_u64(out, r->next);
    return ok ? ST_OK : connect_memory(out->budget, err);
}

static void gen_close(struct split_reader *base)
{
    struct gen_reader *r = (struct gen_reader *)base;
    if (r)
        mem_free(r->budget, r, sizeof *r);
}

static void gen_free(struct source *base)
{
    struct gen_source *s = (struct gen_source *)base;
    if (!s)
        return;
    struct budget *b = s->arena.budget;
    arena_release(&s->arena);
    mem_free(b, s, sizeof *s);
}

static const struct source_ops ops = {
    .splits = gen_splits, .open = gen_open, .read = gen_read, .position = gen_position, .close = gen_close,
    .free = gen_free,
};

static void set_clock(struct gen_source *s, const struct table_desc *t)
{
    double per_s = option_double(&t->options, gen_options, gen_option_count, "rows-per-second");
    bool given = options_has(&t->options, "time.start");
    s->fixed_clock = given || options_has(&t->options, "seed");
    s->clock.start_ms = FIXED_START_MS;
    if (given)
        (void)connect_time_ms(options_get(&t->options, "time.start"), &s->clock.start_ms); /* checked before */
    if (!s->fixed_clock)
        return;
    if (options_has(&t->options, "time.rate"))
        per_s = option_double(&t->options, gen_options, gen_option_count, "time.rate");
    s->clock.per_s = per_s > 0 ? per_s : 10000;
}

static bool copy_needs(struct gen_source *s, const struct need *needs, uint32_t n)
{
    if (!needs)
        return true;
    s->needs = ARENA_ARRAY(&s->arena, struct need, n ? n : 1);
    for (uint32_t i = 0; s->needs && i < n; i++)
        s->needs[i] = needs[i];
    return s->needs != NULL;
}

static enum status gen_open_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                                   int64_t *ret_discover_ms, struct source **ret, struct error *err)
{
    struct gen_source *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct source){ &ops, t };
    s->ctx = ctx;
    arena_init(&s->arena, ctx->budget);
    s->splits = (uint32_t)option_int(&t->options, gen_options, gen_option_count, "splits");
    double rate = option_double(&t->options, gen_options, gen_option_count, "rows-per-second");
    s->rate = rate >= UNPACED ? 0 : rate / s->splits;
    set_clock(s, t);
    enum status st = gen_plan_read(t, &s->arena, &s->plan, err);
    if (st == ST_OK && !copy_needs(s, needs, t->physical.n_fields))
        st = connect_memory(ctx->budget, err);
    if (st != ST_OK) {
        gen_free(&s->base);
        return st;
    }
    *ret_discover_ms = 0;
    *ret = &s->base;
    return ST_OK;
}

static enum status read_plan_once(const struct table_desc *t, bool *ret_bounded, struct error *err)
{
    struct arena a;
    struct gen_plan plan;
    arena_init(&a, NULL);
    enum status st = gen_plan_read(t, &a, &plan, err);
    if (st == ST_OK)
        *ret_bounded = plan.rows >= 0;
    arena_release(&a);
    return st;
}

static enum status gen_check(const struct table_desc *t, struct error *err)
{
    bool bounded;
    int64_t ms;
    struct str start = options_get(&t->options, "time.start");
    if (start.ptr && !connect_time_ms(start, &ms))
        return error_set(err, ST_SEMANTIC, "table '%.*s': 'time.start' must be a time or milliseconds, not '%.*s'",
                         STR_ARG(t->name), STR_ARG(start));
    return read_plan_once(t, &bounded, err);
}

static enum status gen_bounded(const struct table_desc *t, bool *ret, struct error *err)
{
    return read_plan_once(t, ret, err);
}

const struct connector connector_datagen = {
    .name = "datagen",
    .help = "random or counted rows",
    .flags = CONNECTOR_SOURCE,
    .options = gen_options,
    .n_options = sizeof gen_options / sizeof gen_options[0],
    .bounded = gen_bounded,
    .check = gen_check,
    .open_source = gen_open_source,
};

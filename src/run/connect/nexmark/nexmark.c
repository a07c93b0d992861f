/* The nexmark source: the event stream of the Nexmark benchmark, with its options and its wrapped table.
 *
 * An event is a function of the seed and its number (events.c), so a split can begin anywhere: split i of n
 * makes the events i, i + n, … The position is the number of events made, and the base of event time. */
#include "nexmark.h"

#define BASE_TIME_MS 1436918400000 /* 2015-07-15 00:00:00 */

static const struct option_spec options[] = {
    { .name = "events.num", .type = OPT_INT, .fallback = "0", .min = 0, .max = INT64_MAX / 4,
      .help = "events in all; 0: no end" },
    { .name = "stop-at", .type = OPT_INT, .fallback = "-1", .min = -1, .max = INT64_MAX / 4,
      .help = "end after so many events; -1: by 'events.num'" },
    { .name = "keep-alive", .type = OPT_BOOL, .fallback = "false", .help = "do not end after the last event" },
    { .name = "first-event.rate", .type = OPT_INT, .fallback = "10000", .min = 1, .max = 1000000000,
      .help = "events a second of event time" },
    { .name = "next-event.rate", .type = OPT_INT, .fallback = "10000", .min = 1, .max = 1000000000,
      .help = "accepted, without effect, as in the benchmark" },
    { .name = "rate.shape", .type = OPT_ENUM, .choices = "SQUARE|SINE", .fallback = "SQUARE",
      .help = "accepted, without effect, as in the benchmark" },
    { .name = "rate.period", .type = OPT_DURATION, .fallback = "600 s",
      .help = "accepted, without effect, as in the benchmark" },
    { .name = "rate.limited", .type = OPT_BOOL, .fallback = "false",
      .help = "release events at the rate of their times" },
    { .name = "max-emit-speed", .type = OPT_BOOL, .fallback = "true", .help = "false: the same as rate.limited" },
    { .name = "person.proportion", .type = OPT_INT, .fallback = "1", .min = 1, .max = 1000000,
      .help = "share of people" },
    { .name = "auction.proportion", .type = OPT_INT, .fallback = "3", .min = 1, .max = 1000000,
      .help = "share of auctions" },
    { .name = "bid.proportion", .type = OPT_INT, .fallback = "46", .min = 0, .max = 1000000, .help = "share of bids" },
    { .name = "bid.hot-ratio.auctions", .type = OPT_INT, .fallback = "2", .min = 1, .max = 1000000,
      .help = "all but one in so many bids are on a hot auction" },
    { .name = "bid.hot-ratio.bidders", .type = OPT_INT, .fallback = "4", .min = 1, .max = 1000000,
      .help = "all but one in so many bids are by a hot bidder" },
    { .name = "auction.hot-ratio.sellers", .type = OPT_INT, .fallback = "4", .min = 1, .max = 1000000,
      .help = "all but one in so many auctions are by a hot seller" },
    { .name = "person.avg-size", .type = OPT_SIZE, .fallback = "200", .min = 0, .max = 100000,
      .help = "bytes of a person, padded by 'extra'" },
    { .name = "auction.avg-size", .type = OPT_SIZE, .fallback = "500", .min = 0, .max = 100000,
      .help = "bytes of an auction, padded by 'extra'" },
    { .name = "bid.avg-size", .type = OPT_SIZE, .fallback = "100", .min = 0, .max = 100000,
      .help = "bytes of a bid, padded by 'extra'" },
    { .name = "out-of-order.group-size", .type = OPT_INT, .fallback = "1", .min = 1, .max = 1000000,
      .help = "events arrive mixed up inside groups of so many; 1: in order" },
    { .name = "seed", .type = OPT_INT, .fallback = "0", .help = "the same seed gives the same events" },
    { .name = "base-time", .type = OPT_STRING, .fallback = "2015-07-15 00:00:00",
      .help = "event time begins here: a time, milliseconds, or 'now'" },
    { .name = "splits", .type = OPT_INT, .fallback = "1", .min = 1, .max = 1024,
      .help = "parts that can be made in parallel" },
};
#define N_OPTIONS (sizeof options / sizeof options[0])

struct nex_source {
    struct source base;
    struct connect_context *ctx;
    struct arena arena;
    struct nex_rules rules;
    struct nex_strings strings;
    struct nex_layout layout;
    uint32_t splits;
    int64_t events; /* -1: no end */
    bool keep_alive;
    double rate; /* events a second of one split; 0: not paced */
};

struct nex_reader {
    struct split_reader base;
    struct nex_source *source;
    struct nex_rules rules; /* with this reader's base time */
    struct budget *budget;
    uint32_t index;
    uint64_t next, opened_at;
    int64_t opened_ns;
};

static int64_t number(const struct table_desc *t, const char *name)
{
    return option_int(&t->options, options, N_OPTIONS, name);
}

static int64_t event_count(const struct table_desc *t)
{
    int64_t events = number(t, "events.num"), stop = number(t, "stop-at");
    if (events == 0)
        events = -1;
    if (stop >= 0 && (events < 0 || stop < events))
        events = stop;
    return events;
}

static enum status nex_splits(struct source *base, struct arena *arena, struct split **ret, uint32_t *ret_count,
                              struct error *err)
{
    return numbered_splits(arena, ((struct nex_source *)base)->splits, ret, ret_count, err);
}

/* position: u8 1, u32 splits, u64 events made, u64 base time. */
static enum status read_position(const struct nex_source *s, struct str bytes, struct nex_reader *r,
                                 struct error *err)
{
    struct reader in = reader_make(bytes.ptr, bytes.len);
    uint8_t version;
    uint32_t splits;
    uint64_t base;
    if (!read_u8(&in, &version) || version != 1 || !read_u32(&in, &splits) || !read_u64(&in, &r->next) ||
        !read_u64(&in, &base) || in.at != in.end || r->next > INT64_MAX / 2048)
        return error_set(err, ST_CORRUPT, "the committed position of table '%.*s' cannot be read",
                         STR_ARG(s->base.table->name));
    if (splits != s->splits)
        return error_set(err, ST_MISMATCH, "table '%.*s' was committed with %u splits and has %u now",
                         STR_ARG(s->base.table->name), splits, s->splits);
    r->rules.base_ms = (int64_t)base;
    return ST_OK;
}

static enum status nex_open(struct source *base, const struct split *split, struct str position,
                            struct budget *budget, struct os_signal *wake, struct split_reader **ret,
                            struct error *err)
{
    (void)wake;
    struct nex_source *s = (struct nex_source *)base;
    struct nex_reader made = { .base = { base->ops }, .source = s, .rules = s->rules, .budget = budget };
    if (!numbered_split_parse(split->id, s->splits, &made.index))
        return error_set(err, ST_MISMATCH, "table '%.*s' has no split '%.*s'", STR_ARG(base->table->name),
                         STR_ARG(split->id));
    if (position.len)
        TRY(read_position(s, position, &made, err));
    made.opened_at = made.next;
    made.opened_ns = os_mono_ns(s->ctx->os);
    struct nex_reader *r = mem_alloc(budget, sizeof *r);
    if (!r)
        return connect_memory(budget, err);
    *r = made;
    *ret = &r->base;
    return ST_OK;
}

static uint64_t events_left(const struct nex_reader *r)
{
    const struct nex_source *s = r->source;
    if (s->events < 0)
        return UINT64_MAX;
    uint64_t events = (uint64_t)s->events;
    uint64_t mine = events > r->index ? (events - r->index - 1) / s->splits + 1 : 0;
    return mine > r->next ? mine - r->next : 0;
}

static enum status nex_read(struct split_reader *base, struct batch *out, uint32_t max_rows, enum read_outcome *ret,
                            int64_t *ret_wake_ms, int64_t *ret_watermark_ms, struct error *err)
{
    struct nex_reader *r = (struct nex_reader *)base;
    struct nex_source *s = r->source;
    uint64_t left = events_left(r), n = out->capacity - out->count;
    *ret_watermark_ms = INT64_MIN;
    *ret_wake_ms = INT64_MAX;
    n = n < max_rows ? n : max_rows;
    n = n < left ? n : left;
    if (left == 0) {
        *ret = s->keep_alive ? READ_WAIT : READ_END;
        return ST_OK;
    }
    n = pace_allows(os_mono_ns(s->ctx->os), r->opened_ns, r->next - r->opened_at, n, s->rate, ret_wake_ms);
    *ret = n ? READ_ROWS : READ_WAIT;
    TRY(nex_fill(&r->rules, &s->strings, &s->layout, r->next * s->splits + r->index, s->splits, (uint32_t)n, out,
                 err));
    r->next += n;
    return ST_OK;
}

static enum status nex_position(struct split_reader *base, struct buf *out, struct error *err)
{
    const struct nex_reader *r = (const struct nex_reader *)base;
    bool ok = buf_put_u8(out, 1) && buf_put_u32(out, r->source->splits) && buf_put_u64(out, r->next) &&
              buf_put_u64(out, (uint64_t)r->rules.base_ms);
    return ok ? ST_OK : connect_memory(out->budget, err);
}

static void nex_close(struct split_reader *base)
{
    struct nex_reader *r = (struct nex_reader *)base;
    if (r)
        mem_free(r->budget, r, sizeof *r);
}

static void nex_free(struct source *base)
{
    struct nex_source *s = (struct nex_source *)base;
    if (!s)
        return;
    struct budget *b = s->arena.budget;
    nex_strings_release(&s->strings);
    arena_release(&s->arena);
    mem_free(b, s, sizeof *s);
}

static const struct source_ops ops = {
    .splits = nex_splits, .open = nex_open, .read = nex_read, .position = nex_position, .close = nex_close,
    .free = nex_free,
};

static bool base_time(const struct table_desc *t, struct os *os, int64_t *ret)
{
    struct str text = option_str(&t->options, options, N_OPTIONS, "base-time");
    if (str_eq(text, STR("now"))) {
        *ret = os ? os_wall_ms(os) : 0;
        return true;
    }
    return connect_time_ms(text, ret);
}

static void read_rules(const struct table_desc *t, struct os *os, struct nex_rules *ret)
{
    *ret = (struct nex_rules){
        .seed = mix64((uint64_t)number(t, "seed") + 0x6e65786d61726bULL),
        .event_us = 1000000.0 / (double)number(t, "first-event.rate"),
        .person_share = number(t, "person.proportion"),
        .auction_share = number(t, "auction.proportion"),
        .bid_share = number(t, "bid.proportion"),
        .hot_auctions = number(t, "bid.hot-ratio.auctions"),
        .hot_bidders = number(t, "bid.hot-ratio.bidders"),
        .hot_sellers = number(t, "auction.hot-ratio.sellers"),
        .person_bytes = option_bytes(&t->options, options, N_OPTIONS, "person.avg-size"),
        .auction_bytes = option_bytes(&t->options, options, N_OPTIONS, "auction.avg-size"),
        .bid_bytes = option_bytes(&t->options, options, N_OPTIONS, "bid.avg-size"),
        .group = number(t, "out-of-order.group-size"),
        .base_ms = BASE_TIME_MS,
    };
    ret->all_shares = ret->person_share + ret->auction_share + ret->bid_share;
    (void)base_time(t, os, &ret->base_ms); /* checked before */
}

static enum status nex_open_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                                   int64_t *ret_discover_ms, struct source **ret, struct error *err)
{
    struct nex_source *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return connect_memory(ctx->budget, err);
    s->base = (struct source){ &ops, t };
    s->ctx = ctx;
    arena_init(&s->arena, ctx->budget);
    read_rules(t, ctx->os, &s->rules);
    s->splits = (uint32_t)number(t, "splits");
    s->events = event_count(t);
    s->keep_alive = option_bool(&t->options, options, N_OPTIONS, "keep-alive");
    bool paced = option_bool(&t->options, options, N_OPTIONS, "rate.limited") ||
                 !option_bool(&t->options, options, N_OPTIONS, "max-emit-speed");
    s->rate = paced ? (double)number(t, "first-event.rate") / s->splits : 0;
    enum status st = nex_layout_read(t, needs, &s->layout, err);
    if (st == ST_OK)
        st = nex_strings_init(&s->strings, s->rules.seed, &s->arena, ctx->budget, err);
    if (st != ST_OK) {
        nex_free(&s->base);
        return st;
    }
    *ret_discover_ms = 0;
    *ret = &s->base;
    return ST_OK;
}

static enum status nex_check(const struct table_desc *t, struct error *err)
{
    struct nex_layout layout;
    int64_t ms;
    if (!base_time(t, NULL, &ms))
        return error_set(err, ST_SEMANTIC, "table '%.*s': 'base-time' must be a time, milliseconds or 'now'",
                         STR_ARG(t->name));
    return nex_layout_read(t, NULL, &layout, err);
}

static enum status nex_bounded(const struct table_desc *t, bool *ret, struct error *err)
{
    (void)err;
    *ret = event_count(t) >= 0 && !option_bool(&t->options, options, N_OPTIONS, "keep-alive");
    return ST_OK;
}

const struct connector connector_nexmark = {
    .name = "nexmark",
    .help = "events of the Nexmark benchmark: people, auctions and bids",
    .flags = CONNECTOR_SOURCE,
    .options = options,
    .n_options = N_OPTIONS,
    .bounded = nex_bounded,
    .check = nex_check,
    .open_source = nex_open_source,
};

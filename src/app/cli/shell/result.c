/* What becomes of a SELECT's rows: the sink of the shell's queries, and what it shows.
 *
 * Writers gather rows into batches; publish, which is background work after the commit, hands them on under `turn`, which
 * the shell's own thread takes as well for its ticks. Rows that only come are written in the shell's form and paged. A
 * result that changes is, as a table on a terminal, kept as the rows that it adds up to (live.c); the first of them that
 * fit are drawn over and over, at most FRAME_NS apart, and the whole table stands there at the end. In other forms, and
 * in a pipe, its changes are written, each with its kind. */
#include "cli/shell/shell.h"

#include <inttypes.h>
#include <stdio.h>

#define FRAME_NS INT64_C(200000000)
#define IDLE_FRAME_NS INT64_C(1000000000) /* when nothing changes but the time */
#define NAP_NS INT64_C(2000000)
#define TABLE_LINES 6u /* of a drawn table, besides its rows: rules, head, status, the prompt's */
#define TEXT_MAX ((size_t)256 << 20)

struct gathered {
    struct batch *batch;
    struct gathered *next;
};

struct result_sink {
    struct sink base;
    struct result *result;
    struct connect_context *ctx;
    const struct schema *schema;
};

struct result_sink_writer {
    struct sink_writer base;
    struct result_sink *sink;
    struct budget *budget;
    struct gathered *first, *last;
};

/* ---- whose turn it is ---- */

static bool try_turn(struct result *r) { return !atomic_exchange_explicit(&r->turn, true, memory_order_acquire); }

static void take_turn(struct result *r, struct os_signal *nap)
{
    struct os *os = r->s->c->os;
    while (!try_turn(r))
        (void)os->ops->signal_wait(os, nap, os_mono_ns(os) + NAP_NS);
}

static void end_turn(struct result *r) { atomic_store_explicit(&r->turn, false, memory_order_release); }

/* ---- the picture ---- */

static bool put_status(struct result *r, struct buf *out, uint64_t hidden)
{
    struct cli *c = r->s->c;
    char rows[CLI_TEXT], in[CLI_TEXT], took[CLI_TEXT], more[CLI_TEXT];
    int64_t ms = (os_mono_ns(c->os) - r->began_ns) / 1000000;
    bool ok = buf_printf(out, "%s%s row%s", cli_style(c->colour_out, STYLE_DIM), text_count(rows, live_rows(r->live)),
                         live_rows(r->live) == 1 ? "" : "s");
    if (ok && hidden)
        ok = buf_printf(out, ", %s of them below", text_count(more, hidden));
    if (ok && r->rows_in)
        ok = buf_printf(out, "; %s read", text_count(in, r->rows_in));
    static const char *const hints[] = { "Ctrl-C stops", "stopping", "stopping; Ctrl-C once more ends weir" };
    uint32_t interrupts = atomic_load(&r->interrupts);
    return ok && buf_printf(out, "; %s; %s%s\n", text_duration(took, ms / 100 * 100),
                            hints[interrupts < 2 ? interrupts : 2], cli_style(c->colour_out, STYLE_PLAIN));
}

/* As many rows from *at on as `b` takes, as text. */
static enum status put_rows(struct result *r, uint64_t *at, struct batch *b, struct result_writer *w, struct buf *out,
                            struct error *err)
{
    TRY(live_read(r->live, at, b, err));
    return result_writer_put(w, b, out) ? ST_OK : budget_error(engine_budget(r->s->engine), out->len, err);
}

static struct result_writer *table_writer(struct result *r)
{
    return result_writer_new(RESULT_TABLE, r->schema, false, &r->zone, engine_budget(r->s->engine));
}

static void draw(struct result *r)
{
    struct budget *budget = engine_budget(r->s->engine);
    uint32_t height = cli_rows(r->s->c), room = height > TABLE_LINES ? height - TABLE_LINES : 1;
    struct batch *b = batch_new(r->schema, room < BATCH_ROWS ? room : BATCH_ROWS, budget);
    struct result_writer *w = table_writer(r);
    struct buf out;
    uint64_t at = 0;
    buf_init(&out, budget, TEXT_MAX);
    bool ok = b && w && put_rows(r, &at, b, w, &out, NULL) == ST_OK && result_writer_end(w, &out) &&
              put_status(r, &out, live_rows(r->live) - b->count);
    if (ok)
        screen_show(&r->screen, buf_str(&out));
    r->changed = !ok;
    buf_release(&out);
    result_writer_free(w);
    batch_free(b);
}

static void draw_if_due(struct result *r)
{
    int64_t now = os_mono_ns(r->s->c->os), last = r->screen.drawn_ns ? r->screen.drawn_ns : r->began_ns;
    if (r->schema && now - last >= FRAME_NS)
        draw(r);
}

/* The whole table, where the picture stood. */
static enum status show_table(struct result *r, struct error *err)
{
    struct budget *budget = engine_budget(r->s->engine);
    struct batch *b = batch_new(r->schema, BATCH_ROWS, budget);
    struct result_writer *w = table_writer(r);
    enum status st = b && w ? ST_OK : budget_error(budget, 0, err);
    progress_hold(r->s->c);
    screen_wipe(&r->screen);
    progress_release(r->s->c);
    for (uint64_t at = 0; st == ST_OK;) {
        buf_clear(&r->text);
        st = put_rows(r, &at, b, w, &r->text, err);
        bool last = st == ST_OK && b->count < b->capacity;
        if (last && !result_writer_end(w, &r->text))
            st = budget_error(budget, r->text.len, err);
        if (st == ST_OK)
            st = pages_put(&r->pages, buf_str(&r->text), err);
        if (last)
            break;
    }
    result_writer_free(w);
    batch_free(b);
    return st;
}

/* ---- the shell's side ---- */

void result_begin(struct result *r, struct shell *s, const struct plan *plan)
{
    struct cli *c = s->c;
    *r = (struct result){ .s = s, .zone = session_zone(engine_session(s->engine)), .screen = { .c = c } };
    for (uint32_t i = 0; i < plan->n_nodes; i++)
        if (plan->nodes[i]->kind == NODE_SINK && plan->nodes[i]->sink.is_result)
            r->updates = plan->nodes[i]->kinds != KINDS_APPEND;
    r->draws = r->updates && s->interactive && c->host->moves && s->format == RESULT_TABLE &&
               str_eq_nocase(session_get(engine_session(s->engine), "sql-client.execution.result-mode"), STR("table"));
    r->wanted = true;
    r->began_ns = os_mono_ns(c->os);
    pages_begin(&r->pages, s, plan->bounded || r->draws);
    buf_init(&r->text, engine_budget(s->engine), TEXT_MAX);
    s->drawing = r->draws;
}

bool result_tick(struct result *r, const struct job_stats *stats)
{
    struct shell *s = r->s;
    int64_t now = os_mono_ns(s->c->os);
    if (!try_turn(r))
        return true;
    r->rows_in = stats->rows_in;
    if (r->draws && (r->changed || screen_resized(&r->screen) || now - r->screen.drawn_ns >= IDLE_FRAME_NS))
        draw_if_due(r);
    pages_tick(&r->pages, now);
    s->paging = r->pages.pipe != NULL;
    s->drawing = r->draws || s->paging;
    bool gone = r->pages.gone;
    end_turn(r);
    return !gone;
}

enum status result_end(struct result *r, struct error *err)
{
    enum status st = ST_OK;
    if (r->schema && r->live)
        st = show_table(r, err);
    buf_clear(&r->text);
    if (r->writer && !result_writer_end(r->writer, &r->text))
        st = budget_error(engine_budget(r->s->engine), 0, err);
    if (st == ST_OK)
        st = pages_put(&r->pages, buf_str(&r->text), err);
    enum status ended = pages_end(&r->pages, st == ST_OK ? err : NULL);
    if (r->live)
        r->rows = live_rows(r->live);
    live_free(r->live);
    result_writer_free(r->writer);
    buf_release(&r->text);
    r->live = NULL;
    r->writer = NULL;
    r->s->drawing = r->s->paging = false;
    return st == ST_OK ? ended : st;
}

enum status result_print(struct shell *s, const struct batch *rows, uint64_t *ret_rows, struct error *err)
{
    struct budget *budget = engine_budget(s->engine);
    struct zone zone = session_zone(engine_session(s->engine));
    struct result_writer *w = result_writer_new(s->format, rows->schema, false, &zone, budget);
    struct pages pages;
    struct buf text;
    buf_init(&text, budget, TEXT_MAX);
    pages_begin(&pages, s, true);
    bool ok = w && result_writer_put(w, rows, &text) && result_writer_end(w, &text);
    enum status st = ok ? pages_put(&pages, buf_str(&text), err) : budget_error(budget, text.len, err);
    enum status ended = pages_end(&pages, st == ST_OK ? err : NULL);
    result_writer_free(w);
    buf_release(&text);
    *ret_rows = batch_rows(rows);
    return st == ST_OK ? ended : st;
}

/* ---- the sink ---- */

static enum status take_batch(struct result *r, const struct batch *b, struct error *err)
{
    if (r->draws) {
        r->changed = true;
        return live_apply(r->live, b, err);
    }
    r->rows += batch_rows(b);
    buf_clear(&r->text);
    if (!result_writer_put(r->writer, b, &r->text))
        return budget_error(engine_budget(r->s->engine), r->text.len, err);
    return pages_put(&r->pages, buf_str(&r->text), err);
}

static enum status sink_publish(struct sink_writer *base, uint64_t epoch, struct error *err)
{
    (void)epoch;
    struct result_sink_writer *w = (struct result_sink_writer *)base;
    struct result *r = w->sink->result;
    struct os *os = r->s->c->os;
    if (!w->first)
        return ST_OK;
    struct os_signal *nap = os->ops->signal_new(os);
    if (!nap)
        return budget_error(w->budget, 0, err);
    take_turn(r, nap);
    enum status st = ST_OK;
    for (struct gathered *g = w->first, *next; g; g = next) {
        next = g->next;
        if (st == ST_OK)
            st = take_batch(r, g->batch, err);
        batch_free(g->batch);
        mem_free(w->budget, g, sizeof *g);
    }
    w->first = w->last = NULL;
    if (st == ST_OK && r->draws)
        draw_if_due(r);
    end_turn(r);
    os->ops->signal_free(os, nap);
    return st;
}

static struct gathered *new_batch(struct result_sink_writer *w)
{
    struct gathered *g = mem_calloc(w->budget, sizeof *g);
    struct batch *b = g ? batch_new(w->sink->schema, BATCH_ROWS, w->budget) : NULL;
    if (!b) {
        mem_free(w->budget, g, sizeof *g);
        return NULL;
    }
    g->batch = b;
    *(w->last ? &w->last->next : &w->first) = g;
    w->last = g;
    return g;
}

static enum status sink_write(struct sink_writer *base, const struct batch *b, enum write_outcome *ret,
                              struct error *err)
{
    struct result_sink_writer *w = (struct result_sink_writer *)base;
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        struct gathered *g = w->last;
        if (!g || g->batch->count == g->batch->capacity)
            g = new_batch(w);
        if (!g)
            return budget_error(w->budget, 0, err);
        if (b->kinds)
            (void)batch_kinds(g->batch);
        if (!batch_append(g->batch, b, batch_row(b, k), false)) /* it waits: it must not pin what it came in */
            return budget_error(w->budget, 0, err);
    }
    *ret = WRITE_DONE;
    return ST_OK;
}

static enum status sink_open_writer(struct sink *s, uint32_t subtask, uint64_t epoch, struct budget *budget,
                                    struct os_signal *wake, struct sink_writer **ret, struct error *err)
{
    (void)subtask, (void)epoch, (void)wake;
    struct result_sink_writer *w = mem_calloc(budget, sizeof *w);
    if (!w)
        return budget_error(budget, sizeof *w, err);
    w->base.ops = s->ops;
    w->sink = (struct result_sink *)s;
    w->budget = budget;
    *ret = &w->base;
    return ST_OK;
}

static enum status sink_restore(struct sink *s, const struct sink_commit *commits, uint32_t n, struct error *err)
{
    (void)s, (void)commits, (void)n, (void)err;
    return ST_OK;
}

static enum status sink_prepare(struct sink_writer *w, uint64_t epoch, bool final, int64_t now_ms, struct buf *out,
                                struct error *err)
{
    (void)w, (void)epoch, (void)final, (void)now_ms, (void)out, (void)err;
    return ST_OK;
}

static enum status sink_flush(struct sink_writer *w, uint64_t epoch, struct error *err)
{
    (void)w, (void)epoch, (void)err;
    return ST_OK;
}

static void sink_close(struct sink_writer *base)
{
    struct result_sink_writer *w = (struct result_sink_writer *)base;
    if (!w)
        return;
    for (struct gathered *g = w->first, *next; g; g = next) {
        next = g->next;
        batch_free(g->batch);
        mem_free(w->budget, g, sizeof *g);
    }
    mem_free(w->budget, w, sizeof *w);
}

static void sink_free(struct sink *base)
{
    struct result_sink *s = (struct result_sink *)base;
    if (s)
        mem_free(s->ctx->budget, s, sizeof *s);
}

static const struct sink_ops ops = {
    .restore = sink_restore, .open = sink_open_writer, .write = sink_write, .prepare = sink_prepare,
    .flush = sink_flush, .publish = sink_publish, .close = sink_close, .free = sink_free,
};

static enum status open_sink(const struct table_desc *t, const struct schema *schema, bool upsert,
                             struct connect_context *ctx, struct sink **ret, struct error *err)
{
    (void)upsert; /* a result has no primary key */
    struct shell *shell = ((struct connect_extra *)ctx->extra)->print_arg;
    struct result *r = &shell->result;
    struct budget *budget = engine_budget(shell->engine);
    if (!r->wanted)
        return error_set(err, ST_SEMANTIC, "connector 'result' is the shell's own");
    r->wanted = false;
    struct result_sink *s = mem_calloc(ctx->budget, sizeof *s);
    if (!s)
        return budget_error(ctx->budget, sizeof *s, err);
    *s = (struct result_sink){ .base = { &ops, t }, .result = r, .ctx = ctx, .schema = schema };
    if (r->draws)
        r->live = live_new(schema, budget);
    else
        r->writer = result_writer_new(shell->format, schema, r->updates, &r->zone, budget);
    if (!r->live && !r->writer) {
        sink_free(&s->base);
        return budget_error(budget, 0, err);
    }
    r->schema = schema;
    *ret = &s->base;
    return ST_OK;
}

static const struct option_spec options[] = {
    { .name = "connector", .type = OPT_STRING, .help = "result", .required = true },
};

const struct connector result_connector = {
    .name = "result",
    .help = "the rows of a query at the shell's prompt",
    .flags = CONNECTOR_SINK | CONNECTOR_UNDURABLE_SINK | CONNECTOR_SINK_UPDATES,
    .options = options,
    .n_options = 1,
    .open_sink = open_sink,
};

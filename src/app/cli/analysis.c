/* EXPLAIN ANALYZE for people and for programs: what each operator of a job has done.
 *
 * The engine shows us a job at every tick and once at its end. For people that makes a table, a line an operator in the
 * order of EXPLAIN: into the frame while the job runs, which the tick draws over the one before; on standard output at
 * the end. For programs it is a line of JSON.
 *
 * Times are those that a thread has spent inside an operator's calls, over all shards. They do not block, so that is
 * CPU time as long as nobody else wants the cores. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>

#include "text/text.h"

#define LIVE_LINES 22u /* what does not fit a usual terminal is told by its number */
#define NAME_MAX_COLUMNS 48

enum cell { C_OPERATOR, C_IN, C_OUT, C_BYTES, C_TIME, C_SHARE, C_WATERMARK, C_ENTRIES, C_STATE, C_LATE, C_COUNT };
static const char *const titles[C_COUNT] = {
    "operator", "rows in", "rows out", "bytes", "time", "%", "watermark", "entries", "state", "late",
};

struct line {
    struct line *next;
    char cell[C_COUNT][NAME_MAX_COLUMNS + 1];
};

struct sheet {
    struct arena *arena;
    const struct engine_watched *w;
    uint64_t busy_ns; /* of all operators */
    struct line *first, **last;
    uint32_t n_lines;
    int width[C_COUNT]; /* 0: nobody has something to show there */
    uint64_t rows_in, rows_out;
};

void analysis_init(struct analysis *a, struct cli *c, enum analysis_form form)
{
    *a = (struct analysis){ .c = c, .form = form, .screen = { .c = c } };
    arena_init(&a->scratch, c->arena.budget);
    buf_init(&a->frame, c->arena.budget, 1u << 20);
}

void analysis_release(struct analysis *a)
{
    buf_release(&a->frame);
    arena_release(&a->scratch);
}

/* ---- cells ---- */

static void put_busy(char *out, size_t room, uint64_t ns)
{
    char text[CLI_TEXT];
    if (ns < 10000000)
        snprintf(out, room, "%.1f ms", (double)ns / 1e6);
    else
        snprintf(out, room, "%s", text_duration(text, (int64_t)(ns / 1000000)));
}

static void put_watermark(char *out, size_t room, int64_t ms)
{
    char text[CLI_TEXT];
    if (ms != INT64_MIN)
        snprintf(out, room, "%s", ms == INT64_MAX ? "end" : text_time(text, ms));
}

static void put_name(char *out, size_t room, const struct plan_place *p)
{
    const struct node *n = p->node;
    struct str table = n->kind == NODE_SOURCE ? n->source.table->name
                       : n->kind == NODE_SINK ? n->sink.table->name
                                              : STR("");
    uint32_t indent = p->depth < 12 ? p->depth * 2 : 24;
    snprintf(out, room, "%*s%s%.*s%s%.*s", (int)indent, "", p->late ? "late rows of " : "", STR_ARG(n->id),
             table.len ? " " : "", STR_ARG(table));
}

static void put_count(char *out, size_t room, uint64_t n, bool zero)
{
    char text[CLI_TEXT];
    if (n || zero)
        snprintf(out, room, "%s", text_count(text, n));
}

static void put_size(char *out, size_t room, uint64_t n)
{
    char text[CLI_TEXT];
    if (n)
        snprintf(out, room, "%s", text_bytes(text, n));
}

static void fill(struct line *l, const struct sheet *s, const struct plan_place *p, const struct op_metrics *m)
{
    size_t room = sizeof l->cell[0];
    put_count(l->cell[C_IN], room, m->rows_in, true);
    put_count(l->cell[C_OUT], room, m->rows_out, true);
    put_size(l->cell[C_BYTES], room, m->bytes);
    put_busy(l->cell[C_TIME], room, m->busy_ns);
    if (s->busy_ns)
        snprintf(l->cell[C_SHARE], room, "%.0f", 100.0 * (double)m->busy_ns / (double)s->busy_ns);
    if (p->node->watermarks || p->node->kind == NODE_WINDOW_AGGREGATE)
        put_watermark(l->cell[C_WATERMARK], room, m->watermark_ms);
    put_count(l->cell[C_ENTRIES], room, m->state_entries, false);
    if (m->state_entries)
        put_size(l->cell[C_STATE], room, m->state_bytes);
    put_count(l->cell[C_LATE], room, m->late_rows, false);
}

static bool add_line(void *arg, const struct plan_place *p)
{
    struct sheet *s = arg;
    struct op_metrics m;
    struct line *l = ARENA_NEW(s->arena, struct line);
    if (!l)
        return false;
    job_metrics(s->w->job, p->node->index, &m);
    put_name(l->cell[C_OPERATOR], sizeof l->cell[0], p);
    if (!p->again)
        fill(l, s, p, &m);
    s->rows_in += p->node->kind == NODE_SOURCE && !p->again ? m.rows_in : 0;
    s->rows_out += p->node->kind == NODE_SINK ? m.rows_out : 0;
    for (uint32_t c = 0; c < C_COUNT; c++) {
        int len = (int)strlen(l->cell[c]);
        int title = (int)strlen(titles[c]);
        if (len)
            s->width[c] = s->width[c] > len ? s->width[c] : len > title ? len : title;
    }
    *s->last = l;
    s->last = &l->next;
    s->n_lines++;
    return true;
}

/* ---- the table ---- */

static bool put_cells(struct buf *out, const struct sheet *s, const char *const *cells)
{
    bool ok = true;
    for (uint32_t c = 0; ok && c < C_COUNT; c++)
        if (s->width[c])
            ok = buf_printf(out, "%s%*s", c ? "  " : "", c == C_OPERATOR ? -s->width[c] : s->width[c], cells[c]);
    while (ok && out->len && out->data[out->len - 1] == ' ')
        out->len--;
    return ok;
}

static bool put_sheet(struct buf *out, const struct sheet *s, bool colour, uint32_t most)
{
    const char *bold = cli_style(colour, STYLE_BOLD), *plain = cli_style(colour, STYLE_PLAIN);
    char took[CLI_TEXT], in[CLI_TEXT], rows[CLI_TEXT];
    bool ok = buf_printf(out, "%s%.*s%s: %s, %s rows in, %s out\n%s", bold, STR_ARG(s->w->plan->name), plain,
                         text_duration(took, s->w->took_ns / 1000000), text_count(in, s->rows_in),
                         text_count(rows, s->rows_out), bold);
    ok = ok && put_cells(out, s, titles) && buf_printf(out, "%s\n", plain);
    uint32_t shown = 0;
    for (const struct line *l = s->first; ok && l && shown < most; l = l->next, shown++) {
        const char *cells[C_COUNT];
        for (uint32_t c = 0; c < C_COUNT; c++)
            cells[c] = l->cell[c];
        ok = put_cells(out, s, cells) && buf_put_u8(out, '\n');
    }
    return ok && (shown == s->n_lines || buf_printf(out, "... and %u more\n", s->n_lines - shown));
}

static bool put_table(struct analysis *a, const struct engine_watched *w, struct buf *out)
{
    struct sheet s = { .arena = &a->scratch, .w = w };
    s.last = &s.first;
    for (uint32_t i = 0; i < w->plan->n_nodes; i++) {
        struct op_metrics m;
        job_metrics(w->job, i, &m);
        s.busy_ns += m.busy_ns;
    }
    bool ok = plan_walk(w->plan, &a->scratch, add_line, &s) &&
              put_sheet(out, &s, a->c->colour_out, w->over ? UINT32_MAX : LIVE_LINES);
    arena_reset(&a->scratch);
    return ok;
}

/* ---- json ---- */

static bool put_operator(struct buf *out, const struct node *n, const struct op_metrics *m)
{
    bool ok = buf_printf(out, "{\"id\":") && json_put_string(out, n->id) &&
              buf_printf(out,
                         ",\"rows_in\":%" PRIu64 ",\"rows_out\":%" PRIu64 ",\"late_rows\":%" PRIu64 ",\"bytes\":%" PRIu64
                         ",\"busy_ms\":%.3f,\"state_entries\":%" PRIu64 ",\"state_bytes\":%" PRIu64,
                         m->rows_in, m->rows_out, m->late_rows, m->bytes, (double)m->busy_ns / 1e6, m->state_entries,
                         m->state_bytes);
    if (m->watermark_ms == INT64_MIN || m->watermark_ms == INT64_MAX)
        return ok && buf_printf(out, ",\"watermark_ms\":null,\"ended\":%s}",
                                m->watermark_ms == INT64_MAX ? "true" : "false");
    return ok && buf_printf(out, ",\"watermark_ms\":%" PRId64 ",\"ended\":false}", m->watermark_ms);
}

static bool put_json(const struct engine_watched *w, struct buf *out)
{
    bool ok = buf_printf(out, "{\"job\":") && json_put_string(out, w->plan->name) &&
              buf_printf(out, ",\"elapsed_ms\":%" PRId64 ",\"over\":%s,\"operators\":[", w->took_ns / 1000000,
                         w->over ? "true" : "false");
    for (uint32_t i = 0; ok && i < w->plan->n_nodes; i++) {
        struct op_metrics m;
        job_metrics(w->job, i, &m);
        ok = (i == 0 || buf_put_u8(out, ',')) && put_operator(out, w->plan->nodes[i], &m);
    }
    return ok && buf_printf(out, "]}\n");
}

/* ---- the terminal ---- */

enum status analysis_print(void *arg, struct str bytes, struct error *err)
{
    struct analysis *a = arg;
    progress_hold(a->c);
    screen_wipe(&a->screen);
    enum status st = cli_write(a->c, bytes, err);
    progress_release(a->c);
    return st;
}

/* What cannot be shown for want of memory is left out: it would fail nothing but the telling. */
void analysis_watch(void *arg, const struct engine_watched *w)
{
    struct analysis *a = arg;
    bool json = a->form == ANALYSIS_JSON || a->form == ANALYSIS_LINES;
    if (!w->over && (a->form == ANALYSIS_TABLE || a->form == ANALYSIS_JSON))
        return;
    if (!w->over && !json) {
        size_t before = a->frame.len;
        if (!put_table(a, w, &a->frame))
            a->frame.len = before;
        return;
    }
    struct buf out;
    buf_init(&out, a->c->arena.budget, 16u << 20);
    if (json ? put_json(w, &out) : put_table(a, w, &out))
        (void)analysis_print(a, buf_str(&out), NULL);
    buf_release(&out);
}

void analysis_tick(void *arg, const struct job_stats *stats)
{
    struct analysis *a = arg;
    (void)stats;
    if (a->frame.len)
        screen_show(&a->screen, buf_str(&a->frame));
    buf_clear(&a->frame);
}

/* --shuffle: the lines of one input record in another order, where that changes no outcome.
 *
 * Only inserts into tables without a key are moved, and nothing in a file with a job whose answer hangs on the
 * order of arrival (a LIMIT without ORDER BY, plain rows into a sink with a key). Where a watermark is declared
 * over a column, neighbours are swapped at random as long as both are ahead of the running watermark in both
 * orders: so no row becomes late, and one that was late stays exactly as late. A watermark that this file cannot
 * compute (anything but column, or column minus an interval; the column physical or TO_TIMESTAMP of one) leaves
 * the lines as they are. */
#include "tester/tester_private.h"
#include "text/text.h"

#define SWAPS_A_LINE 6u

struct clockwork {
    bool free;          /* no watermark moves inside a record */
    uint32_t column;    /* physical */
    int64_t delay_ms;
};

static struct str unquote(struct str s)
{
    s = str_trim(s);
    if (s.len >= 2 && s.ptr[0] == '`' && s.ptr[s.len - 1] == '`')
        return str_make(s.ptr + 1, s.len - 2);
    return s;
}

/* " - INTERVAL '5' SECOND" */
static bool parse_delay(struct str s, int64_t *ret)
{
    static const struct {
        enum time_unit unit;
        int64_t ms;
    } units[] = { { UNIT_SECOND, 1000 }, { UNIT_MINUTE, 60000 }, { UNIT_HOUR, 3600000 }, { UNIT_DAY, 86400000 } };
    int64_t open = str_find(s, STR("'"), 0), close = open < 0 ? -1 : str_find(s, STR("'"), (size_t)open + 1);
    double n;
    if (close < 0 || !str_eq_nocase(str_trim(str_make(s.ptr, (size_t)open)), STR("INTERVAL")) ||
        !str_to_f64(str_make(s.ptr + open + 1, (size_t)(close - open - 1)), &n))
        return false;
    enum time_unit unit = time_unit_from(str_trim(str_make(s.ptr + close + 1, s.len - (size_t)close - 1)));
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].unit == unit) {
            *ret = (int64_t)(n * (double)units[i].ms + 0.5);
            return n >= 0 && n < 1e9;
        }
    return false;
}

static int32_t find_column(const struct table_desc *t, struct str name)
{
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (str_eq(t->columns[i].name, name))
            return (int32_t)i;
    return -1;
}

static uint32_t physical_index(const struct table_desc *t, uint32_t column)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < column; i++)
        n += t->columns[i].role == COLUMN_PHYSICAL;
    return n;
}

static bool read_clockwork(const struct table_desc *t, struct clockwork *ret)
{
    struct clockwork c = { 0 };
    struct str e = t->watermark_expr, call = STR("TO_TIMESTAMP(");
    c.free = t->watermark_column < 0 || str_eq_nocase(str_trim(e), STR("SOURCE_WATERMARK()"));
    if (!c.free) {
        int64_t minus = str_find(e, STR(" - "), 0);
        if (minus >= 0 && !parse_delay(str_make(e.ptr + minus + 3, e.len - (size_t)minus - 3), &c.delay_ms))
            return false;
        int32_t at = find_column(t, unquote(minus < 0 ? e : str_make(e.ptr, (size_t)minus)));
        if (at >= 0 && t->columns[at].role == COLUMN_COMPUTED) {
            struct str x = str_trim(t->columns[at].expr);
            if (x.len <= call.len || !str_eq_nocase(str_make(x.ptr, call.len), call) || x.ptr[x.len - 1] != ')')
                return false;
            at = find_column(t, unquote(str_make(x.ptr + call.len, x.len - call.len - 1)));
        }
        if (at < 0 || t->columns[at].role != COLUMN_PHYSICAL)
            return false;
        c.column = physical_index(t, (uint32_t)at);
    }
    *ret = c;
    return true;
}

/* The time in a line; false: it cannot be told, and the line stays where it is. */
static bool line_time(struct str line, uint32_t column, int64_t *ret)
{
    struct json j;
    struct str raw;
    int32_t offset;
    int64_t bracket = str_find(line, STR("["), 0);
    if (bracket < 0)
        return false;
    json_init(&j, str_make(line.ptr + bracket, line.len - (size_t)bracket));
    if (!json_enter(&j))
        return false;
    for (uint32_t i = 0; i <= column; i++)
        if (!json_element(&j) || !json_skip(&j, &raw))
            return false;
    return raw.len > 2 && raw.ptr[0] == '"' && timestamp_parse(str_make(raw.ptr + 1, raw.len - 2), 3, ret, &offset) &&
           offset == INT32_MIN;
}

/* Where the watermark stands after all lines that were fed before. */
static int64_t watermark_now(struct world *w, struct str table, const struct clockwork *c)
{
    const struct str *lines;
    int64_t most = INT64_MIN, t;
    uint32_t n = test_hub_lines(w->hub, table, &lines);
    for (uint32_t i = 0; i < n; i++)
        if (line_time(lines[i], c->column, &t) && t - c->delay_ms > most)
            most = t - c->delay_ms;
    return most;
}

static enum status swap_lines(struct world *w, const struct record *r, const struct clockwork *c, uint32_t *order,
                              struct error *err)
{
    uint32_t n = r->n_lines;
    int64_t *time = ARENA_ARRAY(&w->arena, int64_t, n + 1), *before = ARENA_ARRAY(&w->arena, int64_t, n + 1);
    bool *known = ARENA_ARRAY(&w->arena, bool, n + 1);
    if (!time || !before || !known)
        return budget_error(w->arena.budget, 0, err);
    before[0] = watermark_now(w, r->name, c);
    for (uint32_t i = 0; i < n; i++) {
        known[i] = line_time(r->lines[i], c->column, &time[i]);
        int64_t mark = known[i] ? time[i] - c->delay_ms : INT64_MIN;
        before[i + 1] = mark > before[i] ? mark : before[i];
    }
    for (uint64_t k = 0; k < (uint64_t)n * SWAPS_A_LINE; k++) {
        uint32_t i = (uint32_t)world_random(w, n - 1), a = order[i], b = order[i + 1];
        if (!known[a] || !known[b] || time[a] <= before[i] || time[b] <= before[i + 1] ||
            time[a] <= time[b] - c->delay_ms)
            continue;
        order[i] = b;
        order[i + 1] = a;
        int64_t mark = time[b] - c->delay_ms;
        before[i + 1] = mark > before[i] ? mark : before[i];
    }
    return ST_OK;
}

static bool only_inserts(const struct table_desc *t, const struct record *r)
{
    struct str mode = options_get(&t->options, "changelog-mode");
    if ((mode.ptr && !str_eq(str_trim(mode), STR("I"))) || t->n_primary_key)
        return false;
    for (uint32_t i = 0; i < r->n_lines; i++)
        if (r->lines[i].len && (r->lines[i].ptr[0] == '-' || str_starts(r->lines[i], STR("+U"))))
            return false;
    return true;
}

enum status shuffle_lines(struct world *w, const struct record *r, uint32_t *order, struct error *err)
{
    const struct table_desc *t = catalog_table(session_catalog(engine_session(w->engine)), r->name);
    struct clockwork c;
    for (uint32_t i = 0; i < r->n_lines; i++)
        order[i] = i;
    if (!w->config->shuffle || w->ordered || r->n_lines < 2 || !t || !only_inserts(t, r) || !read_clockwork(t, &c))
        return ST_OK;
    if (!c.free)
        return swap_lines(w, r, &c, order, err);
    for (uint32_t i = r->n_lines - 1; i > 0; i--) {
        uint32_t k = (uint32_t)world_random(w, i + 1), kept = order[i];
        order[i] = order[k];
        order[k] = kept;
    }
    return ST_OK;
}

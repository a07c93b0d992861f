/* Rows wanted against rows got, and tables out of changelogs.
 *
 * All rows are in display form: what a test file shows (NULL, (empty), \t …), so that two cells are the same when
 * their bytes are, but for three letters: I compares integers by value, R numbers within 1e-9 of the larger one, N
 * (for oracles) by value where both are numbers. A got cell that is no number under I or R is a difference even when
 * the same text was wanted.
 *
 * Multisets: rows whose bytes agree are paired by sorting both sides; the few that remain (1.0 for 1, {b=2, a=1}
 * for {a=1, b=2}) are paired by trying. What stays alone is the difference. */
#include <math.h>
#include <stdlib.h>

#include "tester/tester_private.h"

struct cells *rows_add(struct arena *a, struct rows *r)
{
    return array_add(r, a);
}

/* ---- display form ---- */

struct str cell_display(struct arena *a, struct str value)
{
    static const char from[] = "\t\n\r\\", to[] = "tnr\\";
    size_t extra = 0, n = 0;
    if (!value.ptr)
        return STR("NULL");
    if (!value.len)
        return STR("(empty)");
    for (size_t i = 0; i < value.len; i++)
        extra += value.ptr[i] && strchr(from, value.ptr[i]) != NULL;
    if (!extra)
        return value;
    char *out = arena_alloc(a, value.len + extra);
    for (size_t i = 0; out && i < value.len; i++) {
        const char *at = value.ptr[i] ? strchr(from, value.ptr[i]) : NULL;
        if (at)
            out[n++] = '\\';
        out[n++] = at ? to[at - from] : value.ptr[i];
    }
    return str_make(out, out ? n : 0);
}

static bool take_kind(struct str word, uint8_t *ret)
{
    for (uint8_t k = ROW_INSERT; k <= ROW_DELETE; k++)
        if (str_eq(word, str_from(row_kind_name(k)))) {
            *ret = k;
            return true;
        }
    return false;
}

bool cells_parse(struct arena *a, struct str line, bool with_kind, struct cells *ret, const char **ret_fault)
{
    struct cells c = { .kind = ROW_INSERT };
    struct str rest = line;
    *ret_fault = NULL;
    if (with_kind && !take_kind(str_split(&rest, '\t'), &c.kind)) {
        *ret_fault = "an expected row begins with +I, -U, +U or -D and a tab";
        return false;
    }
    if (!rest.ptr) {
        *ret_fault = "an expected row has no columns";
        return false;
    }
    uint32_t n = 1;
    for (size_t i = 0; i < rest.len; i++)
        n += rest.ptr[i] == '\t';
    c.at = ARENA_ARRAY(a, struct str, n);
    for (; c.at && c.n < n; c.n++)
        c.at[c.n] = str_split(&rest, '\t');
    *ret = c;
    return c.at != NULL;
}

struct str cells_print(struct arena *a, const struct cells *c, bool with_kind)
{
    size_t n = with_kind ? 3 : 0;
    for (uint32_t i = 0; i < c->n; i++)
        n += c->at[i].len + 1;
    char *out = arena_alloc(a, n + 1), *at = out;
    if (!out)
        return (struct str){ NULL, 0 };
    if (with_kind) {
        memcpy(at, row_kind_name(c->kind), 2);
        at[2] = '\t';
        at += 3;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        if (i)
            *at++ = '\t';
        if (c->at[i].len)
            memcpy(at, c->at[i].ptr, c->at[i].len);
        at += c->at[i].len;
    }
    return str_make(out, (size_t)(at - out));
}

/* ---- cells ---- */

static bool is_null(struct str s)
{
    return str_eq(s, STR("NULL"));
}

static bool is_digits(struct str s)
{
    size_t i = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+');
    if (i == s.len)
        return false;
    for (; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return true;
}

static bool number_equal(double x, double y)
{
    if (isnan(x) || isnan(y))
        return isnan(x) && isnan(y);
    if (isinf(x) || isinf(y))
        return x == y;
    double most = fabs(x) > fabs(y) ? fabs(x) : fabs(y);
    return fabs(x - y) <= most * 1e-9;
}


static int by_bytes(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* {…} with its entries, split at ", " outside of brackets, in order of their bytes. What is not balanced stays as
 * it is. */
static struct str sort_entries(struct arena *a, struct str s)
{
    ARRAY(struct str) items = { 0 };
    size_t from = 1;
    int depth = 0;
    if (s.len < 3 || s.ptr[0] != '{' || s.ptr[s.len - 1] != '}')
        return s;
    for (size_t i = 1; i < s.len; i++) {
        char c = s.ptr[i];
        bool cut = i == s.len - 1 || (depth == 0 && c == ',' && s.ptr[i + 1] == ' ');
        depth += c == '{' || c == '[' || c == '(';
        depth -= i < s.len - 1 && (c == '}' || c == ']' || c == ')');
        if (!cut)
            continue;
        struct str *slot = array_add(&items, a);
        if (!slot)
            return s;
        *slot = str_make(s.ptr + from, i - from);
        from = i + 2;
    }
    char *out = arena_alloc(a, s.len + 2 * items.count);
    if (!out)
        return s;
    qsort(items.at, items.count, sizeof *items.at, by_bytes);
    size_t n = 0;
    out[n++] = '{';
    for (uint32_t i = 0; i < items.count; i++) {
        if (i) {
            memcpy(out + n, ", ", 2);
            n += 2;
        }
        memcpy(out + n, items.at[i].ptr, items.at[i].len);
        n += items.at[i].len;
    }
    out[n++] = '}';
    return str_make(out, n);
}

static char letter(const struct compare *c, uint32_t column)
{
    if (c->types.len == 1 && c->types.ptr[0] == 'N')
        return 'N';
    return column < c->types.len ? c->types.ptr[column] : 'T';
}

static bool cell_equal(const struct compare *c, uint32_t column, struct str want, struct str got)
{
    int64_t i, k;
    double x, y;
    char t = letter(c, column);
    if (str_eq(want, got))
        return true;
    if (t == 'I' && is_digits(want) && is_digits(got))
        return str_to_i64(want, &i) && str_to_i64(got, &k) && i == k;
    if ((t == 'R' || t == 'N') && str_to_f64(want, &x) && str_to_f64(got, &y))
        return number_equal(x, y);
    if (c->is_map && column < c->n_columns && c->is_map[column])
        return str_eq(sort_entries(c->arena, want), sort_entries(c->arena, got));
    return false;
}

static bool row_equal(const struct compare *c, const struct cells *want, const struct cells *got)
{
    if (want->n != got->n || (c->with_kind && want->kind != got->kind))
        return false;
    for (uint32_t i = 0; i < want->n; i++)
        if (!cell_equal(c, i, want->at[i], got->at[i]))
            return false;
    return true;
}

/* ---- differences ---- */

struct work {
    const struct compare *c;
    struct difference *out;
    uint32_t lines, cap;
    bool ok;
};

static void tell(struct work *w, const char *sign, struct str text)
{
    w->lines++;
    if (w->out->count >= DIFF_LINES || !w->ok)
        return;
    struct str line = arena_printf(w->c->arena, "%s%.*s", sign, STR_ARG(text));
    w->ok = line.ptr != NULL;
    w->out->at[w->out->count++] = line;
}

static void tell_row(struct work *w, char sign, const struct cells *row)
{
    char text[] = { sign, ' ', 0 };
    struct str s = w->out->count < DIFF_LINES ? cells_print(w->c->arena, row, w->c->with_kind) : STR("");
    if (!s.ptr)
        w->ok = false;
    else
        tell(w, text, s);
}

/* Cells got that are no numbers where the letters say so. */
static void check_letters(struct work *w, const struct rows *got)
{
    double d;
    for (uint32_t r = 0; r < got->count; r++)
        for (uint32_t i = 0; i < got->at[r].n; i++) {
            struct str s = got->at[r].at[i];
            char t = letter(w->c, i);
            bool fits = is_null(s) || (t == 'I' ? is_digits(s) : t == 'R' ? str_to_f64(s, &d) : true);
            if (fits)
                continue;
            struct str text = arena_printf(w->c->arena, "column %u is no number under %c: %.*s", i + 1, t, STR_ARG(s));
            tell(w, "! ", text.ptr ? text : STR("a column is no number"));
        }
}

static void compare_ordered(struct work *w, const struct rows *want, const struct rows *got)
{
    uint32_t n = want->count > got->count ? want->count : got->count;
    for (uint32_t i = 0; i < n; i++) {
        if (i < want->count && i < got->count && row_equal(w->c, &want->at[i], &got->at[i]))
            continue;
        if (i < want->count)
            tell_row(w, '-', &want->at[i]);
        if (i < got->count)
            tell_row(w, '+', &got->at[i]);
    }
}

struct line_of {
    struct str text;
    uint32_t row;
};

static int by_line(const void *x, const void *y)
{
    const struct line_of *a = x, *b = y;
    int order = str_cmp(a->text, b->text);
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

static struct line_of *sorted_lines(struct arena *a, const struct rows *r, bool with_kind)
{
    struct line_of *l = ARENA_ARRAY(a, struct line_of, r->count + 1);
    for (uint32_t i = 0; l && i < r->count; i++) {
        l[i] = (struct line_of){ cells_print(a, &r->at[i], with_kind), i };
        if (!l[i].text.ptr)
            return NULL;
    }
    if (l)
        qsort(l, r->count, sizeof *l, by_line);
    return l;
}

/* Pairs rows of equal bytes; marks them. */
static void pair_exact(const struct line_of *x, uint32_t n, const struct line_of *y, uint32_t m, bool *x_paired,
                       bool *y_paired)
{
    for (uint32_t i = 0, k = 0; i < n && k < m;) {
        int order = str_cmp(x[i].text, y[k].text);
        if (order == 0)
            x_paired[x[i].row] = y_paired[y[k].row] = true;
        i += order <= 0;
        k += order >= 0;
    }
}

static void compare_unordered(struct work *w, const struct rows *want, const struct rows *got)
{
    struct arena *a = w->c->arena;
    struct line_of *x = sorted_lines(a, want, w->c->with_kind), *y = sorted_lines(a, got, w->c->with_kind);
    bool *x_paired = ARENA_ARRAY(a, bool, want->count + 1), *y_paired = ARENA_ARRAY(a, bool, got->count + 1);
    if (!x || !y || !x_paired || !y_paired) {
        w->ok = false;
        return;
    }
    pair_exact(x, want->count, y, got->count, x_paired, y_paired);
    for (uint32_t i = 0; i < want->count; i++)
        for (uint32_t k = 0; k < got->count && !x_paired[i]; k++)
            if (!y_paired[k] && row_equal(w->c, &want->at[i], &got->at[k]))
                x_paired[i] = y_paired[k] = true;
    for (uint32_t i = 0; i < want->count; i++)
        if (!x_paired[x[i].row])
            tell_row(w, '-', &want->at[x[i].row]);
    for (uint32_t k = 0; k < got->count; k++)
        if (!y_paired[y[k].row])
            tell_row(w, '+', &got->at[y[k].row]);
}

bool rows_compare(const struct compare *c, const struct rows *want, const struct rows *got, bool *ret_same,
                  struct difference *ret)
{
    struct difference d = { ARENA_ARRAY(c->arena, struct str, DIFF_LINES + 1), 0 };
    struct work w = { c, &d, 0, DIFF_LINES, d.at != NULL };
    if (!w.ok)
        return false;
    check_letters(&w, got);
    if (c->ordered)
        compare_ordered(&w, want, got);
    else
        compare_unordered(&w, want, got);
    if (w.lines > d.count && w.ok) {
        d.at[d.count] = arena_printf(c->arena, "… and %u more", w.lines - d.count);
        w.ok = d.at[d.count++].ptr != NULL;
    }
    *ret_same = w.lines == 0;
    *ret = d;
    return w.ok;
}

/* ---- tables out of changelogs ---- */

struct place { /* rows of the same key or bytes, newest first */
    uint32_t row;
    struct place *next;
};

struct fold {
    struct arena *a;
    struct map by_text;
    struct cells *rows;
    bool *alive;
    uint32_t n;
};

static struct str key_text(struct fold *f, const struct cells *row, const uint32_t *key, uint32_t n_key)
{
    if (!n_key)
        return cells_print(f->a, row, false);
    struct cells part = { ARENA_ARRAY(f->a, struct str, n_key), n_key, ROW_INSERT };
    for (uint32_t i = 0; part.at && i < n_key; i++)
        part.at[i] = key[i] < row->n ? row->at[key[i]] : STR("NULL");
    return part.at ? cells_print(f->a, &part, false) : (struct str){ NULL, 0 };
}

/* Lists of places hang below a head that stays in the map. */
static bool fold_row(struct fold *f, const struct cells *row, const uint32_t *key, uint32_t n_key, bool *ret_absent)
{
    struct str text = key_text(f, row, key, n_key);
    struct place *head = text.ptr ? map_get(&f->by_text, text) : NULL;
    if (!head) {
        head = ARENA_NEW(f->a, struct place);
        if (!text.ptr || !head || !map_put(&f->by_text, text, head))
            return false;
    }
    bool adds = row->kind == ROW_INSERT || row->kind == ROW_UPDATE_AFTER;
    if ((!adds || n_key) && head->next) {
        f->alive[head->next->row] = false;
        head->next = head->next->next;
    } else if (!adds && !n_key) {
        *ret_absent = true;
    }
    if (!adds)
        return true;
    struct place *p = ARENA_NEW(f->a, struct place);
    if (!p)
        return false;
    *p = (struct place){ f->n, head->next };
    head->next = p;
    f->rows[f->n] = *row;
    f->rows[f->n].kind = ROW_INSERT;
    f->alive[f->n++] = true;
    return true;
}

enum status rows_fold(struct arena *a, const struct rows *changes, uint32_t from, uint32_t to, const uint32_t *key,
                      uint32_t n_key, struct rows *table, struct error *err)
{
    uint32_t most = table->count + (to - from), n = 0;
    struct fold f = { .a = a, .rows = ARENA_ARRAY(a, struct cells, most + 1), .alive = ARENA_ARRAY(a, bool, most + 1) };
    map_init(&f.by_text, a, false);
    bool absent = false, ok = f.rows && f.alive;
    for (uint32_t i = 0; ok && i < table->count; i++)
        ok = fold_row(&f, &table->at[i], key, n_key, &absent);
    for (uint32_t i = from; ok && i < to; i++) {
        ok = fold_row(&f, &changes->at[i], key, n_key, &absent);
        struct str line = absent ? cells_print(a, &changes->at[i], true) : (struct str){ NULL, 0 };
        if (absent)
            return error_set(err, ST_DATA, "the changelog takes back a row that is not there: %.*s", STR_ARG(line));
    }
    if (!ok)
        return budget_error(a->budget, 0, err);
    for (uint32_t i = 0; i < f.n; i++)
        if (f.alive[i])
            f.rows[n++] = f.rows[i];
    *table = (struct rows){ f.rows, n, most + 1 };
    return ST_OK;
}

bool rows_net(struct arena *a, const struct rows *before, const struct rows *after, struct rows *ret)
{
    struct line_of *x = sorted_lines(a, before, false), *y = sorted_lines(a, after, false);
    bool *went = ARENA_ARRAY(a, bool, before->count + 1), *came = ARENA_ARRAY(a, bool, after->count + 1);
    struct rows out = { 0 };
    if (!x || !y || !went || !came)
        return false;
    pair_exact(x, before->count, y, after->count, went, came);
    for (uint32_t side = 0; side < 2; side++) {
        const struct rows *from = side ? after : before;
        for (uint32_t i = 0; i < from->count; i++) {
            if (side ? came[i] : went[i])
                continue;
            struct cells *c = rows_add(a, &out);
            if (!c)
                return false;
            *c = from->at[i];
            c->kind = side ? ROW_INSERT : ROW_DELETE;
        }
    }
    *ret = out;
    return true;
}

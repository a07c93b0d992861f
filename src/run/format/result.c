/* Result rows for people and pipes: `-o table|ndjson|csv|json|markdown|vertical`.
 *
 * table and markdown line their columns up, so a call's rows are printed as texts into one buffer first (`cells`
 * holds where each begins), then laid out. A table's widths only grow: when a later block needs wider columns, it
 * starts with a head of its own. Widths count code points. */
#include "private.h"

#include <stdio.h>

#include "format/format.h"

struct result_writer {
    enum result_format format;
    const struct schema *schema;
    bool kinds;
    struct zone zone;
    struct budget *budget;
    uint64_t rows;     /* put so far */
    uint32_t n;        /* columns, `op` included */
    uint32_t *widths;  /* of each */
    bool head;         /* it stands above */
    struct buf text;   /* the block's cells, one after the other */
    struct buf cells;  /* end of each cell in `text`, uint64_t */
};

static const struct csv_dialect comma = { .delimiter = ',', .quote = '"' };

const char *const result_format_names[] = { "table", "ndjson", "csv", "json", "markdown", "vertical", NULL };

bool result_format_parse(struct str name, enum result_format *ret)
{
    for (uint32_t i = 0; result_format_names[i]; i++)
        if (str_eq(name, str_from(result_format_names[i]))) {
            *ret = (enum result_format)i;
            return true;
        }
    return false;
}

struct result_writer *result_writer_new(enum result_format f, const struct schema *s, bool kinds,
                                        const struct zone *zone, struct budget *b)
{
    struct result_writer *w = mem_calloc(b, sizeof *w);
    uint32_t n = s->n_fields + kinds;
    uint32_t *widths = w ? mem_calloc(b, (n + 1) * sizeof *widths) : NULL;
    if (!widths) {
        mem_free(b, w, sizeof *w);
        return NULL;
    }
    *w = (struct result_writer){ .format = f, .schema = s, .kinds = kinds, .zone = zone ? *zone : zone_utc,
                                 .budget = b, .n = n, .widths = widths };
    buf_init(&w->text, b, UINT32_MAX);
    buf_init(&w->cells, b, UINT32_MAX);
    return w;
}

void result_writer_free(struct result_writer *w)
{
    if (!w)
        return;
    buf_release(&w->text);
    buf_release(&w->cells);
    mem_free(w->budget, w->widths, (w->n + 1) * sizeof *w->widths);
    mem_free(w->budget, w, sizeof *w);
}

static struct str column_name(const struct result_writer *w, uint32_t i)
{
    if (w->kinds)
        return i == 0 ? STR("op") : w->schema->fields[i - 1].name;
    return w->schema->fields[i].name;
}

static bool put(struct buf *out, struct str s)
{
    return s.len == 0 || buf_put(out, s.ptr, s.len);
}

/* ---- JSON and CSV ---- */

static bool put_object(struct result_writer *w, const struct batch *b, uint32_t row, struct buf *out)
{
    if (!buf_put_u8(out, '{'))
        return false;
    for (uint32_t i = 0; i < w->n; i++) {
        if ((i > 0 && !buf_put_u8(out, ',')) || !json_put_string(out, column_name(w, i)) || !buf_put_u8(out, ':'))
            return false;
        bool ok = w->kinds && i == 0 ? json_put_string(out, str_from(row_kind_name(batch_kind(b, row))))
                                     : value_print_json(out, &b->cols[i - w->kinds], row, &w->zone);
        if (!ok)
            return false;
    }
    return buf_put_u8(out, '}');
}

static bool put_json(struct result_writer *w, const struct batch *b, struct buf *out)
{
    bool lines = w->format == RESULT_NDJSON;
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        struct str lead = lines ? STR("") : w->rows == 0 ? STR("[\n") : STR(",\n");
        if (!put(out, lead) || !put_object(w, b, batch_row(b, k), out) || (lines && !buf_put_u8(out, '\n')))
            return false;
        w->rows++;
    }
    return true;
}

static bool put_csv_head(struct result_writer *w, struct buf *out)
{
    for (uint32_t i = 0; i < w->n; i++)
        if ((i > 0 && !buf_put_u8(out, ',')) || !csv_put_field(out, &comma, column_name(w, i), true))
            return false;
    w->head = true;
    return buf_put_u8(out, '\n');
}

static bool put_csv_value(struct result_writer *w, const struct column *c, uint32_t row, struct buf *out)
{
    if (column_is_null(c, row)) /* an empty text is quoted, NULL is not */
        return true;
    buf_clear(&w->text);
    return value_print(&w->text, c, row, &w->zone) && csv_put_field(out, &comma, buf_str(&w->text), true);
}

static bool put_csv(struct result_writer *w, const struct batch *b, struct buf *out)
{
    if (!w->head && !put_csv_head(w, out))
        return false;
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        uint32_t row = batch_row(b, k);
        if (w->kinds && !put(out, str_from(row_kind_name(batch_kind(b, row)))))
            return false;
        for (uint32_t i = 0; i < w->schema->n_fields; i++)
            if ((i + w->kinds > 0 && !buf_put_u8(out, ',')) || !put_csv_value(w, &b->cols[i], row, out))
                return false;
        if (!buf_put_u8(out, '\n'))
            return false;
        w->rows++;
    }
    return true;
}

/* ---- table and markdown ---- */

/* Ends the cell that starts at `from`: what would break the line, or command the terminal, is escaped. */
static bool end_cell(struct result_writer *w, size_t from)
{
    static const char escapes[][2] = { { '\n', 'n' }, { '\r', 'r' }, { '\t', 't' } };
    for (size_t i = from; i < w->text.len; i++) {
        uint8_t c = w->text.data[i];
        char as[8] = "";
        for (size_t k = 0; k < sizeof escapes / sizeof escapes[0]; k++)
            if (c == (uint8_t)escapes[k][0])
                snprintf(as, sizeof as, "\\%c", escapes[k][1]);
        if (!as[0] && (c < 0x20 || c == 0x7F))
            snprintf(as, sizeof as, "\\x%02X", c);
        if (c == '|' && w->format == RESULT_MARKDOWN)
            snprintf(as, sizeof as, "\\|");
        size_t more = strlen(as);
        if (!more--)
            continue;
        if (!buf_reserve(&w->text, more))
            return false;
        memmove(w->text.data + i + more + 1, w->text.data + i + 1, w->text.len - 1 - i);
        memcpy(w->text.data + i, as, more + 1);
        w->text.len += more;
        i += more;
    }
    return buf_put_u64(&w->cells, w->text.len);
}

static bool fill_cells(struct result_writer *w, const struct batch *b)
{
    buf_clear(&w->text);
    buf_clear(&w->cells);
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        uint32_t row = batch_row(b, k);
        for (uint32_t i = 0; i < w->n; i++) {
            size_t from = w->text.len;
            bool ok = w->kinds && i == 0 ? put(&w->text, str_from(row_kind_name(batch_kind(b, row))))
                                         : value_show(&w->text, &b->cols[i - w->kinds], row, &w->zone);
            if (!ok || !end_cell(w, from))
                return false;
        }
    }
    return true;
}

static struct str cell(const struct result_writer *w, size_t i)
{
    uint64_t from = 0, to;
    if (i > 0)
        memcpy(&from, w->cells.data + (i - 1) * sizeof from, sizeof from);
    memcpy(&to, w->cells.data + i * sizeof to, sizeof to);
    return str_make(w->text.data + from, to - from);
}

/* Wider columns where they are needed; whether any grew. */
static bool widen(struct result_writer *w)
{
    size_t cells = w->cells.len / sizeof(uint64_t);
    bool grew = false;
    for (size_t i = 0; i < cells + w->n; i++) {
        struct str s = i < cells ? cell(w, i) : column_name(w, (uint32_t)(i - cells));
        uint32_t at = (uint32_t)(i < cells ? i % w->n : i - cells), width = (uint32_t)utf8_length(s);
        if (width > w->widths[at]) {
            w->widths[at] = width;
            grew = true;
        }
    }
    return grew;
}

static bool put_fill(struct buf *out, char c, uint32_t n)
{
    if (!buf_reserve(out, n))
        return false;
    memset(out->data + out->len, c, n);
    out->len += n;
    return true;
}

static bool put_rule(struct result_writer *w, struct buf *out)
{
    char joint = w->format == RESULT_TABLE ? '+' : '|';
    for (uint32_t i = 0; i < w->n; i++)
        if (!buf_put_u8(out, (uint8_t)joint) || !put_fill(out, '-', w->widths[i] + 2))
            return false;
    return buf_put_u8(out, (uint8_t)joint) && buf_put_u8(out, '\n');
}

static bool put_cell(struct result_writer *w, uint32_t column, struct str s, bool right, struct buf *out)
{
    uint32_t len = (uint32_t)utf8_length(s), pad = w->widths[column] > len ? w->widths[column] - len : 0;
    return put(out, STR("| ")) && put_fill(out, ' ', right ? pad : 0) && put(out, s) &&
           put_fill(out, ' ', right ? 0 : pad) && buf_put_u8(out, ' ');
}

static bool put_head(struct result_writer *w, struct buf *out)
{
    bool table = w->format == RESULT_TABLE;
    if (table && !put_rule(w, out))
        return false;
    for (uint32_t i = 0; i < w->n; i++)
        if (!put_cell(w, i, column_name(w, i), false, out))
            return false;
    w->head = true;
    return put(out, STR("|\n")) && put_rule(w, out);
}

static bool is_right(const struct result_writer *w, uint32_t i)
{
    return (i > 0 || !w->kinds) && type_is_numeric(w->schema->fields[i - w->kinds].type);
}

static bool put_block(struct result_writer *w, const struct batch *b, struct buf *out)
{
    uint32_t rows = batch_rows(b);
    if (rows == 0)
        return true;
    if (!fill_cells(w, b))
        return false;
    bool grew = widen(w);
    /* Markdown has one head; its renderer lines up what is ragged. */
    if (!w->head || (grew && w->format == RESULT_TABLE)) {
        if (!put_head(w, out))
            return false;
    }
    for (uint32_t k = 0; k < rows; k++) {
        for (uint32_t i = 0; i < w->n; i++)
            if (!put_cell(w, i, cell(w, (size_t)k * w->n + i), is_right(w, i), out))
                return false;
        if (!put(out, STR("|\n")))
            return false;
    }
    w->rows += rows;
    return true;
}

/* ---- vertical ---- */

/* A line a value, the column's name before it; rows are numbered. */
static bool put_vertical(struct result_writer *w, const struct batch *b, struct buf *out)
{
    uint32_t widest = 0;
    if (!fill_cells(w, b))
        return false;
    for (uint32_t i = 0; i < w->n; i++) {
        uint32_t len = (uint32_t)utf8_length(column_name(w, i));
        widest = len > widest ? len : widest;
    }
    for (uint32_t k = 0; k < batch_rows(b); k++) {
        if (!buf_printf(out, "-[ %llu ]-", (unsigned long long)++w->rows) || !put_fill(out, '-', widest) ||
            !buf_put_u8(out, '\n'))
            return false;
        for (uint32_t i = 0; i < w->n; i++) {
            struct str name = column_name(w, i);
            if (!put(out, name) || !put_fill(out, ' ', widest - (uint32_t)utf8_length(name)) || !put(out, STR(" | ")) ||
                !put(out, cell(w, (size_t)k * w->n + i)) || !buf_put_u8(out, '\n'))
                return false;
        }
    }
    return true;
}

/* ---- the face ---- */

bool result_writer_put(struct result_writer *w, const struct batch *b, struct buf *out)
{
    switch (w->format) {
    case RESULT_NDJSON:
    case RESULT_JSON:
        return put_json(w, b, out);
    case RESULT_CSV:
        return put_csv(w, b, out);
    case RESULT_VERTICAL:
        return put_vertical(w, b, out);
    default:
        return put_block(w, b, out);
    }
}

bool result_writer_end(struct result_writer *w, struct buf *out)
{
    switch (w->format) {
    case RESULT_JSON:
        return put(out, w->rows == 0 ? STR("[]\n") : STR("\n]\n"));
    case RESULT_CSV:
        return w->head || put_csv_head(w, out);
    case RESULT_TABLE:
    case RESULT_MARKDOWN:
        buf_clear(&w->cells);
        if (!w->head) {
            widen(w);
            if (!put_head(w, out))
                return false;
        }
        return w->format == RESULT_MARKDOWN || w->rows == 0 || put_rule(w, out);
    default:
        return true;
    }
}

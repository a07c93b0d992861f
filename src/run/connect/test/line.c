/* A line of `input`: an optional row kind, then a JSON array with a value for each physical column, then, where the
 * table has metadata columns, maybe an object of those by key; and the other way, the texts of results.
 *
 * The array is read by the json format's decoder for rows by position, which gives the values straight to the
 * batch; the object by another one, into a row of its own that is copied behind. Text of results is that of CAST, but for maps: their entries have no order, so they are put in one. */
#include "hub.h"

static struct str take_kind(struct str line, uint8_t *ret_kind)
{
    struct str rest = str_trim(line);
    *ret_kind = ROW_INSERT;
    for (uint8_t k = ROW_INSERT; k <= ROW_DELETE; k++)
        if (str_starts(rest, str_from(row_kind_name(k)))) {
            *ret_kind = k;
            return str_trim(str_make(rest.ptr + 2, rest.len - 2));
        }
    return rest;
}

/* A NULL where the type says that there is none: the json format lets it pass, here it does not fit. */
static bool nulls_fit(const struct column *c, uint32_t row)
{
    const struct type *t = c->type;
    if (column_is_null(c, row))
        return t->nullable;
    enum phys p = type_phys(t);
    struct listview v = p == PHYS_LIST || p == PHYS_MAP ? c->list[row] : (struct listview){ row, 1 };
    for (uint32_t i = 0; i < c->n_children; i++)
        for (uint32_t k = 0; k < v.len; k++)
            if (!nulls_fit(&c->children[i], v.offset + k))
                return false;
    return true;
}

static enum status bad(const char *reason, uint32_t column, char ret_reason[200], uint32_t *ret_column)
{
    size_t n = strlen(reason);
    n = n < 199 ? n : 199;
    memmove(ret_reason, reason, n);
    ret_reason[n] = 0;
    *ret_column = column;
    return ST_DATA;
}

enum status test_lines_open(struct test_lines *l, const struct table_desc *t, const struct zone *zone, struct arena *a,
                            struct budget *b, struct error *err)
{
    struct field *keys = ARENA_ARRAY(a, struct field, t->n_columns + 1);
    if (!keys)
        return connect_memory(b, err);
    for (uint32_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].role == COLUMN_METADATA)
            keys[l->keys.n_fields++] = (struct field){ t->columns[i].metadata_key, t->columns[i].type };
    l->keys.fields = keys;
    TRY(format_json_values(&t->physical, zone, b, &l->columns, err));
    if (l->keys.n_fields == 0)
        return ST_OK;
    TRY(format_json_values(&l->keys, zone, b, &l->metadata, err));
    l->row = batch_new(&l->keys, 1, b);
    return l->row ? ST_OK : connect_memory(b, err);
}

void test_lines_release(struct test_lines *l)
{
    if (l->columns)
        l->columns->ops->free(l->columns);
    if (l->metadata)
        l->metadata->ops->free(l->metadata);
    batch_free(l->row);
    *l = (struct test_lines){ 0 };
}

/* Cuts the line behind its array: what follows is the metadata's object. */
static struct str cut_metadata(struct str *line)
{
    uint32_t depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < line->len; i++) {
        char c = line->ptr[i];
        if (in_text) {
            i += c == '\\';
            in_text = c != '"';
        } else if (c == '"') {
            in_text = true;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if ((c == ']' || c == '}') && depth && --depth == 0) {
            struct str rest = str_trim(str_make(line->ptr + i + 1, line->len - i - 1));
            line->len = i + 1;
            return rest;
        }
    }
    return STR("");
}

/* Without an object all metadata are NULL. */
static enum status take_metadata(struct test_lines *l, struct str object, struct batch *out, struct decoded *ret,
                                 struct error *err)
{
    uint32_t first = out->schema->n_fields - l->keys.n_fields;
    batch_clear(l->row);
    if (object.len)
        TRY(l->metadata->ops->decode_one(l->metadata, NULL, object, l->row, ret, err));
    if (ret->bad)
        return ST_OK;
    for (uint32_t i = 0; i < l->keys.n_fields; i++) {
        if (l->row->count == 0)
            column_set_null(&out->cols[first + i], out->count - 1);
        else if (!column_copy(&out->cols[first + i], out->count - 1, &l->row->cols[i], 0, false))
            return connect_memory(out->budget, err);
    }
    return ST_OK;
}

enum status test_parse_line(struct test_lines *l, struct str line, uint32_t kinds, struct batch *out,
                            char ret_reason[200], uint32_t *ret_column, struct error *err)
{
    uint8_t kind;
    struct decoded done = { 0 };
    struct str rest = take_kind(line, &kind), object = l->metadata ? cut_metadata(&rest) : STR("");
    uint32_t row = out->count, skipped = (uint32_t)(rest.ptr - line.ptr);
    if (!(kinds >> kind & 1))
        return bad("the row's kind is not in 'changelog-mode'", 1, ret_reason, ret_column);
    TRY(l->columns->ops->decode_one(l->columns, NULL, rest, out, &done, err));
    if (done.bad)
        return bad(done.reason, done.bad_column ? done.bad_column + skipped : 0, ret_reason, ret_column);
    if (out->count == row)
        return bad("the line holds no row", 0, ret_reason, ret_column);
    if (l->metadata)
        TRY(take_metadata(l, object, out, &done, err));
    if (done.bad) {
        out->count = row;
        return bad(done.reason, done.bad_column ? done.bad_column + (uint32_t)(object.ptr - line.ptr) : 0, ret_reason,
                   ret_column);
    }
    for (uint32_t i = 0; i < out->schema->n_fields; i++)
        if (!nulls_fit(&out->cols[i], row)) {
            out->count = row;
            return bad("NULL for a column that is NOT NULL", 0, ret_reason, ret_column);
        }
    if (kind != ROW_INSERT || out->kinds)
        batch_kinds(out)[row] = kind;
    return ST_OK;
}

/* ---- text of results ---- */

static bool has_map(const struct type *t)
{
    if (type_phys(t) == PHYS_MAP)
        return true;
    if (t->kind == TYPE_ARRAY)
        return has_map(t->element);
    for (uint32_t i = 0; t->kind == TYPE_ROW && i < t->n_fields; i++)
        if (has_map(t->fields[i].type))
            return true;
    return false;
}

struct entry_text {
    size_t at, len;
};

/* Entries are printed one behind the other, then copied in order: insertion sort, since maps in tests are small. */
static bool print_map(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone)
{
    struct listview v = c->list[row];
    struct buf text;
    buf_init(&text, out->budget, SIZE_MAX / 2);
    size_t bytes = (v.len ? v.len : 1) * sizeof(struct entry_text);
    struct entry_text *entries = mem_alloc(out->budget, bytes);
    bool ok = entries && buf_put_u8(out, '{');
    for (uint32_t i = 0; i < v.len && ok; i++) {
        size_t at = text.len;
        ok = test_print(&text, &c->children[0], v.offset + i, zone) && buf_put_u8(&text, '=') &&
             test_print(&text, &c->children[1], v.offset + i, zone);
        struct entry_text made = { at, text.len - at };
        uint32_t k = i;
        for (; k > 0 && ok; k--) {
            struct entry_text before = entries[k - 1];
            if (str_cmp(str_make(text.data + before.at, before.len), str_make(text.data + made.at, made.len)) <= 0)
                break;
            entries[k] = before;
        }
        entries[k] = made;
    }
    for (uint32_t i = 0; i < v.len && ok; i++)
        ok = (i == 0 || buf_put(out, ", ", 2)) && buf_put(out, text.data + entries[i].at, entries[i].len);
    mem_free(out->budget, entries, entries ? bytes : 0);
    buf_release(&text);
    return ok && buf_put_u8(out, '}');
}

bool test_print(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone)
{
    if (column_is_null(c, row) || !has_map(c->type))
        return value_print(out, c, row, zone);
    if (type_phys(c->type) == PHYS_MAP)
        return print_map(out, c, row, zone);
    bool is_row = c->type->kind == TYPE_ROW;
    struct listview v = is_row ? (struct listview){ 0, c->n_children } : c->list[row];
    bool ok = buf_put_u8(out, is_row ? '(' : '[');
    for (uint32_t i = 0; i < v.len && ok; i++) {
        const struct column *part = is_row ? &c->children[i] : &c->children[0];
        ok = (i == 0 || buf_put(out, ", ", 2)) && test_print(out, part, is_row ? row : v.offset + i, zone);
    }
    return ok && buf_put_u8(out, is_row ? ')' : ']');
}

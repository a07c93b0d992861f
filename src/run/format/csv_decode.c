/* CSV records into columns.
 *
 * The text room's scanner splits a record into fields (views into the chunk); here each field goes into its column:
 * by place, or by the names in the header line. An unquoted field that equals csv.null-literal is NULL, and so is an
 * empty unquoted one where the column is no text (Flink calls that one bad). Text stays in the chunk when it is long
 * and needs no unescaping. ARRAY and ROW fields are split once more at csv.array-element-delimiter.
 *
 * Under csv.header = names a split that is read from the middle needs its first line first: see format_wants_header. */
#include "csv.h"

#include "format/format.h"

#include <stdio.h>

/* Columns of a file, known or not: what is beyond counts as a malformed record. */
#define FILE_COLUMNS_MAX 16384u
#define NO_COLUMN UINT32_MAX

struct csv_decoder {
    struct decoder base;
    struct arena arena;
    struct budget *budget;
    struct csv_settings settings;
    const struct schema *schema;
    bool *needed;             /* of each schema column */
    bool at_start;            /* a byte order mark may come */
    bool header_due;          /* the next record is the header */
    bool header_only;         /* …and nothing else may be read with it */
    struct csv_field *fields; /* room for n_fields */
    uint32_t n_fields;        /* of a record of the file */
    uint32_t *target;         /* file column → schema column or NO_COLUMN */
    uint32_t cap_fields;
    /* While decoding: */
    struct shared *chunk;
    struct buf scratch;
    const char *fault_at;
    char reason[200];
};

/* ---- faults ---- */

static enum taken fault(struct csv_decoder *d, const char *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static enum taken fault(struct csv_decoder *d, const char *at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(d->reason, sizeof d->reason, fmt, args);
    va_end(args);
    d->fault_at = at;
    return TAKEN_BAD;
}

static enum taken misfit(struct csv_decoder *d, const struct field *f, struct str raw)
{
    struct buf text;
    buf_init(&text, NULL, 256);
    bool named = type_print(&text, f->type);
    fault(d, raw.ptr, "field '%.*s': '%.*s%s' is no %.*s", f->name.len < 60 ? (int)f->name.len : 60, f->name.ptr,
          raw.len < 40 ? (int)raw.len : 40, raw.ptr, raw.len < 40 ? "" : "…", named ? (int)text.len : 0,
          named ? (const char *)text.data : "");
    buf_release(&text);
    return TAKEN_BAD;
}

/* ---- fields ---- */

static bool in_chunk(const struct csv_decoder *d, struct str s)
{
    if (!d->chunk)
        return false;
    uintptr_t base = (uintptr_t)d->chunk->data, at = (uintptr_t)s.ptr;
    return at >= base && at + s.len <= base + d->chunk->cap;
}

static enum taken put_text(struct csv_decoder *d, struct column *c, uint32_t row, struct str s)
{
    if (!utf8_valid(s))
        return TAKEN_BAD;
    if (s.len <= 12 || !in_chunk(d, s))
        return column_set_str(c, row, s.ptr, s.len) ? TAKEN : TAKEN_MEMORY;
    uint32_t buffer = column_share(c, d->chunk);
    if (buffer == UINT32_MAX)
        return TAKEN_MEMORY;
    struct strview v = { .len = (uint32_t)s.len,
                         .ref = { .buffer = buffer, .offset = (uint32_t)((const uint8_t *)s.ptr - d->chunk->data) } };
    memcpy(v.ref.prefix, s.ptr, 4);
    c->str[row] = v;
    return TAKEN;
}

static bool is_null_text(const struct csv_decoder *d, const struct type *t, struct str s, bool quoted)
{
    if (quoted)
        return false;
    if (d->settings.null_literal.ptr && str_eq(s, d->settings.null_literal))
        return true;
    return s.len == 0 && !type_is_text(t) && t->kind != TYPE_ARRAY && t->kind != TYPE_ROW;
}

static void null_deep(struct column *c, uint32_t row)
{
    column_nulls(c, c->cap)[row] = 1;
    for (uint32_t i = 0; c->type->kind == TYPE_ROW && i < c->n_children; i++)
        null_deep(&c->children[i], row);
}

static enum taken put_field(struct csv_decoder *d, const struct field *f, struct column *c, uint32_t row, struct str s,
                            bool quoted);

/* The next element of a list, or of a ROW. */
static struct str element(struct csv_decoder *d, struct str *rest)
{
    struct str by = d->settings.array_delimiter, all = *rest;
    int64_t at = by.len ? str_find(all, by, 0) : -1;
    if (at < 0) {
        *rest = (struct str){ 0 };
        return all;
    }
    *rest = str_make(all.ptr + at + by.len, all.len - (size_t)at - by.len);
    return str_make(all.ptr, (size_t)at);
}

static enum taken put_array(struct csv_decoder *d, const struct field *f, struct column *c, uint32_t row, struct str s)
{
    const struct field inner = { f->name, f->type->element };
    uint32_t first, at, n = 0;
    if (!column_start_list(c, row, 0, &first))
        return TAKEN_MEMORY;
    for (struct str rest = s; s.len > 0 && rest.ptr; n++) {
        struct str one = element(d, &rest);
        if (!column_start_list(c, row, 1, &at))
            return TAKEN_MEMORY;
        enum taken t = put_field(d, &inner, &c->children[0], at, one, false);
        if (t != TAKEN)
            return t;
    }
    c->list[row] = (struct listview){ first, n };
    return TAKEN;
}

static enum taken put_row(struct csv_decoder *d, const struct field *f, struct column *c, uint32_t row, struct str s)
{
    struct str rest = s;
    for (uint32_t i = 0; i < c->n_children; i++) {
        if (!rest.ptr)
            return misfit(d, f, s);
        enum taken t = put_field(d, &f->type->fields[i], &c->children[i], row, element(d, &rest), false);
        if (t != TAKEN)
            return t;
    }
    return rest.ptr ? misfit(d, f, s) : TAKEN;
}

static enum taken put_value(struct csv_decoder *d, const struct field *f, struct column *c, uint32_t row, struct str s,
                            bool quoted)
{
    if (is_null_text(d, f->type, s, quoted)) {
        if (!f->type->nullable)
            return fault(d, s.ptr, "field '%.*s': NULL, but the column is NOT NULL", STR_ARG(f->name));
        null_deep(c, row);
        return TAKEN;
    }
    if (c->nulls)
        c->nulls[row] = 0;
    if (f->type->kind == TYPE_ARRAY)
        return put_array(d, f, c, row, s);
    if (f->type->kind == TYPE_ROW)
        return put_row(d, f, c, row, s);
    enum taken t = type_is_text(f->type) ? put_text(d, c, row, s)
                                         : value_from_text(&d->settings.rules, f->type, c, row, s);
    if (t == TAKEN_BAD && type_is_text(f->type))
        return fault(d, s.ptr, "field '%.*s': invalid UTF-8", STR_ARG(f->name));
    return t == TAKEN_BAD ? misfit(d, f, s) : t;
}

static enum taken put_field(struct csv_decoder *d, const struct field *f, struct column *c, uint32_t row, struct str s,
                            bool quoted)
{
    enum taken t = put_value(d, f, c, row, s, quoted);
    if (t != TAKEN_BAD || !d->settings.ignore_errors || !f->type->nullable)
        return t;
    null_deep(c, row);
    return TAKEN;
}

static enum taken put_record(struct csv_decoder *d, struct batch *out, uint32_t row, uint32_t n, const char *start)
{
    const struct schema *schema = d->schema;
    uint32_t expected = d->n_fields;
    if (n != expected && !d->settings.ignore_errors)
        return fault(d, start, "%u fields instead of %u", n, expected);
    for (uint32_t i = 0; i < expected; i++) {
        uint32_t to = d->target[i];
        if (to == NO_COLUMN || !d->needed[to])
            continue;
        const struct field *f = &schema->fields[to];
        enum taken t;
        if (i >= n) {
            if (!f->type->nullable)
                return fault(d, start, "field '%.*s' is missing, but the column is NOT NULL", STR_ARG(f->name));
            null_deep(&out->cols[to], row);
            continue;
        }
        struct str s = d->fields[i].raw;
        if (d->fields[i].escaped) {
            buf_clear(&d->scratch);
            if (!buf_reserve(&d->scratch, s.len + 1))
                return TAKEN_MEMORY;
            s = str_make(d->scratch.data, csv_unescape(&d->settings.dialect, s, (char *)d->scratch.data));
        }
        t = put_field(d, f, &out->cols[to], row, s, d->fields[i].quoted);
        if (t == TAKEN_BAD && d->fields[i].escaped)
            d->fault_at = d->fields[i].raw.ptr;
        if (t != TAKEN)
            return t;
    }
    return TAKEN;
}

/* ---- the header ---- */

static enum status room_for(struct csv_decoder *d, uint32_t n, struct error *err)
{
    if (n <= d->cap_fields)
        return ST_OK;
    struct csv_field *fields = ARENA_ARRAY(&d->arena, struct csv_field, n);
    uint32_t *target = ARENA_ARRAY(&d->arena, uint32_t, n);
    if (!fields || !target)
        return format_memory(d->budget, err);
    d->fields = fields;
    d->target = target;
    d->cap_fields = n;
    return ST_OK;
}

static void by_place(struct csv_decoder *d)
{
    d->n_fields = d->schema->n_fields;
    for (uint32_t i = 0; i < d->n_fields; i++)
        d->target[i] = i;
}

static int32_t column_named(const struct schema *s, struct str name)
{
    int32_t at = schema_find(s, name);
    for (uint32_t i = 0; at < 0 && i < s->n_fields; i++)
        if (str_eq_nocase(s->fields[i].name, name))
            at = (int32_t)i;
    return at;
}

static enum status not_in_header(const struct csv_decoder *d, uint32_t n, struct str name, struct error *err)
{
    struct str names[64], near;
    uint32_t count = n < 64 ? n : 64;
    for (uint32_t i = 0; i < count; i++)
        names[i] = str_trim(d->fields[i].raw);
    near = str_nearest(name, names, count);
    error_set(err, ST_DATA, "column '%.*s' is not in the CSV header", STR_ARG(name));
    if (near.ptr)
        error_hint(err, "did you mean '%.*s'? With csv.header = 'skip' columns are taken by their place", STR_ARG(near));
    else
        error_hint(err, "with csv.header = 'skip' columns are taken by their place");
    return ST_DATA;
}

static enum status take_header(struct csv_decoder *d, uint32_t n, struct error *err)
{
    if (d->settings.header != CSV_HEADER_NAMES)
        return ST_OK;
    d->n_fields = n;
    for (uint32_t i = 0; i < n; i++) {
        struct str name = d->fields[i].raw;
        if (d->fields[i].escaped) {
            buf_clear(&d->scratch);
            if (!buf_reserve(&d->scratch, name.len + 1))
                return format_memory(d->budget, err);
            name = str_make(d->scratch.data, csv_unescape(&d->settings.dialect, name, (char *)d->scratch.data));
        }
        int32_t to = column_named(d->schema, str_trim(name));
        d->target[i] = to < 0 ? NO_COLUMN : (uint32_t)to;
        for (uint32_t k = 0; to >= 0 && k < i; k++)
            if (d->target[k] == (uint32_t)to)
                return error_set(err, ST_DATA, "column '%.*s' stands twice in the CSV header", STR_ARG(name));
    }
    for (uint32_t c = 0; c < d->schema->n_fields; c++) {
        bool found = false;
        for (uint32_t i = 0; i < n && !found; i++)
            found = d->target[i] == c;
        if (!found)
            return not_in_header(d, n, d->schema->fields[c].name, err);
    }
    return ST_OK;
}

/* ---- records ---- */

static uint32_t mark_length(struct csv_decoder *d, struct str s, bool at_end, bool *ret_more)
{
    size_t n = s.len < 3 ? s.len : 3;
    *ret_more = false;
    if (!d->at_start || n == 0)
        return 0;
    bool same = memcmp(s.ptr, "\xEF\xBB\xBF", n) == 0;
    *ret_more = same && n < 3 && !at_end;
    return same && n == 3 ? 3 : 0;
}

static void tell_bad(struct csv_decoder *d, struct decoded *ret, const char *start, size_t used, uint32_t lines)
{
    ret->bad = true;
    ret->bad_at = ret->used;
    ret->bad_len = (uint32_t)used;
    ret->bad_lines = lines;
    ret->bad_column = d->fault_at >= start && d->fault_at < start + used ? (uint32_t)(d->fault_at - start) + 1 : 0;
    memcpy(ret->reason, d->reason, sizeof ret->reason);
}

/* One record of `s`. *ret_used 0: there is none whole. */
static enum status one(struct csv_decoder *d, struct str s, bool at_end, struct batch *out, uint32_t *row,
                       struct decoded *ret, size_t *ret_used, struct error *err)
{
    uint32_t n = 0, lines = 0;
    size_t used = 0;
    const char *why = NULL;
    bool header = d->header_due;
    enum taken t = TAKEN;
    const struct csv_dialect *dialect = &d->settings.dialect;
    enum csv_result r = csv_record(dialect, s, at_end, d->fields, d->cap_fields, &n, &used, &lines, &why);
    if (r == CSV_RECORD && header && d->settings.header == CSV_HEADER_NAMES && n > d->cap_fields) {
        if (n > FILE_COLUMNS_MAX)
            return error_set(err, ST_LIMIT, "a CSV header of %u columns (at most %u)", n, FILE_COLUMNS_MAX);
        TRY(room_for(d, n, err));
        r = csv_record(dialect, s, at_end, d->fields, d->cap_fields, &n, &used, &lines, &why);
    }
    *ret_used = 0;
    if (r == CSV_MORE)
        return ST_OK;
    if (r == CSV_BAD) {
        t = fault(d, NULL, "not CSV: %s", why);
    } else if (r == CSV_RECORD && header) {
        TRY(take_header(d, n, err));
        d->header_due = false;
    } else if (r == CSV_RECORD) {
        t = put_record(d, out, *row, n, s.ptr);
        *row += t == TAKEN;
    }
    if (t == TAKEN_MEMORY)
        return format_memory(d->budget, err);
    if (t == TAKEN_BAD && (!d->settings.ignore_errors || header))
        tell_bad(d, ret, s.ptr, used, lines);
    ret->used += (uint32_t)used;
    ret->lines += lines;
    *ret_used = used;
    return ST_OK;
}

static void null_unneeded(struct csv_decoder *d, struct batch *out, uint32_t from, uint32_t to)
{
    for (uint32_t c = 0; c < d->schema->n_fields; c++)
        for (uint32_t row = from; !d->needed[c] && row < to; row++)
            null_deep(&out->cols[c], row);
}

static enum status csv_decode(struct decoder *base, struct shared *chunk, uint32_t from, uint32_t to, bool at_end,
                              struct batch *out, uint32_t max_rows, struct decoded *ret, struct error *err)
{
    struct csv_decoder *d = (struct csv_decoder *)base;
    struct decoded done = { 0 };
    struct str rest = str_make(chunk->data + from, to - from);
    bool more;
    uint32_t room = out->capacity - out->count, row = out->count;
    uint32_t most = out->count + (max_rows < room ? max_rows : room);
    uint32_t mark = mark_length(d, rest, at_end, &more);
    rest = str_make(rest.ptr + mark, rest.len - mark);
    d->chunk = chunk;
    while (!more && rest.len > 0 && !done.bad && (row < most || d->header_due)) {
        size_t used;
        bool header = d->header_due;
        TRY(one(d, rest, at_end, out, &row, &done, &used, err));
        if (used == 0)
            break;
        rest = str_make(rest.ptr + used, rest.len - used);
        if (header && !d->header_due && d->header_only) {
            d->header_only = false;
            break;
        }
    }
    if (done.used > 0 || (mark > 0 && rest.len == 0)) {
        d->at_start = false;
        done.used += mark;
        done.bad_at += done.bad ? mark : 0;
    }
    null_unneeded(d, out, out->count, row);
    out->count = row;
    *ret = done;
    return ST_OK;
}

static enum status csv_decode_one(struct decoder *base, struct shared *chunk, struct str bytes, struct batch *out,
                                  struct decoded *ret, struct error *err)
{
    struct csv_decoder *d = (struct csv_decoder *)base;
    struct decoded done = { 0 };
    uint32_t row = out->count;
    size_t used = 0;
    if (bytes.ptr && out->count == out->capacity)
        return error_set(err, ST_LIMIT, "the batch has no room for a row");
    d->chunk = chunk;
    d->header_due = false;
    by_place(d);
    if (bytes.len > 0) {
        TRY(one(d, bytes, true, out, &row, &done, &used, err));
        if (!done.bad && used < bytes.len && !d->settings.ignore_errors) {
            fault(d, bytes.ptr + used, "more than one CSV record in a message");
            done.used = 0;
            tell_bad(d, &done, bytes.ptr, bytes.len, 0);
        } else if (row > out->count) {
            null_unneeded(d, out, out->count, row);
            out->count = row;
        }
    }
    done.used = (uint32_t)bytes.len;
    *ret = done;
    return ST_OK;
}

/* ---- life ---- */

static void csv_reset(struct decoder *base, uint64_t position)
{
    struct csv_decoder *d = (struct csv_decoder *)base;
    bool names = d->settings.header == CSV_HEADER_NAMES;
    d->at_start = position == 0 || names;
    d->header_due = names || (position == 0 && d->settings.header == CSV_HEADER_SKIP);
    d->header_only = names && position > 0;
    by_place(d);
}

static void csv_free(struct decoder *base)
{
    struct csv_decoder *d = (struct csv_decoder *)base;
    if (!d)
        return;
    buf_release(&d->scratch);
    struct arena arena = d->arena; /* the decoder itself lies in it */
    arena_release(&arena);
}

static const struct decoder_ops ops = {
    .decode = csv_decode, .decode_one = csv_decode_one, .reset = csv_reset, .free = csv_free,
};

bool format_wants_header(const struct decoder *base)
{
    const struct csv_decoder *d = (const struct csv_decoder *)base;
    return base->ops == &ops && d->header_due && d->header_only;
}

enum status csv_open_decoder(const struct table_desc *t, const struct schema *schema, const struct need *needs,
                             struct connect_context *ctx, struct budget *budget, struct decoder **ret,
                             struct error *err)
{
    struct csv_settings settings;
    TRY(csv_settings_read(t, schema, ctx, &settings, err));
    struct arena arena;
    arena_init(&arena, budget);
    struct csv_decoder *d = ARENA_NEW(&arena, struct csv_decoder);
    if (!d) {
        arena_release(&arena);
        return format_memory(budget, err);
    }
    *d = (struct csv_decoder){ .base.ops = &ops, .arena = arena, .budget = budget, .settings = settings,
                               .schema = schema };
    buf_init(&d->scratch, budget, UINT32_MAX);
    d->needed = ARENA_ARRAY(&d->arena, bool, schema->n_fields + 1);
    enum status st = d->needed ? room_for(d, schema->n_fields + 1, err) : format_memory(budget, err);
    for (uint32_t i = 0; d->needed && i < schema->n_fields; i++)
        d->needed[i] = !needs || needs[i].used;
    if (st != ST_OK) {
        csv_free(&d->base);
        return st;
    }
    csv_reset(&d->base, 0);
    *ret = &d->base;
    return ST_OK;
}

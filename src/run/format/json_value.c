/* The general path: any JSON value into any column, by the text room's checking scanner.
 *
 * This is what decides: the fast path may only give up where this one accepts, and each of its results is the same.
 * Conversions follow Flink's json format: numbers and booleans may stand in strings, a number with a fraction is
 * cut when an integer is wanted, a text column takes any value's JSON text, the last of two equal keys wins, a
 * missing field is NULL. Stricter than Flink: what does not fit (an integer out of range, a decimal with too
 * many digits, NULL in a NOT NULL column) makes the record bad.
 *
 * A list's length is known only behind it, so elements are appended one by one with column_start_list (which doubles
 * the room) and the view is set at the end. */
#include "json.h"

#include <math.h>
#include <stdio.h>

/* ---- faults ---- */

/* "bid.prices[]" */
static void put_path(const struct json_field *f, char *out, size_t cap, size_t *len)
{
    if (f->parent)
        put_path(f->parent, out, cap, len);
    int n = f->name.ptr ? snprintf(out + *len, cap - *len, "%s%.*s", f->parent ? "." : "",
                                   f->name.len < 60 ? (int)f->name.len : 60, f->name.ptr)
                        : snprintf(out + *len, cap - *len, "[]");
    *len = n < 0 || (size_t)n >= cap - *len ? cap - 1 : *len + (size_t)n;
}

static enum taken fault(struct json_decoder *d, const struct json_field *f, const char *at, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static enum taken fault(struct json_decoder *d, const struct json_field *f, const char *at, const char *fmt, ...)
{
    char path[128] = "", what[160];
    size_t len = 0;
    if (f)
        put_path(f, path, sizeof path, &len);
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    if (f)
        snprintf(d->reason, sizeof d->reason, "field '%.60s': %.120s", path, what);
    else
        snprintf(d->reason, sizeof d->reason, "%s", what);
    d->fault_at = at;
    return TAKEN_BAD;
}

static enum taken json_fault(struct json_decoder *d, const struct json *j)
{
    return fault(d, NULL, j->at, "not JSON: %s", j->fault ? j->fault : "unexpected text");
}

static enum taken no_memory(struct json_decoder *d)
{
    d->memory = true;
    return TAKEN_MEMORY;
}

/* A value that does not fit its type: "'abc' is no BIGINT". */
static enum taken misfit(struct json_decoder *d, const struct json_field *f, struct str raw)
{
    char name[64];
    struct buf text;
    buf_init(&text, NULL, 256);
    bool named = type_print(&text, f->type);
    snprintf(name, sizeof name, "%.*s", named ? (int)text.len : 4, named ? (const char *)text.data : "type");
    buf_release(&text);
    return fault(d, f, raw.ptr, "%.*s%s is no %s", raw.len < 40 ? (int)raw.len : 40, raw.ptr,
                 raw.len < 40 ? "" : "…", name);
}

/* ---- null and missing ---- */

static void null_inside(struct json_field *f, uint32_t row)
{
    column_nulls(f->col, f->col->cap)[row] = 1;
    for (uint32_t i = 0; f->node && i < f->node->n_fields; i++)
        null_inside(&f->node->fields[i], row);
}

enum taken json_take_null(struct json_decoder *d, struct json_field *f, uint32_t row, const char *at)
{
    if (!f->type->nullable)
        return fault(d, f, at, "NULL, but the column is NOT NULL");
    if (f->in_list) {
        null_inside(f, row);
        return TAKEN;
    }
    f->nulls = column_nulls(f->col, f->col->cap);
    f->nulls[row] = 1;
    return TAKEN;
}

enum taken json_take_missing(struct json_decoder *d, struct json_field *f, uint32_t row, const char *at)
{
    if (d->settings.fail_missing)
        return fault(d, f, at, "is missing");
    if (!f->needed)
        return TAKEN;
    if (!f->type->nullable)
        return fault(d, f, at, "is missing, but the column is NOT NULL");
    return json_take_null(d, f, row, at);
}

enum taken json_take_absent(struct json_decoder *d, struct json_node *n, uint32_t row, const char *at)
{
    for (uint32_t i = 0; i < n->n_fields; i++) {
        if (json_bit(n->seen, i))
            continue;
        enum taken t = json_take_missing(d, &n->fields[i], row, at);
        if (t != TAKEN)
            return t;
    }
    return TAKEN;
}

/* ---- text ---- */

static bool in_chunk(const struct json_decoder *d, struct str s)
{
    if (!d->chunk)
        return false;
    uintptr_t base = (uintptr_t)d->chunk->data, at = (uintptr_t)s.ptr;
    return at >= base && at + s.len <= base + d->chunk->cap;
}

/* Bytes of the record as they are: inline, or a view into the chunk. */
static enum taken put_bytes(struct json_decoder *d, struct json_field *f, uint32_t row, struct str s)
{
    if (s.len <= 12 || !in_chunk(d, s))
        return column_set_str(f->col, row, s.ptr, s.len) ? TAKEN : no_memory(d);
    uint32_t buffer = column_share(f->col, d->chunk);
    if (buffer == UINT32_MAX)
        return no_memory(d);
    struct strview v = { .len = (uint32_t)s.len,
                         .ref = { .buffer = buffer, .offset = (uint32_t)((const uint8_t *)s.ptr - d->chunk->data) } };
    memcpy(v.ref.prefix, s.ptr, 4);
    f->col->str[row] = v;
    return TAKEN;
}

/* Unescaped into the scratch buffer; ptr NULL when memory is refused. */
static struct str plain(struct json_decoder *d, struct str raw, bool escaped)
{
    if (!escaped)
        return raw;
    buf_clear(&d->scratch);
    if (!buf_reserve(&d->scratch, raw.len + 1)) {
        d->memory = true;
        return (struct str){ 0 };
    }
    size_t n = json_unescape(raw, (char *)d->scratch.data);
    return str_make(d->scratch.data, n);
}

/* A value's JSON text without the white space between its parts. */
static enum taken put_json_text(struct json_decoder *d, struct json_field *f, uint32_t row, struct str raw)
{
    buf_clear(&d->scratch);
    if (!buf_reserve(&d->scratch, raw.len + 1))
        return no_memory(d);
    bool quoted = false;
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (!quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
            continue;
        d->scratch.data[n++] = (uint8_t)c;
        if (quoted && c == '\\' && i + 1 < raw.len)
            d->scratch.data[n++] = (uint8_t)raw.ptr[++i];
        else if (c == '"')
            quoted = !quoted;
    }
    return column_set_str(f->col, row, d->scratch.data, n) ? TAKEN : no_memory(d);
}

static enum taken take_text(struct json_decoder *d, struct json_field *f, uint32_t row, struct json *j,
                            enum json_kind kind)
{
    struct str raw;
    bool escaped;
    if (kind != JSON_STRING) {
        if (!json_skip(j, &raw))
            return json_fault(d, j);
        return kind == JSON_OBJECT || kind == JSON_ARRAY ? put_json_text(d, f, row, raw) : put_bytes(d, f, row, raw);
    }
    if (!json_string(j, &raw, &escaped))
        return json_fault(d, j);
    if (!escaped)
        return put_bytes(d, f, row, raw);
    struct str s = plain(d, raw, escaped);
    return s.ptr && column_set_str(f->col, row, s.ptr, s.len) ? TAKEN : no_memory(d);
}

/* Any value in JSON's one form; of equal names the last counts, as it does in this format. */
static enum taken take_variant(struct json_decoder *d, struct json_field *f, uint32_t row, struct json *j)
{
    buf_clear(&d->scratch);
    if (!json_canonical(&d->canon, &d->scratch, j, true))
        return d->canon.memory ? no_memory(d) : json_fault(d, j);
    return column_set_str(f->col, row, d->scratch.data, d->scratch.len) ? TAKEN : no_memory(d);
}

/* ---- scalars ---- */

static bool put_number(const struct json_decoder *d, struct json_field *f, uint32_t row, struct str raw, bool integer)
{
    const struct type *t = f->type;
    int64_t v;
    double real;
    int128 decimal;
    switch (t->kind) {
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_INTERVAL_MONTH:
    case TYPE_INTERVAL_DAY:
        if (!integer) { /* cut, as Flink does */
            if (d->settings.whole || !text_to_f64(raw, &real) || !(fabs(real) < 9.2e18))
                return false;
            v = (int64_t)real;
        } else if (!text_to_i64(raw, &v)) {
            return false;
        }
        return value_put_integer(t, f->col, row, v) == TAKEN;
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        if (!text_to_f64(raw, &real))
            return false;
        if (t->kind == TYPE_FLOAT)
            f->col->f32[row] = (float)real;
        else
            f->col->f64[row] = real;
        return true;
    case TYPE_DECIMAL:
        if (!decimal_parse(raw, t->precision, t->scale, &decimal))
            return false;
        decimal_put(t, f->col->data, row, decimal);
        return true;
    default:
        return false;
    }
}

static enum taken take_scalar(struct json_decoder *d, struct json_field *f, uint32_t row, struct json *j,
                              enum json_kind kind)
{
    struct str raw;
    bool flag;
    const char *start = j->at;
    switch (kind) {
    case JSON_NUMBER:
        if (!json_number(j, &raw, &flag))
            return json_fault(d, j);
        return put_number(d, f, row, raw, flag) ? TAKEN : misfit(d, f, raw);
    case JSON_STRING: {
        if (!json_string(j, &raw, &flag))
            return json_fault(d, j);
        struct str s = plain(d, raw, flag);
        enum taken t = s.ptr ? value_from_text(&d->settings.rules, f->type, f->col, row, s) : TAKEN_MEMORY;
        if (t == TAKEN_MEMORY)
            return no_memory(d);
        return t == TAKEN ? t : misfit(d, f, str_make(start, (size_t)(j->at - start)));
    }
    default:
        if (!json_skip(j, &raw))
            return json_fault(d, j);
        if (f->type->kind != TYPE_BOOLEAN || (kind != JSON_TRUE && kind != JSON_FALSE))
            return misfit(d, f, raw);
        f->col->b[row] = kind == JSON_TRUE;
        return TAKEN;
    }
}

/* ---- lists ---- */

static enum taken take_array(struct json_decoder *d, struct json_field *f, uint32_t row, struct json *j)
{
    struct column *c = f->col;
    uint32_t first, at, n = 0;
    if (!json_enter(j))
        return json_fault(d, j);
    if (!column_start_list(c, row, 0, &first))
        return no_memory(d);
    for (; json_element(j); n++) {
        if (!column_start_list(c, row, 1, &at))
            return no_memory(d);
        enum taken t = json_take(d, f->inside, at, j);
        if (t != TAKEN)
            return t;
    }
    if (j->fault)
        return json_fault(d, j);
    c->list[row] = (struct listview){ first, n };
    return TAKEN;
}

/* The key into child 0, from its text. */
static enum taken put_key(struct json_decoder *d, struct json_field *f, uint32_t at, struct str raw, bool escaped)
{
    struct json_field *k = &f->inside[0];
    struct str s = plain(d, raw, escaped);
    if (!s.ptr)
        return TAKEN_MEMORY;
    if (k->col->nulls)
        k->col->nulls[at] = 0;
    if (type_is_text(k->type)) {
        if (!escaped)
            return put_bytes(d, k, at, s);
        return column_set_str(k->col, at, s.ptr, s.len) ? TAKEN : no_memory(d);
    }
    enum taken t = value_from_text(&d->settings.rules, k->type, k->col, at, s);
    return t == TAKEN_BAD ? misfit(d, k, raw) : t == TAKEN_MEMORY ? no_memory(d) : t;
}

/* A row of the list from `first` on that has the same key as row `at`, or UINT32_MAX: the last of two equal keys
 * wins. */
static uint32_t same_key(const struct column *keys, uint32_t first, uint32_t at)
{
    for (uint32_t i = first; i < at; i++)
        if (column_equal(keys, i, keys, at))
            return i;
    return UINT32_MAX;
}

/* Larger maps than this keep equal keys as they come: finding them is quadratic. */
#define MAP_KEYS_COMPARED 256u

static enum taken take_map(struct json_decoder *d, struct json_field *f, uint32_t row, struct json *j)
{
    struct column *c = f->col;
    bool multiset = f->type->kind == TYPE_MULTISET;
    struct json_field count = { .name = STR("count"), .parent = f, .type = type_basic(TYPE_INT), .phys = PHYS_I32,
                                .col = &c->children[1], .in_list = true };
    struct json_field *value = multiset ? &count : &f->inside[1];
    uint32_t first, at, n = 0;
    struct str key;
    bool escaped;
    if (!json_enter(j))
        return json_fault(d, j);
    if (!column_start_list(c, row, 0, &first))
        return no_memory(d);
    while (json_member(j, &key, &escaped)) {
        if (!column_start_list(c, row, 1, &at))
            return no_memory(d);
        enum taken t = put_key(d, f, at, key, escaped);
        if (t != TAKEN)
            return t;
        uint32_t same = n < MAP_KEYS_COMPARED ? same_key(&c->children[0], first, at) : UINT32_MAX;
        t = json_take(d, value, same == UINT32_MAX ? at : same, j);
        if (t != TAKEN)
            return t;
        if (multiset && column_is_null(&c->children[1], same == UINT32_MAX ? at : same))
            return fault(d, f, j->at, "a MULTISET's count is NULL");
        if (same == UINT32_MAX)
            n++;
        else
            c->children[0].rows = c->children[1].rows = at; /* the new pair is not wanted */
    }
    if (j->fault)
        return json_fault(d, j);
    c->list[row] = (struct listview){ first, n };
    return TAKEN;
}

/* ---- rows ---- */

/* Columns by position: for `[1, "a"]`. */
static enum taken take_positions(struct json_decoder *d, struct json_node *n, uint32_t row, struct json *j)
{
    uint32_t i = 0;
    if (!json_enter(j))
        return json_fault(d, j);
    for (; json_element(j); i++) {
        if (i == n->n_fields)
            return fault(d, NULL, j->at, "more than %u values", n->n_fields);
        struct str raw;
        struct json_field *f = &n->fields[i];
        if (f->needed) {
            enum taken t = json_take(d, f, row, j);
            if (t != TAKEN)
                return t;
        } else if (!json_skip(j, &raw)) {
            return json_fault(d, j);
        }
    }
    if (j->fault)
        return json_fault(d, j);
    return i == n->n_fields ? TAKEN : fault(d, NULL, j->at, "%u values instead of %u", i, n->n_fields);
}

static enum taken take_members(struct json_decoder *d, struct json_node *n, uint32_t row, struct json *j)
{
    struct str key, raw;
    bool escaped;
    uint32_t next = 0, missing = n->n_needed;
    if (!json_enter(j))
        return json_fault(d, j);
    json_seen_clear(n);
    while (json_member(j, &key, &escaped)) {
        /* Mostly they come in the schema's order. */
        struct json_field *f = next < n->n_fields && !escaped && str_eq(n->fields[next].name, key)
                                   ? &n->fields[next]
                                   : json_node_find(n, key, escaped);
        if (f) {
            missing -= json_seen(n, f);
            next = f->index + 1;
        }
        if (f && f->needed) {
            enum taken t = json_take(d, f, row, j);
            if (t != TAKEN)
                return t;
        } else if (!json_skip(j, &raw)) {
            return json_fault(d, j);
        }
        if (n->early && missing == 0)
            return TAKEN;
    }
    return j->fault ? json_fault(d, j) : json_take_absent(d, n, row, j->at);
}

static enum taken take_typed(struct json_decoder *d, struct json_field *f, uint32_t row, struct json *j,
                             enum json_kind kind)
{
    struct str raw;
    switch (f->type->kind) {
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        return take_text(d, f, row, j, kind);
    case TYPE_VARIANT:
        return take_variant(d, f, row, j);
    case TYPE_ROW:
        if (kind == JSON_OBJECT)
            return take_members(d, f->node, row, j);
        if (kind == JSON_ARRAY && d->settings.positional)
            return take_positions(d, f->node, row, j);
        break;
    case TYPE_ARRAY:
        if (kind == JSON_ARRAY)
            return take_array(d, f, row, j);
        break;
    case TYPE_MAP:
    case TYPE_MULTISET:
        if (kind == JSON_OBJECT)
            return take_map(d, f, row, j);
        break;
    default:
        return take_scalar(d, f, row, j, kind);
    }
    return json_skip(j, &raw) ? misfit(d, f, raw) : json_fault(d, j);
}

enum taken json_take(struct json_decoder *d, struct json_field *f, uint32_t row, struct json *j)
{
    enum json_kind kind = json_peek(j);
    struct json before = *j;
    enum taken t;
    if (kind == JSON_END)
        return fault(d, NULL, j->at, "not JSON: a value is missing");
    if (kind == JSON_NULL) {
        if (!json_literal(j, JSON_NULL))
            return json_fault(d, j);
        t = json_take_null(d, f, row, before.at);
    } else {
        if (f->col->nulls)
            f->col->nulls[row] = 0;
        t = take_typed(d, f, row, j, kind);
    }
    if (t != TAKEN_BAD || !d->settings.ignore_errors || !f->type->nullable || j->fault)
        return t;
    /* A value that is JSON but does not fit becomes NULL. */
    struct str raw;
    *j = before;
    if (!json_skip(j, &raw))
        return json_fault(d, j);
    return json_take_null(d, f, row, before.at);
}

enum taken json_take_record(struct json_decoder *d, uint32_t row, struct str record)
{
    struct json j;
    struct str raw;
    json_init(&j, record);
    enum json_kind kind = json_peek(&j);
    enum taken t;
    if (kind == JSON_OBJECT)
        t = take_members(d, d->root, row, &j);
    else if (kind == JSON_ARRAY && d->settings.positional)
        t = take_positions(d, d->root, row, &j);
    else if (kind == JSON_END || !json_skip(&j, &raw))
        t = json_fault(d, &j);
    else
        t = fault(d, NULL, record.ptr, "the record is no JSON object");
    if (t == TAKEN && !d->root->early && !json_finish(&j))
        return json_fault(d, &j);
    return t;
}

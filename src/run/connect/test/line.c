/* A line of `input`: an optional row kind, then a JSON array with a value for each physical column.
 *
 * Values follow Flink's json format, leniently as it does: a number may come as text, a text may come as a
 * number, an integer may have a fraction (which is cut). ROW is an object by name or an array by position, MAP
 * an object whose keys are texts of any type, MULTISET an object of element to count, bytes are base64, times
 * are texts. A NULL where the type is NOT NULL does not fit.
 *
 * Values go straight into the batch's next row; on a fault the row is not counted and the next line overwrites
 * it. Recursion follows the type. */
#include "hub.h"

#define UNSET_NULLS(col, row)        \
    do {                             \
        if ((col)->nulls)            \
            (col)->nulls[row] = 0;   \
    } while (0)

struct line {
    struct json json;
    const struct zone *zone;
    struct budget *budget;
    const char *reason;
    const char *place; /* NULL: json.at */
    bool memory;
    struct buf scratch;
};

static bool bad(struct line *l, const char *place, const char *reason)
{
    if (!l->reason) {
        l->reason = reason;
        l->place = place;
    }
    return false;
}

static bool no_memory(struct line *l)
{
    l->memory = true;
    return false;
}

/* ---- scalars from text ---- */

static bool store_integer(const struct type *t, struct column *c, uint32_t row, int64_t v)
{
    static const int64_t least[] = { [TYPE_TINYINT] = INT8_MIN, [TYPE_SMALLINT] = INT16_MIN, [TYPE_INT] = INT32_MIN };
    if (t->kind == TYPE_BIGINT || t->kind == TYPE_INTERVAL_DAY) {
        c->i64[row] = v;
        return true;
    }
    int64_t min = t->kind == TYPE_INTERVAL_MONTH ? INT32_MIN : least[t->kind];
    if (v < min || v > -(min + 1))
        return false;
    c->i32[row] = (int32_t)v;
    return true;
}

static bool integer_text(const struct type *t, struct column *c, uint32_t row, struct str text)
{
    int64_t v;
    double d;
    if (str_to_i64(text, &v))
        return store_integer(t, c, row, v);
    if (!str_to_f64(text, &d) || !(d > -9.2233720368547e18 && d < 9.2233720368547e18))
        return false;
    return store_integer(t, c, row, (int64_t)d);
}

static bool timestamp_text(struct line *l, const struct type *t, struct column *c, uint32_t row, struct str text)
{
    int32_t offset_s = INT32_MIN;
    int64_t v;
    bool ltz = t->kind == TYPE_TIMESTAMP_LTZ;
    if (!timestamp_parse(text, t->precision, &v, ltz ? &offset_s : NULL))
        return false;
    if (ltz) {
        int64_t scale = time_scale(t->precision), ms = time_to_ms(v, t->precision);
        int64_t utc_ms = offset_s == INT32_MIN ? zone_local_to_utc_ms(l->zone, ms) : ms - offset_s * 1000ll;
        v += (utc_ms - ms) * (scale / 1000);
    }
    c->i64[row] = v;
    return true;
}

static bool floating_text(const struct type *t, struct column *c, uint32_t row, struct str text)
{
    double d;
    if (!str_to_f64(text, &d))
        return false;
    if (t->kind == TYPE_FLOAT)
        c->f32[row] = (float)d;
    else
        c->f64[row] = d;
    return true;
}

static bool put_string(struct line *l, const struct type *t, struct column *c, uint32_t row, struct str text)
{
    buf_clear(&l->scratch);
    if (type_is_bytes(t)) {
        if (!buf_reserve(&l->scratch, text.len + 4))
            return no_memory(l);
        if (!base64_decode(&l->scratch, text))
            return bad(l, NULL, "the value is not base64");
        text = buf_str(&l->scratch);
    }
    return column_set_str(c, row, text.len ? text.ptr : "", text.len) || no_memory(l);
}

/* A text (or a number's text) as a value of a type that has no parts. */
static bool put_text(struct line *l, const struct type *t, struct column *c, uint32_t row, struct str text,
                     const char *place)
{
    int128 decimal;
    bool ok = false;
    if (type_phys(t) == PHYS_STRING)
        return put_string(l, t, c, row, text);
    text = str_trim(text);
    switch (t->kind) {
    case TYPE_BOOLEAN:
        ok = str_eq_nocase(text, STR("true")) || str_eq_nocase(text, STR("false"));
        c->b[row] = ok && (text.ptr[0] | 32) == 't';
        break;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_INTERVAL_MONTH:
    case TYPE_INTERVAL_DAY:
        ok = integer_text(t, c, row, text);
        break;
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        ok = floating_text(t, c, row, text);
        break;
    case TYPE_DECIMAL:
        ok = decimal_parse(text, t->precision, t->scale, &decimal);
        if (ok)
            decimal_put(t, c->data, row, decimal);
        break;
    case TYPE_DATE:
        ok = date_parse(text, &c->i32[row]);
        break;
    case TYPE_TIME:
        ok = time_parse(text, &c->i32[row]);
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        ok = timestamp_text(l, t, c, row, text);
        break;
    default:
        break;
    }
    return ok || bad(l, place, "the value does not fit the column's type");
}

/* ---- values ---- */

static bool put_value(struct line *l, const struct type *t, struct column *c, uint32_t row);

/* A JSON string, unescaped. The result may lie in `room`, which the caller releases. */
static bool take_string(struct line *l, struct buf *room, struct str *ret)
{
    struct str raw;
    bool escaped;
    if (!json_string(&l->json, &raw, &escaped))
        return false;
    *ret = raw;
    if (escaped) {
        if (!buf_reserve(room, raw.len + 1))
            return no_memory(l);
        *ret = str_make(room->data, json_unescape(raw, (char *)room->data));
    }
    return true;
}

static bool put_json_string(struct line *l, const struct type *t, struct column *c, uint32_t row)
{
    const char *place = l->json.at;
    struct buf room;
    struct str text;
    buf_init(&room, l->budget, SIZE_MAX / 2);
    bool ok = take_string(l, &room, &text) && put_text(l, t, c, row, text, place);
    buf_release(&room);
    return ok;
}

static bool put_null(struct line *l, const struct type *t, struct column *c, uint32_t row)
{
    if (!t->nullable)
        return bad(l, l->json.at, "NULL for a column that is NOT NULL");
    if (!json_literal(&l->json, JSON_NULL))
        return false;
    column_set_null(c, row);
    for (uint32_t i = 0; t->kind == TYPE_ROW && i < c->n_children; i++)
        column_set_null(&c->children[i], row);
    return true;
}

static bool put_row_array(struct line *l, const struct type *t, struct column *c, uint32_t row)
{
    if (!json_enter(&l->json))
        return false;
    for (uint32_t i = 0; i < t->n_fields; i++) {
        if (!json_element(&l->json))
            return l->json.fault ? false : bad(l, l->json.at, "the array has too few values");
        if (!put_value(l, t->fields[i].type, &c->children[i], row))
            return false;
    }
    if (json_element(&l->json))
        return bad(l, l->json.at, "the array has too many values");
    return l->json.fault == NULL;
}

/* Members that are missing are NULL; unknown ones are passed over. */
static bool put_row_object(struct line *l, const struct type *t, struct column *c, uint32_t row)
{
    struct str key, raw;
    bool escaped;
    for (uint32_t i = 0; i < t->n_fields; i++)
        column_set_null(&c->children[i], row);
    if (!json_enter(&l->json))
        return false;
    while (json_member(&l->json, &key, &escaped)) {
        uint32_t i = 0;
        while (i < t->n_fields && !json_key_equals(key, escaped, t->fields[i].name))
            i++;
        if (i == t->n_fields ? !json_skip(&l->json, &raw) : !put_value(l, t->fields[i].type, &c->children[i], row))
            return false;
    }
    for (uint32_t i = 0; !l->json.fault && i < t->n_fields; i++)
        if (!t->fields[i].type->nullable && column_is_null(&c->children[i], row))
            return bad(l, l->json.at, "NULL for a field that is NOT NULL");
    return l->json.fault == NULL;
}

/* How many members or elements the container at hand has. */
static bool count_parts(struct line *l, bool object, uint32_t *ret)
{
    struct json ahead = l->json;
    struct str key, raw;
    bool escaped;
    uint32_t n = 0;
    bool ok = json_enter(&ahead);
    while (ok && (object ? json_member(&ahead, &key, &escaped) : json_element(&ahead))) {
        ok = json_skip(&ahead, &raw);
        n++;
    }
    *ret = n;
    if (ok && !ahead.fault)
        return true;
    l->json = ahead;
    return false;
}

static bool put_array(struct line *l, const struct type *t, struct column *c, uint32_t row)
{
    uint32_t n, first;
    if (!count_parts(l, false, &n))
        return false;
    if (!column_start_list(c, row, n, &first))
        return no_memory(l);
    if (!json_enter(&l->json))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!json_element(&l->json) || !put_value(l, t->element, &c->children[0], first + i))
            return false;
    return !json_element(&l->json) && !l->json.fault;
}

/* A key's text as a value; a key with parts is a JSON text of its own. */
static bool put_key(struct line *l, const struct type *t, struct column *c, uint32_t row, struct str text)
{
    enum phys p = type_phys(t);
    UNSET_NULLS(c, row);
    if (p != PHYS_ROW && p != PHYS_LIST && p != PHYS_MAP)
        return put_text(l, t, c, row, text, NULL);
    struct json outer = l->json;
    json_init(&l->json, text);
    bool ok = put_value(l, t, c, row) && json_finish(&l->json);
    l->json = outer;
    return ok || bad(l, NULL, "the key does not fit the type of the map's keys");
}

static bool put_map(struct line *l, const struct type *t, struct column *c, uint32_t row)
{
    const struct type *key_type = t->kind == TYPE_MULTISET ? t->element : t->key;
    const struct type *value_type = t->kind == TYPE_MULTISET ? type_basic(TYPE_INT) : t->element;
    uint32_t n, first;
    struct str raw;
    bool escaped;
    if (!count_parts(l, true, &n))
        return false;
    if (!column_start_list(c, row, n, &first))
        return no_memory(l);
    if (!json_enter(&l->json))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct buf room;
        if (!json_member(&l->json, &raw, &escaped))
            return false;
        buf_init(&room, l->budget, SIZE_MAX / 2);
        bool ok = !escaped || buf_reserve(&room, raw.len + 1) || no_memory(l);
        if (ok && escaped)
            raw = str_make(room.data, json_unescape(raw, (char *)room.data));
        ok = ok && put_key(l, key_type, &c->children[0], first + i, raw);
        buf_release(&room);
        if (!ok || !put_value(l, value_type, &c->children[1], first + i))
            return false;
    }
    return !json_member(&l->json, &raw, &escaped) && !l->json.fault;
}

/* Numbers, literals, and containers in a text column: by their own text. */
static bool put_raw(struct line *l, const struct type *t, struct column *c, uint32_t row)
{
    const char *place = l->json.at;
    struct str raw;
    return json_skip(&l->json, &raw) && put_text(l, t, c, row, raw, place);
}

static bool put_value(struct line *l, const struct type *t, struct column *c, uint32_t row)
{
    enum json_kind kind = json_peek(&l->json);
    enum phys p = type_phys(t);
    UNSET_NULLS(c, row);
    if (kind == JSON_NULL)
        return put_null(l, t, c, row);
    if (kind == JSON_OBJECT && p == PHYS_ROW)
        return put_row_object(l, t, c, row);
    if (kind == JSON_OBJECT && p == PHYS_MAP)
        return put_map(l, t, c, row);
    if (kind == JSON_ARRAY && p == PHYS_ROW)
        return put_row_array(l, t, c, row);
    if (kind == JSON_ARRAY && p == PHYS_LIST)
        return put_array(l, t, c, row);
    if (p == PHYS_ROW || p == PHYS_LIST || p == PHYS_MAP)
        return bad(l, l->json.at, "the value does not fit the column's type");
    if (kind == JSON_STRING)
        return put_json_string(l, t, c, row);
    return put_raw(l, t, c, row);
}

/* ---- lines ---- */

static struct str take_kind(struct str line, uint8_t *ret_kind)
{
    *ret_kind = ROW_INSERT;
    struct str rest = str_trim(line);
    for (uint8_t k = ROW_INSERT; k <= ROW_DELETE; k++)
        if (str_starts(rest, str_from(row_kind_name(k))) && rest.len > 2) {
            *ret_kind = k;
            return str_trim(str_make(rest.ptr + 2, rest.len - 2));
        }
    return rest;
}

static bool put_line(struct line *l, struct batch *out)
{
    uint32_t n = out->schema->n_fields;
    if (json_peek(&l->json) != JSON_ARRAY)
        return l->json.fault ? false : bad(l, l->json.at, "a line is a JSON array");
    if (!json_enter(&l->json))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!json_element(&l->json))
            return l->json.fault ? false : bad(l, l->json.at, "the line has fewer values than the table has columns");
        if (!put_value(l, out->schema->fields[i].type, &out->cols[i], out->count))
            return false;
    }
    if (json_element(&l->json))
        return bad(l, l->json.at, "the line has more values than the table has columns");
    return !l->json.fault && json_finish(&l->json);
}

enum status test_parse_line(struct str text, uint32_t kinds, const struct zone *zone, struct batch *out,
                            const char **ret_reason, uint32_t *ret_column, struct error *err)
{
    uint8_t kind;
    struct line l = { .zone = zone, .budget = out->budget };
    struct str rest = take_kind(text, &kind);
    buf_init(&l.scratch, out->budget, SIZE_MAX / 2);
    json_init(&l.json, rest);
    bool ok = (kinds >> kind & 1) ? put_line(&l, out) : bad(&l, text.ptr, "the row's kind is not in 'changelog-mode'");
    buf_release(&l.scratch);
    if (l.memory)
        return connect_memory(out->budget, err);
    if (!ok) {
        const char *place = l.place ? l.place : l.json.at;
        *ret_reason = l.reason ? l.reason : l.json.fault ? l.json.fault : "the line is not JSON";
        *ret_column = place >= text.ptr && place <= text.ptr + text.len ? (uint32_t)(place - text.ptr) + 1 : 0;
        return ST_DATA;
    }
    if (kind != ROW_INSERT || out->kinds)
        batch_kinds(out)[out->count] = kind;
    out->count++;
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

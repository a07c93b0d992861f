/* Functions that make JSON: JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON, JSON_QUOTE.
 *
 * The binder calls JSON_OBJECT(word, key, value, …) and JSON_ARRAY(word, value, …), where `word` is NULL or ABSENT (ON
 * NULL). Resolving sorts an object's members by name, since Flink writes them so, and turns the word into one letter
 * and a letter a value: 'r' what is JSON already (it comes from one of these functions), 'q' anything else. It has to
 * be kept there because a constant value is folded before the rows run, and then is a text like others.
 *
 * Numbers are written as Jackson writes a BigDecimal, into which Flink turns all that are not integers: 1.0E+10. */
#include <math.h>

#include "expr/json_private.h"

/* ---- a value of any type ---- */

static bool put_cell(struct buf *out, const struct column *c, uint32_t row, bool *ret_null_key);

static bool put_cstr(struct buf *out, const char *s) { return buf_put(out, s, strlen(s)); }

/* As LocalDateTime: seconds always, of the fraction what is needed. */
static bool put_timestamp(struct buf *out, const struct type *t, int64_t v)
{
    char text[48];
    size_t n = timestamp_print(v, t->precision, text);
    for (size_t i = 0; i < n; i++)
        if (text[i] == ' ')
            text[i] = 'T';
    if (memchr(text, '.', n)) {
        while (text[n - 1] == '0')
            n--;
        n -= text[n - 1] == '.';
    }
    return buf_put_u8(out, '"') && buf_put(out, text, n) &&
           (t->kind == TYPE_TIMESTAMP || buf_put_u8(out, 'Z')) && buf_put_u8(out, '"');
}

static bool put_float(struct buf *out, double v)
{
    char text[32];
    size_t n = f64_print(v, text);
    if (isfinite(v))
        return json_put_number(out, str_make(text, n));
    return buf_put_u8(out, '"') && buf_put(out, text, n) && buf_put_u8(out, '"');
}

static bool put_decimal(struct buf *out, const struct column *c, uint32_t row)
{
    char text[48];
    size_t n = decimal_print(decimal_get(c->type, c->data, row), c->type->scale, text);
    return json_put_number(out, str_make(text, n));
}

/* The place of the least name after `last` among n; of equal ones the last. UINT32_MAX: no more. */
static uint32_t next_name(const struct column *keys, const struct field *fields, uint32_t first, uint32_t n,
                          const struct str *last)
{
    uint32_t best = UINT32_MAX;
    struct str least = { 0 };
    for (uint32_t i = 0; i < n; i++) {
        struct str name = fields ? fields[i].name : column_str(keys, first + i);
        if (last && json_text_compare(name, *last) <= 0)
            continue;
        if (best == UINT32_MAX || json_text_compare(name, least) <= 0) {
            best = i;
            least = name;
        }
    }
    return best;
}

static bool put_row(struct buf *out, const struct column *c, uint32_t row, bool *ret_null_key)
{
    const struct field *fields = c->type->fields;
    const struct str *last = NULL;
    bool fits = buf_put_u8(out, '{');
    uint32_t i;
    while (fits && (i = next_name(NULL, fields, 0, c->n_children, last)) != UINT32_MAX) {
        fits = (!last || buf_put_u8(out, ',')) && json_put_string(out, fields[i].name) && buf_put_u8(out, ':') &&
               put_cell(out, &c->children[i], row, ret_null_key);
        last = &fields[i].name;
    }
    return fits && buf_put_u8(out, '}');
}

static bool put_map(struct buf *out, const struct column *c, uint32_t row, bool *ret_null_key)
{
    struct listview v = c->list[row];
    struct str last;
    bool any = false, fits = buf_put_u8(out, '{');
    for (uint32_t i = 0; i < v.len; i++)
        if (column_is_null(&c->children[0], v.offset + i))
            *ret_null_key = true;
    uint32_t i;
    while (fits && !*ret_null_key &&
           (i = next_name(&c->children[0], NULL, v.offset, v.len, any ? &last : NULL)) != UINT32_MAX) {
        struct str name = column_str(&c->children[0], v.offset + i);
        fits = (!any || buf_put_u8(out, ',')) && json_put_string(out, name) && buf_put_u8(out, ':') &&
               put_cell(out, &c->children[1], v.offset + i, ret_null_key);
        last = name;
        any = true;
    }
    return fits && buf_put_u8(out, '}');
}

static bool put_list(struct buf *out, const struct column *c, uint32_t row, bool *ret_null_key)
{
    struct listview v = c->list[row];
    bool fits = buf_put_u8(out, '[');
    for (uint32_t i = 0; i < v.len && fits; i++)
        fits = (i == 0 || buf_put_u8(out, ',')) && put_cell(out, &c->children[0], v.offset + i, ret_null_key);
    return fits && buf_put_u8(out, ']');
}

static bool put_bytes(struct buf *out, struct str s)
{
    return buf_put_u8(out, '"') && base64_encode(out, s.ptr, s.len) && buf_put_u8(out, '"');
}

/* *ret_null_key: a MAP has a NULL key, which JSON cannot have. */
static bool put_cell(struct buf *out, const struct column *c, uint32_t row, bool *ret_null_key)
{
    char text[24];
    if (column_is_null(c, row) || c->type->kind == TYPE_NULL)
        return put_cstr(out, "null");
    switch (c->type->kind) {
    case TYPE_BOOLEAN:
        return put_cstr(out, c->b[row] ? "true" : "false");
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
        return buf_put(out, text, i64_print(c->i32[row], text));
    case TYPE_BIGINT:
        return buf_put(out, text, i64_print(c->i64[row], text));
    case TYPE_FLOAT:
        return put_float(out, (double)c->f32[row]);
    case TYPE_DOUBLE:
        return put_float(out, c->f64[row]);
    case TYPE_DECIMAL:
        return put_decimal(out, c, row);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return put_timestamp(out, c->type, c->i64[row]);
    case TYPE_BINARY:
    case TYPE_VARBINARY:
        return put_bytes(out, column_str(c, row));
    case TYPE_VARIANT:
        return variant_print(out, column_str(c, row));
    case TYPE_ROW:
        return put_row(out, c, row, ret_null_key);
    case TYPE_ARRAY:
        return put_list(out, c, row, ret_null_key);
    case TYPE_MAP:
    case TYPE_MULTISET:
        return put_map(out, c, row, ret_null_key);
    default:
        return json_put_string(out, column_str(c, row));
    }
}

/* What Flink has no JSON for: dates, times, intervals, maps by something else than text. */
static const struct type *without_json(const struct type *t)
{
    const struct type *bad = NULL;
    switch (t->kind) {
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_INTERVAL_MONTH:
    case TYPE_INTERVAL_DAY:
        return t;
    case TYPE_ROW:
        for (uint32_t i = 0; i < t->n_fields && !bad; i++)
            bad = without_json(t->fields[i].type);
        return bad;
    case TYPE_ARRAY:
        return without_json(t->element);
    case TYPE_MAP:
        return type_is_text(t->key) ? without_json(t->element) : t;
    case TYPE_MULTISET:
        return type_is_text(t->element) ? NULL : t;
    default:
        return NULL;
    }
}

static enum status check_value(struct call *c, uint32_t i)
{
    const struct type *bad = without_json(c->args[i]->type);
    if (!bad)
        return ST_OK;
    struct type shown = *bad;
    shown.nullable = true;
    error_at(c->err, ST_SEMANTIC, c->line, c->column, "%s: %.*s cannot be converted into JSON", c->function->name,
             STR_ARG(type_name(c->env->arena, &shown)));
    error_hint(c->err, "CAST(value AS STRING) can");
    return ST_SEMANTIC;
}

static enum status put_arg(struct kernel *k, uint32_t i, uint32_t r, bool raw)
{
    const struct column *c = k->args[i].col;
    uint32_t row = r & k->args[i].mask;
    bool null_key = false;
    if (raw && !column_is_null(c, row)) {
        struct str s = column_str(c, row);
        return buf_put(k->tmp, s.ptr, s.len) ? ST_OK : kernel_memory(k);
    }
    if (!put_cell(k->tmp, c, row, &null_key))
        return kernel_memory(k);
    return null_key ? kernel_fail(k, "a MAP with a NULL key cannot be converted into JSON") : ST_OK;
}

static enum status string_of(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        buf_clear(k->tmp);
        TRY(put_arg(k, 0, r, false));
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}
static enum status resolve_string(struct call *c) { return check_value(c, 0); }

/* ---- JSON_ARRAY, JSON_OBJECT ---- */

static bool is_json_made(const struct expr *e)
{
    static const struct str names[] = { STR_INIT("JSON_OBJECT"), STR_INIT("JSON_ARRAY"), STR_INIT("JSON") };
    for (size_t i = 0; e->kind == EXPR_CALL && i < sizeof names / sizeof names[0]; i++)
        if (str_eq(str_from(e->function->name), names[i]))
            return true;
    return false;
}

/* Argument 0 in letters for the values at from, from + step, … */
static enum status set_letters(struct call *c, uint32_t from, uint32_t step)
{
    struct str word;
    if (c->n_args == 0 || !literal_str(c->args[0], &word))
        return call_invalid(c);
    char *letters = arena_alloc(c->env->arena, c->n_args + 1);
    if (!letters)
        return expr_no_memory(c->env, c->err);
    size_t n = 0;
    letters[n++] = str_eq(word, STR("ABSENT")) ? 'A' : 'N';
    for (uint32_t i = from; i < c->n_args; i += step) {
        letters[n++] = is_json_made(c->args[i]) ? 'r' : 'q';
        TRY(check_value(c, i));
    }
    c->type = type_nullable(c->env->arena, type_string(), false);
    if (!c->type)
        return expr_no_memory(c->env, c->err);
    return expr_string(c->env, str_make(letters, n), &c->args[0], c->err);
}

static enum status resolve_array(struct call *c) { return set_letters(c, 1, 1); }

/* Members by name; stable, so that of equal names the last one stays the last. */
static enum status resolve_object(struct call *c)
{
    struct str key, other;
    if (c->n_args % 2 == 0)
        return call_invalid(c);
    for (uint32_t i = 1; i < c->n_args; i += 2) {
        if (!literal_str(c->args[i], &key))
            return error_at(c->err, ST_SEMANTIC, c->line, c->column, "JSON_OBJECT: a key must be a text literal");
        const struct expr *pair[2] = { c->args[i], c->args[i + 1] };
        uint32_t to = i;
        for (; to > 1 && literal_str(c->args[to - 2], &other) && json_text_compare(other, key) > 0; to -= 2) {
            c->args[to] = c->args[to - 2];
            c->args[to + 1] = c->args[to - 1];
        }
        c->args[to] = pair[0];
        c->args[to + 1] = pair[1];
    }
    return set_letters(c, 2, 2);
}

static enum status json_array(struct kernel *k)
{
    struct str letters;
    (void)literal_str(k->expr->args[0], &letters);
    EACH_ROW(k, r)
    {
        buf_clear(k->tmp);
        bool fits = buf_put_u8(k->tmp, '[');
        for (uint32_t i = 1; i < k->n_args && fits; i++) {
            if (letters.ptr[0] == 'A' && arg_null(k, i, r))
                continue;
            fits = k->tmp->len == 1 || buf_put_u8(k->tmp, ',');
            if (fits)
                TRY(put_arg(k, i, r, letters.ptr[i] == 'r'));
        }
        if (!fits || !buf_put_u8(k->tmp, ']'))
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

static enum status json_object(struct kernel *k)
{
    struct str letters;
    (void)literal_str(k->expr->args[0], &letters);
    EACH_ROW(k, r)
    {
        buf_clear(k->tmp);
        bool fits = buf_put_u8(k->tmp, '{');
        for (uint32_t i = 1; i < k->n_args && fits; i += 2) {
            struct str key = arg_str(k, i, r);
            uint32_t value = letters.ptr[0] == 'A' && arg_null(k, i + 1, r) ? 0 : i + 1;
            for (; i + 2 < k->n_args && str_eq(arg_str(k, i + 2, r), key); i += 2)
                if (letters.ptr[0] != 'A' || !arg_null(k, i + 3, r))
                    value = i + 3;
            if (!value)
                continue;
            fits = (k->tmp->len == 1 || buf_put_u8(k->tmp, ',')) && json_put_string(k->tmp, key) &&
                   buf_put_u8(k->tmp, ':');
            if (fits)
                TRY(put_arg(k, value, r, letters.ptr[value / 2] == 'r'));
        }
        if (!fits || !buf_put_u8(k->tmp, '}'))
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

/* ---- JSON(text), inside of the two above: checked and written anew; blank text is NULL ---- */

static enum status json_text(struct kernel *k)
{
    struct json_work *w;
    TRY(json_work_for(k, &w));
    EACH_ROW(k, r)
    {
        struct str s = str_trim(arg_str(k, 0, r)), raw;
        if (s.len == 0) {
            column_set_null(k->out, r);
            continue;
        }
        if (!json_whole(s, &raw))
            return kernel_fail(k, "Invalid JSON string in JSON(value) function: \"%.*s\"",
                               (int)(s.len > 100 ? 100 : s.len), s.ptr);
        buf_clear(k->tmp);
        if (!json_put_value(&w->arena, k->tmp, raw))
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
        arena_reset(&w->arena);
    }
    return ST_OK;
}

/* ---- JSON_QUOTE: what is not ASCII as \uXXXX of its UTF-16 units; other control characters stay ---- */

static bool quote_one(struct buf *out, uint32_t c)
{
    static const char letters[128] = { ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['\b'] = 'b',
                                       ['\f'] = 'f', ['\n'] = 'n',  ['\r'] = 'r', ['\t'] = 't' };
    if (c < 128 && letters[c])
        return buf_put_u8(out, '\\') && buf_put_u8(out, (uint8_t)letters[c]);
    if (c < 128)
        return buf_put_u8(out, (uint8_t)c);
    if (c < 0x10000)
        return buf_printf(out, "\\u%04x", c);
    c -= 0x10000;
    return buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

static enum status json_quote(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        buf_clear(k->tmp);
        bool fits = buf_put_u8(k->tmp, '"');
        for (size_t at = 0; at < s.len && fits;)
            fits = quote_one(k->tmp, utf8_next(s, &at));
        if (!fits || !buf_put_u8(k->tmp, '"'))
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

const struct function functions_json_make[] = {
    { .name = "JSON_OBJECT",
      .signature = "JSON_OBJECT([[KEY] name VALUE value [, ...]] [{NULL | ABSENT} ON NULL])",
      .help = "A JSON object, its members sorted by name. JSON_OBJECT, JSON_ARRAY and JSON(text) nest.",
      .example = "JSON_OBJECT('a' VALUE 1, 'b' VALUE JSON_ARRAY(1, 'x'))", .flags = FN_NOTNULL,
      .resolve = resolve_object, .kernel = json_object },
    { .name = "JSON_ARRAY", .signature = "JSON_ARRAY([value [, ...]] [{NULL | ABSENT} ON NULL])",
      .help = "A JSON array; NULLs are left out unless NULL ON NULL is said.", .example = "JSON_ARRAY(1, 'x', TRUE)",
      .flags = FN_NOTNULL, .resolve = resolve_array, .kernel = json_array },
    { .name = "JSON", .signature = "JSON(text)",
      .help = "Inside of JSON_OBJECT and JSON_ARRAY: the text is JSON itself.", .example = "JSON_ARRAY(JSON('{}'))",
      .types = "s=s", .flags = FN_STRICT | FN_NULLABLE, .kernel = json_text, .free_state = json_work_free },
    { .name = "JSON_STRING", .signature = "JSON_STRING(value)", .help = "A value as JSON.",
      .example = "JSON_STRING(ARRAY[1, 2])", .types = "a=s", .flags = FN_STRICT, .resolve = resolve_string,
      .kernel = string_of },
    { .name = "JSON_QUOTE", .signature = "JSON_QUOTE(text)", .help = "The text as a JSON string.",
      .example = "JSON_QUOTE('say \"hi\"')", .types = "s=s", .flags = FN_STRICT, .kernel = json_quote },
    { .name = NULL },
};

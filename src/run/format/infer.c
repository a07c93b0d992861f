/* Types out of texts. A guess starts as nothing and widens with each value:
 *
 *   BOOLEAN    BIGINT → DECIMAL(38, 0) → DOUBLE    DATE    TIMESTAMP → TIMESTAMP_LTZ    ROW by fields    ARRAY by elements
 *
 * and everything else to STRING; what is NULL throughout is STRING, too. Whole numbers with a leading zero are text (they
 * are numbers of things that are not counted). The result depends on the values alone, not on their order. */
#include "infer.h"

static bool only(struct str s, const char *letters)
{
    for (size_t i = 0; i < s.len; i++)
        if (!strchr(letters, s.ptr[i]) || !s.ptr[i])
            return false;
    return true;
}

struct guess guess_number(struct str s)
{
    struct guess g = { .kind = GUESS_TEXT };
    struct str digits = str_starts(s, STR("-")) ? str_make(s.ptr + 1, s.len - 1) : s;
    int64_t whole;
    double real;
    if (digits.len == 0 || !only(s, "-0123456789.eE+") || digits.ptr[0] < '0' || digits.ptr[0] > '9')
        return g;
    if (digits.len > 1 && digits.ptr[0] == '0' && digits.ptr[1] >= '0' && digits.ptr[1] <= '9')
        return g;
    if (only(digits, "0123456789"))
        g.kind = str_to_i64(s, &whole) ? GUESS_BIGINT : digits.len <= 38 ? GUESS_DECIMAL : GUESS_DOUBLE;
    else if (text_to_f64(s, &real))
        g.kind = GUESS_DOUBLE;
    return g;
}

/* Digits of a second, as a TIMESTAMP keeps them. */
static int32_t digits_of(struct str s)
{
    const char *point = memchr(s.ptr, '.', s.len);
    int32_t n = 0;
    for (const char *p = point ? point + 1 : s.ptr + s.len; p < s.ptr + s.len && *p >= '0' && *p <= '9'; p++)
        n++;
    return n <= 3 ? 3 : n <= 6 ? 6 : 9;
}

struct guess guess_text(struct str s)
{
    int32_t days;
    int64_t time;
    if (str_eq_nocase(s, STR("true")) || str_eq_nocase(s, STR("false")))
        return (struct guess){ .kind = GUESS_BOOLEAN };
    if (s.len >= 10 && s.ptr[4] == '-' && s.ptr[7] == '-') {
        if (time_text_date(s, &days))
            return (struct guess){ .kind = GUESS_DATE };
        const struct value_rules rules = { .iso = s.len > 10 && s.ptr[10] == 'T' };
        int32_t precision = digits_of(s);
        uint8_t style = rules.iso ? GUESS_ISO : GUESS_SQL;
        if (time_text_timestamp(&rules, s, precision, false, &time))
            return (struct guess){ .kind = GUESS_TIMESTAMP, .precision = precision, .styles = style };
        if (time_text_timestamp(&rules, s, precision, true, &time))
            return (struct guess){ .kind = GUESS_LTZ, .precision = precision, .styles = style };
    }
    return guess_number(s);
}

void guess_widen(struct guess *to, struct guess g)
{
    if (g.kind == GUESS_NOTHING || to->kind == GUESS_TEXT)
        return;
    if (to->kind == GUESS_NOTHING) {
        *to = g;
        return;
    }
    enum guess_kind low = to->kind < g.kind ? to->kind : g.kind, high = to->kind < g.kind ? g.kind : to->kind;
    bool numbers = low >= GUESS_BIGINT && high <= GUESS_DOUBLE;
    bool times = low >= GUESS_TIMESTAMP && high <= GUESS_LTZ;
    if (low != high && !numbers && !times) {
        *to = (struct guess){ .kind = GUESS_TEXT };
        return;
    }
    to->kind = high;
    to->precision = to->precision > g.precision ? to->precision : g.precision;
    to->styles |= g.styles;
}

bool guess_nest(struct guess *to, enum guess_kind kind)
{
    if (to->kind == GUESS_NOTHING)
        to->kind = kind;
    if (to->kind != kind)
        to->kind = GUESS_TEXT;
    return to->kind == kind;
}

struct guess *guess_field_of(struct guess *row, struct str name, uint32_t *at, struct arena *a)
{
    uint32_t n = row->fields.count;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = (*at + i) % n;
        if (str_eq(row->fields.at[k].name, name)) {
            *at = k + 1;
            return &row->fields.at[k].guess;
        }
    }
    struct guess_field *f = n < INFER_COLUMNS_MAX ? array_add(&row->fields, a) : NULL;
    if (!f)
        return NULL;
    *at = n + 1;
    f->name = arena_str(a, name);
    return f->name.ptr ? &f->guess : NULL;
}

static uint8_t styles_of(const struct guess *g)
{
    uint8_t styles = g->kind == GUESS_TIMESTAMP || g->kind == GUESS_LTZ ? g->styles : 0;
    if (g->kind == GUESS_ARRAY && g->element)
        styles |= styles_of(g->element);
    for (uint32_t i = 0; g->kind == GUESS_ROW && i < g->fields.count; i++)
        styles |= styles_of(&g->fields.at[i].guess);
    return styles;
}

static void drop_style(struct guess *g, uint8_t style)
{
    if ((g->kind == GUESS_TIMESTAMP || g->kind == GUESS_LTZ) && (g->styles & style))
        g->kind = GUESS_TEXT;
    if (g->kind == GUESS_ARRAY && g->element)
        drop_style(g->element, style);
    for (uint32_t i = 0; g->kind == GUESS_ROW && i < g->fields.count; i++)
        drop_style(&g->fields.at[i].guess, style);
}

bool guess_settle_times(struct guess *row)
{
    uint8_t styles = styles_of(row);
    if (styles == (GUESS_SQL | GUESS_ISO))
        drop_style(row, GUESS_ISO);
    return styles == GUESS_ISO;
}

static const struct type *row_type(const struct guess *g, struct arena *a)
{
    struct schema s;
    if (g->fields.count == 0)
        return type_string();
    return guess_schema(g, a, &s, NULL) == ST_OK ? type_row(a, s.fields, s.n_fields) : NULL;
}

const struct type *guess_type(const struct guess *g, struct arena *a)
{
    const struct type *element;
    switch (g->kind) {
    case GUESS_BOOLEAN:
        return type_basic(TYPE_BOOLEAN);
    case GUESS_BIGINT:
        return type_basic(TYPE_BIGINT);
    case GUESS_DECIMAL:
        return type_decimal(a, 38, 0);
    case GUESS_DOUBLE:
        return type_basic(TYPE_DOUBLE);
    case GUESS_DATE:
        return type_basic(TYPE_DATE);
    case GUESS_TIMESTAMP:
        return type_timestamp(a, TYPE_TIMESTAMP, g->precision);
    case GUESS_LTZ:
        return type_timestamp(a, TYPE_TIMESTAMP_LTZ, g->precision);
    case GUESS_ARRAY:
        element = g->element ? guess_type(g->element, a) : type_string();
        return element ? type_array(a, element) : NULL;
    case GUESS_ROW:
        return row_type(g, a);
    case GUESS_NOTHING:
    case GUESS_TEXT:
        break;
    }
    return type_string();
}

enum status guess_schema(const struct guess *row, struct arena *a, struct schema *ret, struct error *err)
{
    uint32_t n = row->fields.count;
    struct field *fields = ARENA_ARRAY(a, struct field, n + 1);
    if (!fields)
        return format_memory(a->budget, err);
    for (uint32_t i = 0; i < n; i++) {
        fields[i] = (struct field){ row->fields.at[i].name, guess_type(&row->fields.at[i].guess, a) };
        if (!fields[i].type)
            return format_memory(a->budget, err);
    }
    *ret = (struct schema){ fields, n };
    return ST_OK;
}

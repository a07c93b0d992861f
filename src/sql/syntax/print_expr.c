/* Expressions, types and names in canonical form: one space between words, keywords in upper case, and
 * only the parentheses that the precedences need. The tree's height is bounded, so recursion is. */
#include "syntax/parser.h"
#include "syntax/print.h"

/* ---- names and text ---- */

/* May the name stand without backticks, that is: does the lexer read it back as the same ordinary word? */
static bool is_bare(struct str s)
{
    enum word w = word_find(s);
    if (w != NO_WORD && !(word_flags(w) & BARE))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '$')))
            return false;
    }
    return s.len > 0;
}

static bool put_doubled(struct buf *out, struct str s, char quote)
{
    bool ok = buf_put_u8(out, (uint8_t)quote);
    for (size_t i = 0; ok && i < s.len;) {
        const char *next = memchr(s.ptr + i, quote, s.len - i);
        size_t run = next ? (size_t)(next - s.ptr) + 1 - i : s.len - i;
        ok = buf_put(out, s.ptr + i, run) && (!next || buf_put_u8(out, (uint8_t)quote));
        i += run;
    }
    return ok && buf_put_u8(out, (uint8_t)quote);
}

bool print_name_part(struct buf *out, struct str s)
{
    return is_bare(s) ? put_str(out, s) : put_doubled(out, s, '`');
}

bool print_name(struct buf *out, const struct syn_name *n)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < n->count; i++)
        ok = put_if(out, i > 0, ".") && print_name_part(out, n->parts[i]);
    return ok;
}

bool print_names(struct buf *out, const struct str *names, uint32_t n)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++)
        ok = put_comma(out, i) && print_name_part(out, names[i]);
    return ok;
}

/* A NUL cannot stand in a text as itself, so that text takes the form with escapes. */
bool print_string(struct buf *out, struct str s)
{
    if (s.len == 0 || !memchr(s.ptr, 0, s.len))
        return put_doubled(out, s, '\'');
    bool ok = put(out, "U&'");
    for (size_t i = 0; ok && i < s.len; i++)
        switch (s.ptr[i]) {
        case 0:
            ok = put(out, "\\0000");
            break;
        case '\'':
            ok = put(out, "''");
            break;
        case '\\':
            ok = put(out, "\\\\");
            break;
        default:
            ok = buf_put_u8(out, (uint8_t)s.ptr[i]);
        }
    return ok && put(out, "'");
}

/* ---- types ---- */

bool print_fields(struct buf *out, const struct syn_field *fields, uint32_t n, const char *comment)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++) {
        ok = put_comma(out, i) && print_name_part(out, fields[i].name) && put(out, " ") &&
             syn_print_type(out, fields[i].type);
        if (ok && fields[i].comment.ptr)
            ok = put(out, comment) && print_string(out, fields[i].comment);
    }
    return ok;
}

static bool print_interval_units(struct buf *out, const struct syn_type *t)
{
    bool ok = put_str(out, t->unit_from);
    bool to = t->unit_to.len > 0;
    if (ok && t->p >= 0)
        ok = t->s >= 0 && !to ? buf_printf(out, "(%d, %d)", t->p, t->s) : buf_printf(out, "(%d)", t->p);
    if (ok && to)
        ok = put(out, " TO ") && put_str(out, t->unit_to) && (t->s < 0 || buf_printf(out, "(%d)", t->s));
    return ok;
}

static bool print_type_params(struct buf *out, const struct syn_type *t)
{
    if (t->p < 0)
        return true;
    return t->s >= 0 ? buf_printf(out, "(%d, %d)", t->p, t->s) : buf_printf(out, "(%d)", t->p);
}

static bool print_bare_type(struct buf *out, const struct syn_type *t)
{
    if (str_eq(t->name, STR("INTERVAL")))
        return put(out, "INTERVAL ") && print_interval_units(out, t);
    if (str_eq(t->name, STR("TIMESTAMP_TZ")))
        return put(out, "TIMESTAMP") && print_type_params(out, t) && put(out, " WITH TIME ZONE");
    if (str_eq(t->name, STR("RAW")))
        return put(out, "RAW(") && print_string(out, t->class_name) && put(out, ", ") &&
               print_string(out, t->serializer) && put(out, ")");
    if (str_eq(t->name, STR("STRUCTURED")))
        return put(out, "STRUCTURED<") && print_string(out, t->class_name) && put_if(out, t->n_fields > 0, ", ") &&
               print_fields(out, t->fields, t->n_fields, " ") && put(out, ">");
    if (str_eq(t->name, STR("ROW")))
        return put(out, "ROW<") && print_fields(out, t->fields, t->n_fields, " ") && put(out, ">");
    if (!t->element)
        return put_str(out, t->name) && print_type_params(out, t);
    bool ok = put_str(out, t->name) && put(out, "<");
    if (ok && t->key)
        ok = syn_print_type(out, t->key) && put(out, ", ");
    return ok && syn_print_type(out, t->element) && put(out, ">");
}

bool syn_print_type(struct buf *out, const struct syn_type *t)
{
    return print_bare_type(out, t) && put_if(out, t->not_null, " NOT NULL");
}

/* ---- lists ---- */

bool print_exprs(struct buf *out, struct syn_expr *const *list, uint32_t n)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++)
        ok = put_comma(out, i) && syn_print_expr(out, list[i]);
    return ok;
}

bool print_orders(struct buf *out, const struct syn_order *order, uint32_t n)
{
    static const char *const nulls[] = { "", " NULLS FIRST", " NULLS LAST" };
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++)
        ok = put_comma(out, i) && syn_print_expr(out, order[i].expr) && put_if(out, order[i].descending, " DESC") &&
             put(out, nulls[order[i].nulls]);
    return ok;
}

static bool print_bound(struct buf *out, enum syn_bound bound, const struct syn_expr *value)
{
    static const char *const texts[] = { "UNBOUNDED PRECEDING", " PRECEDING", "CURRENT ROW", " FOLLOWING",
                                         "UNBOUNDED FOLLOWING" };
    return (!value || syn_print_expr(out, value)) && put(out, texts[bound]);
}

/* The inside of the parentheses. */
bool print_window_spec(struct buf *out, const struct syn_over *o)
{
    const char *gap = "";
    bool ok = true;
    if (o->window_name.ptr) {
        ok = print_name_part(out, o->window_name);
        gap = " ";
    }
    if (ok && o->n_partition) {
        ok = put(out, gap) && put(out, "PARTITION BY ") && print_exprs(out, o->partition, o->n_partition);
        gap = " ";
    }
    if (ok && o->n_order) {
        ok = put(out, gap) && put(out, "ORDER BY ") && print_orders(out, o->order, o->n_order);
        gap = " ";
    }
    const struct syn_window_frame *f = &o->frame;
    if (!ok || !f->present)
        return ok;
    return put(out, gap) && put(out, f->rows ? "ROWS " : "RANGE ") && put_if(out, f->between, "BETWEEN ") &&
           print_bound(out, f->start, f->start_value) &&
           (!f->between || (put(out, " AND ") && print_bound(out, f->end, f->end_value)));
}

bool print_over(struct buf *out, const struct syn_over *o)
{
    if (o->window_name.ptr && !o->n_partition && !o->n_order && !o->frame.present)
        return print_name_part(out, o->window_name);
    return put(out, "(") && print_window_spec(out, o) && put(out, ")");
}

/* ---- operators ---- */

static int binary_level(struct str op)
{
    static const struct {
        struct str op;
        int level;
    } levels[] = {
        { STR_INIT("OR"), LEVEL_OR },          { STR_INIT("AND"), LEVEL_AND },      { STR_INIT("="), LEVEL_COMPARE },
        { STR_INIT("<>"), LEVEL_COMPARE },     { STR_INIT("!="), LEVEL_COMPARE },   { STR_INIT("<"), LEVEL_COMPARE },
        { STR_INIT("<="), LEVEL_COMPARE },     { STR_INIT(">"), LEVEL_COMPARE },    { STR_INIT(">="), LEVEL_COMPARE },
        { STR_INIT("+"), LEVEL_ADD },          { STR_INIT("-"), LEVEL_ADD },        { STR_INIT("*"), LEVEL_MULTIPLY },
        { STR_INIT("/"), LEVEL_MULTIPLY },     { STR_INIT("%"), LEVEL_MULTIPLY },   { STR_INIT("||"), LEVEL_MULTIPLY },
    };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (str_eq(op, levels[i].op))
            return levels[i].level;
    return LEVEL_BETWEEN; /* the predicates of periods and multisets */
}

static int level_of(const struct syn_expr *e)
{
    switch (e->kind) {
    case SYN_BINARY_OP:
        return e->type ? LEVEL_PRIMARY : binary_level(e->text);
    case SYN_UNARY:
        return str_eq(e->text, STR("NOT")) ? LEVEL_NOT : LEVEL_SIGN;
    case SYN_IS:
        return str_eq(e->text, STR("DISTINCT FROM")) ? LEVEL_COMPARE : LEVEL_IS;
    case SYN_QUANTIFIED:
        return LEVEL_COMPARE;
    case SYN_BETWEEN:
    case SYN_IN:
    case SYN_LIKE:
        return LEVEL_BETWEEN;
    default:
        return LEVEL_PRIMARY;
    }
}

/* The operand list of IN and of = ANY. */
static bool print_in_operand(struct buf *out, const struct syn_expr *e)
{
    bool ok = put(out, "(");
    ok = ok && (e->query ? syn_print_query(out, e->query) : print_exprs(out, e->args + 1, e->n_args - 1));
    return ok && put(out, ")");
}

static bool print_predicate(struct buf *out, const struct syn_expr *e)
{
    const char *not = e->flag ? " NOT" : "";
    if (!print_expr_level(out, e->args[0], LEVEL_BETWEEN))
        return false;
    if (e->kind == SYN_IN)
        return put(out, not) && put(out, " IN ") && print_in_operand(out, e);
    if (e->kind == SYN_BETWEEN)
        return put(out, not) && put(out, " BETWEEN ") && put_if(out, e->text.len > 0, "SYMMETRIC ") &&
               print_expr_level(out, e->args[1], LEVEL_BETWEEN + 1) && put(out, " AND ") &&
               print_expr_level(out, e->args[2], LEVEL_BETWEEN + 1);
    return put(out, not) && put(out, " ") && put_str(out, e->text) && put(out, " ") &&
           print_expr_level(out, e->args[1], LEVEL_BETWEEN + 1) &&
           (e->n_args < 3 || (put(out, " ESCAPE ") && print_expr_level(out, e->args[2], LEVEL_BETWEEN + 1)));
}

static bool print_operator(struct buf *out, const struct syn_expr *e)
{
    int level = level_of(e);
    switch (e->kind) {
    case SYN_UNARY:
        if (level == LEVEL_NOT)
            return put(out, "NOT ") && print_expr_level(out, e->args[0], LEVEL_NOT);
        return put_str(out, e->text) && print_expr_level(out, e->args[0], LEVEL_SIGN + 1); /* never "--" */
    case SYN_BINARY_OP:
        if (e->type) /* (a - b) DAY */
            level = binary_level(e->text);
        return put_if(out, e->type != NULL, "(") && print_expr_level(out, e->args[0], level) && put(out, " ") &&
               put_str(out, e->text) && put(out, " ") && print_expr_level(out, e->args[1], level + 1) &&
               (!e->type || (put(out, ") ") && print_interval_units(out, e->type)));
    case SYN_QUANTIFIED:
        return print_expr_level(out, e->args[0], level) && put(out, " ") && put_str(out, e->text) && put(out, " ") &&
               put_str(out, e->name.parts[0]) && put(out, " ") && print_in_operand(out, e);
    case SYN_IS:
        return print_expr_level(out, e->args[0], level) && put(out, e->flag ? " IS NOT " : " IS ") &&
               put_str(out, e->text) &&
               (e->n_args < 2 || (put(out, " ") && print_expr_level(out, e->args[1], level + 1)));
    default:
        return print_predicate(out, e);
    }
}

/* ---- operands ---- */

/* x of x[i] and x.f: a name may have brackets behind it, but a dot would become part of it; a call whose
 * tail ends in a name (OVER w) neither. */
static bool print_base(struct buf *out, const struct syn_expr *x, bool field)
{
    bool bare = x->kind == SYN_INDEX || x->kind == SYN_FIELD || x->kind == SYN_ARRAY || x->kind == SYN_MAP ||
                (x->kind == SYN_COLUMN && !field) || (x->kind == SYN_CALL && !x->flag && !x->over && !x->semantics);
    return bare ? syn_print_expr(out, x) : put(out, "(") && syn_print_expr(out, x) && put(out, ")");
}

static bool print_case(struct buf *out, const struct syn_expr *e)
{
    uint32_t i = 0, end = e->n_args - (e->text.len > 0);
    bool ok = put(out, "CASE");
    if (ok && e->flag)
        ok = put(out, " ") && syn_print_expr(out, e->args[i++]);
    for (; ok && i + 1 < end; i += 2)
        ok = put(out, " WHEN ") && syn_print_expr(out, e->args[i]) && put(out, " THEN ") &&
             syn_print_expr(out, e->args[i + 1]);
    if (ok && e->text.len > 0)
        ok = put(out, " ELSE ") && syn_print_expr(out, e->args[end]);
    return ok && put(out, " END");
}

static bool print_constructor(struct buf *out, const struct syn_expr *e, const char *name)
{
    if (e->query)
        return put(out, name) && put(out, "(") && syn_print_query(out, e->query) && put(out, ")");
    return put(out, name) && put(out, "[") && print_exprs(out, e->args, e->n_args) && put(out, "]");
}

static bool print_table_arg(struct buf *out, const struct syn_expr *e)
{
    bool ok = put(out, "TABLE");
    if (e->query)
        ok = ok && put(out, "(") && syn_print_query(out, e->query) && put(out, ")");
    else
        ok = ok && put(out, " ") && print_name(out, &e->name);
    if (ok && e->n_partition)
        ok = put(out, " PARTITION BY (") && print_exprs(out, e->partition, e->n_partition) && put(out, ")");
    if (ok && e->n_order)
        ok = put(out, " ORDER BY (") && print_orders(out, e->order, e->n_order) && put(out, ")");
    return ok;
}

static bool print_literal(struct buf *out, const char *prefix, const struct syn_expr *e)
{
    return put(out, prefix) && print_string(out, e->text);
}

static bool print_operand(struct buf *out, const struct syn_expr *e)
{
    static const char *const constants[] = { [SYN_NULL] = "NULL",   [SYN_TRUE] = "TRUE",       [SYN_FALSE] = "FALSE",
                                             [SYN_UNKNOWN] = "UNKNOWN", [SYN_DEFAULT] = "DEFAULT" };
    switch (e->kind) {
    case SYN_NULL:
    case SYN_TRUE:
    case SYN_FALSE:
    case SYN_UNKNOWN:
    case SYN_DEFAULT:
        return put(out, constants[e->kind]);
    case SYN_NUMBER:
    case SYN_WORD:
        return put_str(out, e->text);
    case SYN_STRING:
        return print_literal(out, "", e);
    case SYN_BINARY:
        return print_literal(out, "X", e);
    case SYN_DATE:
        return print_literal(out, "DATE ", e);
    case SYN_TIME:
        return print_literal(out, "TIME ", e);
    case SYN_TIMESTAMP:
        return print_literal(out, "TIMESTAMP ", e);
    case SYN_INTERVAL:
        return print_literal(out, e->flag ? "INTERVAL -" : "INTERVAL ", e) && put(out, " ") &&
               print_interval_units(out, e->type);
    case SYN_COLUMN:
        return print_name(out, &e->name);
    case SYN_STAR:
        return (e->name.count == 0 || (print_name(out, &e->name) && put(out, "."))) && put(out, "*");
    case SYN_FIELD:
        return print_base(out, e->args[0], true) && put(out, ".") && print_name_part(out, e->text);
    case SYN_INDEX:
        return print_base(out, e->args[0], false) && put(out, "[") && syn_print_expr(out, e->args[1]) && put(out, "]");
    case SYN_EXISTS:
    case SYN_SUBQUERY:
        return put(out, e->kind == SYN_EXISTS ? "EXISTS (" : "(") && syn_print_query(out, e->query) && put(out, ")");
    case SYN_CASE:
        return print_case(out, e);
    case SYN_CAST:
        return put_str(out, e->text) && put(out, "(") && syn_print_expr(out, e->args[0]) && put(out, " AS ") &&
               syn_print_type(out, e->type) && put(out, ")");
    case SYN_CALL:
        return print_call(out, e);
    case SYN_TYPE:
        return syn_print_type(out, e->type);
    case SYN_ROW:
        return put_if(out, !e->flag, "ROW") && put(out, "(") && print_exprs(out, e->args, e->n_args) && put(out, ")");
    case SYN_ARRAY:
        return print_constructor(out, e, "ARRAY");
    case SYN_MAP:
        return print_constructor(out, e, "MAP");
    case SYN_MULTISET:
        return print_constructor(out, e, "MULTISET");
    case SYN_DESCRIPTOR:
        return put(out, "DESCRIPTOR(") && print_exprs(out, e->args, e->n_args) && put(out, ")");
    case SYN_NAMED_ARG:
        return print_name_part(out, e->text) && put(out, " => ") && syn_print_expr(out, e->args[0]);
    case SYN_TABLE_ARG:
        return print_table_arg(out, e);
    case SYN_MODEL_ARG:
        return put(out, "MODEL ") && print_name(out, &e->name);
    case SYN_PATTERN:
        return print_pattern(out, e);
    default:
        return print_operator(out, e);
    }
}

bool print_expr_level(struct buf *out, const struct syn_expr *e, int level)
{
    if (level_of(e) >= level)
        return print_operand(out, e);
    return put(out, "(") && print_operand(out, e) && put(out, ")");
}

bool syn_print_expr(struct buf *out, const struct syn_expr *e)
{
    return print_operand(out, e);
}

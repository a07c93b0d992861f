/* Trees as text, for EXPLAIN and fingerprints: SQL as far as it goes, every operand of an operator that is an operator
 * itself in parentheses, literals as SQL writes them. */
#include "expr/expr_private.h"

static bool put(struct buf *out, const char *s) { return buf_put(out, s, strlen(s)); }

static bool print_quoted(struct buf *out, struct str s)
{
    if (!buf_put_u8(out, '\''))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] == '\'' && !buf_put_u8(out, '\'')) || !buf_put_u8(out, (uint8_t)s.ptr[i]))
            return false;
    return buf_put_u8(out, '\'');
}

static bool print_literal(struct buf *out, const struct expr *e)
{
    const struct type *t = e->type;
    if (column_is_null(&e->value, 0)) {
        if (t->kind == TYPE_NULL)
            return put(out, "NULL");
        return put(out, "CAST(NULL AS ") && type_print(out, t) && put(out, ")");
    }
    if (type_is_text(t))
        return print_quoted(out, column_str(&e->value, 0));
    if (type_is_bytes(t)) {
        struct str s = column_str(&e->value, 0);
        if (!put(out, "X'"))
            return false;
        for (size_t i = 0; i < s.len; i++)
            if (!buf_printf(out, "%02X", (unsigned char)s.ptr[i]))
                return false;
        return put(out, "'");
    }
    const char *prefix = "", *suffix = "";
    switch (t->kind) {
    case TYPE_DATE:
        prefix = "DATE '";
        break;
    case TYPE_TIME:
        prefix = "TIME '";
        break;
    case TYPE_TIMESTAMP:
        prefix = "TIMESTAMP '";
        break;
    case TYPE_TIMESTAMP_LTZ:
        prefix = "TIMESTAMP_LTZ '";
        break;
    case TYPE_INTERVAL_DAY:
    case TYPE_INTERVAL_MONTH:
        prefix = "INTERVAL '";
        break;
    default:
        break;
    }
    if (prefix[0])
        suffix = "'";
    return put(out, prefix) && value_print(out, &e->value, 0, &zone_utc) && put(out, suffix);
}

static bool is_operator(const struct expr *e)
{
    if (e->kind == EXPR_AND || e->kind == EXPR_OR)
        return true;
    if (e->kind != EXPR_CALL || e->n_args == 0 || e->n_args > 3)
        return false;
    char c = e->function->name[0];
    return !(c >= 'A' && c <= 'Z') || str_starts(str_from(e->function->name), STR("IS ")) ||
           str_eq(str_from(e->function->name), STR("LIKE")) || str_eq(str_from(e->function->name), STR("NOT"));
}

static bool print_operand(struct buf *out, const struct expr *e, const struct schema *input)
{
    if (!is_operator(e))
        return expr_print(out, e, input);
    return put(out, "(") && expr_print(out, e, input) && put(out, ")");
}

static bool print_list(struct buf *out, const struct expr *e, const char *between, bool operands,
                       const struct schema *input)
{
    for (uint32_t i = 0; i < e->n_args; i++) {
        if (i && !put(out, between))
            return false;
        if (!(operands ? print_operand(out, e->args[i], input) : expr_print(out, e->args[i], input)))
            return false;
    }
    return true;
}

static bool print_call(struct buf *out, const struct expr *e, const struct schema *input)
{
    const char *name = e->function->name;
    if (is_operator(e)) {
        if (str_eq(str_from(name), STR("NOT")))
            return put(out, "NOT ") && print_operand(out, e->args[0], input);
        if (e->n_args == 1)
            return print_operand(out, e->args[0], input) && put(out, " ") && put(out, name);
        if (e->n_args == 2)
            return print_operand(out, e->args[0], input) && put(out, " ") && put(out, name) && put(out, " ") &&
                   print_operand(out, e->args[1], input);
    }
    if (str_eq(str_from(name), STR("NEGATE")))
        return put(out, "-") && print_operand(out, e->args[0], input);
    if (str_eq(str_from(name), STR("ITEM")))
        return print_operand(out, e->args[0], input) && put(out, "[") && expr_print(out, e->args[1], input) &&
               put(out, "]");
    return put(out, name) && put(out, "(") && print_list(out, e, ", ", false, input) && put(out, ")");
}

static bool print_case(struct buf *out, const struct expr *e, const struct schema *input)
{
    if (!put(out, "CASE"))
        return false;
    for (uint32_t i = 0; i + 1 < e->n_args; i += 2)
        if (!put(out, " WHEN ") || !expr_print(out, e->args[i], input) || !put(out, " THEN ") ||
            !expr_print(out, e->args[i + 1], input))
            return false;
    return put(out, " ELSE ") && expr_print(out, e->args[e->n_args - 1], input) && put(out, " END");
}

bool expr_print(struct buf *out, const struct expr *e, const struct schema *input)
{
    switch (e->kind) {
    case EXPR_COLUMN:
        if (input && e->column < input->n_fields)
            return buf_put(out, input->fields[e->column].name.ptr, input->fields[e->column].name.len);
        return buf_printf(out, "$%u", e->column);
    case EXPR_LITERAL:
        return print_literal(out, e);
    case EXPR_CALL:
        return print_call(out, e, input);
    case EXPR_CAST: {
        const struct type *t = e->type;
        struct type shown = *t;
        shown.nullable = true; /* nullability follows the argument */
        return put(out, e->is_try ? "TRY_CAST(" : "CAST(") && expr_print(out, e->args[0], input) && put(out, " AS ") &&
               type_print(out, &shown) && put(out, ")");
    }
    case EXPR_CASE:
        return print_case(out, e, input);
    case EXPR_AND:
        return print_list(out, e, " AND ", true, input);
    case EXPR_OR:
        return print_list(out, e, " OR ", true, input);
    case EXPR_FIELD: {
        struct str name = e->args[0]->type->fields[e->column].name;
        return print_operand(out, e->args[0], input) && put(out, ".") && buf_put(out, name.ptr, name.len);
    }
    }
    return false;
}

/* Function calls and row patterns. A call whose arguments hold words is printed with the syntax of its
 * function; a call without any, by commas, whatever its name. */
#include "syntax/parser.h"
#include "syntax/print.h"

static bool is_word(const struct syn_expr *e, const char *text)
{
    return e->kind == SYN_WORD && str_eq(e->text, str_from(text));
}

static bool named(const struct syn_expr *e, const char *name)
{
    return e->name.count == 1 && str_eq_nocase(e->name.parts[0], str_from(name));
}

/* JSON: a word takes a space on both sides; a value behind a value, and every KEY but the first, a comma. */
static bool print_json_args(struct buf *out, const struct syn_expr *e)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < e->n_args; i++) {
        const struct syn_expr *x = e->args[i], *before = i ? e->args[i - 1] : NULL;
        bool value = x->kind != SYN_WORD && x->kind != SYN_TYPE;
        bool comma = before && ((value && (before->kind != SYN_WORD || is_word(before, "JSON"))) || is_word(x, "KEY"));
        if (before)
            ok = put(out, comma ? ", " : " ");
        ok = ok && syn_print_expr(out, x);
    }
    return ok;
}

/* EXTRACT(w FROM x), TRIM(w [c] FROM x), FLOOR(x TO w), and the functions that take a unit first. */
static bool print_worded_args(struct buf *out, const struct syn_expr *e)
{
    struct syn_expr *const *a = e->args;
    if (named(e, "EXTRACT") && e->n_args == 2)
        return syn_print_expr(out, a[0]) && put(out, " FROM ") && syn_print_expr(out, a[1]);
    if (named(e, "TRIM") && e->n_args >= 2)
        return syn_print_expr(out, a[0]) && (e->n_args < 3 || (put(out, " ") && syn_print_expr(out, a[1]))) &&
               put(out, " FROM ") && syn_print_expr(out, a[e->n_args - 1]);
    if (e->n_args == 2 && a[1]->kind == SYN_WORD)
        return syn_print_expr(out, a[0]) && put(out, " TO ") && syn_print_expr(out, a[1]);
    if (a[0]->kind == SYN_WORD && (named(e, "TIMESTAMPADD") || named(e, "TIMESTAMPDIFF")))
        return print_exprs(out, a, e->n_args);
    return print_json_args(out, e);
}

static bool has_words(const struct syn_expr *e)
{
    for (uint32_t i = 0; i < e->n_args; i++)
        if (e->args[i]->kind == SYN_WORD || e->args[i]->kind == SYN_TYPE)
            return true;
    return false;
}

/* Would a function with its own syntax not take these arguments by commas? */
static bool needs_quotes(const struct syn_expr *e)
{
    if (!has_own_syntax(e->name.parts[0]) || (e->n_args == 0 && !e->star))
        return false;
    bool odd = e->distinct || e->star || named(e, "EXTRACT") || named(e, "JSON_OBJECT") || named(e, "JSON_OBJECTAGG") ||
               named(e, "TIMESTAMPADD") || named(e, "TIMESTAMPDIFF");
    for (uint32_t i = 0; i < e->n_args; i++) {
        enum syn_expr_kind kind = e->args[i]->kind;
        odd = odd || kind == SYN_NAMED_ARG || kind == SYN_TABLE_ARG || kind == SYN_MODEL_ARG ||
              kind == SYN_DESCRIPTOR || kind == SYN_DEFAULT;
    }
    return odd;
}

/* In backticks a name has no syntax of its own. */
static bool print_function_name(struct buf *out, const struct syn_expr *e, bool words)
{
    enum word w = e->name.count == 1 ? word_find(e->name.parts[0]) : NO_WORD;
    if (w == NO_WORD || !(word_flags(w) & CALL))
        return print_name(out, &e->name);
    if (!words && needs_quotes(e))
        return put(out, "`") && put_str(out, e->name.parts[0]) && put(out, "`");
    return put_str(out, e->name.parts[0]);
}

static bool print_args(struct buf *out, const struct syn_expr *e, bool words)
{
    if (e->star)
        return put(out, "*");
    if (words)
        return print_worded_args(out, e);
    if (named(e, "POSITION") && (e->n_args == 2 || e->n_args == 3) && !needs_quotes(e))
        return print_expr_level(out, e->args[0], LEVEL_BETWEEN + 1) && put(out, " IN ") &&
               syn_print_expr(out, e->args[1]) &&
               (e->n_args == 2 || (put(out, " FROM ") && syn_print_expr(out, e->args[2])));
    return print_exprs(out, e->args, e->n_args);
}

bool print_call(struct buf *out, const struct syn_expr *e)
{
    static const char *const semantics[] = { "", "RUNNING ", "FINAL " };
    static const char *const nulls[] = { "", " RESPECT NULLS", " IGNORE NULLS" };
    if (e->flag)
        return put_str(out, e->name.parts[0]);
    bool words = has_words(e);
    bool ok = put(out, semantics[e->semantics]) && print_function_name(out, e, words) && put(out, "(") &&
              put_if(out, e->distinct, "DISTINCT ") && print_args(out, e, words) && put(out, ")") &&
              put(out, nulls[e->nulls_treatment]);
    if (ok && e->n_within_group)
        ok = put(out, " WITHIN GROUP (ORDER BY ") && print_orders(out, e->within_group, e->n_within_group) &&
             put(out, ")");
    if (ok && e->filter)
        ok = put(out, " FILTER (WHERE ") && syn_print_expr(out, e->filter) && put(out, ")");
    return ok && (!e->over || (put(out, " OVER ") && print_over(out, e->over)));
}

/* ---- row patterns ---- */

static bool is_pattern(const struct syn_expr *e, const char *text)
{
    return str_eq(e->text, str_from(text));
}

static bool print_quantifier(struct buf *out, const struct syn_quantifier *q)
{
    bool ok;
    if (q->max < 0 && q->min <= 1)
        ok = put(out, q->min == 0 ? "*" : "+");
    else if (q->min == 0 && q->max == 1)
        ok = put(out, "?");
    else if (q->max < 0)
        ok = buf_printf(out, "{%d,}", q->min);
    else if (q->min == q->max)
        ok = buf_printf(out, "{%d}", q->min);
    else
        ok = buf_printf(out, "{%d,%d}", q->min, q->max);
    return ok && put_if(out, q->reluctant, "?");
}

/* Inside a sequence or under a quantifier, whatever is not one element takes parentheses. */
static bool print_element(struct buf *out, const struct syn_expr *e, bool quantified)
{
    bool wrap = is_pattern(e, "SEQ") || is_pattern(e, "ALT") || (quantified && is_pattern(e, "QUANT"));
    return put_if(out, wrap, "(") && print_pattern(out, e) && put_if(out, wrap, ")");
}

bool print_pattern(struct buf *out, const struct syn_expr *e)
{
    bool ok = true;
    if (is_pattern(e, "VAR"))
        return print_name(out, &e->name);
    if (is_pattern(e, "QUANT"))
        return print_element(out, e->args[0], true) && print_quantifier(out, &e->quant);
    if (is_pattern(e, "EXCLUDE"))
        return put(out, "{- ") && print_pattern(out, e->args[0]) && put(out, " -}");
    if (is_pattern(e, "PERMUTE")) {
        for (uint32_t i = 0; ok && i < e->n_args; i++)
            ok = put(out, i ? ", " : "PERMUTE(") && print_pattern(out, e->args[i]);
        return ok && put(out, ")");
    }
    if (is_pattern(e, "SEQ")) {
        for (uint32_t i = 0; ok && i < e->n_args; i++)
            ok = put_if(out, i > 0, " ") && print_element(out, e->args[i], false);
        return ok;
    }
    if (is_pattern(e, "ALT")) {
        for (uint32_t i = 0; ok && i < e->n_args; i++) {
            bool wrap = is_pattern(e->args[i], "ALT");
            ok = put_if(out, i > 0, " | ") && put_if(out, wrap, "(") && print_pattern(out, e->args[i]) &&
                 put_if(out, wrap, ")");
        }
        return ok;
    }
    return put_str(out, e->text); /* ^ and $ */
}

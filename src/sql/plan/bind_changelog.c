/* TO_CHANGELOG and FROM_CHANGELOG, Flink's process table functions between tables and streams of changes.
 *
 *     TO_CHANGELOG(input => TABLE t [PARTITION BY k], op => DESCRIPTOR(op), op_mapping => MAP['INSERT, UPDATE_AFTER', 'U', …],
 *                  produces_full_deletes => TRUE, include_op_column => TRUE)
 *     FROM_CHANGELOG(input => TABLE t [PARTITION BY k], op => DESCRIPTOR(op), op_mapping => MAP['c, r', 'INSERT', …],
 *                    error_handling => 'FAIL')
 *
 * The first side of a mapping's pair is a list with commas. TO_CHANGELOG leaves out what has no code. Which kinds
 * FROM_CHANGELOG gives is known from its mapping; one that has UPDATE_AFTER without UPDATE_BEFORE gives upserts by the
 * columns of PARTITION BY, which become a full changelog (NODE_NORMALIZE) as those of a source do. Columns of PARTITION BY
 * come first, then TO_CHANGELOG's codes, then the rest. */
#include "plan/private.h"

enum param { INPUT, OP, MAPPING, THIRD, FOURTH, UID, PARAMS };

static const struct str to_params[PARAMS] = { STR_INIT("input"), STR_INIT("op"), STR_INIT("op_mapping"),
                                              STR_INIT("produces_full_deletes"), STR_INIT("include_op_column"),
                                              STR_INIT("uid") };
static const struct str from_params[PARAMS - 1] = { STR_INIT("input"), STR_INIT("op"), STR_INIT("op_mapping"),
                                                    STR_INIT("error_handling"), STR_INIT("uid") };

static const struct str kind_names[] = { [ROW_INSERT] = STR_INIT("INSERT"),
                                         [ROW_UPDATE_BEFORE] = STR_INIT("UPDATE_BEFORE"),
                                         [ROW_UPDATE_AFTER] = STR_INIT("UPDATE_AFTER"),
                                         [ROW_DELETE] = STR_INIT("DELETE") };
#define KINDS 4u
#define MAX_CODES 1000u

struct call {
    struct binder *b;
    const struct syn_expr *at;
    bool to;
    const struct syn_expr *args[PARAMS];
    struct rel *in;
    uint32_t *keys; /* of PARTITION BY */
    uint32_t n_keys;
    struct str op; /* the column of codes */
    ARRAY(struct changelog_code) codes;
};

static const char *name_of_call(const struct call *c) { return c->to ? "TO_CHANGELOG" : "FROM_CHANGELOG"; }

/* ---- constants among the arguments ---- */

static enum status constant(struct call *c, const struct syn_expr *e, const struct expr **ret)
{
    struct place p = { .clause = "a changelog function's arguments" };
    const struct expr *x;
    TRY(bind_expr(c->b, &p, e, &x));
    TRY_AT(c->b, e, expr_fold(&c->b->exprs, x, ret, c->b->err));
    return ST_OK;
}

static enum status take_flag(struct call *c, enum param which, bool otherwise, bool *ret)
{
    const struct syn_expr *e = c->args[which];
    const struct expr *x;
    *ret = otherwise;
    if (!e)
        return ST_OK;
    TRY(constant(c, e, &x));
    if (x->kind != EXPR_LITERAL || x->type->kind != TYPE_BOOLEAN || column_is_null(&x->value, 0))
        return error_at(c->b->err, ST_SEMANTIC, e->line, e->column, "%.*s must be TRUE or FALSE",
                        STR_ARG(to_params[which]));
    *ret = x->value.b[0];
    return ST_OK;
}

static enum status take_text(struct call *c, const struct syn_expr *e, const char *what, struct str *ret)
{
    const struct expr *x;
    TRY(constant(c, e, &x));
    if (x->kind != EXPR_LITERAL || !type_is_text(x->type) || column_is_null(&x->value, 0))
        return error_at(c->b->err, ST_SEMANTIC, e->line, e->column, "%s must be a constant text", what);
    *ret = column_str(&x->value, 0);
    return ST_OK;
}

/* ---- op_mapping ---- */

static bool kind_from(struct str name, uint8_t *ret)
{
    for (uint8_t k = 0; k < KINDS; k++)
        if (str_eq(name, kind_names[k])) {
            *ret = k;
            return true;
        }
    return false;
}

static bool has_kind(const struct call *c, uint8_t kind)
{
    for (uint32_t i = 0; i < c->codes.count; i++)
        if (c->codes.at[i].kind == kind)
            return true;
    return false;
}

static enum status add_code(struct call *c, struct str text, uint8_t kind)
{
    if (c->codes.count >= MAX_CODES)
        return error_at(c->b->err, ST_LIMIT, c->at->line, c->at->column, "op_mapping: more than %u codes", MAX_CODES);
    struct changelog_code *code = array_add(&c->codes, c->b->arena);
    TRY_MEM(c->b, code);
    *code = (struct changelog_code){ arena_str(c->b->arena, text), kind };
    TRY_MEM(c->b, code->text.ptr);
    return ST_OK;
}

static enum status unknown_kind(struct call *c, struct str name)
{
    const struct syn_expr *e = c->args[MAPPING];
    enum status st = error_at(c->b->err, ST_SEMANTIC, e->line, e->column,
                              "Invalid target mapping for argument 'op_mapping'. Unknown change operation: '%.*s'",
                              STR_ARG(name));
    error_hint(c->b->err, "INSERT, UPDATE_BEFORE, UPDATE_AFTER or DELETE");
    return st;
}

static enum status twice(struct call *c, struct str what)
{
    const struct syn_expr *e = c->args[MAPPING];
    return error_at(c->b->err, ST_SEMANTIC, e->line, e->column, "op_mapping has '%.*s' twice", STR_ARG(what));
}

/* TO: kinds to one code. FROM: codes to one kind, which no other pair may have. */
static enum status take_pair(struct call *c, struct str list, struct str value)
{
    uint8_t kind = 0;
    if (!c->to && !kind_from(str_trim(value), &kind))
        return unknown_kind(c, str_trim(value));
    if (!c->to && has_kind(c, kind))
        return twice(c, kind_names[kind]);
    for (struct str rest = list; rest.ptr;) {
        struct str one = str_trim(str_split(&rest, ','));
        if (c->to && !kind_from(one, &kind))
            return unknown_kind(c, one);
        if (c->to && has_kind(c, kind))
            return twice(c, one);
        for (uint32_t i = 0; !c->to && i < c->codes.count; i++)
            if (str_eq(c->codes.at[i].text, one))
                return twice(c, one);
        TRY(add_code(c, c->to ? value : one, kind));
    }
    return ST_OK;
}

static enum status take_mapping(struct call *c)
{
    const struct syn_expr *e = c->args[MAPPING];
    const struct expr *x;
    for (uint8_t k = 0; !e && k < KINDS; k++)
        TRY(add_code(c, kind_names[k], k));
    if (!e)
        return ST_OK;
    TRY(constant(c, e, &x));
    bool good = x->kind == EXPR_LITERAL && x->type->kind == TYPE_MAP && type_is_text(x->type->key) &&
                type_is_text(x->type->element) && !column_is_null(&x->value, 0);
    struct listview v = good ? x->value.list[0] : (struct listview){ 0 };
    for (uint32_t i = v.offset; i < v.offset + v.len; i++)
        good = good && !column_is_null(&x->value.children[0], i) && !column_is_null(&x->value.children[1], i);
    if (!good)
        return error_at(c->b->err, ST_SEMANTIC, e->line, e->column,
                        "The 'op_mapping' argument must be a constant MAP literal of texts");
    for (uint32_t i = v.offset; i < v.offset + v.len; i++)
        TRY(take_pair(c, column_str(&x->value.children[0], i), column_str(&x->value.children[1], i)));
    return ST_OK;
}

/* ---- the input ---- */

static enum status take_op(struct call *c)
{
    const struct syn_expr *e = c->args[OP];
    c->op = STR("op");
    if (!e)
        return ST_OK;
    if (e->kind != SYN_DESCRIPTOR || e->n_args != 1 || e->args[0]->name.count != 1)
        return error_at(c->b->err, ST_SEMANTIC, e->line, e->column,
                        "The descriptor for argument 'op' must contain exactly one column name.");
    c->op = arena_str(c->b->arena, e->args[0]->name.parts[0]);
    TRY_MEM(c->b, c->op.ptr);
    return ST_OK;
}

static bool is_key(const struct call *c, uint32_t column)
{
    for (uint32_t i = 0; i < c->n_keys; i++)
        if (c->keys[i] == column)
            return true;
    return false;
}

static enum status take_keys(struct call *c, const struct syn_expr *table)
{
    struct scope s;
    TRY(scope_of(c->b, c->in, (struct str){ 0 }, &s));
    struct place p = { .scope = &s, .clause = "PARTITION BY" };
    c->keys = ARENA_ARRAY(c->b->arena, uint32_t, table->n_partition + 1);
    TRY_MEM(c->b, c->keys);
    for (uint32_t i = 0; i < table->n_partition; i++) {
        const struct expr *x;
        const struct syn_expr *e = table->partition[i];
        TRY(bind_expr(c->b, &p, e, &x));
        if (x->kind != EXPR_COLUMN)
            return error_at(c->b->err, ST_SEMANTIC, e->line, e->column, "PARTITION BY takes columns of the table here");
        if (!is_key(c, x->column))
            c->keys[c->n_keys++] = x->column;
    }
    return ST_OK;
}

static enum status take_input(struct call *c, const struct cte_frame *ctes)
{
    const struct syn_expr *e = c->args[INPUT];
    TRY(bind_table_arg(c->b, ctes, e, "a changelog function", &c->in));
    if (e->kind != SYN_TABLE_ARG)
        return ST_OK;
    if (e->n_order)
        return refuse(c->b, F_WINDOW_PARTITION, e->line, e->column);
    return take_keys(c, e);
}

/* The keys, then the codes (NONE: not wanted), then the other columns but `without`. */
static enum status arrange(struct call *c, struct rel *r, uint32_t codes, uint32_t without, struct rel **ret)
{
    uint32_t n = 0, *columns = ARENA_ARRAY(c->b->arena, uint32_t, r->schema.n_fields + c->n_keys + 1);
    TRY_MEM(c->b, columns);
    for (uint32_t i = 0; i < c->n_keys; i++)
        columns[n++] = c->keys[i];
    if (codes != NONE)
        columns[n++] = codes;
    for (uint32_t i = 0; i < c->in->schema.n_fields; i++)
        if (i != without && !is_key(c, i))
            columns[n++] = i;
    return rel_project(c->b, r, columns, n, ret);
}

static enum status new_rel(struct call *c, bool codes, struct rel **ret)
{
    uint32_t n = c->in->schema.n_fields;
    struct rel *r = rel_new(c->b, REL_CHANGELOG, 1, n + codes);
    TRY_MEM(c->b, r);
    struct field *fields = (struct field *)(uintptr_t)r->schema.fields;
    if (n)
        memcpy(fields, c->in->schema.fields, n * sizeof *fields);
    if (codes)
        fields[n] = (struct field){ c->op, type_string() };
    r->inputs[0] = c->in;
    r->bounded = c->in->bounded;
    r->tags = NULL;
    r->changelog.to = c->to;
    r->changelog.spec.codes = c->codes.at;
    r->changelog.spec.n_codes = c->codes.count;
    r->changelog.line = c->at->line;
    r->changelog.column = c->at->column;
    *ret = r;
    return ST_OK;
}

/* ---- the two ---- */

static enum status bind_to(struct call *c, struct rel **ret)
{
    bool full, with_codes;
    struct rel *r;
    TRY(take_flag(c, THIRD, true, &full));
    TRY(take_flag(c, FOURTH, true, &with_codes));
    if (!full)
        return refuse(c->b, F_PARTIAL_DELETES, c->args[THIRD]->line, c->args[THIRD]->column);
    if (with_codes && schema_find(&c->in->schema, c->op) >= 0) {
        error_at(c->b->err, ST_SEMANTIC, c->at->line, c->at->column, "TO_CHANGELOG: the input has a column '%.*s' already",
                 STR_ARG(c->op));
        error_hint(c->b->err, "name that of the codes with op => DESCRIPTOR(other_name)");
        return ST_SEMANTIC;
    }
    TRY(new_rel(c, true, &r));
    return arrange(c, r, with_codes ? c->in->schema.n_fields : NONE, NONE, ret);
}

static enum status bind_from_codes(struct call *c, struct rel **ret)
{
    struct str handling = STR("FAIL");
    if (c->args[THIRD])
        TRY(take_text(c, c->args[THIRD], "error_handling", &handling));
    bool skip = str_eq(handling, STR("SKIP"));
    if (!skip && !str_eq(handling, STR("FAIL")))
        return error_at(c->b->err, ST_SEMANTIC, c->args[THIRD]->line, c->args[THIRD]->column,
                        "Invalid value for argument 'error_handling': '%.*s'. Valid values are: FAIL, SKIP.",
                        STR_ARG(handling));
    int32_t op = schema_find(&c->in->schema, c->op);
    if (op < 0)
        return error_at(c->b->err, ST_SEMANTIC, c->at->line, c->at->column,
                        "The op column '%.*s' does not exist in the input schema.", STR_ARG(c->op));
    const struct type *t = c->in->schema.fields[op].type;
    if (!type_is_text(t))
        return error_at(c->b->err, ST_SEMANTIC, c->at->line, c->at->column,
                        "The op column '%.*s' must be of STRING type, but was '%.*s'.", STR_ARG(c->op),
                        STR_ARG(type_name(c->b->arena, t)));
    if (is_key(c, (uint32_t)op))
        return error_at(c->b->err, ST_SEMANTIC, c->at->line, c->at->column,
                        "FROM_CHANGELOG: PARTITION BY the op column '%.*s'", STR_ARG(c->op));
    bool upserts = has_kind(c, ROW_UPDATE_AFTER) && !has_kind(c, ROW_UPDATE_BEFORE);
    if (upserts && c->n_keys == 0) {
        error_at(c->b->err, ST_SEMANTIC, c->at->line, c->at->column,
                 "an op_mapping with UPDATE_AFTER and without UPDATE_BEFORE gives upserts, which need a key");
        error_hint(c->b->err, "input => TABLE t PARTITION BY key");
        return ST_SEMANTIC;
    }
    struct rel *r;
    TRY(new_rel(c, false, &r));
    r->changelog.spec.op = (uint32_t)op;
    r->changelog.spec.skip = skip;
    r->changelog.spec.keys = c->keys;
    r->changelog.spec.n_keys = upserts ? c->n_keys : 0;
    return arrange(c, r, NONE, (uint32_t)op, ret);
}

enum status bind_changelog(struct binder *b, const struct cte_frame *ctes, const struct syn_expr *call, struct rel **ret)
{
    struct call c = { .b = b, .at = call };
    struct str uid;
    c.to = str_eq_nocase(call->name.parts[call->name.count - 1], STR("TO_CHANGELOG"));
    TRY(bind_table_args(b, name_of_call(&c), c.to ? to_params : from_params, c.to ? PARAMS : PARAMS - 1, call, c.args));
    if (!c.args[INPUT])
        return error_at(b->err, ST_SEMANTIC, call->line, call->column, "%s: input is missing", name_of_call(&c));
    if (c.args[c.to ? UID : FOURTH]) /* names state, of which there is none */
        TRY(take_text(&c, c.args[c.to ? UID : FOURTH], "uid", &uid));
    TRY(take_input(&c, ctes));
    TRY(take_op(&c));
    TRY(take_mapping(&c));
    return c.to ? bind_to(&c, ret) : bind_from_codes(&c, ret);
}
